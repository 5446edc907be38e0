//! What the policy costs beside the bare signature check: `cargo run --release -p jose --example speed`.
//!
//! The aim is a whole verification (parse, signature, claims, rules) within 1.15 times the bare check.

#![allow(clippy::print_stdout, reason = "a measuring program speaks on stdout")]
#![allow(clippy::cast_precision_loss, reason = "ratios are shown with two places")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use aws_lc_rs::digest;
use jose::testing::{TestKey, jwks};
use jose::{Algorithm, KeySet, KeySetLimits, Policy, Rule, RuleOp, Token, verify};
use serde_json::json;

const NOW: i64 = 1_700_000_000;
const BATCHES: u32 = 60;
const BATCH: u32 = 100;

/// The best batch of many, so that what else the machine does counts least.
fn best(mut work: impl FnMut()) -> Duration {
    (0..BATCHES)
        .map(|_| {
            let start = Instant::now();
            (0..BATCH).for_each(|_| work());
            start.elapsed() / BATCH
        })
        .min()
        .expect("there are batches")
}

fn main() {
    let claims = json!({
        "iss": "https://token.actions.example.com", "sub": "repo:org/app:ref:refs/heads/main",
        "aud": "https://muster.example.com", "jti": "4c2a9a4e-6f0e-4f4b-9c8e-2f7f6f3b1f11",
        "ref": "refs/heads/main", "repository": "org/app", "repository_owner": "org", "run_id": "123456789",
        "run_attempt": "1", "workflow": "deploy", "event_name": "push", "environment": "production",
        "iat": NOW - 5, "nbf": NOW - 5, "exp": NOW + 300,
    });
    let policy = Policy {
        issuer: Some("https://token.actions.example.com".to_owned()),
        audiences: vec!["https://muster.example.com".to_owned()],
        rules: vec![
            Rule::new("repository_owner", RuleOp::Equals(json!("org"))).expect("a sound rule"),
            Rule::new("sub", RuleOp::Glob("repo:org/*:ref:refs/heads/main".to_owned()))
                .expect("a sound rule"),
        ],
        ..Policy::default()
    };
    println!(
        "{:8} {:>9} {:>9} {:>9} {:>9} {:>7}",
        "alg", "bare µs", "whole µs", "ours µs", "parse µs", "ratio"
    );
    for algorithm in Algorithm::ALL {
        let key = TestKey::shared(algorithm);
        let token = key.sign(&claims);
        let keys = KeySet::parse(jwks([key]).as_bytes(), &KeySetLimits::default()).expect("a sound key set");
        let signed = &token.as_bytes()[..token.rfind('.').expect("three parts")];
        let signature = key.signature(signed);
        let bare = best(|| assert!(black_box(&keys.keys()[0]).verifies(algorithm, signed, &signature)));
        let whole = best(|| {
            let token = Token::parse(black_box(&token)).expect("a sound token");
            black_box(verify(&token, &keys, &policy, NOW).expect("a token that verifies"));
        });
        let parse = best(|| drop(black_box(Token::parse(black_box(&token)))));
        let micros = |duration: Duration| duration.as_nanos() as f64 / 1000.0;
        println!(
            "{:8} {:>9.2} {:>9.2} {:>9.2} {:>9.2} {:>7.3}",
            algorithm.name(),
            micros(bare),
            micros(whole),
            micros(whole) - micros(bare),
            micros(parse),
            micros(whole) / micros(bare)
        );
    }
    let hash = best(|| {
        black_box(digest::digest(&digest::SHA256, black_box(&[0; 1024])));
    });
    println!("for scale: SHA-256 of 1 KiB takes {:.2} µs", hash.as_nanos() as f64 / 1000.0);
}
