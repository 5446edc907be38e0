//! What a request writes of the attributes that are returned on request: the answer to it has them (RFC 7643
//! §7).

use std::collections::HashSet;

use serde_json::{Map, Value};

use crate::dialect::Dialect;
use crate::mention::{Mention, Walk};
use crate::project::Pick;
use crate::schema::{AttrRef, Attribute, Mutability, ResourceType, Returned};
use crate::value::elements;

/// By the body of a POST or PUT.
pub(crate) fn by_body(kind: &ResourceType, body: &Value) -> HashSet<Pick> {
    picks(kind, |walk| walk.object(None, body))
}

/// By the operations of a PATCH.
pub(crate) fn by_operations(kind: &ResourceType, body: &Value) -> HashSet<Pick> {
    let operations = body.as_object().and_then(|body| member(body, "Operations")).and_then(Value::as_array);
    picks(kind, |walk| {
        for operation in operations.into_iter().flatten().filter_map(Value::as_object) {
            let value = member(operation, "value").unwrap_or(&Value::Null);
            match member(operation, "path").and_then(Value::as_str) {
                Some(path) if !path.is_empty() => walk.path(path, value),
                _ => walk.object(None, value),
            }
        }
    })
}

/// Each once, however often a request writes it.
fn picks<'b>(
    kind: &ResourceType,
    read: impl FnOnce(&mut Walk<'_, &mut dyn FnMut(Mention<'b>)>),
) -> HashSet<Pick> {
    let mut picks = HashSet::new();
    let mut hear = |mention: Mention<'b>| {
        if let Mention::Attr { attr, value, .. } = mention {
            note(&mut picks, &attr, value);
        }
    };
    read(&mut Walk { kind, dialect: Dialect::Tolerant, hear: &mut hear });
    picks
}

fn member<'m>(map: &'m Map<String, Value>, name: &str) -> Option<&'m Value> {
    map.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}

/// The attribute and those of its sub-attributes that are meant or that a value has.
pub(crate) fn note(picks: &mut HashSet<Pick>, attr: &AttrRef, value: &Value) {
    if is_on_request(&attr.attr) {
        picks.insert(Pick::of(&attr.with_sub(None)));
    }
    let has = |sub: &Attribute| {
        elements(value).iter().filter_map(Value::as_object).any(|map| member(map, &sub.name).is_some())
    };
    for sub in attr.attr.sub.iter().filter(|sub| is_on_request(sub)) {
        let is_named = attr.sub.as_ref().map_or_else(|| has(sub), |named| named.name == sub.name);
        if is_named {
            picks.insert(Pick::of(&attr.with_sub(Some(sub))));
        }
    }
}

/// What is readOnly is never written, though a body may have it.
pub(crate) fn is_on_request(attr: &Attribute) -> bool {
    attr.returned == Returned::Request && attr.mutability != Mutability::ReadOnly
}
