//! A change of a user that does not come by SCIM, by the rules that hold there.

use db::Tx;
use scim::{Dialect, Mender, PatchRequest};
use serde_json::{Value, json};

use super::actions::{find, settle};
use super::next::By;
use crate::directory::model::Subject;
use crate::directory::schemas::Kinds;
use crate::directory::stroke::Stroke;
use crate::kernel::problem::Result;

/// Carries operations of a SCIM PATCH out on a user whom SCIM does not keep. The account's row is held.
///
/// # Errors
/// `NotFound`, and what the account's schema refuses.
pub fn amend(tx: &mut Tx<'_>, stroke: &Stroke, id: &str, operations: Vec<Value>) -> Result<()> {
    let kind = Kinds::load(tx, stroke.account())?.written(Subject::User).kind;
    let stored = find(tx, stroke.account(), id)?;
    let before = stored.document()?;
    let body = json!({"schemas": [scim::patch::PATCH_URN], "Operations": operations});
    let mut mender = Mender::new(Dialect::Tolerant);
    let outcome = PatchRequest::parse(body, &kind, &mut mender)?.apply(&kind, before.clone(), &mut mender)?;
    let change = (&before, &outcome.document, outcome.changed_paths);
    settle(tx, stroke, &kind, (stored, By::Platform), change).map(|_| ())
}
