//! What the provisioning log costs: the same requests with it and without it, on one server, switched by the
//! account's setting.

use std::sync::Arc;
use std::time::Duration;

use super::{Plan, Side, Subject, in_turns, per_second};
use crate::Result;
use crate::fill;
use crate::table::{Goal, Row, median, ratio};
use crate::traffic::{Kind, Traffic};

const CONNECTIONS: usize = 16;
const PEOPLE: u64 = 10_000;
/// At least so much of the throughput stays.
const PATCH: f64 = 0.90;
/// Until what the other side left is written.
const SETTLED: Duration = Duration::from_millis(400);

/// PATCH and GET of a user, with the log : without it.
pub(super) fn on_and_off(plan: &Plan) -> Result<Vec<Row>> {
    Plan::note("h: the provisioning log on and off");
    let Subject { server, admin, sat } = plan.found(&plan.folder("log"), "log", &[])?;
    let target = server.target(&sat);
    let people = fill::users(&target, "p", PEOPLE)?;
    let mut rows = Vec::new();
    for (what, kind, goal) in [
        ("PATCH user", people.patched(), Goal::AtLeast(PATCH)),
        ("GET user by id", Kind::Get { ids: people.ids.clone() }, Goal::None),
    ] {
        let traffic = Arc::new(Traffic::new(kind));
        let rate = |on: bool| {
            server.set(&admin, "provisioning_log_enabled", if on { "true" } else { "false" })?;
            std::thread::sleep(SETTLED);
            plan.load(&target, &traffic, CONNECTIONS).map(|outcome| outcome.rate())
        };
        let sides: Vec<Side<'_>> = vec![Box::new(|| rate(false)), Box::new(|| rate(true))];
        // The two sides are close to each other: it takes more rounds to tell them apart.
        let values = in_turns(plan.rounds * 2, sides)?;
        rows.push(Row {
            part: "h",
            what: format!("provisioning log: {what} on : off"),
            subject: per_second(median(&values[1])),
            reference: per_second(median(&values[0])),
            ratio: ratio(&values[1], &values[0]),
            goal,
        });
    }
    server.stop()?;
    Ok(rows)
}
