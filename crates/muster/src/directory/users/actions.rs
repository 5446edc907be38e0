//! Use cases of users.

use std::borrow::Cow;

use db::{Rehearsal, Tx};
use scim::resource::{create as accept_new, replace as accept_replace};
use scim::{Dialect, IndexKey, Mended, Mender, PatchRequest, ResourceType, index_keys};
use serde_json::{Value, json};

use super::model::{Columns, UserResource, settle_active};
use super::next::{self, By, Next, Status, columns, has_row};
use super::store;
use crate::access::administrators::keeping_one;
use crate::access::assignments::actions::remove_principal;
use crate::access::permissions::{UserInvite, UserManage, UserView};
use crate::access::standing::still;
use crate::access::{Actor, Grant};
use crate::accounts::store::{bump_version, hold};
use crate::app::App;
use crate::audit::Action;
use crate::directory::announce;
use crate::directory::draft::Draft;
use crate::directory::groups::leaving::leave;
use crate::directory::groups::store as groups;
use crate::directory::model::{Expected, GroupRef, Stored, Subject, resource_type, stamp};
use crate::directory::narrow::Narrowed;
use crate::directory::reading::in_turn;
use crate::directory::schemas::kinds::Written;
use crate::directory::schemas::store as schemas;
use crate::directory::search::{self, Found, Search};
use crate::directory::store as directory;
use crate::directory::stroke::{Stroke, overtaken, setting};
use crate::directory::unique;
use crate::events::Kind;
use crate::kernel::caller::{Caller, PrincipalKind};
use crate::kernel::ids::{AccountId, UserId};
use crate::kernel::problem::{Problem, Result};
use crate::kernel::scope::Scope;
use crate::kernel::text::json_text;
use crate::kernel::time::Timestamp;
use crate::settings::catalogue::{SCIM_DELETE_DEACTIVATES, SCIM_REVIVE};

/// How the body of a change is to be read and what its answer shows.
#[derive(Clone, Debug)]
pub struct Reading {
    /// The account's User type.
    pub of: Written,
    /// Dialect and notes.
    pub mender: Mender,
    /// What If-Match asks.
    pub expected: Expected,
    /// Answer with groups?
    pub with_groups: bool,
    /// Are the writes real?
    pub rehearsal: Rehearsal,
}

/// What a change answers: the user, and the quirks mended inside the transaction.
pub type Changed = (UserResource, Vec<Mended>);

/// One user.
///
/// # Errors
/// `NotFound`.
pub async fn load(app: &App, grant: &Grant<UserView>, id: &str, with_groups: bool) -> Result<UserResource> {
    let (account, id) = (grant.scope().account.clone(), id.to_owned());
    app.db
        .of(&account)
        .point_in(grant.snapshot(), "users.load", move |tx| {
            let stored = find(tx, &account, &id)?;
            with(tx, &account, stored, with_groups)
        })
        .await
}

/// A page of users with their groups, where asked for. It ends early where these are too many.
///
/// # Errors
/// See `search::run`.
pub async fn list(
    app: &App,
    grant: &Grant<UserView>,
    search: Search,
    with_groups: bool,
) -> Result<Found<UserResource>> {
    let account = grant.scope().account.clone();
    let narrowed = search.narrowed(Subject::User);
    let selective = narrowed.is_selective();
    let read = move |tx: &mut Tx<'_>| {
        let demand = (&search, &narrowed);
        let found = search::run(tx, &account, Subject::User, demand)?;
        if with_groups && found.rows.len() > 1 {
            return with_their_groups(tx, &account, demand, found);
        }
        let single = |stored| with(tx, &account, stored, with_groups);
        found.with(|rows| rows.into_iter().map(single).collect())
    };
    if selective {
        app.db.of(&grant.scope().account).point_in(grant.snapshot(), "users.find", read).await
    } else {
        in_turn(app, grant, "users.list", read).await
    }
}

/// Makes a user from an accepted document. A user of that name that is inactive is revived where the
/// account's setting `scim_revive_on_create` says so.
///
/// # Errors
/// `Duplicate` when the user name is taken.
pub async fn create(
    app: &App,
    grant: &Grant<UserManage>,
    _invite: &Grant<UserInvite>,
    mut document: Value,
    reading: Reading,
) -> Result<UserResource> {
    settle_active(&mut document, true)?;
    let (lane, rehearsal) = (grant.caller().account.to_string(), reading.rehearsal.clone());
    let new = New { columns: Columns::of(&document)?, document, reading, by: grant.actor().clone() };
    let (stroke, id) = (Stroke::new(app, grant.caller()), UserId::new(app.rng.ordered_uuid(app.clock.now())));
    let (doc, keys) = (json_text(&new.document), row_keys(&new.reading.of.kind, &new.document));
    // What is only rehearsed would keep the account's writers waiting.
    let commits = !rehearsal.is_on();
    app.db
        .write_in(&rehearsal, "users.create", &lane, move |tx| {
            let (account, columns, kind) = (stroke.account(), &new.columns, &new.reading.of.kind);
            if commits {
                if tx.is_beside_lock() {
                    // A name that is taken need not wait for the row.
                    revivable(tx, account, &new)?;
                }
                // Before the name, as whoever changes users does: so none waits for one who waits for him.
                hold(tx, account)?;
            }
            schemas::settled(tx, account, new.reading.of.generation)?;
            if let Err(problem) = unique::check(tx, account, (kind, Subject::User), id.as_str(), &keys) {
                // Whoever comes back has his own values.
                return revive(tx, &stroke, &new)?.ok_or(problem);
            }
            if !put_new(tx, &stroke, &id, (columns, &keys), (&doc, true))? {
                return revive(tx, &stroke, &new)?.ok_or_else(overtaken);
            }
            let (id, now) = (id.to_string(), stroke.now);
            let stored = Stored { id, doc: doc.clone(), version: 1, created: now, updated: now };
            // A new user cannot be member of anything yet.
            Ok(UserResource { stored, groups: new.reading.with_groups.then(Vec::new) })
        })
        .await
}

/// Inserts a user with index rows, audit row and event; `false` when the user name is taken.
fn put_new(
    tx: &mut Tx<'_>,
    stroke: &Stroke,
    id: &UserId,
    (columns, keys): (&Columns, &[IndexKey]),
    (doc, externally_managed): (&str, bool),
) -> Result<bool> {
    let account = stroke.account();
    if !store::insert(tx, account, id, columns, (doc, externally_managed), stroke.now)? {
        return Ok(false);
    }
    directory::put_keys(tx, account, id.as_str(), keys)?;
    stroke.record(tx, Action::Create, "USER", (id.as_str(), &columns.user_name), Value::Null)?;
    announce::user(tx, (&stroke.caller, stroke.now), id.as_str(), columns, &[Kind::UserCreated], &[])?;
    Ok(true)
}

/// Makes a user whom SCIM does not keep, from a SCIM body of the account's User type.
///
/// # Errors
/// What the schema refuses; `Unavailable` when another replica made one of that name meanwhile.
pub fn add(
    tx: &mut Tx<'_>,
    stroke: &Stroke,
    _rights: (&Grant<UserManage>, &Grant<UserInvite>),
    kind: &ResourceType,
    body: Value,
) -> Result<UserId> {
    let mut document = accept_new(kind, body, &mut Mender::new(Dialect::Tolerant))?.document;
    settle_active(&mut document, true)?;
    let (columns, keys) = (Columns::of(&document)?, row_keys(kind, &document));
    let id = UserId::new(stroke.rng.ordered_uuid(stroke.now));
    unique::check(tx, stroke.account(), (kind, Subject::User), id.as_str(), &keys)?;
    if put_new(tx, stroke, &id, (&columns, &keys), (&json_text(&document), false))? {
        Ok(id)
    } else {
        Err(overtaken())
    }
}

/// A user to be made.
struct New {
    columns: Columns,
    document: Value,
    reading: Reading,
    /// Who makes it.
    by: Actor,
}

/// Inserts a user of an account that has none yet, with its index rows and event, in the
/// caller's transaction.
///
/// # Errors
/// `InvalidArgument` for values that are too long to be looked up by.
pub fn insert(
    tx: &mut Tx<'_>,
    caller: &Caller,
    id: &UserId,
    document: &Value,
    externally_managed: bool,
    now: Timestamp,
) -> Result<()> {
    let (account, columns, doc) = (&caller.account, Columns::of(document)?, json_text(document));
    if !store::insert(tx, account, id, &columns, (&doc, externally_managed), stamp(now))? {
        return Err(Problem::internal("a new account has a user already"));
    }
    directory::put_keys(tx, account, id.as_str(), &row_keys(&resource_type(Subject::User), document))?;
    announce::user(tx, (caller, stamp(now)), id.as_str(), &columns, &[Kind::UserCreated], &[])
}

/// What becomes of a new user whose name is taken; nothing where it is free.
fn revive(tx: &mut Tx<'_>, stroke: &Stroke, new: &New) -> Result<Option<UserResource>> {
    let account = stroke.account();
    // Most names that are taken stay so: that is told without waiting for anybody.
    if revivable(tx, account, new)?.is_none() {
        return Ok(None);
    }
    // Nobody turns him active between this look at him and the next one.
    hold(tx, account)?;
    // What he could do before he can do again.
    still(tx, &new.by, stroke.now)?;
    let Some(id) = revivable(tx, account, new)? else { return Ok(None) };
    let stored = find(tx, account, id.as_str())?;
    // `active` is there: what the client said, or true.
    let before = stored.document()?;
    let change = (&before, &new.document, Vec::new());
    let stored = settle(tx, stroke, &new.reading.of.kind, (stored, By::Scim), change)?;
    with(tx, account, stored, new.reading.with_groups).map(Some)
}

/// The inactive user who has the name of the new one; `None`: it is free.
fn revivable(tx: &mut Tx<'_>, account: &AccountId, new: &New) -> Result<Option<UserId>> {
    let found = store::find_by_name(tx, account, &new.columns.user_name_key)?;
    let Some((id, active)) = found else { return Ok(None) };
    if !active && setting(tx, account, SCIM_REVIVE)? {
        return Ok(Some(id));
    }
    let name = &new.columns.user_name;
    Err(Problem::duplicate(format!(
        "A user with the userName {name:?} exists already (case does not count): change that one or choose another name."
    )))
}

/// Replaces a user (RFC 7644 §3.5.1).
///
/// # Errors
/// `NotFound`, `Stale`, `Duplicate`, and what the schema refuses.
pub async fn replace(
    app: &App,
    grant: &Grant<UserManage>,
    id: &str,
    body: Value,
    reading: Reading,
) -> Result<Changed> {
    change(app, grant, ("users.replace", true), id, reading, move |kind, document, mender| {
        let accepted = accept_replace(kind, body.clone(), &document, mender)?;
        Ok((accepted.document, Vec::new()))
    })
    .await
}

/// Changes a user by operations (RFC 7644 §3.5.2).
///
/// # Errors
/// As `replace`.
pub async fn patch(
    app: &App,
    grant: &Grant<UserManage>,
    id: &str,
    request: PatchRequest,
    reading: Reading,
) -> Result<Changed> {
    change(app, grant, ("users.patch", false), id, reading, move |kind, document, mender| {
        let outcome = request.apply(kind, document, mender)?;
        Ok((outcome.document, outcome.changed_paths))
    })
    .await
}

/// From the stored document to the next one, with the paths that changed as far as known.
type Turn = (Value, Vec<String>);

/// What a try at a change came to. After the last two it is tried once more: the account's row is held by
/// then.
enum Tried {
    /// It is written, or nothing differs.
    Done(Changed),
    /// It lets the user in or shuts him out, and who asks was looked at before the row was held: another
    /// replica may have changed meanwhile what he may do.
    Unheld,
    /// Another replica's change of the user came between the look at him and the writing.
    Outrun,
}

impl Tried {
    fn done(self) -> Option<Changed> {
        match self {
            Self::Done(changed) => Some(changed),
            Self::Unheld | Self::Outrun => None,
        }
    }
}

/// `whole`: what leaves `active` out leaves it as it is, and shows it.
async fn change(
    app: &App,
    grant: &Grant<UserManage>,
    (label, whole): (&'static str, bool),
    id: &str,
    reading: Reading,
    turn: impl Fn(&ResourceType, Value, &mut Mender) -> Result<Turn> + Send + 'static,
) -> Result<Changed> {
    let (stroke, by, id) = (Stroke::new(app, grant.caller()), grant.actor().clone(), id.to_owned());
    let (lane, rehearsal) = (stroke.account().to_string(), reading.rehearsal.clone());
    let think = move |reading: &Reading, stored: &Stored, status: Status<'_>| {
        let (kind, before, mut mender) = (&reading.of.kind, stored.document()?, reading.mender.clone());
        let (mut after, paths) = turn(kind, before.clone(), &mut mender)?;
        if whole && after.get("active").is_none() {
            settle_active(&mut after, columns(&before, status)?.active)?;
        }
        let next = Next::of(kind, (&before, &after), paths, status)?;
        Ok((next, mender.into_notes()))
    };
    let account = stroke.account();
    let draft = Draft::of(app, |tx| find(tx, account, &id), |stored| think(&reading, stored, &mut unasked));
    let go = move |tx: &mut Tx<'_>, held: bool| -> Result<Tried> {
        let (account, is_defined) = (stroke.account(), reading.of.generation != 0);
        if is_defined && !held {
            hold(tx, account)?;
        }
        let stored = schemas::find(tx, (&by, stroke.now), Subject::User, (&id, reading.of.generation))?;
        let stored = known(stored, &id)?;
        reading.expected.check(&stored)?;
        let change = match draft.still(&stored) {
            Some(drafted) => Cow::Borrowed(drafted?),
            None => Cow::Owned(think(&reading, &stored, &mut || store::is_active(tx, account, &id))?),
        };
        let (next, notes) = &*change;
        let stored = match next {
            // Access changes: who asks is asked once more, too.
            Some(next) if next.turns() && !held && !is_defined && hold(tx, account)? => {
                return Ok(Tried::Unheld);
            }
            Some(next) => match next::write(tx, &stroke, &reading.of.kind, (stored, By::Scim), next)? {
                Some(written) => written,
                None => return Ok(Tried::Outrun),
            },
            None => {
                next::keep(tx, &stroke, &stored)?;
                stored
            }
        };
        Ok(Tried::Done((with(tx, account, stored, reading.with_groups)?, notes.clone())))
    };
    app.db
        .write_in(&rehearsal, label, &lane, move |tx| match go(tx, false)? {
            Tried::Done(done) => Ok(done),
            // The account's row is held by now: nobody comes first again.
            Tried::Unheld | Tried::Outrun => go(tx, true)?.done().ok_or_else(overtaken),
        })
        .await
}

/// Nobody knows the status before the turn.
fn unasked() -> Result<bool> {
    Err(Problem::internal("the status of a user was not read"))
}

/// Brings a stored user from one document to another one. The account's row is held.
pub(super) fn settle(
    tx: &mut Tx<'_>,
    stroke: &Stroke,
    kind: &ResourceType,
    (stored, by): (Stored, By),
    (before, after, paths): (&Value, &Value, Vec<String>),
) -> Result<Stored> {
    let mut status = || store::is_active(tx, stroke.account(), &stored.id);
    match Next::of(kind, (before, after), paths, &mut status)? {
        Some(next) => next::write(tx, stroke, kind, (stored, by), &next)?.ok_or_else(overtaken),
        None if by == By::Platform => Ok(stored),
        None => next::keep(tx, stroke, &stored).map(|()| stored),
    }
}

/// Removes a user with all that is his, or deactivates him where the setting `scim_delete_deactivates` says
/// so.
///
/// # Errors
/// `NotFound`, `Stale`; `Conflict` when no account administrator would be left.
pub async fn delete(app: &App, grant: &Grant<UserManage>, id: &str, reading: Reading) -> Result<()> {
    let (stroke, by, id) = (Stroke::new(app, grant.caller()), grant.actor().clone(), id.to_owned());
    let (lane, rehearsal) = (stroke.account().to_string(), reading.rehearsal.clone());
    app.db
        .write_in(&rehearsal, "users.delete", &lane, move |tx| {
            let account = stroke.account();
            // Nobody binds a role to the user meanwhile.
            hold(tx, account)?;
            let stored = schemas::find(tx, (&by, stroke.now), Subject::User, (&id, reading.of.generation))?;
            let stored = known(stored, &id)?;
            reading.expected.check(&stored)?;
            let before = stored.document()?;
            if setting(tx, account, SCIM_DELETE_DEACTIVATES)? {
                let mut after = before.clone();
                after["active"] = Value::from(false);
                let change = (&before, &after, vec!["active".to_owned()]);
                return settle(tx, &stroke, &reading.of.kind, (stored, By::Scim), change).map(|_| ());
            }
            remove(tx, &stroke, &reading.of.kind, &stored, &before)
        })
        .await
}

/// Removes a stored user with all that is his.
///
/// # Errors
/// `Conflict` when no account administrator would be left.
pub fn remove(
    tx: &mut Tx<'_>,
    stroke: &Stroke,
    kind: &ResourceType,
    stored: &Stored,
    document: &Value,
) -> Result<()> {
    let account = stroke.account();
    let columns = columns(document, &mut || store::is_active(tx, account, &stored.id))?;
    // Asked before the rows go.
    let owned = store::owns_access(tx, account, &stored.id)?;
    let grouped = store::in_a_group(tx, account, &stored.id)?;
    let mut detail = Value::Null;
    if grouped {
        detail = leave(tx, stroke, (Subject::User, &stored.id, &columns.name))?;
    }
    let go = |tx: &mut Tx<'_>| store::delete(tx, account, &stored.id, (owned, stroke.now));
    let (bindings, with_him) = if owned || grouped {
        keeping_one(tx, account, |tx| {
            let (caller, home) = (&stroke.caller, Scope::account(account.clone()));
            let (now, rng, kind) = (stroke.now, &stroke.rng, PrincipalKind::User);
            let bindings = remove_principal(tx, caller, now, rng, &home, kind, &stored.id)?;
            Ok((bindings, go(tx)?))
        })?
    } else {
        (0, go(tx)?)
    };
    directory::drop_keys(tx, account, &stored.id, &row_keys(kind, document))?;
    if owned {
        let (keys, tokens) = (with_him.keys, with_him.tokens);
        detail["removed"] = json!({"apiKeys": keys, "tokens": tokens, "roleAssignments": bindings});
        bump_version(tx, account)?;
    }
    stroke.record(tx, Action::Delete, "USER", (&stored.id, &columns.user_name), detail)?;
    announce::user(tx, (&stroke.caller, stroke.now), &stored.id, &columns, &[Kind::UserDeleted], &[])
}

pub(super) fn find(tx: &mut Tx<'_>, account: &AccountId, id: &str) -> Result<Stored> {
    known(directory::find(tx, account, Subject::User, id)?, id)
}

fn known(found: Option<Stored>, id: &str) -> Result<Stored> {
    found.ok_or_else(|| {
        Problem::not_found(format!(
            "There is no user {id} in this account: look the id up by a filter on userName."
        ))
    })
}

fn with(tx: &mut Tx<'_>, account: &AccountId, stored: Stored, with_groups: bool) -> Result<UserResource> {
    let groups = if with_groups { Some(groups_of(tx, account, &stored.id)?) } else { None };
    Ok(UserResource { stored, groups })
}

/// As many of the users as memory bears with their groups.
fn with_their_groups(
    tx: &mut Tx<'_>,
    account: &AccountId,
    demand: (&Search, &Narrowed),
    found: Found,
) -> Result<Found<UserResource>> {
    let ids: Vec<&str> = found.rows.iter().map(|row| row.id.as_str()).collect();
    let lists = groups::of_users(tx, account, &ids)?;
    let found = search::shorter(tx, account, Subject::User, demand, found, lists.len())?;
    let with = |(stored, groups)| UserResource { stored, groups: Some(groups) };
    found.with(|rows| Ok(rows.into_iter().zip(lists).map(with).collect()))
}

/// The groups of one user. Most are in none, and that is told by a look at one index.
fn groups_of(tx: &mut Tx<'_>, account: &AccountId, id: &str) -> Result<Vec<GroupRef>> {
    if store::in_a_group(tx, account, id)? { groups::of_user(tx, account, id) } else { Ok(Vec::new()) }
}

/// Index rows: the keys that no column holds.
pub fn row_keys(kind: &ResourceType, document: &Value) -> Vec<IndexKey> {
    let mut keys = index_keys(kind, document);
    keys.retain(has_row);
    keys
}
