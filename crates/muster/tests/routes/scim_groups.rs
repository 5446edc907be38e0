//! SCIM Groups, by the ids of the SCIM contract.

use serde_json::{Value, json};

use super::provisioning_log::newest;
use super::scim_users::{USERS, made, patch, refused, scim, total};
use crate::actors::{Answer, Client, World};
use crate::both_engines;

pub const GROUPS: &str = "/scim/v2/acme/Groups";
const GROUP_URN: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";

pub fn group(name: &str, members: &[&str]) -> Value {
    let members: Vec<Value> = members.iter().map(|id| json!({"value": id})).collect();
    json!({"schemas": [GROUP_URN], "displayName": name, "members": members})
}

pub async fn made_group(client: &Client, name: &str, members: &[&str]) -> String {
    let answer = client.post(GROUPS, group(name, members)).await.expect(201);
    answer.json["id"].as_str().expect("an id").to_owned()
}

/// The ids of the group's members, sorted.
pub async fn members(client: &Client, id: &str) -> Vec<String> {
    let answer = client.get(&format!("{GROUPS}/{id}")).await.expect(200);
    let list = answer.json["members"].as_array().cloned().unwrap_or_default();
    let mut ids: Vec<String> = list.iter().map(|m| m["value"].as_str().expect("an id").to_owned()).collect();
    ids.sort();
    ids
}

fn sorted(ids: &[&String]) -> Vec<String> {
    let mut ids: Vec<String> = ids.iter().map(|id| (*id).clone()).collect();
    ids.sort();
    ids
}

async fn events(world: &World, kind: &'static str) -> Vec<Value> {
    let read = world.app.db.house().read("test", move |tx| {
        tx.query("SELECT data FROM events WHERE kind = $1 ORDER BY seq", db::params![kind], |row| {
            row.get::<String>(0)
        })
    });
    read.await.unwrap().iter().map(|text: &String| serde_json::from_str(text).unwrap()).collect()
}

both_engines! {
    async fn pa_5_a_member_who_is_not_there_is_not_replaced(world: World) {
        let scim = scim(&world);
        let (ada, bob, eve) = (made(&scim, "ada").await, made(&scim, "bob").await, made(&scim, "eve").await);
        let path = format!("{GROUPS}/{}", made_group(&scim, "Team", &[&ada]).await);
        let id = path.rsplit_once('/').unwrap().1;
        let at = |op: &str, filter: &str, value: &str| {
            let target = format!("members[{filter}]");
            patch(json!([{"op": op, "path": target, "value": {"value": value}}]))
        };
        let named = |id: &str| format!("value eq \"{id}\"");
        for (op, filter) in
            [("replace", named("no-such")), ("replace", named(&bob)), ("replace", "type eq \"Group\"".into()), ("add", named(&bob))]
        {
            let answer = scim.patch(&path, at(op, &filter, &eve)).await;
            assert_eq!((answer.status, &answer.json["scimType"]), (400, &json!("noTarget")), "{op} {filter}");
            assert!(answer.json["detail"].as_str().unwrap().starts_with("Operation 1: No member"), "{}", answer.text);
            assert_eq!(members(&scim, id).await, sorted(&[&ada]));
        }
        scim.patch(&path, at("replace", &named(&ada), &bob)).await.expect(200);
        assert_eq!(members(&scim, id).await, sorted(&[&bob]));
        for filter in [named(&bob), "type eq \"User\"".into()] {
            let answer = scim.patch(&path, at("add", &filter, &eve)).await.expect(400);
            assert_eq!(answer.json["scimType"], "mutability", "add {filter}: {}", answer.text);
            assert_eq!(members(&scim, id).await, sorted(&[&bob]));
        }
        let dialect = async |name: &str| {
            let body = json!([{"identifier": "scim_dialect", "value": name, "updateType": "UPDATE"}]);
            world.admin().put("/ng/api/settings?accountIdentifier=acme", body).await.data();
        };
        dialect("strict").await;
        let strict = scim.patch(&path, at("add", &named(&eve), &eve)).await;
        assert_eq!(strict.json["scimType"], "noTarget", "{}", strict.text);
        dialect("auto").await;
        scim.patch(&path, at("add", &named(&eve), &eve)).await.expect(200);
        assert_eq!(members(&scim, id).await, sorted(&[&bob, &eve]), "added under its own id");
    }

    async fn grp_1_a_group_with_members(world: World) {
        let scim = scim(&world);
        let (ada, bob) = (made(&scim, "ada").await, made(&scim, "bob").await);
        let answer = scim.post(GROUPS, group("Team A", &[&ada])).await.expect(201);
        let id = answer.json["id"].as_str().unwrap().to_owned();
        assert_eq!(answer.header("location"), format!("http://localhost{GROUPS}/{id}"));
        let member = json!({"value": ada, "$ref": format!("http://localhost{USERS}/{ada}"), "type": "User"});
        assert_eq!(answer.json["members"], json!([member]));
        assert_eq!(scim.get(&format!("{GROUPS}/{id}")).await.expect(200).json, answer.json);
        let named = scim.get(&format!("{GROUPS}/{id}?attributes=members.display")).await.expect(200);
        assert_eq!(named.json["members"], json!([{"display": "Ada Lovelace"}]), "shown on request");
        let path = format!("{GROUPS}/{id}");
        let more = patch(json!([{"op": "add", "path": "members", "value": [{"value": bob}, {"value": ada}]}]));
        let changed = scim.patch(&path, more.clone()).await.expect(200);
        assert_eq!(changed.header("etag"), "W/\"2\"");
        assert_eq!(members(&scim, &id).await, sorted(&[&ada, &bob]));
        assert_eq!(scim.patch(&path, more).await.expect(200).header("etag"), "W/\"2\"", "pa_16");
        assert_eq!(events(&world, "group.member_added").await[1]["member"]["display"], "Ada Lovelace");
    }

    async fn grp_1_what_is_said_of_a_member_fits_its_value(world: World) {
        let scim = scim(&world);
        let (ada, bob) = (made(&scim, "ada").await, made(&scim, "bob").await);
        let inner = made_group(&scim, "Inner", &[]).await;
        let said = |id: &str, kind: &str, at: &str| json!({"value": id, "type": kind, "$ref": format!("https://idp.example/v2/{at}/{id}")});
        let whole = |members: Value| json!({"schemas": [GROUP_URN], "displayName": "Team", "members": members});
        let wrong = [
            (said(&ada, "Group", "Users"), "is a User: send \"type\": \"User\" or leave type out"),
            (said(&ada, "direct", "Users"), "is a User: send \"type\": \"User\" or leave type out"),
            (said(&inner, "User", "Groups"), "is a Group: send \"type\": \"Group\" or leave type out"),
            (said(&ada, "User", "Groups"), "/scim/v2/acme/Users/"),
            (json!({"value": ada, "$ref": format!("../Users/{bob}")}), "send a $ref that ends with the value"),
        ];
        // Elsewhere the value counts, and it is told.
        for (member, _) in &wrong {
            let id = made_group(&scim, "Team", &[&ada, &inner]).await;
            let path = format!("{GROUPS}/{id}");
            let before = scim.get(&path).await.expect(200).json["members"].clone();
            scim.put(&path, whole(json!([member, {"value": ada}, {"value": inner}]))).await.expect(200);
            let entry = newest(&world).await;
            assert_eq!(entry["quirks"][0]["name"], "reference-mismatch", "{member}: {entry}");
            assert_eq!(scim.get(&path).await.expect(200).json["members"], before);
        }
        let team = made_group(&scim, "Team", &[&ada, &inner]).await;
        let empty = made_group(&scim, "Empty", &[]).await;
        let strict = json!([{"identifier": "scim_dialect", "value": "strict", "updateType": "UPDATE"}]);
        world.admin().put("/ng/api/settings?accountIdentifier=acme", strict).await.data();
        for (member, words) in wrong {
            let add = patch(json!([{"op": "add", "path": "members", "value": [member]}]));
            for answer in [
                scim.post(GROUPS, whole(json!([member]))).await,
                scim.put(&format!("{GROUPS}/{team}"), whole(json!([member]))).await,
                scim.put(&format!("{GROUPS}/{empty}"), whole(json!([member]))).await,
                scim.patch(&format!("{GROUPS}/{empty}"), add).await,
            ] {
                let text = refused(answer, 400, "invalidValue");
                assert!(text.contains(words), "{member}: {text}");
            }
        }
        assert_eq!(members(&scim, &team).await, sorted(&[&ada, &inner]));
        assert!(members(&scim, &empty).await.is_empty());
        // What fits is taken, in the server's own words, too.
        let fits = json!([said(&ada, "user", "Users"), {"value": inner, "type": "Group"}, {"$ref": format!("../Users/{bob}")}]);
        scim.put(&format!("{GROUPS}/{empty}"), whole(fits)).await.expect(200);
        assert_eq!(members(&scim, &empty).await, sorted(&[&ada, &bob, &inner]));
        let own = scim.get(&format!("{GROUPS}/{empty}")).await.expect(200).json;
        assert_eq!(scim.put(&format!("{GROUPS}/{empty}"), own.clone()).await.expect(200).json, own);
    }

    async fn grp_2_groups_of_a_user_are_derived(world: World) {
        let scim = scim(&world);
        let ada = made(&scim, "ada").await;
        let inner = made_group(&scim, "Inner", &[&ada]).await;
        let outer = made_group(&scim, "Outer", &[&inner]).await;
        let groups = scim.get(&format!("{USERS}/{ada}")).await.expect(200).json["groups"].clone();
        let base = format!("http://localhost{GROUPS}");
        assert_eq!(groups, json!([
            {"value": inner, "$ref": format!("{base}/{inner}"), "display": "Inner", "type": "direct"},
            {"value": outer, "$ref": format!("{base}/{outer}"), "display": "Outer", "type": "indirect"}
        ]));
        assert_eq!(total(&scim, USERS, &format!("groups.value eq \"{outer}\"")).await, 1);
        assert_eq!(total(&scim, USERS, "groups pr").await, 1);
        assert_eq!(total(&scim, USERS, "groups.display co \"oUt\"").await, 1);
        assert_eq!(total(&scim, USERS, "groups[display eq \"outer\" and type eq \"direct\"]").await, 0);
        let slim = scim.get(&format!("{USERS}/{ada}?excludedAttributes=groups")).await.expect(200);
        assert_eq!(slim.json.get("groups"), None);
        let written = patch(json!([{"op": "add", "path": "groups", "value": [{"value": outer}]}]));
        refused(scim.patch(&format!("{USERS}/{ada}"), written).await, 400, "mutability");
    }

    async fn grp_3_circles_are_refused(world: World) {
        let scim = scim(&world);
        let inner = made_group(&scim, "Inner", &[]).await;
        let middle = made_group(&scim, "Middle", &[&inner]).await;
        let outer = made_group(&scim, "Outer", &[&middle]).await;
        for (group, member) in [(&inner, &outer), (&inner, &inner), (&middle, &outer)] {
            let add = patch(json!([{"op": "add", "path": "members", "value": [{"value": member}]}]));
            refused(scim.patch(&format!("{GROUPS}/{group}"), add).await, 400, "invalidValue");
        }
        assert!(members(&scim, &inner).await.is_empty());
    }

    async fn grp_4_deleting_removes_memberships(world: World) {
        let scim = scim(&world);
        let (ada, bob) = (made(&scim, "ada").await, made(&scim, "bob").await);
        let inner = made_group(&scim, "Inner", &[&ada, &bob]).await;
        let outer = made_group(&scim, "Outer", &[&inner, &ada]).await;
        scim.delete(&format!("{USERS}/{ada}")).await.expect(204);
        assert_eq!(members(&scim, &inner).await, std::slice::from_ref(&bob));
        assert_eq!(scim.get(&format!("{GROUPS}/{inner}")).await.header("etag"), "W/\"2\"");
        scim.delete(&format!("{GROUPS}/{inner}")).await.expect(204);
        assert!(members(&scim, &outer).await.is_empty());
        refused(scim.get(&format!("{GROUPS}/{inner}")).await, 404, "");
        let left = world.app.db.house().read("test", |tx| tx.query_one("SELECT count(*) FROM group_members", &[], |row| row.get::<i64>(0)));
        assert_eq!(left.await.unwrap(), 0);
        let counts = world.app.db.house().read("test", |tx| tx.query_one("SELECT member_count FROM user_groups", &[], |row| row.get::<i64>(0)));
        assert_eq!(counts.await.unwrap(), 0);
    }

    async fn grp_5_unknown_members(world: World) {
        let scim = scim(&world);
        let ada = made(&scim, "ada").await;
        let id = made_group(&scim, "Team", &[&ada, "nobody"]).await;
        assert_eq!(members(&scim, &id).await, std::slice::from_ref(&ada));
        let strict = json!([{"identifier": "scim_dialect", "value": "strict", "updateType": "UPDATE"}]);
        world.admin().put("/ng/api/settings?accountIdentifier=acme", strict).await.data();
        let add = patch(json!([{"op": "add", "path": "members", "value": [{"value": "nobody"}]}]));
        refused(scim.patch(&format!("{GROUPS}/{id}"), add).await, 400, "invalidValue");
        let cased = patch(json!([{"op": "Add", "path": "members", "value": [{"value": ada}]}]));
        refused(scim.patch(&format!("{GROUPS}/{id}"), cased).await, 400, "invalidSyntax");
    }

    async fn pa_12_a_filter_and_values_remove_who_is_named_by_both(world: World) {
        let scim = scim(&world);
        let (ada, bob) = (made(&scim, "ada").await, made(&scim, "bob").await);
        let id = made_group(&scim, "Team", &[&ada, &bob]).await;
        let remove = async |filter: &str, value: Value| {
            let operation = json!({"op": "remove", "path": format!("members[{filter}]"), "value": value});
            scim.patch(&format!("{GROUPS}/{id}"), patch(json!([operation]))).await.expect(200);
            members(&scim, &id).await
        };
        let by_id = format!("value eq \"{ada}\"");
        for (filter, value) in [
            ("type eq \"Group\"", json!([{"value": ada}])),
            ("type eq \"User\"", json!([])),
            ("type eq \"User\"", json!([{"value": "nobody"}])),
            (by_id.as_str(), json!([{"value": bob}])),
            (by_id.as_str(), json!({})),
        ] {
            assert_eq!(remove(filter, value).await.len(), 2, "{filter}");
        }
        assert_eq!(remove("type eq \"User\"", json!([{"value": ada}])).await, std::slice::from_ref(&bob));
        assert!(remove("type eq \"User\"", json!("")).await.is_empty());
    }

    async fn pa_12_pa_13_removing_members(world: World) {
        let scim = scim(&world);
        let (ada, bob, eve) = (made(&scim, "ada").await, made(&scim, "bob").await, made(&scim, "eve").await);
        let id = made_group(&scim, "Team", &[&ada, &bob, &eve]).await;
        let path = format!("{GROUPS}/{id}");
        let with_value = patch(json!([{"op": "Remove", "path": "members", "value": [{"$ref": null, "value": ada}]}]));
        scim.patch(&path, with_value.clone()).await.expect(200);
        assert_eq!(members(&scim, &id).await, sorted(&[&bob, &eve]));
        assert_eq!(scim.patch(&path, with_value).await.expect(200).header("etag"), "W/\"2\"");
        let swap = patch(json!([
            {"op": "remove", "path": format!("members[value eq \"{bob}\"]")}, {"op": "add", "path": "members", "value": [{"value": ada}]}
        ]));
        scim.patch(&path, swap).await.expect(200);
        assert_eq!(members(&scim, &id).await, sorted(&[&ada, &eve]));
        let there_and_back = patch(json!([
            {"op": "remove", "path": format!("members[value eq \"{ada}\"]")}, {"op": "add", "path": "members", "value": [{"value": ada}]}
        ]));
        assert_eq!(scim.patch(&path, there_and_back).await.expect(200).header("etag"), "W/\"3\"");
        let by_type = patch(json!([{"op": "remove", "path": "members[type eq \"Group\"]"}]));
        scim.patch(&path, by_type).await.expect(200);
        assert_eq!(members(&scim, &id).await.len(), 2);
        let full = patch(json!([{"op": "replace", "path": "members", "value": [{"value": bob}]}]));
        scim.patch(&path, full).await.expect(200);
        assert_eq!(members(&scim, &id).await, std::slice::from_ref(&bob));
        scim.patch(&path, patch(json!([{"op": "remove", "path": "members"}]))).await.expect(200);
        assert!(members(&scim, &id).await.is_empty());
        let gone: Vec<Value> = events(&world, "group.member_removed").await;
        assert_eq!(gone.len(), 5);
    }

    async fn put_replaces_members_too(world: World) {
        let scim = scim(&world);
        let (ada, bob) = (made(&scim, "ada").await, made(&scim, "bob").await);
        let id = made_group(&scim, "Team", &[&ada]).await;
        let path = format!("{GROUPS}/{id}");
        let answer = scim.put(&path, group("Crew", &[&bob])).await.expect(200);
        assert_eq!((&answer.json["displayName"], answer.header("etag")), (&json!("Crew"), "W/\"2\""));
        assert_eq!(members(&scim, &id).await, [bob.as_str()]);
        for said in [json!({"display": "bob"}), json!([{"display": "bob", "type": null}]), json!([{"display": "bob"}])] {
            let mut nameless = group("Crew", &[]);
            nameless["members"] = said;
            scim.put(&path, nameless).await.expect(200);
            let quirks = &newest(&world).await["quirks"];
            let left = json!({"name": "nothing-left", "at": "members"});
            assert!(quirks.as_array().unwrap().contains(&left), "{quirks}");
            assert_eq!(members(&scim, &id).await, [bob.as_str()]);
        }
        assert_eq!(total(&scim, GROUPS, "displayName eq \"TEAM\"").await, 0);
        assert_eq!(total(&scim, GROUPS, "displayName eq \"CREW\"").await, 1);
        refused(scim.put(&format!("{GROUPS}/none"), group("X", &[])).await, 404, "");
        refused(scim.put(&path, json!({"schemas": [GROUP_URN]})).await, 400, "invalidValue");
    }

    async fn f_13_filters_on_members(world: World) {
        let scim = scim(&world);
        let (ada, bob) = (made(&scim, "ada").await, made(&scim, "bob").await);
        let one = made_group(&scim, "One", &[&ada]).await;
        made_group(&scim, "Two", &[&ada, &bob, &one]).await;
        made_group(&scim, "Three", &[]).await;
        for (filter, count) in [
            (format!("id eq \"{one}\" and members eq \"{ada}\""), 1), (format!("id eq \"{one}\" and members eq \"{bob}\""), 0),
            (format!("members.value eq \"{ada}\""), 2), (format!("members.value ne \"{ada}\""), 2), (format!("not (members eq \"{ada}\")"), 1),
            ("members pr".into(), 2), ("not (members pr)".into(), 1), ("members[type eq \"group\"]".into(), 1),
            (format!("members[type eq \"User\" and value eq \"{one}\"]"), 0), ("members.type eq \"GROUP\"".into(), 1),
            ("members.display eq \"one\"".into(), 1), ("displayName sw \"t\"".into(), 2), ("displayName co \"E\"".into(), 2),
            ("externalId pr".into(), 0), ("meta.resourceType eq \"group\"".into(), 0),
        ] {
            assert_eq!(total(&scim, GROUPS, &filter).await, count, "{filter}");
        }
        let list = scim.get(&format!("{GROUPS}?excludedAttributes=members&sortBy=displayName&sortOrder=descending")).await.expect(200);
        let names: Vec<_> = list.json["Resources"].as_array().unwrap().iter().map(|g| g["displayName"].clone()).collect();
        assert_eq!(names, ["Two", "Three", "One"]);
        assert!(!list.text.contains("\"members\""));
    }

    async fn pa_2_a_group_change_may_answer_without_body(world: World) {
        let scim = scim(&world);
        let id = made_group(&scim, "Team", &[]).await;
        let rename = patch(json!([{"op": "replace", "value": {"id": id, "displayName": "Crew"}}]));
        let (wish, named) = (("prefer", "return=minimal"), format!("{GROUPS}/{id}?attributes=displayName"));
        scim.with(wish.0, wish.1).patch(&named, rename.clone()).await.expect(200);
        let answer = scim.with(wish.0, wish.1).patch(&format!("{GROUPS}/{id}"), rename).await.expect(204);
        assert_eq!((answer.text.as_str(), answer.header("etag")), ("", "W/\"2\""));
    }

    async fn equal_names_get_different_identifiers(world: World) {
        let scim = scim(&world);
        for name in ["Team A", "Team.A", "Team-A"] {
            made_group(&scim, name, &[]).await;
        }
        let read = world.app.db.house().read("test", |tx| {
            tx.query("SELECT identifier FROM user_groups WHERE externally_managed = $1 ORDER BY identifier", db::params![true], |row| row.get::<String>(0))
        });
        assert_eq!(read.await.unwrap(), ["Team_A", "Team_A_1", "Team_A_2"]);
    }

    async fn parallel_changes_of_one_group_lose_nothing(world: World) {
        let scim = scim(&world);
        let mut ids = Vec::new();
        for n in 0..12 {
            ids.push(made(&scim, &format!("user{n}")).await);
        }
        let id = made_group(&scim, "Team", &[]).await;
        let calls = ids.iter().map(|member| {
            let (scim, path) = (scim.clone(), format!("{GROUPS}/{id}"));
            let add = patch(json!([{"op": "add", "path": "members", "value": [{"value": member}]}]));
            tokio::spawn(async move { scim.patch(&path, add).await.expect(200) })
        });
        for call in calls.collect::<Vec<_>>() {
            call.await.unwrap();
        }
        assert_eq!(members(&scim, &id).await, sorted(&ids.iter().collect::<Vec<_>>()));
        assert_eq!(scim.get(&format!("{GROUPS}/{id}")).await.header("etag"), "W/\"13\"");
    }

    async fn pa_2_only_a_patch_leaves_many_members_out(world: World) {
        let scim = scim(&world);
        let mut ids = Vec::new();
        for n in 0..101 {
            ids.push(made(&scim, &format!("user{n}")).await);
        }
        ids.push(made_group(&scim, "Inner", &[]).await);
        ids.sort();
        let all: Vec<&str> = ids.iter().map(String::as_str).collect();
        let answer = scim.post(GROUPS, group("Whole", &all)).await.expect(201);
        let path = format!("{GROUPS}/{}", answer.json["id"].as_str().unwrap());
        let read = scim.get(&path).await.expect(200);
        let shown = |answer: &Answer| answer.json["members"].as_array().map(Vec::len);
        assert_eq!((&answer.json, shown(&answer)), (&read.json, Some(102)));
        for less in [&all[..101], &all[1..], &all[1..]] {
            let answer = scim.put(&path, group("Whole", less)).await.expect(200);
            let read = scim.get(&path).await.expect(200);
            assert_eq!((&answer.json, shown(&answer)), (&read.json, Some(101)));
        }
        let answer = scim.put(&format!("{path}?attributes=members.display"), group("Whole", &all)).await.expect(200);
        let named = |member: &Value| member["display"] == "Ada Lovelace" || member["display"] == "Inner";
        assert!(answer.json["members"].as_array().unwrap().iter().all(named), "{}", answer.json);
        let minimal = scim.with("prefer", "return=minimal");
        let (short, full) = (format!("{path}?excludedAttributes=members"), format!("{path}?attributes=members"));
        let wishes = [(&scim, &short, false), (&minimal, &path, false), (&minimal, &full, true)];
        for (client, path, shown) in wishes {
            let answer = client.put(path, group("Whole", &all)).await.expect(200);
            assert_eq!(answer.json.get("members").is_some(), shown, "{path}");
        }
        assert_eq!(minimal.post(GROUPS, group("Brief", &all)).await.expect(201).json.get("members"), None);
    }

    async fn a_large_group_is_changed_without_answering_its_members(world: World) {
        let scim = scim(&world);
        let mut ids = Vec::new();
        for n in 0..101 {
            ids.push(made(&scim, &format!("user{n}")).await);
        }
        let all: Vec<&str> = ids.iter().map(String::as_str).collect();
        let id = made_group(&scim, "Team", &all[..100]).await;
        let path = format!("{GROUPS}/{id}");
        let add = patch(json!([{"op": "add", "path": "members", "value": [{"value": all[100]}]}]));
        let answer = scim.patch(&path, add).await.expect(200);
        assert_eq!(answer.json.get("members"), None);
        assert_eq!(members(&scim, &id).await.len(), 101);
        let remove = patch(json!([{"op": "remove", "path": "members", "value": [{"value": all[0]}]}]));
        let answer = scim.patch(&format!("{path}?attributes=members"), remove).await.expect(200);
        assert_eq!(answer.json["members"].as_array().map(Vec::len), Some(100));
    }
}
