//! A lane without a connection while others have theirs: what waits for it goes to them, and it comes back
//! when the server gives it one. None of this happens on SQLite.

use std::time::{Duration, Instant};

use crate::gather::{Crowd, MOMENT, PATIENCE};
use crate::lanes::{Post, Work, Writer, gone};

/// Lasts until the lane has a connection again, or the database is closed.
pub(crate) fn retire(writer: &mut impl Writer, post: &Post, time: Duration) {
    post.tally.retired(post.seat);
    tracing::debug!(lane = ?post.seat, "a lane without a connection leaves its work to others");
    let mut time = time;
    while pass_on(post, Instant::now() + time) {
        match writer.ready() {
            Ok(()) => {
                tracing::debug!(lane = ?post.seat, "a lane has a connection again");
                return;
            }
            Err(error) if error.is_crowded() => {
                time = match post.gathering.crowded(post.seat, &error) {
                    Crowd::Wait => MOMENT,
                    Crowd::Leave(time) => time,
                    Crowd::Fail => PATIENCE,
                };
            }
            Err(_) => time = PATIENCE,
        }
    }
}

/// Hands over what waits and what still comes by mistake until then; false: the database is closed.
fn pass_on(post: &Post, end: Instant) -> bool {
    while let Some(work) = post.queue.pop_until(end) {
        let passed = match work {
            Work::Leave => Ok(()),
            work => post.gathering.hand_over(post.seat, work),
        };
        // The others have ended: the database is being closed.
        if let Err(work) = passed {
            refuse(work);
        }
    }
    post.queue.is_open()
}

fn refuse(work: Work) {
    match work {
        Work::Call(mut job) => {
            job.fail(gone());
            job.answer();
        }
        Work::Rehearsal(calls) => calls.end(&gone()),
        Work::Leave => {}
    }
}
