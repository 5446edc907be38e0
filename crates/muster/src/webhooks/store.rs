//! SQL of webhooks. Whoever writes a row holds the account's first, so that it is still what was read.

use db::{Row, Tx, params};

use super::model::{Definition, Delivery, Webhook};
use crate::events::Kind;
use crate::kernel::ids::AccountId;
use crate::kernel::problem::{Problem, Result};
use crate::kernel::secret::Secret;
use crate::kernel::time::Timestamp;

/// A statement that gives whole webhooks of an account.
macro_rules! webhooks {
    ($rest:literal) => {
        concat!(
            "SELECT identifier, name, description, url, types, enabled, secret, former_secret, former_until, seq, \
            batch_end, due_at, claim, failures, failing_since, last_attempt_at, last_status, last_error, \
            disabled_reason, slow, version, created_at, updated_at FROM webhooks WHERE account_id = $1 ",
            $rest
        )
    };
}

const LIST: &str = webhooks!("ORDER BY identifier");
const FIND: &str = webhooks!("AND identifier = $2");
const PUT: &str = "INSERT INTO webhooks (account_id, identifier, name, description, url, types, enabled, secret, \
    former_secret, former_until, seq, batch_end, due_at, claim, failures, failing_since, \
    last_attempt_at, last_status, last_error, disabled_reason, slow, version, created_at, updated_at) VALUES \
    ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, \
    $22, $23, $24) ON CONFLICT (account_id, identifier) DO UPDATE SET name = excluded.name, description = \
    excluded.description, url = excluded.url, types = excluded.types, enabled = excluded.enabled, secret \
    = excluded.secret, former_secret = excluded.former_secret, former_until = excluded.former_until, seq \
    = excluded.seq, batch_end = excluded.batch_end, due_at = excluded.due_at, claim = excluded.claim, \
    failures = excluded.failures, failing_since = excluded.failing_since, last_attempt_at = \
    excluded.last_attempt_at, last_status = excluded.last_status, last_error = excluded.last_error, \
    disabled_reason = excluded.disabled_reason, slow = excluded.slow, version = excluded.version, \
    updated_at = excluded.updated_at";
const DELETE: &str = "DELETE FROM webhooks WHERE account_id = $1 AND identifier = $2";
const COUNT: &str = "UPDATE accounts SET webhooks = (SELECT COUNT(*) FROM webhooks WHERE account_id = $1) \
    WHERE account_id = $1";
/// Longest due first: those of an account whose deliveries are many wait behind those of others.
const DUE: &str = "SELECT w.account_id, w.identifier, w.due_at FROM webhooks w \
    JOIN accounts a ON a.account_id = w.account_id WHERE w.due_at <= $1 \
    AND (w.failures > 0 OR w.slow = TRUE) = $2 AND a.status = 'ACTIVE' ORDER BY w.due_at LIMIT $3";
const LAGGING: &str = "SELECT COUNT(*), COUNT(CASE WHEN w.failures > 0 THEN 1 END) FROM webhooks w \
    JOIN accounts a ON a.account_id = w.account_id WHERE w.due_at > 0 AND a.status = 'ACTIVE'";
const MISSED: &str = "SELECT w.account_id, w.identifier FROM webhooks w JOIN accounts a \
    ON a.account_id = w.account_id WHERE w.due_at IS NULL AND w.enabled = TRUE AND w.seq < a.seq";
const WAKE: &str = "UPDATE webhooks SET due_at = $3 \
    WHERE account_id = $1 AND identifier = $2 AND due_at IS NULL AND enabled = TRUE";
const RELEASE: &str = "UPDATE webhooks SET claim = NULL, due_at = $1 WHERE due_at > 0 AND claim IS NOT NULL";

fn time(row: &Row<'_>, at: usize) -> std::result::Result<Option<Timestamp>, db::Error> {
    Ok(row.get::<Option<i64>>(at)?.map(Timestamp::from_micros))
}

fn read(row: &Row<'_>) -> std::result::Result<Webhook, db::Error> {
    let kinds: String = row.get(4)?;
    let former = row.get::<Option<String>>(7)?.map(Secret::new).zip(time(row, 8)?);
    let definition = Definition {
        identifier: row.get(0)?,
        name: row.get(1)?,
        description: row.get(2)?,
        url: row.get(3)?,
        kinds: kinds.split_whitespace().filter_map(Kind::parse).collect(),
        enabled: row.get(5)?,
    };
    let delivery = Delivery {
        seq: row.get(9)?,
        batch_end: row.get(10)?,
        due_at: time(row, 11)?,
        claim: row.get(12)?,
        failures: row.get(13)?,
        failing_since: time(row, 14)?,
        last_attempt_at: time(row, 15)?,
        last_status: row.get(16)?,
        last_error: row.get(17)?,
        disabled_reason: row.get(18)?,
        is_slow: row.get(19)?,
    };
    Ok(Webhook {
        definition,
        secret: Secret::new(row.get::<String>(6)?),
        former,
        delivery,
        version: row.get(20)?,
        created_at: Timestamp::from_micros(row.get(21)?),
        updated_at: Timestamp::from_micros(row.get(22)?),
    })
}

/// The account's webhooks, by identifier.
pub fn list(tx: &mut Tx<'_>, account: &AccountId) -> Result<Vec<Webhook>> {
    Ok(tx.query(LIST, params![account.as_str()], read)?)
}

/// One of them.
pub fn find(tx: &mut Tx<'_>, account: &AccountId, identifier: &str) -> Result<Option<Webhook>> {
    Ok(tx.query_opt(FIND, params![account.as_str(), identifier], read)?)
}

/// Writes one over that of its identifier, if there is one.
pub fn put(tx: &mut Tx<'_>, account: &AccountId, webhook: &Webhook) -> Result<()> {
    let Webhook { definition, secret, former, delivery, version, created_at, updated_at } = webhook;
    let micros = |at: Option<Timestamp>| at.map(Timestamp::micros);
    let (former_secret, until) = former.as_ref().map(|(secret, until)| (secret.expose(), *until)).unzip();
    tx.put(
        PUT,
        params![
            account.as_str(),
            &definition.identifier,
            &definition.name,
            definition.description.as_deref(),
            &definition.url,
            definition.words().join(" ").as_str(),
            definition.enabled,
            secret.expose(),
            former_secret,
            micros(until),
            delivery.seq,
            delivery.batch_end,
            micros(delivery.due_at),
            delivery.claim.as_deref(),
            delivery.failures,
            micros(delivery.failing_since),
            micros(delivery.last_attempt_at),
            delivery.last_status,
            delivery.last_error.as_deref(),
            delivery.disabled_reason.as_deref(),
            delivery.is_slow,
            *version,
            created_at.micros(),
            updated_at.micros()
        ],
    )?;
    Ok(())
}

/// Removes one.
pub fn delete(tx: &mut Tx<'_>, account: &AccountId, identifier: &str) -> Result<()> {
    Ok(tx.put(DELETE, params![account.as_str(), identifier])?)
}

/// Writes into the account's row how many it has.
pub fn count(tx: &mut Tx<'_>, account: &AccountId) -> Result<()> {
    Ok(tx.put(COUNT, params![account.as_str()])?)
}

/// A webhook that has something to do.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Due {
    /// Whose it is.
    pub account: AccountId,
    /// Which one.
    pub identifier: String,
    /// Did its last attempt fail, or take long?
    pub is_tardy: bool,
}

/// Those that have something to do by now, of accounts in use; the one that waits longest comes first.
/// `limit`: of those that fail or are slow, and as many of the others, so that these are found behind however
/// many dead receivers.
pub fn due(tx: &mut Tx<'_>, now: Timestamp, limit: usize) -> Result<Vec<Due>> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut all = Vec::new();
    for is_tardy in [false, true] {
        let row = |row: &Row<'_>| {
            let account = AccountId::new(row.get::<String>(0)?);
            Ok((row.get::<i64>(2)?, Due { account, identifier: row.get(1)?, is_tardy }))
        };
        all.extend(tx.query(DUE, params![now.micros(), is_tardy, limit], row)?);
    }
    all.sort_by_key(|(at, _)| *at);
    Ok(all.into_iter().map(|(_, due)| due).collect())
}

/// How many of accounts in use have something to do, and how many of those fail.
pub fn lagging(tx: &mut Tx<'_>) -> Result<(i64, i64)> {
    Ok(tx.query_one(LAGGING, &[], |row| Ok((row.get(0)?, row.get(1)?)))?)
}

/// Those that have something to do and were not told so: by a server of an earlier release beside this one,
/// which writes events without waking anybody.
pub fn missed(tx: &mut Tx<'_>) -> Result<Vec<(AccountId, String)>> {
    Ok(tx.query(MISSED, &[], |row| Ok((AccountId::new(row.get::<String>(0)?), row.get(1)?)))?)
}

/// Gives one of them something to do.
pub fn wake(tx: &mut Tx<'_>, account: &AccountId, identifier: &str, now: Timestamp) -> Result<()> {
    Ok(tx.put(WAKE, params![account.as_str(), identifier, now.micros()])?)
}

/// Ends all attempts: those of a server that is no more, where there is no other one.
pub fn release(tx: &mut Tx<'_>, now: Timestamp) -> std::result::Result<(), Problem> {
    Ok(tx.put(RELEASE, params![now.micros()])?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plans::plan;

    #[test]
    fn those_that_have_nothing_to_do_are_not_looked_at() {
        for sql in [DUE, LAGGING, RELEASE] {
            let steps = plan(sql);
            assert!(!steps.iter().any(|step| step.starts_with("SCAN ")), "{sql}: {steps:#?}");
            assert!(steps.iter().any(|step| step.contains("webhooks_by_due")), "{sql}: {steps:#?}");
        }
    }
}
