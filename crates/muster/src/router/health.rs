//! What a load balancer and a person ask before all else: is it alive, is it ready, which release is it.
//! Open to everybody; says nothing about accounts.

use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use db::{ErrorKind, WriteFault};
use http::{StatusCode, header};
use serde_json::json;

use crate::app::App;
use crate::kernel::sparing::Sparing;
use crate::migrations;
use crate::web::openapi::{OpenApi, flag, list, object, text};

/// This release.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

const PATIENCE: Duration = Duration::from_secs(2);
/// After a write that failed by the database's own fault: so long the server counts as not ready, and only
/// then it is tried whether the database takes writes again. A full disk takes a small one now and then.
const QUARANTINE: Duration = Duration::from_secs(10);

/// `/livez`, `/readyz` and `/v1/version`, the last one also under `/gateway`.
pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/livez", get(live))
        .route("/readyz", get(ready))
        .route("/v1/version", get(version))
        .route("/gateway/v1/version", get(version))
}

/// What the OpenAPI document says of them.
pub(super) fn describe(document: &mut OpenApi) {
    document
        .section("Set-up, state, version")
        .get("/v1/version", version)
        .told("getVersion", "open", "Tells the release of the server")
        .get("/livez", live)
        .told("isAlive", "open", "Says ok as long as the process answers")
        .alone()
        .get("/readyz", ready)
        .told("isReady", "open", "Says whether requests can be served, else why not")
        .answers("application/json", object(&[("ready", flag())]))
        .otherwise(503, object(&[("ready", flag()), ("reasons", list(text()))]))
        .alone();
}

/// The process answers.
async fn live() -> &'static str {
    "ok\n"
}

async fn version() -> Json<serde_json::Value> {
    Json(json!({"version": VERSION}))
}

/// 200 when requests can be served, else 503 with the reason.
async fn ready(State(app): State<App>) -> Response {
    let Some(reason) = reason(&app).await else {
        return Json(json!({"ready": true})).into_response();
    };
    let body = Json(json!({"ready": false, "reasons": [reason]}));
    (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, "2")], body).into_response()
}

/// Why requests cannot be served; `None`: they can.
pub(super) async fn reason(app: &App) -> Option<String> {
    if app.stopping.load(Relaxed) {
        return Some("the server is stopping".into());
    }
    let late = || Some(format!("database: no answer within {} seconds", PATIENCE.as_secs()));
    tokio::time::timeout(PATIENCE, of_database(app)).await.unwrap_or_else(|_| late())
}

async fn of_database(app: &App) -> Option<String> {
    if let Err(error) = app.db.ping().await {
        return Some(format!("database: {}", told(&error)));
    }
    if let Some(reason) = pending(app).await {
        return Some(reason);
    }
    match app.db.lacks_rights(migrations::STEPS).await {
        Ok(false) => {}
        Ok(true) => {
            return Some("database: its role lacks a right that the server needs; see the log".into());
        }
        Err(error) => return Some(format!("database: {}", told(&error))),
    }
    let WriteFault { age, error } = app.db.write_fault()?;
    let heals = age >= QUARANTINE && app.db.probe().await.is_ok();
    (!heals).then(|| format!("database: the last write failed: {}", told(&error)))
}

async fn pending(app: &App) -> Option<String> {
    if app.schema_whole.load(Relaxed) {
        return None;
    }
    match app.db.count_pending(migrations::STEPS).await {
        // The server itself looks every second, and begins then.
        Ok(0) => Some("schema: complete; the server begins in a moment".into()),
        Ok(1) => Some("schema: 1 migration is pending; run `muster migrate`".into()),
        Ok(count) => Some(format!("schema: {count} migrations are pending; run `muster migrate`")),
        Err(error) => Some(format!("schema: {}", told(&error))),
    }
}

/// What kind of fault it is. The whole of it, with the database's address, its role or its file, is in the
/// log: whoever reaches the server may ask whether it is ready.
fn told(error: &db::Error) -> String {
    static FAULTS: Sparing = Sparing::unspent();
    FAULTS.tell(|left_out| tracing::warn!(%error, left_out, "not ready"));
    let kind = match error.kind() {
        ErrorKind::Unavailable | ErrorKind::Unknown | ErrorKind::Retry => {
            "it cannot be reached, or takes no work now"
        }
        ErrorKind::Timeout => "it takes too long to answer",
        ErrorKind::Denied => "its role lacks a right that the server needs",
        ErrorKind::NewerSchema => "a newer release has migrated it",
        ErrorKind::Locked => "another process holds it",
        ErrorKind::Damaged => "its file is damaged",
        _ => "it answers with an error",
    };
    format!("{kind}; see the log")
}
