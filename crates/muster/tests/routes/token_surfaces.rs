//! Tokens for one surface only: what they open, how they are refused elsewhere, and that nothing widens them.

use serde_json::{Value, json};

use super::provisioning_log::newest;
use super::scim_users::USERS;
use crate::actors::{Answer, Client, World};
use crate::both_engines;

const TOKEN: &str = "/ng/api/token";
const KEY: &str = "apiKeyType=SERVICE_ACCOUNT&parentIdentifier=idp&apiKeyIdentifier=key";
const WHO: &str = "/ng/api/whoami";
const HERE: &str = "/ng/api/accounts/acme";
const FORM: &str = "application/x-www-form-urlencoded";

fn wish(identifier: &str, surfaces: &Value) -> Value {
    json!({
        "identifier": identifier, "name": identifier, "apiKeyIdentifier": "key",
        "apiKeyType": "SERVICE_ACCOUNT", "parentIdentifier": "idp", "surfaces": surfaces
    })
}

/// A token of an administrating service account, for these surfaces.
async fn token(world: &World, surfaces: &[&str]) -> String {
    world.machine("idp", Some("_account_admin")).await;
    made(world, surfaces).await
}

async fn made(world: &World, surfaces: &[&str]) -> String {
    let made =
        world.admin().post(TOKEN, wish(&format!("for_{}", surfaces.join("_")), &json!(surfaces))).await;
    made.data().as_str().unwrap().to_owned()
}

/// What is listed of one.
async fn row(world: &World, identifier: &str) -> Value {
    let at = format!("{TOKEN}/aggregate?{KEY}&identifiers={identifier}");
    world.admin().get(&at).await.data()["content"][0]["token"].clone()
}

async fn explained(world: &World, token: &str) -> Value {
    world.admin().post("/ng/api/jwt-trusts/explain", json!({"token": token})).await.data()[0].clone()
}

/// Asserts that a platform call is refused for the surface; answers the message.
#[track_caller]
fn elsewhere(answer: Answer) -> String {
    assert_eq!(answer.header("www-authenticate"), "Bearer error=\"insufficient_scope\"");
    assert_eq!(answer.json["reason"], "other_surface", "{}", answer.text);
    answer.refused(403, "NG_ACCESS_DENIED")
}

async fn access_token(world: &World, secret: &str, scope: &str) -> Answer {
    let client = world.anon().with("content-type", FORM);
    let form = format!("grant_type=client_credentials&client_id=idp&client_secret={secret}&scope={scope}");
    client.send(http::Method::POST, "/oauth2/acme/token", Some(form)).await
}

async fn told(client: &Client) -> Value {
    client.get(WHO).await.data()["credential"]["surfaces"].clone()
}

both_engines! {
    async fn a_token_for_scim_opens_scim_only(world: World) {
        let sat = token(&world, &["scim"]).await;
        for server in [&world, &world.replica()] {
            server.bearer(&sat).get(USERS).await.expect(200);
            let text = elsewhere(server.holder(&sat).get(HERE).await);
            assert!(text.contains("platform API") && text.contains("[scim]"), "{text}");
            elsewhere(server.holder(&sat).post(TOKEN, wish("more", &json!(["platform"]))).await);
        }
        for client in [world.holder(&sat), world.bearer(&sat)] {
            assert_eq!(told(&client).await, json!(["scim"]));
        }
        let explained = explained(&world, &sat).await;
        assert_eq!((&explained["accepted"], &explained["surfaces"]), (&json!(true), &json!(["scim"])));
        assert!(explained["hint"].as_str().unwrap().contains("other_surface"), "{explained}");
        assert_eq!(row(&world, "for_scim").await["surfaces"], json!(["scim"]));
        assert!(row(&world, "for_scim").await["scheduledExpireTime"].is_null());
    }

    async fn a_token_for_the_platform_is_refused_on_scim_and_its_log_says_why(world: World) {
        let sat = token(&world, &["platform"]).await;
        world.holder(&sat).get(HERE).await.data();
        let answer = world.bearer(&sat).get(USERS).await.expect(403);
        assert_eq!(answer.header("www-authenticate"), "Bearer error=\"insufficient_scope\"");
        assert_eq!(answer.json["code"], "other_surface");
        assert!(answer.json["detail"].as_str().unwrap().contains("This is the SCIM API"), "{}", answer.text);
        let entry = newest(&world).await;
        assert_eq!((&entry["status"], &entry["reason"]), (&json!(403), &json!("other_surface")), "{entry}");
        assert!(entry["hint"].as_str().unwrap().contains("scim among its surfaces"), "{entry}");
        assert_eq!(entry["principal"]["identifier"], "idp", "{entry}");
    }

    async fn without_the_member_a_token_opens_both(world: World) {
        let sat = world.machine_token("idp", Some("_account_admin")).await;
        world.bearer(&sat).get(USERS).await.expect(200);
        world.holder(&sat).get(HERE).await.data();
        assert_eq!(told(&world.holder(&sat)).await, json!(["scim", "platform"]));
        assert_eq!(row(&world, "token").await["surfaces"], json!(["scim", "platform"]));
        let explained = explained(&world, &sat).await;
        assert_eq!((&explained["surfaces"], &explained["hint"]), (&json!(["scim", "platform"]), &Value::Null));
    }

    async fn nothing_widens_a_token(world: World) {
        let sat = token(&world, &["scim"]).await;
        let at = format!("{TOKEN}/for_scim");
        let admin = world.admin();
        for same in [json!(null), json!(["scim"]), json!(["scim", "scim"])] {
            let shown = admin.put(&at, wish("for_scim", &same)).await.data();
            assert_eq!(shown["surfaces"], json!(["scim"]), "{same}");
        }
        for other in [json!(["platform"]), json!(["scim", "platform"])] {
            let text = admin.put(&at, wish("for_scim", &other)).await.refused(400, "INVALID_REQUEST");
            assert!(text.contains("surfaces") && text.contains("another token"), "{text}");
        }
        elsewhere(world.holder(&sat).get(HERE).await);
        let rotated = admin.post(&format!("{TOKEN}/rotate/for_scim?{KEY}&rotateTimestamp=0"), json!(null)).await.data();
        let rotated = rotated.as_str().unwrap();
        world.bearer(rotated).get(USERS).await.expect(200);
        elsewhere(world.holder(rotated).get(HERE).await);
    }

    async fn an_access_token_opens_what_its_secret_opens(world: World) {
        let sat = token(&world, &["scim"]).await;
        let answer = access_token(&world, &sat, "").await.expect(200);
        assert_eq!(answer.json["scope"], "scim");
        let access = answer.json["access_token"].as_str().unwrap().to_owned();
        world.bearer(&access).get(USERS).await.expect(200);
        for client in [world.bearer(&access), world.holder(&access)] {
            elsewhere(client.get(HERE).await);
        }
        assert_eq!(explained(&world, &access).await["surfaces"], json!(["scim"]));
        for scope in ["platform", "scim%20platform"] {
            let refused = access_token(&world, &sat, scope).await.expect(400);
            assert_eq!(refused.json["error"], "invalid_scope");
            assert!(refused.text.contains("take a token with this surface"), "{}", refused.text);
        }
    }

    async fn a_list_that_names_no_surface_is_refused(world: World) {
        world.machine("idp", None).await;
        for surfaces in [json!([]), json!(["SCIM"]), json!(["scim", "events"])] {
            let text = world.admin().post(TOKEN, wish("t", &surfaces)).await.refused(400, "INVALID_REQUEST");
            assert!(text.contains("surfaces"), "{surfaces}: {text}");
        }
    }
}
