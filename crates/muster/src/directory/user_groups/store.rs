//! SQL of groups on the platform API.

use std::collections::HashMap;

use db::sql::{IDS_AT_ONCE, Sql};
use db::{Row, Tx, params};

use super::model::{NewUserGroup, UserGroup};
use super::notifications::{Channel, text};
use crate::directory::groups::model::Columns;
use crate::directory::model::Stored;
use crate::kernel::ids::{AccountId, GroupId};
use crate::kernel::problem::Problem;
use crate::kernel::scope::Scope;
use crate::kernel::text::{Tags, tags_text};
use crate::kernel::time::Timestamp;

/// Without documents and channels: only a page of the groups is shown.
const LIST: &str = "SELECT group_id, '', version, created_at, updated_at, org_id, project_id, identifier, name, \
    description, tags, externally_managed, NULL FROM user_groups WHERE account_id = $1 ORDER BY updated_at DESC, group_id";
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
const CHANNELS_OF: &str =
    "SELECT group_id, notification_configs FROM user_groups WHERE account_id = $1 AND group_id IN (";
const SIZES_OF: &str = "SELECT member_count, CAST(COALESCE(LENGTH(notification_configs), 0) AS BIGINT) \
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
        let tags: Tags = serde_json::from_str(&tags).map_err(|error| {
            Problem::internal(format!("the tags of group {identifier} are damaged: {error}"))
        })?;
        Ok(UserGroup {
            notifications: channels(self.notifications.as_deref(), &identifier)?,
            scope: Scope::of(account.clone(), Some(&org), Some(&project))?,
            identifier,
            name,
            description: self.description,
            tags,
            externally_managed: self.externally_managed,
            stored: self.stored,
            users: Vec::new(),
        })
    }
}

fn channels(text: Option<&str>, identifier: &str) -> Result<Vec<Channel>, Problem> {
    let list = text.map(serde_json::from_str).transpose().map_err(|error| {
        Problem::internal(format!("the notification settings of group {identifier} are damaged: {error}"))
    })?;
    Ok(list.unwrap_or_default())
}

/// All groups of the account, in every scope, the last changed first, without their users and documents.
pub fn list(tx: &mut Tx<'_>, account: &AccountId) -> Result<Vec<UserGroup>, Problem> {
    let rows = tx.query(LIST, params![account.as_str()], parts)?;
    rows.into_iter().map(|row| row.group(account)).collect()
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

/// How many bytes these groups have together, roughly, without reading members and channels.
pub fn weight(tx: &mut Tx<'_>, account: &AccountId, groups: &[UserGroup]) -> Result<usize, Problem> {
    let tags =
        |group: &UserGroup| group.tags.iter().map(|(key, value)| key.len() + value.len()).sum::<usize>();
    let mut sum = groups.iter().map(tags).sum();
    for groups in groups.chunks(IDS_AT_ONCE) {
        let sizes = of_these(tx, SIZES_OF, account, groups, |row| Ok([row.get(0)?, row.get(1)?]))?;
        for [members, channels] in sizes {
            let [members, channels] =
                [members, channels].map(|n: i64| usize::try_from(n).unwrap_or_default());
            sum += members * MEMBER_BYTES + channels;
        }
    }
    Ok(sum)
}

/// Gives the groups of a page their users and channels, with few queries for all of them.
pub fn fill(tx: &mut Tx<'_>, account: &AccountId, groups: &mut [UserGroup]) -> Result<(), Problem> {
    for groups in groups.chunks_mut(IDS_AT_ONCE) {
        let kept = of_these(tx, CHANNELS_OF, account, groups, |row| Ok((row.get(0)?, row.get(1)?)))?;
        let mut kept: HashMap<String, Option<String>> = kept.into_iter().collect();
        let mut users: HashMap<String, Vec<Placed>> = HashMap::new();
        for (group, user) in
            of_these(tx, USERS_OF, account, groups, |row| Ok((row.get::<String>(3)?, placed(row)?)))?
        {
            users.entry(group).or_default().push(user);
        }
        for group in groups {
            let id = group.stored.id.as_str();
            group.notifications = channels(kept.remove(id).flatten().as_deref(), &group.identifier)?;
            group.users = arranged(users.remove(id).unwrap_or_default());
        }
    }
    Ok(())
}

fn of_these<T>(
    tx: &mut Tx<'_>,
    what: &str,
    account: &AccountId,
    groups: &[UserGroup],
    read: impl FnMut(&Row<'_>) -> Result<T, db::Error>,
) -> Result<Vec<T>, Problem> {
    if groups.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<&str> = groups.iter().map(|group| group.stored.id.as_str()).collect();
    let mut sql = Sql::new(what);
    sql.hold(account.as_str());
    sql.bind_ids(&ids).push(")");
    Ok(tx.query(sql.text(), &sql.params(), read)?)
}

/// Ids of the groups in a group.
pub fn groups(tx: &mut Tx<'_>, account: &AccountId, id: &str) -> Result<Vec<String>, Problem> {
    Ok(tx.query(GROUPS, params![account.as_str(), id], |row| row.get(0))?)
}

/// Whether the user is named as member.
pub fn is_member(tx: &mut Tx<'_>, account: &AccountId, id: &str, user: &str) -> Result<bool, Problem> {
    Ok(tx.query_opt(IS_MEMBER, params![account.as_str(), id, user], |row| row.get::<String>(0))?.is_some())
}
