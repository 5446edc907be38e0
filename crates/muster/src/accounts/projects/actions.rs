//! What can be done with projects.

use serde_json::{Value, json};

use super::model::{NewProject, Project};
use super::store;
use crate::access::permissions::{ProjectCreate, ProjectDelete, ProjectEdit, ProjectView};
use crate::access::resource_groups::{self, gone::By};
use crate::access::{Actor, Grant};
use crate::accounts::actions::{check_scope, check_scope_for};
use crate::accounts::organizations::actions::{gone, meanwhile, remove_below};
use crate::accounts::store as accounts;
use crate::app::App;
use crate::audit::{Action, Entry, record};
use crate::events::append;
use crate::kernel::ids::{AccountId, OrgId, ProjectId};
use crate::kernel::listing::{Orders, SearchTerm};
use crate::kernel::problem::{Kind, Problem, Result};
use crate::kernel::scope::Scope;
use crate::kernel::version::IfMatch;

/// Fields that `sortOrders` may name.
pub const SORT_FIELDS: &[&str] = &["identifier", "name", "orgIdentifier", "createdAt", "lastModifiedAt"];

/// Which projects a list is to show.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// Only of this organization.
    pub org: Option<String>,
    /// Only these; empty for all.
    pub identifiers: Vec<String>,
    /// Only those with it in identifier, name or tags.
    pub search: SearchTerm,
    /// In this order.
    pub orders: Orders,
}

/// The scope of a project.
pub fn scope(account: &AccountId, org: &str, identifier: &str) -> Scope {
    Scope::project(account.clone(), OrgId::new(org), ProjectId::new(identifier))
}

/// The projects that the caller may see.
///
/// # Errors
/// `InvalidArgument` for an organization that does not exist; who may see none gets an empty list.
pub async fn list(app: &App, actor: &Actor, wanted: Wanted) -> Result<Vec<Project>> {
    let org = Scope::of(actor.caller.account.clone(), wanted.org.as_deref(), None)?;
    let by = actor.clone();
    let mut all = app
        .db
        .of(&org.account)
        .read("projects.list", move |tx| {
            check_scope_for(tx, &by, &org)?;
            store::list(tx, &org.account, org.org())
        })
        .await?;
    all.retain(|project| {
        let fields = &project.fields;
        let scope = scope(&actor.caller.account, &project.org, &fields.identifier);
        (wanted.identifiers.is_empty() || wanted.identifiers.contains(&fields.identifier))
            && wanted.search.finds(project)
            && actor.holds::<ProjectView>(&scope, Some(&fields.identifier))
    });
    wanted.orders.arrange(&mut all);
    Ok(all)
}

/// One project; the grant's scope is the project.
///
/// # Errors
/// `NoSuchResource`.
pub async fn load(app: &App, grant: &Grant<ProjectView>) -> Result<Project> {
    let scope = grant.scope().clone();
    app.db.of(&scope.account).point("projects.find", move |tx| stored(tx, &scope)).await
}

fn stored(tx: &mut db::Tx<'_>, scope: &Scope) -> Result<Project> {
    store::find(tx, scope)?.ok_or_else(|| {
        let (org, project) = (scope.org_column(), scope.project_column());
        let text = format!(
            "Project with orgIdentifier [{org}] and identifier [{project}] not found: the list of projects names \
             those there are"
        );
        Problem::new(Kind::NoSuchResource, text)
    })
}

/// Makes a project; the grant's scope is its organization.
///
/// # Errors
/// `Fields`, `InvalidArgument` for a missing organization, `Duplicate`.
pub async fn create(app: &App, grant: &Grant<ProjectCreate>, new: NewProject) -> Result<Project> {
    new.check()?;
    let (now, audit_id, caller) = (app.clock.now(), app.rng.uuid(), grant.caller().clone());
    let org = grant.scope().clone();
    app
        .write_alone("projects.create", grant.actor(), move |tx| {
            check_scope(tx, &org)?;
            if !store::insert(tx, &org, &new, now)? {
                let (id, org) = (&new.identifier, org.org_column());
                return Err(Problem::duplicate(format!(
                    "A project with identifier [{id}] and orgIdentifier [{org}] already exists: choose another identifier"
                )));
            }
            let scope = scope(&org.account, org.org_column(), &new.identifier);
            let detail = json!({"new": new.document()});
            record(tx, &caller, now, &audit_id, &entry(Action::Create, &scope, &new, detail))?;
            accounts::bump_version(tx, &org.account)?;
            stored(tx, &scope)
        })
        .await
}

/// Replaces all but the identifier; the grant's scope is the project.
///
/// # Errors
/// `Fields`, `NoSuchResource`, `Stale`.
pub async fn update(
    app: &App,
    grant: &Grant<ProjectEdit>,
    new: NewProject,
    seen: IfMatch,
) -> Result<Project> {
    new.check()?;
    let (now, audit_id, caller) = (app.clock.now(), app.rng.uuid(), grant.caller().clone());
    let scope = grant.scope().clone();
    app.write_alone("projects.update", grant.actor(), move |tx| {
        let old = stored(tx, &scope)?;
        seen.check(old.tag())?;
        if old.fields == new {
            return Ok(old);
        }
        if !store::update(tx, &scope, old.version, &new, now)? {
            return Err(meanwhile());
        }
        let detail = json!({"old": old.fields.document(), "new": new.document()});
        record(tx, &caller, now, &audit_id, &entry(Action::Update, &scope, &new, detail))?;
        accounts::bump_version(tx, &scope.account)?;
        stored(tx, &scope)
    })
    .await
}

/// Removes the project with all that lives in it, and answers what it was; the grant's scope is the project.
///
/// # Errors
/// `NoSuchResource`, `Stale`.
pub async fn delete(app: &App, grant: &Grant<ProjectDelete>, seen: IfMatch) -> Result<Project> {
    let (now, rng, caller) = (app.clock.now(), app.rng.clone(), grant.caller().clone());
    let scope = grant.scope().clone();
    app.write_alone("projects.delete", grant.actor(), move |tx| {
        let old = stored(tx, &scope)?;
        seen.check(old.tag())?;
        let below = remove_below(tx, &scope, now)?;
        store::delete(tx, &scope)?;
        resource_groups::gone::scope(tx, By { caller: &caller, now, rng: &rng }, &scope)?;
        let detail = json!({"old": old.fields.document(), "removed": below.counts});
        record(tx, &caller, now, &rng.uuid(), &entry(Action::Delete, &scope, &old.fields, detail))?;
        append(tx, &caller, now, gone(&below.groups))?;
        accounts::bump_version(tx, &scope.account)?;
        Ok(old)
    })
    .await
}

fn entry<'a>(action: Action, scope: &'a Scope, fields: &'a NewProject, detail: Value) -> Entry<'a> {
    Entry::about(action, "PROJECT", (&fields.identifier, &fields.name), scope, detail)
}
