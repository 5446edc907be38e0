//! What webhooks are sent: in order, signed, nothing lost, whatever becomes of receivers and servers.

use std::time::Duration;

use futures_util::FutureExt as _;
use muster::events::store::WEBHOOKS;
use muster::jobs::JOBS;
use muster::operator::actions::GRACE_SECS;
use muster::operator::erase::erase_due;
use muster::webhooks::dispatch::{self, round};
use muster::webhooks::store;
use prometheus_client::registry::Registry;
use serde_json::{Value, json};
use tokio::sync::watch;

use super::scim_users::{USERS, made as user, scim, user as new_user};
use super::webhooks::{AT, made, shown, webhook};
use crate::actors::World;
use crate::both_engines;
use crate::bound::trail;
use crate::receiver::{Message, Receiver, Says};

/// Longer than any jitter makes the first wait.
const A_WHILE: i64 = 7;
const DAY: i64 = 86_400;

async fn latest(world: &World) -> i64 {
    world.admin().get("/ng/api/events").await.data()["latest"].as_i64().expect("a number")
}

/// A server's deliveries until the value is dropped.
struct Delivering(watch::Sender<bool>, tokio::task::JoinHandle<()>);

impl Delivering {
    fn start(world: &World) -> Self {
        let (stop, stopping) = watch::channel(false);
        Self(stop, tokio::spawn(dispatch::run(world.app.clone(), stopping)))
    }
    async fn end(self) {
        self.0.send_replace(true);
        self.1.await.expect("it ends");
    }
}

fn numbers(messages: &[Message]) -> Vec<i64> {
    messages.iter().flat_map(Message::numbers).collect()
}

/// Waits until a webhook is as the test wants it.
async fn until(world: &World, identifier: &str, is: impl Fn(&Value) -> bool) -> Value {
    for _ in 0..2_000 {
        let shown = shown(world, identifier).await;
        if is(&shown) {
            return shown;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{}", shown(world, identifier).await)
}

async fn purge(world: &World) {
    let job = JOBS.iter().find(|job| job.name == "events.purge").expect("a job");
    (job.work)(world.app.clone()).await.expect("it runs");
}

/// Writes past the server.
async fn write(world: &World, sql: &'static str, number: i64) {
    let work = move |tx: &mut db::Tx<'_>| tx.exec(sql, db::params![number]);
    let changed = world.app.db.write::<_, db::Error>("test.row", "acme", work).await;
    assert_eq!(changed.expect("the row can be written"), 1);
}

both_engines! {
    async fn an_event_goes_out_signed_as_the_standard_says(world: World) {
        let receiver = Receiver::start().await;
        let secret = made(&world, "app", &receiver.url()).await;
        let before = latest(&world).await;
        assert_eq!(round(&world.app).await.unwrap(), 0, "nothing to do");
        let ada = user(&scim(&world), "ada").await;
        assert_eq!(round(&world.app).await.unwrap(), 1);
        let message = receiver.messages().remove(0);
        assert!(message.is_signed_with(&secret), "{message:?}");
        assert_eq!(message.header("content-type"), "application/json");
        assert!(message.header("user-agent").starts_with("muster/"));
        assert_eq!(message.header("webhook-timestamp"), world.app.clock.now().secs().to_string());
        let told = world.admin().get(&format!("/ng/api/events?after={before}")).await.data();
        assert_eq!(message.json, json!({
            "type": "directory.events", "timestamp": "2026-01-01T00:00:00.000Z",
            "data": {"accountIdentifier": "acme", "webhookIdentifier": "app", "events": told["events"], "next": before + 1}
        }));
        assert_eq!(told["events"][0]["resourceId"], ada);
        let delivery = shown(&world, "app").await["delivery"].clone();
        assert_eq!((&delivery["next"], &delivery["lastStatus"]), (&json!(before + 1), &json!(200)));
        assert_eq!(round(&world.app).await.unwrap(), 0, "it costs nothing any more");
    }

    async fn all_come_once_and_in_order_while_many_write(world: World) {
        let receiver = Receiver::start().await;
        made(&world, "app", &receiver.url()).await;
        let (before, delivering) = (latest(&world).await, Delivering::start(&world));
        let mut writers = tokio::task::JoinSet::new();
        for writer in 0..32 {
            let scim = scim(&world);
            writers.spawn(async move {
                for n in 0..5 {
                    user(&scim, &format!("user{writer}x{n}")).await;
                }
            });
        }
        while let Some(done) = writers.join_next().await {
            done.expect("it writes");
        }
        let last = latest(&world).await;
        assert_eq!(last, before + 160);
        let messages = receiver.all_up_to(last).await;
        assert_eq!(numbers(&messages), (before + 1..=last).collect::<Vec<_>>());
        assert!(messages.iter().all(|message| message.numbers().len() <= 100));
        until(&world, "app", |shown| shown["delivery"]["next"] == last).await;
        delivering.end().await;
    }

    async fn what_was_refused_comes_again_as_it_was(world: World) {
        let receiver = Receiver::start().await;
        made(&world, "app", &receiver.url()).await;
        let (before, scim) = (latest(&world).await, scim(&world));
        user(&scim, "ada").await;
        receiver.say(Says::Status(500));
        round(&world.app).await.unwrap();
        // What comes meanwhile does not change what was sent.
        user(&scim, "grace").await;
        let delivery = shown(&world, "app").await["delivery"].clone();
        assert_eq!((&delivery["failures"], &delivery["lastStatus"], &delivery["next"]), (&json!(1), &json!(500), &json!(before)));
        assert!(delivery["lastError"].as_str().unwrap().ends_with("It answered 500 and said: there"), "{delivery}");
        let (now, next) = (world.app.clock.now().millis(), delivery["nextAttemptAt"].as_i64().unwrap());
        assert!((now + 5_000..=now + 6_000).contains(&next), "{delivery}");
        assert_eq!((&delivery["failingSince"], &delivery["latest"]), (&json!(now), &json!(before + 2)));
        assert_eq!(round(&world.app).await.unwrap(), 0, "not before its time");
        world.app.clock.advance_secs(A_WHILE);
        round(&world.app).await.unwrap();
        receiver.say(Says::Status(204));
        world.app.clock.advance_secs(40);
        while round(&world.app).await.unwrap() > 0 {}
        let messages = receiver.messages();
        assert_eq!(messages.len(), 4);
        for again in &messages[1..3] {
            assert_eq!((again.id(), &again.text), (messages[0].id(), &messages[0].text));
            assert_ne!(again.header("webhook-timestamp"), messages[0].header("webhook-timestamp"));
        }
        assert_ne!(messages[3].id(), messages[0].id());
        assert_eq!(numbers(&messages[2..]), [before + 1, before + 2]);
        let delivery = shown(&world, "app").await["delivery"].clone();
        assert_eq!((&delivery["failures"], &delivery["failingSince"], &delivery["lastError"]), (&json!(0), &Value::Null, &Value::Null));
    }

    async fn a_receiver_says_when_it_wants_to_be_asked_again(world: World) {
        let receiver = Receiver::start().await;
        made(&world, "app", &receiver.url()).await;
        user(&scim(&world), "ada").await;
        receiver.say(Says::Raw("HTTP/1.1 429 Slow\r\nretry-after: 600\r\ncontent-length: 0\r\n\r\n".into()));
        round(&world.app).await.unwrap();
        world.app.clock.advance_secs(599);
        assert_eq!(round(&world.app).await.unwrap(), 0);
        // Whoever changes the webhook need not wait: it is tried at once.
        world.admin().put(&format!("{AT}/app"), webhook("app", &receiver.url())).await.data();
        receiver.say(Says::Status(200));
        assert_eq!(round(&world.app).await.unwrap(), 1);
        assert_eq!(receiver.messages().len(), 2);
    }

    async fn a_slow_receiver_holds_up_no_other_one(world: World) {
        let (slow, quick, far) = (Receiver::start().await, Receiver::start().await, Receiver::start().await);
        slow.say(Says::Held);
        for n in 0..3 {
            made(&world, &format!("slow{n}"), &slow.url()).await;
        }
        made(&world, "z", &quick.url()).await;
        let other = world.other_account("other").await;
        world.holder(&other).post(AT, webhook("app", &far.url())).await.data();
        let delivering = Delivering::start(&world);
        user(&scim(&world), "ada").await;
        world.bearer(&other).post("/scim/v2/other/Users", new_user("bob")).await.expect(201);
        slow.arrived(3).await;
        quick.arrived(1).await;
        far.arrived(1).await;
        user(&scim(&world), "grace").await;
        let messages = quick.arrived(2).await;
        assert_eq!(messages.len(), 2);
        assert_eq!(slow.messages().len(), 3, "one at a time for each");
        let waits = shown(&world, "slow0").await["delivery"].clone();
        assert_eq!((&waits["nextAttemptAt"], &waits["failures"]), (&Value::Null, &json!(0)));
        slow.let_go();
        slow.arrived(6).await;
        delivering.end().await;
    }

    async fn a_receiver_that_is_gone_is_not_asked_again(world: World) {
        let receiver = Receiver::start().await;
        made(&world, "app", &receiver.url()).await;
        let before = latest(&world).await;
        user(&scim(&world), "ada").await;
        receiver.say(Says::Status(410));
        round(&world.app).await.unwrap();
        let gone = shown(&world, "app").await;
        assert_eq!((&gone["enabled"], &gone["delivery"]["nextAttemptAt"]), (&json!(false), &Value::Null));
        assert!(gone["delivery"]["disabledReason"].as_str().unwrap().contains("410 Gone"), "{gone}");
        let trail = trail(&world, "WEBHOOK").await;
        assert!(trail.iter().any(|row| row.starts_with("UPDATE app {\"disabled\":")), "{trail:#?}");
        user(&scim(&world), "grace").await;
        world.app.clock.advance_secs(DAY);
        assert_eq!(round(&world.app).await.unwrap(), 0);
        receiver.say(Says::Status(200));
        let back = world.admin().put(&format!("{AT}/app"), webhook("app", &receiver.url())).await.data();
        assert_eq!(back["delivery"]["disabledReason"], Value::Null);
        while round(&world.app).await.unwrap() > 0 {}
        let messages = receiver.messages();
        assert_eq!(numbers(&messages[1..]), [before + 1, before + 2], "it goes on where it stopped");
        assert_eq!(messages[1].id(), messages[0].id());
    }

    async fn what_fails_for_days_is_disabled_with_a_reason(world: World) {
        let receiver = Receiver::start().await;
        made(&world, "app", &receiver.url()).await;
        user(&scim(&world), "ada").await;
        receiver.say(Says::Status(503));
        let mut attempts = 0;
        while shown(&world, "app").await["enabled"] == true {
            attempts += round(&world.app).await.unwrap();
            world.app.clock.advance_secs(DAY / 4);
            assert!(attempts < 100, "it goes on for ever");
        }
        assert_eq!((attempts, receiver.messages().len()), (24, 24));
        let reason = shown(&world.clone().at(world.app.clock.now().secs()).await, "app").await["delivery"]["disabledReason"].clone();
        assert!(reason.as_str().unwrap().starts_with("For five days no attempt succeeded"), "{reason}");
    }

    async fn purged_events_are_never_skipped_in_silence(world: World) {
        let receiver = Receiver::start().await;
        made(&world, "app", &receiver.url()).await;
        let before = latest(&world).await;
        for name in ["ada", "grace"] {
            user(&scim(&world), name).await;
        }
        receiver.say(Says::Status(500));
        round(&world.app).await.unwrap();
        let world = world.clone().at(world.app.clock.now().secs() + 31 * DAY).await;
        purge(&world).await;
        round(&world.app).await.unwrap();
        let lost = shown(&world, "app").await;
        let reason = lost["delivery"]["disabledReason"].as_str().unwrap();
        assert!(reason.starts_with(&format!("Events {} to ", before + 1)) && reason.contains("skipToLatest"), "{reason}");
        assert_eq!((&lost["enabled"], receiver.messages().len()), (&json!(false), 1));
        let (admin, at) = (world.admin(), format!("{AT}/app"));
        let refused = admin.put(&at, webhook("app", &receiver.url())).await.refused(400, "INVALID_REQUEST");
        assert!(refused.contains("skipToLatest"), "{refused}");
        receiver.say(Says::Status(200));
        let mut wish = webhook("app", &receiver.url());
        wish["skipToLatest"] = json!(true);
        let back = admin.put(&at, wish).await.data();
        assert_eq!((&back["enabled"], &back["delivery"]["next"]), (&json!(true), &back["delivery"]["latest"]));
        assert_eq!((&back["delivery"]["failures"], &back["delivery"]["failingSince"]), (&json!(0), &Value::Null));
        user(&scim(&world), "edsger").await;
        round(&world.app).await.unwrap();
        assert_eq!(numbers(&receiver.messages()[1..]), [latest(&world).await]);
        assert!(trail(&world, "WEBHOOK").await.concat().contains("\"skipped\":{\"from\":"));
    }

    async fn after_a_rotation_both_secrets_sign_for_a_day(world: World) {
        let receiver = Receiver::start().await;
        let old = made(&world, "app", &receiver.url()).await;
        let rotated = world.admin().post(&format!("{AT}/app/rotate-secret"), json!({})).await.data();
        let new = rotated["secret"].as_str().unwrap();
        assert_ne!(old, new);
        assert_eq!(rotated["formerSecretUntil"], world.app.clock.now().plus_secs(DAY).millis());
        assert!(shown(&world, "app").await.get("secret").is_none());
        user(&scim(&world), "ada").await;
        round(&world.app).await.unwrap();
        world.app.clock.advance_secs(DAY);
        assert_eq!(shown(&world, "app").await["formerSecretUntil"], Value::Null);
        user(&scim(&world), "grace").await;
        round(&world.app).await.unwrap();
        let kept = "SELECT COUNT(*) FROM webhooks WHERE account_id = 'acme' AND former_secret IS NOT NULL";
        let count = move |tx: &mut db::Tx<'_>| tx.query_one(kept, &[], |row| row.get::<i64>(0));
        assert_eq!(world.app.db.house().read::<_, db::Error>("test.kept", count).await.unwrap(), 0);
        let messages = receiver.messages();
        let signed = |n: usize, secret: &str| messages[n].is_signed_with(secret);
        assert_eq!([signed(0, &old), signed(0, new)], [true, true]);
        assert_eq!([signed(1, &old), signed(1, new)], [false, true]);
    }

    async fn a_webhook_gets_its_types_only_and_keeps_up_with_the_others(world: World) {
        let receiver = Receiver::start().await;
        let mut wish = webhook("app", &receiver.url());
        wish["types"] = json!(["user.deleted"]);
        world.admin().post(AT, wish).await.data();
        let (scim, before) = (scim(&world), latest(&world).await);
        let ada = user(&scim, "ada").await;
        while round(&world.app).await.unwrap() > 0 {}
        assert_eq!(receiver.messages().len(), 0);
        assert_eq!(shown(&world, "app").await["delivery"]["next"], before + 1, "what is purged later is not missing");
        scim.delete(&format!("{USERS}/{ada}")).await.expect(204);
        while round(&world.app).await.unwrap() > 0 {}
        let types: Vec<_> = receiver.messages()[0].json["data"]["events"].as_array().unwrap().iter().map(|e| e["type"].clone()).collect();
        assert_eq!(types, ["user.deleted"]);
        assert_eq!(shown(&world, "app").await["delivery"]["next"], latest(&world).await);
    }

    async fn a_suspended_account_gets_nothing_and_an_erased_one_has_none(world: World) {
        let receiver = Receiver::start().await;
        made(&world, "app", &receiver.url()).await;
        user(&scim(&world), "ada").await;
        let tokens = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(tokens.path(), "o".repeat(32)).unwrap();
        let operated = world.replica_operated(tokens.path());
        let operator = operated.bearer(&"o".repeat(32));
        let status = |status: &'static str| operator.patch("/v1/accounts/acme", json!({"status": status}));
        status("SUSPENDED").await.expect(200);
        assert_eq!(round(&world.app).await.unwrap(), 0);
        let lagging = async || world.app.db.house().read("test.lagging", store::lagging).await.unwrap();
        assert_eq!(lagging().await, (0, 0), "nobody can mend that");
        status("ACTIVE").await.expect(200);
        assert_eq!(lagging().await, (1, 0));
        assert_eq!(round(&world.app).await.unwrap(), 1);
        assert_eq!(receiver.messages().len(), 1);
        status("SUSPENDED").await.expect(200);
        operator.delete("/v1/accounts/acme").await.expect(200);
        world.app.clock.advance_secs(GRACE_SECS);
        erase_due(&operated.app).await.unwrap();
        assert_eq!(world.count("webhooks").await, 0);
    }

    /// One that has begun and never ended, as that of a server which died.
    async fn another_server_takes_over_what_a_dead_one_began(world: World) {
        let receiver = Receiver::start().await;
        made(&world, "app", &receiver.url()).await;
        let before = latest(&world).await;
        user(&scim(&world), "ada").await;
        receiver.say(Says::Held);
        let dying = world.app.clone();
        let dead = tokio::spawn(async move { round(&dying).await });
        receiver.arrived(1).await;
        dead.abort();
        assert!(dead.await.unwrap_err().is_cancelled());
        receiver.say(Says::Status(200));
        let other = world.replica();
        assert_eq!(round(&other.app).await.unwrap(), 0, "it may still be under way");
        user(&scim(&world), "grace").await;
        world.app.clock.advance_secs(31);
        while round(&other.app).await.unwrap() > 0 {}
        let messages = receiver.messages();
        assert_eq!((messages[1].id(), &messages[1].text), (messages[0].id(), &messages[0].text));
        assert_eq!(numbers(&messages[1..]), [before + 1, before + 2]);
    }

    /// The answer to an attempt that was taken over, or overtaken by a change, counts for nothing.
    async fn a_late_answer_moves_nothing(world: World) {
        let (slow, fresh) = (Receiver::start().await, Receiver::start().await);
        made(&world, "app", &slow.url()).await;
        let before = latest(&world).await;
        user(&scim(&world), "ada").await;
        slow.say(Says::Held);
        let app = world.app.clone();
        let late = tokio::spawn(async move { round(&app).await });
        slow.arrived(1).await;
        world.admin().put(&format!("{AT}/app"), webhook("app", &fresh.url())).await.data();
        slow.let_go();
        late.await.unwrap().unwrap();
        assert_eq!(shown(&world, "app").await["delivery"]["next"], before);
        round(&world.app).await.unwrap();
        assert_eq!(numbers(&fresh.messages()), [before + 1]);
    }

    async fn an_event_wakes_who_delivers_once_and_only_where_there_is_a_webhook(world: World) {
        let (scim, mut bell) = (scim(&world), world.app.db.bell(WEBHOOKS));
        let lagging = async || world.app.db.house().read("test.lagging", store::lagging).await.unwrap();
        user(&scim, "ada").await;
        assert!(bell.rung().now_or_never().is_none(), "nobody is told");
        let receiver = Receiver::start().await;
        made(&world, "app", &receiver.url()).await;
        user(&scim, "grace").await;
        assert!(bell.rung().now_or_never().is_some());
        user(&scim, "edsger").await;
        assert!(bell.rung().now_or_never().is_none(), "it has something to do already");
        assert_eq!(lagging().await, (1, 0));
        receiver.say(Says::Status(500));
        round(&world.app).await.unwrap();
        assert_eq!(lagging().await, (1, 1));
        world.admin().put(&format!("{AT}/app"), webhook("app", &receiver.url())).await.data();
        assert!(bell.rung().now_or_never().is_some(), "whoever changes it has it tried at once");
        world.admin().delete(&format!("{AT}/app")).await.data();
        user(&scim, "alan").await;
        assert!(bell.rung().now_or_never().is_none());
        assert_eq!(lagging().await, (0, 0));
    }

    async fn a_live_receiver_is_found_behind_many_dead_ones(world: World) {
        let (dead, live) = (Receiver::start().await, Receiver::start().await);
        dead.say(Says::Status(500));
        for name in ["dead", "dumb", "down"] {
            made(&world, name, &dead.url()).await;
        }
        user(&scim(&world), "ada").await;
        assert_eq!(round(&world.app).await.unwrap(), 3);
        world.app.clock.advance_secs(60);
        made(&world, "live", &live.url()).await;
        user(&scim(&world), "grace").await;
        let now = world.app.clock.now();
        let due = move |tx: &mut db::Tx<'_>| store::due(tx, now, 2);
        let found = world.app.db.house().read("test.due", due).await.unwrap();
        let found: Vec<_> = found.iter().map(|due| (&*due.identifier == "live", due.is_tardy)).collect();
        assert_eq!(found, [(false, true), (false, true), (true, false)]);
    }

    /// However it answers; and no longer than until it is quick again.
    async fn a_slow_receiver_is_remembered(world: World) {
        let receiver = Receiver::start().await;
        made(&world, "app", &receiver.url()).await;
        for (late_by, says) in [(3, Says::Held), (0, Says::Status(200)), (3, Says::Held)] {
            user(&scim(&world), &format!("user{}", receiver.messages().len())).await;
            receiver.say(says);
            receiver.hold();
            let (app, count) = (world.app.clone(), receiver.messages().len() + 1);
            let attempt = tokio::spawn(async move { round(&app).await });
            receiver.arrived(count).await;
            world.app.clock.advance_secs(late_by);
            receiver.let_go();
            attempt.await.unwrap().unwrap();
            user(&scim(&world), &format!("more{count}")).await;
            let now = world.app.clock.now();
            let due = move |tx: &mut db::Tx<'_>| store::due(tx, now, 1);
            let found = world.app.db.house().read("test.due", due).await.unwrap();
            assert_eq!(found.iter().map(|due| due.is_tardy).collect::<Vec<_>>(), [late_by > 0], "{count}");
            assert_eq!(shown(&world, "app").await["delivery"]["failures"], 0);
        }
        world.admin().put(&format!("{AT}/app"), webhook("app", &Receiver::start().await.url())).await.data();
        let now = world.app.clock.now();
        let due = move |tx: &mut db::Tx<'_>| store::due(tx, now, 1);
        assert!(!world.app.db.house().read("test.due", due).await.unwrap()[0].is_tardy, "another place is not known");
    }

    /// Its receiver is waited for no longer: neither by the webhook nor by who stands in its way.
    async fn a_changed_webhook_does_not_wait_for_the_attempt_of_before(world: World) {
        let (slow, fresh) = (Receiver::start().await, Receiver::start().await);
        slow.say(Says::Held);
        made(&world, "app", &slow.url()).await;
        let (before, delivering, at) = (latest(&world).await, Delivering::start(&world), format!("{AT}/app"));
        user(&scim(&world), "ada").await;
        slow.arrived(1).await;
        let changed = world.admin().put(&at, webhook("app", &fresh.url())).await.data();
        assert_eq!(changed["delivery"]["nextAttemptAt"], world.app.clock.now().millis());
        assert_eq!(numbers(&fresh.arrived(1).await), [before + 1]);
        world.admin().put(&at, webhook("app", &slow.url())).await.data();
        user(&scim(&world), "grace").await;
        slow.arrived(2).await;
        world.admin().delete(&at).await.data();
        made(&world, "app", &fresh.url()).await;
        user(&scim(&world), "edsger").await;
        assert_eq!(numbers(&fresh.arrived(2).await[1..]), [before + 3]);
        until(&world, "app", |shown| shown["delivery"]["next"] == before + 3).await;
        delivering.end().await;
        let mut registry = Registry::default();
        world.app.deliveries.register(&mut registry);
        let mut page = String::new();
        prometheus_client::encoding::text::encode(&mut page, &registry).unwrap();
        assert!(page.contains("{outcome=\"delivered\"} 2\n") && !page.contains("unanswered"), "{page}");
    }

    async fn what_is_damaged_is_told_where_the_webhook_is_shown(world: World) {
        let receiver = Receiver::start().await;
        made(&world, "app", &receiver.url()).await;
        user(&scim(&world), "alan").await;
        let before = latest(&world).await;
        user(&scim(&world), "ada").await;
        user(&scim(&world), "grace").await;
        write(&world, "UPDATE events SET data = '{' WHERE account_id = 'acme' AND seq = $1", before + 1).await;
        assert_eq!(round(&world.app).await.unwrap(), 1);
        assert_eq!(numbers(&receiver.messages()), [before], "what stands before it is not held back");
        assert_eq!(round(&world.app).await.unwrap(), 1);
        let delivery = shown(&world, "app").await["delivery"].clone();
        let told = delivery["lastError"].as_str().unwrap();
        assert!(told.contains(&format!("event {} is damaged", before + 1)) && told.contains("with \"skipToLatest\": true"), "{told}");
        assert_eq!((&delivery["failures"], &delivery["next"]), (&json!(1), &json!(before)));
        assert_eq!(round(&world.app).await.unwrap(), 0, "it waits as after any failure");
        assert_eq!(receiver.messages().len(), 1, "nothing is skipped in silence");
        write(&world, "UPDATE events SET data = '{}' WHERE account_id = 'acme' AND seq = $1", before + 1).await;
        world.app.clock.advance_secs(A_WHILE);
        assert_eq!(round(&world.app).await.unwrap(), 1);
        assert_eq!(numbers(&receiver.messages()[1..]), [before + 1, before + 2]);

        write(&world, "UPDATE webhooks SET secret = 'whsec_?' WHERE account_id = 'acme' AND seq > $1", 0).await;
        user(&scim(&world), "edsger").await;
        assert_eq!(round(&world.app).await.unwrap(), 1);
        let told = shown(&world, "app").await["delivery"]["lastError"].to_string();
        assert!(told.contains("rotate it twice"), "{told}");
        for _ in 0..2 {
            world.admin().post(&format!("{AT}/app/rotate-secret"), json!({})).await.data();
        }
        world.app.clock.advance_secs(A_WHILE);
        assert_eq!(round(&world.app).await.unwrap(), 1);
        assert_eq!(receiver.messages().len(), 3);
    }

    async fn events_of_servers_that_wake_nobody_are_found_all_the_same(world: World) {
        let receiver = Receiver::start().await;
        made(&world, "app", &receiver.url()).await;
        user(&scim(&world), "ada").await;
        let sleep = "UPDATE webhooks SET due_at = NULL WHERE account_id = 'acme'";
        world.app.db.write::<_, db::Error>("test.sleep", "acme", move |tx| tx.put(sleep, &[])).await.unwrap();
        assert_eq!(round(&world.app).await.unwrap(), 0);
        dispatch::wake_missed(&world.app).await.unwrap();
        assert_eq!(round(&world.app).await.unwrap(), 1);
        assert_eq!(receiver.messages().len(), 1);
    }
}

/// On one SQLite file there is one server.
#[test]
fn two_servers_send_each_batch_once() {
    crate::actors::on_postgres(|world| async move {
        let receiver = Receiver::start().await;
        made(&world, "app", &receiver.url()).await;
        let (before, other) = (latest(&world).await, world.replica());
        let both = [Delivering::start(&world), Delivering::start(&other)];
        for n in 0..40 {
            let by = if n % 2 == 0 { &world } else { &other };
            user(&scim(by), &format!("user{n}")).await;
        }
        let last = latest(&world).await;
        let messages = receiver.all_up_to(last).await;
        assert_eq!(numbers(&messages), (before + 1..=last).collect::<Vec<_>>());
        until(&world, "app", |shown| shown["delivery"]["next"] == last).await;
        for one in both {
            one.end().await;
        }
    });
}
