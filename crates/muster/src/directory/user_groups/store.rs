//! SQL of groups on the platform API.

use std::collections::HashMap;
use std::ops::ControlFlow;

use db::sql::{IDS_AT_ONCE, Sql};
use db::{Row, Tx, params};

use super::model::{Listed, NewUserGroup, UserGroup};
use super::notifications::{Channel, text};
use crate::directory::groups::model::Columns;
use crate::directory::model::Stored;
use crate::kernel::ids::{AccountId, GroupId};
use crate::kernel::listing::{SearchTerm, words};
use crate::kernel::problem::Problem;
use crate::kernel::scope::Scope;
use crate::kernel::text::{Tags, tags_text};
use crate::kernel::time::Timestamp;

/// What is small: only a page of the groups is shown.
const LIST: &str = "SELECT group_id, created_at, updated_at, org_id, project_id, identifier, name, '' \
    FROM user_groups WHERE account_id = $1";
/// Not in an order: what sorts would keep the tags until it is done.
const LIST_TO_SEARCH: &str = "SELECT group_id, created_at, updated_at, org_id, project_id, identifier, name, tags \
    FROM user_groups WHERE account_id = $1";
const SHOWN: &str = "SELECT group_id, '', version, created_at, updated_at, org_id, project_id, identifier, name, \
    description, tags, externally_managed, notification_configs FROM user_groups \
    WHERE account_id = $1 AND group_id IN (";
const FIND: &str = "SELECT group_id, doc, version, created_at, updated_at, org_id, project_id, identifier, name, \
    description, tags, externally_managed, notification_configs FROM user_groups \
    WHERE account_id = $1 AND org_id = $2 AND project_id = $3 AND identifier = $4";
const INSERT: &str = "INSERT INTO user_groups (account_id, group_id, org_id, project_id, identifier, name, name_key, \
    external_id, externally_managed, description, tags, member_count, doc, version, created_at, updated_at, \
    notification_configs) VALUES ($1, $2, $3, $4, $5, $6, $7, NULL, $8, $9, $10, 0, $11, 1, $12, $12, $13) ON CONFLICT DO NOTHING";
const DESCRIBE: &str = "UPDATE user_groups SET description = $3, tags = $4, version = version + $5, updated_at = $6, \
    notification_configs = $7 \
    WHERE account_id = $1 AND group_id = $2";
const USERS: &str = "SELECT member_id, added_at, place FROM group_members \
    WHERE account_id = $1 AND group_id = $2 AND member_kind = 'User'";
const USERS_OF: &str = "SELECT member_id, added_at, place, group_id FROM group_members \
    WHERE account_id = $1 AND member_kind = 'User' AND group_id IN (";
const SIZES_OF: &str = "SELECT member_count, CAST(OCTET_LENGTH(tags) AS BIGINT), \
    CAST(COALESCE(OCTET_LENGTH(notification_configs), 0) AS BIGINT) \
    FROM user_groups WHERE account_id = $1 AND group_id IN (";
const GROUPS: &str = "SELECT member_id FROM group_members \
    WHERE account_id = $1 AND group_id = $2 AND member_kind = 'Group' ORDER BY member_id";
const IS_MEMBER: &str =
    "SELECT member_id FROM group_members WHERE account_id = $1 AND group_id = $2 AND member_id = $3";

/// Users whose places one statement writes at most.
const PLACED_AT_ONCE: usize = 64;

/// What an id takes in a list.
const MEMBER_BYTES: usize = 40;

struct Parts {
    stored: Stored,
    texts: [String; 5],
    description: Option<String>,
    externally_managed: bool,
    notifications: Option<String>,
}

fn parts(row: &Row<'_>) -> Result<Parts, db::Error> {
    Ok(Parts {
        stored: crate::directory::store::stored(row)?,
        texts: [row.get(5)?, row.get(6)?, row.get(7)?, row.get(8)?, row.get(10)?],
        description: row.get(9)?,
        externally_managed: row.get(11)?,
        notifications: row.get(12)?,
    })
}

impl Parts {
    fn group(self, account: &AccountId) -> Result<UserGroup, Problem> {
        let [org, project, identifier, name, tags] = self.texts;
        Ok(UserGroup {
            notifications: channels(self.notifications.as_deref(), &identifier)?,
            scope: Scope::of(account.clone(), Some(&org), Some(&project))?,
            tags: labels(&tags, &identifier)?,
            identifier,
            name,
            description: self.description,
            externally_managed: self.externally_managed,
            stored: self.stored,
            users: Vec::new(),
        })
    }
}

fn labels(text: &str, identifier: &str) -> Result<Tags, Problem> {
    serde_json::from_str(text)
        .map_err(|error| Problem::internal(format!("the tags of group {identifier} are damaged: {error}")))
}

fn channels(text: Option<&str>, identifier: &str) -> Result<Vec<Channel>, Problem> {
    let list = text.map(serde_json::from_str).transpose().map_err(|error| {
        Problem::internal(format!("the notification settings of group {identifier} are damaged: {error}"))
    })?;
    Ok(list.unwrap_or_default())
}

/// The groups of the account, of every scope, that are to be `shown` and have in them what is searched for,
/// the last changed first. Tags can be large: they are read for a search only, those of one group at a time.
pub fn list(
    tx: &mut Tx<'_>,
    account: &AccountId,
    search: &SearchTerm,
    shown: impl Fn(&Listed) -> bool,
) -> Result<Vec<Listed>, Problem> {
    let (mut found, mut whole) = (Vec::new(), Ok(()));
    let sql = if search.is_empty() { LIST } else { LIST_TO_SEARCH };
    tx.each(sql, params![account.as_str()], |row| {
        match wanted(row, account, search, &shown) {
            Ok(group) => found.extend(group),
            Err(problem) => whole = Err(problem),
        }
        Ok(if whole.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
    })?;
    whole?;
    found.sort_unstable_by(|a: &Listed, b| b.updated.cmp(&a.updated).then_with(|| a.id.cmp(&b.id)));
    Ok(found)
}

fn wanted(
    row: &Row<'_>,
    account: &AccountId,
    search: &SearchTerm,
    shown: impl Fn(&Listed) -> bool,
) -> Result<Option<Listed>, Problem> {
    let group = Listed {
        id: row.get(0)?,
        created: Timestamp::from_micros(row.get(1)?),
        updated: Timestamp::from_micros(row.get(2)?),
        scope: Scope::of(account.clone(), Some(row.text_ref(3)?), Some(row.text_ref(4)?))?,
        identifier: row.get(5)?,
        name: row.get(6)?,
    };
    let has_it = shown(&group)
        && (search.hits([group.name.as_str(), &group.identifier])
            || search.hits(words(&labels(row.text_ref(7)?, &group.identifier)?)));
    Ok(has_it.then_some(group))
}

/// The group of that identifier in that scope, without its users.
pub fn find(tx: &mut Tx<'_>, scope: &Scope, identifier: &str) -> Result<Option<UserGroup>, Problem> {
    let key = params![scope.account.as_str(), scope.org_column(), scope.project_column(), identifier];
    tx.query_opt(FIND, key, parts)?.map(|row| row.group(&scope.account)).transpose()
}

/// Inserts a group that SCIM does not keep, at version 1; `false` when the identifier is taken.
pub fn insert(
    tx: &mut Tx<'_>,
    scope: &Scope,
    id: &GroupId,
    (new, columns, doc): (&NewUserGroup, &Columns, &str),
    now: Timestamp,
) -> Result<bool, Problem> {
    let rows = tx.exec(
        INSERT,
        params![
            scope.account.as_str(),
            id.as_str(),
            scope.org_column(),
            scope.project_column(),
            &new.identifier,
            &columns.name,
            &columns.name_key,
            false,
            new.description.as_deref(),
            &tags_text(&new.tags)?,
            doc,
            now.micros(),
            text(&new.notifications).as_deref()
        ],
    )?;
    Ok(rows == 1)
}

/// Writes description, tags and notification settings; moves the version on by `versions`.
pub fn describe(
    tx: &mut Tx<'_>,
    account: &AccountId,
    id: &str,
    new: &NewUserGroup,
    versions: i64,
    now: Timestamp,
) -> Result<(), Problem> {
    let (tags, channels) = (tags_text(&new.tags)?, text(&new.notifications));
    let (description, tags, channels) = (new.description.as_deref(), tags.as_str(), channels.as_deref());
    let values = params![account.as_str(), id, description, tags, versions, now.micros(), channels];
    Ok(tx.put(DESCRIBE, values)?)
}

/// Gives the users of a group their places in this order; those that have them already cost nothing.
pub fn arrange(tx: &mut Tx<'_>, account: &AccountId, id: &str, order: &[String]) -> Result<(), Problem> {
    let had: HashMap<String, Option<i64>> = tx
        .query(USERS, params![account.as_str(), id], |row| Ok((row.get(0)?, row.get(2)?)))?
        .into_iter()
        .collect();
    let moved: Vec<(&str, i64)> = (0..)
        .zip(order)
        .filter(|(place, user)| had.get(*user).is_some_and(|had| *had != Some(*place)))
        .map(|(place, user)| (user.as_str(), place))
        .collect();
    for moved in moved.chunks(PLACED_AT_ONCE) {
        let mut sql = Sql::new("UPDATE group_members SET place = CASE member_id");
        let (account, group) = (sql.hold(account.as_str()), sql.hold(id));
        for (user, place) in moved {
            sql.push(" WHEN ").bind(*user).push(" THEN CAST(").bind(*place).push(" AS BIGINT)");
        }
        sql.push(" END WHERE account_id = ").reuse(account).push(" AND group_id = ").reuse(group);
        sql.push(" AND member_id IN (").bind_list(moved.iter().map(|(user, _)| *user)).push(")");
        tx.put(sql.text(), &sql.params())?;
    }
    Ok(())
}

/// A user of a group: id, when he came, and the place that he was given.
type Placed = (String, i64, Option<i64>);

fn placed(row: &Row<'_>) -> Result<Placed, db::Error> {
    Ok((row.get(0)?, row.get(1)?, row.get(2)?))
}

/// Those with a place first, by it, then the others as they came.
fn arranged(mut found: Vec<Placed>) -> Vec<String> {
    found.sort_by(|a, b| {
        let key = |user: &Placed| (user.2.unwrap_or(i64::MAX), user.1);
        key(a).cmp(&key(b)).then_with(|| a.0.cmp(&b.0))
    });
    found.into_iter().map(|(id, ..)| id).collect()
}

/// Ids of the users in a group, in their order.
pub fn users(tx: &mut Tx<'_>, account: &AccountId, id: &str) -> Result<Vec<String>, Problem> {
    Ok(arranged(tx.query(USERS, params![account.as_str(), id], placed)?))
}

/// How many bytes these groups have together, roughly, without reading members, tags and channels.
pub fn weight(tx: &mut Tx<'_>, account: &AccountId, groups: &[Listed]) -> Result<usize, Problem> {
    let mut sum = 0;
    for groups in groups.chunks(IDS_AT_ONCE) {
        of_these(tx, SIZES_OF, account, groups, |row| {
            let [members, tags, channels] =
                [row.get(0)?, row.get(1)?, row.get(2)?].map(|n: i64| usize::try_from(n).unwrap_or_default());
            sum += members * MEMBER_BYTES + tags + channels;
            Ok(())
        })?;
    }
    Ok(sum)
}

/// The groups of a page with all that is shown of them, in its order, with few queries for all of them.
pub fn load(tx: &mut Tx<'_>, account: &AccountId, page: &[Listed]) -> Result<Vec<UserGroup>, Problem> {
    let mut groups = Vec::with_capacity(page.len());
    for listed in page.chunks(IDS_AT_ONCE) {
        let mut found: HashMap<String, Parts> = HashMap::new();
        of_these(tx, SHOWN, account, listed, |row| {
            let parts = parts(row)?;
            found.insert(parts.stored.id.clone(), parts);
            Ok(())
        })?;
        let mut users: HashMap<&str, Vec<Placed>> =
            listed.iter().map(|group| (group.id.as_str(), Vec::new())).collect();
        of_these(tx, USERS_OF, account, listed, |row| {
            if let Some(users) = users.get_mut(row.text_ref(3)?) {
                users.push(placed(row)?);
            }
            Ok(())
        })?;
        for Listed { id, .. } in listed {
            let Some(parts) = found.remove(id) else { continue };
            let users = arranged(users.remove(id.as_str()).unwrap_or_default());
            groups.push(UserGroup { users, ..parts.group(account)? });
        }
    }
    Ok(groups)
}

fn of_these(
    tx: &mut Tx<'_>,
    what: &str,
    account: &AccountId,
    groups: &[Listed],
    mut read: impl FnMut(&Row<'_>) -> Result<(), db::Error>,
) -> Result<(), Problem> {
    let ids: Vec<&str> = groups.iter().map(|group| group.id.as_str()).collect();
    let mut sql = Sql::new(what);
    sql.hold(account.as_str());
    sql.bind_ids(&ids).push(")");
    Ok(tx.each(sql.text(), &sql.params(), |row| read(row).map(ControlFlow::Continue))?)
}

/// Ids of the groups in a group.
pub fn groups(tx: &mut Tx<'_>, account: &AccountId, id: &str) -> Result<Vec<String>, Problem> {
    Ok(tx.query(GROUPS, params![account.as_str(), id], |row| row.get(0))?)
}

/// Whether the user is named as member.
pub fn is_member(tx: &mut Tx<'_>, account: &AccountId, id: &str, user: &str) -> Result<bool, Problem> {
    Ok(tx.query_opt(IS_MEMBER, params![account.as_str(), id, user], |row| row.get::<String>(0))?.is_some())
}
