//! A user or group leaves every group, because it is about to be removed.

use db::Tx;
use serde_json::{Value, json};

use super::store;
use crate::audit::Action;
use crate::directory::announce;
use crate::directory::model::{MemberRef, Subject};
use crate::directory::stroke::Stroke;
use crate::kernel::problem::Result;

/// Groups that get an audit row each when one member of them is removed.
const AUDITED_GROUPS: usize = 1_000;

/// Tells of the end of each membership and writes it into the audit trail of the group; call it while the
/// rows are there. Answers what the member's own audit row says of it.
///
/// # Errors
/// Of the database.
pub fn leave(tx: &mut Tx<'_>, stroke: &Stroke, (kind, id, name): (Subject, &str, &str)) -> Result<Value> {
    let member = MemberRef { id: id.to_owned(), kind, name: name.to_owned() };
    let holders = store::holders(tx, stroke.account(), id)?;
    announce::leaving(tx, stroke, &member, &holders)?;
    for holder in holders.iter().take(AUDITED_GROUPS) {
        let at = Stroke { scope: holder.scope.clone(), ..stroke.again() };
        let detail = json!({
            "changed": [], "membersAdded": 0, "membersRemoved": 1, "added": [], "removed": [id], "memberDeleted": true
        });
        at.record(tx, Action::Update, "USER_GROUP", (&holder.identifier, &holder.name), detail)?;
    }
    Ok(if holders.is_empty() { Value::Null } else { json!({"groupsLeft": holders.len()}) })
}
