//! `muster token explain`: a token looked into without a server.

use std::io::Write as _;
use std::process::Stdio;

use jose::Algorithm;
use jose::testing::{TestKey, jwks};
use serde_json::{Value, json};

use super::{Ended, muster, run};

fn key() -> &'static TestKey {
    TestKey::shared(Algorithm::Es256)
}

/// Noon of the first day of 2026, when the tokens here hold.
const AT: &str = "2026-01-01T12:00:00Z";
const NOON: i64 = 1_767_268_800;

fn token() -> String {
    key().sign(&json!({"iss": "https://a.example", "sub": "x", "iat": NOON, "exp": NOON + 60}))
}

/// A folder with the keys and a trust.
fn files() -> (tempfile::TempDir, String, String) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = |name: &str| folder.path().join(name).display().to_string();
    let (keys, trust) = (path("jwks.json"), path("trust.json"));
    std::fs::write(&keys, jwks([key()])).expect("the folder is writable");
    let document = json!({
        "name": "a", "serviceAccount": "sync", "jwks": {"keys": [key().jwk()]}, "issuer": "https://a.example/",
        "rules": [{"claim": "sub", "op": "equals", "value": "x"}]
    });
    std::fs::write(&trust, document.to_string()).expect("the folder is writable");
    (folder, keys, trust)
}

#[test]
fn a_token_that_holds_ends_with_0() {
    let (_folder, keys, _) = files();
    let table = run(["token", "explain", "--jwks", &keys, "--at", AT, &token()]).fine();
    assert!(table.contains("12  signature       pass  verified by \"ES256\""), "{table}");
    assert!(!table.contains("FAIL") && !table.contains(token().rsplit('.').next().unwrap()), "{table}");
    let object = run(["token", "explain", "--jwks", &keys, "--at", AT, "--json", &token()]).fine();
    let object: Value = serde_json::from_str(&object).expect("one JSON object");
    assert_eq!((&object["accepted"], object["steps"].as_array().unwrap().len()), (&json!(true), 20));
}

#[test]
fn a_token_that_does_not_hold_ends_with_65_and_says_why() {
    let (_folder, keys, trust) = files();
    let ended = run(["token", "explain", "--trust", &trust, "--at", AT, &token()]);
    ended.refused(65, &["the token is refused", "issuer_mismatch", "step 14, issuer"]);
    assert!(ended.out.contains("change    differs by a trailing slash"), "{}", ended.out);
    let late = run(["token", "explain", "--jwks", &keys, &token()]);
    late.refused(65, &["token_expired"]);
    run(["token", "explain", &token()]).refused(65, &["jwks_unavailable"]);
    run(["token", "explain", "--jwks", "/nowhere/jwks", "x"])
        .refused(66, &["--jwks: cannot read /nowhere/jwks"]);
    run(["token", "explain", "--trust", "/nowhere/t", "x"]).refused(66, &["--trust: cannot read /nowhere/t"]);
    run(["token", "explain", "--trust", "/dev/null", "x"]).refused(66, &["--trust: /dev/null is empty"]);
    run(["token", "explain", "--at", "noon", "x"]).refused(65, &["--at noon is no time"]);
    std::fs::write(&trust, r#"{"name": "a", "colour": "red"}"#).expect("the folder is writable");
    let told = run(["token", "explain", "--trust", &trust, "x"]);
    told.refused(65, &["--trust: ", "trust.json cannot be used, correct it", "colour", "serviceAccount"]);
    run(["token", "explain", "--jwks", &trust, "x"])
        .refused(65, &["--jwks: ", "trust.json cannot be used, correct it", "a JWKS"]);
    std::fs::write(&trust, r#"{"name": "a""#).expect("the folder is writable");
    let told = run(["token", "explain", "--trust", &trust, "x"]);
    told.refused(
        65,
        &["--trust: ", "trust.json cannot be used, correct it: it is not one JSON document", "line 1"],
    );
    run(["token", "explain", "--jwks", &trust, "x"]).refused(65, &["--jwks: ", "cannot be used, correct it"]);
}

#[test]
fn what_to_do_about_keys_that_cannot_be_had() {
    let (_folder, _, trust) = files();
    let away = "http://127.0.0.1:1/jwks";
    let document = json!({
        "name": "a", "serviceAccount": "sync", "jwks": {"url": away},
        "rules": [{"claim": "sub", "op": "equals", "value": "x"}]
    });
    std::fs::write(&trust, document.to_string()).expect("the folder is writable");
    let advice = "change    the issuer could not be reached from here: give its keys with --jwks FILE";
    for source in [["--trust", &trust], ["--url", away]] {
        let ended = run(["token", "explain", source[0], source[1], "--at", AT, &token()]);
        ended.refused(65, &["jwks_unavailable"]);
        assert!(ended.out.contains(advice), "{}", ended.out);
    }
    let ended = run(["token", "explain", "--at", AT, &token()]);
    assert!(ended.out.contains("--jwks FILE or --url URL, or a trust"), "{ended:?}");
}

#[test]
fn stdin_and_tokens_of_ours() {
    let (_folder, keys, _) = files();
    let mut command = muster();
    command
        .args(["token", "explain", "--jwks", &keys, "--at", AT])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    let mut child = command.stderr(Stdio::piped()).spawn().expect("the program starts");
    let mut stdin = child.stdin.take().expect("stdin is piped");
    writeln!(stdin, "Bearer {}", token()).expect("it reads");
    drop(stdin);
    Ended::of(&child.wait_with_output().expect("it ends")).fine();
    run(["token", "explain", "pat.acme.id.short"]).refused(65, &["token_malformed", "step 1, form"]);
}
