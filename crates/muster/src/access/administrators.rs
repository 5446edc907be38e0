//! An account keeps an administrator: whoever takes the last one away locks everybody out, himself included.
//! One that a user administers keeps a user; one that no user does keeps its service account.

use db::Tx;

use super::assignments::store::{Administered, administered_without};
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
    let before = administered_without(tx, account, NONE)?;
    let done = change(tx)?;
    if before != Administered::ByNobody && administered_without(tx, account, NONE)? < before {
        return Err(last(before));
    }
    Ok(done)
}

/// Asks before an assignment of the account itself is removed, for those who carry on where it may not be.
/// The caller holds the account's row.
///
/// # Errors
/// `Conflict` where it is what the last account administrator is one by.
pub fn spared(tx: &mut Tx<'_>, account: &AccountId, assignment: &str) -> Result<()> {
    let after = administered_without(tx, account, assignment)?;
    if after == Administered::ByUser {
        return Ok(());
    }
    // Where there is none to begin with, none is taken away.
    let before = administered_without(tx, account, NONE)?;
    if before == after { Ok(()) } else { Err(last(before)) }
}

/// No assignment has this identifier.
const NONE: &str = "";

fn last(who: Administered) -> Problem {
    let another = match who {
        Administered::ByMachine => "a user or another service account",
        _ => "another user",
    };
    let text = format!(
        "This would remove the last account administrator: make {another} account administrator first."
    );
    Problem::new(Kind::Conflict, text)
}
