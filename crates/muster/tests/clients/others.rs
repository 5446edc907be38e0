//! `OneLogin`, `JumpCloud`, Google, authentik, Rauthy: what they do differently.

use serde_json::json;

use crate::actors::World;
use crate::both_engines;
use crate::routes::scim_groups::{GROUPS, made_group, members};
use crate::routes::scim_users::{USERS, made, patch, scim, total};

both_engines! {
    async fn onelogin_sends_urns_of_scim_1(world: World) {
        let scim = scim(&world);
        let body = json!({
            "schemas": ["urn:scim:schemas:core:1.0", "urn:scim:schemas:extension:enterprise:1.0"], "userName": "one@login.example",
            "name": {"givenName": "One", "familyName": "Login"}, "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {"department": "D"}
        });
        let user = scim.post(USERS, body.clone()).await.expect(201).json;
        assert_eq!(user["schemas"][0], "urn:ietf:params:scim:schemas:core:2.0:User");
        let path = format!("{USERS}/{}", user["id"].as_str().unwrap());
        let mut body = body;
        body["active"] = json!(false);
        assert_eq!(scim.put(&path, body).await.expect(200).json["active"], false);
    }

    async fn jumpcloud_patches_groups_with_lists(world: World) {
        let scim = scim(&world);
        let (ada, bob) = (made(&scim, "ada").await, made(&scim, "bob").await);
        let id = made_group(&scim, "Team", &[]).await;
        let path = format!("{GROUPS}/{id}");
        scim.patch(&path, patch(json!([{"op": "add", "path": "members", "value": [{"value": ada}, {"value": bob}]}]))).await.expect(200);
        scim.patch(&path, patch(json!([{"op": "remove", "path": "members", "value": [{"value": ada}]}]))).await.expect(200);
        assert_eq!(members(&scim, &id).await, [bob]);
    }

    async fn google_and_authentik_look_before_they_act(world: World) {
        let scim = scim(&world);
        assert_eq!(scim.get(&format!("{USERS}?count=1")).await.expect(200).json["itemsPerPage"], 1);
        let config = scim.get("/scim/v2/acme/ServiceProviderConfig").await.expect(200).json;
        for member in ["supported", "maxOperations", "maxPayloadSize"] {
            assert!(config["bulk"].get(member).is_some(), "bulk.{member}");
        }
        assert_eq!((&config["patch"]["supported"], &config["filter"]["supported"]), (&json!(true), &json!(true)));
    }

    async fn rauthy_finds_by_external_id_and_name(world: World) {
        let scim = scim(&world);
        made(&scim, "ada").await;
        made_group(&scim, "Crew", &[]).await;
        assert_eq!(total(&scim, USERS, "externalId eq \"ext-ada\"").await, 1);
        assert_eq!(total(&scim, USERS, "userName eq \"ada\"").await, 1);
        assert_eq!(total(&scim, GROUPS, "displayName eq \"Crew\"").await, 1);
    }
}
