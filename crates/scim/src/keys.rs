//! Keys of a value without path: each is an attribute, the URN of an extension, or a path that a client wrote
//! as a key.

use std::sync::Arc;

use serde_json::{Map, Value};

use crate::dialect::Quirk;
use crate::error::ScimError;
use crate::fixed::readonly;
use crate::path::{PatchPath, Target};
use crate::plan::{Builder, OpKind};
use crate::pointer::settle_keys;
use crate::resource::claimed_schemas;
use crate::schema::{AttrRef, Attribute, Mutability, Schema};
use crate::value::unknown_attribute;

/// Keys that are no attribute names, with their values: of a body, or of an extension in it.
pub(crate) type OddKeys = (Option<Arc<Schema>>, Map<String, Value>);

/// What a key that is a path is a case of.
pub(crate) fn quirk_of(key: &str) -> Option<Quirk> {
    match key {
        _ if key.contains(':') => Some(Quirk::QualifiedKey),
        _ if key.contains(['.', '[']) => Some(Quirk::DottedKey),
        _ => None,
    }
}

impl Builder<'_> {
    /// A value without path: one operation for each key (contract PA-3, PA-10).
    pub(crate) fn expand(
        &mut self,
        kind: OpKind,
        schema: Option<&Arc<Schema>>,
        map: Map<String, Value>,
    ) -> Result<(), ScimError> {
        let from = self.request.steps.len();
        self.in_keys = true;
        for (key, value) in map {
            let attr = match schema {
                Some(schema) => schema.attributes.get(&key),
                None => self.kind.top().get(&key),
            };
            if let Some(attr) = attr {
                if schema.is_none() && attr.name == "schemas" {
                    // Kept in step with the extensions that are there, whatever the client knows of them.
                    claimed_schemas(self.kind, value, self.mender)?;
                    continue;
                }
                let attr = AttrRef::new(schema, attr, None);
                if attr.attr.mutability != Mutability::ReadOnly {
                    self.attr(kind, attr, Some(value))?;
                } else if !self.mender.mend(Quirk::ReadOnlyInValue, &attr) {
                    return Err(readonly(&attr));
                }
            } else if schema.is_none() || !key.eq_ignore_ascii_case("schemas") {
                // `schemas` inside of an extension says nothing: some clients write their models whole.
                self.expand_key(kind, schema, key, value)?;
            }
        }
        settle_keys(&mut self.request.steps, from, self.mender)
    }

    /// A key that is no attribute name: the URN of an extension, or a quirk.
    fn expand_key(
        &mut self,
        kind: OpKind,
        schema: Option<&Arc<Schema>>,
        key: String,
        value: Value,
    ) -> Result<(), ScimError> {
        let own = schema.is_none().then(|| self.kind.extension(&key)).flatten().cloned();
        if let Some(extension) = own {
            return self.extension(kind, &extension, Some(value));
        }
        let quirk = quirk_of(&key).filter(|quirk| self.mender.dialect().mends(*quirk));
        let full = match schema {
            Some(schema) if !self.is_qualified(&key, schema) => format!("{}:{key}", schema.urn),
            _ => key.clone(),
        };
        let path = quirk.and_then(|quirk| Some((quirk, PatchPath::parse(&full).ok()?)));
        let Some((quirk, path)) = path else { return unknown_attribute(full.as_str(), self.mender) };
        match path.resolve(self.kind, self.mender) {
            Ok(Target::Foreign) => Ok(()),
            Ok(target) => {
                self.mender.mend(quirk, &key);
                match read_only(&target) {
                    Some(attr) if self.mender.mend(Quirk::ReadOnlyInValue, &attr) => Ok(()),
                    _ => self.target(kind, target, Some(value)),
                }
            }
            // A key that says nothing as a path, in its brackets or outside, is a name that is not known:
            // where such names are dropped, the other keys of the value count all the same.
            Err(_) => unknown_attribute(full.as_str(), self.mender),
        }
    }

    /// Whether a key inside of an extension begins with the URN of this extension all the same.
    fn is_qualified(&mut self, key: &str, extension: &Arc<Schema>) -> bool {
        let own = key.contains(':').then(|| self.kind.split_urn(key, self.mender)).flatten();
        own.is_some_and(|(schema, _)| Arc::ptr_eq(schema, extension))
    }
}

/// The readOnly attribute or sub-attribute that a key names, if it does: inside of a value it is dropped.
fn read_only(target: &Target) -> Option<AttrRef> {
    let attr = match target {
        Target::Attr(attr) => attr.clone(),
        Target::Elements { attr, sub, .. } => attr.with_sub(sub.as_ref()),
        Target::Resource | Target::Extension(_) | Target::Foreign => return None,
    };
    let is_fixed = |attr: &Attribute| attr.mutability == Mutability::ReadOnly;
    (is_fixed(&attr.attr) || is_fixed(attr.leaf())).then_some(attr)
}
