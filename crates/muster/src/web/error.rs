//! One table from `Problem` to what each surface answers.

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde_json::{Value, json};

use crate::kernel::problem::{FailedCheck, Kind, Problem};
use crate::kernel::shape::without_sure_tokens;
use crate::kernel::sparing::Sparing;

impl IntoResponse for Problem {
    /// Only carries the problem to the surface layer, which knows the words of its surface and the request
    /// id.
    fn into_response(self) -> Response {
        let mut response = StatusCode::INTERNAL_SERVER_ERROR.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// Platform status and code (§1.5), SCIM status and default `scimType` (RFC 7644 §3.12).
fn row(kind: Kind) -> (u16, &'static str, u16, Option<&'static str>) {
    match kind {
        Kind::Invalid => (400, "INVALID_REQUEST", 400, None),
        Kind::InvalidArgument => (400, "INVALID_ARGUMENT", 400, Some("invalidValue")),
        Kind::Fields => (400, "INVALID_REQUEST", 400, Some("invalidValue")),
        Kind::Duplicate => (400, "DUPLICATE_FIELD", 409, Some("uniqueness")),
        Kind::NotFound => (404, "ENTITY_NOT_FOUND", 404, None),
        Kind::NoSuchResource => (400, "RESOURCE_NOT_FOUND_EXCEPTION", 404, None),
        Kind::ResourceNotFound => (404, "RESOURCE_NOT_FOUND", 404, None),
        Kind::Unauthenticated => (401, "INVALID_TOKEN", 401, None),
        Kind::Denied => (403, "NG_ACCESS_DENIED", 403, None),
        Kind::NotAuthorized => (400, "USER_NOT_AUTHORIZED", 403, None),
        Kind::Gone => (410, "GONE", 410, None),
        Kind::Stale => (412, "INVALID_REQUEST", 412, None),
        Kind::Conflict => (400, "INVALID_REQUEST", 409, None),
        Kind::Slow => (408, "INVALID_REQUEST", 408, None),
        Kind::TooLarge => (413, "INVALID_REQUEST", 413, None),
        Kind::UriTooLong => (414, "INVALID_REQUEST", 414, None),
        Kind::MediaType => (415, "MEDIA_NOT_SUPPORTED", 415, None),
        Kind::Method => (405, "RESOURCE_NOT_FOUND_EXCEPTION", 405, None),
        Kind::HeadTooLarge => (431, "INVALID_REQUEST", 431, None),
        Kind::TooMany => (429, "TOO_MANY_REQUESTS", 429, None),
        Kind::Unavailable | Kind::Outdated => (503, "SERVICE_UNAVAILABLE", 503, None),
        Kind::NotImplemented => (501, "INVALID_REQUEST", 501, None),
        Kind::Internal => (500, "UNKNOWN_ERROR", 500, None),
    }
}

/// The codes of RFC 6749 §5.2 that a problem may carry.
const OAUTH_CODES: [&str; 6] = [
    "invalid_request",
    "invalid_client",
    "invalid_grant",
    "unauthorized_client",
    "unsupported_grant_type",
    "invalid_scope",
];

/// Why a credential was refused that came in another way than as `Authorization: Bearer`.
pub const NO_BEARER: &str = "no_bearer";
/// Why a request is refused whose client put the word before a field that has it.
pub const BEARER_TWICE: &str = "bearer_twice";

/// Why a token is refused that holds and is for another surface.
pub const OTHER_SURFACE: &str = "other_surface";

/// Media type of the platform API's answers.
pub(super) const PLATFORM_MEDIA: &str = "application/json";
/// Media type of SCIM answers (RFC 7644 §8.1).
pub(super) const SCIM_MEDIA: &str = "application/scim+json";

/// The platform API's form.
pub fn platform(problem: &Problem, request_id: &str) -> Response {
    let (status, body) = platform_body(problem, request_id);
    let mut response = finish(problem, status, PLATFORM_MEDIA, &body, request_id);
    // RFC 9110 §15.5.2 wants one. Besides x-api-key, which no registered scheme stands for, it is taken.
    if status == 401 || is_elsewhere(problem) {
        challenge(problem, &mut response);
    }
    response
}

/// Status and body of the platform API's form.
pub(super) fn platform_body(problem: &Problem, request_id: &str) -> (u16, Value) {
    let (status, code, ..) = row(problem.kind());
    let message = problem.message();
    let fields = problem.broken_fields();
    let failure =
        matches!(problem.kind(), Kind::Fields | Kind::NoSuchResource | Kind::Method | Kind::MediaType);
    let mut body = if failure {
        let list: Vec<_> =
            fields.iter().map(|(field, error)| json!({"fieldId": field, "error": error})).collect();
        let errors = if list.is_empty() { Value::Null } else { Value::from(list) };
        json!({"status": "FAILURE", "code": code, "message": message, "correlationId": request_id, "errors": errors})
    } else {
        let lead = json!({"code": code, "level": "ERROR", "message": message, "exception": null, "failureTypes": []});
        json!({
            "status": "ERROR", "code": code, "message": message, "correlationId": request_id,
            "detailedMessage": null, "responseMessages": [lead], "metadata": null
        })
    };
    if problem.kind() == Kind::Denied {
        let checks: Vec<_> = problem.failed_checks().iter().map(failed_check).collect();
        body["failedPermissionChecks"] = Value::from(checks);
    }
    if let Some(reason) = problem.code_text() {
        body["reason"] = Value::from(reason);
    }
    (status, body)
}

fn failed_check(check: &FailedCheck) -> Value {
    let (scope, resource) = (&check.scope, check.resource.as_deref().map(without_sure_tokens));
    json!({
        "resourceScope": {
            "accountIdentifier": scope.account, "orgIdentifier": scope.org(), "projectIdentifier": scope.project_id()
        },
        "resourceType": check.resource_type, "resourceAttributes": null, "resourceIdentifier": resource,
        "permission": check.permission
    })
}

/// The SCIM form (RFC 7644 §3.12): `status` is a string, `detail` ends with the request id.
pub fn scim(problem: &Problem, request_id: &str) -> Response {
    let (status, body) = scim_body(problem, request_id);
    let mut response = finish(problem, status, SCIM_MEDIA, &body, request_id);
    if status == 401 || is_elsewhere(problem) {
        challenge(problem, &mut response);
    }
    response
}

/// Does the token hold, and open something else?
fn is_elsewhere(problem: &Problem) -> bool {
    problem.code_text() == Some(OTHER_SURFACE)
}

/// How to authenticate, and what is wrong with the token, if one came (RFC 6750 §3).
fn challenge(problem: &Problem, response: &mut Response) {
    let challenge = match (problem.code_text(), problem.inside_text()) {
        _ if is_elsewhere(problem) => "Bearer error=\"insufficient_scope\"".to_owned(),
        (Some(code), _) => format!("Bearer error=\"invalid_token\", error_description=\"{code}\""),
        // Nobody has looked at the token.
        (None, Some(reason)) if reason != NO_BEARER => "Bearer error=\"invalid_token\"".to_owned(),
        _ => "Bearer realm=\"muster\"".to_owned(),
    };
    if let Ok(value) = HeaderValue::from_str(&challenge) {
        response.headers_mut().insert(header::WWW_AUTHENTICATE, value);
    }
}

/// The token endpoint's form (RFC 6749 §5.2); the description ends with the request id.
pub fn oauth(problem: &Problem, request_id: &str) -> Response {
    let (_, _, status, _) = row(problem.kind());
    let code = problem.code_text().filter(|code| OAUTH_CODES.contains(code)).unwrap_or(match status {
        401 => "invalid_client",
        429 | 503 => "temporarily_unavailable",
        500 => "server_error",
        _ => "invalid_request",
    });
    // The characters that §5.2 allows in a description.
    let plain = |c: char| match c {
        '"' => '\'',
        ' '..='~' if c != '\\' => c,
        _ => '?',
    };
    let text: String = format!("{} (request {request_id})", problem.message()).chars().map(plain).collect();
    let body = json!({"error": code, "error_description": text});
    let mut response = finish(problem, status, PLATFORM_MEDIA, &body, request_id);
    let headers = response.headers_mut();
    headers.insert(header::PRAGMA, HeaderValue::from_static("no-cache"));
    if status == 401 {
        headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"muster\""));
    }
    response
}

/// Status and SCIM form of a problem that is part of an answer: an operation of a bulk request.
pub fn scim_part(problem: &Problem, request_id: &str) -> (u16, Value) {
    note(problem, request_id);
    scim_body(problem, request_id)
}

/// The log sees the cause.
fn note(problem: &Problem, request_id: &str) {
    if let Some(cause) = problem.cause() {
        static FAILED: Sparing = Sparing::unspent();
        FAILED.tell(|left_out| tracing::error!(request_id, cause, left_out, "a request failed"));
    }
}

/// What to change where a permission is missing: the message is the reference's and does not say it. Who
/// lacks what he gives to others is told something else.
fn remedy(problem: &Problem) -> &'static str {
    if problem.kind() == Kind::Denied && problem.message().contains(" : Missing permission ") {
        ": bind a role that holds it, such as _scim_provisioner, to it at the account"
    } else {
        ""
    }
}

/// Status and body of the SCIM form.
pub(super) fn scim_body(problem: &Problem, request_id: &str) -> (u16, Value) {
    let (_, _, status, default_type) = row(problem.kind());
    let detail = format!("{}{} (request {request_id})", problem.message(), remedy(problem));
    let mut body = json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"], "status": status.to_string(), "detail": detail
    });
    let scim_types = matches!(status, 400 | 409);
    if let Some(scim_type) = problem.code_text().filter(|_| scim_types).or(default_type) {
        body["scimType"] = Value::from(scim_type);
    }
    if let Some(code) = problem.code_text().filter(|_| !scim_types) {
        body["code"] = Value::from(code);
    }
    (status, body)
}

fn finish(problem: &Problem, status: u16, media: &'static str, body: &Value, request_id: &str) -> Response {
    note(problem, request_id);
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = (status, body.to_string()).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media));
    if let Some(secs) = problem.retry_after_secs() {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(secs));
    }
    response
}
