//! Search and order of the short lists (roles, resource groups), which are cut in memory.

use crate::kernel::listing::{Orders, SearchTerm};
use crate::kernel::text::{Tags, fold};
use crate::kernel::time::Timestamp;

/// Fields that these lists can be ordered by.
pub const FIELDS: &[&str] = &["identifier", "name", "createdAt", "lastModifiedAt"];

/// What a list can be searched and ordered by.
pub trait Listed {
    /// Its identifier.
    fn identifier(&self) -> &str;
    /// Its name.
    fn name(&self) -> &str;
    /// Its labels.
    fn tags(&self) -> &Tags;
    /// When it was made and last changed; `None` for what comes with the product.
    fn times(&self) -> Option<(Timestamp, Timestamp)>;
}

/// Keeps what has the term in identifier, name or a label.
pub fn search<T: Listed>(items: &mut Vec<T>, term: &SearchTerm) {
    items.retain(|item| hits(item, term));
}

/// Has it the term in identifier, name or a label?
pub fn hits(item: &impl Listed, term: &SearchTerm) -> bool {
    let labels = item.tags().iter().flat_map(|(key, value)| [key.as_str(), value.as_str()]);
    term.hits([item.identifier(), item.name()].into_iter().chain(labels))
}

/// Orders as asked, ties by identifier. What comes with the product counts as the newest.
pub fn order<T: Listed>(items: &mut [T], orders: &Orders) {
    let time = |item: &T, made: bool| {
        item.times().map_or(i64::MAX, |(created, updated)| if made { created } else { updated }.micros())
    };
    items.sort_by(|a, b| a.identifier().cmp(b.identifier()));
    orders.sort(items, |a, b, field| match field {
        "identifier" => a.identifier().cmp(b.identifier()),
        "name" => fold(a.name()).cmp(&fold(b.name())),
        "createdAt" => time(a, true).cmp(&time(b, true)),
        _ => time(a, false).cmp(&time(b, false)),
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Item(&'static str, &'static str, Tags, Option<i64>);

    impl Listed for Item {
        fn identifier(&self) -> &str {
            self.0
        }
        fn name(&self) -> &str {
            self.1
        }
        fn tags(&self) -> &Tags {
            &self.2
        }
        fn times(&self) -> Option<(Timestamp, Timestamp)> {
            self.3.map(|t| (Timestamp::from_micros(t), Timestamp::from_micros(t)))
        }
    }

    fn items() -> Vec<Item> {
        let tag = Tags::from([("team".to_owned(), "Größe".to_owned())]);
        vec![
            Item("old", "b", Tags::new(), Some(1)),
            Item("new", "A", tag, Some(2)),
            Item("_managed", "c", Tags::new(), None),
        ]
    }

    fn ids(items: &[Item]) -> Vec<&str> {
        items.iter().map(|i| i.0).collect()
    }

    fn ordered(by: &[&str]) -> Vec<&'static str> {
        let mut all = items();
        let values: Vec<String> = by.iter().map(|v| (*v).to_owned()).collect();
        order(&mut all, &Orders::read(&values, FIELDS).unwrap());
        all.iter().map(|i| i.0).collect()
    }

    #[test]
    fn orders_as_asked() {
        assert_eq!(ordered(&[]), ["_managed", "new", "old"]);
        assert_eq!(ordered(&["name,ASC"]), ["new", "old", "_managed"]);
        assert_eq!(ordered(&["identifier"]), ["old", "new", "_managed"]);
        assert_eq!(ordered(&["createdAt,ASC"]), ["old", "new", "_managed"]);
    }

    #[test]
    fn searches_identifier_name_and_labels() {
        for (term, found) in [
            ("OLD", vec!["old"]),
            ("grösse", vec!["new"]),
            (".", vec![]),
            ("", vec!["old", "new", "_managed"]),
        ] {
            let mut all = items();
            search(&mut all, &SearchTerm::new(Some(term)));
            assert_eq!(ids(&all), found, "{term}");
        }
    }
}
