//! SQL of organizations.

use db::{Row, Tx, params};

use super::model::{NewOrganization, Organization};
use crate::kernel::ids::AccountId;
use crate::kernel::problem::{Problem, Result};
use crate::kernel::text::{Tags, tags_text};
use crate::kernel::time::Timestamp;

const EXISTS: &str = "SELECT 1 FROM organizations WHERE account_id = $1 AND identifier = $2";
const FIND: &str = "SELECT identifier, name, description, tags, version, created_at, updated_at \
    FROM organizations WHERE account_id = $1 AND identifier = $2";
const LIST: &str = "SELECT identifier, name, description, tags, version, created_at, updated_at \
    FROM organizations WHERE account_id = $1 ORDER BY identifier";
const INSERT: &str = "INSERT INTO organizations \
    (account_id, identifier, name, description, tags, version, created_at, updated_at) \
    VALUES ($1, $2, $3, $4, $5, 1, $6, $6) ON CONFLICT DO NOTHING";
const UPDATE: &str = "UPDATE organizations SET name = $4, description = $5, tags = $6, version = version + 1, \
    updated_at = $7 WHERE account_id = $1 AND identifier = $2 AND version = $3";
const DELETE: &str = "DELETE FROM organizations WHERE account_id = $1 AND identifier = $2";
const DELETE_PROJECTS: &str = "DELETE FROM projects WHERE account_id = $1 AND org_id = $2";

/// A row with its tags still as text.
struct Stored(Organization, String);

fn stored(row: &Row<'_>) -> std::result::Result<Stored, db::Error> {
    let fields = NewOrganization {
        identifier: row.get(0)?,
        name: row.get(1)?,
        description: row.get(2)?,
        tags: Tags::new(),
    };
    let organization = Organization {
        fields,
        version: row.get(4)?,
        created_at: Timestamp::from_micros(row.get(5)?),
        updated_at: Timestamp::from_micros(row.get(6)?),
    };
    Ok(Stored(organization, row.get(3)?))
}

impl Stored {
    fn read(mut self) -> Result<Organization> {
        self.0.fields.tags = serde_json::from_str(&self.1).map_err(|error| {
            Problem::internal(format!("stored tags of an organization are damaged: {error}"))
        })?;
        Ok(self.0)
    }
}

/// Is there an organization of that identifier?
pub fn exists(tx: &mut Tx<'_>, account: &AccountId, identifier: &str) -> Result<bool> {
    Ok(tx.query_opt(EXISTS, params![account.as_str(), identifier], |_| Ok(()))?.is_some())
}

/// The organization of that identifier.
pub fn find(tx: &mut Tx<'_>, account: &AccountId, identifier: &str) -> Result<Option<Organization>> {
    tx.query_opt(FIND, params![account.as_str(), identifier], stored)?.map(Stored::read).transpose()
}

/// Every organization of the account, by identifier.
pub fn list(tx: &mut Tx<'_>, account: &AccountId) -> Result<Vec<Organization>> {
    tx.query(LIST, params![account.as_str()], stored)?.into_iter().map(Stored::read).collect()
}

/// Inserts it; `false` when the identifier is taken.
pub fn insert(
    tx: &mut Tx<'_>,
    account: &AccountId,
    fields: &NewOrganization,
    now: Timestamp,
) -> Result<bool> {
    let tags = tags_text(&fields.tags)?;
    let row =
        params![account.as_str(), &fields.identifier, &fields.name, &fields.description, &tags, now.micros()];
    Ok(tx.exec(INSERT, row)? == 1)
}

/// Writes name, description and tags over the given version; `false` when another version is stored by now.
pub fn update(
    tx: &mut Tx<'_>,
    account: &AccountId,
    version: i64,
    fields: &NewOrganization,
    now: Timestamp,
) -> Result<bool> {
    let tags = tags_text(&fields.tags)?;
    let row = params![
        account.as_str(),
        &fields.identifier,
        version,
        &fields.name,
        &fields.description,
        &tags,
        now.micros()
    ];
    Ok(tx.exec(UPDATE, row)? == 1)
}

/// Removes the organization and its projects, and answers how many these were; what lives in them goes by
/// `accounts::store::remove_below`.
pub fn delete(tx: &mut Tx<'_>, account: &AccountId, identifier: &str) -> Result<u64> {
    let projects = tx.exec(DELETE_PROJECTS, params![account.as_str(), identifier])?;
    tx.put(DELETE, params![account.as_str(), identifier])?;
    Ok(projects)
}
