//! Role assignments as clients send them (platform API §7).

use serde::Deserialize;

use super::actions::Change;
use super::model::{Filter, NewAssignment, PrincipalFilter};
use crate::kernel::caller::PrincipalKind;
use crate::kernel::problem::{Problem, Result};
use crate::kernel::scope::{Level, Scope};
use crate::web::extract::few;

/// `RoleAssignmentDTO` in a body.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct AssignmentBody {
    identifier: Option<String>,
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

fn check_role_level(reference: &RoleReferenceBody, scope: &Scope) -> Result<()> {
    match read_level(reference.scope_level.as_deref())? {
        Some(level) if level != scope.level() => Err(Problem::invalid(format!(
            "Did not find role in {}: roleReference.scopeLevel is {}, but a role is assigned in its own scope only",
            scope.path(),
            level.lower()
        ))),
        _ => Ok(()),
    }
}

impl AssignmentBody {
    /// The role, named by `roleIdentifier` or by `roleReference`.
    fn role(&self, scope: &Scope) -> Result<Option<String>> {
        let plain = self.role_identifier.as_deref().filter(|r| !r.is_empty());
        let Some(reference) = &self.role_reference else { return Ok(plain.map(str::to_owned)) };
        check_role_level(reference, scope)?;
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

    /// What a PUT of the assignment `id` says; an empty text counts as absent.
    pub(super) fn change(&self, scope: &Scope, id: &str) -> Result<Change> {
        if self.identifier.as_ref().is_some_and(|named| !named.is_empty() && named != id) {
            return Err(Problem::invalid(
                "Role assignment identifier in the request body and the url do not match: it cannot be changed",
            ));
        }
        Ok(Change {
            role: self.role(scope)?,
            resource_group: self.resource_group_identifier.clone().filter(|group| !group.is_empty()),
            principal: self.principal()?,
            disabled: self.disabled,
        })
    }
}

/// The body of `/filter` and `/aggregate`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(clippy::struct_field_names)] // the wire's names
pub(super) struct FilterBody {
    #[serde(deserialize_with = "few")]
    resource_group_filter: Option<Vec<String>>,
    #[serde(deserialize_with = "few")]
    role_filter: Option<Vec<String>>,
    #[serde(deserialize_with = "few")]
    role_reference_filter: Option<Vec<RoleReferenceBody>>,
    #[serde(deserialize_with = "few")]
    principal_type_filter: Option<Vec<String>>,
    #[serde(deserialize_with = "few")]
    principal_scope_level_filter: Option<Vec<String>>,
    #[serde(deserialize_with = "few")]
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

/// The role that an entry of `roleReferenceFilter` names. An entry that names none would not narrow at all.
fn read_reference(body: RoleReferenceBody, scope: &Scope) -> Result<String> {
    check_role_level(&body, scope)?;
    body.identifier.filter(|id| !id.is_empty()).ok_or_else(|| {
        Problem::invalid(
            "roleReferenceFilter has an entry without identifier: name a role, or leave the entry out",
        )
    })
}

fn read_filtered_level(text: &str) -> Result<Level> {
    read_level(Some(text))?.ok_or_else(|| {
        Problem::invalid(
            "principalScopeLevelFilter has an empty entry: use account, organization or project, or leave it out",
        )
    })
}

impl FilterBody {
    pub(super) fn read(self, scope: &Scope) -> Result<Filter> {
        let levels = self.principal_scope_level_filter.unwrap_or_default();
        let references = self.role_reference_filter.unwrap_or_default().into_iter();
        Ok(Filter {
            roles: self.role_filter.unwrap_or_default(),
            role_references: references.map(|role| read_reference(role, scope)).collect::<Result<_>>()?,
            resource_groups: self.resource_group_filter.unwrap_or_default(),
            kinds: kinds(self.principal_type_filter)?,
            levels: levels.iter().map(|level| read_filtered_level(level)).collect::<Result<_>>()?,
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
    #[serde(deserialize_with = "few")]
    resource_group_filter: Option<Vec<String>>,
    #[serde(deserialize_with = "few")]
    role_filter: Option<Vec<String>>,
    #[serde(deserialize_with = "few")]
    principal_type_filter: Option<Vec<String>>,
    principal_filter: Option<PrincipalBody>,
    harness_managed_filter: Option<bool>,
    disabled_filter: Option<bool>,
    #[serde(deserialize_with = "few")]
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
    /// The filter, and the scopes asked for, each with whether those below count; the own scope when none
    /// is named.
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
            role_references: Vec::new(),
            levels: Vec::new(),
            principals: self.principal_filter.map(read_principal).transpose()?.into_iter().collect(),
            managed: self.harness_managed_filter,
            disabled: self.disabled_filter,
        };
        Ok((filter, scopes))
    }
}
