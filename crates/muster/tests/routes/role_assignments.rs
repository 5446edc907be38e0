//! Role assignments (platform API §7).

use serde_json::{Value, json};

use crate::actors::World;
use crate::both_engines;
use crate::bound::{ACCOUNT_ONLY, EVERYWHERE, at, bind, bound, hierarchy, machine, rows, to_machine, trail};

fn path(scope: &str) -> String {
    format!("/authz/api/roleassignments?{}", at(scope))
}

fn one(id: &str) -> String {
    format!("/authz/api/roleassignments/{id}?accountIdentifier=acme")
}

fn under(tail: &str) -> String {
    format!("/authz/api/roleassignments/{tail}?accountIdentifier=acme")
}

fn to_admin(world: &World, role: &str) -> Value {
    json!({
        "roleIdentifier": role, "resourceGroupIdentifier": ACCOUNT_ONLY,
        "principal": {"identifier": world.admin_id, "type": "USER", "scopeLevel": "account"}
    })
}

fn of(page: &Value) -> Vec<String> {
    let content = page["content"].as_array().expect("a page has content");
    let mut ids: Vec<String> = content
        .iter()
        .map(|a| a["roleAssignment"]["principal"]["identifier"].as_str().expect("an identifier").to_owned())
        .collect();
    ids.sort();
    ids
}

both_engines! {
    async fn an_assignment_lives_from_create_to_delete(world: World) {
        machine(&world, "m").await;
        let admin = world.admin();
        let mut body = to_machine("m", "_account_viewer", ACCOUNT_ONLY);
        body["identifier"] = json!("mine");
        let made = admin.post(&path(""), body).await.data();
        assert_eq!(made, json!({
            "roleAssignment": {
                "identifier": "mine", "resourceGroupIdentifier": ACCOUNT_ONLY, "roleIdentifier": "_account_viewer",
                "roleReference": {"identifier": "_account_viewer", "scopeLevel": "account"},
                "principal": {"scopeLevel": "account", "identifier": "m", "type": "SERVICE_ACCOUNT", "uniqueId": null},
                "disabled": false, "managed": false, "internal": false
            },
            "scope": {"accountIdentifier": "acme", "orgIdentifier": null, "projectIdentifier": null},
            "createdAt": 1_767_225_600_000_i64, "lastModifiedAt": 1_767_225_600_000_i64, "harnessManaged": false
        }));
        assert_eq!(admin.get(&one("mine")).await.data(), made);
        world.app.clock.advance_secs(1);
        let off = admin.put(&one("mine"), json!({"disabled": true})).await.data();
        assert_eq!(off["roleAssignment"]["disabled"], true);
        assert_eq!(off["lastModifiedAt"], 1_767_225_601_000_i64);
        // What says nothing of it does not switch it on again.
        assert_eq!(admin.put(&one("mine"), json!({})).await.data()["roleAssignment"]["disabled"], true);
        let deleted = admin.delete(&one("mine")).await.data();
        assert_eq!(deleted["roleAssignment"]["identifier"], "mine");
        admin.get(&one("mine")).await.refused(400, "RESOURCE_NOT_FOUND_EXCEPTION");
        let text = admin.delete(&one("mine")).await.refused(400, "INVALID_REQUEST");
        assert!(text.contains("Invalid Role Assignment"), "{text}");
        let detail = |disabled: bool| format!(
            "{{\"role\":\"_account_viewer\",\"resourceGroup\":\"{ACCOUNT_ONLY}\",\"disabled\":{disabled},\"principal\":\
            {{\"type\":\"SERVICE_ACCOUNT\",\"identifier\":\"m\",\"scopeLevel\":\"account\"}}}}"
        );
        assert_eq!(trail(&world, "ROLE_ASSIGNMENT").await, [
            format!("ROLE_ASSIGNMENT_CREATED mine {}", detail(false)),
            format!("ROLE_ASSIGNMENT_DELETED mine {}", detail(true)),
            format!("ROLE_ASSIGNMENT_UPDATED mine {}", detail(true)),
        ]);
    }

    async fn an_identifier_is_made_when_none_is_sent(world: World) {
        let made = world.admin().post(&path(""), to_admin(&world, "_account_viewer")).await.data();
        let id = made["roleAssignment"]["identifier"].as_str().unwrap();
        let tail = id.strip_prefix("role_assignment_").unwrap();
        assert!(tail.len() == 20 && tail.bytes().all(|b| b.is_ascii_alphanumeric()), "{id}");
        assert_eq!(made["roleAssignment"]["principal"]["scopeLevel"], Value::Null, "users have no level");
    }

    async fn a_binding_counts_with_the_next_request_and_so_does_its_end(world: World) {
        let bob = bound(&world, "bob", &[]).await;
        bob.get(&path("")).await.refused(400, "USER_NOT_AUTHORIZED");
        let made = bind(&world, "", to_machine("bob", "_account_viewer", ACCOUNT_ONLY)).await;
        let id = made["roleAssignment"]["identifier"].as_str().unwrap();
        bob.get(&path("")).await.expect(200);
        world.admin().put(&one(id), json!({"disabled": true})).await.expect(200);
        bob.get(&path("")).await.refused(400, "USER_NOT_AUTHORIZED");
        world.admin().put(&one(id), json!({"disabled": false})).await.expect(200);
        bob.get(&path("")).await.expect(200);
        world.admin().delete(&one(id)).await.expect(200);
        bob.get(&path("")).await.refused(400, "USER_NOT_AUTHORIZED");
    }

    async fn what_cannot_be_bound_is_refused_and_changes_nothing(world: World) {
        hierarchy(&world).await;
        machine(&world, "m").await;
        let (admin, before) = (world.admin(), rows(&world, "role_assignments").await);
        let refuse = async |scope: &str, role: &str, group: &str, code: &str, part: &str| {
            let text = admin.post(&path(scope), to_machine("m", role, group)).await.refused(400, code);
            assert!(text.contains(part), "{text}");
        };
        refuse("", "none", ACCOUNT_ONLY, "INVALID_REQUEST", "Did not find role none in /ACCOUNT/acme").await;
        refuse("", "_project_viewer", ACCOUNT_ONLY, "INVALID_REQUEST", "Did not find role").await;
        refuse("", "_account_viewer", "none", "INVALID_REQUEST", "Did not find resource group").await;
        refuse("", "_account_viewer", "_all_project_level_resources", "INVALID_REQUEST", "resource group").await;
        refuse("", "_account_viewer", "_all_resources", "INVALID_REQUEST", EVERYWHERE).await;
        refuse("", "", "", "INVALID_REQUEST", "resourceGroupIdentifier").await;
        refuse("o9", "_organization_viewer", EVERYWHERE, "INVALID_ARGUMENT", "o9").await;
        let with = async |principal: Value, part: &str| {
            let mut body = to_machine("m", "_account_viewer", ACCOUNT_ONLY);
            body["principal"] = principal;
            let text = admin.post(&path(""), body).await.refused(400, "INVALID_REQUEST");
            assert!(text.contains(part), "{text}");
        };
        with(json!({"identifier": "none", "type": "SERVICE_ACCOUNT"}), "Did not find the SERVICE_ACCOUNT none").await;
        with(json!({"identifier": "none", "type": "USER"}), "Did not find the USER none").await;
        with(json!({"identifier": "none", "type": "USER_GROUP"}), "Did not find the USER_GROUP none").await;
        with(json!({"identifier": "m", "type": "API_KEY"}), "Incorrect Principal Type").await;
        with(json!({"identifier": "m"}), "principal.type: cannot be empty").await;
        with(json!({"identifier": "m", "type": "SERVICE_ACCOUNT", "scopeLevel": "project"}),
            "Principal scope level cannot be project for account scoped").await;
        with(json!({"identifier": "m", "type": "SERVICE_ACCOUNT", "scopeLevel": "moon"}), "moon").await;
        with(Value::Null, "principal").await;
        let mut reference = to_machine("m", "_account_viewer", ACCOUNT_ONLY);
        reference["roleReference"] = json!({"identifier": "_account_admin", "scopeLevel": "account"});
        admin.post(&path(""), reference.clone()).await.refused(400, "INVALID_REQUEST");
        reference["roleReference"] = json!({"identifier": "_account_viewer", "scopeLevel": "project"});
        admin.post(&path(""), reference).await.refused(400, "INVALID_REQUEST");
        let wrong = json!({"roleIdentifier": 1});
        admin.post(&path(""), wrong).await.refused(400, "INVALID_REQUEST");
        admin.send(http::Method::POST, &path(""), Some("[".into())).await.refused(400, "INVALID_REQUEST");
        assert_eq!(rows(&world, "role_assignments").await, before);
        assert_eq!(trail(&world, "ROLE_ASSIGNMENT").await.len(), 0);
    }

    async fn the_same_binding_twice_is_a_duplicate(world: World) {
        machine(&world, "m").await;
        let mut body = to_machine("m", "_account_viewer", ACCOUNT_ONLY);
        body["identifier"] = json!("first");
        bind(&world, "", body.clone()).await;
        let admin = world.admin();
        let text = admin.post(&path(""), body.clone()).await.refused(400, "DUPLICATE_FIELD");
        assert!(text.contains("first"), "{text}");
        body["identifier"] = Value::Null;
        let text = admin.post(&path(""), body).await.refused(400, "DUPLICATE_FIELD");
        assert!(text.contains("already has the role"), "{text}");
        assert_eq!(trail(&world, "ROLE_ASSIGNMENT").await.len(), 1);
    }

    async fn a_service_account_is_searched_upward(world: World) {
        hierarchy(&world).await;
        machine(&world, "m").await;
        let made = bind(&world, "o1/p1", to_machine("m", "_project_viewer", "_all_project_level_resources")).await;
        assert_eq!(made["roleAssignment"]["principal"]["scopeLevel"], "account");
        assert_eq!(made["roleAssignment"]["roleReference"]["scopeLevel"], "project");
        assert_eq!(made["scope"], json!({
            "accountIdentifier": "acme", "orgIdentifier": "o1", "projectIdentifier": "p1"
        }));
        let mut here = to_machine("m", "_project_admin", "_all_project_level_resources");
        here["principal"]["scopeLevel"] = json!("project");
        let text = world.admin().post(&path("o1/p1"), here).await.refused(400, "INVALID_REQUEST");
        assert!(text.contains("Did not find the SERVICE_ACCOUNT m (project)"), "{text}");
    }

    async fn multi_makes_what_can_be_made(world: World) {
        machine(&world, "m").await;
        bind(&world, "", to_machine("m", "_account_basic", ACCOUNT_ONLY)).await;
        let wishes = json!({"roleAssignments": [
            to_machine("m", "_account_viewer", ACCOUNT_ONLY), to_machine("m", "_account_basic", ACCOUNT_ONLY),
            to_machine("m", "none", ACCOUNT_ONLY), to_machine("none", "_account_viewer", ACCOUNT_ONLY),
            to_machine("m", "_account_viewer", ACCOUNT_ONLY), {"principal": {"type": "ROBOT"}},
            to_machine("m", "_account_viewer", EVERYWHERE),
        ]});
        let made = world.admin().post(&under("multi"), wishes).await.data();
        let groups: Vec<_> =
            made.as_array().unwrap().iter().map(|a| &a["roleAssignment"]["resourceGroupIdentifier"]).collect();
        assert_eq!(groups, [ACCOUNT_ONLY, EVERYWHERE]);
        assert_eq!(trail(&world, "ROLE_ASSIGNMENT").await.len(), 3);
        world.admin().post(&under("multi"), json!({})).await.refused(400, "INVALID_REQUEST");
        let many: Vec<Value> = (0..1_001).map(|_| json!({})).collect();
        world.admin().post(&under("multi"), json!({"roleAssignments": many})).await.refused(400, "INVALID_REQUEST");
    }

    async fn a_put_changes_disabled_only(world: World) {
        machine(&world, "m").await;
        let mut body = to_machine("m", "_account_viewer", ACCOUNT_ONLY);
        body["identifier"] = json!("a");
        bind(&world, "", body.clone()).await;
        let (admin, before) = (world.admin(), trail(&world, "ROLE_ASSIGNMENT").await);
        for (field, value, part) in [
            ("roleIdentifier", json!("_account_admin"), "role"),
            ("resourceGroupIdentifier", json!(EVERYWHERE), "resource group"),
            ("principal", json!({"identifier": "other", "type": "SERVICE_ACCOUNT"}), "principal"),
        ] {
            let mut changed = body.clone();
            changed[field] = value;
            let text = admin.put(&one("a"), changed).await.refused(400, "INVALID_REQUEST");
            assert!(text.contains(&format!("Cannot change {part} in the role assignment")), "{text}");
        }
        admin.put(&one("b"), body.clone()).await.refused(400, "INVALID_REQUEST");
        admin.put(&one("none"), json!({})).await.refused(400, "INVALID_REQUEST");
        admin.put(&one("a"), body).await.expect(200);
        let empty = json!({"identifier": "", "roleIdentifier": "", "resourceGroupIdentifier": "", "disabled": false});
        admin.put(&one("a"), empty).await.expect(200);
        assert_eq!(trail(&world, "ROLE_ASSIGNMENT").await, before, "a PUT of what is there writes nothing");
    }

    async fn a_batch_deletes_what_it_can(world: World) {
        machine(&world, "m").await;
        let mut body = to_machine("m", "_account_viewer", ACCOUNT_ONLY);
        body["identifier"] = json!("a");
        bind(&world, "", body).await;
        let gone = world.admin().post(&under("delete/batch"), json!(["a", "none"])).await.data();
        assert_eq!((&gone["successfullyDeleted"], &gone["failedToDelete"]), (&json!(1), &json!(1)));
        assert_eq!(gone["roleAssignmentErrorResponseDTOList"][0]["roleAssignmentId"], "none");
        world.admin().get(&one("a")).await.refused(400, "RESOURCE_NOT_FOUND_EXCEPTION");
        world.admin().post(&under("delete/batch"), json!({"ids": []})).await.refused(400, "INVALID_REQUEST");
        let nowhere = format!("{}&orgIdentifier=no", under("delete/batch"));
        world.admin().post(&nowhere, json!([])).await.refused(400, "INVALID_ARGUMENT");
    }

    async fn filters(world: World) {
        hierarchy(&world).await;
        machine(&world, "m").await;
        machine(&world, "n").await;
        bind(&world, "", to_machine("m", "_account_viewer", ACCOUNT_ONLY)).await;
        bind(&world, "", to_machine("n", "_account_basic", EVERYWHERE)).await;
        bind(&world, "o1", to_machine("n", "_organization_viewer", EVERYWHERE)).await;
        let admin = world.admin();
        let id = world.admin_id.as_str();
        let found = async |filter: Value| of(&admin.post(&under("filter"), filter).await.data());
        assert_eq!(found(json!({})).await.len(), 3);
        assert_eq!(found(json!({"roleFilter": ["_account_viewer"]})).await, ["m"]);
        assert_eq!(found(json!({"roleReferenceFilter": [{"identifier": "_account_viewer"}]})).await, ["m"]);
        let both = |role: &str, reference: Value| json!({"roleFilter": [role], "roleReferenceFilter": [reference]});
        let viewer = json!({"identifier": "_account_viewer", "scopeLevel": "account"});
        assert_eq!(found(both("_account_viewer", viewer.clone())).await, ["m"]);
        assert_eq!(found(both("_account_basic", viewer)).await, Vec::<String>::new(), "both must hold");
        for (open, part) in [
            (json!({"roleReferenceFilter": [{}]}), "roleReferenceFilter"),
            (json!({"roleReferenceFilter": [{"identifier": "_account_viewer"}, {"identifier": ""}]}), "roleReferenceFilter"),
            (json!({"roleReferenceFilter": [{"identifier": "_project_viewer", "scopeLevel": "project"}]}), "scopeLevel"),
            (json!({"principalScopeLevelFilter": [""]}), "principalScopeLevelFilter"),
            (json!({"principalScopeLevelFilter": ["account", ""]}), "principalScopeLevelFilter"),
        ] {
            for route in ["filter", "aggregate"] {
                let text = admin.post(&under(route), open.clone()).await.refused(400, "INVALID_REQUEST");
                assert!(text.contains(part), "{text}");
            }
        }
        assert_eq!(found(json!({"resourceGroupFilter": [ACCOUNT_ONLY]})).await, ["m"]);
        assert_eq!(found(json!({"principalTypeFilter": ["USER"]})).await, [id]);
        assert_eq!(found(json!({"principalScopeLevelFilter": ["account"]})).await, ["m", "n"]);
        let named = json!({"principalFilter": [{"identifier": "n", "type": "SERVICE_ACCOUNT", "scopeLevel": "account"}]});
        assert_eq!(found(named).await, ["n"]);
        assert_eq!(found(json!({"disabledFilter": [true]})).await.len(), 0);
        assert_eq!(found(json!({"disabledFilter": [true, false]})).await.len(), 3);
        assert_eq!(found(json!({"harnessManagedFilter": [true]})).await.len(), 0);
        admin.post(&under("filter"), json!({"principalTypeFilter": ["ROBOT"]})).await.refused(400, "INVALID_REQUEST");
        let page = admin.get(&format!("{}&pageSize=2&pageIndex=1", path(""))).await.data();
        assert_eq!((&page["totalItems"], &page["pageItemCount"]), (&json!(3), &json!(1)));
        assert_eq!(of(&admin.get(&path("o1")).await.data()), ["n"]);
    }

    async fn described_assignments_of_several_scopes(world: World) {
        hierarchy(&world).await;
        machine(&world, "m").await;
        bind(&world, "o1", to_machine("m", "_organization_viewer", EVERYWHERE)).await;
        bind(&world, "o1/p1", to_machine("m", "_project_viewer", "_all_project_level_resources")).await;
        let admin = world.admin();
        let filter = |filter: &str| json!({
            "principalFilter": {"identifier": "m", "type": "SERVICE_ACCOUNT"},
            "scopeFilters": [{"accountIdentifier": "acme", "orgIdentifier": "o1", "filter": filter}]
        });
        let below = admin.post(&under("v2/filter"), filter("INCLUDING_CHILD_SCOPES")).await.data();
        assert_eq!(below["totalItems"], 2);
        let here = admin.post(&under("v2/filter"), filter("EXCLUDING_CHILD_SCOPES")).await.data();
        assert_eq!(here["totalItems"], 1);
        let item = &here["content"][0];
        assert_eq!(item["principal"], json!({
            "scopeLevel": "account", "identifier": "m", "type": "SERVICE_ACCOUNT", "name": "m",
            "email": "m@machines.example"
        }));
        assert_eq!(item["role"]["name"], "Organization Viewer");
        assert_eq!(item["resourceGroup"]["identifier"], EVERYWHERE);
        assert_eq!(item["scope"]["orgName"], "O1");
        admin.post(&under("v2/filter"), filter("SIDEWAYS")).await.refused(400, "INVALID_REQUEST");
        let users = admin.post(&under("v2/filter"), json!({"principalTypeFilter": ["USER"]})).await.data();
        assert_eq!(users["content"][0]["principal"]["email"], "admin@acme.example");
        let all = admin.post(&under("aggregate"), json!({})).await.data();
        assert_eq!(all["roles"][0]["role"]["identifier"], "_account_admin");
        assert_eq!(all["resourceGroups"][0]["identifier"], EVERYWHERE);
        assert_eq!(all["roleAssignments"][0]["roleReference"]["identifier"], "_account_admin");
    }

    async fn as_many_scopes_as_a_filter_may_name(world: World) {
        let admin = world.admin();
        let made = (0..498).map(|n| {
            let body = json!({"organization": {"identifier": format!("o{n}"), "name": format!("o{n}")}});
            admin.post("/ng/api/organizations", body)
        });
        // Each in a task of its own would be no faster: they are written one after the other.
        for made in futures_util::future::join_all(made.collect::<Vec<_>>()).await {
            made.data();
        }
        machine(&world, "m").await;
        bind(&world, "o7", to_machine("m", "_organization_viewer", EVERYWHERE)).await;
        let filter = json!({"filter": "INCLUDING_CHILD_SCOPES"});
        let mut scopes: Vec<_> = (0..498).map(|n| {
            let mut scope = filter.clone();
            scope["orgIdentifier"] = json!(format!("o{n}"));
            scope
        }).collect();
        scopes.extend([scopes[7].clone(), scopes[7].clone()]);
        let found = admin.post(&under("v2/filter"), json!({"scopeFilters": scopes})).await.data();
        assert_eq!((&found["totalItems"], &found["content"][0]["principal"]["identifier"]), (&json!(1), &json!("m")));
    }

    async fn who_sees_one_organization_sees_nothing_beside_it(world: World) {
        hierarchy(&world).await;
        let bob = bound(&world, "bob", &[]).await;
        bind(&world, "o1", to_machine("bob", "_organization_viewer", "_all_organization_level_resources")).await;
        bind(&world, "o1/p1", to_machine("bob", "_project_basic", "_all_project_level_resources")).await;
        let all = json!({"scopeFilters": [{"orgIdentifier": "o1", "filter": "INCLUDING_CHILD_SCOPES"}]});
        assert_eq!(bob.post(&under("v2/filter"), all).await.data()["totalItems"], 1, "the project stays hidden");
        bob.post(&under("v2/filter"), json!({})).await.refused(400, "USER_NOT_AUTHORIZED");
        bob.get(&path("o1/p1")).await.refused(400, "USER_NOT_AUTHORIZED");
    }

    async fn validate_knows_no_duplicate_of_who_is_not_there(world: World) {
        hierarchy(&world).await;
        machine(&world, "bob").await;
        let to_bob = |level: &str| json!({
            "roleIdentifier": "_project_viewer", "resourceGroupIdentifier": "_all_project_level_resources",
            "principal": {"identifier": "bob", "type": "SERVICE_ACCOUNT", "scopeLevel": level}
        });
        let (admin, project) = (world.admin(), path("o1/p1"));
        let verdict = format!("/authz/api/roleassignments/validate?{}", at("o1/p1"));
        admin.post(&project, to_bob("account")).await.expect(200);
        admin.post(&verdict, to_bob("account")).await.refused(400, "DUPLICATE_FIELD");
        let told = admin.post(&verdict, to_bob("project")).await.data();
        let missing = &told["principalValidationResult"];
        assert_eq!(missing["valid"], false, "{told}");
        let refused = admin.post(&project, to_bob("project")).await.refused(400, "INVALID_REQUEST");
        assert_eq!(missing["errorMessage"], refused.as_str());
    }

    async fn validate_says_what_is_wrong(world: World) {
        machine(&world, "m").await;
        let admin = world.admin();
        let good = to_machine("m", "_account_viewer", ACCOUNT_ONLY);
        let verdict = admin.post(&under("validate"), good).await.data();
        assert_eq!(verdict["roleValidationResult"], json!({"valid": true, "errorMessage": null}));
        let bad = json!({"roleAssignment": to_machine("none", "none", "none"), "validateRole": true});
        let verdict = admin.post(&under("validate"), bad).await.data();
        for part in ["principalValidationResult", "roleValidationResult", "resourceGroupValidationResult"] {
            assert_eq!(verdict[part]["valid"], false, "{part}");
            assert!(verdict[part]["errorMessage"].is_string(), "{part}");
        }
        let named = |id: &str, role: &str| {
            let mut body = to_machine("m", role, ACCOUNT_ONLY);
            body["identifier"] = json!(id);
            body
        };
        let verdict = admin.post(&under("validate"), named("9bad", "_account_viewer")).await;
        assert!(verdict.refused(400, "INVALID_REQUEST").contains("identifier"));
        assert_eq!(trail(&world, "ROLE_ASSIGNMENT").await.len(), 0);
        bind(&world, "", named("there", "_account_viewer")).await;
        for (body, part) in [
            (named("there", "_account_basic"), "identifier there is already present"),
            (to_machine("m", "_account_viewer", ACCOUNT_ONLY), "already has the role"),
        ] {
            let validated = admin.post(&under("validate"), body.clone()).await.refused(400, "DUPLICATE_FIELD");
            assert!(validated.contains(part), "{validated}");
            assert_eq!(admin.post(&path(""), body).await.refused(400, "DUPLICATE_FIELD"), validated);
        }
        let verdict = admin.post(&under("validate"), named("free", "_account_basic")).await.data();
        assert_eq!(verdict["principalValidationResult"]["valid"], true);
        assert_eq!(trail(&world, "ROLE_ASSIGNMENT").await.len(), 1);
    }

    async fn the_kind_of_principal_decides_who_may(world: World) {
        let roles = "/authz/api/roles?accountIdentifier=acme";
        for (id, permissions) in [
            ("users", ["core_user_view", "core_user_manage"]),
            ("machines", ["core_serviceaccount_view", "core_serviceaccount_edit"]),
            ("looker", ["core_serviceaccount_view", "core_role_view"]),
        ] {
            let body = json!({"identifier": id, "name": id, "permissions": permissions});
            world.admin().post(roles, body).await.expect(200);
        }
        let users = bound(&world, "users", &[("users", ACCOUNT_ONLY)]).await;
        let machines = bound(&world, "machines", &[("machines", ACCOUNT_ONLY)]).await;
        let looker = bound(&world, "looker", &[("looker", ACCOUNT_ONLY)]).await;
        let nobody = bound(&world, "nobody", &[]).await;
        let made = bind(&world, "", to_machine("nobody", "looker", EVERYWHERE)).await;
        let id = made["roleAssignment"]["identifier"].as_str().unwrap().to_owned();
        world.admin().put(&one(&id), json!({"disabled": true})).await.expect(200);

        assert_eq!(of(&users.get(&path("")).await.data()), [world.admin_id.as_str()]);
        assert_eq!(of(&looker.get(&path("")).await.data()), ["looker", "machines", "nobody", "users"]);
        nobody.get(&path("")).await.refused(400, "USER_NOT_AUTHORIZED");
        nobody.get(&one(&id)).await.refused(400, "USER_NOT_AUTHORIZED");
        users.get(&one(&id)).await.refused(400, "RESOURCE_NOT_FOUND_EXCEPTION");
        looker.get(&one(&id)).await.expect(200);

        let before = trail(&world, "ROLE_ASSIGNMENT").await.len();
        let denied = users.post(&path(""), to_machine("nobody", "users", ACCOUNT_ONLY)).await.expect(403);
        assert_eq!(denied.json["failedPermissionChecks"][0]["permission"], "core_serviceaccount_edit");
        looker.post(&path(""), to_machine("nobody", "looker", ACCOUNT_ONLY)).await.refused(403, "NG_ACCESS_DENIED");
        machines.post(&path(""), to_admin(&world, "machines")).await.refused(403, "NG_ACCESS_DENIED");
        looker.delete(&one(&id)).await.refused(403, "NG_ACCESS_DENIED");
        looker.put(&one(&id), json!({"disabled": false})).await.refused(403, "NG_ACCESS_DENIED");
        users.delete(&one(&id)).await.refused(400, "INVALID_REQUEST");
        nobody.delete(&one(&id)).await.refused(403, "NG_ACCESS_DENIED");
        nobody.delete(&one("none")).await.refused(403, "NG_ACCESS_DENIED");
        let batch = looker.post(&under("delete/batch"), json!([id])).await.data();
        assert_eq!(batch["failedToDelete"], 1);
        let multi = json!({"roleAssignments": [to_machine("nobody", "machines", ACCOUNT_ONLY), to_admin(&world, "machines")]});
        let made = machines.post(&under("multi"), multi).await.data();
        let principals: Vec<_> = made.as_array().unwrap().iter().map(|a| &a["roleAssignment"]["principal"]["identifier"]).collect();
        assert_eq!(principals, ["nobody"], "whom he may not bind is left out");
        assert_eq!(trail(&world, "ROLE_ASSIGNMENT").await.len(), before + 1);
        machines.delete(&one(&id)).await.expect(200);
        world.anon().get(&path("")).await.refused(401, "INVALID_TOKEN");
        let stranger = world.holder(&world.other_account("other").await);
        stranger.get(&path("")).await.refused(401, "INVALID_TOKEN");
        stranger.post(&path(""), to_machine("nobody", "_account_admin", EVERYWHERE)).await.refused(401, "INVALID_TOKEN");
    }

    async fn nobody_gives_what_he_does_not_hold(world: World) {
        let body = json!({"identifier": "machines", "name": "M",
            "permissions": ["core_serviceaccount_view", "core_serviceaccount_edit"]});
        world.admin().post("/authz/api/roles?accountIdentifier=acme", body).await.expect(200);
        let bob = bound(&world, "bob", &[("machines", ACCOUNT_ONLY)]).await;
        let denied = bob.post(&path(""), to_machine("bob", "_account_admin", ACCOUNT_ONLY)).await.expect(403);
        assert!(denied.text.contains("restrict_grants_to_own_permissions"), "{}", denied.text);
        bob.post(&path(""), to_machine("bob", "machines", EVERYWHERE)).await.refused(403, "NG_ACCESS_DENIED");
        machine(&world, "n").await;
        let before = trail(&world, "ROLE_ASSIGNMENT").await.len();
        let multi = json!({"roleAssignments": [
            to_machine("bob", "_account_viewer", ACCOUNT_ONLY), to_machine("n", "machines", ACCOUNT_ONLY),
            to_machine("n", "machines", EVERYWHERE),
        ]});
        let made = bob.post(&under("multi"), multi).await.data();
        assert_eq!(made.as_array().unwrap().len(), 1, "only what he holds himself: {made}");
        assert_eq!(made[0]["roleAssignment"]["roleIdentifier"], "machines");
        assert_eq!(trail(&world, "ROLE_ASSIGNMENT").await.len(), before + 1);
        let asleep = bind(&world, "", to_machine("n", "_account_viewer", ACCOUNT_ONLY)).await;
        let id = asleep["roleAssignment"]["identifier"].as_str().unwrap();
        bob.put(&one(id), json!({"disabled": true})).await.expect(200);
        bob.put(&one(id), json!({"disabled": false})).await.refused(403, "NG_ACCESS_DENIED");

        for (value, status) in [("yes", 403), ("no", 200)] {
            let wish = json!([{"identifier": "restrict_grants_to_own_permissions", "value": value, "updateType": "UPDATE"}]);
            let reply = world.admin().put("/ng/api/settings?accountIdentifier=acme", wish).await.data();
            assert_eq!(reply[0]["updateStatus"], true, "{reply}");
            bob.post(&path(""), to_machine("n", "_account_viewer", EVERYWHERE)).await.expect(status);
        }
        bob.post(&path(""), to_machine("bob", "_account_admin", ACCOUNT_ONLY)).await.expect(200);
    }

    async fn a_group_gives_its_members_what_it_is_bound_to(world: World) {
        hierarchy(&world).await;
        let (id, token) = world.person("bob@acme.example").await;
        let (bob, groups) = (world.holder(&token), "/ng/api/scim/account/acme/Groups");
        let group = json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "displayName": "Team A",
            "members": [{"value": id}]
        });
        let scim = world.bearer(world.admin_token());
        let group = scim.post(groups, group).await.expect(201).json["id"].as_str().unwrap().to_owned();
        bob.get(&path("")).await.refused(400, "USER_NOT_AUTHORIZED");
        let to_group = |role: &str, resource_group: &str| json!({
            "roleIdentifier": role, "resourceGroupIdentifier": resource_group,
            "principal": {"identifier": "Team_A", "type": "USER_GROUP", "scopeLevel": "account"}
        });
        bind(&world, "", to_group("_account_viewer", ACCOUNT_ONLY)).await;
        bob.get(&path("")).await.expect(200);
        bob.get(&path("o1/p1")).await.refused(400, "USER_NOT_AUTHORIZED");

        bind(&world, "o1/p1", to_group("_project_viewer", "_all_project_level_resources")).await;
        bob.get(&path("o1/p1")).await.expect(200);
        let implied = world.admin().get(&path("o1")).await.data();
        let implied = &implied["content"][0]["roleAssignment"];
        assert_eq!(implied["roleIdentifier"], "_organization_viewer", "who works in a project sees its organization");
        assert_eq!(implied["resourceGroupIdentifier"], "_all_organization_level_resources");

        let leave = json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
            "Operations": [{"op": "remove", "path": format!("members[value eq \"{id}\"]")}]
        });
        let left = scim.patch(&format!("{groups}/{group}"), leave).await;
        assert!(matches!(left.status, 200 | 204), "{}", left.text);
        bob.get(&path("")).await.refused(400, "USER_NOT_AUTHORIZED");
    }

    async fn a_project_brings_its_organization_along_only_where_that_could_be_given(world: World) {
        hierarchy(&world).await;
        let admin = world.admin();
        let group = json!({"identifier": "acg", "name": "acg"});
        admin.post("/ng/api/user-groups?accountIdentifier=acme", group).await.expect(200);
        let pm = bound(&world, "pm", &[]).await;
        bind(&world, "o1/p1", to_machine("pm", "_project_admin", "_all_project_level_resources")).await;
        let (viewer, whole) = ("_organization_viewer", "_all_organization_level_resources");
        bind(&world, "o1", to_machine("pm", viewer, whole)).await;
        let to_group = |role: &str, resource_group: &str, disabled: bool| json!({
            "roleIdentifier": role, "resourceGroupIdentifier": resource_group, "disabled": disabled,
            "principal": {"identifier": "acg", "type": "USER_GROUP", "scopeLevel": "account"}
        });
        let implied = async || {
            let all = admin.get(&path("o1")).await.data();
            of(&all).iter().filter(|id| *id == "acg").count()
        };
        // He sees the organization himself and may yet bind nobody there.
        pm.post(&path("o1"), to_group(viewer, whole, false)).await.refused(403, "NG_ACCESS_DENIED");
        let basic = |disabled| to_group("_project_basic", "_all_project_level_resources", disabled);
        let made = pm.post(&path("o1/p1"), basic(false)).await.data();
        assert_eq!(implied().await, 0);
        let of_project = |made: &Value| {
            let id = made["roleAssignment"]["identifier"].as_str().unwrap();
            format!("/authz/api/roleassignments/{id}?{}", at("o1/p1"))
        };
        pm.delete(&of_project(&made)).await.expect(200);

        let asleep = admin.post(&path("o1/p1"), basic(true)).await.data();
        assert_eq!(implied().await, 0, "what is switched off brings nothing along");
        pm.put(&of_project(&asleep), json!({"disabled": false})).await.expect(200);
        assert_eq!(implied().await, 0, "he could not give it");
        pm.put(&of_project(&asleep), json!({"disabled": true})).await.expect(200);
        admin.put(&of_project(&asleep), json!({"disabled": false})).await.expect(200);
        assert_eq!(implied().await, 1, "to switch on is to give anew");
    }

    async fn a_right_on_one_of_the_project_is_none_on_its_namesake_above(world: World) {
        hierarchy(&world).await;
        let admin = world.admin();
        let carol = bound(&world, "carol", &[]).await;
        for scope in ["", "o1/p1"] {
            let group = json!({"identifier": "same", "name": "same"});
            admin.post(&format!("/ng/api/user-groups?{}", at(scope)), group).await.expect(200);
            let machine = json!({"identifier": "same", "name": "same"});
            admin.post(&format!("/ng/api/serviceaccount?{}", at(scope)), machine).await.expect(200);
        }
        let resources = ["USERGROUP", "SERVICEACCOUNT"].map(|kind| json!({"resourceType": kind, "identifiers": ["same"]}));
        let named = json!({"resourceGroup": {"identifier": "named", "name": "named", "resourceFilter": {"resources": resources}}});
        admin.post(&format!("/authz/api/v2/resourcegroup?{}", at("o1/p1")), named).await.expect(200);
        let permissions =
            ["core_usergroup_manage", "core_serviceaccount_edit", "core_usergroup_view", "core_serviceaccount_view"];
        let binder = json!({"identifier": "binder", "name": "binder", "permissions": permissions});
        admin.post(&format!("/authz/api/roles?{}", at("o1/p1")), binder).await.expect(200);
        bind(&world, "o1/p1", to_machine("carol", "binder", "named")).await;
        let to = |kind: &str, id: &str, level: Value| json!({
            "roleIdentifier": "binder", "resourceGroupIdentifier": "named",
            "principal": {"identifier": id, "type": kind, "scopeLevel": level}
        });
        let project = path("o1/p1");
        let verdict = format!("/authz/api/roleassignments/validate?{}", at("o1/p1"));
        for kind in ["USER_GROUP", "SERVICE_ACCOUNT"] {
            let (above, here) = (to(kind, "same", json!("account")), to(kind, "same", json!("project")));
            let denied = carol.post(&project, above.clone()).await.expect(403);
            assert!(denied.json["failedPermissionChecks"][0]["resourceIdentifier"].is_null(), "{}", denied.text);
            carol.post(&verdict, above.clone()).await.refused(403, "NG_ACCESS_DENIED");
            carol.post(&verdict, here.clone()).await.expect(200);
            let multi = format!("/authz/api/roleassignments/multi?{}", at("o1/p1"));
            let made = carol.post(&multi, json!({"roleAssignments": [above, here]})).await.data();
            assert_eq!(made.as_array().unwrap().len(), 1, "{made}");
            assert_eq!(made[0]["roleAssignment"]["principal"]["scopeLevel"], "project");
            let bound = bind(&world, "o1/p1", to(kind, "same", json!("account"))).await;
            let id = bound["roleAssignment"]["identifier"].as_str().unwrap();
            let one = format!("/authz/api/roleassignments/{id}?{}", at("o1/p1"));
            carol.put(&one, json!({"disabled": true})).await.refused(403, "NG_ACCESS_DENIED");
            carol.delete(&one).await.refused(403, "NG_ACCESS_DENIED");
            let id = made[0]["roleAssignment"]["identifier"].as_str().unwrap();
            carol.delete(&format!("/authz/api/roleassignments/{id}?{}", at("o1/p1"))).await.expect(200);
        }
        // Where no level is sent, the one that is found counts.
        admin.delete(&format!("/ng/api/user-groups/same?{}", at("o1/p1"))).await.expect(200);
        carol.post(&project, to("USER_GROUP", "same", Value::Null)).await.refused(403, "NG_ACCESS_DENIED");
        carol.post(&project, to("SERVICE_ACCOUNT", "same", Value::Null)).await.expect(200);

        // The right on all of the project's own brings those of the account in.
        bind(&world, "o1/p1", to_machine("carol", "binder", "_all_project_level_resources")).await;
        admin.delete(&format!("/authz/api/v2/resourcegroup/named?{}", at("o1/p1"))).await.expect(200);
        for kind in ["USER_GROUP", "SERVICE_ACCOUNT"] {
            let mut wish = to(kind, "same", json!("account"));
            wish["resourceGroupIdentifier"] = json!("_all_project_level_resources");
            carol.post(&project, wish).await.expect(200);
        }
    }
}
