//! The explanation of a verdict: the same walk, every step reported. It stores nothing.

use crate::claim_steps;
use crate::key_set::KeySet;
use crate::policy::Policy;
use crate::token;
use crate::trace::{Recorder, StepReport};
use crate::verify::{MAX_SIGNATURE_CHECKS, walk_header, walk_signature};

/// Reports steps 1 to 18 for `text`, in order, going on after a failure wherever the next step still means
/// something. `keys` is `None` where the key set could not be had. A step has one report, or one for each of
/// its failures; no report is a failure if and only if the token verifies (given keys).
pub fn explain(text: &str, keys: Option<&KeySet>, policy: &Policy, now: i64) -> Vec<StepReport> {
    let mut recorder = Recorder::default();
    // A recorder never ends a walk, so an error cannot come; a walk cut short shows as skipped steps.
    if let Ok(draft) = token::read(text, &mut recorder) {
        let mut checks_left = MAX_SIGNATURE_CHECKS;
        let _ = walk_header(&draft, policy, &mut recorder);
        let _ = walk_signature(&draft, keys, &mut checks_left, &mut recorder);
        let _ = claim_steps::walk(draft.claims.as_ref(), policy, now, &mut recorder);
    }
    recorder.finish()
}
