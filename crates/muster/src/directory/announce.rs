//! The events of the directory's changes: what each tells its consumers. Never writes anything else.

use db::Tx;
use serde::Serialize;

use super::groups::members::Moves;
use super::groups::model::Columns as GroupColumns;
use super::groups::store::Holder;
use super::model::MemberRef;
use super::stroke::Stroke;
use super::users::model::Columns as UserColumns;
use crate::events::{self, Event, Kind};
use crate::kernel::caller::Caller;
use crate::kernel::problem::Result;
use crate::kernel::scope::Scope;
use crate::kernel::time::Timestamp;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct OfUser<'a> {
    user_name: &'a str,
    active: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    external_id: Option<&'a str>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    changed_attributes: &'a [String],
}

/// What an event tells of a group: its name, and where it lives if that is below the account.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OfGroup<'a> {
    display_name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    org_identifier: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    project_identifier: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    external_id: Option<&'a str>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    changed_attributes: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    member: Option<OfMember<'a>>,
}

#[derive(Clone, Copy, Debug, Serialize)]
struct OfMember<'a> {
    value: &'a str,
    r#type: &'static str,
    display: &'a str,
}

impl<'a> OfGroup<'a> {
    /// Nothing but what identifies it.
    pub fn named(name: &'a str, home: &'a Scope) -> Self {
        Self {
            display_name: name,
            org_identifier: home.org(),
            project_identifier: home.project_id(),
            external_id: None,
            changed_attributes: &[],
            member: None,
        }
    }

    fn with(self, member: &'a MemberRef) -> Self {
        let member = OfMember { value: &member.id, r#type: member.kind.name(), display: &member.name };
        Self { member: Some(member), ..self }
    }
}

/// What an event tells of a resource of a type of the account.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OfObject<'a> {
    /// Its `externalId`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub external_id: Option<&'a str>,
    /// What changed.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub changed_attributes: &'a [String],
}

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
    let list = kinds.iter().map(|kind| {
        let changed_attributes = if *kind == Kind::UserUpdated { paths } else { &[] };
        let data = OfUser {
            user_name: &columns.user_name,
            active: columns.active,
            external_id: columns.external_id.as_deref(),
            changed_attributes,
        };
        Event { kind: *kind, resource_type: "User", resource_id: id, data }
    });
    events::append(tx, caller, now, list)
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
    let event = |kind: Kind, data| Event { kind, resource_type: "Group", resource_id: id, data };
    let external_id = columns.external_id.as_deref();
    let base = OfGroup { external_id, ..OfGroup::named(&columns.name, &stroke.scope) };
    let whole = change.0.map(|kind| event(kind, OfGroup { changed_attributes: change.1, ..base }));
    let gone = moves.removed().map(|member| event(Kind::MemberRemoved, base.with(member)));
    let come = moves.added().map(|member| event(Kind::MemberAdded, base.with(member)));
    events::append(tx, &stroke.caller, stroke.now, whole.into_iter().chain(gone).chain(come))
}

/// A user or group leaves these groups, because it is about to be removed.
///
/// # Errors
/// Of the database.
pub fn leaving(tx: &mut Tx<'_>, stroke: &Stroke, member: &MemberRef, holders: &[Holder]) -> Result<()> {
    let list = holders.iter().map(|holder| {
        let external_id = holder.external_id.as_deref();
        let data = OfGroup { external_id, ..OfGroup::named(&holder.name, &holder.scope) };
        Event {
            kind: Kind::MemberRemoved,
            resource_type: "Group",
            resource_id: &holder.id,
            data: data.with(member),
        }
    });
    events::append(tx, &stroke.caller, stroke.now, list)
}
