//! Holds a lane shut, so that what is queued meanwhile becomes one batch.
use std::sync::mpsc;
use std::time::Duration;

use db::{Db, Error};
use parking_lot::Mutex;
use tokio::task::JoinHandle;

/// A write that occupies its lane until it is opened.
pub struct Gate {
    open: mpsc::Sender<()>,
    done: JoinHandle<Result<(), Error>>,
}

impl Gate {
    /// Returns once the lane is shut.
    pub async fn shut(db: &Db, lane: &'static str) -> Self {
        let (open, opened) = mpsc::channel();
        let (shut, is_shut) = mpsc::channel();
        let opened = Mutex::new(opened);
        let db = db.clone();
        let done = tokio::spawn(async move {
            db.write("gate", lane, move |tx| {
                tx.query("SELECT 1", &[], |_| Ok(()))?;
                shut.send(()).unwrap();
                let _ = opened.lock().recv_timeout(Duration::from_secs(20));
                Ok(())
            })
            .await
        });
        tokio::task::spawn_blocking(move || is_shut.recv_timeout(Duration::from_secs(20)).unwrap())
            .await
            .unwrap();
        Self { open, done }
    }

    /// Opens the lane and waits until the gate's own write is done.
    pub async fn open(self) {
        self.open.send(()).unwrap();
        self.done.await.unwrap().unwrap();
    }
}

/// Lets the tasks just spawned reach their queue, in order.
pub async fn settle() {
    tokio::time::sleep(Duration::from_millis(30)).await;
}
