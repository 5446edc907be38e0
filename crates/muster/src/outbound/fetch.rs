//! The one way out for key sets, which stops early.

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, HeaderName, Method, StatusCode, header};
use hyper_util::client::proxy::matcher::Matcher;
use jose::{KeySet, KeySetLimits};
use url::Url;

use super::guard::Allow;
use super::names::Names;
use super::way::{Bounds, Way};
use crate::web::words;

/// Longest body of a key set, bytes.
pub const MAX_BODY: usize = 256 * 1024;
const BOUNDS: Bounds = Bounds { connect: Duration::from_secs(2), whole: Duration::from_secs(5) };

/// Fetches key sets. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Fetcher(Way);

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

impl Fetcher {
    /// A fetcher that goes where `allow` says, on its own.
    ///
    /// # Errors
    /// When TLS cannot be set up on this machine.
    pub fn new(allow: Allow) -> Result<Self, String> {
        Way::new(allow, BOUNDS).map(Self)
    }

    /// See [`Way::with_names`].
    ///
    /// # Errors
    /// As `new`.
    pub fn with_names(&self, names: Names) -> Result<Self, String> {
        self.0.with_names(names).map(Self)
    }

    /// See [`Way::with_proxies`].
    ///
    /// # Errors
    /// As `new`.
    pub fn with_proxies(&self, proxies: impl Into<Arc<Matcher>>) -> Result<Self, String> {
        self.0.with_proxies(proxies).map(Self)
    }

    /// See [`Way::with_ca`]. Takes far more memory than the text: for one fetch, not to be kept.
    ///
    /// # Errors
    /// When the text is no certificate.
    pub fn with_ca(&self, pem: &str) -> Result<Self, String> {
        self.0.with_ca(pem).map(Self)
    }

    /// The operator's exceptions.
    pub fn allow(&self) -> &Allow {
        self.0.allow()
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
        let asked = |request: reqwest::RequestBuilder| {
            let request = request.header(header::ACCEPT, accept);
            let conditions = known.iter().flat_map(|known| known.headers());
            conditions.fold(request, |request, (name, value)| request.header(name, value))
        };
        let mut response = self.0.send(Method::GET, url, asked).await?;
        let max_age = max_age(response.headers());
        match response.status() {
            StatusCode::OK => {}
            StatusCode::NOT_MODIFIED if known.is_some() => return Ok(Fetched::NotModified { max_age }),
            status if status.is_redirection() && status != StatusCode::NOT_MODIFIED => {
                return Err(format!(
                    "the server answers {status}, a redirect, which is not followed: store the final URL"
                ));
            }
            status => return Err(format!("the server answers {status} instead of 200")),
        }
        let validators = Validators::of(response.headers());
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.0.explain(&error))? {
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
    tokio::time::timeout(BOUNDS.whole, work).await.unwrap_or_else(|_| Err(BOUNDS.exceeded()))
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
