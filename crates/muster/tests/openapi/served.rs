//! The document itself: what is in it, and how it is served.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use http::Method;
use serde_json::{Value, json};

use super::{CLOSED, DOCUMENT, OPERATIONS, Operation, answer_of, body_fits, complaints, query_fits};
use crate::actors::World;
use crate::both_engines;
use crate::sweep;

#[test]
fn the_document_has_every_route_and_no_other() {
    let told: BTreeSet<String> = OPERATIONS.iter().map(|(name, _)| name.clone()).collect();
    let mut known = sweep::platform_routes();
    // What is for browsers is no API.
    known.retain(|route| route != "GET /" && !route.starts_with("GET /console"));
    let missing: Vec<_> = known.difference(&told).collect();
    let beside: Vec<_> = told.difference(&known).collect();
    assert!(missing.is_empty(), "openapi.json does not tell of {missing:#?}");
    assert!(beside.is_empty(), "openapi.json tells of {beside:#?}, which are not there");
}

#[test]
fn every_operation_has_an_id_of_its_own_and_stands_in_a_section() {
    let mut ids = BTreeSet::new();
    for (name, told) in OPERATIONS.iter() {
        let id = told["operationId"].as_str().expect("an id");
        assert!(ids.insert(id), "{name}: {id} is the id of another");
        assert!(id.chars().all(char::is_alphanumeric), "{name}: {id}");
        let summary = told["summary"].as_str().expect("a summary");
        assert!(
            !summary.ends_with('.') && summary.chars().next().is_some_and(char::is_uppercase),
            "{summary}"
        );
    }
}

/// A cell of docs/api.md, without marks.
fn plain(cell: &str) -> String {
    cell.replace('`', "").split("; see below").next().unwrap_or_default().trim().to_owned()
}

#[test]
fn sections_and_permissions_are_those_of_the_page() {
    let mut rows = BTreeMap::new();
    let (mut section, mut before) = (String::new(), String::new());
    for line in sweep::api_page().lines() {
        if let Some(heading) = line.strip_prefix("## ") {
            heading.clone_into(&mut section);
        }
        let cells: Vec<_> = line.split(" | ").collect();
        let route = cells[0].strip_prefix("| `").and_then(|cell| cell.strip_suffix('`'));
        if let (Some(route), Some(permission)) = (route, cells.get(1)) {
            let permission = if *permission == "the same" { before.clone() } else { plain(permission) };
            before.clone_from(&permission);
            rows.insert(route.to_owned(), (section.clone(), permission));
        }
    }
    for (name, told) in OPERATIONS.iter() {
        let (section, permission) = rows.get(name).unwrap_or_else(|| panic!("{name} has no row"));
        assert_eq!(told["tags"][0], **section, "{name}");
        let asked = told["x-permission"].as_str().expect("a permission");
        // Words that the page explains above its table are explained behind a colon.
        assert_eq!(asked.split(':').next(), Some(permission.as_str()), "{name}");
    }
}

#[test]
fn what_is_pointed_to_is_there_and_what_is_there_is_pointed_to() {
    let text = DOCUMENT.to_string();
    let pointed: BTreeSet<&str> =
        text.split("\"$ref\":\"#").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    for place in &pointed {
        assert!(DOCUMENT.pointer(place).is_some(), "{place} is not there");
    }
    for kind in ["schemas", "responses", "parameters", "headers"] {
        for name in DOCUMENT["components"][kind].as_object().expect("components").keys() {
            let place = format!("/components/{kind}/{name}");
            assert!(pointed.contains(place.as_str()), "nothing points to {place}");
        }
    }
}

/// Method, path with query and body of each example of docs/api.md.
fn examples() -> Vec<(Method, String, Option<String>)> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/api.md");
    let page = fs::read_to_string(path).expect("docs/api.md is there");
    let blocks = page.split("```sh").skip(1).filter_map(|rest| rest.split("```").next());
    let calls = blocks.flat_map(|block| block.split("curl ").skip(1));
    let between = |text: &str, begin: &str, end: char| {
        let (_, rest) = text.split_once(begin)?;
        rest.split(end).next().map(str::to_owned)
    };
    let read = |call: &str| {
        let body = between(call, "-d '", '\'');
        let method = between(call, "-X ", ' ')
            .unwrap_or_else(|| if call.contains("-d ") { "POST" } else { "GET" }.into());
        let target = between(call, "\"$BASE", '"').expect("an example has a URL");
        (Method::from_bytes(method.as_bytes()).expect("a method"), target, body)
    };
    calls.map(read).collect()
}

#[test]
fn the_examples_of_the_page_fit() {
    let examples = examples();
    assert!(examples.len() > 20, "they are read: {examples:?}");
    for (method, target, body) in examples {
        let operation = Operation::of(&method, &target).unwrap_or_else(|| panic!("{method} {target}"));
        query_fits(operation, &target);
        if let Some(body) = body {
            assert!(serde_json::from_str::<Value>(&body).is_ok(), "{body}");
            body_fits(operation, &body);
        }
    }
}

/// A real answer, with one member more, with one less, and with one of another kind.
#[test]
fn an_answer_that_differs_from_the_document_is_found() {
    let of = Operation::of(&Method::GET, "/ng/api/jwt-trusts/some").expect("it is told of");
    let (key, told) = answer_of(of, 404);
    let schema = &told["content"]["application/json"]["schema"];
    let fits = |answer: &Value| complaints(format!("answer {key}"), &CLOSED, schema, answer).is_empty();
    let sent = json!({
        "status": "ERROR", "code": "ENTITY_NOT_FOUND", "message": "m", "detailedMessage": null, "metadata": null,
        "correlationId": "0197b3a1-9c5e-7000-8000-000000000000", "responseMessages": []
    });
    assert!(fits(&sent));
    let [mut more, mut less, mut other, mut id] = [sent.clone(), sent.clone(), sent.clone(), sent];
    more["more"] = json!(1);
    less.as_object_mut().expect("an object").remove("metadata");
    other["message"] = json!(1);
    id["correlationId"] = json!("no UUID");
    for wrong in [more, less, other, id] {
        assert!(!fits(&wrong), "{wrong}");
    }
}

both_engines! {
    async fn the_document_is_served_and_can_be_asked_for_anew(world: World) {
        let anyone = world.anon();
        for path in ["/openapi.json", "/gateway/openapi.json"] {
            let answer = anyone.get(path).await.expect(200);
            assert!(answer.json == *DOCUMENT, "it is not what the source says: run make docs");
            assert_eq!(answer.header("content-type"), "application/json");
            assert_eq!(answer.header("cache-control"), "no-cache");
            let tag = answer.header("etag").to_owned();
            assert!(tag.starts_with('"'), "a strong tag: {tag}");
            for known in [tag.clone(), format!("\"other\", {tag}"), format!("W/{tag}"), "*".into()] {
                let again = anyone.with("if-none-match", &known).get(path).await.expect(304);
                assert_eq!((again.text.as_str(), again.header("etag")), ("", tag.as_str()));
            }
            anyone.with("if-none-match", "\"other\"").get(path).await.expect(200);
        }
    }
}
