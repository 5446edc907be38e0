//! What differs between the answer that was logged and the one a replay gave. Pure.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

/// Most differences that are listed.
const MOST: usize = 100;
/// What differs between any two answers and says nothing: times, versions, the request id in a message, and
/// for what is created its new id.
const PASSING: [&str; 4] = ["/meta/created", "/meta/lastModified", "/meta/version", "/detail"];
const OF_CREATION: [&str; 2] = ["/id", "/meta/location"];
/// The same of the operations of a bulk request, whose locations hold new ids.
const PASSING_IN_BULK: [&str; 3] = ["location", "version", "response/detail"];

/// One difference.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Difference {
    /// `status`, or `body` with a JSON pointer: `body/active`.
    pub at: String,
    /// What was logged; null where there was nothing.
    pub logged: Value,
    /// What is answered now; null where there is nothing.
    pub now: Value,
}

/// An answer.
#[derive(Clone, Copy, Debug)]
pub struct Answer<'a> {
    /// Its status.
    pub status: u16,
    /// Its body; `None` where there is none, or where it was not kept.
    pub body: Option<&'a Value>,
}

/// The differences, in the order of the logged body.
pub fn differences(logged: Answer<'_>, now: Answer<'_>) -> Vec<Difference> {
    let mut found = Vec::new();
    if logged.status != now.status {
        let (logged, now) = (Value::from(logged.status), Value::from(now.status));
        found.push(Difference { at: "status".into(), logged, now });
    }
    if let Some(before) = logged.body {
        let created = logged.status == 201 && now.status == 201;
        let null = Value::Null;
        walk(before, now.body.unwrap_or(&null), &mut String::new(), created, &mut found);
    }
    found.truncate(MOST);
    found
}

fn walk(logged: &Value, now: &Value, at: &mut String, created: bool, found: &mut Vec<Difference>) {
    if logged == now || passes(at, created) {
        return;
    }
    match (logged, now) {
        (Value::Object(a), Value::Object(b)) => {
            let keys = a.keys().chain(b.keys().filter(|key| !a.contains_key(*key)));
            for key in keys {
                let (a, b) = (a.get(key).unwrap_or(&Value::Null), b.get(key).unwrap_or(&Value::Null));
                below(key, (a, b), at, created, found);
            }
        }
        (Value::Array(a), Value::Array(b)) => {
            for place in 0..a.len().max(b.len()) {
                let (a, b) = (a.get(place).unwrap_or(&Value::Null), b.get(place).unwrap_or(&Value::Null));
                below(&place.to_string(), (a, b), at, created, found);
            }
        }
        _ => found.push(Difference { at: format!("body{at}"), logged: logged.clone(), now: now.clone() }),
    }
}

fn passes(at: &str, created: bool) -> bool {
    let in_bulk = at.strip_prefix("/Operations/").and_then(|rest| rest.split_once('/'));
    PASSING.contains(&at)
        || created && OF_CREATION.contains(&at)
        || in_bulk.is_some_and(|(_, rest)| PASSING_IN_BULK.contains(&rest))
}

fn below(
    key: &str,
    (logged, now): (&Value, &Value),
    at: &mut String,
    created: bool,
    found: &mut Vec<Difference>,
) {
    let mark = at.len();
    at.push('/');
    at.push_str(&key.replace('~', "~0").replace('/', "~1"));
    if found.len() <= MOST {
        walk(logged, now, at, created, found);
    }
    at.truncate(mark);
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn at(logged: (u16, &Value), now: (u16, &Value)) -> Vec<String> {
        let answer = |(status, body)| Answer { status, body: Some(body) };
        differences(answer(logged), answer(now)).into_iter().map(|d| d.at).collect()
    }

    #[test]
    fn what_differs_and_what_only_passes() {
        let logged = json!({"id": "1", "active": true, "emails": [{"value": "a"}], "meta": {"version": "1", "resourceType": "User"}});
        let now = json!({"id": "1", "active": false, "emails": [{"value": "a"}, {"value": "b"}], "title": "x",
            "meta": {"version": "2", "resourceType": "User"}});
        assert_eq!(at((200, &logged), (200, &now)), ["body/active", "body/emails/1", "body/title"]);
        assert_eq!(at((200, &logged), (404, &logged)), ["status"]);
        let other = json!({"id": "2", "active": true, "emails": [{"value": "a"}], "meta": {"version": "1", "resourceType": "User"}});
        assert_eq!(at((201, &logged), (201, &other)), Vec::<String>::new());
        assert_eq!(at((200, &logged), (200, &other)), ["body/id"]);
    }

    #[test]
    fn what_only_passes_in_bulk() {
        let of = |id: &str, status: &str, detail: &str| {
            json!({"Operations": [{"method": "POST", "location": id, "version": id, "status": status,
                "response": {"status": status, "detail": detail}}]})
        };
        let logged = of("1", "409", "a");
        assert_eq!(at((200, &logged), (200, &of("2", "409", "b"))), Vec::<String>::new());
        let found = at((200, &logged), (200, &of("2", "400", "b")));
        assert_eq!(found, ["body/Operations/0/status", "body/Operations/0/response/status"]);
    }

    #[test]
    fn what_was_not_kept_is_not_compared_and_the_list_is_bounded() {
        let (none, some) = (Answer { status: 200, body: None }, json!((0..500).collect::<Vec<_>>()));
        assert_eq!(differences(none, Answer { status: 200, body: Some(&some) }), []);
        let many = differences(
            Answer { status: 200, body: Some(&some) },
            Answer { status: 200, body: Some(&json!([])) },
        );
        assert_eq!(many.len(), MOST);
    }
}
