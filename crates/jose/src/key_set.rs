//! A JSON Web Key Set (RFC 7517 §5), parsed once into an immutable value to share. It never fetches.

use std::fmt;
use std::ops::RangeInclusive;

use serde::Serialize;

use crate::jwk::{self, Key, SkipReason};
use crate::reader::{JsonError, Limits};
use crate::value::{Document, Kind};

/// Nesting a key set may have; certificates and extensions stay far below.
const DEPTH: usize = 8;

/// Bounds of [`KeySet::parse`]; the default is the contract's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeySetLimits {
    /// Most bytes of the text: 256 KiB.
    pub max_bytes: usize,
    /// Most entries of `keys`, used or not: 100.
    pub max_keys: usize,
    /// Least bits of an RSA modulus: 2048; a smaller limit counts as 2048.
    pub min_rsa_bits: usize,
    /// Most bits of an RSA modulus: 8192; a greater limit counts as 8192.
    pub max_rsa_bits: usize,
}

impl KeySetLimits {
    /// The sizes of RSA moduli that are taken; the verification itself takes no others than 2048 to 8192.
    pub(crate) fn rsa_bits(&self) -> RangeInclusive<usize> {
        self.min_rsa_bits.max(2048)..=self.max_rsa_bits.min(8192)
    }
}

impl Default for KeySetLimits {
    fn default() -> Self {
        Self { max_bytes: 256 * 1024, max_keys: 100, min_rsa_bits: 2048, max_rsa_bits: 8192 }
    }
}

/// An entry of the set that is not used, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Skipped {
    /// Place in `keys`, from 0.
    pub index: usize,
    /// Its `kid`, where it is readable.
    pub kid: Option<String>,
    /// The stable reason.
    pub reason: SkipReason,
    /// What exactly is wrong.
    pub detail: String,
}

/// Why a text is no usable key set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeySetError {
    /// More bytes than the limit.
    TooLarge {
        /// Bytes of the text.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// Not strict JSON.
    NotJson(JsonError),
    /// Not an object with a list `keys`.
    NotKeySet(&'static str),
    /// More entries than the limit.
    TooManyKeys {
        /// Entries of `keys`.
        keys: usize,
        /// The limit.
        limit: usize,
    },
    /// Not one entry can be used; each with its reason.
    NoUsableKeys(Vec<Skipped>),
}

impl fmt::Display for KeySetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge { bytes, limit } => {
                write!(f, "the key set has {bytes} bytes; publish at most {limit}")
            }
            Self::NotJson(error) => write!(f, "the key set is not strict JSON: {error}"),
            Self::NotKeySet(problem) => f.write_str(problem),
            Self::TooManyKeys { keys, limit } => {
                write!(f, "the key set has {keys} keys; publish at most {limit}")
            }
            Self::NoUsableKeys(skipped) if skipped.is_empty() => {
                f.write_str("the key set is empty; publish at least one public signature key")
            }
            Self::NoUsableKeys(skipped) => {
                f.write_str("no key of the set can be used:")?;
                for key in skipped.iter().take(5) {
                    write!(f, " [{}] {} ({});", key.index, key.reason, key.detail)?;
                }
                f.write_str(
                    " publish a public signature key (RSA from 2048 bits, P-256, P-384, P-521, Ed25519)",
                )
            }
        }
    }
}

impl std::error::Error for KeySetError {}

/// The usable keys of a set, and a record of the others.
#[derive(Debug)]
pub struct KeySet {
    keys: Vec<Key>,
    skipped: Vec<Skipped>,
}

impl KeySet {
    /// Reads a JWKS. Entries that cannot be used are skipped with a reason; a set without a usable one is an
    /// error, so that a broken answer never replaces good keys.
    ///
    /// # Errors
    /// [`KeySetError`]: too large, not strict JSON, no `keys` list, too many entries, nothing usable.
    pub fn parse(bytes: &[u8], limits: &KeySetLimits) -> Result<Self, KeySetError> {
        if bytes.len() > limits.max_bytes {
            return Err(KeySetError::TooLarge { bytes: bytes.len(), limit: limits.max_bytes });
        }
        let document = Document::parse(bytes.to_vec(), Limits { depth: DEPTH, mark_duplicates: true })
            .map_err(KeySetError::NotJson)?;
        let root = document.root();
        let mut lists = root.members().filter(|(name, _)| *name == "keys").map(|(_, value)| value);
        let list = match (lists.next(), lists.next()) {
            (Some(list), None) if list.kind() == Kind::Array => list,
            (Some(_), None) => {
                return Err(KeySetError::NotKeySet("keys is not a list; publish {\"keys\":[…]}"));
            }
            (Some(_), Some(_)) => {
                return Err(KeySetError::NotKeySet("two members are named keys; publish one"));
            }
            (None, _) => {
                return Err(KeySetError::NotKeySet("not a key set; publish an object {\"keys\":[…]}"));
            }
        };
        let entries = list.elements().count();
        if entries > limits.max_keys {
            return Err(KeySetError::TooManyKeys { keys: entries, limit: limits.max_keys });
        }
        let (mut keys, mut skipped) = (Vec::with_capacity(entries), Vec::new());
        for (index, entry) in list.elements().enumerate() {
            match Key::read(entry, limits) {
                Ok(key) => keys.push(key),
                Err((reason, detail)) => {
                    skipped.push(Skipped { index, kid: jwk::shown_kid(entry), reason, detail });
                }
            }
        }
        if keys.is_empty() {
            return Err(KeySetError::NoUsableKeys(skipped));
        }
        Ok(Self { keys, skipped })
    }

    /// The usable keys, in the order of the set.
    pub fn keys(&self) -> &[Key] {
        &self.keys
    }

    /// The entries that are not used, in the order of the set.
    pub fn skipped(&self) -> &[Skipped] {
        &self.skipped
    }

    /// The usable keys of this `kid`; several may have it.
    pub fn with_kid<'s>(&'s self, kid: &'s str) -> impl Iterator<Item = &'s Key> {
        self.keys.iter().filter(move |key| key.kid() == Some(kid))
    }
}
