//! What a client cannot change: immutable attributes that have a value, and readOnly ones. It knows single
//! values, before a change and after it, and no requests.

use serde_json::{Map, Value};

use crate::error::ScimError;
use crate::schema::{AttrRef, Attribute, Attributes, Mutability, Schema, Type};
use crate::value::Place;

pub(crate) fn readonly(what: &impl std::fmt::Display) -> ScimError {
    ScimError::mutability(format!("{what} is readOnly: the server sets it; leave it out."))
}

pub(crate) fn immutable(what: &impl std::fmt::Display) -> ScimError {
    ScimError::mutability(format!("{what} is immutable: it has a value, which cannot be changed."))
}

/// Whether writing `new` breaks the rule of an immutable attribute.
pub(crate) fn breaks_immutable(attr: &Attribute, old: Option<&Value>, new: Option<&Value>) -> bool {
    attr.mutability == Mutability::Immutable && old.is_some() && old != new
}

/// Immutable sub-attributes of an element keep their value.
pub(crate) fn check_immutable_subs(
    attr: &AttrRef,
    old: &Value,
    new: &Value,
    whole: bool,
) -> Result<(), ScimError> {
    for sub in attr.attr.sub.iter().filter(|sub| sub.mutability == Mutability::Immutable) {
        let value = new.get(&sub.name);
        if (whole || value.is_some()) && breaks_immutable(sub, old.get(&sub.name), value) {
            return Err(immutable(&attr.with_sub(Some(sub))));
        }
    }
    Ok(())
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
        if attr.kind != Type::Complex || attr.multi_valued {
            continue;
        }
        let (Some(old), Some(new)) =
            (old.as_object(), new.get_mut(&attr.name).and_then(Value::as_object_mut))
        else {
            continue;
        };
        for sub in attr.sub.iter() {
            if let Some(old) = old.get(&sub.name) {
                keep_one(sub, new, old, place.sub(&sub.name))?;
            }
        }
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
        Mutability::Immutable if new.get(&attr.name).is_some_and(|new| new != old) => {
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
