//! Secrets that the server authenticates its own texts with, for each account its own: made when they are
//! first needed, the same on every replica, never changed and never shown.

use std::sync::Arc;

use db::Tx;
use quick_cache::sync::Cache;

use super::store;
use crate::app::App;
use crate::kernel::ids::AccountId;
use crate::kernel::problem::Result;

/// What a secret authenticates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// Cursors of lists.
    Cursors,
    /// Access tokens.
    AccessTokens,
}

/// Secrets by what they are for, and account.
pub struct Secrets(Cache<(Purpose, AccountId), Arc<[u8]>>);

impl Default for Secrets {
    fn default() -> Self {
        Self(Cache::new(10_000))
    }
}

/// The account's secret.
///
/// # Errors
/// Of the database.
pub async fn of(app: &App, account: &AccountId, purpose: Purpose) -> Result<Arc<[u8]>> {
    let key = (purpose, account.clone());
    if let Some(secret) = app.secrets.0.get(&key) {
        return Ok(secret);
    }
    let of = account.clone();
    let find = move |tx: &mut Tx<'_>| store::secret(tx, &of, purpose);
    let secret: Arc<[u8]> = if let Some(secret) = app.db.of(account).point("secrets.find", find).await? {
        secret.into()
    } else {
        let (of, fresh, now) = (account.clone(), app.rng.bytes::<32>(), app.clock.now());
        let settle = move |tx: &mut Tx<'_>| store::settle_secret(tx, &of, purpose, &fresh, now);
        app.db.write("secrets.settle", account.as_str(), settle).await?.into()
    };
    app.secrets.0.insert(key, secret.clone());
    Ok(secret)
}
