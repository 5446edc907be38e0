//! Routes of roles under `/v1` (platform API §6): the same actions, by bare bodies.

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use http::{StatusCode, Uri};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::actions::{self, Listing};
use super::model::{NewRole, Role};
use crate::access::Actor;
use crate::access::permissions::{RoleDelete, RoleEdit, RoleView};
use crate::app::App;
use crate::kernel::listing::{Orders, SearchTerm};
use crate::kernel::problem::Result;
use crate::kernel::scope::Level;
use crate::kernel::text::{DESCRIPTION_MOST, IDENTIFIER, NAME_MOST, Tags};
use crate::kernel::time::Timestamp;
use crate::kernel::version::IfMatch;
use crate::web::by_name::Spelled;
use crate::web::envelope::Bare;
use crate::web::extract::{Json, Path, Query};
use crate::web::openapi::OpenApi;
use crate::web::v1::{Count, FIELDS, Items, LIMIT, ListQuery, Named, Place, PlaceView, Versioned};

/// The routes, in each of the three places.
pub fn routes() -> Router<App> {
    const ACCOUNT: &str = "/v1/roles";
    const ORGANIZATION: &str = "/v1/orgs/{org}/roles";
    const PROJECT: &str = "/v1/orgs/{org}/projects/{project}/roles";
    Router::new()
        .route(ACCOUNT, get(list).post(create))
        .route(&format!("{ACCOUNT}/count"), get(count))
        .route(&format!("{ACCOUNT}/{{role}}"), get(read).put(update).delete(delete))
        .route(ORGANIZATION, get(list).post(create))
        .route(&format!("{ORGANIZATION}/count"), get(count))
        .route(&format!("{ORGANIZATION}/{{role}}"), get(read).put(update).delete(delete))
        .route(PROJECT, get(list).post(create))
        .route(&format!("{PROJECT}/count"), get(count))
        .route(&format!("{PROJECT}/{{role}}"), get(read).put(update).delete(delete))
}

/// What the OpenAPI document says of them.
pub fn describe(document: &mut OpenApi) {
    document
        .section("Roles")
        .nothing_is_400()
        .get("/v1/roles", list)
        .told(
            "listRolesV1",
            "core_role_view",
            "Lists the managed roles of the scope's level and the custom ones of the scope, page by page",
        )
        .ordered(FIELDS)
        .post("/v1/roles", create)
        .told("createRoleV1", "core_role_edit", "Makes a custom role")
        .needs("identifier")
        .created()
        .get("/v1/roles/count", count)
        .told("countRolesV1", "core_role_view", "Counts the roles that the list has")
        .get("/v1/roles/{role}", read)
        .told("getRoleV1", "core_role_view", "Shows a role")
        .put("/v1/roles/{role}", update)
        .told("replaceRoleV1", "core_role_edit", "Replaces a custom role")
        .delete("/v1/roles/{role}", delete)
        .told(
            "deleteRoleV1",
            "core_role_delete",
            "Removes a custom role and its assignments, and answers what it was",
        )
        .in_every_place("/v1/roles");
}

/// A role in a body. Parts that are absent or null are empty.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(rename = "V1RoleBody", extend("required" = ["name"]))]
struct RoleBody {
    #[schemars(regex(pattern = IDENTIFIER))]
    identifier: Option<String>,
    #[schemars(length(max = NAME_MOST))]
    name: Option<String>,
    permissions: Option<Vec<String>>,
    #[schemars(length(max = DESCRIPTION_MOST))]
    description: Option<String>,
    tags: Option<Tags>,
}

impl From<RoleBody> for NewRole {
    fn from(body: RoleBody) -> Self {
        Self {
            identifier: body.identifier.unwrap_or_default(),
            name: body.name.unwrap_or_default(),
            description: body.description,
            tags: body.tags.unwrap_or_default(),
            permissions: body.permissions.unwrap_or_default(),
            levels: Vec::new(),
        }
    }
}

/// A role in an answer; its scope is null where it is managed.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "V1Role")]
struct Shown {
    identifier: String,
    name: String,
    permissions: Vec<String>,
    allowed_scope_levels: [Level; 1],
    description: Option<String>,
    tags: Tags,
    scope: Option<PlaceView>,
    created: Option<i64>,
    updated: Option<i64>,
    harness_managed: bool,
}

impl From<Role> for Shown {
    fn from(role: Role) -> Self {
        Self {
            identifier: role.identifier,
            name: role.name,
            permissions: role.permissions,
            allowed_scope_levels: [role.level],
            description: role.description,
            tags: role.tags,
            scope: role.scope.as_ref().map(PlaceView::from),
            created: role.times.map(|(at, _)| Timestamp::millis(at)),
            updated: role.times.map(|(_, at)| Timestamp::millis(at)),
            harness_managed: role.scope.is_none(),
        }
    }
}

fn versioned(status: StatusCode, role: Role) -> Versioned<Shown> {
    Versioned { status, tag: role.tag, shown: role.into() }
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
    let listing = Listing { search: asked.search, managed: None, orders: asked.orders, page: asked.page };
    let found = actions::list(&app, &actor, &scope, listing).await?;
    Ok(Items(found.map(|(role, _)| role.into())))
}

async fn count(State(app): State<App>, actor: Actor, uri: Uri, place: Place) -> Result<Bare<Count>> {
    let scope = place.scope(&actor.caller.account)?;
    let (search, orders) = (SearchTerm::default(), Orders::default());
    let listing = Listing { search, managed: None, orders, page: Count::asked(&uri)? };
    Ok(Count::of(actions::list(&app, &actor, &scope, listing).await?))
}

async fn read(
    State(app): State<App>,
    actor: Actor,
    place: Place,
    Path(named): Path<Named>,
) -> Result<Versioned<Shown>> {
    let grant = actor.grant_on::<RoleView>(&place.scope(&actor.caller.account)?, Some(&named.id))?;
    Ok(versioned(StatusCode::OK, actions::get(&app, &grant, named.id).await?))
}

async fn create(
    State(app): State<App>,
    actor: Actor,
    place: Place,
    Json(Spelled(body)): Json<Spelled<RoleBody>>,
) -> Result<Versioned<Shown>> {
    let grant = actor.grant::<RoleEdit>(&place.scope(&actor.caller.account)?)?;
    Ok(versioned(StatusCode::CREATED, actions::create(&app, &grant, body.into()).await?))
}

async fn update(
    State(app): State<App>,
    actor: Actor,
    place: Place,
    Path(named): Path<Named>,
    seen: IfMatch,
    Json(Spelled(body)): Json<Spelled<RoleBody>>,
) -> Result<Versioned<Shown>> {
    let grant = actor.grant_on::<RoleEdit>(&place.scope(&actor.caller.account)?, Some(&named.id))?;
    let identifier = named.with(body.identifier.as_deref())?;
    let new = NewRole { identifier, ..body.into() };
    Ok(versioned(StatusCode::OK, actions::update(&app, &grant, new, seen).await?))
}

async fn delete(
    State(app): State<App>,
    actor: Actor,
    place: Place,
    Path(named): Path<Named>,
    seen: IfMatch,
) -> Result<Bare<Shown>> {
    let grant = actor.grant_on::<RoleDelete>(&place.scope(&actor.caller.account)?, Some(&named.id))?;
    Ok(Bare(StatusCode::OK, actions::delete(&app, &grant, named.id, seen).await?.into()))
}
