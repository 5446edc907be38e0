//! What a definition looks like on the wire, for the OpenAPI document: it is read member by member.

use serde_json::{Value, json};

use crate::web::openapi::{flag, list, object, text, whole, word};

/// One attribute; the members of `subAttributes` are the same but for `subAttributes`.
pub(super) fn attribute() -> Value {
    let kinds = ["string", "boolean", "decimal", "integer", "dateTime", "binary", "reference", "complex"];
    let name = |member: &'static str, schema| (member, schema);
    let members = [
        name("name", text()),
        name("type?", word(&kinds)),
        name("multiValued?", flag()),
        name("description?", text()),
        name("required?", flag()),
        name("canonicalValues?", list(text())),
        name("caseExact?", flag()),
        name("mutability?", word(&["readOnly", "readWrite", "immutable", "writeOnly"])),
        name("returned?", word(&["always", "never", "default", "request"])),
        name("uniqueness?", word(&["none", "server", "global"])),
        name("referenceTypes?", list(text())),
        name("indexed?", flag()),
        name("subAttributes?", list(json!({"$ref": "#/components/schemas/ScimAttribute"}))),
    ];
    object(&members)
}

fn schema(more: &[(&'static str, Value)]) -> Value {
    let attribute = json!({"$ref": "#/components/schemas/ScimAttribute"});
    let own = [("id", text()), ("name", text()), ("description?", text()), ("attributes", list(attribute))];
    object(&own.into_iter().chain(more.iter().cloned()).collect::<Vec<_>>())
}

/// What is answered of every definition beside what was sent.
fn kept() -> [(&'static str, Value); 3] {
    [("createdAt?", whole()), ("lastModifiedAt?", whole()), ("indexing?", list(text()))]
}

/// An extension of users or groups.
pub(super) fn extension() -> Value {
    let own = [("appliesTo", word(&["User", "Group"])), ("required?", flag())];
    schema(&own.into_iter().chain(kept()).collect::<Vec<_>>())
}

/// A resource type.
pub(super) fn resource_type() -> Value {
    let own = [
        ("name", text()),
        ("endpoint", text()),
        ("description?", text()),
        ("schema", schema(&[])),
        ("schemaExtensions?", list(schema(&[("required?", flag())]))),
    ];
    object(&own.into_iter().chain(kept()).collect::<Vec<_>>())
}
