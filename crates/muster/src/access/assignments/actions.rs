//! Switching role assignments off and on, and removing them.

use db::Tx;

use super::create::{Moment, see_organization};
use super::model::{Assignment, entry};
use super::permit::{self, Permit};
use super::store;
use crate::access::administrators::{keeping_one, spared};
use crate::access::{Actor, delegation, rights};
use crate::accounts::actions::check_scope_for;
use crate::accounts::store::bump_version;
use crate::app::App;
use crate::audit::{self, Action};
use crate::kernel::caller::{Caller, PrincipalKind};
use crate::kernel::problem::{Problem, Result};
use crate::kernel::rng::Rng;
use crate::kernel::scope::{Level, Scope};
use crate::kernel::time::Timestamp;

/// What a PUT says; only `disabled` may differ from what is stored. Absent parts are as stored.
#[derive(Clone, Debug, Default)]
pub struct Change {
    /// Must be the stored one.
    pub role: Option<String>,
    /// Must be the stored one.
    pub resource_group: Option<String>,
    /// Must be the stored one.
    pub principal: Option<(PrincipalKind, String, Option<Level>)>,
    /// Switched off?
    pub disabled: Option<bool>,
}

/// What became of the ids of a batch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Removal {
    /// How many are gone.
    pub removed: usize,
    /// (id, why not) of the others.
    pub failed: Vec<(String, String)>,
}

/// Finds an assignment that the actor may change. To one who may not even see it, it is not there.
fn changeable(tx: &mut Tx<'_>, actor: &Actor, scope: &Scope, id: &str) -> Result<Assignment> {
    let visible = permit::visible_kinds(actor, scope, false);
    let unknown = || {
        let text = format!(
            "Invalid Role Assignment: there is no {id} in {}. List them to see which exist",
            scope.path()
        );
        Problem::invalid(text)
    };
    let Some(found) = store::find(tx, scope, id)? else {
        // Who may see none hears of his rights, not of what exists.
        return Err(if visible.is_empty() { refusal(actor, scope) } else { unknown() });
    };
    let row = &found.row;
    match Permit::ask(actor, scope, row.principal_kind, &row.principal_id, row.principal_level) {
        Ok(_) => Ok(found),
        Err(denied) if visible.contains(&row.principal_kind) => Err(denied),
        Err(_) if visible.is_empty() => Err(refusal(actor, scope)),
        Err(_) => Err(unknown()),
    }
}

fn refusal(actor: &Actor, scope: &Scope) -> Problem {
    match Permit::ask(actor, scope, PrincipalKind::User, "", None) {
        Err(denied) => denied,
        Ok(_) => permit::none_visible(scope),
    }
}

/// Switches an assignment off or on. To switch it on is to give it anew: the caller must hold what it gives,
/// and it brings along what a new one would.
///
/// # Errors
/// `Invalid` when there is none, when it is managed or when anything else would change; `Denied`.
pub async fn update(
    app: &App,
    actor: &Actor,
    scope: &Scope,
    id: String,
    change: Change,
) -> Result<Assignment> {
    let (by, scope) = (actor.clone(), scope.clone());
    let moment = Moment { now: app.clock.now(), rng: app.rng.clone() };
    app.write_alone("role_assignments.update", actor, move |tx| {
        let now = moment.now;
        let mut found = changeable(tx, &by, &scope, &id)?;
        check_same(&found, &change)?;
        let disabled = change.disabled.unwrap_or(found.row.disabled);
        if found.row.disabled == disabled {
            return Ok(found);
        }
        if found.row.managed {
            return Err(Problem::invalid(
                "Cannot update a managed role assignment: it is kept by the server",
            ));
        }
        if !disabled
            && let Some(given) = rights::binding(tx, &scope, &found.row.role, &found.row.resource_group)?
        {
            delegation::only_own(tx, &by, &given)?;
        }
        keeping_one(tx, &scope.account, |tx| store::set_disabled(tx, &scope, &id, disabled, now))?;
        found.row.disabled = disabled;
        found.updated_at = now;
        let entry = entry(Action::RoleAssignmentUpdated, &found.row);
        audit::record(tx, &by.caller, now, &moment.rng.uuid(), &entry)?;
        see_organization(tx, &moment, &by, &found.row)?;
        bump_version(tx, &scope.account)?;
        Ok(found)
    })
    .await
}

fn check_same(found: &Assignment, change: &Change) -> Result<()> {
    let row = &found.row;
    let differs = |sent: &Option<String>, stored: &str| sent.as_ref().is_some_and(|sent| sent != stored);
    let what = if differs(&change.role, &row.role) {
        "role"
    } else if differs(&change.resource_group, &row.resource_group) {
        "resource group"
    } else if change.principal.as_ref().is_some_and(|(kind, id, level)| {
        let moved = level.is_some() && row.principal_level.is_some() && *level != row.principal_level;
        *kind != row.principal_kind || *id != row.principal_id || moved
    }) {
        "principal"
    } else {
        return Ok(());
    };
    Err(Problem::invalid(format!(
        "Cannot change {what} in the role assignment: delete it and create another one. Only `disabled` can change"
    )))
}

/// Removes an assignment.
///
/// # Errors
/// `Invalid` when there is none or when it is managed; `Denied`.
pub async fn delete(app: &App, actor: &Actor, scope: &Scope, id: String) -> Result<Assignment> {
    let (by, scope) = (actor.clone(), scope.clone());
    let (now, rng) = (app.clock.now(), app.rng.clone());
    app.write_alone("role_assignments.delete", actor, move |tx| {
        let found = removable(tx, &by, &scope, &id)?;
        keeping_one(tx, &scope.account, |tx| {
            remove_rows(tx, &by.caller, now, &rng, std::slice::from_ref(&found))
        })?;
        bump_version(tx, &scope.account)?;
        Ok(found)
    })
    .await
}

fn removable(tx: &mut Tx<'_>, actor: &Actor, scope: &Scope, id: &str) -> Result<Assignment> {
    let found = changeable(tx, actor, scope, id)?;
    if found.row.managed {
        return Err(managed());
    }
    Ok(found)
}

/// Removes several; each stands alone.
///
/// # Errors
/// Only of the database: what is wrong with an id is in the answer.
pub async fn delete_all(app: &App, actor: &Actor, scope: &Scope, ids: Vec<String>) -> Result<Removal> {
    let (by, scope) = (actor.clone(), scope.clone());
    let (now, rng) = (app.clock.now(), app.rng.clone());
    app.write_alone("role_assignments.delete_all", actor, move |tx| {
        check_scope_for(tx, &by, &scope)?;
        remove_each(tx, &by, &scope, &ids, (now, &rng))
    })
    .await
}

fn remove_each(
    tx: &mut Tx<'_>,
    actor: &Actor,
    scope: &Scope,
    ids: &[String],
    (now, rng): (Timestamp, &Rng),
) -> Result<Removal> {
    let mut removal = Removal::default();
    for id in ids {
        // Nothing of a transaction can be taken back, so each is asked for before it goes.
        let found = removable(tx, actor, scope, id).and_then(|found| {
            if scope.level() == Level::Account {
                spared(tx, &scope.account, id)?;
            }
            Ok(found)
        });
        match found {
            Ok(found) => {
                remove_rows(tx, &actor.caller, now, rng, &[found])?;
                removal.removed += 1;
            }
            Err(problem) if problem.cause().is_some() => return Err(problem),
            Err(problem) => removal.failed.push((id.clone(), problem.message().to_owned())),
        }
    }
    if removal.removed > 0 {
        bump_version(tx, &scope.account)?;
    }
    Ok(removal)
}

/// Removes these assignments with an audit row each. The caller of this function bumps the account's version.
pub(in crate::access) fn remove_rows(
    tx: &mut Tx<'_>,
    caller: &Caller,
    now: Timestamp,
    rng: &Rng,
    rows: &[Assignment],
) -> Result<()> {
    for found in rows {
        store::delete(tx, &found.row.scope, &found.row.identifier)?;
        let entry = entry(Action::RoleAssignmentDeleted, &found.row);
        audit::record(tx, caller, now, &rng.uuid(), &entry)?;
    }
    Ok(())
}

/// Removes every assignment of a principal that is about to go; for the slices that delete users, groups
/// and service accounts, in their transaction. `home`: where the principal lives (users: the account).
/// Answers how many there were; when it is not 0 the caller of this function bumps the account's version.
///
/// # Errors
/// Only of the database.
pub fn remove_principal(
    tx: &mut Tx<'_>,
    caller: &Caller,
    now: Timestamp,
    rng: &Rng,
    home: &Scope,
    kind: PrincipalKind,
    id: &str,
) -> Result<usize> {
    let rows = store::of_principal(tx, home, kind, id)?;
    remove_rows(tx, caller, now, rng, &rows)?;
    Ok(rows.len())
}

/// Removes the assignments that a user has in exactly this scope; for the slice that takes him out of it, in
/// its transaction. Answers how many there were; when it is not 0 the caller of this function bumps the
/// account's version.
///
/// # Errors
/// `Denied` for who may not change them; `Invalid` for one that the server keeps.
pub fn remove_in_scope(
    tx: &mut Tx<'_>,
    permit: &Permit,
    now: Timestamp,
    rng: &Rng,
    user: &str,
) -> Result<usize> {
    let scope = permit.scope();
    let home = Scope::account(scope.account.clone());
    let mut rows = store::of_principal(tx, &home, PrincipalKind::User, user)?;
    rows.retain(|found| found.row.scope == *scope);
    if rows.iter().any(|found| found.row.managed) {
        return Err(managed());
    }
    remove_rows(tx, permit.caller(), now, rng, &rows)?;
    Ok(rows.len())
}

fn managed() -> Problem {
    Problem::invalid("Cannot delete a managed role assignment: it is kept by the server")
}
