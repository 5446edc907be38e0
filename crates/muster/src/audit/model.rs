//! What an audit row says.

use serde_json::Value;

use crate::kernel::scope::Scope;

/// What was done (platform API §12 spellings).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// A thing was made.
    Create,
    /// A thing was changed.
    Update,
    /// A setting went back to its default.
    Restore,
    /// A thing was removed.
    Delete,
    /// A token was made or rotated.
    CreateToken,
    /// A token was revoked.
    RevokeToken,
    /// Someone became member of a group.
    AddCollaborator,
    /// Someone left a group.
    RemoveCollaborator,
    /// A binding was made.
    RoleAssignmentCreated,
    /// A binding was changed.
    RoleAssignmentUpdated,
    /// A binding was removed.
    RoleAssignmentDeleted,
}

impl Action {
    /// The wire's spelling.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Create => "CREATE",
            Self::Update => "UPDATE",
            Self::Restore => "RESTORE",
            Self::Delete => "DELETE",
            Self::CreateToken => "CREATE_TOKEN",
            Self::RevokeToken => "REVOKE_TOKEN",
            Self::AddCollaborator => "ADD_COLLABORATOR",
            Self::RemoveCollaborator => "REMOVE_COLLABORATOR",
            Self::RoleAssignmentCreated => "ROLE_ASSIGNMENT_CREATED",
            Self::RoleAssignmentUpdated => "ROLE_ASSIGNMENT_UPDATED",
            Self::RoleAssignmentDeleted => "ROLE_ASSIGNMENT_DELETED",
        }
    }
}

/// One change, as the action that makes it describes it.
#[derive(Clone, Debug)]
pub struct Entry<'a> {
    /// What was done.
    pub action: Action,
    /// Kind of thing in the audit's spelling: `USER`, `USER_GROUP`, `SERVICE_ACCOUNT`, `API_KEY`, `TOKEN`,
    /// `SETTING`, `ROLE`, `ROLE_ASSIGNMENT`, `RESOURCE_GROUP`, `ORGANIZATION`, `PROJECT`, `ACCOUNT`.
    pub resource_type: &'static str,
    /// Its identifier.
    pub resource_id: &'a str,
    /// Its name as a person knows it.
    pub resource_name: &'a str,
    /// Where it lives.
    pub scope: &'a Scope,
    /// What changed, as JSON without secrets; `Value::Null` when the action says it all.
    pub detail: Value,
}
