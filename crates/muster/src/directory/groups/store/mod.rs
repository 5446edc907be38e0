//! SQL of groups and memberships.

mod above;

use std::collections::HashSet;
use std::ops::ControlFlow;

use db::sql::{IDS_AT_ONCE, Sql};
use db::{Row, Tx, params};

use super::model::Columns;
use crate::directory::model::{MemberRef, Stored, Subject};
use crate::kernel::ids::{AccountId, GroupId};
use crate::kernel::problem::Problem;
use crate::kernel::scope::Scope;
use crate::kernel::time::Timestamp;

pub use above::{above, of_user, of_users};

const INSERT: &str = "INSERT INTO user_groups (account_id, group_id, org_id, project_id, identifier, name, name_key, \
    external_id, externally_managed, description, tags, member_count, doc, version, created_at, updated_at) \
    VALUES ($1, $2, '', '', $3, $4, $5, $6, $7, NULL, '{}', 0, $8, 1, $9, $9) ON CONFLICT DO NOTHING";
const UPDATE: &str = "UPDATE user_groups SET doc = $4, version = version + 1, updated_at = $5 \
    WHERE account_id = $1 AND group_id = $2 AND version = $3";
const UPDATE_KEYS: &str = "UPDATE user_groups SET name = $3, name_key = $4, external_id = $5 \
    WHERE account_id = $1 AND group_id = $2";
const TOUCH: &str = "UPDATE user_groups SET member_count = member_count + $3, version = version + $4, updated_at = $5 \
    WHERE account_id = $1 AND group_id = $2 RETURNING version, member_count, identifier";
const MEMBER_COUNT: &str = "SELECT member_count FROM user_groups WHERE account_id = $1 AND group_id = $2";
const IDENTIFIER: &str = "SELECT identifier FROM user_groups WHERE account_id = $1 AND group_id = $2";
const TAKEN: &str = "SELECT identifier FROM user_groups WHERE account_id = $1 AND org_id = '' AND project_id = '' \
    AND identifier IN (";
const MEMBERS: &str = "SELECT m.member_id, m.member_kind, COALESCE(u.name, g.name, '') FROM group_members m \
    LEFT JOIN users u ON u.account_id = m.account_id AND u.user_id = m.member_id \
    LEFT JOIN user_groups g ON g.account_id = m.account_id AND g.group_id = m.member_id \
    WHERE m.account_id = $1 AND m.group_id = $2";
const MEMBER_IDS: &str =
    "SELECT member_id, member_kind FROM group_members WHERE account_id = $1 AND group_id = $2";
const HOLDERS: &str = "SELECT g.group_id, g.identifier, g.name, g.external_id, g.org_id, g.project_id \
    FROM group_members m CROSS JOIN user_groups g WHERE g.account_id = $1 AND g.group_id = m.group_id \
    AND m.account_id = $1 AND m.member_id = $2 ORDER BY m.group_id";
const BINDINGS: &str = "SELECT count(*) FROM user_groups g CROSS JOIN role_assignments a WHERE a.account_id = $1 \
    AND a.principal_kind = 'USER_GROUP' AND a.principal_id = g.identifier AND g.account_id = $1 AND g.group_id IN (";
const CLEAR: &str = "DELETE FROM group_members WHERE account_id = $1 AND group_id = $2";
const DELETE: &str = "DELETE FROM user_groups WHERE account_id = $1 AND group_id = $2";
/// The groups are named as well: by the member alone SQLite goes through all memberships of the account.
const DELETE_MEMBERSHIPS: &str = "DELETE FROM group_members WHERE account_id = $1 AND member_id = $2 \
    AND group_id IN (SELECT group_id FROM group_members WHERE account_id = $1 AND member_id = $2)";
const SHRINK_GROUPS: &str = "UPDATE user_groups SET member_count = member_count - 1, version = version + 1, \
    updated_at = $3 WHERE account_id = $1 AND group_id IN \
    (SELECT group_id FROM group_members WHERE account_id = $1 AND member_id = $2)";

/// Inserts a group of the account itself at version 1; `false` when the identifier is taken.
pub fn insert(
    tx: &mut Tx<'_>,
    account: &AccountId,
    id: &GroupId,
    identifier: &str,
    columns: &Columns,
    (doc, externally_managed): (&str, bool),
    now: Timestamp,
) -> Result<bool, Problem> {
    let rows = tx.exec(
        INSERT,
        params![
            account.as_str(),
            id.as_str(),
            identifier,
            &columns.name,
            &columns.name_key,
            columns.external_id.as_deref(),
            externally_managed,
            doc,
            now.micros()
        ],
    )?;
    Ok(rows == 1)
}

/// Writes a document over the version that was read; `false` when another was faster.
pub fn update(
    tx: &mut Tx<'_>,
    account: &AccountId,
    (read, doc): (&Stored, &str),
    (before, after): (&Columns, &Columns),
    now: Timestamp,
) -> Result<bool, Problem> {
    let rows = tx.exec(UPDATE, params![account.as_str(), &read.id, read.version, doc, now.micros()])?;
    if before != after {
        let external = after.external_id.as_deref();
        tx.put(UPDATE_KEYS, params![account.as_str(), &read.id, &after.name, &after.name_key, external])?;
    }
    Ok(rows == 1)
}

/// A group as it is after members came or went.
#[derive(Clone, Debug)]
pub struct Touched {
    /// Its version.
    pub version: i64,
    /// How many members it has.
    pub members: i64,
    /// Its identifier on the platform API.
    pub identifier: String,
}

/// Counts members in and out and moves the version on by `versions`.
pub fn touch(
    tx: &mut Tx<'_>,
    account: &AccountId,
    id: &str,
    (more, versions): (i64, i64),
    now: Timestamp,
) -> Result<Touched, Problem> {
    let values = params![account.as_str(), id, more, versions, now.micros()];
    Ok(tx.query_one(TOUCH, values, |row| {
        Ok(Touched { version: row.get(0)?, members: row.get(1)?, identifier: row.get(2)? })
    })?)
}

/// How many members a group has.
pub fn member_count(tx: &mut Tx<'_>, account: &AccountId, id: &str) -> Result<i64, Problem> {
    Ok(tx.query_one(MEMBER_COUNT, params![account.as_str(), id], |row| row.get(0))?)
}

/// The identifier of a group on the platform API.
pub fn identifier(tx: &mut Tx<'_>, account: &AccountId, id: &str) -> Result<String, Problem> {
    Ok(tx.query_one(IDENTIFIER, params![account.as_str(), id], |row| row.get(0))?)
}

/// Those of these identifiers that a group of the account itself has.
pub fn taken(
    tx: &mut Tx<'_>,
    account: &AccountId,
    identifiers: &[String],
) -> Result<HashSet<String>, Problem> {
    let mut sql = Sql::new(TAKEN);
    sql.hold(account.as_str());
    let identifiers: Vec<&str> = identifiers.iter().map(String::as_str).collect();
    sql.bind_ids(&identifiers).push(")");
    Ok(tx.query(sql.text(), &sql.params(), |row| row.get(0))?.into_iter().collect())
}

fn member(row: &Row<'_>) -> Result<MemberRef, db::Error> {
    Ok(MemberRef { id: row.get(0)?, kind: subject(row, 1)?, name: row.get(2)? })
}

fn subject(row: &Row<'_>, at: usize) -> Result<Subject, db::Error> {
    Ok(Subject::parse(row.text_ref(at)?).unwrap_or(Subject::User))
}

/// All members, by id.
pub fn members(tx: &mut Tx<'_>, account: &AccountId, id: &str) -> Result<Vec<MemberRef>, Problem> {
    let mut sql = Sql::new(MEMBERS);
    sql.hold(account.as_str());
    sql.hold(id);
    sql.push(" ORDER BY m.member_id");
    Ok(tx.query(sql.text(), &sql.params(), member)?)
}

/// Hands every member's id to `f`, with what it is.
pub fn each_member(
    tx: &mut Tx<'_>,
    account: &AccountId,
    id: &str,
    mut f: impl FnMut(&str, Subject),
) -> Result<(), Problem> {
    tx.each(MEMBER_IDS, params![account.as_str(), id], |row| {
        f(row.text_ref(0)?, subject(row, 1)?);
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(())
}

/// All members by id, without their names.
pub fn nameless(tx: &mut Tx<'_>, account: &AccountId, id: &str) -> Result<Vec<MemberRef>, Problem> {
    let mut found = Vec::new();
    each_member(tx, account, id, |id, kind| {
        found.push(MemberRef { id: id.to_owned(), kind, name: String::new() });
    })?;
    found.sort_unstable_by(|a, b| a.id.cmp(&b.id));
    Ok(found)
}

/// Those of `ids` that are members.
pub fn members_among(
    tx: &mut Tx<'_>,
    account: &AccountId,
    id: &str,
    ids: &[&str],
) -> Result<Vec<MemberRef>, Problem> {
    let mut found = Vec::new();
    for ids in ids.chunks(IDS_AT_ONCE) {
        let mut sql = Sql::new(MEMBERS);
        sql.hold(account.as_str());
        sql.hold(id);
        sql.push(" AND m.member_id IN (");
        sql.bind_ids(ids);
        sql.push(")");
        found.extend(tx.query(sql.text(), &sql.params(), member)?);
    }
    Ok(found)
}

/// Those of `ids` that are users or groups of the account, each with whether it is a member of `group`
/// already.
pub fn resolve(
    tx: &mut Tx<'_>,
    account: &AccountId,
    group: &str,
    kind: Subject,
    ids: &[&str],
) -> Result<Vec<(MemberRef, bool)>, Problem> {
    let (table, column) = match kind {
        // Nothing else can be a member.
        Subject::User | Subject::Custom => ("users", "user_id"),
        Subject::Group => ("user_groups", "group_id"),
    };
    let mut found = Vec::new();
    for ids in ids.chunks(IDS_AT_ONCE) {
        let mut sql = Sql::new(format!(
            "SELECT t.{column}, t.name, CASE WHEN EXISTS (SELECT 1 FROM group_members m WHERE m.account_id = $1 \
             AND m.group_id = $2 AND m.member_id = t.{column}) THEN 1 ELSE 0 END \
             FROM {table} t WHERE t.account_id = $1 AND t.{column} IN ("
        ));
        sql.hold(account.as_str());
        sql.hold(group);
        sql.bind_ids(ids);
        sql.push(if kind == Subject::Group { ") AND t.org_id = '' AND t.project_id = ''" } else { ")" });
        found.extend(tx.query(sql.text(), &sql.params(), |row| {
            let there: i64 = row.get(2)?;
            Ok((MemberRef { id: row.get(0)?, kind, name: row.get(1)? }, there == 1))
        })?);
    }
    Ok(found)
}

/// What a membership row has besides who it is about: it decides the order on the platform API.
#[derive(Clone, Copy, Debug)]
pub struct Seat {
    since: Timestamp,
    place: Option<i64>,
}

/// Writes membership rows, each with the seat that its member had, if any; answers how many were new.
pub fn add(
    tx: &mut Tx<'_>,
    account: &AccountId,
    group: &str,
    members: &[(MemberRef, Option<Seat>)],
    now: Timestamp,
) -> Result<u64, Problem> {
    let newcomer = Seat { since: now, place: None };
    let mut new = 0;
    for members in members.chunks(64) {
        let mut sql = Sql::new(
            "INSERT INTO group_members (account_id, group_id, member_id, member_kind, added_at, place) VALUES ",
        );
        let (account, group) = (sql.hold(account.as_str()), sql.hold(group));
        for (nth, (member, seat)) in members.iter().enumerate() {
            let seat = seat.unwrap_or(newcomer);
            sql.push(if nth == 0 { "(" } else { ", (" }).reuse(account).push(", ").reuse(group).push(", ");
            sql.bind(member.id.as_str()).push(", ").bind(member.kind.name()).push(", ");
            sql.bind(seat.since.micros()).push(", ").bind(seat.place).push(")");
        }
        sql.push(" ON CONFLICT DO NOTHING");
        new += tx.exec(sql.text(), &sql.params())?;
    }
    Ok(new)
}

/// Removes membership rows; answers by their ids what seats those had who were there.
pub fn remove(
    tx: &mut Tx<'_>,
    account: &AccountId,
    group: &str,
    ids: &[&str],
) -> Result<Vec<(String, Seat)>, Problem> {
    let mut gone = Vec::new();
    for ids in ids.chunks(IDS_AT_ONCE) {
        let mut sql =
            Sql::new("DELETE FROM group_members WHERE account_id = $1 AND group_id = $2 AND member_id IN (");
        sql.hold(account.as_str());
        sql.hold(group);
        sql.bind_ids(ids);
        sql.push(") RETURNING member_id, added_at, place");
        gone.extend(tx.query(sql.text(), &sql.params(), |row| {
            Ok((row.get(0)?, Seat { since: Timestamp::from_micros(row.get(1)?), place: row.get(2)? }))
        })?);
    }
    Ok(gone)
}

/// A group that has somebody as member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// Its id.
    pub id: String,
    /// Its identifier where it lives.
    pub identifier: String,
    /// Its name.
    pub name: String,
    /// `externalId`.
    pub external_id: Option<String>,
    /// Where it lives.
    pub scope: Scope,
}

/// The groups that name a user or group as member, by id.
pub fn holders(tx: &mut Tx<'_>, account: &AccountId, member: &str) -> Result<Vec<Holder>, Problem> {
    let rows = tx.query(HOLDERS, params![account.as_str(), member], |row| {
        let named = (row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?);
        Ok((named, row.get::<String>(4)?, row.get::<String>(5)?))
    })?;
    let holder = |((id, identifier, name, external_id), org, project): (_, String, String)| {
        let scope = Scope::of(account.clone(), Some(&org), Some(&project))?;
        Ok(Holder { id, identifier, name, external_id, scope })
    };
    rows.into_iter().map(holder).collect()
}

/// Whether the group, or one it is in, is bound to a role.
pub fn carries_roles(tx: &mut Tx<'_>, account: &AccountId, group: &str) -> Result<bool, Problem> {
    let above = above(tx, account, group)?;
    let ids: Vec<&str> = above.iter().map(String::as_str).collect();
    for ids in ids.chunks(IDS_AT_ONCE) {
        let mut sql = Sql::new(BINDINGS);
        sql.hold(account.as_str());
        sql.bind_ids(ids);
        sql.push(")");
        let bindings: i64 = tx.query_one(sql.text(), &sql.params(), |row| row.get(0))?;
        if bindings > 0 {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Removes the group with its members and memberships.
pub fn delete(tx: &mut Tx<'_>, account: &AccountId, id: &str, now: Timestamp) -> Result<(), Problem> {
    tx.put(DELETE, params![account.as_str(), id])?;
    tx.put(CLEAR, params![account.as_str(), id])?;
    leave_all(tx, account, id, now)
}

/// Takes a user or group out of every group that it is in, which is another version of each.
pub fn leave_all(tx: &mut Tx<'_>, account: &AccountId, member: &str, now: Timestamp) -> Result<(), Problem> {
    tx.put(SHRINK_GROUPS, params![account.as_str(), member, now.micros()])?;
    Ok(tx.put(DELETE_MEMBERSHIPS, params![account.as_str(), member])?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plans::{goes_through, plan};

    #[test]
    fn a_group_goes_without_going_through_the_account() {
        for sql in [
            MEMBERS,
            MEMBER_IDS,
            DELETE,
            CLEAR,
            SHRINK_GROUPS,
            DELETE_MEMBERSHIPS,
            IDENTIFIER,
            MEMBER_COUNT,
            HOLDERS,
        ] {
            let steps = plan(sql);
            assert!(!steps.iter().any(|step| goes_through(step)), "{sql}: {steps:#?}");
        }
    }

    #[test]
    fn an_identifier_is_looked_up_without_going_through_the_account() {
        let steps = plan(&format!("{TAKEN}$2, $3)"));
        assert!(!steps.iter().any(|step| goes_through(step)), "{steps:#?}");
    }
}
