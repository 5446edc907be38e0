//! What the running server holds: built once, passed to every handler, never global.

use std::ops::Deref;
use std::sync::Arc;

use db::Db;

use crate::kernel::rng::Rng;
use crate::kernel::time::Clock;
use crate::router::authenticate::Sessions;

/// The parts of a running server. Cheap to clone.
#[derive(Clone)]
pub struct App(Arc<Parts>);

/// See `App`.
pub struct Parts {
    /// The database bridge.
    pub db: Db,
    /// Where `now` comes from.
    pub clock: Clock,
    /// Where randomness comes from.
    pub rng: Rng,
    /// Limits and switches an operator sets.
    pub limits: Limits,
    /// Verified credentials, kept by account version.
    pub sessions: Sessions,
}

/// Limits and switches of the HTTP surface.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Largest body of the platform API, bytes.
    pub platform_body_bytes: usize,
    /// Largest body of the SCIM API, bytes.
    pub scim_body_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { platform_body_bytes: 1 << 20, scim_body_bytes: 4 << 20 }
    }
}

impl App {
    /// Puts the parts together.
    pub fn new(parts: Parts) -> Self {
        Self(Arc::new(parts))
    }
}

impl Deref for App {
    type Target = Parts;
    fn deref(&self) -> &Parts {
        &self.0
    }
}
