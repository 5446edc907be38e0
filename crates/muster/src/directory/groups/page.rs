//! A page of groups with their members, of which memory must hold no more than it can bear.

use db::Tx;

use super::model::GroupResource;
use super::store;
use crate::directory::model::Subject;
use crate::directory::narrow::Narrowed;
use crate::directory::search::{self, Found, Search};
use crate::kernel::ids::AccountId;
use crate::kernel::problem::Result;

/// A page of groups with so many members in it takes no further group: all of them are in memory, and again
/// as text.
const LISTED_MEMBERS: usize = 100_000;

/// The groups with their members, as many groups as have `LISTED_MEMBERS` together: one that reaches beyond
/// is the last one of its page.
///
/// # Errors
/// Of the database.
pub(super) fn filled(
    tx: &mut Tx<'_>,
    account: &AccountId,
    search: (&Search, &Narrowed),
    found: Found,
) -> Result<Found<GroupResource>> {
    let (mut lists, mut held) = (Vec::with_capacity(found.rows.len()), 0);
    while let Some(row) = found.rows.get(lists.len()).filter(|_| held < LISTED_MEMBERS) {
        let members = store::members(tx, account, &row.id)?;
        held += members.len();
        lists.push(members);
    }
    let with = |(stored, members)| GroupResource { stored, members: Some(members) };
    let found = search::shorter(tx, account, Subject::Group, search, found, lists.len())?;
    found.with(|rows| Ok(rows.into_iter().zip(lists).map(with).collect()))
}
