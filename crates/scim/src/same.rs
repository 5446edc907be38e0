//! When two values are the same: as their attribute compares them (RFC 7643 §2.2, §2.3), and in a list by
//! `value` and `type` where they have these (§2.4). Works on normalised values only.

use std::borrow::Cow;
use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;

use serde_json::Value;

use crate::base64;
use crate::instant::parse_instant;
use crate::name::{comparison_key, fold};
use crate::number::decimal;
use crate::schema::{Attribute, Type};

/// What the values of a remove describe: elements of the same `value` (and `type`, if given); without
/// `value`, those that are equal in all that is given. Each value and each element gets one key for each set
/// of names that some value gives, so that none is held against each other one.
pub(crate) struct Wanted<'v> {
    attr: &'v Attribute,
    shapes: HashMap<Vec<Option<&'v str>>, HashSet<String>>,
}

impl<'v> Wanted<'v> {
    pub(crate) fn of(attr: &'v Attribute, by: &'v [Value]) -> Self {
        let mut shapes: HashMap<_, HashSet<String>> = HashMap::new();
        for value in by {
            let mut parts = parts(value);
            parts.sort_unstable_by_key(|(name, _)| *name);
            let mut key = String::new();
            for (name, part) in &parts {
                write_key(named(attr, *name), part, &mut key);
            }
            let names = parts.into_iter().map(|(name, _)| name).collect();
            shapes.entry(names).or_default().insert(key);
        }
        Self { attr, shapes }
    }

    /// How many keys each element gets.
    pub(crate) fn shapes(&self) -> usize {
        self.shapes.len()
    }

    pub(crate) fn has(&self, element: &Value) -> bool {
        self.shapes
            .iter()
            .any(|(names, keys)| self.key(names, element).is_some_and(|key| keys.contains(&key)))
    }

    /// `None`: the element lacks one of the names.
    fn key(&self, names: &[Option<&str>], element: &Value) -> Option<String> {
        let mut key = String::new();
        for name in names {
            let part = name.map_or(Some(element), |name| element.get(name))?;
            write_key(named(self.attr, *name), part, &mut key);
        }
        Some(key)
    }
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

/// A text that is equal for values that are the same.
pub(crate) fn value_key(attr: Option<&Attribute>, value: &Value) -> String {
    let mut key = String::new();
    write_key(attr, value, &mut key);
    key
}

/// A text that is equal for elements that stand for the same value: equal `value` and equal `type`; without
/// `value`, equal in everything. It is made once for each, so that no two are ever compared at length.
pub(crate) fn sameness(attr: &Attribute, element: &Value) -> String {
    let Some(value) = element.get("value") else { return value_key(Some(attr), element) };
    // No key of a whole element begins like this.
    let mut key = String::from("v");
    let mut add = |name: &str, part: &Value| write_key(attr.sub.get(name).map(AsRef::as_ref), part, &mut key);
    add("value", value);
    if let Some(kind) = element.get("type") {
        add("type", kind);
    }
    key
}

/// So few ids are held against each other, which is cheaper than a key of each.
const FEW: usize = 16;

/// Whether the elements are all different for certain, by a quick look: few, with ids in ASCII that differ
/// whether case matters or not.
pub(crate) fn differ_by_id(attr: &Attribute, list: &[Value]) -> bool {
    let is_text = |sub: &Attribute| matches!(sub.kind, Type::String | Type::Reference) && !sub.multi_valued;
    if list.len() > FEW || !attr.value_sub().is_some_and(|sub| is_text(sub)) {
        return false;
    }
    list.iter().enumerate().all(|(at, element)| {
        let differs =
            |other: &Value, one: &str| ascii_id(other).is_some_and(|id| !id.eq_ignore_ascii_case(one));
        ascii_id(element).is_some_and(|one| list[..at].iter().all(|other| differs(other, one)))
    })
}

fn ascii_id(element: &Value) -> Option<&str> {
    element.get("value")?.as_str().filter(|id| id.is_ascii())
}

/// Where elements stand that others are added to.
pub(crate) struct Places(HashMap<String, usize>);

impl Places {
    pub(crate) fn of(attr: &Attribute, list: &[Value]) -> Self {
        let mut places = HashMap::with_capacity(list.len() + 1);
        for (at, element) in list.iter().enumerate() {
            places.entry(sameness(attr, element)).or_insert(at);
        }
        Self(places)
    }

    /// Where the value stands that is the same. One that is not there gets the next place.
    pub(crate) fn find_or_note(&mut self, attr: &Attribute, value: &Value, next: usize) -> Option<usize> {
        match self.0.entry(sameness(attr, value)) {
            Entry::Occupied(place) => Some(*place.get()),
            Entry::Vacant(place) => {
                place.insert(next);
                None
            }
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
        _ => value_key(Some(attr), one) == value_key(Some(attr), other),
    }
}

fn same_folded(one: &str, other: &str) -> bool {
    if one.is_ascii() && other.is_ascii() {
        return one.eq_ignore_ascii_case(other);
    }
    fold(one) == fold(other)
}

/// Writes what is equal for values that are the same, and the beginning of nothing else: all ends with a
/// U+0000, which no text has.
fn write_key(attr: Option<&Attribute>, value: &Value, key: &mut String) {
    match value {
        Value::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            members.sort_unstable_by_key(|(name, _)| *name);
            key.push('{');
            for (name, value) in members {
                write_text(name, key);
                write_key(attr.and_then(|attr| attr.sub.get(name)).map(AsRef::as_ref), value, key);
            }
            key.push('}');
        }
        Value::Array(list) => {
            let mut list: Vec<_> = list.iter().map(|value| value_key(attr, value)).collect();
            list.sort_unstable();
            key.push('[');
            key.extend(list);
            key.push(']');
        }
        Value::String(text) => write_text(&attr.map_or(text.into(), |attr| canonical_text(attr, text)), key),
        Value::Number(number) if attr.is_some_and(|attr| attr.kind == Type::Decimal) => {
            write_plain(&decimal(number.clone()), key);
        }
        plain => write_plain(plain, key),
    }
}

fn write_text(text: &str, key: &mut String) {
    key.push('"');
    key.push_str(text);
    key.push('\0');
}

fn write_plain(what: &Value, key: &mut String) {
    write!(key, "{what}\0").expect("a string takes all that is written to it");
}

/// How much work it is to make the key of a value, or to copy it: 1 for each part and each 16 bytes of text.
pub(crate) fn weight(value: &Value) -> usize {
    match value {
        Value::Object(members) => members.values().map(weight).sum(),
        Value::Array(list) => list.iter().map(weight).sum(),
        Value::String(text) => 1 + text.len() / 16,
        _ => 1,
    }
}

fn canonical_text<'t>(attr: &Attribute, text: &'t str) -> Cow<'t, str> {
    match attr.kind {
        Type::DateTime => parse_instant(text).map_or(text.into(), |nanos| nanos.to_string().into()),
        _ => text_key(attr, text),
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
    use serde_json::json;

    fn attr(name: &str) -> Attribute {
        let catalogue = Catalogue::standard();
        let kind = catalogue.resource_type("User").expect("a standard type");
        kind.top().get(name).expect("a standard attribute").as_ref().clone()
    }

    #[test]
    fn lists_keep_the_same_however_long() {
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
    fn places_are_those_of_the_first_that_is_the_same() {
        let emails = attr("emails");
        let element =
            |n: usize| json!({"value": format!("{}-É", n % 7), "type": (["work", "WORK", "home"][n % 3])});
        let mut list: Vec<Value> = (0..5).map(element).chain([json!({"display": "É"})]).collect();
        let mut places = Places::of(&emails, &list);
        for value in (0..40).map(element).chain([json!({"display": "é"}), json!({"display": "f"})]) {
            let first = list.iter().position(|old| sameness(&emails, old) == sameness(&emails, &value));
            assert_eq!(places.find_or_note(&emails, &value, list.len()), first, "{value}");
            if first.is_none() {
                list.push(value);
            }
        }
        assert_eq!(list.len(), 16, "{list:?}");
    }

    #[test]
    fn no_key_is_the_beginning_of_another_ones() {
        let emails = attr("emails");
        let key = |element: Value| sameness(&emails, &element);
        let keys = [
            key(json!({"value": "a"})),
            key(json!({"value": "a", "type": "b"})),
            key(json!({"value": "a\"b"})),
            key(json!({"type": "a"})),
            key(json!({"type": "a", "display": "b"})),
            key(json!({"type": "a\"display\"b"})),
            key(json!("a")),
            key(json!(1)),
            key(json!("1")),
            key(json!(["a", "b"])),
            key(json!(["a\"b"])),
        ];
        for (at, key) in keys.iter().enumerate() {
            assert!(!keys[..at].contains(key), "{key}");
        }
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
        assert!(sameness(&attr("emails"), &one) == sameness(&attr("emails"), &other));
        let certificates = attr("x509Certificates");
        assert!(sameness(&certificates, &one) != sameness(&certificates, &other));
        let described = |name: &str, by: Value| Wanted::of(&attr(name), &[by]).has(&one);
        assert!(described("emails", json!({"value": "ZM9V"})));
        assert!(!described("emails", json!({"value": "ZM9V", "type": "home"})));
        assert!(described("emails", json!({"type": "WORK"})));
        assert!(!described("emails", json!({"type": "work", "display": "x"})));
        assert!(!described("x509Certificates", json!({"value": "ZM9V"})));
    }
}
