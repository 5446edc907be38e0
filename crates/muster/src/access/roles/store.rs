//! SQL of roles.

use std::collections::HashMap;

use db::{Row, Tx, params};

use super::model::{NewRole, Role};
use crate::access::stored;
use crate::kernel::caller::PrincipalKind;
use crate::kernel::problem::Problem;
use crate::kernel::scope::Scope;
use crate::kernel::time::Timestamp;
use crate::kernel::version::Tag;

const INSERT: &str = "INSERT INTO roles (account_id, org_id, project_id, identifier, name, description, tags, permissions, \
    version, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 1, $9, $9) ON CONFLICT DO NOTHING";
const FIND: &str = "SELECT identifier, name, description, tags, permissions, created_at, updated_at, version FROM roles \
    WHERE account_id = $1 AND org_id = $2 AND project_id = $3 AND identifier = $4";
const LIST: &str = "SELECT identifier, name, description, tags, permissions, created_at, updated_at, version FROM roles \
    WHERE account_id = $1 AND org_id = $2 AND project_id = $3";
const UPDATE: &str = "UPDATE roles SET name = $5, description = $6, tags = $7, permissions = $8, version = version + 1, \
    updated_at = $9 WHERE account_id = $1 AND org_id = $2 AND project_id = $3 AND identifier = $4";
const DELETE: &str =
    "DELETE FROM roles WHERE account_id = $1 AND org_id = $2 AND project_id = $3 AND identifier = $4";
const COUNTS: &str = "SELECT role_id, principal_kind, COUNT(*) FROM role_assignments \
    WHERE account_id = $1 AND org_id = $2 AND project_id = $3 GROUP BY role_id, principal_kind";

/// How many principals of each kind a role is assigned to in its scope.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Users.
    pub users: i64,
    /// User groups.
    pub user_groups: i64,
    /// Service accounts.
    pub service_accounts: i64,
}

struct Stored {
    identifier: String,
    name: String,
    description: Option<String>,
    tags: String,
    permissions: String,
    times: (i64, i64),
    version: i64,
}

fn columns(row: &Row<'_>) -> Result<Stored, db::Error> {
    Ok(Stored {
        identifier: row.get(0)?,
        name: row.get(1)?,
        description: row.get(2)?,
        tags: row.get(3)?,
        permissions: row.get(4)?,
        times: (row.get(5)?, row.get(6)?),
        version: row.get(7)?,
    })
}

impl Stored {
    fn role(self, scope: &Scope) -> Result<Role, Problem> {
        let (created_at, updated_at) =
            (Timestamp::from_micros(self.times.0), Timestamp::from_micros(self.times.1));
        Ok(Role {
            scope: Some(scope.clone()),
            identifier: self.identifier,
            name: self.name,
            description: self.description,
            tags: stored::read(&self.tags)?,
            permissions: stored::read(&self.permissions)?,
            level: scope.level(),
            times: Some((created_at, updated_at)),
            tag: Tag { created_at, version: self.version },
        })
    }
}

/// Inserts the role; `false` when its identifier is taken in the scope.
pub fn insert(tx: &mut Tx<'_>, scope: &Scope, role: &NewRole, now: Timestamp) -> Result<bool, Problem> {
    let (tags, permissions) = (stored::write(&role.tags)?, stored::write(&role.permissions)?);
    let rows = tx.exec(
        INSERT,
        params![
            scope.account.as_str(),
            scope.org_column(),
            scope.project_column(),
            &role.identifier,
            &role.name,
            role.description.as_deref(),
            &tags,
            &permissions,
            now.micros()
        ],
    )?;
    Ok(rows == 1)
}

/// The custom role of that identifier.
pub fn find(tx: &mut Tx<'_>, scope: &Scope, id: &str) -> Result<Option<Role>, Problem> {
    let key = params![scope.account.as_str(), scope.org_column(), scope.project_column(), id];
    tx.query_opt(FIND, key, columns)?.map(|row| row.role(scope)).transpose()
}

/// All custom roles of the scope.
pub fn list(tx: &mut Tx<'_>, scope: &Scope) -> Result<Vec<Role>, Problem> {
    let key = params![scope.account.as_str(), scope.org_column(), scope.project_column()];
    tx.query(LIST, key, columns)?.into_iter().map(|row| row.role(scope)).collect()
}

/// Writes name, description, labels and permissions of the role.
pub fn update(tx: &mut Tx<'_>, scope: &Scope, role: &NewRole, now: Timestamp) -> Result<(), Problem> {
    let (tags, permissions) = (stored::write(&role.tags)?, stored::write(&role.permissions)?);
    tx.put(
        UPDATE,
        params![
            scope.account.as_str(),
            scope.org_column(),
            scope.project_column(),
            &role.identifier,
            &role.name,
            role.description.as_deref(),
            &tags,
            &permissions,
            now.micros()
        ],
    )?;
    Ok(())
}

/// Removes the role.
pub fn delete(tx: &mut Tx<'_>, scope: &Scope, id: &str) -> Result<(), Problem> {
    Ok(tx.put(DELETE, params![scope.account.as_str(), scope.org_column(), scope.project_column(), id])?)
}

/// How often each role is assigned in the scope.
pub fn counts(tx: &mut Tx<'_>, scope: &Scope) -> Result<HashMap<String, Counts>, Problem> {
    let key = params![scope.account.as_str(), scope.org_column(), scope.project_column()];
    let rows: Vec<(String, String, i64)> =
        tx.query(COUNTS, key, |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    let mut all: HashMap<String, Counts> = HashMap::new();
    for (role, kind, n) in rows {
        let counts = all.entry(role).or_default();
        match PrincipalKind::parse(&kind) {
            Some(PrincipalKind::User) => counts.users = n,
            Some(PrincipalKind::UserGroup) => counts.user_groups = n,
            Some(PrincipalKind::ServiceAccount) => counts.service_accounts = n,
            Some(PrincipalKind::System) | None => {}
        }
    }
    Ok(all)
}
