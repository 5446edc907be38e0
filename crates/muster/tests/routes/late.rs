//! Bodies that come long after their head, with a change of access in between: who still holds what he needs
//! goes on, and who does not hears what he would hear now.

use http::Method;
use jose::Algorithm;
use jose::testing::TestKey;
use serde_json::{Value, json};

use super::provisioning_log::{entries, newest};
use super::scim_users::USERS;
use crate::actors::{Answer, Client, START, World};
use crate::both_engines;
use crate::issuer::claims;

const ORGANIZATIONS: &str = "/ng/api/organizations?accountIdentifier=acme";
const SETTINGS: &str = "/ng/api/settings?accountIdentifier=acme";
const ASSIGNMENTS: &str = "/authz/api/roleassignments";
const MACHINES: &str = "/ng/api/serviceaccount";
const TRUST: &str = "/ng/api/jwt-trusts/once";

/// What the administrator does meanwhile: method, path, body.
type Change = (Method, String, Option<Value>);

fn setting(value: &str) -> Change {
    let change = json!([{"identifier": "scim_dialect", "value": value, "updateType": "UPDATE"}]);
    (Method::PUT, SETTINGS.into(), Some(change))
}

fn delete(path: impl Into<String>) -> Change {
    (Method::DELETE, path.into(), None)
}

/// Has it done after the client was let in and before its body is there.
async fn meanwhile(world: &World, client: &Client, path: &str, body: Value, change: Change) -> Answer {
    let (admin, (method, at, sent)) = (world.admin(), change);
    let other = Box::pin(async move {
        admin.send(method, &at, sent.map(|body| body.to_string())).await.data();
    });
    client.post_after(path, body, other).await
}

fn user(name: &str) -> Value {
    json!({"userName": name})
}

fn organization(id: &str) -> Value {
    json!({"organization": {"identifier": id, "name": id}})
}

/// One trust is enabled, the other one is not.
async fn serves(admin: &Client, [one, other]: [&str; 2]) {
    admin.post(&format!("/ng/api/jwt-trusts/{one}/enable"), json!({})).await.data();
    admin.post(&format!("/ng/api/jwt-trusts/{other}/disable"), json!({})).await.data();
}

both_engines! {
    async fn what_others_gain_or_lose_while_a_body_comes_is_no_reason(world: World) {
        let token = world.machine_token("sync", Some("_account_admin")).await;
        let (scim, platform) = (world.bearer(&token), world.holder(&token));
        meanwhile(&world, &scim, USERS, user("ada"), setting("okta")).await.expect(201);
        meanwhile(&world, &platform, ORGANIZATIONS, organization("one"), setting("entra")).await.data();
        let bulk = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"], "Operations": [
            {"method": "POST", "path": "/Users", "bulkId": "1", "data": user("bea")}]});
        let done = meanwhile(&world, &scim, "/scim/v2/acme/Bulk", bulk, setting("okta")).await.expect(200);
        assert_eq!(done.json["Operations"][0]["status"], "201", "{}", done.text);
        let search = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"]});
        let found = meanwhile(&world, &scim, &format!("{USERS}/.search"), search, setting("entra")).await;
        assert_eq!(found.expect(200).json["totalResults"], 3);
        let seen = newest(&world).await;
        assert_eq!((&seen["status"], &seen["principal"]["identifier"]), (&json!(200), &json!("sync")), "{seen}");

        // What he loses he does not need.
        let seer = json!({"identifier": "besides", "roleIdentifier": "_account_viewer",
            "resourceGroupIdentifier": "_all_account_level_resources",
            "principal": {"identifier": "sync", "type": "SERVICE_ACCOUNT", "scopeLevel": "account"}});
        world.admin().post(ASSIGNMENTS, seer).await.data();
        let less = delete(format!("{ASSIGNMENTS}/besides"));
        meanwhile(&world, &scim, USERS, user("cid"), less).await.expect(201);
        let secret = [("grant_type", "client_credentials"), ("client_id", "sync"), ("client_secret", &token)];
        let form = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(secret).finish();
        let client = world.anon().with("content-type", "application/x-www-form-urlencoded");
        let (admin, (method, at, sent)) = (world.admin(), setting("okta"));
        let other = Box::pin(async move {
            admin.send(method, &at, sent.map(|body| body.to_string())).await.data();
        });
        client.text_after("/oauth2/acme/token", form, other).await.expect(200);
    }

    async fn what_is_taken_from_him_while_his_body_comes_he_hears_of(world: World) {
        for (round, path) in [USERS, ORGANIZATIONS].into_iter().enumerate() {
            let body = |name: &str| if path == USERS { user(name) } else { organization(name) };
            let holder = async |name: &str| {
                let token = world.machine_token(name, Some("_account_admin")).await;
                if path == USERS { world.bearer(&token) } else { world.holder(&token) }
            };
            let (bound, there, known) = (format!("bound{round}"), format!("there{round}"), format!("known{round}"));
            let unbind = delete(format!("{ASSIGNMENTS}/binding_of_{bound}"));
            let denied = meanwhile(&world, &holder(&bound).await, path, body("a"), unbind).await.expect(403);
            assert!(denied.text.contains("permission"), "{}", denied.text);
            let gone = delete(format!("{MACHINES}/{there}"));
            meanwhile(&world, &holder(&there).await, path, body("a"), gone).await.expect(401);
            let key = format!("apiKeyType=SERVICE_ACCOUNT&parentIdentifier={known}&apiKeyIdentifier=key");
            let revoke = delete(format!("/ng/api/token/token?{key}"));
            meanwhile(&world, &holder(&known).await, path, body("a"), revoke).await.expect(401);
        }
        assert_eq!((world.count("users").await, world.count("organizations").await), (1, 1), "nothing was done");
        let seen = entries(&world, "limit=1").await.remove(0);
        assert_eq!((&seen["status"], &seen["reason"]), (&json!(401), &json!("unknown_token")), "{seen}");
    }

    async fn a_token_that_is_taken_once_is_let_in_for_the_whole_of_its_request(world: World) {
        world.machine("sync", Some("_account_admin")).await;
        let key = TestKey::shared(Algorithm::Es256);
        let trust = json!({
            "identifier": "once", "name": "once", "serviceAccount": "sync", "jwks": {"keys": [key.jwk()]},
            "issuer": "https://issuer.example", "audiences": ["muster"], "replay": "on", "surfaces": ["scim", "platform"],
            "maxLifetimeSeconds": 3600, "rules": [{"claim": "team", "op": "equals", "value": "identity"}]
        });
        world.admin().post("/ng/api/jwt-trusts", trust.clone()).await.data();
        let sign = |jti: &str| {
            let mut claims = claims();
            (claims["jti"], claims["aud"], claims["exp"]) = (jti.into(), "muster".into(), (START.secs() + 600).into());
            key.sign(&claims)
        };
        let (first, second) = (sign("1"), sign("2"));
        meanwhile(&world, &world.bearer(&first), USERS, user("ada"), setting("okta")).await.expect(201);
        world.bearer(&first).post(USERS, user("bea")).await.expect(401);
        let platform = world.holder(&second);
        meanwhile(&world, &platform, ORGANIZATIONS, organization("one"), setting("entra")).await.data();
        platform.post(ORGANIZATIONS, organization("two")).await.expect(401);
        let mut narrower = trust;
        narrower["rules"][0]["value"] = json!("another");
        let narrow: Change = (Method::PUT, TRUST.into(), Some(narrower));
        let refused = meanwhile(&world, &world.bearer(&sign("3")), USERS, user("bea"), narrow).await.expect(401);
        assert_eq!(refused.json["code"], "token_untrusted", "{}", refused.text);
        meanwhile(&world, &world.holder(&sign("4")), ORGANIZATIONS, organization("two"), delete(TRUST)).await.expect(401);
    }

    async fn a_token_that_another_trust_has_taken_meanwhile_is_not_let_in_by_that(world: World) {
        world.machine("sync", Some("_account_admin")).await;
        let key = TestKey::shared(Algorithm::Es256);
        for (id, replay) in [("first", "off"), ("other", "on")] {
            let trust = json!({"identifier": id, "name": id, "serviceAccount": "sync", "jwks": {"keys": [key.jwk()]},
                "issuer": "https://issuer.example", "audiences": ["muster"], "replay": replay,
                "surfaces": ["scim", "platform"], "maxLifetimeSeconds": 3600,
                "rules": [{"claim": "team", "op": "equals", "value": "identity"}]});
            world.admin().post("/ng/api/jwt-trusts", trust).await.data();
        }
        for (round, path) in [USERS, ORGANIZATIONS].into_iter().enumerate() {
            serves(&world.admin(), ["first", "other"]).await;
            let body = |name: &str| if path == USERS { user(name) } else { organization(name) };
            let mut claims = claims();
            (claims["jti"], claims["aud"]) = (format!("{round}").into(), "muster".into());
            claims["exp"] = (START.secs() + 600).into();
            let token = key.sign(&claims);
            let client = if path == USERS { world.bearer(&token) } else { world.holder(&token) };
            let other = Box::pin({
                let (admin, client, used) = (world.admin(), client.clone(), body("used"));
                async move {
                    serves(&admin, ["other", "first"]).await;
                    assert!(client.post(path, used).await.status < 300, "the first use at that trust");
                }
            });
            client.post_after(path, body("late"), other).await.expect(401);
            let refusals = world.admin().get("/ng/api/jwt-trusts/other/refusals").await.data();
            assert!(refusals.to_string().contains("token_replayed"), "{refusals}");
        }
        assert_eq!((world.count("users").await, world.count("organizations").await), (2, 2), "nothing was done");
    }
}
