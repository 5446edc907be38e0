//! The program as an operator meets it: the real binary, real sockets, real signals.

mod account;
mod bootstrap;
mod conformance;
mod crash;
mod crowds;
mod files;
mod late;
mod migrations;
mod options;
mod provisioning_log;
mod refusals;
mod serving;
mod setup;
mod token;
mod watching;
mod webhooks;

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

/// The binary under test.
pub fn muster() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_muster"));
    command.env_clear().current_dir(std::env::temp_dir()).stdin(Stdio::null());
    command
}

/// Runs a command to its end.
pub fn run<const N: usize>(words: [&str; N]) -> Ended {
    Ended::of(&muster().args(words).output().expect("the program starts"))
}

/// Makes account `acme` in a store; answers the token of its administrator.
pub fn found_account([option, store]: [&str; 2]) -> String {
    let words = ["bootstrap", option, store, "--account", "acme", "--email", "a@b", "--json"];
    let made: Value = serde_json::from_str(&run(words).fine()).expect("--json prints JSON");
    made["token"].as_str().expect("a token").to_owned()
}

/// What a finished program left.
#[derive(Debug)]
pub struct Ended {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Ended {
    pub fn of(output: &Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("the program writes UTF-8");
        let code = output.status.code().unwrap_or(-1);
        Self { code, out: text(&output.stdout), err: text(&output.stderr) }
    }

    /// It worked and had nothing to complain.
    #[track_caller]
    pub fn fine(self) -> String {
        assert_eq!((self.code, self.err.as_str()), (0, ""), "out: {}", self.out);
        self.out
    }

    /// It refused with this code, in one line on stderr with all of these words.
    #[track_caller]
    pub fn refused(&self, code: i32, words: &[&str]) {
        assert_eq!(self.code, code, "{self:?}");
        assert_eq!(self.err.trim_end().lines().count(), 1, "one line: {self:?}");
        assert!(self.err.starts_with("muster: "), "{self:?}");
        for word in words {
            assert!(self.err.contains(word), "{word:?} is not in {self:?}");
        }
    }
}

/// Sends a signal to the process of this id.
pub fn signal(to: u32, name: &str) {
    // By the shell's own word: a small system has no program kill.
    let status = Command::new("sh").args(["-c", "kill -s \"$0\" \"$1\"", name, &to.to_string()]).status();
    assert!(status.expect("sh runs").success());
}

/// A running server, killed when the test ends.
pub struct Server {
    child: Child,
    pub address: SocketAddr,
    out: BufReader<std::process::ChildStdout>,
    /// Its first line.
    pub banner: String,
    log: PathBuf,
    _scratch: tempfile::TempDir,
}

impl Server {
    /// Starts a server on a free port and waits until it serves.
    pub fn start(words: &[&str]) -> Self {
        Self::start_by(muster(), words)
    }

    /// As `start`, of a command that becomes the binary.
    pub fn start_by(mut command: Command, words: &[&str]) -> Self {
        let scratch = tempfile::tempdir().expect("a temporary folder");
        let log = scratch.path().join("stderr");
        let stderr = std::fs::File::create(&log).expect("the log can be written");
        command.args(["serve", "--listen", "127.0.0.1:0"]).args(words);
        let mut child = command.stdout(Stdio::piped()).stderr(stderr).spawn().expect("the program starts");
        let mut out = BufReader::new(child.stdout.take().expect("stdout is piped"));
        let mut banner = String::new();
        out.read_line(&mut banner).expect("stdout can be read");
        let address = banner.split("http://").nth(1).and_then(|rest| rest.split(' ').next());
        let Some(address) = address.and_then(|text| text.parse().ok()) else {
            let _ = child.wait();
            panic!("the server did not serve: {}", std::fs::read_to_string(&log).unwrap_or_default());
        };
        let server = Self { child, address, out, banner, log, _scratch: scratch };
        let since = Instant::now();
        while !server.get("/livez").starts_with("HTTP/1.1 200") {
            assert!(since.elapsed() < Duration::from_secs(20), "log: {}", server.log());
            std::thread::sleep(Duration::from_millis(20));
        }
        server
    }

    /// What it has written to stderr.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// A connection to it.
    pub fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).expect("the server accepts");
        stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a timeout can be set");
        stream
    }

    /// Sends bytes and reads the whole answer, to the end of the connection.
    pub fn raw(&self, request: &[u8]) -> String {
        let mut stream = self.connect();
        let _ = stream.write_all(request); // a server that has heard enough closes
        rest(&mut stream)
    }

    pub fn get(&self, path: &str) -> String {
        self.raw(format!("GET {path} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n").as_bytes())
    }

    /// Posts JSON; answers status and body.
    pub fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        parse(&self.raw(post(path, &body.to_string()).as_bytes()))
    }

    /// Its process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal.
    pub fn signal(&self, name: &str) {
        signal(self.child.id(), name);
    }

    /// Waits for its end; answers its code, the rest of its stdout, and its stderr.
    pub fn wait(mut self) -> (Option<i32>, String, String) {
        let since = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("the child can be waited for") {
                break status;
            }
            assert!(since.elapsed() < Duration::from_secs(30), "the server does not end: {}", self.log());
            std::thread::sleep(Duration::from_millis(10));
        };
        let mut rest = String::new();
        self.out.read_to_string(&mut rest).expect("stdout can be read");
        (status.code(), rest, self.log())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A POST request of a JSON body.
pub fn post(path: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "POST {path} HTTP/1.1\r\nhost: test\r\nconnection: close\r\ncontent-type: application/json\r\n\
         content-length: {length}\r\n\r\n{body}"
    )
}

/// Everything until the connection ends.
pub fn rest(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let _ = stream.read_to_end(&mut bytes);
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Status and JSON body of an answer.
pub fn parse(answer: &str) -> (u16, Value) {
    let status = answer.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0);
    let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    (status, serde_json::from_str(body).unwrap_or(Value::Null))
}

/// The name of the user with that token.
#[track_caller]
pub fn my_name(server: &Server, token: &Value) -> String {
    let token = token.as_str().expect("a token");
    let path = "/ng/api/user/currentUser?accountIdentifier=acme";
    let request =
        format!("GET {path} HTTP/1.1\r\nhost: x\r\nx-api-key: {token}\r\nconnection: close\r\n\r\n");
    let (status, body) = parse(&server.raw(request.as_bytes()));
    assert_eq!(status, 200, "{body}");
    body["data"]["name"].as_str().expect("a name").to_owned()
}

/// A data directory that is not there yet, in a folder that goes away.
pub fn data_dir() -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("data").display().to_string();
    (folder, path)
}

/// The permission bits of a file.
pub fn mode(path: impl AsRef<Path>) -> u32 {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::metadata(path).expect("the file is there").permissions().mode() & 0o777
}

/// Says that a real part of a test is not here, and that it is not run; in CI that is a failure.
pub fn not_installed(what: &str) {
    not_here(what, "scripts/install-test-deps.sh");
}

/// As `not_installed`, with what brings it.
#[allow(clippy::print_stderr)] // speaks to whoever runs tests
pub fn not_here(what: &str, script: &str) {
    // It is the environment that says whether this is CI.
    #[allow(clippy::disallowed_methods)]
    let ci = std::env::var("CI").is_ok_and(|ci| ci == "true");
    assert!(!ci, "CI=true, but {what} is not here: run {script}");
    eprintln!("{what} is not here ({script}): what needs it is not run");
}

/// The URL of a fresh PostgreSQL database, where there is PostgreSQL.
pub fn postgres() -> Option<String> {
    db::testing::postgres().map(db::testing::PgServer::create_database)
}

/// Runs a test with the options that name a data directory of its own.
pub fn on_sqlite(test: impl FnOnce([&str; 2])) {
    let (_folder, data) = data_dir();
    test(["--data-dir", &data]);
}

/// As `on_sqlite`, with a database of its own.
pub fn on_postgres(test: impl FnOnce([&str; 2])) {
    if let Some(url) = postgres() {
        test(["--database", &url]);
    }
}
