//! Connections to PostgreSQL that are opened one after the other, the writers' first, and only as far as the
//! server gives them: where a role, a database or the server has a limit, no reader holds the connection that
//! a writer lacks, and no caller meets a lane without one.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use parking_lot::{Condvar, Mutex, MutexGuard};

use crate::Error;

/// A thread of each kind works from the start.
pub(crate) const FIRST: usize = 3;
/// A connection that was closed a moment ago still counts at the server.
const MOMENT: Duration = Duration::from_millis(250);
/// Between tries once the server has refused.
const PATIENCE: Duration = Duration::from_secs(5);

/// Who of the threads may connect next.
pub(crate) struct Gathering {
    state: Mutex<State>,
    moved: Condvar,
    /// Lanes that have their connection, and so are given work.
    lanes: AtomicUsize,
}

struct State {
    /// The place that may connect now; those before it have.
    turn: usize,
    /// All threads.
    most: usize,
    begun: bool,
    over: bool,
}

impl Gathering {
    /// All of these lanes work from the start, and nobody waits.
    pub(crate) fn all_at_once(lanes: usize) -> Self {
        Self::new(lanes, lanes)
    }

    /// One lane works from the start; `most` threads in all.
    pub(crate) fn one_by_one(most: usize) -> Self {
        Self::new(1, most)
    }

    fn new(lanes: usize, most: usize) -> Self {
        let state = State { turn: FIRST, most, begun: false, over: false };
        Self { state: Mutex::new(state), moved: Condvar::new(), lanes: AtomicUsize::new(lanes) }
    }

    /// How many lanes are given work.
    pub(crate) fn lanes(&self) -> usize {
        self.lanes.load(Relaxed)
    }

    /// The first threads have their connections: lets the others connect.
    pub(crate) fn begin(&self) {
        self.state.lock().begun = true;
        self.moved.notify_all();
    }

    /// Nobody needs to wait any more: the database is closed.
    pub(crate) fn end(&self) {
        self.state.lock().over = true;
        self.moved.notify_all();
    }

    /// Waits for the turn of this place, whose lane that is, and connects; false: the database is closed.
    pub(crate) fn enter(
        &self,
        place: usize,
        lane: Option<usize>,
        mut connect: impl FnMut() -> Result<(), Error>,
    ) -> bool {
        let mut state = self.state.lock();
        while !(state.over || state.begun && state.turn == place) {
            self.moved.wait(&mut state);
        }
        for tries in 0.. {
            if state.over {
                return false;
            }
            let connected = MutexGuard::unlocked(&mut state, &mut connect);
            // Any other error is for those who have something to do there.
            let Some(error) = connected.err().filter(Error::is_crowded) else { break };
            if tries == 1 {
                let (open, most) = (state.turn, state.most);
                tracing::warn!(%error, open, most, lanes = self.lanes(), "PostgreSQL gives no more connections");
            }
            self.moved.wait_for(&mut state, if tries == 0 { MOMENT } else { PATIENCE });
        }
        state.turn = place + 1;
        if let Some(lane) = lane {
            self.lanes.store(lane + 1, Relaxed);
        }
        if state.turn == state.most {
            tracing::debug!(connections = state.most, "all connections to PostgreSQL are open");
        }
        self.moved.notify_all();
        true
    }
}

/// A thread beyond the first of its kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Later {
    /// The lane of this number.
    Lane(usize),
    Reader,
}

/// The order in which they connect: a lane and a reader in turn, lanes first.
pub(crate) fn order(lanes: usize, readers: usize) -> Vec<Later> {
    let (mut lanes, mut readers) = (1..lanes, 1..readers);
    let mut order = Vec::new();
    loop {
        let both = [lanes.next().map(Later::Lane), readers.next().map(|_| Later::Reader)];
        let before = order.len();
        order.extend(both.into_iter().flatten());
        if order.len() == before {
            return order;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lanes_and_readers_take_turns() {
        use Later::{Lane, Reader};
        assert_eq!(order(3, 5), [Lane(1), Reader, Lane(2), Reader, Reader, Reader]);
        assert_eq!(order(1, 1), []);
    }
}
