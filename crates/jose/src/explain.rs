//! The explanation of a verdict: the same walk, every step reported. It stores nothing.

use crate::key_set::KeySet;
use crate::policy::Policy;
use crate::token;
use crate::trace::{Recorder, StepReport};
use crate::verify::{MAX_SIGNATURE_CHECKS, Verified, walk};

/// What the walk found, step by step, and what it comes to.
#[derive(Debug, Clone)]
pub struct Explanation {
    /// What [`crate::verify`] would answer; `None` if it would refuse.
    pub verified: Option<Verified>,
    /// Steps 1 to 18 in order. A step has one report, or one for each of its failures.
    pub steps: Vec<StepReport>,
}

/// Reports steps 1 to 18 for `text`, in order, going on after a failure wherever the next step still means
/// something. `keys` is `None` where the key set could not be had; that is a failure, too.
pub fn explain(text: &str, keys: Option<&KeySet>, policy: &Policy, now: i64) -> Explanation {
    let mut recorder = Recorder::default();
    let mut checks_left = MAX_SIGNATURE_CHECKS;
    // A recorder never ends a walk, so an error cannot come; a walk cut short shows as skipped steps.
    let found = token::read(text, &mut recorder)
        .and_then(|draft| walk(&draft, keys, policy, now, &mut checks_left, &mut recorder));
    let verified = found.ok().flatten().filter(|_| !recorder.has_failed());
    Explanation { verified, steps: recorder.finish() }
}
