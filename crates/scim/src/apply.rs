//! Steps of a PATCH on a document. The document is taken by value, so a failed PATCH leaves nothing half
//! done (contract PA-1). Values were typed when the request was read; here only what depends on the
//! document is decided: what matches, what is immutable, what changed.

use std::sync::Arc;

use serde_json::{Map, Value};

use crate::dialect::{Mender, Quirk};
use crate::element::{clear_other_primaries, described_by, is_primary, merge_into, same_element};
use crate::error::ScimError;
use crate::patch::{PatchOutcome, PatchRequest};
use crate::plan::SubValues;
use crate::resolve::Expr;
use crate::resource::schemas_of;
use crate::schema::{AttrRef, Attribute, Mutability, ResourceType, Schema};
use crate::value::{MAX_VALUES, Place, check_required_subs, too_many_values};

/// One typed change.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    /// Sets an attribute (or a sub-attribute of a single complex value) as a whole; `None` removes it.
    Put { attr: AttrRef, value: Option<Value> },
    /// Merges sub-attributes into a single complex value.
    Merge { attr: AttrRef, subs: SubValues },
    /// Adds values to a list.
    Append { attr: AttrRef, values: Vec<Value> },
    /// Removes the elements that the values describe.
    RemoveValues { attr: AttrRef, values: Vec<Value> },
    /// Sets or removes a sub-attribute of the elements that match (all without a filter).
    Sub { attr: AttrRef, filter: Option<Expr>, sub: Arc<Attribute>, value: Option<Value>, create: bool },
    /// Changes the elements that match as a whole.
    Elements { attr: AttrRef, filter: Expr, change: ElementChange, create: bool },
    /// Removes an extension.
    RemoveExtension { schema: Arc<Schema> },
}

#[derive(Debug, Clone)]
pub(crate) enum ElementChange {
    Remove,
    Merge(Value),
    Replace(Value),
}

impl PatchRequest {
    /// Applies the operations in order. Errors: 400 `noTarget`, `mutability` or `invalidValue`; the
    /// document is then gone, as nothing of it may be stored. Operations that cancel each other out count
    /// as a change.
    pub fn apply(
        &self,
        kind: &ResourceType,
        document: Value,
        mender: &mut Mender,
    ) -> Result<PatchOutcome, ScimError> {
        let Value::Object(map) = document else {
            return Err(ScimError::plain(500, "The stored resource is not an object."));
        };
        let mut applier = Applier { document: map, changed_paths: Vec::new(), mender };
        let mut extensions = false;
        for step in &self.steps {
            let extension = applier.step(step)?;
            extensions |= extension;
        }
        let Applier { mut document, changed_paths, .. } = applier;
        if extensions {
            settle_extensions(kind, &mut document)?;
        }
        Ok(PatchOutcome {
            document: Value::Object(document),
            changed: !changed_paths.is_empty(),
            changed_paths,
        })
    }
}

/// Drops empty extensions, checks what the others require and keeps `schemas` in step (contract PA-9).
fn settle_extensions(kind: &ResourceType, document: &mut Map<String, Value>) -> Result<(), ScimError> {
    for extension in &kind.extensions {
        let schema = &extension.schema;
        match document.get(&schema.urn).and_then(Value::as_object) {
            Some(map) if !map.is_empty() => crate::resource::check_required(schema, map)?,
            _ if extension.required => {
                return Err(ScimError::mutability(format!(
                    "{} is required and cannot be removed.",
                    schema.urn
                )));
            }
            _ => {
                document.shift_remove(&schema.urn);
            }
        }
    }
    let schemas = schemas_of(kind, document);
    if document.get("schemas") != Some(&schemas) {
        document.insert("schemas".to_owned(), schemas);
    }
    Ok(())
}

struct Applier<'a> {
    document: Map<String, Value>,
    changed_paths: Vec<String>,
    mender: &'a mut Mender,
}

fn place(attr: &AttrRef) -> Place<'_> {
    Place { extension: attr.extension.as_deref(), attr: &attr.attr.name, sub: None }
}

fn immutable(what: &impl std::fmt::Display) -> ScimError {
    ScimError::mutability(format!("{what} is immutable: it has a value, which cannot be changed."))
}

fn no_target(attr: &AttrRef) -> ScimError {
    ScimError::no_target(format!("No value of {attr} matches the path; add the value first."))
}

/// Whether writing `new` breaks the rule of an immutable attribute.
fn breaks_immutable(attr: &Attribute, old: Option<&Value>, new: Option<&Value>) -> bool {
    attr.mutability == Mutability::Immutable && old.is_some() && old != new
}

impl Applier<'_> {
    /// Carries out one step; tells whether it was about an extension.
    fn step(&mut self, step: &Step) -> Result<bool, ScimError> {
        let (attr, changed) = match step {
            Step::RemoveExtension { schema } => {
                if self.document.shift_remove(&schema.urn).is_some() {
                    self.note(schema.urn.clone());
                }
                return Ok(true);
            }
            Step::Put { attr, value } => (attr, self.put(attr, value.as_ref())?),
            Step::Merge { attr, subs } => (attr, self.merge(attr, subs)?),
            Step::Append { attr, values } => (attr, self.append(attr, values)?),
            Step::RemoveValues { attr, values } => (attr, self.remove_values(attr, values)),
            Step::Sub { attr, filter, sub, value, create } => {
                let changed = self.sub(attr, filter.as_ref(), sub, value.as_ref(), *create)?;
                if changed {
                    self.note(attr.with_sub(Some(sub)).to_string());
                }
                (attr, false)
            }
            Step::Elements { attr, filter, change, create } => {
                (attr, self.elements(attr, filter, change, *create)?)
            }
        };
        if changed {
            self.note(attr.to_string());
        }
        if attr.attr.required && !self.holder(attr).contains_key(&attr.attr.name) {
            return Err(ScimError::mutability(format!("{attr} is required and cannot be removed.")));
        }
        Ok(attr.extension.is_some())
    }

    fn note(&mut self, path: String) {
        if !self.changed_paths.contains(&path) {
            self.changed_paths.push(path);
        }
    }

    /// The object that holds the attribute; made if the extension is not there yet.
    fn holder(&mut self, attr: &AttrRef) -> &mut Map<String, Value> {
        match &attr.extension {
            None => &mut self.document,
            Some(schema) => object_at(&mut self.document, &schema.urn),
        }
    }

    fn put(&mut self, attr: &AttrRef, value: Option<&Value>) -> Result<bool, ScimError> {
        let Some(sub) = &attr.sub else {
            let holder = self.holder(attr);
            if breaks_immutable(&attr.attr, holder.get(&attr.attr.name), value) {
                return Err(immutable(attr));
            }
            return Ok(set(holder, &attr.attr.name, value));
        };
        self.merge(&attr.with_sub(None), std::slice::from_ref(&(sub.clone(), value.cloned())))
    }

    fn merge(&mut self, attr: &AttrRef, subs: &[(Arc<Attribute>, Option<Value>)]) -> Result<bool, ScimError> {
        let holder = self.holder(attr);
        let map = object_at(holder, &attr.attr.name);
        let mut changed = false;
        for (sub, value) in subs {
            if breaks_immutable(sub, map.get(&sub.name), value.as_ref())
                || breaks_immutable(&attr.attr, map.get(&sub.name), value.as_ref())
            {
                return Err(immutable(&attr.with_sub(Some(sub))));
            }
            let differs = set(map, &sub.name, value.as_ref());
            changed |= differs;
            // A URI that belonged to the former value would point to the wrong resource.
            if differs && sub.name == "value" && !subs.iter().any(|(other, _)| other.name == "$ref") {
                map.shift_remove("$ref");
            }
        }
        if map.is_empty() {
            holder.shift_remove(&attr.attr.name);
        } else {
            check_required_subs(&attr.attr, map, place(attr))?;
        }
        Ok(changed)
    }

    /// The list an `AttrRef` means: an attribute, or a multi-valued sub-attribute.
    fn list(&mut self, attr: &AttrRef) -> &mut Vec<Value> {
        let holder = self.holder(attr);
        match &attr.sub {
            None => list_at(holder, &attr.attr.name),
            Some(sub) => list_at(object_at(holder, &attr.attr.name), &sub.name),
        }
    }

    fn drop_if_empty(&mut self, attr: &AttrRef) {
        let holder = self.holder(attr);
        if holder.get(&attr.attr.name).is_some_and(crate::value::is_unassigned) {
            holder.shift_remove(&attr.attr.name);
        }
    }

    fn append(&mut self, attr: &AttrRef, values: &[Value]) -> Result<bool, ScimError> {
        let list = self.list(attr);
        if attr.leaf().mutability == Mutability::Immutable && !list.is_empty() {
            let known = values.iter().all(|value| list.contains(value));
            return if known { Ok(false) } else { Err(immutable(attr)) };
        }
        let mut changed = false;
        for value in values {
            let at = if let Some(at) = list.iter().position(|old| same_element(old, value)) {
                changed |= merge_into(&mut list[at], value);
                at
            } else {
                list.push(value.clone());
                changed = true;
                list.len() - 1
            };
            if is_primary(value) {
                changed |= clear_other_primaries(list, at);
            }
        }
        if list.len() > MAX_VALUES {
            return Err(too_many_values(place(attr)));
        }
        self.drop_if_empty(attr);
        Ok(changed)
    }

    fn remove_values(&mut self, attr: &AttrRef, values: &[Value]) -> bool {
        let list = self.list(attr);
        let before = list.len();
        list.retain(|old| !values.iter().any(|gone| is_described(old, gone)));
        let changed = list.len() < before;
        self.drop_if_empty(attr);
        changed
    }

    fn sub(
        &mut self,
        attr: &AttrRef,
        filter: Option<&Expr>,
        sub: &Arc<Attribute>,
        value: Option<&Value>,
        create: bool,
    ) -> Result<bool, ScimError> {
        if !attr.attr.multi_valued {
            // A filter on a single complex value: it matches or not.
            let current = self.holder(attr).get(&attr.attr.name);
            if !current.is_some_and(|element| filter.is_none_or(|filter| filter.matches_element(element))) {
                return if value.is_none() { Ok(false) } else { Err(no_target(attr)) };
            }
            return self.merge(attr, std::slice::from_ref(&(sub.clone(), value.cloned())));
        }
        let list = self.list(attr);
        let (mut found, mut changed) = (None, false);
        for (at, element) in list.iter_mut().enumerate() {
            if filter.is_some_and(|filter| !filter.matches_element(element)) {
                continue;
            }
            let Some(map) = element.as_object_mut() else { continue };
            found.get_or_insert(at);
            if breaks_immutable(sub, map.get(&sub.name), value) {
                return Err(immutable(&attr.with_sub(Some(sub))));
            }
            changed |= set(map, &sub.name, value);
        }
        list.retain(|element| !crate::value::is_unassigned(element));
        if let (Some(at), Some(Value::Bool(true)), "primary") = (found, value, sub.name.as_str()) {
            changed |= clear_other_primaries(list, at);
        }
        if let (None, Some(value)) = (found, value) {
            let new = Value::Object(Map::from_iter([(sub.name.clone(), value.clone())]));
            return self.create(attr, filter, new, create);
        }
        self.drop_if_empty(attr);
        Ok(changed)
    }

    /// Nothing matched: creates the element the filter describes, if the dialect wants that.
    fn create(
        &mut self,
        attr: &AttrRef,
        filter: Option<&Expr>,
        new: Value,
        create: bool,
    ) -> Result<bool, ScimError> {
        let base = filter.map_or_else(|| Some(Map::new()), |filter| described_by(filter, &attr.attr));
        let Some(base) = base.filter(|_| create && self.mender.mend(Quirk::CreatedElement, attr)) else {
            return Err(no_target(attr));
        };
        let mut element = Value::Object(base);
        merge_into(&mut element, &new);
        if let Some(map) = element.as_object() {
            check_required_subs(&attr.attr, map, place(attr))?;
        }
        self.append(attr, &[element])
    }

    fn elements(
        &mut self,
        attr: &AttrRef,
        filter: &Expr,
        change: &ElementChange,
        create: bool,
    ) -> Result<bool, ScimError> {
        if !attr.attr.multi_valued {
            return self.single_element(attr, filter, change);
        }
        let list = self.list(attr);
        let mut changed = false;
        let (ElementChange::Merge(new) | ElementChange::Replace(new)) = change else {
            let before = list.len();
            list.retain(|element| !filter.matches_element(element));
            changed |= list.len() < before;
            self.drop_if_empty(attr);
            return Ok(changed);
        };
        let mut found = None;
        for (at, element) in list.iter_mut().enumerate().filter(|(_, e)| filter.matches_element(e)) {
            found.get_or_insert(at);
            check_immutable_subs(attr, element, new, matches!(change, ElementChange::Replace(_)))?;
            if matches!(change, ElementChange::Merge(_)) {
                changed |= merge_into(element, new);
            } else if element != new {
                *element = new.clone();
                changed = true;
            }
        }
        match found {
            Some(at) => {
                if is_primary(new) {
                    changed |= clear_other_primaries(list, at);
                }
                Ok(changed)
            }
            None if new.is_object() => self.create(attr, Some(filter), new.clone(), create),
            None => Err(no_target(attr)),
        }
    }

    /// A filter on a single value: the value is the one element.
    fn single_element(
        &mut self,
        attr: &AttrRef,
        filter: &Expr,
        change: &ElementChange,
    ) -> Result<bool, ScimError> {
        let current = self.holder(attr).get(&attr.attr.name);
        let matches = current.is_some_and(|element| filter.matches_element(element));
        match (matches, change) {
            (false, ElementChange::Remove) => Ok(false),
            (false, _) => Err(no_target(attr)),
            (true, ElementChange::Remove) => self.put(attr, None),
            (true, ElementChange::Replace(new)) => self.put(attr, Some(new)),
            (true, ElementChange::Merge(new)) => {
                let mut merged = current.cloned().unwrap_or_default();
                merge_into(&mut merged, new);
                self.put(attr, Some(&merged))
            }
        }
    }
}

/// Immutable sub-attributes of an element keep their value.
fn check_immutable_subs(attr: &AttrRef, old: &Value, new: &Value, whole: bool) -> Result<(), ScimError> {
    for sub in attr.attr.sub.iter().filter(|sub| sub.mutability == Mutability::Immutable) {
        let value = new.get(&sub.name);
        if (whole || value.is_some()) && breaks_immutable(sub, old.get(&sub.name), value) {
            return Err(immutable(&attr.with_sub(Some(sub))));
        }
    }
    Ok(())
}

/// Whether `element` is what a value of a remove describes: the same `value` (and `type`, if given);
/// without `value`, equal in all that is given.
fn is_described(element: &Value, by: &Value) -> bool {
    let Some(by) = by.as_object() else { return element == by };
    let same = |name: &str| by.get(name).is_none_or(|value| element.get(name) == Some(value));
    if by.contains_key("value") {
        return same("value") && same("type");
    }
    by.keys().all(|name| same(name))
}

/// Sets or removes a key; tells whether something changed.
fn set(map: &mut Map<String, Value>, name: &str, value: Option<&Value>) -> bool {
    match value {
        None => map.shift_remove(name).is_some(),
        Some(value) => match map.get_mut(name) {
            Some(old) if old == value => false,
            Some(old) => {
                *old = value.clone();
                true
            }
            None => {
                map.insert(name.to_owned(), value.clone());
                true
            }
        },
    }
}

fn object_at<'m>(map: &'m mut Map<String, Value>, name: &str) -> &'m mut Map<String, Value> {
    if !map.get(name).is_some_and(Value::is_object) {
        map.insert(name.to_owned(), Value::Object(Map::new()));
    }
    map.get_mut(name).and_then(Value::as_object_mut).expect("an object stands there since the line above")
}

fn list_at<'m>(map: &'m mut Map<String, Value>, name: &str) -> &'m mut Vec<Value> {
    if !map.get(name).is_some_and(Value::is_array) {
        map.insert(name.to_owned(), Value::Array(Vec::new()));
    }
    map.get_mut(name).and_then(Value::as_array_mut).expect("a list stands there since the line above")
}
