//! `/Groups`.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode};
use scim::list::ListQuery;
use scim::{PatchRequest, Projection, resource};
use serde_json::Value;

use super::door::Door;
use super::render::{self, Writer};
use super::request::{self, Body, IfMatch, IfNoneMatch, Query, prefers_minimal, projection};
use super::trail::Trail;
use crate::access::permissions::UserGroupView;
use crate::app::App;
use crate::directory::groups::actions::{self, Reading, Show};
use crate::directory::groups::model::GroupResource;
use crate::directory::model::{Expected, Subject};
use crate::kernel::problem::Result;
use crate::web::extract::Path;

fn reading(door: &Door, expected: Expected, members: Show) -> Reading {
    let (of, base, rehearsal) =
        (door.kinds.written(Subject::Group), door.base.clone(), door.rehearsal.clone());
    Reading { of, mender: door.mender(), expected, members, base, rehearsal }
}

/// A change answers members where they are asked for by name, or where they are few.
fn shows(projection: &Projection) -> Show {
    match (projection.wants("members"), projection.is_default()) {
        (false, _) => Show::Never,
        (true, true) => Show::IfFew,
        (true, false) => Show::Always,
    }
}

pub async fn list(State(app): State<App>, door: Door, Query(query): Query) -> Result<Response> {
    find(&app, &door, &query).await
}

pub async fn search(State(app): State<App>, door: Door, Body(body): Body) -> Result<Response> {
    find(&app, &door, &ListQuery::from_search(body)?).await
}

async fn find(app: &App, door: &Door, query: &ListQuery) -> Result<Response> {
    let grant = door.grant::<UserGroupView>()?;
    let kind = door.kinds.of(Subject::Group).clone();
    let projection = projection(query, &kind)?;
    let mut search = request::search(query, &kind, door)?;
    let trail = Trail::of(app, door, query, Subject::Group.endpoint(), &mut search).await?;
    let start = search.start;
    let mut found = actions::list(app, &grant, search, projection.wants("members")).await?;
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
    let grant = door.grant::<UserGroupView>()?;
    let kind = door.kinds.of(Subject::Group).clone();
    let projection = projection(&query, &kind)?;
    let group = actions::load(&app, &grant, &id, projection.wants("members")).await?;
    if known.knows(&group.stored) {
        return Ok(render::not_modified(&group.stored));
    }
    Writer { kind: &kind, projection: &projection, base: &door.base }.answer(StatusCode::OK, &group)
}

/// Creates from a body.
///
/// # Errors
/// `Denied`, what the schema refuses, and those of the action.
pub async fn make(app: &App, door: &Door, body: Value, members: Show) -> Result<GroupResource> {
    let grant = door.grant()?;
    let mut reading = reading(door, Expected::Any, members);
    let accepted = resource::create(&reading.of.kind, body, &mut reading.mender)?;
    let changed = actions::create(app, &grant, accepted, reading).await?;
    door.log(&changed.notes, &changed.unknown);
    Ok(changed.group)
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
    (expected, members): (Expected, Show),
) -> Result<GroupResource> {
    let grant = door.grant()?;
    let mut reading = reading(door, expected, members);
    let changed = if whole {
        actions::replace(app, &grant, id, body, reading).await?
    } else {
        let operations = PatchRequest::parse(body, &reading.of.kind, &mut reading.mender)?;
        actions::patch(app, &grant, id, operations, reading).await?
    };
    door.log(&changed.notes, &changed.unknown);
    Ok(changed.group)
}

/// Removes.
///
/// # Errors
/// `Denied`, and those of the action.
pub async fn remove(app: &App, door: &Door, id: &str, expected: Expected) -> Result<()> {
    actions::delete(app, &door.grant()?, id, reading(door, expected, Show::Never)).await
}

pub async fn create(
    State(app): State<App>,
    door: Door,
    Query(query): Query,
    Body(body): Body,
) -> Result<Response> {
    let kind = door.kinds.of(Subject::Group).clone();
    let projection = projection(&query, &kind)?;
    let group = make(&app, &door, body, shows(&projection)).await?;
    Writer { kind: &kind, projection: &projection, base: &door.base }.answer(StatusCode::CREATED, &group)
}

pub async fn replace(
    State(app): State<App>,
    door: Door,
    Path((_, id)): Path<(String, String)>,
    Query(query): Query,
    IfMatch(expected): IfMatch,
    Body(body): Body,
) -> Result<Response> {
    let kind = door.kinds.of(Subject::Group).clone();
    let projection = projection(&query, &kind)?;
    let group = change(&app, &door, &id, (body, true), (expected, shows(&projection))).await?;
    Writer { kind: &kind, projection: &projection, base: &door.base }.answer(StatusCode::OK, &group)
}

pub async fn patch(
    State(app): State<App>,
    (door, headers): (Door, HeaderMap),
    Path((_, id)): Path<(String, String)>,
    Query(query): Query,
    IfMatch(expected): IfMatch,
    Body(body): Body,
) -> Result<Response> {
    let kind = door.kinds.of(Subject::Group).clone();
    let projection = projection(&query, &kind)?;
    let group = change(&app, &door, &id, (body, false), (expected, shows(&projection))).await?;
    if prefers_minimal(&headers) {
        return Ok(render::minimal(&group.stored));
    }
    Writer { kind: &kind, projection: &projection, base: &door.base }.answer(StatusCode::OK, &group)
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
