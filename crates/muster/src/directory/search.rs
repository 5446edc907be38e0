//! Lists by SCIM filter, order and page. What SQL can decide it decides; the rest is read in chunks and held
//! against the evaluator, so that memory stays bounded by the page (and, for an order SQL cannot make, by
//! `MAX_SORTED` keys).

use std::cmp::Ordering;
use std::ops::ControlFlow;
use std::slice;
use std::sync::Arc;

use db::Tx;
use scim::{AttrRef, Expr, ResourceType, Sieve, SortBy, SortValue};
use serde_json::Value;

use super::groups::store as groups;
use super::model::{GroupRef, Stored, Subject};
use super::narrow::{Narrowed, narrow};
use super::nearest::Nearest;
use super::store::{self, Batch, Order, Place};
use super::users::store as users;
use crate::accounts::store as accounts;
use crate::kernel::ids::AccountId;
use crate::kernel::problem::{Problem, Result};

/// Rows read at once when the evaluator decides.
const CHUNK: i64 = 500;
/// So few are found by the index of their condition and sorted; more are walked in the order of their ids.
const FEW: u64 = 1_000;
/// Most results an order that SQL cannot make may be asked to reach into.
const MAX_SORTED: usize = 10_000;

/// A checked demand.
#[derive(Clone, Debug)]
pub struct Search {
    /// The resource type, as the account has it.
    pub kind: Arc<ResourceType>,
    /// The filter; none lets everything through.
    pub filter: Option<Expr>,
    /// The order; none is by id.
    pub sort: Option<SortBy>,
    /// First result wanted, from 1; of no account in a walk.
    pub start: usize,
    /// Most results wanted; 0 asks for the total only.
    pub count: usize,
    /// SCIM base URL, for filters on locations.
    pub base: String,
    /// By cursor instead of by index.
    pub walk: Option<Walk>,
}

/// Where a walk by cursor goes on (RFC 9865).
#[derive(Clone, Debug, Default)]
pub struct Walk {
    /// Behind which resource; none: at the beginning.
    pub after: Option<Place>,
    /// How many matched when the walk began; none: to be counted.
    pub total: Option<u64>,
}

/// What was found.
#[derive(Clone, Debug)]
pub struct Found<T = Stored> {
    /// How many match; in a walk, how many did when it began.
    pub total: u64,
    /// The page.
    pub rows: Vec<T>,
    /// In a walk: where it goes on, unless this is its last page.
    pub next: Option<Place>,
    /// Does the page end before what was asked for, because it would be too large?
    pub cut: bool,
}

impl Found {
    fn page(total: u64, batch: Batch) -> Self {
        Self { total, rows: batch.rows, next: None, cut: batch.cut }
    }

    /// The same page of other things.
    ///
    /// # Errors
    /// Those of `make`.
    pub fn with<T>(self, make: impl FnOnce(Vec<Stored>) -> Result<Vec<T>>) -> Result<Found<T>> {
        Ok(Found { total: self.total, rows: make(self.rows)?, next: self.next, cut: self.cut })
    }
}

impl Search {
    /// Its filter as far as SQL can decide it.
    pub fn narrowed(&self, subject: Subject) -> Narrowed {
        narrow(subject, &self.kind, self.filter.as_ref())
    }
}

/// Runs the search, narrowed by its filter, in one snapshot.
///
/// # Errors
/// `Invalid` with `tooMany` for an order that SQL cannot make over more than `MAX_SORTED` results.
pub fn run(
    tx: &mut Tx<'_>,
    account: &AccountId,
    subject: Subject,
    (search, narrowed): (&Search, &Narrowed),
) -> Result<Found> {
    let order = order(subject, search.sort.as_ref());
    let run = Run { account, subject, search, narrowed };
    match (order, &search.walk) {
        (Some(order), None) if narrowed.exact => run.by_sql(tx, &order),
        (Some(order), Some(walk)) if narrowed.exact => run.walk_by_sql(tx, &order, walk),
        (_, Some(walk)) => run.walk_by_evaluator(tx, walk),
        (Some(Order::Id), None) => run.by_evaluator(tx),
        _ => run.sorted(tx),
    }
}

/// The page that ends behind the first `keep`, and goes on there where it is one of a walk.
///
/// # Errors
/// Of the database.
pub fn shorter(
    tx: &mut Tx<'_>,
    account: &AccountId,
    subject: Subject,
    (search, narrowed): (&Search, &Narrowed),
    mut found: Found,
    keep: usize,
) -> Result<Found> {
    if keep >= found.rows.len() {
        return Ok(found);
    }
    found.rows.truncate(keep);
    found.cut = true;
    if let (Some(_), Some(last)) = (&search.walk, found.rows.last()) {
        let run = Run { account, subject, search, narrowed };
        found.next = Some(Place { key: run.sort_key(tx, last)?, id: last.id.clone() });
    }
    Ok(found)
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
        (Subject::Custom, "id") => "object_id",
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

struct Run<'a> {
    account: &'a AccountId,
    subject: Subject,
    search: &'a Search,
    narrowed: &'a Narrowed,
}

impl Run<'_> {
    fn by_sql(&self, tx: &mut Tx<'_>, order: &Order) -> Result<Found> {
        if *order == Order::Id && (self.narrowed.leaning || self.is_whole_list()) {
            return self.by_total(tx);
        }
        let (skip, want) = (self.search.start.saturating_sub(1), self.search.count);
        let mut page = Batch::default();
        if want > 0 {
            page = self.page(tx, order, (skip as u64, want as u64))?;
        }
        let read = page.rows.len();
        let whole = !page.cut && read < want && (skip == 0 || read > 0);
        let total = if whole { (skip + read) as u64 } else { self.count(tx)? };
        Ok(Found::page(total, page))
    }

    fn page(&self, tx: &mut Tx<'_>, order: &Order, (skip, want): (u64, u64)) -> Result<Batch> {
        let window = (i64::try_from(skip).unwrap_or(i64::MAX), i64::try_from(want).unwrap_or(i64::MAX));
        store::page(tx, self.account, self.subject, self.narrowed, order, window)
    }

    /// Whether all users are asked for: the account knows how many they are.
    fn is_whole_list(&self) -> bool {
        self.subject == Subject::User && self.narrowed.is_all()
    }

    fn count(&self, tx: &mut Tx<'_>) -> Result<u64> {
        let count = if self.is_whole_list() {
            accounts::user_count(tx, self.account)?
        } else {
            store::count(tx, self.account, self.subject, self.narrowed)?
        };
        Ok(u64::try_from(count).unwrap_or_default())
    }

    /// By id, in the way that the total says is short: few are sorted, the second half is read from its end.
    fn by_total(&self, tx: &mut Tx<'_>) -> Result<Found> {
        let total = self.count(tx)?;
        let skip = self.search.start.saturating_sub(1) as u64;
        let rest = total.saturating_sub(skip);
        let want = rest.min(self.search.count as u64);
        if want == 0 {
            return Ok(Found::page(total, Batch::default()));
        }
        let behind = rest - want;
        if self.narrowed.leaning && total <= FEW {
            return Ok(Found::page(total, self.page(tx, &Order::Few, (skip, want))?));
        }
        if behind < skip {
            let mut page = self.page(tx, &Order::Back, (behind, want))?;
            page.rows.reverse();
            // What was cut off a page that is read from its end is its beginning.
            if !page.cut {
                return Ok(Found::page(total, page));
            }
        }
        Ok(Found::page(total, self.page(tx, &Order::Id, (skip, want))?))
    }

    fn walk_by_sql(&self, tx: &mut Tx<'_>, order: &Order, walk: &Walk) -> Result<Found> {
        let limit = i64::try_from(self.search.count).unwrap_or(i64::MAX).saturating_add(1);
        let from = (walk.after.as_ref(), limit);
        let total = match walk.total {
            Some(total) => total,
            None => self.count(tx)?,
        };
        let few = *order == Order::Id && self.narrowed.leaning && total <= FEW;
        let order = if few { &Order::Few } else { order };
        let Batch { mut rows, cut, .. } =
            store::behind(tx, self.account, self.subject, self.narrowed, order, from)?;
        // One row more than the page holds says that the walk goes on.
        let more = cut || rows.len() > self.search.count;
        rows.truncate(self.search.count);
        self.walked(walk, total, (rows, more), |last| self.sort_key(tx, last))
    }

    /// What a resource is ordered by; nothing where that is its id.
    fn sort_key(&self, tx: &mut Tx<'_>, row: &Stored) -> Result<Option<SortValue>> {
        let Some(sort) = &self.search.sort else { return Ok(None) };
        let by_derived = derived(self.subject) == Some(&*sort.attr.attr.name);
        let groups = if by_derived { self.groups(tx, slice::from_ref(row))?.pop().flatten() } else { None };
        Ok(sort.key(&self.view(tx, row, groups, true)?))
    }

    /// `more`: the walk goes on; `key` tells the sort key of the last one.
    fn walked(
        &self,
        walk: &Walk,
        total: u64,
        (rows, more): (Vec<Stored>, bool),
        key: impl FnOnce(&Stored) -> Result<Option<SortValue>>,
    ) -> Result<Found> {
        let next = match rows.last() {
            _ if !more => None,
            None => Some(walk.after.clone().unwrap_or(Place { key: None, id: String::new() })),
            Some(last) => Some(Place { key: key(last)?, id: last.id.clone() }),
        };
        let cut = more && rows.len() < self.search.count;
        Ok(Found { total, rows, next, cut })
    }

    /// Keeps the first ones behind the place, so that memory is bounded by the page.
    fn walk_by_evaluator(&self, tx: &mut Tx<'_>, walk: &Walk) -> Result<Found> {
        let sort = self.search.sort.as_ref();
        // By id, and with the total known, nothing before the place has to be looked at.
        let straight = sort.is_none() && walk.total.is_some();
        let from = walk.after.as_ref().filter(|_| straight).map_or("", |place| place.id.as_str());
        let (mut total, mut page) = (0, Nearest::new(sort, self.search.count));
        self.each_match(tx, from, &mut |stored, resource| {
            total += 1;
            let key = sort.and_then(|sort| sort.key(resource));
            let behind = walk.after.as_ref().is_none_or(|place| {
                page.order((key.as_ref(), &stored.id), (place.key.as_ref(), &place.id)) == Ordering::Greater
            });
            if behind {
                page.offer(key, stored);
            }
            if straight && page.has_more() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })?;
        let (kept, more) = page.finish();
        let key = kept.last().and_then(|(key, _)| key.clone());
        let rows = kept.into_iter().map(|(_, stored)| stored).collect();
        self.walked(walk, walk.total.unwrap_or(total), (rows, more), |_| Ok(key))
    }

    fn by_evaluator(&self, tx: &mut Tx<'_>) -> Result<Found> {
        let (skip, want) = (self.search.start.saturating_sub(1) as u64, self.search.count as u64);
        let (mut total, mut page) = (0, Batch::default());
        self.each_match(tx, "", &mut |stored, _| {
            if total >= skip && total < skip.saturating_add(want) {
                // Those that it has no room for are counted all the same.
                let _ = page.take(stored);
            }
            total += 1;
            ControlFlow::Continue(())
        })?;
        Ok(Found::page(total, page))
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
        self.each_match(tx, "", &mut |stored, resource| {
            total += 1;
            best.push((sort.key(resource), stored.id));
            if best.len() >= 2 * keep + 64 {
                best.sort_by(compare);
                best.truncate(keep);
            }
            ControlFlow::Continue(())
        })?;
        best.sort_by(compare);
        let mut page = Batch::default();
        for (_, id) in best.into_iter().skip(skip).take(self.search.count) {
            let found = store::find(tx, self.account, self.subject, &id)?;
            if found.is_some_and(|stored| page.take(stored).is_break()) {
                break;
            }
        }
        Ok(Found::page(total, page))
    }

    /// Hands every match behind `after` to `take`, by id, with the whole resource as the evaluator sees it.
    fn each_match(
        &self,
        tx: &mut Tx<'_>,
        after: &str,
        take: &mut dyn FnMut(Stored, &Value) -> ControlFlow<()>,
    ) -> Result<()> {
        let filter = self.search.filter.as_ref();
        let sorted_by = self.search.sort.as_ref().map(|sort| sort.attr.attr.name.as_str());
        let derived = derived(self.subject);
        let named = |attr: &str| sorted_by == Some(attr) || filter.is_some_and(|expr| names(expr, attr));
        let (with_derived, with_meta) = (derived.is_some_and(named), named("meta"));
        let sieve = filter.map(|expr| Sieve::of(expr, |attr| self.is_stored(attr)));
        let mut after = after.to_owned();
        loop {
            let Batch { mut rows, cut, .. } =
                store::chunk(tx, self.account, self.subject, self.narrowed, &after, CHUNK)?;
            let Some(last) = rows.last() else { return Ok(()) };
            after.clone_from(&last.id);
            let last_chunk = !cut && i64::try_from(rows.len()).unwrap_or(CHUNK) < CHUNK;
            if let Some(sieve) = &sieve {
                rows.retain(|row| sieve.lets_through(&row.doc));
            }
            while !rows.is_empty() {
                let groups = if with_derived { self.groups(tx, &rows)? } else { vec![None; rows.len()] };
                for (row, groups) in rows.drain(..groups.len()).zip(groups) {
                    tx.wanted()?;
                    let resource = self.view(tx, &row, groups, with_meta)?;
                    if filter.is_none_or(|expr| expr.matches(&resource)) && take(row, &resource).is_break() {
                        return Ok(());
                    }
                }
            }
            if last_chunk {
                return Ok(());
            }
        }
    }

    /// Whether the attribute stands in the document, and is not added by `view`.
    fn is_stored(&self, attr: &AttrRef) -> bool {
        let name = attr.attr.name.as_str();
        attr.extension.is_some()
            || !matches!(name, "id" | "meta" | "schemas" | "active") && derived(self.subject) != Some(name)
    }

    /// The groups of users, for as many of these rows, from the first on, as memory bears. The members of
    /// groups are read with each one.
    fn groups(&self, tx: &mut Tx<'_>, rows: &[Stored]) -> Result<Vec<Option<Vec<GroupRef>>>> {
        if self.subject != Subject::User {
            return Ok(vec![Some(Vec::new()); rows.len()]);
        }
        let ids: Vec<&str> = rows.iter().map(|row| row.id.as_str()).collect();
        Ok(groups::of_users(tx, self.account, &ids)?.into_iter().map(Some).collect())
    }

    /// The resource as the evaluator sees it: with the status of a user whose document does not say, and with
    /// memberships where `groups` is given (a group's members are read here). `meta` costs as much as the
    /// rest of a small document.
    fn view(
        &self,
        tx: &mut Tx<'_>,
        row: &Stored,
        groups: Option<Vec<GroupRef>>,
        with_meta: bool,
    ) -> Result<Value> {
        let base = &self.search.base;
        let mut map = if with_meta { row.resource(&self.search.kind, base)? } else { row.identified()? };
        if self.subject == Subject::User && !map.contains_key("active") {
            map.insert("active".into(), users::is_active(tx, self.account, &row.id)?.into());
        }
        if let (Some(groups), Some(derived)) = (groups, derived(self.subject)) {
            let list: Vec<Value> = match self.subject {
                Subject::User => groups.iter().map(|group| group.element(base)).collect(),
                Subject::Group => groups::members(tx, self.account, &row.id)?
                    .iter()
                    .map(|member| member.element(base))
                    .collect(),
                Subject::Custom => Vec::new(),
            };
            map.insert(derived.into(), Value::from(list));
        }
        Ok(Value::Object(map))
    }
}

/// The attribute that is no part of the stored document.
const fn derived(subject: Subject) -> Option<&'static str> {
    match subject {
        Subject::User => Some("groups"),
        Subject::Group => Some("members"),
        Subject::Custom => None,
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
