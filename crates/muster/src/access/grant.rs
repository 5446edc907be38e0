//! Grants: the proof that a check said yes. An action that needs a permission takes a `Grant<P>`; there is no
//! other way to make one than to ask.

use std::marker::PhantomData;
use std::sync::Arc;

use db::Snapshot;

use super::decide::{Check, Rights};
use super::permissions::{Ask, OrganizationView, ProjectView};
use crate::kernel::caller::{Caller, PrincipalKind};
use crate::kernel::problem::{FailedCheck, Problem, Result};
use crate::kernel::scope::Scope;

/// An authenticated caller with what he holds. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Actor {
    /// Who.
    pub caller: Caller,
    /// With which rights.
    pub rights: Arc<Rights>,
    /// What both were read in, where the request goes on to read: the same instant for the decision and the
    /// data.
    pub snapshot: Snapshot,
    /// May the request be answered from its beginning, credential and all, where access changed before its
    /// read began?
    pub anew: bool,
}

/// Proof that the caller holds `P` in `scope` (on one resource, or on the whole type).
#[derive(Debug)]
pub struct Grant<P> {
    actor: Actor,
    scope: Scope,
    asked: PhantomData<fn() -> P>,
}

impl Actor {
    /// Asks for `P` on the type as a whole.
    ///
    /// # Errors
    /// `Denied`, naming the permission.
    pub fn grant<P: Ask>(&self, scope: &Scope) -> Result<Grant<P>> {
        self.grant_on(scope, None)
    }

    /// Asks for `P` on one resource.
    ///
    /// # Errors
    /// `Denied`, naming the permission and the resource.
    pub fn grant_on<P: Ask>(&self, scope: &Scope, resource: Option<&str>) -> Result<Grant<P>> {
        if !self.holds::<P>(scope, resource) {
            return Err(self.denied::<P>(scope, resource));
        }
        Ok(Grant { actor: self.clone(), scope: scope.clone(), asked: PhantomData })
    }

    /// Whether he holds `P`, for lists that show only what he may see.
    pub fn holds<P: Ask>(&self, scope: &Scope, resource: Option<&str>) -> bool {
        let console = self.caller.principal.kind == PrincipalKind::System;
        let own = scope.account == self.caller.account;
        own && (console || self.rights.allow(Check { permission: P::PERMISSION, scope, resource }))
    }

    /// As `holds` for the whole type, in the scope and in every scope below it.
    pub fn holds_below<P: Ask>(&self, scope: &Scope) -> bool {
        let console = self.caller.principal.kind == PrincipalKind::System;
        let own = scope.account == self.caller.account;
        let check = Check { permission: P::PERMISSION, scope, resource: None };
        own && (console || self.rights.reach(check, true))
    }

    /// May he hear that a scope is not there? He may see it, or holds something in it; to anybody else it is
    /// as one in which he holds nothing, so that nobody finds out which ones there are.
    pub fn knows(&self, scope: &Scope) -> bool {
        let console = self.caller.principal.kind == PrincipalKind::System;
        let own = scope.account == self.caller.account;
        let seen = match (scope.org(), scope.project_id()) {
            (_, Some(project)) => self.holds::<ProjectView>(scope, Some(project)),
            (Some(org), None) => self.holds::<OrganizationView>(scope, Some(org)),
            (None, None) => true,
        };
        own && (console || seen || self.rights.reaches(scope))
    }

    fn denied<P: Ask>(&self, scope: &Scope, resource: Option<&str>) -> Problem {
        let principal = &self.caller.principal;
        let who = format!("Principal of type {} with identifier {}", principal.kind.as_str(), principal.id);
        let check = FailedCheck {
            permission: P::PERMISSION.id,
            resource_type: P::PERMISSION.resource_type,
            resource: resource.map(str::to_owned),
            scope: scope.clone(),
        };
        Problem::denied(&who, check).code("insufficient_permission")
    }

    /// The operator at the console of this machine.
    pub fn console(caller: Caller) -> Self {
        debug_assert_eq!(caller.principal.kind, PrincipalKind::System);
        Self { caller, rights: Arc::default(), snapshot: Snapshot::default(), anew: false }
    }
}

impl<P> Grant<P> {
    /// Who holds it.
    pub fn caller(&self) -> &Caller {
        &self.actor.caller
    }
    /// Who holds it, with all else he holds.
    pub fn actor(&self) -> &Actor {
        &self.actor
    }
    /// What it was decided in: reads that need it see the same instant.
    pub fn snapshot(&self) -> &Snapshot {
        &self.actor.snapshot
    }
    /// Where it holds.
    pub fn scope(&self) -> &Scope {
        &self.scope
    }
}

impl<P> Clone for Grant<P> {
    fn clone(&self) -> Self {
        Self { actor: self.actor.clone(), scope: self.scope.clone(), asked: PhantomData }
    }
}
