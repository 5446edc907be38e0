//! Group commit. A lane is one thread with one writing connection: it drains its queue into one transaction,
//! runs each closure (in a savepoint of its own once that proved necessary), commits once, then answers all.
//! It never waits to gather more: what queued while the last commit ran is the next batch. Rehearsals have
//! their turns one by one between batches: what queued while one was played goes before the next one. So have
//! accounts whose calls met a lock.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::call::{Job, guarded};
use crate::gather::{Crowd, Gathering, MOMENT, PATIENCE, Seat};
use crate::locks::Locks;
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
    /// The transaction that has just begun waits for no lock for long.
    fn hurry(&mut self, _: Hurry) {}
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

/// Why a transaction waits for no lock for long.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Hurry {
    /// Some of several calls met a lock, and whose it is is to be found out.
    Search,
    /// The account is known to meet a lock.
    Known,
    /// So it is, and whoever meets it is tried again between the batches of others.
    Apart,
    /// Nothing of it is kept: it gives way to whoever writes.
    Rehearsal,
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

/// What a lane has learnt from former batches.
#[derive(Default)]
struct Lessons {
    /// Batches that still begin with savepoints.
    careful: u32,
    locks: Locks,
}

/// Serves a lane until its queue is closed and empty.
pub(crate) fn serve(mut writer: impl Writer, post: &Post) {
    let mut lessons = Lessons::default();
    // Rehearsals that wait for their turn leave the batch behind them its room.
    let counts = |work: &Work| !matches!(work, Work::Rehearsal(_));
    while let Some(work) = post.queue.drain(BATCH, counts, lessons.locks.due()) {
        if !survives(|| serve_all(&mut writer, work, post, &mut lessons)) {
            writer.rollback();
            writer.rest();
        }
        post.queue.note_apart(lessons.locks.len());
    }
    survives(|| end(&mut writer, post, &mut lessons));
    writer.finish();
}

/// Once more for those who wait for a lock: nobody waits for it when the database is to be closed.
fn end(writer: &mut impl Writer, post: &Post, lessons: &mut Lessons) {
    let last = lessons.locks.release();
    for mut job in one_by_one(writer, last, post, lessons) {
        job.fail(gone());
        job.answer();
    }
    lessons.locks.give_up();
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

fn serve_all(writer: &mut impl Writer, work: Vec<Work>, post: &Post, lessons: &mut Lessons) {
    // In front, as they came first.
    let mut jobs = lessons.locks.lapse(Instant::now());
    let (mut rehearsals, mut leave) = (VecDeque::new(), false);
    for item in work {
        match item {
            Work::Call(job) if job.wanted() => jobs.extend(lessons.locks.hold(job)),
            Work::Call(_) => {}
            Work::Rehearsal(calls) => rehearsals.push_back(calls),
            Work::Leave => leave = true,
        }
    }
    let mut rest = settle(writer, jobs, post, lessons);
    if rest.is_empty() {
        rest = try_apart(writer, post, lessons);
    }
    let retires = !rest.is_empty() || !rehearsals.is_empty() && is_to_leave(writer, post);
    let next = if retires { None } else { rehearsals.pop_front() };
    // In front, so that they keep their order; the calls that come meanwhile are served before them.
    let rest = rest.into_iter().map(Work::Call);
    post.queue.put_back(rest.chain(rehearsals.into_iter().map(Work::Rehearsal)).collect());
    if let Some(calls) = next {
        rehearsal::play(writer, calls, &mut lessons.locks);
    }
    writer.rest();
    if retires {
        leave_to_others(writer, post, lessons, MOMENT);
    } else if leave && post.gathering.spares(post.seat) {
        writer.finish();
        leave_to_others(writer, post, lessons, PATIENCE);
    }
}

/// Gives what waits for locks to those who get the rest, too.
fn leave_to_others(writer: &mut impl Writer, post: &Post, lessons: &mut Lessons, time: Duration) {
    post.queue.put_back(lessons.locks.release().into_iter().map(Work::Call).collect());
    post.queue.note_apart(0);
    retire(writer, post, time);
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

/// Brings a batch to its outcome: together while that works, one by one after a second conflict or where
/// somebody met a lock. Answers those that have not run: other lanes have the connections to run them.
fn settle(
    writer: &mut impl Writer,
    mut jobs: Vec<Box<dyn Job>>,
    post: &Post,
    lessons: &mut Lessons,
) -> Vec<Box<dyn Job>> {
    if jobs.is_empty() {
        return jobs;
    }
    // By account: transactions of several replicas then lock the accounts in the same order.
    jobs.sort_by_key(|job| job.key());
    match together(writer, &mut jobs, post, &mut lessons.careful, None) {
        Way::Settled => answer_all(jobs),
        Way::Leave => return jobs,
        Way::Apart(_) => return one_by_one(writer, jobs, post, lessons),
    }
    Vec::new()
}

fn answer_all(jobs: Vec<Box<dyn Job>>) {
    for mut job in jobs {
        job.answer();
    }
}

/// As [`settle`]. Whoever meets a lock is put aside with the calls of the same account, and nobody waits for
/// it.
fn one_by_one(
    writer: &mut impl Writer,
    jobs: Vec<Box<dyn Job>>,
    post: &Post,
    lessons: &mut Lessons,
) -> Vec<Box<dyn Job>> {
    let mut jobs = jobs.into_iter();
    while let Some(job) = jobs.next() {
        let Some(mut job) = lessons.locks.hold(job) else { continue };
        if !job.wanted() {
            // Nothing of it was kept, and nobody would hear that it is.
            continue;
        }
        match together(
            writer,
            std::slice::from_mut(&mut job),
            post,
            &mut lessons.careful,
            Some(Hurry::Search),
        ) {
            // Not to wait for those behind it.
            Way::Settled => job.answer(),
            Way::Leave => return std::iter::once(job).chain(jobs).collect(),
            Way::Apart(error) => {
                job.retried();
                lessons.locks.meet(job.key(), Some(job), &error, Instant::now());
            }
        }
    }
    Vec::new()
}

/// Gives an account that met a lock a turn, one between two batches. Answers as [`settle`].
fn try_apart(writer: &mut impl Writer, post: &Post, lessons: &mut Lessons) -> Vec<Box<dyn Job>> {
    let Some(mut turn) = lessons.locks.next(Instant::now()) else { return Vec::new() };
    match together(writer, &mut turn.jobs, post, &mut lessons.careful, Some(Hurry::Apart)) {
        Way::Settled => {
            answer_all(std::mem::take(&mut turn.jobs));
            lessons.locks.came_through(&turn, Instant::now());
        }
        Way::Leave => return turn.jobs,
        Way::Apart(error) => {
            for job in &turn.jobs {
                job.retried();
            }
            lessons.locks.back(turn, &error, Instant::now());
        }
    }
    Vec::new()
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
///
/// `careful`: batches that still begin with savepoints; `hurry`: why a lock is not waited for, if it is not.
fn together<W: Writer>(
    writer: &mut W,
    jobs: &mut [Box<dyn Job>],
    post: &Post,
    careful: &mut u32,
    hurry: Option<Hurry>,
) -> Way {
    let mut savepoints = jobs.len() > 1 && *careful > 0;
    *careful = careful.saturating_sub(1);
    let (start, mut tries, mut refusals) = (Instant::now(), 0, 0);
    loop {
        let error = match attempt(writer, jobs, savepoints, hurry) {
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
fn attempt(
    writer: &mut impl Writer,
    jobs: &mut [Box<dyn Job>],
    savepoints: bool,
    hurry: Option<Hurry>,
) -> End {
    if let Err(error) = writer.begin() {
        writer.rollback();
        // The closures are not at fault: the batch stays together.
        return End::Again(if error.is_retryable() { error.as_lost() } else { error });
    }
    if let Some(why) = hurry {
        writer.hurry(why);
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
    let closed = close(&mut writer.tx(), left).map_err(CommitFault::Refused);
    if closed.is_err() {
        writer.rollback();
    }
    match closed.and_then(|keys| writer.commit().map(|()| keys)) {
        Ok(keys) => End::Committed(keys),
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

/// Notes the first values of what was left, each once.
fn note(keys: &mut Vec<String>, rows: &[Vec<Value>]) {
    for row in rows {
        if let Some(Value::Text(key)) = row.first()
            && !keys.iter().any(|known| known == key)
        {
            keys.push(key.clone());
        }
    }
}

/// Writes what the closures left for the end, each closing once, and then what the closings left themselves;
/// answers whose bells are to ring. What a closing does wrong, a panic included, is an error of the calls
/// that left something for it.
fn close(tx: &mut Tx<'_>, mut left: Vec<Left>) -> Result<Vec<String>, Error> {
    let mut keys = Vec::new();
    while let Some(&(closing, _)) = left.first() {
        let (rows, others): (Vec<_>, Vec<_>) = left.into_iter().partition(|(of, _)| of.name == closing.name);
        let rows: Vec<_> = rows.into_iter().map(|(_, row)| row).collect();
        note(&mut keys, &rows);
        guarded(closing.name, &|tx| (closing.write)(tx, &rows), tx)?;
        left = others;
        left.extend(tx.take_left());
    }
    Ok(keys)
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
