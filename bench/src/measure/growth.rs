//! What more users cost: the same requests in accounts of three sizes, each on a server of its own. Filters
//! find as many resources at every size, so that only the size of the account differs.

use std::sync::Arc;
use std::time::Duration;

use super::{Findings, Plan, Side, Subject, groups, in_turns, micros};
use crate::Result;
use crate::client::{Load, Outcome, Span, id_in, once};
use crate::fill;
use crate::server::Server;
use crate::table::{Goal, Growth, Row, Sizes, median, ratio};
use crate::traffic::{BADGE, Kind, TEAM, Target, Traffic, filtered, person, team_key, user_key, user_name};

const CONNECTIONS: usize = 16;
const WARMUP: Duration = Duration::from_millis(50);
/// Users who come last, at one time that nobody else has.
const LATE: u64 = 10;
/// Creations of a round: so few that a small account stays small.
const CREATIONS: u64 = 400;
/// A page of a list.
const PAGE: u64 = 20;
pub(super) const MOST: Goal = Goal::AtMost(1.5);
/// The last page against the first.
const MOST_OF_LAST_PAGE: f64 = 3.0;
/// Filters by what is not indexed, one after the other, and then at once.
const SLOW_FILTERS: u64 = 7;
const MOST_SECONDS: f64 = 1.0;
const MOST_MEGABYTES: f64 = 200.0;

/// An account of a size.
struct Account {
    subject: Subject,
    target: Target,
    users: u64,
    /// Ids of the crowd: everybody but the administrator and those who came last.
    ids: Vec<String>,
    /// A group for each ten of the crowd.
    teams: Vec<String>,
    /// When the last ones came.
    late: String,
    /// Path of a page in the middle of a walk by cursor.
    cursor: String,
}

/// Part i.
pub(super) fn of_all(plan: &Plan, found: &mut Findings) -> Result<()> {
    let sizes = [plan.users / 100, plan.users / 10, plan.users];
    if sizes[0] < 100 {
        return Err("growth needs 10,000 --users at least".into());
    }
    Plan::note("i: filling accounts of three sizes");
    let mut accounts = Vec::new();
    for users in sizes {
        accounts.push(account(plan, users)?);
    }
    let accounts: [Account; 3] = accounts.try_into().map_err(|_| "there are three sizes")?;
    Plan::note("i: reading at three sizes");
    let mut lines = filters(plan, &accounts)?;
    lines.extend(reads(plan, &accounts)?);
    found.rows.push(last_page(plan, &accounts[2])?);
    Plan::note("i: writing at three sizes");
    lines.extend(writes(plan, &accounts)?);
    found.growth.push(Sizes { part: "i", of: "users", each: sizes, lines });
    Plan::note("i: groups of three sizes");
    let [.., Account { subject, target, ids, .. }] = accounts;
    found.growth.push(groups::of_all(plan, &target, &ids)?);
    subject.server.stop()?;
    Plan::note("i: filters by what is not indexed");
    let server = plan.start(&plan.folder(&name(plan.users)), "growth", &[])?;
    let target = Target { authority: server.address.clone(), ..target };
    found.rows.extend(unindexed(plan, &server, &target)?);
    server.stop()
}

fn name(users: u64) -> String {
    format!("growth{users}")
}

fn account(plan: &Plan, users: u64) -> Result<Account> {
    let subject = plan.found(&plan.folder(&name(users)), &name(users), &[])?;
    subject.server.define(&subject.admin, BADGE, "zone")?;
    let target = subject.server.target(&subject.sat);
    // The administrator is one of them.
    let ids = fill::people(&target, "p", users - LATE - 1)?;
    let teams = fill::teams(&target, "Team", &ids)?;
    std::thread::sleep(Duration::from_millis(20));
    let mut came = Vec::new();
    for at in 0..LATE {
        let mut request = Vec::new();
        // The first ten of a prefix are inactive, which these are not.
        target.write(&mut request, "POST", &["/Users"], person("l", TEN + at).as_bytes());
        came.push(id_in(&once(&target, &request)?)?);
    }
    let first = fill::read(&target, &format!("/Users/{}", came[0]))?;
    let late = first["meta"]["created"].as_str().ok_or("a user has no meta.created")?.to_owned();
    let cursor = cursor(&target, users)?;
    Ok(Account { subject, target, users, ids, teams, late, cursor })
}

/// Walks to the middle.
fn cursor(target: &Target, users: u64) -> Result<String> {
    let mut path = format!("/Users?count={PAGE}&cursor=");
    for _ in 0..users / PAGE / 2 {
        let page = fill::read(target, &path)?;
        let next = page["nextCursor"].as_str().ok_or("a walk by cursor ends before its middle")?;
        path = format!("/Users?count={PAGE}&cursor={next}");
    }
    Ok(path)
}

impl Account {
    /// Numbers of the crowd whose ten are complete.
    fn numbers(&self) -> impl Iterator<Item = u64> {
        0..(self.teams.len() * TEAM) as u64
    }

    /// p50 of reads in a round, microseconds.
    fn load(&self, plan: &Plan, traffic: &Arc<Traffic>) -> Result<f64> {
        self.load_for(plan, traffic, plan.time / 4)
    }

    fn load_for(&self, plan: &Plan, traffic: &Arc<Traffic>, time: Duration) -> Result<f64> {
        let span = Span::Time { warmup: WARMUP, time };
        let round = load(plan, &self.target, traffic, span)?;
        if round.requests >= CONNECTIONS as u64 {
            return Ok(round.micros(0.5));
        }
        // What is too slow for a round is counted out.
        Ok(load(plan, &self.target, traffic, Span::Count(CONNECTIONS as u64))?.micros(0.5))
    }
}

/// One measured round.
pub(super) fn load(plan: &Plan, target: &Target, traffic: &Arc<Traffic>, span: Span) -> Result<Outcome> {
    let (target, traffic) = (Arc::new(target.clone()), Arc::clone(traffic));
    Load { target, traffic, connections: CONNECTIONS, threads: plan.threads, span, keep_ids: false }.run()
}

/// One line: `traffic` makes the requests of each account.
fn line(
    plan: &Plan,
    accounts: &[Account; 3],
    (what, found, goal): (&str, Option<u64>, Goal),
    traffic: impl Fn(&Account) -> Result<Traffic>,
) -> Result<Growth> {
    let mut sides: Vec<Side<'_>> = Vec::new();
    for account in accounts {
        let traffic = Arc::new(traffic(account)?);
        sides.push(Box::new(move || account.load(plan, &traffic)));
    }
    growth(plan, (what, found, goal), sides)
}

/// Measures three sizes in turns.
pub(super) fn growth(
    plan: &Plan,
    (what, found, goal): (&str, Option<u64>, Goal),
    sides: Vec<Side<'_>>,
) -> Result<Growth> {
    let values = in_turns(plan.rounds, sides)?;
    let [few, some, many] = &values[..] else { return Err("there are three sizes".into()) };
    let micros = [few, some, many].map(|values| median(values));
    Ok(Growth { what: what.into(), found, micros, ratio: ratio(many, few), goal })
}

/// Makes a list's filter for one of the crowd; its number within the account is given.
type Ask = fn(&Account, u64) -> String;

fn key(number: u64) -> String {
    user_key("p", number)
}

fn team(number: u64) -> String {
    team_key("p", number)
}

fn at(list: &[String], number: u64) -> &str {
    usize::try_from(number).ok().and_then(|at| list.get(at)).map_or("", String::as_str)
}

const TEN: u64 = TEAM as u64;

/// List, attribute as the table names it, how many are found, filter.
const FILTERS: [(&str, &str, u64, Ask); 22] = [
    ("/Users", "userName", 1, |_, n| format!(r#"userName eq "{}""#, user_name(&key(n)))),
    ("/Users", "externalId", 1, |_, n| format!(r#"externalId eq "x-{}""#, key(n))),
    ("/Users", "id", 1, |account, n| format!(r#"id eq "{}""#, at(&account.ids, n))),
    ("/Users", "displayName", 1, |_, n| format!(r#"displayName eq "Ada {}""#, key(n))),
    ("/Users", "emails.value", 1, |_, n| format!(r#"emails.value eq "{}""#, user_name(&key(n)))),
    ("/Users", "emails[type eq \"work\"].value", 1, |_, n| {
        format!(r#"emails[type eq "work"].value eq "{}""#, user_name(&key(n)))
    }),
    ("/Users", "phoneNumbers.value", 1, |_, n| format!(r#"phoneNumbers.value eq "tel-{}""#, key(n))),
    ("/Users", "name.familyName", 1, |_, n| format!(r#"name.familyName eq "{}""#, key(n))),
    ("/Users", "employeeNumber", 1, |_, n| format!(r#"{ENTERPRISE}:employeeNumber eq "e-{}""#, key(n))),
    ("/Users", "name.givenName", TEN, |_, n| format!(r#"name.givenName eq "g-{}""#, team(n))),
    ("/Users", "title", TEN, |_, n| format!(r#"title eq "t-{}""#, team(n))),
    ("/Users", "department", TEN, |_, n| format!(r#"{ENTERPRISE}:department eq "d-{}""#, team(n))),
    ("/Users", "manager.value", TEN, |_, n| format!(r#"{ENTERPRISE}:manager.value eq "m-{}""#, team(n))),
    ("/Users", "an extension's attribute", TEN, |_, n| format!(r#"{BADGE}:zone eq "z-{}""#, team(n))),
    ("/Users", "groups.value", TEN, |account, n| {
        format!(r#"groups.value eq "{}""#, at(&account.teams, n / TEN))
    }),
    ("/Users", "active", TEN, |_, _| "active eq false".into()),
    ("/Users", "meta.created", LATE, |account, _| format!(r#"meta.created ge "{}""#, account.late)),
    ("/Users", "meta.lastModified", LATE, |account, _| format!(r#"meta.lastModified ge "{}""#, account.late)),
    ("/Groups", "displayName of a group", 1, |_, n| format!(r#"displayName eq "Team {}""#, n / TEN)),
    ("/Groups", "id of a group", 1, |account, n| format!(r#"id eq "{}""#, at(&account.teams, n / TEN))),
    ("/Groups", "members.value", 1, |account, n| format!(r#"members.value eq "{}""#, at(&account.ids, n))),
    ("/Groups", "id and members of a group", 1, |account, n| {
        format!(r#"id eq "{}" and members eq "{}""#, at(&account.teams, n / TEN), at(&account.ids, n))
    }),
];
const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

fn filters(plan: &Plan, accounts: &[Account; 3]) -> Result<Vec<Growth>> {
    let mut lines = Vec::new();
    for (list, what, count, ask) in FILTERS {
        let traffic = |account: &Account| {
            let paths: Vec<String> =
                account.numbers().map(|number| filtered(list, &ask(account, number))).collect();
            let total = fill::read(&account.target, &paths[0])?["totalResults"].as_u64();
            if total == Some(count) {
                return Ok(Traffic::new(Kind::Read { paths }));
            }
            Err(format!("{} finds {total:?}, not {count}, of {} users", paths[0], account.users))
        };
        lines.push(line(plan, accounts, (&format!("filter {what}"), Some(count), MOST), traffic)?);
    }
    Ok(lines)
}

fn page(start: u64) -> Traffic {
    Traffic::new(Kind::Read { paths: vec![format!("/Users?startIndex={start}&count={PAGE}")] })
}

fn reads(plan: &Plan, accounts: &[Account; 3]) -> Result<Vec<Growth>> {
    let line = |what, found, traffic: fn(&Account) -> Traffic| {
        line(plan, accounts, (what, found, MOST), |account| Ok(traffic(account)))
    };
    Ok(vec![
        line("GET user by id", None, |account| Traffic::new(Kind::Get { ids: account.ids.clone() }))?,
        line("list, first page", Some(PAGE), |_| page(1))?,
        line("list, last page", Some(PAGE), |account| page(account.users - PAGE + 1))?,
        line("list, page by cursor", Some(PAGE), |account| {
            Traffic::new(Kind::Read { paths: vec![account.cursor.clone()] })
        })?,
        Growth {
            goal: Goal::None,
            ..line("list, page in the middle", Some(PAGE), |account| page(account.users / 2))?
        },
    ])
}

/// The last page of the large account against its first.
fn last_page(plan: &Plan, account: &Account) -> Result<Row> {
    let (first, last) = (Arc::new(page(1)), Arc::new(page(account.users - PAGE + 1)));
    let sides: Vec<Side<'_>> =
        vec![Box::new(|| account.load(plan, &first)), Box::new(|| account.load(plan, &last))];
    let values = in_turns(plan.rounds, sides)?;
    Ok(Row {
        part: "i",
        what: format!("last page of {} users, p50 : first page", account.users),
        subject: micros(median(&values[1])),
        reference: micros(median(&values[0])),
        ratio: ratio(&values[1], &values[0]),
        goal: Goal::AtMost(MOST_OF_LAST_PAGE),
    })
}

fn writes(plan: &Plan, accounts: &[Account; 3]) -> Result<Vec<Growth>> {
    let mut sides: Vec<Side<'_>> = Vec::new();
    for account in accounts {
        // Neighbours in time are no neighbours in the database; the first ten are inactive already.
        let count = account.ids.len() - TEAM;
        let ids = (0..count).map(|at| account.ids[TEAM + at * 7_919 % count].clone()).collect();
        let traffic = Arc::new(Traffic::new(Kind::Patch { ids, active: vec![true; count] }));
        // A whole round: how long a write takes is up to the disk.
        sides.push(Box::new(move || account.load_for(plan, &traffic, plan.time)));
    }
    let patch = growth(plan, ("PATCH user active", None, MOST), sides)?;
    let mut sides: Vec<Side<'_>> = Vec::new();
    for account in accounts {
        let traffic = Arc::new(Traffic::new(Kind::Person { prefix: "n".into() }));
        let create = move || load(plan, &account.target, &traffic, Span::Count(CREATIONS));
        sides.push(Box::new(move || Ok(create()?.micros(0.5))));
    }
    Ok(vec![patch, growth(plan, ("durable creation", None, MOST), sides)?])
}

/// A filter that has to look at every user: time and memory against what they may be at most.
#[expect(clippy::cast_precision_loss, reason = "kilobytes of a process are far below 2^52")]
fn unindexed(plan: &Plan, server: &Server, target: &Target) -> Result<Vec<Row>> {
    let paths: Vec<String> =
        (0..100).map(|n| filtered("/Users", &format!(r#"nickName eq "n-{}""#, team(n * TEN)))).collect();
    let total = fill::read(target, &paths[0])?["totalResults"].as_u64();
    if total != Some(TEN) {
        return Err(format!("{} finds {total:?}, not {TEN}", paths[0]));
    }
    let run = |connections: usize, count: u64| {
        let traffic = Arc::new(Traffic::new(Kind::Read { paths: paths.clone() }));
        let (target, span) = (Arc::new(target.clone()), Span::Count(count));
        Load { target, traffic, connections, threads: plan.threads, span, keep_ids: false }.run()
    };
    let seconds = run(1, SLOW_FILTERS)?.micros(0.5) / 1e6;
    run(CONNECTIONS, CONNECTIONS as u64)?;
    let megabytes = server.most_resident_kb()? as f64 * 1_024.0 / 1e6;
    let users = plan.users;
    let row = |what, subject, reference, ratio| Row {
        part: "i",
        what,
        subject,
        reference,
        ratio,
        goal: Goal::AtMost(1.0),
    };
    Ok(vec![
        row(
            format!("filter not indexed, {TEN} of {users} users found, p50 : 1 s"),
            format!("{seconds:.3} s"),
            format!("{MOST_SECONDS:.0} s"),
            seconds / MOST_SECONDS,
        ),
        row(
            format!("most memory during it, {CONNECTIONS} at once : 200 MB"),
            format!("{megabytes:.1} MB"),
            format!("{MOST_MEGABYTES:.0} MB"),
            megabytes / MOST_MEGABYTES,
        ),
    ])
}
