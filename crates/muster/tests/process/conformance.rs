//! The public conformance suite scim2-tester against a running server. It is installed by
//! scripts/install-test-deps.sh; where it is not, this says so, and fails in CI.
#![allow(clippy::print_stdout)] // speaks to whoever runs tests

use std::path::{Path, PathBuf};
use std::process::Command;

use super::{Ended, Server, data_dir, not_installed, parse, postgres, run};

/// Checks that the published schemas lead to; fewer would mean that something is no longer published.
const CHECKS: usize = 135;

/// The suite's program, where it is installed.
fn scim2() -> Option<PathBuf> {
    let root =
        Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("crates/muster lies two below");
    let program = root.join("target/scim2/bin/scim2");
    if program.exists() {
        return Some(program);
    }
    not_installed("target/scim2/bin/scim2");
    None
}

fn passes(store: [&str; 2], dialect: &str) {
    let Some(program) = scim2() else { return };
    let made = run([
        "bootstrap",
        store[0],
        store[1],
        "--account",
        "acme",
        "--email",
        "admin@acme.example",
        "--json",
    ]);
    let made: serde_json::Value = serde_json::from_str(&made.fine()).expect("JSON");
    let server = Server::start(&store);
    let url = format!("http://{}/scim/v2/acme", server.address);
    let token = made["token"].as_str().expect("the token's text");
    speak(&server, token, dialect);
    let mut command = Command::new(program);
    command.args(["--url", &url, "test"]).env("SCIM_CLI_HEADERS", format!("Authorization: Bearer {token}"));
    let ended = Ended::of(&command.output().expect("the suite starts"));
    let results: Vec<&str> =
        ended.out.lines().filter(|line| line.starts_with(|c: char| c.is_ascii_uppercase())).skip(1).collect();
    let passed = results.iter().filter(|line| line.starts_with("SUCCESS ")).count();
    println!("scim2-tester, dialect {dialect}: {passed} of {} checks passed", results.len());
    assert_eq!(ended.code, 0, "{}{}", ended.out, ended.err);
    assert_eq!(passed, results.len(), "{}", ended.out);
    assert!(passed >= CHECKS, "{passed} checks ran: {}", ended.out);
}

/// Sets the account's dialect.
fn speak(server: &Server, token: &str, dialect: &str) {
    let body = serde_json::json!([{"identifier": "scim_dialect", "value": dialect, "updateType": "UPDATE"}]);
    let body = body.to_string();
    let request = format!(
        "PUT /ng/api/settings?accountIdentifier=acme HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\
         x-api-key: {token}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    assert_eq!(parse(&server.raw(request.as_bytes())).0, 200);
}

#[test]
fn scim2_tester_passes_on_sqlite() {
    let (_folder, data) = data_dir();
    passes(["--data-dir", &data], "auto");
}

#[test]
fn scim2_tester_passes_in_strict() {
    let (_folder, data) = data_dir();
    passes(["--data-dir", &data], "strict");
}

#[test]
fn scim2_tester_passes_on_postgres() {
    if let Some(url) = postgres() {
        passes(["--database", &url], "auto");
    }
}
