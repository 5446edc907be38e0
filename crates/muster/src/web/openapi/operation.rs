//! One operation of the document.

use std::collections::BTreeSet;

use http::Method;
use serde_json::{Map, Value, json};

use super::errors;

/// One method of one path. Parts of its handler and what its slice says of it fill it in.
#[derive(Clone)]
pub struct Operation {
    pub(super) method: Method,
    pub(super) path: String,
    /// Behind the id, where the same is under another path with the id alone.
    mark: &'static str,
    tag: &'static str,
    pub(super) told: [&'static str; 3],
    parameters: Vec<Value>,
    body: Option<Value>,
    headers: Map<String, Value>,
    content: Value,
    security: Vec<&'static str>,
    pub(super) status: u16,
    pub(super) errors: BTreeSet<u16>,
    others: Map<String, Value>,
    pub(super) servers: Option<Value>,
    pub(super) oauth: bool,
}

/// The parameters of a path.
fn variables(path: &str) -> Vec<Value> {
    let names = path.split('{').skip(1).filter_map(|rest| rest.split_once('}'));
    let parameter =
        |(name, _)| json!({"name": name, "in": "path", "required": true, "schema": {"type": "string"}});
    names.map(parameter).collect()
}

impl Operation {
    pub(super) fn new(method: Method, path: &'static str, tag: &'static str) -> Self {
        Self {
            parameters: variables(path),
            method,
            path: path.to_owned(),
            mark: "",
            tag,
            told: [""; 3],
            body: None,
            headers: Map::new(),
            content: Value::Null,
            security: Vec::new(),
            status: 200,
            errors: BTreeSet::new(),
            others: Map::new(),
            servers: None,
            oauth: false,
        }
    }

    /// The same under another base, where it is below this one.
    pub(super) fn below(&self, base: &str, other: &str) -> Option<Self> {
        let rest = self.path.strip_prefix(base)?;
        Some(Self { path: format!("{other}{rest}"), mark: "ByAlias", ..self.clone() })
    }

    /// The same in another place, where it is below this base of the account.
    pub(super) fn within(&self, base: &str, place: &str, mark: &'static str) -> Option<Self> {
        let rest = self.path.strip_prefix(base).and_then(|_| self.path.strip_prefix("/v1"))?;
        let mut parameters = variables(place);
        parameters.extend(self.parameters.iter().cloned());
        Some(Self { path: format!("/v1{place}{rest}"), parameters, mark, ..self.clone() })
    }

    /// A credential opens it, by one of these schemes.
    pub fn secured(&mut self, schemes: &[&'static str]) {
        self.security.extend(schemes);
        self.errors.extend([400, 401, 403]);
    }

    /// Also these statuses can be its answer.
    pub fn fails(&mut self, statuses: &[u16]) {
        self.errors.extend(statuses);
    }

    /// A parameter of the components.
    pub fn shared(&mut self, name: &str) {
        self.parameters.push(json!({"$ref": format!("#/components/parameters/{name}")}));
    }

    /// The members of a query, as schema of an object.
    pub(super) fn query(&mut self, query: &Value) {
        let required = query["required"].as_array().cloned().unwrap_or_default();
        for (name, schema) in query["properties"].as_object().into_iter().flatten() {
            let mut schema = schema.clone();
            let description = schema.as_object_mut().and_then(|schema| schema.remove("description"));
            let mut parameter = json!({"name": name, "in": "query"});
            if let Some(description) = description {
                parameter["description"] = description;
            }
            if required.contains(&json!(name)) {
                parameter["required"] = json!(true);
            }
            parameter["schema"] = schema;
            self.parameters.push(parameter);
        }
        self.errors.insert(400);
    }

    pub(super) fn take(&mut self, name: &str) {
        self.parameters.push(json!({"name": name, "in": "query", "schema": {"type": "string"}}));
    }

    pub(super) fn choice(&mut self, name: &str, words: &[&str]) {
        let schema = json!({"type": "string", "enum": words});
        self.parameters.push(json!({"name": name, "in": "query", "schema": schema}));
    }

    pub(super) fn repeatable(&mut self, name: &str, items: Value) {
        let schema = json!({"type": "array", "items": items});
        self.parameters.push(json!({"name": name, "in": "query", "explode": true, "schema": schema}));
    }

    fn parameter(&mut self, name: &str) -> &mut Value {
        let Self { path, parameters, .. } = self;
        let found = parameters.iter_mut().find(|parameter| parameter["name"] == name);
        found.unwrap_or_else(|| panic!("{path} takes no {name}"))
    }

    pub(super) fn forget(&mut self, name: &str) {
        self.parameter(name);
        self.parameters.retain(|parameter| parameter["name"] != name);
    }

    pub(super) fn demand(&mut self, name: &str) {
        self.parameter(name)["required"] = json!(true);
    }

    pub(super) fn body(&mut self, media: &str, schema: Value, required: bool) {
        self.body = Some(json!({"required": required, "content": {media: {"schema": schema}}}));
        self.errors.extend([400, 408, 413, 415]);
    }

    pub(super) fn need(&mut self, member: &str) {
        let within = |inner: Value, name: &str| json!({"type": "object", "properties": {name: inner}, "required": [name]});
        let demand = member.rsplit('.').fold(json!({"type": "string"}), within);
        let body = self.body.as_mut().expect("what needs a member has a body");
        let schema = &mut body["content"]["application/json"]["schema"];
        match schema.get_mut("allOf").and_then(Value::as_array_mut) {
            Some(all) => all.push(demand),
            None => *schema = json!({"allOf": [schema.take(), demand]}),
        }
    }

    pub(super) fn content(&mut self, media: &str, schema: Value) {
        self.content = json!({media: {"schema": schema}});
    }

    pub(super) fn otherwise(&mut self, status: u16, schema: Value) {
        let content = json!({"application/json": {"schema": schema}});
        self.others.insert(status.to_string(), json!({"description": "Not done", "content": content}));
    }

    pub(super) fn cached(&mut self) {
        self.header("ETag");
        let tags = json!({"type": "string"});
        self.parameters.push(json!({"name": "If-None-Match", "in": "header", "schema": tags}));
        self.others.insert("304".into(), json!({"description": "Not changed"}));
    }

    /// The envelope around `data`.
    pub(super) fn envelope(&mut self, data: &Value) {
        let schema = json!({
            "type": "object",
            "properties": {
                "status": {"const": "SUCCESS"}, "data": data, "metaData": {"type": "null"},
                "correlationId": {"type": "string", "format": "uuid"}
            },
            "required": ["status", "data", "metaData", "correlationId"]
        });
        self.content("application/json", schema);
    }

    /// A header of its answer, of the components.
    pub(super) fn header(&mut self, name: &str) {
        self.headers.insert(name.to_owned(), json!({"$ref": format!("#/components/headers/{name}")}));
    }

    pub(super) fn finish(mut self) -> Value {
        self.header("X-Request-Id");
        let [id, permission, summary] = self.told;
        let mark = self.mark;
        let mut answer = json!({"description": "Done", "headers": self.headers});
        if !self.content.is_null() {
            answer["content"] = self.content;
        }
        let mut responses = json!({self.status.to_string(): answer});
        for status in self.errors {
            responses[status.to_string()] = errors::response(status, self.oauth);
        }
        for (status, answer) in self.others {
            responses[status] = answer;
        }
        responses["default"] = errors::other(self.oauth);
        let security: Vec<_> = self.security.iter().map(|scheme| json!({*scheme: []})).collect();
        let mut shown = json!({
            "operationId": format!("{id}{mark}"), "summary": summary, "tags": [self.tag], "x-permission": permission,
            "security": security
        });
        if let Some(servers) = self.servers {
            shown["servers"] = servers;
        }
        if !self.parameters.is_empty() {
            shown["parameters"] = json!(self.parameters);
        }
        if let Some(body) = self.body {
            shown["requestBody"] = body;
        }
        shown["responses"] = responses;
        shown
    }
}
