//! The claims of a token as strictly read JSON, cheap to clone and share.

use std::fmt;
use std::sync::Arc;

use crate::value::{Document, Value};

/// The claims set of a token (RFC 7519 §4): always a JSON object without duplicate members.
#[derive(Clone)]
pub struct Claims(Arc<Document>);

impl Claims {
    /// The caller has checked that the document is an object.
    pub(crate) fn new(document: Document) -> Self {
        Self(Arc::new(document))
    }

    pub(crate) fn root(&self) -> Value<'_> {
        self.0.root()
    }

    /// The claim of this exact name.
    pub fn get(&self, name: &str) -> Option<Value<'_>> {
        self.root().get(name)
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
