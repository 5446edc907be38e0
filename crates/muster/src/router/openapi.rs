//! `GET /openapi.json`: the platform API as clients' generators read it. `make docs` writes the file, a test
//! compares it, and it is served as it is.

use std::sync::LazyLock;

use axum::Router;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG};
use http::{HeaderMap, HeaderValue, StatusCode};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::health::{self, VERSION};
use super::{replay, whoami};
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
use crate::trust;
use crate::web::etag;
use crate::web::openapi::OpenApi;
use crate::webhooks;

const FILE: &str = include_str!("../../../../openapi.json");

static TAG: LazyLock<HeaderValue> = LazyLock::new(|| etag::of_file(&Sha256::digest(FILE)));

const ABOUT: &str = "Every route of Muster but those of SCIM, which describes itself. docs/api.md says what this cannot: which rules values keep, and what a call does. Members of bodies and parameters that are not described are ignored or refused, as that page says; new ones may come in answers. Bodies may be YAML under application/yaml, and answers are where Accept asks for it.";

const SCIM: &str = "SCIM 2.0 (RFC 7644) under /ng/api/scim/account/{accountIdentifier}, with a token or JWT as Authorization: Bearer. What is there is told by its /ServiceProviderConfig, /Schemas and /ResourceTypes.";

/// The route; open, as the document is no secret.
pub(super) fn routes() -> Router<App> {
    Router::new().route("/openapi.json", get(file)).route("/gateway/openapi.json", get(file))
}

/// What the document says of itself.
fn describe(document: &mut OpenApi) {
    document
        .section("Set-up, state, version")
        .get("/openapi.json", file)
        .told("getOpenApi", "open", "Gives this document")
        .answers("application/json", json!({"type": "object"}))
        .cached();
}

async fn file(headers: HeaderMap) -> Response {
    let cached = [(CACHE_CONTROL, HeaderValue::from_static("no-cache")), (ETAG, TAG.clone())];
    if etag::is_known(&headers, &TAG) {
        return (StatusCode::NOT_MODIFIED, cached).into_response();
    }
    (cached, [(CONTENT_TYPE, "application/json")], FILE).into_response()
}

/// The document, made anew.
pub fn document() -> Value {
    let mut document = OpenApi::default();
    health::describe(&mut document);
    describe(&mut document);
    setup::api::describe(&mut document);
    operator::api::describe(&mut document);
    whoami::describe(&mut document);
    directory::people::api::describe_me(&mut document);
    accounts::api::describe(&mut document);
    service_accounts::api::describe(&mut document);
    tokens::api::describe(&mut document);
    settings::api::describe(&mut document);
    access::api::describe(&mut document);
    directory::people::api::describe(&mut document);
    directory::user_groups::api::describe_adding(&mut document);
    directory::user_groups::api::describe(&mut document);
    audit::api::describe(&mut document);
    events::api::describe(&mut document);
    webhooks::api::describe(&mut document);
    directory::schemas::api::describe(&mut document);
    provisioning_log::api::describe(&mut document);
    replay::describe(&mut document);
    trust::api::describe(&mut document);
    oauth::api::describe(&mut document);
    document.elsewhere("SCIM", SCIM);
    document.finish(VERSION, ABOUT)
}
