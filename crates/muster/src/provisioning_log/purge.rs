//! Retention: what is too old, or too much by number or size, is deleted, oldest first, in small steps
//! between which others can write.

use db::Tx;

use super::model::first_id;
use super::store;
use crate::app::App;
use crate::kernel::ids::AccountId;
use crate::kernel::problem::{Problem, Result};
use crate::kernel::scope::Scope;
use crate::kernel::time::Timestamp;
use crate::settings;
use crate::settings::catalogue::{LOG_DAYS, LOG_ENTRIES, LOG_MEGABYTES};

/// Blocks deleted in one transaction.
const STEP: i64 = 64;
/// Pages of 4 KiB that one transaction gives back to the disk, in a file of its own.
const PAGES_BACK: u32 = 1_024;
/// Such transactions of one run.
const STEPS_BACK: usize = 32;
/// Free pages that stay for what comes next.
const PAGES_KEPT: u32 = 4_096;
const DAY_SECS: i64 = 86_400;

/// Deletes what is beyond the limits of each account, and gives the room back; how many entries.
///
/// # Errors
/// Of the database.
pub async fn purge(app: &App) -> Result<u64> {
    let (mut gone, mut after) = (0, String::new());
    loop {
        let behind = after.clone();
        let next = app
            .log_db
            .house()
            .read("provisioning_log.accounts", move |tx| store::next_account(tx, &behind))
            .await?;
        let Some(account) = next else { break };
        gone += purge_account(app, &AccountId::new(account.as_str())).await?;
        after = account;
    }
    for _ in 0..STEPS_BACK {
        let step = |tx: &mut Tx<'_>| Ok::<_, Problem>(tx.give_back(PAGES_BACK, PAGES_KEPT)?);
        if !app.log_db.write_aside("provisioning_log.give_back", step).await? {
            break;
        }
    }
    Ok(gone)
}

/// Deletes all that there is of an account from before a time.
///
/// # Errors
/// Of the database.
pub async fn forget(app: &App, account: &AccountId, before: Timestamp) -> Result<()> {
    loop {
        let of = account.clone();
        let step = move |tx: &mut Tx<'_>| store::forget(tx, &of, before, STEP);
        if !app.log_db.write_aside("provisioning_log.forget", step).await? {
            return Ok(());
        }
    }
}

async fn purge_account(app: &App, account: &AccountId) -> Result<u64> {
    let scope = Scope::account(account.clone());
    let held =
        app.db.house().read("provisioning_log.limits", move |tx| settings::actions::held(tx, &scope)).await?;
    let limit = |id| held.number(id).unwrap_or(i64::MAX);
    let since = first_id(app.clock.now().plus_secs(limit(LOG_DAYS).saturating_mul(-DAY_SECS)));
    let (entries, bytes) = (limit(LOG_ENTRIES), limit(LOG_MEGABYTES).saturating_mul(1 << 20));
    let of = account.clone();
    let read = move |tx: &mut Tx<'_>| -> Result<_> {
        let edge = store::edge(tx, &of, entries, bytes)?;
        let end = edge.iter().map(|edge| &edge.last_id).chain([&since]).max().cloned().unwrap_or_default();
        let more = store::has_before(tx, &of, &end)?;
        Ok((edge, end, more))
    };
    let (edge, end, mut more) = app.log_db.house().read("provisioning_log.beyond", read).await?;
    let mut gone = 0;
    if let Some(edge) = edge {
        let of = account.clone();
        let trim = move |tx: &mut Tx<'_>| store::trim(tx, &of, &edge);
        gone += app.log_db.write_aside("provisioning_log.trim", trim).await?;
    }
    while more {
        let (of, end) = (account.clone(), end.clone());
        let delete = move |tx: &mut Tx<'_>| store::delete_oldest(tx, &of, &end, STEP);
        let deleted = app.log_db.write_aside("provisioning_log.purge", delete).await?;
        (gone, more) = (gone + deleted, deleted > 0);
    }
    Ok(gone)
}
