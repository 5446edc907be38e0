//! How a list is searched and sorted: `searchTerm` and `sortOrders` of the platform API (§1.6).

use std::cmp::Ordering;

use super::problem::{Problem, Result};
use super::text::{Tags, fold};
use super::time::Timestamp;

/// Fields that every list of `Listed` can be sorted by.
pub const FIELDS: &[&str] = &["identifier", "name", "createdAt", "lastModifiedAt"];

/// What the short lists are searched and sorted by, which are read whole and cut in memory.
pub trait Listed {
    /// Its identifier.
    fn identifier(&self) -> &str;
    /// Its name.
    fn name(&self) -> &str;
    /// What is searched beside these two.
    fn texts(&self) -> impl Iterator<Item = &str> {
        std::iter::empty()
    }
    /// When it was made and last changed; `None` for what comes with the product.
    fn times(&self) -> Option<(Timestamp, Timestamp)>;
    /// How it stands to another by a field that only its own lists have; `None` for any other field.
    fn by_own(&self, _other: &Self, _field: &str) -> Option<Ordering> {
        None
    }
}

/// What of labels is searched.
pub fn words(tags: &Tags) -> impl Iterator<Item = &str> {
    tags.iter().flat_map(|(key, value)| [key.as_str(), value.as_str()])
}

/// A literal, case-insensitive substring; never a pattern.
#[derive(Clone, Debug, Default)]
pub struct SearchTerm(String);

impl SearchTerm {
    /// From a query string; absent or empty finds everything.
    pub fn new(term: Option<&str>) -> Self {
        Self(fold(term.unwrap_or("")).into_owned())
    }

    /// From a body or, where that has none, a query string.
    pub fn of_body(body: Option<&str>, query: Option<&str>) -> Self {
        Self::new(body.filter(|term| !term.is_empty()).or(query))
    }

    /// Does it find everything?
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Is it in identifier, name or another text of this?
    pub fn finds(&self, item: &impl Listed) -> bool {
        self.hits([item.identifier(), item.name()].into_iter().chain(item.texts()))
    }

    /// Is it in any of the texts?
    pub fn hits<'a>(&self, texts: impl IntoIterator<Item = &'a str>) -> bool {
        self.0.is_empty() || texts.into_iter().any(|text| fold(text).contains(&self.0))
    }
}

/// One `field,ASC|DESC` of `sortOrders`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    field: &'static str,
    descending: bool,
}

/// The sort orders of a list, most important first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Orders(Vec<Order>);

impl Default for Orders {
    /// The last changed first.
    fn default() -> Self {
        Self(vec![Order { field: "lastModifiedAt", descending: true }])
    }
}

impl Orders {
    /// Reads the values of `sortOrders`; without any, `lastModifiedAt,DESC`. The first of a field counts.
    ///
    /// # Errors
    /// `Invalid` for a field that is not in `fields` or a direction that is neither `ASC` nor `DESC`.
    pub fn read(values: &[String], fields: &[&'static str]) -> Result<Self> {
        let mut orders = Vec::new();
        for value in values.iter().filter(|value| !value.trim().is_empty()) {
            let (field, direction) = value.split_once(',').unwrap_or((value, "DESC"));
            let Some(field) = fields.iter().find(|f| **f == field.trim()) else {
                let known = fields.join(", ");
                return Err(Problem::invalid(format!(
                    "sortOrders {value:?} names no field of this list: use {known}"
                )));
            };
            let descending = match direction.trim().to_ascii_uppercase().as_str() {
                "ASC" => false,
                "DESC" => true,
                _ => {
                    let text = format!(
                        "sortOrders {value:?} has no known direction: write {field},ASC or {field},DESC"
                    );
                    return Err(Problem::invalid(text));
                }
            };
            // Asked again it tells nothing apart, and a database takes only so many terms.
            if orders.iter().all(|known: &Order| known.field != *field) {
                orders.push(Order { field, descending });
            }
        }
        if orders.is_empty() { Ok(Self::default()) } else { Ok(Self(orders)) }
    }

    /// Are they by nothing but these fields?
    pub fn are_by(&self, fields: &[&str]) -> bool {
        self.0.iter().all(|order| fields.contains(&order.field))
    }

    /// Is this one of its fields?
    pub fn name(&self, field: &str) -> bool {
        self.0.iter().any(|order| order.field == field)
    }

    /// The same for the database to sort by: `column` answers for one field.
    pub fn columns(&self, column: impl Fn(&str) -> &'static str) -> String {
        let one = |order: &Order| {
            format!("{} {}", column(order.field), if order.descending { "DESC" } else { "ASC" })
        };
        self.0.iter().map(one).collect::<Vec<_>>().join(", ")
    }

    /// Sorts, names case aside. What comes with the product counts as the newest; items that compare equal
    /// keep their places.
    pub fn arrange<T: Listed>(&self, items: &mut [T]) {
        let made = |item: &T| item.times().map_or(i64::MAX, |(created, _)| created.micros());
        let changed = |item: &T| item.times().map_or(i64::MAX, |(_, updated)| updated.micros());
        self.sort(items, |a, b, field| match field {
            "identifier" => a.identifier().cmp(b.identifier()),
            "name" => fold(a.name()).cmp(&fold(b.name())),
            "createdAt" => made(a).cmp(&made(b)),
            _ => a.by_own(b, field).unwrap_or_else(|| changed(a).cmp(&changed(b))),
        });
    }

    /// Sorts; `compare` answers for one field, ascending. Items that compare equal keep their places.
    pub fn sort<T>(&self, items: &mut [T], compare: impl Fn(&T, &T, &str) -> Ordering) {
        items.sort_by(|a, b| self.compare(|field| compare(a, b, field)));
    }

    /// Which of two comes first; `ascending` answers for one field.
    pub fn compare(&self, ascending: impl Fn(&str) -> Ordering) -> Ordering {
        let one = |order: &Order| {
            let ascending = ascending(order.field);
            if order.descending { ascending.reverse() } else { ascending }
        };
        self.0.iter().map(one).find(|o| o.is_ne()).unwrap_or(Ordering::Equal)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_search_term_is_literal_and_ignores_case() {
        assert!(SearchTerm::new(Some("ÄB")).hits(["xäbx"]));
        assert!(SearchTerm::new(None).hits([]));
        assert!(!SearchTerm::new(Some(".*")).hits(["abc"]));
    }

    #[test]
    fn orders() {
        let read = |text: &str| Orders::read(&[text.to_owned()], &["name", "createdAt"]);
        let mut items = [("b", 1), ("a", 2)];
        let compare = |a: &(&str, i32), b: &(&str, i32), field: &str| match field {
            "name" => a.0.cmp(b.0),
            _ => a.1.cmp(&b.1),
        };
        read("name,ASC").unwrap().sort(&mut items, compare);
        assert_eq!(items[0].0, "a");
        read("name").unwrap().sort(&mut items, compare);
        assert_eq!(items[0].0, "b");
        let both = Orders::read(&["name,ASC".to_owned(), "createdAt".to_owned()], &["name", "createdAt"]);
        let column = |field: &str| if field == "name" { "n" } else { "c" };
        assert_eq!(both.unwrap().columns(column), "n ASC, c DESC");
        let again = ["name,ASC", "createdAt", "name,DESC", "createdAt"].map(str::to_owned);
        let again = Orders::read(&again, &["name", "createdAt"]);
        assert_eq!(again.unwrap().columns(column), "n ASC, c DESC", "the first of a field counts");
        assert!(read("name,UP").is_err() && read("age,ASC").is_err());
        assert_eq!(Orders::read(&[], &[]).unwrap().0[0].field, "lastModifiedAt");
    }

    struct Item(&'static str, &'static str, Tags, Option<i64>);

    impl Listed for Item {
        fn identifier(&self) -> &str {
            self.0
        }
        fn name(&self) -> &str {
            self.1
        }
        fn texts(&self) -> impl Iterator<Item = &str> {
            words(&self.2)
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
        Orders::read(&values, FIELDS).unwrap().arrange(&mut all);
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
            all.retain(|item| SearchTerm::new(Some(term)).finds(item));
            assert_eq!(ids(&all), found, "{term}");
        }
    }
}
