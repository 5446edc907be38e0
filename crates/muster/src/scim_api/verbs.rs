//! The verbs of every endpoint of resources (RFC 7644 §3): reads what is asked, has it done, and answers.
//! What users, groups and the types of an account have of their own is behind [`Resources`].

use std::future::Future;
use std::sync::Arc;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::{IF_MATCH, IF_NONE_MATCH};
use scim::list::ListQuery;
use scim::{Projection, ResourceType};
use serde_json::Value;

use super::door::{Call, Door};
use super::render::{self, Resource, Writer};
use super::request::{self, conditions, prefers_minimal, projection, versions};
use super::routes::Verb;
use super::trail::Trail;
use crate::access::Grant;
use crate::access::permissions::Ask;
use crate::app::App;
use crate::directory::model::Expected;
use crate::directory::search::{Found, Search};
use crate::kernel::problem::Result;

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
    /// May a PATCH be answered without a body, and another change without the derived attribute, where the
    /// client prefers that (RFC 7240 §4.2)?
    const BRIEF: bool = false;

    /// Those at an endpoint.
    fn at(endpoint: String) -> Self;

    /// Their type, as it is shown.
    ///
    /// # Errors
    /// `NoSuchResource`.
    fn kind(&self, door: &Door) -> Result<Arc<ResourceType>>;

    /// What a projection shows of the answer to a change; `whole`: the request had the whole resource.
    fn shows(kind: &ResourceType, projection: &Projection, whole: bool) -> Self::Shows;

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

/// Does at an endpoint what is asked for. Only the reads lie in the future itself: it would else have room
/// for the largest of all.
pub async fn run<R: Resources>(
    call: &Call<'_>,
    door: &Door,
    at: R,
    (verb, body): (Verb<'_>, Body),
) -> Result<Response> {
    match verb {
        Verb::List => list(call, door, &at).await,
        Verb::Load(id) => load(call, door, &at, &id).await,
        Verb::Search => Box::pin(search(call, door, &at, body)).await,
        Verb::Create => Box::pin(create(call, door, &at, body)).await,
        Verb::Replace(id) => Box::pin(replace(call, door, &at, (&id, body))).await,
        Verb::Patch(id) => Box::pin(patch(call, door, &at, (&id, body))).await,
        Verb::Delete(id) => Box::pin(delete(call, door, &at, &id)).await,
    }
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

    /// What the answer to a change shows, and whether it is to be short. Who asks for attributes gets them,
    /// whatever he prefers (RFC 7644 §3.5.2).
    fn shows<R: Resources>(&self, call: &Call<'_>, query: &ListQuery, whole: bool) -> (R::Shows, bool) {
        let brief = R::BRIEF && query.attributes.is_none() && prefers_minimal(&call.head.headers);
        let shows = if brief { R::Shows::default() } else { R::shows(&self.kind, &self.projection, whole) };
        (shows, brief)
    }

    fn derived<R: Resources>(&self) -> bool {
        R::DERIVED.is_some_and(|name| self.projection.wants(name))
    }

    fn writer(&self) -> Writer<'_> {
        Writer { kind: &self.kind, projection: &self.projection, base: self.base }
    }
}

async fn list<R: Resources>(call: &Call<'_>, door: &Door, at: &R) -> Result<Response> {
    find(call.app, door, at, &request::query(call)?).await
}

async fn search<R: Resources>(call: &Call<'_>, door: &Door, at: &R, body: Body) -> Result<Response> {
    find(call.app, door, at, &request::search_body(call, door, body).await?).await
}

async fn find<R: Resources>(app: &App, door: &Door, at: &R, query: &ListQuery) -> Result<Response> {
    let kind = at.kind(door)?;
    let grant = door.grant::<R::View>()?;
    let view = View::of(at, door, query)?;
    let mut search = request::search(query, &kind, &[], door)?;
    let trail = Trail::of(app, door, query, &kind.endpoint, &mut search).await?;
    let start = search.start;
    let mut found = at.list(app, &grant, search, view.derived::<R>()).await?;
    let paging = render::paging(trail.as_ref(), start, &mut found);
    view.writer().list(&paging, &found)
}

async fn load<R: Resources>(call: &Call<'_>, door: &Door, at: &R, id: &str) -> Result<Response> {
    let query = request::query(call)?;
    at.kind(door)?;
    let grant = door.grant::<R::View>()?;
    let view = View::of(at, door, &query)?;
    let found = at.load(call.app, &grant, (&view.kind, id), view.derived::<R>()).await?;
    Expected { at: versions(&call.head.headers, &IF_MATCH), not_at: None }.check(found.stored())?;
    if versions(&call.head.headers, &IF_NONE_MATCH).is_some_and(|known| known.hold(found.stored())) {
        return Ok(view.writer().not_modified(found.stored()));
    }
    view.writer().answer(StatusCode::OK, &found)
}

async fn create<R: Resources>(call: &Call<'_>, door: &Door, at: &R, body: Body) -> Result<Response> {
    let query = request::query(call)?;
    let body = request::body(call, door, body).await?;
    let mut view = View::of(at, door, &query)?;
    view.projection.note_body(&view.kind, &body);
    let (shows, _) = view.shows::<R>(call, &query, true);
    let made = at.make(call.app, door, body, shows).await?;
    view.writer().answer(StatusCode::CREATED, &made)
}

async fn replace<R: Resources>(
    call: &Call<'_>,
    door: &Door,
    at: &R,
    (id, body): (&str, Body),
) -> Result<Response> {
    let (query, target) = (request::query(call)?, (id, conditions(&call.head.headers)));
    let body = request::body(call, door, body).await?;
    let mut view = View::of(at, door, &query)?;
    view.projection.note_body(&view.kind, &body);
    let (shows, _) = view.shows::<R>(call, &query, true);
    let changed = at.change(call.app, door, target, (body, true), shows).await?;
    view.writer().answer(StatusCode::OK, &changed)
}

async fn patch<R: Resources>(
    call: &Call<'_>,
    door: &Door,
    at: &R,
    (id, body): (&str, Body),
) -> Result<Response> {
    let (query, target) = (request::query(call)?, (id, conditions(&call.head.headers)));
    let body = request::body(call, door, body).await?;
    let mut view = View::of(at, door, &query)?;
    view.projection.note_operations(&view.kind, &body);
    let (shows, brief) = view.shows::<R>(call, &query, false);
    let changed = at.change(call.app, door, target, (body, false), shows).await?;
    if brief {
        return Ok(render::minimal(changed.stored()));
    }
    view.writer().answer(StatusCode::OK, &changed)
}

async fn delete<R: Resources>(call: &Call<'_>, door: &Door, at: &R, id: &str) -> Result<Response> {
    at.remove(call.app, door, (id, conditions(&call.head.headers))).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
