//! The dialect of an account, kept by the account's version.

use db::Tx;
use quick_cache::sync::Cache;
use scim::Dialect;

use crate::app::App;
use crate::kernel::caller::Caller;
use crate::kernel::ids::AccountId;
use crate::kernel::problem::Result;
use crate::kernel::scope::Scope;
use crate::settings::actions::text;

/// Dialects by account, each with the version of the account it was read at.
pub struct Dialects(Cache<AccountId, (i64, Dialect)>);

impl Default for Dialects {
    fn default() -> Self {
        Self(Cache::new(10_000))
    }
}

/// The dialect that the caller's account speaks.
///
/// # Errors
/// Of the database.
pub async fn of(app: &App, caller: &Caller) -> Result<Dialect> {
    let known = app.dialects.0.get(&caller.account).filter(|(version, _)| *version == caller.version);
    if let Some((_, dialect)) = known {
        return Ok(dialect);
    }
    let scope = Scope::account(caller.account.clone());
    let value = app.db.point("scim.dialect", move |tx: &mut Tx<'_>| text(tx, &scope, "scim_dialect")).await?;
    let dialect = value.as_deref().and_then(Dialect::parse).unwrap_or(Dialect::Auto);
    app.dialects.0.insert(caller.account.clone(), (caller.version, dialect));
    Ok(dialect)
}
