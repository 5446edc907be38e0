//! The one path of the verification reports each step into a trace: the verdict's trace stops at the first
//! failure and costs nothing, the explanation's keeps every report and goes on.

use serde::Serialize;

use crate::reason::Reason;
use crate::refusal::{Refusal, Step};

/// How a step ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Outcome {
    /// The step holds.
    Pass,
    /// The step does not hold.
    Fail,
    /// The step was not wanted, or something it needs failed before.
    Skip,
}

/// One step of an explanation. A step has one report, or one for each of its failures.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StepReport {
    /// 1 to 20.
    pub number: u8,
    /// The step.
    pub step: Step,
    /// How it ended.
    pub outcome: Outcome,
    /// The stable reason of a failure.
    pub reason: Option<Reason>,
    /// What the step wanted.
    pub expected: String,
    /// What came, shortened; never the signature or a whole token.
    pub received: String,
    /// What to change, or why the step was skipped.
    pub hint: Option<String>,
}

impl StepReport {
    /// A step that was not looked at, and why.
    pub fn skipped(step: Step, why: impl Into<String>) -> Self {
        Self { outcome: Outcome::Skip, hint: Some(why.into()), ..Self::passed(step, "", "") }
    }

    /// A step that holds.
    pub fn passed(step: Step, expected: impl Into<String>, received: impl Into<String>) -> Self {
        Self {
            number: step.number(),
            step,
            outcome: Outcome::Pass,
            reason: None,
            expected: expected.into(),
            received: received.into(),
            hint: None,
        }
    }
}

impl From<Refusal> for StepReport {
    fn from(refusal: Refusal) -> Self {
        Self {
            number: refusal.step.number(),
            step: refusal.step,
            outcome: Outcome::Fail,
            reason: Some(refusal.reason),
            expected: refusal.expected,
            received: refusal.received,
            hint: refusal.hint,
        }
    }
}

/// What a passing step wanted and got, made only where it is kept.
pub(crate) type Detail = (String, String);

/// Receives what each step found.
pub(crate) trait Trace {
    fn pass(&mut self, step: Step, detail: impl FnOnce() -> Detail);
    fn skip(&mut self, step: Step, why: &'static str);
    /// `Err` ends the walk.
    fn fail(&mut self, refusal: Refusal) -> Result<(), Refusal>;

    /// Reports one check; `Ok(None)` means that it failed and the walk goes on.
    fn check<V>(
        &mut self,
        step: Step,
        result: Result<V, Refusal>,
        detail: impl FnOnce(&V) -> Detail,
    ) -> Result<Option<V>, Refusal> {
        match result {
            Ok(value) => {
                self.pass(step, || detail(&value));
                Ok(Some(value))
            }
            Err(refusal) => {
                self.fail(refusal)?;
                Ok(None)
            }
        }
    }
}

/// Stops at the first failure, keeps nothing.
pub(crate) struct Verdict;

impl Trace for Verdict {
    fn pass(&mut self, _: Step, _: impl FnOnce() -> Detail) {}

    fn skip(&mut self, _: Step, _: &'static str) {}

    fn fail(&mut self, refusal: Refusal) -> Result<(), Refusal> {
        Err(refusal)
    }
}

/// Keeps every report and never stops.
#[derive(Default)]
pub(crate) struct Recorder(Vec<StepReport>);

impl Recorder {
    fn outcome(&self, step: Step) -> Option<Outcome> {
        self.0.iter().find(|report| report.step == step).map(|report| report.outcome)
    }

    /// Whether any step failed.
    pub(crate) fn has_failed(&self) -> bool {
        self.0.iter().any(|report| report.outcome == Outcome::Fail)
    }

    /// The reports in the order of the steps, up to the last one this crate takes.
    pub(crate) fn finish(mut self) -> Vec<StepReport> {
        for step in Step::ALL.into_iter().filter(|step| *step <= Step::Replay) {
            if self.outcome(step).is_none() {
                self.skip(step, "an earlier step failed");
            }
        }
        self.0.sort_by_key(|report| report.step);
        self.0
    }
}

impl Trace for Recorder {
    fn pass(&mut self, step: Step, detail: impl FnOnce() -> Detail) {
        // The later of two passes knows more; a failure stays whatever else holds.
        if self.outcome(step) != Some(Outcome::Fail) {
            self.0.retain(|report| report.step != step);
            let (expected, received) = detail();
            self.0.push(StepReport::passed(step, expected, received));
        }
    }

    fn skip(&mut self, step: Step, why: &'static str) {
        if self.outcome(step).is_none() {
            self.0.push(StepReport::skipped(step, why));
        }
    }

    fn fail(&mut self, refusal: Refusal) -> Result<(), Refusal> {
        let step = refusal.step;
        self.0.retain(|report| report.step != step || report.outcome == Outcome::Fail);
        self.0.push(refusal.into());
        Ok(())
    }
}
