//! The walk over the keys of a body, by which it is known what a request names, however it says so: by
//! names, paths, and URNs with objects. It reads names only; whether the request is sound is not its matter.

use std::sync::Arc;

use serde_json::Value;

use crate::dialect::{Dialect, Mender};
use crate::path::PatchPath;
use crate::schema::{AttrRef, Resolution, ResourceType, Schema};

/// What one key or path names.
pub(crate) enum Mention<'b> {
    /// An attribute or sub-attribute, and what is said of it.
    Attr {
        attr: AttrRef,
        /// Whether a filter chooses some of its elements.
        is_filtered: bool,
        value: &'b Value,
    },
    /// An extension as a whole; what stands in it follows.
    Extension { schema: Arc<Schema>, value: &'b Value },
}

pub(crate) struct Walk<'k, F> {
    pub(crate) kind: &'k ResourceType,
    /// Which names mean something.
    pub(crate) dialect: Dialect,
    /// Hears of each mention in the order of the keys.
    pub(crate) hear: F,
}

impl<'b, F: FnMut(Mention<'b>)> Walk<'_, F> {
    /// The keys of an object: of a resource, or of an extension in it. A list around the object of an
    /// extension is looked through.
    pub(crate) fn object(&mut self, schema: Option<&Arc<Schema>>, value: &'b Value) {
        if let Value::Object(map) = value {
            for (key, value) in map {
                self.key(schema, key, value);
            }
        } else if let (Value::Array(list), Some(_)) = (value, schema) {
            for value in list {
                self.object(schema, value);
            }
        }
    }

    /// A key that is no attribute name is a path, the URN of an extension among them.
    fn key(&mut self, schema: Option<&Arc<Schema>>, key: &str, value: &'b Value) {
        let attributes = schema.map_or(self.kind.top(), |schema| &schema.attributes);
        match (attributes.get(key), schema) {
            (Some(attr), _) => self.attr(AttrRef::new(schema, attr, None), false, value),
            (None, Some(schema)) if !key.contains(':') => {
                self.path(&format!("{}:{key}", schema.urn), value);
            }
            (None, _) => self.path(key, value),
        }
    }

    /// The path of an operation, or a key that is one.
    pub(crate) fn path(&mut self, text: &str, value: &'b Value) {
        let Ok(path) = PatchPath::parse(text) else { return };
        match self.kind.resolve(&path.attr, &mut Mender::new(self.dialect)) {
            Resolution::Attr(attr) => {
                let sub = path.sub.as_deref().and_then(|name| attr.attr.sub.get(name)).or(attr.sub.as_ref());
                self.attr(attr.with_sub(sub), path.filter.is_some(), value);
            }
            Resolution::Extension(schema) => {
                (self.hear)(Mention::Extension { schema: schema.clone(), value });
                self.object(Some(&schema), value);
            }
            Resolution::Resource => self.object(None, value),
            Resolution::ForeignUrn | Resolution::Unknown => {}
        }
    }

    fn attr(&mut self, attr: AttrRef, is_filtered: bool, value: &'b Value) {
        (self.hear)(Mention::Attr { attr, is_filtered, value });
    }
}
