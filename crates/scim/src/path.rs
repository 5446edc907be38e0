//! PATCH paths (RFC 7644 §3.5.2): read with the same reader as filters, then resolved to a target in a
//! resource type. It never touches a document.

use std::fmt;
use std::sync::Arc;

use crate::dialect::{Mender, Quirk};
use crate::error::ScimError;
use crate::filter::Filter;
use crate::lexer::{Fault, Reader};
use crate::name::excerpt;
use crate::resolve::{Expr, resolve_element};
use crate::schema::{AttrRef, Attribute, Resolution, ResourceType, Schema, Type};

/// A path as written: `attr`, `attr.sub`, `attr[filter]`, `attr[filter].sub`, or a bare URN.
#[derive(Debug, Clone, PartialEq)]
pub struct PatchPath {
    /// Attribute path before the bracket.
    pub attr: String,
    /// Filter in the brackets.
    pub filter: Option<Filter>,
    /// Sub-attribute after the brackets.
    pub sub: Option<String>,
}

/// What a path means.
#[derive(Debug, Clone)]
pub enum Target {
    /// The resource itself: no path, or the bare URN of the base schema.
    Resource,
    /// A whole extension.
    Extension(Arc<Schema>),
    /// An attribute or sub-attribute.
    Attr(AttrRef),
    /// The elements of `attr` that match, or their sub-attribute.
    Elements {
        /// The attribute; its `sub` is `None`.
        attr: AttrRef,
        /// Which elements.
        filter: Expr,
        /// The sub-attribute meant, if any.
        sub: Option<Arc<Attribute>>,
    },
    /// Under a URN the resource type does not have; dropped where the dialect mends it.
    Foreign,
}

impl PatchPath {
    /// Reads a path. Errors: 400 `invalidPath`, or `invalidFilter` for what stands in the brackets.
    pub fn parse(text: &str) -> Result<Self, ScimError> {
        let text = text.trim();
        let mut in_filter = false;
        Self::read(text, &mut in_filter).map_err(|fault| {
            let Fault { at, what } = fault;
            let detail = format!("The path {:?} is wrong at byte {at}: {what}.", excerpt(text));
            if in_filter { ScimError::invalid_filter(detail) } else { ScimError::invalid_path(detail) }
        })
    }

    fn read(text: &str, in_filter: &mut bool) -> Result<Self, Fault> {
        let mut reader = Reader::new(text)?;
        let attr = reader.attribute_path()?.to_owned();
        let (mut filter, mut sub) = (None, None);
        if reader.eat(b'[') {
            *in_filter = true;
            filter = Some(reader.bracketed()?);
            *in_filter = false;
            sub = reader.sub_attribute()?.map(str::to_owned);
        }
        if reader.at_end() {
            return Ok(Self { attr, filter, sub });
        }
        reader.fault(if filter.is_some() { ".sub-attribute or the end" } else { "[ or the end" })
    }

    /// Finds the target. Errors: 400 `invalidPath` for unknown names, `invalidFilter` inside the brackets.
    pub fn resolve(&self, kind: &ResourceType, mender: &mut Mender) -> Result<Target, ScimError> {
        let unknown = |name: &str| {
            ScimError::invalid_path(format!(
                "The path names {:?}, which is not an attribute of {}; see /Schemas.",
                excerpt(name),
                kind.name
            ))
        };
        let attr = match (kind.resolve(&self.attr, mender), &self.filter) {
            (Resolution::Resource, None) => return Ok(Target::Resource),
            (Resolution::Extension(schema), None) => return Ok(Target::Extension(schema)),
            (Resolution::Attr(attr), None) => return Ok(Target::Attr(attr)),
            (Resolution::Attr(attr), Some(_)) if attr.sub.is_none() && has_elements(&attr.attr) => attr,
            (Resolution::Attr(attr), Some(_)) => {
                return Err(ScimError::invalid_path(format!(
                    "{attr} has no elements for a filter in brackets to choose from; leave the filter out."
                )));
            }
            (Resolution::ForeignUrn, _) if mender.mend(Quirk::ForeignUrn, &self.attr) => {
                return Ok(Target::Foreign);
            }
            _ => return Err(unknown(&self.attr)),
        };
        let sub = match self.sub.as_deref() {
            None => None,
            Some(name) => match attr.attr.sub.get(name) {
                Some(sub) => Some(sub.clone()),
                None if attr.attr.kind != Type::Complex && name.eq_ignore_ascii_case("value") => None,
                None => return Err(unknown(&format!("{}.{name}", self.attr))),
            },
        };
        let Some(filter) = &self.filter else { return Err(unknown(&self.attr)) };
        let filter = resolve_element(filter, &attr, mender)?;
        Ok(Target::Elements { attr, filter, sub })
    }
}

/// A single complex value is an element, too.
fn has_elements(attr: &Attribute) -> bool {
    attr.multi_valued || attr.kind == Type::Complex
}

impl fmt::Display for PatchPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.attr)?;
        self.filter.as_ref().map_or(Ok(()), |filter| write!(f, "[{filter}]"))?;
        self.sub.as_ref().map_or(Ok(()), |sub| write!(f, ".{sub}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::Dialect;
    use crate::error::ScimType;
    use crate::schema::Catalogue;

    fn target(text: &str) -> Result<Target, ScimError> {
        let catalogue = Catalogue::standard();
        let user = catalogue.resource_type("User").unwrap();
        PatchPath::parse(text)?.resolve(user, &mut Mender::new(Dialect::Strict))
    }

    #[test]
    fn pp_4_bad_path_and_bad_filter_are_told_apart() {
        for (text, kind) in [
            ("", ScimType::InvalidPath),
            ("nothing", ScimType::InvalidPath),
            ("name.nothing", ScimType::InvalidPath),
            ("emails[type eq \"work\"].nothing", ScimType::InvalidPath),
            ("emails[type eq \"work\"]value", ScimType::InvalidPath),
            ("emails[type eq \"work\"].value.x", ScimType::InvalidPath),
            ("emails.value[type eq \"work\"]", ScimType::InvalidPath),
            ("userName eq \"x\"", ScimType::InvalidPath),
            ("title[value eq \"x\"]", ScimType::InvalidPath),
            ("urn:example:foo", ScimType::InvalidPath),
            ("emails[type eq ]", ScimType::InvalidFilter),
            ("emails[type eq \"work\"", ScimType::InvalidFilter),
            ("emails[nothing eq \"work\"]", ScimType::InvalidFilter),
            ("emails[]", ScimType::InvalidFilter),
        ] {
            let error = target(text).expect_err(text);
            assert_eq!(error.scim_type, Some(kind), "{text}: {error}");
        }
    }

    #[test]
    fn pp_2_targets() {
        let urn = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
        assert!(matches!(target(urn), Ok(Target::Extension(_))));
        let department = target(&format!("{urn}:department"));
        assert!(matches!(department, Ok(Target::Attr(attr)) if &*attr.path == "enterprise:department"));
        assert!(matches!(target("urn:ietf:params:scim:schemas:core:2.0:User"), Ok(Target::Resource)));
        let work = target("emails[type eq \"work\" and value co \"@\"].display");
        assert!(matches!(work, Ok(Target::Elements { sub: Some(sub), .. }) if sub.name == "display"));
    }
}
