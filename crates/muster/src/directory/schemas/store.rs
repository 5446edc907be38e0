//! SQL of definitions, and of what is stored by them.

use std::ops::ControlFlow;

use db::sql::Sql;
use db::{Row, Tx, params};
use scim::{IndexKey, fold};
use serde_json::Value;

use super::compare::Break;
use super::model::{Definition, StoredText, What, read};
use crate::access::Actor;
use crate::access::standing::still_at;
use crate::accounts::store::hold;
use crate::directory::model::{Stored, Subject};
use crate::directory::store::{Batch, one, stored};
use crate::kernel::ids::AccountId;
use crate::kernel::problem::{Kind, Problem};
use crate::kernel::time::Timestamp;

const GENERATION: &str = "SELECT generation FROM scim_generations WHERE account_id = $1";
const STAMP: &str = "SELECT g.generation, (SELECT CAST(COALESCE(SUM(d.version), 0) AS BIGINT) FROM scim_definitions d \
    WHERE d.account_id = $1) FROM scim_generations g WHERE g.account_id = $1";
const NEXT: &str = "INSERT INTO scim_generations (account_id, generation) VALUES ($1, 1) \
    ON CONFLICT (account_id) DO UPDATE SET generation = scim_generations.generation + 1 RETURNING generation";
const ALL: &str = "SELECT kind, doc, version, created_at, updated_at FROM scim_definitions \
    WHERE account_id = $1 ORDER BY kind, name_key";
const PUT: &str = "INSERT INTO scim_definitions \
    (account_id, kind, name_key, name, doc, pending, version, created_at, updated_at) \
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (account_id, kind, name_key) \
    DO UPDATE SET name = excluded.name, doc = excluded.doc, pending = excluded.pending, \
    version = excluded.version, updated_at = excluded.updated_at";
const DELETE: &str = "DELETE FROM scim_definitions WHERE account_id = $1 AND kind = $2 AND name_key = $3";
const WITH_PENDING: &str = "SELECT DISTINCT account_id FROM scim_definitions WHERE pending = TRUE";
const DROP_ROWS: &str = "DELETE FROM directory_index WHERE account_id = $1 AND attr = $2";
const PUT_ROW: &str = "INSERT INTO directory_index (account_id, attr, value_key, resource_id, qualifier) \
    VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING";
const ANY_OBJECT: &str = "SELECT object_id FROM objects WHERE account_id = $1 AND type_key = $2 LIMIT 1";
const DROP_OBJECT_ROWS: &str = "DELETE FROM directory_index WHERE account_id = $1 AND attr = $2 \
    AND resource_id IN (SELECT object_id FROM objects WHERE account_id = $1 AND type_key = $3)";

/// Goes up with each change of a definition; 0 where there never was one.
///
/// # Errors
/// Of the database.
pub fn generation(tx: &mut Tx<'_>, account: &AccountId) -> Result<i64, Problem> {
    Ok(tx.query_opt(GENERATION, params![account.as_str()], |row| row.get(0))?.unwrap_or(0))
}

/// What tells one state of the definitions from another: the generation, and the sum of their versions.
/// `None` where there never was one.
///
/// # Errors
/// Of the database.
pub fn stamp(tx: &mut Tx<'_>, account: &AccountId) -> Result<Option<(i64, i64)>, Problem> {
    Ok(tx.query_opt(STAMP, params![account.as_str()], |row| Ok((row.get(0)?, row.get(1)?)))?)
}

/// Refuses what was read by definitions that are no longer the account's. Accounts without definitions are
/// not asked about: what is new has nothing yet that the first one could be about.
///
/// # Errors
/// `Unavailable`; of the database.
pub fn settled(tx: &mut Tx<'_>, account: &AccountId, known: i64) -> Result<(), Problem> {
    if known == 0 {
        return Ok(());
    }
    hold(tx, account)?;
    same(generation(tx, account)?, known)
}

/// A user or group that the actor is to change by a request that was read by the definitions of generation
/// `known`. Unless that is 0 the account's row is held already, so that they stay as they are. In one
/// statement with that generation: values by a definition that comes later raise the version of the resource,
/// which whoever writes looks at.
///
/// # Errors
/// `Unavailable` where there are other definitions by now, or the actor holds less; of the database.
pub fn find(
    tx: &mut Tx<'_>,
    (actor, now): (&Actor, Timestamp),
    subject: Subject,
    (id, known): (&str, i64),
) -> Result<Option<Stored>, Problem> {
    let account = &actor.caller.account;
    let row = |row: &Row<'_>| Ok((stored(row)?, row.get::<Option<i64>>(5)?, row.get::<Option<i64>>(6)?));
    let sql = one!(
        subject,
        ", (SELECT s.generation FROM scim_generations s WHERE s.account_id = $1), \
        (SELECT a.version FROM accounts a WHERE a.account_id = $1 AND a.status = 'ACTIVE')"
    );
    let Some((found, generation, version)) = tx.query_opt(sql, params![account.as_str(), id], row)? else {
        return Ok(None);
    };
    still_at(tx, actor, version, now)?;
    same(generation.unwrap_or(0), known).map(|()| Some(found))
}

fn same(generation: i64, known: i64) -> Result<(), Problem> {
    if generation == known {
        return Ok(());
    }
    let text = "The account's schemas changed while the request was read: send it again.";
    Err(Problem::new(Kind::Unavailable, text).retry_after(1))
}

/// Takes the next generation.
///
/// # Errors
/// Of the database.
pub fn next_generation(tx: &mut Tx<'_>, account: &AccountId) -> Result<i64, Problem> {
    Ok(tx.query_one(NEXT, params![account.as_str()], |row| row.get(0))?)
}

/// Every definition of the account, schemas before types, by name.
///
/// # Errors
/// Of the database; `Internal` for a stored text that is damaged.
pub fn all(tx: &mut Tx<'_>, account: &AccountId) -> Result<Vec<Definition>, Problem> {
    let row = |row: &Row<'_>| {
        let (kind, doc): (String, String) = (row.get(0)?, row.get(1)?);
        let times = (row.get(2)?, Timestamp::from_micros(row.get(3)?), Timestamp::from_micros(row.get(4)?));
        Ok((kind, doc, times))
    };
    let rows = tx.query(ALL, params![account.as_str()], row)?;
    rows.into_iter().map(|(kind, doc, times)| definition(&kind, &doc, times)).collect()
}

fn definition(
    kind: &str,
    doc: &str,
    (version, created, updated): (i64, Timestamp, Timestamp),
) -> Result<Definition, Problem> {
    let damaged = |why: String| Problem::internal(format!("a stored SCIM definition is damaged: {why}"));
    let text: StoredText = serde_json::from_str(doc).map_err(|error| damaged(error.to_string()))?;
    let what = if kind == What::Type.as_str() { What::Type } else { What::Schema };
    let shape = read(what, &text.document).map_err(|problem| damaged(problem.to_string()))?;
    Ok(Definition { shape, aliases: text.aliases, pending: text.pending, version, created, updated })
}

/// Writes a definition over the one of its name, if there is one.
///
/// # Errors
/// Of the database.
pub fn put(tx: &mut Tx<'_>, account: &AccountId, definition: &Definition) -> Result<(), Problem> {
    let shape = &definition.shape;
    let text = StoredText {
        document: shape.document(),
        aliases: definition.aliases.clone(),
        pending: definition.pending.clone(),
    };
    let doc = serde_json::to_string(&text)
        .map_err(|error| Problem::internal(format!("a definition cannot be written: {error}")))?;
    tx.put(
        PUT,
        params![
            account.as_str(),
            shape.what().as_str(),
            &*fold(shape.name()),
            shape.name(),
            doc.as_str(),
            !definition.pending.is_empty(),
            definition.version,
            definition.created.micros(),
            definition.updated.micros()
        ],
    )?;
    Ok(())
}

/// Removes a definition.
///
/// # Errors
/// Of the database.
pub fn delete(tx: &mut Tx<'_>, account: &AccountId, what: What, name: &str) -> Result<(), Problem> {
    Ok(tx.put(DELETE, params![account.as_str(), what.as_str(), &*fold(name)])?)
}

/// The accounts where index rows are still to be made.
///
/// # Errors
/// Of the database.
pub fn with_pending(tx: &mut Tx<'_>) -> Result<Vec<AccountId>, Problem> {
    Ok(tx.query(WITH_PENDING, &[], |row| row.get(0).map(|id: String| AccountId::new(id)))?)
}

/// Where the resources of a definition lie.
#[derive(Clone, Copy, Debug)]
pub enum Shelf<'a> {
    /// Users or groups.
    Of(Subject),
    /// Resources of a type of the account, by its folded name.
    Type(&'a str),
}

impl Shelf<'_> {
    const fn id(self) -> &'static str {
        match self {
            Self::Of(Subject::Group) => "group_id",
            Self::Of(_) => "user_id",
            Self::Type(_) => "object_id",
        }
    }
}

/// `SELECT id, doc` of all that lies on a shelf; more conditions may follow.
fn over(account: &AccountId, shelf: Shelf<'_>) -> Sql {
    let mut sql = Sql::new(match shelf {
        Shelf::Of(Subject::Group) => "SELECT group_id, doc FROM user_groups WHERE account_id = ",
        Shelf::Of(_) => "SELECT user_id, doc FROM users WHERE account_id = ",
        Shelf::Type(_) => "SELECT object_id, doc FROM objects WHERE account_id = ",
    });
    sql.bind(account.as_str());
    if let Shelf::Type(name) = shelf {
        sql.push(" AND type_key = ").bind(name);
    }
    sql
}

/// The first resource that stands against one of these, with which one.
///
/// # Errors
/// Of the database; `Internal` for a stored document that is damaged.
pub fn first_use<'l>(
    tx: &mut Tx<'_>,
    account: &AccountId,
    shelf: Shelf<'_>,
    breaks: &'l [Break],
) -> Result<Option<(String, &'l Break)>, Problem> {
    let mut sql = over(account, shelf);
    // Documents of users and groups name the schemas that they have values of.
    if let (Shelf::Of(_), Some(first)) = (shelf, breaks.first()) {
        sql.push(" AND doc LIKE ").bind(format!("%\"{}\"%", like(&first.leaf.urn))).push(" ESCAPE '\\'");
    }
    let mut found = None;
    tx.each(sql.text(), &sql.params(), |row| {
        let document: Value =
            serde_json::from_str(row.text_ref(1)?).map_err(|error| db::Error::other(error.to_string()))?;
        if let Some(hit) = breaks.iter().find(|one| one.is_by(&document)) {
            found = Some((row.get::<String>(0)?, hit));
            return Ok(ControlFlow::Break(()));
        }
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(found)
}

fn like(text: &str) -> String {
    text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_")
}

/// A resource of the type, if there is one.
///
/// # Errors
/// Of the database.
pub fn any_object(tx: &mut Tx<'_>, account: &AccountId, type_key: &str) -> Result<Option<String>, Problem> {
    Ok(tx.query_opt(ANY_OBJECT, params![account.as_str(), type_key], |row| row.get(0))?)
}

/// Removes the index rows of an attribute.
///
/// # Errors
/// Of the database.
pub fn drop_rows(tx: &mut Tx<'_>, account: &AccountId, shelf: Shelf<'_>, path: &str) -> Result<(), Problem> {
    match shelf {
        Shelf::Of(_) => tx.put(DROP_ROWS, params![account.as_str(), path])?,
        Shelf::Type(name) => tx.put(DROP_OBJECT_ROWS, params![account.as_str(), path, name])?,
    }
    Ok(())
}

/// The next resources of a shelf, by id, after `after`, as (id, document): `limit` at most, and as many as
/// memory bears. True where there may be more.
///
/// # Errors
/// Of the database.
pub fn chunk(
    tx: &mut Tx<'_>,
    account: &AccountId,
    shelf: Shelf<'_>,
    after: &str,
    limit: usize,
) -> Result<(Vec<(String, String)>, bool), Problem> {
    let mut sql = over(account, shelf);
    sql.push(" AND ").push(shelf.id()).push(" > ").bind(after);
    sql.push(" ORDER BY ").push(shelf.id()).push(" LIMIT ");
    sql.bind(i64::try_from(limit).unwrap_or(i64::MAX));
    let (mut rows, mut bytes) = (Vec::new(), 0);
    tx.each(sql.text(), &sql.params(), |row| {
        let doc: String = row.get(1)?;
        bytes += doc.len();
        rows.push((row.get(0)?, doc));
        Ok(if bytes < Batch::ROOM { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
    })?;
    let more = rows.len() >= limit || bytes >= Batch::ROOM;
    Ok((rows, more))
}

/// Writes an index row unless it is there.
///
/// # Errors
/// Of the database.
pub fn put_row(tx: &mut Tx<'_>, account: &AccountId, id: &str, key: &IndexKey) -> Result<(), Problem> {
    let qualifier = key.qualifier.as_deref().unwrap_or("");
    Ok(tx.put(PUT_ROW, params![account.as_str(), &*key.attr, key.key.as_str(), id, qualifier])?)
}
