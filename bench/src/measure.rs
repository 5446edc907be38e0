//! The measurements. Both sides of a ratio are measured in turns in the same run, by the same client or in
//! the same process; a ratio is the median of the ratios of neighbours, because the machine is not quiet.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use crate::Result;
use crate::client::{Load, Outcome, Span};
use crate::issuer::Issuer;
use crate::server::{Place, Server, bootstrap};
use crate::table::{Goal, Row, Sizes};
use crate::traffic::{Target, Traffic};

mod creation;
mod groups;
mod growth;
mod log;
mod scale;
mod storm;
mod surface;
mod verification;

const WARMUP: Duration = Duration::from_millis(120);

/// How to measure.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The server's binary.
    pub program: PathBuf,
    /// For data.
    pub scratch: PathBuf,
    pub rounds: usize,
    /// Measured time of a round.
    pub time: Duration,
    /// Users of the large account.
    pub users: u64,
    /// Threads of the load client.
    pub threads: usize,
}

/// A server with its account.
#[derive(Debug)]
pub struct Subject {
    pub server: Server,
    pub admin: String,
    pub sat: String,
}

/// What was measured.
#[derive(Debug, Default)]
pub struct Findings {
    pub rows: Vec<Row>,
    pub growth: Vec<Sizes>,
}

impl Findings {
    /// How many goals there are, and how many of them are reached.
    pub fn judged(&self) -> (usize, usize) {
        let rows = self.rows.iter().map(|row| (row.goal, row.ratio));
        let lines = self.growth.iter().flat_map(|table| &table.lines).map(|line| (line.goal, line.ratio));
        let judged: Vec<_> = rows.chain(lines).filter(|(goal, _)| !matches!(goal, Goal::None)).collect();
        (judged.len(), judged.iter().filter(|(goal, ratio)| goal.holds(*ratio)).count())
    }
}

/// All parts asked for, in order. Where one breaks off, what was found before it stays.
pub fn all(plan: &Plan, only: &[String], found: &mut Findings) -> Result<()> {
    std::fs::create_dir_all(&plan.scratch)
        .map_err(|error| format!("cannot make {}: {error}", plan.scratch.display()))?;
    // Everything of a run is below one folder, which goes with it.
    let folder = tempfile::Builder::new().prefix("run").tempdir_in(&plan.scratch);
    let folder = folder.map_err(|error| format!("cannot use {}: {error}", plan.scratch.display()))?;
    let plan = Plan { scratch: folder.path().to_owned(), ..plan.clone() };
    let wanted = |part: &str| only.iter().any(|name| name == part);
    if wanted("a") {
        found.rows.extend(creation::against_sqlite(&plan)?);
    }
    if wanted("b") || wanted("c") {
        found.rows.extend(surface::against_bare_http(&plan)?);
    }
    if wanted("d") || wanted("e") || wanted("f") {
        found.rows.extend(scale::with_size(&plan)?);
    }
    if wanted("g") {
        found.rows.push(creation::on_postgres(&plan).unwrap_or_else(|error| creation::not_measured(&error)));
    }
    if wanted("h") {
        found.rows.extend(log::on_and_off(&plan)?);
    }
    if wanted("j") {
        found.rows.extend(verification::against_bare_signature(&plan)?);
    }
    if wanted("i") {
        growth::of_all(&plan, found)?;
    }
    if wanted("k") {
        found.rows.extend(storm::beside(&plan)?);
    }
    Ok(())
}

impl Plan {
    /// Says what happens now: a run takes minutes.
    fn note(text: &str) {
        crate::say(&format!("… {text}"));
    }

    fn folder(&self, name: &str) -> Place {
        Place::Folder(self.scratch.join(name))
    }

    fn start(&self, place: &Place, name: &str, more: &[&str]) -> Result<Server> {
        Server::start(&self.program, place, &self.scratch.join(format!("{name}.log")), more)
    }

    /// A new server with account, service account and token.
    fn found(&self, place: &Place, name: &str, more: &[&str]) -> Result<Subject> {
        let admin = bootstrap(&self.program, place)?;
        let server = self.start(place, name, more)?;
        let sat = server.service_account(&admin)?;
        Ok(Subject { server, admin, sat })
    }

    /// One measured round.
    fn load(&self, target: &Target, traffic: &Arc<Traffic>, connections: usize) -> Result<Outcome> {
        let load = Load {
            target: Arc::new(target.clone()),
            traffic: Arc::clone(traffic),
            connections,
            threads: self.threads,
            span: Span::Time { warmup: WARMUP, time: self.time },
            keep_ids: false,
        };
        load.run()
    }
}

/// One side of a comparison: measures once.
type Side<'a> = Box<dyn FnMut() -> Result<f64> + 'a>;

/// Measures all sides in turns, in the other direction every other round; answers the values of each side.
fn in_turns(rounds: usize, mut sides: Vec<Side<'_>>) -> Result<Vec<Vec<f64>>> {
    let mut values = vec![Vec::with_capacity(rounds); sides.len()];
    for round in 0..rounds {
        let mut order: Vec<usize> = (0..sides.len()).collect();
        if round % 2 == 1 {
            order.reverse();
        }
        for at in order {
            values[at].push(sides[at]()?);
        }
    }
    Ok(values)
}

/// The bare endpoint, a process of its own.
struct Bare {
    child: Child,
    target: Target,
}

impl Bare {
    fn start(answer: &[u8], file: &Path, like: &Target) -> Result<Self> {
        std::fs::write(file, answer).map_err(|error| format!("cannot write {}: {error}", file.display()))?;
        let failed = |error: std::io::Error| format!("the bare endpoint does not start: {error}");
        let program = std::env::current_exe().map_err(failed)?;
        let mut command = Command::new(program);
        command.arg("bare").arg("--bytes").arg(file).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.spawn().map_err(failed)?;
        let mut banner = String::new();
        BufReader::new(child.stdout.take().ok_or("it has no stdout")?)
            .read_line(&mut banner)
            .map_err(failed)?;
        let authority = banner.trim().strip_prefix("serves http://").unwrap_or_default().to_owned();
        Ok(Self { child, target: Target { authority, ..like.clone() } })
    }
}

impl Drop for Bare {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn per_second(value: f64) -> String {
    format!("{value:.0}/s")
}

fn micros(value: f64) -> String {
    format!("{value:.0} µs")
}

/// Starts the issuer of the JWTs.
fn issuer() -> Result<Issuer> {
    Issuer::start()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sides_take_turns_in_both_directions() {
        let order = std::cell::RefCell::new(Vec::new());
        let side = |name: u8| -> Side<'_> {
            let order = &order;
            Box::new(move || {
                order.borrow_mut().push(name);
                Ok(f64::from(name))
            })
        };
        let values = in_turns(2, vec![side(1), side(2)]).unwrap();
        assert_eq!(*order.borrow(), [1, 2, 2, 1]);
        assert_eq!(values, [[1.0, 1.0], [2.0, 2.0]]);
    }
}
