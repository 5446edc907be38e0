//! What a new definition does to data that was stored by the old one.

use std::collections::BTreeMap;

use scim::schema::Uniqueness;
use scim::value::MAX_KEY_BYTES;
use scim::{Attribute, Schema};
use serde_json::Value;

use super::kinds::path;
use super::model::{Definition, Shape};
use crate::directory::model::Subject;
use crate::directory::store::MAX_QUALIFIER_BYTES;

/// An attribute or sub-attribute, as documents and the index have it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Leaf {
    /// URN of its schema.
    pub urn: String,
    /// Of the base schema of a type: it lies in the document itself.
    pub base: bool,
    /// Its name.
    pub attr: String,
    /// Its sub-attribute, if it is one.
    pub sub: Option<String>,
}

impl Leaf {
    /// What a document has of the attribute, for a sub-attribute that of which it is one: each element.
    fn elements_in<'d>(&self, document: &'d Value) -> Option<&'d [Value]> {
        let holder = if self.base { document } else { document.get(&self.urn)? };
        let value = holder.get(&self.attr)?;
        Some(value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice))
    }
    /// Whether a document has a value for it.
    pub fn is_in(&self, document: &Value) -> bool {
        let has =
            |sub: &String, elements: &[Value]| elements.iter().any(|element| element.get(sub).is_some());
        let elements = self.elements_in(document);
        elements.is_some_and(|elements| self.sub.as_ref().is_none_or(|sub| has(sub, elements)))
    }
    /// Whether a document has a value for it that an index row has no room for.
    fn is_too_long_in(&self, document: &Value) -> bool {
        let long =
            |text: Option<&Value>, most: usize| text.and_then(Value::as_str).is_some_and(|t| t.len() > most);
        let element = |element: &Value| match &self.sub {
            Some(sub) => {
                element.get(sub).is_some()
                    && (long(element.get(sub), MAX_KEY_BYTES)
                        || long(element.get("type"), MAX_QUALIFIER_BYTES))
            }
            None => long(Some(element), MAX_KEY_BYTES),
        };
        self.elements_in(document).is_some_and(|elements| elements.iter().any(element))
    }
    /// As messages name it.
    pub fn shown(&self) -> String {
        let sub = self.sub.as_ref().map(|sub| format!(".{sub}")).unwrap_or_default();
        format!("{}:{}{sub}", self.urn, self.attr)
    }
    /// Its path in the index.
    pub fn path(&self, aliases: &BTreeMap<String, String>) -> String {
        let alias = aliases.get(&self.urn).map_or("", String::as_str);
        path(self.base, alias, &self.attr, self.sub.as_deref())
    }
    /// As a definition's list of what is pending has it.
    pub fn pending(&self, aliases: &BTreeMap<String, String>) -> String {
        format!("{} {}", self.urn, self.path(aliases))
    }
}

/// What cannot become of an attribute while resources are as they are.
#[derive(Clone, Debug)]
pub struct Break {
    /// The attribute.
    pub leaf: Leaf,
    /// What stands against it.
    pub why: Why,
}

/// Which values stand against a change.
#[derive(Clone, Copy, Debug)]
pub enum Why {
    /// All of them, for this reason.
    Any(&'static str),
    /// Those that an index row has no room for.
    TooLong,
}

impl Break {
    /// Whether a document stands against it.
    pub fn is_by(&self, document: &Value) -> bool {
        match self.why {
            Why::Any(_) => self.leaf.is_in(document),
            Why::TooLong => self.leaf.is_too_long_in(document),
        }
    }
    /// What whoever wanted the change is told; `id` names the first resource that stands against it.
    pub fn refusal(&self, id: &str) -> String {
        let leaf = self.leaf.shown();
        match self.why {
            Why::Any(why) => format!(
                "{leaf} {why}, and resources have values for it (the first is {id}): remove those values first, or \
                 define a new attribute."
            ),
            Why::TooLong => format!(
                "{leaf} would be indexed, which takes values of {MAX_KEY_BYTES} bytes at most, and types beside them of \
                 {MAX_QUALIFIER_BYTES}; there are longer ones (the first is in {id}): shorten those first."
            ),
        }
    }
}

/// What a replacement asks for beyond the definition itself.
#[derive(Debug, Default)]
pub struct Effect {
    /// Can be only while no resource stands against it.
    pub breaks: Vec<Break>,
    /// Index rows to be made for what is stored.
    pub fill: Vec<Leaf>,
    /// Index rows that go.
    pub drop: Vec<Leaf>,
}

/// Every attribute and sub-attribute of a definition.
pub fn leaves(shape: &Shape) -> BTreeMap<Leaf, &Attribute> {
    let mut found = BTreeMap::new();
    for (n, schema) in shape.schemas().into_iter().enumerate() {
        let base = n == 0 && matches!(shape, Shape::Type { .. });
        collect(schema, base, &mut found);
    }
    found
}

fn collect<'s>(schema: &'s Schema, base: bool, found: &mut BTreeMap<Leaf, &'s Attribute>) {
    for attr in schema.attributes.iter() {
        let leaf = Leaf { urn: schema.urn.clone(), base, attr: attr.name.clone(), sub: None };
        for sub in attr.sub.iter() {
            found.insert(Leaf { sub: Some(sub.name.clone()), ..leaf.clone() }, sub);
        }
        found.insert(leaf, attr);
    }
}

/// Holds the new definition against the old one.
pub fn compare(old: &Definition, new: &Shape) -> Effect {
    let (before, after) = (leaves(&old.shape), leaves(new));
    let mut effect = Effect::default();
    let moved = applies_to(&old.shape) != applies_to(new);
    for (leaf, was) in &before {
        let why = match after.get(leaf) {
            _ if moved => Some("would apply to other resources"),
            None => Some("would be removed (or spelled in another way)"),
            Some(is) => breaks(was, is),
        };
        if let Some(why) = why {
            effect.breaks.push(Break { leaf: leaf.clone(), why: Why::Any(why) });
        }
        let is_indexed = after.get(leaf).is_some_and(|is| is.indexed);
        match (was.indexed, is_indexed) {
            (true, false) => effect.drop.push(leaf.clone()),
            (false, true) => effect.fill.push(leaf.clone()),
            // What was pending stays so.
            (true, true) if old.pending.contains(&leaf.pending(&old.aliases)) => {
                effect.fill.push(leaf.clone());
            }
            _ => {}
        }
    }
    let long = effect.fill.iter().map(|leaf| Break { leaf: leaf.clone(), why: Why::TooLong });
    effect.breaks.extend(long);
    effect
}

fn applies_to(shape: &Shape) -> Option<Subject> {
    if let Shape::Extension { of, .. } = shape { Some(*of) } else { None }
}

fn breaks(was: &Attribute, is: &Attribute) -> Option<&'static str> {
    if was.kind != is.kind {
        return Some("would change its type");
    }
    if was.multi_valued != is.multi_valued {
        return Some("would change between one value and a list");
    }
    if was.uniqueness == Uniqueness::None && is.uniqueness != Uniqueness::None {
        return Some("would become unique");
    }
    if was.case_exact != is.case_exact && (was.indexed || is.indexed) {
        return Some("would be compared in another way");
    }
    None
}
