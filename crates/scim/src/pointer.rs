//! `value` and `$ref` of what points to a resource (RFC 7643 §2.4): an id and the URI that ends with it. Both
//! name the same one. Works on normalised values only.

use std::collections::{HashMap, HashSet};

use serde_json::{Map, Value};

use crate::dialect::{Mender, Quirk};
use crate::error::ScimError;
use crate::name::excerpt;
use crate::same::same_value;
use crate::schema::{AttrRef, Attribute, Type};
use crate::step::{Step, SubValues, Target};
use crate::uri::{decoded, target};
use crate::value::{MAX_KEY_BYTES, Place, elements};

pub(crate) const VALUE: &str = "value";
pub(crate) const REFERENCE: &str = "$ref";

/// What becomes of the two when a request sends them.
#[derive(Debug, PartialEq)]
pub(crate) enum Verdict {
    /// They may stay as they are.
    Kept,
    /// The id that the `$ref` ends with becomes the `value`.
    Follows(Value),
    /// The `value` counts, without the `$ref`.
    Dropped,
}

/// Judges the `value` and `$ref` that a request sends for one thing; strict refuses two that differ.
pub(crate) fn judge(
    attr: &Attribute,
    (value, reference): (Option<&Value>, Option<&Value>),
    place: Place<'_>,
    mender: &mut Mender,
) -> Result<Verdict, ScimError> {
    let Some(reference) = reference.and_then(Value::as_str).filter(|_| points(attr)) else {
        return Ok(Verdict::Kept);
    };
    let named = id_in(reference);
    let Some(value) = value else {
        return Ok(named.map_or(Verdict::Kept, Verdict::Follows));
    };
    let id = attr.value_sub().map(AsRef::as_ref);
    if named.is_some_and(|named| same_value(id, &named, value)) {
        return Ok(Verdict::Kept);
    }
    let at = place.sub(REFERENCE);
    if mender.mend(Quirk::ReferenceMismatch, at) {
        return Ok(Verdict::Dropped);
    }
    Err(ScimError::invalid_value(format!(
        "{at} is {:?}, while the value beside it is {:?}: send a $ref that ends with the value, or one of both.",
        excerpt(reference),
        excerpt(value.as_str().unwrap_or_default())
    )))
}

/// Whether it has an id and the URI of a resource. What is `external` or any `uri` names no id.
fn points(attr: &Attribute) -> bool {
    let is_id = attr.value_sub().is_some_and(|sub| sub.kind == Type::String && !sub.multi_valued);
    let leads_to_resources = attr.sub.get(REFERENCE).is_some_and(|sub| {
        let mut types = sub.reference_types.iter();
        sub.kind == Type::Reference
            && !sub.multi_valued
            && types.any(|name| name != "uri" && name != "external")
    });
    is_id && leads_to_resources
}

/// The id that a URI ends with, where it can be one.
fn id_in(reference: &str) -> Option<Value> {
    let id = decoded(target(reference).1?);
    (id.len() <= MAX_KEY_BYTES && !id.contains('\0')).then(|| Value::from(id.into_owned()))
}

/// The same for sub-attributes that a PATCH writes.
pub(crate) fn settle_pointer(
    attr: &AttrRef,
    subs: &mut SubValues,
    mender: &mut Mender,
) -> Result<(), ScimError> {
    let given = |name: &str| subs.iter().find(|(sub, _)| sub.name == name)?.1.as_ref();
    match judge(&attr.attr, (given(VALUE), given(REFERENCE)), Place::from(attr), mender)? {
        Verdict::Kept => {}
        Verdict::Follows(id) => {
            subs.retain(|(sub, _)| sub.name != VALUE);
            subs.extend(attr.attr.value_sub().map(|sub| (sub.clone(), Some(id))));
        }
        Verdict::Dropped => subs.retain(|(sub, _)| sub.name != REFERENCE),
    }
    Ok(())
}

/// The same for steps that come from the keys of one object: where they stand in it says nothing.
pub(crate) fn settle_keys(steps: &mut Vec<Step>, from: usize, mender: &mut Mender) -> Result<(), ScimError> {
    if !steps[from..].iter().any(|step| given(step, REFERENCE).is_some()) {
        return Ok(());
    }
    drop_cleared_ids(steps, from, None);
    references_last(&mut steps[from..]);
    // A value beside its own $ref may have followed from that: one that stands alone outweighs it.
    let mut values = HashMap::new();
    for with_reference in [true, false] {
        for step in &steps[from..] {
            let Some((attr, value)) = given(step, VALUE) else { continue };
            if given(step, REFERENCE).is_some() == with_reference {
                values.insert(owner(attr), value.clone());
            }
        }
    }
    for at in (from..steps.len()).rev() {
        let Some((attr, reference)) = given(&steps[at], REFERENCE) else { continue };
        let Some(value) = values.get(&owner(attr)) else { continue };
        let whole = attr.with_sub(None);
        if judge(&whole.attr, (Some(value), Some(reference)), Place::from(&whole), mender)?
            != Verdict::Dropped
        {
            continue;
        }
        let rest = if let Step::Merge { subs, .. } = &mut steps[at] { Some(subs) } else { None };
        let is_left = rest.is_some_and(|subs| {
            subs.retain(|(sub, _)| sub.name != REFERENCE && sub.name != VALUE);
            !subs.is_empty()
        });
        if !is_left {
            steps.remove(at);
        }
    }
    Ok(())
}

/// Puts what writes a `$ref` behind all else that is written to the same attribute: a new id takes away the
/// `$ref` that is there.
fn references_last(steps: &mut [Step]) {
    let mut counts: HashMap<String, usize> = HashMap::new();
    for step in &*steps {
        if let Target::Attribute(attr) = step.target() {
            *counts.entry(owner(attr)).or_default() += 1;
        }
    }
    let has_others = |attr: &AttrRef| counts.get(&owner(attr)).is_some_and(|count| *count > 1);
    steps.sort_by_key(|step| given(step, REFERENCE).is_some_and(|(attr, _)| has_others(attr)));
}

/// Drops what clears an id whose `$ref` stands beside it, in other steps or in the document that they change:
/// the id follows from that.
pub(crate) fn drop_cleared_ids(steps: &mut Vec<Step>, from: usize, document: Option<&Map<String, Value>>) {
    let with_reference = |step: &Step| given(step, REFERENCE).map(|(attr, _)| owner(attr));
    let referenced: HashSet<String> = steps[from..].iter().filter_map(with_reference).collect();
    let has_reference = |attr: &AttrRef| document.is_some_and(|document| refers(attr, document));
    let mut rest = steps.split_off(from);
    rest.retain_mut(|step| {
        let Some(attr) = clears_id(step) else { return true };
        if !points(&attr.attr) || !(referenced.contains(&owner(attr)) || has_reference(attr)) {
            return true;
        }
        let Step::Merge { subs, .. } = step else { return false };
        subs.retain(|(sub, _)| sub.name != VALUE);
        !subs.is_empty()
    });
    steps.append(&mut rest);
}

/// The attribute whose id a step clears, but for elements that a filter picks.
fn clears_id(step: &Step) -> Option<&AttrRef> {
    match step {
        Step::Put { attr, value: None } => attr.sub.as_ref().filter(|sub| sub.name == VALUE).map(|_| attr),
        Step::Sub { attr, filter: None, sub, value: None, .. } if sub.name == VALUE => Some(attr),
        Step::Merge { attr, subs, .. } => {
            subs.iter().any(|(sub, value)| sub.name == VALUE && value.is_none()).then_some(attr)
        }
        _ => None,
    }
}

/// Whether a value of an attribute has a `$ref`.
fn refers(attr: &AttrRef, document: &Map<String, Value>) -> bool {
    let has_reference = |element: &Value| element.get(REFERENCE).is_some();
    attr.value_in(document).is_some_and(|value| elements(value).iter().any(has_reference))
}

fn owner(attr: &AttrRef) -> String {
    attr.with_sub(None).to_string()
}

/// What a step writes to one of the two, but for elements that a filter picks.
fn given<'s>(step: &'s Step, name: &str) -> Option<(&'s AttrRef, &'s Value)> {
    match step {
        Step::Put { attr, value: Some(value) } => {
            attr.sub.as_ref().filter(|sub| sub.name == name).map(|_| (attr, value))
        }
        Step::Sub { attr, filter: None, sub, value: Some(value), .. } if sub.name == name => {
            Some((attr, value))
        }
        Step::Merge { attr, subs, .. } => {
            let (_, value) = subs.iter().find(|(sub, _)| sub.name == name)?;
            value.as_ref().map(|value| (attr, value))
        }
        _ => None,
    }
}

/// The two as they were before a change; `None` where there is no `$ref`.
pub(crate) struct Before(Option<[Option<Value>; 2]>);

impl Before {
    pub(crate) fn of(attr: &Attribute, map: &Map<String, Value>) -> Self {
        let has_both = attr.sub.get(REFERENCE).is_some();
        Self(has_both.then(|| [VALUE, REFERENCE].map(|name| map.get(name).cloned())))
    }

    /// Lets the one follow where only the other one has changed. `names`: the change was of the `$ref`, too.
    pub(crate) fn settle(self, attr: &Attribute, map: &mut Map<String, Value>, names: bool) {
        let Some([value, reference]) = self.0 else { return };
        let differs = |name: &str, before: Option<&Value>| match (before, map.get(name)) {
            (Some(before), Some(now)) => !same_value(attr.sub.get(name).map(AsRef::as_ref), before, now),
            (before, now) => before != now,
        };
        match (differs(VALUE, value.as_ref()), differs(REFERENCE, reference.as_ref())) {
            // A URI that belonged to the former value would point to the wrong resource.
            (true, false) if !names => drop(map.shift_remove(REFERENCE)),
            (false, true) if points(attr) => follow(attr, map),
            _ => {}
        }
    }
}

/// Completes an element that a filter describes: an id follows from its `$ref`. Tells whether both name one
/// resource.
pub(crate) fn complete(attr: &Attribute, map: &mut Map<String, Value>) -> bool {
    let Some(named) = map.get(REFERENCE).and_then(Value::as_str).filter(|_| points(attr)).map(id_in) else {
        return true;
    };
    match (named, map.get(VALUE)) {
        (named, Some(value)) => {
            named.is_some_and(|named| same_value(attr.value_sub().map(AsRef::as_ref), &named, value))
        }
        (Some(named), None) => {
            map.insert(VALUE.to_owned(), named);
            true
        }
        (None, None) => true,
    }
}

fn follow(attr: &Attribute, map: &mut Map<String, Value>) {
    let Some(reference) = map.get(REFERENCE).and_then(Value::as_str) else { return };
    match id_in(reference) {
        Some(id) => drop(map.insert(VALUE.to_owned(), id)),
        // Nothing is better than the id of somebody else.
        None if attr.value_sub().is_some_and(|sub| !sub.required) => drop(map.shift_remove(VALUE)),
        None => {}
    }
}
