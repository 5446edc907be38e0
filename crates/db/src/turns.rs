//! Where reads wait: a line for each account, and each account in turn. So whoever asks for much makes
//! himself wait and not the others. The last free thread goes to who has none, since one that came free only
//! after a long scan would make the others wait as well; and one is kept for the server itself, which tells
//! by its reads that it is ready. It never waits on the pushing side.

use std::collections::{HashMap, VecDeque};

use parking_lot::{Condvar, Mutex};

use crate::queue::Refusal;

/// With fewer threads than these the last one is anybody's: to keep one would be to keep too many of them.
const ENOUGH_FOR_ONE: usize = 4;
/// With fewer none is kept for the server itself.
const ENOUGH_FOR_TWO: usize = 6;

/// Whose a job is: equal numbers wait in one line, `None` is the server itself.
pub(crate) type Owner = Option<u64>;

pub(crate) struct Turns<T> {
    state: Mutex<State<T>>,
    ready: Condvar,
    /// Jobs that may wait.
    limit: usize,
}

struct State<T> {
    /// Of those who wait or are served.
    lines: HashMap<Owner, Line<T>>,
    /// Owners of what waits, each once: the next one first.
    order: VecDeque<Owner>,
    /// What goes before all others, whoever is served.
    urgent: VecDeque<T>,
    waiting: usize,
    open: bool,
    threads: usize,
    /// Jobs under way, but for urgent ones.
    served: usize,
}

struct Line<T> {
    waiting: VecDeque<T>,
    served: usize,
}

impl<T> Default for Line<T> {
    fn default() -> Self {
        Self { waiting: VecDeque::new(), served: 0 }
    }
}

impl<T> State<T> {
    fn add(&mut self, owner: Owner, job: T, first: bool) {
        let line = self.lines.entry(owner).or_default();
        if line.waiting.is_empty() {
            self.order.push_back(owner);
        }
        if first {
            line.waiting.push_front(job);
        } else {
            line.waiting.push_back(job);
        }
        self.waiting += 1;
    }

    /// Is there a thread for one more job of this owner?
    fn has_thread_for(&self, owner: Owner) -> bool {
        let has_none = |owner| self.lines.get(&owner).is_none_or(|line| line.served == 0);
        let is_kept = self.threads >= ENOUGH_FOR_TWO && owner.is_some() && has_none(None);
        let free = self.threads.saturating_sub(self.served + usize::from(is_kept));
        free > 1 || free == 1 && (self.threads < ENOUGH_FOR_ONE || has_none(owner))
    }

    /// The first job of the first owner for whom there is a thread.
    fn next(&mut self) -> Option<(Owner, T)> {
        let place = self.order.iter().position(|owner| self.has_thread_for(*owner))?;
        let owner = self.order.remove(place)?;
        let line = self.lines.get_mut(&owner)?;
        let job = line.waiting.pop_front()?;
        line.served += 1;
        self.served += 1;
        if !line.waiting.is_empty() {
            self.order.push_back(owner);
        }
        self.waiting -= 1;
        Some((owner, job))
    }

    /// Makes room for a job of `owner`, at the cost of the one with the longest line: what came last there.
    fn displace(&mut self, owner: Owner) -> Option<T> {
        let own = self.lines.get(&owner).map_or(0, |line| line.waiting.len());
        let longest = self.lines.values_mut().max_by_key(|line| line.waiting.len())?;
        if longest.waiting.len() <= own + 1 {
            return None;
        }
        self.waiting -= 1;
        longest.waiting.pop_back()
    }
}

impl<T> Turns<T> {
    /// `limit`: jobs that may wait; `threads`: those that will serve them.
    pub(crate) fn new(limit: usize, threads: usize) -> Self {
        let state = State {
            lines: HashMap::new(),
            order: VecDeque::new(),
            urgent: VecDeque::new(),
            waiting: 0,
            open: true,
            threads,
            served: 0,
        };
        Self { state: Mutex::new(state), ready: Condvar::new(), limit }
    }

    /// Takes a job. Where too many wait it takes the place of one of another owner who has more waiting, and
    /// that one comes back.
    pub(crate) fn push(&self, owner: Owner, job: T) -> Result<Option<T>, Refusal> {
        let mut state = self.state.lock();
        if !state.open {
            return Err(Refusal::Closed);
        }
        let displaced =
            if state.waiting < self.limit { None } else { Some(state.displace(owner).ok_or(Refusal::Full)?) };
        state.add(owner, job, false);
        drop(state);
        self.ready.notify_one();
        Ok(displaced)
    }

    /// Goes before all others and past the limit; nothing once it is closed.
    pub(crate) fn jump(&self, job: T) {
        let mut state = self.state.lock();
        if state.open {
            state.urgent.push_front(job);
            drop(state);
            self.ready.notify_one();
        }
    }

    /// The next job; `None` once it is closed and nothing waits.
    pub(crate) fn pop(&self) -> Option<Turn<'_, T>> {
        let mut state = self.state.lock();
        loop {
            if let Some(job) = state.urgent.pop_front() {
                return Some(Turn { of: None, job: Some(job), turns: self });
            }
            if let Some((owner, job)) = state.next() {
                return Some(Turn { of: Some(owner), job: Some(job), turns: self });
            }
            if !state.open && state.waiting == 0 {
                return None;
            }
            self.ready.wait(&mut state);
        }
    }

    /// How many wait.
    pub(crate) fn len(&self) -> usize {
        let state = self.state.lock();
        state.waiting + state.urgent.len()
    }

    /// Takes no more jobs; what waits is still served.
    pub(crate) fn close(&self) {
        self.state.lock().open = false;
        self.ready.notify_all();
    }

    /// A job of this owner is over.
    fn done(&self, owner: Owner) {
        let mut state = self.state.lock();
        let Some(line) = state.lines.get_mut(&owner) else { return };
        line.served -= 1;
        if line.served == 0 && line.waiting.is_empty() {
            state.lines.remove(&owner);
        }
        state.served -= 1;
        let (waits, ends) = (state.waiting > 0, !state.open && state.waiting == 0);
        drop(state);
        if ends {
            self.ready.notify_all();
        } else if waits {
            // Not every thread that is done goes on: one that put its job back stays away for a while.
            self.ready.notify_one();
        }
    }
}

/// A job that is under way for as long as this is there.
pub(crate) struct Turn<'a, T> {
    of: Option<Owner>,
    job: Option<T>,
    turns: &'a Turns<T>,
}

impl<T> Turn<'_, T> {
    /// What to do, once.
    pub(crate) fn take(&mut self) -> Option<T> {
        self.job.take()
    }

    /// It could not be done: it waits again, before all others of its owner, also where no more jobs are
    /// taken.
    pub(crate) fn put_back(self, job: T) {
        let mut state = self.turns.state.lock();
        match self.of {
            Some(owner) => state.add(owner, job, true),
            None => state.urgent.push_front(job),
        }
        drop(state);
        self.turns.ready.notify_all();
    }
}

impl<T> Drop for Turn<'_, T> {
    fn drop(&mut self) {
        if let Some(owner) = self.of {
            self.turns.done(owner);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SERVER: Owner = None;
    const ONE: Owner = Some(1);
    const TWO: Owner = Some(2);
    const THREE: Owner = Some(3);

    fn filled(limit: usize, threads: usize, jobs: &[(Owner, u32)]) -> Turns<u32> {
        let turns = Turns::new(limit, threads);
        for (owner, job) in jobs {
            assert!(turns.push(*owner, *job).unwrap().is_none());
        }
        turns
    }

    /// Jobs that so many threads have taken, if there are so many to take, and which those are.
    fn under_way(turns: &Turns<u32>) -> (Vec<Turn<'_, u32>>, Vec<u32>) {
        let can_go_on = || {
            let state = turns.state.lock();
            state.order.iter().any(|owner| state.has_thread_for(*owner))
        };
        let (mut all, mut jobs) = (Vec::new(), Vec::new());
        while can_go_on() {
            let mut turn = turns.pop().unwrap();
            jobs.extend(turn.take());
            all.push(turn);
        }
        (all, jobs)
    }

    fn served(turns: &Turns<u32>) -> Vec<u32> {
        std::iter::from_fn(|| turns.pop()?.take()).collect()
    }

    #[test]
    fn each_owner_has_his_turn_however_many_wait_before_him() {
        let turns =
            filled(9, 1, &[(ONE, 10), (ONE, 11), (ONE, 12), (TWO, 20), (ONE, 13), (THREE, 30), (TWO, 21)]);
        turns.jump(7);
        turns.close();
        assert_eq!(served(&turns), [7, 10, 20, 30, 11, 21, 12, 13]);
        assert_eq!((turns.len(), turns.state.lock().lines.len()), (0, 0));
    }

    #[test]
    fn the_last_thread_is_for_who_has_none() {
        let turns = filled(9, 4, &[(ONE, 10), (ONE, 11), (ONE, 12), (ONE, 13), (TWO, 20), (TWO, 21)]);
        let (mut all, jobs) = under_way(&turns);
        assert_eq!(jobs, [10, 20, 11]);
        assert!(turns.push(THREE, 30).unwrap().is_none());
        let (third, jobs) = under_way(&turns);
        assert_eq!(jobs, [30]);
        drop(all.pop());
        assert_eq!(under_way(&turns).1, [], "kept for a fourth one");
        drop(third);
        assert_eq!(under_way(&turns).1, [21]);
    }

    #[test]
    fn one_thread_is_kept_for_the_server_where_there_are_many() {
        let jobs: Vec<_> = (0..9).flat_map(|n| [(ONE, 10 + n), (TWO, 20 + n), (THREE, 30 + n)]).collect();
        let turns = filled(99, 6, &jobs);
        let (mut all, jobs) = under_way(&turns);
        assert_eq!(jobs, [10, 20, 30, 11]);
        assert!(turns.push(Some(4), 40).unwrap().is_none());
        assert!(turns.push(SERVER, 1).unwrap().is_none());
        assert!(turns.push(SERVER, 2).unwrap().is_none());
        let (others, jobs) = under_way(&turns);
        assert_eq!(jobs, [40, 1], "one of each");
        drop(others);
        assert_eq!(under_way(&turns).1, [2], "again");
        all.clear();
    }

    #[test]
    fn of_few_threads_none_is_kept() {
        let turns = filled(9, 3, &[(ONE, 10), (ONE, 11), (ONE, 12)]);
        assert_eq!(under_way(&turns).0.len(), 3);
    }

    #[test]
    fn where_all_places_are_taken_the_longest_line_gives_one() {
        let turns = filled(4, 1, &[(ONE, 10), (ONE, 11), (ONE, 12), (TWO, 20)]);
        assert_eq!(turns.push(ONE, 13), Err(Refusal::Full));
        assert_eq!(turns.push(THREE, 30), Ok(Some(12)));
        assert_eq!(turns.push(TWO, 21), Err(Refusal::Full), "it would have as many as the longest");
        turns.close();
        assert_eq!(turns.push(SERVER, 40), Err(Refusal::Closed));
        assert_eq!(served(&turns), [10, 20, 30, 11]);
    }

    #[test]
    fn what_is_put_back_is_first_in_its_line_and_served_even_at_the_end() {
        let turns = filled(9, 1, &[(ONE, 10), (ONE, 11)]);
        turns.close();
        let mut turn = turns.pop().unwrap();
        let job = turn.take().unwrap();
        turn.put_back(job);
        assert_eq!(served(&turns), [10, 11]);
    }

    #[test]
    fn threads_that_wait_for_their_turn_end_with_the_last_job() {
        let turns = filled(9, 4, &[(ONE, 10), (ONE, 11), (ONE, 12), (ONE, 13)]);
        turns.close();
        let under_way: Vec<_> = (0..3).filter_map(|_| turns.pop()).collect();
        std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(|| served(&turns))).collect();
            drop(under_way);
            let mut jobs: Vec<_> = threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect();
            jobs.sort_unstable();
            assert_eq!(jobs, [13]);
        });
    }
}
