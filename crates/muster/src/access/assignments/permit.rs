//! Who may see or change role assignments: that hangs on the kind of the principal (platform API §7).

use crate::access::Actor;
use crate::access::permissions::{
    Ask, ServiceAccountEdit, ServiceAccountView, UserGroupManage, UserGroupView, UserManage, UserView,
};
use crate::kernel::caller::{Caller, PrincipalKind};
use crate::kernel::problem::{Kind, Problem, Result};
use crate::kernel::scope::{Level, Scope};

const KINDS: [PrincipalKind; 3] =
    [PrincipalKind::User, PrincipalKind::UserGroup, PrincipalKind::ServiceAccount];

/// Proof that the actor may bind this principal in this scope.
#[derive(Clone, Debug)]
pub struct Permit {
    actor: Actor,
    scope: Scope,
}

impl Permit {
    /// Asks: users need `core_user_manage`, groups `core_usergroup_manage`, service accounts
    /// `core_serviceaccount_edit`. `level`: where the group or service account lives, as far as it is known;
    /// a resource group of the scope that names identifiers names those of the scope, not a namesake above
    /// it, for which the right on all of them counts.
    ///
    /// # Errors
    /// `Denied`.
    pub fn ask(
        actor: &Actor,
        scope: &Scope,
        kind: PrincipalKind,
        id: &str,
        level: Option<Level>,
    ) -> Result<Self> {
        let here = kind == PrincipalKind::User || level.is_none_or(|level| level == scope.level());
        let id = here.then_some(id);
        match kind {
            PrincipalKind::User => actor.grant_on::<UserManage>(scope, id).map(drop)?,
            PrincipalKind::UserGroup => actor.grant_on::<UserGroupManage>(scope, id).map(drop)?,
            PrincipalKind::ServiceAccount => actor.grant_on::<ServiceAccountEdit>(scope, id).map(drop)?,
            PrincipalKind::System => {
                return Err(Problem::invalid("The system itself cannot be bound to a role"));
            }
        }
        Ok(Self { actor: actor.clone(), scope: scope.clone() })
    }
    /// Who was permitted.
    pub fn actor(&self) -> &Actor {
        &self.actor
    }
    /// Who was permitted.
    pub fn caller(&self) -> &Caller {
        &self.actor.caller
    }
    /// Where.
    pub fn scope(&self) -> &Scope {
        &self.scope
    }
}

fn sees<P: Ask>(actor: &Actor, scope: &Scope, below: bool) -> bool {
    if below { actor.holds_below::<P>(scope) } else { actor.holds::<P>(scope, None) }
}

/// The kinds of principal whose assignments the actor may see in the scope (`below`: and in every scope
/// below it).
pub fn visible_kinds(actor: &Actor, scope: &Scope, below: bool) -> Vec<PrincipalKind> {
    let sees = |kind: &PrincipalKind| match kind {
        PrincipalKind::User => sees::<UserView>(actor, scope, below),
        PrincipalKind::UserGroup => sees::<UserGroupView>(actor, scope, below),
        PrincipalKind::ServiceAccount => sees::<ServiceAccountView>(actor, scope, below),
        PrincipalKind::System => false,
    };
    KINDS.into_iter().filter(sees).collect()
}

/// As `visible_kinds` of the scope alone, and at least one.
///
/// # Errors
/// `NotAuthorized` when the actor may see none.
pub fn some_visible(actor: &Actor, scope: &Scope) -> Result<Vec<PrincipalKind>> {
    let kinds = visible_kinds(actor, scope, false);
    if kinds.is_empty() { Err(none_visible(scope)) } else { Ok(kinds) }
}

/// The refusal for one who may see no assignments.
pub fn none_visible(scope: &Scope) -> Problem {
    let text = format!(
        "User not authorized: to see role assignments in {} you need core_user_view, core_usergroup_view or \
        core_serviceaccount_view there",
        scope.path()
    );
    Problem::new(Kind::NotAuthorized, text)
}
