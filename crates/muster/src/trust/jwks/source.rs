//! One place that keys come from, and what is known of it: an immutable snapshot that is swapped whole, and
//! what keeps a storm of unknown key ids from becoming a storm of fetches.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, AtomicUsize, Ordering};

use arc_swap::ArcSwap;
use jose::KeySet;
use parking_lot::Mutex;
use sha2::{Digest as _, Sha256};
use tokio::sync::watch;
use url::Url;

use crate::kernel::time::Timestamp;
use crate::outbound::fetch::Validators;

/// Shortest time between two forced fetches.
pub const FORCED_EVERY_SECS: i64 = 30;
/// Bytes that a place takes whatever is in it.
const FIXED_COST: usize = 4 << 10;
const UNKNOWN_KIDS: usize = 1_000;
const UNKNOWN_KID_SECS: i64 = 60;
/// Callers that may wait for a fetch that another one has forced.
const WAITING: usize = 64;

/// What is fetched, and whom the server is believed by. Trusts of all accounts with the same place share it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Place {
    /// The JWKS, or the discovery document.
    pub url: Url,
    /// The issuer whose discovery document is at `url`; `None`: the JWKS itself is.
    pub issuer: Option<String>,
    /// The only certificate authorities; `None`: the machine's.
    pub ca_pem: Option<String>,
}

/// What tells places apart: a hash, so that a text of many kilobytes is neither kept twice nor compared while
/// others wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PlaceId([u8; 32]);

impl Place {
    /// The same for the same place only.
    pub fn id(&self) -> PlaceId {
        let mut hash = Sha256::new();
        for part in [Some(self.url.as_str()), self.issuer.as_deref(), self.ca_pem.as_deref()] {
            // None, an empty text, and a text that goes on into the next part are not the same.
            hash.update(part.map_or(u64::MAX, |text| text.len() as u64).to_be_bytes());
            hash.update(part.unwrap_or_default());
        }
        PlaceId(hash.finalize().into())
    }
}

/// One place with its state.
pub struct Source {
    place: Place,
    id: PlaceId,
    snapshot: ArcSwap<Snapshot>,
    /// Held by whoever fetches; the others wait for him.
    pub(super) flight: tokio::sync::Mutex<()>,
    /// Microseconds: whole seconds would let two come closer than they may.
    last_forced: AtomicI64,
    /// Whole seconds.
    last_used: AtomicI64,
    made: Timestamp,
    /// How many fetches have begun.
    pub(super) fetches: AtomicU64,
    waiting: AtomicUsize,
    under_way: AtomicUsize,
    ended: watch::Sender<()>,
    unknown_kids: Mutex<HashMap<String, i64>>,
}

/// The state of one place at one time.
#[derive(Clone, Default)]
pub struct Snapshot {
    /// The keys, once a fetch succeeded.
    pub keys: Option<Arc<KeySet>>,
    /// Grows when the keys change: caches of verified tokens carry it.
    pub generation: u64,
    /// Which fetch of the place brought them or said that they still hold: numbered in the order in which
    /// fetches begin.
    pub(super) fetch: u64,
    /// Of the last success.
    pub fetched_at: Option<Timestamp>,
    /// When the keys should be asked for again, off the request path.
    pub refresh_at: Option<Timestamp>,
    /// When they are stale.
    pub expires_at: Option<Timestamp>,
    /// What went wrong since, if something did.
    pub last_error: Option<String>,
    /// When it did.
    pub failed_at: Option<Timestamp>,
    /// No attempt before then.
    pub retry_at: Option<Timestamp>,
    /// Where the keys were found, if discovered.
    pub jwks_url: Option<Url>,
    pub(super) failures: u32,
    pub(super) validators: Validators,
    pub(super) bytes: Vec<u8>,
}

/// Keys to verify with.
#[derive(Clone, Debug)]
pub struct Keys {
    /// The set.
    pub set: Arc<KeySet>,
    /// Its generation.
    pub generation: u64,
    /// When it was fetched; `None` for keys that are stored with the trust.
    pub fetched_at: Option<Timestamp>,
}

/// No keys to be had now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreachable {
    /// For administrators.
    pub why: String,
    /// Seconds after which trying again makes sense.
    pub retry_after_secs: u32,
}

impl Snapshot {
    /// The keys, unless they are older than `stale_secs` past their end.
    pub fn usable(&self, now: Timestamp, stale_secs: i64) -> Option<Keys> {
        let end = self.expires_at?.plus_secs(stale_secs);
        let set = self.keys.clone().filter(|_| now < end)?;
        Some(Keys { set, generation: self.generation, fetched_at: self.fetched_at })
    }

    /// Is it time, and may it be tried again?
    pub(super) fn is_due(&self, at: Option<Timestamp>, now: Timestamp) -> bool {
        at.is_none_or(|at| now >= at) && self.retry_at.is_none_or(|retry| now >= retry)
    }

    pub(super) fn unreachable(&self, now: Timestamp) -> Unreachable {
        let wait = self.retry_at.map_or(1, |at| (at.secs() - now.secs()).clamp(1, 60));
        Unreachable {
            why: self.last_error.clone().unwrap_or_else(|| "the keys are being fetched".into()),
            retry_after_secs: u32::try_from(wait).unwrap_or(1),
        }
    }
}

/// One of the callers that wait for another's fetch; gives his place back when he goes.
pub(super) struct Waiter<'s>(&'s AtomicUsize);

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A fetch that somebody waits for; over when dropped.
pub struct UnderWay(Arc<Source>);

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.under_way.fetch_sub(1, Ordering::SeqCst);
        self.0.ended.send_replace(());
    }
}

impl Source {
    /// Says that a fetch begins, before anybody else can ask whether one is under way.
    pub(super) fn begin(self: &Arc<Self>) -> UnderWay {
        self.under_way.fetch_add(1, Ordering::SeqCst);
        UnderWay(self.clone())
    }

    pub(super) fn is_under_way(&self) -> bool {
        self.under_way.load(Ordering::SeqCst) > 0
    }

    /// Changes when a fetch that somebody waits for has ended.
    pub(super) fn ended(&self) -> watch::Receiver<()> {
        self.ended.subscribe()
    }

    pub(super) fn new(place: Place, id: PlaceId, now: Timestamp) -> Self {
        Self {
            place,
            id,
            snapshot: ArcSwap::default(),
            flight: tokio::sync::Mutex::new(()),
            last_forced: AtomicI64::new(i64::MIN),
            last_used: AtomicI64::new(i64::MIN),
            made: now,
            fetches: AtomicU64::new(0),
            waiting: AtomicUsize::new(0),
            under_way: AtomicUsize::new(0),
            ended: watch::Sender::new(()),
            unknown_kids: Mutex::default(),
        }
    }

    /// What is fetched.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// Which place it is.
    pub fn id(&self) -> PlaceId {
        self.id
    }

    /// Bytes of memory that it takes, about.
    pub(super) fn cost(&self) -> usize {
        let (place, snapshot) = (&self.place, self.snapshot());
        let texts = [place.issuer.as_ref(), place.ca_pem.as_ref(), snapshot.last_error.as_ref()];
        let texts = texts.into_iter().flatten().map(String::len).sum::<usize>();
        let found = snapshot.jwks_url.as_ref().map_or(0, |url| url.as_str().len());
        FIXED_COST
            + place.url.as_str().len()
            + texts
            + found
            + snapshot.validators.size()
            + snapshot.bytes.len()
    }

    /// The state now.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshot.load_full()
    }

    /// Swaps the state; new keys may know what the old did not.
    pub(super) fn store(&self, next: Snapshot) {
        if next.generation != self.snapshot.load().generation {
            self.unknown_kids.lock().clear();
        }
        self.snapshot.store(Arc::new(next));
    }

    pub(super) fn note_use(&self, now: Timestamp) {
        self.last_used.store(now.secs(), Ordering::Relaxed);
    }

    /// Was it asked for since then?
    pub(super) fn used_since(&self, since: Timestamp) -> bool {
        self.last_used.load(Ordering::Relaxed) >= since.secs()
    }

    /// When it was last asked for, or made, in seconds.
    pub(super) fn last_wanted(&self) -> i64 {
        self.last_used.load(Ordering::Relaxed).max(self.made.secs())
    }

    /// Was it asked for, or made, since then?
    pub(super) fn wanted_since(&self, since: Timestamp) -> bool {
        self.used_since(since) || self.made >= since
    }

    /// Seconds until the next forced fetch may be; 0: now.
    pub fn forced_in_secs(&self, now: Timestamp) -> i64 {
        match self.last_forced.load(Ordering::SeqCst) {
            i64::MIN => 0,
            last => {
                let left = last.saturating_add(FORCED_EVERY_SECS * 1_000_000) - now.micros();
                (left.max(0) + 999_999).div_euclid(1_000_000).min(FORCED_EVERY_SECS)
            }
        }
    }

    /// Takes the one forced fetch of these 30 seconds; `None`: somebody else has it. Whoever sees that it is
    /// taken sees that it is under way, too.
    pub fn take_forced(self: &Arc<Self>, now: Timestamp) -> Option<UnderWay> {
        let last = self.last_forced.load(Ordering::Relaxed);
        let free = last == i64::MIN || now.micros() - last >= FORCED_EVERY_SECS * 1_000_000;
        self.under_way.fetch_add(1, Ordering::SeqCst);
        if free
            && self
                .last_forced
                .compare_exchange(last, now.micros(), Ordering::SeqCst, Ordering::Relaxed)
                .is_ok()
        {
            return Some(UnderWay(self.clone()));
        }
        self.under_way.fetch_sub(1, Ordering::SeqCst);
        None
    }

    /// A place among those who wait for a fetch under way; `None` when there are enough of them.
    pub(super) fn wait(&self) -> Option<Waiter<'_>> {
        if self.waiting.fetch_add(1, Ordering::Relaxed) < WAITING {
            return Some(Waiter(&self.waiting));
        }
        self.waiting.fetch_sub(1, Ordering::Relaxed);
        None
    }

    pub(super) fn is_known_unknown(&self, kid: &str, now: Timestamp) -> bool {
        self.unknown_kids.lock().get(kid).is_some_and(|until| now.secs() < *until)
    }

    pub(super) fn remember_unknown(&self, kid: &str, now: Timestamp) {
        let mut kids = self.unknown_kids.lock();
        if kids.len() >= UNKNOWN_KIDS {
            kids.retain(|_, until| now.secs() < *until);
        }
        if kids.len() < UNKNOWN_KIDS {
            kids.insert(kid.to_owned(), now.secs() + UNKNOWN_KID_SECS);
        }
    }
}
