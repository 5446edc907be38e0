//! Any text as a token: never accepted, never a panic, and the explanation comes to the same verdict.
#![no_main]

use std::sync::LazyLock;

use jose::testing::{TestKey, jwks};
use jose::{Algorithm, KeySet, KeySetLimits, Outcome, Policy, Token, explain, verify};
use libfuzzer_sys::fuzz_target;

static KEYS: LazyLock<KeySet> = LazyLock::new(|| {
    let keys = [Algorithm::EdDsa, Algorithm::Es256, Algorithm::Rs256].map(TestKey::shared);
    KeySet::parse(jwks(keys).as_bytes(), &KeySetLimits::default()).expect("a sound set")
});

fuzz_target!(|text: &str| {
    let (policy, now) = (Policy::default(), 1_700_000_000);
    let verdict = Token::parse(text).and_then(|token| verify(&token, &KEYS, &policy, now));
    assert!(verdict.is_err(), "nobody guesses a signature");
    let steps = explain(text, Some(&KEYS), &policy, now).steps;
    assert!(steps.iter().any(|step| step.outcome == Outcome::Fail), "{verdict:?}");
});
