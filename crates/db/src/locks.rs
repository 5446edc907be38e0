//! What a lane knows of locks: whose calls met a row that somebody else has locked. For a while all calls of
//! those accounts wait here and run apart from the batches of others, behind them and without waiting for a
//! lock for long: so the others wait for a lock once, to find whose it is.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::Error;
use crate::call::Job;
use crate::lanes::ENOUGH;

/// So long an account's calls run apart from others' after one of them met a lock.
const MEMORY: Duration = Duration::from_secs(10);
/// Between two tries for a lock that is held still, whosever it is; much longer than a try waits for it.
const PAUSE: Duration = Duration::from_millis(500);
/// So many calls of an account wait for a lock; who comes later hears of it at once.
const WAITING: usize = 128;

/// The accounts of one lane that met a lock.
#[derive(Default)]
pub(crate) struct Locks(Vec<Account>);

struct Account {
    key: u64,
    /// Of the lock that was met last.
    error: Error,
    until: Instant,
    /// When it is tried next.
    due: Instant,
    /// The last try came through.
    free: bool,
    /// Not every call of an account needs the row that is locked: those not tried yet go first.
    fresh: VecDeque<Box<dyn Job>>,
    tried: VecDeque<Box<dyn Job>>,
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
        self.0.iter().filter(|account| account.len() > 0).map(|account| account.due).min()
    }

    /// Keeps a call whose account met a lock; back comes one whose account did not.
    pub(crate) fn hold(&mut self, mut job: Box<dyn Job>) -> Option<Box<dyn Job>> {
        let Some(account) = self.0.iter_mut().find(|account| account.key == job.key()) else {
            return Some(job);
        };
        if account.free || account.len() < WAITING {
            account.fresh.push_back(job);
        } else {
            job.fail(account.error.clone());
            job.answer();
        }
        None
    }

    /// These calls of one account cannot be done together, or the one cannot be done now.
    pub(crate) fn meet(&mut self, key: u64, jobs: Vec<Box<dyn Job>>, error: &Error, now: Instant) {
        let known = self.0.iter().position(|account| account.key == key).unwrap_or_else(|| {
            self.0.push(Account::new(key, error.clone(), now));
            self.0.len() - 1
        });
        // A try holds the lane up: the more accounts there are, the more seldom each.
        let pause = PAUSE * u32::try_from(self.0.len()).unwrap_or(u32::MAX);
        let account = &mut self.0[known];
        account.free = false;
        if error.is_locked() {
            (account.until, account.due, account.error) = (now + MEMORY, now + pause, error.clone());
        }
        if jobs.len() == 1 {
            account.tried.extend(jobs);
        } else {
            jobs.into_iter().rev().for_each(|job| account.fresh.push_front(job));
        }
    }

    /// A try of this account came through: the lock is gone, as far as that shows.
    pub(crate) fn came_through(&mut self, key: u64, now: Instant) {
        if let Some(account) = self.0.iter_mut().find(|account| account.key == key) {
            (account.free, account.due) = (true, now);
        }
    }

    /// The calls of one account that it is time to try: one, or all once one came through. Who has waited for
    /// too long is answered.
    pub(crate) fn next(&mut self, now: Instant) -> Option<Vec<Box<dyn Job>>> {
        loop {
            let due = self.0.iter_mut().filter(|account| account.len() > 0 && account.due <= now);
            let account = due.min_by_key(|account| account.due)?;
            account.dismiss(now);
            let jobs = account.take(if account.free { WAITING } else { 1 });
            if !jobs.is_empty() {
                return Some(jobs);
            }
        }
    }

    /// Forgets the locks that were met long ago; answers the calls that belong to the batches again.
    pub(crate) fn lapse(&mut self, now: Instant) -> Vec<Box<dyn Job>> {
        let lapsed = |account: &mut Account| account.until <= now && (account.free || account.len() == 0);
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
}

impl Account {
    fn new(key: u64, error: Error, now: Instant) -> Self {
        let (fresh, tried) = (VecDeque::new(), VecDeque::new());
        Self { key, error, until: now + MEMORY, due: now, free: false, fresh, tried }
    }

    fn len(&self) -> usize {
        self.fresh.len() + self.tried.len()
    }

    /// Lets go of those nobody waits for, and of those who have waited for too long.
    fn dismiss(&mut self, now: Instant) {
        for jobs in [&mut self.tried, &mut self.fresh] {
            for job in std::mem::take(jobs) {
                if !self.free && now.saturating_duration_since(job.since()) > ENOUGH {
                    refuse(job, &self.error);
                } else if job.wanted() {
                    jobs.push_back(job);
                }
            }
        }
    }

    fn take(&mut self, most: usize) -> Vec<Box<dyn Job>> {
        // Together they go in the order in which they came.
        let (first, second) =
            if most > 1 { (&mut self.tried, &mut self.fresh) } else { (&mut self.fresh, &mut self.tried) };
        let mut jobs: Vec<_> = first.drain(..most.min(first.len())).collect();
        jobs.extend(second.drain(..(most - jobs.len()).min(second.len())));
        jobs
    }

    fn into_jobs(self) -> impl Iterator<Item = Box<dyn Job>> {
        self.tried.into_iter().chain(self.fresh)
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

    /// An account with one call that met a lock.
    fn met(now: Instant) -> (Locks, Heard) {
        let (mut locks, (job, heard)) = (Locks::default(), call(1, now));
        assert!(locks.hold(call(1, now).0).is_some(), "nothing is known of it yet");
        locks.meet(1, vec![job], &Error::locked("held"), now);
        (locks, heard)
    }

    #[test]
    fn who_waits_for_a_lock_is_tried_now_and_then_and_not_for_ever() {
        let start = Instant::now();
        let (mut locks, mut heard) = met(start);
        assert!(locks.next(start).is_none() && locks.due() == Some(start + PAUSE));
        let jobs = locks.next(start + PAUSE).unwrap();
        locks.meet(1, jobs, &Error::locked("held"), start + PAUSE);
        assert!(!is_locked(&mut heard));
        assert!(locks.next(start + ENOUGH + PAUSE).is_none() && is_locked(&mut heard));
        assert!(locks.knows(1) && locks.due().is_none());
        assert!(locks.lapse(start + MEMORY).is_empty() && locks.knows(1), "it was met once more");
        locks.lapse(start + MEMORY + PAUSE);
        assert!(!locks.knows(1));
    }

    #[test]
    fn once_one_came_through_all_go_together_and_later_with_others_again() {
        let start = Instant::now();
        let (mut locks, _heard) = met(start);
        let waiting: Vec<_> = (0..3).map(|_| call(1, start)).collect();
        let mut heard = Vec::new();
        for (job, answer) in waiting {
            assert!(locks.hold(job).is_none());
            heard.push(answer);
        }
        assert_eq!(locks.next(start + PAUSE).unwrap().len(), 1);
        locks.came_through(1, start + PAUSE);
        let jobs = locks.next(start + PAUSE).unwrap();
        assert_eq!((jobs.len(), locks.len()), (3, 0));
        assert!(locks.hold(call(1, start).0).is_none() && locks.lapse(start).is_empty());
        assert_eq!(locks.lapse(start + MEMORY).len(), 1);
        assert!(locks.hold(call(1, start).0).is_some());
    }

    #[test]
    fn no_more_wait_for_one_lock_than_can_be_tried() {
        let start = Instant::now();
        let (mut locks, _heard) = met(start);
        let waiting: Vec<_> = (0..WAITING).map(|_| call(1, start)).collect();
        let (jobs, mut heard): (Vec<_>, Vec<_>) = waiting.into_iter().unzip();
        for job in jobs {
            assert!(locks.hold(job).is_none());
        }
        let mut count = || heard.iter_mut().map(is_locked).filter(|locked| *locked).count();
        assert_eq!((count(), locks.len()), (1, WAITING));
        locks.give_up();
        assert_eq!((count(), locks.len()), (WAITING - 1, 0));
    }
}
