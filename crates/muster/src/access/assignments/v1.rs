//! Routes of role assignments under `/v1` (platform API §7): the same actions, by bare bodies. There is no
//! PUT.

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use http::{StatusCode, Uri};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::api::{MAKE, REMOVE, SEE};
use super::bodies::{AssignmentBody, PrincipalBody};
use super::model::{Assignment, Filter, NewAssignment};
use super::permit::Permit;
use super::{actions, create, query};
use crate::access::Actor;
use crate::app::App;
use crate::kernel::listing::Orders;
use crate::kernel::problem::Result;
use crate::kernel::scope::{Level, Scope};
use crate::kernel::text::IDENTIFIER;
use crate::web::by_name::Spelled;
use crate::web::envelope::Bare;
use crate::web::extract::{Json, Path, Query};
use crate::web::openapi::OpenApi;
use crate::web::v1::{Count, Items, ListQuery, Named, Place};

/// They have no name.
const FIELDS: &[&str] = &["identifier", "created", "updated"];

/// The routes, in each of the three places.
pub fn routes() -> Router<App> {
    const ACCOUNT: &str = "/v1/role-assignments";
    const ORGANIZATION: &str = "/v1/orgs/{org}/role-assignments";
    const PROJECT: &str = "/v1/orgs/{org}/projects/{project}/role-assignments";
    Router::new()
        .route(ACCOUNT, get(list).post(create_one))
        .route(&format!("{ACCOUNT}/count"), get(count))
        .route(&format!("{ACCOUNT}/{{role-assignment}}"), get(read).delete(delete))
        .route(ORGANIZATION, get(list).post(create_one))
        .route(&format!("{ORGANIZATION}/count"), get(count))
        .route(&format!("{ORGANIZATION}/{{role-assignment}}"), get(read).delete(delete))
        .route(PROJECT, get(list).post(create_one))
        .route(&format!("{PROJECT}/count"), get(count))
        .route(&format!("{PROJECT}/{{role-assignment}}"), get(read).delete(delete))
}

/// What the OpenAPI document says of them.
pub fn describe(document: &mut OpenApi) {
    document
        .section("Role assignments")
        .nothing_is_400()
        .get("/v1/role-assignments", list)
        .told("listRoleAssignmentsV1", SEE, "Lists role assignments, page by page")
        .ordered(FIELDS)
        .without("search_term")
        .post("/v1/role-assignments", create_one)
        .told("createRoleAssignmentV1", MAKE, "Makes a role assignment")
        .needs("resource_group")
        .needs("role")
        .needs("principal.identifier")
        .created()
        .get("/v1/role-assignments/count", count)
        .told("countRoleAssignmentsV1", SEE, "Counts the role assignments that the list has")
        .get("/v1/role-assignments/{role-assignment}", read)
        .told("getRoleAssignmentV1", SEE, "Shows a role assignment")
        .delete("/v1/role-assignments/{role-assignment}", delete)
        .told("deleteRoleAssignmentV1", REMOVE, "Removes a role assignment, and answers what it was")
        .in_every_place("/v1/role-assignments");
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(rename = "V1RoleAssignmentBody")]
struct Body {
    #[schemars(regex(pattern = IDENTIFIER))]
    identifier: Option<String>,
    resource_group: Option<String>,
    role: Option<String>,
    principal: Option<Bound>,
    disabled: Option<bool>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(rename = "V1PrincipalBody", extend("required" = ["type"]))]
struct Bound {
    identifier: Option<String>,
    #[serde(rename = "type")]
    #[schemars(extend("enum" = ["USER", "USER_GROUP", "SERVICE_ACCOUNT"]))]
    kind: Option<String>,
    scope_level: Option<String>,
}

/// What the members of a body are called in the other form, and here.
const HERE: [(&str, &str); 3] = [
    ("roleIdentifier", "role"),
    ("resourceGroupIdentifier", "resource_group"),
    ("scopeLevel", "scope_level"),
];

impl Body {
    fn wish(self, scope: &Scope) -> Result<NewAssignment> {
        let principal = self.principal.map(|principal| PrincipalBody {
            identifier: principal.identifier,
            kind: principal.kind,
            scope_level: principal.scope_level,
        });
        let body = AssignmentBody {
            identifier: self.identifier,
            resource_group_identifier: self.resource_group,
            role_identifier: self.role,
            role_reference: None,
            principal,
            disabled: self.disabled,
        };
        body.wish(scope).map_err(|problem| problem.renamed(&HERE))
    }
}

/// An assignment in an answer, under a name with a hyphen.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "V1RoleAssignmentReply")]
struct Shown {
    #[serde(rename = "role-assignment")]
    role_assignment: Dto,
    created: i64,
    updated: i64,
    harness_managed: bool,
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "V1RoleAssignment")]
struct Dto {
    identifier: String,
    resource_group: String,
    role: String,
    principal: PrincipalDto,
    disabled: bool,
    managed: bool,
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "V1Principal")]
struct PrincipalDto {
    scope_level: Option<Level>,
    identifier: String,
    #[serde(rename = "type")]
    #[schemars(extend("enum" = ["USER", "USER_GROUP", "SERVICE_ACCOUNT"]))]
    kind: &'static str,
}

impl From<Assignment> for Shown {
    fn from(assignment: Assignment) -> Self {
        let Assignment { row, created_at, updated_at } = assignment;
        Self {
            role_assignment: Dto {
                identifier: row.identifier,
                resource_group: row.resource_group,
                role: row.role,
                principal: PrincipalDto {
                    scope_level: row.principal_level,
                    identifier: row.principal_id,
                    kind: row.principal_kind.as_str(),
                },
                disabled: row.disabled,
                managed: row.managed,
            },
            created: created_at.millis(),
            updated: updated_at.millis(),
            harness_managed: row.managed,
        }
    }
}

async fn list(
    State(app): State<App>,
    actor: Actor,
    uri: Uri,
    place: Place,
    Query(query): Query<ListQuery>,
) -> Result<Items<Shown>> {
    let scope = place.scope(&actor.caller.account)?;
    let asked = query.unsearched(&uri, FIELDS)?;
    let found = query::list(&app, &actor, &scope, Filter::default(), asked).await?;
    Ok(Items(found.map(Shown::from)))
}

async fn count(State(app): State<App>, actor: Actor, uri: Uri, place: Place) -> Result<Bare<Count>> {
    let scope = place.scope(&actor.caller.account)?;
    let asked = (Orders::default(), Count::asked(&uri)?);
    Ok(Count::of(query::list(&app, &actor, &scope, Filter::default(), asked).await?))
}

async fn read(
    State(app): State<App>,
    actor: Actor,
    place: Place,
    Path(named): Path<Named>,
) -> Result<Bare<Shown>> {
    let scope = place.scope(&actor.caller.account)?;
    Ok(Bare(StatusCode::OK, query::get(&app, &actor, &scope, named.id).await?.into()))
}

async fn create_one(
    State(app): State<App>,
    actor: Actor,
    place: Place,
    Json(Spelled(body)): Json<Spelled<Body>>,
) -> Result<Bare<Shown>> {
    let scope = place.scope(&actor.caller.account)?;
    let wish = body.wish(&scope)?;
    let permit = Permit::ask(&actor, &scope, wish.kind, &wish.principal, wish.level)?;
    Ok(Bare(StatusCode::CREATED, create::create(&app, permit, wish).await?.into()))
}

async fn delete(
    State(app): State<App>,
    actor: Actor,
    place: Place,
    Path(named): Path<Named>,
) -> Result<Bare<Shown>> {
    let scope = place.scope(&actor.caller.account)?;
    Ok(Bare(StatusCode::OK, actions::delete(&app, &actor, &scope, named.id).await?.into()))
}
