//! Discovery documents (RFC 7644 §4), made from the same schema data that requests are checked against.

use axum::response::Response;
use scim::discovery::{CursorLimits, Features, service_provider_config};
use serde_json::Value;

use super::bulk::{MAX_BYTES, MAX_OPERATIONS};
use super::dialect::kinds;
use super::door::Call;
use super::render::{self, Paging};
use super::request::{DEFAULT_RESULTS, MAX_RESULTS};
use super::routes::Open;
use super::trail::LIFETIME_SECS;
use crate::kernel::problem::{Kind, Problem, Result};

/// RFC 7644 §4: a filter on these resources is answered with 403; what asks for an order, a page or a part of
/// them is ignored.
fn unfiltered(call: &Call<'_>) -> Result<()> {
    let query = call.head.uri.query().unwrap_or_default();
    let mut asked = url::form_urlencoded::parse(query.as_bytes());
    if !asked.any(|(name, text)| name.eq_ignore_ascii_case("filter") && !text.is_empty()) {
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

/// Answers one of the documents.
pub async fn open(call: &Call<'_>, asked: Open<'_>) -> Result<Response> {
    unfiltered(call)?;
    let (app, base) = (call.app, call.base());
    match asked {
        Open::Config => Ok(config(&base)),
        Open::Schemas(account) => Ok(whole(&kinds(app, &account).await?.shown.schemas_json(&base))),
        Open::Schema(account, urn) => {
            let kinds = kinds(app, &account).await?;
            let found = kinds.shown.schema(&urn).map(|schema| schema.to_json(&base));
            one(found, &format!("The schema {urn}"))
        }
        Open::Types(account) => Ok(whole(&kinds(app, &account).await?.shown.types_json(&base))),
        Open::Type(account, name) => {
            let kinds = kinds(app, &account).await?;
            let found = kinds.shown.resource_type(&name).map(|kind| kind.to_json(&base));
            one(found, &format!("The resource type {name}"))
        }
    }
}

fn config(base: &str) -> Response {
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
    render::value(&service_provider_config(&features, base))
}
