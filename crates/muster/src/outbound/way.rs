//! The client of a way out: connects only where the guard says, straight or by the operator's proxy, follows
//! nothing, and keeps no connection. `fetch` and `post` say what goes over it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Method;
use hyper_util::client::proxy::matcher::Matcher;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::{Certificate, Client, ClientBuilder, Proxy, RequestBuilder, Response};
use url::Url;

use super::guard::Allow;
use super::names::Names;
use crate::kernel::sparing::Sparing;

/// How long things may take.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Until there is a connection.
    pub connect: Duration,
    /// From the first step to the end of the answer.
    pub whole: Duration,
}

impl Bounds {
    /// What is said where the answer did not come in time.
    pub fn exceeded(self) -> String {
        format!("no whole answer within {} seconds", self.whole.as_secs())
    }
}

/// A way out. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Way {
    /// Goes to the address itself, through the guard.
    direct: Client,
    /// Goes through the operator's proxy, which then decides where names lead.
    proxied: Option<(Arc<Matcher>, Client)>,
    allow: Arc<Allow>,
    names: Names,
    bounds: Bounds,
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
                let why = refused.map(|why| closed(&allow, host, &why));
                return Err(why.unwrap_or_else(|| format!("{host} has no address")).into());
            }
            Ok(Box::new(open.into_iter()) as Addrs)
        })
    }
}

impl Way {
    /// One that goes where `allow` says, on its own.
    ///
    /// # Errors
    /// When TLS cannot be set up on this machine.
    pub fn new(allow: Allow, bounds: Bounds) -> Result<Self, String> {
        Self::build(Arc::new(allow), Names::of_the_machine(), None, None, bounds)
    }

    /// The same with names looked up in another way.
    ///
    /// # Errors
    /// As `new`.
    pub fn with_names(&self, names: Names) -> Result<Self, String> {
        let proxies = self.proxied.as_ref().map(|(matcher, _)| matcher.clone());
        Self::build(self.allow.clone(), names, proxies, None, self.bounds)
    }

    /// The same through the proxies that the environment names (`HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY`,
    /// `NO_PROXY`). The proxy resolves names, so for what goes through it only literal addresses are
    /// checked.
    ///
    /// # Errors
    /// As `new`.
    pub fn with_proxies(&self, proxies: impl Into<Arc<Matcher>>) -> Result<Self, String> {
        Self::build(self.allow.clone(), self.names.clone(), Some(proxies.into()), None, self.bounds)
    }

    /// The same, believing servers only by these certificate authorities.
    ///
    /// # Errors
    /// When the text is no certificate.
    pub fn with_ca(&self, pem: &str) -> Result<Self, String> {
        let proxies = self.proxied.as_ref().map(|(matcher, _)| matcher.clone());
        Self::build(self.allow.clone(), self.names.clone(), proxies, Some(&in_pem(pem)?), self.bounds)
    }

    fn build(
        allow: Arc<Allow>,
        names: Names,
        proxies: Option<Arc<Matcher>>,
        authorities: Option<&[Certificate]>,
        bounds: Bounds,
    ) -> Result<Self, String> {
        let finish = |builder: ClientBuilder| {
            let builder = match authorities {
                Some(authorities) => builder.tls_certs_only(authorities.iter().cloned()),
                None => builder,
            };
            builder.build().map_err(|error| format!("TLS cannot be set up: {}", chain(&error)))
        };
        let guarded = Guarded(allow.clone(), names.clone());
        let direct = finish(base(bounds).no_proxy().dns_resolver(Arc::new(guarded)))?;
        let proxied = proxies
            .map(|matcher| {
                let asked = matcher.clone();
                let proxy = Proxy::custom(move |url| proxy_of(&asked, url));
                Ok::<_, String>((matcher, finish(base(bounds).proxy(proxy))?))
            })
            .transpose()?;
        Ok(Self { direct, proxied, allow, names, bounds })
    }

    /// The operator's exceptions.
    pub fn allow(&self) -> &Allow {
        &self.allow
    }

    /// How long things may take.
    pub fn bounds(&self) -> Bounds {
        self.bounds
    }

    /// Sends a request, as `shape` finishes it; answers once the head of the answer is there.
    ///
    /// # Errors
    /// In words for an administrator.
    pub async fn send(
        &self,
        method: Method,
        url: &Url,
        shape: impl FnOnce(RequestBuilder) -> RequestBuilder,
    ) -> Result<Response, String> {
        self.allow.check_url(url)?;
        let through = self.proxied.as_ref().filter(|(matcher, _)| proxy_of(matcher, url).is_some());
        let client = through.map_or(&self.direct, |(_, client)| client);
        let request = shape(client.request(method, url.clone()));
        let response = request.send().await.map_err(|error| self.explain(&error))?;
        if through.is_none() {
            let peer = response.remote_addr().ok_or("the peer's address is unknown")?;
            let host = url.host_str().unwrap_or_default();
            self.allow.check_peer(url, peer.ip()).map_err(|why| closed(&self.allow, host, &why))?;
        }
        Ok(response)
    }

    /// What went wrong, in words.
    pub fn explain(&self, error: &reqwest::Error) -> String {
        if error.is_timeout() && error.is_connect() {
            return format!("no connection within {} seconds", self.bounds.connect.as_secs());
        }
        if error.is_timeout() {
            return self.bounds.exceeded();
        }
        without_names(&chain(error)).to_owned()
    }
}

/// Not for which names a certificate is valid: they may be of the operator's network.
fn without_names(text: &str) -> &str {
    text.split_once("; certificate ").map_or(text, |(what, _)| what)
}

/// Tells the operator where a name leads, and the account only that nothing goes there: whoever may store a
/// URL could map his network else.
fn closed(allow: &Allow, host: &str, why: &str) -> String {
    static REFUSED: Sparing = Sparing::unspent();
    REFUSED.tell(|left_out| tracing::info!(why, left_out, "nothing is sent to where a name leads"));
    allow.closed(host)
}

fn base(bounds: Bounds) -> ClientBuilder {
    Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(bounds.connect)
        .timeout(bounds.whole)
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
    let bounds = Bounds { connect: Duration::ZERO, whole: Duration::ZERO };
    let trusted = base(bounds).no_proxy().tls_certs_only(found.iter().cloned()).build();
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

/// The innermost cause says most; the outer layers repeat the URL.
fn chain(error: &dyn std::error::Error) -> String {
    let mut last = error;
    while let Some(inner) = last.source() {
        last = inner;
    }
    last.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By the words of the TLS library, so that another release of it does not bring them back.
    #[test]
    fn the_names_of_a_certificate_are_not_told() {
        let expected = rustls::pki_types::ServerName::try_from("a.example").unwrap();
        let presented = vec!["DnsName(\"vm.internal\")".to_owned()];
        let wrong = rustls::CertificateError::NotValidForNameContext { expected, presented };
        let text = rustls::Error::InvalidCertificate(wrong).to_string();
        assert!(text.contains("vm.internal"));
        let told = without_names(&text);
        assert!(told.contains("a.example") && !told.contains("vm.internal"), "{told}");
    }
}
