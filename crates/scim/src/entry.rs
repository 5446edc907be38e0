//! What a bulk request has as sent: its envelope, and each operation for itself (RFC 7644 §3.7). Operations
//! that refer to each other are not its matter.

use serde_json::{Map, Value, json};

use crate::bulk::{BULK_REQUEST_URN, Entry, Method, Operation};
use crate::dialect::{Mender, Quirk};
use crate::error::ScimError;
use crate::name::{excerpt, lists_urn};
use crate::once::own_names_once;
use crate::patch::PATCH_URN;
use crate::schema::Catalogue;
use crate::value::is_nothing;

/// Checks the envelope; hands out `failOnErrors` and `Operations`.
pub(crate) fn envelope(body: Value, mender: &mut Mender) -> Result<(Option<u64>, Vec<Value>), ScimError> {
    let Value::Object(map) = body else {
        return Err(ScimError::invalid_syntax(
            "A bulk request is a JSON object with schemas and Operations.",
        ));
    };
    own_names_once(&map)?;
    let (mut named, mut fail, mut operations) = (false, None, None);
    for (key, value) in map {
        if key.eq_ignore_ascii_case("schemas") {
            named = lists_urn(&value, BULK_REQUEST_URN);
        } else if key.eq_ignore_ascii_case("failOnErrors") && !is_nothing(&value) {
            fail = match value.as_u64() {
                Some(number @ 1..) => Some(number),
                Some(0) if mender.mend(Quirk::ZeroForNoLimit, "failOnErrors") => None,
                _ => {
                    let text = "failOnErrors must be a whole number above 0; leave it out to go on.";
                    return Err(ScimError::invalid_value(text));
                }
            };
        } else if key.eq_ignore_ascii_case("Operations") {
            operations = Some(value);
        }
    }
    if !named && !mender.mend(Quirk::IncompleteSchemas, BULK_REQUEST_URN) {
        return Err(ScimError::invalid_syntax(format!(
            "schemas of a bulk request must list {BULK_REQUEST_URN}."
        )));
    }
    match operations {
        Some(Value::Array(list)) if !list.is_empty() => Ok((fail, list)),
        _ => Err(ScimError::invalid_syntax("Operations must be a list of one operation or more.")),
    }
}

/// The members of an operation, as sent.
#[derive(Default)]
struct Members {
    method: Option<Value>,
    bulk_id: Option<Value>,
    version: Option<Value>,
    path: Option<Value>,
    data: Option<Value>,
}

impl Members {
    fn of(map: Map<String, Value>) -> Self {
        let mut found = Self::default();
        for (key, value) in map {
            let named = |name: &str| key.eq_ignore_ascii_case(name);
            let place = match () {
                () if named("method") => &mut found.method,
                () if named("bulkId") => &mut found.bulk_id,
                () if named("version") => &mut found.version,
                () if named("path") => &mut found.path,
                () if named("data") => &mut found.data,
                () => continue,
            };
            *place = Some(value).filter(|value| !is_nothing(value));
        }
        found
    }
}

fn text(name: &str, value: Option<&Value>) -> Result<Option<String>, ScimError> {
    match value {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(ScimError::invalid_value(format!("{name} of an operation must be a string."))),
    }
}

/// One operation as sent, or what is wrong with it.
pub(crate) fn entry(operation: Value, catalogue: &Catalogue, mender: &mut Mender) -> Entry {
    let Value::Object(map) = operation else {
        let error = ScimError::invalid_syntax("An operation is an object with method, path and data.");
        return Entry { method: None, bulk_id: None, path: None, operation: Err(error), needs: Vec::new() };
    };
    let once = own_names_once(&map);
    let members = Members::of(map);
    let bulk_id = members.bulk_id.as_ref().and_then(Value::as_str).map(str::to_owned);
    let name = members.method.as_ref().and_then(Value::as_str).unwrap_or_default();
    let method = Method::ALL.into_iter().find(|method| method.as_str().eq_ignore_ascii_case(name));
    let path = members.path.as_ref().and_then(Value::as_str).filter(|_| method != Some(Method::Post));
    let path = path.map(|path| path.split('/').filter(|part| !part.is_empty()).collect::<Vec<_>>().join("/"));
    let path = path.filter(|path| !path.is_empty());
    let operation = once
        .and_then(|()| allowed(method, name, mender))
        .and_then(|method| checked(method, members, catalogue, mender));
    Entry { method, bulk_id, path, operation, needs: Vec::new() }
}

fn allowed(method: Option<Method>, name: &str, mender: &mut Mender) -> Result<Method, ScimError> {
    match method {
        Some(method) if method.as_str() == name || mender.mend(Quirk::OperationCase, name) => Ok(method),
        _ => Err(ScimError::invalid_syntax("method of an operation must be POST, PUT, PATCH or DELETE.")),
    }
}

fn checked(
    method: Method,
    members: Members,
    catalogue: &Catalogue,
    mender: &mut Mender,
) -> Result<Operation, ScimError> {
    let bulk_id = text("bulkId", members.bulk_id.as_ref())?;
    if method == Method::Post && bulk_id.is_none() {
        return Err(ScimError::invalid_value("A POST needs a bulkId, by which its result is told apart."));
    }
    let version = text("version", members.version.as_ref())?;
    let path = text("path", members.path.as_ref())?.unwrap_or_default();
    let (endpoint, id) = split(&path, method, catalogue)?;
    let data = match (method, members.data) {
        (Method::Delete, _) => Value::Null,
        (Method::Patch, Some(list @ Value::Array(_))) if mender.mend(Quirk::IncompleteSchemas, PATCH_URN) => {
            json!({"schemas": [PATCH_URN], "Operations": list})
        }
        (_, Some(data @ Value::Object(_))) => data,
        _ => {
            return Err(ScimError::invalid_syntax(format!(
                "data of a {} must be an object: the body it would have as a request of its own.",
                method.as_str()
            )));
        }
    };
    Ok(Operation { method, endpoint, id, version, data })
}

/// `/Users` or `/Users/{id}`. Slashes too many count as little as in the path of a request.
fn split(path: &str, method: Method, catalogue: &Catalogue) -> Result<(String, Option<String>), ScimError> {
    let mut parts = path.trim_matches('/').splitn(2, '/');
    let endpoint = parts.next().unwrap_or_default();
    let id = parts.next().map(|id| id.trim_start_matches('/'));
    let Some(kind) = catalogue.by_endpoint(endpoint) else {
        return Err(ScimError::plain(
            404,
            format!("path {:?} names no list of resources: see /ResourceTypes.", excerpt(path)),
        ));
    };
    let endpoint = &kind.endpoint;
    let fits = id.is_none() == (method == Method::Post) && !id.unwrap_or_default().contains(['/', '?']);
    if !fits {
        let form = if method == Method::Post { "" } else { "/{id}" };
        return Err(ScimError::invalid_value(format!(
            "path of a {} must be /{endpoint}{form}, not {:?}.",
            method.as_str(),
            excerpt(path)
        )));
    }
    Ok((endpoint.clone(), id.map(str::to_owned)))
}
