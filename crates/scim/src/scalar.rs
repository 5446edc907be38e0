//! One plain value of an attribute: what clients write in its place, and what its type allows (RFC 7643
//! §2.3).

use serde_json::Value;

use crate::base64;
use crate::dialect::{Mender, Quirk};
use crate::error::ScimError;
use crate::instant::{mend_separator, parse_instant};
use crate::number::number;
use crate::schema::{Attribute, Type, Uniqueness};
use crate::uri::is_uri;
use crate::value::{MAX_KEY_BYTES, Place, is_unassigned, type_error, wrong_type};

pub(crate) fn normalise_scalar(
    attr: &Attribute,
    value: Value,
    place: Place<'_>,
    mender: &mut Mender,
) -> Result<Option<Value>, ScimError> {
    let value = match value {
        Value::Null => return Ok(None),
        Value::Object(mut map) => match map.get_mut("value").map(Value::take) {
            Some(inner) if !inner.is_object() && mender.mend(Quirk::WrappedValue, place) => inner,
            _ => return Err(type_error(attr, &Value::Object(map), place)),
        },
        value => value,
    };
    if is_unassigned(&value) {
        return Ok(None);
    }
    match attr.kind {
        Type::Boolean => boolean(value, place, mender),
        Type::Integer | Type::Decimal => number(attr, value, place, mender),
        _ => {
            let text = text(attr, value, place, mender)?;
            // Of a binary that is white space and padding nothing is left.
            if text.is_empty() {
                return Ok(None);
            }
            check_text(attr, &text, place)?;
            Ok(Value::String(text))
        }
    }
    .map(Some)
}

fn boolean(value: Value, place: Place<'_>, mender: &mut Mender) -> Result<Value, ScimError> {
    let flag = match &value {
        Value::Bool(flag) => return Ok(Value::Bool(*flag)),
        Value::String(text) if text.eq_ignore_ascii_case("true") => true,
        Value::String(text) if text.eq_ignore_ascii_case("false") => false,
        _ => return Err(wrong_type(Type::Boolean, &value, place)),
    };
    if mender.mend(Quirk::StringBoolean, place) {
        Ok(Value::Bool(flag))
    } else {
        Err(wrong_type(Type::Boolean, &value, place))
    }
}

fn text(attr: &Attribute, value: Value, place: Place<'_>, mender: &mut Mender) -> Result<String, ScimError> {
    match value {
        Value::String(mut text) => {
            match attr.kind {
                Type::DateTime => {
                    mend_separator(&mut text, || mender.mend(Quirk::DateTimeSeparator, place));
                }
                Type::Binary if !base64::is_standard(&text) => {
                    if let Some(letter) =
                        base64::mended(&text).filter(|_| mender.mend(Quirk::BinaryForm, place))
                    {
                        text = letter;
                    }
                }
                // Elsewhere it is kept: a photo or a profile is not worth the loss of the user.
                Type::Reference if !is_uri(&text) && !mender.mend(Quirk::InvalidReference, place) => {
                    return Err(no_uri(place));
                }
                _ => {}
            }
            Ok(text)
        }
        Value::Bool(_) | Value::Number(_)
            if attr.kind == Type::String && mender.mend(Quirk::ScalarAsString, place) =>
        {
            // Of another number it is not known any more how it was written: 1.10 is 1.1 by now.
            if value.is_f64() {
                return Err(ScimError::invalid_value(format!(
                    "{place} must be a string; a number is taken for one only where it is whole, without \
                     exponent and within 64 bits. Send it in quotes."
                )));
            }
            Ok(value.to_string())
        }
        other => Err(wrong_type(attr.kind, &other, place)),
    }
}

fn no_uri(place: Place<'_>) -> ScimError {
    ScimError::invalid_value(format!(
        "{place} must be a URI (RFC 3986), without blanks and control characters; percent-encode what is no \
         character of a URI, as in %20."
    ))
}

fn check_text(attr: &Attribute, text: &str, place: Place<'_>) -> Result<(), ScimError> {
    if memchr::memchr(0, text.as_bytes()).is_some() {
        return Err(ScimError::invalid_value(format!("{place} holds the character U+0000; remove it.")));
    }
    if attr.required && attr.kind == Type::String && text.trim().is_empty() {
        return Err(ScimError::invalid_value(format!(
            "{place} is required and must not be white space alone; give it a value."
        )));
    }
    let is_key = attr.indexed || attr.uniqueness != Uniqueness::None;
    if is_key && text.len() > MAX_KEY_BYTES {
        return Err(ScimError::invalid_value(format!(
            "{place} is {} bytes long; at most {MAX_KEY_BYTES} are allowed.",
            text.len()
        )));
    }
    let good = match attr.kind {
        Type::DateTime => parse_instant(text).is_some(),
        Type::Binary => base64::is_standard(text),
        _ => true,
    };
    if good { Ok(()) } else { Err(wrong_type(attr.kind, &Value::String(String::new()), place)) }
}
