//! The end of a read that nobody waits for any more, while its statement is under way at the server.

use std::pin::pin;
use std::time::Duration;

use tokio::time::timeout;

use super::{PgSession, Trouble, connect};
use crate::lanes::Writer;
use crate::wanted::{Wanted, unheard};

/// So often somebody looks whether the caller is still there.
const GLANCE: Duration = Duration::from_millis(250);
/// So long the request to cancel may take.
const REQUEST: Duration = Duration::from_secs(1);

/// Has the work done as long as somebody waits for it.
pub(super) async fn heard<T>(
    work: impl Future<Output = Result<T, Trouble>>,
    wanted: &Wanted,
) -> Result<T, Trouble> {
    let mut work = pin!(work);
    loop {
        match timeout(GLANCE, work.as_mut()).await {
            Ok(done) => return done,
            Err(_) if wanted.still() => {}
            Err(_) => return Err(Trouble::Caller(unheard())),
        }
    }
}

impl PgSession {
    /// Ends what is under way at the server, and the connection with it. The request to cancel goes by
    /// another connection and names this one: should it come late, nothing else is there for it to hit.
    pub(super) fn cancel(&mut self) {
        let Some(link) = &self.link else { return };
        let token = link.client.cancel_token();
        let asked = async { timeout(REQUEST, connect::cancel(&self.settings, &token)).await };
        if !matches!(self.runtime.block_on(asked), Ok(Ok(()))) {
            tracing::debug!("PostgreSQL was not told to end a statement that nobody waits for");
        }
        Writer::finish(self);
    }
}
