//! Periodic work inside the server process: each job is a function of the app, run one after the other by one ticker
//! that ends when the server stops. A job never runs twice at once in a process; on several replicas each must be
//! harmless to repeat.

use std::pin::Pin;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::app::App;
use crate::kernel::problem::Problem;

/// What a job does each time.
pub type Work = fn(App) -> Pin<Box<dyn Future<Output = Result<(), Problem>> + Send>>;

/// A piece of periodic work.
#[derive(Clone, Copy, Debug)]
pub struct Job {
    /// For the log.
    pub name: &'static str,
    /// From the end of one run to the start of the next; also before the first.
    pub every: Duration,
    /// The work.
    pub work: Work,
}

/// All jobs of the server.
pub const JOBS: &[Job] = &[];

/// Starts a ticker for each job. They end at `stop`; a run that has begun is finished.
pub fn start(app: &App, jobs: &[Job], stop: &watch::Receiver<bool>) -> JoinSet<()> {
    let mut running = JoinSet::new();
    for job in jobs {
        running.spawn(tick(app.clone(), *job, stop.clone()));
    }
    running
}

async fn tick(app: App, job: Job, mut stop: watch::Receiver<bool>) {
    loop {
        tokio::select! {
            biased;
            _ = stop.wait_for(|stop| *stop) => return,
            () = tokio::time::sleep(job.every) => {}
        }
        if let Err(problem) = (job.work)(app.clone()).await {
            let cause = problem.cause().unwrap_or("");
            tracing::warn!(job = job.name, %problem, cause, "a job failed; it runs again at its next time");
        }
    }
}
