//! Rehearsals: calls see what the ones before them did, answer as they would, and leave nothing.

use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use db::testing::{each_engine, postgres};
use db::{Closing, Db, Error, ErrorKind, Migration, Options, Rehearsal, Tx, params};
use parking_lot::Mutex;
use tokio::task::JoinHandle;

use super::gate::{Gate, abandon, queue, until};

const STEPS: &[Migration] = &[Migration {
    version: 1,
    name: "init",
    sql: "CREATE TABLE t (id {text} NOT NULL PRIMARY KEY, n {int} NOT NULL) {narrow};
          INSERT INTO t (id, n) VALUES ('old', 1);",
}];

static NEVER: Closing = Closing { name: "never", write: |_, _| Err(Error::other("nothing is committed")) };

fn insert(tx: &mut Tx<'_>, id: &str) -> Result<(), Error> {
    tx.put("INSERT INTO t (id, n) VALUES ($1, 0)", params![id])
}

fn count(tx: &mut Tx<'_>) -> Result<i64, Error> {
    tx.query_one("SELECT count(*) FROM t", &[], |row| row.get(0))
}

async fn ids(db: &Db) -> Vec<String> {
    let found: Result<Vec<String>, Error> =
        db.house().read("ids", |tx| tx.query("SELECT id FROM t ORDER BY id", &[], |row| row.get(0))).await;
    found.unwrap()
}

/// One call of a rehearsal, which ends by itself where the next one lets it wait.
fn rehearse<T: Send + 'static>(
    db: &Db,
    stage: &Rehearsal,
    f: impl Fn(&mut Tx<'_>) -> Result<T, Error> + Send + 'static,
) -> JoinHandle<Result<T, Error>> {
    let (db, stage) = (db.clone(), stage.clone());
    queue(async move { db.write_in(&stage, "rehearse", "lane", f).await })
}

/// Puts a rehearsal into the lane's queue whose caller is gone before its turn.
async fn leave_alone(db: &Db) {
    let db = db.clone();
    let caller = queue(async move {
        db.write_in(&Rehearsal::new(), "abandoned", "lane", |tx| insert(tx, "abandoned")).await
    });
    abandon(caller).await;
}

async fn stored(db: &Db) -> i64 {
    db.house().read("count", count).await.unwrap()
}

#[test]
fn a_call_sees_the_ones_before_it_and_nothing_stays() {
    each_engine("rehearsal", |db| async move {
        db.migrate(STEPS).unwrap();
        let commits = db.commits();
        let stage = Rehearsal::new();
        assert!(stage.is_on() && !Rehearsal::default().is_on());
        let calls = ["a", "b"].map(|id| {
            rehearse(&db, &stage, move |tx| {
                insert(tx, id)?;
                tx.leave(&NEVER, Vec::new())?;
                count(tx)
            })
        });
        for (seen, call) in (2..).zip(calls) {
            assert_eq!(call.await.unwrap().unwrap(), seen);
        }
        assert_eq!(stored(&db).await, 1, "others see nothing of it");
        drop(stage);
        db.write("real", "lane", |tx| insert(tx, "a")).await.expect("the name was never taken");
        assert_eq!((stored(&db).await, db.commits()), (2, commits + 1));
    });
}

#[test]
fn a_refused_call_takes_back_its_own_and_no_more() {
    each_engine("rehearsal-refused", |db| async move {
        db.migrate(STEPS).unwrap();
        let stage = Rehearsal::new();
        let first = rehearse(&db, &stage, |tx| insert(tx, "a"));
        // On PostgreSQL the statement is held back: its refusal comes after the closure's Ok.
        let taken = ["old", "a"].map(|taken| {
            rehearse(&db, &stage, move |tx| {
                tx.exec("UPDATE t SET n = 9", &[])?;
                insert(tx, taken)
            })
        });
        let undone = rehearse(&db, &stage, |tx| {
            insert(tx, "b")?;
            Err::<(), _>(Error::other("as the test wants it"))
        });
        let panics = rehearse(&db, &stage, |_| -> Result<(), Error> { panic!("at the test") });
        let left = rehearse(&db, &stage, |tx| {
            tx.query("SELECT id, n FROM t ORDER BY id", &[], |row| {
                Ok(format!("{}{}", row.get::<String>(0)?, row.get::<i64>(1)?))
            })
        });
        first.await.unwrap().unwrap();
        for taken in taken {
            let refused = taken.await.unwrap().unwrap_err();
            assert_eq!(refused.kind(), ErrorKind::Unique, "{refused}");
        }
        assert!(undone.await.unwrap().is_err() && panics.await.unwrap().is_err());
        assert_eq!(left.await.unwrap().unwrap(), ["a0", "old1"]);
        drop(stage);
        assert_eq!(stored(&db).await, 1);
    });
}

#[test]
fn without_a_rehearsal_it_is_a_write_and_aside_too() {
    each_engine("rehearsal-off", |db| async move {
        db.migrate(STEPS).unwrap();
        db.write_in(&Rehearsal::default(), "insert", "lane", |tx| insert(tx, "a")).await.unwrap();
        db.write_aside("aside", |tx| insert(tx, "b")).await.unwrap();
        assert_eq!(stored(&db).await, 3);
        db.close().await;
        let late = db.write_aside("aside", |tx| insert(tx, "c")).await.unwrap_err();
        assert_eq!(late.kind(), ErrorKind::Unavailable);
    });
}

#[test]
fn one_that_falls_silent_gives_its_lane_back() {
    each_engine("rehearsal-silent", |db| async move {
        db.migrate(STEPS).unwrap();
        let (stage, since) = (Rehearsal::new(), Instant::now());
        db.write_in(&stage, "insert", "lane", |tx| insert(tx, "a")).await.unwrap();
        db.write("real", "lane", |tx| insert(tx, "a")).await.expect("it waits and then goes through");
        assert!(since.elapsed() >= Duration::from_millis(900), "the lane was held until then");
        let over = db.write_in(&stage, "insert", "lane", |tx| insert(tx, "b")).await.unwrap_err();
        assert!(over.kind() == ErrorKind::Unavailable && over.to_string().contains("rehearsal"), "{over}");
        assert_eq!(stored(&db).await, 2);
    });
}

#[test]
fn one_whose_caller_is_gone_is_not_begun() {
    each_engine("rehearsal-gone", |db| async move {
        db.migrate(STEPS).unwrap();
        let gate = Gate::shut(&db, "lane").await;
        for _ in 0..60 {
            leave_alone(&db).await;
        }
        gate.open().await;
        let since = Instant::now();
        // Goes between two of them.
        let last = Rehearsal::new();
        db.write_in(&last, "last", "lane", |tx| insert(tx, "a")).await.unwrap();
        drop(last);
        db.write("real", "lane", |tx| insert(tx, "a")).await.unwrap();
        assert!(
            since.elapsed() < Duration::from_secs(50),
            "nobody waits a second for a call that never comes"
        );
    });
}

#[test]
fn one_that_is_abandoned_keeps_nothing_of_what_came_before_it() {
    each_engine("rehearsal-before", |db| async move {
        db.migrate(STEPS).unwrap();
        let gate = Gate::shut(&db, "lane").await;
        let rehearsing = db.clone();
        let rehearsed = queue(async move {
            let stage = Rehearsal::new();
            rehearsing.write_in(&stage, "insert", "lane", |tx| insert(tx, "of-a-dry-run")).await
        });
        leave_alone(&db).await;
        gate.open().await;
        rehearsed.await.unwrap().unwrap();
        db.write("real", "lane", |tx| insert(tx, "real")).await.unwrap();
        assert_eq!(ids(&db).await, ["old", "real"]);
    });
}

#[test]
fn one_that_is_abandoned_keeps_nothing_of_a_refused_write() {
    each_engine("rehearsal-refused-write", |db| async move {
        db.migrate(STEPS).unwrap();
        let gate = Gate::shut(&db, "lane").await;
        let writing = db.clone();
        let refused = queue(async move {
            let call = |tx: &mut Tx<'_>| -> Result<(), Error> {
                tx.exec("INSERT INTO t (id, n) VALUES ('of-a-refused-write', 0)", &[])?;
                Err(Error::other("refused"))
            };
            writing.write("refused", "lane", call).await
        });
        leave_alone(&db).await;
        gate.open().await;
        assert_eq!(refused.await.unwrap().unwrap_err().to_string(), "refused");
        db.write("real", "lane", |tx| insert(tx, "real")).await.unwrap();
        assert_eq!(ids(&db).await, ["old", "real"]);
    });
}

/// A rehearsal that notes its name once it is played, and holds the lane until it may end.
fn hold(db: &Db, name: String, played: &Arc<Mutex<Vec<String>>>) -> mpsc::Sender<()> {
    let (end, ended) = mpsc::channel();
    let (db, played, ended) = (db.clone(), Arc::clone(played), Mutex::new(ended));
    queue(async move {
        let call = move |tx: &mut Tx<'_>| {
            played.lock().push(name.clone());
            let _ = ended.lock().recv_timeout(Duration::from_secs(20));
            count(tx)
        };
        db.write_in(&Rehearsal::new(), "hold", "lane", call).await
    });
    end
}

#[test]
fn a_write_goes_before_the_rehearsals_that_wait_and_each_of_them_has_its_turn() {
    each_engine("rehearsal-turns", |db| async move {
        db.migrate(STEPS).unwrap();
        let played = Arc::new(Mutex::new(Vec::new()));
        let gate = Gate::shut(&db, "lane").await;
        let mut ends = Vec::new();
        for n in 0..3 {
            ends.push(hold(&db, format!("rehearsal {n}"), &played));
        }
        gate.open().await;
        let mut turns = Vec::new();
        for (n, end) in ends.into_iter().enumerate() {
            let name = format!("rehearsal {n}");
            until("it has its turn", async || played.lock().contains(&name)).await;
            let (writing, noted, name) = (db.clone(), Arc::clone(&played), format!("write {n}"));
            let write = move |tx: &mut Tx<'_>| {
                noted.lock().push(name.clone());
                insert(tx, &name)
            };
            turns.push(queue(async move { writing.write("real", "lane", write).await }));
            end.send(()).unwrap();
        }
        for turn in turns {
            turn.await.unwrap().unwrap();
        }
        let turns = (0..3).flat_map(|n| [format!("rehearsal {n}"), format!("write {n}")]);
        assert_eq!(*played.lock(), turns.collect::<Vec<_>>());
        assert_eq!(stored(&db).await, 4);
    });
}

const ADD: &str = "UPDATE t SET n = n + 1 WHERE id = 'old'";
/// A conflict, and what ends a session although the server does not.
const TROUBLE: [(&str, ErrorKind); 2] = [("55P03", ErrorKind::Retry), ("25006", ErrorKind::Unavailable)];

#[tokio::test(flavor = "multi_thread")]
async fn one_that_cannot_go_on_holds_no_row_any_more() {
    let Some(server) = postgres() else { return };
    for (code, kind) in TROUBLE {
        let url = server.create_database();
        let [db, other] = [&url; 2].map(|url| Db::open(Options::postgres(url)).unwrap());
        db.migrate(STEPS).unwrap();
        let stage = Rehearsal::new();
        db.write_in(&stage, "add", "lane", |tx| tx.exec(ADD, &[])).await.unwrap();
        let trouble = format!("DO $$ BEGIN RAISE EXCEPTION 'forced' USING ERRCODE = '{code}'; END $$");
        let call = db.write_in(&stage, "trouble", "lane", move |tx| tx.exec(&trouble, &[]));
        let error = call.await.unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        let added = other.write("add", "lane", |tx| tx.exec(ADD, &[])).await;
        assert_eq!(added.expect("nobody holds the row"), 1, "{code}");
        db.close().await;
        other.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_waits_for_its_calls_holds_no_row_of_the_write_before_it() {
    let Some(server) = postgres() else { return };
    let url = server.create_database();
    let [db, other] = [&url; 2].map(|url| Db::open(Options::postgres(url)).unwrap());
    db.migrate(STEPS).unwrap();
    other.ping().await.unwrap();
    // Who waited for the row would do so for a second, however fast the machine is: the quickest counts.
    let mut quickest = Duration::MAX;
    for _ in 0..8 {
        let gate = Gate::shut(&db, "lane").await;
        let writing = db.clone();
        let refused = queue(async move {
            let call = |tx: &mut Tx<'_>| tx.exec(ADD, &[]).and(Err::<(), _>(Error::other("refused")));
            writing.write("refused", "lane", call).await
        });
        let stage = Rehearsal::new();
        let call = db.write_in(&stage, "abandoned", "lane", |tx| insert(tx, "abandoned"));
        assert!(tokio::time::timeout(Duration::ZERO, call).await.is_err());
        gate.open().await;
        refused.await.unwrap().unwrap_err();
        let since = Instant::now();
        assert_eq!(other.write("add", "lane", |tx| tx.exec(ADD, &[])).await.unwrap(), 1);
        quickest = quickest.min(since.elapsed());
        drop(stage);
        if quickest < Duration::from_millis(700) {
            break;
        }
    }
    assert!(quickest < Duration::from_millis(700), "{quickest:?}");
    db.close().await;
    other.close().await;
}
