//! What the audit trail says of a trust, whichever way it was changed.

use db::Tx;
use serde_json::{Value, json};

use super::model::Damaged;
use crate::audit::{self, Action, Entry};
use crate::kernel::caller::Caller;
use crate::kernel::problem::Result;
use crate::kernel::scope::Scope;
use crate::kernel::time::Timestamp;

/// Records a change of the trust of this identifier and name.
///
/// # Errors
/// Of the database.
pub fn record(
    tx: &mut Tx<'_>,
    caller: &Caller,
    (now, audit_id): (Timestamp, &str),
    action: Action,
    named: (&str, &str),
    detail: Value,
) -> Result<()> {
    let scope = Scope::account(caller.account.clone());
    let entry = Entry::about(action, "JWT_TRUST", named, &scope, detail);
    audit::record(tx, caller, now, audit_id, &entry)
}

/// Records that a trust was deleted whose row could not be read.
///
/// # Errors
/// Of the database.
pub fn record_damaged(tx: &mut Tx<'_>, caller: &Caller, when: (Timestamp, &str), of: &Damaged) -> Result<()> {
    let detail = json!({"old": null, "unreadable": of.why});
    record(tx, caller, when, Action::Delete, (&of.identifier, &of.identifier), detail)
}
