//! The version of an account as each request asks for it: of the database once for each state of the data.

use db::{State, Tx};
use quick_cache::sync::Cache;

use super::store::find_version;
use crate::kernel::ids::AccountId;
use crate::kernel::problem::Result;

/// What was last read, and of which state of the data it is.
pub struct Versions(Cache<AccountId, (State, i64)>);

impl Default for Versions {
    fn default() -> Self {
        Self(Cache::new(10_000))
    }
}

impl Versions {
    /// As [`find_version`].
    ///
    /// # Errors
    /// Of the database.
    pub fn find(&self, tx: &mut Tx<'_>, account: &AccountId) -> Result<Option<i64>> {
        let Some(state) = tx.state() else { return find_version(tx, account) };
        if let Some((_, version)) = self.0.get(account).filter(|(of, _)| *of == state) {
            return Ok(Some(version));
        }
        let found = find_version(tx, account)?;
        if let Some(version) = found {
            self.0.insert(account.clone(), (state, version));
        }
        Ok(found)
    }
}
