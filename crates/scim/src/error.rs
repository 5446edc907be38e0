//! The one error of the core: an HTTP status, the `scimType` of RFC 7644 §3.12 and a sentence.
//! It never carries a value that must stay secret (no password is quoted in `detail`).

use std::fmt;

use serde_json::{Value, json};

/// URN of the error message (RFC 7644 §3.12).
pub const ERROR_URN: &str = "urn:ietf:params:scim:api:messages:2.0:Error";

/// Detail error keyword (RFC 7644 table 9, RFC 9865 §2.1), of those that the core says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScimType {
    /// The filter's syntax is wrong, or it names an attribute or comparison that is not supported.
    InvalidFilter,
    /// A value is already in use (status 409).
    Uniqueness,
    /// The change is not compatible with the attribute's mutability.
    Mutability,
    /// The body's structure is wrong or does not follow the schema.
    InvalidSyntax,
    /// The `path` of a PATCH operation is wrong.
    InvalidPath,
    /// The `path` did not yield anything that could be operated on.
    NoTarget,
    /// A required value is missing, or a value is not compatible with the attribute's type.
    InvalidValue,
    /// The cursor is not one this server made for this query.
    InvalidCursor,
    /// The cursor was valid once.
    ExpiredCursor,
    /// The count is out of range for cursor paging.
    InvalidCount,
}

impl ScimType {
    /// The keyword as it stands on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InvalidFilter => "invalidFilter",
            Self::Uniqueness => "uniqueness",
            Self::Mutability => "mutability",
            Self::InvalidSyntax => "invalidSyntax",
            Self::InvalidPath => "invalidPath",
            Self::NoTarget => "noTarget",
            Self::InvalidValue => "invalidValue",
            Self::InvalidCursor => "invalidCursor",
            Self::ExpiredCursor => "expiredCursor",
            Self::InvalidCount => "invalidCount",
        }
    }
}

/// Longest detail, in bytes: a name the client made up may be as long as its body.
const MAX_DETAIL: usize = 600;

fn bounded(mut detail: String) -> String {
    if detail.len() > MAX_DETAIL {
        detail.truncate(detail.floor_char_boundary(MAX_DETAIL));
        detail.push('…');
    }
    detail
}

/// A refusal: what status to answer, which keyword, and what is wrong and what to change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScimError {
    /// HTTP status.
    pub status: u16,
    /// Detail keyword, where RFC 7644 knows one.
    pub scim_type: Option<ScimType>,
    /// One or two sentences for a human reader.
    pub detail: String,
}

macro_rules! bad_request {
    ($($name:ident => $kind:ident),+ $(,)?) => {$(
        #[doc = concat!("Status 400 with `", stringify!($kind), "`.")]
        pub fn $name(detail: impl Into<String>) -> Self {
            Self { status: 400, scim_type: Some(ScimType::$kind), detail: bounded(detail.into()) }
        }
    )+};
}

impl ScimError {
    bad_request! {
        invalid_filter => InvalidFilter,
        mutability => Mutability,
        invalid_syntax => InvalidSyntax,
        invalid_path => InvalidPath,
        no_target => NoTarget,
        invalid_value => InvalidValue,
        invalid_cursor => InvalidCursor,
        expired_cursor => ExpiredCursor,
        invalid_count => InvalidCount,
    }

    /// An error without a keyword, for statuses such as 401, 404, 413 or 500.
    pub fn plain(status: u16, detail: impl Into<String>) -> Self {
        Self { status, scim_type: None, detail: detail.into() }
    }

    /// Status 409 with `uniqueness`.
    pub fn uniqueness(detail: impl Into<String>) -> Self {
        Self { status: 409, scim_type: Some(ScimType::Uniqueness), detail: detail.into() }
    }

    /// The body of RFC 7644 §3.12; `status` is a string there.
    pub fn to_json(&self) -> Value {
        let mut body = json!({ "schemas": [ERROR_URN], "status": self.status.to_string() });
        if let Some(kind) = self.scim_type {
            body["scimType"] = Value::from(kind.as_str());
        }
        body["detail"] = Value::from(self.detail.as_str());
        body
    }
}

impl fmt::Display for ScimError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.scim_type {
            Some(kind) => write!(f, "{} {}: {}", self.status, kind.as_str(), self.detail),
            None => write!(f, "{}: {}", self.status, self.detail),
        }
    }
}

impl std::error::Error for ScimError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn h_4_error_body_has_status_as_a_string() {
        let body = ScimError::uniqueness("taken").to_json();
        assert_eq!(
            body,
            json!({"schemas": [ERROR_URN], "status": "409", "scimType": "uniqueness", "detail": "taken"})
        );
        assert_eq!(ScimError::plain(404, "none").to_json().get("scimType"), None);
    }

    #[test]
    fn details_are_bounded() {
        let long = ScimError::invalid_path("ä".repeat(5000)).detail;
        assert!(long.len() < MAX_DETAIL + 4 && long.ends_with("ä…"));
    }
}
