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
    for attr in kind.indexed() {
        keys.extend(keys_of(attr, value_of(attr, resource)));
    }
    keys
}

/// From the keys of one normalised resource to those of another one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeyMoves {
    /// What only the former one has, in the schema's order.
    pub gone: Vec<IndexKey>,
    /// What only the latter one has.
    pub come: Vec<IndexKey>,
}

impl KeyMoves {
    /// Makes no keys of attributes that stay as they are, which in most changes are all that have keys.
    pub fn between(kind: &ResourceType, before: &Value, after: &Value) -> Self {
        let mut moves = Self::default();
        for attr in kind.indexed() {
            let (old, new) = (value_of(attr, before), value_of(attr, after));
            if old != new {
                let (old, new) = (keys_of(attr, old), keys_of(attr, new));
                moves.gone.extend(beyond(&old, &new));
                moves.come.extend(beyond(&new, &old));
            }
        }
        moves
    }

    /// Without those of some attributes.
    pub fn retain(&mut self, mut keep: impl FnMut(&IndexKey) -> bool) {
        self.gone.retain(&mut keep);
        self.come.retain(keep);
    }
}

fn value_of<'r>(attr: &AttrRef, resource: &'r Value) -> Option<&'r Value> {
    attr.value_in(resource.as_object()?)
}

/// The keys of an attribute's value, in its order, each once.
fn keys_of(attr: &AttrRef, value: Option<&Value>) -> Vec<IndexKey> {
    match value {
        None => Vec::new(),
        Some(Value::Array(list)) => {
            let mut seen = HashSet::with_capacity(list.len());
            let fresh = |key: &IndexKey| seen.insert(key.clone());
            list.iter().filter_map(|element| key_of(attr, element)).filter(fresh).collect()
        }
        Some(single) => key_of(attr, single).into_iter().collect(),
    }
}

/// What only the former ones have.
fn beyond<'k>(these: &'k [IndexKey], others: &'k [IndexKey]) -> impl Iterator<Item = IndexKey> + 'k {
    let others: HashSet<_> = others.iter().collect();
    these.iter().filter(move |key| !others.contains(key)).cloned()
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

    #[test]
    fn moves_are_what_differs_between_the_keys() {
        let catalogue = Catalogue::standard();
        let user = catalogue.resource_type("User").unwrap();
        let documents = [
            json!({}),
            json!({"userName": "ann", "active": true, "emails": [{"value": "a@x", "type": "work"}]}),
            json!({"userName": "ANN", "active": false, "emails": [{"value": "A@x", "type": "work"}]}),
            json!({"userName": "ann", "emails": [{"value": "a@x"}, {"value": "a@x", "type": "work"}]}),
            json!({"title": "Dr", "name": {"givenName": "Ann", "familyName": "B"}, "emails": []}),
            json!({"title": "Dr", "name": {"givenName": "Bea", "familyName": "B"}}),
        ];
        for (before, after) in documents.iter().flat_map(|one| documents.iter().map(move |two| (one, two))) {
            let (old, new) = (index_keys(user, before), index_keys(user, after));
            let moves = KeyMoves::between(user, before, after);
            assert_eq!(moves.gone, beyond(&old, &new).collect::<Vec<_>>(), "{before} to {after}");
            assert_eq!(moves.come, beyond(&new, &old).collect::<Vec<_>>(), "{before} to {after}");
        }
    }
}
