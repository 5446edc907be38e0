//! Routes of resource groups (platform API §8).

use std::collections::HashSet;

use axum::Router;
use axum::extract::State;
use axum::routing::{get, post};
use http::Uri;
use serde::de::{Error as _, IgnoredAny};
use serde::{Deserialize, Deserializer, Serialize};

use super::actions::{self, Listing};
use super::model::{DEFAULT_COLOR, EXCLUDING, NewResourceGroup, ResourceGroup};
use crate::access::Actor;
use crate::access::permissions::{ResourceGroupDelete, ResourceGroupEdit, ResourceGroupView};
use crate::access::rights::{IncludedScope, ResourceFilter, ResourceSelector};
use crate::app::App;
use crate::kernel::listing::{FIELDS, Orders, SearchTerm};
use crate::kernel::page::{Page, PageQuery};
use crate::kernel::problem::{Problem, Result};
use crate::kernel::scope::{Level, Scope};
use crate::kernel::text::Tags;
use crate::kernel::time::Timestamp;
use crate::web::envelope::Reply;
use crate::web::extract::{Json, Path, Query, ScopeQuery, every, few, goes_by, same_scope, unused};
use crate::web::scope::of_both;

/// The routes. Public clients (a Go SDK, a Terraform provider) know them under the base `/resourcegroup/api`.
pub fn routes() -> Router<App> {
    const AT: &str = "/authz/api/v2/resourcegroup";
    const ALIAS: &str = "/resourcegroup/api/v2/resourcegroup";
    Router::new()
        .route(AT, get(list).post(create))
        .route(&format!("{AT}/filter"), post(filter))
        .route(&format!("{AT}/{{identifier}}"), get(read).put(update).delete(delete))
        .route(ALIAS, get(list).post(create))
        .route(&format!("{ALIAS}/filter"), post(filter))
        .route(&format!("{ALIAS}/{{identifier}}"), get(read).put(update).delete(delete))
}

/// `{"resourceGroup": {…}}`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wrapper {
    #[serde(alias = "resource_group")]
    resource_group: GroupBody,
}

/// A group in a body; snake case is read too (§0).
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct GroupBody {
    #[serde(alias = "account_identifier")]
    account_identifier: Option<String>,
    #[serde(alias = "org_identifier")]
    org_identifier: Option<String>,
    #[serde(alias = "project_identifier")]
    project_identifier: Option<String>,
    identifier: Option<String>,
    name: Option<String>,
    color: Option<String>,
    tags: Option<Tags>,
    description: Option<String>,
    #[serde(alias = "included_scopes", deserialize_with = "few")]
    included_scopes: Option<Vec<IncludedBody>>,
    #[serde(alias = "resource_filter")]
    resource_filter: Option<FilterBody>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct IncludedBody {
    filter: Option<String>,
    #[serde(alias = "account_identifier")]
    account_identifier: Option<String>,
    #[serde(alias = "org_identifier")]
    org_identifier: Option<String>,
    #[serde(alias = "project_identifier")]
    project_identifier: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct FilterBody {
    #[serde(alias = "include_all_resources")]
    include_all_resources: Option<bool>,
    resources: Option<Vec<SelectorBody>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct SelectorBody {
    #[serde(alias = "resource_type")]
    resource_type: Option<String>,
    #[serde(default, deserialize_with = "few")]
    identifiers: Option<Vec<String>>,
    #[serde(alias = "attribute_filter", default, deserialize_with = "no_condition")]
    #[allow(dead_code)] // refused while it is read
    attribute_filter: (),
}

/// To drop a condition, however it is written, would widen the group to the whole type.
fn no_condition<'de, D: Deserializer<'de>>(from: D) -> std::result::Result<(), D::Error> {
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
    fn read(self, scope: &Scope) -> Result<NewResourceGroup> {
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

/// `ResourceGroupDTO`: absent parts are left out.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::access) struct GroupDto {
    account_identifier: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    org_identifier: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    project_identifier: Option<String>,
    identifier: String,
    name: String,
    color: String,
    tags: Tags,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    allowed_scope_levels: Vec<Level>,
    included_scopes: Vec<IncludedDto>,
    resource_filter: FilterDto,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct IncludedDto {
    filter: String,
    account_identifier: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    org_identifier: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    project_identifier: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct FilterDto {
    include_all_resources: bool,
    resources: Vec<SelectorDto>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct SelectorDto {
    resource_type: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    identifiers: Option<Vec<String>>,
}

impl From<ResourceGroup> for GroupDto {
    fn from(group: ResourceGroup) -> Self {
        let account = group.scope.account.to_string();
        let included = |s: IncludedScope| IncludedDto {
            filter: s.filter,
            account_identifier: account.clone(),
            org_identifier: s.org_identifier,
            project_identifier: s.project_identifier,
        };
        let selector =
            |s: ResourceSelector| SelectorDto { resource_type: s.resource_type, identifiers: s.identifiers };
        Self {
            org_identifier: group.scope.org().map(str::to_owned),
            project_identifier: group.scope.project_id().map(str::to_owned),
            identifier: group.identifier,
            name: group.name,
            color: group.color,
            tags: group.tags,
            description: group.description,
            allowed_scope_levels: group.levels,
            included_scopes: group.included.into_iter().map(included).collect(),
            resource_filter: FilterDto {
                include_all_resources: group.filter.include_all_resources,
                resources: group.filter.resources.into_iter().map(selector).collect(),
            },
            account_identifier: account,
        }
    }
}

/// A group in a reply.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct GroupReply {
    resource_group: GroupDto,
    created_at: Option<i64>,
    last_modified_at: Option<i64>,
    harness_managed: bool,
}

impl From<ResourceGroup> for GroupReply {
    fn from(group: ResourceGroup) -> Self {
        Self {
            created_at: group.times.map(|(at, _)| Timestamp::millis(at)),
            last_modified_at: group.times.map(|(_, at)| Timestamp::millis(at)),
            harness_managed: group.managed(),
            resource_group: group.into(),
        }
    }
}

fn go_by(uri: &Uri) -> Result<()> {
    let instead = "send identifierFilter in the body of /authz/api/v2/resourcegroup/filter";
    goes_by(uri, &["searchTerm", "sortOrders"], instead)
}

async fn list(
    State(app): State<App>,
    actor: Actor,
    uri: Uri,
    Query(scope): Query<ScopeQuery>,
    Query(page): Query<PageQuery>,
) -> Result<Reply<Page<GroupReply>>> {
    let scope = scope.scope(&actor.caller.account)?;
    go_by(&uri)?;
    let listing = Listing {
        page: page.request()?,
        search: SearchTerm::new(page.search_term.as_deref()),
        identifiers: HashSet::new(),
        managed: None,
        orders: Orders::read(&every(&uri, "sortOrders"), FIELDS)?,
    };
    Ok(Reply(actions::list(&app, &actor, &scope, listing).await?.map(GroupReply::from)))
}

/// The body of `/filter`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(dead_code)] // what is unused is refused while it is read
struct FilterRequest {
    account_identifier: Option<String>,
    org_identifier: Option<String>,
    project_identifier: Option<String>,
    search_term: Option<String>,
    identifier_filter: Option<HashSet<String>>,
    managed_filter: Option<String>,
    #[serde(deserialize_with = "unused")]
    resource_selector_filter_list: (),
    #[serde(deserialize_with = "unused")]
    scope_level_filter: (),
}

async fn filter(
    State(app): State<App>,
    actor: Actor,
    uri: Uri,
    Query(query): Query<ScopeQuery>,
    Query(page): Query<PageQuery>,
    Json(body): Json<FilterRequest>,
) -> Result<Reply<Page<GroupReply>>> {
    let parts = [&body.account_identifier, &body.org_identifier, &body.project_identifier];
    let scope = of_both(&query, parts.map(Option::as_deref), &actor.caller.account)?;
    go_by(&uri)?;
    let listing = Listing {
        page: page.request()?,
        search: SearchTerm::of_body(body.search_term.as_deref(), page.search_term.as_deref()),
        identifiers: body.identifier_filter.unwrap_or_default(),
        managed: managed_filter(body.managed_filter.as_deref())?,
        orders: Orders::read(&every(&uri, "sortOrders"), FIELDS)?,
    };
    Ok(Reply(actions::list(&app, &actor, &scope, listing).await?.map(GroupReply::from)))
}

fn managed_filter(text: Option<&str>) -> Result<Option<bool>> {
    match text.unwrap_or("NO_FILTER") {
        "NO_FILTER" => Ok(None),
        "ONLY_MANAGED" => Ok(Some(true)),
        "ONLY_CUSTOM" => Ok(Some(false)),
        other => Err(Problem::invalid(format!(
            "managedFilter {other:?} is unknown: use NO_FILTER, ONLY_MANAGED or ONLY_CUSTOM"
        ))),
    }
}

async fn read(
    State(app): State<App>,
    actor: Actor,
    Path(id): Path<String>,
    Query(scope): Query<ScopeQuery>,
) -> Result<Reply<GroupReply>> {
    let scope = scope.scope(&actor.caller.account)?;
    let grant = actor.grant_on::<ResourceGroupView>(&scope, Some(&id))?;
    Ok(Reply(actions::get(&app, &grant, id).await?.into()))
}

async fn create(
    State(app): State<App>,
    actor: Actor,
    Query(scope): Query<ScopeQuery>,
    Json(body): Json<Wrapper>,
) -> Result<Reply<GroupReply>> {
    let scope = scope.scope(&actor.caller.account)?;
    let grant = actor.grant::<ResourceGroupEdit>(&scope)?;
    let new = body.resource_group.read(&scope)?;
    Ok(Reply(actions::create(&app, &grant, new).await?.into()))
}

async fn update(
    State(app): State<App>,
    actor: Actor,
    Path(id): Path<String>,
    Query(scope): Query<ScopeQuery>,
    Json(body): Json<Wrapper>,
) -> Result<Reply<GroupReply>> {
    let scope = scope.scope(&actor.caller.account)?;
    let grant = actor.grant_on::<ResourceGroupEdit>(&scope, Some(&id))?;
    let named = body.resource_group.identifier.as_deref().unwrap_or_default();
    if !named.is_empty() && named != id {
        return Err(Problem::invalid(
            "Resource group identifier in the request body and the url do not match: it cannot be changed",
        ));
    }
    let new = NewResourceGroup { identifier: id, ..body.resource_group.read(&scope)? };
    Ok(Reply(actions::update(&app, &grant, new).await?.into()))
}

async fn delete(
    State(app): State<App>,
    actor: Actor,
    Path(id): Path<String>,
    Query(scope): Query<ScopeQuery>,
) -> Result<Reply<bool>> {
    let scope = scope.scope(&actor.caller.account)?;
    let grant = actor.grant_on::<ResourceGroupDelete>(&scope, Some(&id))?;
    actions::delete(&app, &grant, id).await?;
    Ok(Reply(true))
}
