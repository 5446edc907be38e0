//! SQL of users.

use db::{Tx, params};

use crate::kernel::ids::{AccountId, UserId};
use crate::kernel::problem::Problem;
use crate::kernel::time::Timestamp;

const INSERT: &str = "INSERT INTO users (account_id, user_id, user_name, user_name_key, external_id, email, email_key, \
    name, active, externally_managed, doc, version, created_at, updated_at) \
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 1, $12, $12) ON CONFLICT DO NOTHING";
const FIND_ID_BY_EMAIL: &str =
    "SELECT user_id FROM users WHERE account_id = $1 AND email_key = $2 ORDER BY user_id LIMIT 1";

/// A user as stored, without version and times.
#[derive(Clone, Debug)]
pub struct UserRow {
    /// The id.
    pub id: UserId,
    /// SCIM `userName` as the client wrote it.
    pub user_name: String,
    /// SCIM `externalId`.
    pub external_id: Option<String>,
    /// Primary e-mail address; empty for none.
    pub email: String,
    /// Display name.
    pub name: String,
    /// May he act?
    pub active: bool,
    /// Made and kept by SCIM?
    pub externally_managed: bool,
    /// The SCIM document without `id`, `meta` and derived attributes, as JSON text.
    pub doc: String,
}

/// Inserts the user; `false` when the user name is taken (any case).
pub fn insert(tx: &mut Tx<'_>, account: &AccountId, user: &UserRow, now: Timestamp) -> Result<bool, Problem> {
    let rows = tx.exec(
        INSERT,
        params![
            account.as_str(),
            user.id.as_str(),
            &user.user_name,
            &*crate::kernel::text::fold(&user.user_name),
            user.external_id.as_deref(),
            &user.email,
            &*crate::kernel::text::fold(&user.email),
            &user.name,
            user.active,
            user.externally_managed,
            &user.doc,
            now.micros()
        ],
    )?;
    Ok(rows == 1)
}

/// The user with that primary e-mail address (any case).
pub fn find_id_by_email(
    tx: &mut Tx<'_>,
    account: &AccountId,
    email: &str,
) -> Result<Option<UserId>, Problem> {
    let key = crate::kernel::text::fold(email);
    let found =
        tx.query_opt(FIND_ID_BY_EMAIL, params![account.as_str(), &*key], |row| row.get::<String>(0))?;
    Ok(found.map(UserId::new))
}
