//! Steps 6 to 10 over the header (RFC 7515 §4): algorithm, extensions, type, keys it brings along, `kid`.

use crate::algorithm::{Algorithm, Algorithms};
use crate::reason::Reason;
use crate::refusal::{Refusal, Step, quoted};
use crate::token::{Draft, KidState, MAX_KID_BYTES, TokenType};
use crate::trace::Trace;
use crate::value::Value;

/// What is looked at in a header, found in one pass.
#[derive(Default)]
struct Parameters<'h> {
    alg: Option<Value<'h>>,
    typ: Option<Value<'h>>,
    kid: Option<Value<'h>>,
    /// The first of those in [`REFUSED`].
    refused: Option<usize>,
}

/// The parameters that change how a token is read.
const REFUSED: [(&str, Reason); 4] = [
    ("crit", Reason::CritNotSupported),
    ("b64", Reason::B64NotSupported),
    ("enc", Reason::JweNotSupported),
    ("zip", Reason::ZipNotSupported),
];

impl<'h> Parameters<'h> {
    fn of(header: Value<'h>) -> Self {
        let mut found = Self::default();
        for (name, value) in header.members() {
            match name {
                "alg" => found.alg = Some(value),
                "typ" => found.typ = Some(value),
                "kid" => found.kid = Some(value),
                _ => {
                    let refused = REFUSED.iter().position(|(refused, _)| *refused == name);
                    found.refused = found.refused.into_iter().chain(refused).min();
                }
            }
        }
        found
    }
}

/// Walks steps 6 to 10; puts what it finds into the draft.
pub(crate) fn walk<T: Trace>(draft: &mut Draft<'_>, header: Value<'_>, trace: &mut T) -> Result<(), Refusal> {
    let found = Parameters::of(header);
    draft.algorithm = trace.check(Step::Algorithm, read_algorithm(found.alg), |algorithm| {
        (Algorithms::ALL.to_string(), algorithm.to_string())
    })?;
    trace.check(Step::Extensions, check_extensions(found.refused), |()| {
        ("no crit, b64, enc, zip".to_owned(), "none of them".to_owned())
    })?;
    draft.token_type = trace.check(Step::Type, read_type(found.typ), |_| {
        let received = found.typ.map_or_else(|| "no typ".to_owned(), |typ| typ.to_string());
        ("JWT, at+jwt or no typ".to_owned(), received)
    })?;
    trace.pass(Step::EmbeddedKeys, || {
        let names: Vec<&str> =
            ["jwk", "jku", "x5u", "x5c"].into_iter().filter(|name| header.get(name).is_some()).collect();
        let received =
            if names.is_empty() { "none".to_owned() } else { format!("{}: ignored", names.join(", ")) };
        ("keys the token brings along are never used or fetched".to_owned(), received)
    });
    let kid = trace.check(Step::KeyId, read_kid(found.kid), |kid| {
        (
            "a string of at most 256 bytes, or none".to_owned(),
            kid.map_or("no kid".to_owned(), |(_, kid)| quoted(kid)),
        )
    })?;
    draft.kid_state = match kid {
        None => KidState::Unread,
        Some(None) => KidState::Absent,
        Some(Some((at, _))) => KidState::Present(at),
    };
    Ok(())
}

fn read_algorithm(member: Option<Value<'_>>) -> Result<Algorithm, Refusal> {
    let refuse = |reason| Refusal::new(Step::Algorithm, reason).expected(Algorithms::ALL.to_string());
    let Some(member) = member else {
        return Err(refuse(Reason::AlgMissing).received("no alg"));
    };
    let Some(name) = member.as_str() else {
        return Err(refuse(Reason::AlgNotString).received(member.kind().word()));
    };
    if let Some(algorithm) = Algorithm::from_name(name) {
        return Ok(algorithm);
    }
    let (reason, hint) = if name.eq_ignore_ascii_case("none") {
        (Reason::AlgNone, "let the issuer sign the token")
    } else if name.get(..2).is_some_and(|start| start.eq_ignore_ascii_case("HS")) {
        (
            Reason::AlgSymmetric,
            "let the issuer sign with a private key: RS256, ES256 or EdDSA, not a shared secret",
        )
    } else {
        (Reason::AlgUnknown, "let the issuer sign with RS256, ES256 or EdDSA; names are case-sensitive")
    };
    Err(refuse(reason).received(quoted(name)).hint(hint))
}

fn check_extensions(refused: Option<usize>) -> Result<(), Refusal> {
    let Some((name, reason)) = refused.map(|at| REFUSED[at]) else { return Ok(()) };
    Err(Refusal::new(Step::Extensions, reason)
        .expected("no crit, b64, enc, zip")
        .received(name)
        .hint(format!("let the issuer leave {name} out of the header")))
}

fn read_type(member: Option<Value<'_>>) -> Result<TokenType, Refusal> {
    let refuse = |reason| Refusal::new(Step::Type, reason).expected("JWT, at+jwt or no typ");
    let Some(member) = member else { return Ok(TokenType::Jwt) };
    let Some(name) = member.as_str() else {
        return Err(refuse(Reason::TypNotString).received(member.kind().word()));
    };
    TokenType::from_name(name).ok_or_else(|| {
        refuse(Reason::TypNotSupported)
            .received(quoted(name))
            .hint("send an access token or a plain JWT, not a token made for another purpose")
    })
}

/// The `kid` and where it is.
fn read_kid(member: Option<Value<'_>>) -> Result<Option<(u32, &str)>, Refusal> {
    let refuse = |reason| {
        Refusal::new(Step::KeyId, reason)
            .expected(format!("a string of at most {MAX_KID_BYTES} bytes, or none"))
    };
    let Some(member) = member else { return Ok(None) };
    match member.as_str() {
        Some(kid) if kid.len() <= MAX_KID_BYTES => Ok(Some((member.index(), kid))),
        Some(kid) => Err(refuse(Reason::KidTooLong).received(format!("{} bytes", kid.len()))),
        None => Err(refuse(Reason::KidNotString).received(member.kind().word())),
    }
}
