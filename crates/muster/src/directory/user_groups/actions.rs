//! Use cases of groups on the platform API.

use std::collections::{HashMap, HashSet};

use db::Tx;
use scim::Dialect;
use scim::patch::DetachedChange;
use serde_json::{Value, json};

use super::model::{Listed, NewUserGroup, ORDERED_MOST, Reach, UserGroup, Users};
use super::store;
use crate::access::administrators::keeping_one;
use crate::access::permissions::{UserGroupManage, UserGroupView};
use crate::access::{Actor, Grant};
use crate::accounts::actions::{check_scope, check_scope_for};
use crate::app::App;
use crate::audit::Action;
use crate::directory::announce;
use crate::directory::groups::actions::{self as groups, Turn, row_keys, settle_new, write_change};
use crate::directory::groups::members::{Heard, Membership, Moves};
use crate::directory::groups::model::Columns;
use crate::directory::model::{Subject, resource_type};
use crate::directory::schemas::Kinds;
use crate::directory::store as directory;
use crate::directory::stroke::Stroke;
use crate::directory::users::addresses;
use crate::directory::users::store::addresses_of;
use crate::events::Kind::GroupUpdated;
use crate::kernel::ids::{AccountId, GroupId};
use crate::kernel::listing::{Orders, SearchTerm};
use crate::kernel::page::{Page, PageRequest};
use crate::kernel::problem::{Kind, Problem, Result};
use crate::kernel::scope::Scope;
use crate::kernel::text::json_text;
use crate::kernel::version::IfMatch;

/// Which groups a list is to show.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// Of which scopes.
    pub reach: Reach,
    /// Only those with it in identifier, name or tags.
    pub search: SearchTerm,
    /// In this order.
    pub orders: Orders,
}

/// One page of the groups that the caller may see.
///
/// # Errors
/// `InvalidArgument` for a scope that does not exist; `Invalid` for a page that would be too large.
pub async fn list(
    app: &App,
    actor: &Actor,
    scope: &Scope,
    wanted: Wanted,
    page: PageRequest,
) -> Result<Page<UserGroup>> {
    let (actor, scope) = (actor.clone(), scope.clone());
    app.db
        .of(&scope.account)
        .read("user_groups.list", move |tx| {
            check_scope_for(tx, &actor, &scope)?;
            let shown =
                |group: &Listed| wanted.reach.reaches(&scope, &group.scope) && sees(&actor, &scope, group);
            let mut all = store::list(tx, &scope.account, &wanted.search, shown)?;
            wanted.orders.arrange(&mut all);
            let total = all.len() as u64;
            let rows = page.part_of(all);
            page.bears(rows.len(), store::weight(tx, &scope.account, &rows)?)?;
            Ok(Page::new(page, store::load(tx, &scope.account, &rows)?, total))
        })
        .await
}

/// A group is seen by a right on it where it lives; one inherited from above also by the right in the scope
/// that inherits it.
fn sees(actor: &Actor, from: &Scope, group: &Listed) -> bool {
    let home = &group.scope;
    actor.holds::<UserGroupView>(home, Some(&group.identifier))
        || (home != from && home.contains(from) && actor.holds::<UserGroupView>(from, None))
}

/// One group.
///
/// # Errors
/// `NoSuchResource`.
pub async fn load(app: &App, grant: &Grant<UserGroupView>, identifier: &str) -> Result<UserGroup> {
    let (scope, identifier) = (grant.scope().clone(), identifier.to_owned());
    app.db.of(&scope.account).read("user_groups.load", move |tx| find(tx, &scope, &identifier)).await
}

/// The addresses of a group's users by their ids, as answers of v2 show them.
///
/// # Errors
/// Of the database.
pub async fn addresses(app: &App, group: &UserGroup) -> Result<HashMap<String, String>> {
    let (account, ids) = (group.scope.account.clone(), group.users.clone());
    app.db.of(&account).read("user_groups.addresses", move |tx| addresses_of(tx, &account, &ids)).await
}

pub(super) fn find(tx: &mut Tx<'_>, scope: &Scope, identifier: &str) -> Result<UserGroup> {
    let group = bare(tx, scope, identifier)?;
    filled(tx, group)
}

/// The group with its users.
fn filled(tx: &mut Tx<'_>, group: UserGroup) -> Result<UserGroup> {
    Ok(UserGroup { users: store::users(tx, &group.scope.account, &group.stored.id)?, ..group })
}

/// A group without its users, which can be many.
pub(super) fn bare(tx: &mut Tx<'_>, scope: &Scope, identifier: &str) -> Result<UserGroup> {
    store::find(tx, scope, identifier)?.ok_or_else(|| {
        let text = format!(
            "User Group [{identifier}] doesn't exist in scope {}: check identifier, orgIdentifier and projectIdentifier",
            scope.path()
        );
        Problem::new(Kind::NoSuchResource, text)
    })
}

pub(super) fn stroke(app: &App, grant: &Grant<UserGroupManage>) -> Stroke {
    Stroke { scope: grant.scope().clone(), ..Stroke::new(app, grant.caller()) }
}

fn membership<'a>(stroke: &'a Stroke, group: &'a str) -> Membership<'a> {
    Membership { account: stroke.account(), group, now: stroke.now, base: "" }
}

pub(super) fn elements<'a>(ids: impl IntoIterator<Item = &'a String>) -> Vec<Value> {
    ids.into_iter().map(|id| json!({"value": id})).collect()
}

/// Makes a group.
///
/// # Errors
/// `Fields`; `Duplicate` when the identifier is taken; `InvalidArgument` for a scope that does not exist.
pub async fn create(app: &App, grant: &Grant<UserGroupManage>, new: NewUserGroup) -> Result<UserGroup> {
    new.check(None)?;
    let (stroke, id) = (stroke(app, grant), GroupId::new(app.rng.ordered_uuid(app.clock.now())));
    let document = json!({"schemas": [scim::standard::GROUP_URN], "displayName": new.name});
    let (columns, doc) = (Columns::of(&document)?, json_text(&document));
    app.write_alone("user_groups.create", grant.actor(), move |tx| {
        check_scope(tx, &stroke.scope)?;
        let users = meant(tx, stroke.account(), new.users.as_ref(), &[])?;
        if !store::insert(tx, &stroke.scope, &id, (&new, &columns, &doc), stroke.now)? {
            return Err(Problem::duplicate(format!(
                "Try using different user group identifier, [{}] cannot be used: the scope has a group of it",
                new.identifier
            )));
        }
        let adds = [(0, DetachedChange::Add(elements(&users)))];
        let membership = membership(&stroke, id.as_str());
        settle_new(
            tx,
            &stroke,
            &membership,
            (&new.identifier, &columns),
            &adds,
            &mut Heard::new(Dialect::Tolerant),
        )?;
        arrange(tx, &stroke, id.as_str(), &users)?;
        find(tx, &stroke.scope, &new.identifier)
    })
    .await
}

/// The users that a body names, each once and in its order; `members`: those of the group.
fn meant(
    tx: &mut Tx<'_>,
    account: &AccountId,
    users: Option<&Users>,
    members: &[String],
) -> Result<Vec<String>> {
    match users {
        None => Ok(Vec::new()),
        Some(Users::Ids(ids)) => only_users(tx, account, ids),
        Some(Users::Addresses(addresses)) => addresses::users(tx, account, addresses, members),
    }
}

/// The users among ids, each once and in that order: on this API only persons become members.
fn only_users(tx: &mut Tx<'_>, account: &AccountId, ids: &[String]) -> Result<Vec<String>> {
    let named: Vec<&str> = ids.iter().map(String::as_str).collect();
    let found = crate::directory::groups::store::resolve(tx, account, "", Subject::User, &named)?;
    let mut known: HashSet<String> = found.into_iter().map(|(user, _)| user.id).collect();
    Ok(ids.iter().filter(|id| known.remove(*id)).cloned().collect())
}

/// Replaces name, description, tags and users of a group.
///
/// # Errors
/// `Fields`; `NoSuchResource`; `Stale`; `Invalid` for name or users of a group that SCIM keeps; `Conflict`
/// when no account administrator would be left.
pub async fn update(
    app: &App,
    grant: &Grant<UserGroupManage>,
    new: NewUserGroup,
    seen: IfMatch,
) -> Result<UserGroup> {
    // Where no group is named none has to be looked for to say so.
    if new.identifier.is_empty() {
        new.check(None)?;
    }
    change(app, grant, "user_groups.update", &new.identifier.clone(), move |tx, stroke, group| {
        new.check(Some(&group.name))?;
        seen.check(group.tag())?;
        let group = &filled(tx, group)?;
        if new.name != group.name {
            group.own("A change of the name")?;
        }
        let users = wanted_users(tx, stroke.account(), group, new.users.as_ref())?;
        let described = described(&new, group, users.as_deref());
        let before = group.stored.document()?;
        let mut document = before.clone();
        document["displayName"] = Value::from(new.name.as_str());
        let members = members(tx, stroke.account(), group, users.as_deref())?;
        let stored = turn(tx, stroke, group, document, members)?;
        if let Some(users) = &users {
            arrange(tx, stroke, &stored.id, users)?;
        }
        if !described.is_empty() {
            let fresh = i64::from(stored.version == group.stored.version);
            store::describe(tx, stroke.account(), &stored.id, &new, fresh, stroke.now)?;
            let detail = json!({"changed": described});
            stroke.again().record(
                tx,
                Action::Update,
                "USER_GROUP",
                (&group.identifier, &new.name),
                detail,
            )?;
            let columns = Columns::of(&stored.document()?)?;
            let event = (Some(GroupUpdated), described.as_slice());
            announce::group(tx, stroke, &stored.id, &columns, event, &Moves::default())?;
        }
        Ok(())
    })
    .await
}

/// What changes of that which no document of SCIM holds; the order of the users is such.
fn described(new: &NewUserGroup, group: &UserGroup, users: Option<&[String]>) -> Vec<String> {
    let moved = |users: &[String]| users != group.users && same_users(users, &group.users);
    let differs = [
        ("description", new.description != group.description),
        ("tags", new.tags != group.tags),
        ("notificationConfigs", new.notifications != group.notifications),
        ("users", users.is_some_and(|users| users.len() <= ORDERED_MOST && moved(users))),
    ];
    differs.into_iter().filter(|(_, differs)| *differs).map(|(name, _)| name.to_owned()).collect()
}

fn same_users(some: &[String], others: &[String]) -> bool {
    let set = |ids: &[String]| ids.iter().cloned().collect::<HashSet<String>>();
    some.len() == others.len() && set(some) == set(others)
}

/// The users that a PUT leaves in the group; `None`: those that are there. No list means nobody, since public
/// clients send no empty one; of a group that SCIM keeps it says nothing.
fn wanted_users(
    tx: &mut Tx<'_>,
    account: &AccountId,
    group: &UserGroup,
    given: Option<&Users>,
) -> Result<Option<Vec<String>>> {
    if given.is_none() && group.externally_managed {
        return Ok(None);
    }
    let users = meant(tx, account, given, &group.users)?;
    if !same_users(&users, &group.users) {
        group.own("Update")?;
    }
    Ok(Some(users))
}

/// What becomes of the members: the users are replaced, groups in the group stay.
fn members(
    tx: &mut Tx<'_>,
    account: &AccountId,
    group: &UserGroup,
    users: Option<&[String]>,
) -> Result<DetachedChange> {
    let Some(users) = users else { return Ok(DetachedChange::Add(Vec::new())) };
    let groups = store::groups(tx, account, &group.stored.id)?;
    Ok(DetachedChange::Replace(elements(users.iter().chain(&groups))))
}

/// Keeps the order in which these users of a group were sent; above `ORDERED_MOST` the order is not kept.
fn arrange(tx: &mut Tx<'_>, stroke: &Stroke, group: &str, users: &[String]) -> Result<()> {
    if users.len() > ORDERED_MOST { Ok(()) } else { store::arrange(tx, stroke.account(), group, users) }
}

pub(super) fn turn(
    tx: &mut Tx<'_>,
    stroke: &Stroke,
    group: &UserGroup,
    document: Value,
    members: DetachedChange,
) -> Result<crate::directory::model::Stored> {
    let moves = membership(stroke, &group.stored.id).carry_out(
        tx,
        &[(0, members)],
        &mut Heard::new(Dialect::Tolerant),
    )?;
    let turn = Turn { document, paths: Vec::new(), members: [].into() };
    let kind = Kinds::load(tx, stroke.account())?.written(Subject::Group).kind;
    let before = group.stored.document()?;
    Ok(write_change(tx, stroke, &kind, group.stored.clone(), (&before, &turn), &moves)?.stored)
}

/// Removes a group with its memberships and role assignments; answers what it was.
///
/// # Errors
/// `NoSuchResource`; `Stale`; `Conflict` when no account administrator would be left.
pub async fn delete(
    app: &App,
    grant: &Grant<UserGroupManage>,
    identifier: &str,
    seen: IfMatch,
) -> Result<UserGroup> {
    let (stroke, identifier) = (stroke(app, grant), identifier.to_owned());
    app.write_alone("user_groups.delete", grant.actor(), move |tx| {
        let group = find(tx, &stroke.scope, &identifier)?;
        seen.check(group.tag())?;
        let kind = Kinds::load(tx, stroke.account())?.written(Subject::Group).kind;
        groups::remove(tx, &stroke, &kind, &group.stored)?;
        Ok(group)
    })
    .await
}

/// Takes a group that is gone out of the directory's index, row by row: by its keys each is found at once.
///
/// # Errors
/// Of the database.
pub fn unindex(tx: &mut Tx<'_>, account: &AccountId, id: &str, doc: &str) -> Result<()> {
    let document = serde_json::from_str(doc)
        .map_err(|error| Problem::internal(format!("the document of {id} is damaged: {error}")))?;
    directory::drop_keys(tx, account, id, &row_keys(&resource_type(Subject::Group), &document))
}

/// Does this to a group, which it is handed without its users; answers the group with them.
pub(super) async fn change(
    app: &App,
    grant: &Grant<UserGroupManage>,
    label: &'static str,
    identifier: &str,
    act: impl Fn(&mut Tx<'_>, &Stroke, UserGroup) -> Result<()> + Send + 'static,
) -> Result<UserGroup> {
    let (stroke, identifier) = (stroke(app, grant), identifier.to_owned());
    app.write_alone(label, grant.actor(), move |tx| {
        let group = bare(tx, &stroke.scope, &identifier)?;
        keeping_one(tx, stroke.account(), |tx| act(tx, &stroke, group))?;
        find(tx, &stroke.scope, &identifier)
    })
    .await
}
