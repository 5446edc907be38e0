//! The access check that clients ask for (platform API §9): the same decision as at the door, for the asking
//! principal's own rights.

use super::decide::{Check, Rights};
use super::permissions;
use crate::kernel::scope::Scope;

/// One question of a client, by names that need not exist.
#[derive(Clone, Debug)]
pub struct Question<'a> {
    /// Permission identifier.
    pub permission: &'a str,
    /// Resource type as the client spells it.
    pub resource_type: &'a str,
    /// One resource, or the type as a whole.
    pub resource: Option<&'a str>,
    /// Where.
    pub scope: &'a Scope,
}

/// What the rights say. A permission that does not exist, or that is not asked of that resource type, is
/// not held.
pub fn permitted(rights: &Rights, question: &Question<'_>) -> bool {
    permissions::find(question.permission)
        .filter(|permission| permission.resource_type.eq_ignore_ascii_case(question.resource_type))
        .is_some_and(|permission| {
            rights.allow(Check { permission, scope: question.scope, resource: question.resource })
        })
}
