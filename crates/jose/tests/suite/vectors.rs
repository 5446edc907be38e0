//! The JOSE vectors of Project Wycheproof (`json_web_signature`, `json_web_key`, `json_web_crypto`), read
//! from a directory beside the checkout, since they are data and not ours.
//!
//! Their payloads are no claims, so "accepted" means here that the signature step holds. No vector called
//! invalid is ever accepted; each valid one that we refuse is in [`REFUSED`] with its reason.

#![allow(clippy::print_stdout, reason = "a test that cannot run says so")]

use std::path::{Path, PathBuf};

use jose::{KeySet, KeySetLimits, Policy, Step, Token, verify};
use serde_json::{Value, json};

use crate::support::NOW;

/// Valid vectors that our policy refuses: file, numbers, reason.
const REFUSED: &[(&str, &[u64], &str)] = &[
    (
        "json_web_signature",
        &[1, 348, 352, 357, 358, 359, 372, 373, 376, 377],
        "HS256: symmetric keys have no place here",
    ),
    ("json_web_signature", &[346, 350], "the key says PS256, the token PS384"),
    ("json_web_signature", &[347, 351], "the key's alg is ES521, which does not exist"),
    ("json_web_key", &[2, 13, 14, 15], "HS256, HS384, HS512: symmetric keys have no place here"),
    ("json_web_crypto", &[1, 48], "HS256: symmetric keys have no place here"),
    ("json_web_crypto", &[50, 67], "encrypted tokens are not supported"),
];

fn directory() -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/vectors/jose");
    path.is_dir().then_some(path)
}

/// The vectors of a file, or `None` with a word about it.
fn load(name: &str, tests: usize) -> Option<Value> {
    let Some(directory) = directory() else {
        println!("vectors not present, {tests} tests not run ({name})");
        return None;
    };
    let text = std::fs::read_to_string(directory.join(format!("{name}.json"))).expect("the file reads");
    let vectors: Value = serde_json::from_str(&text).expect("the file is JSON");
    assert_eq!(vectors["numberOfTests"].as_u64(), u64::try_from(tests).ok());
    Some(vectors)
}

/// Whether the signature step holds with the group's key or key set.
fn accepted(group: &Value, token: &Value) -> bool {
    let key = if group["public"].is_object() { &group["public"] } else { &group["private"] };
    let set = if key["keys"].is_array() { key.clone() } else { json!({"keys": [key]}) };
    let Ok(keys) = KeySet::parse(set.to_string().as_bytes(), &KeySetLimits::default()) else { return false };
    // The JSON serialization stands as an object in the file, and is sent as its text.
    let text = token.as_str().map_or_else(|| token.to_string(), str::to_owned);
    let verdict = Token::parse(&text).and_then(|token| verify(&token, &keys, &Policy::default(), NOW));
    verdict.map_or_else(|refusal| refusal.step >= Step::Claims, |_| true)
}

fn run(name: &str, tests: usize) {
    let Some(vectors) = load(name, tests) else { return };
    let (mut ran, mut refused) = (0, Vec::new());
    for group in vectors["testGroups"].as_array().expect("groups") {
        for test in group["tests"].as_array().expect("tests") {
            let id = test["tcId"].as_u64().expect("a number");
            let token = if test["jwe"].is_null() { &test["jws"] } else { &test["jwe"] };
            match (test["result"].as_str(), accepted(group, token)) {
                (Some("valid"), false) => refused.push(id),
                (Some("invalid"), true) => panic!("{name} {id} is invalid and accepted: {}", test["comment"]),
                (Some("valid" | "invalid"), _) => {}
                (other, _) => panic!("{name} {id} has the result {other:?}"),
            }
            ran += 1;
        }
    }
    assert_eq!(ran, tests);
    let mut known: Vec<u64> =
        REFUSED.iter().filter(|(file, ..)| *file == name).flat_map(|(_, ids, _)| ids.to_vec()).collect();
    known.sort_unstable();
    assert_eq!(refused, known, "valid vectors of {name} that are refused");
}

#[test]
fn json_web_signature() {
    run("json_web_signature", 401);
}

#[test]
fn json_web_key() {
    run("json_web_key", 26);
}

#[test]
fn json_web_crypto() {
    run("json_web_crypto", 83);
}
