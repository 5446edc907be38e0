//! [`Snapshot`]: one view of the data for several point calls of one request.

use std::fmt;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::sqlite::{Open, Readers};
use crate::{Error, Tx};

/// A place for a snapshot that the calls of one request share: [`crate::Of::point_in`] opens it at its first
/// call, every further call sees the same instant, and it ends with the last clone or by
/// [`Snapshot::close`]. So what a request was let in by and what it reads belong together, and SQLite's locks
/// are taken once.
///
/// Close it before waiting for anything that is not the database: while it is open the write-ahead log keeps
/// all that came after it. On PostgreSQL it stays empty, and each call has a snapshot of its own.
#[derive(Clone, Default)]
pub struct Snapshot(Arc<Mutex<Option<Open>>>);

impl Snapshot {
    /// Ends it. The next call opens a new one.
    pub fn close(&self) {
        self.0.lock().take();
    }

    /// Runs `f` in it. The outer error says that none could be opened.
    pub(crate) fn run<R>(&self, readers: &Arc<Readers>, f: impl FnOnce(Tx<'_>) -> R) -> Result<R, Error> {
        let mut slot = self.0.lock();
        let open = match slot.take() {
            Some(open) => open,
            None => readers.open()?,
        };
        // A panic of `f` ends it.
        let result = f(open.tx());
        *slot = Some(open);
        Ok(result)
    }
}

impl fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Snapshot").field("open", &self.0.lock().is_some()).finish()
    }
}
