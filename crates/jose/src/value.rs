//! A JSON document read strictly, and views into it.
//!
//! The document keeps its text and a flat list of nodes, so that reading a token costs three allocations
//! however many members it has. It never changes after it was read.

use std::fmt;

use crate::reader::{self, JsonError, Limits};

/// What a JSON value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `null`
    Null,
    /// `true`
    True,
    /// `false`
    False,
    /// A number; its text is kept.
    Number,
    /// A string.
    String,
    /// An array.
    Array,
    /// An object.
    Object,
}

impl Kind {
    /// The word for messages: "null", "boolean", "number", "string", "array", "object".
    pub const fn word(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::True | Self::False => "boolean",
            Self::Number => "number",
            Self::String => "string",
            Self::Array => "array",
            Self::Object => "object",
        }
    }
}

/// One value; the children of a container follow it, and `next` is the index after the last of them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Node {
    pub(crate) kind: Kind,
    /// The span lies in `unescaped`, not in `text`.
    pub(crate) escaped: bool,
    /// An object with two members of one name (only where the reader marks them).
    pub(crate) duplicates: bool,
    pub(crate) start: u32,
    pub(crate) end: u32,
    pub(crate) next: u32,
}

/// A strictly read JSON text.
#[derive(Debug, Clone)]
pub(crate) struct Document {
    pub(crate) text: String,
    pub(crate) unescaped: String,
    pub(crate) nodes: Vec<Node>,
}

impl Document {
    /// Reads one JSON value, white space around it allowed, nothing else.
    pub(crate) fn parse(bytes: Vec<u8>, limits: Limits) -> Result<Self, JsonError> {
        reader::read(bytes, limits)
    }

    pub(crate) fn root(&self) -> Value<'_> {
        self.at(0)
    }

    /// The value of an index that [`Value::index`] gave.
    pub(crate) fn at(&self, index: u32) -> Value<'_> {
        Value { document: self, at: index }
    }
}

/// A view of one value in a JSON document.
#[derive(Clone, Copy)]
pub struct Value<'d> {
    document: &'d Document,
    at: u32,
}

impl<'d> Value<'d> {
    /// Where the value is in its document.
    pub(crate) fn index(self) -> u32 {
        self.at
    }

    fn node(self) -> Node {
        self.document.nodes[self.at as usize]
    }

    /// What the value is.
    pub fn kind(self) -> Kind {
        self.node().kind
    }

    fn span(self) -> &'d str {
        let node = self.node();
        let source = if node.escaped { &self.document.unescaped } else { &self.document.text };
        &source[node.start as usize..node.end as usize]
    }

    /// The string with its escapes resolved, or `None` for any other kind.
    pub fn as_str(self) -> Option<&'d str> {
        (self.kind() == Kind::String).then(|| self.span())
    }

    /// The boolean, or `None` for any other kind.
    pub fn as_bool(self) -> Option<bool> {
        match self.kind() {
            Kind::True => Some(true),
            Kind::False => Some(false),
            _ => None,
        }
    }

    /// The number exactly as it was written, or `None` for any other kind.
    pub fn number_text(self) -> Option<&'d str> {
        (self.kind() == Kind::Number).then(|| self.span())
    }

    /// The elements of an array; none for any other kind.
    pub fn elements(self) -> Elements<'d> {
        let node = self.node();
        let array = node.kind == Kind::Array;
        Elements { document: self.document, at: self.at + 1, end: if array { node.next } else { NOTHING } }
    }

    /// The members of an object in their order; none for any other kind.
    pub fn members(self) -> impl Iterator<Item = (&'d str, Value<'d>)> {
        let node = self.node();
        let object = node.kind == Kind::Object;
        let mut children = Elements {
            document: self.document,
            at: self.at + 1,
            end: if object { node.next } else { NOTHING },
        };
        std::iter::from_fn(move || {
            let name = children.next()?;
            let value = children.next()?;
            Some((name.span(), value))
        })
    }

    /// The member of this exact name, or `None` if there is none or this is no object.
    #[inline]
    pub fn get(self, name: &str) -> Option<Value<'d>> {
        self.members().find_map(|(member, value)| (member == name).then_some(value))
    }

    /// Follows the reference tokens of a JSON Pointer (RFC 6901), already unescaped.
    pub(crate) fn follow(self, path: &[String]) -> Option<Value<'d>> {
        path.iter().try_fold(self, |value, token| match value.kind() {
            Kind::Object => value.get(token),
            Kind::Array => value.elements().nth(array_index(token)?),
            _ => None,
        })
    }

    /// Whether any object here or below has two members of one name.
    pub(crate) fn has_duplicates(self) -> bool {
        let end = self.node().next as usize;
        self.document.nodes[self.at as usize..end].iter().any(|node| node.duplicates)
    }

    /// The value as `serde_json` has it, for storing or showing.
    pub fn to_json(self) -> serde_json::Value {
        use serde_json::Value as Json;
        match self.kind() {
            Kind::Null => Json::Null,
            Kind::True => Json::Bool(true),
            Kind::False => Json::Bool(false),
            Kind::Number => {
                self.span().parse().map_or_else(|_| Json::String(self.span().to_owned()), Json::Number)
            }
            Kind::String => Json::String(self.span().to_owned()),
            Kind::Array => Json::Array(self.elements().map(Value::to_json).collect()),
            Kind::Object => {
                Json::Object(self.members().map(|(name, value)| (name.to_owned(), value.to_json())).collect())
            }
        }
    }
}

impl fmt::Debug for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.to_json(), f)
    }
}

impl fmt::Display for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.to_json(), f)
    }
}

/// Array index of RFC 6901 §4: digits without a leading zero; "-" names no element.
fn array_index(token: &str) -> Option<usize> {
    let canonical = token == "0" || (!token.starts_with('0') && token.bytes().all(|b| b.is_ascii_digit()));
    if canonical { token.parse().ok() } else { None }
}

/// The end of what has no elements: before any of them.
const NOTHING: u32 = 0;

/// Iterator over the elements of an array.
#[derive(Debug, Clone)]
pub struct Elements<'d> {
    document: &'d Document,
    at: u32,
    end: u32,
}

impl<'d> Iterator for Elements<'d> {
    type Item = Value<'d>;

    fn next(&mut self) -> Option<Value<'d>> {
        if self.at >= self.end {
            return None;
        }
        let value = Value { document: self.document, at: self.at };
        self.at = value.node().next;
        Some(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(text: &str) -> Document {
        Document::parse(text.as_bytes().to_vec(), Limits { depth: 8, mark_duplicates: false }).unwrap()
    }

    #[test]
    fn views_reach_every_value() {
        let text = r#" {"a":[1,"x",{"b":null}],"\u0063\n":true,"d/e":{"~":-1.5e3},"f":{},"g":[]} "#;
        let document = document(text);
        let root = document.root();
        assert_eq!(root.get("c\n").and_then(Value::as_bool), Some(true));
        let path = |pointer: &str| pointer.split('/').map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(root.follow(&path("a/1")).and_then(Value::as_str), Some("x"));
        assert_eq!(root.follow(&path("a/2/b")).map(Value::kind), Some(Kind::Null));
        for missing in ["a/01", "a/-", "a/3", "a/1/x", "z", "a/+1", "a/"] {
            assert!(root.follow(&path(missing)).is_none(), "{missing}");
        }
        assert_eq!(root.get("d/e").unwrap().get("~").unwrap().number_text(), Some("-1.5e3"));
        let expected: serde_json::Value = serde_json::from_str(text).unwrap();
        assert_eq!(root.to_json(), expected);
        assert_eq!(root.members().count(), 5);
        assert_eq!(root.get("g").unwrap().elements().count(), 0);
    }
}
