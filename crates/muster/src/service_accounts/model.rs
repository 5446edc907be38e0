//! What a service account is and which of its values hold.

use std::cmp::Ordering;

use crate::access::assignments::model::NamedBinding;
use crate::kernel::listing::{Listed, words};
use crate::kernel::problem::{Problem, Result};
use crate::kernel::scope::Scope;
use crate::kernel::text::{FieldCheck, Tags, identifier_from_name};
use crate::kernel::time::Timestamp;
use crate::kernel::version::Tag;

/// Domain of the address given to a service account whose creator names none:
/// `<identifier>@service.muster.local`. Nothing is ever sent there.
pub const DEFAULT_EMAIL_DOMAIN: &str = "service.muster.local";

/// A service account as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceAccount {
    /// Where it lives.
    pub scope: Scope,
    /// Unique in its scope.
    pub identifier: String,
    /// For people.
    pub name: String,
    /// Lower case; not unique.
    pub email: String,
    /// For people.
    pub description: Option<String>,
    /// Free labels.
    pub tags: Tags,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// From 1, one more with each change.
    pub version: i64,
}

impl ServiceAccount {
    /// Of what is stored of itself; its keys and role assignments have their own.
    pub fn tag(&self) -> Tag {
        Tag { created_at: self.created_at, version: self.version }
    }
}

impl Listed for ServiceAccount {
    fn identifier(&self) -> &str {
        &self.identifier
    }
    fn name(&self) -> &str {
        &self.name
    }
    fn texts(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.email.as_str()).chain(words(&self.tags))
    }
    fn times(&self) -> Option<(Timestamp, Timestamp)> {
        Some((self.created_at, self.updated_at))
    }
    fn by_own(&self, other: &Self, field: &str) -> Option<Ordering> {
        (field == "email").then(|| self.email.cmp(&other.email))
    }
}

/// What a client wishes to make, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewServiceAccount {
    /// Unique in its scope.
    pub identifier: String,
    /// For people.
    pub name: String,
    /// Lower case.
    pub email: String,
    /// For people.
    pub description: Option<String>,
    /// Free labels.
    pub tags: Tags,
}

impl NewServiceAccount {
    /// Checks the wish. Without an identifier one is made from the name, without an e-mail address one from
    /// the identifier (both go beyond the reference, which demands them).
    ///
    /// # Errors
    /// `Fields`, every complaint at once.
    pub fn check(
        identifier: Option<String>,
        name: String,
        email: Option<String>,
        description: Option<String>,
        tags: Tags,
    ) -> Result<Self> {
        let mut check = FieldCheck::new();
        let identifier = identifier.unwrap_or_else(|| identifier_from_name(&name));
        let email = email.unwrap_or_else(|| format!("{identifier}@{DEFAULT_EMAIL_DOMAIN}")).to_lowercase();
        check.identifier("identifier", &identifier);
        check.name("name", &name);
        check.email("email", &email);
        check.description("description", description.as_deref());
        check.tags("tags", &tags);
        check.done()?;
        Ok(Self { identifier, name, email, description, tags })
    }
}

/// What a client wishes to change, checked; identifier and address never change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// For people.
    pub name: String,
    /// Must be the stored one where it is given.
    pub email: Option<String>,
    /// For people.
    pub description: Option<String>,
    /// Free labels.
    pub tags: Tags,
}

impl Change {
    /// Is the account so already?
    pub fn is_of(&self, stored: &ServiceAccount) -> bool {
        (&self.name, &self.description, &self.tags) == (&stored.name, &stored.description, &stored.tags)
    }

    /// Checks the wish.
    ///
    /// # Errors
    /// `Fields`, every complaint at once.
    pub fn check(
        name: String,
        email: Option<String>,
        description: Option<String>,
        tags: Tags,
    ) -> Result<Self> {
        let mut check = FieldCheck::new();
        check.name("name", &name);
        check.description("description", description.as_deref());
        check.tags("tags", &tags);
        check.done()?;
        Ok(Self { name, email: email.map(|e| e.to_lowercase()), description, tags })
    }

    /// Does the change leave alone what cannot change?
    ///
    /// # Errors
    /// `Invalid`, naming both addresses.
    pub fn fits(&self, stored: &ServiceAccount) -> Result<()> {
        match &self.email {
            Some(email) if *email != stored.email => Err(Problem::invalid(format!(
                "Value mismatch, previous: {} current: {email}: the e-mail address of a service account cannot change, \
                 leave it as it is or make another service account",
                stored.email
            ))),
            _ => Ok(()),
        }
    }
}

/// Which scopes a list reaches besides the one asked for (`filterType`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reach {
    /// That scope only.
    #[default]
    Here,
    /// Also the scopes above it.
    Inherited,
    /// Also the scopes below it.
    Children,
}

impl Reach {
    /// Reads `filterType`; absent means that scope only.
    ///
    /// # Errors
    /// `NoSuchResource` for another word, as the reference answers an unknown enum value.
    pub fn parse(text: Option<&str>) -> Result<Self> {
        match text {
            None | Some("" | "EXCLUDE_INHERITED_SERVICE_ACCOUNTS") => Ok(Self::Here),
            Some("INCLUDE_INHERITED_SERVICE_ACCOUNTS") => Ok(Self::Inherited),
            Some("INCLUDE_CHILD_SCOPE_SERVICE_ACCOUNTS") => Ok(Self::Children),
            Some(other) => Err(Problem::new(
                crate::kernel::problem::Kind::NoSuchResource,
                format!(
                    "filterType {other:?} is not known: send EXCLUDE_INHERITED_SERVICE_ACCOUNTS, \
                     INCLUDE_INHERITED_SERVICE_ACCOUNTS or INCLUDE_CHILD_SCOPE_SERVICE_ACCOUNTS"
                ),
            )),
        }
    }
}

/// A service account as aggregate lists show it.
#[derive(Clone, Debug)]
pub struct Aggregate {
    /// The service account.
    pub service_account: ServiceAccount,
    /// API keys it has (the wire calls it `tokensCount`).
    pub keys: i64,
    /// Its bindings in the scope asked for.
    pub bindings: Vec<NamedBinding>,
}

/// A scope that a service account reaches into, with the names of its organization and project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedScope {
    /// The scope.
    pub scope: Scope,
    /// Name of its organization.
    pub org_name: Option<String>,
    /// Name of its project.
    pub project_name: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifier_and_address_come_from_the_name() {
        let made =
            NewServiceAccount::check(None, "Okta Prod".into(), None, None, Tags::new()).expect("a good name");
        assert_eq!(
            (made.identifier.as_str(), made.email.as_str()),
            ("Okta_Prod", "okta_prod@service.muster.local")
        );
    }

    #[test]
    fn all_complaints_come_at_once() {
        let refused = NewServiceAccount::check(
            Some("9".into()),
            "a;b".into(),
            Some("nobody".into()),
            Some("x".repeat(1_025)),
            Tags::new(),
        );
        let refused = refused.expect_err("four bad values");
        let fields: Vec<_> = refused.broken_fields().iter().map(|(f, _)| f.as_str()).collect();
        assert_eq!(fields, ["identifier", "name", "email", "description"]);
    }
}
