//! Role assignments on the wire (platform API §7).

use serde::{Deserialize, Serialize};

use super::actions::{Change, Removal};
use super::create::Validation;
use super::model::{Assignment, Filter, NewAssignment, PrincipalFilter};
use super::query::{Aggregate, Described};
use crate::access::resource_groups::api::GroupDto;
use crate::access::roles::api::{RoleDto, RoleReply};
use crate::kernel::caller::PrincipalKind;
use crate::kernel::problem::{Problem, Result};
use crate::kernel::scope::{Level, Scope};
use crate::web::scope::ScopeView;

/// `RoleAssignmentDTO` in a body.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct AssignmentBody {
    pub(super) identifier: Option<String>,
    resource_group_identifier: Option<String>,
    role_identifier: Option<String>,
    role_reference: Option<RoleReferenceBody>,
    principal: Option<PrincipalBody>,
    disabled: Option<bool>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct RoleReferenceBody {
    identifier: Option<String>,
    scope_level: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct PrincipalBody {
    identifier: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
    scope_level: Option<String>,
}

fn read_kind(text: Option<&str>) -> Result<PrincipalKind> {
    text.and_then(PrincipalKind::parse).ok_or_else(|| {
        Problem::invalid(format!(
            "Incorrect Principal Type {:?}. Please select one out of [USER, USER_GROUP, SERVICE_ACCOUNT]",
            text.unwrap_or_default()
        ))
    })
}

fn read_level(text: Option<&str>) -> Result<Option<Level>> {
    text.filter(|t| !t.is_empty())
        .map(|text| {
            Level::parse(text).ok_or_else(|| {
                Problem::invalid(format!(
                    "The scope level {text:?} is unknown: use account, organization or project"
                ))
            })
        })
        .transpose()
}

impl AssignmentBody {
    /// The role, named by `roleIdentifier` or by `roleReference`.
    fn role(&self, scope: &Scope) -> Result<Option<String>> {
        let plain = self.role_identifier.as_deref().filter(|r| !r.is_empty());
        let Some(reference) = &self.role_reference else { return Ok(plain.map(str::to_owned)) };
        if let Some(level) = read_level(reference.scope_level.as_deref())?
            && level != scope.level()
        {
            return Err(Problem::invalid(format!(
                "Did not find role in {}: roleReference.scopeLevel is {}, but a role is assigned in its own scope only",
                scope.path(),
                level.lower()
            )));
        }
        match (plain, reference.identifier.as_deref().filter(|r| !r.is_empty())) {
            (Some(plain), Some(other)) if plain != other => Err(Problem::invalid(format!(
                "Value mismatch, previous: {plain} current: {other} (roleReference.identifier): send one of the two"
            ))),
            (plain, other) => Ok(plain.or(other).map(str::to_owned)),
        }
    }

    fn principal(&self) -> Result<Option<(PrincipalKind, String, Option<Level>)>> {
        let Some(principal) = &self.principal else { return Ok(None) };
        let kind = read_kind(principal.kind.as_deref())?;
        // A user belongs to the account as a whole, whatever level is sent.
        let level = read_level(principal.scope_level.as_deref())?.filter(|_| kind != PrincipalKind::User);
        Ok(Some((kind, principal.identifier.clone().unwrap_or_default(), level)))
    }

    pub(super) fn wish(&self, scope: &Scope) -> Result<NewAssignment> {
        let Some((kind, principal, level)) = self.principal()? else {
            let text = "principal: cannot be empty, send {\"identifier\": …, \"type\": …}";
            return Err(Problem::invalid(text));
        };
        Ok(NewAssignment {
            identifier: self.identifier.clone().filter(|id| !id.is_empty()),
            role: self.role(scope)?.unwrap_or_default(),
            resource_group: self.resource_group_identifier.clone().unwrap_or_default(),
            kind,
            principal,
            level,
            disabled: self.disabled.unwrap_or(false),
        })
    }

    pub(super) fn change(&self, scope: &Scope) -> Result<Change> {
        Ok(Change {
            role: self.role(scope)?,
            resource_group: self.resource_group_identifier.clone(),
            principal: self.principal()?,
            disabled: self.disabled.unwrap_or(false),
        })
    }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
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

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct RoleReferenceDto {
    identifier: String,
    scope_level: Level,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct PrincipalDto {
    scope_level: Option<Level>,
    identifier: String,
    #[serde(rename = "type")]
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
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
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

/// The body of `/filter` and `/aggregate`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(clippy::struct_field_names)] // the wire's names
pub(super) struct FilterBody {
    resource_group_filter: Option<Vec<String>>,
    role_filter: Option<Vec<String>>,
    role_reference_filter: Option<Vec<RoleReferenceBody>>,
    principal_type_filter: Option<Vec<String>>,
    principal_scope_level_filter: Option<Vec<String>>,
    principal_filter: Option<Vec<PrincipalBody>>,
    harness_managed_filter: Option<Vec<bool>>,
    disabled_filter: Option<Vec<bool>>,
}

/// A set of booleans as one wish; both or none mean any.
fn one(set: Option<Vec<bool>>) -> Option<bool> {
    let set = set.unwrap_or_default();
    let (yes, no) = (set.contains(&true), set.contains(&false));
    (yes != no).then_some(yes)
}

fn read_principal(body: PrincipalBody) -> Result<PrincipalFilter> {
    Ok(PrincipalFilter {
        kind: read_kind(body.kind.as_deref())?,
        id: body.identifier.unwrap_or_default(),
        level: read_level(body.scope_level.as_deref())?,
    })
}

impl FilterBody {
    pub(super) fn read(self) -> Result<Filter> {
        let levels = self.principal_scope_level_filter.unwrap_or_default();
        let mut roles = self.role_filter.unwrap_or_default();
        roles.extend(self.role_reference_filter.unwrap_or_default().into_iter().filter_map(|r| r.identifier));
        Ok(Filter {
            roles,
            resource_groups: self.resource_group_filter.unwrap_or_default(),
            kinds: kinds(self.principal_type_filter)?,
            levels: levels.iter().filter_map(|l| read_level(Some(l)).transpose()).collect::<Result<_>>()?,
            principals: self
                .principal_filter
                .unwrap_or_default()
                .into_iter()
                .map(read_principal)
                .collect::<Result<_>>()?,
            managed: one(self.harness_managed_filter),
            disabled: one(self.disabled_filter),
        })
    }
}

fn kinds(names: Option<Vec<String>>) -> Result<Vec<PrincipalKind>> {
    names.unwrap_or_default().iter().map(|name| read_kind(Some(name))).collect()
}

/// The body of `/v2/filter`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct FilterBodyV2 {
    resource_group_filter: Option<Vec<String>>,
    role_filter: Option<Vec<String>>,
    principal_type_filter: Option<Vec<String>>,
    principal_filter: Option<PrincipalBody>,
    harness_managed_filter: Option<bool>,
    disabled_filter: Option<bool>,
    scope_filters: Option<Vec<ScopeFilterBody>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct ScopeFilterBody {
    account_identifier: Option<String>,
    org_identifier: Option<String>,
    project_identifier: Option<String>,
    filter: Option<String>,
}

impl FilterBodyV2 {
    /// The filter, and the scopes asked for, each with whether those below count; the own scope when none is named.
    pub(super) fn read(self, own: &Scope) -> Result<(Filter, Vec<(Scope, bool)>)> {
        let mut scopes = Vec::new();
        for body in self.scope_filters.unwrap_or_default() {
            if body.account_identifier.is_some_and(|a| !a.is_empty() && a != own.account.as_str()) {
                return Err(Problem::invalid(
                    "scopeFilters names another account: filter in the account of the call",
                ));
            }
            let (org, project) = (body.org_identifier.as_deref(), body.project_identifier.as_deref());
            let below = match body.filter.as_deref() {
                Some("INCLUDING_CHILD_SCOPES") => true,
                None | Some("EXCLUDING_CHILD_SCOPES") => false,
                Some(other) => {
                    return Err(Problem::invalid(format!(
                        "scopeFilters has the filter {other:?}: use EXCLUDING_CHILD_SCOPES or INCLUDING_CHILD_SCOPES"
                    )));
                }
            };
            scopes.push((Scope::of(own.account.clone(), org, project)?, below));
        }
        if scopes.is_empty() {
            scopes.push((own.clone(), false));
        }
        let filter = Filter {
            roles: self.role_filter.unwrap_or_default(),
            resource_groups: self.resource_group_filter.unwrap_or_default(),
            kinds: kinds(self.principal_type_filter)?,
            levels: Vec::new(),
            principals: self.principal_filter.map(read_principal).transpose()?.into_iter().collect(),
            managed: self.harness_managed_filter,
            disabled: self.disabled_filter,
        };
        Ok((filter, scopes))
    }
}

/// An assignment with names.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
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

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct NamedPrincipal {
    scope_level: Option<Level>,
    identifier: String,
    #[serde(rename = "type")]
    kind: &'static str,
    name: Option<String>,
    email: Option<String>,
}

#[derive(Debug, Serialize)]
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
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
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
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[allow(clippy::struct_field_names)] // the wire's names
pub(super) struct ValidationReply {
    principal_validation_result: Verdict,
    role_validation_result: Verdict,
    resource_group_validation_result: Verdict,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
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
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RemovalReply {
    successfully_deleted: usize,
    failed_to_delete: usize,
    #[serde(rename = "roleAssignmentErrorResponseDTOList")]
    errors: Vec<RemovalError>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
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
