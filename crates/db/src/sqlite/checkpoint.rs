//! Checkpoints of the write-ahead log: a thread of its own copies pages into the file and flushes it while
//! the lane goes on writing, and the lane copies the few that came meanwhile. Only when all are copied, and
//! nobody reads from the log, does SQLite begin it anew; else it would grow for ever.

use std::fs::File;
use std::mem::ManuallyDrop;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::thread::JoinHandle;
use std::time::Duration;

use parking_lot::{Condvar, Mutex, MutexGuard};
use rusqlite::Connection;
use rusqlite::hooks::Wal;

use crate::Error;

use super::BUSY;

/// Pages in the log from which on it is brought into the file. Worth doing rarely, when pages have been
/// written many times, and bounded for the disk and for the start after a crash, which reads the log.
pub(super) const MANY: u32 = 8_000;
/// So many more before the next try, where the log could not begin anew because somebody reads from it.
const MORE: u32 = 500;
/// Reads that overlap would keep the log from ever beginning anew: from so many pages on the lane waits for
/// them.
const LONG: u32 = 4 * MANY;
/// So long at most. Reads that begin meanwhile do without the log. Where it was in vain, somebody reads for
/// long, and the lane does not wait again before the log is twice as long.
const WAIT: Duration = Duration::from_millis(500);
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
    /// Pages in the log after the last commit.
    log: AtomicU32,
}

/// The checkpoints of a file, as its lane drives them.
pub(super) struct Checkpoints {
    /// Nothing is done before the log has so many pages.
    next: u32,
    /// The lane waits for nobody before the log has so many.
    long: u32,
    /// The thread was asked, and what became of it was not seen yet.
    asked: bool,
    shared: Arc<Shared>,
    copier: Option<JoinHandle<()>>,
}

impl Checkpoints {
    /// Takes the place of the checkpoints that SQLite makes by itself, within commits of this connection.
    /// `beside`: another connection to the same file, which may write.
    pub(super) fn start(writer: &mut Connection, beside: Connection, path: PathBuf) -> Result<Self, Error> {
        let (turn, moved) = (Mutex::new(Turn::Nobody), Condvar::new());
        let shared = Arc::new(Shared { turn, moved, log: AtomicU32::new(0) });
        let seen = Arc::clone(&shared);
        writer.wal_hook(Some(move |_: &mut Wal, pages| {
            seen.log.store(u32::try_from(pages).unwrap_or(0), Relaxed);
            Ok(())
        }))?;
        let (theirs, copier) = (Arc::clone(&shared), Copier { conn: beside, path, file: None });
        let thread = std::thread::Builder::new().name("db-checkpoint".to_owned());
        let copier = thread
            .spawn(move || theirs.serve(copier))
            .map_err(|error| Error::other(format!("a database thread does not start: {error}")))?;
        Ok(Self { next: MANY, long: LONG, asked: false, shared, copier: Some(copier) })
    }

    /// Between two transactions of the lane: does its part when there is one.
    pub(super) fn rest(&mut self, writer: &Connection) {
        let pages = self.shared.log.load(Relaxed);
        if pages < MANY {
            (self.next, self.long) = (MANY, LONG);
        }
        if !self.asked && pages < self.next {
            return;
        }
        let mut turn = self.shared.turn.lock();
        match *turn {
            Turn::Nobody => {
                *turn = Turn::Copier;
                self.shared.moved.notify_one();
            }
            Turn::Lane => {
                // With few pages the log has begun anew already: nothing was written while it was copied.
                if pages >= MANY {
                    if pages < self.long {
                        copy(writer);
                    } else {
                        begin_anew(writer);
                        self.long = pages.saturating_mul(2);
                    }
                    // Whether it begins anew now shows with the next commit.
                    self.next = pages + MORE;
                }
                *turn = Turn::Nobody;
            }
            Turn::Copier | Turn::Over => return,
        }
        self.asked = *turn == Turn::Copier;
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
    fn serve(&self, mut copier: Copier) {
        let mut turn = self.turn.lock();
        while *turn != Turn::Over {
            if *turn == Turn::Copier {
                MutexGuard::unlocked(&mut turn, || copier.copy_most(&self.log));
            }
            match *turn {
                Turn::Copier => *turn = Turn::Lane,
                Turn::Nobody | Turn::Lane => self.moved.wait(&mut turn),
                Turn::Over => {}
            }
        }
    }
}

/// What the thread works with.
struct Copier {
    conn: Connection,
    path: PathBuf,
    /// The database file, once it was flushed. Closing it would drop the locks that the connections of the
    /// process hold on it (fcntl(2)): so it stays open until the process ends.
    file: Option<ManuallyDrop<File>>,
}

impl Copier {
    /// Copies until little is left, or no more can be done: somebody reads from the log.
    fn copy_most(&mut self, log: &AtomicU32) {
        let mut before = 0;
        for _ in 0..ROUNDS {
            let Some(copied) = copy(&self.conn).filter(|copied| *copied != before) else { return };
            self.flush();
            if log.load(Relaxed).saturating_sub(copied) <= FEW {
                return;
            }
            before = copied;
        }
    }

    /// SQLite flushes the file only when all is copied, which would be in the lane: thousands of pages.
    fn flush(&mut self) {
        let flushed = match &self.file {
            Some(file) => file.sync_data(),
            None => File::open(&self.path).and_then(|file| {
                let file = self.file.insert(ManuallyDrop::new(file));
                file.sync_data()
            }),
        };
        if let Err(error) = flushed {
            tracing::debug!(%error, "the database file was not flushed beside the lane");
        }
    }
}

/// Copies what nobody reads from the log any more, and answers how many of its pages are copied by now. It
/// waits for nobody. `None`: it did not work, and will be tried again.
fn copy(conn: &Connection) -> Option<u32> {
    checkpoint(conn, "PRAGMA wal_checkpoint(PASSIVE)")
}

/// Copies all and sees to it that the log begins anew with the next commit, if those who read from it end in
/// time.
fn begin_anew(conn: &Connection) {
    let patience = |time| conn.busy_timeout(time).is_ok();
    if patience(WAIT) {
        checkpoint(conn, "PRAGMA wal_checkpoint(RESTART)");
        patience(BUSY);
    }
}

fn checkpoint(conn: &Connection, sql: &str) -> Option<u32> {
    let numbers = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(2)?));
    let done = conn.prepare_cached(sql).and_then(|mut statement| statement.query_row([], numbers));
    match done {
        Ok((0_i64, copied)) => u32::try_from(i64::max(copied, 0)).ok(),
        // Another process copies, or somebody still reads.
        Ok(_) => None,
        Err(error) => {
            tracing::warn!(%error, "the write-ahead log could not be brought into the database file");
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{open_copier, open_writer};
    use super::*;

    struct Log {
        dir: PathBuf,
        conn: Connection,
        checkpoints: Checkpoints,
    }

    impl Log {
        fn new() -> Self {
            let dir = std::env::temp_dir().join(format!("muster-checkpoint-{:032x}", rand::random::<u128>()));
            let path = dir.join("t.db");
            let mut conn = open_writer(&path, true).unwrap();
            let beside = open_copier(&path).unwrap();
            let checkpoints = Checkpoints::start(&mut conn, beside, path).unwrap();
            conn.execute_batch("CREATE TABLE t (b BLOB)").unwrap();
            Self { dir, conn, checkpoints }
        }

        fn write(&self, bytes: i64) {
            self.conn.execute("INSERT INTO t VALUES (zeroblob(?1))", [bytes]).unwrap();
        }

        /// Rests as the lane does, and longer: until the thread has copied. How many pages there are at the
        /// end is then no question of which of the two is faster, on a disk that others keep busy.
        fn rest(&mut self) {
            self.checkpoints.rest(&self.conn);
            while self.turn() == Turn::Copier {
                std::thread::yield_now();
            }
        }

        fn turn(&self) -> Turn {
            *self.checkpoints.shared.turn.lock()
        }

        fn pages(&self) -> u32 {
            self.checkpoints.shared.log.load(Relaxed)
        }

        /// A snapshot.
        fn reader(&self) -> Connection {
            let conn = Connection::open(self.dir.join("t.db")).unwrap();
            read(&conn);
            conn
        }

        /// Writes as the lane does until the log begins anew, or has so many pages.
        fn write_until(&mut self, pages: u32) {
            let mut before = 0;
            while (before..pages).contains(&self.pages()) {
                before = self.pages();
                self.write(1 << 20);
                self.rest();
            }
        }

        fn end(self) {
            drop((self.checkpoints, self.conn));
            std::fs::remove_dir_all(self.dir).unwrap();
        }
    }

    fn read(conn: &Connection) {
        conn.execute_batch("BEGIN; SELECT count(*) FROM sqlite_schema").unwrap();
    }

    #[test]
    fn reads_that_overlap_do_not_keep_the_log_from_beginning_anew() {
        let mut log = Log::new();
        let (mut now, mut next) = (log.reader(), log.reader());
        next.execute_batch("COMMIT").unwrap();
        let over = Arc::new(std::sync::atomic::AtomicBool::new(false));
        let end = Arc::clone(&over);
        let reads = std::thread::spawn(move || {
            while !end.load(Relaxed) {
                std::thread::sleep(WAIT / 10);
                read(&next);
                now.execute_batch("COMMIT").unwrap();
                std::mem::swap(&mut now, &mut next);
            }
        });
        // Where the reads themselves are held up, the lane waits in vain, and again with twice the pages.
        log.write_until(8 * LONG);
        assert!(log.pages() < MANY, "{} pages", log.pages());
        over.store(true, Relaxed);
        reads.join().unwrap();
        log.end();
    }

    #[test]
    fn a_long_read_does_not_hold_writers_again_and_again() {
        let mut log = Log::new();
        let reader = log.reader();
        log.write_until(LONG);
        while log.checkpoints.long == LONG && log.pages() < 2 * LONG {
            log.write(1);
            log.rest();
        }
        assert!((2 * LONG..3 * LONG).contains(&log.checkpoints.long), "{}", log.checkpoints.long);
        log.write_until(log.checkpoints.long - 2 * MORE);
        assert!(log.pages() > LONG && log.checkpoints.long < 3 * LONG, "no second wait");
        drop(reader);
        log.write_until(4 * LONG);
        log.rest();
        assert_eq!((log.pages() < MANY, log.checkpoints.long), (true, LONG));
        log.end();
    }

    #[test]
    fn a_log_that_began_anew_by_itself_leaves_the_lane_nothing() {
        let mut log = Log::new();
        log.write(40 << 20);
        log.rest();
        assert!(log.checkpoints.asked && log.pages() > MANY);
        assert_eq!(log.turn(), Turn::Lane);
        log.write(1);
        assert!(log.pages() < 100, "nothing was left to be copied");
        log.rest();
        assert_eq!((log.checkpoints.asked, log.turn()), (false, Turn::Nobody));
        log.end();
    }
}
