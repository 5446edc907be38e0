//! SQL of the provisioning log.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::ops::ControlFlow;
use std::sync::LazyLock;

use db::sql::Sql;
use db::{Param, Tx, params};

use super::model::{Detail, Entry, Filter, Row, first_id, last_id};
use super::pack::{Texts, unpack};
use crate::kernel::ids::AccountId;
use crate::kernel::problem::Result;
use crate::kernel::time::Timestamp;

const COLUMNS: usize = 15;
/// Rows of one statement.
const TOGETHER: usize = 16;
const INSERT: &str = "INSERT INTO provisioning_log (account_id, id, size, at, status, method, path, client, principal_id, \
    principal_label, request_id, resource_id, dry_run, detail, packed) VALUES ";
static ONE: LazyLock<String> = LazyLock::new(|| rows_of(1));
static MANY: LazyLock<String> = LazyLock::new(|| rows_of(TOGETHER));

const COUNT_LOST: &str = "INSERT INTO provisioning_log_lost (account_id, entries, last_at) VALUES ($1, $2, $3) \
    ON CONFLICT (account_id) DO UPDATE SET entries = provisioning_log_lost.entries + excluded.entries, \
    last_at = excluded.last_at";
const LOST: &str = "SELECT entries, last_at FROM provisioning_log_lost WHERE account_id = $1";
/// `detail`, `request` and `response` are those of entries that were written before `packed` was there.
const ROWS: &str = "SELECT id, at, status, method, path, client, principal_id, principal_label, request_id, \
    resource_id, dry_run, packed, detail, request, response FROM provisioning_log WHERE account_id = ";
const NEXT_ACCOUNT: &str =
    "SELECT account_id FROM provisioning_log WHERE account_id > $1 ORDER BY account_id LIMIT 1";
const NTH_NEWEST: &str = "SELECT id FROM provisioning_log WHERE account_id = $1 AND id < $2 ORDER BY id DESC \
    LIMIT 1 OFFSET $3";
const NTH_OLDEST: &str =
    "SELECT id FROM provisioning_log WHERE account_id = $1 ORDER BY id LIMIT 1 OFFSET $2";
const SIZES: &str = "SELECT id, size FROM provisioning_log WHERE account_id = $1 ORDER BY id DESC";
const DELETE: &str = "DELETE FROM provisioning_log WHERE account_id = $1 AND id <= $2";

/// Stands for the detail of an entry that cannot be unpacked. What is truncated is not replayed.
const DAMAGED: &str = r#"{"hint": "This entry is damaged on the disk: its texts cannot be shown.",
    "request": {"truncated": true, "note": "damaged on the disk"},
    "response": {"truncated": true, "note": "damaged on the disk"}}"#;

fn rows_of(count: usize) -> String {
    let mut sql = INSERT.to_owned();
    for row in 0..count {
        sql.push_str(if row == 0 { "(" } else { ", (" });
        for column in 0..COLUMNS {
            let comma = if column == 0 { "" } else { ", " };
            let _ = write!(sql, "{comma}${}", row * COLUMNS + column + 1);
        }
        sql.push(')');
    }
    sql
}

/// Appends entries of any accounts.
///
/// # Errors
/// Of the database.
pub fn insert<'e>(tx: &mut Tx<'_>, entries: impl Iterator<Item = Entry<'e>>) -> Result<()> {
    let mut entries = entries.peekable();
    while entries.peek().is_some() {
        let together: Vec<Entry<'e>> = entries.by_ref().take(TOGETHER).collect();
        if together.len() == TOGETHER {
            tx.put(&MANY, &values(&together))?;
        } else {
            for entry in together.chunks(1) {
                tx.put(&ONE, &values(entry))?;
            }
        }
    }
    Ok(())
}

fn values<'v>(entries: &'v [Entry<'_>]) -> Vec<Param<'v>> {
    let mut values = Vec::with_capacity(entries.len() * COLUMNS);
    for entry in entries {
        values.extend::<[Param<'_>; COLUMNS]>([
            entry.account.as_str().into(),
            entry.id.into(),
            i64::try_from(entry.size).unwrap_or(i64::MAX).into(),
            entry.at.micros().into(),
            i64::from(entry.status).into(),
            entry.method.into(),
            (&*entry.path).into(),
            entry.client.into(),
            entry.principal_id.into(),
            entry.principal_label.into(),
            entry.request_id.into(),
            entry.resource_id.into(),
            entry.dry_run.into(),
            // `packed` has it. A replica of the release before goes on without it.
            "{}".into(),
            entry.packed.as_slice().into(),
        ]);
    }
    values
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
    let mut sql = select(account);
    sql.push(" AND id = ").bind(id);
    Ok(tx.query_opt(sql.text(), &sql.params(), |row| read(row, true))?)
}

/// Where a page ends.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// Newest first.
    pub rows: Vec<Row>,
    /// Go on behind this id; `None`: there is no more.
    pub next: Option<String>,
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
    /// Most rows looked at.
    pub scanned: usize,
    /// With their bodies?
    pub bodies: bool,
}

/// The next entries that match, newest first. Looks at a bounded number of rows: fewer than asked for, or
/// none, do not say that there are no more.
///
/// # Errors
/// Of the database.
pub fn window(tx: &mut Tx<'_>, account: &AccountId, window: &Window) -> Result<Found> {
    let filter = &window.filter;
    let newest = filter.until.map(|until| last_id(until) + "~");
    let before =
        [newest.as_deref(), window.before.as_deref(), Some("~")].into_iter().flatten().min().unwrap_or("~");
    let depth = i64::try_from(window.scanned).unwrap_or(i64::MAX);
    let floor: Option<String> =
        tx.query_opt(NTH_NEWEST, params![account.as_str(), before, depth - 1], |row| row.get(0))?;
    let mut sql = select(account);
    narrow(&mut sql, filter, before);
    if let Some(floor) = &floor {
        sql.push(" AND id >= ").bind(floor.as_str());
    }
    sql.push(" ORDER BY id DESC");
    if !filter.needs_reading() {
        sql.push(" LIMIT ").bind(i64::try_from(window.limit + 1).unwrap_or(i64::MAX));
    }
    let mut rows: Vec<Row> = Vec::new();
    let mut more = false;
    tx.each(sql.text(), &sql.params(), |columns| {
        let row = read(columns, window.bodies)?;
        if filter.lets_through(&row) {
            if rows.len() == window.limit {
                more = true;
                return Ok(ControlFlow::Break(()));
            }
            rows.push(row);
        }
        Ok(ControlFlow::Continue(()))
    })?;
    let ended = |floor: &String| filter.since.is_some_and(|since| *floor < first_id(since));
    let next = if more { rows.last().map(|row| row.id.clone()) } else { floor.filter(|id| !ended(id)) };
    Ok(Found { rows, next })
}

fn select(account: &AccountId) -> Sql {
    let mut sql = Sql::new(ROWS);
    sql.bind(account.as_str());
    sql
}

fn narrow(sql: &mut Sql, filter: &Filter, before: &str) {
    sql.push(" AND id < ").bind(before);
    if let Some(since) = filter.since {
        sql.push(" AND id >= ").bind(first_id(since));
    }
    if let Some(least) = filter.min_status {
        sql.push(" AND status >= ").bind(i64::from(least));
    }
    if let Some(most) = filter.max_status {
        sql.push(" AND status <= ").bind(i64::from(most));
    }
    if filter.failures_only {
        // Whether an operation of a bulk request failed, the row tells that is read.
        sql.push(" AND (status >= 400 OR path LIKE '%/Bulk')");
    }
    let texts = [
        ("method", &filter.method),
        ("request_id", &filter.request_id),
        ("resource_id", &filter.resource_id),
    ];
    for (column, text) in texts {
        if let Some(text) = text {
            sql.push(" AND ").push(column).push(" = ").bind(text.as_str());
        }
    }
    if let Some(dry_run) = filter.dry_run {
        sql.push(" AND dry_run = ").bind(dry_run);
    }
}

fn read(row: &db::Row<'_>, bodies: bool) -> std::result::Result<Row, db::Error> {
    let texts = texts(row)?;
    Ok(Row {
        id: row.get(0)?,
        at: Timestamp::from_micros(row.get(1)?),
        status: u16::try_from(row.get::<i64>(2)?).unwrap_or_default(),
        method: row.get(3)?,
        path: row.get(4)?,
        client: row.get(5)?,
        principal_id: row.get(6)?,
        principal_label: row.get(7)?,
        request_id: row.get(8)?,
        resource_id: row.get(9)?,
        dry_run: row.get(10)?,
        detail: texts.detail,
        request: texts.request.filter(|_| bodies),
        response: texts.response.filter(|_| bodies),
    })
}

fn texts(row: &db::Row<'_>) -> std::result::Result<Texts, db::Error> {
    let Param::Bytes(packed) = row.cell(11)? else {
        return Ok(Texts { detail: row.get(12)?, request: row.get(13)?, response: row.get(14)? });
    };
    if let Some(texts) = unpack(packed) {
        return Ok(texts);
    }
    // One entry must not hide all others.
    tracing::warn!(entry = row.text_ref(0)?, "an entry of the provisioning log is damaged");
    Ok(Texts { detail: DAMAGED.into(), ..Texts::default() })
}

/// The account behind this one that has entries.
///
/// # Errors
/// Of the database.
pub fn next_account(tx: &mut Tx<'_>, after: &str) -> Result<Option<String>> {
    Ok(tx.query_opt(NEXT_ACCOUNT, params![after], |row| row.get(0))?)
}

/// The newest entry that is one too many where so many may be kept.
///
/// # Errors
/// Of the database.
pub fn beyond_count(tx: &mut Tx<'_>, account: &AccountId, kept: i64) -> Result<Option<String>> {
    Ok(tx.query_opt(NTH_NEWEST, params![account.as_str(), "~", kept], |row| row.get(0))?)
}

/// The newest entry before an id.
///
/// # Errors
/// Of the database.
pub fn newest_before(tx: &mut Tx<'_>, account: &AccountId, end: &str) -> Result<Option<String>> {
    Ok(tx.query_opt(NTH_NEWEST, params![account.as_str(), end, 0], |row| row.get(0))?)
}

/// The newest entry with which the newest ones take more than so many bytes. Reads the key alone.
///
/// # Errors
/// Of the database.
pub fn beyond_size(tx: &mut Tx<'_>, account: &AccountId, kept: i64) -> Result<Option<String>> {
    let (mut sum, mut first) = (0_i64, None);
    tx.each(SIZES, params![account.as_str()], |row| {
        sum = sum.saturating_add(row.get::<i64>(1)?);
        if sum <= kept {
            return Ok(ControlFlow::Continue(()));
        }
        first = Some(row.get::<String>(0)?);
        Ok(ControlFlow::Break(()))
    })?;
    Ok(first)
}

/// Deletes the oldest entries up to this id, so many at most; how many.
///
/// # Errors
/// Of the database.
pub fn delete_oldest(tx: &mut Tx<'_>, account: &AccountId, up_to: &str, most: i64) -> Result<u64> {
    let nth: Option<String> =
        tx.query_opt(NTH_OLDEST, params![account.as_str(), most - 1], |row| row.get(0))?;
    let end = nth.as_deref().map_or(up_to, |nth| nth.min(up_to));
    Ok(tx.exec(DELETE, params![account.as_str(), end])?)
}

impl Filter {
    /// Whether rows must be read to be decided upon: what is compared without case is not asked of SQL.
    fn needs_reading(&self) -> bool {
        self.path.is_some() || self.client.is_some() || self.principal.is_some() || self.failures_only
    }

    fn lets_through(&self, row: &Row) -> bool {
        let holds = |part: &String| {
            let part = part.to_lowercase();
            row.path.to_lowercase().contains(&part)
                || row.query().is_some_and(|q| q.to_lowercase().contains(&part))
        };
        let is_client = |name: &String| row.client.eq_ignore_ascii_case(name);
        let is_who = |who: &String| row.principal_id == *who || row.principal_label.eq_ignore_ascii_case(who);
        let failed = || row.status >= 400 || row.detail().is_some_and(|detail| detail.failed_operations > 0);
        (!self.failures_only || failed())
            && self.path.as_ref().is_none_or(holds)
            && self.client.as_ref().is_none_or(is_client)
            && self.principal.as_ref().is_none_or(is_who)
    }
}

impl Row {
    fn detail(&self) -> Option<Detail<'_>> {
        serde_json::from_str(&self.detail).ok()
    }

    fn query(&self) -> Option<String> {
        self.detail()?.query.map(Cow::into_owned)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plans::{goes_through, plan};

    #[test]
    fn nothing_goes_through_the_whole_log() {
        let steps = plan(&NTH_NEWEST.replace("$1", "'a'").replace("$2", "'~'").replace("$3", "9"));
        assert!(
            steps.iter().all(|step| !step.starts_with("SCAN ") && step.contains("COVERING")),
            "{steps:?}"
        );
        for statement in [NTH_OLDEST, SIZES] {
            let steps = plan(&statement.replace("$1", "'a'").replace("$2", "9"));
            assert!(steps.iter().all(|s| s.contains("COVERING") && !s.contains("TEMP B-TREE")), "{steps:?}");
        }
        let mut sql = select(&AccountId::new("a"));
        narrow(&mut sql, &Filter::default(), "~");
        sql.push(" ORDER BY id DESC");
        let text = sql.text().replace("$1", "'a'").replace("$2", "'~'");
        assert!(plan(&text).iter().all(|step| !goes_through(step) && !step.contains("TEMP B-TREE")));
        assert!(
            plan(&DELETE.replace("$1", "'a'").replace("$2", "'b'")).iter().all(|step| !goes_through(step))
        );
        let steps = plan(&NEXT_ACCOUNT.replace("$1", "'a'"));
        assert!(steps.iter().all(|step| step.contains("account_id>?")), "{steps:?}");
    }
}
