//! Durable creation: against SQLite itself, and group commit on PostgreSQL.

use std::cell::RefCell;
use std::sync::Arc;

use super::{Plan, Side, Subject, in_turns, per_second};
use crate::Result;
use crate::direct::Direct;
use crate::postgres::Cluster;
use crate::server::Place;
use crate::table::{Goal, Row, median, ratio};
use crate::traffic::{Kind, Traffic};

const MANY: usize = 64;
/// Creations that the direct reference has ready for a round; enough for the fastest disk.
const READY: usize = 60_000;
const READY_ALONE: usize = 20_000;

/// 6a: over HTTP, with 64 connections and with one, against the same rows straight into SQLite.
pub(super) fn against_sqlite(plan: &Plan) -> Result<Vec<Row>> {
    Plan::note("a: durable creation against SQLite itself");
    let place = plan.folder("creation");
    let Subject { server, sat, .. } = plan.found(&place, "creation", &[])?;
    let (target, file) = (server.target(&sat), place.file().ok_or("the server keeps no file")?);
    let direct = Direct::of_creations(&target, &file, &plan.scratch.join("direct.db"))?;
    let (direct, traffic) =
        (RefCell::new(direct), Arc::new(Traffic::new(Kind::Create { prefix: "a".into() })));
    let over_http =
        |connections: usize| plan.load(&target, &traffic, connections).map(|outcome| outcome.rate());
    let sides: Vec<Side<'_>> = vec![
        Box::new(|| direct.borrow_mut().rate(MANY, READY, plan.time)),
        Box::new(|| over_http(MANY)),
        Box::new(|| direct.borrow_mut().rate(1, READY_ALONE, plan.time)),
        Box::new(|| over_http(1)),
    ];
    let values = in_turns(plan.rounds, sides)?;
    let row = |what: &str, reference: &[f64], subject: &[f64], least: f64| Row {
        part: "a",
        what: what.into(),
        subject: per_second(median(subject)),
        reference: per_second(median(reference)),
        ratio: ratio(subject, reference),
        goal: Goal::AtLeast(least),
    };
    Ok(vec![
        row(
            "durable creation, 64 connections : rows into SQLite, 64 a transaction",
            &values[0],
            &values[1],
            0.5,
        ),
        row(
            "durable creation, 1 connection : rows into SQLite, 1 a transaction",
            &values[2],
            &values[3],
            0.6,
        ),
    ])
}

/// A goal that is missed because it could not be measured; the other parts keep their rows.
pub(super) fn not_measured(error: &str) -> Row {
    let (what, none) = (format!("PostgreSQL: not measured: {error}"), String::new());
    Row { part: "g", what, subject: none.clone(), reference: none, ratio: f64::NAN, goal: Goal::AtLeast(3.0) }
}

/// 6g: 64 connections against one, which has each creation in a transaction of its own.
pub(super) fn on_postgres(plan: &Plan) -> Result<Row> {
    Plan::note("g: group commit on PostgreSQL");
    let cluster = Cluster::start()?;
    let place = Place::Postgres(cluster.url.clone());
    let Subject { server, sat, .. } = plan.found(&place, "postgres", &[])?;
    let (target, traffic) =
        (server.target(&sat), Arc::new(Traffic::new(Kind::Create { prefix: "g".into() })));
    let rate = |connections: usize| plan.load(&target, &traffic, connections).map(|outcome| outcome.rate());
    let values = in_turns(plan.rounds, vec![Box::new(|| rate(1)), Box::new(|| rate(MANY))])?;
    server.stop()?;
    Ok(Row {
        part: "g",
        what: "PostgreSQL: durable creation in one account, 64 connections : 1 connection".into(),
        subject: per_second(median(&values[1])),
        reference: per_second(median(&values[0])),
        ratio: ratio(&values[1], &values[0]),
        goal: Goal::AtLeast(3.0),
    })
}
