//! The claims of a token as strictly read JSON, cheap to clone and share.

use std::fmt;
use std::sync::Arc;

use crate::value::{Document, Value};

/// The registered claims that the steps look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Registered {
    Iss,
    Sub,
    Aud,
    Exp,
    Nbf,
    Iat,
    Jti,
}

impl Registered {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Iss => "iss",
            Self::Sub => "sub",
            Self::Aud => "aud",
            Self::Exp => "exp",
            Self::Nbf => "nbf",
            Self::Iat => "iat",
            Self::Jti => "jti",
        }
    }

    fn from_name(name: &str) -> Option<Self> {
        match name {
            "iss" => Some(Self::Iss),
            "sub" => Some(Self::Sub),
            "aud" => Some(Self::Aud),
            "exp" => Some(Self::Exp),
            "nbf" => Some(Self::Nbf),
            "iat" => Some(Self::Iat),
            "jti" => Some(Self::Jti),
            _ => None,
        }
    }
}

/// The claims set of a token (RFC 7519 §4): always a JSON object without duplicate members.
#[derive(Clone)]
pub struct Claims(Arc<Inner>);

struct Inner {
    document: Document,
    /// Where the registered claims are, found in one pass, since each is asked for several times.
    registered: [Option<u32>; 7],
}

impl Claims {
    /// The caller has checked that the document is an object.
    pub(crate) fn new(document: Document) -> Self {
        let mut registered = [None; 7];
        for (name, value) in document.root().members() {
            if let Some(claim) = Registered::from_name(name) {
                registered[claim as usize] = Some(value.index());
            }
        }
        Self(Arc::new(Inner { document, registered }))
    }

    pub(crate) fn root(&self) -> Value<'_> {
        self.0.document.root()
    }

    /// A registered claim, without a search.
    pub(crate) fn registered(&self, claim: Registered) -> Option<Value<'_>> {
        self.0.registered[claim as usize].map(|at| self.0.document.at(at))
    }

    /// The claim of this exact name.
    pub fn get(&self, name: &str) -> Option<Value<'_>> {
        match Registered::from_name(name) {
            Some(claim) => self.registered(claim),
            None => self.root().get(name),
        }
    }

    /// The claim of this exact name if it is a string.
    pub fn string(&self, name: &str) -> Option<&str> {
        self.get(name)?.as_str()
    }

    /// All claims in the order of the token.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Value<'_>)> {
        self.root().members()
    }

    /// The claims as `serde_json` has them, for storing or showing.
    pub fn to_json(&self) -> serde_json::Map<String, serde_json::Value> {
        self.iter().map(|(name, value)| (name.to_owned(), value.to_json())).collect()
    }
}

impl fmt::Debug for Claims {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}
