//! What the lanes of a database count and tell after each commit, and whether it takes writes at all.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::bell::Bells;
use crate::gather::Seat;
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
    /// Of each lane the last one, until it commits again.
    faults: Mutex<BTreeMap<Seat, (Instant, Error)>>,
    /// The role lacks a right that a statement needed.
    denied: AtomicBool,
}

impl Tally {
    pub(crate) fn committed(&self, seat: Seat, keys: &[String]) {
        self.commits.fetch_add(1, Relaxed);
        self.bells.ring(keys);
        self.faults.lock().remove(&seat);
    }

    /// A write failed. Only what is the database's own fault counts: no call is to blame for it.
    pub(crate) fn failed(&self, seat: Seat, error: &Error) {
        if matches!(error.kind(), ErrorKind::Unavailable | ErrorKind::Unknown) {
            self.faults.lock().insert(seat, (Instant::now(), error.clone()));
        }
    }

    /// Others do this lane's work.
    pub(crate) fn retired(&self, seat: Seat) {
        self.faults.lock().remove(&seat);
    }

    /// The last one of all lanes.
    pub(crate) fn fault(&self) -> Option<WriteFault> {
        let faults = self.faults.lock();
        let (at, error) = faults.values().max_by_key(|(at, _)| *at)?;
        Some(WriteFault { age: at.elapsed(), error: error.clone() })
    }

    /// The database refused a statement for want of a right.
    pub(crate) fn denied(&self, error: &Error) {
        if !self.denied.swap(true, Relaxed) {
            tracing::error!(%error, "the role of the database lacks a right that the server needs");
        }
    }

    /// All rights are there again.
    pub(crate) fn allowed(&self) {
        self.denied.store(false, Relaxed);
    }

    pub(crate) fn is_denied(&self) -> bool {
        self.denied.load(Relaxed)
    }

    /// The lanes with a fault.
    pub(crate) fn faulty(&self) -> Vec<Seat> {
        self.faults.lock().keys().copied().collect()
    }
}
