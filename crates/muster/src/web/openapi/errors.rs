//! How refusals stand in the document.

use serde_json::{Map, Value, json};

/// (status, when), as docs/api.md has it.
const STATUSES: &[(u16, &str)] = &[
    (400, "The request cannot be read or does not fit, or a state forbids it"),
    (401, "No credential, or one that does not hold"),
    (403, "The caller may not"),
    (404, "The thing is not there"),
    (408, "The body did not arrive in time; nothing was done"),
    (410, "No longer kept"),
    (412, "If-Match names another version"),
    (413, "The body is over the limit"),
    (415, "The body's Content-Type is not read"),
    (429, "Too often; Retry-After"),
    (500, "A defect of the server"),
    (503, "Cannot be done now"),
];

/// What an operation answers with this status.
pub(super) fn response(status: u16, oauth: bool) -> Value {
    if oauth { other(true) } else { json!({"$ref": format!("#/components/responses/{status}")}) }
}

/// What it answers with one that is not named.
pub(super) fn other(oauth: bool) -> Value {
    let name = if oauth { "OAuthRefused" } else { "Refused" };
    json!({"$ref": format!("#/components/responses/{name}")})
}

fn described(description: &str, schema: &Value) -> Value {
    json!({
        "description": description, "headers": {"X-Request-Id": {"$ref": "#/components/headers/X-Request-Id"}},
        "content": {"application/json": {"schema": schema}}
    })
}

pub(super) fn responses() -> Map<String, Value> {
    let one = |name: &str| json!({"$ref": format!("#/components/schemas/{name}")});
    let either = json!({"oneOf": [one("ErrorDTO"), one("FailureDTO")]});
    let mut all = Map::new();
    for (status, when) in STATUSES {
        let schema = match status {
            400 => either.clone(),
            415 => one("FailureDTO"),
            _ => one("ErrorDTO"),
        };
        all.insert(status.to_string(), described(when, &schema));
    }
    all.insert("Refused".into(), described("Refused", &either));
    all.insert("OAuthRefused".into(), described("Refused (RFC 6749 §5.2)", &one("OAuthError")));
    all
}

pub(super) fn schemas() -> Map<String, Value> {
    let text = || json!({"type": "string"});
    let id = json!({"type": "string", "format": "uuid"});
    let nullable = || json!({"type": ["string", "null"]});
    let scope = json!({
        "type": "object", "required": ["accountIdentifier", "orgIdentifier", "projectIdentifier"],
        "properties": {"accountIdentifier": text(), "orgIdentifier": nullable(), "projectIdentifier": nullable()}
    });
    let check = json!({
        "type": "object",
        "required": ["resourceScope", "resourceType", "resourceAttributes", "resourceIdentifier", "permission"],
        "properties": {
            "resourceScope": scope, "resourceType": text(), "resourceAttributes": {"type": "null"},
            "resourceIdentifier": nullable(), "permission": text()
        }
    });
    let lead = json!({
        "type": "object", "required": ["code", "level", "message", "exception", "failureTypes"],
        "properties": {
            "code": text(), "level": {"const": "ERROR"}, "message": text(), "exception": {"type": "null"},
            "failureTypes": {"type": "array", "maxItems": 0}
        }
    });
    let error = json!({
        "type": "object",
        "required": ["status", "code", "message", "correlationId", "detailedMessage", "responseMessages", "metadata"],
        "properties": {
            "status": {"const": "ERROR"}, "code": text(), "message": text(), "correlationId": id,
            "detailedMessage": {"type": "null"}, "responseMessages": {"type": "array", "items": lead},
            "metadata": {"type": "null"}, "reason": text(),
            "failedPermissionChecks": {"type": "array", "items": check}
        }
    });
    let field = json!({
        "type": "object", "required": ["fieldId", "error"], "properties": {"fieldId": text(), "error": text()}
    });
    let failure = json!({
        "type": "object", "required": ["status", "code", "message", "correlationId", "errors"],
        "properties": {
            "status": {"const": "FAILURE"}, "code": text(), "message": text(), "correlationId": id,
            "errors": {"type": ["array", "null"], "items": field}, "reason": text()
        }
    });
    let oauth = json!({
        "type": "object", "required": ["error", "error_description"],
        "properties": {"error": text(), "error_description": text()}
    });
    let named = [("ErrorDTO", error), ("FailureDTO", failure), ("OAuthError", oauth)];
    named.into_iter().map(|(name, schema)| (name.to_owned(), schema)).collect()
}
