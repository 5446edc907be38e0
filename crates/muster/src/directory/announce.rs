//! The events of the directory's changes: what each tells its consumers. Never writes anything else.

use db::Tx;
use serde_json::{Value, json};

use super::groups::members::Moves;
use super::groups::model::Columns as GroupColumns;
use super::groups::store as groups;
use super::model::{MemberRef, Subject};
use super::stroke::Stroke;
use super::users::model::Columns as UserColumns;
use crate::events::{self, Event, Kind};
use crate::kernel::caller::Caller;
use crate::kernel::problem::Result;
use crate::kernel::scope::Scope;
use crate::kernel::time::Timestamp;

/// What happened to a user.
///
/// # Errors
/// Of the database.
pub fn user(
    tx: &mut Tx<'_>,
    (caller, now): (&Caller, Timestamp),
    id: &str,
    columns: &UserColumns,
    kinds: &[Kind],
    paths: &[String],
) -> Result<()> {
    let mut data = json!({"userName": columns.user_name, "active": columns.active});
    fill(&mut data, columns.external_id.as_deref(), &[]);
    let list = kinds.iter().map(|kind| {
        let mut data = data.clone();
        if *kind == Kind::UserUpdated {
            fill(&mut data, None, paths);
        }
        Event { kind: *kind, resource_type: "User", resource_id: id, data }
    });
    events::append(tx, caller, now, list)
}

fn fill(data: &mut Value, external_id: Option<&str>, paths: &[String]) {
    if let Some(external) = external_id {
        data["externalId"] = Value::from(external);
    }
    if !paths.is_empty() {
        data["changedAttributes"] = Value::from(paths);
    }
}

/// What identifies a group in an event: its name, and where it lives if that is below the account.
pub fn of_group(name: &str, home: &Scope) -> Value {
    let mut data = json!({"displayName": name});
    for (key, part) in [("orgIdentifier", home.org()), ("projectIdentifier", home.project_id())] {
        if let Some(part) = part {
            data[key] = Value::from(part);
        }
    }
    data
}

/// What happened to a group and its members.
///
/// # Errors
/// Of the database.
pub fn group(
    tx: &mut Tx<'_>,
    stroke: &Stroke,
    id: &str,
    columns: &GroupColumns,
    change: (Option<Kind>, &[String]),
    moves: &Moves,
) -> Result<()> {
    let event = |kind: Kind, data: Value| Event { kind, resource_type: "Group", resource_id: id, data };
    let mut base = of_group(&columns.name, &stroke.scope);
    fill(&mut base, columns.external_id.as_deref(), &[]);
    let whole = change.0.map(|kind| {
        let mut data = base.clone();
        fill(&mut data, None, change.1);
        event(kind, data)
    });
    let member = |kind: Kind, member: &MemberRef| event(kind, with_member(&base, member));
    let gone = moves.removed().map(|of| member(Kind::MemberRemoved, of));
    let come = moves.added().map(|of| member(Kind::MemberAdded, of));
    events::append(tx, &stroke.caller, stroke.now, whole.into_iter().chain(gone).chain(come))
}

fn with_member(base: &Value, member: &MemberRef) -> Value {
    let mut data = base.clone();
    data["member"] = json!({"value": member.id, "type": member.kind.name(), "display": member.name});
    data
}

/// A user or group leaves every group, because it is about to be removed: call it while the rows are there.
///
/// # Errors
/// Of the database.
pub fn leaving(tx: &mut Tx<'_>, stroke: &Stroke, (kind, id, name): (Subject, &str, &str)) -> Result<()> {
    let member = MemberRef { id: id.to_owned(), kind, name: name.to_owned() };
    let holders = groups::holders(tx, stroke.account(), id)?;
    let list = holders.iter().map(|holder| {
        let mut data = of_group(&holder.name, &holder.scope);
        fill(&mut data, holder.external_id.as_deref(), &[]);
        Event {
            kind: Kind::MemberRemoved,
            resource_type: "Group",
            resource_id: &holder.id,
            data: with_member(&data, &member),
        }
    });
    events::append(tx, &stroke.caller, stroke.now, list)
}
