//! SQL of users on the platform API.

use std::collections::HashMap;
use std::ops::ControlFlow;

use db::sql::{IDS_AT_ONCE, Sql};
use db::{Row, Tx, params};

use crate::kernel::ids::AccountId;
use crate::kernel::page::PageRequest;
use crate::kernel::problem::Problem;
use crate::kernel::scope::Scope;
use crate::kernel::time::Timestamp;

const PERSONS: &str = "SELECT u.user_id, u.name, u.email, u.active, u.externally_managed, u.created_at, u.updated_at \
    FROM users u WHERE u.account_id = $1";
/// Named by the bindings, of which there are few, not the other way round.
const BOUND: &str = " AND u.user_id IN (SELECT a.principal_id FROM role_assignments a WHERE a.account_id = $1 \
    AND a.principal_kind = 'USER'";
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
    /// Only these ids, as many as a statement takes; empty for all.
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

/// A page of all users of the account by when they came or last changed: by indexes that hold them in that
/// order. `order` is of columns of `users u`; of those who are equal the lower id comes first.
pub fn page_by_time(
    tx: &mut Tx<'_>,
    account: &AccountId,
    order: &str,
    page: PageRequest,
) -> Result<Vec<Person>, Problem> {
    let sql = page_by_time_sql(account, order, page);
    Ok(tx.query(sql.text(), &sql.params(), person)?)
}

fn page_by_time_sql(account: &AccountId, order: &str, page: PageRequest) -> Sql {
    let mut sql = Sql::new(PERSONS);
    sql.hold(account.as_str());
    sql.push(" ORDER BY ").push(order).push(", u.user_id");
    sql.push(" LIMIT ").bind(page.limit()).push(" OFFSET ").bind(page.offset());
    sql
}

/// Hands each selected user to `take`, by their ids.
pub fn each(
    tx: &mut Tx<'_>,
    account: &AccountId,
    selection: &Selection,
    take: &mut dyn FnMut(Person),
) -> Result<(), Problem> {
    let sql = each_sql(account, selection);
    tx.each(sql.text(), &sql.params(), |row| {
        take(person(row)?);
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(())
}

fn each_sql(account: &AccountId, selection: &Selection) -> Sql {
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
    sql
}

/// Those of these ids who are there, in the order of the ids.
pub fn these(tx: &mut Tx<'_>, account: &AccountId, ids: &[String]) -> Result<Vec<Person>, Problem> {
    let mut found: HashMap<String, Person> = HashMap::with_capacity(ids.len());
    for some in ids.chunks(IDS_AT_ONCE) {
        let selection = Selection { ids: some.to_vec(), ..Selection::default() };
        each(tx, account, &selection, &mut |person| drop(found.insert(person.id.clone(), person)))?;
    }
    Ok(ids.iter().filter_map(|id| found.remove(id)).collect())
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plans::{goes_through, plan};

    #[test]
    fn who_is_named_or_bound_is_found_without_going_through_the_account() {
        let account = AccountId::new("a");
        let scope = Scope::of(account.clone(), Some("o"), Some("p")).unwrap();
        let named = Selection { ids: vec!["x".into(), "y".into()], ..Selection::default() };
        let bound = Selection { bound_in: Some(scope), roles: vec!["r".into()], ..Selection::default() };
        for selection in [named, bound] {
            let steps = plan(each_sql(&account, &selection).text());
            assert!(!steps.iter().any(|step| goes_through(step)), "{selection:?}: {steps:#?}");
        }
    }

    #[test]
    fn a_page_by_time_comes_in_the_order_of_an_index() {
        let page = PageRequest { index: 3, size: 50 };
        for (column, index) in [("u.created_at", "users_by_created"), ("u.updated_at", "users_by_updated")] {
            for direction in ["ASC", "DESC"] {
                let sql = page_by_time_sql(&AccountId::new("a"), &format!("{column} {direction}"), page);
                let steps = plan(sql.text()).join("; ");
                assert!(steps.contains(index) && !steps.contains("TEMP B-TREE FOR ORDER BY"), "{steps}");
            }
        }
    }
}
