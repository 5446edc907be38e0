//! SQL of resource groups.

use std::collections::HashSet;
use std::ops::ControlFlow;

use db::sql::{IDS_AT_ONCE, Sql};
use db::{Row, Tx, params};

use super::model::{Line, NewResourceGroup, ResourceGroup};
use crate::access::stored;
use crate::kernel::problem::Problem;
use crate::kernel::scope::Scope;
use crate::kernel::time::Timestamp;
use crate::kernel::version::Tag;

const INSERT: &str = "INSERT INTO resource_groups (account_id, org_id, project_id, identifier, name, color, description, \
    tags, included_scopes, resource_filter, version, created_at, updated_at) \
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 1, $11, $11) ON CONFLICT DO NOTHING";
const FIND: &str = "SELECT identifier, name, color, description, tags, included_scopes, resource_filter, created_at, \
    updated_at, version FROM resource_groups \
    WHERE account_id = $1 AND org_id = $2 AND project_id = $3 AND identifier = $4";
const LIST: &str = "SELECT identifier, name, color, description, tags, included_scopes, resource_filter, created_at, \
    updated_at, version FROM resource_groups WHERE account_id = $1 AND org_id = $2 AND project_id = $3";
const LINES: &str = "SELECT identifier, name, tags, created_at, updated_at FROM resource_groups \
    WHERE account_id = $1 AND org_id = $2 AND project_id = $3";
const UPDATE: &str = "UPDATE resource_groups SET name = $5, color = $6, description = $7, tags = $8, \
    included_scopes = $9, resource_filter = $10, version = version + 1, updated_at = $11 \
    WHERE account_id = $1 AND org_id = $2 AND project_id = $3 AND identifier = $4";
const DELETE: &str = "DELETE FROM resource_groups \
    WHERE account_id = $1 AND org_id = $2 AND project_id = $3 AND identifier = $4";

/// (resource type, statement that finds those of a list of ids that are in the scope).
const KNOWN: &[(&str, &str)] = &[
    ("USER", "SELECT user_id FROM users WHERE account_id = $1 AND $2 = $2 AND $3 = $3 AND user_id IN ("),
    (
        "USERGROUP",
        "SELECT identifier FROM user_groups \
        WHERE account_id = $1 AND org_id = $2 AND project_id = $3 AND identifier IN (",
    ),
    (
        "SERVICEACCOUNT",
        "SELECT identifier FROM service_accounts \
        WHERE account_id = $1 AND org_id = $2 AND project_id = $3 AND identifier IN (",
    ),
    (
        "ROLE",
        "SELECT identifier FROM roles \
        WHERE account_id = $1 AND org_id = $2 AND project_id = $3 AND identifier IN (",
    ),
    (
        "RESOURCEGROUP",
        "SELECT identifier FROM resource_groups \
        WHERE account_id = $1 AND org_id = $2 AND project_id = $3 AND identifier IN (",
    ),
    (
        "ORGANIZATION",
        "SELECT identifier FROM organizations \
        WHERE account_id = $1 AND $2 IN ('', identifier) AND $3 = '' AND identifier IN (",
    ),
    (
        "PROJECT",
        "SELECT identifier FROM projects \
        WHERE account_id = $1 AND org_id = $2 AND $3 IN ('', identifier) AND identifier IN (",
    ),
    (
        "ACCOUNT",
        "SELECT account_id FROM accounts WHERE account_id = $1 AND $2 = '' AND $3 = '' AND account_id IN (",
    ),
];

struct Stored {
    texts: [String; 6],
    description: Option<String>,
    times: (i64, i64),
    version: i64,
}

fn columns(row: &Row<'_>) -> Result<Stored, db::Error> {
    Ok(Stored {
        texts: [row.get(0)?, row.get(1)?, row.get(2)?, row.get(4)?, row.get(5)?, row.get(6)?],
        description: row.get(3)?,
        times: (row.get(7)?, row.get(8)?),
        version: row.get(9)?,
    })
}

impl Stored {
    fn group(self, scope: &Scope) -> Result<ResourceGroup, Problem> {
        let [identifier, name, color, tags, included, filter] = self.texts;
        let (created_at, updated_at) =
            (Timestamp::from_micros(self.times.0), Timestamp::from_micros(self.times.1));
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
            times: Some((created_at, updated_at)),
            tag: Tag { created_at, version: self.version },
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

/// Hands the line of each custom group of the scope to `take`.
pub fn lines(tx: &mut Tx<'_>, scope: &Scope, mut take: impl FnMut(Line)) -> Result<(), Problem> {
    let key = params![scope.account.as_str(), scope.org_column(), scope.project_column()];
    let mut damaged = None;
    tx.each(LINES, key, |row| {
        let times = (Timestamp::from_micros(row.get(3)?), Timestamp::from_micros(row.get(4)?));
        match stored::read(&row.get::<String>(2)?) {
            Ok(tags) => {
                take(Line { identifier: row.get(0)?, name: row.get(1)?, tags, times: Some(times) });
                Ok(ControlFlow::Continue(()))
            }
            Err(problem) => {
                damaged = Some(problem);
                Ok(ControlFlow::Break(()))
            }
        }
    })?;
    damaged.map_or(Ok(()), Err)
}

/// The custom groups with these identifiers, one after the other to `take`, until that fails.
pub fn some(
    tx: &mut Tx<'_>,
    scope: &Scope,
    ids: &[&str],
    mut take: impl FnMut(ResourceGroup) -> Result<(), Problem>,
) -> Result<(), Problem> {
    for ids in ids.chunks(IDS_AT_ONCE) {
        let mut sql = Sql::new(LIST);
        sql.hold(scope.account.as_str());
        sql.hold(scope.org_column());
        sql.hold(scope.project_column());
        sql.push(" AND identifier IN (").bind_ids(ids).push(")");
        let mut done = Ok(());
        tx.each(sql.text(), &sql.params(), |row| {
            done = columns(row)?.group(scope).and_then(&mut take);
            Ok(if done.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
        })?;
        done?;
    }
    Ok(())
}

/// Those custom groups of the scope that may name a resource, organization or project of that identifier.
pub fn naming(tx: &mut Tx<'_>, scope: &Scope, id: &str) -> Result<Vec<ResourceGroup>, Problem> {
    let mut sql = Sql::new(LIST);
    sql.hold(scope.account.as_str());
    sql.hold(scope.org_column());
    sql.hold(scope.project_column());
    let text = sql.hold(format!("%\"{id}\"%"));
    sql.push(" AND (resource_filter LIKE ").reuse(text);
    sql.push(" OR included_scopes LIKE ").reuse(text).push(")");
    tx.query(sql.text(), &sql.params(), columns)?.into_iter().map(|row| row.group(scope)).collect()
}

/// Removes the group.
pub fn delete(tx: &mut Tx<'_>, scope: &Scope, id: &str) -> Result<(), Problem> {
    Ok(tx.put(DELETE, params![scope.account.as_str(), scope.org_column(), scope.project_column(), id])?)
}

/// Those of `ids` that are resources of that type in the scope. Types whose things have no ids have none.
pub fn known(
    tx: &mut Tx<'_>,
    scope: &Scope,
    resource_type: &str,
    ids: &[&str],
) -> Result<HashSet<String>, Problem> {
    let mut found = HashSet::new();
    let Some((_, select)) = KNOWN.iter().find(|(name, _)| *name == resource_type) else { return Ok(found) };
    for ids in ids.chunks(IDS_AT_ONCE) {
        let mut sql = Sql::new(*select);
        sql.hold(scope.account.as_str());
        sql.hold(scope.org_column());
        sql.hold(scope.project_column());
        sql.bind_ids(ids).push(")");
        found.extend(tx.query(sql.text(), &sql.params(), |row| row.get::<String>(0))?);
    }
    Ok(found)
}
