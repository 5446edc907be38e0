//! The one error of actions. Every surface (platform API, SCIM, CLI) renders the same `Problem` in its own
//! words.
//!
//! A message says what is wrong and what to change; the request id is added where it is rendered.

use std::any::Any;
use std::borrow::Cow;

use super::scope::Scope;
use super::shape::without_sure_tokens;

/// What went wrong, as far as a client can act on it. `web::error` maps each to one status and code a
/// surface.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The request is malformed or asks the impossible. Platform: 400 `INVALID_REQUEST`.
    Invalid,
    /// A well-formed request names a thing or value that cannot be. Platform: 400 `INVALID_ARGUMENT`.
    InvalidArgument,
    /// Fields of the body break their rules (see `Problem::fields`). Platform: 400, failure form.
    Fields,
    /// A unique value is taken. Platform: 400 `DUPLICATE_FIELD`; SCIM: 409 `uniqueness`.
    Duplicate,
    /// The thing is not there, or not visible. Platform: 404 `ENTITY_NOT_FOUND`; SCIM: 404.
    NotFound,
    /// As `NotFound`, where the reference answers 400 `RESOURCE_NOT_FOUND_EXCEPTION` (platform API §1.5).
    NoSuchResource,
    /// As `NotFound`, where the reference answers 404 `RESOURCE_NOT_FOUND`.
    ResourceNotFound,
    /// No credential, or one that does not hold. 401.
    Unauthenticated,
    /// The principal lacks a permission. 403.
    Denied,
    /// The caller may see none of the kinds asked for. Platform: 400 `USER_NOT_AUTHORIZED`.
    NotAuthorized,
    /// What was asked for is no longer kept, for good. 410.
    Gone,
    /// The version asked for is not the stored one (RFC 7644 §3.14). 412.
    Stale,
    /// The state forbids it (a managed role, the last administrator). Platform: 400 `INVALID_REQUEST`; SCIM:
    /// 409.
    Conflict,
    /// The body did not come within its time; nothing was done. 408.
    Slow,
    /// Body or value over a limit. 413.
    TooLarge,
    /// The URL is too long. 414.
    UriTooLong,
    /// Not a media type we read. 415.
    MediaType,
    /// The path exists, the method does not. 405.
    Method,
    /// Request line and headers over their bounds. 431.
    HeadTooLarge,
    /// Too many requests. 429 with Retry-After.
    TooMany,
    /// Cannot be done now; the same request may work later. 503 with Retry-After.
    Unavailable,
    /// As `Unavailable`, because access in the account changed between the decision and the read, or while
    /// the body came: nothing was done, and the request can be answered from its beginning.
    Outdated,
    /// Known to the standard, not built here. 501.
    NotImplemented,
    /// A defect of ours. 500; the cause goes to the log only.
    Internal,
}

/// A permission that was asked for and not held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailedCheck {
    /// Permission identifier, for example `core_user_view`.
    pub permission: &'static str,
    /// Resource type, for example `USER`.
    pub resource_type: &'static str,
    /// One resource, or none when the whole type was asked for.
    pub resource: Option<String>,
    /// Where.
    pub scope: Scope,
}

/// What administrators are told of a request that was refused because access in the account changed while it
/// was under way.
pub const ACCESS_CHANGED: &str = "access_changed";

/// Most fields that one answer names: a body can have any number of them.
pub const MOST_FIELDS: usize = 32;
/// Most bytes of a text: what the client sent stands in it, and can be of any length.
const MOST_TEXT: usize = 2_048;

/// What an action answers when it does not succeed.
#[derive(Clone, Debug)]
pub struct Problem(Box<Body>);

#[derive(Clone, Debug)]
struct Body {
    kind: Kind,
    message: Cow<'static, str>,
    code: Option<&'static str>,
    fields: Vec<(String, String)>,
    failed: Vec<FailedCheck>,
    retry_after_secs: Option<u32>,
    cause: Option<String>,
    inside: Option<String>,
}

/// Short for the result of actions.
pub type Result<T> = std::result::Result<T, Problem>;

/// A text as it may be told. What the client sent stands in it, and may be a token in the place of an
/// identifier; logs and screens that show the answer are not to have it.
fn told(text: Cow<'static, str>) -> Cow<'static, str> {
    clipped(match without_sure_tokens(&text) {
        Cow::Owned(told) => told.into(),
        Cow::Borrowed(_) => text,
    })
}

/// A text that is too long without its middle: the ends say where it is wrong and what to change.
fn clipped(text: Cow<'static, str>) -> Cow<'static, str> {
    if text.len() <= MOST_TEXT {
        return text;
    }
    let head = text.floor_char_boundary(MOST_TEXT / 2);
    let tail = text.ceil_char_boundary(text.len() - MOST_TEXT / 2);
    format!("{}…{}", &text[..head], &text[tail..]).into()
}

impl Problem {
    /// Any kind with a message.
    pub fn new(kind: Kind, message: impl Into<Cow<'static, str>>) -> Self {
        Self(Box::new(Body {
            kind,
            message: told(message.into()),
            code: None,
            fields: Vec::new(),
            failed: Vec::new(),
            retry_after_secs: None,
            cause: None,
            inside: None,
        }))
    }
    /// `Kind::Invalid`.
    pub fn invalid(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Kind::Invalid, message)
    }
    /// `Kind::InvalidArgument`.
    pub fn argument(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Kind::InvalidArgument, message)
    }
    /// `Kind::Duplicate`.
    pub fn duplicate(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Kind::Duplicate, message)
    }
    /// `Kind::NotFound`.
    pub fn not_found(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Kind::NotFound, message)
    }
    /// `Kind::Fields`: (field, what is wrong) pairs, of which so many are told.
    pub fn fields(mut fields: Vec<(String, String)>) -> Self {
        fields.truncate(MOST_FIELDS);
        for text in fields.iter_mut().flat_map(|(field, error)| [field, error]) {
            *text = told(std::mem::take(text).into()).into_owned();
        }
        let text = fields.iter().map(|(f, e)| format!("{f}: {e}")).collect::<Vec<_>>().join(", ");
        let mut problem = Self::new(Kind::Fields, "");
        // Each part is short already, and every one of them is told.
        problem.0.message = text.into();
        problem.0.fields = fields;
        problem
    }
    /// The same problem where a body calls its members otherwise: each part of their names, and what stands
    /// there for it.
    #[must_use]
    pub fn renamed(self, names: &[(&str, &str)]) -> Self {
        let other = |text: String| names.iter().fold(text, |text, (from, to)| text.replace(from, to));
        if self.kind() != Kind::Fields {
            let text = other(self.message().to_owned());
            return self.reworded(text);
        }
        Self::fields(self.0.fields.into_iter().map(|(field, error)| (other(field), error)).collect())
    }
    /// `Kind::Denied` for one permission. `who` is the principal as messages show it.
    pub fn denied(who: &str, check: FailedCheck) -> Self {
        let named = check.resource.as_ref().filter(|id| !id.is_empty());
        let of = named.map(|id| format!(" with identifier {id}")).unwrap_or_default();
        let what = check.resource_type.to_lowercase();
        let message = format!("{who} : Missing permission {} on {what}{of}", check.permission);
        let mut problem = Self::new(Kind::Denied, message);
        problem.0.failed.push(check);
        problem
    }
    /// The same problem in other words.
    #[must_use]
    pub fn reworded(mut self, message: impl Into<Cow<'static, str>>) -> Self {
        self.0.message = told(message.into());
        self
    }
    /// `Kind::Internal`: the client sees a fixed text, the log sees the cause.
    pub fn internal(cause: impl Into<String>) -> Self {
        let mut problem = Self::new(
            Kind::Internal,
            "Something went wrong on our side; the request changed nothing. \
            Try again, and give the operator the request id if it stays.",
        );
        problem.0.cause = Some(cause.into());
        problem
    }

    /// As `internal`, for work that panicked; what it says of the reason becomes the cause.
    pub fn panicked(reason: &(dyn Any + Send)) -> Self {
        let text = reason.downcast_ref::<&str>().copied();
        let text = text.or_else(|| reason.downcast_ref::<String>().map(String::as_str));
        Self::internal(format!("panicked: {}", text.unwrap_or("it does not say why")))
    }
    /// Sets the stable machine-readable code: a SCIM `scimType`, or the public code of a refused token.
    #[must_use]
    pub fn code(mut self, code: &'static str) -> Self {
        self.0.code = Some(code);
        self
    }
    /// Seconds after which trying again makes sense.
    #[must_use]
    pub fn retry_after(mut self, secs: u32) -> Self {
        self.0.retry_after_secs = Some(secs);
        self
    }
    /// Sets what the account's administrators may know and the client may not: why a credential was refused.
    #[must_use]
    pub fn inside(mut self, reason: impl Into<String>) -> Self {
        self.0.inside = Some(reason.into());
        self
    }
    /// Which kind.
    pub fn kind(&self) -> Kind {
        self.0.kind
    }
    /// The message for the client.
    pub fn message(&self) -> &str {
        &self.0.message
    }
    /// The stable code, if one was set.
    pub fn code_text(&self) -> Option<&'static str> {
        self.0.code
    }
    /// Broken fields.
    pub fn broken_fields(&self) -> &[(String, String)] {
        &self.0.fields
    }
    /// Missing permissions.
    pub fn failed_checks(&self) -> &[FailedCheck] {
        &self.0.failed
    }
    /// Seconds for `Retry-After`.
    pub fn retry_after_secs(&self) -> Option<u32> {
        self.0.retry_after_secs
    }
    /// For the account's administrators only.
    pub fn inside_text(&self) -> Option<&str> {
        self.0.inside.as_deref()
    }
    /// For the log only.
    pub fn cause(&self) -> Option<&str> {
        self.0.cause.as_deref()
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl std::error::Error for Problem {}

impl From<db::Error> for Problem {
    fn from(error: db::Error) -> Self {
        match error.kind() {
            // A right that the database's role lacks is the operator's to give back, who finds it in the log.
            db::ErrorKind::Retry
            | db::ErrorKind::Unavailable
            | db::ErrorKind::Timeout
            | db::ErrorKind::Denied => {
                let text = if error.is_locked() {
                    "Somebody else works on what this request changes, and nothing was done: try again shortly."
                } else {
                    "The database cannot take this now; try again shortly."
                };
                let mut problem = Self::new(Kind::Unavailable, text).retry_after(1);
                problem.0.cause = Some(error.to_string());
                problem
            }
            // Without a time for the next try: who repeats it by himself may do it twice.
            db::ErrorKind::Unknown => {
                let text = "The database did not say whether the request was done: look whether it took effect \
                    before sending it again.";
                let mut problem = Self::new(Kind::Unavailable, text);
                problem.0.cause = Some(error.to_string());
                problem
            }
            db::ErrorKind::BadText => {
                Self::invalid("A text of the request holds a NUL character (U+0000): remove it.")
            }
            _ => Self::internal(error.to_string()),
        }
    }
}

impl From<scim::ScimError> for Problem {
    /// The SCIM core's refusals keep their `scimType` (RFC 7644 §3.12) as the code.
    fn from(error: scim::ScimError) -> Self {
        let kind = match error.status {
            404 => Kind::NotFound,
            409 if error.scim_type.is_some() => Kind::Duplicate,
            409 => Kind::Conflict,
            412 => Kind::Stale,
            413 => Kind::TooLarge,
            501 => Kind::NotImplemented,
            _ => Kind::Invalid,
        };
        let problem = Self::new(kind, error.detail);
        match error.scim_type {
            Some(scim_type) => problem.code(scim_type.as_str()),
            None => problem,
        }
    }
}

#[cfg(test)]
mod tests {
    use db::ErrorKind::{Retry, Unavailable, Unknown};

    use super::*;

    #[test]
    fn a_long_text_keeps_its_ends() {
        let whole = format!("name {:?} is too long: send less", "€".repeat(MOST_TEXT));
        let fields = vec![("a".repeat(MOST_TEXT + 1), whole.clone()), ("b".to_owned(), "stays".to_owned())];
        let field = Problem::fields(fields);
        let texts = [
            Problem::invalid(whole.clone()).message().to_owned(),
            Problem::invalid("").reworded(whole).message().to_owned(),
            field.broken_fields()[0].1.clone(),
        ];
        for text in texts {
            assert!(text.len() <= MOST_TEXT + "…".len(), "{}", text.len());
            assert!(text.starts_with("name \"€") && text.ends_with("€\" is too long: send less"), "{text}");
        }
        assert_eq!(field.broken_fields()[0].0, format!("{0}…{0}", "a".repeat(MOST_TEXT / 2)));
        assert!(field.message().ends_with(", b: stays"));
        assert_eq!(Problem::invalid("x".repeat(MOST_TEXT)).message().len(), MOST_TEXT);
    }

    #[test]
    fn what_may_have_been_done_is_not_to_be_repeated_unseen() {
        let told = |kind| Problem::from(db::Error::new(kind, "why"));
        for kind in [Retry, Unavailable] {
            assert_eq!(told(kind).retry_after_secs(), Some(1));
        }
        let locked = Problem::from(db::Error::locked("why"));
        assert_eq!((locked.kind(), locked.retry_after_secs()), (Kind::Unavailable, Some(1)));
        assert!(locked.message().contains("nothing was done"), "{locked}");
        let problem = told(Unknown);
        assert_eq!((problem.kind(), problem.retry_after_secs()), (Kind::Unavailable, None));
        assert!(problem.message().contains("took effect") && problem.cause() == Some("why"), "{problem}");
    }
}
