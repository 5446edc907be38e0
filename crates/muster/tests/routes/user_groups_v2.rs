//! Groups with users by their addresses, their notification settings, and one user in several groups (§11).

use serde_json::{Value, json};

use super::scim_groups::made_group;
use super::scim_users::{USERS, made, scim};
use crate::actors::World;
use crate::both_engines;
use crate::bound::{at, hierarchy};

const V0: &str = "/ng/api/user-groups?accountIdentifier=acme";
const V2: &str = "/ng/api/v2/user-groups?accountIdentifier=acme";
const ONE: &str = "/ng/api/user-groups/team?accountIdentifier=acme";
const ONE_V2: &str = "/ng/api/v2/user-groups/team?accountIdentifier=acme";

fn emails(group: &Value) -> Vec<&str> {
    group["users"].as_array().unwrap().iter().map(|user| user["email"].as_str().unwrap()).collect()
}

fn channels() -> Value {
    json!([
        {"type": "EMAIL", "groupEmail": "team@x.example", "sendEmailToAllUsers": true},
        {"type": "SLACK", "slackWebhookUrl": "https://hooks.example/a"},
        {"type": "PAGERDUTY", "pagerDutyKey": "k"},
        {"type": "MSTEAMS", "microsoftTeamsWebhookUrl": "https://teams.example/a"},
        {"type": "WEBHOOK", "webhookUrl": "https://hooks.example/b"}
    ])
}

both_engines! {
    async fn users_are_named_by_their_addresses(world: World) {
        let (scim, admin) = (scim(&world), world.admin());
        let (ada, bob) = (made(&scim, "ada").await, made(&scim, "bob").await);
        let body = |users: Value| json!({"identifier": "team", "name": "Team", "users": users});
        let made = admin.post(V2, body(json!(["BOB@example.com", "nobody@x.example", "ada@example.com", "bob@EXAMPLE.com"]))).await;
        let tag = made.header("etag").to_owned();
        let made = made.data();
        assert_eq!(made["users"], json!([{"id": bob, "email": "bob@Example.com"}, {"id": ada, "email": "ada@Example.com"}]));
        assert_eq!(admin.get(ONE_V2).await.data(), made);
        assert_eq!(admin.get(ONE).await.data()["users"], json!([bob, ada]));
        // What was shown can be sent back, and is nothing new.
        let again = admin.put(V2, body(json!(emails(&made)))).await;
        assert_eq!(again.header("etag"), tag);
        assert_eq!(again.data(), made);
        let turned = admin.put(V2, body(json!(["ada@example.com", "bob@example.com"]))).await.data();
        assert_eq!(emails(&turned), ["ada@Example.com", "bob@Example.com"]);
        admin.with("if-match", &tag).put(V2, body(json!([]))).await.expect(412);
        let mut none = body(Value::Null);
        none.as_object_mut().unwrap().remove("users");
        assert_eq!(admin.put(V2, none).await.data()["users"], json!([]));
        admin.post(V2, body(json!([]))).await.refused(400, "DUPLICATE_FIELD");
        admin.get("/ng/api/v2/user-groups/none").await.refused(400, "RESOURCE_NOT_FOUND_EXCEPTION");
    }

    async fn an_address_that_several_have_names_the_member(world: World) {
        let (scim, admin) = (scim(&world), world.admin());
        let user = |name: &str| json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": name,
            "emails": [{"value": "same@x.example", "primary": true}, {"value": format!("{name}@x.example")}]
        });
        let mut ids = Vec::new();
        for name in ["one", "two"] {
            ids.push(scim.post(USERS, user(name)).await.expect(201).json["id"].as_str().unwrap().to_owned());
        }
        let nameless = world.crowd("carl", 1).await.remove(0);
        let body = |users: Value| json!({"identifier": "team", "name": "Team", "users": users});
        let text = admin.post(V2, body(json!(["same@x.example"]))).await.refused(400, "INVALID_REQUEST");
        assert!(text.contains("users[0]: several users"), "{text}");
        // Another address of one of them is his alone, and one without any has his user name.
        let made = admin.post(V2, body(json!(["two@x.example", "carl0"]))).await.data();
        assert_eq!(made["users"], json!([{"id": ids[1], "email": "same@x.example"}, {"id": nameless, "email": "carl0"}]));
        assert_eq!(admin.put(V2, body(json!(emails(&made)))).await.data(), made);
    }

    async fn who_takes_anothers_address_for_a_name_takes_no_place(world: World) {
        let (scim, admin) = (scim(&world), world.admin());
        let user = |name: &str, email: Option<&str>| json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": name,
            "emails": email.map(|email| vec![json!({"value": email, "primary": true})])
        });
        for (name, address, named_so) in
            [("boss", Some("boss@x.example"), user("boss@x.example", None)), ("bob7", None, user("other", Some("bob7")))]
        {
            let body = json!({"identifier": name, "name": name, "users": [address.unwrap_or(name)]});
            let id = scim.post(USERS, user(name, address)).await.expect(201).json["id"].clone();
            let made = admin.post(V2, body.clone()).await.data();
            assert_eq!(made["users"][0]["id"], id);
            scim.post(USERS, named_so).await.expect(201);
            assert_eq!(admin.put(V2, body.clone()).await.data(), made, "the same again");
        }
        let adding = json!({"emails": ["boss@x.example"]});
        let text = admin.post("/ng/api/user/users?accountIdentifier=acme", adding).await.refused(400, "INVALID_REQUEST");
        assert!(text.contains("several users have the address"), "{text}");
    }

    async fn members_of_one_address_keep_their_places(world: World) {
        let (scim, admin) = (scim(&world), world.admin());
        let mut ids = Vec::new();
        for (name, email) in [("one", "dup"), ("two", "dup"), ("zed", "zed"), ("six", "dup")] {
            let user = json!({"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": name,
                "emails": [{"value": format!("{email}@x.example"), "primary": true}]});
            ids.push(scim.post(USERS, user).await.expect(201).json["id"].clone());
        }
        let users = json!([ids[1], ids[2], ids[0], ids[3]]);
        let group = json!({"identifier": "team", "name": "Team", "users": users});
        let tag = admin.post(V0, group).await.header("etag").to_owned();
        let shown = admin.get(ONE_V2).await.data();
        assert_eq!(emails(&shown), ["dup@x.example", "zed@x.example", "dup@x.example", "dup@x.example"]);
        let body = |users: Vec<&str>| json!({"identifier": "team", "name": "Team", "users": users});
        assert_eq!(admin.put(V2, body(emails(&shown))).await.header("etag"), tag);
        assert_eq!(admin.get(ONE_V2).await.data(), shown);
        // All whom the address names, where it stands last.
        let turned = admin.put(V2, body(vec!["dup@x.example", "zed@x.example", "dup@x.example"])).await.data();
        assert_eq!(turned["users"], shown["users"]);
        let turned = admin.put(V2, body(vec!["zed@x.example", "dup@x.example"])).await.data();
        assert_eq!(emails(&turned), ["zed@x.example", "dup@x.example", "dup@x.example", "dup@x.example"]);
    }

    async fn the_order_of_too_many_changes_nothing(world: World) {
        let mut ids = world.crowd("u", 1_001).await;
        ids.sort();
        ids.reverse();
        let last = ids.pop().expect("many");
        let body = |users: &[String]| json!({"identifier": "team", "name": "Team", "users": users});
        let admin = world.admin();
        admin.post(V0, body(&ids)).await.data();
        admin.put(&format!("/ng/api/user-groups/team/member/{last}?accountIdentifier=acme"), json!(null)).await.data();
        ids.push(last);
        let shown = admin.get(ONE).await;
        let tag = shown.header("etag").to_owned();
        let shown = shown.data();
        assert_eq!(shown["users"], json!(ids));
        assert_eq!(admin.put(V0, body(&ids)).await.header("etag"), tag);
        assert_eq!(admin.get(ONE).await.data(), shown);
    }

    async fn rights_scopes_and_groups_of_scim_are_those_of_v0(world: World) {
        let (scim, admin) = (scim(&world), world.admin());
        hierarchy(&world).await;
        let (ada, viewer) = (made(&scim, "ada").await, world.machine("viewer", Some("_account_viewer")).await);
        let below = format!("/ng/api/v2/user-groups?{}", at("o1"));
        let body = json!({"identifier": "team", "name": "Team", "orgIdentifier": "o1", "users": ["ada@example.com"]});
        assert_eq!(admin.post(&below, body.clone()).await.data()["users"][0]["id"], json!(ada));
        admin.get(ONE_V2).await.refused(400, "RESOURCE_NOT_FOUND_EXCEPTION");
        admin.post(V2, body.clone()).await.refused(400, "INVALID_REQUEST");
        viewer.put(&below, body.clone()).await.refused(403, "NG_ACCESS_DENIED");
        viewer.post(V2, body).await.refused(403, "NG_ACCESS_DENIED");
        made_group(&scim, "Pushed", &[&ada]).await;
        let body = |users: Value| json!({"identifier": "Pushed", "name": "Pushed", "users": users, "tags": {"a": "b"}});
        admin.put(V2, body(json!([]))).await.refused(400, "INVALID_REQUEST");
        let kept = admin.put(V2, body(json!(["ada@example.com"]))).await.data();
        assert_eq!((&kept["externallyManaged"], &kept["tags"]), (&json!(true), &json!({"a": "b"})));
        assert_eq!(viewer.get("/ng/api/v2/user-groups/Pushed").await.data(), kept);
    }

    async fn notification_settings_come_back_as_they_were_sent(world: World) {
        let admin = world.admin();
        let body = |channels: Value| json!({"identifier": "team", "name": "Team", "notificationConfigs": channels});
        assert_eq!(admin.post(V0, body(channels())).await.data()["notificationConfigs"], channels());
        for path in [ONE, ONE_V2] {
            assert_eq!(admin.get(path).await.data()["notificationConfigs"], channels(), "{path}");
        }
        assert_eq!(admin.get(V0).await.data()["content"][0]["notificationConfigs"], channels());
        let answer = admin.put(V2, body(channels())).await;
        assert!(answer.header("etag").ends_with("-1\""), "nothing changed: {}", answer.header("etag"));
        world.app.clock.advance_secs(1);
        let fewer = json!([{"type": "EMAIL", "groupEmail": "a@b", "slackWebhookUrl": null}]);
        let changed = admin.put(V0, body(fewer)).await;
        assert!(changed.header("etag").ends_with("-2\""), "{}", changed.header("etag"));
        assert_eq!(changed.data()["notificationConfigs"], json!([{"type": "EMAIL", "groupEmail": "a@b"}]));
        // What is in them is nothing for the audit trail.
        let trail = world.trail().await.join("\n");
        assert!(trail.contains("\"changed\":[\"notificationConfigs\"]") && !trail.contains("hooks.example"), "{trail}");
        assert_eq!(admin.put(V0, json!({"identifier": "team", "name": "Team"})).await.data()["notificationConfigs"], json!([]));
        let twice = r#"{"identifier": "team", "name": "Team", "notificationConfigs": [{"type": "EMAIL", "type": "SLACK"}]}"#;
        admin.send(http::Method::PUT, V0, Some(twice.into())).await.refused(400, "INVALID_REQUEST");
        let long = "x".repeat(17 << 10);
        for (bad, field) in [
            (json!([{}]), "notificationConfigs[0].type"), (json!([{"type": "PIGEON"}]), "notificationConfigs[0].type"),
            (json!([{"type": "EMAIL"}, {"type": "SLACK", "slackWebhookUrl": ["a"]}]), "notificationConfigs[1].slackWebhookUrl"),
            (json!(vec![json!({"type": "EMAIL"}); 33]), "notificationConfigs"),
            (json!([{"type": "EMAIL", "groupEmail": long}]), "notificationConfigs"),
        ] {
            for path in [V0, V2] {
                let answer = admin.put(path, body(bad.clone())).await.expect(400);
                assert_eq!(answer.json["errors"][0]["fieldId"], field, "{}", answer.text);
            }
        }
    }

    async fn a_user_is_added_to_all_groups_or_to_none(world: World) {
        let (scim, admin) = (scim(&world), world.admin());
        hierarchy(&world).await;
        let ada = made(&scim, "ada").await;
        let below = format!("/ng/api/user-groups?{}", at("o1"));
        for path in [V0, &below] {
            for id in ["a", "b", "c"] {
                admin.post(path, json!({"identifier": id, "name": id})).await.data();
            }
        }
        made_group(&scim, "Pushed", &[]).await;
        let path = |user: &str, scope: &str| format!("/ng/api/user/add-user-to-groups/{user}?{}", at(scope));
        let to = |ids: &[&str]| json!({"userGroupIdsToAdd": ids});
        let before = world.count("group_members").await;
        admin.put(&path(&ada, ""), to(&["a", "none"])).await.refused(400, "RESOURCE_NOT_FOUND_EXCEPTION");
        admin.put(&path(&ada, ""), to(&["a", "Pushed"])).await.refused(400, "INVALID_REQUEST");
        admin.put(&path("nobody", ""), to(&["a"])).await.refused(400, "INVALID_REQUEST");
        assert_eq!(world.count("group_members").await, before);
        assert_eq!(admin.put(&path(&ada, ""), to(&["a", "b", "a"])).await.data(), true);
        assert_eq!(admin.put(&path(&ada, "o1"), to(&["c"])).await.data(), true);
        for (id, path, members) in [("a", V0, 1), ("b", V0, 1), ("c", V0, 0), ("a", &below, 0), ("c", &below, 1)] {
            let one = path.replace("user-groups", &format!("user-groups/{id}"));
            assert_eq!(admin.get(&one).await.data()["users"].as_array().unwrap().len(), members, "{one}");
        }
        let text = admin.put(&path(&ada, ""), to(&["c", "b"])).await.refused(400, "INVALID_REQUEST");
        assert!(text.contains("already part of User Group b"), "{text}");
        assert_eq!(world.count("group_members").await, before + 3);
        let told = world.trail().await.iter().filter(|row| row.starts_with("UPDATE USER_GROUP ")).count();
        assert_eq!(told, 3);
        let viewer = world.machine("viewer", Some("_account_viewer")).await;
        viewer.put(&path(&ada, ""), to(&["c"])).await.refused(403, "NG_ACCESS_DENIED");
        // A right on one group is none on another.
        let only = json!({"resourceGroup": {"identifier": "only", "name": "Only",
            "resourceFilter": {"resources": [{"resourceType": "USERGROUP", "identifiers": ["a", "c"]}]}}});
        admin.post("/authz/api/v2/resourcegroup?accountIdentifier=acme", only).await.data();
        let keeper = json!({"identifier": "keeper", "name": "Keeper", "permissions": ["core_usergroup_manage"]});
        admin.post("/authz/api/roles?accountIdentifier=acme", keeper).await.data();
        let keeper = crate::bound::bound(&world, "keeper", &[("keeper", "only")]).await;
        let bob = made(&scim, "bob").await;
        keeper.put(&path(&bob, ""), to(&["a", "b"])).await.refused(403, "NG_ACCESS_DENIED");
        assert_eq!(keeper.put(&path(&bob, ""), to(&["a", "c"])).await.data(), true);
    }
}
