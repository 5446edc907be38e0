//! Holds a lane shut, so that what is queued meanwhile becomes one batch.
use std::fmt::Debug;
use std::sync::mpsc;
use std::task::{Context, Poll, Waker};
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

/// A call that is in its queue when this returns, behind those that were before it; a task waits for its
/// answer.
pub fn queue<F>(call: F) -> JoinHandle<F::Output>
where
    F: Future<Output: Send> + Send + 'static,
{
    let mut call = Box::pin(call);
    // The first poll puts it there.
    match call.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(answer) => tokio::spawn(std::future::ready(answer)),
        Poll::Pending => tokio::spawn(call),
    }
}

/// Nobody waits for this call any more.
pub async fn abandon<T: Debug>(call: JoinHandle<T>) {
    call.abort();
    assert!(call.await.unwrap_err().is_cancelled());
}

/// Looks again and again until it is so.
pub async fn until(what: &str, is_so: impl AsyncFn() -> bool) {
    let reached = async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_mins(1), reached).await.unwrap_or_else(|_| panic!("not so: {what}"));
}
