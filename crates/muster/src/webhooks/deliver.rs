//! One delivery: what is next, by whom it is sent, and what came of it. Each step is a transaction that holds
//! the account's row; nothing is held while the receiver thinks.

use db::Tx;
use http::StatusCode;
use serde_json::json;
use tokio::sync::Notify;

use super::batch::{self, Message, Next};
use super::meter::Outcome;
use super::model::{CLAIM_SECS, Failure, SLOW_SECS, Webhook, place};
use super::sign;
use super::store::{self, Due};
use crate::app::App;
use crate::audit::{self, Action, Entry};
use crate::events::store as events;
use crate::kernel::caller::Caller;
use crate::kernel::problem::{Problem, Result};
use crate::kernel::scope::Scope;
use crate::kernel::shape::without_sure_tokens;
use crate::kernel::sparing::Sparing;
use crate::kernel::time::Timestamp;
use crate::outbound::post::Answer;
use crate::web::listen::{Stop, stopped};

/// Most characters of an answer that are kept.
const KEPT: usize = 200;

/// What is sent once.
struct Attempt {
    webhook: Webhook,
    message: Message,
    to: i64,
    claim: String,
    begun: Timestamp,
}

/// Delivers the next batch of a webhook, if that is still due and nobody else is at it. `doubted`: somebody
/// has seen that it is due again; where it is not ours any more, the receiver is waited for no longer.
/// `leave`: nor where this server is about to end; whoever is there then goes on at once.
///
/// # Errors
/// Of the database. It stays due then.
pub(super) async fn deliver(app: &App, due: &Due, doubted: &Notify, mut leave: Stop) -> Result<()> {
    let Some(attempt) = begin(app, due).await? else { return Ok(()) };
    let mut sending = std::pin::pin!(send(app, &attempt.webhook, &attempt.message));
    let sent = loop {
        tokio::select! {
            biased;
            sent = &mut sending => break sent,
            () = stopped(&mut leave) => return give_back(app, due, attempt.claim).await,
            () = doubted.notified() => {
                if let Ok(false) = is_ours(app, due, &attempt.claim).await {
                    return Ok(());
                }
            }
        }
    };
    finish(app, due, &attempt, sent).await
}

/// Leaves an attempt of which nobody knows what came to others, who make it again.
async fn give_back(app: &App, due: &Due, claim: String) -> Result<()> {
    let now = app.clock.now();
    turn(app, due, "webhooks.give_back", claimed_by(claim), move |webhook, _| {
        webhook.given_back(now);
        None
    })
    .await
    .map(drop)
}

/// Is the attempt of this claim the one that counts?
fn claimed_by(claim: String) -> impl Fn(&Webhook) -> bool + Send + 'static {
    move |webhook| webhook.delivery.claim.as_deref() == Some(&*claim)
}

/// Is an attempt still the one that counts?
async fn is_ours(app: &App, due: &Due, claim: &str) -> Result<bool> {
    let (of, is_claimed) = (due.clone(), claimed_by(claim.to_owned()));
    let look = move |tx: &mut Tx<'_>| -> Result<_> {
        let found = store::find(tx, &of.account, &of.identifier)?;
        Ok(found.is_some_and(|webhook| is_claimed(&webhook)))
    };
    app.db.of(&due.account).read("webhooks.doubt", look).await
}

/// Looks what is next. Where that is to send something, it is ours from then on, and every other attempt at
/// it sends the same.
async fn begin(app: &App, due: &Due) -> Result<Option<Attempt>> {
    let (of, now) = (due.clone(), app.clock.now());
    let look = move |tx: &mut Tx<'_>| -> Result<_> {
        let found = store::find(tx, &of.account, &of.identifier)?;
        let Some(webhook) = found.filter(|webhook| webhook.delivery.due_at.is_some_and(|at| at <= now))
        else {
            return Ok(None);
        };
        let (after, kinds) = (webhook.delivery.seq, &webhook.definition.kinds);
        let stretch = events::stretch(tx, &of.account, Some(after), batch::EVENTS, kinds)?;
        let next = batch::next(&webhook, stretch);
        Ok(Some((webhook, next)))
    };
    let Some((seen, mut next)) = app.db.of(&due.account).read("webhooks.next", look).await? else {
        return Ok(None);
    };
    let claim = app.rng.uuid();
    let message = match &mut next {
        Next::Send(batch) => match batch::readable(&due.account, &seen, batch) {
            Ok(message) => Some((message, batch.to)),
            Err(why) => return unreadable(app, due, seen, &why).await.map(|()| None),
        },
        _ => None,
    };
    let (known, held) = (seen.clone(), claim.clone());
    let is_same = move |webhook: &Webhook| *webhook == known;
    let done = turn(app, due, "webhooks.begin", is_same, move |webhook, latest| {
        match &next {
            Next::Pass(to) => {
                webhook.passed(*to);
                webhook.due_now(latest, now);
            }
            Next::Lost(first, last) => return Some(lost(*first, *last)),
            Next::Send(batch) => {
                let delivery = &mut webhook.delivery;
                delivery.claim = Some(held.clone());
                delivery.due_at = Some(now.plus_secs(CLAIM_SECS));
                delivery.batch_end = Some(batch.to);
            }
        }
        None
    });
    let is_ours = done.await?;
    Ok(message.filter(|_| is_ours).map(|(message, to)| Attempt {
        webhook: seen,
        message,
        to,
        claim,
        begun: now,
    }))
}

/// Tells of an event that cannot be sent as it is stored, as of an attempt that failed: nothing goes past it,
/// and whoever looks at the webhook sees why.
async fn unreadable(app: &App, due: &Due, seen: Webhook, why: &Problem) -> Result<()> {
    static DAMAGED: Sparing = Sparing::unspent();
    let now = app.clock.now();
    let [jitter] = app.rng.bytes::<1>();
    let what = why.cause().unwrap_or_else(|| why.message());
    let error = format!(
        "Nothing is sent past an event that cannot be read ({what}): restore it from a backup, or enable the webhook \
        with \"skipToLatest\": true to go on from the latest number, and read the whole directory once more."
    );
    DAMAGED.tell(|left_out| {
        let (account, webhook) = (&due.account, &due.identifier);
        tracing::warn!(%account, webhook, what, left_out, "a webhook waits: an event cannot be read as it is stored");
    });
    let failure = Failure { status: None, error, retry_after_secs: None, jitter };
    let is_same = move |webhook: &Webhook| *webhook == seen;
    turn(app, due, "webhooks.unreadable", is_same, move |webhook, _| webhook.failed(&failure, now))
        .await
        .map(drop)
}

/// Why nothing more is sent where events are missing.
pub(super) fn lost(first: i64, last: i64) -> String {
    format!(
        "Events {first} to {last} are no longer kept and were not delivered: enable the webhook with \"skipToLatest\": \
        true to go on from the latest number, and read the whole directory once more."
    )
}

/// Sends a message.
///
/// # Errors
/// Why no answer came, and what to change.
pub(super) async fn send(
    app: &App,
    webhook: &Webhook,
    message: &Message,
) -> std::result::Result<Answer, String> {
    let now = app.clock.now();
    let headers = sign::headers(&webhook.secrets(now), &message.id, now, &message.body)
        .map_err(|_| "The stored secret is damaged, so that nothing can be signed: rotate it twice.")?;
    // The operator may allow less than he did when it was stored.
    let url = place(&webhook.definition.url, app.poster.allow())
        .map_err(|why| format!("The URL cannot be used: {why}."))?;
    app.poster.post(&url, headers, message.body.clone()).await.map_err(|why| unanswered(&why))
}

fn unanswered(why: &str) -> String {
    // What the machine says of a connection does not say what to change; what the guard says does.
    let has = |words: &[&str]| words.iter().any(|words| why.contains(words));
    let advice = if has(&["leads to what is not", "the URL ", "plain http"]) {
        ""
    } else if has(&["os error", "address information", "no connection"]) {
        ": check host and port of the URL, and that the receiver runs and lets this server in"
    } else if has(&["certificate"]) {
        ": let the receiver have a certificate of a public authority for the host of the URL, or the operator name your \
        authority with SSL_CERT_FILE"
    } else if has(&["seconds"]) {
        ": let the receiver answer 2xx as soon as it keeps the events, and work on them afterwards"
    } else {
        ": check scheme and port of the URL, and that what listens there speaks HTTP"
    };
    format!("No answer came: {why}{advice}.")
}

/// Writes what came of it, unless somebody else is at it by now: it comes again then.
async fn finish(
    app: &App,
    due: &Due,
    attempt: &Attempt,
    sent: std::result::Result<Answer, String>,
) -> Result<()> {
    let (now, to) = (app.clock.now(), attempt.to);
    let outcome = match &sent {
        Ok(answer) if answer.status.is_success() => Outcome::Delivered,
        Ok(_) => Outcome::Refused,
        Err(_) => Outcome::Unanswered,
    };
    app.deliveries.count(outcome);
    let is_slow = attempt.begun.plus_secs(SLOW_SECS) < now;
    let is_ours = claimed_by(attempt.claim.clone());
    let [jitter] = app.rng.bytes::<1>();
    match sent {
        Ok(answer) if answer.status.is_success() => {
            let status = answer.status.as_u16();
            turn(app, due, "webhooks.delivered", is_ours, move |webhook, latest| {
                webhook.acknowledged(status, to, now);
                webhook.delivery.is_slow = is_slow;
                webhook.due_now(latest, now);
                None
            })
            .await?;
        }
        sent => {
            let failure = failure(sent, jitter, now);
            tracing::debug!(account = %due.account, webhook = due.identifier, error = failure.error, "not delivered");
            turn(app, due, "webhooks.failed", is_ours, move |webhook, _| {
                webhook.delivery.is_slow = is_slow;
                webhook.failed(&failure, now)
            })
            .await?;
        }
    }
    Ok(())
}

fn failure(sent: std::result::Result<Answer, String>, jitter: u8, now: Timestamp) -> Failure {
    match sent {
        Err(error) => Failure { status: None, error, retry_after_secs: None, jitter },
        Ok(answer) => {
            let retry_after_secs = answer.retry_after.as_deref().and_then(|text| after(text, now));
            Failure {
                status: Some(answer.status.as_u16()),
                error: refusal(&answer),
                retry_after_secs,
                jitter,
            }
        }
    }
}

/// `Retry-After` (RFC 9110 §10.2.3): seconds, or a date.
fn after(text: &str, now: Timestamp) -> Option<i64> {
    let text = text.trim();
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        // More than fits is as good as the most.
        return Some(text.parse().unwrap_or(i64::MAX));
    }
    Some(Timestamp::parse_http_date(text)?.secs() - now.secs())
}

/// What is wrong with an answer that is no 2xx, in words.
pub(super) fn refusal(answer: &Answer) -> String {
    let status = answer.status.as_u16();
    let leads_on = answer.status.is_redirection() && answer.status != StatusCode::NOT_MODIFIED;
    if let Some(to) = answer.location.as_deref().filter(|_| leads_on) {
        let to = excerpt(to.as_bytes());
        return format!(
            "The receiver answered {status}, a redirect to {to}, which is not followed: store the final URL."
        );
    }
    let text = excerpt(&answer.start);
    let said = if text.is_empty() { String::new() } else { format!(" and said: {text}") };
    format!("The receiver has to answer 2xx once it keeps the events. It answered {status}{said}")
}

/// The beginning of what a receiver said, on one line, without what looks like a token.
pub(super) fn excerpt(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    // Before it is cut: half a token is none by its form.
    without_sure_tokens(line.trim()).chars().take(KEPT).collect()
}

/// Does something to a webhook that is as the caller knows it, with the last number given; answers whether it
/// was. Where there is a reason to send nothing more, that is done and audited.
async fn turn(
    app: &App,
    due: &Due,
    label: &'static str,
    is_known: impl Fn(&Webhook) -> bool + Send + 'static,
    act: impl Fn(&mut Webhook, i64) -> Option<String> + Send + 'static,
) -> Result<bool> {
    let (of, now, audit_id) = (due.clone(), app.clock.now(), app.rng.uuid());
    let write = move |tx: &mut Tx<'_>| -> Result<_> {
        let found = store::find(tx, &of.account, &of.identifier)?;
        let Some(mut webhook) = found.filter(&is_known) else { return Ok((false, None)) };
        let (latest, _) = events::state(tx, &of.account)?;
        webhook.forget_former(now);
        let reason = act(&mut webhook, latest);
        if let Some(reason) = &reason {
            webhook.disable(reason.clone(), now);
            let (definition, scope) = (&webhook.definition, Scope::account(of.account.clone()));
            let named = (definition.identifier.as_str(), definition.name.as_str());
            let entry = Entry::about(Action::Update, "WEBHOOK", named, &scope, json!({"disabled": reason}));
            audit::record(tx, &Caller::server(of.account.clone()), now, &audit_id, &entry)?;
        }
        store::put(tx, &of.account, &webhook)?;
        Ok((true, reason))
    };
    let (is_done, reason) = app.write_held(label, due.account.as_str(), write).await?;
    if let Some(reason) = reason {
        app.deliveries.count_disabled();
        tracing::warn!(account = %due.account, webhook = due.identifier, reason, "a webhook was disabled");
    }
    Ok(is_done)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outbound::guard::Allow;

    fn answer(status: u16, start: &str) -> Answer {
        let status = StatusCode::from_u16(status).unwrap();
        Answer { status, retry_after: None, location: None, start: start.into() }
    }

    #[test]
    fn a_refusal_says_what_came_and_what_to_change() {
        assert!(refusal(&answer(500, " It\nbroke\u{1} ")).ends_with("answered 500 and said: It broke"));
        assert!(refusal(&answer(500, "")).ends_with("answered 500"));
        let moved = Answer { location: Some("https://b.example/".into()), ..answer(308, "") };
        assert!(refusal(&moved).contains("308, a redirect to https://b.example/, which is not followed"));
        let odd = Answer { location: moved.location.clone(), ..answer(304, "") };
        for no_redirect in [odd, answer(304, ""), answer(300, "")] {
            assert!(!refusal(&no_redirect).contains("redirect"), "{no_redirect:?}");
        }
        let token = format!("pat.acme.00000000-0000-4000-8000-000000000001.{}", "b1".repeat(22));
        let said = refusal(&answer(401, &format!("{token} is wrong {}", "x".repeat(500))));
        assert!(!said.contains(&token) && said.contains("is wrong") && said.len() < 320, "{said}");
    }

    #[test]
    fn what_is_no_answer_says_what_to_change() {
        assert!(unanswered("Connection refused (os error 111)").contains("check host and port"));
        assert!(unanswered("no connection within 5 seconds").contains("check host and port"));
        assert!(unanswered("no whole answer within 15 seconds").contains("work on them afterwards"));
        for tls in ["UnknownIssuer", "Expired", "certificate not valid for name \"a\""] {
            let text = unanswered(&format!("invalid peer certificate: {tls}"));
            assert!(text.contains("public authority") && text.contains("SSL_CERT_FILE"), "{text}");
        }
        let not_http = ["invalid HTTP version parsed", "received corrupt message of type InvalidContentType"];
        for why in not_http {
            assert!(unanswered(why).contains("speaks HTTP"), "{why}");
        }
        let closed = Allow::default().for_webhooks().closed("vm");
        assert!(unanswered(&closed).ends_with("has the address)."), "{closed}");
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now = Timestamp::parse_rfc3339("2015-10-21T07:27:00Z").unwrap();
        assert_eq!(after("90", now), Some(90));
        assert_eq!(after("Wed, 21 Oct 2015 07:28:00 GMT", now), Some(60));
        assert_eq!(after("99999999999999999999999", now), Some(i64::MAX));
        for none in ["soon", "", "-5", "1.5", "٣"] {
            assert_eq!(after(none, now), None, "{none}");
        }
    }
}
