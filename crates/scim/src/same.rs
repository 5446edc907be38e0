//! When two values are the same: as their attribute compares them (RFC 7643 §2.2, §2.3), and in a list by
//! `value` and `type` where they have these (§2.4). Works on normalised values only.

use std::borrow::Cow;

use serde_json::{Value, json};

use crate::base64;
use crate::instant::parse_instant;
use crate::name::{comparison_key, fold};
use crate::schema::{Attribute, Type};

/// Whether two elements of a list of `attr` stand for the same value: equal `value` and equal `type`; without
/// `value`, equal in everything.
pub(crate) fn same_element(attr: &Attribute, one: &Value, other: &Value) -> bool {
    match (one.get("value"), other.get("value")) {
        (Some(_), Some(_)) => same_sub(attr, "value", one, other) && same_sub(attr, "type", one, other),
        _ => same_value(Some(attr), one, other),
    }
}

/// Whether `element` is what a value of a remove describes: the same `value` (and `type`, if given); without
/// `value`, equal in all that is given.
pub(crate) fn is_described(attr: &Attribute, element: &Value, by: &Value) -> bool {
    let Some(given) = by.as_object() else { return same_value(Some(attr), element, by) };
    if given.contains_key("value") {
        return same_sub(attr, "value", element, by)
            && (!given.contains_key("type") || same_sub(attr, "type", element, by));
    }
    given.keys().all(|name| same_sub(attr, name, element, by))
}

/// A text that is equal for elements that are the same. No element is a list, so that both forms differ.
pub(crate) fn sameness(attr: &Attribute, element: &Value) -> String {
    let key = |name: &str| Some(canonical(attr.sub.get(name).map(AsRef::as_ref), element.get(name)?));
    match key("value") {
        Some(value) => json!([value, key("type")]).to_string(),
        None => canonical(Some(attr), element).to_string(),
    }
}

/// Whether two elements have the same under a name, or both nothing.
pub(crate) fn same_sub(attr: &Attribute, name: &str, one: &Value, other: &Value) -> bool {
    match (one.get(name), other.get(name)) {
        (Some(one), Some(other)) => same_value(attr.sub.get(name).map(AsRef::as_ref), one, other),
        (one, other) => one == other,
    }
}

/// Whether two values of an attribute are the same: one of its values, or all of them, which have no order.
pub(crate) fn same_value(attr: Option<&Attribute>, one: &Value, other: &Value) -> bool {
    if one == other {
        return true;
    }
    let Some(attr) = attr else { return false };
    match (one, other) {
        (Value::String(a), Value::String(b)) if matches!(attr.kind, Type::String | Type::Reference) => {
            !attr.case_exact && same_folded(a, b)
        }
        _ => canonical(Some(attr), one) == canonical(Some(attr), other),
    }
}

fn same_folded(one: &str, other: &str) -> bool {
    if one.is_ascii() && other.is_ascii() {
        return one.eq_ignore_ascii_case(other);
    }
    fold(one) == fold(other)
}

/// The form that is equal for values that are the same.
fn canonical(attr: Option<&Attribute>, value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            members.sort_unstable_by_key(|(name, _)| *name);
            let sub = |name: &str| attr.and_then(|attr| attr.sub.get(name)).map(AsRef::as_ref);
            members.into_iter().map(|(name, value)| (name.clone(), canonical(sub(name), value))).collect()
        }
        Value::Array(list) => {
            let mut list: Vec<_> = list.iter().map(|value| canonical(attr, value)).collect();
            list.sort_by_cached_key(Value::to_string);
            list.into()
        }
        Value::String(text) => attr.map_or_else(|| value.clone(), |attr| canonical_text(attr, text)),
        // Adding zero takes the sign from -0.
        Value::Number(number) => match attr.map(|attr| attr.kind) {
            Some(Type::Decimal) => json!(number.as_f64().map(|number| number + 0.0)),
            _ => value.clone(),
        },
        plain => plain.clone(),
    }
}

fn canonical_text(attr: &Attribute, text: &str) -> Value {
    match attr.kind {
        Type::DateTime => {
            parse_instant(text).map_or_else(|| text.to_owned(), |nanos| nanos.to_string()).into()
        }
        _ => text_key(attr, text).into(),
    }
}

/// What a text of an attribute is compared by: binaries by what they say, others folded unless case matters.
pub(crate) fn text_key<'t>(attr: &Attribute, text: &'t str) -> Cow<'t, str> {
    match attr.kind {
        Type::Binary => base64::bare(text).into(),
        _ => comparison_key(attr.case_exact, text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::element::distinct;
    use crate::schema::Catalogue;

    fn attr(name: &str) -> Attribute {
        let catalogue = Catalogue::standard();
        let kind = catalogue.resource_type("User").expect("a standard type");
        kind.top().get(name).expect("a standard attribute").as_ref().clone()
    }

    #[test]
    fn long_lists_and_short_ones_keep_the_same() {
        let emails = attr("emails");
        let element = |n: usize| {
            let text = format!("{}-É", n % 3);
            let text = if n.is_multiple_of(2) { text.to_lowercase() } else { text };
            json!({"value": text, "type": (["work", "WORK", "home"][n % 3]), "display": n.to_string()})
        };
        let bare = |n: usize| json!({"display": (n % 3).to_string()});
        let short: Vec<Value> = (0..8).flat_map(|n| [element(n), bare(n)]).collect();
        let mut long = [&short[..], &short[..], &short[..]].concat();
        let mut kept = short.clone();
        distinct(&emails, &mut kept);
        assert_eq!(kept.len(), 6, "{kept:?}");
        assert_eq!(kept[0], json!({"value": "0-é", "type": "work", "display": "6"}));
        distinct(&emails, &mut long);
        assert_eq!(long, kept);
    }

    #[test]
    fn the_order_of_members_makes_no_difference() {
        let addresses = attr("addresses");
        let home = json!({"streetAddress": "Elm", "locality": "Ulm"});
        let mut turned = json!({"locality": "Ulm", "streetAddress": "Elm"});
        for others in [0, 20] {
            let mut list = vec![home.clone(), turned.clone()];
            list.extend((0..others).map(|n| json!({"streetAddress": n.to_string()})));
            distinct(&addresses, &mut list);
            assert_eq!(list.len(), 1 + others, "{list:?}");
        }
        turned["locality"] = json!("Bonn");
        let mut list = vec![home; 17];
        list.push(turned);
        distinct(&addresses, &mut list);
        assert_eq!(list.len(), 2, "{list:?}");
    }

    #[test]
    fn values_are_the_same_by_their_type() {
        for (kind, one, other, same) in [
            (Type::Decimal, json!(1), json!(1.0), true),
            (Type::Decimal, json!(0.0), json!(-0.0), true),
            (Type::Decimal, json!(1), json!(1.5), false),
            (Type::DateTime, json!("2030-01-31T09:30:00Z"), json!("2030-01-31T10:30:00.000+01:00"), true),
            (Type::DateTime, json!("2030-01-31T09:30:00Z"), json!("2030-01-31T09:30:01Z"), false),
            (Type::Binary, json!("+/8="), json!("-_8"), true),
            (Type::Binary, json!("MA"), json!("ma"), false),
            (Type::Integer, json!(1), json!(2), false),
            (Type::Boolean, json!(true), json!(false), false),
        ] {
            let mut attr = Attribute::new("a", kind, "For the test.");
            assert_eq!(same_value(Some(&attr), &one, &other), same, "{one} {other}");
            attr.multi_valued = true;
            let (list, turned) = (json!([one, "x"]), json!(["x", other]));
            assert_eq!(same_value(Some(&attr), &list, &turned), same, "{list} {turned}");
        }
    }

    #[test]
    fn case_matters_where_the_attribute_says_so() {
        let one = json!({"value": "Zm9v", "type": "Work"});
        let other = json!({"value": "zm9v", "type": "work"});
        assert!(same_element(&attr("emails"), &one, &other));
        assert!(!same_element(&attr("x509Certificates"), &one, &other));
        assert!(is_described(&attr("emails"), &one, &json!({"value": "ZM9V"})));
        assert!(!is_described(&attr("emails"), &one, &json!({"value": "ZM9V", "type": "home"})));
        assert!(!is_described(&attr("x509Certificates"), &one, &json!({"value": "ZM9V"})));
    }
}
