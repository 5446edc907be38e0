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
        return Err(last());
    }
    Ok(done)
}

/// Asks before an assignment of the account itself is removed, for those who carry on where it may not be.
/// The caller holds the account's row.
///
/// # Errors
/// `Conflict` where it is what the last account administrator is one by.
pub fn spared(tx: &mut Tx<'_>, account: &AccountId, assignment: &str) -> Result<()> {
    // Where there is none to begin with, none is taken away.
    if store::has_administrator_without(tx, account, assignment)? || !store::has_administrator(tx, account)? {
        return Ok(());
    }
    Err(last())
}

fn last() -> Problem {
    let text =
        "This would remove the last account administrator: make another user account administrator first.";
    Problem::new(Kind::Conflict, text)
}
