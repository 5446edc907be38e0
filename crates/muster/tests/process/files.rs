//! Files of the data directory that go away under a running server.

use std::path::Path;

use serde_json::{Value, json};

use super::{Ended, Server, data_dir, found_account, muster, parse, run};

/// The token of a new account.
fn call(server: &Server, token: &str, line: &str, media: &str, body: &Value) -> (u16, Value) {
    let body = body.to_string();
    let length = body.len();
    let head = format!("host: x\r\nconnection: close\r\nauthorization: Bearer {token}\r\nx-api-key: {token}");
    let content = format!("content-type: {media}\r\ncontent-length: {length}");
    parse(&server.raw(format!("{line} HTTP/1.1\r\n{head}\r\n{content}\r\n\r\n{body}").as_bytes()))
}

fn create(server: &Server, token: &str, name: &str) -> (u16, Value) {
    let body = json!({"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": name});
    call(server, token, "POST /scim/v2/acme/Users", "application/scim+json", &body)
}

fn is_there(server: &Server, token: &str, name: &str) -> bool {
    let line = format!("GET /scim/v2/acme/Users?filter=userName%20eq%20%22{name}%22");
    let (status, found) = call(server, token, &line, "application/scim+json", &json!({}));
    assert_eq!(status, 200, "{found}");
    found["totalResults"] == 1
}

/// A command beside the server on this data directory is refused, and says why.
fn refused(words: &[&str], data: &str, says: &[&str]) {
    let output = muster().args(words).args(["--data-dir", data]).output().expect("the program starts");
    Ended::of(&output).refused(69, says);
}

fn renamed(from: &str, to: &str) {
    std::fs::rename(from, to).expect("the folder is writable");
}

#[test]
fn writes_are_refused_while_the_database_file_is_not_the_one_that_was_opened() {
    let (_folder, data) = data_dir();
    let (token, file) = (found_account(["--data-dir", &data]), format!("{data}/muster.db"));
    let server = Server::start(&["--data-dir", &data]);
    assert_eq!(create(&server, &token, "before").0, 201);
    renamed(&file, &format!("{file}.away"));
    let (status, body) = create(&server, &token, "gone");
    assert_eq!((status, &body["status"]), (503, &json!("503")), "{body}");
    std::fs::write(&file, "").expect("the folder is writable");
    let organization = json!({"organization": {"identifier": "gone", "name": "gone"}});
    let make = |server: &Server| {
        call(server, &token, "POST /ng/api/organizations", "application/json", &organization)
    };
    let (status, body) = make(&server);
    assert_eq!((status, &body["code"]), (503, &json!("SERVICE_UNAVAILABLE")), "{body}");
    (0..30).for_each(|n| assert_eq!(create(&server, &token, &format!("gone{n}")).0, 503));
    assert!(server.get("/readyz").contains("database: it cannot be reached"));
    assert!(is_there(&server, &token, "before") && !is_there(&server, &token, "gone"), "reads go on");
    let lines = |word: &str| server.log().lines().filter(|line| line.contains(word)).count();
    assert_eq!(
        (lines("nothing is written to it"), lines("it is written to again")),
        (1, 0),
        "{}",
        server.log()
    );
    let line = format!("the file {file} is no longer the one that was opened");
    assert!(server.log().contains(&line) && server.log().contains("restore a backup"), "{}", server.log());

    renamed(&format!("{file}.away"), &file);
    assert_eq!((create(&server, &token, "after").0, make(&server).0), (201, 200));
    assert_eq!(
        (lines("nothing is written to it"), lines("it is written to again")),
        (1, 1),
        "{}",
        server.log()
    );
    server.signal("KILL");
    server.wait();
    let server = Server::start(&["--data-dir", &data]);
    assert!(["before", "after"].iter().all(|name| is_there(&server, &token, name)));
    assert!(!is_there(&server, &token, "gone"));
}

#[test]
fn a_write_ahead_log_that_is_removed_costs_nothing_that_was_acknowledged() {
    let (_folder, data) = data_dir();
    let (token, log) = (found_account(["--data-dir", &data]), format!("{data}/muster.db-wal"));
    let server = Server::start(&["--data-dir", &data]);
    assert_eq!(create(&server, &token, "before").0, 201);
    std::fs::remove_file(&log).expect("it is there");
    assert_eq!(create(&server, &token, "gone").0, 503);
    let ready = server.get("/readyz");
    assert!(
        ready.starts_with("HTTP/1.1 503") && !ready.contains(&data) && server.log().contains(&log),
        "{ready}"
    );
    assert!(server.log().contains("stop the server, which brings everything into"), "{}", server.log());
    server.signal("TERM");
    server.wait();
    assert!(Path::new(&data).join("muster.db").metadata().expect("it is there").len() > 100_000);
    let server = Server::start(&["--data-dir", &data]);
    assert!(is_there(&server, &token, "before") && !is_there(&server, &token, "gone"));
}

#[test]
fn commands_beside_a_server_open_no_other_file_than_it_has() {
    let (_folder, data) = data_dir();
    let (token, file) = (found_account(["--data-dir", &data]), format!("{data}/muster.db"));
    let (away, backup) = (format!("{file}.away"), format!("{file}.backup"));
    std::fs::copy(&file, &backup).expect("it is there");
    let server = Server::start(&["--data-dir", &data]);
    assert_eq!(create(&server, &token, "before").0, 201);
    renamed(&file, &away);
    let commands: [&[&str]; 3] = [
        &["migrate"],
        &["setup-code"],
        &["bootstrap", "--account", "acme", "--email", "a@b", "--another-token", "--json"],
    ];
    let each_is_refused = |commands: &[&[&str]]| {
        for words in commands {
            refused(words, &data, &["is not the file that process", "put that one back"]);
        }
    };
    each_is_refused(&commands);
    std::fs::copy(&backup, &file).expect("the folder is writable");
    each_is_refused(&commands);
    each_is_refused(&[&["check"], &["serve", "--listen", "127.0.0.1:0"]]);
    renamed(&away, &file);
    run(["check", "--data-dir", &data]).fine();
    assert_eq!(create(&server, &token, "after").0, 201);
    server.signal("KILL");
    server.wait();
    renamed(&file, &away);
    std::fs::remove_file(format!("{file}-wal")).expect("it is there");
    renamed(&backup, &file);
    run(["check", "--data-dir", &data]).fine();
}

#[test]
fn commands_beside_a_server_want_its_log_and_its_index_too() {
    let (_folder, data) = data_dir();
    let (token, file) = (found_account(["--data-dir", &data]), format!("{data}/muster.db"));
    let server = Server::start(&["--data-dir", &data]);
    (0..30).for_each(|n| assert_eq!(create(&server, &token, &format!("u{n}")).0, 201));
    for end in ["-shm", "-wal"] {
        let (path, away) = (format!("{file}{end}"), format!("{data}/away"));
        renamed(&path, &away);
        for words in [&["check"][..], &["migrate"], &["serve", "--listen", "127.0.0.1:0"]] {
            refused(words, &data, &[&path, "is not the file that process"]);
        }
        assert!(!Path::new(&path).exists() && Path::new(&away).metadata().expect("kept").len() > 0);
        renamed(&away, &path);
        run(["check", "--data-dir", &data]).fine();
        assert_eq!(create(&server, &token, &format!("after{end}")).0, 201);
    }
    server.signal("TERM");
    server.wait();
    let server = Server::start(&["--data-dir", &data]);
    assert!(["u0", "u29", "after-shm", "after-wal"].iter().all(|name| is_there(&server, &token, name)));
}

#[test]
fn the_log_is_watched_where_the_database_is_a_link() {
    let (_folder, data) = data_dir();
    let (token, file) = (found_account(["--data-dir", &data]), format!("{data}/muster.db"));
    let home = format!("{data}/elsewhere");
    std::fs::create_dir(&home).expect("the folder is writable");
    renamed(&file, &format!("{home}/m.db"));
    std::os::unix::fs::symlink("elsewhere/m.db", &file).expect("the folder is writable");
    let server = Server::start(&["--data-dir", &data]);
    assert_eq!(create(&server, &token, "before").0, 201);
    std::fs::remove_file(format!("{home}/m.db-wal")).expect("SQLite has it there");
    assert_eq!(create(&server, &token, "gone").0, 503);
    server.signal("TERM");
    server.wait();
    let server = Server::start(&["--data-dir", &data]);
    assert!(is_there(&server, &token, "before") && !is_there(&server, &token, "gone"));
}
