//! An account as the platform API shows it.

use crate::kernel::ids::AccountId;
use crate::kernel::time::Timestamp;

/// Whether an account can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Yes.
    Active,
    /// Its credentials are refused, and all that is in it stays.
    Suspended,
    /// The same, but all that is in it goes once its time has come. Until then it can be had back.
    Deleted,
    /// It is going.
    Erasing,
    /// Nothing is in it any more, and it is not shown. Its version and the number of its last event stay, so
    /// that what caches and consumers keep of it is never taken for a later account's of its identifier.
    Gone,
}

impl Status {
    /// As stored, and on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "ACTIVE",
            Self::Suspended => "SUSPENDED",
            Self::Deleted => "DELETED",
            Self::Erasing => "ERASING",
            Self::Gone => "GONE",
        }
    }
    /// Reads what is stored.
    pub fn parse(text: &str) -> Option<Self> {
        let all = [Self::Active, Self::Suspended, Self::Deleted, Self::Erasing, Self::Gone];
        all.into_iter().find(|status| status.as_str() == text)
    }
}

/// Why an account's credentials are refused, whatever they are: words for logs.
pub mod closed {
    /// There is none of this identifier.
    pub const NONE: &str = "no_account";
    /// It is suspended, deleted or being erased.
    pub const SUSPENDED: &str = "account_suspended";

    /// Is it one of these words?
    pub fn is_one(reason: &str) -> bool {
        [NONE, SUSPENDED].contains(&reason)
    }
}

/// A tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Never changes.
    pub identifier: AccountId,
    /// For people.
    pub name: String,
    /// Whether it can be used; never `Gone`.
    pub status: Status,
    /// From when on all that is in it goes, of a deleted one.
    pub erase_at: Option<Timestamp>,
    /// How many users it has; of one that is being erased nobody knows.
    pub users: Option<i64>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When its name was last changed.
    pub updated_at: Timestamp,
}
