//! What the operator can do with accounts. Each change is a row of the account's own audit trail.

use db::Tx;
use serde_json::json;

use super::door::Operator;
use crate::accounts::actions::load;
use crate::accounts::bootstrap::{Bootstrap, Made};
use crate::accounts::model::{Account, Status};
use crate::accounts::store;
use crate::app::App;
use crate::audit::{self, Action, Entry};
use crate::kernel::ids::AccountId;
use crate::kernel::problem::{Kind, Problem, Result};
use crate::kernel::scope::Scope;
use crate::kernel::time::Timestamp;
use crate::setup;

/// So long a deleted account can be had back. Longer than any request that was let in before can take.
pub const GRACE_SECS: i64 = 86_400;

/// What is to be changed.
#[derive(Clone, Debug, Default)]
pub struct Change {
    /// Another name.
    pub name: Option<String>,
    /// `Active` or `Suspended`.
    pub status: Option<Status>,
}

/// Makes an account with its first administrator and a token for him.
///
/// # Errors
/// `Duplicate` for an account that is there.
pub async fn create(app: &App, operator: &Operator, wish: Bootstrap) -> Result<Made> {
    let (now, rng, account) = (app.clock.now(), app.rng.clone(), wish.caller.account.clone());
    let lane = account.to_string();
    let made = app
        .db
        .write("operator.create", &lane, move |tx| {
            if let Some(there) = store::find(tx, &account)? {
                return Err(taken(&there));
            }
            let made = setup::actions::found(tx, &rng, now, &wish);
            // Whoever made it meanwhile on another server has committed it.
            let lost = |problem: &Problem| problem.kind() == Kind::Conflict;
            match (made, store::find(tx, &account)?) {
                (Err(problem), Some(there)) if lost(&problem) => Err(taken(&there)),
                (made, _) => made,
            }
        })
        .await?;
    if let Some(path) = &app.setup_file {
        setup::actions::remove_file(path);
    }
    operator.tell(&made.account, "made an account");
    Ok(made)
}

fn taken(there: &Account) -> Problem {
    let Account { identifier, status, .. } = there;
    let advice = match status {
        Status::Active => format!(
            "a token of it is made by POST /v1/accounts/{identifier}/tokens or by \
             `muster account token {identifier}`"
        ),
        Status::Suspended => "it is suspended".into(),
        Status::Erasing => "it is being erased, and its identifier is free after that".into(),
        _ => "it is deleted, and its identifier is free once it is erased".into(),
    };
    Problem::new(Kind::Duplicate, format!("There is an account {identifier} already: {advice}."))
}

/// Makes one more token for the user of an account who has this address, or for a service account of it.
///
/// # Errors
/// `NotFound`; `Conflict` for an account that cannot be used, and where there is no such active user, or more
/// than one, or no such service account.
pub async fn another_token(app: &App, operator: &Operator, wish: Bootstrap) -> Result<Made> {
    let (now, rng, account) = (app.clock.now(), app.rng.clone(), wish.caller.account.clone());
    let lane = account.to_string();
    let made = app
        .db
        .write("operator.token", &lane, move |tx| {
            load(tx, &account)?;
            setup::actions::found(tx, &rng, now, &wish)
        })
        .await?;
    operator.tell(&made.account, &format!("made a token of {}", made.id));
    Ok(made)
}

/// The accounts whose identifiers come after this one, `limit` at most.
///
/// # Errors
/// Only of the database.
pub async fn list(app: &App, after: String, limit: i64) -> Result<Vec<Account>> {
    app.db.house().read("operator.list", move |tx| store::after(tx, &after, limit)).await
}

/// One account.
///
/// # Errors
/// `NotFound`.
pub async fn find(app: &App, account: AccountId) -> Result<Account> {
    app.db.house().point("operator.find", move |tx| load(tx, &account)).await
}

/// Renames, suspends or resumes an account. One that is deleted is had back by a status; by a name alone it
/// is renamed and stays deleted.
///
/// # Errors
/// `NotFound`; `Conflict` for one that is being erased.
pub async fn change(app: &App, operator: Operator, account: AccountId, change: Change) -> Result<Account> {
    alter(app, operator, account, Action::Update, move |tx, before, now| {
        if before.status == Status::Erasing {
            return Err(erasing(&before.identifier));
        }
        if let Some(name) = change.name.as_ref().filter(|name| **name != before.name) {
            store::rename(tx, &before.identifier, name, now)?;
        }
        match change.status {
            Some(status) if status != before.status => {
                store::set_status(tx, &before.identifier, status, None, now)
            }
            _ => Ok(()),
        }
    })
    .await
}

/// Deletes an account that is suspended: after a while all that is in it goes.
///
/// # Errors
/// `NotFound`; `Conflict` for one in another state.
pub async fn delete(app: &App, operator: Operator, account: AccountId) -> Result<Account> {
    alter(app, operator, account, Action::Delete, |tx, before, now| match before.status {
        Status::Suspended => {
            let erase_at = Some(now.plus_secs(GRACE_SECS));
            store::set_status(tx, &before.identifier, Status::Deleted, erase_at, now)
        }
        Status::Active => {
            let advice =
                "suspend it first, by PATCH with {\"status\": \"SUSPENDED\"} or by `muster account suspend`";
            Err(conflict(format!("Account {} is in use: {advice}.", before.identifier)))
        }
        Status::Deleted => Err(conflict(format!("Account {} is deleted already.", before.identifier))),
        Status::Erasing | Status::Gone => Err(erasing(&before.identifier)),
    })
    .await
}

/// Has a deleted account back, suspended as it was.
///
/// # Errors
/// `NotFound`; `Conflict` for one in another state.
pub async fn restore(app: &App, operator: Operator, account: AccountId) -> Result<Account> {
    alter(app, operator, account, Action::Update, |tx, before, now| match before.status {
        Status::Deleted => store::set_status(tx, &before.identifier, Status::Suspended, None, now),
        Status::Erasing | Status::Gone => Err(erasing(&before.identifier)),
        Status::Active | Status::Suspended => {
            Err(conflict(format!("Account {} is not deleted: nothing is to be had back.", before.identifier)))
        }
    })
    .await
}

fn erasing(account: &AccountId) -> Problem {
    conflict(format!("Account {account} is being erased: nothing of it can be had back."))
}

fn conflict(text: String) -> Problem {
    Problem::new(Kind::Conflict, text)
}

async fn alter(
    app: &App,
    operator: Operator,
    account: AccountId,
    action: Action,
    alter: impl Fn(&mut Tx<'_>, &Account, Timestamp) -> Result<()> + Send + 'static,
) -> Result<Account> {
    let (now, audit_id) = (app.clock.now(), app.rng.uuid());
    let (lane, caller) = (account.to_string(), operator.caller(account.clone()));
    let (changed, after) = app
        .write_held("operator.alter", &lane, move |tx| {
            let before = load(tx, &account)?;
            alter(tx, &before, now)?;
            let after = load(tx, &account)?;
            if after == before {
                return Ok((false, after));
            }
            let shown = |account: &Account| json!({"name": account.name, "status": account.status.as_str()});
            let detail = json!({"old": shown(&before), "new": shown(&after)});
            let (named, scope) = ((account.as_str(), after.name.as_str()), Scope::account(account.clone()));
            let entry = Entry::about(action, "ACCOUNT", named, &scope, detail);
            audit::record(tx, &caller, now, &audit_id, &entry)?;
            Ok::<_, Problem>((true, after))
        })
        .await?;
    if changed {
        operator.tell(
            &after.identifier,
            &format!("changed an account: {:?}, {}", after.name, after.status.as_str()),
        );
    }
    Ok(after)
}
