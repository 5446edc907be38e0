//! The one decision: do these rights allow this? Pure (platform API §9).

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::permissions::{Permission, PermissionSet};
use crate::kernel::scope::Scope;

/// On which resources of a scope a binding holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// Every resource of every type.
    All,
    /// By resource type: all of it (`None`), or those ids.
    Types(HashMap<String, Option<HashSet<String>>>),
}

/// One included scope of a resource group, with its resources.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selector {
    /// Where the resources live.
    pub scope: Scope,
    /// Also in every scope below (`INCLUDING_CHILD_SCOPES`)?
    pub children: bool,
    /// Which of them.
    pub what: Arc<What>,
}

/// An enabled role assignment of the principal, direct or through a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binding {
    /// What its role may do.
    pub permissions: PermissionSet,
    /// What its resource group covers.
    pub selectors: Vec<Selector>,
}

/// All that a principal holds in one account.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rights {
    /// In no particular order.
    pub bindings: Vec<Binding>,
}

/// A question.
#[derive(Clone, Copy, Debug)]
pub struct Check<'a> {
    /// May he do this …
    pub permission: &'static Permission,
    /// … in this scope …
    pub scope: &'a Scope,
    /// … on this resource, or on the type as a whole?
    pub resource: Option<&'a str>,
}

impl Rights {
    /// The decision. A check without a resource needs a whole-type or an all match.
    pub fn allow(&self, check: Check<'_>) -> bool {
        self.bindings.iter().any(|binding| binding.allows(check))
    }
}

impl Binding {
    fn allows(&self, check: Check<'_>) -> bool {
        self.permissions.has(check.permission) && self.selectors.iter().any(|s| s.matches(check))
    }
}

impl Selector {
    fn matches(&self, check: Check<'_>) -> bool {
        let here = if self.children { self.scope.contains(check.scope) } else { self.scope == *check.scope };
        here && match &*self.what {
            What::All => true,
            What::Types(types) => match types.get(check.permission.resource_type) {
                None => false,
                Some(None) => true,
                Some(Some(ids)) => check.resource.is_some_and(|id| ids.contains(id)),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::permissions::{Ask as _, UserManage, UserView};
    use crate::kernel::ids::AccountId;

    fn scope(org: Option<&str>) -> Scope {
        Scope::of(AccountId::new("a"), org, None).unwrap()
    }

    fn rights(children: bool, what: What) -> Rights {
        let selector = Selector { scope: scope(None), children, what: Arc::new(what) };
        let permissions = PermissionSet::default().with(UserView::PERMISSION);
        Rights { bindings: vec![Binding { permissions, selectors: vec![selector] }] }
    }

    fn view(rights: &Rights, scope: &Scope, resource: Option<&str>) -> bool {
        rights.allow(Check { permission: UserView::PERMISSION, scope, resource })
    }

    #[test]
    fn nothing_is_allowed_without_a_binding() {
        assert!(!view(&Rights::default(), &scope(None), None));
    }

    #[test]
    fn child_scopes_only_when_the_group_says_so() {
        assert!(view(&rights(true, What::All), &scope(Some("o")), None));
        assert!(!view(&rights(false, What::All), &scope(Some("o")), None));
        assert!(view(&rights(false, What::All), &scope(None), None));
    }

    #[test]
    fn another_permission_and_another_account_are_refused() {
        let rights = rights(true, What::All);
        assert!(!rights.allow(Check {
            permission: UserManage::PERMISSION,
            scope: &scope(None),
            resource: None
        }));
        assert!(!view(&rights, &Scope::account(AccountId::new("b")), None));
    }

    #[test]
    fn ids_hold_for_themselves_only() {
        let one = HashMap::from([("USER".to_owned(), Some(HashSet::from(["u1".to_owned()])))]);
        let rights = rights(false, What::Types(one));
        assert!(view(&rights, &scope(None), Some("u1")));
        assert!(!view(&rights, &scope(None), Some("u2")));
        assert!(!view(&rights, &scope(None), None), "the whole type needs more than one id");
    }
}
