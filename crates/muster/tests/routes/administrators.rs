//! The last account administrator stays, on whatever surface somebody tries to take him away.

use serde_json::json;

use crate::actors::World;
use crate::both_engines;

const PATCH: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";

both_engines! {
    async fn the_last_administrator_stays(world: World) {
        let (admin, scim) = (world.admin(), world.bearer(world.admin_token()));
        let user = format!("/scim/v2/acme/Users/{}", world.admin_id);
        let off = json!({"schemas": [PATCH], "Operations": [{"op": "replace", "path": "active", "value": false}]});
        scim.delete(&user).await.expect(409);
        scim.patch(&user, off.clone()).await.expect(409);
        let list = admin.get("/authz/api/roleassignments?accountIdentifier=acme").await.data();
        let own = &list["content"][0]["roleAssignment"];
        let binding = format!("/authz/api/roleassignments/{}", own["identifier"].as_str().unwrap());
        let path = format!("{binding}?accountIdentifier=acme");
        admin.delete(&path).await.refused(400, "INVALID_REQUEST");
        let mut disabled = own.clone();
        disabled["disabled"] = json!(true);
        admin.put(&path, disabled).await.refused(400, "INVALID_REQUEST");
        admin.get(&path).await.data();
        scim.get(&user).await.expect(200);
    }

    async fn with_another_one_he_may_go(world: World) {
        let scim = world.bearer(world.admin_token());
        let body = json!({"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "second"});
        let second = scim.post("/scim/v2/acme/Users", body).await.expect(201);
        let binding = json!({
            "roleIdentifier": "_account_admin", "resourceGroupIdentifier": "_all_resources_including_child_scopes",
            "principal": {"type": "USER", "identifier": second.json["id"]}
        });
        world.admin().post("/authz/api/roleassignments?accountIdentifier=acme", binding).await.data();
        scim.delete(&format!("/scim/v2/acme/Users/{}", world.admin_id)).await.expect(204);
    }

    async fn a_path_that_is_no_text_is_the_clients_fault(world: World) {
        world.bearer(world.admin_token()).get("/scim/v2/acme/Users/%ff").await.expect(400);
    }
}
