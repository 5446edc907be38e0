//! The one way out for key sets: a client that connects only where the guard says, follows nothing, and stops
//! early.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, StatusCode, header};
use jose::{KeySet, KeySetLimits};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::Url;

use super::guard::Allow;

/// Longest body of a key set, bytes.
pub const MAX_BODY: usize = 256 * 1024;
const CONNECT: Duration = Duration::from_secs(2);
const WHOLE: Duration = Duration::from_secs(5);

/// Fetches key sets. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Fetcher {
    client: reqwest::Client,
    allow: Arc<Allow>,
}

/// What came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fetched {
    /// A new document.
    Body {
        /// Its bytes.
        bytes: Vec<u8>,
        /// `max-age` in seconds, 0 for `no-store` and `no-cache`.
        max_age: Option<u64>,
        /// For the next conditional request.
        etag: Option<String>,
    },
    /// The document of the ETag still holds.
    NotModified {
        /// As above.
        max_age: Option<u64>,
    },
}

impl Fetched {
    /// The document as a key set.
    ///
    /// # Errors
    /// In words for an administrator.
    pub fn key_set(&self) -> Result<KeySet, String> {
        match self {
            Self::Body { bytes, .. } => key_set(bytes),
            Self::NotModified { .. } => {
                Err("the server says that nothing changed, to a first request".into())
            }
        }
    }
}

/// Resolves names and drops every address the guard refuses, so that a connection goes where the check was
/// made.
#[derive(Debug)]
struct Guarded(Arc<Allow>);

impl Resolve for Guarded {
    fn resolve(&self, name: Name) -> Resolving {
        let allow = self.0.clone();
        Box::pin(async move {
            let host = name.as_str().to_owned();
            let found: Vec<SocketAddr> = tokio::net::lookup_host((host.as_str(), 0)).await?.collect();
            let mut refused = None;
            let mut open = Vec::new();
            for address in found {
                match allow.check_address(&host, address.ip()) {
                    Ok(()) => open.push(address),
                    Err(why) => refused = Some(why),
                }
            }
            if open.is_empty() {
                return Err(refused.unwrap_or_else(|| format!("{host} has no address")).into());
            }
            Ok(Box::new(open.into_iter()) as Addrs)
        })
    }
}

impl Fetcher {
    /// A fetcher that goes where `allow` says.
    ///
    /// # Errors
    /// When TLS cannot be set up on this machine.
    pub fn new(allow: Allow) -> Result<Self, String> {
        let allow = Arc::new(allow);
        let client = reqwest::Client::builder()
            .dns_resolver(Arc::new(Guarded(allow.clone())))
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .connect_timeout(CONNECT)
            .timeout(WHOLE)
            // A connection kept would skip the next check of its address.
            .pool_max_idle_per_host(0)
            .user_agent(concat!("muster/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| format!("TLS cannot be set up: {}", chain(&error)))?;
        Ok(Self { client, allow })
    }

    /// The operator's exceptions.
    pub fn allow(&self) -> &Allow {
        &self.allow
    }

    /// One GET, conditional when an ETag is known.
    ///
    /// # Errors
    /// In words for an administrator.
    pub async fn get(&self, url: &Url, etag: Option<&str>) -> Result<Fetched, String> {
        self.allow.check_url(url)?;
        let mut request =
            self.client.get(url.clone()).header(header::ACCEPT, "application/jwk-set+json, application/json");
        if let Some(etag) = etag {
            request = request.header(header::IF_NONE_MATCH, etag);
        }
        let mut response = request.send().await.map_err(|error| explain(&error))?;
        let peer = response.remote_addr().ok_or("the peer's address is unknown")?;
        self.allow.check_peer(url, peer.ip())?;
        let max_age = max_age(response.headers());
        match response.status() {
            StatusCode::OK => {}
            StatusCode::NOT_MODIFIED if etag.is_some() => return Ok(Fetched::NotModified { max_age }),
            status if status.is_redirection() => {
                return Err(format!(
                    "the server answers {status}, a redirect, which is not followed: store the final URL"
                ));
            }
            status => return Err(format!("the server answers {status} instead of 200")),
        }
        let etag = response.headers().get(header::ETAG).and_then(|v| v.to_str().ok()).map(str::to_owned);
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| explain(&error))? {
            if bytes.len() + chunk.len() > MAX_BODY {
                return Err(format!("the answer is over {MAX_BODY} bytes: this is not a key set"));
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(Fetched::Body { bytes, max_age, etag })
    }
}

/// Reads a fetched document as a key set.
///
/// # Errors
/// In words for an administrator.
pub fn key_set(bytes: &[u8]) -> Result<KeySet, String> {
    KeySet::parse(bytes, &KeySetLimits::default()).map_err(|error| {
        if bytes.trim_ascii_start().starts_with(b"<") {
            let text =
                "the answer is an HTML or XML page, not a key set: store the URL of the JWKS document itself";
            return text.to_owned();
        }
        error.to_string()
    })
}

fn max_age(headers: &HeaderMap) -> Option<u64> {
    let text = headers.get(header::CACHE_CONTROL)?.to_str().ok()?.to_ascii_lowercase();
    let mut directives = text.split(',').map(str::trim);
    if directives.clone().any(|d| d == "no-store" || d == "no-cache") {
        return Some(0);
    }
    directives.find_map(|d| d.strip_prefix("max-age=")?.trim_matches('"').parse().ok())
}

fn explain(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "no whole answer within 5 seconds".into();
    }
    chain(error)
}

/// The innermost cause says most; the outer layers repeat the URL.
fn chain(error: &dyn std::error::Error) -> String {
    let mut last = error;
    while let Some(inner) = last.source() {
        last = inner;
    }
    last.to_string()
}
