//! What a role assignment is.

use serde_json::json;

use super::store::AssignmentRow;
use crate::audit::{Action, Entry};
use crate::kernel::caller::PrincipalKind;
use crate::kernel::problem::{Problem, Result};
use crate::kernel::scope::{Level, Scope};
use crate::kernel::time::Timestamp;

/// A managed resource group of the reference that is gone.
pub const DEPRECATED_ALL: &str = "_all_resources";

/// An assignment with its times.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assignment {
    /// The binding.
    pub row: AssignmentRow,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// An assignment as lists of principals show it, with the names of what it binds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedBinding {
    /// User id, or identifier of a group or service account.
    pub principal: String,
    /// Level at which a group or service account lives, lower case; empty for users.
    pub level: String,
    /// Of the assignment.
    pub identifier: String,
    /// Its role.
    pub role: String,
    /// Name of a custom role.
    pub role_name: Option<String>,
    /// Its resource group.
    pub resource_group: String,
    /// Name of a custom resource group.
    pub resource_group_name: Option<String>,
    /// Made by the server?
    pub managed: bool,
}

/// What a client wants to bind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewAssignment {
    /// Made by the server when absent.
    pub identifier: Option<String>,
    /// A managed role of the scope's level or a custom one of the scope.
    pub role: String,
    /// A managed resource group of the scope's level or a custom one of the scope.
    pub resource_group: String,
    /// Kind of the principal.
    pub kind: PrincipalKind,
    /// User id, or identifier of a group or service account.
    pub principal: String,
    /// Where the group or service account lives; absent: searched from the scope upward.
    pub level: Option<Level>,
    /// Made switched off?
    pub disabled: bool,
}

impl NewAssignment {
    /// The row that it makes.
    pub fn row(&self, scope: &Scope, identifier: String, principal_level: Option<Level>) -> AssignmentRow {
        AssignmentRow {
            scope: scope.clone(),
            identifier,
            role: self.role.clone(),
            resource_group: self.resource_group.clone(),
            principal_kind: self.kind,
            principal_id: self.principal.clone(),
            principal_level,
            disabled: self.disabled,
            managed: false,
        }
    }

    /// Checks what can be said without the database, once the body is read.
    ///
    /// # Errors
    /// `Invalid` for the deprecated group and for a principal below the scope.
    pub fn check(&self, scope: &Scope) -> Result<()> {
        if self.resource_group == DEPRECATED_ALL {
            return Err(Problem::invalid(format!(
                "{DEPRECATED_ALL} is deprecated, please use _all_resources_including_child_scopes"
            )));
        }
        match self.level {
            Some(level) if level > scope.level() && self.kind != PrincipalKind::User => {
                Err(Problem::invalid(format!(
                    "Principal scope level cannot be {} for {} scoped role assignment. Assign in the scope of the \
                    principal or below it",
                    level.lower(),
                    scope.level().lower()
                )))
            }
            _ => Ok(()),
        }
    }
}

/// One principal in a filter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PrincipalFilter {
    /// Kind.
    pub kind: PrincipalKind,
    /// Id.
    pub id: String,
    /// Where it lives, if that matters.
    pub level: Option<Level>,
}

/// Which assignments; an empty list means any.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Of these roles.
    pub roles: Vec<String>,
    /// And of these.
    pub role_references: Vec<String>,
    /// On these resource groups.
    pub resource_groups: Vec<String>,
    /// Of principals of these kinds.
    pub kinds: Vec<PrincipalKind>,
    /// Of principals that live at these levels.
    pub levels: Vec<Level>,
    /// Of these principals.
    pub principals: Vec<PrincipalFilter>,
    /// Made by the server or not.
    pub managed: Option<bool>,
    /// Switched off or not.
    pub disabled: Option<bool>,
}

/// A scope whose assignments may be seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reach {
    /// The scope …
    pub scope: Scope,
    /// … and those below it.
    pub below: bool,
    /// Principals of these kinds.
    pub kinds: Vec<PrincipalKind>,
}

/// What the audit trail says of a binding, which has no name.
pub fn entry(action: Action, row: &AssignmentRow) -> Entry<'_> {
    let detail = json!({
        "role": row.role, "resourceGroup": row.resource_group, "disabled": row.disabled,
        "principal": {"type": row.principal_kind.as_str(), "identifier": row.principal_id,
            "scopeLevel": row.principal_level.map(Level::lower)},
    });
    let id = row.identifier.as_str();
    Entry::about(action, "ROLE_ASSIGNMENT", (id, id), &row.scope, detail)
}

/// The scope of that level at or above `scope`.
pub fn at_level(scope: &Scope, level: Level) -> Option<Scope> {
    scope.upward().find(|s| s.level() == level)
}
