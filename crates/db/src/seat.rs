//! A lane's writing connection. The lane's thread works with it or, while somebody writes alone, the caller
//! itself: the way to another thread and back costs as much as the work.

use parking_lot::{Mutex, MutexGuard};
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::task::block_in_place;

use crate::lanes::{BATCH, Job, Work, Writer, settle};
use crate::queue::{Queue, Refusal};
use crate::rehearsal;
use crate::tally::Tally;

/// After so many batches of one call each, whoever comes is taken to write alone. Where several write, a
/// commit of one call would only keep the others from sharing theirs.
const ALONE: u32 = 8;

/// The connection with who works with it now; empty once the lane has ended.
pub(crate) struct Seat<W>(Mutex<Option<Held<W>>>);

struct Held<W> {
    writer: W,
    /// Batches that still begin with savepoints.
    careful: u32,
    /// Batches of one call since the last larger one.
    single: u32,
}

impl<W: Writer> Seat<W> {
    pub(crate) fn new(writer: W) -> Self {
        Self(Mutex::new(Some(Held { writer, careful: 0, single: 0 })))
    }

    /// Serves a lane until its queue is closed and empty.
    pub(crate) fn serve(&self, queue: &Queue<Work>, tally: &Tally) {
        while queue.wait() {
            // Taken only now: what came while a caller worked here shares a commit.
            if let Some(held) = &mut *self.0.lock() {
                held.work(queue.drain(BATCH), tally);
            }
        }
        if let Some(mut held) = self.0.lock().take() {
            held.writer.finish();
        }
    }

    /// Runs a call on the calling thread where it would be alone on the lane; else the lane gets it.
    pub(crate) fn call(&self, job: Box<dyn Job>, queue: &Queue<Work>, tally: &Tally) -> Result<(), Refusal> {
        let work = Work::Call(job);
        match self.alone(queue) {
            None => queue.push(work),
            // The runtime is told: meanwhile other requests go on.
            Some(mut held) => block_in_place(|| {
                if let Some(held) = &mut *held {
                    held.work(vec![work], tally);
                }
                Ok(())
            }),
        }
    }

    fn alone(&self, queue: &Queue<Work>) -> Option<MutexGuard<'_, Option<Held<W>>>> {
        let held = self.0.try_lock()?;
        let single = held.as_ref().is_some_and(|held| held.single >= ALONE);
        (single && queue.is_idle() && can_block()).then_some(held)
    }
}

/// Other runtimes have nobody who would go on meanwhile.
fn can_block() -> bool {
    Handle::try_current().is_ok_and(|handle| handle.runtime_flavor() == RuntimeFlavor::MultiThread)
}

impl<W: Writer> Held<W> {
    /// One batch.
    fn work(&mut self, work: Vec<Work>, tally: &Tally) {
        let (mut jobs, mut rehearsals) = (Vec::with_capacity(work.len()), Vec::new());
        for item in work {
            match item {
                Work::Call(job) if job.wanted() => jobs.push(job),
                Work::Call(_) => {}
                Work::Rehearsal(calls) => rehearsals.push(calls),
            }
        }
        self.single = if jobs.len() > 1 { 0 } else { self.single.saturating_add(1) };
        if !jobs.is_empty() {
            settle(&mut self.writer, &mut jobs, tally, &mut self.careful);
            jobs.into_iter().for_each(Job::answer);
        }
        for calls in rehearsals {
            rehearsal::play(&mut self.writer, &calls);
        }
        self.writer.rest();
    }
}
