//! Groups on the wire: `UserGroupDTO`, and the form of v2, which names users by their addresses.

use std::collections::HashMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::model::{NewUserGroup, UserGroup, Users};
use super::notifications::{self, Channel};
use crate::kernel::problem::Result;
use crate::kernel::scope::Scope;
use crate::kernel::text::{DESCRIPTION_MOST, IDENTIFIER, Tags};
use crate::web::etag::Tagged;
use crate::web::extract::{same_scope, unused};
use crate::web::unique::Object;

/// A group as clients send it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[allow(dead_code)] // what is unused is refused while it is read
#[schemars(rename = "UserGroupBody", extend("required" = ["identifier", "name"]))]
pub(super) struct Body {
    account_identifier: Option<String>,
    org_identifier: Option<String>,
    project_identifier: Option<String>,
    #[schemars(regex(pattern = IDENTIFIER))]
    pub(super) identifier: Option<String>,
    name: Option<String>,
    #[schemars(length(max = DESCRIPTION_MOST))]
    description: Option<String>,
    tags: Option<Tags>,
    users: Option<Vec<String>>,
    #[schemars(schema_with = "notifications::received")]
    notification_configs: Option<Vec<Object>>,
    #[serde(default, deserialize_with = "unused")]
    linked_sso_id: (),
    #[serde(default, deserialize_with = "unused")]
    linked_sso_display_name: (),
    #[serde(default, deserialize_with = "unused")]
    linked_sso_type: (),
    #[serde(default, deserialize_with = "unused")]
    sso_group_id: (),
    #[serde(default, deserialize_with = "unused")]
    sso_group_name: (),
    #[serde(default, deserialize_with = "unused")]
    is_sso_linked: (),
    #[serde(default, deserialize_with = "unused")]
    sso_linked: (),
}

impl Body {
    /// `users`: how it names them.
    pub(super) fn read(self, scope: &Scope, users: fn(Vec<String>) -> Users) -> Result<NewUserGroup> {
        let (account, org) = (self.account_identifier.as_deref(), self.org_identifier.as_deref());
        same_scope(scope, account, org, self.project_identifier.as_deref())?;
        Ok(NewUserGroup {
            identifier: self.identifier.unwrap_or_default(),
            name: self.name.unwrap_or_default(),
            description: self.description.filter(|text| !text.is_empty()),
            tags: self.tags.unwrap_or_default(),
            notifications: notifications::read(self.notification_configs.unwrap_or_default()),
            users: self.users.map(users),
        })
    }
}

/// A group as we send it: what is absent is left out.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "UserGroup_of_{U}")]
pub(super) struct View<U> {
    account_identifier: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    org_identifier: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    project_identifier: Option<String>,
    identifier: String,
    name: String,
    users: Vec<U>,
    #[schemars(schema_with = "notifications::sent")]
    notification_configs: Vec<Channel>,
    sso_linked: bool,
    externally_managed: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    tags: Tags,
    harness_managed: bool,
}

/// A user in the answers of v2.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "UserAddress")]
pub(super) struct Addressed {
    #[schemars(extend("format" = "uuid"))]
    id: String,
    email: String,
}

impl<U> View<U> {
    fn with(group: UserGroup, users: Vec<U>) -> Self {
        Self {
            account_identifier: group.scope.account.to_string(),
            org_identifier: group.scope.org().map(str::to_owned),
            project_identifier: group.scope.project_id().map(str::to_owned),
            identifier: group.identifier,
            name: group.name,
            users,
            notification_configs: group.notifications,
            sso_linked: false,
            externally_managed: group.externally_managed,
            description: group.description,
            tags: group.tags,
            harness_managed: false,
        }
    }
}

impl From<UserGroup> for View<String> {
    fn from(mut group: UserGroup) -> Self {
        let users = std::mem::take(&mut group.users);
        Self::with(group, users)
    }
}

impl From<UserGroup> for Tagged<View<String>> {
    fn from(group: UserGroup) -> Self {
        Self { tag: group.tag(), data: group.into() }
    }
}

/// The form of v2, with the addresses of its users by id; who has none was removed meanwhile.
pub(super) fn addressed(
    mut group: UserGroup,
    mut addresses: HashMap<String, String>,
) -> Tagged<View<Addressed>> {
    let users = std::mem::take(&mut group.users).into_iter();
    let users = users.filter_map(|id| addresses.remove(&id).map(|email| Addressed { id, email })).collect();
    Tagged { tag: group.tag(), data: View::with(group, users) }
}
