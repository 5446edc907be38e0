//! An account as the platform API shows it.

use crate::kernel::ids::AccountId;
use crate::kernel::time::Timestamp;

/// A tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Never changes.
    pub identifier: AccountId,
    /// For people.
    pub name: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When its name was last changed.
    pub updated_at: Timestamp,
}
