//! The last account administrator stays, on whatever surface somebody tries to take him away.

use serde_json::{Value, json};

use super::scim_groups::{GROUPS, group, made_group, members};
use super::scim_users::{USERS, made, patch};
use crate::actors::{Client, World};
use crate::both_engines;

const PATCH: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";

/// The administrator's own binding goes, and a group has it instead: `name`, made by SCIM with these members.
async fn only_by_group(world: &World, members: &[&str]) -> (Client, String) {
    let (admin, scim) = (world.admin(), world.bearer(world.admin_token()));
    let list = "/authz/api/roleassignments?accountIdentifier=acme";
    let found = admin.get(list).await.data();
    let own = found["content"]
        .as_array()
        .unwrap()
        .iter()
        .find(|b| b["roleAssignment"]["principal"]["type"] == "USER")
        .unwrap();
    let own = own["roleAssignment"]["identifier"].as_str().unwrap();
    let id = made_group(&scim, "Admins", members).await;
    let binding = json!({
        "resourceGroupIdentifier": "_all_resources_including_child_scopes", "roleIdentifier": "_account_admin",
        "principal": {"identifier": "Admins", "type": "USER_GROUP"}
    });
    admin.post(list, binding).await.data();
    admin.delete(&format!("/authz/api/roleassignments/{own}?accountIdentifier=acme")).await.data();
    (scim, format!("{GROUPS}/{id}"))
}

fn remove(path: &str) -> Value {
    patch(json!([{"op": "remove", "path": path}]))
}

both_engines! {
    async fn the_last_one_by_a_group_stays_in_it(world: World) {
        let boss = world.admin_id.clone();
        let (scim, admins) = only_by_group(&world, &[&boss]).await;
        let ada = made(&scim, "ada").await;
        let by_value = patch(json!([{"op": "remove", "path": "members", "value": [{"value": boss}]}]));
        let whole = patch(json!([{"op": "replace", "path": "members", "value": []}]));
        for body in [remove("members"), remove(&format!("members[value eq \"{boss}\"]")), by_value, whole] {
            let text = scim.patch(&admins, body.clone()).await.expect(409).text;
            assert!(text.contains("last account administrator"), "{body}: {text}");
        }
        scim.put(&admins, group("Admins", &[])).await.expect(409);
        scim.delete(&admins).await.expect(409);
        let user = format!("{USERS}/{boss}");
        scim.patch(&user, patch(json!([{"op": "replace", "path": "active", "value": false}]))).await.expect(409);
        scim.delete(&user).await.expect(409);
        let id = admins.rsplit('/').next().unwrap();
        assert_eq!(members(&scim, id).await, std::slice::from_ref(&boss));

        let changed = scim.put(&admins, group("Admins", &[&ada])).await.expect(200);
        assert_eq!(changed.json["members"][0]["value"], *ada, "another one in his place is enough");
    }

    async fn the_last_one_by_a_group_in_the_group_stays(world: World) {
        let boss = world.admin_id.clone();
        let scim = world.bearer(world.admin_token());
        let inner = made_group(&scim, "Inner", &[&boss]).await;
        let (scim, admins) = only_by_group(&world, &[&inner]).await;
        let ada = made(&scim, "ada").await;
        let inner = format!("{GROUPS}/{inner}");
        scim.patch(&inner, remove("members")).await.expect(409);
        scim.delete(&inner).await.expect(409);
        scim.patch(&admins, remove("members")).await.expect(409);
        scim.patch(&inner, patch(json!([{"op": "add", "path": "members", "value": [{"value": ada}]}]))).await.expect(200);
        scim.patch(&inner, remove(&format!("members[value eq \"{boss}\"]"))).await.expect(200);
    }

    async fn one_without_token_or_binding_of_his_own_stays_too(world: World) {
        let sync = world.bearer(&world.machine_token("sync", Some("_scim_provisioner")).await);
        let boss = world.admin_id.clone();
        let (_, admins) = only_by_group(&world, &[&boss]).await;
        let ada = made(&sync, "ada").await;
        sync.put(&admins, group("Admins", &[&ada])).await.expect(200);
        let user = format!("{USERS}/{ada}");
        sync.delete(&user).await.expect(409);
        sync.patch(&user, patch(json!([{"op": "replace", "path": "active", "value": false}]))).await.expect(409);
        sync.patch(&admins, patch(json!([{"op": "add", "path": "members", "value": [{"value": boss}]}]))).await.expect(200);
        sync.delete(&user).await.expect(204);
    }

    async fn a_group_without_bindings_loses_members_as_ever(world: World) {
        let scim = world.bearer(world.admin_token());
        let boss = world.admin_id.clone();
        let id = made_group(&scim, "Plain", &[&boss]).await;
        scim.patch(&format!("{GROUPS}/{id}"), remove("members")).await.expect(200);
        assert!(members(&scim, &id).await.is_empty());
        scim.delete(&format!("{GROUPS}/{id}")).await.expect(204);
    }

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

    async fn in_a_batch_only_the_last_one_stays(world: World) {
        let admin = world.admin();
        let list = "/authz/api/roleassignments?accountIdentifier=acme";
        let bind = async |role: &str, group: &str, id: &str| {
            let body = json!({"roleIdentifier": role, "resourceGroupIdentifier": group, "identifier": id,
                "principal": {"type": "USER", "identifier": world.admin_id}});
            admin.post(list, body).await.data();
        };
        let own = admin.get(list).await.data()["content"][0]["roleAssignment"]["identifier"].clone();
        bind("_account_viewer", "_all_account_level_resources", "viewer").await;
        bind("_account_admin", "_all_account_level_resources", "again").await;
        let batch = "/authz/api/roleassignments/delete/batch?accountIdentifier=acme";
        let gone = admin.post(batch, json!(["again", own, "viewer"])).await.data();
        assert_eq!((&gone["successfullyDeleted"], &gone["failedToDelete"]), (&json!(2), &json!(1)), "{gone}");
        let error = &gone["roleAssignmentErrorResponseDTOList"][0];
        assert_eq!(error["roleAssignmentId"], own);
        assert!(error["errorMessage"].as_str().unwrap().contains("last account administrator"), "{gone}");
        let left = admin.get(list).await.data();
        assert_eq!((&left["totalItems"], &left["content"][0]["roleAssignment"]["identifier"]), (&json!(1), &own));
    }

    async fn one_of_nothing_is_none(world: World) {
        let (admin, scim) = (world.admin(), world.bearer(world.admin_token()));
        let second = made(&scim, "second").await;
        let none = json!({"resourceGroup": {"identifier": "none", "name": "None", "accountIdentifier": "acme",
            "resourceFilter": {"includeAllResources": false, "resources": []}}});
        admin.post("/authz/api/v2/resourcegroup?accountIdentifier=acme", none).await.expect(200);
        let list = "/authz/api/roleassignments?accountIdentifier=acme";
        let own = admin.get(list).await.data()["content"][0]["roleAssignment"]["identifier"].clone();
        let binding = json!({"roleIdentifier": "_account_admin", "resourceGroupIdentifier": "none",
            "principal": {"type": "USER", "identifier": second}});
        admin.post(list, binding).await.data();
        let path = format!("/authz/api/roleassignments/{}?accountIdentifier=acme", own.as_str().unwrap());
        admin.delete(&path).await.refused(400, "INVALID_REQUEST");
        scim.delete(&format!("{USERS}/{}", world.admin_id)).await.expect(409);
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
