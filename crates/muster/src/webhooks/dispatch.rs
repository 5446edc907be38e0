//! Who delivers: every replica looks for webhooks that have something to do, at once where an event of this
//! process woke one, and once a second for all others. Webhooks without anything to do cost nothing, and a
//! slow receiver takes one place of many: an account has a few of them, and those that fail have half.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use db::Engine;
use futures_util::FutureExt as _;
use tokio::task::JoinSet;

use super::deliver::deliver;
use super::store::{self, Due};
use crate::app::App;
use crate::events::store::WEBHOOKS;
use crate::kernel::problem::{Problem, Result};
use crate::kernel::sparing::Sparing;
use crate::web::listen::{Stop, stopped};

/// How long what another replica did may go unnoticed.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// Deliveries at a time.
const PLACES: usize = 32;
/// Of one account.
const OF_ONE_ACCOUNT: usize = 4;
/// Of those whose last attempt failed.
const OF_FAILING: usize = 16;
/// Webhooks that are looked at to fill the places.
const LOOKED_AT: usize = 256;
/// How long deliveries under way may take when the server stops. What is cut off then comes again.
const MOMENT: Duration = Duration::from_secs(3);

/// Deliveries under way.
#[derive(Default)]
struct UnderWay {
    tasks: JoinSet<Due>,
    of: Vec<Due>,
}

fn is_same(one: &Due, other: &Due) -> bool {
    (&one.account, &one.identifier) == (&other.account, &other.identifier)
}

impl UnderWay {
    fn has_place(&self, due: &Due) -> bool {
        let count = |is: &dyn Fn(&Due) -> bool| self.of.iter().filter(|other| is(other)).count();
        self.of.len() < PLACES
            && count(&|other| is_same(other, due)) == 0
            && count(&|other| other.account == due.account) < OF_ONE_ACCOUNT
            && (!due.is_failing || count(&|other| other.is_failing) < OF_FAILING)
    }

    /// Begins what there is a place for.
    async fn fill(&mut self, app: &App) {
        if self.of.len() == PLACES {
            return;
        }
        match due(app).await {
            Ok(all) => {
                for due in all {
                    if self.has_place(&due) {
                        self.of.push(due.clone());
                        self.tasks.spawn(one(app.clone(), due));
                    }
                }
            }
            Err(problem) => tell(Err(problem)),
        }
    }

    /// Waits until one of them has ended; for ever, where there is none.
    async fn end_of_one(&mut self) {
        match self.tasks.join_next().await {
            Some(Ok(ended)) => self.of.retain(|due| !is_same(due, &ended)),
            // Its panic is caught, and nobody aborts it before the end.
            Some(Err(_)) => {}
            None => std::future::pending().await,
        }
    }
}

async fn one(app: App, due: Due) -> Due {
    // A panic would keep the place for ever.
    let done = AssertUnwindSafe(deliver(&app, &due)).catch_unwind().await;
    let done = done.unwrap_or_else(|reason| Err(Problem::panicked(&*reason)));
    let is_fine = done.is_ok();
    tell(done);
    if !is_fine {
        // It is still due, and would be tried without end.
        tokio::time::sleep(LOOK_AGAIN).await;
    }
    due
}

fn tell(done: Result<()>) {
    static FAILURES: Sparing = Sparing::unspent();
    if let Err(problem) = done {
        let cause = problem.cause().unwrap_or("");
        FAILURES.tell(|left_out| {
            tracing::warn!(%problem, cause, left_out, "a webhook waits: what it needs of the database failed");
        });
    }
}

/// Delivers until the server stops.
pub async fn run(app: App, mut stop: Stop) {
    let mut bell = app.db.bell(WEBHOOKS);
    if app.db.engine() == Engine::Sqlite {
        // There is one server: attempts under way are of one that was killed.
        let now = app.clock.now();
        tell(app.db.write("webhooks.release", WEBHOOKS, move |tx| store::release(tx, now)).await);
    }
    let mut under_way = UnderWay::default();
    loop {
        tokio::select! {
            biased;
            () = stopped(&mut stop) => break,
            () = under_way.fill(&app) => {}
        }
        tokio::select! {
            biased;
            () = stopped(&mut stop) => break,
            () = under_way.end_of_one() => {}
            () = bell.rung() => {}
            () = tokio::time::sleep(LOOK_AGAIN) => {}
        }
    }
    let all = async { while under_way.tasks.join_next().await.is_some() {} };
    let _ = tokio::time::timeout(MOMENT, all).await;
}

async fn due(app: &App) -> Result<Vec<Due>> {
    let now = app.clock.now();
    app.db.house().read("webhooks.due", move |tx| store::due(tx, now, LOOKED_AT)).await
}

/// Delivers once to each webhook that has something to do now, one after the other; answers how many those
/// were.
///
/// # Errors
/// The first one of them.
pub async fn round(app: &App) -> Result<usize> {
    let all = due(app).await?;
    for due in &all {
        deliver(app, due).await?;
    }
    Ok(all.len())
}

/// Wakes webhooks that have something to do and were not told so, as servers of earlier releases leave them.
///
/// # Errors
/// Of the database.
pub async fn wake_missed(app: &App) -> Result<()> {
    for (account, identifier) in app.db.house().read("webhooks.missed", store::missed).await? {
        let (of, now) = (account.clone(), app.clock.now());
        app.write_held("webhooks.wake", account.as_str(), move |tx| store::wake(tx, &of, &identifier, now))
            .await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::ids::AccountId;

    fn due(account: usize, webhook: usize, is_failing: bool) -> Due {
        Due { account: AccountId::new(format!("a{account}")), identifier: format!("w{webhook}"), is_failing }
    }

    #[test]
    fn no_account_and_no_failure_takes_all_places() {
        let mut under_way = UnderWay::default();
        let mut fill = |all: Vec<Due>| {
            for due in all {
                if under_way.has_place(&due) {
                    under_way.of.push(due);
                }
            }
            under_way.of.len()
        };
        let many = |is_failing| (0..20).flat_map(move |a| (0..20).map(move |w| due(a, w, is_failing)));
        assert_eq!(fill((0..20).map(|w| due(0, w, false)).collect()), OF_ONE_ACCOUNT);
        assert_eq!(fill((0..20).map(|w| due(0, w, false)).collect()), OF_ONE_ACCOUNT, "each one once");
        assert_eq!(fill(many(true).collect()), OF_ONE_ACCOUNT + OF_FAILING);
        assert_eq!(fill(many(false).collect()), PLACES);
    }
}
