//! Why a token is taken or refused, step by step, going on after the first failure (contract §5). The same
//! walk as at the door; nothing is stored, and the token is never shown again.

use std::sync::Arc;

use db::Snapshot;
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use jose::{Outcome, Reason, Refusal, Step, StepReport, Token};
use schemars::JsonSchema;
use serde::Serialize;

use super::actions::absent;
use super::door::{Attempt, acts_as, aged, no_keys};
use super::once::Taken;
use super::ready::{Trust, ready};
use crate::access::Grant;
use crate::access::permissions::{CATALOGUE, SettingView};
use crate::app::App;
use crate::kernel::problem::{Problem, Result};
use crate::kernel::surface::{Surface, names};
use crate::oauth;
use crate::tokens::explain::{self as own, Finding};
use crate::tokens::secret::{Own, is_own};
use crate::web::error::OTHER_SURFACE;

/// Trusts that are asked at once: each may wait for keys that do not come.
const AT_ONCE: usize = 32;

/// What becomes of a token at one trust, or, for a token of ours, at the door.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Explanation {
    /// What kind of token it is.
    #[schemars(extend("enum" = ["JWT", "PAT", "SAT", "OAT"]))]
    pub kind: &'static str,
    /// The trust that was asked; null for tokens of ours.
    pub trust: Option<String>,
    /// Is that trust enabled?
    pub enabled: Option<bool>,
    /// Where that trust takes tokens, or where a token of ours is taken that holds.
    pub surfaces: Option<Vec<&'static str>>,
    /// Would the token let somebody in?
    pub accepted: bool,
    /// What the caller would be told: the public code of the first failure.
    pub code: Option<&'static str>,
    /// What no step says: that the trust is disabled, or does not serve the SCIM API; that a token of ours is
    /// for one surface only.
    pub hint: Option<String>,
    /// Every step, in order.
    pub steps: Vec<StepView>,
}

/// One step, or one failure of it.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "ExplainedStep")]
pub struct StepView {
    /// From 1.
    pub number: u8,
    /// Its name.
    pub step: &'static str,
    /// What came of it.
    #[schemars(extend("enum" = ["pass", "fail", "skip"]))]
    pub outcome: &'static str,
    /// The stable reason of a failure.
    pub reason: Option<String>,
    /// What the step wanted.
    pub expected: String,
    /// What came, shortened.
    pub received: String,
    /// What to change, or why the step was skipped.
    pub hint: Option<String>,
}

impl From<StepReport> for StepView {
    fn from(report: StepReport) -> Self {
        Self {
            number: report.number,
            step: report.step.name(),
            outcome: match report.outcome {
                Outcome::Pass => "pass",
                Outcome::Fail => "fail",
                Outcome::Skip => "skip",
            },
            reason: report.reason.map(|reason| reason.to_string()),
            expected: report.expected,
            received: report.received,
            hint: report.hint,
        }
    }
}

impl From<Finding> for StepView {
    fn from(finding: Finding) -> Self {
        Self {
            number: finding.number,
            step: finding.step,
            outcome: finding.outcome,
            reason: finding.reason.map(str::to_owned),
            expected: finding.expected.into(),
            received: finding.received,
            hint: finding.hint.map(str::to_owned),
        }
    }
}

impl Explanation {
    /// Of a JWT at one trust.
    pub fn of_jwt(trust: Option<&Trust>, steps: Vec<StepReport>) -> Self {
        let first = steps.iter().find_map(|report| report.reason).map(|reason| reason.code().as_str());
        let enabled = trust.is_none_or(|trust| trust.enabled);
        let failed = steps.iter().any(|report| report.outcome == Outcome::Fail);
        let surfaces = |trust: &Trust| names(&trust.surfaces);
        let hint = trust.and_then(beside_the_steps);
        Self {
            kind: "JWT",
            trust: trust.map(|trust| trust.identifier.clone()),
            enabled: trust.map(|trust| trust.enabled),
            surfaces: trust.map(surfaces),
            accepted: !failed && enabled,
            code: first.or_else(|| (!enabled).then_some("token_untrusted")),
            hint,
            steps: steps.into_iter().map(StepView::from).collect(),
        }
    }

    /// Of a token of ours.
    pub fn of_own(kind: Own, findings: Vec<Finding>) -> Self {
        let accepted = findings.iter().all(|finding| finding.outcome != "fail");
        Self {
            kind: kind.as_str(),
            trust: None,
            enabled: None,
            surfaces: None,
            accepted,
            code: (!accepted).then_some("invalid_token"),
            hint: None,
            steps: findings.into_iter().map(StepView::from).collect(),
        }
    }

    /// Of a token of ours that may be presented there; `None`: it does not hold.
    fn taken_at(self, surfaces: Option<Vec<Surface>>) -> Self {
        let surfaces = surfaces.as_deref().map(names);
        let hint = surfaces.as_ref().filter(|names| names.len() < Surface::ALL.len()).map(|names| {
            format!(
                "Its surfaces are [{}]: elsewhere it is refused with 403, {OTHER_SURFACE}.",
                names.join(", ")
            )
        });
        Self { surfaces, hint, ..self }
    }
}

fn beside_the_steps(trust: &Trust) -> Option<String> {
    if !trust.enabled {
        return Some("The trust is disabled: enable it to let its tokens in.".into());
    }
    let text = "The trust takes no tokens on the SCIM API: for these, add scim to its surfaces.";
    (!trust.surfaces.contains(&Surface::Scim)).then(|| text.into())
}

/// What becomes of the token at that trust, or at each of the account's, in the order in which they are
/// tried. For a token of ours there is one explanation, whatever the trust.
///
/// # Errors
/// `NotFound` for a trust that does not exist, `Conflict` for one whose row cannot be read.
pub async fn explain(
    app: &App,
    grant: &Grant<SettingView>,
    trust: Option<String>,
    text: &str,
) -> Result<Vec<Explanation>> {
    let (caller, now) = (grant.caller(), app.clock.now());
    let account = &caller.account;
    if let Some(kind) = is_own(text) {
        let (findings, surfaces) = match kind {
            Own::Pat | Own::Sat => own::explain(app, account, text).await?,
            Own::Oat => oauth::explain::explain(app, account, text).await?,
        };
        return Ok(vec![Explanation::of_own(kind, findings).taken_at(surfaces)]);
    }
    let ready = ready(app, account, &Snapshot::default()).await?;
    let ready = ready.ok_or_else(|| Problem::not_found(format!("There is no account {account}.")))?;
    let asked: Vec<&Arc<Trust>> =
        ready.trusts.iter().filter(|found| trust.as_ref().is_none_or(|id| *id == found.identifier)).collect();
    if let Some(id) = trust.filter(|_| asked.is_empty()) {
        return Err(absent(app, account, &id).await);
    }
    let surface: Option<Surface> = None;
    let (origin, taken) = (&caller.origin, &Taken::default());
    let attempt = Attempt { app, account, ready: &ready, surface, origin, now, taken };
    let each: Vec<_> = asked.iter().map(|trust| attempt.explain(trust, text)).collect();
    let steps: Vec<_> = stream::iter(each).buffered(AT_ONCE).try_collect().await?;
    let explained = asked.into_iter().zip(steps);
    Ok(explained.map(|(trust, steps)| Explanation::of_jwt(Some(trust), steps)).collect())
}

impl Attempt<'_> {
    /// Steps 1 to 20 of the token at the trust.
    async fn explain(&self, trust: &Trust, text: &str) -> Result<Vec<StepReport>> {
        let jwks = &self.app.trusts.jwks;
        let token = Token::parse(text).ok();
        let hopeful =
            token.as_ref().filter(|token| jose::precheck(token, &trust.policy, self.now.secs()).is_ok());
        let mut keys = trust.keys.keys(jwks, self.ready.stale_secs).await;
        if let (Some(token), Ok(known)) = (hopeful, &keys)
            && let Some(newer) = self.keys_for(token, trust, known).await
        {
            keys = Ok(newer);
        }
        let set = keys.as_ref().ok().map(|keys| keys.set.as_ref());
        let found = jose::explain(text, set, &trust.policy, self.now.secs());
        let mut steps = found.steps;
        for report in &mut steps {
            match (report.reason, &keys) {
                (Some(Reason::KidUnknown), Ok(keys)) => {
                    report.hint = aged(refusal(report), keys, self.now).hint;
                }
                (Some(Reason::JwksUnavailable), Err(error)) => *report = no_keys(error).into(),
                _ => {}
            }
        }
        if let Some(verified) = &found.verified
            && let Some(refusal) = self.replay(trust, verified).await?
            && let Some(report) = steps.iter_mut().find(|report| report.step == Step::Replay)
        {
            *report = refusal.into();
        }
        steps.extend(last_steps(trust));
        Ok(steps)
    }
}

fn refusal(report: &StepReport) -> Refusal {
    Refusal {
        step: report.step,
        reason: report.reason.unwrap_or(Reason::KidUnknown),
        expected: report.expected.clone(),
        received: report.received.clone(),
        hint: report.hint.clone(),
    }
}

/// Steps 19 and 20, which no token changes.
fn last_steps(trust: &Trust) -> [StepReport; 2] {
    let (_, rights) = match acts_as(trust) {
        Ok(found) => found,
        Err(refusal) => {
            return [refusal.into(), StepReport::skipped(Step::Permission, "an earlier step failed")];
        }
    };
    let wanted = format!("service account {:?} in the account", trust.service_account);
    let account = StepReport::passed(Step::ServiceAccount, wanted, "it is there");
    let held =
        |id: &&str| rights.bindings.iter().any(|binding| binding.permissions.iter().any(|p| p.id == *id));
    let names: Vec<&str> = CATALOGUE.iter().map(|permission| permission.id).filter(held).collect();
    let wanted = "what the operation needs; each asks for its own";
    if names.is_empty() {
        let refusal = Refusal {
            step: Step::Permission,
            reason: Reason::PermissionMissing,
            expected: wanted.into(),
            received: "no permission at all".into(),
            hint: Some("bind a role to the service account, for example _scim_provisioner".into()),
        };
        return [account, refusal.into()];
    }
    [account, StepReport::passed(Step::Permission, wanted, names.join(", "))]
}
