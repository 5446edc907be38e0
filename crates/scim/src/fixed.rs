//! What a client cannot change: immutable attributes that have a value, and readOnly ones. It knows single
//! values, before a change and after it, and no requests.

use std::sync::Arc;

use serde_json::{Map, Value};

use crate::error::ScimError;
use crate::required::check_required_subs;
use crate::same::{same_sub, same_value};
use crate::schema::{AttrRef, Attribute, Attributes, Mutability, Schema, Type};
use crate::value::Place;

pub(crate) fn readonly(what: &impl std::fmt::Display) -> ScimError {
    ScimError::mutability(format!("{what} is readOnly: the server sets it; leave it out."))
}

pub(crate) fn immutable(what: &impl std::fmt::Display) -> ScimError {
    ScimError::mutability(format!("{what} is immutable: it has a value, which cannot be changed."))
}

/// The sub-attributes of a single complex value. Elements of a list come and go as they are.
fn subs_of(attr: &Attribute) -> impl Iterator<Item = &Arc<Attribute>> {
    attr.sub.iter().filter(|_| !attr.multi_valued)
}

/// Whether some of it may be fixed once it has a value.
pub(crate) fn has_fixed(attr: &Attribute) -> bool {
    let is_fixed = |attr: &Attribute| matches!(attr.mutability, Mutability::Immutable | Mutability::ReadOnly);
    is_fixed(attr) || subs_of(attr).any(|sub| is_fixed(sub))
}

/// Refuses a change of what is fixed in the value of an attribute: of all of it, or of sub-attributes.
pub(crate) fn check_kept(attr: &AttrRef, before: &Value, now: Option<&Value>) -> Result<(), ScimError> {
    let check = |of: &Attribute, what: &AttrRef, kept: bool| match of.mutability {
        Mutability::Immutable if !kept => Err(immutable(what)),
        Mutability::ReadOnly if !kept => Err(readonly(what)),
        _ => Ok(()),
    };
    let kept = |of: &Attribute, before: &Value, now: Option<&Value>| {
        now.is_some_and(|now| same_value(Some(of), now, before))
    };
    check(&attr.attr, &attr.with_sub(None), kept(&attr.attr, before, now))?;
    subs_of(&attr.attr).try_for_each(|sub| {
        let Some(before) = before.get(&sub.name) else { return Ok(()) };
        let now = now.and_then(|now| now.get(&sub.name));
        check(sub, &attr.with_sub(Some(sub)), kept(sub, before, now))
    })
}

/// Writes what is fixed in the value of an attribute as it was: it is the same, if not to the letter.
pub(crate) fn keep_spelling(attr: &Attribute, before: &Value, now: &mut Value) {
    if attr.mutability == Mutability::Immutable {
        before.clone_into(now);
        return;
    }
    for sub in subs_of(attr).filter(|sub| sub.mutability == Mutability::Immutable) {
        if let Some(before) = before.get(&sub.name) {
            now[&sub.name] = before.clone();
        }
    }
}

/// What replaces an element, with the readOnly sub-attributes that this one has: a request cannot name them.
pub(crate) fn with_read_only(attr: &Attribute, old: &Value, new: &Value) -> Value {
    let mut new = new.clone();
    for sub in attr.sub.iter().filter(|sub| sub.mutability == Mutability::ReadOnly) {
        if let (Some(new), Some(old)) = (new.as_object_mut(), old.get(&sub.name)) {
            new.insert(sub.name.clone(), old.clone());
        }
    }
    new
}

/// Changes an element of a list; refuses what changes its immutable sub-attributes, whose texts stay as they
/// are written. Tells whether something changed.
pub(crate) fn change_element(
    attr: &AttrRef,
    element: &mut Value,
    change: impl FnOnce(&mut Value) -> bool,
) -> Result<bool, ScimError> {
    let mut fixed = attr.attr.sub.iter().filter(|sub| sub.mutability == Mutability::Immutable).peekable();
    if fixed.peek().is_none() {
        return Ok(change(element));
    }
    let before = element.clone();
    change(element);
    for sub in fixed {
        let Some(value) = before.get(&sub.name) else { continue };
        if !same_sub(&attr.attr, &sub.name, element, &before) {
            return Err(immutable(&attr.with_sub(Some(sub))));
        }
        element[&sub.name] = value.clone();
    }
    Ok(*element != before)
}

/// Carries over what a replace cannot change and refuses what tries to.
pub(crate) fn keep_fixed(
    attributes: &Attributes,
    schema: Option<&Schema>,
    new: &mut Map<String, Value>,
    old: &Map<String, Value>,
) -> Result<(), ScimError> {
    for attr in attributes.iter() {
        let is_own = schema.is_none() && matches!(attr.name.as_str(), "id" | "meta" | "schemas");
        let Some(old) = old.get(&attr.name).filter(|_| !is_own && !attr.detached) else { continue };
        let place = Place { extension: schema, attr: &attr.name, sub: None };
        keep_one(attr, new, old, place)?;
        if attr.kind == Type::Complex && !attr.multi_valued {
            keep_subs(attr, new, old, place)?;
        }
    }
    Ok(())
}

/// The same inside a complex value. One that is left out goes but for what is fixed in it.
fn keep_subs(
    attr: &Attribute,
    new: &mut Map<String, Value>,
    old: &Value,
    place: Place<'_>,
) -> Result<(), ScimError> {
    let mut left_out = Map::new();
    let named = new.get_mut(&attr.name).and_then(Value::as_object_mut);
    let is_named = named.is_some();
    let subs = named.unwrap_or(&mut left_out);
    for sub in attr.sub.iter() {
        if let Some(old) = old.get(&sub.name) {
            keep_one(sub, subs, old, place.sub(&sub.name))?;
        }
    }
    if !is_named && !left_out.is_empty() {
        check_required_subs(attr, &left_out, place)?;
        new.insert(attr.name.clone(), Value::Object(left_out));
    }
    Ok(())
}

fn keep_one(
    attr: &Attribute,
    new: &mut Map<String, Value>,
    old: &Value,
    place: Place<'_>,
) -> Result<(), ScimError> {
    match attr.mutability {
        Mutability::ReadWrite | Mutability::WriteOnly => return Ok(()),
        Mutability::Immutable if new.get(&attr.name).is_some_and(|new| !same_value(Some(attr), new, old)) => {
            return Err(ScimError::mutability(format!(
                "{place} is immutable: send the value it has, or leave it out."
            )));
        }
        Mutability::ReadOnly | Mutability::Immutable => {}
    }
    if new.get(&attr.name) != Some(old) {
        new.insert(attr.name.clone(), old.clone());
    }
    Ok(())
}
