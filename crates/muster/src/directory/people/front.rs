//! The users of one page, in the order asked for, out of any number that go by. Pure.

use std::cmp::Ordering;

use super::store::Person;
use crate::kernel::listing::Orders;
use crate::kernel::page::PageRequest;
use crate::kernel::text::fold;

/// So many more than are wanted are gathered before the rest of them is dropped.
const SPARE: usize = 1_000;

/// Users up to the end of a page.
pub struct Front<'o> {
    orders: &'o Orders,
    page: PageRequest,
    kept: Vec<Ranked>,
    seen: u64,
}

/// A user and what he is sorted by: name and address case aside, which is no engine's order.
struct Ranked {
    name: String,
    email: String,
    person: Person,
}

impl<'o> Front<'o> {
    /// Of nobody yet.
    pub fn new(orders: &'o Orders, page: PageRequest) -> Self {
        Self { orders, page, kept: Vec::new(), seen: 0 }
    }

    fn wanted(&self) -> usize {
        usize::try_from(self.page.offset() + self.page.limit()).unwrap_or(usize::MAX)
    }

    /// One more. Of those who are equal the first one comes first.
    pub fn take(&mut self, person: Person) {
        self.seen += 1;
        let (name, email) = (fold(&person.name).into_owned(), fold(&person.email).into_owned());
        self.kept.push(Ranked { name, email, person });
        let wanted = self.wanted();
        if self.kept.len() >= wanted.saturating_mul(2).saturating_add(SPARE) {
            self.arrange();
            self.kept.truncate(wanted);
        }
    }

    fn arrange(&mut self) {
        self.orders.sort(&mut self.kept, compare);
    }

    /// The users of the page, and how many have gone by.
    pub fn page(mut self) -> (Vec<Person>, u64) {
        self.arrange();
        let rows = self.page.part_of(self.kept).into_iter().map(|ranked| ranked.person).collect();
        (rows, self.seen)
    }
}

fn compare(a: &Ranked, b: &Ranked, field: &str) -> Ordering {
    match field {
        "name" => a.name.cmp(&b.name),
        "email" => a.email.cmp(&b.email),
        "createdAt" => a.person.created.cmp(&b.person.created),
        _ => a.person.updated.cmp(&b.person.updated),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::time::Timestamp;

    fn person(at: u32) -> Person {
        // Each name stands twice, in another case.
        let name = format!("{}{:05}", if at.is_multiple_of(2) { "Ä" } else { "ä" }, 99_999 - at / 2);
        let (created, updated) = (Timestamp::from_micros(at.into()), Timestamp::from_micros(0));
        let email = String::new();
        Person { id: at.to_string(), name, email, active: true, externally_managed: false, created, updated }
    }

    #[test]
    fn a_page_has_who_would_be_there_if_all_were_sorted() {
        let orders = Orders::read(&["name,ASC".into()], &["name"]).unwrap();
        for index in [0, 1, 400, 999, 1_000] {
            let page = PageRequest { index, size: 5 };
            let mut front = Front::new(&orders, page);
            (0..5_000).for_each(|at| front.take(person(at)));
            let (rows, seen) = front.page();
            let mut all: Vec<u32> = (0..5_000).collect();
            all.sort_by_key(|at| std::cmp::Reverse(at / 2));
            let ids = all.iter().map(u32::to_string).skip(index as usize * 5).take(5);
            assert_eq!(rows.into_iter().map(|row| row.id).collect::<Vec<_>>(), ids.collect::<Vec<_>>());
            assert_eq!(seen, 5_000);
        }
    }
}
