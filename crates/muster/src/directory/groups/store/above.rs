//! Who is in which groups, directly and by other groups.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::ops::ControlFlow;

use db::sql::{IDS_AT_ONCE, Sql};
use db::{Error, Row, Tx};

use crate::directory::model::{GroupRef, Subject};
use crate::kernel::ids::AccountId;
use crate::kernel::problem::Problem;

/// Memberships of named members. The order of the join is given: without statistics SQLite's planner would
/// go through all groups of the account, and through all memberships in a recursive query.
const ABOVE: &str = "SELECT m.member_id, m.group_id, g.name, g.name_key, g.org_id \
    FROM group_members m CROSS JOIN user_groups g WHERE g.account_id = $1 AND g.group_id = m.group_id \
    AND m.account_id = $1 AND m.member_id IN (";

/// So many groups of several users are in memory at a time.
const MOST_GROUPS: usize = 100_000;

/// One membership, with the group's name and the key it is ordered by.
struct Edge {
    member: String,
    group: String,
    name: String,
    name_key: String,
    /// Empty for a group of the account itself.
    org: String,
}

impl Edge {
    fn read(row: &Row<'_>) -> Result<Self, Error> {
        let (member, group) = (row.get(0)?, row.get(1)?);
        Ok(Self { member, group, name: row.get(2)?, name_key: row.get(3)?, org: row.get(4)? })
    }
}

/// The groups of one user, as by `of_users`.
pub fn of_user(tx: &mut Tx<'_>, account: &AccountId, user: &str) -> Result<Vec<GroupRef>, Problem> {
    Ok(of_users(tx, account, &[user])?.pop().unwrap_or_default())
}

/// Groups of the account itself that each of these users is in, direct and indirect, by name: SCIM shows no
/// others. For as many of the users, from the first on, as are in `MOST_GROUPS` together: who reaches beyond
/// is the last one.
pub fn of_users(tx: &mut Tx<'_>, account: &AccountId, users: &[&str]) -> Result<Vec<Vec<GroupRef>>, Problem> {
    let (mut lists, mut held, mut at_once) = (Vec::with_capacity(users.len()), 0, users.len());
    while lists.len() < users.len() && held < MOST_GROUPS {
        let rest = &users[lists.len()..];
        let some = &rest[..at_once.min(rest.len())];
        // One alone has as many as he has.
        let most = if some.len() > 1 { MOST_GROUPS } else { usize::MAX };
        let Some(edges) = edges_above(tx, account, Subject::User, some, most)? else {
            at_once = some.len().div_ceil(2);
            continue;
        };
        let ways = Ways::of(&edges);
        for user in some {
            if held < MOST_GROUPS {
                let groups = ways.up_from(user);
                held += groups.len();
                lists.push(groups);
            }
        }
    }
    Ok(lists)
}

/// Memberships by who the member is.
struct Ways<'e>(HashMap<&'e str, Vec<&'e Edge>>);

impl<'e> Ways<'e> {
    fn of(edges: &'e [Edge]) -> Self {
        let mut by_member: HashMap<&str, Vec<&Edge>> = HashMap::new();
        for edge in edges {
            by_member.entry(&edge.member).or_default().push(edge);
        }
        Self(by_member)
    }

    fn of_member(&self, member: &str) -> impl Iterator<Item = &'e Edge> {
        self.0.get(member).into_iter().flatten().copied()
    }

    /// The groups of the account itself on the ways up, by name.
    fn up_from(&self, user: &str) -> Vec<GroupRef> {
        let mut groups: HashMap<&str, (&Edge, bool)> = HashMap::new();
        let mut ways: Vec<(&Edge, bool)> = self.of_member(user).map(|edge| (edge, true)).collect();
        while let Some((edge, direct)) = ways.pop() {
            match groups.entry(&edge.group) {
                Entry::Occupied(mut known) => known.get_mut().1 |= direct,
                Entry::Vacant(place) => {
                    place.insert((edge, direct));
                    ways.extend(self.of_member(&edge.group).map(|edge| (edge, false)));
                }
            }
        }
        let mut list: Vec<_> = groups.into_values().filter(|(edge, _)| edge.org.is_empty()).collect();
        list.sort_by_key(|(edge, _)| (&edge.name_key, &edge.group));
        let told = |(edge, direct): (&Edge, bool)| GroupRef {
            id: edge.group.clone(),
            name: edge.name.clone(),
            direct,
        };
        list.into_iter().map(told).collect()
    }
}

/// Every membership on the ways up from `ids`, all of one kind, level by level; nothing is walked twice.
/// Nothing where there are more than `most`.
fn edges_above(
    tx: &mut Tx<'_>,
    account: &AccountId,
    mut kind: Subject,
    ids: &[&str],
    most: usize,
) -> Result<Option<Vec<Edge>>, Problem> {
    let mut seen: HashSet<String> = HashSet::new();
    let mut edges: Vec<Edge> = Vec::new();
    let mut level: Vec<String> = ids.iter().map(|id| (*id).to_owned()).collect();
    while !level.is_empty() {
        let start = edges.len();
        for ids in level.chunks(IDS_AT_ONCE) {
            let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
            let mut sql = Sql::new(ABOVE);
            sql.hold(account.as_str());
            sql.bind_ids(&ids);
            // Memberships of groups are few, and have an index of their own.
            sql.push(if kind == Subject::Group { ") AND m.member_kind = 'Group'" } else { ")" });
            tx.each(sql.text(), &sql.params(), |row| {
                edges.push(Edge::read(row)?);
                Ok(if edges.len() > most { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
            })?;
            if edges.len() > most {
                return Ok(None);
            }
        }
        let new = edges[start..].iter().filter(|edge| seen.insert(edge.group.clone()));
        level = new.map(|edge| edge.group.clone()).collect();
        kind = Subject::Group;
    }
    Ok(Some(edges))
}

/// The group and every group it is in, directly or not.
pub fn above(tx: &mut Tx<'_>, account: &AccountId, group: &str) -> Result<Vec<String>, Problem> {
    let mut ids = vec![group.to_owned()];
    for edge in edges_above(tx, account, Subject::Group, &[group], usize::MAX)?.into_iter().flatten() {
        if !ids.contains(&edge.group) {
            ids.push(edge.group);
        }
    }
    Ok(ids)
}
