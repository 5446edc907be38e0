//! The places that are known, each once. Those that a trust in use points to stay; of the others, which a
//! trust that is changed again and again leaves behind, few enough stay that they cost nobody anything.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::sync::Arc;

use super::source::{PlaceId, Source};

/// As many are kept of those that no trust in use points to only while there are fewer in all.
const MOST: usize = 10_000;
/// Bytes of places that no trust in use points to.
const UNNAMED_BYTES: usize = 4 << 20;
/// Most of them that have no keys: all that is known of those is when to try again.
const UNNAMED_WITHOUT_KEYS: usize = 100;
/// After how many new ones the others are looked through: it takes as long as there are places, and everybody
/// waits.
const LOOK_EVERY: usize = 32;

/// The places by what tells them apart.
#[derive(Default)]
pub(super) struct Places {
    sources: HashMap<PlaceId, Arc<Source>>,
    /// How many are new since the last look.
    new: usize,
}

/// Nobody but the map holds it: no trust in use points to it.
pub(super) fn is_unnamed(source: &Arc<Source>) -> bool {
    Arc::strong_count(source) == 1
}

impl Places {
    pub(super) fn get(&self, id: PlaceId) -> Option<Arc<Source>> {
        self.sources.get(&id).cloned()
    }

    /// The source of the place as all have it: this one, unless there is one.
    pub(super) fn share(&mut self, source: Arc<Source>) -> Arc<Source> {
        if let Some(known) = self.get(source.id()) {
            return known;
        }
        self.new += 1;
        if self.new >= LOOK_EVERY {
            self.forget_unnamed();
        }
        self.sources.insert(source.id(), source.clone());
        source
    }

    pub(super) fn retain(&mut self, keep: impl Fn(&Arc<Source>) -> bool) {
        self.sources.retain(|_, source| keep(source));
    }

    /// Those that trusts in use point to.
    pub(super) fn named(&self) -> Vec<Arc<Source>> {
        self.sources.values().filter(|source| !is_unnamed(source)).cloned().collect()
    }

    /// Of those that no trust in use points to, forgets the ones that were wanted longest ago, until the
    /// others fit.
    pub(super) fn forget_unnamed(&mut self) {
        self.new = 0;
        if self.sources.len() >= MOST {
            self.sources.retain(|_, source| !is_unnamed(source));
            return;
        }
        let unnamed = self.sources.values().filter(|source| is_unnamed(source));
        let mut unnamed: Vec<_> = unnamed
            .map(|source| {
                (source.last_wanted(), source.id(), source.cost(), source.snapshot().keys.is_none())
            })
            .collect();
        unnamed.sort_unstable_by_key(|(wanted, ..)| Reverse(*wanted));
        let (mut bytes, mut without_keys) = (0, 0);
        for (_, id, cost, no_keys) in unnamed {
            without_keys += usize::from(no_keys);
            if no_keys && without_keys > UNNAMED_WITHOUT_KEYS {
                self.sources.remove(&id);
                continue;
            }
            bytes += cost;
            if bytes > UNNAMED_BYTES {
                self.sources.remove(&id);
            }
        }
    }
}
