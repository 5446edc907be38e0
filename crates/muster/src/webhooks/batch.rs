//! What a webhook is sent next, and what that looks like on the wire. Pure.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::model::Webhook;
use crate::events::model::{Row, Stretch};
use crate::events::wire::View;
use crate::kernel::ids::AccountId;
use crate::kernel::problem::{Problem, Result};
use crate::kernel::time::Timestamp;

/// Events in one batch at most.
pub const EVENTS: usize = 100;
/// About so many bytes of them; one event is sent whatever it has.
const BYTES: usize = 256 << 10;

/// What is to be done for a webhook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// Nothing up to this number is meant for it.
    Pass(i64),
    /// Events from the first to the last of these numbers are no longer kept, and it does not have them.
    Lost(i64, i64),
    /// These are to be sent.
    Send(Batch),
}

/// Events that are sent together, and again together where they were not acknowledged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// Of the kinds that the webhook is told of.
    pub rows: Vec<Row>,
    /// Nothing that is meant for it is missing up to here.
    pub to: i64,
}

/// What comes next, by the events after the last number that the webhook has.
pub fn next(webhook: &Webhook, stretch: Stretch) -> Next {
    let (seq, begun) = (webhook.delivery.seq, webhook.delivery.batch_end);
    if seq < stretch.oldest - 1 {
        return Next::Lost(seq + 1, stretch.oldest - 1);
    }
    let mut to = begun.unwrap_or(stretch.next);
    let mut rows = stretch.rows;
    rows.retain(|row| row.number <= to);
    if begun.is_none() {
        let mut bytes = 0;
        let fits = |row: &Row| {
            bytes += row.data.len();
            bytes <= BYTES
        };
        let fitting = rows.iter().map(fits).take_while(|fits| *fits).count().max(1);
        if fitting < rows.len() {
            rows.truncate(fitting);
            to = rows[fitting - 1].number;
        }
    }
    if rows.is_empty() { Next::Pass(to.max(seq)) } else { Next::Send(Batch { rows, to }) }
}

/// A message as it is sent.
#[derive(Clone, Debug)]
pub struct Message {
    /// The same for the same batch, however often it is sent.
    pub id: String,
    /// JSON.
    pub body: Bytes,
}

#[derive(Serialize)]
struct Body<'a> {
    r#type: &'static str,
    timestamp: String,
    data: Data<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Data<'a> {
    account_identifier: &'a str,
    webhook_identifier: &'a str,
    events: Vec<View>,
    next: i64,
}

/// The message of a batch. Says nothing of when it is sent: another attempt sends the same bytes.
///
/// # Errors
/// `Internal` for a damaged event.
pub fn message(account: &AccountId, webhook: &Webhook, batch: &Batch) -> Result<Message> {
    let last = batch.rows.last().map_or(0, |row| row.at);
    let events = batch.rows.iter().cloned().map(View::of).collect::<Result<_>>()?;
    let id = id(account, webhook, batch, last);
    let at = Timestamp::from_micros(last);
    Ok(Message { id, body: body("directory.events", account, webhook, at, (events, batch.to))? })
}

/// The message of a batch, or, where it is not begun yet, of what stands before its first damaged event: what
/// can be read is not held back by what cannot.
///
/// # Errors
/// `Internal` where a damaged event is next.
pub fn readable(account: &AccountId, webhook: &Webhook, batch: &mut Batch) -> Result<Message> {
    let whole = message(account, webhook, batch);
    if whole.is_ok() || webhook.delivery.batch_end.is_some() {
        return whole;
    }
    let damaged = |row: &Row| View::of(row.clone()).is_err();
    let Some(at) = batch.rows.iter().position(damaged).filter(|at| *at > 0) else { return whole };
    batch.to = batch.rows[at].number - 1;
    batch.rows.truncate(at);
    message(account, webhook, batch)
}

/// The message that tries a webhook out: as others, without an event.
///
/// # Errors
/// `Internal`: it cannot be JSON.
pub fn trial(account: &AccountId, webhook: &Webhook, now: Timestamp, id: &str) -> Result<Message> {
    let body = body("webhook.test", account, webhook, now, (Vec::new(), webhook.delivery.seq))?;
    Ok(Message { id: format!("test_{id}"), body })
}

fn body(
    r#type: &'static str,
    account: &AccountId,
    webhook: &Webhook,
    at: Timestamp,
    (events, next): (Vec<View>, i64),
) -> Result<Bytes> {
    let data = Data {
        account_identifier: account.as_str(),
        webhook_identifier: &webhook.definition.identifier,
        events,
        next,
    };
    let text = serde_json::to_vec(&Body { r#type, timestamp: at.rfc3339(), data });
    text.map(Bytes::from)
        .map_err(|error| Problem::internal(format!("a webhook's message cannot be written: {error}")))
}

/// By account, webhook and numbers; and by when things were made, since a webhook can be made anew, and a
/// database put back to an earlier day gives its numbers again.
fn id(account: &AccountId, webhook: &Webhook, batch: &Batch, last: i64) -> String {
    let definition = &webhook.definition;
    let text = format!(
        "{account}\n{}\n{}\n{}\n{}\n{}\n{last}",
        definition.identifier,
        webhook.created_at.micros(),
        definition.words().join(" "),
        webhook.delivery.seq,
        batch.to
    );
    format!("msg_{}", URL_SAFE_NO_PAD.encode(&Sha256::digest(text)[..18]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::secret::Secret;
    use crate::webhooks::model::{Definition, Delivery};

    fn webhook(seq: i64, batch_end: Option<i64>) -> Webhook {
        let definition = Definition {
            identifier: "w".into(),
            name: "W".into(),
            description: None,
            url: "https://a.example/".into(),
            kinds: Vec::new(),
            enabled: true,
        };
        Webhook {
            definition,
            secret: Secret::new("s"),
            former: None,
            delivery: Delivery { seq, batch_end, ..Delivery::default() },
            version: 1,
            created_at: Timestamp::from_micros(5),
            updated_at: Timestamp::from_micros(5),
        }
    }

    fn row(number: i64, bytes: usize) -> Row {
        Row {
            number,
            at: number,
            kind: "user.created".into(),
            resource_type: "User".into(),
            resource_id: "u".into(),
            data: format!("{{\"userName\":\"{}\"}}", "x".repeat(bytes)),
        }
    }

    fn stretch(rows: Vec<Row>, next: i64, oldest: i64) -> Stretch {
        Stretch { rows, next, latest: 99, oldest, version: 1 }
    }

    #[test]
    fn a_batch_that_was_begun_stays_as_it_was() {
        let rows = || (4..=9).map(|n| row(n, 1)).collect::<Vec<_>>();
        let Next::Send(fresh) = next(&webhook(3, None), stretch(rows(), 9, 1)) else { panic!("events") };
        assert_eq!((fresh.rows.len(), fresh.to), (6, 9));
        let Next::Send(again) = next(&webhook(3, Some(6)), stretch(rows(), 9, 1)) else { panic!("events") };
        assert_eq!((again.rows.len(), again.to), (3, 6));
    }

    #[test]
    fn large_events_make_small_batches() {
        let rows = |bytes| (4..=9).map(|n| row(n, bytes)).collect::<Vec<_>>();
        for (bytes, count) in [(100 << 10, 2), (300 << 10, 1)] {
            let Next::Send(batch) = next(&webhook(3, None), stretch(rows(bytes), 9, 1)) else {
                panic!("events")
            };
            assert_eq!((batch.rows.len(), batch.to), (count, 3 + i64::try_from(count).unwrap()));
        }
    }

    #[test]
    fn what_is_not_meant_for_it_is_passed_and_what_is_lost_is_named() {
        assert_eq!(next(&webhook(3, None), stretch(Vec::new(), 9, 1)), Next::Pass(9));
        assert_eq!(next(&webhook(3, None), stretch(Vec::new(), 3, 1)), Next::Pass(3));
        assert_eq!(next(&webhook(3, None), stretch(Vec::new(), 3, 8)), Next::Lost(4, 7));
        assert_eq!(next(&webhook(3, None), stretch(Vec::new(), 9, 4)), Next::Pass(9), "all it has may go");
    }

    #[test]
    fn a_message_has_one_id_and_one_text_for_ever() {
        let (account, at) = (AccountId::new("acme"), webhook(3, None));
        let batch = |to| Batch { rows: (4..=to).map(|n| row(n, 1)).collect(), to };
        let one = message(&account, &at, &batch(6)).unwrap();
        let same = message(&account, &webhook(3, Some(6)), &batch(6)).unwrap();
        assert_eq!((&one.id, &one.body), (&same.id, &same.body));
        let mut anew = webhook(3, None);
        anew.created_at = Timestamp::from_micros(6);
        for (webhook, to) in [(&at, 7), (&anew, 6)] {
            assert_ne!(message(&account, webhook, &batch(to)).unwrap().id, one.id);
        }
    }
}
