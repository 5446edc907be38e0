//! SQL of trusts.

use db::{Tx, params};

use crate::kernel::ids::AccountId;
use crate::kernel::problem::Problem;

const SETTING: &str = "SELECT value FROM settings \
    WHERE account_id = $1 AND org_id = '' AND project_id = '' AND identifier = $2";

/// One of the four settings of the default trust; they have no default value and exist at account scope only.
pub fn setting(tx: &mut Tx<'_>, account: &AccountId, id: &str) -> Result<Option<String>, Problem> {
    Ok(tx.query_opt(SETTING, params![account.as_str(), id], |row| row.get::<Option<String>>(0))?.flatten())
}
