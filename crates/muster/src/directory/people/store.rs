//! SQL of users on the platform API.

use std::ops::ControlFlow;

use db::sql::Sql;
use db::{Row, Tx, params};

use crate::kernel::ids::AccountId;
use crate::kernel::problem::Problem;
use crate::kernel::scope::Scope;
use crate::kernel::time::Timestamp;

const PERSONS: &str = "SELECT u.user_id, u.name, u.email, u.active, u.externally_managed, u.created_at, u.updated_at \
    FROM users u WHERE u.account_id = $1";
const BOUND: &str = " AND EXISTS (SELECT 1 FROM role_assignments a WHERE a.account_id = $1 \
    AND a.principal_kind = 'USER' AND a.principal_id = u.user_id";
const DETAIL: &str = "SELECT doc, external_id FROM users WHERE account_id = $1 AND user_id = $2";

/// A user as lists show him.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// User id.
    pub id: String,
    /// Display name.
    pub name: String,
    /// Primary address; empty for none.
    pub email: String,
    /// May he act?
    pub active: bool,
    /// Made and kept by SCIM?
    pub externally_managed: bool,
    /// When he was made.
    pub created: Timestamp,
    /// When he last changed.
    pub updated: Timestamp,
}

/// Which users.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// Only those bound to a role in this scope.
    pub bound_in: Option<Scope>,
    /// … to one of these roles; empty for any.
    pub roles: Vec<String>,
    /// … on one of these resource groups; empty for any.
    pub resource_groups: Vec<String>,
    /// Only these ids; empty for all.
    pub ids: Vec<String>,
}

fn person(row: &Row<'_>) -> Result<Person, db::Error> {
    Ok(Person {
        id: row.get(0)?,
        name: row.get(1)?,
        email: row.get(2)?,
        active: row.get(3)?,
        externally_managed: row.get(4)?,
        created: Timestamp::from_micros(row.get(5)?),
        updated: Timestamp::from_micros(row.get(6)?),
    })
}

/// Hands each selected user to `take`, by their ids.
pub fn each(
    tx: &mut Tx<'_>,
    account: &AccountId,
    selection: &Selection,
    take: &mut dyn FnMut(Person),
) -> Result<(), Problem> {
    let mut sql = Sql::new(PERSONS);
    sql.hold(account.as_str());
    if !selection.ids.is_empty() {
        sql.push(" AND u.user_id IN (").bind_list(&selection.ids).push(")");
    }
    if let Some(scope) = &selection.bound_in {
        sql.push(BOUND).push(" AND a.org_id = ").bind(scope.org_column());
        sql.push(" AND a.project_id = ").bind(scope.project_column());
        for (column, list) in
            [("role_id", &selection.roles), ("resource_group_id", &selection.resource_groups)]
        {
            if !list.is_empty() {
                sql.push(" AND a.").push(column).push(" IN (").bind_list(list).push(")");
            }
        }
        sql.push(")");
    }
    sql.push(" ORDER BY u.user_id");
    tx.each(sql.text(), &sql.params(), |row| {
        take(person(row)?);
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(())
}

/// One user.
pub fn find(tx: &mut Tx<'_>, account: &AccountId, id: &str) -> Result<Option<Person>, Problem> {
    let mut found = None;
    let selection = Selection { ids: vec![id.to_owned()], ..Selection::default() };
    each(tx, account, &selection, &mut |person| found = Some(person))?;
    Ok(found)
}

/// The SCIM document and external id of one user.
pub fn detail(
    tx: &mut Tx<'_>,
    account: &AccountId,
    id: &str,
) -> Result<Option<(String, Option<String>)>, Problem> {
    Ok(tx.query_opt(DETAIL, params![account.as_str(), id], |row| Ok((row.get(0)?, row.get(1)?)))?)
}
