//! SQL of resources of the account's own types.

use db::{Tx, params};

use crate::directory::model::Stored;
use crate::directory::store::stored;
use crate::kernel::ids::AccountId;
use crate::kernel::problem::Problem;

const INSERT: &str = "INSERT INTO objects \
    (account_id, object_id, type_key, external_id, doc, version, created_at, updated_at) \
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
const UPDATE: &str = "UPDATE objects SET external_id = $4, doc = $5, version = $6, updated_at = $7 \
    WHERE account_id = $1 AND object_id = $2 AND version = $3";
const DELETE: &str = "DELETE FROM objects WHERE account_id = $1 AND object_id = $2";
const FIND: &str = "SELECT object_id, doc, version, created_at, updated_at FROM objects \
    WHERE account_id = $1 AND object_id = $2 AND type_key = $3";

/// The resource of that type with that id.
pub fn find(tx: &mut Tx<'_>, account: &AccountId, kind: &str, id: &str) -> Result<Option<Stored>, Problem> {
    Ok(tx.query_opt(FIND, params![account.as_str(), id, kind], stored)?)
}

/// Writes a new resource.
pub fn insert(
    tx: &mut Tx<'_>,
    account: &AccountId,
    kind: &str,
    new: &Stored,
    external_id: Option<&str>,
) -> Result<(), Problem> {
    let (created, updated) = (new.created.micros(), new.updated.micros());
    let values =
        params![account.as_str(), &new.id, kind, external_id, &new.doc, new.version, created, updated];
    Ok(tx.put(INSERT, values)?)
}

/// Writes the next version over the one that was read; `false` when another was faster.
pub fn update(
    tx: &mut Tx<'_>,
    account: &AccountId,
    (read, next): (&Stored, &Stored),
    external_id: Option<&str>,
) -> Result<bool, Problem> {
    let (id, updated) = (&read.id, next.updated.micros());
    let values = params![account.as_str(), id, read.version, external_id, &next.doc, next.version, updated];
    Ok(tx.exec(UPDATE, values)? == 1)
}

/// Removes a resource.
pub fn delete(tx: &mut Tx<'_>, account: &AccountId, id: &str) -> Result<(), Problem> {
    Ok(tx.put(DELETE, params![account.as_str(), id])?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plans::{goes_through, plan};

    #[test]
    fn resources_are_found_by_their_ids() {
        for sql in [FIND, UPDATE, DELETE] {
            let steps = plan(sql);
            assert!(!steps.iter().any(|step| goes_through(step)), "{sql}: {steps:#?}");
        }
    }
}
