//! Bells ring after commits that wrote rows left for their key, and only then.
use std::time::Duration;

use db::sql::Value;
use db::testing::each_engine;
use db::{Bell, Closing, Db, Error, Migration, Tx};

const STEPS: &[Migration] = &[Migration {
    version: 1,
    name: "init",
    sql: "CREATE TABLE t (id {text} NOT NULL PRIMARY KEY) {narrow};",
}];

static LEFT: Closing = Closing { name: "left", write };

fn write(tx: &mut Tx<'_>, rows: &[Vec<Value>]) -> Result<(), Error> {
    rows.iter().try_for_each(|row| tx.put("INSERT INTO t (id) VALUES ($1)", &[row[1].as_param()]))
}

/// Tells others of what is written, by a closing that writes nothing.
static TELLING: Closing = Closing {
    name: "telling",
    write: |tx, rows| {
        write(tx, rows)?;
        tx.leave(&TOLD, vec!["told".into()])
    },
};
static TOLD: Closing = Closing { name: "told", write: |_, _| Ok(()) };

async fn leave(db: &Db, key: &'static str, id: &'static str, fine: bool) -> Result<(), Error> {
    db.write("leave", key, move |tx| {
        tx.leave(&LEFT, vec![key.into(), id.into()])?;
        if fine { Ok(()) } else { Err(Error::other("as the test wants it")) }
    })
    .await
}

async fn rings(bell: &mut Bell) -> bool {
    tokio::time::timeout(Duration::from_millis(100), bell.rung()).await.is_ok()
}

#[test]
fn a_bell_rings_for_the_commits_of_its_key() {
    each_engine("bells", |db| async move {
        db.migrate(STEPS).unwrap();
        leave(&db, "a", "before", true).await.unwrap();
        let (mut first, mut other) = (db.bell("a"), db.bell("b"));
        assert!(!rings(&mut first).await, "not for what was committed before");
        leave(&db, "a", "1", false).await.unwrap_err();
        assert!(!rings(&mut first).await, "not for what was rolled back");
        leave(&db, "a", "1", true).await.unwrap();
        leave(&db, "a", "2", true).await.unwrap();
        assert!(rings(&mut first).await);
        assert!(!rings(&mut first).await, "once for all that came since");
        assert!(!rings(&mut other).await, "not for another key");
        let mut second = db.bell("a");
        drop(first);
        leave(&db, "a", "3", true).await.unwrap();
        assert!(rings(&mut second).await, "a bell that is dropped takes no other with it");
        drop(second);
        leave(&db, "a", "4", true).await.unwrap();
        assert!(!rings(&mut db.bell("a")).await);
    });
}

#[test]
fn a_closing_rings_other_bells_by_what_it_leaves() {
    each_engine("bells_of_closings", |db| async move {
        db.migrate(STEPS).unwrap();
        let (mut own, mut told) = (db.bell("a"), db.bell("told"));
        let leave = |tx: &mut Tx<'_>| tx.leave(&TELLING, vec!["a".into(), "1".into()]);
        db.write::<_, Error>("leave", "a", leave).await.unwrap();
        assert!(rings(&mut own).await);
        assert!(rings(&mut told).await);
        db.write::<_, Error>("leave", "a", leave).await.unwrap_err();
        assert!(!rings(&mut told).await, "not for what was rolled back");
    });
}
