//! What of a group's document stands in columns besides.

use serde_json::Value;

use super::super::model::{MemberRef, Stored, key};
use crate::kernel::problem::Result;

/// A group as the SCIM surface answers it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupResource {
    /// The stored part.
    pub stored: Stored,
    /// Members, where they were asked for.
    pub members: Option<Vec<MemberRef>>,
}

/// Columns derived from the document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Columns {
    /// `displayName`.
    pub name: String,
    /// Its folded form.
    pub name_key: String,
    /// `externalId`.
    pub external_id: Option<String>,
}

impl Columns {
    /// Reads them from a normalised document.
    ///
    /// # Errors
    /// `InvalidArgument` when a value is too long to be looked up by.
    pub fn of(document: &Value) -> Result<Self> {
        let text = |name: &str| document.get(name).and_then(Value::as_str);
        let (name, external_id) = (text("displayName").unwrap_or_default(), text("externalId"));
        if let Some(external) = external_id {
            key("externalId", external)?;
        }
        Ok(Self {
            name_key: key("displayName", name)?.into_owned(),
            name: name.to_owned(),
            external_id: external_id.map(str::to_owned),
        })
    }
}

/// The first of `base`, `base_1`, `base_2`, … that is not taken.
pub fn free_identifier(base: &str, taken: &[String]) -> String {
    let taken: std::collections::HashSet<&str> = taken.iter().map(String::as_str).collect();
    if !taken.contains(base) {
        return base.to_owned();
    }
    // One number more than there are names taken is enough to find a free one.
    let mut numbered = (1..=taken.len() + 1).map(|n| format!("{base}_{n}"));
    numbered.find(|id| !taken.contains(id.as_str())).unwrap_or_else(|| base.to_owned())
}

#[cfg(test)]
mod tests {
    use super::free_identifier;

    #[test]
    fn a_clash_gets_a_numeric_suffix() {
        let taken = ["Team".to_owned(), "Team_1".to_owned(), "Team_3".to_owned()];
        assert_eq!(free_identifier("Team", &taken), "Team_2");
        assert_eq!(free_identifier("Other", &taken), "Other");
    }
}
