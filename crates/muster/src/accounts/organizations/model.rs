//! An organization and the rules of its fields.

use serde_json::{Value, json};

use crate::kernel::listing::{Listed, words};
use crate::kernel::problem::Result;
use crate::kernel::text::{FieldCheck, Tags};
use crate::kernel::time::Timestamp;
use crate::kernel::version::Tag;

/// The organization that comes with the account: cannot be changed or removed.
pub const DEFAULT: &str = "default";

/// What a client gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewOrganization {
    /// Unique in the account; never changes.
    pub identifier: String,
    /// For people.
    pub name: String,
    /// For people.
    pub description: Option<String>,
    /// Free labels.
    pub tags: Tags,
}

/// What is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Organization {
    /// As the client gave it.
    pub fields: NewOrganization,
    /// From 1, one more with each change.
    pub version: i64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

impl Listed for Organization {
    fn identifier(&self) -> &str {
        &self.fields.identifier
    }
    fn name(&self) -> &str {
        &self.fields.name
    }
    fn texts(&self) -> impl Iterator<Item = &str> {
        words(&self.fields.tags)
    }
    fn times(&self) -> Option<(Timestamp, Timestamp)> {
        Some((self.created_at, self.updated_at))
    }
}

impl Organization {
    /// Its entity tag.
    pub fn tag(&self) -> Tag {
        Tag { created_at: self.created_at, version: self.version }
    }
}

impl NewOrganization {
    /// Checks all fields at once (platform API §1.8).
    ///
    /// # Errors
    /// `Fields` with every complaint.
    pub fn check(&self) -> Result<()> {
        let mut check = FieldCheck::new();
        check.identifier("organization.identifier", &self.identifier);
        check.name("organization.name", &self.name);
        check.description("organization.description", self.description.as_deref());
        check.tags("organization.tags", &self.tags);
        check.done()
    }

    /// For the audit trail.
    pub fn document(&self) -> Value {
        json!({
            "identifier": self.identifier, "name": self.name, "description": self.description, "tags": self.tags
        })
    }
}

impl Organization {
    /// Does the server keep it from changes?
    pub fn managed(&self) -> bool {
        self.fields.identifier == DEFAULT
    }
}
