//! References by `bulkId` in the texts of a bulk request (RFC 7644 §3.7.2): which texts may be some, and what
//! they name. It knows single values and no operations.

use serde_json::{Map, Value};

use crate::path::PatchPath;

const REFERENCE: &str = "bulkId:";

/// What a string is that may be a reference.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Spot {
    /// An id: a reference to nothing is an error.
    Id,
    /// The URI of a resource, which ends with its id.
    Uri,
    /// Anything: it may only look like a reference.
    Text,
}

/// The name that is referred to, and what stands before the reference.
pub(crate) fn referred(text: &str, spot: Spot) -> Option<(&str, &str)> {
    let at = if spot == Spot::Uri { text.rfind('/').map_or(0, |slash| slash + 1) } else { 0 };
    Some((&text[..at], text[at..].strip_prefix(REFERENCE)?))
}

pub(crate) type Each<'e> = dyn FnMut(&mut String, Spot) + 'e;

pub(crate) fn visit_value(value: &mut Value, spot: Spot, each: &mut Each<'_>) {
    match value {
        Value::String(text) => each(text, spot),
        Value::Array(list) => list.iter_mut().for_each(|value| visit_value(value, spot, each)),
        Value::Object(map) => map.iter_mut().for_each(|(name, value)| {
            let spot = match name.to_ascii_lowercase().as_str() {
                "value" => Spot::Id,
                "$ref" => Spot::Uri,
                _ => Spot::Text,
            };
            visit_value(value, spot, each);
        }),
        _ => {}
    }
}

/// The paths of the operations of a PATCH.
pub(crate) fn paths(patch: &mut Value) -> impl Iterator<Item = &mut String> {
    fn member<'v>(value: &'v mut Value, name: &'static str) -> impl Iterator<Item = &'v mut Value> {
        let map = value.as_object_mut().into_iter().flat_map(Map::iter_mut);
        map.filter(move |(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }
    let operations = member(patch, "Operations").filter_map(Value::as_array_mut).flatten();
    operations.flat_map(|operation| member(operation, "path")).filter_map(|path| match path {
        Value::String(text) => Some(text),
        _ => None,
    })
}

/// A path that cannot be read is left as it is: the PATCH says what is wrong with it.
pub(crate) fn visit_path(text: &mut String, each: &mut Each<'_>) {
    if !text.contains(REFERENCE) {
        return;
    }
    let Ok(mut path) = PatchPath::parse(text) else { return };
    let before = path.clone();
    if let Some(filter) = &mut path.filter {
        filter.visit_texts(&mut |text| each(text, Spot::Id));
    }
    if path != before {
        *text = path.to_string();
    }
}
