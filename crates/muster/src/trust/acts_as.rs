//! As whom a trust acts: the service account that was there when the trust was stored for it. Another one
//! that is made under its identifier later is somebody else, and whoever makes it may not know of the trust.

use db::Tx;
use jose::{Reason, Refusal, Step};

use super::model::{Stored, Warning};
use crate::kernel::ids::AccountId;
use crate::kernel::problem::{Problem, Result};
use crate::kernel::scope::Scope;
use crate::kernel::time::Timestamp;
use crate::service_accounts;

/// Why a trust acts as nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Absent {
    /// There is no service account of that identifier.
    Gone,
    /// There is one, which was made then, after the one of the trust was deleted.
    Another(Timestamp),
}

impl Absent {
    /// As a refusal of step 19; `service_account`: the identifier that the trust names.
    pub fn refusal(self, service_account: &str) -> Refusal {
        let (received, hint) = match self {
            Self::Gone => (
                "none of this identifier".to_owned(),
                "create the service account and store the trust again, or name another one in the trust",
            ),
            Self::Another(made) => (
                format!("another one of this identifier, made at {}", made.rfc3339()),
                "store the trust again as it is, if its tokens are to act as this service account",
            ),
        };
        Refusal {
            step: Step::ServiceAccount,
            reason: Reason::ServiceAccountMissing,
            expected: format!("service account {service_account:?} in the account"),
            received,
            hint: Some(hint.into()),
        }
    }
}

/// When the account's service account of that identifier was made, if there is one.
///
/// # Errors
/// Only of the database.
pub fn made(tx: &mut Tx<'_>, account: &AccountId, identifier: &str) -> Result<Option<Timestamp>> {
    let found = service_accounts::actions::find(tx, &Scope::account(account.clone()), identifier)?;
    Ok(found.map(|service_account| service_account.created_at))
}

/// Whether the service account that is there, by when it was made, is the one of the trust.
///
/// # Errors
/// Why it is not.
pub fn check(stored: &Stored, there: Option<Timestamp>) -> std::result::Result<(), Absent> {
    match (there, stored.service_account_made) {
        (None, _) => Err(Absent::Gone),
        (Some(there), Some(meant)) if there != meant => Err(Absent::Another(there)),
        (Some(_), _) => Ok(()),
    }
}

/// As `made`, for a trust that is being stored.
///
/// # Errors
/// `Fields` where there is none.
pub fn there(tx: &mut Tx<'_>, account: &AccountId, identifier: &str) -> Result<Timestamp> {
    let fields = || vec![("serviceAccount".to_owned(), missing(account, identifier))];
    made(tx, account, identifier)?.ok_or_else(|| Problem::fields(fields()))
}

/// That there is no such service account, for whoever names it in a trust.
pub fn missing(account: &AccountId, identifier: &str) -> String {
    format!(
        "there is no service account [{identifier}] in account [{account}]: create it at the account first, or correct the identifier"
    )
}

/// What administrators should know of a trust that acts as nobody.
///
/// # Errors
/// Only of the database.
pub fn warning(tx: &mut Tx<'_>, account: &AccountId, stored: &Stored) -> Result<Option<Warning>> {
    let id = stored.definition.service_account.as_str();
    let there = made(tx, account, id)?;
    Ok(check(stored, there).err().map(|absent| tell(id, absent)))
}

fn tell(id: &str, absent: Absent) -> Warning {
    let (code, message) = match absent {
        Absent::Gone => (
            "service_account_missing",
            format!(
                "The service account {id} was deleted, so no token is taken: name another one, or delete the trust."
            ),
        ),
        Absent::Another(made) => (
            "service_account_replaced",
            format!(
                "The service account {id} was deleted and another one made under the identifier at {}, as which no token of this trust acts: if it is to, store the trust again as it is.",
                made.rfc3339()
            ),
        ),
    };
    Warning { code, field: "serviceAccount", message }
}
