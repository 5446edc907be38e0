//! Why an access token holds or does not, step by step, for administrators of its account. Nothing is
//! stored, and the token is never shown again.

use super::token;
use super::verify::{Refusal, verify};
use crate::app::App;
use crate::kernel::ids::AccountId;
use crate::kernel::problem::Result;
use crate::kernel::surface::Surface;
use crate::tokens::explain::{Failure, Finding, findings, not_asked};

/// (name, what it wants).
const STEPS: &[(&str, &str)] = &[
    ("form", "oat., account, claims and an authentication code"),
    ("account", "the account that is asked"),
    ("code", "an authentication code by the account's own secret"),
    ("end", "its end, a quarter of an hour after it was issued at most, lies ahead"),
    ("parent", "the token or JWT trust that it was issued for, in force and unchanged since"),
    ("owner", "a service account that exists"),
];

/// What can be said of the text alone: its form. The others are skipped.
pub fn explain_form(text: &str) -> Vec<Finding> {
    if token::read(text).is_some() { not_asked(STEPS) } else { malformed() }
}

fn malformed() -> Vec<Finding> {
    let hint = "copy the access token whole, or ask the token endpoint for another";
    findings(STEPS, Some((0, "token_malformed", "a text whose parts or lengths are wrong".into(), hint)))
}

/// Every step of an access token in that account, and where it may be presented if it holds.
///
/// # Errors
/// Only of the database.
pub async fn explain(
    app: &App,
    account: &AccountId,
    text: &str,
) -> Result<(Vec<Finding>, Option<Vec<Surface>>)> {
    let Some(token) = token::read(text) else { return Ok((malformed(), None)) };
    if token.account != *account {
        let received = format!("account {}", token.account);
        let hint = "an access token opens the account it names and no other: ask there";
        return Ok((findings(STEPS, Some((1, "other_account", received, hint))), None));
    }
    let now = app.clock.now();
    let check = move |tx: &mut db::Tx<'_>| verify(tx, &token, now);
    Ok(match app.db.of(account).point("oauth.explain", check).await? {
        Ok(verified) => (findings(STEPS, None), Some(verified.surfaces)),
        Err(refusal) => (findings(STEPS, Some(failure(refusal))), None),
    })
}

fn failure(refusal: Refusal) -> Failure {
    match refusal {
        Refusal::Forged => {
            let hint = "it was not issued here, or changed on its way: ask the token endpoint for another";
            (2, "token_unknown", "another code".into(), hint)
        }
        Refusal::Expired => {
            let hint = "ask the token endpoint for another: clients do so once expires_in is over";
            (3, "token_expired", "an end that is past".into(), hint)
        }
        Refusal::ParentGone => {
            let hint =
                "the parent was revoked, rotated, disabled or changed: ask the token endpoint for another";
            (4, "parent_gone", "a parent that does not stand as it stood".into(), hint)
        }
        Refusal::OwnerGone => {
            (5, "owner_gone", "none".into(), "the service account was deleted: make one, and a token of it")
        }
    }
}
