//! When two values of a list are the same: as their attribute compares texts (RFC 7643 section 2.2,
//! `caseExact`), by `value` and `type` where they have these (section 2.4). Works on normalised values only.

use serde_json::{Value, json};

use crate::name::{comparison_key, fold};
use crate::schema::Attribute;

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
    let key = |name: &str| match (attr.sub.get(name), element.get(name)?) {
        (Some(sub), Value::String(text)) => Some(json!(comparison_key(sub.case_exact, text))),
        (_, value) => Some(sorted(value)),
    };
    match (element, key("value")) {
        (_, Some(value)) => json!([value, key("type")]).to_string(),
        (Value::String(text), None) => json!(comparison_key(attr.case_exact, text)).to_string(),
        _ => sorted(element).to_string(),
    }
}

/// Whether two elements have the same under a name, or both nothing.
pub(crate) fn same_sub(attr: &Attribute, name: &str, one: &Value, other: &Value) -> bool {
    match (one.get(name), other.get(name)) {
        (Some(one), Some(other)) => same_value(attr.sub.get(name).map(AsRef::as_ref), one, other),
        (one, other) => one == other,
    }
}

fn same_value(attr: Option<&Attribute>, one: &Value, other: &Value) -> bool {
    let (Some(a), Some(b)) = (one.as_str(), other.as_str()) else { return one == other };
    a == b || attr.is_some_and(|attr| !attr.case_exact) && same_folded(a, b)
}

fn same_folded(one: &str, other: &str) -> bool {
    if one.is_ascii() && other.is_ascii() {
        return one.eq_ignore_ascii_case(other);
    }
    fold(one) == fold(other)
}

/// The same value with the members of its objects by name: equal objects may have them in another order.
fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            members.sort_unstable_by_key(|(name, _)| *name);
            members.into_iter().map(|(name, value)| (name.clone(), sorted(value))).collect()
        }
        Value::Array(list) => list.iter().map(sorted).collect(),
        plain => plain.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::element::keep_distinct;
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
        keep_distinct(&emails, &mut kept);
        assert_eq!(kept.len(), 6, "{kept:?}");
        assert_eq!(kept[0], json!({"value": "0-é", "type": "work", "display": "6"}));
        keep_distinct(&emails, &mut long);
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
            keep_distinct(&addresses, &mut list);
            assert_eq!(list.len(), 1 + others, "{list:?}");
        }
        turned["locality"] = json!("Bonn");
        let mut list = vec![home; 17];
        list.push(turned);
        keep_distinct(&addresses, &mut list);
        assert_eq!(list.len(), 2, "{list:?}");
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
