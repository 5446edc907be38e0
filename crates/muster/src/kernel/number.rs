//! Whole numbers as clients write them.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;

use super::problem::{Problem, Result};

/// The number of a text that has only digits, written as it would be shown: no sign, no zero ahead of others.
pub fn whole<N: FromStr>(text: &str) -> Option<N> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    text.parse().ok().filter(|_| plain)
}

/// The number that a parameter of a query has; what is left empty counts as absent.
///
/// # Errors
/// `Invalid`, naming the parameter, for anything else than a whole number within its bounds.
pub fn number<N: FromStr + PartialOrd + Display>(
    name: &str,
    text: Option<&str>,
    bounds: RangeInclusive<N>,
) -> Result<Option<N>> {
    let Some(text) = text.filter(|text| !text.is_empty()) else { return Ok(None) };
    match whole(text) {
        Some(number) if bounds.contains(&number) => Ok(Some(number)),
        _ => {
            let (least, most) = (bounds.start(), bounds.end());
            let text = format!("{name} is {text:.40}: send a whole number from {least} to {most}.");
            Err(Problem::invalid(text))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_one_way_to_write_a_number() {
        for (text, number) in [("0", 0), ("7", 7), ("10", 10), ("65535", 65_535)] {
            assert_eq!(whole::<u16>(text), Some(number));
        }
        for bad in ["", "+5", "-0", "-1", "007", "00", " 5", "5 ", "5.0", "1e2", "65536", "٣"] {
            assert_eq!(whole::<u16>(bad), None, "{bad}");
        }
        assert_eq!(number("n", Some(""), 1..=9).unwrap(), None::<u8>);
        let refused = number("n", Some("+5"), 1..=9_u8).unwrap_err();
        assert_eq!(refused.message(), "n is +5: send a whole number from 1 to 9.");
    }
}
