//! What the inner layers learn of a request, for whoever tells of it afterwards: who asked, what was read,
//! what was mended. Lives as long as one request, also when that is cut off. Never holds a credential.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;

use crate::kernel::caller::Caller;

/// Most notes of one request: a bulk request could make thousands.
const MOST: usize = 64;

/// Bodies up to this are copied, bytes.
const SHORT: usize = 16 << 10;

/// The notes of one request. Cheap to clone; all clones are one.
#[derive(Clone, Default)]
pub struct Observed(Arc<Mutex<Seen>>);

/// What was noted.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// Who asked; `None` where no credential was accepted, or none was wanted.
    pub caller: Option<Caller>,
    /// The request's body as it came; `None` where it was not read.
    pub body: Option<Bytes>,
    /// Quirks of the client that were mended, and where.
    pub mended: Vec<(&'static str, String)>,
    /// Ids of members that do not exist and were left out.
    pub unknown_members: Vec<String>,
    /// Were the writes rehearsed only?
    pub rehearsed: bool,
    /// Operations of a bulk request that failed.
    pub failed_operations: usize,
}

impl Observed {
    /// Who asked.
    pub fn caller(&self, caller: &Caller) {
        self.0.lock().caller = Some(caller.clone());
    }
    /// What was sent. A short body is a slice of the connection's buffer, which would be kept with it.
    pub fn body(&self, bytes: &Bytes) {
        let kept = if bytes.len() <= SHORT { Bytes::copy_from_slice(bytes) } else { bytes.clone() };
        self.0.lock().body = Some(kept);
    }
    /// The writes were rehearsed.
    pub fn rehearsed(&self) {
        self.0.lock().rehearsed = true;
    }
    /// So many operations of a bulk request failed.
    pub fn failed_operations(&self, count: usize) {
        self.0.lock().failed_operations = count;
    }
    /// What was mended.
    pub fn mended<'n>(
        &self,
        notes: impl Iterator<Item = (&'static str, &'n str)>,
        unknown_members: &[String],
    ) {
        let mut seen = self.0.lock();
        for (quirk, at) in notes {
            let known = seen.mended.iter().any(|(q, place)| *q == quirk && place == at);
            if !known && seen.mended.len() < MOST {
                seen.mended.push((quirk, at.to_owned()));
            }
        }
        let room = MOST.saturating_sub(seen.unknown_members.len());
        seen.unknown_members.extend(unknown_members.iter().take(room).cloned());
    }
    /// All that was noted; nothing is left.
    pub fn take(&self) -> Seen {
        std::mem::take(&mut self.0.lock())
    }
}

impl fmt::Debug for Observed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Observed")
    }
}
