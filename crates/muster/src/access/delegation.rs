//! What one may give to others: only what one holds, and only where one holds it. So nobody can raise
//! himself by assigning a role, widening a role or widening a resource group.

use db::Tx;

use super::decide::{Binding, Lack};
use super::grant::Actor;
use super::rights;
use crate::kernel::caller::PrincipalKind;
use crate::kernel::problem::{FailedCheck, Problem, Result};
use crate::kernel::scope::Scope;
use crate::settings;
use crate::settings::catalogue::RESTRICT_GRANTS;

/// Refuses `given` when the actor does not hold all of it himself. The operator at the console may give
/// anything, and so may everyone in an account whose setting `restrict_grants_to_own_permissions` is off.
///
/// # Errors
/// `Denied`, naming the first permission that the actor lacks and where.
pub fn only_own(tx: &mut Tx<'_>, actor: &Actor, given: &Binding) -> Result<()> {
    only_gained(tx, actor, &Binding::default(), given)
}

/// As `only_own` for a binding that changes from `had` to `given`: what it gave already is no gift.
///
/// # Errors
/// As `only_own`.
pub fn only_gained(tx: &mut Tx<'_>, actor: &Actor, had: &Binding, given: &Binding) -> Result<()> {
    if actor.caller.principal.kind == PrincipalKind::System {
        return Ok(());
    }
    let Some(lack) = actor.rights.lack_beside(had, given) else { return Ok(()) };
    let account = Scope::account(actor.caller.account.clone());
    if !settings::actions::flag(tx, &account, RESTRICT_GRANTS)? {
        return Ok(());
    }
    let text = format!(
        "You can only give what you hold yourself, and you lack {}: leave it out, or ask someone who holds it. (The \
        account setting restrict_grants_to_own_permissions asks for this.)",
        told(&lack)
    );
    Err(denied(actor, &lack, text))
}

/// Refuses who does not hold everything in the account and below it, for what is as good as giving him that;
/// `why` is told to him. The operator at the console may do it.
///
/// # Errors
/// `Denied`, naming the first permission that the actor lacks and where.
pub fn all_own(tx: &mut Tx<'_>, actor: &Actor, why: &str) -> Result<()> {
    if actor.caller.principal.kind == PrincipalKind::System {
        return Ok(());
    }
    let account = Scope::account(actor.caller.account.clone());
    let all = rights::binding(tx, &account, "_account_admin", "_all_resources_including_child_scopes")?;
    let Some(lack) = all.as_ref().and_then(|all| actor.rights.lack(all)) else { return Ok(()) };
    let text = format!(
        "Only who holds everything in the account may do this, since {why}, and you lack {}: ask an account administrator.",
        told(&lack)
    );
    Err(denied(actor, &lack, text))
}

fn told(lack: &Lack<'_>) -> String {
    let below = if lack.children { " and every scope below it" } else { "" };
    let on = lack.resource.map(|id| format!(" on {id}")).unwrap_or_default();
    format!("{}{on} in {}{below}", lack.permission.id, lack.scope.path())
}

fn denied(actor: &Actor, lack: &Lack<'_>, text: String) -> Problem {
    let check = FailedCheck {
        permission: lack.permission.id,
        resource_type: lack.permission.resource_type,
        resource: lack.resource.map(str::to_owned),
        scope: lack.scope.clone(),
    };
    Problem::denied(&actor.caller.principal.id, check).code("insufficient_permission").reworded(text)
}
