//! What size costs: filters and members at both ends, start, and memory.

use std::sync::Arc;
use std::time::Duration;

use super::{Plan, Side, Subject, in_turns, micros};
use crate::Result;
use crate::fill::{self, Users};
use crate::server::Server;
use crate::table::{Goal, Row, median, ratio};
use crate::traffic::{Kind, Target, Traffic};

const CONNECTIONS: usize = 16;
const FEW: u64 = 1_000;
/// Users beside the members of the large groups, who join them.
const JOINERS: u64 = 10_000;
const SMALL: usize = 10;
/// Each small group is joined by so many, so that it stays small.
const JOINERS_OF_SMALL: usize = 10;
// As many as two processors of today fill in the time of the rounds, and half as many again.
const SMALL_GROUPS: u64 = 12_000;
const LARGE_GROUPS: usize = 12;
const STARTS: usize = 5;
/// Reads between readiness and the look at the memory.
const FEW_READS: usize = 200;
const MOST_SECONDS: f64 = 1.0;
const MOST_MEGABYTES: f64 = 60.0;

/// 6d, 6e, 6f.
pub(super) fn with_size(plan: &Plan) -> Result<Vec<Row>> {
    Plan::note("d, e, f: filling the large account");
    let large_place = plan.folder("large");
    let large = plan.found(&large_place, "large", &[])?;
    let target = large.server.target(&large.sat);
    let users = fill::users(&target, "f", plan.users + JOINERS)?;
    let small = plan.found(&plan.folder("small"), "small", &[])?;
    let mut rows = vec![filters(plan, &target, &users, &small)?];
    drop(small);
    rows.push(members(plan, &target, &users)?);
    large.server.stop()?;
    Plan::note("f: starting the large account");
    let mut starts = Vec::new();
    for _ in 1..STARTS {
        let server = plan.start(&large_place, "large", &[])?;
        starts.push(server.ready_after.as_secs_f64());
        server.stop()?;
    }
    let server = plan.start(&large_place, "large", &[])?;
    starts.push(server.ready_after.as_secs_f64());
    rows.extend(at_rest(&server, &server.target(&large.sat), &users, &starts)?);
    Ok(rows)
}

/// The median latency of a filter with many users against that with few.
fn filters(plan: &Plan, large: &Target, users: &Users, few: &Subject) -> Result<Row> {
    Plan::note("d: filter at both sizes");
    let small = few.server.target(&few.sat);
    let few = fill::users(&small, "k", FEW)?;
    let of = |users: &Users| Arc::new(Traffic::new(Kind::Filter { names: users.names.clone() }));
    let (many, few) = (of(users), of(&few));
    let p50 =
        |target: &Target, traffic: &Arc<Traffic>| Ok(plan.load(target, traffic, CONNECTIONS)?.micros(0.5));
    let sides: Vec<Side<'_>> = vec![Box::new(|| p50(&small, &few)), Box::new(|| p50(large, &many))];
    let values = in_turns(plan.rounds, sides)?;
    let total = plan.users + JOINERS;
    Ok(Row {
        part: "d",
        what: format!("filter userName eq, p50 at {total} users : at {FEW}"),
        subject: micros(median(&values[1])),
        reference: micros(median(&values[0])),
        ratio: ratio(&values[1], &values[0]),
        goal: Goal::AtMost(1.5),
    })
}

/// The median latency of one more member in a large group against that in a small one.
fn members(plan: &Plan, target: &Target, users: &Users) -> Result<Row> {
    Plan::note("e: one more member at both sizes");
    let count = usize::try_from(plan.users).unwrap_or(usize::MAX);
    let (members, joiners) = users.ids.split_at(count);
    let small = fill::small_groups(target, "Small", &members[..SMALL], SMALL_GROUPS)?;
    let large = (0..LARGE_GROUPS).map(|at| fill::large_group(target, &format!("Large {at}"), members));
    let large = large.collect::<Result<Vec<_>>>()?;
    let of = |groups, joiners: &[String]| {
        Arc::new(Traffic::new(Kind::Member { groups, joiners: joiners.to_vec() }))
    };
    let (small, large) = (of(small, &joiners[..JOINERS_OF_SMALL]), of(large, joiners));
    let p50 = |traffic: &Arc<Traffic>| Ok(plan.load(target, traffic, CONNECTIONS)?.micros(0.5));
    let values = in_turns(plan.rounds, vec![Box::new(|| p50(&small)), Box::new(|| p50(&large))])?;
    Ok(Row {
        part: "e",
        what: format!("one more member, p50 in a group of {count} : in a group of {SMALL}"),
        subject: micros(median(&values[1])),
        reference: micros(median(&values[0])),
        ratio: ratio(&values[1], &values[0]),
        goal: Goal::AtMost(1.5),
    })
}

/// Start and memory against what they may be at most.
#[expect(clippy::cast_precision_loss, reason = "kilobytes of a process are far below 2^52")]
fn at_rest(server: &Server, target: &Target, users: &Users, starts: &[f64]) -> Result<Vec<Row>> {
    let reads = |kind| -> Result<()> {
        let traffic = Traffic::new(kind);
        for _ in 0..FEW_READS {
            let mut request = Vec::new();
            traffic.write(target, &mut request)?;
            crate::client::once(target, &request)?;
        }
        Ok(())
    };
    reads(Kind::Get { ids: users.ids.clone() })?;
    reads(Kind::Filter { names: users.names.clone() })?;
    std::thread::sleep(Duration::from_secs(1));
    let (seconds, megabytes) = (median(starts), server.resident_kb()? as f64 * 1_024.0 / 1e6);
    let total = users.ids.len();
    let row = |what, subject, reference, ratio| Row {
        part: "f",
        what,
        subject,
        reference,
        ratio,
        goal: Goal::AtMost(1.0),
    };
    Ok(vec![
        row(
            format!("start to ready with {total} users : 1 s"),
            format!("{seconds:.3} s"),
            format!("{MOST_SECONDS:.0} s"),
            seconds / MOST_SECONDS,
        ),
        row(
            format!("idle memory with {total} users : 60 MB"),
            format!("{megabytes:.1} MB"),
            format!("{MOST_MEGABYTES:.0} MB"),
            megabytes / MOST_MEGABYTES,
        ),
    ])
}
