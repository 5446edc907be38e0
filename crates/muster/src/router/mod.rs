//! The top of HTTP: lists the slices' routes, each under `/` and under `/gateway` (platform API §1.1).

pub mod authenticate;
pub mod health;
mod observe;
mod own;
mod replay;
pub mod whoami;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn_with_state;
use axum::routing::any;

use crate::access;
use crate::accounts;
use crate::app::App;
use crate::audit;
use crate::directory;
use crate::events;
use crate::oauth;
use crate::provisioning_log;
use crate::scim_api;
use crate::service_accounts;
use crate::settings;
use crate::setup;
use crate::tokens;
use crate::trust;
use crate::web::refusal::Refusals;
use crate::web::surface;

/// Every route of the platform API, without prefix.
fn platform(app: &App) -> Router<App> {
    Router::new()
        .merge(access::api::routes())
        .merge(accounts::api::routes())
        .merge(audit::api::routes())
        .merge(directory::people::api::routes())
        .merge(directory::schemas::api::routes())
        .merge(directory::user_groups::api::routes())
        .merge(provisioning_log::api::routes())
        .merge(replay::routes(app))
        .merge(events::api::routes())
        .merge(service_accounts::api::routes())
        .merge(settings::api::routes())
        .merge(setup::api::routes())
        .merge(tokens::api::routes())
        .merge(trust::api::routes())
        .merge(whoami::routes())
}

/// The SCIM surface of an account, without prefix (SCIM contract).
fn scim(app: &App) -> Router<App> {
    let closed = scim_api::closed().route_layer(from_fn_with_state(app.clone(), authenticate::scim));
    Router::new()
        .merge(scim_api::open())
        .merge(closed)
        .fallback(surface::no_route)
        .method_not_allowed_fallback(surface::no_method)
        .layer(DefaultBodyLimit::max(app.limits.scim_body_bytes))
        .layer(from_fn_with_state(app.clone(), observe::scim))
}

/// The platform API, its own fallback included.
fn platform_surface(app: &App) -> Router<App> {
    let platform = platform(app);
    Router::new()
        .nest("/gateway", platform.clone())
        .merge(platform)
        .fallback(surface::no_route)
        .method_not_allowed_fallback(surface::no_method)
        .layer(DefaultBodyLimit::max(app.limits.platform_body_bytes))
        .layer(from_fn_with_state(app.clone(), surface::platform))
}

/// The token endpoint, with its own words for errors.
fn oauth_surface(app: &App) -> Router<App> {
    oauth::api::routes()
        .method_not_allowed_fallback(oauth::api::no_method)
        .layer(DefaultBodyLimit::max(oauth::api::BODY_BYTES))
        .layer(from_fn_with_state(app.clone(), surface::oauth))
}

/// Where the SCIM surface of an account begins.
const SCIM_BASES: [&str; 3] = [
    "/ng/api/scim/account/{accountIdentifier}",
    "/gateway/ng/api/scim/account/{accountIdentifier}",
    "/scim/v2/{accountIdentifier}",
];

/// Where every account's SCIM surface lies, without the account.
fn scim_roots() -> impl Iterator<Item = &'static str> {
    SCIM_BASES.iter().map(|base| base.trim_end_matches("{accountIdentifier}"))
}

/// The words for what never becomes a request; `head_bytes` is the listener's bound for heads.
pub fn refusals(app: &App, head_bytes: usize) -> Refusals {
    Refusals::new(app.rng.clone(), scim_roots().map(str::to_owned).collect(), head_bytes)
}

/// The whole server.
pub fn build(app: App) -> Router {
    let (scim, mut whole) = (scim(&app), Router::new());
    for base in SCIM_BASES {
        // The base with a slash at its end is no part of what is nested below it.
        let bare = any(surface::no_route).layer(from_fn_with_state(app.clone(), surface::scim));
        whole = whole.nest(base, scim.clone()).route(&format!("{base}/"), bare);
    }
    for root in scim_roots() {
        // An address without its account is asked of the SCIM surface all the same.
        for path in [root, root.trim_end_matches('/')] {
            let bare = any(surface::no_route).layer(from_fn_with_state(app.clone(), surface::scim));
            whole = whole.route(path, bare);
        }
    }
    whole.merge(platform_surface(&app)).merge(oauth_surface(&app)).merge(health::routes()).with_state(app)
}
