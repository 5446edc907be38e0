//! A compact JWS taken apart (RFC 7515 §3.1): everything that can be judged without a key or a policy.
//!
//! Nothing read here is trusted before [`crate::verify`] has said so.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::algorithm::Algorithm;
use crate::base64url;
use crate::claims::Claims;
use crate::header;
use crate::reader::{JsonError, Limits};
use crate::reason::Reason;
use crate::refusal::{Refusal, Step, quoted};
use crate::trace::{Trace, Verdict};
use crate::value::{Document, Kind};

/// Most bytes of a token.
pub const MAX_TOKEN_BYTES: usize = 16 * 1024;
/// Most bytes of the decoded header.
pub const MAX_HEADER_BYTES: usize = 2 * 1024;
/// Most bytes of the decoded claims.
pub const MAX_CLAIMS_BYTES: usize = 8 * 1024;
/// Most bytes of a `kid`, in a token or a key set.
pub const MAX_KID_BYTES: usize = 256;

const HEADER: Limits = Limits { depth: 4, mark_duplicates: false };
const CLAIMS: Limits = Limits { depth: 16, mark_duplicates: false };

/// What the header's `typ` says. A token without one is a [`TokenType::Jwt`] (RFC 7519 §5.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TokenType {
    /// `JWT`.
    Jwt,
    /// `at+jwt`, an OAuth access token (RFC 9068 §2.1).
    AccessToken,
}

impl TokenType {
    /// The type of a `typ` value, in any case, with or without `application/` (RFC 7515 §4.1.9).
    pub fn from_name(name: &str) -> Option<Self> {
        const PREFIX: &str = "application/";
        let prefixed = name.get(..PREFIX.len()).is_some_and(|start| start.eq_ignore_ascii_case(PREFIX));
        let name = if prefixed { &name[PREFIX.len()..] } else { name };
        [Self::Jwt, Self::AccessToken].into_iter().find(|known| known.name().eq_ignore_ascii_case(name))
    }

    /// `JWT` or `at+jwt`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Jwt => "JWT",
            Self::AccessToken => "at+jwt",
        }
    }
}

impl Serialize for TokenType {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for TokenType {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        Self::from_name(&name).ok_or_else(|| {
            serde::de::Error::custom(format!("unknown token type {name:?}; use \"JWT\" or \"at+jwt\""))
        })
    }
}

/// What a token's `kid` is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KidState {
    /// Not read, or not usable.
    Unread,
    Absent,
    /// Where it is in the header.
    Present(u32),
}

/// A token as far as it could be read; complete only inside a [`Token`].
pub(crate) struct Draft<'t> {
    pub(crate) signed: &'t [u8],
    pub(crate) header: Option<Document>,
    pub(crate) algorithm: Option<Algorithm>,
    pub(crate) token_type: Option<TokenType>,
    pub(crate) kid_state: KidState,
    pub(crate) signature: Option<Vec<u8>>,
    pub(crate) claims: Option<Result<Claims, Refusal>>,
}

impl Draft<'_> {
    pub(crate) fn kid(&self) -> Option<&str> {
        match self.kid_state {
            KidState::Present(at) => self.header.as_ref()?.at(at).as_str(),
            KidState::Absent | KidState::Unread => None,
        }
    }
}

/// A well-formed token: three parts, a header this server understands, a signature of some kind.
pub struct Token<'t> {
    pub(crate) draft: Draft<'t>,
    algorithm: Algorithm,
}

impl<'t> Token<'t> {
    /// Reads a compact JWS: steps 1 to 5, 7 to 10, and of step 6 whether the algorithm is known at all.
    ///
    /// # Errors
    /// The [`Refusal`] of the first step that does not hold.
    pub fn parse(text: &'t str) -> Result<Self, Refusal> {
        let draft = read(text, &mut Verdict)?;
        let algorithm = draft.algorithm.ok_or_else(|| Refusal::new(Step::Algorithm, Reason::AlgMissing))?;
        Ok(Self { draft, algorithm })
    }

    /// The header's `kid`: a key for a map, nothing else.
    pub fn kid(&self) -> Option<&str> {
        self.draft.kid()
    }

    /// The header's `alg`.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The header's `typ`.
    pub fn token_type(&self) -> TokenType {
        self.draft.token_type.unwrap_or(TokenType::Jwt)
    }

    /// The `iss` claim if it is a string. Nobody has checked it: good for choosing candidates only.
    pub fn unverified_issuer(&self) -> Option<&str> {
        self.unverified_claims()?.string("iss")
    }

    /// The claims if they are strict JSON. Nobody has checked them.
    pub fn unverified_claims(&self) -> Option<&Claims> {
        self.draft.claims.as_ref()?.as_ref().ok()
    }
}

/// Shows header values only, never the signature or the claims.
impl fmt::Debug for Token<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token")
            .field("algorithm", &self.algorithm)
            .field("kid", &self.kid())
            .finish_non_exhaustive()
    }
}

/// The three parts.
struct Parts<'t> {
    header: Option<Vec<u8>>,
    claims: Option<Vec<u8>>,
    /// Decoded, or `None` where it is not base64url.
    signature: Option<Vec<u8>>,
    /// The bytes the signature is over.
    signed: &'t [u8],
}

/// Walks steps 1 to 5 and 7 to 10.
pub(crate) fn read<'t, T: Trace>(text: &'t str, trace: &mut T) -> Result<Draft<'t>, Refusal> {
    let mut draft = Draft {
        signed: b"",
        header: None,
        algorithm: None,
        token_type: None,
        kid_state: KidState::Unread,
        signature: None,
        claims: None,
    };
    let size = || (format!("at most {MAX_TOKEN_BYTES} bytes"), format!("{} bytes", text.len()));
    if trace.check(Step::Envelope, check_envelope(text), |()| size())?.is_none() {
        return Ok(draft);
    }
    let three = |_: &Parts<'_>| ("three parts of base64url".to_owned(), "three parts".to_owned());
    let Some(parts) = trace.check(Step::Structure, split(text), three)? else { return Ok(draft) };
    draft.signed = parts.signed;
    let signed = trace.check(Step::Signed, check_signed(text), |()| {
        ("a signature".to_owned(), format!("{} characters", text.len() - parts.signed.len() - 1))
    })?;
    for (name, part) in
        [("header", &parts.header), ("claims", &parts.claims), ("signature", &parts.signature)]
    {
        trace.check(Step::Encoding, check_decoded(name, part.is_some()), |()| {
            ("base64url without padding".to_owned(), "three such parts".to_owned())
        })?;
    }
    draft.signature = parts.signature.filter(|_| signed.is_some());
    draft.claims = parts.claims.map(read_claims);
    let Some(header) = parts.header else { return Ok(draft) };
    let wanted = |document: &Document| {
        (format!("one JSON object of at most {MAX_HEADER_BYTES} bytes"), quoted(&document.text))
    };
    let Some(document) = trace.check(Step::Header, read_header(header), wanted)? else { return Ok(draft) };
    header::walk(&mut draft, document.root(), trace)?;
    draft.header = Some(document);
    Ok(draft)
}

fn check_envelope(text: &str) -> Result<(), Refusal> {
    let refuse =
        |reason| Refusal::new(Step::Envelope, reason).expected(format!("1 to {MAX_TOKEN_BYTES} bytes"));
    match text.len() {
        0 => Err(refuse(Reason::TokenEmpty).received("nothing").hint("send the token after the word Bearer")),
        1..=MAX_TOKEN_BYTES => Ok(()),
        bytes => Err(refuse(Reason::TokenTooLarge)
            .received(format!("{bytes} bytes"))
            .hint("let the issuer put fewer claims into the token")),
    }
}

fn split(text: &str) -> Result<Parts<'_>, Refusal> {
    // Counting stops past five parts, so that a token of dots costs nothing.
    let mut dots = memchr::memchr_iter(b'.', text.as_bytes());
    let dots: [Option<usize>; 5] = std::array::from_fn(|_| dots.next());
    let [Some(first), Some(second), None, ..] = dots else {
        check_alphabet(text)?;
        return Err(wrong_parts(dots.iter().flatten().count()));
    };
    let parts = Parts {
        header: base64url::decode(&text.as_bytes()[..first]),
        claims: base64url::decode(&text.as_bytes()[first + 1..second]),
        signature: base64url::decode(&text.as_bytes()[second + 1..]),
        signed: &text.as_bytes()[..second],
    };
    // What decodes has no foreign character, so the sound token is not looked through twice.
    if parts.header.is_none() || parts.claims.is_none() || parts.signature.is_none() {
        check_alphabet(text)?;
    }
    Ok(parts)
}

fn check_alphabet(text: &str) -> Result<(), Refusal> {
    let bytes = text.as_bytes();
    let foreign = |b: &u8| !(b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'));
    let Some(at) = bytes.iter().position(foreign) else { return Ok(()) };
    let hint = match bytes[at] {
        b'=' => "base64url in a JWS has no padding",
        b'+' | b'/' => "use base64url, with - and _ for + and /",
        b'{' if at == 0 => "use the compact serialization, not the JSON one",
        b' ' | b'\t' | b'\r' | b'\n' => "remove the white space around or inside the token",
        b'"' => "send the token without quotes",
        _ => "send the token exactly as the issuer made it",
    };
    Err(Refusal::new(Step::Structure, Reason::AlphabetInvalid)
        .expected("only A–Z a–z 0–9 - _ and dots")
        .received(format!("byte 0x{:02x} at {at}", bytes[at]))
        .hint(hint))
}

/// For a token of other than two dots, counted up to five.
fn wrong_parts(dots: usize) -> Refusal {
    if dots == 4 {
        return Refusal::new(Step::Structure, Reason::JweNotSupported)
            .expected("a signed token of three parts")
            .received("five parts, an encrypted token")
            .hint("let the issuer sign the token without encrypting it");
    }
    let parts = if dots == 5 { "more than five".to_owned() } else { (dots + 1).to_string() };
    Refusal::new(Step::Structure, Reason::PartsInvalid)
        .expected("three parts between two dots")
        .received(format!("{parts} parts"))
        .hint("send the whole JWT, and nothing before or behind it")
}

fn check_signed(text: &str) -> Result<(), Refusal> {
    if text.ends_with('.') {
        return Err(Refusal::new(Step::Signed, Reason::AlgNone)
            .expected("a signature")
            .received("an empty third part")
            .hint("let the issuer sign the token"));
    }
    Ok(())
}

fn check_decoded(name: &'static str, decoded: bool) -> Result<(), Refusal> {
    if decoded {
        return Ok(());
    }
    Err(Refusal::new(Step::Encoding, Reason::Base64Invalid)
        .expected("base64url without padding, unused bits zero")
        .received(format!("a {name} part that is not"))
        .hint("send the token exactly as the issuer made it; it may be cut off"))
}

fn read_header(bytes: Vec<u8>) -> Result<Document, Refusal> {
    let reasons = JsonReasons {
        step: Step::Header,
        limit: MAX_HEADER_BYTES,
        too_large: Reason::HeaderTooLarge,
        not_json: Reason::HeaderNotJson,
        too_deep: Reason::HeaderTooDeep,
        duplicate: Reason::HeaderDuplicateMember,
        not_object: Reason::HeaderNotObject,
    };
    read_object(bytes, HEADER, &reasons)
}

fn read_claims(bytes: Vec<u8>) -> Result<Claims, Refusal> {
    let reasons = JsonReasons {
        step: Step::Claims,
        limit: MAX_CLAIMS_BYTES,
        too_large: Reason::ClaimsTooLarge,
        not_json: Reason::ClaimsNotJson,
        too_deep: Reason::ClaimsTooDeep,
        duplicate: Reason::ClaimsDuplicateMember,
        not_object: Reason::ClaimsNotObject,
    };
    read_object(bytes, CLAIMS, &reasons).map(Claims::new)
}

/// The reasons of one JSON part.
struct JsonReasons {
    step: Step,
    limit: usize,
    too_large: Reason,
    not_json: Reason,
    too_deep: Reason,
    duplicate: Reason,
    not_object: Reason,
}

fn read_object(bytes: Vec<u8>, limits: Limits, reasons: &JsonReasons) -> Result<Document, Refusal> {
    let refuse = |reason| {
        Refusal::new(reasons.step, reason)
            .expected(format!("one JSON object of at most {} bytes", reasons.limit))
    };
    if bytes.len() > reasons.limit {
        return Err(refuse(reasons.too_large).received(format!("{} bytes", bytes.len())));
    }
    let document = Document::parse(bytes, limits).map_err(|error| {
        let reason = match &error {
            JsonError::NotUtf8 | JsonError::Syntax { .. } => reasons.not_json,
            JsonError::TooDeep(_) => reasons.too_deep,
            JsonError::Duplicate(_) => reasons.duplicate,
        };
        let problem = match &error {
            JsonError::Duplicate(name) => format!("two members named {}", quoted(name)),
            other => other.to_string(),
        };
        refuse(reason).received(problem)
    })?;
    match document.root().kind() {
        Kind::Object => Ok(document),
        kind => Err(refuse(reasons.not_object).received(kind.word())),
    }
}
