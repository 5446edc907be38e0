//! Groups on the platform API (§11).

use serde_json::{Value, json};

use super::scim_groups::{GROUPS, made_group, members};
use super::scim_users::{USERS, made, patch, scim, total};
use crate::actors::World;
use crate::both_engines;

const AT: &str = "/ng/api/user-groups?accountIdentifier=acme";

fn one(id: &str) -> String {
    format!("/ng/api/user-groups/{id}?accountIdentifier=acme")
}

fn member(id: &str, user: &str) -> String {
    format!("/ng/api/user-groups/{id}/member/{user}?accountIdentifier=acme")
}

both_engines! {
    async fn a_group_is_made_shown_changed_and_deleted(world: World) {
        let (scim, admin) = (scim(&world), world.admin());
        let (ada, bob) = (made(&scim, "ada").await, made(&scim, "bob").await);
        let body = json!({"identifier": "team", "name": "Team", "users": [ada, "nobody"], "tags": {"a": "b"}});
        let answer = admin.post(AT, body.clone()).await;
        assert!(answer.header("etag").ends_with("-1\""));
        let group = answer.data();
        assert_eq!((&group["users"], &group["externallyManaged"], group.get("description")), (&json!([ada]), &json!(false), None));
        assert_eq!(admin.get(&one("team")).await.data(), group);
        assert_eq!(total(&scim, GROUPS, "displayName eq \"team\"").await, 1, "visible by SCIM too");
        admin.post(AT, body).await.refused(400, "DUPLICATE_FIELD");
        let change = json!({"identifier": "team", "name": "Crew", "description": "d", "users": [bob]});
        let group = admin.put(AT, change.clone()).await.data();
        assert_eq!((&group["name"], &group["description"], &group["users"]), (&json!("Crew"), &json!("d"), &json!([bob])));
        let tag = admin.get(&one("team")).await.header("etag").to_owned();
        admin.put(AT, change).await.data();
        assert_eq!(admin.get(&one("team")).await.header("etag"), tag, "the same again changes nothing");
        let list = admin.get(&format!("{AT}&searchTerm=CRE")).await.data();
        assert_eq!((&list["totalItems"], &list["content"][0]["identifier"]), (&json!(1), &json!("team")));
        assert_eq!(admin.delete(&one("team")).await.data()["identifier"], "team");
        admin.get(&one("team")).await.refused(400, "RESOURCE_NOT_FOUND_EXCEPTION");
        admin.delete(&one("team")).await.refused(400, "RESOURCE_NOT_FOUND_EXCEPTION");
    }

    async fn users_come_back_in_the_order_they_were_sent(world: World) {
        let (scim, admin) = (scim(&world), world.admin());
        let mut crowd = world.crowd("u", 5).await;
        crowd.sort();
        let late = crowd.remove(0);
        crowd.reverse();
        let sent = |users: &[String]| json!({"identifier": "team", "name": "Team", "users": users});
        let shown = |users: &[String]| json!(users);
        let twice: Vec<String> = crowd.iter().chain(&crowd).cloned().collect();
        assert_eq!(admin.post(AT, sent(&twice)).await.data()["users"], shown(&crowd));
        assert_eq!(admin.get(&one("team")).await.data()["users"], shown(&crowd));
        crowd.swap(1, 2);
        let answer = admin.put(AT, sent(&crowd)).await;
        let tag = answer.header("etag").to_owned();
        assert!(tag.ends_with("-2\""), "another order is another version: {tag}");
        assert_eq!(answer.data()["users"], shown(&crowd));
        assert_eq!(admin.put(AT, sent(&crowd)).await.header("etag"), tag, "the same again changes nothing");
        assert_eq!(admin.get(AT).await.data()["content"][0]["users"], shown(&crowd));
        world.app.clock.advance_secs(1);
        let came: Vec<String> = crowd.iter().chain([&late]).cloned().collect();
        assert_eq!(admin.put(&member("team", &late), json!({})).await.data()["users"], shown(&came));
        // Who went and comes again is a newcomer.
        let first = crowd.remove(0);
        let (left, back) = ([&crowd[..], std::slice::from_ref(&late)].concat(), member("team", &first));
        assert_eq!(admin.delete(&back).await.data()["users"], shown(&left));
        world.app.clock.advance_secs(1);
        assert_eq!(admin.put(&back, json!({})).await.data()["users"], shown(&[left, vec![first]].concat()));
        let group = made_group(&scim, "Pushed", &[&late, &crowd[0]]).await;
        for users in [[&late, &crowd[0]], [&crowd[0], &late]] {
            let body = json!({"identifier": "Pushed", "name": "Pushed", "users": users});
            assert_eq!(admin.put(AT, body).await.data()["users"], json!(users));
        }
        assert_eq!(members(&scim, &group).await.len(), 2);
    }

    async fn who_comes_back_by_scim_stands_last(world: World) {
        let (scim, admin) = (scim(&world), world.admin());
        let mut crowd = world.crowd("u", 3).await;
        crowd.sort();
        crowd.reverse();
        let group = made_group(&scim, "Pushed", &[&crowd[0], &crowd[1], &crowd[2]]).await;
        let body = json!({"identifier": "Pushed", "name": "Pushed", "users": crowd});
        assert_eq!(admin.put(AT, body).await.data()["users"], json!(crowd));
        let (at, gone) = (format!("{GROUPS}/{group}"), format!("members[value eq \"{}\"]", crowd[0]));
        // All in the same instant: what was kept of the time would not tell.
        scim.patch(&at, patch(json!([{"op": "remove", "path": gone}]))).await.expect(200);
        scim.patch(&at, patch(json!([{"op": "add", "path": "members", "value": [{"value": crowd[0]}]}]))).await.expect(200);
        crowd.rotate_left(1);
        assert_eq!(admin.get(&one("Pushed")).await.data()["users"], json!(crowd));
        // A PUT of SCIM that keeps them leaves them where they are.
        let all: Vec<Value> = crowd.iter().rev().map(|user| json!({"value": user})).collect();
        scim.put(&at, json!({"displayName": "Pushed", "members": all})).await.expect(200);
        assert_eq!(admin.get(&one("Pushed")).await.data()["users"], json!(crowd));
    }

    async fn who_goes_and_comes_in_one_patch_keeps_his_place(world: World) {
        let (scim, admin) = (scim(&world), world.admin());
        let mut crowd = world.crowd("u", 4).await;
        crowd.sort();
        crowd.reverse();
        // The last one has no place that was given, only the time when he came.
        let (last, placed) = (crowd.pop().unwrap(), crowd.clone());
        let group = made_group(&scim, "Pushed", &[&placed[0], &placed[1], &placed[2]]).await;
        admin.put(AT, json!({"identifier": "Pushed", "name": "Pushed", "users": placed})).await.data();
        let at = format!("{GROUPS}/{group}");
        let add = |id: &str| json!({"op": "add", "path": "members", "value": [{"value": id}]});
        for id in [&last, &world.admin_id] {
            world.app.clock.advance_secs(1);
            scim.patch(&at, patch(json!([add(id)]))).await.expect(200);
        }
        let before = admin.get(&one("Pushed")).await.data()["users"].clone();
        let tag = scim.get(&at).await.header("etag").to_owned();
        world.app.clock.advance_secs(1);
        let gone = |id: &str| json!({"op": "remove", "path": format!("members[value eq \"{id}\"]")});
        let all: Vec<Value> = before.as_array().unwrap().iter().map(|id| json!({"value": id})).collect();
        for body in [
            json!([gone(&placed[0]), add(&placed[0])]),
            json!([gone(&last), add(&last)]),
            json!([{"op": "remove", "path": "members"}, {"op": "add", "path": "members", "value": all}]),
        ] {
            assert_eq!(scim.patch(&at, patch(body.clone())).await.expect(200).header("etag"), tag, "{body}");
            assert_eq!(admin.get(&one("Pushed")).await.data()["users"], before, "{body}");
        }
    }

    async fn orders_of_the_release_before_are_kept(world: World) {
        let admin = world.admin();
        let mut users = world.crowd("u", 4).await;
        users.sort();
        users.reverse();
        let body = json!({"identifier": "team", "name": "Team", "users": users});
        admin.post(AT, body).await.data();
        let gone = world.crowd("v", 1).await.remove(0);
        let order = [users[1].as_str(), &gone, &users[3], &users[0]].join(" ");
        let step = muster::migrations::STEPS.iter().find(|step| step.name == "0035_member_places").unwrap();
        let (_, filling) = step.sql.split_once("ADD COLUMN place {int};").unwrap();
        let before = move |tx: &mut db::Tx<'_>| {
            tx.exec("UPDATE user_groups SET user_order = $1", db::params![order.as_str()])?;
            tx.exec("UPDATE group_members SET place = NULL", &[])?;
            tx.exec(filling.trim().trim_end_matches(';'), &[]).map(drop)
        };
        world.app.db.write::<_, db::Error>("test.before", "acme", before).await.unwrap();
        let expected = [&users[1], &users[3], &users[0], &users[2]];
        assert_eq!(admin.get(&one("team")).await.data()["users"], json!(expected));
    }

    async fn an_order_that_changes_is_told_of(world: World) {
        let admin = world.admin();
        let mut users = world.crowd("u", 2).await;
        let body = |users: &[String]| json!({"identifier": "team", "name": "Team", "users": users});
        admin.post(AT, body(&users)).await.data();
        world.app.clock.advance_secs(1);
        users.reverse();
        admin.put(AT, body(&users)).await.data();
        let latest = admin.post("/audit/api/audits/list", json!({"resources": [{"type": "USER_GROUP"}]})).await.data();
        assert_eq!(latest["content"][0]["auditEventData"]["change"], json!({"changed": ["users"]}));
        assert_eq!(latest["totalItems"], 2);
    }

    async fn an_order_of_more_than_a_thousand_is_not_kept(world: World) {
        let admin = world.admin();
        let mut users = world.crowd("u", 1001).await;
        users.sort();
        users.reverse();
        let body = |users: &[String]| json!({"identifier": "team", "name": "Team", "users": users});
        assert_eq!(admin.post(AT, body(&users[..1000])).await.data()["users"], json!(users[..1000]));
        let all = admin.put(AT, body(&users)).await;
        let tag = all.header("etag").to_owned();
        assert_eq!(all.data()["users"].as_array().unwrap().len(), 1001);
        assert_eq!(admin.put(AT, body(&users)).await.header("etag"), tag);
    }

    async fn a_put_without_users_takes_them_out(world: World) {
        let (scim, admin) = (scim(&world), world.admin());
        let ada = made(&scim, "ada").await;
        let full = json!({"identifier": "team", "name": "Team", "users": [ada]});
        admin.post(AT, full.clone()).await.data();
        for users in [json!({}), json!({"users": null}), json!({"users": []})] {
            assert_eq!(admin.put(AT, full.clone()).await.data()["users"], json!([ada]));
            let mut body = json!({"identifier": "team", "name": "Crew", "description": "d"});
            body.as_object_mut().unwrap().extend(users.as_object().unwrap().clone());
            let group = admin.put(AT, body).await.data();
            assert_eq!((&group["name"], &group["users"]), (&json!("Crew"), &json!([])), "{users}");
            assert_eq!(admin.get(&member("team", &ada)).await.data(), false);
        }
        made_group(&scim, "Pushed Team", &[&ada]).await;
        for description in ["d", "e"] {
            let labels = json!({"identifier": "Pushed_Team", "name": "Pushed Team", "description": description});
            let group = admin.put(AT, labels).await.data();
            assert_eq!((&group["users"], &group["description"]), (&json!([ada]), &json!(description)), "SCIM keeps them");
        }
    }

    async fn a_put_without_users_leaves_groups_in_the_group(world: World) {
        let (scim, admin) = (scim(&world), world.admin());
        let ada = made(&scim, "ada").await;
        admin.post(AT, json!({"identifier": "team", "name": "Team", "users": [ada]})).await.data();
        let inner = made_group(&scim, "Inner", &[]).await;
        let found = scim.get(&format!("{GROUPS}?filter=displayName%20eq%20%22Team%22")).await.expect(200);
        let team = found.json["Resources"][0]["id"].as_str().unwrap().to_owned();
        let patch = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
            "Operations": [{"op": "add", "path": "members", "value": [{"value": inner}]}]});
        assert!(scim.patch(&format!("{GROUPS}/{team}"), patch).await.status < 300);
        assert_eq!(admin.put(AT, json!({"identifier": "team", "name": "Team"})).await.data()["users"], json!([]));
        assert_eq!(members(&scim, &team).await, [inner]);
    }

    async fn only_what_changed_is_told(world: World) {
        let admin = world.admin();
        admin.post(AT, json!({"identifier": "team", "name": "Team"})).await.data();
        let mut body = json!({"identifier": "team", "name": "Team"});
        for (member, value, changed) in [
            ("description", json!("d"), json!(["description"])), ("tags", json!({"a": "b"}), json!(["tags"])),
        ] {
            let path = "/ng/api/events?accountIdentifier=acme";
            let start = admin.get(path).await.data()["latest"].clone();
            world.app.clock.advance_secs(1);
            body[member] = value;
            admin.put(AT, body.clone()).await.data();
            let told = admin.get(&format!("{path}&after={start}")).await.data();
            assert_eq!(told["events"][0]["changedAttributes"], changed);
            let latest = admin.post("/audit/api/audits/list", json!({"resources": [{"type": "USER_GROUP"}]})).await.data();
            assert_eq!(latest["content"][0]["auditEventData"]["change"], json!({"changed": changed}));
        }
    }

    async fn a_change_of_another_version_is_refused(world: World) {
        let (scim, admin) = (scim(&world), world.admin());
        let ada = made(&scim, "ada").await;
        let body = json!({"identifier": "team", "name": "Team"});
        let first = admin.post(AT, body.clone()).await.expect(200).header("etag").to_owned();
        admin.with("if-match", &first).put(&member("team", &ada), json!({})).await.data();
        let late = admin.with("if-match", &first);
        late.put(AT, body.clone()).await.refused(412, "INVALID_REQUEST");
        late.delete(&member("team", &ada)).await.refused(412, "INVALID_REQUEST");
        late.put(&member("team", &world.admin_id), json!({})).await.refused(412, "INVALID_REQUEST");
        late.delete(&one("team")).await.refused(412, "INVALID_REQUEST");
        let answer = admin.get(&one("team")).await.expect(200);
        let tag = answer.header("etag").to_owned();
        assert_eq!(answer.data()["users"], json!([ada]), "nothing has changed");
        admin.with("if-match", &tag).put(AT, body).await.data();
        admin.with("if-match", "*").delete(&one("team")).await.data();
    }

    async fn members_come_and_go_one_by_one(world: World) {
        let (scim, admin) = (scim(&world), world.admin());
        let ada = made(&scim, "ada").await;
        admin.post(AT, json!({"identifier": "team", "name": "Team"})).await.data();
        assert_eq!(admin.get(&member("team", &ada)).await.data(), false);
        assert_eq!(admin.put(&member("team", &ada), json!({})).await.data()["users"], json!([ada]));
        admin.put(&member("team", &ada), json!({})).await.refused(400, "INVALID_REQUEST");
        admin.put(&member("team", "nobody"), json!({})).await.refused(400, "INVALID_REQUEST");
        assert_eq!(admin.get(&member("team", &ada)).await.data(), true);
        assert_eq!(admin.delete(&member("team", &ada)).await.data()["users"], json!([]));
        admin.delete(&member("team", &ada)).await.refused(400, "INVALID_REQUEST");
        admin.put(&member("none", &ada), json!({})).await.refused(400, "RESOURCE_NOT_FOUND_EXCEPTION");
        admin.get(&member("none", &ada)).await.refused(400, "RESOURCE_NOT_FOUND_EXCEPTION");
        assert_eq!(admin.get(&member("team", "nobody")).await.data(), false);
    }

    async fn a_group_in_a_group_is_not_taken_out_as_a_user(world: World) {
        let (scim, admin) = (scim(&world), world.admin());
        let inner = made_group(&scim, "Inner", &[]).await;
        admin.post(AT, json!({"identifier": "team", "name": "Team"})).await.data();
        let found = scim.get(&format!("{GROUPS}?filter=displayName%20eq%20%22Team%22")).await.expect(200).json;
        let team = found["Resources"][0]["id"].as_str().unwrap().to_owned();
        let add = json!([{"op": "add", "path": "members", "value": [{"value": inner}]}]);
        scim.patch(&format!("{GROUPS}/{team}"), patch(add)).await.expect(200);
        admin.delete(&member("team", &inner)).await.refused(400, "INVALID_REQUEST");
        assert_eq!(members(&scim, &team).await, [inner]);
    }

    async fn a_group_that_scim_keeps_is_not_changed_here(world: World) {
        let (scim, admin) = (scim(&world), world.admin());
        let ada = made(&scim, "ada").await;
        let id = made_group(&scim, "Pushed Team", &[&ada]).await;
        let group = admin.get(&one("Pushed_Team")).await.data();
        assert_eq!((&group["externallyManaged"], &group["users"]), (&json!(true), &json!([ada])));
        let body = |name: &str, users: &[&String]| json!({"identifier": "Pushed_Team", "name": name, "users": users, "description": "d"});
        admin.put(AT, body("Other", &[&ada])).await.refused(400, "INVALID_REQUEST");
        admin.put(AT, body("Pushed Team", &[])).await.refused(400, "INVALID_REQUEST");
        admin.put(&member("Pushed_Team", &ada), json!({})).await.refused(400, "INVALID_REQUEST");
        admin.delete(&member("Pushed_Team", &ada)).await.refused(400, "INVALID_REQUEST");
        assert_eq!(members(&scim, &id).await, std::slice::from_ref(&ada));
        assert_eq!(admin.put(AT, body("Pushed Team", &[&ada])).await.data()["description"], "d", "labels may change");
        admin.delete(&one("Pushed_Team")).await.data();
        scim.get(&format!("{GROUPS}/{id}")).await.expect(404);
    }

    async fn a_long_name_of_scim_may_stay(world: World) {
        let (scim, admin) = (scim(&world), world.admin());
        let name = "n".repeat(300);
        made_group(&scim, &name, &[]).await;
        let made = admin.get(&format!("{AT}&searchTerm=nnn")).await.data()["content"][0].clone();
        let body = |name: &str| json!({"identifier": made["identifier"], "name": name, "description": "d"});
        assert_eq!(admin.put(AT, body(&name)).await.data()["description"], "d");
        let answer = admin.put(AT, body(&"m".repeat(257))).await.expect(400);
        assert_eq!(answer.json["errors"][0]["fieldId"], "name", "{}", answer.text);
        let own = json!({"identifier": "own", "name": name});
        assert_eq!(admin.post(AT, own).await.expect(400).json["errors"][0]["fieldId"], "name");
    }

    async fn bad_bodies_and_scopes(world: World) {
        let admin = world.admin();
        admin.post(AT, json!({"identifier": "9", "name": ""})).await.refused(400, "INVALID_REQUEST");
        admin.post(AT, json!({"identifier": 9})).await.refused(400, "INVALID_REQUEST");
        admin.post(AT, json!({"identifier": "a", "name": "A", "accountIdentifier": "other"})).await.refused(400, "INVALID_REQUEST");
        admin.post(&format!("{AT}&orgIdentifier=none"), json!({"identifier": "a", "name": "A"})).await.refused(400, "INVALID_ARGUMENT");
        admin.get(&format!("{AT}&filterType=SOME")).await.refused(400, "RESOURCE_NOT_FOUND_EXCEPTION");
        let stranger = world.other_account("rival").await;
        world.holder(&stranger).get(AT).await.refused(401, "INVALID_TOKEN");
        assert_eq!(admin.get(AT).await.data()["totalItems"], 0, "nothing was made");
    }

    async fn groups_live_in_their_scope(world: World) {
        let (scim, admin) = (scim(&world), world.admin());
        let below = format!("{AT}&orgIdentifier=default");
        admin.post(&below, json!({"identifier": "team", "name": "Below"})).await.data();
        admin.post(AT, json!({"identifier": "team", "name": "Above"})).await.data();
        for (path, count) in [
            (AT.to_owned(), 1), (below.clone(), 1), (format!("{below}&filterType=INCLUDE_INHERITED_GROUPS"), 2),
            (format!("{AT}&filterType=INCLUDE_CHILD_SCOPE_GROUPS"), 2),
        ] {
            assert_eq!(admin.get(&path).await.data()["totalItems"], count, "{path}");
        }
        assert_eq!(total(&scim, GROUPS, "displayName pr").await, 1, "SCIM shows the account's own groups");
        let ada = made(&scim, "ada").await;
        let join = |id: &str, at: &str| format!("{}{at}", member(id, &ada));
        let found = admin.put(&join("team", "&orgIdentifier=default"), json!({})).await.data();
        assert_eq!(found["users"], json!([ada]));
        let user = scim.get(&format!("{USERS}/{ada}")).await.expect(200);
        assert_eq!(user.json.get("groups"), None, "a group below the account has no place in SCIM");
        assert_eq!((total(&scim, USERS, "groups pr").await, total(&scim, USERS, "not (groups pr)").await), (0, 2));
        assert_eq!(total(&scim, USERS, "groups.display eq \"Below\"").await, 0);
        admin.put(&join("team", ""), json!({})).await.data();
        let user = scim.get(&format!("{USERS}/{ada}")).await.expect(200);
        let shown = user.json["groups"].as_array().expect("the account's own");
        assert_eq!((shown.len(), &shown[0]["display"]), (1, &json!("Above")));
        scim.get(shown[0]["$ref"].as_str().unwrap()).await.expect(200);
        assert_eq!(total(&scim, USERS, "groups pr").await, 1);
        let group = admin.delete(&format!("{}&orgIdentifier=default", one("team"))).await.data();
        assert_eq!((&group["name"], &group["orgIdentifier"]), (&json!("Below"), &json!("default")));
    }

    async fn the_last_administrator_cannot_be_taken_out_of_his_group(world: World) {
        let admin = world.admin();
        admin.post(AT, json!({"identifier": "admins", "name": "Admins", "users": [world.admin_id]})).await.data();
        let list = "/authz/api/roleassignments?accountIdentifier=acme";
        let own = admin.get(list).await.data()["content"][0]["roleAssignment"]["identifier"].as_str().unwrap().to_owned();
        let binding = json!({
            "resourceGroupIdentifier": "_all_resources_including_child_scopes", "roleIdentifier": "_account_admin",
            "principal": {"identifier": "admins", "type": "USER_GROUP"}
        });
        admin.post(list, binding).await.data();
        admin.delete(&format!("/authz/api/roleassignments/{own}?accountIdentifier=acme")).await.data();
        admin.delete(&member("admins", &world.admin_id)).await.refused(400, "INVALID_REQUEST");
        admin.delete(&one("admins")).await.refused(400, "INVALID_REQUEST");
        for body in [
            json!({"identifier": "admins", "name": "Admins", "users": []}),
            json!({"identifier": "admins", "name": "Admins"}),
        ] {
            admin.put(AT, body).await.refused(400, "INVALID_REQUEST");
        }
        admin.get(AT).await.data();
    }
}
