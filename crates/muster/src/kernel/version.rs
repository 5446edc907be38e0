//! Optimistic concurrency: the version a client saw, against the one that is stored.

use std::fmt;

use super::problem::{Kind, Problem, Result};
use super::time::Timestamp;

/// The entity tag of what can be deleted and made again under its name: with when it was made, since it then
/// begins with version 1 again, and a tag never comes back (RFC 9110 §8.8.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tag {
    /// When it was made.
    pub created_at: Timestamp,
    /// From 1, one more with each change.
    pub version: i64,
}

impl Tag {
    /// Of what comes with the product: nobody changes it.
    pub const MANAGED: Self = Self { created_at: Timestamp::from_micros(0), version: 1 };
}

/// In a form that fits between quotes.
impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}-{}", self.created_at.micros(), self.version)
    }
}

/// The parts of a header between commas, or another mark; within quotes it separates nothing (RFC 9110 §5.6).
pub fn split(text: &str, mark: char) -> impl Iterator<Item = &str> {
    let mut quoted = false;
    text.split(move |c| {
        quoted ^= c == '"';
        c == mark && !quoted
    })
}

/// What a change demands of the stored version (RFC 9110 §13.1.1): nothing, any, or one of a list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IfMatch(Option<Vec<String>>);

impl IfMatch {
    /// Reads the header's text: a list of entity tags, quoted or bare (the reference's clients send both), or
    /// `*`. `None`: the header was not sent.
    pub fn read(header: Option<&str>) -> Self {
        Self(header.map(|text| split(text, ',').map(|tag| tag.trim().to_owned()).collect()))
    }

    /// Does the demand hold for this version?
    ///
    /// # Errors
    /// `Stale`, naming both.
    pub fn check(&self, version: impl fmt::Display) -> Result<()> {
        let Some(tags) = &self.0 else { return Ok(()) };
        let stored = version.to_string();
        let bare = |tag: &str| tag.strip_prefix("W/").unwrap_or(tag).trim_matches('"').to_owned();
        if tags.iter().any(|tag| tag == "*" || bare(tag) == stored) {
            return Ok(());
        }
        let named = tags.join(", ");
        let named = if named.is_empty() { "no version" } else { &named };
        let text = format!(
            "If-Match names {named} but version \"{stored}\" is stored: read it again, apply your change to that, and send its ETag"
        );
        Err(Problem::new(Kind::Stale, text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holds_for_nothing_asked_any_and_the_same_version() {
        for good in [None, Some("*"), Some("\"7\""), Some("7"), Some("W/\"7\""), Some("\"1\", \"7\"")] {
            assert!(IfMatch::read(good).check(7).is_ok(), "{good:?}");
        }
    }

    #[test]
    fn another_version_is_stale() {
        for bad in ["\"6\"", "", "\"\"", "x", "77", "\"a,*,b\"", "\"a,7,b\"", "07"] {
            assert_eq!(IfMatch::read(Some(bad)).check(7).unwrap_err().kind(), Kind::Stale, "{bad:?}");
        }
        let empty = IfMatch::read(Some("")).check(7).unwrap_err();
        assert!(empty.message().starts_with("If-Match names no version but version \"7\" is stored"));
    }
}
