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
/// So long a try that meets a lock holds the lane up, about. The account pauses for as long then, and for
/// longer the more tries in a row met one: where all do, it is the account's own row that is locked.
const TRY: Duration = Duration::from_millis(10);
/// So many tries that meet a lock in a row make that pause longer by one `TRY`.
const STEP: u32 = 32;
/// It is no longer than this.
const LONGEST: Duration = Duration::from_millis(500);
/// Between two tries of those of whom it is known that they meet a lock: they have a tenth of the lane,
/// however many they are.
const PAUSE: Duration = TRY.saturating_mul(10);
/// So many calls of an account wait for a lock; who comes later hears of it at once.
const WAITING: usize = 128;

/// The accounts of one lane that met a lock.
#[derive(Default)]
pub(crate) struct Locks(Vec<Account>);

/// Calls of one account that it is time to try.
pub(crate) struct Turn {
    pub(crate) jobs: Vec<Box<dyn Job>>,
    key: u64,
    from: Kind,
}

/// What is known of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Nothing: not every call needs the row that is locked.
    Fresh,
    /// It met a lock together with others: one of them did, or more.
    Suspect,
    /// It met a lock alone.
    Met,
}

/// Calls of one kind. Each has turns of its own: none waits for another's pause.
struct Line {
    jobs: VecDeque<Box<dyn Job>>,
    /// When one of them is tried next.
    due: Instant,
}

struct Account {
    key: u64,
    /// Of the lock that was met last.
    error: Error,
    until: Instant,
    fresh: Line,
    suspects: Line,
    met: Line,
    /// Tries since one came through.
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
            account.fresh.jobs.push_back(job);
        }
        None
    }

    /// A call of this account met a lock, alone; where it is not to wait for that there is none.
    pub(crate) fn meet(&mut self, key: u64, job: Option<Box<dyn Job>>, error: &Error, now: Instant) {
        let jobs = job.into_iter().collect();
        self.back(Turn { jobs, key, from: Kind::Fresh }, error, now);
    }

    /// The calls of a turn cannot be done together, or the one cannot be done now.
    pub(crate) fn back(&mut self, turn: Turn, error: &Error, now: Instant) {
        let Turn { jobs, key, from } = turn;
        let (account, pauses) = self.account(key, error, now);
        account.miss(from, now, pauses);
        if jobs.len() > 1 {
            account.suspects.jobs.extend(jobs);
        } else {
            for job in jobs {
                account.wait(job, now + PAUSE * pauses);
            }
        }
    }

    /// A turn came through: as far as that shows, those after it do, too.
    pub(crate) fn came_through(&mut self, turn: &Turn, now: Instant) {
        if let Some(account) = self.0.iter_mut().find(|account| account.key == turn.key) {
            account.misses = 0;
            account.line(turn.from).due = now;
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
                return account.take();
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

    /// One that met a lock by now, and how many accounts share the tries: each holds the lane up, so the more
    /// they are, the more seldom each.
    fn account(&mut self, key: u64, error: &Error, now: Instant) -> (&mut Account, u32) {
        let known = self.0.iter().position(|account| account.key == key).unwrap_or_else(|| {
            self.0.push(Account::new(key, error.clone(), now));
            self.0.len() - 1
        });
        let pauses = u32::try_from(self.0.len()).unwrap_or(u32::MAX);
        let account = &mut self.0[known];
        if error.is_locked() {
            (account.until, account.error) = (now + MEMORY, error.clone());
        }
        (account, pauses)
    }
}

impl Line {
    fn new(due: Instant) -> Self {
        Self { jobs: VecDeque::new(), due }
    }

    fn next(&self) -> Option<Instant> {
        (!self.jobs.is_empty()).then_some(self.due)
    }
}

impl Account {
    fn new(key: u64, error: Error, now: Instant) -> Self {
        let (fresh, suspects, met) = (Line::new(now), Line::new(now), Line::new(now));
        Self { key, error, until: now + MEMORY, fresh, suspects, met, misses: 0 }
    }

    fn len(&self) -> usize {
        self.fresh.jobs.len() + self.suspects.jobs.len() + self.met.jobs.len()
    }

    /// Everyone seems to meet a lock.
    fn is_stuck(&self) -> bool {
        self.misses as usize >= WAITING
    }

    /// Nobody seems to.
    fn is_clear(&self) -> bool {
        self.len() == 0 || self.misses == 0 && self.suspects.jobs.is_empty() && self.met.jobs.is_empty()
    }

    fn line(&mut self, kind: Kind) -> &mut Line {
        match kind {
            Kind::Fresh => &mut self.fresh,
            Kind::Suspect => &mut self.suspects,
            Kind::Met => &mut self.met,
        }
    }

    /// Who is due first, and when.
    fn first(&self) -> Option<(Kind, Instant)> {
        let lines = [(Kind::Suspect, &self.suspects), (Kind::Met, &self.met), (Kind::Fresh, &self.fresh)];
        let due = lines.into_iter().filter_map(|(kind, line)| Some((kind, line.next()?)));
        due.min_by_key(|(_, due)| *due)
    }

    fn next(&self) -> Option<Instant> {
        self.first().map(|(_, due)| due)
    }

    /// Lets go of those nobody waits for, and of those who have waited for too long.
    fn dismiss(&mut self, now: Instant) {
        for line in [&mut self.met, &mut self.suspects, &mut self.fresh] {
            for job in std::mem::take(&mut line.jobs) {
                if now.saturating_duration_since(job.since()) > ENOUGH {
                    refuse(job, &self.error);
                } else if job.wanted() {
                    line.jobs.push_back(job);
                }
            }
        }
    }

    /// Those who are due first: all of whom nothing is known, or one.
    fn take(&mut self) -> Option<Turn> {
        let (from, _) = self.first()?;
        let jobs = &mut self.line(from).jobs;
        let most = if from == Kind::Fresh { WAITING } else { 1 };
        let jobs = jobs.drain(..most.min(jobs.len())).collect();
        Some(Turn { jobs, key: self.key, from })
    }

    /// A try met a lock. The lane's other calls have as much time as it took, and those of this account of
    /// another kind need not wait at all.
    fn miss(&mut self, from: Kind, now: Instant, pauses: u32) {
        let pause = if from == Kind::Met { PAUSE } else { (TRY * (1 + self.misses / STEP)).min(LONGEST) };
        self.misses = self.misses.saturating_add(1);
        self.line(from).due = now + pause * pauses;
    }

    /// `due`: when it is tried again, where nobody waits yet.
    fn wait(&mut self, job: Box<dyn Job>, due: Instant) {
        if self.met.jobs.len() >= WAITING {
            return refuse(job, &self.error);
        }
        if self.met.jobs.is_empty() {
            self.met.due = due;
        }
        self.met.jobs.push_back(job);
    }

    /// Those first that need not wait.
    fn into_jobs(self) -> impl Iterator<Item = Box<dyn Job>> {
        [self.suspects, self.fresh, self.met].into_iter().flat_map(|line| line.jobs)
    }
}

fn refuse(mut job: Box<dyn Job>, error: &Error) {
    job.fail(error.clone());
    job.answer();
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot::Receiver;
    use tokio::sync::oneshot::error::TryRecvError::Empty;

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

    /// So many calls need a row that is locked and so many do not; each comes again once it is answered. How
    /// many of the others come through in that time, where a transaction takes two milliseconds.
    fn came_through(needing: usize, others: usize, time: Duration) -> usize {
        let start = Instant::now();
        let (mut locks, _heard) = met(start);
        let (mut now, mut through) = (start, 0);
        // Whether a call needs the row shows in its time.
        let needs = |job: &dyn Job| job.since().duration_since(start).subsec_nanos() % 2 == 1;
        let mut heard: Vec<Option<Heard>> = (0..needing + others).map(|_| None).collect();
        while now < start + time {
            for (n, heard) in heard.iter_mut().enumerate() {
                let is_answered = heard.as_mut().is_none_or(|heard| !matches!(heard.try_recv(), Err(Empty)));
                if is_answered {
                    let (job, again) = call(1, now + Duration::from_nanos(u64::from(n < needing)));
                    assert!(locks.hold(job).is_none());
                    *heard = Some(again);
                }
            }
            let Some(mut turn) = locks.next(now) else {
                now += Duration::from_millis(2);
                continue;
            };
            for job in &turn.jobs {
                let waited = now.saturating_duration_since(job.since());
                assert!(waited <= ENOUGH && (needs(job.as_ref()) || waited < ENOUGH / 2), "{waited:?}");
            }
            if turn.jobs.iter().any(|job| needs(job.as_ref())) {
                now += TRY;
                locks.back(turn, &error(), now);
            } else {
                now += Duration::from_millis(2);
                through += turn.jobs.len();
                turn.jobs.drain(..).for_each(|mut job| job.answer());
                locks.came_through(&turn, now);
            }
        }
        through
    }

    #[test]
    fn however_many_need_one_row_the_account_goes_on() {
        let time = 3 * ENOUGH;
        let one = came_through(1, 4, time);
        for (needing, share) in [(8, 8), (24, 7), (WAITING - 1, 4)] {
            let many = came_through(needing, 4, time);
            assert!(many * 10 > one * share, "{needing}: {many} of {one}");
        }
    }

    #[test]
    fn where_a_row_is_free_again_who_waits_for_it_is_done_beside_those_who_wait_for_another() {
        let start = Instant::now();
        let mut locks = met(start).0;
        for _ in 1..24 {
            locks.meet(1, Some(call(1, start).0), &error(), start);
        }
        let free = call(1, start + Duration::from_nanos(1));
        locks.meet(1, Some(free.0), &error(), start);
        let (mut now, mut is_tried) = (start, false);
        while now < start + ENOUGH / 2 {
            now += TRY;
            let Some(turn) = locks.next(now) else { continue };
            is_tried |= turn.jobs[0].since() > start;
            locks.back(turn, &error(), now);
        }
        assert!(is_tried);
    }

    #[test]
    fn who_waits_for_a_lock_is_tried_now_and_then_and_not_for_ever() {
        let start = Instant::now();
        let (mut locks, mut heard) = met(start);
        let again = start + PAUSE;
        assert!(locks.next(start + PAUSE / 2).is_none() && locks.due() == Some(again));
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
        let now = start + PAUSE / 2;
        let _heard = hold(&mut locks, 4, now);
        let turn = locks.next(now).unwrap();
        assert_eq!(turn.jobs.len(), 4, "nothing is known of them");
        locks.back(turn, &error(), now);
        let _heard = hold(&mut locks, 3, now);
        let mut later = now;
        for n in 0..4 {
            // The second one needs the row; after him there is a pause.
            let turn = locks.next(later).unwrap();
            assert_eq!((turn.jobs.len(), turn.from), (1, Kind::Suspect));
            if n == 1 {
                locks.back(turn, &error(), later);
                later += TRY;
                assert!(locks.next(now).is_none());
            } else {
                locks.came_through(&turn, later);
            }
        }
        let turn = locks.next(later).unwrap();
        assert_eq!((turn.jobs.len(), turn.from), (3, Kind::Fresh), "those who came meanwhile, together");
        assert_eq!((locks.len(), locks.due()), (2, Some(start + PAUSE)), "two wait for the lock");
    }

    #[test]
    fn whoever_waits_has_a_turn_beside_those_who_go_on() {
        let start = Instant::now();
        let (mut locks, _heard) = met(start);
        let (mut now, mut met) = (start + TRY, 0);
        while now < start + 4 * PAUSE {
            let _heard = hold(&mut locks, 1, now);
            let turn = locks.next(now).unwrap();
            if turn.from == Kind::Met {
                met += 1;
                locks.back(turn, &error(), now);
            } else {
                locks.came_through(&turn, now);
            }
            now += TRY;
        }
        assert_eq!(met, 3, "after each pause, and the others go on between");
    }

    #[test]
    fn where_nobody_comes_through_one_is_tried_now_and_then() {
        let start = Instant::now();
        let mut locks = met(start).0;
        let (mut now, mut tried) = (start, [0, 0]);
        while now < start + ENOUGH {
            let _heard = hold(&mut locks, 2, now);
            if let Some(turn) = locks.next(now) {
                tried[usize::from(turn.from == Kind::Met)] += 1;
                locks.back(turn, &error(), now);
            }
            now += TRY;
        }
        let [unknown, met] = tried;
        assert!((90..=100).contains(&met) && unknown < 350, "{tried:?}");
        let turn = locks.next(now + PAUSE).unwrap();
        locks.came_through(&turn, now + PAUSE);
        assert!(locks.next(now + PAUSE).is_some(), "the next one need not wait");
    }

    #[test]
    fn no_more_wait_for_one_lock_than_can_be_tried() {
        let start = Instant::now();
        let (mut locks, _heard) = met(start);
        for _ in 1..WAITING - 3 {
            locks.meet(1, Some(call(1, start).0), &error(), start);
        }
        for _ in 0..3 {
            locks.meet(1, None, &error(), start);
        }
        let mut heard = hold(&mut locks, WAITING, start);
        let mut count = || heard.iter_mut().map(is_locked).filter(|locked| *locked).count();
        let waiting = WAITING - 3;
        assert_eq!((count(), locks.len()), (waiting, WAITING));
        locks.give_up();
        assert_eq!((count(), locks.len()), (WAITING - waiting, 0));
    }
}
