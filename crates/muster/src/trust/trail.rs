//! What the audit trail says of a trust, whichever way it was changed.

use db::Tx;
use serde_json::Value;

use super::model::Definition;
use crate::audit::{self, Action, Entry};
use crate::kernel::caller::Caller;
use crate::kernel::problem::Result;
use crate::kernel::scope::Scope;
use crate::kernel::time::Timestamp;

/// Records a change of a trust.
///
/// # Errors
/// Of the database.
pub fn record(
    tx: &mut Tx<'_>,
    caller: &Caller,
    (now, audit_id): (Timestamp, &str),
    action: Action,
    of: &Definition,
    detail: Value,
) -> Result<()> {
    let scope = Scope::account(caller.account.clone());
    let entry = Entry {
        action,
        resource_type: "JWT_TRUST",
        resource_id: &of.identifier,
        resource_name: &of.name,
        scope: &scope,
        detail,
    };
    audit::record(tx, caller, now, audit_id, &entry)
}
