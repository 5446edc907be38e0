//! Who of the threads has a connection to PostgreSQL. At the start they are opened one after the other, the
//! writers' first, and only as far as the server gives them. Where some are lost later and the server gives
//! fewer than before, whoever goes without asks for one of those that have more than their share: no reader
//! holds the connection that a writer lacks, and no call meets a thread without one while another has one.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex, MutexGuard};

use crate::lanes::{Work, survives};
use crate::reading::Read;
use crate::{Error, Jobs, Lane};

/// A thread of each kind works from the start.
pub(crate) const FIRST: usize = 3;
/// A connection that was closed a moment ago still counts at the server.
pub(crate) const MOMENT: Duration = Duration::from_millis(250);
/// Between tries once the server has refused, and for whoever gave his connection up.
pub(crate) const PATIENCE: Duration = Duration::from_secs(5);
/// So long one thread that was asked for its connection is waited for before another one is.
const ASKED: Duration = Duration::from_secs(2);

/// A thread with a connection of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Seat {
    /// The lane of this number.
    Lane(usize),
    /// The lane for what nobody waits for.
    Aside,
    Reader(usize),
}

/// What a thread does that got no connection because the server has none left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Crowd {
    /// Another one was asked for his: try again in a moment.
    Wait,
    /// Leave the work to those of its kind that have a connection, and try again after this time.
    Leave(Duration),
    /// There is nobody to ask or to leave it to.
    Fail,
}

pub(crate) struct Gathering {
    state: Mutex<State>,
    moved: Condvar,
    reads: Jobs,
    queues: Vec<Lane>,
    alive: Alive,
}

struct State {
    /// Whose turn it is to connect; those before it have. Nobody's before the first threads have.
    turn: usize,
    over: bool,
    /// Who has a connection; of one that died unnoticed this is not known yet.
    lanes: Vec<bool>,
    aside: bool,
    readers: Vec<bool>,
    /// Until when nobody else is asked for his connection.
    asked: Option<Instant>,
    /// The log knows that the server gives fewer.
    told: bool,
}

/// The lanes that are given work: the first so many of the order. Reading it takes no lock; who comes at the
/// wrong moment gets a lane that hands over what it is given.
struct Alive {
    order: Vec<AtomicUsize>,
    count: AtomicUsize,
}

impl Alive {
    fn new(lanes: usize, count: usize) -> Self {
        Self { order: (0..lanes).map(AtomicUsize::new).collect(), count: AtomicUsize::new(count) }
    }

    fn place(&self, lane: usize) -> Option<usize> {
        self.order.iter().position(|at| at.load(Relaxed) == lane)
    }

    /// Under the lock of the state, as [`Alive::remove`].
    fn add(&self, lane: usize) {
        let count = self.count.load(Relaxed);
        if let Some(place) = self.place(lane).filter(|place| *place >= count) {
            self.swap(place, count);
            self.count.store(count + 1, Relaxed);
        }
    }

    fn remove(&self, lane: usize) {
        let count = self.count.load(Relaxed);
        if let Some(place) = self.place(lane).filter(|place| *place < count && count > 1) {
            self.count.store(count - 1, Relaxed);
            self.swap(place, count - 1);
        }
    }

    fn swap(&self, a: usize, b: usize) {
        let (of_a, of_b) = (self.order[a].load(Relaxed), self.order[b].load(Relaxed));
        self.order[a].store(of_b, Relaxed);
        self.order[b].store(of_a, Relaxed);
    }
}

impl State {
    fn has(&mut self, seat: Seat) -> &mut bool {
        match seat {
            Seat::Lane(lane) => &mut self.lanes[lane],
            Seat::Aside => &mut self.aside,
            Seat::Reader(reader) => &mut self.readers[reader],
        }
    }

    fn lanes(&self) -> usize {
        self.lanes.iter().filter(|has| **has).count()
    }

    fn readers(&self) -> usize {
        self.readers.iter().filter(|has| **has).count()
    }

    fn open(&self) -> usize {
        self.lanes() + usize::from(self.aside) + self.readers()
    }

    fn most(&self) -> usize {
        self.lanes.len() + 1 + self.readers.len()
    }
}

/// So many more has the other kind that it gives one up.
fn is_unfair(own: usize, other: usize) -> bool {
    own + 2 <= other
}

impl Gathering {
    /// All lanes work from the start, and nobody waits for his turn.
    pub(crate) fn all_at_once(reads: Jobs, queues: Vec<Lane>, readers: usize) -> Self {
        let lanes = queues.len();
        Self::new(reads, queues, readers, lanes)
    }

    /// One lane works from the start.
    pub(crate) fn one_by_one(reads: Jobs, queues: Vec<Lane>, readers: usize) -> Self {
        Self::new(reads, queues, readers, 1)
    }

    fn new(reads: Jobs, queues: Vec<Lane>, readers: usize, alive: usize) -> Self {
        let lanes = queues.len();
        let state = State {
            turn: 0,
            over: false,
            lanes: vec![false; lanes],
            aside: false,
            readers: vec![false; readers],
            asked: None,
            told: false,
        };
        let (state, alive) = (Mutex::new(state), Alive::new(lanes, alive));
        Self { state, moved: Condvar::new(), reads, queues, alive }
    }

    /// A lane that is given work, as `pick` chooses among so many.
    pub(crate) fn lane(&self, pick: impl FnOnce(usize) -> usize) -> usize {
        let count = self.alive.count.load(Relaxed);
        self.alive.order[if count == 1 { 0 } else { pick(count) }].load(Relaxed)
    }

    /// The first threads have their connections: lets the others connect.
    pub(crate) fn begin(&self) {
        self.state.lock().turn = FIRST;
        self.moved.notify_all();
    }

    /// Nobody needs to wait any more: the database is closed.
    pub(crate) fn end(&self) {
        self.state.lock().over = true;
        self.moved.notify_all();
    }

    /// Waits that long; false: the database is closed.
    pub(crate) fn wait(&self, time: Duration) -> bool {
        let mut state = self.state.lock();
        let end = Instant::now() + time;
        while !state.over && !self.moved.wait_until(&mut state, end).timed_out() {}
        !state.over
    }

    /// Waits for this turn, which is that seat's, and connects; false: the database is closed.
    pub(crate) fn enter(
        &self,
        turn: usize,
        seat: Seat,
        mut connect: impl FnMut() -> Result<(), Error>,
    ) -> bool {
        let mut state = self.state.lock();
        while !(state.over || state.turn == turn) {
            self.moved.wait(&mut state);
        }
        for tries in 0.. {
            if state.over {
                return false;
            }
            // A panic is, as any other error, for those who have something to do there.
            let mut connected = Ok(());
            MutexGuard::unlocked(&mut state, || survives(|| connected = connect()));
            let Some(error) = connected.err().filter(Error::is_crowded) else { break };
            if tries == 1 {
                tell(&mut state, &error);
            }
            self.moved.wait_for(&mut state, if tries == 0 { MOMENT } else { PATIENCE });
        }
        state.turn = turn + 1;
        if let Seat::Lane(lane) = seat {
            self.alive.add(lane);
        }
        self.moved.notify_all();
        true
    }

    /// This thread has a connection now, until what is answered is dropped.
    pub(crate) fn take(self: &Arc<Self>, seat: Seat) -> Taken {
        let mut state = self.state.lock();
        *state.has(seat) = true;
        state.asked = None;
        if let Seat::Lane(lane) = seat {
            self.alive.add(lane);
        }
        if state.open() == state.most() {
            tracing::debug!(connections = state.most(), "all connections to PostgreSQL are open");
            state.told = false;
        }
        Taken { gathering: Arc::clone(self), seat }
    }

    /// The server had no connection left for this thread.
    pub(crate) fn crowded(&self, seat: Seat, error: &Error) -> Crowd {
        let mut state = self.state.lock();
        if state.over {
            return Crowd::Fail;
        }
        *state.has(seat) = false;
        tell(&mut state, error);
        let (lanes, readers) = (state.lanes(), state.readers());
        let (own, other) = match seat {
            Seat::Lane(_) => (lanes, readers),
            Seat::Reader(_) => (readers, lanes),
            Seat::Aside => (0, lanes.max(readers)),
        };
        let asks = is_unfair(own, other);
        if asks {
            self.ask(&mut state, matches!(seat, Seat::Lane(_)) || seat == Seat::Aside && readers >= lanes);
        }
        match seat {
            Seat::Lane(lane) if own > 0 => self.alive.remove(lane),
            _ => {}
        }
        match (own, asks) {
            (0, true) => Crowd::Wait,
            (0, false) => Crowd::Fail,
            (_, true) => Crowd::Leave(MOMENT),
            (_, false) => Crowd::Leave(PATIENCE),
        }
    }

    /// Asks a reader, or a lane, for its connection.
    fn ask(&self, state: &mut State, reader: bool) {
        let now = Instant::now();
        if state.asked.is_some_and(|until| until > now) {
            return;
        }
        state.asked = Some(now + ASKED);
        if reader {
            self.reads.jump(Read::Leave);
        } else if let Some(lane) = state.lanes.iter().rposition(|has| *has) {
            self.queues[lane].jump(Work::Leave);
        }
    }

    /// This thread was asked to give its connection up: does it? Then it closes it, and stays away.
    pub(crate) fn spares(&self, seat: Seat) -> bool {
        let mut state = self.state.lock();
        let (lanes, readers) = (state.lanes(), state.readers());
        let (own, other) = if matches!(seat, Seat::Reader(_)) { (readers, lanes) } else { (lanes, readers) };
        let has = *state.has(seat);
        // Whoever asked may have got one in the meantime.
        let wanted = !state.aside || is_unfair(other, own);
        if state.over || !wanted || own < if has { 2 } else { 1 } {
            state.asked = None;
            return false;
        }
        match seat {
            Seat::Lane(lane) => self.alive.remove(lane),
            // It has none to give: the next one may.
            Seat::Reader(_) if !has => self.reads.jump(Read::Leave),
            _ => {}
        }
        *state.has(seat) = false;
        state.asked = Some(Instant::now() + 2 * MOMENT);
        true
    }

    /// Gives what came to a lane that is not alive to one that is; the work again where that takes none.
    pub(crate) fn hand_over(&self, from: Seat, work: Work) -> Result<(), Work> {
        let to = self.lane(|_| 0);
        if from == Seat::Lane(to) { Err(work) } else { self.queues[to].push_late(work) }
    }
}

fn tell(state: &mut State, error: &Error) {
    if !std::mem::replace(&mut state.told, true) {
        let (open, most, lanes) = (state.open(), state.most(), state.lanes());
        tracing::warn!(%error, open, most, lanes, "PostgreSQL gives no more connections");
    }
}

/// A connection as others count it.
pub(crate) struct Taken {
    gathering: Arc<Gathering>,
    seat: Seat,
}

impl Drop for Taken {
    fn drop(&mut self) {
        *self.gathering.state.lock().has(self.seat) = false;
    }
}

/// The order in which the threads beyond the first of each kind connect: a lane and a reader in turn, lanes
/// first.
pub(crate) fn order(lanes: usize, readers: usize) -> Vec<Seat> {
    let (mut lanes, mut readers) = (1..lanes, 1..readers);
    let mut order = Vec::new();
    loop {
        let both = [lanes.next().map(Seat::Lane), readers.next().map(Seat::Reader)];
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
    use crate::queue::Queue;
    use crate::turns::Turns;

    #[test]
    fn lanes_and_readers_take_turns() {
        use Seat::{Lane, Reader};
        let all = [Lane(1), Reader(1), Lane(2), Reader(2), Reader(3), Reader(4)];
        assert_eq!(order(3, 5), all);
        assert_eq!(order(1, 1), []);
    }

    fn gathering(lanes: usize, readers: usize) -> Arc<Gathering> {
        let queues = (0..lanes).map(|_| Arc::new(Queue::new(9))).collect();
        Arc::new(Gathering::all_at_once(Arc::new(Turns::new(9, readers)), queues, readers))
    }

    #[test]
    fn a_panic_while_connecting_keeps_nobody_behind_it_waiting() {
        let gathering = gathering(3, 1);
        gathering.begin();
        let seats = [Seat::Lane(1), Seat::Lane(2)];
        assert!(gathering.enter(FIRST, seats[0], || panic!("on purpose")), "it goes on to work");
        assert!(gathering.state.lock().turn == FIRST + 1, "the next one's turn");
        assert!(gathering.enter(FIRST + 1, seats[1], || Ok(())));
    }

    #[test]
    fn the_last_reader_keeps_its_connection_and_the_last_lane_its_work() {
        let (full, error) = (gathering(3, 2), Error::crowded("full"));
        let readers = [0, 1].map(|n| full.take(Seat::Reader(n)));
        assert_eq!(full.crowded(Seat::Lane(0), &error), Crowd::Wait, "a reader was asked");
        assert_eq!(full.crowded(Seat::Lane(1), &error), Crowd::Wait, "he still is");
        assert_eq!(full.reads.len(), 1);
        assert!(full.spares(Seat::Reader(1)) && !full.spares(Seat::Reader(0)));
        assert_eq!(full.crowded(Seat::Lane(1), &error), Crowd::Fail, "nobody is left to ask");
        let lane = full.take(Seat::Lane(1));
        for other in [0, 2] {
            assert_eq!(full.crowded(Seat::Lane(other), &error), Crowd::Leave(PATIENCE));
        }
        assert!((0..9).all(|n| full.lane(|count| n % count) == 1), "all goes to the one that is alive");
        assert_eq!(full.crowded(Seat::Aside, &error), Crowd::Fail);
        drop(lane);
        assert_eq!(full.crowded(Seat::Lane(1), &error), Crowd::Fail);
        assert_eq!(full.lane(|_| 0), 1);
        drop(readers);
    }

    #[test]
    fn who_has_more_than_his_share_is_asked() {
        let (full, error) = (gathering(3, 3), Error::crowded("full"));
        let lanes = [0, 1, 2].map(|n| full.take(Seat::Lane(n)));
        assert_eq!(full.crowded(Seat::Aside, &error), Crowd::Wait);
        assert_eq!(full.queues[2].len(), 1, "the last lane was asked");
        assert!(full.spares(Seat::Lane(2)));
        let aside = full.take(Seat::Aside);
        assert_eq!(full.crowded(Seat::Reader(0), &error), Crowd::Wait, "two lanes and no reader");
        assert!(full.spares(Seat::Lane(1)) && !full.spares(Seat::Lane(0)));
        let reader = full.take(Seat::Reader(0));
        assert_eq!(full.crowded(Seat::Reader(1), &error), Crowd::Leave(PATIENCE));
        drop((lanes, aside, reader));
    }
}
