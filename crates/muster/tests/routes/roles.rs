//! Roles (platform API §6).

use serde_json::{Value, json};

use crate::actors::World;
use crate::both_engines;
use crate::bound::{ACCOUNT_ONLY, bound, hierarchy, rows, trail};

const ROLES: &str = "/authz/api/roles?accountIdentifier=acme";

fn role(id: &str, permissions: &[&str]) -> Value {
    json!({"identifier": id, "name": format!("Role {id}"), "permissions": permissions})
}

fn one(id: &str) -> String {
    format!("/authz/api/roles/{id}?accountIdentifier=acme")
}

fn ids(page: &Value) -> Vec<String> {
    let content = page["content"].as_array().expect("a page has content");
    content.iter().map(|r| r["role"]["identifier"].as_str().expect("an identifier").to_owned()).collect()
}

both_engines! {
    async fn a_role_lives_from_create_to_delete(world: World) {
        let admin = world.admin();
        let body = json!({"identifier": "scim", "name": "SCIM only", "description": "d", "tags": {"team": "id"},
            "permissions": ["core_user_view", "core_user_manage", "core_user_view"], "unknown": 1});
        let made = admin.post(ROLES, body).await.data();
        assert_eq!(made["role"], json!({
            "identifier": "scim", "name": "SCIM only", "permissions": ["core_user_view", "core_user_manage"],
            "allowedScopeLevels": ["account"], "description": "d", "tags": {"team": "id"}
        }));
        assert_eq!(made["scope"], json!({
            "accountIdentifier": "acme", "orgIdentifier": null, "projectIdentifier": null
        }));
        assert_eq!(made["harnessManaged"], false);
        assert_eq!(made["createdAt"], 1_767_225_600_000_i64);
        assert_eq!(admin.get(&one("scim")).await.data(), made);

        world.app.clock.advance_secs(60);
        let body = json!({"identifier": "scim", "name": "Renamed", "permissions": ["core_usergroup_view"]});
        let changed = admin.put(&one("scim"), body).await.data();
        assert_eq!(changed["role"]["permissions"], json!(["core_usergroup_view"]));
        assert_eq!(changed["role"]["name"], "Renamed");
        assert_eq!(changed["lastModifiedAt"], 1_767_225_660_000_i64);
        assert_eq!(changed["createdAt"], made["createdAt"]);

        world.app.clock.advance_secs(60);
        assert_eq!(admin.delete(&one("scim")).await.data()["role"]["identifier"], "scim");
        admin.get(&one("scim")).await.refused(400, "RESOURCE_NOT_FOUND_EXCEPTION");
        assert_eq!(trail(&world, "ROLE").await, [
            r#"CREATE scim {"permissions":["core_user_view","core_user_manage"]}"#,
            r#"UPDATE scim {"before":{"permissions":["core_user_view","core_user_manage"]},"after":{"permissions":["core_usergroup_view"]}}"#,
            r#"DELETE scim {"permissions":["core_usergroup_view"]}"#,
        ]);
    }

    async fn lists_show_managed_and_custom_roles_of_the_scope(world: World) {
        hierarchy(&world).await;
        let admin = world.admin();
        admin.post(ROLES, role("mine", &[])).await.expect(200);
        let org = "/authz/api/roles?accountIdentifier=acme&orgIdentifier=o1";
        admin.post(org, role("theirs", &[])).await.expect(200);
        let all = admin.get(ROLES).await.data();
        assert_eq!(ids(&all), [
            "_account_admin", "_account_basic", "_account_viewer", "_scim_provisioner", "mine"
        ]);
        assert_eq!(all["content"][0]["harnessManaged"], true);
        assert_eq!(all["content"][0]["scope"], Value::Null);
        assert_eq!(all["content"][0]["roleAssignedToUserCount"], 1);
        assert_eq!(all["content"][0]["roleAssignedToUserGroupCount"], 0);
        assert_eq!(all["content"][4]["roleAssignedToServiceAccountCount"], 0);
        let in_org = admin.get(org).await.data();
        assert_eq!(ids(&in_org), ["_organization_admin", "_organization_basic", "_organization_viewer", "theirs"]);
        let custom = admin.get(&format!("{ROLES}&harnessManaged=false")).await.data();
        assert_eq!(ids(&custom), ["mine"]);
        let found = admin.get(&format!("{ROLES}&searchTerm=BASIC&harnessManaged=true")).await.data();
        assert_eq!(ids(&found), ["_account_basic"]);
        assert_eq!(ids(&admin.get(&format!("{ROLES}&searchTerm=.*")).await.data()), Vec::<String>::new());
        let last = admin.get(&format!("{ROLES}&pageIndex=1&pageSize=3&sortOrders=identifier,DESC")).await.data();
        assert_eq!(ids(&last), ["_account_basic", "_account_admin"]);
        assert_eq!((last["totalItems"].clone(), last["totalPages"].clone()), (json!(5), json!(2)));
        admin.get(&format!("{ROLES}&sortOrders=colour,ASC")).await.refused(400, "INVALID_REQUEST");
        admin.get(&format!("{ROLES}&pageSize=2001")).await.refused(400, "INVALID_REQUEST");
        admin.get(&format!("{ROLES}&orgIdentifier=none")).await.refused(400, "INVALID_ARGUMENT");
        admin.get(&format!("{ROLES}&projectIdentifier=p1")).await.refused(400, "INVALID_REQUEST");
    }

    async fn a_role_that_cannot_be_is_refused_and_changes_nothing(world: World) {
        hierarchy(&world).await;
        let admin = world.admin();
        let before = trail(&world, "ROLE").await;
        let project = "/authz/api/roles?accountIdentifier=acme&orgIdentifier=o1&projectIdentifier=p1";
        let text = admin.post(project, role("r", &["core_account_view", "core_user_view"])).await
            .refused(400, "INVALID_ARGUMENT");
        assert!(text.contains("core_account_view") && !text.contains("core_user_view"), "{text}");
        admin.post(ROLES, role("r", &["core_nothing_view"])).await.refused(400, "INVALID_ARGUMENT");
        let mut levels = role("r", &[]);
        levels["allowedScopeLevels"] = json!(["project"]);
        let text = admin.post(ROLES, levels.clone()).await.refused(400, "INVALID_ARGUMENT");
        assert!(text.contains("'account'"), "{text}");
        levels["allowedScopeLevels"] = json!(["account", "project"]);
        admin.post(ROLES, levels).await.refused(400, "INVALID_ARGUMENT");
        let text = admin.post(ROLES, json!({"identifier": "9", "name": ""})).await.refused(400, "INVALID_REQUEST");
        assert!(text.contains("identifier:") && text.contains("name:"), "{text}");
        for taken in ["_account_admin", "_Account_Admin"] {
            let text = admin.post(ROLES, role(taken, &[])).await.refused(400, "DUPLICATE_FIELD");
            assert!(text.contains("_account_admin"), "{text}");
        }
        let text = admin.post(ROLES, json!({"identifier": 5})).await.refused(400, "INVALID_REQUEST");
        assert!(text.contains("identifier"), "{text}");
        let broken = admin.send(http::Method::POST, ROLES, Some("{\"identifier\": ".into())).await;
        broken.refused(400, "INVALID_REQUEST");
        admin.send(http::Method::POST, ROLES, None).await.refused(400, "INVALID_REQUEST");
        admin.get(&one("a%00b")).await.refused(400, "INVALID_REQUEST");
        let mut nul = role("r", &[]);
        nul["description"] = json!("a\u{0}b");
        admin.post(ROLES, nul).await.refused(400, "INVALID_REQUEST");
        let elsewhere = "/authz/api/roles?accountIdentifier=other";
        admin.post(elsewhere, role("r", &[])).await.refused(401, "INVALID_TOKEN");
        assert_eq!(trail(&world, "ROLE").await, before);
        assert_eq!(rows(&world, "roles").await, 0);
    }

    async fn a_role_that_is_there_already_stays(world: World) {
        let admin = world.admin();
        admin.post(ROLES, role("r", &["core_user_view"])).await.expect(200);
        let text = admin.post(ROLES, role("r", &[])).await.refused(400, "DUPLICATE_FIELD");
        assert!(text.contains("/ACCOUNT/acme"), "{text}");
        assert_eq!(admin.get(&one("r")).await.data()["role"]["permissions"], json!(["core_user_view"]));
    }

    async fn what_a_put_cannot_change_is_refused(world: World) {
        let admin = world.admin();
        admin.post(ROLES, role("r", &["core_user_view"])).await.expect(200);
        let before = (admin.get(&one("r")).await.data(), trail(&world, "ROLE").await);
        let text = admin.put(&one("r"), role("other", &[])).await.refused(400, "INVALID_REQUEST");
        assert!(text.contains("do not match"), "{text}");
        let mut levels = role("r", &[]);
        levels["allowedScopeLevels"] = json!(["organization"]);
        admin.put(&one("r"), levels).await.refused(400, "INVALID_ARGUMENT");
        admin.put(&one("none"), role("none", &[])).await.refused(400, "INVALID_ARGUMENT");
        admin.put(&one("_account_viewer"), role("_account_viewer", &[])).await.refused(400, "INVALID_ARGUMENT");
        let text = admin.delete(&one("_account_viewer")).await.refused(400, "INVALID_REQUEST");
        assert!(text.contains("_account_viewer"), "{text}");
        admin.delete(&one("none")).await.refused(400, "INVALID_ARGUMENT");
        assert_eq!((admin.get(&one("r")).await.data(), trail(&world, "ROLE").await), before);
    }

    async fn deleting_a_role_removes_its_assignments(world: World) {
        let admin = world.admin();
        admin.post(ROLES, role("r", &["core_role_view"])).await.expect(200);
        let bob = bound(&world, "bob", &[("r", ACCOUNT_ONLY)]).await;
        bob.get(ROLES).await.expect(200);
        let assignments = rows(&world, "role_assignments").await;
        admin.delete(&one("r")).await.expect(200);
        assert_eq!(rows(&world, "role_assignments").await, assignments - 1);
        bob.get(ROLES).await.refused(403, "NG_ACCESS_DENIED");
        assert!(trail(&world, "ROLE_ASSIGNMENT").await.iter().any(|row| row.starts_with("ROLE_ASSIGNMENT_DELETED ")));
        admin.post(ROLES, role("r", &["core_role_view"])).await.expect(200);
        bob.get(ROLES).await.refused(403, "NG_ACCESS_DENIED");
    }

    async fn only_who_may_touches_roles(world: World) {
        let admin = world.admin();
        admin.post(ROLES, role("r", &["core_user_view"])).await.expect(200);
        let before = trail(&world, "ROLE").await.len();
        let nobody = bound(&world, "nobody", &[]).await;
        let viewer = bound(&world, "viewer", &[("_account_viewer", ACCOUNT_ONLY)]).await;
        world.anon().get(ROLES).await.refused(401, "INVALID_TOKEN");
        let denied = nobody.get(ROLES).await.expect(403);
        assert_eq!(denied.json["failedPermissionChecks"][0]["permission"], "core_role_view");
        nobody.get(&one("r")).await.refused(403, "NG_ACCESS_DENIED");
        nobody.get(&one("none")).await.refused(403, "NG_ACCESS_DENIED");
        viewer.get(ROLES).await.expect(200);
        viewer.post(ROLES, role("x", &[])).await.refused(403, "NG_ACCESS_DENIED");
        viewer.put(&one("r"), role("r", &[])).await.refused(403, "NG_ACCESS_DENIED");
        viewer.delete(&one("r")).await.refused(403, "NG_ACCESS_DENIED");
        let stranger = world.holder(&world.other_account("other").await);
        stranger.get(ROLES).await.refused(401, "INVALID_TOKEN");
        stranger.delete(&one("r")).await.refused(401, "INVALID_TOKEN");
        assert_eq!(trail(&world, "ROLE").await.len(), before);
        assert_eq!(rows(&world, "roles").await, 1);
    }

    async fn who_may_see_one_role_sees_that_one(world: World) {
        let admin = world.admin();
        admin.post(ROLES, role("seen", &[])).await.expect(200);
        admin.post(ROLES, role("hidden", &[])).await.expect(200);
        admin.post(ROLES, role("look", &["core_role_view"])).await.expect(200);
        let group = json!({"resourceGroup": {"identifier": "g", "name": "G", "resourceFilter": {"resources": [
            {"resourceType": "ROLE", "identifiers": ["seen"]}
        ]}}});
        admin.post("/authz/api/v2/resourcegroup?accountIdentifier=acme", group).await.expect(200);
        let bob = bound(&world, "bob", &[("look", "g")]).await;
        assert_eq!(ids(&bob.get(ROLES).await.data()), ["seen"]);
        bob.get(&one("seen")).await.expect(200);
        bob.get(&one("hidden")).await.refused(403, "NG_ACCESS_DENIED");
    }

    /// A role editor cannot raise himself by writing more into the role he has.
    async fn a_role_gains_only_what_its_editor_holds(world: World) {
        let admin = world.admin();
        admin.post(ROLES, role("editor", &["core_role_view", "core_role_edit"])).await.expect(200);
        let bob = bound(&world, "bob", &[("editor", ACCOUNT_ONLY)]).await;
        let more = role("editor", &["core_role_view", "core_role_edit", "core_user_manage"]);
        let denied = bob.put(&one("editor"), more.clone()).await.expect(403);
        assert_eq!(denied.json["failedPermissionChecks"][0]["permission"], "core_user_manage");
        bob.put(&one("editor"), role("editor", &["core_role_edit"])).await.expect(200);
        bob.post(ROLES, role("unused", &["core_user_manage"])).await.expect(200);
        admin.put(&one("editor"), more).await.expect(200);
    }
}
