//! What an operator's machines see: metrics, readiness, lines about requests.

use std::io::BufRead as _;
use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::json;

use super::{Server, data_dir, parse, run};

/// The second listener of a server.
pub fn management(server: &mut Server) -> SocketAddr {
    let mut line = String::new();
    while !line.starts_with("Metrics are at http://") {
        line.clear();
        assert!(server.out.read_line(&mut line).expect("stdout can be read") > 0, "{}", server.log());
    }
    let address = line.split("http://").nth(1).and_then(|rest| rest.split('/').next()).expect("an address");
    address.parse().expect("an address")
}

/// Asks the second listener.
pub fn ask(server: &mut Server, at: SocketAddr, path: &str) -> String {
    let own = std::mem::replace(&mut server.address, at);
    let answer = server.get(path);
    server.address = own;
    answer
}

#[test]
fn the_second_listener_answers_however_busy_the_first_is() {
    let (_folder, data) = data_dir();
    let words = ["--data-dir", &data, "--management-listen", "127.0.0.1:0", "--max-connections", "1"];
    let mut server = Server::start(&words);
    let at = management(&mut server);
    let bench = run(["bootstrap", "--data-dir", &data, "--account", "acme", "--email", "a@example.com"]);
    bench.fine();
    assert_eq!(parse(&server.get("/scim/v2/acme/Users")).0, 401);
    assert_eq!(parse(&server.get("/metrics")).0, 400, "not for everybody");
    for no_request in ["nothing", "HEAD / HTTP/1.1\r\n: x", "POST /scim/v2/acme/Users HTTP/1.1\r\n: x"] {
        assert_eq!(parse(&server.raw(format!("{no_request}\r\n\r\n").as_bytes())).0, 400, "{no_request}");
    }
    let _seat = server.connect();
    std::thread::sleep(Duration::from_millis(200));
    for path in ["/livez", "/readyz", "/v1/version"] {
        assert!(ask(&mut server, at, path).starts_with("HTTP/1.1 200"), "{path}");
    }
    assert_eq!(parse(&ask(&mut server, at, "/ng/api/settings")).0, 400);
    let page = ask(&mut server, at, "/metrics");
    assert!(page.contains("content-type: application/openmetrics-text"), "{page}");
    for line in [
        "muster_http_requests_total{surface=\"scim\",method=\"GET\",status=\"401\"} 1\n",
        "muster_http_requests_total{surface=\"scim\",method=\"other\",status=\"400\"} 1\n",
        "muster_http_requests_total{surface=\"platform\",method=\"other\",status=\"400\"} 2\n",
        "muster_http_request_duration_seconds_bucket{le=\"10.0\",surface=\"scim\",method=\"GET\"} 1\n",
        "muster_http_requests_under_way 0\n",
        "muster_ready 1\n",
        "muster_database_calls_total{call=\"ping\"}",
        "muster_database_waiting_writes 0\n",
        "muster_log_database_commits_total",
        "muster_provisioning_log_dropped_total 0\n",
        "muster_process_open_fds",
        "# EOF\n",
    ] {
        assert!(page.contains(line), "{line} is not in {page}");
    }
    let build =
        format!("muster_build_info{{version=\"{}\",engine=\"sqlite\"}} 1\n", env!("CARGO_PKG_VERSION"));
    assert!(page.contains(&build), "{page}");
}

#[test]
fn connections_leave_descriptors_for_the_database() {
    let (_folder, data) = data_dir();
    let words = ["--data-dir", &data, "--management-listen", "127.0.0.1:0"];
    let mut server = by_shell("ulimit -n 214", &words);
    let at = management(&mut server);
    assert!(server.log().contains("open_files=214 connections=22"), "{}", server.log());
    let _held: Vec<_> = (0..100).map(|_| server.connect()).collect();
    std::thread::sleep(Duration::from_millis(300));
    let answer = ask(&mut server, at, "/readyz");
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    run(["bootstrap", "--data-dir", &data, "--account", "acme", "--email", "a@example.com"]).fine();
}

#[test]
fn each_request_has_a_line_where_that_is_wanted() {
    let (_folder, data) = data_dir();
    let server = Server::start(&["--data-dir", &data, "--log-level", "info,requests=debug"]);
    let answer = server.get("/scim/v2/acme/Users?filter=secret");
    let id = answer.split("x-request-id: ").nth(1).and_then(|rest| rest.lines().next()).expect("an id");
    let log = server.log();
    let line = log.lines().find(|line| line.contains(id) && line.contains("requests:"));
    let line = line.unwrap_or_else(|| panic!("no line in {log}"));
    for word in ["/scim/v2/acme/Users", "GET", "status=401", "micros=", "127.0.0.1"] {
        assert!(line.contains(word), "{word} is not in {line}");
    }
    assert!(!log.contains("secret"), "{log}");
    let token = "pat.acme.00000000-0000-4000-8000-000000000001.hidden";
    server.get(&format!("/scim/v2/acme/Users/{token}"));
    server.get(&format!("/v1/accounts/{}", token.replace('.', "%2E")));
    let log = server.log();
    assert_eq!((log.matches("[redacted]").count(), log.contains("hidden")), (2, false), "{log}");
    let quiet = Server::start(&["--data-dir", &format!("{data}2")]);
    quiet.get("/scim/v2/acme/Users");
    assert!(!quiet.log().contains("requests:"), "{}", quiet.log());
}

#[test]
fn a_load_balancer_has_time_to_notice_the_end() {
    let (_folder, data) = data_dir();
    let server = Server::start(&["--data-dir", &data, "--drain-delay", "5s"]);
    let since = Instant::now();
    server.signal("TERM");
    let stopping = json!({"ready": false, "reasons": ["the server is stopping"]});
    while parse(&server.get("/readyz")) != (503, stopping.clone()) {
        assert!(since.elapsed() < Duration::from_secs(4), "{}", server.log());
    }
    assert!(server.get("/livez").starts_with("HTTP/1.1 200"), "requests are still taken");
    let (code, ..) = server.wait();
    assert_eq!(code, Some(0));
    assert!(since.elapsed() >= Duration::from_secs(5));
}

#[test]
fn not_ready_while_the_disk_takes_no_writes() {
    let (_folder, data) = data_dir();
    run(["bootstrap", "--data-dir", &data, "--account", "acme", "--email", "a@example.com"]).fine();
    let token = run([
        "bootstrap",
        "--data-dir",
        &data,
        "--account",
        "acme",
        "--email",
        "a@example.com",
        "--another-token",
        "--json",
    ])
    .fine();
    let token: serde_json::Value = serde_json::from_str(&token).expect("JSON");
    let token = token["token"].as_str().expect("a token");
    // With its signal ignored the limit of a file is an error, as a full disk is.
    let server = by_shell("trap '' XFSZ", &["--data-dir", &data]);
    let create = |n: u32| {
        let body = json!({"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
            "userName": format!("u{n}@example.com")})
        .to_string();
        let length = body.len();
        let head = format!(
            "POST /scim/v2/acme/Users HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\
            authorization: Bearer {token}\r\ncontent-type: application/scim+json\r\ncontent-length: {length}\r\n\r\n"
        );
        parse(&server.raw((head + &body).as_bytes())).0
    };
    assert_eq!(create(0), 201);
    limit_files(&server, "1048576");
    let failed = (1..200).map(create).find(|status| *status != 201);
    assert_eq!(failed, Some(503));
    let (status, body) = parse(&server.get("/readyz"));
    assert_eq!(status, 503, "{body}");
    assert!(body["reasons"][0].as_str().is_some_and(|r| r.starts_with("database: the last write failed: ")));
    (300..400).for_each(|n| assert_eq!(create(n), 503));
    let lines = server.log().lines().filter(|line| line.contains("a request failed")).count();
    assert!((1..=60).contains(&lines), "one fault does not flood the log: {lines}");
    limit_files(&server, "unlimited");
    let since = Instant::now();
    while parse(&server.get("/readyz")).0 != 200 {
        assert!(since.elapsed() < Duration::from_mins(1), "{}", server.log());
        std::thread::sleep(Duration::from_millis(200));
    }
    assert_eq!(create(500), 201);
}

/// The server, after something that the shell does first.
fn by_shell(first: &str, words: &[&str]) -> Server {
    let mut shell = Command::new("sh");
    let bin = env!("CARGO_BIN_EXE_muster");
    shell.env_clear().args(["-c", &format!("{first}; exec \"$0\" \"$@\""), bin]).stdin(Stdio::null());
    Server::start_by(shell, words)
}

/// Bounds the files that a running server may write.
fn limit_files(server: &Server, bytes: &str) {
    let (pid, limit) = (server.child.id().to_string(), format!("--fsize={bytes}:"));
    let mut limiter = Command::new("prlimit");
    let status = limiter.args(["--pid", &pid, &limit]).stdin(Stdio::null()).status();
    assert!(status.expect("prlimit runs").success());
}
