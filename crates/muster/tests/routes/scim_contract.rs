//! Statements of the SCIM contract that no topic of its own tests, by their ids.

use http::Method;
use serde_json::{Value, json};

use super::provisioning_log::newest;
use super::scim_groups::{GROUPS, group, made_group};
use super::scim_users::{USERS, made, patch, refused, scim, total, user};
use crate::actors::{Client, World};
use crate::both_engines;

async fn dialect(world: &World, value: &str) {
    setting(world, "scim_dialect", value).await;
}

async fn setting(world: &World, name: &str, value: &str) {
    let change = json!([{"identifier": name, "value": value, "updateType": "UPDATE"}]);
    world.admin().put("/ng/api/settings?accountIdentifier=acme", change).await.data();
}

async fn read(client: &Client, id: &str) -> Value {
    client.get(&format!("{USERS}/{id}")).await.expect(200).json
}

both_engines! {
    async fn what_says_nothing_is_passed_over(world: World) {
        let scim = scim(&world);
        let marked = format!("\u{feff}{}", user("ada"));
        let answer = scim.send(Method::POST, USERS, Some(marked)).await.expect(201);
        let path = format!("{USERS}/{}", answer.json["id"].as_str().unwrap());
        assert_eq!(newest(&world).await["request"]["body"], user("ada"));
        refused(scim.send(Method::POST, USERS, Some("\u{feff}".into())).await, 400, "invalidSyntax");
        let op = |op: &str| patch(json!([{"op": op, "path": "", "value": {"title": op}}]));
        for name in ["add", "replace"] {
            assert_eq!(scim.patch(&path, op(name)).await.expect(200).json["title"], name);
        }
        refused(scim.patch(&path, op("remove")).await, 400, "noTarget");
    }

    async fn sch_8_usr_1_a_unique_value_that_is_taken(world: World) {
        let scim = scim(&world);
        let ada = made(&scim, "ada").await;
        let bob = made(&scim, "bob").await;
        refused(scim.post(USERS, user("aDa")).await, 409, "uniqueness");
        refused(scim.put(&format!("{USERS}/{bob}"), user("ADA")).await, 409, "uniqueness");
        let rename = patch(json!([{"op": "replace", "path": "userName", "value": "Ada"}]));
        refused(scim.patch(&format!("{USERS}/{bob}"), rename.clone()).await, 409, "uniqueness");
        assert_eq!(scim.patch(&format!("{USERS}/{ada}"), rename).await.expect(200).json["userName"], "Ada");
        let mut nameless = user("x");
        nameless.as_object_mut().unwrap().remove("userName");
        refused(scim.post(USERS, nameless).await, 400, "invalidValue");
    }

    async fn sch_11_the_id_is_the_servers(world: World) {
        let scim = scim(&world);
        let mut body = user("ada");
        body["id"] = json!("mine");
        let id = scim.post(USERS, body.clone()).await.expect(201).json["id"].as_str().unwrap().to_owned();
        assert_eq!((id.len(), id.matches('-').count()), (36, 4), "a UUID");
        assert_eq!(scim.put(&format!("{USERS}/{id}"), body).await.expect(200).json["id"], id.as_str());
        let stolen = patch(json!([{"op": "replace", "path": "id", "value": "mine"}]));
        refused(scim.patch(&format!("{USERS}/{id}"), stolen).await, 400, "mutability");
        scim.delete(&format!("{USERS}/{id}")).await.expect(204);
        assert_ne!(made(&scim, "ada").await, id);
    }

    async fn sch_12_external_id_is_the_clients(world: World) {
        let scim = scim(&world);
        made(&scim, "ada").await;
        assert_eq!(total(&scim, USERS, "externalId eq \"ext-ada\"").await, 1);
        assert_eq!(total(&scim, USERS, "externalId eq \"EXT-ADA\"").await, 0);
        let mut crew = group("Crew", &[]);
        crew["externalId"] = json!("G1");
        scim.post(GROUPS, crew).await.expect(201);
        assert_eq!(total(&scim, GROUPS, "externalId eq \"G1\"").await, 1);
    }

    async fn sch_13_meta_is_complete(world: World) {
        let scim = scim(&world);
        let id = made(&scim, "ada").await;
        world.app.clock.advance_secs(5);
        let title = patch(json!([{"op": "add", "path": "title", "value": "x"}]));
        let answer = scim.patch(&format!("{USERS}/{id}"), title).await.expect(200);
        assert_eq!(answer.json["meta"], json!({
            "resourceType": "User", "created": "2026-01-01T00:00:00.000Z", "lastModified": "2026-01-01T00:00:05.000Z",
            "location": format!("http://localhost{USERS}/{id}"), "version": answer.header("etag")
        }));
        let crew = scim.post(GROUPS, group("Crew", &[])).await.expect(201);
        assert_eq!(crew.json["meta"]["resourceType"], "Group");
        let place = crew.json["meta"]["location"].as_str().expect("a URL").to_owned();
        let path = format!("{GROUPS}/{}", crew.json["id"].as_str().expect("an id"));
        let body = group("Crews", &[]);
        let known = scim.with("if-none-match", "*");
        for answer in [
            crew,
            scim.get(&path).await.expect(200),
            known.get(&path).await.expect(304),
            scim.put(&path, body).await.expect(200),
        ] {
            assert_eq!([answer.header("location"), answer.header("content-location")], [place.as_str(); 2]);
        }
    }

    async fn sch_13_what_describes_the_server_has_a_place_too(world: World) {
        let scim = scim(&world);
        let schema = "Schemas/urn:ietf:params:scim:schemas:core:2.0:Group";
        for path in ["ServiceProviderConfig", "ResourceTypes/User", schema] {
            let answer = scim.get(&USERS.replace("Users", path)).await.expect(200);
            let place = answer.json["meta"]["location"].as_str().expect("a URL");
            assert!(place.ends_with(path), "{place}");
            assert_eq!([answer.header("location"), answer.header("content-location")], [place; 2]);
        }
    }

    async fn usr_2_an_inactive_user_is_still_there(world: World) {
        let scim = scim(&world);
        let id = made(&scim, "ada").await;
        let off = patch(json!([{"op": "replace", "path": "active", "value": false}]));
        scim.patch(&format!("{USERS}/{id}"), off).await.expect(200);
        assert_eq!(read(&scim, &id).await["active"], false);
        assert_eq!(total(&scim, USERS, "userName eq \"ada\"").await, 1);
        assert_eq!(total(&scim, USERS, "active eq false").await, 1);
    }

    async fn pa_4_taking_active_away_changes_nobodys_status(world: World) {
        let scim = scim(&world);
        for status in [false, true] {
            let id = made(&scim, &format!("user-{status}")).await;
            let path = format!("{USERS}/{id}");
            let set = patch(json!([{"op": "replace", "path": "active", "value": status}]));
            scim.patch(&path, set).await.expect(200);
            let gone = patch(json!([{"op": "remove", "path": "active"}]));
            assert_eq!(scim.patch(&path, gone).await.expect(200).json.get("active"), None);
            assert_eq!(read(&scim, &id).await.get("active"), None);
            let title = patch(json!([{"op": "add", "path": "title", "value": "x"}]));
            scim.patch(&path, title).await.expect(200);
            for filter in [format!("active eq {status}"), format!("active eq {status} and nickName ne \"x\"")] {
                assert_eq!(total(&scim, USERS, &format!("id eq \"{id}\" and {filter}")).await, 1, "{filter}");
            }
            let whole = scim.put(&path, json!({"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": id}));
            assert_eq!(whole.await.expect(200).json["active"], status, "a PUT shows it again");
        }
    }

    async fn pwd_1_a_password_is_never_shown(world: World) {
        let scim = scim(&world);
        let mut body = user("ada");
        body["password"] = json!("t1meMa$heen");
        let answer = scim.post(USERS, body.clone()).await.expect(201);
        let path = format!("{USERS}/{}?attributes=password,userName", answer.json["id"].as_str().unwrap());
        for answer in [answer, scim.get(&path).await.expect(200), scim.put(&path, body).await.expect(200)] {
            assert!(!answer.text.contains("t1meMa$heen") && !answer.text.contains("password"), "{}", answer.text);
        }
        let set = patch(json!([{"op": "replace", "path": "password", "value": "n3w"}]));
        assert!(!scim.patch(&path, set).await.expect(200).text.contains("n3w"));
        refused(scim.get(&format!("{USERS}?filter=password+pr")).await, 400, "invalidFilter");
        let trail = world.trail().await;
        assert!(trail.iter().all(|row| !row.contains("t1meMa$heen") && !row.contains("n3w")));
    }

    async fn sch_1_unknown_urns(world: World) {
        let scim = scim(&world);
        let mut body = user("ada");
        body["schemas"] = json!(["urn:ietf:params:scim:schemas:core:2.0:User", "urn:example:unknown"]);
        assert_eq!(scim.post(USERS, body.clone()).await.expect(201).json["schemas"].as_array().map(Vec::len), Some(1));
        dialect(&world, "strict").await;
        body["userName"] = json!("bob");
        refused(scim.post(USERS, body).await, 400, "invalidSyntax");
    }

    async fn f_20_unknown_attributes_in_a_filter(world: World) {
        let scim = scim(&world);
        assert_eq!(total(&scim, USERS, "shoeSize eq \"42\"").await, 0);
        dialect(&world, "strict").await;
        refused(scim.get(&format!("{USERS}?filter=shoeSize+eq+%2242%22")).await, 400, "invalidFilter");
    }

    async fn f_18_hostile_filters_cost_nothing(world: World) {
        let scim = scim(&world);
        for filter in ["(".repeat(4_000), vec!["title pr"; 800].join(" or "), format!("title eq \"{}\"", "x".repeat(1 << 20)), "title eq \"\u{0}".into()] {
            let since = std::time::Instant::now();
            refused(scim.post(&format!("{USERS}/.search"), json!({"filter": filter})).await, 400, "invalidFilter");
            assert!(since.elapsed().as_secs() < 2, "bounded time");
        }
        let deep = format!("{{\"filter\": {}1{}}}", "[".repeat(10_000), "]".repeat(10_000));
        refused(scim.send(Method::POST, &format!("{USERS}/.search"), Some(deep)).await, 400, "invalidSyntax");
    }

    async fn c_7_del_1_the_accounts_settings_decide(world: World) {
        let scim = scim(&world);
        let id = made(&scim, "ada").await;
        let path = format!("{USERS}/{id}");
        setting(&world, "scim_delete_deactivates", "true").await;
        setting(&world, "scim_revive_on_create", "false").await;
        scim.delete(&path).await.expect(204);
        assert_eq!(read(&scim, &id).await["active"], false, "deactivated, not deleted");
        refused(scim.post(USERS, user("ada")).await, 409, "uniqueness");
        setting(&world, "scim_revive_on_create", "true").await;
        assert_eq!(scim.post(USERS, user("ada")).await.expect(201).json["id"], id.as_str());
        setting(&world, "scim_delete_deactivates", "false").await;
        scim.delete(&path).await.expect(204);
        for method in [Method::GET, Method::DELETE, Method::PUT, Method::PATCH] {
            let title = patch(json!([{"op": "add", "path": "title", "value": "x"}]));
            let body = match method {
                Method::PUT => Some(user("ada").to_string()),
                Method::PATCH => Some(title.to_string()),
                _ => None,
            };
            refused(scim.send(method, &path, body).await, 404, "");
        }
        assert_eq!(total(&scim, USERS, "userName eq \"ada\"").await, 0);
    }

    async fn r_1_reading_answers_200_or_404(world: World) {
        let scim = scim(&world);
        let id = made(&scim, "ada").await;
        assert_eq!(read(&scim, &id).await["userName"], "ada");
        for path in [format!("{USERS}/nobody"), format!("{GROUPS}/{id}"), format!("{GROUPS}/nothing")] {
            refused(scim.get(&path).await, 404, "");
        }
    }

    async fn r_2_r_5_projection_of_groups_and_searches(world: World) {
        let scim = scim(&world);
        let ada = made(&scim, "ada").await;
        let id = made_group(&scim, "Crew", &[&ada]).await;
        let only = scim.get(&format!("{GROUPS}/{id}?attributes=members.value")).await.expect(200).json;
        assert_eq!(only["members"], json!([{"value": ada}]));
        assert_eq!(only.get("displayName"), None);
        let slim = scim.post(&format!("{GROUPS}/.search"), json!({"excludedAttributes": ["members", "id"]})).await.expect(200);
        assert_eq!((slim.json["Resources"][0].get("members"), &slim.json["Resources"][0]["id"]), (None, &json!(id)));
        let both = json!({"attributes": ["id"], "excludedAttributes": ["members"]});
        refused(scim.post(&format!("{USERS}/.search"), both).await, 400, "invalidValue");
    }

    async fn put_1_put_2_put_3_put_4_replacing(world: World) {
        let scim = scim(&world);
        refused(scim.put(&format!("{USERS}/nobody"), user("ada")).await, 404, "");
        assert_eq!(total(&scim, USERS, "userName eq \"ada\"").await, 0);
        let id = made(&scim, "ada").await;
        let path = format!("{USERS}/{id}");
        let bare = json!({"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "ada", "nickName": "A"});
        let answer = scim.put(&path, bare).await.expect(200);
        assert_eq!((answer.json.get("emails"), answer.json.get("externalId")), (None, None));
        assert_eq!((&answer.json["nickName"], &answer.json["active"]), (&json!("A"), &json!(true)));
        assert_eq!(read(&scim, &id).await, answer.json);
    }

    async fn h_1_media_types(world: World) {
        let scim = scim(&world);
        for (n, media) in ["application/scim+json", "application/json", "Application/SCIM+JSON; charset=utf-8"].into_iter().enumerate() {
            let answer = scim.with("content-type", media).post(USERS, user(&format!("u{n}"))).await.expect(201);
            assert_eq!(answer.header("content-type"), "application/scim+json");
        }
        for media in ["text/plain", "application/xml", "application/x-www-form-urlencoded"] {
            refused(scim.with("content-type", media).post(USERS, user("x")).await, 415, "");
        }
    }

    async fn t_1_another_accounts_ids_are_none(world: World) {
        let scim = scim(&world);
        let rival = world.bearer(&world.other_account("rival").await);
        let ada = made(&scim, "ada").await;
        let crew = made_group(&scim, "Crew", &[&ada]).await;
        for (theirs, none) in [(format!("/scim/v2/rival/Users/{ada}"), "/scim/v2/rival/Users/nobody"), (format!("/scim/v2/rival/Groups/{crew}"), "/scim/v2/rival/Groups/nothing")] {
            for method in [Method::GET, Method::PUT, Method::PATCH, Method::DELETE] {
                let body = match method {
                    Method::PUT if theirs.contains("Users") => Some(user("x").to_string()),
                    Method::PUT => Some(group("x", &[]).to_string()),
                    Method::PATCH => Some(patch(json!([{"op": "add", "path": "externalId", "value": "x"}])).to_string()),
                    _ => None,
                };
                let found = refused(rival.send(method.clone(), &theirs, body.clone()).await, 404, "");
                let absent = refused(rival.send(method, none, body).await, 404, "");
                let plain = |text: &str| text.split(" (request ").next().unwrap().replace(&ada, "ID").replace(&crew, "ID").replace("nobody", "ID").replace("nothing", "ID");
                assert_eq!(plain(&found), plain(&absent));
            }
        }
        let joined = json!({"schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "displayName": "Spies", "members": [{"value": ada}]});
        assert_eq!(rival.post("/scim/v2/rival/Groups", joined).await.expect(201).json.get("members"), None);
    }

    async fn e_2_e_3_e_4_e_5_e_6_conditions(world: World) {
        let scim = scim(&world);
        let crew = made_group(&scim, "Crew", &[]).await;
        let path = format!("{GROUPS}/{crew}");
        assert_eq!(scim.with("if-none-match", "W/\"1\"").get(&path).await.expect(304).header("etag"), "W/\"1\"");
        scim.with("if-none-match", "W/\"9\", W/\"1\"").get(&path).await.expect(304);
        let rename = |name: &str| patch(json!([{"op": "replace", "path": "displayName", "value": name}]));
        refused(scim.with("if-match", "W/\"9\"").patch(&path, rename("x")).await, 412, "");
        let answer = scim.with("if-match", "W/\"9\", W/\"1\"").patch(&path, rename("Team")).await.expect(200);
        assert_eq!((answer.header("etag"), &answer.json["meta"]["version"]), ("W/\"2\"", &json!("W/\"2\"")));
        scim.with("if-none-match", "W/\"1\"").get(&path).await.expect(200);
        refused(scim.with("if-match", "W/\"1\"").put(&path, group("y", &[])).await, 412, "");
        refused(scim.with("if-match", "W/\"1\"").delete(&path).await, 412, "");
        scim.with("if-match", "*").put(&path, group("Team B", &[])).await.expect(200);
        scim.with("if-match", "\"3\"").delete(&path).await.expect(204);
    }

    async fn e_3_e_4_e_5_a_change_waits_for_another_version(world: World) {
        let scim = scim(&world);
        let crew = made_group(&scim, "Crew", &[]).await;
        let paths = [format!("{USERS}/{}", made(&scim, "ada").await), format!("{GROUPS}/{crew}")];
        let remove = patch(json!([{"op": "remove", "path": "externalId"}]));
        for path in &paths {
            let body = if path.starts_with(USERS) { user("ada") } else { group("Crew", &[]) };
            for tags in ["*", "W/\"1\"", "W/\"9\", \"1\""] {
                let holds = scim.with("if-none-match", tags);
                assert!(refused(holds.put(path, body.clone()).await, 412, "").contains("If-None-Match"));
                refused(holds.patch(path, remove.clone()).await, 412, "");
                refused(holds.delete(path).await, 412, "");
            }
            assert_eq!(scim.get(path).await.expect(200).header("etag"), "W/\"1\"");
            let other = scim.with("if-none-match", "W/\"9\"");
            other.put(path, body).await.expect(200);
            refused(other.with("if-match", "W/\"9\"").delete(path).await, 412, "");
            other.delete(path).await.expect(204);
            refused(scim.with("if-none-match", "*").delete(path).await, 404, "");
        }
    }
}
