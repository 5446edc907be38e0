//! Group commit: one transaction for what queued together, and nobody pays for a neighbour's failure.
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use db::sql::Value;
use db::testing::{databases, each_engine};
use db::{Closing, Db, Error, ErrorKind, Migration, Options, Rehearsal, Tx, params};
use tokio::task::JoinHandle;

use super::gate::{Gate, abandon, queue};

const STEPS: &[Migration] = &[Migration {
    version: 1,
    name: "init",
    sql: "CREATE TABLE t (id {text} NOT NULL PRIMARY KEY, n {int} NOT NULL) {narrow};",
}];

const INSERT: &str = "INSERT INTO t (id, n) VALUES ($1, $2)";

/// What a slice would have: a refusal of its own beside the database's errors.
#[derive(Debug)]
enum Refusal {
    NotToday,
    Db(Error),
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::Db(error)
    }
}

impl Refusal {
    fn kind(&self) -> Option<ErrorKind> {
        if let Self::Db(error) = self { Some(error.kind()) } else { None }
    }
}

fn write(
    db: &Db,
    f: impl Fn(&mut Tx<'_>) -> Result<(), Refusal> + Send + 'static,
) -> JoinHandle<Result<(), Refusal>> {
    let db = db.clone();
    queue(async move { db.write("write", "a", f).await })
}

async fn ids(db: &Db) -> Vec<String> {
    let found: Result<Vec<String>, Error> =
        db.house().read("ids", |tx| tx.query("SELECT id FROM t ORDER BY id", &[], |row| row.get(0))).await;
    found.unwrap()
}

#[derive(Clone, Copy)]
enum How {
    Exec,
    Put,
    PutThenQuery,
}

fn insert(tx: &mut Tx<'_>, how: How, id: &str) -> Result<(), Refusal> {
    match how {
        How::Exec => tx.exec(INSERT, params![id, 1]).map(|_| ())?,
        How::Put => tx.put(INSERT, params![id, 1])?,
        How::PutThenQuery => {
            tx.put(INSERT, params![id, 1])?;
            tx.query_one("SELECT n FROM t WHERE id = $1", params![id], |row| row.get::<i64>(0))?;
        }
    }
    Ok(())
}

#[test]
fn a_failure_rolls_back_its_own_closure_only() {
    for how in [How::Exec, How::Put, How::PutThenQuery] {
        each_engine("isolation", |db| async move {
            db.migrate(STEPS).unwrap();
            let gate = Gate::shut(&db, "a").await;
            let before = db.commits();
            let mut calls = Vec::new();
            for n in 0..10 {
                calls.push(write(&db, move |tx| {
                    insert(tx, how, &format!("{n}-first"))?;
                    match n {
                        2 => return Err(Refusal::NotToday),
                        4 => panic!("on purpose"),
                        6 => insert(tx, how, "0-first")?,
                        7 => {
                            insert(tx, how, "1-first")?;
                            return Err(Refusal::NotToday);
                        }
                        _ => {}
                    }
                    insert(tx, how, &format!("{n}-last"))
                }));
            }
            gate.open().await;
            let mut answers = Vec::new();
            for call in calls {
                answers.push(call.await.unwrap());
            }
            for (n, answer) in answers.iter().enumerate() {
                match (n, answer) {
                    (4, Err(Refusal::Db(error))) => {
                        assert!(error.to_string().contains("`write` panicked"), "{error}");
                    }
                    (2 | 7, Err(Refusal::NotToday)) | (0 | 1 | 3 | 5 | 8 | 9, Ok(())) => {}
                    (6 | 7, Err(refusal)) => assert_eq!(refusal.kind(), Some(ErrorKind::Unique)),
                    (n, answer) => panic!("call {n} answered {answer:?}"),
                }
            }
            assert_eq!(db.commits() - before, 2, "the gate, and one commit for all ten");
            let kept: Vec<String> =
                [0, 1, 3, 5, 8, 9].iter().flat_map(|n| [format!("{n}-first"), format!("{n}-last")]).collect();
            assert_eq!(ids(&db).await, kept);
        });
    }
}

#[test]
fn a_lane_keeps_the_order_of_calls() {
    each_engine("order", |db| async move {
        db.migrate(STEPS).unwrap();
        db.write("seed", "a", |tx| tx.exec(INSERT, params!["row", 0])).await.unwrap();
        let gate = Gate::shut(&db, "a").await;
        let mut calls = Vec::new();
        for n in 1..=40_i64 {
            let db = db.clone();
            calls.push(queue(async move {
                db.write("in order", "a", move |tx| -> Result<(), Error> {
                    let found =
                        tx.query_one("SELECT n FROM t WHERE id = 'row'", &[], |row| row.get::<i64>(0))?;
                    assert_eq!(found, n - 1);
                    tx.put("UPDATE t SET n = $1 WHERE id = 'row'", params![n])
                })
                .await
            }));
        }
        gate.open().await;
        for call in calls {
            call.await.unwrap().unwrap();
        }
    });
}

#[test]
fn a_full_queue_refuses_and_recovers() {
    for options in databases() {
        let db = Db::open(Options { queue: 2, ..options }).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let gate = Gate::shut(&db, "a").await;
            let calls: Vec<_> = (0..5).map(|_| write(&db, |_| Ok(()))).collect();
            gate.open().await;
            let mut refused = 0;
            for call in calls {
                match call.await.unwrap() {
                    Ok(()) => {}
                    Err(refusal) => {
                        assert_eq!(refusal.kind(), Some(ErrorKind::Unavailable));
                        refused += 1;
                    }
                }
            }
            assert_eq!(refused, 3);
            write(&db, |_| Ok(())).await.unwrap().unwrap();
            db.close().await;
        });
    }
}

#[test]
fn a_call_nobody_waits_for_does_not_run() {
    each_engine("abandoned", |db| async move {
        let gate = Gate::shut(&db, "a").await;
        let ran = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&ran);
        let call = write(&db, move |_| {
            counter.fetch_add(1, Ordering::SeqCst);
            Ok(())
        });
        abandon(call).await;
        gate.open().await;
        write(&db, |_| Ok(())).await.unwrap().unwrap();
        assert_eq!(ran.load(Ordering::SeqCst), 0);
    });
}

#[test]
fn closing_finishes_what_waits_and_refuses_the_rest() {
    each_engine("close", |db| async move {
        db.migrate(STEPS).unwrap();
        let gate = Gate::shut(&db, "a").await;
        let call = write(&db, |tx| insert(tx, How::Put, "late"));
        let (closing, opening) = (db.close(), gate.open());
        tokio::join!(closing, opening);
        call.await.unwrap().unwrap();
        let refused = write(&db, |_| Ok(())).await.unwrap().unwrap_err();
        assert_eq!(refused.kind(), Some(ErrorKind::Unavailable));
        assert_eq!(db.ping().await.unwrap_err().kind(), ErrorKind::Unavailable);
    });
}

#[test]
fn a_panicking_read_is_an_error_and_the_next_one_works() {
    each_engine("panic", |db| async move {
        for point in [false, true] {
            let f = |_: &mut Tx<'_>| -> Result<(), Error> { panic!("on purpose") };
            let answer = if point { db.house().point("p", f).await } else { db.house().read("p", f).await };
            assert!(answer.unwrap_err().to_string().contains("`p` panicked"));
        }
        db.ping().await.unwrap();
        let stats = db.stats();
        assert_eq!(stats.iter().map(|stats| stats.label).collect::<Vec<_>>(), ["p", "ping"]);
        assert_eq!((stats[0].calls, stats[1].calls, stats[1].failures), (2, 1, 0));
    });
}

#[test]
fn a_read_sees_one_snapshot() {
    each_engine("snapshot", |db| async move {
        db.migrate(STEPS).unwrap();
        let writer = db.clone();
        let handle = tokio::runtime::Handle::current();
        let counts: Result<(i64, i64), Error> = db
            .house()
            .read("counts", move |tx| {
                let count = "SELECT count(*) FROM t";
                let first = tx.query_one(count, &[], |row| row.get(0))?;
                let (writer, handle) = (writer.clone(), handle.clone());
                let write = async move { writer.write("w", "a", |tx| insert(tx, How::Exec, "new")).await };
                std::thread::spawn(move || handle.block_on(write)).join().unwrap().unwrap();
                Ok((first, tx.query_one(count, &[], |row| row.get(0))?))
            })
            .await;
        assert_eq!(counts.unwrap(), (0, 0));
        assert_eq!(ids(&db).await, ["new"]);
    });
}

#[test]
fn a_constraint_checked_at_the_commit_fails_its_own_closure_only() {
    each_engine("deferred", |db| async move {
        let child = Migration {
            version: 2,
            name: "child",
            sql: "CREATE TABLE c (id {text} NOT NULL PRIMARY KEY, t {text} NOT NULL
                  REFERENCES t (id) DEFERRABLE INITIALLY DEFERRED);",
        };
        db.migrate(&[STEPS[0], child]).unwrap();
        let gate = Gate::shut(&db, "a").await;
        let calls: Vec<_> = (0..5)
            .map(|n| {
                write(&db, move |tx| {
                    let id = format!("{n}");
                    tx.put("INSERT INTO c (id, t) VALUES ($1, $1)", params![&id])?;
                    if n == 3 { Ok(()) } else { insert(tx, How::Put, &id) }
                })
            })
            .collect();
        gate.open().await;
        for (n, call) in calls.into_iter().enumerate() {
            let answer = call.await.unwrap();
            assert_eq!(answer.is_err(), n == 3, "{n}: {answer:?}");
        }
        assert_eq!(ids(&db).await, ["0", "1", "2", "4"]);
    });
}

/// Writes the rows that were left; "panic" panics, and of "0" nobody hears that it is taken.
static WRITE: Closing = Closing {
    name: "write",
    write: |tx, rows| {
        for row in rows {
            match &row[0] {
                Value::Text(id) if id == "panic" => panic!("on purpose"),
                Value::Text(id) if id == "taken" => drop(tx.exec(INSERT, params!["0", 1])),
                id => tx.put(INSERT, &[id.as_param(), params![1][0]])?,
            }
        }
        Ok(())
    },
};

#[test]
fn a_closing_that_panics_or_hides_a_failure_fails_its_own_closure_only() {
    each_engine("closing", |db| async move {
        db.migrate(STEPS).unwrap();
        for bad in ["panic", "taken"] {
            let gate = Gate::shut(&db, "a").await;
            let mut calls = Vec::new();
            for id in [format!("{bad}-1"), bad.to_owned(), format!("{bad}-2")] {
                calls.push(write(&db, move |tx| Ok(tx.leave(&WRITE, vec![Value::from(&id)])?)));
            }
            gate.open().await;
            let mut answers = Vec::new();
            for call in calls {
                let answer = tokio::time::timeout(Duration::from_secs(9), call);
                answers.push(answer.await.expect("the lane still works").unwrap());
            }
            match (bad, &answers[..]) {
                ("panic", [Ok(()), Err(Refusal::Db(error)), Ok(())]) => {
                    assert!(error.to_string().contains("`write` panicked"), "{error}");
                }
                ("taken", [Ok(()), Err(refusal), Ok(())]) => {
                    assert_eq!(refusal.kind(), Some(ErrorKind::Unique), "{refusal:?}");
                }
                _ => panic!("{bad}: {answers:?}"),
            }
            let alone = write(&db, move |tx| Ok(tx.leave(&WRITE, vec![Value::from(bad)])?));
            alone.await.unwrap().unwrap_err();
            write(&db, move |tx| insert(tx, How::Put, if bad == "panic" { "0" } else { "last" }))
                .await
                .unwrap()
                .unwrap();
        }
        assert_eq!(ids(&db).await, ["0", "last", "panic-1", "panic-2", "taken-1", "taken-2"]);
    });
}

#[test]
fn a_panic_over_a_row_is_an_error_and_the_same_connection_goes_on() {
    each_engine("row", |db| async move {
        db.migrate(STEPS).unwrap();
        for n in 0..3 {
            let f = |tx: &mut Tx<'_>| -> Result<(), Error> {
                tx.query("SELECT 1 UNION ALL SELECT 2", &[], |_| -> Result<(), Error> {
                    panic!("on purpose")
                })?;
                Ok(())
            };
            assert!(db.house().read("p", f).await.unwrap_err().to_string().contains("`p` panicked"));
            let gate = Gate::shut(&db, "a").await;
            let mut calls = Vec::new();
            for m in 0..3 {
                calls.push(write(&db, move |tx| {
                    insert(tx, How::Put, &format!("{n}-{m}"))?;
                    if m == 1 { Ok(f(tx)?) } else { Ok(()) }
                }));
            }
            gate.open().await;
            for (m, call) in calls.into_iter().enumerate() {
                assert_eq!(call.await.unwrap().is_err(), m == 1);
            }
        }
        assert_eq!(ids(&db).await, ["0-0", "0-2", "1-0", "1-2", "2-0", "2-2"]);
    });
}

/// An error that cannot be made of the database's.
#[derive(Debug)]
struct Fussy;

impl From<Error> for Fussy {
    fn from(_: Error) -> Self {
        panic!("on purpose");
    }
}

fn hidden() -> impl Fn(&mut Tx<'_>) -> Result<(), Fussy> + Send + 'static {
    |tx| {
        drop(tx.exec("UPDATE nothing SET n = 1", &[]));
        Ok(())
    }
}

async fn soon<T>(what: &str, answer: impl Future<Output = T>) -> T {
    let answered = tokio::time::timeout(Duration::from_secs(5), answer).await;
    answered.unwrap_or_else(|_| panic!("{what} is not answered"))
}

#[test]
fn a_panic_beside_a_closure_ends_no_lane_and_leaves_nobody_waiting() {
    each_engine("beside", |db| async move {
        db.migrate(STEPS).unwrap();
        for n in 0..2 {
            let gate = Gate::shut(&db, "a").await;
            let sharing = write(&db, move |tx| insert(tx, How::Put, &format!("lost-{n}")));
            let fussy = db.clone();
            let fussy = queue(async move { fussy.write("fussy", "a", hidden()).await });
            let (stage, rehearsing) = (Rehearsal::new(), db.clone());
            let rehearsed = stage.clone();
            let call = |tx: &mut Tx<'_>| insert(tx, How::Put, "rehearsed");
            let rehearsed =
                queue(async move { rehearsing.write_in(&rehearsed, "rehearse", "a", call).await });
            gate.open().await;
            assert!(soon("it", fussy).await.unwrap_err().is_panic());
            for other in [sharing, rehearsed] {
                let Refusal::Db(error) = soon("who shares its batch", other).await.unwrap().unwrap_err()
                else {
                    panic!("an error of the database");
                };
                assert!(error.to_string().contains("the outcome is unknown"), "{error}");
            }
            let later = db.write_in(&stage, "rehearse", "a", |tx| insert(tx, How::Put, "rehearsed"));
            soon("a later call of the rehearsal", later).await.unwrap_err();
            let next = write(&db, move |tx| insert(tx, How::Put, &format!("next-{n}")));
            soon("the next call", next).await.unwrap().unwrap();
        }
        assert_eq!(ids(&db).await, ["next-0", "next-1"]);
    });
}

#[test]
fn a_panic_beside_a_closure_ends_no_reading_thread() {
    each_engine("beside-reads", |db| async move {
        for _ in 0..5 {
            let fussy = db.clone();
            let fussy = tokio::spawn(async move { fussy.house().read("fussy", hidden()).await });
            assert!(soon("it", fussy).await.unwrap_err().is_panic());
        }
        soon("the next call", db.ping()).await.unwrap();
    });
}
