//! What the door makes of a token: each way in which one stops to hold, seen through HTTP with the very next
//! request, and what is noted of its use.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use muster::kernel::ids::TokenId;
use serde_json::{Value, json};

use super::scim_groups::GROUPS;
use super::scim_users::{USERS, refused};
use crate::actors::{START, World};
use crate::both_engines;

const WHERE: &str = "/ng/api/serviceaccount";
const BASE: &str = "/scim/v2/acme";
const KEY: &str = "apiKeyType=SERVICE_ACCOUNT&parentIdentifier=okta&apiKeyIdentifier=key";

async fn okta(world: &World) -> String {
    world.machine_token("okta", Some("_account_viewer")).await
}

async fn listed(world: &World) -> Value {
    world.admin().get(&format!("/ng/api/token/aggregate?{KEY}")).await.data()["content"][0].clone()
}

/// Reads of an account that hold all threads it may have until this value is dropped.
struct Crowd {
    db: db::Db,
    begun: Arc<AtomicUsize>,
    _gate: mpsc::Sender<()>,
}

impl Crowd {
    const SIZE: usize = 16;

    async fn gather(world: &World) -> Self {
        let (gate, shut) = mpsc::channel::<()>();
        let (shut, begun) = (Arc::new(Mutex::new(shut)), Arc::new(AtomicUsize::new(0)));
        for _ in 0..Self::SIZE {
            let (db, shut, begun) = (world.app.db.clone(), shut.clone(), begun.clone());
            let wait = move |_: &mut db::Tx<'_>| {
                begun.fetch_add(1, Ordering::Relaxed);
                while shut.lock().unwrap().recv_timeout(Duration::from_millis(5))
                    == Err(mpsc::RecvTimeoutError::Timeout)
                {}
                Ok::<_, db::Error>(())
            };
            tokio::spawn(async move { db.of("acme").read("test.gate", wait).await });
        }
        let crowd = Self { db: world.app.db.clone(), begun, _gate: gate };
        crowd.joined_by(0).await;
        crowd
    }

    /// Waits until so many others wait among those who have begun or wait. On PostgreSQL a thread may come to
    /// its connection, and so to its read, at any time.
    async fn joined_by(&self, others: usize) {
        while self.begun.load(Ordering::Relaxed) + self.db.waiting().0 < Self::SIZE + others {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}

both_engines! {
    async fn a_list_that_waits_is_answered_by_the_access_of_its_own_moment(world: World) {
        okta(&world).await;
        let (other, body) = (world.replica(), json!({"identifier": "t", "name": "t", "apiKeyType": "SERVICE_ACCOUNT",
            "parentIdentifier": "okta", "apiKeyIdentifier": "key"}));
        for (path, revoked) in [(USERS, false), (BASE, false), (USERS, true), (BASE, true), (GROUPS, true)] {
            let token = world.admin().post("/ng/api/token", body.clone()).await.data();
            let client = world.bearer(token.as_str().unwrap());
            client.get(USERS).await.expect(200);
            let crowd = Crowd::gather(&world).await;
            let list = tokio::spawn(async move { client.get(&format!("{path}?filter=displayName%20co%20%22x%22")).await });
            crowd.joined_by(1).await;
            let changed = json!([{"identifier": "scim_dialect", "value": "auto", "updateType": "UPDATE"}]);
            other.admin().put("/ng/api/settings?accountIdentifier=acme", changed).await.expect(200);
            if revoked {
                other.admin().delete(&format!("/ng/api/token/t?{KEY}")).await.data();
            }
            drop(crowd);
            let answer = list.await.unwrap();
            if revoked {
                refused(answer, 401, "");
            } else {
                answer.expect(200);
                world.admin().delete(&format!("/ng/api/token/t?{KEY}")).await.data();
            }
        }
    }

    async fn a_revoked_token_is_refused_by_the_next_request_on_every_replica(world: World) {
        let (token, other) = (okta(&world).await, world.replica());
        for server in [&world, &other] {
            server.holder(&token).get(WHERE).await.data();
        }
        world.admin().delete(&format!("/ng/api/token/token?{KEY}")).await.data();
        for server in [&other, &world] {
            server.holder(&token).get(WHERE).await.refused(401, "INVALID_TOKEN");
        }
    }

    async fn an_expired_token_is_refused_even_if_it_was_in_use(world: World) {
        let token = okta(&world).await;
        let client = world.holder(&token);
        client.get(WHERE).await.data();
        world.app.clock.advance_secs(30 * 86_400 - 1);
        client.get(WHERE).await.data();
        world.app.clock.advance_secs(1);
        client.get(WHERE).await.refused(401, "INVALID_TOKEN");
    }

    async fn a_token_is_not_valid_before_its_time(world: World) {
        okta(&world).await;
        let body = json!({
            "identifier": "later", "name": "later", "apiKeyType": "SERVICE_ACCOUNT", "parentIdentifier": "okta",
            "apiKeyIdentifier": "key", "validFrom": START.millis() + 60_000
        });
        let text = world.admin().post("/ng/api/token", body).await.data();
        let client = world.holder(text.as_str().unwrap());
        client.get(WHERE).await.refused(401, "INVALID_TOKEN");
        world.app.clock.advance_secs(60);
        client.get(WHERE).await.data();
    }

    async fn a_token_of_another_account_is_refused(world: World) {
        let (token, stranger) = (okta(&world).await, world.other_account("globex").await);
        for query in ["accountIdentifier=globex", "account=globex", "routingId=globex"] {
            world.holder(&token).get(&format!("{WHERE}?{query}")).await.refused(401, "INVALID_TOKEN");
        }
        world.holder(&token).with("harness-account", "globex").get(WHERE).await.refused(401, "INVALID_TOKEN");
        world.holder(&stranger).get(&format!("{WHERE}?accountIdentifier=acme")).await.refused(401, "INVALID_TOKEN");
        // The account is part of the text: a record is looked for in that account only.
        let moved = token.replacen("sat.acme.", "sat.globex.", 1);
        world.holder(&moved).get(WHERE).await.refused(401, "INVALID_TOKEN");
        world.holder(&token).get(&format!("{WHERE}?accountIdentifier=acme&routingId=globex")).await.data();
        world.holder(&token).get(&format!("{WHERE}?accountIdentifier=")).await.data();
    }

    async fn a_token_whose_owner_is_deactivated_is_refused(world: World) {
        let (anna, token) = world.person("anna@acme.example").await;
        let client = world.holder(&token);
        client.get(WHERE).await.data();
        let patch = json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
            "Operations": [{"op": "replace", "path": "active", "value": false}]
        });
        let scim = world.bearer(world.admin_token());
        scim.patch(&format!("/scim/v2/acme/Users/{anna}"), patch).await.expect(200);
        client.get(WHERE).await.refused(401, "INVALID_TOKEN");
    }

    async fn a_token_whose_service_account_is_deleted_is_refused(world: World) {
        let token = okta(&world).await;
        world.holder(&token).get(WHERE).await.data();
        world.admin().delete(&format!("{WHERE}/okta")).await.data();
        world.holder(&token).get(WHERE).await.refused(401, "INVALID_TOKEN");
    }

    async fn a_damaged_or_foreign_text_is_refused(world: World) {
        let token = okta(&world).await;
        let (rest, secret) = token.rsplit_once('.').unwrap();
        let three = format!("sat.{}", token.splitn(3, '.').nth(2).unwrap());
        for text in [
            "", "x", "sat", &token[..token.len() - 1], &format!("{token}x"), &token.replace("sat.", "pat."),
            &token.replace("sat.", "SAT."), &format!("{rest}.{}", secret.to_lowercase()), &three, &"a".repeat(10_000),
        ] {
            let text = world.holder(text).get(WHERE).await.refused(401, "INVALID_TOKEN");
            assert!(!text.contains(secret), "{text}");
        }
        let text = world.anon().get(WHERE).await.refused(401, "INVALID_TOKEN");
        assert!(text.contains("x-api-key"), "{text}");
        world.anon().with("authorization", &format!("Bearer {token}")).get(WHERE).await.refused(401, "INVALID_TOKEN");
        world.anon().with("X-Api-Key", &token).get(WHERE).await.data();
    }

    async fn the_right_id_with_another_secret_is_refused(world: World) {
        let token = okta(&world).await;
        let stranger = world.machine_token("entra", None).await;
        let (rest, _) = token.rsplit_once('.').unwrap();
        let (_, secret) = stranger.rsplit_once('.').unwrap();
        world.holder(&format!("{rest}.{secret}")).get(WHERE).await.refused(401, "INVALID_TOKEN");
    }

    async fn a_token_acts_with_the_bindings_of_now(world: World) {
        let token = okta(&world).await;
        let (client, other) = (world.holder(&token), world.replica().holder(&token));
        let path = format!("{WHERE}/aggregate");
        for client in [&client, &other] {
            client.get(&path).await.data();
        }
        world.admin().delete("/authz/api/roleassignments/binding_of_okta").await.data();
        for client in [&client, &other] {
            client.get(&path).await.refused(403, "NG_ACCESS_DENIED");
        }
    }

    async fn the_last_use_is_noted_once_a_minute(world: World) {
        let client = world.holder(&okta(&world).await);
        let (app, start) = (&world.app, START.millis());
        let seen = || async {
            app.sessions.last_used.flush(&app.db).await.unwrap();
            listed(&world).await["lastUsedAt"].as_i64()
        };
        assert_eq!(seen().await, None);
        client.get(WHERE).await.data();
        assert_eq!(seen().await, Some(start));
        app.clock.advance_secs(59);
        client.get(WHERE).await.data();
        assert_eq!(seen().await, Some(start), "not twice within the minute");
        app.clock.advance_secs(1);
        client.get(WHERE).await.data();
        assert_eq!(seen().await, Some(start + 60_000));
        app.clock.advance_secs(60);
        world.anon().with("x-api-key", "sat.acme.none.none").get(WHERE).await.refused(401, "INVALID_TOKEN");
        assert_eq!(seen().await, Some(start + 60_000), "a refused request is no use");
    }

    async fn the_address_is_noted_and_an_older_note_changes_nothing(world: World) {
        let token = okta(&world).await;
        let id = TokenId::new(token.split('.').nth(2).unwrap());
        let (app, other, now) = (&world.app, world.replica(), START);
        let from = |last| Some(IpAddr::V4(Ipv4Addr::new(192, 0, 2, last)));
        app.sessions.last_used.note(&world.account, &id, now.plus_secs(90), from(1));
        app.sessions.last_used.flush(&app.db).await.unwrap();
        other.app.sessions.last_used.note(&world.account, &id, now.plus_secs(30), from(2));
        other.app.sessions.last_used.flush(&app.db).await.unwrap();
        let row = listed(&world).await;
        assert_eq!(row["lastUsedFrom"], "192.0.2.1");
        assert_eq!(row["lastUsedAt"], json!(now.millis() + 90_000));
    }
}
