//! Use cases of groups.

use std::borrow::Cow;
use std::sync::Arc;

use db::{Rehearsal, Tx};
use scim::patch::DetachedChange;
use scim::resource::{Accepted, replace as accept_replace};
use scim::{IndexKey, KeyMoves, Mended, Mender, PatchRequest, ResourceType, index_keys};
use serde_json::{Value, json};

use super::leaving::leave;
use super::members::{Heard, Membership, Moves};
use super::model::{Columns, GroupResource, free_identifier};
use super::page::filled;
use super::store;
use crate::access::Grant;
use crate::access::administrators::keeping_one;
use crate::access::assignments::actions::remove_principal;
use crate::access::permissions::{UserGroupManage, UserGroupView};
use crate::access::resource_groups::gone::{self, By};
use crate::access::standing::still;
use crate::accounts::store::{bump_version, hold};
use crate::app::App;
use crate::audit::Action;
use crate::directory::announce;
use crate::directory::draft::Draft;
use crate::directory::model::{ANSWERED_MEMBERS, Expected, MemberRef, Stored, Subject};
use crate::directory::reading::in_turn;
use crate::directory::schemas::kinds::Written;
use crate::directory::schemas::store as schemas;
use crate::directory::search::{self, Found, Search};
use crate::directory::store as directory;
use crate::directory::stroke::{Stroke, differing, overtaken};
use crate::directory::unique;
use crate::events::Kind;
use crate::kernel::caller::PrincipalKind;
use crate::kernel::ids::{AccountId, GroupId};
use crate::kernel::problem::{Problem, Result};
use crate::kernel::text::{identifier_from_name, json_text};

/// Most member ids that an audit row lists.
const AUDITED_MEMBERS: usize = 100;

/// Whether an answer shows the members.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Show {
    /// Not at all.
    #[default]
    Never,
    /// Unless there are more than `ANSWERED_MEMBERS`.
    IfFew,
    /// All of them, who need no names: these are what costs.
    Nameless,
    /// All of them, however many.
    Always,
}

/// How the body of a change is to be read and what its answer shows.
#[derive(Clone, Debug)]
pub struct Reading {
    /// The account's Group type.
    pub of: Written,
    /// Dialect and notes.
    pub mender: Mender,
    /// What If-Match asks.
    pub expected: Expected,
    /// Answer with members?
    pub members: Show,
    /// SCIM base URL, for conditions on `$ref`.
    pub base: String,
    /// Are the writes real?
    pub rehearsal: Rehearsal,
}

/// What a change answers.
#[derive(Clone, Debug)]
pub struct Changed {
    /// The group.
    pub group: GroupResource,
    /// Quirks mended inside the transaction.
    pub notes: Vec<Mended>,
    /// Members that were asked for and do not exist.
    pub unknown: Vec<String>,
}

/// One group.
///
/// # Errors
/// `NotFound`.
pub async fn load(
    app: &App,
    grant: &Grant<UserGroupView>,
    id: &str,
    with_members: bool,
) -> Result<GroupResource> {
    let (account, id) = (grant.scope().account.clone(), id.to_owned());
    let read = move |tx: &mut Tx<'_>| {
        let stored = find(tx, &account, &id)?;
        let members = if with_members { Some(store::members(tx, &account, &id)?) } else { None };
        Ok(GroupResource { stored, members })
    };
    // Members can be many; without them it is one row.
    if with_members {
        in_turn(app, grant, "groups.load", read).await
    } else {
        app.db.of(&grant.scope().account).point_in(grant.snapshot(), "groups.find", read).await
    }
}

/// A page of groups with their members, where asked for. It ends early where these are too many.
///
/// # Errors
/// See `search::run`.
pub async fn list(
    app: &App,
    grant: &Grant<UserGroupView>,
    search: Search,
    with_members: bool,
) -> Result<Found<GroupResource>> {
    let account = grant.scope().account.clone();
    let narrowed = search.narrowed(Subject::Group);
    let selective = narrowed.is_selective() && !with_members;
    let read = move |tx: &mut Tx<'_>| {
        let found = search::run(tx, &account, Subject::Group, (&search, &narrowed))?;
        if with_members {
            return filled(tx, &account, (&search, &narrowed), found);
        }
        let bare = |stored| GroupResource { stored, members: None };
        found.with(|rows| Ok(rows.into_iter().map(bare).collect()))
    };
    if selective {
        app.db.of(&grant.scope().account).point_in(grant.snapshot(), "groups.find", read).await
    } else {
        in_turn(app, grant, "groups.list", read).await
    }
}

/// Makes a group, managed from outside, from an accepted body. Its identifier on the platform API is derived
/// from the name, with a number where that is taken.
///
/// # Errors
/// `Invalid` for a member that cannot be one.
pub async fn create(
    app: &App,
    grant: &Grant<UserGroupManage>,
    accepted: Accepted,
    reading: Reading,
) -> Result<Changed> {
    let columns = Columns::of(&accepted.document)?;
    let (stroke, id) =
        (Stroke::new(app, grant.caller()), GroupId::new(app.rng.ordered_uuid(app.clock.now())));
    let keys = row_keys(&reading.of.kind, &accepted.document);
    let (doc, adds) = (json_text(&accepted.document), members_of(&accepted, DetachedChange::Add));
    let by = grant.actor().clone();
    let (lane, rehearsal) = (stroke.account().to_string(), reading.rehearsal.clone());
    // Of what is only rehearsed nothing can be left behind, and it would keep the account's writers waiting.
    let commits = !rehearsal.is_on();
    app.db
        .write_in(&rehearsal, "groups.create", &lane, move |tx| {
            let (account, group) = (stroke.account(), id.as_str());
            if commits {
                // Nobody deletes a member between the look at it and the commit, and none waits for one who
                // waits for him.
                hold(tx, account)?;
            }
            if adds.iter().any(|(_, add)| names_somebody(add)) {
                still(tx, &by, stroke.now)?;
            }
            schemas::settled(tx, account, reading.of.generation)?;
            unique::check(tx, account, (&reading.of.kind, Subject::Group), group, &keys)?;
            let base = identifier_from_name(&columns.name);
            let identifier = free_identifier(&base, |ids| store::taken(tx, account, ids))?;
            if !store::insert(tx, account, &id, &identifier, &columns, (&doc, true), stroke.now)? {
                return Err(overtaken());
            }
            directory::put_keys(tx, account, group, &keys)?;
            let (id, now) = (group.to_owned(), stroke.now);
            let stored = Stored { id, doc: doc.clone(), version: 1, created: now, updated: now };
            let mut heard = Heard::new(reading.mender.dialect());
            let membership = membership(&stroke, group, &reading);
            let moves = settle_new(tx, &stroke, &membership, (&identifier, &columns), &adds, &mut heard)?;
            // A new group has those who came, and no others.
            let members = (reading.members != Show::Never).then(|| moves.added().cloned().collect());
            Ok(changed(GroupResource { stored, members }, reading.mender.notes(), heard))
        })
        .await
}

/// Fills a group that was just inserted, and writes its audit row and events. Answers who came.
///
/// # Errors
/// As `Membership::carry_out`.
pub fn settle_new(
    tx: &mut Tx<'_>,
    stroke: &Stroke,
    membership: &Membership<'_>,
    (identifier, columns): (&str, &Columns),
    adds: &[(usize, DetachedChange)],
    heard: &mut Heard,
) -> Result<Moves> {
    let group = membership.group;
    let moves = membership.carry_out(tx, adds, heard)?;
    if !moves.is_empty() {
        store::touch(tx, stroke.account(), group, (moves.balance(), 0), stroke.now)?;
    }
    stroke.record(tx, Action::Create, "USER_GROUP", (identifier, &columns.name), detail(&[], &moves))?;
    announce::group(tx, stroke, group, columns, (Some(Kind::GroupCreated), &[]), &moves)?;
    Ok(moves)
}

/// Whether a creation brings a member: an empty list, which every body without `members` has too, does not.
fn names_somebody(add: &DetachedChange) -> bool {
    !matches!(add, DetachedChange::Add(values) if values.is_empty())
}

fn members_of(accepted: &Accepted, change: fn(Vec<Value>) -> DetachedChange) -> Vec<(usize, DetachedChange)> {
    accepted.detached.iter().map(|detached| (0, change(detached.values.clone()))).collect()
}

fn membership<'a>(stroke: &'a Stroke, group: &'a str, reading: &'a Reading) -> Membership<'a> {
    Membership { account: stroke.account(), group, now: stroke.now, base: &reading.base }
}

/// What is answered, with what was mended before the members and among them.
fn changed(group: GroupResource, notes: &[Mended], heard: Heard) -> Changed {
    let mut notes = notes.to_vec();
    notes.extend(heard.mender.into_notes());
    Changed { group, notes, unknown: heard.unknown }
}

/// Replaces a group, its members included (RFC 7644 §3.5.1).
///
/// # Errors
/// `NotFound`, `Stale`, `Conflict` when no account administrator would be left, and what the schema refuses.
pub async fn replace(
    app: &App,
    grant: &Grant<UserGroupManage>,
    id: &str,
    body: Value,
    reading: Reading,
) -> Result<Changed> {
    // All members come with it: they are gone through before the turn.
    change(app, grant, ("groups.replace", true), id, reading, move |kind, document, mender| {
        let accepted = accept_replace(kind, body.clone(), &document, mender)?;
        let members = members_of(&accepted, DetachedChange::Replace).into();
        Ok(Turn { document: accepted.document, paths: Vec::new(), members })
    })
    .await
}

/// Changes a group by operations (RFC 7644 §3.5.2).
///
/// # Errors
/// As `replace`.
pub async fn patch(
    app: &App,
    grant: &Grant<UserGroupManage>,
    id: &str,
    request: PatchRequest,
    reading: Reading,
) -> Result<Changed> {
    let members: Members = request.detached().iter().map(|op| (op.operation, op.change.clone())).collect();
    // Many change the members of the same group at once: what was worked out before would seldom hold.
    change(app, grant, ("groups.patch", false), id, reading, move |kind, document, mender| {
        let outcome = request.apply(kind, document, mender)?;
        Ok(Turn { document: outcome.document, paths: outcome.changed_paths, members: Arc::clone(&members) })
    })
    .await
}

/// What happens to members, each with the number of its operation in a PATCH, or 0.
type Members = Arc<[(usize, DetachedChange)]>;

/// Where a change leads.
#[derive(Clone, Debug)]
pub struct Turn {
    /// The next document.
    pub document: Value,
    /// The paths that differ, as far as known.
    pub paths: Vec<String>,
    /// The members.
    pub members: Members,
}

async fn change(
    app: &App,
    grant: &Grant<UserGroupManage>,
    (label, ahead): (&'static str, bool),
    id: &str,
    reading: Reading,
    turn: impl Fn(&ResourceType, Value, &mut Mender) -> Result<Turn> + Send + 'static,
) -> Result<Changed> {
    let (stroke, by, id) = (Stroke::new(app, grant.caller()), grant.actor().clone(), id.to_owned());
    let (lane, rehearsal) = (stroke.account().to_string(), reading.rehearsal.clone());
    let think = move |reading: &Reading, stored: &Stored| {
        let (before, mut mender) = (stored.document()?, reading.mender.clone());
        let turn = turn(&reading.of.kind, before.clone(), &mut mender)?;
        Ok((before, turn, mender.into_notes()))
    };
    let account = stroke.account();
    let draft = ahead.then(|| Draft::of(app, |tx| find(tx, account, &id), |stored| think(&reading, stored)));
    app.db
        .write_in(&rehearsal, label, &lane, move |tx| {
            let account = stroke.account();
            // Members move without looking at the version, and are told of by the group's name: meanwhile
            // nobody changes or deletes it, binds a role to it, deletes a new member, or nests the other way
            // round.
            hold(tx, account)?;
            let stored = schemas::find(tx, (&by, stroke.now), Subject::Group, (&id, reading.of.generation))?;
            let stored = known(stored, &id)?;
            reading.expected.check(&stored)?;
            let change = match draft.as_ref().and_then(|draft| draft.still(&stored)) {
                Some(drafted) => Cow::Borrowed(drafted?),
                None => Cow::Owned(think(&reading, &stored)?),
            };
            let (before, turn, notes) = &*change;
            let mut heard = Heard::new(reading.mender.dialect());
            let membership = membership(&stroke, &id, &reading);
            let moves = carry_out(tx, &membership, &turn.members, &mut heard)?;
            let next = write_change(tx, &stroke, &reading.of.kind, stored, (before, turn), &moves)?;
            let members = shown(tx, account, &id, reading.members, next.members)?;
            Ok(changed(GroupResource { stored: next.stored, members }, notes, heard))
        })
        .await
}

/// Moves the members. Only where some may go, out of a group that brings roles, is it looked whether an
/// account administrator stays.
fn carry_out(
    tx: &mut Tx<'_>,
    membership: &Membership<'_>,
    members: &[(usize, DetachedChange)],
    heard: &mut Heard,
) -> Result<Moves> {
    let (account, group) = (membership.account, membership.group);
    let stays = |(_, change): &(usize, DetachedChange)| {
        matches!(change, DetachedChange::Add(_) | DetachedChange::Demand(_))
    };
    let removes = !members.iter().all(stays);
    if removes && store::carries_roles(tx, account, group)? {
        return keeping_one(tx, account, |tx| membership.carry_out(tx, members, heard));
    }
    membership.carry_out(tx, members, heard)
}

/// What `write_change` leaves.
#[derive(Debug)]
pub struct Next {
    /// The group.
    pub stored: Stored,
    /// How many members it has, where that came to light.
    members: Option<i64>,
}

/// Writes the next version with its index rows, audit row and events; nothing where nothing changed.
///
/// # Errors
/// `Unavailable` when another replica was faster, `TooLarge`.
pub fn write_change(
    tx: &mut Tx<'_>,
    stroke: &Stroke,
    kind: &ResourceType,
    mut stored: Stored,
    (before, turn): (&Value, &Turn),
    moves: &Moves,
) -> Result<Next> {
    let (account, id) = (stroke.account(), stored.id.clone());
    let changed = *before != turn.document;
    if !changed && moves.is_empty() {
        return Ok(Next { stored, members: None });
    }
    let columns = Columns::of(&turn.document)?;
    let mut paths: Cow<'_, [String]> = Cow::default();
    if changed {
        paths = match &turn.paths[..] {
            [] => differing(before, &turn.document).into(),
            known => known.into(),
        };
        let doc = json_text(&turn.document);
        stroke.bears(&stored, &doc)?;
        if !store::update(tx, account, (&stored, &doc), (&Columns::of(before)?, &columns), stroke.now)? {
            return Err(overtaken());
        }
        let mut keys = KeyMoves::between(kind, before, &turn.document);
        keys.retain(has_row);
        unique::check(tx, account, (kind, Subject::Group), &id, &keys.come)?;
        directory::move_keys(tx, account, &id, &keys)?;
        (stored.doc, stored.version) = (doc, stored.version + 1);
    }
    stored.updated = stroke.now;
    let (identifier, members) = if moves.is_empty() {
        (store::identifier(tx, account, &id)?, None)
    } else {
        let step = (moves.balance(), i64::from(!changed));
        let touched = store::touch(tx, account, &id, step, stroke.now)?;
        stored.version = touched.version;
        (touched.identifier, Some(touched.members))
    };
    stroke.record(tx, Action::Update, "USER_GROUP", (&identifier, &columns.name), detail(&paths, moves))?;
    let kind = changed.then_some(Kind::GroupUpdated);
    announce::group(tx, stroke, &id, &columns, (kind, &paths), moves)?;
    // Whoever moves members holds the account's row since before he looked at them: no role can be bound
    // between this question and the commit.
    if !moves.is_empty() && store::carries_roles(tx, account, &id)? {
        bump_version(tx, account)?;
    }
    Ok(Next { stored, members })
}

fn detail(paths: &[String], moves: &Moves) -> Value {
    let (added, removed): (Vec<_>, Vec<_>) = (moves.added().collect(), moves.removed().collect());
    if paths.is_empty() && moves.is_empty() {
        return Value::Null;
    }
    let ids = |list: &[&MemberRef]| {
        Value::from(list.iter().take(AUDITED_MEMBERS).map(|member| member.id.as_str()).collect::<Vec<_>>())
    };
    json!({
        "changed": paths, "membersAdded": added.len(), "membersRemoved": removed.len(), "added": ids(&added),
        "removed": ids(&removed)
    })
}

/// Removes a group with its memberships and role assignments.
///
/// # Errors
/// `NotFound`, `Stale`, `Conflict` when no account administrator would be left.
pub async fn delete(app: &App, grant: &Grant<UserGroupManage>, id: &str, reading: Reading) -> Result<()> {
    let (stroke, by, id) = (Stroke::new(app, grant.caller()), grant.actor().clone(), id.to_owned());
    let (lane, rehearsal) = (stroke.account().to_string(), reading.rehearsal.clone());
    app.db
        .write_in(&rehearsal, "groups.delete", &lane, move |tx| {
            // Nobody binds a role to the group meanwhile.
            hold(tx, stroke.account())?;
            let stored = schemas::find(tx, (&by, stroke.now), Subject::Group, (&id, reading.of.generation))?;
            let stored = known(stored, &id)?;
            reading.expected.check(&stored)?;
            remove(tx, &stroke, &reading.of.kind, &stored)
        })
        .await
}

/// Removes a stored group.
///
/// # Errors
/// `Conflict` when no account administrator would be left; of the database.
pub fn remove(tx: &mut Tx<'_>, stroke: &Stroke, kind: &ResourceType, stored: &Stored) -> Result<()> {
    let (account, id) = (stroke.account(), stored.id.as_str());
    let document = stored.document()?;
    let columns = Columns::of(&document)?;
    let identifier = store::identifier(tx, account, id)?;
    let detail = leave(tx, stroke, (Subject::Group, id, &columns.name))?;
    let go = |tx: &mut Tx<'_>| {
        let (caller, now, home) = (&stroke.caller, stroke.now, &stroke.scope);
        remove_principal(tx, caller, now, &stroke.rng, home, PrincipalKind::UserGroup, &identifier)?;
        store::delete(tx, account, id, now)
    };
    if store::carries_roles(tx, account, id)? {
        bump_version(tx, account)?;
        keeping_one(tx, account, go)?;
    } else {
        go(tx)?;
    }
    let by = By { caller: &stroke.caller, now: stroke.now, rng: &stroke.rng };
    gone::resource(tx, by, &stroke.scope, "USERGROUP", &identifier)?;
    directory::drop_keys(tx, account, id, &row_keys(kind, &document))?;
    stroke.record(tx, Action::Delete, "USER_GROUP", (&identifier, &columns.name), detail)?;
    announce::group(tx, stroke, id, &columns, (Some(Kind::GroupDeleted), &[]), &Moves::default())
}

fn find(tx: &mut Tx<'_>, account: &AccountId, id: &str) -> Result<Stored> {
    known(directory::find(tx, account, Subject::Group, id)?, id)
}

fn known(found: Option<Stored>, id: &str) -> Result<Stored> {
    found.ok_or_else(|| {
        Problem::not_found(format!(
            "There is no group {id} in this account: look the id up by a filter on displayName."
        ))
    })
}

/// The members as an answer shows them; how many there are is asked for where `count` does not say.
fn shown(
    tx: &mut Tx<'_>,
    account: &AccountId,
    id: &str,
    show: Show,
    count: Option<i64>,
) -> Result<Option<Vec<MemberRef>>> {
    let shows = match (show, count) {
        (Show::Never, _) => false,
        (Show::Nameless, _) => return store::nameless(tx, account, id).map(Some),
        (Show::Always, _) => true,
        (Show::IfFew, Some(count)) => count <= ANSWERED_MEMBERS,
        (Show::IfFew, None) => store::member_count(tx, account, id)? <= ANSWERED_MEMBERS,
    };
    if shows { store::members(tx, account, id).map(Some) } else { Ok(None) }
}

/// Index rows: the keys that no column holds.
pub fn row_keys(kind: &ResourceType, document: &Value) -> Vec<IndexKey> {
    let mut keys = index_keys(kind, document);
    keys.retain(has_row);
    keys
}

/// Is it one that no column holds?
fn has_row(key: &IndexKey) -> bool {
    !matches!(&*key.attr, "displayName" | "externalId")
}
