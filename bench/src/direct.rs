//! The reference of durable creation: the very rows that the server wrote for real creations, written again
//! with fresh ids straight into SQLite, with the same schema and pragmas, by prepared statements. No HTTP, no
//! JSON, no rules. [`patches`] does the same for a PATCH.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::time::{Duration, Instant};

use rusqlite::types::Value;
use rusqlite::{Connection, OpenFlags, params_from_iter};
use uuid::Uuid;

use crate::Result;
use crate::fill;
use crate::traffic::{Target, user_key};

mod patches;

pub use patches::{Before, Patches};

/// The tables a creation writes to, each with the column that holds the user's id. Checked against what
/// really grew.
const ROWS: [(&str, &str); 4] = [
    ("users", "user_id"),
    ("directory_index", "resource_id"),
    ("audit_rows", "resource_id"),
    ("events", "resource_id"),
];
/// As the server opens its file; without a foreign key in the schema nothing else matters.
const PRAGMAS: &str = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;
    PRAGMA cache_size = -32000; PRAGMA wal_autocheckpoint = 8000; PRAGMA journal_size_limit = 67108864;
    PRAGMA mmap_size = 0; PRAGMA temp_store = MEMORY;";

/// Creations whose rows are taken.
const RECORDED: u64 = 512;

type Row = Vec<Value>;
/// What one change writes: the rows of each statement.
type Change = Vec<Vec<Row>>;

/// Rows of real creations, and a database of the same schema to write them into.
#[derive(Debug)]
pub struct Direct {
    to: Connection,
    inserts: Vec<Insert>,
    /// For each creation its user's id and key, and its rows by table.
    recorded: Vec<(String, String, Vec<Vec<Row>>)>,
    made: u64,
    seq: i64,
}

#[derive(Debug)]
struct Insert {
    sql: String,
    /// Columns that must differ from row to row besides id and key: (index, what they take).
    fresh: Vec<(usize, Fresh)>,
}

#[derive(Clone, Copy, Debug)]
enum Fresh {
    /// A number above all before: a sequence, or a time.
    Number,
    Id,
}

/// How many rows each table has.
pub type Sizes = BTreeMap<String, i64>;

fn failed(error: rusqlite::Error) -> String {
    format!("the direct reference failed in SQLite: {error}")
}

fn reading(file: &Path) -> Result<Connection> {
    Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_ONLY).map_err(failed)
}

/// The size of each table of the server's file.
fn sizes(file: &Path) -> Result<Sizes> {
    let from = reading(file)?;
    let mut statement =
        from.prepare("SELECT name FROM sqlite_master WHERE type = 'table'").map_err(failed)?;
    let names = statement.query_map([], |row| row.get::<_, String>(0)).map_err(failed)?;
    names
        .map(|name| {
            let name = name.map_err(failed)?;
            let sql = format!("SELECT count(*) FROM \"{name}\"");
            let count = from.query_row(&sql, [], |row| row.get(0)).map_err(failed)?;
            Ok((name, count))
        })
        .collect()
}

/// Exactly these tables have more rows than before.
fn check_grown(file: &Path, before: &Sizes, tables: &[&str], change: &str) -> Result<()> {
    // The provisioning log is written behind the requests, in transactions of its own.
    for (table, size) in sizes(file)?.into_iter().filter(|(table, _)| !table.starts_with("provisioning_log"))
    {
        let grown = size > before.get(&table).copied().unwrap_or_default();
        if grown != tables.contains(&table.as_str()) {
            let how = if grown { "grows with" } else { "does not grow with" };
            return Err(format!("table {table} {how} {change}: correct the list of the direct reference"));
        }
    }
    Ok(())
}

impl Direct {
    /// Makes users on a server, and takes what that wrote into its file.
    pub fn of_creations(target: &Target, file: &Path, to: &Path) -> Result<Self> {
        let before = sizes(file)?;
        let made = fill::users(target, "r", RECORDED)?;
        let keys = (0..RECORDED).map(|number| user_key("r", number));
        let created: Vec<_> = made.ids.into_iter().zip(keys).collect();
        Self::record(file, to, &before, &created)
    }

    /// Takes the schema and the rows of these creations (id, key) out of the server's file. `before`: its
    /// sizes before the creations.
    fn record(from: &Path, to: &Path, before: &Sizes, created: &[(String, String)]) -> Result<Self> {
        check_grown(from, before, &ROWS.map(|(table, _)| table), "a creation")?;
        let source = reading(from)?;
        let target = Connection::open(to).map_err(failed)?;
        target.execute_batch(PRAGMAS).map_err(failed)?;
        copy_schema(&source, &target)?;
        let mut recorded: Vec<_> =
            created.iter().map(|(id, key)| (id.clone(), key.clone(), vec![Vec::new(); ROWS.len()])).collect();
        let mut inserts = Vec::new();
        for (at, (table, key)) in ROWS.iter().enumerate() {
            let columns = columns(&source, table)?;
            let mut by_id = rows_by(&source, table, key, columns.len())?;
            for (id, _, rows) in &mut recorded {
                rows[at] =
                    by_id.remove(id).ok_or_else(|| format!("the creation of {id} left no row in {table}"))?;
            }
            inserts.push(Insert::new(table, &columns));
        }
        Ok(Self { to: target, inserts, recorded, made: 0, seq: 1 << 40 })
    }

    /// Writes creations for about `time`, `batch` in each durable transaction; answers creations in a second.
    /// The rows are made before the clock starts.
    pub fn rate(&mut self, batch: usize, most: usize, time: Duration) -> Result<f64> {
        let ready: Vec<Change> = (0..most).map(|_| self.fresh()).collect();
        let statements: Vec<&str> = self.inserts.iter().map(|insert| insert.sql.as_str()).collect();
        write(&self.to, &statements, &ready, (batch, time))
    }

    /// The rows of the next creation.
    fn fresh(&mut self) -> Change {
        let count = self.recorded.len().max(1) as u64;
        let (id, key, rows) = &self.recorded[usize::try_from(self.made % count).unwrap_or_default()];
        let (next_id, next_key) = (Uuid::now_v7().to_string(), user_key("z", self.made));
        self.made += 1;
        let mut made = Vec::with_capacity(rows.len());
        for (insert, rows) in self.inserts.iter().zip(rows) {
            let mut copies: Vec<Row> = Vec::with_capacity(rows.len());
            for row in rows {
                let copy = row.iter().map(|cell| renamed(cell, (id, &next_id), (key, &next_key))).collect();
                self.seq += 1;
                copies.push(insert.renewed(copy, self.seq));
            }
            made.push(copies);
        }
        made
    }
}

impl Insert {
    fn new(table: &str, columns: &[String]) -> Self {
        let places: Vec<String> = (1..=columns.len()).map(|at| format!("?{at}")).collect();
        let sql = format!("INSERT INTO {table} ({}) VALUES ({})", columns.join(", "), places.join(", "));
        let fresh = columns.iter().enumerate().filter_map(|(at, column)| match column.as_str() {
            "seq" | "at" => Some((at, Fresh::Number)),
            "audit_id" => Some((at, Fresh::Id)),
            _ => None,
        });
        Self { fresh: fresh.collect(), sql }
    }

    /// The row with what must differ from all before.
    fn renewed(&self, mut row: Row, number: i64) -> Row {
        for (at, fresh) in &self.fresh {
            row[*at] = match fresh {
                Fresh::Number => Value::Integer(number),
                Fresh::Id => Value::Text(Uuid::new_v4().to_string()),
            };
        }
        row
    }
}

/// Writes changes for about that time, so many in each durable transaction; answers changes in a second.
#[expect(clippy::cast_precision_loss, reason = "counts of a benchmark are far below 2^52")]
fn write(
    to: &Connection,
    statements: &[&str],
    ready: &[Change],
    (batch, time): (usize, Duration),
) -> Result<f64> {
    let mut statements =
        statements.iter().map(|sql| to.prepare(sql).map_err(failed)).collect::<Result<Vec<_>>>()?;
    // As the server does: once for all changes that share a commit.
    let account = "UPDATE accounts SET seq = seq + ?2 WHERE account_id = ?1";
    let mut account = to.prepare(account).map_err(failed)?;
    let mut begin = to.prepare("BEGIN IMMEDIATE").map_err(failed)?;
    let mut commit = to.prepare("COMMIT").map_err(failed)?;
    let (start, mut written) = (Instant::now(), 0);
    for changes in ready.chunks(batch) {
        begin.execute([]).map_err(failed)?;
        for (statement, rows) in changes.iter().flat_map(|change| (0..).zip(change)) {
            for row in rows {
                if statements[statement].execute(params_from_iter(row)).map_err(failed)? != 1 {
                    return Err("the direct reference wrote no row".into());
                }
            }
        }
        let count = i64::try_from(changes.len()).unwrap_or(i64::MAX);
        if account.execute((crate::server::ACCOUNT, count)).map_err(failed)? != 1 {
            return Err("the direct reference has no account row".into());
        }
        commit.execute([]).map_err(failed)?;
        written += changes.len();
        if start.elapsed() >= time {
            break;
        }
    }
    Ok(written as f64 / start.elapsed().as_secs_f64())
}

/// A cell with the id and the key replaced, wherever they stand in its text.
fn renamed(cell: &Value, id: (&String, &String), key: (&String, &String)) -> Value {
    match cell {
        Value::Text(text) => Value::Text(text.replace(id.0.as_str(), id.1).replace(key.0.as_str(), key.1)),
        other => other.clone(),
    }
}

fn copy_schema(source: &Connection, target: &Connection) -> Result<()> {
    let sql =
        "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%' ORDER BY rowid";
    let mut statement = source.prepare(sql).map_err(failed)?;
    let texts = statement.query_map([], |row| row.get::<_, String>(0)).map_err(failed)?;
    for text in texts {
        target.execute_batch(&text.map_err(failed)?).map_err(failed)?;
    }
    let columns = columns(source, "accounts")?;
    let insert = Insert::new("accounts", &columns);
    for rows in rows_by(source, "accounts", "account_id", columns.len())?.into_values() {
        for row in rows {
            target.execute(&insert.sql, params_from_iter(row)).map_err(failed)?;
        }
    }
    Ok(())
}

fn columns(source: &Connection, table: &str) -> Result<Vec<String>> {
    let statement = source.prepare(&format!("SELECT * FROM {table}")).map_err(failed)?;
    Ok(statement.column_names().map(str::to_owned).collect())
}

/// All rows of a table by the text of one column.
fn rows_by(source: &Connection, table: &str, key: &str, columns: usize) -> Result<HashMap<String, Vec<Row>>> {
    let mut statement = source.prepare(&format!("SELECT {key}, * FROM {table}")).map_err(failed)?;
    let mut rows = statement.query([]).map_err(failed)?;
    let mut found: HashMap<String, Vec<Row>> = HashMap::new();
    while let Some(row) = rows.next().map_err(failed)? {
        let cells = (1..=columns).map(|at| row.get(at)).collect::<rusqlite::Result<Row>>().map_err(failed)?;
        found.entry(row.get(0).map_err(failed)?).or_default().push(cells);
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server_file(path: &Path) -> Connection {
        let db = Connection::open(path).unwrap();
        db.execute_batch(
            "CREATE TABLE accounts (account_id TEXT PRIMARY KEY, seq INTEGER);
             CREATE TABLE users (user_id TEXT PRIMARY KEY, user_name TEXT UNIQUE);
             CREATE TABLE directory_index (value_key TEXT, resource_id TEXT);
             CREATE TABLE audit_rows (audit_id TEXT PRIMARY KEY, resource_id TEXT);
             CREATE TABLE events (seq INTEGER PRIMARY KEY, resource_id TEXT);
             INSERT INTO accounts VALUES ('bench', 0);",
        )
        .unwrap();
        db
    }

    #[test]
    fn recorded_rows_are_written_again_under_fresh_ids() {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("from.db"), folder.path().join("to.db"));
        let db = server_file(&from);
        let before = sizes(&from).unwrap();
        db.execute_batch(
            "INSERT INTO users VALUES ('id-1', 'key-1'); INSERT INTO directory_index VALUES ('key-1', 'id-1');
             INSERT INTO directory_index VALUES ('b', 'id-1'); INSERT INTO audit_rows VALUES ('a', 'id-1');
             INSERT INTO events VALUES (1, 'id-1');",
        )
        .unwrap();
        let created = [("id-1".to_owned(), "key-1".to_owned())];
        let mut direct = Direct::record(&from, &to, &before, &created).unwrap();
        assert!(direct.rate(4, 10, Duration::from_secs(5)).unwrap() > 0.0);
        let written = sizes(&to).unwrap();
        assert_eq!((written["users"], written["directory_index"], written["events"]), (10, 20, 10));
        let seq: i64 = direct.to.query_row("SELECT seq FROM accounts", [], |row| row.get(0)).unwrap();
        assert_eq!(seq, 10);
    }

    #[test]
    fn a_table_that_nobody_knows_of_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("from.db"), folder.path().join("to.db"));
        let db = server_file(&from);
        let before = sizes(&from).unwrap();
        db.execute_batch("CREATE TABLE more (x TEXT); INSERT INTO more VALUES ('id-1');").unwrap();
        let error = Direct::record(&from, &to, &before, &[]).unwrap_err();
        assert!(error.contains("grow"), "{error}");
    }
}
