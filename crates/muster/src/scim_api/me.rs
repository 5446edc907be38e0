//! `/Me` (RFC 7644 §3.11).

use axum::response::{IntoResponse, Response};
use http::header::LOCATION;
use http::{HeaderValue, StatusCode};

use super::door::{Call, Door};
use super::render::location;
use crate::directory::model::Subject;
use crate::kernel::caller::PrincipalKind;
use crate::kernel::problem::{Kind, Problem, Result};

pub fn me(call: &Call<'_>, door: &Door) -> Result<Response> {
    let principal = &door.actor.caller.principal;
    if principal.kind != PrincipalKind::User {
        let text = "The token belongs to a service account, which is no SCIM resource: ask for /Users/{id} instead of /Me.";
        return Err(Problem::new(Kind::NotImplemented, text));
    }
    let mut response = StatusCode::PERMANENT_REDIRECT.into_response();
    let mut target = location(Subject::User.endpoint(), &door.base, &principal.id);
    if let Some(query) = call.head.uri.query() {
        // What is to be shown is asked there.
        target.push('?');
        target.push_str(query);
    }
    let target = HeaderValue::try_from(target)
        .map_err(|error| Problem::internal(format!("a location is no header value: {error}")))?;
    response.headers_mut().insert(LOCATION, target);
    Ok(response)
}
