//! What can be done with organizations.

use db::Tx;
use serde_json::{Value, json};

use super::model::{NewOrganization, Organization};
use super::store;
use crate::access::permissions::{
    OrganizationCreate, OrganizationDelete, OrganizationEdit, OrganizationView,
};
use crate::access::resource_groups::{self, gone::By};
use crate::access::{Actor, Grant};
use crate::accounts::store::{self as accounts, Below, GroupBelow};
use crate::app::App;
use crate::audit::{Action, Entry, record};
use crate::directory::announce::OfGroup;
use crate::directory::user_groups::actions as user_groups;
use crate::events::{self, Event, append};
use crate::kernel::ids::{AccountId, OrgId};
use crate::kernel::listing::{Orders, SearchTerm};
use crate::kernel::problem::{Kind, Problem, Result};
use crate::kernel::scope::Scope;
use crate::kernel::time::Timestamp;
use crate::kernel::version::IfMatch;

/// Which organizations a list is to show.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// Only these; empty for all.
    pub identifiers: Vec<String>,
    /// Only those with it in identifier, name or tags.
    pub search: SearchTerm,
    /// In this order.
    pub orders: Orders,
}

/// The organizations that the caller may see.
///
/// # Errors
/// Only of the database: who may see none gets an empty list.
pub async fn list(app: &App, actor: &Actor, wanted: Wanted) -> Result<Vec<Organization>> {
    let account = actor.caller.account.clone();
    let mut all = app.db.of(&account).read("organizations.list", move |tx| store::list(tx, &account)).await?;
    all.retain(|org| {
        let fields = &org.fields;
        let scope = scope(&actor.caller.account, &fields.identifier);
        (wanted.identifiers.is_empty() || wanted.identifiers.contains(&fields.identifier))
            && wanted.search.finds(org)
            && actor.holds::<OrganizationView>(&scope, Some(&fields.identifier))
    });
    wanted.orders.arrange(&mut all);
    Ok(all)
}

/// The scope of an organization.
pub fn scope(account: &AccountId, identifier: &str) -> Scope {
    Scope::organization(account.clone(), OrgId::new(identifier))
}

/// One organization; the grant's scope is the organization.
///
/// # Errors
/// `NoSuchResource`.
pub async fn load(app: &App, grant: &Grant<OrganizationView>) -> Result<Organization> {
    let scope = grant.scope().clone();
    app.db.of(&scope.account).point("organizations.find", move |tx| stored(tx, &scope)).await
}

fn stored(tx: &mut db::Tx<'_>, scope: &Scope) -> Result<Organization> {
    let identifier = scope.org_column();
    store::find(tx, &scope.account, identifier)?.ok_or_else(|| {
        let text = format!(
            "Organization with identifier [{identifier}] not found: the list of organizations names those there are"
        );
        Problem::new(Kind::NoSuchResource, text)
    })
}

/// Makes an organization.
///
/// # Errors
/// `Fields`, `Duplicate`.
pub async fn create(
    app: &App,
    grant: &Grant<OrganizationCreate>,
    new: NewOrganization,
) -> Result<Organization> {
    new.check()?;
    let (now, audit_id, caller) = (app.clock.now(), app.rng.uuid(), grant.caller().clone());
    let account = grant.scope().account.clone();
    app.write_alone("organizations.create", grant.actor(), move |tx| {
        if !store::insert(tx, &account, &new, now)? {
            let id = &new.identifier;
            return Err(Problem::duplicate(format!(
                "Organization [{id}] under account [{account}] already exists: choose another identifier"
            )));
        }
        let scope = scope(&account, &new.identifier);
        record(tx, &caller, now, &audit_id, &entry(Action::Create, &scope, &new, new_only(&new)))?;
        accounts::bump_version(tx, &account)?;
        stored(tx, &scope)
    })
    .await
}

/// Replaces name, description and tags; the grant's scope is the organization.
///
/// # Errors
/// `Fields`, `NoSuchResource`, `Stale`, `Conflict` for the default organization.
pub async fn update(
    app: &App,
    grant: &Grant<OrganizationEdit>,
    new: NewOrganization,
    seen: IfMatch,
) -> Result<Organization> {
    new.check()?;
    let (now, audit_id, caller) = (app.clock.now(), app.rng.uuid(), grant.caller().clone());
    let scope = grant.scope().clone();
    app.write_alone("organizations.update", grant.actor(), move |tx| {
        let old = stored(tx, &scope)?;
        changeable(&old, "Update")?;
        seen.check(old.tag())?;
        if old.fields == new {
            return Ok(old);
        }
        if !store::update(tx, &scope.account, old.version, &new, now)? {
            return Err(meanwhile());
        }
        let detail = json!({"old": old.fields.document(), "new": new.document()});
        record(tx, &caller, now, &audit_id, &entry(Action::Update, &scope, &new, detail))?;
        accounts::bump_version(tx, &scope.account)?;
        stored(tx, &scope)
    })
    .await
}

/// Removes the organization with all that lives in it and in its projects, and answers what it was; the
/// grant's scope is the organization.
///
/// # Errors
/// `NoSuchResource`, `Stale`, `Conflict` for the default organization.
pub async fn delete(app: &App, grant: &Grant<OrganizationDelete>, seen: IfMatch) -> Result<Organization> {
    let (now, rng, caller) = (app.clock.now(), app.rng.clone(), grant.caller().clone());
    let scope = grant.scope().clone();
    app.write_alone("organizations.delete", grant.actor(), move |tx| {
        let old = stored(tx, &scope)?;
        changeable(&old, "Delete")?;
        seen.check(old.tag())?;
        let mut below = remove_below(tx, &scope, now)?;
        let projects = store::delete(tx, &scope.account, &old.fields.identifier)?;
        if projects > 0 {
            below.counts.insert("projects", projects);
        }
        resource_groups::gone::scope(tx, By { caller: &caller, now, rng: &rng }, &scope)?;
        let detail = json!({"old": old.fields.document(), "removed": below.counts});
        record(tx, &caller, now, &rng.uuid(), &entry(Action::Delete, &scope, &old.fields, detail))?;
        append(tx, &caller, now, gone(&below.groups))?;
        accounts::bump_version(tx, &scope.account)?;
        Ok(old)
    })
    .await
}

/// Removes all that lives in an organization (with its projects) or project; answers what that was.
///
/// # Errors
/// Of the database.
pub fn remove_below(tx: &mut Tx<'_>, scope: &Scope, now: Timestamp) -> Result<Below> {
    let below = accounts::remove_below(tx, scope, now)?;
    for group in &below.groups {
        user_groups::unindex(tx, &scope.account, &group.id, &group.doc)?;
    }
    Ok(below)
}

/// Events of the groups that went with their scope.
pub fn gone(groups: &[GroupBelow]) -> impl Iterator<Item = Event<'_, OfGroup<'_>>> {
    groups.iter().map(|group| Event {
        kind: events::Kind::GroupDeleted,
        resource_type: "Group",
        resource_id: &group.id,
        data: OfGroup::named(&group.name, &group.scope),
    })
}

/// What a change answers when another one came between its reading and its writing.
pub fn meanwhile() -> Problem {
    Problem::new(
        Kind::Stale,
        "It was changed at the same moment by another request: read it again and repeat yours",
    )
}

fn changeable(org: &Organization, what: &str) -> Result<()> {
    if !org.managed() {
        return Ok(());
    }
    let id = &org.fields.identifier;
    Err(Problem::new(
        Kind::Conflict,
        format!(
            "{what} operation not supported for Default Organization (identifier: [{id}]): use one of your own"
        ),
    ))
}

fn new_only(new: &NewOrganization) -> Value {
    json!({"new": new.document()})
}

fn entry<'a>(action: Action, scope: &'a Scope, fields: &'a NewOrganization, detail: Value) -> Entry<'a> {
    Entry::about(action, "ORGANIZATION", (&fields.identifier, &fields.name), scope, detail)
}
