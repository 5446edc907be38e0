//! The way out for webhooks: one POST, of whose answer the status counts and the first bytes are kept.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode, header};
use hyper_util::client::proxy::matcher::Matcher;
use url::Url;

use super::guard::Allow;
use super::way::{Bounds, Way};

/// Bytes of an answer that are read at most.
const READ: usize = 4 << 10;
/// How long they are waited for, once the head of the answer is there.
const READING: Duration = Duration::from_secs(1);
/// Within which a receiver is to answer.
pub const PATIENCE: Duration = Duration::from_secs(15);
const BOUNDS: Bounds = Bounds { connect: Duration::from_secs(5), whole: PATIENCE };

/// Sends what webhooks are told. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Poster(Way);

/// What came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// Its `Retry-After`, as it stood.
    pub retry_after: Option<String>,
    /// Where it is a redirect: where to.
    pub location: Option<String>,
    /// The first bytes of its body.
    pub start: Vec<u8>,
}

impl Poster {
    /// One that goes where `allow` says, on its own.
    ///
    /// # Errors
    /// When TLS cannot be set up on this machine.
    pub fn new(allow: Allow) -> Result<Self, String> {
        Way::new(allow.for_webhooks(), BOUNDS).map(Self)
    }

    /// See [`Way::with_proxies`].
    ///
    /// # Errors
    /// As `new`.
    pub fn with_proxies(&self, proxies: impl Into<Arc<Matcher>>) -> Result<Self, String> {
        self.0.with_proxies(proxies).map(Self)
    }

    /// The operator's exceptions.
    pub fn allow(&self) -> &Allow {
        self.0.allow()
    }

    /// Posts a body.
    ///
    /// # Errors
    /// Why there is no answer, in words for an administrator.
    pub async fn post(&self, url: &Url, headers: HeaderMap, body: Bytes) -> Result<Answer, String> {
        let mut response =
            self.0.send(Method::POST, url, |request| request.headers(headers).body(body)).await?;
        let text = |name| response.headers().get(name).and_then(|value| value.to_str().ok());
        let (retry_after, location) = (text(header::RETRY_AFTER), text(header::LOCATION));
        let (retry_after, location) = (retry_after.map(str::to_owned), location.map(str::to_owned));
        let status = response.status();
        let mut start = Vec::new();
        let read = async {
            while let Ok(Some(chunk)) = response.chunk().await {
                start.extend_from_slice(&chunk[..chunk.len().min(READ - start.len())]);
                if start.len() == READ {
                    break;
                }
            }
        };
        // The status has decided: a body that breaks off or goes on for ever changes nothing.
        let _ = tokio::time::timeout(READING, read).await;
        Ok(Answer { status, retry_after, location, start })
    }
}
