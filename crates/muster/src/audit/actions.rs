//! Reading the audit trail.

use super::model::{Area, Filter, Row};
use super::store;
use crate::access::Actor;
use crate::access::permissions::AuditView;
use crate::app::App;
use crate::kernel::page::{Page, PageRequest};
use crate::kernel::problem::{Problem, Result};
use crate::kernel::scope::Scope;

/// Which scopes to look into.
#[derive(Clone, Debug)]
pub enum Wanted {
    /// The account, and as much below it as the actor may see as a whole.
    Account,
    /// These scopes, each with those below it or without.
    Scopes(Vec<Scope>, bool),
}

/// The rows that match.
///
/// # Errors
/// `Denied` without `core_audit_view` in one of the scopes (and below it, where that was asked for).
pub async fn list(
    app: &App,
    actor: &Actor,
    wanted: Wanted,
    filter: Filter,
    page: PageRequest,
) -> Result<Page<Row>> {
    let areas = areas(actor, wanted)?;
    let account = actor.caller.account.clone();
    let read = move |tx: &mut db::Tx<'_>| -> Result<_> { store::page(tx, &account, &areas, &filter, page) };
    let (rows, total) = app.db.of(&actor.caller.account).read("audit.list", read).await?;
    Ok(Page::new(page, rows, total))
}

fn areas(actor: &Actor, wanted: Wanted) -> Result<Vec<Area>> {
    let (scopes, below) = match wanted {
        Wanted::Account => {
            let scope = Scope::account(actor.caller.account.clone());
            actor.grant::<AuditView>(&scope)?;
            let below = actor.holds_below::<AuditView>(&scope);
            return Ok(vec![Area { scope, below }]);
        }
        Wanted::Scopes(scopes, below) => (scopes, below),
    };
    for scope in &scopes {
        actor.grant::<AuditView>(scope)?;
        if below && !actor.holds_below::<AuditView>(scope) {
            return Err(refused_below(scope));
        }
    }
    Ok(scopes.into_iter().map(|scope| Area { scope, below }).collect())
}

fn refused_below(scope: &Scope) -> Problem {
    let text = format!(
        "You hold core_audit_view in {} but not in every scope below it: leave includeChildScopes out or name the \
        scopes that you may see",
        scope.path()
    );
    Problem::new(crate::kernel::problem::Kind::Denied, text).code("insufficient_permission")
}
