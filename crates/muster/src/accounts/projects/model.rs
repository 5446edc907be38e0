//! A project and the rules of its fields.

use std::cmp::Ordering;

use serde_json::{Value, json};

use crate::kernel::listing::{Listed, words};
use crate::kernel::problem::Result;
use crate::kernel::text::{FieldCheck, Tags, is_color};
use crate::kernel::time::Timestamp;
use crate::kernel::version::Tag;

/// Colour of a project whose creator names none.
pub const DEFAULT_COLOR: &str = "#0063F7";
const MAX_MODULES: usize = 64;

/// What a client gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewProject {
    /// Unique in the organization; never changes.
    pub identifier: String,
    /// For people.
    pub name: String,
    /// `#RRGGBB`.
    pub color: String,
    /// For people.
    pub description: Option<String>,
    /// Names of product modules, kept for clients that send them.
    pub modules: Vec<String>,
    /// Free labels.
    pub tags: Tags,
}

/// What is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Project {
    /// The organization it is in.
    pub org: String,
    /// As the client gave it.
    pub fields: NewProject,
    /// From 1, one more with each change.
    pub version: i64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

impl Listed for Project {
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
    fn by_own(&self, other: &Self, field: &str) -> Option<Ordering> {
        (field == "orgIdentifier").then(|| self.org.cmp(&other.org))
    }
}

impl Project {
    /// Its entity tag.
    pub fn tag(&self) -> Tag {
        Tag { created_at: self.created_at, version: self.version }
    }
}

impl NewProject {
    /// Checks all fields at once (platform API §1.8).
    ///
    /// # Errors
    /// `Fields` with every complaint.
    pub fn check(&self) -> Result<()> {
        let mut check = FieldCheck::new();
        check.identifier("project.identifier", &self.identifier);
        check.name("project.name", &self.name);
        if !is_color(&self.color) {
            check.fail(
                "project.color",
                "is not a colour: write # and six hexadecimal digits, for example #0063F7",
            );
        }
        check.description("project.description", self.description.as_deref());
        if self.modules.len() > MAX_MODULES || self.modules.iter().any(|m| m.is_empty() || m.len() > 64) {
            check.fail("project.modules", "can have 64 entries of 1 to 64 bytes");
        }
        if self.modules.iter().any(|module| module.contains('\0')) {
            check.fail("project.modules", "cannot hold a NUL character (U+0000)");
        }
        check.tags("project.tags", &self.tags);
        check.done()
    }

    /// For the audit trail.
    pub fn document(&self) -> Value {
        json!({
            "identifier": self.identifier, "name": self.name, "color": self.color, "description": self.description,
            "modules": self.modules, "tags": self.tags
        })
    }
}
