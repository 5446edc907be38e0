//! Use cases of resources of the account's own types.

use db::{Rehearsal, Tx};
use scim::resource::replace as accept_replace;
use scim::{IndexKey, KeyMoves, Mended, Mender, PatchRequest, ResourceType, fold, index_keys};
use serde_json::{Value, json};

use super::store;
use crate::access::Grant;
use crate::access::permissions::{UserManage, UserView};
use crate::access::standing::still;
use crate::app::App;
use crate::audit::Action;
use crate::directory::announce::OfObject;
use crate::directory::model::{Expected, Stored, Subject, key};
use crate::directory::reading::in_turn;
use crate::directory::schemas::kinds::Written;
use crate::directory::schemas::store as schemas;
use crate::directory::search::{self, Found, Search};
use crate::directory::store as directory;
use crate::directory::stroke::{Stroke, differing, overtaken};
use crate::directory::unique;
use crate::events::{self, Event, Kind};
use crate::kernel::problem::{Problem, Result};
use crate::kernel::text::json_text;

/// How the audit trail names these resources.
const AUDITED: &str = "SCIM_RESOURCE";

/// How the body of a change is to be read.
#[derive(Clone, Debug)]
pub struct Reading {
    /// The type.
    pub of: Written,
    /// Dialect and notes.
    pub mender: Mender,
    /// What If-Match asks.
    pub expected: Expected,
    /// Is the change real?
    pub rehearsal: Rehearsal,
}

/// The key that the rows of a type have.
fn type_key(kind: &ResourceType) -> String {
    fold(&kind.name).into_owned()
}

/// One resource.
///
/// # Errors
/// `NotFound`.
pub async fn load(app: &App, grant: &Grant<UserView>, kind: &ResourceType, id: &str) -> Result<Stored> {
    let (account, id) = (grant.scope().account.clone(), id.to_owned());
    let (key, name) = (type_key(kind), kind.name.clone());
    app.db
        .of(&account)
        .point_in(grant.snapshot(), "objects.load", move |tx| {
            store::find(tx, &account, &key, &id)?.ok_or_else(|| unknown(&name, &id))
        })
        .await
}

fn unknown(kind: &str, id: &str) -> Problem {
    Problem::not_found(format!("There is no {kind} {id} in this account: look the id up in the list."))
}

/// A page of resources.
///
/// # Errors
/// See `search::run`.
pub async fn list(app: &App, grant: &Grant<UserView>, search: Search) -> Result<Found> {
    let account = grant.scope().account.clone();
    let narrowed = search.narrowed(Subject::Custom);
    let read = move |tx: &mut Tx<'_>| search::run(tx, &account, Subject::Custom, (&search, &narrowed));
    in_turn(app, grant, "objects.list", read).await
}

/// The index rows of a document.
fn row_keys(kind: &ResourceType, document: &Value) -> Vec<IndexKey> {
    let mut keys = index_keys(kind, document);
    keys.retain(has_row);
    keys
}

/// Is it one that no column holds?
fn has_row(key: &IndexKey) -> bool {
    &*key.attr != "externalId"
}

/// What stands in the column.
fn external_id(document: &Value) -> Result<Option<String>> {
    let external = document.get("externalId").and_then(Value::as_str);
    external.map(|external| key("externalId", external).map(|_| external.to_owned())).transpose()
}

/// Makes a resource from an accepted document.
///
/// # Errors
/// `Duplicate` for a value that must be unique.
pub async fn create(
    app: &App,
    grant: &Grant<UserManage>,
    document: Value,
    reading: Reading,
) -> Result<Stored> {
    let (stroke, id) = (Stroke::new(app, grant.caller()), app.rng.ordered_uuid(app.clock.now()));
    let (keys, external) = (row_keys(&reading.of.kind, &document), external_id(&document)?);
    let (now, lane, rehearsal) = (stroke.now, stroke.account().to_string(), reading.rehearsal.clone());
    let new = Stored { id, doc: json_text(&document), version: 1, created: now, updated: now };
    app.db
        .write_in(&rehearsal, "objects.create", &lane, move |tx| {
            let (account, kind) = (stroke.account(), &reading.of.kind);
            schemas::settled(tx, account, reading.of.generation)?;
            unique::check(tx, account, (kind, Subject::Custom), &new.id, &keys)?;
            store::insert(tx, account, &type_key(kind), &new, external.as_deref())?;
            directory::put_keys(tx, account, &new.id, &keys)?;
            let changed = (Action::Create, Kind::ObjectCreated, &[][..]);
            tell(tx, &stroke, kind, (&new.id, external.as_deref()), changed)?;
            Ok(new.clone())
        })
        .await
}

/// Writes the audit row and the event.
fn tell(
    tx: &mut Tx<'_>,
    stroke: &Stroke,
    kind: &ResourceType,
    (id, external): (&str, Option<&str>),
    (action, event, paths): (Action, Kind, &[String]),
) -> Result<()> {
    let detail = json!({"type": kind.name, "changed": paths});
    stroke.record(tx, action, AUDITED, (id, &format!("{} {id}", kind.name)), detail)?;
    let data = OfObject { external_id: external, changed_attributes: paths };
    let event = Event { kind: event, resource_type: &kind.name, resource_id: id, data };
    events::append(tx, &stroke.caller, stroke.now, [event])
}

/// Replaces a resource (RFC 7644 §3.5.1).
///
/// # Errors
/// `NotFound`, `Stale`, `Duplicate`, and what the schema refuses.
pub async fn replace(
    app: &App,
    grant: &Grant<UserManage>,
    id: &str,
    body: Value,
    reading: Reading,
) -> Result<(Stored, Vec<Mended>)> {
    change(app, grant, id, reading, move |kind, document, mender| {
        Ok((accept_replace(kind, body.clone(), &document, mender)?.document, Vec::new()))
    })
    .await
}

/// Changes a resource by operations (RFC 7644 §3.5.2).
///
/// # Errors
/// As `replace`.
pub async fn patch(
    app: &App,
    grant: &Grant<UserManage>,
    id: &str,
    request: PatchRequest,
    reading: Reading,
) -> Result<(Stored, Vec<Mended>)> {
    change(app, grant, id, reading, move |kind, document, mender| {
        let outcome = request.apply(kind, document, mender)?;
        Ok((outcome.document, outcome.changed_paths))
    })
    .await
}

async fn change(
    app: &App,
    grant: &Grant<UserManage>,
    id: &str,
    reading: Reading,
    turn: impl Fn(&ResourceType, Value, &mut Mender) -> Result<(Value, Vec<String>)> + Send + 'static,
) -> Result<(Stored, Vec<Mended>)> {
    let (stroke, by, id) = (Stroke::new(app, grant.caller()), grant.actor().clone(), id.to_owned());
    let (lane, rehearsal) = (stroke.account().to_string(), reading.rehearsal.clone());
    app.db
        .write_in(&rehearsal, "objects.change", &lane, move |tx| {
            let (account, kind) = (stroke.account(), &reading.of.kind);
            schemas::settled(tx, account, reading.of.generation)?;
            still(tx, &by, stroke.now)?;
            let found =
                store::find(tx, account, &type_key(kind), &id)?.ok_or_else(|| unknown(&kind.name, &id))?;
            reading.expected.check(&found)?;
            let (before, mut mender) = (found.document()?, reading.mender.clone());
            let (after, mut paths) = turn(kind, before.clone(), &mut mender)?;
            if before == after {
                return Ok((found, mender.into_notes()));
            }
            let (mut moves, external) = (KeyMoves::between(kind, &before, &after), external_id(&after)?);
            moves.retain(has_row);
            unique::check(tx, account, (kind, Subject::Custom), &id, &moves.come)?;
            let (doc, version) = (json_text(&after), found.version + 1);
            stroke.bears(&found, &doc)?;
            let next = Stored { doc, version, updated: stroke.now, ..found.clone() };
            if !store::update(tx, account, (&found, &next), external.as_deref())? {
                return Err(overtaken());
            }
            directory::move_keys(tx, account, &id, &moves)?;
            if paths.is_empty() {
                paths = differing(&before, &after);
            }
            let changed = (Action::Update, Kind::ObjectUpdated, paths.as_slice());
            tell(tx, &stroke, kind, (&id, external.as_deref()), changed)?;
            Ok((next, mender.into_notes()))
        })
        .await
}

/// Removes a resource.
///
/// # Errors
/// `NotFound`, `Stale`.
pub async fn delete(app: &App, grant: &Grant<UserManage>, id: &str, reading: Reading) -> Result<()> {
    let (stroke, by, id) = (Stroke::new(app, grant.caller()), grant.actor().clone(), id.to_owned());
    let (lane, rehearsal) = (stroke.account().to_string(), reading.rehearsal.clone());
    app.db
        .write_in(&rehearsal, "objects.delete", &lane, move |tx| {
            let (account, kind) = (stroke.account(), &reading.of.kind);
            schemas::settled(tx, account, reading.of.generation)?;
            still(tx, &by, stroke.now)?;
            let found =
                store::find(tx, account, &type_key(kind), &id)?.ok_or_else(|| unknown(&kind.name, &id))?;
            reading.expected.check(&found)?;
            let document = found.document()?;
            let (keys, external) = (row_keys(kind, &document), external_id(&document)?);
            store::delete(tx, account, &id)?;
            directory::drop_keys(tx, account, &id, &keys)?;
            let changed = (Action::Delete, Kind::ObjectDeleted, &[][..]);
            tell(tx, &stroke, kind, (&id, external.as_deref()), changed)
        })
        .await
}
