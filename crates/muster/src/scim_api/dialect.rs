//! How an account speaks SCIM: its dialect and its schemas, kept by the account's version.

use std::sync::Arc;

use db::Tx;
use quick_cache::sync::Cache;
use scim::Dialect;

use crate::accounts::store::find_version;
use crate::app::App;
use crate::directory::schemas::Kinds;
use crate::kernel::ids::AccountId;
use crate::kernel::problem::{Problem, Result};
use crate::kernel::scope::Scope;
use crate::settings::actions::text;
use crate::settings::catalogue::SCIM_DIALECT;

/// What is kept of one account.
#[derive(Clone, Debug)]
pub struct Manner {
    /// Its dialect.
    pub dialect: Dialect,
    /// Its schemas and resource types.
    pub kinds: Arc<Kinds>,
}

/// Manners by account, each with the version of the account it was read at.
pub struct Dialects(Cache<AccountId, (i64, Manner)>);

impl Default for Dialects {
    fn default() -> Self {
        Self(Cache::new(10_000))
    }
}

/// The manner of an account at a version of it.
///
/// # Errors
/// Of the database.
pub async fn of(app: &App, account: &AccountId, version: i64) -> Result<Manner> {
    let known = match app.dialects.0.get(account) {
        Some((at, manner)) if at == version => return Ok(manner),
        other => other.map(|(_, manner)| manner.kinds),
    };
    let scope = Scope::account(account.clone());
    let read = move |tx: &mut Tx<'_>| {
        let found = find_version(tx, &scope.account)?;
        let dialect = text(tx, &scope, SCIM_DIALECT)?.as_deref().and_then(Dialect::parse);
        let kinds = Kinds::load_unless(tx, &scope.account, known.as_ref())?;
        Ok::<_, Problem>((found, Manner { dialect: dialect.unwrap_or(Dialect::Auto), kinds }))
    };
    let (found, manner) = app.db.of(account).point("scim.manner", read).await?;
    // What was read may be newer than the version asked for, and is kept by its own.
    if let Some(found) = found {
        app.dialects.0.insert(account.clone(), (found, manner.clone()));
    }
    Ok(manner)
}

/// The schemas of an account whose version nobody has read yet; the standard's for an account that is none.
///
/// # Errors
/// Of the database.
pub async fn kinds(app: &App, account: &str) -> Result<Arc<Kinds>> {
    let Ok(account) = AccountId::parse(account) else { return Ok(Kinds::standard()) };
    let of_it = account.clone();
    let version = app
        .db
        .of(&account)
        .point("accounts.version", move |tx: &mut Tx<'_>| find_version(tx, &of_it))
        .await?;
    match version {
        Some(version) => Ok(of(app, &account, version).await?.kinds),
        None => Ok(Kinds::standard()),
    }
}
