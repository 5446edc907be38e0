//! Sorting (RFC 7644 §3.4.2.3, contract S-1): which attribute, and how two resources compare. The caller
//! keeps the total order by adding the id as the last key.

use std::cmp::Ordering;

use serde_json::Value;

use crate::dialect::{Mender, Quirk};
use crate::element::is_primary;
use crate::error::ScimError;
use crate::name::{comparison_key, excerpt};
use crate::schema::{AttrRef, Attribute, Resolution, ResourceType, Returned, Type};
use crate::value::{is_unassigned, parse_instant};

/// Bytes of a text that are compared: more than the longest key that is indexed, so that no order by an index
/// differs from this one. Texts that begin alike are in the order of their ids.
const MAX_SORT_BYTES: usize = 4 << 10;

/// What to sort by.
#[derive(Debug, Clone, PartialEq)]
pub struct SortBy {
    /// The attribute; a complex one stands for its `value`.
    pub attr: AttrRef,
    /// Whether the order is descending.
    pub descending: bool,
}

/// The sort key of a resource.
#[derive(Debug, Clone, PartialEq)]
pub enum SortValue {
    /// Boolean.
    Bool(bool),
    /// Integer.
    Integer(i64),
    /// Decimal.
    Decimal(f64),
    /// Instant in microseconds since 1970.
    Instant(i64),
    /// Text, folded unless the attribute is case-exact.
    Text(String),
}

impl SortBy {
    /// Reads `sortBy` and `sortOrder`. `None`: no order asked for, or (not in strict) an unknown attribute.
    /// Errors: 400 `invalidValue`.
    pub fn parse(
        kind: &ResourceType,
        sort_by: Option<&str>,
        sort_order: Option<&str>,
        mender: &mut Mender,
    ) -> Result<Option<Self>, ScimError> {
        let descending = match sort_order {
            None | Some("") => false,
            Some(order) if order.eq_ignore_ascii_case("ascending") => false,
            Some(order) if order.eq_ignore_ascii_case("descending") => true,
            Some(_) => {
                return Err(ScimError::invalid_value("sortOrder must be \"ascending\" or \"descending\"."));
            }
        };
        let Some(text) = sort_by.map(str::trim).filter(|text| !text.is_empty()) else { return Ok(None) };
        let Resolution::Attr(attr) = kind.resolve(text, mender) else {
            if mender.mend(Quirk::UnknownAttribute, text) {
                return Ok(None);
            }
            return Err(ScimError::invalid_value(format!(
                "sortBy names {:?}, which is not an attribute of {}; see /Schemas.",
                excerpt(text),
                kind.name
            )));
        };
        let attr = match (attr.leaf().kind, attr.attr.value_sub()) {
            (Type::Complex, Some(value)) => attr.with_sub(Some(value)),
            (Type::Complex, None) => {
                return Err(ScimError::invalid_value(format!("sortBy needs a sub-attribute of {attr}.")));
            }
            _ => attr,
        };
        if attr.leaf().returned == Returned::Never || attr.leaf().kind == Type::Binary {
            return Err(ScimError::invalid_value(format!("{attr} cannot be sorted by; choose another.")));
        }
        Ok(Some(Self { attr, descending }))
    }

    /// The key of a normalised resource: of a list the primary value, else the first.
    pub fn key(&self, resource: &Value) -> Option<SortValue> {
        let value = chosen(self.attr.value_in(resource.as_object()?)?)?;
        let value = match &self.attr.sub {
            None => value,
            Some(sub) => chosen(value.get(&sub.name)?)?,
        };
        if is_unassigned(value) { None } else { sort_value(self.attr.leaf(), value) }
    }

    /// The order of two keys: a missing one is last when ascending, first when descending.
    pub fn compare(&self, one: Option<&SortValue>, other: Option<&SortValue>) -> Ordering {
        let order = match (one, other) {
            (None, None) => Ordering::Equal,
            (None, Some(_)) => Ordering::Greater,
            (Some(_), None) => Ordering::Less,
            (Some(one), Some(other)) => one.order(other),
        };
        if self.descending { order.reverse() } else { order }
    }
}

fn chosen(value: &Value) -> Option<&Value> {
    match value {
        Value::Array(list) => list.iter().find(|element| is_primary(element)).or_else(|| list.first()),
        single => Some(single),
    }
}

fn sort_value(attr: &Attribute, value: &Value) -> Option<SortValue> {
    Some(match attr.kind {
        Type::Boolean => SortValue::Bool(value.as_bool()?),
        Type::Integer => SortValue::Integer(value.as_i64()?),
        // Adding zero takes the sign from -0.
        Type::Decimal => SortValue::Decimal(value.as_f64()? + 0.0),
        Type::DateTime => {
            let nanos = parse_instant(value.as_str()?)?;
            SortValue::Instant(i64::try_from(nanos.div_euclid(1_000)).ok()?)
        }
        _ => SortValue::Text(beginning(comparison_key(attr.case_exact, value.as_str()?).into_owned())),
    })
}

/// What of a text decides its place. Cursors hold it, so it is bounded.
fn beginning(mut text: String) -> String {
    text.truncate(text.floor_char_boundary(MAX_SORT_BYTES));
    text
}

impl SortValue {
    fn order(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Bool(a), Self::Bool(b)) => a.cmp(b),
            (Self::Integer(a), Self::Integer(b)) | (Self::Instant(a), Self::Instant(b)) => a.cmp(b),
            (Self::Decimal(a), Self::Decimal(b)) => a.total_cmp(b),
            (Self::Text(a), Self::Text(b)) => a.cmp(b),
            // Keys of one attribute have one type.
            _ => Ordering::Equal,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::Dialect;
    use crate::schema::Catalogue;
    use serde_json::json;

    fn sorted(by: &str, order: &str, mut list: Vec<Value>) -> Vec<Value> {
        let catalogue = Catalogue::standard();
        let user = catalogue.resource_type("User").unwrap();
        let mut mender = Mender::new(Dialect::Strict);
        let by = SortBy::parse(user, Some(by), Some(order), &mut mender).unwrap().unwrap();
        list.sort_by(|a, b| by.compare(by.key(a).as_ref(), by.key(b).as_ref()));
        list.iter().map(|resource| resource["id"].clone()).collect()
    }

    #[test]
    fn s_1_missing_last_ascending_and_first_descending() {
        let list =
            vec![json!({"id": 1, "userName": "b"}), json!({"id": 2}), json!({"id": 3, "userName": "A"})];
        assert_eq!(sorted("username", "ascending", list.clone()), [3, 1, 2]);
        assert_eq!(sorted("userName", "Descending", list), [2, 1, 3]);
    }

    #[test]
    fn s_1_a_key_is_bounded_between_two_characters() {
        let catalogue = Catalogue::standard();
        let user = catalogue.resource_type("User").unwrap();
        let by =
            SortBy::parse(user, Some("nickName"), None, &mut Mender::new(Dialect::Strict)).unwrap().unwrap();
        let key = |text: String| by.key(&json!({"nickName": text}));
        let most = "é".repeat(MAX_SORT_BYTES / 2 - 1);
        assert_eq!(key(format!("a{most}éa")), Some(SortValue::Text(format!("a{most}"))));
        assert_eq!(key(format!("aa{most}")), Some(SortValue::Text(format!("aa{most}"))));
    }

    #[test]
    fn s_1_primary_or_first_value() {
        let list = vec![
            json!({"id": 1, "emails": [{"value": "z"}, {"value": "a", "primary": true}]}),
            json!({"id": 2, "emails": [{"value": "B"}, {"value": "a"}]}),
        ];
        assert_eq!(sorted("emails", "ascending", list), [1, 2]);
        let times = vec![
            json!({"id": 1, "meta": {"created": "2011-05-13T04:42:34Z"}}),
            json!({"id": 2, "meta": {"created": "2011-05-13T05:42:34+02:00"}}),
        ];
        assert_eq!(sorted("meta.created", "ascending", times), [2, 1]);
    }

    #[test]
    fn s_1_bad_parameters() {
        let catalogue = Catalogue::standard();
        let user = catalogue.resource_type("User").unwrap();
        let mut strict = Mender::new(Dialect::Strict);
        for (by, order) in [("nothing", "ascending"), ("name", ""), ("password", ""), ("userName", "up")] {
            assert!(SortBy::parse(user, Some(by), Some(order), &mut strict).is_err(), "{by} {order}");
        }
        let mut auto = Mender::new(Dialect::Auto);
        assert_eq!(SortBy::parse(user, Some("nothing"), None, &mut auto), Ok(None));
        assert_eq!(SortBy::parse(user, None, Some("descending"), &mut auto), Ok(None));
    }
}
