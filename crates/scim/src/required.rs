//! What is required: of complex values, of extensions, and of what a PATCH leaves. It never asks whether a
//! client may change it.

use serde_json::{Map, Value};

use crate::error::ScimError;
use crate::resource::schemas_of;
use crate::schema::{Attribute, Mutability, ResourceType, Schema};
use crate::value::Place;

pub(crate) fn removes_required(what: &impl std::fmt::Display) -> ScimError {
    ScimError::mutability(format!("{what} is required and cannot be removed; replace it instead."))
}

/// Refuses a complex value that lacks a required sub-attribute.
pub(crate) fn check_required_subs(
    attr: &Attribute,
    map: &Map<String, Value>,
    place: Place<'_>,
) -> Result<(), ScimError> {
    let writable = |sub: &Attribute| sub.required && sub.mutability != Mutability::ReadOnly;
    match attr.sub.iter().find(|sub| writable(sub) && !map.contains_key(&sub.name)) {
        Some(sub) => {
            Err(ScimError::invalid_value(format!("{} is required; give it a value.", place.sub(&sub.name))))
        }
        None => Ok(()),
    }
}

/// The full names of what an extension requires and lacks.
pub(crate) fn missing_required(schema: &Schema, map: &Map<String, Value>) -> impl Iterator<Item = String> {
    let missing = schema.attributes.iter().filter(|attr| is_missing(attr, map));
    missing.map(|attr| format!("{}:{}", schema.urn, attr.name))
}

/// Extensions, and attributes of those that are there, which are required and missing: they became so after
/// the resource was made.
pub(crate) fn lacking(kind: &ResourceType, document: &Map<String, Value>) -> Vec<String> {
    let mut lacking = Vec::new();
    for extension in &kind.extensions {
        match document.get(&extension.schema.urn).and_then(Value::as_object) {
            Some(map) => lacking.extend(missing_required(&extension.schema, map)),
            None if extension.required => lacking.push(extension.schema.urn.clone()),
            None => {}
        }
    }
    lacking
}

/// Refuses an extension that lacks a required attribute.
pub(crate) fn check_required(schema: &Schema, map: &Map<String, Value>) -> Result<(), ScimError> {
    missing_required(schema, map).next().map_or(Ok(()), |name| Err(required(&name)))
}

pub(crate) fn is_missing(attr: &Attribute, map: &Map<String, Value>) -> bool {
    attr.required && attr.mutability != Mutability::ReadOnly && !map.contains_key(&attr.name)
}

pub(crate) fn required(what: &str) -> ScimError {
    ScimError::invalid_value(format!("{what} is required; give it a value."))
}

/// Drops empty extensions, checks what the others require and keeps `schemas` in step (contract PA-9). What
/// was lacking before may be lacking still: a change of something else is no reason to refuse it.
pub(crate) fn settle_extensions(
    kind: &ResourceType,
    document: &mut Map<String, Value>,
    lacking: &[String],
) -> Result<(), ScimError> {
    for extension in &kind.extensions {
        let schema = &extension.schema;
        match document.get(&schema.urn).and_then(Value::as_object) {
            Some(map) if !map.is_empty() => {
                if let Some(missing) = missing_required(schema, map).find(|name| !lacking.contains(name)) {
                    return Err(required(&missing));
                }
            }
            _ if extension.required && !lacking.contains(&schema.urn) => {
                return Err(ScimError::mutability(format!(
                    "{} is required and cannot be removed.",
                    schema.urn
                )));
            }
            _ => {
                document.shift_remove(&schema.urn);
            }
        }
    }
    let schemas = schemas_of(kind, document);
    if document.get("schemas") != Some(&schemas) {
        document.insert("schemas".to_owned(), schemas);
    }
    Ok(())
}
