//! SQL of events.

use std::collections::BTreeMap;

use db::{Closing, Param, Tx};
use serde_json::Value;

use crate::accounts::store::take_numbers;
use crate::kernel::ids::AccountId;
use crate::kernel::problem::Problem;
use crate::kernel::time::Timestamp;

const INSERT: &str = "INSERT INTO events (account_id, seq, at, kind, resource_type, resource_id, data) \
    VALUES ($1, $2, $3, $4, $5, $6, $7)";

/// One happening.
#[derive(Clone, Debug)]
pub struct Event<'a> {
    /// For example `user.created`, `group.member_added`.
    pub kind: &'static str,
    /// `User` or `Group`.
    pub resource_type: &'static str,
    /// SCIM id of the resource.
    pub resource_id: &'a str,
    /// What a consumer needs to know of the change; no secrets.
    pub data: Value,
}

/// Numbers the events of a whole transaction: one update of each account's row, however many changes share
/// the commit.
static NUMBERED: Closing = Closing { name: "events", write };

/// Leaves the events to be numbered under the account row and written with the caller's transaction.
///
/// # Errors
/// `Internal` where the transaction only reads.
pub fn append(
    tx: &mut Tx<'_>,
    account: &AccountId,
    now: Timestamp,
    events: &[Event<'_>],
) -> Result<(), Problem> {
    for event in events {
        let row = vec![
            account.as_str().into(),
            now.micros().into(),
            event.kind.into(),
            event.resource_type.into(),
            event.resource_id.into(),
            event.data.to_string().into(),
        ];
        tx.leave(&NUMBERED, row)?;
    }
    Ok(())
}

/// Rows are (account, at, kind, resource type, resource id, data).
fn write(tx: &mut Tx<'_>, rows: &[Vec<db::sql::Value>]) -> Result<(), db::Error> {
    // By account, so that transactions of several replicas lock the accounts in the same order.
    let mut accounts: BTreeMap<&str, Vec<&[db::sql::Value]>> = BTreeMap::new();
    for row in rows {
        if let Some((db::sql::Value::Text(account), rest)) = row.split_first() {
            accounts.entry(account).or_default().push(rest);
        }
    }
    for (account, rows) in accounts {
        let first = take_numbers(tx, account, i64::try_from(rows.len()).unwrap_or(i64::MAX))?;
        for (seq, row) in (first..).zip(rows) {
            let mut values = vec![Param::Text(account), Param::Int(seq)];
            values.extend(row.iter().map(db::sql::Value::as_param));
            tx.put(INSERT, &values)?;
        }
    }
    Ok(())
}
