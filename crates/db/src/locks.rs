//! What a lane knows of locks: whose calls met a row that somebody else has locked. For a while all calls of
//! those accounts wait here and run apart from the batches of others, behind them and without waiting for a
//! lock for long: so the others wait for a lock once, to find whose it is. Those of one account run together
//! as well, until they meet it; then each is tried alone, and only who met it alone waits for it.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::Error;
use crate::call::Job;
use crate::lanes::ENOUGH;

/// So long an account's calls run apart from others' after one of them met a lock.
const MEMORY: Duration = Duration::from_secs(10);
/// Between two tries of an account where nothing comes through; much longer than a try waits for a lock.
const PAUSE: Duration = Duration::from_millis(500);
/// So many calls that meet a lock one after the other, each alone, let expect that all do: the account's own
/// row is locked.
const MISSES: u32 = 3;
/// So many calls of an account wait for a lock; who comes later hears of it at once.
const WAITING: usize = 128;

/// The accounts of one lane that met a lock.
#[derive(Default)]
pub(crate) struct Locks(Vec<Account>);

/// Calls of one account that it is time to try.
pub(crate) struct Turn {
    pub(crate) jobs: Vec<Box<dyn Job>>,
    key: u64,
    /// It met a lock, alone, when it was tried last.
    known: bool,
}

struct Account {
    key: u64,
    /// Of the lock that was met last.
    error: Error,
    until: Instant,
    /// Not every call needs the row that is locked: of these nothing is known.
    fresh: VecDeque<Box<dyn Job>>,
    /// Met a lock together: one of them did, or more.
    suspects: VecDeque<Box<dyn Job>>,
    /// When one of those two is tried next.
    due: Instant,
    /// Met a lock alone.
    met: VecDeque<Box<dyn Job>>,
    /// When one of them is tried next.
    again: Instant,
    /// Up to `MISSES`, since something came through.
    misses: u32,
}

impl Locks {
    pub(crate) fn knows(&self, key: u64) -> bool {
        self.0.iter().any(|account| account.key == key)
    }

    /// How many calls wait here.
    pub(crate) fn len(&self) -> usize {
        self.0.iter().map(Account::len).sum()
    }

    /// When somebody who waits here is to be tried.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.0.iter().filter_map(Account::next).min()
    }

    /// Keeps a call whose account met a lock; back comes one whose account did not.
    pub(crate) fn hold(&mut self, job: Box<dyn Job>) -> Option<Box<dyn Job>> {
        let Some(account) = self.0.iter_mut().find(|account| account.key == job.key()) else {
            return Some(job);
        };
        if account.is_stuck() && account.len() >= WAITING {
            refuse(job, &account.error);
        } else {
            account.fresh.push_back(job);
        }
        None
    }

    /// A call of this account met a lock, alone; where it is not to wait for that there is none.
    pub(crate) fn meet(&mut self, key: u64, job: Option<Box<dyn Job>>, error: &Error, now: Instant) {
        let (account, pause) = self.account(key, error, now);
        if let Some(job) = job {
            account.miss(job, now, pause);
        }
    }

    /// The calls of a turn cannot be done together, or the one cannot be done now.
    pub(crate) fn back(&mut self, turn: Turn, error: &Error, now: Instant) {
        let Turn { mut jobs, key, known } = turn;
        let (account, pause) = self.account(key, error, now);
        match jobs.pop() {
            Some(job) if known => {
                account.rest(now, pause);
                account.wait(job);
            }
            Some(job) if jobs.is_empty() => account.miss(job, now, pause),
            last => account.suspects.extend(jobs.into_iter().chain(last)),
        }
    }

    /// A turn came through: as far as that shows, those after it do, too.
    pub(crate) fn came_through(&mut self, turn: &Turn, now: Instant) {
        if let Some(account) = self.0.iter_mut().find(|account| account.key == turn.key) {
            account.misses = 0;
            *(if turn.known { &mut account.again } else { &mut account.due }) = now;
        }
    }

    /// Whose turn it is: one that met a lock, one that may have, or all of whom nothing is known. Who has
    /// waited for too long is answered.
    pub(crate) fn next(&mut self, now: Instant) -> Option<Turn> {
        loop {
            let due = self.0.iter_mut().filter(|account| account.next().is_some_and(|due| due <= now));
            let account = due.min_by_key(|account| account.next())?;
            account.dismiss(now);
            if account.next().is_some_and(|due| due <= now) {
                return Some(account.take());
            }
        }
    }

    /// Forgets the locks that were met long ago; answers the calls that belong to the batches again.
    pub(crate) fn lapse(&mut self, now: Instant) -> Vec<Box<dyn Job>> {
        let lapsed = |account: &mut Account| account.until <= now && account.is_clear();
        self.0.extract_if(.., lapsed).flat_map(Account::into_jobs).collect()
    }

    /// Forgets everything; answers the calls.
    pub(crate) fn release(&mut self) -> Vec<Box<dyn Job>> {
        self.0.drain(..).flat_map(Account::into_jobs).collect()
    }

    /// Nobody is tried any more.
    pub(crate) fn give_up(&mut self) {
        for account in self.0.drain(..) {
            let error = account.error.clone();
            account.into_jobs().for_each(|job| refuse(job, &error));
        }
    }

    /// One that met a lock by now, and how long it pauses where nothing of it comes through: a try holds the
    /// lane up, so the more accounts there are, the more seldom each.
    fn account(&mut self, key: u64, error: &Error, now: Instant) -> (&mut Account, Duration) {
        let known = self.0.iter().position(|account| account.key == key).unwrap_or_else(|| {
            self.0.push(Account::new(key, error.clone(), now));
            self.0.len() - 1
        });
        let pause = PAUSE * u32::try_from(self.0.len()).unwrap_or(u32::MAX);
        let account = &mut self.0[known];
        if error.is_locked() {
            (account.until, account.error) = (now + MEMORY, error.clone());
        }
        (account, pause)
    }
}

impl Account {
    fn new(key: u64, error: Error, now: Instant) -> Self {
        let (fresh, suspects, met) = (VecDeque::new(), VecDeque::new(), VecDeque::new());
        Self { key, error, until: now + MEMORY, fresh, suspects, due: now, met, again: now, misses: 0 }
    }

    fn len(&self) -> usize {
        self.fresh.len() + self.suspects.len() + self.met.len()
    }

    /// Everyone seems to meet a lock.
    fn is_stuck(&self) -> bool {
        self.misses >= MISSES
    }

    /// Nobody seems to.
    fn is_clear(&self) -> bool {
        self.len() == 0 || self.misses == 0 && self.suspects.is_empty() && self.met.is_empty()
    }

    /// When one of those is tried of whom it is not known that they meet a lock.
    fn next_unknown(&self) -> Option<Instant> {
        (self.fresh.len() + self.suspects.len() > 0).then_some(self.due)
    }

    fn next_known(&self) -> Option<Instant> {
        (!self.met.is_empty()).then_some(self.again)
    }

    fn next(&self) -> Option<Instant> {
        self.next_unknown().into_iter().chain(self.next_known()).min()
    }

    /// Lets go of those nobody waits for, and of those who have waited for too long.
    fn dismiss(&mut self, now: Instant) {
        let stuck = self.is_stuck();
        let all = [(&mut self.met, true), (&mut self.suspects, stuck), (&mut self.fresh, stuck)];
        for (jobs, waits) in all {
            for job in std::mem::take(jobs) {
                if waits && now.saturating_duration_since(job.since()) > ENOUGH {
                    refuse(job, &self.error);
                } else if job.wanted() {
                    jobs.push_back(job);
                }
            }
        }
    }

    fn take(&mut self) -> Turn {
        let known = self.next_known().is_some_and(|again| self.next_unknown().is_none_or(|due| again < due));
        let most = if self.is_stuck() { 1 } else { WAITING };
        let (from, most) = match (known, self.suspects.is_empty()) {
            (true, _) => (&mut self.met, 1),
            (false, false) => (&mut self.suspects, 1),
            (false, true) => (&mut self.fresh, most),
        };
        let jobs = from.drain(..most.min(from.len())).collect();
        Turn { jobs, key: self.key, known }
    }

    /// This one met a lock, alone, and nothing was known of it. The next one may do well; the more do not,
    /// the longer the pause before it.
    fn miss(&mut self, job: Box<dyn Job>, now: Instant, pause: Duration) {
        self.misses = (self.misses + 1).min(MISSES);
        self.due = now + pause / (1 << (MISSES - self.misses));
        if self.met.is_empty() || self.is_stuck() {
            self.rest(now, pause);
        }
        self.wait(job);
    }

    /// One of those who met a lock did once more. Where others come through they are tried more seldom: it is
    /// those they hold up.
    fn rest(&mut self, now: Instant, pause: Duration) {
        if self.is_stuck() {
            (self.due, self.again) = (now + pause, now + pause);
        } else {
            self.again = now + pause * 2;
        }
    }

    fn wait(&mut self, job: Box<dyn Job>) {
        if self.met.len() < WAITING {
            self.met.push_back(job);
        } else {
            refuse(job, &self.error);
        }
    }

    /// Those first that need not wait.
    fn into_jobs(self) -> impl Iterator<Item = Box<dyn Job>> {
        self.suspects.into_iter().chain(self.fresh).chain(self.met)
    }
}

fn refuse(mut job: Box<dyn Job>, error: &Error) {
    job.fail(error.clone());
    job.answer();
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot::Receiver;

    use super::*;
    use crate::Tx;
    use crate::call::Call;
    use crate::stats::Stats;
    use crate::wanted::Wanted;

    type Heard = Receiver<Result<(), Error>>;

    fn call(key: u64, now: Instant) -> (Box<dyn Job>, Heard) {
        let f = |_: &mut Tx<'_>| Ok::<_, Error>(());
        let counter = Stats::default().counter("call");
        let (call, heard) = Call::new(("call", key), f, (now, Wanted::default()), counter);
        (Box::new(call), heard)
    }

    fn is_locked(heard: &mut Heard) -> bool {
        heard.try_recv().is_ok_and(|answer| answer.is_err_and(|error| error.is_locked()))
    }

    fn error() -> Error {
        Error::locked("held")
    }

    /// An account with one call that met a lock.
    fn met(now: Instant) -> (Locks, Heard) {
        let (mut locks, (job, heard)) = (Locks::default(), call(1, now));
        assert!(locks.hold(call(1, now).0).is_some(), "nothing is known of it yet");
        locks.meet(1, Some(job), &error(), now);
        (locks, heard)
    }

    /// So many more calls of the same account.
    fn hold(locks: &mut Locks, count: usize, now: Instant) -> Vec<Heard> {
        let (jobs, heard): (Vec<_>, Vec<_>) = (0..count).map(|_| call(1, now)).unzip();
        for job in jobs {
            assert!(locks.hold(job).is_none());
        }
        heard
    }

    #[test]
    fn who_waits_for_a_lock_is_tried_now_and_then_and_not_for_ever() {
        let start = Instant::now();
        let (mut locks, mut heard) = met(start);
        let again = start + 2 * PAUSE;
        assert!(locks.next(start + PAUSE).is_none() && locks.due() == Some(again));
        let turn = locks.next(again).unwrap();
        locks.back(turn, &error(), again);
        assert!(!is_locked(&mut heard));
        assert!(locks.next(start + ENOUGH + PAUSE).is_none() && is_locked(&mut heard));
        assert!(locks.knows(1) && locks.due().is_none());
        assert!(locks.lapse(start + MEMORY).is_empty() && locks.knows(1), "it was met once more");
        locks.lapse(again + MEMORY);
        assert!(!locks.knows(1));
    }

    #[test]
    fn once_one_came_through_the_next_follows_at_once_and_later_all_with_others_again() {
        let start = Instant::now();
        let (mut locks, _heard) = met(start);
        locks.meet(1, Some(call(1, start).0), &error(), start);
        let now = start + 2 * PAUSE;
        for _ in 0..2 {
            let turn = locks.next(now).unwrap();
            assert_eq!(turn.jobs.len(), 1);
            locks.came_through(&turn, now);
        }
        assert!(locks.next(now).is_none());
        let _heard = hold(&mut locks, 1, now);
        assert!(locks.lapse(now).is_empty());
        assert_eq!(locks.lapse(start + MEMORY).len(), 1);
        assert!(locks.hold(call(1, start).0).is_some());
    }

    #[test]
    fn those_who_meet_it_together_are_tried_alone_and_who_does_not_need_it_goes_on() {
        let start = Instant::now();
        let (mut locks, _heard) = met(start);
        let now = start + PAUSE;
        let _heard = hold(&mut locks, 4, now);
        let turn = locks.next(now).unwrap();
        assert_eq!(turn.jobs.len(), 4, "nothing is known of them");
        locks.back(turn, &error(), now);
        let _heard = hold(&mut locks, 3, now);
        for n in 0..4 {
            // The second one needs the row; after him there is a pause.
            let now = now + if n < 2 { Duration::ZERO } else { PAUSE / 4 };
            let turn = locks.next(now).unwrap();
            assert_eq!((turn.jobs.len(), turn.known), (1, false));
            if n == 1 {
                locks.back(turn, &error(), now);
                assert!(locks.next(now).is_none());
            } else {
                locks.came_through(&turn, now);
            }
        }
        let now = now + PAUSE / 4;
        assert_eq!(locks.next(now).unwrap().jobs.len(), 3, "those who came meanwhile, together");
        assert_eq!((locks.len(), locks.due()), (2, Some(start + 2 * PAUSE)), "two wait for the lock");
    }

    #[test]
    fn whoever_waits_has_a_turn_beside_those_who_go_on() {
        let start = Instant::now();
        let (mut locks, _heard) = met(start);
        let (mut now, mut known) = (start + PAUSE, 0);
        while now < start + 4 * PAUSE {
            let _heard = hold(&mut locks, 1, now);
            let turn = locks.next(now).unwrap();
            known += usize::from(turn.known);
            if turn.known {
                locks.back(turn, &error(), now);
            } else {
                locks.came_through(&turn, now);
            }
            now += PAUSE / 10;
        }
        assert_eq!(known, 1, "each second pause, and the others go on between");
    }

    #[test]
    fn where_nobody_comes_through_one_is_tried_now_and_then() {
        let start = Instant::now();
        let mut locks = met(start).0;
        let _heard = hold(&mut locks, 9, start);
        let turn = locks.next(start + PAUSE).unwrap();
        locks.back(turn, &error(), start + PAUSE);
        let (mut tried, mut now) = (0, start + PAUSE);
        while now < start + 5 * PAUSE {
            if let Some(turn) = locks.next(now) {
                assert_eq!(turn.jobs.len(), 1);
                locks.back(turn, &error(), now);
                tried += 1;
            }
            now += PAUSE / 100;
        }
        assert!((4..=6).contains(&tried), "{tried}");
        locks.next(now + PAUSE).map(|turn| locks.came_through(&turn, now + PAUSE)).unwrap();
        assert!(locks.next(now + PAUSE).is_some(), "the next one need not wait");
    }

    #[test]
    fn no_more_wait_for_one_lock_than_can_be_tried() {
        let start = Instant::now();
        let (mut locks, _heard) = met(start);
        for _ in 1..MISSES {
            locks.meet(1, Some(call(1, start).0), &error(), start);
        }
        let mut heard = hold(&mut locks, WAITING, start);
        let mut count = || heard.iter_mut().map(is_locked).filter(|locked| *locked).count();
        let waiting = MISSES as usize;
        assert_eq!((count(), locks.len()), (waiting, WAITING));
        locks.give_up();
        assert_eq!((count(), locks.len()), (WAITING - waiting, 0));
    }
}
