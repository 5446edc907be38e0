//! When and from where each token was last used: noted by the door in memory, at most once a minute a
//! token, and written behind the requests. Never makes a request wait, never grows without bound; a note
//! that is lost with the process is no loss, the next use makes another.

use std::collections::HashMap;
use std::net::IpAddr;

use db::Db;
use parking_lot::Mutex;
use quick_cache::sync::Cache;

use super::store;
use crate::kernel::ids::{AccountId, TokenId};
use crate::kernel::problem::Result;
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
    /// Of the database; the notes of that account and of those not yet reached are lost.
    pub async fn flush(&self, db: &Db) -> Result<()> {
        let taken = std::mem::take(&mut *self.waiting.lock());
        let mut accounts: HashMap<AccountId, Vec<_>> = HashMap::new();
        for ((account, token), (at, from)) in taken {
            let from = from.map(|ip| ip.to_string());
            accounts.entry(account).or_default().push((token, at, from));
        }
        for (account, uses) in accounts {
            let lane = account.to_string();
            db.write("tokens.last_used", &lane, move |tx| {
                uses.iter().try_for_each(|(token, at, from)| {
                    store::touch_token(tx, &account, token, *at, from.as_deref())
                })
            })
            .await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
