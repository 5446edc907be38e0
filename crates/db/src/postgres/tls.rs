//! TLS to PostgreSQL, and whether it came about.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use tokio_postgres::config::Host;
use tokio_postgres::tls::{MakeTlsConnect, TlsConnect};
use tokio_postgres::{Config, Socket};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::{Error, ErrorKind};

/// TLS by the machine's roots.
pub(super) fn build() -> Result<MakeRustlsConnect, Error> {
    let mut roots = rustls::RootCertStore::empty();
    let (found, _) = roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if found == 0 {
        return Err(Error::new(
            ErrorKind::Unavailable,
            "no trusted certificates were found for TLS to PostgreSQL: \
             install ca-certificates, or set SSL_CERT_FILE to the server's CA",
        ));
    }
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    let config = rustls::ClientConfig::builder_with_provider(provider.into())
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::other(format!("TLS cannot be set up: {error}")))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(MakeRustlsConnect::new(config))
}

/// Notes whether TLS came about: where that is not required, the driver goes on at the server's "no" without a
/// word, and whoever sits on the wire can say "no", too.
#[derive(Clone)]
pub(super) struct Witness<T = MakeRustlsConnect> {
    tls: T,
    begun: Arc<AtomicBool>,
}

impl Witness {
    pub(super) fn of(tls: MakeRustlsConnect) -> Self {
        Self { tls, begun: Arc::default() }
    }

    /// Whether the connection that came about is encrypted.
    pub(super) fn is_encrypted(&self) -> bool {
        self.begun.load(Relaxed)
    }
}

type Inner = <MakeRustlsConnect as MakeTlsConnect<Socket>>::TlsConnect;

impl MakeTlsConnect<Socket> for Witness {
    type Stream = <Self::TlsConnect as TlsConnect<Socket>>::Stream;
    type TlsConnect = Witness<Inner>;
    type Error = <MakeRustlsConnect as MakeTlsConnect<Socket>>::Error;

    fn make_tls_connect(&mut self, domain: &str) -> Result<Self::TlsConnect, Self::Error> {
        // Each host and address is asked anew; the last one counts.
        self.begun.store(false, Relaxed);
        let tls = MakeTlsConnect::<Socket>::make_tls_connect(&mut self.tls, domain)?;
        Ok(Witness { tls, begun: Arc::clone(&self.begun) })
    }
}

impl TlsConnect<Socket> for Witness<Inner> {
    type Stream = <Inner as TlsConnect<Socket>>::Stream;
    type Error = <Inner as TlsConnect<Socket>>::Error;
    type Future = <Inner as TlsConnect<Socket>>::Future;

    fn connect(self, stream: Socket) -> Self::Future {
        self.begun.store(true, Relaxed);
        self.tls.connect(stream)
    }
}

/// Whether no wire lies between: sockets and loopback only.
pub(super) fn is_here(config: &Config) -> bool {
    let at_home = |host: &Host| match host {
        Host::Tcp(name) => name == "localhost" || name.parse().is_ok_and(|ip: IpAddr| ip.is_loopback()),
        #[cfg(unix)]
        Host::Unix(_) => true,
    };
    config.get_hosts().iter().all(at_home) && config.get_hostaddrs().iter().all(IpAddr::is_loopback)
}

/// One line for all connections of a process that go without; one with TLS in between makes it news again.
static TOLD: AtomicBool = AtomicBool::new(false);

pub(super) fn tell_plain(error: &Error) {
    if !TOLD.swap(true, Relaxed) {
        tracing::warn!(%error, "PostgreSQL without TLS: set sslmode=require to insist on it");
    }
}

pub(super) fn note_encrypted() {
    TOLD.store(false, Relaxed);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_wire_lies_between_only_where_all_hosts_are_this_machine() {
        for (url, here) in [
            ("postgres://127.0.0.1/x", true),
            ("postgres://[::1]:5432,localhost/x", true),
            ("postgres://%2Fvar%2Frun%2Fpostgresql/x", true),
            ("postgres://127.0.0.1,db.example.com/x", false),
            ("postgres://localhost.example.com/x", false),
            ("postgres://0.0.0.0/x", false),
            ("postgres://localhost/x?hostaddr=192.0.2.1", false),
        ] {
            assert_eq!(is_here(&url.parse().unwrap()), here, "{url}");
        }
    }
}
