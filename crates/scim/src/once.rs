//! Names in the objects of a request (RFC 7643 §2.1: case does not matter). Of one that is there twice nobody
//! knows which is meant, so it is refused wherever it stands.

use std::collections::HashSet;

use serde_json::{Map, Value};

use crate::error::ScimError;

/// Refuses a name that stands twice in an object of this value, at whatever depth.
pub(crate) fn names_once(value: &Value) -> Result<(), ScimError> {
    repeated_within(value).map_or(Ok(()), |name| Err(twice(&name)))
}

/// The same for the names of this object alone.
pub(crate) fn own_names_once(map: &Map<String, Value>) -> Result<(), ScimError> {
    repeated(map).map_or(Ok(()), |name| Err(twice(name)))
}

fn twice(name: &str) -> ScimError {
    ScimError::invalid_syntax(format!("{name:.200} stands twice in the body, in different case; keep one."))
}

fn repeated_within(value: &Value) -> Option<String> {
    match value {
        Value::Array(list) => list.iter().find_map(repeated_within),
        Value::Object(map) => repeated(map).map(str::to_owned).or_else(|| {
            map.iter().find_map(|(name, value)| {
                let dot = if name.contains(':') { ':' } else { '.' };
                repeated_within(value).map(|inner| format!("{name}{dot}{inner}"))
            })
        }),
        _ => None,
    }
}

fn repeated(map: &Map<String, Value>) -> Option<&str> {
    let mut names = map.keys();
    if map.len() > 16 {
        let mut seen = HashSet::with_capacity(map.len());
        return names.find(|name| !seen.insert(name.to_ascii_lowercase())).map(String::as_str);
    }
    let stands_before =
        |at: usize, name: &String| map.keys().take(at).any(|seen| seen.eq_ignore_ascii_case(name));
    names.enumerate().find(|(at, name)| stands_before(*at, name)).map(|(_, name)| name.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn sch_2_a_name_that_stands_twice_is_found_at_any_depth() {
        let error = |value: &Value| names_once(value).map_err(|error| error.detail);
        let twice =
            |name: &str| Err(format!("{name} stands twice in the body, in different case; keep one."));
        assert_eq!(error(&json!({"a": [{"b": 1}, {"b": 2}], "c": {"a": 1, "ä": 2, "Ä": 3}})), Ok(()));
        assert_eq!(error(&json!({"userName": 1, "USERNAME": 1})), twice("USERNAME"));
        assert_eq!(error(&json!([{"emails": [{}, {"value": 1, "Value": 2}]}])), twice("emails.Value"));
        assert_eq!(error(&json!({"urn:x:y": {"b": 1, "B": 2}})), twice("urn:x:y:B"));
        let mut long: Map<_, _> = (0..100).map(|n| (format!("n{n}"), json!(n))).collect();
        assert_eq!(own_names_once(&long), Ok(()));
        long.insert("N7".into(), json!({}));
        assert_eq!(error(&long.into()), twice("N7"));
    }
}
