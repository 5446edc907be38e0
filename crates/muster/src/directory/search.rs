//! Lists by SCIM filter, order and page. What SQL can decide it decides; the rest is read in chunks and held
//! against the evaluator, so that memory stays bounded by the page (and, for an order SQL cannot make, by
//! `MAX_SORTED` keys).

use std::collections::HashMap;

use db::Tx;
use scim::{Expr, SortBy, SortValue};
use serde_json::Value;

use super::groups::store as groups;
use super::model::{Stored, Subject};
use super::narrow::{Narrowed, narrow};
use super::store::{self, Order};
use crate::kernel::ids::AccountId;
use crate::kernel::problem::{Problem, Result};

/// Rows read at once when the evaluator decides.
const CHUNK: i64 = 500;
/// Most results an order that SQL cannot make may be asked to reach into.
const MAX_SORTED: usize = 10_000;

/// A checked demand.
#[derive(Clone, Debug)]
pub struct Search {
    /// The filter; none lets everything through.
    pub filter: Option<Expr>,
    /// The order; none is by id.
    pub sort: Option<SortBy>,
    /// First result wanted, from 1.
    pub start: usize,
    /// Most results wanted; 0 asks for the total only.
    pub count: usize,
    /// SCIM base URL, for filters on locations.
    pub base: String,
}

/// What was found.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// How many match.
    pub total: u64,
    /// The page.
    pub rows: Vec<Stored>,
}

impl Search {
    /// Whether it touches a handful of rows only.
    pub fn is_selective(&self, subject: Subject) -> bool {
        let narrowed = narrow(subject, self.filter.as_ref());
        narrowed.exact && narrowed.selective
    }
}

/// Runs the search in one snapshot.
///
/// # Errors
/// `Invalid` with `tooMany` for an order that SQL cannot make over more than `MAX_SORTED` results.
pub fn run(tx: &mut Tx<'_>, account: &AccountId, subject: Subject, search: &Search) -> Result<Found> {
    let narrowed = narrow(subject, search.filter.as_ref());
    let order = order(subject, search.sort.as_ref());
    let place = Place { account, subject, search, narrowed: &narrowed };
    match order {
        Some(order) if narrowed.exact => place.by_sql(tx, &order),
        Some(Order::Id) => place.by_evaluator(tx),
        _ => place.sorted(tx),
    }
}

/// The order in SQL, where SQL can make it.
fn order(subject: Subject, sort: Option<&SortBy>) -> Option<Order> {
    let Some(sort) = sort else { return Some(Order::Id) };
    let descending = sort.descending;
    let column = match (subject, &*sort.attr.path) {
        (Subject::User, "userName") => "user_name_key",
        (Subject::User, "active") => "active",
        (Subject::User, "id") => "user_id",
        (Subject::Group, "displayName") => "name_key",
        (Subject::Group, "id") => "group_id",
        (_, "meta.created") => "created_at",
        (_, "meta.lastModified") => "updated_at",
        (_, "externalId") => return Some(Order::Optional { path: None, descending }),
        (_, path) if sort.attr.leaf().indexed && !sort.attr.is_multi_valued() => {
            return Some(Order::Optional { path: Some(path.to_owned()), descending });
        }
        _ => return None,
    };
    Some(Order::Column { column, descending })
}

struct Place<'a> {
    account: &'a AccountId,
    subject: Subject,
    search: &'a Search,
    narrowed: &'a Narrowed,
}

impl Place<'_> {
    fn by_sql(&self, tx: &mut Tx<'_>, order: &Order) -> Result<Found> {
        let (skip, want) = (self.search.start.saturating_sub(1), self.search.count);
        let mut rows = Vec::new();
        if want > 0 {
            let window = (i64::try_from(skip).unwrap_or(i64::MAX), i64::try_from(want).unwrap_or(i64::MAX));
            rows = store::page(tx, self.account, self.subject, self.narrowed, order, window)?;
        }
        let whole = want > 0 && rows.len() < want && (skip == 0 || !rows.is_empty());
        let total = if whole {
            (skip + rows.len()) as u64
        } else {
            let count = store::count(tx, self.account, self.subject, self.narrowed)?;
            u64::try_from(count).unwrap_or_default()
        };
        Ok(Found { total, rows })
    }

    fn by_evaluator(&self, tx: &mut Tx<'_>) -> Result<Found> {
        let (skip, want) = (self.search.start.saturating_sub(1) as u64, self.search.count as u64);
        let mut found = Found::default();
        self.each_match(tx, &mut |stored, _| {
            if found.total >= skip && found.total < skip.saturating_add(want) {
                found.rows.push(stored);
            }
            found.total += 1;
        })?;
        Ok(found)
    }

    /// Keeps the first `start - 1 + count` keys in order and drops the rest as they come.
    fn sorted(&self, tx: &mut Tx<'_>) -> Result<Found> {
        let Some(sort) = &self.search.sort else { return self.by_evaluator(tx) };
        let skip = self.search.start.saturating_sub(1);
        let keep = skip.saturating_add(self.search.count);
        if keep > MAX_SORTED {
            let text = format!(
                "This sortBy reaches {MAX_SORTED} results at most: narrow the filter or sort by an indexed attribute."
            );
            return Err(Problem::invalid(text).code("tooMany"));
        }
        let mut total = 0;
        let mut best: Vec<(Option<SortValue>, String)> = Vec::new();
        let compare = |a: &(Option<SortValue>, String), b: &(Option<SortValue>, String)| {
            sort.compare(a.0.as_ref(), b.0.as_ref()).then_with(|| a.1.cmp(&b.1))
        };
        self.each_match(tx, &mut |stored, resource| {
            total += 1;
            best.push((sort.key(resource), stored.id));
            if best.len() >= 2 * keep + 64 {
                best.sort_by(compare);
                best.truncate(keep);
            }
        })?;
        best.sort_by(compare);
        let page = best.into_iter().skip(skip).take(self.search.count);
        let mut rows = Vec::new();
        for (_, id) in page {
            rows.extend(store::find(tx, self.account, self.subject, &id)?);
        }
        Ok(Found { total, rows })
    }

    /// Hands every match to `take`, by id, with the whole resource as the evaluator sees it.
    fn each_match(&self, tx: &mut Tx<'_>, take: &mut dyn FnMut(Stored, &Value)) -> Result<()> {
        let filter = self.search.filter.as_ref();
        let sorted_by = self.search.sort.as_ref().map(|sort| sort.attr.attr.name.as_str());
        let derived = match self.subject {
            Subject::User => "groups",
            Subject::Group => "members",
        };
        let with_derived = sorted_by == Some(derived) || filter.is_some_and(|expr| names(expr, derived));
        let mut after = String::new();
        loop {
            let rows = store::chunk(tx, self.account, self.subject, self.narrowed, &after, CHUNK)?;
            let Some(last) = rows.last() else { return Ok(()) };
            after.clone_from(&last.id);
            let full = i64::try_from(rows.len()).unwrap_or(CHUNK) < CHUNK;
            let mut groups = HashMap::new();
            if with_derived && self.subject == Subject::User {
                let ids: Vec<&str> = rows.iter().map(|row| row.id.as_str()).collect();
                groups = groups::of_users(tx, self.account, &ids)?;
            }
            for row in rows {
                let mut map = row.resource(self.subject, &self.search.base)?;
                if with_derived {
                    let base = &self.search.base;
                    let list: Vec<Value> = match self.subject {
                        Subject::User => groups
                            .remove(&row.id)
                            .unwrap_or_default()
                            .iter()
                            .map(|g| g.element(base))
                            .collect(),
                        Subject::Group => groups::members(tx, self.account, &row.id)?
                            .iter()
                            .map(|m| m.element(base))
                            .collect(),
                    };
                    map.insert(derived.into(), Value::from(list));
                }
                let resource = Value::Object(map);
                if filter.is_none_or(|expr| expr.matches(&resource)) {
                    take(row, &resource);
                }
            }
            if full {
                return Ok(());
            }
        }
    }
}

/// Whether the filter speaks of a core attribute.
fn names(expr: &Expr, attr: &str) -> bool {
    let is = |found: &scim::AttrRef| found.extension.is_none() && found.attr.name == attr;
    match expr {
        Expr::And(terms) | Expr::Or(terms) => terms.iter().any(|term| names(term, attr)),
        Expr::Not(inner) => names(inner, attr),
        Expr::Compare { attr, .. } | Expr::Present { attr } | Expr::ValuePath { attr, .. } => is(attr),
        Expr::Never => false,
    }
}
