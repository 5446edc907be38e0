//! JWTs of a trusted issuer on the SCIM surface: what is accepted, and each way of being refused (contract of
//! JWT trust §2). The refusals of the pure verifier have their own tests in crate `jose`; here each goes
//! through HTTP.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures_util::future::join_all;
use jose::Algorithm;
use jose::testing::TestKey;
use muster::kernel::ids::AccountId;
use muster::trust::jwks::Place;
use serde_json::{Value, json};

use crate::actors::{Answer, START, World};
use crate::both_engines;
use crate::issuer::{Issuer, Publishes, claims, settings, trust};

const USERS: &str = "/gateway/ng/api/scim/account/acme/Users?count=0";

fn rs256() -> &'static TestKey {
    TestKey::shared(Algorithm::Rs256)
}

async fn trusted(world: &World) -> Issuer {
    let issuer = Issuer::start().await;
    trust(world, &issuer.jwks_url()).await;
    issuer
}

async fn present(world: &World, token: &str) -> Answer {
    world.bearer(token).get(USERS).await
}

/// 401 with this public code, in the header and in the SCIM body, with the request id.
#[track_caller]
fn refused(answer: &Answer, code: &str) {
    assert_eq!(answer.status, 401, "{}", answer.text);
    let challenge = format!("Bearer error=\"invalid_token\", error_description=\"{code}\"");
    assert_eq!(answer.header("www-authenticate"), challenge, "{}", answer.text);
    assert_eq!(answer.json["status"], "401");
    assert_eq!(answer.json["code"], code);
    let detail = answer.json["detail"].as_str().unwrap_or_default();
    assert!(detail.contains(answer.header("x-request-id")), "{detail}");
}

/// The text names the cause and the remedy.
#[track_caller]
fn says(answer: &Answer, words: &[&str]) {
    let detail = answer.json["detail"].as_str().unwrap_or_default();
    assert!(words.iter().all(|word| detail.contains(word)), "{detail}");
}

fn with(change: impl FnOnce(&mut Value)) -> Value {
    let mut claims = claims();
    change(&mut claims);
    claims
}

both_engines! {
    async fn every_algorithm_is_accepted(world: World) {
        let _issuer = trusted(&world).await;
        for algorithm in [Algorithm::Rs256, Algorithm::Ps256, Algorithm::Es256, Algorithm::EdDsa] {
            present(&world, &TestKey::shared(algorithm).sign(&claims())).await.expect(200);
        }
    }

    async fn the_token_acts_as_the_service_account_and_audit_says_so(world: World) {
        let _issuer = trusted(&world).await;
        let user = json!({"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "ada"});
        let client = world.bearer(&rs256().sign(&claims()));
        // Rows of one instant have no order, and the administrator was made in this one.
        world.app.clock.advance_secs(1);
        client.post("/scim/v2/acme/Users", user).await.expect(201);
        let body = json!({"filterType": "Audit", "resources": [{"type": "USER"}], "actions": ["CREATE"]});
        let rows = world.admin().post("/audit/api/audits/list?accountIdentifier=acme", body).await.data();
        let row = &rows["content"][0];
        assert_eq!(row["authenticationInfo"]["principal"], json!({"type": "SERVICE_ACCOUNT", "identifier": "sync"}), "{row}");
    }

    async fn step_1_one_header_and_a_bounded_token(world: World) {
        let _issuer = trusted(&world).await;
        let good = rs256().sign(&claims());
        world.anon().with("authorization", &format!("bEaReR {good}")).get(USERS).await.expect(200);
        refused(&world.bearer(&good).with("authorization", &format!("Bearer {good}")).get(USERS).await, "token_malformed");
        refused(&present(&world, &"a".repeat(16 * 1024 + 1)).await, "token_malformed");
        let basic = world.anon().with("authorization", "Basic dTpw").get(USERS).await.expect(401);
        assert!(basic.header("www-authenticate").starts_with("Bearer"), "{}", basic.text);
    }

    async fn step_2_structure(world: World) {
        let _issuer = trusted(&world).await;
        let good = rs256().sign(&claims());
        for bad in ["a.b", "a.b.c.d", "a.b.c.d.e", &good.replace('.', ","), &format!("{good}="), &".".repeat(1024)] {
            refused(&present(&world, bad).await, "token_malformed");
        }
    }

    async fn step_3_alg_none_and_an_empty_signature(world: World) {
        let _issuer = trusted(&world).await;
        let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"none"}"#);
        let body = URL_SAFE_NO_PAD.encode(claims().to_string());
        let good = rs256().sign(&claims());
        let unsigned = &good[..=good.rfind('.').unwrap()];
        for token in [format!("{header}.{body}."), unsigned.to_owned(), format!("{header}.{body}.AAAA")] {
            let answer = present(&world, &token).await;
            assert_eq!(answer.status, 401, "{}", answer.text);
        }
    }

    async fn step_5_duplicate_members(world: World) {
        let _issuer = trusted(&world).await;
        let header = r#"{"alg":"RS256","alg":"RS256","kid":"RS256"}"#;
        refused(&present(&world, &rs256().sign_bytes(header, claims().to_string())).await, "token_malformed");
    }

    async fn step_6_the_public_key_as_an_hmac_secret(world: World) {
        let _issuer = trusted(&world).await;
        let header = json!({"alg": "HS256", "kid": "RS256"}).to_string();
        let token = rs256().sign_bytes(header, claims().to_string());
        assert_eq!(present(&world, &token).await.status, 401);
    }

    async fn step_7_critical_extensions(world: World) {
        let _issuer = trusted(&world).await;
        for (name, value) in [("crit", json!(["exp"])), ("b64", json!(false)), ("enc", json!("A128GCM")), ("zip", json!("DEF"))] {
            let header = json!({"alg": "RS256", "kid": "RS256", name: value});
            let answer = present(&world, &rs256().sign_with_header(&header, &claims())).await;
            refused(&answer, "token_malformed");
            says(&answer, &["_not_supported", &format!("let the issuer leave {name} out of the header")]);
        }
    }

    async fn step_8_type(world: World) {
        let _issuer = trusted(&world).await;
        let of = |typ: &str| rs256().sign_with_header(&json!({"alg": "RS256", "kid": "RS256", "typ": typ}), &claims());
        for good in ["JWT", "at+jwt", "application/AT+JWT"] {
            present(&world, &of(good)).await.expect(200);
        }
        for bad in ["logout+jwt", "secevent+jwt", "dpop+jwt"] {
            assert_eq!(present(&world, &of(bad)).await.status, 401, "{bad}");
        }
    }

    async fn step_9_keys_in_the_token_are_never_used(world: World) {
        let _issuer = trusted(&world).await;
        let trap = Issuer::start().await;
        let foreign = TestKey::generate(Algorithm::Es256, "mine");
        let header = json!({"alg": "ES256", "kid": "mine", "jku": trap.jwks_url(), "x5u": trap.jwks_url(), "jwk": foreign.jwk()});
        refused(&present(&world, &foreign.sign_with_header(&header, &claims())).await, "token_untrusted");
        assert_eq!(trap.connections(), 0);
    }

    async fn step_10_kid(world: World) {
        let issuer = trusted(&world).await;
        let of = |header: Value| rs256().sign_with_header(&header, &claims());
        refused(&present(&world, &of(json!({"alg": "RS256", "kid": 7}))).await, "token_malformed");
        refused(&present(&world, &of(json!({"alg": "RS256", "kid": "k".repeat(257)}))).await, "token_malformed");
        present(&world, &of(json!({"alg": "RS256"}))).await.expect(200);
        refused(&present(&world, &of(json!({"alg": "RS256", "kid": "nobody's"}))).await, "token_untrusted");
        assert!(issuer.connections() <= 3, "one at save, one for use, one forced by the unknown kid");
    }

    async fn step_11_a_key_of_another_algorithm(world: World) {
        let _issuer = trusted(&world).await;
        let header = json!({"alg": "ES256", "kid": "RS256"});
        let token = TestKey::shared(Algorithm::Es256).sign_with_header(&header, &claims());
        refused(&present(&world, &token).await, "token_untrusted");
    }

    async fn step_12_a_tampered_token_and_a_foreign_key(world: World) {
        let _issuer = trusted(&world).await;
        let good = rs256().sign(&claims());
        let parts: Vec<&str> = good.split('.').collect();
        let other = URL_SAFE_NO_PAD.encode(with(|c| c["sub"] = json!("root")).to_string());
        refused(&present(&world, &format!("{}.{other}.{}", parts[0], parts[2])).await, "token_untrusted");
        let foreign = TestKey::generate(Algorithm::Es256, "ES256");
        refused(&present(&world, &foreign.sign(&claims())).await, "token_untrusted");
    }

    async fn step_13_claims_must_be_one_object(world: World) {
        let _issuer = trusted(&world).await;
        let header = json!({"alg": "RS256", "kid": "RS256"}).to_string();
        let deep = format!("{}{}", r#"{"a":"#.repeat(17), "1".to_owned() + &"}".repeat(17));
        let twice = claims().to_string().replace(r#""team":"#, r#""team":"other","team":"#);
        for body in ["[]", "7", "", "{} ", r#"{"exp":1}x"#, deep.as_str(), twice.as_str()] {
            refused(&present(&world, &rs256().sign_bytes(&header, body)).await, "token_malformed");
        }
    }

    async fn step_14_and_15_issuer_and_audience_of_the_wrong_type(world: World) {
        let _issuer = trusted(&world).await;
        for bad in [json!({"a": 1}), json!(7), json!([1])] {
            let answer = present(&world, &rs256().sign(&with(|c| c["aud"] = bad.clone()))).await;
            assert_eq!(answer.status, 401, "aud {bad}");
        }
        for good in [json!("x"), json!(["x", "y"])] {
            present(&world, &rs256().sign(&with(|c| c["aud"] = good))).await.expect(200);
        }
    }

    async fn step_16_times(world: World) {
        let _issuer = trusted(&world).await;
        let now = START.secs();
        let of = |exp: Value, nbf: Value| rs256().sign(&with(|c| { c["exp"] = exp; c["nbf"] = nbf; }));
        refused(&present(&world, &of(json!(now - 31), json!(now - 90))).await, "token_expired");
        present(&world, &of(json!(now - 29), json!(now - 90))).await.expect(200);
        refused(&present(&world, &of(json!(now + 600), json!(now + 31))).await, "token_not_yet_valid");
        let endless = with(|c| { c.as_object_mut().unwrap().remove("exp"); });
        let answer = present(&world, &rs256().sign(&endless)).await;
        refused(&answer, "token_malformed");
        says(&answer, &["exp_missing", "let the issuer give its tokens an expiry"]);
        assert_eq!(present(&world, &of(json!(now + 90_000), json!(now))).await.status, 401, "lives longer than a day");
        assert_eq!(present(&world, &of(json!("soon"), json!(now))).await.status, 401);
        assert_eq!(present(&world, &of(json!(1e300), json!(now))).await.status, 401);
    }

    async fn claims_that_nobody_signed_are_not_told_apart(world: World) {
        let _issuer = trusted(&world).await;
        let now = START.secs();
        let stranger = TestKey::generate(Algorithm::Rs256, "RS256");
        let expired = with(|c| { c["exp"] = json!(now - 100); c["nbf"] = json!(now - 200); });
        let early = with(|c| c["nbf"] = json!(now + 100));
        let endless = with(|c| { c.as_object_mut().unwrap().remove("exp"); });
        for (claims, code) in [(expired, "token_expired"), (early, "token_not_yet_valid"), (endless, "token_malformed")] {
            refused(&present(&world, &rs256().sign(&claims)).await, code);
            for forged in [stranger.sign(&claims), TestKey::generate(Algorithm::Rs256, "none").sign(&claims)] {
                let answer = present(&world, &forged).await;
                refused(&answer, "token_untrusted");
                says(&answer, &["not trusted here"]);
            }
        }
    }

    async fn step_17_the_claim_rule(world: World) {
        let _issuer = trusted(&world).await;
        for bad in [json!("Identity"), json!("identity "), json!(["identity"]), json!(null), json!({"identity": 1}), json!(1)] {
            refused(&present(&world, &rs256().sign(&with(|c| c["team"] = bad))).await, "token_untrusted");
        }
        let missing = with(|c| { c.as_object_mut().unwrap().remove("team"); });
        refused(&present(&world, &rs256().sign(&missing)).await, "token_untrusted");
    }

    async fn step_19_the_service_account_must_be_there(world: World) {
        let _issuer = trusted(&world).await;
        let token = rs256().sign(&claims());
        present(&world, &token).await.expect(200);
        world.admin().delete("/ng/api/serviceaccount/sync?accountIdentifier=acme").await.data();
        refused(&present(&world, &token).await, "token_untrusted");
    }

    async fn step_20_the_role_must_allow_it(world: World) {
        let _issuer = trusted(&world).await;
        let token = rs256().sign(&claims());
        present(&world, &token).await.expect(200);
        let admin = world.admin();
        let list = admin.get("/authz/api/roleassignments?accountIdentifier=acme").await.data();
        let bindings = list["content"].as_array().unwrap();
        let id = bindings.iter().find(|b| b["roleAssignment"]["principal"]["identifier"] == "sync").unwrap();
        let id = id["roleAssignment"]["identifier"].as_str().unwrap();
        admin.delete(&format!("/authz/api/roleassignments/{id}?accountIdentifier=acme")).await.data();
        let answer = present(&world, &token).await.expect(403);
        assert_eq!(answer.json["status"], "403");
        assert!(answer.json["detail"].as_str().unwrap().contains("core_user_view"), "{}", answer.text);
    }

    async fn a_token_opens_its_account_only(world: World) {
        let _issuer = trusted(&world).await;
        world.other_account("other").await;
        let token = rs256().sign(&claims());
        refused(&world.bearer(&token).get("/scim/v2/other/Users").await, "token_untrusted");
        refused(&world.bearer(&token).get("/scim/v2/nobody/Users").await, "token_untrusted");
    }

    async fn a_jwt_is_no_api_key(world: World) {
        let _issuer = trusted(&world).await;
        world.holder(&rs256().sign(&claims())).get("/ng/api/user/currentUser?accountIdentifier=acme").await.refused(401, "INVALID_TOKEN");
        world.holder(world.admin_token()).get(USERS).await.expect(401);
    }

    async fn an_account_without_trust_refuses(world: World) {
        refused(&present(&world, &rs256().sign(&claims())).await, "token_untrusted");
    }

    async fn nobody_learns_from_an_answer_whether_an_account_trusts_anybody(world: World) {
        let _issuer = trusted(&world).await;
        world.other_account("other").await;
        let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
        let raw = |claims: &str| format!("{}.{}.{}", part(r#"{"alg":"ES256"}"#), part(claims), part("signature"));
        for (token, code) in [
            ("a.b.c", "token_malformed"), ("a.b", "token_malformed"), ("a.b.c.d.e", "token_malformed"), ("...", "token_malformed"),
            (&raw("no claims"), "token_malformed"), (&raw(r#"{"sub":7}"#), "token_malformed"), (&raw("{}"), "token_untrusted"),
            (&rs256().sign(&with(|c| c["team"] = json!("x"))), "token_untrusted"),
        ] {
            let mut told = Vec::new();
            for account in ["acme", "other", "nobody"] {
                let answer = world.bearer(token).get(&format!("/scim/v2/{account}/Users")).await;
                let request_id = answer.header("x-request-id").to_owned();
                told.push((answer.status, answer.header("www-authenticate").to_owned(), answer.text.replace(&request_id, "")));
            }
            assert!(told[0].1.contains(code), "{token}: {told:#?}");
            assert!(told.iter().all(|one| *one == told[0]), "{token}: {told:#?}");
        }
    }

    async fn a_changed_setting_holds_at_once_here_and_on_a_replica(world: World) {
        let issuer = trusted(&world).await;
        let replica = world.replica();
        let token = rs256().sign(&claims());
        present(&world, &token).await.expect(200);
        present(&replica, &token).await.expect(200);
        settings(&world, &issuer.jwks_url(), "team", "somebody else", "sync").await;
        refused(&present(&replica, &token).await, "token_untrusted");
        refused(&present(&world, &token).await, "token_untrusted");
        settings(&replica, &issuer.jwks_url(), "team", "identity", "sync").await;
        present(&world, &token).await.expect(200);
    }

    async fn a_remembered_token_ends_with_its_time(world: World) {
        let _issuer = trusted(&world).await;
        let token = rs256().sign(&with(|c| c["exp"] = json!(START.secs() + 40)));
        present(&world, &token).await.expect(200);
        world.app.clock.advance_secs(39);
        present(&world, &token).await.expect(200);
        world.app.clock.advance_secs(32);
        refused(&present(&world, &token).await, "token_expired");
    }
}

both_engines! {
    async fn keys_rotate_without_restart(world: World) {
        let issuer = trusted(&world).await;
        let (old, new) = (rs256(), TestKey::generate(Algorithm::Es256, "next"));
        present(&world, &old.sign(&claims())).await.expect(200);
        issuer.publish_keys([&new]);
        present(&world, &new.sign(&claims())).await.expect(200);
        refused(&present(&world, &old.sign(&claims())).await, "token_untrusted");
    }

    async fn a_storm_of_unknown_kids_costs_one_fetch(world: World) {
        let issuer = trusted(&world).await;
        present(&world, &rs256().sign(&claims())).await.expect(200);
        let before = issuer.connections();
        let unknown = |n: u32| {
            let header = json!({"alg": "RS256", "kid": format!("k{n}")});
            rs256().sign_with_header(&header, &claims())
        };
        let storm: Vec<String> = (0..200).map(unknown).collect();
        let all = join_all(storm.iter().map(|token| present(&world, token))).await;
        assert!(all.iter().all(|answer| answer.status == 401));
        assert_eq!(issuer.connections() - before, 1);
        present(&world, &rs256().sign(&claims())).await.expect(200);
        let new = TestKey::generate(Algorithm::Es256, "next");
        issuer.publish_keys([rs256(), &new]);
        world.app.clock.advance_secs(31);
        present(&world, &new.sign(&claims())).await.expect(200);
    }

    async fn a_storm_of_unknown_kids_does_not_hide_a_rotation(world: World) {
        let issuer = trusted(&world).await;
        let (old, new) = (rs256(), TestKey::generate(Algorithm::Es256, "next"));
        present(&world, &old.sign(&claims())).await.expect(200);
        let long = with(|c| c["exp"] = json!(START.secs() + 3_600));
        let (real, body) = (new.sign(&long), old.sign(&long).split_once('.').unwrap().1.to_owned());
        let (mut seen, mut fetches, mut known) = (None, Vec::new(), issuer.connections());
        for second in 0..70_u32 {
            if second == 7 {
                issuer.publish_keys([old, &new]);
            }
            let random = |n: u32| URL_SAFE_NO_PAD.encode(format!(r#"{{"alg":"RS256","kid":"{second}.{n}"}}"#));
            let storm: Vec<String> = (0..40).map(|n| format!("{}.{body}", random(n))).collect();
            let all = join_all(storm.iter().map(|token| present(&world, token))).await;
            assert!(all.iter().all(|answer| answer.status == 401));
            present(&world, &old.sign(&claims())).await.expect(200);
            if seen.is_none() && second >= 7 && present(&world, &real).await.status == 200 {
                seen = Some(second);
            }
            assert!(issuer.connections() <= known + 1, "second {second}");
            if issuer.connections() > known {
                (known, fetches) = (issuer.connections(), [fetches, vec![second]].concat());
            }
            world.app.clock.advance_secs(1);
            // As the job does, here with each second of the clock: what is no flood is not held back.
            world.app.trusts.refusals.flush(&world.app).await.expect("the database is there");
        }
        assert_eq!(fetches, [0, 30, 60], "one in 30 seconds");
        assert_eq!(seen, Some(30), "rotated in second 7, seen 23 s later");
    }

    async fn what_a_crowd_asks_at_once_costs_its_address_one_fetch(world: World) {
        let issuer = trusted(&world).await;
        present(&world, &rs256().sign(&claims())).await.expect(200);
        let jwks = &world.app.trusts.jwks;
        let url = url::Url::parse(&issuer.jwks_url()).unwrap();
        let source = jwks.source(&Place { url, issuer: None, ca_pem: None });
        let have = source.snapshot().generation;
        let peer = Some("192.0.2.7".parse().unwrap());
        let before = issuer.connections();
        for round in 0..2 {
            let tasks: Vec<_> = (0..200)
                .map(|n| {
                    let (jwks, source) = (jwks.clone(), source.clone());
                    tokio::spawn(async move { jwks.keys_for_unknown(&source, (&format!("{round}.{n}"), have), (&AccountId::new("acme"), peer), 0).await.is_some() })
                })
                .collect();
            join_all(tasks).await;
            // Still within the same minute: ten fetches may be caused in it.
            world.app.clock.advance_secs(30);
        }
        assert_eq!(issuer.connections() - before, 2, "one in each half of the minute");
    }

    async fn an_account_may_cause_ten_fetches_in_a_minute_from_an_address(world: World) {
        let jwks = &world.app.trusts.jwks;
        let mut fetched = Vec::new();
        for n in 0..14 {
            let issuer = Issuer::start().await;
            let url = url::Url::parse(&issuer.jwks_url()).unwrap();
            let source = jwks.source(&Place { url, issuer: None, ca_pem: None });
            jwks.refresh_and_wait(&source).await;
            let (account, from) = match n {
                12 => ("evil", "192.0.2.8"),
                13 => ("acme", "192.0.2.7"),
                _ => ("evil", "192.0.2.7"),
            };
            let who = (&AccountId::new(account), Some(from.parse().unwrap()));
            jwks.keys_for_unknown(&source, ("none", source.snapshot().generation), who, 0).await;
            fetched.push(issuer.connections() - 1);
        }
        assert_eq!(
            fetched, [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 1, 1],
            "not the eleventh and twelfth place; another address, and another account behind the same proxy"
        );
    }

    async fn an_outage_does_not_close_the_door(world: World) {
        let issuer = trusted(&world).await;
        let long = with(|c| c["exp"] = json!(START.secs() + 3_600 * 20));
        present(&world, &rs256().sign(&long)).await.expect(200);
        issuer.publish(Publishes::Raw("HTTP/1.1 500 Oops\r\ncontent-length: 0\r\n\r\n".into()));
        world.app.clock.advance_secs(3_600 * 12);
        present(&world, &rs256().sign(&long)).await.expect(200);
        world.app.clock.advance_secs(3_600 * 13);
        let later = START.secs() + 3_600 * 25;
        let fresh = with(|c| { c["iat"] = json!(later); c["exp"] = json!(later + 60); });
        let answer = present(&world, &rs256().sign(&fresh)).await.expect(503);
        assert_eq!(answer.json["code"], "jwks_unavailable");
        assert!(!answer.header("retry-after").is_empty());
    }

    async fn documents_that_are_no_key_set(world: World) {
        let head = "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n";
        let answers = [
            Publishes::Raw(format!("{head}<html>login</html>")),
            Publishes::Raw(format!("{head}{{\"keys\":[]}}")),
            Publishes::Raw(format!("{head}not json")),
            Publishes::Raw("HTTP/1.1 302 Found\r\nlocation: http://169.254.169.254/\r\ncontent-length: 0\r\n\r\n".into()),
            Publishes::Raw("nonsense".into()),
            Publishes::Huge(300 * 1024),
        ];
        let issuer = Issuer::start().await;
        trust(&world, &issuer.jwks_url()).await;
        for answer in answers {
            let other = Issuer::start().await;
            other.publish(answer);
            let items = settings(&world, &other.jwks_url(), "team", "identity", "sync").await;
            assert_eq!(items[0]["updateStatus"], true, "the provider may be down: {items}");
            assert!(items[0]["warning"].as_str().is_some_and(|w| !w.is_empty()), "a warning says why: {items}");
            let answer = present(&world, &rs256().sign(&claims())).await.expect(503);
            assert_eq!(answer.json["code"], "jwks_unavailable");
        }
    }

    async fn a_slow_issuer_does_not_hold_the_caller(world: World) {
        for publishes in [Publishes::Silence, Publishes::Trickle] {
            let world = world.replica();
            let issuer = Issuer::start().await;
            issuer.publish(publishes);
            world.admin().delete("/ng/api/serviceaccount/sync?accountIdentifier=acme").await;
            let began = tokio::time::Instant::now();
            trust(&world, &issuer.jwks_url()).await;
            let answer = present(&world, &rs256().sign(&claims())).await.expect(503);
            assert_eq!(answer.json["code"], "jwks_unavailable");
            assert!(began.elapsed().as_secs() < 15, "{:?}", began.elapsed());
        }
    }

    async fn urls_that_the_guard_refuses_are_never_stored_and_never_fetched(world: World) {
        trust(&world, &Issuer::start().await.jwks_url()).await;
        let v4 = Issuer::start().await;
        let v6 = Issuer::at("[::1]:0").await;
        let strict = world.replica_allowing(&["127.0.0.2"]);
        let (p4, p6) = (v4.port(), v6.port());
        let urls = [
            format!("http://127.0.0.1:{p4}/"), format!("https://127.0.0.1:{p4}/"), format!("https://2130706433:{p4}/"),
            format!("https://0x7f.1:{p4}/"), format!("https://0177.0.0.1:{p4}/"), format!("https://[::ffff:127.0.0.1]:{p4}/"),
            format!("https://[::1]:{p6}/"), format!("https://[0:0:0:0:0:0:0:1]:{p6}/"), format!("http://localhost:{p4}/"),
            "https://169.254.169.254/latest/meta-data".into(), "https://10.0.0.1/".into(), "https://[fd00:ec2::254]/".into(),
            "ftp://issuer.example/keys".into(), "issuer.example/keys".into(), String::new(), " https://issuer.example/".into(),
        ];
        for url in urls {
            let items = settings(&strict, &url, "team", "identity", "sync").await;
            assert_eq!(items[0]["updateStatus"], false, "{url}: {items}");
            assert!(items[0]["errorMessage"].as_str().is_some_and(|e| e.len() > 20), "{url}: {items}");
        }
        let named = settings(&strict, &format!("https://localhost:{p4}/"), "team", "identity", "sync").await;
        assert_eq!(present(&strict, &rs256().sign(&claims())).await.status, 503, "{named}: a name is resolved and refused then");
        assert_eq!((v4.connections(), v6.connections()), (0, 0));
    }
}
