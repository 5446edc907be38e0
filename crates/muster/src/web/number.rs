//! Parameters of a query that are numbers.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;

use crate::kernel::problem::{Problem, Result};

/// The number that a parameter has; what is left empty counts as absent.
///
/// # Errors
/// `Invalid`, naming the parameter, for anything else than a whole number within its bounds.
pub fn number<N: FromStr + PartialOrd + Display>(
    name: &str,
    text: Option<&str>,
    bounds: RangeInclusive<N>,
) -> Result<Option<N>> {
    let Some(text) = text.filter(|text| !text.is_empty()) else { return Ok(None) };
    match text.parse() {
        Ok(number) if bounds.contains(&number) => Ok(Some(number)),
        _ => {
            let (least, most) = (bounds.start(), bounds.end());
            let text = format!("{name} is {text:.40}: send a whole number from {least} to {most}.");
            Err(Problem::invalid(text))
        }
    }
}
