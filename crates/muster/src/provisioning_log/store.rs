//! SQL of the provisioning log: blocks of entries, each under the id of its newest.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use db::{Tx, params};

use super::block::{SPAN_SECS, cut, pack, unpack};
use super::client::CONSOLE;
use super::model::{BodyNote, Detail, Entry, Filter, Row, first_id, last_id, time_of};
use super::walk::{Found, Walk};
use crate::kernel::ids::AccountId;
use crate::kernel::problem::Result;
use crate::kernel::sparing::Sparing;
use crate::kernel::time::Timestamp;

const INSERT: &str = "INSERT INTO provisioning_log (account_id, last_id, first_id, entries, size, packed) \
    VALUES ($1, $2, $3, $4, $5, $6)";
const COUNT_LOST: &str = "INSERT INTO provisioning_log_lost (account_id, entries, last_at) VALUES ($1, $2, $3) \
    ON CONFLICT (account_id) DO UPDATE SET entries = provisioning_log_lost.entries + excluded.entries, \
    last_at = excluded.last_at";
const FORGET_LOST: &str = "DELETE FROM provisioning_log_lost WHERE account_id = $1 AND last_at < $2";
const LOST: &str = "SELECT entries, last_at FROM provisioning_log_lost WHERE account_id = $1";
/// Blocks that may hold entries from `$2` on, before `$4`; none of those ends at `$3` or later.
const BLOCKS: &str = "SELECT last_id, entries, packed FROM provisioning_log \
    WHERE account_id = $1 AND last_id >= $2 AND last_id < $3 AND first_id < $4 ORDER BY last_id DESC";
const NEXT_ACCOUNT: &str =
    "SELECT account_id FROM provisioning_log WHERE account_id > $1 ORDER BY account_id LIMIT 1";
const SIZES: &str =
    "SELECT last_id, entries, size FROM provisioning_log WHERE account_id = $1 ORDER BY last_id DESC";
const OLDEST: &str = "SELECT last_id, entries FROM provisioning_log WHERE account_id = $1 AND last_id < $2 \
    ORDER BY last_id LIMIT $3";
const BLOCK: &str = "SELECT entries, packed FROM provisioning_log WHERE account_id = $1 AND last_id = $2";
const DELETE: &str = "DELETE FROM provisioning_log WHERE account_id = $1 AND last_id <= $2";
const DELETE_ONE: &str = "DELETE FROM provisioning_log WHERE account_id = $1 AND last_id = $2";

/// Behind every id.
const NEWEST: &str = "~";

/// Appends entries of any accounts.
///
/// # Errors
/// Of the database.
pub fn insert<'e>(tx: &mut Tx<'_>, entries: impl Iterator<Item = (&'e AccountId, Entry<'e>)>) -> Result<()> {
    let mut of_accounts: BTreeMap<&str, Vec<Entry<'e>>> = BTreeMap::new();
    for (account, entry) in entries {
        of_accounts.entry(account.as_str()).or_default().push(entry);
    }
    for (account, mut entries) in of_accounts {
        // They come in the order of their answers, and are read in that of the requests.
        entries.sort_unstable_by_key(|entry| entry.id);
        cut(&entries).try_for_each(|block| put(tx, account, block))?;
    }
    Ok(())
}

fn put(tx: &mut Tx<'_>, account: &str, block: &[Entry<'_>]) -> Result<()> {
    let ([first, ..], [.., last]) = (block, block) else { return Ok(()) };
    let size = block.iter().map(|entry| entry.size).sum();
    let packed = pack(block);
    tx.put(
        INSERT,
        params![account, last.id, first.id, number(block.len()), number(size), packed.as_slice()],
    )?;
    Ok(())
}

fn number(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// Adds to the number of entries that were dropped.
///
/// # Errors
/// Of the database.
pub fn count_lost(tx: &mut Tx<'_>, account: &AccountId, entries: u64, now: Timestamp) -> Result<()> {
    let entries = i64::try_from(entries).unwrap_or(i64::MAX);
    tx.put(COUNT_LOST, params![account.as_str(), entries, now.micros()])?;
    Ok(())
}

/// How many entries of the account were dropped, and when last.
///
/// # Errors
/// Of the database.
pub fn lost(tx: &mut Tx<'_>, account: &AccountId) -> Result<Option<(i64, Timestamp)>> {
    Ok(tx.query_opt(LOST, params![account.as_str()], |row| {
        Ok((row.get(0)?, Timestamp::from_micros(row.get(1)?)))
    })?)
}

/// One entry.
///
/// # Errors
/// Of the database.
pub fn find(tx: &mut Tx<'_>, account: &AccountId, id: &str) -> Result<Option<Row>> {
    // Without a time nothing says in which blocks it may be.
    let Some(reach) = time_of(id).map(reach) else { return Ok(None) };
    let (mut found, mut damaged, behind) = (None, None, format!("{id}{NEWEST}"));
    tx.each(BLOCKS, params![account.as_str(), id, reach.as_str(), behind.as_str()], |columns| {
        damaged = each_entry(columns, |entry| {
            if entry.id == id {
                found = Some(entry.row(true));
            }
        })?
        .or(damaged.take());
        Ok(if found.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    })?;
    // It may be one of those that cannot be read.
    Ok(found.or(damaged))
}

/// No block with an entry of this time, as its id tells it to the millisecond, ends so late.
fn reach(at: Timestamp) -> String {
    last_id(at.plus_secs(SPAN_SECS + 1)) + NEWEST
}

/// Hands over the entries of a row of `BLOCKS`, oldest first. A block that cannot be unpacked must not hide
/// all others: what is answered then stands for its entries.
fn each_entry(
    columns: &db::Row<'_>,
    take: impl FnMut(&Entry<'_>),
) -> std::result::Result<Option<Row>, db::Error> {
    static DAMAGED: Sparing = Sparing::unspent();
    if unpack(columns.bytes_ref(2)?, |entries| entries.iter().for_each(take)).is_some() {
        return Ok(None);
    }
    let (last, entries) = (columns.text_ref(0)?, columns.get::<i64>(1)?);
    DAMAGED.tell(|left_out| {
        tracing::warn!(last, entries, left_out, "entries of the provisioning log are damaged");
    });
    Ok(Some(damaged(last, entries)))
}

fn damaged(last: &str, entries: i64) -> Row {
    let body = BodyNote { truncated: true, note: Some("damaged on the disk".into()), ..BodyNote::default() };
    let hint = format!(
        "Of this moment and right before it, {entries} entries are damaged on the disk: they cannot be shown."
    );
    // What is truncated is not replayed.
    let detail: Detail<'_> =
        Detail { hint: Some(hint.into()), request: body.clone(), response: body, ..Detail::default() };
    Row { detail: serde_json::to_string(&detail).unwrap_or_else(|_| "{}".into()), ..Row::unknown(last) }
}

/// What to look for, and how far.
#[derive(Clone, Debug)]
pub struct Window {
    /// Which entries.
    pub filter: Filter,
    /// Older than this id.
    pub before: Option<String>,
    /// Most rows.
    pub limit: usize,
    /// Most entries looked at, to the block.
    pub scanned: usize,
    /// With their bodies?
    pub bodies: bool,
}

/// The next entries that match, newest first. Looks at a bounded number of entries: fewer than asked for, or
/// none, do not say that there are no more.
///
/// # Errors
/// Of the database.
pub fn window(tx: &mut Tx<'_>, account: &AccountId, window: &Window) -> Result<Found> {
    let filter = &window.filter;
    // The whole millisecond: entries show no more of their time.
    let newest = filter.until.map(|until| last_id(until.end_of_milli()) + NEWEST);
    let before = [newest.as_deref(), window.before.as_deref(), Some(NEWEST)].into_iter().flatten().min();
    let (since, before) = (filter.since.map(first_id).unwrap_or_default(), before.unwrap_or(NEWEST));
    let reach = time_of(before).map_or_else(|| NEWEST.to_owned(), reach);
    let mut walk = Walk::new(window.limit, window.scanned);
    tx.each(BLOCKS, params![account.as_str(), since.as_str(), reach.as_str(), before], |columns| {
        let last = columns.text_ref(0)?;
        // Those that end later were looked at for the page before.
        let entries = if last < before { columns.get::<i64>(1)? } else { 0 };
        if !walk.enters(last, usize::try_from(entries).unwrap_or_default()) {
            return Ok(ControlFlow::Break(()));
        }
        let is_in = |id: &str| *since <= *id && id < before;
        let damaged = each_entry(columns, |entry| {
            if is_in(entry.id) && filter.lets_through(entry) {
                walk.add(entry.row(window.bodies));
            }
        })?;
        // Nobody knows whether the filter wants them.
        damaged.filter(|row| is_in(&row.id)).into_iter().for_each(|row| walk.add(row));
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(walk.finish())
}

/// The account behind this one that has entries.
///
/// # Errors
/// Of the database.
pub fn next_account(tx: &mut Tx<'_>, after: &str) -> Result<Option<String>> {
    Ok(tx.query_opt(NEXT_ACCOUNT, params![after], |row| row.get(0))?)
}

/// The newest block that is not kept whole, and what of it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edge {
    /// Id of its newest entry.
    pub last_id: String,
    /// So many of its entries at most.
    pub entries: i64,
    /// Which take so many bytes at most.
    pub bytes: i64,
}

/// Where the newest ones are more than so many, or take more than so many bytes. Reads the key alone.
///
/// # Errors
/// Of the database.
pub fn edge(tx: &mut Tx<'_>, account: &AccountId, entries: i64, bytes: i64) -> Result<Option<Edge>> {
    let (mut left, mut found) = ((entries, bytes), None);
    tx.each(SIZES, params![account.as_str()], |row| {
        let (entries, bytes) = (row.get::<i64>(1)?, row.get::<i64>(2)?);
        if entries <= left.0 && bytes <= left.1 {
            left = (left.0 - entries, left.1 - bytes);
            return Ok(ControlFlow::Continue(()));
        }
        found = Some(Edge { last_id: row.get(0)?, entries: left.0, bytes: left.1 });
        Ok(ControlFlow::Break(()))
    })?;
    Ok(found)
}

/// Deletes what of a block is too much; how many entries.
///
/// # Errors
/// Of the database.
pub fn trim(tx: &mut Tx<'_>, account: &AccountId, edge: &Edge) -> Result<u64> {
    let key = params![account.as_str(), edge.last_id.as_str()];
    let block = tx.query_opt(BLOCK, key, |row| Ok((row.get::<i64>(0)?, row.bytes_ref(1)?.to_vec())))?;
    let Some((entries, packed)) = block else { return Ok(0) };
    tx.exec(DELETE_ONE, key)?;
    let kept = unpack(&packed, |block| {
        let mut bytes = 0;
        let fits = |(at, entry): &(usize, &Entry<'_>)| {
            bytes += number(entry.size);
            number(*at) < edge.entries && bytes <= edge.bytes
        };
        let kept = block.iter().rev().enumerate().take_while(fits).count();
        put(tx, account.as_str(), &block[block.len() - kept..]).map(|()| number(kept))
    });
    // What is damaged goes as a whole.
    let kept = kept.transpose()?.unwrap_or(0);
    Ok(u64::try_from(entries - kept).unwrap_or_default())
}

/// Whether a block ends before an id.
///
/// # Errors
/// Of the database.
pub fn has_before(tx: &mut Tx<'_>, account: &AccountId, id: &str) -> Result<bool> {
    Ok(tx.query_opt(OLDEST, params![account.as_str(), id, 1_i64], |_| Ok(()))?.is_some())
}

/// Overwrites and deletes some of what there is of the account from before a time; answers whether there may
/// be more.
///
/// # Errors
/// Of the database.
pub fn forget(tx: &mut Tx<'_>, account: &AccountId, before: Timestamp, most: i64) -> Result<bool> {
    let deleted = tx.overwriting(|tx| delete_oldest(tx, account, &first_id(before), most))?;
    tx.exec(FORGET_LOST, params![account.as_str(), before.micros()])?;
    Ok(deleted > 0)
}

/// Deletes the oldest blocks that end before an id, so many at most; how many entries.
///
/// # Errors
/// Of the database.
pub fn delete_oldest(tx: &mut Tx<'_>, account: &AccountId, before: &str, most: i64) -> Result<u64> {
    let (mut end, mut entries) = (None, 0);
    tx.each(OLDEST, params![account.as_str(), before, most], |row| {
        (end, entries) = (Some(row.get::<String>(0)?), entries + row.get::<i64>(1)?);
        Ok(ControlFlow::Continue(()))
    })?;
    if let Some(end) = end {
        tx.exec(DELETE, params![account.as_str(), end.as_str()])?;
    }
    Ok(u64::try_from(entries).unwrap_or_default())
}

impl Filter {
    fn lets_through(&self, entry: &Entry<'_>) -> bool {
        let is = |wanted: &Option<String>, text: &str| wanted.as_ref().is_none_or(|wanted| wanted == text);
        let is_client = |name: &String| entry.client.eq_ignore_ascii_case(name);
        let is_who =
            |who: &String| entry.principal_id == *who || entry.principal_label.eq_ignore_ascii_case(who);
        self.min_status.is_none_or(|least| entry.status >= least)
            && self.max_status.is_none_or(|most| entry.status <= most)
            && self.dry_run.is_none_or(|dry_run| entry.dry_run == dry_run)
            && self.console_reads.is_none_or(|wanted| entry.is_console_read() == wanted)
            && self.method.as_ref().is_none_or(|method| entry.method.eq_ignore_ascii_case(method))
            && is(&self.request_id, entry.request_id)
            && self.resource_id.as_ref().is_none_or(|id| entry.resource_id == Some(id))
            && self.client.as_ref().is_none_or(is_client)
            && self.principal.as_ref().is_none_or(is_who)
            && (!self.failures_only || entry.has_failed())
            && self.path.as_ref().is_none_or(|part| entry.has_in_url(part))
    }
}

impl Entry<'_> {
    fn detail(&self) -> Option<Detail<'_>> {
        serde_json::from_str(&self.detail).ok()
    }

    /// Whether it, or an operation of a bulk request, failed.
    fn has_failed(&self) -> bool {
        // Whether an operation failed, the detail alone tells.
        let in_part = || self.detail().is_some_and(|detail| detail.failed_operations > 0);
        self.status >= 400 || (self.path.ends_with("/Bulk") && in_part())
    }

    /// Somebody has looked at a page. What failed, and what was changed there, is more than that.
    fn is_console_read(&self) -> bool {
        self.client == CONSOLE && self.method == "GET" && self.status < 400
    }

    fn has_in_url(&self, part: &str) -> bool {
        let holds = |text: &str| text.to_lowercase().contains(part);
        holds(&self.path) || self.detail().and_then(|detail| detail.query).is_some_and(|query| holds(&query))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plans::{goes_through, plan};

    #[test]
    fn nothing_goes_through_the_whole_log() {
        let of = |statement: &str| {
            let values = [("$1", "'a'"), ("$2", "'b'"), ("$3", "9"), ("$4", "'d'")];
            plan(&values.iter().fold(statement.to_owned(), |sql, (name, value)| sql.replace(name, value)))
        };
        for statement in [SIZES, OLDEST] {
            let steps = of(statement);
            assert!(steps.iter().all(|s| s.contains("COVERING") && !s.contains("TEMP B-TREE")), "{steps:?}");
        }
        for statement in [BLOCKS, BLOCK, DELETE, DELETE_ONE, OLDEST] {
            let steps = of(statement);
            assert!(steps.iter().all(|s| !goes_through(s) && !s.contains("TEMP B-TREE")), "{steps:?}");
        }
        assert!(of(BLOCKS)[0].contains("account_id=? AND last_id>? AND last_id<?"), "{:?}", of(BLOCKS));
        assert!(of(NEXT_ACCOUNT)[0].contains("account_id>?"), "{:?}", of(NEXT_ACCOUNT));
    }
}
