//! The text of a token: `pat.<account>.<tokenId>.<secret>` or `sat.…`; the secret is 43 characters of base62
//! (256 bits) and a 6-character CRC-32 of them, so that a truncated paste is told apart from a revoked token
//! without a look-up.

use sha2::{Digest as _, Sha256};

use crate::kernel::ids::{AccountId, TokenId};
use crate::kernel::rng::{BASE62, Rng};
use crate::kernel::secret::Secret;

const SECRET_CHARS: usize = 43;
const CHECK_CHARS: usize = 6;

/// First part of an access token's text, which slice `oauth` issues and reads.
pub const ISSUED: &str = "oat";

/// Whose token: a user's or a service account's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// `pat`, owner is a user.
    User,
    /// `sat`, owner is a service account.
    ServiceAccount,
}

impl Kind {
    /// First part of the text.
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::User => "pat",
            Self::ServiceAccount => "sat",
        }
    }
    /// The wire's and the database's spelling (`apiKeyType`).
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::User => "USER",
            Self::ServiceAccount => "SERVICE_ACCOUNT",
        }
    }
    /// Reads `apiKeyType`.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::User, Self::ServiceAccount].into_iter().find(|k| k.as_str() == text)
    }
}

/// A token as a client presents it, taken apart and checked for form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Presented {
    /// `pat` or `sat`.
    pub kind: Kind,
    /// The account it names.
    pub account: AccountId,
    /// The record it names.
    pub id: TokenId,
    /// SHA-256 of the secret.
    pub sha256: [u8; 32],
}

/// Makes the text of a new token and the hash to store.
pub fn mint(rng: &Rng, kind: Kind, account: &AccountId, id: &TokenId) -> (Secret, [u8; 32]) {
    let body = rng.base62(SECRET_CHARS);
    let secret = format!("{body}{}", check(&body));
    let hash = Sha256::digest(secret.as_bytes()).into();
    (Secret::new(format!("{}.{account}.{id}.{secret}", kind.prefix())), hash)
}

/// Takes a token apart. `None` when it cannot be one of ours: wrong prefix, parts, length, characters or
/// check sum.
pub fn read(text: &str) -> Option<Presented> {
    let mut parts = text.split('.');
    let (prefix, account, id, secret) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let kind = [Kind::User, Kind::ServiceAccount].into_iter().find(|k| k.prefix() == prefix)?;
    let form = parts.next().is_none() && secret.len() == SECRET_CHARS + CHECK_CHARS && secret.is_ascii();
    if !form || id.is_empty() || id.len() > 64 || check(&secret[..SECRET_CHARS]) != secret[SECRET_CHARS..] {
        return None;
    }
    Some(Presented {
        kind,
        account: AccountId::parse(account).ok()?,
        id: TokenId::new(id),
        sha256: Sha256::digest(secret.as_bytes()).into(),
    })
}

/// The kinds of token that are made here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Own {
    /// A user's token.
    Pat,
    /// A service account's token.
    Sat,
    /// An access token of the token endpoint.
    Oat,
}

impl Own {
    /// The name that people see.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pat => "PAT",
            Self::Sat => "SAT",
            Self::Oat => "OAT",
        }
    }
}

/// What a text means to be, sound or not, if it means to be a token of ours.
pub fn is_own(text: &str) -> Option<Own> {
    match text.split_once('.')?.0 {
        prefix if prefix == Kind::User.prefix() => Some(Own::Pat),
        prefix if prefix == Kind::ServiceAccount.prefix() => Some(Own::Sat),
        ISSUED => Some(Own::Oat),
        _ => None,
    }
}

fn check(body: &str) -> String {
    let mut crc = crc32fast::hash(body.as_bytes());
    let mut out = [b'0'; CHECK_CHARS];
    for place in out.iter_mut().rev() {
        *place = BASE62[(crc % 62) as usize];
        crc /= 62;
    }
    out.iter().map(|b| char::from(*b)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_minted_is_read() {
        let (account, id) = (AccountId::new("acc"), TokenId::new("t1"));
        let (text, hash) = mint(&Rng::seeded(1), Kind::ServiceAccount, &account, &id);
        let presented = read(text.expose()).unwrap();
        assert_eq!(presented, Presented { kind: Kind::ServiceAccount, account, id, sha256: hash });
    }

    #[test]
    fn damage_is_seen_without_a_look_up() {
        let (text, _) = mint(&Rng::seeded(1), Kind::User, &AccountId::new("acc"), &TokenId::new("t1"));
        let text = text.expose();
        let (last, rest) = (text.chars().last().unwrap(), &text[..text.len() - 1]);
        let other = if last == 'a' { 'b' } else { 'a' };
        for bad in [
            rest.to_owned(),
            format!("{rest}{other}"),
            text.replace("pat.", "tok."),
            format!("{text}.x"),
            String::new(),
        ] {
            assert_eq!(read(&bad), None, "{bad}");
        }
    }
}
