//! Counters per label of a database call. They only ever grow; whoever shows them takes differences.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Instant;

use parking_lot::RwLock;

/// What happened to the calls with one label since the database was opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabelStats {
    /// The label given to `read`, `point` or `write`.
    pub label: &'static str,
    /// Calls answered.
    pub calls: u64,
    /// Times a closure ran again after a conflict or a lost connection.
    pub retries: u64,
    /// Calls that ended in an error of the database (not in a refusal of the closure's own).
    pub failures: u64,
    /// Microseconds from call to answer, waiting included, summed over all calls.
    pub micros_total: u64,
}

#[derive(Default)]
pub(crate) struct Counter {
    calls: AtomicU64,
    retries: AtomicU64,
    failures: AtomicU64,
    nanos: AtomicU64,
}

impl Counter {
    pub(crate) fn retried(&self) {
        self.retries.fetch_add(1, Relaxed);
    }

    pub(crate) fn answered(&self, since: Instant, failed: bool) {
        self.calls.fetch_add(1, Relaxed);
        self.failures.fetch_add(failed.into(), Relaxed);
        let nanos = u64::try_from(since.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.nanos.fetch_add(nanos, Relaxed);
    }
}

#[derive(Default)]
pub(crate) struct Stats {
    labels: RwLock<HashMap<&'static str, Arc<Counter>>>,
}

impl Stats {
    pub(crate) fn counter(&self, label: &'static str) -> Arc<Counter> {
        if let Some(counter) = self.labels.read().get(label) {
            return Arc::clone(counter);
        }
        Arc::clone(self.labels.write().entry(label).or_default())
    }

    pub(crate) fn snapshot(&self) -> Vec<LabelStats> {
        let labels = self.labels.read();
        let mut all: Vec<_> = labels
            .iter()
            .map(|(label, counter)| LabelStats {
                label,
                calls: counter.calls.load(Relaxed),
                retries: counter.retries.load(Relaxed),
                failures: counter.failures.load(Relaxed),
                micros_total: counter.nanos.load(Relaxed) / 1_000,
            })
            .collect();
        all.sort_unstable_by_key(|stats| stats.label);
        all
    }
}
