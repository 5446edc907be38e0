//! Okta: a custom application, which replaces whole users, and a catalogue application, which patches them.

use serde_json::{Value, json};

use crate::actors::World;
use crate::both_engines;
use crate::routes::scim_groups::members;
use crate::routes::scim_users::{made, patch, scim};

const BASE: &str = "/gateway/ng/api/scim/account/acme";

fn new_user() -> Value {
    json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "test.user@okta.local",
        "name": {"givenName": "Test", "familyName": "User"}, "emails": [{"primary": true, "value": "test.user@okta.local", "type": "work"}],
        "displayName": "Test User", "locale": "en-US", "externalId": "00ujl29u0le5T6Aj10h7", "groups": [], "password": "1mz050nq", "active": true
    })
}

both_engines! {
    async fn saving_the_connection_lists_both(world: World) {
        let scim = scim(&world);
        for path in ["Users?startIndex=1&count=2", "Groups?startIndex=1&count=100"] {
            let answer = scim.get(&format!("{BASE}/{path}")).await.expect(200);
            assert_eq!(answer.json["startIndex"], 1);
            assert!(answer.json["Resources"].is_array());
        }
    }

    async fn a_custom_application_reads_and_replaces(world: World) {
        let scim = scim(&world);
        let query = "Users?filter=userName%20eq%20%22test.user%40okta.local%22&startIndex=1&count=100";
        assert_eq!(scim.get(&format!("{BASE}/{query}")).await.expect(200).json["totalResults"], 0);
        let made = scim.post(&format!("{BASE}/Users"), new_user()).await.expect(201);
        assert!(!made.text.contains("1mz050nq"));
        let path = format!("{BASE}/Users/{}", made.json["id"].as_str().unwrap());
        let mut user = scim.get(&path).await.expect(200).json;
        user["name"]["familyName"] = json!("Changed");
        user["groups"] = json!([]);
        assert_eq!(scim.put(&path, user.clone()).await.expect(200).json["name"]["familyName"], "Changed");
        user["active"] = json!(false);
        assert_eq!(scim.put(&path, user.clone()).await.expect(200).json["active"], false);
        let found = scim.get(&format!("{BASE}/{query}")).await.expect(200);
        assert_eq!((&found.json["totalResults"], &found.json["Resources"][0]["active"]), (&json!(1), &json!(false)));
        user["active"] = json!(true);
        assert_eq!(scim.put(&path, user).await.expect(200).json["active"], true);
    }

    async fn a_catalogue_application_patches_without_path(world: World) {
        let scim = scim(&world);
        let made = scim.post(&format!("{BASE}/Users"), new_user()).await.expect(201);
        let path = format!("{BASE}/Users/{}", made.json["id"].as_str().unwrap());
        for active in [false, true] {
            let turn = patch(json!([{"op": "replace", "value": {"active": active}}]));
            assert_eq!(scim.patch(&path, turn).await.expect(200).json["active"], active);
        }
    }

    async fn groups_are_pushed_renamed_and_refilled(world: World) {
        let scim = scim(&world);
        let (ada, bob) = (made(&scim, "ada").await, made(&scim, "bob").await);
        let body = json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "displayName": "Test SCIMv2",
            "members": [{"value": ada, "display": "ada@okta.local"}]
        });
        let group = scim.post(&format!("{BASE}/Groups"), body).await.expect(201).json;
        let id = group["id"].as_str().unwrap();
        let path = format!("{BASE}/Groups/{id}");
        let rename = patch(json!([{"op": "replace", "value": {"id": id, "displayName": "Test SCIMv0"}}]));
        assert_eq!(scim.patch(&path, rename).await.expect(200).json["displayName"], "Test SCIMv0");
        let change = patch(json!([
            {"op": "remove", "path": format!("members[value eq \"{ada}\"]")},
            {"op": "add", "path": "members", "value": [{"value": bob, "display": "bob@okta.local"}]}
        ]));
        scim.patch(&path, change).await.expect(200);
        assert_eq!(members(&scim, id).await, [bob]);
        let full = patch(json!([{"op": "replace", "path": "members", "value": [{"value": ada, "display": "ada@okta.local"}]}]));
        scim.patch(&path, full).await.expect(200);
        assert_eq!(members(&scim, id).await, [ada]);
        scim.delete(&path).await.expect(204);
    }

    async fn imports_read_every_user_once(world: World) {
        let scim = scim(&world);
        for n in 0..7 {
            made(&scim, &format!("user{n}")).await;
        }
        let mut seen = std::collections::BTreeSet::new();
        for start in [1, 4, 7] {
            let page = scim.get(&format!("{BASE}/Users?startIndex={start}&count=3")).await.expect(200);
            assert_eq!(page.json["totalResults"], 8);
            seen.extend(page.json["Resources"].as_array().unwrap().iter().map(|user| user["id"].to_string()));
        }
        assert_eq!(seen.len(), 8);
    }
}
