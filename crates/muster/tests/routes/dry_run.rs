//! `Muster-Dry-Run` and replay: the answer that would be given, and nothing changed.

use http::Method;
use muster::provisioning_log::actions;
use muster::scim_api::dry_run::AT_ONCE;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::provisioning_log::{LOG, entries, newest};
use super::scim_discovery::machine;
use super::scim_groups::{GROUPS, group, made_group, members};
use super::scim_users::{USERS, made, patch, refused, scim, total, user};
use crate::actors::{Answer, Client, Gate, World};
use crate::both_engines;

const BULK: &str = "/scim/v2/acme/Bulk";

fn dry(client: &Client) -> Client {
    client.with("Muster-Dry-Run", "true")
}

/// (table, columns with their types) as the migrations have them, without the log, which tells of dry runs.
fn tables() -> Vec<(String, Vec<(String, String)>)> {
    let mut found = Vec::new();
    for step in muster::migrations::STEPS {
        for part in step.sql.split("CREATE TABLE ").skip(1) {
            let (name, rest) = part.split_once('(').expect("a table has columns");
            let column = |line: &str| {
                let mut words = line.split_whitespace();
                let (name, kind) = (words.next()?, words.next()?);
                (kind.starts_with('{') && name != ")")
                    .then(|| (name.to_owned(), kind.trim_end_matches(',').to_owned()))
            };
            let columns = rest.split(';').next().unwrap_or("").lines().filter_map(column).collect();
            if !name.trim().starts_with("provisioning_log") {
                found.push((name.trim().to_owned(), columns));
            }
        }
    }
    found
}

/// Every row of every table.
async fn everything(world: &World) -> Vec<String> {
    let read = |tx: &mut db::Tx<'_>| -> Result<Vec<String>, db::Error> {
        let mut rows = Vec::new();
        for (table, columns) in tables() {
            let names: Vec<&str> = columns.iter().map(|(name, _)| name.as_str()).collect();
            let sql = format!("SELECT {} FROM {table}", names.join(", "));
            rows.extend(tx.query(&sql, &[], |row| {
                let mut cells = vec![table.clone()];
                for (at, (_, kind)) in columns.iter().enumerate() {
                    cells.push(match kind.as_str() {
                        "{text}" => format!("{:?}", row.get::<Option<String>>(at)?),
                        "{bool}" => format!("{:?}", row.get::<Option<bool>>(at)?),
                        "{bytes}" => format!("{:?}", row.get::<Option<Vec<u8>>>(at)?),
                        _ => format!("{:?}", row.get::<Option<i64>>(at)?),
                    });
                }
                Ok(cells.join(" "))
            })?);
        }
        rows.sort();
        Ok(rows)
    };
    world.app.db.house().read("test.everything", read).await.expect("all tables can be read")
}

/// The answer without what is drawn anew for each request.
fn bare(answer: &Answer, own_ids: &[&str]) -> (u16, String, Vec<(String, String)>) {
    let clean = |text: &str| {
        let mut text = text.replace(answer.header("x-request-id"), "REQUEST");
        for id in own_ids.iter().filter(|id| !id.is_empty()) {
            text = text.replace(*id, "NEW");
        }
        text
    };
    let headers = answer.headers.iter().filter(|(name, _)| *name != "muster-dry-run");
    let headers = headers.map(|(name, value)| (name.to_string(), clean(value.to_str().unwrap()))).collect();
    (answer.status, clean(&answer.text), headers)
}

both_engines! {
    async fn a_dry_run_answers_like_the_real_one_and_leaves_no_trace(world: World) {
        let scim = scim(&world);
        let (ada, bob) = (made(&scim, "ada").await, made(&scim, "bob").await);
        let crew = made_group(&scim, "Crew", &[&ada]).await;
        let gone = made(&scim, "gone").await;
        scim.patch(&format!("{USERS}/{gone}"), patch(json!([{"op": "replace", "path": "active", "value": false}]))).await.expect(200);
        let (one, team) = (format!("{USERS}/{ada}"), format!("{GROUPS}/{crew}"));
        for (method, path, body) in [
            ("POST", USERS.to_owned(), Some(user("new"))),
            ("POST", USERS.to_owned(), Some(user("ADA"))),
            ("POST", USERS.to_owned(), Some(user("gone"))),
            ("POST", USERS.to_owned(), Some(json!({}))),
            ("PUT", one.clone(), Some(user("ada2"))),
            ("PUT", one.clone(), Some(user("bob"))),
            ("PATCH", one.clone(), Some(patch(json!([{"op": "replace", "path": "active", "value": false}])))),
            ("PATCH", one.clone(), Some(patch(json!([{"op": "replace", "path": "title", "value": "t"}, {"op": "add", "path": "id", "value": "x"}])))),
            ("PATCH", format!("{USERS}/nobody"), Some(patch(json!([{"op": "remove", "path": "title"}])))),
            ("POST", GROUPS.to_owned(), Some(group("Band", &[&ada, &bob]))),
            ("POST", GROUPS.to_owned(), Some(group("Crew", &[]))),
            ("PUT", team.clone(), Some(group("Crew 2", &[&bob]))),
            ("PATCH", team.clone(), Some(patch(json!([{"op": "add", "path": "members", "value": [{"value": bob}]}])))),
            ("DELETE", team.clone(), None),
            ("DELETE", one.clone(), None),
            ("DELETE", one.clone(), None),
        ] {
            let send = |client: Client| {
                let method = Method::from_bytes(method.as_bytes()).unwrap();
                let (path, body) = (path.clone(), body.clone());
                async move { client.send(method, &path, body.map(|b| b.to_string())).await }
            };
            let (before, commits) = (everything(&world).await, world.app.db.commits());
            let tried = send(dry(&scim)).await;
            assert_eq!(tried.header("muster-dry-run"), "true", "{method} {path}: {}", tried.text);
            assert_eq!(everything(&world).await, before, "{method} {path}");
            assert_eq!(world.app.db.commits(), commits, "{method} {path}");
            let real = send(scim.clone()).await;
            assert_eq!(real.header("muster-dry-run"), "");
            let id = |answer: &Answer| answer.json["id"].as_str().unwrap_or_default().to_owned();
            let (a, b) = (id(&tried), id(&real));
            assert_eq!(bare(&tried, &[&a]), bare(&real, &[&b]), "{method} {path}");
        }
    }

    async fn a_dry_run_of_a_bulk_request_sees_its_own_operations(world: World) {
        let scim = scim(&world);
        let ada = made(&scim, "ada").await;
        let before = everything(&world).await;
        let body = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"], "Operations": [
            {"method": "POST", "path": "/Groups", "bulkId": "crew", "data": group("Crew", &["bulkId:bob", &ada])},
            {"method": "POST", "path": "/Users", "bulkId": "bob", "data": user("bob")},
            {"method": "POST", "path": "/Users", "bulkId": "again", "data": user("BOB")},
            {"method": "PATCH", "path": "/Groups/bulkId:crew", "data": patch(json!([{"op": "replace", "path": "displayName", "value": "Band"}]))},
            {"method": "DELETE", "path": format!("/Users/{ada}")},
            {"method": "PATCH", "path": format!("/Users/{ada}"), "data": patch(json!([{"op": "remove", "path": "title"}]))},
        ]});
        let statuses = |answer: &Answer| {
            let rows = answer.json["Operations"].as_array().expect("results").clone();
            rows.iter().map(|row| row["status"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        let tried = dry(&scim).post(BULK, body.clone()).await.expect(200);
        assert_eq!(everything(&world).await, before);
        let real = scim.post(BULK, body).await.expect(200);
        assert_eq!(statuses(&tried), statuses(&real));
        assert_eq!(statuses(&tried)[0..3], ["201", "201", "409"]);
    }

    async fn an_unclear_header_changes_nothing(world: World) {
        let scim = scim(&world);
        let before = everything(&world).await;
        for value in ["yes", "1", "", "TRUE!", "true, true"] {
            let detail = refused(scim.with("muster-dry-run", value).post(USERS, user("ada")).await, 400, "invalidValue");
            assert!(detail.contains("Muster-Dry-Run"), "{detail}");
        }
        refused(dry(&scim).with("muster-dry-run", "true").post(USERS, user("ada")).await, 400, "invalidValue");
        assert_eq!(everything(&world).await, before);
        scim.with("muster-dry-run", "false").post(USERS, user("ada")).await.expect(201);
        dry(&scim).get(USERS).await.expect(200);
    }

    async fn a_dry_run_needs_the_same_rights_and_is_logged_as_one(world: World) {
        let reader = machine(&world, "reader", "_account_viewer").await;
        refused(dry(&reader).post(USERS, user("ada")).await, 403, "");
        dry(&scim(&world)).post(USERS, user("ada")).await.expect(201);
        let entry = newest(&world).await;
        assert_eq!((&entry["dryRun"], &entry["status"]), (&json!(true), &json!(201)));
        assert_eq!(entries(&world, "dryRun=true").await.len(), 2);
        assert_eq!(total(&scim(&world), USERS, "userName eq \"ada\"").await, 0);
    }

    async fn dry_runs_and_writes_go_side_by_side(world: World) {
        let scim = scim(&world);
        let crew = made_group(&scim, "Crew", &[]).await;
        let mut calls = Vec::new();
        for n in 0..24 {
            let (scim, crew, world) = (scim.clone(), crew.clone(), world.clone());
            calls.push(tokio::spawn(async move {
                let client = if n % 2 == 0 { dry(&scim) } else { scim.clone() };
                let answer = client.post(USERS, user(&format!("u{n}"))).await.expect(201);
                let id = answer.json["id"].as_str().unwrap().to_owned();
                if n % 2 == 1 {
                    let add = patch(json!([{"op": "add", "path": "members", "value": [{"value": id}]}]));
                    scim.patch(&format!("{GROUPS}/{crew}"), add.clone()).await.expect(200);
                    dry(&scim).delete(&format!("{USERS}/{id}")).await.expect(204);
                }
                drop(world);
            }));
        }
        for call in calls {
            call.await.expect("each is answered");
        }
        assert_eq!(members(&scim, &crew).await.len(), 12);
        assert_eq!(total(&scim, USERS, "userName sw \"u\"").await, 12);
    }

    async fn dry_runs_beyond_those_that_may_wait_are_refused_and_writes_are_not(world: World) {
        let scim = scim(&world);
        let gate = Gate::shut(&world).await;
        let mut calls = JoinSet::new();
        for n in 0..=AT_ONCE {
            let client = dry(&scim);
            calls.spawn(async move { client.post(USERS, user(&format!("u{n}"))).await });
        }
        let answer = calls.join_next().await.expect("one is answered although nothing moves").unwrap();
        assert_eq!((answer.status, answer.header("retry-after")), (429, "1"), "{}", answer.text);
        assert!(answer.text.contains("dry runs of this account"), "{}", answer.text);
        let real = scim.clone();
        let real = tokio::spawn(async move { real.post(USERS, user("real")).await });
        gate.open().await;
        real.await.unwrap().expect(201);
        for answer in calls.join_all().await {
            answer.expect(201);
        }
        dry(&scim).post(USERS, user("next")).await.expect(201);
        assert_eq!(total(&scim, USERS, r#"userName sw "u" or userName eq "next""#).await, 0);
        assert_eq!(total(&scim, USERS, r#"userName eq "real""#).await, 1);
    }

    async fn a_logged_request_can_be_replayed(world: World) {
        let (scim, admin) = (scim(&world), world.admin());
        let id = made(&scim, "ada").await;
        let one = format!("{USERS}/{id}");
        scim.patch(&one, patch(json!([{"op": "Replace", "path": "title", "value": "Countess"}]))).await.expect(200);
        let entry = newest(&world).await["id"].as_str().unwrap().to_owned();
        let before = everything(&world).await;
        let replay = |id: String| { let admin = admin.clone(); async move { admin.post(&format!("{LOG}/{id}/replay?accountIdentifier=acme"), json!({})).await } };
        let again = replay(entry.clone()).await.data();
        assert_eq!((&again["status"], &again["differs"], &again["leftOut"]), (&json!(200), &json!([]), &json!([])));
        assert_eq!((&again["body"]["title"], &again["headers"]["content-type"]), (&json!("Countess"), &json!("application/scim+json")));
        assert_eq!(everything(&world).await, before);
        scim.patch(&one, patch(json!([{"op": "replace", "path": "displayName", "value": "A"}]))).await.expect(200);
        let again = replay(entry.clone()).await.data();
        assert_eq!(again["differs"], json!([{"at": "body/displayName", "logged": null, "now": "A"}]));
        scim.delete(&one).await.expect(204);
        let again = replay(entry.clone()).await.data();
        assert_eq!((&again["status"], &again["differs"][0]), (&json!(404), &json!({"at": "status", "logged": 200, "now": 404})));
        // The right to see the log is not the right to change users.
        let viewer = world.machine("viewer", Some("_account_viewer")).await;
        let again = viewer.post(&format!("{LOG}/{entry}/replay"), json!({})).await.data();
        assert_eq!(again["status"], 403, "{again}");
        actions::flush(&world.app).await.unwrap();
        assert_eq!(entries(&world, "dryRun=true").await.len(), 0, "a replay is told by its answer, not by the log");
    }

    async fn a_replay_leaves_out_what_was_not_kept(world: World) {
        let scim = scim(&world);
        let replay = || async {
            let entry = newest(&world).await["id"].as_str().unwrap().to_owned();
            world.admin().post(&format!("/gateway{LOG}/{entry}/replay"), json!({})).await
        };
        let mut ada = user("ada");
        ada["password"] = Value::from("correct horse");
        let created = scim.post(USERS, ada).await.expect(201);
        let again = replay().await.data();
        assert_eq!((&again["status"], &again["leftOut"]), (&json!(409), &json!(["/password"])));
        let one = format!("{USERS}/{}", created.json["id"].as_str().unwrap());
        scim.get(&format!("{one}?attributes=userName")).await.expect(200);
        assert_eq!(replay().await.data()["differs"], json!([]));
        let set = patch(json!([{"op": "replace", "path": "password", "value": "x y z"}, {"op": "replace", "path": "title", "value": "t"}]));
        scim.patch(&one, set).await.expect(200);
        let again = replay().await.data();
        assert_eq!((&again["status"], &again["leftOut"]), (&json!(200), &json!(["/Operations/0"])));
        for (method, path, body) in [
            ("PATCH", one.clone(), patch(json!([{"op": "replace", "path": "password", "value": "x y z"}])).to_string()),
            ("POST", USERS.to_owned(), "{".to_owned()),
            ("GET", format!("{USERS}?x=1"), String::new()),
            ("POST", USERS.to_owned(), { let mut long = user("long"); long["title"] = Value::from("x".repeat(20_000)); long.to_string() }),
        ] {
            let method = Method::from_bytes(method.as_bytes()).unwrap();
            scim.send(method, &path, (!body.is_empty()).then_some(body)).await;
            let text = replay().await.refused(400, "INVALID_REQUEST");
            assert!(text.contains("cannot be replayed"), "{text}");
        }
        world.anon().post(USERS, user("bob")).await.expect(401);
        assert!(replay().await.refused(400, "INVALID_REQUEST").contains("never read"));
    }
}
