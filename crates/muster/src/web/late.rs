//! Bodies that came late. Where access in the account changed while one was on its way, its request is
//! answered from its beginning: by what its sender may do now, with the body that is here already.

use std::sync::OnceLock;

use axum::body::Bytes;

/// Where such a body is left for who answers the request once more.
#[derive(Debug, Default)]
pub struct Late(OnceLock<Bytes>);

impl Late {
    /// Leaves it. A request has one body.
    pub(super) fn leave(&self, body: Bytes) {
        let _ = self.0.set(body);
    }
    /// The body that was left.
    pub fn left(&self) -> Option<Bytes> {
        self.0.get().cloned()
    }
}
