//! What all lists have in common: where they are asked, and that nothing that would narrow them is passed
//! over in silence.

use http::Method;
use serde_json::{Value, json};

use crate::actors::World;
use crate::both_engines;
use crate::bound::{EVERYWHERE, at, bind, hierarchy, machine, to_machine};

/// Every list that is asked in a scope, with a body where it takes one.
const SCOPED: &[(&str, Option<&str>)] = &[
    ("/ng/api/settings?category=PMS", None),
    ("/ng/api/serviceaccount?", None),
    ("/ng/api/serviceaccount/aggregate?", None),
    ("/ng/api/serviceaccount/manageable?", None),
    ("/ng/api/token/aggregate?apiKeyType=SERVICE_ACCOUNT", None),
    ("/ng/api/user/aggregate?", Some("")),
    ("/ng/api/user/batch?", Some("")),
    ("/ng/api/user/batch?", Some(r#"{"parentFilter": "INCLUDE_PARENT_SCOPES"}"#)),
    ("/ng/api/user-groups?", None),
    ("/authz/api/permissions?", None),
    ("/authz/api/permissions/resourcetypes?", None),
    ("/authz/api/resourcetype?", None),
    ("/authz/api/roles?", None),
    ("/authz/api/v2/resourcegroup?", None),
    ("/authz/api/v2/resourcegroup/filter?", Some("{}")),
    ("/authz/api/roleassignments?", None),
    ("/authz/api/roleassignments/filter?", Some("{}")),
    ("/authz/api/roleassignments/v2/filter?", Some("{}")),
    ("/authz/api/roleassignments/aggregate?", Some("{}")),
];

both_engines! {
    async fn a_scope_that_does_not_exist_is_no_empty_list(world: World) {
        hierarchy(&world).await;
        let admin = world.admin();
        for (list, body) in SCOPED {
            let method = if body.is_some() { Method::POST } else { Method::GET };
            let ask = async |scope| {
                let path = format!("{list}&{}", at(scope));
                admin.send(method.clone(), &path, body.map(str::to_owned)).await
            };
            for scope in ["", "o1", "o1/p1"] {
                ask(scope).await.data();
            }
            for (scope, word) in [("o9", "Organization [o9]"), ("o1/p9", "Project [p9]"), ("o9/p1", "Project [p1]")] {
                let text = ask(scope).await.refused(400, "INVALID_ARGUMENT");
                assert!(text.contains("does not exist") && text.contains(word), "{list} in {scope}: {text}");
            }
        }
        let projects = format!("/ng/api/projects?{}", at("o9"));
        admin.get(&projects).await.refused(400, "INVALID_ARGUMENT");
        let owner = "apiKeyType=SERVICE_ACCOUNT&parentIdentifier=okta";
        for path in ["apikey", "apikey/aggregate"] {
            let path = format!("/ng/api/{path}?{owner}");
            admin.get(&format!("{path}&{}", at("o9"))).await.refused(400, "INVALID_ARGUMENT");
            admin.get(&format!("{path}&{}", at("o1"))).await.refused(400, "RESOURCE_NOT_FOUND_EXCEPTION");
        }
    }
    async fn what_would_narrow_a_list_is_never_passed_over(world: World) {
        hierarchy(&world).await;
        let admin = world.admin();
        for (list, body, parameter) in [
            ("/authz/api/roleassignments", None, "sortOrders=colour,ASC"),
            ("/audit/api/audits/list", Some(""), "sortOrders=action,ASC"),
            ("/audit/api/audits/listV2", Some("{}"), "orgIdentifier=o1"),
            ("/ng/api/user/aggregate", Some(""), "sortOrders=age,ASC"),
            ("/ng/api/user/batch", Some(""), "sortOrders=age,ASC"),
            ("/ng/api/scim-schemas", None, "orgIdentifier=o1"),
            ("/ng/api/scim-resource-types", None, "orgIdentifier=o1&projectIdentifier=p1"),
            ("/ng/api/events", None, "orgIdentifier=o1"),
            ("/ng/api/provisioning-log", None, "orgIdentifier=o1"),
            ("/ng/api/organizations", None, "orgIdentifier=o1"),
            ("/ng/api/projects", None, "projectIdentifier=p1&orgIdentifier=o1"),
        ] {
            let method = if body.is_some() { Method::POST } else { Method::GET };
            let path = format!("{list}?{parameter}");
            let text = admin.send(method, &path, body.map(str::to_owned)).await.refused(400, "INVALID_REQUEST");
            let name = parameter.split('=').next().unwrap();
            assert!(text.contains(name), "{path}: {text}");
        }
    }

    async fn a_field_that_a_list_is_sorted_by_again_says_nothing_new(world: World) {
        for list in ["/authz/api/roleassignments?", "/ng/api/organizations?"] {
            let path = format!("{list}{}", "&sortOrders=createdAt".repeat(2_001));
            world.admin().get(&path).await.data();
        }
    }

    async fn names_are_sorted_case_aside(world: World) {
        let admin = world.admin();
        for (id, name) in [("z", "Zeta"), ("a", "alpha"), ("b", "Beta")] {
            let named = json!({"identifier": id, "name": name});
            admin.post("/ng/api/organizations?accountIdentifier=acme", json!({"organization": named})).await.data();
            admin.post("/ng/api/serviceaccount?accountIdentifier=acme", named).await.data();
        }
        for (list, at) in [
            ("/ng/api/organizations", "/organization/identifier"),
            ("/ng/api/serviceaccount/aggregate", "/serviceAccount/identifier"),
        ] {
            let query = "identifiers=a&identifiers=b&identifiers=z&sortOrders=name,ASC";
            let page = admin.get(&format!("{list}?{query}")).await.data();
            let ids: Vec<_> = page["content"].as_array().unwrap().iter().filter_map(|row| row.pointer(at)).collect();
            assert_eq!(ids, ["a", "b", "z"], "{list}");
        }
    }

    async fn each_list_refuses_the_narrowing_that_only_others_know(world: World) {
        machine(&world, "okta").await;
        let (admin, owner) = (world.admin(), "apiKeyType=SERVICE_ACCOUNT&parentIdentifier=okta");
        let keys = format!("/ng/api/apikey?{owner}");
        let described = format!("/ng/api/apikey/aggregate?{owner}");
        for (list, body, takes) in [
            ("/ng/api/organizations?", None, "identifiers searchTerm sortOrders"),
            ("/ng/api/projects?", None, "identifiers searchTerm sortOrders"),
            ("/ng/api/settings?category=PMS", None, ""),
            ("/ng/api/serviceaccount?", None, "identifiers searchTerm"),
            ("/ng/api/serviceaccount/aggregate?", None, "identifiers searchTerm sortOrders filterType"),
            ("/ng/api/serviceaccount/manageable?", None, "identifiers searchTerm sortOrders filterType"),
            (&keys, None, "identifiers"),
            (&described, None, "identifiers searchTerm sortOrders"),
            ("/ng/api/token/aggregate?apiKeyType=SERVICE_ACCOUNT", None, "identifiers searchTerm sortOrders"),
            ("/ng/api/user/aggregate?", Some(""), "searchTerm sortOrders"),
            ("/ng/api/user/batch?", Some(""), "searchTerm sortOrders"),
            ("/ng/api/user-groups?", None, "searchTerm sortOrders filterType"),
            ("/ng/api/jwt-trusts?", None, "searchTerm sortOrders"),
            ("/ng/api/events?", None, ""),
            ("/ng/api/scim-schemas?", None, ""),
            ("/ng/api/scim-resource-types?", None, ""),
            ("/ng/api/serviceaccount/okta/scopes?", None, ""),
            ("/authz/api/permissions?", None, ""),
            ("/authz/api/permissions/resourcetypes?", None, ""),
            ("/authz/api/resourcetype?", None, ""),
            ("/authz/api/roles?", None, "searchTerm sortOrders"),
            ("/authz/api/v2/resourcegroup?", None, "searchTerm sortOrders"),
            ("/authz/api/v2/resourcegroup/filter?", Some("{}"), "searchTerm sortOrders"),
            ("/authz/api/roleassignments?", None, "sortOrders"),
            ("/authz/api/roleassignments/filter?", Some("{}"), "sortOrders"),
            ("/authz/api/roleassignments/v2/filter?", Some("{}"), "sortOrders"),
            ("/authz/api/roleassignments/aggregate?", Some("{}"), ""),
            ("/audit/api/audits/list?", Some("{}"), "sortOrders"),
            ("/audit/api/audits/listV2?", Some("{}"), "sortOrders"),
        ] {
            let method = if body.is_some() { Method::POST } else { Method::GET };
            let ask = async |query: &str| {
                admin.send(method.clone(), &format!("{list}&{query}"), body.map(str::to_owned)).await
            };
            for name in ["identifiers", "searchTerm", "sortOrders", "filterType"] {
                ask(&format!("{name}=")).await.data();
                if !takes.split(' ').any(|taken| taken == name) {
                    let text = ask(&format!("{name}=x")).await.refused(400, "INVALID_REQUEST");
                    assert!(text.contains(&format!("{name} is not taken")), "{list}: {text}");
                }
            }
            if takes.contains("searchTerm") {
                ask("searchTerm=x").await.data();
            }
        }
    }

    async fn a_search_in_the_body_counts_unless_it_is_empty(world: World) {
        let admin = world.admin();
        for list in ["/ng/api/user/batch", "/authz/api/v2/resourcegroup/filter"] {
            let found = async |query: &str, body: Value| {
                let page = admin.post(&format!("{list}?searchTerm={query}"), body).await.data();
                page["totalItems"].as_u64().unwrap() > 0
            };
            assert!(found("", json!({"searchTerm": "a"})).await && found("zzz", json!({"searchTerm": "a"})).await);
            assert!(!found("zzz", json!({})).await && !found("zzz", json!({"searchTerm": ""})).await, "{list}");
        }
    }

    async fn a_body_that_may_be_missing_has_a_type_when_it_is_there(world: World) {
        let admin = world.admin();
        for list in ["/ng/api/user/aggregate", "/ng/api/user/batch", "/audit/api/audits/list", "/audit/api/audits/listV2"] {
            admin.send(Method::POST, list, None).await.data();
            let typed = |media: &str| admin.with("content-type", media);
            for media in ["application/json", "text/plain", "application/yaml"] {
                typed(media).send(Method::POST, list, Some("{}".into())).await.data();
            }
            for media in ["application/xml", "multipart/form-data"] {
                let answer = typed(media).send(Method::POST, list, Some("{}".into())).await;
                answer.refused(415, "MEDIA_NOT_SUPPORTED");
            }
        }
    }

    async fn a_boolean_parameter_is_true_or_false(world: World) {
        let admin = world.admin();
        for (list, flag) in [
            ("/ng/api/token/aggregate?apiKeyType=USER", "includeOnlyActiveTokens"),
            ("/ng/api/settings?category=PMS", "includeParentScopes"),
            ("/authz/api/roles?", "harnessManaged"),
            ("/authz/api/permissions?", "scopeFilterDisabled"),
            ("/ng/api/provisioning-log?", "failuresOnly"),
            ("/ng/api/provisioning-log?", "dryRun"),
        ] {
            for good in ["true", "FALSE", "True", ""] {
                admin.get(&format!("{list}&{flag}={good}&orgIdentifier=")).await.expect(200);
            }
            for bad in ["yes", "1", "tru", "null"] {
                let text = admin.get(&format!("{list}&{flag}={bad}")).await.refused(400, "INVALID_REQUEST");
                assert!(text.contains(flag) && text.contains(bad), "{list}: {text}");
            }
        }
        let text = admin.put("/ng/api/settings?atomic=yes", json!([])).await.refused(400, "INVALID_REQUEST");
        assert!(text.contains("atomic"), "{text}");
    }

    async fn users_and_assignments_and_the_trail_are_sorted(world: World) {
        let admin = world.admin();
        for (name, secs) in [("bob", 10), ("ada", 20)] {
            world.app.clock.advance_secs(secs);
            machine(&world, name).await;
            bind(&world, "", to_machine(name, "_account_viewer", EVERYWHERE)).await;
            world.person(&format!("{name}@acme.example")).await;
        }
        let column = |page: Value, pointer: &str| -> Vec<String> {
            let rows = page["content"].as_array().unwrap().iter();
            rows.map(|row| row.pointer(pointer).unwrap().as_str().unwrap().to_owned()).collect()
        };
        let of_users = |order: &'static str| {
            let path = format!("/ng/api/user/batch?sortOrders={order}");
            let admin = admin.clone();
            async move { column(admin.post(&path, json!({})).await.data(), "/email") }
        };
        let sorted = ["ada@acme.example", "admin@acme.example", "bob@acme.example"];
        assert_eq!(of_users("email,ASC").await, sorted);
        assert_eq!(of_users("email").await, sorted.iter().rev().copied().collect::<Vec<_>>());
        let rows = admin.get("/authz/api/roleassignments?sortOrders=createdAt,ASC").await.data();
        let principals = column(rows, "/roleAssignment/principal/identifier");
        assert_eq!(principals[1..], ["bob", "ada"]);
        let newest_first = admin.get("/authz/api/roleassignments").await.data();
        assert_eq!(column(newest_first, "/roleAssignment/principal/identifier")[..2], ["ada", "bob"]);
        let times = |page: Value| -> Vec<i64> {
            page["content"].as_array().unwrap().iter().map(|row| row["timestamp"].as_i64().unwrap()).collect()
        };
        let up = times(admin.post("/audit/api/audits/list?sortOrders=timestamp,ASC", json!({})).await.data());
        let down = times(admin.post("/audit/api/audits/list", json!({})).await.data());
        assert!(up.is_sorted() && down.is_sorted_by(|a, b| a >= b) && up.first() < up.last(), "{up:?} {down:?}");
    }
}
