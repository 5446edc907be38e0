//! Why a token was taken or refused: explanations, the refusals that are kept, and `whoami` (contract of JWT
//! trust §5).

use std::fmt::Write as _;
use std::pin::pin;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use http::Method;
use jose::Algorithm;
use jose::testing::TestKey;
use serde_json::{Value, json};

use crate::actors::{START, World, on_sqlite};
use crate::both_engines;
use crate::issuer::{Issuer, Publishes, claims};

const AT: &str = "/ng/api/jwt-trusts";
const USERS: &str = "/scim/v2/acme/Users?count=0";
const ISSUER: &str = "https://issuer.example";

fn es256() -> &'static TestKey {
    TestKey::shared(Algorithm::Es256)
}

fn sign(changes: Value) -> String {
    let mut claims = claims();
    claims["aud"] = json!("muster");
    for (name, value) in changes.as_object().expect("changes are an object") {
        claims[name] = value.clone();
    }
    es256().sign(&claims)
}

fn document(id: &str, url: &str) -> Value {
    json!({
        "identifier": id, "name": id, "serviceAccount": "sync", "jwks": {"url": url}, "issuer": ISSUER,
        "audiences": ["muster"], "rules": [{"claim": "team", "op": "equals", "value": "identity"}]
    })
}

async fn trusted(world: &World) -> Issuer {
    let issuer = Issuer::start().await;
    world.machine("sync", Some("_scim_provisioner")).await;
    world.admin().post(AT, document("main", &issuer.jwks_url())).await.data();
    issuer
}

async fn explained(world: &World, token: &str) -> Value {
    let answer = world.admin().post(&format!("{AT}/main/explain"), json!({"token": token})).await;
    let signature = token.rsplit('.').next().unwrap_or_default();
    assert!(signature.len() < 20 || !answer.text.contains(signature), "never the token: {}", answer.text);
    answer.data()
}

/// `number step outcome reason` of each step that did not pass.
fn not_passed(explanation: &Value) -> Vec<String> {
    let steps = explanation["steps"].as_array().expect("steps");
    let text = |step: &Value| {
        let reason = step["reason"].as_str().unwrap_or("-");
        format!(
            "{} {} {} {reason}",
            step["number"],
            step["step"].as_str().unwrap(),
            step["outcome"].as_str().unwrap()
        )
    };
    steps.iter().filter(|step| step["outcome"] != "pass").map(text).collect()
}

fn step<'e>(explanation: &'e Value, name: &str) -> &'e Value {
    explanation["steps"].as_array().unwrap().iter().find(|step| step["step"] == name).unwrap()
}

/// One trust whose keys do not come takes three seconds; many take no longer.
#[test]
fn all_trusts_are_asked_at_once() {
    on_sqlite(|world| async move {
        let issuer = trusted(&world).await;
        for n in 0..8 {
            let stalled = document(&format!("stalled{n}"), &format!("{}/{n}", issuer.url()));
            world.admin().post(AT, stalled).await.data();
        }
        issuer.publish(Publishes::Silence);
        world.app.clock.advance_secs(86_400 * 2);
        let since = Instant::now();
        let body = json!({"token": sign(json!({}))});
        let all = world.admin().post(&format!("{AT}/explain"), body).await.data();
        assert!(since.elapsed() < Duration::from_secs(12), "{:?}", since.elapsed());
        let trusts: Vec<_> =
            all.as_array().unwrap().iter().map(|one| one["trust"].as_str().unwrap()).collect();
        assert_eq!(
            (trusts.len(), trusts[0], trusts[8]),
            (9, "main", "stalled7"),
            "in the order of the trusts"
        );
    });
}

both_engines! {
    async fn a_good_token_passes_every_step(world: World) {
        let _issuer = trusted(&world).await;
        let found = explained(&world, &sign(json!({}))).await;
        assert_eq!((&found["accepted"], &found["trust"], &found["kind"]), (&json!(true), &json!("main"), &json!("JWT")));
        assert_eq!(not_passed(&found), ["18 replay skip -"]);
        assert_eq!(found["steps"].as_array().unwrap().len(), 20);
        let permissions = step(&found, "permission")["received"].as_str().unwrap();
        assert!(permissions.contains("core_user_manage") && !permissions.contains("core_role_edit"), "{permissions}");
        let pasted = world.admin().post(&format!("{AT}/main/explain"), json!({"token": format!(" Bearer {}\n", sign(json!({})))})).await;
        assert_eq!(pasted.data()["accepted"], true);
        assert_eq!(world.count("jwt_refusals").await, 0);
    }

    async fn every_failure_is_named_at_once(world: World) {
        let _issuer = trusted(&world).await;
        let token = sign(json!({"iss": "https://issuer.example/", "aud": "Muster", "exp": START.secs() - 100, "team": 7}));
        let found = explained(&world, &token).await;
        assert_eq!((&found["accepted"], &found["code"]), (&json!(false), &json!("token_untrusted")));
        assert_eq!(not_passed(&found), [
            "14 issuer fail issuer_mismatch", "15 audience fail audience_mismatch", "16 time fail token_expired",
            "17 rules fail rule_mismatch", "18 replay skip -",
        ]);
        assert_eq!(step(&found, "issuer")["hint"], "differs by a trailing slash");
        assert_eq!(step(&found, "audience")["hint"], "differs by upper and lower case");
        assert!(step(&found, "rules")["hint"].as_str().unwrap().contains("number, not string"));
        assert_eq!(step(&found, "issuer")["expected"], "\"https://issuer.example\"");
    }

    async fn an_unknown_kid_says_how_old_the_set_is(world: World) {
        let issuer = trusted(&world).await;
        explained(&world, &sign(json!({}))).await;
        let before = issuer.connections();
        let header = json!({"alg": "ES256", "kid": "gone"});
        let token = es256().sign_with_header(&header, &json!({"iss": "else"}));
        world.app.clock.advance_secs(180);
        let found = explained(&world, &token).await;
        let hint = step(&found, "keyId")["hint"].as_str().unwrap();
        assert!(hint.starts_with("kid not in the set fetched 3 min ago"), "{hint}");
        assert_eq!(issuer.connections(), before, "what the cheap checks refuse causes no fetch");
    }

    async fn keys_that_cannot_be_had_are_a_failure(world: World) {
        let issuer = trusted(&world).await;
        let down = Issuer::start().await;
        down.publish(Publishes::Raw("HTTP/1.1 502 Bad\r\ncontent-length: 0\r\n\r\n".into()));
        world.admin().post(AT, document("down", &down.jwks_url())).await.data();
        let all = world.admin().post(&format!("{AT}/explain"), json!({"token": sign(json!({}))})).await.data();
        let all = all.as_array().unwrap();
        let seen: Vec<_> = all.iter().map(|e| (e["trust"].as_str().unwrap(), e["accepted"].as_bool().unwrap())).collect();
        assert_eq!(seen, [("down", false), ("main", true)]);
        assert_eq!((&all[0]["code"], &step(&all[0], "keyId")["reason"]), (&json!("jwks_unavailable"), &json!("jwks_unavailable")));
        assert!(step(&all[0], "keyId")["received"].as_str().unwrap().contains("502"));
        drop(issuer);
    }

    async fn the_last_steps_are_the_servers(world: World) {
        let issuer = trusted(&world).await;
        let admin = world.admin();
        world.machine("idle", None).await;
        let mut idle = document("idle", &issuer.jwks_url());
        idle["serviceAccount"] = json!("idle");
        idle["replay"] = json!("on");
        admin.post(AT, idle).await.data();
        let token = sign(json!({"jti": "once"}));
        let explain = async || admin.post(&format!("{AT}/idle/explain"), json!({"token": token})).await.data();
        assert_eq!(not_passed(&explain().await), ["20 permission fail permission_missing"]);
        assert_eq!(explain().await["code"], "insufficient_permission");
        assert_eq!(world.count("jwt_replays").await, 0, "explaining takes no note");
        world.bearer(&token).get(USERS).await.expect(403);
        assert!(not_passed(&explain().await).contains(&"18 replay fail token_replayed".to_owned()));
        admin.delete("/ng/api/serviceaccount/idle").await.data();
        let found = explain().await;
        assert!(not_passed(&found).contains(&"19 serviceAccount fail service_account_missing".to_owned()), "{found}");
        admin.post(&format!("{AT}/main/disable"), json!({})).await.data();
        let off = explained(&world, &sign(json!({}))).await;
        assert_eq!((&off["accepted"], &off["enabled"]), (&json!(false), &json!(false)));
        assert!(off["hint"].as_str().unwrap().contains("enable it"), "{off}");
    }

    async fn tokens_of_ours_are_explained_too(world: World) {
        let admin = world.admin();
        let explain = async |token: &str| {
            let answer = admin.post(&format!("{AT}/explain"), json!({"token": token})).await;
            assert!(!answer.text.contains(token.rsplit('.').next().unwrap()), "{}", answer.text);
            answer.data()[0].clone()
        };
        let found = explain(world.admin_token()).await;
        assert_eq!((&found["kind"], &found["accepted"], not_passed(&found).len()), (&json!("PAT"), &json!(true), 0));
        let sat = world.machine_token("bot", None).await;
        assert_eq!(explain(&sat).await["kind"], "SAT");
        assert_eq!(not_passed(&explain(&sat[..sat.len() - 1]).await)[0], "1 form fail token_malformed");
        let foreign = world.other_account("other").await;
        assert_eq!(not_passed(&explain(&foreign).await)[0], "2 account fail other_account");
        world.app.clock.advance_secs(31 * 86_400);
        let late = world.person("late@acme.example").await.1;
        let found = world.holder(&late).post(&format!("{AT}/explain"), json!({"token": late})).await;
        found.refused(403, "NG_ACCESS_DENIED");
        let again = world.replica();
        assert_eq!(again.anon().get("/ng/api/whoami").await.status, 401);
    }

    async fn bodies_that_are_no_token(world: World) {
        let admin = world.admin();
        for body in [r#"{"token":7}"#, r"{}", r#"{"token":"a","more":1}"#, r#"{"token":"a","token":"b"}"#, r#""a""#] {
            admin.send(Method::POST, &format!("{AT}/explain"), Some(body.into())).await.refused(400, "INVALID_REQUEST");
        }
        assert_eq!(admin.post(&format!("{AT}/explain"), json!({"token": "x"})).await.data(), json!([]), "no trust, no explanation");
        admin.post(&format!("{AT}/main/explain"), json!({"token": "x"})).await.refused(404, "ENTITY_NOT_FOUND");
    }
}

both_engines! {
    async fn the_last_refusals_are_kept_at_their_trust(world: World) {
        let issuer = trusted(&world).await;
        let mut other = document("other", &issuer.jwks_url());
        other["issuer"] = json!("https://other.example");
        world.admin().post(AT, other).await.data();
        let expired = sign(json!({"exp": START.secs() - 100, "sub": "job-1"}));
        let replica = world.replica();
        for _ in 0..3 {
            world.bearer(&expired).get(USERS).await.expect(401);
        }
        world.app.clock.advance_secs(1);
        replica.bearer(&sign(json!({"iss": "https://issuer.example/"}))).get(USERS).await.expect(401);
        replica.app.trusts.refusals.flush(&replica.app).await.unwrap();
        let answer = world.admin().get(&format!("{AT}/main/refusals")).await;
        assert!(!answer.text.contains(expired.rsplit('.').next().unwrap()), "never the signature");
        let kept = answer.data();
        let [slash, late] = kept.as_array().unwrap().as_slice() else { panic!("two refusals: {kept}") };
        assert_eq!((&slash["reason"], &slash["hint"]), (&json!("issuer_mismatch"), &json!("differs by a trailing slash")));
        assert_eq!((&late["reason"], &late["code"], &late["step"]), (&json!("token_expired"), &json!("token_expired"), &json!("time")));
        assert_eq!((&late["count"], &late["kid"], &late["subject"]), (&json!(3), &json!("ES256"), &json!("job-1")));
        assert_eq!((&late["clockDifferenceSeconds"], &late["issuer"], &late["at"]), (&json!(100), &json!(ISSUER), &json!(START.millis())));
        assert_eq!(late["tokenSha256"].as_str().unwrap().len(), 64);
        let others = world.admin().get(&format!("{AT}/other/refusals")).await.data();
        assert_eq!(others.as_array().unwrap().len(), 1, "of the token that no trust's issuer made: {others}");
        world.admin().delete(&format!("{AT}/main")).await.data();
        assert_eq!(world.count("jwt_refusals").await, 1);
        world.admin().get(&format!("{AT}/main/refusals")).await.refused(404, "ENTITY_NOT_FOUND");
    }

    async fn what_an_account_does_not_take_is_dropped(world: World) {
        let _issuer = trusted(&world).await;
        let late = sign(json!({"exp": START.secs() - 100}));
        let rename = |from: &'static str, to: &'static str| {
            let change = move |tx: &mut db::Tx<'_>| tx.exec(&format!("ALTER TABLE {from} RENAME TO {to}"), &[]);
            world.app.db.write::<_, db::Error>("test.rename", world.account.as_str(), change)
        };
        world.bearer(&late).get(USERS).await.expect(401);
        rename("jwt_refusals", "gone").await.unwrap();
        world.app.trusts.refusals.flush(&world.app).await.expect("it would fail the next time, too");
        rename("gone", "jwt_refusals").await.unwrap();
        let kept = async || world.admin().get(&format!("{AT}/main/refusals")).await.data();
        assert_eq!(kept().await, json!([]));
        world.bearer(&late).get(USERS).await.expect(401);
        assert_eq!(kept().await[0]["count"], 1);
    }

    async fn a_reader_waits_for_the_refusals_of_his_account_only(world: World) {
        let issuer = trusted(&world).await;
        let other = world.holder(&world.other_account("other").await);
        other.post("/ng/api/serviceaccount", json!({"identifier": "sync", "name": "sync"})).await.data();
        other.post(AT, document("main", &issuer.jwks_url())).await.data();
        let late = sign(json!({"exp": START.secs() - 100}));
        for account in ["acme", "other"] {
            world.bearer(&late).get(&format!("/scim/v2/{account}/Users")).await.expect(401);
        }
        let written = async || {
            let select = "SELECT account_id FROM jwt_refusals ORDER BY account_id";
            let read = move |tx: &mut db::Tx<'_>| tx.query(select, &[], |row| row.get::<String>(0));
            world.app.db.house().read::<_, db::Error>("test.refusals", read).await.unwrap()
        };
        let path = format!("{AT}/main/refusals");
        assert_eq!(world.admin().get(&path).await.data()[0]["count"], 1);
        assert_eq!(written().await, ["acme"]);
        assert_eq!(other.get(&path).await.data()[0]["count"], 1);
        assert_eq!(written().await, ["acme", "other"]);
    }

    async fn fifty_are_kept(world: World) {
        let _issuer = trusted(&world).await;
        for n in 0..70 {
            world.app.clock.advance_secs(1);
            world.bearer(&sign(json!({"team": n, "sub": format!("job-{n}")}))).get(USERS).await.expect(401);
            if n == 30 {
                world.app.trusts.refusals.flush(&world.app).await.unwrap();
            }
        }
        let kept = world.admin().get(&format!("{AT}/main/refusals")).await.data();
        let subjects: Vec<_> = kept.as_array().unwrap().iter().map(|r| r["subject"].as_str().unwrap()).collect();
        assert_eq!((subjects.len(), subjects[0], subjects[49]), (50, "job-69", "job-20"));
        assert_eq!(world.count("jwt_refusals").await, 50);
        // A success leaves nothing.
        world.bearer(&sign(json!({"iat": START.secs() + 60}))).get(USERS).await.expect(200);
        assert_eq!(world.admin().get(&format!("{AT}/main/refusals")).await.data().as_array().unwrap().len(), 50);
    }

    async fn of_a_flood_the_first_are_told_and_the_others_refused_late(world: World) {
        let _issuer = trusted(&world).await;
        let subjects = async || -> Vec<String> {
            let kept = world.admin().get(&format!("{AT}/main/refusals")).await.data();
            kept.as_array().unwrap().iter().map(|row| row["subject"].as_str().unwrap().to_owned()).collect()
        };
        let flood = async |name: &str, count: usize| {
            for n in 0..count {
                let token = sign(json!({"sub": format!("{name}-{n}"), "aud": "elsewhere"}));
                world.bearer(&token).get(USERS).await.expect(401);
                world.app.clock.advance_secs(1);
            }
        };
        flood("job", 50).await;
        let foreign = |n: u32| sign(json!({"sub": format!("job-{n}"), "aud": "elsewhere"}));
        let more: Vec<_> = (50..80).map(foreign).collect();
        let asked = more.iter().map(|token| async { world.bearer(token).get(USERS).await });
        let mut more = pin!(join_all(asked));
        let (iat, exp) = (START.secs() + 40, START.secs() + 900);
        let sound = sign(json!({"iat": iat, "exp": exp}));
        tokio::select! {
            biased;
            _ = &mut more => panic!("a flood is answered at once"),
            answer = async { world.bearer(&sound).get(USERS).await } => drop(answer.expect(200)),
        }
        more.await.into_iter().for_each(|answer| drop(answer.expect(401)));
        let told = subjects().await;
        assert_eq!((told.len(), told[0].as_str(), told[49].as_str()), (50, "job-49", "job-0"));
        flood("later", 1).await;
        assert_eq!(subjects().await[0], "later-0", "what comes after the write is told again");
    }

    async fn whoami_tells_any_credential(world: World) {
        let issuer = trusted(&world).await;
        let admin = world.admin().get("/gateway/ng/api/whoami").await.data();
        assert_eq!(admin["principal"]["email"], "admin@acme.example");
        assert_eq!((&admin["credential"]["type"], &admin["accountIdentifier"]), (&json!("PAT"), &json!("acme")));
        assert_eq!(admin["credential"]["expiresAt"], START.plus_secs(30 * 86_400).millis());
        assert!(admin["permissions"]["account"].as_array().unwrap().len() > 30, "{admin}");
        let sat = world.machine_token("bot", Some("_scim_provisioner")).await;
        for client in [world.holder(&sat), world.bearer(&sat)] {
            let bot = client.get("/ng/api/whoami").await.data();
            assert_eq!((&bot["credential"]["type"], &bot["principal"]["type"]), (&json!("SAT"), &json!("SERVICE_ACCOUNT")));
            assert_eq!(bot["permissions"]["account"].as_array().unwrap().len(), 5, "{bot}");
        }
        let token = sign(json!({}));
        for client in [world.holder(&token), world.bearer(&token)] {
            let job = client.get("/ng/api/whoami?accountIdentifier=acme").await.data();
            assert_eq!(job["credential"], json!({
                "type": "JWT", "trust": "main", "keyId": "ES256", "subject": "sync", "expiresAt": (START.secs() + 600) * 1000,
                "surfaces": ["scim"]
            }));
            assert_eq!(job["principal"]["identifier"], "sync");
            client.get("/ng/api/whoami").await.refused(400, "INVALID_REQUEST");
        }
        world.bearer(world.admin_token()).get("/ng/api/user/currentUser").await.refused(401, "INVALID_TOKEN");
        world.anon().get("/ng/api/whoami").await.refused(401, "INVALID_TOKEN");
        drop(issuer);
    }

    async fn audit_rows_say_by_which_token(world: World) {
        let _issuer = trusted(&world).await;
        let token = sign(json!({"sub": "job-7"}));
        world.app.clock.advance_secs(1);
        let user = json!({"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "ada"});
        world.bearer(&token).post("/scim/v2/acme/Users", user).await.expect(201);
        let select = "SELECT credential FROM audit_rows WHERE account_id = $1 AND principal_id = $2";
        let read = move |tx: &mut db::Tx<'_>| tx.query_one(select, db::params!["acme", "sync"], |row| row.get::<String>(0));
        let text = world.app.db.house().read::<_, db::Error>("test.credential", read).await.unwrap();
        let row: Value = serde_json::from_str(&text).unwrap();
        let hash = explained_hash(&token);
        assert_eq!(row, json!({"type": "JWT", "trust": "main", "keyId": "ES256", "subject": "job-7", "tokenSha256": hash}));
    }
}

fn explained_hash(token: &str) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, token.as_bytes());
    let mut text = String::new();
    for byte in digest.as_ref() {
        let _ = write!(text, "{byte:02x}");
    }
    text
}
