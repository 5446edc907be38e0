//! An event as it is told: to who asks, and to webhooks.

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Serialize;
use serde_json::{Map, Value};

use super::model::{Kind, Row};
use crate::kernel::problem::{Problem, Result};
use crate::kernel::time::Timestamp;
use crate::web::openapi::{self, flag, object, or_null, text};

/// One event.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Event")]
pub struct View {
    number: i64,
    time: String,
    #[serde(rename = "type")]
    kind: String,
    event: Option<&'static str>,
    resource_type: String,
    resource_id: String,
    #[serde(flatten)]
    #[schemars(schema_with = "data")]
    data: Map<String, Value>,
}

/// What is told of all kinds, and of some.
fn data(_: &mut SchemaGenerator) -> Schema {
    let named = |schema: Value| or_null(schema);
    let actor = object(&[("type", text()), ("id", text()), ("name", text())]);
    let member = object(&[("value", text()), ("type", text()), ("display?", named(text()))]);
    let members = object(&[
        ("userName?", named(text())),
        ("displayName?", named(text())),
        ("externalId?", named(text())),
        ("active?", flag()),
        ("changedAttributes?", openapi::list(text())),
        ("member?", member),
        ("orgIdentifier?", text()),
        ("projectIdentifier?", text()),
        ("actor", actor),
    ]);
    Schema::try_from(members).unwrap_or_default()
}

impl View {
    /// As the row has it.
    ///
    /// # Errors
    /// `Internal` where the row is damaged.
    pub fn of(row: Row) -> Result<Self> {
        let data = serde_json::from_str(&row.data).map_err(|error| {
            Problem::internal(format!("the data of event {} is damaged: {error}", row.number))
        })?;
        Ok(Self {
            number: row.number,
            time: Timestamp::from_micros(row.at).rfc3339(),
            event: Kind::parse(&row.kind).map(Kind::uri),
            kind: row.kind,
            resource_type: row.resource_type,
            resource_id: row.resource_id,
            data,
        })
    }
}
