//! A token issuer on loopback: publishes whatever key set a test wants, counts who asks, and signs tokens.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use jose::Algorithm;
use jose::testing::{TestKey, jwks};
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::actors::{START, World};

/// What the issuer answers to whoever asks for its keys.
#[derive(Clone)]
pub enum Publishes {
    /// 200 with this body.
    Body(String),
    /// Any head and body.
    Raw(String),
    /// A body of so many bytes.
    Huge(usize),
    /// The head, then a byte a second.
    Trickle,
    /// Nothing, with the connection open.
    Silence,
    /// This body, to so many who wait for it at once: who is alone for four seconds gets nothing.
    Together(usize, String),
}

/// A running issuer; ends with the test's runtime.
pub struct Issuer {
    address: SocketAddr,
    state: Arc<State>,
}

struct State {
    publishes: Mutex<Publishes>,
    discovery: Mutex<Option<String>>,
    requests: Mutex<Vec<String>>,
    connections: AtomicUsize,
    delay: Mutex<Duration>,
    waiting: watch::Sender<usize>,
}

impl Issuer {
    /// Publishes the shared RS256, PS256, ES256 and `EdDSA` keys.
    pub async fn start() -> Self {
        Self::at("127.0.0.1:0").await
    }

    /// As `start`, on another loopback address.
    pub async fn at(address: &str) -> Self {
        let listener = TcpListener::bind(address).await.expect("loopback has a free port");
        let address = listener.local_addr().expect("a bound listener has an address");
        let keys =
            [Algorithm::Rs256, Algorithm::Ps256, Algorithm::Es256, Algorithm::EdDsa].map(TestKey::shared);
        let publishes = Mutex::new(Publishes::Body(jwks(keys)));
        let (discovery, requests) = (Mutex::default(), Mutex::default());
        let (connections, delay) = (AtomicUsize::new(0), Mutex::default());
        let waiting = watch::Sender::new(0);
        let state = Arc::new(State { publishes, discovery, requests, connections, delay, waiting });
        let served = state.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                served.connections.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(answer(stream, served.clone()));
            }
        });
        Self { address, state }
    }

    /// Where the keys are.
    pub fn jwks_url(&self) -> String {
        format!("http://{}/jwks", self.address)
    }
    /// The issuer itself.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
    /// From now on it has a discovery document.
    pub fn discoverable(&self) {
        self.discoverable_as(&json!({"issuer": self.url(), "jwks_uri": self.jwks_url()}));
    }
    /// From now on this is its discovery document.
    pub fn discoverable_as(&self, document: &Value) {
        *self.state.discovery.lock() = Some(document.to_string());
    }
    /// The heads of all requests so far.
    pub fn requests(&self) -> Vec<String> {
        self.state.requests.lock().clone()
    }
    /// Its port.
    pub fn port(&self) -> u16 {
        self.address.port()
    }
    /// How many connections came so far.
    pub fn connections(&self) -> usize {
        self.state.connections.load(Ordering::SeqCst)
    }
    /// From now on it answers this.
    pub fn publish(&self, publishes: Publishes) {
        *self.state.publishes.lock() = publishes;
    }
    /// From now on each of its answers takes so long.
    pub fn slow_down(&self, delay: Duration) {
        *self.state.delay.lock() = delay;
    }
    /// From now on it publishes these keys.
    pub fn publish_keys<'k>(&self, keys: impl IntoIterator<Item = &'k TestKey>) {
        self.publish(Publishes::Body(jwks(keys)));
    }
}

async fn answer(mut stream: TcpStream, state: Arc<State>) {
    let mut publishes = state.publishes.lock().clone();
    let mut request = [0; 4096];
    let length = stream.read(&mut request).await.unwrap_or_default();
    let request = String::from_utf8_lossy(&request[..length]).into_owned();
    if request.contains("/.well-known/openid-configuration") {
        let document = state.discovery.lock().clone();
        publishes = document.map_or(Publishes::Raw("HTTP/1.1 404 None\r\n\r\n".into()), Publishes::Body);
    }
    state.requests.lock().push(request);
    let delay = *state.delay.lock();
    tokio::time::sleep(delay).await;
    let head = |length: usize| {
        format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n"
        )
    };
    let text = match publishes {
        Publishes::Together(count, body) => {
            let mut waiting = state.waiting.subscribe();
            state.waiting.send_modify(|waiting| *waiting += 1);
            let all = waiting.wait_for(|waiting| *waiting >= count);
            if tokio::time::timeout(Duration::from_secs(4), all).await.is_err() {
                state.waiting.send_modify(|waiting| *waiting -= 1);
                return;
            }
            format!("{}{body}", head(body.len()))
        }
        Publishes::Body(body) => format!("{}{body}", head(body.len())),
        Publishes::Raw(text) => text,
        Publishes::Huge(bytes) => format!("{}{}", head(bytes), " ".repeat(bytes)),
        Publishes::Trickle => {
            let _ = stream.write_all(head(1_000_000).as_bytes()).await;
            while stream.write_all(b" ").await.is_ok() {
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
            return;
        }
        Publishes::Silence => {
            tokio::time::sleep(Duration::from_mins(1)).await;
            return;
        }
    };
    let _ = stream.write_all(text.as_bytes()).await;
    let _ = stream.shutdown().await;
}

/// Claims of a good token at the tests' start time.
pub fn claims() -> Value {
    json!({
        "iss": "https://issuer.example", "sub": "sync", "team": "identity",
        "iat": START.secs(), "exp": START.secs() + 600
    })
}

/// Makes service account `sync` with the SCIM role and stores the four settings for this issuer.
pub async fn trust(world: &World, url: &str) {
    let admin = world.admin();
    let body = json!({"identifier": "sync", "name": "sync", "email": "sync@acme.example", "accountIdentifier": "acme"});
    admin.post("/ng/api/serviceaccount?accountIdentifier=acme", body).await.data();
    let binding = json!({
        "roleIdentifier": "_scim_provisioner", "resourceGroupIdentifier": "_all_account_level_resources",
        "principal": {"type": "SERVICE_ACCOUNT", "identifier": "sync", "scopeLevel": "account"}
    });
    admin.post("/authz/api/roleassignments?accountIdentifier=acme", binding).await.data();
    let saved = settings(world, url, "team", "identity", "sync").await;
    for item in saved.as_array().expect("a list of items") {
        assert_eq!(item["updateStatus"], true, "{item}");
    }
}

/// Stores the four settings; answers the items of the reply.
pub async fn settings(world: &World, url: &str, field: &str, value: &str, service_account: &str) -> Value {
    let item = |id: &str, value: &str| json!({"identifier": id, "value": value, "allowOverrides": false, "updateType": "UPDATE"});
    let body = json!([
        item("scim_jwt_token_jwks_keys_url", url),
        item("scim_jwt_token_key_field", field),
        item("scim_jwt_token_value_field", value),
        item("scim_jwt_token_service_account_id", service_account),
    ]);
    world.admin().put("/ng/api/settings?accountIdentifier=acme", body).await.data()
}
