//! [`Rehearsal`]: the writes of one request as they would go, in one transaction that is always rolled back.
//!
//! It holds its lane while it is played, because on SQLite nobody else could write anyway; so it is bounded
//! in time, and the writes that wait go before the next one. It never commits, and what closures leave for
//! the end of a transaction is dropped.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::call::Job;
use crate::lanes::{Hurry, Step, Writer, is_enough, pause, step};
use crate::locks::Locks;
use crate::queue::{Queue, Refusal};
use crate::{Error, ErrorKind};

/// Longest time that a rehearsal holds its lane, but for the call that is under way then.
const LONGEST: Duration = Duration::from_secs(10);
/// Longest time that it waits for its next call.
const QUIET: Duration = Duration::from_secs(1);
/// Calls of one rehearsal under way at most.
const WAITING: usize = 4_096;

/// Whether the writes of a request are real. By default they are.
///
/// In a rehearsal ([`Rehearsal::new`], given to [`crate::Db::write_in`]) each call sees what the calls before
/// it did, answers what it would answer, and nothing of it is ever committed: the transaction is rolled back
/// when the last clone is dropped, or after a time. It begins with the first call and stays on that call's
/// lane; each closure has a savepoint of its own, as in a batch.
///
/// Do not wait for anything but its own calls while it is open, least of all for a real write.
#[derive(Clone, Default)]
pub struct Rehearsal(Option<Arc<Calls>>);

/// The calls on their way to the lane.
pub(crate) struct Calls {
    queue: Arc<Queue<Box<dyn Job>>>,
    /// Held while the first call enters: none comes into a queue that no lane knows.
    entered: Mutex<bool>,
}

/// The calls as a lane gets them. With this value the rehearsal ends, whoever drops it: no call waits for a
/// lane that does not know of it any more.
pub(crate) struct Staged(Arc<Queue<Box<dyn Job>>>);

impl Staged {
    /// Ends it; what still waits is answered with this error.
    pub(crate) fn end(&self, error: &Error) {
        self.0.close();
        while let Some(mut job) = self.0.pop() {
            job.fail(error.clone());
            job.answer();
        }
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        self.0.close();
        while self.0.pop().is_some() {}
    }
}

impl Rehearsal {
    /// One that has not begun.
    pub fn new() -> Self {
        Self(Some(Arc::new(Calls { queue: Arc::new(Queue::new(WAITING)), entered: Mutex::new(false) })))
    }

    /// False for the default: writes are real.
    pub fn is_on(&self) -> bool {
        self.0.is_some()
    }

    pub(crate) fn calls(&self) -> Option<&Calls> {
        self.0.as_deref()
    }
}

impl fmt::Debug for Rehearsal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rehearsal").field("on", &self.is_on()).finish()
    }
}

impl Calls {
    /// Hands a call over; the first one by `enter`, which tells the lane of the calls.
    pub(crate) fn push(
        &self,
        job: Box<dyn Job>,
        enter: impl FnOnce(Staged) -> Result<(), Refusal>,
    ) -> Result<(), Refusal> {
        let mut entered = self.entered.lock();
        if !std::mem::replace(&mut *entered, true) {
            enter(Staged(Arc::clone(&self.queue)))?;
        }
        drop(entered);
        self.queue.push(job).map_err(|refusal| match refusal {
            Refusal::Closed => Refusal::Over,
            other => other,
        })
    }
}

impl Drop for Calls {
    fn drop(&mut self) {
        self.queue.close();
    }
}

/// What a call hears that came after the end.
pub(crate) fn over() -> Error {
    Error::new(
        ErrorKind::Unavailable,
        "the rehearsal is over: it took too long, or could not begin; nothing was changed",
    )
}

/// Plays the calls as they come, and rolls back. Who meets a lock is not tried again: the lane waits.
pub(crate) fn play<W: Writer>(writer: &mut W, calls: Staged, locks: &mut Locks) {
    // What the transaction before it holds, nobody is to wait for as long as this one waits for its calls.
    writer.rest();
    let since = Instant::now();
    let end = since + LONGEST;
    let (mut stage, mut error) = (Stage { since, open: false, kept: 0 }, None);
    while error.is_none()
        && let Some(mut job) = calls.0.pop_until(end.min(Instant::now() + QUIET))
    {
        if job.wanted() {
            error = stage.call(writer, job.as_mut(), locks).err();
            job.answer();
        }
        if Instant::now() >= end {
            break;
        }
    }
    writer.rollback();
    calls.end(&error.unwrap_or_else(over));
}

struct Stage {
    since: Instant,
    open: bool,
    /// Calls whose effects the next one must see.
    kept: usize,
}

impl Stage {
    /// Brings one call to its outcome. An error says that the transaction is lost with all before it.
    fn call<W: Writer>(&mut self, writer: &mut W, job: &mut dyn Job, locks: &mut Locks) -> Result<(), Error> {
        let mut tries = 0;
        loop {
            let Err(error) = self.attempt(writer, job, locks) else { return Ok(()) };
            writer.rollback();
            self.open = false;
            tries += 1;
            if error.is_locked() {
                locks.meet(job.key(), None, &error, Instant::now());
            }
            // What came before cannot be played again: the closures are gone.
            let hopeless = self.kept > 0 || error.is_locked() || !error.may_run_again();
            if hopeless || is_enough(self.since, tries) {
                job.fail(error.clone());
                return Err(error);
            }
            job.retried();
            writer.rest();
            std::thread::sleep(pause(tries));
        }
    }

    fn attempt<W: Writer>(&mut self, writer: &mut W, job: &mut dyn Job, locks: &Locks) -> Result<(), Error> {
        if !self.open {
            writer.begin()?;
            writer.hurry(if locks.knows(job.key()) { Hurry::Known } else { Hurry::Rehearsal });
            self.open = true;
        }
        match step(writer, job, true) {
            Step::Kept(_) => self.kept += 1,
            // With a savepoint nothing is spoilt.
            Step::Undone | Step::Spoilt | Step::Misled => {}
            Step::Abort(error) => return Err(error),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use tokio::sync::oneshot::error::TryRecvError;

    use super::*;
    use crate::Tx;
    use crate::call::Call;
    use crate::stats::Stats;
    use crate::wanted::Wanted;

    #[test]
    fn no_call_is_left_waiting_in_a_rehearsal_that_no_lane_took() {
        let rehearsal = Rehearsal::new();
        let calls = rehearsal.calls().unwrap();
        let job = || {
            let f = |_: &mut Tx<'_>| Ok::<_, Error>(());
            Call::new(("call", 0), f, (Instant::now(), Wanted::default()), Stats::default().counter("call"))
        };
        let ((first, _heard), (second, mut answer)) = (job(), job());
        let (enters, entering) = mpsc::channel();
        std::thread::scope(|scope| {
            let first = scope.spawn(move || {
                calls.push(Box::new(first), |_| {
                    enters.send(()).unwrap();
                    std::thread::sleep(Duration::from_millis(50));
                    Err(Refusal::Full)
                })
            });
            entering.recv().unwrap();
            let taken = calls.push(Box::new(second), |_| panic!("it has entered already"));
            assert_eq!(first.join().unwrap(), Err(Refusal::Full));
            assert_eq!(taken, Err(Refusal::Over));
        });
        assert_eq!(answer.try_recv().unwrap_err(), TryRecvError::Closed);
    }
}
