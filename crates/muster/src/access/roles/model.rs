//! What a role is and which roles can be.

use crate::access::managed::{self, ManagedRole};
use crate::access::permissions::{self, PermissionSet};
use crate::kernel::listing::{Listed, words};
use crate::kernel::problem::{Problem, Result};
use crate::kernel::scope::{Level, Scope};
use crate::kernel::text::{FieldCheck, Tags};
use crate::kernel::time::Timestamp;
use crate::kernel::version::Tag;

/// A role, managed or custom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Role {
    /// Where it lives; `None`: managed, there in every scope of its level.
    pub scope: Option<Scope>,
    /// Unique in its scope.
    pub identifier: String,
    /// For people.
    pub name: String,
    /// For people.
    pub description: Option<String>,
    /// Free labels.
    pub tags: Tags,
    /// Permission identifiers.
    pub permissions: Vec<String>,
    /// The one level it can be given at.
    pub level: Level,
    /// When it was made and last changed; `None` for managed ones.
    pub times: Option<(Timestamp, Timestamp)>,
    /// Of what is stored.
    pub tag: Tag,
}

impl From<&'static ManagedRole> for Role {
    fn from(role: &'static ManagedRole) -> Self {
        Self {
            scope: None,
            identifier: role.id.into(),
            name: role.name.into(),
            description: Some(role.description.into()),
            tags: Tags::new(),
            permissions: role.permissions().iter().map(|p| p.id.to_owned()).collect(),
            level: role.level,
            times: None,
            tag: Tag::MANAGED,
        }
    }
}

impl Listed for Role {
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

/// The managed role of that identifier, where it can be seen from `scope`.
pub fn managed_in(scope: &Scope, id: &str) -> Option<Role> {
    managed::role(id).filter(|role| role.level == scope.level()).map(Role::from)
}

/// What a client wants a custom role to be.
#[derive(Clone, Debug, Default)]
pub struct NewRole {
    /// See `Role`.
    pub identifier: String,
    /// See `Role`.
    pub name: String,
    /// See `Role`.
    pub description: Option<String>,
    /// See `Role`.
    pub tags: Tags,
    /// Permission identifiers; repeated ones count once.
    pub permissions: Vec<String>,
    /// `allowedScopeLevels` as sent; empty means the level of the scope.
    pub levels: Vec<String>,
}

impl NewRole {
    /// Is the role so already?
    pub fn is_of(&self, stored: &Role) -> bool {
        (&self.name, &self.description, &self.tags, &self.permissions)
            == (&stored.name, &stored.description, &stored.tags, &stored.permissions)
    }

    /// Checks grammar, level and permissions for a role of `scope`.
    ///
    /// # Errors
    /// `Fields` for grammar, `InvalidArgument` for permissions that cannot be given there.
    pub fn check(&mut self, scope: &Scope) -> Result<()> {
        let mut fields = FieldCheck::new();
        fields.identifier("identifier", &self.identifier);
        fields.name("name", &self.name);
        fields.description("description", self.description.as_deref());
        fields.tags("tags", &self.tags);
        fields.done()?;
        let mut seen = PermissionSet::default();
        let mut bad = Vec::new();
        self.permissions.retain(|id| match permissions::find(id) {
            Some(p) if p.allows_level(scope.level()) => {
                let fresh = !seen.has(p);
                seen = seen.with(p);
                fresh
            }
            _ => {
                bad.push(id.clone());
                true
            }
        });
        if bad.is_empty() {
            return Ok(());
        }
        Err(Problem::argument(format!(
            "Some of the specified permissions in the role are invalid or cannot be given at this scope: {}. \
            GET /authz/api/permissions lists those of the scope {}",
            bad.join(", "),
            scope.path()
        )))
    }

    /// Are the levels sent those of the scope (or none)?
    pub fn fits_level(&self, scope: &Scope) -> bool {
        self.levels.iter().all(|l| Level::parse(l) == Some(scope.level()))
    }
}

/// Why another level cannot be.
pub fn wrong_level(scope: &Scope) -> Problem {
    let level = scope.level().lower();
    Problem::argument(format!(
        "This custom role can be only used at '{level}' level. Please set the allowedScopeLevels to contain only the \
        {level} level."
    ))
}

/// The set of these identifiers; unknown ones are left out.
pub fn set(ids: &[String]) -> PermissionSet {
    ids.iter().filter_map(|id| permissions::find(id)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::ids::AccountId;

    fn role(permissions: &[&str]) -> NewRole {
        let permissions = permissions.iter().map(|p| (*p).to_owned()).collect();
        NewRole { identifier: "r".into(), name: "R".into(), permissions, ..NewRole::default() }
    }

    #[test]
    fn permissions_are_known_fit_the_level_and_count_once() {
        let account = Scope::account(AccountId::new("a"));
        let project = Scope::of(AccountId::new("a"), Some("o"), Some("p")).unwrap();
        let mut twice = role(&["core_user_view", "core_user_view"]);
        twice.check(&account).unwrap();
        assert_eq!(twice.permissions, ["core_user_view"]);
        assert!(role(&["core_account_view"]).check(&account).is_ok());
        let error = role(&["core_account_view", "core_nothing"]).check(&project).unwrap_err();
        assert!(error.message().contains("core_account_view, core_nothing"), "{error}");
    }

    #[test]
    fn managed_roles_show_at_their_level_only() {
        let account = Scope::account(AccountId::new("a"));
        assert!(managed_in(&account, "_account_admin").is_some());
        assert!(managed_in(&account, "_project_admin").is_none());
    }

    #[test]
    fn the_scim_provisioner_holds_the_directory_and_nothing_else() {
        let role = managed_in(&Scope::account(AccountId::new("a")), "_scim_provisioner").unwrap();
        assert_eq!(
            role.permissions,
            [
                "core_user_view",
                "core_user_manage",
                "core_user_invite",
                "core_usergroup_view",
                "core_usergroup_manage"
            ]
        );
    }
}
