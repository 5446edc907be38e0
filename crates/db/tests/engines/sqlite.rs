//! What is special to SQLite: its file, and other processes at it.
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use db::testing::sqlite;
use db::{Db, Error, Migration, Options, Target, params};

use super::gate::Gate;

fn path(options: &Options) -> std::path::PathBuf {
    match &options.target {
        Target::Sqlite { path } => path.clone(),
        Target::Postgres { .. } => unreachable!("this file is about SQLite"),
    }
}

#[tokio::test]
async fn nobody_else_may_read_the_files() {
    let options = sqlite();
    let path = path(&options);
    let db = Db::open(options).unwrap();
    db.write("w", "a", |tx| tx.exec("CREATE TABLE t (id TEXT)", &[])).await.unwrap();
    let mode = |path: &std::path::Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(path.parent().unwrap()), 0o700);
    assert_eq!(mode(&path), 0o600);
    assert_eq!(mode(&path.with_extension("db-wal")), 0o600);
    db.close().await;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    Db::open(Options::sqlite(&path)).unwrap();
    assert_eq!(mode(&path), 0o600);
}

#[tokio::test]
async fn every_commit_is_synced_to_a_write_ahead_log() {
    let db = Db::open(sqlite()).unwrap();
    let found: Result<(String, i64, i64), Error> = db
        .write("pragmas", "a", |tx| {
            let journal = tx.query_one("PRAGMA journal_mode", &[], |row| row.get(0))?;
            let synchronous = tx.query_one("PRAGMA synchronous", &[], |row| row.get(0))?;
            Ok((journal, synchronous, tx.query_one("PRAGMA foreign_keys", &[], |row| row.get(0))?))
        })
        .await;
    assert_eq!(found.unwrap(), ("wal".to_owned(), 2, 1));
}

#[tokio::test]
async fn a_file_beside_is_whole_but_not_synced() {
    let options = sqlite();
    let file = path(&options).with_file_name("beside.db");
    let db = Db::open(options).unwrap();
    let steps = [Migration { version: 1, name: "t", sql: "CREATE TABLE t (id {int} NOT NULL)" }];
    let beside = db.beside("beside.db", &steps).unwrap();
    let found: Result<(String, i64, i64), Error> = beside
        .write_aside("pragmas", |tx| {
            tx.put("INSERT INTO t (id) VALUES (1)", &[])?;
            let journal = tx.query_one("PRAGMA journal_mode", &[], |row| row.get(0))?;
            let synchronous = tx.query_one("PRAGMA synchronous", &[], |row| row.get(0))?;
            Ok((journal, synchronous, tx.query_one("PRAGMA page_size", &[], |row| row.get(0))?))
        })
        .await;
    assert_eq!(found.unwrap(), ("wal".to_owned(), 1, 16_384));
    assert!(file.is_file());
    let absent: Result<i64, Error> =
        db.read("r", |tx| tx.query_one("SELECT id FROM t", &[], |row| row.get(0))).await;
    assert!(absent.is_err(), "the main file has no such table");
    beside.close().await;
    let again = db.beside("beside.db", &steps).unwrap();
    let kept: Result<i64, Error> =
        again.read("r", |tx| tx.query_one("SELECT id FROM t", &[], |row| row.get(0))).await;
    assert_eq!(kept.unwrap(), 1);
}

#[tokio::test]
async fn reads_between_writes_do_not_make_the_log_grow() {
    let options = sqlite();
    let log = path(&options).with_extension("db-wal");
    let db = Db::open(options).unwrap();
    db.write("w", "a", |tx| tx.exec("CREATE TABLE t (id INTEGER PRIMARY KEY, b BLOB)", &[])).await.unwrap();
    let count =
        || db.point("count", |tx| tx.query_one("SELECT count(*) FROM t", &[], |row| row.get::<i64>(0)));
    for n in 0..1_000 {
        let seen: Result<i64, Error> = count().await;
        assert_eq!(seen.unwrap(), n, "a read sees what was acknowledged before it");
        let bytes = vec![7_u8; 100_000];
        let insert = "INSERT INTO t (b) VALUES ($1)";
        db.write("w", "a", move |tx| tx.exec(insert, params![bytes.as_slice()])).await.unwrap();
    }
    let megabytes = log.metadata().unwrap().len() >> 20;
    assert!(megabytes < 50, "100 MB were written, and the log that starts anew at 32 MB has {megabytes} MB");
}

#[tokio::test]
async fn a_second_process_at_the_file_is_waited_for() {
    let options = sqlite();
    let (server, tool) = (Db::open(options.clone()).unwrap(), Db::open(options).unwrap());
    server.write("w", "a", |tx| tx.exec("CREATE TABLE t (id TEXT)", &[])).await.unwrap();
    let gate = Gate::shut(&tool, "a").await;
    let beside = server.clone();
    let write = tokio::spawn(async move {
        beside.write("insert", "a", |tx| tx.exec("INSERT INTO t VALUES ('1')", &[])).await
    });
    tokio::time::sleep(Duration::from_millis(2_300)).await;
    server.ping().await.unwrap();
    gate.open().await;
    assert_eq!(write.await.unwrap().unwrap(), 1);
    let stats = server.stats();
    let insert = stats.iter().find(|stats| stats.label == "insert").unwrap();
    assert!(insert.retries >= 1, "{insert:?}");
    let seen: Result<i64, Error> =
        tool.point("count", |tx| tx.query_one("SELECT count(*) FROM t", &[], |row| row.get(0))).await;
    assert_eq!(seen.unwrap(), 1);
}

#[test]
fn a_file_that_is_no_database_is_named() {
    let path = path(&sqlite());
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, "a letter to my aunt, which is no database at all".repeat(100)).unwrap();
    let error = Db::open(Options::sqlite(&path)).err().unwrap().to_string();
    assert!(error.contains("muster.db") && error.contains("not a database"), "{error}");
}

#[tokio::test]
async fn parameters_go_by_number_not_by_place() {
    let db = Db::open(sqlite()).unwrap();
    for (sql, expected) in [
        ("SELECT $1 || $2 || $3", "abc"),
        ("SELECT $3 || $1 || $2 || $3", "cabc"),
        ("SELECT '$2' || $2 || $1 || $3", "$2bac"),
        ("SELECT 'it''s $9' || $1 || $2 || $3", "it's $9abc"),
        ("SELECT $1 || $1 || $2 || $3 -- isn't $2 it", "aabc"),
    ] {
        let found: Result<String, Error> =
            db.point("concat", move |tx| tx.query_one(sql, params!["a", "b", "c"], |row| row.get(0))).await;
        assert_eq!(found.unwrap(), expected, "{sql}");
    }
    let holes: Result<String, Error> =
        db.point("holes", |tx| tx.query_one("SELECT $1 || $3", params!["a", "b"], |row| row.get(0))).await;
    assert!(holes.unwrap_err().to_string().contains("without holes"));
}

/// Locks that some process holds on the file, from the kernel's list.
#[cfg(target_os = "linux")]
fn locks_on(path: &std::path::Path) -> usize {
    use std::os::unix::fs::MetadataExt;
    let file = format!(":{} ", path.metadata().unwrap().ino());
    std::fs::read_to_string("/proc/locks").unwrap().lines().filter(|line| line.contains(&file)).count()
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn looking_at_the_schema_keeps_the_locks_on_the_file() {
    let options = sqlite();
    let path = path(&options);
    let db = Db::open(options.clone()).unwrap();
    db.write("w", "a", |tx| tx.exec("CREATE TABLE t (id TEXT)", &[])).await.unwrap();
    let before = locks_on(&path);
    assert!(before > 0, "an open database is locked against removal of its write-ahead log");
    db.pending(&[]).unwrap();
    db.migrate(&[]).unwrap();
    drop(Db::open(options).unwrap());
    // The threads of the one just dropped may still hold some of their own; a lock that is lost stays lost.
    for _ in 0..200 {
        if locks_on(&path) == before {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(locks_on(&path), before);
}
