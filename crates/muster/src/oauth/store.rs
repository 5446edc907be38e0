//! The secret of each account that its access tokens are authenticated with.

use db::{Tx, params};

use crate::kernel::ids::AccountId;
use crate::kernel::problem::{Problem, Result};
use crate::kernel::time::Timestamp;

const KEY: &str = "SELECT secret FROM oauth_keys WHERE account_id = $1";
const PUT_KEY: &str =
    "INSERT INTO oauth_keys (account_id, secret, created_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";

/// The account's secret, once it has one.
pub fn key(tx: &mut Tx<'_>, account: &AccountId) -> Result<Option<Vec<u8>>> {
    Ok(tx.query_opt(KEY, params![account.as_str()], |row| row.get(0))?)
}

/// Gives the account this secret unless it has one already; answers the one it has.
pub fn settle_key(tx: &mut Tx<'_>, account: &AccountId, secret: &[u8], now: Timestamp) -> Result<Vec<u8>> {
    tx.exec(PUT_KEY, params![account.as_str(), secret, now.micros()])?;
    key(tx, account)?.ok_or_else(|| Problem::internal("the key for access tokens was not written"))
}
