//! Periodic work inside the server process: each job is a function of the app, run by a ticker of its own
//! that ends when the server stops. A job never runs twice at once in a process; on several
//! replicas each must be harmless to repeat.

use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::time::Duration;

use futures_util::FutureExt as _;
use tokio::task::JoinSet;

use crate::accounts::store as accounts;
use crate::app::App;
use crate::directory;
use crate::events;
use crate::kernel::problem::Problem;
use crate::kernel::scope::Scope;
use crate::kernel::sparing::Sparing;
use crate::operator;
use crate::provisioning_log;
use crate::settings;
use crate::settings::catalogue::EVENTS_DAYS;
use crate::tokens;
use crate::trust;
use crate::web::listen::{Stop, stopped};
use crate::webhooks;

/// A run of a job.
pub type Running = Pin<Box<dyn Future<Output = Result<(), Problem>> + Send>>;

/// A piece of periodic work.
#[derive(Clone, Copy, Debug)]
pub struct Job {
    /// For the log.
    pub name: &'static str,
    /// From the end of one run to the start of the next; also before the first.
    pub every: Duration,
    /// Once more when the server stops? For work that would be lost with the process, so that a run that has
    /// begun is waited for, too. Others are dropped where they wait: they work in whole steps, each one a
    /// transaction that a lane finishes by itself, and the next process does the rest.
    pub at_end: bool,
    /// The work.
    pub work: fn(App) -> Running,
}

/// All jobs of the server.
pub const JOBS: &[Job] = &[
    Job { name: "accounts.erase", every: Duration::from_mins(1), at_end: false, work: erase_accounts },
    Job { name: "db.let_go", every: Duration::from_secs(1), at_end: false, work: let_go },
    Job { name: "events.purge", every: Duration::from_hours(1), at_end: false, work: purge_events },
    Job {
        name: "provisioning_log.write",
        // So often that what waits is still in the processor's cache.
        every: Duration::from_millis(25),
        at_end: true,
        work: write_provisioning_log,
    },
    Job {
        name: "provisioning_log.purge",
        every: Duration::from_mins(1),
        at_end: false,
        work: purge_provisioning_log,
    },
    Job { name: "schemas.fill", every: Duration::from_mins(1), at_end: false, work: fill_index },
    Job { name: "tokens.purge", every: Duration::from_hours(1), at_end: false, work: purge_tokens },
    Job { name: "tokens.last_used", every: Duration::from_secs(10), at_end: true, work: write_last_uses },
    Job { name: "trust.keys", every: Duration::from_secs(5), at_end: false, work: refresh_keys },
    Job { name: "trust.refusals", every: Duration::from_secs(2), at_end: true, work: write_refusals },
    Job { name: "trust.replays", every: Duration::from_mins(10), at_end: false, work: purge_replays },
    Job { name: "webhooks.missed", every: Duration::from_mins(1), at_end: false, work: wake_webhooks },
];

/// Who else works at the files is not kept waiting by reads that are over.
fn let_go(app: App) -> Running {
    Box::pin(async move {
        app.db.let_go();
        app.log_db.let_go();
        Ok(())
    })
}

fn erase_accounts(app: App) -> Running {
    Box::pin(async move { operator::erase::erase_due(&app).await.map(drop) })
}

/// Removes events that are older than their account wants them kept, in steps that hold nobody up.
fn purge_events(app: App) -> Running {
    Box::pin(async move {
        for account in app.db.house().read("accounts.all", accounts::all).await? {
            let scope = Scope::account(account.clone());
            let days = move |tx: &mut db::Tx<'_>| settings::actions::number(tx, &scope, EVENTS_DAYS);
            let Some(days) = app.db.house().read("events.retention", days).await? else { continue };
            let before = app.clock.now().plus_secs(days.saturating_mul(-86_400));
            let mut gone = 0;
            loop {
                let step = events::actions::purge(&app, &account, before).await?;
                gone += step;
                if step < events::store::PURGED_AT_ONCE {
                    break;
                }
            }
            tracing::debug!(%account, events = gone, "old events were removed");
        }
        Ok(())
    })
}

fn write_provisioning_log(app: App) -> Running {
    Box::pin(async move { provisioning_log::actions::flush(&app).await })
}

fn purge_provisioning_log(app: App) -> Running {
    Box::pin(async move {
        let gone = provisioning_log::purge::purge(&app).await?;
        tracing::debug!(entries = gone, "entries of the provisioning log were purged");
        Ok(())
    })
}

fn fill_index(app: App) -> Running {
    Box::pin(async move { directory::schemas::actions::fill_all(&app).await })
}

fn purge_tokens(app: App) -> Running {
    Box::pin(async move {
        let gone = tokens::actions::purge_expired(&app.db, app.clock.now()).await?;
        tracing::debug!(tokens = gone, "expired tokens were removed");
        Ok(())
    })
}

fn write_last_uses(app: App) -> Running {
    Box::pin(async move { app.sessions.last_used.flush(&app.db).await })
}

fn refresh_keys(app: App) -> Running {
    Box::pin(async move {
        trust::ready::refresh_due(&app).await;
        Ok(())
    })
}

fn wake_webhooks(app: App) -> Running {
    Box::pin(async move { webhooks::dispatch::wake_missed(&app).await })
}

fn write_refusals(app: App) -> Running {
    Box::pin(async move { app.trusts.refusals.flush(&app).await })
}

fn purge_replays(app: App) -> Running {
    Box::pin(async move {
        let gone = trust::actions::purge_ended(&app).await?;
        tracing::debug!(tokens = gone, "ended tokens were forgotten");
        Ok(())
    })
}

/// Starts a ticker for each job. They end at `stop`; those wanted at the end after a run that has begun and
/// one more.
pub fn start(app: &App, jobs: &[Job], stop: &Stop) -> JoinSet<()> {
    let mut running = JoinSet::new();
    for job in jobs {
        running.spawn(tick(app.clone(), *job, stop.clone()));
    }
    running
}

/// Starts all there is: the tickers, and who delivers to webhooks.
pub fn start_all(app: &App, stop: &Stop) -> JoinSet<()> {
    let mut running = start(app, JOBS, stop);
    running.spawn(webhooks::dispatch::run(app.clone(), stop.clone()));
    running
}

async fn tick(app: App, job: Job, mut stop: Stop) {
    // Some run many times a second, and one fault lasts: that of one job must not hide another's.
    let failures = Sparing::unspent();
    loop {
        tokio::select! {
            biased;
            () = stopped(&mut stop) => break,
            () = tokio::time::sleep(job.every) => {}
        }
        if job.at_end {
            run(&app, &job, &failures).await;
            continue;
        }
        tokio::select! {
            biased;
            () = stopped(&mut stop) => break,
            () = run(&app, &job, &failures) => {}
        }
    }
    if job.at_end {
        run(&app, &job, &failures).await;
    }
}

async fn run(app: &App, job: &Job, failures: &Sparing) {
    // A panic would end the ticker, and nobody would notice.
    let done = AssertUnwindSafe(async { (job.work)(app.clone()).await }).catch_unwind().await;
    if let Err(problem) = done.unwrap_or_else(|reason| Err(Problem::panicked(&*reason))) {
        let cause = problem.cause().unwrap_or("");
        failures.tell(|left_out| {
            let name = job.name;
            tracing::warn!(job = name, %problem, cause, left_out, "a job failed; it runs again at its next time");
        });
    }
}
