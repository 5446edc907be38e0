//! How many forced fetches may be caused, and by whom: behind a reverse proxy all clients have one address.
//! Where that alone decided, one account could use up what all the others need.

use std::collections::HashMap;
use std::net::IpAddr;

use parking_lot::Mutex;

use crate::kernel::ids::AccountId;
use crate::kernel::time::Timestamp;

/// Forced fetches in a minute by one address for the trusts of one account, over all places.
const PER_ACCOUNT: u32 = 10;
/// The first of these are an account's own: nobody else can use them up.
const OWN: u32 = 2;
/// What all accounts share beyond their own, for one address.
const SHARED: u32 = 60;

/// What is spent in the minute under way.
#[derive(Default)]
pub(super) struct Budget(Mutex<Minute>);

#[derive(Default)]
struct Minute {
    number: i64,
    addresses: HashMap<IpAddr, Spent>,
}

#[derive(Default)]
struct Spent {
    shared: u32,
    accounts: HashMap<AccountId, u32>,
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
        let mut minute = self.0.lock();
        let number = now.secs().div_euclid(60);
        if minute.number != number {
            *minute = Minute { number, addresses: HashMap::new() };
        }
        let known = minute.addresses.get(&address);
        let spent = known.and_then(|known| known.accounts.get(account)).copied().unwrap_or_default();
        let (own, shared) = (spent < OWN, known.map_or(0, |known| known.shared));
        if spent >= PER_ACCOUNT || !own && shared >= SHARED {
            return None;
        }
        let taken = take()?;
        let of = minute.addresses.entry(address).or_default();
        of.shared += u32::from(!own);
        *of.accounts.entry(account.clone()).or_default() += 1;
        Some(taken)
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
    }
}
