//! `/Users`.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode};
use scim::list::ListQuery;
use scim::{PatchRequest, resource};

use super::door::Door;
use super::render::{self, Writer};
use super::request::{self, Body, IfMatch, Query, is_known, projection};
use crate::access::permissions::UserView;
use crate::app::App;
use crate::directory::model::{Expected, Subject, resource_type};
use crate::directory::users::actions::{self, Reading};
use crate::kernel::problem::Result;
use crate::web::extract::Path;

fn reading(door: &Door, expected: Expected, with_groups: bool) -> Reading {
    Reading { kind: resource_type(Subject::User), mender: door.mender(), expected, with_groups }
}

pub async fn list(State(app): State<App>, door: Door, Query(query): Query) -> Result<Response> {
    find(&app, &door, &query).await
}

pub async fn search(State(app): State<App>, door: Door, Body(body): Body) -> Result<Response> {
    find(&app, &door, &ListQuery::from_search(body)?).await
}

async fn find(app: &App, door: &Door, query: &ListQuery) -> Result<Response> {
    let grant = door.grant::<UserView>()?;
    let kind = resource_type(Subject::User);
    let projection = projection(query, &kind)?;
    let search = request::search(query, &kind, door)?;
    let start = search.start;
    let (total, users) = actions::list(app, &grant, search, projection.wants("groups")).await?;
    let writer = Writer { kind: &kind, projection: &projection, base: &door.base };
    writer.list(start, (total, &users))
}

pub async fn load(
    State(app): State<App>,
    door: Door,
    Path((_, id)): Path<(String, String)>,
    Query(query): Query,
    headers: HeaderMap,
) -> Result<Response> {
    let grant = door.grant::<UserView>()?;
    let kind = resource_type(Subject::User);
    let projection = projection(&query, &kind)?;
    let user = actions::load(&app, &grant, &id, projection.wants("groups")).await?;
    if is_known(&headers, &user.stored) {
        return Ok(render::not_modified(&user.stored));
    }
    Writer { kind: &kind, projection: &projection, base: &door.base }.answer(StatusCode::OK, &user)
}

pub async fn create(
    State(app): State<App>,
    door: Door,
    Query(query): Query,
    Body(body): Body,
) -> Result<Response> {
    let (grant, invite) = (door.grant()?, door.grant()?);
    let kind = resource_type(Subject::User);
    let projection = projection(&query, &kind)?;
    let mut reading = reading(&door, Expected::Any, projection.wants("groups"));
    // The password in `accepted` ends here: Muster never authenticates a person by one.
    let accepted = resource::create(&kind, body, &mut reading.mender)?;
    door.log(reading.mender.notes(), &[]);
    let user = actions::create(&app, &grant, &invite, accepted.document, reading).await?;
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
    let grant = door.grant()?;
    let kind = resource_type(Subject::User);
    let projection = projection(&query, &kind)?;
    let reading = reading(&door, expected, projection.wants("groups"));
    let (user, notes) = actions::replace(&app, &grant, &id, body, reading).await?;
    door.log(&notes, &[]);
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
    let grant = door.grant()?;
    let kind = resource_type(Subject::User);
    let projection = projection(&query, &kind)?;
    let mut reading = reading(&door, expected, projection.wants("groups"));
    let operations = PatchRequest::parse(body, &kind, &mut reading.mender)?;
    let (user, notes) = actions::patch(&app, &grant, &id, operations, reading).await?;
    door.log(&notes, &[]);
    Writer { kind: &kind, projection: &projection, base: &door.base }.answer(StatusCode::OK, &user)
}

pub async fn delete(
    State(app): State<App>,
    door: Door,
    Path((_, id)): Path<(String, String)>,
    IfMatch(expected): IfMatch,
) -> Result<Response> {
    let grant = door.grant()?;
    actions::delete(&app, &grant, &id, reading(&door, expected, false)).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
