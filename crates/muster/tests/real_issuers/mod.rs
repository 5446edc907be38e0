//! Real issuers, each in a process of its own: `oidc-provider` (npm), which the walk uses too, and a server
//! made with Authlib (`PyPI`). Their tokens are let in, in each algorithm, and where one is not, explain
//! names the step. scripts/install-test-deps.sh installs them; where one is missing, this says so, and fails
//! in CI.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::actors::World;
use crate::both_engines;
use crate::process::{not_installed, parse, rest, signal};

const AT: &str = "/ng/api/jwt-trusts";
const USERS: &str = "/scim/v2/acme/Users?count=0";
const AUDIENCE: &str = "urn:muster:scim";
const LEEWAY_SECS: i64 = 30;

/// Whose server it is.
#[derive(Clone, Copy)]
enum Maker {
    OidcProvider,
    Authlib,
}

/// A running issuer; ends with the value.
struct Issuer {
    child: Child,
    /// Kept open: it may have more to say.
    out: BufReader<ChildStdout>,
    /// Its own words: `issuer`, `token_endpoint`.
    about: Value,
}

/// A token with what its issuer wrote into it.
struct Issued {
    text: String,
    header: Value,
    claims: Value,
}

impl Maker {
    /// What starts it, where it is installed.
    fn command(self) -> Option<Command> {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let root = here.ancestors().nth(2).expect("crates/muster lies two below");
        let (needs, program, script): (PathBuf, PathBuf, PathBuf) = match self {
            Self::OidcProvider => {
                let folder = root.join("examples/jwt-scim");
                (folder.join("node_modules/oidc-provider"), "node".into(), folder.join("provider.mjs"))
            }
            Self::Authlib => {
                let python = root.join("target/authlib/bin/python");
                (python.clone(), python, here.join("tests/real_issuers/authlib_issuer.py"))
            }
        };
        if !needs.exists() {
            not_installed(&needs.strip_prefix(root).unwrap_or(&needs).display().to_string());
            return None;
        }
        let mut command = Command::new(program);
        command.arg(script).arg("0");
        Some(command)
    }

    fn start(self) -> Option<Issuer> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let log = folder.path().join("stderr");
        let mut command = self.command()?;
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        command.stderr(std::fs::File::create(&log).expect("the log can be written"));
        let mut child = command.spawn().expect("the issuer's interpreter is installed");
        let out = BufReader::new(child.stdout.take().expect("stdout is piped"));
        let mut issuer = Issuer { child, out, about: Value::Null };
        while issuer.about.is_null() {
            let mut line = String::new();
            let read = issuer.out.read_line(&mut line).expect("stdout can be read");
            assert!(read > 0, "it did not start: {}", std::fs::read_to_string(&log).unwrap_or_default());
            // It may say other things before.
            issuer.about = serde_json::from_str(&line).unwrap_or_default();
        }
        Some(issuer)
    }
}

impl Drop for Issuer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Issuer {
    fn url(&self) -> &str {
        self.about["issuer"].as_str().expect("it is a text")
    }

    /// A token of the `client_credentials` grant.
    fn token(&self, algorithm: &str, audience: &str) -> Issued {
        let endpoint = self.about["token_endpoint"].as_str().expect("it is a text");
        let (authority, path) =
            endpoint.trim_start_matches("http://").split_once('/').expect("it has a path");
        let body = format!(
            "grant_type=client_credentials&client_id={}&client_secret=a-secret-for-this-example-only&resource={audience}",
            client(algorithm)
        );
        let request = format!(
            "POST /{path} HTTP/1.1\r\nhost: {authority}\r\nconnection: close\r\n\
             content-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        let mut stream = TcpStream::connect(authority).expect("the issuer accepts");
        stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a timeout can be set");
        stream.write_all(request.as_bytes()).expect("the issuer reads");
        let answer = rest(&mut stream);
        let (status, body) = parse(&answer);
        assert_eq!(status, 200, "{answer}");
        Issued::read(body["access_token"].as_str().expect("an access token"))
    }

    /// Makes it rotate its keys; answers a token of the new one.
    fn rotate(&self, algorithm: &str, old: &Issued) -> Issued {
        signal(self.child.id(), "HUP");
        let since = Instant::now();
        loop {
            let token = self.token(algorithm, AUDIENCE);
            if token.header["kid"] != old.header["kid"] {
                return token;
            }
            assert!(since.elapsed() < Duration::from_secs(20), "the issuer does not rotate its keys");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Issued {
    fn read(text: &str) -> Self {
        let part = |at: usize| {
            let bytes =
                URL_SAFE_NO_PAD.decode(text.split('.').nth(at).unwrap_or_default()).expect("base64url");
            serde_json::from_slice(&bytes).expect("JSON")
        };
        Self { text: text.to_owned(), header: part(0), claims: part(1) }
    }

    fn secs(&self, claim: &str) -> i64 {
        self.claims[claim].as_i64().expect("a time")
    }
}

fn client(algorithm: &str) -> String {
    format!("identity-sync-{}", algorithm.to_ascii_lowercase())
}

/// Moves the server's clock, so that the issuer's is ahead of it or behind.
fn set_clock(world: &World, secs: i64) {
    world.app.clock.advance_secs(secs - world.app.clock.now().secs());
}

/// Presents the token and has it explained; answers the caller's code and each step that did not pass.
async fn tried(world: &World, token: &Issued) -> (String, Vec<String>) {
    let answer = world.bearer(&token.text).get(USERS).await;
    let code = match answer.status {
        200 => "accepted".to_owned(),
        _ => answer.json["code"].as_str().unwrap_or_default().to_owned(),
    };
    let body = json!({"token": token.text});
    let found = world.admin().post(&format!("{AT}/real/explain"), body).await.data();
    assert_eq!(found["accepted"], answer.status == 200, "{found}: {}", answer.text);
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let steps = found["steps"].as_array().expect("steps").iter().filter(|step| step["outcome"] != "pass");
    let steps = steps.filter(|step| step["step"] != "replay").map(|step| {
        format!(
            "{} {} {} {}",
            step["number"],
            text(&step["step"]),
            text(&step["outcome"]),
            text(&step["reason"])
        )
    });
    (code, steps.collect())
}

#[track_caller]
fn accepted((code, steps): (String, Vec<String>)) {
    assert_eq!((code.as_str(), steps), ("accepted", Vec::new()));
}

/// The caller hears `code`; explain names `step` and no other as failed.
#[track_caller]
fn refused((heard, steps): (String, Vec<String>), code: &str, step: &str) {
    let failed: Vec<&str> = steps.iter().map(String::as_str).filter(|step| step.contains(" fail ")).collect();
    assert_eq!((heard.as_str(), failed), (code, vec![step]), "{steps:?}");
}

async fn trust(world: &World, issuer: &Issuer, algorithm: &str) {
    world.machine("sync", Some("_scim_provisioner")).await;
    let document = json!({
        "identifier": "real", "name": "real", "serviceAccount": "sync", "jwks": {"discovery": issuer.url()},
        "audiences": [AUDIENCE], "algorithms": [algorithm], "leewaySeconds": LEEWAY_SECS,
        "rules": [
            {"claim": "client_id", "op": "equals", "value": client(algorithm)},
            {"claim": "department", "op": "equals", "value": "identity"}
        ]
    });
    let made = world.admin().post(AT, document).await.data();
    let warnings: Vec<_> = made["warnings"].as_array().expect("a list").iter().map(|w| &w["code"]).collect();
    assert_eq!(warnings, [&json!("plain_http")], "its keys could be fetched: {made}");
}

/// All that is to be shown of one issuer in one algorithm.
async fn holds(world: World, maker: Maker, algorithm: &str) {
    let Some(issuer) = maker.start() else { return };
    let first = issuer.token(algorithm, AUDIENCE);
    assert_eq!(first.header["alg"], algorithm);
    let world = world.at(first.secs("iat")).await;
    trust(&world, &issuer, algorithm).await;
    accepted(tried(&world, &first).await);

    let elsewhere = issuer.token(algorithm, "urn:somebody:else");
    set_clock(&world, elsewhere.secs("iat"));
    refused(tried(&world, &elsewhere).await, "token_untrusted", "15 audience fail audience_mismatch");
    let other = issuer.token(if algorithm == "ES256" { "RS256" } else { "ES256" }, AUDIENCE);
    let (code, steps) = tried(&world, &other).await;
    assert_eq!((code.as_str(), steps[0].as_str()), ("token_untrusted", "6 algorithm fail alg_not_allowed"));

    let second = issuer.rotate(algorithm, &first);
    set_clock(&world, second.secs("iat"));
    accepted(tried(&world, &second).await);
    refused(tried(&world, &first).await, "token_untrusted", "10 keyId fail kid_unknown");

    // The issuer's clock is ahead of ours, then behind it.
    let third = issuer.token(algorithm, AUDIENCE);
    let (from, to) = (third.secs("iat"), third.secs("exp"));
    set_clock(&world, from - LEEWAY_SECS - 1);
    refused(tried(&world, &third).await, "token_not_yet_valid", "16 time fail issued_in_future");
    set_clock(&world, from - LEEWAY_SECS + 1);
    accepted(tried(&world, &third).await);
    set_clock(&world, to + LEEWAY_SECS - 1);
    accepted(tried(&world, &third).await);
    set_clock(&world, to + LEEWAY_SECS + 1);
    refused(tried(&world, &third).await, "token_expired", "16 time fail token_expired");
}

both_engines! {
    async fn oidc_provider_rs256(world: World) { holds(world, Maker::OidcProvider, "RS256").await; }
    async fn oidc_provider_ps256(world: World) { holds(world, Maker::OidcProvider, "PS256").await; }
    async fn oidc_provider_es256(world: World) { holds(world, Maker::OidcProvider, "ES256").await; }
    async fn oidc_provider_eddsa(world: World) { holds(world, Maker::OidcProvider, "EdDSA").await; }
    async fn authlib_rs256(world: World) { holds(world, Maker::Authlib, "RS256").await; }
    async fn authlib_ps256(world: World) { holds(world, Maker::Authlib, "PS256").await; }
    async fn authlib_es256(world: World) { holds(world, Maker::Authlib, "ES256").await; }
    async fn authlib_eddsa(world: World) { holds(world, Maker::Authlib, "EdDSA").await; }
}
