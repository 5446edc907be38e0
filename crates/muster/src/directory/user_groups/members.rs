//! Members of groups on the platform API, one by one and some at once.

use std::collections::HashSet;

use db::Tx;
use scim::patch::{DetachedChange, Which};

use super::actions::{bare, change, elements, stroke, turn};
use super::model::UserGroup;
use super::store;
use crate::access::Grant;
use crate::access::permissions::{UserGroupManage, UserGroupView};
use crate::app::App;
use crate::directory::groups::store as groups;
use crate::directory::model::Subject;
use crate::directory::stroke::Stroke;
use crate::kernel::problem::{Problem, Result};
use crate::kernel::version::IfMatch;

/// Whether a user is named as member of a group.
///
/// # Errors
/// `NoSuchResource`.
pub async fn is_member(
    app: &App,
    grant: &Grant<UserGroupView>,
    identifier: &str,
    user: &str,
) -> Result<bool> {
    let (scope, identifier, user) = (grant.scope().clone(), identifier.to_owned(), user.to_owned());
    app.db
        .of(&scope.account)
        .read("user_groups.member", move |tx| {
            let group = bare(tx, &scope, &identifier)?;
            store::is_member(tx, &scope.account, &group.stored.id, &user)
        })
        .await
}

/// Adds a user to a group.
///
/// # Errors
/// `Stale`; `Invalid` for a user who is a member already, an unknown user and a group that SCIM keeps.
pub async fn add_member(
    app: &App,
    grant: &Grant<UserGroupManage>,
    identifier: &str,
    user: String,
    seen: IfMatch,
) -> Result<UserGroup> {
    change(app, grant, "user_groups.add", identifier, move |tx, stroke, group| {
        seen.check(group.tag())?;
        add(tx, stroke, &group, &user)
    })
    .await
}

fn add(tx: &mut Tx<'_>, stroke: &Stroke, group: &UserGroup, user: &str) -> Result<()> {
    group.own("This API call")?;
    match groups::resolve(tx, stroke.account(), &group.stored.id, Subject::User, &[user])?.first() {
        None => {
            Err(Problem::invalid(format!("There is no user {user} in this account: check the user's id.")))
        }
        Some((_, true)) => Err(Problem::invalid(format!(
            "User {user} is already part of User Group {}: nothing is to do.",
            group.identifier
        ))),
        Some((_, false)) => enter(tx, stroke, group, &[user.to_owned()]),
    }
}

fn enter(tx: &mut Tx<'_>, stroke: &Stroke, group: &UserGroup, users: &[String]) -> Result<()> {
    turn(tx, stroke, group, group.stored.document()?, DetachedChange::Add(elements(users))).map(drop)
}

/// Adds a user to each of these groups of one scope, or to none. Who asks holds the right on each.
///
/// # Errors
/// As `add_member`, and `NoSuchResource`.
pub async fn add_to_groups(
    app: &App,
    groups: Vec<(Grant<UserGroupManage>, String)>,
    user: String,
) -> Result<()> {
    let Some((first, _)) = groups.first() else { return Ok(()) };
    let (stroke, by) = (stroke(app, first), first.actor().clone());
    let names: Vec<String> = groups.into_iter().map(|(_, id)| id).collect();
    app.write_alone("user_groups.add_to", &by, move |tx| {
        for identifier in &names {
            let group = bare(tx, &stroke.scope, identifier)?;
            add(tx, &stroke.again(), &group, &user)?;
        }
        Ok(())
    })
    .await
}

/// Adds those of these users of the account to a group of the stroke's scope who are not in it.
///
/// # Errors
/// `NoSuchResource`; `Invalid` for a group that SCIM keeps.
pub fn join(tx: &mut Tx<'_>, stroke: &Stroke, identifier: &str, users: &[String]) -> Result<()> {
    let group = bare(tx, &stroke.scope, identifier)?;
    let ids: Vec<&str> = users.iter().map(String::as_str).collect();
    let found = groups::resolve(tx, stroke.account(), &group.stored.id, Subject::User, &ids)?;
    let there: HashSet<String> =
        found.into_iter().filter(|(_, there)| *there).map(|(user, _)| user.id).collect();
    let new: Vec<String> = users.iter().filter(|user| !there.contains(*user)).cloned().collect();
    if new.is_empty() {
        return Ok(());
    }
    group.own("This API call")?;
    enter(tx, stroke, &group, &new)
}

/// Takes a member out of a group of the stroke's scope.
///
/// # Errors
/// `NoSuchResource`; `Invalid` for a group that SCIM keeps.
pub fn part(tx: &mut Tx<'_>, stroke: &Stroke, identifier: &str, user: &str) -> Result<()> {
    let group = bare(tx, &stroke.scope, identifier)?;
    group.own("This API call")?;
    leave(tx, stroke, &group, user)
}

fn leave(tx: &mut Tx<'_>, stroke: &Stroke, group: &UserGroup, user: &str) -> Result<()> {
    let members = DetachedChange::Remove(Which::Ids(vec![user.to_owned()]));
    turn(tx, stroke, group, group.stored.document()?, members).map(drop)
}

/// Takes a user out of a group.
///
/// # Errors
/// `Stale`; `Invalid` for a user who is no member and a group that SCIM keeps; `Conflict` when no account
/// administrator would be left.
pub async fn remove_member(
    app: &App,
    grant: &Grant<UserGroupManage>,
    identifier: &str,
    user: String,
    seen: IfMatch,
) -> Result<UserGroup> {
    change(app, grant, "user_groups.remove", identifier, move |tx, stroke, group| {
        seen.check(group.tag())?;
        group.own("This API call")?;
        let found = groups::resolve(tx, stroke.account(), &group.stored.id, Subject::User, &[&user])?;
        if !found.iter().any(|(_, there)| *there) {
            let text =
                format!("User {user} is not part of User Group {}: check the user's id.", group.identifier);
            return Err(Problem::invalid(text));
        }
        leave(tx, stroke, &group, &user)
    })
    .await
}
