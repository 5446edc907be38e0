//! The text of an access token: `oat.<account>.<claims>.<code>`, the last two in base64url. The code is
//! HMAC-SHA-256 under a secret of the account over all that stands before it.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use crate::kernel::ids::AccountId;
use crate::kernel::secret::Secret;
use crate::kernel::surface::Surface;
use crate::tokens::secret::ISSUED;

/// Longest text that is read, bytes. What is issued stays far below it.
const MAX_CHARS: usize = 8 << 10;
const MARK_BYTES: usize = 16;

/// What an access token says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claims {
    /// Tells it from others in logs and audit rows.
    pub id: String,
    /// From then on it no longer holds; microseconds since 1970.
    pub end: i64,
    /// Where it may be presented: surfaces by their names.
    pub scope: Vec<String>,
    /// In whose name it was issued.
    pub by: Parent,
    /// How the parent stood then, see `mark`.
    pub mark: String,
}

impl Claims {
    /// Where it may be presented.
    pub fn surfaces(&self) -> Vec<Surface> {
        Surface::ALL.into_iter().filter(|s| self.scope.iter().any(|name| name == s.as_str())).collect()
    }
}

/// What was shown for an access token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum Parent {
    /// A token of a service account, by its record's id.
    Sat(String),
    /// A JWT that a trust took.
    Jwt {
        /// The trust.
        trust: String,
        /// The key that verified it.
        kid: Option<String>,
        /// Its subject.
        sub: Option<String>,
        /// SHA-256 of it, hexadecimal.
        sha256: String,
    },
}

/// An access token as a client presents it, taken apart and checked for form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Presented {
    /// The account it names.
    pub account: AccountId,
    claims: String,
    code: Vec<u8>,
}

/// The text of an access token of the account.
///
/// # Panics
/// Never: the claims are JSON.
pub fn seal(key: &[u8], account: &AccountId, claims: &Claims) -> Secret {
    let claims = URL_SAFE_NO_PAD.encode(serde_json::to_vec(claims).expect("claims are JSON"));
    let code = code(key, account, &claims).finalize().into_bytes();
    Secret::new(format!("{ISSUED}.{account}.{claims}.{}", URL_SAFE_NO_PAD.encode(code)))
}

/// Takes a text apart. `None` when it cannot be an access token.
pub fn read(text: &str) -> Option<Presented> {
    let mut parts = text.split('.');
    let (prefix, account, claims, code) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    if prefix != ISSUED || parts.next().is_some() || text.len() > MAX_CHARS {
        return None;
    }
    let code = URL_SAFE_NO_PAD.decode(code).ok().filter(|code| code.len() == 32)?;
    Some(Presented { account: AccountId::parse(account).ok()?, claims: claims.to_owned(), code })
}

impl Presented {
    /// What it says, if this secret authenticates it.
    pub fn open(&self, key: &[u8]) -> Option<Claims> {
        code(key, &self.account, &self.claims).verify_slice(&self.code).ok()?;
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(&self.claims).ok()?).ok()
    }
}

/// A short form of what a parent rests on (a token's stored hash, a trust's definition), which says nothing
/// of it to who lacks the account's secret.
pub fn mark(key: &[u8], rests_on: &[u8]) -> String {
    let tag = keyed(key, *b"mark").chain_update(rests_on).finalize().into_bytes();
    URL_SAFE_NO_PAD.encode(&tag[..MARK_BYTES])
}

fn code(key: &[u8], account: &AccountId, claims: &str) -> Hmac<Sha256> {
    // Neither part holds a dot.
    keyed(key, *b"code").chain_update(account.as_str()).chain_update(b".").chain_update(claims)
}

/// Keeps codes and marks apart: the purposes have one length.
fn keyed(key: &[u8], purpose: [u8; 4]) -> Hmac<Sha256> {
    Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes a key of any length").chain_update(purpose)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &[u8] = &[7; 32];

    fn claims() -> Claims {
        Claims {
            id: "one".into(),
            end: 5,
            scope: vec!["platform".into(), "scim".into(), "later".into()],
            by: Parent::Jwt { trust: "t".into(), kid: None, sub: Some("s".into()), sha256: "00".into() },
            mark: mark(KEY, b"parent"),
        }
    }

    #[test]
    fn what_is_sealed_is_opened_by_its_key_alone() {
        let account = AccountId::new("acc");
        let text = seal(KEY, &account, &claims());
        let presented = read(text.expose()).unwrap();
        assert_eq!(presented.account, account);
        assert_eq!(presented.open(KEY), Some(claims()));
        assert_eq!(presented.open(&[8; 32]), None);
        assert_eq!(claims().surfaces(), [Surface::Scim, Surface::Platform]);
    }

    #[test]
    fn no_character_of_it_can_be_changed() {
        let text = seal(KEY, &AccountId::new("acc"), &claims());
        let text = text.expose();
        for at in 0..text.len() {
            for other in ['A', 'b', '_', '.'].into_iter().filter(|other| !text[at..].starts_with(*other)) {
                let changed = format!("{}{other}{}", &text[..at], &text[at + 1..]);
                let opened = read(&changed).and_then(|presented| presented.open(KEY));
                assert_eq!(opened, None, "{changed}");
            }
        }
        for bad in
            [format!("{text}.x"), text.replace("oat.", "sat."), format!("oat.acc.{}.x", "A".repeat(9_000))]
        {
            assert_eq!(read(&bad), None, "{bad}");
        }
    }

    #[test]
    fn a_mark_is_of_its_key_and_of_what_it_marks() {
        assert_eq!(mark(KEY, b"a"), mark(KEY, b"a"));
        assert_ne!(mark(KEY, b"a"), mark(KEY, b"b"));
        assert_ne!(mark(KEY, b"a"), mark(&[8; 32], b"a"));
    }
}
