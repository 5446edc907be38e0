//! `/Users`.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use scim::list::ListQuery;
use scim::{PatchRequest, resource};
use serde_json::Value;

use super::door::Door;
use super::render::{self, Writer};
use super::request::{self, Body, IfMatch, IfNoneMatch, Query, projection};
use super::trail::Trail;
use crate::access::permissions::UserView;
use crate::app::App;
use crate::directory::model::{Expected, Subject};
use crate::directory::users::actions::{self, Reading};
use crate::directory::users::model::UserResource;
use crate::kernel::problem::Result;
use crate::web::extract::Path;

fn reading(door: &Door, expected: Expected, with_groups: bool) -> Reading {
    let (of, rehearsal) = (door.kinds.written(Subject::User), door.rehearsal.clone());
    Reading { of, mender: door.mender(), expected, with_groups, rehearsal }
}

pub async fn list(State(app): State<App>, door: Door, Query(query): Query) -> Result<Response> {
    find(&app, &door, &query).await
}

pub async fn search(State(app): State<App>, door: Door, Body(body): Body) -> Result<Response> {
    find(&app, &door, &ListQuery::from_search(body)?).await
}

async fn find(app: &App, door: &Door, query: &ListQuery) -> Result<Response> {
    let grant = door.grant::<UserView>()?;
    let kind = door.kinds.of(Subject::User).clone();
    let projection = projection(query, &kind)?;
    let mut search = request::search(query, &kind, door)?;
    let trail = Trail::of(app, door, query, Subject::User.endpoint(), &mut search).await?;
    let start = search.start;
    let mut found = actions::list(app, &grant, search, projection.wants("groups")).await?;
    let paging = render::paging(trail.as_ref(), start, &mut found);
    Writer { kind: &kind, projection: &projection, base: &door.base }.list(&paging, &found)
}

pub async fn load(
    State(app): State<App>,
    door: Door,
    Path((_, id)): Path<(String, String)>,
    Query(query): Query,
    known: IfNoneMatch,
) -> Result<Response> {
    let grant = door.grant::<UserView>()?;
    let kind = door.kinds.of(Subject::User).clone();
    let projection = projection(&query, &kind)?;
    let user = actions::load(&app, &grant, &id, projection.wants("groups")).await?;
    if known.knows(&user.stored) {
        return Ok(render::not_modified(&user.stored));
    }
    Writer { kind: &kind, projection: &projection, base: &door.base }.answer(StatusCode::OK, &user)
}

/// Creates from a body. The password in it ends here: Muster never authenticates a person by one.
///
/// # Errors
/// `Denied`, what the schema refuses, and those of the action.
pub async fn make(app: &App, door: &Door, body: Value, with_groups: bool) -> Result<UserResource> {
    let (grant, invite) = (door.grant()?, door.grant()?);
    let mut reading = reading(door, Expected::Any, with_groups);
    let accepted = resource::create(&reading.of.kind, body, &mut reading.mender)?;
    door.log(reading.mender.notes(), &[]);
    actions::create(app, &grant, &invite, accepted.document, reading).await
}

/// Replaces by a body, or changes by a body of operations.
///
/// # Errors
/// As `make`.
pub async fn change(
    app: &App,
    door: &Door,
    id: &str,
    (body, whole): (Value, bool),
    (expected, with_groups): (Expected, bool),
) -> Result<UserResource> {
    let grant = door.grant()?;
    let mut reading = reading(door, expected, with_groups);
    let (user, notes) = if whole {
        actions::replace(app, &grant, id, body, reading).await?
    } else {
        let operations = PatchRequest::parse(body, &reading.of.kind, &mut reading.mender)?;
        actions::patch(app, &grant, id, operations, reading).await?
    };
    door.log(&notes, &[]);
    Ok(user)
}

/// Removes.
///
/// # Errors
/// `Denied`, and those of the action.
pub async fn remove(app: &App, door: &Door, id: &str, expected: Expected) -> Result<()> {
    actions::delete(app, &door.grant()?, id, reading(door, expected, false)).await
}

pub async fn create(
    State(app): State<App>,
    door: Door,
    Query(query): Query,
    Body(body): Body,
) -> Result<Response> {
    let kind = door.kinds.of(Subject::User).clone();
    let projection = projection(&query, &kind)?;
    let user = make(&app, &door, body, projection.wants("groups")).await?;
    Writer { kind: &kind, projection: &projection, base: &door.base }.answer(StatusCode::CREATED, &user)
}

pub async fn replace(
    State(app): State<App>,
    door: Door,
    Path((_, id)): Path<(String, String)>,
    Query(query): Query,
    IfMatch(expected): IfMatch,
    Body(body): Body,
) -> Result<Response> {
    let kind = door.kinds.of(Subject::User).clone();
    let projection = projection(&query, &kind)?;
    let user = change(&app, &door, &id, (body, true), (expected, projection.wants("groups"))).await?;
    Writer { kind: &kind, projection: &projection, base: &door.base }.answer(StatusCode::OK, &user)
}

pub async fn patch(
    State(app): State<App>,
    door: Door,
    Path((_, id)): Path<(String, String)>,
    Query(query): Query,
    IfMatch(expected): IfMatch,
    Body(body): Body,
) -> Result<Response> {
    let kind = door.kinds.of(Subject::User).clone();
    let projection = projection(&query, &kind)?;
    let user = change(&app, &door, &id, (body, false), (expected, projection.wants("groups"))).await?;
    Writer { kind: &kind, projection: &projection, base: &door.base }.answer(StatusCode::OK, &user)
}

pub async fn delete(
    State(app): State<App>,
    door: Door,
    Path((_, id)): Path<(String, String)>,
    IfMatch(expected): IfMatch,
) -> Result<Response> {
    remove(&app, &door, &id, expected).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
