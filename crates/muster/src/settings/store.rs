//! SQL of settings.

use db::{Tx, params};

use super::model::Row;
use crate::kernel::ids::AccountId;
use crate::kernel::problem::Result;
use crate::kernel::scope::{Level, Scope};
use crate::kernel::time::Timestamp;

const ALONG: &str = "SELECT org_id, project_id, identifier, value, allow_overrides, updated_at FROM settings \
    WHERE account_id = $1 AND (org_id = '' OR org_id = $2) AND (project_id = '' OR project_id = $3)";
const ALONG_ONE: &str = "SELECT org_id, project_id, identifier, value, allow_overrides, updated_at FROM settings \
    WHERE account_id = $1 AND (org_id = '' OR org_id = $2) AND (project_id = '' OR project_id = $3) AND identifier = $4";
const PUT: &str = "INSERT INTO settings (account_id, org_id, project_id, identifier, value, allow_overrides, updated_at) \
    VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (account_id, org_id, project_id, identifier) \
    DO UPDATE SET value = excluded.value, allow_overrides = excluded.allow_overrides, updated_at = excluded.updated_at";
const DELETE: &str = "DELETE FROM settings \
    WHERE account_id = $1 AND org_id = $2 AND project_id = $3 AND identifier = $4";
const BELOW_ACCOUNT: &str = "SELECT org_id, project_id FROM settings \
    WHERE account_id = $1 AND identifier = $2 AND org_id <> '' ORDER BY org_id, project_id";
const BELOW_ORG: &str = "SELECT org_id, project_id FROM settings \
    WHERE account_id = $1 AND org_id = $2 AND identifier = $3 AND project_id <> '' ORDER BY project_id";

/// Every stored value of the scope and of the scopes above it.
pub fn along(tx: &mut Tx<'_>, scope: &Scope) -> Result<Vec<Row>> {
    rows(tx, ALONG, scope, None)
}

/// The stored values of one setting, in the scope and in the scopes above it.
pub fn along_one(tx: &mut Tx<'_>, scope: &Scope, id: &str) -> Result<Vec<Row>> {
    rows(tx, ALONG_ONE, scope, Some(id))
}

fn rows(tx: &mut Tx<'_>, sql: &str, scope: &Scope, id: Option<&str>) -> Result<Vec<Row>> {
    let account = &scope.account;
    let mut key = params![account.as_str(), scope.org_column(), scope.project_column()].to_vec();
    key.extend(id.map(db::Param::from));
    let found = tx.query(sql, &key, |row| {
        let place: (String, String) = (row.get(0)?, row.get(1)?);
        let held = Row {
            scope: Scope::account(account.clone()),
            id: row.get(2)?,
            value: row.get(3)?,
            allow_overrides: row.get(4)?,
            updated_at: Timestamp::from_micros(row.get(5)?),
        };
        Ok((place, held))
    })?;
    found.into_iter().map(|(place, row)| Ok(Row { scope: scope_of(account, &place)?, ..row })).collect()
}

fn scope_of(account: &AccountId, (org, project): &(String, String)) -> Result<Scope> {
    Scope::of(account.clone(), Some(org), Some(project))
}

/// Stores a value, over one that is there.
pub fn put(tx: &mut Tx<'_>, row: &Row) -> Result<()> {
    let at = &row.scope;
    let values = params![
        at.account.as_str(),
        at.org_column(),
        at.project_column(),
        &row.id,
        &row.value,
        row.allow_overrides,
        row.updated_at.micros()
    ];
    Ok(tx.put(PUT, values)?)
}

/// Removes the value of that very scope, if there is one.
pub fn delete(tx: &mut Tx<'_>, scope: &Scope, id: &str) -> Result<()> {
    Ok(tx.put(DELETE, params![scope.account.as_str(), scope.org_column(), scope.project_column(), id])?)
}

/// Removes the setting's values in every scope below; answers which scopes had one.
pub fn delete_below(tx: &mut Tx<'_>, scope: &Scope, id: &str) -> Result<Vec<Scope>> {
    let account = scope.account.as_str();
    let place = |row: &db::Row<'_>| Ok((row.get(0)?, row.get(1)?));
    let places: Vec<(String, String)> = match scope.level() {
        Level::Account => tx.query(BELOW_ACCOUNT, params![account, id], place)?,
        Level::Organization => tx.query(BELOW_ORG, params![account, scope.org_column(), id], place)?,
        Level::Project => Vec::new(),
    };
    let scopes = places.iter().map(|place| scope_of(&scope.account, place)).collect::<Result<Vec<_>>>()?;
    for scope in &scopes {
        delete(tx, scope, id)?;
    }
    Ok(scopes)
}
