//! Where a client wants a group's notifications sent. Muster sends none: it keeps what was sent and shows it
//! again, since clients read it back.

use schemars::{Schema, SchemaGenerator, json_schema};
use serde_json::{Map, Value, json};

use crate::kernel::text::FieldCheck;
use crate::web::openapi::word;
use crate::web::unique::Object;

/// Channels that the wire knows.
const TYPES: [&str; 5] = ["EMAIL", "SLACK", "PAGERDUTY", "MSTEAMS", "WEBHOOK"];
/// Most entries of a group.
const MOST: usize = 32;
/// Most bytes of them all, as they are stored.
const MOST_BYTES: usize = 16 << 10;

/// One channel, as it was sent.
pub type Channel = Map<String, Value>;

/// Their schema in a body, where they may be null.
pub fn received(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": ["array", "null"], "items": channel(), "maxItems": MOST})
}

/// Their schema in an answer.
pub fn sent(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "array", "items": channel(), "maxItems": MOST})
}

fn channel() -> Value {
    let others = json!({"type": ["string", "boolean", "null"]});
    json!({
        "type": "object", "properties": {"type": word(&TYPES)}, "required": ["type"],
        "additionalProperties": others
    })
}

/// What of a body is kept: absent is not shown as null.
pub fn read(list: Vec<Object>) -> Vec<Channel> {
    let mut list: Vec<Channel> = list.into_iter().map(|Object(channel)| channel).collect();
    for channel in &mut list {
        channel.retain(|_, value| !value.is_null());
    }
    list
}

/// Checks their shape.
pub fn check(check: &mut FieldCheck, list: &[Channel]) {
    let field = "notificationConfigs";
    if list.len() > MOST {
        check.fail(field, format!("cannot have more than {MOST} entries"));
        return;
    }
    for (at, channel) in list.iter().enumerate() {
        let known = channel.get("type").and_then(Value::as_str).is_some_and(|kind| TYPES.contains(&kind));
        if !known {
            check.fail(&format!("{field}[{at}].type"), format!("is to be one of {}", TYPES.join(", ")));
        }
        for (name, value) in channel.iter().filter(|(name, _)| *name != "type") {
            if !(value.is_string() || value.is_boolean()) {
                check.fail(&format!("{field}[{at}].{name}"), "a text, true or false is expected");
            }
        }
    }
    if text(list).is_some_and(|text| text.len() > MOST_BYTES) {
        check.fail(field, format!("cannot have more than {MOST_BYTES} bytes together"));
    }
}

/// As the column holds them; nothing for none.
pub fn text(list: &[Channel]) -> Option<String> {
    let list = || Value::from(list.iter().cloned().map(Value::Object).collect::<Vec<_>>());
    Some(list())
        .filter(|list| list.as_array().is_some_and(|list| !list.is_empty()))
        .map(|list| list.to_string())
}
