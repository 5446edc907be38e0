//! A bounded queue between async callers and database threads. It never waits on the pushing side: a full
//! queue is an answer, not a delay.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Instant;

use parking_lot::{Condvar, Mutex};

/// Why a job was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    Full,
    Closed,
    /// The rehearsal that it belongs to has ended.
    Over,
}

struct State<T> {
    waiting: VecDeque<T>,
    open: bool,
}

pub(crate) struct Queue<T> {
    state: Mutex<State<T>>,
    ready: Condvar,
    limit: usize,
    /// Taken out, and not done: they wait where they are served.
    apart: AtomicUsize,
}

impl<T> Queue<T> {
    pub(crate) fn new(limit: usize) -> Self {
        let state = State { waiting: VecDeque::new(), open: true };
        Self { state: Mutex::new(state), ready: Condvar::new(), limit, apart: AtomicUsize::new(0) }
    }

    pub(crate) fn push(&self, job: T) -> Result<(), Refusal> {
        let mut state = self.state.lock();
        if !state.open {
            return Err(Refusal::Closed);
        }
        if state.waiting.len() >= self.limit {
            return Err(Refusal::Full);
        }
        state.waiting.push_back(job);
        drop(state);
        self.ready.notify_one();
        Ok(())
    }

    /// As [`Queue::push`], but goes before all others and past the limit; nothing once it is closed.
    pub(crate) fn jump(&self, job: T) {
        let mut state = self.state.lock();
        if state.open {
            state.waiting.push_front(job);
            drop(state);
            self.ready.notify_one();
        }
    }

    /// As [`Queue::push`], past the limit: it was taken by another queue already. The job again once this one
    /// is closed.
    pub(crate) fn push_late(&self, job: T) -> Result<(), T> {
        let mut state = self.state.lock();
        if !state.open {
            return Err(job);
        }
        state.waiting.push_back(job);
        drop(state);
        self.ready.notify_one();
        Ok(())
    }

    /// Returns what was taken out and not done, in its order, before all others. For a thread that goes on to
    /// serve the queue: it takes this even when it is closed.
    pub(crate) fn put_back(&self, jobs: Vec<T>) {
        let mut state = self.state.lock();
        for job in jobs.into_iter().rev() {
            state.waiting.push_front(job);
        }
        drop(state);
        self.ready.notify_all();
    }

    /// How many wait.
    pub(crate) fn len(&self) -> usize {
        self.state.lock().waiting.len() + self.apart.load(Relaxed)
    }

    /// So many of what was taken out wait still.
    pub(crate) fn note_apart(&self, jobs: usize) {
        self.apart.store(jobs, Relaxed);
    }

    /// The next job; `None` once the queue is closed and empty.
    pub(crate) fn pop(&self) -> Option<T> {
        self.wait(None).waiting.pop_front()
    }

    /// The next job, if one comes in time; `None` also once the queue is closed and empty.
    pub(crate) fn pop_until(&self, end: Instant) -> Option<T> {
        self.wait(Some(end)).waiting.pop_front()
    }

    /// Everything that waits, up to `most` of those that count, or nothing when the time has come; `None`
    /// once the queue is closed and empty.
    pub(crate) fn drain(
        &self,
        most: usize,
        counts: impl Fn(&T) -> bool,
        end: Option<Instant>,
    ) -> Option<Vec<T>> {
        let mut state = self.wait(end);
        if state.waiting.is_empty() && !state.open {
            return None;
        }
        let beyond = state.waiting.iter().enumerate().filter(|(_, job)| counts(job)).nth(most);
        let end = beyond.map_or(state.waiting.len(), |(at, _)| at);
        Some(state.waiting.drain(..end).collect())
    }

    /// Takes no more jobs; what waits is still served.
    pub(crate) fn close(&self) {
        self.state.lock().open = false;
        self.ready.notify_all();
    }

    pub(crate) fn is_open(&self) -> bool {
        self.state.lock().open
    }

    /// Waits until there is something, or nothing will come, or not before `end`.
    fn wait(&self, end: Option<Instant>) -> parking_lot::MutexGuard<'_, State<T>> {
        let mut state = self.state.lock();
        while state.waiting.is_empty() && state.open {
            match end {
                Some(end) if self.ready.wait_until(&mut state, end).timed_out() => break,
                Some(_) => {}
                None => self.ready.wait(&mut state),
            }
        }
        state
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_count_keeps_nothing_behind_it_waiting() {
        let queue = Queue::new(9);
        for job in [1, 3, 5, 2, 7, 4, 6] {
            queue.push(job).unwrap();
        }
        let even = |job: &i32| job % 2 == 0;
        assert_eq!(queue.drain(2, even, None), Some(vec![1, 3, 5, 2, 7, 4]));
        queue.close();
        assert_eq!(queue.drain(2, even, None), Some(vec![6]));
        assert_eq!(queue.drain(2, even, None), None);
    }
}
