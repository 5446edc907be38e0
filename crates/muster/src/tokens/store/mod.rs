//! SQL of API keys and tokens.

mod keys;
mod tokens;

use db::{Row, Tx, params};

pub use keys::{
    Key, KeyRow, count_keys, delete_key, find_key, insert_key, list_keys, token_counts, update_key,
};
pub use tokens::{
    Listing, Token, TokenRow, accounts_with_expired, count_tokens, delete_token, find_token,
    find_token_by_id, insert_token, list_tokens, purge_expired, purge_expired_of_key, retire_token,
    touch_token, update_token,
};

use super::secret::Kind;
use crate::kernel::ids::AccountId;
use crate::kernel::problem::Problem;
use crate::kernel::scope::Scope;

const FIND_USER: &str = "SELECT email, name FROM users WHERE account_id = $1 AND user_id = $2";

/// Whose keys: a user's (scope is the account) or a service account's (scope is where it lives).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Owner {
    /// Where the owner lives.
    pub scope: Scope,
    /// User or service account.
    pub kind: Kind,
    /// User id or service account identifier.
    pub id: String,
}

impl Owner {
    /// From the columns that name an owner.
    fn stored(
        account: &AccountId,
        org: &str,
        project: &str,
        kind: &str,
        id: String,
    ) -> Result<Self, Problem> {
        let kind = Kind::parse(kind).ok_or_else(|| {
            Problem::internal(format!("a stored key or token has the unknown kind {kind:?}"))
        })?;
        Ok(Self { scope: Scope::of(account.clone(), Some(org), Some(project))?, kind, id })
    }
}

/// E-mail address and name of a user, active or not; `None` when there is no such user.
pub fn find_user(
    tx: &mut Tx<'_>,
    account: &AccountId,
    id: &str,
) -> Result<Option<(String, String)>, Problem> {
    let map = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?));
    Ok(tx.query_opt(FIND_USER, params![account.as_str(), id], map)?)
}
