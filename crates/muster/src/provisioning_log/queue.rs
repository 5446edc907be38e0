//! Between the requests and the log's own task: a bounded queue that never waits. Where there are too many,
//! reads that succeeded go first; what is dropped is counted.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicU16, AtomicU32, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::time::Instant;

use parking_lot::Mutex;
use quick_cache::sync::Cache;

use super::model::Captured;
use crate::kernel::ids::AccountId;
use crate::kernel::time::Timestamp;

/// Most entries that wait.
pub const MOST: usize = 16_384;
/// Most bytes of bodies that wait, over all entries.
const MOST_BYTES: usize = 32 << 20;
/// Requests without an accepted credential only wait behind fewer than this.
const FOR_STRANGERS: usize = 400;
/// Reads that succeeded: so many at once, and so many a second in the long run.
const READS_AT_ONCE: u32 = 400;
const READS_A_SECOND: u32 = 2_000;
/// Most entries of requests without an accepted credential, an account and minute: nobody fills the log of an
/// account from outside.
const STRANGERS: u32 = 120;
/// Accounts whose losses are counted apart.
const COUNTED: usize = 1_000;
/// Accounts whose switch is remembered.
const REMEMBERED: usize = 10_000;

/// The log of a process: what waits to be written, and what is known of the accounts' switches.
pub struct Log {
    waiting: Mutex<Waiting>,
    length: AtomicUsize,
    most: usize,
    /// Which accounts keep a log, each with the account's version.
    switches: Cache<AccountId, (i64, bool)>,
    /// Entries without an accepted credential, by minute.
    strangers: Cache<AccountId, (i64, u32)>,
    /// Reads that are taken before the next flush.
    reads: AtomicU32,
    /// When reads were last allowed anew.
    allowed: Mutex<Instant>,
    turn: AtomicU16,
    lost: AtomicU64,
    /// One flush at a time: entries are written in their order.
    pub(super) flushing: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Waiting {
    entries: VecDeque<Captured>,
    bytes: usize,
    lost: HashMap<AccountId, u64>,
}

impl Waiting {
    fn has_room(&self, most: usize, weight: usize) -> bool {
        self.entries.len() < most && self.bytes + weight <= MOST_BYTES
    }

    fn count(&mut self, account: &AccountId, entries: u64) {
        if let Some(count) = self.lost.get_mut(account) {
            *count += entries;
        } else if self.lost.len() < COUNTED {
            self.lost.insert(account.clone(), entries);
        }
    }
}

impl Log {
    /// Empty, with room for so many entries.
    pub fn new(most: usize) -> Self {
        Self {
            waiting: Mutex::default(),
            length: AtomicUsize::new(0),
            most,
            switches: Cache::new(REMEMBERED),
            strangers: Cache::new(REMEMBERED),
            reads: AtomicU32::new(READS_AT_ONCE),
            allowed: Mutex::new(Instant::now()),
            turn: AtomicU16::new(0),
            lost: AtomicU64::new(0),
            flushing: tokio::sync::Mutex::default(),
        }
    }

    /// Whether the account is known to keep no log at this version.
    pub fn is_off(&self, account: &AccountId, version: i64) -> bool {
        self.switches.get(account).is_some_and(|(known, on)| known == version && !on)
    }

    /// The account's switch, where it is known as it stands at this version.
    pub(super) fn switch(&self, account: &AccountId, version: i64) -> Option<bool> {
        self.switches.get(account).filter(|(known, _)| *known == version).map(|(_, on)| on)
    }

    pub(super) fn keep_switch(&self, account: &AccountId, version: i64, on: bool) {
        self.switches.insert(account.clone(), (version, on));
    }

    /// Whether a read that succeeded finds room. If not it is counted as dropped.
    pub fn takes_read(&self, account: &AccountId) -> bool {
        let room = self.length.load(Relaxed) < self.most
            && self.reads.fetch_update(Relaxed, Relaxed, |left| left.checked_sub(1)).is_ok();
        if !room {
            self.drop_one(account);
        }
        room
    }

    /// Lets in as many reads as the time since the last call is worth.
    pub(super) fn allow_reads(&self) {
        let mut allowed = self.allowed.lock();
        let worth = allowed.elapsed().as_millis() * u128::from(READS_A_SECOND) / 1_000;
        if worth > 0 {
            *allowed = Instant::now();
            let left = self.reads.load(Relaxed).saturating_add(u32::try_from(worth).unwrap_or(u32::MAX));
            self.reads.store(left.min(READS_AT_ONCE), Relaxed);
        }
    }

    /// Takes an entry, or drops and counts it.
    pub fn push(&self, entry: Captured) {
        let welcome = entry.caller.is_some() || self.lets_in(&entry.account, entry.at);
        let mut waiting = self.waiting.lock();
        let weight = entry.weight();
        if !welcome || !waiting.has_room(self.most, weight) {
            drop(waiting);
            return self.drop_one(&entry.account);
        }
        waiting.bytes += weight;
        waiting.entries.push_back(entry);
        self.length.store(waiting.entries.len(), Relaxed);
    }

    /// Whether an entry without an accepted credential finds room. If not it is counted as dropped. Asked
    /// before the entry is made, so that a flood of them costs little.
    pub fn takes_stranger(&self, account: &AccountId, at: Timestamp) -> bool {
        let room = self.strangers_of(account, at).is_some();
        if !room {
            self.drop_one(account);
        }
        room
    }

    /// Minute and number of the account's entries in it, if there is room for one more.
    fn strangers_of(&self, account: &AccountId, at: Timestamp) -> Option<(i64, u32)> {
        let minute = at.secs() / 60;
        let known = self.strangers.get(account).filter(|(known, _)| *known == minute);
        let before = known.map_or(0, |(_, entries)| entries);
        let room = before < STRANGERS && self.length.load(Relaxed) < FOR_STRANGERS.min(self.most);
        room.then_some((minute, before))
    }

    fn lets_in(&self, account: &AccountId, at: Timestamp) -> bool {
        let Some((minute, before)) = self.strangers_of(account, at) else { return false };
        self.strangers.insert(account.clone(), (minute, before + 1));
        true
    }

    fn drop_one(&self, account: &AccountId) {
        self.count_lost(account, 1);
    }

    /// Counts entries that were dropped.
    pub(super) fn count_lost(&self, account: &AccountId, entries: u64) {
        self.lost.fetch_add(entries, Relaxed);
        self.waiting.lock().count(account, entries);
    }

    /// Up to so many entries, oldest first.
    pub(super) fn take(&self, most: usize) -> Vec<Captured> {
        let mut waiting = self.waiting.lock();
        let count = waiting.entries.len().min(most);
        let taken: Vec<Captured> = waiting.entries.drain(..count).collect();
        waiting.bytes -= taken.iter().map(Captured::weight).sum::<usize>();
        self.length.store(waiting.entries.len(), Relaxed);
        taken
    }

    /// Lets entries that could not be written go on to wait, in front of the others, as far as there is room.
    pub(super) fn put_back(&self, entries: impl DoubleEndedIterator<Item = Captured>) {
        let mut waiting = self.waiting.lock();
        // The newest of them first: they stand behind the older ones.
        for entry in entries.rev() {
            let weight = entry.weight();
            if waiting.has_room(self.most, weight) {
                waiting.bytes += weight;
                waiting.entries.push_front(entry);
            } else {
                self.lost.fetch_add(1, Relaxed);
                waiting.count(&entry.account, 1);
            }
        }
        self.length.store(waiting.entries.len(), Relaxed);
    }

    /// Takes back what was dropped and could not be written down.
    pub(super) fn keep_lost(&self, lost: &HashMap<AccountId, u64>) {
        let mut waiting = self.waiting.lock();
        for (account, entries) in lost {
            waiting.count(account, *entries);
        }
    }

    /// What was dropped since the last call, by account.
    pub(super) fn take_lost(&self) -> HashMap<AccountId, u64> {
        std::mem::take(&mut self.waiting.lock().lost)
    }

    /// Entries that wait.
    pub fn waiting(&self) -> usize {
        self.length.load(Relaxed)
    }

    /// Entries dropped since the process began.
    pub fn lost(&self) -> u64 {
        self.lost.load(Relaxed)
    }

    /// A running number for ids.
    pub(super) fn turn(&self) -> u16 {
        self.turn.fetch_add(1, Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::super::model::{Heads, READ_BYTES, Sent};
    use super::*;
    use crate::kernel::caller::Caller;

    fn entry(known: bool, second: i64) -> Captured {
        let account = AccountId::new("acme");
        Captured {
            at: Timestamp::from_millis(second * 1_000),
            micros: 1,
            request_id: "r".into(),
            method: http::Method::POST,
            uri: "/x".into(),
            below: 0,
            headers: Heads::default(),
            status: 201,
            request: Sent::Nothing,
            response: Sent::Nothing,
            location: None,
            caller: known.then(|| Caller::console(account.clone())),
            stranger: None,
            problem: None,
            mended: Vec::new(),
            unknown_members: Vec::new(),
            dry_run: false,
            failed_operations: 0,
            account,
        }
    }

    #[test]
    fn what_does_not_fit_is_dropped_and_counted() {
        let (log, account) = (Log::new(3), AccountId::new("acme"));
        (0..5).for_each(|_| log.push(entry(true, 0)));
        assert_eq!((log.waiting(), log.lost()), (3, 2));
        assert!(!log.takes_read(&account));
        assert_eq!(log.take_lost()[&account], 3);
        assert_eq!((log.take(2).len(), log.take(9).len(), log.waiting()), (2, 1, 0));
        assert!(log.takes_read(&account) && log.take_lost().is_empty());
    }

    #[test]
    fn what_could_not_be_written_waits_in_front_as_far_as_there_is_room() {
        let (log, account) = (Log::new(4), AccountId::new("acme"));
        (0..3).for_each(|second| log.push(entry(true, second)));
        let taken = log.take(3);
        (3..5).for_each(|second| log.push(entry(true, second)));
        log.put_back(taken.into_iter());
        assert_eq!((log.waiting(), log.lost()), (4, 1), "the oldest found no room");
        let order: Vec<_> = log.take(9).iter().map(|entry| entry.at.secs()).collect();
        assert_eq!(order, [1, 2, 3, 4]);
        log.keep_lost(&log.take_lost());
        assert_eq!((log.take_lost()[&account], log.lost()), (1, 1), "counted once");
    }

    #[test]
    fn bodies_are_bounded_all_together() {
        let log = Log::new(MOST);
        let body = Bytes::from(vec![b'x'; READ_BYTES]);
        for _ in 0..500 {
            log.push(Captured { request: Sent::of(&body), ..entry(true, 0) });
        }
        assert_eq!(log.waiting(), MOST_BYTES / (READ_BYTES + 1_024));
        log.take(MOST);
        log.push(entry(true, 0));
        assert_eq!(log.waiting(), 1, "the bytes are given back");
    }

    #[test]
    fn strangers_get_a_share_a_minute() {
        let log = Log::new(MOST);
        (0..STRANGERS + 7).for_each(|_| log.push(entry(false, 0)));
        assert_eq!((log.waiting(), log.lost()), (STRANGERS as usize, 7));
        assert!(!log.takes_stranger(&AccountId::new("acme"), Timestamp::from_millis(59_999)));
        assert_eq!(log.lost(), 8);
        log.push(entry(false, 60));
        log.push(entry(true, 0));
        assert_eq!(log.waiting(), STRANGERS as usize + 2);
    }
}
