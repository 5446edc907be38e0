//! Runs the cases of tests/rfc/*.json: PATCH, filters, and create or replace bodies as clients send them.

use scim::patch::Which;
use scim::{DetachedChange, Dialect, Filter, Mender, PatchRequest, ResourceType, ScimError, resource};
use serde_json::{Map, Value, json};

const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

fn cases(text: &str) -> Vec<Value> {
    // `{ent}` stands for the URN of the enterprise extension, to keep the cases readable.
    serde_json::from_str(&text.replace("{ent}", ENTERPRISE)).expect("the case file is JSON")
}

fn kind_of(case: &Value) -> std::sync::Arc<ResourceType> {
    let name = case["type"].as_str().unwrap_or("User");
    scim::Catalogue::standard().resource_type(name).expect("a known type").clone()
}

fn mender_of(case: &Value) -> Mender {
    Mender::new(Dialect::parse(case["dialect"].as_str().unwrap_or("strict")).expect("a known dialect"))
}

fn with_schemas(kind: &ResourceType, document: &Value) -> Value {
    let mut map = Map::new();
    map.insert("schemas".into(), json!([kind.base.urn]));
    map.extend(document.as_object().expect("an object").clone());
    Value::Object(map)
}

fn quirks(mender: &Mender) -> Value {
    mender.notes().iter().map(|note| note.quirk.name()).collect()
}

fn keyword(error: &ScimError) -> Value {
    assert!(error.detail.len() < 500 && error.detail.ends_with(['.', ']']), "{}", error.detail);
    json!(error.scim_type.map(scim::ScimType::as_str))
}

fn change(change: &DetachedChange) -> Value {
    match change {
        DetachedChange::Add(values) => json!({ "add": values }),
        DetachedChange::Remove(Which::Ids(ids)) => json!({ "remove": ids }),
        DetachedChange::Remove(Which::Among(ids, _)) => json!({ "removeAmong": ids }),
        DetachedChange::Remove(Which::Matching(_)) => json!("removeWhere"),
        DetachedChange::Refuse(error) => json!({ "refuse": error.scim_type.map(scim::ScimType::as_str) }),
        DetachedChange::Clear => json!("clear"),
        DetachedChange::Demand(Which::Ids(ids)) => json!({ "demand": ids }),
        DetachedChange::Demand(Which::Among(ids, _)) => json!({ "demandAmong": ids }),
        DetachedChange::Demand(Which::Matching(_)) => json!("demandWhere"),
        DetachedChange::Replace(values) => json!({ "replace": values }),
    }
}

/// Compares only what the case names.
fn expect(case: &Value, name: &str, found: &Value) {
    if let Some(expected) = case.get(name) {
        assert_eq!(found, expected, "{name} of {}", case["name"]);
    }
}

fn run_patch(case: &Value) {
    let kind = kind_of(case);
    let mut mender = mender_of(case);
    let body = match case.get("body") {
        Some(body) => body.clone(),
        None => json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
            "Operations": case["operations"],
        }),
    };
    let before = with_schemas(&kind, &case["before"]);
    let result = PatchRequest::parse(body, &kind, &mut mender)
        .and_then(|request| request.apply(&kind, before.clone(), &mut mender).map(|done| (request, done)));
    match result {
        Err(error) => {
            assert_eq!(keyword(&error), case["error"], "{}: {error}", case["name"]);
            if let Some(start) = case.get("detail").and_then(Value::as_str) {
                assert!(error.detail.starts_with(start), "{}: {error}", case["name"]);
            }
        }
        Ok((request, outcome)) => {
            assert_eq!(case.get("error"), None, "{} must fail", case["name"]);
            let after = case.get("after").map_or(before, |after| with_schemas(&kind, after));
            assert_eq!(outcome.document, after, "{}", case["name"]);
            assert_eq!(outcome.changed, case.get("after").is_some(), "changed of {}", case["name"]);
            expect(case, "paths", &json!(outcome.changed_paths));
            let detached: Value = request.detached().iter().map(|op| change(&op.change)).collect();
            assert_eq!(&detached, case.get("detached").unwrap_or(&json!([])), "{}", case["name"]);
            expect(
                case,
                "password",
                &json!(request.password().map(|change| match change {
                    scim::PasswordChange::Set(text) => json!(text),
                    scim::PasswordChange::Clear => Value::Null,
                })),
            );
        }
    }
    expect(case, "quirks", &quirks(&mender));
}

#[test]
fn patch_cases() {
    let cases = cases(include_str!("rfc/patch.json"));
    assert!(cases.len() > 60);
    cases.iter().for_each(run_patch);
}

#[test]
fn filter_cases() {
    let file: Value =
        serde_json::from_str(&include_str!("rfc/filter.json").replace("{ent}", ENTERPRISE)).unwrap();
    for case in file["cases"].as_array().unwrap() {
        let kind = kind_of(case);
        let mut mender = mender_of(case);
        let filter = case["filter"].as_str().unwrap();
        match Filter::compile(filter, &kind, &mut mender) {
            Err(error) => assert_eq!(keyword(&error), case["error"], "{filter}: {error}"),
            Ok(expr) => {
                let list = file[&kind.endpoint].as_array().unwrap();
                let ids: Value = list.iter().filter(|r| expr.matches(r)).map(|r| r["id"].clone()).collect();
                assert_eq!(ids, case["ids"], "{filter}");
            }
        }
    }
}

fn run_body(case: &Value) {
    let kind = kind_of(case);
    let mut mender = mender_of(case);
    let result = match case.get("current") {
        Some(current) => {
            resource::replace(&kind, case["body"].clone(), &with_schemas(&kind, current), &mut mender)
        }
        None => resource::create(&kind, case["body"].clone(), &mut mender),
    };
    match result {
        Err(error) => assert_eq!(keyword(&error), case["error"], "{}: {error}", case["name"]),
        Ok(accepted) => {
            assert_eq!(case.get("error"), None, "{} must fail", case["name"]);
            let mut document = accepted.document.clone();
            if case["document"].get("schemas").is_none() {
                document.as_object_mut().expect("a document is an object").shift_remove("schemas");
            }
            assert_eq!(document, case["document"], "{}", case["name"]);
            expect(case, "password", &json!(accepted.password));
            let detached: Value = accepted.detached.iter().map(|d| json!(d.values)).collect();
            expect(case, "detached", &detached);
            assert!(!format!("{accepted:?}").contains("t1meMa$heen"));
        }
    }
    expect(case, "quirks", &quirks(&mender));
}

#[test]
fn body_cases() {
    let cases = cases(include_str!("rfc/body.json"));
    assert!(cases.len() > 25);
    cases.iter().for_each(run_body);
}

/// The cases of one statement of the contract, by the names they begin with.
fn named(id: &str) {
    let prefix = format!("{id}_");
    let mine = |text: &str| -> Vec<Value> {
        cases(text)
            .into_iter()
            .filter(|case| case["name"].as_str().is_some_and(|name| name.starts_with(&prefix)))
            .collect()
    };
    let (patches, bodies) = (mine(include_str!("rfc/patch.json")), mine(include_str!("rfc/body.json")));
    assert!(patches.len() + bodies.len() > 0, "no case begins with {prefix}");
    patches.iter().for_each(run_patch);
    bodies.iter().for_each(run_body);
}

macro_rules! named_cases {
    ($(fn $id:ident();)+) => {$(
        #[test]
        fn $id() {
            named(stringify!($id));
        }
    )+};
}

named_cases! {
    fn c_1();
    fn c_3();
    fn c_4();
    fn c_5();
    fn c_6();
    fn grp_1();
    fn grp_2();
    fn pa_1();
    fn pa_3();
    fn pa_4();
    fn pa_5();
    fn pa_6();
    fn pa_7();
    fn pa_9();
    fn pa_10();
    fn pa_11();
    fn pa_12();
    fn pa_13();
    fn pa_14();
    fn pa_15();
    fn pa_16();
    fn pp_2();
    fn pp_4();
    fn put_2();
    fn put_4();
    fn pwd_1();
    fn sch_1();
    fn sch_2();
    fn sch_3();
    fn sch_6();
    fn sch_14();
}
