//! Reading SCIM requests: bodies, queries, conditions.

use std::sync::Arc;

use axum::body::Body;
use http::header::{IF_MATCH, IF_NONE_MATCH};
use http::{HeaderMap, HeaderName};
use scim::list::ListQuery;
use scim::{Filter, Projection, Quirk, ResourceType, SortBy};
use serde_json::Value;
use serde_json::error::Category;

use super::door::{Call, Door};
use crate::directory::model::{Expected, Versions};
use crate::directory::search::Search;
use crate::kernel::problem::{Kind, Problem, Result};
use crate::kernel::version::split;
use crate::web::{extract, unique, words};

/// Most resources in one answer, published as `filter.maxResults`.
pub const MAX_RESULTS: u32 = 200;
/// Resources in one answer when the client does not say.
pub const DEFAULT_RESULTS: u32 = 100;

/// What may stand before a UTF-8 text and says nothing.
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// The JSON body of a request, within the surface's limit.
///
/// # Errors
/// `MediaType`, those of `extract::body`, and `Invalid` for what is no JSON or, in strict, would be rounded.
pub async fn body(call: &Call<'_>, door: &Door, body: Body) -> Result<Value> {
    body_within(call.app.limits.scim_body_bytes, call, door, body).await
}

/// As `body`, within a limit of the route's own.
///
/// # Errors
/// As `body`.
pub async fn body_within(limit: usize, call: &Call<'_>, door: &Door, body: Body) -> Result<Value> {
    extract::uncoded(&call.head.headers)?;
    let media = extract::media(&call.head.headers);
    let readable = ["", "application/scim+json", "application/json"];
    if !readable.iter().any(|known| media.eq_ignore_ascii_case(known)) {
        let text = format!("The body's Content-Type {media:?} is not read here: send application/scim+json.");
        return Err(Problem::new(Kind::MediaType, text));
    }
    let mut bytes = extract::within(limit, call.app, (&door.actor.caller, &call.late), body).await?;
    if bytes.starts_with(BYTE_ORDER_MARK) {
        // Who reads JSON may pass over it (RFC 8259 §8.1), and some clients write it.
        bytes = bytes.slice(BYTE_ORDER_MARK.len()..);
    }
    if let Some(observed) = call.observed {
        observed.body(&bytes);
    }
    let value = parse(&bytes)?;
    if door.kinds.has_decimals
        && let Some(at) = scim::digits::rounded(&bytes)
    {
        rounded(door, at)?;
    }
    Ok(value)
}

/// A number of the body is not what was sent. Without decimals there is nothing that would keep it.
fn rounded(door: &Door, at: usize) -> Result<()> {
    let mut mender = door.mender();
    if mender.mend(Quirk::RoundedNumber, format_args!("byte {at} of the body")) {
        door.log(mender.notes(), &[]);
        return Ok(());
    }
    let text = format!(
        "The number at byte {at} of the body has more digits than are kept: send it with 15 significant digits."
    );
    Err(Problem::invalid(text).code("invalidValue"))
}

fn parse(bytes: &[u8]) -> Result<Value> {
    if bytes.trim_ascii().is_empty() {
        let text = "The request has no body: send the JSON document that this route takes.";
        return Err(Problem::invalid(text).code("invalidSyntax"));
    }
    unique::parse(bytes).map_err(|error| {
        let (what, how) = match error.classify() {
            Category::Data => ("The body cannot be read", "Send it again without that."),
            Category::Eof => ("The body is no whole JSON document", "Send all of it."),
            Category::Syntax | Category::Io => ("The body is not JSON", "Mend that place and send it again."),
        };
        let said = words::of_json(&error);
        Problem::invalid(format!("{what}: {said}. {how}")).code("invalidSyntax")
    })
}

/// The query of a request: filter, projection, order, page.
///
/// # Errors
/// 400 for a number that is none, a parameter that stands twice and what is no UTF-8.
pub fn query(call: &Call<'_>) -> Result<ListQuery> {
    let Some(text) = call.head.uri.query().filter(|text| !text.is_empty()) else {
        return Ok(ListQuery::default());
    };
    if let Some(name) = extract::unreadable(text) {
        let code = if name.eq_ignore_ascii_case("filter") { "invalidFilter" } else { "invalidValue" };
        return Err(extract::not_utf8(name).code(code));
    }
    Ok(ListQuery::from_pairs(url::form_urlencoded::parse(text.as_bytes()))?)
}

/// The query in the body of a search.
///
/// # Errors
/// As `body`; 400 for a body that is no search request.
pub async fn search_body(call: &Call<'_>, door: &Door, sent: Body) -> Result<ListQuery> {
    let mut mender = door.mender();
    let query = ListQuery::from_search(body(call, door, sent).await?, &mut mender)?;
    door.log(mender.notes(), &[]);
    Ok(query)
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
pub fn search(
    query: &ListQuery,
    kind: &Arc<ResourceType>,
    among: &[Arc<ResourceType>],
    door: &Door,
) -> Result<Search> {
    let mut mender = door.mender();
    let filter = match query.filter.as_deref().map(str::trim) {
        None => None,
        Some(text) => Some(Filter::compile_among(text, kind, among, &mut mender)?),
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

/// The versions that a header names.
pub fn versions(headers: &HeaderMap, name: &HeaderName) -> Option<Versions> {
    let mut values = headers.get_all(name).iter().peekable();
    values.peek()?;
    Some(tags(values.map(|value| value.to_str().unwrap_or(""))))
}

fn tags<'t>(lists: impl Iterator<Item = &'t str>) -> Versions {
    let mut found = Vec::new();
    for tag in lists.flat_map(|list| split(list, ',')).map(str::trim) {
        if tag == "*" {
            return Versions::Every;
        }
        let tag = tag.strip_prefix("W/").unwrap_or(tag);
        let text = tag.strip_prefix('"').and_then(|tag| tag.strip_suffix('"'));
        // Tags are the same character by character (RFC 9110 §8.8.3.2): "01" is not "1".
        let is_written = |(text, version): &(&str, i64)| version.to_string() == *text;
        let read = text.and_then(|text| Some((text, text.parse::<i64>().ok()?))).filter(is_written);
        found.extend(read.map(|(_, version)| version));
    }
    Versions::These(found)
}

/// What an operation of a bulk request waits for.
pub fn expected(version: Option<&str>) -> Expected {
    Expected { at: version.map(|text| tags(std::iter::once(text))), not_at: None }
}

/// What a change waits for.
pub fn conditions(headers: &HeaderMap) -> Expected {
    Expected { at: versions(headers, &IF_MATCH), not_at: versions(headers, &IF_NONE_MATCH) }
}

/// Whether the client asks for no body (RFC 7240 `return=minimal`). Of a preference that stands twice the
/// first one counts.
pub fn prefers_minimal(headers: &HeaderMap) -> bool {
    let values = headers.get_all("prefer").iter().filter_map(|value| value.to_str().ok());
    let mut wishes = values.flat_map(|value| split(value, ',')).filter_map(|preference| {
        let (name, value) = split(preference, ';').next()?.split_once('=')?;
        name.trim().eq_ignore_ascii_case("return").then(|| value.trim().trim_matches('"'))
    });
    wishes.next().is_some_and(|wish| wish.eq_ignore_ascii_case("minimal"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: &'static str, values: &[&str]) -> HeaderMap {
        values.iter().map(|value| (HeaderName::from_static(name), value.parse().unwrap())).collect()
    }

    #[test]
    fn tags_are_read_character_by_character() {
        let these = |text: &str| versions(&headers("if-match", &[text]), &IF_MATCH);
        for (text, named) in [
            (r#"W/"1", "12""#, vec![1, 12]),
            (r#""a,*,b", W/"3""#, vec![3]),
            (r#"W/"01", W/"+1", W/"1 ", "-0""#, vec![]),
            ("1", vec![]),
        ] {
            assert_eq!(these(text), Some(Versions::These(named)), "{text}");
        }
        assert_eq!(these("*"), Some(Versions::Every));
    }

    #[test]
    fn the_first_wish_for_an_answer_counts() {
        for (values, minimal) in [
            (&["return=minimal"][..], true),
            (&["respond-async, Return = \"minimal\"; a=b"], true),
            (&["wait=1", "return=minimal"], true),
            (&["return=representation, return=minimal"], false),
            (&["return=representation", "return=minimal"], false),
            (&["foo; return=minimal"], false),
            (&["foo=\"a, return=minimal\""], false),
            (&[], false),
        ] {
            assert_eq!(prefers_minimal(&headers("prefer", values)), minimal, "{values:?}");
        }
    }
}
