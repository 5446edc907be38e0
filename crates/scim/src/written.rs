//! What a request writes of the attributes that are returned on request: the answer to it has them (RFC 7643
//! §7). It only reads names; whether the request is sound is not its matter.

use std::collections::HashSet;
use std::sync::Arc;

use serde_json::{Map, Value};

use crate::dialect::{Dialect, Mender};
use crate::path::PatchPath;
use crate::project::Pick;
use crate::schema::{AttrRef, Attribute, Mutability, Resolution, ResourceType, Returned, Schema};

/// By the body of a POST or PUT.
pub(crate) fn by_body(kind: &ResourceType, body: &Value) -> HashSet<Pick> {
    let mut names = Names { kind, picks: HashSet::new() };
    names.of_value(None, body);
    names.picks
}

/// By the operations of a PATCH.
pub(crate) fn by_operations(kind: &ResourceType, body: &Value) -> HashSet<Pick> {
    let mut names = Names { kind, picks: HashSet::new() };
    let operations = body.as_object().and_then(|body| member(body, "Operations")).and_then(Value::as_array);
    for operation in operations.into_iter().flatten().filter_map(Value::as_object) {
        let value = member(operation, "value").unwrap_or(&Value::Null);
        match member(operation, "path").and_then(Value::as_str) {
            Some(path) => names.of_path(path, value),
            None => names.of_value(None, value),
        }
    }
    names.picks
}

fn member<'m>(map: &'m Map<String, Value>, name: &str) -> Option<&'m Value> {
    map.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}

struct Names<'k> {
    kind: &'k ResourceType,
    /// Each once, however often a request writes it.
    picks: HashSet<Pick>,
}

impl Names<'_> {
    /// The keys of an object: of a resource, or of an extension in it.
    fn of_value(&mut self, schema: Option<&Arc<Schema>>, value: &Value) {
        for (key, value) in value.as_object().into_iter().flatten() {
            let attributes = schema.map_or(self.kind.top(), |schema| &schema.attributes);
            match attributes.get(key) {
                Some(attr) => self.of_attr(&AttrRef::new(schema, attr, None), value),
                None => match schema {
                    Some(schema) if !key.contains(':') => {
                        self.of_path(&format!("{}:{key}", schema.urn), value);
                    }
                    _ => self.of_path(key, value),
                },
            }
        }
    }

    /// A path, or a key that is one.
    fn of_path(&mut self, text: &str, value: &Value) {
        let Ok(path) = PatchPath::parse(text) else { return };
        match self.kind.resolve(&path.attr, &mut Mender::new(Dialect::Tolerant)) {
            Resolution::Attr(attr) => {
                let sub = path.sub.as_deref().and_then(|name| attr.attr.sub.get(name)).or(attr.sub.as_ref());
                self.of_attr(&attr.with_sub(sub), value);
            }
            Resolution::Extension(schema) => self.of_value(Some(&schema), value),
            Resolution::Resource => self.of_value(None, value),
            Resolution::ForeignUrn | Resolution::Unknown => {}
        }
    }

    fn of_attr(&mut self, attr: &AttrRef, value: &Value) {
        if is_on_request(&attr.attr) {
            self.picks.insert(Pick::of(&attr.with_sub(None)));
        }
        let elements = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
        let has = |sub: &Attribute| {
            elements.iter().filter_map(Value::as_object).any(|map| member(map, &sub.name).is_some())
        };
        for sub in attr.attr.sub.iter().filter(|sub| is_on_request(sub)) {
            let is_named = attr.sub.as_ref().map_or_else(|| has(sub), |named| named.name == sub.name);
            if is_named {
                self.picks.insert(Pick::of(&attr.with_sub(Some(sub))));
            }
        }
    }
}

/// What is readOnly is never written, though a body may have it.
pub(crate) fn is_on_request(attr: &Attribute) -> bool {
    attr.returned == Returned::Request && attr.mutability != Mutability::ReadOnly
}
