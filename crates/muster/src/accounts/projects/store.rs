//! SQL of projects.

use db::{Row, Tx, params};

use super::model::{DEFAULT_COLOR, NewProject, Project};
use crate::kernel::ids::AccountId;
use crate::kernel::problem::{Problem, Result};
use crate::kernel::scope::Scope;
use crate::kernel::text::Tags;
use crate::kernel::time::Timestamp;

const EXISTS: &str = "SELECT 1 FROM projects WHERE account_id = $1 AND org_id = $2 AND identifier = $3";
const FIND: &str = "SELECT org_id, identifier, name, color, description, modules, tags, version, created_at, updated_at \
    FROM projects WHERE account_id = $1 AND org_id = $2 AND identifier = $3";
const LIST: &str = "SELECT org_id, identifier, name, color, description, modules, tags, version, created_at, updated_at \
    FROM projects WHERE account_id = $1 AND ($2 = '' OR org_id = $2) ORDER BY org_id, identifier";
const INSERT: &str = "INSERT INTO projects (account_id, org_id, identifier, name, color, description, modules, tags, \
    version, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 1, $9, $9) ON CONFLICT DO NOTHING";
const UPDATE: &str = "UPDATE projects SET name = $5, color = $6, description = $7, modules = $8, tags = $9, \
    version = version + 1, updated_at = $10 \
    WHERE account_id = $1 AND org_id = $2 AND identifier = $3 AND version = $4";
const DELETE: &str = "DELETE FROM projects WHERE account_id = $1 AND org_id = $2 AND identifier = $3";

/// A row with its lists still as text.
struct Stored {
    project: Project,
    modules: String,
    tags: String,
}

fn stored(row: &Row<'_>) -> std::result::Result<Stored, db::Error> {
    let fields = NewProject {
        identifier: row.get(1)?,
        name: row.get(2)?,
        color: row.get::<Option<String>>(3)?.unwrap_or_else(|| DEFAULT_COLOR.to_owned()),
        description: row.get(4)?,
        modules: Vec::new(),
        tags: Tags::new(),
    };
    let project = Project {
        org: row.get(0)?,
        fields,
        version: row.get(7)?,
        created_at: Timestamp::from_micros(row.get(8)?),
        updated_at: Timestamp::from_micros(row.get(9)?),
    };
    Ok(Stored { project, modules: row.get(5)?, tags: row.get(6)? })
}

impl Stored {
    fn read(mut self) -> Result<Project> {
        let damaged = |e: serde_json::Error| Problem::internal(format!("a stored project is damaged: {e}"));
        self.project.fields.modules = serde_json::from_str(&self.modules).map_err(damaged)?;
        self.project.fields.tags = serde_json::from_str(&self.tags).map_err(damaged)?;
        Ok(self.project)
    }
}

/// Modules and tags as they are stored.
fn lists(fields: &NewProject) -> Result<(String, String)> {
    let unwritable = |e: serde_json::Error| Problem::internal(format!("cannot write a project: {e}"));
    let modules = serde_json::to_string(&fields.modules).map_err(unwritable)?;
    Ok((modules, serde_json::to_string(&fields.tags).map_err(unwritable)?))
}

/// Is there such a project in that organization?
pub fn exists(tx: &mut Tx<'_>, account: &AccountId, org: &str, identifier: &str) -> Result<bool> {
    Ok(tx.query_opt(EXISTS, params![account.as_str(), org, identifier], |_| Ok(()))?.is_some())
}

/// The project of that scope.
pub fn find(tx: &mut Tx<'_>, scope: &Scope) -> Result<Option<Project>> {
    let key = params![scope.account.as_str(), scope.org_column(), scope.project_column()];
    tx.query_opt(FIND, key, stored)?.map(Stored::read).transpose()
}

/// Every project of the account, or of one organization, by organization and identifier.
pub fn list(tx: &mut Tx<'_>, account: &AccountId, org: Option<&str>) -> Result<Vec<Project>> {
    let key = params![account.as_str(), org.unwrap_or("")];
    tx.query(LIST, key, stored)?.into_iter().map(Stored::read).collect()
}

/// Inserts it in the scope's organization; `false` when the identifier is taken.
pub fn insert(tx: &mut Tx<'_>, scope: &Scope, fields: &NewProject, now: Timestamp) -> Result<bool> {
    let (modules, tags) = lists(fields)?;
    let row = params![
        scope.account.as_str(),
        scope.org_column(),
        &fields.identifier,
        &fields.name,
        &fields.color,
        &fields.description,
        &modules,
        &tags,
        now.micros()
    ];
    Ok(tx.exec(INSERT, row)? == 1)
}

/// Writes all but the identifier over the given version; `false` when another version is stored by now.
pub fn update(
    tx: &mut Tx<'_>,
    scope: &Scope,
    version: i64,
    fields: &NewProject,
    now: Timestamp,
) -> Result<bool> {
    let (modules, tags) = lists(fields)?;
    let row = params![
        scope.account.as_str(),
        scope.org_column(),
        &fields.identifier,
        version,
        &fields.name,
        &fields.color,
        &fields.description,
        &modules,
        &tags,
        now.micros()
    ];
    Ok(tx.exec(UPDATE, row)? == 1)
}

/// Removes the project; what lives in it goes by `accounts::store::remove_below`.
pub fn delete(tx: &mut Tx<'_>, scope: &Scope) -> Result<()> {
    let key = params![scope.account.as_str(), scope.org_column(), scope.project_column()];
    Ok(tx.put(DELETE, key)?)
}
