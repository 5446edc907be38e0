//! What is required: of complex values, of extensions, and of what a PATCH leaves. It never asks whether a
//! client may change it.

use std::sync::Arc;

use serde_json::{Map, Value};

use crate::error::ScimError;
use crate::resource::schemas_of;
use crate::schema::{AttrRef, Attribute, Mutability, ResourceType, Schema, Type};
use crate::step::{Step, Target};
use crate::value::Place;

pub(crate) fn removes_required(what: &impl std::fmt::Display) -> ScimError {
    ScimError::mutability(format!("{what} is required and cannot be removed; replace it instead."))
}

/// Refuses that nothing is left of a sub-attribute that is required.
pub(crate) fn check_removed(attr: &AttrRef, sub: &Arc<Attribute>) -> Result<(), ScimError> {
    if sub.required { Err(removes_required(&attr.with_sub(Some(sub)))) } else { Ok(()) }
}

/// Refuses a complex value that lacks a required sub-attribute.
pub(crate) fn check_required_subs(
    attr: &Attribute,
    map: &Map<String, Value>,
    place: Place<'_>,
) -> Result<(), ScimError> {
    match attr.sub.iter().find(|sub| is_missing(sub, map)) {
        Some(sub) => Err(required(&place.sub(&sub.name).to_string())),
        None => Ok(()),
    }
}

/// The same for values of an attribute that are made anew.
pub(crate) fn check_elements(attr: &Attribute, values: &[Value], place: Place<'_>) -> Result<(), ScimError> {
    values.iter().filter_map(Value::as_object).try_for_each(|map| check_required_subs(attr, map, place))
}

/// The full names of what an extension requires and lacks.
pub(crate) fn missing_required(schema: &Schema, map: &Map<String, Value>) -> impl Iterator<Item = String> {
    let missing = schema.attributes.iter().filter(|attr| is_missing(attr, map));
    missing.map(|attr| format!("{}:{}", schema.urn, attr.name))
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

/// What was required and lacking before a PATCH: it became so after the resource was made. It may be lacking
/// still; a change of something else is no reason to refuse it.
pub(crate) struct Lacking {
    /// Extensions, and attributes of those that are there; `None` where the PATCH is about none of them.
    extensions: Option<Vec<String>>,
    /// Sub-attributes of complex values that are there.
    subs: Vec<String>,
}

impl Lacking {
    /// Of what the steps are about.
    pub(crate) fn of(steps: &[Step], kind: &ResourceType, document: &Map<String, Value>) -> Self {
        let mut subs = Vec::new();
        for name in complex_values(steps).flat_map(|(_, attr)| missing_subs(attr, document)) {
            if !subs.contains(&name) {
                subs.push(name);
            }
        }
        let is_about_one = steps.iter().any(Step::is_about_extension);
        Self { extensions: is_about_one.then(|| lacking_extensions(kind, document)), subs }
    }

    /// Refuses a complex value that the steps made, or left, without a required sub-attribute. Errors come
    /// with the number of the step.
    pub(crate) fn check_subs(
        &self,
        steps: &[Step],
        document: &Map<String, Value>,
    ) -> Result<(), (usize, ScimError)> {
        for (at, attr) in complex_values(steps).rev() {
            if let Some(name) = missing_subs(attr, document).find(|name| !self.subs.contains(name)) {
                return Err((at, required(&name)));
            }
        }
        Ok(())
    }

    /// Drops empty extensions, checks what the others require and keeps `schemas` in step (contract PA-9).
    pub(crate) fn settle_extensions(
        &self,
        kind: &ResourceType,
        document: &mut Map<String, Value>,
    ) -> Result<(), ScimError> {
        let Some(lacking) = &self.extensions else { return Ok(()) };
        for extension in &kind.extensions {
            let schema = &extension.schema;
            match document.get(&schema.urn).and_then(Value::as_object) {
                Some(map) if !map.is_empty() => {
                    if let Some(missing) = missing_required(schema, map).find(|name| !lacking.contains(name))
                    {
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
}

fn lacking_extensions(kind: &ResourceType, document: &Map<String, Value>) -> Vec<String> {
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

/// The single complex values that steps are about, with the number of the step.
fn complex_values(steps: &[Step]) -> impl DoubleEndedIterator<Item = (usize, &AttrRef)> {
    steps.iter().enumerate().filter_map(|(at, step)| match step.target() {
        Target::Attribute(attr) if attr.attr.kind == Type::Complex && !attr.attr.multi_valued => {
            Some((at, attr))
        }
        _ => None,
    })
}

/// The full names of the sub-attributes that a complex value requires and lacks; none where it is not there.
fn missing_subs(attr: &AttrRef, document: &Map<String, Value>) -> impl Iterator<Item = String> {
    let value = attr.value_in(document).and_then(Value::as_object);
    let missing = value.map(|map| attr.attr.sub.iter().filter(|sub| is_missing(sub, map)));
    missing.into_iter().flatten().map(|sub| attr.with_sub(Some(sub)).to_string())
}
