//! Reading SCIM requests: bodies, queries, conditions.

use std::sync::Arc;

use axum::extract::{FromRequest, FromRequestParts, Request};
use http::HeaderMap;
use http::header::{CONTENT_TYPE, IF_MATCH, IF_NONE_MATCH};
use http::request::Parts;
use scim::list::ListQuery;
use scim::{Filter, Projection, ResourceType, SortBy};
use serde_json::Value;

use super::door::Door;
use crate::app::App;
use crate::directory::model::{Expected, Stored};
use crate::directory::search::Search;
use crate::kernel::problem::{Kind, Problem, Result};
use crate::web::extract::body;
use crate::web::observed::Observed;
use crate::web::unique;

/// Most resources in one answer, published as `filter.maxResults`.
pub const MAX_RESULTS: u32 = 200;
/// Resources in one answer when the client does not say.
pub const DEFAULT_RESULTS: u32 = 100;

/// A JSON body.
#[derive(Debug)]
pub struct Body(pub Value);

impl FromRequest<App> for Body {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &App) -> Result<Self> {
        let media = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
        let media = media.split(';').next().unwrap_or("").trim();
        let readable = ["", "application/scim+json", "application/json"];
        if !readable.iter().any(|known| media.eq_ignore_ascii_case(known)) {
            let text =
                format!("The body's Content-Type {media:?} is not read here: send application/scim+json.");
            return Err(Problem::new(Kind::MediaType, text));
        }
        let observed = request.extensions().get::<Observed>().cloned();
        let bytes = body(request, app).await?;
        if let Some(observed) = observed {
            observed.body(&bytes);
        }
        if bytes.is_empty() {
            let text = "The request has no body: send the JSON document that this route takes.";
            return Err(Problem::invalid(text).code("invalidSyntax"));
        }
        unique::parse(&bytes).map(Self).map_err(|error| {
            let what = if error.is_data() { "The body cannot be read" } else { "The body is not JSON" };
            Problem::invalid(format!("{what}: {error}. Send it again without that.")).code("invalidSyntax")
        })
    }
}

/// The query of a request: filter, projection, order, page.
#[derive(Debug, Default)]
pub struct Query(pub ListQuery);

impl<S: Sync> FromRequestParts<S> for Query {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self> {
        let Some(text) = parts.uri.query().filter(|text| !text.is_empty()) else {
            return Ok(Self::default());
        };
        Ok(Self(ListQuery::from_pairs(url::form_urlencoded::parse(text.as_bytes()))?))
    }
}

/// Which attributes the answer shows.
///
/// # Errors
/// 400 when both lists are sent.
pub fn projection(query: &ListQuery, kind: &ResourceType) -> Result<Projection> {
    Ok(Projection::from_lists(kind, query.attributes.as_deref(), query.excluded_attributes.as_deref())?)
}

/// Turns a query into a search of one resource type.
///
/// # Errors
/// 400 for a filter, an order or a page that does not fit.
pub fn search(query: &ListQuery, kind: &Arc<ResourceType>, door: &Door) -> Result<Search> {
    let mut mender = door.mender();
    let filter = match query.filter.as_deref().map(str::trim) {
        None => None,
        Some(text) => Some(Filter::compile(text, kind, &mut mender)?),
    };
    let sort = SortBy::parse(kind, query.sort_by.as_deref(), query.sort_order.as_deref(), &mut mender)?;
    let page = query.page(DEFAULT_RESULTS, MAX_RESULTS);
    door.log(mender.notes(), &[]);
    Ok(Search {
        kind: kind.clone(),
        filter,
        sort,
        start: usize::try_from(page.start_index).unwrap_or(usize::MAX),
        count: page.count as usize,
        base: door.base.clone(),
        walk: None,
    })
}

/// The header's entity tags as versions; a tag that is none of ours is left out. `None`: no header, or `*`.
fn versions(headers: &HeaderMap, name: &http::HeaderName) -> Option<Vec<i64>> {
    let mut values = headers.get_all(name).iter().peekable();
    values.peek()?;
    tags(values.map(|value| value.to_str().unwrap_or("")))
}

fn tags<'t>(lists: impl Iterator<Item = &'t str>) -> Option<Vec<i64>> {
    let mut found = Vec::new();
    for tag in lists.flat_map(|list| list.split(',')).map(str::trim) {
        if tag == "*" {
            return None;
        }
        let tag = tag.strip_prefix("W/").unwrap_or(tag);
        found.extend(
            tag.strip_prefix('"').and_then(|t| t.strip_suffix('"')).and_then(|t| t.parse::<i64>().ok()),
        );
    }
    Some(found)
}

/// What an operation of a bulk request waits for.
pub fn expected(version: Option<&str>) -> Expected {
    version.and_then(|text| tags(std::iter::once(text))).map_or(Expected::Any, Expected::OneOf)
}

/// What a change waits for.
#[derive(Debug)]
pub struct IfMatch(pub Expected);

impl<S: Sync> FromRequestParts<S> for IfMatch {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self> {
        Ok(Self(versions(&parts.headers, &IF_MATCH).map_or(Expected::Any, Expected::OneOf)))
    }
}

/// The versions that the client has already.
#[derive(Debug)]
pub struct IfNoneMatch {
    sent: bool,
    /// `None`: any.
    versions: Option<Vec<i64>>,
}

impl IfNoneMatch {
    /// Whether the client has this one.
    pub fn knows(&self, stored: &Stored) -> bool {
        self.sent && self.versions.as_ref().is_none_or(|known| known.contains(&stored.version))
    }
}

impl<S: Sync> FromRequestParts<S> for IfNoneMatch {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self> {
        let sent = parts.headers.contains_key(IF_NONE_MATCH);
        Ok(Self { sent, versions: versions(&parts.headers, &IF_NONE_MATCH) })
    }
}

/// Whether the client asks for no body (RFC 7240 `return=minimal`).
pub fn prefers_minimal(headers: &HeaderMap) -> bool {
    let values = headers.get_all("prefer").iter().filter_map(|value| value.to_str().ok());
    values
        .flat_map(|value| value.split([',', ';']))
        .any(|word| word.trim().eq_ignore_ascii_case("return=minimal"))
}
