//! What is special to SQLite: its file, and other processes at it.
use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;

use db::testing::sqlite;
use db::{Db, Error, ErrorKind, Migration, Options, Snapshot, Target, Tx, params};

use super::gate::{Gate, queue, until};

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
async fn the_file_alone_is_whole_after_the_end() {
    let options = sqlite();
    let path = path(&options);
    let db = Db::open(options).unwrap();
    db.write("w", "a", |tx| tx.exec("CREATE TABLE t (id TEXT)", &[])).await.unwrap();
    db.write("w", "a", |tx| tx.exec("INSERT INTO t VALUES ('x')", &[])).await.unwrap();
    let count = |tx: &mut Tx<'_>| tx.query_one("SELECT count(*) FROM t", &[], |row| row.get::<i64>(0));
    assert_eq!(db.house().point("p", count).await.unwrap() + db.house().read("r", count).await.unwrap(), 2);
    assert!(path.with_extension("db-wal").metadata().unwrap().len() > 0);
    db.close().await;
    let copy = path.with_file_name("copy.db");
    std::fs::copy(&path, &copy).unwrap();
    assert_eq!(Db::open(Options::sqlite(copy)).unwrap().house().read("r", count).await.unwrap(), 1);
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
    let found: Result<(String, i64), Error> = beside
        .write_aside("pragmas", |tx| {
            tx.put("INSERT INTO t (id) VALUES (1)", &[])?;
            let journal = tx.query_one("PRAGMA journal_mode", &[], |row| row.get(0))?;
            Ok((journal, tx.query_one("PRAGMA synchronous", &[], |row| row.get(0))?))
        })
        .await;
    assert_eq!(found.unwrap(), ("wal".to_owned(), 1));
    assert!(file.is_file());
    let absent: Result<i64, Error> =
        db.house().read("r", |tx| tx.query_one("SELECT id FROM t", &[], |row| row.get(0))).await;
    assert!(absent.is_err(), "the main file has no such table");
    beside.close().await;
    let again = db.beside("beside.db", &steps).unwrap();
    let kept: Result<i64, Error> =
        again.house().read("r", |tx| tx.query_one("SELECT id FROM t", &[], |row| row.get(0))).await;
    assert_eq!(kept.unwrap(), 1);
}

const LINES: [Migration; 1] =
    [Migration { version: 1, name: "lines", sql: "CREATE TABLE line (id {int} NOT NULL, text {text})" }];

/// Writes 20 MB and deletes them again.
async fn swell(db: &Db) {
    let text = "x".repeat(8_000);
    for n in 0..25 {
        let text = text.clone();
        let lines = move |tx: &mut Tx<'_>| {
            (0..100).try_for_each(|m| {
                tx.put("INSERT INTO line (id, text) VALUES ($1, $2)", params![n * 100 + m, &text])
            })
        };
        db.write_aside("swell", lines).await.unwrap();
    }
    let deleted: Result<u64, Error> = db.write_aside("delete", |tx| tx.exec("DELETE FROM line", &[])).await;
    assert_eq!(deleted.unwrap(), 2_500);
}

/// Whoever closes the file last, as this does, writes the log back into it.
fn ask(file: &std::path::Path, pragma: &str) -> i64 {
    let conn = rusqlite::Connection::open(file).unwrap();
    conn.query_row(&format!("PRAGMA {pragma}"), [], |row| row.get(0)).unwrap()
}

#[tokio::test]
async fn what_is_deleted_is_overwritten_where_that_is_asked_for() {
    for (name, asked) in [("kept.db", false), ("overwritten.db", true)] {
        let options = sqlite();
        let file = path(&options).with_file_name(name);
        let beside = Db::open(options).unwrap().beside(name, &LINES).unwrap();
        let write = |tx: &mut Tx<'_>| {
            (0..100_u32).try_for_each(|n| {
                let text = format!("geheim{n:02}{}", "x".repeat(9_999));
                tx.put("INSERT INTO line (id, text) VALUES ($1, $2)", params![n, &text])
            })
        };
        beside.write_aside("write", write).await.unwrap();
        let delete = move |tx: &mut Tx<'_>| {
            let delete = |tx: &mut Tx<'_>| tx.exec("DELETE FROM line WHERE id > 3", &[]);
            if asked { tx.overwriting(delete) } else { delete(tx) }
        };
        beside.write_aside("delete", delete).await.unwrap();
        beside.close().await;
        assert_eq!(ask(&file, "secure_delete"), 0);
        let bytes = std::fs::read(&file).unwrap();
        let words = bytes.windows(8).filter(|word| word.starts_with(b"geheim"));
        let left: BTreeSet<u32> =
            words.map(|word| std::str::from_utf8(&word[6..]).unwrap().parse().unwrap()).collect();
        assert!((0..=3).all(|n| left.contains(&n)), "{name}: {left:?}");
        assert_eq!(left.len() == 4, asked, "{name}: {left:?}");
    }
}

#[tokio::test]
async fn a_file_beside_gives_its_free_room_back_in_steps() {
    let options = sqlite();
    let file = path(&options).with_file_name("beside.db");
    let main = Db::open(options).unwrap();
    let beside = main.beside("beside.db", &LINES).unwrap();
    swell(&beside).await;
    let before = ask(&file, "page_count");
    let (mut steps, back) = (1, |tx: &mut Tx<'_>| tx.give_back(1_024, 400));
    while beside.write_aside("back", back).await.unwrap() {
        steps += 1;
    }
    assert!((4..8).contains(&steps), "{steps}");
    assert_eq!(ask(&file, "freelist_count"), 400);
    // Where it fails, as where nothing can be written, the closure cannot go on as if it had not.
    let hidden: Result<Vec<Result<bool, Error>>, Error> = beside
        .house()
        .read("back", |tx| Ok(vec![tx.give_back(1, 0), tx.query("SELECT 1", &[], |_| Ok(())).map(|_| true)]))
        .await;
    assert!(hidden.unwrap_err().to_string().contains("readonly"));
    assert!(ask(&file, "page_count") < before - 4_000, "{before}");
    // The main file keeps its room.
    assert!(!main.write("back", "a", back).await.unwrap());
    beside.close().await;
    assert!(ask(&file, "page_count") < 800);
    assert!(file.metadata().unwrap().len() < 4 << 20, "the file itself is smaller");
}

#[tokio::test]
async fn an_old_file_beside_that_is_mostly_free_is_written_anew() {
    let options = sqlite();
    let file = path(&options).with_file_name("beside.db");
    let main = Db::open(options).unwrap();
    let old = rusqlite::Connection::open(&file).unwrap();
    old.execute_batch("PRAGMA page_size = 16384; PRAGMA journal_mode = WAL; CREATE TABLE kept (id INTEGER);")
        .unwrap();
    old.execute_batch("INSERT INTO kept VALUES (7)").unwrap();
    drop(old);
    let beside = main.beside("beside.db", &LINES).unwrap();
    swell(&beside).await;
    assert!(!beside.write_aside("back", |tx| tx.give_back(256, 0)).await.unwrap());
    beside.close().await;
    assert!(ask(&file, "page_count") > 1_200);
    assert!(file.metadata().unwrap().len() > 16 << 20);
    let beside = main.beside_mended("beside.db", &LINES).unwrap();
    assert!(file.metadata().unwrap().len() < 1 << 20);
    let kept: Result<i64, Error> =
        beside.house().read("r", |tx| tx.query_one("SELECT id FROM kept", &[], |row| row.get(0))).await;
    assert_eq!(kept.unwrap(), 7);
    beside.close().await;
    assert_eq!(ask(&file, "auto_vacuum"), 2);
}

#[tokio::test]
async fn a_damaged_file_beside_is_set_aside_and_the_main_one_never() {
    let options = sqlite();
    let path = path(&options);
    let file = path.with_file_name("beside.db");
    let main = Db::open(options.clone()).unwrap();
    main.beside("beside.db", &LINES).unwrap().close().await;
    let whole = std::fs::read(&file).unwrap();
    // No header; a header with nothing sound behind it.
    for keep in [0, 100] {
        let mut bytes = whole.clone();
        bytes[keep..].fill(0xaa);
        std::fs::write(&file, bytes).unwrap();
        std::fs::write(path.with_file_name("beside.db-wal"), "old").unwrap();
        assert_eq!(main.beside("beside.db", &LINES).err().unwrap().kind(), ErrorKind::Damaged);
        let beside = main.beside_mended("beside.db", &LINES).unwrap();
        swell(&beside).await;
        beside.close().await;
    }
    let names =
        || std::fs::read_dir(path.parent().unwrap()).unwrap().flatten().map(|entry| entry.file_name());
    assert!(names().any(|name| name.to_string_lossy().starts_with("beside.db.damaged-")));
    main.close().await;
    std::fs::write(&path, "Dear sirs, ".repeat(2_000)).unwrap();
    assert_eq!(Db::open(options).err().unwrap().kind(), ErrorKind::Damaged);
    assert!(!names().any(|name| name.to_string_lossy().starts_with("muster.db.damaged")));
    assert!(std::fs::read(&path).unwrap().starts_with(b"Dear sirs"));
}

#[tokio::test]
async fn reads_between_writes_do_not_make_the_log_grow() {
    let (db, log) = with_rows().await;
    let step = async |n: i64| {
        for n in 100 * n..100 * (n + 1) {
            let seen = db.house().point("count", count_rows).await;
            assert_eq!(seen.unwrap(), n, "a read sees what was acknowledged before it");
            write_rows(&db, 1, 100_000).await;
        }
    };
    begins_anew(&log, step).await;
}

/// Writes in steps of a good 10 MB until the log has grown by 20 MB less than that. When depends on how busy
/// the disk is, since the log can begin anew only once it is copied; where it cannot, it never does.
async fn begins_anew(log: &std::path::Path, step: impl AsyncFn(i64)) {
    let (before, mut written) = (megabytes(log), 0);
    while megabytes(log) + 20 > before + written {
        assert!(written < 600, "{written} MB were written, and the log has {} MB", megabytes(log));
        step(i64::try_from(written / 10).unwrap()).await;
        written += 10;
    }
}

/// A database with a table of rows, and the path of its log.
async fn with_rows() -> (Db, std::path::PathBuf) {
    let options = sqlite();
    let log = path(&options).with_extension("db-wal");
    let db = Db::open(options).unwrap();
    db.write("w", "a", |tx| tx.exec("CREATE TABLE t (id INTEGER PRIMARY KEY, b BLOB)", &[])).await.unwrap();
    (db, log)
}

/// Writes so many rows of this length.
async fn write_rows(db: &Db, count: usize, length: usize) {
    for _ in 0..count {
        let bytes = vec![7_u8; length];
        let insert = "INSERT INTO t (b) VALUES ($1)";
        db.write("w", "a", move |tx| tx.exec(insert, params![bytes.as_slice()])).await.unwrap();
    }
}

fn count_rows(tx: &mut Tx<'_>) -> Result<i64, Error> {
    tx.query_one("SELECT count(*) FROM t", &[], |row| row.get(0))
}

fn megabytes(file: &std::path::Path) -> u64 {
    file.metadata().unwrap().len() >> 20
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_log_begins_anew_while_many_write_and_read() {
    let (db, log) = with_rows().await;
    let step = async |_| {
        let writers = (0..16).map(async |_| {
            write_rows(&db, 14, 50_000).await;
            db.house().point("count", count_rows).await.unwrap();
        });
        futures_util::future::join_all(writers).await;
    };
    begins_anew(&log, step).await;
    db.close().await;
}

#[tokio::test]
async fn a_reader_keeps_the_log_and_once_he_has_gone_it_begins_anew() {
    let (db, log) = with_rows().await;
    let reader = Snapshot::default();
    assert_eq!(db.house().point_in(&reader, "count", count_rows).await.unwrap(), 0);
    write_rows(&db, 1_400, 50_000).await;
    let kept = megabytes(&log);
    assert!(kept > 60, "70 MB were written while somebody reads from before, and the log has {kept} MB");
    assert_eq!(db.house().point_in(&reader, "count", count_rows).await.unwrap(), 0);
    reader.close();
    begins_anew(&log, async |_| write_rows(&db, 220, 50_000).await).await;
    assert!(db.house().point("count", count_rows).await.unwrap() > 1_400);
}

#[tokio::test]
async fn a_second_process_at_the_file_is_waited_for() {
    let options = sqlite();
    let (server, tool) = (Db::open(options.clone()).unwrap(), Db::open(options).unwrap());
    server.write("w", "a", |tx| tx.exec("CREATE TABLE t (id TEXT)", &[])).await.unwrap();
    let gate = Gate::shut(&tool, "a").await;
    let beside = server.clone();
    let write =
        queue(
            async move { beside.write("insert", "a", |tx| tx.exec("INSERT INTO t VALUES ('1')", &[])).await },
        );
    let retries =
        || server.stats().iter().find(|stats| stats.label == "insert").map_or(0, |stats| stats.retries);
    until("it is tried again", async || retries() > 0).await;
    server.ping().await.unwrap();
    gate.open().await;
    assert_eq!(write.await.unwrap().unwrap(), 1);
    let seen: Result<i64, Error> =
        tool.house().point("count", |tx| tx.query_one("SELECT count(*) FROM t", &[], |row| row.get(0))).await;
    assert_eq!(seen.unwrap(), 1);
}

#[tokio::test]
async fn what_another_process_commits_is_in_the_next_read() {
    let options = sqlite();
    let (server, tool) = (Db::open(options.clone()).unwrap(), Db::open(options).unwrap());
    server.write("w", "a", |tx| tx.exec("CREATE TABLE t (id INTEGER)", &[])).await.unwrap();
    let count = |tx: &mut Tx<'_>| tx.query_one("SELECT count(*) FROM t", &[], |row| row.get::<i64>(0));
    for n in 1..=500 {
        let insert = move |tx: &mut Tx<'_>| tx.exec("INSERT INTO t VALUES ($1)", params![n]);
        tool.write("insert", "a", insert).await.unwrap();
        assert_eq!(server.house().point("count", count).await.unwrap(), n);
        assert_eq!(server.house().read("count", count).await.unwrap(), n);
    }
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
async fn readers_open_no_file_but_the_one_that_was_opened() {
    let count = |tx: &mut Tx<'_>| tx.query_one("SELECT count(*) FROM t", &[], |row| row.get::<i64>(0));
    for other_rows in [None, Some(5)] {
        let options = sqlite();
        let path = path(&options);
        let rows = |rows: i64| {
            move |tx: &mut Tx<'_>| {
                tx.exec("CREATE TABLE t (n INTEGER)", &[])?;
                (0..rows).try_for_each(|n| tx.exec("INSERT INTO t VALUES ($1)", params![n]).map(|_| ()))
            }
        };
        let db = Db::open(options).unwrap();
        db.write("w", "a", rows(1)).await.unwrap();
        let (away, other) = (path.with_extension("away"), path.with_file_name("other.db"));
        std::fs::rename(&path, &away).unwrap();
        match other_rows {
            None => std::fs::write(&path, "").unwrap(),
            Some(n) => {
                let db = Db::open(Options::sqlite(&other)).unwrap();
                db.write("w", "a", rows(n)).await.unwrap();
                db.close().await;
                std::fs::rename(&other, &path).unwrap();
            }
        }
        // Each has a connection of its own.
        let snapshots: Vec<_> = (0..8).map(|_| Snapshot::default()).collect();
        for snapshot in &snapshots {
            let error = db.house().point_in(snapshot, "count", count).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
        }
        assert!(path.with_extension("db-wal").metadata().unwrap().len() > 0, "the log is not deleted");
        std::fs::rename(&away, &path).unwrap();
        for snapshot in &snapshots {
            assert_eq!(db.house().point_in(snapshot, "count", count).await.unwrap(), 1);
        }
    }
}

#[tokio::test]
async fn a_log_without_its_database_is_not_deleted() {
    let options = sqlite();
    let (path, copy) = (path(&options), path(&options).with_file_name("copy.db"));
    let db = Db::open(options).unwrap();
    db.write("w", "a", |tx| tx.exec("CREATE TABLE t (id TEXT)", &[])).await.unwrap();
    let log = copy.with_extension("db-wal");
    std::fs::copy(path.with_extension("db-wal"), &log).unwrap();
    let refused = || {
        let error = Db::open(Options::sqlite(&copy)).err().expect("it is refused");
        assert!(
            error.kind() == ErrorKind::Unavailable && error.to_string().contains("holds changes"),
            "{error}"
        );
        assert!(log.metadata().unwrap().len() > 0);
    };
    refused();
    assert!(!copy.exists());
    std::fs::write(&copy, "").unwrap();
    refused();
    std::fs::remove_file(&log).unwrap();
    Db::open(Options::sqlite(&copy)).unwrap();
}

#[tokio::test]
async fn what_was_removed_or_replaced_takes_no_writes_until_it_is_back() {
    let options = sqlite();
    let path = path(&options);
    // Once with files that are made, once with files that were there.
    for round in 0..2 {
        let db = Db::open(options.clone()).unwrap();
        let table = "CREATE TABLE IF NOT EXISTS t (n INTEGER)";
        db.write("table", "a", move |tx| tx.exec(table, &[])).await.unwrap();
        let insert = || db.write("insert", "a", |tx| tx.exec("INSERT INTO t VALUES (1)", &[]));
        let count =
            || db.house().point("count", |tx| tx.query_one("SELECT count(*) FROM t", &[], |row| row.get(0)));
        for (n, end) in ["db", "db-wal", "db-shm"].into_iter().enumerate() {
            let before: i64 = count().await.unwrap();
            assert_eq!(before, round * 3 + i64::try_from(n).unwrap());
            let (file, away) = (path.with_extension(end), path.with_extension("away"));
            let gone = |error: Error| {
                let named = error.to_string().contains(&format!("{} is no longer the one", file.display()));
                error.kind() == ErrorKind::Unavailable && named
            };
            std::fs::rename(&file, &away).unwrap();
            assert!(gone(db.ping().await.expect_err(end)) && gone(insert().await.unwrap_err()), "{end}");
            std::fs::write(&file, "").unwrap();
            assert!(gone(db.ping().await.unwrap_err()) && gone(insert().await.unwrap_err()), "{end}");
            assert!(db.write_fault().is_some());
            let reads: Result<i64, Error> = count().await;
            assert_eq!(reads.unwrap(), before, "reads go on, and nothing was written");
            std::fs::rename(&away, &file).unwrap();
            db.ping().await.unwrap();
            insert().await.unwrap();
            assert!(db.write_fault().is_none());
        }
        db.close().await;
    }
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
        let found: Result<String, Error> = db
            .house()
            .point("concat", move |tx| tx.query_one(sql, params!["a", "b", "c"], |row| row.get(0)))
            .await;
        assert_eq!(found.unwrap(), expected, "{sql}");
    }
    let holes: Result<String, Error> = db
        .house()
        .point("holes", |tx| tx.query_one("SELECT $1 || $3", params!["a", "b"], |row| row.get(0)))
        .await;
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
    until("as many locks as before", async || locks_on(&path) == before).await;
}
