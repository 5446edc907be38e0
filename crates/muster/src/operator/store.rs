//! SQL of what goes with an account.

use std::iter::once;

use db::sql::Value;
use db::{Param, Row, Tx, params};

use crate::kernel::ids::AccountId;
use crate::kernel::problem::Problem;
use crate::kernel::time::Timestamp;

/// About so many rows are removed in one transaction.
const AT_ONCE: u32 = 1_000;

const DUE: &str = "SELECT account_id FROM accounts \
    WHERE status = 'ERASING' OR (status = 'DELETED' AND erase_at <= $1) ORDER BY account_id";
const ERASING: &str = "SELECT version FROM accounts WHERE account_id = $1 AND status = 'ERASING'";
/// One number of an event is passed over: who had all of the account up to the last one hears that not all
/// that follows is there, and does not go on in a later account.
const GONE: &str = "UPDATE accounts SET status = 'GONE', name = '', user_count = 0, erase_at = NULL, \
    webhooks = 0, seq = seq + 1, version = version + 1, updated_at = $2 WHERE account_id = $1 AND status = 'ERASING'";

/// A table that is emptied of an account, and the rest of its key.
pub struct Table {
    name: &'static str,
    key: &'static str,
}

/// All of them.
pub const TABLES: &[Table] = &[
    table("tokens", "token_id"),
    table("api_keys", "org_id, project_id, kind, parent_id, identifier_key"),
    table("jwt_trusts", "identifier"),
    table("jwt_refusals", "trust_id, at, refusal_id"),
    table("jwt_replays", "trust_id, token_key"),
    table("role_assignments", "org_id, project_id, identifier"),
    table("roles", "org_id, project_id, identifier"),
    table("resource_groups", "org_id, project_id, identifier"),
    table("service_accounts", "org_id, project_id, identifier"),
    table("settings", "org_id, project_id, identifier"),
    table("group_members", "group_id, member_id"),
    table("user_groups", "group_id"),
    table("users", "user_id"),
    table("objects", "object_id"),
    table("directory_index", "attr, value_key, resource_id, qualifier"),
    table("scim_definitions", "kind, name_key"),
    table("webhooks", "identifier"),
    table("events", "seq"),
    table("projects", "org_id, identifier"),
    table("organizations", "identifier"),
    table("audit_rows", "at, audit_id"),
];

/// Tables that keep what they have: the account's own row, and secrets and counters that replicas keep by its
/// identifier. Nothing in them is about anybody.
pub const KEPT: &[&str] = &["accounts", "cursor_keys", "oauth_keys", "scim_generations", "setup_codes"];

const fn table(name: &'static str, key: &'static str) -> Table {
    Table { name, key }
}

impl Table {
    /// The key of the last row that goes next, if there are more than that.
    fn edge(&self) -> String {
        let Self { name, key } = self;
        format!(
            "SELECT {key} FROM {name} WHERE account_id = $1 ORDER BY account_id, {key} LIMIT 1 OFFSET {AT_ONCE}"
        )
    }

    /// By ranges of the key, and not by rows that a subquery names: for those SQLite goes through all that
    /// have the first parts of it.
    fn remove_to(&self) -> String {
        let Self { name, key } = self;
        let places: Vec<String> = (2..2 + self.width()).map(|place| format!("${place}")).collect();
        format!("DELETE FROM {name} WHERE account_id = $1 AND ({key}) <= ({})", places.join(", "))
    }

    fn remove_rest(&self) -> String {
        format!("DELETE FROM {} WHERE account_id = $1", self.name)
    }

    fn width(&self) -> usize {
        self.key.split(", ").count()
    }
}

/// The accounts whose time has come, and those that a server began to erase.
pub fn due(tx: &mut Tx<'_>, now: Timestamp) -> Result<Vec<AccountId>, Problem> {
    Ok(tx.query(DUE, params![now.micros()], |row| Ok(AccountId::new(row.get::<String>(0)?)))?)
}

/// Whether it is still this erasing of the account that goes on: `version` is the account's since it began.
/// Where the account's row is held, it stays so until the transaction ends.
pub fn is_erasing(tx: &mut Tx<'_>, account: &AccountId, version: i64) -> Result<bool, Problem> {
    Ok(erasing_version(tx, account)? == Some(version))
}

/// The account's version, if it is being erased.
pub fn erasing_version(tx: &mut Tx<'_>, account: &AccountId) -> Result<Option<i64>, Problem> {
    Ok(tx.query_opt(ERASING, params![account.as_str()], |row| row.get(0))?)
}

/// Removes rows of the account from a table; answers whether there are more.
pub fn erase(tx: &mut Tx<'_>, account: &AccountId, table: &Table) -> Result<bool, Problem> {
    let account = account.as_str();
    let key = |row: &Row<'_>| (0..table.width()).map(|at| row.get(at)).collect::<Result<Vec<Value>, _>>();
    let edge = tx.query_opt(&table.edge(), params![account], key)?;
    tx.overwriting(|tx| match &edge {
        Some(edge) => {
            let to: Vec<Param<'_>> = once(account.into()).chain(edge.iter().map(Value::as_param)).collect();
            tx.exec(&table.remove_to(), &to)
        }
        None => tx.exec(&table.remove_rest(), params![account]),
    })?;
    Ok(edge.is_some())
}

/// Writes that nothing is left of the account.
pub fn be_gone(tx: &mut Tx<'_>, account: &AccountId, now: Timestamp) -> Result<(), Problem> {
    tx.overwriting(|tx| tx.exec(GONE, params![account.as_str(), now.micros()]))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use db::Migration;

    use super::*;
    use crate::migrations::STEPS;
    use crate::plans::{goes_through, plan};

    #[test]
    fn every_table_is_emptied_or_kept() {
        let is_log = |table: &&str| table.starts_with("provisioning_log");
        let made: BTreeSet<&str> =
            STEPS.iter().flat_map(Migration::tables).filter(|table| !is_log(table)).collect();
        let known: BTreeSet<&str> =
            TABLES.iter().map(|table| table.name).chain(KEPT.iter().copied()).collect();
        assert_eq!(made, known);
    }

    #[test]
    fn what_goes_is_found_by_its_key() {
        for table in TABLES {
            let steps = plan(&table.remove_to());
            assert!(!steps.iter().any(|step| goes_through(step)), "{}: {steps:#?}", table.name);
            let steps = plan(&table.edge());
            assert!(!steps.iter().any(|step| step.contains("TEMP B-TREE")), "{}: {steps:#?}", table.name);
        }
    }
}
