//! What the operator sends of accounts and is answered, over HTTP and at the console.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::actions::Change;
use crate::accounts::bootstrap::{Bootstrap, First};
use crate::accounts::model::{Account, Status};
use crate::kernel::caller::Caller;
use crate::kernel::ids::AccountId;
use crate::kernel::problem::{Problem, Result};
use crate::kernel::surface::Surface;
use crate::kernel::text::{FieldCheck, Tags};
use crate::kernel::time::Timestamp;
use crate::service_accounts::model::NewServiceAccount;

/// Wire form of an account; times in milliseconds since 1970.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "OperatedAccount")]
pub struct View {
    identifier: String,
    name: String,
    #[schemars(extend("enum" = ["ACTIVE", "SUSPENDED", "DELETED", "ERASING"]))]
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    users: Option<i64>,
    created: i64,
    updated: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    erase_at: Option<i64>,
}

impl From<Account> for View {
    fn from(account: Account) -> Self {
        Self {
            identifier: account.identifier.to_string(),
            name: account.name,
            status: account.status.as_str(),
            users: account.users,
            created: account.created_at.millis(),
            updated: account.updated_at.millis(),
            erase_at: account.erase_at.map(Timestamp::millis),
        }
    }
}

// Bodies are taken whole or not at all: a member that is misspelt would seem to be in force.

/// An account that is wished for.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewAccount {
    /// Never changes.
    pub identifier: String,
    /// For people; the identifier without it.
    pub name: Option<String>,
    // Those of `Holder`: what is flattened cannot tell which members are known.
    /// A user's address: this or `service_account` is demanded.
    pub email: Option<String>,
    /// A service account's identifier.
    pub service_account: Option<String>,
    /// Where the token may be presented; anywhere without it.
    #[schemars(extend("enum" = ["scim", "platform"]))]
    pub surfaces: Option<Vec<String>>,
}

impl NewAccount {
    /// Checks the wish. `caller`: who has it, in that account.
    ///
    /// # Errors
    /// `Fields`, every complaint at once.
    pub fn read(self, caller: impl FnOnce(AccountId) -> Caller) -> Result<Bootstrap> {
        let mut check = FieldCheck::new();
        let account = check.read("identifier", AccountId::parse(&self.identifier));
        if let Some(name) = &self.name {
            check.title("name", name);
        }
        let Self { name, email, service_account, surfaces, .. } = self;
        let holder = Holder { email, service_account, surfaces }.checked(&mut check);
        check.done()?;
        let (account, (first, surfaces)) = account.zip(holder).ok_or_else(unread)?;
        Ok(Bootstrap { caller: caller(account), name, first, another_token: false, surfaces })
    }
}

/// Whose the token is, one of the two, and where it may be presented.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "TokenHolder")]
pub struct Holder {
    /// A user's address: this or `service_account` is demanded.
    pub email: Option<String>,
    /// A service account's identifier.
    pub service_account: Option<String>,
    /// Where it may be presented; anywhere without it.
    #[schemars(extend("enum" = ["scim", "platform"]))]
    pub surfaces: Option<Vec<String>>,
}

impl Holder {
    /// The wish for one more token.
    ///
    /// # Errors
    /// `Fields`, every complaint at once.
    pub fn read(self, caller: Caller) -> Result<Bootstrap> {
        let mut check = FieldCheck::new();
        let holder = self.checked(&mut check);
        check.done()?;
        let (first, surfaces) = holder.ok_or_else(unread)?;
        Ok(Bootstrap { caller, name: None, first, another_token: true, surfaces })
    }

    fn checked(self, check: &mut FieldCheck) -> Option<(First, Vec<Surface>)> {
        let surfaces = self.surfaces.map_or(Ok(Surface::ALL.to_vec()), |named| Surface::named(&named));
        let surfaces = check.read("surfaces", surfaces);
        let first = match (self.email, self.service_account) {
            (Some(email), None) => {
                check.email("email", &email);
                Some(First::User { email, name: None })
            }
            (None, Some(id)) => {
                // Names know no `$`.
                let name = id.replace('$', "-");
                let new = NewServiceAccount::check(Some(id), name, None, None, Tags::new());
                check.read("service_account", new.map(First::Machine).map_err(|p| p.message().to_owned()))
            }
            _ => {
                check.fail("email", "send this or service_account, and not both");
                None
            }
        };
        first.zip(surfaces)
    }
}

fn unread() -> Problem {
    Problem::internal("a body without a complaint has no administrator")
}

/// What is to be changed.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "AccountChange")]
pub struct ChangeBody {
    /// Another name.
    pub name: Option<String>,
    /// `ACTIVE` or `SUSPENDED`.
    #[schemars(extend("enum" = ["ACTIVE", "SUSPENDED"]))]
    pub status: Option<String>,
}

impl ChangeBody {
    /// Checks the wish.
    ///
    /// # Errors
    /// `Fields`, every complaint at once.
    pub fn read(self) -> Result<Change> {
        let mut check = FieldCheck::new();
        if let Some(name) = &self.name {
            check.title("name", name);
        }
        if self.name.is_none() && self.status.is_none() {
            check.fail("status", "is missing, and so is name: send what is to be changed");
        }
        let status = self.status.and_then(|word| check.read("status", wanted(&word)));
        check.done()?;
        Ok(Change { name: self.name, status })
    }
}

/// The states that an account is brought into by its name.
fn wanted(word: &str) -> std::result::Result<Status, String> {
    match Status::parse(word) {
        Some(status @ (Status::Active | Status::Suspended)) => Ok(status),
        _ => Err(format!("cannot be {word:?}; send ACTIVE or SUSPENDED (an account is deleted by DELETE)")),
    }
}
