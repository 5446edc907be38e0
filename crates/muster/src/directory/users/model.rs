//! What of a user's document stands in columns besides.

use serde_json::{Map, Value};

use super::super::model::{GroupRef, Stored, key};
use crate::kernel::problem::{Problem, Result};
use crate::kernel::text::looks_like_email;

/// A user as the SCIM surface answers it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserResource {
    /// The stored part.
    pub stored: Stored,
    /// Groups, where they were asked for.
    pub groups: Option<Vec<GroupRef>>,
}

/// Columns derived from the document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Columns {
    /// `userName` as the client wrote it.
    pub user_name: String,
    /// Its folded form: unique in the account.
    pub user_name_key: String,
    /// `externalId`.
    pub external_id: Option<String>,
    /// Primary address, else the work address, else the first, else a user name that looks like one; else
    /// empty.
    pub email: String,
    /// Name for people: `displayName`, else the full name, else the user name.
    pub name: String,
    /// May he act?
    pub active: bool,
}

fn text(value: Option<&Value>) -> Option<&str> {
    value.and_then(Value::as_str)
}

impl Columns {
    /// Reads them from a normalised document.
    ///
    /// # Errors
    /// `InvalidArgument` when a value is too long to be looked up by.
    pub fn of(document: &Value) -> Result<Self> {
        let user_name = text(document.get("userName")).unwrap_or_default();
        let external_id = text(document.get("externalId"));
        if let Some(external) = external_id {
            key("externalId", external)?;
        }
        Ok(Self {
            user_name_key: key("userName", user_name)?.into_owned(),
            user_name: user_name.to_owned(),
            external_id: external_id.map(str::to_owned),
            email: email(document, user_name).to_owned(),
            name: name(document, user_name),
            active: document.get("active").and_then(Value::as_bool).unwrap_or(true),
        })
    }
}

fn email<'d>(document: &'d Value, user_name: &'d str) -> &'d str {
    let list = document.get("emails").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let primary = |e: &&Value| e.get("primary").and_then(Value::as_bool) == Some(true);
    let work = |e: &&Value| text(e.get("type")).is_some_and(|t| t.eq_ignore_ascii_case("work"));
    let found = list.iter().find(primary).or_else(|| list.iter().find(work)).or_else(|| list.first());
    let fallback = if looks_like_email(user_name) { user_name } else { "" };
    found.and_then(|e| text(e.get("value"))).unwrap_or(fallback)
}

/// Whether the document says that this address (folded) is the user's primary one.
pub fn is_primary(document: &Value, key: &str) -> bool {
    let list = document.get("emails").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let named = |e: &&Value| text(e.get("value")).is_some_and(|value| scim::fold(value) == key);
    list.iter().filter(named).any(|e| e.get("primary").and_then(Value::as_bool) == Some(true))
}

fn name(document: &Value, user_name: &str) -> String {
    if let Some(name) = text(document.get("displayName")) {
        return name.to_owned();
    }
    let part = |part: &str| text(document.get("name").and_then(|name| name.get(part)));
    if let Some(name) = part("formatted") {
        return name.to_owned();
    }
    match (part("givenName"), part("familyName")) {
        (Some(given), Some(family)) => format!("{given} {family}"),
        (Some(one), None) | (None, Some(one)) => one.to_owned(),
        (None, None) => user_name.to_owned(),
    }
}

/// Where a whole body does not say whether a user is active, he is what he was, and active if he is new.
/// So nobody is let in again by leaving it out.
///
/// # Errors
/// `Internal` for a document that is no object.
pub fn settle_active(document: &mut Value, before: bool) -> Result<()> {
    let map: &mut Map<String, Value> =
        document.as_object_mut().ok_or_else(|| Problem::internal("a user's document is no object"))?;
    if !map.contains_key("active") {
        map.insert("active".into(), Value::from(before));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn columns_follow_the_document() {
        let columns = Columns::of(&json!({
            "userName": "BJensen", "externalId": "X1", "name": {"givenName": "B", "familyName": "Jensen"},
            "emails": [{"value": "home@x"}, {"value": "work@x", "type": "Work"}], "active": false
        }));
        let columns = columns.unwrap();
        assert_eq!((&*columns.user_name_key, &*columns.name), ("bjensen", "B Jensen"));
        assert_eq!((&*columns.email, columns.active), ("work@x", false));
        let bare = Columns::of(&json!({"userName": "a@b.example"})).unwrap();
        assert_eq!((&*bare.email, &*bare.name, bare.active), ("a@b.example", "a@b.example", true));
    }

    #[test]
    fn a_key_that_no_index_holds_is_refused() {
        assert!(Columns::of(&json!({"userName": "x".repeat(2_049)})).is_err());
    }
}
