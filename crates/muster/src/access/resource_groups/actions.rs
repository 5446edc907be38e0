//! What can be done with resource groups.

use std::collections::{HashMap, HashSet};

use db::Tx;
use serde_json::{Value, json};

use super::gone::{self, By};
use super::model::{Line, NewResourceGroup, ResourceGroup};
use super::store;
use crate::access::assignments::{actions as assignments, store as assignment_rows};
use crate::access::permissions::{ResourceGroupDelete, ResourceGroupEdit, ResourceGroupView};
use crate::access::{Actor, Binding, Grant, delegation, managed, rights};
use crate::accounts::actions::{check_scope, check_scope_for, exists};
use crate::accounts::store::bump_version;
use crate::app::App;
use crate::audit::{self, Action, Entry};
use crate::kernel::listing::{Orders, SearchTerm};
use crate::kernel::page::{Page, PageRequest};
use crate::kernel::problem::{Kind, Problem, Result};
use crate::kernel::scope::Scope;
use crate::kernel::text::Tags;
use crate::kernel::version::IfMatch;

/// Which groups to list.
#[derive(Clone, Debug)]
pub struct Listing {
    /// Literal part of identifier, name or label.
    pub search: SearchTerm,
    /// Only these, when not empty.
    pub identifiers: HashSet<String>,
    /// Only managed ones, or only custom ones.
    pub managed: Option<bool>,
    /// In which order.
    pub orders: Orders,
    /// Which page.
    pub page: PageRequest,
}

/// The managed groups of the scope's level and its custom ones. Who may view only some sees those.
///
/// # Errors
/// `Denied` when there is none that the actor may view; `Invalid` for a page of more than memory should
/// bear.
pub async fn list(app: &App, actor: &Actor, scope: &Scope, listing: Listing) -> Result<Page<ResourceGroup>> {
    let (at, by) = (scope.clone(), actor.clone());
    app.db
        .of(&scope.account)
        .read("resource_groups.list", move |tx| {
            check_scope_for(tx, &by, &at)?;
            let mut lines = lines(tx, &by, &at, &listing)?;
            lines.sort_by(|a, b| a.identifier.cmp(&b.identifier));
            listing.orders.arrange(&mut lines);
            let (page, total) = (listing.page, lines.len() as u64);
            let rows = whole(tx, &at, page, &page.part_of(lines))?;
            Ok(Page::new(page, rows, total))
        })
        .await
}

/// What is listed, without the labels that it was searched by.
fn lines(tx: &mut Tx<'_>, actor: &Actor, scope: &Scope, listing: &Listing) -> Result<Vec<Line>> {
    let everything = actor.holds::<ResourceGroupView>(scope, None);
    let (mut lines, mut sees_some) = (Vec::new(), everything);
    let mut take = |line: Line| {
        if everything || actor.holds::<ResourceGroupView>(scope, Some(&line.identifier)) {
            sees_some = true;
            if listing.shows(&line) {
                lines.push(Line { tags: Tags::new(), ..line });
            }
        }
    };
    store::lines(tx, scope, &mut take)?;
    let managed = managed::RESOURCE_GROUPS.iter().filter(|group| group.levels.contains(&scope.level()));
    managed.map(Line::of_managed).for_each(take);
    if !sees_some {
        actor.grant::<ResourceGroupView>(scope)?;
    }
    Ok(lines)
}

impl Listing {
    fn shows(&self, line: &Line) -> bool {
        let named = self.identifiers.is_empty() || self.identifiers.contains(&line.identifier);
        let wanted = self.managed.is_none_or(|managed| managed == line.times.is_none());
        named && wanted && self.search.finds(line)
    }
}

/// The groups of a page. They may name thousands of resources each: no more are read than it bears.
fn whole(tx: &mut Tx<'_>, scope: &Scope, page: PageRequest, lines: &[Line]) -> Result<Vec<ResourceGroup>> {
    let custom: Vec<&str> =
        lines.iter().filter(|line| line.times.is_some()).map(|line| &*line.identifier).collect();
    let (mut found, mut bytes) = (HashMap::new(), 0);
    store::some(tx, scope, &custom, |group| {
        bytes += group.weight();
        found.insert(group.identifier.clone(), group);
        page.bears(lines.len(), bytes)
    })?;
    let group = |line: &Line| match managed::resource_group(&line.identifier) {
        Some(group) => ResourceGroup::from_managed(group, scope),
        None => found.remove(&line.identifier),
    };
    Ok(lines.iter().filter_map(group).collect())
}

/// The group, managed or custom, as seen from the scope.
pub(in crate::access) fn find(tx: &mut Tx<'_>, scope: &Scope, id: &str) -> Result<Option<ResourceGroup>> {
    match managed::resource_group(id) {
        Some(group) => Ok(ResourceGroup::from_managed(group, scope)),
        None => store::find(tx, scope, id),
    }
}

fn not_found(id: &str, scope: &Scope) -> Problem {
    let text = format!(
        "Resource group with identifier [{id}] not found in {}: list the resource groups there to see which exist",
        scope.path()
    );
    Problem::new(Kind::ResourceNotFound, text)
}

/// One group of the scope, managed or custom.
///
/// # Errors
/// `ResourceNotFound`.
pub async fn get(app: &App, grant: &Grant<ResourceGroupView>, id: String) -> Result<ResourceGroup> {
    let scope = grant.scope().clone();
    app.db
        .of(&scope.account)
        .point("resource_groups.get", move |tx| {
            // The managed ones have no row that could be gone with the scope.
            let found = if exists(tx, &scope)? { find(tx, &scope, &id)? } else { None };
            found.ok_or_else(|| not_found(&id, &scope))
        })
        .await
}

/// Makes a custom group. Ids of resources that do not exist are dropped.
///
/// # Errors
/// `Fields`, `Invalid` and `InvalidArgument` for what the group cannot be, `Duplicate` when the identifier
/// is taken.
pub async fn create(
    app: &App,
    grant: &Grant<ResourceGroupEdit>,
    mut new: NewResourceGroup,
) -> Result<ResourceGroup> {
    let (scope, caller) = (grant.scope().clone(), grant.caller().clone());
    let scopes = new.check(&scope)?;
    let managed = managed::resource_group_like(&new.identifier);
    let taken = Problem::duplicate(format!(
        "A resource group with identifier {} already exists at the specified scope {}: choose another identifier",
        managed.map_or(new.identifier.as_str(), |group| group.id),
        scope.path()
    ));
    if managed.is_some() {
        return Err(taken);
    }
    let (now, audit_id) = (app.clock.now(), app.rng.uuid());
    app.write_alone("resource_groups.create", grant.actor(), move |tx| {
        check_scopes(tx, &scope, &scopes)?;
        let new = with_known_resources(tx, &scope, &new)?;
        if !store::insert(tx, &scope, &new, now)? {
            return Err(taken.clone());
        }
        let entry = entry_of(Action::Create, &scope, &new)?;
        audit::record(tx, &caller, now, &audit_id, &entry)?;
        bump_version(tx, &scope.account)?;
        stored(tx, &scope, &new.identifier)
    })
    .await
}

fn check_scopes(tx: &mut Tx<'_>, own: &Scope, included: &[Scope]) -> Result<()> {
    check_scope(tx, own)?;
    included.iter().filter(|scope| *scope != own).try_for_each(|scope| check_scope(tx, scope))
}

/// A selector whose ids are all unknown goes as a whole: without ids it would mean the whole type.
fn with_known_resources(tx: &mut Tx<'_>, scope: &Scope, new: &NewResourceGroup) -> Result<NewResourceGroup> {
    let mut named: HashMap<&str, HashSet<&str>> = HashMap::new();
    for selector in &new.filter.resources {
        let ids = selector.identifiers.iter().flatten().map(String::as_str);
        named.entry(&selector.resource_type).or_default().extend(ids);
    }
    let mut known = HashMap::with_capacity(named.len());
    for (resource_type, ids) in named {
        let ids: Vec<&str> = ids.into_iter().collect();
        let mut there = store::known(tx, scope, resource_type, &ids)?;
        there.extend(ids.into_iter().filter(|id| is_managed(scope, resource_type, id)).map(str::to_owned));
        known.insert(resource_type, there);
    }
    let mut kept = new.clone();
    kept.filter.resources.retain_mut(|selector| {
        let Some(ids) = selector.identifiers.as_mut().filter(|ids| !ids.is_empty()) else {
            selector.identifiers = None;
            return true;
        };
        let (known, mut seen) = (known.get(selector.resource_type.as_str()), HashSet::new());
        ids.retain(|id| known.is_some_and(|known| known.contains(id)) && seen.insert(id.clone()));
        !ids.is_empty()
    });
    Ok(kept)
}

/// Is it a role or resource group that comes with the product, and is seen in the scope?
fn is_managed(scope: &Scope, resource_type: &str, id: &str) -> bool {
    match resource_type {
        "ROLE" => managed::role(id).is_some_and(|role| role.level == scope.level()),
        "RESOURCEGROUP" => managed::resource_group(id).is_some_and(|g| g.levels.contains(&scope.level())),
        _ => false,
    }
}

fn covers(group: &NewResourceGroup) -> Result<Value> {
    let json = |value| {
        serde_json::to_value(value).map_err(|e| Problem::internal(format!("cannot write a filter: {e}")))
    };
    Ok(json!({"includedScopes": group.included, "resourceFilter": json(&group.filter)?}))
}

/// The audit entry of what a group is now.
pub(super) fn entry_of<'a>(
    action: Action,
    scope: &'a Scope,
    group: &'a NewResourceGroup,
) -> Result<Entry<'a>> {
    Ok(Entry::about(action, "RESOURCE_GROUP", (&group.identifier, &group.name), scope, covers(group)?))
}

fn stored(tx: &mut Tx<'_>, scope: &Scope, id: &str) -> Result<ResourceGroup> {
    store::find(tx, scope, id)?
        .ok_or_else(|| Problem::internal("a resource group that was just written is not there"))
}

/// Replaces a custom group. What it gains reaches everyone who is bound through it, so the caller must hold
/// the roles' permissions on that. What it had already he gives to nobody.
///
/// # Errors
/// `Invalid` for a managed group, `ResourceNotFound`, `Stale`, `Denied` for what the caller does not hold;
/// those of `create`.
pub async fn update(
    app: &App,
    grant: &Grant<ResourceGroupEdit>,
    mut new: NewResourceGroup,
    seen: IfMatch,
) -> Result<ResourceGroup> {
    let (scope, actor) = (grant.scope().clone(), grant.actor().clone());
    if managed::resource_group(&new.identifier).is_some() {
        return Err(Problem::invalid(
            "Can't update managed resource group: make a custom one with what you need",
        ));
    }
    let scopes = new.check(&scope)?;
    let (now, audit_id) = (app.clock.now(), app.rng.uuid());
    app.write_alone("resource_groups.update", grant.actor(), move |tx| {
        check_scopes(tx, &scope, &scopes)?;
        let new = with_known_resources(tx, &scope, &new)?;
        let Some(old) = store::find(tx, &scope, &new.identifier)? else {
            return Err(not_found(&new.identifier, &scope));
        };
        seen.check(old.tag)?;
        if new.is_of(&old) {
            return Ok(old);
        }
        check_reach(tx, &actor, (&scope, &old), &new)?;
        store::update(tx, &scope, &new, now)?;
        let entry = entry_of(Action::Update, &scope, &new)?;
        audit::record(tx, &actor.caller, now, &audit_id, &entry)?;
        bump_version(tx, &scope.account)?;
        stored(tx, &scope, &new.identifier)
    })
    .await
}

fn check_reach(
    tx: &mut Tx<'_>,
    actor: &Actor,
    (scope, old): (&Scope, &ResourceGroup),
    new: &NewResourceGroup,
) -> Result<()> {
    let before = rights::selectors_of(scope, old.included.clone(), old.filter.clone())?;
    let after = rights::selectors_of(scope, new.included.clone(), new.filter.clone())?;
    if before == after {
        return Ok(());
    }
    for role in assignment_rows::roles_of_resource_group(tx, scope, &new.identifier)? {
        if let Some(permissions) = rights::role_permissions(tx, scope, &role)? {
            let had = Binding { permissions, selectors: before.clone() };
            delegation::only_gained(tx, actor, &had, &Binding { permissions, selectors: after.clone() })?;
        }
    }
    Ok(())
}

/// Removes a custom group and every assignment on it; answers what it was.
///
/// # Errors
/// `Invalid` for a managed group, `ResourceNotFound`, `Stale`.
pub async fn delete(
    app: &App,
    grant: &Grant<ResourceGroupDelete>,
    id: String,
    seen: IfMatch,
) -> Result<ResourceGroup> {
    let (scope, caller) = (grant.scope().clone(), grant.caller().clone());
    if managed::resource_group(&id).is_some() {
        return Err(Problem::invalid(
            "Managed resource group cannot be deleted: delete the role assignments on it instead",
        ));
    }
    let (now, rng) = (app.clock.now(), app.rng.clone());
    app.write_alone("resource_groups.delete", grant.actor(), move |tx| {
        let Some(group) = store::find(tx, &scope, &id)? else { return Err(not_found(&id, &scope)) };
        seen.check(group.tag)?;
        let bound = assignment_rows::of_resource_group(tx, &scope, &id)?;
        assignments::remove_rows(tx, &caller, now, &rng, &bound)?;
        store::delete(tx, &scope, &id)?;
        let by = By { caller: &caller, now, rng: &rng };
        gone::resource(tx, by, &scope, "RESOURCEGROUP", &id)?;
        let entry = Entry::about(Action::Delete, "RESOURCE_GROUP", (&id, &group.name), &scope, Value::Null);
        audit::record(tx, &caller, now, &rng.uuid(), &entry)?;
        bump_version(tx, &scope.account)?;
        Ok(group)
    })
    .await
}
