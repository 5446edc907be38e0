//! The rows of a PATCH: what the server changed and wrote for real ones, done again to a copy of its file.

use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;

use rusqlite::Connection;
use rusqlite::types::Value;

use super::{
    Change, Insert, PRAGMAS, Row, Sizes, check_grown, columns, failed, reading, rows_by, sizes, write,
};
use crate::Result;

/// The tables that a PATCH adds a row to.
const GROWS: [&str; 2] = ["audit_rows", "events"];

/// What the users' rows are before they are changed.
#[derive(Debug)]
pub struct Before {
    users: HashMap<String, Vec<Row>>,
    sizes: Sizes,
}

/// Users in two states, and the database in which they go from one to the other and back.
#[derive(Debug)]
pub struct Patches {
    to: Connection,
    update: String,
    inserts: Vec<Insert>,
    people: Vec<Person>,
    made: usize,
    clock: i64,
}

#[derive(Debug)]
struct Person {
    id: String,
    /// The columns that change, after the first PATCH and after the second.
    states: [Row; 2],
    /// What is written beside it, by table.
    beside: Vec<Row>,
}

impl Before {
    pub fn read(file: &Path) -> Result<Self> {
        let from = reading(file)?;
        let width = columns(&from, "users")?.len();
        Ok(Self { users: rows_by(&from, "users", "user_id", width)?, sizes: sizes(file)? })
    }
}

impl Patches {
    /// Takes what a PATCH of each of these users left in the server's file, and a copy of that file.
    pub fn record(from: &Path, to: &Path, before: &Before, ids: &[String]) -> Result<Self> {
        check_grown(from, &before.sizes, &GROWS, "a PATCH")?;
        let source = reading(from)?;
        source.execute("VACUUM INTO ?1", [to.display().to_string()]).map_err(failed)?;
        let target = Connection::open(to).map_err(failed)?;
        target.execute_batch(PRAGMAS).map_err(failed)?;
        let names = columns(&source, "users")?;
        let mut after = rows_by(&source, "users", "user_id", names.len())?;
        let mut beside = Vec::new();
        for table in GROWS {
            let names = columns(&source, table)?;
            beside.push((Insert::new(table, &names), rows_by(&source, table, "resource_id", names.len())?));
        }
        let mut changed: Option<Vec<usize>> = None;
        let mut people = Vec::with_capacity(ids.len());
        for id in ids {
            let missing = || format!("the PATCH of {id} left no trace");
            let old = before.users.get(id).and_then(|rows| rows.first()).ok_or_else(missing)?;
            let new = after.remove(id).and_then(|rows| rows.into_iter().next()).ok_or_else(missing)?;
            let places = changed.get_or_insert_with(|| differing(&names, old, &new));
            let pick = |row: &Row| places.iter().map(|at| row[*at].clone()).collect::<Row>();
            // The newest of a user are those of its PATCH.
            let last = beside.iter_mut().map(|(_, rows)| rows.get_mut(id).and_then(Vec::pop));
            let beside = last.collect::<Option<_>>().ok_or_else(missing)?;
            people.push(Person { id: id.clone(), states: [pick(old), pick(&new)], beside });
        }
        let changed: Vec<&str> =
            changed.unwrap_or_default().into_iter().map(|at| names[at].as_str()).collect();
        Ok(Self {
            to: target,
            update: update(&changed),
            inserts: beside.into_iter().map(|(insert, _)| insert).collect(),
            people,
            made: 0,
            clock: 1 << 52,
        })
    }

    /// Changes users for about `time`, `batch` in each durable transaction; answers changes in a second. The
    /// values are made before the clock starts.
    pub fn rate(&mut self, batch: usize, most: usize, time: Duration) -> Result<f64> {
        let ready: Vec<Change> = (0..most).map(|_| self.fresh()).collect();
        let mut statements = vec![self.update.as_str()];
        statements.extend(self.inserts.iter().map(|insert| insert.sql.as_str()));
        write(&self.to, &statements, &ready, (batch, time))
    }

    /// The values of the next PATCH: later than all before.
    fn fresh(&mut self) -> Change {
        let (pass, at) = (self.made / self.people.len(), self.made % self.people.len());
        self.made += 1;
        self.clock += 1_000;
        let person = &self.people[at];
        let state = &person.states[pass % 2];
        let mut user = vec![Value::Text(person.id.clone()), Value::Integer(self.clock)];
        user.extend(state.iter().cloned());
        let mut change = vec![vec![user]];
        for (insert, row) in self.inserts.iter().zip(&person.beside) {
            change.push(vec![insert.renewed(row.clone(), self.clock)]);
        }
        change
    }
}

/// Where two rows of a user differ, but for what every change counts on.
fn differing(names: &[String], old: &Row, new: &Row) -> Vec<usize> {
    let counted = |at: usize| ["version", "updated_at"].contains(&names[at].as_str());
    (0..names.len()).filter(|at| old[*at] != new[*at] && !counted(*at)).collect()
}

/// Sets the time, the version and these columns of a user: parameters are id, time and their values.
fn update(changed: &[&str]) -> String {
    let sets = changed.iter().zip(3..).map(|(column, place)| format!(", {column} = ?{place}"));
    format!(
        "UPDATE users SET updated_at = ?2, version = version + 1{} WHERE account_id = '{}' AND user_id = ?1",
        sets.collect::<String>(),
        crate::server::ACCOUNT
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_go_from_one_state_to_the_other_and_back() {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("from.db"), folder.path().join("to.db"));
        let db = Connection::open(&from).unwrap();
        db.execute_batch(
            "CREATE TABLE accounts (account_id TEXT PRIMARY KEY, seq INTEGER);
             CREATE TABLE users (account_id TEXT, user_id TEXT PRIMARY KEY, active INTEGER, version INTEGER,
                 updated_at INTEGER);
             CREATE TABLE audit_rows (at INTEGER, audit_id TEXT PRIMARY KEY, resource_id TEXT);
             CREATE TABLE events (seq INTEGER PRIMARY KEY, at INTEGER, resource_id TEXT);
             INSERT INTO accounts VALUES ('bench', 0); INSERT INTO users VALUES ('bench', 'id-1', 1, 1, 5);",
        )
        .unwrap();
        let before = Before::read(&from).unwrap();
        let ids = ["id-1".to_owned()];
        let error = Patches::record(&from, &to, &before, &ids).unwrap_err();
        assert!(error.contains("audit_rows"), "{error}");
        db.execute_batch(
            "UPDATE users SET active = 0, version = 2, updated_at = 6;
             INSERT INTO audit_rows VALUES (6, 'a', 'id-1'); INSERT INTO events VALUES (1, 6, 'id-1');",
        )
        .unwrap();
        let mut patches = Patches::record(&from, &to, &before, &ids).unwrap();
        assert!(patches.rate(4, 7, Duration::from_secs(5)).unwrap() > 0.0);
        let sql =
            "SELECT active, version, (SELECT count(*) FROM events), (SELECT seq FROM accounts) FROM users";
        let found: [i64; 4] = patches
            .to
            .query_row(sql, [], |row| Ok([row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?]))
            .unwrap();
        // The first change is back to what it was before the PATCH.
        assert_eq!(found, [1, 9, 8, 7]);
    }
}
