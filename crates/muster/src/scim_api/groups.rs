//! `/Groups`.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode};
use scim::list::ListQuery;
use scim::{PatchRequest, Projection, resource};

use super::door::Door;
use super::render::{self, Writer};
use super::request::{self, Body, IfMatch, Query, is_known, prefers_minimal, projection};
use crate::access::permissions::UserGroupView;
use crate::app::App;
use crate::directory::groups::actions::{self, Reading, Show};
use crate::directory::model::{Expected, Subject, resource_type};
use crate::kernel::problem::Result;
use crate::web::extract::Path;

/// A change answers members where they are asked for by name, or where they are few.
fn reading(door: &Door, expected: Expected, projection: &Projection) -> Reading {
    let members = match (projection.wants("members"), projection.is_default()) {
        (false, _) => Show::Never,
        (true, true) => Show::IfFew,
        (true, false) => Show::Always,
    };
    Reading {
        kind: resource_type(Subject::Group),
        mender: door.mender(),
        expected,
        members,
        base: door.base.clone(),
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
    let kind = resource_type(Subject::Group);
    let projection = projection(query, &kind)?;
    let search = request::search(query, &kind, door)?;
    let start = search.start;
    let (total, groups) = actions::list(app, &grant, search, projection.wants("members")).await?;
    let writer = Writer { kind: &kind, projection: &projection, base: &door.base };
    writer.list(start, (total, &groups))
}

pub async fn load(
    State(app): State<App>,
    door: Door,
    Path((_, id)): Path<(String, String)>,
    Query(query): Query,
    headers: HeaderMap,
) -> Result<Response> {
    let grant = door.grant::<UserGroupView>()?;
    let kind = resource_type(Subject::Group);
    let projection = projection(&query, &kind)?;
    let group = actions::load(&app, &grant, &id, projection.wants("members")).await?;
    if is_known(&headers, &group.stored) {
        return Ok(render::not_modified(&group.stored));
    }
    Writer { kind: &kind, projection: &projection, base: &door.base }.answer(StatusCode::OK, &group)
}

pub async fn create(
    State(app): State<App>,
    door: Door,
    Query(query): Query,
    Body(body): Body,
) -> Result<Response> {
    let grant = door.grant()?;
    let kind = resource_type(Subject::Group);
    let projection = projection(&query, &kind)?;
    let mut reading = reading(&door, Expected::Any, &projection);
    let accepted = resource::create(&kind, body, &mut reading.mender)?;
    let changed = actions::create(&app, &grant, accepted, reading).await?;
    door.log(&changed.notes, &changed.unknown);
    Writer { kind: &kind, projection: &projection, base: &door.base }
        .answer(StatusCode::CREATED, &changed.group)
}

pub async fn replace(
    State(app): State<App>,
    door: Door,
    Path((_, id)): Path<(String, String)>,
    Query(query): Query,
    IfMatch(expected): IfMatch,
    Body(body): Body,
) -> Result<Response> {
    let grant = door.grant()?;
    let kind = resource_type(Subject::Group);
    let projection = projection(&query, &kind)?;
    let reading = reading(&door, expected, &projection);
    let changed = actions::replace(&app, &grant, &id, body, reading).await?;
    door.log(&changed.notes, &changed.unknown);
    Writer { kind: &kind, projection: &projection, base: &door.base }.answer(StatusCode::OK, &changed.group)
}

pub async fn patch(
    State(app): State<App>,
    (door, headers): (Door, HeaderMap),
    Path((_, id)): Path<(String, String)>,
    Query(query): Query,
    IfMatch(expected): IfMatch,
    Body(body): Body,
) -> Result<Response> {
    let grant = door.grant()?;
    let kind = resource_type(Subject::Group);
    let projection = projection(&query, &kind)?;
    let mut reading = reading(&door, expected, &projection);
    let operations = PatchRequest::parse(body, &kind, &mut reading.mender)?;
    let changed = actions::patch(&app, &grant, &id, operations, reading).await?;
    door.log(&changed.notes, &changed.unknown);
    if prefers_minimal(&headers) {
        return Ok(render::minimal(&changed.group.stored));
    }
    Writer { kind: &kind, projection: &projection, base: &door.base }.answer(StatusCode::OK, &changed.group)
}

pub async fn delete(
    State(app): State<App>,
    door: Door,
    Path((_, id)): Path<(String, String)>,
    IfMatch(expected): IfMatch,
) -> Result<Response> {
    let grant = door.grant()?;
    actions::delete(&app, &grant, &id, reading(&door, expected, &Projection::default())).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
