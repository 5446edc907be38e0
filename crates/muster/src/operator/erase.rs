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
    let due = app.db.house().read("operator.due", move |tx| store::due(tx, now)).await?;
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
    let Some(begun) = begin(app, account, now).await? else { return Ok(false) };
    for table in TABLES {
        while step(app, account, begun, move |tx, of| store::erase(tx, of, table)).await? {}
    }
    // Only what is older: whatever another server does meanwhile, a later account of the identifier is not.
    provisioning_log::purge::forget(app, account, begun.due).await?;
    step(app, account, begun, move |tx, of| {
        // What a straggler wrote meanwhile goes, too.
        for table in TABLES {
            while store::erase(tx, of, table)? {}
        }
        store::be_gone(tx, of, now).map(|()| false)
    })
    .await?;
    tracing::info!(%account, "a deleted account was erased");
    Ok(true)
}

/// One erasing of an account, which several servers may share.
#[derive(Clone, Copy)]
struct Begun {
    /// The account's since then.
    version: i64,
    /// Since when it could not be had back.
    due: Timestamp,
}

/// From here on nobody can have it back. `None`: somebody just did, or another server was faster.
async fn begin(app: &App, account: &AccountId, now: Timestamp) -> Result<Option<Begun>> {
    let of = account.clone();
    app.write_held("operator.erase", account.as_str(), move |tx| {
        let found = accounts::store::find(tx, &of)?;
        let Some((found, due)) = found.and_then(|found| Some((found.status, found.erase_at?))) else {
            return Ok(None);
        };
        if found == Status::Deleted && due <= now {
            accounts::store::set_status(tx, &of, Status::Erasing, Some(due), now)?;
        }
        Ok(store::erasing_version(tx, &of)?.map(|version| Begun { version, due }))
    })
    .await
}

/// One step, while nobody else can be at the account. `false`: nothing is left to be done by such steps,
/// perhaps since another server has done it all.
async fn step(
    app: &App,
    account: &AccountId,
    begun: Begun,
    step: impl Fn(&mut Tx<'_>, &AccountId) -> Result<bool> + Send + 'static,
) -> Result<bool> {
    let of = account.clone();
    app.write_held("operator.erase", account.as_str(), move |tx| {
        Ok(store::is_erasing(tx, &of, begun.version)? && step(tx, &of)?)
    })
    .await
}
