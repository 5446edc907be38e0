//! What is special to PostgreSQL: conflicts, lost connections, the URL.
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::time::Duration;

use db::testing::{PgServer, postgres};
use db::{Db, Error, ErrorKind, Options, Rehearsal, Tx, params};
use parking_lot::Mutex;
use tokio::task::JoinHandle;

use super::gate::{Gate, abandon, queue, until};

pub async fn with_server<Fut: Future<Output = ()>>(test: impl FnOnce(&'static PgServer, String, Db) -> Fut) {
    let Some(server) = postgres() else { return };
    let url = server.create_database();
    let db = Db::open(Options { readers: 2, lanes: 3, ..Options::postgres(&url) }).unwrap();
    db.write("init", "a", |tx| tx.exec("CREATE TABLE t (id TEXT PRIMARY KEY, n BIGINT NOT NULL)", &[]))
        .await
        .unwrap();
    test(server, url, db.clone()).await;
    db.close().await;
}

pub fn write<T: Send + 'static>(
    db: &Db,
    lane: &'static str,
    f: impl Fn(&mut Tx<'_>) -> Result<T, Error> + Send + 'static,
) -> JoinHandle<Result<T, Error>> {
    let db = db.clone();
    queue(async move { db.write("write", lane, f).await })
}

fn pid(tx: &mut Tx<'_>) -> Result<i64, Error> {
    tx.query_one("SELECT pg_backend_pid()", &[], |row| row.get(0))
}

pub fn insert(tx: &mut Tx<'_>, id: &str) -> Result<(), Error> {
    tx.put("INSERT INTO t (id, n) VALUES ($1, 0)", params![id])
}

pub async fn ids(db: &Db) -> Vec<String> {
    let found: Result<Vec<String>, Error> =
        db.house().read("ids", |tx| tx.query("SELECT id FROM t ORDER BY id", &[], |row| row.get(0))).await;
    found.unwrap()
}

/// `conflict(n)` fails as a serialization conflict until it was called more than `n` times in all.
async fn create_conflict(db: &Db) {
    for sql in [
        "CREATE SEQUENCE tries",
        "CREATE FUNCTION conflict(most BIGINT) RETURNS BIGINT LANGUAGE plpgsql AS $$ BEGIN
           IF nextval('tries') <= most THEN RAISE EXCEPTION 'forced' USING ERRCODE = '40001'; END IF;
           RETURN most; END $$",
    ] {
        db.write("conflict", "a", move |tx| tx.exec(sql, &[])).await.unwrap();
    }
}

/// Each lock that is asked for leaves a version of the row behind: those that share a batch ask once.
#[tokio::test(flavor = "multi_thread")]
async fn a_batch_takes_a_lock_once_and_a_refusal_behind_it_leaves_it_whole() {
    with_server(async |_, _, db| {
        db.write("row", "a", |tx| insert(tx, "row")).await.unwrap();
        let place = |tx: &mut Tx<'_>| {
            tx.query_one("SELECT CAST(ctid AS TEXT) FROM t WHERE id = 'row'", &[], |row| row.get::<String>(0))
        };
        let before: String = db.house().read("place", place).await.unwrap();
        let (gate, runs) = (Gate::shut(&db, "a").await, Arc::new(AtomicUsize::new(0)));
        let lock = |tx: &mut Tx<'_>| tx.lock("UPDATE t SET n = n WHERE id = $1", params!["row"]);
        let mut calls = Vec::new();
        for n in 0..5 {
            let runs = Arc::clone(&runs);
            calls.push(write(&db, "a", move |tx| {
                runs.fetch_add(1, Ordering::Relaxed);
                lock(tx)?;
                if n == 2 { Err(Error::other("refused")) } else { Ok(()) }
            }));
        }
        gate.open().await;
        for (n, call) in calls.into_iter().enumerate() {
            assert_eq!(call.await.unwrap().is_err(), n == 2);
        }
        assert_eq!(runs.load(Ordering::Relaxed), 5, "nobody ran again");
        let after: String = db.house().read("place", place).await.unwrap();
        assert_eq!((before.as_str(), after.as_str()), ("(0,1)", "(0,2)"));
    })
    .await;
}

/// So two replicas that hold the rows of several accounts never wait for each other.
#[tokio::test(flavor = "multi_thread")]
async fn a_batch_goes_by_account_in_whatever_order_its_calls_came() {
    with_server(async |_, url, _| {
        let db = Db::open(Options { readers: 1, lanes: 1, ..Options::postgres(&url) }).unwrap();
        let mut orders = Vec::new();
        for came in [["a", "b", "c", "d"], ["d", "c", "b", "a"]] {
            let (gate, ran) = (Gate::shut(&db, "gate").await, Arc::new(Mutex::new(Vec::new())));
            let mut calls = Vec::new();
            for account in came {
                let ran = Arc::clone(&ran);
                calls.push(write(&db, account, move |_| {
                    ran.lock().push(account);
                    Ok(())
                }));
            }
            gate.open().await;
            for call in calls {
                call.await.unwrap().unwrap();
            }
            orders.push(ran.lock().clone());
        }
        assert_eq!((orders[0].len(), &orders[0]), (4, &orders[1]));
        db.close().await;
    })
    .await;
}

/// Before the second after which PostgreSQL looks for those who wait for each other.
#[tokio::test(flavor = "multi_thread")]
async fn a_rehearsal_waits_for_a_lock_for_less_than_a_write() {
    with_server(async |_, _, db| {
        let told = |tx: &mut Tx<'_>| {
            tx.query_one("SELECT current_setting('lock_timeout')", &[], |row| row.get::<String>(0))
        };
        let writing: String = db.write("told", "a", told).await.unwrap();
        let rehearsed: String = db.write_in(&Rehearsal::new(), "told", "a", told).await.unwrap();
        assert_eq!((writing.as_str(), rehearsed.as_str()), ("3s", "500ms"));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conflict_is_tried_again_until_it_works() {
    with_server(|_, _, db| async move {
        create_conflict(&db).await;
        let gate = Gate::shut(&db, "a").await;
        let calls: Vec<_> = (0..4)
            .map(|n| {
                write(&db, "a", move |tx| {
                    insert(tx, &format!("{n}"))?;
                    if n == 2 {
                        // The error is swallowed: the bridge must notice all the same.
                        let _ = tx.query_one("SELECT conflict(3)", &[], |row| row.get::<i64>(0));
                    }
                    Ok(())
                })
            })
            .collect();
        gate.open().await;
        for call in calls {
            call.await.unwrap().unwrap();
        }
        assert_eq!(ids(&db).await, ["0", "1", "2", "3"]);
        let stats = db.stats();
        let stats = stats.iter().find(|stats| stats.label == "write").unwrap();
        assert!(stats.retries >= 3 && stats.failures == 0, "{stats:?}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conflict_without_end_is_answered_and_hurts_nobody_else() {
    with_server(|_, _, db| async move {
        create_conflict(&db).await;
        let gate = Gate::shut(&db, "a").await;
        let calls: Vec<_> = (0..4)
            .map(|n| {
                write(&db, "a", move |tx| {
                    insert(tx, &format!("{n}"))?;
                    if n == 1 {
                        tx.query_one("SELECT conflict(1000000)", &[], |row| row.get::<i64>(0))?;
                    }
                    Ok(())
                })
            })
            .collect();
        gate.open().await;
        for (n, call) in calls.into_iter().enumerate() {
            let answer = call.await.unwrap();
            if n == 1 {
                let error = answer.unwrap_err();
                assert!(error.kind() == ErrorKind::Retry && error.is_retryable(), "{error}");
            } else {
                answer.unwrap();
            }
        }
        assert_eq!(ids(&db).await, ["0", "2", "3"]);
        let read: Result<i64, Error> =
            db.house().read("read", |tx| tx.query_one("SELECT conflict(0)", &[], |row| row.get(0))).await;
        assert!(read.is_err(), "nextval is a write");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deadlock_between_lanes_resolves_itself() {
    with_server(|_, url, db| async move {
        for id in ["x", "y"] {
            db.write("seed", "a", move |tx| insert(tx, id)).await.unwrap();
        }
        // Two lanes of two servers, as two replicas would have.
        let other = Db::open(Options::postgres(url)).unwrap();
        let barrier = Arc::new(std::sync::Barrier::new(2));
        let calls: Vec<_> = [(&db, "x", "y"), (&other, "y", "x")]
            .into_iter()
            .map(|(db, first, second)| {
                let (barrier, tries) = (Arc::clone(&barrier), AtomicUsize::new(0));
                write(db, "a", move |tx| {
                    let add = "UPDATE t SET n = n + 1 WHERE id = $1";
                    tx.exec(add, params![first])?;
                    if tries.fetch_add(1, Ordering::SeqCst) == 0 {
                        barrier.wait();
                    }
                    tx.exec(add, params![second]).map(|_| ())
                })
            })
            .collect();
        for call in calls {
            call.await.unwrap().unwrap();
        }
        let sum: Result<Vec<i64>, Error> =
            db.house().read("sum", |tx| tx.query("SELECT n FROM t", &[], |row| row.get(0))).await;
        assert_eq!(sum.unwrap(), [2, 2]);
        let retries: u64 = [&db, &other].iter().flat_map(|db| db.stats()).map(|stats| stats.retries).sum();
        assert!(retries >= 1, "one of the two was chosen as the victim");
        other.close().await;
    })
    .await;
}

/// Ends one's own session at the first call only.
fn die_once(tx: &mut Tx<'_>, calls: &AtomicUsize, server: &PgServer) -> Result<(), Error> {
    if calls.fetch_add(1, Ordering::SeqCst) == 0 {
        let pid = pid(tx)?;
        server.admin(&format!("SELECT pg_terminate_backend({pid}, 5000)")).unwrap();
    }
    Ok(())
}

/// Whether this session is about a statement that begins so.
async fn is_busy(db: &Db, pid: i64, sql: &'static str) -> bool {
    let busy = "SELECT count(*) FROM pg_stat_activity WHERE pid = $1 AND state = 'active' AND query LIKE $2";
    let count =
        move |tx: &mut Tx<'_>| tx.query_one(busy, params![pid, &format!("{sql}%")], |row| row.get::<i64>(0));
    db.house().read::<_, Error>("busy", count).await.unwrap() > 0
}

/// Has a read wait at the server, gives it up, and reads once more with the one reader. Answers the two
/// connections, of which the first has nothing to do any more.
pub async fn give_up_a_read(one: &Db, db: &Db) -> (i64, i64) {
    let (reading, (tell, told)) = (one.clone(), channel());
    let read = tokio::spawn(async move {
        let sleep = move |tx: &mut Tx<'_>| -> Result<(), Error> {
            tell.send(pid(tx)?).unwrap();
            tx.query("SELECT 1 FROM pg_sleep(50)", &[], |_| Ok(())).map(|_| ())
        };
        reading.house().read("sleep", sleep).await
    });
    let first = tokio::task::spawn_blocking(move || told.recv().unwrap()).await.unwrap();
    until("it is at the server", async || is_busy(db, first, "SELECT 1 FROM pg_sleep").await).await;
    abandon(read).await;
    let next = tokio::time::timeout(Duration::from_secs(20), one.house().read::<_, Error>("next", pid)).await;
    let next = next.expect("the reader is free").unwrap();
    until("it has ended", async || !is_busy(db, first, "SELECT 1 FROM pg_sleep").await).await;
    (first, next)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_that_nobody_waits_for_ends_at_the_server_and_hits_no_other() {
    with_server(|_, url, db| async move {
        let one = Db::open(Options { readers: 1, lanes: 1, ..Options::postgres(&url) }).unwrap();
        for _ in 0..3 {
            let (first, next) = give_up_a_read(&one, &db).await;
            assert_ne!(first, next, "a late request to cancel finds nothing");
        }
        one.close().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_connection_is_replaced_and_the_work_done_again() {
    with_server(|server, _, db| async move {
        let gate = Gate::shut(&db, "a").await;
        let calls: Vec<_> = (0..3)
            .map(|n| {
                let runs = AtomicUsize::new(0);
                write(&db, "a", move |tx| {
                    insert(tx, &format!("{n}"))?;
                    if n == 1 {
                        die_once(tx, &runs, server)?;
                        tx.query("SELECT id FROM t", &[], |_| Ok(()))?;
                    }
                    Ok(())
                })
            })
            .collect();
        gate.open().await;
        for call in calls {
            call.await.unwrap().unwrap();
        }
        assert_eq!(ids(&db).await, ["0", "1", "2"]);
        let runs = AtomicUsize::new(0);
        let read: Result<usize, Error> = db
            .house()
            .read("read", move |tx| {
                die_once(tx, &runs, server)?;
                Ok(tx.query("SELECT id FROM t", &[], |_| Ok(()))?.len())
            })
            .await;
        assert_eq!(read.unwrap(), 3);
    })
    .await;
}

const END_ALL: &str = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
    WHERE datname = '$' AND pid <> pg_backend_pid()";

fn end_all(server: &PgServer, url: &str) {
    let name = url.rsplit('/').next().and_then(|rest| rest.split('?').next()).unwrap();
    server.admin(&END_ALL.replace('$', name)).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_died_while_idle_go_unnoticed() {
    with_server(|server, url, db| async move {
        db.ping().await.unwrap();
        end_all(server, &url);
        // Nothing but pipelined statements: the death shows itself no earlier than at the commit.
        db.write("put", "a", |tx| insert(tx, "1")).await.unwrap();
        end_all(server, &url);
        assert_eq!(ids(&db).await, ["1"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_lost_during_the_commit_is_not_tried_again() {
    with_server(|server, _, db| async move {
        for sql in [
            "CREATE FUNCTION slow() RETURNS TRIGGER LANGUAGE plpgsql AS
             $$ BEGIN PERFORM pg_sleep(60); RETURN NULL; END $$",
            "CREATE CONSTRAINT TRIGGER slow AFTER INSERT ON t DEFERRABLE INITIALLY DEFERRED
             FOR EACH ROW EXECUTE FUNCTION slow()",
        ] {
            db.write("slow", "a", move |tx| tx.exec(sql, &[])).await.unwrap();
        }
        let runs = Arc::new(AtomicUsize::new(0));
        let (counter, (tell, told)) = (Arc::clone(&runs), channel());
        let call = write(&db, "a", move |tx| {
            counter.fetch_add(1, Ordering::SeqCst);
            tell.send(pid(tx)?).unwrap();
            insert(tx, "1")
        });
        let pid = tokio::task::spawn_blocking(move || told.recv().unwrap()).await.unwrap();
        until("it commits", async || is_busy(&db, pid, "COMMIT").await).await;
        server.admin(&format!("SELECT pg_terminate_backend({pid})")).unwrap();
        let error = call.await.unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unknown);
        assert!(error.to_string().contains("outcome is unknown"), "{error}");
        assert_eq!(runs.load(Ordering::SeqCst), 1);
        db.ping().await.unwrap();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_sent_behind_a_begin_that_failed_changes_nothing() {
    with_server(|_, _, db| async move {
        let call = write(&db, "a", |tx| {
            // From here on it is as if no transaction had begun.
            tx.exec("ROLLBACK", &[])?;
            insert(tx, "1")?;
            insert(tx, "2")
        });
        assert_eq!(call.await.unwrap().unwrap_err().kind(), ErrorKind::Unavailable);
        assert!(ids(&db).await.is_empty());
        db.write("write", "a", |tx| insert(tx, "3")).await.unwrap();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_that_runs_too_long_is_a_timeout_of_its_own() {
    with_server(|_, url, db| async move {
        let slow =
            Db::open(Options::postgres(format!("{url}&options=-c%20statement_timeout%3D1500"))).unwrap();
        let gate = Gate::shut(&slow, "a").await;
        let calls: Vec<_> = (0..3)
            .map(|n| {
                write(&slow, "a", move |tx| {
                    insert(tx, &format!("{n}"))?;
                    let sql = if n == 1 { "SELECT pg_sleep(60)" } else { "SELECT pg_sleep(0)" };
                    tx.query(sql, &[], |_| Ok(())).map(|_| ())
                })
            })
            .collect();
        gate.open().await;
        for (n, call) in calls.into_iter().enumerate() {
            let answer = call.await.unwrap();
            if n == 1 {
                assert_eq!(answer.unwrap_err().kind(), ErrorKind::Timeout);
            } else {
                answer.unwrap();
            }
        }
        assert_eq!(ids(&db).await, ["0", "2"]);
        slow.close().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_only_server_is_left_for_one_that_writes() {
    with_server(|server, url, db| async move {
        let name = url.rsplit('/').next().and_then(|rest| rest.split('?').next()).unwrap();
        server.admin(&format!("ALTER DATABASE {name} SET default_transaction_read_only = on")).unwrap();
        end_all(server, &url);
        let error = Db::open(Options::postgres(&url)).err().unwrap();
        assert!(error.to_string().contains("is read-only: put the primary into the URL"), "{error}");
        let call = write(&db, "a", |tx| insert(tx, "1"));
        let retries =
            || db.stats().iter().find(|stats| stats.label == "write").map_or(0, |stats| stats.retries);
        until("it is tried again", async || retries() > 0).await;
        let back = format!("ALTER DATABASE {name} SET default_transaction_read_only = off");
        server.admin(&format!("SET default_transaction_read_only = off; {back}")).unwrap();
        // Its tries may all have been over by then.
        if let Err(error) = call.await.unwrap() {
            assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
            db.write("again", "a", |tx| insert(tx, "1")).await.unwrap();
        }
        assert_eq!(ids(&db).await, ["1"]);
    })
    .await;
}

#[test]
fn what_is_wrong_with_a_url_is_said_in_one_line_without_the_password() {
    let Some(server) = postgres() else { return };
    let name = "locked";
    // Another test of this process may have made the user.
    let _ = server.admin(&format!("CREATE ROLE {name} LOGIN PASSWORD 'right'"));
    let port = server.port();
    for (url, expected) in [
        ("postgres://u:secret@h:port/x".to_owned(), "the PostgreSQL URL cannot be read"),
        ("postgres://u:secret@h/x?sslmode=perhaps".to_owned(), "invalid value for option `sslmode`"),
        ("u:secret@h:5432/x".to_owned(), "the PostgreSQL URL cannot be read"),
        ("postgres://u:secret@h/x?sslrootcert=a".to_owned(), "unknown option `sslrootcert`"),
        ("postgres://u:a@secret@h/x".to_owned(), "written as %40"),
        ("postgres://u:a@secret/b@h/x".to_owned(), "written as %40"),
        ("postgres://u:a?b@secret".to_owned(), "written as %40"),
        ("postgres://h/x?password=a@secret".to_owned(), "written as %40"),
        ("postgres://u:a/secret@h/x".to_owned(), "holds a / before its @: percent-encode"),
        ("postgres://u:a#secret@h/x".to_owned(), "holds a #: percent-encode"),
        ("postgres://h/x?password=a#secret".to_owned(), "holds a #: percent-encode"),
        ("postgres://u:secret%zz@h/x".to_owned(), "a % without two hexadecimal digits"),
        ("postgres://u:secret%@h/x".to_owned(), "a % without two hexadecimal digits"),
        ("postgres://h/x?password=secret%2".to_owned(), "a % without two hexadecimal digits"),
        ("postgres:///x?password=secret".to_owned(), "names no host"),
        ("postgres://u:secret@127.0.0.1:1/x".to_owned(), "127.0.0.1:1 cannot be reached (Connection refused"),
        (format!("postgres://locked:secret@127.0.0.1:{port}/postgres"), "check user and password"),
        (format!("postgres://muster:secret@127.0.0.1:{port}/none"), "create the database"),
        (format!("postgres://muster:secret@127.0.0.1:{port}/postgres?sslmode=require"), "sslmode"),
    ] {
        let error = Db::open(Options::postgres(&url)).err().unwrap().to_string();
        assert!(error.contains(expected), "{url}: {error}");
        assert!(!error.contains("secret") && !error.contains('\n'), "{error}");
    }
    for url in [
        format!("postgres://locked:right@127.0.0.1:{port}/postgres?sslmode=prefer"),
        format!("postgres://muster@127.0.0.1:1,127.0.0.1:{port}/postgres?sslmode=disable"),
    ] {
        Db::open(Options::postgres(&url)).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn more_statements_than_the_cache_holds_work() {
    with_server(|_, _, db| async move {
        let sum: Result<i64, Error> = db
            .write("many", "a", |tx| {
                let mut sum = 0;
                for n in 0..1_100_i64 {
                    sum += tx.query_one(&format!("SELECT {n} + $1"), params![1], |row| row.get::<i64>(0))?;
                }
                Ok(sum)
            })
            .await;
        assert_eq!(sum.unwrap(), (0..1_100).sum::<i64>() + 1_100);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_of_the_wrong_type_never_goes_missing() {
    with_server(|_, _, db| async move {
        let wrong: Result<(), Error> = db
            .write("wrong", "a", |tx| {
                insert(tx, "1")?;
                // Prepared with text first, then given bytes, which the driver itself refuses.
                tx.put("INSERT INTO t (id, n) VALUES ($1, 2)", params!["2"])?;
                tx.put("INSERT INTO t (id, n) VALUES ($1, 2)", params![&[1_u8]])
            })
            .await;
        assert!(
            wrong.unwrap_err().to_string().contains("parameter $1 is bytes where PostgreSQL expects text")
        );
        assert!(ids(&db).await.is_empty());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn notices_are_not_asked_for_unless_the_url_does() {
    with_server(|_, url, db| async move {
        let loud = Db::open(Options::postgres(format!("{url}&options=-c%20client_min_messages%3Dnotice")));
        for (db, expected) in [(db, "warning"), (loud.unwrap(), "notice")] {
            let ask = "SELECT current_setting('client_min_messages')";
            let level: Result<String, Error> =
                db.house().read("level", move |tx| tx.query_one(ask, &[], |row| row.get(0))).await;
            assert_eq!(level.unwrap(), expected);
        }
    })
    .await;
}
