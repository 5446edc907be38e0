//! Successful answers of the platform API.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bytes::{Bytes, BytesMut};
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;

use crate::kernel::problem::Problem;

/// The answer of a v0 route: `{"status":"SUCCESS","data":T,"metaData":null,"correlationId":"…"}` with HTTP
/// 200. The surface layer adds the envelope, because it knows the request id.
#[derive(Debug)]
pub struct Reply<T>(pub T);

/// Serialised `data` on its way to the surface layer.
#[derive(Clone)]
pub(super) struct Data(Bytes);

impl<T: Serialize> IntoResponse for Reply<T> {
    fn into_response(self) -> Response {
        match serde_json::to_vec(&self.0) {
            Ok(data) => {
                let mut response = StatusCode::OK.into_response();
                response.extensions_mut().insert(Data(data.into()));
                response
            }
            Err(error) => Problem::internal(format!("cannot write a reply: {error}")).into_response(),
        }
    }
}

/// Wraps `data` (platform API §1.4), keeping the headers that the handler set.
pub(super) fn wrap(response: &mut Response, data: &Data, request_id: &str) {
    let mut body = BytesMut::with_capacity(data.0.len() + 112);
    body.extend_from_slice(br#"{"status":"SUCCESS","data":"#);
    body.extend_from_slice(&data.0);
    body.extend_from_slice(br#","metaData":null,"correlationId":""#);
    body.extend_from_slice(request_id.as_bytes());
    body.extend_from_slice(br#""}"#);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    *response.body_mut() = Body::from(body.freeze());
}

/// The answer of a v1 route: the bare value, snake case, 201 for a creation (§1.7).
#[derive(Debug)]
pub struct Bare<T>(pub StatusCode, pub T);

impl<T: Serialize> IntoResponse for Bare<T> {
    fn into_response(self) -> Response {
        (self.0, axum::Json(self.1)).into_response()
    }
}
