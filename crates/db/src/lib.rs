//! The engines bridge: SQLite or PostgreSQL behind one synchronous [`Tx`], called from async code.
//!
//! Data code is a closure `Fn(&mut Tx) -> Result<T, E>`, free of side effects, run on a database thread (or,
//! for [`Of::point`] on SQLite, right where it is awaited) and repeated when the database asks for it. Writes
//! are group-committed by lanes. This crate is the only user of the database drivers and knows nothing of
//! what is stored; it never holds a transaction open while it waits for anything but the database.
//!
//! Writes on PostgreSQL run at READ COMMITTED: a rule that spans several rows first locks a row that stands
//! for all of them, by an `UPDATE` of it. On SQLite there is one writer and nothing to lock.
#![warn(missing_docs)]

mod asking;
mod bell;
mod call;
mod disposable;
mod error;
mod gather;
mod lanes;
mod locks;
mod migrate;
mod open;
mod place;
mod postgres;
mod queue;
mod reading;
mod rehearsal;
mod retire;
mod snapshot;
pub mod sql;
mod sqlite;
mod stats;
mod tally;
#[cfg(feature = "testing")]
pub mod testing;
mod turns;
mod tx;
mod value;
mod wanted;

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Instant;

use tokio::sync::{Mutex, mpsc};

use call::{Call, Job};
use gather::{Gathering, Seat};
use lanes::Work;
use open::on_session;
use queue::{Queue, Refusal};
use reading::Read;
use sqlite::{Readers, SqliteWriter};
use tally::Tally;
use turns::Turns;
use wanted::Waiting;

pub use asking::Of;
pub use bell::Bell;
pub use error::{Error, ErrorKind};
pub use migrate::{MigrateReport, Migration};
pub use place::{files, identity as file_identity};
pub use rehearsal::Rehearsal;
pub use snapshot::Snapshot;
pub use sqlite::State;
pub use stats::LabelStats;
pub use tally::WriteFault;
pub use tx::{Closing, Tx};
pub use value::{FromColumn, Param, Row};

/// Which database is behind a [`Db`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Engine {
    /// A file of our own.
    Sqlite,
    /// A PostgreSQL server, or one that speaks its protocol.
    Postgres,
}

/// Where the data is.
#[derive(Clone)]
pub enum Target {
    /// A SQLite file; it and its directory are created when missing.
    Sqlite {
        /// The file.
        path: PathBuf,
    },
    /// A PostgreSQL server.
    Postgres {
        /// `postgres://user:password@host:port/database?sslmode=require`; several hosts with commas.
        url: String,
    },
}

/// How to open a database.
#[derive(Clone)]
pub struct Options {
    /// Where the data is.
    pub target: Target,
    /// Reading threads.
    pub readers: usize,
    /// Writing threads on PostgreSQL; SQLite always has one.
    pub lanes: usize,
    /// Calls that may wait in each queue before new ones are refused.
    pub queue: usize,
    /// On PostgreSQL: connects one after the other, as [`Db::gather`] says, and not each thread with its
    /// first work.
    pub one_by_one: bool,
    /// On SQLite: is a commit on the disk before it is acknowledged? If not, a power failure can take the
    /// last ones with it; the end of the process takes none, and the file stays whole either way.
    pub synced: bool,
}

impl Options {
    /// A SQLite file with sensible numbers.
    pub fn sqlite(path: impl Into<PathBuf>) -> Self {
        let target = Target::Sqlite { path: path.into() };
        Self { target, readers: 6, lanes: 1, queue: 4096, one_by_one: false, synced: true }
    }

    /// A PostgreSQL server with sensible numbers.
    pub fn postgres(url: impl Into<String>) -> Self {
        let target = Target::Postgres { url: url.into() };
        Self { target, readers: 8, lanes: 4, queue: 4096, one_by_one: false, synced: true }
    }

    /// A PostgreSQL server with at most so many connections, three at least: of them one is for what goes
    /// aside, a third of the rest for lanes, and what is left for reading.
    pub fn postgres_with(url: impl Into<String>, connections: usize) -> Self {
        let lanes = (connections.saturating_sub(1) / 3).max(1);
        let readers = connections.saturating_sub(1 + lanes).max(1);
        Self { readers, lanes, one_by_one: true, ..Self::postgres(url) }
    }
}

type Jobs = Arc<Turns<Read>>;
type Lane = Arc<Queue<Work>>;

/// An open database. Cheap to clone; the last clone dropped ends its threads after they drained their queues.
#[derive(Clone)]
pub struct Db {
    inner: Arc<Inner>,
}

struct Inner {
    engine: Engine,
    target: Target,
    points: Option<Arc<Readers>>,
    reads: Jobs,
    lanes: Vec<Lane>,
    gathering: Arc<Gathering>,
    /// For writes that nobody waits for: on PostgreSQL a thread of its own, on SQLite the one lane.
    aside: Lane,
    stats: stats::Stats,
    tally: Arc<Tally>,
    /// Closed by itself when the last thread has ended.
    threads: Mutex<mpsc::Receiver<()>>,
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.close_queues();
    }
}

impl Inner {
    fn close_queues(&self) {
        self.reads.close();
        self.lanes.iter().for_each(|lane| lane.close());
        self.aside.close();
        self.gathering.end();
    }

    fn lane(&self, key: &str) -> &Lane {
        &self.lanes[self.gathering.lane(|lanes| pick(key, lanes))]
    }
}

impl Db {
    /// Connects and checks. Errors say what to change.
    pub fn open(options: Options) -> Result<Self, Error> {
        open::open(options)
    }

    /// Where records go that nobody waits for: on SQLite a file of that name beside this one, with a writer
    /// of its own that does not wait for the disk ([`Options::synced`]), and with these steps applied; on
    /// PostgreSQL this very database, which has a lane for them ([`Db::write_aside`]) and other steps.
    ///
    /// Errors as those of [`Db::open`] and [`Db::migrate`]. On SQLite no transaction spans both files.
    pub fn beside(&self, file: &str, steps: &[Migration]) -> Result<Self, Error> {
        let Target::Sqlite { path } = &self.inner.target else { return Ok(self.clone()) };
        let options = Options { readers: 1, synced: false, ..Options::sqlite(path.with_file_name(file)) };
        let db = Self::open(options)?;
        match db.migrate(steps) {
            Ok(_) => Ok(db),
            Err(error) => {
                // Whoever moves the file away next must not have it open still.
                open::waited(async {
                    db.close().await;
                    Err(error)
                })
            }
        }
    }

    /// Which database this is.
    pub fn engine(&self) -> Engine {
        self.inner.engine
    }

    /// Reads for this account: `key` is its id, as in [`Db::write`].
    pub fn of(&self, key: &(impl AsRef<str> + ?Sized)) -> Of<'_> {
        Of { db: self, owner: Some(hash(key.as_ref())) }
    }

    /// Reads for no account, which the server makes for itself or for its operator.
    pub fn house(&self) -> Of<'_> {
        Of { db: self, owner: None }
    }

    /// Ends the snapshots that wait for the next one who reads and that nobody took since the last call: who
    /// else works at the file is not to wait for them. Call it now and then; on PostgreSQL it does nothing.
    pub fn let_go(&self) {
        if let Some(readers) = &self.inner.points {
            readers.let_go();
        }
    }

    /// What is there to see before a write has its turn, on SQLite: runs `f` at once, on the calling thread,
    /// in a snapshot of its own. `None` on PostgreSQL, where a look costs a round trip, and when no snapshot
    /// can be opened. For a handful of rows by key.
    pub fn glance<T>(&self, f: impl FnOnce(&mut Tx<'_>) -> Option<T>) -> Option<T> {
        self.inner.points.as_ref()?.run(|mut tx| f(&mut tx)).ok()?
    }

    /// Runs a closure in a transaction and answers once it is committed. `lane` is the key whose writes are
    /// served in order by one thread: the account's id. Only one that meets a row that somebody else has
    /// locked goes behind the others ([`Error::is_locked`] once that takes too long).
    ///
    /// An `Err` of the closure rolls its own changes back. A call whose future is dropped before its turn
    /// does not run; after that it runs to its end unheard. [`ErrorKind::Retry`] and
    /// [`ErrorKind::Unavailable`] are worth another call later; [`ErrorKind::Unknown`] only where a look
    /// shows that nothing took effect.
    pub async fn write<T, E>(
        &self,
        label: &'static str,
        lane: &str,
        f: impl Fn(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        self.call("writing", (label, hash(lane)), f, |job| self.inner.lane(lane).push(Work::Call(job))).await
    }

    /// As [`Db::write`], but in a rehearsal nothing is kept; a [`Rehearsal`] says how. Without one it is a
    /// write.
    pub async fn write_in<T, E>(
        &self,
        rehearsal: &Rehearsal,
        label: &'static str,
        lane: &str,
        f: impl Fn(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        let Some(calls) = rehearsal.calls() else { return self.write(label, lane, f).await };
        let enter = |calls| self.inner.lane(lane).push(Work::Rehearsal(calls));
        self.call("rehearsing in", (label, hash(lane)), f, |job| calls.push(job, enter)).await
    }

    /// As [`Db::write`], for large writes that nobody waits for and that have no order to keep with others:
    /// on PostgreSQL they go on a lane of their own. On SQLite there is one lane: see [`Db::beside`].
    pub async fn write_aside<T, E>(
        &self,
        label: &'static str,
        f: impl Fn(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        self.call("writing", (label, 0), f, |job| self.inner.aside.push(Work::Call(job))).await
    }

    async fn call<T, E>(
        &self,
        what: &str,
        (label, key): (&'static str, u64),
        f: impl Fn(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
        push: impl FnOnce(Box<dyn Job>) -> Result<(), Refusal>,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        let (since, counter) = (Instant::now(), self.inner.stats.counter(label));
        // Goes with this future, however that ends.
        let waiting = Waiting::new();
        let (call, answer) = Call::new((label, key), f, (since, waiting.wanted()), Arc::clone(&counter));
        if let Err(refusal) = push(Box::new(call)) {
            counter.answered(since, true);
            return Err(E::from(match refusal {
                Refusal::Closed => lanes::gone(),
                Refusal::Over => rehearsal::over(),
                Refusal::Full => full(what),
            }));
        }
        answer.await.unwrap_or_else(|_| Err(E::from(call::unanswered(label))))
    }

    /// Opens the connections that [`Options::one_by_one`] holds back: one for writing, one for what goes
    /// aside and one for reading before it answers, the others behind it, in turn a lane and a reader. Where
    /// the server gives no more it says so in the log and tries again now and then; a lane is given no work
    /// before it has its connection, nor after it lost it to one that needs it more.
    pub async fn gather(&self) -> Result<(), Error> {
        if self.inner.engine == Engine::Sqlite {
            return Ok(());
        }
        self.write("gather", "", look).await?;
        self.write_aside("gather", look).await?;
        self.house().read("gather", look).await?;
        self.inner.gathering.begin();
        Ok(())
    }

    /// Applies the steps that are missing. Several processes may call it at once: one works, the others wait.
    /// Looks first, by a read: where nothing is missing, no right to change the schema is needed.
    ///
    /// Errors: [`ErrorKind::NewerSchema`] when the database knows steps these do not,
    /// [`ErrorKind::Locked`] when another process does not finish, [`ErrorKind::Denied`] when the role may
    /// not.
    pub fn migrate(&self, steps: &[Migration]) -> Result<MigrateReport, Error> {
        if self.pending(steps)? == 0 {
            return Ok(migrate::nothing(steps));
        }
        match &self.inner.target {
            Target::Sqlite { path } => migrate::migrate(
                &mut SqliteWriter::new(sqlite::open_writer(path, true)?),
                Engine::Sqlite,
                steps,
            ),
            Target::Postgres { url } => {
                on_session(url, |session| migrate::migrate(session, Engine::Postgres, steps))
            }
        }
    }

    /// How many steps [`Db::migrate`] would apply; changes nothing, and takes no connection of its own. Waits
    /// for its turn among the reads: async code calls [`Db::count_pending`]. Errors as there.
    pub fn pending(&self, steps: &[Migration]) -> Result<usize, Error> {
        open::waited(self.count_pending(steps))
    }

    /// As [`Db::pending`], for async code.
    pub async fn count_pending(&self, steps: &[Migration]) -> Result<usize, Error> {
        let (engine, steps) = (self.inner.engine, steps.to_vec());
        self.house().read("migrations", move |tx| migrate::pending(tx, engine, &steps)).await
    }

    /// Succeeds when the database answers and, on SQLite, its files are still the ones that were opened.
    /// Otherwise reads go on, and each write ends with the same error.
    pub async fn ping(&self) -> Result<(), Error> {
        if let Some(readers) = &self.inner.points {
            readers.check()?;
        }
        self.house().read("ping", look).await
    }

    /// Whether the last write of a lane failed for a reason of the database's own, such as a full disk; of
    /// several lanes the last one that did. It ends when that lane commits, or leaves its work to others.
    pub fn write_fault(&self) -> Option<WriteFault> {
        self.inner.tally.fault()
    }

    /// Writes a row of this crate's own, on each lane with a fault: succeeds when the database takes writes
    /// again. The tables are those of [`Db::migrate`].
    pub async fn probe(&self) -> Result<(), Error> {
        let inner = &self.inner;
        let faulty = inner.tally.faulty();
        for seat in if faulty.is_empty() { vec![Seat::Lane(0)] } else { faulty } {
            let lane = match seat {
                Seat::Lane(lane) => &inner.lanes[lane],
                Seat::Aside | Seat::Reader(_) => &inner.aside,
            };
            self.call("writing", ("probe", 0), migrate::probe, |job| lane.push(Work::Call(job))).await?;
        }
        Ok(())
    }

    /// Whether the role still lacks a right that some call needed since it was last found whole: looks at the
    /// tables of these steps then. Without such a call it asks nothing.
    pub async fn lacks_rights(&self, steps: &'static [Migration]) -> Result<bool, Error> {
        if !self.inner.tally.is_denied() {
            return Ok(false);
        }
        let whole = self.house().read("rights", move |tx| migrate::has_rights(tx, steps)).await?;
        if whole {
            self.inner.tally.allowed();
        }
        Ok(!whole)
    }

    /// Calls that wait: for a reading thread, and for a writing one.
    pub fn waiting(&self) -> (usize, usize) {
        let inner = &self.inner;
        let writes: usize = inner.lanes.iter().map(|lane| lane.len()).sum();
        (inner.reads.len(), writes + inner.aside.len())
    }

    /// Counters per label, sorted by label.
    pub fn stats(&self) -> Vec<LabelStats> {
        self.inner.stats.snapshot()
    }

    /// Write transactions committed since the database was opened. Compared with the calls of
    /// [`Db::write`] it shows how many share a commit.
    pub fn commits(&self) -> u64 {
        self.inner.tally.commits.load(Relaxed)
    }

    /// A bell that rings after each commit of this process that wrote rows left (see [`Tx::leave`]) with
    /// `key` as their first value. Other processes on the same database ring it not: who must hear of them,
    /// too, looks again now and then.
    pub fn bell(&self, key: &str) -> Bell {
        self.inner.tally.bells.listen(key)
    }

    /// Takes no more calls, finishes those that wait, and returns when the last thread has ended.
    pub async fn close(&self) {
        self.inner.close_queues();
        // Nothing is ever sent: the end of the channel is the end of the threads.
        let _ = self.inner.threads.lock().await.recv().await;
        if let Some(readers) = &self.inner.points {
            readers.close();
        }
    }
}

/// Reads a PostgreSQL URL as [`Db::open`] does, without connecting. The error shows nothing of it but the
/// name of a parameter.
pub fn check_url(url: &str) -> Result<(), Error> {
    postgres::Settings::parse(url).map(|_| ())
}

/// What a PostgreSQL URL says of TLS: `disable`, `prefer` or `require`.
///
/// # Errors
/// As [`check_url`].
pub fn ssl_mode(url: &str) -> Result<&'static str, Error> {
    postgres::Settings::parse(url).map(|settings| settings.ssl_mode())
}

/// Asks for nothing but an answer.
fn look(tx: &mut Tx<'_>) -> Result<(), Error> {
    tx.query_one("SELECT 1", &[], |row| row.get::<i64>(0)).map(|_| ())
}

fn pick(lane: &str, lanes: usize) -> usize {
    usize::try_from(hash(lane) % lanes as u64).unwrap_or(0)
}

/// What a call hears that finds all places taken where others wait.
fn full(what: &str) -> Error {
    Error::new(
        ErrorKind::Unavailable,
        format!("too many calls wait for {what} the database; try again in a moment"),
    )
}

fn hash(lane: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    lane.hash(&mut hasher);
    hasher.finish()
}
