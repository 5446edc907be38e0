//! `remove` of a PATCH. RFC 7644 §3.5.2.2 gives it no value; clients send one to say what goes. It takes what
//! the value names, never more.

use std::sync::Arc;

use serde_json::{Map, Value};

use crate::dialect::Quirk;
use crate::error::ScimError;
use crate::plan::{Builder, OpKind};
use crate::required::removes_required;
use crate::resolve::Expr;
use crate::schema::{AttrRef, Attribute, Mutability, Schema, Type};
use crate::step::{ElementChange, How, Step};
use crate::value::{
    Place, is_nothing, is_unassigned, kind_of, normalise_elements, type_error, unknown_attribute,
};

impl Builder<'_> {
    pub(crate) fn remove(&mut self, attr: AttrRef, value: Option<Value>) -> Result<(), ScimError> {
        if let Some(sub) = attr.sub.as_ref().filter(|_| attr.attr.multi_valued) {
            return self.remove_sub(attr.with_sub(None), None, sub.clone(), value);
        }
        let value = value.filter(|value| !value.is_null());
        let leaf = attr.leaf();
        let is_complex = leaf.kind == Type::Complex && !leaf.multi_valued;
        match value {
            // Whether something required is left of the list is seen when it is done.
            Some(value) if leaf.multi_valued => {
                let values = self.values_to_remove(&attr, value)?;
                if !values.is_empty() {
                    self.request.steps.push(Step::RemoveValues { attr, values });
                }
                Ok(())
            }
            _ if leaf.required => Err(removes_required(&attr)),
            Some(value) if is_complex => self.remove_from_complex(attr, value),
            value => self.remove_single(attr, value.as_ref()),
        }
    }

    /// One plain value goes, whatever the value that is sent: some clients clear it with an empty one.
    fn remove_single(&mut self, attr: AttrRef, value: Option<&Value>) -> Result<(), ScimError> {
        if let Some(value) = value.filter(|value| !is_nothing(value)) {
            self.mend_remove(&attr, false)?;
            if is_unassigned(value) {
                return Ok(());
            }
        }
        self.request.steps.push(Step::Put { attr, value: None });
        Ok(())
    }

    /// The sub-attributes that an object names go. A plain value stands for the `value` of those that have
    /// one, such as a manager, and with it goes the whole.
    fn remove_from_complex(&mut self, attr: AttrRef, value: Value) -> Result<(), ScimError> {
        self.mend_remove(&attr, false)?;
        let value = match value {
            Value::Array(mut list)
                if list.len() <= 1 && self.mender.mend(Quirk::ListForSingleValue, &attr) =>
            {
                list.pop().unwrap_or_else(|| Value::Object(Map::new()))
            }
            value => value,
        };
        match value {
            Value::Object(map) => self.remove_named(&attr, map),
            Value::Array(_) => Err(type_error(&attr.attr, &value, Place::from(&attr))),
            _ if attr.attr.value_sub().is_some() => self.remove_single(attr, None),
            nothing if is_nothing(&nothing) => Ok(()),
            plain => Err(type_error(&attr.attr, &plain, Place::from(&attr))),
        }
    }

    fn remove_named(&mut self, attr: &AttrRef, map: Map<String, Value>) -> Result<(), ScimError> {
        for (key, value) in map {
            let at = Place::from(attr);
            let Some(sub) = attr.attr.sub.get(&key) else {
                unknown_attribute(at.sub(&key), self.mender)?;
                continue;
            };
            let named = attr.with_sub(Some(sub));
            if sub.mutability == Mutability::ReadOnly {
                self.mender.mend(Quirk::ReadOnlyInValue, &named);
            } else {
                self.remove(named, Some(value))?;
            }
        }
        Ok(())
    }

    /// A whole extension, or the attributes of it that an object names.
    pub(crate) fn remove_extension(
        &mut self,
        schema: &Arc<Schema>,
        value: Option<Value>,
    ) -> Result<(), ScimError> {
        let Some(value) = value.filter(|value| !value.is_null()) else {
            self.request.steps.push(Step::RemoveExtension { schema: schema.clone() });
            return Ok(());
        };
        self.mend_remove(&schema.urn, false)?;
        match value {
            Value::Object(map) => self.expand(OpKind::Remove, Some(schema), map),
            nothing if is_unassigned(&nothing) => Ok(()),
            other => Err(ScimError::invalid_value(format!(
                "remove of {} with a value takes an object of what goes; the request has {}.",
                schema.urn,
                kind_of(&other)
            ))),
        }
    }

    /// Of the elements that a filter picks all go, or those that the values name.
    pub(crate) fn remove_elements(
        &mut self,
        attr: AttrRef,
        filter: Expr,
        value: Option<Value>,
    ) -> Result<(), ScimError> {
        let change = match value.filter(|value| !is_nothing(value)) {
            None => ElementChange::Remove,
            Some(value) => ElementChange::RemoveValues(self.values_to_remove(&attr, value)?),
        };
        self.request.steps.push(Step::Elements { attr, filter, change, create: false });
        Ok(())
    }

    /// A sub-attribute of elements goes: all of it, or the values that are given. Where a filter picks the
    /// element, a single value adds nothing to it.
    pub(crate) fn remove_sub(
        &mut self,
        attr: AttrRef,
        filter: Option<Expr>,
        sub: Arc<Attribute>,
        value: Option<Value>,
    ) -> Result<(), ScimError> {
        let named = attr.with_sub(Some(&sub));
        let value = value.filter(|value| !value.is_null() && (sub.multi_valued || !is_nothing(value)));
        let Some(value) = value else {
            return self.sub_step(OpKind::Remove, attr, filter, sub, None);
        };
        if !sub.multi_valued && (filter.is_some() || is_unassigned(&value)) {
            self.mend_remove(&named, false)?;
            if is_unassigned(&value) {
                return Ok(());
            }
            return self.sub_step(OpKind::Remove, attr, filter, sub, None);
        }
        if sub.required && !sub.multi_valued {
            return Err(removes_required(&named));
        }
        let values = self.values_to_remove(&named, value)?;
        if !values.is_empty() {
            let value = Some(values.into());
            self.request.steps.push(Step::Sub { attr, filter, sub, value, create: false, how: How::Remove });
        }
        Ok(())
    }

    /// The values that go; none where the value names nothing, as `[]` and `{}` do.
    pub(crate) fn values_to_remove(&mut self, attr: &AttrRef, value: Value) -> Result<Vec<Value>, ScimError> {
        self.mend_remove(attr, attr.leaf().multi_valued)?;
        let mut list = match value {
            Value::Array(list) => list,
            single => vec![single],
        };
        list.retain(|value| describes(attr.leaf(), value));
        normalise_elements(attr.leaf(), list, Place::from(attr), self.mender)
    }

    fn mend_remove(
        &mut self,
        at: &(impl std::fmt::Display + ?Sized),
        has_elements: bool,
    ) -> Result<(), ScimError> {
        if self.mender.mend(Quirk::RemoveWithValue, at) {
            return Ok(());
        }
        let how = if has_elements {
            format!("say which values go with a filter: {at}[value eq \"…\"]")
        } else {
            "the path says what goes".to_owned()
        };
        Err(ScimError::invalid_value(format!("remove takes no value; {how}.")))
    }
}

/// Whether a value says which elements go. Without `value` all that it has must be something that an element
/// can have: what is left when an unknown name is dropped would describe more than was meant.
fn describes(attr: &Attribute, value: &Value) -> bool {
    let Some(map) = value.as_object() else { return true };
    let is_id = |name: &str| attr.value_sub().is_some_and(|sub| sub.name.eq_ignore_ascii_case(name));
    let is_known = |name: &str| attr.sub.get(name).is_some_and(|sub| sub.mutability != Mutability::ReadOnly);
    map.iter().any(|(name, value)| is_id(name) && !is_unassigned(value))
        || map.iter().all(|(name, value)| is_known(name) && !is_unassigned(value))
}
