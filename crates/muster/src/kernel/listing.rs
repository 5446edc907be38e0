//! How a list is searched and sorted: `searchTerm` and `sortOrders` of the platform API (§1.6).

use std::cmp::Ordering;

use super::problem::{Problem, Result};

/// A literal, case-insensitive substring; never a pattern.
#[derive(Clone, Debug, Default)]
pub struct SearchTerm(String);

impl SearchTerm {
    /// From a query string; absent or empty finds everything.
    pub fn new(term: Option<&str>) -> Self {
        Self(super::text::fold(term.unwrap_or("")).into_owned())
    }

    /// From a body or, where that has none, a query string.
    pub fn of_body(body: Option<&str>, query: Option<&str>) -> Self {
        Self::new(body.filter(|term| !term.is_empty()).or(query))
    }

    /// Does it find everything?
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Is it in any of the texts?
    pub fn hits<'a>(&self, texts: impl IntoIterator<Item = &'a str>) -> bool {
        self.0.is_empty() || texts.into_iter().any(|text| super::text::fold(text).contains(&self.0))
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

    /// The same for the database to sort by: `column` answers for one field.
    pub fn columns(&self, column: impl Fn(&str) -> &'static str) -> String {
        let one = |order: &Order| {
            format!("{} {}", column(order.field), if order.descending { "DESC" } else { "ASC" })
        };
        self.0.iter().map(one).collect::<Vec<_>>().join(", ")
    }

    /// Sorts; `compare` answers for one field, ascending. Items that compare equal keep their places.
    pub fn sort<T>(&self, items: &mut [T], compare: impl Fn(&T, &T, &str) -> Ordering) {
        items.sort_by(|a, b| {
            let one = |order: &Order| {
                let ascending = compare(a, b, order.field);
                if order.descending { ascending.reverse() } else { ascending }
            };
            self.0.iter().map(one).find(|o| o.is_ne()).unwrap_or(Ordering::Equal)
        });
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
}
