//! The benchmark: measures the server against what its work costs at least, in one run, and prints one table.
//! Its load client measures any SCIM server.

mod bare;
mod client;
mod direct;
mod fill;
mod issuer;
mod machine;
mod measure;
mod postgres;
mod server;
mod table;
mod traffic;
mod wire;

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::{Parser, Subcommand, ValueEnum};

use client::{Load, Span};
use measure::{Findings, Plan};
use traffic::{Kind, Target, Traffic};

/// What went wrong, for people.
pub type Result<T> = std::result::Result<T, String>;

/// As the server has it, so that the endpoint that it is compared with differs in nothing but the work.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

#[derive(Parser)]
#[command(about = "Measures Muster, or any SCIM server")]
struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Start servers, measure the ratios and print the table
    Run(RunArgs),
    /// Load any SCIM server and print what it does
    Load(LoadArgs),
    /// Answer every request with one recorded answer
    Bare {
        /// File with the recorded answer, head and body
        #[arg(long)]
        bytes: PathBuf,
        #[arg(long, default_value = "127.0.0.1:0")]
        listen: String,
    },
}

#[derive(clap::Args)]
struct RunArgs {
    /// The server's release binary
    #[arg(long, default_value = "target/release/muster")]
    server: PathBuf,
    /// Directory for data, on the disk to measure; made when missing
    #[arg(long, default_value = "target/bench")]
    scratch: PathBuf,
    /// Only these parts, as in `a,b`; c is measured with b, e with d
    #[arg(long, value_delimiter = ',', default_value = "a,b,d,f,g,h,i,j,k")]
    only: Vec<String>,
    /// Rounds of each measurement
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Milliseconds measured in each round
    #[arg(long, default_value_t = 600)]
    millis: u64,
    /// Users of the large account
    #[arg(long, default_value_t = 100_000)]
    users: u64,
    /// Threads of the load client
    #[arg(long, default_value_t = 1)]
    threads: usize,
    /// Exit with 0 even when a goal is missed
    #[arg(long)]
    report_only: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum Scenario {
    /// Create users
    Create,
    /// GET a user by id
    Get,
    /// Filter by userName eq
    Filter,
    /// PATCH active off and on
    Patch,
    /// Add one more member to a group
    Member,
}

#[derive(clap::Args)]
struct LoadArgs {
    /// SCIM base URL, http only
    #[arg(long)]
    base_url: String,
    /// Bearer token
    #[arg(long)]
    token: String,
    #[arg(long, value_enum)]
    scenario: Scenario,
    #[arg(long, default_value_t = 16)]
    connections: usize,
    #[arg(long, default_value_t = 1)]
    threads: usize,
    #[arg(long, default_value_t = 1.0)]
    warmup_secs: f64,
    #[arg(long, default_value_t = 10.0)]
    secs: f64,
    /// Users to work on: read from the server, made for the scenario member
    #[arg(long, default_value_t = 1_000)]
    users: usize,
    /// Members of the group of the scenario member before it begins
    #[arg(long, default_value_t = 100)]
    members: usize,
}

/// A line on stdout; whoever does not read it misses it.
pub fn say(line: &str) {
    let _ = writeln!(std::io::stdout().lock(), "{line}");
}

fn main() -> ExitCode {
    let done = match Args::parse().command {
        Command::Bare { bytes, listen } => bare::serve(&bytes, &listen).map(|()| true),
        Command::Load(args) => load(&args).map(|()| true),
        Command::Run(args) => run(args),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            let _ = writeln!(std::io::stderr().lock(), "bench: {error}");
            ExitCode::from(2)
        }
    }
}

/// False when a goal is missed and that matters.
fn run(args: RunArgs) -> Result<bool> {
    let server = args.server.display().to_string();
    say(&machine::describe(&server));
    let plan = Plan {
        program: std::path::absolute(&args.server)
            .map_err(|error| format!("{server} is no path: {error}"))?,
        scratch: args.scratch,
        rounds: args.rounds,
        time: Duration::from_millis(args.millis),
        users: args.users,
        threads: args.threads,
    };
    let mut found = Findings::default();
    let ended = measure::all(&plan, &args.only, &mut found);
    for table in &found.growth {
        say(&format!("\n{}", table::print_growth(table)));
    }
    if !found.rows.is_empty() {
        say(&format!("\n{}", table::print(&found.rows)));
    }
    ended?;
    let (judged, reached) = found.judged();
    say(&format!("{reached} of {judged} goals are reached."));
    Ok(args.report_only || judged == reached)
}

fn load(args: &LoadArgs) -> Result<()> {
    let target = Target::parse(&args.base_url, &args.token)?;
    // Names of users of another run must not come again.
    let unique: String = uuid::Uuid::new_v4().simple().to_string().chars().take(8).collect();
    let kind = match args.scenario {
        Scenario::Create => Kind::Create { prefix: unique },
        Scenario::Get => Kind::Get { ids: fill::existing(&target, args.users)?.ids },
        Scenario::Filter => Kind::Filter { names: fill::existing(&target, args.users)?.names },
        Scenario::Patch => fill::existing(&target, args.users)?.patched(),
        Scenario::Member => {
            let users = fill::users(&target, &unique, (args.users + args.members) as u64)?;
            let (members, joiners) = users.ids.split_at(args.members);
            let groups = (0..16).map(|at| fill::large_group(&target, &format!("{unique} {at}"), members));
            Kind::Member { groups: groups.collect::<Result<_>>()?, joiners: joiners.to_vec() }
        }
    };
    let (warmup, time) = (Duration::from_secs_f64(args.warmup_secs), Duration::from_secs_f64(args.secs));
    let load = Load {
        target: Arc::new(target),
        traffic: Arc::new(Traffic::new(kind)),
        connections: args.connections,
        threads: args.threads,
        span: Span::Time { warmup, time },
        keep_ids: false,
    };
    let outcome = load.run()?;
    say(&format!(
        "{:.0} requests/s; p50 {:.0} µs, p99 {:.0} µs; {} requests on {} connections, no errors",
        outcome.rate(),
        outcome.micros(0.5),
        outcome.micros(0.99),
        outcome.requests,
        args.connections
    ));
    Ok(())
}
