//! SQL of resource groups.

use db::{Row, Tx, params};

use super::model::{NewResourceGroup, ResourceGroup};
use crate::access::stored;
use crate::kernel::problem::Problem;
use crate::kernel::scope::Scope;
use crate::kernel::time::Timestamp;

const INSERT: &str = "INSERT INTO resource_groups (account_id, org_id, project_id, identifier, name, color, description, \
    tags, included_scopes, resource_filter, version, created_at, updated_at) \
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 1, $11, $11) ON CONFLICT DO NOTHING";
const FIND: &str = "SELECT identifier, name, color, description, tags, included_scopes, resource_filter, created_at, \
    updated_at FROM resource_groups WHERE account_id = $1 AND org_id = $2 AND project_id = $3 AND identifier = $4";
const LIST: &str = "SELECT identifier, name, color, description, tags, included_scopes, resource_filter, created_at, \
    updated_at FROM resource_groups WHERE account_id = $1 AND org_id = $2 AND project_id = $3";
const UPDATE: &str = "UPDATE resource_groups SET name = $5, color = $6, description = $7, tags = $8, \
    included_scopes = $9, resource_filter = $10, version = version + 1, updated_at = $11 \
    WHERE account_id = $1 AND org_id = $2 AND project_id = $3 AND identifier = $4";
const DELETE: &str = "DELETE FROM resource_groups \
    WHERE account_id = $1 AND org_id = $2 AND project_id = $3 AND identifier = $4";

/// (resource type, statement that finds a row when a resource of that id is in the scope).
const EXISTS: &[(&str, &str)] = &[
    ("USER", "SELECT 1 FROM users WHERE account_id = $1 AND user_id = $4 AND $2 = $2 AND $3 = $3"),
    (
        "USERGROUP",
        "SELECT 1 FROM user_groups WHERE account_id = $1 AND org_id = $2 AND project_id = $3 AND identifier = $4",
    ),
    (
        "SERVICEACCOUNT",
        "SELECT 1 FROM service_accounts WHERE account_id = $1 AND org_id = $2 AND project_id = $3 AND identifier = $4",
    ),
    (
        "ROLE",
        "SELECT 1 FROM roles WHERE account_id = $1 AND org_id = $2 AND project_id = $3 AND identifier = $4",
    ),
    (
        "RESOURCEGROUP",
        "SELECT 1 FROM resource_groups WHERE account_id = $1 AND org_id = $2 AND project_id = $3 AND identifier = $4",
    ),
    (
        "ORGANIZATION",
        "SELECT 1 FROM organizations WHERE account_id = $1 AND identifier = $4 AND $2 IN ('', $4) AND $3 = ''",
    ),
    (
        "PROJECT",
        "SELECT 1 FROM projects WHERE account_id = $1 AND org_id = $2 AND identifier = $4 AND $3 IN ('', $4)",
    ),
    ("ACCOUNT", "SELECT 1 FROM accounts WHERE account_id = $1 AND account_id = $4 AND $2 = '' AND $3 = ''"),
];

struct Stored {
    texts: [String; 6],
    description: Option<String>,
    times: (i64, i64),
}

fn columns(row: &Row<'_>) -> Result<Stored, db::Error> {
    Ok(Stored {
        texts: [row.get(0)?, row.get(1)?, row.get(2)?, row.get(4)?, row.get(5)?, row.get(6)?],
        description: row.get(3)?,
        times: (row.get(7)?, row.get(8)?),
    })
}

impl Stored {
    fn group(self, scope: &Scope) -> Result<ResourceGroup, Problem> {
        let [identifier, name, color, tags, included, filter] = self.texts;
        let (created, updated) = self.times;
        Ok(ResourceGroup {
            scope: scope.clone(),
            identifier,
            name,
            color,
            description: self.description,
            tags: stored::read(&tags)?,
            levels: vec![scope.level()],
            included: stored::read(&included)?,
            filter: stored::read(&filter)?,
            times: Some((Timestamp::from_micros(created), Timestamp::from_micros(updated))),
        })
    }
}

fn write(
    sql: &str,
    tx: &mut Tx<'_>,
    scope: &Scope,
    group: &NewResourceGroup,
    now: Timestamp,
) -> Result<u64, Problem> {
    let tags = stored::write(&group.tags)?;
    let (included, filter) = (stored::write(&group.included)?, stored::write(&group.filter)?);
    let rows = tx.exec(
        sql,
        params![
            scope.account.as_str(),
            scope.org_column(),
            scope.project_column(),
            &group.identifier,
            &group.name,
            &group.color,
            group.description.as_deref(),
            &tags,
            &included,
            &filter,
            now.micros()
        ],
    )?;
    Ok(rows)
}

/// Inserts the group; `false` when its identifier is taken in the scope.
pub fn insert(
    tx: &mut Tx<'_>,
    scope: &Scope,
    group: &NewResourceGroup,
    now: Timestamp,
) -> Result<bool, Problem> {
    Ok(write(INSERT, tx, scope, group, now)? == 1)
}

/// Writes everything but the identifier; `false` when there is no such group.
pub fn update(
    tx: &mut Tx<'_>,
    scope: &Scope,
    group: &NewResourceGroup,
    now: Timestamp,
) -> Result<bool, Problem> {
    Ok(write(UPDATE, tx, scope, group, now)? == 1)
}

/// The custom group of that identifier.
pub fn find(tx: &mut Tx<'_>, scope: &Scope, id: &str) -> Result<Option<ResourceGroup>, Problem> {
    let key = params![scope.account.as_str(), scope.org_column(), scope.project_column(), id];
    tx.query_opt(FIND, key, columns)?.map(|row| row.group(scope)).transpose()
}

/// All custom groups of the scope.
pub fn list(tx: &mut Tx<'_>, scope: &Scope) -> Result<Vec<ResourceGroup>, Problem> {
    let key = params![scope.account.as_str(), scope.org_column(), scope.project_column()];
    tx.query(LIST, key, columns)?.into_iter().map(|row| row.group(scope)).collect()
}

/// Removes the group.
pub fn delete(tx: &mut Tx<'_>, scope: &Scope, id: &str) -> Result<(), Problem> {
    Ok(tx.put(DELETE, params![scope.account.as_str(), scope.org_column(), scope.project_column(), id])?)
}

/// Is there a resource of that type and id in the scope? Types whose things have no ids answer no.
pub fn resource_exists(
    tx: &mut Tx<'_>,
    scope: &Scope,
    resource_type: &str,
    id: &str,
) -> Result<bool, Problem> {
    let Some((_, sql)) = EXISTS.iter().find(|(name, _)| *name == resource_type) else { return Ok(false) };
    let key = params![scope.account.as_str(), scope.org_column(), scope.project_column(), id];
    Ok(tx.query_opt(sql, key, |row| row.get::<i64>(0))?.is_some())
}
