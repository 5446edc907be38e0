//! A PUT of what is there already: nothing is written, so that no cache of the account becomes stale, nobody
//! who waits is woken, and nothing that was issued ends.

use serde_json::{Value, json};

use crate::actors::World;
use crate::both_engines;
use crate::issuer::{Issuer, settings, trust};

async fn version(world: &World) -> i64 {
    let select = "SELECT version FROM accounts WHERE account_id = 'acme'";
    let read = |tx: &mut db::Tx<'_>| tx.query_one(select, &[], |row| row.get(0));
    world.app.db.house().read::<_, db::Error>("test.version", read).await.expect("the account is there")
}

/// What there is to be changed: where it is made with which body, where it is changed, and to what.
fn things() -> Vec<(&'static str, Value, &'static str, Value)> {
    let setting = |id: &str, value: &str| json!({"identifier": id, "value": value, "updateType": "UPDATE"});
    let trust = |name: &str| {
        json!({"identifier": "main", "name": name, "serviceAccount": "sync", "surfaces": ["scim"],
            "jwks": {"keys": [jose::testing::TestKey::shared(jose::Algorithm::Es256).jwk()]}, "issuer": "https://issuer.example",
            "audiences": ["muster"], "rules": [{"claim": "team", "op": "equals", "value": "identity"}]})
    };
    let role = |name: &str| json!({"identifier": "seer", "name": name, "permissions": ["core_user_view", "core_role_view"]});
    let group = |name: &str| {
        json!({"resourceGroup": {"identifier": "some", "name": name, "accountIdentifier": "acme",
            "includedScopes": [{"filter": "EXCLUDING_CHILD_SCOPES", "accountIdentifier": "acme"}],
            "resourceFilter": {"resources": [{"resourceType": "USER"}]}}})
    };
    let key = |name: &str| {
        json!({"identifier": "spare", "name": name, "apiKeyType": "SERVICE_ACCOUNT", "parentIdentifier": "sync",
            "accountIdentifier": "acme"})
    };
    let token = |name: &str| {
        json!({"identifier": "spare", "name": name, "apiKeyType": "SERVICE_ACCOUNT", "parentIdentifier": "sync",
            "apiKeyIdentifier": "spare", "accountIdentifier": "acme"})
    };
    let organization = |name: &str| json!({"organization": {"identifier": "one", "name": name}});
    let machine = |name: &str| json!({"identifier": "sync", "name": name});
    let schema = |name: &str| {
        json!({"id": "urn:example:badge:1.0:User", "name": name, "appliesTo": "User",
            "attributes": [{"name": "number", "type": "string"}]})
    };
    vec![
        ("/ng/api/serviceaccount", machine("one"), "/ng/api/serviceaccount/sync", machine("another")),
        ("/authz/api/roles", role("one"), "/authz/api/roles/seer", role("another")),
        ("/authz/api/v2/resourcegroup", group("one"), "/authz/api/v2/resourcegroup/some", group("another")),
        ("/ng/api/apikey", key("one"), "/ng/api/apikey/spare", key("another")),
        ("/ng/api/token", token("one"), "/ng/api/token/spare", token("another")),
        ("/ng/api/organizations", organization("one"), "/ng/api/organizations/one", organization("another")),
        ("/ng/api/jwt-trusts", trust("one"), "/ng/api/jwt-trusts/main", trust("another")),
        (
            "/ng/api/scim-schemas",
            schema("One"),
            "/ng/api/scim-schemas/urn:example:badge:1.0:User",
            schema("Another"),
        ),
        ("", Value::Null, "/ng/api/settings", json!([setting("scim_dialect", "okta")])),
        ("", Value::Null, "/ng/api/settings?atomic=true", json!([setting("scim_dialect", "entra")])),
    ]
}

both_engines! {
    async fn a_put_that_changes_nothing_leaves_no_trace(world: World) {
        let admin = world.admin();
        for (made_at, made, at, changed) in things() {
            if !made_at.is_empty() {
                admin.post(made_at, made).await.data();
            }
            let before = (version(&world).await, world.count("audit_rows").await);
            let first = admin.put(at, changed.clone()).await.data();
            let between = (version(&world).await, world.count("audit_rows").await);
            assert!(before.0 < between.0 && before.1 < between.1, "{at}: {before:?} {between:?}");
            world.app.clock.advance_secs(1);
            let second = admin.put(at, changed).await.data();
            assert_eq!(second, first, "{at}");
            assert_eq!((version(&world).await, world.count("audit_rows").await), between, "{at}");
        }
    }

    async fn the_four_settings_sent_again_leave_their_trust_as_it_is(world: World) {
        let issuer = Issuer::start().await;
        trust(&world, &issuer.jwks_url()).await;
        let shown = world.admin().get("/ng/api/jwt-trusts/default").await;
        let (tag, before) = (shown.header("etag").to_owned(), (version(&world).await, world.count("audit_rows").await));
        world.app.clock.advance_secs(1);
        let again = settings(&world, &issuer.jwks_url(), "team", "identity", "sync").await;
        assert!(again.as_array().unwrap().iter().all(|item| item["updateStatus"] == true), "{again}");
        assert!(again.to_string().contains("http"), "the warnings are told again: {again}");
        assert_eq!((version(&world).await, world.count("audit_rows").await), before);
        assert_eq!(world.admin().get("/ng/api/jwt-trusts/default").await.header("etag"), tag);
    }
}
