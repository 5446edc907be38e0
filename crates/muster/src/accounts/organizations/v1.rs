//! Routes of organizations under `/v1` (platform API §12): the same actions, by bare bodies.

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use http::{StatusCode, Uri};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::actions::{self, Wanted};
use super::api::{Dto, Fields};
use super::model::Organization;
use crate::access::Actor;
use crate::access::permissions::{
    OrganizationCreate, OrganizationDelete, OrganizationEdit, OrganizationView,
};
use crate::app::App;
use crate::kernel::page::Page;
use crate::kernel::problem::{Problem, Result};
use crate::kernel::version::IfMatch;
use crate::web::by_name::Spelled;
use crate::web::envelope::Bare;
use crate::web::extract::{Json, Query, repeated};
use crate::web::openapi::OpenApi;
use crate::web::v1::{FIELDS, Items, ListQuery, Place, Versioned};

/// Items of a page where the client does not say how many (§1.7).
const LIMIT: u32 = 20;

/// `/v1/orgs`.
pub fn routes() -> Router<App> {
    Router::new()
        .route("/v1/orgs", get(list).post(create))
        .route("/v1/orgs/{org}", get(show).put(update).delete(delete))
}

/// What the OpenAPI document says of them.
pub fn describe(document: &mut OpenApi) {
    document
        .section("Organizations")
        .nothing_is_400()
        .get("/v1/orgs", list)
        .told(
            "listOrganizationsV1",
            "shows those with core_organization_view",
            "Lists organizations, as /ng/api/organizations",
        )
        .named_by("org")
        .ordered(FIELDS)
        .post("/v1/orgs", create)
        .told("createOrganizationV1", "core_organization_create on the account", "Makes an organization")
        .needs("org.identifier")
        .created()
        .get("/v1/orgs/{org}", show)
        .told("getOrganizationV1", "core_organization_view", "Shows an organization")
        .put("/v1/orgs/{org}", update)
        .told(
            "replaceOrganizationV1",
            "core_organization_edit",
            "Replaces name, description and tags of an organization",
        )
        .delete("/v1/orgs/{org}", delete)
        .told(
            "deleteOrganizationV1",
            "core_organization_delete",
            "Removes an organization with all that is in it and in its projects, and answers what it was",
        );
}

#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "V1OrganizationRequest")]
struct Body {
    org: Fields,
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "V1Organization")]
struct Shown {
    org: Dto,
    created: i64,
    updated: i64,
    harness_managed: bool,
}

impl From<Organization> for Shown {
    fn from(org: Organization) -> Self {
        Self {
            created: org.created_at.millis(),
            updated: org.updated_at.millis(),
            harness_managed: org.managed(),
            org: org.fields.into(),
        }
    }
}

fn versioned(status: StatusCode, org: Organization) -> Versioned<Shown> {
    Versioned { status, tag: org.tag(), shown: org.into() }
}

/// What is wrong with a body, by the names that its members have here.
fn here(problem: Problem) -> Problem {
    problem.renamed(&[
        ("organization.identifier", "org.identifier"),
        ("organization.name", "org.name"),
        ("organization.description", "org.description"),
        ("organization.tags", "org.tags"),
    ])
}

async fn list(
    State(app): State<App>,
    actor: Actor,
    uri: Uri,
    place: Place,
    Query(query): Query<ListQuery>,
) -> Result<Items<Shown>> {
    place.scope(&actor.caller.account)?;
    let asked = query.read(&uri, LIMIT, FIELDS)?;
    let wanted = Wanted { identifiers: repeated(&uri, "org"), search: asked.search, orders: asked.orders };
    let all = actions::list(&app, &actor, wanted).await?;
    Ok(Items(Page::cut(asked.page, all).map(Shown::from)))
}

async fn show(State(app): State<App>, actor: Actor, place: Place) -> Result<Versioned<Shown>> {
    let scope = place.scope(&actor.caller.account)?;
    let grant = actor.grant_on::<OrganizationView>(&scope, scope.org())?;
    Ok(versioned(StatusCode::OK, actions::load(&app, &grant).await?))
}

async fn create(
    State(app): State<App>,
    actor: Actor,
    place: Place,
    Json(Spelled(body)): Json<Spelled<Body>>,
) -> Result<Versioned<Shown>> {
    let grant = actor.grant::<OrganizationCreate>(&place.scope(&actor.caller.account)?)?;
    let made = actions::create(&app, &grant, body.org.read(None)?).await.map_err(here)?;
    Ok(versioned(StatusCode::CREATED, made))
}

async fn update(
    State(app): State<App>,
    actor: Actor,
    place: Place,
    seen: IfMatch,
    Json(Spelled(body)): Json<Spelled<Body>>,
) -> Result<Versioned<Shown>> {
    let scope = place.scope(&actor.caller.account)?;
    let grant = actor.grant_on::<OrganizationEdit>(&scope, scope.org())?;
    let changed = actions::update(&app, &grant, body.org.read(scope.org())?, seen).await.map_err(here)?;
    Ok(versioned(StatusCode::OK, changed))
}

async fn delete(State(app): State<App>, actor: Actor, place: Place, seen: IfMatch) -> Result<Bare<Shown>> {
    let scope = place.scope(&actor.caller.account)?;
    let grant = actor.grant_on::<OrganizationDelete>(&scope, scope.org())?;
    Ok(Bare(StatusCode::OK, actions::delete(&app, &grant, seen).await?.into()))
}
