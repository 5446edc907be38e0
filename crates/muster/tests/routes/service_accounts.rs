//! Service accounts (platform API §3).

use http::Method;
use serde_json::{Value, json};

use crate::actors::{Client, World};
use crate::both_engines;

const AT: &str = "/ng/api/serviceaccount";

async fn make(client: &Client, query: &str, id: &str) -> Value {
    client
        .post(&format!("{AT}?{query}"), json!({"identifier": id, "name": format!("Name of {id}")}))
        .await
        .data()
}

async fn ids(client: &Client, path: &str) -> Vec<String> {
    let data = client.get(path).await.data();
    let list = data["content"].as_array().or(data.as_array()).expect("a list or a page").clone();
    let id = |item: &Value| {
        let plain = item.get("serviceAccount").unwrap_or(item);
        plain["identifier"].as_str().expect("an identifier").to_owned()
    };
    let mut ids: Vec<_> = list.iter().map(id).collect();
    ids.sort();
    ids
}

async fn project(world: &World, project: &str) {
    let body = json!({"project": {"orgIdentifier": "default", "identifier": project, "name": project}});
    world.admin().post("/ng/api/projects?orgIdentifier=default", body).await.data();
}

fn changes(audit: &[(String, String, String)]) -> Vec<(&str, &str)> {
    let of = audit.iter().filter(|(_, kind, _)| kind == "SERVICE_ACCOUNT");
    of.map(|(action, _, id)| (action.as_str(), id.as_str())).collect()
}

both_engines! {
    async fn one_is_made_and_read(world: World) {
        let admin = world.admin();
        let body = json!({
            "identifier": "okta", "name": "Okta Prod", "email": "Okta@Acme.example", "description": "pushes people",
            "tags": {"team": "it"}, "accountIdentifier": "acme", "somethingUnknown": 1
        });
        let made = admin.post("/gateway/ng/api/serviceaccount?accountIdentifier=acme", body).await.data();
        assert_eq!(made, json!({
            "identifier": "okta", "name": "Okta Prod", "email": "okta@acme.example", "description": "pushes people",
            "tags": {"team": "it"}, "accountIdentifier": "acme", "orgIdentifier": null, "projectIdentifier": null
        }));
        assert_eq!(admin.get(AT).await.data(), json!([made]));
        let one = admin.get(&format!("{AT}/aggregate/okta?accountIdentifier=acme")).await.data();
        assert_eq!(one["serviceAccount"], made);
        assert_eq!((&one["tokensCount"], &one["roleAssignmentsMetadataDTO"]), (&json!(0), &json!([])));
        assert_eq!(one["createdAt"], json!(world.app.clock.now().millis()));
        assert_eq!(changes(&world.audit().await), [("CREATE", "okta")]);
    }

    async fn identifier_and_address_are_made_from_the_name(world: World) {
        let body = json!({"name": "Entra-ID push", "identifier": "", "email": null});
        let made = world.admin().post(AT, body).await.data();
        assert_eq!(made["identifier"], "Entra_ID_push");
        assert_eq!(made["email"], "entra_id_push@service.muster.local");
    }

    async fn every_bad_field_is_named_and_nothing_is_made(world: World) {
        let admin = world.admin();
        let body = json!({"identifier": "1st", "name": "", "email": "nobody", "description": "x".repeat(1025)});
        let answer = admin.post(AT, body).await.expect(400);
        assert_eq!((&answer.json["status"], &answer.json["code"]), (&json!("FAILURE"), &json!("INVALID_REQUEST")));
        let errors = answer.json["errors"].as_array().expect("a list of fields");
        let fields: Vec<_> = errors.iter().map(|e| e["fieldId"].as_str().unwrap()).collect();
        assert_eq!(fields, ["identifier", "name", "email", "description"]);
        admin.post(AT, json!({"identifier": "class", "name": "a"})).await.refused(400, "INVALID_REQUEST");
        admin.post(AT, json!({"identifier": "a", "name": 5})).await.refused(400, "INVALID_REQUEST");
        admin.post(AT, json!({"identifier": "a", "name": "a", "tags": {"a": {}}})).await.refused(400, "INVALID_REQUEST");
        admin.post(AT, json!([])).await.refused(400, "INVALID_REQUEST");
        let text = admin.send(Method::POST, AT, Some("{\"name\": ".into())).await.refused(400, "INVALID_REQUEST");
        assert!(text.contains("not JSON"), "{text}");
        assert_eq!(admin.get(AT).await.data(), json!([]));
        assert_eq!(changes(&world.audit().await), []);
    }

    async fn an_identifier_is_taken_once_a_scope(world: World) {
        let admin = world.admin();
        make(&admin, "", "okta").await;
        let again = admin.post(AT, json!({"identifier": "okta", "name": "other"})).await;
        let text = again.refused(400, "DUPLICATE_FIELD");
        assert!(text.contains("okta") && text.contains("/ACCOUNT/acme"), "{text}");
        make(&admin, "orgIdentifier=default", "okta").await;
        assert_eq!(changes(&world.audit().await), [("CREATE", "okta"), ("CREATE", "okta")]);
        assert_eq!(admin.get(&format!("{AT}/aggregate/okta")).await.data()["serviceAccount"]["name"], "Name of okta");
    }

    async fn the_scope_must_exist_and_agree(world: World) {
        let admin = world.admin();
        let body = || json!({"identifier": "okta", "name": "okta"});
        let with = |query: &str| format!("{AT}?{query}");
        let none = admin.post(&with("orgIdentifier=nowhere"), body()).await.refused(400, "INVALID_ARGUMENT");
        assert!(none.contains("nowhere"), "{none}");
        let none = admin.post(&with("orgIdentifier=default&projectIdentifier=p"), body()).await;
        none.refused(400, "INVALID_ARGUMENT");
        admin.post(&with("projectIdentifier=p"), body()).await.refused(400, "INVALID_REQUEST");
        let other = json!({"identifier": "okta", "name": "okta", "accountIdentifier": "globex"});
        let text = admin.post(AT, other).await.refused(400, "INVALID_REQUEST");
        assert!(text.contains("Value mismatch, previous: acme current: globex"), "{text}");
        let other = json!({"identifier": "okta", "name": "okta", "orgIdentifier": "b"});
        admin.post(&with("orgIdentifier=default"), other).await.refused(400, "INVALID_REQUEST");
        let body = json!({"identifier": "okta", "name": "okta", "orgIdentifier": "default"});
        assert_eq!(admin.post(AT, body).await.data()["orgIdentifier"], "default", "the body alone may name it");
        assert_eq!(changes(&world.audit().await), [("CREATE", "okta")]);
    }

    async fn name_and_labels_change_identifier_and_address_do_not(world: World) {
        let admin = world.admin();
        let made = make(&admin, "", "okta").await;
        world.app.clock.advance_secs(5);
        let one = format!("{AT}/okta?accountIdentifier=acme");
        let body = json!({"identifier": "okta", "name": "New", "email": "OKTA@service.muster.local", "tags": {"a": "b"}});
        let changed = admin.put(&one, body).await.data();
        assert_eq!((&changed["name"], &changed["tags"]), (&json!("New"), &json!({"a": "b"})));
        assert_eq!(changed["email"], made["email"]);
        let both = admin.get(&format!("{AT}/aggregate/okta")).await.data();
        assert_eq!(both["lastModifiedAt"].as_i64().unwrap() - both["createdAt"].as_i64().unwrap(), 5_000);
        let text = admin.put(&one, json!({"name": "New", "email": "b@c.example"})).await.refused(400, "INVALID_REQUEST");
        assert!(text.contains("current: b@c.example"), "{text}");
        admin.put(&one, json!({"name": "New", "identifier": "other"})).await.refused(400, "INVALID_REQUEST");
        admin.put(&one, json!({"name": ""})).await.refused(400, "INVALID_REQUEST");
        let text = admin.put(&format!("{AT}/nobody"), json!({"name": "New"})).await.refused(400, "INVALID_REQUEST");
        assert!(text.contains("nobody doesn't exist"), "{text}");
        assert_eq!(admin.get(AT).await.data(), json!([changed]));
        assert_eq!(changes(&world.audit().await), [("CREATE", "okta"), ("UPDATE", "okta")]);
    }

    async fn with_it_go_its_keys_tokens_and_bindings(world: World) {
        let admin = world.admin();
        let text = world.machine_token("okta", Some("_account_viewer")).await;
        let machine = world.holder(&text);
        machine.get(&format!("{AT}/aggregate")).await.data();
        assert_eq!(admin.delete(&format!("{AT}/okta?accountIdentifier=acme")).await.data(), json!(true));
        machine.get(&format!("{AT}/aggregate")).await.refused(401, "INVALID_TOKEN");
        assert_eq!(changes(&world.audit().await), [("CREATE", "okta"), ("DELETE", "okta")]);
        let trail = world.trail().await;
        let row = trail.iter().find(|row| row.starts_with("ROLE_ASSIGNMENT_DELETED ROLE_ASSIGNMENT binding_of_okta"));
        assert!(row.is_some_and(|row| row.contains("_account_viewer")), "{trail:#?}");
        let counts = r#""removed":{"apiKeys":1,"tokens":1,"roleAssignments":1}"#;
        assert!(trail.iter().any(|row| row.starts_with("DELETE SERVICE_ACCOUNT") && row.contains(counts)), "{trail:#?}");
        admin.delete(&format!("{AT}/okta")).await.refused(400, "INVALID_REQUEST");
        // A namesake made later starts with nothing.
        make(&admin, "", "okta").await;
        let one = admin.get(&format!("{AT}/aggregate/okta")).await.data();
        assert_eq!((&one["tokensCount"], &one["roleAssignmentsMetadataDTO"]), (&json!(0), &json!([])));
        machine.get(&format!("{AT}/aggregate")).await.refused(401, "INVALID_TOKEN");
    }

    async fn the_aggregate_counts_keys_and_names_bindings(world: World) {
        world.machine("okta", Some("_account_viewer")).await;
        let admin = world.admin();
        let one = admin.get(&format!("{AT}/aggregate/okta")).await.data();
        assert_eq!(one["tokensCount"], 1);
        assert_eq!(one["roleAssignmentsMetadataDTO"], json!([{
            "identifier": "binding_of_okta", "roleIdentifier": "_account_viewer", "roleName": "Account Viewer",
            "resourceGroupIdentifier": "_all_resources_including_child_scopes",
            "resourceGroupName": "All Resources Including Child Scopes",
            "managedRole": true, "managedRoleAssignment": false
        }]));
        let page = admin.get(&format!("{AT}/aggregate")).await.data();
        assert_eq!(page["content"], json!([one]));
        let text = admin.get(&format!("{AT}/aggregate/nobody")).await.refused(400, "INVALID_ARGUMENT");
        assert!(text.contains("[nobody] doesn't exist in scope"), "{text}");
    }

    async fn pages_search_and_order(world: World) {
        let admin = world.admin();
        for id in ["delta", "alpha", "charlie", "bravo"] {
            make(&admin, "", id).await;
            world.app.clock.advance_secs(1);
        }
        let page = admin.get(&format!("{AT}/aggregate?pageSize=3&pageIndex=0")).await.data();
        assert_eq!((&page["totalItems"], &page["totalPages"], &page["pageItemCount"]), (&json!(4), &json!(2), &json!(3)));
        assert_eq!(page["content"][0]["serviceAccount"]["identifier"], "bravo", "the last changed comes first");
        let token = page["nextPageToken"].as_str().unwrap();
        assert_eq!(ids(&admin, &format!("{AT}/aggregate?pageSize=3&pageToken={token}")).await, ["delta"]);
        let sorted = admin.get(&format!("{AT}/aggregate?sortOrders=identifier,ASC")).await.data();
        assert_eq!(sorted["content"][0]["serviceAccount"]["identifier"], "alpha");
        assert_eq!(ids(&admin, &format!("{AT}/aggregate?searchTerm=LPH")).await, ["alpha"]);
        assert_eq!(ids(&admin, &format!("{AT}/aggregate?searchTerm=.*")).await, Vec::<String>::new());
        let some = "identifiers=alpha&identifiers=bravo,%20nobody%20,";
        assert_eq!(ids(&admin, &format!("{AT}/aggregate?{some}")).await, ["alpha", "bravo"]);
        assert_eq!(ids(&admin, &format!("{AT}?{some}")).await, ["alpha", "bravo"]);
        admin.get(&format!("{AT}/aggregate?pageSize=2001")).await.refused(400, "INVALID_REQUEST");
        admin.get(&format!("{AT}/aggregate?filterType=ALL")).await.refused(400, "RESOURCE_NOT_FOUND_EXCEPTION");
    }

    async fn the_plain_list_is_narrowed_and_cut_where_that_is_asked(world: World) {
        let admin = world.admin();
        for id in ["delta", "alpha", "charlie", "bravo"] {
            make(&admin, "", id).await;
        }
        for (query, shown) in [
            ("", "alpha bravo charlie delta"), ("pageIndex=&pageSize=", "alpha bravo charlie delta"),
            ("searchTerm=LPH", "alpha"), ("searchTerm=.*", ""), ("searchTerm=LPH&identifiers=bravo", ""),
            ("searchTerm=a&pageIndex=1&pageSize=3", "delta"), ("pageIndex=1&pageSize=2", "charlie delta"),
            ("pageSize=1", "alpha"), ("pageIndex=1", ""),
        ] {
            let found = ids(&admin, &format!("{AT}?{query}")).await;
            assert_eq!(found.join(" "), shown, "{query}");
        }
        admin.get(&format!("{AT}?pageSize=2001")).await.refused(400, "INVALID_REQUEST");
        admin.get(&format!("{AT}?pageIndex=x")).await.refused(400, "INVALID_REQUEST");
    }

    async fn lists_reach_up_and_down_when_asked(world: World) {
        let admin = world.admin();
        project(&world, "shop").await;
        make(&admin, "", "top").await;
        make(&admin, "orgIdentifier=default", "middle").await;
        make(&admin, "orgIdentifier=default&projectIdentifier=shop", "low").await;
        let at = |query: &str| format!("{AT}/aggregate?{query}");
        let org = "orgIdentifier=default";
        assert_eq!(ids(&admin, &at(org)).await, ["middle"]);
        assert_eq!(ids(&admin, &format!("{AT}?{org}")).await, ["middle"]);
        let up = at(&format!("{org}&filterType=INCLUDE_INHERITED_SERVICE_ACCOUNTS"));
        assert_eq!(ids(&admin, &up).await, ["middle", "top"]);
        let down = at(&format!("{org}&filterType=INCLUDE_CHILD_SCOPE_SERVICE_ACCOUNTS"));
        assert_eq!(ids(&admin, &down).await, ["low", "middle"]);
        let all = at("filterType=INCLUDE_CHILD_SCOPE_SERVICE_ACCOUNTS");
        assert_eq!(ids(&admin, &all).await, ["low", "middle", "top"]);
    }

    /// Who inherits service accounts from above sees them, and yet has no hand in their keys.
    async fn manageable_are_those_whose_keys_one_may_manage(world: World) {
        let admin = world.admin();
        project(&world, "shop").await;
        let below = "orgIdentifier=default&projectIdentifier=shop";
        make(&admin, "", "top").await;
        make(&admin, below, "low").await;
        let pm = world.machine("pm", None).await;
        let binding = json!({
            "roleIdentifier": "_project_admin", "resourceGroupIdentifier": "_all_project_level_resources",
            "principal": {"identifier": "pm", "type": "SERVICE_ACCOUNT", "scopeLevel": "account"}
        });
        admin.post(&format!("/authz/api/roleassignments?{below}"), binding).await.data();
        let up = |list: &str| format!("{AT}/{list}?{below}&filterType=INCLUDE_INHERITED_SERVICE_ACCOUNTS");
        assert_eq!(ids(&pm, &up("aggregate")).await, ["low", "pm", "top"]);
        assert_eq!(ids(&pm, &up("manageable")).await, ["low"]);
        let keys = |id: &str| format!("/ng/api/apikey?apiKeyType=SERVICE_ACCOUNT&parentIdentifier={id}");
        pm.get(&keys("top")).await.refused(403, "NG_ACCESS_DENIED");
        pm.get(&format!("{}&{below}", keys("low"))).await.expect(200);
        assert_eq!(ids(&admin, &up("manageable")).await, ["low", "pm", "top"]);
    }

    async fn only_those_who_may_see_and_change_them(world: World) {
        let admin = world.admin();
        make(&admin, "", "okta").await;
        let (nobody, viewer) =
            (world.machine("nobody", None).await, world.machine("viewer", Some("_account_viewer")).await);
        let before = admin.get(AT).await.data();
        for client in [&nobody, &viewer] {
            let refused = client.post(AT, json!({"identifier": "x", "name": "x"})).await;
            let text = refused.refused(403, "NG_ACCESS_DENIED");
            assert!(text.contains("Missing permission core_serviceaccount_edit on serviceaccount"), "{text}");
            client.put(&format!("{AT}/okta"), json!({"name": "x"})).await.refused(403, "NG_ACCESS_DENIED");
            client.delete(&format!("{AT}/okta")).await.refused(403, "NG_ACCESS_DENIED");
            client.get(&format!("{AT}/manageable")).await.refused(403, "NG_ACCESS_DENIED");
        }
        assert_eq!(nobody.get(AT).await.data(), json!([]), "the plain list shows what one may see");
        nobody.get(&format!("{AT}/aggregate")).await.refused(403, "NG_ACCESS_DENIED");
        nobody.get(&format!("{AT}/aggregate/okta")).await.refused(403, "NG_ACCESS_DENIED");
        nobody.get(&format!("{AT}/okta/scopes")).await.refused(403, "NG_ACCESS_DENIED");
        assert_eq!(viewer.get(AT).await.data(), before);
        assert_eq!(ids(&viewer, &format!("{AT}/aggregate")).await, ["nobody", "okta", "viewer"]);
        assert_eq!(ids(&admin, &format!("{AT}/manageable")).await, ["nobody", "okta", "viewer"]);
        assert_eq!(admin.get(AT).await.data(), before, "the refused changed nothing");
    }

    async fn another_account_sees_none_of_it(world: World) {
        make(&world.admin(), "", "okta").await;
        let stranger = world.holder(&world.other_account("globex").await);
        stranger.get(&format!("{AT}?accountIdentifier=acme")).await.refused(401, "INVALID_TOKEN");
        stranger.delete(&format!("{AT}/okta?accountIdentifier=acme")).await.refused(401, "INVALID_TOKEN");
        assert_eq!(stranger.get(AT).await.data(), json!([]));
        stranger.delete(&format!("{AT}/okta")).await.refused(400, "INVALID_REQUEST");
        stranger.get(&format!("{AT}/aggregate/okta")).await.refused(400, "INVALID_ARGUMENT");
        world.anon().get(AT).await.refused(401, "INVALID_TOKEN");
        assert_eq!(ids(&world.admin(), AT).await, ["okta"]);
    }

    async fn the_scopes_below_that_inherit_it_are_named(world: World) {
        world.machine("okta", Some("_account_viewer")).await;
        let admin = world.admin();
        let path = format!("{AT}/okta/scopes");
        assert_eq!(admin.get(&path).await.data(), json!([]), "bound in its own scope only");
        let binding = json!({
            "roleIdentifier": "_organization_viewer", "resourceGroupIdentifier": "_all_organization_level_resources",
            "principal": {"identifier": "okta", "type": "SERVICE_ACCOUNT", "scopeLevel": "account"}
        });
        admin.post("/authz/api/roleassignments?orgIdentifier=default", binding).await.data();
        assert_eq!(admin.get(&path).await.data(), json!([{
            "accountIdentifier": "acme", "orgIdentifier": "default", "projectIdentifier": null,
            "orgName": admin.get("/ng/api/organizations/default").await.data()["organization"]["name"],
            "projectName": null
        }]));
        admin.get(&format!("{AT}/nobody/scopes")).await.refused(400, "INVALID_ARGUMENT");
    }
}
