//! What the operations of one PATCH may cost: it is counted by what they go through and write, long texts by
//! their length, and refused before it is done.

mod thing;

use std::iter::repeat_n;

use scim::{Dialect, Mender, PatchRequest, ResourceType, ScimError};
use serde_json::{Value, json};

use thing::{BASE, X, thing};

/// A box with tags, and places with a text.
fn kind() -> ResourceType {
    let text = |name: &str| json!({"name": name, "type": "string"});
    let tags = json!({"name": "tags", "type": "string", "multiValued": true});
    thing(json!([
        {"name": "box", "type": "complex", "subAttributes": [text("room"), tags]},
        {"name": "places", "type": "complex", "multiValued": true,
            "subAttributes": [text("type"), text("formatted"), text("region")]},
    ]))
}

/// Whether these operations on the extension are carried out.
fn is_done(extension: Value, operations: impl IntoIterator<Item = Value>) -> bool {
    // A remove with values is a habit of clients.
    let mut auto = Mender::new(Dialect::Auto);
    let operations: Vec<Value> = operations.into_iter().collect();
    let body = json!({"schemas": [scim::patch::PATCH_URN], "Operations": operations});
    let stored = json!({"schemas": [BASE, X], X: extension});
    let request = PatchRequest::parse(body, &kind(), &mut auto).expect("it is sound");
    match request.apply(&kind(), stored, &mut auto) {
        Ok(_) => true,
        Err(ScimError { detail, .. }) => {
            assert!(detail.contains("several requests"), "{detail}");
            false
        }
    }
}

fn op(op: &str, path: &str, value: Value) -> Value {
    json!({"op": op, "path": format!("{X}:{path}"), "value": value})
}

#[test]
fn what_is_in_a_few_long_texts_counts() {
    let types: Vec<String> = (0..5).map(|n| format!("type eq \"t{n}\"")).collect();
    let touch = op("replace", &format!("places[{}].region", types.join(" or ")), json!("x"));
    for (letters, done) in [(10, true), (100_000, false)] {
        let place = |n: u32| json!({"type": format!("t{n}"), "formatted": "é".repeat(letters)});
        let stored = json!({"places": (0..16).map(place).collect::<Vec<_>>()});
        assert!(is_done(stored.clone(), [touch.clone()]), "{letters}");
        assert_eq!(is_done(stored, repeat_n(touch.clone(), 8)), done, "{letters}");
    }
}

#[test]
fn one_operation_may_go_through_whatever_is_there() {
    let place = |n: u32| json!({"type": n.to_string(), "formatted": "x".repeat(6 << 20)});
    let stored = json!({"places": (0..3).map(place).collect::<Vec<_>>()});
    let touch = op("replace", "places[type eq \"1\"].region", json!("x"));
    assert!(is_done(stored.clone(), [touch.clone()]));
    assert!(!is_done(stored, repeat_n(touch, 2)));
}

#[test]
fn the_terms_of_one_operation_count_beyond_the_first() {
    let place = |n: u32| json!({"type": n.to_string(), "formatted": "É".repeat(2_000)});
    let stored = json!({"places": (0..900).map(place).collect::<Vec<_>>()});
    let terms =
        |count: u32| (0..count).map(|n| format!("formatted co \"é{n}\"")).collect::<Vec<_>>().join(" or ");
    let touch =
        |count: u32| op("replace", &format!("places[type pr and not ({})].region", terms(count)), json!("x"));
    assert!(is_done(stored.clone(), [touch(4)]));
    assert!(!is_done(stored, [touch(200)]));
}

#[test]
fn hundreds_of_operations_on_long_lists_are_carried_out() {
    let place = |n: u32| json!({"type": n.to_string(), "formatted": "a place", "region": "a region"});
    let stored = |count: u32| json!({"places": (0..count).map(place).collect::<Vec<_>>()});
    let by = |n: u32| format!("places[type eq \"{n}\"]");
    assert!(is_done(
        stored(1_000),
        (0..200).map(|n| json!({"op": "remove", "path": format!("{X}:{}", by(n))}))
    ));
    let touch = |n: u32| op("replace", &format!("{}.region", by(n)), json!("x"));
    assert!(is_done(stored(500), (0..350).map(touch)));
    let all: Vec<Value> = (0..999).map(place).collect();
    assert!(is_done(stored(1_000), [op("remove", "places", json!(all))]));
}

#[test]
fn what_is_added_to_a_complex_value_counts() {
    let more = json!({"tags": ["0007"]});
    for (length, done) in [(4, true), (16_000, false)] {
        let tags: Vec<String> = (0..999).map(|n| format!("{n:0length$}")).collect();
        let stored = json!({"box": {"room": "1", "tags": tags}});
        for (path, value) in [("box", &more), ("box[room eq \"1\"]", &more), ("box.tags", &more["tags"])] {
            let many = repeat_n(op("add", path, value.clone()), 20);
            assert_eq!(is_done(stored.clone(), many), done, "{path}");
        }
    }
}

#[test]
fn values_to_remove_are_held_against_the_whole_list() {
    let place = |n: u32| json!({"type": n.to_string()});
    let stored = json!({"places": (0..600).map(place).collect::<Vec<_>>()});
    let others: Vec<Value> = (1_000..1_600).map(place).collect();
    for path in ["places", "places[type eq \"1\"]"] {
        let remove = op("remove", path, json!(others));
        assert!(is_done(stored.clone(), repeat_n(remove.clone(), 100)), "{path}");
        assert!(!is_done(stored.clone(), repeat_n(remove, 1_000)), "{path}");
    }
}

#[test]
fn a_long_text_is_not_written_to_many_elements() {
    let stored = json!({"places": (0..100).map(|n| json!({"type": n.to_string()})).collect::<Vec<_>>()});
    for (length, done) in [(1_000, true), (200_000, false)] {
        let text = "x".repeat(length);
        for (kind, path, value) in [
            ("replace", "places.formatted", json!(text)),
            ("add", "places[type pr]", json!({"formatted": text})),
        ] {
            assert_eq!(is_done(stored.clone(), [op(kind, path, value)]), done, "{path}");
        }
    }
}
