//! What refusals say: in the words of the wire, never of the source.

use http::Method;
use serde_json::json;

use super::scim_users::scim;
use crate::actors::World;
use crate::both_engines;

both_engines! {
    async fn a_token_in_the_place_of_an_identifier_is_not_repeated(world: World) {
        let token = world.machine_token("bot", None).await;
        let secret = token.rsplit('.').next().unwrap();
        let (admin, scim, bot) = (world.admin(), scim(&world), world.holder(&token));
        let percent = token.replace('.', "%2E");
        for token in [&token, &percent] {
            for path in [
                "/ng/api/user/aggregate/T?accountIdentifier=acme", "/ng/api/serviceaccount/aggregate/T", "/ng/api/organizations/T",
                "/ng/api/user-groups/T", "/authz/api/roles/T", "/authz/api/v2/resourcegroup/T", "/ng/api/jwt-trusts/T", "/ng/api/T",
                "/ng/api/organizations?sortOrders=T",
            ] {
                let answer = admin.get(&path.replace('T', token)).await;
                assert!(!answer.text.contains(secret), "{path}: {}", answer.text);
                assert!(answer.status == 200 || answer.text.contains("[redacted]"), "{path}: {}", answer.text);
            }
            for path in ["/scim/v2/acme/Users/T", "/scim/v2/acme/T"] {
                let answer = scim.get(&path.replace('T', token)).await;
                assert!(!answer.text.contains(secret) && answer.text.contains("[redacted]"), "{path}: {}", answer.text);
            }
            let denied = bot.get(&format!("/ng/api/user/aggregate/{token}?accountIdentifier=acme")).await;
            assert!(denied.status == 403 && !denied.text.contains(secret), "{}", denied.text);
        }
        let text = admin.get(&format!("/ng/api/user/aggregate/{percent}")).await.refused(404, "ENTITY_NOT_FOUND");
        assert!(text.starts_with("There is no user [redacted] in this account: "), "{text}");
    }

    async fn a_name_that_only_begins_as_a_token_is_told(world: World) {
        let (admin, scim) = (world.admin(), scim(&world));
        for name in ["pat.smith.ops.example", "keyJohannesburg.office.5", "surveyJobIdentifier_prod", "expat.a.b.c",
            "sat.idp.corp.example.com", "monkeyJuggler-of-the-north", "heyJudeOrganisation12"] {
            let text = admin.get(&format!("/ng/api/user/aggregate/{name}")).await.refused(404, "ENTITY_NOT_FOUND");
            assert!(text.starts_with(&format!("There is no user {name} in this account: ")), "{text}");
            let text = scim.get(&format!("/scim/v2/acme/Users/{name}")).await.expect(404).text;
            assert!(text.contains(name), "{text}");
        }
    }

    async fn an_unknown_kind_of_key_is_named_as_sent(world: World) {
        let body = json!({"identifier": "k", "name": "k", "apiKeyType": "WHAT", "parentIdentifier": "x"});
        let text = world.admin().post("/ng/api/apikey", body).await.refused(400, "INVALID_REQUEST");
        assert!(text.contains("\"WHAT\" is not known") && !text.contains("Some"), "{text}");
    }

    async fn a_missing_identifier_is_not_shown(world: World) {
        let (_, token) = world.person("bob@acme.example").await;
        let answer = world.holder(&token).put("/ng/api/user-groups", json!({"identifier": "", "name": "a"})).await;
        let text = answer.refused(403, "NG_ACCESS_DENIED");
        assert!(text.ends_with("core_usergroup_manage on usergroup"), "{text}");
    }

    async fn a_list_is_no_object(world: World) {
        let admin = world.admin();
        let text = admin.post("/ng/api/serviceaccount", json!(["a", "b"])).await.refused(400, "INVALID_REQUEST");
        assert!(text.contains("body: an object is expected, not a list"), "{text}");
        // Read by the order of members, this list would be an account: seven members of a new key.
        let by_order = json!(["USER", world.admin_id, null, null, null, "k", "k", null, null, null]);
        admin.post("/ng/api/apikey", by_order).await.refused(400, "INVALID_REQUEST");
        assert_eq!(world.count("api_keys").await, 1, "nothing was made");
        for body in [json!("text"), json!(3), json!({"roleAssignments": ["a"]})] {
            let text = admin.post("/authz/api/roleassignments/multi", body).await.refused(400, "INVALID_REQUEST");
            assert!(text.contains("an object") && !text.contains("struct"), "{text}");
        }
        let text = admin.send(Method::PUT, "/ng/api/settings", Some("{}".into())).await.refused(400, "INVALID_REQUEST");
        assert!(text.contains("a list is expected, not an object"), "a list is what settings are: {text}");
    }

    async fn a_list_is_no_object_below_the_top_either(world: World) {
        let (admin, id) = (world.admin(), world.admin_id.clone());
        let before = world.count("audit_rows").await;
        let user = json!([id, "USER", null]);
        let binding = json!([null, "_all_account_level_resources", "_account_basic", null, user, null]);
        let wrapped = json!({"roleIdentifier": "_account_basic", "resourceGroupIdentifier": "_all_account_level_resources",
            "principal": user});
        for (method, path, body, place) in [
            (Method::POST, "/ng/api/organizations", json!({"organization": ["x1", "n", null, null]}), "organization"),
            (Method::POST, "/ng/api/projects", json!({"project": []}), "project"),
            (Method::PUT, "/ng/api/settings", json!([["scim_dialect", "okta", null, "UPDATE"]]), "[0]"),
            (Method::POST, "/authz/api/roleassignments/multi", json!({"roleAssignments": [binding]}), "roleAssignments[0]"),
            (Method::POST, "/authz/api/roleassignments", wrapped.clone(), "principal"),
            (Method::POST, "/authz/api/roleassignments/validate", json!({"roleAssignment": wrapped}), "roleAssignment.principal"),
            (Method::POST, "/authz/api/roleassignments/validate", wrapped.clone(), "principal"),
            (Method::POST, "/authz/api/roleassignments/filter", json!({"principalFilter": [user]}), "principalFilter[0]"),
            (Method::POST, "/authz/api/acl", json!({"permissions": [["core_user_view", "USER", null, null, null]]}), "permissions[0]"),
            (Method::POST, "/authz/api/acl", json!({"permissions": [], "principal": [null, null]}), "principal"),
            (Method::POST, "/audit/api/audits/list", json!({"scopes": [["acme", null, null]]}), "scopes[0]"),
            (Method::POST, "/authz/api/v2/resourcegroup", json!({"resourceGroup": {"resourceFilter": [true]}}), "resourceGroup.resourceFilter"),
        ] {
            let text = admin.send(method.clone(), path, Some(body.to_string())).await.refused(400, "INVALID_REQUEST");
            let words = format!("{place}: an object is expected, not a list");
            assert_eq!(text, words, "{path} {body}");
            // What is JSON is YAML, too.
            let yaml = admin.with("content-type", "application/yaml");
            let text = yaml.send(method, path, Some(body.to_string())).await.refused(400, "INVALID_REQUEST");
            assert_eq!(text, words, "{path} {body}");
        }
        assert_eq!(world.count("audit_rows").await, before, "nothing was done");
    }

    async fn a_member_that_stands_twice_is_refused(world: World) {
        let scim = world.bearer(world.admin_token());
        let head = r#"{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"ada""#;
        for (rest, name) in [
            (r#","userName":"bob"}"#, "userName"),
            (r#","name":{"givenName":"A","givenName":"B"}}"#, "givenName"),
            (r#","emails":[{"value":"a@x","type":"work","value":"b@x"}]}"#, "value"),
        ] {
            let answer = scim.send(Method::POST, "/scim/v2/acme/Users", Some(format!("{head}{rest}"))).await.expect(400);
            assert_eq!(answer.json["scimType"], "invalidSyntax", "{}", answer.text);
            let detail = answer.json["detail"].as_str().unwrap();
            assert!(detail.contains(&format!("the member \"{name}\" stands twice")), "{detail}");
        }
        let patch = r#"{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
            "Operations":[{"op":"add","path":"title","op":"remove"}]}"#;
        let user = format!("/scim/v2/acme/Users/{}", world.admin_id);
        let answer = scim.send(Method::PATCH, &user, Some(patch.into())).await.expect(400);
        assert_eq!(answer.json["scimType"], "invalidSyntax");
        assert_eq!(world.count("users").await, 1, "nothing was made");
        // The typed bodies of the platform API refuse it as well.
        let twice = r#"{"identifier":"a","name":"a","identifier":"b"}"#.to_owned();
        for (path, body) in [
            ("/ng/api/serviceaccount", twice.clone()), ("/authz/api/roles", twice.clone()),
            ("/ng/api/organizations", format!(r#"{{"organization":{twice}}}"#)),
            ("/authz/api/roleassignments/validate", r#"{"disabled":true,"disabled":false}"#.into()),
        ] {
            let text = world.admin().send(Method::POST, path, Some(body)).await.refused(400, "INVALID_REQUEST");
            assert!(text.contains("stands twice"), "{path}: {text}");
        }
    }

    async fn what_cannot_be_read_is_told_in_words_of_json(world: World) {
        let admin = world.admin();
        for (path, body, words) in [
            ("/authz/api/acl", r#"{"permissions": [{"permission": 7}]}"#,
                "permissions[0].permission: a text is expected, not the number 7, permissions[0].resourceType: cannot be empty"),
            ("/authz/api/acl", r#"{"permissions": {}}"#, "permissions: a list is expected, not an object"),
            ("/authz/api/acl", "{}", "permissions: cannot be empty; send a list"),
            ("/authz/api/acl", "{", "The body is not JSON: it ends too early at line 1, column 1."),
            ("/authz/api/acl", "nope", "The body is not JSON: no value can begin so at line 1, column 2."),
            ("/authz/api/acl", r#"{"permissions": []} x"#, "something follows after its end at line 1, column 21."),
            ("/ng/api/apikey", r#"{"defaultTimeToExpireToken": "x"}"#, "a whole number in its range is expected, not a text"),
            ("/ng/api/apikey", r#"{"tags": []}"#, "an object is expected, not a list"),
            ("/ng/api/token", r#"{"validTo": true}"#, "a whole number in its range is expected, not true"),
            ("/ng/api/user/batch", r#"{"identifiers": "x"}"#, "identifiers: a list is expected, not a text"),
            ("/ng/api/jwt-trusts", r#"{"a": 1, "a": 2}"#, "the member \"a\" stands twice in one object at line 1, column 12."),
        ] {
            let text = admin.send(Method::POST, path, Some(body.into())).await.refused(400, "INVALID_REQUEST");
            assert!(text.contains(words), "{path} {body}: {text}");
        }
        let yaml = admin.with("content-type", "application/yaml");
        let text = yaml.send(Method::POST, "/ng/api/serviceaccount", Some("tags: []\n".into())).await;
        let text = text.refused(400, "INVALID_REQUEST");
        assert_eq!(text, "tags: an object is expected, not a list");
        let scim = world.bearer(world.admin_token());
        let answer = scim.send(Method::POST, "/scim/v2/acme/Users", Some("{,}".into())).await.expect(400);
        let detail = answer.json["detail"].as_str().unwrap();
        assert!(detail.starts_with("The body is not JSON: the name of a member must stand"), "{detail}");
        for (query, words) in [
            ("pageIndex=1&pageIndex=2", "does not fit: the parameter \"pageIndex\" stands twice."),
            ("failuresOnly=yes", "failuresOnly: \"yes\" is neither true nor false; send one of them."),
            ("colour=red", "\"colour\" is not known here; use some of"),
        ] {
            let path = if query.starts_with("page") { "/ng/api/user-groups" } else { "/ng/api/provisioning-log" };
            let text = admin.get(&format!("{path}?{query}")).await.refused(400, "INVALID_REQUEST");
            assert!(text.contains(words), "{query}: {text}");
        }
        let text = admin.get("/ng/api/user-groups/%ff").await.refused(400, "INVALID_REQUEST");
        assert!(text.contains("no UTF-8") && !text.contains("Invalid"), "{text}");
    }

    async fn what_a_client_sent_is_repeated_in_part(world: World) {
        let long = "x".repeat(900_000);
        let scope = json!({"accountIdentifier": "acme", "filter": long});
        let group = json!({"identifier": "g", "name": "G", "includedScopes": [scope]});
        for (path, body, lead, end) in [
            ("/ng/api/user/users", json!({"emails": [long]}), "emails[0]", ""),
            ("/authz/api/v2/resourcegroup", json!({"resourceGroup": group}), "filter", ""),
            ("/authz/api/roles", json!({"identifier": "r", "name": "R", "permissions": [long]}), "permissions", "acme"),
        ] {
            let answer = world.admin().post(path, body).await.expect(400);
            assert!(answer.text.len() < 10_000, "{path}: {} bytes", answer.text.len());
            let message = answer.json["message"].as_str().unwrap();
            assert!(message.contains(lead) && message.contains('…') && message.contains(end), "{path}: {message}");
        }
    }

    async fn a_page_too_far_says_so(world: World) {
        let admin = world.admin();
        let text = admin.get("/ng/api/user-groups?pageIndex=99999999999").await.refused(400, "INVALID_REQUEST");
        assert!(text.contains("pageIndex is 99999999999: send a whole number from 0 to 4294967295."), "{text}");
        let text = admin.get("/ng/api/user-groups?pageIndex=-1").await.refused(400, "INVALID_REQUEST");
        assert!(text.contains("pageIndex is -1: send"), "{text}");
        assert_eq!(admin.get("/ng/api/user-groups?pageIndex=4294967295&pageSize=100").await.data()["empty"], true);
    }

    async fn a_scim_address_without_its_account_answers_as_scim(world: World) {
        for path in ["/scim/v2", "/scim/v2/", "/ng/api/scim/account", "/gateway/ng/api/scim/account/"] {
            let answer = world.anon().get(path).await.expect(404);
            assert_eq!(answer.json["schemas"][0], "urn:ietf:params:scim:api:messages:2.0:Error", "{path}: {}", answer.text);
            assert!(answer.json["detail"].as_str().unwrap().contains(answer.header("x-request-id")), "{}", answer.text);
        }
    }
}
