//! Users on the platform API (§10).

use serde_json::{Value, json};

use super::scim_groups::made_group;
use super::scim_users::{USERS, made, patch, scim, total};
use crate::actors::{Client, World};
use crate::both_engines;
use crate::bound::{EVERYWHERE, at, bound, hierarchy};

const AT: &str = "accountIdentifier=acme";
const ME: &str = "/ng/api/user";

fn names(page: &Value) -> Vec<&str> {
    page["content"].as_array().unwrap().iter().map(|user| user["name"].as_str().unwrap()).collect()
}

async fn of_body(client: &Client, body: Value) -> String {
    let user = client.post(USERS, body).await.expect(201).json;
    user["id"].as_str().unwrap().to_owned()
}

both_engines! {
    async fn the_current_user_is_the_one_behind_the_token(world: World) {
        let info = world.admin().get("/ng/api/user/currentUser").await.data();
        assert_eq!((&info["uuid"], &info["email"]), (&json!(world.admin_id), &json!("admin@acme.example")));
        assert_eq!((&info["admin"], &info["externallyManaged"], &info["token"]), (&json!(true), &json!(false), &Value::Null));
        world.admin().put("/ng/api/accounts/acme/name", json!({"name": "Acme Inc."})).await.data();
        let info = world.admin().get("/ng/api/user/currentUser").await.data();
        assert_eq!(info["accounts"], json!([{"uuid": "acme", "accountName": "Acme Inc."}]));
        world.anon().get("/ng/api/user/currentUser").await.refused(401, "INVALID_TOKEN");
    }

    async fn a_user_changes_what_he_is_called(world: World) {
        let (id, token) = world.person("ann@acme.example").await;
        let ann = world.holder(&token);
        let whole = ann.get("/ng/api/user/currentUser").await.data();
        assert_eq!(ann.put(ME, whole.clone()).await.data(), whole, "what was answered can be sent");
        world.app.clock.advance_secs(60);
        let changed = ann.put(ME, json!({"name": "Ann Other", "givenName": "Ann", "familyName": "", "uuid": id})).await.data();
        assert_eq!((&changed["name"], &changed["givenName"], &changed["familyName"]), (&json!("Ann Other"), &json!("Ann"), &Value::Null));
        assert_eq!((&changed["admin"], &changed["lastUpdatedAt"]), (&json!(false), &json!(1_767_225_660_000_i64)));
        assert_eq!(ann.get("/ng/api/user/currentUser").await.data(), changed);
        let read = scim(&world).get(&format!("{USERS}/{id}")).await.json;
        assert_eq!((&read["displayName"], &read["name"]), (&json!("Ann Other"), &json!({"givenName": "Ann"})));
        assert_eq!((&read["userName"], &read["active"]), (&json!("ann@acme.example"), &json!(true)));
        let (trail, line) = (world.trail().await, format!("UPDATE USER {id} {{\"changed\":[\"displayName\",\"name.givenName\"]}}"));
        assert_eq!(trail.iter().filter(|is| is.starts_with("UPDATE USER")).collect::<Vec<_>>(), [&line]);
        ann.send(http::Method::PUT, ME, None).await.expect(200);
        let machine = world.machine("bot", None).await;
        machine.put(ME, json!({"name": "Bot"})).await.refused(400, "INVALID_REQUEST");
    }

    async fn pages_of_all_users_go_by_when_they_came_or_changed(world: World) {
        let client = scim(&world);
        let mut ids = Vec::new();
        for name in ["d", "b", "e", "a", "c"] {
            world.app.clock.advance_secs(1);
            ids.push(of_body(&client, json!({"userName": format!("{name}@acme.example"), "displayName": name})).await);
        }
        world.app.clock.advance_secs(1);
        let title = patch(json!([{"op": "replace", "path": "title", "value": "Dr."}]));
        client.patch(&format!("{USERS}/{}", ids[1]), title).await.expect(200);
        let admin = world.admin();
        let page = async |order: &str, index: u32| {
            let path = format!("/ng/api/user/batch?pageSize=2&pageIndex={index}{order}");
            let page = admin.post(&path, json!({})).await.data();
            assert_eq!((&page["totalItems"], &page["totalPages"]), (&json!(6), &json!(3)), "{path}");
            names(&page).join(" ")
        };
        let admins_name = admin.get("/ng/api/user/currentUser").await.data()["name"].as_str().unwrap().to_owned();
        for (order, pages) in [
            ("", ["b c", "a e", &format!("d {admins_name}")]),
            ("&sortOrders=createdAt,ASC", [&format!("{admins_name} d"), "b e", "a c"]),
            ("&sortOrders=createdAt,DESC&sortOrders=lastModifiedAt,ASC", ["c a", "e b", &format!("d {admins_name}")]),
        ] {
            for (index, expected) in (0..).zip(pages) {
                assert_eq!(page(order, index).await, expected, "{order} {index}");
            }
            assert_eq!(page(order, 3).await, "");
        }
    }

    async fn users_are_listed_by_the_addresses_they_are_shown_with(world: World) {
        let client = scim(&world);
        let mail = |work: &str, home: &str| json!([{"value": work, "type": "work", "primary": true}, {"value": home, "type": "home"}]);
        let ann = of_body(&client, json!({"userName": "ann", "emails": mail("Ann@x.example", "box@x.example")})).await;
        let bob = of_body(&client, json!({"userName": "bob@x.example"})).await;
        let cid = of_body(&client, json!({"userName": "cid", "emails": mail("ann@x.example", "bob@x.example")})).await;
        let admin = world.admin();
        for (body, expected) in [
            (json!({"emails": ["ANN@x.example"]}), vec![&ann, &cid]),
            (json!({"emails": ["ann@x.example", "Ann@X.example", "BOB@x.example"]}), vec![&ann, &bob, &cid]),
            (json!({"emails": ["box@x.example"]}), vec![]),
            (json!({"emails": ["ann"]}), vec![]),
            (json!({"emails": ["ann@x.example"], "identifiers": [cid, bob, cid]}), vec![&cid]),
            (json!({"emails": ["ann@x.example"], "searchTerm": "bob"}), vec![]),
            (json!({"identifiers": [cid, bob, cid, "none"]}), vec![&bob, &cid]),
        ] {
            let page = admin.post("/ng/api/user/batch?sortOrders=createdAt,ASC", body.clone()).await.data();
            let mut found: Vec<&str> = page["content"].as_array().unwrap().iter().map(|user| user["uuid"].as_str().unwrap()).collect();
            found.sort_by_key(|id| expected.iter().position(|known| known == id));
            assert_eq!((found, &page["totalItems"]), (expected.iter().map(|id| id.as_str()).collect(), &json!(expected.len())), "{body}");
        }
    }

    async fn the_same_profile_comes_to_the_same_names_however_often(world: World) {
        let (id, token) = world.person("ann@acme.example").await;
        let ann = world.holder(&token);
        let body = json!({"name": "ann@acme.example", "givenName": "Ann", "familyName": "After"});
        let once = ann.put(ME, body.clone()).await.data();
        assert_eq!(once["name"], "ann@acme.example", "as it was sent");
        assert_eq!(ann.put(ME, body).await.data(), once);
        let parts = ann.put(ME, json!({"familyName": "Other"})).await.data();
        assert_eq!((&parts["name"], &parts["familyName"]), (&json!("ann@acme.example"), &json!("Other")));
        assert_eq!(ann.put(ME, parts.clone()).await.data(), parts);
        let read = scim(&world).get(&format!("{USERS}/{id}")).await.json;
        assert_eq!(read["displayName"], "ann@acme.example");
    }

    async fn who_may_not_view_a_user_is_answered_what_he_sent(world: World) {
        let (id, token) = world.person("ann@acme.example").await;
        world.holder(&token).put(ME, json!({"name": "Ann Before", "familyName": "Secret"})).await.data();
        let role = json!({"identifier": "manager", "name": "Manager", "permissions": ["core_user_manage"]});
        world.admin().post(&format!("/authz/api/roles?{AT}"), role).await.data();
        let manager = bound(&world, "manager", &[("manager", EVERYWHERE)]).await;
        manager.get(&format!("{ME}/aggregate/{id}")).await.refused(403, "NG_ACCESS_DENIED");
        let one = format!("{ME}/{id}");
        let told = manager.put(&one, json!({"givenName": "Ann"})).await.data();
        assert_eq!(told, json!({"uuid": id, "name": null, "email": null, "givenName": "Ann", "familyName": null}));
        let told = manager.put(&one, json!({"name": "Ann", "email": "Ann@acme.example"})).await.data();
        assert_eq!(told, json!({"uuid": id, "name": "Ann", "email": "Ann@acme.example", "givenName": null, "familyName": null}));
        let why = manager.put(&one, json!({"email": "guess@acme.example"})).await;
        assert!(!why.text.contains("ann@acme.example"), "{}", why.text);
        why.refused(400, "INVALID_REQUEST");
        let shown = world.admin().put(&one, json!({"familyName": "Told"})).await.data();
        assert_eq!((&shown["name"], &shown["email"]), (&json!("Ann"), &json!("ann@acme.example")));
        let himself = bound(&world, "own", &[]).await;
        himself.put(&one, json!({"name": "No"})).await.refused(403, "NG_ACCESS_DENIED");
    }

    async fn a_name_is_there_to_be_read_and_that_of_scim_is_its_own(world: World) {
        let (_, token) = world.person("ann@acme.example").await;
        let (ann, admin) = (world.holder(&token), world.admin());
        for (name, code) in [("\u{200b}", "U+200B"), ("Ann\u{202e}nimdA", "U+202E"), ("a\u{2028}b", "U+2028")] {
            let why = ann.put(ME, json!({"name": name})).await.refused(400, "INVALID_REQUEST");
            assert!(why.contains(code), "{why}");
            let group = json!({"identifier": "g", "name": name});
            let why = admin.post("/ng/api/user-groups", group).await.refused(400, "INVALID_REQUEST");
            assert!(why.contains(code), "{why}");
            let why = admin.put("/ng/api/accounts/acme/name", json!({"name": name})).await.refused(400, "INVALID_REQUEST");
            assert!(why.contains(code), "{why}");
            let kept = scim(&world).post(USERS, json!({"userName": format!("u{code}"), "displayName": name})).await.expect(201);
            assert_eq!(kept.json["displayName"], name);
        }
        let joined = "\u{915}\u{94d}\u{200d}\u{937}";
        assert_eq!(ann.put(ME, json!({"name": joined})).await.data()["name"], joined);
    }

    async fn what_cannot_be_changed_of_a_user_is_told(world: World) {
        let (_, token) = world.person("ann@acme.example").await;
        let ann = world.holder(&token);
        let whole = json!({"email": "ANN@acme.example", "name": "a\u{7}", "givenName": " ", "familyName": "x".repeat(129)});
        let why = ann.put(ME, whole).await;
        let fields: Vec<_> = why.json["errors"].as_array().unwrap().iter().map(|e| e["fieldId"].as_str().unwrap().to_owned()).collect();
        assert_eq!(fields, ["name", "givenName", "familyName"]);
        let other = ann.put(ME, json!({"email": "new@acme.example", "uuid": "other"})).await;
        let why = other.refused(400, "INVALID_REQUEST");
        assert!(why.contains("by SCIM") && why.contains("of another user"), "{why}");
        assert_eq!(ann.get("/ng/api/user/currentUser").await.data()["name"], "ann@acme.example");
    }

    async fn others_are_renamed_by_who_may_change_users(world: World) {
        let (id, token) = world.person("ann@acme.example").await;
        let (ann, admin) = (world.holder(&token), world.admin());
        let one = format!("{ME}/{id}?{AT}");
        let body = json!({"email": "ann@acme.example", "name": "Ann", "givenName": "Ann", "familyName": "Other"});
        assert_eq!(admin.put(&one, body.clone()).await.data()["familyName"], "Other");
        assert_eq!(admin.put(&format!("{ME}/{}", world.admin_id), json!({})).await.data()["admin"], true);
        let theirs = format!("{ME}/{}", world.admin_id);
        ann.put(&theirs, json!({"name": "Nobody"})).await.refused(403, "NG_ACCESS_DENIED");
        ann.put(&one, body.clone()).await.refused(403, "NG_ACCESS_DENIED");
        admin.put(&format!("{ME}/none"), body.clone()).await.refused(404, "ENTITY_NOT_FOUND");
        admin.put(&format!("{one}&orgIdentifier=default"), body).await.refused(400, "INVALID_REQUEST");
    }

    async fn whom_scim_keeps_is_changed_where_he_comes_from(world: World) {
        let (scim, admin) = (scim(&world), world.admin());
        let ada = made(&scim, "ada").await;
        let one = format!("{ME}/{ada}");
        let before = scim.get(&format!("{USERS}/{ada}")).await.json;
        let why = admin.put(&one, json!({"name": "Another"})).await.refused(400, "INVALID_REQUEST");
        assert!(why.contains("externally managed") && why.contains("identity provider"), "{why}");
        let same = json!({"name": before["displayName"]});
        admin.put(&one, same).await.expect(200);
        assert_eq!(scim.get(&format!("{USERS}/{ada}")).await.json, before);
    }

    async fn whom_scim_writes_is_kept_by_it_from_then_on(world: World) {
        let (scim, admin) = (scim(&world), world.admin());
        let emails = ["put@x.example", "patch@x.example", "same@x.example", "bulk@x.example", "dry@x.example"];
        admin.post(&format!("{ME}/users?{AT}"), json!({"emails": emails})).await.data();
        let mut ids = Vec::new();
        for email in emails {
            let found = admin.post(&format!("{ME}/batch?{AT}"), json!({"emails": [email]})).await.data();
            ids.push(found["content"][0]["uuid"].as_str().unwrap().to_owned());
        }
        let at = |n: usize| format!("{USERS}/{}", ids[n]);
        // To be found, and to be a member, is not to be kept.
        assert_eq!(total(&scim, USERS, "userName eq \"put@x.example\"").await, 1);
        made_group(&scim, "crew", &ids.iter().map(String::as_str).collect::<Vec<_>>()).await;
        let kept = async |n: usize, name: &str| {
            let one = admin.get(&format!("{ME}/aggregate/{}?{AT}", ids[n])).await.data();
            let kept = one["user"]["externallyManaged"].as_bool().unwrap();
            let renamed = admin.put(&format!("{ME}/{}", ids[n]), json!({"name": name})).await;
            assert_eq!(renamed.status, if kept { 400 } else { 200 }, "{}", renamed.text);
            kept
        };
        for (n, email) in emails.iter().enumerate() {
            assert!(!kept(n, "One").await, "{email}");
        }
        let named = json!({"userName": emails[0], "displayName": "By SCIM"});
        scim.put(&at(0), named).await.expect(200);
        let id = json!([{"op": "add", "path": "externalId", "value": "00u1"}]);
        scim.patch(&at(1), patch(id.clone())).await.expect(200);
        // What an identity provider sends is what there is.
        let same = scim.get(&at(2)).await.json;
        for _ in 0..2 {
            assert_eq!(scim.put(&at(2), same.clone()).await.expect(200).json, same);
        }
        let operation = json!({"method": "PATCH", "path": format!("/Users/{}", ids[3]), "data": patch(id.clone())});
        let bulk = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"], "Operations": [operation]});
        scim.post("/scim/v2/acme/Bulk", bulk).await.expect(200);
        scim.with("muster-dry-run", "true").patch(&at(4), patch(id)).await.expect(200);
        for (n, email) in emails.iter().enumerate() {
            assert_eq!(kept(n, "Two").await, n != 4, "{email}");
        }
        let line = format!("UPDATE USER {} {{\"changed\":[\"externallyManaged\"]}}", ids[2]);
        assert_eq!(world.trail().await.iter().filter(|is| **is == line).count(), 1);
    }

    async fn lists_show_users_with_their_roles(world: World) {
        let (scim, admin) = (scim(&world), world.admin());
        let ada = made(&scim, "ada").await;
        scim.patch(&format!("{USERS}/{ada}"), patch(json!([{"op": "replace", "path": "active", "value": false}]))).await.expect(200);
        let page = admin.post(&format!("/ng/api/user/aggregate?{AT}"), json!({})).await.data();
        assert_eq!(page["totalItems"], 2);
        let found = admin.send(http::Method::POST, &format!("/ng/api/user/aggregate?{AT}&searchTerm=LOVE"), None).await.data();
        let user = &found["content"][0]["user"];
        assert_eq!((&user["uuid"], &user["disabled"], &user["externallyManaged"]), (&json!(ada), &json!(true), &json!(true)));
        let by_role = json!({"roleIdentifiers": ["_account_admin"]});
        let page = admin.post(&format!("/ng/api/user/aggregate?{AT}"), by_role.clone()).await.data();
        assert_eq!(page["totalItems"], 1);
        let role = &page["content"][0]["roleAssignmentMetadata"][0];
        assert_eq!((&role["roleName"], &role["managedRole"], &role["roleScopeLevel"]), (&json!("Account Admin"), &json!(true), &json!("account")));
        admin.post(&format!("/ng/api/user/aggregate?{AT}&searchTerm=a"), by_role).await.refused(400, "INVALID_REQUEST");
        let one = admin.get(&format!("/ng/api/user/aggregate/{ada}?{AT}")).await.data();
        assert_eq!(one["user"]["email"], "ada@Example.com");
        admin.get(&format!("/ng/api/user/aggregate/none?{AT}")).await.refused(404, "ENTITY_NOT_FOUND");
        // Below the account nobody is known but who holds something there.
        let in_org = format!("/ng/api/user/aggregate/{ada}?{AT}&orgIdentifier=default");
        admin.get(&in_org).await.refused(404, "ENTITY_NOT_FOUND");
        let binding = json!({"roleIdentifier": "_organization_viewer", "resourceGroupIdentifier": "_all_organization_level_resources",
            "principal": {"identifier": ada, "type": "USER"}});
        admin.post(&format!("/authz/api/roleassignments?{AT}&orgIdentifier=default"), binding).await.expect(200);
        let one = admin.get(&in_org).await.data();
        assert_eq!(one["roleAssignmentMetadata"][0]["roleIdentifier"], "_organization_viewer");
    }

    async fn batch_finds_by_id_address_and_text(world: World) {
        let (scim, admin) = (scim(&world), world.admin());
        let ada = made(&scim, "ada").await;
        made(&scim, "bob").await;
        let path = format!("/ng/api/user/batch?{AT}");
        for (body, count) in [
            (json!({}), 3), (json!({"identifiers": [ada]}), 1), (json!({"emails": ["BOB@example.com", "x@y"]}), 1),
            (json!({"searchTerm": "admin@"}), 1), (json!({"searchTerm": ".*"}), 0), (json!({"identifiers": ["none"]}), 0),
        ] {
            assert_eq!(admin.post(&path, body.clone()).await.data()["totalItems"], count, "{body}");
        }
        assert_eq!(names(&admin.post(&format!("{path}&pageSize=1&pageIndex=1"), json!({})).await.data()).len(), 1);
        admin.post(&path, json!({"parentFilter": "SOME"})).await.refused(400, "RESOURCE_NOT_FOUND_EXCEPTION");
        admin.post(&path, json!({"identifiers": 7})).await.refused(400, "INVALID_REQUEST");
        admin.send(http::Method::POST, &path, Some("{".into())).await.refused(400, "INVALID_REQUEST");
    }

    async fn names_and_addresses_are_sorted_case_aside(world: World) {
        let (scim, admin) = (scim(&world), world.admin());
        for (name, address) in [("Émile", "Z@x.example"), ("bob", "b@x.example"), ("Carol", "C@x.example"), ("élan", "a@x.example")] {
            let user = json!({"userName": name, "displayName": name, "emails": [{"value": address}]});
            scim.post(USERS, user).await.expect(201);
        }
        for (order, expected) in [
            ("name,ASC", ["bob", "Carol", "élan", "Émile"]), ("name,DESC", ["Émile", "élan", "Carol", "bob"]),
            ("email,ASC", ["élan", "bob", "Carol", "Émile"]),
        ] {
            for list in ["batch", "aggregate"] {
                let mut found = Vec::new();
                for at in 0..3 {
                    let path = format!("/ng/api/user/{list}?{AT}&sortOrders={order}&pageSize=2&pageIndex={at}");
                    let page = admin.post(&path, json!({})).await.data();
                    assert_eq!(page["totalItems"], 5, "{page}");
                    found.extend(page["content"].as_array().unwrap().iter().map(|one| {
                        let user = one.get("user").unwrap_or(one);
                        user["name"].as_str().unwrap().to_owned()
                    }));
                }
                found.retain(|name| expected.contains(&name.as_str()));
                assert_eq!(found, expected, "{list} by {order}");
            }
        }
    }

    async fn a_removed_user_is_gone_everywhere_but_the_last_administrator_stays(world: World) {
        let (scim, admin) = (scim(&world), world.admin());
        let ada = made(&scim, "ada").await;
        assert_eq!(admin.delete(&format!("/ng/api/user/{ada}?{AT}")).await.data(), true);
        scim.get(&format!("{USERS}/{ada}")).await.expect(404);
        admin.delete(&format!("/ng/api/user/{ada}?{AT}")).await.refused(404, "ENTITY_NOT_FOUND");
        let text = admin.delete(&format!("/ng/api/user/{}?{AT}", world.admin_id)).await.refused(400, "INVALID_REQUEST");
        assert!(text.contains("last account administrator"), "{text}");
        scim.get(&format!("{USERS}/{}", world.admin_id)).await.expect(200);
    }

    async fn below_the_account_a_user_is_taken_out_of_the_scope(world: World) {
        let (scim, admin) = (scim(&world), world.admin());
        hierarchy(&world).await;
        let (ada, bob) = (made(&scim, "ada").await, made(&scim, "bob").await);
        let at_scope = |path: &str, scope: &str| format!("{path}?{}", at(scope));
        for scope in ["o1", "o1/p1"] {
            let role = if scope == "o1" { "_organization" } else { "_project" };
            for who in [&ada, &bob] {
                let level = role.trim_start_matches('_');
                let body = json!({"roleIdentifier": format!("{role}_viewer"), "principal": {"identifier": who, "type": "USER"},
                    "resourceGroupIdentifier": format!("_all_{level}_level_resources")});
                admin.post(&at_scope("/authz/api/roleassignments", scope), body).await.expect(200);
            }
            let group = json!({"identifier": "crew", "name": "Crew", "users": [ada, bob]});
            admin.post(&at_scope("/ng/api/user-groups", scope), group).await.data();
        }
        let (one, count) = (format!("/ng/api/user/{ada}"), world.count("role_assignments").await);
        // Who may not change the members of a group there takes nobody out of it.
        let role = json!({"identifier": "manager", "name": "Manager", "permissions": ["core_user_manage"]});
        admin.post(&format!("/authz/api/roles?{AT}"), role).await.data();
        let manager = bound(&world, "manager", &[("manager", EVERYWHERE)]).await;
        let count = count + 1;
        let text = manager.delete(&at_scope(&one, "o1/p1")).await.refused(403, "NG_ACCESS_DENIED");
        assert!(text.contains("core_usergroup_manage"), "{text}");
        assert_eq!(world.count("role_assignments").await, count);
        assert_eq!(admin.delete(&at_scope(&one, "o1/p1")).await.data(), true);
        admin.get(&at_scope(&format!("/ng/api/user/aggregate/{ada}"), "o1/p1")).await.refused(404, "ENTITY_NOT_FOUND");
        for (scope, users) in [("o1/p1", json!([bob])), ("o1", json!([ada, bob]))] {
            let crew = admin.get(&at_scope("/ng/api/user-groups/crew", scope)).await.data();
            assert_eq!(crew["users"], users, "{scope}");
        }
        assert_eq!(world.count("role_assignments").await, count - 1);
        admin.get(&at_scope(&format!("/ng/api/user/aggregate/{ada}"), "o1")).await.data();
        admin.delete(&at_scope(&one, "o1/p1")).await.refused(404, "ENTITY_NOT_FOUND");
        admin.delete(&at_scope("/ng/api/user/none", "o1")).await.refused(404, "ENTITY_NOT_FOUND");
        scim.get(&format!("{USERS}/{ada}")).await.expect(200);
    }
}
