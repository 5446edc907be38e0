//! The one way out for key sets: a client that connects only where the guard says, follows nothing, and stops
//! early.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderName, StatusCode, header};
use hyper_util::client::proxy::matcher::Matcher;
use jose::{KeySet, KeySetLimits};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::{Certificate, Client, ClientBuilder, Proxy};
use url::Url;

use super::guard::Allow;
use super::names::Names;
use crate::web::words;

/// Longest body of a key set, bytes.
pub const MAX_BODY: usize = 256 * 1024;
const CONNECT: Duration = Duration::from_secs(2);
const WHOLE: Duration = Duration::from_secs(5);
const SLOW: &str = "no whole answer within 5 seconds";

/// Fetches key sets. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Fetcher {
    /// Goes to the address itself, through the guard.
    direct: Client,
    /// Goes through the operator's proxy, which then decides where names lead.
    proxied: Option<(Arc<Matcher>, Client)>,
    allow: Arc<Allow>,
    names: Names,
}

/// What an earlier answer said about itself, for a conditional request (RFC 9110 §13.1).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Validators {
    /// Its `ETag`.
    pub etag: Option<String>,
    /// Its `Last-Modified`, as it stood.
    pub last_modified: Option<String>,
}

impl Validators {
    fn of(headers: &HeaderMap) -> Self {
        let text = |name: HeaderName| headers.get(name).and_then(|v| v.to_str().ok()).map(str::to_owned);
        Self { etag: text(header::ETAG), last_modified: text(header::LAST_MODIFIED) }
    }

    /// Bytes of both.
    pub fn size(&self) -> usize {
        self.headers().map(|(_, value)| value.len()).sum()
    }

    fn headers(&self) -> impl Iterator<Item = (HeaderName, &str)> {
        let etag = self.etag.as_deref().map(|etag| (header::IF_NONE_MATCH, etag));
        let since = self.last_modified.as_deref().map(|date| (header::IF_MODIFIED_SINCE, date));
        etag.into_iter().chain(since)
    }
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
        validators: Validators,
    },
    /// The document of the validators still holds.
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
struct Guarded(Arc<Allow>, Names);

impl Resolve for Guarded {
    fn resolve(&self, name: Name) -> Resolving {
        let (allow, found) = (self.0.clone(), self.1.look_up(name.as_str()));
        Box::pin(async move {
            let host = name.as_str();
            let (mut refused, mut open) = (None, Vec::new());
            for ip in found.await? {
                match allow.check_address(host, ip) {
                    Ok(()) => open.push(SocketAddr::new(ip, 0)),
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
    /// A fetcher that goes where `allow` says, on its own.
    ///
    /// # Errors
    /// When TLS cannot be set up on this machine.
    pub fn new(allow: Allow) -> Result<Self, String> {
        Self::build(Arc::new(allow), Names::of_the_machine(), None, None)
    }

    /// The same with names looked up in another way.
    ///
    /// # Errors
    /// As `new`.
    pub fn with_names(&self, names: Names) -> Result<Self, String> {
        let proxies = self.proxied.as_ref().map(|(matcher, _)| matcher.clone());
        Self::build(self.allow.clone(), names, proxies, None)
    }

    /// The same through the proxies that the environment names (`HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY`,
    /// `NO_PROXY`). The proxy resolves names, so for what goes through it only literal addresses are
    /// checked.
    ///
    /// # Errors
    /// As `new`.
    pub fn with_proxies(&self, proxies: Matcher) -> Result<Self, String> {
        Self::build(self.allow.clone(), self.names.clone(), Some(Arc::new(proxies)), None)
    }

    /// The same, believing servers only by these certificate authorities. Takes far more memory than the
    /// text: for one fetch, not to be kept.
    ///
    /// # Errors
    /// When the text is no certificate.
    pub fn with_ca(&self, pem: &str) -> Result<Self, String> {
        let proxies = self.proxied.as_ref().map(|(matcher, _)| matcher.clone());
        Self::build(self.allow.clone(), self.names.clone(), proxies, Some(&in_pem(pem)?))
    }

    fn build(
        allow: Arc<Allow>,
        names: Names,
        proxies: Option<Arc<Matcher>>,
        authorities: Option<&[Certificate]>,
    ) -> Result<Self, String> {
        let finish = |builder: ClientBuilder| {
            let builder = match authorities {
                Some(authorities) => builder.tls_certs_only(authorities.iter().cloned()),
                None => builder,
            };
            builder.build().map_err(|error| format!("TLS cannot be set up: {}", chain(&error)))
        };
        let guarded = Guarded(allow.clone(), names.clone());
        let direct = finish(base().no_proxy().dns_resolver(Arc::new(guarded)))?;
        let proxied = proxies
            .map(|matcher| {
                let asked = matcher.clone();
                let proxy = Proxy::custom(move |url| proxy_of(&asked, url));
                Ok::<_, String>((matcher, finish(base().proxy(proxy))?))
            })
            .transpose()?;
        Ok(Self { direct, proxied, allow, names })
    }

    /// The operator's exceptions.
    pub fn allow(&self) -> &Allow {
        &self.allow
    }

    /// One GET of a key set, conditional when an earlier answer is known.
    ///
    /// # Errors
    /// In words for an administrator.
    pub async fn get(&self, url: &Url, known: Option<&Validators>) -> Result<Fetched, String> {
        self.fetch(url, "application/jwk-set+json, application/json", known).await
    }

    /// Where the keys of an issuer are, by the discovery document at `url` (OpenID Connect Discovery 1.0 §4).
    ///
    /// # Errors
    /// In words for an administrator; also when the document is another issuer's.
    pub async fn discover(&self, url: &Url, issuer: &str) -> Result<Url, String> {
        let Fetched::Body { bytes, .. } = self.fetch(url, "application/json", None).await? else {
            return Err("the server says that nothing changed, to a first request".into());
        };
        let document: serde_json::Value = serde_json::from_slice(&bytes).map_err(|error| {
            format!("the discovery document at {url} is not JSON: {}", words::of_json(&error))
        })?;
        let member = |name: &str| document.get(name).and_then(serde_json::Value::as_str);
        match member("issuer") {
            Some(found) if found == issuer => {}
            Some(found) => {
                return Err(format!(
                    "the discovery document at {url} is of the issuer {found:?}, not of {issuer:?}: write the issuer exactly as it writes itself"
                ));
            }
            None => return Err(format!("the discovery document at {url} names no issuer")),
        }
        let keys =
            member("jwks_uri").ok_or_else(|| format!("the discovery document at {url} names no jwks_uri"))?;
        Url::parse(keys).map_err(|error| format!("the jwks_uri {keys:?} of the issuer is no URL: {error}"))
    }

    async fn fetch(&self, url: &Url, accept: &str, known: Option<&Validators>) -> Result<Fetched, String> {
        self.allow.check_url(url)?;
        let through = self.proxied.as_ref().filter(|(matcher, _)| proxy_of(matcher, url).is_some());
        let client = through.map_or(&self.direct, |(_, client)| client);
        let mut request = client.get(url.clone()).header(header::ACCEPT, accept);
        for (name, value) in known.iter().flat_map(|known| known.headers()) {
            request = request.header(name, value);
        }
        let mut response = request.send().await.map_err(|error| explain(&error))?;
        if through.is_none() {
            let peer = response.remote_addr().ok_or("the peer's address is unknown")?;
            self.allow.check_peer(url, peer.ip())?;
        }
        let max_age = max_age(response.headers());
        match response.status() {
            StatusCode::OK => {}
            StatusCode::NOT_MODIFIED if known.is_some() => return Ok(Fetched::NotModified { max_age }),
            status if status.is_redirection() => {
                return Err(format!(
                    "the server answers {status}, a redirect, which is not followed: store the final URL"
                ));
            }
            status => return Err(format!("the server answers {status} instead of 200")),
        }
        let validators = Validators::of(response.headers());
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| explain(&error))? {
            if bytes.len() + chunk.len() > MAX_BODY {
                return Err(format!("the answer is over {MAX_BODY} bytes: this is not a key set"));
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(Fetched::Body { bytes, max_age, validators })
    }
}

/// Fetches that belong together, in the time that one may take.
///
/// # Errors
/// Those of the work, and when the time is over.
pub async fn in_time<T>(work: impl Future<Output = Result<T, String>>) -> Result<T, String> {
    tokio::time::timeout(WHOLE, work).await.unwrap_or_else(|_| Err(SLOW.into()))
}

fn base() -> ClientBuilder {
    Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(CONNECT)
        .timeout(WHOLE)
        // A connection kept would skip the next check of its address.
        .pool_max_idle_per_host(0)
        .user_agent(concat!("muster/", env!("CARGO_PKG_VERSION")))
}

/// The proxy that the environment names for a URL, with its credentials.
fn proxy_of(proxies: &Matcher, url: &Url) -> Option<Url> {
    let found = proxies.intercept(&url.as_str().parse().ok()?)?;
    let mut proxy = Url::parse(&found.uri().to_string()).ok()?;
    let credentials = match (found.basic_auth(), found.raw_auth()) {
        (Some(basic), _) => {
            let coded = basic.to_str().ok()?.strip_prefix("Basic ")?;
            String::from_utf8(STANDARD.decode(coded).ok()?).ok()?
        }
        (None, Some((user, password))) => format!("{user}:{password}"),
        (None, None) => return Some(proxy),
    };
    let (user, password) = credentials.split_once(':').unwrap_or((&credentials, ""));
    proxy.set_username(user).ok()?;
    proxy.set_password(Some(password)).ok()?;
    Some(proxy)
}

/// The certificates of a PEM text.
///
/// # Errors
/// When there is none, or one that cannot be read.
pub fn certificates(pem: &str) -> Result<Vec<Certificate>, String> {
    let found = in_pem(pem)?;
    // What is no certificate inside shows only when it is to be trusted.
    let trusted = base().no_proxy().tls_certs_only(found.iter().cloned()).build();
    trusted.map_err(|error| format!("holds something else than certificates: {}", chain(&error)))?;
    Ok(found)
}

fn in_pem(pem: &str) -> Result<Vec<Certificate>, String> {
    let found = Certificate::from_pem_bundle(pem.as_bytes())
        .map_err(|error| format!("cannot be read as certificates in PEM: {}", chain(&error)))?;
    if found.is_empty() {
        return Err("holds no certificate: write it as -----BEGIN CERTIFICATE----- …".into());
    }
    Ok(found)
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
        return SLOW.into();
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
