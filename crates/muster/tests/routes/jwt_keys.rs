//! The key sets of trusts: their state, asking again ahead of time and on request, outages, an own CA and
//! proxies (contract of JWT trust §4). Storms and hostile answers are in `trust`.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use hyper_util::client::proxy::matcher::Matcher;
use jose::Algorithm;
use jose::testing::{TestKey, jwks};
use muster::outbound::fetch::Fetcher;
use muster::outbound::guard::Allow;
use muster::trust::jwks::{Place, Source};
use serde_json::{Value, json};
use url::Url;

use crate::actors::{START, World, on_sqlite};
use crate::both_engines;
use crate::issuer::{Issuer, Publishes, claims, settings, trust};

const AT: &str = "/ng/api/jwt-trusts";
const USERS: &str = "/scim/v2/acme/Users?count=0";

fn es256() -> &'static TestKey {
    TestKey::shared(Algorithm::Es256)
}

/// An answer of these keys with these headers.
fn answer(headers: &str, keys: &[&TestKey]) -> Publishes {
    let body = jwks(keys.iter().copied());
    Publishes::Raw(format!("HTTP/1.1 200 OK\r\n{headers}content-length: {}\r\n\r\n{body}", body.len()))
}

fn failure() -> Publishes {
    Publishes::Raw("HTTP/1.1 500 Oops\r\ncontent-length: 0\r\n\r\n".into())
}

/// A token that holds at the world's time.
fn fresh(world: &World, key: &TestKey) -> String {
    let (mut claims, now) = (claims(), world.app.clock.now().secs());
    claims["iat"] = json!(now);
    claims["exp"] = json!(now + 600);
    key.sign(&claims)
}

async fn status(world: &World, key: &TestKey) -> u16 {
    world.bearer(&fresh(world, key)).get(USERS).await.status
}

async fn state(world: &World) -> Value {
    world.admin().get(&format!("{AT}/default/keys")).await.data()
}

both_engines! {
    async fn the_state_of_the_keys_is_shown(world: World) {
        let issuer = Issuer::start().await;
        let (sound, oct) = (es256().jwk(), json!({"kty": "oct", "k": "AAAA", "kid": "secret"}));
        let mut encrypting = TestKey::shared(Algorithm::Rs256).jwk();
        encrypting["use"] = json!("enc");
        issuer.publish(Publishes::Body(json!({"keys": [sound, oct, encrypting]}).to_string()));
        trust(&world, &issuer.jwks_url()).await;
        let before = state(&world.replica()).await;
        assert_eq!((&before["state"], &before["keys"], &before["url"]), (&json!("notFetched"), &json!([]), &json!(issuer.jwks_url())));
        assert_eq!(status(&world, es256()).await, 200);
        world.app.clock.advance_secs(100);
        let now = state(&world).await;
        assert_eq!((&now["state"], &now["ageSeconds"], &now["lastError"]), (&json!("fresh"), &json!(100), &Value::Null));
        assert_eq!(now["keys"], json!([{"kid": "ES256", "algorithms": ["ES256"], "bits": 256}]));
        let ignored: Vec<_> = now["ignored"].as_array().unwrap().iter().map(|k| (k["kid"].as_str().unwrap(), k["reason"].as_str().unwrap())).collect();
        assert_eq!(ignored, [("secret", "symmetric_key"), ("RS256", "use_not_sig")]);
        assert_eq!(now["expiresAt"], START.plus_secs(600).millis());
        let next = now["nextRefreshAt"].as_i64().unwrap() / 1000 - START.secs();
        assert!((390..=510).contains(&next), "75 % of 600 s, give or take 10: {next}");
        issuer.publish(failure());
        world.app.clock.advance_secs(700);
        assert_eq!(status(&world, es256()).await, 200);
        let stale = state(&world).await;
        assert_eq!(stale["state"], "stale");
        assert!(stale["lastError"].as_str().unwrap().contains("500"), "{stale}");
        world.admin().get(&format!("{AT}/none/keys")).await.refused(404, "ENTITY_NOT_FOUND");
    }

    async fn keys_are_asked_for_on_request_under_the_cooldown(world: World) {
        let issuer = Issuer::start().await;
        trust(&world, &issuer.jwks_url()).await;
        assert_eq!(status(&world, es256()).await, 200);
        let next = TestKey::generate(Algorithm::Es256, "next");
        issuer.publish_keys([&next]);
        let path = format!("{AT}/default/keys/refresh");
        let shown = world.admin().post(&path, json!({})).await.data();
        assert_eq!(shown["keys"][0]["kid"], "next");
        assert_eq!(status(&world, es256()).await, 401, "a key that was dropped is dead at once");
        world.app.clock.advance_secs(29);
        let again = world.admin().post(&path, json!({})).await;
        assert_eq!(again.header("retry-after"), "1");
        again.refused(429, "TOO_MANY_REQUESTS");
        world.app.clock.advance_secs(1);
        world.admin().post(&path, json!({})).await.data();
    }

    async fn keys_are_asked_for_again_before_they_end(world: World) {
        let issuer = Issuer::start().await;
        issuer.publish(answer("cache-control: max-age=100\r\n", &[es256()]));
        trust(&world, &issuer.jwks_url()).await;
        assert_eq!(status(&world, es256()).await, 200);
        let before = issuer.connections();
        let jwks = &world.app.trusts.jwks;
        world.app.clock.advance_secs(60);
        jwks.refresh_due().await;
        assert_eq!(issuer.connections(), before, "not yet");
        world.app.clock.advance_secs(30);
        jwks.refresh_due().await;
        assert_eq!(issuer.connections(), before + 1, "without anybody asking");
        assert_eq!(state(&world).await["ageSeconds"], 0);
        for _ in 0..30 {
            world.app.clock.advance_secs(90);
            jwks.refresh_due().await;
        }
        assert_eq!(issuer.connections(), before + 31);
        world.app.clock.advance_secs(2 * 86_400);
        jwks.refresh_due().await;
        assert_eq!(issuer.connections(), before + 31, "nobody has used them for a day");
    }

    async fn a_place_that_fails_is_left_alone_once_nobody_wants_it(world: World) {
        let (wrong, right) = (Issuer::start().await, Issuer::start().await);
        trust(&world, &wrong.jwks_url()).await;
        assert_eq!(status(&world, es256()).await, 200);
        wrong.publish(failure());
        let at = format!("{AT}/default");
        let mut document = world.admin().get(&at).await.data()["jwtTrust"].clone();
        document["jwks"]["url"] = json!(right.jwks_url());
        world.admin().put(&at, document).await.data();
        assert_eq!(status(&world, es256()).await, 200);
        let place = Place { url: Url::parse(&wrong.jwks_url()).unwrap(), issuer: None, ca_pem: None };
        let _named = world.app.trusts.jwks.source(&place); // as by the trust of another account
        let (left, asked) = (wrong.connections(), right.connections());
        for _ in 0..5 {
            world.app.clock.advance_secs(700);
            world.app.trusts.jwks.refresh_due().await;
        }
        assert_eq!(wrong.connections(), left + 1, "it was not known to fail");
        assert_eq!(right.connections(), asked + 5);
    }

    async fn lifetimes_stay_within_bounds(world: World) {
        for (header, secs) in [
            ("cache-control: max-age=5\r\n", 60), ("cache-control: no-store\r\n", 60), ("", 600),
            ("cache-control: public, max-age=999999\r\n", 86_400), ("cache-control: max-age=7200\r\n", 7_200),
        ] {
            let world = world.replica();
            let issuer = Issuer::start().await;
            issuer.publish(answer(header, &[es256()]));
            world.admin().delete("/ng/api/serviceaccount/sync").await;
            trust(&world, &issuer.jwks_url()).await;
            assert_eq!(status(&world, es256()).await, 200);
            let shown = state(&world).await;
            let (from, to) = (shown["fetchedAt"].as_i64().unwrap(), shown["expiresAt"].as_i64().unwrap());
            assert_eq!((to - from) / 1000, secs, "{header}");
        }
    }

    async fn asking_again_is_conditional(world: World) {
        let issuer = Issuer::start().await;
        let headers = "etag: \"v1\"\r\nlast-modified: Wed, 21 Oct 2015 07:28:00 GMT\r\ncache-control: max-age=100\r\n";
        issuer.publish(answer(headers, &[es256()]));
        trust(&world, &issuer.jwks_url()).await;
        assert_eq!(status(&world, es256()).await, 200);
        issuer.publish(Publishes::Raw("HTTP/1.1 304 Not Modified\r\ncache-control: max-age=200\r\n\r\n".into()));
        world.app.clock.advance_secs(99);
        world.app.trusts.jwks.refresh_due().await;
        let last = issuer.requests().pop().unwrap().to_ascii_lowercase();
        assert!(last.contains("if-none-match: \"v1\"") && last.contains("if-modified-since: wed, 21 oct 2015"), "{last}");
        let shown = state(&world).await;
        assert_eq!((&shown["generation"], &shown["ageSeconds"], &shown["state"]), (&json!(1), &json!(0), &json!("fresh")));
        assert_eq!(shown["expiresAt"], START.plus_secs(299).millis());
        assert_eq!(status(&world, es256()).await, 200);
    }

    async fn how_long_old_keys_serve_is_a_setting(world: World) {
        let issuer = Issuer::start().await;
        trust(&world, &issuer.jwks_url()).await;
        assert_eq!(status(&world, es256()).await, 200);
        issuer.publish(failure());
        let hours = async |value: &str| {
            let items = json!([{"identifier": "jwt_trust_stale_key_hours", "value": value}]);
            world.admin().put("/ng/api/settings", items).await.data()[0]["updateStatus"].as_bool().unwrap()
        };
        for bad in ["-1", "169", "1.5", "x"] {
            assert!(!hours(bad).await, "{bad}");
        }
        world.app.clock.advance_secs(3_600 * 5);
        assert_eq!(status(&world, es256()).await, 200, "a day without the setting");
        assert!(hours("2").await);
        assert_eq!(status(&world, es256()).await, 503);
        assert!(hours("6").await);
        assert_eq!(status(&world, es256()).await, 200);
        assert!(hours("0").await);
        assert_eq!(status(&world, es256()).await, 503);
    }

    async fn all_who_come_while_keys_rotate_are_let_in(world: World) {
        let issuer = Issuer::start().await;
        trust(&world, &issuer.jwks_url()).await;
        assert_eq!(status(&world, es256()).await, 200);
        let next = TestKey::generate(Algorithm::Es256, "next");
        issuer.publish_keys([&next]);
        let before = issuer.connections();
        let all = futures_util::future::join_all((0..20).map(|_| status(&world, &next))).await;
        assert!(all.iter().all(|status| *status == 200), "{all:?}");
        assert_eq!(issuer.connections(), before + 1);
    }

    async fn a_key_id_is_not_unknown_as_long_as_it_is_asked_for(world: World) {
        let issuer = Issuer::start().await;
        trust(&world, &issuer.jwks_url()).await;
        assert_eq!(status(&world, es256()).await, 200);
        let next = TestKey::generate(Algorithm::Es256, "next");
        issuer.publish_keys([&next]);
        issuer.slow_down(Duration::from_secs(4));
        assert_eq!(status(&world, &next).await, 401, "who waits for more than 3 seconds is sent away");
        assert_eq!(status(&world, &next).await, 200, "who comes then waits for the same fetch");
    }

    async fn a_place_that_nobody_wants_is_forgotten(world: World) {
        let issuer = Issuer::start().await;
        trust(&world, &issuer.jwks_url()).await;
        assert_eq!(status(&world, es256()).await, 200);
        let jwks = &world.app.trusts.jwks;
        let at = |path: &str| {
            let url = Url::parse(&format!("{}/{path}", issuer.url())).unwrap();
            jwks.source(&Place { url, issuer: None, ca_pem: None })
        };
        let kept = |source: &Weak<Source>| source.upgrade().is_some();
        let (named, unnamed) = (Arc::downgrade(&at("jwks")), Arc::downgrade(&at("elsewhere")));
        jwks.refresh_due().await;
        assert!(kept(&named) && kept(&unnamed), "somebody may be about to use it");
        world.app.clock.advance_secs(700);
        jwks.refresh_due().await;
        assert!(kept(&named) && !kept(&unnamed));
        world.app.clock.advance_secs(2 * 86_400);
        jwks.refresh_due().await;
        assert_eq!(status(&world, es256()).await, 200);
        assert!(Arc::ptr_eq(&at("jwks"), &named.upgrade().unwrap()), "once used it is shared again");
    }

    async fn places_that_no_trust_points_to_keep_few_bytes(world: World) {
        let issuer = Issuer::start().await;
        trust(&world, &issuer.jwks_url()).await;
        assert_eq!(status(&world, es256()).await, 200);
        let padded = json!({"keys": [es256().jwk()], "padding": "x".repeat(200 << 10)});
        issuer.publish(Publishes::Body(padded.to_string()));
        let (jwks, mut left) = (&world.app.trusts.jwks, Vec::new());
        let at = |path: &str| {
            let url = Url::parse(&format!("{}/{path}", issuer.url())).unwrap();
            jwks.source(&Place { url, issuer: None, ca_pem: None })
        };
        for n in 0..40 {
            let source = at(&n.to_string());
            jwks.refresh_and_wait(&source).await;
            assert!(source.snapshot().keys.is_some());
            left.push(Arc::downgrade(&source));
            world.app.clock.advance_secs(1);
        }
        // A task that fetched lets go a moment after its end.
        tokio::time::sleep(Duration::from_millis(100)).await;
        jwks.refresh_due().await;
        let kept: Vec<_> = left.iter().map(|source| source.strong_count() > 0).collect();
        assert_eq!(kept.iter().filter(|kept| **kept).count(), 20, "4 MiB: {kept:?}");
        assert!(kept[20..].iter().all(|kept| *kept), "the last: {kept:?}");
        assert_eq!(at("jwks").snapshot().generation, 1, "that of the trust is still there");
    }

    async fn places_of_certificate_authorities_that_never_answered_are_few(world: World) {
        let jwks = &world.app.trusts.jwks;
        let leave_behind = |count: usize, ca_pem: Option<String>| {
            let mut left = Vec::new();
            for n in 0..count {
                let url = Url::parse(&format!("https://127.0.0.1:1/{n}")).unwrap();
                left.push(Arc::downgrade(&jwks.source(&Place { url, issuer: None, ca_pem: ca_pem.clone() })));
                world.app.clock.advance_secs(1);
            }
            left
        };
        let is_kept = |source: &Weak<Source>| source.strong_count() > 0;
        let kept = |left: &[Weak<Source>]| left.iter().map(is_kept).collect::<Vec<_>>();
        let count = |left: &[Weak<Source>]| kept(left).into_iter().filter(|kept| *kept).count();
        let large = leave_behind(300, Some("x".repeat(64 << 10)));
        assert!(count(&large) < 100, "they are looked through before the job comes: {}", count(&large));
        jwks.refresh_due().await;
        assert_eq!((count(&large), kept(&large[240..])), (60, vec![true; 60]), "4 MiB, the last");
        let small = leave_behind(300, None);
        jwks.refresh_due().await;
        assert_eq!((count(&large), count(&small), kept(&small[200..])), (0, 100, vec![true; 100]));
    }

    async fn keys_of_what_is_gone_are_not_fetched_on(world: World) {
        let (gone, stays, shared) = (Issuer::start().await, Issuer::start().await, Issuer::start().await);
        world.machine("sync", Some("_scim_provisioner")).await;
        let other = world.holder(&world.other_account("other").await);
        other.post("/ng/api/serviceaccount", json!({"identifier": "sync", "name": "sync"})).await.data();
        let document = |id: &str, issuer: &Issuer| json!({
            "identifier": id, "name": id, "serviceAccount": "sync", "jwks": {"url": issuer.jwks_url()}, "issuer": "https://issuer.example",
            "rules": [{"claim": "sub", "op": "equals", "value": if id == "gone" { "sync" } else { id }}]
        });
        let admin = world.admin();
        for (id, issuer) in [("gone", &gone), ("stays", &stays), ("shared", &shared)] {
            admin.post(AT, document(id, issuer)).await.data();
        }
        other.post(AT, document("gone", &shared)).await.data();
        let ask = async || {
            for (sub, account) in [("sync", "acme"), ("stays", "acme"), ("shared", "acme"), ("sync", "other")] {
                let (mut claims, now) = (claims(), world.app.clock.now().secs());
                claims["sub"] = json!(sub);
                claims["iat"] = json!(now);
                claims["exp"] = json!(now + 600);
                world.bearer(&es256().sign(&claims)).get(&format!("/scim/v2/{account}/Users?count=0")).await;
            }
        };
        let asked = || [&gone, &stays, &shared].map(Issuer::connections);
        ask().await;
        let [a, b, c] = asked();
        // Known to another replica only, and to none that has seen a token since.
        let replica = world.replica();
        for id in ["gone", "shared"] {
            replica.admin().delete(&format!("{AT}/{id}")).await.data();
        }
        world.app.clock.advance_secs(550);
        muster::trust::ready::refresh_due(&world.app).await;
        assert_eq!(asked(), [a, b + 1, c + 1], "what an account still has is asked for ahead");
        ask().await;
        let suspend = |account: &'static str| world.app.db.write::<_, db::Error>("test.suspend", account, move |tx| {
            tx.exec("UPDATE accounts SET status = 'SUSPENDED' WHERE account_id = $1", db::params![account])
        });
        suspend("other").await.unwrap();
        world.app.clock.advance_secs(550);
        muster::trust::ready::refresh_due(&world.app).await;
        assert_eq!(asked(), [a, b + 2, c + 1], "nor those of an account that is shut");
    }

    async fn what_is_said_of_keys_that_do_not_come_is_what_happens(world: World) {
        let issuer = Issuer::start().await;
        trust(&world, &issuer.jwks_url()).await;
        assert_eq!(status(&world, es256()).await, 200);
        issuer.publish(failure());
        let at = format!("{AT}/default");
        let document = world.admin().get(&at).await.data()["jwtTrust"].clone();
        let told = async || {
            let saved = world.admin().put(&at, document.clone()).await.data();
            let of = |w: &&Value| w["code"] == "keys_unreachable";
            let by_trust = saved["warnings"].as_array().unwrap().iter().find(of).unwrap()["message"].as_str().unwrap().to_owned();
            let items = settings(&world, &issuer.jwks_url(), "team", "identity", "sync").await;
            (by_trust, items[0]["warning"].as_str().unwrap().to_owned())
        };
        let (until, started) = (START.plus_secs(600 + 86_400).rfc3339(), START.rfc3339());
        let (by_trust, by_settings) = told().await;
        assert!(by_trust.contains("500") && by_trust.contains(&format!("Those of {started} serve until {until}")), "{by_trust}");
        assert!(by_settings.contains(&by_trust), "{by_settings}");
        world.app.clock.advance_secs(86_400);
        assert_eq!(status(&world, es256()).await, 200);
        world.app.clock.advance_secs(1_000);
        assert_eq!(status(&world, es256()).await, 503);
        let (by_trust, by_settings) = told().await;
        assert!(by_trust.contains("Tokens are refused until they can be."), "{by_trust}");
        assert!(by_settings.contains(&by_trust), "{by_settings}");
    }

    async fn keys_that_the_settings_have_asked_for_are_there_for_the_first_token(world: World) {
        let issuer = Issuer::start().await;
        let (sound, oct) = (es256().jwk(), json!({"kty": "oct", "k": "AAAA", "kid": "secret"}));
        issuer.publish(Publishes::Body(json!({"keys": [sound, oct]}).to_string()));
        trust(&world, &issuer.jwks_url()).await;
        let asked = issuer.connections();
        assert_eq!(status(&world, es256()).await, 200);
        assert_eq!((asked, issuer.connections()), (1, 1));
        let items = settings(&world, &issuer.jwks_url(), "team", "identity", "sync").await;
        assert!(items[0]["warning"].as_str().unwrap_or_default().contains("Key 1 of the set is not used: symmetric_key"), "{items}");
    }

    async fn a_token_let_in_keeps_no_key_set_of_a_trust_that_is_gone(world: World) {
        let issuer = Issuer::start().await;
        trust(&world, &issuer.jwks_url()).await;
        assert_eq!(status(&world, es256()).await, 200);
        let place = Place { url: Url::parse(&issuer.jwks_url()).unwrap(), issuer: None, ca_pem: None };
        let source = Arc::downgrade(&world.app.trusts.jwks.source(&place));
        world.admin().delete("/ng/api/jwt-trusts/default").await.expect(200);
        assert_eq!(status(&world, es256()).await, 401);
        world.app.clock.advance_secs(700);
        let since = Instant::now();
        // A database thread lets go of what it read a moment after the answer.
        while source.strong_count() > 0 && since.elapsed() < Duration::from_secs(5) {
            tokio::time::sleep(Duration::from_millis(10)).await;
            world.app.trusts.jwks.refresh_due().await;
        }
        assert_eq!(source.strong_count(), 0);
    }
}

/// One place that does not answer takes five seconds; many take no longer.
#[test]
fn places_that_do_not_answer_are_asked_at_once() {
    on_sqlite(|world| async move {
        let issuer = Issuer::start().await;
        trust(&world, &issuer.jwks_url()).await;
        let jwks = &world.app.trusts.jwks;
        let mut sources = Vec::new();
        for n in 0..8 {
            let url = Url::parse(&format!("{}/{n}", issuer.url())).unwrap();
            let source = jwks.source(&Place { url, issuer: None, ca_pem: None });
            jwks.keys(&source, 0).await.expect("it answers yet");
            sources.push(source);
        }
        issuer.publish(Publishes::Silence);
        world.app.clock.advance_secs(599);
        let since = Instant::now();
        jwks.refresh_due().await;
        assert!(since.elapsed() < Duration::from_secs(15), "{:?}", since.elapsed());
        assert!(sources.iter().all(|source| source.snapshot().last_error.is_some()), "each was asked");
    });
}

/// The first of two trusts takes the token; the keys of the second do not come.
#[test]
fn a_trust_does_not_wait_for_the_keys_of_a_later_one() {
    on_sqlite(|world| async move {
        let (healthy, stalled) = (Issuer::start().await, Issuer::start().await);
        trust(&world, &healthy.jwks_url()).await;
        let later = json!({
            "identifier": "later", "name": "later", "serviceAccount": "sync", "jwks": {"url": stalled.jwks_url()},
            "rules": [{"claim": "team", "op": "equals", "value": "identity"}]
        });
        world.admin().post(AT, later).await.data();
        stalled.publish(Publishes::Silence);
        world.app.clock.advance_secs(700);
        let asked = stalled.connections();
        let since = Instant::now();
        assert_eq!(status(&world, es256()).await, 200);
        assert!(since.elapsed() < Duration::from_millis(2_500), "{:?}", since.elapsed());
        assert_eq!(stalled.connections(), asked + 1, "it was asked at the same time");
    });
}

/// A discovery document and the keys that it leads to together take as long as one fetch may.
#[test]
fn discovery_has_no_time_of_its_own() {
    on_sqlite(|world| async move {
        let issuer = Issuer::start().await;
        issuer.discoverable();
        issuer.slow_down(Duration::from_secs(3));
        let jwks = &world.app.trusts.jwks;
        let url = Url::parse(&format!("{}/.well-known/openid-configuration", issuer.url())).unwrap();
        let source = jwks.source(&Place { url, issuer: Some(issuer.url()), ca_pem: None });
        let since = Instant::now();
        jwks.refresh_and_wait(&source).await;
        while source.snapshot().last_error.is_none() && since.elapsed() < Duration::from_secs(8) {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let error = source.snapshot().last_error.clone();
        assert_eq!(error.as_deref(), Some("no whole answer within 5 seconds"));
    });
}

/// A server of files over TLS with a certificate of a CA nobody knows; ends with the value.
struct Private {
    folder: tempfile::TempDir,
    child: Child,
    port: u16,
}

impl Private {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path();
        let key = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes";
        openssl(at, &format!("req -x509 {key} -keyout ca.key -out ca.crt -days 2 -subj /CN=ca"));
        openssl(
            at,
            &format!(
                "req {key} -keyout server.key -out server.csr -subj /CN=localhost -addext subjectAltName=IP:127.0.0.1"
            ),
        );
        openssl(
            at,
            "x509 -req -in server.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 -copy_extensions copyall -out server.crt",
        );
        std::fs::write(at.join("jwks"), jwks([es256()])).unwrap();
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let words = format!("s_server -quiet -WWW -cert server.crt -key server.key -accept 127.0.0.1:{port}");
        let mut command = Command::new("openssl");
        command
            .args(words.split(' '))
            .current_dir(at)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let child = command.spawn().unwrap();
        let server = Self { folder, child, port };
        for _ in 0..200 {
            if std::net::TcpStream::connect(("127.0.0.1", port)).is_ok() {
                break;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        server
    }
}

impl Drop for Private {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn openssl(at: &Path, words: &str) {
    let done = Command::new("openssl").args(words.split(' ')).current_dir(at).output();
    let done = done.expect("the openssl command is installed");
    assert!(done.status.success(), "openssl {words}: {}", String::from_utf8_lossy(&done.stderr));
}

both_engines! {
    async fn a_private_ca_is_believed_only_by_its_trust(world: World) {
        let server = Private::start();
        world.machine("sync", Some("_scim_provisioner")).await;
        let pem = std::fs::read_to_string(server.folder.path().join("ca.crt")).unwrap();
        let url = format!("https://127.0.0.1:{}/jwks", server.port);
        let mut document = json!({
            "identifier": "private", "name": "private", "serviceAccount": "sync", "jwks": {"url": url},
            "rules": [{"claim": "team", "op": "equals", "value": "identity"}]
        });
        let made = world.admin().post(AT, document.clone()).await.data();
        let unreachable = |made: &Value| made["warnings"].as_array().unwrap().iter().any(|w| w["code"] == "keys_unreachable");
        assert!(unreachable(&made), "the machine does not know this CA: {made}");
        assert_eq!(status(&world, es256()).await, 503);
        document["caPem"] = json!(pem);
        let made = world.admin().put(&format!("{AT}/private"), document.clone()).await.data();
        assert!(!unreachable(&made), "{made}");
        assert_eq!(made["jwtTrust"]["caPem"], pem);
        assert_eq!(status(&world, es256()).await, 200);
        let other = Private::start();
        document["caPem"] = json!(std::fs::read_to_string(other.folder.path().join("ca.crt")).unwrap());
        let made = world.admin().put(&format!("{AT}/private"), document).await.data();
        assert!(unreachable(&made), "another CA of the same name: {made}");
        assert_eq!(status(&world, es256()).await, 503);
    }

    async fn the_settings_know_the_ca_of_the_default_trust(world: World) {
        let server = Private::start();
        let url = format!("https://127.0.0.1:{}/jwks", server.port);
        world.machine("sync", Some("_scim_provisioner")).await;
        let unreachable = |items: &Value| items.to_string().contains("cannot be fetched");
        assert!(unreachable(&settings(&world, &url, "team", "identity", "sync").await), "an unknown CA");
        let at = format!("{AT}/default");
        let mut document = world.admin().get(&at).await.data()["jwtTrust"].clone();
        document["caPem"] = json!(std::fs::read_to_string(server.folder.path().join("ca.crt")).unwrap());
        world.admin().put(&at, document).await.data();
        let items = settings(&world, &url, "team", "crew", "sync").await;
        assert!(!unreachable(&items), "{items}");
    }
}

#[tokio::test]
async fn proxies_are_used_for_what_they_are_named_for() {
    let proxy = Issuer::start().await;
    let matcher = Matcher::builder().http(proxy.url().replace("//", "//user:pass@")).no("127.0.0.3").build();
    let allow = Allow::of(["127.0.0.2", "127.0.0.3"]).unwrap();
    let fetcher = Fetcher::new(allow).unwrap().with_proxies(matcher).unwrap();
    let get = async |url: &str| fetcher.get(&Url::parse(url).unwrap(), None).await;
    assert!(get("http://127.0.0.2:9/jwks").await.unwrap().key_set().is_ok());
    let request = proxy.requests().pop().unwrap();
    assert!(request.starts_with("GET http://127.0.0.2:9/jwks HTTP/1.1"), "{request}");
    assert!(request.to_ascii_lowercase().contains("proxy-authorization: basic dxnlcjpwyxnz"), "{request}");
    assert!(get("http://127.0.0.3:9/jwks").await.is_err(), "nothing listens there, and no proxy is asked");
    for closed in
        ["http://127.0.0.1:9/jwks", "https://169.254.169.254/", "https://10.0.0.1/", "http://idp.example/"]
    {
        assert!(
            get(closed).await.is_err(),
            "{closed}: literal addresses and plain http are checked all the same"
        );
    }
    assert_eq!(proxy.connections(), 1);
}
