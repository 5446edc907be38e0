//! How many forced fetches may be caused, and by whom: behind a reverse proxy all clients have one address.
//! Where that alone decided, one account could use up what all the others need.

use std::collections::HashMap;
use std::net::IpAddr;

use parking_lot::Mutex;

use crate::kernel::ids::AccountId;
use crate::kernel::time::Timestamp;

/// So long a fetch counts, in seconds: the bounds hold in any minute, also in one that begins in between.
const COUNTS_SECS: i64 = 60;
/// Forced fetches in that time by one address for the trusts of one account, over all places.
const PER_ACCOUNT: usize = 10;
/// So many of these are an account's own: nobody else can use them up.
const OWN: usize = 2;
/// What all accounts share beyond their own, for one address.
const SHARED: usize = 60;

/// What was spent lately.
#[derive(Default)]
pub(super) struct Budget(Mutex<Book>);

#[derive(Default)]
struct Book {
    addresses: HashMap<IpAddr, Spent>,
    /// When what is over was last left out of it.
    cleared: Option<Timestamp>,
}

#[derive(Default)]
struct Spent {
    shared: Recent,
    accounts: HashMap<AccountId, OfAccount>,
}

#[derive(Default)]
struct OfAccount {
    own: Recent,
    shared: Recent,
}

/// When fetches were that count still.
#[derive(Default)]
struct Recent(Vec<Timestamp>);

impl Recent {
    fn count(&mut self, now: Timestamp) -> usize {
        // Those that are to come are of a clock that was set back, and would count for long.
        self.0.retain(|at| (0..COUNTS_SECS * 1_000_000).contains(&(now.micros() - at.micros())));
        self.0.len()
    }
}

impl Budget {
    /// Does `take`, if one more fetch may be, and counts it if it was done. What somebody does not get costs
    /// nothing: many who come at once would else use up what the next fetch needs.
    pub(super) fn spend<T>(
        &self,
        (account, address): (&AccountId, IpAddr),
        now: Timestamp,
        take: impl FnOnce() -> Option<T>,
    ) -> Option<T> {
        let mut book = self.0.lock();
        book.clear(now);
        let (mut own, mut beyond, mut shared) = (0, 0, 0);
        if let Some(spent) = book.addresses.get_mut(&address) {
            shared = spent.shared.count(now);
            if let Some(account) = spent.accounts.get_mut(account) {
                (own, beyond) = (account.own.count(now), account.shared.count(now));
            }
        }
        let is_own = own < OWN;
        if own + beyond >= PER_ACCOUNT || !is_own && shared >= SHARED {
            return None;
        }
        let taken = take()?;
        let spent = book.addresses.entry(address).or_default();
        let account = spent.accounts.entry(account.clone()).or_default();
        if is_own {
            account.own.0.push(now);
        } else {
            account.shared.0.push(now);
            spent.shared.0.push(now);
        }
        Some(taken)
    }
}

impl Book {
    /// Forgets who has spent nothing lately; now and then, since it looks at all.
    fn clear(&mut self, now: Timestamp) {
        let since = self.cleared.map(|at| (now.micros() - at.micros()).abs());
        if since.is_some_and(|micros| micros < COUNTS_SECS * 1_000_000) {
            return;
        }
        self.cleared = Some(now);
        self.addresses.retain(|_, spent| {
            spent.accounts.retain(|_, account| account.own.count(now) + account.shared.count(now) > 0);
            !spent.accounts.is_empty()
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_account_uses_up_what_others_need() {
        let (budget, start) = (Budget::default(), Timestamp::from_millis(0));
        let spend = |account: &str, address: &str, now| {
            let who = (&AccountId::new(account), address.parse().unwrap());
            budget.spend(who, now, || Some(())).is_some()
        };
        let granted =
            |account: &str, address: &str, now| (0..20).filter(|_| spend(account, address, now)).count();
        let none = budget.spend((&AccountId::new("a0"), "192.0.2.7".parse().unwrap()), start, || None::<()>);
        assert_eq!(none, None, "and it costs nothing");
        let all: Vec<_> = (0..9).map(|n| granted(&format!("a{n}"), "192.0.2.7", start)).collect();
        assert_eq!(all, [10, 10, 10, 10, 10, 10, 10, 6, 2], "60 are shared, two each has");
        assert_eq!(granted("a0", "192.0.2.8", start), 10, "another address");
        assert_eq!(granted("a0", "192.0.2.7", start.plus_secs(60)), 10, "another minute");
        assert_eq!(granted("a7", "192.0.2.7", start.plus_secs(-1)), 10, "a clock that was set back");
    }

    #[test]
    fn no_minute_has_more_than_its_share_wherever_it_begins() {
        let budget = Budget::default();
        let time = |secs: i64| Timestamp::from_millis(1_000 * secs);
        let who = (&AccountId::new("acme"), "192.0.2.7".parse().unwrap());
        let granted =
            |at: i64| (0..20).filter(|_| budget.spend(who, time(at), || Some(())).is_some()).count();
        assert_eq!([granted(59), granted(60), granted(118), granted(119)], [10, 0, 0, 10]);
        budget.0.lock().clear(time(179));
        assert!(budget.0.lock().addresses.is_empty(), "and nothing is kept of it");
    }
}
