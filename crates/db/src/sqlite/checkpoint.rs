//! Checkpoints of SQLite's write-ahead log: a thread of its own copies pages into the file while the lane
//! goes on writing, and the lane copies the few that came meanwhile. Only when all are copied, and nobody
//! reads from the log, does SQLite begin it anew; else it would grow for ever.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::thread::JoinHandle;

use parking_lot::{Condvar, Mutex, MutexGuard};
use rusqlite::Connection;
use rusqlite::hooks::Wal;

use crate::Error;

/// Pages in the log from which on it is brought into the file. Worth doing rarely, when pages have been
/// written many times, and bounded for the disk and for the start after a crash, which reads the log.
const MANY: u32 = 8_000;
/// So many more before the next try, where the log could not begin anew because somebody reads from it.
const MORE: u32 = 500;
/// So few pages are left to the lane, which copies them while writers wait.
const FEW: u32 = 300;
/// Where writers are faster than the copying, it has to end nevertheless.
const ROUNDS: u32 = 4;

/// Who has to do something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turn {
    Nobody,
    /// The thread: the log has grown long.
    Copier,
    /// The lane: few pages are left.
    Lane,
    /// The database is closed.
    Over,
}

struct Shared {
    turn: Mutex<Turn>,
    moved: Condvar,
}

/// The checkpoints of a file, as its lane drives them.
pub(crate) struct Checkpoints {
    /// Pages in the log after the last commit.
    log: Arc<AtomicU32>,
    /// Nothing is done before there are so many.
    next: u32,
    shared: Arc<Shared>,
    copier: Option<JoinHandle<()>>,
}

impl Checkpoints {
    /// Takes the place of the checkpoints that SQLite makes by itself, within commits of this connection.
    /// `beside`: another connection to the same file, which may write.
    pub(crate) fn start(writer: &mut Connection, beside: Connection) -> Result<Self, Error> {
        let log = Arc::new(AtomicU32::new(0));
        let seen = Arc::clone(&log);
        writer.wal_hook(Some(move |_: &mut Wal, pages| {
            seen.store(u32::try_from(pages).unwrap_or(0), Relaxed);
            Ok(())
        }))?;
        let shared = Arc::new(Shared { turn: Mutex::new(Turn::Nobody), moved: Condvar::new() });
        let theirs = Arc::clone(&shared);
        let thread = std::thread::Builder::new().name("db-checkpoint".to_owned());
        let copier = thread
            .spawn(move || theirs.copy(&beside))
            .map_err(|error| Error::other(format!("a database thread does not start: {error}")))?;
        Ok(Self { log, next: MANY, shared, copier: Some(copier) })
    }

    /// Between two transactions of the lane: does its part when there is one.
    pub(crate) fn rest(&mut self, writer: &Connection) {
        let pages = self.log.load(Relaxed);
        if pages < MANY {
            self.next = MANY;
        }
        if pages < self.next {
            return;
        }
        let mut turn = self.shared.turn.lock();
        match *turn {
            Turn::Nobody => {
                *turn = Turn::Copier;
                self.shared.moved.notify_one();
            }
            Turn::Lane => {
                // Whether the log begins anew shows with the next commit.
                copy(writer);
                self.next = pages + MORE;
                *turn = Turn::Nobody;
            }
            Turn::Copier | Turn::Over => {}
        }
    }
}

impl Drop for Checkpoints {
    /// Waits for the copying that is under way.
    fn drop(&mut self) {
        *self.shared.turn.lock() = Turn::Over;
        self.shared.moved.notify_one();
        if self.copier.take().is_some_and(|copier| copier.join().is_err()) {
            tracing::error!("the thread of the checkpoints panicked");
        }
    }
}

impl Shared {
    /// The thread beside the lane.
    fn copy(&self, conn: &Connection) {
        let mut turn = self.turn.lock();
        while *turn != Turn::Over {
            if *turn == Turn::Copier {
                MutexGuard::unlocked(&mut turn, || copy_most(conn));
            }
            match *turn {
                Turn::Copier => *turn = Turn::Lane,
                Turn::Nobody | Turn::Lane => self.moved.wait(&mut turn),
                Turn::Over => {}
            }
        }
    }
}

/// Copies until little is left, or no more can be done: somebody reads from the log.
fn copy_most(conn: &Connection) {
    let mut before = u32::MAX;
    for _ in 0..ROUNDS {
        match copy(conn) {
            Some(left) if left > FEW && left < before => before = left,
            _ => return,
        }
    }
}

/// Copies what nobody reads from the log any more, and answers how many of its pages are left. It waits for
/// nobody. `None`: it did not work, and will be tried again.
fn copy(conn: &Connection) -> Option<u32> {
    let numbers = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?));
    let done = conn
        .prepare_cached("PRAGMA wal_checkpoint(PASSIVE)")
        .and_then(|mut statement| statement.query_row([], numbers));
    match done {
        Ok((0_u32, log, copied)) => Some(u32::saturating_sub(log, copied)),
        // Another process copies.
        Ok(_) => None,
        Err(error) => {
            tracing::warn!(%error, "the write-ahead log could not be brought into the database file");
            None
        }
    }
}
