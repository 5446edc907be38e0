//! [`Sql`]: builds statements whose shape is known only at run time (filters, lists of ids). Values are
//! always bound, never written into the text.

use std::fmt::Write as _;

use crate::Param;

/// One bound value, owned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// SQL NULL.
    Null,
    /// A 64-bit integer.
    Int(i64),
    /// A boolean.
    Bool(bool),
    /// Text.
    Text(String),
    /// Bytes.
    Bytes(Vec<u8>),
}

impl Value {
    /// The same value, borrowed.
    pub fn as_param(&self) -> Param<'_> {
        match self {
            Self::Null => Param::Null,
            Self::Int(int) => Param::Int(*int),
            Self::Bool(bool) => Param::Bool(*bool),
            Self::Text(text) => Param::Text(text),
            Self::Bytes(bytes) => Param::Bytes(bytes),
        }
    }
}

impl From<Param<'_>> for Value {
    fn from(param: Param<'_>) -> Self {
        match param {
            Param::Null => Self::Null,
            Param::Int(int) => Self::Int(int),
            Param::Bool(bool) => Self::Bool(bool),
            Param::Text(text) => Self::Text(text.to_owned()),
            Param::Bytes(bytes) => Self::Bytes(bytes.to_vec()),
        }
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&String> for Value {
    fn from(text: &String) -> Self {
        Self::Text(text.clone())
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<i64> for Value {
    fn from(int: i64) -> Self {
        Self::Int(int)
    }
}

impl From<i32> for Value {
    fn from(int: i32) -> Self {
        Self::Int(int.into())
    }
}

impl From<u32> for Value {
    fn from(int: u32) -> Self {
        Self::Int(int.into())
    }
}

impl From<bool> for Value {
    fn from(bool: bool) -> Self {
        Self::Bool(bool)
    }
}

impl From<Vec<u8>> for Value {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Bytes(bytes)
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// Ids that one statement asks for at most.
pub const IDS_AT_ONCE: usize = 256;

/// A statement under construction: text, and the values bound so far.
///
/// ```
/// let mut sql = db::sql::Sql::new("SELECT id FROM users WHERE account_id = ");
/// sql.bind("a1").push(" AND id IN (").bind_list(["u1", "u2"]).push(")");
/// assert_eq!(sql.text(), "SELECT id FROM users WHERE account_id = $1 AND id IN ($2, $3)");
/// assert_eq!(sql.params().len(), 3);
/// ```
///
/// ```
/// let mut sql = db::sql::Sql::new("");
/// sql.any(&[1, 2, 3], &mut |sql, n| {
///     sql.push("a = ").bind(*n);
/// });
/// assert_eq!(sql.text(), "((a = $1) OR ((a = $2) OR (a = $3)))");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sql {
    text: String,
    values: Vec<Value>,
}

impl Sql {
    /// A statement that starts with this text.
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), values: Vec::new() }
    }

    /// Adds text. Never put a value from outside here: use [`Sql::bind`].
    pub fn push(&mut self, text: &str) -> &mut Self {
        self.text.push_str(text);
        self
    }

    /// Binds a value and adds its `$n`.
    pub fn bind(&mut self, value: impl Into<Value>) -> &mut Self {
        let number = self.hold(value);
        self.reuse(number)
    }

    /// Binds several values and adds `$n, $n+1, …`. An empty list adds `NULL`, so that `IN (…)` stays valid
    /// and matches nothing.
    pub fn bind_list<V: Into<Value>>(&mut self, values: impl IntoIterator<Item = V>) -> &mut Self {
        let mut first = true;
        for value in values {
            if !std::mem::take(&mut first) {
                self.text.push_str(", ");
            }
            self.bind(value);
        }
        if first {
            self.text.push_str("NULL");
        }
        self
    }

    /// As `bind_list`, for at most [`IDS_AT_ONCE`] ids. The list is filled up to a power of two with its
    /// first one, so that few different statements are prepared.
    pub fn bind_ids(&mut self, ids: &[&str]) -> &mut Self {
        let filled = ids.len().next_power_of_two();
        let filling = ids.iter().take(1).cycle().take(filled.saturating_sub(ids.len()));
        self.bind_list(ids.iter().chain(filling).copied())
    }

    /// Adds what holds for any of these, each written by `each`; of none, `FALSE`. The text is a balanced
    /// tree: a chain of OR is as deep as it is long, and SQLite takes no more than 1,000 levels.
    pub fn any<T>(&mut self, items: &[T], each: &mut impl FnMut(&mut Self, &T)) -> &mut Self {
        match items {
            [] => return self.push("FALSE"),
            [item] => {
                self.push("(");
                each(self, item);
            }
            _ => {
                let (left, right) = items.split_at(items.len() / 2);
                self.push("(").any(left, each).push(" OR ").any(right, each);
            }
        }
        self.push(")")
    }

    /// Binds a value without adding text and answers its number, for a value used in several places.
    pub fn hold(&mut self, value: impl Into<Value>) -> usize {
        self.values.push(value.into());
        self.values.len()
    }

    /// Adds the `$n` of a value bound before.
    pub fn reuse(&mut self, number: usize) -> &mut Self {
        debug_assert!(number >= 1 && number <= self.values.len(), "no value is bound as ${number}");
        write!(self.text, "${number}").expect("writing to a String cannot fail");
        self
    }

    /// The statement's text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The bound values in order, for `tx.query(sql.text(), &sql.params(), …)`.
    pub fn params(&self) -> Vec<Param<'_>> {
        self.values.iter().map(Value::as_param).collect()
    }
}
