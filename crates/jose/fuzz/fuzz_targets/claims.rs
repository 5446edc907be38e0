//! Any header and claims, signed by the trusted key: what is accepted meets the policy, and the explanation comes
//! to the same verdict. The input is `header, NUL, claims`; without a NUL it is the claims alone.
#![no_main]

use std::sync::LazyLock;

use jose::testing::{TestKey, jwks};
use jose::{Algorithm, KeySet, KeySetLimits, Outcome, Policy, Token, explain, verify};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

const NOW: i64 = 1_700_000_000;

static KEYS: LazyLock<KeySet> = LazyLock::new(|| {
    let set = jwks([TestKey::shared(Algorithm::EdDsa)]);
    KeySet::parse(set.as_bytes(), &KeySetLimits::default()).expect("a sound set")
});

fn policy() -> Policy {
    Policy {
        issuer: Some("https://id.example.com".to_owned()),
        audiences: vec!["muster".to_owned()],
        ..Policy::default()
    }
}

/// What may be said of claims that were accepted, read by another reader than ours.
fn is_sound(claims: &[u8]) -> bool {
    let Ok(claims) = serde_json::from_slice::<Value>(claims) else { return false };
    let audience = match &claims["aud"] {
        Value::String(one) => one == "muster",
        Value::Array(many) => many.iter().any(|one| one == "muster"),
        _ => false,
    };
    let lives = claims["exp"].as_f64().is_some_and(|exp| exp > NOW as f64 - 31.0);
    claims["iss"] == "https://id.example.com" && audience && lives
}

fuzz_target!(|data: &[u8]| {
    let plain: &[u8] = br#"{"alg":"EdDSA","kid":"EdDSA"}"#;
    let (header, claims) = match data.iter().position(|byte| *byte == 0) {
        Some(at) => (&data[..at], &data[at + 1..]),
        None => (plain, data),
    };
    let token = TestKey::shared(Algorithm::EdDsa).sign_bytes(header, claims);
    let verdict = Token::parse(&token).and_then(|token| verify(&token, &KEYS, &policy(), NOW));
    let steps = explain(&token, Some(&KEYS), &policy(), NOW).steps;
    let failed = steps.iter().any(|step| step.outcome == Outcome::Fail);
    assert_eq!(verdict.is_err(), failed, "{verdict:?} {steps:?}");
    if verdict.is_ok() {
        assert!(is_sound(claims), "{}", String::from_utf8_lossy(claims));
    }
});
