//! Binding a principal to a role: the checks of platform API §7, then one row.

use db::Tx;

use super::model::{Assignment, Filter, NewAssignment, PrincipalFilter, Reach, at_level, entry};
use super::permit::Permit;
use super::store::{self, AssignmentRow};
use crate::access::{Actor, delegation, resource_groups, rights, roles};
use crate::accounts::actions::{check_scope, check_scope_for};
use crate::accounts::store::bump_version;
use crate::app::App;
use crate::audit::{self, Action};
use crate::kernel::caller::{Caller, PrincipalKind};
use crate::kernel::problem::{Kind, Problem, Result};
use crate::kernel::rng::Rng;
use crate::kernel::scope::{Level, Scope};
use crate::kernel::time::Timestamp;

/// What `/validate` answers: the reason why a part cannot be, or `None` when it can.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Validation {
    /// Of the principal.
    pub principal: Option<String>,
    /// Of the role.
    pub role: Option<String>,
    /// Of the resource group.
    pub resource_group: Option<String>,
}

/// The moment of a change: when, and where fresh ids come from.
pub struct Moment {
    /// When.
    pub now: Timestamp,
    /// For fresh ids.
    pub rng: Rng,
}

/// Makes one assignment.
///
/// # Errors
/// `Fields`, `Invalid` and `InvalidArgument` for what cannot be, `Denied` for rights that the caller lacks
/// himself, `Duplicate` when the same binding or the identifier is there.
pub async fn create(app: &App, permit: Permit, new: NewAssignment) -> Result<Assignment> {
    new.check(permit.scope())?;
    let moment = Moment { now: app.clock.now(), rng: app.rng.clone() };
    let by = permit.actor().clone();
    app.write_alone("role_assignments.create", &by, move |tx| {
        check_scope(tx, permit.scope())?;
        let made = bind(tx, &moment, &permit, &new)?;
        bump_version(tx, &permit.scope().account)?;
        Ok(made)
    })
    .await
}

/// Makes several; those that cannot be, are there already or are above the caller's own rights are left out
/// (platform API §7): what was made is in the answer.
///
/// # Errors
/// `InvalidArgument` for a scope that does not exist.
pub async fn create_all(
    app: &App,
    actor: &Actor,
    scope: &Scope,
    wishes: Vec<(Permit, NewAssignment)>,
) -> Result<Vec<Assignment>> {
    let moment = Moment { now: app.clock.now(), rng: app.rng.clone() };
    let (by, scope) = (actor.clone(), scope.clone());
    app.write_alone("role_assignments.create_all", actor, move |tx| {
        check_scope_for(tx, &by, &scope)?;
        let mut made = Vec::with_capacity(wishes.len());
        for (permit, new) in &wishes {
            match new.check(&scope).and_then(|()| bind(tx, &moment, permit, new)) {
                Ok(assignment) => made.push(assignment),
                Err(problem) if is_droppable(problem.kind()) || problem.kind() == Kind::Denied => {}
                Err(problem) => return Err(problem),
            }
        }
        if !made.is_empty() {
            bump_version(tx, &scope.account)?;
        }
        Ok(made)
    })
    .await
}

fn is_droppable(kind: Kind) -> bool {
    matches!(kind, Kind::Fields | Kind::Invalid | Kind::InvalidArgument | Kind::Duplicate)
}

/// Says what would be wrong with an assignment, without making it. What is wrong with none of the three parts
/// is refused as `create` refuses it.
///
/// # Errors
/// `InvalidArgument` for a scope that does not exist, `Denied` for a principal that the caller may not bind,
/// `Fields` and `Duplicate` as `create`.
pub async fn validate(app: &App, permit: Permit, new: NewAssignment) -> Result<Validation> {
    app.db
        .of(&permit.scope().account)
        .read("role_assignments.validate", move |tx| {
            let scope = permit.scope();
            check_scope(tx, scope)?;
            let level = permitted_level(tx, &permit, &new);
            let known = level.as_ref().ok().copied().flatten();
            let validation = Validation {
                principal: complaint(level)?,
                role: complaint(check_role(tx, scope, &new.role))?,
                resource_group: complaint(check_resource_group(tx, scope, &new.resource_group))?,
            };
            if validation != Validation::default() {
                return Ok(validation);
            }
            let row = new.row(scope, new.identifier.clone().unwrap_or_default(), known);
            if is_taken(tx, &row)? { Err(taken(tx, &row)?) } else { Ok(validation) }
        })
        .await
}

/// Is the identifier or the binding there already?
fn is_taken(tx: &mut Tx<'_>, row: &AssignmentRow) -> Result<bool> {
    Ok(store::find(tx, &row.scope, &row.identifier)?.is_some() || same(tx, row)?.is_some())
}

/// The assignment that binds the same, under whatever identifier.
fn same(tx: &mut Tx<'_>, row: &AssignmentRow) -> Result<Option<Assignment>> {
    let kind = row.principal_kind;
    let principal = PrincipalFilter { kind, id: row.principal_id.clone(), level: row.principal_level };
    let same = Filter {
        roles: vec![row.role.clone()],
        resource_groups: vec![row.resource_group.clone()],
        principals: vec![principal],
        ..Filter::default()
    };
    let reach = [Reach { scope: row.scope.clone(), below: false, kinds: vec![kind] }];
    Ok(store::first(tx, &row.scope.account, &reach, &same, 1)?.pop())
}

fn complaint<T>(checked: Result<T>) -> Result<Option<String>> {
    match checked {
        Ok(_) => Ok(None),
        Err(problem) if is_droppable(problem.kind()) => Ok(Some(problem.message().to_owned())),
        Err(problem) => Err(problem),
    }
}

/// Makes one in the caller's transaction; `false` when the principal has the role on the resource group
/// already. Where it answers `true` the caller of this function bumps the account's version.
///
/// # Errors
/// As `create`, but for the check of the new assignment, which comes before; `Duplicate` where the assignment
/// that is there gives nothing.
pub fn give(tx: &mut Tx<'_>, moment: &Moment, permit: &Permit, new: &NewAssignment) -> Result<bool> {
    match bind(tx, moment, permit, new) {
        Ok(_) => Ok(true),
        Err(problem) if problem.kind() == Kind::Duplicate => {
            let row = new.row(permit.scope(), String::new(), permitted_level(tx, permit, new)?);
            match same(tx, &row)? {
                Some(found) if found.row.disabled => Err(switched_off(&found.row)),
                _ => Ok(false),
            }
        }
        Err(problem) => Err(problem),
    }
}

fn switched_off(row: &AssignmentRow) -> Problem {
    Problem::duplicate(format!(
        "The role assignment {} in {} gives {} the role {} already, and is disabled: enable it first",
        row.identifier,
        row.scope.path(),
        row.principal_id,
        row.role
    ))
}

fn bind(tx: &mut Tx<'_>, moment: &Moment, permit: &Permit, new: &NewAssignment) -> Result<Assignment> {
    let scope = permit.scope();
    check_role(tx, scope, &new.role)?;
    check_resource_group(tx, scope, &new.resource_group)?;
    let principal_level = permitted_level(tx, permit, new)?;
    if let Some(given) = rights::binding(tx, scope, &new.role, &new.resource_group)? {
        delegation::only_own(tx, permit.actor(), &given)?;
    }
    let identifier = new.identifier.clone().unwrap_or_else(|| fresh_id(&moment.rng));
    let row = new.row(scope, identifier, principal_level);
    if !store::insert(tx, &row, moment.now)? {
        return Err(taken(tx, &row)?);
    }
    record(tx, moment, permit.caller(), &row)?;
    see_organization(tx, moment, permit.actor(), &row)?;
    Ok(Assignment { row, created_at: moment.now, updated_at: moment.now })
}

fn fresh_id(rng: &Rng) -> String {
    format!("role_assignment_{}", rng.base62(20))
}

fn taken(tx: &mut Tx<'_>, row: &AssignmentRow) -> Result<Problem> {
    let scope = row.scope.path();
    Ok(Problem::duplicate(match store::find(tx, &row.scope, &row.identifier)? {
        Some(_) => format!(
            "A role assignment with identifier {} is already present in {scope}: leave the identifier out to have one \
            made",
            row.identifier
        ),
        None => format!(
            "The {} {} already has the role {} on {} in {scope}: there is nothing to add",
            row.principal_kind.as_str(),
            row.principal_id,
            row.role,
            row.resource_group
        ),
    }))
}

/// Writes the audit row of an assignment that was made.
///
/// # Errors
/// Of the database.
pub fn record(tx: &mut Tx<'_>, moment: &Moment, caller: &Caller, row: &AssignmentRow) -> Result<()> {
    let entry = entry(Action::RoleAssignmentCreated, row);
    audit::record(tx, caller, moment.now, &moment.rng.uuid(), &entry)
}

/// A group of the account that has a role in a project also gets to see the project's organization (§7), as
/// far as the caller could give that himself. What is switched off brings nothing along until it is
/// switched on.
pub(super) fn see_organization(
    tx: &mut Tx<'_>,
    moment: &Moment,
    actor: &Actor,
    row: &AssignmentRow,
) -> Result<()> {
    let of_account =
        row.principal_kind == PrincipalKind::UserGroup && row.principal_level == Some(Level::Account);
    let Some(organization) = at_level(&row.scope, Level::Organization) else { return Ok(()) };
    if !of_account || row.disabled || row.scope.level() != Level::Project {
        return Ok(());
    }
    let implied = AssignmentRow {
        scope: organization,
        identifier: fresh_id(&moment.rng),
        role: "_organization_viewer".into(),
        resource_group: "_all_organization_level_resources".into(),
        managed: false,
        ..row.clone()
    };
    match could_give(tx, actor, &implied) {
        Err(problem) if problem.kind() == Kind::Denied => return Ok(()),
        checked => checked?,
    }
    if store::insert(tx, &implied, moment.now)? {
        record(tx, moment, &actor.caller, &implied)?;
    }
    Ok(())
}

/// The two rights that making the assignment by itself would ask for.
fn could_give(tx: &mut Tx<'_>, actor: &Actor, row: &AssignmentRow) -> Result<()> {
    Permit::ask(actor, &row.scope, row.principal_kind, &row.principal_id, row.principal_level)?;
    match rights::binding(tx, &row.scope, &row.role, &row.resource_group)? {
        Some(given) => delegation::only_own(tx, actor, &given),
        None => Ok(()),
    }
}

fn check_role(tx: &mut Tx<'_>, scope: &Scope, id: &str) -> Result<()> {
    match roles::actions::find(tx, scope, id)? {
        Some(_) => Ok(()),
        None => Err(Problem::invalid(format!(
            "Did not find role {id} in {}: use a managed role of this level or a custom role of this scope",
            scope.path()
        ))),
    }
}

fn check_resource_group(tx: &mut Tx<'_>, scope: &Scope, id: &str) -> Result<()> {
    match resource_groups::actions::find(tx, scope, id)? {
        Some(_) => Ok(()),
        None => Err(Problem::invalid(format!(
            "Did not find resource group identifier {id} in {}: use a managed resource group of this level or a custom \
            one of this scope",
            scope.path()
        ))),
    }
}

/// As `find_level`. A permit that was given before the level was known may not be one for that level.
fn permitted_level(tx: &mut Tx<'_>, permit: &Permit, new: &NewAssignment) -> Result<Option<Level>> {
    let level = find_level(tx, permit.scope(), new)?;
    if new.level != level {
        Permit::ask(permit.actor(), permit.scope(), new.kind, &new.principal, level)?;
    }
    Ok(level)
}

/// The level at which the principal lives; `None` for users, who belong to the account as a whole.
fn find_level(tx: &mut Tx<'_>, scope: &Scope, new: &NewAssignment) -> Result<Option<Level>> {
    let homes: Vec<Scope> = match (new.kind, new.level) {
        (PrincipalKind::User, _) => vec![Scope::account(scope.account.clone())],
        (_, Some(level)) => at_level(scope, level).into_iter().collect(),
        (_, None) => scope.upward().collect(),
    };
    for home in homes {
        if !store::find_principals(tx, &home, new.kind, &[&new.principal])?.is_empty() {
            return Ok((new.kind != PrincipalKind::User).then(|| home.level()));
        }
    }
    let place = new.level.map_or("this scope or above it", Level::lower);
    Err(Problem::invalid(format!(
        "Did not find the {} {} ({place}) for the role assignment in {}: create it first or correct the principal",
        new.kind.as_str(),
        new.principal,
        scope.path()
    )))
}
