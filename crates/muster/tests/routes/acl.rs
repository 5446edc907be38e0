//! The permission catalogue and the access check (platform API §9).

use serde_json::{Value, json};

use crate::actors::World;
use crate::both_engines;
use crate::bound::{ACCOUNT_ONLY, EVERYWHERE, at, bind, bound, hierarchy, to_machine};

fn ask(permission: &str, kind: &str, resource: Option<&str>, scope: Value) -> Value {
    json!({"permission": permission, "resourceType": kind, "resourceIdentifier": resource, "resourceScope": scope})
}

fn answers(reply: &Value) -> Vec<bool> {
    let list = reply["accessControlList"].as_array().expect("a list of answers");
    list.iter().map(|a| a["permitted"].as_bool().expect("yes or no")).collect()
}

both_engines! {
    async fn the_check_answers_for_the_asking_principal(world: World) {
        hierarchy(&world).await;
        let bob = bound(&world, "bob", &[("_account_viewer", ACCOUNT_ONLY)]).await;
        bind(&world, "o1", to_machine("bob", "_organization_admin", "_all_resources_including_child_scopes")).await;
        let (account, project) = (json!({"accountIdentifier": "acme"}), json!({"orgIdentifier": "o1", "projectIdentifier": "p1"}));
        let reply = bob.post("/authz/api/acl", json!({"permissions": [
            ask("core_user_view", "USER", None, account.clone()),
            ask("core_user_view", "USER", Some("anyone"), account.clone()),
            ask("core_user_manage", "USER", None, account.clone()),
            ask("core_user_manage", "user", None, project),
            ask("core_user_view", "ROLE", None, account.clone()),
            ask("core_unknown_view", "USER", None, account),
            ask("core_user_view", "USER", None, json!({"accountIdentifier": "other"})),
            ask("core_user_view", "USER", None, json!({"orgIdentifier": "o2"})),
            ask("core_user_view", "USER", None, Value::Null),
        ]})).await.data();
        assert_eq!(answers(&reply), [true, true, false, true, false, false, false, false, true]);
        assert_eq!(reply["principal"], json!({"principalIdentifier": "bob", "principalType": "SERVICE_ACCOUNT"}));
        assert_eq!(reply["accessControlList"][1], json!({
            "permission": "core_user_view", "resourceScope": {"accountIdentifier": "acme", "orgIdentifier": null,
            "projectIdentifier": null}, "resourceType": "USER", "resourceAttributes": null,
            "resourceIdentifier": "anyone", "permitted": true
        }));
    }

    async fn one_id_is_not_the_whole_type(world: World) {
        let admin = world.admin();
        let group = json!({"resourceGroup": {"identifier": "g", "name": "G", "resourceFilter": {"resources": [
            {"resourceType": "USER", "identifiers": [world.admin_id]}, {"resourceType": "ROLE"}
        ]}}});
        admin.post("/authz/api/v2/resourcegroup?accountIdentifier=acme", group).await.expect(200);
        let bob = bound(&world, "bob", &[("_account_viewer", "g")]).await;
        let reply = bob.post("/authz/api/acl", json!({"permissions": [
            ask("core_user_view", "USER", Some(&world.admin_id), Value::Null),
            ask("core_user_view", "USER", Some("other"), Value::Null),
            ask("core_user_view", "USER", Some(""), Value::Null),
            ask("core_role_view", "ROLE", None, Value::Null),
            ask("core_role_view", "ROLE", Some("any"), Value::Null),
        ]})).await.data();
        assert_eq!(answers(&reply), [true, false, false, true, true]);
    }

    async fn the_check_answers_as_the_door_does(world: World) {
        hierarchy(&world).await;
        let naming = |id: &str, kind: &str, one: &str| json!({"resourceGroup": {"identifier": id, "name": id,
            "resourceFilter": {"resources": [{"resourceType": kind, "identifiers": [one]}]}}});
        for (scope, group) in [
            ("", naming("that_org", "ORGANIZATION", "o1")), ("o1", naming("that_project", "PROJECT", "p1")),
        ] {
            world.admin().post(&format!("/authz/api/v2/resourcegroup?{}", at(scope)), group).await.expect(200);
        }
        // Scope, role and resource group; whether o1 and whether p1 can be seen.
        let table = [
            ("", "_account_basic", ACCOUNT_ONLY, false, false),
            ("", "_account_viewer", ACCOUNT_ONLY, true, false),
            ("", "_account_viewer", EVERYWHERE, true, true),
            ("", "_account_viewer", "that_org", true, false),
            ("o1", "_organization_viewer", "_all_organization_level_resources", true, true),
            ("o1", "_organization_viewer", EVERYWHERE, true, true),
            ("o1", "_organization_viewer", "that_project", false, true),
            ("o1/p1", "_project_viewer", "_all_project_level_resources", false, true),
        ];
        let (account, org) = (json!({}), json!({"orgIdentifier": "o1"}));
        let project = json!({"orgIdentifier": "o1", "projectIdentifier": "p1"});
        let questions = json!({"permissions": [
            ask("core_organization_view", "ORGANIZATION", Some("o1"), account.clone()),
            ask("core_organization_view", "ORGANIZATION", Some("o1"), org.clone()),
            ask("core_project_view", "PROJECT", Some("p1"), org),
            ask("core_project_view", "PROJECT", Some("p1"), project),
            ask("core_organization_view", "ORGANIZATION", Some("o2"), account),
        ]});
        for (n, (scope, role, group, sees_org, sees_project)) in table.into_iter().enumerate() {
            let id = format!("m{n}");
            let client = bound(&world, &id, &[]).await;
            bind(&world, scope, to_machine(&id, role, group)).await;
            let case = format!("{role} on {group} in {scope:?}");
            let asked = client.post("/authz/api/acl", questions.clone()).await.data();
            let everywhere = role == "_account_viewer" && group != "that_org";
            assert_eq!(answers(&asked), [sees_org, sees_org, sees_project, sees_project, everywhere], "{case}");
            let status = |seen| if seen { 200 } else { 403 };
            let door = client.get("/ng/api/organizations/o1").await;
            assert_eq!(door.status, status(sees_org), "{case}: {}", door.text);
            let door = client.get("/ng/api/projects/p1?orgIdentifier=o1").await;
            assert_eq!(door.status, status(sees_project), "{case}: {}", door.text);
        }
    }

    async fn another_principal_cannot_be_asked_for(world: World) {
        let bob = bound(&world, "bob", &[]).await;
        let asked = |id: &str, kind: &str| json!({
            "permissions": [], "principal": {"principalIdentifier": id, "principalType": kind}
        });
        bob.post("/authz/api/acl", asked("bob", "SERVICE_ACCOUNT")).await.expect(200);
        bob.post("/authz/api/acl", asked("", "")).await.expect(200);
        let other = bob.post("/authz/api/acl", asked(&world.admin_id, "USER")).await;
        assert_eq!(other.json["failedPermissionChecks"], json!([]));
        other.refused(403, "NG_ACCESS_DENIED");
        bob.post("/authz/api/acl", asked("bob", "USER")).await.refused(403, "NG_ACCESS_DENIED");
    }

    async fn a_check_that_cannot_be_read_is_refused(world: World) {
        let admin = world.admin();
        world.anon().post("/authz/api/acl", json!({"permissions": []})).await.refused(401, "INVALID_TOKEN");
        admin.post("/authz/api/acl", json!({})).await.refused(400, "INVALID_REQUEST");
        admin.post("/authz/api/acl", json!({"permissions": [{"permission": "x"}]})).await.refused(400, "INVALID_REQUEST");
        let lonely = ask("core_user_view", "USER", None, json!({"projectIdentifier": "p1"}));
        admin.post("/authz/api/acl", json!({"permissions": [lonely]})).await.refused(400, "INVALID_REQUEST");
        let many = vec![json!({"permission": "p", "resourceType": "t"}); 10_001];
        let text = admin.post("/authz/api/acl", json!({"permissions": many})).await.refused(400, "INVALID_REQUEST");
        assert!(text.contains("10000"), "{text}");
    }

    async fn the_catalogue_shows_what_can_be_given(world: World) {
        hierarchy(&world).await;
        let admin = world.admin();
        let all = admin.get("/authz/api/permissions?accountIdentifier=acme").await.data();
        assert_eq!(all[0]["permission"], json!({
            "identifier": "core_user_view", "name": "View Users", "status": "ACTIVE", "includeInAllRoles": false,
            "allowedScopeLevels": ["account", "organization", "project"], "resourceType": "USER", "action": "view"
        }));
        let project = "accountIdentifier=acme&orgIdentifier=o1&projectIdentifier=p1";
        let fewer = admin.get(&format!("/authz/api/permissions?{project}")).await.data();
        assert!(!fewer.to_string().contains("core_account_view"), "{fewer}");
        let unfiltered = admin.get(&format!("/authz/api/permissions?{project}&scopeFilterDisabled=true")).await.data();
        assert_eq!(unfiltered, all);
        let names = admin.get("/authz/api/permissions/resourcetypes?accountIdentifier=acme").await.data();
        assert_eq!(names, json!([
            "ACCOUNT", "AUDIT", "AUTHSETTING", "LICENSE", "ORGANIZATION", "PROJECT", "RESOURCEGROUP", "ROLE",
            "SERVICEACCOUNT", "SETTING", "SMTP", "USER", "USERGROUP"
        ]));
        let types = admin.get("/authz/api/resourcetype?accountIdentifier=acme").await.data();
        assert_eq!(types["resourceTypes"][1], json!({"name": "AUDIT", "validatorTypes": ["DYNAMIC"]}));
        world.anon().get("/authz/api/permissions?accountIdentifier=acme").await.refused(401, "INVALID_TOKEN");
        admin.get("/authz/api/permissions?accountIdentifier=acme&orgIdentifier=o9").await.refused(400, "INVALID_ARGUMENT");
        admin.get("/authz/api/permissions?accountIdentifier=acme&scopeFilterDisabled=2").await
            .refused(400, "INVALID_REQUEST");
    }
}
