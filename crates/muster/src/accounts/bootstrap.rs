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
use crate::directory::users::addresses::holder;
use crate::directory::users::store::Addressed;
use crate::kernel::caller::{Caller, PrincipalKind};
use crate::kernel::ids::{AccountId, TokenId, UserId};
use crate::kernel::problem::{Kind, Problem, Result};
use crate::kernel::rng::Rng;
use crate::kernel::scope::{Level, Scope};
use crate::kernel::secret::Secret;
use crate::kernel::surface::Surface;
use crate::kernel::text::Tags;
use crate::kernel::time::Timestamp;
use crate::service_accounts::actions as service_accounts;
use crate::service_accounts::model::NewServiceAccount;
use crate::tokens::secret as token_secret;
use crate::tokens::store::{self as tokens, KeyRow, Owner, TokenRow};

const TOKEN_DAYS: i64 = 30;
const DAY_SECS: i64 = 86_400;

/// Who administers an account first.
#[derive(Clone, Debug)]
pub enum First {
    /// A user.
    User {
        /// His address.
        email: String,
        /// His name; what stands before the `@` without one.
        name: Option<String>,
    },
    /// A service account.
    Machine(NewServiceAccount),
}

/// What to make.
#[derive(Clone, Debug)]
pub struct Bootstrap {
    /// Who makes it, in the account that is meant.
    pub caller: Caller,
    /// The account's name for people; its identifier without one.
    pub name: Option<String>,
    /// Its administrator.
    pub first: First,
    /// Make one more token for somebody of an account that exists.
    pub another_token: bool,
    /// Where the token may be presented.
    pub surfaces: Vec<Surface>,
}

impl Bootstrap {
    /// A first account, by the operator at the console.
    pub fn at_console(account: AccountId, email: impl Into<String>) -> Self {
        let (caller, first) = (Caller::console(account), First::User { email: email.into(), name: None });
        let surfaces = Surface::ALL.to_vec();
        Self { caller, name: None, first, another_token: false, surfaces }
    }

    /// The same with a name for its administrator, where one is given.
    #[must_use]
    pub fn called(mut self, person: Option<String>) -> Self {
        if let First::User { name, .. } = &mut self.first {
            *name = person;
        }
        self
    }
}

/// What was made.
#[derive(Clone, Debug)]
pub struct Made {
    /// The account.
    pub account: AccountId,
    /// Whose token it is: a user or a service account.
    pub kind: token_secret::Kind,
    /// His id, or its identifier.
    pub id: String,
    /// The token (PAT or SAT), shown once.
    pub token: Secret,
}

/// Makes account, administrator and token; the address is taken as checked.
///
/// # Errors
/// `Conflict` when the account exists (or, with `another_token`, when it cannot be used, and when that
/// address names no active user of it or several, or that identifier no service account of it).
pub fn run(tx: &mut Tx<'_>, rng: &Rng, now: Timestamp, wish: &Bootstrap) -> Result<Made> {
    let account = &wish.caller.account;
    let name = wish.name.as_deref().unwrap_or(account.as_str());
    let step = Step { rng, now, caller: &wish.caller, scope: Scope::account(account.clone()) };
    let owner = match (store::insert(tx, account, name, now)?, wish.another_token) {
        (true, false) => {
            step.record(tx, Action::Create, "ACCOUNT", account.as_str(), name)?;
            step.default_organization(tx)?;
            step.first_administrator(tx, &wish.first)?
        }
        (true, true) => {
            let text = format!("there is no account {account}: leave --another-token out to make it");
            return Err(conflict(text));
        }
        (false, true) if store::find_version(tx, account)?.is_none() => {
            return Err(conflict(format!(
                "account {account} is suspended or deleted and a token of it would be refused: take it back first, as the \
                 operator, with PATCH /v1/accounts/{account} and {{\"status\": \"ACTIVE\"}} or by `muster account resume`"
            )));
        }
        (false, true) => step.known(tx, &wish.first)?,
        (false, false) => {
            let text =
                format!("account {account} exists already: add --another-token to make one more token");
            return Err(conflict(text));
        }
    };
    let token = step.token(tx, &owner, &wish.surfaces)?;
    store::bump_version(tx, account)?;
    Ok(Made { account: account.clone(), kind: owner.kind, id: owner.id, token })
}

fn conflict(text: String) -> Problem {
    Problem::new(Kind::Conflict, text)
}

/// One transaction of the operator's in an account.
struct Step<'s> {
    rng: &'s Rng,
    now: Timestamp,
    caller: &'s Caller,
    /// The account.
    scope: Scope,
}

impl Step<'_> {
    fn default_organization(&self, tx: &mut Tx<'_>) -> Result<()> {
        let org = NewOrganization {
            identifier: DEFAULT.into(),
            name: DEFAULT.into(),
            description: Some("Comes with the account".into()),
            tags: Tags::new(),
        };
        organizations::store::insert(tx, &self.caller.account, &org, self.now)?;
        let scope = organizations::actions::scope(&self.caller.account, DEFAULT);
        Self { scope, ..*self }.record(tx, Action::Create, "ORGANIZATION", DEFAULT, DEFAULT)
    }

    fn first_administrator(&self, tx: &mut Tx<'_>, first: &First) -> Result<Owner> {
        let owner = match first {
            First::User { email, name } => self.first_user(tx, email, name.as_deref())?,
            First::Machine(new) => {
                let made = (self.now, &*self.rng.uuid());
                let made = service_accounts::insert(tx, self.caller, &self.scope, new, made)?;
                self.owner(token_secret::Kind::ServiceAccount, made.identifier.clone())
            }
        };
        let (principal_kind, principal_level) = match owner.kind {
            token_secret::Kind::User => (PrincipalKind::User, None),
            token_secret::Kind::ServiceAccount => (PrincipalKind::ServiceAccount, Some(Level::Account)),
        };
        let assignment = AssignmentRow {
            scope: self.scope.clone(),
            identifier: format!("role_assignment_{}", self.rng.base62(20)),
            role: "_account_admin".into(),
            resource_group: "_all_resources_including_child_scopes".into(),
            principal_kind,
            principal_id: owner.id.clone(),
            principal_level,
            disabled: false,
            managed: false,
        };
        assignments::insert(tx, &assignment, self.now)?;
        let moment = Moment { now: self.now, rng: self.rng.clone() };
        create::record(tx, &moment, self.caller, &assignment)?;
        Ok(owner)
    }

    fn first_user(&self, tx: &mut Tx<'_>, email: &str, name: Option<&str>) -> Result<Owner> {
        let id = UserId::new(self.rng.uuid());
        let name = name.unwrap_or_else(|| email.rsplit_once('@').map_or(email, |(local, _)| local));
        let doc = json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": email, "active": true,
            "displayName": name, "emails": [{"value": email, "type": "work", "primary": true}]
        });
        users::insert(tx, self.caller, &id, &doc, false, self.now)?;
        self.record(tx, Action::Create, "USER", id.as_str(), email)?;
        Ok(self.owner(token_secret::Kind::User, id.to_string()))
    }

    /// A deactivated user's tokens are refused, so none is made for him.
    fn known(&self, tx: &mut Tx<'_>, who: &First) -> Result<Owner> {
        let account = &self.caller.account;
        match who {
            First::User { email, .. } => match holder(tx, account, email)? {
                Some(Addressed { id, active: true, .. }) => Ok(self.owner(token_secret::Kind::User, id)),
                Some(Addressed { id, .. }) => Err(conflict(format!(
                    "user {email} ({id}) of account {account} is inactive and a token of his would be refused: \
                     activate him first, or give the address of an active user"
                ))),
                None => {
                    Err(conflict(format!("account {account} has no user {email}: give the address of one")))
                }
            },
            First::Machine(NewServiceAccount { identifier, .. }) => {
                let found = service_accounts::find(tx, &self.scope, identifier)?;
                let none = || {
                    conflict(format!(
                        "account {account} has no service account {identifier}: correct it, or make it first"
                    ))
                };
                let found = found.ok_or_else(none)?;
                Ok(self.owner(token_secret::Kind::ServiceAccount, found.identifier.clone()))
            }
        }
    }

    fn owner(&self, kind: token_secret::Kind, id: String) -> Owner {
        Owner { scope: self.scope.clone(), kind, id }
    }

    fn token(&self, tx: &mut Tx<'_>, owner: &Owner, surfaces: &[Surface]) -> Result<Secret> {
        let key = KeyRow {
            identifier: "bootstrap".into(),
            name: "bootstrap".into(),
            description: Some("Made by the operator".into()),
            tags: Tags::new(),
            default_ttl_ms: TOKEN_DAYS * DAY_SECS * 1_000,
        };
        // The key of an earlier bootstrap serves again.
        if tokens::insert_key(tx, owner, &key, self.now)? {
            self.record(tx, Action::Create, "API_KEY", &key.identifier, &key.name)?;
        }
        let found = tokens::find_key(tx, owner, &key.identifier)?
            .ok_or_else(|| Problem::internal("the key just made is not there"))?;
        let id = TokenId::new(self.rng.uuid());
        let (text, sha256) = token_secret::mint(self.rng, owner.kind, &self.caller.account, &id);
        let identifier = format!("bootstrap_{}", self.rng.base62(12));
        let row = TokenRow {
            id,
            api_key: found.row.identifier,
            name: identifier.clone(),
            identifier,
            description: None,
            tags: Tags::new(),
            sha256,
            valid_from: self.now,
            valid_to: Some(self.now.plus_secs(TOKEN_DAYS * DAY_SECS)),
            surfaces: surfaces.to_vec(),
        };
        tokens::insert_token(tx, owner, &row, self.now)?;
        self.record(tx, Action::CreateToken, "TOKEN", &row.identifier, &row.name)?;
        Ok(text)
    }

    fn record(
        &self,
        tx: &mut Tx<'_>,
        action: Action,
        kind: &'static str,
        id: &str,
        name: &str,
    ) -> Result<()> {
        let entry = Entry::about(action, kind, (id, name), &self.scope, serde_json::Value::Null);
        audit::record(tx, self.caller, self.now, &self.rng.uuid(), &entry)
    }
}
