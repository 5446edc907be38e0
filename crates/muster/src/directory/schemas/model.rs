//! Definitions: what they say, and what is wrong with one for itself.

use std::collections::BTreeMap;

use scim::Schema;
use scim::define::{Complaints, MAX_NAME_BYTES, Role, schema};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::directory::model::Subject;
use crate::kernel::problem::{Problem, Result};
use crate::kernel::time::Timestamp;
use crate::kernel::version::Tag;

/// Most definitions of an account, of both kinds together.
pub const MAX_DEFINITIONS: usize = 50;
/// Most indexed attributes that an account may define: each costs its resources an index row.
pub const MAX_INDEXED: usize = 64;
/// Most extensions of one resource type of the account.
const MAX_EXTENSIONS: usize = 10;

/// Names and endpoints that the standard and this server have taken.
const TAKEN: &[&str] = &[
    "User",
    "Users",
    "Group",
    "Groups",
    "EnterpriseUser",
    "Me",
    "Bulk",
    "Schema",
    "Schemas",
    "ResourceType",
    "ResourceTypes",
    "ServiceProviderConfig",
];

/// Which kind of definition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum What {
    /// An extension of users or groups.
    Schema,
    /// A resource type.
    Type,
}

impl What {
    /// As stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Schema => "SCHEMA",
            Self::Type => "TYPE",
        }
    }
    /// As the audit trail names it.
    pub const fn audited(self) -> &'static str {
        match self {
            Self::Schema => "SCIM_SCHEMA",
            Self::Type => "SCIM_RESOURCE_TYPE",
        }
    }
}

/// An extension with its schema.
#[derive(Clone, Debug)]
pub struct Part {
    /// What it says.
    pub schema: Schema,
    /// Must a resource have it when it is created or replaced?
    pub required: bool,
}

/// What is defined.
#[derive(Clone, Debug)]
pub enum Shape {
    /// An extension of users or of groups.
    Extension {
        /// Of which.
        of: Subject,
        /// Its schema.
        part: Part,
    },
    /// A resource type.
    Type {
        /// Its name.
        name: String,
        /// Its path segment, without slash.
        endpoint: String,
        /// For people.
        description: String,
        /// Its base schema.
        base: Schema,
        /// Its extensions.
        extensions: Vec<Part>,
    },
}

impl Shape {
    /// Which kind.
    pub fn what(&self) -> What {
        if matches!(self, Self::Extension { .. }) { What::Schema } else { What::Type }
    }
    /// What it is found by: the URN of a schema, the name of a type.
    pub fn name(&self) -> &str {
        match self {
            Self::Extension { part, .. } => &part.schema.urn,
            Self::Type { name, .. } => name,
        }
    }
    /// Its schemas, the base schema of a type first.
    pub fn schemas(&self) -> Vec<&Schema> {
        match self {
            Self::Extension { part, .. } => vec![&part.schema],
            Self::Type { base, extensions, .. } => {
                std::iter::once(base).chain(extensions.iter().map(|part| &part.schema)).collect()
            }
        }
    }
    /// As it is answered and stored: every characteristic written out.
    pub fn document(&self) -> Map<String, Value> {
        match self {
            Self::Extension { of, part } => {
                let mut map = part.schema.to_definition();
                map.insert("appliesTo".into(), of.name().into());
                map.insert("required".into(), part.required.into());
                map
            }
            Self::Type { name, endpoint, description, base, extensions } => {
                let extension = |part: &Part| {
                    let mut map = part.schema.to_definition();
                    map.insert("required".into(), part.required.into());
                    Value::Object(map)
                };
                let mut map = Map::new();
                map.insert("name".into(), name.as_str().into());
                map.insert("endpoint".into(), format!("/{endpoint}").into());
                map.insert("description".into(), description.as_str().into());
                map.insert("schema".into(), base.to_definition().into());
                map.insert("schemaExtensions".into(), extensions.iter().map(extension).collect());
                map
            }
        }
    }
}

/// A definition as stored.
#[derive(Clone, Debug)]
pub struct Definition {
    /// What it says.
    pub shape: Shape,
    /// Short words for its URNs in the index.
    pub aliases: BTreeMap<String, String>,
    /// Storage paths whose index rows are not complete yet.
    pub pending: Vec<String>,
    /// Goes up with each change.
    pub version: i64,
    /// When it was made.
    pub created: Timestamp,
    /// When it last changed.
    pub updated: Timestamp,
}

impl Definition {
    /// Of what is stored.
    pub fn tag(&self) -> Tag {
        Tag { created_at: self.created, version: self.version }
    }
}

/// The stored text of a definition.
#[derive(Debug, Serialize, Deserialize)]
pub struct StoredText {
    /// As answered.
    pub document: Map<String, Value>,
    /// As in `Definition`.
    pub aliases: BTreeMap<String, String>,
    /// As in `Definition`.
    pub pending: Vec<String>,
}

/// Reads a body.
///
/// # Errors
/// `Fields` with everything that is wrong.
pub fn read(what: What, body: &Map<String, Value>) -> Result<Shape> {
    let mut complaints = Complaints::new();
    let shape = match what {
        What::Schema => extension(body, &mut complaints),
        What::Type => resource_type(body, &mut complaints),
    };
    if complaints.is_empty() { Ok(shape) } else { Err(Problem::fields(complaints)) }
}

fn extension(body: &Map<String, Value>, complaints: &mut Complaints) -> Shape {
    let more = ["appliesTo", "required", "createdAt", "lastModifiedAt", "indexing"];
    let schema = schema(body, "", Role::Extension, &more, complaints);
    let of = body.get("appliesTo").and_then(Value::as_str).and_then(Subject::parse);
    if of.is_none() {
        complain(complaints, "appliesTo", "must be User or Group.");
    }
    let required = flag(body, "required", complaints);
    Shape::Extension { of: of.unwrap_or(Subject::User), part: Part { schema, required } }
}

fn complain(complaints: &mut Complaints, at: &str, what: &str) {
    complaints.push((at.to_owned(), what.to_owned()));
}

fn flag(body: &Map<String, Value>, at: &str, complaints: &mut Complaints) -> bool {
    match body.get("required") {
        None | Some(Value::Null) => false,
        Some(Value::Bool(flag)) => *flag,
        Some(_) => {
            complain(complaints, at, "must be true or false.");
            false
        }
    }
}

fn resource_type(body: &Map<String, Value>, complaints: &mut Complaints) -> Shape {
    let known = [
        "name",
        "endpoint",
        "description",
        "schema",
        "schemaExtensions",
        "createdAt",
        "lastModifiedAt",
        "indexing",
    ];
    for key in body.keys().filter(|key| !known.contains(&key.as_str())) {
        let text = format!("is not known here; use some of {}.", known[..5].join(", "));
        complain(complaints, &format!("{key:.80}"), &text);
    }
    let name = word(body, "name", complaints);
    let endpoint = word(body, "endpoint", complaints);
    let description = match body.get("description") {
        None | Some(Value::Null) => "",
        Some(Value::String(text)) if text.len() <= 1_024 && !text.chars().any(char::is_control) => text,
        Some(_) => {
            complain(complaints, "description", "must be a text of 1,024 bytes at most.");
            ""
        }
    };
    let empty = Map::new();
    let base = body.get("schema").and_then(Value::as_object).unwrap_or_else(|| {
        complain(complaints, "schema", "must be the definition of the base schema: id, name, attributes.");
        &empty
    });
    let base = if base.is_empty() {
        schema(&empty, "", Role::Base, &[], &mut Vec::new())
    } else {
        schema(base, "schema", Role::Base, &[], complaints)
    };
    let extensions = extensions(body, complaints);
    Shape::Type { name, endpoint, description: description.to_owned(), base, extensions }
}

fn extensions(body: &Map<String, Value>, complaints: &mut Complaints) -> Vec<Part> {
    let list = match body.get("schemaExtensions") {
        None | Some(Value::Null) => return Vec::new(),
        Some(Value::Array(list)) if list.len() <= MAX_EXTENSIONS => list,
        Some(_) => {
            let text = format!("must be a list of {MAX_EXTENSIONS} definitions at most.");
            complain(complaints, "schemaExtensions", &text);
            return Vec::new();
        }
    };
    let mut parts = Vec::new();
    for (n, value) in list.iter().enumerate() {
        let at = format!("schemaExtensions[{n}]");
        let Some(map) = value.as_object() else {
            complain(complaints, &at, "must be the definition of a schema: id, name, attributes.");
            continue;
        };
        let required = flag(map, &format!("{at}.required"), complaints);
        parts.push(Part { schema: schema(map, &at, Role::Extension, &["required"], complaints), required });
    }
    parts
}

/// A name or endpoint: what a URL can hold as it is.
fn word(body: &Map<String, Value>, field: &str, complaints: &mut Complaints) -> String {
    let text = body.get(field).and_then(Value::as_str).unwrap_or_default();
    let text = if field == "endpoint" { text.strip_prefix('/').unwrap_or(text) } else { text };
    let fits = text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.len() <= MAX_NAME_BYTES
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
    if !fits {
        let what =
            format!("must be 1 to {MAX_NAME_BYTES} letters, digits, - and _, beginning with a letter.");
        complain(complaints, field, &what);
    } else if TAKEN.iter().any(|taken| taken.eq_ignore_ascii_case(text)) {
        complain(complaints, field, &format!("is {text}, which SCIM has already; choose another."));
    }
    text.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn places(what: What, body: Value) -> Vec<String> {
        let problem = read(what, body.as_object().unwrap()).unwrap_err();
        problem.broken_fields().iter().map(|(at, _)| at.clone()).collect()
    }

    #[test]
    fn a_type_says_everything_that_is_wrong() {
        let body = json!({"name": "user", "endpoint": "/a b", "colour": 1, "schemaExtensions": [1, {"id": "x", "required": 1}]});
        assert_eq!(
            places(What::Type, body),
            [
                "colour",
                "name",
                "endpoint",
                "schema",
                "schemaExtensions[0]",
                "schemaExtensions[1].required",
                "schemaExtensions[1].id",
                "schemaExtensions[1].name",
                "schemaExtensions[1].attributes",
            ]
        );
        assert_eq!(
            places(What::Schema, json!({"id": "urn:example:x", "name": "x"})),
            ["attributes", "appliesTo"]
        );
    }

    #[test]
    fn what_is_answered_can_be_sent() {
        let attributes = json!([{"name": "tag", "type": "string", "indexed": true}]);
        let schema = json!({"id": "urn:example:d", "name": "D", "attributes": attributes});
        let body = json!({"name": "Device", "endpoint": "Devices", "schema": schema});
        let shape = read(What::Type, body.as_object().unwrap()).unwrap();
        let document = shape.document();
        assert_eq!(read(What::Type, &document).unwrap().document(), document);
        assert_eq!(document["schema"]["attributes"][0]["indexed"], true);
    }
}
