//! From role assignments to `Rights`: what a principal holds now, direct and through its groups.

use std::collections::{HashMap, HashSet};

use db::{Row, Tx, params};
use serde::{Deserialize, Serialize};

use super::decide::{Binding, Rights, Selector, What};
use super::managed;
use super::permissions::{self, PermissionSet};
use super::resource_groups::model::INCLUDING;
use super::stored;
use crate::kernel::caller::{Principal, PrincipalKind};
use crate::kernel::ids::AccountId;
use crate::kernel::problem::Problem;
use crate::kernel::scope::Scope;

const OF_PRINCIPAL: &str = "SELECT org_id, project_id, role_id, resource_group_id FROM role_assignments \
    WHERE account_id = $1 AND principal_kind = $2 AND principal_id = $3 AND principal_level = $4 AND disabled = $5";
/// Groups of a user, with the scope each lives in: those that name him as member, and those that these are
/// in.
const OF_GROUPS: &str = "WITH RECURSIVE up (group_id) AS (SELECT group_id FROM group_members \
    WHERE account_id = $1 AND member_id = $2 UNION SELECT m.group_id FROM up \
    CROSS JOIN group_members m WHERE m.account_id = $1 AND m.member_id = up.group_id) \
    SELECT a.org_id, a.project_id, a.role_id, a.resource_group_id FROM up \
    CROSS JOIN user_groups g CROSS JOIN role_assignments a \
    WHERE g.account_id = $1 AND g.group_id = up.group_id AND a.account_id = $1 AND a.principal_kind = $3 \
    AND a.principal_id = g.identifier AND a.disabled = $4 \
    AND a.principal_level = CASE WHEN g.project_id <> '' THEN 'project' \
    WHEN g.org_id <> '' THEN 'organization' ELSE 'account' END \
    AND (g.org_id = '' OR g.org_id = a.org_id) AND (g.project_id = '' OR g.project_id = a.project_id)";
const ROLE: &str = "SELECT permissions FROM roles \
    WHERE account_id = $1 AND org_id = $2 AND project_id = $3 AND identifier = $4";
const RESOURCE_GROUP: &str = "SELECT included_scopes, resource_filter FROM resource_groups \
    WHERE account_id = $1 AND org_id = $2 AND project_id = $3 AND identifier = $4";

/// One included scope as stored (the wire's form, platform API §8).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct IncludedScope {
    /// `EXCLUDING_CHILD_SCOPES` or `INCLUDING_CHILD_SCOPES`.
    pub filter: String,
    /// Organization of the scope.
    pub org_identifier: Option<String>,
    /// Project of the scope.
    pub project_identifier: Option<String>,
}

/// Which resources, as stored (the wire's form).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ResourceFilter {
    /// Every resource of every type.
    pub include_all_resources: bool,
    /// Or these.
    pub resources: Vec<ResourceSelector>,
}

/// One resource type of a filter.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ResourceSelector {
    /// For example `USER`.
    pub resource_type: String,
    /// Those ids only; none means the whole type.
    pub identifiers: Option<Vec<String>>,
}

/// All that the principal holds in the account.
pub fn load(tx: &mut Tx<'_>, account: &AccountId, principal: &Principal) -> Result<Rights, Problem> {
    let (id, kind, level) = (principal.id.as_str(), principal.kind.as_str(), principal.scope.level().lower());
    // The reference forces a user's level to null; we store the empty text (§7).
    let level = if principal.kind == PrincipalKind::User { "" } else { level };
    let mut rows = tx.query(OF_PRINCIPAL, params![account.as_str(), kind, id, level, false], parts)?;
    if principal.kind == PrincipalKind::User {
        let group = PrincipalKind::UserGroup.as_str();
        rows.extend(tx.query(OF_GROUPS, params![account.as_str(), id, group, false], parts)?);
    }
    let mut bindings = Vec::with_capacity(rows.len());
    for (org, project, role, resource_group) in rows {
        let scope = Scope::of(account.clone(), Some(&org), Some(&project))?;
        // A service account below the account is bound only in its own scope and under it.
        if principal.scope.contains(&scope) {
            bindings.extend(binding(tx, &scope, &role, &resource_group)?);
        }
    }
    Ok(Rights { bindings })
}

type Parts = (String, String, String, String);

fn parts(row: &Row<'_>) -> Result<Parts, db::Error> {
    Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
}

/// What the role gives on the resource group, both of that scope. `None` when the role no longer exists;
/// without its resource group it gives nothing.
pub fn binding(
    tx: &mut Tx<'_>,
    scope: &Scope,
    role: &str,
    resource_group: &str,
) -> Result<Option<Binding>, Problem> {
    let Some(permissions) = role_permissions(tx, scope, role)? else { return Ok(None) };
    let selectors = selectors(tx, scope, resource_group)?;
    Ok(Some(Binding { permissions, selectors }))
}

/// What a role may do, managed or custom of that scope.
pub fn role_permissions(
    tx: &mut Tx<'_>,
    scope: &Scope,
    role: &str,
) -> Result<Option<PermissionSet>, Problem> {
    if let Some(managed) = managed::role(role) {
        return Ok(Some(managed.permissions()));
    }
    let key = params![scope.account.as_str(), scope.org_column(), scope.project_column(), role];
    let Some(list) = tx.query_opt(ROLE, key, |row| row.get::<String>(0))? else { return Ok(None) };
    let ids: Vec<String> = stored::read(&list)?;
    Ok(Some(ids.iter().filter_map(|id| permissions::find(id)).collect()))
}

/// What a resource group of that scope covers, managed or custom; empty when there is none.
pub fn selectors(tx: &mut Tx<'_>, scope: &Scope, id: &str) -> Result<Vec<Selector>, Problem> {
    if let Some(managed) = managed::resource_group(id) {
        return Ok(vec![managed.selector(scope)]);
    }
    let key = params![scope.account.as_str(), scope.org_column(), scope.project_column(), id];
    let row = tx.query_opt(RESOURCE_GROUP, key, |row| Ok((row.get::<String>(0)?, row.get::<String>(1)?)))?;
    let Some((scopes, filter)) = row else { return Ok(Vec::new()) };
    selectors_of(scope, stored::read(&scopes)?, stored::read(&filter)?)
}

/// What a custom resource group of that scope covers.
pub fn selectors_of(
    scope: &Scope,
    included: Vec<IncludedScope>,
    filter: ResourceFilter,
) -> Result<Vec<Selector>, Problem> {
    let what = std::sync::Arc::new(what(filter));
    included
        .into_iter()
        .map(|s| {
            let at = Scope::of(
                scope.account.clone(),
                s.org_identifier.as_deref(),
                s.project_identifier.as_deref(),
            )?;
            Ok(Selector { scope: at, children: s.filter == INCLUDING, what: what.clone() })
        })
        .collect()
}

fn what(filter: ResourceFilter) -> What {
    if filter.include_all_resources {
        return What::All;
    }
    let mut types: HashMap<String, Option<HashSet<String>>> = HashMap::new();
    for selector in filter.resources {
        let ids: Option<HashSet<String>> =
            selector.identifiers.filter(|ids| !ids.is_empty()).map(HashSet::from_iter);
        let known = types.entry(selector.resource_type).or_insert_with(|| Some(HashSet::new()));
        // Two selectors of one type add up; the whole type swallows ids.
        match (known.as_mut(), ids) {
            (Some(known), Some(ids)) => known.extend(ids),
            (Some(_), None) => *known = None,
            (None, _) => {}
        }
    }
    What::Types(types)
}
