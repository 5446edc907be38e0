//! The outermost part of each surface: gives the request an id, runs it, and puts what came back into the
//! surface's words.

use std::net::IpAddr;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use futures_util::FutureExt as _;
use http::header::{CACHE_CONTROL, HOST};
use http::request::Parts;
use http::uri::Authority;
use http::{HeaderName, HeaderValue, Method};

use super::envelope::{self, Data};
use super::proxies::X_FORWARDED_PROTO;
use super::{error, yaml};
use crate::app::App;
use crate::kernel::caller::Origin;
use crate::kernel::problem::{Kind, Problem, Result};

pub(super) const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The id of the request: a UUID made here, in every answer (`X-Request-Id`, `correlationId`) and log line.
#[derive(Clone, Debug)]
pub struct RequestId(pub String);

/// Where the request came from, as far as proxies tell.
#[derive(Clone, Copy, Debug)]
pub struct ClientAddress(pub IpAddr);

/// Platform API: envelope for data, ErrorDTO or FailureDTO for problems.
pub async fn platform(State(app): State<App>, request: Request, next: Next) -> Response {
    let in_yaml = yaml::is_wanted(request.headers());
    let response = run(app, request, next, error::platform).await;
    if in_yaml { yaml::turn(response).await } else { response }
}

/// SCIM API: bodies go out as they are, problems as SCIM errors. Its requests come by no layer
/// (`router::scim`).
pub fn scim(done: Result<Response>, id: &str) -> (Response, Option<Problem>) {
    let (mut response, problem) = match done {
        Ok(response) => (response, None),
        Err(problem) => (error::scim(&problem, id), Some(problem)),
    };
    head(&mut response, id);
    (response, problem)
}

/// What every answer says of itself: its request's id, and that no cache keeps it, unless it says another
/// thing. A shared cache may keep what was asked for with `x-api-key`, and answer the next one with it
/// (RFC 9111 §3.5 knows `Authorization` only).
fn head(response: &mut Response, id: &str) {
    let headers = response.headers_mut();
    if let Ok(value) = HeaderValue::try_from(id) {
        headers.insert(X_REQUEST_ID, value);
    }
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
}

/// Has the work done within the time that a request may take. `reads`: it changes nothing, so that it may be
/// sent again unseen.
///
/// # Errors
/// Those of the work; `Internal` when it panics, which would else end the connection without an answer;
/// `Unavailable` when the time is over, and as long as the schema is not whole.
pub async fn in_time<T>(app: &App, reads: bool, work: impl Future<Output = Result<T>>) -> Result<T> {
    if !app.schema_whole.load(Relaxed) {
        let text =
            "The database does not have this release's schema yet: the operator runs `muster migrate`.";
        return Err(Problem::new(Kind::Unavailable, text).retry_after(5));
    }
    let patience = app.limits.request_timeout;
    match tokio::time::timeout(patience, AssertUnwindSafe(work).catch_unwind()).await {
        Ok(Ok(done)) => done,
        Ok(Err(reason)) => Err(Problem::panicked(&*reason)),
        Err(_) => Err(too_slow(patience, reads)),
    }
}

async fn run(app: App, mut request: Request, next: Next, words: fn(&Problem, &str) -> Response) -> Response {
    let id = app.rng.uuid();
    request.extensions_mut().insert(RequestId(id.clone()));
    let reads = request.method().is_safe();
    let done = in_time(&app, reads, async { Ok(next.run(request).await) }).await;
    worded(done.unwrap_or_else(Problem::into_response), &id, words)
}

/// The answer in the words of its surface, with the request's id.
fn worded(mut response: Response, id: &str, words: fn(&Problem, &str) -> Response) -> Response {
    if let Some(problem) = response.extensions_mut().remove::<Problem>() {
        let headers = std::mem::take(response.headers_mut());
        response = words(&problem, id);
        if let Some(allow) = headers.get(http::header::ALLOW) {
            response.headers_mut().insert(http::header::ALLOW, allow.clone());
        }
    } else if let Some(data) = response.extensions_mut().remove::<Data>() {
        envelope::wrap(&mut response, &data, id);
    }
    head(&mut response, id);
    response
}

fn too_slow(patience: Duration, reads: bool) -> Problem {
    let late = format!("The request was not done within {} seconds", patience.as_secs());
    if reads {
        return Problem::new(Kind::Unavailable, format!("{late}: try again, or ask for less."))
            .retry_after(1);
    }
    // Without a time for the next try: who repeats it by himself may do it twice.
    let text = format!("{late}: look whether it took effect before sending it again.");
    Problem::new(Kind::Unavailable, text)
}

/// What tells how the server is, and the console: as the platform API, but it answers as it can at once,
/// whatever the state of the database, and goes out as it is.
pub async fn at_once(State(app): State<App>, request: Request, next: Next) -> Response {
    worded(next.run(request).await, &app.rng.uuid(), error::platform)
}

/// Token endpoint: bodies go out as they are, problems as RFC 6749 §5.2 has them.
pub async fn oauth(State(app): State<App>, request: Request, next: Next) -> Response {
    run(app, request, next, error::oauth).await
}

/// Where the request came from.
pub fn origin(parts: &Parts) -> Origin {
    Origin {
        request_id: parts.extensions.get::<RequestId>().map(|id| id.0.clone()).unwrap_or_default(),
        method: parts.method.to_string(),
        client: parts.extensions.get::<ClientAddress>().map(|client| client.0),
    }
}

/// What URLs in answers begin with, without a slash at its end: where the operator says that clients reach
/// the server, else scheme and host of the request. These are what the client says: good for telling it where
/// it is, never for trusting it.
pub fn root(app: &App, parts: &Parts) -> String {
    app.public_url.clone().unwrap_or_else(|| asked_at(parts))
}

fn asked_at(parts: &Parts) -> String {
    let header = |name: &HeaderName| parts.headers.get(name).and_then(|value| value.to_str().ok());
    let secure = header(&X_FORWARDED_PROTO).is_some_and(|proto| proto.eq_ignore_ascii_case("https"));
    let clean = |host: &&str| {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b"-._:[]".contains(&b);
        !host.is_empty() && host.bytes().all(allowed)
    };
    // A target that names a host counts before the header (RFC 9112 §3.2.2).
    let named = parts.uri.authority().map(Authority::as_str);
    let host = named.or_else(|| header(&HOST)).filter(clean).unwrap_or("localhost");
    format!("{}{host}", if secure { "https://" } else { "http://" })
}

/// For paths that no route has.
pub async fn no_route(request: Request) -> Problem {
    nothing_at(request.uri().path())
}

/// No route has the path.
pub fn nothing_at(path: &str) -> Problem {
    Problem::new(
        Kind::NoSuchResource,
        format!("There is no {path} here: compare the path with the API documentation."),
    )
}

/// For methods that a path does not have.
pub async fn no_method(request: Request) -> Problem {
    not_taken(request.method(), request.uri().path())
}

/// The path's route does not take the method.
pub fn not_taken(method: &Method, path: &str) -> Problem {
    Problem::new(
        Kind::Method,
        format!("{path} does not take {method}: the Allow header names the methods it takes."),
    )
}
