//! What users and groups have in common: the stored resource, and what belongs to it but is derived.

use std::sync::{Arc, LazyLock};

use scim::{Catalogue, ResourceType};
use serde_json::{Map, Value, json};

use crate::kernel::problem::{Kind, Problem, Result};
use crate::kernel::time::Timestamp;

/// Most members a group may have and still be answered whole to a PATCH; above it, members are answered only
/// when asked for, so that the price of adding one does not grow with the group.
pub const ANSWERED_MEMBERS: i64 = 100;

/// Longest key, in bytes, of a column or index row that values are looked up by (PostgreSQL's index rows end
/// at 2,704 bytes).
const MAX_KEY_BYTES: usize = 2_048;

/// What kind of resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Subject {
    /// Persons.
    User,
    /// Groups of the account itself.
    Group,
    /// Resources of a type that the account defines; which one is said beside it.
    Custom,
}

impl Subject {
    /// SCIM's name of the resource type; empty for a type of the account, which has its own.
    pub const fn name(self) -> &'static str {
        match self {
            Self::User => "User",
            Self::Group => "Group",
            Self::Custom => "",
        }
    }
    /// Reads a member's `type`, any case.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::User, Self::Group].into_iter().find(|s| s.name().eq_ignore_ascii_case(text))
    }
    /// Path segment below the SCIM base; as for `name`.
    pub const fn endpoint(self) -> &'static str {
        match self {
            Self::User => "Users",
            Self::Group => "Groups",
            Self::Custom => "",
        }
    }
}

/// All schemas and resource types.
pub fn catalogue() -> &'static Catalogue {
    static CATALOGUE: LazyLock<Catalogue> = LazyLock::new(Catalogue::standard);
    &CATALOGUE
}

/// The resource type of a subject.
pub fn resource_type(subject: Subject) -> Arc<ResourceType> {
    static KINDS: LazyLock<[Arc<ResourceType>; 2]> = LazyLock::new(|| {
        let find = |subject: Subject| catalogue().resource_type(subject.name()).cloned();
        let [user, group] = [Subject::User, Subject::Group].map(find);
        [user.expect("the catalogue has User"), group.expect("the catalogue has Group")]
    });
    KINDS[usize::from(subject == Subject::Group)].clone()
}

/// A resource as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// Its id.
    pub id: String,
    /// Its SCIM document as JSON text, without `id`, `meta` and what is derived.
    pub doc: String,
    /// Goes up by one with each change; the entity tag.
    pub version: i64,
    /// When it was made, whole milliseconds.
    pub created: Timestamp,
    /// When it last changed, whole milliseconds.
    pub updated: Timestamp,
}

impl Stored {
    /// The document, parsed.
    ///
    /// # Errors
    /// `Internal` when the stored text is damaged.
    pub fn document(&self) -> Result<Value> {
        serde_json::from_str(&self.doc)
            .map_err(|error| Problem::internal(format!("the document of {} is damaged: {error}", self.id)))
    }
    /// The weak entity tag (RFC 7644 §3.14).
    pub fn etag(&self) -> String {
        format!("W/\"{}\"", self.version)
    }
    /// The document with `id`.
    ///
    /// # Errors
    /// As `document`.
    pub fn identified(&self) -> Result<Map<String, Value>> {
        let Value::Object(mut map) = self.document()? else {
            return Err(Problem::internal(format!("the document of {} is no object", self.id)));
        };
        map.insert("id".into(), Value::from(self.id.as_str()));
        Ok(map)
    }
    /// The resource with `id` and `meta`, as filters and projections see it.
    ///
    /// # Errors
    /// As `document`.
    pub fn resource(&self, kind: &ResourceType, base: &str) -> Result<Map<String, Value>> {
        let mut map = self.identified()?;
        let meta = json!({
            "resourceType": kind.name, "created": self.created.rfc3339(),
            "lastModified": self.updated.rfc3339(),
            "location": format!("{base}/{}/{}", kind.endpoint, self.id), "version": self.etag()
        });
        map.insert("meta".into(), meta);
        Ok(map)
    }
}

/// A group that a user belongs to (RFC 7643 §4.1.2 `groups`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupRef {
    /// Group id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Named as member there, or only through a group inside it?
    pub direct: bool,
}

impl GroupRef {
    /// The element of `groups`.
    pub fn element(&self, base: &str) -> Value {
        let kind = if self.direct { "direct" } else { "indirect" };
        json!({"value": self.id, "$ref": format!("{base}/Groups/{}", self.id), "display": self.name, "type": kind})
    }
}

/// A member of a group (RFC 7643 §4.2 `members`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberRef {
    /// User or group id.
    pub id: String,
    /// Which.
    pub kind: Subject,
    /// Its display name; empty where nobody is shown it.
    pub name: String,
}

impl MemberRef {
    /// The element of `members`.
    pub fn element(&self, base: &str) -> Value {
        let (kind, at) = (self.kind.name(), self.kind.endpoint());
        json!({"value": self.id, "$ref": format!("{base}/{at}/{}", self.id), "display": self.name, "type": kind})
    }
}

/// The versions that a condition names; a tag that is none of ours names none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Versions {
    /// `*`.
    Every,
    /// These.
    These(Vec<i64>),
}

impl Versions {
    /// Whether the stored one is named.
    pub fn hold(&self, stored: &Stored) -> bool {
        match self {
            Self::Every => true,
            Self::These(versions) => versions.contains(&stored.version),
        }
    }
}

/// What a change waits for (RFC 7644 §3.14, RFC 9110 §13.1).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Expected {
    /// If-Match, or the `version` of a bulk operation: the resource is at one of these.
    pub at: Option<Versions>,
    /// If-None-Match: it is at none of these.
    pub not_at: Option<Versions>,
}

impl Expected {
    /// Holds the stored version against the condition.
    ///
    /// # Errors
    /// `Stale`.
    pub fn check(&self, stored: &Stored) -> Result<()> {
        let named = |versions: &Option<Versions>| versions.as_ref().map(|versions| versions.hold(stored));
        let why = match (named(&self.at), named(&self.not_at)) {
            (Some(false), _) => {
                "not at one that the request is for (If-Match, or version in a bulk request): read it again without \
                 that, and repeat a change on what you read."
            }
            (_, Some(true)) => {
                "which If-None-Match rules out: leave that header out to change what is there."
            }
            _ => return Ok(()),
        };
        Err(Problem::new(Kind::Stale, format!("The resource is at version {}, {why}", stored.etag())))
    }
}

/// A lookup key that every engine can index.
///
/// # Errors
/// `InvalidArgument` over the limit.
pub fn key<'t>(attr: &str, text: &'t str) -> Result<std::borrow::Cow<'t, str>> {
    let key = scim::fold(text);
    if key.len() > MAX_KEY_BYTES {
        return Err(Problem::argument(format!("{attr} is too long to be searched by: shorten it.")));
    }
    Ok(key)
}

/// The time now as the directory stores it: whole milliseconds, so that what `meta` shows equals what is
/// compared.
pub fn stamp(now: Timestamp) -> Timestamp {
    Timestamp::from_millis(now.millis())
}
