//! Whole resources: checks and normalises the body of a create or replace. What the server sets (`id`,
//! `meta`, other readOnly attributes) is dropped from the body, the password and detached attributes are
//! handed out apart. It never stores or reads anything.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use serde_json::{Map, Value};

use crate::dialect::{Mender, Quirk};
use crate::element::object_at;
use crate::error::ScimError;
use crate::fixed::keep_fixed;
use crate::keys::{OddKeys, quirk_of};
use crate::once::names_once;
use crate::patch::{DetachedChange, PasswordChange, PatchRequest};
use crate::required::{check_elements, check_required, is_missing, required};
use crate::schema::{AttrRef, Attribute, Mutability, ResourceType, Schema};
use crate::unseen::Named;
use crate::value::{
    Place, is_unassigned, kind_of, normalise, normalise_elements, says_something, unknown_attribute,
};

/// A body that passed.
#[derive(Clone)]
pub struct Accepted {
    /// The normalised document: `schemas` first, then the attributes; no `id`, `meta`, password or detached
    /// attributes.
    pub document: Value,
    /// The password, if the body has one.
    pub password: Option<String>,
    /// Every detached attribute of the resource type with the elements of the body (none: empty list), but
    /// for those that a replace leaves as they are.
    pub detached: Vec<Detached>,
}

/// Elements of a detached attribute.
#[derive(Debug, Clone, PartialEq)]
pub struct Detached {
    /// The attribute, such as `members`.
    pub attr: AttrRef,
    /// Its elements: objects with `value`, each id once.
    pub values: Vec<Value>,
}

/// Does not show the password.
impl fmt::Debug for Accepted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Accepted")
            .field("document", &self.document)
            .field("password", &self.password.as_ref().map(|_| "…"))
            .field("detached", &self.detached)
            .finish()
    }
}

/// Checks the body of a create (RFC 7644 §3.3). Errors: 400 `invalidSyntax` or `invalidValue`.
pub fn create(kind: &ResourceType, body: Value, mender: &mut Mender) -> Result<Accepted, ScimError> {
    let (accepted, _) = accept(kind, body, mender)?;
    check_complete(kind, &accepted)?;
    Ok(accepted)
}

/// Checks the body of a replace (RFC 7644 §3.5.1) against the stored document: omitted readWrite attributes
/// are cleared but for those that are returned on request, readOnly ones of the stored document stay,
/// immutable ones must match. A missing password leaves the stored one, and so, where the dialect mends that,
/// does a value of which nothing is left. Errors: as for create, and 400 `mutability`.
pub fn replace(
    kind: &ResourceType,
    body: Value,
    current: &Value,
    mender: &mut Mender,
) -> Result<Accepted, ScimError> {
    let named = Named::of(kind, &body, mender.dialect());
    let (mut accepted, emptied) = accept(kind, body, mender)?;
    keep_emptied(&mut accepted, current, emptied, mender);
    let (Value::Object(new), Some(old)) = (&mut accepted.document, current.as_object()) else {
        return Err(ScimError::plain(500, "The stored resource is not an object."));
    };
    keep_fixed(kind.top(), None, new, old)?;
    if let Some(named) = &named {
        named.keep_unseen(kind.top(), None, new, old)?;
    }
    for extension in &kind.extensions {
        let schema = &extension.schema;
        let Some(old) = old.get(&schema.urn).and_then(Value::as_object) else { continue };
        let mut inner = match new.shift_remove(&schema.urn) {
            Some(Value::Object(map)) => map,
            _ => Map::new(),
        };
        keep_fixed(&schema.attributes, Some(schema), &mut inner, old)?;
        if let Some(named) = &named {
            named.keep_unseen(&schema.attributes, Some(schema), &mut inner, old)?;
        }
        if !inner.is_empty() {
            new.insert(schema.urn.clone(), Value::Object(inner));
        }
    }
    let schemas = schemas_of(kind, new);
    new.insert("schemas".to_owned(), schemas);
    check_complete(kind, &accepted)?;
    Ok(accepted)
}

/// The `schemas` that go with a document: the base schema and each extension that has data.
pub(crate) fn schemas_of(kind: &ResourceType, document: &Map<String, Value>) -> Value {
    let present = kind.extensions.iter().map(|ext| &ext.schema.urn).filter(|urn| document.contains_key(*urn));
    std::iter::once(&kind.base.urn).chain(present).map(|urn| Value::from(urn.as_str())).collect()
}

fn check_complete(kind: &ResourceType, accepted: &Accepted) -> Result<(), ScimError> {
    let Some(map) = accepted.document.as_object() else { return Ok(()) };
    for attr in kind.top().iter().filter(|attr| is_missing(attr, map)) {
        let given = if attr.is_secret() {
            accepted.password.is_some()
        } else {
            attr.detached
                && accepted.detached.iter().any(|d| d.attr.attr.name == attr.name && !d.values.is_empty())
        };
        if !given {
            return Err(required(&attr.name));
        }
    }
    for extension in &kind.extensions {
        match map.get(&extension.schema.urn).and_then(Value::as_object) {
            Some(inner) => check_required(&extension.schema, inner)?,
            None if extension.required => return Err(required(&extension.schema.urn)),
            None => {}
        }
    }
    Ok(())
}

/// Leaves as it is what the body names by nothing but what is dropped: its client did not say that it goes.
fn keep_emptied(accepted: &mut Accepted, current: &Value, emptied: Vec<AttrRef>, mender: &mut Mender) {
    let Some(document) = accepted.document.as_object_mut() else { return };
    for attr in emptied {
        let name = &attr.attr.name;
        if attr.attr.detached {
            let is_empty = |slot: &Detached| slot.attr == attr && slot.values.is_empty();
            if accepted.detached.iter().any(is_empty) && mender.mend(Quirk::NothingLeft, &attr) {
                accepted.detached.retain(|slot| !is_empty(slot));
            }
            continue;
        }
        let urn = attr.extension.as_ref().map(|schema| schema.urn.as_str());
        let old = urn.map_or(Some(current), |urn| current.get(urn)).and_then(|holder| holder.get(name));
        // A dotted key may have said it.
        let new = urn.map_or(Some(&*document), |urn| document.get(urn).and_then(Value::as_object));
        let is_said = new.is_some_and(|holder| holder.contains_key(name));
        let Some(old) = old.filter(|_| !is_said) else { continue };
        if mender.mend(Quirk::NothingLeft, &attr) {
            let holder = if let Some(urn) = urn { object_at(document, urn) } else { &mut *document };
            holder.insert(name.clone(), old.clone());
        }
    }
}

/// What the body says beside the document.
struct Intake<'a> {
    kind: &'a ResourceType,
    mender: &'a mut Mender,
    document: Map<String, Value>,
    claimed: Option<Value>,
    password: Option<String>,
    detached: Vec<Detached>,
    /// Keys that are no attribute names, of the body and of each extension: they count when all others are
    /// read, so that it makes no difference where they stand.
    odd: Vec<OddKeys>,
    /// What the body names, and of which nothing is left.
    emptied: Vec<AttrRef>,
}

/// The body's own, and the attributes that it names by nothing but what is dropped.
fn accept(
    kind: &ResourceType,
    body: Value,
    mender: &mut Mender,
) -> Result<(Accepted, Vec<AttrRef>), ScimError> {
    names_once(&body)?;
    let Value::Object(body) = body else {
        return Err(ScimError::invalid_syntax(format!(
            "The body must be a JSON object; the request has {}.",
            kind_of(&body)
        )));
    };
    let detached = kind
        .detached()
        .iter()
        .map(|attr| Detached { attr: AttrRef::new(None, attr, None), values: Vec::new() });
    let mut intake = Intake {
        document: Map::from_iter([("schemas".to_owned(), Value::Null)]),
        claimed: None,
        password: None,
        detached: detached.collect(),
        odd: Vec::new(),
        emptied: Vec::new(),
        kind,
        mender,
    };
    let mut odd_keys = Map::new();
    for (key, value) in body {
        if let Some(attr) = kind.top().get(&key) {
            intake.top(attr, key, value)?;
        } else if let Some(schema) = kind.extension(&key) {
            intake.extension(schema, value)?;
        } else {
            odd_keys.insert(key, value);
        }
    }
    if !odd_keys.is_empty() {
        intake.odd.push((None, odd_keys));
    }
    if !intake.odd.is_empty() {
        intake.odd_keys()?;
    }
    let schemas = schemas_of(kind, &intake.document);
    intake.check_schemas(&schemas)?;
    intake.document.insert("schemas".to_owned(), schemas);
    let accepted = Accepted {
        document: Value::Object(intake.document),
        password: intake.password,
        detached: intake.detached,
    };
    Ok((accepted, intake.emptied))
}

impl Intake<'_> {
    fn top(&mut self, attr: &Arc<Attribute>, key: String, value: Value) -> Result<(), ScimError> {
        if attr.name == "schemas" {
            self.claimed = Some(value);
            return Ok(());
        }
        if attr.mutability == Mutability::ReadOnly {
            return Ok(());
        }
        let place = Place::top(&attr.name);
        let says = says_something(attr, &value);
        if attr.detached {
            let list = match value {
                Value::Array(list) => list,
                single => match normalise(attr, single, place, self.mender)? {
                    Some(Value::Array(list)) => list,
                    _ => Vec::new(),
                },
            };
            let values = normalise_elements(attr, list, place, self.mender)?;
            check_elements(attr, &values, place)?;
            if values.is_empty() && says {
                self.emptied.push(AttrRef::new(None, attr, None));
            }
            if let Some(slot) = self.detached.iter_mut().find(|slot| slot.attr.attr.name == attr.name) {
                slot.values = values;
            }
            return Ok(());
        }
        let Some(value) = normalise(attr, value, place, self.mender)? else {
            if says {
                self.emptied.push(AttrRef::new(None, attr, None));
            }
            return Ok(());
        };
        if attr.is_secret() {
            self.password = value.as_str().map(str::to_owned);
            return Ok(());
        }
        insert(&mut self.document, attr, key, value);
        Ok(())
    }

    fn extension(&mut self, schema: &Arc<Schema>, value: Value) -> Result<(), ScimError> {
        let map = match value {
            Value::Object(map) => map,
            nothing if is_unassigned(&nothing) => return Ok(()),
            other => {
                return Err(ScimError::invalid_value(format!(
                    "{} must be an object; the request has {}.",
                    schema.urn,
                    kind_of(&other)
                )));
            }
        };
        let (mut inner, mut odd_keys) = (Map::new(), Map::new());
        for (key, value) in map {
            let Some(attr) = schema.attributes.get(&key) else {
                if quirk_of(&key).is_some_and(|quirk| self.mender.dialect().mends(quirk)) {
                    odd_keys.insert(key, value);
                } else {
                    unknown_attribute(format_args!("{}:{key}", schema.urn), self.mender)?;
                }
                continue;
            };
            if attr.mutability == Mutability::ReadOnly {
                continue;
            }
            let place = Place { extension: Some(schema), attr: &attr.name, sub: None };
            let says = says_something(attr, &value);
            if let Some(value) = normalise(attr, value, place, self.mender)? {
                insert(&mut inner, attr, key, value);
            } else if says {
                self.emptied.push(AttrRef::new(Some(schema), attr, None));
            }
        }
        if !odd_keys.is_empty() {
            self.odd.push((Some(schema.clone()), odd_keys));
        }
        if !inner.is_empty() {
            self.document.insert(schema.urn.clone(), Value::Object(inner));
        }
        Ok(())
    }

    /// Keys that are no attribute names mean what they would mean in a PATCH without path.
    fn odd_keys(&mut self) -> Result<(), ScimError> {
        let keys = std::mem::take(&mut self.odd);
        let patch = PatchRequest::of_keys(keys, self.kind, &self.document, self.mender)?;
        if let Some(PasswordChange::Set(password)) = patch.password() {
            self.password = Some(password.clone());
        }
        for op in patch.detached() {
            let DetachedChange::Add(values) = &op.change else { continue };
            if let Some(slot) = self.detached.iter_mut().find(|slot| slot.attr == op.attr) {
                add_elements(&mut slot.values, values);
            }
        }
        let document = Value::Object(std::mem::take(&mut self.document));
        let outcome = patch.apply(self.kind, document, self.mender)?;
        if let Value::Object(document) = outcome.document {
            self.document = document;
        }
        Ok(())
    }

    /// Contract SCH-1, SCH-14: `schemas` is there, names the base schema and what the body uses, nothing
    /// unknown and nothing twice.
    fn check_schemas(&mut self, used: &Value) -> Result<(), ScimError> {
        let claimed = claimed_schemas(self.kind, self.claimed.take().unwrap_or_default(), self.mender)?;
        for urn in used.as_array().into_iter().flatten().filter_map(Value::as_str) {
            let listed = |claim: &Value| claim.as_str().is_some_and(|claim| claim.eq_ignore_ascii_case(urn));
            if !claimed.iter().any(listed) && !self.mender.mend(Quirk::IncompleteSchemas, urn) {
                return Err(ScimError::invalid_syntax(format!("schemas must list {urn}.")));
            }
        }
        Ok(())
    }
}

/// Most URNs that `schemas` lists: each is compared with those before it, and no resource has so many.
const MOST_SCHEMAS: usize = 128;

/// The URNs that `schemas` of a request lists: nothing unknown and nothing twice (contract SCH-1).
pub(crate) fn claimed_schemas(
    kind: &ResourceType,
    schemas: Value,
    mender: &mut Mender,
) -> Result<Vec<Value>, ScimError> {
    let wrong = |what: String| ScimError::invalid_syntax(format!("schemas {what}"));
    let claimed = match schemas {
        Value::Null => Vec::new(),
        Value::Array(list) => list,
        single if mender.mend(Quirk::SingleValueForList, "schemas") => vec![single],
        _ => return Err(wrong("must be a list of URNs.".to_owned())),
    };
    if claimed.len() > MOST_SCHEMAS {
        return Err(wrong(format!("lists more than {MOST_SCHEMAS} URNs; list those of this resource.")));
    }
    for (at, urn) in claimed.iter().enumerate() {
        let Some(text) = urn.as_str() else { return Err(wrong("must be a list of URNs.".to_owned())) };
        let same = |other: &Value| other.as_str().is_some_and(|other| other.eq_ignore_ascii_case(text));
        if claimed[..at].iter().any(same) && !mender.mend(Quirk::IncompleteSchemas, text) {
            return Err(wrong(format!("lists {text:.200} twice; list it once.")));
        }
        let known = kind.base.urn.eq_ignore_ascii_case(text) || kind.extension(text).is_some();
        let legacy = !known && matches!(kind.split_urn(text, mender), Some((_, "")));
        if !known && !legacy && !mender.mend(Quirk::ForeignUrn, text) {
            return Err(wrong(format!("lists {text:.200}, which {} does not have; remove it.", kind.name)));
        }
    }
    Ok(claimed)
}

/// Adds the elements that are not there yet, by their ids.
fn add_elements(elements: &mut Vec<Value>, more: &[Value]) {
    let id = |element: &Value| element.get("value").and_then(Value::as_str).map(str::to_owned);
    let mut known: HashSet<_> = elements.iter().map(id).collect();
    elements.extend(more.iter().filter(|element| known.insert(id(element))).cloned());
}

fn insert(map: &mut Map<String, Value>, attr: &Attribute, key: String, value: Value) {
    map.insert(if key == attr.name { key } else { attr.name.clone() }, value);
}
