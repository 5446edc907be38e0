//! Reading SQLite beside the writer: connections that cannot write, whatever SQL they are given, and the
//! snapshots on them.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use parking_lot::{Mutex, MutexGuard};
use rusqlite::{Connection, OpenFlags};

use crate::place::Place;
use crate::tx::Session;
use crate::{Error, Tx};

use super::{open, step};

fn open_reader(path: &Path) -> Result<Connection, Error> {
    let conn = open(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    // No memory map: SQLite would map the file anew after each commit, which costs more than reading pages.
    // The pages in memory hold the index of the ids of 100,000 users. With half as many a read by id took a
    // tenth longer, since every second look at that index read the file.
    conn.execute_batch(
        "PRAGMA query_only = ON; PRAGMA cache_size = -8000; PRAGMA mmap_size = 0;
         PRAGMA temp_store = MEMORY;",
    )?;
    Ok(conn)
}

/// Read-only connections, shared by reader threads and inline point reads. The last one given back is taken
/// first, so that a quiet server keeps one warm.
pub(crate) struct Readers {
    path: PathBuf,
    idle: Mutex<Vec<Connection>>,
    keep: usize,
    /// Held while a snapshot begins or ends without another one pinned. SQLite then asks the kernel for a
    /// file lock under a mutex of the process on which waiters sleep, and a sleep costs more than the lock.
    /// On this one they spin first.
    turn: Mutex<Pin>,
    /// Is a snapshot pinned? May change at any time: what is believed of it costs time at most.
    pinned: AtomicBool,
    /// The files that the writer has open, once it has.
    place: OnceLock<Place>,
}

/// A snapshot that nobody reads in. While it is open, another one of the same state begins and ends without
/// asking the kernel for a file lock: the process has it already.
///
/// It also keeps SQLite from starting its log anew, so it is closed before a write begins and not opened
/// until that is over, checkpoint included.
#[derive(Default)]
struct Pin {
    conn: Option<Connection>,
    open: bool,
    barred: bool,
}

impl Pin {
    fn hold(&mut self, fresh: impl FnOnce() -> Result<Connection, Error>) {
        if self.open || self.barred {
            return;
        }
        let conn = self.conn.take().map_or_else(fresh, Ok);
        match conn.and_then(|conn| begin(&conn).map(|()| conn)) {
            Ok(conn) => (self.conn, self.open) = (Some(conn), true),
            // Reading works without, only slower.
            Err(error) => tracing::debug!(%error, "no snapshot could be pinned"),
        }
    }

    fn release(&mut self) {
        let ended = !self.open || self.conn.as_ref().is_some_and(|conn| step(conn, "COMMIT").is_ok());
        if !ended {
            self.conn = None;
        }
        self.open = false;
    }
}

impl Readers {
    pub(crate) fn new(path: PathBuf, keep: usize) -> Self {
        let (idle, turn) = (Mutex::new(Vec::new()), Mutex::new(Pin::default()));
        Self { path, idle, keep, turn, pinned: AtomicBool::new(false), place: OnceLock::new() }
    }

    /// The writer has the files open.
    ///
    /// `disposable`: as in [`Place::of`].
    pub(crate) fn opened(&self, disposable: bool) {
        self.place.get_or_init(|| Place::of(&self.path, disposable));
    }

    /// Succeeds while the files are the ones that the writer opened.
    pub(crate) fn check(&self) -> Result<(), Error> {
        self.place.get().map_or(Ok(()), Place::check)
    }

    /// A new connection to the files that the writer has open, or none. What is once open stays with them;
    /// but opened with another file at the path, SQLite would answer from that one, take the log for its own
    /// or, where the file is empty, delete the log.
    pub(super) fn connect(&self, open: fn(&Path) -> Result<Connection, Error>) -> Result<Connection, Error> {
        self.check()?;
        let conn = open(&self.path)?;
        look(&conn)?;
        self.check()?;
        Ok(conn)
    }

    fn fresh(&self) -> Result<Connection, Error> {
        self.connect(open_reader)
    }

    /// Begins a snapshot.
    pub(crate) fn open(self: &Arc<Self>) -> Result<Open, Error> {
        let idle = self.idle.lock().pop();
        let conn = idle.map_or_else(|| self.fresh(), Ok)?;
        step(&conn, "BEGIN")?;
        let mut turn = self.turn();
        if let Some(pin) = &mut turn {
            pin.hold(|| self.fresh());
            self.pinned.store(pin.open, Ordering::Relaxed);
        }
        look(&conn)?;
        drop(turn);
        Ok(Open { conn: Some(conn), readers: Arc::clone(self) })
    }

    /// What is held while a snapshot begins or ends; with one pinned these get by without.
    fn turn(&self) -> Option<MutexGuard<'_, Pin>> {
        (!self.pinned.load(Ordering::Relaxed)).then(|| self.turn.lock())
    }

    /// Runs `f` in a snapshot of its own. An error of beginning the snapshot is the outer one.
    pub(crate) fn run<R>(self: &Arc<Self>, f: impl FnOnce(Tx<'_>) -> R) -> Result<R, Error> {
        Ok(f(self.open()?.tx()))
    }

    /// A write begins, or is over.
    pub(super) fn writing(&self, now: bool) {
        let mut pin = self.turn.lock();
        pin.barred = now;
        if now {
            pin.release();
            self.pinned.store(false, Ordering::Relaxed);
        }
    }

    pub(crate) fn close(&self) {
        self.idle.lock().clear();
        let mut pin = self.turn.lock();
        *pin = Pin::default();
        self.pinned.store(false, Ordering::Relaxed);
    }
}

/// Begins a snapshot on a connection.
fn begin(conn: &Connection) -> Result<(), Error> {
    step(conn, "BEGIN")?;
    look(conn)
}

/// BEGIN alone settles nothing: the first look at the file does.
fn look(conn: &Connection) -> Result<(), Error> {
    conn.prepare_cached("SELECT 1 FROM sqlite_schema LIMIT 1")?.raw_query().next()?;
    Ok(())
}

/// A snapshot on a reading connection; it ends with this value.
pub(crate) struct Open {
    /// `None` only while it ends.
    conn: Option<Connection>,
    readers: Arc<Readers>,
}

impl Open {
    pub(crate) fn tx(&self) -> Tx<'_> {
        Tx::reading(Session::Sqlite(
            self.conn.as_ref().expect("a connection is there until the snapshot ends"),
        ))
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        let Some(conn) = self.conn.take() else { return };
        let turn = self.readers.turn();
        let ended = step(&conn, "COMMIT").is_ok();
        drop(turn);
        // A connection whose snapshot does not end is not given back: closing it ends it.
        if ended {
            let mut idle = self.readers.idle.lock();
            if idle.len() < self.readers.keep {
                idle.push(conn);
            }
        }
    }
}
