//! Why a token was refused: the step, the stable reason, what was wanted and what came.
//!
//! A refusal never holds the signature or a whole token.

use std::fmt;

use serde::{Serialize, Serializer};

use crate::reason::{Code, Reason};

/// The twenty steps of the verification, cheap first. This crate takes 1 to 18 (of 18, replay, only that a
/// `jti` is there); the server takes the rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Step {
    /// One `Authorization` header with a token of at most 16 KiB.
    Envelope = 1,
    /// Only base64url characters and exactly two dots.
    Structure,
    /// A signature is there.
    Signed,
    /// Strict base64url.
    Encoding,
    /// The header is one strict JSON object.
    Header,
    /// `alg` is known and allowed.
    Algorithm,
    /// No header parameter that changes how the token is read.
    Extensions,
    /// `typ` names a JWT.
    Type,
    /// Keys the token brings along are ignored.
    EmbeddedKeys,
    /// `kid` finds a key.
    KeyId,
    /// The key may verify this algorithm.
    KeyPolicy,
    /// The signature verifies over the received bytes.
    Signature,
    /// The claims are one strict JSON object.
    Claims,
    /// `iss` is the wanted one.
    Issuer,
    /// `aud` holds a wanted one.
    Audience,
    /// `exp`, `nbf`, `iat` and the lifetime.
    Time,
    /// The claim rules of the trust.
    Rules,
    /// The token was not seen before.
    Replay,
    /// The service account exists and is enabled.
    ServiceAccount,
    /// The role allows the operation.
    Permission,
}

impl Step {
    /// All steps in order.
    pub const ALL: [Self; 20] = [
        Self::Envelope,
        Self::Structure,
        Self::Signed,
        Self::Encoding,
        Self::Header,
        Self::Algorithm,
        Self::Extensions,
        Self::Type,
        Self::EmbeddedKeys,
        Self::KeyId,
        Self::KeyPolicy,
        Self::Signature,
        Self::Claims,
        Self::Issuer,
        Self::Audience,
        Self::Time,
        Self::Rules,
        Self::Replay,
        Self::ServiceAccount,
        Self::Permission,
    ];

    /// 1 to 20.
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// The stable name, as JSON has it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Envelope => "envelope",
            Self::Structure => "structure",
            Self::Signed => "signed",
            Self::Encoding => "encoding",
            Self::Header => "header",
            Self::Algorithm => "algorithm",
            Self::Extensions => "extensions",
            Self::Type => "type",
            Self::EmbeddedKeys => "embeddedKeys",
            Self::KeyId => "keyId",
            Self::KeyPolicy => "keyPolicy",
            Self::Signature => "signature",
            Self::Claims => "claims",
            Self::Issuer => "issuer",
            Self::Audience => "audience",
            Self::Time => "time",
            Self::Rules => "rules",
            Self::Replay => "replay",
            Self::ServiceAccount => "serviceAccount",
            Self::Permission => "permission",
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Serialize for Step {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// A refused token: where, why, and what to change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Refusal {
    /// The step that failed.
    pub step: Step,
    /// The stable reason, for administrators.
    pub reason: Reason,
    /// What the step wanted.
    pub expected: String,
    /// What came, shortened; never the signature or a whole token.
    pub received: String,
    /// What to change, where that can be told.
    pub hint: Option<String>,
}

impl Refusal {
    // Cold, so that the compiler moves what makes a refusal out of the way of the token that has none.
    #[cold]
    pub(crate) fn new(step: Step, reason: Reason) -> Self {
        Self { step, reason, expected: String::new(), received: String::new(), hint: None }
    }

    pub(crate) fn expected(mut self, expected: impl Into<String>) -> Self {
        self.expected = expected.into();
        self
    }

    pub(crate) fn received(mut self, received: impl Into<String>) -> Self {
        self.received = received.into();
        self
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    pub(crate) fn hint_if(mut self, hint: Option<impl Into<String>>) -> Self {
        self.hint = hint.map(Into::into);
        self
    }

    /// The public code, all that the caller of the server is told.
    pub const fn code(&self) -> Code {
        self.reason.code()
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (step {}, {})", self.reason, self.step.number(), self.step)?;
        if !self.expected.is_empty() {
            write!(f, ": expected {}, received {}", self.expected, self.received)?;
        }
        match &self.hint {
            Some(hint) => write!(f, "; {hint}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Refusal {}

/// Most characters of a received text that are shown.
const SHOWN_CHARS: usize = 120;

/// `text` quoted, control characters escaped, shortened: safe for logs and pages.
pub(crate) fn quoted(text: &str) -> String {
    match text.char_indices().nth(SHOWN_CHARS) {
        None => format!("{text:?}"),
        Some((end, _)) => format!("{:?}… ({} bytes)", &text[..end], text.len()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_count_from_one_to_twenty() {
        let numbers: Vec<u8> = Step::ALL.iter().map(|step| step.number()).collect();
        assert_eq!(numbers, (1..=20).collect::<Vec<u8>>());
    }

    #[test]
    fn shown_texts_are_short_and_escaped() {
        assert_eq!(quoted("a\nb\u{1b}"), r#""a\nb\u{1b}""#);
        let long = quoted(&"é".repeat(500));
        assert!(long.ends_with("… (1000 bytes)"), "{long}");
        assert_eq!(long.chars().count(), SHOWN_CHARS + "\"\"… (1000 bytes)".chars().count());
    }
}
