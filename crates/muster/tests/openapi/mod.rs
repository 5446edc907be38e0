//! Holds the OpenAPI document against the server. Each request that a test of the suite sends, and each
//! answer it gets, is compared with what the document says of the route: an answer with a member, or a
//! status, that is not described fails its test.

mod served;
mod walk;

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex};

use http::Method;
use jsonschema::Validator;
use serde_json::{Value, json};

use crate::actors::Answer;

static DOCUMENT: LazyLock<Value> = LazyLock::new(muster::router::openapi::document);
/// As the document, but that an answer has no member that is not described.
static CLOSED: LazyLock<Value> = LazyLock::new(|| {
    let mut closed = DOCUMENT.clone();
    close(&mut closed);
    closed
});
static VALIDATORS: LazyLock<Mutex<HashMap<String, Arc<Validator>>>> = LazyLock::new(Mutex::default);

/// Any request can be answered so: the document tells it of all at once.
const ANYWHERE: [u16; 3] = [414, 429, 431];

/// Operations that judge each part of their body alone, and answer 200 whatever becomes of it.
const PART_BY_PART: [&str; 2] = ["POST /authz/api/roleassignments/multi", "PUT /ng/api/settings"];

fn close(value: &mut Value) {
    if let Some(items) = value.as_array_mut() {
        items.iter_mut().for_each(close);
    }
    let Some(members) = value.as_object_mut() else { return };
    members.values_mut().for_each(close);
    if members.get("properties").is_some_and(Value::is_object)
        && !members.contains_key("additionalProperties")
    {
        members.insert("additionalProperties".into(), json!(false));
    }
}

/// One operation of the document.
#[derive(Clone, Copy)]
struct Operation {
    name: &'static str,
    told: &'static Value,
}

/// (method and path, operation) of all.
static OPERATIONS: LazyLock<Vec<(String, &'static Value)>> = LazyLock::new(|| {
    let paths = DOCUMENT["paths"].as_object().expect("paths");
    let of = |(path, item): (&'static String, &'static Value)| {
        let methods = item.as_object().expect("a path has methods").iter();
        methods.map(move |(method, told)| (format!("{} {path}", method.to_uppercase()), told))
    };
    paths.iter().flat_map(of).collect()
});

fn fits(template: &str, path: &str) -> Option<usize> {
    let (template, path): (Vec<_>, Vec<_>) = (template.split('/').collect(), path.split('/').collect());
    let fits =
        |(wanted, found): (&&str, &&str)| wanted == found || wanted.starts_with('{') && !found.is_empty();
    let same = template.len() == path.len() && template.iter().zip(&path).all(fits);
    same.then(|| template.iter().filter(|part| part.starts_with('{')).count())
}

impl Operation {
    /// That which a request means; the one with the fewest variables where several fit.
    fn of(method: &Method, target: &str) -> Option<Self> {
        let path = target.split(['?', '#']).next()?;
        let path = path.strip_prefix("/gateway").unwrap_or(path);
        let candidates = OPERATIONS.iter().filter_map(|(name, told)| {
            let (of, template) = name.split_once(' ')?;
            let variables = (of == method.as_str()).then(|| fits(template, path)).flatten()?;
            Some((variables, Self { name, told }))
        });
        candidates.min_by_key(|(variables, _)| *variables).map(|(_, found)| found)
    }

    fn parameters(self) -> impl Iterator<Item = &'static Value> {
        self.told["parameters"].as_array().into_iter().flatten()
    }

    fn body(self) -> &'static Value {
        &self.told["requestBody"]["content"]["application/json"]["schema"]
    }
}

/// What is wrong with the value by the schema; `key` names the schema.
fn complaints(key: String, root: &Value, schema: &Value, value: &Value) -> Vec<String> {
    let known = VALIDATORS.lock().unwrap().get(&key).cloned();
    let validator = known.unwrap_or_else(|| {
        let mut whole = json!({"components": root["components"]});
        whole.as_object_mut().unwrap().extend(schema.as_object().cloned().unwrap_or_default());
        let made = jsonschema::options().should_validate_formats(true).build(&whole);
        let made = Arc::new(made.unwrap_or_else(|error| panic!("{key}: {error}")));
        VALIDATORS.lock().unwrap().insert(key, made.clone());
        made
    });
    validator.iter_errors(value).map(|error| format!("{}: {error:.300}", error.instance_path())).collect()
}

/// The answer that the document tells of.
fn answer_of(operation: Operation, status: u16) -> (String, &'static Value) {
    let told = &CLOSED["paths"];
    let (method, path) = operation.name.split_once(' ').expect("a method and a path");
    let responses = &told[path][method.to_lowercase()]["responses"];
    let found = responses.get(status.to_string()).unwrap_or_else(|| {
        assert!(
            ANYWHERE.contains(&status),
            "{} can answer {status}, which openapi.json does not tell",
            operation.name
        );
        &responses["default"]
    });
    match found["$ref"].as_str() {
        Some(place) => (place.to_owned(), CLOSED.pointer(&place[1..]).expect("what is pointed to is there")),
        None => (format!("{} {status}", operation.name), found),
    }
}

/// Compares a request and its answer with the document.
#[track_caller]
pub fn compare(
    method: &Method,
    target: &str,
    sent: &[(String, String)],
    body: Option<&str>,
    answer: &Answer,
) {
    let Some(operation) = Operation::of(method, target) else { return };
    let (key, told) = answer_of(operation, answer.status);
    let media = answer.header("content-type").split(';').next().unwrap_or("");
    if media.ends_with("yaml") {
        return;
    }
    if answer.text.is_empty() && media.is_empty() {
        assert!(told.get("content").is_none(), "{}: openapi.json tells of a body", operation.name);
        return;
    }
    let content = &told["content"][media];
    assert!(!content.is_null(), "{} answered {} as {media}", operation.name, answer.status);
    if media == "application/json" {
        let wrong = complaints(format!("answer {key}"), &CLOSED, &content["schema"], &answer.json);
        assert!(
            wrong.is_empty(),
            "{} {}:\n{}\n{}",
            operation.name,
            answer.status,
            wrong.join("\n"),
            answer.text
        );
    }
    if answer.status < 300 {
        query_fits(operation, target);
        let whole = !PART_BY_PART.contains(&operation.name);
        let in_json = !sent.iter().any(|(name, value)| name == "content-type" && value != "application/json");
        if let Some(body) = body.filter(|_| whole && in_json && !operation.body().is_null()) {
            body_fits(operation, body);
        }
    }
}

/// Compares an answer that came by another way than the actors'.
#[track_caller]
pub fn compare_answer(name: &'static str, status: u16, answer: &Value) {
    let (method, path) = name.split_once(' ').expect("a method and a path");
    let operation = Operation::of(&Method::from_bytes(method.as_bytes()).expect("a method"), path);
    let (key, told) = answer_of(operation.expect("it is told of"), status);
    let schema = &told["content"]["application/json"]["schema"];
    let wrong = complaints(format!("answer {key}"), &CLOSED, schema, answer);
    assert!(wrong.is_empty(), "{name} {status}:\n{}\n{answer}", wrong.join("\n"));
}

/// A body that was taken is one that the document allows. Empty texts count as absent, as null does.
#[track_caller]
fn body_fits(operation: Operation, body: &str) {
    let Ok(mut sent) = serde_json::from_str::<Value>(body) else { return };
    without_empty(&mut sent);
    let wrong = complaints(format!("body {}", operation.name), &DOCUMENT, operation.body(), &sent);
    assert!(wrong.is_empty(), "{} took a body:\n{}\n{body}", operation.name, wrong.join("\n"));
}

fn without_empty(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.retain(|_, member| *member != "");
            members.values_mut().for_each(without_empty);
        }
        Value::Array(items) => items.iter_mut().for_each(without_empty),
        _ => {}
    }
}

/// A query that was taken has what the document demands, in the form that it tells.
#[track_caller]
fn query_fits(operation: Operation, target: &str) {
    let query = target.split_once('?').map_or("", |(_, query)| query);
    let sent: Vec<_> =
        url::form_urlencoded::parse(query.as_bytes()).filter(|(_, value)| !value.is_empty()).collect();
    for parameter in operation.parameters().filter(|parameter| parameter["in"] == "query") {
        let name = parameter["name"].as_str().expect("a parameter has a name");
        let values: Vec<_> =
            sent.iter().filter(|(sent, _)| sent == name).map(|(_, value)| &**value).collect();
        assert!(!values.is_empty() || parameter["required"] != true, "{} did without {name}", operation.name);
        let schema = &parameter["schema"];
        let read = |text: &str| match schema["type"].as_str() {
            Some("integer") => text.trim().parse::<i64>().map_or(json!(text), Value::from),
            Some("boolean") => text.trim().to_lowercase().parse::<bool>().map_or(json!(text), Value::from),
            Some("array") if name != "sortOrders" => {
                json!(text.split(',').map(str::trim).collect::<Vec<_>>())
            }
            Some("array") => json!([text]),
            _ => json!(text),
        };
        for value in values {
            let key = format!("parameter {} {name}", operation.name);
            let wrong = complaints(key, &DOCUMENT, schema, &read(value));
            assert!(wrong.is_empty(), "{} took {name}={value}:\n{}", operation.name, wrong.join("\n"));
        }
    }
}
