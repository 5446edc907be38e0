//! Complex attributes and extensions that an account defines: what of them stays, what is required, and what
//! `add` adds (contract SCH-6, PA-3, PA-4, PA-10, PA-11, PUT-2).

mod thing;

use scim::{Dialect, Mender, PatchRequest, ResourceType, ScimError, ScimType, resource};
use serde_json::{Value, json};

use thing::{BASE, X, thing as kind};

fn document(extension: Value) -> Value {
    if extension.is_null() {
        return json!({"schemas": [BASE]});
    }
    json!({"schemas": [BASE, X], X: extension})
}

/// What is left in the extension after these operations; `X` in a path stands for its URN.
fn patched_in(mender: &mut Mender, kind: &ResourceType, stored: Value, operations: Value) -> Outcome {
    let mut operations = operations;
    for operation in operations.as_array_mut().expect("a list") {
        if let Some(path) = operation["path"].as_str() {
            operation["path"] = path.replacen('X', X, 1).into();
        }
    }
    let body = json!({"schemas": [scim::patch::PATCH_URN], "Operations": operations});
    let done = PatchRequest::parse(body, kind, mender)?.apply(kind, document(stored), mender)?;
    let after = done.document.get(X).cloned().unwrap_or_default();
    assert_eq!(done.document, document(after.clone()));
    Ok(after)
}

type Outcome = Result<Value, ScimError>;

fn patched(kind: &ResourceType, stored: Value, operations: Value) -> Outcome {
    patched_in(&mut Mender::new(Dialect::Strict), kind, stored, operations)
}

fn put(kind: &ResourceType, stored: Value, extension: Value) -> Outcome {
    let mut strict = Mender::new(Dialect::Strict);
    let mut stored = document(stored);
    stored["id"] = "1".into();
    let document = resource::replace(kind, document(extension), &stored, &mut strict)?.document;
    Ok(document.get(X).cloned().unwrap_or_default())
}

#[track_caller]
fn refused(outcome: Outcome, kind: ScimType) {
    let error = outcome.expect_err("it must be refused");
    assert_eq!(error.scim_type, Some(kind), "{error}");
}

/// A complex attribute, with a room that is given once and a state that is the server's.
fn place() -> Value {
    json!({"name": "place", "type": "complex", "subAttributes": [
        {"name": "room", "type": "string", "mutability": "immutable"},
        {"name": "doors", "type": "string", "multiValued": true, "mutability": "immutable"},
        {"name": "state", "type": "string", "mutability": "readOnly"},
        {"name": "floor", "type": "string"},
    ]})
}

/// One place.
fn places() -> ResourceType {
    kind(json!([
        place(),
        {"name": "note", "type": "string"},
    ]))
}

#[test]
fn sch_6_a_filter_does_not_open_what_is_fixed_in_a_complex_value() {
    let kind = places();
    let stored = json!({"place": {"room": "1", "state": "ok", "floor": "a"}});
    let run = |op: &str, value: Value| {
        let operation = json!({"op": op, "path": "X:place[room eq \"1\"]", "value": value});
        patched(&kind, stored.clone(), json!([operation]))
    };
    for op in ["add", "replace"] {
        refused(run(op, json!({"room": "2"})), ScimType::Mutability);
        let same = run(op, json!({"room": "1", "floor": "b"})).unwrap();
        assert_eq!(same["place"], json!({"room": "1", "state": "ok", "floor": "b"}));
    }
    // A replace by filter is whole: to leave the room out is to take it away.
    refused(run("replace", json!({"floor": "b"})), ScimType::Mutability);
    refused(run("replace", json!({})), ScimType::Mutability);
    assert_eq!(run("add", json!({"floor": "b"})).unwrap()["place"]["room"], "1");
}

#[test]
fn sch_6_a_complex_value_with_something_fixed_is_not_removed() {
    let kind = places();
    let run = |place: Value, operation: Value| {
        patched(&kind, json!({"place": place, "note": "n"}), json!([operation]))
    };
    for operation in [
        json!({"op": "remove", "path": "X:place"}),
        json!({"op": "remove", "path": "X:place[floor eq \"a\"]"}),
        json!({"op": "replace", "path": "X:place", "value": null}),
        json!({"op": "replace", "value": {X: {"place": null}}}),
        json!({"op": "remove", "path": "X"}),
        json!({"op": "replace", "path": "X", "value": null}),
    ] {
        for fixed in [json!({"room": "1"}), json!({"doors": ["d"]}), json!({"state": "ok"})] {
            let mut place = fixed;
            place["floor"] = "a".into();
            refused(run(place, operation.clone()), ScimType::Mutability);
        }
        let left = run(json!({"floor": "a"}), operation).unwrap();
        assert_eq!(left.get("place"), None);
    }
    let floor = run(json!({"room": "1", "floor": "a"}), json!({"op": "remove", "path": "X:place.floor"}));
    assert_eq!(floor.unwrap()["place"], json!({"room": "1"}));
}

#[test]
fn sch_6_an_immutable_list_in_a_complex_value_takes_no_more() {
    let run = |values: Value| {
        let operation = json!({"op": "add", "path": "X:place.doors", "value": values});
        patched(&places(), json!({"place": {"doors": ["d"]}}), json!([operation]))
    };
    refused(run(json!(["e"])), ScimType::Mutability);
    assert_eq!(run(json!(["d"])).unwrap(), json!({"place": {"doors": ["d"]}}));
}

#[test]
fn put_2_what_is_fixed_in_a_complex_value_stays() {
    let kind = places();
    let stored = json!({"place": {"room": "1", "state": "ok", "floor": "a"}, "note": "n"});
    let kept = json!({"place": {"room": "1", "state": "ok"}});
    for left_out in [json!(null), json!({}), json!({"place": null}), json!({"place": {"floor": null}})] {
        assert_eq!(put(&kind, stored.clone(), left_out).unwrap(), kept);
    }
    let floor = put(&kind, stored.clone(), json!({"place": {"floor": "b"}})).unwrap();
    assert_eq!(floor["place"], json!({"floor": "b", "room": "1", "state": "ok"}));
    refused(put(&kind, stored, json!({"place": {"room": "2"}})), ScimType::Mutability);
    assert_eq!(put(&kind, json!({"place": {"floor": "a"}}), json!(null)).unwrap(), json!(null));
}

#[test]
fn put_2_what_stays_of_a_complex_value_has_what_is_required_with_it() {
    let kind = kind(json!([{"name": "place", "type": "complex", "subAttributes": [
        {"name": "room", "type": "string", "mutability": "immutable"},
        {"name": "floor", "type": "string", "required": true},
    ]}]));
    let stored = json!({"place": {"room": "1", "floor": "a"}});
    refused(put(&kind, stored.clone(), json!(null)), ScimType::InvalidValue);
    let floor = put(&kind, stored, json!({"place": {"floor": "b"}})).unwrap();
    assert_eq!(floor, json!({"place": {"floor": "b", "room": "1"}}));
}

#[test]
fn pa_11_a_filter_makes_nothing_that_is_read_only() {
    let kind = kind(json!([{"name": "list", "type": "complex", "multiValued": true, "subAttributes": [
        {"name": "value", "type": "string"},
        {"name": "state", "type": "string", "mutability": "readOnly"},
    ]}]));
    for (path, value) in [
        ("X:list[state eq \"ok\"].value", json!("b")),
        ("X:list[state eq \"ok\"]", json!({"value": "b"})),
        ("X:list[value eq \"a\" and state eq \"ok\"]", json!({"value": "b"})),
    ] {
        for stored in [json!(null), json!({"list": [{"value": "a", "state": "bad"}]})] {
            let mut auto = Mender::new(Dialect::Auto);
            let add = json!([{"op": "add", "path": path, "value": value}]);
            refused(patched_in(&mut auto, &kind, stored, add), ScimType::NoTarget);
        }
    }
    let mut auto = Mender::new(Dialect::Auto);
    let body = json!({"schemas": [BASE], X: {"list[state eq \"ok\"].value": "b"}});
    let error = resource::create(&kind, body, &mut auto).expect_err("it must be refused");
    assert_eq!(error.scim_type, Some(ScimType::NoTarget), "{error}");
    let found = json!([{"op": "add", "path": "X:list[state eq \"ok\"].value", "value": "b"}]);
    let found = patched(&kind, json!({"list": [{"value": "a", "state": "ok"}]}), found).unwrap();
    assert_eq!(found, json!({"list": [{"value": "b", "state": "ok"}]}));
}

#[test]
fn pa_11_a_filter_on_a_list_makes_a_list() {
    let kind = kind(json!([{"name": "list", "type": "complex", "multiValued": true, "subAttributes": [
        {"name": "value", "type": "string"},
        {"name": "uses", "type": "string", "multiValued": true},
    ]}]));
    let path = "X:list[uses eq \"a\" and uses eq \"b\"].value";
    let mut auto = Mender::new(Dialect::Auto);
    let add = json!([{"op": "add", "path": path, "value": "v"}]);
    let made = patched_in(&mut auto, &kind, json!(null), add).unwrap();
    assert_eq!(made, json!({"list": [{"uses": ["a", "b"], "value": "v"}]}));
}

#[test]
fn pa_11_a_filter_by_time_makes_an_element_too() {
    let kind = kind(json!([{"name": "visits", "type": "complex", "multiValued": true, "subAttributes": [
        {"name": "at", "type": "dateTime"}, {"name": "times", "type": "dateTime", "multiValued": true},
        {"name": "place", "type": "string"},
    ]}]));
    let made = |op: &str, filter: &str, stored: Value| {
        let operation = json!([{"op": op, "path": format!("X:visits[{filter}].place"), "value": "p"}]);
        patched_in(&mut Mender::new(Dialect::Auto), &kind, stored, operation)
    };
    let berlin = "at eq \"2030-01-31T10:30:00.25+01:00\"";
    let visit = json!({"at": "2030-01-31T09:30:00.25Z", "place": "p"});
    for op in ["add", "replace"] {
        let once = made(op, berlin, json!(null)).unwrap();
        assert_eq!(once, json!({"visits": [visit]}));
        assert_eq!(made(op, berlin, once.clone()).unwrap(), once, "found by its filter");
        let list = made(op, "times eq \"2030-01-31T09:30:00Z\"", json!(null)).unwrap();
        assert_eq!(list, json!({"visits": [{"times": ["2030-01-31T09:30:00Z"], "place": "p"}]}));
        // No year of four digits in UTC.
        refused(made(op, "at eq \"9999-12-31T23:59:59-01:00\"", json!(null)), ScimType::NoTarget);
        refused(made(op, "at gt \"2030-01-31T10:30:00Z\"", json!(null)), ScimType::NoTarget);
    }
    let whole = json!([{"op": "add", "path": format!("X:visits[{berlin}]"), "value": {"place": "p"}}]);
    let whole = patched_in(&mut Mender::new(Dialect::Auto), &kind, json!(null), whole).unwrap();
    assert_eq!(whole, json!({"visits": [visit]}));
}

#[test]
fn pa_3_add_by_filter_names_only_what_it_adds() {
    let kind = kind(json!([{"name": "ports", "type": "complex", "multiValued": true, "subAttributes": [
        {"name": "number", "type": "integer", "required": true}, {"name": "label", "type": "string"},
    ]}]));
    let stored = json!({"ports": [{"number": 1, "label": "a"}]});
    let run = |op: &str, number: u8| {
        let path = format!("X:ports[number eq {number}]");
        let mut auto = Mender::new(Dialect::Auto);
        let operations = json!([{"op": op, "path": path, "value": {"label": "zz"}}]);
        patched_in(&mut auto, &kind, stored.clone(), operations)
    };
    assert_eq!(run("add", 1).unwrap(), json!({"ports": [{"number": 1, "label": "zz"}]}));
    let made = json!({"ports": [{"number": 1, "label": "a"}, {"number": 2, "label": "zz"}]});
    assert_eq!(run("add", 2).unwrap(), made);
    refused(run("replace", 1), ScimType::InvalidValue);
    for (label, why) in [("b", ScimType::InvalidValue), ("zz", ScimType::NoTarget)] {
        let made = json!([{"op": "add", "path": "X:ports[label eq \"b\"]", "value": {"label": label}}]);
        refused(patched_in(&mut Mender::new(Dialect::Auto), &kind, stored.clone(), made), why);
    }
}

/// The same type before and after something in it became required.
fn before_and_after(mut attributes: Value, pointer: &str) -> [ResourceType; 2] {
    let before = kind(attributes.clone());
    attributes.pointer_mut(pointer).expect("an attribute")["required"] = true.into();
    [before, kind(attributes)]
}

#[test]
fn pa_4_what_became_required_later_may_be_lacking_still() {
    let attributes = json!([
        {"name": "place", "type": "complex", "subAttributes": [
            {"name": "room", "type": "string"}, {"name": "floor", "type": "string"},
            {"name": "wing", "type": "string"},
        ]},
        {"name": "note", "type": "string"},
    ]);
    let [before, after] = before_and_after(attributes, "/0/subAttributes/0");
    let stored = json!({"place": {"floor": "a"}, "note": "n"});
    for (operation, place) in [
        (json!({"op": "replace", "path": "X:place.floor", "value": "b"}), json!({"floor": "b"})),
        (json!({"op": "add", "path": "X:place", "value": {"wing": "w"}}), json!({"floor": "a", "wing": "w"})),
        (json!({"op": "replace", "value": {X: {"place": {"floor": "b"}}}}), json!({"floor": "b"})),
        (
            json!({"op": "replace", "path": "X:place[floor eq \"a\"].floor", "value": "b"}),
            json!({"floor": "b"}),
        ),
        (
            json!({"op": "add", "path": "X:place[floor eq \"a\"]", "value": {"floor": "b"}}),
            json!({"floor": "b"}),
        ),
        (json!({"op": "replace", "path": "X:note", "value": "m"}), json!({"floor": "a"})),
        (json!({"op": "add", "path": "X:place.room", "value": "1"}), json!({"floor": "a", "room": "1"})),
    ] {
        let done = patched(&after, stored.clone(), json!([operation])).unwrap();
        assert_eq!(done["place"], place, "{operation}");
        assert_eq!(patched(&before, stored.clone(), json!([operation])).unwrap(), done);
    }
    // What is made anew, or replaced as a whole, has what is required.
    let floor = json!({"op": "add", "path": "X:place.floor", "value": "b"});
    let error = patched(&after, json!({"note": "n"}), json!([floor])).expect_err("it must be refused");
    assert_eq!(error.detail, format!("Operation 1: {X}:place.room is required; give it a value."));
    let whole = json!({"op": "replace", "path": "X:place[floor eq \"a\"]", "value": {"floor": "b"}});
    refused(patched(&after, stored.clone(), json!([whole])), ScimType::InvalidValue);
    let gone = json!({"op": "remove", "path": "X:place.room"});
    refused(patched(&after, stored, json!([gone])), ScimType::Mutability);
}

#[test]
fn pa_1_a_complex_value_is_complete_after_the_last_operation() {
    let kind = kind(json!([{"name": "place", "type": "complex", "subAttributes": [
        {"name": "room", "type": "string", "required": true}, {"name": "floor", "type": "string"},
    ]}]));
    let add = |name: &str| json!({"op": "add", "path": format!("X:place.{name}"), "value": "1"});
    let both = patched(&kind, json!(null), json!([add("floor"), add("room")])).unwrap();
    assert_eq!(both, json!({"place": {"floor": "1", "room": "1"}}));
    let none = json!([add("floor"), {"op": "remove", "path": "X:place"}]);
    assert_eq!(patched(&kind, json!(null), none).unwrap(), json!(null));
}

#[test]
fn pa_4_elements_that_lack_what_became_required_are_patched() {
    let attributes = json!([{"name": "list", "type": "complex", "multiValued": true, "subAttributes": [
        {"name": "value", "type": "string"}, {"name": "label", "type": "string"},
        {"name": "number", "type": "integer"},
    ]}]);
    let [before, after] = before_and_after(attributes, "/0/subAttributes/2");
    let stored = json!({"list": [{"value": "v"}, {"value": "w", "number": 2}]});
    for operation in [
        json!({"op": "replace", "path": "X:list[value eq \"v\"].label", "value": "l"}),
        json!({"op": "add", "path": "X:list[value eq \"v\"].label", "value": "l"}),
        json!({"op": "replace", "path": "X:list.label", "value": "l"}),
        json!({"op": "add", "path": "X:list[value eq \"v\"]", "value": {"label": "l"}}),
        json!({"op": "remove", "path": "X:list[value eq \"w\"]"}),
        json!({"op": "add", "path": "X:list", "value": {"value": "x", "number": 3}}),
    ] {
        let done = patched(&after, stored.clone(), json!([operation])).unwrap();
        assert_eq!(patched(&before, stored.clone(), json!([operation])).unwrap(), done);
        assert_ne!(done, stored);
    }
    for operation in [
        json!({"op": "add", "path": "X:list", "value": {"value": "x"}}),
        json!({"op": "replace", "path": "X:list[value eq \"w\"]", "value": {"value": "x"}}),
    ] {
        refused(patched(&after, stored.clone(), json!([operation])), ScimType::InvalidValue);
    }
    let number = json!([{"op": "remove", "path": "X:list[value eq \"w\"].number"}]);
    refused(patched(&after, stored, number), ScimType::Mutability);
}

#[test]
fn pa_3_a_value_that_is_there_is_named_without_what_is_required() {
    let kind = kind(json!([{"name": "list", "type": "complex", "multiValued": true, "subAttributes": [
        {"name": "value", "type": "string"}, {"name": "label", "type": "string"},
        {"name": "number", "type": "integer", "required": true},
    ]}]));
    let stored = json!({"list": [{"value": "v", "number": 1}, {"value": "w", "number": 2}]});
    let run = |op: &str, value: Value| {
        let operations = json!([{"op": op, "path": "X:list", "value": value}]);
        patched_in(&mut Mender::new(Dialect::Auto), &kind, stored.clone(), operations)
    };
    let merged = run("add", json!([{"value": "v", "label": "l"}])).unwrap();
    assert_eq!(merged["list"][0], json!({"value": "v", "number": 1, "label": "l"}));
    let left = run("remove", json!([{"value": "v"}])).unwrap();
    assert_eq!(left, json!({"list": [{"value": "w", "number": 2}]}));
    let new = json!([{"value": "x", "label": "l"}]);
    for op in ["add", "replace"] {
        refused(run(op, new.clone()), ScimType::InvalidValue);
    }
    refused(put(&kind, stored.clone(), json!({"list": new})), ScimType::InvalidValue);
}

#[test]
fn pa_4_an_attribute_that_became_required_later_is_not_asked_for() {
    let attributes = json!([
        {"name": "list", "type": "complex", "multiValued": true, "subAttributes": [
            {"name": "value", "type": "string"},
        ]},
        {"name": "place", "type": "complex", "subAttributes": [{"name": "room", "type": "string"}]},
        {"name": "note", "type": "string"},
    ]);
    for (pointer, path) in
        [("/0", "X:list[value eq \"v\"]"), ("/1", "X:place.room"), ("/1", "X:place[room pr]")]
    {
        let [_, after] = before_and_after(attributes.clone(), pointer);
        let gone = json!([{"op": "remove", "path": path}]);
        let stored = json!({"note": "n"});
        assert_eq!(patched(&after, stored.clone(), gone.clone()).unwrap(), stored, "{path}");
        let there = json!({"list": [{"value": "v"}], "place": {"room": "1"}});
        refused(patched(&after, there, gone), ScimType::Mutability);
    }
}

/// Sub-attributes with several values, in one place and in a list.
fn tagged() -> ResourceType {
    kind(json!([
        {"name": "place", "type": "complex", "subAttributes": [
            {"name": "room", "type": "string"},
            {"name": "tags", "type": "string", "multiValued": true},
        ]},
        {"name": "list", "type": "complex", "multiValued": true, "subAttributes": [
            {"name": "value", "type": "string"},
            {"name": "uses", "type": "string", "multiValued": true},
            {"name": "marks", "type": "string", "multiValued": true, "mutability": "immutable"},
        ]},
    ]))
}

#[test]
fn pa_3_add_appends_to_a_list_in_a_complex_value() {
    let kind = tagged();
    let stored = json!({"place": {"room": "1", "tags": ["t1", "t2"]}});
    let run = |op: &str, path: Option<&str>, value: Value| {
        let mut operation = json!({"op": op, "value": value});
        if let Some(path) = path {
            operation["path"] = path.into();
        }
        patched(&kind, stored.clone(), json!([operation])).unwrap()["place"]["tags"].clone()
    };
    let tags = json!({"tags": ["t3", "t1"]});
    for (path, value) in [
        (None, json!({X: {"place": tags}})),
        (Some("X"), json!({"place": tags})),
        (Some("X:place"), tags.clone()),
        (Some("X:place.tags"), tags["tags"].clone()),
        (Some("X:place[room eq \"1\"]"), tags.clone()),
        (Some("X:place[room eq \"1\"].tags"), tags["tags"].clone()),
    ] {
        assert_eq!(run("add", path, value.clone()), json!(["t1", "t2", "t3"]), "{path:?}");
        assert_eq!(run("replace", path, value), json!(["t3", "t1"]), "{path:?}");
    }
    assert_eq!(run("add", Some("X:place"), json!({"tags": []})), json!(["t1", "t2"]));
    assert_eq!(run("replace", Some("X:place"), json!({"tags": []})), json!(null));
    let again = json!([{"op": "add", "value": {X: {"place": {"tags": ["t2"]}}}}]);
    let body = json!({"schemas": [scim::patch::PATCH_URN], "Operations": again});
    let mut strict = Mender::new(Dialect::Strict);
    let request = PatchRequest::parse(body, &kind, &mut strict).unwrap();
    assert!(!request.apply(&kind, document(stored.clone()), &mut strict).unwrap().changed);
    let first = json!([{"op": "add", "path": "X:place", "value": {"tags": ["t2"]}}]);
    assert_eq!(patched(&kind, json!(null), first).unwrap(), json!({"place": {"tags": ["t2"]}}));
}

#[test]
fn pa_3_add_of_nothing_leaves_no_empty_list() {
    let add = json!([{"op": "add", "path": "X:place.tags", "value": {"value": "", "note": "n"}}]);
    let stored = json!({"place": {"room": "1"}});
    let done = patched_in(&mut Mender::new(Dialect::Auto), &tagged(), stored.clone(), add).unwrap();
    assert_eq!(done, stored);
}

#[test]
fn pa_3_add_appends_to_a_list_in_an_element() {
    let kind = tagged();
    let stored = json!({"list": [{"value": "v", "uses": ["a"]}, {"value": "w", "uses": ["b"]}]});
    let run = |op: &str, path: &str, value: Value| {
        let operations = json!([{"op": op, "path": path, "value": value}]);
        patched(&kind, stored.clone(), operations).unwrap()["list"].clone()
    };
    let uses = |v: &[&str], w: &[&str]| json!([{"value": "v", "uses": v}, {"value": "w", "uses": w}]);
    let one = uses(&["a", "c"], &["b"]);
    assert_eq!(run("add", "X:list[value eq \"v\"].uses", json!(["c", "a"])), one);
    assert_eq!(run("add", "X:list[value eq \"v\"].uses", json!("c")), one);
    assert_eq!(run("add", "X:list[value eq \"v\"].uses", json!("")), stored["list"]);
    assert_eq!(run("add", "X:list.uses", json!("c")), uses(&["a", "c"], &["b", "c"]));
    let single = json!([{"op": "replace", "path": "X:list.uses", "value": "c"}]);
    refused(patched(&kind, stored.clone(), single), ScimType::InvalidValue);
    assert_eq!(run("add", "X:list[value eq \"v\"]", json!({"uses": ["c"]})), one);
    assert_eq!(run("add", "X:list", json!([{"value": "v", "uses": ["c"]}])), one);
    assert_eq!(run("add", "X:list.uses", json!(["c"])), uses(&["a", "c"], &["b", "c"]));
    assert_eq!(run("replace", "X:list[value eq \"v\"].uses", json!(["c"])), uses(&["c"], &["b"]));
    let whole = json!({"value": "v", "uses": ["c"]});
    assert_eq!(run("replace", "X:list[value eq \"v\"]", whole), uses(&["c"], &["b"]));
    let twice = json!([{"value": "v", "uses": ["c"]}, {"value": "v", "uses": ["d", "c"]}]);
    assert_eq!(run("replace", "X:list", twice), json!([{"value": "v", "uses": ["c", "d"]}]));
    let path = "X:list[uses eq \"a\" and value eq \"x\"].uses";
    let create = |op: &str, value: Value| {
        let operations = json!([{"op": op, "path": path, "value": value}]);
        patched_in(&mut Mender::new(Dialect::Auto), &kind, stored.clone(), operations)
    };
    assert_eq!(create("add", json!(["c"])).unwrap()["list"][2]["uses"], json!(["a", "c"]));
    assert_eq!(create("replace", json!(["c", "a"])).unwrap()["list"][2]["uses"], json!(["c", "a"]));
    refused(create("replace", json!(["c"])), ScimType::NoTarget);
}

#[test]
fn pa_4_remove_takes_listed_values_from_a_list_inside() {
    let kind = tagged();
    let stored = json!({
        "place": {"room": "1", "tags": ["a", "b", "c"]},
        "list": [{"value": "v", "uses": ["a", "b"]}, {"value": "w", "uses": ["a"]}],
    });
    let run = |dialect: Dialect, path: &str, value: Value| {
        let operations = json!([{"op": "remove", "path": path, "value": value}]);
        patched_in(&mut Mender::new(dialect), &kind, stored.clone(), operations)
    };
    let auto = |path: &str, value: Value| run(Dialect::Auto, path, value).unwrap();
    assert_eq!(auto("X:place.tags", json!(["A", "c"]))["place"], json!({"room": "1", "tags": ["b"]}));
    assert_eq!(auto("X:place.tags", json!(["c", "b", "a"]))["place"], json!({"room": "1"}));
    let left = json!([{"value": "v", "uses": ["b"]}, {"value": "w"}]);
    assert_eq!(auto("X:list.uses", json!(["a"]))["list"], left);
    let one = json!([{"value": "v", "uses": ["b"]}, {"value": "w", "uses": ["a"]}]);
    assert_eq!(auto("X:list[value eq \"v\"].uses", json!("a"))["list"], one);
    assert_eq!(auto("X:list[value eq \"x\"].uses", json!(["a"])), stored);
    assert_eq!(auto("X:list.value", json!("w"))["list"], json!([stored["list"][0], {"uses": ["a"]}]));
    for path in ["X:place.tags", "X:list.uses", "X:list[value eq \"v\"].uses"] {
        refused(run(Dialect::Strict, path, json!(["a"])), ScimType::InvalidValue);
        let left = run(Dialect::Strict, path, json!(null)).unwrap();
        assert!(left["list"][0].get("uses").is_none() || left["place"].get("tags").is_none());
        for nothing in [json!([]), json!(""), json!([""])] {
            refused(run(Dialect::Strict, path, nothing.clone()), ScimType::InvalidValue);
            assert_eq!(auto(path, nothing), stored, "{path}");
        }
    }
    // The same where an object names the list.
    let left = json!({"room": "1", "tags": ["b", "c"]});
    assert_eq!(auto("X:place", json!({"tags": ["a"]}))["place"], left);
    assert_eq!(auto("X", json!({"place": {"tags": ["a"]}}))["place"], left);
    assert_eq!(auto("X", json!({"place": {"tags": null}}))["place"], json!({"room": "1"}));
    let one = json!([{"value": "w", "uses": ["a"]}]);
    assert_eq!(auto("X", json!({"list": [{"value": "v"}]})), json!({"place": stored["place"], "list": one}));
}

#[test]
fn pa_4_of_a_required_list_what_is_named_goes_but_the_last() {
    let tags = json!({"name": "tags", "type": "string", "multiValued": true, "required": true});
    let text = json!({"name": "room", "type": "string"});
    let kind = kind(json!([
        tags,
        {"name": "place", "type": "complex", "subAttributes": [text, tags]},
        {"name": "list", "type": "complex", "multiValued": true, "subAttributes": [text, tags]},
    ]));
    let inner = json!({"room": "1", "tags": ["a", "b"]});
    let stored = json!({"tags": ["a", "b"], "place": inner, "list": [inner]});
    let run = |path: &str, value: Value| {
        let operations = json!([{"op": "remove", "path": path, "value": value}]);
        patched_in(&mut Mender::new(Dialect::Auto), &kind, stored.clone(), operations)
    };
    for (path, pointer) in [
        ("X:tags", "/tags"),
        ("X:place.tags", "/place/tags"),
        ("X:place[room eq \"1\"].tags", "/place/tags"),
        ("X:list.tags", "/list/0/tags"),
        ("X:list[room eq \"1\"].tags", "/list/0/tags"),
    ] {
        let mut left = stored.clone();
        *left.pointer_mut(pointer).expect("it is there") = json!(["b"]);
        assert_eq!(run(path, json!(["A"])), Ok(left), "{path}");
        assert_eq!(run(path, json!([])), Ok(stored.clone()), "{path}");
        for all in [json!(["a", "b"]), json!(null)] {
            refused(run(path, all), ScimType::Mutability);
        }
    }
}

#[test]
fn sch_6_what_is_fixed_is_compared_by_its_type() {
    let fixed = |name: &str, kind: &str, more: Value| {
        let mut attr = json!({"name": name, "type": kind, "mutability": "immutable"});
        attr.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        attr
    };
    let kind = kind(json!([
        fixed("dec", "decimal", json!({})), fixed("at", "dateTime", json!({})), fixed("bin", "binary", json!({})),
        fixed("name", "string", json!({"caseExact": false})), fixed("tags", "string", json!({"multiValued": true})),
        {"name": "box", "type": "complex", "subAttributes": [fixed("dec", "decimal", json!({}))]},
    ]));
    let stored = json!({
        "dec": 1.0, "at": "2030-01-31T09:30:00Z", "bin": "MA", "name": "Abc", "tags": ["a", "b"], "box": {"dec": 2.0}
    });
    let again = json!({
        "dec": 1, "at": "2030-01-31T09:30:00.00Z", "bin": "MA==", "name": "abc", "tags": ["b", "a"], "box": {"dec": 2}
    });
    assert_eq!(put(&kind, stored.clone(), again.clone()).unwrap(), stored);
    let body =
        json!({"schemas": [scim::patch::PATCH_URN], "Operations": [{"op": "replace", "value": {X: again}}]});
    let mut strict = Mender::new(Dialect::Strict);
    let request = PatchRequest::parse(body, &kind, &mut strict).unwrap();
    let done = request.apply(&kind, document(stored.clone()), &mut strict).unwrap();
    assert_eq!((&done.document[X], done.changed), (&stored, false));
    for (name, other) in
        [("dec", json!(1.5)), ("bin", json!("MQ==")), ("tags", json!(["a"])), ("box", json!({"dec": 3}))]
    {
        let operation = json!([{"op": "replace", "path": format!("X:{name}"), "value": other}]);
        refused(patched(&kind, stored.clone(), operation), ScimType::Mutability);
        let mut changed = again.clone();
        changed[name] = other;
        refused(put(&kind, stored.clone(), changed), ScimType::Mutability);
    }
}

#[test]
fn sch_6_elements_that_become_the_same_keep_what_is_fixed() {
    let kind = kind(json!([{"name": "els", "type": "complex", "multiValued": true, "subAttributes": [
        {"name": "value", "type": "string"}, {"name": "type", "type": "string"},
        {"name": "fix", "type": "string", "mutability": "immutable"}, {"name": "primary", "type": "boolean"},
    ]}]));
    let element = |kind: &str, fix: &str, primary: bool| {
        let mut element = json!({"value": "a", "type": kind, "primary": primary});
        if !fix.is_empty() {
            element["fix"] = fix.into();
        }
        element
    };
    let run = |fix: [&str; 2], path: &str, value: Value| {
        let stored = json!({"els": [element("x", fix[0], true), element("y", fix[1], false)]});
        patched(&kind, stored, json!([{"op": "replace", "path": path, "value": value}]))
    };
    let y = "X:els[type eq \"y\"]";
    refused(run(["1", ""], y, json!({"value": "a", "type": "x", "fix": "2"})), ScimType::Mutability);
    refused(run(["1", "2"], "X:els[type eq \"y\"].type", json!("x")), ScimType::Mutability);
    let kept = json!({"els": [element("x", "1", true)]});
    assert_eq!(
        run(["1", ""], "X:els[type eq \"y\"].type", json!("x")).unwrap(),
        kept,
        "the primary one stays so"
    );
    assert_eq!(
        run(["1", "1"], "X:els[type eq \"y\"].type", json!("X")).unwrap()["els"].as_array().unwrap().len(),
        1
    );
}

#[test]
fn sch_6_an_immutable_list_in_an_element_takes_no_more() {
    let kind = tagged();
    let stored = json!({"list": [{"value": "v", "marks": ["a", "b"]}]});
    for (path, value) in [
        ("X:list[value eq \"v\"].marks", json!(["MARK"])),
        ("X:list[value eq \"v\"]", json!({"marks": ["MARK"]})),
        ("X:list", json!([{"value": "v", "marks": ["MARK"]}])),
        ("X:list.marks", json!(["MARK"])),
    ] {
        let run = |mark: &str| {
            let value: Value = serde_json::from_str(&value.to_string().replace("MARK", mark)).unwrap();
            patched(&kind, stored.clone(), json!([{"op": "add", "path": path, "value": value}]))
        };
        refused(run("c"), ScimType::Mutability);
        assert_eq!(run("b").unwrap(), stored, "{path}");
    }
}

#[test]
fn a_list_in_a_complex_value_has_a_limit() {
    let kind = tagged();
    let many = |from: u32| (from..from + 600).map(|n| n.to_string()).collect::<Vec<_>>();
    let stored = json!({"place": {"tags": many(0)}, "list": [{"value": "v", "uses": many(0)}]});
    for (path, value) in [
        ("X:place", json!({"tags": many(600)})),
        ("X:place.tags", json!(many(600))),
        ("X:list[value eq \"v\"].uses", json!(many(600))),
        ("X:list[value eq \"v\"]", json!({"uses": many(600)})),
        ("X:list", json!([{"value": "v", "uses": many(600)}])),
    ] {
        let add = json!([{"op": "add", "path": path, "value": value}]);
        let Err(error) = patched(&kind, stored.clone(), add) else { panic!("{path}") };
        assert!(error.detail.contains("takes at most 1000 values"), "{error}");
    }
    let twice = json!([{"value": "v", "uses": many(0)}, {"value": "v", "uses": many(600)}]);
    refused(put(&kind, json!(null), json!({"list": twice})), ScimType::InvalidValue);
}

#[test]
fn pa_10_dotted_keys_of_an_extension_count_after_the_others() {
    let kind = kind(json!([
        {"name": "room", "type": "string", "required": true},
        {"name": "sub", "type": "complex", "subAttributes": [
            {"name": "a", "type": "string", "required": true}, {"name": "b", "type": "string"},
        ]},
        {"name": "list", "type": "complex", "multiValued": true, "subAttributes": [
            {"name": "value", "type": "string"}, {"name": "type", "type": "string"},
        ]},
    ]));
    for extension in [
        json!({"sub.b": "1", "room": "x", "sub.a": "2"}),
        json!({"room": "x", "sub.a": "2", "sub.b": "1"}),
        json!({"sub.b": "1", "sub": {"a": "2"}, "room": "x"}),
    ] {
        let made = json!({"room": "x", "sub": {"a": "2", "b": "1"}});
        let mut auto = Mender::new(Dialect::Auto);
        let body = json!({"schemas": [BASE, X], X: extension});
        assert_eq!(
            resource::create(&kind, body.clone(), &mut auto).unwrap().document,
            document(made.clone())
        );
        let put = resource::replace(&kind, body, &document(json!({"room": "y"})), &mut auto).unwrap();
        assert_eq!(put.document, document(made));
        let quirks: Vec<_> = auto.notes().iter().map(|note| (note.quirk.name(), note.at.as_str())).collect();
        assert!(quirks.contains(&("dotted-key", "sub.b")), "{quirks:?}");
        assert!(quirks.iter().all(|(quirk, _)| *quirk == "dotted-key"), "{quirks:?}");
    }
    let body = json!({"schemas": [BASE, X], X: {"list[type eq \"t\"]": {"value": "v"}, "room": "x"}});
    let made = resource::create(&kind, body, &mut Mender::new(Dialect::Auto)).unwrap().document;
    assert_eq!(made, document(json!({"room": "x", "list": [{"type": "t", "value": "v"}]})));
    for (extension, lacks) in [(json!({"sub.a": "1"}), "room"), (json!({"sub.b": "1", "room": "x"}), "sub.a")]
    {
        let body = json!({"schemas": [BASE, X], X: extension});
        let error = resource::create(&kind, body, &mut Mender::new(Dialect::Auto)).expect_err(lacks);
        assert_eq!(error.detail, format!("{X}:{lacks} is required; give it a value."));
    }
}

#[test]
fn pa_10_an_extension_may_write_its_urn_before_its_attributes() {
    let kind = kind(json!([
        {"name": "room", "type": "string"},
        {"name": "seen", "type": "string", "mutability": "readOnly"},
        {"name": "sub", "type": "complex", "subAttributes": [
            {"name": "a", "type": "string"}, {"name": "b", "type": "string", "mutability": "readOnly"},
        ]},
    ]));
    let extension = || {
        let key = |name: &str| format!("{X}:{name}");
        let sub = key("sub.a").to_uppercase();
        json!({key("room"): "x", sub: "1", key("seen"): "s", "sub.b": "s", key("no"): "n"})
    };
    let stored = || json!({"room": "y", "seen": "t", "sub": {"a": "2", "b": "u"}});
    let quirks = |mender: Mender| -> Vec<String> {
        mender.notes().iter().map(|note| format!("{} {}", note.quirk, note.at)).collect()
    };
    let mended: Vec<String> = [
        format!("qualified-key {X}:room"),
        format!("qualified-key {}:SUB.A", X.to_uppercase()),
        format!("qualified-key {X}:seen"),
        format!("read-only-in-value {X}:seen"),
        "dotted-key sub.b".to_owned(),
        format!("read-only-in-value {X}:sub.b"),
        format!("unknown-attribute {X}:no"),
    ]
    .into();

    let mut auto = Mender::new(Dialect::Auto);
    let body = json!({"schemas": [BASE, X], X: extension()});
    let made = resource::create(&kind, body.clone(), &mut auto).unwrap().document;
    assert_eq!(made, document(json!({"room": "x", "sub": {"a": "1"}})));
    assert_eq!(quirks(auto), mended);

    let mut auto = Mender::new(Dialect::Auto);
    let put = resource::replace(&kind, body.clone(), &document(stored()), &mut auto).unwrap().document;
    let after = json!({"room": "x", "sub": {"a": "1", "b": "u"}, "seen": "t"});
    assert_eq!(put, document(after.clone()));
    assert_eq!(quirks(auto), mended);

    for op in ["add", "replace"] {
        for operation in [
            json!({"op": op, "value": {X: extension()}}),
            json!({"op": op, "path": "X", "value": extension()}),
        ] {
            let mut auto = Mender::new(Dialect::Auto);
            assert_eq!(patched_in(&mut auto, &kind, stored(), json!([operation])).unwrap(), after);
            assert_eq!(quirks(auto), mended);
        }
    }
    let error = resource::create(&kind, body, &mut Mender::new(Dialect::Strict)).expect_err("it is no name");
    assert_eq!(error.scim_type, Some(ScimType::InvalidSyntax), "{error}");
    let add = json!([{"op": "add", "path": "X", "value": {format!("{X}:room"): "x"}}]);
    refused(patched(&kind, stored(), add), ScimType::InvalidSyntax);
}

mod any_patch {
    use super::*;
    use proptest::prelude::*;

    fn words() -> impl Strategy<Value = Value> {
        let some = prop::collection::vec(prop::sample::select(vec!["a", "b", "c"]), 0..3);
        prop_oneof![some.prop_map(Value::from), Just(Value::from("a")), Just(Value::Null)]
    }

    /// An object with some of the sub-attributes of either attribute.
    fn parts() -> impl Strategy<Value = Value> {
        let name = prop::sample::select(vec!["room", "doors", "state", "floor", "value", "uses", "marks"]);
        prop::collection::btree_map(name, words(), 0..4).prop_map(|map| json!(map))
    }

    fn value() -> impl Strategy<Value = Value> {
        prop_oneof![
            words(),
            parts(),
            prop::collection::vec(parts(), 0..3).prop_map(Value::from),
            parts().prop_map(|place| json!({"place": place})),
            (parts(), parts()).prop_map(|(place, one)| json!({X: {"place": place, "list": [one]}})),
            (words(), words()).prop_map(|(floor, uses)| json!({"place.floor": floor, "list.uses": uses})),
        ]
    }

    fn operation() -> impl Strategy<Value = Value> {
        let paths = vec![
            "",
            "X",
            "X:place",
            "X:place.room",
            "X:place.doors",
            "X:place.floor",
            "X:place[room pr]",
            "X:place[floor eq \"a\"]",
            "X:place[room eq \"a\"].doors",
            "X:list",
            "X:list.uses",
            "X:list.marks",
            "X:list[value eq \"a\"]",
            "X:list[value eq \"a\"].uses",
            "X:list[state eq \"a\"].uses",
            "X:list[uses eq \"a\" and value eq \"b\"].marks",
        ];
        let op = prop::sample::select(vec!["add", "replace", "remove"]);
        (op, prop::sample::select(paths), value()).prop_map(|(op, path, value)| match (op, path) {
            ("remove", path) => json!({"op": op, "path": path}),
            (_, "") => json!({"op": op, "value": value}),
            _ => json!({"op": op, "path": path, "value": value}),
        })
    }

    fn any_kind() -> ResourceType {
        kind(json!([
            place(),
            {"name": "list", "type": "complex", "multiValued": true, "subAttributes": [
                {"name": "value", "type": "string"},
                {"name": "state", "type": "string", "mutability": "readOnly"},
                {"name": "uses", "type": "string", "multiValued": true},
                {"name": "marks", "type": "string", "multiValued": true, "mutability": "immutable"},
            ]},
        ]))
    }

    fn stored() -> impl Strategy<Value = Value> {
        let place = prop::sample::subsequence(vec!["room", "state", "floor"], 1..=3);
        let some = || prop::sample::subsequence(vec!["a", "b"], 0..=2);
        let element = (prop::sample::select(vec!["a", "b", ""]), some(), some())
            .prop_map(|(value, uses, marks)| json!({"value": value, "uses": uses, "marks": marks}));
        (place, prop::collection::vec(element, 0..3)).prop_map(|(place, list)| {
            let place: serde_json::Map<_, _> =
                place.into_iter().map(|name| (name.to_owned(), "a".into())).collect();
            let body = json!({"schemas": [BASE], X: {"place": place, "list": list}});
            let made = resource::create(&any_kind(), body, &mut Mender::new(Dialect::Auto)).expect("valid");
            let mut extension = made.document.get(X).cloned().unwrap_or_else(|| json!({}));
            if place.contains_key("state") {
                extension["place"]["state"] = "a".into();
            }
            extension
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig {
            cases: 2000, failure_persistence: None, ..ProptestConfig::default()
        })]

        #[test]
        fn sch_6_leaves_what_is_fixed(
            before in stored(),
            operations in prop::collection::vec(operation(), 1..4),
        ) {
            let kind = any_kind();
            let single = operations.len() == 1;
            let text = Value::from(operations.clone()).to_string().replace("\"X", &format!("\"{X}"));
            let operations: Value = serde_json::from_str(&text).unwrap();
            let body = json!({"schemas": [scim::patch::PATCH_URN], "Operations": operations});
            let mut auto = Mender::new(Dialect::Auto);
            let Ok(request) = PatchRequest::parse(body, &kind, &mut auto) else { return Ok(()) };
            let before = if before == json!({}) { document(json!(null)) } else { document(before) };
            let Ok(done) = request.apply(&kind, before.clone(), &mut auto) else { return Ok(()) };
            for fixed in ["room", "doors", "state"] {
                let was = &before[X]["place"][fixed];
                if !was.is_null() || fixed == "state" {
                    prop_assert_eq!(&done.document[X]["place"][fixed], was);
                }
            }
            for element in done.document[X]["list"].as_array().into_iter().flatten() {
                prop_assert_eq!(element.get("state"), None);
            }
            if !done.changed {
                prop_assert_eq!(&done.document, &before);
            } else if single {
                prop_assert_ne!(&done.document, &before);
            }
            let body = done.document.clone();
            let again = resource::replace(&kind, body, &before, &mut Mender::new(Dialect::Strict)).unwrap();
            prop_assert_eq!(&again.document, &done.document);
            let left = json!({"schemas": [BASE]});
            let kept = resource::replace(&kind, left, &before, &mut Mender::new(Dialect::Strict)).unwrap();
            prop_assert_eq!(&kept.document[X]["place"]["room"], &before[X]["place"]["room"]);
        }
    }
}
