//! Tokens that were made here: those with a record (PAT, SAT) and access tokens, as the door takes them.

use db::Tx;

use crate::kernel::caller::{Credential, Principal};
use crate::kernel::ids::{AccountId, TokenId};
use crate::kernel::problem::Result;
use crate::kernel::surface::Surface;
use crate::kernel::time::Timestamp;
use crate::oauth::{token as access_token, verify as access};
use crate::tokens::secret::{self, Own};
use crate::tokens::verify as tokens;

/// A token of ours, taken apart.
pub enum Presented {
    /// It has a record.
    Recorded(secret::Presented),
    /// An access token.
    Issued(access_token::Presented),
}

impl Presented {
    /// Takes a text apart; `None` when it cannot be a token of ours.
    pub fn read(text: &str) -> Option<Self> {
        match secret::is_own(text)? {
            Own::Pat | Own::Sat => secret::read(text).map(Self::Recorded),
            Own::Oat => access_token::read(text).map(Self::Issued),
        }
    }

    /// The account it names.
    pub fn account(&self) -> &AccountId {
        match self {
            Self::Recorded(token) => &token.account,
            Self::Issued(token) => &token.account,
        }
    }

    /// What it proves; or the word for logs of why it does not hold.
    ///
    /// # Errors
    /// Only of the database.
    pub fn verify(
        &self,
        tx: &mut Tx<'_>,
        now: Timestamp,
    ) -> Result<std::result::Result<Proof, &'static str>> {
        Ok(match self {
            Self::Recorded(token) => {
                let found = tokens::verify(tx, token, now)?.map_err(tokens::Refusal::as_str);
                found.map(|found| Proof {
                    principal: found.principal,
                    credential: Credential::Token { id: token.id.to_string() },
                    expires_at: found.expires_at,
                    surfaces: found.surfaces,
                    used: Some(token.id.clone()),
                })
            }
            Self::Issued(token) => {
                let found = access::verify(tx, token, now)?.map_err(access::Refusal::as_str);
                found.map(|found| Proof {
                    principal: found.principal,
                    credential: found.credential,
                    expires_at: Some(found.expires_at),
                    surfaces: found.surfaces,
                    used: found.parent,
                })
            }
        })
    }
}

/// What a token of ours proves.
pub struct Proof {
    /// Whom.
    pub principal: Principal,
    /// By what, for audit rows.
    pub credential: Credential,
    /// Until when; `None`: for ever.
    pub expires_at: Option<Timestamp>,
    /// Where it may be presented.
    pub surfaces: Vec<Surface>,
    /// The record whose use this is.
    pub used: Option<TokenId>,
}
