//! A resource type as an account defines it, for tests.

use std::sync::Arc;

use scim::define::{Role, schema};
use scim::schema::Extension;
use scim::{ResourceType, Schema};
use serde_json::{Value, json};

pub const BASE: &str = "urn:example:thing";
pub const X: &str = "urn:example:x";

/// A type with a name, whose extension has these attributes.
pub fn thing(attributes: Value) -> ResourceType {
    let base = read(BASE, Role::Base, json!([{"name": "name", "type": "string"}]));
    let extension = Extension { schema: read(X, Role::Extension, attributes), required: false };
    ResourceType::new("Thing", "Things", base, vec![extension])
}

/// A schema with these attributes.
fn read(urn: &str, role: Role, attributes: Value) -> Arc<Schema> {
    let body = json!({"id": urn, "name": "Thing", "attributes": attributes});
    let mut complaints = Vec::new();
    let read = schema(body.as_object().expect("an object"), "", role, &[], &mut complaints);
    assert_eq!(complaints, []);
    Arc::new(read)
}
