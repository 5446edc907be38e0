//! What can be done with service accounts.

use std::collections::HashMap;

use db::Tx;
use serde_json::{Value, json};

use super::model::{Aggregate, Change, NamedScope, NewServiceAccount, Reach, ServiceAccount};
use super::store;
use crate::access::administrators::keeping_one;
use crate::access::assignments::actions::remove_principal;
use crate::access::assignments::model::NamedBinding;
use crate::access::assignments::query::bindings_of;
use crate::access::permissions::{
    Ask, ServiceAccountDelete, ServiceAccountEdit, ServiceAccountManageApiKey, ServiceAccountView,
};
use crate::access::resource_groups::gone::{self, By};
use crate::access::{Actor, Grant};
use crate::accounts;
use crate::app::App;
use crate::audit::{self, Action, Entry};
use crate::kernel::caller::{Caller, PrincipalKind};
use crate::kernel::listing::{Orders, SearchTerm};
use crate::kernel::page::{Page, PageRequest};
use crate::kernel::problem::{Problem, Result};
use crate::kernel::scope::Scope;
use crate::kernel::time::Timestamp;
use crate::kernel::version::IfMatch;

/// Fields by which lists sort.
pub const SORT_FIELDS: &[&str] = &["name", "identifier", "email", "createdAt", "lastModifiedAt"];

/// What a list shows.
#[derive(Clone, Debug)]
pub struct Filter {
    /// Only these; empty for all.
    pub identifiers: Vec<String>,
    /// Only those with this in name, identifier, address or a tag.
    pub search: SearchTerm,
    /// Which scopes besides the one asked for.
    pub reach: Reach,
    /// In which order.
    pub orders: Orders,
}

/// The service account of that identifier in exactly that scope, for other slices.
///
/// # Errors
/// Only of the database.
pub fn find(tx: &mut Tx<'_>, scope: &Scope, identifier: &str) -> Result<Option<ServiceAccount>> {
    store::find(tx, scope, identifier)
}

/// Makes a service account.
///
/// # Errors
/// `InvalidArgument` when the organization or project does not exist, `Duplicate` when the identifier is
/// taken.
pub async fn create(
    app: &App,
    grant: &Grant<ServiceAccountEdit>,
    new: NewServiceAccount,
) -> Result<ServiceAccount> {
    let (now, audit_id) = (app.clock.now(), app.rng.uuid());
    let (caller, scope) = (grant.caller().clone(), grant.scope().clone());
    app.write_alone("service_accounts.create", grant.actor(), move |tx| {
        accounts::actions::check_scope(tx, &scope)?;
        insert(tx, &caller, &scope, &new, (now, &audit_id))
    })
    .await
}

/// As [`create`], within a transaction, where nobody has to be asked; `made`: when, and the id of the audit
/// row.
///
/// # Errors
/// `Duplicate` when the identifier is taken.
pub fn insert(
    tx: &mut Tx<'_>,
    caller: &Caller,
    scope: &Scope,
    new: &NewServiceAccount,
    (now, audit_id): (Timestamp, &str),
) -> Result<ServiceAccount> {
    if !store::insert(tx, scope, new, now)? {
        return Err(Problem::duplicate(format!(
            "A service account with identifier {} is already present in scope {}: choose another identifier",
            new.identifier,
            scope.path()
        )));
    }
    let made = load(tx, scope, &new.identifier)?;
    let detail = json!({"new": document(&made)});
    record(tx, caller, now, audit_id, Action::Create, &made, detail)?;
    accounts::store::bump_version(tx, &scope.account)?;
    Ok(made)
}

/// Changes name, description and tags.
///
/// # Errors
/// `Invalid` for an unknown identifier (as the reference answers) or another e-mail address than the stored
/// one, `Stale`.
pub async fn update(
    app: &App,
    grant: &Grant<ServiceAccountEdit>,
    identifier: String,
    change: Change,
    seen: IfMatch,
) -> Result<ServiceAccount> {
    let (now, audit_id) = (app.clock.now(), app.rng.uuid());
    let (caller, scope) = (grant.caller().clone(), grant.scope().clone());
    app.write_alone("service_accounts.update", grant.actor(), move |tx| {
        let before = load(tx, &scope, &identifier)?;
        seen.check(before.tag())?;
        change.fits(&before)?;
        if change.is_of(&before) {
            return Ok(before);
        }
        store::update(tx, &scope, &identifier, &change, now)?;
        let after = load(tx, &scope, &identifier)?;
        let detail = json!({"old": document(&before), "new": document(&after)});
        record(tx, &caller, now, &audit_id, Action::Update, &after, detail)?;
        accounts::store::bump_version(tx, &scope.account)?;
        Ok(after)
    })
    .await
}

/// Deletes a service account with its API keys, tokens and role assignments: from then on nothing acts as it.
///
/// # Errors
/// `Invalid` for an unknown identifier, as the reference answers, `Stale`.
pub async fn delete(
    app: &App,
    grant: &Grant<ServiceAccountDelete>,
    identifier: String,
    seen: IfMatch,
) -> Result<()> {
    let (now, rng) = (app.clock.now(), app.rng.clone());
    let (caller, scope) = (grant.caller().clone(), grant.scope().clone());
    app.write_alone("service_accounts.delete", grant.actor(), move |tx| {
        let before = load(tx, &scope, &identifier)?;
        seen.check(before.tag())?;
        let (kind, id) = (PrincipalKind::ServiceAccount, before.identifier.as_str());
        let (bindings, removed) = keeping_one(tx, &scope.account, |tx| {
            let bindings = remove_principal(tx, &caller, now, &rng, &scope, kind, id)?;
            let removed = store::delete(tx, &scope, &identifier)?.ok_or_else(|| unknown(&identifier))?;
            Ok((bindings, removed))
        })?;
        let by = By { caller: &caller, now, rng: &rng };
        gone::resource(tx, by, &scope, "SERVICEACCOUNT", id)?;
        let with = json!({"apiKeys": removed.keys, "tokens": removed.tokens, "roleAssignments": bindings});
        let detail = json!({"old": document(&before), "removed": with});
        record(tx, &caller, now, &rng.uuid(), Action::Delete, &before, detail)?;
        accounts::store::bump_version(tx, &scope.account)
    })
    .await
}

/// The service accounts of the scope that the caller may see, by identifier.
///
/// # Errors
/// `InvalidArgument` for a scope that does not exist.
pub async fn list(
    app: &App,
    actor: &Actor,
    scope: Scope,
    (identifiers, search): (Vec<String>, SearchTerm),
) -> Result<Vec<ServiceAccount>> {
    let (at, by) = (scope.clone(), actor.clone());
    let mut found = app
        .db
        .of(&scope.account)
        .read("service_accounts.list", move |tx| {
            accounts::actions::check_scope_for(tx, &by, &at)?;
            store::list(tx, &at, Reach::Here)
        })
        .await?;
    found.retain(|s| identifiers.is_empty() || identifiers.contains(&s.identifier));
    found.retain(|s| search.finds(s));
    found.retain(|s| sees(actor, &scope, s));
    Ok(found)
}

/// One page of what the caller may see, with number of keys and bindings.
///
/// # Errors
/// `InvalidArgument` for a scope that does not exist, `Denied` when the caller may see none of what is there.
pub async fn aggregates(
    app: &App,
    actor: &Actor,
    scope: Scope,
    filter: Filter,
    page: PageRequest,
) -> Result<Page<Aggregate>> {
    page_of::<ServiceAccountView>(app, actor, scope, filter, page, sees).await
}

/// One page of those whose API keys the caller may manage.
///
/// # Errors
/// `InvalidArgument` for a scope that does not exist, `Denied` when there are none.
pub async fn manageable(
    app: &App,
    actor: &Actor,
    scope: Scope,
    filter: Filter,
    page: PageRequest,
) -> Result<Page<Aggregate>> {
    page_of::<ServiceAccountManageApiKey>(app, actor, scope, filter, page, manages).await
}

async fn page_of<P: Ask>(
    app: &App,
    actor: &Actor,
    scope: Scope,
    filter: Filter,
    page: PageRequest,
    shown: fn(&Actor, &Scope, &ServiceAccount) -> bool,
) -> Result<Page<Aggregate>> {
    let (at, by, reach) = (scope.clone(), actor.clone(), filter.reach);
    let (found, keys, bindings) = app
        .db
        .of(&scope.account)
        .read("service_accounts.aggregate", move |tx| {
            accounts::actions::check_scope_for(tx, &by, &at)?;
            let found = store::list(tx, &at, reach)?;
            Ok::<_, Problem>((
                found,
                store::key_counts(tx, &at.account)?,
                bindings_of(tx, &at, PrincipalKind::ServiceAccount, None)?,
            ))
        })
        .await?;
    let mut seen: Vec<_> = found.into_iter().filter(|s| shown(actor, &scope, s)).collect();
    if seen.is_empty() {
        // Who may see the type as a whole sees an empty list, anybody else hears what he lacks.
        actor.grant::<P>(&scope)?;
    }
    seen.retain(|s| filter.identifiers.is_empty() || filter.identifiers.contains(&s.identifier));
    seen.retain(|s| filter.search.finds(s));
    filter.orders.arrange(&mut seen);
    let mut bound = by_principal(bindings);
    Ok(Page::cut(page, seen).map(|service_account| aggregate(service_account, &keys, &mut bound, &scope)))
}

/// One service account with number of keys and bindings.
///
/// # Errors
/// `InvalidArgument` for an unknown identifier, as the reference answers.
pub async fn find_aggregate(
    app: &App,
    grant: &Grant<ServiceAccountView>,
    identifier: String,
) -> Result<Aggregate> {
    let scope = grant.scope().clone();
    app.db
        .of(&scope.account)
        .read("service_accounts.aggregate_one", move |tx| {
            let found = store::find(tx, &scope, &identifier)?.ok_or_else(|| {
                Problem::argument(format!(
                    "Service account [{identifier}] doesn't exist in scope {}: check identifier and scope",
                    scope.path()
                ))
            })?;
            let keys = store::count_keys(tx, &scope, &identifier)?;
            let bindings = bindings_of(tx, &scope, PrincipalKind::ServiceAccount, Some(&[&*identifier]))?;
            Ok(Aggregate { service_account: found, keys, bindings })
        })
        .await
}

/// The scopes below its own in which the service account is bound.
///
/// # Errors
/// `InvalidArgument` for an unknown identifier.
pub async fn scopes(
    app: &App,
    grant: &Grant<ServiceAccountView>,
    identifier: String,
) -> Result<Vec<NamedScope>> {
    let scope = grant.scope().clone();
    app.db
        .of(&scope.account)
        .read("service_accounts.scopes", move |tx| {
            if store::find(tx, &scope, &identifier)?.is_none() {
                return Err(Problem::argument(format!(
                    "Service account [{identifier}] doesn't exist in scope {}: check identifier and scope",
                    scope.path()
                )));
            }
            let mut bound = store::bound_scopes(tx, &scope, &identifier)?;
            bound.retain(|b| b.scope != scope);
            Ok(bound)
        })
        .await
}

/// May the caller see it from this scope? By a right on itself where it lives, or, for one inherited from
/// above, by the right in the scope that inherits it.
fn sees(actor: &Actor, from: &Scope, service_account: &ServiceAccount) -> bool {
    let home = &service_account.scope;
    actor.holds::<ServiceAccountView>(home, Some(&service_account.identifier))
        || (home != from && home.contains(from) && actor.holds::<ServiceAccountView>(from, None))
}

/// May the caller manage its keys? Only by a right where it lives, since the routes of keys ask there.
fn manages(actor: &Actor, _from: &Scope, service_account: &ServiceAccount) -> bool {
    let id = service_account.identifier.as_str();
    actor.holds::<ServiceAccountManageApiKey>(&service_account.scope, Some(id))
}

type Bound = HashMap<(String, String), Vec<NamedBinding>>;

fn by_principal(bindings: Vec<NamedBinding>) -> Bound {
    let mut bound = Bound::new();
    for binding in bindings {
        bound.entry((binding.principal.clone(), binding.level.clone())).or_default().push(binding);
    }
    bound
}

fn aggregate(
    service_account: ServiceAccount,
    keys: &HashMap<(Scope, String), i64>,
    bound: &mut Bound,
    from: &Scope,
) -> Aggregate {
    let home = service_account.scope.clone();
    let keys = keys.get(&(home.clone(), service_account.identifier.clone())).copied().unwrap_or(0);
    // A namesake in a sibling scope shares level and identifier, but no binding lies where it cannot reach.
    let own = home
        .contains(from)
        .then(|| bound.remove(&(service_account.identifier.clone(), home.level().lower().to_owned())));
    Aggregate { service_account, keys, bindings: own.flatten().unwrap_or_default() }
}

fn load(tx: &mut Tx<'_>, scope: &Scope, identifier: &str) -> Result<ServiceAccount> {
    store::find(tx, scope, identifier)?.ok_or_else(|| unknown(identifier))
}

fn unknown(identifier: &str) -> Problem {
    Problem::invalid(format!(
        "Service account with identifier: {identifier} doesn't exist in this scope: check identifier, \
         orgIdentifier and projectIdentifier"
    ))
}

fn document(s: &ServiceAccount) -> Value {
    json!({
        "identifier": s.identifier, "name": s.name, "email": s.email, "description": s.description, "tags": s.tags
    })
}

fn record(
    tx: &mut Tx<'_>,
    caller: &Caller,
    now: Timestamp,
    audit_id: &str,
    action: Action,
    of: &ServiceAccount,
    detail: Value,
) -> Result<()> {
    let entry = Entry::about(action, "SERVICE_ACCOUNT", (&of.identifier, &of.name), &of.scope, detail);
    audit::record(tx, caller, now, audit_id, &entry)
}
