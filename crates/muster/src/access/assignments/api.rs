//! Routes of role assignments (platform API §7).

use axum::Router;
use axum::extract::State;
use axum::routing::{get, post};
use http::Uri;
use schemars::JsonSchema;
use serde::Deserialize;

use super::bodies::{AssignmentBody, FilterBody, FilterBodyV2, ValidateBody};
use super::model::{Filter, NewAssignment};
use super::permit::Permit;
pub use super::replies::BindingView;
use super::replies::{AggregateReply, AssignmentReply, DescribedReply, RemovalReply, ValidationReply};
use super::{actions, create, query};
use crate::access::Actor;
use crate::app::App;
use crate::kernel::listing::Orders;
use crate::kernel::page::{Page, PageQuery, PageRequest};
use crate::kernel::problem::{Problem, Result};
use crate::kernel::scope::Scope;
use crate::web::envelope::Reply;
use crate::web::extract::{Json, Path, Query, ScopeQuery, every, goes_by};
use crate::web::openapi::OpenApi;

/// Most items in one batch.
const BATCH_MOST: usize = 1_000;

/// The routes.
pub fn routes() -> Router<App> {
    Router::new()
        .route("/authz/api/roleassignments", get(list).post(create_one))
        .route("/authz/api/roleassignments/aggregate", post(aggregate))
        .route("/authz/api/roleassignments/delete/batch", post(delete_batch))
        .route("/authz/api/roleassignments/filter", post(filter))
        .route("/authz/api/roleassignments/multi", post(create_multi))
        .route("/authz/api/roleassignments/v2/filter", post(filter_v2))
        .route("/authz/api/roleassignments/validate", post(validate))
        .route("/authz/api/roleassignments/{identifier}", get(read).put(update).delete(delete))
}

// By the kind of principal.
pub(super) const SEE: &str = "to see: core_user_view, core_usergroup_view or core_serviceaccount_view";
pub(super) const MAKE: &str = "to make: core_user_manage, core_usergroup_manage or core_serviceaccount_edit";
const CHANGE: &str = "to change: core_user_manage, core_usergroup_manage or core_serviceaccount_edit";
pub(super) const REMOVE: &str =
    "to remove: core_user_manage, core_usergroup_manage or core_serviceaccount_edit";

/// What the OpenAPI document says of them.
pub fn describe(document: &mut OpenApi) {
    document
        .section("Role assignments")
        .nothing_is_400()
        .get("/authz/api/roleassignments", list)
        .told("listRoleAssignments", SEE, "Lists role assignments, page by page")
        .sorted(query::SORT_FIELDS)
        .without("searchTerm")
        .post("/authz/api/roleassignments", create_one)
        .told("createRoleAssignment", MAKE, "Makes a role assignment")
        .needs("resourceGroupIdentifier")
        .needs("principal.identifier")
        .post("/authz/api/roleassignments/multi", create_multi)
        .told(
            "createRoleAssignments",
            MAKE,
            "Makes up to 1,000 role assignments, and answers those that it made",
        )
        .get("/authz/api/roleassignments/{identifier}", read)
        .told("getRoleAssignment", SEE, "Shows a role assignment")
        .put("/authz/api/roleassignments/{identifier}", update)
        .told("switchRoleAssignment", CHANGE, "Switches a role assignment off or on")
        .delete("/authz/api/roleassignments/{identifier}", delete)
        .told("deleteRoleAssignment", REMOVE, "Removes a role assignment, and answers what it was")
        .post("/authz/api/roleassignments/delete/batch", delete_batch)
        .told("deleteRoleAssignments", REMOVE, "Removes up to 1,000 role assignments, each alone")
        .post("/authz/api/roleassignments/filter", filter)
        .told("filterRoleAssignments", SEE, "Lists role assignments as a body narrows them, page by page")
        .sorted(query::SORT_FIELDS)
        .without("searchTerm")
        .post("/authz/api/roleassignments/v2/filter", filter_v2)
        .told(
            "filterRoleAssignmentsAcrossScopes",
            SEE,
            "Lists role assignments of several scopes with their names, page by page",
        )
        .sorted(query::SORT_FIELDS)
        .without("searchTerm")
        .post("/authz/api/roleassignments/aggregate", aggregate)
        .told(
            "aggregateRoleAssignments",
            SEE,
            "Lists the first 1,000 role assignments, with each role and resource group once",
        )
        .post("/authz/api/roleassignments/validate", validate)
        .told("validateRoleAssignment", MAKE, "Says what would be wrong with a role assignment");
}

/// How a page of assignments is sorted and cut. They have no texts to search in.
fn order(uri: &Uri, page: &PageQuery) -> Result<(Orders, PageRequest)> {
    go_by(uri, &["sortOrders"])?;
    Ok((Orders::read(&every(uri, "sortOrders"), query::SORT_FIELDS)?, page.request()?))
}

fn go_by(uri: &Uri, takes: &[&str]) -> Result<()> {
    goes_by(uri, takes, "narrow it by the filters in the body of /authz/api/roleassignments/filter")
}

async fn list(
    State(app): State<App>,
    actor: Actor,
    uri: Uri,
    Query(scope): Query<ScopeQuery>,
    Query(page): Query<PageQuery>,
) -> Result<Reply<Page<AssignmentReply>>> {
    let scope = scope.scope(&actor.caller.account)?;
    let found = query::list(&app, &actor, &scope, Filter::default(), order(&uri, &page)?).await?;
    Ok(Reply(found.map(AssignmentReply::from)))
}

async fn filter(
    State(app): State<App>,
    actor: Actor,
    uri: Uri,
    Query(scope): Query<ScopeQuery>,
    Query(page): Query<PageQuery>,
    Json(body): Json<FilterBody>,
) -> Result<Reply<Page<AssignmentReply>>> {
    let scope = scope.scope(&actor.caller.account)?;
    let found = query::list(&app, &actor, &scope, body.read(&scope)?, order(&uri, &page)?).await?;
    Ok(Reply(found.map(AssignmentReply::from)))
}

async fn filter_v2(
    State(app): State<App>,
    actor: Actor,
    uri: Uri,
    Query(scope): Query<ScopeQuery>,
    Query(page): Query<PageQuery>,
    Json(body): Json<FilterBodyV2>,
) -> Result<Reply<Page<DescribedReply>>> {
    let (filter, scopes) = body.read(&scope.scope(&actor.caller.account)?)?;
    let found = query::across(&app, &actor, scopes, filter, order(&uri, &page)?).await?;
    Ok(Reply(found.map(DescribedReply::from)))
}

async fn aggregate(
    State(app): State<App>,
    actor: Actor,
    uri: Uri,
    Query(scope): Query<ScopeQuery>,
    Json(body): Json<FilterBody>,
) -> Result<Reply<AggregateReply>> {
    go_by(&uri, &[])?;
    let scope = scope.scope(&actor.caller.account)?;
    let found = query::aggregate(&app, &actor, &scope, body.read(&scope)?).await?;
    Ok(Reply(AggregateReply::new(&scope, found)))
}

async fn read(
    State(app): State<App>,
    actor: Actor,
    Path(id): Path<String>,
    Query(scope): Query<ScopeQuery>,
) -> Result<Reply<AssignmentReply>> {
    let scope = scope.scope(&actor.caller.account)?;
    Ok(Reply(query::get(&app, &actor, &scope, id).await?.into()))
}

async fn create_one(
    State(app): State<App>,
    actor: Actor,
    Query(scope): Query<ScopeQuery>,
    Json(body): Json<AssignmentBody>,
) -> Result<Reply<AssignmentReply>> {
    let scope = scope.scope(&actor.caller.account)?;
    let wish = body.wish(&scope)?;
    let permit = Permit::ask(&actor, &scope, wish.kind, &wish.principal, wish.level)?;
    Ok(Reply(create::create(&app, permit, wish).await?.into()))
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "RoleAssignmentsBody")]
struct MultiBody {
    #[schemars(length(max = BATCH_MOST))]
    role_assignments: Vec<AssignmentBody>,
}

async fn create_multi(
    State(app): State<App>,
    actor: Actor,
    Query(scope): Query<ScopeQuery>,
    Json(body): Json<MultiBody>,
) -> Result<Reply<Vec<AssignmentReply>>> {
    let scope = scope.scope(&actor.caller.account)?;
    check_batch(body.role_assignments.len())?;
    let wishes = permitted(&actor, &scope, &body.role_assignments);
    let made = create::create_all(&app, &actor, &scope, wishes).await?;
    Ok(Reply(made.into_iter().map(AssignmentReply::from).collect()))
}

/// What cannot be read and what is not permitted is left out, as `create_all` leaves out what cannot be.
fn permitted(actor: &Actor, scope: &Scope, bodies: &[AssignmentBody]) -> Vec<(Permit, NewAssignment)> {
    let wishes = bodies.iter().filter_map(|body| body.wish(scope).ok());
    wishes
        .filter_map(|wish| {
            Some((Permit::ask(actor, scope, wish.kind, &wish.principal, wish.level).ok()?, wish))
        })
        .collect()
}

fn check_batch(items: usize) -> Result<()> {
    if items > BATCH_MOST {
        return Err(Problem::invalid(format!(
            "{items} items are too many: send at most {BATCH_MOST} in one request"
        )));
    }
    Ok(())
}

async fn validate(
    State(app): State<App>,
    actor: Actor,
    Query(scope): Query<ScopeQuery>,
    Json(body): Json<ValidateBody>,
) -> Result<Reply<ValidationReply>> {
    let scope = scope.scope(&actor.caller.account)?;
    let wish = body.wish(&scope)?;
    let permit = Permit::ask(&actor, &scope, wish.kind, &wish.principal, wish.level)?;
    Ok(Reply(create::validate(&app, permit, wish).await?.into()))
}

async fn update(
    State(app): State<App>,
    actor: Actor,
    Path(id): Path<String>,
    Query(scope): Query<ScopeQuery>,
    Json(body): Json<AssignmentBody>,
) -> Result<Reply<AssignmentReply>> {
    let scope = scope.scope(&actor.caller.account)?;
    let change = body.change(&scope, &id)?;
    Ok(Reply(actions::update(&app, &actor, &scope, id, change).await?.into()))
}

async fn delete(
    State(app): State<App>,
    actor: Actor,
    Path(id): Path<String>,
    Query(scope): Query<ScopeQuery>,
) -> Result<Reply<AssignmentReply>> {
    let scope = scope.scope(&actor.caller.account)?;
    Ok(Reply(actions::delete(&app, &actor, &scope, id).await?.into()))
}

async fn delete_batch(
    State(app): State<App>,
    actor: Actor,
    Query(scope): Query<ScopeQuery>,
    Json(ids): Json<Vec<String>>,
) -> Result<Reply<RemovalReply>> {
    let scope = scope.scope(&actor.caller.account)?;
    check_batch(ids.len())?;
    Ok(Reply(actions::delete_all(&app, &actor, &scope, ids).await?.into()))
}
