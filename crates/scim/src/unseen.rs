//! What a PUT leaves as it is: attributes that are returned on request only and that its body does not name.
//! Its client may never have seen them, and did not say that they go (RFC 7644 §3.5.1 leaves it open).

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

use serde_json::{Map, Value};

use crate::dialect::{Dialect, Mender};
use crate::element::{clear_other_primaries, distinct, is_primary};
use crate::error::ScimError;
use crate::mention::{Mention, Walk};
use crate::pointer::{REFERENCE, VALUE};
use crate::project::Pick;
use crate::same::{same_sub, sameness, value_key};
use crate::schema::{AttrRef, Attribute, Attributes, ResourceType, Schema};
use crate::value::{
    MAX_VALUES, Place, elements, is_nothing, normalise_part, settle_primary, too_many_values,
};
use crate::written::{is_on_request, note};

/// What a body names.
pub(crate) struct Named {
    dialect: Dialect,
    /// Attributes and sub-attributes that are returned on request.
    picks: HashSet<Pick>,
    /// Attributes that a key of it stands for as a whole.
    keys: HashSet<Pick>,
    /// Lists whose elements have something that is returned on request, as the body has them: what is shown
    /// of two elements may be the same.
    lists: HashMap<Pick, Vec<Value>>,
    /// Extensions that it clears as a whole.
    cleared: HashSet<String>,
}

impl Named {
    /// `None`: the type has nothing that is returned on request only.
    pub(crate) fn of(kind: &ResourceType, body: &Value, dialect: Dialect) -> Option<Self> {
        if !kind.hides_stored() {
            return None;
        }
        let (picks, keys, lists, cleared) = Default::default();
        let mut named = Self { dialect, picks, keys, lists, cleared };
        Walk { kind, dialect, hear: |mention| named.hear(mention) }.object(None, body);
        Some(named)
    }

    fn hear(&mut self, mention: Mention<'_>) {
        match mention {
            Mention::Extension { schema, value } => {
                if is_cleared(value) {
                    self.cleared.insert(schema.urn.clone());
                }
            }
            Mention::Attr { attr, is_filtered, value } => {
                note(&mut self.picks, &attr, value);
                if attr.sub.is_some() || is_filtered {
                    return;
                }
                self.keys.insert(Pick::of(&attr));
                let hides = attr.attr.multi_valued && attr.attr.sub.iter().any(|sub| is_on_request(sub));
                if let Some(list) = value.as_array().filter(|list| hides && list.len() > 1) {
                    self.lists.insert(Pick::of(&attr), list.clone());
                }
            }
        }
    }

    fn has_key(&self, attr: &AttrRef) -> bool {
        self.keys.contains(&Pick::of(attr))
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
    ) -> Result<(), ScimError> {
        if schema.is_some_and(|schema| self.cleared.contains(&schema.urn)) {
            return Ok(());
        }
        for attr in attributes.iter().filter(|attr| !attr.detached) {
            let hides = is_on_request(attr) || attr.sub.iter().any(|sub| is_on_request(sub));
            let Some(old) = old.get(&attr.name).filter(|_| hides) else { continue };
            let attr = AttrRef::new(schema, attr, None);
            match new.get_mut(&attr.attr.name) {
                Some(new) if !is_on_request(&attr.attr) => self.keep_subs(&attr, new, old)?,
                None if !self.has(&attr) && !self.has_key(&attr) && is_unseen(&attr.attr, old) => {
                    if let Some(kept) = self.kept_whole(&attr, old)? {
                        new.insert(attr.attr.name.clone(), kept);
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// What stays of a value that the body does not have: a path may name one of its sub-attributes.
    fn kept_whole(&self, attr: &AttrRef, old: &Value) -> Result<Option<Value>, ScimError> {
        if is_on_request(&attr.attr) {
            return Ok(Some(old.clone()));
        }
        let Some(list) = old.as_array() else {
            let mut kept = Value::Object(Map::new());
            self.keep_subs(attr, &mut kept, old)?;
            return Ok(kept.as_object().is_some_and(|kept| !kept.is_empty()).then_some(kept));
        };
        let kept = self.kept_subs(attr);
        let mut left: Vec<Value> = vec![Value::Object(Map::new()); list.len()];
        left.iter_mut().zip(list).for_each(|(left, old)| carry(&kept, left, old));
        left.retain(|element| element.as_object().is_some_and(|element| !element.is_empty()));
        distinct(&attr.attr, &mut left);
        Ok((!left.is_empty()).then_some(Value::Array(left)))
    }

    /// The sub-attributes that are returned on request and that the body does not name.
    fn kept_subs<'a>(&self, attr: &'a AttrRef) -> Vec<&'a str> {
        let is_kept = |sub: &&Arc<Attribute>| is_on_request(sub) && !self.has(&attr.with_sub(Some(sub)));
        attr.attr.sub.iter().filter(is_kept).map(|sub| sub.name.as_str()).collect()
    }

    /// The same inside a complex value that the body has, and inside the elements of a list.
    fn keep_subs(&self, attr: &AttrRef, new: &mut Value, old: &Value) -> Result<(), ScimError> {
        let mut kept = self.kept_subs(attr);
        if kept.is_empty() {
            return Ok(());
        }
        match (new, old) {
            (Value::Array(new), Value::Array(old)) => return self.keep_in_list(attr, &kept, new, old),
            (new, old) => {
                if points_elsewhere(&attr.attr, &kept, new, old) {
                    kept.retain(|name| !POINTER.contains(name) && *name != DISPLAY);
                }
                carry(&kept, new, old);
            }
        }
        Ok(())
    }

    fn keep_in_list(
        &self,
        attr: &AttrRef,
        kept: &[&str],
        new: &mut Vec<Value>,
        old: &[Value],
    ) -> Result<(), ScimError> {
        let mut elements = self.before_merging(attr, new).unwrap_or_else(|| std::mem::take(new));
        let pairs = pairs(&attr.attr, kept, &elements, old);
        for (element, at) in elements.iter_mut().zip(pairs) {
            if let Some(at) = at {
                carry(kept, element, &old[at]);
            }
        }
        // One that nothing is shown of stays where it was.
        for (at, element) in old.iter().enumerate().filter(|(_, element)| is_within(element, kept)) {
            elements.insert(at.min(elements.len()), element.clone());
        }
        distinct(&attr.attr, &mut elements);
        if elements.len() > MAX_VALUES {
            return Err(too_many_values(Place::from(attr)));
        }
        if let Some(first) = elements.iter().position(is_primary) {
            clear_other_primaries(&mut elements, first);
        }
        *new = elements;
        Ok(())
    }

    /// The elements of a list as the body has them, where this list came of them: those that look the same
    /// are one in it.
    fn before_merging(&self, attr: &AttrRef, new: &[Value]) -> Option<Vec<Value>> {
        let mut mender = Mender::new(self.dialect);
        let mut elements = Vec::new();
        for element in self.lists.get(&Pick::of(attr))? {
            elements
                .extend(normalise_part(&attr.attr, element.clone(), Place::from(attr), &mut mender).ok()?);
        }
        let mut merged = elements.clone();
        distinct(&attr.attr, &mut merged);
        settle_primary(&mut merged, Place::from(attr), &mut mender).ok()?;
        (merged == new).then_some(elements)
    }
}

/// Which of the old elements each new one was, by what its client saw of it: first where that is the same in
/// everything, then where it stands for the same value, both in their order. One more of the same repeats one
/// that has its pair.
fn pairs(attr: &Attribute, kept: &[&str], new: &[Value], old: &[Value]) -> Vec<Option<usize>> {
    let shown = |list: &[Value]| list.iter().map(|element| without(element, kept)).collect::<Vec<_>>();
    let (new, old) = (shown(new), shown(old));
    let (mut pairs, mut is_taken) = (vec![None; new.len()], vec![false; old.len()]);
    let by_all = |element: &Value| value_key(Some(attr), element);
    let by_value = |element: &Value| sameness(attr, element);
    for key in [&by_all as &dyn Fn(&Value) -> String, &by_value] {
        let mut free: HashMap<String, VecDeque<usize>> = HashMap::new();
        for (at, element) in old.iter().enumerate().filter(|(at, _)| !is_taken[*at]) {
            free.entry(key(element)).or_default().push_back(at);
        }
        for (element, pair) in new.iter().zip(&mut pairs).filter(|(_, pair)| pair.is_none()) {
            *pair = free.get_mut(&key(element)).and_then(VecDeque::pop_front);
            if let Some(at) = *pair {
                is_taken[at] = true;
            }
        }
    }
    let paired = new.iter().zip(&pairs).filter_map(|(element, pair)| Some((by_value(element), (*pair)?)));
    let known: HashMap<String, usize> = paired.collect();
    for (element, pair) in new.iter().zip(&mut pairs).filter(|(_, pair)| pair.is_none()) {
        *pair = known.get(&by_value(element)).copied();
    }
    pairs
}

/// Whether the value of an extension takes all of it away; an object says so of what it names only.
fn is_cleared(value: &Value) -> bool {
    let is_cleared_or_empty = |list: &Vec<Value>| list.is_empty() || list.iter().any(is_cleared);
    is_nothing(value) || value.as_array().is_some_and(is_cleared_or_empty)
}

/// The two names of one resource: where one of them is another now, the other one goes with the former.
const POINTER: [&str; 2] = [VALUE, REFERENCE];
/// What people call that resource: it goes with the former, too.
const DISPLAY: &str = "display";

/// Whether it names another resource than before, or none. One of the two that is neither shown nor named
/// says nothing by its absence.
fn points_elsewhere(attr: &Attribute, kept: &[&str], new: &Value, old: &Value) -> bool {
    let pointed = POINTER.iter().any(|name| old.get(name).is_some());
    if attr.sub.get(REFERENCE).is_none() || !pointed {
        return false;
    }
    if new.get(VALUE).is_some() && old.get(VALUE).is_some() {
        return !same_sub(attr, VALUE, new, old);
    }
    let says = |name: &str| new.get(name).is_some() || !kept.contains(&name);
    POINTER.iter().any(|name| says(name) && !same_sub(attr, name, new, old))
}

/// Whether no answer shows the value unless it is asked for.
fn is_unseen(attr: &Attribute, value: &Value) -> bool {
    let hides = |name: &str| attr.sub.get(name).is_some_and(|sub| is_on_request(sub));
    let is_hidden =
        |element: &Value| element.as_object().is_some_and(|element| element.keys().all(|name| hides(name)));
    is_on_request(attr) || elements(value).iter().all(is_hidden)
}

/// Whether an element has nothing but these.
fn is_within(element: &Value, names: &[&str]) -> bool {
    element.as_object().is_some_and(|element| element.keys().all(|name| names.contains(&name.as_str())))
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
