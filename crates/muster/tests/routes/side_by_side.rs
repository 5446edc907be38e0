//! Two replicas at once: what one checks before it writes, the other does not change in between.

use std::sync::{Mutex, mpsc};
use std::time::Duration;

use serde_json::{Value, json};

use super::provisioning_log::newest;
use super::scim_groups::{GROUPS, group, made_group};
use super::scim_users::{USERS, made, patch, refused, total, user};
use crate::actors::{Client, World};
use crate::both_engines;

const ROLES: &str = "/authz/api/roles?accountIdentifier=acme";
const ASSIGNMENTS: &str = "/authz/api/roleassignments?accountIdentifier=acme";
const ACCOUNT_ONLY: &str = "_all_account_level_resources";

fn binding(role: &str, group: &str, kind: &str, id: &str) -> Value {
    json!({"roleIdentifier": role, "resourceGroupIdentifier": group, "principal": {"identifier": id, "type": kind}})
}

/// A change on this replica that has begun and takes its time: this statement comes once it is told to.
struct Slow {
    go_on: mpsc::Sender<()>,
    change: tokio::task::JoinHandle<Result<(), db::Error>>,
}

impl Slow {
    async fn begin(world: &World, sql: impl Into<String>) -> Self {
        Self::start(world, vec![sql.into()], false).await
    }

    async fn both(world: &World, sql: [&str; 2]) -> Self {
        Self::start(world, sql.map(str::to_owned).to_vec(), false).await
    }

    /// As `begin`, with the statement done before it waits.
    async fn done(world: &World, sql: impl Into<String>) -> Self {
        Self::start(world, vec![sql.into()], true).await
    }

    async fn start(world: &World, sql: Vec<String>, at_once: bool) -> Self {
        let ((go_on, is_told), (begun, has_begun)) = (mpsc::channel::<()>(), mpsc::channel());
        let (app, is_told) = (world.app.clone(), Mutex::new(is_told));
        let change = tokio::spawn(async move {
            app.write_held::<_, db::Error, _>("test.slow", "acme", move |tx| {
                tx.query_one("SELECT 1", &[], |row| row.get::<i64>(0))?;
                let run = |tx: &mut db::Tx<'_>| sql.iter().try_for_each(|sql| tx.exec(sql, &[]).map(drop));
                if at_once {
                    run(tx)?;
                }
                begun.send(()).expect("the test waits");
                let _ = is_told.lock().unwrap().recv_timeout(Duration::from_secs(20));
                if at_once { Ok(()) } else { run(tx) }
            })
            .await
        });
        while has_begun.try_recv().is_err() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        Self { go_on, change }
    }

    async fn end(self) {
        self.go_on.send(()).expect("the change waits");
        self.change.await.expect("it does not panic").expect("it is written");
    }
}

both_engines! {
    async fn a_check_sees_what_another_replica_changes_meanwhile(world: World) {
        let (admin, replica) = (world.admin(), world.replica());
        admin.post(ROLES, json!({"identifier": "seer", "name": "Seer", "permissions": ["core_user_view"]})).await.expect(200);
        let group = json!({"resourceGroup": {"identifier": "some", "name": "Some", "accountIdentifier": "acme",
            "resourceFilter": {"includeAllResources": true}}});
        admin.post("/authz/api/v2/resourcegroup?accountIdentifier=acme", group).await.expect(200);
        world.machine("first", None).await;
        world.machine("second", None).await;
        let user = world.admin_id.clone();
        let token = json!({"identifier": "late", "name": "late", "apiKeyIdentifier": "key", "apiKeyType": "SERVICE_ACCOUNT",
            "parentIdentifier": "first"});
        let cases = [
            ("DELETE FROM roles WHERE identifier = 'seer'", ASSIGNMENTS, binding("seer", ACCOUNT_ONLY, "USER", &user)),
            ("DELETE FROM resource_groups WHERE identifier = 'some'", ASSIGNMENTS, binding("_account_viewer", "some", "USER", &user)),
            ("DELETE FROM service_accounts WHERE identifier = 'first'", "/ng/api/token", token),
            ("DELETE FROM service_accounts WHERE identifier = 'second'", ASSIGNMENTS,
                binding("_account_viewer", ACCOUNT_ONLY, "SERVICE_ACCOUNT", "second")),
        ];
        for (sql, path, body) in cases {
            let slow = Slow::begin(&world, sql).await;
            let client = replica.admin();
            let late = tokio::spawn(async move { client.post(path, body).await });
            tokio::time::sleep(Duration::from_millis(200)).await;
            assert!(!late.is_finished(), "{sql}: the request did not wait");
            slow.end().await;
            let answer = late.await.unwrap();
            assert!((400..500).contains(&answer.status), "{sql}: {} {}", answer.status, answer.text);
        }
    }

    async fn a_group_that_goes_takes_along_what_is_bound_to_it_meanwhile(world: World) {
        let (admin, replica) = (world.admin(), world.replica());
        world.machine("spare", None).await;
        admin.post(ASSIGNMENTS, binding("_account_viewer", ACCOUNT_ONLY, "SERVICE_ACCOUNT", "spare")).await.expect(200);
        let id = made_group(&world.bearer(world.admin_token()), "squad", &[]).await;
        let bind = "UPDATE role_assignments SET principal_kind = 'USER_GROUP', principal_id = 'squad' WHERE principal_id = 'spare'";
        let slow = Slow::begin(&world, bind).await;
        let client = replica.bearer(world.admin_token());
        let late = tokio::spawn(async move { client.delete(&format!("{GROUPS}/{id}")).await });
        tokio::time::sleep(Duration::from_millis(200)).await;
        slow.end().await;
        late.await.unwrap().expect(204);
        let left = admin.get(ASSIGNMENTS).await.data()["content"].to_string();
        assert!(left.contains("_account_admin") && !left.contains("squad"), "{left}");
    }

    async fn a_new_group_has_no_member_whom_another_replica_deletes_meanwhile(world: World) {
        let (here, replica) = (world.bearer(world.admin_token()), world.replica());
        let ada = made(&here, "ada").await;
        let slow = Slow::begin(&world, format!("DELETE FROM users WHERE user_id = '{ada}'")).await;
        let (client, body) = (replica.bearer(world.admin_token()), group("squad", &[&ada]));
        let late = tokio::spawn(async move { client.post(GROUPS, body).await });
        tokio::time::sleep(Duration::from_millis(200)).await;
        assert!(!late.is_finished(), "the request did not wait");
        slow.end().await;
        late.await.unwrap().expect(201);
        let count = |tx: &mut db::Tx<'_>| tx.query_one("SELECT COUNT(*) FROM group_members", &[], |row| row.get::<i64>(0));
        let left = world.app.db.house().read::<_, db::Error>("test.members", count).await.unwrap();
        assert_eq!(left, 0, "a membership of somebody who is not there");
    }

    async fn of_two_who_move_members_of_the_same_version_one_is_late(world: World) {
        let replica = world.replica();
        let (here, there) = (world.bearer(world.admin_token()), replica.bearer(world.admin_token()));
        let path = format!("{GROUPS}/{}", made_group(&here, "squad", &[]).await);
        for round in 0..6 {
            let (one, other) = (made(&here, &format!("one{round}")).await, made(&here, &format!("other{round}")).await);
            let tag = here.get(&path).await.json["meta"]["version"].as_str().expect("a version").to_owned();
            let add = |id: &str| patch(json!([{"op": "add", "path": "members", "value": [{"value": id}]}]));
            let send = async |client: &Client, id: &str| client.with("if-match", &tag).patch(&path, add(id)).await;
            let (first, second) = tokio::join!(send(&here, &one), send(&there, &other));
            assert!(matches!((first.status, second.status), (200, 412) | (412, 200)), "{} {}", first.text, second.text);
        }
    }

    async fn a_change_of_members_shows_the_group_as_another_replica_left_it(world: World) {
        let (here, replica) = (world.bearer(world.admin_token()), world.replica());
        let (ada, group_id) = (made(&here, "ada").await, made_group(&here, "squad", &[]).await);
        let rename = "UPDATE user_groups SET name = 'team', name_key = 'team', doc = REPLACE(doc, 'squad', 'team'), \
            version = version + 1 WHERE name = 'squad'";
        let add = patch(json!([{"op": "add", "path": "members", "value": [{"value": ada}]}]));
        for (sql, put) in [(rename, false), ("DELETE FROM user_groups", false), ("DELETE FROM user_groups", true)] {
            let slow = Slow::begin(&world, sql).await;
            let (client, path) = (replica.bearer(world.admin_token()), format!("{GROUPS}/{group_id}"));
            let (add, whole) = (add.clone(), group("squad", &[&ada]));
            let late = tokio::spawn(async move {
                if put { client.put(&path, whole).await } else { client.patch(&path, add).await }
            });
            tokio::time::sleep(Duration::from_millis(200)).await;
            assert!(!late.is_finished(), "{sql}: the request did not wait");
            slow.end().await;
            let answer = late.await.unwrap();
            if sql == rename {
                assert_eq!(answer.expect(200).json["displayName"], "team");
            } else {
                answer.expect(404);
            }
        }
    }

    async fn what_was_read_before_the_first_schema_came_is_sent_again(world: World) {
        let here = world.bearer(world.admin_token());
        let (ada, squad) = (made(&here, "ada").await, made_group(&here, "squad", &[]).await);
        let slow = Slow::begin(&world, "INSERT INTO scim_generations (account_id, generation) VALUES ('acme', 1)").await;
        let title = || patch(json!([{"op": "replace", "path": "externalId", "value": "x"}]));
        let send = |method: http::Method, path: String, body: Option<Value>| {
            let client = here.clone();
            tokio::spawn(async move { client.send(method, &path, body.map(|body| body.to_string())).await })
        };
        let late = [
            send(http::Method::PATCH, format!("{USERS}/{ada}"), Some(title())),
            send(http::Method::DELETE, format!("{USERS}/{ada}"), None),
            send(http::Method::PATCH, format!("{GROUPS}/{squad}"), Some(title())),
            send(http::Method::DELETE, format!("{GROUPS}/{squad}"), None),
        ];
        tokio::time::sleep(Duration::from_millis(200)).await;
        assert!(late.iter().all(|late| !late.is_finished()), "some did not wait");
        slow.end().await;
        for late in late {
            let answer = late.await.unwrap();
            assert!(answer.text.contains("schemas changed"), "{} {}", answer.status, answer.text);
        }
        here.get(&format!("{USERS}/{ada}")).await.expect(200);
    }

    async fn whom_another_replica_activates_is_not_revived(world: World) {
        let (here, replica) = (world.bearer(world.admin_token()), world.replica());
        let ada = made(&here, "ada").await;
        let off = patch(json!([{"op": "replace", "path": "active", "value": false}]));
        here.patch(&format!("{USERS}/{ada}"), off).await.expect(200);
        let on = "UPDATE users SET active = true, doc = REPLACE(doc, '\"active\":false', '\"active\":true'), \
            version = version + 1 WHERE user_name = 'ada'";
        let slow = Slow::done(&world, on).await;
        let client = replica.bearer(world.admin_token());
        let late = tokio::spawn(async move { client.post(USERS, user("ada")).await });
        tokio::time::sleep(Duration::from_millis(200)).await;
        assert!(!late.is_finished(), "the request did not wait");
        slow.end().await;
        refused(late.await.unwrap(), 409, "uniqueness");
    }

    async fn a_name_that_is_taken_is_told_although_another_replica_has_the_account(world: World) {
        let (here, replica) = (world.bearer(world.admin_token()), world.replica());
        made(&here, "ada").await;
        let slow = Slow::begin(&world, "SELECT 1").await;
        let client = replica.bearer(world.admin_token());
        let late = tokio::spawn(async move { client.post(USERS, user("ADA")).await });
        if world.app.db.engine() == db::Engine::Postgres {
            refused(late.await.unwrap(), 409, "uniqueness");
            let tries = || replica.app.db.stats().iter().map(|stats| stats.retries).sum::<u64>();
            let before = tries();
            refused(replica.bearer(world.admin_token()).post(USERS, user("ada")).await, 409, "uniqueness");
            assert!(before > 0 && tries() == before, "the first one met the lock, the second does not ask for it");
            assert!(!slow.change.is_finished());
            slow.end().await;
        } else {
            // There is one writer, and the name is in its turn.
            slow.end().await;
            refused(late.await.unwrap(), 409, "uniqueness");
        }
        made(&here, "bob").await;
    }

    async fn who_loses_his_rights_while_he_waits_changes_nothing(world: World) {
        let replica = world.replica();
        let here = world.bearer(world.admin_token());
        let (ada, squad) = (made(&here, "ada").await, made_group(&here, "squad", &[]).await);
        let bob = format!("{USERS}/{}", made(&here, "bob").await);
        let aged = "UPDATE accounts SET version = version + 1 WHERE account_id = 'acme'";
        let taken = [
            "UPDATE role_assignments SET role_id = '_account_viewer' WHERE principal_id = '{}'",
            "DELETE FROM role_assignments WHERE principal_id = '{}'",
            "DELETE FROM tokens WHERE parent_id = '{}'",
            "DELETE FROM service_accounts WHERE identifier = '{}'",
            // Nothing is taken from him: he is administrator besides.
            "DELETE FROM role_assignments WHERE principal_id = '{}' AND role_id = '_account_viewer'",
            "UPDATE accounts SET name = '{}'",
        ];
        for (round, sql) in taken.into_iter().enumerate() {
            let name = format!("mallory{round}");
            let token = world.machine_token(&name, Some("_account_admin")).await;
            if sql.contains("AND role_id") {
                let seen = binding("_account_viewer", ACCOUNT_ONLY, "SERVICE_ACCOUNT", &name);
                world.admin().post(ASSIGNMENTS, seen).await.data();
            }
            let (holder, scim) = (replica.holder(&token), replica.bearer(&token));
            let spare = format!("spare{round}");
            world.machine(&spare, None).await;
            let bind = binding("_account_viewer", ACCOUNT_ONLY, "SERVICE_ACCOUNT", &spare);
            let add = patch(json!([{"op": "add", "path": "members", "value": [{"value": ada}]}]));
            let path = format!("{GROUPS}/{squad}");
            // The last but one is the first who may turn him off, and the last one turns him on.
            let active = round + 1 == taken.len();
            let turn = patch(json!([{"op": "replace", "path": "active", "value": active}]));
            let (turner, person) = (scim.clone(), bob.clone());
            let read = scim.get(&path).await.expect(200);
            let slow = Slow::both(&world, [&sql.replace("{}", &name), aged]).await;
            let late = (
                tokio::spawn(async move { holder.post(ASSIGNMENTS, bind).await }),
                tokio::spawn(async move { scim.patch(&path, add).await }),
                tokio::spawn(async move { turner.patch(&person, turn).await }),
            );
            tokio::time::sleep(Duration::from_millis(200)).await;
            let finished = [late.0.is_finished(), late.1.is_finished(), late.2.is_finished()];
            assert_eq!(finished, [false; 3], "{sql}: a request did not wait");
            slow.end().await;
            let (bound, added) = (late.0.await.unwrap(), late.1.await.unwrap());
            let turned = late.2.await.unwrap();
            if round + 2 >= taken.len() {
                bound.data();
                added.expect(200);
                assert_eq!(turned.expect(200).json["active"], active);
                continue;
            }
            for answer in [bound, added, turned] {
                assert!(answer.text.contains("while the request waited"), "{sql}: {} {}", answer.status, answer.text);
                assert_eq!((answer.status, answer.headers["retry-after"].to_str().unwrap()), (503, "1"));
            }
            let seen = newest(&replica).await;
            assert_eq!(seen["reason"], "access_changed", "{seen}");
            assert!(seen["hint"].as_str().unwrap().contains("changed while the request was under way"), "{seen}");
            assert_eq!(here.get(&format!("{GROUPS}/{squad}")).await.json["meta"], read.json["meta"], "{sql}");
        }
    }

    async fn two_administrators_who_delete_each_other_leave_one(world: World) {
        let (here, there) = (world.bearer(world.admin_token()), world.replica());
        let boss = world.machine_token("boss", Some("_account_admin")).await;
        let (here_too, there) = (world.bearer(&boss), there.bearer(&boss));
        let mut last = world.admin_id.clone();
        for round in 0..6 {
            let next = made(if round == 0 { &here } else { &here_too }, &format!("admin{round}")).await;
            let admin = binding("_account_admin", "_all_resources_including_child_scopes", "USER", &next);
            world.holder(&boss).post(ASSIGNMENTS, admin).await.data();
            let (one, other) = (format!("{USERS}/{last}"), format!("{USERS}/{next}"));
            let (first, second) = tokio::join!(here_too.delete(&one), there.delete(&other));
            assert!(matches!((first.status, second.status), (204, 409) | (409, 204)), "{} {}", first.text, second.text);
            if first.status == 204 {
                last = next;
            }
        }
    }

    async fn a_name_that_another_replica_takes_meanwhile_is_taken(world: World) {
        let (here, replica) = (world.bearer(world.admin_token()), world.replica());
        let (ada, _bob) = (made(&here, "ada").await, made(&here, "bob").await);
        let slow = Slow::done(&world, "UPDATE users SET user_name = 'Eve', user_name_key = 'eve' WHERE user_name = 'bob'").await;
        let (client, path) = (replica.bearer(world.admin_token()), format!("{USERS}/{ada}"));
        let rename = patch(json!([{"op": "replace", "path": "userName", "value": "eve"}]));
        let late = tokio::spawn(async move { client.patch(&path, rename).await });
        tokio::time::sleep(Duration::from_millis(200)).await;
        assert!(!late.is_finished(), "the request did not wait");
        slow.end().await;
        let detail = refused(late.await.unwrap(), 409, "uniqueness");
        assert!(detail.contains("eve"), "{detail}");
        assert_eq!(total(&here, USERS, "userName eq \"ada\"").await, 1, "it is as it was");
    }

    async fn who_changes_a_user_that_another_replica_changed_meanwhile_changes_what_it_left(world: World) {
        let (here, replica) = (world.bearer(world.admin_token()), world.replica());
        let path = format!("{USERS}/{}", made(&here, "ada").await);
        let touch = "UPDATE users SET doc = REPLACE(doc, 'ada@', 'eve@'), version = version + 1 WHERE user_name = 'ada'";
        for (title, tag) in [("Countess", None), ("Baroness", Some("W/\"3\""))] {
            let change = patch(json!([{"op": "replace", "path": "title", "value": title}]));
            let slow = Slow::done(&world, touch).await;
            let (client, path) = (replica.bearer(world.admin_token()), path.clone());
            let client = tag.map_or(client.clone(), |tag| client.with("if-match", tag));
            let late = tokio::spawn(async move { client.patch(&path, change).await });
            tokio::time::sleep(Duration::from_millis(200)).await;
            assert!(!late.is_finished(), "the request did not wait");
            slow.end().await;
            let answer = late.await.unwrap();
            if tag.is_some() {
                answer.expect(412);
                continue;
            }
            let user = answer.expect(200).json;
            assert_eq!((&user["title"], &user["meta"]["version"]), (&json!(title), &json!("W/\"3\"")));
            assert!(user["emails"][0]["value"].as_str().is_some_and(|email| email.starts_with("eve@")), "{user}");
        }
    }

    async fn sixteen_clients_change_one_user_on_two_replicas(world: World) {
        let (here, replica) = (world.bearer(world.admin_token()), world.replica());
        let path = format!("{USERS}/{}", made(&here, "ada").await);
        let clients = (0..16).map(|number| {
            let (client, path) = ([&world, &replica][number % 2].bearer(world.admin_token()), path.clone());
            tokio::spawn(async move {
                for round in 0..8 {
                    let value = json!([{"value": format!("{number}.{round}@ada.example")}]);
                    client.patch(&path, patch(json!([{"op": "add", "path": "emails", "value": value}]))).await.expect(200);
                }
            })
        });
        for client in clients.collect::<Vec<_>>() {
            client.await.expect("no client fails");
        }
        let user = here.get(&path).await.expect(200).json;
        assert_eq!(user["emails"].as_array().map(Vec::len), Some(1 + 16 * 8), "a change is lost");
        assert_eq!(user["meta"]["version"], format!("W/\"{}\"", 1 + 16 * 8));
    }

    /// Whoever waits for the account's row has no row that its holder could wait for.
    async fn none_who_changes_a_user_waits_for_one_who_waits_for_him(world: World) {
        let (here, replica) = (world.bearer(world.admin_token()), world.replica());
        let path = format!("{USERS}/{}", made(&here, "ada").await);
        for (method, body) in [
            (http::Method::PATCH, patch(json!([{"op": "replace", "path": "title", "value": "Countess"}]))),
            (http::Method::PUT, user("ada")),
            (http::Method::DELETE, Value::Null),
        ] {
            let slow = Slow::begin(&world, "UPDATE users SET version = version + 1 WHERE user_name = 'ada'").await;
            let (client, path) = (replica.bearer(world.admin_token()), path.clone());
            let late = tokio::spawn(async move { client.send(method, &path, Some(body.to_string())).await });
            tokio::time::sleep(Duration::from_millis(200)).await;
            assert!(!late.is_finished(), "the request did not wait");
            slow.end().await;
            let answer = late.await.unwrap();
            assert!([200, 204].contains(&answer.status), "{} {}", answer.status, answer.text);
        }
        // Nor has whoever makes one of a name that is being given away.
        made(&here, "eve").await;
        let named = "UPDATE users SET user_name = 'bob', user_name_key = 'bob' WHERE user_name = 'eve'";
        let (slow, client) = (Slow::begin(&world, named).await, replica.bearer(world.admin_token()));
        let late = tokio::spawn(async move { client.post(USERS, user("bob")).await });
        tokio::time::sleep(Duration::from_millis(200)).await;
        assert!(!late.is_finished(), "the request did not wait");
        slow.end().await;
        late.await.unwrap().expect(409);
        let stats = [&world, &replica].map(|world| world.app.db.stats()).concat();
        let again: Vec<_> = stats.iter().filter(|stats| stats.retries > 0).collect();
        assert!(again.is_empty() || world.app.db.engine() == db::Engine::Sqlite, "{again:?}");
    }

    /// What was kept of him is then let go of on every replica: the account's version says so.
    async fn who_is_deactivated_loses_what_he_is_given_meanwhile(world: World) {
        let (here, replica) = (world.bearer(world.admin_token()), world.replica());
        let version = async || {
            let read = |tx: &mut db::Tx<'_>| tx.query_one("SELECT version FROM accounts", &[], |row| row.get::<i64>(0));
            world.app.db.house().read::<_, db::Error>("test.version", read).await.unwrap()
        };
        let gifts = [
            "INSERT INTO api_keys (account_id, org_id, project_id, kind, parent_id, identifier_key, identifier, name, tags, \
             default_ttl_ms, created_at, updated_at) VALUES ('acme', '', '', 'USER', '{}', 'k', 'k', 'k', '{{}}', 1, 0, 0)",
            "INSERT INTO role_assignments VALUES ('acme', '', '', 'a', '_account_viewer', '_all_account_level_resources', \
             'USER', '{}', '', false, false, 0, 0)",
        ];
        for (round, gift) in gifts.into_iter().enumerate() {
            let id = made(&here, &format!("user{round}")).await;
            let before = version().await;
            let slow = Slow::begin(&world, gift.replace("{{}}", "{}").replacen("'{}'", &format!("'{id}'"), 1)).await;
            let (client, path) = (replica.bearer(world.admin_token()), format!("{USERS}/{id}"));
            let off = patch(json!([{"op": "replace", "path": "active", "value": false}]));
            let late = tokio::spawn(async move { client.patch(&path, off).await });
            tokio::time::sleep(Duration::from_millis(200)).await;
            assert!(!late.is_finished(), "{gift}: the request did not wait");
            slow.end().await;
            late.await.unwrap().expect(200);
            assert!(version().await > before, "{gift}");
        }
    }
}
