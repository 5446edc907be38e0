//! The schemas of the wire types. What is read and what is sent are two sides of a type: what may be left out
//! of a body is always in an answer.

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, SchemaGenerator};
use serde_json::{Map, Value, json};

const AT: &str = "#/components/schemas/";

/// The schemas that operations point to.
pub struct Schemas {
    received: SchemaGenerator,
    sent: SchemaGenerator,
    named: Map<String, Value>,
}

impl Default for Schemas {
    fn default() -> Self {
        let mut settings = SchemaSettings::draft2020_12();
        settings.definitions_path = "/components/schemas".into();
        let (received, sent) = (settings.clone().for_deserialize(), settings.for_serialize());
        Self { received: received.into_generator(), sent: sent.into_generator(), named: Map::new() }
    }
}

impl Schemas {
    /// What is read as `T`.
    pub fn received<T: JsonSchema>(&mut self) -> Value {
        plain(self.received.subschema_for::<T>().to_value(), Side::Received)
    }

    /// What is sent as `T`.
    pub fn sent<T: JsonSchema>(&mut self) -> Value {
        plain(self.sent.subschema_for::<T>().to_value(), Side::Sent)
    }

    /// The parameters of a query that is read as `T`.
    pub(super) fn query<T: JsonSchema>(&mut self) -> Value {
        let mut query = plain(T::json_schema(&mut self.received).to_value(), Side::Received);
        // There is no null in a query.
        for schema in query["properties"].as_object_mut().into_iter().flat_map(Map::values_mut) {
            without_null(schema);
        }
        query
    }

    /// A schema that is written by hand, under its name.
    pub(super) fn named(&mut self, name: &str, schema: Value) -> Value {
        let known = self.named.insert(name.to_owned(), schema.clone());
        assert!(known.is_none_or(|known| known == schema), "two schemas are called {name}");
        json!({"$ref": format!("{AT}{name}")})
    }

    pub(super) fn finish(mut self) -> Map<String, Value> {
        let (mut all, mut twice) = (self.named, Vec::new());
        let sides = [(&mut self.received, Side::Received), (&mut self.sent, Side::Sent)];
        for (generator, side) in sides {
            for (name, schema) in generator.take_definitions(true) {
                // Where two types are called the same, a number behind the name would tell them apart.
                let numbered = name.ends_with(|c: char| c.is_ascii_digit());
                let mut schema = plain(schema, side);
                // What is said of a type is said to who reads the code.
                schema.as_object_mut().and_then(|members| members.remove("description"));
                let known = all.insert(name.clone(), schema.clone());
                if numbered || known.is_some_and(|known| known != schema) {
                    twice.push(name);
                }
            }
        }
        assert!(twice.is_empty(), "each of these is the name of two schemas: {}", twice.join(", "));
        all.sort_keys();
        all
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Received,
    Sent,
}

/// The schema without what says nothing to a client.
fn plain(mut schema: Value, side: Side) -> Value {
    clean(&mut schema, side);
    schema
}

fn clean(schema: &mut Value, side: Side) {
    if let Some(items) = schema.as_array_mut() {
        for item in items {
            clean(item, side);
        }
    }
    let Some(members) = schema.as_object_mut() else { return };
    members.retain(|name, value| match name.as_str() {
        "title" => !value.is_string(),
        "default" => side == Side::Received && !value.is_null(),
        // Twice the same is as good as once.
        "uniqueItems" => false,
        "format" => value.as_str().is_none_or(|format| !format.starts_with("uint") && format != "int"),
        _ => true,
    });
    if let Some(Value::String(text)) = members.get_mut("description") {
        *text = text.replace('\n', " ");
    }
    if let Some(words) = members.get("oneOf").and_then(words) {
        members.remove("oneOf");
        members.extend([("type".to_owned(), json!("string")), ("enum".to_owned(), words)]);
    }
    // Said of a list, words are those of its items.
    if members.contains_key("items")
        && let Some(words) = members.remove("enum")
        && let Some(items) = members.get_mut("items").and_then(Value::as_object_mut)
    {
        items.insert("enum".into(), words);
    }
    for value in members.values_mut() {
        clean(value, side);
    }
    let nullable = members.get("type").and_then(Value::as_array).is_some_and(|t| t.contains(&json!("null")));
    if let Some(words) = members.get_mut("enum").and_then(Value::as_array_mut)
        && nullable
        && !words.contains(&Value::Null)
    {
        words.push(Value::Null);
    }
    let required = members.get("required").cloned().unwrap_or_default();
    let is_required = |name: &str| required.as_array().is_some_and(|r| r.contains(&json!(name)));
    if let Some(properties) = members.get_mut("properties").and_then(Value::as_object_mut) {
        match side {
            // Members that nothing here goes by are refused.
            Side::Received => properties.retain(|_, schema| schema["type"] != "null"),
            // What can be left out is not null.
            Side::Sent => properties
                .iter_mut()
                .filter(|(name, _)| !is_required(name))
                .for_each(|(_, schema)| without_null(schema)),
        }
        // What has to be there is more than null, and has no default.
        for (_, schema) in
            properties.iter_mut().filter(|(name, _)| side == Side::Received && is_required(name))
        {
            without_null(schema);
            schema.as_object_mut().and_then(|schema| schema.remove("default"));
        }
    }
}

/// The words that are each a case of its own.
fn words(cases: &Value) -> Option<Value> {
    cases.as_array()?.iter().map(|case| case.get("const").cloned()).collect()
}

fn without_null(schema: &mut Value) {
    let Some(members) = schema.as_object_mut() else { return };
    if let Some(Value::Array(types)) = members.get_mut("type") {
        types.retain(|kind| kind != "null");
        if let [only] = types.as_slice() {
            let only = only.clone();
            members.insert("type".into(), only);
        }
    }
    if let Some(Value::Array(words)) = members.get_mut("enum") {
        words.retain(|word| !word.is_null());
    }
    if let Some(Value::Array(any)) = members.get_mut("anyOf") {
        any.retain(|schema| schema["type"] != "null");
        if let [only] = any.as_slice() {
            let only = only.as_object().cloned().unwrap_or_default();
            members.remove("anyOf");
            members.extend(only);
        }
    }
}
