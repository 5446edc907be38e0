//! Group commit. A lane is one thread with one writing connection: it drains its queue into one transaction,
//! runs each closure (in a savepoint of its own once that proved necessary), commits once, then answers all.
//! It never waits to gather more: what queued while the last commit ran is the next batch. Rehearsals have
//! their turns one by one between batches: what queued while one was played goes before the next one.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::call::{Job, guarded};
use crate::gather::{Crowd, Gathering, MOMENT, PATIENCE, Seat};
use crate::rehearsal::{self, Staged};
use crate::retire::retire;
use crate::sql::Value;
use crate::tally::Tally;
use crate::tx::Left;
use crate::{Error, ErrorKind, Lane, Tx};

/// Closures in one transaction at most.
const BATCH: usize = 128;
/// Times a closure is tried before its conflict is answered.
const TRIES: u32 = 6;
/// No new try after this long: whoever waits must be answered while somebody still listens.
pub(crate) const ENOUGH: Duration = Duration::from_secs(10);
/// So long after its beginning a batch gives a first try to those who had to wait for locks of others.
const AT_LAST: Duration = Duration::from_secs(16);

/// Why a commit did not happen, or may not have.
pub(crate) enum CommitFault {
    /// A statement sent ahead, or a constraint checked now, was refused: everything was rolled back.
    Refused(Error),
    /// Nothing was committed; the batch may run again.
    Again(Error),
    /// Nothing was committed, or nobody knows; the batch must not run again.
    Broken(Error),
}

/// A writing connection as a lane drives it. At most one transaction is open, at most one savepoint in it.
pub(crate) trait Writer {
    /// Every batch first tries to do without savepoints. After one had to run again because a closure failed
    /// late, so many batches have them from the start.
    const CAREFUL_BATCHES: u32;
    /// Connects, where that is not done yet.
    fn ready(&mut self) -> Result<(), Error> {
        Ok(())
    }
    fn begin(&mut self) -> Result<(), Error>;
    fn save(&mut self) -> Result<(), Error>;
    /// Keeps what happened since `save`. After an error that can only be undone.
    fn keep(&mut self) -> Result<(), Error>;
    /// Rolls back to `save`. An error says that the transaction as a whole is lost.
    fn undo(&mut self) -> Result<(), Error>;
    fn tx(&mut self) -> Tx<'_>;
    /// Runs several statements at once, without parameters.
    fn script(&mut self, sql: &str) -> Result<(), Error>;
    fn commit(&mut self) -> Result<(), CommitFault>;
    fn rollback(&mut self);
    /// Between two transactions, before the lane waits for anything: a chance to settle what nobody has
    /// waited for.
    fn rest(&mut self) {}
    /// The lane ends, or goes on without a connection.
    fn finish(&mut self) {}
}

/// What a lane is given to do.
pub(crate) enum Work {
    /// A closure of [`crate::Db::write`].
    Call(Box<dyn Job>),
    /// The calls of a rehearsal as they come.
    Rehearsal(Staged),
    /// To give its connection up: whoever has none needs it more.
    Leave,
}

/// Where a lane works.
pub(crate) struct Post {
    pub(crate) seat: Seat,
    pub(crate) queue: Lane,
    pub(crate) tally: Arc<Tally>,
    pub(crate) gathering: Arc<Gathering>,
}

/// Serves a lane until its queue is closed and empty.
pub(crate) fn serve(mut writer: impl Writer, post: &Post) {
    let mut careful = 0;
    // Rehearsals that wait for their turn leave the batch behind them its room.
    let counts = |work: &Work| !matches!(work, Work::Rehearsal(_));
    while let Some(work) = post.queue.drain(BATCH, counts) {
        if !survives(|| serve_all(&mut writer, work, post, &mut careful)) {
            writer.rollback();
            writer.rest();
        }
    }
    writer.finish();
}

/// Does some work; false: it panicked, outside of any closure. That does not end the thread, whose queue
/// nobody else serves; who waits for an answer hears that none comes ([`crate::call::unanswered`]).
pub(crate) fn survives(work: impl FnOnce()) -> bool {
    let done = catch_unwind(AssertUnwindSafe(work));
    if done.is_err() {
        tracing::error!("a database thread panicked; the transaction that was open is rolled back");
    }
    done.is_ok()
}

fn serve_all(writer: &mut impl Writer, work: Vec<Work>, post: &Post, careful: &mut u32) {
    let (mut jobs, mut rehearsals, mut leave) = (Vec::with_capacity(work.len()), VecDeque::new(), false);
    for item in work {
        match item {
            Work::Call(job) if job.wanted() => jobs.push(job),
            Work::Call(_) => {}
            Work::Rehearsal(calls) => rehearsals.push_back(calls),
            Work::Leave => leave = true,
        }
    }
    let settled = if jobs.is_empty() { 0 } else { settle(writer, &mut jobs, post, careful) };
    let mut rest: Vec<_> = jobs.split_off(settled).into_iter().map(Work::Call).collect();
    for mut job in jobs {
        job.answer();
    }
    let retires = !rest.is_empty() || !rehearsals.is_empty() && is_to_leave(writer, post);
    let next = if retires { None } else { rehearsals.pop_front() };
    // In front, so that they keep their order; the calls that come meanwhile are served before them.
    rest.extend(rehearsals.into_iter().map(Work::Rehearsal));
    post.queue.put_back(rest);
    if let Some(calls) = next {
        rehearsal::play(writer, calls);
    }
    writer.rest();
    if retires {
        retire(writer, post, MOMENT);
    } else if leave && post.gathering.spares(post.seat) {
        writer.finish();
        retire(writer, post, PATIENCE);
    }
}

/// Is there no connection to play a rehearsal with, while other lanes have one?
fn is_to_leave(writer: &mut impl Writer, post: &Post) -> bool {
    match writer.ready() {
        Err(error) if error.is_crowded() => {
            matches!(post.gathering.crowded(post.seat, &error), Crowd::Leave(_))
        }
        _ => false,
    }
}

/// Brings jobs of a batch to their outcome: together while that works, one by one after a second conflict or
/// where one met a lock. Answers how many; those behind have not run, and other lanes have the connections
/// to run them.
///
/// `careful`: batches that still begin with savepoints.
fn settle(writer: &mut impl Writer, jobs: &mut [Box<dyn Job>], post: &Post, careful: &mut u32) -> usize {
    let start = Instant::now();
    match together(writer, jobs, post, careful) {
        Way::Settled => jobs.len(),
        Way::Leave => 0,
        Way::Apart(_) => one_by_one(writer, jobs, post, careful, start),
    }
}

/// How far jobs came together.
enum Way {
    Settled,
    /// There is no connection, and other lanes have some.
    Leave,
    /// One after the other they may come further. A job alone comes to this by a lock only.
    Apart(Error),
}

/// In one transaction, tried again after conflicts that go away.
fn together<W: Writer>(writer: &mut W, jobs: &mut [Box<dyn Job>], post: &Post, careful: &mut u32) -> Way {
    let mut savepoints = jobs.len() > 1 && *careful > 0;
    *careful = careful.saturating_sub(1);
    let (start, mut tries, mut refusals) = (Instant::now(), 0, 0);
    loop {
        let error = match attempt(writer, jobs, savepoints) {
            End::Committed(keys) => {
                post.tally.committed(post.seat, &keys);
                return Way::Settled;
            }
            End::Empty => return Way::Settled,
            End::Spoilt => {
                savepoints = true;
                if jobs.len() > 1 {
                    *careful = W::CAREFUL_BATCHES;
                }
                continue;
            }
            End::Again(error) => error,
            End::Broken(error) => return fail_all(jobs, &error, post),
        };
        if error.is_locked() {
            return Way::Apart(error);
        }
        if error.is_crowded() {
            refusals += 1;
            // What a restart of PostgreSQL ended may count for a moment longer.
            let crowd = if refusals == 1 { Crowd::Wait } else { post.gathering.crowded(post.seat, &error) };
            match crowd {
                Crowd::Leave(_) => return Way::Leave,
                Crowd::Wait if start.elapsed() < ENOUGH => {
                    post.gathering.wait(MOMENT);
                    continue;
                }
                Crowd::Wait | Crowd::Fail => {}
            }
        }
        tries += 1;
        if jobs.len() > 1 && tries >= 2 && !error.is_lost() {
            return Way::Apart(error);
        }
        let hopeless = jobs.len() == 1 && !error.may_run_again();
        if hopeless || is_enough(start, tries) {
            return fail_all(jobs, &error, post);
        }
        for job in jobs.iter() {
            job.retried();
        }
        // On PostgreSQL the rollback is still held back, and with it the rows of the calls before the one
        // that met the conflict.
        writer.rest();
        std::thread::sleep(pause(tries));
    }
}

/// Whoever meets a lock goes behind all others, with the calls of the same account, and tries again as long
/// as there is time. A try that waits in vain holds the lane: so others have theirs first, once, and for the
/// batch that queued meanwhile somebody still listens.
fn one_by_one(
    writer: &mut impl Writer,
    jobs: &mut [Box<dyn Job>],
    post: &Post,
    careful: &mut u32,
    start: Instant,
) -> usize {
    let (mut place, mut locks, mut last) = (0, Vec::new(), None);
    while let Some(job) = jobs.get_mut(place) {
        let (key, one) = (job.key(), std::slice::from_mut(job));
        let again = locks.contains(&key);
        let time = if again { ENOUGH } else { AT_LAST };
        let way = match &last {
            // Nothing of it was kept, and nobody would hear that it is.
            _ if !one[0].wanted() => Way::Settled,
            Some(error) if start.elapsed() > time => fail_all(one, error, post),
            _ => together(writer, one, post, careful),
        };
        match way {
            Way::Settled => {
                // Not to wait for those behind it.
                one[0].answer();
                place += 1;
            }
            Way::Leave => return place,
            Way::Apart(error) => {
                one[0].retried();
                locks.push(key);
                last = Some(error);
                jobs[place..].rotate_left(1);
                jobs[place..].sort_by_key(|job| job.key() == key);
                if again {
                    // All others are through.
                    writer.rest();
                    std::thread::sleep(pause(1));
                }
            }
        }
    }
    jobs.len()
}

fn fail_all(jobs: &mut [Box<dyn Job>], error: &Error, post: &Post) -> Way {
    post.tally.failed(post.seat, error);
    for job in jobs {
        job.fail(error.clone());
    }
    Way::Settled
}

pub(crate) fn is_enough(start: Instant, tries: u32) -> bool {
    tries >= TRIES || start.elapsed() > ENOUGH
}

/// Full jitter: anything up to a bound that doubles with each try.
pub(crate) fn pause(tries: u32) -> Duration {
    let most = 10_000_u64 << tries.min(6);
    Duration::from_micros(rand::random_range(0..=most))
}

enum End {
    /// With the keys of what was left for the end.
    Committed(Vec<String>),
    /// Every outcome is an error: there was nothing to commit.
    Empty,
    /// One of several failed after it had written, without a savepoint to return to, or one was misled: all
    /// run again with them.
    Spoilt,
    Again(Error),
    Broken(Error),
}

/// One transaction over all jobs.
fn attempt(writer: &mut impl Writer, jobs: &mut [Box<dyn Job>], savepoints: bool) -> End {
    if let Err(error) = writer.begin() {
        writer.rollback();
        // The closures are not at fault: the batch stays together.
        return End::Again(if error.is_retryable() { error.as_lost() } else { error });
    }
    let alone = jobs.len() == 1;
    let (mut kept, mut left) = (0, Vec::new());
    for job in &mut *jobs {
        match step(writer, job.as_mut(), savepoints) {
            Step::Kept(more) => {
                kept += 1;
                left.extend(more);
            }
            Step::Undone => {}
            Step::Spoilt if alone => {}
            Step::Spoilt | Step::Misled => {
                writer.rollback();
                return End::Spoilt;
            }
            Step::Abort(error) => {
                writer.rollback();
                return End::Again(error);
            }
        }
    }
    if kept == 0 {
        writer.rollback();
        return End::Empty;
    }
    let keys = keys(&left);
    let closed = close(&mut writer.tx(), left).map_err(CommitFault::Refused);
    if closed.is_err() {
        writer.rollback();
    }
    match closed.and_then(|()| writer.commit()) {
        Ok(()) => End::Committed(keys),
        Err(CommitFault::Refused(error)) if error.may_run_again() => End::Again(error),
        Err(CommitFault::Refused(error)) if !savepoints && (!alone || is_taken(&error)) => End::Spoilt,
        // A constraint that is checked at the commit: whose it is shows when each runs alone.
        Err(CommitFault::Refused(error)) if !alone => End::Again(error),
        Err(CommitFault::Again(error)) => End::Again(error),
        Err(CommitFault::Refused(error) | CommitFault::Broken(error)) => End::Broken(error),
    }
}

/// An insertion may have been believed (`Tx::insert`): with care its closure hears that the key is taken.
fn is_taken(error: &Error) -> bool {
    error.kind() == ErrorKind::Unique
}

/// The first values of what was left, each once.
fn keys(left: &[Left]) -> Vec<String> {
    let mut keys: Vec<String> = Vec::new();
    for (_, row) in left {
        if let Some(Value::Text(key)) = row.first()
            && !keys.iter().any(|known| known == key)
        {
            keys.push(key.clone());
        }
    }
    keys
}

/// Writes what the closures left for the end, each closing once. What a closing does wrong, a panic included,
/// is an error of the calls that left something for it.
fn close(tx: &mut Tx<'_>, mut left: Vec<Left>) -> Result<(), Error> {
    while let Some(&(closing, _)) = left.first() {
        let (rows, others): (Vec<_>, Vec<_>) = left.into_iter().partition(|(of, _)| of.name == closing.name);
        let rows: Vec<_> = rows.into_iter().map(|(_, row)| row).collect();
        guarded(closing.name, &|tx| (closing.write)(tx, &rows), tx)?;
        left = others;
    }
    Ok(())
}

/// How a closure ended.
pub(crate) enum Step {
    /// Well, with what it left for the end of the transaction.
    Kept(Vec<Left>),
    Undone,
    /// It failed after it had written, and there is no savepoint.
    Spoilt,
    /// As `Spoilt`, by a key that is taken.
    Misled,
    Abort(Error),
}

/// Runs one closure in the open transaction.
pub(crate) fn step(writer: &mut impl Writer, job: &mut dyn Job, savepoints: bool) -> Step {
    if savepoints && let Err(error) = writer.save() {
        return Step::Abort(error);
    }
    let mut tx = writer.tx().with_care(savepoints);
    let fine = job.run(&mut tx);
    match tx.failure() {
        Some(error) if error.may_run_again() || error.kind() == ErrorKind::Unavailable => {
            return Step::Abort(error.clone());
        }
        Some(error) if !savepoints && is_taken(error) => return Step::Misled,
        failure if !savepoints && !fine => {
            return if failure.is_some() || tx.wrote() { Step::Spoilt } else { Step::Undone };
        }
        _ => {}
    }
    if fine {
        let left = tx.take_left();
        match if savepoints { writer.keep() } else { Ok(()) } {
            Ok(()) => return Step::Kept(left),
            Err(error) if error.may_run_again() => return Step::Abort(error),
            // a statement sent ahead was refused
            Err(error) => job.fail(error),
        }
    }
    writer.undo().map_or_else(Step::Abort, |()| Step::Undone)
}

/// What a caller hears when the database threads take no more work.
pub(crate) fn gone() -> Error {
    Error::new(ErrorKind::Unavailable, "the database is closed; the server is stopping")
}
