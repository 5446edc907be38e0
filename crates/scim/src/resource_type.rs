//! Resource types (RFC 7643 §6): a base schema with extensions, how an attribute path is found in them, and
//! the catalogue of an account.

use std::fmt;
use std::sync::Arc;

use serde_json::{Map, Value};

use crate::dialect::{Mender, Quirk};
use crate::name::strip_prefix_any_case;
use crate::schema::{Attribute, Attributes, Returned, Schema};
use crate::standard;

/// An attribute found in a resource type: where it lives and what it is.
#[derive(Debug, Clone)]
pub struct AttrRef {
    /// The extension it belongs to; `None` for core and common attributes.
    pub extension: Option<Arc<Schema>>,
    /// The top-level attribute.
    pub attr: Arc<Attribute>,
    /// The sub-attribute, if the path names one.
    pub sub: Option<Arc<Attribute>>,
    /// Storage path: `userName`, `emails.value`, `enterprise:manager.value`.
    pub path: Arc<str>,
}

impl AttrRef {
    /// Builds the reference and its storage path.
    pub fn new(extension: Option<&Arc<Schema>>, attr: &Arc<Attribute>, sub: Option<&Arc<Attribute>>) -> Self {
        let path: Arc<str> = match (extension, sub) {
            (None, None) => Arc::from(attr.name.as_str()),
            (None, Some(sub)) => Arc::from(format!("{}.{}", attr.name, sub.name)),
            (Some(schema), sub) => {
                let mut path = format!("{}:{}", schema.alias.as_deref().unwrap_or(&schema.urn), attr.name);
                if let Some(sub) = sub {
                    path.push('.');
                    path.push_str(&sub.name);
                }
                Arc::from(path)
            }
        };
        Self { extension: extension.cloned(), attr: attr.clone(), sub: sub.cloned(), path }
    }

    /// The same attribute with another sub-attribute.
    #[must_use]
    pub fn with_sub(&self, sub: Option<&Arc<Attribute>>) -> Self {
        Self::new(self.extension.as_ref(), &self.attr, sub)
    }

    /// The attribute whose values are meant: the sub-attribute if there is one.
    pub fn leaf(&self) -> &Attribute {
        self.sub.as_deref().unwrap_or(&self.attr)
    }

    /// What a normalised resource has of it: the whole attribute, where it means a sub-attribute.
    pub(crate) fn value_in<'r>(&self, resource: &'r Map<String, Value>) -> Option<&'r Value> {
        match &self.extension {
            None => resource.get(&self.attr.name),
            Some(schema) => resource.get(&schema.urn)?.get(&self.attr.name),
        }
    }

    /// Whether a resource can have several values for it.
    pub fn is_multi_valued(&self) -> bool {
        self.attr.multi_valued || self.sub.as_ref().is_some_and(|sub| sub.multi_valued)
    }
}

impl PartialEq for AttrRef {
    fn eq(&self, other: &Self) -> bool {
        self.path == other.path
    }
}

/// The path as a client writes it: the URN in full.
impl fmt::Display for AttrRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(schema) = &self.extension {
            write!(f, "{}:", schema.urn)?;
        }
        f.write_str(&self.attr.name)?;
        self.sub.as_ref().map_or(Ok(()), |sub| write!(f, ".{}", sub.name))
    }
}

/// What an attribute path means in a resource type.
#[derive(Debug, Clone)]
pub enum Resolution {
    /// An attribute or sub-attribute.
    Attr(AttrRef),
    /// The bare URN of an extension.
    Extension(Arc<Schema>),
    /// The bare URN of the base schema: the resource itself.
    Resource,
    /// Qualified with a URN that this resource type does not have.
    ForeignUrn,
    /// Not an attribute of this resource type.
    Unknown,
}

/// An extension of a resource type.
#[derive(Debug, Clone)]
pub struct Extension {
    /// Its schema.
    pub schema: Arc<Schema>,
    /// Whether each resource must have it.
    pub required: bool,
}

/// A resource type (RFC 7643 §6): a base schema and its extensions.
#[derive(Debug, Clone)]
pub struct ResourceType {
    /// Name and id, such as `User`.
    pub name: String,
    /// Path segment below the base URL, without a slash: `Users`.
    pub endpoint: String,
    /// Description for humans.
    pub description: String,
    /// The base schema.
    pub base: Arc<Schema>,
    /// The extensions in their order.
    pub extensions: Vec<Extension>,
    top: Attributes,
    indexed: Vec<AttrRef>,
    detached: Vec<Arc<Attribute>>,
    hides: bool,
    hides_stored: bool,
}

impl ResourceType {
    /// Puts a resource type together and prepares its lookup tables. The common attributes of
    /// RFC 7643 §3.1 are added to those of the base schema.
    pub fn new(name: &str, endpoint: &str, base: Arc<Schema>, extensions: Vec<Extension>) -> Self {
        let top: Vec<_> = standard::common().iter().chain(base.attributes.iter()).cloned().collect();
        let mut all: Vec<(Option<&Arc<Schema>>, &Arc<Attribute>)> = top.iter().map(|a| (None, a)).collect();
        for extension in &extensions {
            all.extend(extension.schema.attributes.iter().map(|attr| (Some(&extension.schema), attr)));
        }
        let mut indexed = Vec::new();
        let (mut hides, mut hides_stored) = (false, false);
        for (schema, attr) in all {
            if attr.indexed {
                indexed.push(AttrRef::new(schema, attr, None));
            }
            indexed
                .extend(attr.sub.iter().filter(|s| s.indexed).map(|s| AttrRef::new(schema, attr, Some(s))));
            let hidden = |a: &Attribute| matches!(a.returned, Returned::Never | Returned::Request);
            let hiding = (hidden(attr) && !attr.is_secret()) || attr.sub.iter().any(|sub| hidden(sub));
            hides |= hiding;
            hides_stored |= hiding && !attr.detached;
        }
        Self {
            name: name.to_owned(),
            endpoint: endpoint.to_owned(),
            description: base.description.clone(),
            detached: top.iter().filter(|attr| attr.detached).cloned().collect(),
            top: Attributes::new(top),
            base,
            extensions,
            indexed,
            hides,
            hides_stored,
        }
    }

    /// Core and common attributes.
    pub fn top(&self) -> &Attributes {
        &self.top
    }

    /// The attributes that have index keys.
    pub fn indexed(&self) -> &[AttrRef] {
        &self.indexed
    }

    /// The attributes whose elements are rows elsewhere.
    pub fn detached(&self) -> &[Arc<Attribute>] {
        &self.detached
    }

    /// Whether some attribute, detached ones among them, is not returned unless asked for. Secrets do not
    /// count: they are kept apart.
    pub(crate) fn hides(&self) -> bool {
        self.hides
    }

    /// Whether some attribute of the document itself is not returned unless asked for: then no answer may
    /// show the document as it is.
    pub fn hides_stored(&self) -> bool {
        self.hides_stored
    }

    /// The extension with this URN, in any case.
    pub fn extension(&self, urn: &str) -> Option<&Arc<Schema>> {
        self.extensions.iter().map(|ext| &ext.schema).find(|schema| schema.urn.eq_ignore_ascii_case(urn))
    }

    /// The base schema or extension that `text` starts with, and what follows the URN (without the colon).
    /// The longest URN wins; URNs of SCIM 1.x count where the dialect mends them.
    pub(crate) fn split_urn<'t>(
        &self,
        text: &'t str,
        mender: &mut Mender,
    ) -> Option<(&Arc<Schema>, &'t str)> {
        let schemas = || std::iter::once(&self.base).chain(self.extensions.iter().map(|ext| &ext.schema));
        let rest_of = |urn: &str| match strip_prefix_any_case(text, urn) {
            Some("") => Some(""),
            Some(rest) => rest.strip_prefix(':'),
            None => None,
        };
        let known = schemas().filter_map(|s| rest_of(&s.urn).map(|rest| (s, rest)));
        if let Some(found) = known.min_by_key(|(_, rest)| rest.len()) {
            return Some(found);
        }
        let legacy = schemas()
            .flat_map(|s| s.legacy_urns.iter().map(move |urn| (s, urn)))
            .filter_map(|(s, urn)| rest_of(urn).map(|rest| (s, rest, urn)))
            .min_by_key(|(_, rest, _)| rest.len())?;
        mender.mend(Quirk::LegacyUrn, legacy.2).then_some((legacy.0, legacy.1))
    }

    /// Finds what an attribute path means: `[URN:]name[.sub]`, each part in any case (contract PP-2).
    pub fn resolve(&self, text: &str, mender: &mut Mender) -> Resolution {
        if !text.contains(':') {
            return resolve_in(None, &self.top, text);
        }
        let Some((schema, rest)) = self.split_urn(text, mender) else { return Resolution::ForeignUrn };
        let is_base = Arc::ptr_eq(schema, &self.base);
        match (is_base, rest.is_empty()) {
            (true, true) => Resolution::Resource,
            (false, true) => Resolution::Extension(schema.clone()),
            (true, false) => resolve_in(None, &self.top, rest),
            (false, false) => resolve_in(Some(schema), &schema.attributes, rest),
        }
    }

    /// The attribute that a name without URN means, if the one extension that has such a name is meant.
    pub(crate) fn unqualified(&self, text: &str) -> Option<AttrRef> {
        let mut found = self.extensions.iter().filter_map(|extension| {
            let schema = &extension.schema;
            match resolve_in(Some(schema), &schema.attributes, text) {
                Resolution::Attr(attr) => Some(attr),
                _ => None,
            }
        });
        found.next().filter(|_| found.next().is_none())
    }
}

fn resolve_in(schema: Option<&Arc<Schema>>, attributes: &Attributes, text: &str) -> Resolution {
    let (name, sub) = match text.split_once('.') {
        Some((name, sub)) => (name, Some(sub)),
        None => (text, None),
    };
    let Some(attr) = attributes.get(name) else { return Resolution::Unknown };
    match sub.map(|sub| attr.sub.get(sub)) {
        None => Resolution::Attr(AttrRef::new(schema, attr, None)),
        Some(Some(sub)) => Resolution::Attr(AttrRef::new(schema, attr, Some(sub))),
        Some(None) => Resolution::Unknown,
    }
}

/// All schemas and resource types of an account.
#[derive(Debug, Clone)]
pub struct Catalogue {
    /// The resource types in their order.
    pub types: Vec<Arc<ResourceType>>,
}

impl Catalogue {
    /// User with Enterprise User, and Group.
    pub fn standard() -> Self {
        standard::catalogue()
    }

    /// The resource type of this name, in any case.
    pub fn resource_type(&self, name: &str) -> Option<&Arc<ResourceType>> {
        self.types.iter().find(|kind| kind.name.eq_ignore_ascii_case(name))
    }

    /// The resource type at this endpoint (`Users`), in any case.
    pub fn by_endpoint(&self, endpoint: &str) -> Option<&Arc<ResourceType>> {
        self.types.iter().find(|kind| kind.endpoint.eq_ignore_ascii_case(endpoint))
    }

    /// Every schema once: base schemas and extensions in the order of the types.
    pub fn schemas(&self) -> Vec<&Arc<Schema>> {
        let mut all: Vec<&Arc<Schema>> = Vec::new();
        for kind in &self.types {
            for schema in std::iter::once(&kind.base).chain(kind.extensions.iter().map(|ext| &ext.schema)) {
                if !all.iter().any(|seen| seen.urn.eq_ignore_ascii_case(&schema.urn)) {
                    all.push(schema);
                }
            }
        }
        all
    }

    /// The schema with this URN, in any case.
    pub fn schema(&self, urn: &str) -> Option<&Arc<Schema>> {
        self.schemas().into_iter().find(|schema| schema.urn.eq_ignore_ascii_case(urn))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::Dialect;
    use crate::schema::Type;

    fn path_of(text: &str) -> String {
        let catalogue = Catalogue::standard();
        let user = catalogue.resource_type("user").unwrap();
        match user.resolve(text, &mut Mender::new(Dialect::Auto)) {
            Resolution::Attr(attr) => attr.path.to_string(),
            Resolution::Extension(schema) => format!("ext {}", schema.name),
            Resolution::Resource => "resource".into(),
            Resolution::ForeignUrn => "foreign".into(),
            Resolution::Unknown => "unknown".into(),
        }
    }

    #[test]
    fn pp_2_urns_match_by_the_longest_known_prefix() {
        let enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
        for (text, path) in [
            ("USERNAME".to_owned(), "userName"),
            ("emails.VALUE".to_owned(), "emails.value"),
            ("urn:ietf:params:scim:schemas:core:2.0:User:name.givenName".to_owned(), "name.givenName"),
            ("urn:ietf:params:scim:schemas:core:2.0:user".to_owned(), "resource"),
            (format!("{enterprise}:department"), "enterprise:department"),
            (format!("{}:MANAGER.Value", enterprise.to_uppercase()), "enterprise:manager.value"),
            (enterprise.to_owned(), "ext Enterprise User"),
            (format!("{enterprise}x:department"), "foreign"),
            (format!("{enterprise}:nothing"), "unknown"),
            ("name.nothing".to_owned(), "unknown"),
            ("userName.value".to_owned(), "unknown"),
            ("urn:scim:schemas:core:1.0:userName".to_owned(), "userName"),
            ("urn:scim:schemas:extension:enterprise:1.0:department".to_owned(), "enterprise:department"),
            ("urn:example:department".to_owned(), "foreign"),
        ] {
            assert_eq!(path_of(&text), path, "{text}");
        }
    }

    #[test]
    fn legacy_urns_are_foreign_to_strict() {
        let catalogue = Catalogue::standard();
        let mut strict = Mender::new(Dialect::Strict);
        let user = catalogue.resource_type("User").unwrap();
        let found = user.resolve("urn:scim:schemas:core:1.0:userName", &mut strict);
        assert!(matches!(found, Resolution::ForeignUrn));
    }

    #[test]
    fn sch_3_complex_never_nests() {
        for schema in Catalogue::standard().schemas() {
            for attr in schema.attributes.iter() {
                assert_eq!(attr.sub.is_empty(), attr.kind != Type::Complex, "{}", attr.name);
                assert!(attr.sub.iter().all(|sub| sub.kind != Type::Complex && sub.sub.is_empty()));
            }
        }
    }
}
