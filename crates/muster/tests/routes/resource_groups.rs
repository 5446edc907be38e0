//! Resource groups (platform API §8).

use serde_json::{Value, json};

use crate::actors::World;
use crate::both_engines;
use crate::bound::{ACCOUNT_ONLY, bound, hierarchy, rows, trail};

const GROUPS: &str = "/authz/api/v2/resourcegroup?accountIdentifier=acme";

fn one(id: &str) -> String {
    format!("/authz/api/v2/resourcegroup/{id}?accountIdentifier=acme")
}

fn group(id: &str, filter: Value) -> Value {
    json!({"resourceGroup": {"identifier": id, "name": format!("Group {id}"), "resourceFilter": filter}})
}

fn of_type(name: &str, ids: &[&str]) -> Value {
    json!({"includeAllResources": false, "resources": [{"resourceType": name, "identifiers": ids}]})
}

fn ids(page: &Value) -> Vec<String> {
    let content = page["content"].as_array().expect("a page has content");
    content.iter().map(|g| g["resourceGroup"]["identifier"].as_str().expect("an id").to_owned()).collect()
}

both_engines! {
    /// Groups can name thousands of resources: only those of the page are read whole.
    async fn a_page_does_not_read_what_is_not_on_it(world: World) {
        let admin = world.admin();
        for id in ["a", "b", "c"] {
            admin.post(GROUPS, group(id, of_type("USER", &[]))).await.data();
        }
        let spoil = |tx: &mut db::Tx<'_>| tx.exec("UPDATE resource_groups SET resource_filter = '' WHERE identifier = 'b'", &[]);
        world.app.db.write::<_, db::Error>("test.spoil", "acme", spoil).await.unwrap();
        let page = async |index: u32| {
            let path = format!("{GROUPS}&sortOrders=identifier,ASC&searchTerm=Group&pageSize=1&pageIndex={index}");
            admin.get(&path).await
        };
        for (index, id) in [(0, "a"), (2, "c")] {
            let found = page(index).await.data();
            assert_eq!((ids(&found), &found["totalItems"]), (vec![id.to_owned()], &json!(3)));
        }
        page(1).await.expect(500);
    }

    async fn a_group_lives_from_create_to_delete(world: World) {
        let admin = world.admin();
        let made = admin.post(GROUPS, json!({"resourceGroup": {
            "accountIdentifier": "acme", "identifier": "g", "name": "G", "tags": {"a": "b"}, "description": "d",
            "allowedScopeLevels": ["project"], "resourceFilter": of_type("USER", &[&world.admin_id, "gone"])
        }})).await.data();
        assert_eq!(made["resourceGroup"], json!({
            "accountIdentifier": "acme", "identifier": "g", "name": "G", "color": "#0063F7", "tags": {"a": "b"},
            "description": "d", "allowedScopeLevels": ["account"],
            "includedScopes": [{"filter": "EXCLUDING_CHILD_SCOPES", "accountIdentifier": "acme"}],
            "resourceFilter": {"includeAllResources": false, "resources": [
                {"resourceType": "USER", "identifiers": [world.admin_id]}
            ]}
        }));
        assert_eq!(made["harnessManaged"], false);
        assert_eq!(admin.get(&one("g")).await.data(), made);
        world.app.clock.advance_secs(1);
        let changed = admin.put(&one("g"), group("g", json!({"includeAllResources": true}))).await.data();
        assert_eq!(changed["resourceGroup"]["resourceFilter"], json!({"includeAllResources": true, "resources": []}));
        assert_eq!(changed["lastModifiedAt"], 1_767_225_601_000_i64);
        let mut unnamed = group("g", json!({"includeAllResources": true}));
        unnamed["resourceGroup"]["identifier"] = json!("");
        assert_eq!(admin.put(&one("g"), unnamed).await.data()["resourceGroup"]["identifier"], "g");
        admin.put(&one("g"), group("h", json!({}))).await.refused(400, "INVALID_REQUEST");
        assert_eq!(admin.delete(&one("g")).await.data(), true);
        admin.get(&one("g")).await.refused(404, "RESOURCE_NOT_FOUND");
        admin.delete(&one("g")).await.refused(404, "RESOURCE_NOT_FOUND");
        admin.put(&one("g"), group("g", json!({}))).await.refused(404, "RESOURCE_NOT_FOUND");
        assert_eq!(trail(&world, "RESOURCE_GROUP").await.len(), 3, "what was so already is no change");
    }

    async fn snake_case_is_read_too(world: World) {
        hierarchy(&world).await;
        let path = format!("{GROUPS}&orgIdentifier=o1");
        let made = world.admin().post(&path, json!({"resourceGroup": {
            "account_identifier": "acme", "org_identifier": "o1", "identifier": "g", "name": "G", "color": "#ff0000",
            "allowed_scope_levels": ["organization"],
            "included_scopes": [{"filter": "INCLUDING_CHILD_SCOPES", "account_identifier": "acme", "org_identifier": "o1"}],
            "resource_filter": {"include_all_resources": false, "resources": [{"resource_type": "USERGROUP"}]}
        }})).await.data();
        assert_eq!(made["resourceGroup"]["includedScopes"], json!([
            {"filter": "INCLUDING_CHILD_SCOPES", "accountIdentifier": "acme", "orgIdentifier": "o1"}
        ]));
        assert_eq!(made["resourceGroup"]["resourceFilter"]["resources"], json!([{"resourceType": "USERGROUP"}]));
        assert_eq!(made["resourceGroup"]["allowedScopeLevels"], json!(["organization"]));
    }

    async fn a_filter_takes_its_scope_from_query_and_body_alike(world: World) {
        hierarchy(&world).await;
        let (admin, filter) = (world.admin(), "/authz/api/v2/resourcegroup/filter?accountIdentifier=acme");
        let of_o1 = ["_all_organization_level_resources", "_all_resources_including_child_scopes"];
        for body in [json!({}), json!({"orgIdentifier": ""}), json!({"orgIdentifier": null}), json!({"orgIdentifier": "o1"})] {
            let found = admin.post(&format!("{filter}&orgIdentifier=o1"), body.clone()).await.data();
            assert_eq!(ids(&found), of_o1, "{body}");
        }
        assert_eq!(ids(&admin.post(filter, json!({"orgIdentifier": "o1"})).await.data()), of_o1);
        for body in [json!({"orgIdentifier": "other"}), json!({"accountIdentifier": "globex"}), json!({"projectIdentifier": "p9"})] {
            let text = admin.post(&format!("{filter}&orgIdentifier=o1&projectIdentifier=p1"), body).await;
            assert!(text.refused(400, "INVALID_REQUEST").contains("Value mismatch"));
        }
    }

    async fn lists_and_filters(world: World) {
        hierarchy(&world).await;
        let admin = world.admin();
        admin.post(GROUPS, group("mine", json!({}))).await.expect(200);
        assert_eq!(ids(&admin.get(GROUPS).await.data()), [ACCOUNT_ONLY, "_all_resources_including_child_scopes", "mine"]);
        assert_eq!(ids(&admin.get(&format!("{GROUPS}&orgIdentifier=o1")).await.data()), [
            "_all_organization_level_resources", "_all_resources_including_child_scopes"
        ]);
        assert_eq!(ids(&admin.get(&format!("{GROUPS}&searchTerm=MINE")).await.data()), ["mine"]);
        let filter = "/authz/api/v2/resourcegroup/filter?accountIdentifier=acme";
        let custom = admin.post(filter, json!({"accountIdentifier": "acme", "managedFilter": "ONLY_CUSTOM"})).await;
        assert_eq!(ids(&custom.data()), ["mine"]);
        let named = admin.post(filter, json!({"identifierFilter": [ACCOUNT_ONLY]})).await.data();
        assert_eq!(ids(&named), [ACCOUNT_ONLY]);
        assert_eq!(named["content"][0]["harnessManaged"], true);
        admin.post(filter, json!({"managedFilter": "SOME"})).await.refused(400, "INVALID_REQUEST");
        let managed = admin.get(&one(ACCOUNT_ONLY)).await.data();
        assert_eq!(managed["resourceGroup"]["resourceFilter"]["includeAllResources"], true);
        admin.get(&one("_all_project_level_resources")).await.refused(404, "RESOURCE_NOT_FOUND");
    }

    async fn a_group_that_cannot_be_is_refused_and_changes_nothing(world: World) {
        hierarchy(&world).await;
        let admin = world.admin();
        let before = trail(&world, "RESOURCE_GROUP").await;
        let both = json!({"includeAllResources": true, "resources": [{"resourceType": "USER"}]});
        let text = admin.post(GROUPS, group("g", both)).await.refused(400, "INVALID_REQUEST");
        assert!(text.contains("all resources"), "{text}");
        let mut dynamic = group("g", of_type("USER", &["u"]));
        dynamic["resourceGroup"]["includedScopes"] = json!([{"filter": "INCLUDING_CHILD_SCOPES"}]);
        let text = admin.post(GROUPS, dynamic).await.refused(400, "INVALID_REQUEST");
        assert!(text.contains("dynamic scope"), "{text}");
        let mut outside = group("g", json!({}));
        outside["resourceGroup"]["includedScopes"] = json!([{"filter": "EXCLUDING_CHILD_SCOPES"}]);
        let text = admin.post(&format!("{GROUPS}&orgIdentifier=o1"), outside).await.refused(400, "INVALID_REQUEST");
        assert!(text.contains("does not match"), "{text}");
        let mut unknown = group("g", json!({}));
        unknown["resourceGroup"]["includedScopes"] = json!([{"filter": "EXCLUDING_CHILD_SCOPES", "orgIdentifier": "o9"}]);
        admin.post(GROUPS, unknown).await.refused(400, "INVALID_ARGUMENT");
        admin.post(GROUPS, group("g", of_type("PIPELINE", &[]))).await.refused(400, "INVALID_ARGUMENT");
        let conditional = json!({"resources": [{"resourceType": "USER",
            "attributeFilter": {"attributeName": "category", "attributeValues": ["x"]}}]});
        admin.post(GROUPS, group("g", conditional)).await.refused(400, "INVALID_REQUEST");
        for (name, condition) in [
            ("attribute_filter", json!({"attribute_name": "category", "attribute_values": ["x"]})),
            ("attributeFilter", json!({"attribute_name": "category"})),
            ("attributeFilter", json!({"attributeValues": ["x"]})),
            ("attributeFilter", json!({"attributeName": null})),
            ("attributeFilter", json!({})),
            ("attribute_filter", json!("category")),
            ("attribute_filter", json!([])),
            ("attributeFilter", json!(false)),
        ] {
            let mut selector = json!({"resource_type": "USER"});
            selector[name] = condition;
            let text = admin.post(GROUPS, group("g", json!({"resources": [selector]}))).await.refused(400, "INVALID_REQUEST");
            assert!(text.contains("cannot be used") && text.contains(name), "{text}");
        }
        let mut colour = group("g", json!({}));
        colour["resourceGroup"]["color"] = json!("red");
        admin.post(GROUPS, colour).await.refused(400, "INVALID_REQUEST");
        let mut mismatch = group("g", json!({}));
        mismatch["resourceGroup"]["accountIdentifier"] = json!("other");
        admin.post(GROUPS, mismatch).await.refused(400, "INVALID_REQUEST");
        for taken in [ACCOUNT_ONLY, &ACCOUNT_ONLY.to_uppercase()] {
            let text = admin.post(GROUPS, group(taken, json!({}))).await.refused(400, "DUPLICATE_FIELD");
            assert!(text.contains(ACCOUNT_ONLY), "{text}");
        }
        admin.post(GROUPS, json!({"identifier": "g"})).await.refused(400, "INVALID_REQUEST");
        admin.post(GROUPS, json!({"resourceGroup": {"identifier": []}})).await.refused(400, "INVALID_REQUEST");
        let text = admin.put(&one(ACCOUNT_ONLY), group(ACCOUNT_ONLY, json!({}))).await.refused(400, "INVALID_REQUEST");
        assert!(text.contains("managed"), "{text}");
        admin.delete(&one(ACCOUNT_ONLY)).await.refused(400, "INVALID_REQUEST");
        admin.put(&one("g"), group("h", json!({}))).await.refused(400, "INVALID_REQUEST");
        assert_eq!(trail(&world, "RESOURCE_GROUP").await, before);
        assert_eq!(rows(&world, "resource_groups").await, 0);
    }

    /// Without any of its ids a selector must not come to mean the whole type.
    async fn unknown_ids_never_widen_a_group(world: World) {
        let admin = world.admin();
        let made = admin.post(GROUPS, group("g", of_type("ROLE", &["gone"]))).await.data();
        assert_eq!(made["resourceGroup"]["resourceFilter"]["resources"], json!([]));
        // Of another level, they are unknown as well.
        let made = admin.post(GROUPS, group("below", of_type("ROLE", &["_project_viewer"]))).await.data();
        assert_eq!(made["resourceGroup"]["resourceFilter"]["resources"], json!([]));
        let bob = bound(&world, "bob", &[("_account_admin", "g")]).await;
        bob.get("/authz/api/roles?accountIdentifier=acme").await.refused(403, "NG_ACCESS_DENIED");
        for name in ["USERGROUP", "SERVICEACCOUNT", "RESOURCEGROUP", "ORGANIZATION", "PROJECT", "SETTING"] {
            let made = admin.post(GROUPS, group(&format!("g_{name}"), of_type(name, &["gone"]))).await.data();
            assert_eq!(made["resourceGroup"]["resourceFilter"]["resources"], json!([]), "{name}");
        }
        let own = admin.post(GROUPS, group("own", of_type("ACCOUNT", &["acme", "acme"]))).await.data();
        assert_eq!(own["resourceGroup"]["resourceFilter"]["resources"][0]["identifiers"], json!(["acme"]));
    }

    async fn what_comes_with_the_product_can_be_named(world: World) {
        let admin = world.admin();
        let resources = json!({"includeAllResources": false, "resources": [
            {"resourceType": "ROLE", "identifiers": ["_account_viewer", "gone"]},
            {"resourceType": "RESOURCEGROUP", "identifiers": [ACCOUNT_ONLY, "_all_project_level_resources"]},
        ]});
        let made = admin.post(GROUPS, group("g", resources)).await.data();
        assert_eq!(made["resourceGroup"]["resourceFilter"]["resources"], json!([
            {"resourceType": "ROLE", "identifiers": ["_account_viewer"]},
            {"resourceType": "RESOURCEGROUP", "identifiers": [ACCOUNT_ONLY]},
        ]));
        let bob = bound(&world, "bob", &[("_account_viewer", "g")]).await;
        let roles = bob.get("/authz/api/roles?accountIdentifier=acme").await.data();
        let seen: Vec<_> = roles["content"].as_array().unwrap().iter().map(|role| &role["role"]["identifier"]).collect();
        assert_eq!(seen, ["_account_viewer"]);
        assert_eq!(ids(&bob.get(GROUPS).await.data()), [ACCOUNT_ONLY]);
    }

    async fn many_ids_are_looked_up_together_and_too_many_refused(world: World) {
        let admin = world.admin();
        world.machine("robot", None).await;
        let selector = |kind: &str, ids: Vec<String>| json!({"resourceType": kind, "identifiers": ids});
        let named = |from: usize| (from..from + 300).map(|n| format!("none{n}")).chain(["robot".into()]).collect();
        let two = json!({"resources": [
            selector("SERVICEACCOUNT", named(0)), selector("SERVICEACCOUNT", named(300)), selector("ROLE", named(0)),
        ]});
        let made = admin.post(GROUPS, group("g", two)).await.data();
        let robot = selector("SERVICEACCOUNT", vec!["robot".into()]);
        assert_eq!(made["resourceGroup"]["resourceFilter"]["resources"], json!([robot, robot]));
        let many = json!({"resources": vec![selector("USER", vec!["u".into(); 477]); 21]});
        let text = admin.post(GROUPS, group("h", many)).await.refused(400, "INVALID_REQUEST");
        assert!(text.contains("10017 identifiers") && text.contains("at most 10000"), "{text}");
        let mut scopes = group("h", json!({}));
        scopes["resourceGroup"]["includedScopes"] = json!(vec![json!({"filter": "EXCLUDING_CHILD_SCOPES"}); 501]);
        let text = admin.post(GROUPS, scopes).await.refused(400, "INVALID_REQUEST");
        assert!(text.contains("501 entries"), "{text}");
        assert_eq!(rows(&world, "resource_groups").await, 1);
    }

    async fn a_group_that_is_there_already_stays(world: World) {
        let admin = world.admin();
        admin.post(GROUPS, group("g", json!({"includeAllResources": true}))).await.expect(200);
        admin.post(GROUPS, group("g", json!({}))).await.refused(400, "DUPLICATE_FIELD");
        let kept = admin.get(&one("g")).await.data();
        assert_eq!(kept["resourceGroup"]["resourceFilter"]["includeAllResources"], true);
    }

    async fn deleting_a_group_removes_its_assignments(world: World) {
        let admin = world.admin();
        admin.post(GROUPS, group("g", json!({"includeAllResources": true}))).await.expect(200);
        let bob = bound(&world, "bob", &[("_account_viewer", "g")]).await;
        bob.get(GROUPS).await.expect(200);
        let assignments = rows(&world, "role_assignments").await;
        admin.delete(&one("g")).await.expect(200);
        assert_eq!(rows(&world, "role_assignments").await, assignments - 1);
        bob.get(GROUPS).await.refused(403, "NG_ACCESS_DENIED");
    }

    async fn what_is_removed_goes_from_the_groups_that_name_it(world: World) {
        hierarchy(&world).await;
        let admin = world.admin();
        let account = |path: &str| format!("{path}?accountIdentifier=acme");
        let make = async |path: &str, body: Value| admin.post(&account(path), body).await.data();
        let service = json!({"identifier": "svc", "name": "svc", "email": "svc@service.harness.io"});
        let crew = json!({"identifier": "crew", "name": "crew"});
        let role = json!({"identifier": "part", "name": "part", "permissions": []});
        make("/ng/api/serviceaccount", service.clone()).await;
        make("/ng/api/user-groups", crew.clone()).await;
        make("/authz/api/roles", role.clone()).await;
        make("/authz/api/v2/resourcegroup", group("inner", json!({"includeAllResources": true}))).await;
        let named = [("SERVICEACCOUNT", "svc"), ("USERGROUP", "crew"), ("ROLE", "part"), ("RESOURCEGROUP", "inner"), ("ORGANIZATION", "o1")];
        for (kind, id) in named {
            make("/authz/api/v2/resourcegroup", group(&format!("of_{id}"), of_type(kind, &[id]))).await;
        }
        let both = json!({"includeAllResources": false, "resources": [
            {"resourceType": "SERVICEACCOUNT", "identifiers": ["svc"]}, {"resourceType": "USER", "identifiers": [world.admin_id]},
        ]});
        make("/authz/api/v2/resourcegroup", group("both", both)).await;
        let mut scoped = group("scoped", json!({"includeAllResources": true}));
        scoped["resourceGroup"]["includedScopes"] = json!([{"filter": "INCLUDING_CHILD_SCOPES", "orgIdentifier": "o1"}]);
        make("/authz/api/v2/resourcegroup", scoped).await;
        for path in ["/ng/api/serviceaccount/svc", "/ng/api/user-groups/crew", "/authz/api/roles/part",
            "/authz/api/v2/resourcegroup/inner", "/ng/api/organizations/o1"] {
            admin.delete(&account(path)).await.data();
        }
        make("/ng/api/serviceaccount", service).await;
        make("/ng/api/user-groups", crew).await;
        make("/authz/api/roles", role).await;
        let now = async |id: &str| admin.get(&one(id)).await.data()["resourceGroup"].clone();
        for (_, id) in named {
            assert_eq!(now(&format!("of_{id}")).await["resourceFilter"], json!({"includeAllResources": false, "resources": []}), "{id}");
        }
        let left = json!([{"resourceType": "USER", "identifiers": [world.admin_id]}]);
        assert_eq!(now("both").await["resourceFilter"]["resources"], left);
        let scoped = now("scoped").await;
        assert_eq!(scoped["resourceFilter"], json!({"includeAllResources": false, "resources": []}), "it covers nothing");
        assert_eq!(scoped["includedScopes"], json!([{"filter": "EXCLUDING_CHILD_SCOPES", "accountIdentifier": "acme"}]));
        let told = trail(&world, "RESOURCE_GROUP").await;
        assert!(told.len() >= 8 + 1 + 7, "{told:?}");
    }

    async fn a_removed_project_goes_from_the_groups_above_it(world: World) {
        hierarchy(&world).await;
        let admin = world.admin();
        let path = format!("{GROUPS}&orgIdentifier=o1");
        admin.post(&path, group("named", of_type("PROJECT", &["p1"]))).await.data();
        let mut wide = group("wide", json!({"includeAllResources": true}));
        wide["resourceGroup"]["includedScopes"] = json!([
            {"filter": "EXCLUDING_CHILD_SCOPES", "orgIdentifier": "o1", "projectIdentifier": "p1"},
            {"filter": "EXCLUDING_CHILD_SCOPES", "orgIdentifier": "o1"}
        ]);
        admin.post(&path, wide.clone()).await.data();
        admin.post(GROUPS, wide).await.data();
        admin.delete("/ng/api/projects/p1?accountIdentifier=acme&orgIdentifier=o1").await.data();
        let of_org = |id: &str| format!("{}&orgIdentifier=o1", one(id));
        let named = admin.get(&of_org("named")).await.data();
        assert_eq!(named["resourceGroup"]["resourceFilter"]["resources"], json!([]));
        for path in [of_org("wide"), one("wide")] {
            let wide = admin.get(&path).await.data()["resourceGroup"].clone();
            assert_eq!(wide["includedScopes"].as_array().unwrap().len(), 1, "{wide}");
            assert_eq!((&wide["includedScopes"][0]["projectIdentifier"], &wide["resourceFilter"]["includeAllResources"]), (&Value::Null, &json!(true)));
        }
    }

    async fn only_who_may_touches_groups(world: World) {
        world.admin().post(GROUPS, group("g", json!({}))).await.expect(200);
        let nobody = bound(&world, "nobody", &[]).await;
        let viewer = bound(&world, "viewer", &[("_account_viewer", ACCOUNT_ONLY)]).await;
        world.anon().get(GROUPS).await.refused(401, "INVALID_TOKEN");
        nobody.get(GROUPS).await.refused(403, "NG_ACCESS_DENIED");
        nobody.get(&one("g")).await.refused(403, "NG_ACCESS_DENIED");
        viewer.get(&one("g")).await.expect(200);
        viewer.post(GROUPS, group("x", json!({}))).await.refused(403, "NG_ACCESS_DENIED");
        viewer.put(&one("g"), group("g", json!({}))).await.refused(403, "NG_ACCESS_DENIED");
        viewer.delete(&one("g")).await.refused(403, "NG_ACCESS_DENIED");
        world.holder(&world.other_account("other").await).get(GROUPS).await.refused(401, "INVALID_TOKEN");
        assert_eq!(rows(&world, "resource_groups").await, 1);
    }

    /// An editor of resource groups cannot raise himself by widening the group he is bound through.
    async fn a_group_gains_only_what_its_editor_holds(world: World) {
        hierarchy(&world).await;
        let admin = world.admin();
        let roles = "/authz/api/roles?accountIdentifier=acme";
        let body = json!({"identifier": "editor", "name": "E",
            "permissions": ["core_resourcegroup_view", "core_resourcegroup_edit"]});
        admin.post(roles, body).await.expect(200);
        admin.post(GROUPS, group("g", json!({"includeAllResources": true}))).await.expect(200);
        let bob = bound(&world, "bob", &[("editor", "g")]).await;
        let mut wider = group("g", json!({"includeAllResources": true}));
        wider["resourceGroup"]["includedScopes"] = json!([{"filter": "INCLUDING_CHILD_SCOPES"}]);
        let denied = bob.put(&one("g"), wider.clone()).await.expect(403);
        assert!(denied.text.contains("every scope below"), "{}", denied.text);
        admin.put(&one("g"), wider).await.expect(200);
        bob.put(&one("g"), group("g", of_type("RESOURCEGROUP", &[]))).await.expect(200);
    }

    /// What a group has already is given by whoever bound it, not by whoever leaves some of it out.
    async fn a_group_is_narrowed_by_one_who_holds_none_of_it(world: World) {
        hierarchy(&world).await;
        let admin = world.admin();
        let body = json!({"identifier": "editor", "name": "E", "permissions": ["core_resourcegroup_edit"]});
        admin.post("/authz/api/roles?accountIdentifier=acme", body).await.expect(200);
        let eve = bound(&world, "eve", &[("editor", ACCOUNT_ONLY)]).await;
        let admins = world.admin_id.as_str();
        let of = |types: &[&str]| {
            let resources: Vec<_> = types.iter().map(|name| json!({"resourceType": name})).collect();
            let mut body = group("g", json!({"resources": resources}));
            body["resourceGroup"]["includedScopes"] = json!([{"filter": "INCLUDING_CHILD_SCOPES"}]);
            body
        };
        admin.post(GROUPS, of(&["USER", "ROLE"])).await.expect(200);
        bound(&world, "viewer", &[("_account_viewer", "g")]).await;
        eve.put(&one("g"), of(&["USER", "USERGROUP"])).await.refused(403, "NG_ACCESS_DENIED");
        eve.put(&one("g"), of(&["USER"])).await.expect(200);
        eve.put(&one("g"), of(&["USER", "ROLE"])).await.refused(403, "NG_ACCESS_DENIED");
        let mut here = of(&["USER"]);
        here["resourceGroup"]["includedScopes"] = json!([
            {"filter": "EXCLUDING_CHILD_SCOPES"}, {"filter": "INCLUDING_CHILD_SCOPES", "orgIdentifier": "o1"}
        ]);
        eve.put(&one("g"), here).await.expect(200);
        eve.put(&one("g"), of(&["USER"])).await.refused(403, "NG_ACCESS_DENIED");
        eve.put(&one("g"), group("g", of_type("USER", &[admins]))).await.expect(200);
        eve.put(&one("g"), group("g", of_type("USER", &[]))).await.refused(403, "NG_ACCESS_DENIED");
        eve.put(&one("g"), group("g", json!({}))).await.expect(200);
    }
}
