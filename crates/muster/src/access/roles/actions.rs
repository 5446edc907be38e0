//! What can be done with roles.

use std::collections::HashMap;

use db::Tx;
use serde_json::{Value, json};

use super::model::{self, NewRole, Role};
use super::store::{self, Counts};
use crate::access::assignments::{actions as assignments, store as assignment_rows};
use crate::access::permissions::{RoleDelete, RoleEdit, RoleView};
use crate::access::resource_groups::gone::{self, By};
use crate::access::{Actor, Binding, Grant, delegation, managed, rights};
use crate::accounts::actions::{check_scope, check_scope_for, exists};
use crate::accounts::store::bump_version;
use crate::app::App;
use crate::audit::{self, Action, Entry};
use crate::kernel::listing::{Orders, SearchTerm};
use crate::kernel::page::{Page, PageRequest};
use crate::kernel::problem::{Kind, Problem, Result};
use crate::kernel::scope::Scope;
use crate::kernel::version::IfMatch;

/// Which roles to list.
#[derive(Clone, Debug)]
pub struct Listing {
    /// Literal part of identifier, name or label.
    pub search: SearchTerm,
    /// Only managed ones, or only custom ones.
    pub managed: Option<bool>,
    /// In which order.
    pub orders: Orders,
    /// Which page.
    pub page: PageRequest,
}

/// The managed roles of the scope's level and its custom ones, with how often each is assigned there. Who
/// may view only some roles sees those.
///
/// # Errors
/// `Denied` when there is none that the actor may view.
pub async fn list(app: &App, actor: &Actor, scope: &Scope, listing: Listing) -> Result<Page<(Role, Counts)>> {
    let (at, by) = (scope.clone(), actor.clone());
    let (mut roles, mut counts) = app
        .db
        .of(&scope.account)
        .read("roles.list", move |tx| -> Result<(Vec<Role>, HashMap<String, Counts>)> {
            check_scope_for(tx, &by, &at)?;
            Ok((visible(tx, &at)?, store::counts(tx, &at)?))
        })
        .await?;
    if !actor.holds::<RoleView>(scope, None) {
        roles.retain(|role| actor.holds::<RoleView>(scope, Some(&role.identifier)));
        if roles.is_empty() {
            actor.grant::<RoleView>(scope)?;
        }
    }
    roles.retain(|role| listing.managed.is_none_or(|managed| managed == role.scope.is_none()));
    roles.retain(|role| listing.search.finds(role));
    roles.sort_by(|a, b| a.identifier.cmp(&b.identifier));
    listing.orders.arrange(&mut roles);
    let counted = |role: Role| {
        let n = counts.remove(&role.identifier).unwrap_or_default();
        (role, n)
    };
    Ok(Page::cut(listing.page, roles).map(counted))
}

fn visible(tx: &mut Tx<'_>, scope: &Scope) -> Result<Vec<Role>> {
    let mut roles = store::list(tx, scope)?;
    roles.extend(managed::ROLES.iter().filter(|r| r.level == scope.level()).map(Role::from));
    Ok(roles)
}

/// The role, managed or custom, as seen from the scope.
pub(in crate::access) fn find(tx: &mut Tx<'_>, scope: &Scope, id: &str) -> Result<Option<Role>> {
    match model::managed_in(scope, id) {
        Some(role) => Ok(Some(role)),
        None => store::find(tx, scope, id),
    }
}

/// One role of the scope, managed or custom.
///
/// # Errors
/// `NoSuchResource`.
pub async fn get(app: &App, grant: &Grant<RoleView>, id: String) -> Result<Role> {
    let scope = grant.scope().clone();
    app.db
        .of(&scope.account)
        .point("roles.get", move |tx| {
            // The managed ones have no row that could be gone with the scope.
            let found = if exists(tx, &scope)? { find(tx, &scope, &id)? } else { None };
            found.ok_or_else(|| {
                let text = format!(
                    "Role with identifier [{id}] is not found in the given scope {}: list the roles there to see which \
                    exist",
                    scope.path()
                );
                Problem::new(Kind::NoSuchResource, text)
            })
        })
        .await
}

/// Makes a custom role.
///
/// # Errors
/// `Fields` and `InvalidArgument` for what the role cannot be, `Duplicate` when the identifier is taken.
pub async fn create(app: &App, grant: &Grant<RoleEdit>, mut new: NewRole) -> Result<Role> {
    let (scope, caller) = (grant.scope().clone(), grant.caller().clone());
    new.check(&scope)?;
    if !new.fits_level(&scope) {
        return Err(model::wrong_level(&scope));
    }
    let managed = managed::role_like(&new.identifier);
    let taken = Problem::duplicate(format!(
        "A role with identifier {} in this scope {} is already present: choose another identifier",
        managed.map_or(new.identifier.as_str(), |role| role.id),
        scope.path()
    ));
    if managed.is_some() {
        return Err(taken);
    }
    let (now, audit_id) = (app.clock.now(), app.rng.uuid());
    app.write_alone("roles.create", grant.actor(), move |tx| {
        check_scope(tx, &scope)?;
        if !store::insert(tx, &scope, &new, now)? {
            return Err(taken.clone());
        }
        let gives = detail(&new.permissions);
        let entry = Entry::about(Action::Create, "ROLE", (&new.identifier, &new.name), &scope, gives);
        audit::record(tx, &caller, now, &audit_id, &entry)?;
        bump_version(tx, &scope.account)?;
        stored(tx, &scope, &new.identifier)
    })
    .await
}

fn detail(permissions: &[String]) -> Value {
    json!({"permissions": permissions})
}

fn stored(tx: &mut Tx<'_>, scope: &Scope, id: &str) -> Result<Role> {
    store::find(tx, scope, id)?.ok_or_else(|| Problem::internal("a role that was just written is not there"))
}

/// Changes name, description, labels and permissions of a custom role. Permissions that it gains reach
/// everyone it is assigned to, so the caller must hold them on those resources.
///
/// # Errors
/// `InvalidArgument` when there is no such custom role or the level changes, `Stale`, `Denied` for gained
/// permissions that the caller does not hold; those of `create`.
pub async fn update(app: &App, grant: &Grant<RoleEdit>, mut new: NewRole, seen: IfMatch) -> Result<Role> {
    let (scope, actor) = (grant.scope().clone(), grant.actor().clone());
    if !new.fits_level(&scope) {
        return Err(Problem::argument(format!(
            "Cannot change the scopes at which this role can be used. Leave allowedScopeLevels out or send [\"{}\"]",
            scope.level().lower()
        )));
    }
    new.check(&scope)?;
    let (now, audit_id) = (app.clock.now(), app.rng.uuid());
    app
        .write_alone("roles.update", grant.actor(), move |tx| {
            check_scope(tx, &scope)?;
            let Some(old) = store::find(tx, &scope, &new.identifier)? else {
                return Err(Problem::argument(format!(
                    "Could not find the role {} in the scope {}. Managed roles cannot be changed; make a custom one",
                    new.identifier,
                    scope.path()
                )));
            };
            seen.check(old.tag)?;
            if new.is_of(&old) {
                return Ok(old);
            }
            check_gain(tx, &actor, &scope, &old, &new)?;
            store::update(tx, &scope, &new, now)?;
            let change = json!({"before": detail(&old.permissions), "after": detail(&new.permissions)});
            let entry = Entry::about(Action::Update, "ROLE", (&new.identifier, &new.name), &scope, change);
            audit::record(tx, &actor.caller, now, &audit_id, &entry)?;
            bump_version(tx, &scope.account)?;
            stored(tx, &scope, &new.identifier)
        })
        .await
}

fn check_gain(tx: &mut Tx<'_>, actor: &Actor, scope: &Scope, old: &Role, new: &NewRole) -> Result<()> {
    let gained = model::set(&new.permissions).without(model::set(&old.permissions));
    if gained.is_empty() {
        return Ok(());
    }
    for resource_group in assignment_rows::resource_groups_of_role(tx, scope, &old.identifier)? {
        let selectors = rights::selectors(tx, scope, &resource_group)?;
        delegation::only_own(tx, actor, &Binding { permissions: gained, selectors })?;
    }
    Ok(())
}

/// Removes a custom role and every assignment of it.
///
/// # Errors
/// `Invalid` for a managed role, `InvalidArgument` when there is none, `Stale`.
pub async fn delete(app: &App, grant: &Grant<RoleDelete>, id: String, seen: IfMatch) -> Result<Role> {
    let (scope, caller) = (grant.scope().clone(), grant.caller().clone());
    if managed::role(&id).is_some() {
        let text = format!(
            "Cannot delete the role {id} as it is managed by Muster: delete its role assignments instead"
        );
        return Err(Problem::invalid(text));
    }
    let (now, rng) = (app.clock.now(), app.rng.clone());
    app.write_alone("roles.delete", grant.actor(), move |tx| {
        check_scope(tx, &scope)?;
        let Some(role) = store::find(tx, &scope, &id)? else {
            return Err(Problem::argument(format!(
                "Could not find the role {id} in the scope {}: list the roles there to see which exist",
                scope.path()
            )));
        };
        seen.check(role.tag)?;
        let bound = assignment_rows::of_role(tx, &scope, &id)?;
        assignments::remove_rows(tx, &caller, now, &rng, &bound)?;
        store::delete(tx, &scope, &id)?;
        gone::resource(tx, By { caller: &caller, now, rng: &rng }, &scope, "ROLE", &id)?;
        let gave = detail(&role.permissions);
        let entry = Entry::about(Action::Delete, "ROLE", (&id, &role.name), &scope, gave);
        audit::record(tx, &caller, now, &rng.uuid(), &entry)?;
        bump_version(tx, &scope.account)?;
        Ok(role)
    })
    .await
}
