//! The token endpoint: who gets an access token for what, what it opens and how long, and each refusal by
//! its code (RFC 6749 §5.2, RFC 7523, RFC 8414).

use http::Method;
use jose::Algorithm;
use jose::testing::TestKey;
use serde_json::{Value, json};

use crate::actors::{Answer, START, World};
use crate::both_engines;
use crate::issuer::{Issuer, Publishes, claims};

const FORM: &str = "application/x-www-form-urlencoded";
const AT: &str = "/oauth2/acme/token";
const USERS: &str = "/scim/v2/acme/Users?count=0";
const WHO: &str = "/ng/api/whoami?accountIdentifier=acme";
const TRUSTS: &str = "/ng/api/jwt-trusts";
const KEY: &str = "apiKeyType=SERVICE_ACCOUNT&parentIdentifier=bot&apiKeyIdentifier=key";
const BY_JWT: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
const JWT_GRANT: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

fn form(pairs: &[(&str, &str)]) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}

async fn ask(world: &World, path: &str, pairs: &[(&str, &str)]) -> Answer {
    world.anon().with("content-type", FORM).send(Method::POST, path, Some(form(pairs))).await
}

async fn by_secret(world: &World, client: &str, secret: &str) -> Answer {
    let pairs = [("grant_type", "client_credentials"), ("client_id", client), ("client_secret", secret)];
    ask(world, AT, &pairs).await
}

async fn by_assertion(world: &World, jwt: &str, more: &[(&str, &str)]) -> Answer {
    let mut pairs = vec![
        ("grant_type", "client_credentials"),
        ("client_assertion_type", BY_JWT),
        ("client_assertion", jwt),
    ];
    pairs.extend(more);
    ask(world, AT, &pairs).await
}

#[track_caller]
fn token(answer: Answer) -> String {
    let answer = answer.expect(200);
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(answer.json["token_type"], "Bearer");
    answer.json["access_token"].as_str().expect("an access token").to_owned()
}

/// Asserts status and code; answers the description without the request id.
#[track_caller]
fn refused(answer: Answer, status: u16, code: &str) -> String {
    let answer = answer.expect(status);
    assert_eq!(answer.json["error"], code, "{}", answer.text);
    assert_eq!(
        (answer.header("cache-control"), answer.header("content-type")),
        ("no-store", "application/json")
    );
    assert_eq!(answer.header("www-authenticate").is_empty(), status != 401);
    let text = answer.json["error_description"].as_str().expect("a description");
    let (text, id) = text.rsplit_once(" (request ").expect("the request's id");
    assert_eq!(id, format!("{})", answer.header("x-request-id")));
    assert!(text.ends_with('.') && text.contains(':'), "says what to change: {text}");
    text.to_owned()
}

fn jwt(changes: &Value) -> String {
    let mut claims = claims();
    claims["aud"] = json!("muster");
    for (name, value) in changes.as_object().expect("changes are an object") {
        claims[name] = value.clone();
    }
    TestKey::shared(Algorithm::Es256).sign(&claims)
}

fn document(url: &str) -> Value {
    json!({
        "identifier": "main", "name": "main", "serviceAccount": "sync", "jwks": {"url": url},
        "issuer": "https://issuer.example", "audiences": ["muster"],
        "rules": [{"claim": "team", "op": "equals", "value": "identity"}]
    })
}

async fn trusted(world: &World) -> Issuer {
    let issuer = Issuer::start().await;
    world.machine("sync", Some("_scim_provisioner")).await;
    world.admin().post(TRUSTS, document(&issuer.jwks_url())).await.data();
    issuer
}

async fn change_trust(world: &World, changes: &Value) {
    let at = format!("{TRUSTS}/main");
    let mut document = world.admin().get(&at).await.data()["jwtTrust"].clone();
    for (name, value) in changes.as_object().expect("changes are an object") {
        document[name] = value.clone();
    }
    world.admin().put(&at, document).await.data();
}

async fn explained(world: &World, token: &str) -> Value {
    let answer = world.admin().post(&format!("{TRUSTS}/explain"), json!({"token": token})).await;
    assert!(!answer.text.contains(token), "never the token: {}", answer.text);
    answer.data()[0].clone()
}

/// The reason of the failing step.
async fn reason(world: &World, token: &str) -> String {
    let found = explained(world, token).await;
    assert_eq!((&found["kind"], &found["accepted"]), (&json!("OAT"), &json!(false)));
    let steps = found["steps"].as_array().unwrap();
    assert_eq!(steps.len(), 6);
    let failing = steps.iter().find(|step| step["outcome"] == "fail").unwrap();
    assert!(failing["hint"].is_string());
    failing["reason"].as_str().unwrap().to_owned()
}

both_engines! {
    async fn a_secret_buys_a_quarter_of_an_hour(world: World) {
        let sat = world.machine_token("bot", Some("_scim_provisioner")).await;
        let answer = by_secret(&world, "bot", &sat).await.expect(200);
        assert_eq!((&answer.json["expires_in"], &answer.json["scope"]), (&json!(900), &json!("scim platform")));
        let access = token(answer);
        world.bearer(&access).get(USERS).await.expect(200);
        for client in [world.bearer(&access), world.holder(&access)] {
            let who = client.get(WHO).await.data();
            assert_eq!(who["principal"]["identifier"], "bot");
            assert_eq!((&who["credential"]["type"], &who["credential"]["issuedFor"]["type"]), (&json!("OAT"), &json!("SAT")));
            assert_eq!(who["credential"]["expiresAt"], START.plus_secs(900).millis());
            client.get("/ng/api/scim-schemas?accountIdentifier=acme").await.expect(403);
        }
        assert_eq!(explained(&world, &access).await["accepted"], true);
        world.replica().bearer(&access).get(USERS).await.expect(200);
        world.app.clock.advance_secs(899);
        world.bearer(&access).get(USERS).await.expect(200);
        world.app.clock.advance_secs(1);
        world.bearer(&access).get(USERS).await.expect(401);
        assert_eq!(reason(&world, &access).await, "token_expired");
    }

    async fn every_way_of_showing_the_secret_is_taken(world: World) {
        let sat = world.machine_token("bot", Some("_scim_provisioner")).await;
        let basic = {
            use base64::Engine as _;
            base64::engine::general_purpose::STANDARD.encode(format!("bot:{sat}"))
        };
        let client = world.anon().with("content-type", FORM).with("authorization", &format!("Basic {basic}"));
        let places = [AT, "/gateway/oauth2/acme/token", "/oauth2/token", "/gateway/oauth2/token?accountIdentifier=acme"];
        for place in places {
            let body = Some("grant_type=client_credentials&scope=scim".to_owned());
            let access = token(client.send(Method::POST, place, body).await);
            world.bearer(&access).get(USERS).await.expect(200);
            world.bearer(&access).get("/ng/api/user/currentUser?accountIdentifier=acme").await.refused(403, "NG_ACCESS_DENIED");
        }
        let rows = world.admin().get(&format!("/ng/api/token/aggregate?{KEY}")).await.data();
        assert_eq!(rows["content"].as_array().unwrap().len(), 1, "access tokens leave no rows: {rows}");
    }

    async fn a_client_that_does_not_hold_hears_one_answer(world: World) {
        let sat = world.machine_token("bot", Some("_scim_provisioner")).await;
        let other = world.machine_token("other", None).await;
        let (_, pat) = world.person("ada@acme.example").await;
        world.other_account("umbrella").await;
        let access = token(by_secret(&world, "bot", &sat).await);
        let deleted = world.machine_token("gone", None).await;
        world.admin().delete("/ng/api/serviceaccount/gone").await.data();
        let last = if sat.ends_with('a') { "b" } else { "a" };
        let damaged = format!("{}{last}", &sat[..sat.len() - 1]);
        let wrong = [
            ("nobody", &sat), ("bot", &other), ("gone", &deleted), ("bot", &damaged),
        ];
        let mut texts = std::collections::BTreeSet::new();
        for (client, secret) in wrong {
            texts.insert(refused(by_secret(&world, client, secret).await, 401, "invalid_client"));
        }
        let pairs = [("grant_type", "client_credentials"), ("client_id", "bot"), ("client_secret", &*sat)];
        for place in ["/oauth2/umbrella/token", "/oauth2/nowhere/token"] {
            texts.insert(refused(ask(&world, place, &pairs).await, 401, "invalid_client"));
        }
        assert_eq!(texts.len(), 1, "{texts:#?}");
        // What is no client's secret by its beginning is told so, whether it holds or not.
        let half = pat[..pat.len() - 1].to_owned();
        let other_kinds = [("bot", &pat, "personal access token"), ("ada@acme.example", &half, "personal access token"),
            ("bot", &access, "is an access token")];
        for (client, secret, named) in other_kinds {
            let text = refused(by_secret(&world, client, secret).await, 401, "invalid_client");
            assert!(text.contains(named) && text.contains("sat."), "{text}");
        }
    }

    async fn an_access_token_dies_with_its_secret(world: World) {
        let sat = world.machine_token("bot", Some("_scim_provisioner")).await;
        let replica = world.replica();
        let get = |access: String| {
            let (here, there) = (world.bearer(&access), replica.bearer(&access));
            async move { (here.get(USERS).await.status, there.get(USERS).await.status) }
        };
        let access = token(by_secret(&world, "bot", &sat).await);
        assert_eq!(get(access.clone()).await, (200, 200));
        world.admin().delete("/authz/api/roleassignments/binding_of_bot").await.data();
        assert_eq!(get(access.clone()).await, (403, 403));
        let until = START.plus_secs(300).millis();
        let rotated = world.admin().post(&format!("/ng/api/token/rotate/token?{KEY}&rotateTimestamp={until}"), json!(null)).await.data();
        let of_old = by_secret(&world, "bot", &sat).await;
        assert_eq!(of_old.json["expires_in"], 300, "the old secret still has its time: {}", of_old.text);
        let (of_old, of_new) = (token(of_old), token(by_secret(&world, "bot", rotated.as_str().unwrap()).await));
        assert_eq!((get(access.clone()).await, get(of_old.clone()).await), ((403, 403), (403, 403)));
        world.app.clock.advance_secs(300);
        assert_eq!((get(access.clone()).await, get(of_old).await), ((401, 401), (401, 401)));
        assert_eq!(get(of_new.clone()).await, (403, 403));
        assert_eq!(reason(&world, &access).await, "parent_gone");
        world.admin().delete(&format!("/ng/api/token/token?{KEY}")).await.data();
        assert_eq!(get(of_new.clone()).await, (401, 401));
        assert_eq!(reason(&world, &of_new).await, "parent_gone");
    }

    async fn an_access_token_outlives_neither_service_account_nor_account(world: World) {
        let sat = world.machine_token("bot", Some("_scim_provisioner")).await;
        let access = token(by_secret(&world, "bot", &sat).await);
        let umbrella = world.other_account("umbrella").await;
        world.bearer(&access).get("/scim/v2/umbrella/Users").await.expect(401);
        world.holder(&access).get("/ng/api/whoami?accountIdentifier=umbrella").await.refused(401, "INVALID_TOKEN");
        let renamed = access.replacen("acme", "umbrella", 1);
        world.bearer(&renamed).get("/scim/v2/umbrella/Users").await.expect(401);
        let abroad = world.holder(&umbrella).post(&format!("{TRUSTS}/explain"), json!({"token": access})).await.data();
        assert_eq!((&abroad[0]["steps"][1]["reason"], &abroad[0]["steps"][2]["outcome"]), (&json!("other_account"), &json!("skip")));
        let last = if access.ends_with('A') { 'E' } else { 'A' };
        let forged = format!("{}{last}", &access[..access.len() - 1]);
        world.bearer(&forged).get(USERS).await.expect(401);
        assert_eq!(reason(&world, &forged).await, "token_unknown");
        assert_eq!(reason(&world, "oat.acme.half").await, "token_malformed");
        world.admin().delete("/ng/api/serviceaccount/bot").await.data();
        world.bearer(&access).get(USERS).await.expect(401);
    }

    async fn an_access_token_is_of_one_service_account_and_of_no_later_one(world: World) {
        let _issuer = trusted(&world).await;
        let access = token(by_assertion(&world, &jwt(&json!({})), &[]).await);
        world.bearer(&access).get(USERS).await.expect(200);
        world.admin().delete("/ng/api/serviceaccount/sync").await.data();
        world.bearer(&access).get(USERS).await.expect(401);
        world.app.clock.advance_secs(1);
        world.machine("sync", Some("_account_admin")).await;
        world.bearer(&access).get(USERS).await.expect(401);
        assert_eq!(reason(&world, &access).await, "parent_gone");
    }

    async fn an_assertion_buys_what_its_trust_serves(world: World) {
        let issuer = trusted(&world).await;
        for answer in [
            by_assertion(&world, &jwt(&json!({})), &[]).await,
            by_assertion(&world, &jwt(&json!({"sub": "job"})), &[("client_id", "job"), ("scope", "scim")]).await,
            ask(&world, AT, &[("grant_type", JWT_GRANT), ("assertion", &jwt(&json!({}))), ("client_id", "sync")]).await,
        ] {
            assert_eq!(answer.json["expires_in"], 630, "as long as the assertion would be taken: {}", answer.text);
            assert_eq!(answer.json["scope"], "scim");
            let access = token(answer);
            world.bearer(&access).get(USERS).await.expect(200);
            for client in [world.bearer(&access), world.holder(&access)] {
                client.get("/ng/api/user/currentUser?accountIdentifier=acme").await.refused(403, "NG_ACCESS_DENIED");
            }
        }
        let text = refused(by_assertion(&world, &jwt(&json!({})), &[("scope", "platform")]).await, 400, "invalid_scope");
        assert!(text.contains("does not serve platform"), "{text}");
        let before = token(by_assertion(&world, &jwt(&json!({})), &[]).await);
        change_trust(&world, &json!({"surfaces": ["scim", "platform"]})).await;
        world.bearer(&before).get(USERS).await.expect(401);
        assert_eq!(reason(&world, &before).await, "parent_gone");
        let access = token(by_assertion(&world, &jwt(&json!({})), &[("scope", "platform scim")]).await);
        world.bearer(&access).get("/ng/api/jwt-trusts?accountIdentifier=acme").await.expect(403);
        world.admin().post(&format!("{TRUSTS}/main/disable"), json!(null)).await.data();
        world.bearer(&access).get(USERS).await.expect(401);
        world.admin().post(&format!("{TRUSTS}/main/enable"), json!(null)).await.data();
        world.bearer(&access).get(USERS).await.expect(401);
        let late = jwt(&json!({"exp": START.secs() - 10, "iat": START.secs() - 60}));
        let answer = by_assertion(&world, &late, &[]).await;
        assert_eq!(answer.json["expires_in"], 20, "as long as the assertion would be taken itself: {}", answer.text);
        world.bearer(&token(answer)).get(USERS).await.expect(200);
        let access = token(by_assertion(&world, &jwt(&json!({})), &[]).await);
        world.admin().delete(&format!("{TRUSTS}/main")).await.data();
        world.bearer(&access).get(USERS).await.expect(401);
        world.admin().post(TRUSTS, document(&issuer.jwks_url())).await.data();
        world.bearer(&access).get(USERS).await.expect(401);
    }

    async fn an_assertion_that_does_not_hold_says_why_to_whom_it_may(world: World) {
        let issuer = trusted(&world).await;
        let late = jwt(&json!({"exp": START.secs() - 60, "iat": START.secs() - 600}));
        let foreign = jwt(&json!({"aud": "elsewhere"}));
        for (assertion, says) in [(&late, "expired"), (&foreign, "not trusted here")] {
            let text = refused(by_assertion(&world, assertion, &[]).await, 401, "invalid_client");
            assert!(text.contains(says), "{text}");
            let as_grant = ask(&world, AT, &[("grant_type", JWT_GRANT), ("assertion", assertion)]).await;
            assert_eq!(refused(as_grant, 400, "invalid_grant"), text);
        }
        let kept = world.admin().get(&format!("{TRUSTS}/main/refusals")).await.data();
        let reasons: Vec<_> = kept.as_array().unwrap().iter().map(|row| row["reason"].as_str().unwrap()).collect();
        assert_eq!(reasons.len(), 2, "{kept}");
        let other = by_assertion(&world, &jwt(&json!({})), &[("client_id", "someone")]).await;
        assert!(refused(other, 401, "invalid_client").contains("client_id is neither"));
        let nameless = ask(&world, "/oauth2/token", &[("grant_type", JWT_GRANT), ("assertion", &jwt(&json!({})))]).await;
        assert!(refused(nameless, 400, "invalid_request").contains("No account"));
        change_trust(&world, &json!({"audiences": [], "audiencePolicy": "off"})).await;
        let text = refused(by_assertion(&world, &jwt(&json!({})), &[]).await, 401, "invalid_client");
        assert!(text.contains("give the trust audiences"), "{text}");
        change_trust(&world, &json!({"audiences": ["muster"], "audiencePolicy": "required", "replay": "on", "requireJti": true})).await;
        let once = jwt(&json!({"jti": "one"}));
        token(by_assertion(&world, &once, &[]).await);
        refused(by_assertion(&world, &once, &[]).await, 401, "invalid_client");
        let second = Issuer::start().await;
        second.publish(Publishes::Raw("HTTP/1.1 500 Down\r\n\r\n".into()));
        change_trust(&world, &json!({"jwks": {"url": second.jwks_url()}})).await;
        let down = by_assertion(&world, &jwt(&json!({"jti": "two"})), &[]).await;
        assert!(!down.header("retry-after").is_empty());
        refused(down, 503, "temporarily_unavailable");
        drop(issuer);
    }

    async fn an_assertion_that_is_taken_once_is_used_up_by_an_access_token_only(world: World) {
        let _issuer = trusted(&world).await;
        change_trust(&world, &json!({"replay": "on", "requireJti": true, "audiences": [], "audiencePolicy": "off"})).await;
        let once = jwt(&json!({"jti": "one"}));
        let text = refused(by_assertion(&world, &once, &[]).await, 401, "invalid_client");
        assert!(text.contains("give the trust audiences"), "{text}");
        change_trust(&world, &json!({"audiences": ["muster"], "audiencePolicy": "required"})).await;
        refused(by_assertion(&world, &once, &[("client_id", "wrong")]).await, 401, "invalid_client");
        refused(by_assertion(&world, &once, &[("scope", "platform")]).await, 400, "invalid_scope");
        assert_eq!(world.count("jwt_replays").await, 0);
        let (here, replica) = (world.clone(), world.replica());
        let buy = async |world: &World| by_assertion(world, &once, &[]).await;
        let answers = <[Answer; 3]>::from(tokio::join!(buy(&here), buy(&replica), buy(&here)));
        let (bought, late): (Vec<_>, Vec<_>) = answers.into_iter().partition(|answer| answer.status == 200);
        assert_eq!(bought.len(), 1);
        for answer in late {
            refused(answer, 401, "invalid_client");
        }
        refused(by_assertion(&world, &once, &[("client_id", "wrong")]).await, 401, "invalid_client");
        let as_grant = ask(&world, AT, &[("grant_type", JWT_GRANT), ("assertion", &once)]).await;
        refused(as_grant, 400, "invalid_grant");
        let kept = world.admin().get(&format!("{TRUSTS}/main/refusals")).await.data();
        let of_replays = |row: &&Value| row["reason"] == "token_replayed" && row["subject"] == "sync";
        assert!(kept.as_array().unwrap().iter().all(|row| of_replays(&row)), "{kept}");
    }

    async fn what_is_done_with_it_is_audited_with_what_it_was_issued_for(world: World) {
        let _issuer = trusted(&world).await;
        let access = token(by_assertion(&world, &jwt(&json!({"sub": "job-7"})), &[]).await);
        let rows = world.audit().await.len();
        let user = json!({"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "ada"});
        world.bearer(&access).post("/scim/v2/acme/Users", user).await.expect(201);
        assert_eq!(world.audit().await.len(), rows + 1, "issuing leaves no row");
        let select = "SELECT credential FROM audit_rows WHERE account_id = $1 AND principal_id = $2";
        let read = move |tx: &mut db::Tx<'_>| tx.query_one(select, db::params!["acme", "sync"], |row| row.get::<String>(0));
        let text = world.app.db.house().read::<_, db::Error>("test.credential", read).await.unwrap();
        let row: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(row["type"], "OAUTH");
        assert_eq!(row["id"].as_str().unwrap().len(), 20);
        let by = &row["issuedFor"];
        assert_eq!((&by["type"], &by["trust"], &by["keyId"], &by["subject"]), (&json!("JWT"), &json!("main"), &json!("ES256"), &json!("job-7")));
        assert_eq!(by["tokenSha256"].as_str().unwrap().len(), 64);
    }

    async fn bad_requests_have_the_codes_of_the_standard(world: World) {
        let sat = world.machine_token("bot", None).await;
        refused(ask(&world, AT, &[]).await, 400, "invalid_request");
        refused(ask(&world, AT, &[("grant_type", "password")]).await, 400, "unsupported_grant_type");
        refused(ask(&world, AT, &[("grant_type", "client_credentials")]).await, 401, "invalid_client");
        let scoped = [("grant_type", "client_credentials"), ("client_id", "bot"), ("client_secret", &sat), ("scope", "open\"id")];
        let text = refused(ask(&world, AT, &scoped).await, 400, "invalid_scope");
        assert!(text.contains("open'id"), "only characters of the standard: {text}");
        let in_url = ask(&world, &format!("{AT}?client_secret={sat}"), &scoped[..2]).await;
        assert!(!refused(in_url, 400, "invalid_request").contains(&sat));
        let whole = [scoped[0], scoped[1], scoped[2]];
        for (name, value) in [("scope", "scim"), ("client_id", "bot"), ("grant_type", "client_credentials")] {
            let in_url = ask(&world, &format!("{AT}?{name}={value}"), &whole).await;
            let text = refused(in_url, 400, "invalid_request");
            assert!(text.contains(&format!("{name} is in the URL: send it in the body")), "{text}");
        }
        ask(&world, &format!("{AT}?tenant=7&accountIdentifier=acme"), &whole).await.expect(200);
        let json = world.anon().post(AT, json!({"grant_type": "client_credentials"})).await;
        refused(json, 400, "invalid_request");
        let long = "x".repeat(70_000);
        refused(ask(&world, AT, &[("grant_type", "client_credentials"), ("more", &long)]).await, 413, "invalid_request");
        let get = world.anon().get(AT).await;
        assert_eq!(get.header("allow"), "POST");
        refused(get, 405, "invalid_request");
        refused(ask(&world, "/oauth2/no..pe!/token", &[]).await, 400, "invalid_request");
    }

    async fn metadata_tells_the_address_it_was_asked_at(world: World) {
        let client = world.anon().with("host", "id.example").with("x-forwarded-proto", "https");
        let found = client.get("/.well-known/oauth-authorization-server/oauth2/acme").await.expect(200).json;
        assert_eq!(found, json!({
            "issuer": "https://id.example/oauth2/acme", "token_endpoint": "https://id.example/oauth2/acme/token",
            "response_types_supported": [], "grant_types_supported": ["client_credentials", JWT_GRANT],
            "scopes_supported": ["scim", "platform"],
            "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "private_key_jwt"],
            "token_endpoint_auth_signing_alg_values_supported":
                ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
        }));
        let below = client.get("/.well-known/oauth-authorization-server/gateway/oauth2/acme").await.expect(200).json;
        assert_eq!(below["token_endpoint"], "https://id.example/gateway/oauth2/acme/token");
    }

    async fn metadata_tells_the_public_url_whichever_way_a_client_came(world: World) {
        let anon = world.replica_at("https://id.example/muster").anon();
        for host in ["10.0.0.1:8080", "id.example"] {
            for (prefix, issuer) in [("", "https://id.example/muster"), ("/gateway", "https://id.example/muster/gateway")] {
                let at = format!("/.well-known/oauth-authorization-server{prefix}/oauth2/acme");
                let found = anon.with("host", host).get(&at).await.expect(200).json;
                assert_eq!(found["issuer"], format!("{issuer}/oauth2/acme"), "{host}");
                assert_eq!(found["token_endpoint"], format!("{issuer}/oauth2/acme/token"), "{host}");
            }
        }
    }
}
