//! Why a PAT or SAT holds or does not, step by step, for administrators of its account. Nothing is stored,
//! and the token is never shown again.

use db::Tx;

use super::secret::{self, Presented};
use super::verify::{Refusal, verify};
use crate::app::App;
use crate::kernel::ids::AccountId;
use crate::kernel::problem::Result;
use crate::kernel::surface::Surface;

/// One step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// From 1.
    pub number: u8,
    /// Its name.
    pub step: &'static str,
    /// `pass`, `fail` or `skip`.
    pub outcome: &'static str,
    /// The stable reason of a failure.
    pub reason: Option<&'static str>,
    /// What the step wanted.
    pub expected: &'static str,
    /// What came; never a part of the secret.
    pub received: String,
    /// What to change.
    pub hint: Option<&'static str>,
}

/// (name, what it wants).
const STEPS: &[(&str, &str)] = &[
    ("form", "pat. or sat., account, token id and a secret with its check sum"),
    ("account", "the account that is asked"),
    ("record", "a record of this token with this secret"),
    ("start", "validFrom has come"),
    ("end", "validTo, or the end of a rotated secret, lies ahead"),
    ("owner", "an active user, or a service account that exists"),
];

/// A failing step: its place, the reason, what came, and what to change.
pub type Failure = (usize, &'static str, String, &'static str);

/// The steps up to the failing one (`None`: none fails), and the others skipped.
pub fn findings(steps: &[(&'static str, &'static str)], failed: Option<Failure>) -> Vec<Finding> {
    let end = failed.as_ref().map_or(steps.len(), |(at, ..)| *at);
    let finding = |(at, &(step, expected)): (usize, &(&'static str, &'static str))| {
        let number = u8::try_from(at + 1).unwrap_or(u8::MAX);
        let blank = Finding {
            number,
            step,
            outcome: if at < end { "pass" } else { "skip" },
            reason: None,
            expected,
            received: String::new(),
            hint: (at > end).then_some("an earlier step failed"),
        };
        match &failed {
            Some((failing, reason, received, hint)) if *failing == at => Finding {
                outcome: "fail",
                reason: Some(reason),
                received: received.clone(),
                hint: Some(hint),
                ..blank
            },
            _ => blank,
        }
    };
    steps.iter().enumerate().map(finding).collect()
}

/// The first step passed, the others skipped: no server was asked.
pub fn not_asked(steps: &[(&'static str, &'static str)]) -> Vec<Finding> {
    let mut found = findings(steps, None);
    for finding in found.iter_mut().skip(1) {
        finding.outcome = "skip";
        finding.hint = Some("only a server with the account's database can tell");
    }
    found
}

/// What can be said of the text alone: its form. The others are skipped.
pub fn explain_form(text: &str) -> Vec<Finding> {
    if secret::read(text).is_some() { not_asked(STEPS) } else { malformed() }
}

fn malformed() -> Vec<Finding> {
    let hint = "copy the token whole: its last 6 characters are a check sum over the secret";
    findings(
        STEPS,
        Some((0, "token_malformed", "a text whose parts, length or check sum are wrong".into(), hint)),
    )
}

/// Every step of a token of ours in that account, and where it may be presented if it holds.
///
/// # Errors
/// Only of the database.
pub async fn explain(
    app: &App,
    account: &AccountId,
    text: &str,
) -> Result<(Vec<Finding>, Option<Vec<Surface>>)> {
    let Some(token) = secret::read(text) else { return Ok((malformed(), None)) };
    if token.account != *account {
        let received = format!("account {}", token.account);
        let hint = "a token opens the account it names and no other: ask there, or take another token";
        return Ok((findings(STEPS, Some((1, "other_account", received, hint))), None));
    }
    let now = app.clock.now();
    let verdict = {
        let token: Presented = token.clone();
        let check = move |tx: &mut Tx<'_>| verify(tx, &token, now);
        app.db.of(account).point("tokens.explain", check).await?
    };
    let id = || format!("token id {}", token.id);
    let (surfaces, refusal) = match verdict {
        Ok(verified) => (Some(verified.surfaces), None),
        Err(refusal) => (None, Some(refusal)),
    };
    let steps = findings(STEPS, refusal.map(|refusal| match refusal {
        Refusal::Unknown => {
            (2, "token_unknown", id(), "it was revoked, rotated or never made here: make a new one")
        }
        Refusal::NotYet => (3, "token_not_yet_valid", id(), "wait for validFrom, or compare the clocks"),
        Refusal::Expired => (4, "token_expired", id(), "make or rotate a token"),
        Refusal::OwnerGone => (
            5,
            "owner_gone",
            id(),
            "the user is deactivated or the service account deleted: activate him or make a token of another",
        ),
    }));
    Ok((steps, surfaces))
}
