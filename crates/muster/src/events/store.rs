//! SQL of events.

use db::sql::Sql;
use db::{Closing, Param, Tx, params};
use serde::Serialize;

use super::model::{Event, Kind, Row, Signed, Stretch};
use crate::accounts::store::take_numbers;
use crate::kernel::caller::Caller;
use crate::kernel::ids::AccountId;
use crate::kernel::problem::Problem;
use crate::kernel::time::Timestamp;

const INSERT: &str = "INSERT INTO events (account_id, seq, at, kind, resource_type, resource_id, data) \
    VALUES ($1, $2, $3, $4, $5, $6, $7)";
const STATE: &str = "SELECT seq, version FROM accounts WHERE account_id = $1";
const OLDEST: &str = "SELECT seq FROM events WHERE account_id = $1 ORDER BY seq LIMIT 1";
const SELECT: &str = "SELECT seq, at, kind, resource_type, resource_id, data FROM events WHERE account_id = ";
const FIRST: &str = "SELECT seq, at FROM events WHERE account_id = $1 ORDER BY seq LIMIT $2";
const PURGE: &str = "DELETE FROM events WHERE account_id = $1 AND seq <= $2";

const WAKE: &str =
    "UPDATE webhooks SET due_at = $2 WHERE account_id = $1 AND due_at IS NULL AND enabled = TRUE";

/// The bell that rings where webhooks have something to do; no account can have this name.
pub const WEBHOOKS: &str = "/webhooks";
static WOKEN: Closing = Closing { name: "webhooks", write: |_, _| Ok(()) };

/// Numbers looked through by one reading at most: what a filter by kind can cost.
const LOOKED_THROUGH: i64 = 10_000;
/// Events removed in one transaction at most.
pub const PURGED_AT_ONCE: usize = 2_000;

/// Numbers the events of a whole transaction: one update of each account's row, however many changes share
/// the commit.
static NUMBERED: Closing = Closing { name: "events", write };

/// Leaves the events to be numbered under the account row and written with the caller's transaction. Each
/// says who did it.
///
/// # Errors
/// `Internal` where the transaction only reads.
pub fn append<'e, D: Serialize>(
    tx: &mut Tx<'_>,
    caller: &Caller,
    now: Timestamp,
    events: impl IntoIterator<Item = Event<'e, D>>,
) -> Result<(), Problem> {
    for event in events {
        let data = serde_json::to_string(&Signed::by(&caller.principal, &event.data))
            .map_err(|error| Problem::internal(format!("an event cannot be written as JSON: {error}")))?;
        let row = vec![
            caller.account.as_str().into(),
            now.micros().into(),
            event.kind.as_str().into(),
            event.resource_type.into(),
            event.resource_id.into(),
            data.into(),
        ];
        tx.leave(&NUMBERED, row)?;
    }
    Ok(())
}

/// Rows are (account, at, kind, resource type, resource id, data).
fn write(tx: &mut Tx<'_>, rows: &[Vec<db::sql::Value>]) -> Result<(), db::Error> {
    // As the calls came, which a batch sorts by account: so transactions of several replicas lock the
    // accounts in the same order.
    let mut accounts: Vec<(&str, Vec<&[db::sql::Value]>)> = Vec::new();
    for row in rows {
        let Some((db::sql::Value::Text(account), rest)) = row.split_first() else { continue };
        match accounts.last_mut() {
            Some((known, rows)) if known == account => rows.push(rest),
            _ => accounts.push((account, vec![rest])),
        }
    }
    for (account, rows) in accounts {
        let n = i64::try_from(rows.len()).unwrap_or(i64::MAX);
        let more_users = rows.iter().map(|row| more_users(row)).sum();
        let (first, has_webhooks) = take_numbers(tx, account, n, more_users)?;
        for (seq, row) in (first..).zip(&rows) {
            let mut values = vec![Param::Text(account), Param::Int(seq)];
            values.extend(row.iter().map(db::sql::Value::as_param));
            tx.put(INSERT, &values)?;
        }
        if has_webhooks {
            wake(tx, account, rows[0][0].as_param())?;
        }
    }
    Ok(())
}

/// The account's webhooks that had nothing to do have something from now on. Its row is held: whoever says of
/// one that it has nothing to do comes before or after.
fn wake(tx: &mut Tx<'_>, account: &str, now: Param<'_>) -> Result<(), db::Error> {
    if tx.exec(WAKE, &[Param::Text(account), now])? == 0 {
        return Ok(());
    }
    tx.leave(&WOKEN, vec![WEBHOOKS.into()])
}

/// Rings the bell of who delivers to webhooks, after the commit.
///
/// # Errors
/// `Internal` where the transaction only reads.
pub fn ring(tx: &mut Tx<'_>) -> Result<(), Problem> {
    Ok(tx.leave(&WOKEN, vec![WEBHOOKS.into()])?)
}

/// How many users more there are after an event.
fn more_users(row: &[db::sql::Value]) -> i64 {
    let Some(db::sql::Value::Text(kind)) = row.get(1) else { return 0 };
    match Kind::parse(kind) {
        Some(Kind::UserCreated) => 1,
        Some(Kind::UserDeleted) => -1,
        _ => 0,
    }
}

/// The last number given, and the account's version.
///
/// # Errors
/// Of the database; `Internal` for an account that is gone.
pub fn state(tx: &mut Tx<'_>, account: &AccountId) -> Result<(i64, i64), Problem> {
    Ok(tx.query_one(STATE, params![account.as_str()], |row| Ok((row.get(0)?, row.get(1)?)))?)
}

/// The events after a number, of some kinds or of all. Without a number none: only where the account is.
///
/// # Errors
/// Of the database.
pub fn stretch(
    tx: &mut Tx<'_>,
    account: &AccountId,
    after: Option<i64>,
    limit: usize,
    kinds: &[Kind],
) -> Result<Stretch, Problem> {
    let (latest, version) = state(tx, account)?;
    let kept: Option<i64> = tx.query_opt(OLDEST, params![account.as_str()], |row| row.get(0))?;
    let oldest = kept.unwrap_or(latest + 1);
    let Some(after) = after.filter(|after| (oldest - 1..latest).contains(after)) else {
        return Ok(Stretch { rows: Vec::new(), next: after.unwrap_or(latest), latest, oldest, version });
    };
    // There are no holes: so many numbers are so many rows.
    let end = latest.min(after.saturating_add(LOOKED_THROUGH));
    let mut sql = Sql::new(SELECT);
    sql.bind(account.as_str()).push(" AND seq > ").bind(after).push(" AND seq <= ").bind(end);
    if !kinds.is_empty() {
        sql.push(" AND kind IN (").bind_list(kinds.iter().map(|kind| kind.as_str())).push(")");
    }
    sql.push(" ORDER BY seq LIMIT ").bind(i64::try_from(limit).unwrap_or(i64::MAX));
    let rows = tx.query(sql.text(), &sql.params(), |row| {
        Ok(Row {
            number: row.get(0)?,
            at: row.get(1)?,
            kind: row.get(2)?,
            resource_type: row.get(3)?,
            resource_id: row.get(4)?,
            data: row.get(5)?,
        })
    })?;
    let full = rows.len() == limit;
    let next = rows.last().filter(|_| full).map_or(end, |row| row.number);
    Ok(Stretch { rows, next, latest, oldest, version })
}

/// Removes the oldest events as far as they are older than `before`; answers how many, `PURGED_AT_ONCE` at
/// most. What is left still has no holes.
///
/// # Errors
/// Of the database.
pub fn purge(tx: &mut Tx<'_>, account: &AccountId, before: Timestamp) -> Result<usize, Problem> {
    let limit = i64::try_from(PURGED_AT_ONCE).unwrap_or(i64::MAX);
    let first: Vec<(i64, i64)> =
        tx.query(FIRST, params![account.as_str(), limit], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let old: Vec<i64> =
        first.into_iter().take_while(|(_, at)| *at < before.micros()).map(|(seq, _)| seq).collect();
    if let Some(last) = old.last() {
        tx.put(PURGE, params![account.as_str(), *last])?;
    }
    Ok(old.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plans::{goes_through, plan};

    #[test]
    fn events_are_found_by_their_numbers() {
        let read = format!("{SELECT}$1 AND seq > $2 AND seq <= $3 ORDER BY seq LIMIT $4");
        for sql in [OLDEST, FIRST, PURGE, read.as_str()] {
            let steps = plan(sql);
            // Two of them read from the account's first event on, to their LIMIT.
            let whole = steps.iter().any(|step| goes_through(step)) && !sql.contains("LIMIT");
            assert!(!whole, "{sql}: {steps:#?}");
            assert!(!steps.iter().any(|step| step.contains("TEMP B-TREE")), "{sql}: {steps:#?}");
        }
    }

    #[test]
    fn every_kind_is_read_as_it_is_written() {
        for kind in Kind::ALL {
            assert_eq!(Kind::parse(kind.as_str()), Some(*kind));
        }
    }
}
