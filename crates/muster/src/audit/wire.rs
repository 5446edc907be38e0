//! Parts of a row that are put together as JSON, for the OpenAPI document.

use schemars::{Schema, SchemaGenerator};
use serde_json::{Value, json};

use super::model::{PRINCIPALS, RESOURCE_TYPES};
use crate::web::openapi::{object, or_null, text, word};

fn schema(value: Value) -> Schema {
    Schema::try_from(value).unwrap_or_default()
}

pub(super) fn resource_scope(_: &mut SchemaGenerator) -> Schema {
    schema(object(&[
        ("accountIdentifier", text()),
        ("orgIdentifier?", text()),
        ("projectIdentifier?", text()),
    ]))
}

pub(super) fn http_request_info(_: &mut SchemaGenerator) -> Schema {
    schema(object(&[("requestMethod", text())]))
}

pub(super) fn request_metadata(_: &mut SchemaGenerator) -> Schema {
    schema(object(&[("clientIP?", text())]))
}

pub(super) fn authentication_info(_: &mut SchemaGenerator) -> Schema {
    let principal = object(&[("type", word(PRINCIPALS)), ("identifier", text())]);
    let labels = object(&[("username", text()), ("userId", text())]);
    schema(object(&[("principal", principal), ("labels", labels)]))
}

pub(super) fn resource(_: &mut SchemaGenerator) -> Schema {
    let labels = object(&[("resourceName", or_null(text()))]);
    schema(object(&[("type", word(RESOURCE_TYPES)), ("identifier", text()), ("labels", labels)]))
}

pub(super) fn audit_event_data(_: &mut SchemaGenerator) -> Schema {
    schema(object(&[("type", word(&["CHANGE"])), ("change", json!({}))]))
}

/// Texts about the request and the credential.
pub(super) fn internal_info(_: &mut SchemaGenerator) -> Schema {
    schema(json!({"type": "object", "additionalProperties": {"type": "string"}}))
}
