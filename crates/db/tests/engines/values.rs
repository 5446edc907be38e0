//! Value types, in and out.
use std::ops::ControlFlow;

use db::testing::each_engine;
use db::{Db, Error, ErrorKind, Migration, params};

const STEPS: &[Migration] = &[Migration {
    version: 1,
    name: "init",
    sql: "CREATE TABLE t (account_id {text} NOT NULL, id {text} NOT NULL, n {int}, b {bool}, x {bytes},
          PRIMARY KEY (account_id, id)) {narrow};",
}];

type Line = (String, Option<i64>, Option<bool>, Option<Vec<u8>>);

#[test]
fn every_type_comes_back_as_it_went_in() {
    each_engine("round trip", |db| async move {
        db.migrate(STEPS).unwrap();
        let insert = "INSERT INTO t (account_id, id, n, b, x) VALUES ($1, $2, $3, $4, $5)";
        db.write("insert", "a", move |tx| {
            tx.put(insert, params!["a", "full ü\u{1F600}", i64::MIN, true, &[0_u8, 255, 7]])?;
            tx.exec(insert, params!["a", "null", None::<i64>, None::<bool>, None::<&[u8]>])?;
            tx.put(insert, params!["a", "zero", 0, false, &[] as &[u8]])
        })
        .await
        .unwrap();
        let rows: Result<Vec<Line>, Error> = db
            .house()
            .read("all", |tx| {
                let sql = "SELECT id, n, b, x FROM t WHERE account_id = $1 ORDER BY id";
                tx.query(sql, params!["a"], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))
            })
            .await;
        assert_eq!(
            rows.unwrap(),
            [
                ("full ü\u{1F600}".into(), Some(i64::MIN), Some(true), Some(vec![0, 255, 7])),
                ("null".into(), None, None, None),
                ("zero".into(), Some(0), Some(false), Some(vec![])),
            ]
        );
    });
}

#[test]
fn a_duplicate_is_unique_and_spoils_only_its_closure() {
    each_engine("unique", |db| async move {
        db.migrate(STEPS).unwrap();
        let insert = "INSERT INTO t (n, account_id, id) VALUES ($3, $1, $2)";
        let first = db.write("insert", "a", move |tx| tx.exec(insert, params!["a", "1", 7])).await;
        assert_eq!(first.unwrap(), 1);
        for pipelined in [false, true] {
            let again: Result<(), Error> = db
                .write("insert", "a", move |tx| {
                    tx.put(insert, params!["a", "2", 8])?;
                    if pipelined {
                        tx.put(insert, params!["a", "1", 8])
                    } else {
                        tx.exec(insert, params!["a", "1", 8]).map(|_| ())
                    }
                })
                .await;
            assert_eq!(again.unwrap_err().kind(), ErrorKind::Unique);
        }
        assert_eq!(count(&db).await, 1);
    });
}

#[test]
fn integers_literals_and_limits_read_alike() {
    each_engine("literals", |db| async move {
        let found: Result<(i64, bool, i64, i64), Error> = db
            .house()
            .read("literals", |tx| {
                let sql = "SELECT 1, EXISTS (SELECT 1), $1 + 1, count(*) FROM (SELECT 1 LIMIT $2) AS one";
                tx.query_one(sql, params![1_700_000_000_000_000_i64, 5], |row| {
                    Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
                })
            })
            .await;
        assert_eq!(found.unwrap(), (1, true, 1_700_000_000_000_001, 1));
    });
}

#[test]
fn what_only_one_engine_could_do_fails_on_both() {
    each_engine("refusals", |db| async move {
        db.migrate(STEPS).unwrap();
        let nul: Result<u64, Error> = db
            .write("nul", "a", |tx| {
                tx.exec("INSERT INTO t (account_id, id) VALUES ($1, $2)", params!["a", "x\0"])
            })
            .await;
        let nul = nul.unwrap_err();
        assert!(nul.to_string().contains("parameter $2 holds a NUL"));
        assert_eq!(nul.kind(), ErrorKind::BadText);
        let missing: Result<u64, Error> =
            db.write("missing", "a", |tx| tx.exec("DELETE FROM t WHERE id = $1", &[])).await;
        assert!(missing.unwrap_err().to_string().contains("1 parameters and 0 values"));
        let wrote: Result<u64, Error> = db.house().read("wrote", |tx| tx.exec("DELETE FROM t", &[])).await;
        assert!(wrote.is_err(), "a read must not write");
        // After a refused statement there is no way on, on SQLite neither.
        let on: Result<u64, Error> = db
            .write("on", "a", |tx| {
                let insert = "INSERT INTO t (account_id, id) VALUES ('a', '1')";
                tx.exec(insert, &[])?;
                let again = tx.exec(insert, &[]);
                assert_eq!(again.unwrap_err().kind(), ErrorKind::Unique);
                assert_eq!(tx.exec("DELETE FROM t", &[]).unwrap_err().kind(), ErrorKind::Unique);
                Ok(1)
            })
            .await;
        assert_eq!(on.unwrap_err().kind(), ErrorKind::Unique);
        assert_eq!(count(&db).await, 0);
    });
}

#[test]
fn rows_are_counted_and_mistakes_named() {
    each_engine("rows", |db| async move {
        db.migrate(STEPS).unwrap();
        let sql = "SELECT id FROM t";
        let get = |row: &db::Row<'_>| row.get::<String>(0);
        let none: Result<Option<String>, Error> =
            db.house().read("none", move |tx| tx.query_opt(sql, &[], get)).await;
        assert_eq!(none.unwrap(), None);
        let none: Result<String, Error> =
            db.house().read("none", move |tx| tx.query_one(sql, &[], get)).await;
        assert!(none.unwrap_err().to_string().starts_with("no row"));
        let insert = "INSERT INTO t (account_id, id) VALUES ('a', '1'), ('a', '2')";
        assert_eq!(db.write("two", "a", move |tx| tx.exec(insert, &[])).await.unwrap(), 2);
        let two: Result<Option<String>, Error> =
            db.house().read("two", move |tx| tx.query_opt(sql, &[], get)).await;
        assert!(two.unwrap_err().to_string().starts_with("more than one row"));
        let wrong: Result<Vec<i64>, Error> =
            db.house().read("wrong", move |tx| tx.query(sql, &[], |row| row.get(0))).await;
        assert_eq!(wrong.unwrap_err().to_string(), "column 0 holds text where the code reads an integer");
        let beyond: Result<Vec<i64>, Error> =
            db.house().read("beyond", move |tx| tx.query(sql, &[], |row| row.get(1))).await;
        assert!(beyond.is_err());
        let broken: Result<Vec<String>, Error> =
            db.house().read("broken", move |tx| tx.query("SELECT nothing FROM t", &[], get)).await;
        assert!(broken.unwrap_err().to_string().contains("SELECT nothing FROM t"));
        let touched: u64 = db.write("u", "a", |tx| tx.exec("UPDATE t SET n = 1", &[])).await.unwrap();
        assert_eq!(touched, 2);
    });
}

#[test]
fn a_hundred_thousand_rows_stream() {
    each_engine("stream", |db| async move {
        db.migrate(STEPS).unwrap();
        db.write("fill", "a", |tx| {
            for n in 0..100_000_i64 {
                let id = format!("{n:06}");
                tx.put("INSERT INTO t (account_id, id, n) VALUES ('a', $1, $2)", params![&id, n])?;
            }
            Ok::<_, Error>(())
        })
        .await
        .unwrap();
        let before = resident_kib();
        let sum: Result<(i64, i64), Error> = db
            .house()
            .read("stream", |tx| {
                let (mut sum, mut most) = (0, 0);
                tx.each("SELECT n, id FROM t ORDER BY id", &[], |row| {
                    sum += row.get::<i64>(0)?;
                    most = most.max(row.text_ref(1)?.len());
                    Ok(ControlFlow::Continue(()))
                })?;
                let mut seen = 0;
                tx.each("SELECT n FROM t ORDER BY id", &[], |_| {
                    seen += 1;
                    Ok(if seen == 10 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
                })?;
                assert_eq!(most, 6);
                Ok((sum, tx.query_one("SELECT count(*) FROM t", &[], |row| row.get(0))?))
            })
            .await;
        assert_eq!(sum.unwrap(), (4_999_950_000, 100_000));
        let grown = resident_kib().saturating_sub(before);
        assert!(grown < 8_000, "streaming 100,000 rows took {grown} KiB more");
    });
}

fn resident_kib() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.trim().split(' ').next()?.parse().ok()).unwrap_or(0)
}

async fn count(db: &Db) -> i64 {
    let found: Result<i64, Error> =
        db.house().point("count", |tx| tx.query_one("SELECT count(*) FROM t", &[], |row| row.get(0))).await;
    found.unwrap()
}
