//! YAML on the platform API (§1.4): bodies are read in it where `Content-Type` says so, answers are turned
//! into it where `Accept` asks for it. JSON stays what everything is made of; SCIM has no YAML.

use axum::body::{Body, to_bytes};
use axum::response::Response;
use http::{HeaderMap, HeaderValue, header};
use serde::de::DeserializeOwned;

use super::by_name::ByName;
use super::error::PLATFORM_MEDIA;
use super::words;
use crate::kernel::problem::{Problem, Result};

const MEDIA: &str = "application/yaml";
/// RFC 9512 names the first; the others are older habits.
const KNOWN: [&str; 4] = [MEDIA, "application/x-yaml", "text/yaml", "text/x-yaml"];

/// Whether a media type without parameters is YAML.
pub(super) fn is_yaml(media: &str) -> bool {
    KNOWN.iter().any(|known| media.eq_ignore_ascii_case(known))
}

/// Whether the client wants its answer in YAML: it says so and does not take JSON.
pub(super) fn is_wanted(headers: &HeaderMap) -> bool {
    let values = || headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let takes = |known: &dyn Fn(&str) -> bool| {
        let mut types = values().flat_map(|value| value.split(','));
        types.any(|kind| known(&kind.split(';').next().unwrap_or("").trim().to_ascii_lowercase()))
    };
    takes(&is_yaml) && !takes(&|media| media == PLATFORM_MEDIA)
}

/// Parses one YAML document. Anchors are followed as far as a document made by hand has use for them.
///
/// # Errors
/// `Invalid`, with line and column.
pub(super) fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T> {
    if bytes.is_empty() {
        let text = "The request has no body: send the YAML document that this route takes.";
        return Err(Problem::invalid(text));
    }
    let limits = serde_saphyr::options! {
        budget: serde_saphyr::budget! { max_aliases: 1_000, max_nodes: 100_000 },
        alias_limits: serde_saphyr::alias_limits! { max_total_replayed_events: 10_000 },
    };
    serde_saphyr::from_slice_with_options(bytes, limits)
        .map(|ByName(value)| value)
        .map_err(|error| Problem::invalid(format!("The YAML body does not fit: {}.", in_words(&error))))
}

/// The parser's words without its advice, which is for whoever programs it.
fn in_words(error: &serde_saphyr::Error) -> String {
    let text = error.without_snippet().to_string();
    let place = error.location().map(|at| format!(" at line {}, column {}", at.line(), at.column()));
    let place = place.unwrap_or_default();
    let what = text.strip_suffix(&place).unwrap_or(&text);
    let advice = [", set DuplicateKeyPolicy", "; use from_"].iter().find_map(|advice| what.find(advice));
    let what = match &what[..advice.unwrap_or(what.len())] {
        "expected mapping start" => "an object is expected",
        "expected sequence start" => "a list is expected",
        other => other,
    };
    words::of_value(what, "member") + &place
}

/// Turns an answer in JSON into YAML; others stay.
pub(super) async fn turn(response: Response) -> Response {
    if response.headers().get(header::CONTENT_TYPE).is_none_or(|media| media != PLATFORM_MEDIA) {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let Ok(bytes) = to_bytes(body, usize::MAX).await else {
        return Response::from_parts(parts, Body::empty());
    };
    // What we wrote ourselves is JSON; were it not, it would go out as it is.
    let value = serde_json::from_slice::<serde_json::Value>(&bytes).ok();
    let Some(text) = value.and_then(|value| serde_saphyr::to_string(&value).ok()) else {
        return Response::from_parts(parts, Body::from(bytes));
    };
    parts.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA));
    parts.headers.remove(header::CONTENT_LENGTH);
    Response::from_parts(parts, Body::from(text))
}
