//! Reading the audit trail (platform API §12).

use serde_json::{Value, json};

use super::scim_groups::{GROUPS, made_group};
use super::scim_users::{USERS, made, patch};
use crate::actors::{Client, World};
use crate::both_engines;
use crate::bound::{ACCOUNT_ONLY, EVERYWHERE, bound, hierarchy, trail};

const LIST: &str = "/audit/api/audits/list?accountIdentifier=acme";

async fn found(client: &Client, filter: Value) -> Vec<String> {
    let page = client.post(LIST, filter).await.data();
    let content = page["content"].as_array().expect("a page has content");
    let text = |part: &Value| part.as_str().expect("text").to_owned();
    let line = |e: &Value| {
        format!(
            "{} {} {}",
            text(&e["action"]),
            text(&e["resource"]["type"]),
            text(&e["resource"]["identifier"])
        )
    };
    content.iter().map(line).collect()
}

/// Three roles, one second apart: in the account, in `o1`, in `o1/p1`.
async fn roles(world: &World) {
    hierarchy(world).await;
    for (id, scope) in
        [("a", ""), ("b", "&orgIdentifier=o1"), ("c", "&orgIdentifier=o1&projectIdentifier=p1")]
    {
        world.app.clock.advance_secs(1);
        let body = json!({"identifier": id, "name": format!("Role {id}")});
        world
            .admin()
            .post(&format!("/authz/api/roles?accountIdentifier=acme{scope}"), body)
            .await
            .expect(200);
    }
}

both_engines! {
    async fn lists_that_are_too_long_are_refused_in_words(world: World) {
        let many = |of: Value| Value::from(vec![of; 501]);
        let batch = "/ng/api/user/batch?accountIdentifier=acme";
        let bindings = "/authz/api/roleassignments/filter?accountIdentifier=acme";
        for (path, body) in [
            (LIST, json!({"resources": many(json!({"type": "ROLE", "identifier": "b"}))})),
            (LIST, json!({"scopes": many(json!({"accountIdentifier": "acme"}))})),
            (batch, json!({"emails": many(json!("a"))})),
            (bindings, json!({"principalFilter": many(json!({"identifier": "b", "type": "USER"}))})),
        ] {
            let answer = world.admin().post(path, body).await.expect(400);
            assert!(answer.text.contains("501 entries; send 500 at most"), "{path}: {}", answer.text);
        }
        let most = Value::from(vec![json!({"type": "ROLE", "identifier": "b"}); 500]);
        world.admin().post(LIST, json!({"resources": most})).await.data();
    }

    async fn an_event_says_who_did_what(world: World) {
        roles(&world).await;
        let page = world.admin().post(LIST, json!({"resources": [{"type": "ROLE", "identifier": "b"}]})).await.data();
        assert_eq!((&page["totalItems"], &page["pageSize"]), (&json!(1), &json!(50)));
        let event = &page["content"][0];
        assert_eq!(event["resourceScope"], json!({"accountIdentifier": "acme", "orgIdentifier": "o1"}));
        assert_eq!(event["httpRequestInfo"], json!({"requestMethod": "POST"}));
        assert_eq!(event["timestamp"], 1_767_225_602_000_i64);
        assert_eq!(event["authenticationInfo"]["principal"], json!({"type": "USER", "identifier": "admin@acme.example"}));
        assert_eq!(event["authenticationInfo"]["labels"]["userId"], world.admin_id.as_str());
        assert_eq!(event["module"], "CORE");
        assert_eq!(event["resource"], json!({
            "type": "ROLE", "identifier": "b", "labels": {"resourceName": "Role b"}
        }));
        assert_eq!(event["action"], "CREATE");
        assert_eq!(event["auditEventData"]["change"], json!({"permissions": []}));
        assert_eq!(event["internalInfo"]["credentialType"], "TOKEN");
        assert!(event["auditId"].is_string() && event["internalInfo"]["requestId"].is_string());
        let console = world.admin().post(LIST, json!({"resources": [{"type": "ACCOUNT"}]})).await.data();
        assert_eq!(console["content"][0]["authenticationInfo"]["principal"]["type"], "SYSTEM");
        assert!(console["content"][0].get("httpRequestInfo").is_none(), "{console}");
    }

    async fn newest_first_in_pages(world: World) {
        roles(&world).await;
        let only = json!({"resources": [{"type": "ROLE"}]});
        assert_eq!(found(&world.admin(), only.clone()).await, ["CREATE ROLE c", "CREATE ROLE b", "CREATE ROLE a"]);
        let path = format!("{LIST}&pageSize=2");
        let first = world.admin().post(&path, only.clone()).await.data();
        let token = first["nextPageToken"].as_str().unwrap();
        let second = world.admin().post(&format!("{path}&pageToken={token}"), only).await.data();
        assert_eq!(second["content"][0]["resource"]["identifier"], "a");
        assert_eq!((&second["pageItemCount"], &second["totalPages"]), (&json!(1), &json!(2)));
        let whole = world.admin().send(http::Method::POST, LIST, None).await.data();
        assert!(whole["totalItems"].as_u64().unwrap() > 3, "no body means no filter");
        let v2 = "/gateway/audit/api/audits/listV2?accountIdentifier=acme";
        assert_eq!(world.admin().post(v2, json!({})).await.data()["totalItems"], whole["totalItems"]);
    }

    async fn filters(world: World) {
        roles(&world).await;
        let admin = world.admin();
        let with = async |mut filter: Value| {
            filter["resources"] = json!([{"type": "ROLE"}]);
            found(&admin, filter).await
        };
        let (a, b, c) = ("CREATE ROLE a", "CREATE ROLE b", "CREATE ROLE c");
        assert_eq!(with(json!({"actions": ["CREATE", "LOGIN"]})).await, [c, b, a]);
        assert_eq!(with(json!({"actions": ["DELETE"]})).await, [""; 0]);
        assert_eq!(with(json!({"startTime": 1_767_225_602_000_i64})).await, [c, b]);
        assert_eq!(with(json!({"endTime": 1_767_225_602_000_i64})).await, [b, a]);
        assert_eq!(with(json!({"principals": [{"type": "USER", "identifier": "admin@acme.example"}]})).await, [c, b, a]);
        assert_eq!(with(json!({"principals": [{"identifier": world.admin_id}]})).await, [c, b, a]);
        assert_eq!(with(json!({"principals": [{"type": "SERVICE_ACCOUNT", "identifier": world.admin_id}]})).await, [""; 0]);
        assert_eq!(with(json!({"modules": ["CORE"], "filterType": "Audit"})).await, [c, b, a]);
        assert_eq!(with(json!({"modules": ["CD"]})).await, [""; 0]);
        assert_eq!(with(json!({"environments": [{"type": "Production"}]})).await, [""; 0]);
        assert_eq!(with(json!({"scopes": [{"accountIdentifier": "acme"}]})).await, [a]);
        assert_eq!(with(json!({"scopes": [{"orgIdentifier": "o1"}]})).await, [b]);
        assert_eq!(with(json!({"scopes": [{"orgIdentifier": "o1"}], "includeChildScopes": true})).await, [c, b]);
        assert_eq!(with(json!({"includeChildScopes": true})).await, [c, b, a]);
        assert_eq!(found(&admin, json!({"resources": [{"type": "ACCOUNT"}], "staticFilter": "EXCLUDE_SYSTEM_EVENTS"})).await, [""; 0]);
        assert_eq!(with(json!({"principals": [{"type": "API_KEY", "identifier": "x"}]})).await, [""; 0]);
        assert_eq!(found(&admin, json!({"resources": [{"type": "PIPELINE"}]})).await, [""; 0]);
        for (bad, says) in [
            (json!({"actions": ["CREATE", "DELETED"]}), "DELETED, which is unknown: use CREATE"),
            (json!({"resources": [{"type": "USERGROUP"}]}), "USER_GROUP"),
            (json!({"principals": [{"identifier": "x", "type": "user"}]}), "SERVICE_ACCOUNT"),
        ] {
            let text = admin.post(LIST, bad).await.refused(400, "INVALID_REQUEST");
            assert!(text.contains(says), "{text}");
        }
        for bad in [
            json!({"filterType": "Other"}), json!({"staticFilter": "X"}), json!({"startTime": 2, "endTime": 1}),
            json!({"startTime": "soon"}), json!({"scopes": [{"accountIdentifier": "other"}]}),
            json!({"scopes": [{"projectIdentifier": "p"}]}),
        ] {
            admin.post(LIST, bad).await.refused(400, "INVALID_REQUEST");
        }
    }

    async fn only_who_may_reads_and_only_where_he_may(world: World) {
        roles(&world).await;
        let role = json!({"identifier": "auditor", "name": "A", "permissions": ["core_audit_view"]});
        world.admin().post("/authz/api/roles?accountIdentifier=acme", role).await.expect(200);
        let here = bound(&world, "here", &[("auditor", ACCOUNT_ONLY)]).await;
        let all = bound(&world, "all", &[("auditor", EVERYWHERE)]).await;
        let nobody = bound(&world, "nobody", &[("_account_basic", EVERYWHERE)]).await;
        let roles = json!({"resources": [{"type": "ROLE", "identifier": "b"}, {"type": "ROLE", "identifier": "a"}]});
        assert_eq!(found(&here, roles.clone()).await, ["CREATE ROLE a"]);
        assert_eq!(found(&all, roles.clone()).await, ["CREATE ROLE b", "CREATE ROLE a"]);
        here.post(LIST, json!({"includeChildScopes": true})).await.refused(403, "NG_ACCESS_DENIED");
        here.post(LIST, json!({"scopes": [{"orgIdentifier": "o1"}]})).await.refused(403, "NG_ACCESS_DENIED");
        let denied = nobody.post(LIST, json!({})).await.expect(403);
        assert_eq!(denied.json["failedPermissionChecks"][0]["permission"], "core_audit_view");
        world.anon().post(LIST, json!({})).await.refused(401, "INVALID_TOKEN");
        world.holder(&world.other_account("other").await).post(LIST, json!({})).await.refused(401, "INVALID_TOKEN");
    }

    async fn who_is_removed_leaves_his_groups_in_the_trail(world: World) {
        hierarchy(&world).await;
        let (admin, scim) = (world.admin(), world.bearer(world.admin_token()));
        let ada = made(&scim, "ada").await;
        let crew = made_group(&scim, "Crew", &[&ada]).await;
        let all = made_group(&scim, "All", &[&crew]).await;
        let team = json!({"identifier": "team", "name": "Team", "users": [ada]});
        admin.post("/ng/api/user-groups?accountIdentifier=acme&orgIdentifier=o1", team).await.data();
        world.app.clock.advance_secs(1);
        scim.delete(&format!("{USERS}/{ada}")).await.expect(204);
        scim.delete(&format!("{GROUPS}/{crew}")).await.expect(204);
        assert!(!all.is_empty());
        let since = json!({
            "startTime": world.app.clock.now().millis(), "resources": [{"type": "USER_GROUP"}, {"type": "USER"}],
            "scopes": [{"accountIdentifier": "acme"}], "includeChildScopes": true
        });
        let mut rows = found(&admin, since.clone()).await;
        rows.sort();
        let user = format!("DELETE USER {ada}");
        assert_eq!(rows, [
            user.as_str(), "DELETE USER_GROUP Crew", "UPDATE USER_GROUP All", "UPDATE USER_GROUP Crew", "UPDATE USER_GROUP team",
        ]);
        let page = admin.post(LIST, since).await.data();
        for event in page["content"].as_array().unwrap() {
            let (change, id) = (&event["auditEventData"]["change"], event["resource"]["identifier"].as_str().unwrap());
            let gone = if id == "All" { &crew } else { &ada };
            match (event["action"].as_str().unwrap(), id) {
                ("UPDATE", _) => assert_eq!((&change["membersRemoved"], &change["removed"]), (&json!(1), &json!([gone]))),
                (_, "Crew") => assert_eq!(change, &json!({"groupsLeft": 1})),
                _ => assert_eq!(change, &json!({"groupsLeft": 2})),
            }
            let home = if id == "team" { json!("o1") } else { Value::Null };
            assert_eq!(event["resourceScope"]["orgIdentifier"], home, "{event}");
        }
    }

    async fn the_row_of_a_user_who_goes_counts_what_went_with_him(world: World) {
        let scim = world.bearer(world.admin_token());
        let (bob, _) = world.person("bob@acme.example").await;
        let binding = json!({"roleIdentifier": "_account_viewer", "resourceGroupIdentifier": ACCOUNT_ONLY,
            "principal": {"identifier": bob, "type": "USER"}});
        world.admin().post("/authz/api/roleassignments?accountIdentifier=acme", binding).await.expect(200);
        made_group(&scim, "Crew", &[&bob]).await;
        let ada = made(&scim, "ada").await;
        for id in [&bob, &ada] {
            scim.delete(&format!("{USERS}/{id}")).await.expect(204);
        }
        let rows = trail(&world, "USER").await;
        let row = |id: &str| rows.iter().find_map(|row| row.strip_prefix(&format!("DELETE {id}"))).expect("a row").to_owned();
        let detail: Value = serde_json::from_str(&row(&bob)).expect("a detail");
        let removed = json!({"apiKeys": 1, "tokens": 1, "roleAssignments": 1});
        assert_eq!(detail, json!({"groupsLeft": 1, "removed": removed}));
        assert_eq!(row(&ada), "", "nothing was his");
    }

    async fn the_key_of_the_console_has_its_row(world: World) {
        let made = |world: &World| {
            let world = world.clone();
            async move { found(&world.admin(), json!({"resources": [{"type": "API_KEY"}]})).await }
        };
        assert_eq!(made(&world).await, ["CREATE API_KEY bootstrap"]);
        world.person("bob@acme.example").await;
        assert_eq!(made(&world).await.len(), 2, "his first token makes his key");
        let again = world.clone().at(world.app.clock.now().secs()).await;
        assert_eq!(made(&again).await.len(), 2, "an older key serves again");
    }

    async fn an_event_says_who_he_is_by_now(world: World) {
        let (admin, scim) = (world.admin(), world.bearer(world.admin_token()));
        admin.put("/ng/api/accounts/acme/name", json!({"name": "One"})).await.data();
        let emails = json!([{"value": "boss@acme.example", "type": "work", "primary": true}]);
        let change = json!([
            {"op": "replace", "path": "emails", "value": emails},
            {"op": "replace", "path": "displayName", "value": "The Boss"},
        ]);
        let user = format!("/scim/v2/acme/Users/{}", world.admin_id);
        scim.patch(&user, patch(change)).await.expect(200);
        world.app.clock.advance_secs(1);
        admin.put("/ng/api/accounts/acme/name", json!({"name": "Two"})).await.data();
        let page = admin.post(LIST, json!({"resources": [{"type": "ACCOUNT", "identifier": "acme"}]})).await.data();
        let who = &page["content"][0]["authenticationInfo"];
        assert_eq!((&who["principal"]["identifier"], &who["labels"]["username"]), (&json!("boss@acme.example"), &json!("The Boss")));
    }
}
