//! Numbers in the one form in which they are kept (RFC 7643 §2.3.3, §2.3.4).

use serde_json::{Number, Value};

use crate::dialect::{Mender, Quirk};
use crate::digits::is_rounded;
use crate::error::ScimError;
use crate::schema::{Attribute, Type};
use crate::value::{Place, wrong_type};

/// The value of a decimal or an integer, or which attribute is wrong.
pub(crate) fn number(
    attr: &Attribute,
    value: Value,
    place: Place<'_>,
    mender: &mut Mender,
) -> Result<Value, ScimError> {
    let number = match &value {
        Value::Number(number) => Some(number.clone()),
        Value::String(text) => {
            let number = text.trim().parse::<Number>().ok();
            let number = number.filter(|_| mender.mend(Quirk::StringNumber, place));
            if number.is_some() && is_rounded(text.trim()) {
                mender.mend(Quirk::RoundedNumber, place);
            }
            number
        }
        _ => None,
    };
    let number = match (attr.kind, number) {
        (Type::Decimal, number) => number.map(decimal),
        (_, number) => number.as_ref().and_then(whole).map(Value::from),
    };
    number.ok_or_else(|| wrong_type(attr.kind, &value, place))
}

/// A decimal has one form (RFC 7643 §2.3.3 wants a fraction), as far as a float holds it.
pub(crate) fn decimal(number: Number) -> Value {
    const WHOLE: f64 = 9_007_199_254_740_992.0;
    match number.as_f64() {
        // Adding zero takes the sign from -0.
        Some(float) if number.is_f64() || float.abs() < WHOLE => Value::from(float + 0.0),
        _ => Value::Number(number),
    }
}

/// An integer is written without fraction and exponent (RFC 7643 §2.3.4). `-0` is one, though JSON readers
/// make a float of it.
pub(crate) fn whole(number: &Number) -> Option<i64> {
    let minus_zero = || number.as_f64().filter(|float| *float == 0.0 && float.is_sign_negative());
    number.as_i64().or_else(|| minus_zero().map(|_| 0))
}
