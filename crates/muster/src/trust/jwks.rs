//! The key sets that trusts point to: fetched once per URL, shared by all accounts, refreshed ahead of their
//! end off the request path, kept through an outage. Parsed keys are an immutable snapshot that is swapped
//! whole.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use jose::KeySet;
use parking_lot::Mutex;
use url::Url;

use crate::kernel::rng::Rng;
use crate::kernel::time::{Clock, Timestamp};
use crate::outbound::fetch::{Fetched, Fetcher, key_set};

const DEFAULT_TTL_SECS: u64 = 600;
const TTL_RANGE_SECS: std::ops::RangeInclusive<u64> = 60..=86_400;
const STALE_SECS: i64 = 86_400;
const FORCED_EVERY_SECS: i64 = 30;
const WAIT: Duration = Duration::from_secs(3);
const UNKNOWN_KIDS: usize = 1_000;
const UNKNOWN_KID_SECS: i64 = 60;
/// Forced fetches that one peer address may cause in a minute, over all URLs.
const ADDRESS_BUDGET: u32 = 10;
const URLS: usize = 10_000;

/// All key sets of this process.
pub struct Jwks {
    fetcher: Fetcher,
    clock: Clock,
    rng: Rng,
    urls: Mutex<HashMap<String, Arc<Source>>>,
    budgets: Mutex<(i64, HashMap<IpAddr, u32>)>,
}

/// One URL.
pub struct Source {
    url: Url,
    snapshot: ArcSwap<Snapshot>,
    /// Held by whoever fetches; the others wait for him.
    flight: tokio::sync::Mutex<()>,
    last_forced: AtomicI64,
    unknown_kids: Mutex<HashMap<String, i64>>,
}

/// The state of one URL at one time.
#[derive(Clone, Default)]
pub struct Snapshot {
    /// The keys, once a fetch succeeded.
    pub keys: Option<Arc<KeySet>>,
    /// Grows when the keys change: caches of verified tokens carry it.
    pub generation: u64,
    /// Of the last success.
    pub fetched_at: Option<Timestamp>,
    /// When the keys should be asked for again, off the request path.
    pub refresh_at: Option<Timestamp>,
    /// When they are stale.
    pub expires_at: Option<Timestamp>,
    /// What went wrong since, if something did.
    pub last_error: Option<String>,
    /// No attempt before then.
    pub retry_at: Option<Timestamp>,
    failures: u32,
    etag: Option<String>,
    bytes: Vec<u8>,
}

/// Keys to verify with.
#[derive(Clone)]
pub struct Keys {
    /// The set.
    pub set: Arc<KeySet>,
    /// Its generation.
    pub generation: u64,
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
    fn usable(&self, now: Timestamp) -> Option<Keys> {
        let end = self.expires_at?.plus_secs(STALE_SECS);
        let set = self.keys.clone().filter(|_| now < end)?;
        Some(Keys { set, generation: self.generation })
    }

    fn is_due(&self, at: Option<Timestamp>, now: Timestamp) -> bool {
        at.is_none_or(|at| now >= at) && self.retry_at.is_none_or(|retry| now >= retry)
    }

    fn unreachable(&self, now: Timestamp) -> Unreachable {
        let wait = self.retry_at.map_or(1, |at| (at.secs() - now.secs()).clamp(1, 60));
        Unreachable {
            why: self.last_error.clone().unwrap_or_else(|| "the keys are being fetched".into()),
            retry_after_secs: u32::try_from(wait).unwrap_or(1),
        }
    }
}

impl Jwks {
    /// An empty store.
    pub fn new(fetcher: Fetcher, clock: Clock, rng: Rng) -> Self {
        Self { fetcher, clock, rng, urls: Mutex::default(), budgets: Mutex::default() }
    }

    /// The state of a URL, made when it is asked for the first time.
    pub fn source(&self, url: &Url) -> Arc<Source> {
        let mut urls = self.urls.lock();
        if let Some(source) = urls.get(url.as_str()) {
            return source.clone();
        }
        if urls.len() >= URLS {
            // Nobody but the map holds it: no request uses it now.
            urls.retain(|_, source| Arc::strong_count(source) > 1);
        }
        let source = Arc::new(Source {
            url: url.clone(),
            snapshot: ArcSwap::default(),
            flight: tokio::sync::Mutex::new(()),
            last_forced: AtomicI64::new(i64::MIN),
            unknown_kids: Mutex::default(),
        });
        urls.insert(url.as_str().to_owned(), source.clone());
        source
    }

    /// The keys of a URL: at once when they are fresh; after a fetch when there are none; the old ones when
    /// the fetch fails and they are not older than a day past their end.
    ///
    /// # Errors
    /// When there is nothing to verify with.
    pub async fn keys(self: &Arc<Self>, source: &Arc<Source>) -> Result<Keys, Unreachable> {
        let (now, snapshot) = (self.clock.now(), source.snapshot.load_full());
        let expired = snapshot.expires_at.is_none_or(|end| now >= end);
        if !expired {
            if snapshot.is_due(snapshot.refresh_at, now) {
                self.refresh_behind(source);
            }
            return snapshot.usable(now).ok_or_else(|| snapshot.unreachable(now));
        }
        if snapshot.is_due(None, now) {
            self.refresh_and_wait(source).await;
        }
        let snapshot = source.snapshot.load();
        snapshot.usable(now).ok_or_else(|| snapshot.unreachable(now))
    }

    /// The keys after one forced fetch for a key id that the set lacks, if that may be: at most one in 30 s a
    /// URL, within the peer's budget, and not for a key id that a recent fetch did not bring.
    pub async fn keys_for_unknown(
        self: &Arc<Self>,
        source: &Arc<Source>,
        kid: &str,
        peer: Option<IpAddr>,
    ) -> Option<Keys> {
        let now = self.clock.now();
        if source.is_known_unknown(kid, now) || !self.spend(peer, now) || !source.may_force(now) {
            return None;
        }
        self.refresh_and_wait(source).await;
        let snapshot = source.snapshot.load();
        let keys = snapshot.usable(now)?;
        if snapshot.last_error.is_none() && keys.set.with_kid(kid).next().is_none() {
            source.remember_unknown(kid, now);
        }
        Some(keys)
    }

    fn spend(&self, peer: Option<IpAddr>, now: Timestamp) -> bool {
        let Some(peer) = peer else { return true };
        let mut budgets = self.budgets.lock();
        let minute = now.secs().div_euclid(60);
        if budgets.0 != minute {
            *budgets = (minute, HashMap::new());
        }
        let spent = budgets.1.entry(peer).or_default();
        *spent += 1;
        *spent <= ADDRESS_BUDGET
    }

    fn refresh_behind(self: &Arc<Self>, source: &Arc<Source>) {
        let (service, source) = (self.clone(), source.clone());
        tokio::spawn(async move {
            if let Ok(_flight) = source.flight.try_lock() {
                service.refresh(&source).await;
            }
        });
    }

    /// Runs in a task of its own, so that a caller who goes away does not end the fetch the others wait for.
    async fn refresh_and_wait(self: &Arc<Self>, source: &Arc<Source>) {
        let (service, source) = (self.clone(), source.clone());
        let before = source.snapshot.load_full();
        let task = tokio::spawn(async move {
            let _flight = source.flight.lock().await;
            // Whoever held the flight before us may have done our work.
            if Arc::ptr_eq(&before, &source.snapshot.load_full()) {
                service.refresh(&source).await;
            }
        });
        let _ = tokio::time::timeout(WAIT, task).await;
    }

    async fn refresh(&self, source: &Source) {
        let old = source.snapshot.load_full();
        let answer = self.fetcher.get(&source.url, old.etag.as_deref().filter(|_| old.keys.is_some())).await;
        let now = self.clock.now();
        let next = match answer.and_then(|fetched| self.fresh(&old, fetched, now)) {
            Ok(next) => next,
            Err(why) => self.failed(&old, why, now),
        };
        if let Some(error) = &next.last_error {
            tracing::warn!(url = %source.url, error, "a key set could not be fetched");
        } else if next.generation != old.generation {
            source.unknown_kids.lock().clear();
            tracing::info!(url = %source.url, keys = next.keys.as_ref().map_or(0, |k| k.keys().len()), "key set fetched");
        }
        source.snapshot.store(Arc::new(next));
    }

    fn fresh(&self, old: &Snapshot, fetched: Fetched, now: Timestamp) -> Result<Snapshot, String> {
        let (max_age, body) = match fetched {
            Fetched::NotModified { max_age } => (max_age, None),
            Fetched::Body { bytes, max_age, etag } => (max_age, Some((bytes, etag))),
        };
        let ttl = max_age.unwrap_or(DEFAULT_TTL_SECS).clamp(*TTL_RANGE_SECS.start(), *TTL_RANGE_SECS.end());
        let ttl = i64::try_from(ttl).unwrap_or(i64::MAX);
        // 75 % ± 10 % of the lifetime, so that replicas do not ask in step.
        let share = 65 + i64::from(self.rng.bytes::<1>()[0] % 21);
        let mut next = Snapshot {
            fetched_at: Some(now),
            refresh_at: Some(now.plus_secs(ttl * share / 100)),
            expires_at: Some(now.plus_secs(ttl)),
            last_error: None,
            retry_at: None,
            failures: 0,
            ..old.clone()
        };
        if let Some((bytes, etag)) = body {
            next.etag = etag;
            if next.keys.is_none() || next.bytes != bytes {
                next.keys = Some(Arc::new(key_set(&bytes)?));
                next.bytes = bytes;
                next.generation += 1;
            }
        }
        Ok(next)
    }

    fn failed(&self, old: &Snapshot, why: String, now: Timestamp) -> Snapshot {
        let failures = old.failures.saturating_add(1);
        // 1, 2, 4 … 60 s, each shortened by up to half.
        let longest = 1_i64.checked_shl(failures - 1).unwrap_or(60).clamp(1, 60) * 1_000_000;
        let draw = i64::from(u16::from_be_bytes(self.rng.bytes()));
        let wait = longest / 2 + longest / 2 * draw / i64::from(u16::MAX);
        Snapshot {
            last_error: Some(why),
            retry_at: Some(Timestamp::from_micros(now.micros().saturating_add(wait))),
            failures,
            ..old.clone()
        }
    }
}

impl Source {
    /// The state now.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshot.load_full()
    }

    fn may_force(&self, now: Timestamp) -> bool {
        let last = self.last_forced.load(Ordering::Relaxed);
        let free = last == i64::MIN || now.secs() - last >= FORCED_EVERY_SECS;
        free && self
            .last_forced
            .compare_exchange(last, now.secs(), Ordering::Relaxed, Ordering::Relaxed)
            .is_ok()
    }

    fn is_known_unknown(&self, kid: &str, now: Timestamp) -> bool {
        self.unknown_kids.lock().get(kid).is_some_and(|until| now.secs() < *until)
    }

    fn remember_unknown(&self, kid: &str, now: Timestamp) {
        let mut kids = self.unknown_kids.lock();
        if kids.len() >= UNKNOWN_KIDS {
            kids.retain(|_, until| now.secs() < *until);
        }
        if kids.len() < UNKNOWN_KIDS {
            kids.insert(kid.to_owned(), now.secs() + UNKNOWN_KID_SECS);
        }
    }
}
