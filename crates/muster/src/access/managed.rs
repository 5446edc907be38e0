//! The managed roles and resource groups: there from the start, the same in every account, never stored,
//! never changed by a client (platform API §6.1, §8).

use super::decide::{Selector, What};
use super::permissions::{CATALOGUE, Permission, PermissionSet};
use crate::kernel::scope::{Level, Scope};

/// A role that comes with the product.
#[derive(Debug)]
pub struct ManagedRole {
    /// Starts with `_`; no custom role can have it.
    pub id: &'static str,
    /// For people.
    pub name: &'static str,
    /// For people.
    pub description: &'static str,
    /// The one level it can be given at.
    pub level: Level,
    /// Which of the level's permissions it carries.
    pub carries: fn(&Permission) -> bool,
}

fn views(permission: &Permission) -> bool {
    matches!(permission.action(), "view" | "list")
}

fn identity_views(p: &Permission) -> bool {
    matches!(p.resource_type, "USER" | "USERGROUP" | "ROLE" | "RESOURCEGROUP" | "AUDIT" | "SETTING")
        && views(p)
}

/// Every managed role.
pub const ROLES: &[ManagedRole] = &[
    ManagedRole {
        id: "_account_admin",
        name: "Account Admin",
        description: "Everything in the account",
        level: Level::Account,
        carries: |_| true,
    },
    ManagedRole {
        id: "_account_viewer",
        name: "Account Viewer",
        description: "See everything in the account",
        level: Level::Account,
        carries: views,
    },
    ManagedRole {
        id: "_account_basic",
        name: "Account Basic",
        description: "See the account itself",
        level: Level::Account,
        carries: |p| matches!(p.id, "core_account_view" | "core_license_view"),
    },
    ManagedRole {
        id: "_organization_admin",
        name: "Organization Admin",
        description: "Everything in the organization",
        level: Level::Organization,
        carries: |_| true,
    },
    ManagedRole {
        id: "_organization_viewer",
        name: "Organization Viewer",
        description: "See everything in the organization",
        level: Level::Organization,
        carries: views,
    },
    ManagedRole {
        id: "_organization_basic",
        name: "Organization Basic",
        description: "See the organization itself",
        level: Level::Organization,
        carries: |p| p.id == "core_organization_view",
    },
    ManagedRole {
        id: "_project_admin",
        name: "Project Admin",
        description: "Everything in the project",
        level: Level::Project,
        carries: |_| true,
    },
    ManagedRole {
        id: "_project_viewer",
        name: "Project Viewer",
        description: "See everything in the project",
        level: Level::Project,
        carries: views,
    },
    ManagedRole {
        id: "_project_basic",
        name: "Project Basic",
        description: "See the project itself",
        level: Level::Project,
        carries: |p| p.id == "core_project_view",
    },
    ManagedRole {
        id: "_pipeline_executor",
        name: "Pipeline Executor",
        description: "See people and access of the project",
        level: Level::Project,
        carries: identity_views,
    },
    ManagedRole {
        id: "_scim_provisioner",
        name: "SCIM Provisioner",
        description: "Provision users and groups by SCIM, nothing else",
        level: Level::Account,
        carries: |p| matches!(p.resource_type, "USER" | "USERGROUP"),
    },
];

impl ManagedRole {
    /// Its permissions: those of its level that it carries.
    pub fn permissions(&self) -> PermissionSet {
        CATALOGUE.iter().filter(|p| p.allows_level(self.level) && (self.carries)(p)).collect()
    }
}

/// The managed role of that identifier.
pub fn role(id: &str) -> Option<&'static ManagedRole> {
    ROLES.iter().find(|role| role.id == id)
}

/// The role that a person could take one of this identifier for: it differs at most in case.
pub fn role_like(id: &str) -> Option<&'static ManagedRole> {
    ROLES.iter().find(|role| role.id.eq_ignore_ascii_case(id))
}

/// A resource group that comes with the product: all resources of the scope it is used in.
#[derive(Debug)]
pub struct ManagedResourceGroup {
    /// Starts with `_`.
    pub id: &'static str,
    /// For people.
    pub name: &'static str,
    /// For people.
    pub description: &'static str,
    /// Levels it can be used at.
    pub levels: &'static [Level],
    /// Does it reach into the scopes below?
    pub children: bool,
}

/// Every managed resource group.
pub const RESOURCE_GROUPS: &[ManagedResourceGroup] = &[
    ManagedResourceGroup {
        id: "_all_account_level_resources",
        name: "All Account Level Resources",
        description: "All resources of the account itself",
        levels: &[Level::Account],
        children: false,
    },
    ManagedResourceGroup {
        id: "_all_organization_level_resources",
        name: "All Organization Level Resources",
        description: "All resources of the organization itself",
        levels: &[Level::Organization],
        children: false,
    },
    ManagedResourceGroup {
        id: "_all_project_level_resources",
        name: "All Project Level Resources",
        description: "All resources of the project",
        levels: &[Level::Project],
        children: false,
    },
    ManagedResourceGroup {
        id: "_all_resources_including_child_scopes",
        name: "All Resources Including Child Scopes",
        description: "All resources of the scope and of every scope below",
        levels: &[Level::Account, Level::Organization],
        children: true,
    },
];

/// The managed resource group of that identifier.
pub fn resource_group(id: &str) -> Option<&'static ManagedResourceGroup> {
    RESOURCE_GROUPS.iter().find(|group| group.id == id)
}

/// As [`role_like`].
pub fn resource_group_like(id: &str) -> Option<&'static ManagedResourceGroup> {
    RESOURCE_GROUPS.iter().find(|group| group.id.eq_ignore_ascii_case(id))
}

impl ManagedResourceGroup {
    /// What it covers when it is bound in `scope`.
    pub fn selector(&self, scope: &Scope) -> Selector {
        Selector { scope: scope.clone(), children: self.children, what: What::All.into() }
    }
}
