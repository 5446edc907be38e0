//! Wakes those who wait for events. One follower for each account that somebody waits for: it hears of this
//! process' commits by a bell and looks for those of other replicas once a second, with one query however
//! many wait. Writers pay for ringing the one bell; nobody polls.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use db::{Bell, Db, Tx};
use tokio::sync::watch;

use super::store;
use crate::kernel::ids::AccountId;
use crate::kernel::problem::{Kind, Problem, Result};
use crate::web::listen::stopped;

/// How long a commit of another replica may go unnoticed.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// After a look: commits that come meanwhile are seen together.
const REST: Duration = Duration::from_millis(5);
/// Requests of one account that may wait at a time.
pub const MOST_WAITING: usize = 1_000;

/// Everybody who waits. Cheap to clone.
#[derive(Clone)]
pub struct Feed {
    lines: Lines,
    over: watch::Sender<bool>,
}

/// Where an account is: the last number given, and its version.
type State = (i64, i64);

type Lines = Arc<Mutex<HashMap<AccountId, Line>>>;

/// Those who wait for one account.
struct Line {
    seen: watch::Sender<State>,
    waiting: usize,
}

fn lock(lines: &Lines) -> MutexGuard<'_, HashMap<AccountId, Line>> {
    // Nothing that holds the lock can leave the map half done.
    lines.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Default for Feed {
    fn default() -> Self {
        Self { lines: Arc::default(), over: watch::channel(false).0 }
    }
}

impl Feed {
    /// The server stops: nobody waits any longer.
    pub fn end(&self) {
        self.over.send_replace(true);
    }

    /// Begins to wait for an account.
    ///
    /// # Errors
    /// `TooMany` when `MOST_WAITING` do already.
    pub fn wait(&self, db: &Db, account: &AccountId) -> Result<Waiting> {
        let mut lines = lock(&self.lines);
        let fresh = !lines.contains_key(account);
        let line = lines
            .entry(account.clone())
            .or_insert_with(|| Line { seen: watch::channel((0, 0)).0, waiting: 0 });
        if line.waiting >= MOST_WAITING {
            let text = format!(
                "{MOST_WAITING} requests wait for events of this account already: wait with fewer, or ask without waitSeconds."
            );
            return Err(Problem::new(Kind::TooMany, text).retry_after(1));
        }
        line.waiting += 1;
        if fresh {
            let (db, bell, account) = (db.clone(), db.bell(account.as_str()), account.clone());
            let follower =
                Follower { db, bell, account, lines: self.lines.clone(), over: self.over.subscribe() };
            tokio::spawn(follower.run());
        }
        let (seen, over) = (line.seen.subscribe(), self.over.subscribe());
        Ok(Waiting { lines: self.lines.clone(), account: account.clone(), seen, over })
    }
}

/// One who waits.
pub struct Waiting {
    lines: Lines,
    account: AccountId,
    seen: watch::Receiver<State>,
    over: watch::Receiver<bool>,
}

impl Waiting {
    /// Returns `true` once the account has an event after `number` or another version, `false` when the
    /// server stops.
    pub async fn past(&mut self, (number, version): State) -> bool {
        tokio::select! {
            // What was seen last may be older than what the caller knows: versions only grow.
            moved = self.seen.wait_for(|(n, v)| *n > number || *v > version) => moved.is_ok(),
            () = stopped(&mut self.over) => false,
        }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if let Some(line) = lock(&self.lines).get_mut(&self.account) {
            line.waiting -= 1;
        }
    }
}

struct Follower {
    db: Db,
    bell: Bell,
    account: AccountId,
    lines: Lines,
    over: watch::Receiver<bool>,
}

impl Follower {
    /// Follows the account until nobody waits for it.
    async fn run(mut self) {
        loop {
            let account = self.account.clone();
            let look = move |tx: &mut Tx<'_>| store::state(tx, &account);
            let seen = self.db.of(&self.account).point::<_, Problem>("events.latest", look).await;
            if self.tell(seen) {
                return;
            }
            tokio::select! {
                () = self.bell.rung() => tokio::time::sleep(REST).await,
                () = tokio::time::sleep(LOOK_AGAIN) => {}
                () = stopped(&mut self.over) => {}
            }
        }
    }

    /// Says what was seen to all who wait; answers whether that was nobody.
    fn tell(&self, seen: Result<State>) -> bool {
        let mut lines = lock(&self.lines);
        let Some(line) = lines.get(&self.account) else { return true };
        if line.waiting == 0 || *self.over.borrow() {
            lines.remove(&self.account);
            return true;
        }
        match seen {
            Ok(seen) => {
                line.seen.send_if_modified(|known| std::mem::replace(known, seen) != seen);
            }
            // Those who wait are answered at their time all the same.
            Err(problem) => tracing::debug!(account = %self.account, %problem, "events cannot be looked for"),
        }
        false
    }
}
