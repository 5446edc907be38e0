//! SQL of service accounts, and of what hangs on them when they go.

use std::collections::HashMap;

use db::{Row, Tx, params};

use super::model::{Change, NamedScope, NewServiceAccount, Reach, ServiceAccount};
use crate::kernel::caller::PrincipalKind;
use crate::kernel::ids::AccountId;
use crate::kernel::problem::Problem;
use crate::kernel::scope::Scope;
use crate::kernel::text::{tags_of, tags_text};
use crate::kernel::time::Timestamp;
use crate::tokens::model::Removed;

const INSERT: &str = "INSERT INTO service_accounts (account_id, org_id, project_id, identifier, name, \
    email, description, tags, version, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 1, \
    $9, $9) ON CONFLICT DO NOTHING";
const FIND: &str = "SELECT org_id, project_id, identifier, name, email, description, tags, created_at, \
    updated_at, version FROM service_accounts WHERE account_id = $1 AND org_id = $2 AND project_id = $3 \
    AND identifier = $4";
const LIST_HERE: &str = "SELECT org_id, project_id, identifier, name, email, description, tags, created_at, \
    updated_at, version FROM service_accounts WHERE account_id = $1 AND org_id = $2 AND project_id = $3 \
    ORDER BY identifier";
const LIST_INHERITED: &str = "SELECT org_id, project_id, identifier, name, email, description, tags, \
    created_at, updated_at, version FROM service_accounts WHERE account_id = $1 AND (org_id = '' OR \
    org_id = $2) AND (project_id = '' OR project_id = $3) ORDER BY org_id, project_id, identifier";
const LIST_CHILDREN: &str = "SELECT org_id, project_id, identifier, name, email, description, tags, \
    created_at, updated_at, version FROM service_accounts WHERE account_id = $1 AND ($2 = '' OR \
    org_id = $2) AND ($3 = '' OR project_id = $3) ORDER BY org_id, project_id, identifier";
const UPDATE: &str = "UPDATE service_accounts SET name = $5, description = $6, tags = $7, updated_at = $8, \
    version = version + 1 WHERE account_id = $1 AND org_id = $2 AND project_id = $3 AND identifier = $4";
const DELETE: &str = "DELETE FROM service_accounts WHERE account_id = $1 AND org_id = $2 AND project_id = \
    $3 AND identifier = $4";
const DELETE_KEYS: &str = "DELETE FROM api_keys WHERE account_id = $1 AND org_id = $2 AND project_id = $3 \
    AND kind = $4 AND parent_id = $5";
const DELETE_TOKENS: &str = "DELETE FROM tokens WHERE account_id = $1 AND org_id = $2 AND project_id = $3 \
    AND kind = $4 AND parent_id = $5";
const COUNT_KEYS: &str = "SELECT org_id, project_id, parent_id, COUNT(*) FROM api_keys WHERE account_id = \
    $1 AND kind = $2 GROUP BY org_id, project_id, parent_id";
const COUNT_KEYS_OF: &str = "SELECT COUNT(*) FROM api_keys WHERE account_id = $1 AND org_id = $2 AND \
    project_id = $3 AND kind = $4 AND parent_id = $5";
const BOUND_SCOPES: &str = "SELECT DISTINCT a.org_id, a.project_id, o.name, p.name FROM role_assignments a \
    LEFT JOIN organizations o ON o.account_id = a.account_id AND o.identifier = a.org_id LEFT JOIN \
    projects p ON p.account_id = a.account_id AND p.org_id = a.org_id AND p.identifier = a.project_id \
    WHERE a.account_id = $1 AND ($2 = '' OR a.org_id = $2) AND ($3 = '' OR a.project_id = $3) AND \
    a.principal_kind = $4 AND a.principal_id = $5 AND a.principal_level = $6 ORDER BY a.org_id, \
    a.project_id";

/// `apiKeyType` of service accounts, as the key and token tables spell it.
const KEY_KIND: &str = "SERVICE_ACCOUNT";

struct Raw {
    org: String,
    project: String,
    tags: String,
    rest: (String, String, String, Option<String>, i64, i64),
    version: i64,
}

fn raw(row: &Row<'_>) -> Result<Raw, db::Error> {
    Ok(Raw {
        org: row.get(0)?,
        project: row.get(1)?,
        tags: row.get(6)?,
        rest: (row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?, row.get(7)?, row.get(8)?),
        version: row.get(9)?,
    })
}

fn build(account: &AccountId, raw: Raw) -> Result<ServiceAccount, Problem> {
    let (identifier, name, email, description, created, updated) = raw.rest;
    Ok(ServiceAccount {
        scope: Scope::of(account.clone(), Some(&raw.org), Some(&raw.project))?,
        identifier,
        name,
        email,
        description,
        tags: tags_of(&raw.tags)?,
        created_at: Timestamp::from_micros(created),
        updated_at: Timestamp::from_micros(updated),
        version: raw.version,
    })
}

/// Inserts; `false` when the identifier is taken in the scope.
pub fn insert(tx: &mut Tx<'_>, at: &Scope, new: &NewServiceAccount, now: Timestamp) -> Result<bool, Problem> {
    let tags = tags_text(&new.tags)?;
    let rows = tx.exec(
        INSERT,
        params![
            at.account.as_str(),
            at.org_column(),
            at.project_column(),
            &new.identifier,
            &new.name,
            &new.email,
            &new.description,
            &tags,
            now.micros()
        ],
    )?;
    Ok(rows == 1)
}

/// The service account of that identifier in exactly that scope.
pub fn find(tx: &mut Tx<'_>, at: &Scope, identifier: &str) -> Result<Option<ServiceAccount>, Problem> {
    let key = params![at.account.as_str(), at.org_column(), at.project_column(), identifier];
    tx.query_opt(FIND, key, raw)?.map(|found| build(&at.account, found)).transpose()
}

/// Those of the scope and of the scopes that `reach` adds.
pub fn list(tx: &mut Tx<'_>, at: &Scope, reach: Reach) -> Result<Vec<ServiceAccount>, Problem> {
    let sql = match reach {
        Reach::Here => LIST_HERE,
        Reach::Inherited => LIST_INHERITED,
        Reach::Children => LIST_CHILDREN,
    };
    let rows = tx.query(sql, params![at.account.as_str(), at.org_column(), at.project_column()], raw)?;
    rows.into_iter().map(|row| build(&at.account, row)).collect()
}

/// Changes name, description and tags.
pub fn update(
    tx: &mut Tx<'_>,
    at: &Scope,
    identifier: &str,
    change: &Change,
    now: Timestamp,
) -> Result<(), Problem> {
    let tags = tags_text(&change.tags)?;
    tx.put(
        UPDATE,
        params![
            at.account.as_str(),
            at.org_column(),
            at.project_column(),
            identifier,
            &change.name,
            &change.description,
            &tags,
            now.micros()
        ],
    )?;
    Ok(())
}

/// Deletes the service account with its keys and tokens; `None` when there is none.
pub fn delete(tx: &mut Tx<'_>, at: &Scope, identifier: &str) -> Result<Option<Removed>, Problem> {
    let (account, org, project) = (at.account.as_str(), at.org_column(), at.project_column());
    if tx.exec(DELETE, params![account, org, project, identifier])? == 0 {
        return Ok(None);
    }
    Ok(Some(Removed {
        keys: tx.exec(DELETE_KEYS, params![account, org, project, KEY_KIND, identifier])?,
        tokens: tx.exec(DELETE_TOKENS, params![account, org, project, KEY_KIND, identifier])?,
    }))
}

/// Number of API keys by (scope, identifier), for those that have any.
pub fn key_counts(tx: &mut Tx<'_>, account: &AccountId) -> Result<HashMap<(Scope, String), i64>, Problem> {
    let rows = tx.query(COUNT_KEYS, params![account.as_str(), KEY_KIND], |row| {
        Ok((row.get::<String>(0)?, row.get::<String>(1)?, row.get::<String>(2)?, row.get::<i64>(3)?))
    })?;
    let mut counts = HashMap::with_capacity(rows.len());
    for (org, project, identifier, count) in rows {
        counts.insert((Scope::of(account.clone(), Some(&org), Some(&project))?, identifier), count);
    }
    Ok(counts)
}

/// Number of API keys of one service account.
pub fn count_keys(tx: &mut Tx<'_>, at: &Scope, identifier: &str) -> Result<i64, Problem> {
    let key = params![at.account.as_str(), at.org_column(), at.project_column(), KEY_KIND, identifier];
    Ok(tx.query_one(COUNT_KEYS_OF, key, |row| row.get(0))?)
}

/// The scopes in which a service account that lives at `at` is bound.
pub fn bound_scopes(tx: &mut Tx<'_>, at: &Scope, identifier: &str) -> Result<Vec<NamedScope>, Problem> {
    let (account, kind) = (at.account.as_str(), PrincipalKind::ServiceAccount.as_str());
    let key = params![account, at.org_column(), at.project_column(), kind, identifier, at.level().lower()];
    let rows = tx.query(BOUND_SCOPES, key, |row| {
        Ok((row.get::<String>(0)?, row.get::<String>(1)?, row.get(2)?, row.get(3)?))
    })?;
    rows.into_iter()
        .map(|(org, project, org_name, project_name)| {
            let scope = Scope::of(at.account.clone(), Some(&org), Some(&project))?;
            Ok(NamedScope { scope, org_name, project_name })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plans::{goes_through, plan};

    #[test]
    fn the_keys_of_one_are_counted_without_going_through_the_account() {
        let steps = plan(COUNT_KEYS_OF);
        assert!(!steps.iter().any(|step| goes_through(step)), "{steps:#?}");
        assert!(plan(COUNT_KEYS).iter().any(|step| goes_through(step)), "those of all are");
    }
}
