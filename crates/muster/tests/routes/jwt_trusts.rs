//! Trusts as a resource: what can be written, what is refused and what is warned of, the default trust and
//! its four settings in step, and which trust takes a token (contract of JWT trust §1).

use http::Method;
use jose::Algorithm;
use jose::testing::{TestKey, jwks};
use serde_json::{Value, json};

use crate::actors::{Answer, START, World};
use crate::both_engines;
use crate::issuer::{Issuer, Publishes, claims, settings, trust};

const AT: &str = "/ng/api/jwt-trusts";
const USERS: &str = "/scim/v2/acme/Users?count=0";
const ISSUER: &str = "https://issuer.example";

fn es256() -> &'static TestKey {
    TestKey::shared(Algorithm::Es256)
}

/// Service account `id` with a role on the account.
async fn machine(world: &World, id: &str, role: &str) {
    world.machine(id, Some(role)).await;
}

/// A sound trust without a warning, as a client writes it, for the keys at `url`.
fn sound(id: &str, url: &str) -> Value {
    json!({
        "identifier": id, "name": id, "serviceAccount": "sync", "jwks": {"url": url}, "issuer": ISSUER,
        "audiences": ["muster"], "rules": [{"claim": "team", "op": "equals", "value": "identity"}]
    })
}

fn with(mut document: Value, changes: &Value) -> Value {
    for (name, value) in changes.as_object().expect("changes are an object") {
        document[name] = value.clone();
    }
    document
}

fn good() -> Value {
    with(claims(), &json!({"aud": "muster"}))
}

async fn present(world: &World, claims: &Value) -> Answer {
    world.bearer(&es256().sign(claims)).get(USERS).await
}

fn codes(data: &Value) -> Vec<&str> {
    data["warnings"].as_array().expect("warnings").iter().map(|w| w["code"].as_str().unwrap()).collect()
}

both_engines! {
    async fn a_trust_is_made_listed_changed_and_deleted(world: World) {
        let issuer = Issuer::start().await;
        machine(&world, "sync", "_scim_provisioner").await;
        let admin = world.admin();
        let made = admin.post(&format!("{AT}?accountIdentifier=acme"), sound("okta", &issuer.jwks_url())).await;
        let first = made.header("etag").to_owned();
        assert!(first.starts_with('"') && first.ends_with("-1\""), "{first} {}", made.text);
        let made = made.data();
        assert_eq!(made["jwtTrust"], json!({
            "identifier": "okta", "name": "okta", "enabled": true, "serviceAccount": "sync",
            "jwks": {"url": issuer.jwks_url()}, "caPem": null, "issuer": ISSUER, "audiences": ["muster"],
            "audiencePolicy": "required",
            "algorithms": ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"],
            "types": [], "rules": [{"claim": "team", "op": "equals", "value": "identity"}], "leewaySeconds": 30,
            "maxLifetimeSeconds": 86400, "surfaces": ["scim"], "requireJti": false, "replay": "off"
        }));
        assert_eq!(codes(&made), ["plain_http"], "loopback in tests, and nothing else: {made}");
        assert_eq!((made["isDefault"].as_bool(), made["createdAt"].as_i64()), (Some(false), Some(START.millis())));
        present(&world, &good()).await.expect(200);

        world.app.clock.advance_secs(5);
        let changed = with(made["jwtTrust"].clone(), &json!({"audiences": ["other"], "name": "Okta"}));
        let at = format!("/gateway{AT}/okta?accountIdentifier=acme");
        let stale = admin.with("if-match", "\"7\"").put(&at, changed.clone()).await;
        assert_eq!(stale.status, 412, "{}", stale.text);
        let after = admin.with("if-match", &first).put(&at, changed.clone()).await;
        assert_eq!(after.header("etag"), first.replace("-1\"", "-2\""));
        let after = after.data();
        assert_eq!(after["jwtTrust"], changed, "what is shown can be sent back as it is");
        assert_eq!(after["lastModifiedAt"], START.plus_secs(5).millis());
        assert_eq!(present(&world, &good()).await.status, 401);
        present(&world, &with(good(), &json!({"aud": ["x", "other"]}))).await.expect(200);

        admin.post(AT, sound("entra", &issuer.jwks_url())).await.data();
        let page = admin.get(&format!("{AT}?sortOrders=identifier,ASC&pageSize=1")).await.data();
        assert_eq!((page["totalItems"].as_u64(), page["content"][0]["jwtTrust"]["identifier"].as_str()), (Some(2), Some("entra")));
        let found = admin.get(&format!("{AT}?searchTerm=OKT")).await.data();
        assert_eq!((found["totalItems"].as_u64(), found["content"][0]["jwtTrust"]["name"].as_str()), (Some(1), Some("Okta")));
        assert_eq!(admin.get(&format!("{AT}/okta")).await.data()["jwtTrust"], changed);

        assert_eq!(admin.with("if-match", &first).delete(&format!("{AT}/okta")).await.status, 412);
        assert_eq!(admin.delete(&format!("{AT}/okta")).await.data(), true);
        admin.get(&format!("{AT}/okta")).await.refused(404, "ENTITY_NOT_FOUND");
        admin.delete(&format!("{AT}/okta")).await.refused(404, "ENTITY_NOT_FOUND");
        assert_eq!(present(&world, &with(good(), &json!({"aud": "other"}))).await.status, 401);
        let trail = world.trail().await;
        let of_trusts: Vec<_> = trail.iter().filter(|row| row.contains(" JWT_TRUST ")).collect();
        assert_eq!(of_trusts.len(), 4, "{of_trusts:#?}");
        let update = of_trusts.iter().find(|row| row.starts_with("UPDATE")).unwrap();
        assert!(update.contains("\"old\":{") && update.contains("\"audiences\":[\"muster\"]") && update.contains("\"new\":{"), "{update}");
    }

    async fn yaml_goes_in_and_a_twin_member_does_not(world: World) {
        machine(&world, "sync", "_scim_provisioner").await;
        let yaml = "name: My IdP\nserviceAccount: sync\njwks:\n  keys:\n    - ".to_owned() + &es256().jwk().to_string();
        let client = world.admin().with("content-type", "application/yaml");
        let made = client.send(Method::POST, AT, Some(yaml)).await.data();
        assert_eq!(made["jwtTrust"]["identifier"], "My_IdP", "made from the name");
        for twice in [r#"{"name":"a","name":"b"}"#, r#"{"name":"a","jwks":{"url":"https://a/","url":"https://b/"}}"#] {
            let text = world.admin().send(Method::POST, AT, Some(twice.into())).await.refused(400, "INVALID_REQUEST");
            assert!(text.contains("stands twice"), "{text}");
        }
    }

    async fn an_account_in_the_document_is_that_of_the_request(world: World) {
        machine(&world, "sync", "_scim_provisioner").await;
        let admin = world.admin();
        let of = |account: Value| {
            json!({"name": "a", "accountIdentifier": account, "serviceAccount": "sync", "jwks": {"keys": [es256().jwk()]}})
        };
        for wrong in [json!(12), json!(true), json!(["acme"]), json!({"id": "acme"}), json!("other")] {
            let text = admin.post(AT, of(wrong)).await.refused(400, "INVALID_REQUEST");
            assert!(text.contains("accountIdentifier"), "{text}");
        }
        admin.post(AT, of(json!("acme"))).await.data();
        admin.put(&format!("{AT}/a"), of(Value::Null)).await.data();
        admin.put(&format!("{AT}/a"), of(json!(12))).await.refused(400, "INVALID_REQUEST");
    }

    async fn every_complaint_comes_at_once(world: World) {
        let secret = json!({"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA", "d": "AA"});
        let bad = json!({
            "identifier": "9 lives", "name": "", "enabled": "yes", "serviceAccount": "nobody", "colour": "red",
            "jwks": {"keys": [es256().jwk(), secret], "uri": "x"}, "caPem": "hello", "issuer": " https://issuer.example",
            "audiences": ["", "a", "a", 3], "audiencePolicy": "maybe", "algorithms": ["HS256", "ES256K"],
            "types": ["logout+jwt"], "leewaySeconds": 301, "maxLifetimeSeconds": 0, "surfaces": [],
            "rules": [
                {"claim": "", "op": "equals", "value": "x"}, {"claim": "a", "op": "regex", "value": "x"},
                {"claim": "a", "op": "glob", "value": "*****"}, {"claim": "/a~2", "op": "equals", "value": "x"},
                {"claim": "a", "op": "equals", "value": null}, {"claim": "a", "op": "equals", "value": "x", "not": true},
                {"claim": "a", "op": "oneOf", "value": "x"}, {"claim": "a", "op": "containsWord", "value": "two words"}, 7
            ],
            "requireJti": false, "replay": "on"
        });
        let answer = world.admin().post(AT, bad).await.expect(400);
        let fields: Vec<&str> = answer.json["errors"].as_array().unwrap().iter().map(|e| e["fieldId"].as_str().unwrap()).collect();
        for field in [
            "colour", "name", "identifier", "jwks.uri", "jwks", "enabled", "issuer", "audiences[0]", "audiences[2]",
            "audiences[3]", "audiencePolicy", "algorithms[0]", "algorithms[1]", "types[0]", "rules[0]", "rules[1]",
            "rules[2]", "rules[3]", "rules[4]", "rules[5].not", "rules[6]", "rules[7]", "rules[8]", "leewaySeconds",
            "maxLifetimeSeconds", "surfaces", "caPem", "serviceAccount", "requireJti",
        ] {
            assert!(fields.contains(&field), "{field} is not among {}", answer.text);
        }
        assert_eq!(world.count("jwt_trusts").await, 0);
        for (body, field) in [
            (json!([]), "body"), (json!("x"), "body"), (json!({}), "name"),
            (with(sound("a", "https://a.example/"), &json!({"jwks": {}})), "jwks"),
            (with(sound("a", "https://a.example/"), &json!({"jwks": {"url": "https://a/", "discovery": "https://a"}})), "jwks"),
            (with(sound("a", "https://a.example/"), &json!({"jwks": {"keys": []}})), "jwks.keys"),
            (with(sound("a", "https://a.example/"), &json!({"jwks": {"keys": [es256().jwk(), secret_key()]}})), "jwks.keys[1]"),
            (sound("a", "https://10.0.0.1/keys"), "jwks.url"), (sound("a", "http://issuer.example/keys"), "jwks.url"),
            (sound("a", "issuer.example/keys"), "jwks.url"), (sound("a", "https://a.example/\tkeys"), "jwks.url"),
            (sound("a", "https:///a.example/keys"), "jwks.url"), (sound("a", "https://a.example\\keys"), "jwks.url"),
            (with(sound("a", "x"), &json!({"jwks": {"discovery": "https://169.254.169.254"}})), "jwks.discovery"),
            (with(sound("a", "https://a.example/"), &json!({"audiences": []})), ""),
            (with(sound("a", "https://a.example/"), &json!({"audiences": [], "audiencePolicy": "required"})), "audiences"),
            (with(sound("a", "https://a.example/"), &json!({"algorithms": []})), "algorithms"),
            (with(sound("a", "https://a.example/"), &json!({"caPem": "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"})), "caPem"),
        ] {
            let answer = world.admin().post(AT, body.clone()).await.expect(400);
            let errors = answer.json["errors"].as_array().cloned().unwrap_or_default();
            let told = errors.iter().any(|e| e["fieldId"] == field && e["error"].as_str().unwrap().len() > 10);
            assert!(told || field.is_empty(), "{field} of {body}: {}", answer.text);
        }
    }

    async fn discovery_names_keys_and_issuer(world: World) {
        let issuer = Issuer::start().await;
        machine(&world, "sync", "_scim_provisioner").await;
        issuer.discoverable();
        let body = with(sound("found", ""), &json!({"jwks": {"discovery": issuer.url()}, "issuer": null}));
        let made = world.admin().post(AT, body).await.data();
        assert_eq!(made["jwtTrust"]["issuer"], issuer.url(), "the discovered issuer is the issuer");
        assert_eq!(codes(&made), ["plain_http"], "{made}");
        present(&world, &with(good(), &json!({"iss": issuer.url()}))).await.expect(200);
        assert_eq!(present(&world, &good()).await.status, 401, "another issuer");
        let slash = with(sound("slash", ""), &json!({"jwks": {"discovery": format!("{}/", issuer.url())}}));
        let made = world.admin().post(AT, slash).await.data();
        let warning = &made["warnings"].as_array().unwrap().iter().find(|w| w["code"] == "keys_unreachable").unwrap()["message"];
        assert!(warning.as_str().unwrap().contains("exactly as it writes itself"), "{made}");
    }

    async fn stored_keys_need_no_network(world: World) {
        machine(&world, "sync", "_scim_provisioner").await;
        let weak = json!({"kty": "oct", "k": "AAAA"});
        let body = with(sound("fixed", ""), &json!({"jwks": {"keys": [es256().jwk()]}}));
        let made = world.admin().post(AT, body.clone()).await.data();
        assert_eq!(codes(&made), ["stored_keys"], "{made}");
        present(&world, &good()).await.expect(200);
        let other = with(body, &json!({"identifier": "b", "jwks": {"keys": [es256().jwk(), weak]}}));
        world.admin().post(AT, other).await.expect(400);
    }

    async fn an_expired_token_is_told_so_by_whichever_trust_has_its_key(world: World) {
        machine(&world, "sync", "_scim_provisioner").await;
        let [first, second] = ["first", "second"].map(|kid| TestKey::generate(Algorithm::Es256, kid));
        for (id, key) in [("a", &first), ("b", &second)] {
            let body = with(sound(id, ""), &json!({"jwks": {"keys": [key.jwk()]}}));
            world.admin().post(AT, body).await.data();
        }
        let now = world.app.clock.now().secs();
        let late = with(good(), &json!({"exp": now - 1_000, "iat": now - 2_000, "nbf": now - 2_000}));
        for (key, code) in [(&first, "token_expired"), (&second, "token_expired"), (es256(), "token_untrusted")] {
            let answer = world.bearer(&key.sign(&late)).get(USERS).await.expect(401);
            let told = format!("error_description=\"{code}\"");
            assert!(answer.header("www-authenticate").contains(&told), "{}", answer.header("www-authenticate"));
        }
    }

    async fn the_keys_for_what_is_told_of_an_expired_token_are_asked_for_at_once(world: World) {
        let issuer = Issuer::start().await;
        machine(&world, "sync", "_scim_provisioner").await;
        for n in 0..8 {
            let document = sound(&format!("t{n}"), &format!("{}/{n}", issuer.url()));
            world.admin().post(AT, document).await.data();
        }
        world.app.clock.advance_secs(2 * 86_400);
        // Who is asked only after another one was asked in vain comes too late.
        issuer.publish(Publishes::Together(8, jwks([es256()])));
        let told = present(&world, &good()).await.expect(401);
        assert_eq!(told.json["code"], "token_expired", "{}", told.text);
    }

    async fn unknown_keys_of_several_trusts_are_asked_for_at_once(world: World) {
        let issuer = Issuer::start().await;
        machine(&world, "sync", "_scim_provisioner").await;
        for id in ["a", "b", "c"] {
            world.admin().post(AT, sound(id, &format!("{}/{id}", issuer.url()))).await.data();
        }
        let next = TestKey::generate(Algorithm::Es256, "next");
        // Who is asked only after another one was asked in vain comes too late for the first.
        issuer.publish(Publishes::Together(3, jwks([&next])));
        let who = world.bearer(&next.sign(&good())).get("/ng/api/whoami?accountIdentifier=acme").await.data();
        assert_eq!(who["credential"]["trust"], "a", "{who}");
    }

    async fn nobody_is_asked_anew_whose_turn_does_not_come(world: World) {
        let (first, second) = (Issuer::start().await, Issuer::start().await);
        machine(&world, "sync", "_scim_provisioner").await;
        let next = TestKey::generate(Algorithm::Es256, "next");
        second.publish_keys([&next]);
        for (id, issuer) in [("a", &first), ("b", &second)] {
            world.admin().post(AT, sound(id, &issuer.jwks_url())).await.data();
        }
        let before = (first.connections(), second.connections());
        present(&world, &good()).await.expect(200);
        assert_eq!((first.connections(), second.connections()), before, "the first trust has the key");
        world.bearer(&next.sign(&good())).get(USERS).await.expect(200);
        let after = (before.0 + 1, before.1);
        assert_eq!((first.connections(), second.connections()), after, "the second has it, and the first may");
    }

    async fn a_trust_that_is_made_again_has_its_own_keys(world: World) {
        machine(&world, "sync", "_scim_provisioner").await;
        let next = TestKey::generate(Algorithm::Es256, "next");
        let stored = |key: &TestKey| with(sound("fixed", ""), &json!({"jwks": {"keys": [key.jwk()]}}));
        world.admin().post(AT, stored(es256())).await.data();
        present(&world, &good()).await.expect(200);
        world.app.clock.advance_secs(1);
        world.admin().delete(&format!("{AT}/fixed")).await.expect(200);
        world.admin().post(AT, stored(&next)).await.data();
        assert_eq!(present(&world, &good()).await.status, 401);
        world.bearer(&next.sign(&good())).get(USERS).await.expect(200);
    }

    async fn a_disabled_trust_lets_nobody_in(world: World) {
        machine(&world, "sync", "_scim_provisioner").await;
        let body = with(sound("fixed", ""), &json!({"jwks": {"keys": [es256().jwk()]}}));
        let admin = world.admin();
        let made = admin.post(AT, body).await;
        let first = made.header("etag").to_owned();
        let replica = world.replica();
        present(&replica, &good()).await.expect(200);
        let off = admin.with("if-match", &first).post(&format!("{AT}/fixed/disable"), json!({})).await.data();
        assert_eq!(off["jwtTrust"]["enabled"], false);
        assert!(codes(&off).contains(&"disabled"), "{off}");
        assert_eq!(present(&replica, &good()).await.status, 401, "with the next request, on every replica");
        admin.with("if-match", &first).post(&format!("{AT}/fixed/enable"), json!({})).await.expect(412);
        assert_eq!(admin.post(&format!("{AT}/fixed/enable"), json!({})).await.data()["jwtTrust"]["enabled"], true);
        let again = admin.post(&format!("{AT}/fixed/enable"), json!({})).await;
        assert_eq!(again.header("etag"), first.replace("-1\"", "-3\""), "nothing happened");
        present(&replica, &good()).await.expect(200);
    }

    async fn the_tag_of_a_deleted_trust_does_not_come_back(world: World) {
        machine(&world, "sync", "_scim_provisioner").await;
        let (body, admin) = (with(sound("fixed", ""), &json!({"jwks": {"keys": [es256().jwk()]}})), world.admin());
        let old = admin.post(AT, body.clone()).await.header("etag").to_owned();
        world.app.clock.advance_secs(1);
        admin.delete(&format!("{AT}/fixed")).await.data();
        let new = admin.post(AT, body.clone()).await.header("etag").to_owned();
        admin.with("if-match", &old).put(&format!("{AT}/fixed"), body.clone()).await.expect(412);
        admin.with("if-match", &new).put(&format!("{AT}/fixed"), body).await.expect(200);
    }

    async fn only_who_may_edit_settings_may_change_trusts(world: World) {
        machine(&world, "sync", "_scim_provisioner").await;
        let viewer = world.machine("viewer", Some("_account_viewer")).await;
        let body = with(sound("fixed", ""), &json!({"jwks": {"keys": [es256().jwk()]}}));
        world.admin().post(AT, body.clone()).await.data();
        viewer.get(AT).await.data();
        viewer.get(&format!("{AT}/fixed")).await.data();
        for (method, path) in [
            (Method::POST, AT.to_owned()), (Method::PUT, format!("{AT}/fixed")), (Method::DELETE, format!("{AT}/fixed")),
            (Method::POST, format!("{AT}/fixed/disable")), (Method::POST, format!("{AT}/fixed/keys/refresh")),
        ] {
            let text = viewer.send(method, &path, Some(body.to_string())).await.refused(403, "NG_ACCESS_DENIED");
            assert!(text.contains("core_setting_edit"), "{path}: {text}");
        }
        let text = world.admin().get(&format!("{AT}?orgIdentifier=o1")).await.refused(400, "INVALID_REQUEST");
        assert!(text.contains("belong to the account"), "{text}");
    }
}

fn secret_key() -> Value {
    let mut key = es256().jwk();
    key["d"] = json!("AAAA");
    key
}

both_engines! {
    async fn the_settings_make_the_default_trust(world: World) {
        let issuer = Issuer::start().await;
        let admin = world.admin();
        admin.get(&format!("{AT}/default")).await.refused(404, "ENTITY_NOT_FOUND");
        trust(&world, &issuer.jwks_url()).await;
        let shown = admin.get(&format!("{AT}/default")).await;
        let before = shown.header("etag").to_owned();
        let shown = shown.data();
        assert_eq!(shown["isDefault"], true);
        let document = &shown["jwtTrust"];
        assert_eq!((&document["jwks"], &document["serviceAccount"]), (&json!({"url": issuer.jwks_url()}), &json!("sync")));
        assert_eq!(document["rules"], json!([{"claim": "team", "op": "equals", "value": "identity"}]));
        assert_eq!(codes(&shown), ["no_issuer", "no_audience", "plain_http"]);
        assert_eq!(admin.get(AT).await.data()["totalItems"], 1);

        settings(&world, &issuer.jwks_url(), "team", "operations", "sync").await;
        let shown = admin.get(&format!("{AT}/default")).await;
        assert_ne!(shown.header("etag"), before, "another version");
        assert_eq!(shown.data()["jwtTrust"]["rules"][0]["value"], "operations");
        assert_eq!(present(&world, &claims()).await.status, 401);

        let restore = json!([{"identifier": "scim_jwt_token_value_field", "updateType": "RESTORE"}]);
        admin.put("/ng/api/settings", restore).await.data();
        admin.get(&format!("{AT}/default")).await.refused(404, "ENTITY_NOT_FOUND");
        assert_eq!((admin.get(AT).await.data()["totalItems"].as_i64(), world.count("jwt_trusts").await), (Some(0), 0));
    }

    async fn the_default_trust_writes_the_settings(world: World) {
        let issuer = Issuer::start().await;
        trust(&world, &issuer.jwks_url()).await;
        world.machine("other", None).await;
        let admin = world.admin();
        let value = async |id: &str| admin.get(&format!("/ng/api/settings/{id}")).await.data()["value"].clone();
        let mut document = admin.get(&format!("{AT}/default")).await.data()["jwtTrust"].clone();
        document["rules"][0] = json!({"claim": "/org/unit", "op": "equals", "value": "7"});
        document["rules"].as_array_mut().unwrap().push(json!({"claim": "sub", "op": "glob", "value": "sync*"}));
        document["serviceAccount"] = json!("other");
        document["audiences"] = json!(["muster"]);
        document["audiencePolicy"] = json!("required");
        let second = Issuer::start().await;
        document["jwks"] = json!({"url": second.jwks_url()});
        let after = admin.put(&format!("{AT}/default"), document.clone()).await.data();
        assert_eq!(after["jwtTrust"], document);
        assert_eq!(value("scim_jwt_token_key_field").await, "/org/unit");
        assert_eq!(value("scim_jwt_token_value_field").await, "7");
        assert_eq!(value("scim_jwt_token_service_account_id").await, "other");
        assert_eq!(value("scim_jwt_token_jwks_keys_url").await, second.jwks_url());
        let trail = world.trail().await;
        assert_eq!(trail.iter().filter(|row| row.starts_with("UPDATE SETTING")).count(), 8, "four by each way: {trail:#?}");

        // The settings change what they can say, keep the rest, and say so.
        let items = settings(&world, &issuer.jwks_url(), "team", "identity", "sync").await;
        for item in items.as_array().unwrap() {
            let warning = item["warning"].as_str().unwrap_or_default();
            assert!(item["updateStatus"] == true && warning.contains("audiences, audiencePolicy, rules"), "{item}");
        }
        let now = admin.get(&format!("{AT}/default")).await.data()["jwtTrust"].clone();
        assert_eq!(now["rules"], json!([
            {"claim": "team", "op": "equals", "value": "identity"}, {"claim": "sub", "op": "glob", "value": "sync*"}
        ]));
        assert_eq!(now["audiences"], json!(["muster"]));
        assert_eq!(present(&world, &claims()).await.status, 401, "no audience");
        present(&world, &good()).await.expect(200);

        admin.post(&format!("{AT}/default/disable"), json!({})).await.data();
        let items = settings(&world, &issuer.jwks_url(), "team", "identity", "sync").await;
        assert!(items[0]["warning"].as_str().unwrap().contains("It is disabled"), "{items}");
        assert_eq!(present(&world, &good()).await.status, 401);

        admin.delete(&format!("{AT}/default")).await.data();
        assert_eq!(value("scim_jwt_token_key_field").await, Value::Null);
        // Made anew by settings alone, it has nothing of the old one.
        let items = settings(&world, &issuer.jwks_url(), "team", "identity", "sync").await;
        for item in &items.as_array().unwrap()[..3] {
            assert_eq!(item["warning"], Value::Null, "{item}");
        }
        let weak = items[3]["warning"].as_str().unwrap();
        assert!(weak.starts_with("Stored. Of the JWT trust /ng/api/jwt-trusts/default know: no_issuer: "), "{weak}");
        assert!(weak.contains(" no_audience: ") && !weak.contains("also has"), "{weak}");
        present(&world, &claims()).await.expect(200);
    }

    async fn another_service_account_of_the_identifier_is_nobody_of_the_trust(world: World) {
        let issuer = Issuer::start().await;
        machine(&world, "sync", "_scim_provisioner").await;
        let (admin, document) = (world.admin(), sound("okta", &issuer.jwks_url()));
        let first = admin.post(AT, document.clone()).await.header("etag").to_owned();
        present(&world, &good()).await.expect(200);
        let told = async || codes(&admin.get(&format!("{AT}/okta")).await.data()).last().map(|code| (*code).to_owned());
        assert_eq!(told().await.as_deref(), Some("plain_http"));

        admin.delete("/ng/api/serviceaccount/sync").await.data();
        assert_eq!(told().await.as_deref(), Some("service_account_missing"));
        world.app.clock.advance_secs(1);
        machine(&world, "sync", "_scim_provisioner").await;
        assert_eq!(present(&world, &good()).await.status, 401, "whoever made this one may not know of the trust");
        assert_eq!(told().await.as_deref(), Some("service_account_replaced"));
        assert_eq!(codes(&admin.get(AT).await.data()["content"][0]).last(), Some(&"service_account_replaced"));
        let explained = json!({"token": es256().sign(&good())});
        let text = admin.post(&format!("{AT}/okta/explain"), explained).await.text;
        assert!(text.contains("another one of this identifier, made at "), "{text}");

        // To switch it off and on says nothing of the service account; to store it does.
        admin.post(&format!("{AT}/okta/disable"), json!({})).await.data();
        let on = admin.post(&format!("{AT}/okta/enable"), json!({})).await.data();
        assert_eq!(codes(&on).last(), Some(&"service_account_replaced"));
        assert_eq!(present(&world, &good()).await.status, 401);
        let stored = admin.put(&format!("{AT}/okta"), document.clone()).await;
        let second = stored.header("etag").to_owned();
        assert_ne!(second, first);
        assert_eq!(codes(&stored.data()), ["plain_http"]);
        present(&world, &good()).await.expect(200);
        let again = admin.put(&format!("{AT}/okta"), document).await;
        assert_eq!(again.header("etag"), second, "nothing is to be changed");
    }

    async fn the_setting_stored_anew_means_the_service_account_that_is_there(world: World) {
        let issuer = Issuer::start().await;
        trust(&world, &issuer.jwks_url()).await;
        present(&world, &claims()).await.expect(200);
        let admin = world.admin();
        admin.delete("/ng/api/serviceaccount/sync").await.data();
        world.app.clock.advance_secs(1);
        machine(&world, "sync", "_scim_provisioner").await;
        let put = async |id: &str, value: &str| {
            admin.put("/ng/api/settings", json!([{"identifier": id, "value": value}])).await.data()[0].clone()
        };
        let item = put("scim_jwt_token_value_field", "identity").await;
        assert!(item["warning"].as_str().unwrap().contains("service_account_replaced: "), "{item}");
        put("scim_jwt_token_value_field", "operations").await;
        put("scim_jwt_token_value_field", "identity").await;
        assert_eq!(present(&world, &claims()).await.status, 401);
        let item = put("scim_jwt_token_service_account_id", "sync").await;
        assert!(!item["warning"].as_str().unwrap().contains("service_account"), "{item}");
        present(&world, &claims()).await.expect(200);

        // Nobody was there when the settings became complete again: whoever comes later is not meant.
        let restore = json!([{"identifier": "scim_jwt_token_value_field", "updateType": "RESTORE"}]);
        admin.put("/ng/api/settings", restore).await.data();
        admin.delete("/ng/api/serviceaccount/sync").await.data();
        put("scim_jwt_token_value_field", "identity").await;
        world.app.clock.advance_secs(1);
        machine(&world, "sync", "_scim_provisioner").await;
        assert_eq!(present(&world, &claims()).await.status, 401);
    }

    async fn the_end_of_the_default_trust_is_told_and_recorded(world: World) {
        let issuer = Issuer::start().await;
        machine(&world, "sync", "_scim_provisioner").await;
        let admin = world.admin();
        let mut document = sound("default", &issuer.jwks_url());
        document["enabled"] = json!(false);
        document["rules"].as_array_mut().unwrap().push(json!({"claim": "sub", "op": "glob", "value": "sync*"}));
        admin.post(AT, document).await.data();
        let of_trusts = async || {
            let mut rows = world.trail().await;
            rows.retain(|row| row.contains(" JWT_TRUST "));
            rows
        };
        assert_eq!(of_trusts().await.len(), 1);
        let value = "scim_jwt_token_value_field";
        let restore = json!([{"identifier": value, "updateType": "RESTORE"}]);
        let item = admin.put("/ng/api/settings", restore.clone()).await.data()[0].clone();
        let warning = item["warning"].as_str().unwrap_or_default();
        for part in ["This ends the default JWT trust", "issuer", "audiences", "rules", "It was disabled.", "disabled as this one was and with nothing"] {
            assert!(warning.contains(part), "{part}: {item}");
        }
        let rows = of_trusts().await;
        let ends: Vec<_> = rows.iter().filter(|row| row.starts_with("DELETE JWT_TRUST default")).collect();
        assert_eq!(ends.len(), 1, "{rows:#?}");
        assert!(ends[0].contains("\"old\":{") && ends[0].contains("\"enabled\":false") && ends[0].contains(ISSUER), "{ends:?}");
        // Where there is no trust any more, none ends.
        let again = admin.put("/ng/api/settings", restore.clone()).await.data()[0].clone();
        assert_eq!((&again["warning"], of_trusts().await.len()), (&Value::Null, 2));

        let back = json!([{"identifier": value, "value": "identity", "updateType": "UPDATE"}]);
        let item = admin.put("/ng/api/settings", back.clone()).await.data()[0].clone();
        let warning = item["warning"].as_str().unwrap_or_default();
        assert!(warning.contains("beyond the settings: enabled. It is disabled"), "{item}");
        // What was switched off stays so, and nothing else of it is left.
        let trust = admin.get(&format!("{AT}/default")).await.data()["jwtTrust"].clone();
        assert_eq!((&trust["enabled"], trust["rules"].as_array().map(Vec::len)), (&json!(false), Some(1)), "{trust}");
        assert_eq!((&trust["issuer"], &trust["audiences"]), (&Value::Null, &json!([])), "{trust}");
        assert_eq!(present(&world, &claims()).await.status, 401);
        let rows = of_trusts().await;
        let begins: Vec<_> = rows.iter().filter(|row| row.starts_with("CREATE JWT_TRUST default")).collect();
        assert_eq!((begins.len(), rows.len()), (2, 3), "{rows:#?}");
        assert!(begins.iter().all(|row| row.contains("\"enabled\":false")), "{begins:#?}");

        // Switched on, it comes back so.
        admin.post(&format!("{AT}/default/enable"), json!({})).await.data();
        let item = admin.put("/ng/api/settings", restore.clone()).await.data()[0].clone();
        assert!(item["warning"].as_str().unwrap_or_default().contains("enabled and with nothing"), "{item}");
        admin.put("/ng/api/settings", back.clone()).await.data();
        assert_eq!(admin.get(&format!("{AT}/default")).await.data()["jwtTrust"]["enabled"], true);

        // One that is made as a trust says itself how it is.
        admin.post(&format!("{AT}/default/disable"), json!({})).await.data();
        admin.put("/ng/api/settings", restore).await.data();
        admin.get(&format!("{AT}/default")).await.refused(404, "ENTITY_NOT_FOUND");
        assert_eq!(admin.get(AT).await.data()["totalItems"], 0);
        admin.post(AT, sound("default", &issuer.jwks_url())).await.data();
        assert_eq!(admin.get(&format!("{AT}/default")).await.data()["jwtTrust"]["enabled"], true);
    }

    async fn a_setting_that_names_no_claim_ends_no_trust(world: World) {
        let issuer = Issuer::start().await;
        machine(&world, "sync", "_scim_provisioner").await;
        let admin = world.admin();
        admin.post(AT, sound("default", &issuer.jwks_url())).await.data();
        let before = admin.get(&format!("{AT}/default")).await.data();
        for claim in ["/client~id", "/a~2"] {
            let change = json!([{"identifier": "scim_jwt_token_key_field", "value": claim, "updateType": "UPDATE"}]);
            let item = admin.put("/ng/api/settings", change).await.data()[0].clone();
            let told = item["errorMessage"].as_str().unwrap_or_default();
            assert!(item["updateStatus"] == false && told.contains("JSON Pointer"), "{item}");
        }
        assert_eq!(admin.get(&format!("{AT}/default")).await.data(), before);
        present(&world, &good()).await.expect(200);
    }

    async fn what_the_settings_cannot_say_is_no_default_trust(world: World) {
        let issuer = Issuer::start().await;
        trust(&world, &issuer.jwks_url()).await;
        let admin = world.admin();
        let document = admin.get(&format!("{AT}/default")).await.data()["jwtTrust"].clone();
        for (changes, field) in [
            (json!({"jwks": {"keys": [es256().jwk()]}}), "jwks"),
            (json!({"jwks": {"discovery": "https://issuer.example"}}), "jwks"),
            (json!({"rules": []}), "rules"),
            (json!({"rules": [{"claim": "team", "op": "equals", "value": 7}]}), "rules"),
            (json!({"rules": [{"claim": "team", "op": "oneOf", "value": ["identity"]}]}), "rules"),
        ] {
            let answer = admin.put(&format!("{AT}/default"), with(document.clone(), &changes)).await.expect(400);
            assert_eq!(answer.json["errors"][0]["fieldId"], field, "{}", answer.text);
        }
        assert_eq!(admin.get(&format!("{AT}/default")).await.data()["jwtTrust"], document, "nothing has changed");
        let again = admin.post(AT, document.clone()).await.refused(400, "DUPLICATE_FIELD");
        assert!(again.contains("default"), "{again}");
        admin.delete(&format!("{AT}/default")).await.data();
        admin.post(AT, document.clone()).await.data();
        let items = admin.get("/ng/api/settings?category=SCIM&group=scim_jwt_token_configuration_g1").await.data();
        let values: Vec<_> = items.as_array().unwrap().iter().map(|item| item["setting"]["value"].clone()).collect();
        assert!(!values.contains(&Value::Null), "made as a trust, the settings are there: {items}");
        present(&world, &claims()).await.expect(200);
    }
}

both_engines! {
    async fn the_issuer_chooses_and_the_order_is_fixed(world: World) {
        for id in ["sync", "one", "two", "three"] {
            machine(&world, id, "_scim_provisioner").await;
        }
        let make = async |id: &str, changes: Value| {
            let keys = json!({"jwks": {"keys": [es256().jwk()]}, "serviceAccount": id, "issuer": null, "audiences": []});
            world.admin().post(AT, with(with(sound(id, ""), &keys), &changes)).await.data();
        };
        make("two", json!({})).await;
        make("one", json!({})).await;
        make("three", json!({"issuer": ISSUER})).await;
        let who = async |claims: Value| {
            let answer = world.bearer(&es256().sign(&claims)).get("/ng/api/whoami?accountIdentifier=acme").await;
            answer.json["data"]["credential"]["trust"].as_str().map(str::to_owned)
        };
        assert_eq!(who(claims()).await.as_deref(), Some("three"), "who names the issuer comes first");
        let other = with(claims(), &json!({"iss": "https://else.example"}));
        assert_eq!(who(other.clone()).await.as_deref(), Some("one"), "then by identifier");
        world.admin().post(&format!("{AT}/one/disable"), json!({})).await.data();
        assert_eq!(who(other).await.as_deref(), Some("two"));
        let wrong = with(claims(), &json!({"team": "x"}));
        assert_eq!(who(wrong).await, None, "no trust's rule holds");
    }

    async fn a_later_trust_takes_no_token_before_the_keys_of_an_earlier_are_fetched(world: World) {
        for id in ["sync", "one", "two"] {
            machine(&world, id, "_scim_provisioner").await;
        }
        let issuer = Issuer::start().await;
        issuer.publish_keys([TestKey::shared(Algorithm::Rs256)]);
        let jwks = [json!({"url": issuer.jwks_url()}), json!({"keys": [es256().jwk()]})];
        for (id, jwks) in ["one", "two"].into_iter().zip(jwks) {
            let document = with(sound(id, ""), &json!({"jwks": jwks, "serviceAccount": id}));
            world.admin().post(AT, document).await.data();
        }
        let who = async || {
            world.app.clock.advance_secs(31);
            let claims = with(good(), &json!({"jti": world.app.rng.uuid()}));
            let answer = world.bearer(&es256().sign(&claims)).get("/ng/api/whoami?accountIdentifier=acme").await;
            answer.data()["credential"]["trust"].as_str().map(str::to_owned)
        };
        assert_eq!(who().await.as_deref(), Some("two"), "the first trust's issuer does not have the key");
        issuer.publish_keys([es256()]);
        world.app.clock.advance_secs(60);
        assert_eq!(who().await.as_deref(), Some("one"), "the first trust's issuer has it now");
    }

    async fn four_signature_checks_are_the_most(world: World) {
        machine(&world, "sync", "_scim_provisioner").await;
        // The same kid, another key: each of them costs a check.
        let make = async |id: &str, key: &TestKey| {
            let body = with(sound(id, ""), &json!({"jwks": {"keys": [key.jwk()]}}));
            world.admin().post(AT, body).await.data();
        };
        for id in ["a1", "a2", "a3"] {
            make(id, &TestKey::generate(Algorithm::Es256, es256().kid())).await;
        }
        make("b1", es256()).await;
        present(&world, &good()).await.expect(200);
        make("a4", &TestKey::generate(Algorithm::Es256, es256().kid())).await;
        assert_eq!(present(&world, &good()).await.status, 401, "the fifth is not tried");
        // What the cheap checks refuse costs none.
        let at = format!("{AT}/a4");
        let document = world.admin().get(&at).await.data()["jwtTrust"].clone();
        world.admin().put(&at, with(document, &json!({"audiences": ["else"]}))).await.data();
        present(&world, &good()).await.expect(200);
    }

    async fn each_surface_has_its_own_trusts(world: World) {
        machine(&world, "sync", "_account_admin").await;
        let body = with(sound("fixed", ""), &json!({"jwks": {"keys": [es256().jwk()]}}));
        world.admin().post(AT, body.clone()).await.data();
        let token = es256().sign(&good());
        let settings = "/ng/api/settings?accountIdentifier=acme&category=SCIM";
        world.bearer(&token).get(settings).await.refused(401, "INVALID_TOKEN");
        let refused = world.holder(&token).get(settings).await;
        let told = "Bearer error=\"invalid_token\", error_description=\"token_untrusted\"";
        assert_eq!(refused.header("www-authenticate"), told, "as on SCIM");
        refused.refused(401, "INVALID_TOKEN");
        let both = with(body, &json!({"surfaces": ["platform", "scim"], "maxLifetimeSeconds": 3600}));
        let shown = world.admin().put(&format!("{AT}/fixed"), both.clone()).await.data();
        assert_eq!(shown["jwtTrust"]["surfaces"], json!(["scim", "platform"]));
        assert_eq!(codes(&shown), ["platform_surface", "stored_keys"], "{shown}");
        for client in [world.bearer(&token), world.holder(&token)] {
            client.get(settings).await.data();
            client.get("/ng/api/settings?category=SCIM").await.refused(400, "INVALID_REQUEST");
        }
        present(&world, &good()).await.expect(200);
        world.admin().put(&format!("{AT}/fixed"), with(both, &json!({"surfaces": ["platform"]}))).await.data();
        assert_eq!(present(&world, &good()).await.status, 401, "also one that was remembered");
    }

    async fn a_token_in_its_leeway_is_taken_as_long_as_its_request_goes_on(world: World) {
        machine(&world, "sync", "_account_admin").await;
        let both = json!({"jwks": {"keys": [es256().jwk()]}, "surfaces": ["scim", "platform"]});
        world.admin().post(AT, with(sound("main", ""), &both)).await.data();
        let exp = START.secs() - 10;
        let token = es256().sign(&with(good(), &json!({"exp": exp, "iat": START.secs() - 100})));
        let (scim, platform) = (world.bearer(&token), world.holder(&token));
        scim.post_late("/scim/v2/acme/Users", json!({"userName": "ada"})).await.expect(201);
        let organization = json!({"organization": {"identifier": "one", "name": "one"}});
        platform.post_late("/ng/api/organizations?accountIdentifier=acme", organization).await.data();
        let events = "/ng/api/events?accountIdentifier=acme";
        let latest = platform.get(events).await.data()["latest"].clone();
        platform.get(&format!("{events}&after={latest}&waitSeconds=1")).await.data();
        let who = platform.get("/ng/api/whoami?accountIdentifier=acme").await.data();
        assert_eq!(who["credential"]["expiresAt"], exp * 1_000, "as the token says");
        world.app.clock.advance_secs(20);
        scim.get(USERS).await.expect(401);
    }

    async fn a_token_is_taken_once_where_replays_are_refused(world: World) {
        machine(&world, "sync", "_scim_provisioner").await;
        let keys = json!({"jwks": {"keys": [es256().jwk()]}, "replay": "on"});
        let made = world.admin().post(AT, with(sound("once", ""), &keys)).await.data();
        assert_eq!(made["jwtTrust"]["requireJti"], true);
        assert_eq!(present(&world, &good()).await.status, 401, "no jti");
        let replica = world.replica();
        let first = with(good(), &json!({"jti": "1"}));
        present(&world, &first).await.expect(200);
        for server in [&world, &replica] {
            assert_eq!(present(server, &first).await.json["code"], "token_untrusted");
        }
        present(&replica, &with(good(), &json!({"jti": "2"}))).await.expect(200);
        let third = es256().sign(&with(good(), &json!({"jti": "3"})));
        let race = async |server: &World| server.bearer(&third).get(USERS).await.status;
        let (a, b, c) = tokio::join!(race(&world), race(&replica), race(&world));
        let taken = [a, b, c].into_iter().filter(|status| *status == 200).count();
        assert_eq!(taken, 1, "{a} {b} {c}");
        // A trust made anew under the same identifier does not take it again.
        let document = world.admin().get(&format!("{AT}/once")).await.data()["jwtTrust"].clone();
        world.admin().delete(&format!("{AT}/once")).await.data();
        world.admin().post(AT, document).await.data();
        assert_eq!(present(&world, &first).await.status, 401);
        assert_eq!(world.count("jwt_replays").await, 3);
        muster::trust::actions::purge_ended(&world.app).await.unwrap();
        assert_eq!(world.count("jwt_replays").await, 3, "they could still come");
        world.app.clock.advance_secs(700);
        assert_eq!(muster::trust::actions::purge_ended(&world.app).await.unwrap(), 3);
    }
}
