//! SQL of role assignments.

use db::{Tx, params};

use crate::kernel::caller::PrincipalKind;
use crate::kernel::problem::Problem;
use crate::kernel::scope::{Level, Scope};
use crate::kernel::time::Timestamp;

const INSERT: &str = "INSERT INTO role_assignments (account_id, org_id, project_id, identifier, role_id, resource_group_id, \
    principal_kind, principal_id, principal_level, disabled, managed, created_at, updated_at) \
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $12) ON CONFLICT DO NOTHING";

/// An assignment as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AssignmentRow {
    /// Where it holds.
    pub scope: Scope,
    /// Unique in its scope.
    pub identifier: String,
    /// Managed role or custom role of the scope.
    pub role: String,
    /// Managed resource group or custom one of the scope.
    pub resource_group: String,
    /// Kind of the principal.
    pub principal_kind: PrincipalKind,
    /// The principal.
    pub principal_id: String,
    /// Where a group or service account lives; `None` for users.
    pub principal_level: Option<Level>,
    /// Gives nothing while set.
    pub disabled: bool,
    /// Made by the server; clients cannot delete it.
    pub managed: bool,
}

/// Inserts the assignment; `false` when the same binding or the identifier exists already.
pub fn insert(tx: &mut Tx<'_>, row: &AssignmentRow, now: Timestamp) -> Result<bool, Problem> {
    let at = &row.scope;
    let rows = tx.exec(
        INSERT,
        params![
            at.account.as_str(),
            at.org_column(),
            at.project_column(),
            &row.identifier,
            &row.role,
            &row.resource_group,
            row.principal_kind.as_str(),
            &row.principal_id,
            row.principal_level.map_or("", Level::lower),
            row.disabled,
            row.managed,
            now.micros()
        ],
    )?;
    Ok(rows == 1)
}
