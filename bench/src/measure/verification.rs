//! What the whole verification of a JWT costs beside the bare signature check, in this process.

use std::hint::black_box;
use std::time::{Duration, Instant};

use aws_lc_rs::signature::{self, ParsedPublicKey, RsaParameters, RsaPublicKeyComponents};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jose::testing::{TestKey, jwks};
use jose::{Algorithm, KeySet, KeySetLimits, Policy, Rule, RuleOp, Token, verify};
use serde_json::{Value, json};

use super::{Plan, Side, in_turns};
use crate::Result;
use crate::table::{Goal, Row, median, ratio};

const NOW: i64 = 1_700_000_000;
const ISSUER: &str = "https://token.ci.example.com";
const AUDIENCE: &str = "https://muster.example.com";
/// At most so much of the bare check is the whole.
const WHOLE: f64 = 1.15;
/// The two sides are close to each other: many short turns tell them apart on a machine that is not quiet.
const TURNS: usize = 5;
/// Verifications between two looks at the clock.
const BATCH: u32 = 50;

/// Parse, policy and signature : signature alone, for the four algorithms that issuers use most.
pub(super) fn against_bare_signature(plan: &Plan) -> Result<Vec<Row>> {
    Plan::note("j: verification of a JWT against the bare signature check");
    [Algorithm::Rs256, Algorithm::Ps256, Algorithm::Es256, Algorithm::EdDsa]
        .into_iter()
        .map(|algorithm| of(algorithm, plan))
        .collect()
}

fn of(algorithm: Algorithm, plan: &Plan) -> Result<Row> {
    let key = TestKey::shared(algorithm);
    let (token, policy) = (key.sign(&claims()), policy()?);
    let keys = KeySet::parse(jwks([key]).as_bytes(), &KeySetLimits::default())
        .map_err(|error| format!("{algorithm}: {error}"))?;
    let bare = public_key(algorithm, &key.jwk())?;
    let (signed, mark) = token.rsplit_once('.').ok_or("the token has no signature")?;
    let mark = decoded(mark)?;
    let slice = plan.time / 8;
    let sides: Vec<Side<'_>> = vec![
        Box::new(|| {
            micros(slice, || {
                bare.verify_sig(black_box(signed.as_bytes()), &mark).map_err(|_| "refused".into())
            })
        }),
        Box::new(|| {
            micros(slice, || {
                let refused = |refusal| format!("{algorithm}: the token is refused: {refusal}");
                let token = Token::parse(black_box(&token)).map_err(refused)?;
                black_box(verify(&token, &keys, &policy, NOW).map_err(refused)?);
                Ok(())
            })
        }),
    ];
    let values = in_turns(plan.rounds * TURNS, sides)?;
    Ok(Row {
        part: "j",
        what: format!("{algorithm}: parse, policy and signature : the signature alone"),
        subject: shown(&values[1]),
        reference: shown(&values[0]),
        ratio: ratio(&values[1], &values[0]),
        goal: Goal::AtMost(WHOLE),
    })
}

fn shown(values: &[f64]) -> String {
    format!("{:.1} µs", median(values))
}

/// Microseconds of one call, over as many as fit into this time.
fn micros(time: Duration, mut call: impl FnMut() -> Result<()>) -> Result<f64> {
    let (start, mut calls) = (Instant::now(), 0_u32);
    loop {
        for _ in 0..BATCH {
            call()?;
        }
        calls += BATCH;
        let elapsed = start.elapsed();
        if elapsed >= time {
            return Ok(elapsed.as_secs_f64() * 1e6 / f64::from(calls));
        }
    }
}

/// As a CI provider makes them: more than most issuers.
fn claims() -> Value {
    json!({
        "iss": ISSUER, "sub": "repo:org/app:ref:refs/heads/main", "aud": AUDIENCE,
        "jti": "4c2a9a4e-6f0e-4f4b-9c8e-2f7f6f3b1f11", "ref": "refs/heads/main", "repository": "org/app",
        "repository_owner": "org", "run_id": "123456789", "run_attempt": "1", "workflow": "deploy",
        "event_name": "push", "environment": "production", "iat": NOW - 5, "nbf": NOW - 5, "exp": NOW + 300,
    })
}

fn policy() -> Result<Policy> {
    let rule =
        |claim: &str, op| Rule::new(claim, op).map_err(|error| format!("the rule for {claim}: {error}"));
    Ok(Policy {
        issuer: Some(ISSUER.to_owned()),
        audiences: vec![AUDIENCE.to_owned()],
        rules: vec![
            rule("repository_owner", RuleOp::Equals(json!("org")))?,
            rule("sub", RuleOp::Glob("repo:org/*:ref:refs/heads/main".to_owned()))?,
        ],
        ..Policy::default()
    })
}

fn decoded(text: &str) -> Result<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).map_err(|error| format!("no base64url: {error}"))
}

/// The key as aws-lc-rs has it, without anything of ours around it.
fn public_key(algorithm: Algorithm, jwk: &Value) -> Result<ParsedPublicKey> {
    let member = |name: &str| decoded(jwk[name].as_str().unwrap_or_default());
    let rsa = |parameters: &'static RsaParameters| {
        let (n, e) = (member("n")?, member("e")?);
        let key = RsaPublicKeyComponents { n, e }.to_parsed_public_key(parameters);
        key.map_err(|error| format!("no RSA key: {error}"))
    };
    match algorithm {
        Algorithm::Rs256 => rsa(&signature::RSA_PKCS1_2048_8192_SHA256),
        Algorithm::Ps256 => rsa(&signature::RSA_PSS_2048_8192_SHA256),
        Algorithm::Es256 => {
            let point = [vec![4], member("x")?, member("y")?].concat();
            ParsedPublicKey::new(&signature::ECDSA_P256_SHA256_FIXED, point)
                .map_err(|e| format!("no EC key: {e}"))
        }
        Algorithm::EdDsa => ParsedPublicKey::new(&signature::ED25519, member("x")?)
            .map_err(|error| format!("no Ed25519 key: {error}")),
        other => Err(format!("{other} is not measured")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_measured_token_is_verified_and_the_bare_key_checks_its_signature() {
        for algorithm in [Algorithm::Rs256, Algorithm::Ps256, Algorithm::Es256, Algorithm::EdDsa] {
            let key = TestKey::shared(algorithm);
            let bare = public_key(algorithm, &key.jwk()).unwrap();
            let mark = key.signature(b"message");
            assert!(bare.verify_sig(b"message", &mark).is_ok(), "{algorithm}");
            assert!(bare.verify_sig(b"massage", &mark).is_err(), "{algorithm}");
        }
    }
}
