//! Typed values: turns what a client sent for one attribute into the normalised form, or says which
//! attribute is wrong and what type it has. Unassigned values (null, "", [], {}) vanish here. It knows
//! one attribute at a time, never a whole resource.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;

use serde_json::{Map, Value};

use crate::dialect::{Dialect, Mender, Quirk};
use crate::element::{distinct, is_primary};
use crate::error::ScimError;
pub use crate::instant::parse_instant;
use crate::pointer::{REFERENCE, VALUE, Verdict, judge};
use crate::required::check_elements;
use crate::scalar::normalise_scalar;
use crate::schema::{AttrRef, Attribute, Mutability, Schema, Type};

/// Most elements a multi-valued attribute inside a document may have (detached ones are not bounded).
pub const MAX_VALUES: usize = 1000;
/// Longest text, in bytes, of an attribute with index keys or a uniqueness rule.
pub const MAX_KEY_BYTES: usize = 1024;

/// Where a value stands, for error messages.
#[derive(Clone, Copy)]
pub(crate) struct Place<'a> {
    pub(crate) extension: Option<&'a Schema>,
    pub(crate) attr: &'a str,
    pub(crate) sub: Option<&'a str>,
}

impl<'a> Place<'a> {
    pub(crate) fn top(attr: &'a str) -> Self {
        Self { extension: None, attr, sub: None }
    }

    pub(crate) fn sub(self, sub: &'a str) -> Self {
        Self { sub: Some(sub), ..self }
    }
}

impl<'a> From<&'a AttrRef> for Place<'a> {
    fn from(attr: &'a AttrRef) -> Self {
        Self {
            extension: attr.extension.as_deref(),
            attr: &attr.attr.name,
            sub: attr.sub.as_deref().map(|sub| sub.name.as_str()),
        }
    }
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(schema) = self.extension {
            write!(f, "{}:", schema.urn)?;
        }
        f.write_str(self.attr)?;
        self.sub.map_or(Ok(()), |sub| write!(f, ".{sub}"))
    }
}

/// Whether the value means "no value" (RFC 7643 §2.5).
pub(crate) fn is_unassigned(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(list) => list.iter().all(is_unassigned),
        Value::Object(map) => map.values().all(is_unassigned),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

/// Whether the value stands for none, whatever the type of its attribute.
pub(crate) fn is_nothing(value: &Value) -> bool {
    value.is_null() || value.as_str() == Some("")
}

/// Whether a value that comes to nothing was not meant so: all that it says is readOnly or unknown, and
/// dropped. What it was to replace stays as it is. Whoever clears an element means it, whatever is beside.
pub(crate) fn says_something(attr: &Attribute, value: &Value) -> bool {
    let elements = elements(value);
    elements.iter().any(Value::is_object) && !elements.iter().any(|element| clears(attr, element))
}

/// Whether an element says that there is none: by nothing at all, or by nothing for what it is told by. Some
/// clients write null for whatever else they know nothing of.
fn clears(attr: &Attribute, element: &Value) -> bool {
    let Some(map) = element.as_object() else { return is_nothing(element) };
    let tells = |sub: &Attribute| sub.name == VALUE || attr.detached && sub.name == REFERENCE;
    let told_by = |name: &str| {
        attr.sub.get(name).is_some_and(|sub| tells(sub) && sub.mutability != Mutability::ReadOnly)
    };
    map.values().all(is_nothing) || map.iter().any(|(name, value)| told_by(name) && is_unassigned(value))
}

/// The elements of a list, or the single value.
pub(crate) fn elements(value: &Value) -> &[Value] {
    value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice)
}

/// What a value is, for error messages.
pub(crate) fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// Normalises a whole value of `attr`: a list if it is multi-valued. `None` means unassigned.
pub(crate) fn normalise(
    attr: &Attribute,
    value: Value,
    place: Place<'_>,
    mender: &mut Mender,
) -> Result<Option<Value>, ScimError> {
    if !attr.multi_valued {
        return normalise_single(attr, value, place, mender);
    }
    let list = match value {
        Value::Array(list) => list,
        single if is_nothing(&single) => return Ok(None),
        single => {
            if !mender.mend(Quirk::SingleValueForList, place) {
                return Err(list_error(attr, &single, place));
            }
            vec![single]
        }
    };
    let mut list = normalise_elements(attr, list, place, mender)?;
    check_elements(attr, &list, place)?;
    settle_primary(&mut list, place, mender)?;
    Ok((!list.is_empty()).then_some(Value::Array(list)))
}

/// Normalises the elements of a multi-valued attribute; each value stands once. What stands for a value that
/// is there need not have what is required: [`check_elements`] is for the others.
pub(crate) fn normalise_elements(
    attr: &Attribute,
    list: Vec<Value>,
    place: Place<'_>,
    mender: &mut Mender,
) -> Result<Vec<Value>, ScimError> {
    if list.len() > MAX_VALUES && !attr.detached {
        return Err(too_many_values(place));
    }
    let mut kept: Vec<Value> = Vec::with_capacity(list.len());
    let mut seen = HashSet::new();
    for element in list {
        let nameless = attr.detached && element.as_object().is_some_and(|map| !map.is_empty());
        let Some(element) = normalise_part(attr, element, place, mender)? else {
            if nameless && mender.dialect() == Dialect::Strict {
                return Err(no_id(place));
            }
            continue;
        };
        if !attr.detached || seen.insert(element_id(&element, place)?.to_owned()) {
            kept.push(element);
        }
    }
    if !attr.detached {
        distinct(attr, &mut kept);
        check_lengths(attr, &kept, place)?;
    }
    Ok(kept)
}

/// The `value` of an element that is a row of its own.
pub(crate) fn element_id<'v>(element: &'v Value, place: Place<'_>) -> Result<&'v str, ScimError> {
    element.get("value").and_then(Value::as_str).ok_or_else(|| no_id(place))
}

fn no_id(place: Place<'_>) -> ScimError {
    ScimError::invalid_value(format!("Each element of {place} needs a \"value\": the id it stands for."))
}

pub(crate) fn too_many_values(place: Place<'_>) -> ScimError {
    ScimError::invalid_value(format!("{place} takes at most {MAX_VALUES} values; send fewer."))
}

/// Refuses lists inside of elements that are too long: merging adds to them.
pub(crate) fn check_lengths(attr: &Attribute, elements: &[Value], place: Place<'_>) -> Result<(), ScimError> {
    for sub in attr.sub.iter().filter(|sub| sub.multi_valued) {
        let mut lists = elements.iter().filter_map(|element| element.get(&sub.name)?.as_array());
        if lists.any(|list| list.len() > MAX_VALUES) {
            return Err(too_many_values(place.sub(&sub.name)));
        }
    }
    Ok(())
}

/// Normalises a single-valued attribute.
fn normalise_single(
    attr: &Attribute,
    value: Value,
    place: Place<'_>,
    mender: &mut Mender,
) -> Result<Option<Value>, ScimError> {
    let value = match value {
        Value::Array(mut list) => {
            if list.len() > 1 || !mender.mend(Quirk::ListForSingleValue, place) {
                return Err(type_error(attr, &Value::Array(list), place));
            }
            list.pop().unwrap_or(Value::Null)
        }
        value => value,
    };
    normalise_element(attr, value, place, mender)
}

/// Normalises one value: an element of a list or a single value.
pub(crate) fn normalise_element(
    attr: &Attribute,
    value: Value,
    place: Place<'_>,
    mender: &mut Mender,
) -> Result<Option<Value>, ScimError> {
    let element = normalise_part(attr, value, place, mender)?;
    check_elements(attr, element.as_slice(), place)?;
    Ok(element)
}

/// The same for what is merged into a value: it need not have what is required.
pub(crate) fn normalise_part(
    attr: &Attribute,
    value: Value,
    place: Place<'_>,
    mender: &mut Mender,
) -> Result<Option<Value>, ScimError> {
    if attr.kind != Type::Complex {
        return normalise_scalar(attr, value, place, mender);
    }
    let map = match value {
        Value::Object(map) => map,
        nothing if is_nothing(&nothing) => return Ok(None),
        plain => wrap_plain(attr, plain, place, mender)?,
    };
    let map = normalise_complex(attr, map, place, mender)?;
    Ok((!map.is_empty()).then_some(Value::Object(map)))
}

/// `"id"` where `{"value": "id"}` belongs.
pub(crate) fn wrap_plain(
    attr: &Attribute,
    plain: Value,
    place: Place<'_>,
    mender: &mut Mender,
) -> Result<Map<String, Value>, ScimError> {
    let scalar = matches!(plain, Value::String(_) | Value::Number(_) | Value::Bool(_));
    if !scalar || attr.value_sub().is_none() || !mender.mend(Quirk::PlainValueForComplex, place) {
        return Err(type_error(attr, &plain, place));
    }
    Ok(Map::from_iter([("value".to_owned(), plain)]))
}

/// Normalises the sub-attributes of a complex value; readOnly ones are dropped.
fn normalise_complex(
    attr: &Attribute,
    map: Map<String, Value>,
    place: Place<'_>,
    mender: &mut Mender,
) -> Result<Map<String, Value>, ScimError> {
    let mut out = Map::new();
    for (key, value) in map {
        let Some(sub) = attr.sub.get(&key) else {
            unknown_attribute(place.sub(&key), mender)?;
            continue;
        };
        if sub.mutability == Mutability::ReadOnly {
            continue;
        }
        if let Some(value) = normalise(sub, value, place.sub(&sub.name), mender)? {
            out.insert(if key == sub.name { key } else { sub.name.clone() }, value);
        }
    }
    match judge(attr, (out.get(VALUE), out.get(REFERENCE)), place, mender)? {
        Verdict::Kept => {}
        Verdict::Follows(id) => drop(out.insert(VALUE.to_owned(), id)),
        Verdict::Dropped => drop(out.shift_remove(REFERENCE)),
    }
    Ok(out)
}

/// Strict refuses an attribute the schema does not have; the others drop and note it.
pub(crate) fn unknown_attribute(
    place: impl fmt::Display + Copy,
    mender: &mut Mender,
) -> Result<(), ScimError> {
    if mender.mend(Quirk::UnknownAttribute, place) {
        return Ok(());
    }
    Err(ScimError::invalid_syntax(format!(
        "{place} is not an attribute of this resource type; remove it or declare it in a schema extension."
    )))
}

/// One value is primary at most: a second one is refused or, where the dialect mends it, cleared.
pub(crate) fn settle_primary(
    list: &mut [Value],
    place: Place<'_>,
    mender: &mut Mender,
) -> Result<(), ScimError> {
    let mut found = false;
    for element in list {
        if !is_primary(element) {
            continue;
        }
        if found {
            if !mender.mend(Quirk::ManyPrimaries, place) {
                return Err(ScimError::invalid_value(format!(
                    "{place} has more than one value with primary true; mark one at most."
                )));
            }
            element["primary"] = Value::Bool(false);
        }
        found = true;
    }
    Ok(())
}

/// What a value of a type is, for error messages.
pub(crate) fn expected(kind: Type) -> &'static str {
    match kind {
        Type::String => "a string",
        Type::Boolean => "true or false",
        Type::Decimal => "a number",
        Type::Integer => "a whole number of 64 bits without fraction or exponent",
        Type::DateTime => "a dateTime such as \"2030-01-31T09:30:00Z\"",
        Type::Binary => "a base64 string, padded and without line breaks",
        Type::Reference => "a URI as a string",
        Type::Complex => "an object",
    }
}

/// The error for a value that should be a list.
pub(crate) fn list_error(attr: &Attribute, value: &Value, place: Place<'_>) -> ScimError {
    ScimError::invalid_value(format!(
        "{place} must be a list, each element {}; the request has {}.",
        expected(attr.kind),
        kind_of(value)
    ))
}

/// The error for one value of the wrong shape.
pub(crate) fn type_error(attr: &Attribute, value: &Value, place: Place<'_>) -> ScimError {
    if attr.multi_valued {
        return ScimError::invalid_value(format!(
            "Each element of {place} must be {}; the request has {}.",
            expected(attr.kind),
            kind_of(value)
        ));
    }
    wrong_type(attr.kind, value, place)
}

pub(crate) fn wrong_type(kind: Type, value: &Value, place: Place<'_>) -> ScimError {
    ScimError::invalid_value(format!(
        "{place} must be {}; the request has {}.",
        expected(kind),
        found_instead(kind, value)
    ))
}

/// What a value is that should be of a type, where the name of its own type may say nothing.
pub(crate) fn found_instead(kind: Type, value: &Value) -> Cow<'static, str> {
    match (kind, value) {
        (Type::DateTime | Type::Binary, Value::String(_)) => "another string".into(),
        (Type::Integer, Value::Number(number)) => number.to_string().into(),
        _ => kind_of(value).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::Catalogue;
    use serde_json::json;

    fn run(dialect: Dialect, attr: &str, value: Value) -> Result<Option<Value>, String> {
        let catalogue = Catalogue::standard();
        let user = catalogue.resource_type("User").unwrap();
        let attr = user.top().get(attr).unwrap();
        normalise(attr, value, Place::top(&attr.name), &mut Mender::new(dialect))
            .map_err(|error| error.detail)
    }

    #[test]
    fn sch_4_unassigned_values_vanish() {
        for dialect in [Dialect::Strict, Dialect::Auto] {
            assert_eq!(run(dialect, "emails", json!([])), Ok(None));
            assert_eq!(run(dialect, "emails", json!([{"value": null}, {}])), Ok(None));
            assert_eq!(run(dialect, "nickName", json!("")), Ok(None));
            assert_eq!(run(dialect, "name", json!({"givenName": null})), Ok(None));
        }
    }

    #[test]
    fn sch_4_an_empty_text_is_no_value_of_any_type() {
        for dialect in [Dialect::Strict, Dialect::Auto] {
            for attr in ["title", "active", "profileUrl", "name", "emails", "password", "userName"] {
                assert_eq!(run(dialect, attr, json!("")), Ok(None), "{attr}");
                assert_eq!(run(dialect, attr, json!("")), run(dialect, attr, json!(null)), "{attr}");
            }
            for element in [json!(""), json!({"value": ""}), json!({"primary": "", "type": ""})] {
                assert_eq!(run(dialect, "emails", json!([element])), Ok(None));
            }
        }
    }

    #[test]
    fn c_4_white_space_is_no_name() {
        for dialect in [Dialect::Strict, Dialect::Auto] {
            for blank in [" ", "\t\n", "\u{a0}\u{3000}"] {
                assert!(run(dialect, "userName", json!(blank)).unwrap_err().contains("white space"));
                assert_eq!(run(dialect, "title", json!(blank)), Ok(Some(json!(blank))));
            }
        }
    }

    #[test]
    fn sch_3_a_date_and_a_time_have_a_t_between_them() {
        let since = Attribute::new("since", Type::DateTime, "For the test.");
        let read = |dialect, text: &str| {
            normalise(&since, json!(text), Place::top("since"), &mut Mender::new(dialect)).ok().flatten()
        };
        let good = json!("2026-01-01T00:00:00Z");
        for (separator, mended) in
            [("T", true), (" ", true), ("t", true), ("X", false), ("_", false), ("5", false)]
        {
            let text = format!("2026-01-01{separator}00:00:00Z");
            assert_eq!(read(Dialect::Strict, &text), (separator == "T").then(|| good.clone()), "{text}");
            assert_eq!(read(Dialect::Auto, &text), mended.then(|| good.clone()), "{text}");
            assert_eq!(parse_instant(&text).is_some(), separator == "T");
        }
        assert_eq!(read(Dialect::Auto, "2026-01-01 "), None);
    }

    #[test]
    fn sch_3_references_are_uris() {
        for bad in
            ["my profile", "https://x/\u{7}", "https://x/100%", "https://x/%zz", "<https://x>", "caf\u{e9}"]
        {
            let error = run(Dialect::Strict, "profileUrl", json!(bad)).unwrap_err();
            assert!(error.starts_with("profileUrl must be a URI (RFC 3986)"), "{error}");
            let photo = json!([{"value": bad}]);
            assert!(run(Dialect::Strict, "photos", photo).unwrap_err().starts_with("photos.value must"));
            for dialect in [Dialect::Entra, Dialect::Okta, Dialect::Auto] {
                assert_eq!(run(dialect, "profileUrl", json!(bad)), Ok(Some(json!(bad))));
            }
        }
        for good in ["https://x/~ada?a=%20#b", "../ada", "ada", "urn:x:y", "data:image/png;base64,AA+/8="] {
            assert_eq!(run(Dialect::Strict, "profileUrl", json!(good)), Ok(Some(json!(good))));
        }
        let user = Catalogue::standard().resource_type("User").unwrap().clone();
        let attr = user.top().get("profileUrl").unwrap();
        let mut mender = Mender::new(Dialect::Okta);
        normalise(attr, json!("a b"), Place::top("profileUrl"), &mut mender).unwrap();
        assert_eq!(mender.notes()[0].quirk, Quirk::InvalidReference);
    }

    #[test]
    fn sch_3_base64_is_written_to_the_letter() {
        let key = Attribute::new("key", Type::Binary, "For the test.");
        let read = |dialect, text: &str| {
            let mut mender = Mender::new(dialect);
            let read = normalise(&key, json!(text), Place::top("key"), &mut mender).ok().flatten();
            (read, mender.into_notes().len())
        };
        for (text, letter) in [("YWI=", "YWI="), ("YWI", "YWI="), ("-_-_", "+/+/"), ("YW\nI=", "YWI=")] {
            let strict = (text == letter).then(|| json!(letter));
            assert_eq!(read(Dialect::Strict, text), (strict, 0), "{text}");
            assert_eq!(read(Dialect::Auto, text), (Some(json!(letter)), usize::from(text != letter)));
        }
        assert_eq!(read(Dialect::Auto, "Y"), (None, 0));
        for blank in [" ", "=", "==", "\n"] {
            assert_eq!(read(Dialect::Auto, blank), (None, 1), "{blank:?}");
        }
    }

    #[test]
    fn sch_3_integers_have_neither_fraction_nor_exponent() {
        let slots = Attribute::new("slots", Type::Integer, "For the test.");
        let read = |text: &str| {
            let value = serde_json::from_str(text).unwrap();
            let mut strict = Mender::new(Dialect::Strict);
            normalise(&slots, value, Place::top("slots"), &mut strict).map_err(|error| error.detail)
        };
        assert_eq!(read("-0"), Ok(Some(json!(0))));
        assert_eq!(read("-9223372036854775808"), Ok(Some(json!(i64::MIN))));
        for (text, shown) in [
            ("1.0", "1.0"),
            ("0.0", "0.0"),
            ("1e3", "1000.0"),
            ("9223372036854775808", "9223372036854775808"),
        ] {
            let expected = format!(
                "slots must be a whole number of 64 bits without fraction or exponent; the request has {shown}."
            );
            assert_eq!(read(text), Err(expected));
        }
    }

    #[test]
    fn sch_3_a_number_for_a_string_is_kept_as_it_is_written_or_refused() {
        let read = |text: &str| run(Dialect::Auto, "title", serde_json::from_str(text).unwrap());
        for text in ["0", "-7", "12345678901234567890", "18446744073709551615", "true"] {
            assert_eq!(read(text), Ok(Some(json!(text))));
            assert!(run(Dialect::Strict, "title", serde_json::from_str(text).unwrap()).is_err());
        }
        for text in ["12345678901234567890123", "18446744073709551616", "1.10", "1.0", "1e3", "-0"] {
            let error = read(text).unwrap_err();
            assert!(error.starts_with("title must be a string") && error.contains("in quotes"), "{error}");
        }
    }

    #[test]
    fn pa_14_string_booleans_and_wrapped_values_are_mended() {
        assert_eq!(run(Dialect::Entra, "active", json!("False")), Ok(Some(json!(false))));
        assert_eq!(run(Dialect::Entra, "title", json!([{"$ref": null, "value": "x"}])), Ok(Some(json!("x"))));
        assert_eq!(
            run(Dialect::Strict, "active", json!("False")).unwrap_err(),
            "active must be true or false; the request has a string."
        );
        assert!(run(Dialect::Auto, "active", json!("no")).is_err());
    }

    #[test]
    fn sch_3_type_errors_name_attribute_and_type() {
        for (attr, value, words) in [
            ("userName", json!({}), "userName must be a string"),
            ("name", json!(true), "name must be an object"),
            ("emails", json!({"value": 1}), "emails must be a list, each element an object"),
            ("emails", json!([5]), "Each element of emails must be an object; the request has a number"),
            ("emails", json!([{"value": {}}]), "emails.value must be a string; the request has an object"),
            ("x509Certificates", json!([{"value": "%%%"}]), "x509Certificates.value must be a base64"),
            ("userName", json!("a\u{0}b"), "U+0000"),
            ("userName", json!("x".repeat(1025)), "1025 bytes"),
        ] {
            let error = run(Dialect::Strict, attr, value).unwrap_err();
            assert!(error.contains(words), "{error}");
        }
    }

    #[test]
    fn sch_10_one_primary() {
        let two = json!([{"value": "a", "primary": true}, {"value": "b", "primary": true}]);
        let mended = json!([{"value": "a", "primary": true}, {"value": "b", "primary": false}]);
        assert!(run(Dialect::Strict, "emails", two.clone()).is_err());
        assert_eq!(run(Dialect::Auto, "emails", two), Ok(Some(mended)));
    }
}
