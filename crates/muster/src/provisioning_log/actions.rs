//! Writing what waits, and reading what was written.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use db::Tx;

use super::model::{Captured, Filter, Row, entry_id};
use super::record;
use super::redact::Secrets;
use super::store::{self, Window};
use super::walk::Found;
use crate::access::Grant;
use crate::access::permissions::AuditView;
use crate::accounts::secrets::{self, Purpose};
use crate::accounts::store::find_version;
use crate::app::App;
use crate::directory::model::catalogue;
use crate::kernel::ids::AccountId;
use crate::kernel::problem::{Kind, Problem, Result};
use crate::kernel::scope::Scope;
use crate::kernel::time::Timestamp;
use crate::settings;
use crate::settings::catalogue::LOG_ENABLED;

/// Entries of one write.
const TOGETHER: usize = 256;
/// Entries that one page looks at.
const SCANNED: usize = 20_000;
/// How long a cursor holds, seconds.
const CURSOR_SECS: u32 = 86_400;

/// What an account defines itself can be no secret (`scim::define`): the standard's are all there are.
static SECRETS: LazyLock<Secrets> = LazyLock::new(|| Secrets::of(catalogue()));

/// Writes what waits. While the database is away entries go on to wait; those that it refuses are dropped
/// and counted.
///
/// # Errors
/// Of the database.
pub async fn flush(app: &App) -> Result<()> {
    let log = &app.provisioning_log;
    let _turn = log.flushing.lock().await;
    log.allow_reads();
    // What comes meanwhile waits for the next time: it is by waiting that reads give way.
    let (mut left, mut outcome) = (log.waiting(), Ok(()));
    while left > 0 {
        let taken = Arc::new(log.take(TOGETHER.min(left)));
        left -= taken.len().max(1);
        if let Err(problem) = write(app, &taken).await {
            if problem.kind() == Kind::Unavailable {
                // Where nobody knows what became of a commit, this may write entries twice.
                log.put_back(taken.iter().cloned());
            } else {
                taken.iter().for_each(|seen| log.count_lost(&seen.account, 1));
            }
            outcome = Err(problem);
            break;
        }
    }
    count_lost(app).await.and(outcome)
}

async fn write(app: &App, taken: &Arc<Vec<Captured>>) -> Result<()> {
    let mut ids = Vec::with_capacity(taken.len());
    let mut strange: HashMap<&AccountId, bool> = HashMap::new();
    for seen in taken.iter() {
        let (account, version) = (&seen.account, seen.caller.as_ref().map(|caller| caller.version));
        let known = match version {
            Some(version) => app.provisioning_log.switch(account, version),
            None => strange.get(account).copied(),
        };
        let on = match known {
            Some(on) => on,
            None => look_up(app, account).await?,
        };
        if version.is_none() {
            strange.insert(account, on);
        }
        ids.push(on.then(|| entry_id(seen.at, app.provisioning_log.turn(), app.rng.bytes())));
    }
    if ids.iter().all(Option::is_none) {
        return Ok(());
    }
    // Entries are made where they are written: no request waits for that thread.
    let taken = Arc::clone(taken);
    let write = move |tx: &mut Tx<'_>| {
        let wanted = taken.iter().zip(&ids).filter_map(|(seen, id)| Some((seen, id.as_ref()?)));
        store::insert(tx, wanted.map(|(seen, id)| (&seen.account, record::entry(seen, &SECRETS, id))))
    };
    app.log_db.write_aside("provisioning_log.write", write).await
}

/// Whether the account keeps a log; `false` for one that does not exist.
async fn look_up(app: &App, account: &AccountId) -> Result<bool> {
    let of = account.clone();
    let read = move |tx: &mut Tx<'_>| -> Result<Option<(i64, bool)>> {
        let Some(version) = find_version(tx, &of)? else { return Ok(None) };
        let on = settings::actions::flag(tx, &Scope::account(of.clone()), LOG_ENABLED)?;
        Ok(Some((version, on)))
    };
    let Some((version, on)) = app.db.of(account).point("provisioning_log.switch", read).await? else {
        return Ok(false);
    };
    app.provisioning_log.keep_switch(account, version, on);
    Ok(on)
}

/// Writes down how many entries were dropped; as long as that fails they stay counted in memory.
async fn count_lost(app: &App) -> Result<()> {
    let lost = Arc::new(app.provisioning_log.take_lost());
    if lost.is_empty() {
        return Ok(());
    }
    let written = write_lost(app, Arc::clone(&lost)).await;
    match &written {
        Ok(()) => {
            let entries: u64 = lost.values().sum();
            tracing::warn!(entries, "entries of the provisioning log were dropped");
        }
        Err(_) => app.provisioning_log.keep_lost(&lost),
    }
    written
}

async fn write_lost(app: &App, lost: Arc<HashMap<AccountId, u64>>) -> Result<()> {
    let now = app.clock.now();
    // Only of accounts that there are: the path of a request without a credential can name any.
    let known = move |tx: &mut Tx<'_>| -> Result<_> {
        let mut known = Vec::new();
        for (account, entries) in &*lost {
            if find_version(tx, account)?.is_some() {
                known.push((account.clone(), *entries));
            }
        }
        Ok(known)
    };
    let lost = app.db.house().point("provisioning_log.losers", known).await?;
    let write = move |tx: &mut Tx<'_>| -> Result<()> {
        lost.iter().try_for_each(|(account, entries)| store::count_lost(tx, account, *entries, now))
    };
    app.log_db.write_aside("provisioning_log.lost", write).await
}

/// A page of the log.
#[derive(Clone, Debug)]
pub struct Page {
    /// Newest first.
    pub rows: Vec<Row>,
    /// Goes on with the next page; `None`: there is none.
    pub cursor: Option<String>,
    /// How many entries were ever dropped, and when last.
    pub lost: Option<(i64, Timestamp)>,
}

/// The next page, newest first; from the newest entry on without a cursor.
///
/// # Errors
/// `Invalid` for a cursor that does not belong to this filter and limit.
pub async fn list(
    app: &App,
    grant: &Grant<AuditView>,
    filter: Filter,
    limit: usize,
    cursor: Option<&str>,
) -> Result<Page> {
    let account = grant.scope().account.clone();
    let secret = secrets::of(app, &account, Purpose::Cursors).await?;
    let (canonical, now) = (format!("{filter:?}"), app.clock.now().secs());
    let walk = scim::CursorWalk {
        account: account.as_str(),
        list: "provisioning-log",
        filter: Some(&canonical),
        sort: None,
        count: u32::try_from(limit).unwrap_or(u32::MAX),
    };
    let before = match cursor {
        None => None,
        Some(text) => Some(walk.open(&secret, text, now, CURSOR_SECS)?.id),
    };
    let (of, window) = (account.clone(), Window { filter, before, limit, scanned: SCANNED, bodies: false });
    let read =
        move |tx: &mut Tx<'_>| -> Result<_> { Ok((store::window(tx, &of, &window)?, store::lost(tx, &of)?)) };
    let (Found { rows, next }, lost) = app.log_db.of(&account).read("provisioning_log.list", read).await?;
    let seal = |id| walk.seal(&secret, &scim::CursorPlace { part: 0, key: None, id, total: 0 }, now);
    Ok(Page { rows, cursor: next.map(seal), lost })
}

/// The next entries with their bodies, for an export; goes on behind an id.
///
/// # Errors
/// Of the database.
pub async fn batch(
    app: &App,
    grant: &Grant<AuditView>,
    filter: Filter,
    before: Option<String>,
    limit: usize,
) -> Result<Found> {
    let account = grant.scope().account.clone();
    let window = Window { filter, before, limit, scanned: SCANNED, bodies: true };
    app.log_db
        .of(&account)
        .read("provisioning_log.export", move |tx| store::window(tx, &account, &window))
        .await
}

/// One entry with its bodies.
///
/// # Errors
/// `NotFound`.
pub async fn load(app: &App, grant: &Grant<AuditView>, id: &str) -> Result<Row> {
    let (account, wanted) = (grant.scope().account.clone(), id.to_owned());
    let read = move |tx: &mut Tx<'_>| store::find(tx, &account, &wanted);
    let found = app.log_db.of(&grant.scope().account).read("provisioning_log.load", read).await?;
    found.ok_or_else(|| {
        Problem::not_found(format!(
            "There is no entry {id} in the provisioning log of this account: it may have been purged; the list has those there are."
        ))
    })
}
