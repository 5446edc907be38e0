//! Random batches against a model: closures run as if each had the database to itself, in order. Among them
//! are rehearsals, which come behind the writes of their batch and leave nothing; of some the caller is gone.
use std::collections::BTreeSet;

use db::testing::each_engine;
use db::{Db, Error, Migration, Rehearsal, Tx, params};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::gate::Gate;

const STEPS: &[Migration] = &[Migration {
    version: 1,
    name: "init",
    sql: "CREATE TABLE t (id {int} NOT NULL PRIMARY KEY) {narrow};",
}];

#[derive(Clone, Copy, Debug)]
enum Op {
    Put(i64),
    Exec(i64),
    Count,
    Refuse,
    Panic,
}

fn run(tx: &mut Tx<'_>, ops: &[Op]) -> Result<i64, Error> {
    let mut seen = -1;
    for op in ops {
        match *op {
            Op::Put(id) => tx.put("INSERT INTO t (id) VALUES ($1)", params![id])?,
            Op::Exec(id) => tx.exec("INSERT INTO t (id) VALUES ($1)", params![id]).map(|_| ())?,
            Op::Count => seen = tx.query_one("SELECT count(*) FROM t", &[], |row| row.get(0))?,
            Op::Refuse => return Err(Error::other("refused")),
            Op::Panic => panic!("on purpose"),
        }
    }
    Ok(seen)
}

/// What a closure answers, with nobody else there; on success its changes are kept.
fn expect(rows: &mut BTreeSet<i64>, ops: &[Op]) -> Option<i64> {
    let (mut mine, mut seen) = (rows.clone(), -1);
    for op in ops {
        match *op {
            Op::Put(id) | Op::Exec(id) if !mine.insert(id) => return None,
            Op::Put(_) | Op::Exec(_) => {}
            Op::Count => seen = i64::try_from(mine.len()).unwrap(),
            Op::Refuse | Op::Panic => return None,
        }
    }
    *rows = mine;
    Some(seen)
}

fn closure(rng: &mut StdRng) -> Vec<Op> {
    let length = rng.random_range(0..6);
    (0..length)
        .map(|_| match rng.random_range(0..100) {
            0..50 => Op::Put(rng.random_range(0..150)),
            50..70 => Op::Exec(rng.random_range(0..150)),
            70..92 => Op::Count,
            92..98 => Op::Refuse,
            _ => Op::Panic,
        })
        .collect()
}

async fn batch(db: &Db, rows: &mut BTreeSet<i64>, closures: Vec<Vec<Op>>, rehearsals: Vec<(bool, Vec<Op>)>) {
    let gate = Gate::shut(db, "a").await;
    let mut calls = Vec::new();
    for ops in closures.clone() {
        let db = db.clone();
        // Polled once here, so that it is queued before the next one.
        let mut call = Box::pin(async move { db.write("ops", "a", move |tx| run(tx, &ops)).await });
        assert!(futures_util::poll!(call.as_mut()).is_pending());
        calls.push(call);
    }
    let mut rehearsing = Vec::new();
    for (hangs_up, ops) in rehearsals {
        let (db, own) = (db.clone(), ops.clone());
        let mut call = Box::pin(async move {
            let stage = Rehearsal::new();
            db.write_in(&stage, "rehearse", "a", move |tx| run(tx, &own)).await
        });
        assert!(futures_util::poll!(call.as_mut()).is_pending());
        if !hangs_up {
            rehearsing.push((ops, tokio::spawn(call)));
        }
    }
    gate.open().await;
    for (ops, call) in closures.iter().zip(calls) {
        let answer: Result<i64, Error> = call.await;
        let expected = expect(rows, ops);
        assert_eq!(answer.as_ref().ok().copied(), expected, "{answer:?} of {ops:?} in {closures:?}");
    }
    for (ops, call) in rehearsing {
        let answer: Result<i64, Error> = call.await.unwrap();
        let expected = expect(&mut rows.clone(), &ops);
        assert_eq!(answer.as_ref().ok().copied(), expected, "{answer:?} of {ops:?} rehearsed");
    }
}

#[test]
fn random_batches_behave_like_one_closure_after_the_other() {
    std::panic::set_hook(Box::new(|info| {
        if info.payload_as_str() != Some("on purpose") {
            eprintln!("{info}");
        }
    }));
    each_engine("model", |db| async move {
        db.migrate(STEPS).unwrap();
        let mut rows = BTreeSet::new();
        for seed in 0..40 {
            let mut rng = StdRng::seed_from_u64(seed);
            let size = rng.random_range(1..24);
            let closures = (0..size).map(|_| closure(&mut rng)).collect();
            let rehearsals = (0..rng.random_range(0..4)).map(|_| (rng.random(), closure(&mut rng)));
            let rehearsals = rehearsals.collect();
            batch(&db, &mut rows, closures, rehearsals).await;
            let found: Result<Vec<i64>, Error> = db
                .house()
                .read("rows", |tx| tx.query("SELECT id FROM t ORDER BY id", &[], |row| row.get(0)))
                .await;
            assert_eq!(found.unwrap(), rows.iter().copied().collect::<Vec<_>>(), "after batch {seed}");
            if seed % 8 == 7 {
                db.write("empty", "a", |tx| tx.exec("DELETE FROM t", &[])).await.unwrap();
                rows.clear();
            }
        }
    });
}
