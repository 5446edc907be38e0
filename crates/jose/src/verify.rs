//! The verification: from a well-formed token, keys and a policy to verified claims or one refusal.
//!
//! There is one walk. The verdict stops it at the first failure, the explanation does not.

use std::sync::Arc;

use crate::algorithm::{Algorithm, Algorithms};
use crate::claim_steps;
use crate::claims::Claims;
use crate::jwk::Key;
use crate::key_set::KeySet;
use crate::policy::Policy;
use crate::reason::Reason;
use crate::refusal::{Refusal, Step, quoted};
use crate::token::{Draft, KidState, Token, TokenType};
use crate::trace::{Trace, Verdict};

/// Most signature checks of one verification.
pub const MAX_SIGNATURE_CHECKS: usize = 4;

/// A token that holds: signed by a key of the set, and as the policy wants it.
#[derive(Debug, Clone)]
pub struct Verified {
    claims: Claims,
    kid: Option<Arc<str>>,
    algorithm: Algorithm,
    expires_at: i64,
}

impl Verified {
    /// All claims.
    pub fn claims(&self) -> &Claims {
        &self.claims
    }

    /// The `kid` of the key that verified the signature.
    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// The algorithm of the signature.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The first Unix second at which the token is expired, leeway not counted.
    pub fn expires_at(&self) -> i64 {
        self.expires_at
    }

    /// The `sub` claim.
    pub fn subject(&self) -> Option<&str> {
        self.claims.string("sub")
    }

    /// The `iss` claim.
    pub fn issuer(&self) -> Option<&str> {
        self.claims.string("iss")
    }

    /// The `jti` claim; there and not empty if the policy requires it.
    pub fn jti(&self) -> Option<&str> {
        self.claims.string("jti")
    }
}

/// Verifies `token` with `keys` under `policy` at `now` (Unix seconds), with at most
/// [`MAX_SIGNATURE_CHECKS`] signature checks.
///
/// # Errors
/// The [`Refusal`] of the first step that does not hold.
pub fn verify(token: &Token<'_>, keys: &KeySet, policy: &Policy, now: i64) -> Result<Verified, Refusal> {
    verify_within(token, keys, policy, now, &mut { MAX_SIGNATURE_CHECKS })
}

/// As [`verify`], for a request that tries several trusts: `checks_left` is counted down by each signature
/// check, and at zero the token is refused with [`Reason::SignatureBudgetSpent`].
///
/// # Errors
/// The [`Refusal`] of the first step that does not hold.
pub fn verify_within(
    token: &Token<'_>,
    keys: &KeySet,
    policy: &Policy,
    now: i64,
    checks_left: &mut usize,
) -> Result<Verified, Refusal> {
    // The verdict's trace returns at the first failure, so something is there; should that ever change, the
    // token is refused.
    walk(&token.draft, Some(keys), policy, now, checks_left, &mut Verdict)?
        .ok_or_else(|| Refusal::new(Step::Signature, Reason::SignatureInvalid))
}

/// Everything after the reading of the token, for the verdict and for the explanation alike: the trace
/// decides whether a failure ends it. What is verified is `Some` only if key, times and claims were found;
/// whether no step failed is for the trace to say.
pub(crate) fn walk<T: Trace>(
    draft: &Draft<'_>,
    keys: Option<&KeySet>,
    policy: &Policy,
    now: i64,
    checks_left: &mut usize,
    trace: &mut T,
) -> Result<Option<Verified>, Refusal> {
    walk_header(draft, policy, trace)?;
    let key = walk_signature(draft, keys, checks_left, trace)?;
    let expires_at = claim_steps::walk(draft.claims.as_ref(), policy, now, trace)?;
    let (Some(key), Some(expires_at), Some(Ok(claims)), Some(algorithm)) =
        (key, expires_at, &draft.claims, draft.algorithm)
    else {
        return Ok(None);
    };
    Ok(Some(Verified { claims: claims.clone(), kid: key.kid_shared(), algorithm, expires_at }))
}

/// The checks that need no key: algorithm, type, and the unverified claims against the policy. To be asked
/// before a key set is fetched because of this token. It proves nothing.
///
/// # Errors
/// The [`Refusal`] of the first step that does not hold.
pub fn precheck(token: &Token<'_>, policy: &Policy, now: i64) -> Result<(), Refusal> {
    walk_header(&token.draft, policy, &mut Verdict)?;
    claim_steps::walk(token.draft.claims.as_ref(), policy, now, &mut Verdict)?;
    Ok(())
}

/// Steps 6 and 8 as far as the policy decides them.
fn walk_header<T: Trace>(draft: &Draft<'_>, policy: &Policy, trace: &mut T) -> Result<(), Refusal> {
    if let Some(algorithm) = draft.algorithm {
        let result = check_allowed(algorithm, policy.algorithms);
        trace.check(Step::Algorithm, result, |()| (policy.algorithms.to_string(), algorithm.to_string()))?;
    }
    if let Some(found) = draft.token_type {
        trace.check(Step::Type, check_type(found, &policy.types), |()| {
            (types_shown(&policy.types), found.name().to_owned())
        })?;
    }
    Ok(())
}

fn check_allowed(algorithm: Algorithm, allowed: Algorithms) -> Result<(), Refusal> {
    if allowed.contains(algorithm) {
        return Ok(());
    }
    Err(Refusal::new(Step::Algorithm, Reason::AlgNotAllowed)
        .expected(allowed.to_string())
        .received(algorithm.name())
        .hint("allow the algorithm in the trust, or let the issuer sign with an allowed one"))
}

fn check_type(found: TokenType, allowed: &[TokenType]) -> Result<(), Refusal> {
    if allowed.is_empty() || allowed.contains(&found) {
        return Ok(());
    }
    Err(Refusal::new(Step::Type, Reason::TypNotAllowed)
        .expected(types_shown(allowed))
        .received(found.name())
        .hint("a token without typ counts as JWT; send the kind the trust names in types"))
}

fn types_shown(allowed: &[TokenType]) -> String {
    let names: Vec<&str> = allowed.iter().map(|allowed| allowed.name()).collect();
    if names.is_empty() { "JWT or at+jwt".to_owned() } else { names.join(" or ") }
}

/// Steps 10 to 12: finds the candidate keys and checks the signature.
fn walk_signature<'k, T: Trace>(
    draft: &Draft<'_>,
    keys: Option<&'k KeySet>,
    checks_left: &mut usize,
    trace: &mut T,
) -> Result<Option<&'k Key>, Refusal> {
    let Some(keys) = keys else {
        trace.fail(
            Refusal::new(Step::KeyId, Reason::JwksUnavailable)
                .expected("the issuer's key set")
                .received("none")
                .hint("see why it could not be fetched, and try again"),
        )?;
        trace.skip(Step::KeyPolicy, "there is no key set");
        trace.skip(Step::Signature, "there is no key set");
        return Ok(None);
    };
    let (Some(algorithm), false) = (draft.algorithm, draft.kid_state == KidState::Unread) else {
        return Ok(None);
    };
    let kid = draft.kid();
    let known = trace.check(Step::KeyId, check_kid(keys, kid), |count| key_detail(kid, *count))?;
    if known.is_none() {
        return Ok(None);
    }
    let candidates = trace.check(Step::KeyPolicy, candidates(keys, kid, algorithm), |found| {
        (format!("a key for {algorithm}"), format!("{} of them", found.count()))
    })?;
    let (Some(candidates), Some(signature)) = (candidates, &draft.signature) else { return Ok(None) };
    let result = check_signature(draft.signed, signature, algorithm, &candidates, checks_left);
    trace.check(Step::Signature, result, |key| {
        let kid = key.kid().map_or_else(|| "a key without kid".to_owned(), quoted);
        (format!("an {algorithm} signature"), format!("verified by {kid}, {} bits", key.bits()))
    })
}

fn key_detail(kid: Option<&str>, count: usize) -> (String, String) {
    match kid {
        Some(kid) => ("a kid of the key set".to_owned(), format!("{}, {count} key(s)", quoted(kid))),
        None => ("a kid of the key set, or none".to_owned(), format!("no kid, {count} key(s)")),
    }
}

/// How many keys the token may mean.
fn check_kid(keys: &KeySet, kid: Option<&str>) -> Result<usize, Refusal> {
    let Some(kid) = kid else { return Ok(keys.keys().len()) };
    let count = keys.with_kid(kid).count();
    if count > 0 {
        return Ok(count);
    }
    let skipped = keys.skipped().iter().find(|skipped| skipped.kid.as_deref() == Some(kid));
    let hint = match skipped {
        Some(skipped) => {
            format!("the set has this key but it is not used: {} ({})", skipped.reason, skipped.detail)
        }
        None => "the issuer may have changed its keys, or the URL is another issuer's".to_owned(),
    };
    let known: Vec<String> = keys.keys().iter().filter_map(Key::kid).take(5).map(quoted).collect();
    Err(Refusal::new(Step::KeyId, Reason::KidUnknown)
        .expected(format!("a kid of the key set ({})", known.join(", ")))
        .received(quoted(kid))
        .hint(hint))
}

/// The first keys that may have made the signature.
struct Candidates<'k> {
    keys: [Option<&'k Key>; MAX_SIGNATURE_CHECKS],
    more: bool,
}

impl Candidates<'_> {
    fn count(&self) -> usize {
        self.keys.iter().flatten().count()
    }
}

fn candidates<'k>(
    keys: &'k KeySet,
    kid: Option<&str>,
    algorithm: Algorithm,
) -> Result<Candidates<'k>, Refusal> {
    let mut fitting = keys
        .keys()
        .iter()
        .filter(|key| (kid.is_none() || key.kid() == kid) && key.algorithms().contains(algorithm));
    let found = std::array::from_fn(|_| fitting.next());
    if found[0].is_some() {
        return Ok(Candidates { keys: found, more: fitting.next().is_some() });
    }
    let admitted: Vec<String> = keys
        .keys()
        .iter()
        .filter(|key| kid.is_none() || key.kid() == kid)
        .take(5)
        .map(|key| key.algorithms().to_string())
        .collect();
    Err(Refusal::new(Step::KeyPolicy, Reason::KeyNotForAlg)
        .expected(format!("{algorithm}, as the token's alg says"))
        .received(format!("keys for {}", admitted.join("; ")))
        .hint("the key's type, curve or alg does not fit the token's alg"))
}

fn check_signature<'k>(
    signed: &[u8],
    signature: &[u8],
    algorithm: Algorithm,
    candidates: &Candidates<'k>,
    checks_left: &mut usize,
) -> Result<&'k Key, Refusal> {
    if let Some(bytes) = algorithm.signature_bytes()
        && bytes != signature.len()
    {
        return Err(Refusal::new(Step::Signature, Reason::SignatureWrongLength)
            .expected(format!("{bytes} bytes for {algorithm}"))
            .received(format!("{} bytes", signature.len()))
            .hint_if(
                (signature.first() == Some(&0x30)).then_some("a JWS has r and s side by side, not in DER"),
            ));
    }
    for key in candidates.keys.iter().flatten() {
        if *checks_left == 0 {
            return Err(Refusal::new(Step::Signature, Reason::SignatureBudgetSpent)
                .expected(format!("at most {MAX_SIGNATURE_CHECKS} signature checks a request"))
                .received("more candidate keys")
                .hint("give keys and tokens a kid, and trusts of one issuer rules that tell them apart"));
        }
        *checks_left -= 1;
        if key.verifies(algorithm, signed, signature) {
            return Ok(key);
        }
    }
    let hint = if candidates.more {
        "more keys fit than are tried: let the issuer put a kid into its tokens"
    } else {
        "the token was changed on its way, or another key of the same kid signed it"
    };
    Err(Refusal::new(Step::Signature, Reason::SignatureInvalid)
        .expected(format!("an {algorithm} signature of {} candidate key(s)", candidates.count()))
        .received("a signature none of them made")
        .hint(hint))
}
