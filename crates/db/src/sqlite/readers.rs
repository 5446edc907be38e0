//! Reading SQLite beside the writer: connections that cannot write, whatever SQL they are given, and the
//! snapshots on them.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use parking_lot::Mutex;
use rusqlite::{Connection, OpenFlags};

use crate::place::Place;
use crate::tx::Session;
use crate::wanted::{Wanted, Watch};
use crate::{Error, Tx};

use super::state::{Index, State};
use super::{open, step};

/// Instructions of a statement between two looks at whether somebody waits for it: about a millisecond.
const STRETCH: i32 = 10_000;

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
    keep: usize,
    /// Also held while a snapshot begins or ends: SQLite then asks the kernel for a file lock under a mutex
    /// of the process on which waiters sleep, and a sleep costs more than the lock. On this one they spin
    /// first.
    rest: Mutex<Rest>,
    /// The files that the writer has open, once it has.
    place: OnceLock<Place>,
    index: OnceLock<Index>,
}

/// The connections that nobody reads with.
#[derive(Default)]
struct Rest {
    idle: Vec<Idle>,
    /// A write is under way.
    barred: bool,
    /// How many writes have begun.
    writes: u64,
}

struct Idle {
    conn: Connection,
    watch: Watch,
    /// Its last snapshot is still open, and of this state: who finds that nothing was committed since goes on
    /// in it. To begin another one costs ten times as much as to find that out.
    ///
    /// As long as it is open SQLite cannot start its log anew. So it ends before a write begins, and none is
    /// kept until that is over, checkpoint included.
    open: Option<State>,
    /// It was there already when [`Readers::let_go`] came by.
    old: bool,
}

impl Idle {
    /// Ends its snapshot; false: the connection is of no use.
    fn end(&mut self) -> bool {
        self.open.take().is_none() || step(&self.conn, "COMMIT").is_ok()
    }
}

impl Readers {
    pub(crate) fn new(path: PathBuf, keep: usize) -> Self {
        let (place, index) = (OnceLock::new(), OnceLock::new());
        Self { path, keep, rest: Mutex::default(), place, index }
    }

    /// The writer has the files open.
    ///
    /// `disposable`: as in [`Place::of`].
    pub(crate) fn opened(&self, disposable: bool) {
        self.place.get_or_init(|| Place::of(&self.path, disposable));
        if let Some(index) = Index::open(&self.path) {
            self.index.get_or_init(|| index);
        }
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

    fn fresh(&self) -> Result<(Connection, Watch), Error> {
        let (mut conn, watch) = (self.connect(open_reader)?, Watch::default());
        let call = Arc::clone(&watch);
        conn.progress_handler(STRETCH, Some(move || !call.lock().still()))?;
        Ok((conn, watch))
    }

    /// A snapshot of the newest state: the one that a connection was given back with, or a new one.
    pub(crate) fn open(self: &Arc<Self>) -> Result<Open, Error> {
        let (idle, barred, writes) = {
            let mut rest = self.rest.lock();
            (rest.idle.pop(), rest.barred, rest.writes)
        };
        let ((conn, watch), open) = match idle {
            Some(idle) => ((idle.conn, idle.watch), idle.open),
            None => (self.fresh()?, None),
        };
        // Before the snapshot begins: it is of this state or of a later one.
        let newest = if barred { None } else { self.state() };
        let state = if open.is_some() && open == newest {
            newest
        } else {
            self.begin(&conn, open.is_some())?;
            newest.filter(|newest| self.state() == Some(*newest))
        };
        Ok(Open { conn: Some(conn), watch, state, writes, readers: Arc::clone(self) })
    }

    fn state(&self) -> Option<State> {
        self.index.get()?.state()
    }

    /// Begins a snapshot on a connection. `open`: it has an older one.
    fn begin(&self, conn: &Connection, open: bool) -> Result<(), Error> {
        if open {
            let _turn = self.rest.lock();
            step(conn, "COMMIT")?;
        }
        step(conn, "BEGIN")?;
        let _turn = self.rest.lock();
        look(conn)
    }

    /// Runs `f` in a snapshot of its own. An error of beginning the snapshot is the outer one.
    pub(crate) fn run<R>(self: &Arc<Self>, f: impl FnOnce(Tx<'_>) -> R) -> Result<R, Error> {
        Ok(f(self.open()?.tx()))
    }

    /// A write begins, or is over.
    pub(super) fn writing(&self, now: bool) {
        let mut rest = self.rest.lock();
        rest.barred = now;
        if now {
            rest.writes += 1;
            rest.idle.retain_mut(Idle::end);
        }
    }

    /// Ends the snapshots that nobody took since the last call.
    pub(crate) fn let_go(&self) {
        let sound = |idle: &mut Idle| {
            let old = std::mem::replace(&mut idle.old, true);
            !old || idle.end()
        };
        self.rest.lock().idle.retain_mut(sound);
    }

    pub(crate) fn close(&self) {
        self.rest.lock().idle.clear();
    }
}

/// BEGIN alone settles nothing: the first look at the file does.
fn look(conn: &Connection) -> Result<(), Error> {
    conn.prepare_cached("SELECT 1 FROM sqlite_schema LIMIT 1")?.raw_query().next()?;
    Ok(())
}

/// A snapshot on a reading connection. With this value it ends, or waits for the next one who reads.
pub(crate) struct Open {
    /// `None` only while it ends.
    conn: Option<Connection>,
    watch: Watch,
    /// What it shows, where that is known.
    state: Option<State>,
    /// How many writes had begun before it.
    writes: u64,
    readers: Arc<Readers>,
}

impl Open {
    pub(crate) fn tx(&self) -> Tx<'_> {
        let conn = self.conn.as_ref().expect("a connection is there until the snapshot ends");
        Tx::reading(Session::Sqlite(conn)).with_state(self.state, &self.watch)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        let Some(conn) = self.conn.take() else { return };
        // Its end is not to be interrupted.
        *self.watch.lock() = Wanted::default();
        let mut rest = self.readers.rest.lock();
        let room = rest.idle.len() < self.readers.keep;
        let stays = room && !rest.barred && rest.writes == self.writes && !conn.is_autocommit();
        let open = self.state.filter(|_| stays);
        // A connection whose snapshot does not end is not given back: closing it ends it.
        let sound = open.is_some() || step(&conn, "COMMIT").is_ok();
        if sound && room {
            rest.idle.push(Idle { conn, watch: Arc::clone(&self.watch), open, old: false });
        }
    }
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use super::super::open_writer;
    use super::*;

    struct File {
        dir: PathBuf,
        writer: Connection,
        readers: Arc<Readers>,
    }

    impl File {
        fn new() -> Self {
            let dir = std::env::temp_dir().join(format!("muster-readers-{:032x}", rand::random::<u128>()));
            let path = dir.join("t.db");
            let writer = open_writer(&path, true).unwrap();
            writer.execute_batch("CREATE TABLE t (n INTEGER)").unwrap();
            let readers = Arc::new(Readers::new(path, 2));
            readers.opened(true);
            Self { dir, writer, readers }
        }

        /// As another process would: the readers are not told.
        fn insert(&self) {
            self.writer.execute("INSERT INTO t VALUES (1)", []).unwrap();
        }

        /// States of the snapshots that wait for the next one who reads.
        fn kept(&self) -> Vec<State> {
            self.readers.rest.lock().idle.iter().filter_map(|idle| idle.open).collect()
        }
    }

    impl Drop for File {
        fn drop(&mut self) {
            std::fs::remove_dir_all(&self.dir).unwrap();
        }
    }

    fn count(open: &Open) -> i64 {
        open.tx().query_one("SELECT count(*) FROM t", &[], |row| row.get(0)).unwrap()
    }

    #[test]
    fn a_snapshot_is_gone_on_in_until_somebody_commits() {
        let file = File::new();
        let first = file.readers.open().unwrap();
        let state = first.tx().state();
        assert_eq!((count(&first), state.is_some()), (0, true));
        drop(first);
        assert_eq!(file.kept(), Vec::from_iter(state));
        let second = file.readers.open().unwrap();
        assert_eq!((count(&second), second.tx().state(), file.kept().len()), (0, state, 0));
        file.insert();
        assert_eq!(count(&second), 0);
        drop(second);
        for _ in 0..2 {
            let newer = file.readers.open().unwrap();
            assert_eq!(count(&newer), 1);
            assert!(newer.tx().state().is_some() && newer.tx().state() != state);
        }
        assert_eq!(file.kept().len(), 1);
    }

    #[test]
    fn none_is_kept_that_is_older_than_a_write_or_of_a_time_in_which_one_is_under_way() {
        let file = File::new();
        drop((file.readers.open().unwrap(), file.readers.open().unwrap()));
        assert_eq!(file.kept().len(), 2);
        let before = file.readers.open().unwrap();
        file.readers.writing(true);
        assert_eq!(file.kept(), []);
        let within = file.readers.open().unwrap();
        assert_eq!((count(&within), within.tx().state()), (0, None));
        file.insert();
        file.readers.writing(false);
        drop(before);
        drop(within);
        assert_eq!((file.kept(), file.readers.rest.lock().idle.len()), (vec![], 2));
        let busy = file.writer.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0));
        assert_eq!(busy, Ok(0_i64), "nobody reads from the log");
        drop(file.readers.open().unwrap());
        assert_eq!(file.kept().len(), 1);
    }

    #[test]
    fn what_nobody_takes_is_let_go() {
        let file = File::new();
        drop((file.readers.open().unwrap(), file.readers.open().unwrap()));
        file.readers.let_go();
        drop(file.readers.open().unwrap());
        assert_eq!(file.kept().len(), 2);
        file.readers.let_go();
        assert_eq!(file.kept().len(), 1, "the one that was taken stays");
        file.readers.let_go();
        assert_eq!((file.kept().len(), file.readers.rest.lock().idle.len()), (0, 2));
    }
}
