//! Entries of many blocks in one order, newest first. Blocks of two replicas overlap, and so does one with a
//! slow request: an entry's turn has come when no block is left that may hold a newer one. Pure.

use super::model::Row;

/// Where a page ends.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// Newest first.
    pub rows: Vec<Row>,
    /// Go on behind this id; `None`: there is no more.
    pub next: Option<String>,
}

/// A page that is being put together.
pub struct Walk {
    limit: usize,
    scanned: usize,
    /// Entries looked at.
    looked: usize,
    /// Whose turn has not come.
    pending: Vec<Row>,
    rows: Vec<Row>,
    next: Option<String>,
}

impl Walk {
    /// A page of so many rows at most, for which so many entries are looked at, to the block.
    pub fn new(limit: usize, scanned: usize) -> Self {
        Self { limit, scanned, looked: 0, pending: Vec::new(), rows: Vec::new(), next: None }
    }

    /// The next block, from the one that ends last on, has so many entries and ends with this id. False: it
    /// is of another page.
    pub fn enters(&mut self, last_id: &str, entries: usize) -> bool {
        self.release(last_id);
        if self.rows.len() > self.limit {
            return false;
        }
        if self.looked >= self.scanned {
            // What is pending is older than this, and is found again.
            self.next = Some(format!("{last_id}~"));
            return false;
        }
        self.looked += entries;
        true
    }

    /// A wanted entry of the block that entered.
    pub fn add(&mut self, row: Row) {
        self.pending.push(row);
    }

    /// Lets those through that are newer than this id, and one more than asked for, which tells that there is
    /// more.
    fn release(&mut self, id: &str) {
        self.pending.sort_unstable_by(|a, b| a.id.cmp(&b.id));
        while self.rows.len() <= self.limit
            && let Some(row) = self.pending.pop_if(|row| *row.id > *id)
        {
            self.rows.push(row);
        }
    }

    /// The page.
    pub fn finish(mut self) -> Found {
        if self.next.is_none() {
            self.release("");
        }
        if self.rows.len() > self.limit {
            self.rows.truncate(self.limit);
            self.next = self.rows.last().map(|row| row.id.clone());
        }
        Found { rows: self.rows, next: self.next }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    /// A page as the store puts it together.
    fn page(blocks: &BTreeMap<String, Vec<String>>, before: &str, limit: usize, scanned: usize) -> Found {
        let mut walk = Walk::new(limit, scanned);
        for (last, ids) in blocks.iter().rev().filter(|(_, ids)| ids.iter().any(|id| **id < *before)) {
            if !walk.enters(last, if **last < *before { ids.len() } else { 0 }) {
                break;
            }
            ids.iter().filter(|id| ***id < *before).for_each(|id| walk.add(Row::unknown(id)));
        }
        walk.finish()
    }

    proptest! {
        #[test]
        fn every_entry_of_overlapping_blocks_comes_once_and_in_order(
            of in proptest::collection::vec(0_usize..6, 0..60),
            limit in 1_usize..9,
            scanned in 1_usize..30,
        ) {
            let mut ids: Vec<Vec<String>> = vec![Vec::new(); 6];
            for (at, block) in of.iter().enumerate() {
                ids[*block].push(format!("{at:04}"));
            }
            let blocks = ids.into_iter().filter_map(|ids| Some((ids.last()?.clone(), ids))).collect();
            let (mut seen, mut before, mut pages) = (Vec::new(), Some("~".to_owned()), 0);
            while let Some(id) = before {
                let found = page(&blocks, &id, limit, scanned);
                prop_assert!(found.rows.len() <= limit);
                seen.extend(found.rows.into_iter().map(|row| row.id));
                (before, pages) = (found.next, pages + 1);
                prop_assert!(pages <= of.len() + 7, "no page without an end: {before:?}");
            }
            prop_assert_eq!(seen, (0..of.len()).rev().map(|at| format!("{at:04}")).collect::<Vec<_>>());
        }
    }
}
