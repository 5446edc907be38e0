//! Which attributes a response shows (RFC 7644 §3.9): `attributes`, `excludedAttributes` and the `returned`
//! characteristic. It only takes away.

use serde_json::{Map, Value};

use crate::dialect::{Dialect, Mender};
use crate::error::ScimError;
use crate::schema::{AttrRef, Attribute, Resolution, ResourceType, Returned};
use crate::written::{by_body, by_operations};

/// The attributes a client asked for; made once for a request.
#[derive(Debug, Clone, Default)]
pub struct Projection {
    mode: Mode,
    /// What the request wrote of what is returned on request.
    written: Vec<Pick>,
}

#[derive(Debug, Clone, Default)]
enum Mode {
    #[default]
    Default,
    Only(Vec<Pick>),
    Except(Vec<Pick>),
}

/// One name of the list, resolved.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Pick {
    /// URN of the extension; `None` is the core schema.
    extension: Option<String>,
    /// The attribute; `None` is the whole schema.
    attr: Option<String>,
    sub: Option<String>,
}

impl Pick {
    pub(crate) fn of(attr: &AttrRef) -> Self {
        Self {
            extension: attr.extension.as_ref().map(|schema| schema.urn.clone()),
            attr: Some(attr.attr.name.clone()),
            sub: attr.sub.as_ref().map(|sub| sub.name.clone()),
        }
    }
}

/// The names of a list, if there is any.
fn named(list: Option<&[String]>) -> Option<Vec<&String>> {
    let names: Vec<&String> = list?.iter().filter(|name| !name.is_empty()).collect();
    (!names.is_empty()).then_some(names)
}

impl Projection {
    /// Reads the query parameters `attributes` and `excludedAttributes` (comma-separated; names in any case,
    /// with or without URN). Unknown names pick nothing. Errors: 400 `invalidValue` if both are given.
    pub fn parse(
        kind: &ResourceType,
        attributes: Option<&str>,
        excluded: Option<&str>,
    ) -> Result<Self, ScimError> {
        let split = |text: &str| text.split(',').map(|name| name.trim().to_owned()).collect::<Vec<_>>();
        Self::from_lists(kind, attributes.map(split).as_deref(), excluded.map(split).as_deref())
    }

    /// The same from the lists of a `.search` body.
    pub fn from_lists(
        kind: &ResourceType,
        attributes: Option<&[String]>,
        excluded: Option<&[String]>,
    ) -> Result<Self, ScimError> {
        let mode = match (named(attributes), named(excluded)) {
            (Some(_), Some(_)) => {
                return Err(ScimError::invalid_value(
                    "attributes and excludedAttributes exclude each other; send one of them.",
                ));
            }
            (None, None) => Mode::Default,
            (Some(names), None) => Mode::Only(names.iter().filter_map(|name| pick(kind, name)).collect()),
            (None, Some(names)) => Mode::Except(names.iter().filter_map(|name| pick(kind, name)).collect()),
        };
        Ok(Self { mode, written: Vec::new() })
    }

    /// Shows besides what the body of a POST or PUT has of what is returned on request (RFC 7643 §7), unless
    /// the client asked for `attributes` or excluded it.
    pub fn note_body(&mut self, kind: &ResourceType, body: &Value) {
        if kind.hides_stored() {
            self.written = by_body(kind, body).into_iter().collect();
        }
    }

    /// The same for what the operations of a PATCH are about.
    pub fn note_operations(&mut self, kind: &ResourceType, body: &Value) {
        if kind.hides_stored() {
            self.written = by_operations(kind, body).into_iter().collect();
        }
    }

    /// Whether the client asked for nothing in particular.
    pub fn is_default(&self) -> bool {
        matches!(self.mode, Mode::Default)
    }

    /// Whether the response shows a core attribute that is returned by default, such as `members`, whole or
    /// in part: if not, the caller need not load it. The name is in the schema's spelling.
    pub fn wants(&self, attr: &str) -> bool {
        let named =
            |pick: &Pick| pick.extension.is_none() && pick.attr.as_deref().is_none_or(|name| name == attr);
        match &self.mode {
            Mode::Default => true,
            Mode::Only(picks) => picks.iter().any(named),
            Mode::Except(picks) => !picks.iter().any(|pick| named(pick) && pick.sub.is_none()),
        }
    }

    /// Takes away from a normalised resource what the response must not show.
    pub fn apply(&self, kind: &ResourceType, resource: &mut Value) {
        let Some(map) = resource.as_object_mut() else { return };
        if self.is_default() && !kind.hides() && !map.contains_key("password") {
            return;
        }
        map.retain(|key, value| match kind.top().get(key) {
            Some(attr) => self.keep(None, attr, value),
            None => kind.extension(key).is_some_and(|schema| {
                let Some(inner) = value.as_object_mut() else { return false };
                inner.retain(|key, value| {
                    schema.attributes.get(key).is_some_and(|attr| self.keep(Some(&schema.urn), attr, value))
                });
                !inner.is_empty()
            }),
        });
    }

    /// Whether to keep an attribute; trims its sub-attributes.
    fn keep(&self, extension: Option<&str>, attr: &Attribute, value: &mut Value) -> bool {
        if attr.returned == Returned::Never {
            return false;
        }
        let always = attr.returned == Returned::Always;
        let by_default = always || attr.returned == Returned::Default;
        let is_written = |sub: Option<&Attribute>| {
            let is_it = |pick: &Pick| {
                pick.extension.as_deref() == extension
                    && pick.attr.as_deref() == Some(attr.name.as_str())
                    && pick.sub.as_deref() == sub.map(|sub| sub.name.as_str())
            };
            self.written.iter().any(is_it)
        };
        let shows = by_default || is_written(None);
        let fits = |pick: &&Pick| {
            pick.extension.as_deref() == extension
                && pick.attr.as_deref().is_none_or(|name| name == attr.name)
        };
        match &self.mode {
            Mode::Default => {
                shows && trim(attr, value, &|sub| shown_by_default(sub) || is_written(Some(sub)))
            }
            Mode::Only(picks) => {
                let mine: Vec<&Pick> = picks.iter().filter(fits).collect();
                if mine.is_empty() {
                    return always && trim(attr, value, &shown_by_default);
                }
                let whole = mine.iter().any(|pick| pick.sub.is_none() && (pick.attr.is_some() || by_default));
                let named =
                    |sub: &Attribute| mine.iter().any(|pick| pick.sub.as_deref() == Some(sub.name.as_str()));
                trim(attr, value, &|sub| match sub.returned {
                    Returned::Never => false,
                    Returned::Always => true,
                    Returned::Default => whole || named(sub),
                    Returned::Request => named(sub),
                }) && (whole || mine.iter().any(|pick| pick.sub.is_some()))
            }
            Mode::Except(picks) => {
                let mine: Vec<&Pick> = picks.iter().filter(fits).collect();
                if !shows || (!always && mine.iter().any(|pick| pick.sub.is_none())) {
                    return false;
                }
                let excluded =
                    |sub: &Attribute| mine.iter().any(|pick| pick.sub.as_deref() == Some(sub.name.as_str()));
                trim(attr, value, &|sub| match sub.returned {
                    Returned::Always => true,
                    Returned::Default => !excluded(sub),
                    Returned::Request => is_written(Some(sub)) && !excluded(sub),
                    Returned::Never => false,
                })
            }
        }
    }
}

fn shown_by_default(sub: &Attribute) -> bool {
    matches!(sub.returned, Returned::Always | Returned::Default)
}

/// Keeps the sub-attributes that `shows` wants; tells whether something is left.
fn trim(attr: &Attribute, value: &mut Value, shows: &dyn Fn(&Attribute) -> bool) -> bool {
    if attr.sub.iter().all(|sub| shows(sub)) {
        return true;
    }
    let trim_one = |map: &mut Map<String, Value>| {
        map.retain(|key, _| attr.sub.get(key).is_some_and(|sub| shows(sub)));
        !map.is_empty()
    };
    match value {
        Value::Object(map) => trim_one(map),
        Value::Array(list) => {
            list.retain_mut(|element| element.as_object_mut().is_none_or(trim_one));
            !list.is_empty()
        }
        _ => true,
    }
}

fn pick(kind: &ResourceType, name: &str) -> Option<Pick> {
    // A name that picks nothing is not worth a note in the log.
    match kind.resolve(name, &mut Mender::new(Dialect::Tolerant)) {
        Resolution::Attr(attr) => Some(Pick::of(&attr)),
        Resolution::Extension(schema) => {
            Some(Pick { extension: Some(schema.urn.clone()), attr: None, sub: None })
        }
        Resolution::Resource => Some(Pick { extension: None, attr: None, sub: None }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::Catalogue;
    use crate::standard::ENTERPRISE_URN;
    use serde_json::json;

    fn sample() -> Value {
        json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User", ENTERPRISE_URN],
            "id": "1", "userName": "b", "password": "never",
            "name": {"givenName": "B", "familyName": "J"},
            "emails": [{"value": "a", "type": "work"}, {"type": "home"}],
            "meta": {"resourceType": "User"},
            ENTERPRISE_URN: {"department": "d", "manager": {"value": "m", "displayName": "M"}},
        })
    }

    fn keys(attributes: Option<&str>, excluded: Option<&str>) -> (Vec<String>, Value) {
        let catalogue = Catalogue::standard();
        let user = catalogue.resource_type("User").unwrap();
        let mut resource = sample();
        Projection::parse(user, attributes, excluded).unwrap().apply(user, &mut resource);
        (resource.as_object().unwrap().keys().cloned().collect(), resource)
    }

    #[test]
    fn sch_7_password_is_never_shown() {
        for (attributes, excluded) in
            [(None, None), (Some("password"), None), (Some("password,userName"), None), (None, Some("name"))]
        {
            assert!(!keys(attributes, excluded).0.contains(&"password".to_owned()));
        }
        assert_eq!(keys(None, None).0.len(), 7);
    }

    #[test]
    fn r_3_always_survives_and_a_sub_attribute_comes_alone() {
        let (names, resource) = keys(Some("NAME.givenname, emails.VALUE"), None);
        assert_eq!(names, ["schemas", "id", "name", "emails"]);
        assert_eq!(resource["name"], json!({"givenName": "B"}));
        assert_eq!(resource["emails"], json!([{"value": "a"}]));
        let (names, resource) = keys(None, Some("id,schemas,meta,emails,name.familyName"));
        assert_eq!(names, ["schemas", "id", "userName", "name", ENTERPRISE_URN]);
        assert_eq!(resource["name"], json!({"givenName": "B"}));
        assert_eq!(keys(Some("nothing"), None).0, ["schemas", "id"]);
        assert_eq!(keys(Some("name,name.givenName"), None).1["name"].as_object().unwrap().len(), 2);
    }

    #[test]
    fn r_4_full_urns_in_any_case() {
        let manager = format!("{}:Manager.value", ENTERPRISE_URN.to_uppercase());
        let (names, resource) = keys(Some(&manager), None);
        assert_eq!(names, ["schemas", "id", ENTERPRISE_URN]);
        assert_eq!(resource[ENTERPRISE_URN], json!({"manager": {"value": "m"}}));
        assert_eq!(keys(Some(ENTERPRISE_URN), None).1[ENTERPRISE_URN], sample()[ENTERPRISE_URN]);
        assert!(!keys(None, Some(ENTERPRISE_URN)).0.contains(&ENTERPRISE_URN.to_owned()));
        let core = "urn:ietf:params:scim:schemas:core:2.0:User:userName";
        assert_eq!(keys(Some(core), None).0, ["schemas", "id", "userName"]);
    }

    #[test]
    fn r_4_the_urn_of_the_core_schema_means_what_is_of_it() {
        let core = "urn:ietf:params:scim:schemas:core:2.0:User";
        let (names, resource) = keys(Some(core), None);
        assert_eq!(names, ["schemas", "id", "userName", "name", "emails", "meta"]);
        assert_eq!(resource["name"], sample()["name"]);
        assert_eq!(keys(Some(&format!("{core},{ENTERPRISE_URN}")), None).0.len(), 7);
        assert_eq!(keys(None, Some(core)).0, ["schemas", "id", ENTERPRISE_URN]);
        let catalogue = Catalogue::standard();
        let group = catalogue.resource_type("Group").unwrap();
        let asked = "urn:ietf:params:scim:schemas:core:2.0:Group,members.display";
        let projection = Projection::parse(group, Some(asked), None).unwrap();
        assert!(projection.wants("members"));
        let mut shown = json!({"id": "1", "displayName": "g", "members": [{"value": "2", "display": "d"}]});
        let whole = shown.clone();
        projection.apply(group, &mut shown);
        assert_eq!(shown, whole);
    }

    #[test]
    fn r_5_both_together_are_refused() {
        let catalogue = Catalogue::standard();
        let group = catalogue.resource_type("Group").unwrap();
        assert!(Projection::parse(group, Some("members"), Some("members")).is_err());
        let without = Projection::parse(group, Some(""), Some("Members")).unwrap();
        assert!(!without.wants("members") && without.wants("displayName") && !without.is_default());
        assert!(Projection::parse(group, None, Some("members.value")).unwrap().wants("members"));
        assert!(Projection::parse(group, Some("members.value"), None).unwrap().wants("members"));
        assert!(!Projection::parse(group, Some("displayName"), None).unwrap().wants("members"));
        assert!(Projection::default().wants("members"));
    }
}
