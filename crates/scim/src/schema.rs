//! Schemas as data (RFC 7643 §2, §7): attributes with their characteristics. The data drives everything else;
//! nothing here knows a User.

use std::sync::Arc;

use crate::name::{NameMap, is_attribute_name};
pub use crate::resource_type::{AttrRef, Catalogue, Extension, Resolution, ResourceType};

macro_rules! keywords {
    ($(#[$doc:meta])+ $enum:ident { $($(#[$vdoc:meta])+ $name:ident = $text:literal,)+ }) => {
        $(#[$doc])+
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $enum { $($(#[$vdoc])+ $name,)+ }

        impl $enum {
            /// The keyword as a schema document spells it.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)+ }
            }

            /// Reads the keyword, in any case.
            pub fn parse(text: &str) -> Option<Self> {
                [$(Self::$name,)+].into_iter().find(|word| word.as_str().eq_ignore_ascii_case(text))
            }
        }
    };
}

keywords! {
    /// Data types (RFC 7643 §2.3).
    Type {
        /// Unicode text.
        String = "string",
        /// `true` or `false`.
        Boolean = "boolean",
        /// A number with at least one digit after the point.
        Decimal = "decimal",
        /// A whole number of 64 bits.
        Integer = "integer",
        /// An instant as `xsd:dateTime`.
        DateTime = "dateTime",
        /// Base64 text.
        Binary = "binary",
        /// A URI.
        Reference = "reference",
        /// An object of sub-attributes.
        Complex = "complex",
    }
}

keywords! {
    /// Who may write an attribute, and when (RFC 7643 §7).
    Mutability {
        /// Only the server.
        ReadOnly = "readOnly",
        /// Clients, at any time.
        ReadWrite = "readWrite",
        /// Clients, once.
        Immutable = "immutable",
        /// Clients; it is never returned.
        WriteOnly = "writeOnly",
    }
}

keywords! {
    /// When an attribute is in a response (RFC 7643 §7).
    Returned {
        /// Always, even if excluded.
        Always = "always",
        /// Never; such an attribute cannot be filtered either.
        Never = "never",
        /// Unless excluded.
        Default = "default",
        /// Only if asked for.
        Request = "request",
    }
}

keywords! {
    /// How far a value is unique (RFC 7643 §7).
    Uniqueness {
        /// Not at all.
        None = "none",
        /// Among the resources of an account.
        Server = "server",
        /// Everywhere.
        Global = "global",
    }
}

/// An attribute or sub-attribute with its characteristics.
#[derive(Debug, Clone)]
#[allow(clippy::struct_excessive_bools)] // the characteristics of RFC 7643 are independent switches
pub struct Attribute {
    /// Name in the schema's spelling.
    pub name: String,
    /// Data type.
    pub kind: Type,
    /// Whether it holds a list.
    pub multi_valued: bool,
    /// Whether a resource must have it.
    pub required: bool,
    /// Whether case matters when values are compared.
    pub case_exact: bool,
    /// Who may write it.
    pub mutability: Mutability,
    /// When it is returned.
    pub returned: Returned,
    /// How far values are unique.
    pub uniqueness: Uniqueness,
    /// Suggested values; others are accepted (RFC 7643 §7).
    pub canonical_values: Vec<String>,
    /// What a reference may point to: resource types, `uri`, `external`.
    pub reference_types: Vec<String>,
    /// For humans.
    pub description: String,
    /// Sub-attributes of a complex attribute.
    pub sub: Attributes,
    /// A multi-valued attribute whose elements are rows elsewhere, not part of the document. PATCH hands
    /// out operations on it and never needs the elements.
    pub detached: bool,
    /// Whether [`crate::index_keys`] hands out keys for it.
    pub indexed: bool,
}

impl Attribute {
    /// An attribute with the default characteristics of RFC 7643 §2.2; references and binaries are
    /// case-exact.
    pub fn new(name: &str, kind: Type, description: &str) -> Self {
        Self {
            name: name.to_owned(),
            kind,
            multi_valued: false,
            required: false,
            case_exact: matches!(kind, Type::Reference | Type::Binary),
            mutability: Mutability::ReadWrite,
            returned: Returned::Default,
            uniqueness: Uniqueness::None,
            canonical_values: Vec::new(),
            reference_types: Vec::new(),
            description: description.to_owned(),
            sub: Attributes::default(),
            detached: false,
            indexed: false,
        }
    }

    /// The sub-attribute `value`, which a filter on a complex attribute means (contract F-4).
    pub fn value_sub(&self) -> Option<&Arc<Attribute>> {
        self.sub.get("value")
    }

    /// Whether the value is kept apart as a secret: writeOnly and never returned.
    pub fn is_secret(&self) -> bool {
        self.mutability == Mutability::WriteOnly && self.returned == Returned::Never
    }
}

/// Attributes in their order, found by name in any case.
#[derive(Debug, Clone, Default)]
pub struct Attributes {
    list: Vec<Arc<Attribute>>,
    map: NameMap,
}

impl Attributes {
    /// Indexes the attributes by name.
    pub fn new(list: Vec<Arc<Attribute>>) -> Self {
        let names: Vec<&str> = list.iter().map(|attr| attr.name.as_str()).collect();
        let map = NameMap::build(&names);
        Self { list, map }
    }

    /// The attribute of this name, in any case.
    pub fn get(&self, name: &str) -> Option<&Arc<Attribute>> {
        self.map.find(name, |at| self.list[at].name.as_str()).map(|at| &self.list[at])
    }

    /// All attributes in the schema's order.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Attribute>> {
        self.list.iter()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }
}

/// A schema: a URN and its attributes.
#[derive(Debug, Clone)]
pub struct Schema {
    /// Its URN, which is its `id`.
    pub urn: String,
    /// Name for humans.
    pub name: String,
    /// Description for humans.
    pub description: String,
    /// Short word that stands for the URN in stored index paths (`enterprise:department`).
    pub alias: Option<String>,
    /// URNs of SCIM 1.x that mean this schema.
    pub legacy_urns: Vec<String>,
    /// The attributes, common attributes not among them.
    pub attributes: Attributes,
}

/// Whether `text` can be an attribute path: names of the grammar, or something qualified with a URN.
pub(crate) fn is_attribute_path(text: &str) -> bool {
    let (urn, rest) = match text.rsplit_once(':') {
        Some((urn, rest)) => (Some(urn), rest),
        None => (None, text),
    };
    if let Some(urn) = urn {
        let good =
            |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'(' | b')' | b'[' | b']' | b'\\');
        // The last part of a URN may be a version number or an attribute: the resource type knows.
        return !urn.is_empty() && text.bytes().all(good) && !rest.is_empty();
    }
    match rest.split_once('.') {
        Some((name, sub)) => is_attribute_name(name) && is_attribute_name(sub),
        None => is_attribute_name(rest),
    }
}
