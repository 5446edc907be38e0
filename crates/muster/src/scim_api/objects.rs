//! Resources of the types that the account defines, each below its endpoint. They ask for the rights that
//! users ask for.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use scim::list::ListQuery;
use scim::{PatchRequest, ResourceType, resource};
use serde_json::Value;

use super::door::Door;
use super::render::{self, Writer};
use super::request::{self, Body, IfMatch, IfNoneMatch, Query, projection};
use super::trail::Trail;
use crate::access::permissions::UserView;
use crate::app::App;
use crate::directory::model::{Expected, Stored};
use crate::directory::objects::actions::{self, Reading};
use crate::directory::schemas::kinds::Written;
use crate::kernel::problem::{Kind, Problem, Result};
use crate::web::extract::Path;

/// Users and groups have routes of their own; what is no type of the account is no route.
fn of<'d>(types: &'d [Arc<ResourceType>], endpoint: &str) -> Result<&'d Arc<ResourceType>> {
    types.iter().skip(2).find(|kind| kind.endpoint == endpoint).ok_or_else(|| {
        let text =
            format!("There is no /{endpoint:.200} here: /ResourceTypes lists the endpoints there are.");
        Problem::new(Kind::NoSuchResource, text)
    })
}

fn shown<'d>(door: &'d Door, endpoint: &str) -> Result<&'d Arc<ResourceType>> {
    of(&door.kinds.shown.types, endpoint)
}

/// The type at an endpoint, for a change.
///
/// # Errors
/// `NoSuchResource`.
pub fn written(door: &Door, endpoint: &str) -> Result<Written> {
    let kind = of(&door.kinds.written.types, endpoint)?.clone();
    Ok(Written { kind, generation: door.kinds.generation })
}

fn reading(door: &Door, of: Written, expected: Expected) -> Reading {
    Reading { of, mender: door.mender(), expected, rehearsal: door.rehearsal.clone() }
}

/// Creates from a body.
///
/// # Errors
/// `Denied`, what the schema refuses, and those of the action.
pub async fn make(app: &App, door: &Door, of: Written, body: Value) -> Result<Stored> {
    let grant = door.grant()?;
    let mut reading = reading(door, of, Expected::Any);
    let accepted = resource::create(&reading.of.kind, body, &mut reading.mender)?;
    door.log(reading.mender.notes(), &[]);
    actions::create(app, &grant, accepted.document, reading).await
}

/// Replaces by a body, or changes by a body of operations.
///
/// # Errors
/// As `make`.
pub async fn change(
    app: &App,
    door: &Door,
    of: Written,
    (id, expected): (&str, Expected),
    (body, whole): (Value, bool),
) -> Result<Stored> {
    let grant = door.grant()?;
    let mut reading = reading(door, of, expected);
    let (stored, notes) = if whole {
        actions::replace(app, &grant, id, body, reading).await?
    } else {
        let operations = PatchRequest::parse(body, &reading.of.kind, &mut reading.mender)?;
        actions::patch(app, &grant, id, operations, reading).await?
    };
    door.log(&notes, &[]);
    Ok(stored)
}

/// Removes.
///
/// # Errors
/// `Denied`, and those of the action.
pub async fn remove(app: &App, door: &Door, of: Written, (id, expected): (&str, Expected)) -> Result<()> {
    actions::delete(app, &door.grant()?, id, reading(door, of, expected)).await
}

async fn find(app: &App, door: &Door, endpoint: &str, query: &ListQuery) -> Result<Response> {
    let kind = shown(door, endpoint)?;
    let grant = door.grant::<UserView>()?;
    let projection = projection(query, kind)?;
    let mut search = request::search(query, kind, door)?;
    let trail = Trail::of(app, door, query, endpoint, &mut search).await?;
    let start = search.start;
    let mut found = actions::list(app, &grant, search).await?;
    let paging = render::paging(trail.as_ref(), start, &mut found);
    Writer { kind, projection: &projection, base: &door.base }.list(&paging, &found)
}

pub async fn list(
    State(app): State<App>,
    door: Door,
    Path((_, endpoint)): Path<(String, String)>,
    Query(query): Query,
) -> Result<Response> {
    find(&app, &door, &endpoint, &query).await
}

pub async fn search(
    State(app): State<App>,
    door: Door,
    Path((_, endpoint)): Path<(String, String)>,
    Body(body): Body,
) -> Result<Response> {
    find(&app, &door, &endpoint, &ListQuery::from_search(body)?).await
}

pub async fn load(
    State(app): State<App>,
    door: Door,
    Path((_, endpoint, id)): Path<(String, String, String)>,
    Query(query): Query,
    known: IfNoneMatch,
) -> Result<Response> {
    let kind = shown(&door, &endpoint)?;
    let grant = door.grant::<UserView>()?;
    let projection = projection(&query, kind)?;
    let stored = actions::load(&app, &grant, kind, &id).await?;
    if known.knows(&stored) {
        return Ok(render::not_modified(&stored));
    }
    Writer { kind, projection: &projection, base: &door.base }.answer(StatusCode::OK, &stored)
}

pub async fn create(
    State(app): State<App>,
    door: Door,
    Path((_, endpoint)): Path<(String, String)>,
    Query(query): Query,
    Body(body): Body,
) -> Result<Response> {
    let kind = shown(&door, &endpoint)?;
    let projection = projection(&query, kind)?;
    let stored = make(&app, &door, written(&door, &endpoint)?, body).await?;
    Writer { kind, projection: &projection, base: &door.base }.answer(StatusCode::CREATED, &stored)
}

pub async fn replace(
    State(app): State<App>,
    door: Door,
    Path((_, endpoint, id)): Path<(String, String, String)>,
    Query(query): Query,
    IfMatch(expected): IfMatch,
    Body(body): Body,
) -> Result<Response> {
    let kind = shown(&door, &endpoint)?;
    let projection = projection(&query, kind)?;
    let of = written(&door, &endpoint)?;
    let stored = change(&app, &door, of, (&id, expected), (body, true)).await?;
    Writer { kind, projection: &projection, base: &door.base }.answer(StatusCode::OK, &stored)
}

pub async fn patch(
    State(app): State<App>,
    door: Door,
    Path((_, endpoint, id)): Path<(String, String, String)>,
    Query(query): Query,
    IfMatch(expected): IfMatch,
    Body(body): Body,
) -> Result<Response> {
    let kind = shown(&door, &endpoint)?;
    let projection = projection(&query, kind)?;
    let of = written(&door, &endpoint)?;
    let stored = change(&app, &door, of, (&id, expected), (body, false)).await?;
    Writer { kind, projection: &projection, base: &door.base }.answer(StatusCode::OK, &stored)
}

pub async fn delete(
    State(app): State<App>,
    door: Door,
    Path((_, endpoint, id)): Path<(String, String, String)>,
    IfMatch(expected): IfMatch,
) -> Result<Response> {
    remove(&app, &door, written(&door, &endpoint)?, (&id, expected)).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
