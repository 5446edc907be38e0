//! Discovery documents (RFC 7644 §4), made from the same schema data that requests are checked against.

use axum::extract::State;
use axum::response::Response;
use scim::discovery::{CursorLimits, Features, service_provider_config};
use serde_json::Value;

use super::bulk::{MAX_BYTES, MAX_OPERATIONS};
use super::dialect::kinds;
use super::door::Base;
use super::render::{self, Paging};
use super::request::{DEFAULT_RESULTS, MAX_RESULTS, Query};
use super::trail::LIFETIME_SECS;
use crate::app::App;
use crate::kernel::problem::{Kind, Problem, Result};
use crate::web::extract::Path;

/// RFC 7644 §4: a filter on these resources is answered with 403.
fn unfiltered(query: &Query) -> Result<()> {
    if query.0.filter.is_none() {
        return Ok(());
    }
    Err(Problem::new(
        Kind::Denied,
        "Discovery documents cannot be filtered (RFC 7644 section 4): leave the filter out.",
    ))
}

fn whole(resources: &[Value]) -> Response {
    let rows: Vec<String> = resources.iter().map(Value::to_string).collect();
    render::list(&Paging::Index(1), rows.len() as u64, rows.len(), rows.join(",").as_bytes())
}

fn one(found: Option<Value>, what: &str) -> Result<Response> {
    let found =
        found.ok_or_else(|| Problem::not_found(format!("{what} is not served here: see the whole list.")))?;
    Ok(render::value(&found))
}

pub async fn config(Base(base): Base, query: Query) -> Result<Response> {
    unfiltered(&query)?;
    let features = Features {
        bulk: true,
        bulk_max_operations: MAX_OPERATIONS,
        bulk_max_payload_bytes: u64::from(MAX_BYTES),
        filter_max_results: MAX_RESULTS,
        change_password: false,
        sort: true,
        etag: true,
        cursor: Some(CursorLimits {
            default_page_size: DEFAULT_RESULTS,
            max_page_size: MAX_RESULTS,
            timeout_secs: LIFETIME_SECS,
        }),
        documentation_uri: None,
        security_event_uris: Vec::new(),
    };
    Ok(render::value(&service_provider_config(&features, &base)))
}

pub async fn schemas(
    State(app): State<App>,
    Base(base): Base,
    Path(account): Path<String>,
    query: Query,
) -> Result<Response> {
    unfiltered(&query)?;
    Ok(whole(&kinds(&app, &account).await?.shown.schemas_json(&base)))
}

pub async fn schema(
    State(app): State<App>,
    Base(base): Base,
    Path((account, urn)): Path<(String, String)>,
    query: Query,
) -> Result<Response> {
    unfiltered(&query)?;
    let kinds = kinds(&app, &account).await?;
    one(kinds.shown.schema(&urn).map(|schema| schema.to_json(&base)), &format!("The schema {urn}"))
}

pub async fn types(
    State(app): State<App>,
    Base(base): Base,
    Path(account): Path<String>,
    query: Query,
) -> Result<Response> {
    unfiltered(&query)?;
    Ok(whole(&kinds(&app, &account).await?.shown.types_json(&base)))
}

pub async fn kind(
    State(app): State<App>,
    Base(base): Base,
    Path((account, name)): Path<(String, String)>,
    query: Query,
) -> Result<Response> {
    unfiltered(&query)?;
    let kinds = kinds(&app, &account).await?;
    one(
        kinds.shown.resource_type(&name).map(|kind| kind.to_json(&base)),
        &format!("The resource type {name}"),
    )
}
