//! Tokens with key ids that nobody has, ten thousand a second for one account's trust if the server answers
//! that fast: what another account on it notices, how often the issuer is asked, and when a rotated key is
//! seen.

use std::sync::Arc;
use std::thread::{JoinHandle, sleep, spawn};
use std::time::{Duration, Instant};

use super::{Plan, Side, WARMUP, in_turns, issuer, micros};
use crate::Result;
use crate::client::{Load, Outcome, Span, once};
use crate::fill;
use crate::issuer::Issuer;
use crate::server::{bootstrap, bootstrap_as};
use crate::table::{Goal, Row, median, ratio};
use crate::traffic::{Kind, Target, Traffic};

const PER_SECOND: u32 = 10_000;
/// Its connections. The server lets each wait for its answer (decision 009), so that fewer requests come than
/// would come from a server that does not.
const STORMING: u32 = 512;
/// Connections of the other account: few, so that its requests do not wait for each other.
const QUIET: usize = 4;
/// Time between two requests on each of them: it asks as often in the storm as in quiet.
const QUIET_EVERY: Duration = Duration::from_millis(4);
const PEOPLE: u64 = 1_000;
const BESIDE: f64 = 1.5;
/// One forced fetch in so many seconds.
const EVERY_SECS: u64 = 30;
const SEEN_SECS: f64 = 35.0;
const GIVEN_UP: Duration = Duration::from_secs(45);
const OTHER: &str = "other";

/// A storm under way.
struct Storm(JoinHandle<Result<Outcome>>);

impl Storm {
    fn start(target: &Target, token: &str, time: Duration) -> Result<Self> {
        let (_, rest) = token.split_once('.').ok_or("the issuer's token has no header")?;
        let every = Duration::from_secs(1) * STORMING / PER_SECOND;
        let load = Load {
            target: Arc::new(target.clone()),
            traffic: Arc::new(Traffic::new(Kind::Storm { rest: rest.to_owned() }).paced(every)),
            connections: STORMING as usize,
            threads: 1,
            span: Span::Time { warmup: Duration::ZERO, time },
            keep_ids: false,
        };
        Ok(Self(spawn(move || {
            // Its client stands for other machines: what it takes of this one is not the server's doing. The
            // threads that it starts are as patient.
            rustix::process::nice(19)
                .map_err(|error| format!("the storm cannot be made patient: {error}"))?;
            load.run()
        })))
    }

    /// Requests in a second, once it is over.
    fn rate(self) -> Result<f64> {
        let outcome = self.0.join().map_err(|_| "the storm's client panicked")?;
        outcome.map(|outcome| outcome.rate())
    }
}

/// All of it on one server with two accounts.
pub(super) fn beside(plan: &Plan) -> Result<Vec<Row>> {
    Plan::note("k: a storm of unknown key ids at one account");
    let (place, issuer) = (plan.folder("storm"), issuer()?);
    let admin = bootstrap(&plan.program, &place)?;
    let other = bootstrap_as(&plan.program, &place, OTHER)?;
    let server = plan.start(&place, "storm", &["--jwks-allow", "127.0.0.1"])?;
    let stormed = server.target(&server.service_account(&admin)?);
    server.trust(&admin, &issuer)?;
    let quiet = server.target_in(OTHER, &other);
    let people = fill::users(&quiet, "p", PEOPLE)?;
    // The first token of all has the keys fetched: that is not the storm's doing.
    ask(&stormed, &issuer.es256)?;
    let (began, before) = (Instant::now(), issuer.fetches());
    let traffic = Arc::new(Traffic::new(Kind::Get { ids: people.ids }).paced(QUIET_EVERY));
    let mut rates = Vec::new();
    let p99 = |storm: bool, rates: &mut Vec<f64>| {
        let time = WARMUP + plan.time + Duration::from_millis(400);
        let storm = storm.then(|| Storm::start(&stormed, &issuer.es256, time)).transpose()?;
        sleep(Duration::from_millis(200));
        let found = plan.load(&quiet, &traffic, QUIET)?.micros(0.99);
        if let Some(storm) = storm {
            rates.push(storm.rate()?);
        }
        Ok(found)
    };
    let mut unused = Vec::new();
    let sides: Vec<Side<'_>> = vec![Box::new(|| p99(false, &mut unused)), Box::new(|| p99(true, &mut rates))];
    let values = in_turns(plan.rounds * 2, sides)?;
    let mut rows = vec![Row {
        part: "k",
        what: format!(
            "p99 of GET beside a storm of unknown key ids ({PER_SECOND}/s wanted, {:.0}/s answered) : in quiet",
            median(&rates)
        ),
        subject: micros(median(&values[1])),
        reference: micros(median(&values[0])),
        ratio: ratio(&values[1], &values[0]),
        goal: Goal::AtMost(BESIDE),
    }];
    let seen = rotation(&stormed, &issuer)?;
    rows.push(Row {
        part: "k",
        what: "seconds until a rotated key is seen in the storm".into(),
        subject: format!("{seen:.1} s"),
        reference: format!("{SEEN_SECS:.0} s"),
        ratio: seen / SEEN_SECS,
        goal: Goal::AtMost(1.0),
    });
    rows.push(fetches(issuer.fetches() - before, began.elapsed()));
    server.stop()?;
    Ok(rows)
}

#[expect(clippy::cast_precision_loss, reason = "counts of a benchmark are far below 2^52")]
fn fetches(made: u64, within: Duration) -> Row {
    let allowed = 1 + within.as_secs() / EVERY_SECS;
    Row {
        part: "k",
        what: format!(
            "fetches of the key set in {} s : one and one more each {EVERY_SECS} s",
            within.as_secs()
        ),
        subject: made.to_string(),
        reference: allowed.to_string(),
        ratio: made as f64 / allowed as f64,
        goal: Goal::AtMost(1.0),
    }
}

/// One request with this token; an error unless it is taken.
fn ask(target: &Target, token: &str) -> Result<Vec<u8>> {
    let mut request = Vec::new();
    target.with_token(token).write(&mut request, "GET", &["/Users?count=0"], b"");
    once(target, &request)
}

/// Seconds from a rotation in the storm until a token of the new key is taken; those of the old one are taken
/// all the time.
fn rotation(target: &Target, issuer: &Issuer) -> Result<f64> {
    let storm = Storm::start(target, &issuer.es256, GIVEN_UP + Duration::from_secs(2))?;
    sleep(Duration::from_secs(1));
    let (next, since) = (issuer.rotate()?, Instant::now());
    loop {
        ask(target, &issuer.es256)
            .map_err(|why| format!("the real key is no longer taken in the storm: {why}"))?;
        if ask(target, &next).is_ok() {
            break;
        }
        if since.elapsed() > GIVEN_UP {
            return Err(format!("the rotated key is not seen after {} s", GIVEN_UP.as_secs()));
        }
        sleep(Duration::from_millis(250));
    }
    let seen = since.elapsed().as_secs_f64();
    storm.rate()?;
    Ok(seen)
}
