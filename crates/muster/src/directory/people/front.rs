//! The ids of the users of one page, in the order asked for, out of any number that go by. Pure.

use std::cmp::Ordering;

use super::store::Person;
use crate::kernel::listing::Orders;
use crate::kernel::page::PageRequest;
use crate::kernel::text::fold;
use crate::kernel::time::Timestamp;

/// So many more than are wanted are gathered before the rest of them is dropped, and a quarter of the wanted.
const SPARE: usize = 1_000;

/// Users up to the end of a page: of each only what he is sorted by, since a page far back has all before it.
pub struct Front<'o> {
    orders: &'o Orders,
    page: PageRequest,
    kept: Vec<Ranked>,
    seen: u64,
}

/// A user and what he is sorted by, so far as the orders name it. Name and address are folded, which is no
/// engine's order.
struct Ranked {
    name: Box<str>,
    email: Box<str>,
    created: Timestamp,
    updated: Timestamp,
    id: Box<str>,
}

impl<'o> Front<'o> {
    /// Of nobody yet.
    pub fn new(orders: &'o Orders, page: PageRequest) -> Self {
        Self { orders, page, kept: Vec::new(), seen: 0 }
    }

    /// One more.
    pub fn take(&mut self, person: &Person) {
        self.seen += 1;
        let folded = |field: &str, text: &str| {
            if self.orders.name(field) { fold(text).into() } else { Box::default() }
        };
        self.kept.push(Ranked {
            name: folded("name", &person.name),
            email: folded("email", &person.email),
            created: person.created,
            updated: person.updated,
            id: person.id.as_str().into(),
        });
        let wanted = usize::try_from(self.page.offset() + self.page.limit()).unwrap_or(usize::MAX);
        if self.kept.len() >= wanted.saturating_add(wanted / 4).saturating_add(SPARE) {
            let orders = self.orders;
            self.kept.select_nth_unstable_by(wanted, |a, b| compare(orders, a, b));
            self.kept.truncate(wanted);
        }
    }

    /// The ids of the page, and how many have gone by. Of those who are equal the lower id comes first.
    pub fn page(mut self) -> (Vec<String>, u64) {
        let orders = self.orders;
        self.kept.sort_unstable_by(|a, b| compare(orders, a, b));
        let ids = self.page.part_of(self.kept).into_iter().map(|ranked| ranked.id.into()).collect();
        (ids, self.seen)
    }
}

fn compare(orders: &Orders, a: &Ranked, b: &Ranked) -> Ordering {
    let ascending = |field: &str| match field {
        "name" => a.name.cmp(&b.name),
        "email" => a.email.cmp(&b.email),
        "createdAt" => a.created.cmp(&b.created),
        _ => a.updated.cmp(&b.updated),
    };
    orders.compare(ascending).then_with(|| a.id.cmp(&b.id))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn person(at: u32) -> Person {
        // Each name stands twice, in another case.
        let name = format!("{}{:05}", if at.is_multiple_of(2) { "Ä" } else { "ä" }, 99_999 - at / 2);
        let (created, updated) = (Timestamp::from_micros(at.into()), Timestamp::from_micros(0));
        let email = String::new();
        Person {
            id: format!("{at:05}"),
            name,
            email,
            active: true,
            externally_managed: false,
            created,
            updated,
        }
    }

    #[test]
    fn a_page_has_who_would_be_there_if_all_were_sorted() {
        let orders = Orders::read(&["name,ASC".into()], &["name"]).unwrap();
        for index in [0, 1, 400, 999, 1_000] {
            let page = PageRequest { index, size: 5 };
            let mut front = Front::new(&orders, page);
            (0..5_000).for_each(|at| front.take(&person(at)));
            let (found, seen) = front.page();
            let mut all: Vec<u32> = (0..5_000).collect();
            all.sort_by_key(|at| std::cmp::Reverse(at / 2));
            let ids = all.iter().map(|at| format!("{at:05}")).skip(index as usize * 5).take(5);
            assert_eq!(found, ids.collect::<Vec<_>>());
            assert_eq!(seen, 5_000);
        }
    }
}
