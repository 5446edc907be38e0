//! The header `Muster-Dry-Run`: answers what a write would do, and does nothing of it.

use http::{HeaderMap, HeaderName, HeaderValue};

use crate::kernel::problem::{Problem, Result};

/// The header, in requests and in the answers to them.
pub const DRY_RUN: HeaderName = HeaderName::from_static("muster-dry-run");
/// Its value in an answer.
pub const TRUE: HeaderValue = HeaderValue::from_static("true");

/// Whether the request is a dry run.
///
/// # Errors
/// 400 for any value but `true` and `false`: who misspells it must not change anything by mistake.
pub fn is_asked(headers: &HeaderMap) -> Result<bool> {
    let mut values = headers.get_all(&DRY_RUN).iter();
    let Some(value) = values.next() else { return Ok(false) };
    let alone = values.next().is_none();
    match value.to_str().unwrap_or("").trim() {
        text if alone && text.eq_ignore_ascii_case("true") => Ok(true),
        text if alone && text.eq_ignore_ascii_case("false") => Ok(false),
        _ => Err(Problem::invalid(
            "The header Muster-Dry-Run has a value that is not known: send it once, as true, or leave it out. Nothing was changed.",
        )
        .code("invalidValue")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(values: &[&str]) -> Result<bool> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(DRY_RUN, value.parse().unwrap());
        }
        is_asked(&headers)
    }

    #[test]
    fn one_clear_value_or_none() {
        assert!(!asked(&[]).unwrap() && asked(&["true"]).unwrap() && asked(&[" TRUE "]).unwrap());
        assert!(!asked(&["false"]).unwrap());
        for unclear in [&["yes"][..], &[""], &["1"], &["true", "true"], &["false", "true"], &["true, true"]] {
            assert!(asked(unclear).is_err(), "{unclear:?}");
        }
    }
}
