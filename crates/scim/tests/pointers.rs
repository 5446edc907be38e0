//! What points to a resource by `value` and `$ref` points to one (contract SCH-15).

mod thing;

use scim::{Catalogue, Dialect, Mender, PatchRequest, Quirk, ResourceType, ScimError, ScimType, resource};
use serde_json::{Value, json};

use thing::{BASE, X};

const ENTERPRISE: &str = scim::standard::ENTERPRISE_URN;

fn uri(id: &str) -> String {
    format!("https://x.example/scim/v2/acme/Users/{id}")
}

fn both(id: &str) -> Value {
    json!({"value": id, "$ref": uri(id)})
}

/// A type with a list of owners, and links whose `$ref` leads anywhere.
fn thing() -> ResourceType {
    let list = |name: &str, types: Value| {
        json!({"name": name, "type": "complex", "multiValued": true, "subAttributes": [
            {"name": "value", "type": "string"}, {"name": "role", "type": "string"},
            {"name": "$ref", "type": "reference", "referenceTypes": types}]})
    };
    thing::thing(json!([list("owners", json!(["User"])), list("links", json!(["external"]))]))
}

fn patched_in(
    mender: &mut Mender,
    kind: &ResourceType,
    stored: Value,
    operation: Value,
) -> Result<Value, ScimError> {
    let body = json!({"schemas": [scim::patch::PATCH_URN], "Operations": [operation]});
    Ok(PatchRequest::parse(body, kind, mender)?.apply(kind, stored, mender)?.document)
}

fn manager(dialect: Dialect, operation: Value) -> (Result<Value, ScimError>, usize) {
    let catalogue = Catalogue::standard();
    let user = catalogue.resource_type("User").expect("the standard type");
    let stored = json!({"schemas": [user.base.urn, ENTERPRISE], "userName": "ada", (ENTERPRISE): {"manager": both("1")}});
    let mut mender = Mender::new(dialect);
    let done = patched_in(&mut mender, user, stored, operation);
    let notes = mender.notes().iter().filter(|note| note.quirk == Quirk::ReferenceMismatch).count();
    (done.map(|document| document[ENTERPRISE]["manager"].clone()), notes)
}

#[test]
fn sch_15_the_id_of_a_manager_follows_his_uri() {
    let (at, sub) = (format!("{ENTERPRISE}:manager"), format!("{ENTERPRISE}:manager.$ref"));
    for op in ["add", "replace"] {
        for operation in [
            json!({"op": op, "path": at, "value": {"$ref": uri("2")}}),
            json!({"op": op, "path": sub, "value": uri("2")}),
            json!({"op": op, "value": {(ENTERPRISE): {"manager": {"$ref": uri("2")}}}}),
            json!({"op": op, "path": at, "value": {"$ref": uri("2"), "value": null}}),
            json!({"op": op, "path": at, "value": both("2")}),
            json!({"op": op, "path": format!("{at}[value eq \"1\"].$ref"), "value": uri("2")}),
            json!({"op": op, "path": format!("{at}[value eq \"1\"]"), "value": {"$ref": uri("2")}}),
        ] {
            for dialect in [Dialect::Strict, Dialect::Auto] {
                assert_eq!(manager(dialect, operation.clone()), (Ok(both("2")), 0), "{operation}");
            }
        }
    }
    let replace = |path: &str, value: Value| {
        manager(Dialect::Strict, json!({"op": "replace", "path": path, "value": value}))
    };
    assert_eq!(replace(&sub, json!(uri("a%20b"))).0, Ok(json!({"value": "a b", "$ref": uri("a%20b")})));
    assert_eq!(replace(&sub, json!("../Users/2?x#y")).0, Ok(json!({"value": "2", "$ref": "../Users/2?x#y"})));
    assert_eq!(replace(&sub, json!("https://x.example/")).0, Ok(json!({"$ref": "https://x.example/"})));
    assert_eq!(replace(&sub, Value::Null).0, Ok(json!({"value": "1"})));
    assert_eq!(replace(&format!("{at}.value"), json!("2")).0, Ok(json!({"value": "2"})));
}

#[test]
fn sch_15_keys_that_are_paths_name_one_person_in_any_order() {
    let key = |sub: &str| format!("{ENTERPRISE}:manager.{sub}");
    let run = |value: Value| manager(Dialect::Entra, json!({"op": "replace", "value": value}));
    for (value, reference, wanted) in [
        ("2", uri("2"), (Ok(both("2")), 0)),
        ("2", uri("3"), (Ok(json!({"value": "2"})), 1)),
        ("1", uri("3"), (Ok(both("1")), 1)),
    ] {
        assert_eq!(run(json!({(key("value")): value, (key("$ref")): reference})), wanted);
        assert_eq!(run(json!({(key("$ref")): reference, (key("value")): value})), wanted);
        for inner in [
            json!({"manager.value": value, "manager": {"$ref": reference}}),
            json!({"manager.$ref": reference, "manager": {"value": value}}),
        ] {
            assert_eq!(run(json!({ENTERPRISE: inner})), wanted);
        }
    }
}

#[test]
fn sch_15_an_id_that_is_cleared_follows_the_uri_beside_it_in_any_order() {
    let key = |sub: &str| format!("{ENTERPRISE}:manager.{sub}");
    let put = |members: Value| {
        let catalogue = Catalogue::standard();
        let user = catalogue.resource_type("User").unwrap();
        let mut body = json!({"schemas": [user.base.urn, ENTERPRISE], "userName": "ada"});
        body.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        let created = resource::create(user, body.clone(), &mut Mender::new(Dialect::Auto))?;
        let stored = json!({"schemas": [user.base.urn, ENTERPRISE], "id": "1", "userName": "ada",
            (ENTERPRISE): {"manager": both("1")}});
        let replaced = resource::replace(user, body, &stored, &mut Mender::new(Dialect::Auto))?;
        assert_eq!(replaced.document, created.document);
        Ok::<_, ScimError>(replaced.document[ENTERPRISE]["manager"].clone())
    };
    let run = |value: Value| {
        for op in ["add", "replace"] {
            let operation = json!({"op": op, "value": value});
            assert_eq!(manager(Dialect::Auto, operation), (Ok(both("2")), 0), "{op} {value}");
        }
        assert_eq!(put(value.clone()), Ok(both("2")), "{value}");
    };
    for nothing in [Value::Null, json!("")] {
        for (one, other) in [
            ((key("value"), nothing.clone()), (key("$ref"), json!(uri("2")))),
            ((key("value"), nothing.clone()), (format!("{ENTERPRISE}:manager"), json!({"$ref": uri("2")}))),
            ((key("value"), nothing.clone()), (ENTERPRISE.into(), json!({"manager": {"$ref": uri("2")}}))),
            ((key("value"), nothing.clone()), (ENTERPRISE.into(), json!({"manager.$ref": uri("2")}))),
            ((key("$ref"), json!(uri("2"))), (format!("{ENTERPRISE}:manager"), json!({"value": nothing}))),
            ((key("$ref"), json!(uri("2"))), (ENTERPRISE.into(), json!({"manager": {"value": nothing}}))),
            ((key("$ref"), json!(uri("2"))), (ENTERPRISE.into(), json!({"manager.value": nothing}))),
            ((key("$ref"), json!(uri("2"))), (format!("{ENTERPRISE}:manager"), nothing.clone())),
        ] {
            run(Value::Object([one.clone(), other.clone()].into_iter().collect()));
            run(Value::Object([other, one].into_iter().collect()));
        }
    }
    // The other way round the id is what is left.
    let two = |one: (&str, Value), other: (&str, Value)| {
        let value = json!({(key(one.0)): one.1, (key(other.0)): other.1});
        assert_eq!(put(value.clone()), Ok(json!({"value": "2"})));
        manager(Dialect::Auto, json!({"op": "replace", "value": value})).0
    };
    assert_eq!(two(("value", json!("2")), ("$ref", Value::Null)), Ok(json!({"value": "2"})));
    assert_eq!(two(("$ref", Value::Null), ("value", json!("2"))), Ok(json!({"value": "2"})));
}

#[test]
fn sch_16_an_id_beside_a_uri_that_leads_anywhere_is_written_first() {
    let kind = thing::thing(json!([{"name": "link", "type": "complex", "subAttributes": [
        {"name": "value", "type": "string"},
        {"name": "$ref", "type": "reference", "referenceTypes": ["external"]}]}]));
    let home = json!({"value": "home", "$ref": "https://x.example/1"});
    let stored = || json!({"schemas": [BASE, X], X: {"link": home}});
    let (at, leads) = (|sub: &str| format!("{X}:link.{sub}"), "https://x.example/2");
    for (value, wanted) in
        [(Value::Null, json!({"$ref": leads})), (json!("work"), json!({"value": "work", "$ref": leads}))]
    {
        for keys in [
            json!({(at("value")): value, (at("$ref")): leads}),
            json!({(at("$ref")): leads, (at("value")): value}),
        ] {
            let operation = json!({"op": "replace", "value": keys});
            let done = patched_in(&mut Mender::new(Dialect::Auto), &kind, stored(), operation).unwrap();
            assert_eq!(done[X]["link"], wanted, "{keys}");
        }
    }
}

#[test]
fn sch_15_a_manager_is_one_person() {
    let two = json!({"value": "2", "$ref": uri("3")});
    let operation = json!({"op": "replace", "path": format!("{ENTERPRISE}:manager"), "value": two});
    let error = manager(Dialect::Strict, operation.clone()).0.unwrap_err();
    assert_eq!(error.scim_type, Some(ScimType::InvalidValue));
    for words in [
        "Operation 1",
        "manager.$ref is",
        "Users/3\"",
        "beside it is \"2\"",
        "send a $ref that ends with the value",
    ] {
        assert!(error.detail.contains(words), "{error}");
    }
    assert_eq!(manager(Dialect::Entra, operation), (Ok(json!({"value": "2"})), 1));
    let catalogue = Catalogue::standard();
    let user = catalogue.resource_type("User").unwrap();
    let create = |dialect, manager: &Value| {
        let urns = json!([user.base.urn, ENTERPRISE]);
        let body = json!({"schemas": urns, "userName": "ada", (ENTERPRISE): {"manager": manager}});
        let stored =
            json!({"schemas": urns, "id": "1", "userName": "ada", (ENTERPRISE): {"manager": both("1")}});
        let made = resource::create(user, body.clone(), &mut Mender::new(dialect))?;
        let replaced = resource::replace(user, body, &stored, &mut Mender::new(dialect))?;
        assert_eq!(replaced.document, made.document);
        Ok::<_, ScimError>(made.document[ENTERPRISE]["manager"].clone())
    };
    assert!(create(Dialect::Strict, &two).is_err());
    assert_eq!(create(Dialect::Okta, &two), Ok(json!({"value": "2"})));
    for dialect in [Dialect::Strict, Dialect::Okta] {
        assert_eq!(create(dialect, &both("2")), Ok(both("2")));
        assert_eq!(create(dialect, &json!({"$ref": uri("2")})), Ok(both("2")));
    }
}

#[test]
fn sch_16_what_an_account_defines_points_to_one_resource_too() {
    let kind = thing();
    let (at, links) = (format!("{X}:owners"), format!("{X}:links"));
    let run = |stored: Value, operation: Value| {
        let stored = json!({"schemas": [BASE, X], X: stored});
        patched_in(&mut Mender::new(Dialect::Tolerant), &kind, stored, operation)
            .map(|document| document[X].clone())
    };
    let stored = || json!({"owners": [both("1"), both("2")]});
    let after = |one: Value| Ok(json!({"owners": [one, both("2")]}));
    let change =
        |path: String, value: Value| run(stored(), json!({"op": "replace", "path": path, "value": value}));
    assert_eq!(change(format!("{at}[value eq \"1\"].$ref"), json!(uri("3"))), after(both("3")));
    assert_eq!(change(format!("{at}[value eq \"1\"].value"), json!("3")), after(json!({"value": "3"})));
    let merged =
        json!({"op": "add", "path": format!("{at}[value eq \"1\"]"), "value": {"value": "3", "role": "x"}});
    assert_eq!(run(stored(), merged), after(json!({"value": "3", "role": "x"})));
    let made = json!({"op": "add", "path": format!("{at}[role eq \"x\"].$ref"), "value": uri("3")});
    let new = json!({"role": "x", "value": "3", "$ref": uri("3")});
    assert_eq!(run(stored(), made), Ok(json!({"owners": [both("1"), both("2"), new]})));
    let by_uri = |filter: &str| json!({"op": "add", "path": format!("{at}[{filter}].role"), "value": "x"});
    let made = by_uri(&format!("$ref eq \"{}\"", uri("3")));
    let new = json!({"value": "3", "$ref": uri("3"), "role": "x"});
    assert_eq!(run(json!({"owners": [both("1")]}), made), Ok(json!({"owners": [both("1"), new]})));
    let two = by_uri(&format!("$ref eq \"{}\" and value eq \"4\"", uri("3")));
    assert_eq!(run(stored(), two).unwrap_err().scim_type, Some(ScimType::NoTarget));
    let other = json!({"op": "add", "path": format!("{at}[value eq \"9\"].$ref"), "value": uri("3")});
    assert_eq!(run(stored(), other).unwrap_err().scim_type, Some(ScimType::NoTarget));
    // What leads anywhere is no id.
    let link = json!({"value": "home", "$ref": "https://x.example/ada"});
    let added = json!({"op": "add", "path": links, "value": [link]});
    assert_eq!(run(json!({}), added), Ok(json!({"links": [link]})));
}

#[test]
fn put_2_what_points_elsewhere_keeps_nothing_of_where_it_pointed() {
    let kind = thing::thing(json!([{"name": "owner", "type": "complex", "subAttributes": [
        {"name": "value", "type": "string"}, {"name": "note", "type": "string", "returned": "request"},
        {"name": "$ref", "type": "reference", "referenceTypes": ["User"], "returned": "request"}]}]));
    let stored = json!({"schemas": [BASE, X], X: {"owner": {"value": "1", "$ref": uri("1"), "note": "n"}}});
    let put = |owner: Value| {
        let body = json!({"schemas": [BASE, X], X: {"owner": owner}});
        let accepted = resource::replace(&kind, body, &stored, &mut Mender::new(Dialect::Strict)).unwrap();
        accepted.document[X]["owner"].clone()
    };
    assert_eq!(put(json!({"value": "1"})), json!({"value": "1", "$ref": uri("1"), "note": "n"}));
    assert_eq!(put(json!({"value": "2"})), json!({"value": "2", "note": "n"}));
    assert_eq!(put(json!({"$ref": uri("2")})), json!({"$ref": uri("2"), "value": "2", "note": "n"}));
}

#[test]
fn put_2_what_points_nowhere_keeps_nothing_of_where_it_pointed() {
    let point = |shown: &[&str]| {
        let sub = |(name, kind): (&str, &str)| {
            let returned = if shown.contains(&name) { "default" } else { "request" };
            let mut sub = json!({"name": name, "type": kind, "returned": returned});
            if kind == "reference" {
                sub["referenceTypes"] = json!(["User"]);
            }
            sub
        };
        let subs = [("value", "string"), ("$ref", "reference"), ("display", "string"), ("note", "string")];
        json!([{"name": "point", "type": "complex", "subAttributes": subs.map(sub)}])
    };
    let put = |shown: &[&str], mut body: Value| {
        let kind = thing::thing(point(shown));
        let whole = json!({"value": "1", "$ref": uri("1"), "display": "Ann", "note": "n"});
        let stored = json!({"schemas": [BASE, X], X: {"point": whole}});
        body["schemas"] = json!([BASE, X]);
        let accepted = resource::replace(&kind, body, &stored, &mut Mender::new(Dialect::Tolerant)).unwrap();
        accepted.document[X]["point"].clone()
    };
    let nested = |shown: &[&str], point: Value| put(shown, json!({X: {"point": point}}));
    let zoe = json!({"display": "Z", "note": "n"});
    assert_eq!(nested(&["value"], json!({"display": "Z"})), zoe);
    assert_eq!(nested(&["value"], json!({"display": "Z", "value": null})), zoe);
    assert_eq!(put(&["value"], json!({(format!("{X}:point.display")): "Z"})), zoe);
    assert_eq!(nested(&["$ref"], json!({"display": "Z"})), zoe);
    assert_eq!(nested(&[], json!({"display": "Z", "value": null})), zoe);
    assert_eq!(put(&[], json!({(format!("{X}:point.value")): null})), json!({"note": "n"}));
    let both =
        |id: &str, display: &str| json!({"value": id, "$ref": uri(id), "display": display, "note": "n"});
    assert_eq!(nested(&[], json!({"display": "Z"})), both("1", "Z"), "nothing says that it points elsewhere");
    assert_eq!(nested(&["value"], json!({"value": "1"})), both("1", "Ann"));
    assert_eq!(nested(&["value"], json!({"value": "1", "display": "Z"})), both("1", "Z"));
    assert_eq!(nested(&["$ref"], json!({"$ref": uri("1")})), both("1", "Ann"));
    assert_eq!(nested(&["value"], json!({"value": "2"})), json!({"value": "2", "note": "n"}));
    let moved = json!({"value": "2", "$ref": uri("2"), "note": "n"});
    assert_eq!(nested(&["$ref"], json!({"$ref": uri("2")})), moved);
    assert_eq!(nested(&["value", "$ref"], json!({"$ref": uri("2")})), moved);
    let kept = json!({"value": "1", "display": "Ann", "note": "n"});
    assert_eq!(nested(&["value", "$ref"], json!({"value": "1"})), kept, "it is the same one");
}
