//! Adding people to a scope by their addresses: who is not there is made a user, and all get the same roles
//! and groups, in one transaction. Nobody is written to: Muster sends no mail.

use std::collections::HashSet;

use db::Tx;
use scim::ResourceType;
use serde_json::json;

use crate::access::Grant;
use crate::access::assignments::create::{Moment, give};
use crate::access::assignments::model::NewAssignment;
use crate::access::assignments::permit::Permit;
use crate::access::assignments::query::bindings_of;
use crate::access::permissions::{UserGroupManage, UserManage};
use crate::accounts::actions::check_scope;
use crate::accounts::store::bump_version;
use crate::app::App;
use crate::directory::model::Subject;
use crate::directory::schemas::Kinds;
use crate::directory::stroke::Stroke;
use crate::directory::user_groups::members::join;
use crate::directory::users::actions as users;
use crate::directory::users::addresses;
use crate::kernel::caller::PrincipalKind;
use crate::kernel::problem::{Kind, Problem, Result};
use crate::kernel::scope::{Level, Scope};

/// People to be added.
#[derive(Debug)]
pub struct Adding {
    /// Their addresses, each once whatever its case.
    pub emails: Vec<String>,
    /// Groups of the scope, with the right on each.
    pub groups: Vec<(Grant<UserGroupManage>, String)>,
    /// Role and resource group of each assignment in the scope.
    pub bindings: Vec<(String, String)>,
}

/// What became of an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Was of the scope before.
    There,
    /// Is of the scope now.
    Added,
}

/// One of them.
struct Added {
    id: String,
    outcome: Outcome,
}

/// Adds people to the grant's scope; answers what became of each address.
///
/// # Errors
/// `Fields`; `Denied` for what single calls would refuse: a new user, a group, a role; `Invalid` and
/// `NoSuchResource` for groups, roles and resource groups that cannot be had.
pub async fn add(app: &App, grant: &Grant<UserManage>, adding: Adding) -> Result<Vec<Outcome>> {
    let scope = grant.scope().clone();
    for binding in &adding.bindings {
        wish(binding, "").check(&scope)?;
    }
    let (stroke, held) = (Stroke::new(app, grant.caller()), grant.clone());
    app.write_alone("people.add", grant.actor(), move |tx| {
        check_scope(tx, &scope)?;
        let people = people(tx, &stroke, &held, &adding)?;
        // Two addresses may be of one user.
        let mut seen = HashSet::new();
        let ids = people.iter().map(|added| &added.id).filter(|id| seen.insert(id.as_str()));
        let ids: Vec<String> = ids.cloned().collect();
        assign(tx, &stroke, &held, &adding.bindings, &ids)?;
        for (_, group) in &adding.groups {
            join(tx, &Stroke { scope: scope.clone(), ..stroke.again() }, group, &ids)?;
        }
        Ok(people.iter().map(|added| added.outcome).collect())
    })
    .await
}

/// The users of these addresses, made where there are none.
fn people(
    tx: &mut Tx<'_>,
    stroke: &Stroke,
    grant: &Grant<UserManage>,
    adding: &Adding,
) -> Result<Vec<Added>> {
    let (account, scope) = (stroke.account(), grant.scope());
    let found = addresses::persons(tx, account, &adding.emails)?;
    let ids: Vec<&str> = found.values().map(String::as_str).collect();
    let there = of_scope(tx, scope, &ids)?;
    let is_account = scope.level() == Level::Account;
    let kind = Kinds::load(tx, account)?.written(Subject::User).kind;
    let mut people = Vec::with_capacity(adding.emails.len());
    for (at, email) in adding.emails.iter().enumerate() {
        let known = found.get(&*scim::fold(email));
        let is_there = known.is_some_and(|id| there.contains(id));
        if !is_there && !is_account && adding.bindings.is_empty() {
            return Err(homeless(at, scope));
        }
        let id = match known {
            Some(id) => id.clone(),
            None => made(tx, stroke, grant, (&kind, email)).map_err(|problem| unmade(at, problem))?,
        };
        people.push(Added { id, outcome: if is_there { Outcome::There } else { Outcome::Added } });
    }
    Ok(people)
}

/// Those of these users who are of the scope already.
fn of_scope(tx: &mut Tx<'_>, scope: &Scope, ids: &[&str]) -> Result<HashSet<String>> {
    if ids.is_empty() || scope.level() == Level::Account {
        return Ok(ids.iter().map(|id| (*id).to_owned()).collect());
    }
    let bound = bindings_of(tx, scope, PrincipalKind::User, Some(ids))?;
    Ok(bound.into_iter().map(|binding| binding.principal).collect())
}

fn homeless(at: usize, scope: &Scope) -> Problem {
    let text = format!(
        "is not of the {} yet, and is so by a role there; send roleBindings, or add the user to the account",
        scope.level().lower()
    );
    Problem::fields(vec![(format!("emails[{at}]"), text)])
}

/// A user belongs to the account: to make one asks for the same rights there as by SCIM.
fn made(
    tx: &mut Tx<'_>,
    stroke: &Stroke,
    grant: &Grant<UserManage>,
    (kind, email): (&ResourceType, &str),
) -> Result<String> {
    let (account, actor) = (Scope::account(stroke.account().clone()), grant.actor());
    let rights = (actor.grant(&account)?, actor.grant(&account)?);
    let body = json!({
        "schemas": [scim::standard::USER_URN], "userName": email,
        "emails": [{"value": email, "type": "work", "primary": true}], "active": true,
    });
    users::add(tx, &stroke.again(), (&rights.0, &rights.1), kind, body).map(|id| id.to_string())
}

/// What the account's schema wants of a user, and a body of addresses has no place for.
fn unmade(at: usize, problem: Problem) -> Problem {
    if problem.kind() != Kind::Invalid {
        return problem;
    }
    let text =
        format!("cannot be made a user by an address alone, make the user by SCIM: {}", problem.message());
    Problem::fields(vec![(format!("emails[{at}]"), text)])
}

fn wish((role, resource_group): &(String, String), user: &str) -> NewAssignment {
    NewAssignment {
        identifier: None,
        role: role.clone(),
        resource_group: resource_group.clone(),
        kind: PrincipalKind::User,
        principal: user.to_owned(),
        level: None,
        disabled: false,
    }
}

/// Binds them all. Who is bound already stays so.
fn assign(
    tx: &mut Tx<'_>,
    stroke: &Stroke,
    grant: &Grant<UserManage>,
    bindings: &[(String, String)],
    users: &[String],
) -> Result<()> {
    let moment = Moment { now: stroke.now, rng: stroke.rng.clone() };
    let mut made = false;
    for user in users {
        for binding in bindings {
            let permit = Permit::ask(grant.actor(), grant.scope(), PrincipalKind::User, user, None)?;
            made |= give(tx, &moment, &permit, &wish(binding, user))?;
        }
    }
    if made { bump_version(tx, stroke.account()) } else { Ok(()) }
}
