//! SQL of the set-up code. Its row belongs to the installation: the account's column is empty.

use db::{Tx, params};

use crate::kernel::problem::Problem;
use crate::kernel::time::Timestamp;

const INSTALLATION: &str = "";

const FIND: &str = "SELECT sha256 FROM setup_codes WHERE account_id = $1";
const PUT: &str = "INSERT INTO setup_codes (account_id, sha256, created_at) VALUES ($1, $2, $3) \
    ON CONFLICT (account_id) DO UPDATE SET sha256 = excluded.sha256, created_at = excluded.created_at";
const REMOVE: &str = "DELETE FROM setup_codes WHERE account_id = $1";
const ANY_ACCOUNT: &str = "SELECT account_id FROM accounts LIMIT 1";

/// The hash of the code that holds.
pub fn find(tx: &mut Tx<'_>) -> Result<Option<Vec<u8>>, Problem> {
    Ok(tx.query_opt(FIND, params![INSTALLATION], |row| row.get(0))?)
}

/// Makes this the code that holds.
pub fn put(tx: &mut Tx<'_>, sha256: &[u8; 32], now: Timestamp) -> Result<(), Problem> {
    tx.exec(PUT, params![INSTALLATION, &sha256[..], now.micros()])?;
    Ok(())
}

/// Ends the code; `false` when there was none. Of two that try at once one hears `false`.
pub fn remove(tx: &mut Tx<'_>) -> Result<bool, Problem> {
    Ok(tx.exec(REMOVE, params![INSTALLATION])? == 1)
}

/// Is there any account?
pub fn any_account(tx: &mut Tx<'_>) -> Result<bool, Problem> {
    Ok(tx.query_opt(ANY_ACCOUNT, &[], |row| row.get::<String>(0))?.is_some())
}
