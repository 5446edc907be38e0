//! The header `Muster-Dry-Run`: answers what a write would do, and does nothing of it.

use std::collections::HashMap;
use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue};
use parking_lot::Mutex;

use crate::kernel::ids::AccountId;
use crate::kernel::problem::{Kind, Problem, Result};

/// The header, in requests and in the answers to them.
pub const DRY_RUN: HeaderName = HeaderName::from_static("muster-dry-run");
/// Its value in an answer.
pub const TRUE: HeaderValue = HeaderValue::from_static("true");

/// Dry runs of one account at a time: between two of them its lane takes writes, but more would only wait for
/// each other until their time is over.
pub const AT_ONCE: usize = 32;

/// How many dry runs are under way, by account. Cheap to clone.
#[derive(Clone, Default)]
pub struct DryRuns(Arc<Mutex<HashMap<AccountId, usize>>>);

impl DryRuns {
    /// Begins one.
    ///
    /// # Errors
    /// `TooMany` where `AT_ONCE` of the account are under way.
    pub fn begin(&self, account: &AccountId) -> Result<DryRun> {
        let mut counts = self.0.lock();
        let count = counts.entry(account.clone()).or_default();
        if *count >= AT_ONCE {
            let text = format!(
                "{AT_ONCE} dry runs of this account are under way already: send fewer at a time. Nothing was changed."
            );
            return Err(Problem::new(Kind::TooMany, text).retry_after(1));
        }
        *count += 1;
        Ok(DryRun { all: self.clone(), account: account.clone() })
    }
}

/// One that is under way, until this is dropped.
pub struct DryRun {
    all: DryRuns,
    account: AccountId,
}

impl Drop for DryRun {
    fn drop(&mut self) {
        let mut counts = self.all.0.lock();
        if let Some(count) = counts.get_mut(&self.account) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.account);
            }
        }
    }
}

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
