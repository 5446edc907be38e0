//! When two values are the same: as their attribute compares them (RFC 7643 §2.2, §2.3), and in a list by
//! `value` and `type` where they have these (§2.4). Works on normalised values only.

use std::borrow::Cow;
use std::collections::HashMap;

use serde_json::{Value, json};

use crate::base64;
use crate::instant::parse_instant;
use crate::name::{comparison_key, fold};
use crate::number::decimal;
use crate::schema::{Attribute, Type};

/// So few values are compared pair by pair: what tells them apart need not be made first.
pub(crate) const FEW: usize = 16;

/// Whether two elements of a list of `attr` stand for the same value: equal `value` and equal `type`; without
/// `value`, equal in everything.
pub(crate) fn same_element(attr: &Attribute, one: &Value, other: &Value) -> bool {
    match (one.get("value"), other.get("value")) {
        (Some(_), Some(_)) => same_sub(attr, "value", one, other) && same_sub(attr, "type", one, other),
        _ => same_value(Some(attr), one, other),
    }
}

/// Which of the elements are what a value of a remove describes: the same `value` (and `type`, if given);
/// without `value`, equal in all that is given.
pub(crate) fn described<'v>(attr: &Attribute, elements: &[Value], by: &'v [Value]) -> Vec<bool> {
    // What is compared is made once for each element, not once for each pair.
    let mut columns: HashMap<Option<&'v str>, Vec<Option<String>>> = HashMap::new();
    let mut found = vec![false; elements.len()];
    for value in by {
        let parts = parts(value);
        for (name, _) in &parts {
            let column = || elements.iter().map(|element| part_key(attr, *name, element)).collect();
            columns.entry(*name).or_insert_with(column);
        }
        let wanted: Vec<_> = parts
            .iter()
            .map(|(name, part)| (&columns[name], Some(value_key(named(attr, *name), part))))
            .collect();
        for (at, found) in found.iter_mut().enumerate() {
            *found |= wanted.iter().all(|(column, key)| column[at] == *key);
        }
    }
    found
}

/// What of a value says which elements it means; without a name, all of it.
fn parts(value: &Value) -> Vec<(Option<&str>, &Value)> {
    let Some(given) = value.as_object() else { return vec![(None, value)] };
    let all = given.contains_key("value").then_some(["value", "type"]);
    let counts = |name: &str| all.is_none_or(|names| names.contains(&name));
    given.iter().filter(|(name, _)| counts(name)).map(|(name, part)| (Some(name.as_str()), part)).collect()
}

fn named<'a>(attr: &'a Attribute, name: Option<&str>) -> Option<&'a Attribute> {
    name.map_or(Some(attr), |name| attr.sub.get(name).map(AsRef::as_ref))
}

fn part_key(attr: &Attribute, name: Option<&str>, element: &Value) -> Option<String> {
    let part = name.map_or(Some(element), |name| element.get(name))?;
    Some(value_key(named(attr, name), part))
}

/// A text that is equal for values that are the same.
pub(crate) fn value_key(attr: Option<&Attribute>, value: &Value) -> String {
    canonical(attr, value).to_string()
}

/// A text that is equal for elements that are the same. No element is a list, so that both forms differ.
pub(crate) fn sameness(attr: &Attribute, element: &Value) -> String {
    let key = |name: &str| Some(canonical(attr.sub.get(name).map(AsRef::as_ref), element.get(name)?));
    match key("value") {
        Some(value) => json!([value, key("type")]).to_string(),
        None => canonical(Some(attr), element).to_string(),
    }
}

/// Where elements stand that others are added to. With many of them what tells them apart is made once, if it
/// cannot change meanwhile as a `primary` does.
pub(crate) struct Places(Option<HashMap<String, usize>>);

impl Places {
    pub(crate) fn of(attr: &Attribute, list: &[Value], more: &[Value]) -> Self {
        let has_value = |element: &Value| element.get("value").is_some();
        if more.len() <= FEW || !more.iter().chain(list).all(has_value) {
            return Self(None);
        }
        let mut places = HashMap::with_capacity(list.len() + more.len());
        for (at, element) in list.iter().enumerate() {
            places.entry(sameness(attr, element)).or_insert(at);
        }
        Self(Some(places))
    }

    pub(crate) fn find(&self, attr: &Attribute, list: &[Value], value: &Value) -> Option<usize> {
        match &self.0 {
            Some(places) => places.get(&sameness(attr, value)).copied(),
            None => list.iter().position(|old| same_element(attr, old, value)),
        }
    }

    /// The last element is new.
    pub(crate) fn note(&mut self, attr: &Attribute, list: &[Value]) {
        if let (Some(places), Some(new)) = (&mut self.0, list.last()) {
            places.insert(sameness(attr, new), list.len() - 1);
        }
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
        Value::Number(number) => match attr.map(|attr| attr.kind) {
            Some(Type::Decimal) => decimal(number.clone()),
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
    fn places_of_many_are_those_of_few() {
        let emails = attr("emails");
        let element =
            |n: usize| json!({"value": format!("{}-É", n % 7), "type": (["work", "WORK", "home"][n % 3])});
        let list: Vec<Value> = (0..5).map(element).collect();
        let more: Vec<Value> = (0..40).map(element).collect();
        let (mut keyed, mut plain) = (list.clone(), list.clone());
        let mut by_key = Places::of(&emails, &list, &more);
        let mut one_by_one = Places::of(&emails, &list, &[]);
        assert!(by_key.0.is_some() && one_by_one.0.is_none());
        for value in &more {
            let at = by_key.find(&emails, &keyed, value);
            assert_eq!(at, one_by_one.find(&emails, &plain, value), "{value}");
            if at.is_none() {
                keyed.push(value.clone());
                by_key.note(&emails, &keyed);
                plain.push(value.clone());
                one_by_one.note(&emails, &plain);
            }
        }
        assert!(keyed.len() > list.len() && keyed.len() < list.len() + more.len());
        let mixed = Places::of(&emails, &[json!({"display": "x"})], &more);
        assert!(mixed.0.is_none(), "what has no value may change with its primary");
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
            (Type::Decimal, json!(9_007_199_254_740_992_u64), json!(9_007_199_254_740_993_u64), false),
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
        let described =
            |name: &str, by: Value| described(&attr(name), std::slice::from_ref(&one), &[by]) == [true];
        assert!(described("emails", json!({"value": "ZM9V"})));
        assert!(!described("emails", json!({"value": "ZM9V", "type": "home"})));
        assert!(described("emails", json!({"type": "WORK"})));
        assert!(!described("emails", json!({"type": "work", "display": "x"})));
        assert!(!described("x509Certificates", json!({"value": "ZM9V"})));
    }
}
