//! How names become addresses. Decides nothing: `fetch` drops what the guard refuses.

use std::fmt;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;

use futures_util::future::BoxFuture;

/// The addresses of a name, in the order in which they are tried.
pub type Found = BoxFuture<'static, io::Result<Vec<IpAddr>>>;

/// Looks names up: as the machine does, or as a test says.
#[derive(Clone)]
pub struct Names(Arc<dyn Fn(String) -> Found + Send + Sync>);

impl Names {
    /// As the machine does (`getaddrinfo`).
    pub fn of_the_machine() -> Self {
        Self::of(|name| {
            Box::pin(async move {
                let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
                Ok(found.map(|address| address.ip()).collect())
            })
        })
    }

    /// By this function, which is asked once for each connection.
    pub fn of(look_up: impl Fn(String) -> Found + Send + Sync + 'static) -> Self {
        Self(Arc::new(look_up))
    }

    /// The addresses of a name now.
    pub fn look_up(&self, name: &str) -> Found {
        (self.0)(name.to_owned())
    }
}

impl fmt::Debug for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Names")
    }
}
