//! `OneLogin`, `JumpCloud`, Google, authentik, Rauthy: what each sends from its connection test to the end of
//! a user.

use serde_json::{Value, json};

use crate::actors::{Client, World};
use crate::both_engines;
use crate::routes::scim_groups::members;
use crate::routes::scim_users::{made, patch, scim};

const BASE: &str = "/ng/api/scim/account/acme";
const USER_URN: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
const GROUP_URN: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";

/// How many the list of that query holds, and the first of them.
async fn found(client: &Client, query: &str) -> (u64, Value) {
    let answer = client.get(&format!("{BASE}/{query}")).await.expect(200).json;
    (answer["totalResults"].as_u64().expect("a total"), answer["Resources"][0].clone())
}

/// Sends a POST; answers the resource and its path.
async fn posted(client: &Client, list: &str, body: Value) -> (Value, String) {
    let made = client.post(&format!("{BASE}/{list}"), body).await.expect(201).json;
    let path = format!("{BASE}/{list}/{}", made["id"].as_str().expect("an id"));
    (made, path)
}

both_engines! {
    async fn onelogin_sends_urns_of_scim_1_and_replaces(world: World) {
        let scim = scim(&world);
        assert_eq!(found(&scim, "Users?filter=userName%20eq%20%22one%40login.example%22").await.0, 0);
        let body = json!({
            "schemas": ["urn:scim:schemas:core:1.0", "urn:scim:schemas:extension:enterprise:1.0"], "userName": "one@login.example",
            "externalId": "91", "name": {"givenName": "One", "familyName": "Login"}, "active": true,
            "emails": [{"value": "one@login.example", "type": "work", "primary": true}],
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {"department": "D"}
        });
        let (user, path) = posted(&scim, "Users", body.clone()).await;
        assert_eq!(user["schemas"][0], USER_URN);
        let (count, same) = found(&scim, "Users?filter=userName%20eq%20%22one%40login.example%22").await;
        assert_eq!((count, &same["id"]), (1, &user["id"]));
        let mut body = body;
        body["name"]["givenName"] = json!("Uno");
        assert_eq!(scim.put(&path, body.clone()).await.expect(200).json["name"]["givenName"], "Uno");
        let (group, at) = posted(&scim, "Groups", json!({"schemas": ["urn:scim:schemas:core:1.0"], "displayName": "Sales"})).await;
        let add = patch(json!([{"op": "add", "path": "members", "value": [{"value": user["id"]}]}]));
        scim.patch(&at, add).await.expect(200);
        assert_eq!(members(&scim, group["id"].as_str().unwrap()).await, [user["id"].as_str().unwrap()]);
        body["active"] = json!(false);
        assert_eq!(scim.put(&path, body).await.expect(200).json["active"], false);
        scim.delete(&path).await.expect(204);
    }

    async fn jumpcloud_patches_groups_with_lists(world: World) {
        let scim = scim(&world);
        found(&scim, "Users?count=1&startIndex=1").await;
        let (ada, bob) = (made(&scim, "ada").await, made(&scim, "bob").await);
        let (count, user) = found(&scim, "Users?filter=userName%20eq%20%22ada%22&startIndex=1&count=100").await;
        assert_eq!((count, &user["id"]), (1, &json!(ada)));
        let mut body = user;
        body["displayName"] = json!("Ada L.");
        assert_eq!(scim.put(&format!("{BASE}/Users/{ada}"), body).await.expect(200).json["displayName"], "Ada L.");
        assert_eq!(found(&scim, "Groups?filter=displayName%20eq%20%22Team%22").await.0, 0);
        let (group, path) = posted(&scim, "Groups", json!({"schemas": [GROUP_URN], "displayName": "Team", "members": []})).await;
        let id = group["id"].as_str().unwrap();
        scim.patch(&path, patch(json!([{"op": "add", "path": "members", "value": [{"value": ada}, {"value": bob}]}]))).await.expect(200);
        assert_eq!(members(&scim, id).await.len(), 2);
        scim.patch(&path, patch(json!([{"op": "remove", "path": "members", "value": [{"value": ada}]}]))).await.expect(200);
        assert_eq!(members(&scim, id).await, [bob]);
        scim.put(&path, json!({"schemas": [GROUP_URN], "displayName": "Crew", "members": [{"value": ada}]})).await.expect(200);
        assert_eq!(members(&scim, id).await, std::slice::from_ref(&ada));
        let off = patch(json!([{"op": "replace", "path": "active", "value": false}]));
        assert_eq!(scim.patch(&format!("{BASE}/Users/{ada}"), off).await.expect(200).json["active"], false);
        scim.delete(&path).await.expect(204);
    }

    async fn google_counts_to_one_then_provisions(world: World) {
        let scim = scim(&world);
        let page = scim.get(&format!("{BASE}/Users?count=1")).await.expect(200).json;
        assert_eq!((&page["itemsPerPage"], &page["totalResults"]), (&json!(1), &json!(1)));
        assert_eq!(found(&scim, "Users?filter=userName%20eq%20%22g%40acme.example%22").await.0, 0);
        let body = json!({
            "schemas": [USER_URN, "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"], "userName": "g@acme.example", "active": true,
            "name": {"givenName": "G", "familyName": "Oogle", "formatted": "G Oogle"}, "emails": [{"value": "g@acme.example", "type": "work", "primary": true}],
            "phoneNumbers": [], "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {"department": null, "manager": {}}
        });
        let (user, path) = posted(&scim, "Users", body.clone()).await;
        assert_eq!(user["schemas"], json!([USER_URN]));
        let mut body = body;
        body["title"] = json!("Engineer");
        assert_eq!(scim.put(&path, body).await.expect(200).json["title"], "Engineer");
        let off = patch(json!([{"op": "replace", "value": {"active": false}}]));
        assert_eq!(scim.patch(&path, off).await.expect(200).json["active"], false);
        scim.delete(&path).await.expect(204);
        assert_eq!(found(&scim, "Users?filter=userName%20eq%20%22g%40acme.example%22").await.0, 0);
    }

    async fn authentik_reads_the_configuration_first(world: World) {
        let scim = scim(&world);
        let config = scim.get(&format!("{BASE}/ServiceProviderConfig")).await.expect(200).json;
        for member in ["supported", "maxOperations", "maxPayloadSize"] {
            assert!(config["bulk"].get(member).is_some(), "bulk.{member}");
        }
        for feature in ["patch", "filter", "sort", "etag"] {
            assert_eq!(config[feature]["supported"], true, "{feature}");
        }
        let body = json!({
            "schemas": [USER_URN], "externalId": "8f5b3a", "userName": "akadmin", "displayName": "authentik Default Admin", "active": true,
            "name": {"formatted": "authentik Default Admin", "givenName": "authentik", "familyName": "Default Admin"},
            "emails": [{"value": "root@acme.example", "type": "other", "primary": true}], "photos": [{"value": "https://acme.example/a.png", "type": "photo"}],
            "locale": "en", "meta": null, "id": null
        });
        let (user, path) = posted(&scim, "Users", body.clone()).await;
        assert!(scim.post(&format!("{BASE}/Users"), body.clone()).await.expect(409).json["scimType"] == "uniqueness");
        assert_eq!(found(&scim, "Users?filter=userName%20eq%20%22akadmin%22").await.1["id"], user["id"]);
        let mut body = body;
        (body["id"], body["active"]) = (user["id"].clone(), json!(false));
        assert_eq!(scim.put(&path, body).await.expect(200).json["active"], false);
        let (group, at) = posted(&scim, "Groups", json!({"schemas": [GROUP_URN], "externalId": "g1", "displayName": "authentik Admins"})).await;
        let id = group["id"].as_str().unwrap();
        let join = patch(json!([{"op": "add", "path": "members", "value": [{"value": user["id"]}]}]));
        scim.patch(&at, join).await.expect(200);
        assert_eq!(members(&scim, id).await.len(), 1);
        let rename = patch(json!([{"op": "replace", "value": {"id": id, "displayName": "Admins", "externalId": "g1"}}]));
        assert_eq!(scim.patch(&at, rename).await.expect(200).json["displayName"], "Admins");
        let leave = patch(json!([{"op": "remove", "path": "members", "value": [{"value": user["id"]}]}]));
        scim.patch(&at, leave).await.expect(200);
        assert!(members(&scim, id).await.is_empty());
        scim.delete(&at).await.expect(204);
        scim.delete(&path).await.expect(204);
    }

    async fn rauthy_finds_by_external_id_then_by_name(world: World) {
        let scim = scim(&world);
        for query in ["Users?filter=externalId%20eq%20%22r1%22", "Users?filter=userName%20eq%20%22rau%40acme.example%22", "Groups?filter=displayName%20eq%20%22Crew%22"] {
            assert_eq!(found(&scim, query).await.0, 0);
        }
        let body = json!({
            "schemas": [USER_URN], "externalId": "r1", "userName": "rau@acme.example", "name": {"familyName": "Thy", "givenName": "Rau"},
            "displayName": "Rau Thy", "active": true, "emails": [{"value": "rau@acme.example", "primary": true}], "preferredLanguage": "en"
        });
        let (user, path) = posted(&scim, "Users", body.clone()).await;
        assert_eq!(found(&scim, "Users?filter=externalId%20eq%20%22r1%22").await.1["id"], user["id"]);
        assert_eq!(found(&scim, "Users?filter=userName%20eq%20%22RAU%40acme.example%22").await.1["id"], user["id"]);
        let mut body = body;
        body["displayName"] = json!("Rau T.");
        assert_eq!(scim.put(&path, body).await.expect(200).json["displayName"], "Rau T.");
        let (group, at) = posted(&scim, "Groups", json!({"schemas": [GROUP_URN], "externalId": "rg1", "displayName": "Crew", "members": []})).await;
        assert_eq!(found(&scim, "Groups?filter=externalId%20eq%20%22rg1%22").await.1["id"], group["id"]);
        assert_eq!(found(&scim, "Groups?filter=displayName%20eq%20%22Crew%22").await.1["id"], group["id"]);
        let id = group["id"].as_str().unwrap();
        let join = patch(json!([{"op": "add", "path": "members", "value": [{"value": user["id"], "display": "rau@acme.example"}]}]));
        scim.patch(&at, join).await.expect(200);
        let leave = patch(json!([{"op": "remove", "path": format!("members[value eq \"{}\"]", user["id"].as_str().unwrap())}]));
        scim.patch(&at, leave).await.expect(200);
        assert!(members(&scim, id).await.is_empty());
        let rename = patch(json!([{"op": "replace", "path": "displayName", "value": "Band"}, {"op": "replace", "path": "externalId", "value": "rg2"}]));
        assert_eq!(scim.patch(&at, rename).await.expect(200).json["displayName"], "Band");
        scim.delete(&path).await.expect(204);
    }
}
