//! The migration runner: numbered steps, forward only, each in one transaction with its record. It never
//! undoes a step and never runs one whose text was changed after it was applied.
//!
//! Steps are SQL scripts with type words: `{text}`, `{int}`, `{bool}`, `{bytes}`, and `{narrow}` after the
//! closing parenthesis of a table whose rows live in the primary key's tree. `{sqlite}` before a statement of
//! one line keeps it from PostgreSQL.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};

use crate::lanes::{CommitFault, Writer};
use crate::{Engine, Error, ErrorKind, Tx, params};

/// One step of the schema's history.
#[derive(Clone, Copy, Debug)]
pub struct Migration {
    /// Its number; steps are given in rising order.
    pub version: u32,
    /// A short name for logs and error messages.
    pub name: &'static str,
    /// Statements, separated by `;`. Must never change once released.
    pub sql: &'static str,
}

impl Migration {
    /// The tables that it makes.
    pub fn tables(&self) -> impl Iterator<Item = &'static str> {
        self.sql.split("CREATE TABLE ").skip(1).filter_map(|rest| rest.split_whitespace().next())
    }
}

/// What [`crate::Db::migrate`] did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MigrateReport {
    /// The steps applied now, in order.
    pub applied: Vec<u32>,
    /// The version the database has now; 0 when there are no steps at all.
    pub version: u32,
}

const TABLES: &str = "
    CREATE TABLE IF NOT EXISTS schema_steps (
        version {int} NOT NULL PRIMARY KEY, name {text} NOT NULL, checksum {text} NOT NULL,
        applied_at {int} NOT NULL);
    CREATE TABLE IF NOT EXISTS schema_lease (
        id {int} NOT NULL PRIMARY KEY, holder {text} NOT NULL, expires_at {int} NOT NULL);";

/// A crashed migration blocks the next one for this long at most. A running step is not bound by it: its
/// transaction holds the lease row itself.
const LEASE_MICROS: i64 = 15_000_000;
const PATIENCE: Duration = Duration::from_mins(2);

/// Applies what is missing.
pub(crate) fn migrate(
    writer: &mut impl Writer,
    engine: Engine,
    steps: &[Migration],
) -> Result<MigrateReport, Error> {
    check_order(steps)?;
    run(writer, engine, steps).map_err(|error| match error.kind() {
        ErrorKind::Denied => {
            let text = format!(
                "the schema needs migrations that this role may not make ({error}): run `muster migrate` with a \
                 role that may, or grant this one CREATE on the schema and the ownership of its tables"
            );
            Error::new(ErrorKind::Denied, text)
        }
        _ => error,
    })
}

fn run(writer: &mut impl Writer, engine: Engine, steps: &[Migration]) -> Result<MigrateReport, Error> {
    create_tables(writer, engine)?;
    let holder = format!("{:032x}", rand::random::<u128>());
    acquire(writer, engine, &holder)?;
    let done = apply(writer, engine, steps, &holder);
    let released = in_tx(writer, |writer| {
        writer.tx().exec("DELETE FROM schema_lease WHERE holder = $1", params![&holder]).map(|_| ())
    });
    let applied = done?;
    released?;
    Ok(MigrateReport { applied, version: latest(steps) })
}

/// Counts what is missing, without changing anything.
pub(crate) fn pending(tx: &mut Tx<'_>, engine: Engine, steps: &[Migration]) -> Result<usize, Error> {
    check_order(steps)?;
    let exists = match engine {
        Engine::Sqlite => "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = 'schema_steps'",
        Engine::Postgres => "SELECT CAST(to_regclass('schema_steps') IS NOT NULL AS INTEGER)",
    };
    if tx.query_one(exists, &[], |row| row.get::<i64>(0))? == 0 {
        return Ok(steps.len());
    }
    Ok(missing(&recorded(tx)?, steps)?.len())
}

/// What is done where nothing is missing.
pub(crate) fn nothing(steps: &[Migration]) -> MigrateReport {
    MigrateReport { applied: Vec::new(), version: latest(steps) }
}

fn check_order(steps: &[Migration]) -> Result<(), Error> {
    if steps.is_sorted_by(|a, b| a.version < b.version) {
        return Ok(());
    }
    Err(Error::other("the migration steps are not in rising order: renumber them"))
}

fn latest(steps: &[Migration]) -> u32 {
    steps.last().map_or(0, |step| step.version)
}

fn create_tables(writer: &mut impl Writer, engine: Engine) -> Result<(), Error> {
    let script = expand(TABLES, engine);
    // Two processes that both find no table: one loses in PostgreSQL's catalogue and finds it the next time.
    let mut tries = 1;
    loop {
        match in_tx(writer, |writer| writer.script(&script)) {
            Err(error) if tries < 40 && matches!(error.kind(), ErrorKind::Unique | ErrorKind::Retry) => {
                std::thread::sleep(Duration::from_millis(50));
                tries += 1;
            }
            done => return done,
        }
    }
}

type Recorded = BTreeMap<u32, String>;

fn recorded(tx: &mut Tx<'_>) -> Result<Recorded, Error> {
    let ask = "SELECT version, checksum FROM schema_steps ORDER BY version";
    Ok(tx.query(ask, &[], |row| Ok((row.get(0)?, row.get(1)?)))?.into_iter().collect())
}

fn missing<'s>(recorded: &Recorded, steps: &'s [Migration]) -> Result<Vec<&'s Migration>, Error> {
    if let Some((&newest, _)) = recorded.last_key_value()
        && newest > latest(steps)
    {
        let known = latest(steps);
        return Err(Error::new(
            ErrorKind::NewerSchema,
            format!(
                "the database has schema version {newest}, this release knows {known}: \
                 run the newer release, or restore a backup from before its migration"
            ),
        ));
    }
    let mut missing = Vec::new();
    for step in steps {
        match recorded.get(&step.version) {
            None => missing.push(step),
            Some(found) if *found == checksum(step) => {}
            Some(_) => {
                let Migration { version, name, .. } = step;
                return Err(Error::other(format!(
                    "migration {version} ({name}) was changed after it was applied: \
                     restore its text and write a new step instead"
                )));
            }
        }
    }
    Ok(missing)
}

fn checksum(step: &Migration) -> String {
    Sha256::digest(step.sql.as_bytes()).iter().fold(String::new(), |mut hex, byte| {
        write!(hex, "{byte:02x}").expect("writing to a String cannot fail");
        hex
    })
}

/// Takes the lease row, waiting for another process that migrates right now.
fn acquire(writer: &mut impl Writer, engine: Engine, holder: &str) -> Result<(), Error> {
    let now = now_micros(engine);
    let take = format!(
        "INSERT INTO schema_lease (id, holder, expires_at) VALUES (1, $1, {now} + $2)
         ON CONFLICT (id) DO UPDATE SET holder = excluded.holder, expires_at = excluded.expires_at
         WHERE schema_lease.expires_at < {now}"
    );
    let start = Instant::now();
    loop {
        let taken = in_tx(writer, |writer| writer.tx().exec(&take, params![holder, LEASE_MICROS]));
        match taken {
            Ok(1) => return Ok(()),
            Ok(_) => {}
            Err(error) if error.is_retryable() => {}
            Err(error) => return Err(error),
        }
        if start.elapsed() > PATIENCE {
            return Err(Error::new(
                ErrorKind::Locked,
                "another process is migrating this database and does not finish: stop it, then try again",
            ));
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

fn apply(
    writer: &mut impl Writer,
    engine: Engine,
    steps: &[Migration],
    holder: &str,
) -> Result<Vec<u32>, Error> {
    let now = now_micros(engine);
    let renew = format!("UPDATE schema_lease SET expires_at = {now} + $2 WHERE id = 1 AND holder = $1");
    let record =
        format!("INSERT INTO schema_steps (version, name, checksum, applied_at) VALUES ($1, $2, $3, {now})");
    let mut applied = Vec::new();
    // Read again: whoever held the lease before may have done the work.
    for step in missing(&in_tx(writer, |writer| recorded(&mut writer.tx()))?, steps)? {
        let script = expand(step.sql, engine);
        in_tx(writer, |writer| {
            if writer.tx().exec(&renew, params![holder, LEASE_MICROS])? == 0 {
                return Err(Error::new(
                    ErrorKind::Locked,
                    "another process took over the migration; try again when it is done",
                ));
            }
            writer.script(&script)?;
            let checksum = checksum(step);
            writer.tx().exec(&record, params![step.version, step.name, &checksum]).map(|_| ())
        })
        .map_err(|error| failed(step, &error))?;
        tracing::info!(version = step.version, name = step.name, "migrated");
        applied.push(step.version);
    }
    Ok(applied)
}

/// Writes a row that says nothing, beside the lease.
pub(crate) fn probe(tx: &mut Tx<'_>) -> Result<(), Error> {
    let write = "INSERT INTO schema_lease (id, holder, expires_at) VALUES (2, 'probe', 0)
        ON CONFLICT (id) DO UPDATE SET expires_at = 0";
    tx.exec(write, &[]).map(|_| ())
}

/// Has the role every right on the tables of these steps that a server needs? On PostgreSQL; on SQLite there
/// are none.
pub(crate) fn has_rights(tx: &mut Tx<'_>, steps: &[Migration]) -> Result<bool, Error> {
    let all = "SELECT count(*) FROM pg_catalog.pg_class t
        WHERE t.relkind IN ('r', 'p') AND pg_catalog.pg_table_is_visible(t.oid)
          AND position(' ' || t.relname || ' ' IN $1) > 0
          AND NOT (has_table_privilege(t.oid, 'SELECT') AND has_table_privilege(t.oid, 'INSERT')
            AND has_table_privilege(t.oid, 'UPDATE') AND has_table_privilege(t.oid, 'DELETE'))";
    // Tables of a schema that may not be used are not seen at all.
    let seen = "SELECT CAST(to_regclass('schema_steps') IS NOT NULL AS INTEGER)";
    let names = steps.iter().flat_map(Migration::tables);
    let names = names.fold(String::from(" "), |all, name| all + name + " ");
    let lacking: i64 = tx.query_one(all, params![&names], |row| row.get(0))?;
    Ok(lacking == 0 && tx.query_one(seen, &[], |row| row.get::<i64>(0))? == 1)
}

fn failed(step: &Migration, error: &Error) -> Error {
    let Migration { version, name, .. } = step;
    let text = format!("migration {version} ({name}) failed and left no trace: {error}");
    Error::new(error.kind(), text)
}

fn in_tx<W: Writer, T>(writer: &mut W, work: impl FnOnce(&mut W) -> Result<T, Error>) -> Result<T, Error> {
    let start = Instant::now();
    // On SQLite a step of another process keeps the whole file.
    while let Err(error) = writer.begin() {
        if !error.is_retryable() || start.elapsed() > PATIENCE {
            return Err(error);
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    let result = work(writer);
    if result.is_err() {
        writer.rollback();
        return result;
    }
    writer.commit().map_err(|fault| match fault {
        CommitFault::Refused(error) | CommitFault::Again(error) | CommitFault::Broken(error) => error,
    })?;
    result
}

/// The database's own clock: the lease is between processes that may run on several machines.
fn now_micros(engine: Engine) -> &'static str {
    match engine {
        Engine::Sqlite => "(unixepoch() * 1000000)",
        Engine::Postgres => "CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS BIGINT)",
    }
}

/// Writes the engine's own types for the type words.
pub(crate) fn expand(sql: &str, engine: Engine) -> String {
    let words = match engine {
        Engine::Sqlite => ["TEXT", "INTEGER", "INTEGER", "BLOB", "WITHOUT ROWID", ""],
        Engine::Postgres => ["TEXT COLLATE \"C\"", "BIGINT", "BOOLEAN", "BYTEA", "", "--"],
    };
    ["{text}", "{int}", "{bool}", "{bytes}", "{narrow}", "{sqlite}"]
        .iter()
        .zip(words)
        .fold(sql.to_owned(), |sql, (word, own)| sql.replace(word, own))
}
