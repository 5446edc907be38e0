//! The server under measurement: the release binary as a process of its own, set up through its command line
//! and its API alone, as an operator would.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::Result;
use crate::issuer::Issuer;
use crate::traffic::Target;

/// The account of all measurements.
pub const ACCOUNT: &str = "bench";
const PATIENCE: Duration = Duration::from_mins(1);

/// Where a server keeps its data.
#[derive(Clone, Debug)]
pub enum Place {
    Folder(PathBuf),
    Postgres(String),
}

impl Place {
    fn words(&self) -> [String; 2] {
        match self {
            Self::Folder(folder) => ["--data-dir".into(), folder.display().to_string()],
            Self::Postgres(url) => ["--database".into(), url.clone()],
        }
    }

    /// The SQLite file.
    pub fn file(&self) -> Option<PathBuf> {
        match self {
            Self::Folder(folder) => Some(folder.join("muster.db")),
            Self::Postgres(_) => None,
        }
    }
}

/// A running server. Ends with this value.
#[derive(Debug)]
pub struct Server {
    child: Child,
    /// `HOST:PORT`.
    pub address: String,
    /// From the start of the process until `/readyz` answered 200.
    pub ready_after: Duration,
}

/// Sends a signal to a process, by the shell's own word: a small system has no program kill.
pub fn signalled(to: &Child, name: &str) -> bool {
    let status =
        Command::new("sh").args(["-c", "kill -s \"$0\" \"$1\"", name, &to.id().to_string()]).status();
    status.is_ok_and(|status| status.success())
}

impl Server {
    /// Starts a server on a free loopback port and waits until it is ready. `log`: where its stderr goes.
    pub fn start(program: &Path, place: &Place, log: &Path, more: &[&str]) -> Result<Self> {
        let failed =
            |error| format!("cannot start {}: {error}; build it first: make build", program.display());
        let stderr = File::create(log).map_err(|error| format!("cannot write {}: {error}", log.display()))?;
        let since = Instant::now();
        let mut command = Command::new(program);
        command.env_clear().args(["serve", "--listen", "127.0.0.1:0"]).args(place.words()).args(more);
        let mut child =
            command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(stderr).spawn().map_err(failed)?;
        let mut banner = String::new();
        let mut out = BufReader::new(child.stdout.take().ok_or("the server has no stdout")?);
        out.read_line(&mut banner).map_err(failed)?;
        // Whatever else it says is read and dropped: a full pipe must not stop it.
        std::thread::spawn(move || std::io::copy(&mut out, &mut std::io::sink()));
        let address = banner.split("http://").nth(1).and_then(|rest| rest.split(' ').next());
        let Some(address) = address.map(str::to_owned) else {
            let _ = child.wait();
            let said = std::fs::read_to_string(log).unwrap_or_default();
            return Err(format!("the server did not start: {}", said.trim()));
        };
        let mut server = Self { child, address, ready_after: Duration::ZERO };
        while call(&server.address, "GET", "/readyz", "", None).is_err() {
            if since.elapsed() > PATIENCE {
                return Err(format!("the server is not ready after {} seconds", PATIENCE.as_secs()));
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        server.ready_after = since.elapsed();
        Ok(server)
    }

    /// Ends it as an operator does, and waits for that.
    pub fn stop(mut self) -> Result<()> {
        if !signalled(&self.child, "TERM") {
            return Err("the server cannot be told to stop".into());
        }
        let ended =
            self.child.wait().map_err(|error| format!("the server's end cannot be awaited: {error}"))?;
        if ended.success() { Ok(()) } else { Err(format!("the server ended with {ended}")) }
    }

    /// Resident memory, kB, as the kernel counts it.
    pub fn resident_kb(&self) -> Result<u64> {
        self.status_kb("VmRSS:")
    }

    /// The most resident memory that it had so far, kB.
    pub fn most_resident_kb(&self) -> Result<u64> {
        self.status_kb("VmHWM:")
    }

    fn status_kb(&self, field: &str) -> Result<u64> {
        let path = format!("/proc/{}/status", self.child.id());
        let status =
            std::fs::read_to_string(&path).map_err(|error| format!("cannot read {path}: {error}"))?;
        let line = status.lines().find_map(|line| line.strip_prefix(field));
        let number = line.and_then(|line| line.split_whitespace().next()).and_then(|word| word.parse().ok());
        number.ok_or_else(|| format!("{path} has no {field}"))
    }

    /// Its SCIM API with this credential.
    pub fn target(&self, token: &str) -> Target {
        self.target_in(ACCOUNT, token)
    }

    /// The same for another account.
    pub fn target_in(&self, account: &str, token: &str) -> Target {
        let base = format!("/gateway/ng/api/scim/account/{account}");
        Target { authority: self.address.clone(), base, token: token.to_owned() }
    }

    /// The platform API with the administrator's token; answers `data`.
    fn api(&self, admin: &str, method: &str, path: &str, body: &Value) -> Result<Value> {
        let path = format!("{path}?accountIdentifier={ACCOUNT}");
        let head = format!("x-api-key: {admin}\r\ncontent-type: application/json\r\n");
        let mut answer = call(&self.address, method, &path, &head, Some(&body.to_string()))?;
        Ok(answer["data"].take())
    }

    /// A service account with the role of an identity provider; answers its token (SAT).
    pub fn service_account(&self, admin: &str) -> Result<String> {
        let parent = json!({"apiKeyType": "SERVICE_ACCOUNT", "parentIdentifier": "sync", "accountIdentifier": ACCOUNT});
        let with = |more: Value| {
            let mut whole = parent.clone();
            if let (Some(whole), Value::Object(more)) = (whole.as_object_mut(), more) {
                whole.extend(more);
            }
            whole
        };
        let body = json!({"identifier": "sync", "name": "sync", "email": "sync@bench.example"});
        self.api(admin, "POST", "/ng/api/serviceaccount", &body)?;
        let body = json!({
            "roleIdentifier": "_scim_provisioner", "resourceGroupIdentifier": "_all_account_level_resources",
            "principal": {"type": "SERVICE_ACCOUNT", "identifier": "sync", "scopeLevel": "account"}
        });
        self.api(admin, "POST", "/authz/api/roleassignments", &body)?;
        self.api(admin, "POST", "/ng/api/apikey", &with(json!({"identifier": "key", "name": "key"})))?;
        let body = with(json!({"identifier": "token", "name": "token", "apiKeyIdentifier": "key"}));
        let token = self.api(admin, "POST", "/ng/api/token", &body)?;
        token.as_str().map(str::to_owned).ok_or_else(|| format!("the server made no token: {token}"))
    }

    /// Stores a setting of the account.
    pub fn set(&self, admin: &str, id: &str, value: &str) -> Result<()> {
        let item = json!({"identifier": id, "value": value, "allowOverrides": false, "updateType": "UPDATE"});
        let answer = self.api(admin, "PUT", "/ng/api/settings", &json!([item]))?;
        if answer[0]["updateStatus"] == true { Ok(()) } else { Err(format!("{id} was not stored: {answer}")) }
    }

    /// Defines an extension of the account's users with one indexed attribute.
    pub fn define(&self, admin: &str, urn: &str, attribute: &str) -> Result<()> {
        let attributes = json!([{"name": attribute, "type": "string", "indexed": true}]);
        let body = json!({"id": urn, "name": "Bench", "appliesTo": "User", "required": false, "attributes": attributes});
        self.api(admin, "POST", "/ng/api/scim-schemas", &body).map(drop)
    }

    /// Trusts an issuer's tokens as that service account.
    pub fn trust(&self, admin: &str, issuer: &Issuer) -> Result<()> {
        let item = |id: &str, value: &str| json!({"identifier": id, "value": value, "allowOverrides": false, "updateType": "UPDATE"});
        let body = json!([
            item("scim_jwt_token_jwks_keys_url", &issuer.url),
            item("scim_jwt_token_key_field", Issuer::CLAIM.0),
            item("scim_jwt_token_value_field", Issuer::CLAIM.1),
            item("scim_jwt_token_service_account_id", "sync"),
        ]);
        let answer = self.api(admin, "PUT", "/ng/api/settings", &body)?;
        let items = answer.as_array().ok_or_else(|| format!("the settings were answered with {answer}"))?;
        match items.iter().find(|item| item["updateStatus"] != true) {
            None => Ok(()),
            Some(item) => Err(format!("a setting was not stored: {item}")),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Makes the account in a database; answers its administrator's token.
pub fn bootstrap(program: &Path, place: &Place) -> Result<String> {
    bootstrap_as(program, place, ACCOUNT)
}

/// The same for another account.
pub fn bootstrap_as(program: &Path, place: &Place, account: &str) -> Result<String> {
    let mut command = Command::new(program);
    command.env_clear().arg("bootstrap").args(place.words());
    command.args(["--account", account, "--email", "admin@bench.example", "--json"]);
    let output = command.output().map_err(|error| format!("cannot start {}: {error}", program.display()))?;
    let made: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
    let failed = || format!("muster bootstrap failed: {}", String::from_utf8_lossy(&output.stderr).trim());
    made["token"].as_str().map(str::to_owned).ok_or_else(failed)
}

/// One call on a connection of its own; the JSON of a 2xx answer.
fn call(address: &str, method: &str, path: &str, head: &str, body: Option<&str>) -> Result<Value> {
    let failed = |error: std::io::Error| format!("{method} {path} failed: {error}");
    let mut stream = TcpStream::connect(address).map_err(failed)?;
    stream.set_read_timeout(Some(PATIENCE)).map_err(failed)?;
    let length = body.map(|body| format!("content-length: {}\r\n", body.len())).unwrap_or_default();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n{head}{length}\r\n{}",
        body.unwrap_or_default()
    );
    stream.write_all(request.as_bytes()).map_err(failed)?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).map_err(failed)?;
    let (head, body) = answer.split_once("\r\n\r\n").ok_or("the answer has no end of its head")?;
    if !head.starts_with("HTTP/1.1 2") {
        return Err(format!("{method} {path} was answered with {answer}"));
    }
    serde_json::from_str(body).map_err(|error| format!("{method} {path} answered no JSON: {error}"))
}
