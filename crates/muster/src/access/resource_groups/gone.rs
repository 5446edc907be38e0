//! What is removed goes from the resource groups that name it. They go by names: else who holds a role on
//! such a group would hold it on the next thing of that name, which is somebody else's. Users stay named:
//! their ids are never given again.

use db::Tx;

use super::actions::entry_of;
use super::model::{NewResourceGroup, ResourceGroup, included};
use super::store;
use crate::access::rights::ResourceFilter;
use crate::accounts::store::bump_version;
use crate::audit::{self, Action};
use crate::kernel::caller::Caller;
use crate::kernel::problem::Result;
use crate::kernel::rng::Rng;
use crate::kernel::scope::Scope;
use crate::kernel::time::Timestamp;

/// Who removes, and when.
#[derive(Clone, Copy, Debug)]
pub struct By<'b> {
    /// Who.
    pub caller: &'b Caller,
    /// When.
    pub now: Timestamp,
    /// For the ids of audit rows.
    pub rng: &'b Rng,
}

/// A resource was removed from a scope: the groups that name resources one by one are those of that scope.
///
/// # Errors
/// Of the database.
pub fn resource(tx: &mut Tx<'_>, by: By<'_>, scope: &Scope, resource_type: &str, id: &str) -> Result<()> {
    for mut group in store::naming(tx, scope, id)? {
        if drop_id(&mut group.filter, resource_type, id) {
            write(tx, by, group)?;
        }
    }
    Ok(())
}

/// An organization or project was removed with all that is in it.
///
/// # Errors
/// Of the database.
pub fn scope(tx: &mut Tx<'_>, by: By<'_>, gone: &Scope) -> Result<()> {
    let (Some(org), project) = (gone.org(), gone.project_id()) else { return Ok(()) };
    let account = Scope::account(gone.account.clone());
    let mut above = vec![account.clone()];
    match project {
        None => resource(tx, by, &account, "ORGANIZATION", org)?,
        Some(project) => {
            let home = Scope::of(gone.account.clone(), Some(org), None)?;
            resource(tx, by, &home, "PROJECT", project)?;
            above.push(home);
        }
    }
    for home in above {
        for mut group in store::naming(tx, &home, project.unwrap_or(org))? {
            if leave(&mut group, gone)? {
                write(tx, by, group)?;
            }
        }
    }
    Ok(())
}

/// Without any id a selector would mean the whole type: so it goes with its last one.
fn drop_id(filter: &mut ResourceFilter, resource_type: &str, id: &str) -> bool {
    let mut changed = false;
    filter.resources.retain_mut(|selector| {
        let Some(ids) = selector.identifiers.as_mut().filter(|ids| !ids.is_empty()) else { return true };
        let before = ids.len();
        if selector.resource_type == resource_type {
            ids.retain(|known| known != id);
        }
        changed |= ids.len() != before;
        !ids.is_empty()
    });
    changed
}

/// Takes scopes out of a group. One that has none left covers nothing.
fn leave(group: &mut ResourceGroup, gone: &Scope) -> Result<bool> {
    let mut kept = Vec::with_capacity(group.included.len());
    for item in &group.included {
        let (org, project) = (item.org_identifier.as_deref(), item.project_identifier.as_deref());
        if !gone.contains(&Scope::of(gone.account.clone(), org, project)?) {
            kept.push(item.clone());
        }
    }
    let changed = kept.len() != group.included.len();
    if kept.is_empty() {
        kept.push(included(&group.scope, false));
        group.filter = ResourceFilter::default();
    }
    group.included = kept;
    Ok(changed)
}

fn write(tx: &mut Tx<'_>, by: By<'_>, group: ResourceGroup) -> Result<()> {
    let ResourceGroup { scope, identifier, name, color, description, tags, included, filter, .. } = group;
    let new = NewResourceGroup { identifier, name, color, description, tags, included, filter };
    store::update(tx, &scope, &new, by.now)?;
    let entry = entry_of(Action::Update, &scope, &new)?;
    audit::record(tx, by.caller, by.now, &by.rng.uuid(), &entry)?;
    bump_version(tx, &scope.account)
}
