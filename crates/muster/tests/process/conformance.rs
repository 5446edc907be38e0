//! The public conformance suites scim2-tester and scim-sanity against a running server. They are installed by
//! scripts/install-test-deps.sh; where they are not, this says so, and fails in CI.
#![allow(clippy::print_stdout)] // speaks to whoever runs tests

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use super::{Ended, Server, data_dir, not_installed, on_postgres, on_sqlite, parse, run};

/// Types that the account makes itself, as the examples have them; the suites then go over them, too.
const TYPES: &[&str] = &[
    include_str!("../../../../examples/scim-types/agent.json"),
    include_str!("../../../../examples/scim-types/agentic-application.json"),
];
/// Checks that the published schemas lead to, without and with the types of the examples.
/// With fewer, something is no longer published.
const TESTER_CHECKS: [usize; 2] = [135, 219];
/// What scim-sanity checks where those types are there.
const SANITY_CHECKS: usize = 45;

/// The programs of both suites, where they are installed.
fn suites() -> Option<[PathBuf; 2]> {
    let root =
        Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("crates/muster lies two below");
    let programs = ["scim2", "scim-sanity"].map(|name| root.join("target/scim2/bin").join(name));
    if programs.iter().all(|program| program.exists()) {
        return Some(programs);
    }
    not_installed("target/scim2/bin");
    None
}

/// A server with one account that speaks this dialect, and an administrator's token.
fn server(store: [&str; 2], dialect: &str) -> (Server, String) {
    let [option, place] = store;
    let made = run(["bootstrap", option, place, "--account", "acme", "--email", "a@acme.example", "--json"]);
    let made: Value = serde_json::from_str(&made.fine()).expect("JSON");
    let token = made["token"].as_str().expect("the token's text").to_owned();
    let server = Server::start(&store);
    let body = json!([{"identifier": "scim_dialect", "value": dialect, "updateType": "UPDATE"}]);
    send(&server, &token, "PUT /ng/api/settings", &body.to_string());
    (server, token)
}

/// Sends a request of the platform API that has to succeed.
fn send(server: &Server, token: &str, what: &str, body: &str) {
    let request = format!(
        "{what}?accountIdentifier=acme HTTP/1.1\r\nhost: test\r\nconnection: close\r\nx-api-key: {token}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    assert_eq!(parse(&server.raw(request.as_bytes())).0, 200, "{what}");
}

/// Both suites, in the dialect that an account has by itself, over the types of the examples, too.
fn both(store: [&str; 2]) {
    let Some([tester, sanity]) = suites() else { return };
    let (server, token) = server(store, "auto");
    for body in TYPES {
        send(&server, &token, "POST /ng/api/scim-resource-types", body);
    }
    scim2_tester(&tester, &server, &token, TESTER_CHECKS[1]);
    scim_sanity(&sanity, &server, &token);
}

fn base(server: &Server) -> String {
    format!("http://{}/scim/v2/acme", server.address)
}

fn scim2_tester(program: &Path, server: &Server, token: &str, checks: usize) {
    let mut command = Command::new(program);
    command.args(["--url", &base(server), "test"]);
    command.env("SCIM_CLI_HEADERS", format!("Authorization: Bearer {token}"));
    let ended = Ended::of(&command.output().expect("the suite starts"));
    let results: Vec<&str> =
        ended.out.lines().filter(|line| line.starts_with(|c: char| c.is_ascii_uppercase())).skip(1).collect();
    let passed = results.iter().filter(|line| line.starts_with("SUCCESS ")).count();
    println!("scim2-tester: {passed} of {} checks passed", results.len());
    assert_eq!(ended.code, 0, "{}{}", ended.out, ended.err);
    assert_eq!(passed, results.len(), "{}", ended.out);
    assert!(passed >= checks, "{passed} checks ran: {}", ended.out);
}

/// In the suite's own strict mode: no failure, no warning, nothing skipped.
fn scim_sanity(program: &Path, server: &Server, token: &str) {
    let mut command = Command::new(program);
    command.args(["probe", &base(server), "--token", token, "--strict"]);
    command.args(["--json-output", "--i-accept-side-effects"]);
    let ended = Ended::of(&command.output().expect("the suite starts"));
    assert_eq!(ended.code, 0, "{}{}", ended.out, ended.err);
    let report: Value = serde_json::from_str(&ended.out).expect("a report in JSON");
    let count = |what: &str| report["summary"][what].as_u64().and_then(|n| usize::try_from(n).ok());
    println!("scim-sanity: {:?} of {:?} checks passed", count("passed"), count("total"));
    assert_eq!(count("passed"), count("total"), "{report:#}");
    assert!(count("passed") >= Some(SANITY_CHECKS), "{report:#}");
}

#[test]
fn public_suites_pass_on_sqlite() {
    on_sqlite(both);
}

#[test]
fn public_suites_pass_on_postgres() {
    on_postgres(both);
}

/// Without the other suite, which adds somebody to a group who is not there: `strict` refuses that.
#[test]
fn scim2_tester_passes_in_strict() {
    let Some([tester, _]) = suites() else { return };
    let (_folder, data) = data_dir();
    let (server, token) = server(["--data-dir", &data], "strict");
    scim2_tester(&tester, &server, &token, TESTER_CHECKS[0]);
}
