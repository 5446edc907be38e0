//! What can be done with API keys and tokens, and who may.

pub mod keys;
pub mod rotation;
pub mod tokens;

use db::{Db, Tx};

use super::model::Policy;
use super::secret::Kind;
use super::store::{self, Owner};
use crate::access::Actor;
use crate::access::permissions::{ServiceAccountManageApiKey, UserManage};
use crate::accounts::actions::check_scope;
use crate::kernel::caller::PrincipalKind;
use crate::kernel::problem::{Kind as ProblemKind, Problem, Result};
use crate::kernel::scope::{Level, Scope};
use crate::kernel::time::Timestamp;
use crate::service_accounts;
use crate::settings::actions::{flag, number};
use crate::settings::catalogue::{MAX_TOKEN_DAYS, TOKENS_WITHOUT_EXPIRY};

/// Proof that the caller may manage the keys and tokens of one owner.
#[derive(Clone, Debug)]
pub struct OwnerGrant {
    actor: Actor,
    owner: Owner,
}

impl OwnerGrant {
    /// Asks for the keys of one owner. A user's are his own alone, whoever else is administrator; a service
    /// account's belong to those with `core_serviceaccount_manageapikey` on it (platform API §4).
    ///
    /// # Errors
    /// `Denied`; `Invalid` for a service account that asks for a user's keys, and for a user's keys below the
    /// account.
    pub fn ask(actor: &Actor, scope: &Scope, kind: Kind, id: &str) -> Result<Self> {
        let owner = Owner { scope: scope.clone(), kind, id: id.to_owned() };
        match kind {
            Kind::ServiceAccount => {
                actor.grant_on::<ServiceAccountManageApiKey>(scope, Some(id))?;
            }
            Kind::User => {
                in_account(scope)?;
                is_user(actor, id)?;
            }
        }
        Ok(Self { actor: actor.clone(), owner })
    }

    /// Whose keys.
    pub fn owner(&self) -> &Owner {
        &self.owner
    }
}

/// Proof that the caller may see tokens of one owner, or of all owners of the kind in the scope.
#[derive(Clone, Debug)]
pub struct ListGrant {
    scope: Scope,
    kind: Kind,
    parent: Option<String>,
}

impl ListGrant {
    /// Asks to see the tokens of `parent`, or of everybody of the kind in the scope. A user sees his own;
    /// others' need `core_user_manage` (users) or `core_serviceaccount_manageapikey` (service accounts)
    /// (platform API §5).
    ///
    /// # Errors
    /// `Denied`; `Invalid` for users' tokens below the account.
    pub fn ask(actor: &Actor, scope: &Scope, kind: Kind, parent: Option<String>) -> Result<Self> {
        let id = parent.as_deref();
        match kind {
            Kind::ServiceAccount => {
                actor.grant_on::<ServiceAccountManageApiKey>(scope, id)?;
            }
            Kind::User => {
                in_account(scope)?;
                let caller = &actor.caller.principal;
                let own = caller.kind == PrincipalKind::User && id == Some(caller.id.as_str());
                if !own {
                    actor.grant_on::<UserManage>(scope, id)?;
                }
            }
        }
        Ok(Self { scope: scope.clone(), kind, parent })
    }
}

fn in_account(scope: &Scope) -> Result<()> {
    if scope.level() == Level::Account {
        return Ok(());
    }
    Err(Problem::invalid(
        "API keys of users live in the account: leave orgIdentifier and projectIdentifier out",
    ))
}

fn is_user(actor: &Actor, id: &str) -> Result<()> {
    let caller = &actor.caller.principal;
    match caller.kind {
        PrincipalKind::System => Ok(()),
        PrincipalKind::User if caller.id == id => Ok(()),
        PrincipalKind::User => Err(Problem::new(
            ProblemKind::Denied,
            format!(
                "User [{}] not authenticated to create api key for user [{id}]: API keys of type USER belong to their \
                 user alone, send your own id as parentIdentifier",
                caller.id
            ),
        )),
        PrincipalKind::ServiceAccount | PrincipalKind::UserGroup => Err(Problem::invalid(
            "No user identifier present in context: a service account cannot act on API keys of users, send \
             apiKeyType SERVICE_ACCOUNT or use a personal access token",
        )),
    }
}

/// E-mail address and name of the owner.
///
/// # Errors
/// `NoSuchResource` when there is no such user or service account in the scope; `InvalidArgument` when there
/// is no such scope.
fn load_owner(tx: &mut Tx<'_>, owner: &Owner) -> Result<(String, String)> {
    if let Some(found) = find_owner(tx, owner)? {
        return Ok(found);
    }
    check_scope(tx, &owner.scope)?;
    let what = match owner.kind {
        Kind::User => "User",
        Kind::ServiceAccount => "Service account",
    };
    let text = format!(
        "{what} [{}] not found in scope {}: check parentIdentifier, apiKeyType and scope",
        owner.id,
        owner.scope.path()
    );
    Err(Problem::new(ProblemKind::NoSuchResource, text))
}

fn find_owner(tx: &mut Tx<'_>, owner: &Owner) -> Result<Option<(String, String)>> {
    match owner.kind {
        Kind::User => store::find_user(tx, &owner.scope.account, &owner.id),
        Kind::ServiceAccount => {
            let found = service_accounts::actions::find(tx, &owner.scope, &owner.id)?;
            Ok(found.map(|s| (s.email, s.name)))
        }
    }
}

/// What the account allows of its tokens.
fn policy(tx: &mut Tx<'_>, scope: &Scope) -> Result<Policy> {
    let account = Scope::account(scope.account.clone());
    let max_days = number(tx, &account, MAX_TOKEN_DAYS)?;
    Ok(Policy {
        never: flag(tx, &account, TOKENS_WITHOUT_EXPIRY)?,
        // A limit of less than a day would lock everybody out, the one who could raise it included.
        max_days: max_days.unwrap_or(Policy::default().max_days).max(1),
    })
}

/// Removes tokens that no longer hold, account by account; answers how many. They prove nothing any more;
/// this only frees their room.
///
/// # Errors
/// Of the database; what was removed until then stays removed.
pub async fn purge_expired(db: &Db, now: Timestamp) -> Result<u64> {
    let accounts =
        db.house().read("tokens.expired_accounts", move |tx| store::accounts_with_expired(tx, now)).await?;
    let mut gone = 0;
    for account in accounts {
        let lane = account.to_string();
        gone += db.write("tokens.purge", &lane, move |tx| store::purge_expired(tx, &account, now)).await?;
    }
    Ok(gone)
}
