//! Who brings the schema up to date, and what the program does until somebody has.

use super::{Ended, Server, data_dir, found_account, muster, on_postgres, on_sqlite, parse, postgres, run};

/// A role of the test cluster that may read and write what is there and change no schema; its URL.
fn plain_role(url: &str, name: &str) -> String {
    let server = db::testing::postgres().expect("there is a URL, so there is a server");
    let (_, rest) = url.rsplit_once('/').expect("a URL");
    let database = rest.split('?').next().expect("a name");
    for sql in [
        format!("CREATE ROLE {name} LOGIN"),
        "REVOKE CREATE ON SCHEMA public FROM PUBLIC".into(),
        format!(
            "ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {name}"
        ),
    ] {
        server.admin_in(database, &sql).expect("the superuser may");
    }
    url.replace("muster@", &format!("{name}@"))
}

#[test]
fn a_role_that_may_not_change_the_schema_starts_once_nothing_is_pending() {
    let Some(url) = postgres() else { return };
    let plain = plain_role(&url, "plain_start");
    let words = ["permission denied", "run `muster migrate` with a role that may", "grant"];
    run(["serve", "--listen", "127.0.0.1:0", "--database", &plain]).refused(69, &words);
    run(["migrate", "--database", &plain]).refused(69, &words);
    run(["migrate", "--database", &url]).fine();
    let server = Server::start(&["--database", &plain]);
    assert!(server.get("/readyz").starts_with("HTTP/1.1 200"), "{}", server.log());
    run(["bootstrap", "--database", &plain, "--account", "a", "--email", "a@b"]).fine();
    assert!(run(["migrate", "--database", &plain]).fine().contains("nothing was pending"));
}

#[test]
fn a_role_with_few_connections_serves_and_says_so() {
    let Some(url) = postgres() else { return };
    let plain = plain_role(&url, "plain_few");
    run(["migrate", "--database", &url]).fine();
    let server = db::testing::postgres().expect("there is a URL, so there is a server");
    server.admin("ALTER ROLE plain_few CONNECTION LIMIT 5").expect("the superuser may");
    let serving = Server::start(&["--database", &plain]);
    let since = std::time::Instant::now();
    while !serving.log().contains("PostgreSQL gives no more connections") {
        assert!(since.elapsed() < std::time::Duration::from_secs(20), "{}", serving.log());
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    assert!(serving.log().contains("--database-connections"), "{}", serving.log());
    // Even the look at the schema takes no connection more.
    assert!(serving.get("/readyz").starts_with("HTTP/1.1 200"));
}

#[test]
fn a_server_that_cannot_start_does_not_say_that_it_serves() {
    let Some(url) = postgres() else { return };
    let plain = plain_role(&url, "plain_too_few");
    run(["migrate", "--database", &url]).fine();
    let server = db::testing::postgres().expect("there is a URL, so there is a server");
    server.admin("ALTER ROLE plain_too_few CONNECTION LIMIT 2").expect("the superuser may");
    let ended = run(["serve", "--listen", "127.0.0.1:0", "--database", &plain]);
    assert!(ended.code != 0 && ended.out.is_empty(), "{ended:?}");
    assert!(ended.err.contains("no connection left"), "{ended:?}");
}

#[test]
fn a_right_that_is_taken_away_makes_it_not_ready_until_it_is_back() {
    let Some(url) = postgres() else { return };
    let plain = plain_role(&url, "plain_robbed");
    run(["migrate", "--database", &url]).fine();
    let token = found_account(["--database", &plain]);
    let server = Server::start(&["--database", &plain]);
    let page = || {
        let path = "/ng/api/accounts/acme?accountIdentifier=acme";
        let head = format!("host: x\r\nx-api-key: {token}\r\nconnection: close");
        server.raw(format!("GET {path} HTTP/1.1\r\n{head}\r\n\r\n").as_bytes())
    };
    assert!(page().starts_with("HTTP/1.1 200"), "{}", page());
    let database = url.rsplit('/').next().and_then(|rest| rest.split('?').next()).expect("a name");
    let admin = db::testing::postgres().expect("there is a URL, so there is a server");
    let right = |sql: &str| admin.admin_in(database, sql).expect("the superuser may");
    right("REVOKE ALL ON accounts FROM plain_robbed");
    let answer = page();
    assert!(answer.starts_with("HTTP/1.1 503") && answer.contains("retry-after: "), "{answer}");
    assert!(!answer.contains("permission") && !answer.contains("table"), "{answer}");
    assert!(server.log().contains("permission denied for table accounts"), "{}", server.log());
    let (status, body) = parse(&server.get("/readyz"));
    let reason = body["reasons"][0].as_str().unwrap_or_default();
    assert!(status == 503 && reason.contains("lacks a right"), "{body}");
    right("GRANT SELECT, INSERT, UPDATE, DELETE ON accounts TO plain_robbed");
    let ready = server.get("/readyz");
    assert!(ready.starts_with("HTTP/1.1 200") && page().starts_with("HTTP/1.1 200"), "{ready}");
}

fn off<const N: usize>(words: [&str; N]) -> Ended {
    let mut command = muster();
    Ended::of(&command.args(words).env("MUSTER_AUTO_MIGRATE", "off").output().expect("the program starts"))
}

fn commands_leave_the_schema_alone(store: [&str; 2]) {
    let words = ["auto-migrate is off", "run `muster migrate`"];
    off(["bootstrap", store[0], store[1], "--account", "a", "--email", "a@b"]).refused(76, &words);
    off(["setup-code", store[0], store[1]]).refused(76, &words);
    run(["check", store[0], store[1]]).refused(76, &["migrations are pending"]);
    off(["migrate", store[0], store[1]]).fine();
    off(["bootstrap", store[0], store[1], "--account", "a", "--email", "a@b"]).fine();
}

#[test]
fn without_auto_migrate_commands_leave_the_schema_alone_on_sqlite() {
    on_sqlite(commands_leave_the_schema_alone);
}

#[test]
fn without_auto_migrate_commands_leave_the_schema_alone_on_postgres() {
    on_postgres(commands_leave_the_schema_alone);
}

fn serves_once_migrated(store: [&str; 2]) {
    let server = Server::start(&[store[0], store[1], "--auto-migrate", "off"]);
    assert!(server.get("/readyz").starts_with("HTTP/1.1 503"));
    for path in ["/scim/v2/acme/Users", "/ng/api/accounts/acme", "/.well-known/x"] {
        let answer = server.get(path);
        assert!(answer.starts_with("HTTP/1.1 503") && answer.contains("muster migrate"), "{answer}");
    }
    let (status, answer) = server.post("/oauth2/acme/token", &serde_json::Value::Null);
    assert_eq!((status, &answer["error"]), (503, &serde_json::json!("temporarily_unavailable")), "{answer}");
    run(["migrate", store[0], store[1]]).fine();
    let since = std::time::Instant::now();
    while !server.get("/ng/api/accounts/acme").starts_with("HTTP/1.1 401") {
        assert!(since.elapsed() < std::time::Duration::from_secs(20), "{}", server.log());
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    assert!(server.get("/readyz").starts_with("HTTP/1.1 200"));
    let code = run(["setup-code", store[0], store[1]]).fine();
    let wish = serde_json::json!({"code": code.trim(), "account": "acme", "email": "a@b"});
    assert_eq!(server.post("/v1/setup", &wish).0, 201);
    server.signal("TERM");
    let (exit, out, log) = server.wait();
    assert_eq!(exit, Some(0), "{log}");
    assert!(out.contains("There is no account yet"), "{out}");
    assert!(!log.contains("ERROR") && !log.contains("a job failed"), "{log}");
}

#[test]
fn what_the_log_lost_at_the_end_is_told_by_its_cause() {
    let (_folder, data) = data_dir();
    let server = Server::start(&["--data-dir", &data, "--auto-migrate", "off"]);
    assert!(server.get("/scim/v2/acme/Users").starts_with("HTTP/1.1 503"));
    server.signal("TERM");
    let (exit, _, log) = server.wait();
    let lines: Vec<_> = log.lines().filter(|line| line.contains("were lost")).collect();
    assert_eq!((exit, lines.len()), (Some(0), 1), "{log}");
    assert!(lines[0].contains("no such table") && !lines[0].contains("on our side"), "{log}");
}

#[test]
fn a_lack_of_connections_after_somebody_migrated_leaves_a_server_that_gets_over_it() {
    let Some(url) = postgres() else { return };
    let plain = plain_role(&url, "plain_late");
    let admin = db::testing::postgres().expect("there is a URL, so there is a server");
    admin.admin("ALTER ROLE plain_late CONNECTION LIMIT 1").expect("the superuser may");
    let server = Server::start(&["--database", &plain, "--auto-migrate", "off"]);
    run(["migrate", "--database", &url]).fine();
    let until = |is_so: &dyn Fn() -> bool| {
        let since = std::time::Instant::now();
        while !is_so() {
            assert!(since.elapsed() < std::time::Duration::from_secs(40), "{}", server.log());
            std::thread::sleep(std::time::Duration::from_millis(100));
        }
    };
    until(&|| server.log().contains("cannot be set up by its code yet"));
    admin.admin("ALTER ROLE plain_late CONNECTION LIMIT 20").expect("the superuser may");
    let database = url.rsplit('/').next().and_then(|rest| rest.split('?').next()).expect("a name");
    until(&|| admin.admin_in(database, "SELECT 1 / COUNT(*) FROM setup_codes").is_ok());
    server.signal("TERM");
    let (exit, out, log) = server.wait();
    assert_eq!(exit, Some(0), "{log}");
    assert!(out.contains("There is no account yet"), "{out}");
}

#[test]
fn a_server_without_auto_migrate_serves_as_soon_as_the_schema_is_there_on_sqlite() {
    on_sqlite(serves_once_migrated);
}

#[test]
fn a_server_without_auto_migrate_serves_as_soon_as_the_schema_is_there_on_postgres() {
    on_postgres(serves_once_migrated);
}
