//! The log of a real server: what was answered right before its end is written; its file is nobody's fate.

use serde_json::{Value, json};

use super::{Server, data_dir, on_postgres, on_sqlite, parse, run};

fn call(server: &Server, method: &str, path: &str, head: &str, body: &Value) -> (u16, Value) {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let request = format!(
        "{method} {path} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n{head}\r\n\
         content-type: application/scim+json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    parse(&server.raw(request.as_bytes()))
}

fn ends_with_a_whole_log(store: [&str; 2]) {
    let out = run([
        "bootstrap",
        store[0],
        store[1],
        "--account",
        "acme",
        "--email",
        "admin@acme.example",
        "--json",
    ])
    .fine();
    let made: Value = serde_json::from_str(&out).expect("bootstrap answers JSON");
    let token = made["token"].as_str().expect("a token");
    let (bearer, key) = (format!("authorization: Bearer {token}"), format!("x-api-key: {token}"));
    let server = Server::start(&store);
    for n in 0..20 {
        let user =
            json!({"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": format!("u{n}")});
        assert_eq!(call(&server, "POST", "/scim/v2/acme/Users", &bearer, &user).0, 201);
    }
    server.signal("TERM");
    let (code, _, log) = server.wait();
    assert_eq!(code, Some(0), "{log}");
    let server = Server::start(&store);
    let (status, list) = call(&server, "GET", "/ng/api/provisioning-log?limit=100", &key, &Value::Null);
    assert_eq!(status, 200, "{list}");
    assert_eq!(list["data"]["entries"].as_array().map(Vec::len), Some(20), "{list}");
    assert_eq!(list["data"]["lost"]["entries"], 0);
}

#[test]
fn a_server_that_ends_writes_what_waits_on_sqlite() {
    on_sqlite(ends_with_a_whole_log);
}

#[test]
fn a_broken_file_of_the_log_is_set_aside_and_a_lost_one_is_made_anew() {
    let (_folder, data) = data_dir();
    let file = format!("{data}/provisioning-log.db");
    ends_with_a_whole_log(["--data-dir", &data]);
    run(["check", "--data-dir", &data]).fine();
    // A server that was killed leaves its write-ahead log, from which SQLite would make the file whole again.
    let forget = || {
        for end in ["", "-wal", "-shm"] {
            let _ = std::fs::remove_file(format!("{file}{end}"));
        }
    };
    forget();
    std::fs::write(&file, "Dear sirs, ".repeat(2_000)).expect("the folder is writable");
    let words = ["provisioning-log.db", "not a database", "move it away"];
    run(["check", "--data-dir", &data]).refused(69, &words);
    let server = Server::start(&["--data-dir", &data]);
    assert!(server.get("/readyz").starts_with("HTTP/1.1 200"));
    let log = server.log();
    assert!(log.contains("was set aside"), "{log}");
    assert_eq!(log.lines().filter(|line| line.contains(" WARN ")).count(), 1, "{log}");
    drop(server);
    let aside = std::fs::read_dir(&data)
        .expect("the folder is there")
        .flatten()
        .find(|entry| entry.file_name().to_string_lossy().starts_with("provisioning-log.db.damaged-"));
    let bytes = std::fs::read(aside.expect("the damaged file is kept").path()).expect("it can be read");
    assert!(bytes.starts_with(b"Dear sirs"));
    run(["check", "--data-dir", &data]).fine();
    forget();
    let server = Server::start(&["--data-dir", &data]);
    assert!(server.get("/readyz").starts_with("HTTP/1.1 200"));
}

#[test]
fn a_server_that_ends_writes_what_waits_on_postgres() {
    on_postgres(ends_with_a_whole_log);
}
