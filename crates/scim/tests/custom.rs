//! A resource type defined at run time obeys every characteristic (contract SCH-3, SCH-6, SCH-7, SCH-16).

mod thing;

use std::sync::Arc;

use scim::schema::{Extension, Mutability, Returned};
use scim::{
    Attribute, Attributes, Catalogue, Dialect, Filter, Mender, PatchRequest, Projection, ResourceType,
    Schema, ScimError, ScimType, SortBy, Type, resource,
};
use serde_json::{Value, json};

use thing::{BASE, X};

const DEVICE: &str = "urn:example:params:scim:schemas:Device:1.5";
const LOCATION: &str = "urn:example:params:scim:schemas:Device:1.5:Location";

fn attribute(name: &str, kind: Type, change: impl FnOnce(&mut Attribute)) -> Arc<Attribute> {
    let mut attr = Attribute::new(name, kind, "For the test.");
    change(&mut attr);
    Arc::new(attr)
}

fn schema(urn: &str, attributes: Vec<Arc<Attribute>>) -> Arc<Schema> {
    Arc::new(Schema {
        urn: urn.into(),
        name: "Device".into(),
        description: "Device".into(),
        alias: None,
        legacy_urns: Vec::new(),
        attributes: Attributes::new(attributes),
    })
}

/// A device: one attribute for each rule.
fn device() -> ResourceType {
    let plain = |_: &mut Attribute| {};
    let port = vec![
        attribute("number", Type::Integer, |a| a.required = true),
        attribute("label", Type::String, plain),
        attribute("mac", Type::String, |a| a.mutability = Mutability::Immutable),
        attribute("secret", Type::String, |a| a.returned = Returned::Request),
        attribute("key", Type::String, |a| a.returned = Returned::Always),
    ];
    let base = vec![
        attribute("serial", Type::String, |a| {
            a.required = true;
            a.mutability = Mutability::Immutable;
            a.indexed = true;
        }),
        attribute("weight", Type::Decimal, plain),
        attribute("slots", Type::Integer, plain),
        attribute("bought", Type::DateTime, plain),
        attribute("tags", Type::String, |a| a.multi_valued = true),
        attribute("origins", Type::String, |a| {
            a.multi_valued = true;
            a.mutability = Mutability::Immutable;
        }),
        attribute("notes", Type::String, |a| a.returned = Returned::Request),
        attribute("seen", Type::DateTime, |a| a.mutability = Mutability::ReadOnly),
        attribute("ports", Type::Complex, |a| {
            a.multi_valued = true;
            a.sub = Attributes::new(port);
        }),
    ];
    let location = vec![
        attribute("site", Type::String, |a| a.required = true),
        attribute("room", Type::String, plain),
        attribute("building", Type::String, |a| a.mutability = Mutability::Immutable),
        attribute("surveyed", Type::DateTime, |a| a.mutability = Mutability::ReadOnly),
    ];
    let extension = Extension { schema: schema(LOCATION, location), required: false };
    ResourceType::new("Device", "Devices", schema(DEVICE, base), vec![extension])
}

fn sample() -> Value {
    json!({
        "schemas": [DEVICE], "serial": "S1", "weight": 1.5, "slots": 4, "bought": "2020-01-01T00:00:00Z",
        "tags": ["a", "B"], "origins": ["x"], "notes": "n",
        "ports": [{"number": 1, "mac": "m1", "secret": "s", "key": "k"}, {"number": 2}]
    })
}

fn patched(operations: Value) -> Result<Value, ScimError> {
    let kind = device();
    let mut mender = Mender::new(Dialect::Strict);
    let body =
        json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": operations});
    let request = PatchRequest::parse(body, &kind, &mut mender)?;
    request.apply(&kind, sample(), &mut mender).map(|outcome| outcome.document)
}

fn refusal(operation: Value) -> Option<ScimType> {
    patched(json!([operation])).expect_err("it must be refused").scim_type
}

#[test]
fn sch_16_a_type_of_the_account_is_validated_and_listed() {
    let kind = device();
    let mut strict = Mender::new(Dialect::Strict);
    let accepted = resource::create(&kind, sample(), &mut strict).unwrap();
    assert_eq!(accepted.document, sample());
    for (name, value) in [
        ("weight", json!("1.5")),
        ("slots", json!(1.5)),
        ("slots", json!(9_223_372_036_854_775_808_u64)),
        ("bought", json!("monday")),
        ("tags", json!("a")),
        ("tags", json!([["a"]])),
        ("ports", json!([{"label": "x"}])),
        ("serial", json!(null)),
    ] {
        let mut body = sample();
        body[name] = value;
        let error = resource::create(&kind, body, &mut strict).expect_err(name);
        assert_eq!(error.scim_type, Some(ScimType::InvalidValue), "{error}");
        assert!(error.detail.contains(name), "{error}");
    }
    let catalogue = Catalogue { types: vec![Arc::new(kind)] };
    assert_eq!(catalogue.types_json("https://x")[0]["schema"], DEVICE);
    assert_eq!(catalogue.schemas_json("https://x").len(), 2);
    let keys = scim::index_keys(&catalogue.types[0], &sample());
    assert_eq!((keys.len(), &*keys[0].attr, keys[0].key.as_str()), (1, "serial", "s1"));
}

#[test]
fn f_7_a_filter_takes_what_a_body_takes() {
    let kind = device();
    let takes = |dialect: Dialect, name: &str, value: Value| {
        let mut body = sample();
        body[name] = value.clone();
        let in_body = resource::create(&kind, body, &mut Mender::new(dialect)).is_ok();
        let filter = format!("{name} eq {value}");
        let in_filter = scim::Filter::compile(&filter, &kind, &mut Mender::new(dialect)).is_ok();
        assert_eq!(in_body, in_filter, "{filter} in {dialect:?}");
        in_body
    };
    for (text, strict, auto) in [
        ("0000-01-01T00:00:00Z", true, true),
        ("9999-12-31T23:59:59.999999999Z", true, true),
        ("9999-12-31T24:00:00-12:00", true, true),
        ("2026-01-01T00:00:00.00000000000000000001", true, true),
        ("2026-01-01 00:00:00Z", false, true),
        ("2026-01-01t00:00:00Z", false, true),
        ("10000-01-01T00:00:00Z", false, false),
        ("+2026-01-01T00:00:00Z", false, false),
        ("-0001-01-01T00:00:00Z", false, false),
        ("026-01-01T00:00:00Z", false, false),
        ("2026-1-01T00:00:00Z", false, false),
        ("2026-01-01T00:00:00.Z", false, false),
        ("2026-01-01T00:00Z", false, false),
        ("2026-01-01T00:00:00+24:00", false, false),
        ("2026-01-01", false, false),
    ] {
        assert_eq!(takes(Dialect::Strict, "bought", json!(text)), strict, "{text}");
        assert_eq!(takes(Dialect::Auto, "bought", json!(text)), auto, "{text}");
    }
    for (name, value, strict, auto) in [
        ("slots", json!("5"), false, true),
        ("slots", json!("5.0"), false, false),
        ("weight", json!(" 1.5"), false, true),
        ("weight", json!("heavy"), false, false),
        ("weight", json!(18_446_744_073_709_551_615_u64), true, true),
    ] {
        assert_eq!(takes(Dialect::Strict, name, value.clone()), strict, "{name} {value}");
        assert_eq!(takes(Dialect::Auto, name, value.clone()), auto, "{name} {value}");
    }
}

#[test]
fn f_8_decimals_compare_by_all_their_digits() {
    let mut stored = sample();
    stored["weight"] = json!(9_007_199_254_740_993_u64);
    for (test, found) in [
        ("eq 9007199254740993", true),
        ("eq 9007199254740992", false),
        ("gt 9007199254740992", true),
        ("lt 9007199254740994.0", true),
        ("ne 9007199254740992.0", true),
        ("le 9007199254740992.0", false),
    ] {
        let mut mender = Mender::new(Dialect::Strict);
        let filter = scim::Filter::compile(&format!("weight {test}"), &device(), &mut mender).unwrap();
        assert_eq!(filter.matches(&stored), found, "{test}");
    }
}

#[test]
fn sch_6_immutable_is_settable_once() {
    assert_eq!(
        refusal(json!({"op": "replace", "path": "serial", "value": "S2"})),
        Some(ScimType::Mutability)
    );
    assert_eq!(refusal(json!({"op": "remove", "path": "origins"})), Some(ScimType::Mutability));
    let append = json!({"op": "add", "path": "origins", "value": ["y"]});
    assert_eq!(refusal(append), Some(ScimType::Mutability));
    let mac = json!({"op": "replace", "path": "ports[number eq 1].mac", "value": "m2"});
    assert_eq!(refusal(mac), Some(ScimType::Mutability));
    let element = json!({"op": "replace", "path": "ports[number eq 1]", "value": {"number": 1}});
    assert_eq!(refusal(element), Some(ScimType::Mutability));
    let same = patched(json!([
        {"op": "replace", "path": "serial", "value": "S1"},
        {"op": "add", "path": "origins", "value": ["x"]},
        {"op": "add", "path": "ports[number eq 2].mac", "value": "m2"},
    ]));
    assert_eq!(same.unwrap()["ports"][1], json!({"number": 2, "mac": "m2"}));
    let (kind, mut strict) = (device(), Mender::new(Dialect::Strict));
    let mut body = sample();
    body["serial"] = json!("S2");
    let error = resource::replace(&kind, body, &sample(), &mut strict).unwrap_err();
    assert_eq!(error.scim_type, Some(ScimType::Mutability));
    let mut current = sample();
    current["seen"] = json!("2021-01-01T00:00:00Z");
    let body = json!({"schemas": [DEVICE], "serial": "S1", "notes": null});
    let kept = resource::replace(&kind, body, &current, &mut strict).unwrap().document;
    let expected = json!({
        "schemas": [DEVICE], "serial": "S1", "origins": ["x"], "seen": "2021-01-01T00:00:00Z"
    });
    assert_eq!(kept, expected);
}

#[test]
fn sch_6_an_extension_with_a_fixed_value_stays() {
    let kind = device();
    let removed = |extension: Value| {
        let mut strict = Mender::new(Dialect::Strict);
        let mut stored = sample();
        stored[LOCATION] = extension;
        let body = json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
            "Operations": [{"op": "remove", "path": LOCATION}],
        });
        PatchRequest::parse(body, &kind, &mut strict)?.apply(&kind, stored, &mut strict)
    };
    for fixed in
        [json!({"site": "s", "building": "b"}), json!({"site": "s", "surveyed": "2021-01-01T00:00:00Z"})]
    {
        assert_eq!(removed(fixed).unwrap_err().scim_type, Some(ScimType::Mutability));
    }
    assert_eq!(removed(json!({"site": "s", "room": "7"})).unwrap().document, sample());
}

#[test]
fn sch_6_what_an_element_has_fixed_is_not_merged_over() {
    let mut kind = device();
    let badges = attribute("badges", Type::Complex, |a| {
        a.multi_valued = true;
        a.sub = Attributes::new(vec![
            attribute("value", Type::String, |_| ()),
            attribute("note", Type::String, |_| ()),
            attribute("mac", Type::String, |a| a.mutability = Mutability::Immutable),
        ]);
    });
    kind.extensions[0].schema = schema(LOCATION, vec![badges]);
    let path = format!("{LOCATION}:badges");
    let added = |value: Value| {
        let mut strict = Mender::new(Dialect::Strict);
        let mut stored = sample();
        stored[LOCATION] = json!({"badges": [{"value": "v", "mac": "m1"}]});
        let body = json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
            "Operations": [{"op": "add", "path": path, "value": [value]}],
        });
        PatchRequest::parse(body, &kind, &mut strict)?.apply(&kind, stored, &mut strict)
    };
    let error = added(json!({"value": "v", "mac": "m2"})).unwrap_err();
    assert_eq!(error.scim_type, Some(ScimType::Mutability));
    let merged = added(json!({"value": "v", "note": "n"})).unwrap().document;
    assert_eq!(merged[LOCATION]["badges"], json!([{"value": "v", "mac": "m1", "note": "n"}]));
}

#[test]
fn pa_4_required_parts_cannot_be_removed() {
    for path in ["ports.number", "ports[number eq 1].number", "serial"] {
        assert_eq!(refusal(json!({"op": "remove", "path": path})), Some(ScimType::Mutability), "{path}");
    }
    let room = json!({"op": "add", "path": format!("{LOCATION}:room"), "value": "7"});
    assert_eq!(refusal(room.clone()), Some(ScimType::InvalidValue));
    let site = json!({"op": "add", "path": format!("{LOCATION}:site"), "value": "s"});
    let both = patched(json!([room, site])).unwrap();
    assert_eq!(both[LOCATION], json!({"room": "7", "site": "s"}));
    assert_eq!(both["schemas"], json!([DEVICE, LOCATION]));
}

#[test]
fn lists_of_simple_values_are_patched() {
    let tags = |operation: Value| patched(json!([operation])).unwrap()["tags"].clone();
    assert_eq!(tags(json!({"op": "add", "path": "tags", "value": ["c", "a"]})), json!(["a", "B", "c"]));
    assert_eq!(tags(json!({"op": "remove", "path": "tags[value eq \"b\"]"})), json!(["a"]));
    assert_eq!(
        tags(json!({"op": "replace", "path": "tags[value eq \"b\"]", "value": "z"})),
        json!(["a", "z"])
    );
    assert_eq!(
        tags(json!({"op": "replace", "path": "tags[value eq \"b\"].value", "value": "z"})),
        json!(["a", "z"])
    );
    let missing = json!({"op": "replace", "path": "tags[value eq \"q\"]", "value": "z"});
    assert_eq!(refusal(missing), Some(ScimType::NoTarget));
}

#[test]
fn f_8_numbers_and_times_compare_by_value() {
    let kind = device();
    let mut strict = Mender::new(Dialect::Strict);
    for (text, expected) in [
        ("weight gt 1", true),
        ("weight le 1.49", false),
        ("slots ge 4", true),
        ("bought lt \"2020-01-01T01:00:00+02:00\"", false),
        ("bought ge \"2020-01-01T01:00:00+02:00\"", true),
        ("bought eq \"2020-01-01T00:00:00.000000001Z\"", false),
        ("bought lt \"2020-01-01T00:00:00.000000001Z\"", true),
        ("bought eq \"2020-01-01T00:00:00.000000000Z\"", true),
        ("slots gt -0", true),
        ("tags eq \"b\"", true),
        ("tags[value sw \"A\"]", true),
        ("ports[number eq 1 and key pr]", true),
        ("ports[number eq 2 and key pr]", false),
        ("ports.number eq 2", true),
    ] {
        let filter = Filter::compile(text, &kind, &mut strict).unwrap();
        assert_eq!(filter.matches(&sample()), expected, "{text}");
    }
    for text in ["slots eq 1.5", "slots eq 4.0", "slots eq \"4\"", "weight co 1", "ports eq 1"] {
        assert!(Filter::compile(text, &kind, &mut strict).is_err(), "{text}");
    }
    let by = SortBy::parse(&kind, Some("weight"), None, &mut strict).unwrap().unwrap();
    let (light, heavy) = (by.key(&json!({"weight": 0.5})), by.key(&sample()));
    assert!(by.compare(light.as_ref(), heavy.as_ref()).is_lt());
}

#[test]
fn sch_7_returned_decides_what_is_shown() {
    let kind = device();
    let shown = |attributes: Option<&str>, excluded: Option<&str>| {
        let mut resource = sample();
        Projection::parse(&kind, attributes, excluded).unwrap().apply(&kind, &mut resource);
        resource
    };
    let plain = shown(None, None);
    assert_eq!(plain.get("notes"), None);
    assert_eq!(plain["ports"][0], json!({"number": 1, "mac": "m1", "key": "k"}));
    assert_eq!(shown(Some("notes"), None)["notes"], "n");
    assert_eq!(shown(Some("ports.secret"), None)["ports"], json!([{"secret": "s", "key": "k"}]));
    assert_eq!(shown(Some("ports"), None)["ports"][0], json!({"number": 1, "mac": "m1", "key": "k"}));
    assert_eq!(shown(None, Some("ports.key,ports.mac"))["ports"][0], json!({"number": 1, "key": "k"}));
}

#[test]
fn sch_7_the_answer_to_a_write_shows_what_it_names_of_what_comes_on_request() {
    let kind = device();
    let shown = |excluded: Option<&str>, note: &dyn Fn(&mut Projection)| {
        let mut projection = Projection::parse(&kind, None, excluded).unwrap();
        note(&mut projection);
        let mut resource = sample();
        projection.apply(&kind, &mut resource);
        (resource.get("notes").is_some(), resource["ports"][0].get("secret").is_some())
    };
    for (body, expected) in [
        (json!({"serial": "S1"}), (false, false)),
        (json!({"NOTES": "n"}), (true, false)),
        (json!({"ports": [{"number": 1}, {"number": 2, "Secret": "s"}]}), (false, true)),
        (json!({format!("{DEVICE}:notes"): "n", "ports.secret": "s"}), (true, true)),
        (json!("notes"), (false, false)),
    ] {
        assert_eq!(shown(None, &|projection| projection.note_body(&kind, &body)), expected, "{body}");
    }
    let written = json!({"notes": "n", "ports": [{"secret": "s"}]});
    let excluding = |names| shown(Some(names), &|projection| projection.note_body(&kind, &written));
    assert_eq!(excluding("weight"), (true, true));
    assert_eq!(excluding("notes"), (false, true));
    assert_eq!(excluding("ports.secret"), (true, false));
    for (operation, expected) in [
        (json!({"op": "replace", "path": "weight", "value": 1}), (false, false)),
        (json!({"op": "replace", "PATH": "Notes", "value": "n"}), (true, false)),
        (json!({"op": "replace", "path": format!("{DEVICE}:notes"), "value": "n"}), (true, false)),
        (json!({"op": "replace", "path": "ports[number eq 1].secret", "value": "s"}), (false, true)),
        (json!({"op": "add", "path": "ports[number eq 1]", "value": {"secret": "s"}}), (false, true)),
        (json!({"op": "add", "path": "ports", "value": {"number": 3, "secret": "s"}}), (false, true)),
        (json!({"op": "remove", "path": "ports.secret"}), (false, true)),
        (json!({"op": "add", "path": "ports[secret eq \"s\"].label", "value": "l"}), (false, false)),
        (json!({"op": "add", "value": {"notes": "n", "ports": [{"secret": "s"}]}}), (true, true)),
        (json!({"op": "add", "path": "", "value": {"notes": "n"}}), (true, false)),
        (json!({"op": "add", "path": DEVICE, "value": {"notes": "n"}}), (true, false)),
        (json!({"op": "add", "path": "nothing[", "value": "n"}), (false, false)),
    ] {
        let body = json!({"operations": [operation]});
        assert_eq!(shown(None, &|projection| projection.note_operations(&kind, &body)), expected, "{body}");
    }
}

/// What is left of the extension of a stored thing after a PUT with these members.
fn put(attributes: &Value, stored: &Value, mut body: Value) -> Value {
    let kind = thing::thing(attributes.clone());
    let stored = json!({"schemas": [BASE, X], X: stored});
    body["schemas"] = json!([BASE, X]);
    let accepted = resource::replace(&kind, body, &stored, &mut Mender::new(Dialect::Tolerant));
    accepted.expect("a good body").document[X].clone()
}

#[test]
fn put_2_elements_that_look_the_same_stay_as_many() {
    let list = |hidden: &[&str]| {
        let sub = |name: &str| {
            let returned = if hidden.contains(&name) { "request" } else { "default" };
            json!({"name": name, "type": "string", "returned": returned})
        };
        let subs = ["value", "type", "display"].map(sub);
        json!([{"name": "list", "type": "complex", "multiValued": true, "subAttributes": subs}])
    };
    let run = |hidden: &[&str], stored: &Value, shown: &Value| {
        let nested = put(&list(hidden), &json!({"list": stored}), json!({X: {"list": shown}}));
        let by_path = put(&list(hidden), &json!({"list": stored}), json!({(format!("{X}:list")): shown}));
        assert_eq!(nested, by_path);
        nested["list"].clone()
    };
    let stored =
        json!([{"value": "1", "type": "t"}, {"value": "2", "type": "t"}, {"value": "3", "type": "u"}]);
    let (t, u) = (json!({"type": "t"}), json!({"type": "u"}));
    assert_eq!(run(&["value"], &stored, &json!([t, t, u])), stored);
    let turned = json!([stored[2], stored[0], stored[1]]);
    assert_eq!(
        run(&["value"], &stored, &json!([u, {"TYPE": "T"}, t])),
        json!([
            stored[2], {"value": "1", "type": "T"}, stored[1]
        ])
    );
    assert_eq!(run(&["value"], &stored, &json!([u, t, t])), turned);
    // One less is gone; one more is the same again.
    assert_eq!(run(&["value"], &stored, &json!([t, u])), json!([stored[0], stored[2]]));
    assert_eq!(run(&["value"], &stored, &json!([u, t, u, t, t])), turned);
    assert_eq!(run(&["value"], &stored, &json!([{"type": "v"}, {"type": "v"}])), json!([{"type": "v"}]));
    let stored =
        json!([{"value": "k", "type": "1", "display": "a"}, {"value": "k", "type": "2", "display": "b"}]);
    let (a, b) = (json!({"value": "k", "display": "a"}), json!({"value": "K", "display": "b"}));
    let folded = json!({"value": "K", "type": "2", "display": "b"});
    assert_eq!(run(&["type"], &stored, &json!([a, b])), json!([stored[0], folded]));
    assert_eq!(run(&["type"], &stored, &json!([b, a])), json!([folded, stored[0]]));
    let named = json!([{"value": "k", "type": "1", "display": "a"}, a]);
    assert_eq!(run(&["type"], &stored, &named), json!([stored[0], a]), "what is named is what it says");
    // What is never shown is not left out.
    let stored =
        json!([{"value": "1"}, {"value": "2", "type": "t"}, {"value": "3"}, {"value": "4", "type": "t"}]);
    assert_eq!(run(&["value"], &stored, &json!([t, t])), stored);
    let kept = json!([stored[0], u, stored[2]]);
    assert_eq!(run(&["value"], &stored, &json!([u, u])), kept);
    assert_eq!(run(&["value"], &stored, &json!([{"value": "5"}])), json!([{"value": "5"}]));
    assert_eq!(run(&["value"], &stored, &json!([])), Value::Null);
    let many: Vec<Value> = (0..1000).map(|n| json!({"value": n.to_string(), "type": "t"})).collect();
    assert_eq!(run(&["value"], &json!(many), &json!(vec![t; 1000])), json!(many));
}

#[test]
fn put_2_a_key_that_is_a_path_names_what_it_clears() {
    let sub = |name: &str| json!({"name": name, "type": "string", "returned": "request"});
    let complex = |name: &str, many: bool| {
        let subs = [sub("a"), sub("b")];
        json!({"name": name, "type": "complex", "multiValued": many, "subAttributes": subs})
    };
    let attributes = json!([complex("box", false), complex("boxes", true)]);
    let (one, two) = (json!({"a": "1", "b": "2"}), json!({"a": "3", "b": "4"}));
    let stored = json!({"box": one, "boxes": [one, two]});
    let run = |members: Value| put(&attributes, &stored, members);
    let key = |path: &str| format!("{X}:{path}");
    let (no_box, no_boxes) = (json!({"boxes": [one, two]}), json!({"box": one}));
    for nothing in [json!(null), json!({}), json!("")] {
        assert_eq!(run(json!({X: {"box": nothing}})), no_box);
        assert_eq!(run(json!({(key("box")): nothing})), no_box);
        assert_eq!(run(json!({(key("BOX").to_uppercase()): nothing})), no_box);
        assert_eq!(run(json!({X: [{"box": nothing}]})), no_box);
    }
    assert_eq!(run(json!({(key("boxes")): []})), no_boxes);
    for nothing in [json!(null), json!(""), json!([]), json!([null])] {
        assert_eq!(run(json!({X: nothing})), Value::Null);
    }
    for members in [json!({}), json!({X: {}}), json!({X: [{}]})] {
        assert_eq!(run(members), stored);
    }
    let parts = json!({"box": {"b": "2"}, "boxes": [{"a": "1"}, {"a": "3"}]});
    assert_eq!(run(json!({(key("box.a")): null, (key("boxes.b")): null})), parts);
    assert_eq!(run(json!({X: {"box.a": null, "boxes.b": null}})), parts);
}

#[test]
fn too_many_values_and_comparisons_are_refused() {
    let many: Vec<String> = (0..1001).map(|n| n.to_string()).collect();
    let error = patched(json!([{"op": "add", "path": "tags", "value": many}])).unwrap_err();
    assert!(error.detail.contains("at most 1000"), "{error}");
    let tags = |numbers: std::ops::Range<u32>| numbers.map(|n| n.to_string()).collect::<Vec<_>>();
    let halves = [0..600, 600..1200].map(|half| json!({"op": "add", "path": "tags", "value": tags(half)}));
    assert!(patched(json!(halves)).unwrap_err().detail.contains("at most 1000"));
    let list = json!({"op": "replace", "path": "tags", "value": tags(0..1000)});
    let touch = json!({"op": "remove", "path": "tags[value eq \"x\"]"});
    let mut operations = vec![list];
    operations.extend(vec![touch; 1001]);
    assert!(patched(json!(operations)).unwrap_err().detail.contains("several requests"));
}

#[test]
fn f_3_minus_zero_is_zero() {
    let kind = device();
    for (weight, zero) in [(json!(-0.0), true), (json!(0), true), (json!(0.5), false)] {
        for (op, literal) in [("eq", "0"), ("eq", "-0.0"), ("ge", "0"), ("le", "0")] {
            let text = format!("weight {op} {literal}");
            let filter = Filter::compile(&text, &kind, &mut Mender::new(Dialect::Strict)).unwrap();
            let wanted = zero || op == "ge";
            assert_eq!(filter.matches(&json!({"weight": weight})), wanted, "{weight} {text}");
        }
    }
}
