//! What the tests share: a fixed time, sound claims, a policy they meet.
#![allow(dead_code, reason = "each test binary takes what it needs")]

use base64::Engine as _;
use jose::testing::{TestKey, jwks};
use jose::{KeySet, KeySetLimits, Outcome, Policy, Token, explain, precheck, verify};
use serde_json::{Value, json};

/// The time of every test.
pub const NOW: i64 = 1_700_000_000;

pub fn b64(bytes: impl AsRef<[u8]>) -> String {
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes)
}

pub fn claims() -> Value {
    json!({
        "iss": "https://id.example.com", "sub": "job-7", "aud": ["muster", "other"], "jti": "t-1",
        "iat": NOW - 10, "exp": NOW + 600,
    })
}

/// `value` with these members set.
pub fn with(mut value: Value, changes: &Value) -> Value {
    for (name, change) in changes.as_object().expect("changes are an object") {
        value[name] = change.clone();
    }
    value
}

pub fn policy() -> Policy {
    Policy {
        issuer: Some("https://id.example.com".to_owned()),
        audiences: vec!["muster".to_owned()],
        ..Policy::default()
    }
}

pub fn key_set(key: &TestKey) -> KeySet {
    KeySet::parse(jwks([key]).as_bytes(), &KeySetLimits::default()).expect("a sound key set")
}

/// Whether the token passes; verdict and explanation must agree.
pub fn accepted(token: &str, keys: &KeySet, policy: &Policy) -> bool {
    let verdict = Token::parse(token).and_then(|token| {
        let early = precheck(&token, policy, NOW);
        let verdict = verify(&token, keys, policy, NOW);
        assert!(early.is_ok() || verdict.is_err());
        verdict
    });
    let reports = explain(token, Some(keys), policy, NOW).steps;
    let failed = reports.iter().any(|report| report.outcome == Outcome::Fail);
    assert_eq!(verdict.is_err(), failed, "{verdict:?} {reports:#?}");
    if let Err(refusal) = &verdict {
        assert!(reports.iter().any(|report| report.reason == Some(refusal.reason)));
    }
    verdict.is_ok()
}
