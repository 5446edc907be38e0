//! Keys for equality lookups: one for each value of an attribute the schema marks as indexed, folded as the
//! evaluator folds. It says nothing about where the keys are kept.

use std::collections::HashSet;
use std::sync::Arc;

use serde_json::Value;

use crate::name::fold;
use crate::same::text_key;
use crate::schema::{AttrRef, ResourceType};

/// A key of a resource. A filter `attr eq "x"` looks for (`attr`, key of x), whatever the qualifier;
/// `emails[type eq "work"].value eq "x"` looks for (`emails.value`, `work`, key of x).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct IndexKey {
    /// Storage path of the attribute ([`AttrRef::path`]), such as `emails.value`.
    pub attr: Arc<str>,
    /// The folded `type` of the element, if it has one.
    pub qualifier: Option<String>,
    /// The value: folded, or as it is for a case-exact attribute. At most [`crate::value::MAX_KEY_BYTES`]
    /// bytes before folding.
    pub key: String,
}

/// The keys of a normalised resource, in the schema's order, each once.
pub fn index_keys(kind: &ResourceType, resource: &Value) -> Vec<IndexKey> {
    let mut keys = Vec::with_capacity(8);
    let Some(resource) = resource.as_object() else { return keys };
    for attr in kind.indexed() {
        match attr.value_in(resource) {
            None => {}
            Some(Value::Array(list)) => {
                let mut seen = HashSet::with_capacity(list.len());
                let fresh = |key: &IndexKey| seen.insert(key.clone());
                keys.extend(list.iter().filter_map(|element| key_of(attr, element)).filter(fresh));
            }
            Some(single) => keys.extend(key_of(attr, single)),
        }
    }
    keys
}

fn key_of(attr: &AttrRef, element: &Value) -> Option<IndexKey> {
    let value = attr.sub.as_ref().map_or(Some(element), |sub| element.get(&sub.name));
    let text = value.and_then(Value::as_str)?;
    let qualifier = element.get("type").and_then(Value::as_str).map(|kind| fold(kind).into_owned());
    let key = text_key(attr.leaf(), text).into_owned();
    Some(IndexKey { attr: attr.path.clone(), qualifier, key })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::Catalogue;
    use serde_json::json;

    #[test]
    fn keys_are_folded_and_qualified() {
        let catalogue = Catalogue::standard();
        let user = catalogue.resource_type("User").unwrap();
        let resource = json!({
            "userName": "BJensen", "externalId": "Ab1",
            "name": {"familyName": "Jensen"},
            "emails": [{"value": "B@x", "type": "Work"}, {"value": "c@x"}, {"value": "b@X", "type": "work"}],
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":
                {"department": "R&D", "manager": {"value": "M1"}, "costCenter": "7"}
        });
        let keys: Vec<String> = index_keys(user, &resource)
            .iter()
            .map(|key| format!("{} {} {}", key.attr, key.qualifier.as_deref().unwrap_or("-"), key.key))
            .collect();
        assert_eq!(
            keys,
            [
                "externalId - Ab1",
                "userName - bjensen",
                "name.familyName - jensen",
                "emails.value work b@x",
                "emails.value - c@x",
                "enterprise:department - r&d",
                "enterprise:manager.value - M1",
            ]
        );
    }
}
