//! Members of groups on the platform API, one by one and some at once.

use db::Tx;
use scim::patch::DetachedChange;

use super::actions::{change, elements, find, only_users, stroke, turn};
use super::model::UserGroup;
use super::store;
use crate::access::Grant;
use crate::access::permissions::{UserGroupManage, UserGroupView};
use crate::app::App;
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
        .read("user_groups.member", move |tx| {
            let group = find(tx, &scope, &identifier)?;
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
        add(tx, stroke, group, &user)
    })
    .await
}

fn add(tx: &mut Tx<'_>, stroke: &Stroke, group: &UserGroup, user: &String) -> Result<()> {
    group.own("This API call")?;
    if group.users.contains(user) {
        let text =
            format!("User {user} is already part of User Group {}: nothing is to do.", group.identifier);
        return Err(Problem::invalid(text));
    }
    if only_users(tx, stroke.account(), std::slice::from_ref(user))?.is_empty() {
        return Err(Problem::invalid(format!(
            "There is no user {user} in this account: check the user's id."
        )));
    }
    enter(tx, stroke, group, &[user])
}

fn enter(tx: &mut Tx<'_>, stroke: &Stroke, group: &UserGroup, users: &[&String]) -> Result<()> {
    let members = DetachedChange::Add(elements(users.iter().copied()));
    turn(tx, stroke, group, group.stored.document()?, members).map(drop)
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
    let stroke = stroke(app, first);
    let (lane, names) = (stroke.account().to_string(), groups.into_iter().map(|(_, id)| id));
    let names: Vec<String> = names.collect();
    app.write_alone("user_groups.add_to", &lane, move |tx| {
        for identifier in &names {
            let group = find(tx, &stroke.scope, identifier)?;
            // Each has an audit row of its own.
            let stroke = Stroke { audit_id: stroke.rng.uuid(), ..stroke.clone() };
            add(tx, &stroke, &group, &user)?;
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
    let group = find(tx, &stroke.scope, identifier)?;
    let new: Vec<&String> = users.iter().filter(|user| !group.users.contains(user)).collect();
    if new.is_empty() {
        return Ok(());
    }
    group.own("This API call")?;
    enter(tx, stroke, &group, &new)
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
        if !group.users.contains(&user) {
            let text =
                format!("User {user} is not part of User Group {}: check the user's id.", group.identifier);
            return Err(Problem::invalid(text));
        }
        turn(tx, stroke, group, group.stored.document()?, DetachedChange::Remove(vec![user.clone()]))
            .map(drop)
    })
    .await
}
