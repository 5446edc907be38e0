//! The routes under `/v1` (platform API §1.7): bare bodies, lists that headers tell of, scopes in the path.
//! What they do is what the other form does, whose tests say it.

use serde_json::{Value, json};

use crate::actors::{Answer, World};
use crate::both_engines;
use crate::bound::{ACCOUNT_ONLY, bind, bound, hierarchy, machine, to_machine, trail};

const NOW: i64 = 1_767_225_600_000;

/// How many there are, which page it is, and of what size.
fn place(answer: &Answer) -> [&str; 3] {
    ["x-total-elements", "x-page-number", "x-page-size"].map(|name| answer.header(name))
}

/// The texts at this pointer of each item.
fn each(answer: &Answer, at: &str) -> Vec<String> {
    let items = answer.json.as_array().unwrap_or_else(|| panic!("a list: {}", answer.text));
    items.iter().map(|item| item.pointer(at).and_then(Value::as_str).expect("a text").to_owned()).collect()
}

both_engines! {
    async fn an_organization_and_a_project_live_from_create_to_delete(world: World) {
        let admin = world.admin();
        let body = json!({"org": {"identifier": "sales", "name": "Sales", "tags": {"a": "b"}, "unknown": 1}});
        let made = admin.post("/v1/orgs", body).await.expect(201);
        assert_eq!(made.json, json!({
            "org": {"identifier": "sales", "name": "Sales", "description": null, "tags": {"a": "b"}},
            "created": NOW, "updated": NOW, "harness_managed": false
        }));
        let old = made.header("etag").to_owned();
        let same = admin.get("/ng/api/organizations/sales").await;
        assert_eq!((same.header("etag"), &same.json["data"]["organization"]), (&*old, &made.json["org"]));
        let shown = admin.get("/gateway/v1/orgs/sales").await.expect(200);
        assert_eq!((shown.header("etag"), &shown.json), (&*old, &made.json));

        let change = json!({"org": {"name": "Sold"}});
        let changed = admin.with("if-match", &old).put("/v1/orgs/sales", change.clone()).await.expect(200);
        assert_eq!(changed.json["org"]["name"], "Sold");
        assert_ne!(changed.header("etag"), old);
        admin.with("if-match", &old).put("/v1/orgs/sales", change).await.refused(412, "INVALID_REQUEST");
        admin.with("if-match", &old).delete("/v1/orgs/sales").await.refused(412, "INVALID_REQUEST");

        let body = json!({"project": {"identifier": "crm", "name": "CRM", "org": "sales", "modules": ["CORE"]}});
        let made = admin.post("/v1/orgs/sales/projects", body).await.expect(201);
        assert_eq!(made.json, json!({
            "project": {"org": "sales", "identifier": "crm", "name": "CRM", "color": "#0063F7", "modules": ["CORE"],
                "description": null, "tags": {}},
            "created": NOW, "updated": NOW, "is_favorite": false
        }));
        let old = made.header("etag").to_owned();
        let at = "/v1/orgs/sales/projects/crm";
        assert_eq!(admin.get(at).await.expect(200).json, made.json);
        let change = json!({"project": {"identifier": "crm", "name": "New", "color": "#000000"}});
        let changed = admin.with("if-match", &old).put(at, change).await.expect(200);
        assert_eq!((&changed.json["project"]["name"], &changed.json["project"]["color"]), (&json!("New"), &json!("#000000")));
        admin.with("if-match", &old).delete(at).await.refused(412, "INVALID_REQUEST");
        let gone = admin.with("if-match", changed.header("etag")).delete(at).await.expect(200);
        assert_eq!((gone.json["project"]["name"].as_str(), gone.header("etag")), (Some("New"), ""));
        admin.get(at).await.refused(400, "RESOURCE_NOT_FOUND_EXCEPTION");

        assert_eq!(admin.delete("/v1/orgs/sales").await.expect(200).json["org"]["name"], "Sold");
        admin.get("/v1/orgs/sales").await.refused(400, "RESOURCE_NOT_FOUND_EXCEPTION");
        assert_eq!(trail(&world, "ORGANIZATION").await.len(), 3);
    }

    async fn lists_of_organizations_and_projects_are_told_of_by_headers(world: World) {
        let admin = world.admin();
        for id in ["b", "a", "c"] {
            world.app.clock.advance_secs(1);
            admin.post("/v1/orgs", json!({"org": {"identifier": id, "name": format!("Org {id}")}})).await.expect(201);
            let body = json!({"project": {"identifier": id, "name": format!("Project {id}")}});
            admin.post("/v1/orgs/a/projects", body).await.expect(if id == "b" { 400 } else { 201 });
        }
        let all = admin.get("/v1/orgs").await.expect(200);
        assert_eq!(each(&all, "/org/identifier"), ["c", "a", "b", "default"]);
        assert_eq!(place(&all), ["4", "0", "20"]);
        let second = admin.get("/v1/orgs?page=1&limit=3&sort=identifier&order=ASC").await.expect(200);
        assert_eq!((each(&second, "/org/identifier"), place(&second)), (vec!["default".to_owned()], ["4", "1", "3"]));
        let beyond = admin.get("/v1/orgs?page=9").await.expect(200);
        assert_eq!((&beyond.json, place(&beyond)), (&json!([]), ["4", "9", "20"]));
        let some = admin.get("/v1/orgs?org=a&org=b&search_term=ORG&sort=name&order=ASC").await.expect(200);
        assert_eq!((each(&some, "/org/name"), place(&some)), (vec!["Org a".to_owned(), "Org b".to_owned()], ["2", "0", "20"]));

        let projects = admin.get("/v1/orgs/a/projects?sort=created&order=ASC").await.expect(200);
        assert_eq!((each(&projects, "/project/identifier"), place(&projects)), (vec!["a".to_owned(), "c".to_owned()], ["2", "0", "30"]));
        let one = admin.get("/v1/orgs/a/projects?project=c,d").await.expect(200);
        assert_eq!(each(&one, "/project/identifier"), ["c"]);
        let yaml = admin.with("accept", "application/yaml").get("/v1/orgs?org=a").await.expect(200);
        assert!(yaml.text.starts_with("- org:") && place(&yaml) == ["1", "0", "20"], "{}", yaml.text);
    }

    async fn what_cannot_be_is_refused_by_the_names_of_this_form(world: World) {
        hierarchy(&world).await;
        let admin = world.admin();
        for query in ["limit=101", "limit=0", "page=x", "sort=color", "order=UP", "searchTerm=a", "pageSize=5",
            "sortOrders=name", "harnessManaged=true"] {
            for at in ["/v1/orgs", "/v1/orgs/o1/projects"] {
                admin.get(&format!("{at}?{query}")).await.refused(400, "INVALID_REQUEST");
            }
        }
        admin.get("/v1/orgs/o1/projects?module_type=CD").await.refused(400, "INVALID_REQUEST");
        admin.get("/v1/orgs/o9/projects").await.refused(400, "INVALID_ARGUMENT");
        let bad = json!({"org": {"identifier": "no-id", "name": ""}});
        let answer = admin.post("/v1/orgs", bad).await.expect(400);
        let fields: Vec<_> = answer.json["errors"].as_array().expect("a FailureDTO").iter().map(|e| &e["fieldId"]).collect();
        assert_eq!(fields, ["org.identifier", "org.name"]);
        admin.post("/v1/orgs", json!({"org": {"identifier": "o1", "name": "O"}})).await.refused(400, "DUPLICATE_FIELD");
        for body in [json!({"project": {"name": "P", "org": "o9"}}), json!({"project": {"name": "P", "identifier": "p9"}})] {
            let text = admin.put("/v1/orgs/o1/projects/p1", body).await.refused(400, "INVALID_REQUEST");
            assert!(text.contains("Value mismatch"), "{text}");
        }
        for (path, text) in [
            ("/v1/orgs?orgIdentifier=o1", "previous: none current: o1"),
            ("/v1/orgs/o1?orgIdentifier=o2", "previous: o1 current: o2"),
            ("/v1/orgs/o1/projects?projectIdentifier=p1", "previous: none current: p1"),
            ("/v1/orgs/o1?account=acme&accountIdentifier=other", "previous: acme current: other"),
        ] {
            let told = admin.get(path).await.refused(400, "INVALID_REQUEST");
            assert!(told.contains(text), "{told}");
        }
        admin.get("/v1/orgs/o1/projects/p1?orgIdentifier=o1&projectIdentifier=p1&accountIdentifier=acme").await.expect(200);
    }

    async fn what_the_other_form_calls_otherwise_is_not_passed_over(world: World) {
        hierarchy(&world).await;
        let admin = world.admin();
        let group = |more: Value| {
            let mut body = json!({"identifier": "g", "name": "G"});
            body.as_object_mut().expect("an object").extend(more.as_object().expect("members").clone());
            body
        };
        for (path, body, field, name) in [
            ("/v1/audits", json!({"startTime": NOW}), "startTime", "start_time"),
            ("/v1/audits", json!({"includeChildScopes": true}), "includeChildScopes", "include_child_scopes"),
            ("/v1/audits", json!({"scopes": [{"orgIdentifier": "o1"}]}), "scopes[0].orgIdentifier", "org_identifier"),
            ("/v1/roles", json!({"identifier": "r", "name": "R", "Permissions": ["core_user_view"]}), "Permissions", "permissions"),
            ("/v1/resource-groups", group(json!({"includedScopes": [{}]})), "includedScopes", "included_scope"),
            ("/v1/resource-groups", group(json!({"resourceFilter": {"resources": [{}]}})), "resourceFilter", "resource_filter"),
            ("/v1/resource-groups", group(json!({"includeAllResources": true})), "includeAllResources", "include_all_resources"),
            ("/v1/resource-groups", group(json!({"included_scope": [{"orgIdentifier": "o1"}]})), "included_scope[0].orgIdentifier", "org"),
            ("/v1/resource-groups/filter", json!({"orgIdentifier": "o1"}), "orgIdentifier", "org"),
            ("/v1/resource-groups/filter", json!({"managedFilter": "ONLY_CUSTOM"}), "managedFilter", "managed_filter"),
            ("/v1/role-assignments", json!({"principal": {"scopeLevel": "account"}}), "principal.scopeLevel", "scope_level"),
            ("/v1/role-assignments", json!({"resourceGroupIdentifier": "g"}), "resourceGroupIdentifier", "resource_group"),
            ("/v1/orgs/o1/projects", json!({"project": {"orgIdentifier": "o2", "name": "P"}}), "project.orgIdentifier", "org"),
        ] {
            let answer = admin.post(path, body.clone()).await.expect(400);
            assert_eq!(answer.json["errors"][0]["fieldId"], field, "{body}: {}", answer.text);
            assert!(answer.text.contains(&format!("is called {name} under /v1")), "{}", answer.text);
        }
        let condition = admin.post("/v1/resource-groups", group(json!({"attribute_filter": {"a": "b"}}))).await.expect(400);
        assert_eq!(condition.json["errors"][0]["fieldId"], "attribute_filter", "{}", condition.text);
        for path in ["/v1/roles", "/v1/orgs/o1/roles/count", "/v1/role-assignments", "/v1/role-assignments/count"] {
            admin.get(&format!("{path}?harness_managed=true")).await.refused(400, "INVALID_REQUEST");
        }
        admin.post("/v1/roles", json!({"identifier": "r", "name": "R", "lastModifiedAt": 1, "Permissions": []})).await.expect(201);

        // Refusals name what the body here has.
        admin.post("/v1/orgs/o1/projects", json!({"project": {"identifier": "p9", "name": "P"}})).await.expect(201);
        for (path, body, told) in [
            ("/v1/orgs/o1/projects", json!({"project": {"identifier": "p9", "name": "P"}}), "and org [o1] already exists"),
            ("/v1/resource-groups/filter", json!({"account": "other"}), "(account)"),
            ("/v1/resource-groups/filter", json!({"project": "p1"}), "without its organization"),
            ("/v1/resource-groups/filter", json!({"managed_filter": "X"}), "managed_filter \"X\""),
            ("/v1/audits", json!({"scopes": [{"account_identifier": "other"}]}), "(account_identifier)"),
            ("/v1/orgs/o9/roles", json!({"identifier": "r", "name": "R"}), "correct its identifier"),
        ] {
            let text = admin.post(path, body).await.expect(400).json["message"].to_string().replace("\\\"", "\"");
            assert!(text.contains(told) && !text.contains("Identifier"), "{text}");
        }
    }

    async fn a_role_lives_in_each_place_from_create_to_delete(world: World) {
        hierarchy(&world).await;
        let admin = world.admin();
        for (at, level, scope) in [
            ("/v1", "account", json!({"account": "acme", "org": null, "project": null})),
            ("/v1/orgs/o1", "organization", json!({"account": "acme", "org": "o1", "project": null})),
            ("/gateway/v1/orgs/o1/projects/p1", "project", json!({"account": "acme", "org": "o1", "project": "p1"})),
        ] {
            let roles = format!("{at}/roles");
            let body = json!({"identifier": "mine", "name": "Mine", "permissions": ["core_user_view"], "tags": {"a": "b"}});
            let made = admin.post(&roles, body.clone()).await.expect(201).json;
            assert_eq!(made, json!({
                "identifier": "mine", "name": "Mine", "permissions": ["core_user_view"], "allowed_scope_levels": [level],
                "description": null, "tags": {"a": "b"}, "scope": scope, "created": NOW, "updated": NOW,
                "harness_managed": false
            }));
            admin.post(&roles, body).await.refused(400, "DUPLICATE_FIELD");
            assert_eq!(admin.get(&format!("{roles}/mine")).await.expect(200).json, made);
            let found = admin.get(&format!("{roles}?limit=2&sort=identifier&order=ASC&page=1")).await.expect(200);
            let [total, ..] = place(&found);
            assert_eq!(admin.get(&format!("{roles}/count")).await.expect(200).json.to_string(), format!("{{\"count\":{total}}}"));
            let found = admin.get(&format!("{roles}?search_term=MINE")).await.expect(200);
            assert_eq!((each(&found, "/identifier"), place(&found)), (vec!["mine".to_owned()], ["1", "0", "30"]));
            let managed = admin.get(&format!("{roles}?search_term={level}%20viewer")).await.expect(200).json;
            assert_eq!((&managed[0]["harness_managed"], &managed[0]["created"], &managed[0]["scope"]), (&json!(true), &Value::Null, &Value::Null));
            let change = json!({"identifier": "mine", "name": "Other", "permissions": []});
            let changed = admin.put(&format!("{roles}/mine"), change).await.expect(200).json;
            assert_eq!((&changed["name"], &changed["permissions"]), (&json!("Other"), &json!([])));
            let text = admin.put(&format!("{roles}/mine"), json!({"identifier": "yours", "name": "Y"})).await.refused(400, "INVALID_REQUEST");
            assert!(text.contains("Value mismatch, previous: mine current: yours"), "{text}");
            assert_eq!(admin.delete(&format!("{roles}/mine")).await.expect(200).json["name"], "Other");
            admin.get(&format!("{roles}/mine")).await.refused(400, "RESOURCE_NOT_FOUND_EXCEPTION");
        }
        assert_eq!(trail(&world, "ROLE").await.len(), 9);
        let bad = admin.post("/v1/roles", json!({"identifier": "count", "name": "Count"})).await.expect(400);
        assert_eq!(bad.json["errors"][0]["fieldId"], "identifier", "it could not be found: {}", bad.text);
    }

    async fn a_resource_group_lives_in_each_place_from_create_to_delete(world: World) {
        hierarchy(&world).await;
        machine(&world, "bot").await;
        let admin = world.admin();
        for (at, level, org, project) in [
            ("/v1", "account", Value::Null, Value::Null),
            ("/v1/orgs/o1", "organization", json!("o1"), Value::Null),
            ("/v1/orgs/o1/projects/p1", "project", json!("o1"), json!("p1")),
        ] {
            let groups = format!("{at}/resource-groups");
            let body = json!({"identifier": "people", "name": "People", "color": "#000000", "resource_filter": [{"resource_type": "USER"}]});
            let made = admin.post(&groups, body).await.expect(201).json;
            assert_eq!(made, json!({
                "identifier": "people", "name": "People", "color": "#000000", "tags": {}, "description": null,
                "allowed_scope_levels": [level],
                "included_scope": [{"filter": "EXCLUDING_CHILD_SCOPES", "account": "acme", "org": org, "project": project}],
                "resource_filter": [{"resource_type": "USER"}], "include_all_resources": false,
                "harness_managed": false, "created": NOW, "updated": NOW
            }));
            assert_eq!(admin.get(&format!("{groups}/people")).await.expect(200).json, made);
            let change = json!({"name": "All", "include_all_resources": true, "included_scope":
                [{"filter": "INCLUDING_CHILD_SCOPES", "account": "acme", "org": org, "project": project}]});
            let changed = admin.put(&format!("{groups}/people"), change).await.expect(200).json;
            assert_eq!((&changed["include_all_resources"], &changed["resource_filter"]), (&json!(true), &json!([])));
            let found = admin.get(&format!("{groups}?sort=identifier&order=DESC&limit=1")).await.expect(200);
            assert_eq!((each(&found, "/identifier"), &place(&found)[1..]), (vec!["people".to_owned()], &["0", "1"][..]));
            let filter = json!({"account": "acme", "org": org, "project": project, "managed_filter": "ONLY_CUSTOM"});
            let found = admin.post("/v1/resource-groups/filter?limit=5", filter).await.expect(200);
            assert_eq!((&found.json, place(&found)), (&json!([changed]), ["1", "0", "5"]));
            let named = json!({"org": org, "project": project, "identifier_filter": ["people"], "search_term": "b"});
            assert_eq!(admin.post("/v1/resource-groups/filter", named).await.expect(200).json, json!([]));
            assert_eq!(admin.delete(&format!("{groups}/people")).await.expect(200).json, changed);
            admin.get(&format!("{groups}/people")).await.refused(404, "RESOURCE_NOT_FOUND");
        }
        let one = json!({"identifier": "one", "name": "One", "resource_filter": [{"resource_type": "SERVICEACCOUNT", "identifiers": ["bot", "gone"]}]});
        assert_eq!(admin.post("/v1/resource-groups", one).await.expect(201).json["resource_filter"][0]["identifiers"], json!(["bot"]));
        for condition in ["attribute_filter", "attribute_name", "attribute_values"] {
            let body = json!({"identifier": "g", "name": "G", "resource_filter": [{"resource_type": "USER", condition: "category"}]});
            let answer = admin.post("/v1/resource-groups", body).await.expect(400);
            assert_eq!(answer.json["errors"][0]["fieldId"], format!("resource_filter[0].{condition}"), "{}", answer.text);
        }
        let bad = admin.post("/v1/resource-groups", json!({"identifier": "a-b", "name": "G", "resource_filter": [{"resource_type": ""}]})).await.expect(400);
        let fields: Vec<_> = bad.json["errors"].as_array().expect("a FailureDTO").iter().map(|e| &e["fieldId"]).collect();
        assert_eq!(fields, ["identifier", "resource_filter[0].resource_type"]);
        let both = json!({"identifier": "g", "name": "G", "include_all_resources": true, "resource_filter": [{"resource_type": "USER"}]});
        let text = admin.post("/v1/resource-groups", both).await.refused(400, "INVALID_REQUEST");
        assert!(text.contains("set include_all_resources to false or leave resource_filter empty"), "{text}");
        let other = json!({"identifier": "g", "name": "G", "included_scope": [{"filter": "EXCLUDING_CHILD_SCOPES", "account": "other"}]});
        let text = admin.post("/v1/resource-groups", other).await.refused(400, "INVALID_REQUEST");
        assert!(text.contains("previous: acme current: other (account)"), "{text}");
        admin.post("/v1/resource-groups/filter", json!({"account": "other"})).await.refused(400, "INVALID_REQUEST");
        admin.post("/v1/resource-groups/filter", json!({"resource_selector_filter": [{"resource_type": "USER"}]})).await.expect(400);
    }

    async fn a_role_assignment_lives_in_each_place_from_create_to_delete(world: World) {
        hierarchy(&world).await;
        machine(&world, "bot").await;
        let admin = world.admin();
        for (at, role, group) in [
            ("/v1", "_account_viewer", ACCOUNT_ONLY),
            ("/v1/orgs/o1", "_organization_viewer", "_all_organization_level_resources"),
            ("/v1/orgs/o1/projects/p1", "_project_viewer", "_all_project_level_resources"),
        ] {
            let all = format!("{at}/role-assignments");
            let count = format!("{all}/count");
            let before = admin.get(&count).await.expect(200).json["count"].as_u64().expect("a number");
            let body = json!({"identifier": "one", "role": role, "resource_group": group, "disabled": true,
                "principal": {"identifier": "bot", "type": "SERVICE_ACCOUNT"}});
            let made = admin.post(&all, body.clone()).await.expect(201).json;
            assert_eq!(made, json!({
                "role-assignment": {
                    "identifier": "one", "resource_group": group, "role": role, "disabled": true, "managed": false,
                    "principal": {"scope_level": "account", "identifier": "bot", "type": "SERVICE_ACCOUNT"}
                },
                "created": NOW, "updated": NOW, "harness_managed": false
            }));
            admin.post(&all, body).await.refused(400, "DUPLICATE_FIELD");
            assert_eq!(admin.get(&format!("{all}/one")).await.expect(200).json, made);
            let found = admin.get(&format!("{all}?sort=identifier&order=ASC&limit=100")).await.expect(200);
            assert!(each(&found, "/role-assignment/identifier").contains(&"one".to_owned()), "{}", found.text);
            assert_eq!(place(&found), [(before + 1).to_string().as_str(), "0", "100"]);
            assert_eq!(admin.get(&count).await.expect(200).json, json!({"count": before + 1}));
            admin.put(&format!("{all}/one"), json!({})).await.refused(405, "RESOURCE_NOT_FOUND_EXCEPTION");
            assert_eq!(admin.delete(&format!("{all}/one")).await.expect(200).json, made);
            admin.get(&format!("{all}/one")).await.refused(400, "RESOURCE_NOT_FOUND_EXCEPTION");
            admin.get(&format!("{all}?search_term=a")).await.refused(400, "INVALID_REQUEST");
            admin.get(&format!("{all}?sort=name")).await.refused(400, "INVALID_REQUEST");
        }
        let bad = admin.post("/v1/role-assignments", json!({"principal": {"identifier": "bot", "type": "ROBOT", "scope_level": "x"}})).await.expect(400);
        let fields: Vec<_> = bad.json["errors"].as_array().expect("a FailureDTO").iter().map(|e| &e["fieldId"]).collect();
        assert_eq!(fields, ["role", "resource_group", "principal.type", "principal.scope_level"]);
    }

    async fn the_path_says_where_a_right_is_asked_for(world: World) {
        hierarchy(&world).await;
        machine(&world, "own").await;
        let in_org = bound(&world, "in_org", &[]).await;
        bind(&world, "o1", to_machine("in_org", "_organization_admin", "_all_organization_level_resources")).await;
        let role = json!({"identifier": "mine", "name": "Mine"});
        let granted = json!({"role": "_organization_viewer", "resource_group": "_all_organization_level_resources",
            "principal": {"identifier": "own", "type": "SERVICE_ACCOUNT"}});
        in_org.post("/v1/orgs/o1/roles", role.clone()).await.expect(201);
        in_org.post("/v1/orgs/o1/role-assignments", granted.clone()).await.expect(201);
        for place in ["", "/orgs/o1/projects/p1"] {
            for path in ["roles", "roles/count", "resource-groups"] {
                in_org.get(&format!("/v1{place}/{path}")).await.refused(403, "NG_ACCESS_DENIED");
            }
            in_org.post(&format!("/v1{place}/roles"), role.clone()).await.refused(403, "NG_ACCESS_DENIED");
            in_org.get(&format!("/v1{place}/role-assignments/count")).await.refused(400, "USER_NOT_AUTHORIZED");
            in_org.post(&format!("/v1{place}/role-assignments"), granted.clone()).await.refused(403, "NG_ACCESS_DENIED");
        }
        in_org.post("/v1/resource-groups/filter", json!({"org": "o1"})).await.expect(200);
        in_org.post("/v1/resource-groups/filter", json!({})).await.refused(403, "NG_ACCESS_DENIED");
        let meant = world.admin().post("/v1/roles?orgIdentifier=o1", json!({"identifier": "lost", "name": "Lost"})).await;
        assert!(meant.refused(400, "INVALID_REQUEST").contains("previous: none current: o1"), "it would be the account's");
    }

    async fn the_audit_trail_is_told_in_snake_case(world: World) {
        hierarchy(&world).await;
        let admin = world.admin();
        for (at, id) in [("/v1", "a"), ("/v1/orgs/o1", "b")] {
            world.app.clock.advance_secs(1);
            admin.post(&format!("{at}/roles"), json!({"identifier": id, "name": id})).await.expect(201);
        }
        let all = json!({"resources": [{"type": "ROLE"}]});
        let found = admin.post("/v1/audits?limit=1", all.clone()).await.expect(200);
        assert_eq!((each(&found, "/resource/identifier"), place(&found)), (vec!["b".to_owned()], ["2", "0", "1"]));
        let mut event = found.json[0].clone();
        let members = event.as_object_mut().expect("an object");
        let (id, info) = (members.remove("audit_id"), members.remove("internal_info").expect("texts"));
        assert!(id.is_some() && id == members.remove("insert_id"));
        assert!(info["requestId"].is_string() && info["credentialType"] == "TOKEN", "{info}");
        assert_eq!(event, json!({
            "resource_scope": {"account_identifier": "acme", "org_identifier": "o1"},
            "http_request_info": {"request_method": "POST"}, "request_metadata": {}, "timestamp": NOW + 2_000,
            "authentication_info": {
                "principal": {"type": "USER", "identifier": "admin@acme.example"},
                "labels": {"username": "admin", "userId": world.admin_id}
            },
            "module": "CORE", "resource": {"type": "ROLE", "identifier": "b", "labels": {"resourceName": "b"}},
            "action": "CREATE", "audit_event_data": {"type": "CHANGE", "change": {"permissions": []}}
        }));
        let first = admin.post("/v1/audits?sort=created&order=ASC", all).await.expect(200);
        assert_eq!(each(&first, "/resource/identifier"), ["a", "b"]);
        let of_org = json!({"resources": [{"type": "ROLE"}], "scopes": [{"org_identifier": "o1"}], "actions": ["CREATE"],
            "start_time": NOW, "end_time": NOW + 9_000, "static_filter": ["EXCLUDE_LOGIN_EVENTS"]});
        assert_eq!(each(&admin.post("/v1/audits", of_org).await.expect(200), "/resource/identifier"), ["b"]);
        let below = json!({"resources": [{"type": "ROLE"}], "scopes": [{"account_identifier": "acme"}], "include_child_scopes": true});
        assert_eq!(place(&admin.post("/v1/audits", below).await.expect(200))[0], "2");
        let system = json!({"resources": [{"type": "ACCOUNT"}], "static_filter": []});
        assert_eq!(place(&admin.post("/v1/audits", system).await.expect(200))[0], "1");
        let mine = json!({"resources": [{"type": "ACCOUNT"}], "static_filter": ["EXCLUDE_SYSTEM_EVENTS", "EXCLUDE_LOGIN_EVENTS"]});
        assert_eq!(admin.post("/v1/audits", mine).await.expect(200).json, json!([]));
        assert!(admin.send(http::Method::POST, "/v1/audits", None).await.expect(200).json.as_array().is_some());
        for (path, body, told) in [
            ("/v1/audits", json!({"static_filter": ["EXCLUDE_SYSTEM_EVENTS", "NONE"]}), "static_filter \"NONE\" is unknown"),
            ("/v1/audits", json!({"start_time": 2, "end_time": 1}), "start_time 2 lies after end_time 1"),
            ("/v1/audits", json!({"tags": [{"key": "a", "value": "b"}]}), "nothing here goes by it"),
            ("/v1/audits", json!({"scopes": [{"account_identifier": "other"}]}), "previous: acme current: other"),
            ("/v1/audits", json!({"actions": ["EAT"]}), "EAT, which is unknown"),
            ("/v1/audits?search_term=a", json!({}), "search_term is not taken"),
            ("/v1/audits?sort=updated", json!({}), "use created"),
            ("/v1/audits?orgIdentifier=o1", json!({}), "previous: none current: o1"),
        ] {
            let text = admin.post(path, body).await.refused(400, "INVALID_REQUEST");
            assert!(text.contains(told), "{text}");
        }
        bound(&world, "nobody", &[]).await.post("/v1/audits", json!({})).await.refused(403, "NG_ACCESS_DENIED");
    }
}
