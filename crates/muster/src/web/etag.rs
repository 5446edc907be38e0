//! Entity tags: of the platform API (§1.4), `ETag` on answers that have a version and `If-Match` on
//! changes; of files, which may be kept, with `If-None-Match`.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, header};
use serde::Serialize;

use super::envelope::Reply;
use crate::kernel::version::{IfMatch, Tag, split};

/// A v0 answer with the version of what it shows as its `ETag`.
#[derive(Debug)]
pub struct Tagged<T> {
    /// Of the stored version.
    pub tag: Tag,
    /// `data` of the answer.
    pub data: T,
}

impl<T: Serialize> IntoResponse for Tagged<T> {
    fn into_response(self) -> Response {
        let mut response = Reply(self.data).into_response();
        mark(&mut response, self.tag);
        response
    }
}

/// Puts the version of what an answer shows on it.
pub(super) fn mark(response: &mut Response, tag: Tag) {
    if let Ok(tag) = HeaderValue::try_from(format!("\"{tag}\"")) {
        response.headers_mut().insert(header::ETAG, tag);
    }
}

impl<S: Sync> FromRequestParts<S> for IfMatch {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> std::result::Result<Self, Infallible> {
        let values = parts.headers.get_all(header::IF_MATCH).iter();
        let texts: Vec<_> = values.map(|value| value.to_str().unwrap_or("")).collect();
        Ok(Self::read((!texts.is_empty()).then(|| texts.join(",")).as_deref()))
    }
}

/// The tag of a file with this SHA-256.
///
/// # Panics
/// Never: base64 fits into a header.
pub fn of_file(sha256: &[u8]) -> HeaderValue {
    let text = format!("\"{}\"", URL_SAFE_NO_PAD.encode(sha256));
    HeaderValue::try_from(text).expect("base64 fits into a header")
}

/// Does the client have what has this tag (RFC 9110 §13.1.2)?
pub fn is_known(headers: &HeaderMap, tag: &HeaderValue) -> bool {
    let is_it = |named: &str| named == "*" || tag == named.strip_prefix("W/").unwrap_or(named);
    let lists = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    lists.flat_map(|list| split(list, ',')).any(|named| is_it(named.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_known_by_itself_and_by_its_weak_form() {
        let tag = HeaderValue::from_static("\"ab\"");
        let known = |text: &'static str| {
            is_known(&HeaderMap::from_iter([(header::IF_NONE_MATCH, HeaderValue::from_static(text))]), &tag)
        };
        for yes in ["\"ab\"", "W/\"ab\"", "*", "\"x\", \"ab\""] {
            assert!(known(yes), "{yes}");
        }
        for no in ["\"abc\"", "ab", "", "\"x, *\"", "\"AB\""] {
            assert!(!known(no), "{no}");
        }
    }
}
