//! Values inside a document: lists with their one primary, in which each value stands once, the element a
//! filter describes, and writing under a key. It works on normalised values only; what may change is not its
//! matter.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::convert::Infallible;

use serde_json::{Map, Value};

use crate::filter::CompareOp;
use crate::instant::instant_text;
use crate::number::decimal;
use crate::pointer::{Before, REFERENCE, complete};
use crate::resolve::{Expr, Literal};
use crate::same::{differ_by_id, sameness, value_key};
use crate::schema::{Attribute, Mutability};
use crate::step::How;
use crate::value::is_unassigned;

const PRIMARY: &str = "primary";

/// Whether the element is marked primary.
pub(crate) fn is_primary(element: &Value) -> bool {
    element.get(PRIMARY) == Some(&Value::Bool(true))
}

/// The positions of the elements that match; all without a filter.
pub(crate) fn matching(list: &[Value], filter: Option<&Expr>) -> Vec<usize> {
    let is_match = |element: &Value| filter.is_none_or(|filter| filter.matches_element(element));
    (0..list.len()).filter(|&at| is_match(&list[at])).collect()
}

/// Clears every primary mark but that of the element at `keep`; tells whether something changed
/// (contract PA-7).
pub(crate) fn clear_other_primaries(list: &mut [Value], keep: usize) -> bool {
    let mut changed = false;
    for (_, element) in list.iter_mut().enumerate().filter(|(at, element)| *at != keep && is_primary(element))
    {
        element[PRIMARY] = Value::Bool(false);
        changed = true;
    }
    changed
}

/// Lets each value stand once, as if the elements were added one after the other: what stands for the same
/// value is merged into the first (RFC 7643 §2.4: no combination of type and value more than once).
pub(crate) fn distinct(attr: &Attribute, list: &mut Vec<Value>) {
    let Ok(()) = keep_distinct(attr, list, |kept, again| {
        absorb(attr, kept, again);
        Ok::<_, Infallible>(())
    });
}

/// The same with another way to merge. After an error the list is not whole.
pub(crate) fn keep_distinct<E>(
    attr: &Attribute,
    list: &mut Vec<Value>,
    mut merge: impl FnMut(&mut Value, &Value) -> Result<(), E>,
) -> Result<(), E> {
    if list.len() < 2 || differ_by_id(attr, list) {
        return Ok(());
    }
    let mut places = HashMap::with_capacity(list.len());
    let mut kept: Vec<Value> = Vec::with_capacity(list.len());
    for element in list.drain(..) {
        match places.entry(sameness(attr, &element)) {
            Entry::Occupied(place) => merge(&mut kept[*place.get()], &element)?,
            Entry::Vacant(place) => {
                place.insert(kept.len());
                kept.push(element);
            }
        }
    }
    *list = kept;
    Ok(())
}

/// Merges an element that stands for the same value; it is primary if one of the two was. Tells whether
/// something changed.
pub(crate) fn absorb(attr: &Attribute, kept: &mut Value, again: &Value) -> bool {
    let was_primary = is_primary(kept);
    let changed = merge_into(attr, kept, again);
    if was_primary {
        kept[PRIMARY] = Value::Bool(true);
    }
    changed
}

/// Adds the sub-attributes of `new` to `element`, values of a list to the list that is there; tells whether
/// something changed.
pub(crate) fn merge_into(attr: &Attribute, element: &mut Value, new: &Value) -> bool {
    let (Some(element), Some(new)) = (element.as_object_mut(), new.as_object()) else {
        let changed = element != new;
        if changed {
            *element = new.clone();
        }
        return changed;
    };
    write_all(attr, element, new, How::Add)
}

/// Writes the sub-attributes of `new` into an element; tells whether something changed.
pub(crate) fn write_all(
    attr: &Attribute,
    element: &mut Map<String, Value>,
    new: &Map<String, Value>,
    how: How,
) -> bool {
    let before = Before::of(attr, element);
    let mut changed = false;
    for (name, value) in new {
        changed |= match attr.sub.get(name) {
            Some(sub) => write(element, sub, Some(value), how),
            None => set(element, name, Some(value)),
        };
    }
    before.settle(attr, element, new.contains_key(REFERENCE));
    changed
}

/// Writes one sub-attribute of an element; tells whether something changed.
pub(crate) fn write_sub(
    attr: &Attribute,
    element: &mut Map<String, Value>,
    (sub, value): (&Attribute, Option<&Value>),
    how: How,
) -> bool {
    let before = Before::of(attr, element);
    let changed = write(element, sub, value, how);
    before.settle(attr, element, sub.name == REFERENCE);
    changed
}

/// The element that a filter describes, if it is made of `eq` joined by `and` (contract PA-11) and points to
/// one resource at most.
pub(crate) fn described_by(filter: &Expr, attr: &Attribute) -> Option<Map<String, Value>> {
    let mut element = Map::new();
    (describe(filter, attr, &mut element) && complete(attr, &mut element)).then_some(element)
}

fn describe(filter: &Expr, owner: &Attribute, element: &mut Map<String, Value>) -> bool {
    match filter {
        Expr::And(terms) => terms.iter().all(|term| describe(term, owner, element)),
        Expr::Compare { attr, op: CompareOp::Eq, value } => {
            let Some(sub) = &attr.sub else { return false };
            // What the server alone sets is not set by asking for it.
            if owner.sub.get(&sub.name).is_none_or(|sub| sub.mutability == Mutability::ReadOnly) {
                return false;
            }
            let value = match value {
                Literal::Text { raw, .. } => Value::from(raw.as_str()),
                Literal::Bool(flag) => Value::from(*flag),
                Literal::Integer(number) => Value::from(*number),
                Literal::Decimal(number) => decimal(number.clone()),
                Literal::Instant(nanos) => match instant_text(*nanos) {
                    Some(text) => Value::from(text),
                    None => return false,
                },
            };
            // An empty text is no value: the filter would never find what is made without one.
            if is_unassigned(&value) {
                return false;
            }
            if !sub.multi_valued {
                element.insert(sub.name.clone(), value);
                return true;
            }
            let list = list_at(element, &sub.name);
            if !list.contains(&value) {
                list.push(value);
            }
            true
        }
        _ => false,
    }
}

/// Sets or removes a key; tells whether something changed.
pub(crate) fn set(map: &mut Map<String, Value>, name: &str, value: Option<&Value>) -> bool {
    match value {
        None => map.shift_remove(name).is_some(),
        Some(value) => match map.get_mut(name) {
            Some(old) if old == value => false,
            Some(old) => {
                *old = value.clone();
                true
            }
            None => {
                map.insert(name.to_owned(), value.clone());
                true
            }
        },
    }
}

/// Changes what is under a key. `Add` adds the values of a list to the list that is there (RFC 7644
/// §3.5.2.1), `Remove` takes those away that are listed. Tells whether something changed.
pub(crate) fn write(map: &mut Map<String, Value>, attr: &Attribute, value: Option<&Value>, how: How) -> bool {
    let name = &attr.name;
    if let Some(gone) = gone(attr, value, how) {
        return remove_values(attr, map, &gone);
    }
    match (how, value) {
        (How::Add, Some(Value::Array(more))) if map.get(name).is_some_and(Value::is_array) => {
            add_values(attr, list_at(map, name), more)
        }
        _ => set(map, name, value),
    }
}

/// What the values that go are told by, where values go.
pub(crate) fn gone(attr: &Attribute, value: Option<&Value>, how: How) -> Option<HashSet<String>> {
    match (how, value) {
        (How::Remove, Some(Value::Array(values))) => {
            Some(values.iter().map(|value| value_key(Some(attr), value)).collect())
        }
        _ => None,
    }
}

/// Takes values with these keys from a sub-attribute of an element; tells whether something changed.
pub(crate) fn take_away(
    attr: &Attribute,
    element: &mut Map<String, Value>,
    (sub, gone): (&Attribute, &HashSet<String>),
) -> bool {
    let before = Before::of(attr, element);
    let changed = remove_values(sub, element, gone);
    before.settle(attr, element, sub.name == REFERENCE);
    changed
}

/// Takes away what has one of these keys, of a list or a single value.
fn remove_values(attr: &Attribute, map: &mut Map<String, Value>, gone: &HashSet<String>) -> bool {
    let is_gone = |value: &Value| gone.contains(&value_key(Some(attr), value));
    match map.get_mut(&attr.name) {
        Some(Value::Array(list)) => {
            let before = list.len();
            list.retain(|value| !is_gone(value));
            let after = list.len();
            if after == 0 {
                map.shift_remove(&attr.name);
            }
            after < before
        }
        Some(single) if is_gone(single) => map.shift_remove(&attr.name).is_some(),
        _ => false,
    }
}

/// Adds plain values that are not there yet.
fn add_values(attr: &Attribute, list: &mut Vec<Value>, more: &[Value]) -> bool {
    let before = list.len();
    let mut known: HashSet<String> = list.iter().map(|value| sameness(attr, value)).collect();
    list.extend(more.iter().filter(|value| known.insert(sameness(attr, value))).cloned());
    list.len() > before
}

/// The object under a key; made if there is none.
pub(crate) fn object_at<'m>(map: &'m mut Map<String, Value>, name: &str) -> &'m mut Map<String, Value> {
    if !map.get(name).is_some_and(Value::is_object) {
        map.insert(name.to_owned(), Value::Object(Map::new()));
    }
    map.get_mut(name).and_then(Value::as_object_mut).expect("an object stands there since the line above")
}

/// The list under a key; made if there is none.
pub(crate) fn list_at<'m>(map: &'m mut Map<String, Value>, name: &str) -> &'m mut Vec<Value> {
    if !map.get(name).is_some_and(Value::is_array) {
        map.insert(name.to_owned(), Value::Array(Vec::new()));
    }
    map.get_mut(name).and_then(Value::as_array_mut).expect("a list stands there since the line above")
}
