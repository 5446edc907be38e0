//! Rows of trusts that no client would be let write now: of another release, or damaged. What the settings
//! must not make of them, and that the other trusts hold and everything can be mended through the API.

use jose::Algorithm;
use jose::testing::TestKey;
use serde_json::{Value, json};

use crate::actors::World;
use crate::both_engines;
use crate::issuer::{Issuer, claims, settings, trust};

const AT: &str = "/ng/api/jwt-trusts";
const USERS: &str = "/scim/v2/acme/Users?count=0";
const URL: &str = "scim_jwt_token_jwks_keys_url";
const FIELD: &str = "scim_jwt_token_key_field";
const VALUE: &str = "scim_jwt_token_value_field";

async fn status(world: &World) -> u16 {
    world.bearer(&TestKey::shared(Algorithm::Es256).sign(&claims())).get(USERS).await.status
}

/// The one item of a PUT of one setting; without a value it is unset.
async fn put(world: &World, id: &str, value: Option<&str>) -> Value {
    let kind = if value.is_some() { "UPDATE" } else { "RESTORE" };
    let items = json!([{"identifier": id, "value": value, "updateType": kind}]);
    world.admin().put("/ng/api/settings", items).await.data()[0].clone()
}

/// Writes past the server, whose caches then know that something has changed.
async fn write(world: &World, sql: &'static str, params: [String; 2]) {
    let account = world.account.clone();
    let work = move |tx: &mut db::Tx<'_>| {
        let [first, second] = &params;
        tx.exec(sql, db::params![account.as_str(), first.as_str(), second.as_str()])?;
        tx.exec(
            "UPDATE accounts SET version = version + 1 WHERE account_id = $1",
            db::params![account.as_str()],
        )
    };
    let changed = world.app.db.write::<_, db::Error>("test.row", world.account.as_str(), work).await;
    assert_eq!(changed.expect("the row can be written"), 1);
}

const DOCUMENT: &str = "UPDATE jwt_trusts SET document = $3 WHERE account_id = $1 AND identifier = $2";
const SETTING: &str = "UPDATE settings SET value = $3 WHERE account_id = $1 AND identifier = $2";

/// A trust of another service account, which takes no token of the tests.
fn other(id: &str, url: &str) -> Value {
    json!({
        "identifier": id, "name": id, "serviceAccount": "sync", "jwks": {"url": url},
        "rules": [{"claim": "team", "op": "equals", "value": "nobody"}]
    })
}

both_engines! {
    async fn a_url_that_makes_no_trust_is_not_stored(world: World) {
        let issuer = Issuer::start().await;
        trust(&world, &issuer.jwks_url()).await;
        let long = format!("{}?{}", issuer.jwks_url(), "a".repeat(2_100));
        let item = put(&world, URL, Some(&long)).await;
        let told = item["errorMessage"].as_str().unwrap_or_default();
        assert!(item["updateStatus"] == false && told.contains("at most 2048"), "{item}");
        assert_eq!(status(&world).await, 200);
        // As the first of the four, too.
        world.admin().delete(&format!("{AT}/default")).await.data();
        let items = settings(&world, &long, "team", "identity", "sync").await;
        assert_eq!((&items[0]["updateStatus"], &items[3]["updateStatus"]), (&json!(false), &json!(true)), "{items}");
        assert_eq!(world.admin().get(AT).await.data()["totalItems"], 0);
    }

    async fn what_a_limit_of_now_would_refuse_still_holds_and_can_be_changed(world: World) {
        let issuer = Issuer::start().await;
        trust(&world, &issuer.jwks_url()).await;
        let admin = world.admin();
        let at = format!("{AT}/default");
        let mut document = admin.get(&at).await.data()["jwtTrust"].clone();
        let long = format!("{}?{}", issuer.jwks_url(), "a".repeat(2_100));
        document["jwks"]["url"] = json!(long);
        document["name"] = json!("a name (of another release)");
        document["audiences"] = (0..60).map(|n| format!("audience-{n}")).collect();
        document["audiencePolicy"] = json!("off");
        document["maxLifetimeSeconds"] = json!(40_000_000);
        write(&world, SETTING, [URL.into(), long]).await;
        write(&world, DOCUMENT, ["default".into(), document.to_string()]).await;
        assert_eq!(status(&world).await, 200);
        assert_eq!(admin.get(&at).await.data()["jwtTrust"], document);
        assert_eq!(admin.get(AT).await.data()["totalItems"], 1);
        // What would be written anew has to be as it may be now.
        let item = put(&world, VALUE, Some("else")).await;
        let told = item["errorMessage"].as_str().unwrap_or_default();
        assert!(item["updateStatus"] == false && told.contains("jwks.url"), "{item}");
        assert_eq!(status(&world).await, 200, "and is not changed else");
        document["name"] = json!("default");
        document["jwks"]["url"] = json!(issuer.jwks_url());
        document["maxLifetimeSeconds"] = json!(86_400);
        document["audiences"] = json!([]);
        admin.put(&at, document).await.data();
        assert_eq!(put(&world, VALUE, Some("identity")).await["updateStatus"], true);
        assert_eq!(status(&world).await, 200);
    }

    async fn a_row_that_cannot_be_read_takes_no_other_trust_along(world: World) {
        let issuer = Issuer::start().await;
        trust(&world, &issuer.jwks_url()).await;
        let admin = world.admin();
        let at = format!("{AT}/broken");
        for damage in ["{", "[]", r#"{"identifier":"broken","newer":true}"#] {
            admin.post(AT, other("broken", &issuer.jwks_url())).await.data();
            write(&world, DOCUMENT, ["broken".into(), damage.into()]).await;
            assert_eq!(status(&world).await, 200, "{damage}");
            let listed = admin.get(AT).await.data();
            assert_eq!((&listed["totalItems"], &listed["content"][0]["jwtTrust"]["identifier"]), (&json!(1), &json!("default")));
            assert_eq!(put(&world, VALUE, Some("identity")).await["updateStatus"], true);
            for told in [
                admin.get(&at).await, admin.put(&at, other("broken", &issuer.jwks_url())).await, admin.post(AT, other("broken", &issuer.jwks_url())).await,
                admin.get(&format!("{at}/keys")).await, admin.post(&format!("{at}/keys/refresh"), json!({})).await,
                admin.post(&format!("{at}/explain"), json!({"token": "a.b.c"})).await,
            ] {
                let told = told.refused(400, "INVALID_REQUEST");
                assert!(told.contains("cannot be read as it is stored") && told.contains("delete it"), "{told}");
            }
            admin.with("if-match", "\"1-1\"").delete(&at).await.expect(412);
            admin.delete(&at).await.data();
            admin.get(&at).await.refused(404, "ENTITY_NOT_FOUND");
        }
        assert!(world.trail().await.iter().any(|row| row.starts_with("DELETE JWT_TRUST broken") && row.contains("unreadable")));
    }

    async fn a_default_trust_that_cannot_be_read_ends_by_its_settings_or_by_itself(world: World) {
        let issuer = Issuer::start().await;
        trust(&world, &issuer.jwks_url()).await;
        let admin = world.admin();
        let at = format!("{AT}/default");
        let damage = async || write(&world, DOCUMENT, ["default".into(), r#"{"newer":true}"#.into()]).await;
        damage().await;
        assert_eq!(status(&world).await, 401, "what it says more than the settings is not known");
        let item = put(&world, VALUE, Some("identity")).await;
        let told = item["errorMessage"].as_str().unwrap_or_default();
        assert!(item["updateStatus"] == false && told.contains("cannot be read") && told.contains("DELETE"), "{item}");
        let item = put(&world, FIELD, None).await;
        assert!(item["updateStatus"] == true && item["warning"].as_str().unwrap_or_default().contains("disabled"), "{item}");
        // Nobody is let in whom somebody may have shut out.
        assert_eq!(put(&world, FIELD, Some("team")).await["updateStatus"], true);
        assert_eq!((admin.get(&at).await.data()["jwtTrust"]["enabled"].as_bool(), status(&world).await), (Some(false), 401));
        admin.post(&format!("{at}/enable"), json!({})).await.data();
        assert_eq!(status(&world).await, 200);

        damage().await;
        admin.delete(&at).await.data();
        assert_eq!(admin.get(&format!("/ng/api/settings/{URL}")).await.data()["value"], Value::Null);
        settings(&world, &issuer.jwks_url(), "team", "identity", "sync").await;
        assert_eq!(status(&world).await, 200);
    }

    async fn a_default_trust_says_nothing_that_its_settings_cannot_hold(world: World) {
        let issuer = Issuer::start().await;
        world.machine("sync", Some("_scim_provisioner")).await;
        let (long, mut document) = ("x".repeat(4_097), other("default", &issuer.jwks_url()));
        for (member, text) in [("value", "a\0b"), ("claim", "a\0b"), ("value", long.as_str()), ("claim", long.as_str())] {
            document["rules"][0] = json!({"claim": "team", "op": "equals", "value": "identity"});
            document["rules"][0][member] = json!(text);
            let answer = world.admin().post(AT, document.clone()).await.expect(400);
            assert_eq!(answer.json["errors"][0]["fieldId"], format!("rules[0].{member}"), "{}", answer.text);
        }
        document["identifier"] = json!("main");
        world.admin().post(AT, document).await.data();
    }
}
