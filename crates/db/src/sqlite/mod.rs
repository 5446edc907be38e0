//! SQLite: opening the file, statements, and the one writer. WAL with `synchronous=FULL`: an acknowledged
//! write survives power loss.

mod checkpoint;
mod readers;
mod state;

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rusqlite::config::DbConfig;
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, OpenFlags, Statement};

use crate::error::Fault;
use crate::lanes::{CommitFault, Writer, pause};
use crate::place::{check_log, create_file};
use crate::tx::{Session, brief};
use crate::{Error, ErrorKind, Param, Row, Tx};

use checkpoint::{Checkpoints, MANY};
pub(crate) use readers::{Open, Readers};
pub use state::State;

/// Older releases carry a WAL-reset bug that can corrupt the file.
const OLDEST: i32 = 3_051_003;
const STATEMENTS: usize = 400;
const BUSY: Duration = Duration::from_secs(2);
/// So long the last checkpoint waits for others.
const PARTING: Duration = Duration::from_millis(200);

/// Opens the file for writing, creating it (mode 0600) and its directory (mode 0700) when missing.
///
/// `synced`: a commit waits for the disk. Without it only checkpoints do: in WAL mode the file stays whole.
pub(crate) fn open_writer(path: &Path, synced: bool) -> Result<Connection, Error> {
    let found = rusqlite::version_number();
    if found < OLDEST {
        let text = format!("the SQLite library is {found}, older than {OLDEST}: build with a newer one");
        return Err(Error::other(text));
    }
    if synced {
        check_log(path)?;
    }
    create_file(path).map_err(|error| {
        let text = format!("the database file {} cannot be opened: {error}", path.display());
        Error::new(ErrorKind::Unavailable, text + "; check the path and who owns the directory")
    })?;
    let conn = open(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    if !synced {
        // What is deleted by the thousand is to leave the disk, too (`Tx::give_back`). Only a new file hears
        // this.
        conn.execute_batch("PRAGMA auto_vacuum = INCREMENTAL").map_err(|error| unusable(path, &error))?;
    }
    let mode: String = patiently(|| conn.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0)))
        .map_err(|error| unusable(path, &error))?;
    if mode != "wal" {
        let text =
            format!("SQLite cannot use a write-ahead log for {}: put it on a local disk", path.display());
        return Err(Error::other(text));
    }
    // A change touches pages of several indexes, each at another place: with few of them in memory it reads
    // most of them again. What is appended needs none.
    conn.execute_batch(if synced {
        "PRAGMA synchronous = FULL; PRAGMA cache_size = -32000"
    } else {
        "PRAGMA synchronous = NORMAL; PRAGMA cache_size = -4000"
    })?;
    conn.execute_batch(&format!(
        "PRAGMA foreign_keys = ON; PRAGMA wal_autocheckpoint = {MANY}; PRAGMA journal_size_limit = 67108864;
         PRAGMA mmap_size = 0; PRAGMA temp_store = MEMORY;"
    ))?;
    // Any look at the file makes -wal and -shm where there are none.
    patiently(|| conn.query_row("PRAGMA user_version", [], |row| row.get::<_, i64>(0)))
        .map_err(|error| unusable(path, &error))?;
    Ok(conn)
}

/// Tries again while somebody else opens the file, or closes it as the last one. SQLite itself does not wait
/// there: two who turn the same new file into one with a write-ahead log would wait for each other.
fn patiently<T>(ask: impl Fn() -> rusqlite::Result<T>) -> rusqlite::Result<T> {
    let end = Instant::now() + BUSY;
    loop {
        match ask() {
            Err(error) if is_busy(&error) && Instant::now() < end => std::thread::sleep(pause(1)),
            answer => return answer,
        }
    }
}

fn is_busy(error: &rusqlite::Error) -> bool {
    use rusqlite::ErrorCode::{DatabaseBusy, DatabaseLocked};
    matches!(error.sqlite_error_code(), Some(DatabaseBusy | DatabaseLocked))
}

fn open_copier(path: &Path) -> Result<Connection, Error> {
    let conn = open(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    conn.execute_batch("PRAGMA synchronous = FULL; PRAGMA mmap_size = 0")?;
    Ok(conn)
}

pub(crate) fn open(path: &Path, mode: OpenFlags) -> Result<Connection, Error> {
    let conn = Connection::open_with_flags(path, mode | OpenFlags::SQLITE_OPEN_NO_MUTEX)
        .map_err(|error| unusable(path, &error))?;
    conn.busy_timeout(BUSY)?;
    conn.set_prepared_statement_cache_capacity(STATEMENTS);
    // Once there are statistics SQLite would plan a statement anew whenever other values are bound to it.
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    Ok(conn)
}

fn unusable(path: &Path, error: &rusqlite::Error) -> Error {
    let text = format!("{} cannot be used as a SQLite database: {error}", path.display());
    if is_busy(error) {
        return Error::new(ErrorKind::Locked, text + "; another process holds it, stop that one or wait");
    }
    match error.sqlite_error_code() {
        Some(rusqlite::ErrorCode::NotADatabase | rusqlite::ErrorCode::DatabaseCorrupt) => {
            let advice = "; point the path at another file, or restore a backup";
            Error::new(ErrorKind::Damaged, text + advice)
        }
        Some(rusqlite::ErrorCode::DiskFull) => {
            Error::new(ErrorKind::Unavailable, text + "; free some space on its disk, nothing is lost")
        }
        Some(rusqlite::ErrorCode::SystemIoFailure) => {
            Error::new(ErrorKind::Unavailable, text + "; check the disk")
        }
        _ => Error::new(ErrorKind::Unavailable, text + "; check the owner and mode of file and directory"),
    }
}

/// The connection of the write lane.
pub(crate) struct SqliteWriter {
    conn: Connection,
    beside: Option<Arc<Readers>>,
    /// `None`: SQLite makes them itself, within a commit.
    checkpoints: Option<Checkpoints>,
}

impl SqliteWriter {
    pub(crate) fn new(conn: Connection) -> Self {
        Self { conn, beside: None, checkpoints: None }
    }

    /// Writes beside these readers, as long as the files are the ones that were opened.
    pub(crate) fn beside(self, readers: Option<Arc<Readers>>) -> Self {
        Self { beside: readers, ..self }
    }

    /// From now on the file's checkpoints are made beside this connection; where nobody reads beside it,
    /// SQLite goes on to make them.
    pub(crate) fn with_checkpoints(mut self, path: &Path) -> Result<Self, Error> {
        if let Some(readers) = &self.beside {
            let copier = readers.connect(open_copier)?;
            self.checkpoints = Some(Checkpoints::start(&mut self.conn, copier, path.to_owned())?);
        }
        Ok(self)
    }
}

impl Writer for SqliteWriter {
    const CAREFUL_BATCHES: u32 = 32;

    fn begin(&mut self) -> Result<(), Error> {
        if let Some(readers) = &self.beside {
            readers.writing(true);
        }
        step(&self.conn, "BEGIN IMMEDIATE")
    }

    fn save(&mut self) -> Result<(), Error> {
        step(&self.conn, "SAVEPOINT s")
    }

    fn keep(&mut self) -> Result<(), Error> {
        step(&self.conn, "RELEASE s")
    }

    fn undo(&mut self) -> Result<(), Error> {
        // After a full disk or an I/O error SQLite has rolled back the whole transaction by itself: then
        // there is no savepoint to return to, and this error ends the batch.
        step(&self.conn, "ROLLBACK TO s").and_then(|()| step(&self.conn, "RELEASE s"))
    }

    fn tx(&mut self) -> Tx<'_> {
        Tx::writing(Session::Sqlite(&self.conn))
    }

    fn script(&mut self, sql: &str) -> Result<(), Error> {
        Ok(self.conn.execute_batch(sql)?)
    }

    fn commit(&mut self) -> Result<(), CommitFault> {
        // Once a batch, and not after the commit: a file removed then was there when the answers were made.
        if let Some(Err(error)) = self.beside.as_ref().map(|readers| readers.check()) {
            self.rollback();
            return Err(CommitFault::Broken(error));
        }
        let Err(error) = step(&self.conn, "COMMIT") else { return Ok(()) };
        self.rollback();
        Err(match error.kind() {
            ErrorKind::Retry => CommitFault::Again(error),
            ErrorKind::Unavailable => CommitFault::Broken(error),
            _ => CommitFault::Refused(error),
        })
    }

    fn rollback(&mut self) {
        if !self.conn.is_autocommit()
            && let Err(error) = step(&self.conn, "ROLLBACK")
        {
            tracing::error!(%error, "SQLite did not roll back");
        }
    }

    fn rest(&mut self) {
        if let Some(checkpoints) = &mut self.checkpoints {
            checkpoints.rest(&self.conn);
        }
        if let Some(readers) = &self.beside {
            readers.writing(false);
        }
    }

    /// Brings the log into the file and empties it: whoever copies the file of a server that was stopped, and
    /// forgets the log, has everything. SQLite does so itself only where the last connection may write.
    fn finish(&mut self) {
        if let Some(readers) = &self.beside {
            readers.writing(true);
        }
        self.checkpoints = None;
        // Who reads elsewhere keeps the log for himself: it is not worth a wait.
        let truncate =
            |()| self.conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, i64>(0));
        let done = self.conn.busy_timeout(PARTING).and_then(truncate);
        if done != Ok(0) {
            tracing::debug!(?done, "the write-ahead log stays: others read or write the file");
        }
    }
}

fn step(conn: &Connection, sql: &str) -> Result<(), Error> {
    conn.prepare_cached(sql)?.raw_execute()?;
    Ok(())
}

pub(crate) fn exec(conn: &Connection, sql: &str, params: &[Param<'_>]) -> Result<u64, Error> {
    let mut statement = prepare(conn, sql, params)?;
    if statement.column_count() == 0 {
        return Ok(statement.raw_execute()? as u64);
    }
    // RETURNING: each row that comes back is a row touched
    let (mut rows, mut count) = (statement.raw_query(), 0);
    while rows.next()?.is_some() {
        count += 1;
    }
    Ok(count)
}

/// As [`crate::Tx::give_back`].
pub(crate) fn give_back(conn: &Connection, pages: u32, keep: u32) -> Result<bool, Error> {
    let free = || conn.query_row("PRAGMA freelist_count", [], |row| row.get::<_, u32>(0));
    let before = free()?;
    if before <= keep {
        return Ok(false);
    }
    // Each step of the statement gives one page.
    let mut statement = conn.prepare(&format!("PRAGMA incremental_vacuum({})", pages.min(before - keep)))?;
    let mut rows = statement.raw_query();
    while rows.next()?.is_some() {}
    let after = free()?;
    Ok(after < before && after > keep)
}

pub(crate) fn each(
    conn: &Connection,
    sql: &str,
    params: &[Param<'_>],
    f: &mut dyn FnMut(&Row<'_>) -> Result<ControlFlow<()>, Error>,
) -> Result<(), Fault> {
    let mut statement = prepare(conn, sql, params)?;
    let mut rows = statement.raw_query();
    while let Some(row) = rows.next()? {
        if f(&Row::sqlite(row)).map_err(Fault::Caller)?.is_break() {
            break;
        }
    }
    Ok(())
}

pub(crate) fn cell<'r>(row: &'r rusqlite::Row<'_>, index: usize) -> Result<Param<'r>, Error> {
    match row.get_ref(index)? {
        ValueRef::Null => Ok(Param::Null),
        ValueRef::Integer(int) => Ok(Param::Int(int)),
        ValueRef::Blob(bytes) => Ok(Param::Bytes(bytes)),
        ValueRef::Text(bytes) => std::str::from_utf8(bytes)
            .map(Param::Text)
            .map_err(|_| Error::other(format!("column {index} holds text that is not UTF-8"))),
        ValueRef::Real(_) => {
            Err(Error::other(format!("column {index} is a float: store integers, or cast the expression")))
        }
    }
}

struct Bound<'a>(Param<'a>);

impl rusqlite::ToSql for Bound<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self.0 {
            Param::Null => ValueRef::Null,
            Param::Int(int) => ValueRef::Integer(int),
            Param::Bool(bool) => ValueRef::Integer(bool.into()),
            Param::Text(text) => ValueRef::Text(text.as_bytes()),
            Param::Bytes(bytes) => ValueRef::Blob(bytes),
        }))
    }
}

fn prepare<'c>(
    conn: &'c Connection,
    sql: &str,
    params: &[Param<'_>],
) -> Result<rusqlite::CachedStatement<'c>, Error> {
    let mut statement = conn.prepare_cached(sql).map_err(|error| named(error, sql))?;
    let count = statement.parameter_count();
    if count != params.len() {
        let given = params.len();
        let text = format!("the statement has {count} parameters and {given} values: {}", brief(sql));
        return Err(Error::other(text));
    }
    if numbered_in_order(sql, count) {
        for (index, param) in params.iter().enumerate() {
            statement.raw_bind_parameter(index + 1, Bound(*param))?;
        }
    } else {
        bind_by_name(&mut statement, sql, params)?;
    }
    Ok(statement)
}

/// To SQLite `$2` is a name; its place is where it first appears. When the numbers first appear in rising
/// order, which is nearly always, place and number agree.
fn numbered_in_order(sql: &str, count: usize) -> bool {
    let bytes = sql.as_bytes();
    let (mut highest, mut quoted) = (0, false);
    for at in memchr::memchr2_iter(b'$', b'\'', bytes) {
        if bytes[at] == b'\'' {
            quoted = !quoted;
        } else if !quoted {
            let digits = bytes[at + 1..].iter().take_while(|byte| byte.is_ascii_digit());
            let number = digits.fold(0_usize, |number, digit| {
                number.saturating_mul(10).saturating_add(usize::from(digit - b'0'))
            });
            if number == 0 || number > highest + 1 {
                return false;
            }
            highest = highest.max(number);
        }
    }
    highest == count
}

fn bind_by_name(statement: &mut Statement<'_>, sql: &str, params: &[Param<'_>]) -> Result<(), Error> {
    for place in 1..=params.len() {
        let number = statement.parameter_name(place).and_then(|name| name.strip_prefix('$')?.parse().ok());
        let param = number.and_then(|number: usize| params.get(number.checked_sub(1)?));
        let Some(param) = param else {
            let count = params.len();
            let text = format!("parameters must be $1 to ${count} without holes: {}", brief(sql));
            return Err(Error::other(text));
        };
        statement.raw_bind_parameter(place, Bound(*param))?;
    }
    Ok(())
}

/// Wrong SQL is a mistake in our own text: say in which.
fn named(error: rusqlite::Error, sql: &str) -> Error {
    match Error::from(error) {
        error if error.kind() == ErrorKind::Other => Error::other(format!("{error}: {}", brief(sql))),
        error => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_keeps_a_file_from_being_opened_says_what_to_do() {
        for (code, kind, advice) in [
            (13, ErrorKind::Unavailable, "free some space"),
            (10, ErrorKind::Unavailable, "check the disk"),
            (14, ErrorKind::Unavailable, "check the owner and mode"),
            (26, ErrorKind::Damaged, "restore a backup"),
            (5, ErrorKind::Locked, "another process holds it"),
        ] {
            let error = rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(code), None);
            let told = unusable(Path::new("x.db"), &error);
            assert_eq!(told.kind(), kind);
            assert!(told.to_string().contains(advice), "{code}: {told}");
        }
    }
}
