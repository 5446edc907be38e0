//! Routes of the token endpoint and of its metadata (RFC 8414).

use axum::Router;
use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use http::header::{CONTENT_TYPE, PRAGMA};
use http::request::Parts;
use serde_json::{Value, json};

use super::actions::issue;
use super::request::{self, CLIENT_CREDENTIALS, FORM, JWT_BEARER, refused};
use crate::app::App;
use crate::kernel::ids::AccountId;
use crate::kernel::problem::{Problem, Result};
use crate::kernel::surface::{Surface, names};
use crate::web::extract::{Path, body};
use crate::web::openapi::{OpenApi, list, object, text, whole, word};
use crate::web::surface::{self, origin};

/// Largest body, bytes: an assertion is at most 16 KiB.
pub const BODY_BYTES: usize = 64 << 10;

/// The routes, with both prefixes: RFC 8414 §3.1 puts the well-known part before the issuer's path.
pub fn routes() -> Router<App> {
    Router::new()
        .route("/oauth2/token", post(token))
        .route("/gateway/oauth2/token", post(token))
        .route("/oauth2/{accountIdentifier}/token", post(token_of))
        .route("/gateway/oauth2/{accountIdentifier}/token", post(token_of))
        .route("/.well-known/oauth-authorization-server/oauth2/{accountIdentifier}", get(metadata))
        .route("/.well-known/oauth-authorization-server/gateway/oauth2/{accountIdentifier}", get(metadata))
}

/// What the OpenAPI document says of them.
pub fn describe(document: &mut OpenApi) {
    document
        .section("Token endpoint")
        .post("/oauth2/token", token)
        .told(
            "requestToken",
            "open; the client's secret or assertion",
            "Gives an access token for 15 minutes",
        )
        .takes("accountIdentifier")
        .reads(FORM, form())
        .answers("application/json", issued())
        .oauth()
        .post("/oauth2/{accountIdentifier}/token", token_of)
        .told(
            "requestAccountToken",
            "open; the client's secret or assertion",
            "Gives an access token for 15 minutes, of the account in the path",
        )
        .reads(FORM, form())
        .answers("application/json", issued())
        .oauth()
        .get("/.well-known/oauth-authorization-server/oauth2/{accountIdentifier}", metadata)
        .told("getTokenEndpointMetadata", "open", "Tells the metadata of the token endpoint (RFC 8414)")
        .answers("application/json", described())
        .oauth()
        .alone()
        .get("/.well-known/oauth-authorization-server/gateway/oauth2/{accountIdentifier}", metadata)
        .told(
            "getGatewayTokenEndpointMetadata",
            "open",
            "Tells the metadata of the token endpoint under /gateway",
        )
        .answers("application/json", described())
        .oauth()
        .alone();
}

/// The body, all of which are texts (RFC 6749 §2.3.1, §4.4, RFC 7523 §2).
fn form() -> Value {
    let others =
        ["scope", "client_id", "client_secret", "client_assertion", "client_assertion_type", "assertion"];
    let grant = [("grant_type", word(&[CLIENT_CREDENTIALS, JWT_BEARER]))];
    let others = others.map(|name| (name, text()));
    let mut form = object(&[&grant[..], &others].concat());
    form["required"] = json!(["grant_type"]);
    form
}

/// The answer with a token (RFC 6749 §5.1).
fn issued() -> Value {
    object(&[
        ("access_token", text()),
        ("token_type", word(&["Bearer"])),
        ("expires_in", whole()),
        ("scope", text()),
    ])
}

/// The metadata (RFC 8414 §2).
fn described() -> Value {
    object(&[
        ("issuer", text()),
        ("token_endpoint", text()),
        ("response_types_supported", list(text())),
        ("grant_types_supported", list(text())),
        ("scopes_supported", list(text())),
        ("token_endpoint_auth_methods_supported", list(text())),
        ("token_endpoint_auth_signing_alg_values_supported", list(text())),
    ])
}

/// The account in the query, or that of the secret.
async fn token(State(app): State<App>, request: Request) -> Result<Response> {
    let query = request.uri().query().unwrap_or("").as_bytes();
    let named = url::form_urlencoded::parse(query).find(|(name, _)| name == "accountIdentifier");
    let named = named.map(|(_, value)| value.into_owned()).filter(|value| !value.is_empty());
    answer(&app, named.map(|text| account(&text)).transpose()?, request).await
}

/// The account in the path.
async fn token_of(State(app): State<App>, Path(named): Path<String>, request: Request) -> Result<Response> {
    answer(&app, Some(account(&named)?), request).await
}

fn account(text: &str) -> Result<AccountId> {
    AccountId::parse(text).map_err(|why| refused("invalid_request", format!("In the path or query, {why}.")))
}

async fn answer(app: &App, account: Option<AccountId>, request: Request) -> Result<Response> {
    let (parts, content) = request.into_parts();
    let (headers, origin) = (parts.headers.clone(), origin(&parts));
    let query = parts.uri.query().unwrap_or("").to_owned();
    let bytes = body(Request::from_parts(parts, content), app).await?;
    let issued = issue(app, account, request::read(&headers, &query, &bytes)?, origin).await?;
    Ok(reply(&json!({
        "access_token": issued.text.expose(), "token_type": "Bearer", "expires_in": issued.expires_in,
        "scope": names(&issued.surfaces).join(" ")
    })))
}

/// What no cache may keep (RFC 6749 §5.1).
fn reply(body: &Value) -> Response {
    let headers = [(CONTENT_TYPE, "application/json"), (PRAGMA, "no-cache")];
    (headers, body.to_string()).into_response()
}

/// Tells the same for accounts that do not exist.
async fn metadata(State(app): State<App>, Path(named): Path<String>, request: Request) -> Result<Response> {
    let account = account(&named)?;
    let (parts, _) = request.into_parts();
    let issuer = issuer(&app, &parts, &account);
    Ok(reply(&json!({
        "issuer": issuer, "token_endpoint": format!("{issuer}/token"), "response_types_supported": [],
        "grant_types_supported": [CLIENT_CREDENTIALS, JWT_BEARER], "scopes_supported": names(&Surface::ALL),
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "private_key_jwt"],
        "token_endpoint_auth_signing_alg_values_supported": jose::Algorithms::default()
    })))
}

fn issuer(app: &App, parts: &Parts, account: &AccountId) -> String {
    let gateway = if parts.uri.path().contains("/gateway/") { "/gateway" } else { "" };
    format!("{}{gateway}/oauth2/{account}", surface::root(app, parts))
}

/// For methods that a path does not have.
pub async fn no_method() -> Problem {
    let text = "The token endpoint takes POST, its metadata GET: the Allow header names the method.";
    Problem::new(crate::kernel::problem::Kind::Method, text)
}
