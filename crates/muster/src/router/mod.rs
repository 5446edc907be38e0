//! The top of HTTP: lists the slices' routes, each under `/` and under `/gateway` (platform API §1.1), and
//! leads the requests to the SCIM surface.

pub mod authenticate;
pub mod console;
pub mod health;
mod metrics;
mod observe;
pub mod openapi;
mod own;
mod replay;
mod scim;
pub mod whoami;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, HttpBody as _};
use axum::extract::{DefaultBodyLimit, Request};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::Response;
use axum::routing::get;
use tower::Service as _;

use crate::access;
use crate::accounts;
use crate::app::App;
use crate::audit;
use crate::directory;
use crate::events;
use crate::oauth;
use crate::operator;
use crate::provisioning_log;
use crate::service_accounts;
use crate::settings;
use crate::setup;
use crate::tokens;
use crate::trust::{self, Taken};
use crate::web::late::Late;
use crate::web::listen::Answers;
use crate::web::refusal::Refusals;
use crate::web::surface::{self, ClientAddress};
use crate::web::traffic::Surface;
use crate::webhooks;

/// Every route of the platform API, without prefix.
fn platform(app: &App) -> Router<App> {
    // Where there is no operator there is no path of his either, whatever the method.
    let operator = app.operator_tokens.is_some().then(operator::api::routes).unwrap_or_default();
    Router::new()
        .merge(access::api::routes())
        .merge(accounts::api::routes())
        .merge(audit::api::routes())
        .merge(directory::people::api::routes())
        .merge(directory::schemas::api::routes())
        .merge(directory::user_groups::api::routes())
        .merge(provisioning_log::api::routes())
        .merge(replay::routes())
        .merge(events::api::routes())
        .merge(operator)
        .merge(service_accounts::api::routes())
        .merge(settings::api::routes())
        .merge(setup::api::routes())
        .merge(tokens::api::routes())
        .merge(trust::api::routes())
        .merge(webhooks::api::routes())
        .merge(whoami::routes())
}

/// The platform API, its own fallback included.
fn platform_surface(app: &App) -> Router<App> {
    let platform = platform(app);
    let mut root = Router::new();
    if app.console && console::is_embedded() {
        root = root.route("/", get(console::front_door));
    }
    root.nest("/gateway", platform.clone())
        .merge(platform)
        .fallback(surface::no_route)
        .method_not_allowed_fallback(surface::no_method)
        .layer(DefaultBodyLimit::max(app.limits.platform_body_bytes))
        .layer(from_fn(again))
        .layer(from_fn_with_state(app.clone(), surface::platform))
}

/// From the beginning once more, credential and all, where access changed while the body came: whoever still
/// holds what he needs goes on, and whoever does not hears why.
async fn again(request: Request, next: Next) -> Response {
    if request.body().is_end_stream() {
        return next.run(request).await;
    }
    let (mut head, body) = request.into_parts();
    // A JWT that this request has used up holds for the whole of it.
    head.extensions.insert(Arc::<Taken>::default());
    let (anew, late) = (head.clone(), Arc::<Late>::default());
    head.extensions.insert(late.clone());
    let response = next.clone().run(Request::from_parts(head, body)).await;
    let Some(body) = late.left() else { return response };
    next.run(Request::from_parts(anew, Body::from(body))).await
}

/// The token endpoint, with its own words for errors.
fn oauth_surface(app: &App) -> Router<App> {
    oauth::api::routes()
        .method_not_allowed_fallback(oauth::api::no_method)
        .layer(DefaultBodyLimit::max(oauth::api::BODY_BYTES))
        .layer(from_fn_with_state(app.clone(), surface::oauth))
}

/// What is answered without the database: how the server is, and the console.
fn open_surface(app: &App, routes: Router<App>) -> Router<App> {
    routes
        .method_not_allowed_fallback(surface::no_method)
        .layer(from_fn_with_state(app.clone(), surface::at_once))
}

/// The words for what never becomes a request; `head_bytes` is the listener's bound for heads. They are
/// counted on a listener whose requests are.
pub fn refusals(app: &App, head_bytes: usize, counted: bool) -> Refusals {
    let traffic = counted.then(|| app.traffic.clone());
    Refusals::new(app.rng.clone(), scim::ROOTS.map(str::to_owned).into(), head_bytes, traffic)
}

/// The whole server: the SCIM surface, which has a table of routes and a way of its own, and beside it
/// everything else. Cheap to clone.
#[derive(Clone)]
pub struct Front {
    app: App,
    others: Router,
}

impl Front {
    /// Puts the surfaces together.
    pub fn new(app: App) -> Self {
        let at_once = health::routes().merge(openapi::routes()).merge(console::routes(app.console));
        let open = open_surface(&app, at_once);
        let others = platform_surface(&app).merge(oauth_surface(&app)).merge(open);
        Self { others: others.with_state(app.clone()), app }
    }
}

impl Front {
    async fn lead(
        &self,
        place: Option<scim::Place>,
        mut request: Request,
        client: Option<IpAddr>,
    ) -> Response {
        if let Some(place) = place {
            return scim::answer(self.app.clone(), place, request, client).await;
        }
        if let Some(client) = client {
            request.extensions_mut().insert(ClientAddress(client));
        }
        let Ok(response) = self.others.clone().call(request).await;
        response
    }
}

impl Answers for Front {
    async fn answer(&self, mut request: Request, peer: Option<SocketAddr>) -> Response {
        let client = self.app.trusted_proxies.client(peer, request.headers_mut());
        let place = scim::Place::of(request.uri().path());
        let surface = if place.is_some() { Surface::Scim } else { Surface::Platform };
        let under_way = self.app.traffic.begin(surface, &request, client);
        let response = self.lead(place, request, client).await;
        under_way.answered(&response);
        response
    }
}

/// What an operator's machines ask, on a listener of its own. Cheap to clone.
#[derive(Clone)]
pub struct Management(Router);

impl Management {
    /// Puts it together.
    pub fn new(app: &App) -> Self {
        let surface = from_fn_with_state(app.clone(), surface::platform);
        // Only what is not there needs the words of a surface.
        let nothing = Router::new().fallback(surface::no_route).layer(surface);
        Self(nothing.merge(open_surface(app, metrics::routes())).with_state(app.clone()))
    }
}

impl Answers for Management {
    async fn answer(&self, request: Request, _: Option<SocketAddr>) -> Response {
        let Ok(response) = self.0.clone().call(request).await;
        response
    }
}
