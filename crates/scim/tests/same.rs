//! Values that differ by case where case does not matter (RFC 7643 §2.2, §2.4): lists hold them once, and a
//! remove finds them (contract PA-3, PA-4, PA-5).

use std::sync::Arc;

use scim::define::{Role, schema};
use scim::{Catalogue, Dialect, Mender, PatchRequest, ResourceType, ScimError, ScimType, resource};
use serde_json::{Value, json};

const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";

fn patched(kind: &ResourceType, stored: Value, operation: Value) -> Result<(Value, bool), ScimError> {
    // A remove with values is a habit of clients.
    let mut auto = Mender::new(Dialect::Auto);
    let body = json!({"schemas": [scim::patch::PATCH_URN], "Operations": [operation]});
    let done = PatchRequest::parse(body, kind, &mut auto)?.apply(kind, stored, &mut auto)?;
    Ok((done.document, done.changed))
}

/// What becomes of the e-mails of a user.
fn emails(stored: &Value, operation: Value) -> (Value, bool) {
    let catalogue = Catalogue::standard();
    let kind = catalogue.resource_type("User").expect("a standard type");
    let stored = json!({"schemas": [USER], "userName": "u", "emails": stored});
    let (document, changed) = patched(kind, stored, operation).expect("it is sound");
    (document["emails"].clone(), changed)
}

#[test]
fn pa_3_an_address_in_another_case_is_no_second_one() {
    let stored =
        json!([{"value": "ann@example.com", "type": "work"}, {"value": "ann@example.com", "type": "home"}]);
    let add = |value: Value| emails(&stored, json!({"op": "add", "path": "emails", "value": [value]}));
    let (after, changed) = add(json!({"value": "Ann@Example.com", "type": "Work", "display": "Ann"}));
    let newest = json!({"value": "Ann@Example.com", "type": "Work", "display": "Ann"});
    assert_eq!((&after, changed), (&json!([newest, stored[1]]), true), "the newest way to write it");
    assert_eq!(add(json!({"value": "ann@example.com", "type": "home"})), (stored.clone(), false));
    assert_eq!(add(json!({"value": "ANN@example.com", "type": "other"})).0.as_array().map(Vec::len), Some(3));
    let two =
        json!({"op": "add", "value": {"emails": [{"value": "É@example.com"}, {"value": "é@example.com"}]}});
    assert_eq!(emails(&json!([]), two).0, json!([{"value": "é@example.com"}]));
}

#[test]
fn pa_3_what_has_no_value_is_told_by_its_mark_too() {
    let stored = json!([{"display": "y", "primary": true}]);
    let more = json!([{"display": "x", "primary": true}, {"display": "Y", "primary": false}]);
    let (after, _) = emails(&stored, json!({"op": "add", "path": "emails", "value": more}));
    let cleared = json!({"display": "Y", "primary": false});
    assert_eq!(after, json!([cleared, {"display": "x", "primary": true}]));
}

#[test]
fn pa_5_a_list_keeps_what_differs_by_case_once() {
    let twice = json!([{"value": "A@b.example", "type": "work"}, {"value": "a@b.example", "type": "WORK", "primary": true}]);
    let once = json!([{"value": "a@b.example", "type": "WORK", "primary": true}]);
    let replace = json!({"op": "replace", "path": "emails", "value": twice});
    assert_eq!(emails(&json!([]), replace).0, once);
    let catalogue = Catalogue::standard();
    let kind = catalogue.resource_type("User").expect("a standard type");
    let body = json!({"schemas": [USER], "userName": "u", "emails": twice, "x509Certificates": [
        {"value": "Zm9v"}, {"value": "zm9v"}
    ]});
    let made = resource::create(kind, body, &mut Mender::new(Dialect::Strict)).expect("it is sound").document;
    assert_eq!(made["emails"], once);
    assert_eq!(made["x509Certificates"].as_array().map(Vec::len), Some(2), "case matters there");
}

#[test]
fn pa_4_a_remove_finds_what_is_written_in_another_case() {
    let stored =
        json!([{"value": "Ann@example.com", "type": "work"}, {"value": "ann@example.com", "type": "home"}]);
    let remove =
        |value: Value| emails(&stored, json!({"op": "remove", "path": "emails", "value": [value]})).0;
    assert_eq!(remove(json!({"value": "ANN@example.com", "type": "Work"})), json!([stored[1]]));
    assert_eq!(remove(json!({"value": "ANN@example.com"})), Value::Null);
    assert_eq!(remove(json!({"value": "bob@example.com"})), stored);
}

#[test]
fn sch_6_an_immutable_text_stays_as_it_is_written() {
    let attributes = json!([{"name": "marks", "type": "complex", "multiValued": true, "subAttributes": [
        {"name": "value", "type": "string", "mutability": "immutable"},
        {"name": "note", "type": "string"},
    ]}]);
    let body = json!({"id": "urn:example:thing", "name": "Thing", "attributes": attributes});
    let mut complaints = Vec::new();
    let base = schema(body.as_object().expect("an object"), "", Role::Base, &[], &mut complaints);
    assert_eq!(complaints, []);
    let kind = ResourceType::new("Thing", "Things", Arc::new(base), Vec::new());
    let stored = json!({"schemas": ["urn:example:thing"], "marks": [{"value": "Red", "note": "n"}]});
    let add = |value: Value| {
        patched(&kind, stored.clone(), json!({"op": "add", "path": "marks", "value": [value]}))
    };
    assert_eq!(add(json!({"value": "RED"})).expect("it is there"), (stored.clone(), false));
    let (after, changed) = add(json!({"value": "RED", "note": "m"})).expect("the note may change");
    assert_eq!((&after["marks"], changed), (&json!([{"value": "Red", "note": "m"}]), true));
    let sub = json!({"op": "replace", "path": "marks[note eq \"n\"].value", "value": "Blue"});
    let refused = patched(&kind, stored, sub).expect_err("it is immutable");
    assert_eq!(refused.scim_type, Some(ScimType::Mutability));
}
