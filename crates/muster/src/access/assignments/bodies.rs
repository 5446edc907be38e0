//! Role assignments as clients send them (platform API §7).

use schemars::JsonSchema;
use serde::Deserialize;

use super::actions::Change;
use super::model::{Filter, NewAssignment, PrincipalFilter};
use crate::kernel::caller::PrincipalKind;
use crate::kernel::problem::{Problem, Result};
use crate::kernel::scope::{Level, Scope};
use crate::kernel::text::{FieldCheck, IDENTIFIER};
use crate::web::extract::{few, unused};

/// `RoleAssignmentDTO` in a body.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(rename = "RoleAssignmentBody")]
pub(super) struct AssignmentBody {
    #[schemars(regex(pattern = IDENTIFIER))]
    pub(super) identifier: Option<String>,
    pub(super) resource_group_identifier: Option<String>,
    pub(super) role_identifier: Option<String>,
    pub(super) role_reference: Option<RoleReferenceBody>,
    pub(super) principal: Option<PrincipalBody>,
    pub(super) disabled: Option<bool>,
}

#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct RoleReferenceBody {
    identifier: Option<String>,
    scope_level: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend("required" = ["type"]))]
pub(super) struct PrincipalBody {
    pub(super) identifier: Option<String>,
    #[serde(rename = "type")]
    #[schemars(extend("enum" = ["USER", "USER_GROUP", "SERVICE_ACCOUNT"]))]
    pub(super) kind: Option<String>,
    pub(super) scope_level: Option<String>,
}

/// The body of `/validate`: the assignment, bare or wrapped.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(rename = "RoleAssignmentValidateBody")]
pub(super) struct ValidateBody {
    role_assignment: Option<AssignmentBody>,
    identifier: Option<String>,
    resource_group_identifier: Option<String>,
    role_identifier: Option<String>,
    role_reference: Option<RoleReferenceBody>,
    principal: Option<PrincipalBody>,
    disabled: Option<bool>,
}

impl ValidateBody {
    pub(super) fn wish(self, scope: &Scope) -> Result<NewAssignment> {
        if let Some(wrapped) = self.role_assignment {
            return wrapped.wish_at("roleAssignment.", scope);
        }
        let bare = AssignmentBody {
            identifier: self.identifier,
            resource_group_identifier: self.resource_group_identifier,
            role_identifier: self.role_identifier,
            role_reference: self.role_reference,
            principal: self.principal,
            disabled: self.disabled,
        };
        bare.wish(scope)
    }
}

type Read<T> = std::result::Result<T, String>;

/// A principal as a body names it: kind, id, and the level where it lives.
type Named = (PrincipalKind, String, Option<Level>);

fn read_kind(text: Option<&str>) -> Read<PrincipalKind> {
    match text.filter(|text| !text.is_empty()) {
        None => Err("cannot be empty; send USER, USER_GROUP or SERVICE_ACCOUNT".to_owned()),
        Some(text) => PrincipalKind::parse(text).ok_or_else(|| {
            format!(
                "Incorrect Principal Type {text:?}. Please select one out of [USER, USER_GROUP, SERVICE_ACCOUNT]"
            )
        }),
    }
}

fn read_level(text: Option<&str>) -> Read<Option<Level>> {
    let Some(text) = text.filter(|text| !text.is_empty()) else { return Ok(None) };
    Level::parse(text)
        .map(Some)
        .ok_or_else(|| format!("The scope level {text:?} is unknown: use account, organization or project"))
}

fn check_role_level(reference: &RoleReferenceBody, scope: &Scope) -> Read<()> {
    match read_level(reference.scope_level.as_deref())? {
        Some(level) if level != scope.level() => Err(format!(
            "Did not find role in {}: it is {}, but a role is assigned in its own scope only",
            scope.path(),
            level.lower()
        )),
        _ => Ok(()),
    }
}

/// Reads the parts of one assignment, with every complaint at once. `at`: where in the body it stands.
struct Reader<'a> {
    at: &'a str,
    scope: &'a Scope,
    check: FieldCheck,
}

impl Reader<'_> {
    fn fail(&mut self, field: &str, text: &str) {
        self.check.fail(&format!("{}{field}", self.at), text);
    }

    fn read<T>(&mut self, field: &str, read: Read<T>) -> Option<T> {
        self.check.read(&format!("{}{field}", self.at), read)
    }

    /// The role, named by `roleIdentifier` or by `roleReference`.
    fn role(&mut self, body: &AssignmentBody) -> Option<String> {
        let plain = body.role_identifier.as_deref().filter(|role| !role.is_empty());
        let Some(reference) = &body.role_reference else { return plain.map(str::to_owned) };
        let level = check_role_level(reference, self.scope);
        self.read("roleReference.scopeLevel", level);
        match (plain, reference.identifier.as_deref().filter(|role| !role.is_empty())) {
            (Some(plain), Some(other)) if plain != other => {
                let text = format!("Value mismatch, previous: {plain} current: {other}: send one of the two");
                self.fail("roleReference.identifier", &text);
                None
            }
            (plain, other) => plain.or(other).map(str::to_owned),
        }
    }

    fn principal(&mut self, principal: &PrincipalBody) -> Option<Named> {
        let kind = self.read("principal.type", read_kind(principal.kind.as_deref()));
        let level = self.read("principal.scopeLevel", read_level(principal.scope_level.as_deref()));
        // A user belongs to the account as a whole, whatever level is sent.
        let level = level.flatten().filter(|_| kind != Some(PrincipalKind::User));
        Some((kind?, principal.identifier.clone().unwrap_or_default(), level))
    }

    /// As `principal`, of whom nothing may be missing.
    fn whole_principal(&mut self, body: &AssignmentBody) -> Option<Named> {
        let nobody = PrincipalBody::default();
        let principal = body.principal.as_ref().unwrap_or(&nobody);
        if principal.identifier.as_ref().is_none_or(String::is_empty) {
            let text = "cannot be empty; send the user's id or the identifier of a group or service account";
            self.fail("principal.identifier", text);
        }
        self.principal(principal)
    }

    fn whole_role(&mut self, body: &AssignmentBody) -> Option<String> {
        let names_none = |id: &Option<String>| id.as_ref().is_none_or(String::is_empty);
        let reference = body.role_reference.as_ref();
        if names_none(&body.role_identifier) && reference.is_none_or(|role| names_none(&role.identifier)) {
            let field = reference.map_or("roleIdentifier", |_| "roleReference.identifier");
            self.fail(field, "cannot be empty; send the identifier of a role");
        }
        self.role(body)
    }

    fn whole_resource_group(&mut self, body: &AssignmentBody) -> Option<String> {
        let named = body.resource_group_identifier.clone().filter(|group| !group.is_empty());
        if named.is_none() {
            let text = "cannot be empty; send the identifier of a resource group";
            self.fail("resourceGroupIdentifier", text);
        }
        named
    }

    fn identifier(&mut self, body: &AssignmentBody) -> Option<String> {
        let named = body.identifier.clone().filter(|id| !id.is_empty());
        if let Some(id) = &named {
            self.check.identifier(&format!("{}identifier", self.at), id);
        }
        named
    }
}

impl AssignmentBody {
    pub(super) fn wish(&self, scope: &Scope) -> Result<NewAssignment> {
        self.wish_at("", scope)
    }

    fn wish_at(&self, at: &str, scope: &Scope) -> Result<NewAssignment> {
        let mut reader = Reader { at, scope, check: FieldCheck::new() };
        let identifier = reader.identifier(self);
        let role = reader.whole_role(self);
        let resource_group = reader.whole_resource_group(self);
        let principal = reader.whole_principal(self);
        reader.check.done()?;
        let (Some(role), Some(resource_group), Some((kind, principal, level))) =
            (role, resource_group, principal)
        else {
            return Err(Problem::internal("a role assignment lacks a part that nobody complained of"));
        };
        let disabled = self.disabled.unwrap_or(false);
        Ok(NewAssignment { identifier, role, resource_group, kind, principal, level, disabled })
    }

    /// What a PUT of the assignment `id` says; an empty text counts as absent.
    pub(super) fn change(&self, scope: &Scope, id: &str) -> Result<Change> {
        if self.identifier.as_ref().is_some_and(|named| !named.is_empty() && named != id) {
            return Err(Problem::invalid(
                "Role assignment identifier in the request body and the url do not match: it cannot be changed",
            ));
        }
        let mut reader = Reader { at: "", scope, check: FieldCheck::new() };
        let role = reader.role(self);
        let principal = self.principal.as_ref().and_then(|principal| reader.principal(principal));
        reader.check.done()?;
        let resource_group = self.resource_group_identifier.clone().filter(|group| !group.is_empty());
        Ok(Change { role, resource_group, principal, disabled: self.disabled })
    }
}

/// The body of `/filter` and `/aggregate`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[allow(clippy::struct_field_names)] // the wire's names
#[allow(dead_code)] // what is unused is refused while it is read
#[schemars(rename = "RoleAssignmentFilter")]
pub(super) struct FilterBody {
    #[serde(deserialize_with = "few")]
    resource_group_filter: Option<Vec<String>>,
    #[serde(deserialize_with = "few")]
    role_filter: Option<Vec<String>>,
    #[serde(deserialize_with = "few")]
    role_reference_filter: Option<Vec<RoleReferenceBody>>,
    #[serde(deserialize_with = "few")]
    #[schemars(extend("enum" = ["USER", "USER_GROUP", "SERVICE_ACCOUNT"]))]
    principal_type_filter: Option<Vec<String>>,
    #[serde(deserialize_with = "few")]
    principal_scope_level_filter: Option<Vec<String>>,
    #[serde(deserialize_with = "few")]
    principal_filter: Option<Vec<PrincipalBody>>,
    harness_managed_filter: Option<Vec<bool>>,
    disabled_filter: Option<Vec<bool>>,
    #[serde(deserialize_with = "unused")]
    scope_filters: (),
}

/// A set of booleans as one wish; both or none mean any.
fn one(set: Option<Vec<bool>>) -> Option<bool> {
    let set = set.unwrap_or_default();
    let (yes, no) = (set.contains(&true), set.contains(&false));
    (yes != no).then_some(yes)
}

fn read_principal(check: &mut FieldCheck, at: &str, body: PrincipalBody) -> Option<PrincipalFilter> {
    let kind = check.read(&format!("{at}.type"), read_kind(body.kind.as_deref()));
    let level = check.read(&format!("{at}.scopeLevel"), read_level(body.scope_level.as_deref()));
    Some(PrincipalFilter { kind: kind?, id: body.identifier.unwrap_or_default(), level: level? })
}

/// The role that an entry of `roleReferenceFilter` names. An entry that names none would not narrow at all.
fn read_reference(
    check: &mut FieldCheck,
    at: &str,
    body: RoleReferenceBody,
    scope: &Scope,
) -> Option<String> {
    check.read(&format!("{at}.scopeLevel"), check_role_level(&body, scope));
    let named = body.identifier.filter(|id| !id.is_empty());
    check.read(
        &format!("{at}.identifier"),
        named.ok_or_else(|| "cannot be empty; name a role, or leave the entry out".to_owned()),
    )
}

fn read_filtered_level(text: &str) -> Read<Level> {
    read_level(Some(text))?.ok_or_else(|| {
        "cannot be empty; use account, organization or project, or leave the entry out".to_owned()
    })
}

/// Every entry of the list `name`, read; what is wrong with one is noted for `name[…]`.
fn each<B, T>(
    check: &mut FieldCheck,
    name: &str,
    list: Option<Vec<B>>,
    mut read: impl FnMut(&mut FieldCheck, &str, B) -> Option<T>,
) -> Vec<T> {
    let entries = list.unwrap_or_default().into_iter().enumerate();
    entries.filter_map(|(at, entry)| read(check, &format!("{name}[{at}]"), entry)).collect()
}

fn kinds(check: &mut FieldCheck, names: Option<Vec<String>>) -> Vec<PrincipalKind> {
    each(check, "principalTypeFilter", names, |check, at, name| check.read(at, read_kind(Some(&name))))
}

impl FilterBody {
    pub(super) fn read(self, scope: &Scope) -> Result<Filter> {
        let mut check = FieldCheck::new();
        let role_references =
            each(&mut check, "roleReferenceFilter", self.role_reference_filter, |check, at, role| {
                read_reference(check, at, role, scope)
            });
        let kinds = kinds(&mut check, self.principal_type_filter);
        let levels = each(
            &mut check,
            "principalScopeLevelFilter",
            self.principal_scope_level_filter,
            |check, at, level| check.read(at, read_filtered_level(&level)),
        );
        let principals = each(&mut check, "principalFilter", self.principal_filter, read_principal);
        check.done()?;
        Ok(Filter {
            roles: self.role_filter.unwrap_or_default(),
            role_references,
            resource_groups: self.resource_group_filter.unwrap_or_default(),
            kinds,
            levels,
            principals,
            managed: one(self.harness_managed_filter),
            disabled: one(self.disabled_filter),
        })
    }
}

/// The body of `/v2/filter`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[allow(dead_code)] // what is unused is refused while it is read
#[schemars(rename = "RoleAssignmentScopesFilter")]
pub(super) struct FilterBodyV2 {
    #[serde(deserialize_with = "few")]
    resource_group_filter: Option<Vec<String>>,
    #[serde(deserialize_with = "few")]
    role_filter: Option<Vec<String>>,
    #[serde(deserialize_with = "few")]
    #[schemars(extend("enum" = ["USER", "USER_GROUP", "SERVICE_ACCOUNT"]))]
    principal_type_filter: Option<Vec<String>>,
    principal_filter: Option<PrincipalBody>,
    harness_managed_filter: Option<bool>,
    disabled_filter: Option<bool>,
    #[serde(deserialize_with = "few")]
    scope_filters: Option<Vec<ScopeFilterBody>>,
    #[serde(deserialize_with = "unused")]
    role_reference_filter: (),
    #[serde(deserialize_with = "unused")]
    principal_scope_level_filter: (),
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
struct ScopeFilterBody {
    account_identifier: Option<String>,
    org_identifier: Option<String>,
    project_identifier: Option<String>,
    #[schemars(extend("enum" = ["EXCLUDING_CHILD_SCOPES", "INCLUDING_CHILD_SCOPES"]))]
    filter: Option<String>,
}

impl ScopeFilterBody {
    /// The scope, and whether those below it count.
    fn read(self, own: &Scope, at: &str, check: &mut FieldCheck) -> Option<(Scope, bool)> {
        if self.account_identifier.is_some_and(|a| !a.is_empty() && a != own.account.as_str()) {
            let text = "names another account: filter in the account of the call";
            check.fail(&format!("{at}.accountIdentifier"), text);
        }
        let below = match self.filter.as_deref() {
            Some("INCLUDING_CHILD_SCOPES") => true,
            None | Some("EXCLUDING_CHILD_SCOPES") => false,
            Some(other) => {
                let text =
                    format!("{other:?} is unknown: use EXCLUDING_CHILD_SCOPES or INCLUDING_CHILD_SCOPES");
                check.fail(&format!("{at}.filter"), text);
                false
            }
        };
        let (org, project) = (self.org_identifier.as_deref(), self.project_identifier.as_deref());
        let scope = Scope::of(own.account.clone(), org, project);
        Some((check.read(at, scope.map_err(|problem| problem.message().to_owned()))?, below))
    }
}

impl FilterBodyV2 {
    /// The filter, and the scopes asked for, each with whether those below count; the own scope when none
    /// is named.
    pub(super) fn read(self, own: &Scope) -> Result<(Filter, Vec<(Scope, bool)>)> {
        let mut check = FieldCheck::new();
        let mut scopes =
            each(&mut check, "scopeFilters", self.scope_filters, |check, at, body| body.read(own, at, check));
        if scopes.is_empty() {
            scopes.push((own.clone(), false));
        }
        let kinds = kinds(&mut check, self.principal_type_filter);
        let principal =
            self.principal_filter.and_then(|body| read_principal(&mut check, "principalFilter", body));
        check.done()?;
        let filter = Filter {
            roles: self.role_filter.unwrap_or_default(),
            resource_groups: self.resource_group_filter.unwrap_or_default(),
            kinds,
            role_references: Vec::new(),
            levels: Vec::new(),
            principals: principal.into_iter().collect(),
            managed: self.harness_managed_filter,
            disabled: self.disabled_filter,
        };
        Ok((filter, scopes))
    }
}
