//! What a user group is on the platform API.

use super::notifications::{self, Channel};
use crate::directory::model::Stored;
use crate::kernel::listing;
use crate::kernel::problem::{Kind, Problem, Result};
use crate::kernel::scope::Scope;
use crate::kernel::text::{FieldCheck, Tags, unreadable};
use crate::kernel::time::Timestamp;
use crate::kernel::version::Tag;

/// Of how many users at most the order is kept that they were sent in: each that moves is a row to write.
pub const ORDERED_MOST: usize = 1000;

/// Users as a body names them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Users {
    /// By their ids.
    Ids(Vec<String>),
    /// By their addresses.
    Addresses(Vec<String>),
}

/// What a client wants a group to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewUserGroup {
    /// Unique in its scope.
    pub identifier: String,
    /// For people.
    pub name: String,
    /// For people.
    pub description: Option<String>,
    /// Free labels.
    pub tags: Tags,
    /// Where its notifications are to go.
    pub notifications: Vec<Channel>,
    /// Those that are no users of the account are left out. `None`: nobody, but a group that SCIM keeps has
    /// its own.
    pub users: Option<Users>,
}

impl NewUserGroup {
    /// Checks the grammar of all fields. `before`: the name that the group has, which may stay: SCIM gives
    /// names that are longer.
    ///
    /// # Errors
    /// `Fields` with every complaint.
    pub fn check(&self, before: Option<&str>) -> Result<()> {
        let mut check = FieldCheck::new();
        check.identifier("identifier", &self.identifier);
        if before == Some(self.name.as_str()) {
            // It is not given anew.
        } else if self.name.trim().is_empty() {
            check.fail("name", "cannot be empty");
        } else if self.name.chars().count() > 256 {
            check.fail("name", "cannot be more than 256 characters long");
        } else if let Some(text) = unreadable(&self.name) {
            check.fail("name", text);
        }
        check.description("description", self.description.as_deref());
        check.tags("tags", &self.tags);
        notifications::check(&mut check, &self.notifications);
        check.done()
    }
}

/// What of a group a list is narrowed and sorted by.
#[derive(Clone, Debug)]
pub struct Listed {
    /// Its SCIM id.
    pub id: String,
    /// Where it lives.
    pub scope: Scope,
    /// Unique in its scope.
    pub identifier: String,
    /// For people.
    pub name: String,
    /// When it was made.
    pub created: Timestamp,
    /// When it last changed.
    pub updated: Timestamp,
}

impl listing::Listed for Listed {
    fn identifier(&self) -> &str {
        &self.identifier
    }
    fn name(&self) -> &str {
        &self.name
    }
    fn times(&self) -> Option<(Timestamp, Timestamp)> {
        Some((self.created, self.updated))
    }
}

/// A group as stored.
#[derive(Clone, Debug)]
pub struct UserGroup {
    /// Where it lives.
    pub scope: Scope,
    /// Unique in its scope.
    pub identifier: String,
    /// For people.
    pub name: String,
    /// For people.
    pub description: Option<String>,
    /// Free labels.
    pub tags: Tags,
    /// Where its notifications are to go.
    pub notifications: Vec<Channel>,
    /// Kept by SCIM?
    pub externally_managed: bool,
    /// The SCIM side: id, document, version, times.
    pub stored: Stored,
    /// Ids of its users, in the order in which they were last sent, then as they came.
    pub users: Vec<String>,
}

impl UserGroup {
    /// Its entity tag.
    pub fn tag(&self) -> Tag {
        Tag { created_at: self.stored.created, version: self.stored.version }
    }

    /// Refuses a change of what SCIM keeps.
    ///
    /// # Errors
    /// `Invalid` for a group that SCIM keeps.
    pub fn own(&self, what: &str) -> Result<()> {
        if self.externally_managed {
            let id = &self.identifier;
            return Err(Problem::invalid(format!(
                "{what} is not supported for externally managed group {id}: change it in the identity provider that provisions it."
            )));
        }
        Ok(())
    }
}

/// Which scopes a list reaches besides the one asked for (`filterType`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reach {
    /// That scope only.
    #[default]
    Here,
    /// Also the scopes above it.
    Above,
    /// Also the scopes below it.
    Below,
}

impl Reach {
    /// Reads `filterType`; absent means that scope only.
    ///
    /// # Errors
    /// `NoSuchResource` for another word, as the reference answers an unknown enum value.
    pub fn parse(text: Option<&str>) -> Result<Self> {
        match text {
            None | Some("" | "EXCLUDE_INHERITED_GROUPS") => Ok(Self::Here),
            Some("INCLUDE_INHERITED_GROUPS" | "INCLUDE_PARENT_SCOPE_GROUPS") => Ok(Self::Above),
            Some("INCLUDE_CHILD_SCOPE_GROUPS") => Ok(Self::Below),
            Some(other) => Err(Problem::new(
                Kind::NoSuchResource,
                format!(
                    "filterType {other:?} is not known: send EXCLUDE_INHERITED_GROUPS, INCLUDE_INHERITED_GROUPS, \
                     INCLUDE_PARENT_SCOPE_GROUPS or INCLUDE_CHILD_SCOPE_GROUPS"
                ),
            )),
        }
    }

    /// Whether a list from `asked` reaches `scope`.
    pub fn reaches(self, asked: &Scope, scope: &Scope) -> bool {
        match self {
            Self::Here => asked == scope,
            Self::Above => scope.contains(asked),
            Self::Below => asked.contains(scope),
        }
    }
}
