//! What a load balancer and a person ask before all else: is it alive, is it ready, which release is it.
//! Open to everybody; says nothing about accounts.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Extension, Json, Router};
use http::{StatusCode, header};
use serde_json::json;

use crate::app::App;
use crate::migrations;

/// This release.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

const PATIENCE: Duration = Duration::from_secs(2);

/// Once the schema has been seen complete it stays so: steps only go forward.
#[derive(Clone, Default)]
struct Migrated(Arc<AtomicBool>);

/// `/livez`, `/readyz` and `/v1/version`, the last one also under `/gateway`.
pub fn routes() -> Router<App> {
    Router::new()
        .route("/livez", get(live))
        .route("/readyz", get(ready))
        .route("/v1/version", get(version))
        .route("/gateway/v1/version", get(version))
        .layer(Extension(Migrated::default()))
}

/// The process answers.
async fn live() -> &'static str {
    "ok\n"
}

async fn version() -> Json<serde_json::Value> {
    Json(json!({"version": VERSION}))
}

/// 200 when requests can be served, else 503 with the reason.
async fn ready(State(app): State<App>, Extension(migrated): Extension<Migrated>) -> Response {
    let asked = async {
        match app.db.ping().await {
            Ok(()) => pending(&app, &migrated).await,
            Err(error) => Some(format!("database: {error}")),
        }
    };
    let late = || Some(format!("database: no answer within {} seconds", PATIENCE.as_secs()));
    let Some(reason) = tokio::time::timeout(PATIENCE, asked).await.unwrap_or_else(|_| late()) else {
        return Json(json!({"ready": true})).into_response();
    };
    let body = Json(json!({"ready": false, "reasons": [reason]}));
    (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, "2")], body).into_response()
}

async fn pending(app: &App, migrated: &Migrated) -> Option<String> {
    if migrated.0.load(Relaxed) {
        return None;
    }
    let db = app.db.clone();
    let count = tokio::task::spawn_blocking(move || db.pending(migrations::STEPS)).await;
    match count.map_err(|error| error.to_string()).map(|count| count.map_err(|error| error.to_string())) {
        Ok(Ok(0)) => {
            migrated.0.store(true, Relaxed);
            None
        }
        Ok(Ok(1)) => Some("schema: 1 migration is pending; run `muster migrate`".into()),
        Ok(Ok(count)) => Some(format!("schema: {count} migrations are pending; run `muster migrate`")),
        Ok(Err(error)) | Err(error) => Some(format!("schema: {error}")),
    }
}
