//! What several calls share: rows left for the end of their transaction, a snapshot, a key that may be taken.
use std::ops::ControlFlow::Continue;
use std::time::Duration;

use db::sql::Value;
use db::testing::each_engine;
use db::{Closing, Db, Engine, Error, ErrorKind, Migration, Snapshot, Tx, params};

use super::gate::{Gate, queue};

const STEPS: &[Migration] = &[Migration {
    version: 1,
    name: "init",
    sql: "CREATE TABLE t (id {text} NOT NULL PRIMARY KEY, n {int} NOT NULL) {narrow};
          CREATE TABLE counter (id {text} NOT NULL PRIMARY KEY, n {int} NOT NULL, turns {int} NOT NULL);
          INSERT INTO counter (id, n, turns) VALUES ('c', 0, 0);",
}];
const INSERT: &str = "INSERT INTO t (id, n) VALUES ($1, $2)";
const COUNT: &str = "SELECT count(*) FROM t";

/// Numbers all rows of a transaction under one row.
static NUMBERED: Closing = Closing {
    name: "numbered",
    write: |tx, rows| {
        let sql = "UPDATE counter SET n = n + $1, turns = turns + 1 WHERE id = 'c' RETURNING n";
        let count = i64::try_from(rows.len()).unwrap();
        let last: i64 = tx.query_one(sql, params![count], |row| row.get(0))?;
        for (n, row) in (last - count + 1..).zip(rows) {
            tx.put(INSERT, &[row[0].as_param(), db::Param::Int(n)])?;
        }
        Ok(())
    },
};

fn leave(tx: &mut Tx<'_>, id: &str) -> Result<(), Error> {
    tx.leave(&NUMBERED, vec![Value::from(id)])
}

async fn rows(db: &Db) -> Vec<(String, i64)> {
    let sql = "SELECT id, n FROM t ORDER BY n";
    db.house().read("rows", move |tx| tx.query(sql, &[], |row| Ok((row.get(0)?, row.get(1)?)))).await.unwrap()
}

async fn turns(db: &Db) -> i64 {
    db.house()
        .read("turns", |tx| tx.query_one("SELECT turns FROM counter", &[], |row| row.get(0)))
        .await
        .unwrap()
}

#[test]
fn rows_left_for_the_end_are_written_once_for_all_calls() {
    each_engine("left", |db| async move {
        db.migrate(STEPS).unwrap();
        let gate = Gate::shut(&db, "a").await;
        let mut calls = Vec::new();
        for n in 0..8 {
            let db = db.clone();
            calls.push(queue(async move {
                db.write("leave", "a", move |tx| {
                    leave(tx, &format!("{n}-a"))?;
                    leave(tx, &format!("{n}-b"))?;
                    if n == 3 { Err(Error::other("not this one")) } else { Ok(()) }
                })
                .await
            }));
        }
        gate.open().await;
        for (n, call) in calls.into_iter().enumerate() {
            assert_eq!(call.await.unwrap().is_err(), n == 3);
        }
        let names = [0, 1, 2, 4, 5, 6, 7].iter().flat_map(|n| [format!("{n}-a"), format!("{n}-b")]);
        assert_eq!(rows(&db).await, names.zip(1..).collect::<Vec<_>>(), "in order, without a hole");
        assert_eq!(turns(&db).await, 1, "the row that counts was touched once");
    });
}

#[test]
fn a_row_that_cannot_be_written_at_the_end_fails_its_own_call_only() {
    each_engine("left-fails", |db| async move {
        db.migrate(STEPS).unwrap();
        let gate = Gate::shut(&db, "a").await;
        let calls: Vec<_> = ["x", "y", "x", "z"]
            .into_iter()
            .map(|id| {
                let db = db.clone();
                queue(async move { db.write("leave", "a", move |tx| leave(tx, id)).await })
            })
            .collect();
        gate.open().await;
        let mut kinds = Vec::new();
        for call in calls {
            kinds.push(call.await.unwrap().err().map(|error| error.kind()));
        }
        assert_eq!(kinds.iter().filter(|kind| **kind == Some(ErrorKind::Unique)).count(), 1, "{kinds:?}");
        let numbers: Vec<i64> = rows(&db).await.into_iter().map(|(_, n)| n).collect();
        assert_eq!(numbers, [1, 2, 3]);
    });
}

#[test]
fn a_read_can_leave_nothing() {
    each_engine("left-in-a-read", |db| async move {
        db.migrate(STEPS).unwrap();
        let left = db.house().read("leave", |tx| leave(tx, "x")).await;
        assert_eq!(left.unwrap_err().to_string(), "numbered: this transaction only reads");
    });
}

#[test]
fn who_brings_a_taken_key_hears_so_and_goes_on_in_his_place() {
    each_engine("taken", |db| async move {
        db.migrate(STEPS).unwrap();
        let bring = |id: &'static str| {
            let db = db.clone();
            queue(async move {
                db.write("insert", "a", move |tx| {
                    let new = tx.insert(INSERT, params![id, 1])?;
                    if !new {
                        tx.exec("UPDATE t SET n = 10 * n WHERE id = $1", params![id])?;
                    }
                    Ok::<_, db::Error>(new)
                })
                .await
                .unwrap()
            })
        };
        let gate = Gate::shut(&db, "a").await;
        let mut calls = Vec::new();
        for id in ["x", "y", "x", "z"] {
            calls.push(bring(id));
        }
        let db_of_next = db.clone();
        let next = queue(async move {
            db_of_next.write("next", "a", |tx| tx.exec("UPDATE t SET n = n + 1", &[])).await
        });
        gate.open().await;
        let mut new = Vec::new();
        for call in calls {
            new.push(call.await.unwrap());
        }
        assert_eq!(new, [true, true, false, true]);
        assert_eq!(next.await.unwrap().unwrap(), 3);
        let alone = bring("y").await.unwrap();
        assert!(!alone);
        let mut all = rows(&db).await;
        all.sort();
        assert_eq!(all, [("x", 11), ("y", 20), ("z", 2)].map(|(id, n)| (id.to_owned(), n)));
    });
}

#[test]
fn calls_in_one_snapshot_see_one_instant() {
    each_engine("shared", |db| async move {
        db.migrate(STEPS).unwrap();
        let snapshot = Snapshot::default();
        let count = |snapshot: Snapshot| {
            let db = db.clone();
            async move {
                db.house()
                    .point_in(&snapshot, "count", |tx| tx.query_one(COUNT, &[], |row| row.get::<i64>(0)))
                    .await
                    .unwrap()
            }
        };
        assert_eq!(count(snapshot.clone()).await, 0);
        db.write("insert", "a", |tx| tx.exec(INSERT, params!["x", 1])).await.unwrap();
        let seen = count(snapshot.clone()).await;
        // PostgreSQL's readers sit on threads of their own: each call has its snapshot.
        assert_eq!(seen, i64::from(db.engine() == Engine::Postgres));
        snapshot.close();
        assert_eq!(count(snapshot).await, 1);
    });
}

/// A read that never ends by itself.
type Endless = fn(&mut Tx<'_>) -> Result<(), Error>;

#[test]
fn a_read_that_nobody_waits_for_ends_and_gives_its_thread_back() {
    each_engine("unheard", |db| async move {
        const COUNT: &str = "WITH RECURSIVE c (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c)";
        let reads: [Endless; 4] = [
            |tx| loop {
                tx.query_one("SELECT 1", &[], |row| row.get::<i64>(0))?;
            },
            |tx| loop {
                tx.wanted()?;
            },
            |tx| tx.each(&format!("{COUNT} SELECT n FROM c"), &[], |_| Ok(Continue(()))),
            |tx| tx.query(&format!("{COUNT} SELECT max(n) FROM c"), &[], |_| Ok(())).map(|_| ()),
        ];
        // More than there are threads.
        for read in reads.iter().copied().cycle().take(3 * reads.len()) {
            let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
            let other = db.clone();
            let call = tokio::spawn(async move {
                let run = move |tx: &mut Tx<'_>| {
                    tell.send(None).unwrap();
                    let end = read(tx);
                    tell.send(end.as_ref().err().map(Error::kind)).unwrap();
                    end
                };
                other.house().read("endless", run).await
            });
            assert_eq!(told.recv().await, Some(None), "it has begun");
            call.abort();
            let end = tokio::time::timeout(Duration::from_secs(20), told.recv()).await;
            assert_eq!(end, Ok(Some(Some(ErrorKind::Unheard))));
        }
        db.ping().await.unwrap();
    });
}
