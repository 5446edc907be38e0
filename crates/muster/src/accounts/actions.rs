//! What can be done with an account, and the check that a scope exists.

use db::Tx;
use serde_json::json;

use super::model::Account;
use super::{organizations, projects, store};
use crate::access::permissions::{AccountEdit, AccountView};
use crate::access::{Actor, Grant};
use crate::app::App;
use crate::audit::{self, Action, Entry};
use crate::kernel::caller::Caller;
use crate::kernel::ids::AccountId;
use crate::kernel::problem::{Problem, Result};
use crate::kernel::scope::{Level, Scope};
use crate::kernel::text::FieldCheck;

/// As `check_scope`, for who asks for one thing: in a scope that is not there it is as unknown as any other.
///
/// # Errors
/// Only of the database.
pub fn exists(tx: &mut Tx<'_>, scope: &Scope) -> Result<bool> {
    let (account, org) = (&scope.account, scope.org_column());
    match scope.level() {
        Level::Account => Ok(true),
        Level::Organization => organizations::store::exists(tx, account, org),
        Level::Project => projects::store::exists(tx, account, org, scope.project_column()),
    }
}

/// Does the organization or project of this scope exist? The account does: the caller proved to be in it.
///
/// # Errors
/// `InvalidArgument`, naming what is missing (platform API §3).
pub fn check_scope(tx: &mut Tx<'_>, scope: &Scope) -> Result<()> {
    if exists(tx, scope)? {
        return Ok(());
    }
    let (account, org, project) = (&scope.account, scope.org_column(), scope.project_column());
    match scope.level() {
        Level::Account => Ok(()),
        Level::Organization => Err(Problem::argument(format!(
            "Organization [{org}] in Account [{account}] does not exist: create it or correct its identifier"
        ))),
        Level::Project => Err(Problem::argument(format!(
            "Project [{project}] in Org [{org}] and Account [{account}] does not exist: create it or correct \
             the identifiers"
        ))),
    }
}

/// As `check_scope`, for lists and batches that are answered without a right in the scope, too.
///
/// # Errors
/// `InvalidArgument`, for who may hear of it.
pub fn check_scope_for(tx: &mut Tx<'_>, actor: &Actor, scope: &Scope) -> Result<()> {
    if actor.knows(scope) { check_scope(tx, scope) } else { Ok(()) }
}

/// The account.
///
/// # Errors
/// Only of the database.
pub async fn account(app: &App, grant: &Grant<AccountView>) -> Result<Account> {
    let id = grant.scope().account.clone();
    app.db.of(&id).point("accounts.find", move |tx| load(tx, &id)).await
}

/// Whether nothing about access changed in the caller's account since he was let in.
///
/// # Errors
/// Of the database.
pub async fn is_unchanged(app: &App, caller: &Caller) -> Result<bool> {
    let account = caller.account.clone();
    let version =
        app.db.of(&caller.account).point("access.still", move |tx| store::find_version(tx, &account)).await?;
    Ok(version == Some(caller.version))
}

/// Gives the account another name.
///
/// # Errors
/// `Fields` for a name that breaks the rules of names.
pub async fn rename(app: &App, grant: &Grant<AccountEdit>, name: String) -> Result<Account> {
    let mut check = FieldCheck::new();
    check.title("name", &name);
    check.done()?;
    let (now, audit_id) = (app.clock.now(), app.rng.uuid());
    let (caller, scope) = (grant.caller().clone(), grant.scope().clone());
    app.write_alone("accounts.rename", grant.actor(), move |tx| {
        let before = load(tx, &scope.account)?;
        store::rename(tx, &scope.account, &name, now)?;
        let detail = json!({"old": {"name": before.name}, "new": {"name": name}});
        let named = (scope.account.as_str(), name.as_str());
        let entry = Entry::about(Action::Update, "ACCOUNT", named, &scope, detail);
        audit::record(tx, &caller, now, &audit_id, &entry)?;
        load(tx, &scope.account)
    })
    .await
}

/// The account, within a transaction.
///
/// # Errors
/// `NotFound`.
pub fn load(tx: &mut Tx<'_>, id: &AccountId) -> Result<Account> {
    store::find(tx, id)?.ok_or_else(|| {
        Problem::not_found(format!(
            "There is no account {id}: see which there are, by `muster account list` or GET /v1/accounts."
        ))
    })
}
