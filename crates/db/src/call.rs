//! A call: a closure on its way to a database thread, and its outcome on the way back.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Instant;

use tokio::sync::oneshot;

use crate::stats::Counter;
use crate::wanted::Wanted;
use crate::{Error, ErrorKind, Tx};

/// A closure on its way through a database thread, its types erased.
pub(crate) trait Job: Send {
    /// False when nobody waits for the answer any more.
    fn wanted(&self) -> bool;
    /// Tells whose it is: calls of one account wait for the same locks.
    fn key(&self) -> u64;
    /// Since when somebody waits for it.
    fn since(&self) -> Instant;
    /// Runs the closure and keeps what it answered; true when that is `Ok` and nothing failed.
    fn run(&mut self, tx: &mut Tx<'_>) -> bool;
    /// Replaces the outcome by this error.
    fn fail(&mut self, error: Error);
    fn retried(&self);
    /// Tells the outcome, once.
    fn answer(&mut self);
}

/// The one implementation of [`Job`].
pub(crate) struct Call<T, E, F> {
    label: &'static str,
    key: u64,
    f: F,
    outcome: Option<Result<T, E>>,
    reply: Option<oneshot::Sender<Result<T, E>>>,
    since: Instant,
    wanted: Wanted,
    counter: Arc<Counter>,
    failed: bool,
}

impl<T, E, F> Call<T, E, F> {
    pub(crate) fn new(
        (label, key): (&'static str, u64),
        f: F,
        (since, wanted): (Instant, Wanted),
        counter: Arc<Counter>,
    ) -> (Self, oneshot::Receiver<Result<T, E>>) {
        let (reply, answer) = oneshot::channel();
        (
            Self { label, key, f, outcome: None, reply: Some(reply), since, wanted, counter, failed: false },
            answer,
        )
    }
}

impl<T, E, F> Job for Call<T, E, F>
where
    T: Send,
    E: From<Error> + Send,
    F: Fn(&mut Tx<'_>) -> Result<T, E> + Send,
{
    fn wanted(&self) -> bool {
        self.wanted.still()
    }

    fn key(&self) -> u64 {
        self.key
    }

    fn since(&self) -> Instant {
        self.since
    }

    fn run(&mut self, tx: &mut Tx<'_>) -> bool {
        tx.work_for(&self.wanted);
        let outcome = guarded(self.label, &self.f, tx);
        self.failed = tx.failure().is_some();
        let fine = outcome.is_ok();
        self.outcome = Some(outcome);
        fine
    }

    fn fail(&mut self, error: Error) {
        self.failed = true;
        self.outcome = Some(Err(E::from(error.settled())));
    }

    fn retried(&self) {
        self.counter.retried();
    }

    fn answer(&mut self) {
        let Some(reply) = self.reply.take() else { return };
        self.counter.answered(self.since, self.failed);
        if let Some(outcome) = self.outcome.take() {
            // Nobody waits any more: there is nobody to tell.
            let _ = reply.send(outcome);
        }
    }
}

/// Runs a closure; a panic and an `Ok` after a failed statement become errors.
pub(crate) fn guarded<T, E: From<Error>>(
    label: &'static str,
    f: &impl Fn(&mut Tx<'_>) -> Result<T, E>,
    tx: &mut Tx<'_>,
) -> Result<T, E> {
    let Ok(outcome) = catch_unwind(AssertUnwindSafe(|| f(tx))) else {
        tracing::error!(label, "a database closure panicked");
        return Err(E::from(Error::panicked(label)));
    };
    match (outcome, tx.failure()) {
        (Ok(_), Some(failure)) => Err(E::from(failure.settled())),
        (outcome, _) => outcome,
    }
}

/// What a caller hears whose job was dropped: a panic on a database thread took it along.
pub(crate) fn unanswered(label: &str) -> Error {
    let text =
        "was cut short by a panic on a database thread: the outcome is unknown, read before you try again";
    Error::new(ErrorKind::Unknown, format!("the database call `{label}` {text}"))
}
