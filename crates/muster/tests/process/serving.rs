//! Connections and the end of the server: limits, health, drain.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use rusqlite::Connection;
use serde_json::{Value, json};

use super::watching::{ask, management};
use super::{Server, data_dir, found_account, parse, post, postgres, rest, run, signal};

const ASK: &[u8] = b"GET /livez HTTP/1.1\r\nhost: x\r\n\r\n";

fn on(data: &str, more: &[&str]) -> Server {
    Server::start(&[&["--data-dir", data], more].concat())
}

/// Reads from a connection that stays open, until the answer has come.
fn one_answer(stream: &mut TcpStream, end: &str) -> String {
    let (mut got, mut chunk) = (Vec::new(), [0; 4096]);
    while !String::from_utf8_lossy(&got).ends_with(end) {
        match stream.read(&mut chunk) {
            Ok(0) | Err(_) => break,
            Ok(count) => got.extend_from_slice(&chunk[..count]),
        }
    }
    String::from_utf8_lossy(&got).into_owned()
}

/// A request whose body does not come, and is waited for.
fn stuck(server: &Server) -> TcpStream {
    let head =
        "POST /v1/setup HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 100\r\n";
    let mut stream = begun(server, head);
    stream.write_all(b"{").expect("it is open");
    stream
}

/// A request of which this is the head, once the server asks for its body.
fn begun(server: &Server, head: &str) -> TcpStream {
    let mut stream = server.connect();
    stream.write_all(format!("{head}expect: 100-continue\r\n\r\n").as_bytes()).expect("it is open");
    let answer = one_answer(&mut stream, "\r\n\r\n");
    assert!(answer.starts_with("HTTP/1.1 100"), "{answer}");
    stream
}

#[track_caller]
fn took(since: Instant, least_millis: u64, most_millis: u64) {
    let took = since.elapsed();
    assert!(took >= Duration::from_millis(least_millis), "too soon: {took:?}");
    assert!(took <= Duration::from_millis(most_millis), "too late: {took:?}");
}

#[test]
fn health_and_version_are_open() {
    let (_folder, data) = data_dir();
    let server = on(&data, &[]);
    assert!(server.get("/livez").ends_with("\r\n\r\nok\n"));
    assert_eq!(parse(&server.get("/readyz")), (200, json!({"ready": true})));
    for path in ["/v1/version", "/gateway/v1/version"] {
        assert_eq!(parse(&server.get(path)), (200, json!({"version": env!("CARGO_PKG_VERSION")})), "{path}");
    }
    assert!(server.banner.contains("SQLite"), "{}", server.banner);
}

#[test]
fn the_log_begins_with_what_is_open() {
    let (_folder, data) = data_dir();
    let telling = |server: &Server, parts: &[&str]| {
        let log = server.log();
        let line = log.lines().find(|line| line.ends_with('}') && line.contains("\"serving\""));
        let line = line.unwrap_or_else(|| panic!("no such line: {log}"));
        let listen = format!("\"listen\":\"{}\"", server.address);
        for part in parts.iter().chain([&&*listen]) {
            assert!(line.contains(part), "{part}: {line}");
        }
    };
    let words =
        ["--log-format", "json", "--public-url", "https://id.example.com", "--trusted-proxies", "10.0.0.1"];
    let all = [&words[..], &["--management-listen", "127.0.0.1:0"]].concat();
    let told =
        ["\"public_url\":\"https://id.example.com\"", "\"trusted_proxies\":true", "\"operator\":false"];
    telling(
        &on(&data, &all),
        &[&told[..], &["\"engine\":\"sqlite\"", "\"management\":\"127.0.0.1:"]].concat(),
    );
    if let Some(url) = postgres() {
        let server = Server::start(&["--database", &url, "--log-format", "json"]);
        telling(
            &server,
            &["\"engine\":\"postgres\"", "\"sslmode\":\"disable\"", "\"trusted_proxies\":false"],
        );
    }
}

#[test]
fn not_ready_until_migrated() {
    let (_folder, data) = data_dir();
    let server = on(&data, &["--auto-migrate", "off"]);
    let (status, body) = parse(&server.get("/readyz"));
    assert_eq!((status, &body["ready"]), (503, &json!(false)));
    let reason = body["reasons"][0].as_str().unwrap_or_default();
    assert!(reason.contains("migrations are pending") && reason.contains("muster migrate"), "{body}");
    run(["migrate", "--data-dir", &data]).fine();
    let since = Instant::now();
    while parse(&server.get("/readyz")).0 != 200 {
        assert!(since.elapsed() < Duration::from_secs(20), "{}", server.log());
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(parse(&server.get("/scim/v2/acme/Users")).0, 401, "ready is: served");
}

#[test]
fn not_ready_without_its_database() {
    let Some(url) = postgres() else { return };
    let server = Server::start(&["--database", &url]);
    assert_eq!(parse(&server.get("/readyz")).0, 200);
    let name =
        url.rsplit('/').next().and_then(|rest| rest.split('?').next()).expect("the URL names a database");
    let admin = db::testing::postgres().expect("it is there");
    admin.admin(&format!("DROP DATABASE {name} WITH (FORCE)")).expect("the database can be dropped");
    let (status, body) = parse(&server.get("/readyz"));
    assert_eq!((status, &body["ready"]), (503, &json!(false)), "{body}");
    // Anybody may ask: where the database is and who uses it is for the log.
    let told = json!(["database: it cannot be reached, or takes no work now; see the log"]);
    assert_eq!(body["reasons"], told);
    let log = server.log();
    assert!(log.contains("not ready") && log.contains(name), "{log}");
    assert!(server.get("/livez").starts_with("HTTP/1.1 200"));
}

/// A request whose credential is refused.
fn strange(length: usize, more: &str) -> String {
    format!(
        "POST /scim/v2/acme/Users HTTP/1.1\r\nhost: x\r\nauthorization: Bearer x\r\n\
         content-type: application/scim+json\r\ncontent-length: {length}\r\n{more}\r\n"
    )
}

#[test]
fn a_refusal_arrives_although_the_body_was_not_read() {
    let (_folder, data) = data_dir();
    let server = on(&data, &[]);
    let mut stream = server.connect();
    for _ in 0..3 {
        stream.write_all(strange(30_000, "").as_bytes()).expect("it is open");
        std::thread::sleep(Duration::from_millis(20));
        stream.write_all(&vec![b'x'; 30_000]).expect("it is open");
        let answer = one_answer(&mut stream, "}");
        assert!(answer.starts_with("HTTP/1.1 401") && !answer.contains("connection: close"), "{answer}");
    }
    stream.write_all(strange(9_000_000, "").as_bytes()).expect("it is open");
    for _ in 0..90 {
        stream.write_all(&vec![b'x'; 100_000]).expect("the server reads on");
    }
    let answer = rest(&mut stream);
    assert!(answer.starts_with("HTTP/1.1 401") && answer.contains("connection: close\r\n"), "{answer}");
}

#[test]
fn nobody_is_asked_for_a_body_that_is_refused_anyway() {
    let (_folder, data) = data_dir();
    let server = on(&data, &["--platform-body-limit", "1KiB"]);
    let expect = "expect: 100-continue\r\n";
    let setup = "POST /v1/setup HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n";
    for (request, status) in [
        (strange(100, expect), "401"),
        (format!("{setup}content-length: 2000\r\n{expect}\r\n"), "413"),
        (format!("{setup}content-length: 2000\r\n\r\n"), "413"),
    ] {
        let since = Instant::now();
        let mut stream = server.connect();
        stream.write_all(request.as_bytes()).expect("it is open");
        let answer = one_answer(&mut stream, "}");
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{answer}");
        assert!(answer.contains("connection: close\r\n"), "{answer}");
        took(since, 0, 3_000);
    }
    let mut stream = server.connect();
    let head = format!("{setup}connection: close\r\ncontent-length: 2\r\n{expect}\r\n");
    stream.write_all(head.as_bytes()).expect("it is open");
    assert_eq!(one_answer(&mut stream, "\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(b"{}").expect("it is open");
    assert!(rest(&mut stream).starts_with("HTTP/1.1 400"));
}

#[test]
fn a_flood_of_headers_is_refused() {
    let (_folder, data) = data_dir();
    let server = on(&data, &["--header-limit", "8KiB"]);
    let many = "x-again: 1\r\n".repeat(200);
    let answer = server.raw(format!("GET /livez HTTP/1.1\r\nhost: x\r\n{many}\r\n").as_bytes());
    assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
    let long = "a".repeat(9_000);
    // The second never ends: the server must not wait for the end, nor reset the connection over the answer.
    for request in [
        format!("GET /livez HTTP/1.1\r\nhost: x\r\nx-long: {long}\r\n\r\n"),
        format!("GET /livez HTTP/1.1\r\nhost: x\r\nx-endless: {}", "a".repeat(600_000)),
    ] {
        let since = Instant::now();
        let mut stream = server.connect();
        stream.write_all(request.as_bytes()).expect("the server reads on");
        stream.shutdown(std::net::Shutdown::Write).expect("it is open");
        let answer = rest(&mut stream);
        assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
        took(since, 0, 5_000);
    }
    assert!(server.get("/livez").starts_with("HTTP/1.1 200"));
}

/// Status, headers and JSON body of a refused head.
fn refused(server: &Server, request: &str) -> (u16, String, Value) {
    let answer = server.raw(request.as_bytes());
    let (status, body) = parse(&answer);
    let (head, text) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    assert!(head.contains(&format!("content-length: {}\r\n", text.len())), "{answer}");
    (status, head.to_owned(), body)
}

#[test]
fn a_refused_head_is_answered_in_the_words_of_its_surface() {
    let (_folder, data) = data_dir();
    let server = on(&data, &["--header-limit", "8KiB"]);
    let flood = format!("host: x\r\n{}\r\n", "x-again: 1\r\n".repeat(200));
    for path in ["/scim/v2/acme/Users", "/gateway/ng/api/scim/account/acme/Groups?count=1"] {
        for (status, words, rest) in
            [(431, "fewer and shorter", &*flood), (400, "HTTP/1.1", "no header\r\n\r\n")]
        {
            let (got, head, body) = refused(&server, &format!("GET {path} HTTP/1.1\r\n{rest}"));
            assert_eq!((got, &body["status"]), (status, &json!(status.to_string())), "{head}{body}");
            assert!(head.contains("content-type: application/scim+json\r\n"), "{head}");
            assert_eq!(body["schemas"], json!(["urn:ietf:params:scim:api:messages:2.0:Error"]));
            let id = head.split("x-request-id: ").nth(1).and_then(|rest| rest.lines().next()).expect("an id");
            let detail = body["detail"].as_str().expect("a text");
            assert!(detail.contains(words) && detail.contains(id), "{head}{body}");
        }
    }
    let (status, head, body) = refused(&server, &format!("GET /ng/api/settings HTTP/1.1\r\n{flood}"));
    assert_eq!((status, &body["status"], &body["code"]), (431, &json!("ERROR"), &json!("INVALID_REQUEST")));
    assert!(head.contains("content-type: application/json\r\n"), "{head}");
    assert!(head.contains(body["correlationId"].as_str().expect("an id")), "{head}{body}");
    let (status, _, body) =
        refused(&server, &format!("GET /scim/v2/acme/Users?filter={} HTTP/1.1\r\n\r\n", "a".repeat(70_000)));
    assert!(matches!(status, 414 | 431) && body["status"] == json!(status.to_string()), "{status} {body}");
    // The second request of a connection is known by its own first line, not by the first one's.
    let mut stream = server.connect();
    stream.write_all(ASK).expect("it is open");
    assert!(one_answer(&mut stream, "ok\n").starts_with("HTTP/1.1 200"));
    stream.write_all(format!("GET /scim/v2/acme/Users HTTP/1.1\r\n{flood}").as_bytes()).expect("it is open");
    assert_eq!(parse(&rest(&mut stream)).1["status"], "431");
    let answer = server.raw(format!("HEAD /scim/v2/acme/Users HTTP/1.1\r\n{flood}").as_bytes());
    assert!(answer.starts_with("HTTP/1.1 431") && answer.ends_with("\r\n\r\n"), "{answer}");
}

/// RFC 9112 section 3.2.
#[test]
fn a_request_names_its_host_once() {
    let (_folder, data) = data_dir();
    let server = on(&data, &[]);
    let ask =
        |line: &str, hosts: &str| refused(&server, &format!("{line}\r\n{hosts}connection: close\r\n\r\n"));
    for bad in ["", "host: a\r\nhost: a\r\n", "host: a b\r\n", "host: a/b\r\n", "host: me@a\r\n"] {
        let (status, head, body) = ask("GET /scim/v2/acme/Users HTTP/1.1", bad);
        assert_eq!((status, &body["status"]), (400, &json!("400")), "{bad:?}: {head}{body}");
        assert!(
            body["detail"].as_str().is_some_and(|detail| detail.contains("Host header")),
            "{bad:?}: {body}"
        );
        let (status, _, body) = ask("GET /livez HTTP/1.1", bad);
        assert_eq!((status, &body["code"]), (400, &json!("INVALID_REQUEST")), "{bad:?}: {body}");
    }
    for good in ["host:\r\n", "host: a_b:8080\r\n", "host: [::1]:1\r\n", "host: 127.0.0.1\r\n"] {
        assert_eq!(ask("GET /livez HTTP/1.1", good).0, 200, "{good:?}");
        assert_eq!(ask("GET /livez HTTP/1.0", good).0, 200, "{good:?}");
    }
    assert_eq!(ask("GET /livez HTTP/1.0", "").0, 200, "HTTP/1.0 knows no Host");
    assert_eq!(ask("GET /livez HTTP/1.0", "host: a\r\nhost: b\r\n").0, 400);
}

#[test]
fn a_data_directory_that_is_removed_makes_the_server_unready() {
    let (_folder, data) = data_dir();
    let server = on(&data, &[]);
    assert!(server.get("/readyz").starts_with("HTTP/1.1 200"));
    std::fs::remove_dir_all(&data).expect("it is ours");
    let answer = server.get("/readyz");
    assert!(answer.starts_with("HTTP/1.1 503") && !answer.contains(&data), "{answer}");
    assert!(server.log().contains("removed or replaced"), "{}", server.log());
    assert!(server.get("/livez").starts_with("HTTP/1.1 200"));
}

#[test]
fn a_body_over_the_limit_is_refused() {
    let (_folder, data) = data_dir();
    let server = on(&data, &["--platform-body-limit", "1KiB"]);
    let (status, body) = server.post("/v1/setup", &json!({"code": "a".repeat(5_000)}));
    assert_eq!((status, &body["code"]), (413, &json!("INVALID_REQUEST")), "{body}");
}

#[test]
fn a_dripping_header_is_cut_off_and_a_quiet_connection_is_not() {
    let (_folder, data) = data_dir();
    let server = on(&data, &["--header-timeout", "1s", "--idle-timeout", "60s"]);
    let mut quiet = server.connect();
    quiet.write_all(ASK).expect("it is open");
    assert!(one_answer(&mut quiet, "ok\n").starts_with("HTTP/1.1 200"));

    let (mut slow, since) = (server.connect(), Instant::now());
    for byte in b"GET /livez HTTP/1.1\r\nx-slow: ".iter().chain(std::iter::repeat_n(&b'a', 80)) {
        if slow.write_all(&[*byte]).is_err() {
            break;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    assert_eq!(rest(&mut slow), "");
    took(since, 700, 8_000);

    quiet.write_all(ASK).expect("the quiet connection is still open");
    assert!(one_answer(&mut quiet, "ok\n").starts_with("HTTP/1.1 200"));
}

#[test]
fn an_idle_connection_ends() {
    let (_folder, data) = data_dir();
    let server = on(&data, &["--idle-timeout", "1s"]);
    let since = Instant::now();
    assert_eq!(rest(&mut server.connect()), "");
    took(since, 700, 8_000);
}

#[test]
fn above_the_cap_connections_wait_their_turn() {
    let (_folder, data) = data_dir();
    let server = on(&data, &["--max-connections", "2"]);
    let (one, _two) = (server.connect(), server.connect());
    std::thread::sleep(Duration::from_millis(200));
    let mut third = server.connect();
    let ask = b"GET /livez HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    third.write_all(ask).expect("the kernel takes it");
    third.set_read_timeout(Some(Duration::from_millis(400))).expect("a timeout can be set");
    assert!(third.read(&mut [0; 1]).is_err(), "nobody serves it yet");
    drop(one);
    third.set_read_timeout(Some(Duration::from_secs(10))).expect("a timeout can be set");
    assert!(rest(&mut third).starts_with("HTTP/1.1 200"));
}

#[test]
fn a_body_that_does_not_come_is_waited_for_no_longer_than_said() {
    let (_folder, data) = data_dir();
    let server = on(&data, &["--request-timeout", "1s"]);
    let since = Instant::now();
    let mut stream = stuck(&server);
    let answer = one_answer(&mut stream, "}");
    assert!(answer.starts_with("HTTP/1.1 408") && answer.contains("within 0.9 seconds"), "{answer}");
    took(since, 800, 8_000);
}

#[test]
fn a_request_that_takes_too_long_is_answered() {
    let (_folder, data) = data_dir();
    let server = on(&data, &["--request-timeout", "1s"]);
    let code = std::fs::read_to_string(format!("{data}/setup-code")).expect("the code is there");
    let wish = json!({"code": code.trim(), "account": "acme", "email": "a@b"}).to_string();
    // Another process holds the database.
    let other = Connection::open(format!("{data}/muster.db")).expect("the file can be opened");
    other.execute_batch("BEGIN IMMEDIATE").expect("nobody writes");
    let since = Instant::now();
    let (status, body) = parse(&server.raw(post("/v1/setup", &wish).as_bytes()));
    assert_eq!((status, &body["code"]), (503, &json!("SERVICE_UNAVAILABLE")), "{body}");
    took(since, 900, 8_000);
}

fn account(server: &Server, token: &str) -> u16 {
    let head = format!("host: x\r\nx-api-key: {token}\r\nconnection: close");
    parse(&server.raw(format!("GET /ng/api/accounts/acme HTTP/1.1\r\n{head}\r\n\r\n").as_bytes())).0
}

#[test]
fn sigterm_lets_a_request_in_flight_finish() {
    let (_folder, data) = data_dir();
    let server = on(&data, &[]);
    let code = std::fs::read_to_string(format!("{data}/setup-code")).expect("the code is there");
    let wish = json!({"code": code.trim(), "account": "acme", "email": "a@b"}).to_string();
    let request = post("/v1/setup", &wish);
    let (head, body) = request.split_once("\r\n\r\n").expect("a head");
    let (mut flying, mut idle) = (begun(&server, &format!("{head}\r\n")), server.connect());

    server.signal("TERM");
    let since = Instant::now();
    assert_eq!(rest(&mut idle), "", "an idle connection is closed at once");
    while TcpStream::connect(server.address).is_ok() {
        took(since, 0, 20_000);
        std::thread::sleep(Duration::from_millis(20));
    }
    flying.write_all(body.as_bytes()).expect("the request in flight goes on");
    let (status, made) = parse(&rest(&mut flying));
    assert_eq!((status, &made["account_identifier"]), (201, &json!("acme")), "{made}");
    let (exit, _, log) = server.wait();
    assert_eq!(exit, Some(0), "{log}");
    assert!(log.contains("stopping") && log.contains("stopped"), "{log}");

    let token = made["token"].as_str().expect("a token");
    assert_eq!(account(&on(&data, &[]), token), 200, "what was answered is kept");
}

#[test]
fn who_waits_for_events_is_answered_when_the_server_stops() {
    let (_folder, data) = data_dir();
    let token = found_account(["--data-dir", &data]);
    let mut server = on(&data, &["--management-listen", "127.0.0.1:0"]);
    let at = management(&mut server);
    let mut waiting = server.connect();
    let line = "GET /ng/api/events?after=1&waitSeconds=30 HTTP/1.1\r\nhost: x";
    let request = format!("{line}\r\nx-api-key: {token}\r\nconnection: close\r\n\r\n");
    waiting.write_all(request.as_bytes()).expect("it is open");
    let since = Instant::now();
    while !ask(&mut server, at, "/metrics").contains("muster_http_requests_under_way 1\n") {
        took(since, 0, 20_000);
    }

    server.signal("TERM");
    let since = Instant::now();
    let (status, answer) = parse(&rest(&mut waiting));
    assert_eq!((status, &answer["data"]["events"], &answer["data"]["next"]), (200, &json!([]), &json!(1)));
    took(since, 0, 15_000);
    let (exit, _, log) = server.wait();
    assert_eq!(exit, Some(0), "{log}");
    assert!(!log.contains("cut off"), "{log}");
}

#[test]
fn the_end_writes_what_was_noted() {
    let (_folder, data) = data_dir();
    let token = found_account(["--data-dir", &data]);
    let server = on(&data, &[]);
    assert_eq!(account(&server, &token), 200);
    server.signal("TERM");
    assert_eq!(server.wait().0, Some(0));
    let file = rusqlite::Connection::open(format!("{data}/muster.db")).expect("the file is there");
    let ask = "SELECT last_used_at IS NOT NULL FROM tokens";
    assert!(
        file.query_row(ask, [], |row| row.get::<_, bool>(0)).expect("one token"),
        "its last use is known"
    );
}

#[test]
fn the_drain_has_an_end() {
    let (_folder, data) = data_dir();
    let server = on(&data, &["--drain-timeout", "1s"]);
    let _stuck = stuck(&server);
    let since = Instant::now();
    server.signal("TERM");
    let (exit, _, log) = server.wait();
    assert_eq!(exit, Some(0), "{log}");
    took(since, 900, 10_000);
    assert!(log.contains("cut off"), "{log}");
}

/// The processes behind the sessions of a server, which answer nothing as long as this lives.
struct Halted(Vec<u32>);

impl Halted {
    fn behind_sessions_of(url: &str) -> Self {
        let watch = db::Db::open(db::Options::postgres(format!("{url}&application_name=watch")));
        let watch = watch.expect("the database is there");
        let sql = "SELECT CAST(pid AS BIGINT) FROM pg_stat_activity \
                   WHERE datname = current_database() AND application_name = 'muster'";
        let read = watch
            .house()
            .read::<_, db::Error>("sessions", move |tx| tx.query(sql, &[], |row| row.get::<i64>(0)));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let ids = runtime.expect("a runtime starts").block_on(read).expect("sessions can be seen");
        assert!(!ids.is_empty(), "the server has sessions");
        let halted = Self(ids.into_iter().map(|id| u32::try_from(id).expect("an id")).collect());
        halted.all("STOP");
        halted
    }

    fn all(&self, name: &str) {
        self.0.iter().for_each(|id| signal(*id, name));
    }
}

impl Drop for Halted {
    fn drop(&mut self) {
        self.all("CONT");
    }
}

#[test]
fn the_end_does_not_wait_for_a_database_that_does_not_answer() {
    let Some(url) = postgres() else { return };
    let token = found_account(["--database", &url]);
    let server = Server::start(&["--database", &url, "--drain-timeout", "1s"]);
    assert_eq!(account(&server, &token), 200);
    let halted = Halted::behind_sessions_of(&url);
    let mut flying = server.connect();
    let head = format!("host: x\r\nauthorization: Bearer {token}\r\ncontent-length: 16");
    let request = format!("POST /scim/v2/acme/Users HTTP/1.1\r\n{head}\r\n\r\n{{\"userName\":\"a\"}}");
    flying.write_all(request.as_bytes()).expect("it is open");
    std::thread::sleep(Duration::from_millis(300));
    server.signal("TERM");
    let (exit, _, log) = server.wait();
    drop(halted);
    assert_eq!(exit, Some(0), "{log}");
    let told = log.lines().filter(|line| line.contains("the database did not finish")).count();
    assert_eq!(told, 1, "{log}");
}

#[test]
fn a_second_signal_ends_at_once() {
    let (_folder, data) = data_dir();
    let server = on(&data, &["--drain-timeout", "60s"]);
    let _stuck = stuck(&server);
    server.signal("TERM");
    let since = Instant::now();
    while !server.log().contains("stopping") {
        took(since, 0, 20_000);
        std::thread::sleep(Duration::from_millis(20));
    }
    server.signal("TERM");
    let (exit, _, log) = server.wait();
    assert_eq!(exit, Some(1), "{log}");
}

#[test]
fn log_lines_are_json_when_asked_for() {
    let (_folder, data) = data_dir();
    let server = on(&data, &["--log-format", "json"]);
    server.signal("TERM");
    let (_, _, log) = server.wait();
    assert!(log.lines().count() > 0);
    assert!(log.lines().all(|line| serde_json::from_str::<Value>(line).is_ok()), "{log}");
}
