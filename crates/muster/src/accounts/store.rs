//! SQL of accounts.

use std::collections::BTreeMap;

use db::{Closing, Row, Tx, params};

use super::model::{Account, Status, closed};
use super::secrets::Purpose;
use crate::directory::groups::store::leave_all;
use crate::kernel::ids::AccountId;
use crate::kernel::problem::Problem;
use crate::kernel::scope::{Level, Scope};
use crate::kernel::time::Timestamp;

const FIND_VERSION: &str = "SELECT version FROM accounts WHERE account_id = $1 AND status = 'ACTIVE'";
const BUMP: &str = "UPDATE accounts SET version = version + 1 WHERE account_id = $1";
const HOLD: &str = "UPDATE accounts SET seq = seq WHERE account_id = $1";
const TAKE: &str = "UPDATE accounts SET seq = seq + $2, user_count = user_count + $3 WHERE account_id = $1 \
    RETURNING seq, webhooks";
const USER_COUNT: &str = "SELECT user_count FROM accounts WHERE account_id = $1";

const CURSOR_KEY: &str = "SELECT secret FROM cursor_keys WHERE account_id = $1";
const PUT_CURSOR_KEY: &str =
    "INSERT INTO cursor_keys (account_id, secret, created_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";
const OAUTH_KEY: &str = "SELECT secret FROM oauth_keys WHERE account_id = $1";
const PUT_OAUTH_KEY: &str =
    "INSERT INTO oauth_keys (account_id, secret, created_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";

/// The account's version: changes whenever settings, roles, bindings, trusts or tokens change. `None`: no
/// such account that can be used.
pub fn find_version(tx: &mut Tx<'_>, account: &AccountId) -> Result<Option<i64>, Problem> {
    Ok(tx.query_opt(FIND_VERSION, params![account.as_str()], |row| row.get(0))?)
}

/// Nothing is written: that the row is left rings the account's bell after the commit.
static BUMPED: Closing = Closing { name: "version", write: |_, _| Ok(()) };

/// Makes every cache of the account stale, on every replica, with its next request. Call it in the
/// transaction of each change to settings, roles, bindings, groups that carry bindings, trusts, service
/// accounts and tokens. Who waits for the account's events is woken by it.
pub fn bump_version(tx: &mut Tx<'_>, account: &AccountId) -> Result<(), Problem> {
    tx.put(BUMP, params![account.as_str()])?;
    Ok(tx.leave(&BUMPED, vec![account.as_str().into()])?)
}

/// Holds the account's row until the transaction ends: what another replica holds it for comes before or
/// after, never between. `false`: there is no other one ([`Tx::lock`]).
pub fn hold(tx: &mut Tx<'_>, account: &AccountId) -> Result<bool, Problem> {
    Ok(hold_row(tx, account.as_str())?)
}

/// As `hold`, for those who know the account as the name of their lane.
pub fn hold_row(tx: &mut Tx<'_>, account: &str) -> Result<bool, db::Error> {
    tx.lock(HOLD, params![account])
}

/// Takes `n` event numbers under the account row, so that they have no holes, and counts the users that came
/// and went with them; answers the first number, and whether the account has webhooks.
pub fn take_numbers(
    tx: &mut Tx<'_>,
    account: &str,
    n: i64,
    more_users: i64,
) -> Result<(i64, bool), db::Error> {
    let row = |row: &Row<'_>| Ok((row.get::<i64>(0)?, row.get::<i64>(1)?));
    let (last, webhooks) = tx.query_one(TAKE, params![account, n, more_users], row)?;
    Ok((last - n + 1, webhooks > 0))
}

/// How many users the account has.
pub fn user_count(tx: &mut Tx<'_>, account: &AccountId) -> Result<i64, Problem> {
    Ok(tx.query_one(USER_COUNT, params![account.as_str()], |row| row.get(0))?)
}

const ALL: &str = "SELECT account_id FROM accounts WHERE status <> 'GONE' ORDER BY account_id";

/// Every account there is, for periodic work.
pub fn all(tx: &mut Tx<'_>) -> Result<Vec<AccountId>, Problem> {
    Ok(tx.query(ALL, &[], |row| row.get(0).map(|id: String| AccountId::new(id)))?)
}

/// An account that is gone is made anew in its row.
const INSERT: &str = "INSERT INTO accounts (account_id, name, version, seq, created_at, updated_at) \
    VALUES ($1, $2, 1, 0, $3, $3) ON CONFLICT (account_id) DO UPDATE SET name = excluded.name, \
    status = 'ACTIVE', version = accounts.version + 1, created_at = excluded.created_at, \
    updated_at = excluded.updated_at WHERE accounts.status = 'GONE'";

/// Inserts an account; `false` when it exists already.
pub fn insert(tx: &mut Tx<'_>, account: &AccountId, name: &str, now: Timestamp) -> Result<bool, Problem> {
    Ok(tx.exec(INSERT, params![account.as_str(), name, now.micros()])? == 1)
}

const FIND: &str = "SELECT account_id, name, status, erase_at, user_count, created_at, updated_at FROM accounts \
    WHERE account_id = $1 AND status <> 'GONE'";
const AFTER: &str = "SELECT account_id, name, status, erase_at, user_count, created_at, updated_at FROM accounts \
    WHERE account_id > $1 AND status <> 'GONE' ORDER BY account_id LIMIT $2";
const SET_STATUS: &str =
    "UPDATE accounts SET status = $2, erase_at = $3, updated_at = $4 WHERE account_id = $1";
const RENAME: &str = "UPDATE accounts SET name = $2, updated_at = $3 WHERE account_id = $1";

/// The account's row.
pub fn find(tx: &mut Tx<'_>, account: &AccountId) -> Result<Option<Account>, Problem> {
    Ok(tx.query_opt(FIND, params![account.as_str()], read)?)
}

/// Why nobody is let in to an account without a version: a word of `closed`.
pub fn why_closed(tx: &mut Tx<'_>, account: &AccountId) -> Result<&'static str, Problem> {
    Ok(if find(tx, account)?.is_some() { closed::SUSPENDED } else { closed::NONE })
}

/// The rows of the accounts whose identifiers come after this one, in their order, `limit` at most.
pub fn after(tx: &mut Tx<'_>, identifier: &str, limit: i64) -> Result<Vec<Account>, Problem> {
    Ok(tx.query(AFTER, params![identifier, limit], read)?)
}

fn read(row: &Row<'_>) -> Result<Account, db::Error> {
    let status: String = row.get(2)?;
    let unknown =
        || db::Error::other(format!("accounts.status has {status:?}, which this release does not know"));
    let status = Status::parse(&status).ok_or_else(unknown)?;
    let users: i64 = row.get(4)?;
    Ok(Account {
        identifier: AccountId::new(row.get::<String>(0)?),
        name: row.get(1)?,
        status,
        erase_at: row.get::<Option<i64>>(3)?.map(Timestamp::from_micros),
        // The number is of before it began.
        users: (status != Status::Erasing).then_some(users),
        created_at: Timestamp::from_micros(row.get(5)?),
        updated_at: Timestamp::from_micros(row.get(6)?),
    })
}

/// Writes whether the account can be used, and when it is erased, and makes its caches stale.
pub fn set_status(
    tx: &mut Tx<'_>,
    account: &AccountId,
    status: Status,
    erase_at: Option<Timestamp>,
    now: Timestamp,
) -> Result<(), Problem> {
    let key = params![account.as_str(), status.as_str(), erase_at.map(Timestamp::micros), now.micros()];
    tx.put(SET_STATUS, key)?;
    bump_version(tx, account)
}

/// Writes the account's name, which no cache holds.
pub fn rename(tx: &mut Tx<'_>, account: &AccountId, name: &str, now: Timestamp) -> Result<(), Problem> {
    Ok(tx.put(RENAME, params![account.as_str(), name, now.micros()])?)
}

macro_rules! below {
    ($($table:literal $kind:literal),+ $(,)?) => {
        /// Tables whose rows live in an organization or project by their columns `org_id` and `project_id`.
        pub const SCOPED_TABLES: &[&str] = &[$($table),+];
        /// What the rows are, and one statement for each: an empty `$3` means the organization with all its
        /// projects.
        const REMOVE: &[(&str, &str)] = &[$(($kind, concat!(
            "DELETE FROM ", $table, " WHERE account_id = $1 AND org_id = $2 AND ($3 = '' OR project_id = $3)"
        ))),+];
    };
}

below! {
    "api_keys" "apiKeys",
    "resource_groups" "resourceGroups",
    "role_assignments" "roleAssignments",
    "roles" "roles",
    "service_accounts" "serviceAccounts",
    "settings" "settings",
    "tokens" "tokens",
    "user_groups" "userGroups",
}

const GROUPS_BELOW: &str = "SELECT group_id, name, org_id, project_id, doc FROM user_groups \
    WHERE account_id = $1 AND org_id = $2 AND ($3 = '' OR project_id = $3)";
const REMOVE_MEMBERS: &str = "DELETE FROM group_members WHERE account_id = $1 AND group_id = $2";

/// A group that lived in an organization or project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupBelow {
    /// Its SCIM id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Where it lived.
    pub scope: Scope,
    /// Its document, which says under which keys the directory's index has it.
    pub doc: String,
}

/// What went with an organization or project.
#[derive(Clone, Debug, Default)]
pub struct Below {
    /// The groups, for their events and index rows.
    pub groups: Vec<GroupBelow>,
    /// How many of each kind, for the audit row: there may be too many to name them. What there was none of
    /// is left out.
    pub counts: BTreeMap<&'static str, u64>,
}

/// Removes all that lives in the organization (with its projects) or project; answers what that was.
/// The rows of the organization and its projects themselves stay.
pub fn remove_below(tx: &mut Tx<'_>, scope: &Scope, now: Timestamp) -> Result<Below, Problem> {
    debug_assert_ne!(scope.level(), Level::Account, "an account is not emptied this way");
    let account = scope.account.as_str();
    let key = params![account, scope.org_column(), scope.project_column()];
    let below = |row: &Row<'_>| {
        let (org, project): (String, String) = (row.get(2)?, row.get(3)?);
        let scope = Scope::of(scope.account.clone(), Some(&org), Some(&project));
        let scope = scope.map_err(|problem| db::Error::other(problem.to_string()))?;
        Ok(GroupBelow { id: row.get(0)?, name: row.get(1)?, scope, doc: row.get(4)? })
    };
    let mut groups = tx.query(GROUPS_BELOW, key, below)?;
    // Sorted here: SQLite would go through the account's groups by their ids to have them in order.
    groups.sort_unstable_by(|a, b| a.id.cmp(&b.id));
    for GroupBelow { id, .. } in &groups {
        leave_all(tx, &scope.account, id, now)?;
        tx.put(REMOVE_MEMBERS, params![account, id])?;
    }
    let mut counts = BTreeMap::new();
    for (kind, sql) in REMOVE {
        counts.insert(*kind, tx.exec(sql, key)?);
    }
    counts.retain(|_, count| *count > 0);
    Ok(Below { groups, counts })
}

/// The account's secret of this purpose, once it has one.
pub fn secret(tx: &mut Tx<'_>, account: &AccountId, purpose: Purpose) -> Result<Option<Vec<u8>>, Problem> {
    let find = match purpose {
        Purpose::Cursors => CURSOR_KEY,
        Purpose::AccessTokens => OAUTH_KEY,
    };
    Ok(tx.query_opt(find, params![account.as_str()], |row| row.get(0))?)
}

/// Gives the account this secret unless it has one already; answers the one it has.
pub fn settle_secret(
    tx: &mut Tx<'_>,
    account: &AccountId,
    purpose: Purpose,
    fresh: &[u8],
    now: Timestamp,
) -> Result<Vec<u8>, Problem> {
    let put = match purpose {
        Purpose::Cursors => PUT_CURSOR_KEY,
        Purpose::AccessTokens => PUT_OAUTH_KEY,
    };
    tx.exec(put, params![account.as_str(), fresh, now.micros()])?;
    secret(tx, account, purpose)?.ok_or_else(|| Problem::internal("an account's secret was not written"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::migrations::STEPS;
    use crate::plans::{goes_through, plan};

    #[test]
    fn an_organization_goes_without_going_through_the_account() {
        let of_groups = [GROUPS_BELOW, REMOVE_MEMBERS];
        for sql in of_groups.iter().chain(REMOVE.iter().map(|(_, sql)| sql)) {
            let steps = plan(sql);
            assert!(!steps.iter().any(|step| goes_through(step)), "{sql}: {steps:#?}");
        }
        let by_resource = "DELETE FROM directory_index WHERE account_id = $1 AND resource_id = $2";
        assert!(plan(by_resource).iter().any(|step| goes_through(step)), "index rows go by their keys alone");
    }

    #[test]
    fn every_table_with_a_scope_is_emptied_with_its_organization() {
        let mut scoped = Vec::new();
        for table in STEPS.iter().flat_map(|step| step.sql.split("CREATE TABLE ").skip(1)) {
            let (name, body) = table.split_once('(').unwrap();
            let body = body.split(';').next().unwrap();
            if body.contains("org_id ") && !matches!(name.trim(), "audit_rows" | "projects") {
                scoped.push(name.trim());
            }
        }
        scoped.sort_unstable();
        assert_eq!(scoped, SCOPED_TABLES, "audit rows stay for ever; projects go by their own statement");
    }
}
