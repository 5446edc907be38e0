//! Opening the database as the options say, and the one question that only the engine itself can answer.

use std::fs::{self, File, TryLockError};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use db::{Db, Migration, Options, Tx};

use super::exit::{Exit, Failure};
use crate::app::{LOG_FILE, open_log};
use crate::config::{Config, Place};
use crate::migrations::STEPS;

const FILE: &str = "muster.db";
const HOLDER: &str = "serve.lock";
const SETUP_CODE: &str = "setup-code";
const INTEGRITY: &str = "PRAGMA integrity_check";

/// The SQLite file of a data directory.
pub fn file(folder: &Path) -> PathBuf {
    folder.join(FILE)
}

/// Where the set-up code lies: beside a SQLite file. With PostgreSQL there is no directory of ours.
pub fn setup_file(config: &Config) -> Option<PathBuf> {
    match &config.place {
        Place::Folder(folder) => Some(folder.join(SETUP_CODE)),
        Place::Postgres(_) => None,
    }
}

/// For a command that makes none: refuses a data directory without a database.
pub fn is_there(config: &Config) -> Result<(), Failure> {
    let Place::Folder(folder) = &config.place else { return Ok(()) };
    if file(folder).is_file() {
        return Ok(());
    }
    let text = format!(
        "there is no database in {}: correct {}, or make one with `muster bootstrap` or `muster serve`",
        folder.display(),
        config.place_to_change()
    );
    Err(Failure::new(Exit::Unavailable, text))
}

/// Opens the database. Not to be called from async code: opening waits.
pub fn open(config: &Config) -> Result<Db, Failure> {
    let options = match &config.place {
        Place::Folder(folder) => {
            check_beside(folder)?;
            Options::sqlite(file(folder))
        }
        Place::Postgres(url) => Options::postgres_with(url.expose(), config.database_connections),
    };
    Db::open(options).map_err(|error| {
        Failure::new(Exit::Unavailable, format!("{error} (set by {})", config.place_named()))
    })
}

/// As `open`, with the whole schema: brought up to date here or, with auto-migrate off, by `muster migrate`.
pub fn open_whole(config: &Config) -> Result<Db, Failure> {
    let db = open(config)?;
    if config.auto_migrate {
        db.migrate(STEPS)?;
    } else if db.pending(STEPS)? > 0 {
        let text = "migrations are pending and auto-migrate is off: run `muster migrate` first";
        return Err(Failure::new(Exit::Schema, text));
    }
    Ok(db)
}

/// Holds the data directory for this server as long as the value lives, the process's end by any signal
/// included. The directory itself is locked: a lock on a file in it holds nobody off once that is deleted,
/// and SQLite's own on the database would end with any descriptor of that.
///
/// Only `muster serve` asks for it. Other commands work beside a running server.
pub fn hold(config: &Config) -> Result<Option<File>, Failure> {
    let Place::Folder(folder) = &config.place else { return Ok(None) };
    let directory = File::open(folder).map_err(|error| {
        let (folder, named) = (folder.display(), config.place_named());
        let text = format!("the data directory {folder} cannot be opened: {error} (set by {named})");
        Failure::new(Exit::Unavailable, text)
    })?;
    match lock(&directory) {
        Ok(()) => {
            if let Err(error) = leave_note(folder) {
                tracing::debug!(%error, "the process's id is not in {HOLDER}");
            }
        }
        Err(TryLockError::WouldBlock) => {
            let (holder, _) = read_note(folder);
            let (folder, named) = (folder.display(), config.place_to_change());
            let text =
                format!("{holder} serves {folder} already: stop it first, or choose another one by {named}");
            return Err(Failure::new(Exit::Unavailable, text));
        }
        Err(TryLockError::Error(error)) => {
            tracing::warn!(%error, "no locks on this file system: start no second server on the data directory");
        }
    }
    Ok(Some(directory))
}

/// Locks the directory. A command that only asks whether it is served has it for a moment.
fn lock(directory: &File) -> Result<(), TryLockError> {
    for _ in 0..10 {
        match directory.try_lock() {
            Err(TryLockError::WouldBlock) => thread::sleep(Duration::from_millis(10)),
            done => return done,
        }
    }
    directory.try_lock()
}

/// Which process holds the directory and which files it has open, for whoever comes second.
fn leave_note(folder: &Path) -> io::Result<()> {
    let path = folder.join(HOLDER);
    let mut note = File::options().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    let files = db::files(&file(folder)).map(|path| identity(&path));
    write!(note, "{}\n{}\n", std::process::id(), files.join(" "))
}

/// The holder in words, and the identities of its files as far as it says them.
fn read_note(folder: &Path) -> (String, Vec<String>) {
    let note = fs::read_to_string(folder.join(HOLDER)).unwrap_or_default();
    let mut lines = note.lines().filter(|line| !line.is_empty());
    let holder = lines.next().map_or_else(|| "another process".to_owned(), |pid| format!("process {pid}"));
    (holder, lines.next().unwrap_or_default().split(' ').map(str::to_owned).collect())
}

/// What tells the file from another one at its path, as it stands in the note.
fn identity(path: &Path) -> String {
    db::file_identity(path).map_or_else(|| "-".to_owned(), |(device, inode)| format!("{device}:{inode}"))
}

/// Refuses a file that was put in the place of one that a running server has open, or that is missing there:
/// SQLite would bring the server's log into another database, or delete it, or empty it under a server whose
/// index of it says otherwise.
fn check_beside(folder: &Path) -> Result<(), Failure> {
    let (holder, opened) = read_note(folder);
    let files = db::files(&file(folder));
    let is_other = |(path, opened): &(&PathBuf, &String)| opened.contains(':') && **opened != identity(path);
    let Some((path, _)) = files.iter().zip(&opened).find(is_other) else { return Ok(()) };
    let is_served = File::open(folder)
        .is_ok_and(|directory| matches!(directory.try_lock_shared(), Err(TryLockError::WouldBlock)));
    if !is_served {
        return Ok(());
    }
    let text = format!(
        "{} is not the file that {holder} has open: put that one back, or stop the server first",
        path.display()
    );
    Err(Failure::new(Exit::Unavailable, text))
}

/// The provisioning log's own file, where there is one.
pub fn log(config: &Config, db: &Db) -> Result<Option<Db>, Failure> {
    match &config.place {
        Place::Folder(folder) if folder.join(LOG_FILE).is_file() => {
            open_log(db).map(Some).map_err(|text| Failure::new(Exit::Unavailable, text))
        }
        _ => Ok(None),
    }
}

/// The first table that is not there although its step was made, or that may not be read. No step takes one
/// away for good.
pub async fn unreadable(db: &Db) -> Option<(&'static str, db::Error)> {
    for table in STEPS.iter().flat_map(Migration::tables) {
        let sql = format!("SELECT 1 FROM {table} LIMIT 1");
        let look = move |tx: &mut Tx<'_>| tx.query_opt(&sql, &[], |row| row.get::<i64>(0));
        if let Err(error) = db.house().read::<_, db::Error>("check.table", look).await {
            return Some((table, error));
        }
    }
    None
}

/// What SQLite finds wrong in its own file; nothing for PostgreSQL, which has its own tools.
pub async fn damage(db: &Db) -> Vec<String> {
    if db.engine() == db::Engine::Postgres {
        return Vec::new();
    }
    let lines =
        db.house().read("check.integrity", |tx| tx.query(INTEGRITY, &[], |row| row.get::<String>(0))).await;
    match lines {
        Ok(lines) => lines.into_iter().filter(|line| line != "ok").collect(),
        Err(error) => vec![db::Error::to_string(&error)],
    }
}
