//! The in-memory back end of filters: tells whether a normalised resource, or one element of it, matches.
//! It allocates only to fold text that has capitals or is not ASCII, and to read binaries.

use serde_json::{Map, Value};

use crate::filter::CompareOp;
use crate::number::in_order;
use crate::resolve::{Expr, Literal};
use crate::same::{text_key, weight};
use crate::schema::{AttrRef, Attribute, Type};
use crate::value::{elements, is_unassigned, parse_instant};

impl Expr {
    /// The weight of what it compares in a value, or in each element of a list.
    pub(crate) fn weight_in(&self, there: &Value) -> usize {
        match self {
            Self::And(terms) | Self::Or(terms) => terms.iter().map(|term| term.weight_in(there)).sum(),
            Self::Not(inner) | Self::ValuePath { filter: inner, .. } => inner.weight_in(there),
            Self::Compare { attr, .. } | Self::Present { attr } => {
                elements(there).iter().map(|element| element_value(element, attr).map_or(1, weight)).sum()
            }
            Self::Never => 0,
        }
    }

    /// Whether the resource matches. The resource is normalised: names in the schema's spelling.
    pub fn matches(&self, resource: &Value) -> bool {
        let Some(resource) = resource.as_object() else { return false };
        self.matches_map(resource)
    }

    pub(crate) fn matches_map(&self, resource: &Map<String, Value>) -> bool {
        match self {
            Self::And(terms) => terms.iter().all(|term| term.matches_map(resource)),
            Self::Or(terms) => terms.iter().any(|term| term.matches_map(resource)),
            Self::Not(inner) => !inner.matches_map(resource),
            Self::Never => false,
            Self::Compare { attr, op, value } => {
                any_value(attr.value_in(resource), attr.sub.as_deref(), *op, &|found| {
                    test(found, attr.leaf(), *op, value)
                })
            }
            Self::Present { attr } => attr.value_in(resource).is_some_and(|found| {
                attr.sub.as_ref().map_or(!is_unassigned(found), |sub| {
                    elements(found).iter().any(|e| e.get(&sub.name).is_some_and(|v| !is_unassigned(v)))
                })
            }),
            Self::ValuePath { attr, filter } => {
                attr.value_in(resource).is_some_and(|v| elements(v).iter().any(|e| filter.matches_element(e)))
            }
        }
    }

    /// Whether one element matches the filter of a value path (contract F-10).
    pub fn matches_element(&self, element: &Value) -> bool {
        match self {
            Self::And(terms) => terms.iter().all(|term| term.matches_element(element)),
            Self::Or(terms) => terms.iter().any(|term| term.matches_element(element)),
            Self::Not(inner) => !inner.matches_element(element),
            Self::Never | Self::ValuePath { .. } => false,
            Self::Compare { attr, op, value } => {
                any_value(element_value(element, attr), None, *op, &|found| {
                    test(found, attr.leaf(), *op, value)
                })
            }
            Self::Present { attr } => element_value(element, attr).is_some_and(|v| !is_unassigned(v)),
        }
    }
}

fn element_value<'e>(element: &'e Value, attr: &AttrRef) -> Option<&'e Value> {
    attr.sub.as_ref().map_or(Some(element), |sub| element.get(&sub.name))
}

/// Whether any value passes; for `ne` also when there is none.
fn any_value(
    found: Option<&Value>,
    sub: Option<&Attribute>,
    op: CompareOp,
    passes: &dyn Fn(&Value) -> bool,
) -> bool {
    let mut empty = true;
    for element in found.into_iter().flat_map(elements) {
        let value = match sub {
            None => Some(element),
            Some(sub) => element.get(&sub.name),
        };
        for value in value.into_iter().flat_map(elements).filter(|value| !is_unassigned(value)) {
            empty = false;
            if passes(value) {
                return true;
            }
        }
    }
    empty && op == CompareOp::Ne
}

fn test(found: &Value, attr: &Attribute, op: CompareOp, literal: &Literal) -> bool {
    match literal {
        Literal::Text { key, .. } => found.as_str().is_some_and(|text| test_text(text, attr, op, key)),
        Literal::Bool(flag) => found.as_bool().is_some_and(|found| ordered(op, found.cmp(flag))),
        Literal::Integer(number) => found.as_i64().is_some_and(|found| ordered(op, found.cmp(number))),
        Literal::Decimal(number) => {
            let order = found.as_number().and_then(|found| in_order(found, number));
            order.is_some_and(|order| ordered(op, order))
        }
        Literal::Instant(instant) => {
            found.as_str().and_then(parse_instant).is_some_and(|found| ordered(op, found.cmp(instant)))
        }
    }
}

fn test_text(text: &str, attr: &Attribute, op: CompareOp, key: &str) -> bool {
    if op == CompareOp::Eq && attr.kind != Type::Binary && text.is_ascii() && key.is_ascii() {
        return if attr.case_exact { text == key } else { text.eq_ignore_ascii_case(key) };
    }
    let found = text_key(attr, text);
    match op {
        CompareOp::Co => memchr::memmem::find(found.as_bytes(), key.as_bytes()).is_some(),
        CompareOp::Sw => found.starts_with(key),
        CompareOp::Ew => found.ends_with(key),
        _ => ordered(op, found.as_ref().cmp(key)),
    }
}

fn ordered(op: CompareOp, order: std::cmp::Ordering) -> bool {
    match op {
        CompareOp::Eq => order.is_eq(),
        CompareOp::Ne => order.is_ne(),
        CompareOp::Gt => order.is_gt(),
        CompareOp::Ge => order.is_ge(),
        CompareOp::Lt => order.is_lt(),
        CompareOp::Le => order.is_le(),
        CompareOp::Co | CompareOp::Sw | CompareOp::Ew => false,
    }
}
