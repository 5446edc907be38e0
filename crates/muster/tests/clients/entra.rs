//! Microsoft Entra ID, with and without the flag `aadOptscim062020` on its base URL.

use serde_json::{Value, json};

use crate::actors::{Client, World};
use crate::both_engines;
use crate::routes::scim_groups::members;
use crate::routes::scim_users::{made, patch, scim};

const BASE: &str = "/gateway/ng/api/scim/account/acme";
const USER_URN: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

fn new_user() -> Value {
    json!({
        "schemas": [USER_URN, ENTERPRISE], "externalId": "0a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef", "userName": "Test_User_ab6490ee",
        "active": true, "displayName": "Test User", "emails": [{"primary": true, "type": "work", "value": "ab6490ee@testuser.com"}],
        "meta": {"resourceType": "User"}, "name": {"formatted": "Test User", "familyName": "User", "givenName": "Test"}, "roles": []
    })
}

async fn only(client: &Client, path: &str) -> Value {
    let answer = client.get(path).await.expect(200);
    assert_eq!(answer.json["totalResults"], 1, "{path}: {}", answer.text);
    answer.json["Resources"][0].clone()
}

both_engines! {
    async fn the_connection_test_finds_nobody(world: World) {
        let query = "Users?filter=userName+eq+%2246b8a5ee-6a0d-4e10-9bd4-08b4ba0a5a7e%22";
        let answer = scim(&world).get(&format!("{BASE}/{query}")).await.expect(200);
        assert_eq!((&answer.json["totalResults"], &answer.json["Resources"]), (&json!(0), &json!([])));
    }

    async fn a_user_is_matched_created_and_updated_without_the_flag(world: World) {
        let scim = scim(&world);
        let made = scim.post(&format!("{BASE}/Users"), new_user()).await.expect(201);
        let path = format!("{BASE}/Users/{}", made.json["id"].as_str().unwrap());
        for filter in [
            "userName+eq+%22test_user_AB6490EE%22", "externalId+eq+%220a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef%22",
            "emails%5Btype+eq+%22work%22%5D.value+eq+%22ab6490ee%40testuser.com%22",
        ] {
            assert_eq!(only(&scim, &format!("{BASE}/Users?filter={filter}")).await["id"], made.json["id"]);
        }
        let update = patch(json!([
            {"op": "Replace", "path": "emails[type eq \"work\"].value", "value": "updated@testuser.com"},
            {"op": "Replace", "path": "name.familyName", "value": "Updated"},
            {"op": "Add", "path": format!("{ENTERPRISE}:department"), "value": "R&D"},
            {"op": "Add", "path": format!("{ENTERPRISE}:manager"), "value": "8b8f0f3c-manager"},
            {"op": "Add", "path": "phoneNumbers[type eq \"mobile\"].value", "value": "+1 555"},
            {"op": "Add", "path": "addresses[type eq \"work\"].country", "value": "DE"}
        ]));
        let user = scim.patch(&path, update).await.expect(200).json;
        assert_eq!(user["emails"], json!([{"primary": true, "type": "work", "value": "updated@testuser.com"}]));
        assert_eq!(user["name"]["familyName"], "Updated");
        assert_eq!((&user[ENTERPRISE]["department"], &user[ENTERPRISE]["manager"]["value"]), (&json!("R&D"), &json!("8b8f0f3c-manager")));
        assert_eq!(user["phoneNumbers"], json!([{"type": "mobile", "value": "+1 555"}]));
        assert_eq!(user["addresses"][0]["country"], "DE");
        assert_eq!(user["schemas"], json!([USER_URN, ENTERPRISE]));
        let off = patch(json!([{"op": "Replace", "path": "active", "value": "False"}]));
        assert_eq!(scim.patch(&path, off).await.expect(200).json["active"], false);
        let cleared = patch(json!([{"op": "Remove", "path": format!("{ENTERPRISE}:manager")}, {"op": "Replace", "path": "displayName", "value": ""}]));
        let user = scim.patch(&path, cleared).await.expect(200).json;
        assert_eq!((user.get("displayName"), user[ENTERPRISE].get("manager")), (None, None));
        scim.delete(&path).await.expect(204);
        scim.get(&path).await.expect(404);
    }

    async fn a_user_is_updated_with_the_flag(world: World) {
        let scim = scim(&world);
        let made = scim.post(&format!("{BASE}/Users"), new_user()).await.expect(201);
        let path = format!("{BASE}/Users/{}?aadOptscim062020", made.json["id"].as_str().unwrap());
        let update = patch(json!([{"op": "replace", "value": {
            "displayName": "Newer", "name.givenName": "New", "emails[type eq \"work\"].value": "new@testuser.com",
            (format!("{ENTERPRISE}:department")): "Ops", "active": false
        }}]));
        let user = scim.patch(&path, update).await.expect(200).json;
        assert_eq!((&user["displayName"], &user["name"]["givenName"]), (&json!("Newer"), &json!("New")));
        assert_eq!((&user["emails"][0]["value"], &user["emails"][0]["type"]), (&json!("new@testuser.com"), &json!("work")));
        assert_eq!((&user[ENTERPRISE]["department"], &user["active"]), (&json!("Ops"), &json!(false)));
    }

    async fn a_group_is_made_checked_and_filled(world: World) {
        let scim = scim(&world);
        let (ada, bob) = (made(&scim, "ada").await, made(&scim, "bob").await);
        let foreign = "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group";
        let body = json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group", foreign], "externalId": "8aa1a0c0-c4c3-4bc0-b4a5-2ef676900159",
            "displayName": "Group1DisplayName", "meta": {"resourceType": "Group"}
        });
        let group = scim.post(&format!("{BASE}/Groups"), body).await.expect(201).json;
        assert_eq!(group["schemas"], json!(["urn:ietf:params:scim:schemas:core:2.0:Group"]));
        let id = group["id"].as_str().unwrap();
        let path = format!("{BASE}/Groups/{id}");
        only(&scim, &format!("{BASE}/Groups?excludedAttributes=members&filter=displayName+eq+%22group1displayname%22")).await;
        let add = patch(json!([{"op": "Add", "path": "members", "value": [{"$ref": null, "value": ada}, {"$ref": null, "value": bob}]}]));
        scim.patch(&path, add).await.expect(200);
        let slim = scim.get(&format!("{path}?excludedAttributes=members")).await.expect(200);
        assert_eq!(slim.json.get("members"), None);
        let check = format!("{BASE}/Groups?filter=id+eq+%22{id}%22+and+members+eq+%22{ada}%22&attributes=id");
        assert_eq!(only(&scim, &check).await["id"], group["id"]);
        let remove = patch(json!([{"op": "Remove", "path": "members", "value": [{"$ref": null, "value": ada}]}]));
        scim.patch(&path, remove).await.expect(200);
        assert_eq!(scim.get(&check).await.expect(200).json["totalResults"], 0);
        let flagged = patch(json!([{"op": "remove", "path": format!("members[value eq \"{bob}\"]")}]));
        scim.patch(&format!("{path}?aadOptscim062020"), flagged).await.expect(200);
        assert!(members(&scim, id).await.is_empty());
        let rename = patch(json!([{"op": "Replace", "path": "displayName", "value": "Renamed"}]));
        assert_eq!(scim.patch(&path, rename).await.expect(200).json["displayName"], "Renamed");
        scim.delete(&path).await.expect(204);
    }
}
