//! Steps 13 to 18 over the claims (RFC 7519 §4.1): shape, issuer, audience, time, rules, `jti`.
//!
//! The same walk serves the check before keys are fetched, the verdict and the explanation. It reads no
//! clock.

use crate::claims::{Claims, Registered};
use crate::policy::{AudiencePolicy, Policy};
use crate::reason::Reason;
use crate::refusal::{Refusal, Step, quoted};
use crate::rule::difference;
use crate::trace::Trace;
use crate::value::{Kind, Value};

/// Latest time a claim may name: the last second of the year 9999.
const MAX_TIME: i64 = 253_402_300_799;
/// Most bytes of a `jti` that the server must keep.
const MAX_JTI_BYTES: usize = 256;

/// Walks the claim steps; gives the first second at which the token is expired, leeway not counted.
pub(crate) fn walk<T: Trace>(
    read: Option<&Result<Claims, Refusal>>,
    policy: &Policy,
    now: i64,
    trace: &mut T,
) -> Result<Option<i64>, Refusal> {
    let claims = match read {
        Some(Ok(claims)) => claims,
        Some(Err(refusal)) => {
            trace.fail(refusal.clone())?;
            return Ok(None);
        }
        None => return Ok(None),
    };
    trace.check(Step::Claims, strings(claims), |()| {
        ("one JSON object, sub and jti strings".to_owned(), format!("{} claims", claims.iter().count()))
    })?;
    walk_issuer(claims, policy, trace)?;
    walk_audience(claims, policy, trace)?;
    let expires_at = walk_time(claims, policy, now, trace)?;
    walk_rules(claims, policy, trace)?;
    if policy.require_jti {
        trace.check(Step::Replay, jti(claims), |jti| ("a jti".to_owned(), quoted(jti)))?;
    } else {
        trace.skip(Step::Replay, "the trust does not refuse replays");
    }
    Ok(expires_at)
}

fn strings(claims: &Claims) -> Result<(), Refusal> {
    for (claim, reason) in [(Registered::Sub, Reason::SubNotString), (Registered::Jti, Reason::JtiNotString)]
    {
        string(claims, Step::Claims, claim, reason)?;
    }
    Ok(())
}

fn string(claims: &Claims, step: Step, claim: Registered, reason: Reason) -> Result<Option<&str>, Refusal> {
    let Some(value) = claims.registered(claim) else { return Ok(None) };
    let name = claim.name();
    value.as_str().map(Some).ok_or_else(|| {
        Refusal::new(step, reason)
            .expected(format!("{name}, if present, a string"))
            .received(value.kind().word())
            .hint(format!("let the issuer write {name} as a string"))
    })
}

fn walk_issuer<T: Trace>(claims: &Claims, policy: &Policy, trace: &mut T) -> Result<(), Refusal> {
    let result = issuer(claims, policy);
    if policy.issuer.is_none() && result.is_ok() {
        trace.skip(Step::Issuer, "the trust names no issuer");
        return Ok(());
    }
    trace.check(Step::Issuer, result, |found| {
        (policy.issuer.as_deref().map(quoted).unwrap_or_default(), quoted(found))
    })?;
    Ok(())
}

fn issuer<'c>(claims: &'c Claims, policy: &Policy) -> Result<&'c str, Refusal> {
    let found = string(claims, Step::Issuer, Registered::Iss, Reason::IssNotString)?;
    let Some(wanted) = &policy.issuer else { return Ok(found.unwrap_or_default()) };
    let refuse = |reason| Refusal::new(Step::Issuer, reason).expected(quoted(wanted));
    match found {
        None => Err(refuse(Reason::IssuerMissing).received("no iss")),
        Some(found) if found == wanted => Ok(found),
        Some(found) => {
            Err(refuse(Reason::IssuerMismatch).received(quoted(found)).hint_if(difference(wanted, found)))
        }
    }
}

fn walk_audience<T: Trace>(claims: &Claims, policy: &Policy, trace: &mut T) -> Result<(), Refusal> {
    let result = audience(claims, policy);
    if matches!(result, Ok(None)) {
        let why = match policy.audience_policy {
            AudiencePolicy::Off => "the trust does not compare audiences",
            _ => "the token has no aud, and the trust allows that",
        };
        trace.skip(Step::Audience, why);
        return Ok(());
    }
    trace.check(Step::Audience, result, |found| {
        (one_of(&policy.audiences), found.map(quoted).unwrap_or_default())
    })?;
    Ok(())
}

/// The matching audience; `None` where the policy does not ask for one.
fn audience<'c>(claims: &'c Claims, policy: &Policy) -> Result<Option<&'c str>, Refusal> {
    let refuse = |reason| Refusal::new(Step::Audience, reason).expected(one_of(&policy.audiences));
    let Some(member) = claims.registered(Registered::Aud) else {
        return match policy.audience_policy {
            AudiencePolicy::Required => Err(refuse(Reason::AudienceMissing).received("no aud")),
            AudiencePolicy::IfPresent | AudiencePolicy::Off => Ok(None),
        };
    };
    let strings = member.kind() == Kind::String
        || (member.kind() == Kind::Array && member.elements().all(|element| element.kind() == Kind::String));
    if !strings {
        return Err(Refusal::new(Step::Audience, Reason::AudWrongType)
            .expected("a string or a list of strings")
            .received(if member.kind() == Kind::Array {
                "a list with other values"
            } else {
                member.kind().word()
            }));
    }
    if policy.audience_policy == AudiencePolicy::Off {
        return Ok(None);
    }
    let matching = strings_of(member).find(|found| policy.audiences.iter().any(|wanted| wanted == found));
    if matching.is_some() {
        return Ok(matching);
    }
    let hint = strings_of(member)
        .find_map(|found| policy.audiences.iter().find_map(|wanted| difference(wanted, found)));
    let received: Vec<&str> = strings_of(member).collect();
    Err(refuse(Reason::AudienceMismatch).received(quoted(&received.join(" "))).hint_if(hint))
}

fn strings_of(member: Value<'_>) -> impl Iterator<Item = &str> {
    member.as_str().into_iter().chain(member.elements().filter_map(Value::as_str))
}

fn one_of(wanted: &[String]) -> String {
    match wanted {
        [] => "an audience, but the trust names none".to_owned(),
        [one] => quoted(one),
        many => format!("one of {}", many.iter().map(|one| quoted(one)).collect::<Vec<_>>().join(", ")),
    }
}

/// Reads and judges `exp`, `nbf`, `iat` and the lifetime, each on its own.
fn walk_time<T: Trace>(
    claims: &Claims,
    policy: &Policy,
    now: i64,
    trace: &mut T,
) -> Result<Option<i64>, Refusal> {
    let within = || (format!("valid at {now}, leeway {} s", policy.leeway()), times_shown(claims));
    let exp = numeric_date(claims, Registered::Exp, Reason::ExpNotNumber).and_then(|exp| {
        let exp = exp.ok_or_else(|| {
            Refusal::new(Step::Time, Reason::ExpMissing)
                .expected("exp, seconds since 1970")
                .received("no exp")
                .hint("let the issuer give its tokens an expiry")
        })?;
        check_expiry(exp, policy, now).map(|()| exp)
    });
    let exp = trace.check(Step::Time, exp, |_| within())?;
    let nbf = numeric_date(claims, Registered::Nbf, Reason::NbfNotNumber)
        .and_then(|nbf| check_start("nbf", nbf, Reason::TokenNotYetValid, policy, now));
    let nbf = trace.check(Step::Time, nbf, |_| within())?.flatten();
    let iat = numeric_date(claims, Registered::Iat, Reason::IatNotNumber)
        .and_then(|iat| check_start("iat", iat, Reason::IssuedInFuture, policy, now));
    let iat = trace.check(Step::Time, iat, |_| within())?.flatten();
    if let Some(exp) = exp {
        trace.check(Step::Time, check_lifetime(exp, iat.or(nbf), policy, now), |()| within())?;
    }
    Ok(exp)
}

fn times_shown(claims: &Claims) -> String {
    let mut shown = Vec::new();
    for name in ["iat", "nbf", "exp"] {
        if let Some(value) = claims.get(name) {
            shown.push(format!("{name} {value}"));
        }
    }
    shown.join(", ")
}

/// A `NumericDate` (RFC 7519 §2) in whole seconds: a fraction counts up, since the clock here has none, so
/// that `now < exp` and `now >= nbf` stay exact.
fn numeric_date(claims: &Claims, claim: Registered, wrong: Reason) -> Result<Option<i64>, Refusal> {
    let Some(value) = claims.registered(claim) else { return Ok(None) };
    let name = claim.name();
    let refuse = |reason| {
        Refusal::new(Step::Time, reason).expected(format!("{name} as a number of seconds since 1970"))
    };
    let Some(text) = value.number_text() else {
        let refusal = refuse(wrong).received(value.kind().word());
        return Err(match value.kind() {
            Kind::String => refusal.hint("a string, not a number: let the issuer leave out the quotes"),
            _ => refusal,
        });
    };
    match whole_seconds(text) {
        Some(secs) => Ok(Some(secs)),
        None => Err(refuse(Reason::TimeOutOfRange)
            .received(quoted(text))
            .hint("the years 1970 to 9999 are possible; milliseconds are too large")),
    }
}

fn whole_seconds(text: &str) -> Option<i64> {
    if let Ok(secs) = text.parse::<i64>() {
        return (0..=MAX_TIME).contains(&secs).then_some(secs);
    }
    let secs = text.parse::<f64>().ok()?.ceil();
    if !(0.0..=253_402_300_799.0).contains(&secs) {
        return None;
    }
    // Exact: a whole number far below 2^53.
    #[expect(clippy::cast_possible_truncation, reason = "the range was checked above")]
    Some(secs as i64)
}

fn check_expiry(exp: i64, policy: &Policy, now: i64) -> Result<(), Refusal> {
    if now < exp.saturating_add(policy.leeway()) {
        return Ok(());
    }
    Err(Refusal::new(Step::Time, Reason::TokenExpired)
        .expected(format!("exp after {now}, leeway {} s", policy.leeway()))
        .received(format!("exp {exp}, {} s ago", now.saturating_sub(exp)))
        .hint("get a new token; if it is new, compare the clocks"))
}

fn check_start(
    name: &'static str,
    start: Option<i64>,
    reason: Reason,
    policy: &Policy,
    now: i64,
) -> Result<Option<i64>, Refusal> {
    match start {
        Some(secs) if secs > now.saturating_add(policy.leeway()) => Err(Refusal::new(Step::Time, reason)
            .expected(format!("{name} at {now} or before, leeway {} s", policy.leeway()))
            .received(format!("{name} {secs}, {} s ahead", secs.saturating_sub(now)))
            .hint("compare the clocks of the issuer and this server")),
        start => Ok(start),
    }
}

/// The lifetime counts from `iat`, else `nbf`, else from now with the leeway.
fn check_lifetime(exp: i64, start: Option<i64>, policy: &Policy, now: i64) -> Result<(), Refusal> {
    let Some(max) = policy.max_lifetime_secs else { return Ok(()) };
    let start = start.unwrap_or_else(|| now.saturating_add(policy.leeway()));
    let lifetime = exp.saturating_sub(start);
    if lifetime <= i64::from(max) {
        return Ok(());
    }
    Err(Refusal::new(Step::Time, Reason::LifetimeTooLong)
        .expected(format!("valid for at most {max} s"))
        .received(format!("valid for {lifetime} s"))
        .hint("let the issuer make shorter tokens, or raise maxLifetimeSeconds of the trust"))
}

fn walk_rules<T: Trace>(claims: &Claims, policy: &Policy, trace: &mut T) -> Result<(), Refusal> {
    if policy.rules.is_empty() {
        trace.skip(Step::Rules, "the trust has no claim rules");
        return Ok(());
    }
    for rule in &policy.rules {
        if let Err(refusal) = rule.check(claims) {
            trace.fail(refusal)?;
        }
    }
    trace.pass(Step::Rules, || {
        let rules: Vec<String> = policy.rules.iter().map(ToString::to_string).collect();
        (rules.join("; "), "all hold".to_owned())
    });
    Ok(())
}

fn jti(claims: &Claims) -> Result<&str, Refusal> {
    let refuse =
        |reason| Refusal::new(Step::Replay, reason).expected(format!("a jti of 1 to {MAX_JTI_BYTES} bytes"));
    match claims.string("jti") {
        None | Some("") => Err(refuse(Reason::JtiMissing)
            .received("none")
            .hint("let the issuer give each token its own jti, or turn the replay check of the trust off")),
        Some(jti) if jti.len() > MAX_JTI_BYTES => {
            Err(refuse(Reason::JtiTooLong).received(format!("{} bytes", jti.len())))
        }
        Some(jti) => Ok(jti),
    }
}
