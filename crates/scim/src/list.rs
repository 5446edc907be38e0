//! Lists (RFC 7644 §3.4.2): the query of a list or `.search`, index paging and the list response. It knows
//! no storage: the caller counts and fetches.

use serde::{Serialize, Serializer, ser::SerializeStruct as _};
use serde_json::Value;

use crate::dialect::{Mender, Quirk};
use crate::error::ScimError;
use crate::name::lists_urn;
use crate::once::own_names_once;

/// URN of the list response.
pub const LIST_URN: &str = "urn:ietf:params:scim:api:messages:2.0:ListResponse";
/// URN of the `.search` request.
pub const SEARCH_URN: &str = "urn:ietf:params:scim:api:messages:2.0:SearchRequest";

/// The parameters of a list, from the query string or a `.search` body. Nothing is checked yet but their
/// types.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ListQuery {
    /// `filter`.
    pub filter: Option<String>,
    /// `attributes`.
    pub attributes: Option<Vec<String>>,
    /// `excludedAttributes`.
    pub excluded_attributes: Option<Vec<String>>,
    /// `sortBy`.
    pub sort_by: Option<String>,
    /// `sortOrder`.
    pub sort_order: Option<String>,
    /// `startIndex`, counted from 1; may be out of range still.
    pub start_index: Option<i64>,
    /// `count`; may be out of range still.
    pub count: Option<i64>,
    /// `cursor`; present and empty asks for the first page by cursor (RFC 9865).
    pub cursor: Option<String>,
}

impl ListQuery {
    /// Reads decoded query parameters, names in any case; unknown ones are left alone, lists of a repeated
    /// one go together. Errors: 400 `invalidValue` if a number is none, or another one stands twice;
    /// `invalidCount` for a count beside a cursor.
    pub fn from_pairs<K: AsRef<str>, V: AsRef<str>>(
        pairs: impl IntoIterator<Item = (K, V)>,
    ) -> Result<Self, ScimError> {
        let (mut query, mut seen, mut count) = (Self::default(), Vec::new(), Ok(None));
        for (name, value) in pairs {
            let value = value.as_ref();
            let Some(field) = Field::named(name.as_ref()) else { continue };
            let is_list = matches!(field, Field::Attributes | Field::ExcludedAttributes);
            if seen.contains(&field) && !is_list {
                return Err(ScimError::invalid_value(format!(
                    "{} stands twice; send it once.",
                    name.as_ref()
                )));
            }
            seen.push(field);
            let names = value.split(',').map(|name| name.trim().to_owned());
            match field {
                Field::Filter => query.filter = Some(value.to_owned()),
                Field::Attributes => query.attributes.get_or_insert_default().extend(names),
                Field::ExcludedAttributes => query.excluded_attributes.get_or_insert_default().extend(names),
                Field::SortBy => query.sort_by = Some(value.to_owned()),
                Field::SortOrder => query.sort_order = Some(value.to_owned()),
                Field::StartIndex => query.start_index = number("startIndex", value)?,
                Field::Count => count = number("count", value),
                Field::Cursor => query.cursor = Some(value.to_owned()),
            }
        }
        query.with_count(count)
    }

    /// A count that is none has its own word beside a cursor (RFC 9865), wherever the two stand.
    fn with_count(self, count: Result<Option<i64>, ScimError>) -> Result<Self, ScimError> {
        match count {
            Ok(count) => Ok(Self { count, ..self }),
            Err(error) if self.cursor.is_some() => Err(ScimError::invalid_count(error.detail)),
            Err(error) => Err(error),
        }
    }

    /// Reads a `.search` body (RFC 7644 §3.4.3). Errors: 400 `invalidSyntax`, and as for a query.
    pub fn from_search(body: Value, mender: &mut Mender) -> Result<Self, ScimError> {
        let Value::Object(map) = body else {
            return Err(ScimError::invalid_syntax("A search request is a JSON object."));
        };
        own_names_once(&map)?;
        let (mut query, mut count) = (Self::default(), Ok(None));
        let mut named = false;
        for (name, value) in map {
            let Some(field) = Field::named(&name) else {
                named |= name.eq_ignore_ascii_case("schemas") && lists_urn(&value, SEARCH_URN);
                continue;
            };
            if value.is_null() {
                continue;
            }
            match field {
                Field::Filter => query.filter = Some(text(&name, value)?),
                Field::Attributes => query.attributes = Some(texts(&name, value, mender)?),
                Field::ExcludedAttributes => query.excluded_attributes = Some(texts(&name, value, mender)?),
                Field::SortBy => query.sort_by = Some(text(&name, value)?),
                Field::SortOrder => query.sort_order = Some(text(&name, value)?),
                Field::StartIndex => query.start_index = Some(integer(&name, &value)?),
                Field::Count => count = integer(&name, &value).map(Some),
                Field::Cursor => query.cursor = Some(text(&name, value)?),
            }
        }
        if !named && !mender.mend(Quirk::IncompleteSchemas, SEARCH_URN) {
            return Err(ScimError::invalid_syntax(format!(
                "schemas of a search request must list {SEARCH_URN}."
            )));
        }
        query.with_count(count)
    }

    /// The page asked for (contract P-1): startIndex below 1 is 1, a negative count is 0, never more than
    /// `max`; without count `default`.
    pub fn page(&self, default: u32, max: u32) -> Page {
        let start_index = u64::try_from(self.start_index.unwrap_or(1).max(1)).unwrap_or(1);
        let asked = self.count.map_or(u64::from(default), |count| u64::try_from(count.max(0)).unwrap_or(0));
        Page { start_index, count: u32::try_from(asked).unwrap_or(u32::MAX).min(max) }
    }
}

/// A page by index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page {
    /// First result, counted from 1.
    pub start_index: u64,
    /// Most results to return; 0 asks for `totalResults` alone.
    pub count: u32,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Field {
    Filter,
    Attributes,
    ExcludedAttributes,
    SortBy,
    SortOrder,
    StartIndex,
    Count,
    Cursor,
}

impl Field {
    fn named(name: &str) -> Option<Self> {
        let fields = [
            ("filter", Self::Filter),
            ("attributes", Self::Attributes),
            ("excludedAttributes", Self::ExcludedAttributes),
            ("sortBy", Self::SortBy),
            ("sortOrder", Self::SortOrder),
            ("startIndex", Self::StartIndex),
            ("count", Self::Count),
            ("cursor", Self::Cursor),
        ];
        fields.into_iter().find(|(text, _)| text.eq_ignore_ascii_case(name)).map(|(_, field)| field)
    }
}

fn wrong(name: &str, expected: &str) -> ScimError {
    ScimError::invalid_value(format!("{name} must be {expected}."))
}

/// An empty number counts as absent; one beyond 64 bits as the nearest.
fn number(name: &str, value: &str) -> Result<Option<i64>, ScimError> {
    use std::num::IntErrorKind;
    match value.trim().parse::<i64>() {
        Ok(number) => Ok(Some(number)),
        Err(error) => match error.kind() {
            IntErrorKind::Empty => Ok(None),
            IntErrorKind::PosOverflow => Ok(Some(i64::MAX)),
            IntErrorKind::NegOverflow => Ok(Some(i64::MIN)),
            _ => Err(wrong(name, "a whole number")),
        },
    }
}

fn integer(name: &str, value: &Value) -> Result<i64, ScimError> {
    value.as_i64().ok_or_else(|| wrong(name, "a whole number"))
}

fn text(name: &str, value: Value) -> Result<String, ScimError> {
    match value {
        Value::String(text) => Ok(text),
        _ => Err(wrong(name, "a string")),
    }
}

/// A list of names. Some clients send the comma-separated text of a query instead.
fn texts(name: &str, value: Value, mender: &mut Mender) -> Result<Vec<String>, ScimError> {
    match value {
        Value::Array(list) => list.into_iter().map(|item| text(name, item)).collect(),
        Value::String(text) if mender.mend(Quirk::SingleValueForList, name) => {
            Ok(text.split(',').map(|name| name.trim().to_owned()).collect())
        }
        _ => Err(wrong(name, "a list of attribute names, as in [\"userName\"]")),
    }
}

/// A list response over resources of any serializable form (`Value`, raw JSON); serialize it.
#[derive(Debug, Clone)]
pub struct ListResponse<T> {
    /// How many resources match in all.
    pub total_results: u64,
    /// First result of this page, counted from 1; absent when paging by cursor.
    pub start_index: Option<u64>,
    /// The resources of this page.
    pub resources: Vec<T>,
    /// Cursor of the next page (RFC 9865); absent on the last one.
    pub next_cursor: Option<String>,
}

impl<T: Serialize> Serialize for ListResponse<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let fields = 4 + usize::from(self.start_index.is_some()) + usize::from(self.next_cursor.is_some());
        let mut out = serializer.serialize_struct("ListResponse", fields)?;
        out.serialize_field("schemas", &[LIST_URN])?;
        out.serialize_field("totalResults", &self.total_results)?;
        out.serialize_field("itemsPerPage", &self.resources.len())?;
        match &self.start_index {
            Some(start) => out.serialize_field("startIndex", start)?,
            None => out.skip_field("startIndex")?,
        }
        match &self.next_cursor {
            Some(cursor) => out.serialize_field("nextCursor", cursor)?,
            None => out.skip_field("nextCursor")?,
        }
        out.serialize_field("Resources", &self.resources)?;
        out.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ScimType;
    use crate::dialect::Dialect;
    use serde_json::json;

    fn page(pairs: &[(&str, &str)]) -> Page {
        ListQuery::from_pairs(pairs.iter().copied()).unwrap().page(100, 200)
    }

    #[test]
    fn p_1_limits_of_a_page() {
        assert_eq!(page(&[]), Page { start_index: 1, count: 100 });
        assert_eq!(page(&[("startIndex", "0"), ("count", "-5")]), Page { start_index: 1, count: 0 });
        assert_eq!(page(&[("STARTINDEX", "7"), ("count", "0")]), Page { start_index: 7, count: 0 });
        assert_eq!(page(&[("count", "99999999999999999999")]), Page { start_index: 1, count: 200 });
        assert_eq!(page(&[("count", ""), ("startIndex", "")]), Page { start_index: 1, count: 100 });
        assert!(ListQuery::from_pairs([("count", "ten")]).is_err());
    }

    #[test]
    fn cu_7_a_count_that_is_no_number_has_its_own_word_beside_a_cursor() {
        let word = |error: ScimError| error.scim_type.map(ScimType::as_str);
        let query = |pairs: &[(&str, &str)]| word(ListQuery::from_pairs(pairs.iter().copied()).unwrap_err());
        let search = |body| word(ListQuery::from_search(body, &mut Mender::new(Dialect::Auto)).unwrap_err());
        let (value, count) = (Some("invalidValue"), Some("invalidCount"));
        for text in ["ten", "1.5", "1e1"] {
            assert_eq!(query(&[("count", text)]), value);
            assert_eq!(query(&[("count", text), ("cursor", "")]), count);
            assert_eq!(query(&[("cursor", "x"), ("count", text)]), count);
            assert_eq!(search(json!({"count": text})), value);
            assert_eq!(search(json!({"count": text, "cursor": ""})), count);
        }
    }

    #[test]
    fn f_9_a_parameter_stands_once_and_lists_go_together() {
        for twice in ["filter", "count", "startIndex", "sortBy", "sortOrder", "cursor"] {
            assert!(ListQuery::from_pairs([(twice, "1"), (&twice.to_uppercase(), "1")]).is_err(), "{twice}");
        }
        let query = ListQuery::from_pairs([("attributes", "a,b"), ("Attributes", "c")]).unwrap();
        assert_eq!(query.attributes.as_deref(), Some(&["a", "b", "c"].map(str::to_owned)[..]));
    }

    #[test]
    fn q_1_search_bodies() {
        let read = |dialect, body| ListQuery::from_search(body, &mut Mender::new(dialect));
        let body = json!({
            "schemas": [SEARCH_URN], "attributes": ["userName", "emails"], "filter": "userName pr",
            "sortBy": "userName", "sortOrder": "descending", "startIndex": 2, "count": 3, "cursor": ""
        });
        let query = read(Dialect::Strict, body).unwrap();
        assert_eq!(query.attributes.as_deref(), Some(&["userName".to_owned(), "emails".to_owned()][..]));
        assert_eq!(query.cursor.as_deref(), Some(""));
        assert_eq!(query.page(10, 10), Page { start_index: 2, count: 3 });
        for bad in [json!([]), json!({"count": "3"}), json!({"filter": 1}), json!({"attributes": {}})] {
            assert!(read(Dialect::Auto, bad).is_err());
        }
        for name in ["attributes", "excludedAttributes"] {
            let text = json!({"schemas": [SEARCH_URN], name: "userName, emails"});
            let error = read(Dialect::Strict, text.clone()).unwrap_err();
            assert_eq!(
                error.detail,
                format!("{name} must be a list of attribute names, as in [\"userName\"].")
            );
            let mut mender = Mender::new(Dialect::Okta);
            let query = ListQuery::from_search(text, &mut mender).unwrap();
            let names = query.attributes.or(query.excluded_attributes);
            assert_eq!(names, Some(vec!["userName".to_owned(), "emails".to_owned()]));
            assert_eq!(mender.notes().len(), 1);
            assert_eq!(
                (mender.notes()[0].quirk, mender.notes()[0].at.as_str()),
                (Quirk::SingleValueForList, name)
            );
        }
        for nameless in [json!({"count": 3}), json!({"schemas": ["urn:x"]}), json!({"schemas": SEARCH_URN})] {
            let error = read(Dialect::Strict, nameless.clone()).unwrap_err();
            assert_eq!(error.scim_type, Some(crate::error::ScimType::InvalidSyntax), "{error}");
            assert!(read(Dialect::Auto, nameless).is_ok());
        }
        for twice in [json!({"count": 1, "COUNT": 2}), json!({"schemas": [SEARCH_URN], "Schemas": []})] {
            let error = read(Dialect::Auto, twice).unwrap_err();
            assert_eq!(error.scim_type, Some(crate::error::ScimType::InvalidSyntax), "{error}");
        }
    }

    #[test]
    fn list_response_on_the_wire() {
        let list = ListResponse {
            total_results: 7,
            start_index: Some(3),
            resources: vec![json!({"id": "1"})],
            next_cursor: None,
        };
        let wire = json!({
            "schemas": [LIST_URN], "totalResults": 7, "itemsPerPage": 1, "startIndex": 3,
            "Resources": [{"id": "1"}]
        });
        assert_eq!(serde_json::to_value(&list).unwrap(), wire);
        let last = ListResponse { start_index: None, next_cursor: Some("abc".into()), ..list };
        let wire = serde_json::to_value(&last).unwrap();
        assert_eq!((wire.get("startIndex"), &wire["nextCursor"]), (None, &json!("abc")));
    }
}
