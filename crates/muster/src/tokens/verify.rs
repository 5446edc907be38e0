//! From a presented token to its principal. Part of each request whose credential is not known yet.

use db::{Tx, params};
use subtle::ConstantTimeEq as _;

use super::secret::{Kind, Presented};
use crate::accounts::store::find_version;
use crate::kernel::caller::{Principal, PrincipalKind};
use crate::kernel::ids::{AccountId, TokenId};
use crate::kernel::problem::Problem;
use crate::kernel::scope::Scope;
use crate::kernel::surface::Surface;
use crate::kernel::time::Timestamp;

const FIND: &str = "SELECT kind, secret_sha256, valid_from, valid_to, scheduled_expire_at, org_id, project_id, parent_id, \
    surfaces FROM tokens WHERE account_id = $1 AND token_id = $2";
const FIND_USER: &str =
    "SELECT email, name FROM users WHERE account_id = $1 AND user_id = $2 AND active = $3";
const FIND_SERVICE_ACCOUNT: &str = "SELECT identifier, name, created_at FROM service_accounts \
    WHERE account_id = $1 AND org_id = $2 AND project_id = $3 AND identifier = $4";

/// A token that holds.
#[derive(Clone, Debug)]
pub struct Verified {
    /// Its owner.
    pub principal: Principal,
    /// From then on it no longer holds; `None`: never.
    pub expires_at: Option<Timestamp>,
    /// Where it may be presented.
    pub surfaces: Vec<Surface>,
}

/// Why a token does not hold. Clients hear one text for all; logs and administrators hear which.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// No such record, or the secret is not its secret.
    Unknown,
    /// `validFrom` lies ahead.
    NotYet,
    /// Past its end.
    Expired,
    /// The owner is gone or deactivated, or the account is.
    OwnerGone,
}

impl Refusal {
    /// A word for logs and administrators.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown_token",
            Self::NotYet => "token_not_yet",
            Self::Expired => "token_past_its_end",
            Self::OwnerGone => "owner_gone",
        }
    }
}

struct Row {
    kind: String,
    sha256: Vec<u8>,
    valid_from: i64,
    ends: Option<i64>,
    org: String,
    project: String,
    parent: String,
    surfaces: String,
}

/// A token that holds, whoever shows it: what is issued in its name stands with it.
#[derive(Clone, Debug)]
pub struct Standing {
    /// Its owner and its end.
    pub verified: Verified,
    /// SHA-256 of its secret.
    pub secret_sha256: Vec<u8>,
}

/// Checks the presented token against its record: kind, secret (constant time), times, owner alive.
///
/// # Errors
/// Only of the database; a token that does not hold is the inner `Err`.
pub fn verify(
    tx: &mut Tx<'_>,
    token: &Presented,
    now: Timestamp,
) -> Result<Result<Verified, Refusal>, Problem> {
    let Some(row) = find(tx, &token.account, &token.id)? else { return Ok(Err(Refusal::Unknown)) };
    if row.kind != token.kind.as_str() || !bool::from(row.sha256.as_slice().ct_eq(&token.sha256)) {
        return Ok(Err(Refusal::Unknown));
    }
    holds(tx, &token.account, token.kind, &row, now)
}

/// Checks the record of a service account's token, whose secret was shown at another time.
///
/// # Errors
/// Only of the database; a token that does not hold is the inner `Err`.
pub fn standing(
    tx: &mut Tx<'_>,
    account: &AccountId,
    id: &TokenId,
    now: Timestamp,
) -> Result<Result<Standing, Refusal>, Problem> {
    let kind = Kind::ServiceAccount;
    let row = find(tx, account, id)?.filter(|row| row.kind == kind.as_str());
    let Some(row) = row else { return Ok(Err(Refusal::Unknown)) };
    let verified = holds(tx, account, kind, &row, now)?;
    Ok(verified.map(|verified| Standing { verified, secret_sha256: row.sha256 }))
}

/// Does the token with this id still hold, whose secret was shown before?
pub fn is_alive(tx: &mut Tx<'_>, account: &AccountId, id: &TokenId, now: Timestamp) -> Result<bool, Problem> {
    let Some(row) = find(tx, account, id)? else { return Ok(false) };
    let kind = if row.kind == Kind::User.as_str() { Kind::User } else { Kind::ServiceAccount };
    Ok(holds(tx, account, kind, &row, now)?.is_ok())
}

/// Is this user or service account still there, and may he act?
pub fn is_there(tx: &mut Tx<'_>, principal: &Principal) -> Result<bool, Problem> {
    let (scope, id) = (principal.scope.clone(), principal.id.as_str());
    Ok(match principal.kind {
        PrincipalKind::User => user(tx, scope, id)?.is_some(),
        PrincipalKind::ServiceAccount => service_account(tx, scope, id)?.is_some(),
        PrincipalKind::UserGroup | PrincipalKind::System => false,
    })
}

fn find(tx: &mut Tx<'_>, account: &AccountId, id: &TokenId) -> Result<Option<Row>, Problem> {
    let row = tx.query_opt(FIND, params![account.as_str(), id.as_str()], |row| {
        let (valid_to, scheduled): (Option<i64>, Option<i64>) = (row.get(3)?, row.get(4)?);
        Ok(Row {
            kind: row.get(0)?,
            sha256: row.get(1)?,
            valid_from: row.get(2)?,
            ends: scheduled.or(valid_to),
            org: row.get(5)?,
            project: row.get(6)?,
            parent: row.get(7)?,
            surfaces: row.get(8)?,
        })
    })?;
    Ok(row)
}

fn holds(
    tx: &mut Tx<'_>,
    account: &AccountId,
    kind: Kind,
    row: &Row,
    now: Timestamp,
) -> Result<Result<Verified, Refusal>, Problem> {
    if now.micros() < row.valid_from {
        return Ok(Err(Refusal::NotYet));
    }
    if row.ends.is_some_and(|end| now.micros() >= end) {
        return Ok(Err(Refusal::Expired));
    }
    if find_version(tx, account)?.is_none() {
        return Ok(Err(Refusal::OwnerGone));
    }
    let scope = Scope::of(account.clone(), Some(&row.org), Some(&row.project))?;
    let principal = match kind {
        Kind::User => user(tx, scope, &row.parent)?,
        Kind::ServiceAccount => service_account(tx, scope, &row.parent)?,
    };
    let expires_at = row.ends.map(Timestamp::from_micros);
    let surfaces = Surface::of_stored(&row.surfaces);
    Ok(principal.map(|principal| Verified { principal, expires_at, surfaces }).ok_or(Refusal::OwnerGone))
}

fn user(tx: &mut Tx<'_>, scope: Scope, id: &str) -> Result<Option<Principal>, Problem> {
    let key = params![scope.account.as_str(), id, true];
    let found = tx.query_opt(FIND_USER, key, |r| Ok((r.get(0)?, r.get(1)?)))?;
    Ok(found.map(|(label, name)| Principal {
        kind: PrincipalKind::User,
        id: id.to_owned(),
        scope,
        label,
        name,
    }))
}

/// The service account of that scope as a principal, if it exists.
pub fn service_account(tx: &mut Tx<'_>, scope: Scope, id: &str) -> Result<Option<Principal>, Problem> {
    Ok(service_account_since(tx, scope, id)?.map(|(principal, _)| principal))
}

/// As `service_account`, with the microsecond in which it was made: another one of its identifier, made after
/// it was deleted, is told apart by that.
pub fn service_account_since(
    tx: &mut Tx<'_>,
    scope: Scope,
    id: &str,
) -> Result<Option<(Principal, i64)>, Problem> {
    let key = params![scope.account.as_str(), scope.org_column(), scope.project_column(), id];
    let found = tx.query_opt(FIND_SERVICE_ACCOUNT, key, |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?)))?;
    let kind = PrincipalKind::ServiceAccount;
    let principal = |label, name| Principal { kind, id: id.to_owned(), scope, label, name };
    Ok(found.map(|(label, name, since)| (principal(label, name), since)))
}
