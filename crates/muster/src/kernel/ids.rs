//! Typed identifiers: an id of one concept cannot be passed where another's is meant. Cheap to clone (shared
//! text).

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

macro_rules! id_types {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Takes text that is already known to be an id of this kind (a database column, a checked
            /// input).
            pub fn new(text: impl Into<Arc<str>>) -> Self {
                Self(text.into())
            }
            /// The id as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({:?})", stringify!($name), &*self.0)
            }
        }
        impl From<&$name> for String {
            fn from(id: &$name) -> String {
                id.0.to_string()
            }
        }
    )+};
}

id_types! {
    /// A tenant. 1–64 characters of letters, digits, `_` and `-`.
    AccountId,
    /// An organization inside an account (identifier grammar of `kernel::text`).
    OrgId,
    /// A project inside an organization (identifier grammar of `kernel::text`).
    ProjectId,
    /// A user: a UUID made by the server (RFC 7643 §3.1), never reused.
    UserId,
    /// A user group's SCIM id: a UUID made by the server, never reused.
    GroupId,
    /// A service account's identifier, chosen by its creator, unique in its scope.
    ServiceAccountId,
    /// The record id of an API token: the third part of the token text.
    TokenId,
}

impl AccountId {
    /// Checks text from outside.
    ///
    /// # Errors
    /// Says which characters an account id may have.
    pub fn parse(text: &str) -> Result<Self, String> {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
        if text.is_empty() || text.len() > 64 || !text.bytes().all(allowed) {
            return Err(format!(
                "the account identifier {text:?} is not usable: use 1 to 64 letters, digits, '_' or '-'"
            ));
        }
        Ok(Self::new(text))
    }
}
