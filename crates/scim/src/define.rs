//! Schemas that an account defines: reads their JSON (the form of RFC 7643 §7, with `indexed` besides) and
//! checks it. It says everything that is wrong at once, each with the place and what to change.

use std::sync::Arc;

use serde_json::{Map, Value};

use crate::name::is_attribute_name;
use crate::schema::{Attribute, Attributes, Mutability, Returned, Schema, Type, Uniqueness};

/// What is wrong: (place, what to change).
pub type Complaints = Vec<(String, String)>;

/// Longest URN, in bytes.
pub const MAX_URN_BYTES: usize = 255;
/// Most attributes of a schema, and most sub-attributes of one.
pub const MAX_ATTRIBUTES: usize = 100;
/// Longest name of an attribute, schema or resource type, in bytes.
pub const MAX_NAME_BYTES: usize = 64;
const MAX_DESCRIPTION_BYTES: usize = 1_024;
const MAX_SUGGESTIONS: usize = 100;
const MAX_SUGGESTION_BYTES: usize = 256;

/// What a schema is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The base schema of a resource type.
    Base,
    /// An extension of one.
    Extension,
}

const SCHEMA_KEYS: &[&str] = &["id", "name", "description", "attributes", "schemas", "meta"];
const ATTRIBUTE_KEYS: &[&str] = &[
    "name",
    "type",
    "multiValued",
    "description",
    "required",
    "caseExact",
    "mutability",
    "returned",
    "uniqueness",
    "canonicalValues",
    "referenceTypes",
    "indexed",
    "subAttributes",
];
/// Schemas that this server has itself, in lower case, below `urn:ietf:params:scim:schemas:`.
const TAKEN: &[&str] = &[
    "core:2.0:user",
    "core:2.0:group",
    "core:2.0:serviceproviderconfig",
    "core:2.0:resourcetype",
    "core:2.0:schema",
    "extension:enterprise:2.0:user",
];
/// What every resource has already (RFC 7643 §3.1).
const COMMON: &[&str] = &["schemas", "id", "externalId", "meta"];

/// Reads a definition. Only what leaves no complaint may be used. `more` names members of the object that
/// the caller reads itself.
pub fn schema(
    body: &Map<String, Value>,
    at: &str,
    role: Role,
    more: &[&str],
    complaints: &mut Complaints,
) -> Schema {
    let mut reader = Reader { complaints };
    reader.known(body, at, &[SCHEMA_KEYS, more].concat());
    let urn = reader.text(body, at, "id", MAX_URN_BYTES).unwrap_or_default();
    if !urn.is_empty() {
        reader.urn(&join(at, "id"), &urn);
    }
    let name = reader.text(body, at, "name", MAX_NAME_BYTES);
    if name.is_none() {
        reader.complain(&join(at, "name"), "is missing; give the schema a name for people.");
    }
    let description = reader.text(body, at, "description", MAX_DESCRIPTION_BYTES);
    let list = reader.attributes(body, &join(at, "attributes"), "attributes", false);
    if role == Role::Base {
        for attr in list.iter().filter(|attr| COMMON.iter().any(|name| name.eq_ignore_ascii_case(&attr.name)))
        {
            let text = format!("names {}, which every resource has already; choose another name.", attr.name);
            reader.complain(&join(at, "attributes"), &text);
        }
    }
    Schema {
        urn,
        name: name.unwrap_or_default(),
        description: description.unwrap_or_default(),
        alias: None,
        legacy_urns: Vec::new(),
        attributes: Attributes::new(list),
    }
}

impl Schema {
    /// The definition as [`schema`] reads it, every characteristic written out.
    pub fn to_definition(&self) -> Map<String, Value> {
        let attributes: Vec<Value> = self.attributes.iter().map(|attr| attr.to_definition()).collect();
        let mut map = Map::new();
        map.insert("id".into(), self.urn.as_str().into());
        map.insert("name".into(), self.name.as_str().into());
        map.insert("description".into(), self.description.as_str().into());
        map.insert("attributes".into(), attributes.into());
        map
    }
}

impl Attribute {
    fn to_definition(&self) -> Value {
        let mut value = self.to_json();
        if let Some(map) = value.as_object_mut() {
            if self.kind == Type::Complex {
                let sub: Vec<Value> = self.sub.iter().map(|sub| sub.to_definition()).collect();
                map.insert("subAttributes".into(), sub.into());
            } else if matches!(self.kind, Type::String | Type::Reference) {
                map.insert("indexed".into(), self.indexed.into());
            }
        }
        value
    }
}

fn join(at: &str, name: &str) -> String {
    if at.is_empty() { name.to_owned() } else { format!("{at}.{name}") }
}

struct Reader<'c> {
    complaints: &'c mut Complaints,
}

/// Whether a URN, in lower case, means something already: the schemas of RFC 7643, what lies below and above
/// them, messages and events of SCIM, the name space of SCIM 1. Schemas of later documents (RFC 9944's
/// `Device`, drafts) are free.
fn is_taken(urn: &str) -> bool {
    const SCHEMAS: &str = "urn:ietf:params:scim:schemas:";
    let is_above = |long: &str| long.strip_prefix(urn).is_some_and(|rest| rest.starts_with(':'));
    if is_above(SCHEMAS) {
        return true;
    }
    let Some(name) = urn.strip_prefix(SCHEMAS) else {
        return urn.starts_with("urn:ietf:params:scim:") || urn.starts_with("urn:scim:");
    };
    let touches = |one: &str, other: &str| {
        one.strip_prefix(other).is_some_and(|rest| rest.is_empty() || rest.starts_with(':'))
    };
    TAKEN.iter().any(|taken| touches(name, taken) || touches(taken, name))
}

impl Reader<'_> {
    fn complain(&mut self, at: &str, what: &str) {
        self.complaints.push((at.to_owned(), what.to_owned()));
    }

    fn known(&mut self, map: &Map<String, Value>, at: &str, known: &[&str]) {
        for key in map.keys().filter(|key| !known.contains(&key.as_str())) {
            let text = format!("is not known here; use some of {}.", known.join(", "));
            self.complain(&join(at, &key.chars().take(80).collect::<String>()), &text);
        }
    }

    fn text(&mut self, map: &Map<String, Value>, at: &str, name: &str, most: usize) -> Option<String> {
        match map.get(name) {
            None | Some(Value::Null) if name == "id" => {
                self.complain(&join(at, name), "is missing; send a URN.");
            }
            None | Some(Value::Null) => {}
            Some(Value::String(text)) if text.len() > most => {
                self.complain(&join(at, name), &format!("is too long; {most} bytes at most."));
                return Some(String::new());
            }
            Some(Value::String(text)) if text.chars().any(char::is_control) => {
                self.complain(&join(at, name), "has a control character; remove it.");
                return Some(String::new());
            }
            Some(Value::String(text)) if !text.trim().is_empty() || name == "description" => {
                return Some(text.clone());
            }
            Some(_) => {
                self.complain(&join(at, name), "must be a text that is not empty.");
                return Some(String::new());
            }
        }
        None
    }

    fn flag(&mut self, map: &Map<String, Value>, at: &str, name: &str) -> bool {
        match map.get(name) {
            None | Some(Value::Null) => false,
            Some(Value::Bool(flag)) => *flag,
            Some(_) => {
                self.complain(&join(at, name), "must be true or false.");
                false
            }
        }
    }

    fn word<T>(
        &mut self,
        (map, at, name): (&Map<String, Value>, &str, &str),
        default: T,
        parse: fn(&str) -> Option<T>,
        words: &str,
    ) -> T {
        let value = map.get(name).filter(|value| !value.is_null());
        let Some(value) = value else { return default };
        value.as_str().and_then(parse).unwrap_or_else(|| {
            self.complain(&join(at, name), &format!("must be one of {words}."));
            default
        })
    }

    fn texts(&mut self, map: &Map<String, Value>, at: &str, name: &str) -> Vec<String> {
        let list = match map.get(name) {
            None | Some(Value::Null) => return Vec::new(),
            Some(Value::Array(list)) if list.len() <= MAX_SUGGESTIONS => list,
            Some(_) => {
                let text = format!("must be a list of {MAX_SUGGESTIONS} texts at most.");
                self.complain(&join(at, name), &text);
                return Vec::new();
            }
        };
        let good = |text: &&str| !text.is_empty() && text.len() <= MAX_SUGGESTION_BYTES;
        let texts: Vec<String> =
            list.iter().filter_map(Value::as_str).filter(good).map(str::to_owned).collect();
        if texts.len() < list.len() {
            let text = format!("must hold texts of 1 to {MAX_SUGGESTION_BYTES} bytes only.");
            self.complain(&join(at, name), &text);
        }
        texts
    }

    /// RFC 8141, without what a path or filter would stumble over; not one that means something already.
    fn urn(&mut self, at: &str, urn: &str) {
        let parts: Vec<&str> = urn.split(':').collect();
        let good = |part: &str| {
            !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~".contains(&b))
        };
        let space = parts.get(1).copied().unwrap_or_default();
        let fits = parts.len() >= 3
            && parts[0].eq_ignore_ascii_case("urn")
            && parts[1..].iter().all(|part| good(part))
            && (2..=32).contains(&space.len())
            && !space.starts_with('-');
        if !fits {
            let text = "must be a URN of letters, digits and -._~ between colons, such as \
                        urn:example:params:scim:schemas:extension:acme:2.0:User.";
            self.complain(at, text);
        } else if is_taken(&urn.to_ascii_lowercase()) {
            self.complain(at, "is one that the SCIM standard has taken; choose another URN.");
        }
    }

    fn attributes(
        &mut self,
        map: &Map<String, Value>,
        at: &str,
        key: &str,
        inner: bool,
    ) -> Vec<Arc<Attribute>> {
        let list = match map.get(key) {
            Some(Value::Array(list)) if (1..=MAX_ATTRIBUTES).contains(&list.len()) => list,
            _ => {
                self.complain(at, &format!("must be a list of 1 to {MAX_ATTRIBUTES} attributes."));
                return Vec::new();
            }
        };
        let mut found: Vec<Arc<Attribute>> = Vec::with_capacity(list.len());
        for (n, value) in list.iter().enumerate() {
            let place = format!("{at}[{n}]");
            let Some(map) = value.as_object() else {
                self.complain(&place, "must be an object with name and type.");
                continue;
            };
            let attr = self.attribute(map, &place, inner);
            if found.iter().any(|other| other.name.eq_ignore_ascii_case(&attr.name)) {
                self.complain(&join(&place, "name"), "is there twice, case aside; choose another name.");
            }
            found.push(Arc::new(attr));
        }
        found
    }

    fn attribute(&mut self, map: &Map<String, Value>, at: &str, inner: bool) -> Attribute {
        self.known(map, at, ATTRIBUTE_KEYS);
        let name = self.text(map, at, "name", MAX_NAME_BYTES).unwrap_or_default();
        let plain = is_attribute_name(&name) && (inner && name == "$ref" || !name.contains('$'));
        if !plain {
            let text = "must be a name of letters, digits, - and _ that begins with a letter.";
            self.complain(&join(at, "name"), text);
        }
        let types = "string, boolean, decimal, integer, dateTime, binary, reference, complex";
        let kind = self.word((map, at, "type"), Type::String, Type::parse, types);
        let description = self.text(map, at, "description", MAX_DESCRIPTION_BYTES).unwrap_or_default();
        let mut attr = Attribute::new(&name, kind, &description);
        attr.multi_valued = self.flag(map, at, "multiValued");
        attr.required = self.flag(map, at, "required");
        attr.indexed = self.flag(map, at, "indexed");
        if map.get("caseExact").is_some_and(|value| !value.is_null()) {
            attr.case_exact = self.flag(map, at, "caseExact");
        }
        let words = "readOnly, readWrite, immutable, writeOnly";
        attr.mutability = self.word((map, at, "mutability"), attr.mutability, Mutability::parse, words);
        let words = "always, never, default, request";
        attr.returned = self.word((map, at, "returned"), attr.returned, Returned::parse, words);
        let words = "none, server, global";
        attr.uniqueness = self.word((map, at, "uniqueness"), attr.uniqueness, Uniqueness::parse, words);
        attr.canonical_values = self.texts(map, at, "canonicalValues");
        attr.reference_types = self.texts(map, at, "referenceTypes");
        let has_sub = map.get("subAttributes").is_some_and(|value| !value.is_null());
        match (kind == Type::Complex, inner) {
            (true, true) => self.complain(&join(at, "type"), "is complex within complex; use another type."),
            (true, false) => {
                let sub = self.attributes(map, &join(at, "subAttributes"), "subAttributes", true);
                attr.sub = Attributes::new(sub);
            }
            (false, _) if has_sub => {
                self.complain(&join(at, "subAttributes"), "belong to complex attributes only; remove them.");
            }
            _ => {}
        }
        self.combinations(&attr, at, inner);
        attr.indexed |= attr.uniqueness == Uniqueness::Server;
        attr
    }

    /// Characteristics that contradict each other, or that this server does not keep.
    fn combinations(&mut self, attr: &Attribute, at: &str, inner: bool) {
        let text = matches!(attr.kind, Type::String | Type::Reference);
        let mut say = |wrong: bool, name: &str, what: &str| {
            if wrong {
                self.complaints.push((join(at, name), what.to_owned()));
            }
        };
        say(
            attr.mutability == Mutability::WriteOnly || attr.returned == Returned::Never,
            if attr.returned == Returned::Never { "returned" } else { "mutability" },
            "asks for a secret that is never shown, and this server keeps none; use another value.",
        );
        say(
            attr.required && attr.mutability == Mutability::ReadOnly,
            "required",
            "is asked of what no client may write; make it writable or not required.",
        );
        say(
            attr.case_exact && !text && attr.kind != Type::Binary,
            "caseExact",
            "is for string, reference and binary; leave it out.",
        );
        say(attr.uniqueness == Uniqueness::Global, "uniqueness", "can be none or server here.");
        let unique = attr.uniqueness != Uniqueness::None;
        say(unique && !text, "uniqueness", "can be kept for string and reference only; use none.");
        say(attr.indexed && !text, "indexed", "is for string and reference; leave it out.");
        let lists = inner && attr.multi_valued && (attr.indexed || unique);
        say(lists, "indexed", "is not for a list within a complex attribute; leave it out.");
        say(
            !attr.canonical_values.is_empty() && attr.kind != Type::String,
            "canonicalValues",
            "are for string; leave them out.",
        );
        let reference = attr.kind == Type::Reference;
        say(
            reference == attr.reference_types.is_empty(),
            "referenceTypes",
            "go with the type reference, and it needs some: resource types, uri or external.",
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn places(body: Value) -> Vec<String> {
        let mut complaints = Vec::new();
        schema(body.as_object().unwrap(), "", Role::Base, &[], &mut complaints);
        assert!(complaints.iter().all(|(_, text)| text.ends_with('.') && text.len() > 10), "{complaints:?}");
        complaints.into_iter().map(|(at, _)| at).collect()
    }

    fn with(attribute: Value) -> Value {
        json!({"id": "urn:example:device:2.0", "name": "Device", "attributes": [attribute]})
    }

    #[test]
    fn a_good_definition_is_read_as_it_is_shown() {
        let attributes = json!([
            {"name": "serial", "type": "string", "uniqueness": "server", "caseExact": true, "required": true},
            {"name": "owner", "type": "reference", "referenceTypes": ["User"]},
            {"name": "ports", "type": "complex", "multiValued": true, "subAttributes": [
                {"name": "number", "type": "integer"}, {"name": "$ref", "type": "reference", "referenceTypes": ["uri"]}
            ]},
        ]);
        let body = json!({"id": "urn:example:device:2.0", "name": "Device", "attributes": attributes});
        let mut complaints = Vec::new();
        let read = schema(body.as_object().unwrap(), "", Role::Base, &[], &mut complaints);
        assert_eq!(complaints, []);
        assert!(read.attributes.get("SERIAL").unwrap().indexed, "what is unique is looked up");
        let mut shown = read.to_json("https://x");
        let object = shown.as_object_mut().unwrap();
        object.remove("meta");
        let mut again = Vec::new();
        schema(object, "", Role::Base, &[], &mut again);
        assert_eq!(again, [], "what /Schemas shows can be sent");
    }

    #[test]
    fn everything_wrong_is_said_at_once() {
        let body = json!({"id": "urn:ietf:params:scim:schemas:core:2.0:User", "extra": 1, "attributes": [
            {"name": "1a", "type": "text"},
            {"name": "id", "type": "string"},
            {"name": "a", "type": "complex", "subAttributes": [{"name": "b", "type": "complex"}]},
            {"name": "A", "type": "string", "subAttributes": []},
            7,
        ]});
        assert_eq!(
            places(body),
            [
                "extra",
                "id",
                "name",
                "attributes[0].name",
                "attributes[0].type",
                "attributes[2].subAttributes[0].type",
                "attributes[3].subAttributes",
                "attributes[3].name",
                "attributes[4]",
                "attributes",
            ]
        );
    }

    #[test]
    fn contradictions_and_limits() {
        let at = "attributes[0].";
        for (attribute, place) in [
            (json!({"name": "a", "type": "string", "mutability": "writeOnly"}), "mutability"),
            (json!({"name": "a", "type": "string", "returned": "never"}), "returned"),
            (json!({"name": "a", "type": "string", "mutability": "readOnly", "required": true}), "required"),
            (json!({"name": "a", "type": "boolean", "caseExact": true}), "caseExact"),
            (json!({"name": "a", "type": "integer", "indexed": true}), "indexed"),
            (json!({"name": "a", "type": "string", "uniqueness": "global"}), "uniqueness"),
            (json!({"name": "a", "type": "decimal", "uniqueness": "server"}), "uniqueness"),
            (json!({"name": "a", "type": "integer", "canonicalValues": ["1"]}), "canonicalValues"),
            (json!({"name": "a", "type": "reference"}), "referenceTypes"),
            (json!({"name": "a", "type": "string", "referenceTypes": ["uri"]}), "referenceTypes"),
            (json!({"name": "a", "type": "string", "multiValued": "yes"}), "multiValued"),
            (json!({"name": "a", "type": "string", "description": "x".repeat(1_025)}), "description"),
            (json!({"name": "a", "type": "string", "canonicalValues": [1]}), "canonicalValues"),
        ] {
            let found = places(with(attribute.clone()));
            assert_eq!(found, [format!("{at}{place}")], "{attribute}");
        }
        let many: Vec<Value> = (0..101).map(|n| json!({"name": format!("a{n}"), "type": "string"})).collect();
        assert_eq!(places(json!({"id": "urn:example:x", "name": "x", "attributes": many})), ["attributes"]);
        assert_eq!(places(json!({"id": "urn:example:x", "name": "x", "attributes": []})), ["attributes"]);
    }

    #[test]
    fn urns_of_others_and_odd_ones_are_refused() {
        let plain = json!({"name": "a", "type": "string"});
        for urn in [
            "x",
            "urn:x",
            "urn:x:y",
            "urn:exa mple:y",
            "urn:example:",
            "urn:example::y",
            "urn:example:a[b",
            "urn:-ab:c",
            "URN:IETF:params:scim:schemas:core:2.0:user",
            "urn:ietf:params:scim:schemas:core:2.0:User:userName",
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User",
            "urn:ietf:params:scim:api:messages:2.0:Mine",
            "urn:ietf:params:scim:event:prov:create:full",
            "urn:ietf:params",
            "urn:ietf:params:scim",
            "urn:ietf:params:scim:schemas",
            "urn:ietf:params:scim:schemas:core",
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0",
            "urn:scim:schemas:core:1.0",
            "http://x/y",
        ] {
            let mut body = with(plain.clone());
            body["id"] = json!(urn);
            assert_eq!(places(body), ["id"], "{urn}");
        }
        for urn in [
            "urn:example:y",
            "urn:acme.com:params:scim:2.0:User",
            "URN:Example:A_b~c",
            "urn:ietf:params:scim:schemas:core:2.0:Device",
            "urn:ietf:params:scim:schemas:core:2.0:UserProfile",
        ] {
            let mut body = with(plain.clone());
            body["id"] = json!(urn);
            assert!(places(body).is_empty(), "{urn}");
        }
    }
}
