//! SQL of tokens. The secret's hash is written here and read by `tokens::verify` only.

use std::ops::ControlFlow;

use db::sql::Sql;
use db::{Row, Tx, params};

use super::{Key, Owner};
use crate::kernel::ids::{AccountId, TokenId};
use crate::kernel::problem::Problem;
use crate::kernel::scope::Scope;
use crate::kernel::surface::Surface;
use crate::kernel::text::{Tags, fold, tags_of, tags_text};
use crate::kernel::time::Timestamp;
use crate::kernel::version::Tag;
use crate::tokens::secret::Kind;

const INSERT: &str = "INSERT INTO tokens (account_id, token_id, org_id, project_id, kind, parent_id, \
    api_key_id, identifier_key, identifier, name, description, tags, secret_sha256, valid_from, valid_to, \
    surfaces, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, \
    $15, $16, $17, $17) ON CONFLICT DO NOTHING";
const FIND: &str = "SELECT token_id, org_id, project_id, kind, parent_id, api_key_id, identifier, name, \
    description, tags, valid_from, valid_to, scheduled_expire_at, last_used_at, last_used_from, \
    created_at, updated_at, surfaces, version FROM tokens WHERE account_id = $1 AND org_id = $2 \
    AND project_id = $3 AND kind = $4 AND parent_id = $5 AND api_key_id = $6 AND identifier_key = $7";
const FIND_BY_ID: &str = "SELECT token_id, org_id, project_id, kind, parent_id, api_key_id, identifier, \
    name, description, tags, valid_from, valid_to, scheduled_expire_at, last_used_at, last_used_from, \
    created_at, updated_at, surfaces, version FROM tokens WHERE account_id = $1 AND token_id = $2";
const LIST: &str = "SELECT token_id, org_id, project_id, kind, parent_id, api_key_id, identifier, name, \
    description, tags, valid_from, valid_to, scheduled_expire_at, last_used_at, last_used_from, \
    created_at, updated_at, surfaces, version FROM tokens WHERE account_id = ";
const COUNT: &str = "SELECT COUNT(*) FROM tokens WHERE account_id = $1 AND org_id = $2 AND project_id = $3 \
    AND kind = $4 AND parent_id = $5 AND api_key_id = $6 AND (scheduled_expire_at IS NOT NULL) = $7";
const UPDATE: &str = "UPDATE tokens SET name = $3, description = $4, tags = $5, valid_from = $6, valid_to = \
    $7, updated_at = $8, version = version + 1 WHERE account_id = $1 AND token_id = $2";
const RETIRE: &str = "UPDATE tokens SET identifier = $3, identifier_key = $4, scheduled_expire_at = $5, \
    updated_at = $6, version = version + 1 WHERE account_id = $1 AND token_id = $2";
const DELETE: &str = "DELETE FROM tokens WHERE account_id = $1 AND token_id = $2";
/// An older note than the stored one, from a replica that is slow to write, changes nothing.
const TOUCH: &str = "UPDATE tokens SET last_used_at = $3, last_used_from = $4 WHERE account_id = $1 AND \
    token_id = $2 AND (last_used_at IS NULL OR last_used_at < $3)";
const PURGE_KEY: &str = "DELETE FROM tokens WHERE account_id = $1 AND org_id = $2 AND project_id = $3 AND \
    kind = $4 AND parent_id = $5 AND api_key_id = $6 AND COALESCE(scheduled_expire_at, valid_to) <= $7";
const PURGE: &str =
    "DELETE FROM tokens WHERE account_id = $1 AND COALESCE(scheduled_expire_at, valid_to) <= $2";
/// The one statement over all accounts: the purge's list of where there is something to do.
const ACCOUNTS_WITH_EXPIRED: &str =
    "SELECT DISTINCT account_id FROM tokens WHERE COALESCE(scheduled_expire_at, valid_to) <= $1";

/// A token as it is made.
#[derive(Clone, Debug)]
pub struct TokenRow {
    /// Third part of the text.
    pub id: TokenId,
    /// The key it belongs to, spelled as the key's row has it.
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
    /// Where it may be presented, in the wire's order; never changes.
    pub surfaces: Vec<Surface>,
}

/// A token as stored, without its hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// Third part of the text.
    pub id: TokenId,
    /// Whose it is.
    pub owner: Owner,
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
    /// Holds from then …
    pub valid_from: Timestamp,
    /// … to then; `None`: never ends.
    pub valid_to: Option<Timestamp>,
    /// Where it may be presented, in the wire's order; never changes.
    pub surfaces: Vec<Surface>,
    /// Set once it was rotated: the earlier end of the old secret.
    pub scheduled_expire_at: Option<Timestamp>,
    /// When it last proved somebody, to the minute.
    pub last_used_at: Option<Timestamp>,
    /// From which address.
    pub last_used_from: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// From 1, one more with each change; its use is none.
    pub version: i64,
}

impl Token {
    /// Of what is stored.
    pub fn tag(&self) -> Tag {
        Tag { created_at: self.created_at, version: self.version }
    }

    /// When it stops to hold; `None`: never.
    pub fn ends(&self) -> Option<Timestamp> {
        self.scheduled_expire_at.or(self.valid_to)
    }

    /// Does it hold now, as far as its times go?
    pub fn holds(&self, now: Timestamp) -> bool {
        self.valid_from <= now && self.ends().is_none_or(|end| now < end)
    }
}

struct Raw {
    token: Token,
    place: (String, String, String, String),
    tags: String,
}

fn raw(account: &AccountId, row: &Row<'_>) -> Result<Raw, db::Error> {
    let time = |at: usize| row.get::<i64>(at).map(Timestamp::from_micros);
    let maybe = |at: usize| Ok::<_, db::Error>(row.get::<Option<i64>>(at)?.map(Timestamp::from_micros));
    let nobody = Owner { scope: Scope::account(account.clone()), kind: Kind::User, id: String::new() };
    Ok(Raw {
        place: (row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?),
        tags: row.get(9)?,
        token: Token {
            id: TokenId::new(row.get::<String>(0)?),
            owner: nobody,
            api_key: row.get(5)?,
            identifier: row.get(6)?,
            name: row.get(7)?,
            description: row.get(8)?,
            tags: Tags::new(),
            valid_from: time(10)?,
            valid_to: maybe(11)?,
            scheduled_expire_at: maybe(12)?,
            last_used_at: maybe(13)?,
            last_used_from: row.get(14)?,
            created_at: time(15)?,
            updated_at: time(16)?,
            surfaces: Surface::of_stored(&row.get::<String>(17)?),
            version: row.get(18)?,
        },
    })
}

fn build(account: &AccountId, raw: Raw) -> Result<Token, Problem> {
    let (org, project, kind, parent) = raw.place;
    let owner = Owner::stored(account, &org, &project, &kind, parent)?;
    Ok(Token { owner, tags: tags_of(&raw.tags)?, ..raw.token })
}

/// Inserts a token; `false` when its identifier is taken.
pub fn insert_token(
    tx: &mut Tx<'_>,
    owner: &Owner,
    token: &TokenRow,
    now: Timestamp,
) -> Result<bool, Problem> {
    let (at, tags) = (&owner.scope, tags_text(&token.tags)?);
    let rows = tx.exec(
        INSERT,
        params![
            at.account.as_str(),
            token.id.as_str(),
            at.org_column(),
            at.project_column(),
            owner.kind.as_str(),
            &owner.id,
            &token.api_key,
            &*fold(&token.identifier),
            &token.identifier,
            &token.name,
            &token.description,
            &tags,
            &token.sha256,
            token.valid_from.micros(),
            token.valid_to.map(Timestamp::micros),
            &Surface::stored(&token.surfaces),
            now.micros()
        ],
    )?;
    Ok(rows == 1)
}

/// The key's token of that identifier, case aside.
pub fn find_token(tx: &mut Tx<'_>, key: &Key, identifier: &str) -> Result<Option<Token>, Problem> {
    let (owner, at) = (&key.owner, &key.owner.scope);
    let (org, project, kind) = (at.org_column(), at.project_column(), owner.kind.as_str());
    let folded = fold(identifier);
    let place = params![at.account.as_str(), org, project, kind, &owner.id, &key.row.identifier, &*folded];
    let found = tx.query_opt(FIND, place, |row| raw(&at.account, row))?;
    found.map(|found| build(&at.account, found)).transpose()
}

/// The token of that record id.
pub fn find_token_by_id(
    tx: &mut Tx<'_>,
    account: &AccountId,
    id: &TokenId,
) -> Result<Option<Token>, Problem> {
    let found = tx.query_opt(FIND_BY_ID, params![account.as_str(), id.as_str()], |row| raw(account, row))?;
    found.map(|found| build(account, found)).transpose()
}

/// Which tokens a list reads; of one scope and kind.
#[derive(Clone, Debug)]
pub struct Listing {
    /// Where the owners live.
    pub scope: Scope,
    /// Users' or service accounts'.
    pub kind: Kind,
    /// Of this owner only.
    pub parent: Option<String>,
    /// Of this key only, any case.
    pub api_key: Option<String>,
    /// Only those that hold at this time.
    pub active_at: Option<Timestamp>,
}

/// The tokens of a list for which `keep` says yes, the last changed first.
pub fn list_tokens(
    tx: &mut Tx<'_>,
    listing: &Listing,
    keep: impl Fn(&Token) -> bool,
) -> Result<Vec<Token>, Problem> {
    let at = &listing.scope;
    let mut sql = Sql::new(LIST);
    sql.bind(at.account.as_str());
    let equal = [
        (" AND org_id = ", Some(at.org_column())),
        (" AND project_id = ", Some(at.project_column())),
        (" AND kind = ", Some(listing.kind.as_str())),
        (" AND parent_id = ", listing.parent.as_deref()),
        (" AND api_key_id = ", listing.api_key.as_deref()),
    ];
    for (text, value) in equal {
        if let Some(value) = value {
            sql.push(text).bind(value);
        }
    }
    if let Some(now) = listing.active_at {
        sql.push(" AND valid_from <= ").bind(now.micros());
        sql.push(" AND (COALESCE(scheduled_expire_at, valid_to) IS NULL OR COALESCE(scheduled_expire_at, valid_to) > ");
        sql.bind(now.micros()).push(")");
    }
    sql.push(" ORDER BY updated_at DESC, token_id");
    let (mut kept, mut damage) = (Vec::new(), None);
    tx.each(sql.text(), &sql.params(), |row| match build(&at.account, raw(&at.account, row)?) {
        Ok(token) => {
            if keep(&token) {
                kept.push(token);
            }
            Ok(ControlFlow::Continue(()))
        }
        Err(problem) => {
            damage = Some(problem);
            Ok(ControlFlow::Break(()))
        }
    })?;
    damage.map_or(Ok(kept), Err)
}

/// Number of the key's tokens: the rotated ones, whose old secret still holds, or the others.
pub fn count_tokens(tx: &mut Tx<'_>, key: &Key, rotated: bool) -> Result<i64, Problem> {
    let (owner, at) = (&key.owner, &key.owner.scope);
    let (org, project, kind) = (at.org_column(), at.project_column(), owner.kind.as_str());
    let place = params![at.account.as_str(), org, project, kind, &owner.id, &key.row.identifier, rotated];
    Ok(tx.query_one(COUNT, place, |row| row.get(0))?)
}

/// Writes name, description, tags and times of the token.
pub fn update_token(tx: &mut Tx<'_>, token: &Token, now: Timestamp) -> Result<(), Problem> {
    let tags = tags_text(&token.tags)?;
    tx.put(
        UPDATE,
        params![
            token.owner.scope.account.as_str(),
            token.id.as_str(),
            &token.name,
            &token.description,
            &tags,
            token.valid_from.micros(),
            token.valid_to.map(Timestamp::micros),
            now.micros()
        ],
    )?;
    Ok(())
}

/// Gives the token another identifier and the time at which its secret stops to hold.
pub fn retire_token(
    tx: &mut Tx<'_>,
    token: &Token,
    identifier: &str,
    ends: Timestamp,
    now: Timestamp,
) -> Result<(), Problem> {
    let (account, folded) = (token.owner.scope.account.as_str(), fold(identifier));
    let place = params![account, token.id.as_str(), identifier, &*folded, ends.micros(), now.micros()];
    Ok(tx.put(RETIRE, place)?)
}

/// Deletes the token: it is refused from then on.
pub fn delete_token(tx: &mut Tx<'_>, account: &AccountId, id: &TokenId) -> Result<(), Problem> {
    Ok(tx.put(DELETE, params![account.as_str(), id.as_str()])?)
}

/// Notes the last use.
pub fn touch_token(
    tx: &mut Tx<'_>,
    account: &AccountId,
    id: &TokenId,
    at: Timestamp,
    from: Option<&str>,
) -> Result<(), Problem> {
    Ok(tx.put(TOUCH, params![account.as_str(), id.as_str(), at.micros(), from])?)
}

/// Removes the key's tokens that no longer hold, so that neither name nor place stays taken.
pub fn purge_expired_of_key(tx: &mut Tx<'_>, key: &Key, now: Timestamp) -> Result<(), Problem> {
    let (owner, at) = (&key.owner, &key.owner.scope);
    let (org, project, kind) = (at.org_column(), at.project_column(), owner.kind.as_str());
    let api_key = &key.row.identifier;
    tx.put(PURGE_KEY, params![at.account.as_str(), org, project, kind, &owner.id, api_key, now.micros()])?;
    Ok(())
}

/// Removes the account's tokens that no longer hold; answers how many.
pub fn purge_expired(tx: &mut Tx<'_>, account: &AccountId, now: Timestamp) -> Result<u64, Problem> {
    Ok(tx.exec(PURGE, params![account.as_str(), now.micros()])?)
}

/// The accounts that have tokens which no longer hold.
pub fn accounts_with_expired(tx: &mut Tx<'_>, now: Timestamp) -> Result<Vec<AccountId>, Problem> {
    let found = tx.query(ACCOUNTS_WITH_EXPIRED, params![now.micros()], |row| row.get::<String>(0))?;
    Ok(found.into_iter().map(AccountId::new).collect())
}
