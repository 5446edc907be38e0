//! The permission catalogue, one table: identifier, name, levels, resource type. Roles, messages, the
//! permission API and the `Grant` types derive from it.

use crate::kernel::scope::Level;

/// A permission of the catalogue.
#[derive(Debug, PartialEq, Eq)]
pub struct Permission {
    /// Place in the catalogue, also the bit in a `PermissionSet`.
    pub index: u8,
    /// For example `core_user_view`; grammar `<module>_<key>_<action>`.
    pub id: &'static str,
    /// For people.
    pub name: &'static str,
    /// Where it can be given: `A`ccount, `O`rganization, `P`roject.
    levels: &'static str,
    /// What it is asked of.
    pub resource_type: &'static str,
}

impl Permission {
    /// May a role of this level carry it?
    pub fn allows_level(&self, level: Level) -> bool {
        let letter = match level {
            Level::Account => 'A',
            Level::Organization => 'O',
            Level::Project => 'P',
        };
        self.levels.contains(letter)
    }
    /// The levels, highest first.
    pub fn levels(&self) -> impl Iterator<Item = Level> + '_ {
        [Level::Account, Level::Organization, Level::Project].into_iter().filter(|l| self.allows_level(*l))
    }
    /// The last word of the identifier: `view`, `edit`, …
    pub fn action(&self) -> &'static str {
        self.id.rsplit('_').next().unwrap_or(self.id)
    }
}

/// A permission as a type, so that a `Grant` names at compile time what it proves.
pub trait Ask: 'static {
    /// The row of the catalogue.
    const PERMISSION: &'static Permission;
}

macro_rules! catalogue {
    ($($index:literal $ask:ident $id:literal $name:literal $levels:literal $resource:literal;)+) => {
        /// Every permission there is, in the order of their indexes.
        pub const CATALOGUE: &[Permission] = &[
            $(Permission { index: $index, id: $id, name: $name, levels: $levels, resource_type: $resource }),+
        ];
        $(
            #[doc = concat!("`", $id, "` on `", $resource, "`.")]
            #[derive(Debug)]
            pub enum $ask {}
            impl Ask for $ask {
                const PERMISSION: &'static Permission = &CATALOGUE[$index];
            }
        )+
    };
}

catalogue! {
    0  UserView "core_user_view" "View Users" "AOP" "USER";
    1  UserManage "core_user_manage" "Manage Users" "AOP" "USER";
    2  UserInvite "core_user_invite" "Invite a user" "AOP" "USER";
    3  UserGroupView "core_usergroup_view" "View User Groups" "AOP" "USERGROUP";
    4  UserGroupManage "core_usergroup_manage" "Manage User Groups" "AOP" "USERGROUP";
    5  ServiceAccountView "core_serviceaccount_view" "View Service Accounts" "AOP" "SERVICEACCOUNT";
    6  ServiceAccountList "core_serviceaccount_list" "List Service Accounts" "AOP" "SERVICEACCOUNT";
    7  ServiceAccountEdit "core_serviceaccount_edit" "Create or edit Service Accounts" "AOP" "SERVICEACCOUNT";
    8  ServiceAccountDelete "core_serviceaccount_delete" "Delete Service Accounts" "AOP" "SERVICEACCOUNT";
    9  ServiceAccountManageApiKey "core_serviceaccount_manageapikey" "Manage API keys of Service Accounts" "AOP" "SERVICEACCOUNT";
    10 RoleView "core_role_view" "View Roles" "AOP" "ROLE";
    11 RoleEdit "core_role_edit" "Create or edit Roles" "AOP" "ROLE";
    12 RoleDelete "core_role_delete" "Delete Roles" "AOP" "ROLE";
    13 ResourceGroupView "core_resourcegroup_view" "View Resource Groups" "AOP" "RESOURCEGROUP";
    14 ResourceGroupEdit "core_resourcegroup_edit" "Create or edit Resource Groups" "AOP" "RESOURCEGROUP";
    15 ResourceGroupDelete "core_resourcegroup_delete" "Delete Resource Groups" "AOP" "RESOURCEGROUP";
    16 AuditView "core_audit_view" "View the audit trail" "AOP" "AUDIT";
    17 SettingView "core_setting_view" "View Settings" "AOP" "SETTING";
    18 SettingEdit "core_setting_edit" "Edit a Setting" "AOP" "SETTING";
    19 AccountView "core_account_view" "View the Account" "A" "ACCOUNT";
    20 AccountEdit "core_account_edit" "Edit the Account" "A" "ACCOUNT";
    21 AuthSettingView "core_authsetting_view" "View authentication settings" "A" "AUTHSETTING";
    22 AuthSettingEdit "core_authsetting_edit" "Edit authentication settings" "A" "AUTHSETTING";
    23 AuthSettingDelete "core_authsetting_delete" "Delete authentication settings" "A" "AUTHSETTING";
    24 LicenseView "core_license_view" "View Licenses" "A" "LICENSE";
    25 LicenseEdit "core_license_edit" "Edit Licenses" "A" "LICENSE";
    26 SmtpView "core_smtp_view" "View mail settings" "A" "SMTP";
    27 SmtpEdit "core_smtp_edit" "Edit mail settings" "A" "SMTP";
    28 SmtpDelete "core_smtp_delete" "Delete mail settings" "A" "SMTP";
    29 OrganizationCreate "core_organization_create" "Create Organizations" "A" "ORGANIZATION";
    30 OrganizationView "core_organization_view" "View Organizations" "AO" "ORGANIZATION";
    31 OrganizationEdit "core_organization_edit" "Edit Organizations" "AO" "ORGANIZATION";
    32 OrganizationDelete "core_organization_delete" "Delete Organizations" "AO" "ORGANIZATION";
    33 ProjectCreate "core_project_create" "Create Projects" "AO" "PROJECT";
    34 ProjectView "core_project_view" "View Projects" "AOP" "PROJECT";
    35 ProjectEdit "core_project_edit" "Edit Projects" "AOP" "PROJECT";
    36 ProjectDelete "core_project_delete" "Delete Projects" "AOP" "PROJECT";
}

/// The permission of that identifier.
pub fn find(id: &str) -> Option<&'static Permission> {
    CATALOGUE.iter().find(|p| p.id == id)
}

/// A set of permissions of the catalogue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PermissionSet(u64);

impl PermissionSet {
    /// The same set with one more.
    #[must_use]
    pub const fn with(self, permission: &Permission) -> Self {
        Self(self.0 | 1 << permission.index)
    }
    /// What is in this one and not in `other`.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }
    /// Is nothing in it?
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
    /// Is it in?
    pub const fn has(self, permission: &Permission) -> bool {
        self.0 >> permission.index & 1 == 1
    }
    /// The permissions, in catalogue order.
    pub fn iter(self) -> impl Iterator<Item = &'static Permission> {
        CATALOGUE.iter().filter(move |p| self.has(p))
    }
}

impl FromIterator<&'static Permission> for PermissionSet {
    fn from_iter<I: IntoIterator<Item = &'static Permission>>(permissions: I) -> Self {
        permissions.into_iter().fold(Self::default(), PermissionSet::with)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_index_is_the_place_and_ids_are_unique() {
        assert!(CATALOGUE.len() <= 64, "PermissionSet has 64 bits");
        for (place, permission) in CATALOGUE.iter().enumerate() {
            assert_eq!(usize::from(permission.index), place);
            assert_eq!(find(permission.id), Some(permission));
        }
    }
}
