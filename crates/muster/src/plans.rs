//! For unit tests of stores: how SQLite goes about a statement, with the schema as it is and the statistics
//! that come with it. Never part of the program.

use rusqlite::Connection;

/// The steps of SQLite's plan, in order.
pub fn plan(sql: &str) -> Vec<String> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("plan.db");
    let db = db::Db::open(db::Options::sqlite(&file)).expect("the database opens");
    db.migrate(crate::migrations::STEPS).expect("migrations run");
    let file = Connection::open(&file).expect("the file is there");
    let mut statement = file.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).expect("the statement is SQL");
    let mut rows = statement.raw_query();
    let mut steps = Vec::new();
    while let Some(row) = rows.next().expect("a plan can be read") {
        steps.push(row.get(3).expect("a step is text"));
    }
    steps
}

/// Whether a step goes through a whole table, or through all that an account has in it.
pub fn goes_through(step: &str) -> bool {
    let of_cte = ["SCAN down", "SCAN CONSTANT ROW"].iter().any(|small| step.starts_with(small));
    (step.starts_with("SCAN ") && !of_cte) || step.ends_with("(account_id=?)")
}
