//! Routes of resource groups under `/v1` (platform API §8): the same actions, by bare bodies.

use std::collections::HashSet;

use axum::Router;
use axum::extract::State;
use axum::routing::{get, post};
use http::{StatusCode, Uri};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::actions::{self, Listing};
use super::api::managed_filter;
use super::bodies::{FilterBody, GroupBody, IncludedBody, SelectorBody, no_condition};
use super::model::{NewResourceGroup, ResourceGroup};
use crate::access::Actor;
use crate::access::permissions::{ResourceGroupDelete, ResourceGroupEdit, ResourceGroupView};
use crate::access::rights::{IncludedScope, ResourceSelector};
use crate::app::App;
use crate::kernel::listing::SearchTerm;
use crate::kernel::problem::{Problem, Result};
use crate::kernel::scope::{Level, Scope};
use crate::kernel::text::{DESCRIPTION_MOST, IDENTIFIER, NAME_MOST, Tags};
use crate::kernel::time::Timestamp;
use crate::kernel::version::IfMatch;
use crate::web::by_name::Spelled;
use crate::web::envelope::Bare;
use crate::web::extract::{Json, Path, Query, few, unused};
use crate::web::openapi::OpenApi;
use crate::web::v1::{FIELDS, Items, LIMIT, ListQuery, Named, Place, Versioned, in_place};

/// The routes, in each of the three places; the filter's body names its own.
pub fn routes() -> Router<App> {
    const ACCOUNT: &str = "/v1/resource-groups";
    const ORGANIZATION: &str = "/v1/orgs/{org}/resource-groups";
    const PROJECT: &str = "/v1/orgs/{org}/projects/{project}/resource-groups";
    Router::new()
        .route(ACCOUNT, get(list).post(create))
        .route(&format!("{ACCOUNT}/filter"), post(filter))
        .route(&format!("{ACCOUNT}/{{resource-group}}"), get(read).put(update).delete(delete))
        .route(ORGANIZATION, get(list).post(create))
        .route(&format!("{ORGANIZATION}/{{resource-group}}"), get(read).put(update).delete(delete))
        .route(PROJECT, get(list).post(create))
        .route(&format!("{PROJECT}/{{resource-group}}"), get(read).put(update).delete(delete))
}

/// What the OpenAPI document says of them.
pub fn describe(document: &mut OpenApi) {
    document
        .section("Resource groups")
        .get("/v1/resource-groups", list)
        .told(
            "listResourceGroupsV1",
            "core_resourcegroup_view",
            "Lists the managed groups of the scope's level and the custom ones of the scope, page by page",
        )
        .ordered(FIELDS)
        .post("/v1/resource-groups", create)
        .told("createResourceGroupV1", "core_resourcegroup_edit", "Makes a custom resource group")
        .needs("identifier")
        .created()
        .get("/v1/resource-groups/{resource-group}", read)
        .told("getResourceGroupV1", "core_resourcegroup_view", "Shows a resource group")
        .put("/v1/resource-groups/{resource-group}", update)
        .told("replaceResourceGroupV1", "core_resourcegroup_edit", "Replaces a custom resource group")
        .delete("/v1/resource-groups/{resource-group}", delete)
        .told(
            "deleteResourceGroupV1",
            "core_resourcegroup_delete",
            "Removes a custom resource group and the assignments on it, and answers what it was",
        )
        .in_every_place("/v1/resource-groups")
        .post("/v1/resource-groups/filter", filter)
        .told(
            "filterResourceGroupsV1",
            "core_resourcegroup_view",
            "Lists resource groups of the scope that a body names, as it narrows them, page by page",
        )
        .ordered(FIELDS);
}

/// A group in a body.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
#[allow(dead_code)] // a condition is refused while it is read
#[schemars(rename = "V1ResourceGroupBody", extend("required" = ["name"]))]
struct Body {
    #[schemars(regex(pattern = IDENTIFIER))]
    identifier: Option<String>,
    #[schemars(length(max = NAME_MOST))]
    name: Option<String>,
    color: Option<String>,
    tags: Option<Tags>,
    #[schemars(length(max = DESCRIPTION_MOST))]
    description: Option<String>,
    #[serde(deserialize_with = "few")]
    included_scope: Option<Vec<Included>>,
    resource_filter: Option<Vec<Selector>>,
    include_all_resources: Option<bool>,
    #[serde(deserialize_with = "no_condition")]
    attribute_filter: (),
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(rename = "V1IncludedScopeBody")]
struct Included {
    #[schemars(extend("enum" = ["EXCLUDING_CHILD_SCOPES", "INCLUDING_CHILD_SCOPES"]))]
    filter: Option<String>,
    account: Option<String>,
    org: Option<String>,
    project: Option<String>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
#[allow(dead_code)] // a condition is refused while it is read
#[schemars(rename = "V1ResourceSelectorBody", extend("required" = ["resource_type"]))]
struct Selector {
    resource_type: Option<String>,
    #[serde(deserialize_with = "few")]
    identifiers: Option<Vec<String>>,
    #[serde(deserialize_with = "no_condition")]
    attribute_filter: (),
    #[serde(deserialize_with = "no_condition")]
    attribute_name: (),
    #[serde(deserialize_with = "no_condition")]
    attribute_values: (),
}

/// What the members of a body are called in the other form, and here.
const HERE: [(&str, &str); 6] = [
    ("resourceGroup.resourceFilter.resources", "resource_filter"),
    ("resourceGroup.", ""),
    ("resourceType", "resource_type"),
    ("includeAllResources", "include_all_resources"),
    ("leave resources empty", "leave resource_filter empty"),
    ("managedFilter", "managed_filter"),
];

fn here(problem: Problem) -> Problem {
    problem.renamed(&HERE)
}

impl Body {
    fn read(self, scope: &Scope) -> Result<NewResourceGroup> {
        let mut included = Vec::new();
        for item in self.included_scope.unwrap_or_default() {
            // An included scope lives in the group's account; its organization and project are checked later.
            in_place(scope, [item.account.as_deref(), None, None])?;
            included.push(IncludedBody {
                filter: item.filter,
                account_identifier: None,
                org_identifier: item.org,
                project_identifier: item.project,
            });
        }
        let selectors = self.resource_filter.unwrap_or_default().into_iter().map(|selector| SelectorBody {
            resource_type: selector.resource_type,
            identifiers: selector.identifiers,
            attribute_filter: (),
        });
        let body = GroupBody {
            identifier: self.identifier,
            name: self.name,
            color: self.color,
            tags: self.tags,
            description: self.description,
            included_scopes: Some(included),
            resource_filter: Some(FilterBody {
                include_all_resources: self.include_all_resources,
                resources: Some(selectors.collect()),
            }),
            ..GroupBody::default()
        };
        body.read(scope)
    }
}

/// A group in an answer.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "V1ResourceGroup")]
struct Shown {
    identifier: String,
    name: String,
    color: String,
    tags: Tags,
    description: Option<String>,
    allowed_scope_levels: Vec<Level>,
    included_scope: Vec<IncludedView>,
    resource_filter: Vec<SelectorView>,
    include_all_resources: bool,
    harness_managed: bool,
    created: Option<i64>,
    updated: Option<i64>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "V1IncludedScope")]
struct IncludedView {
    #[schemars(extend("enum" = ["EXCLUDING_CHILD_SCOPES", "INCLUDING_CHILD_SCOPES"]))]
    filter: String,
    account: String,
    org: Option<String>,
    project: Option<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "V1ResourceSelector")]
struct SelectorView {
    resource_type: String,
    /// Left out where it is the whole type.
    #[serde(skip_serializing_if = "Option::is_none")]
    identifiers: Option<Vec<String>>,
}

impl From<ResourceGroup> for Shown {
    fn from(group: ResourceGroup) -> Self {
        let account = group.scope.account.to_string();
        let included = |s: IncludedScope| IncludedView {
            filter: s.filter,
            account: account.clone(),
            org: s.org_identifier,
            project: s.project_identifier,
        };
        let selector =
            |s: ResourceSelector| SelectorView { resource_type: s.resource_type, identifiers: s.identifiers };
        Self {
            harness_managed: group.managed(),
            identifier: group.identifier,
            name: group.name,
            color: group.color,
            tags: group.tags,
            description: group.description,
            allowed_scope_levels: group.levels,
            included_scope: group.included.into_iter().map(included).collect(),
            resource_filter: group.filter.resources.into_iter().map(selector).collect(),
            include_all_resources: group.filter.include_all_resources,
            created: group.times.map(|(at, _)| Timestamp::millis(at)),
            updated: group.times.map(|(_, at)| Timestamp::millis(at)),
        }
    }
}

fn versioned(status: StatusCode, group: ResourceGroup) -> Versioned<Shown> {
    Versioned { status, tag: group.tag, shown: group.into() }
}

async fn list(
    State(app): State<App>,
    actor: Actor,
    uri: Uri,
    place: Place,
    Query(query): Query<ListQuery>,
) -> Result<Items<Shown>> {
    let scope = place.scope(&actor.caller.account)?;
    let asked = query.read(&uri, LIMIT, FIELDS)?;
    let (search, orders, page) = (asked.search, asked.orders, asked.page);
    let listing = Listing { search, identifiers: HashSet::new(), managed: None, orders, page };
    Ok(Items(actions::list(&app, &actor, &scope, listing).await?.map(Shown::from)))
}

/// The body of `/filter`, which names the scope.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
#[allow(dead_code)] // what is unused is refused while it is read
#[schemars(rename = "V1ResourceGroupFilter")]
struct FilterRequest {
    account: Option<String>,
    org: Option<String>,
    project: Option<String>,
    search_term: Option<String>,
    identifier_filter: Option<HashSet<String>>,
    #[schemars(extend("enum" = ["NO_FILTER", "ONLY_MANAGED", "ONLY_CUSTOM"]))]
    managed_filter: Option<String>,
    #[serde(deserialize_with = "unused")]
    resource_selector_filter: (),
}

async fn filter(
    State(app): State<App>,
    actor: Actor,
    uri: Uri,
    place: Place,
    Query(query): Query<ListQuery>,
    Json(Spelled(body)): Json<Spelled<FilterRequest>>,
) -> Result<Items<Shown>> {
    let named = [&body.account, &body.org, &body.project].map(Option::as_deref);
    let scope = place.scope_of_body(&actor.caller.account, named)?;
    let asked = query.read(&uri, LIMIT, FIELDS)?;
    let listing = Listing {
        search: body
            .search_term
            .filter(|t| !t.is_empty())
            .map_or(asked.search, |t| SearchTerm::new(Some(&t))),
        identifiers: body.identifier_filter.unwrap_or_default(),
        managed: managed_filter(body.managed_filter.as_deref()).map_err(here)?,
        orders: asked.orders,
        page: asked.page,
    };
    Ok(Items(actions::list(&app, &actor, &scope, listing).await?.map(Shown::from)))
}

async fn read(
    State(app): State<App>,
    actor: Actor,
    place: Place,
    Path(named): Path<Named>,
) -> Result<Versioned<Shown>> {
    let grant = actor.grant_on::<ResourceGroupView>(&place.scope(&actor.caller.account)?, Some(&named.id))?;
    Ok(versioned(StatusCode::OK, actions::get(&app, &grant, named.id).await?))
}

async fn create(
    State(app): State<App>,
    actor: Actor,
    place: Place,
    Json(Spelled(body)): Json<Spelled<Body>>,
) -> Result<Versioned<Shown>> {
    let scope = place.scope(&actor.caller.account)?;
    let grant = actor.grant::<ResourceGroupEdit>(&scope)?;
    let made = actions::create(&app, &grant, body.read(&scope)?).await.map_err(here)?;
    Ok(versioned(StatusCode::CREATED, made))
}

async fn update(
    State(app): State<App>,
    actor: Actor,
    place: Place,
    Path(named): Path<Named>,
    seen: IfMatch,
    Json(Spelled(body)): Json<Spelled<Body>>,
) -> Result<Versioned<Shown>> {
    let scope = place.scope(&actor.caller.account)?;
    let grant = actor.grant_on::<ResourceGroupEdit>(&scope, Some(&named.id))?;
    let identifier = named.with(body.identifier.as_deref())?;
    let new = NewResourceGroup { identifier, ..body.read(&scope)? };
    Ok(versioned(StatusCode::OK, actions::update(&app, &grant, new, seen).await.map_err(here)?))
}

async fn delete(
    State(app): State<App>,
    actor: Actor,
    place: Place,
    Path(named): Path<Named>,
    seen: IfMatch,
) -> Result<Bare<Shown>> {
    let grant =
        actor.grant_on::<ResourceGroupDelete>(&place.scope(&actor.caller.account)?, Some(&named.id))?;
    Ok(Bare(StatusCode::OK, actions::delete(&app, &grant, named.id, seen).await?.into()))
}
