//! A PostgreSQL that gives fewer connections than a server may have, from the start and later on.
use std::time::{Duration, Instant};

use db::testing::PgServer;
use db::{Db, Error, ErrorKind, Migration, Options};
use tokio::task::JoinHandle;

use super::gate::until;
use super::postgres::{ids, insert, with_server};

/// A role that may open so many connections at a time; the URL that it opens them by.
fn limited(server: &PgServer, url: &str, name: &str, limit: usize) -> String {
    let (_, rest) = url.rsplit_once('/').unwrap();
    let database = rest.split('?').next().unwrap();
    for sql in
        [format!("CREATE ROLE {name} LOGIN CONNECTION LIMIT {limit}"), format!("GRANT ALL ON t TO {name}")]
    {
        server.admin_in(database, &sql).unwrap();
    }
    url.replace("muster@", &format!("{name}@"))
}

#[tokio::test(flavor = "multi_thread")]
async fn where_connections_are_few_readers_leave_the_writers_theirs() {
    with_server(|server, url, _| async move {
        let url = limited(server, &url, "few", 5);
        let db = Db::open(Options::postgres_with(&url, 13)).unwrap();
        db.gather().await.unwrap();
        let mut calls = Vec::new();
        for n in 0..60 {
            let reading = db.clone();
            calls.push(tokio::spawn(async move {
                reading
                    .house()
                    .read("slow", |tx| tx.query_one("SELECT CAST(pg_sleep(0.05) AS TEXT)", &[], |_| Ok(())))
                    .await
            }));
            let writing = db.clone();
            calls.push(tokio::spawn(async move {
                writing.write("many", &n.to_string(), move |tx| insert(tx, &n.to_string())).await
            }));
        }
        for call in calls {
            call.await.unwrap().unwrap();
        }
        db.write_aside("aside", |tx| insert(tx, "aside")).await.unwrap();
        assert_eq!(ids(&db).await.len(), 61);
        // The limit is raised: the others come by themselves.
        server.admin("ALTER ROLE few CONNECTION LIMIT 20").unwrap();
        let open = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'few'";
        let count = async || {
            db.house()
                .read::<i64, Error>("count", |tx| tx.query_one(open, &[], |row| row.get(0)))
                .await
                .unwrap()
        };
        until("they are 13", async || count().await == 13).await;
        db.close().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn fewer_than_three_connections_are_an_error_and_who_waits_ends_with_the_database() {
    with_server(|server, url, _| async move {
        let two = limited(server, &url, "two", 2);
        let db = Db::open(Options::postgres_with(&two, 13)).unwrap();
        let error = db.gather().await.unwrap_err().to_string();
        assert!(
            error.contains("too many connections") && error.contains("--database-connections"),
            "{error}"
        );
        db.close().await;
        let db = Db::open(Options::postgres_with(&url, 5)).unwrap();
        // Nothing was gathered: migrating has a connection to itself.
        assert_eq!(db.pending(&[]).unwrap(), 0);
        db.close().await;
    })
    .await;
}

/// Six clients that write and read by turns, each on a lane of its own; how many writes and reads failed.
async fn six_clients(db: &Db, prefix: &str, rounds: usize) -> (usize, usize) {
    let clients: Vec<JoinHandle<(usize, usize)>> = (0..6)
        .map(|client| {
            let (db, prefix) = (db.clone(), format!("{prefix}-{client}"));
            tokio::spawn(async move {
                let mut failed = (0, 0);
                for round in 0..rounds {
                    let id = format!("{prefix}-{round}");
                    let written = db.write("many", &prefix, move |tx| insert(tx, &id)).await;
                    failed.0 += usize::from(written.is_err());
                    let read: Result<i64, Error> = db
                        .house()
                        .read("count", |tx| tx.query_one("SELECT count(*) FROM t", &[], |row| row.get(0)))
                        .await;
                    failed.1 += usize::from(read.is_err());
                }
                failed
            })
        })
        .collect();
    let mut failed = (0, 0);
    for client in clients {
        let (writes, reads) = client.await.unwrap();
        failed = (failed.0 + writes, failed.1 + reads);
    }
    failed
}

/// How many connections a role has.
async fn open(db: &Db, role: &'static str) -> i64 {
    let count: Result<i64, Error> = db
        .house()
        .read("open", move |tx| {
            let sql = format!("SELECT count(*) FROM pg_stat_activity WHERE usename = '{role}'");
            tx.query_one(&sql, &[], |row| row.get(0))
        })
        .await;
    count.unwrap()
}

/// Occupies all readers of a server, so that each of them connects; how many reads failed.
async fn many_reads(db: &Db) -> usize {
    let slow =
        || db.house().read("slow", |tx| tx.query_one("SELECT CAST(pg_sleep(0.2) AS TEXT)", &[], |_| Ok(())));
    let all: Vec<Result<(), Error>> = futures_util::future::join_all((0..16).map(|_| slow())).await;
    all.iter().filter(|read| read.is_err()).count()
}

/// Makes work for all threads until the role has so many connections.
async fn grown(db: &Db, role: &'static str, count: i64) {
    let since = Instant::now();
    while open(db, role).await != count {
        assert!(since.elapsed() < Duration::from_secs(90), "{role}: {}", open(db, role).await);
        assert_eq!(many_reads(db).await, 0);
        for lane in 0..20 {
            db.write("touch", &lane.to_string(), |tx| tx.exec("DELETE FROM t WHERE id = ''", &[]))
                .await
                .unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_loses_connections_and_gets_fewer_goes_on_with_what_there_is() {
    with_server(|server, url, _| async move {
        for (name, limit) in [("five", 5), ("three", 3)] {
            let url = limited(server, &url, name, 13);
            let db = Db::open(Options::postgres_with(&url, 13)).unwrap();
            db.gather().await.unwrap();
            grown(&db, name, 13).await;
            server.admin(&format!("ALTER ROLE {name} CONNECTION LIMIT {limit}")).unwrap();
            end_all_of(server, name);
            // The readers are there first and take all there is.
            assert_eq!(many_reads(&db).await, 0);
            for round in 0..3 {
                let failed = six_clients(&db, &format!("{name}-{round}"), 10).await;
                assert_eq!(failed, (0, 0), "writes and reads that failed with {limit} connections");
                let aside = format!("{name}-aside-{round}");
                db.write_aside("aside", move |tx| insert(tx, &aside)).await.unwrap();
            }
            let ids = ids(&db).await;
            let own = ids.iter().filter(|id| id.starts_with(name)).count();
            assert_eq!(own, 3 * (60 + 1), "nothing is lost, and nothing done twice");
            assert!(db.write_fault().is_none());
            server.admin(&format!("ALTER ROLE {name} CONNECTION LIMIT 13")).unwrap();
            grown(&db, name, 13).await;
            db.close().await;
        }
    })
    .await;
}

fn end_all_of(server: &PgServer, role: &str) {
    let sql =
        format!("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE usename = '{role}'");
    server.admin(&sql).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn two_servers_that_share_a_limit_both_write_after_all_connections_were_lost() {
    with_server(|server, url, _| async move {
        let url = limited(server, &url, "shared", 16);
        let mut both = Vec::new();
        for connections in [13, 13] {
            let db = Db::open(Options::postgres_with(&url, connections)).unwrap();
            db.gather().await.unwrap();
            both.push(db);
        }
        for round in 0..3 {
            let load: Vec<_> = both
                .iter()
                .enumerate()
                .map(|(n, db)| {
                    let (db, prefix) = (db.clone(), format!("load-{round}-{n}"));
                    tokio::spawn(async move { six_clients(&db, &prefix, 100).await })
                })
                .collect();
            tokio::time::sleep(Duration::from_millis(100)).await;
            end_all_of(server, "shared");
            futures_util::future::join_all(both.iter().map(many_reads)).await;
            for load in load {
                // Some met the end of their connection in a commit, which is none of this test's business.
                load.await.unwrap();
            }
            for (n, db) in both.iter().enumerate() {
                assert_eq!(six_clients(db, &format!("after-{round}-{n}"), 5).await, (0, 0), "server {n}");
            }
        }
        for db in both {
            db.close().await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_fault_is_of_its_lane() {
    with_server(|_, _, db| async move {
        let step = Migration { version: 1, name: "one", sql: "CREATE TABLE one (n {int})" };
        db.migrate(&[step]).unwrap();
        for sql in [
            "CREATE FUNCTION no_room() RETURNS TRIGGER LANGUAGE plpgsql AS
             $$ BEGIN RAISE EXCEPTION 'no room' USING ERRCODE = '53100'; END $$",
            "CREATE TRIGGER no_room BEFORE INSERT ON t FOR EACH ROW WHEN (NEW.id = 'full')
             EXECUTE FUNCTION no_room()",
        ] {
            db.write("init", "a", move |tx| tx.exec(sql, &[])).await.unwrap();
        }
        assert!(db.write_fault().is_none());
        let error = db.write("full", "a", |tx| insert(tx, "full")).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        db.write_aside("aside", |tx| insert(tx, "aside")).await.unwrap();
        assert!(db.write_fault().is_some(), "another lane's commit says nothing of this one");
        db.probe().await.unwrap();
        assert!(db.write_fault().is_none(), "the probe goes to the lane with the fault");
        db.write("full", "a", |tx| insert(tx, "full")).await.unwrap_err();
        db.write("fine", "a", |tx| insert(tx, "fine")).await.unwrap();
        assert!(db.write_fault().is_none());
    })
    .await;
}
