//! Reading threads: each takes one closure after the other and runs it in a snapshot of its own. They never
//! write.

use std::sync::Arc;
use std::time::Instant;

use crate::lanes::{Job, is_enough, pause};
use crate::queue::Queue;
use crate::sqlite::Readers;
use crate::{Error, Tx};

/// A connection that opens snapshots.
pub(crate) trait Reader {
    /// Runs `f` in one snapshot; the outer error says that none could be opened.
    fn snapshot<R>(&mut self, f: impl FnOnce(Tx<'_>) -> R) -> Result<R, Error>;
    /// The answer is out: a chance to settle what nobody waits for.
    fn rest(&mut self) {}
    /// The thread ends.
    fn finish(&mut self) {}
}

impl Reader for Arc<Readers> {
    fn snapshot<R>(&mut self, f: impl FnOnce(Tx<'_>) -> R) -> Result<R, Error> {
        self.run(f)
    }
}

/// Serves reads until the queue is closed and empty.
pub(crate) fn serve(mut reader: impl Reader, queue: &Queue<Box<dyn Job>>) {
    while let Some(mut job) = queue.pop() {
        if !job.wanted() {
            continue;
        }
        answer(&mut reader, job.as_mut());
        job.answer();
        reader.rest();
    }
    reader.finish();
}

fn answer(reader: &mut impl Reader, job: &mut dyn Job) {
    let start = Instant::now();
    for tries in 1.. {
        let run = reader.snapshot(|mut tx| {
            job.run(&mut tx);
            tx.failure().cloned()
        });
        let error = match run {
            Ok(None) => return,
            Ok(Some(error)) if !error.may_run_again() => return,
            Ok(Some(error)) | Err(error) => error,
        };
        if is_enough(start, tries) || !error.may_run_again() {
            return job.fail(error);
        }
        job.retried();
        std::thread::sleep(pause(tries));
    }
}
