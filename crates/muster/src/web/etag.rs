//! Entity tags of the platform API (§1.4): `ETag` on answers that have a version, `If-Match` on changes.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::response::{IntoResponse, Response};
use http::request::Parts;
use http::{HeaderValue, header};
use serde::Serialize;

use super::envelope::Reply;
use crate::kernel::version::{IfMatch, Tag};

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
        if let Ok(tag) = HeaderValue::try_from(format!("\"{}\"", self.tag)) {
            response.headers_mut().insert(header::ETAG, tag);
        }
        response
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
