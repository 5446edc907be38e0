//! What the lanes of a database count and tell after each commit, and whether it takes writes at all.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::bell::Bells;
use crate::{Error, ErrorKind};

/// Since when, and why, a database takes no writes.
#[derive(Clone, Debug)]
pub struct WriteFault {
    /// Since the last write that failed.
    pub age: Duration,
    /// Of that write.
    pub error: Error,
}

#[derive(Default)]
pub(crate) struct Tally {
    pub(crate) commits: AtomicU64,
    pub(crate) bells: Arc<Bells>,
    fault: Mutex<Option<(Instant, Error)>>,
}

impl Tally {
    pub(crate) fn committed(&self, keys: &[String]) {
        self.commits.fetch_add(1, Relaxed);
        self.bells.ring(keys);
        *self.fault.lock() = None;
    }

    /// A write failed. Only what is the database's own fault counts: no call is to blame for it.
    pub(crate) fn failed(&self, error: &Error) {
        if error.kind() == ErrorKind::Unavailable {
            *self.fault.lock() = Some((Instant::now(), error.clone()));
        }
    }

    pub(crate) fn fault(&self) -> Option<WriteFault> {
        let (at, error) = self.fault.lock().clone()?;
        Some(WriteFault { age: at.elapsed(), error })
    }
}
