//! From a presented access token to its principal. Part of each request whose credential is not known yet.

use db::Tx;
use subtle::ConstantTimeEq as _;

use super::token::{Claims, Parent, Presented, mark};
use crate::accounts;
use crate::accounts::secrets::Purpose;
use crate::kernel::caller::{Credential, Principal};
use crate::kernel::ids::{AccountId, TokenId};
use crate::kernel::problem::Result;
use crate::kernel::scope::Scope;
use crate::kernel::surface::Surface;
use crate::kernel::time::Timestamp;
use crate::tokens::verify as tokens;
use crate::trust;
use crate::trust::model::Stored;

/// An access token that holds.
#[derive(Clone, Debug)]
pub struct Verified {
    /// The service account.
    pub principal: Principal,
    /// From then on it no longer holds.
    pub expires_at: Timestamp,
    /// Where it may be presented.
    pub surfaces: Vec<Surface>,
    /// What proves the principal.
    pub credential: Credential,
    /// The token in whose name it was issued.
    pub parent: Option<TokenId>,
}

/// Why an access token does not hold. Clients hear one text for all; logs and administrators hear which.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Not authenticated by the account's secret.
    Forged,
    /// Past its end.
    Expired,
    /// The token or trust in whose name it was issued is gone, has ended or is another by now.
    ParentGone,
    /// The service account is gone.
    OwnerGone,
}

impl Refusal {
    /// A word for logs and administrators.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Forged => "access_token_unknown",
            Self::Expired => "access_token_past_its_end",
            Self::ParentGone => "access_token_parent_gone",
            Self::OwnerGone => "owner_gone",
        }
    }
}

/// Checks the access token: its code, its end, and that its parent stands as it stood when it was issued.
///
/// # Errors
/// Only of the database; a token that does not hold is the inner `Err`.
pub fn verify(
    tx: &mut Tx<'_>,
    token: &Presented,
    now: Timestamp,
) -> Result<std::result::Result<Verified, Refusal>> {
    let key = accounts::store::secret(tx, &token.account, Purpose::AccessTokens)?;
    let Some(key) = key else { return Ok(Err(Refusal::Forged)) };
    let Some(claims) = token.open(&key) else { return Ok(Err(Refusal::Forged)) };
    let expires_at = Timestamp::from_micros(claims.end);
    if now >= expires_at {
        return Ok(Err(Refusal::Expired));
    }
    let Standing { principal, rests_on, ends } = match parent(tx, &token.account, &claims.by, now)? {
        Ok(found) => found,
        Err(refusal) => return Ok(Err(refusal)),
    };
    if !bool::from(mark(&key, &rests_on).as_bytes().ct_eq(claims.mark.as_bytes())) {
        return Ok(Err(Refusal::ParentGone));
    }
    // A rotated parent ends before it was to end.
    let expires_at = ends.map_or(expires_at, |ends| ends.min(expires_at));
    let surfaces = claims.surfaces();
    let parent = match &claims.by {
        Parent::Sat(id) => Some(TokenId::new(id.as_str())),
        Parent::Jwt { .. } => None,
    };
    Ok(Ok(Verified { principal, expires_at, surfaces, credential: credential(claims), parent }))
}

/// A parent in force.
struct Standing {
    /// Whose it is.
    principal: Principal,
    /// What it rests on, see `mark`.
    rests_on: Vec<u8>,
    /// Until when.
    ends: Option<Timestamp>,
}

fn parent(
    tx: &mut Tx<'_>,
    account: &AccountId,
    by: &Parent,
    now: Timestamp,
) -> Result<std::result::Result<Standing, Refusal>> {
    match by {
        Parent::Sat(id) => Ok(match tokens::standing(tx, account, &TokenId::new(id.as_str()), now)? {
            Ok(found) => Ok(Standing {
                principal: found.verified.principal,
                rests_on: found.secret_sha256,
                ends: found.verified.expires_at,
            }),
            Err(tokens::Refusal::OwnerGone) => Err(Refusal::OwnerGone),
            Err(_) => Err(Refusal::ParentGone),
        }),
        Parent::Jwt { trust, .. } => {
            let Some(found) = trust::actions::find(tx, account, trust)?.filter(|t| t.definition.enabled)
            else {
                return Ok(Err(Refusal::ParentGone));
            };
            let owner = owner(tx, account, &found)?;
            let standing = |(principal, rests_on)| Standing { principal, rests_on, ends: None };
            Ok(owner.map(standing).ok_or(Refusal::OwnerGone))
        }
    }
}

/// Whom a trust acts as, and what an access token rests on that was issued under it: this state of the trust
/// and this very service account, not another one of its identifier. `None`: there is none.
///
/// # Errors
/// Of the database.
pub fn owner(tx: &mut Tx<'_>, account: &AccountId, trust: &Stored) -> Result<Option<(Principal, Vec<u8>)>> {
    let scope = Scope::account(account.clone());
    let found = tokens::service_account_since(tx, scope, &trust.definition.service_account)?;
    let rests_on = |since: i64| [trust.fingerprint(), since.to_be_bytes().to_vec()].concat();
    Ok(found.map(|(principal, since)| (principal, rests_on(since))))
}

fn credential(claims: Claims) -> Credential {
    let by = match claims.by {
        Parent::Sat(id) => Credential::Token { id },
        Parent::Jwt { trust, kid, sub, sha256 } => {
            Credential::Jwt { trust, key_id: kid, subject: sub, token_sha256: sha256 }
        }
    };
    Credential::Issued { id: claims.id, by: Box::new(by) }
}
