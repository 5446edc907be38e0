//! The in-memory back end of filters: tells whether a normalised resource, or one element of it, matches.
//! It allocates only to fold text that has capitals or is not ASCII, and to read binaries.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use serde_json::{Map, Value};

use crate::filter::CompareOp;
use crate::number::in_order;
use crate::resolve::{Expr, Literal};
use crate::same::{text_key, weight};
use crate::schema::{AttrRef, Attribute, Type};
use crate::value::{elements, is_unassigned, parse_instant};

impl Expr {
    /// The weight of what it compares in a value, or in each element of a list: 1 for each term, and one more
    /// for each 16 bytes of a text.
    pub fn weight_in(&self, there: &Value) -> usize {
        match self {
            Self::And(terms) | Self::Or(terms) => terms.iter().map(|term| term.weight_in(there)).sum(),
            Self::Not(inner) | Self::ValuePath { filter: inner, .. } => inner.weight_in(there),
            Self::Compare { attr, .. } | Self::Present { attr } => {
                elements(there).iter().map(|element| element_value(element, attr).map_or(1, weight)).sum()
            }
            Self::Never => 0,
        }
    }

    /// What of that is beyond going through all of the value once.
    pub fn weight_beyond(&self, there: &Value) -> usize {
        self.weight_in(there).saturating_sub(weight(there))
    }

    /// Whether the resource matches. The resource is normalised: names in the schema's spelling.
    pub fn matches(&self, resource: &Value) -> bool {
        let Some(resource) = resource.as_object() else { return false };
        self.is_met(resource, &Keys::default())
    }

    fn is_met(&self, resource: &Map<String, Value>, keys: &Keys) -> bool {
        match self {
            Self::And(terms) => terms.iter().all(|term| term.is_met(resource, keys)),
            Self::Or(terms) => terms.iter().any(|term| term.is_met(resource, keys)),
            Self::Not(inner) => !inner.is_met(resource, keys),
            Self::Never => false,
            Self::Compare { attr, op, value } => {
                any_value(attr.value_in(resource), attr.sub.as_deref(), *op, &|found| {
                    test(found, attr.leaf(), (*op, value), keys)
                })
            }
            Self::Present { attr } => attr.value_in(resource).is_some_and(|found| {
                attr.sub.as_ref().map_or(!is_unassigned(found), |sub| {
                    elements(found).iter().any(|e| e.get(&sub.name).is_some_and(|v| !is_unassigned(v)))
                })
            }),
            Self::ValuePath { attr, filter } => attr
                .value_in(resource)
                .is_some_and(|v| elements(v).iter().any(|element| filter.is_met_by(element, keys))),
        }
    }

    /// Whether one element matches the filter of a value path (contract F-10).
    pub fn matches_element(&self, element: &Value) -> bool {
        self.is_met_by(element, &Keys::default())
    }

    fn is_met_by(&self, element: &Value, keys: &Keys) -> bool {
        match self {
            Self::And(terms) => terms.iter().all(|term| term.is_met_by(element, keys)),
            Self::Or(terms) => terms.iter().any(|term| term.is_met_by(element, keys)),
            Self::Not(inner) => !inner.is_met_by(element, keys),
            Self::Never | Self::ValuePath { .. } => false,
            Self::Compare { attr, op, value } => {
                any_value(element_value(element, attr), None, *op, &|found| {
                    test(found, attr.leaf(), (*op, value), keys)
                })
            }
            Self::Present { attr } => element_value(element, attr).is_some_and(|v| !is_unassigned(v)),
        }
    }
}

/// Keys of long texts of one resource, by where a text lies: each term of a filter would make them anew.
#[derive(Default)]
struct Keys(RefCell<HashMap<*const u8, Rc<str>>>);

impl Keys {
    /// Shorter texts are folded as quickly as they are looked up.
    const LONG: usize = 128;

    /// Tests the key of a text of an attribute.
    fn test(&self, attr: &Attribute, text: &str, test: impl Fn(&str) -> bool) -> bool {
        if text.len() < Self::LONG {
            return test(&text_key(attr, text));
        }
        let known = self.0.borrow().get(&text.as_ptr()).cloned();
        if let Some(key) = known {
            return test(&key);
        }
        match text_key(attr, text) {
            Cow::Borrowed(key) => test(key),
            Cow::Owned(key) => {
                let key = Rc::from(key);
                self.0.borrow_mut().insert(text.as_ptr(), Rc::clone(&key));
                test(&key)
            }
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

fn test(found: &Value, attr: &Attribute, (op, literal): (CompareOp, &Literal), keys: &Keys) -> bool {
    match literal {
        Literal::Text { key, .. } => {
            found.as_str().is_some_and(|text| test_text(text, attr, (op, key), keys))
        }
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

fn test_text(text: &str, attr: &Attribute, (op, key): (CompareOp, &str), keys: &Keys) -> bool {
    if op == CompareOp::Eq && attr.kind != Type::Binary && text.is_ascii() && key.is_ascii() {
        return if attr.case_exact { text == key } else { text.eq_ignore_ascii_case(key) };
    }
    keys.test(attr, text, |found| match op {
        CompareOp::Co => memchr::memmem::find(found.as_bytes(), key.as_bytes()).is_some(),
        CompareOp::Sw => found.starts_with(key),
        CompareOp::Ew => found.ends_with(key),
        _ => ordered(op, found.cmp(key)),
    })
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::{Catalogue, Dialect, Filter, Mender};

    /// Each term reads the key that the first one made.
    #[test]
    fn long_texts_are_folded_for_all_terms() {
        let catalogue = Catalogue::standard();
        let kind = catalogue.resource_type("User").unwrap();
        let long = format!("{}ÉNDE", "Straße ".repeat(40));
        let user = json!({"title": long, "nickName": long.to_uppercase(),
            "emails": [{"value": long, "display": "short"}, {"value": "x@y.example", "display": long}]});
        for (text, found) in [
            ("title co \"X\" or title ew \"éNDE\"", true),
            ("title sw \"STRASSE\" and not (title co \"  \") and nickName sw \"straße\"", true),
            ("emails[display ew \"ende\" or display ew \"énde\" and value eq \"x@y.example\"]", true),
            ("emails[display ew \"énde\" and value ew \"énde\"]", false),
        ] {
            let filter = Filter::compile(text, kind, &mut Mender::new(Dialect::Strict)).unwrap();
            assert_eq!(filter.matches(&user), found, "{text}");
        }
    }
}
