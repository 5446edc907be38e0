//! The one-time set-up code: where it lies, that it works once, and that nothing else works.

use std::path::Path;

use serde_json::{Value, json};

use super::{Server, data_dir, mode, postgres, run};
use crate::openapi::compare_answer;

fn redeem(server: &Server, code: &str) -> (u16, Value) {
    let (status, body) =
        server.post("/v1/setup", &json!({"code": code, "account": "acme", "email": "root@acme.example"}));
    compare_answer("POST /v1/setup", status, &body);
    (status, body)
}

fn read_code(data: &str) -> String {
    std::fs::read_to_string(format!("{data}/setup-code")).expect("the code is there")
}

fn stop(server: Server) -> (String, String) {
    server.signal("INT");
    let (exit, out, log) = server.wait();
    assert_eq!(exit, Some(0), "{log}");
    (out, log)
}

#[test]
fn the_code_in_the_file_makes_the_first_account_once() {
    let (_folder, data) = data_dir();
    let server = Server::start(&["--data-dir", &data]);
    let (path, code) = (format!("{data}/setup-code"), read_code(&data));
    assert_eq!((mode(&path), code.trim().len()), (0o600, 24));

    let (status, body) = redeem(&server, "not-the-code");
    assert_eq!((status, &body["code"]), (401, &json!("INVALID_TOKEN")), "{body}");
    for (account, email) in [("a b", "a@b"), ("a", "x")] {
        let (status, body) =
            server.post("/v1/setup", &json!({"code": code, "account": account, "email": email}));
        assert_eq!((status, &body["code"]), (400, &json!("INVALID_REQUEST")), "{body}");
    }
    assert!(Path::new(&path).exists(), "a refused try costs nothing");

    let (status, made) = redeem(&server, &code);
    assert_eq!((status, &made["account_identifier"]), (201, &json!("acme")), "{made}");
    assert!(made["token"].as_str().is_some_and(|token| token.starts_with("pat.acme.")));
    assert!(!Path::new(&path).exists(), "the file is gone with the code");
    let (status, body) = redeem(&server, &code);
    assert_eq!((status, &body["code"]), (400, &json!("INVALID_REQUEST")), "{body}");
    assert!(body["message"].as_str().is_some_and(|m| m.contains("set up already")), "{body}");
    run(["setup-code", "--data-dir", &data]).refused(65, &["set up already"]);

    let (out, log) = stop(server);
    assert!(out.contains(&path) && out.contains("muster bootstrap"), "{out}");
    assert!(!out.contains(code.trim()) && !log.contains(code.trim()), "no terminal, no code: {out}{log}");
    let (out, _) = stop(Server::start(&["--data-dir", &data]));
    let rest: Vec<_> = out.lines().filter(|line| !line.contains("/console/")).collect();
    assert!(rest.is_empty(), "a server with an account says nothing of set-up: {rest:?}");
}

#[test]
fn whoever_is_invited_is_told_the_public_url() {
    let (_folder, data) = data_dir();
    let server = Server::start(&["--data-dir", &data, "--public-url", "https://id.example.com/"]);
    assert!(server.banner.contains(" as https://id.example.com with "), "{}", server.banner);
    let (out, _) = stop(server);
    assert!(out.contains("curl https://id.example.com/v1/setup") && !out.contains("http://"), "{out}");
}

/// The line that names the console, if there is one.
fn console(words: &[&str]) -> Option<String> {
    let (_folder, data) = data_dir();
    let (out, _) = stop(Server::start(&[&["--data-dir", &data], words].concat()));
    out.lines().find(|line| line.contains("console")).map(str::to_owned)
}

#[test]
fn whoever_starts_it_is_told_where_the_console_is() {
    let is_there = muster::router::console::is_embedded();
    for public in ["https://id.example.com", "https://example.com/id"] {
        let line = console(&["--public-url", &format!("{public}/")]);
        assert_eq!(line.is_some_and(|line| line.ends_with(&format!(" {public}/console/"))), is_there);
    }
    let line = console(&[]);
    assert_eq!(line.as_ref().is_some_and(|line| line.contains(" http://127.0.0.1:")), is_there, "{line:?}");
    assert_eq!(line.is_some_and(|line| line.ends_with("/console/")), is_there);
    assert_eq!(console(&["--console", "off"]), None);
}

#[test]
fn the_code_outlives_a_restart_and_a_lost_file_is_replaced() {
    let (_folder, data) = data_dir();
    stop(Server::start(&["--data-dir", &data]));
    let first = read_code(&data);
    stop(Server::start(&["--data-dir", &data]));
    assert_eq!(read_code(&data), first);
    std::fs::remove_file(format!("{data}/setup-code")).expect("the file is there");
    let server = Server::start(&["--data-dir", &data]);
    assert_ne!(read_code(&data), first);
    assert_eq!(redeem(&server, &first).0, 401, "the lost code is dead");
    let renewed = run(["setup-code", "--data-dir", &data]).fine();
    assert_eq!(read_code(&data), renewed);
    assert_eq!(redeem(&server, renewed.trim()).0, 201);
}

#[test]
fn bootstrap_ends_the_code() {
    let (_folder, data) = data_dir();
    let server = Server::start(&["--data-dir", &data]);
    let code = read_code(&data);
    run(["bootstrap", "--data-dir", &data, "--account", "acme", "--email", "a@b"]).fine();
    assert!(!Path::new(&format!("{data}/setup-code")).exists());
    assert_eq!(redeem(&server, &code).0, 400);
}

#[test]
fn guessing_is_slowed_down() {
    let (_folder, data) = data_dir();
    let server = Server::start(&["--data-dir", &data]);
    let answers: Vec<u16> = (0..12).map(|n| redeem(&server, &n.to_string()).0).collect();
    assert_eq!(answers[..10], [401; 10]);
    assert_eq!(answers[10..], [429; 2]);
    let wish = json!({"code": "1", "account": "a", "email": "a@b"}).to_string();
    let raw = server.raw(super::post("/gateway/v1/setup", &wish).as_bytes());
    assert!(raw.starts_with("HTTP/1.1 429"), "no second door: {raw}");
    assert!(raw.to_lowercase().contains("\r\nretry-after: "), "{raw}");
}

#[test]
fn on_postgres_any_replica_takes_the_code_and_only_one_wins() {
    let Some(url) = postgres() else { return };
    let one = Server::start(&["--database", &url]);
    let two = Server::start(&["--database", &url]);
    let code = run(["setup-code", "--database", &url]).fine();
    let answers = std::thread::scope(|scope| {
        let tries = [&one, &two, &one, &two].map(|server| scope.spawn(|| redeem(server, &code).0));
        tries.map(|one| one.join().expect("no panic"))
    });
    assert_eq!(answers.iter().filter(|status| **status == 201).count(), 1, "{answers:?}");
    assert!(answers.iter().all(|status| [201, 400, 401].contains(status)), "{answers:?}");
}

#[test]
fn the_administrator_has_the_name_he_is_given() {
    let (_folder, data) = data_dir();
    let server = Server::start(&["--data-dir", &data]);
    let code = read_code(&data);
    let wish =
        |name: &str| json!({"code": code, "account": "acme", "email": "root@acme.example", "name": name});
    let (status, answer) = server.post("/v1/setup", &wish(" "));
    assert_eq!((status, &answer["errors"][0]["fieldId"]), (400, &json!("name")), "{answer}");
    let (status, answer) = server.post("/v1/setup", &wish("Ada Lovelace"));
    assert_eq!(status, 201, "{answer}");
    assert_eq!(super::my_name(&server, &answer["token"]), "Ada Lovelace");
}

#[test]
fn malformed_wishes() {
    let (_folder, data) = data_dir();
    let server = Server::start(&["--data-dir", &data]);
    for body in [json!({}), json!([]), json!({"code": 1, "account": "a", "email": "a@b"})] {
        let (status, answer) = server.post("/v1/setup", &body);
        assert_eq!((status, &answer["code"]), (400, &json!("INVALID_REQUEST")), "{answer}");
    }
}
