//! Small words for schemas of what is no type: documents that are read member by member, answers that are put
//! together as JSON.

use serde_json::{Value, json};

/// An object with these members, all of which are there, but those with a `?` behind their name.
pub fn object(members: &[(&str, Value)]) -> Value {
    let name = |member: &str| member.trim_end_matches('?').to_owned();
    let required: Vec<_> = members.iter().map(|(member, _)| *member).filter(|m| !m.ends_with('?')).collect();
    let properties: serde_json::Map<_, _> =
        members.iter().map(|(member, schema)| (name(member), schema.clone())).collect();
    let mut object = json!({"type": "object", "properties": properties});
    if !required.is_empty() {
        object["required"] = json!(required);
    }
    object
}

/// A text.
pub fn text() -> Value {
    json!({"type": "string"})
}

/// True or false.
pub fn flag() -> Value {
    json!({"type": "boolean"})
}

/// A whole number of 64 bits; also a time, in milliseconds since 1970.
pub fn whole() -> Value {
    json!({"type": "integer", "format": "int64"})
}

/// One of these words.
pub fn word(words: &[&str]) -> Value {
    json!({"type": "string", "enum": words})
}

/// A list.
pub fn list(items: Value) -> Value {
    json!({"type": "array", "items": items})
}

/// This or null.
pub fn or_null(mut schema: Value) -> Value {
    if schema["type"].is_array() {
        return schema;
    }
    if schema["type"].is_null() {
        return json!({"anyOf": [schema, {"type": "null"}]});
    }
    schema["type"] = json!([schema["type"], "null"]);
    if let Some(words) = schema.get_mut("enum").and_then(Value::as_array_mut) {
        words.push(Value::Null);
    }
    schema
}
