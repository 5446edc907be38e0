//! The top of HTTP: lists the slices' routes, each under `/` and under `/gateway` (platform API §1.1).

pub mod authenticate;
pub mod health;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn_with_state;

use crate::access;
use crate::accounts;
use crate::app::App;
use crate::service_accounts;
use crate::settings;
use crate::setup;
use crate::tokens;
use crate::web::surface;

/// Every route of the platform API, without prefix.
fn platform() -> Router<App> {
    Router::new()
        .merge(access::api::routes())
        .merge(accounts::api::routes())
        .merge(service_accounts::api::routes())
        .merge(settings::api::routes())
        .merge(setup::api::routes())
        .merge(tokens::api::routes())
}

/// The whole server.
pub fn build(app: App) -> Router {
    let platform = platform();
    Router::new()
        .nest("/gateway", platform.clone())
        .merge(platform)
        .fallback(surface::no_route)
        .method_not_allowed_fallback(surface::no_method)
        .layer(DefaultBodyLimit::max(app.limits.platform_body_bytes))
        .layer(from_fn_with_state(app.clone(), surface::platform))
        .merge(health::routes())
        .with_state(app)
}
