//! First signs of life on SQLite.
use db::{Db, Error, ErrorKind, Migration, Options, params};

const STEPS: &[Migration] = &[Migration {
    version: 1,
    name: "init",
    sql: "CREATE TABLE t (account_id {text} NOT NULL, id {text} NOT NULL, n {int}, b {bool}, x {bytes},
          PRIMARY KEY (account_id, id)) {narrow};",
}];

#[tokio::test]
async fn writes_and_reads() {
    let dir = tempfile::tempdir().unwrap();
    let db = Db::open(Options::sqlite(dir.path().join("sub/a.db"))).unwrap();
    assert_eq!(db.pending(STEPS).unwrap(), 1);
    assert_eq!(db.migrate(STEPS).unwrap().applied, [1]);
    assert_eq!(db.migrate(STEPS).unwrap().applied, [0_u32; 0]);
    let insert = "INSERT INTO t (n, account_id, id, b) VALUES ($3, $1, $2, $4)";
    db.write("insert", "a", move |tx| tx.exec(insert, params!["a", "1", 7_i64, true])).await.unwrap();
    let again: Result<u64, Error> =
        db.write("insert", "a", move |tx| tx.exec(insert, params!["a", "1", 8_i64, false])).await;
    assert_eq!(again.unwrap_err().kind(), ErrorKind::Unique);
    let sql = "SELECT n, b FROM t WHERE account_id = $1 AND id = $2";
    let found: Result<(i64, bool), Error> = db
        .point("load", move |tx| tx.query_one(sql, params!["a", "1"], |row| Ok((row.get(0)?, row.get(1)?))))
        .await;
    assert_eq!(found.unwrap(), (7, true));
    db.ping().await.unwrap();
    let denied: Result<u64, Error> = db.read("w", |tx| tx.exec("DELETE FROM t", &[])).await;
    assert!(denied.is_err());
    db.close().await;
    assert_eq!(db.ping().await.unwrap_err().kind(), ErrorKind::Unavailable);
    assert_eq!(db.stats()[0].label, "insert");
}
