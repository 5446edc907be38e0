//! The first step of an account: the account itself, its default organization, its first administrator and a
//! token for him. `setup` says who may take it.

use db::Tx;
use serde_json::json;

use super::organizations::model::{DEFAULT, NewOrganization};
use super::{organizations, store};
use crate::access::assignments::create::{self, Moment};
use crate::access::assignments::store::{self as assignments, AssignmentRow};
use crate::audit::{self, Action, Entry};
use crate::directory::users::actions as users;
use crate::directory::users::store::find_by_address;
use crate::kernel::caller::{Caller, PrincipalKind};
use crate::kernel::ids::{AccountId, TokenId, UserId};
use crate::kernel::problem::{Kind, Problem, Result};
use crate::kernel::rng::Rng;
use crate::kernel::scope::Scope;
use crate::kernel::secret::Secret;
use crate::kernel::text::Tags;
use crate::kernel::time::Timestamp;
use crate::tokens::secret as token_secret;
use crate::tokens::store::{self as tokens, KeyRow, Owner, TokenRow};

const TOKEN_DAYS: i64 = 30;
const DAY_SECS: i64 = 86_400;

/// What to make.
#[derive(Clone, Debug)]
pub struct Bootstrap {
    /// Who makes it, in the account that is meant.
    pub caller: Caller,
    /// The account's name for people; its identifier without one.
    pub name: Option<String>,
    /// Address of its first administrator.
    pub email: String,
    /// Make one more token for the administrator of an account that exists.
    pub another_token: bool,
}

impl Bootstrap {
    /// A first account, by the operator at the console.
    pub fn at_console(account: AccountId, email: impl Into<String>) -> Self {
        Self { caller: Caller::console(account), name: None, email: email.into(), another_token: false }
    }
}

/// What was made.
#[derive(Clone, Debug)]
pub struct Made {
    /// The account.
    pub account: AccountId,
    /// The administrator.
    pub user: UserId,
    /// His token (PAT), shown once.
    pub token: Secret,
}

/// Makes account, administrator and token; the address is taken as checked.
///
/// # Errors
/// `Conflict` when the account exists (or, with `another_token`, when no active user of it has that address).
pub fn run(tx: &mut Tx<'_>, rng: &Rng, now: Timestamp, wish: &Bootstrap) -> Result<Made> {
    let account = &wish.caller.account;
    let fresh = store::insert(tx, account, wish.name.as_deref().unwrap_or(account.as_str()), now)?;
    let user = match (fresh, wish.another_token) {
        (true, false) => {
            default_organization(tx, rng, now, &wish.caller)?;
            first_administrator(tx, rng, now, wish)?
        }
        (true, true) => {
            let text = format!("there is no account {account}: leave --another-token out to make it");
            return Err(conflict(text));
        }
        (false, true) if store::find_version(tx, account)?.is_none() => {
            return Err(conflict(format!("account {account} is suspended: a token of it would be refused")));
        }
        (false, true) => active_user(tx, wish)?,
        (false, false) => {
            let text = format!(
                "account {account} exists already: add --another-token to make one more token for {}",
                wish.email
            );
            return Err(conflict(text));
        }
    };
    let token = token(tx, rng, now, &wish.caller, &user)?;
    store::bump_version(tx, account)?;
    Ok(Made { account: account.clone(), user, token })
}

/// A deactivated user's tokens are refused, so none is made for him.
fn active_user(tx: &mut Tx<'_>, wish: &Bootstrap) -> Result<UserId> {
    let (account, email) = (&wish.caller.account, &wish.email);
    match find_by_address(tx, account, email)? {
        Some((user, true)) => Ok(user),
        Some((user, false)) => Err(conflict(format!(
            "user {email} ({user}) of account {account} is inactive and a token of his would be refused: activate him \
            first, or give the address of an active user"
        ))),
        None => Err(conflict(format!("account {account} has no user {email}: give the address of one"))),
    }
}

fn conflict(text: String) -> Problem {
    Problem::new(Kind::Conflict, text)
}

fn default_organization(tx: &mut Tx<'_>, rng: &Rng, now: Timestamp, caller: &Caller) -> Result<()> {
    let org = NewOrganization {
        identifier: DEFAULT.into(),
        name: DEFAULT.into(),
        description: Some("Comes with the account".into()),
        tags: Tags::new(),
    };
    organizations::store::insert(tx, &caller.account, &org, now)?;
    let scope = organizations::actions::scope(&caller.account, DEFAULT);
    record(tx, rng, now, caller, &scope, Action::Create, "ORGANIZATION", DEFAULT, DEFAULT)
}

fn first_administrator(tx: &mut Tx<'_>, rng: &Rng, now: Timestamp, wish: &Bootstrap) -> Result<UserId> {
    let id = UserId::new(rng.uuid());
    let doc = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
        "userName": wish.email, "active": true, "emails": [{"value": wish.email, "type": "work", "primary": true}]
    });
    let account = &wish.caller.account;
    users::insert(tx, &wish.caller, &id, &doc, false, now)?;
    let scope = Scope::account(account.clone());
    let assignment = AssignmentRow {
        scope: scope.clone(),
        identifier: format!("role_assignment_{}", rng.base62(20)),
        role: "_account_admin".into(),
        resource_group: "_all_resources_including_child_scopes".into(),
        principal_kind: PrincipalKind::User,
        principal_id: id.to_string(),
        principal_level: None,
        disabled: false,
        managed: false,
    };
    assignments::insert(tx, &assignment, now)?;
    let moment = Moment { now, rng: rng.clone() };
    create::record(tx, &moment, &wish.caller, &assignment)?;
    let name = wish.name.as_deref().unwrap_or(account.as_str());
    record(tx, rng, now, &wish.caller, &scope, Action::Create, "ACCOUNT", account.as_str(), name)?;
    record(tx, rng, now, &wish.caller, &scope, Action::Create, "USER", id.as_str(), &wish.email)?;
    Ok(id)
}

fn token(tx: &mut Tx<'_>, rng: &Rng, now: Timestamp, caller: &Caller, user: &UserId) -> Result<Secret> {
    let account = &caller.account;
    let scope = Scope::account(account.clone());
    let owner = Owner { scope: scope.clone(), kind: token_secret::Kind::User, id: user.to_string() };
    let key = KeyRow {
        identifier: "bootstrap".into(),
        name: "bootstrap".into(),
        description: Some("Made at the console".into()),
        tags: Tags::new(),
        default_ttl_ms: TOKEN_DAYS * DAY_SECS * 1_000,
    };
    // The key of an earlier bootstrap serves again.
    if tokens::insert_key(tx, &owner, &key, now)? {
        record(tx, rng, now, caller, &scope, Action::Create, "API_KEY", &key.identifier, &key.name)?;
    }
    let found = tokens::find_key(tx, &owner, &key.identifier)?
        .ok_or_else(|| Problem::internal("the key just made is not there"))?;
    let id = TokenId::new(rng.uuid());
    let (text, sha256) = token_secret::mint(rng, owner.kind, account, &id);
    let identifier = format!("bootstrap_{}", rng.base62(12));
    let row = TokenRow {
        id,
        api_key: found.row.identifier,
        name: identifier.clone(),
        identifier,
        description: None,
        tags: Tags::new(),
        sha256,
        valid_from: now,
        valid_to: Some(now.plus_secs(TOKEN_DAYS * DAY_SECS)),
    };
    tokens::insert_token(tx, &owner, &row, now)?;
    record(tx, rng, now, caller, &scope, Action::CreateToken, "TOKEN", &row.identifier, &row.name)?;
    Ok(text)
}

#[allow(clippy::too_many_arguments)] // one line per audit row above reads better than a struct of the same
fn record(
    tx: &mut Tx<'_>,
    rng: &Rng,
    now: Timestamp,
    caller: &Caller,
    scope: &Scope,
    action: Action,
    kind: &'static str,
    id: &str,
    name: &str,
) -> Result<()> {
    let detail = serde_json::Value::Null;
    let entry = Entry { action, resource_type: kind, resource_id: id, resource_name: name, scope, detail };
    audit::record(tx, caller, now, &rng.uuid(), &entry)
}
