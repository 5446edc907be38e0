//! PATCH on detached attributes, whose elements are rows elsewhere (group members): operations for their
//! owner, made without knowing the elements.

use std::collections::HashSet;
use std::sync::Arc;

use serde_json::Value;

use crate::dialect::Quirk;
use crate::error::ScimError;
use crate::filter::CompareOp;
use crate::plan::{Builder, OpKind, missing_value};
use crate::required::check_elements;
use crate::resolve::{Expr, Literal};
use crate::schema::{AttrRef, Attribute};
use crate::value::{Place, element_id, is_nothing, list_error, normalise_elements, says_something};

/// One operation on an attribute whose elements are rows elsewhere. Carry them out in order.
#[derive(Debug, Clone, PartialEq)]
pub struct DetachedOp {
    /// The attribute, such as `members`.
    pub attr: AttrRef,
    /// What to do.
    pub change: DetachedChange,
    /// The number of the operation of the PATCH that it comes from, for error messages.
    pub operation: usize,
}

/// What to do with detached elements. An element is identified by its `value`.
#[derive(Debug, Clone, PartialEq)]
pub enum DetachedChange {
    /// Add these elements (each an object with `value`); those already there stay as they are.
    Add(Vec<Value>),
    /// Remove these; those not there are no error.
    Remove(Which),
    /// Go on only if one of these is there, else 400 `noTarget` (RFC 7644 §3.5.2.3).
    Demand(Which),
    /// Go no further: an element would change what it cannot.
    Refuse(ScimError),
    /// Remove all elements.
    Clear,
    /// Make these the elements, no others.
    Replace(Vec<Value>),
}

/// Some of the elements.
#[derive(Debug, Clone, PartialEq)]
pub enum Which {
    /// Those with these ids.
    Ids(Vec<String>),
    /// Those with these ids that match ([`Expr::matches_element`]).
    Among(Vec<String>, Expr),
    /// Those that match, whatever their ids.
    Matching(Expr),
}

impl Which {
    /// Those that a filter picks, by their ids where it names them.
    fn of(filter: Expr) -> Self {
        match ids_of(&filter) {
            Some((ids, true)) => Self::Ids(ids),
            Some((ids, false)) => Self::Among(ids, filter),
            None => Self::Matching(filter),
        }
    }

    /// The ids that they have at most.
    fn ids(&self) -> Option<&[String]> {
        match self {
            Self::Ids(ids) | Self::Among(ids, _) => Some(ids),
            Self::Matching(_) => None,
        }
    }
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
            (OpKind::Remove, None | Some(Value::Null)) => DetachedChange::Clear,
            (OpKind::Replace, Some(value)) if is_nothing(&value) => DetachedChange::Clear,
            (OpKind::Remove, Some(value)) => {
                DetachedChange::Remove(Which::Ids(self.ids_to_remove(&attr, value)?))
            }
            (_, None) => return Err(missing_value(&attr)),
            (kind, Some(value)) => {
                self.note_read_only(&attr, &value);
                let says = says_something(&attr.attr, &value);
                let list = match value {
                    Value::Array(list) => list,
                    nothing if is_nothing(&nothing) => Vec::new(),
                    single if kind == OpKind::Add || self.mender.mend(Quirk::SingleValueForList, &attr) => {
                        vec![single]
                    }
                    single => return Err(list_error(&attr.attr, &single, Place::from(&attr))),
                };
                let values = normalise_elements(&attr.attr, list, Place::from(&attr), self.mender)?;
                check_elements(&attr.attr, &values, Place::from(&attr))?;
                if kind == OpKind::Add {
                    DetachedChange::Add(values)
                } else if values.is_empty() && says {
                    return Ok(());
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
        if let (OpKind::Remove, Some(value)) = (kind, value.as_ref().filter(|value| !is_nothing(value))) {
            let ids = self.ids_to_remove(attr, value.clone())?;
            self.push_detached(attr.clone(), DetachedChange::Remove(Which::Among(ids, filter)));
            return Ok(());
        }
        let which = Which::of(filter);
        let says = value.as_ref().is_some_and(|value| says_something(&attr.attr, value));
        let values = match kind {
            OpKind::Remove => Vec::new(),
            OpKind::Add | OpKind::Replace => {
                let value = self.element(kind, attr, value.ok_or_else(|| missing_value(attr))?)?;
                check_elements(&attr.attr, value.as_slice(), Place::from(attr))?;
                normalise_elements(&attr.attr, value.into_iter().collect(), Place::from(attr), self.mender)?
            }
        };
        if kind == OpKind::Replace && values.is_empty() && says {
            self.push_detached(attr.clone(), DetachedChange::Demand(which));
            return Ok(());
        }
        let itself = |ids: &[String]| {
            let id = |value: &Value| element_id(value, Place::from(attr)).map(str::to_owned);
            values.iter().all(|value| id(value).is_ok_and(|id| ids.contains(&id)))
        };
        let renames = kind == OpKind::Add && !which.ids().is_some_and(itself);
        // What is added under its own id needs no element there, where the dialect mends that: so some
        // clients name whom they add.
        let creates = kind == OpKind::Add
            && !renames
            && matches!(which, Which::Ids(_))
            && self.mender.dialect().mends(Quirk::CreatedElement);
        if kind != OpKind::Remove && !creates {
            self.push_detached(attr.clone(), DetachedChange::Demand(which.clone()));
        }
        if renames {
            let refusal = fixed_element(&attr.with_sub(attr.attr.value_sub()));
            self.push_detached(attr.clone(), DetachedChange::Refuse(refusal));
            return Ok(());
        }
        if kind != OpKind::Add {
            self.push_detached(attr.clone(), DetachedChange::Remove(which));
        }
        self.push_detached(attr.clone(), DetachedChange::Add(values));
        Ok(())
    }

    fn ids_to_remove(&mut self, attr: &AttrRef, value: Value) -> Result<Vec<String>, ScimError> {
        let values = self.values_to_remove(attr, value)?;
        values.iter().map(|value| element_id(value, Place::from(attr)).map(str::to_owned)).collect()
    }

    fn push_detached(&mut self, attr: AttrRef, change: DetachedChange) {
        let idle = match &change {
            DetachedChange::Add(values) => values.is_empty(),
            DetachedChange::Remove(which) => which.ids().is_some_and(<[_]>::is_empty),
            _ => false,
        };
        if !idle {
            self.request.detached.push(DetachedOp { attr, change, operation: self.operation });
        }
    }
}

fn fixed_element(attr: &AttrRef) -> ScimError {
    ScimError::mutability(format!(
        "{attr} cannot be changed inside an element; remove the element and add it anew."
    ))
}

/// The ids that all that a filter picks must have, each once, and whether it asks for nothing else: `value eq
/// "a"`, several of these joined by `or`, and what narrows them by `and`.
fn ids_of(filter: &Expr) -> Option<(Vec<String>, bool)> {
    match filter {
        Expr::Compare { attr, op: CompareOp::Eq, value: Literal::Text { raw, .. } }
            if attr.sub.as_ref().is_some_and(|sub| sub.name == "value") =>
        {
            Some((vec![raw.clone()], true))
        }
        Expr::Or(terms) => {
            let terms: Option<Vec<(Vec<String>, bool)>> = terms.iter().map(ids_of).collect();
            let terms = terms?;
            let all_said = terms.iter().all(|(_, all_said)| *all_said);
            let mut ids: Vec<String> = terms.into_iter().flat_map(|(ids, _)| ids).collect();
            let mut seen = HashSet::new();
            ids.retain(|id| seen.insert(id.clone()));
            Some((ids, all_said))
        }
        Expr::And(terms) => {
            let fewest = terms.iter().filter_map(ids_of).min_by_key(|(ids, _)| ids.len());
            fewest.map(|(ids, _)| (ids, false))
        }
        _ => None,
    }
}
