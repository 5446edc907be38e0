//! `muster account`: before the first start, and beside a server that obeys with its next request.

use serde_json::Value;

use super::{Ended, Server, data_dir, muster, on_postgres, on_sqlite, run};

fn account(store: [&str; 2], words: &[&str]) -> Ended {
    let mut command = muster();
    command.arg("account").args(words).args(store);
    Ended::of(&command.output().expect("the program starts"))
}

/// What it says with `--json`.
#[track_caller]
fn told(store: [&str; 2], words: &[&str]) -> Value {
    let out = account(store, &[words, &["--json"]].concat()).fine();
    assert_eq!(out.lines().count(), 1, "{out}");
    serde_json::from_str(&out).expect("--json prints JSON")
}

/// Status of a request that any token may make, where it is taken.
fn status(server: &Server, token: &Value) -> u16 {
    status_of(server, token, "/ng/api/whoami")
}

fn status_of(server: &Server, token: &Value, path: &str) -> u16 {
    let token = token.as_str().expect("a token");
    let head = format!("GET {path} HTTP/1.1\r\nhost: x\r\nx-api-key: {token}\r\nconnection: close");
    super::parse(&server.raw(format!("{head}\r\n\r\n").as_bytes())).0
}

fn before_and_beside(store: [&str; 2]) {
    let acme = told(store, &["create", "acme", "--name", "Acme Corp.", "--email", "root@acme.example"]);
    assert_eq!(acme["account_identifier"], "acme");
    let server = Server::start(&store);
    let globex = told(store, &["create", "globex", "--service-account", "idp", "--surface", "platform"]);
    assert_eq!(globex["service_account_identifier"], "idp");
    account(store, &["create", "globex", "--email", "a@b.example"])
        .refused(65, &["globex already", "muster account token globex"]);

    let all = told(store, &["list"]);
    let shown: Vec<_> =
        all["accounts"].as_array().unwrap().iter().map(|one| (&one["identifier"], &one["name"])).collect();
    assert_eq!(shown, [(&"acme".into(), &"Acme Corp.".into()), (&"globex".into(), &"globex".into())]);
    assert_eq!(told(store, &["rename", "globex", "Globex (UK)"])["name"], "Globex (UK)");
    assert_eq!(told(store, &["rename", "globex", "--name", "Globex SE"])["name"], "Globex SE");
    account(store, &["rename", "globex", ""]).refused(65, &["name"]);

    let token = &globex["token"];
    assert_eq!(status(&server, token), 200);
    let more = told(store, &["token", "globex", "--service-account", "idp"]);
    assert_eq!(more["service_account_identifier"], "idp");
    assert!(more["token"] != *token && status(&server, &more["token"]) == 200, "{more}");
    let other = told(store, &["token", "acme", "--email", "root@acme.example", "--surface", "scim"]);
    for (token, answer) in [(&acme["token"], 200), (&other["token"], 403)] {
        assert_eq!(status_of(&server, token, "/ng/api/accounts/acme"), answer, "the second opens SCIM only");
    }
    account(store, &["delete", "globex"]).refused(65, &["in use", "muster account suspend"]);
    account(store, &["restore", "globex"]).refused(65, &["globex is not deleted"]);
    for (verb, state, answer) in [
        ("suspend", "SUSPENDED", 401),
        ("resume", "ACTIVE", 200),
        ("suspend", "SUSPENDED", 401),
        ("delete", "DELETED", 401),
        ("restore", "SUSPENDED", 401),
        ("resume", "ACTIVE", 200),
    ] {
        let one = told(store, &[verb, "globex"]);
        assert_eq!(
            (&one["status"], one["erase_at"].is_null()),
            (&state.into(), state != "DELETED"),
            "{verb}"
        );
        assert_eq!((status(&server, token), status(&server, &acme["token"])), (answer, 200), "{verb}");
    }
    account(store, &["suspend", "initech"]).refused(65, &["no account initech"]);
    account(store, &["token", "initech", "--email", "a@b.example"]).refused(65, &["no account initech"]);
    account(store, &["token", "globex", "--service-account", "other"]).refused(65, &["other"]);
}

#[test]
fn before_the_first_start_and_beside_a_server_on_sqlite() {
    on_sqlite(before_and_beside);
}

#[test]
fn before_the_first_start_and_beside_a_server_on_postgres() {
    on_postgres(before_and_beside);
}

#[test]
fn text_is_for_people() {
    let (_folder, data) = data_dir();
    let store = ["--data-dir", data.as_str()];
    let made = account(store, &["create", "acme", "--email", "root@acme.example"]).fine();
    assert!(made.contains("Token          pat.acme.") && made.contains("shown only now"), "{made}");
    let more = account(store, &["token", "acme", "--email", "root@acme.example"]).fine();
    assert!(more.contains("Holder         ") && more.contains("Token          pat.acme."), "{more}");
    let all = account(store, &["list"]).fine();
    let rows: Vec<Vec<&str>> = all.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(rows, [["ACCOUNT", "STATUS", "USERS", "NAME"], ["acme", "ACTIVE", "1", "acme"]]);
}

#[test]
fn what_cannot_be_done_is_refused_in_one_line() {
    let (_folder, data) = data_dir();
    run(["account", "list", "--data-dir", &data]).refused(69, &["no database", "--data-dir"]);
    run(["account", "create", "a b", "--email", "root@acme.example", "--data-dir", &data])
        .refused(65, &["identifier"]);
    run(["account", "create", "acme", "--email", "nobody", "--data-dir", &data]).refused(65, &["email"]);
    for (words, named) in [
        (&["rename", "acme"][..], "<NAME|--name <NAME>>"),
        (&["rename", "acme", "Acme", "--name", "Acme"], "cannot be used with"),
        (&["suspend", "acme", "--name", "Acme"], "unexpected argument '--name'"),
    ] {
        let ended = account(["--data-dir", &data], words);
        assert!(ended.code == 2 && ended.err.contains(named) && ended.err.contains("Usage"), "{ended:?}");
    }
    for verb in ["create", "token"] {
        let ended = run(["account", verb, "acme", "--data-dir", &data]);
        assert!(ended.code == 2 && ended.err.contains("--email"), "{ended:?}");
    }
}
