//! SQL of users.

use std::borrow::Cow;
use std::collections::HashMap;

use db::sql::{IDS_AT_ONCE, Sql};
use db::{ErrorKind, Tx, params};

use super::model::Columns;
use crate::directory::groups::store::leave_all;
use crate::directory::model::Stored;
use crate::kernel::ids::{AccountId, UserId};
use crate::kernel::problem::Problem;
use crate::kernel::time::Timestamp;
use crate::tokens::model::Removed;

const INSERT: &str = "INSERT INTO users (account_id, user_id, user_name, user_name_key, external_id, email, \
    name, active, externally_managed, doc, version, created_at, updated_at) \
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 1, $11, $11)";
const UPDATE: &str = "UPDATE users SET email = $4, name = $5, active = $6, doc = $7, version = $8, updated_at = $9, \
    externally_managed = $10 \
    WHERE account_id = $1 AND user_id = $2 AND version = $3";
const UPDATE_KEYS: &str = "UPDATE users SET user_name = $3, user_name_key = $4, external_id = $5 \
    WHERE account_id = $1 AND user_id = $2";
const IS_KEPT: &str = "SELECT externally_managed FROM users WHERE account_id = $1 AND user_id = $2";
const KEEP: &str = "UPDATE users SET externally_managed = TRUE WHERE account_id = $1 AND user_id = $2";
const FIND_BY_NAME: &str = "SELECT user_id, active FROM users WHERE account_id = $1 AND user_name_key = $2";
const IS_ACTIVE: &str = "SELECT active FROM users WHERE account_id = $1 AND user_id = $2";
const BY_NAMES: &str = "SELECT user_name_key, user_id, email, user_name_key, active FROM users \
    WHERE account_id = $1 AND user_name_key IN (";
/// The order of the join is given, as everywhere.
const BY_EMAILS: &str = "SELECT d.value_key, u.user_id, u.email, u.user_name_key, u.active \
    FROM directory_index d CROSS JOIN users u WHERE u.account_id = $1 AND u.user_id = d.resource_id \
    AND d.account_id = $1 AND d.attr = 'emails.value' AND d.value_key IN (";
const ADDRESSES_OF: &str =
    "SELECT user_id, email, user_name FROM users WHERE account_id = $1 AND user_id IN (";
const DELETE: &str = "DELETE FROM users WHERE account_id = $1 AND user_id = $2";
const DELETE_TOKENS: &str = "DELETE FROM tokens \
    WHERE account_id = $1 AND org_id = '' AND project_id = '' AND kind = 'USER' AND parent_id = $2";
const DELETE_KEYS: &str = "DELETE FROM api_keys \
    WHERE account_id = $1 AND org_id = '' AND project_id = '' AND kind = 'USER' AND parent_id = $2";
const OWNS_ACCESS: &str = "SELECT CASE WHEN EXISTS (SELECT 1 FROM api_keys WHERE account_id = $1 \
    AND org_id = '' AND project_id = '' AND kind = 'USER' AND parent_id = $2) \
    OR EXISTS (SELECT 1 FROM role_assignments WHERE account_id = $1 \
    AND principal_kind = 'USER' AND principal_id = $2) \
    THEN 1 ELSE 0 END";

const IN_A_GROUP: &str = "SELECT 1 FROM group_members WHERE account_id = $1 AND member_id = $2 LIMIT 1";

/// Inserts a user at version 1; `false` when the user name is taken (any case).
pub fn insert(
    tx: &mut Tx<'_>,
    account: &AccountId,
    id: &UserId,
    columns: &Columns,
    (doc, externally_managed): (&str, bool),
    now: Timestamp,
) -> Result<bool, Problem> {
    Ok(tx.insert(
        INSERT,
        params![
            account.as_str(),
            id.as_str(),
            &columns.user_name,
            &columns.user_name_key,
            columns.external_id.as_deref(),
            &columns.email,
            &columns.name,
            columns.active,
            externally_managed,
            doc,
            now.micros()
        ],
    )?)
}

/// The refusal of a user name that another user has.
pub fn taken(name: &str) -> Problem {
    Problem::duplicate(format!(
        "Another user has the userName {name:?} (case does not count): choose another name."
    ))
}

/// Writes the next version of a user over the version that was read, and whether SCIM keeps him; `false` when
/// another was faster.
pub fn update(
    tx: &mut Tx<'_>,
    account: &AccountId,
    (read, next): (&Stored, &Stored),
    (before, after): (&Columns, &Columns),
    externally_managed: bool,
) -> Result<bool, Problem> {
    let rows = tx.exec(
        UPDATE,
        params![
            account.as_str(),
            &read.id,
            read.version,
            &after.email,
            &after.name,
            after.active,
            &next.doc,
            next.version,
            next.updated.micros(),
            externally_managed
        ],
    )?;
    if rows == 0 {
        return Ok(false);
    }
    // Index entries of columns that are named are rewritten, so the keys are named only where they change.
    if before.user_name != after.user_name || before.external_id != after.external_id {
        let external = after.external_id.as_deref();
        let keys = params![account.as_str(), &read.id, &after.user_name, &after.user_name_key, external];
        // Another replica may have taken the name since it was looked for. `put` would not tell here.
        tx.exec(UPDATE_KEYS, keys).map_err(|error| match error.kind() {
            ErrorKind::Unique => taken(&after.user_name),
            _ => error.into(),
        })?;
    }
    Ok(true)
}

/// The user of that user name (folded), and whether active.
pub fn find_by_name(
    tx: &mut Tx<'_>,
    account: &AccountId,
    key: &str,
) -> Result<Option<(UserId, bool)>, Problem> {
    let found = tx.query_opt(FIND_BY_NAME, params![account.as_str(), key], |row| {
        Ok((row.get::<String>(0)?, row.get::<bool>(1)?))
    })?;
    Ok(found.map(|(id, active)| (UserId::new(id), active)))
}

/// Whether the user may act, where the document does not say.
pub fn is_active(tx: &mut Tx<'_>, account: &AccountId, id: &str) -> Result<bool, Problem> {
    Ok(tx.query_one(IS_ACTIVE, params![account.as_str(), id], |row| row.get(0))?)
}

/// Whether SCIM keeps the user.
pub fn is_kept(tx: &mut Tx<'_>, account: &AccountId, id: &str) -> Result<bool, Problem> {
    Ok(tx.query_one(IS_KEPT, params![account.as_str(), id], |row| row.get(0))?)
}

/// Notes that SCIM keeps the user.
pub fn keep(tx: &mut Tx<'_>, account: &AccountId, id: &str) -> Result<(), Problem> {
    Ok(tx.put(KEEP, params![account.as_str(), id])?)
}

/// A user with what he may be called by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Addressed {
    /// User id.
    pub id: String,
    /// Primary address; empty for none.
    pub email: String,
    /// The folded user name.
    pub user_name_key: String,
    /// May he act?
    pub active: bool,
}

impl Addressed {
    /// The address that he is shown by, folded: his primary one, or his user name where he has none.
    pub fn shown_key(&self) -> Cow<'_, str> {
        if self.email.is_empty() { Cow::Borrowed(&self.user_name_key) } else { scim::fold(&self.email) }
    }
}

/// The users that have one of these folded addresses as user name or among their e-mail addresses, each with
/// the one that found him; one may be found by several.
pub fn by_addresses(
    tx: &mut Tx<'_>,
    account: &AccountId,
    keys: &[&str],
) -> Result<Vec<(String, Addressed)>, Problem> {
    let mut found = Vec::new();
    for keys in keys.chunks(IDS_AT_ONCE) {
        for sql in [BY_NAMES, BY_EMAILS] {
            let mut sql = Sql::new(sql);
            sql.hold(account.as_str());
            sql.bind_ids(keys).push(")");
            found.extend(tx.query(sql.text(), &sql.params(), |row| {
                let (id, email, user_name_key) = (row.get(1)?, row.get(2)?, row.get(3)?);
                Ok((row.get(0)?, Addressed { id, email, user_name_key, active: row.get(4)? }))
            })?);
        }
    }
    Ok(found)
}

/// The address of each of these users, or his user name where he has none.
pub fn addresses_of(
    tx: &mut Tx<'_>,
    account: &AccountId,
    ids: &[String],
) -> Result<HashMap<String, String>, Problem> {
    let mut found = HashMap::with_capacity(ids.len());
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    for ids in ids.chunks(IDS_AT_ONCE) {
        let mut sql = Sql::new(ADDRESSES_OF);
        sql.hold(account.as_str());
        sql.bind_ids(ids).push(")");
        found.extend(tx.query(sql.text(), &sql.params(), |row| {
            let (id, email, user_name): (String, String, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
            Ok((id, if email.is_empty() { user_name } else { email }))
        })?);
    }
    Ok(found)
}

/// Removes the user with his memberships, API keys and tokens. Answers what went with him where he is known
/// to have `owned` something: to hear the number costs a way to the database and back.
pub fn delete(
    tx: &mut Tx<'_>,
    account: &AccountId,
    id: &str,
    (owned, now): (bool, Timestamp),
) -> Result<Removed, Problem> {
    let of_user = params![account.as_str(), id];
    tx.put(DELETE, of_user)?;
    leave_all(tx, account, id, now)?;
    if owned {
        return Ok(Removed {
            keys: tx.exec(DELETE_KEYS, of_user)?,
            tokens: tx.exec(DELETE_TOKENS, of_user)?,
        });
    }
    tx.put(DELETE_TOKENS, of_user)?;
    tx.put(DELETE_KEYS, of_user)?;
    Ok(Removed::default())
}

/// Whether anything that a cache may hold depends on this user: an API key or a role assignment.
pub fn owns_access(tx: &mut Tx<'_>, account: &AccountId, id: &str) -> Result<bool, Problem> {
    let owns: i64 = tx.query_one(OWNS_ACCESS, params![account.as_str(), id], |row| row.get(0))?;
    Ok(owns == 1)
}

/// Whether the user is named as member of some group, which may bring him roles.
pub fn in_a_group(tx: &mut Tx<'_>, account: &AccountId, id: &str) -> Result<bool, Problem> {
    Ok(tx.query_opt(IN_A_GROUP, params![account.as_str(), id], |_| Ok(()))?.is_some())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plans::{goes_through, plan};

    #[test]
    fn a_user_goes_without_going_through_the_account() {
        for sql in [DELETE, DELETE_TOKENS, DELETE_KEYS, OWNS_ACCESS, IN_A_GROUP] {
            let steps = plan(sql);
            assert!(!steps.iter().any(|step| goes_through(step)), "{sql}: {steps:#?}");
        }
    }

    #[test]
    fn users_are_found_by_address_without_going_through_the_account() {
        for sql in [BY_NAMES, BY_EMAILS, ADDRESSES_OF] {
            let steps = plan(&format!("{sql}$2, $3)"));
            assert!(!steps.iter().any(|step| goes_through(step)), "{sql}: {steps:#?}");
        }
    }
}
