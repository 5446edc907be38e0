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
#[derive(Clone, Debug, Default, PartialEq, Eq)]
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

/// Something that a binding gives and other rights do not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lack<'a> {
    /// The permission …
    pub permission: &'static Permission,
    /// … in this scope …
    pub scope: &'a Scope,
    /// … and below it …
    pub children: bool,
    /// … on one resource, or on the type as a whole.
    pub resource: Option<&'a str>,
}

impl Check<'_> {
    /// The other scope in which the same organization or project can be asked for. It is a resource of the
    /// scope above, where resource groups name it, and a scope of its own, in which its own bindings hold:
    /// who asks in one asks for both.
    fn other_scope(&self) -> Option<Scope> {
        let (scope, resource) = (self.scope, self.resource?);
        match (self.permission.resource_type, scope.org(), scope.project_id()) {
            ("ORGANIZATION", None, None) => Scope::of(scope.account.clone(), Some(resource), None).ok(),
            ("PROJECT", Some(org), None) => Scope::of(scope.account.clone(), Some(org), Some(resource)).ok(),
            ("ORGANIZATION", Some(own), None) | ("PROJECT", _, Some(own)) if own == resource => {
                scope.parent()
            }
            _ => None,
        }
    }
}

impl Rights {
    /// Do they give all that these others do?
    pub fn include(&self, others: &Self) -> bool {
        let among = |binding: &Binding| self.bindings.contains(binding) || self.lack(binding).is_none();
        others.bindings.iter().all(among)
    }

    /// The decision. A check without a resource needs a whole-type or an all match.
    pub fn allow(&self, check: Check<'_>) -> bool {
        self.reach(check, false)
    }

    /// As `allow`; with `below` the answer holds for every scope under the check's too.
    pub fn reach(&self, check: Check<'_>, below: bool) -> bool {
        let held = |check: Check<'_>| self.bindings.iter().any(|binding| binding.allows(check, below));
        // What holds in the other scope says nothing of what is below this one.
        let other = || (!below).then(|| check.other_scope()).flatten();
        held(check) || other().is_some_and(|scope| held(Check { scope: &scope, ..check }))
    }

    /// Whether the permission is held for anything at all.
    pub fn has_somewhere(&self, permission: &Permission) -> bool {
        let covers = |selector: &Selector| selector.what.has_any(permission);
        self.bindings.iter().any(|b| b.permissions.has(permission) && b.selectors.iter().any(covers))
    }

    /// Whether anything at all can be done in the scope.
    pub fn reaches(&self, scope: &Scope) -> bool {
        let here = |selector: &&Selector| {
            if selector.children { selector.scope.contains(scope) } else { selector.scope == *scope }
        };
        self.bindings.iter().any(|binding| {
            let mut selectors = binding.selectors.iter().filter(here);
            selectors.any(|selector| {
                let gives = |p: &Permission| p.allows_level(scope.level()) && selector.what.has_any(p);
                binding.permissions.iter().any(gives)
            })
        })
    }

    /// The first thing that `given` gives and these rights do not have; `None` when they have all of it.
    pub fn lack<'a>(&self, given: &'a Binding) -> Option<Lack<'a>> {
        self.lack_beside(&Binding::default(), given)
    }

    /// As `lack`, without what is in `had` already.
    pub fn lack_beside<'a>(&self, had: &Binding, given: &'a Binding) -> Option<Lack<'a>> {
        given.selectors.iter().find_map(|selector| {
            given.permissions.iter().find_map(|permission| self.lack_of(permission, selector, had))
        })
    }

    fn lack_of<'a>(
        &self,
        permission: &'static Permission,
        given: &'a Selector,
        had: &Binding,
    ) -> Option<Lack<'a>> {
        let (scope, children) = (&given.scope, given.reaches_below());
        let lack = |resource| Lack { permission, scope, children, resource };
        let held = |resource| {
            let check = Check { permission, scope, resource };
            had.allows(check, children) || self.reach(check, children)
        };
        match given.what.of(permission) {
            Part::Whole => (!held(None)).then(|| lack(None)),
            Part::Ids(ids) => {
                ids.iter().map(String::as_str).find(|id| !held(Some(id))).map(|id| lack(Some(id)))
            }
            Part::Nothing => None,
        }
    }
}

impl Binding {
    fn allows(&self, check: Check<'_>, below: bool) -> bool {
        self.permissions.has(check.permission) && self.selectors.iter().any(|s| s.matches(check, below))
    }
}

impl Selector {
    /// `INCLUDING_CHILD_SCOPES` where there can be child scopes.
    fn reaches_below(&self) -> bool {
        self.children && self.scope.project_id().is_none()
    }

    fn matches(&self, check: Check<'_>, below: bool) -> bool {
        let here = if self.children { self.scope.contains(check.scope) } else { self.scope == *check.scope };
        here && (self.children || !below)
            && match self.what.of(check.permission) {
                Part::Nothing => false,
                Part::Whole => true,
                Part::Ids(ids) => check.resource.is_some_and(|id| ids.contains(id)),
            }
    }
}

/// What of one resource type.
enum Part<'a> {
    Nothing,
    Whole,
    Ids(&'a HashSet<String>),
}

impl What {
    /// Whether there is anything that the permission could be used on.
    fn has_any(&self, permission: &Permission) -> bool {
        match self.of(permission) {
            Part::Nothing => false,
            Part::Whole => true,
            Part::Ids(ids) => !ids.is_empty(),
        }
    }
    /// What of the permission's resource type.
    fn of(&self, permission: &Permission) -> Part<'_> {
        match self {
            Self::All => Part::Whole,
            Self::Types(types) => match types.get(permission.resource_type) {
                None => Part::Nothing,
                Some(None) => Part::Whole,
                Some(Some(ids)) => Part::Ids(ids),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::permissions::{AccountView, Ask, OrganizationEdit, ProjectEdit, UserManage, UserView};
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
    fn what_no_selector_covers_is_held_nowhere() {
        let of = |types: &[(&str, Option<&[&str]>)]| {
            let ids = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect::<HashSet<_>>();
            What::Types(types.iter().map(|(name, only)| ((*name).to_owned(), only.map(ids))).collect())
        };
        let some = |what| rights(true, what).has_somewhere(UserView::PERMISSION);
        assert!(some(What::All) && some(of(&[("USER", None)])) && some(of(&[("USER", Some(&["u"]))])));
        assert!(!some(of(&[("ROLE", None)])) && !some(of(&[("USER", Some(&[]))])) && !some(of(&[])));
        assert!(!rights(true, What::All).has_somewhere(UserManage::PERMISSION));
    }

    #[test]
    fn a_scope_is_reached_by_whatever_can_be_done_in_it() {
        let ids = |kind: &str, ids: &[&str]| {
            let ids = ids.iter().map(|id| (*id).to_owned()).collect();
            What::Types(HashMap::from([(kind.to_owned(), Some(ids))]))
        };
        assert!(rights(true, What::All).reaches(&scope(Some("o"))));
        assert!(rights(false, ids("USER", &["u"])).reaches(&scope(None)));
        assert!(!rights(false, What::All).reaches(&scope(Some("o"))), "not below");
        for nothing in [ids("USER", &[]), ids("ROLE", &["r"])] {
            assert!(!rights(true, nothing).reaches(&scope(None)));
        }
        assert!(!Rights::default().reaches(&scope(None)));
        let mut of_accounts = rights(true, What::All);
        of_accounts.bindings[0].permissions = PermissionSet::default().with(AccountView::PERMISSION);
        assert!(
            of_accounts.reaches(&scope(None)) && !of_accounts.reaches(&scope(Some("o"))),
            "no such right there"
        );
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

    fn holds<P: Ask>(rights: &Rights, scope: &Scope, resource: Option<&str>) -> bool {
        rights.allow(Check { permission: P::PERMISSION, scope, resource })
    }

    #[test]
    fn organizations_and_projects_are_resources_of_the_scope_above() {
        let at = |org, project| Scope::of(AccountId::new("a"), org, project).unwrap();
        let named = |scope: Scope, kind: &str, id: &str| {
            let what = What::Types(HashMap::from([(kind.into(), Some(HashSet::from([id.to_owned()])))]));
            let selectors = vec![Selector { scope, children: false, what: what.into() }];
            let permissions =
                PermissionSet::default().with(OrganizationEdit::PERMISSION).with(ProjectEdit::PERMISSION);
            Rights { bindings: vec![Binding { permissions, selectors }] }
        };
        let (org, project) = (at(Some("o"), None), at(Some("o"), Some("p")));
        let edits_org = holds::<OrganizationEdit>;
        let rights = named(at(None, None), "ORGANIZATION", "o");
        assert!(edits_org(&rights, &org, Some("o")) && edits_org(&rights, &at(None, None), Some("o")));
        assert!(!edits_org(&rights, &at(Some("other"), None), Some("other")));
        assert!(!edits_org(&rights, &at(Some("other"), None), Some("o")), "another one's scope");
        assert!(!edits_org(&rights, &org, None) && !edits_org(&rights, &project, Some("o")));
        let own = named(org.clone(), "ORGANIZATION", "o");
        assert!(edits_org(&own, &at(None, None), Some("o")) && !edits_org(&own, &at(None, None), Some("p")));
        let inside = Check { permission: OrganizationEdit::PERMISSION, scope: &org, resource: Some("o") };
        assert!(!rights.reach(inside, true), "the organization itself, not what is below it");
        let edits_project = holds::<ProjectEdit>;
        let rights = named(org, "PROJECT", "p");
        assert!(edits_project(&rights, &project, Some("p")) && !edits_project(&rights, &project, None));
        assert!(!edits_project(&rights, &at(Some("other"), Some("p")), Some("p")));
    }

    #[test]
    fn nobody_has_what_reaches_further_than_his_own() {
        let given = |children, what| rights(children, what).bindings.remove(0);
        let ids = |ids: &[&str]| {
            What::Types(HashMap::from([(
                "USER".to_owned(),
                Some(ids.iter().map(|id| (*id).to_owned()).collect()),
            )]))
        };
        let (below, here, one) =
            (rights(true, What::All), rights(false, What::All), rights(false, ids(&["u1"])));
        assert_eq!(below.lack(&given(true, What::All)), None);
        assert_eq!(below.lack(&given(false, ids(&["u1"]))), None);
        assert_eq!(here.lack(&given(false, What::All)), None);
        assert!(here.lack(&given(true, What::All)).is_some_and(|l| l.children), "child scopes");
        assert!(one.lack(&given(false, What::All)).is_some_and(|l| l.resource.is_none()), "the whole type");
        assert_eq!(one.lack(&given(false, ids(&["u1"]))), None);
        assert_eq!(one.lack(&given(false, ids(&["u1", "u2"]))).and_then(|l| l.resource), Some("u2"));
        let mut more = given(false, What::All);
        more.permissions = more.permissions.with(UserManage::PERMISSION);
        assert_eq!(below.lack(&more).map(|l| l.permission.id), Some("core_user_manage"));
        assert_eq!(Rights::default().lack(&given(false, What::Types(HashMap::new()))), None, "nothing given");
    }
}
