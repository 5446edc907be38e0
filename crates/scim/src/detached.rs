//! PATCH on detached attributes, whose elements are rows elsewhere (group members): operations for their
//! owner, made without knowing the elements.

use std::sync::Arc;

use serde_json::Value;

use crate::dialect::Quirk;
use crate::error::ScimError;
use crate::filter::CompareOp;
use crate::plan::{Builder, OpKind, missing_value, place};
use crate::resolve::{Expr, Literal};
use crate::schema::{AttrRef, Attribute};
use crate::value::{element_id, list_error, normalise_elements};

/// One operation on an attribute whose elements are rows elsewhere. Carry them out in order.
#[derive(Debug, Clone, PartialEq)]
pub struct DetachedOp {
    /// The attribute, such as `members`.
    pub attr: AttrRef,
    /// What to do.
    pub change: DetachedChange,
}

/// What to do with detached elements. An element is identified by its `value`.
#[derive(Debug, Clone, PartialEq)]
pub enum DetachedChange {
    /// Add these elements (each an object with `value`); those already there stay as they are.
    Add(Vec<Value>),
    /// Remove the elements with these ids; those not there are no error.
    Remove(Vec<String>),
    /// Remove the elements that match ([`Expr::matches_element`]).
    RemoveWhere(Expr),
    /// Remove all elements.
    Clear,
    /// Make these the elements, no others.
    Replace(Vec<Value>),
}

impl Builder<'_> {
    pub(crate) fn detached(
        &mut self,
        kind: OpKind,
        attr: AttrRef,
        value: Option<Value>,
    ) -> Result<(), ScimError> {
        if attr.sub.is_some() {
            return Err(fixed_element(&attr));
        }
        let change = match (kind, value) {
            (OpKind::Remove, None) | (OpKind::Remove | OpKind::Replace, Some(Value::Null)) => {
                DetachedChange::Clear
            }
            (OpKind::Remove, Some(value)) => {
                let values = self.values_to_remove(&attr, value)?;
                let ids = values.iter().map(|v| element_id(v, place(&attr)).map(str::to_owned));
                DetachedChange::Remove(ids.collect::<Result<_, _>>()?)
            }
            (_, None) => return Err(missing_value(&attr)),
            (kind, Some(value)) => {
                let list = match value {
                    Value::Array(list) => list,
                    Value::Null => Vec::new(),
                    single if kind == OpKind::Add || self.mender.mend(Quirk::SingleValueForList, &attr) => {
                        vec![single]
                    }
                    single => return Err(list_error(&attr.attr, &single, place(&attr))),
                };
                let values = normalise_elements(&attr.attr, list, place(&attr), self.mender)?;
                if kind == OpKind::Add {
                    DetachedChange::Add(values)
                } else {
                    DetachedChange::Replace(values)
                }
            }
        };
        self.push_detached(attr, change);
        Ok(())
    }

    pub(crate) fn detached_elements(
        &mut self,
        kind: OpKind,
        attr: &AttrRef,
        filter: Expr,
        sub: Option<&Arc<Attribute>>,
        value: Option<Value>,
    ) -> Result<(), ScimError> {
        if let Some(sub) = sub {
            return Err(fixed_element(&attr.with_sub(Some(sub))));
        }
        if kind != OpKind::Add {
            let change = match ids_of(&filter) {
                Some(ids) => DetachedChange::Remove(ids),
                None => DetachedChange::RemoveWhere(filter),
            };
            self.push_detached(attr.clone(), change);
        }
        if kind == OpKind::Remove {
            return Ok(());
        }
        let value = value.ok_or_else(|| missing_value(attr))?;
        let values = match self.element(attr, value)? {
            Some(value) => normalise_elements(&attr.attr, vec![value], place(attr), self.mender)?,
            None => Vec::new(),
        };
        self.push_detached(attr.clone(), DetachedChange::Add(values));
        Ok(())
    }

    fn push_detached(&mut self, attr: AttrRef, change: DetachedChange) {
        let idle = match &change {
            DetachedChange::Add(values) => values.is_empty(),
            DetachedChange::Remove(ids) => ids.is_empty(),
            _ => false,
        };
        if !idle {
            self.request.detached.push(DetachedOp { attr, change });
        }
    }
}

fn fixed_element(attr: &AttrRef) -> ScimError {
    ScimError::mutability(format!(
        "{attr} cannot be changed inside an element; remove the element and add it anew."
    ))
}

/// The ids a filter names, if it is `value eq "a"` or several of these joined by `or`.
fn ids_of(filter: &Expr) -> Option<Vec<String>> {
    match filter {
        Expr::Compare { attr, op: CompareOp::Eq, value: Literal::Text { raw, .. } }
            if attr.sub.as_ref().is_some_and(|sub| sub.name == "value") =>
        {
            Some(vec![raw.clone()])
        }
        Expr::Or(terms) => {
            let ids: Option<Vec<Vec<String>>> = terms.iter().map(ids_of).collect();
            ids.map(|ids| ids.into_iter().flatten().collect())
        }
        _ => None,
    }
}
