//! What a trust and its keys look like on the wire, for the OpenAPI document: they are read member by member.

use serde_json::{Value, json};

use super::members::MAX_ITEMS;
use crate::kernel::surface::{Surface, names};
use crate::web::openapi::{flag, list, object, or_null, text, whole, word};

fn surfaces() -> Value {
    list(word(&names(&Surface::ALL)))
}

fn rule() -> Value {
    let op = word(&["equals", "oneOf", "contains", "containsWord", "glob"]);
    object(&[("claim", text()), ("op", op), ("value", json!({}))])
}

/// Exactly one of the three.
fn jwks() -> Value {
    let keys = list(json!({"type": "object"}));
    json!({"oneOf": [object(&[("url", text())]), object(&[("discovery", text())]), object(&[("keys", keys)])]})
}

fn members() -> Vec<(&'static str, Value)> {
    let mut rules = list(rule());
    rules["maxItems"] = json!(MAX_ITEMS);
    vec![
        ("identifier", text()),
        ("name", text()),
        ("enabled", flag()),
        ("serviceAccount", text()),
        ("jwks", jwks()),
        ("caPem", or_null(text())),
        ("issuer", or_null(text())),
        ("audiences", list(text())),
        ("audiencePolicy", word(&["required", "ifPresent", "off"])),
        ("algorithms", list(word(&jose::Algorithm::ALL.map(jose::Algorithm::name)))),
        ("types", list(word(&["JWT", "at+jwt"]))),
        ("rules", rules),
        ("leewaySeconds", whole()),
        ("maxLifetimeSeconds", whole()),
        ("surfaces", surfaces()),
        ("requireJti", flag()),
        ("replay", word(&["on", "off"])),
    ]
}

/// A trust as it is answered.
pub(super) fn trust() -> Value {
    object(&members())
}

/// A trust as it is sent: but for these three every member may be left out.
pub(super) fn body() -> Value {
    let mut members = members();
    members.push(("accountIdentifier", text()));
    let mut body = object(&members);
    let required = ["name", "serviceAccount", "jwks"];
    body["required"] = json!(required);
    let members = body["properties"].as_object_mut().into_iter().flatten();
    for (_, member) in members.filter(|(name, _)| !required.contains(&name.as_str())) {
        *member = or_null(member.take());
    }
    body["additionalProperties"] = json!(false);
    body
}

/// The body of explain.
pub(super) fn presented() -> Value {
    let mut body = object(&[("token", text())]);
    body["additionalProperties"] = json!(false);
    body
}

/// The keys of a trust. Of those that are stored, or cannot be used, nothing is told of fetching.
pub(super) fn keys() -> Value {
    let state = ["fresh", "stale", "expired", "unreachable", "notFetched", "stored", "unusable"];
    let key = object(&[("kid", or_null(text())), ("algorithms", list(text())), ("bits", whole())]);
    let ignored =
        object(&[("index", whole()), ("kid", or_null(text())), ("reason", text()), ("detail", text())]);
    object(&[
        ("state", word(&state)),
        ("url?", or_null(text())),
        ("discoveryUrl?", or_null(text())),
        ("fetchedAt?", or_null(whole())),
        ("ageSeconds?", or_null(whole())),
        ("expiresAt?", or_null(whole())),
        ("servesUntil?", or_null(whole())),
        ("nextRefreshAt?", or_null(whole())),
        ("refreshPossibleInSeconds?", whole()),
        ("lastError?", or_null(text())),
        ("lastErrorAt?", or_null(whole())),
        ("generation?", whole()),
        ("keys", list(key)),
        ("ignored", list(ignored)),
    ])
}

/// A token that a trust refused.
pub(super) fn refusal() -> Value {
    object(&[
        ("at", whole()),
        ("requestId", text()),
        ("address", or_null(text())),
        ("stepNumber", whole()),
        ("step", text()),
        ("reason", text()),
        ("code", text()),
        ("expected", text()),
        ("received", text()),
        ("hint", or_null(text())),
        ("algorithm", or_null(text())),
        ("kid", or_null(text())),
        ("issuer", or_null(text())),
        ("subject", or_null(text())),
        ("clockDifferenceSeconds", or_null(whole())),
        ("tokenSha256", text()),
        ("count", whole()),
    ])
}
