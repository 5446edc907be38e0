//! Values that a schema of the account wants to be unique (RFC 7643 §7 `uniqueness`): looked up by their
//! index rows. The user name has a unique index of its own and is no matter of this.

use db::Tx;
use scim::schema::Uniqueness;
use scim::{AttrRef, IndexKey, ResourceType};

use super::model::Subject;
use super::store;
use crate::accounts::store::hold;
use crate::kernel::ids::AccountId;
use crate::kernel::problem::{Problem, Result};

/// Refuses keys that another resource of the type has already.
///
/// # Errors
/// `Duplicate`; of the database.
pub fn check(
    tx: &mut Tx<'_>,
    account: &AccountId,
    (kind, subject): (&ResourceType, Subject),
    id: &str,
    keys: &[IndexKey],
) -> Result<()> {
    let is_unique = |attr: &&AttrRef| {
        attr.leaf().uniqueness == Uniqueness::Server
            && !(subject == Subject::User && attr.extension.is_none())
    };
    let mut held = false;
    for attr in kind.indexed().iter().filter(is_unique) {
        for key in keys.iter().filter(|key| key.attr == attr.path) {
            if !held {
                // Two replicas that bring the same value at once: the later one waits, and then sees it.
                hold(tx, account)?;
                held = true;
            }
            let custom = (subject == Subject::Custom).then(|| scim::fold(&kind.name));
            if store::is_held(tx, account, custom.as_deref(), key, id)? {
                return Err(Problem::duplicate(format!(
                    "Another {} has this value of {attr}, which must be unique: change that one or choose another value.",
                    kind.name
                )));
            }
        }
    }
    Ok(())
}
