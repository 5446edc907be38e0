//! Resource groups as clients send them (platform API §8).

use schemars::JsonSchema;
use serde::de::{Error as _, IgnoredAny};
use serde::{Deserialize, Deserializer};

use super::model::{DEFAULT_COLOR, EXCLUDING, NewResourceGroup};
use crate::access::rights::{IncludedScope, ResourceFilter, ResourceSelector};
use crate::kernel::problem::Result;
use crate::kernel::scope::Scope;
use crate::kernel::text::{DESCRIPTION_MOST, IDENTIFIER, NAME_MOST, Tags};
use crate::web::extract::{few, same_scope};

/// `{"resourceGroup": {…}}`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "ResourceGroupRequest")]
pub(super) struct Wrapper {
    #[serde(alias = "resource_group")]
    pub(super) resource_group: GroupBody,
}

/// A group in a body; snake case is read too (§0).
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(rename = "ResourceGroupBody", extend("required" = ["name"]))]
pub(super) struct GroupBody {
    #[serde(alias = "account_identifier")]
    pub(super) account_identifier: Option<String>,
    #[serde(alias = "org_identifier")]
    pub(super) org_identifier: Option<String>,
    #[serde(alias = "project_identifier")]
    pub(super) project_identifier: Option<String>,
    #[schemars(regex(pattern = IDENTIFIER))]
    pub(super) identifier: Option<String>,
    #[schemars(length(max = NAME_MOST))]
    pub(super) name: Option<String>,
    pub(super) color: Option<String>,
    pub(super) tags: Option<Tags>,
    #[schemars(length(max = DESCRIPTION_MOST))]
    pub(super) description: Option<String>,
    #[serde(alias = "included_scopes", deserialize_with = "few")]
    pub(super) included_scopes: Option<Vec<IncludedBody>>,
    #[serde(alias = "resource_filter")]
    pub(super) resource_filter: Option<FilterBody>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "IncludedScopeBody")]
pub(super) struct IncludedBody {
    #[schemars(extend("enum" = ["EXCLUDING_CHILD_SCOPES", "INCLUDING_CHILD_SCOPES"]))]
    pub(super) filter: Option<String>,
    #[serde(alias = "account_identifier")]
    pub(super) account_identifier: Option<String>,
    #[serde(alias = "org_identifier")]
    pub(super) org_identifier: Option<String>,
    #[serde(alias = "project_identifier")]
    pub(super) project_identifier: Option<String>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(rename = "ResourceFilterBody")]
pub(super) struct FilterBody {
    #[serde(alias = "include_all_resources")]
    pub(super) include_all_resources: Option<bool>,
    pub(super) resources: Option<Vec<SelectorBody>>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "ResourceSelectorBody", extend("required" = ["resourceType"]))]
pub(super) struct SelectorBody {
    #[serde(alias = "resource_type")]
    pub(super) resource_type: Option<String>,
    #[serde(default, deserialize_with = "few")]
    pub(super) identifiers: Option<Vec<String>>,
    #[serde(alias = "attribute_filter", default, deserialize_with = "no_condition")]
    #[allow(dead_code)] // refused while it is read
    pub(super) attribute_filter: (),
}

/// To drop a condition, however it is written, would widen the group to the whole type.
pub(super) fn no_condition<'de, D: Deserializer<'de>>(from: D) -> std::result::Result<(), D::Error> {
    let text =
        "cannot be used: no resource type has attributes to choose by. Name identifiers or leave it out";
    match Option::<IgnoredAny>::deserialize(from)? {
        None => Ok(()),
        Some(_) => Err(D::Error::custom(text)),
    }
}

impl From<SelectorBody> for ResourceSelector {
    fn from(body: SelectorBody) -> Self {
        Self { resource_type: body.resource_type.unwrap_or_default(), identifiers: body.identifiers }
    }
}

impl GroupBody {
    pub(super) fn read(self, scope: &Scope) -> Result<NewResourceGroup> {
        let (account, org) = (self.account_identifier.as_deref(), self.org_identifier.as_deref());
        same_scope(scope, account, org, self.project_identifier.as_deref())?;
        let mut included = Vec::new();
        for item in self.included_scopes.unwrap_or_default() {
            // An included scope lives in the group's account; its organization and project are checked later.
            same_scope(scope, item.account_identifier.as_deref(), None, None)?;
            included.push(IncludedScope {
                filter: item.filter.unwrap_or_else(|| EXCLUDING.to_owned()),
                org_identifier: item.org_identifier.filter(|o| !o.is_empty()),
                project_identifier: item.project_identifier.filter(|p| !p.is_empty()),
            });
        }
        let filter = self.resource_filter.unwrap_or_default();
        let resources = filter.resources.unwrap_or_default().into_iter().map(ResourceSelector::from);
        Ok(NewResourceGroup {
            identifier: self.identifier.unwrap_or_default(),
            name: self.name.unwrap_or_default(),
            color: self.color.filter(|c| !c.is_empty()).unwrap_or_else(|| DEFAULT_COLOR.to_owned()),
            description: self.description,
            tags: self.tags.unwrap_or_default(),
            included,
            filter: ResourceFilter {
                include_all_resources: filter.include_all_resources.unwrap_or(false),
                resources: resources.collect(),
            },
        })
    }
}
