//! The SCIM surface against a bare axum endpoint that answers the same bytes, and JWTs against a SAT.

use std::path::Path;
use std::sync::Arc;

use super::{Bare, Plan, Side, Subject, in_turns, issuer, per_second};
use crate::Result;
use crate::client::once;
use crate::direct::{Before, Direct, Patches};
use crate::fill::{self, Users};
use crate::issuer::Issuer;
use crate::table::{Goal, Row, median, ratio};
use crate::traffic::{Kind, Target, Traffic};

const CONNECTIONS: usize = 16;
/// Users that requests about users are about; they are in no group.
const PEOPLE: u64 = 10_000;
/// Users who are, or will be, in the large groups.
const USERS: u64 = 40_000;
const MEMBERS: usize = 10_000;
/// Groups of the scenario member, used one after the other: each of the other users can join each of them.
const GROUPS: usize = 30;
const WITH_RS256: f64 = 0.75;
const WITH_ES256: f64 = 0.60;

/// Changes that the direct references have ready for a round; enough for the fastest disk.
const READY: usize = 40_000;

/// One kind of request, with what it must reach.
struct Scenario {
    what: &'static str,
    traffic: Arc<Traffic>,
    goal: f64,
    /// How fast the rows of such a change go into SQLite without any server.
    rows: Option<Side<'static>>,
}

/// What changes write, without any server: as many in each durable transaction as there are connections,
/// since more cannot wait for one flush.
struct Rows {
    patch: Side<'static>,
    creation: Side<'static>,
}

/// Changes each of these people once, and takes what that wrote.
fn patches(plan: &Plan, target: &Target, file: &Path, people: &mut Users) -> Result<Side<'static>> {
    let before = Before::read(file)?;
    fill::patch(target, people)?;
    let mut direct = Patches::record(file, &plan.scratch.join("patches.db"), &before, &people.ids)?;
    let time = plan.time;
    Ok(Box::new(move || direct.rate(CONNECTIONS, READY, time)))
}

fn creations(plan: &Plan, target: &Target, file: &Path) -> Result<Side<'static>> {
    let mut direct = Direct::of_creations(target, file, &plan.scratch.join("creations.db"))?;
    let time = plan.time;
    Ok(Box::new(move || direct.rate(CONNECTIONS, READY, time)))
}

/// 6b and 6c, the latter with the cache of verified tokens on (as the server is delivered) and off.
pub(super) fn against_bare_http(plan: &Plan) -> Result<Vec<Row>> {
    Plan::note("b, c: the SCIM surface against a bare endpoint, JWTs against a token");
    let (place, issuer) = (plan.folder("surface"), issuer()?);
    let Subject { server, admin, sat } = plan.found(&place, "surface", &["--jwks-allow", "127.0.0.1"])?;
    server.trust(&admin, &issuer)?;
    let target = server.target(&sat);
    let mut people = fill::users(&target, "p", PEOPLE)?;
    let file = place.file().ok_or("the server keeps no file")?;
    let rows = Rows {
        patch: patches(plan, &target, &file, &mut people)?,
        creation: creations(plan, &target, &file)?,
    };
    let users = fill::users(&target, "b", USERS)?;
    let (members, joiners) = users.ids.split_at(MEMBERS);
    let groups = (0..GROUPS).map(|at| fill::large_group(&target, &format!("Large {at}"), members));
    let groups = groups.collect::<Result<Vec<_>>>()?;
    let mut scenarios = scenarios(&people, groups, joiners, rows);
    let mut rows = Vec::new();
    for scenario in &mut scenarios {
        rows.extend(cached(plan, scenario, &target, &issuer)?);
    }
    rows.push(in_groups(plan, &target, members)?);
    server.stop()?;
    Plan::note("c: JWTs without the cache of verified tokens");
    let server = plan.start(&place, "surface", &["--jwks-allow", "127.0.0.1", "--jwt-cache", "off"])?;
    let target = server.target(&sat);
    for scenario in &scenarios {
        rows.extend(uncached(plan, scenario, &target, &issuer)?);
    }
    rows.sort_by_key(|row| row.part);
    Ok(rows)
}

fn scenarios(people: &Users, groups: Vec<String>, joiners: &[String], rows: Rows) -> Vec<Scenario> {
    let scenario =
        |what, goal, kind, rows| Scenario { what, goal, traffic: Arc::new(Traffic::new(kind)), rows };
    let member = Kind::Member { groups, joiners: joiners.to_vec() };
    vec![
        scenario("GET user by id", 0.40, Kind::Get { ids: people.ids.clone() }, None),
        scenario("filter userName eq", 0.35, Kind::Filter { names: people.names.clone() }, None),
        scenario("PATCH user active", 0.20, people.patched(), Some(rows.patch)),
        scenario("durable creation", 0.12, Kind::Create { prefix: "n".into() }, Some(rows.creation)),
        scenario("member into a group of 10,000", 0.10, member, None),
    ]
}

/// One real answer, head and body.
fn recorded(target: &Target, traffic: &Traffic) -> Result<Vec<u8>> {
    let mut request = Vec::new();
    traffic.write(target, &mut request)?;
    once(target, &request)
}

fn cached(plan: &Plan, scenario: &mut Scenario, target: &Target, issuer: &Issuer) -> Result<Vec<Row>> {
    let Scenario { what, traffic, goal, rows } = scenario;
    let bare = Bare::start(&recorded(target, traffic)?, &plan.scratch.join("answer"), target)?;
    // The bare endpoint gets the same requests; what they would have changed is not there to be changed.
    let beside = Arc::new(traffic.endless());
    let [rs256, es256] = [&issuer.rs256, &issuer.es256].map(|token| target.with_token(token));
    let rate =
        |target: &Target, traffic: &Arc<Traffic>| plan.load(target, traffic, CONNECTIONS).map(|o| o.rate());
    let mut sides: Vec<Side<'_>> = vec![
        Box::new(|| rate(&bare.target, &beside)),
        Box::new(|| rate(target, traffic)),
        Box::new(|| rate(&rs256, traffic)),
        Box::new(|| rate(&es256, traffic)),
    ];
    sides.extend(rows.as_mut().map(|rows| Box::new(rows) as Side<'_>));
    let values = in_turns(plan.rounds, sides)?;
    let row = |part, what: String, reference: &[f64], subject: &[f64], goal| Row {
        part,
        what,
        subject: per_second(median(subject)),
        reference: per_second(median(reference)),
        ratio: ratio(subject, reference),
        goal,
    };
    let (least, of_bare) = (Goal::AtLeast, format!("{CONNECTIONS} connections : bare axum endpoint"));
    let mut found = vec![
        row("b", format!("{what}, {of_bare}"), &values[0], &values[1], least(*goal)),
        row("c", format!("{what} with RS256 : with SAT"), &values[1], &values[2], least(WITH_RS256)),
        row("c", format!("{what} with ES256 : with SAT"), &values[1], &values[3], least(WITH_ES256)),
    ];
    if let Some(rows) = values.get(4) {
        let what = format!("only the rows of it, {CONNECTIONS} a transaction : bare axum endpoint");
        found.insert(1, row("b", format!("{what} ({})", scenario.what), &values[0], rows, Goal::None));
    }
    Ok(found)
}

/// The same GET of a user who is in every large group: what `groups` costs.
fn in_groups(plan: &Plan, target: &Target, members: &[String]) -> Result<Row> {
    let traffic = Arc::new(Traffic::new(Kind::Get { ids: members.to_vec() }));
    let bare = Bare::start(&recorded(target, &traffic)?, &plan.scratch.join("answer"), target)?;
    let rate = |target: &Target| plan.load(target, &traffic, CONNECTIONS).map(|outcome| outcome.rate());
    let values = in_turns(plan.rounds, vec![Box::new(|| rate(&bare.target)), Box::new(|| rate(target))])?;
    Ok(Row {
        part: "b",
        what: format!("GET user in {GROUPS} groups, 16 connections : bare axum endpoint"),
        subject: per_second(median(&values[1])),
        reference: per_second(median(&values[0])),
        ratio: ratio(&values[1], &values[0]),
        goal: Goal::None,
    })
}

fn uncached(plan: &Plan, scenario: &Scenario, target: &Target, issuer: &Issuer) -> Result<Vec<Row>> {
    let Scenario { what, traffic, .. } = scenario;
    let [rs256, es256] = [&issuer.rs256, &issuer.es256].map(|token| target.with_token(token));
    let rate = |target: &Target| plan.load(target, traffic, CONNECTIONS).map(|outcome| outcome.rate());
    let sides: Vec<Side<'_>> =
        vec![Box::new(|| rate(target)), Box::new(|| rate(&rs256)), Box::new(|| rate(&es256))];
    let values = in_turns(plan.rounds, sides)?;
    let row = |token: &str, subject: &[f64]| Row {
        part: "c",
        what: format!("{what} with {token} : with SAT, cache of verified tokens off"),
        subject: per_second(median(subject)),
        reference: per_second(median(&values[0])),
        ratio: ratio(subject, &values[0]),
        goal: Goal::None,
    };
    Ok(vec![row("RS256", &values[1]), row("ES256", &values[2])])
}
