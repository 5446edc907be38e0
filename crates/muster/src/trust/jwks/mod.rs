//! The key sets that trusts point to: fetched once per place, shared by all accounts, refreshed ahead of
//! their end off the request path, kept through an outage (contract §4). Never fetches past
//! `outbound::guard`, and never because of a token that the cheap checks refuse.

mod budget;
mod places;
mod source;

use std::collections::HashSet;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::stream::{self, StreamExt as _};
use parking_lot::Mutex;

use budget::Budget;
use places::{Places, is_unnamed};
pub use source::{Keys, Place, PlaceId, Snapshot, Source, UnderWay, Unreachable};

use crate::kernel::ids::AccountId;
use crate::kernel::rng::Rng;
use crate::kernel::time::{Clock, Timestamp};
use crate::outbound::fetch::{Fetched, Fetcher, in_time, key_set};

const DEFAULT_TTL_SECS: u64 = 600;
const TTL_RANGE_SECS: std::ops::RangeInclusive<u64> = 60..=86_400;
/// How long a caller waits for keys.
pub const WAIT: Duration = Duration::from_secs(3);
/// Places that are asked again at once by the job: one that does not answer holds up few others.
const AT_ONCE: usize = 32;
/// Keys that nobody asked for as long as this are no longer refreshed ahead, and forgotten.
const IDLE_SECS: i64 = 86_400;
/// How long those are still refreshed that fail, and those kept that no trust in use points to: nobody may
/// name the place any more.
const UNNAMED_IDLE_SECS: i64 = 600;

/// All key sets of this process.
pub struct Jwks {
    fetcher: Fetcher,
    clock: Clock,
    rng: Rng,
    places: Mutex<Places>,
    budget: Budget,
}

impl Jwks {
    /// An empty store.
    pub fn new(fetcher: Fetcher, clock: Clock, rng: Rng) -> Self {
        Self { fetcher, clock, rng, places: Mutex::default(), budget: Budget::default() }
    }

    /// The state of a place, made when it is asked for the first time.
    pub fn source(&self, place: &Place) -> Arc<Source> {
        let id = place.id();
        if let Some(source) = self.places.lock().get(id) {
            return source;
        }
        let made = Arc::new(Source::new(place.clone(), id, self.clock.now()));
        self.places.lock().share(made)
    }

    /// The keys of a place: at once when they are fresh; after a fetch when there are none; the old ones when
    /// the fetch fails and they are not older than `stale_secs` past their end.
    ///
    /// # Errors
    /// When there is nothing to verify with.
    pub async fn keys(self: &Arc<Self>, source: &Arc<Source>, stale_secs: i64) -> Result<Keys, Unreachable> {
        let (now, snapshot) = (self.clock.now(), source.snapshot());
        if !source.used_since(now.plus_secs(-IDLE_SECS)) {
            // It may have been forgotten: others who come to the place now are to share it again.
            self.places.lock().share(source.clone());
        }
        source.note_use(now);
        let expired = snapshot.expires_at.is_none_or(|end| now >= end);
        if !expired {
            if snapshot.is_due(snapshot.refresh_at, now) {
                self.refresh_behind(source);
            }
            return snapshot.usable(now, stale_secs).ok_or_else(|| snapshot.unreachable(now));
        }
        if snapshot.is_due(None, now) {
            self.refresh_and_wait(source).await;
        }
        let snapshot = source.snapshot();
        snapshot.usable(now, stale_secs).ok_or_else(|| snapshot.unreachable(now))
    }

    /// The keys after one forced fetch for a key id that the set lacks, if that may be: at most one in 30 s a
    /// place, within the budget of account and address, and not for a key id that a recent fetch did not
    /// bring. Who comes while that fetch is under way waits for it, too. `have`: the generation that lacks
    /// the key.
    pub async fn keys_for_unknown(
        self: &Arc<Self>,
        source: &Arc<Source>,
        (kid, have): (&str, u64),
        who: (&AccountId, Option<IpAddr>),
        stale_secs: i64,
    ) -> Option<Keys> {
        let (now, begun) = (self.clock.now(), source.fetches.load(Ordering::SeqCst));
        if source.is_known_unknown(kid, now) {
            return None;
        }
        let free = source.forced_in_secs(now) == 0;
        let Some(under_way) = free.then(|| self.take_forced(source, who, now)).flatten() else {
            return self.keys_of_others(source, have, now, stale_secs).await;
        };
        self.fetch_and_wait(source, under_way).await;
        let snapshot = source.snapshot();
        let keys = snapshot.usable(now, stale_secs)?;
        // One that still runs, or had begun before the question, says nothing of the key id.
        if snapshot.fetch > begun && keys.set.with_kid(kid).next().is_none() {
            source.remember_unknown(kid, now);
        }
        Some(keys)
    }

    /// Newer keys that a fetch under way brings, or one that has just ended; `None` when there are none.
    async fn keys_of_others(
        &self,
        source: &Source,
        have: u64,
        now: Timestamp,
        stale_secs: i64,
    ) -> Option<Keys> {
        let mut ended = source.ended();
        if source.snapshot().generation == have && source.is_under_way() {
            let _place = source.wait()?;
            let _ = tokio::time::timeout(WAIT, ended.changed()).await;
        }
        source.snapshot().usable(now, stale_secs).filter(|keys| keys.generation != have)
    }

    /// The forced fetch of these 30 seconds, if one more may be caused by the address for the account.
    fn take_forced(
        &self,
        source: &Arc<Source>,
        (account, address): (&AccountId, Option<IpAddr>),
        now: Timestamp,
    ) -> Option<UnderWay> {
        let take = || source.take_forced(now);
        match address {
            Some(address) => self.budget.spend((account, address), now, take),
            None => take(),
        }
    }

    /// The places whose keys are due and in use.
    pub fn due(&self) -> HashSet<PlaceId> {
        let now = self.clock.now();
        let named = self.places.lock().named();
        named.iter().filter(|source| is_due(source, now)).map(|source| source.id()).collect()
    }

    /// Asks again for every key set that is due, in use and of a trust, several at once, and forgets those
    /// that nobody wants any more. For the periodic job, so that no caller has to wait for keys that ended.
    pub async fn refresh_due(&self) {
        let now = self.clock.now();
        let named = {
            let mut places = self.places.lock();
            places.retain(|source| {
                let idle = if is_unnamed(source) { UNNAMED_IDLE_SECS } else { IDLE_SECS };
                source.wanted_since(now.plus_secs(-idle))
            });
            places.forget_unnamed();
            places.named()
        };
        stream::iter(named)
            .for_each_concurrent(AT_ONCE, |source| async move { self.refresh_if_due(&source, now).await })
            .await;
    }

    async fn refresh_if_due(&self, source: &Source, now: Timestamp) {
        if is_due(source, now)
            && let Ok(_flight) = source.flight.try_lock()
        {
            self.refresh(source).await;
        }
    }

    fn refresh_behind(self: &Arc<Self>, source: &Arc<Source>) {
        let (service, source) = (self.clone(), source.clone());
        tokio::spawn(async move {
            if let Ok(_flight) = source.flight.try_lock() {
                service.refresh(&source).await;
            }
        });
    }

    /// Fetches and waits for the end or for 3 seconds.
    pub async fn refresh_and_wait(self: &Arc<Self>, source: &Arc<Source>) {
        self.fetch_and_wait(source, source.begin()).await;
    }

    /// As `refresh_and_wait`, for whoever has said already that a fetch begins. Runs in a task of its own, so
    /// that a caller who goes away does not end the fetch the others wait for.
    pub async fn fetch_and_wait(self: &Arc<Self>, source: &Arc<Source>, under_way: UnderWay) {
        let (service, source) = (self.clone(), source.clone());
        let before = source.snapshot();
        let task = tokio::spawn(async move {
            let _under_way = under_way;
            let _flight = source.flight.lock().await;
            // Whoever held the flight before us may have done our work.
            if Arc::ptr_eq(&before, &source.snapshot()) {
                service.refresh(&source).await;
            }
        });
        let _ = tokio::time::timeout(WAIT, task).await;
    }

    async fn refresh(&self, source: &Source) {
        let old = source.snapshot();
        let fetch = source.fetches.fetch_add(1, Ordering::SeqCst) + 1;
        let answer = in_time(ask(&self.fetcher, source, &old)).await;
        let now = self.clock.now();
        let next = match answer.and_then(|(url, fetched)| self.fresh(&old, url, fetched, now)) {
            Ok(next) => Snapshot { fetch, ..next },
            Err(why) => self.failed(&old, why, now),
        };
        let url = &source.place().url;
        if let Some(error) = &next.last_error {
            tracing::warn!(%url, error, "a key set could not be fetched");
        } else if next.generation != old.generation {
            tracing::info!(%url, keys = next.keys.as_ref().map_or(0, |k| k.keys().len()), "key set fetched");
        }
        source.store(next);
    }

    fn fresh(
        &self,
        old: &Snapshot,
        jwks_url: Option<url::Url>,
        fetched: Fetched,
        now: Timestamp,
    ) -> Result<Snapshot, String> {
        let (max_age, body) = match fetched {
            Fetched::NotModified { max_age } => (max_age, None),
            Fetched::Body { bytes, max_age, validators } => (max_age, Some((bytes, validators))),
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
            failed_at: None,
            retry_at: None,
            failures: 0,
            jwks_url,
            ..old.clone()
        };
        if let Some((bytes, validators)) = body {
            next.validators = validators;
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
        // Each shortened by up to half.
        let longest = longest_wait(failures);
        let draw = i64::from(u16::from_be_bytes(self.rng.bytes()));
        let wait = longest / 2 + longest / 2 * draw / i64::from(u16::MAX);
        Snapshot {
            last_error: Some(why),
            failed_at: Some(now),
            retry_at: Some(Timestamp::from_micros(now.micros().saturating_add(wait))),
            failures,
            ..old.clone()
        }
    }
}

/// Microseconds until the next try, after so many failures in a row: 1, 2, 4 … 60 s.
fn longest_wait(failures: u32) -> i64 {
    (1_i64 << failures.saturating_sub(1).min(6)).min(60) * 1_000_000
}

fn is_due(source: &Source, now: Timestamp) -> bool {
    let snapshot = source.snapshot();
    let idle = if snapshot.last_error.is_some() { UNNAMED_IDLE_SECS } else { IDLE_SECS };
    source.used_since(now.plus_secs(-idle)) && snapshot.is_due(snapshot.refresh_at, now)
}

/// One fetch, by way of the discovery document where the place has one.
async fn ask(
    fetcher: &Fetcher,
    source: &Source,
    old: &Snapshot,
) -> Result<(Option<url::Url>, Fetched), String> {
    let place = source.place();
    let own = place.ca_pem.as_ref().map(|pem| fetcher.with_ca(pem)).transpose()?;
    let fetcher = own.as_ref().unwrap_or(fetcher);
    let discovered = match &place.issuer {
        Some(issuer) => Some(fetcher.discover(&place.url, issuer).await?),
        None => None,
    };
    // What an answer from another address said about itself means nothing here.
    let known = (old.keys.is_some() && old.jwks_url == discovered).then_some(&old.validators);
    let fetched = fetcher.get(discovered.as_ref().unwrap_or(&place.url), known).await;
    let fetched = fetched.map_err(|why| match &discovered {
        Some(url) => format!("{url}, the jwks_uri of the discovery document: {why}"),
        None => why,
    })?;
    Ok((discovered, fetched))
}

#[cfg(test)]
mod tests {
    use super::longest_wait;

    #[test]
    fn the_next_try_is_never_sooner_than_the_one_before() {
        let waits: Vec<i64> = (1..=8).map(|failures| longest_wait(failures) / 1_000_000).collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 60, 60]);
        for failures in [63, 64, 65, 66, u32::MAX] {
            assert_eq!(longest_wait(failures), 60_000_000, "{failures}");
        }
    }
}
