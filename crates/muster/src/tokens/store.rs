//! SQL of API keys and tokens.

use db::{Tx, params};

use super::secret::Kind;
use crate::kernel::ids::TokenId;
use crate::kernel::problem::Problem;
use crate::kernel::scope::Scope;
use crate::kernel::text::Tags;
use crate::kernel::time::Timestamp;

const INSERT_KEY: &str = "INSERT INTO api_keys (account_id, org_id, project_id, kind, parent_id, identifier_key, identifier, \
    name, description, tags, default_ttl_ms, created_at, updated_at) \
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $12) ON CONFLICT DO NOTHING";
const INSERT_TOKEN: &str = "INSERT INTO tokens (account_id, token_id, org_id, project_id, kind, parent_id, api_key_id, \
    identifier_key, identifier, name, description, tags, secret_sha256, valid_from, valid_to, created_at, \
    updated_at) \
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $16) ON CONFLICT DO NOTHING";

/// Whose keys: a user's (scope is the account) or a service account's (scope is where it lives).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// Where the owner lives.
    pub scope: Scope,
    /// User or service account.
    pub kind: Kind,
    /// User id or service account identifier.
    pub id: String,
}

/// An API key as stored.
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

/// A token as stored, without the parts that change later.
#[derive(Clone, Debug)]
pub struct TokenRow {
    /// Third part of the text.
    pub id: TokenId,
    /// The key it belongs to.
    pub api_key: String,
    /// Unique among the key's tokens, case aside.
    pub identifier: String,
    /// For people.
    pub name: String,
    /// For people.
    pub description: Option<String>,
    /// Free labels.
    pub tags: Tags,
    /// SHA-256 of the secret.
    pub sha256: [u8; 32],
    /// Holds from then …
    pub valid_from: Timestamp,
    /// … to then; `None`: never ends (only where the account allows it).
    pub valid_to: Option<Timestamp>,
}

fn tags_text(tags: &Tags) -> Result<String, Problem> {
    serde_json::to_string(tags).map_err(|error| Problem::internal(format!("cannot write tags: {error}")))
}

/// Inserts a key; `false` when its identifier is taken.
pub fn insert_key(tx: &mut Tx<'_>, owner: &Owner, key: &KeyRow, now: Timestamp) -> Result<bool, Problem> {
    let at = &owner.scope;
    let rows = tx.exec(
        INSERT_KEY,
        params![
            at.account.as_str(),
            at.org_column(),
            at.project_column(),
            owner.kind.as_str(),
            &owner.id,
            &*crate::kernel::text::fold(&key.identifier),
            &key.identifier,
            &key.name,
            key.description.as_deref(),
            &tags_text(&key.tags)?,
            key.default_ttl_ms,
            now.micros()
        ],
    )?;
    Ok(rows == 1)
}

/// Inserts a token; `false` when its identifier is taken.
pub fn insert_token(
    tx: &mut Tx<'_>,
    owner: &Owner,
    token: &TokenRow,
    now: Timestamp,
) -> Result<bool, Problem> {
    let at = &owner.scope;
    let rows = tx.exec(
        INSERT_TOKEN,
        params![
            at.account.as_str(),
            token.id.as_str(),
            at.org_column(),
            at.project_column(),
            owner.kind.as_str(),
            &owner.id,
            &token.api_key,
            &*crate::kernel::text::fold(&token.identifier),
            &token.identifier,
            &token.name,
            token.description.as_deref(),
            &tags_text(&token.tags)?,
            &token.sha256[..],
            token.valid_from.micros(),
            token.valid_to.map(Timestamp::micros),
            now.micros()
        ],
    )?;
    Ok(rows == 1)
}
