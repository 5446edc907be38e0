//! Looking at role assignments.

use std::collections::{HashMap, HashSet};

use db::Tx;
use db::sql::IDS_AT_ONCE;

use super::model::{Assignment, Filter, NamedBinding, Reach, at_level};
use super::permit;
use super::store;
use crate::access::Actor;
use crate::access::resource_groups::{self, model::ResourceGroup};
use crate::access::roles::{self, model::Role};
use crate::accounts::actions::check_scope;
use crate::app::App;
use crate::kernel::caller::PrincipalKind;
use crate::kernel::ids::AccountId;
use crate::kernel::listing::Orders;
use crate::kernel::page::{Page, PageRequest};
use crate::kernel::problem::{Kind, Problem, Result};
use crate::kernel::scope::{Level, Scope};

/// Fields that `sortOrders` may name.
pub const SORT_FIELDS: &[&str] =
    &["identifier", "roleIdentifier", "resourceGroupIdentifier", "createdAt", "lastModifiedAt"];

/// What principals of a kind are bound to in exactly this scope, by identifier: all, or those with these ids
/// that live in it (users: in the account).
///
/// # Errors
/// Of the database.
pub fn bindings_of(
    tx: &mut Tx<'_>,
    scope: &Scope,
    kind: PrincipalKind,
    ids: Option<&[&str]>,
) -> Result<Vec<NamedBinding>> {
    let level = if kind == PrincipalKind::User { "" } else { scope.level().lower() };
    let mut found = Vec::new();
    match ids {
        None => found = store::named(tx, scope, kind, None)?,
        Some(ids) => {
            for ids in ids.chunks(IDS_AT_ONCE) {
                found.extend(store::named(tx, scope, kind, Some((level, ids)))?);
            }
        }
    }
    found.sort_unstable_by(|a, b| a.identifier.cmp(&b.identifier));
    Ok(found)
}

/// Most assignments in one aggregate (§7).
const AGGREGATE_MOST: u32 = 1_000;

/// An assignment with what its parts are called.
#[derive(Clone, Debug)]
pub struct Described {
    /// The binding.
    pub assignment: Assignment,
    /// Name and e-mail address of the principal; `None` when it is gone.
    pub principal: Option<(String, String)>,
    /// Its role; `None` when it is gone.
    pub role: Option<Role>,
    /// Its resource group; `None` when it is gone.
    pub resource_group: Option<ResourceGroup>,
    /// Names of account, organization and project.
    pub scope_names: [Option<String>; 3],
}

/// Assignments of a scope with each role and resource group they name, once.
#[derive(Clone, Debug)]
pub struct Aggregate {
    /// At most 1,000, newest change first.
    pub assignments: Vec<Assignment>,
    /// Their roles.
    pub roles: Vec<Role>,
    /// Their resource groups.
    pub resource_groups: Vec<ResourceGroup>,
}

fn own_reach(actor: &Actor, scope: &Scope) -> Result<Vec<Reach>> {
    Ok(vec![Reach { scope: scope.clone(), below: false, kinds: permit::some_visible(actor, scope)? }])
}

/// The assignments of the scope, of the kinds of principal that the actor may see.
///
/// # Errors
/// `NotAuthorized` when he may see none.
pub async fn list(
    app: &App,
    actor: &Actor,
    scope: &Scope,
    filter: Filter,
    (orders, page): (Orders, PageRequest),
) -> Result<Page<Assignment>> {
    let (reach, scope) = (own_reach(actor, scope)?, scope.clone());
    let (rows, total) = app
        .db
        .of(&scope.account)
        .read("role_assignments.list", move |tx| -> Result<_> {
            check_scope(tx, &scope)?;
            store::page(tx, &scope.account, &reach, &filter, (&orders, page))
        })
        .await?;
    Ok(Page::new(page, rows, total))
}

/// One assignment of the scope.
///
/// # Errors
/// `NoSuchResource` when there is none that the actor may see, `NotAuthorized` when he may see none at all.
pub async fn get(app: &App, actor: &Actor, scope: &Scope, id: String) -> Result<Assignment> {
    let (kinds, scope) = (permit::some_visible(actor, scope)?, scope.clone());
    app.db
        .of(&scope.account)
        .point("role_assignments.get", move |tx| {
            let found = store::find(tx, &scope, &id)?.filter(|a| kinds.contains(&a.row.principal_kind));
            found.ok_or_else(|| {
                let text = format!(
                    "Role Assignment with identifier [{id}] is not found in {}: list them to see which exist",
                    scope.path()
                );
                Problem::new(Kind::NoSuchResource, text)
            })
        })
        .await
}

/// The first assignments of the scope with their roles and resource groups.
///
/// # Errors
/// As `list`.
pub async fn aggregate(app: &App, actor: &Actor, scope: &Scope, filter: Filter) -> Result<Aggregate> {
    let (reach, scope) = (own_reach(actor, scope)?, scope.clone());
    app.db
        .of(&scope.account)
        .read("role_assignments.aggregate", move |tx| {
            check_scope(tx, &scope)?;
            let assignments = store::first(tx, &scope.account, &reach, &filter, AGGREGATE_MOST)?;
            let mut parts = Parts::default();
            for found in &assignments {
                parts.role(tx, &found.row.scope, &found.row.role)?;
                parts.resource_group(tx, &found.row.scope, &found.row.resource_group)?;
            }
            Ok(Aggregate { assignments, roles: parts.roles(), resource_groups: parts.resource_groups() })
        })
        .await
}

/// Assignments of several scopes, described. Of a scope with those below (`true`) the actor sees below what
/// he may see everywhere there, and in the scope itself what he may see there.
///
/// # Errors
/// `NotAuthorized` when he may see none in one of the scopes.
pub async fn across(
    app: &App,
    actor: &Actor,
    scopes: Vec<(Scope, bool)>,
    filter: Filter,
    (orders, page): (Orders, PageRequest),
) -> Result<Page<Described>> {
    let (mut reach, mut reached) = (Vec::new(), HashSet::new());
    for (scope, below) in &scopes {
        if reached.insert((scope, false)) {
            reach.extend(own_reach(actor, scope)?);
        }
        if *below && reached.insert((scope, true)) {
            reach.push(Reach {
                scope: scope.clone(),
                below: true,
                kinds: permit::visible_kinds(actor, scope, true),
            });
        }
    }
    let account = actor.caller.account.clone();
    let (rows, total) = app
        .db
        .of(&actor.caller.account)
        .read("role_assignments.across", move |tx| -> Result<_> {
            scopes.iter().try_for_each(|(scope, _)| check_scope(tx, scope))?;
            described(tx, &account, &reach, &filter, (&orders, page))
        })
        .await?;
    Ok(Page::new(page, rows, total))
}

fn described(
    tx: &mut Tx<'_>,
    account: &AccountId,
    reach: &[Reach],
    filter: &Filter,
    page: (&Orders, PageRequest),
) -> Result<(Vec<Described>, u64)> {
    let (rows, total) = store::page(tx, account, reach, filter, page)?;
    let mut parts = Parts { principals: principals(tx, &rows)?, ..Parts::default() };
    let rows = rows.into_iter().map(|assignment| parts.describe(tx, assignment)).collect::<Result<_>>()?;
    Ok((rows, total))
}

type Home = (Scope, PrincipalKind);

/// Where the principal lives.
fn home(assignment: &Assignment) -> Option<Home> {
    let row = &assignment.row;
    let scope = at_level(&row.scope, row.principal_level.unwrap_or(Level::Account))?;
    Some((scope, row.principal_kind))
}

/// What the principals of a page are called: looked up together, as there may be one for each row.
fn principals(tx: &mut Tx<'_>, page: &[Assignment]) -> Result<HashMap<Home, HashMap<String, Names>>> {
    let mut wanted: HashMap<Home, HashSet<&str>> = HashMap::new();
    for assignment in page {
        if let Some(home) = home(assignment) {
            wanted.entry(home).or_default().insert(&assignment.row.principal_id);
        }
    }
    let mut found = HashMap::new();
    for (home, ids) in wanted {
        let names = store::find_principals(tx, &home.0, home.1, &ids.into_iter().collect::<Vec<_>>())?;
        found.insert(home, names);
    }
    Ok(found)
}

/// Name and e-mail address.
type Names = (String, String);

/// Roles, resource groups, scope names and principals already looked up.
#[derive(Default)]
struct Parts {
    principals: HashMap<Home, HashMap<String, Names>>,
    roles: HashMap<(Scope, String), Option<Role>>,
    resource_groups: HashMap<(Scope, String), Option<ResourceGroup>>,
    scope_names: HashMap<Scope, [Option<String>; 3]>,
}

impl Parts {
    fn role(&mut self, tx: &mut Tx<'_>, scope: &Scope, id: &str) -> Result<Option<Role>> {
        let key = (scope.clone(), id.to_owned());
        if !self.roles.contains_key(&key) {
            self.roles.insert(key.clone(), roles::actions::find(tx, scope, id)?);
        }
        Ok(self.roles[&key].clone())
    }

    fn resource_group(&mut self, tx: &mut Tx<'_>, scope: &Scope, id: &str) -> Result<Option<ResourceGroup>> {
        let key = (scope.clone(), id.to_owned());
        if !self.resource_groups.contains_key(&key) {
            self.resource_groups.insert(key.clone(), resource_groups::actions::find(tx, scope, id)?);
        }
        Ok(self.resource_groups[&key].clone())
    }

    fn names(&mut self, tx: &mut Tx<'_>, scope: &Scope) -> Result<[Option<String>; 3]> {
        if !self.scope_names.contains_key(scope) {
            self.scope_names.insert(scope.clone(), store::scope_names(tx, scope)?);
        }
        Ok(self.scope_names[scope].clone())
    }

    fn describe(&mut self, tx: &mut Tx<'_>, assignment: Assignment) -> Result<Described> {
        let row = &assignment.row;
        let at_home = home(&assignment).and_then(|home| self.principals.get(&home));
        let principal = at_home.and_then(|names| names.get(&row.principal_id)).cloned();
        Ok(Described {
            principal,
            role: self.role(tx, &row.scope, &row.role)?,
            resource_group: self.resource_group(tx, &row.scope, &row.resource_group)?,
            scope_names: self.names(tx, &row.scope)?,
            assignment,
        })
    }

    fn roles(&self) -> Vec<Role> {
        let mut found: Vec<Role> = self.roles.values().flatten().cloned().collect();
        found.sort_by(|a, b| a.identifier.cmp(&b.identifier));
        found
    }

    fn resource_groups(&self) -> Vec<ResourceGroup> {
        let mut found: Vec<ResourceGroup> = self.resource_groups.values().flatten().cloned().collect();
        found.sort_by(|a, b| a.identifier.cmp(&b.identifier));
        found
    }
}
