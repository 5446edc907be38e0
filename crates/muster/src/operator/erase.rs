//! Erases accounts whose time has come, in steps that hold nobody up. Another server may do the same at the
//! same time, and whoever comes after a stop goes on.

use db::Tx;

use super::store::{self, TABLES};
use crate::accounts;
use crate::accounts::model::Status;
use crate::app::App;
use crate::kernel::ids::AccountId;
use crate::kernel::problem::Result;
use crate::kernel::time::Timestamp;
use crate::provisioning_log;

/// Erases all accounts that are due; answers how many.
///
/// # Errors
/// Of the database: the first one; the other accounts are erased all the same.
pub async fn erase_due(app: &App) -> Result<usize> {
    let now = app.clock.now();
    let due = app.db.read("operator.due", move |tx| store::due(tx, now)).await?;
    let (mut erased, mut outcome) = (0, Ok(()));
    for account in due {
        let done = erase(app, &account, now).await;
        erased += usize::from(matches!(done, Ok(true)));
        outcome = outcome.and(done.map(drop));
    }
    outcome.map(|()| erased)
}

/// `false`: it is not to be erased any more.
async fn erase(app: &App, account: &AccountId, now: Timestamp) -> Result<bool> {
    let begun = begin(app, account, now).await?;
    if begun {
        empty(app, account).await?;
        finish(app, account, now).await?;
        tracing::info!(%account, "a deleted account was erased");
    }
    Ok(begun)
}

/// From here on nobody can have it back. `false`: somebody just did, or another server was faster.
async fn begin(app: &App, account: &AccountId, now: Timestamp) -> Result<bool> {
    let of = account.clone();
    app.write_alone("operator.erase", account.as_str(), move |tx| {
        let Some(found) = accounts::store::find(tx, &of)? else { return Ok(false) };
        match found.status {
            Status::Deleted if found.erase_at.is_some_and(|at| at <= now) => {
                accounts::store::set_status(tx, &of, Status::Erasing, found.erase_at, now)?;
                Ok(true)
            }
            status => Ok(status == Status::Erasing),
        }
    })
    .await
}

async fn empty(app: &App, account: &AccountId) -> Result<()> {
    for table in TABLES {
        let mut more = true;
        while more {
            let of = account.clone();
            let step = move |tx: &mut Tx<'_>| store::erase(tx, &of, table);
            more = app.db.write("operator.erase", account.as_str(), step).await?;
        }
    }
    provisioning_log::purge::forget(app, account).await
}

/// What a straggler wrote meanwhile goes, too.
async fn finish(app: &App, account: &AccountId, now: Timestamp) -> Result<()> {
    let of = account.clone();
    app.write_alone("operator.erase", account.as_str(), move |tx| {
        for table in TABLES {
            while store::erase(tx, &of, table)? {}
        }
        store::be_gone(tx, &of, now)
    })
    .await
}
