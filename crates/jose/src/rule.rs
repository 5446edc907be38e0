//! Claim rules: what one claim of a token must say. Typed and exact; nothing is trimmed, folded or coerced.
//!
//! A missing claim, `null`, the empty string and an object never match any rule.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::claims::Claims;
use crate::reason::Reason;
use crate::refusal::{Refusal, Step, quoted};
use crate::value::{Kind, Value};

/// Most stars of a glob.
const MAX_STARS: usize = 4;
/// Most values of `oneOf`.
const MAX_VALUES: usize = 100;

/// What a claim is compared with.
#[derive(Debug, Clone, PartialEq)]
pub enum RuleOp {
    /// Equal in type and value: "1" is not 1, `true` is not "true", a list never equals a string.
    Equals(Json),
    /// Equal to one of these.
    OneOf(Vec<Json>),
    /// A list with an element equal to this.
    Contains(Json),
    /// A string of words between single spaces, one of them this (as OAuth `scope`).
    ContainsWord(String),
    /// A string that the whole pattern matches; `*` stands for any text, at most four times.
    Glob(String),
}

/// One rule on one claim. As JSON: `{"claim": …, "op": "equals", "value": …}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "RuleWire", into = "RuleWire")]
pub struct Rule {
    claim: String,
    /// Set if `claim` is a JSON Pointer.
    path: Option<Vec<String>>,
    op: RuleOp,
}

/// Why a rule cannot match anything or cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RuleError {
    /// The claim's name is empty.
    ClaimEmpty,
    /// A leading `/` starts a JSON Pointer, and this one has a `~` that is neither `~0` nor `~1`.
    PointerInvalid,
    /// The value never matches: null, empty, an object, or of the wrong type for the operation.
    ValueInvalid(&'static str),
    /// The glob has more than four stars.
    TooManyStars,
    /// `oneOf` has more than a hundred values.
    TooManyValues,
}

impl fmt::Display for RuleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ClaimEmpty => f.write_str("the rule names no claim; name one"),
            Self::PointerInvalid => f.write_str(
                "the claim starts with / and is no JSON Pointer; write ~0 for ~ and ~1 for / inside a name",
            ),
            Self::ValueInvalid(want) => write!(f, "the value of the rule can never match; use {want}"),
            Self::TooManyStars => write!(f, "the pattern has more than {MAX_STARS} stars; use fewer"),
            Self::TooManyValues => write!(f, "oneOf has more than {MAX_VALUES} values; use fewer"),
        }
    }
}

impl std::error::Error for RuleError {}

#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RuleWire {
    claim: String,
    op: OpName,
    value: Json,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum OpName {
    Equals,
    OneOf,
    Contains,
    ContainsWord,
    Glob,
}

impl TryFrom<RuleWire> for Rule {
    type Error = RuleError;

    fn try_from(wire: RuleWire) -> Result<Self, RuleError> {
        let text = |value: Json| match value {
            Json::String(text) => Ok(text),
            _ => Err(RuleError::ValueInvalid("a string")),
        };
        let op = match wire.op {
            OpName::Equals => RuleOp::Equals(wire.value),
            OpName::OneOf => match wire.value {
                Json::Array(values) => RuleOp::OneOf(values),
                _ => return Err(RuleError::ValueInvalid("a list of values")),
            },
            OpName::Contains => RuleOp::Contains(wire.value),
            OpName::ContainsWord => RuleOp::ContainsWord(text(wire.value)?),
            OpName::Glob => RuleOp::Glob(text(wire.value)?),
        };
        Self::new(wire.claim, op)
    }
}

impl From<Rule> for RuleWire {
    fn from(rule: Rule) -> Self {
        let (op, value) = match rule.op {
            RuleOp::Equals(value) => (OpName::Equals, value),
            RuleOp::OneOf(values) => (OpName::OneOf, Json::Array(values)),
            RuleOp::Contains(value) => (OpName::Contains, value),
            RuleOp::ContainsWord(word) => (OpName::ContainsWord, Json::String(word)),
            RuleOp::Glob(pattern) => (OpName::Glob, Json::String(pattern)),
        };
        Self { claim: rule.claim, op, value }
    }
}

impl Rule {
    /// A rule that some claim could match.
    ///
    /// # Errors
    /// [`RuleError`] for a name that is empty or a broken JSON Pointer, and for a value that never matches.
    pub fn new(claim: impl Into<String>, op: RuleOp) -> Result<Self, RuleError> {
        let claim = claim.into();
        if claim.is_empty() {
            return Err(RuleError::ClaimEmpty);
        }
        let path = claim.strip_prefix('/').map(parse_pointer).transpose()?;
        check_op(&op)?;
        Ok(Self { claim, path, op })
    }

    /// The claim: a literal member name, or with a leading `/` a JSON Pointer (RFC 6901).
    pub fn claim(&self) -> &str {
        &self.claim
    }

    /// What the claim is compared with.
    pub fn op(&self) -> &RuleOp {
        &self.op
    }

    /// Whether the claims meet the rule.
    pub fn matches(&self, claims: &Claims) -> bool {
        self.find(claims).is_some_and(|value| self.op.accepts(value))
    }

    fn find<'c>(&self, claims: &'c Claims) -> Option<Value<'c>> {
        match &self.path {
            Some(path) => claims.root().follow(path),
            None => claims.get(&self.claim),
        }
    }

    pub(crate) fn check(&self, claims: &Claims) -> Result<(), Refusal> {
        let found = self.find(claims);
        if found.is_some_and(|value| self.op.accepts(value)) {
            return Ok(());
        }
        let reason = if found.is_some() { Reason::RuleMismatch } else { Reason::RuleClaimMissing };
        let refusal = Refusal::new(Step::Rules, reason).expected(self.to_string());
        Err(match found {
            Some(value) => refusal.received(shown(value)).hint_if(self.op.hint(value)),
            None => refusal.received("no such claim").hint_if(self.missing_hint(claims)),
        })
    }

    fn missing_hint(&self, claims: &Claims) -> Option<String> {
        if self.path.is_some() {
            return Some("a leading / makes the name a JSON Pointer".to_owned());
        }
        let other =
            claims.iter().map(|(name, _)| name).find(|name| name.eq_ignore_ascii_case(&self.claim))?;
        Some(format!("the token has {}: names are case-sensitive", quoted(other)))
    }
}

/// As in an explanation: `"sub" equals "x"`.
impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (op, value) = match &self.op {
            RuleOp::Equals(value) => ("equals", value.to_string()),
            RuleOp::OneOf(values) => ("is one of", Json::Array(values.clone()).to_string()),
            RuleOp::Contains(value) => ("contains", value.to_string()),
            RuleOp::ContainsWord(word) => ("contains the word", format!("{word:?}")),
            RuleOp::Glob(pattern) => ("matches", format!("{pattern:?}")),
        };
        write!(f, "{:?} {op} {value}", self.claim)
    }
}

impl RuleOp {
    fn accepts(&self, value: Value<'_>) -> bool {
        match self {
            Self::Equals(wanted) => equal(value, wanted),
            Self::OneOf(wanted) => wanted.iter().any(|wanted| equal(value, wanted)),
            Self::Contains(wanted) => value.elements().any(|element| equal(element, wanted)),
            Self::ContainsWord(word) => {
                value.as_str().is_some_and(|text| text.split(' ').any(|found| found == word))
            }
            Self::Glob(pattern) => value.as_str().is_some_and(|text| glob(pattern, text)),
        }
    }

    /// What about a claim of the right name is wrong, in words an administrator can act on.
    fn hint(&self, value: Value<'_>) -> Option<String> {
        let wanted = match self {
            Self::Equals(wanted) => wanted,
            Self::Contains(_) if value.kind() == Kind::String => {
                return Some("the claim is a string, not a list; use equals or containsWord".to_owned());
            }
            Self::ContainsWord(_) | Self::Glob(_) if value.kind() != Kind::String => {
                return Some(format!("the claim is of type {}, not string", value.kind().word()));
            }
            _ => return None,
        };
        match (value.kind(), wanted) {
            (Kind::Array, Json::String(_) | Json::Number(_) | Json::Bool(_)) => {
                Some("the claim is a list; use contains".to_owned())
            }
            (Kind::String, Json::String(wanted)) => difference(wanted, value.as_str()?).map(str::to_owned),
            (kind, wanted) if kind.word() != word(wanted) => {
                Some(format!("the claim is of type {}, not {}", kind.word(), word(wanted)))
            }
            _ => None,
        }
    }
}

/// How two texts that should be equal differ, where it is one of the usual mistakes.
pub(crate) fn difference(wanted: &str, received: &str) -> Option<&'static str> {
    let slash = |a: &str, b: &str| a.strip_suffix('/') == Some(b);
    if slash(wanted, received) || slash(received, wanted) {
        Some("differs by a trailing slash")
    } else if wanted.trim() == received.trim() {
        Some("differs by white space around it")
    } else if wanted.to_lowercase() == received.to_lowercase() {
        Some("differs by upper and lower case")
    } else if wanted.split_once("://").map(|parts| parts.1) == received.split_once("://").map(|parts| parts.1)
        && wanted.contains("://")
    {
        Some("differs by http and https")
    } else {
        None
    }
}

fn word(value: &Json) -> &'static str {
    match value {
        Json::Null => Kind::Null.word(),
        Json::Bool(_) => Kind::True.word(),
        Json::Number(_) => Kind::Number.word(),
        Json::String(_) => Kind::String.word(),
        Json::Array(_) => Kind::Array.word(),
        Json::Object(_) => Kind::Object.word(),
    }
}

fn shown(value: Value<'_>) -> String {
    if let Some(text) = value.as_str() {
        return quoted(text);
    }
    let text = value.to_string();
    if text.chars().count() <= 120 { text } else { quoted(&text) }
}

/// An empty text or list is never wanted: `check_op` takes none.
fn equal(value: Value<'_>, wanted: &Json) -> bool {
    match wanted {
        Json::String(wanted) => value.as_str() == Some(wanted),
        Json::Bool(wanted) => value.as_bool() == Some(*wanted),
        Json::Number(wanted) => value.number_text().is_some_and(|text| number_equal(text, wanted)),
        Json::Array(wanted) => {
            value.kind() == Kind::Array
                && value.elements().count() == wanted.len()
                && value.elements().zip(wanted).all(|(element, wanted)| equal(element, wanted))
        }
        Json::Null | Json::Object(_) => false,
    }
}

/// Integers by value, others as the doubles of one parser; an integer never equals a number with a fraction
/// or an exponent.
fn number_equal(text: &str, wanted: &serde_json::Number) -> bool {
    match wanted.as_i128() {
        Some(wanted) => text.parse::<i128>().is_ok_and(|number| number == wanted),
        None => {
            text.contains(['.', 'e', 'E'])
                && text.parse::<serde_json::Number>().is_ok_and(|number| number == *wanted)
        }
    }
}

/// Matches the whole of `text`; linear, since each part is searched once from where the last one ended.
fn glob(pattern: &str, text: &str) -> bool {
    if text.is_empty() {
        return false;
    }
    let Some((prefix, rest)) = pattern.split_once('*') else { return pattern == text };
    let Some(mut text) = text.strip_prefix(prefix) else { return false };
    let (middle, suffix) =
        rest.rsplit_once('*').map_or((None, rest), |(middle, suffix)| (Some(middle), suffix));
    for part in middle.into_iter().flat_map(|middle| middle.split('*')) {
        match text.find(part) {
            Some(at) => text = &text[at + part.len()..],
            None => return false,
        }
    }
    text.ends_with(suffix)
}

fn parse_pointer(pointer: &str) -> Result<Vec<String>, RuleError> {
    pointer.split('/').map(unescape_pointer).collect()
}

fn unescape_pointer(token: &str) -> Result<String, RuleError> {
    let mut parts = token.split('~');
    let mut name = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (escaped, rest) = match part.as_bytes().first() {
            Some(b'0') => ('~', &part[1..]),
            Some(b'1') => ('/', &part[1..]),
            _ => return Err(RuleError::PointerInvalid),
        };
        name.push(escaped);
        name.push_str(rest);
    }
    Ok(name)
}

fn check_op(op: &RuleOp) -> Result<(), RuleError> {
    const SCALAR: RuleError = RuleError::ValueInvalid("a string that is not empty, a number or a boolean");
    match op {
        RuleOp::Equals(Json::Array(values)) if !values.is_empty() && values.iter().all(is_scalar) => Ok(()),
        RuleOp::Equals(value) | RuleOp::Contains(value) => is_scalar(value).then_some(()).ok_or(SCALAR),
        RuleOp::OneOf(values) if values.len() > MAX_VALUES => Err(RuleError::TooManyValues),
        RuleOp::OneOf(values) => {
            (!values.is_empty() && values.iter().all(is_scalar)).then_some(()).ok_or(SCALAR)
        }
        RuleOp::ContainsWord(word) if word.is_empty() || word.contains(' ') => {
            Err(RuleError::ValueInvalid("one word without spaces"))
        }
        RuleOp::Glob(pattern) if pattern.is_empty() => Err(RuleError::ValueInvalid("a pattern")),
        RuleOp::Glob(pattern) if pattern.matches('*').count() > MAX_STARS => Err(RuleError::TooManyStars),
        RuleOp::ContainsWord(_) | RuleOp::Glob(_) => Ok(()),
    }
}

fn is_scalar(value: &Json) -> bool {
    match value {
        Json::String(text) => !text.is_empty(),
        Json::Number(_) | Json::Bool(_) => true,
        Json::Null | Json::Array(_) | Json::Object(_) => false,
    }
}
