//! Routes of resource groups (platform API §8).

use std::collections::HashSet;

use axum::Router;
use axum::extract::State;
use axum::routing::{get, post};
use http::Uri;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::actions::{self, Listing};
use super::bodies::Wrapper;
use super::model::{NewResourceGroup, ResourceGroup};
use crate::access::Actor;
use crate::access::permissions::{ResourceGroupDelete, ResourceGroupEdit, ResourceGroupView};
use crate::access::rights::{IncludedScope, ResourceSelector};
use crate::app::App;
use crate::kernel::listing::{FIELDS, Orders, SearchTerm};
use crate::kernel::page::{Page, PageQuery};
use crate::kernel::problem::{Problem, Result};
use crate::kernel::scope::Level;
use crate::kernel::text::Tags;
use crate::kernel::time::Timestamp;
use crate::kernel::version::IfMatch;
use crate::web::envelope::Reply;
use crate::web::etag::Tagged;
use crate::web::extract::{Json, Path, Query, ScopeQuery, every, goes_by, unused};
use crate::web::openapi::OpenApi;
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

/// What the OpenAPI document says of them.
pub fn describe(document: &mut OpenApi) {
    document
        .section("Resource groups")
        .get("/authz/api/v2/resourcegroup", list)
        .told(
            "listResourceGroups",
            "core_resourcegroup_view",
            "Lists the managed groups of the scope's level and the custom ones of the scope, page by page",
        )
        .sorted(FIELDS)
        .post("/authz/api/v2/resourcegroup", create)
        .told("createResourceGroup", "core_resourcegroup_edit", "Makes a custom resource group")
        .needs("resourceGroup.identifier")
        .post("/authz/api/v2/resourcegroup/filter", filter)
        .told(
            "filterResourceGroups",
            "core_resourcegroup_view",
            "Lists resource groups as a body narrows them, page by page",
        )
        .sorted(FIELDS)
        .get("/authz/api/v2/resourcegroup/{identifier}", read)
        .told("getResourceGroup", "core_resourcegroup_view", "Shows a resource group")
        .put("/authz/api/v2/resourcegroup/{identifier}", update)
        .told("replaceResourceGroup", "core_resourcegroup_edit", "Replaces a custom resource group")
        .delete("/authz/api/v2/resourcegroup/{identifier}", delete)
        .told(
            "deleteResourceGroup",
            "core_resourcegroup_delete",
            "Removes a custom resource group and the assignments on it",
        )
        .also_below("/authz/api/v2/resourcegroup", "/resourcegroup/api/v2/resourcegroup");
}

/// `ResourceGroupDTO`: absent parts are left out.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "ResourceGroupDto")]
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

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "IncludedScopeDto")]
struct IncludedDto {
    #[schemars(extend("enum" = ["EXCLUDING_CHILD_SCOPES", "INCLUDING_CHILD_SCOPES"]))]
    filter: String,
    account_identifier: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    org_identifier: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    project_identifier: Option<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "ResourceFilterDto")]
struct FilterDto {
    include_all_resources: bool,
    resources: Vec<SelectorDto>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "ResourceSelectorDto")]
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
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "ResourceGroupReply")]
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

impl From<ResourceGroup> for Tagged<GroupReply> {
    fn from(group: ResourceGroup) -> Self {
        Self { tag: group.tag, data: group.into() }
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
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[allow(dead_code)] // what is unused is refused while it is read
#[schemars(rename = "ResourceGroupFilter")]
struct FilterRequest {
    account_identifier: Option<String>,
    org_identifier: Option<String>,
    project_identifier: Option<String>,
    search_term: Option<String>,
    identifier_filter: Option<HashSet<String>>,
    #[schemars(extend("enum" = ["NO_FILTER", "ONLY_MANAGED", "ONLY_CUSTOM"]))]
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

pub(super) fn managed_filter(text: Option<&str>) -> Result<Option<bool>> {
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
) -> Result<Tagged<GroupReply>> {
    let scope = scope.scope(&actor.caller.account)?;
    let grant = actor.grant_on::<ResourceGroupView>(&scope, Some(&id))?;
    Ok(actions::get(&app, &grant, id).await?.into())
}

async fn create(
    State(app): State<App>,
    actor: Actor,
    Query(scope): Query<ScopeQuery>,
    Json(body): Json<Wrapper>,
) -> Result<Tagged<GroupReply>> {
    let scope = scope.scope(&actor.caller.account)?;
    let grant = actor.grant::<ResourceGroupEdit>(&scope)?;
    let new = body.resource_group.read(&scope)?;
    Ok(actions::create(&app, &grant, new).await?.into())
}

async fn update(
    State(app): State<App>,
    actor: Actor,
    Path(id): Path<String>,
    Query(scope): Query<ScopeQuery>,
    seen: IfMatch,
    Json(body): Json<Wrapper>,
) -> Result<Tagged<GroupReply>> {
    let scope = scope.scope(&actor.caller.account)?;
    let grant = actor.grant_on::<ResourceGroupEdit>(&scope, Some(&id))?;
    let named = body.resource_group.identifier.as_deref().unwrap_or_default();
    if !named.is_empty() && named != id {
        return Err(Problem::invalid(
            "Resource group identifier in the request body and the url do not match: it cannot be changed",
        ));
    }
    let new = NewResourceGroup { identifier: id, ..body.resource_group.read(&scope)? };
    Ok(actions::update(&app, &grant, new, seen).await?.into())
}

async fn delete(
    State(app): State<App>,
    actor: Actor,
    Path(id): Path<String>,
    Query(scope): Query<ScopeQuery>,
    seen: IfMatch,
) -> Result<Reply<bool>> {
    let scope = scope.scope(&actor.caller.account)?;
    let grant = actor.grant_on::<ResourceGroupDelete>(&scope, Some(&id))?;
    actions::delete(&app, &grant, id, seen).await?;
    Ok(Reply(true))
}
