//! When and from where each token was last used: noted by the door in memory, at most once a minute a
//! token, and written behind the requests. Never makes a request wait, never grows without bound; a note
//! that is lost with the process is no loss, the next use makes another.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use db::{Db, Tx};
use parking_lot::Mutex;
use quick_cache::sync::Cache;

use super::store;
use crate::kernel::ids::{AccountId, TokenId};
use crate::kernel::problem::{Kind, Result};
use crate::kernel::time::Timestamp;

/// Shortest time between two notes of one token.
const EVERY_SECS: i64 = 60;
/// Most notes that wait to be written; uses beyond it are noted when the next one comes.
const WAITING: usize = 10_000;
/// Tokens whose last note is remembered.
const REMEMBERED: usize = 100_000;

/// When, and from which address.
type Use = (Timestamp, Option<IpAddr>);

/// The notes. Shared by all requests.
pub struct LastUsed {
    noted: Cache<TokenId, Timestamp>,
    waiting: Mutex<HashMap<(AccountId, TokenId), Use>>,
}

impl Default for LastUsed {
    fn default() -> Self {
        Self { noted: Cache::new(REMEMBERED), waiting: Mutex::default() }
    }
}

impl LastUsed {
    /// Notes a use, unless one was noted within the last minute.
    pub fn note(&self, account: &AccountId, token: &TokenId, now: Timestamp, from: Option<IpAddr>) {
        if self.noted.get(token).is_some_and(|last| now < last.plus_secs(EVERY_SECS)) {
            return;
        }
        let mut waiting = self.waiting.lock();
        if waiting.len() < WAITING {
            waiting.insert((account.clone(), token.clone()), (now, from));
            drop(waiting);
            self.noted.insert(token.clone(), now);
        }
    }

    /// Writes what was noted, one transaction an account.
    ///
    /// # Errors
    /// Of the database: the last one. While it is away the notes go on to wait.
    pub async fn flush(&self, db: &Db) -> Result<()> {
        let taken = std::mem::take(&mut *self.waiting.lock());
        let mut accounts: HashMap<AccountId, Vec<_>> = HashMap::new();
        for ((account, token), used) in taken {
            accounts.entry(account).or_default().push((token, used));
        }
        let (mut outcome, mut away) = (Ok(()), false);
        for (account, uses) in accounts {
            if away {
                self.put_back(&account, &uses);
                continue;
            }
            let (uses, lane, of) = (Arc::new(uses), account.to_string(), account.clone());
            let kept = Arc::clone(&uses);
            let write = move |tx: &mut Tx<'_>| {
                uses.iter().try_for_each(|(token, (at, from))| {
                    let from = from.map(|ip| ip.to_string());
                    store::touch_token(tx, &of, token, *at, from.as_deref())
                })
            };
            if let Err(problem) = db.write("tokens.last_used", &lane, write).await {
                away = problem.kind() == Kind::Unavailable;
                if away {
                    self.put_back(&account, &kept);
                }
                outcome = Err(problem);
            }
        }
        outcome
    }

    /// Lets notes go on to wait, unless there is a newer one.
    fn put_back(&self, account: &AccountId, uses: &[(TokenId, Use)]) {
        let mut waiting = self.waiting.lock();
        for (token, used) in uses {
            if waiting.len() < WAITING {
                waiting.entry((account.clone(), token.clone())).or_insert(*used);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn notes_wait_for_a_database_that_is_away() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let db = Db::open(db::Options::sqlite(folder.path().join("x.db"))).expect("it opens");
        db.close().await;
        let (notes, start) = (LastUsed::default(), Timestamp::from_millis(0));
        for account in ["a", "b"] {
            notes.note(&AccountId::new(account), &TokenId::new(account), start, None);
        }
        assert!(notes.flush(&db).await.is_err());
        assert_eq!(notes.waiting.lock().len(), 2);
        let newer = start.plus_secs(61);
        notes.note(&AccountId::new("a"), &TokenId::new("a"), newer, None);
        notes.put_back(&AccountId::new("a"), &[(TokenId::new("a"), (start, None))]);
        let key = (AccountId::new("a"), TokenId::new("a"));
        assert_eq!(notes.waiting.lock()[&key].0, newer, "the newest one counts");
    }

    #[test]
    fn one_note_a_minute_and_no_more_than_fit() {
        let (notes, account) = (LastUsed::default(), AccountId::new("a"));
        let start = Timestamp::from_millis(0);
        let waiting = || notes.waiting.lock().len();
        notes.note(&account, &TokenId::new("t"), start, None);
        std::mem::take(&mut *notes.waiting.lock());
        notes.note(&account, &TokenId::new("t"), start.plus_secs(59), None);
        assert_eq!(waiting(), 0);
        notes.note(&account, &TokenId::new("t"), start.plus_secs(60), None);
        assert_eq!(waiting(), 1);
        for n in 0..WAITING + 5 {
            notes.note(&account, &TokenId::new(n.to_string()), start, None);
        }
        assert_eq!(waiting(), WAITING);
    }
}
