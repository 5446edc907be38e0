//! An account as the platform API shows it.

use crate::kernel::ids::AccountId;
use crate::kernel::time::Timestamp;

/// Most API keys a user or a service account may hold (platform API §4).
pub const API_KEY_LIMIT: i64 = 5;
/// Most tokens an API key may hold (platform API §5).
pub const TOKEN_LIMIT: i64 = 5;

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
