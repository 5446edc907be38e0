//! Who delivers: every replica looks for webhooks that have something to do, at once where an event of this
//! process woke one, and once a second for all others. Webhooks without anything to do cost nothing, and a
//! slow receiver takes one place of many: an account has a few of them, and one where they are short; those
//! that fail or are slow have half.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use db::Engine;
use futures_util::FutureExt as _;
use tokio::sync::{Notify, watch};
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
pub const PLACES: usize = 32;
/// Of one account.
const OF_ONE_ACCOUNT: usize = 4;
/// Of those whose last attempt failed or took long.
const OF_TARDY: usize = 16;
/// Of those of one account: its other ones find a place beside them.
const TARDY_OF_ONE_ACCOUNT: usize = 2;
/// Webhooks that are looked at to fill the places.
const LOOKED_AT: usize = 256;
/// How long deliveries under way may take when the server stops. What is given back then comes again.
const MOMENT: Duration = Duration::from_secs(3);
/// How long giving them back may take. What is not is taken by others when its time is over.
const LAST_MOMENT: Duration = Duration::from_secs(1);

/// Deliveries under way.
#[derive(Default)]
struct UnderWay {
    tasks: JoinSet<Due>,
    of: Vec<(Due, Arc<Notify>)>,
}

fn is_same(one: &Due, other: &Due) -> bool {
    (&one.account, &one.identifier) == (&other.account, &other.identifier)
}

impl UnderWay {
    /// Who turns out to be slow is not known before the first attempt: where half of the places are taken,
    /// an account gets one more only if it has none.
    fn has_place(&self, due: &Due) -> bool {
        let count = |is: &dyn Fn(&Due) -> bool| self.of.iter().filter(|(other, _)| is(other)).count();
        let like = count(&|other| other.is_tardy == due.is_tardy);
        let like_of_account = count(&|other| other.account == due.account && other.is_tardy == due.is_tardy);
        let (taken, places, most) = if due.is_tardy {
            (like, OF_TARDY, TARDY_OF_ONE_ACCOUNT)
        } else {
            (self.of.len(), PLACES, OF_ONE_ACCOUNT)
        };
        let share = if taken < places / 2 { most } else { 1 };
        self.of.len() < PLACES
            && taken < places
            && like_of_account < share
            && count(&|other| other.account == due.account) < OF_ONE_ACCOUNT
    }

    /// Begins what there is a place for. What is due although it is under way was changed meanwhile, or made
    /// anew: its attempt has to see whether it still counts.
    async fn fill(&mut self, app: &App, leave: &Stop) {
        match due(app).await {
            Ok(all) => {
                for due in all {
                    if let Some((_, doubted)) = self.of.iter().find(|(other, _)| is_same(other, &due)) {
                        doubted.notify_waiters();
                    } else if self.has_place(&due) {
                        let doubted = Arc::new(Notify::new());
                        self.of.push((due.clone(), doubted.clone()));
                        self.tasks.spawn(one(app.clone(), due, doubted, leave.clone()));
                    }
                }
            }
            Err(problem) => tell(Err(problem)),
        }
    }

    /// Waits until one of them has ended; for ever, where there is none.
    async fn end_of_one(&mut self) {
        match self.tasks.join_next().await {
            Some(Ok(ended)) => self.of.retain(|(due, _)| !is_same(due, &ended)),
            // Its panic is caught, and nobody aborts it before the end.
            Some(Err(_)) => {}
            None => std::future::pending().await,
        }
    }
}

async fn one(app: App, due: Due, doubted: Arc<Notify>, leave: Stop) -> Due {
    // A panic would keep the place for ever.
    let done = AssertUnwindSafe(deliver(&app, &due, &doubted, leave)).catch_unwind().await;
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
    let (leave, left) = watch::channel(false);
    loop {
        tokio::select! {
            biased;
            () = stopped(&mut stop) => break,
            () = under_way.fill(&app, &left) => {}
        }
        tokio::select! {
            biased;
            () = stopped(&mut stop) => break,
            () = under_way.end_of_one() => {}
            () = bell.rung() => {}
            () = tokio::time::sleep(LOOK_AGAIN) => {}
        }
    }
    let mut all = std::pin::pin!(async { while under_way.tasks.join_next().await.is_some() {} });
    if tokio::time::timeout(MOMENT, &mut all).await.is_err() {
        leave.send_replace(true);
        let _ = tokio::time::timeout(LAST_MOMENT, all).await;
    }
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
    let (_stays, leave) = watch::channel(false);
    for due in &all {
        deliver(app, due, &Notify::new(), leave.clone()).await?;
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
    use crate::webhooks::model::MOST;

    fn due(account: usize, webhook: usize, is_tardy: bool) -> Due {
        Due { account: AccountId::new(format!("a{account}")), identifier: format!("w{webhook}"), is_tardy }
    }

    /// Of these accounts, each with all webhooks that one may have.
    fn of(accounts: std::ops::Range<usize>, is_tardy: bool) -> impl Iterator<Item = Due> {
        accounts.flat_map(move |a| (0..MOST).map(move |w| due(a, w, is_tardy)))
    }

    impl UnderWay {
        fn takes(&mut self, all: impl Iterator<Item = Due>) -> usize {
            let before = self.of.len();
            for due in all {
                if self.has_place(&due) {
                    self.of.push((due, Arc::default()));
                }
            }
            self.of.len() - before
        }
    }

    #[test]
    fn no_account_takes_all_places_and_those_that_fail_or_are_slow_leave_half() {
        let mut under_way = UnderWay::default();
        assert_eq!(under_way.takes(of(0..1, false)), OF_ONE_ACCOUNT);
        assert_eq!(under_way.takes(of(1..99, true)), OF_TARDY);
        assert_eq!(under_way.takes(of(1..99, true)), 0);
        assert_eq!(under_way.takes(of(0..1, false)), 0);
        assert_eq!(under_way.takes(of(1..99, false)), PLACES - OF_ONE_ACCOUNT - OF_TARDY);
    }

    #[test]
    fn an_account_is_told_beside_many_of_whom_nobody_knows_yet_that_they_are_slow() {
        let mut under_way = UnderWay::default();
        assert_eq!(under_way.takes(of(0..10, false)), PLACES / 2 + 6, "one each where places are short");
        assert_eq!(under_way.takes([due(10, 0, false)].into_iter()), 1);
    }

    #[test]
    fn what_is_tardy_in_an_account_leaves_places_for_the_rest_of_it() {
        let mut under_way = UnderWay::default();
        assert_eq!(under_way.takes(of(0..1, true)), TARDY_OF_ONE_ACCOUNT);
        assert_eq!(under_way.takes((0..MOST).map(|w| due(0, MOST + w, false))), OF_ONE_ACCOUNT - 2);
        assert_eq!(under_way.takes(of(1..4, true)), OF_TARDY / 2 - 2);
        assert_eq!(under_way.takes(of(4..6, true)), 2, "one each where places are short");
    }
}
