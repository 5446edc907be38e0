//! The way of a request through the SCIM surface (SCIM contract), straight from its head to its answer: it is
//! observed, gets its id and its time, is let in at the door, and what it asks for is answered.

use std::borrow::Cow;
use std::net::IpAddr;

use axum::body::{Body, HttpBody as _};
use axum::extract::Request;
use axum::response::Response;
use db::Rehearsal;
use http::header::{ALLOW, CONTENT_LENGTH};
use http::request::Parts;
use http::{HeaderValue, Method};

use super::authenticate;
use super::observe::Begun;
use crate::access::Actor;
use crate::app::App;
use crate::kernel::caller::Origin;
use crate::kernel::problem::{Kind, Problem, Result};
use crate::scim_api::routes::{self, Asked, Closed, Miss};
use crate::scim_api::{self, Call};
use crate::trust::Taken;
use crate::web::late::Late;
use crate::web::surface::{self, in_time, not_taken, nothing_at};

/// So often a request begins at most.
const TRIES: usize = 5;

/// Where every account's SCIM surface lies, without the account.
pub(super) const ROOTS: [&str; 3] = ["/ng/api/scim/account/", "/gateway/ng/api/scim/account/", "/scim/v2/"];

/// Where in a path of the surface its account stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Nowhere.
    Bare,
    /// From here to there.
    Account(usize, usize),
}

impl Place {
    /// `None`: the path is none of the surface.
    pub(super) fn of(path: &str) -> Option<Self> {
        ROOTS.iter().find_map(|root| {
            let Some(tail) = path.strip_prefix(root) else {
                return (path == root.trim_end_matches('/')).then_some(Self::Bare);
            };
            let end = tail.find('/').unwrap_or(tail.len());
            Some(if tail.trim_matches('/').is_empty() {
                Self::Bare
            } else {
                Self::Account(root.len(), root.len() + end)
            })
        })
    }

    /// The account of the path.
    pub(super) fn account(self, path: &str) -> &str {
        match self {
            Self::Bare => "",
            Self::Account(from, to) => &path[from..to],
        }
    }

    /// What is below the account. Several slashes are one, and one at the end is none: clients put a path
    /// together from a base that ends with a slash, and no route has an empty part.
    fn below(self, path: &str) -> Cow<'_, str> {
        let Self::Account(_, to) = self else { return "".into() };
        let below = path[to..].trim_end_matches('/');
        if !below.contains("//") {
            return below.into();
        }
        below.split('/').filter(|part| !part.is_empty()).flat_map(|part| ["/", part]).collect()
    }

    /// The path down to the account.
    fn base(self, path: &str) -> &str {
        &path[..self.end()]
    }

    /// Where in the path the account ends.
    pub(super) fn end(self) -> usize {
        match self {
            Self::Bare => 0,
            Self::Account(_, to) => to,
        }
    }
}

/// How a request comes past the door.
enum Way<'r> {
    /// With the credential that it shows; the notes on it are for the log.
    Door(Option<IpAddr>, &'r Begun),
    /// For an actor who is known already; its writes are rehearsed.
    Known(Actor),
}

/// A request that has its id.
struct Identified<'r> {
    app: &'r App,
    id: &'r str,
    head: &'r Parts,
    place: Place,
}

/// Answers a request at a place of the surface.
pub(super) async fn answer(app: App, place: Place, request: Request, client: Option<IpAddr>) -> Response {
    let (head, body) = request.into_parts();
    let id = app.rng.uuid();
    if place == Place::Bare {
        // An address without its account is asked of the SCIM surface all the same.
        let (response, _) = surface::scim(Err(nothing_at(head.uri.path())), &id);
        return complete(response, &head.method, None);
    }
    let begun = Begun::new(app.clone(), head, place);
    let unanswered = begun.unanswered(&id);
    let asked = Identified { app: &app, id: &id, head: &begun.head, place };
    let (done, allow) = asked.done(body, Way::Door(client, &begun)).await;
    unanswered.over();
    let (response, problem) = surface::scim(done, &id);
    let response = begun.answered(&id, response, problem).await;
    complete(response, &begun.head.method, allow)
}

/// Answers a request for an actor who is known already, as a rehearsal. Nobody is told of it.
pub(super) async fn play(app: &App, actor: Actor, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let id = app.rng.uuid();
    let place = Place::of(head.uri.path()).unwrap_or(Place::Bare);
    let asked = Identified { app, id: &id, head: &head, place };
    let (done, allow) = asked.done(body, Way::Known(actor)).await;
    complete(surface::scim(done, &id).0, &head.method, allow)
}

/// What is left to do on an answer, where axum's routers do the same: the length is told before a body that
/// is not to be sent is left out.
fn complete(mut response: Response, method: &Method, allow: Option<&'static str>) -> Response {
    let length = response.size_hint().exact();
    let headers = response.headers_mut();
    if let Some(allow) = allow {
        headers.insert(ALLOW, HeaderValue::from_static(allow));
    }
    if let Some(length) = length {
        headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
    }
    if *method == Method::HEAD {
        *response.body_mut() = Body::empty();
    }
    response
}

type Done = Result<Response>;

impl Identified<'_> {
    /// What comes of it; the methods that there are, where it has another one.
    async fn done(&self, body: Body, way: Way<'_>) -> (Done, Option<&'static str>) {
        let path = self.head.uri.path();
        let (account, below) = (self.place.account(path), self.place.below(path));
        let asked = match routes::find(&self.head.method, account, &below) {
            Ok(asked) => asked,
            Err(miss) => {
                let allow = if let Miss::Method(allow) = miss { Some(allow) } else { None };
                return (Err(missed(&miss, &self.head.method, &below)), allow);
            }
        };
        let reads = asked.reads();
        let untaken = match &asked {
            Asked::Closed { closed: Closed::Untaken(_, allow), .. } => Some(*allow),
            _ => None,
        };
        let done = in_time(self.app, reads, self.answered(asked, body, way)).await;
        let allow = untaken.filter(|_| done.as_ref().is_err_and(|problem| problem.kind() == Kind::Method));
        (done, allow)
    }

    async fn answered(&self, asked: Asked<'_>, body: Body, way: Way<'_>) -> Done {
        let observed = if let Way::Door(_, begun) = &way { Some(&begun.observed) } else { None };
        let base = self.place.base(self.head.uri.path());
        let call = &Call { app: self.app, head: self.head, base, observed, late: Late::default() };
        match asked {
            Asked::Open(open) => scim_api::open(call, open).await,
            Asked::Closed { account, closed } => match way {
                Way::Known(actor) => scim_api::closed(call, (actor, Rehearsal::new()), closed, body).await,
                Way::Door(client, begun) => {
                    self.through_the_door(call, (client, begun), (&account, closed), body).await
                }
            },
        }
    }

    /// From the beginning once more, where access changed between the decision and a read, or while the body
    /// came: then nothing was done, and the body was not needed, or was left.
    async fn through_the_door(
        &self,
        call: &Call<'_>,
        (client, begun): (Option<IpAddr>, &Begun),
        (account, closed): (&str, Closed<'_>),
        mut body: Body,
    ) -> Done {
        let (mut tries, taken) = (0, Taken::default());
        loop {
            tries += 1;
            let origin = self.origin(client);
            let sent = call.late.left().map_or_else(|| std::mem::take(&mut body), Body::from);
            let entered =
                authenticate::scim(self.app, self.head, account, origin, &begun.observed, &taken).await?;
            match scim_api::closed(call, entered, closed.clone(), sent).await {
                Err(problem) if problem.kind() == Kind::Outdated && tries < TRIES => {}
                done => return done,
            }
        }
    }

    fn origin(&self, client: Option<IpAddr>) -> Origin {
        Origin { request_id: self.id.to_owned(), method: self.head.method.to_string(), client }
    }
}

/// Why there is nothing at a path below an account.
fn missed(miss: &Miss, method: &Method, below: &str) -> Problem {
    let path = if below.is_empty() { "/" } else { below };
    match miss {
        Miss::Path => nothing_at(path),
        Miss::Method(_) => not_taken(method, path),
        Miss::Encoding(Some(name)) => {
            Problem::invalid(format!("The path does not fit: its {name} is no UTF-8; encode it so."))
        }
        Miss::Encoding(None) => {
            Problem::invalid("The path is not UTF-8 where it is percent-encoded: encode it again.")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_base_and_nothing_else_is_of_the_surface() {
        for root in ROOTS {
            let of = |tail: &str| Place::of(&format!("{root}{tail}"));
            for bare in ["", "/", "//"] {
                assert_eq!(of(bare), Some(Place::Bare), "{root}{bare}");
            }
            assert_eq!(Place::of(root.trim_end_matches('/')), Some(Place::Bare));
            for (tail, account, below) in [
                ("acme", "acme", ""),
                ("acme/Users", "acme", "/Users"),
                ("acme/", "acme", ""),
                ("acme//", "acme", ""),
                ("acme/Users/", "acme", "/Users"),
                ("acme//Users///x//", "acme", "/Users/x"),
                ("acme/Users/%2F/", "acme", "/Users/%2F"),
                ("/Users", "", "/Users"),
                ("%ff/Users/", "%ff", "/Users"),
            ] {
                let path = format!("{root}{tail}");
                let place = Place::of(&path).unwrap();
                assert_eq!((place.account(&path), &*place.below(&path)), (account, below), "{path}");
                assert_eq!(place.base(&path), format!("{root}{account}"), "{path}");
            }
        }
        for other in ["", "*", "/", "/scim", "/scim/v2x", "/scim/v2x/acme/Users", "/gateway/scim/v2/acme"] {
            assert_eq!(Place::of(other), None, "{other}");
        }
    }
}
