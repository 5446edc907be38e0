//! Properties that hold for any input: PATCH keeps documents valid, a PATCH that reports no change changed
//! nothing, and no input makes the core panic.

mod thing;

use proptest::prelude::*;
use scim::{Catalogue, Dialect, Filter, Mender, PatchRequest, Projection, index_keys, resource};
use serde_json::{Value, json};

use thing::{BASE, X};

const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";

fn word() -> impl Strategy<Value = Value> {
    prop::sample::select(vec!["a", "B", "work", "home", "True", "ß", "", "2020-01-01T00:00:00Z"])
        .prop_map(Value::from)
}

fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![5 => word(), 1 => any::<bool>().prop_map(Value::from), 1 => any::<i8>().prop_map(Value::from),
        1 => Just(Value::Null)]
}

fn element() -> impl Strategy<Value = Value> {
    (word(), word(), prop::option::of(any::<bool>())).prop_map(|(value, kind, primary)| match primary {
        Some(primary) => json!({"value": value, "type": kind, "primary": primary}),
        None => json!({"value": value, "type": kind}),
    })
}

fn any_value() -> impl Strategy<Value = Value> {
    prop_oneof![
        scalar(),
        element(),
        prop::collection::vec(prop_oneof![element(), scalar()], 0..4).prop_map(Value::from),
        (scalar(), scalar()).prop_map(|(a, b)| json!({"givenName": a, "familyName": b})),
        (scalar(), element()).prop_map(|(a, b)| json!({"department": a, "manager": b})),
        (word(), element(), scalar()).prop_map(|(a, b, c)| json!({
            "userName": a, "emails": [b], "name.givenName": c, "title": c, ENTERPRISE: {"division": a}
        })),
    ]
}

fn path() -> impl Strategy<Value = Option<String>> {
    let ext = |rest: &str| Some(format!("{ENTERPRISE}{rest}"));
    let mut paths: Vec<Option<String>> =
        vec![None, ext(""), ext(":department"), ext(":manager"), ext(":manager.value")];
    for path in [
        "userName",
        "title",
        "active",
        "name",
        "name.givenName",
        "emails",
        "emails.type",
        "emails.value",
        "members",
        "emails[type eq \"work\"]",
        "emails[type eq \"work\"].value",
        "emails[primary eq true].type",
        "emails[value pr and not (type eq \"home\")].primary",
        "roles",
        "roles[value eq \"a\"]",
        "groups",
        "meta",
        "name[givenName eq \"a\"].familyName",
        "x509Certificates",
        "externalId",
        "password",
        "id",
        "schemas",
    ] {
        paths.push(Some(path.to_owned()));
    }
    prop::sample::select(paths)
}

/// A list and a single value that may point to a resource, with any of their parts returned on request.
fn half_hidden() -> impl Strategy<Value = scim::ResourceType> {
    prop::array::uniform4(any::<bool>()).prop_map(|hidden| {
        let named = ["value", "$ref", "type", "display"].into_iter().zip(hidden);
        let subs: Vec<Value> = named
            .map(|(name, is_hidden)| {
                let returned = if is_hidden { "request" } else { "default" };
                match name {
                    "$ref" => json!({"name": name, "type": "reference", "referenceTypes": ["User"],
                        "returned": returned}),
                    _ => json!({"name": name, "type": "string", "returned": returned}),
                }
            })
            .collect();
        let complex = |name: &str, many: bool| {
            json!({"name": name, "type": "complex", "multiValued": many, "subAttributes": subs})
        };
        thing::thing(json!([complex("list", true), complex("one", false)]))
    })
}

fn pointer() -> impl Strategy<Value = Value> {
    let part = || prop::option::of(0..2_u8);
    (0..3_u8, any::<[bool; 2]>(), part(), part()).prop_map(|(id, [value, uri], kind, display)| {
        let text = |n: u8| n.to_string();
        json!({"value": value.then(|| text(id)), "$ref": uri.then(|| format!("../Users/{id}")),
            "type": kind.map(text), "display": display.map(text)})
    })
}

fn operation() -> impl Strategy<Value = Value> {
    (prop::sample::select(vec!["add", "remove", "replace"]), path(), prop::option::weighted(0.9, any_value()))
        .prop_map(|(op, path, value)| {
            let mut operation = json!({ "op": op });
            if let Some(path) = path {
                operation["path"] = path.into();
            }
            if let Some(value) = value {
                operation["value"] = value;
            }
            operation
        })
}

fn document() -> impl Strategy<Value = Value> {
    (word(), prop::collection::vec(element(), 0..4), scalar(), scalar()).prop_map(
        |(title, emails, name, department)| {
            json!({
                "userName": "bjensen", "title": title, "emails": emails, "name": {"givenName": name},
                ENTERPRISE: {"department": department}
            })
        },
    )
}

fn dialect() -> impl Strategy<Value = Dialect> {
    prop::sample::select(Dialect::ALL.to_vec())
}

fn config() -> ProptestConfig {
    ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn pa_1_any_patch_leaves_a_document_that_strict_accepts(
        body in document(),
        operations in prop::collection::vec(operation(), 1..4),
        dialect in dialect(),
    ) {
        let catalogue = Catalogue::standard();
        let user = catalogue.resource_type("User").unwrap();
        let mut mender = Mender::new(Dialect::Auto);
        let before = resource::create(user, body, &mut mender).unwrap().document;
        let single = operations.len() == 1;
        let body = json!({"schemas": [scim::patch::PATCH_URN], "Operations": operations});
        let mut mender = Mender::new(dialect);
        let Ok(request) = PatchRequest::parse(body, user, &mut mender) else { return Ok(()) };
        let Ok(outcome) = request.apply(user, before.clone(), &mut mender) else { return Ok(()) };
        if !outcome.changed {
            prop_assert_eq!(&outcome.document, &before);
        } else if single {
            prop_assert_ne!(&outcome.document, &before);
        }
        prop_assert_eq!(outcome.changed, !outcome.changed_paths.is_empty());
        let again = resource::create(user, outcome.document.clone(), &mut Mender::new(Dialect::Strict));
        let again = again.map_err(|error| error.detail).map(|accepted| accepted.document);
        prop_assert_eq!(again, Ok(outcome.document.clone()));
        let has_extension = outcome.document.get(ENTERPRISE).is_some();
        let schemas = if has_extension { json!([USER, ENTERPRISE]) } else { json!([USER]) };
        prop_assert_eq!(&outcome.document["schemas"], &schemas);
        index_keys(user, &outcome.document);
    }

    #[test]
    fn pa_5_replacing_twice_is_replacing_once(body in document(), operation in operation()) {
        let mut operation = operation;
        operation["op"] = "replace".into();
        let catalogue = Catalogue::standard();
        let user = catalogue.resource_type("User").unwrap();
        let mut mender = Mender::new(Dialect::Auto);
        let before = resource::create(user, body, &mut mender).unwrap().document;
        let body = json!({"Operations": [operation]});
        let Ok(request) = PatchRequest::parse(body, user, &mut mender) else { return Ok(()) };
        let Ok(once) = request.apply(user, before, &mut mender) else { return Ok(()) };
        // A second time the filter may match no longer, because the first time changed what it asks for.
        let Ok(twice) = request.apply(user, once.document.clone(), &mut mender) else { return Ok(()) };
        if mender.notes().iter().all(|note| note.quirk != scim::Quirk::CreatedElement) {
            prop_assert_eq!(&twice.document, &once.document);
            prop_assert!(!twice.changed);
        }
    }

    #[test]
    fn any_json_is_answered(
        text in "[\\[\\]{}:,\"a-c0-9 ]{0,40}",
        value in any_value(),
        dialect in dialect(),
    ) {
        let catalogue = Catalogue::standard();
        for kind in &catalogue.types {
            let mut mender = Mender::new(dialect);
            let parsed = serde_json::from_str(&text).unwrap_or_default();
            for body in [parsed, value.clone(), json!({"Operations": value})] {
                let _ = resource::create(kind, body.clone(), &mut mender);
                let _ = PatchRequest::parse(body.clone(), kind, &mut mender);
                let _ = scim::list::ListQuery::from_search(body, &mut mender);
            }
            let _ = scim::path::PatchPath::parse(&text);
            let _ = Projection::parse(kind, Some(&text), None);
        }
    }

    #[test]
    fn put_2_what_was_shown_changes_nothing_when_it_is_put(
        kind in half_hidden(),
        list in prop::collection::vec(pointer(), 0..24),
        one in pointer(),
    ) {
        let body = json!({"schemas": [BASE, X], "name": "n", X: {"list": list, "one": one}});
        let mut mender = Mender::new(Dialect::Strict);
        let stored = resource::create(&kind, body, &mut mender).unwrap().document;
        let mut shown = stored.clone();
        Projection::default().apply(&kind, &mut shown);
        let put = resource::replace(&kind, shown, &stored, &mut mender).unwrap();
        prop_assert_eq!(put.document, stored);
    }

    #[test]
    fn f_a_filter_and_its_negation_split_the_resources(
        body in document(),
        text in prop::sample::select(vec![
            "emails[type eq \"work\" and value sw \"a\"]",
            "emails.value ne \"a\"",
            "title gt \"B\"",
            "active pr",
            "not (emails co \"b\") or title eq \"ß\"",
            "emails.primary eq true",
            "name.givenName ew \"\"",
            "emails[not (primary eq true)]",
            "title eq null",
            "nothing ne \"x\"",
        ]),
    ) {
        let catalogue = Catalogue::standard();
        let user = catalogue.resource_type("User").unwrap();
        let mut mender = Mender::new(Dialect::Auto);
        let resource = resource::create(user, body, &mut mender).unwrap().document;
        let plain = Filter::compile(text, user, &mut mender).unwrap();
        let negated = Filter::compile(&format!("not ({text})"), user, &mut mender).unwrap();
        prop_assert_ne!(plain.matches(&resource), negated.matches(&resource));
    }
}
