//! An account keeps an administrator: whoever takes the last one away locks everybody out, himself included.

use db::Tx;

use super::assignments::store;
use crate::accounts::store::hold;
use crate::kernel::ids::AccountId;
use crate::kernel::problem::{Kind, Problem, Result};

/// Runs a change that may take an account administrator away, in the caller's transaction.
///
/// # Errors
/// `Conflict` when it took the last one; the caller's transaction is then rolled back.
pub fn keeping_one<T>(
    tx: &mut Tx<'_>,
    account: &AccountId,
    change: impl FnOnce(&mut Tx<'_>) -> Result<T>,
) -> Result<T> {
    // Two replicas that each take one of two away: the later one waits, and then sees it.
    hold(tx, account)?;
    let had = store::has_administrator(tx, account)?;
    let done = change(tx)?;
    if had && !store::has_administrator(tx, account)? {
        let text = "This would remove the last account administrator: make another user account administrator first.";
        return Err(Problem::new(Kind::Conflict, text));
    }
    Ok(done)
}
