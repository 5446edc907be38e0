//! SQL of events.

use db::{Tx, params};
use serde_json::Value;

use crate::accounts;
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

/// Numbers the events under the account row and writes them, in the caller's transaction.
pub fn append(
    tx: &mut Tx<'_>,
    account: &AccountId,
    now: Timestamp,
    events: &[Event<'_>],
) -> Result<(), Problem> {
    if events.is_empty() {
        return Ok(());
    }
    let first = accounts::store::take_numbers(tx, account, i64::try_from(events.len()).unwrap_or(i64::MAX))?;
    for (seq, event) in (first..).zip(events) {
        let data = event.data.to_string();
        let account = account.as_str();
        tx.put(
            INSERT,
            params![
                account,
                seq,
                now.micros(),
                event.kind,
                event.resource_type,
                event.resource_id,
                data.as_str()
            ],
        )?;
    }
    Ok(())
}
