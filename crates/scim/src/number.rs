//! Numbers in the one form in which they are kept, and their order (RFC 7643 §2.3.3, §2.3.4).

use std::cmp::Ordering;

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

/// From here on a float is near a whole number only.
const WHOLE: f64 = 9_007_199_254_740_992.0;

/// A decimal has one form (RFC 7643 §2.3.3 wants a fraction), as far as a float holds it.
pub(crate) fn decimal(number: Number) -> Value {
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

/// Which of two numbers is less, by all their digits: above 2^53 a float is near a whole number only.
pub(crate) fn in_order(one: &Number, other: &Number) -> Option<Ordering> {
    if let (Some(one), Some(other)) = (one.as_i128(), other.as_i128()) {
        return Some(one.cmp(&other));
    }
    let (near, other_near) = (one.as_f64()?, other.as_f64()?);
    match near.partial_cmp(&other_near)? {
        // What differs once rounded differs so before; and so large a float is a whole number.
        Ordering::Equal if near.abs() >= WHOLE => Some(digits(one).cmp(&digits(other))),
        order => Some(order),
    }
}

/// A number of 2^53 or more, whole. Beyond 128 bits no two forms of one number meet.
fn digits(number: &Number) -> i128 {
    let of_float = || format!("{:.0}", number.as_f64().unwrap_or_default()).parse().unwrap_or(i128::MAX);
    number.as_i128().unwrap_or_else(of_float)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn f_8_numbers_are_in_order_by_all_their_digits() {
        let ascending = [
            "-1e300",
            "-9223372036854775808",
            "-9007199254740993",
            "-9007199254740992",
            "-1.5",
            "-1",
            "0",
            "0.5",
            "1",
            "9007199254740991.0",
            "9007199254740992",
            "9007199254740993",
            "9007199254740994.0",
            "18446744073709551615",
            "18446744073709551616",
            "1e300",
        ];
        let number = |text: &str| text.parse::<Number>().unwrap();
        for (at, one) in ascending.iter().enumerate() {
            for (other_at, other) in ascending.iter().enumerate() {
                assert_eq!(in_order(&number(one), &number(other)), Some(at.cmp(&other_at)), "{one} {other}");
            }
        }
        for (one, same) in
            [("0", "-0.0"), ("9007199254740992", "9007199254740992.0"), ("2", "2.0"), ("1e300", "1e300")]
        {
            assert_eq!(in_order(&number(one), &number(same)), Some(Ordering::Equal), "{one}");
        }
    }
}
