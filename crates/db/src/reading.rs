//! Reading threads: each takes one closure after the other and runs it in a snapshot of its own. They never
//! write.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::call::Job;
use crate::gather::{Crowd, Gathering, MOMENT, PATIENCE, Seat};
use crate::lanes::{ENOUGH, is_enough, pause, survives};
use crate::sqlite::Readers;
use crate::turns::Turn;
use crate::{Error, Jobs, Tx};

/// A connection that opens snapshots.
pub(crate) trait Reader {
    /// Runs `f` in one snapshot; the outer error says that none could be opened.
    fn snapshot<R>(&mut self, f: impl FnOnce(Tx<'_>) -> R) -> Result<R, Error>;
    /// Connects, where that is not done yet.
    fn ready(&mut self) -> Result<(), Error> {
        Ok(())
    }
    /// The answer is out: a chance to settle what nobody waits for.
    fn rest(&mut self) {}
    /// The thread ends, or goes on without a connection.
    fn finish(&mut self) {}
}

/// What a reading thread is given to do.
pub(crate) enum Read {
    /// A closure of [`crate::Of::read`].
    Call(Box<dyn Job>),
    /// To give its connection up: a writer has none.
    Leave,
}

impl Reader for Arc<Readers> {
    fn snapshot<R>(&mut self, f: impl FnOnce(Tx<'_>) -> R) -> Result<R, Error> {
        self.run(f)
    }
}

/// Where a reading thread works.
pub(crate) struct Desk {
    pub(crate) seat: Seat,
    pub(crate) queue: Jobs,
    pub(crate) gathering: Arc<Gathering>,
}

/// Serves reads until the queue is closed and empty.
pub(crate) fn serve(mut reader: impl Reader, desk: &Desk) {
    while let Some(turn) = desk.queue.pop() {
        survives(|| serve_one(&mut reader, turn, desk));
    }
    reader.finish();
}

fn serve_one(reader: &mut impl Reader, mut turn: Turn<'_, Read>, desk: &Desk) {
    match turn.take() {
        Some(Read::Call(mut job)) if job.wanted() => {
            if answer(reader, job.as_mut(), desk) {
                job.answer();
                reader.rest();
            } else {
                turn.put_back(Read::Call(job));
                stay_away(reader, desk, MOMENT);
            }
        }
        Some(Read::Leave) if desk.gathering.spares(desk.seat) => {
            reader.finish();
            stay_away(reader, desk, PATIENCE);
        }
        Some(Read::Call(_) | Read::Leave) | None => {}
    }
}

/// Takes no work before it has a connection again, as long as others have one.
fn stay_away(reader: &mut impl Reader, desk: &Desk, time: Duration) {
    let mut time = time;
    while desk.gathering.wait(time)
        && let Err(error) = reader.ready()
        && error.is_crowded()
        && let Crowd::Leave(more) = desk.gathering.crowded(desk.seat, &error)
    {
        time = more;
    }
}

/// Brings a job to its outcome; false: there is no connection to do it with, and others have one.
fn answer(reader: &mut impl Reader, job: &mut dyn Job, desk: &Desk) -> bool {
    let (start, mut tries) = (Instant::now(), 0);
    loop {
        let run = reader.snapshot(|mut tx| {
            job.run(&mut tx);
            tx.failure().cloned()
        });
        let error = match run {
            Ok(None) => return true,
            Ok(Some(error)) if !error.may_run_again() => return true,
            Ok(Some(error)) | Err(error) => error,
        };
        if error.is_crowded() {
            match desk.gathering.crowded(desk.seat, &error) {
                Crowd::Leave(_) => return false,
                Crowd::Wait if start.elapsed() < ENOUGH => {
                    desk.gathering.wait(MOMENT);
                    continue;
                }
                Crowd::Wait | Crowd::Fail => {}
            }
        }
        tries += 1;
        if is_enough(start, tries) || !error.may_run_again() || !job.wanted() {
            job.fail(error);
            return true;
        }
        job.retried();
        std::thread::sleep(pause(tries));
    }
}
