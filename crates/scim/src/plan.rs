//! From the operations of a PATCH to typed steps: finds what each path means, checks mutability and types,
//! and mends quirks. The document is not needed for any of it.

use std::fmt;
use std::sync::Arc;

use serde_json::{Map, Value};

use crate::dialect::{Mender, Quirk};
use crate::error::ScimError;
use crate::fixed::readonly;
use crate::once::names_once;
use crate::patch::{PasswordChange, PatchRequest};
use crate::path::{PatchPath, Target};
use crate::pointer::settle_pointer;
use crate::required::removes_required;
use crate::resolve::Expr;
use crate::schema::{AttrRef, Attribute, Mutability, ResourceType, Schema, Type};
use crate::step::{ElementChange, How, Step, SubValues};
use crate::value::{
    Place, elements, is_nothing, is_unassigned, kind_of, normalise, normalise_element, normalise_elements,
    normalise_part, says_something, settle_primary, type_error, unknown_attribute, wrap_plain,
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OpKind {
    Add,
    Remove,
    Replace,
}

pub(crate) struct Builder<'a> {
    pub(crate) kind: &'a ResourceType,
    pub(crate) mender: &'a mut Mender,
    /// The number of the operation that is read, from 1; 0 for what is none.
    pub(crate) operation: usize,
    /// Whether what is read are keys of an object, and not what the operation's own path names.
    pub(crate) in_keys: bool,
    pub(crate) request: PatchRequest,
}

const fn how(kind: OpKind) -> How {
    match kind {
        OpKind::Add => How::Add,
        OpKind::Remove | OpKind::Replace => How::Set,
    }
}

pub(crate) fn missing_value(what: &impl std::fmt::Display) -> ScimError {
    ScimError::invalid_value(format!("add and replace of {what} need a value."))
}

impl Builder<'_> {
    pub(crate) fn operation(&mut self, operation: Value) -> Result<(), ScimError> {
        names_once(&operation)?;
        let Value::Object(map) = operation else {
            return Err(ScimError::invalid_syntax("it is not an object with op, path and value."));
        };
        let (mut op, mut path, mut value) = (None, None, None);
        for (key, found) in map {
            match key.as_str() {
                name if name.eq_ignore_ascii_case("op") => op = Some(found),
                name if name.eq_ignore_ascii_case("path") => path = Some(found),
                name if name.eq_ignore_ascii_case("value") => value = Some(found),
                _ => {}
            }
        }
        self.in_keys = false;
        let kind = self.op_kind(op.as_ref())?;
        let target = match path {
            // An empty text is no value, here as everywhere: some clients write all members of an operation.
            None | Some(Value::Null) => Target::Resource,
            Some(Value::String(text)) if text.is_empty() => Target::Resource,
            Some(Value::String(text)) => PatchPath::parse(&text)?.resolve(self.kind, self.mender)?,
            Some(_) => return Err(ScimError::invalid_path("path must be a string.")),
        };
        self.target(kind, target, value)
    }

    fn op_kind(&mut self, op: Option<&Value>) -> Result<OpKind, ScimError> {
        let text = op.and_then(Value::as_str).unwrap_or_default();
        let known = [("add", OpKind::Add), ("remove", OpKind::Remove), ("replace", OpKind::Replace)];
        match known.into_iter().find(|(name, _)| name.eq_ignore_ascii_case(text)) {
            Some((name, kind)) if name == text || self.mender.mend(Quirk::OperationCase, text) => Ok(kind),
            _ => Err(ScimError::invalid_syntax("op must be \"add\", \"remove\" or \"replace\".")),
        }
    }

    pub(crate) fn target(
        &mut self,
        kind: OpKind,
        target: Target,
        value: Option<Value>,
    ) -> Result<(), ScimError> {
        match target {
            Target::Foreign => Ok(()),
            Target::Resource if kind == OpKind::Remove => {
                Err(ScimError::no_target("remove needs a path that says what to remove."))
            }
            Target::Resource => match value {
                Some(Value::Object(map)) => self.expand(kind, None, map),
                other => Err(ScimError::invalid_value(format!(
                    "{} without path needs an object of attributes as value; the request has {}.",
                    if kind == OpKind::Add { "add" } else { "replace" },
                    other.as_ref().map_or("none", kind_of)
                ))),
            },
            Target::Extension(schema) => self.extension(kind, &schema, value),
            Target::Attr(attr) => self.attr(kind, attr, value),
            Target::Elements { attr, filter, sub } => self.elements(kind, attr, filter, sub, value),
        }
    }

    pub(crate) fn extension(
        &mut self,
        kind: OpKind,
        schema: &Arc<Schema>,
        value: Option<Value>,
    ) -> Result<(), ScimError> {
        match (kind, value) {
            (OpKind::Add | OpKind::Replace, Some(Value::Object(map))) => self.expand(kind, Some(schema), map),
            (OpKind::Add | OpKind::Replace, None) => Err(missing_value(&schema.urn)),
            (OpKind::Add | OpKind::Replace, Some(value)) if !is_unassigned(&value) => {
                Err(ScimError::invalid_value(format!("{} takes an object of its attributes.", schema.urn)))
            }
            (OpKind::Add, Some(_)) => Ok(()),
            (OpKind::Remove, value) => self.remove_extension(schema, value),
            (OpKind::Replace, Some(_)) => {
                self.request.steps.push(Step::RemoveExtension { schema: schema.clone() });
                Ok(())
            }
        }
    }

    pub(crate) fn attr(
        &mut self,
        kind: OpKind,
        attr: AttrRef,
        value: Option<Value>,
    ) -> Result<(), ScimError> {
        if attr.attr.mutability == Mutability::ReadOnly || attr.leaf().mutability == Mutability::ReadOnly {
            return Err(readonly(&attr));
        }
        if attr.extension.is_none() && attr.attr.name == "schemas" {
            return Err(ScimError::mutability("schemas follows the attributes in use; leave it out."));
        }
        if attr.attr.is_secret() {
            return self.password(kind, &attr, value);
        }
        if attr.attr.detached {
            return self.detached(kind, attr, value);
        }
        if kind == OpKind::Remove {
            return self.remove(attr, value);
        }
        let value = value.ok_or_else(|| missing_value(&attr))?;
        self.write(kind, attr, value)
    }

    fn password(&mut self, kind: OpKind, attr: &AttrRef, value: Option<Value>) -> Result<(), ScimError> {
        let value = match (kind, value) {
            (OpKind::Remove, _) => None,
            (_, None) => return Err(missing_value(attr)),
            (_, Some(value)) => normalise(&attr.attr, value, Place::from(attr), self.mender)?,
        };
        self.request.password = Some(match value {
            Some(Value::String(text)) => PasswordChange::Set(text),
            _ => PasswordChange::Clear,
        });
        Ok(())
    }

    /// add or replace of an attribute, or of a sub-attribute of a single complex value.
    fn write(&mut self, kind: OpKind, attr: AttrRef, value: Value) -> Result<(), ScimError> {
        if let Some(sub) = attr.sub.as_ref().filter(|_| attr.attr.multi_valued) {
            let value = self.sub_value(kind, sub, value, Place::from(&attr))?;
            let (sub, attr) = (sub.clone(), attr.with_sub(None));
            return self.sub_step(kind, attr, None, sub, value);
        }
        self.note_read_only(&attr, &value);
        let leaf = attr.leaf();
        // An object says what becomes of the sub-attributes that it names; `{}` names none.
        let names_subs = leaf.kind == Type::Complex && !leaf.multi_valued && value.is_object();
        if is_unassigned(&value) && !names_subs {
            let removes = self.removes(kind, leaf, &attr);
            if removes && leaf.required {
                return Err(ScimError::invalid_value(format!("{attr} is required; give it a value.")));
            }
            if removes {
                self.request.steps.push(Step::Put { attr, value: None });
            }
            return Ok(());
        }
        let step = if leaf.multi_valued && kind == OpKind::Add {
            let list = match value {
                Value::Array(list) => list,
                single => vec![single],
            };
            let mut values = normalise_elements(leaf, list, Place::from(&attr), self.mender)?;
            settle_primary(&mut values, Place::from(&attr), self.mender)?;
            if values.is_empty() {
                return Ok(());
            }
            Step::Append { attr, values }
        } else if leaf.multi_valued || leaf.kind != Type::Complex {
            let says = says_something(leaf, &value);
            let value = normalise(leaf, value, Place::from(&attr), self.mender)?;
            if value.is_none() && says {
                return Ok(());
            }
            Step::Put { attr, value }
        } else {
            let subs = self.sub_values(kind, &attr, value)?;
            if subs.is_empty() {
                return Ok(());
            }
            Step::Merge { attr, subs, how: how(kind) }
        };
        self.request.steps.push(step);
        Ok(())
    }

    /// The value of a sub-attribute of elements. `add` to a list takes one of its values, too (RFC 7644
    /// §3.5.2.1).
    fn sub_value(
        &mut self,
        kind: OpKind,
        sub: &Attribute,
        value: Value,
        place: Place<'_>,
    ) -> Result<Option<Value>, ScimError> {
        let is_one = kind == OpKind::Add && sub.multi_valued && !value.is_array() && !is_nothing(&value);
        let value = if is_one { Value::from(vec![value]) } else { value };
        normalise(sub, value, place, self.mender)
    }

    /// Whether an operation without a value, or with an empty one, removes. `add` of nothing adds nothing
    /// (RFC 7644 §3.5.2.1); some clients mean removal of what the path names. Keys of an object come from
    /// clients that write their models whole, with null for what they know nothing of.
    fn removes(&mut self, kind: OpKind, attr: &Attribute, at: impl fmt::Display) -> bool {
        let is_meant = !self.in_keys && !attr.multi_valued;
        kind != OpKind::Add || (is_meant && self.mender.mend(Quirk::EmptyValueRemoves, at))
    }

    /// Notes the readOnly sub-attributes of a value. They are dropped, in strict without a word: RFC 7644
    /// §3.5.2.1 itself shows an `add` of members with their `display`.
    pub(crate) fn note_read_only(&mut self, attr: &AttrRef, value: &Value) {
        for sub in attr.leaf().sub.iter().filter(|sub| sub.mutability == Mutability::ReadOnly) {
            let mut keys = elements(value).iter().filter_map(Value::as_object).flat_map(Map::keys);
            if keys.any(|key| key.eq_ignore_ascii_case(&sub.name)) {
                self.mender.mend(Quirk::ReadOnlyInValue, attr.with_sub(Some(sub)));
            }
        }
    }

    /// The sub-attributes a complex value sets, or clears with `None`.
    fn sub_values(&mut self, kind: OpKind, attr: &AttrRef, value: Value) -> Result<SubValues, ScimError> {
        let place = Place::from(attr);
        let map = match value {
            Value::Object(map) => map,
            Value::Array(mut list)
                if list.len() == 1 && self.mender.mend(Quirk::ListForSingleValue, place) =>
            {
                match list.remove(0) {
                    Value::Object(map) => map,
                    plain => wrap_plain(&attr.attr, plain, place, self.mender)?,
                }
            }
            list @ Value::Array(_) => return Err(type_error(&attr.attr, &list, place)),
            plain => wrap_plain(&attr.attr, plain, place, self.mender)?,
        };
        self.in_keys = true;
        let mut subs: SubValues = Vec::with_capacity(map.len());
        for (key, value) in map {
            let Some(sub) = attr.attr.sub.get(&key) else {
                unknown_attribute(place.sub(&key), self.mender)?;
                continue;
            };
            if sub.mutability == Mutability::ReadOnly {
                continue;
            }
            let value = normalise(sub, value, place.sub(&sub.name), self.mender)?;
            if value.is_none() && !self.removes(kind, sub, place.sub(&sub.name)) {
                continue;
            }
            if value.is_none() && sub.required {
                return Err(removes_required(&place.sub(&sub.name)));
            }
            subs.push((sub.clone(), value));
        }
        settle_pointer(attr, &mut subs, self.mender)?;
        Ok(subs)
    }

    fn elements(
        &mut self,
        kind: OpKind,
        attr: AttrRef,
        filter: Expr,
        sub: Option<Arc<Attribute>>,
        value: Option<Value>,
    ) -> Result<(), ScimError> {
        let named = attr.with_sub(sub.as_ref());
        if attr.attr.mutability == Mutability::ReadOnly || named.leaf().mutability == Mutability::ReadOnly {
            return Err(readonly(&named));
        }
        if attr.attr.detached {
            return self.detached_elements(kind, &attr, filter, sub.as_ref(), value);
        }
        if let Some(sub) = sub {
            if kind == OpKind::Remove {
                return self.remove_sub(attr, Some(filter), sub, value);
            }
            let value = value.ok_or_else(|| missing_value(&named))?;
            let value = self.sub_value(kind, &sub, value, Place::from(&named))?;
            return self.sub_step(kind, attr, Some(filter), sub, value);
        }
        let (says, value) = match (kind, value) {
            (OpKind::Remove, value) => return self.remove_elements(attr, filter, value),
            (_, None) => return Err(missing_value(&attr)),
            (kind, Some(value)) => (says_something(&attr.attr, &value), self.element(kind, &attr, value)?),
        };
        let mut create = self.mender.dialect().mends(Quirk::CreatedElement);
        let change = match (kind, value) {
            (OpKind::Add, None) => return Ok(()),
            (_, None) if says => {
                create = false;
                ElementChange::Merge(Value::Object(Map::new()))
            }
            (_, None) => ElementChange::Remove,
            (OpKind::Add, Some(value)) => ElementChange::Merge(value),
            (_, Some(value)) => ElementChange::Replace(value),
        };
        self.request.steps.push(Step::Elements { attr, filter, change, create });
        Ok(())
    }

    /// One element; `None` for nothing, which means removal unless the value [`says_something`]. A list of
    /// one is accepted where the dialect mends it. What `add` leaves out may be there.
    pub(crate) fn element(
        &mut self,
        kind: OpKind,
        attr: &AttrRef,
        value: Value,
    ) -> Result<Option<Value>, ScimError> {
        self.note_read_only(attr, &value);
        let value = match value {
            Value::Array(mut list)
                if list.len() == 1 && self.mender.mend(Quirk::ListForSingleValue, attr) =>
            {
                list.remove(0)
            }
            value => value,
        };
        let normalise = if kind == OpKind::Add { normalise_part } else { normalise_element };
        normalise(&attr.attr, value, Place::from(attr), self.mender)
    }

    pub(crate) fn sub_step(
        &mut self,
        kind: OpKind,
        attr: AttrRef,
        filter: Option<Expr>,
        sub: Arc<Attribute>,
        value: Option<Value>,
    ) -> Result<(), ScimError> {
        if value.is_none() {
            let named = attr.with_sub(Some(&sub));
            if !self.removes(kind, &sub, &named) {
                return Ok(());
            }
            if sub.required {
                return Err(removes_required(&named));
            }
        }
        let create = self.mender.dialect().mends(Quirk::CreatedElement);
        self.request.steps.push(Step::Sub { attr, filter, sub, value, create, how: how(kind) });
        Ok(())
    }
}
