//! SQL of role assignments.

use std::collections::HashMap;

use db::sql::{IDS_AT_ONCE, Sql};
use db::{Row, Tx, params};

use super::model::{Assignment, Filter, NamedBinding, Reach};
use crate::kernel::caller::PrincipalKind;
use crate::kernel::ids::AccountId;
use crate::kernel::listing::Orders;
use crate::kernel::page::PageRequest;
use crate::kernel::problem::Problem;
use crate::kernel::scope::{Level, Scope};
use crate::kernel::time::Timestamp;

/// Assignments `a` of the account itself that make account administrators of all its resources, but for one.
macro_rules! administering {
    ($kind:literal) => {
        concat!(
            "a.account_id = $1 AND a.org_id = '' AND a.project_id = '' AND a.role_id = '_account_admin' ",
            "AND a.resource_group_id IN ('_all_account_level_resources', '_all_resources_including_child_scopes') ",
            "AND a.disabled = $2 AND a.identifier <> $3 AND a.principal_kind = '", $kind, "' "
        )
    };
}

/// Walks down from the bindings to users, through groups in groups. The order of the joins is given, as
/// SQLite's planner would otherwise go through all memberships.
const ADMINISTRATOR: &str = concat!(
    "WITH RECURSIVE down (id) AS (SELECT a.principal_id FROM role_assignments a WHERE ",
    administering!("USER"),
    "UNION SELECT g.group_id FROM role_assignments a CROSS JOIN user_groups g WHERE ",
    administering!("USER_GROUP"),
    "AND g.account_id = $1 AND g.org_id = '' AND g.project_id = '' AND g.identifier = a.principal_id ",
    "UNION SELECT m.member_id FROM down CROSS JOIN group_members m ",
    "WHERE m.account_id = $1 AND m.group_id = down.id) ",
    "SELECT u.user_id FROM down CROSS JOIN users u ",
    "WHERE u.account_id = $1 AND u.user_id = down.id AND u.active = $4 LIMIT 1"
);
const MACHINE: &str = concat!(
    "SELECT s.identifier FROM role_assignments a CROSS JOIN service_accounts s WHERE ",
    administering!("SERVICE_ACCOUNT"),
    "AND s.account_id = $1 AND s.org_id = '' AND s.project_id = '' AND s.identifier = a.principal_id LIMIT 1"
);
const INSERT: &str = "INSERT INTO role_assignments (account_id, org_id, project_id, identifier, role_id, resource_group_id, \
    principal_kind, principal_id, principal_level, disabled, managed, created_at, updated_at) \
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $12) ON CONFLICT DO NOTHING";

const FIND: &str = "SELECT org_id, project_id, identifier, role_id, resource_group_id, principal_kind, principal_id, \
    principal_level, disabled, managed, created_at, updated_at FROM role_assignments \
    WHERE account_id = $1 AND org_id = $2 AND project_id = $3 AND identifier = $4";
const SELECT: &str = "SELECT org_id, project_id, identifier, role_id, resource_group_id, principal_kind, principal_id, \
    principal_level, disabled, managed, created_at, updated_at FROM role_assignments WHERE account_id = ";
const COUNT: &str = "SELECT COUNT(*) FROM role_assignments WHERE account_id = ";
const SET_DISABLED: &str = "UPDATE role_assignments SET disabled = $5, updated_at = $6 \
    WHERE account_id = $1 AND org_id = $2 AND project_id = $3 AND identifier = $4";
const DELETE: &str = "DELETE FROM role_assignments \
    WHERE account_id = $1 AND org_id = $2 AND project_id = $3 AND identifier = $4";
const GROUPS_OF_ROLE: &str = "SELECT DISTINCT resource_group_id FROM role_assignments \
    WHERE account_id = $1 AND org_id = $2 AND project_id = $3 AND role_id = $4";
const ROLES_OF_GROUP: &str = "SELECT DISTINCT role_id FROM role_assignments \
    WHERE account_id = $1 AND org_id = $2 AND project_id = $3 AND resource_group_id = $4";
const NAMED: &str = "SELECT a.principal_id, a.principal_level, a.identifier, a.role_id, r.name, a.resource_group_id, \
    g.name, a.managed FROM role_assignments a \
    LEFT JOIN roles r ON r.account_id = a.account_id AND r.org_id = a.org_id AND r.project_id = a.project_id \
    AND r.identifier = a.role_id \
    LEFT JOIN resource_groups g ON g.account_id = a.account_id AND g.org_id = a.org_id \
    AND g.project_id = a.project_id AND g.identifier = a.resource_group_id \
    WHERE a.account_id = $1 AND a.org_id = $2 AND a.project_id = $3 AND a.principal_kind = $4";
/// Leads to the index of principals.
const OF_LEVEL: &str = " AND a.principal_level = ";
const FIND_NAMES: &str = "SELECT a.name, o.name, p.name FROM accounts a \
    LEFT JOIN organizations o ON o.account_id = a.account_id AND o.identifier = $2 \
    LEFT JOIN projects p ON p.account_id = a.account_id AND p.org_id = $2 AND p.identifier = $3 \
    WHERE a.account_id = $1";

/// An assignment as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AssignmentRow {
    /// Where it holds.
    pub scope: Scope,
    /// Unique in its scope.
    pub identifier: String,
    /// Managed role or custom role of the scope.
    pub role: String,
    /// Managed resource group or custom one of the scope.
    pub resource_group: String,
    /// Kind of the principal.
    pub principal_kind: PrincipalKind,
    /// The principal.
    pub principal_id: String,
    /// Where a group or service account lives; `None` for users.
    pub principal_level: Option<Level>,
    /// Gives nothing while set.
    pub disabled: bool,
    /// Made by the server; clients cannot delete it.
    pub managed: bool,
}

/// Inserts the assignment; `false` when the same binding or the identifier exists already.
pub fn insert(tx: &mut Tx<'_>, row: &AssignmentRow, now: Timestamp) -> Result<bool, Problem> {
    let at = &row.scope;
    let rows = tx.exec(
        INSERT,
        params![
            at.account.as_str(),
            at.org_column(),
            at.project_column(),
            &row.identifier,
            &row.role,
            &row.resource_group,
            row.principal_kind.as_str(),
            &row.principal_id,
            row.principal_level.map_or("", Level::lower),
            row.disabled,
            row.managed,
            now.micros()
        ],
    )?;
    Ok(rows == 1)
}

/// An assignment by its identifier.
pub fn find(tx: &mut Tx<'_>, scope: &Scope, id: &str) -> Result<Option<Assignment>, Problem> {
    let key = params![scope.account.as_str(), scope.org_column(), scope.project_column(), id];
    let found = tx.query_opt(FIND, key, columns)?;
    found.map(|stored| stored.assignment(&scope.account)).transpose()
}

struct Stored {
    texts: [String; 8],
    flags: [bool; 2],
    times: [i64; 2],
}

fn columns(row: &Row<'_>) -> Result<Stored, db::Error> {
    let text = |at| row.get::<String>(at);
    Ok(Stored {
        texts: [text(0)?, text(1)?, text(2)?, text(3)?, text(4)?, text(5)?, text(6)?, text(7)?],
        flags: [row.get(8)?, row.get(9)?],
        times: [row.get(10)?, row.get(11)?],
    })
}

impl Stored {
    fn assignment(self, account: &AccountId) -> Result<Assignment, Problem> {
        let [org, project, identifier, role, resource_group, kind, principal_id, level] = self.texts;
        let principal_kind = PrincipalKind::parse(&kind).ok_or_else(|| {
            Problem::internal(format!("a stored role assignment has the principal kind {kind:?}"))
        })?;
        let row = AssignmentRow {
            scope: Scope::of(account.clone(), Some(&org), Some(&project))?,
            identifier,
            role,
            resource_group,
            principal_kind,
            principal_id,
            principal_level: Level::parse(&level),
            disabled: self.flags[0],
            managed: self.flags[1],
        };
        let [created_at, updated_at] = self.times.map(Timestamp::from_micros);
        Ok(Assignment { row, created_at, updated_at })
    }
}

/// The assignments of one page, and how many there are in all.
pub fn page(
    tx: &mut Tx<'_>,
    account: &AccountId,
    reach: &[Reach],
    filter: &Filter,
    (orders, page): (&Orders, PageRequest),
) -> Result<(Vec<Assignment>, u64), Problem> {
    let mut count = Sql::new(COUNT);
    narrow(&mut count, account, reach, filter);
    let total: i64 = tx.query_one(count.text(), &count.params(), |row| row.get(0))?;
    let mut select = Sql::new(SELECT);
    narrow(&mut select, account, reach, filter);
    let column = |field: &str| match field {
        "identifier" => "identifier",
        "roleIdentifier" => "role_id",
        "resourceGroupIdentifier" => "resource_group_id",
        "createdAt" => "created_at",
        _ => "updated_at",
    };
    select.push(" ORDER BY ").push(&orders.columns(column));
    select.push(", org_id, project_id, identifier LIMIT ").bind(page.limit());
    select.push(" OFFSET ").bind(page.offset());
    Ok((run(tx, account, &select)?, u64::try_from(total).unwrap_or(0)))
}

/// The first so many assignments, newest change first.
pub fn first(
    tx: &mut Tx<'_>,
    account: &AccountId,
    reach: &[Reach],
    filter: &Filter,
    most: u32,
) -> Result<Vec<Assignment>, Problem> {
    let mut select = Sql::new(SELECT);
    narrow(&mut select, account, reach, filter);
    select.push(" ORDER BY updated_at DESC, org_id, project_id, identifier LIMIT ").bind(most);
    run(tx, account, &select)
}

fn run(tx: &mut Tx<'_>, account: &AccountId, sql: &Sql) -> Result<Vec<Assignment>, Problem> {
    let rows = tx.query(sql.text(), &sql.params(), columns)?;
    rows.into_iter().map(|stored| stored.assignment(account)).collect()
}

fn narrow(sql: &mut Sql, account: &AccountId, reach: &[Reach], filter: &Filter) {
    sql.bind(account.as_str()).push(" AND ");
    sql.any(reach, &mut |sql, at| {
        sql.push("principal_kind IN (").bind_list(at.kinds.iter().map(|k| k.as_str())).push(")");
        if !at.below || at.scope.level() != Level::Account {
            sql.push(" AND org_id = ").bind(at.scope.org_column());
        }
        if !at.below || at.scope.level() == Level::Project {
            sql.push(" AND project_id = ").bind(at.scope.project_column());
        }
    });
    list(sql, "role_id", filter.roles.iter().map(String::as_str));
    list(sql, "role_id", filter.role_references.iter().map(String::as_str));
    list(sql, "resource_group_id", filter.resource_groups.iter().map(String::as_str));
    list(sql, "principal_kind", filter.kinds.iter().map(|k| k.as_str()));
    list(sql, "principal_level", filter.levels.iter().map(|l| l.lower()));
    if !filter.principals.is_empty() {
        sql.push(" AND ").any(&filter.principals, &mut |sql, principal| {
            sql.push("principal_kind = ").bind(principal.kind.as_str());
            sql.push(" AND principal_id = ").bind(principal.id.as_str());
            if let Some(level) = principal.level.filter(|_| principal.kind != PrincipalKind::User) {
                sql.push(" AND principal_level = ").bind(level.lower());
            }
        });
    }
    if let Some(managed) = filter.managed {
        sql.push(" AND managed = ").bind(managed);
    }
    if let Some(disabled) = filter.disabled {
        sql.push(" AND disabled = ").bind(disabled);
    }
}

fn list<'a>(sql: &mut Sql, column: &str, values: impl ExactSizeIterator<Item = &'a str>) {
    if values.len() > 0 {
        sql.push(" AND ").push(column).push(" IN (").bind_list(values).push(")");
    }
}

/// Every assignment of the role in its scope.
pub fn of_role(tx: &mut Tx<'_>, scope: &Scope, role: &str) -> Result<Vec<Assignment>, Problem> {
    in_scope(tx, scope, "role_id", role)
}

/// Every assignment on the resource group in its scope.
pub fn of_resource_group(tx: &mut Tx<'_>, scope: &Scope, id: &str) -> Result<Vec<Assignment>, Problem> {
    in_scope(tx, scope, "resource_group_id", id)
}

fn in_scope(tx: &mut Tx<'_>, scope: &Scope, column: &str, id: &str) -> Result<Vec<Assignment>, Problem> {
    let mut sql = Sql::new(SELECT);
    sql.bind(scope.account.as_str()).push(" AND org_id = ").bind(scope.org_column());
    sql.push(" AND project_id = ").bind(scope.project_column());
    sql.push(" AND ").push(column).push(" = ").bind(id);
    run(tx, &scope.account, &sql)
}

/// Every assignment of the principal, in whatever scope. `home`: where a group or service account lives;
/// for users the account.
pub fn of_principal(
    tx: &mut Tx<'_>,
    home: &Scope,
    kind: PrincipalKind,
    id: &str,
) -> Result<Vec<Assignment>, Problem> {
    let mut sql = Sql::new(SELECT);
    let level = if kind == PrincipalKind::User { "" } else { home.level().lower() };
    sql.bind(home.account.as_str()).push(" AND principal_kind = ").bind(kind.as_str());
    sql.push(" AND principal_id = ").bind(id).push(" AND principal_level = ").bind(level);
    if let Some(org) = home.org() {
        sql.push(" AND org_id = ").bind(org);
    }
    if let Some(project) = home.project_id() {
        sql.push(" AND project_id = ").bind(project);
    }
    run(tx, &home.account, &sql)
}

/// Resource groups that the role is assigned on.
pub fn resource_groups_of_role(tx: &mut Tx<'_>, scope: &Scope, role: &str) -> Result<Vec<String>, Problem> {
    let key = params![scope.account.as_str(), scope.org_column(), scope.project_column(), role];
    Ok(tx.query(GROUPS_OF_ROLE, key, |row| row.get(0))?)
}

/// Roles that are assigned on the resource group.
pub fn roles_of_resource_group(tx: &mut Tx<'_>, scope: &Scope, id: &str) -> Result<Vec<String>, Problem> {
    let key = params![scope.account.as_str(), scope.org_column(), scope.project_column(), id];
    Ok(tx.query(ROLES_OF_GROUP, key, |row| row.get(0))?)
}

/// Switches the assignment off or on.
pub fn set_disabled(
    tx: &mut Tx<'_>,
    scope: &Scope,
    id: &str,
    disabled: bool,
    now: Timestamp,
) -> Result<(), Problem> {
    let (org, project) = (scope.org_column(), scope.project_column());
    Ok(tx.put(SET_DISABLED, params![scope.account.as_str(), org, project, id, disabled, now.micros()])?)
}

/// Removes the assignment.
pub fn delete(tx: &mut Tx<'_>, scope: &Scope, id: &str) -> Result<(), Problem> {
    Ok(tx.put(DELETE, params![scope.account.as_str(), scope.org_column(), scope.project_column(), id])?)
}

/// Name and e-mail address, by their ids, of those of these principals of one kind that live in `home`.
/// Groups have no address.
pub fn find_principals(
    tx: &mut Tx<'_>,
    home: &Scope,
    kind: PrincipalKind,
    ids: &[&str],
) -> Result<HashMap<String, (String, String)>, Problem> {
    let (what, scoped) = match kind {
        PrincipalKind::User => ("user_id, name, email FROM users WHERE account_id = $1 AND user_id", false),
        PrincipalKind::UserGroup => ("identifier, name, '' FROM user_groups", true),
        PrincipalKind::ServiceAccount => ("identifier, name, email FROM service_accounts", true),
        PrincipalKind::System => return Ok(HashMap::new()),
    };
    let mut found = HashMap::new();
    for ids in ids.chunks(IDS_AT_ONCE) {
        let mut sql = Sql::new(format!("SELECT {what}"));
        sql.hold(home.account.as_str());
        if scoped {
            sql.push(" WHERE account_id = $1 AND org_id = ").bind(home.org_column());
            sql.push(" AND project_id = ").bind(home.project_column()).push(" AND identifier");
        }
        sql.push(" IN (").bind_ids(ids).push(")");
        let names = |row: &Row<'_>| Ok((row.get::<String>(0)?, (row.get(1)?, row.get(2)?)));
        found.extend(tx.query(sql.text(), &sql.params(), names)?);
    }
    Ok(found)
}

/// Names of the account, the organization and the project of a scope.
pub fn scope_names(tx: &mut Tx<'_>, scope: &Scope) -> Result<[Option<String>; 3], Problem> {
    let key = params![scope.account.as_str(), scope.org_column(), scope.project_column()];
    let names = tx.query_opt(FIND_NAMES, key, |row| Ok([row.get(0)?, row.get(1)?, row.get(2)?]))?;
    Ok(names.unwrap_or_default())
}

/// Who administers all of an account's resources, from the least to the most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Administered {
    /// Nobody.
    ByNobody,
    /// A service account.
    ByMachine,
    /// An active user, by himself or through groups.
    ByUser,
}

/// Who is account administrator of all the account's resources, were this assignment of the account itself
/// not there. Custom resource groups do not count: what they cover can be nothing, or become so.
pub fn administered_without(
    tx: &mut Tx<'_>,
    account: &AccountId,
    assignment: &str,
) -> Result<Administered, Problem> {
    let some = |row: &Row<'_>| row.get::<String>(0);
    if tx.query_opt(ADMINISTRATOR, params![account.as_str(), false, assignment, true], some)?.is_some() {
        return Ok(Administered::ByUser);
    }
    let found = tx.query_opt(MACHINE, params![account.as_str(), false, assignment], some)?;
    Ok(if found.is_some() { Administered::ByMachine } else { Administered::ByNobody })
}

/// The assignments in exactly this scope of principals of a kind, in no order: of all, or of at most
/// `IDS_AT_ONCE` that live at this level (users at none).
pub fn named(
    tx: &mut Tx<'_>,
    at: &Scope,
    kind: PrincipalKind,
    principals: Option<(&str, &[&str])>,
) -> Result<Vec<NamedBinding>, Problem> {
    let mut sql = Sql::new(NAMED);
    sql.hold(at.account.as_str());
    sql.hold(at.org_column());
    sql.hold(at.project_column());
    sql.hold(kind.as_str());
    if let Some((level, ids)) = principals {
        sql.push(OF_LEVEL).bind(level).push(" AND a.principal_id IN (").bind_ids(ids).push(")");
    }
    // Sorted where they are wanted: to have them in order SQLite would go through all bindings of the scope.
    Ok(tx.query(sql.text(), &sql.params(), |row| {
        Ok(NamedBinding {
            principal: row.get(0)?,
            level: row.get(1)?,
            identifier: row.get(2)?,
            role: row.get(3)?,
            role_name: row.get(4)?,
            resource_group: row.get(5)?,
            resource_group_name: row.get(6)?,
            managed: row.get(7)?,
        })
    })?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plans::plan;

    #[test]
    fn the_bindings_of_one_principal_are_found_by_him() {
        let steps = plan(&format!("{NAMED}{OF_LEVEL}$5 AND a.principal_id IN ($6, $7)"));
        assert!(steps[0].contains("principal_id=?"), "{steps:#?}");
    }

    #[test]
    fn administrators_are_found_from_their_bindings_down() {
        let steps = plan(ADMINISTRATOR);
        assert!(plan(MACHINE).iter().all(|step| !step.starts_with("SCAN")), "{:#?}", plan(MACHINE));
        for start in ["SCAN u ", "SCAN users", "SCAN m ", "SCAN g "] {
            assert!(!steps.iter().any(|step| step.starts_with(start)), "{steps:#?}");
        }
        for keys in ["(account_id=? AND user_id=?)", "(account_id=? AND group_id=?)"] {
            assert!(steps.iter().any(|step| step.ends_with(keys)), "{keys}: {steps:#?}");
        }
    }
}
