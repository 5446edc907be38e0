//! Tells who waits in this process that a commit wrote what was left for the end of a transaction. Without
//! anybody who waits a commit pays for one look at a counter; it never waits for those it tells.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

/// All bells of a database, by key.
#[derive(Default)]
pub(crate) struct Bells {
    listeners: AtomicUsize,
    by_key: Mutex<HashMap<String, watch::Sender<()>>>,
}

impl Bells {
    pub(crate) fn listen(self: &Arc<Self>, key: &str) -> Bell {
        // Before the caller looks into the database: what is committed after that look rings.
        self.listeners.fetch_add(1, SeqCst);
        let rung = self.lines().entry(key.to_owned()).or_default().subscribe();
        Bell { key: key.to_owned(), rung, bells: Arc::clone(self) }
    }

    pub(crate) fn ring(&self, keys: &[String]) {
        if keys.is_empty() || self.listeners.load(SeqCst) == 0 {
            return;
        }
        let lines = self.lines();
        for line in keys.iter().filter_map(|key| lines.get(key)) {
            line.send_replace(());
        }
    }

    fn lines(&self) -> MutexGuard<'_, HashMap<String, watch::Sender<()>>> {
        // Nothing that holds the lock can leave the map half done.
        self.by_key.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Rings after each commit that wrote rows left for its key: see [`Db::bell`](crate::Db::bell).
pub struct Bell {
    key: String,
    rung: watch::Receiver<()>,
    bells: Arc<Bells>,
}

impl Bell {
    /// Returns once it rang since the last call, or since the bell was made.
    pub async fn rung(&mut self) {
        if self.rung.changed().await.is_err() {
            // Only when every sender is gone, and this bell keeps its own alive.
            std::future::pending::<()>().await;
        }
    }
}

impl Drop for Bell {
    fn drop(&mut self) {
        let mut lines = self.bells.lines();
        // This bell's own receiver is counted, too.
        if lines.get(&self.key).is_some_and(|line| line.receiver_count() <= 1) {
            lines.remove(&self.key);
        }
        drop(lines);
        self.bells.listeners.fetch_sub(1, SeqCst);
    }
}
