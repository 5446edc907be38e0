//! Webhooks as resources: what is taken, shown and written down, by whom, and what one says when it is tried.

use std::time::Duration;

use serde_json::{Value, json};

use crate::actors::{Client, World};
use crate::both_engines;
use crate::bound::{ACCOUNT_ONLY, EVERYWHERE, bound, trail};
use crate::receiver::{Receiver, Says};

pub const AT: &str = "/ng/api/webhooks";

/// A webhook of all events.
pub fn webhook(identifier: &str, url: &str) -> Value {
    json!({"identifier": identifier, "name": identifier, "url": url})
}

/// Makes one; answers its secret.
pub async fn made(world: &World, identifier: &str, url: &str) -> String {
    let made = world.admin().post(AT, webhook(identifier, url)).await.data();
    made["secret"].as_str().expect("a secret is shown once").to_owned()
}

pub async fn shown(world: &World, identifier: &str) -> Value {
    world.admin().get(&format!("{AT}/{identifier}")).await.data()
}

/// One who may edit settings, and this besides.
async fn editor(world: &World, id: &str, more: &[&str], group: &str) -> Client {
    let permissions: Vec<_> = ["core_setting_edit"].iter().chain(more).collect();
    let role = json!({"identifier": format!("role_of_{id}"), "name": id, "permissions": permissions});
    world.admin().post("/authz/api/roles", role).await.data();
    bound(world, id, &[(&format!("role_of_{id}"), group)]).await
}

both_engines! {
    async fn a_webhook_is_made_shown_changed_and_removed(world: World) {
        let admin = world.admin();
        let mut wish = webhook("app", "https://app.example/hook");
        wish["types"] = json!(["group.created", "user.created", "user.created"]);
        wish["description"] = json!("The application");
        let answer = admin.post(AT, wish.clone()).await;
        let tag = answer.header("etag").to_owned();
        let made = answer.data();
        let secret = made["secret"].as_str().unwrap();
        assert!(secret.starts_with("whsec_") && secret.len() == 50, "{secret}");
        let latest = admin.get("/ng/api/events").await.data()["latest"].clone();
        let now = world.app.clock.now().millis();
        assert_eq!(shown(&world, "app").await, json!({
            "identifier": "app", "name": "app", "description": "The application", "url": "https://app.example/hook",
            "types": ["user.created", "group.created"], "enabled": true, "createdAt": now, "lastModifiedAt": now,
            "formerSecretUntil": null,
            "delivery": {
                "next": latest, "latest": latest, "failures": 0, "failingSince": null, "nextAttemptAt": null,
                "lastAttemptAt": null, "lastStatus": null, "lastError": null, "disabledReason": null
            }
        }));
        assert_eq!(admin.get(AT).await.data().as_array().unwrap().len(), 1);
        admin.get(&format!("{AT}?searchTerm=a")).await.refused(400, "INVALID_REQUEST");
        assert!(admin.post(AT, wish.clone()).await.refused(400, "DUPLICATE_FIELD").contains("app already"));

        let at = format!("{AT}/app");
        wish["name"] = json!("Application");
        wish["enabled"] = json!(false);
        let answer = admin.with("if-match", &tag).put(&at, wish.clone()).await;
        let next = answer.header("etag").to_owned();
        assert_ne!(tag, next);
        assert_eq!(answer.data()["enabled"], false);
        let again = admin.put(&at, wish.clone()).await;
        assert_eq!(again.header("etag"), next, "nothing changed");
        for stale in [admin.with("if-match", &tag).put(&at, wish.clone()).await,
            admin.with("if-match", &tag).delete(&at).await,
            admin.with("if-match", &tag).post(&format!("{at}/rotate-secret"), json!({})).await] {
            assert_eq!(stale.status, 412, "{}", stale.text);
        }
        let other = webhook("other", "https://app.example/");
        assert!(admin.put(&at, other).await.refused(400, "INVALID_REQUEST").contains("same identifier"));
        admin.with("if-match", &next).delete(&at).await.data();
        admin.get(&at).await.refused(404, "ENTITY_NOT_FOUND");

        let trail = trail(&world, "WEBHOOK").await;
        let actions: Vec<_> = trail.iter().filter_map(|row| row.split(' ').next()).collect();
        assert_eq!(actions.len(), 3, "{trail:#?}");
        for action in ["CREATE", "UPDATE", "DELETE"] {
            assert!(actions.contains(&action), "{trail:#?}");
        }
        assert!(!trail.concat().contains("whsec_"), "{trail:#?}");
        assert!(trail.concat().contains(r#""name":"Application""#), "{trail:#?}");
    }

    async fn what_cannot_be_is_named(world: World) {
        let admin = world.admin();
        for (member, value, said) in [
            ("identifier", json!("9"), "identifier"), ("identifier", json!(null), "identifier"),
            ("name", json!(""), "name"), ("url", json!(""), "url"), ("url", json!("app"), "url"),
            ("url", json!(format!("https://a.example/{}", "x".repeat(2_048))), "2048 bytes"),
            ("types", json!(["user.made"]), "user.created"), ("accountIdentifier", json!("other"), "other"),
        ] {
            let mut wish = webhook("w", "https://app.example/");
            wish[member] = value;
            let answer = admin.post(AT, wish.clone()).await.expect(400);
            assert!(answer.text.contains(said), "{wish}: {}", answer.text);
        }
        for n in 0..20 {
            made(&world, &format!("w{n}"), "https://app.example/").await;
        }
        let more = admin.post(AT, webhook("w20", "https://app.example/")).await.refused(400, "INVALID_REQUEST");
        assert!(more.contains("20 webhooks at most"), "{more}");
        admin.delete(&format!("{AT}/w3")).await.data();
        made(&world, "w20", "https://app.example/").await;
    }

    async fn who_says_where_events_go_may_read_them_himself(world: World) {
        let of = |types: Value| {
            let mut wish = webhook("w", "https://app.example/");
            wish["types"] = types;
            wish
        };
        let (users, all) = (of(json!(["user.created"])), of(json!([])));
        let plain = editor(&world, "plain", &[], ACCOUNT_ONLY).await;
        let missing = plain.post(AT, users.clone()).await.refused(403, "NG_ACCESS_DENIED");
        assert!(missing.contains("core_user_view"), "{missing}");
        let sees_users = editor(&world, "sees_users", &["core_user_view"], ACCOUNT_ONLY).await;
        let missing = sees_users.post(AT, all.clone()).await.refused(403, "NG_ACCESS_DENIED");
        assert!(missing.contains("core_usergroup_view"), "{missing}");
        let both = ["core_user_view", "core_usergroup_view"];
        let here = editor(&world, "here", &both, ACCOUNT_ONLY).await;
        assert!(here.post(AT, all.clone()).await.expect(403).text.contains("every scope below"));
        let everywhere = editor(&world, "everywhere", &both, EVERYWHERE).await;
        everywhere.post(AT, all.clone()).await.data();
        // Nor does anybody lead the events of another one's webhook to himself.
        let to = format!("{AT}/w");
        sees_users.put(&to, all).await.refused(403, "NG_ACCESS_DENIED");
        sees_users.put(&to, users).await.data();
        // To stop it, or to change its secret, shows nothing.
        plain.post(&format!("{to}/rotate-secret"), json!({})).await.data();
        plain.get(&to).await.refused(403, "NG_ACCESS_DENIED");
        plain.delete(&to).await.data();
    }

    async fn a_trial_tells_what_the_receiver_said_and_changes_nothing(world: World) {
        let receiver = Receiver::start().await;
        let secret = made(&world, "app", &receiver.url()).await;
        let (admin, at) = (world.admin(), format!("{AT}/app/test"));
        let before = shown(&world, "app").await;
        let trial = admin.post(&at, json!({})).await.data();
        assert_eq!((&trial["delivered"], &trial["status"], &trial["body"]), (&json!(true), &json!(200), &json!("there")));
        assert!(trial["milliseconds"].is_u64() && trial["error"].is_null(), "{trial}");
        let message = receiver.messages().remove(0);
        assert!(message.is_signed_with(&secret) && message.id().starts_with("test_"));
        assert_eq!(message.json["type"], "webhook.test");
        assert_eq!(message.json["data"], json!({
            "accountIdentifier": "acme", "webhookIdentifier": "app", "events": [], "next": before["delivery"]["next"]
        }));
        let token = world.admin_token();
        receiver.say(Says::Raw(format!("HTTP/1.1 403 No\r\ncontent-length: 200\r\n\r\n<b>{token} is not known</b>")));
        let trial = admin.post(&at, json!({})).await.data();
        assert_eq!((&trial["delivered"], &trial["status"]), (&json!(false), &json!(403)));
        assert!(trial["error"].as_str().unwrap().contains("403 and said: ") && !trial.to_string().contains(token), "{trial}");
        receiver.say(Says::Raw("HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n".into()));
        let trial = admin.post(&at, json!({})).await.data();
        assert!(trial["error"].as_str().unwrap().contains("a redirect to http://127.0.0.1:1/, which is not followed"), "{trial}");
        receiver.say(Says::Raw(String::new()));
        let trial = admin.post(&at, json!({})).await.data();
        assert!(trial["status"].is_null() && trial["error"].as_str().unwrap().starts_with("No answer came: "), "{trial}");
        // A status is an answer, whatever becomes of the rest.
        receiver.say(Says::Raw("HTTP/1.1 200 OK\r\ncontent-length: 900000\r\n\r\nbegun".into()));
        assert_eq!(admin.post(&at, json!({})).await.data()["delivered"], true);
        receiver.say(Says::Held);
        let hurried = world.replica_hurried(Duration::from_secs(4)).admin();
        let trial = hurried.post(&at, json!({})).await.data();
        assert_eq!(trial["error"], "No answer came: none within 3 seconds.");
        assert_eq!(receiver.arrived(6).await.len(), 6);
        // The operator may allow less than he did.
        let strict = world.replica_allowing(&[]);
        let trial = strict.admin().post(&at, json!({})).await.data();
        assert!(trial["error"].as_str().unwrap().contains("--webhook-allow 127.0.0.1"), "{trial}");
        assert_eq!(receiver.messages().len(), 6);
        assert_eq!(shown(&world, "app").await, before);
    }

    async fn an_account_has_few_trials_under_way(world: World) {
        let (slow, quick) = (Receiver::start().await, Receiver::start().await);
        slow.say(Says::Held);
        made(&world, "slow", &slow.url()).await;
        let other = world.other_account("other").await;
        world.holder(&other).post(AT, webhook("app", &quick.url())).await.data();
        let (at, mut trials) = (format!("{AT}/slow/test"), tokio::task::JoinSet::new());
        for _ in 0..4 {
            let (admin, at) = (world.admin(), at.clone());
            trials.spawn(async move { admin.post(&at, json!({})).await.data() });
        }
        slow.arrived(4).await;
        let refused = world.admin().post(&at, json!({})).await.expect(429);
        assert!(refused.text.contains("4 tests of webhooks of this account are under way"), "{}", refused.text);
        assert_eq!(world.holder(&other).post(&format!("{AT}/app/test"), json!({})).await.data()["delivered"], true);
        assert_eq!(slow.messages().len(), 4);
        slow.let_go();
        while let Some(trial) = trials.join_next().await {
            assert_eq!(trial.unwrap()["delivered"], true);
        }
        assert_eq!(world.admin().post(&at, json!({})).await.data()["delivered"], true, "they have ended");
    }

    async fn no_webhook_leads_into_the_network(world: World) {
        let strict = world.replica_allowing(&[]);
        for (url, why) in [
            ("http://app.example/", "plain http"), ("http://127.0.0.1:9/", "--webhook-allow 127.0.0.1"),
            ("https://127.0.0.1/", "--webhook-allow 127.0.0.1"), ("https://2130706433/", "loopback"),
            ("https://[::ffff:127.0.0.1]/", "loopback"), ("https://10.0.0.1/", "private"),
            ("https://[fd12::1]/", "private"), ("https://169.254.169.254/latest", "metadata"),
            ("https://[fd00:ec2::254]/", "metadata"), ("https://100.100.100.200/", "metadata"),
            ("https://u:p@app.example/", "user name"), ("https://app.example/#x", "#fragment"),
            ("ftp://app.example/", "must begin with https://"), ("file:///etc/passwd", "no host"),
            ("https:///app.example/", "no host"), ("https:app.example", "no host"), ("https://app.example\\@x", "backslash"),
            ("https://app.exa\tmple/", "white space"),
        ] {
            let answer = strict.admin().post(AT, webhook("w", url)).await.expect(400);
            assert!(answer.text.contains("url") && answer.text.contains(why), "{url}: {}", answer.text);
        }
        // A name is looked up with each connection, and leads nowhere that is closed.
        strict.admin().post(AT, webhook("w", "https://localhost:9/")).await.data();
        let trial = strict.admin().post(&format!("{AT}/w/test"), json!({})).await.data();
        let error = trial["error"].as_str().unwrap();
        assert!(error.contains("--webhook-allow localhost"), "{error}");
        assert!(!["127.0.0.1", "::1", "loopback"].iter().any(|address| error.contains(address)), "{error}");
    }
}
