//! What a PUT leaves as it is: attributes that are returned on request only and that its body does not name.
//! Its client may never have seen them, and did not say that they go (RFC 7644 §3.5.1 leaves it open).

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use serde_json::{Map, Value};

use crate::name::fold;
use crate::pointer::{REFERENCE, VALUE};
use crate::project::Pick;
use crate::same::{same_sub, sameness};
use crate::schema::{AttrRef, Attribute, Attributes, ResourceType, Schema};
use crate::written::{by_body, is_on_request};

/// What a body names, however it says so.
pub(crate) struct Named {
    /// Attributes and sub-attributes that are returned on request.
    picks: HashSet<Pick>,
    /// Its keys, folded, and those of the extensions in it, each with the URN of its extension.
    keys: HashSet<(Option<String>, String)>,
    /// Extensions that it clears as a whole.
    cleared: HashSet<String>,
}

impl Named {
    /// `None`: the type has nothing that is returned on request only.
    pub(crate) fn of(kind: &ResourceType, body: &Value) -> Option<Self> {
        let map = body.as_object().filter(|_| kind.hides_stored())?;
        let picks = by_body(kind, body);
        let (mut keys, mut cleared) = (HashSet::new(), HashSet::new());
        for (key, value) in map {
            let Some(schema) = kind.extension(key) else {
                keys.insert((None, fold(key).into_owned()));
                continue;
            };
            let inner = value.as_object().into_iter().flat_map(Map::keys);
            keys.extend(inner.map(|key| (Some(schema.urn.clone()), fold(key).into_owned())));
            if value.is_null() {
                cleared.insert(schema.urn.clone());
            }
        }
        Some(Self { picks, keys, cleared })
    }

    fn has_key(&self, attr: &AttrRef) -> bool {
        let urn = attr.extension.as_ref().map(|schema| schema.urn.clone());
        self.keys.contains(&(urn, fold(&attr.attr.name).into_owned()))
    }

    fn has(&self, attr: &AttrRef) -> bool {
        self.picks.contains(&Pick::of(attr))
    }

    /// Carries over what the body does not name, in the resource itself or in an extension.
    pub(crate) fn keep_unseen(
        &self,
        attributes: &Attributes,
        schema: Option<&Arc<Schema>>,
        new: &mut Map<String, Value>,
        old: &Map<String, Value>,
    ) {
        if schema.is_some_and(|schema| self.cleared.contains(&schema.urn)) {
            return;
        }
        for attr in attributes.iter().filter(|attr| !attr.detached) {
            let hides = is_on_request(attr) || attr.sub.iter().any(|sub| is_on_request(sub));
            let Some(old) = old.get(&attr.name).filter(|_| hides) else { continue };
            let attr = AttrRef::new(schema, attr, None);
            match new.get_mut(&attr.attr.name) {
                Some(new) if !is_on_request(&attr.attr) => self.keep_subs(&attr, new, old),
                None if !self.has(&attr) && !self.has_key(&attr) && is_unseen(&attr.attr, old) => {
                    new.insert(attr.attr.name.clone(), old.clone());
                }
                _ => {}
            }
        }
    }

    /// The same inside a complex value that the body has, and inside the elements of a list.
    fn keep_subs(&self, attr: &AttrRef, new: &mut Value, old: &Value) {
        let is_kept = |sub: &&Arc<Attribute>| is_on_request(sub) && !self.has(&attr.with_sub(Some(sub)));
        let kept: Vec<&str> = attr.attr.sub.iter().filter(is_kept).map(|sub| sub.name.as_str()).collect();
        if kept.is_empty() {
            return;
        }
        match (new, old) {
            (Value::Array(new), Value::Array(old)) => {
                let shown = |element: &Value| sameness(&attr.attr, &without(element, &kept));
                let known: HashMap<String, &Value> = old.iter().map(|old| (shown(old), old)).collect();
                for element in new {
                    if let Some(old) = known.get(&shown(element)) {
                        carry(&kept, element, old);
                    }
                }
            }
            (new, old) => {
                let mut kept = kept;
                if points_elsewhere(&attr.attr, new, old) {
                    kept.retain(|name| !POINTER.contains(name));
                }
                carry(&kept, new, old);
            }
        }
    }
}

/// The two names of one resource: where one of them is another now, the other one goes with the former.
const POINTER: [&str; 2] = [VALUE, REFERENCE];

fn points_elsewhere(attr: &Attribute, new: &Value, old: &Value) -> bool {
    POINTER.iter().any(|name| new.get(name).is_some() && !same_sub(attr, name, new, old))
}

/// Whether no answer shows the value unless it is asked for.
fn is_unseen(attr: &Attribute, value: &Value) -> bool {
    let elements = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
    let hides = |name: &str| attr.sub.get(name).is_some_and(|sub| is_on_request(sub));
    let is_hidden =
        |element: &Value| element.as_object().is_some_and(|element| element.keys().all(|name| hides(name)));
    is_on_request(attr) || elements.iter().all(is_hidden)
}

/// An element as its client saw it.
fn without(element: &Value, names: &[&str]) -> Value {
    let mut element = element.clone();
    element.as_object_mut().into_iter().for_each(|map| map.retain(|name, _| !names.contains(&&**name)));
    element
}

fn carry(names: &[&str], new: &mut Value, old: &Value) {
    let Some(new) = new.as_object_mut() else { return };
    for name in names {
        if let Some(old) = old.get(name).filter(|_| !new.contains_key(*name)) {
            new.insert((*name).to_owned(), old.clone());
        }
    }
}
