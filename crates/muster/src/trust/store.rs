//! SQL of trusts, of the tokens that must not come twice, and of refusals.

use db::{Row, Tx, params};
use serde_json::Value;

use super::model::{Damaged, Found, Stored};
use super::read;
use crate::kernel::ids::AccountId;
use crate::kernel::problem::Result;
use crate::kernel::time::Timestamp;
use crate::kernel::version::Tag;

/// A statement that gives whole trusts of an account.
macro_rules! trusts {
    ($rest:literal) => {
        concat!(
            "SELECT identifier, document, version, created_at, updated_at, service_account_made FROM jwt_trusts \
            WHERE account_id = $1 ",
            $rest
        )
    };
}

const LIST: &str = trusts!("ORDER BY identifier");
const FIND: &str = trusts!("AND identifier = $2");
const INSERT: &str = "INSERT INTO jwt_trusts (account_id, identifier, document, version, created_at, updated_at, \
    service_account_made) VALUES ($1, $2, $3, $4, $5, $6, $7)";
const UPDATE: &str = "UPDATE jwt_trusts SET document = $3, version = $4, updated_at = $5, service_account_made = $6 \
    WHERE account_id = $1 AND identifier = $2";
const DELETE: &str = "DELETE FROM jwt_trusts WHERE account_id = $1 AND identifier = $2";

type Columns = (String, String, i64, i64, i64, Option<i64>);

fn columns(row: &Row<'_>) -> std::result::Result<Columns, db::Error> {
    Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?))
}

fn found((identifier, document, version, created_at, updated_at, made): Columns) -> Found {
    let created_at = Timestamp::from_micros(created_at);
    let document = serde_json::from_str::<Value>(&document).map_err(|error| error.to_string());
    let read = document.and_then(|document| {
        read::stored(&document, &identifier).map_err(|problem| problem.message().to_owned())
    });
    match read {
        Ok(definition) => {
            let updated_at = Timestamp::from_micros(updated_at);
            let service_account_made = made.map(Timestamp::from_micros);
            Ok(Stored { definition, version, created_at, updated_at, service_account_made })
        }
        Err(why) => Err(Damaged { identifier, why, tag: Tag { created_at, version } }),
    }
}

/// The account's rows, by identifier.
pub fn list(tx: &mut Tx<'_>, account: &AccountId) -> Result<Vec<Found>> {
    Ok(tx.query(LIST, params![account.as_str()], columns)?.into_iter().map(found).collect())
}

/// One row.
pub fn find(tx: &mut Tx<'_>, account: &AccountId, identifier: &str) -> Result<Option<Found>> {
    Ok(tx.query_opt(FIND, params![account.as_str(), identifier], columns)?.map(found))
}

/// Is there such a trust, and enabled?
pub fn lets_in(tx: &mut Tx<'_>, account: &AccountId, identifier: &str) -> Result<bool> {
    Ok(find(tx, account, identifier)?.is_some_and(|row| row.is_ok_and(|trust| trust.definition.enabled)))
}

/// Writes a new row; its identifier is free.
pub fn insert(tx: &mut Tx<'_>, account: &AccountId, trust: &Stored) -> Result<()> {
    let (identifier, document) = (&trust.definition.identifier, trust.definition.to_json().to_string());
    let (created, updated) = (trust.created_at.micros(), trust.updated_at.micros());
    let made = trust.service_account_made.map(Timestamp::micros);
    let row = params![account.as_str(), identifier, &document, trust.version, created, updated, made];
    Ok(tx.put(INSERT, row)?)
}

/// Writes a row anew.
pub fn update(tx: &mut Tx<'_>, account: &AccountId, trust: &Stored) -> Result<()> {
    let (identifier, document) = (&trust.definition.identifier, trust.definition.to_json().to_string());
    let (updated, made) = (trust.updated_at.micros(), trust.service_account_made.map(Timestamp::micros));
    Ok(tx.put(UPDATE, params![account.as_str(), identifier, &document, trust.version, updated, made])?)
}

/// Removes a trust with its refusals. What it has seen stays until it ends: a trust made anew under the same
/// identifier must not take it again.
pub fn delete(tx: &mut Tx<'_>, account: &AccountId, identifier: &str) -> Result<()> {
    tx.put(DELETE, params![account.as_str(), identifier])?;
    Ok(tx.put(FORGET_REFUSALS, params![account.as_str(), identifier])?)
}

const SEEN: &str = "SELECT expires_at FROM jwt_replays \
    WHERE account_id = $1 AND trust_id = $2 AND token_key = $3";
const SEE: &str =
    "INSERT INTO jwt_replays (account_id, trust_id, token_key, expires_at) VALUES ($1, $2, $3, $4)";
const ENDED_ACCOUNTS: &str = "SELECT DISTINCT account_id FROM jwt_replays WHERE expires_at <= $1";
const PURGE: &str = "DELETE FROM jwt_replays WHERE account_id = $1 AND expires_at <= $2";

/// Was a token of this key (of issuer and `jti`) taken by the trust?
pub fn was_seen(
    tx: &mut Tx<'_>,
    account: &AccountId,
    trust: &str,
    key: &[u8; 32],
) -> std::result::Result<bool, db::Error> {
    let found = tx.query_opt(SEEN, params![account.as_str(), trust, key], |row| row.get::<i64>(0))?;
    Ok(found.is_some())
}

/// Takes note of a token; kept until it has ended. `false`: another replica was quicker.
pub fn see(
    tx: &mut Tx<'_>,
    account: &AccountId,
    trust: &str,
    key: &[u8; 32],
    ends: Timestamp,
) -> std::result::Result<bool, db::Error> {
    tx.insert(SEE, params![account.as_str(), trust, key, ends.micros()])
}

/// The accounts that have seen tokens which have ended.
pub fn accounts_with_ended(tx: &mut Tx<'_>, now: Timestamp) -> Result<Vec<AccountId>> {
    Ok(tx.query(ENDED_ACCOUNTS, params![now.micros()], |row| row.get::<String>(0).map(AccountId::new))?)
}

/// Forgets what has ended; answers how many.
pub fn purge_ended(tx: &mut Tx<'_>, account: &AccountId, now: Timestamp) -> Result<u64> {
    Ok(tx.exec(PURGE, params![account.as_str(), now.micros()])?)
}

const KEEP_REFUSAL: &str = "INSERT INTO jwt_refusals (account_id, trust_id, at, refusal_id, document) \
    VALUES ($1, $2, $3, $4, $5)";
const REFUSALS: &str = "SELECT document FROM jwt_refusals WHERE account_id = $1 AND trust_id = $2 \
    ORDER BY at DESC, refusal_id DESC LIMIT $3";
const LAST_KEPT: &str = "SELECT at, refusal_id FROM jwt_refusals WHERE account_id = $1 AND trust_id = $2 \
    ORDER BY at DESC, refusal_id DESC LIMIT 1 OFFSET $3";
const DROP_REFUSALS: &str = "DELETE FROM jwt_refusals WHERE account_id = $1 AND trust_id = $2 \
    AND (at < $3 OR at = $3 AND refusal_id < $4)";
const FORGET_REFUSALS: &str = "DELETE FROM jwt_refusals WHERE account_id = $1 AND trust_id = $2";

/// Most refusals that are kept of a trust.
pub const REFUSALS_KEPT: u32 = 50;

/// Keeps a refusal; `id` is fresh.
pub fn keep_refusal(
    tx: &mut Tx<'_>,
    account: &AccountId,
    trust: &str,
    (at, id): (Timestamp, &str),
    document: &str,
) -> Result<()> {
    Ok(tx.put(KEEP_REFUSAL, params![account.as_str(), trust, at.micros(), id, document])?)
}

/// Drops the trust's refusals beyond the newest fifty.
pub fn drop_old_refusals(tx: &mut Tx<'_>, account: &AccountId, trust: &str) -> Result<()> {
    let key = params![account.as_str(), trust, REFUSALS_KEPT - 1];
    let last = tx.query_opt(LAST_KEPT, key, |row| Ok((row.get::<i64>(0)?, row.get::<String>(1)?)))?;
    let Some((at, id)) = last else { return Ok(()) };
    Ok(tx.put(DROP_REFUSALS, params![account.as_str(), trust, at, &id])?)
}

/// The trust's refusals, newest first.
pub fn refusals(tx: &mut Tx<'_>, account: &AccountId, trust: &str) -> Result<Vec<String>> {
    Ok(tx.query(REFUSALS, params![account.as_str(), trust, REFUSALS_KEPT], |row| row.get(0))?)
}
