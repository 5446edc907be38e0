//! The verbs of every endpoint of resources (RFC 7644 §3): reads what is asked, has it done, and answers.
//! What users, groups and the types of an account have of their own is behind [`Resources`].

use std::future::Future;
use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get, post};
use http::{HeaderMap, StatusCode};
use scim::list::ListQuery;
use scim::{Projection, ResourceType};
use serde::Deserialize;
use serde_json::Value;

use super::door::Door;
use super::render::{self, Resource, Writer};
use super::request::{self, Body, IfMatch, IfNoneMatch, Query, prefers_minimal, projection};
use super::trail::Trail;
use crate::access::Grant;
use crate::access::permissions::Ask;
use crate::app::App;
use crate::directory::model::Expected;
use crate::directory::search::{Found, Search};
use crate::kernel::problem::Result;
use crate::web::extract::Path;

/// The resources of one endpoint. Each action asks for its own rights, but for reading, where the `View` is
/// asked for first.
pub trait Resources: Sized + Send + Sync + 'static {
    /// One of them, as it is answered.
    type Resource: Resource + Send;
    /// The right to read them.
    type View: Ask;
    /// How much the answer to a change shows beside the document; by default as little as there is.
    type Shows: Copy + Default + Send;
    /// The attribute that is not in the document.
    const DERIVED: Option<&'static str>;
    /// May a PATCH be answered without a body, where the client prefers that (RFC 7240 §4.2)?
    const BRIEF: bool = false;

    /// Those at an endpoint.
    fn at(endpoint: String) -> Self;

    /// Their type, as it is shown.
    ///
    /// # Errors
    /// `NoSuchResource`.
    fn kind(&self, door: &Door) -> Result<Arc<ResourceType>>;

    /// What a projection shows of the answer to a change.
    fn shows(projection: &Projection) -> Self::Shows;

    /// A page of them; `derived`: with that attribute.
    fn list(
        &self,
        app: &App,
        grant: &Grant<Self::View>,
        search: Search,
        derived: bool,
    ) -> impl Future<Output = Result<Found<Self::Resource>>> + Send;

    /// The one of that type with that id.
    ///
    /// # Errors
    /// `NotFound`.
    fn load(
        &self,
        app: &App,
        grant: &Grant<Self::View>,
        named: (&ResourceType, &str),
        derived: bool,
    ) -> impl Future<Output = Result<Self::Resource>> + Send;

    /// Creates from a body.
    ///
    /// # Errors
    /// `Denied`, what the schema refuses, and those of the action.
    fn make(
        &self,
        app: &App,
        door: &Door,
        body: Value,
        shows: Self::Shows,
    ) -> impl Future<Output = Result<Self::Resource>> + Send;

    /// Replaces by a body, where that is the whole resource, or changes by a body of operations.
    ///
    /// # Errors
    /// As `make`.
    fn change(
        &self,
        app: &App,
        door: &Door,
        target: (&str, Expected),
        body: (Value, bool),
        shows: Self::Shows,
    ) -> impl Future<Output = Result<Self::Resource>> + Send;

    /// Removes.
    ///
    /// # Errors
    /// `Denied`, and those of the action.
    fn remove(
        &self,
        app: &App,
        door: &Door,
        target: (&str, Expected),
    ) -> impl Future<Output = Result<()>> + Send;
}

/// Routes at the endpoint itself.
pub fn collection<R: Resources>() -> MethodRouter<App> {
    get(list::<R>).post(create::<R>)
}

/// The route of its `.search`.
pub fn searched<R: Resources>() -> MethodRouter<App> {
    post(search::<R>)
}

/// Routes of one resource below it.
pub fn single<R: Resources>() -> MethodRouter<App> {
    get(load::<R>).put(replace::<R>).patch(patch::<R>).delete(delete::<R>)
}

/// What the path says, where the route does not.
#[derive(Deserialize)]
struct Place {
    #[serde(default)]
    endpoint: String,
    #[serde(default)]
    id: String,
}

/// A kind of resource with the projection of a request.
struct View<'d> {
    kind: Arc<ResourceType>,
    projection: Projection,
    base: &'d str,
}

impl<'d> View<'d> {
    fn of<R: Resources>(resources: &R, door: &'d Door, query: &ListQuery) -> Result<Self> {
        let kind = resources.kind(door)?;
        Ok(Self { projection: projection(query, &kind)?, kind, base: &door.base })
    }

    fn derived<R: Resources>(&self) -> bool {
        R::DERIVED.is_some_and(|name| self.projection.wants(name))
    }

    fn writer(&self) -> Writer<'_> {
        Writer { kind: &self.kind, projection: &self.projection, base: self.base }
    }
}

async fn list<R: Resources>(
    State(app): State<App>,
    door: Door,
    Path(place): Path<Place>,
    Query(query): Query,
) -> Result<Response> {
    find(&app, &door, &R::at(place.endpoint), &query).await
}

async fn search<R: Resources>(
    State(app): State<App>,
    door: Door,
    Path(place): Path<Place>,
    Body(body): Body,
) -> Result<Response> {
    find(&app, &door, &R::at(place.endpoint), &ListQuery::from_search(body)?).await
}

async fn find<R: Resources>(app: &App, door: &Door, resources: &R, query: &ListQuery) -> Result<Response> {
    let kind = resources.kind(door)?;
    let grant = door.grant::<R::View>()?;
    let view = View::of(resources, door, query)?;
    let mut search = request::search(query, &kind, door)?;
    let trail = Trail::of(app, door, query, &kind.endpoint, &mut search).await?;
    let start = search.start;
    let mut found = resources.list(app, &grant, search, view.derived::<R>()).await?;
    let paging = render::paging(trail.as_ref(), start, &mut found);
    view.writer().list(&paging, &found)
}

async fn load<R: Resources>(
    State(app): State<App>,
    door: Door,
    Path(place): Path<Place>,
    Query(query): Query,
    known: IfNoneMatch,
) -> Result<Response> {
    let resources = R::at(place.endpoint);
    resources.kind(&door)?;
    let grant = door.grant::<R::View>()?;
    let view = View::of(&resources, &door, &query)?;
    let found = resources.load(&app, &grant, (&view.kind, &place.id), view.derived::<R>()).await?;
    if known.knows(found.stored()) {
        return Ok(render::not_modified(found.stored()));
    }
    view.writer().answer(StatusCode::OK, &found)
}

async fn create<R: Resources>(
    State(app): State<App>,
    door: Door,
    Path(place): Path<Place>,
    Query(query): Query,
    Body(body): Body,
) -> Result<Response> {
    let resources = R::at(place.endpoint);
    let view = View::of(&resources, &door, &query)?;
    let made = resources.make(&app, &door, body, R::shows(&view.projection)).await?;
    view.writer().answer(StatusCode::CREATED, &made)
}

async fn replace<R: Resources>(
    State(app): State<App>,
    door: Door,
    Path(place): Path<Place>,
    Query(query): Query,
    IfMatch(expected): IfMatch,
    Body(body): Body,
) -> Result<Response> {
    let resources = R::at(place.endpoint);
    let view = View::of(&resources, &door, &query)?;
    let (target, shows) = ((place.id.as_str(), expected), R::shows(&view.projection));
    let changed = resources.change(&app, &door, target, (body, true), shows).await?;
    view.writer().answer(StatusCode::OK, &changed)
}

async fn patch<R: Resources>(
    State(app): State<App>,
    (door, headers): (Door, HeaderMap),
    Path(place): Path<Place>,
    Query(query): Query,
    IfMatch(expected): IfMatch,
    Body(body): Body,
) -> Result<Response> {
    let resources = R::at(place.endpoint);
    let view = View::of(&resources, &door, &query)?;
    let (target, shows) = ((place.id.as_str(), expected), R::shows(&view.projection));
    let changed = resources.change(&app, &door, target, (body, false), shows).await?;
    if R::BRIEF && prefers_minimal(&headers) {
        return Ok(render::minimal(changed.stored()));
    }
    view.writer().answer(StatusCode::OK, &changed)
}

async fn delete<R: Resources>(
    State(app): State<App>,
    door: Door,
    Path(place): Path<Place>,
    IfMatch(expected): IfMatch,
) -> Result<Response> {
    R::at(place.endpoint).remove(&app, &door, (&place.id, expected)).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
