//! What a resource group is and which there can be.

use std::collections::BTreeSet;

use crate::access::managed::ManagedResourceGroup;
use crate::access::permissions::CATALOGUE;
use crate::access::rights::{IncludedScope, ResourceFilter};
use crate::kernel::listing::{Listed, words};
use crate::kernel::problem::{Problem, Result};
use crate::kernel::scope::{Level, Scope};
use crate::kernel::text::{FieldCheck, Tags, is_color};
use crate::kernel::time::Timestamp;
use crate::kernel::version::Tag;

/// The colour of a group whose maker names none.
pub const DEFAULT_COLOR: &str = "#0063F7";
/// The filter of an included scope that stops at the scope.
pub const EXCLUDING: &str = "EXCLUDING_CHILD_SCOPES";
/// The filter of an included scope that goes on below it.
pub const INCLUDING: &str = "INCLUDING_CHILD_SCOPES";

/// Ids of resources that one group names at most: all are looked up in one transaction, for which the other
/// changes of the account wait.
const IDS_MOST: usize = 10_000;

/// A resource group, managed or custom.
#[derive(Clone, Debug)]
pub struct ResourceGroup {
    /// Where it lives; for a managed one the scope it is seen from.
    pub scope: Scope,
    /// Unique in its scope.
    pub identifier: String,
    /// For people.
    pub name: String,
    /// `#RRGGBB`.
    pub color: String,
    /// For people.
    pub description: Option<String>,
    /// Free labels.
    pub tags: Tags,
    /// Where it can be used.
    pub levels: Vec<Level>,
    /// Scopes it covers.
    pub included: Vec<IncludedScope>,
    /// What of them.
    pub filter: ResourceFilter,
    /// When it was made and last changed; `None` for managed ones.
    pub times: Option<(Timestamp, Timestamp)>,
    /// Of what is stored.
    pub tag: Tag,
}

impl ResourceGroup {
    /// Does it come with the product?
    pub fn managed(&self) -> bool {
        self.times.is_none()
    }

    /// Bytes of the ids that it names and of its labels.
    pub fn weight(&self) -> usize {
        let named = self.filter.resources.iter().filter_map(|selector| selector.identifiers.as_ref());
        let labels = self.tags.iter().map(|(key, value)| key.len() + value.len() + 6);
        named.flatten().map(|id| id.len() + 3).chain(labels).sum()
    }

    /// The managed group as seen from `scope`; `None` where it cannot be used.
    pub fn from_managed(group: &ManagedResourceGroup, scope: &Scope) -> Option<Self> {
        group.levels.contains(&scope.level()).then(|| Self {
            scope: scope.clone(),
            identifier: group.id.into(),
            name: group.name.into(),
            color: DEFAULT_COLOR.into(),
            description: Some(group.description.into()),
            tags: Tags::new(),
            levels: group.levels.to_vec(),
            included: vec![included(scope, group.children)],
            filter: ResourceFilter { include_all_resources: true, resources: Vec::new() },
            times: None,
            tag: Tag::MANAGED,
        })
    }
}

/// What a list is searched and ordered by: all that is read of those groups that are not on the page.
#[derive(Debug)]
pub struct Line {
    /// See `ResourceGroup`.
    pub identifier: String,
    /// See `ResourceGroup`.
    pub name: String,
    /// See `ResourceGroup`.
    pub tags: Tags,
    /// See `ResourceGroup`.
    pub times: Option<(Timestamp, Timestamp)>,
}

impl Line {
    /// The line of a managed group.
    pub fn of_managed(group: &ManagedResourceGroup) -> Self {
        Self { identifier: group.id.into(), name: group.name.into(), tags: Tags::new(), times: None }
    }
}

impl Listed for Line {
    fn identifier(&self) -> &str {
        &self.identifier
    }
    fn name(&self) -> &str {
        &self.name
    }
    fn texts(&self) -> impl Iterator<Item = &str> {
        words(&self.tags)
    }
    fn times(&self) -> Option<(Timestamp, Timestamp)> {
        self.times
    }
}

/// A scope, with or without those below it.
pub(super) fn included(scope: &Scope, children: bool) -> IncludedScope {
    IncludedScope {
        filter: if children { INCLUDING } else { EXCLUDING }.into(),
        org_identifier: scope.org().map(str::to_owned),
        project_identifier: scope.project_id().map(str::to_owned),
    }
}

/// What a client wants a custom resource group to be.
#[derive(Clone, Debug)]
pub struct NewResourceGroup {
    /// See `ResourceGroup`.
    pub identifier: String,
    /// See `ResourceGroup`.
    pub name: String,
    /// See `ResourceGroup`.
    pub color: String,
    /// See `ResourceGroup`.
    pub description: Option<String>,
    /// See `ResourceGroup`.
    pub tags: Tags,
    /// Empty means the own scope without those below.
    pub included: Vec<IncludedScope>,
    /// See `ResourceGroup`.
    pub filter: ResourceFilter,
}

impl NewResourceGroup {
    /// Is the group so already?
    pub fn is_of(&self, stored: &ResourceGroup) -> bool {
        (&self.name, &self.color, &self.description, &self.tags)
            == (&stored.name, &stored.color, &stored.description, &stored.tags)
            && (&self.included, &self.filter) == (&stored.included, &stored.filter)
    }

    /// Checks grammar, scopes and resources for a group of `scope`, and fills in the own scope when none is
    /// named. Answers the scopes whose existence is still to be checked.
    ///
    /// # Errors
    /// `Fields` for grammar, `Invalid` for too many identifiers, scopes outside of the group's or resources
    /// that contradict each other, `InvalidArgument` for a resource type that does not exist.
    pub fn check(&mut self, scope: &Scope) -> Result<Vec<Scope>> {
        self.check_size()?;
        let mut fields = FieldCheck::new();
        fields.identifier("resourceGroup.identifier", &self.identifier);
        fields.name("resourceGroup.name", &self.name);
        fields.description("resourceGroup.description", self.description.as_deref());
        fields.tags("resourceGroup.tags", &self.tags);
        if !is_color(&self.color) {
            let text = "must be written as # and six hexadecimal digits, for example #0063F7";
            fields.fail("resourceGroup.color", text);
        }
        for (at, selector) in self.filter.resources.iter().enumerate() {
            if selector.resource_type.is_empty() {
                let field = format!("resourceGroup.resourceFilter.resources[{at}].resourceType");
                fields.fail(&field, "cannot be empty; send the name of a resource type");
            }
        }
        fields.done()?;
        if self.included.is_empty() {
            self.included.push(included(scope, false));
        }
        let scopes = self.scopes(scope)?;
        self.check_resources(scopes.iter().any(|s| s != scope))?;
        Ok(scopes)
    }

    fn check_size(&self) -> Result<()> {
        let named = self.filter.resources.iter().filter_map(|selector| selector.identifiers.as_ref());
        match named.map(Vec::len).sum() {
            0..=IDS_MOST => Ok(()),
            ids => Err(Problem::invalid(format!(
                "{ids} identifiers are too many for one resource group: name at most {IDS_MOST} of all types together, \
                or whole resource types"
            ))),
        }
    }

    fn scopes(&self, scope: &Scope) -> Result<Vec<Scope>> {
        let mut scopes = Vec::with_capacity(self.included.len());
        for item in &self.included {
            if item.filter != EXCLUDING && item.filter != INCLUDING {
                let text = format!(
                    "The included scope filter {:?} is unknown: use {EXCLUDING} or {INCLUDING}",
                    item.filter
                );
                return Err(Problem::invalid(text));
            }
            let (org, project) = (item.org_identifier.as_deref(), item.project_identifier.as_deref());
            let at = Scope::of(scope.account.clone(), org, project)?;
            if !scope.contains(&at) {
                return Err(Problem::invalid(format!(
                    "Scope of included scopes does not match with the scope of resource group: {} is not in {}. Include \
                    scopes of the group's own scope only",
                    at.path(),
                    scope.path()
                )));
            }
            scopes.push(at);
        }
        Ok(scopes)
    }

    fn check_resources(&self, elsewhere: bool) -> Result<()> {
        if self.filter.include_all_resources {
            return if self.filter.resources.is_empty() {
                Ok(())
            } else {
                Err(Problem::invalid(
                    "Cannot provide specific resources when you include all resources: set includeAllResources to false \
                    or leave resources empty",
                ))
            };
        }
        let dynamic = elsewhere || self.included.iter().any(|s| s.filter == INCLUDING);
        for selector in &self.filter.resources {
            if !is_resource_type(&selector.resource_type) {
                let all: Vec<_> = resource_types(None).into_iter().collect();
                return Err(Problem::argument(format!(
                    "The resource type {:?} does not exist: use one of {}",
                    selector.resource_type,
                    all.join(", ")
                )));
            }
            if dynamic && selector.identifiers.as_ref().is_some_and(|ids| !ids.is_empty()) {
                return Err(Problem::invalid(
                    "Cannot provide specific identifiers in resource filter for a dynamic scope: name identifiers only in \
                    a group of the own scope without its child scopes",
                ));
            }
        }
        Ok(())
    }
}

fn is_resource_type(name: &str) -> bool {
    CATALOGUE.iter().any(|p| p.resource_type == name)
}

/// The resource types that permissions are asked of, all of them or those of one level, in alphabetical
/// order.
pub fn resource_types(level: Option<Level>) -> BTreeSet<&'static str> {
    let of_level = CATALOGUE.iter().filter(|p| level.is_none_or(|level| p.allows_level(level)));
    of_level.map(|p| p.resource_type).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::rights::ResourceSelector;
    use crate::kernel::ids::AccountId;

    fn group(included: Vec<IncludedScope>, filter: ResourceFilter) -> NewResourceGroup {
        NewResourceGroup {
            identifier: "g".into(),
            name: "G".into(),
            color: DEFAULT_COLOR.into(),
            description: None,
            tags: Tags::new(),
            included,
            filter,
        }
    }

    fn users(ids: &[&str]) -> ResourceFilter {
        let identifiers = Some(ids.iter().map(|id| (*id).to_owned()).collect());
        let resources = vec![ResourceSelector { resource_type: "USER".into(), identifiers }];
        ResourceFilter { include_all_resources: false, resources }
    }

    #[test]
    fn the_own_scope_is_the_default() {
        let scope = Scope::of(AccountId::new("a"), Some("o"), None).unwrap();
        let mut group = group(Vec::new(), users(&["u"]));
        assert_eq!(group.check(&scope).unwrap(), [scope]);
        assert_eq!(group.included[0].filter, EXCLUDING);
    }

    #[test]
    fn groups_never_reach_out_of_their_scope() {
        let org = Scope::of(AccountId::new("a"), Some("o"), None).unwrap();
        let account = Scope::account(AccountId::new("a"));
        let mut up = group(vec![included(&account, false)], ResourceFilter::default());
        assert!(up.check(&org).unwrap_err().message().contains("does not match"));
        let mut down = group(vec![included(&org, true)], ResourceFilter::default());
        assert!(down.check(&account).is_ok());
    }

    #[test]
    fn resources_do_not_contradict_each_other() {
        let scope = Scope::account(AccountId::new("a"));
        let mut all = users(&[]);
        all.include_all_resources = true;
        assert!(group(Vec::new(), all).check(&scope).is_err());
        assert!(group(vec![included(&scope, true)], users(&["u"])).check(&scope).is_err());
        assert!(group(vec![included(&scope, true)], users(&[])).check(&scope).is_ok());
        let mut unknown = users(&[]);
        unknown.resources[0].resource_type = "PIPELINE".into();
        assert!(group(Vec::new(), unknown).check(&scope).unwrap_err().message().contains("SERVICEACCOUNT"));
    }
}
