//! Role assignments as clients get them (platform API §7).

use schemars::JsonSchema;
use serde::Serialize;

use super::actions::Removal;
use super::create::Validation;
use super::model::{Assignment, NamedBinding};
use super::query::{Aggregate, Described};
use crate::access::managed;
use crate::access::resource_groups::api::GroupDto;
use crate::access::roles::api::{RoleDto, RoleReply};
use crate::kernel::scope::{Level, Scope};
use crate::web::scope::ScopeView;

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "RoleAssignmentDto")]
struct AssignmentDto {
    identifier: String,
    resource_group_identifier: String,
    role_identifier: String,
    role_reference: RoleReferenceDto,
    principal: PrincipalDto,
    disabled: bool,
    managed: bool,
    internal: bool,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct RoleReferenceDto {
    identifier: String,
    scope_level: Level,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct PrincipalDto {
    scope_level: Option<Level>,
    identifier: String,
    #[serde(rename = "type")]
    #[schemars(extend("enum" = ["USER", "USER_GROUP", "SERVICE_ACCOUNT"]))]
    kind: &'static str,
    unique_id: Option<String>,
}

impl From<Assignment> for AssignmentDto {
    fn from(assignment: Assignment) -> Self {
        let row = assignment.row;
        Self {
            identifier: row.identifier,
            resource_group_identifier: row.resource_group,
            role_reference: RoleReferenceDto { identifier: row.role.clone(), scope_level: row.scope.level() },
            role_identifier: row.role,
            principal: PrincipalDto {
                scope_level: row.principal_level,
                identifier: row.principal_id,
                kind: row.principal_kind.as_str(),
                unique_id: None,
            },
            disabled: row.disabled,
            managed: row.managed,
            internal: false,
        }
    }
}

/// An assignment in a reply.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "RoleAssignmentReply")]
pub(super) struct AssignmentReply {
    role_assignment: AssignmentDto,
    scope: ScopeView,
    created_at: i64,
    last_modified_at: i64,
    harness_managed: bool,
}

impl From<Assignment> for AssignmentReply {
    fn from(assignment: Assignment) -> Self {
        Self {
            scope: (&assignment.row.scope).into(),
            created_at: assignment.created_at.millis(),
            last_modified_at: assignment.updated_at.millis(),
            harness_managed: assignment.row.managed,
            role_assignment: assignment.into(),
        }
    }
}

/// An assignment with names.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "NamedRoleAssignment")]
pub(super) struct DescribedReply {
    identifier: String,
    principal: NamedPrincipal,
    disabled: bool,
    role: Option<RoleDto>,
    resource_group: Option<GroupDto>,
    scope: NamedScope,
    created_at: i64,
    last_modified_at: i64,
    harness_managed: bool,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct NamedPrincipal {
    scope_level: Option<Level>,
    identifier: String,
    #[serde(rename = "type")]
    #[schemars(extend("enum" = ["USER", "USER_GROUP", "SERVICE_ACCOUNT"]))]
    kind: &'static str,
    name: Option<String>,
    email: Option<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct NamedScope {
    #[serde(flatten)]
    scope: ScopeView,
    account_name: Option<String>,
    org_name: Option<String>,
    project_name: Option<String>,
}

impl From<Described> for DescribedReply {
    fn from(described: Described) -> Self {
        let Assignment { row, created_at, updated_at } = described.assignment;
        let (name, email) = described.principal.unzip();
        let [account_name, org_name, project_name] = described.scope_names;
        Self {
            identifier: row.identifier,
            principal: NamedPrincipal {
                scope_level: row.principal_level,
                identifier: row.principal_id,
                kind: row.principal_kind.as_str(),
                name,
                email: email.filter(|e| !e.is_empty()),
            },
            disabled: row.disabled,
            role: described.role.map(RoleDto::from),
            resource_group: described.resource_group.map(GroupDto::from),
            scope: NamedScope { scope: (&row.scope).into(), account_name, org_name, project_name },
            created_at: created_at.millis(),
            last_modified_at: updated_at.millis(),
            harness_managed: row.managed,
        }
    }
}

/// The reply of `/aggregate`.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "RoleAssignmentAggregate")]
pub(super) struct AggregateReply {
    role_assignments: Vec<AssignmentDto>,
    scope: ScopeView,
    roles: Vec<RoleReply>,
    resource_groups: Vec<GroupDto>,
}

impl AggregateReply {
    pub(super) fn new(scope: &Scope, aggregate: Aggregate) -> Self {
        Self {
            role_assignments: aggregate.assignments.into_iter().map(AssignmentDto::from).collect(),
            scope: scope.into(),
            roles: aggregate.roles.into_iter().map(RoleReply::from).collect(),
            resource_groups: aggregate.resource_groups.into_iter().map(GroupDto::from).collect(),
        }
    }
}

/// The reply of `/validate`.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[allow(clippy::struct_field_names)] // the wire's names
#[schemars(rename = "RoleAssignmentValidation")]
pub(super) struct ValidationReply {
    principal_validation_result: Verdict,
    role_validation_result: Verdict,
    resource_group_validation_result: Verdict,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "RoleAssignmentVerdict")]
struct Verdict {
    valid: bool,
    error_message: Option<String>,
}

impl From<Option<String>> for Verdict {
    fn from(error_message: Option<String>) -> Self {
        Self { valid: error_message.is_none(), error_message }
    }
}

impl From<Validation> for ValidationReply {
    fn from(validation: Validation) -> Self {
        Self {
            principal_validation_result: validation.principal.into(),
            role_validation_result: validation.role.into(),
            resource_group_validation_result: validation.resource_group.into(),
        }
    }
}

/// The reply of `/delete/batch`.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "RoleAssignmentRemoval")]
pub(super) struct RemovalReply {
    successfully_deleted: usize,
    failed_to_delete: usize,
    #[serde(rename = "roleAssignmentErrorResponseDTOList")]
    errors: Vec<RemovalError>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "RoleAssignmentRemovalError")]
struct RemovalError {
    role_assignment_id: String,
    error_message: String,
}

impl From<Removal> for RemovalReply {
    fn from(removal: Removal) -> Self {
        let error = |(role_assignment_id, error_message)| RemovalError { role_assignment_id, error_message };
        Self {
            successfully_deleted: removal.removed,
            failed_to_delete: removal.failed.len(),
            errors: removal.failed.into_iter().map(error).collect(),
        }
    }
}

/// A binding in the aggregate of a user or service account.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "RoleBinding")]
pub struct BindingView {
    identifier: String,
    role_identifier: String,
    role_name: String,
    /// Only users are told.
    #[serde(skip_serializing_if = "Option::is_none")]
    role_scope_level: Option<&'static str>,
    resource_group_identifier: String,
    resource_group_name: String,
    managed_role: bool,
    managed_role_assignment: bool,
}

impl BindingView {
    /// `level`: that of the role, where it is shown. A role or group that is gone shows its identifier.
    pub fn new(binding: NamedBinding, level: Option<Level>) -> Self {
        let role = managed::role(&binding.role).map(|role| role.name.to_owned());
        let group = managed::resource_group(&binding.resource_group).map(|group| group.name.to_owned());
        Self {
            identifier: binding.identifier,
            managed_role: role.is_some(),
            role_name: role.or(binding.role_name).unwrap_or_else(|| binding.role.clone()),
            role_identifier: binding.role,
            role_scope_level: level.map(Level::lower),
            resource_group_name: group
                .or(binding.resource_group_name)
                .unwrap_or_else(|| binding.resource_group.clone()),
            resource_group_identifier: binding.resource_group,
            managed_role_assignment: binding.managed,
        }
    }
}
