//! SQL of API keys.

use std::collections::HashMap;

use db::{Row, Tx, params};

use super::Owner;
use crate::kernel::problem::Problem;
use crate::kernel::text::{Tags, fold, tags_of, tags_text};
use crate::kernel::time::Timestamp;
use crate::kernel::version::Tag;

const INSERT: &str = "INSERT INTO api_keys (account_id, org_id, project_id, kind, parent_id, \
    identifier_key, identifier, name, description, tags, default_ttl_ms, created_at, updated_at) VALUES \
    ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $12) ON CONFLICT DO NOTHING";
const FIND: &str = "SELECT identifier, name, description, tags, default_ttl_ms, created_at, updated_at, \
    version FROM api_keys WHERE account_id = $1 AND org_id = $2 AND project_id = $3 AND kind = $4 \
    AND parent_id = $5 AND identifier_key = $6";
const LIST: &str = "SELECT identifier, name, description, tags, default_ttl_ms, created_at, updated_at, \
    version FROM api_keys WHERE account_id = $1 AND org_id = $2 AND project_id = $3 AND kind = $4 \
    AND parent_id = $5 ORDER BY identifier_key";
const COUNT: &str = "SELECT COUNT(*) FROM api_keys WHERE account_id = $1 AND org_id = $2 AND project_id = \
    $3 AND kind = $4 AND parent_id = $5";
const UPDATE: &str = "UPDATE api_keys SET name = $7, description = $8, tags = $9, default_ttl_ms = $10, \
    updated_at = $11, version = version + 1 WHERE account_id = $1 AND org_id = $2 AND project_id = $3 \
    AND kind = $4 AND parent_id = $5 AND identifier_key = $6";
const DELETE: &str = "DELETE FROM api_keys WHERE account_id = $1 AND org_id = $2 AND project_id = $3 AND \
    kind = $4 AND parent_id = $5 AND identifier_key = $6";
const DELETE_TOKENS: &str = "DELETE FROM tokens WHERE account_id = $1 AND org_id = $2 AND project_id = $3 \
    AND kind = $4 AND parent_id = $5 AND api_key_id = $6";
const TOKEN_COUNTS: &str = "SELECT api_key_id, COUNT(*) FROM tokens WHERE account_id = $1 AND org_id = $2 \
    AND project_id = $3 AND kind = $4 AND parent_id = $5 GROUP BY api_key_id";

/// The part of an API key that its creator chooses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRow {
    /// Unique among the owner's keys, case aside.
    pub identifier: String,
    /// For people.
    pub name: String,
    /// For people.
    pub description: Option<String>,
    /// Free labels.
    pub tags: Tags,
    /// How long a token lives when its creator does not say, milliseconds.
    pub default_ttl_ms: i64,
}

/// An API key as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// Whose it is.
    pub owner: Owner,
    /// What its creator chose.
    pub row: KeyRow,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// From 1, one more with each change.
    pub version: i64,
}

impl Key {
    /// Of what is stored of itself; its tokens have their own.
    pub fn tag(&self) -> Tag {
        Tag { created_at: self.created_at, version: self.version }
    }
}

type Raw = (KeyRow, String, i64, i64, i64);

fn raw(row: &Row<'_>) -> Result<Raw, db::Error> {
    let key = KeyRow {
        identifier: row.get(0)?,
        name: row.get(1)?,
        description: row.get(2)?,
        tags: Tags::new(),
        default_ttl_ms: row.get(4)?,
    };
    Ok((key, row.get(3)?, row.get(5)?, row.get(6)?, row.get(7)?))
}

fn build(owner: &Owner, (row, tags, created, updated, version): Raw) -> Result<Key, Problem> {
    Ok(Key {
        owner: owner.clone(),
        row: KeyRow { tags: tags_of(&tags)?, ..row },
        created_at: Timestamp::from_micros(created),
        updated_at: Timestamp::from_micros(updated),
        version,
    })
}

/// Inserts a key; `false` when its identifier is taken.
pub fn insert_key(tx: &mut Tx<'_>, owner: &Owner, key: &KeyRow, now: Timestamp) -> Result<bool, Problem> {
    let (at, tags) = (&owner.scope, tags_text(&key.tags)?);
    let rows = tx.exec(
        INSERT,
        params![
            at.account.as_str(),
            at.org_column(),
            at.project_column(),
            owner.kind.as_str(),
            &owner.id,
            &*fold(&key.identifier),
            &key.identifier,
            &key.name,
            &key.description,
            &tags,
            key.default_ttl_ms,
            now.micros()
        ],
    )?;
    Ok(rows == 1)
}

/// The owner's key of that identifier, case aside.
pub fn find_key(tx: &mut Tx<'_>, owner: &Owner, identifier: &str) -> Result<Option<Key>, Problem> {
    let (at, folded) = (&owner.scope, fold(identifier));
    let (org, project) = (at.org_column(), at.project_column());
    let key = params![at.account.as_str(), org, project, owner.kind.as_str(), &owner.id, &*folded];
    tx.query_opt(FIND, key, raw)?.map(|found| build(owner, found)).transpose()
}

/// All keys of the owner, by identifier.
pub fn list_keys(tx: &mut Tx<'_>, owner: &Owner) -> Result<Vec<Key>, Problem> {
    let at = &owner.scope;
    let (org, project) = (at.org_column(), at.project_column());
    let key = params![at.account.as_str(), org, project, owner.kind.as_str(), &owner.id];
    tx.query(LIST, key, raw)?.into_iter().map(|found| build(owner, found)).collect()
}

/// Number of the owner's keys.
pub fn count_keys(tx: &mut Tx<'_>, owner: &Owner) -> Result<i64, Problem> {
    let at = &owner.scope;
    let (org, project) = (at.org_column(), at.project_column());
    let key = params![at.account.as_str(), org, project, owner.kind.as_str(), &owner.id];
    Ok(tx.query_one(COUNT, key, |row| row.get(0))?)
}

/// Changes all of the key but its identifier.
pub fn update_key(tx: &mut Tx<'_>, owner: &Owner, key: &KeyRow, now: Timestamp) -> Result<(), Problem> {
    let (at, tags) = (&owner.scope, tags_text(&key.tags)?);
    tx.put(
        UPDATE,
        params![
            at.account.as_str(),
            at.org_column(),
            at.project_column(),
            owner.kind.as_str(),
            &owner.id,
            &*fold(&key.identifier),
            &key.name,
            &key.description,
            &tags,
            key.default_ttl_ms,
            now.micros()
        ],
    )?;
    Ok(())
}

/// Deletes the key and its tokens; answers how many tokens went.
pub fn delete_key(tx: &mut Tx<'_>, key: &Key) -> Result<u64, Problem> {
    let (owner, at) = (&key.owner, &key.owner.scope);
    let (account, org, project, kind) =
        (at.account.as_str(), at.org_column(), at.project_column(), owner.kind.as_str());
    let folded = fold(&key.row.identifier);
    tx.put(DELETE, params![account, org, project, kind, &owner.id, &*folded])?;
    Ok(tx.exec(DELETE_TOKENS, params![account, org, project, kind, &owner.id, &key.row.identifier])?)
}

/// Number of tokens by key, for those of the owner's keys that have any.
pub fn token_counts(tx: &mut Tx<'_>, owner: &Owner) -> Result<HashMap<String, i64>, Problem> {
    let at = &owner.scope;
    let (org, project) = (at.org_column(), at.project_column());
    let key = params![at.account.as_str(), org, project, owner.kind.as_str(), &owner.id];
    Ok(tx.query(TOKEN_COUNTS, key, |row| Ok((row.get(0)?, row.get(1)?)))?.into_iter().collect())
}
