//! From an entry back to the request it tells of, as far as it was kept. Pure.

use serde_json::Value;

use super::model::{Detail, Row};
use crate::kernel::problem::{Problem, Result};
use crate::web::traffic;

/// A request to be sent again.
#[derive(Clone, Debug, PartialEq)]
pub struct Again {
    /// HTTP method.
    pub method: String,
    /// Path with query.
    pub target: String,
    /// Headers, none of them a credential.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Option<String>,
    /// JSON pointers of what was blacked out and is therefore missing.
    pub left_out: Vec<String>,
}

/// The request of an entry.
///
/// # Errors
/// `Invalid` for one that was not kept whole.
pub fn again(row: &Row, detail: &Detail<'_>) -> Result<Again> {
    if detail.redacted_url {
        return Err(refused("its URL held a secret, which was not kept"));
    }
    if detail.request.truncated {
        let why = detail.request.note.as_deref().unwrap_or("cut");
        return Err(refused(&format!("its body was not kept whole ({why})")));
    }
    if row.method == traffic::OTHER {
        return Err(refused("its method was not kept"));
    }
    if row.request.is_none() && matches!(row.method.as_str(), "POST" | "PUT" | "PATCH") {
        return Err(refused("its body was never read"));
    }
    let (body, left_out) = match &row.request {
        None => (None, Vec::new()),
        Some(text) => {
            let (body, left_out) = without(text, &detail.request.redacted)?;
            (Some(body), left_out)
        }
    };
    let query = detail.query.as_deref().filter(|query| !query.is_empty());
    let target = query.map_or_else(|| row.path.clone(), |query| format!("{}?{query}", row.path));
    let texts =
        detail.headers.iter().filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())));
    Ok(Again { method: row.method.clone(), target, headers: texts.collect(), body, left_out })
}

fn refused(why: &str) -> Problem {
    Problem::invalid(format!(
        "The request cannot be replayed: {why}. Send it again from its client with the header Muster-Dry-Run: true."
    ))
}

/// The body without what was blacked out.
fn without(text: &str, places: &[String]) -> Result<(String, Vec<String>)> {
    if places.is_empty() {
        return Ok((text.to_owned(), Vec::new()));
    }
    let mut body: Value = serde_json::from_str(text)
        .map_err(|error| Problem::internal(format!("a stored body is damaged: {error}")))?;
    let mut left_out = Vec::new();
    let whole = |place: &String| operation_of(place, &body).unwrap_or_else(|| place.clone());
    let mut gone: Vec<String> = places.iter().map(whole).collect();
    gone.dedup();
    // From the end, so that places in lists stay true.
    for place in gone.iter().rev() {
        let goes_along = gone.iter().any(|other| is_below(place, other));
        if !goes_along && remove(&mut body, place) {
            left_out.push(place.clone());
        }
    }
    if body["Operations"].as_array().is_some_and(Vec::is_empty) {
        return Err(refused("all of its operations held a secret, which was not kept"));
    }
    left_out.reverse();
    Ok((body.to_string(), left_out))
}

fn is_below(place: &str, other: &str) -> bool {
    place.strip_prefix(other).is_some_and(|rest| rest.starts_with('/'))
}

/// An operation of a PATCH whose value or path is missing is no operation any more.
fn operation_of(place: &str, body: &Value) -> Option<String> {
    let rest = place.strip_prefix("/Operations/")?;
    let (number, tail) = rest.split_once('/')?;
    let is_patch = body.pointer(&format!("/Operations/{number}/op")).is_some();
    (is_patch && !tail.contains('/')).then(|| format!("/Operations/{number}"))
}

fn remove(body: &mut Value, place: &str) -> bool {
    let Some((parent, last)) = place.rsplit_once('/') else { return false };
    let last = last.replace("~1", "/").replace("~0", "~");
    match body.pointer_mut(parent) {
        Some(Value::Object(members)) => members.shift_remove(&last).is_some(),
        Some(Value::Array(items)) => match last.parse::<usize>() {
            Ok(at) if at < items.len() => {
                items.remove(at);
                true
            }
            _ => false,
        },
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn left(body: Value, places: &[&str]) -> Result<(Value, Vec<String>)> {
        let places: Vec<String> = places.iter().map(|p| (*p).to_owned()).collect();
        let (text, left_out) = without(&body.to_string(), &places)?;
        Ok((serde_json::from_str(&text).unwrap(), left_out))
    }

    #[test]
    fn what_was_blacked_out_is_left_out() {
        let body = json!({"userName": "a", "password": "[redacted]", "list": [1, "[redacted]", 3]});
        let (rest, out) = left(body, &["/password", "/list/1"]).unwrap();
        assert_eq!(
            (rest, out),
            (json!({"userName": "a", "list": [1, 3]}), vec!["/password".into(), "/list/1".into()])
        );
        let operation = |path: &str, value: Value| json!({"op": "replace", "path": path, "value": value});
        let body = json!({"Operations": [
            operation("password", json!("[redacted]")), operation("active", json!(true)), {"op": "add", "value": {"password": "[redacted]", "title": "t"}}
        ]});
        let (rest, out) = left(body, &["/Operations/0/value", "/Operations/2/value/password"]).unwrap();
        assert_eq!(
            rest,
            json!({"Operations": [operation("active", json!(true)), {"op": "add", "value": {"title": "t"}}]})
        );
        assert_eq!(out, ["/Operations/0", "/Operations/2/value/password"]);
    }

    #[test]
    fn an_operation_that_lost_several_parts_takes_no_other_one_along() {
        let lost =
            json!({"op": "add", "more": {"a": "[redacted]"}, "path": "[redacted]", "value": "[redacted]"});
        let next = json!({"op": "add", "path": "more", "more": {"a": 1}, "value": "t"});
        let places = ["/Operations/0/more/a", "/Operations/0/path", "/Operations/0/value"];
        let (rest, out) = left(json!({"Operations": [lost, next]}), &places).unwrap();
        assert_eq!((rest, out), (json!({"Operations": [next]}), vec!["/Operations/0".into()]));
    }

    #[test]
    fn nothing_left_is_no_request() {
        let body = json!({"Operations": [{"op": "replace", "path": "password", "value": "[redacted]"}]});
        assert!(left(body, &["/Operations/0/value"]).is_err());
    }
}
