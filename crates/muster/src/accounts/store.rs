//! SQL of accounts.

use db::{Tx, params};

use crate::kernel::ids::AccountId;
use crate::kernel::problem::Problem;
use crate::kernel::time::Timestamp;

const FIND_VERSION: &str = "SELECT version FROM accounts WHERE account_id = $1";
const BUMP: &str = "UPDATE accounts SET version = version + 1 WHERE account_id = $1";
const TAKE: &str = "UPDATE accounts SET seq = seq + $2 WHERE account_id = $1 RETURNING seq";

/// The account's version: changes whenever settings, roles, bindings, trusts or tokens change. `None`: no
/// such account.
pub fn find_version(tx: &mut Tx<'_>, account: &AccountId) -> Result<Option<i64>, Problem> {
    Ok(tx.query_opt(FIND_VERSION, params![account.as_str()], |row| row.get(0))?)
}

/// Makes every cache of the account stale, on every replica, with its next request. Call it in the
/// transaction of each change to settings, roles, bindings, groups that carry bindings, trusts, service
/// accounts and tokens.
pub fn bump_version(tx: &mut Tx<'_>, account: &AccountId) -> Result<(), Problem> {
    Ok(tx.put(BUMP, params![account.as_str()])?)
}

/// Takes `n` event numbers under the account row, so that they have no holes; answers the first.
pub fn take_numbers(tx: &mut Tx<'_>, account: &AccountId, n: i64) -> Result<i64, Problem> {
    let last: i64 = tx.query_one(TAKE, params![account.as_str(), n], |row| row.get(0))?;
    Ok(last - n + 1)
}

const INSERT: &str = "INSERT INTO accounts (account_id, name, version, seq, created_at, updated_at) \
    VALUES ($1, $2, 1, 0, $3, $3) ON CONFLICT DO NOTHING";

/// Inserts an account; `false` when it exists already.
pub fn insert(tx: &mut Tx<'_>, account: &AccountId, name: &str, now: Timestamp) -> Result<bool, Problem> {
    Ok(tx.exec(INSERT, params![account.as_str(), name, now.micros()])? == 1)
}
