//! The secret of each account that cursors are authenticated with: made when it is first needed, the same on
//! every replica, never changed and never shown.

use std::sync::Arc;

use db::Tx;
use quick_cache::sync::Cache;

use super::store;
use crate::app::App;
use crate::kernel::ids::AccountId;
use crate::kernel::problem::Result;

/// Secrets by account.
pub struct CursorKeys(Cache<AccountId, Arc<[u8]>>);

impl Default for CursorKeys {
    fn default() -> Self {
        Self(Cache::new(10_000))
    }
}

/// The account's secret.
///
/// # Errors
/// Of the database.
pub async fn of(app: &App, account: &AccountId) -> Result<Arc<[u8]>> {
    if let Some(secret) = app.cursor_keys.0.get(account) {
        return Ok(secret);
    }
    let of = account.clone();
    let found = app.db.point("cursor_keys.find", move |tx: &mut Tx<'_>| store::cursor_key(tx, &of)).await?;
    let secret: Arc<[u8]> = if let Some(secret) = found {
        secret.into()
    } else {
        let (of, fresh, now) = (account.clone(), app.rng.bytes::<32>(), app.clock.now());
        let settle = move |tx: &mut Tx<'_>| store::settle_cursor_key(tx, &of, &fresh, now);
        app.db.write("cursor_keys.settle", account.as_str(), settle).await?.into()
    };
    app.cursor_keys.0.insert(account.clone(), secret.clone());
    Ok(secret)
}
