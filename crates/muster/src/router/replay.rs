//! Replays a request of the provisioning log as a dry run, with the rights of who asks for it: the same SCIM
//! surface, without its door.

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::routing::post;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt as _;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};

use super::scim;
use crate::access::Actor;
use crate::app::App;
use crate::kernel::problem::{Problem, Result};
use crate::provisioning_log::actions;
use crate::provisioning_log::api::{detail, grant};
use crate::provisioning_log::differ::{Answer, Difference, differences};
use crate::provisioning_log::model::Row;
use crate::provisioning_log::replay::{Again, again};
use crate::web::envelope::Reply;
use crate::web::extract::{Path, Query, ScopeQuery};
use crate::web::openapi::OpenApi;

/// The route.
pub fn routes() -> Router<App> {
    Router::new().route("/ng/api/provisioning-log/{id}/replay", post(replay))
}

/// What the OpenAPI document says of them.
pub fn describe(document: &mut OpenApi) {
    document.section("Provisioning log").post("/ng/api/provisioning-log/{id}/replay", replay).told(
        "replayLoggedRequest",
        "core_audit_view on the account",
        "Plays a SCIM request again as a dry run, with the caller's rights",
    );
}

/// What the request would be answered now.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Replayed {
    status: u16,
    headers: Map<String, Value>,
    body: Value,
    /// Against the logged answer.
    differs: Vec<Difference>,
    /// What of the request was not kept.
    left_out: Vec<String>,
}

async fn replay(
    State(app): State<App>,
    actor: Actor,
    Path(id): Path<String>,
    Query(query): Query<ScopeQuery>,
) -> Result<Reply<Replayed>> {
    let grant = grant(&actor, &query)?;
    let row = actions::load(&app, &grant, &id).await?;
    let again = again(&row, &detail(&row)?)?;
    let (status, headers, body) = play(&app, actor, &again).await?;
    let differs = compare(&row, status, &body)?;
    let headers =
        headers.iter().filter_map(|(name, value)| Some((name.to_string(), value.to_str().ok()?.into())));
    Ok(Reply(Replayed {
        status: status.as_u16(),
        headers: headers.collect(),
        body,
        differs,
        left_out: again.left_out,
    }))
}

async fn play(app: &App, actor: Actor, again: &Again) -> Result<(StatusCode, HeaderMap, Value)> {
    let damaged =
        |error: http::Error| Problem::internal(format!("a logged request cannot be made again: {error}"));
    let mut request = Request::builder().method(again.method.as_str()).uri(&again.target);
    for (name, value) in &again.headers {
        request = request.header(name, value);
    }
    let body = again.body.clone().map_or_else(Body::empty, Body::from);
    let response = scim::play(app, actor, request.body(body).map_err(damaged)?).await;
    let (parts, body) = response.into_parts();
    let bytes = body.collect().await.map_err(|error| Problem::internal(error.to_string()))?.to_bytes();
    let body = if bytes.is_empty() {
        Value::Null
    } else {
        serde_json::from_slice(&bytes)
            .map_err(|error| Problem::internal(format!("an answer is no JSON: {error}")))?
    };
    Ok((parts.status, parts.headers, body))
}

fn compare(row: &Row, status: StatusCode, body: &Value) -> Result<Vec<Difference>> {
    let whole = !detail(row)?.response.truncated;
    let logged: Option<Value> =
        row.response.as_deref().filter(|_| whole).and_then(|text| serde_json::from_str(text).ok());
    let logged = Answer { status: row.status, body: logged.as_ref() };
    Ok(differences(logged, Answer { status: status.as_u16(), body: Some(body) }))
}
