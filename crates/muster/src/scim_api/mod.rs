//! The SCIM surface of an account over the directory (RFC 7644): reads requests in the account's dialect,
//! answers resources, lists and discovery documents. Paths here are below the account's base, which the
//! router sets.
//!
//! Never decides what a change means (crate `scim`) nor how it is stored (`directory`).

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{any, get, post};

use crate::app::App;

mod bulk;
mod dialect;
mod discovery;
mod door;
pub mod dry_run;
mod groups;
mod me;
mod objects;
mod render;
mod request;
mod search;
mod trail;
mod users;
mod verbs;

use groups::Groups;
use objects::Objects;
use users::Users;
use verbs::{collection, searched, single};

pub use dialect::Dialects;

/// Routes that need a credential; the router puts the `Actor` into the request.
pub fn closed() -> Router<App> {
    Router::new()
        .route("/Users", collection::<Users>())
        .route("/Users/.search", searched::<Users>())
        .route("/Users/{id}", single::<Users>())
        .route("/Groups", collection::<Groups>())
        .route("/Groups/.search", searched::<Groups>())
        .route("/Groups/{id}", single::<Groups>())
        .route("/{endpoint}", collection::<Objects>())
        .route("/{endpoint}/.search", searched::<Objects>())
        .route("/{endpoint}/{id}", single::<Objects>())
        .route("/.search", post(search::everywhere))
        .route("/Me", any(me::me))
        .route("/Bulk", post(bulk::bulk).layer(DefaultBodyLimit::max(bulk::MAX_BYTES as usize)))
}

/// Discovery, readable without a credential (RFC 7644 §4).
pub fn open() -> Router<App> {
    Router::new()
        .route("/ServiceProviderConfig", get(discovery::config))
        .route("/Schemas", get(discovery::schemas))
        .route("/Schemas/{urn}", get(discovery::schema))
        .route("/ResourceTypes", get(discovery::types))
        .route("/ResourceTypes/{name}", get(discovery::kind))
}
