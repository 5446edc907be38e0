//! The first resources of an order, out of many that come in another one.

use std::cmp::Ordering;

use scim::{SortBy, SortValue};

use super::model::Stored;
use super::store::Batch;

type Kept = (Option<SortValue>, Stored);

/// Keeps as many of the first ones as are wanted and as a batch has room for.
pub struct Nearest<'s> {
    sort: Option<&'s SortBy>,
    want: usize,
    kept: Vec<Kept>,
    bytes: usize,
    more: bool,
}

impl<'s> Nearest<'s> {
    /// `want` of them at most; by id where nothing else is asked for.
    pub fn new(sort: Option<&'s SortBy>, want: usize) -> Self {
        Self { sort, want, kept: Vec::new(), bytes: 0, more: false }
    }

    /// Which of two keys, each with its id, comes first.
    pub fn order(&self, a: (Option<&SortValue>, &str), b: (Option<&SortValue>, &str)) -> Ordering {
        self.sort.map_or(Ordering::Equal, |sort| sort.compare(a.0, b.0)).then_with(|| a.1.cmp(b.1))
    }

    /// One more, with its key.
    pub fn offer(&mut self, key: Option<SortValue>, stored: Stored) {
        self.bytes += stored.doc.len();
        self.kept.push((key, stored));
        if self.kept.len() >= 2 * self.want + 64 || self.bytes >= 2 * Batch::ROOM {
            self.prune();
        }
    }

    /// Did more come than are kept? Of those that come in the order itself, the rest are not kept then.
    pub fn has_more(&self) -> bool {
        let last = self.kept.last().map_or(0, |(_, stored)| stored.doc.len());
        self.more || self.kept.len() > self.want || self.bytes - last >= Batch::ROOM
    }

    /// Those kept, in order, and whether there are more.
    pub fn finish(mut self) -> (Vec<Kept>, bool) {
        self.prune();
        (self.kept, self.more)
    }

    fn prune(&mut self) {
        let mut kept = std::mem::take(&mut self.kept);
        kept.sort_by(|a, b| self.order((a.0.as_ref(), &a.1.id), (b.0.as_ref(), &b.1.id)));
        let mut bytes = 0;
        let fitting = kept.iter().take(self.want).take_while(|(_, stored)| {
            let room = bytes < Batch::ROOM;
            bytes += if room { stored.doc.len() } else { 0 };
            room
        });
        let fit = fitting.count();
        self.more |= fit < kept.len();
        kept.truncate(fit);
        (self.kept, self.bytes) = (kept, bytes);
    }
}
