//! What is wrong with the members of a body, all of it at once. A parser stops at the first that does not
//! fit: here it is noted, something that fits is put in its place, and the body is read once more.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use serde_path_to_error::{Path, Segment};

use super::by_name::ByName;
use super::words::{self, Said};
use crate::kernel::problem::{MOST_FIELDS, Problem};

/// So many bytes are read again at most: each misfit costs another reading of the body, and whoever sends it
/// need not have any right yet.
const READ_AGAIN: usize = 4 << 20;
/// So often at most. One member may need several: that it is missing, of what kind it is to be, and the same
/// for what is in it.
const READINGS: usize = 8 * MOST_FIELDS;

type Error = serde_path_to_error::Error<serde_json::Error>;

/// The refusal of a JSON body for what its parser stopped at first.
pub(super) fn of_json<T: DeserializeOwned>(bytes: &[u8], first: &Error) -> Problem {
    let read = if first.inner().is_data() { serde_json::from_slice(bytes) } else { Ok(Value::Null) };
    let document = match read {
        Ok(document) if first.inner().is_data() => document,
        Ok(_) => return no_json(first.inner()),
        Err(error) => return no_json(&error),
    };
    let mut misfits = Misfits::of(document, (bytes.len(), false));
    // In what was read once it stands once.
    misfits.note_twice(first);
    misfits.refusal::<T>().unwrap_or_else(|| {
        let words = words::of_json(first.inner());
        Problem::invalid(match first.path().to_string().as_str() {
            "." => format!("The body does not fit: {words}."),
            path => format!("The body does not fit at {path}: {words}."),
        })
    })
}

fn no_json(error: &serde_json::Error) -> Problem {
    Problem::invalid(format!("The body is not JSON: {}.", words::of_json(error)))
}

/// The refusal of a body that is YAML and was read into `document`; `None` where nothing is wrong with that.
pub(super) fn of_yaml<T: DeserializeOwned>(document: Value, length: usize) -> Option<Problem> {
    Misfits::of(document, (length, true)).refusal::<T>()
}

struct Misfits {
    document: Value,
    readings: usize,
    in_yaml: bool,
    found: Vec<(String, String)>,
}

impl Misfits {
    /// `length`: of the body, in bytes.
    fn of(document: Value, (length, in_yaml): (usize, bool)) -> Self {
        let readings = (READ_AGAIN / length.max(1)).clamp(1, READINGS);
        Self { document, readings, in_yaml, found: Vec::new() }
    }

    fn refusal<T: DeserializeOwned>(mut self) -> Option<Problem> {
        for _ in 0..self.readings {
            let Err(error) = serde_path_to_error::deserialize::<_, ByName<T>>(&self.document) else { break };
            if self.mend(&error).is_none() || self.found.len() >= MOST_FIELDS {
                break;
            }
        }
        (!self.found.is_empty()).then(|| Problem::fields(self.found))
    }

    /// Notes what is wrong, and puts it right so that what follows is read. `None`: that cannot be.
    fn mend(&mut self, error: &Error) -> Option<()> {
        let (path, text) = (error.path(), error.inner().to_string());
        match words::said(&text) {
            Said::Missing(name) => {
                self.note(below(path, name), "cannot be empty".to_owned());
                let members = place(&mut self.document, path)?.as_object_mut()?;
                members.insert(name.to_owned(), Value::Null);
                Some(())
            }
            Said::Twice(_) => {
                self.note_twice(error);
                None
            }
            Said::Misfit { wanted, found } => self.fit(path, &wanted, &found),
            Said::Unknown(text) => {
                self.note(named(path), text);
                self.leave_out(path)
            }
            Said::Other(text) => {
                self.note(named(path), text);
                self.put(path, Value::Null)
            }
        }
    }

    fn fit(&mut self, path: &Path, wanted: &str, found: &str) -> Option<()> {
        let at = place(&mut self.document, path)?;
        if self.in_yaml && wanted == "a text" && (at.is_number() || at.is_boolean()) {
            *at = Value::String(at.to_string());
            return Some(());
        }
        let text = match found {
            "null" => format!("cannot be empty; send {wanted}"),
            _ => format!("{wanted} is expected, not {found}"),
        };
        self.note(named(path), text);
        self.put(path, fitting(wanted))
    }

    /// What would be put in place of the whole would only miss all its members.
    fn put(&mut self, path: &Path, value: Value) -> Option<()> {
        path.iter().next()?;
        let at = place(&mut self.document, path).filter(|at| **at != value)?;
        *at = value;
        Some(())
    }

    /// Takes a member out.
    fn leave_out(&mut self, path: &Path) -> Option<()> {
        let segments: Vec<&Segment> = path.iter().collect();
        let (Segment::Map { key }, above) = segments.split_last()? else { return None };
        place(&mut self.document, above.iter().copied())?.as_object_mut()?.remove(key).map(drop)
    }

    fn note_twice(&mut self, error: &Error) {
        if let Said::Twice(name) = words::said(&error.inner().to_string()) {
            self.note(below(error.path(), name), "stands twice; send it once".to_owned());
        }
    }

    /// One text for a member, the last one, and none for what is in a member that is wrong itself.
    fn note(&mut self, field: String, text: String) {
        let is_in = |(outer, _): &(String, String)| {
            field.strip_prefix(outer.as_str()).is_some_and(|rest| rest.starts_with(['.', '[']))
        };
        if self.found.iter().any(is_in) {
            return;
        }
        match self.found.iter_mut().find(|(known, _)| *known == field) {
            Some((_, known)) => *known = text,
            None => self.found.push((field, text)),
        }
    }
}

/// A path as `fieldId` has it; the whole is the `body`.
fn named(path: &Path) -> String {
    match path.to_string() {
        whole if whole == "." => "body".to_owned(),
        path => path,
    }
}

fn below(path: &Path, name: &str) -> String {
    match path.to_string() {
        whole if whole == "." => name.to_owned(),
        path => format!("{path}.{name}"),
    }
}

fn place<'v, 'p>(
    document: &'v mut Value,
    path: impl IntoIterator<Item = &'p Segment>,
) -> Option<&'v mut Value> {
    path.into_iter().try_fold(document, |value, segment| match segment {
        Segment::Seq { index } => value.get_mut(*index),
        Segment::Map { key } => value.get_mut(key.as_str()),
        Segment::Enum { .. } | Segment::Unknown => None,
    })
}

/// Something of the kind that is wanted.
fn fitting(wanted: &str) -> Value {
    match wanted {
        "a text" => Value::String(String::new()),
        "true or false" => Value::Bool(false),
        "an object" => Value::Object(Map::new()),
        "a list" => Value::Array(Vec::new()),
        "a number" | "a whole number in its range" => Value::from(0),
        _ => Value::Null,
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::json;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[allow(dead_code)] // only read
    struct Outer {
        #[serde(alias = "inner_part")]
        inner: Inner,
        list: Vec<Inner>,
        any: Value,
        text: Option<String>,
    }

    #[derive(Debug, Deserialize)]
    #[allow(dead_code)] // only read
    struct Inner {
        name: String,
        count: u8,
        on: Option<bool>,
    }

    fn found(document: Value) -> Vec<String> {
        let problem = of_yaml::<Outer>(document, 1).unwrap();
        problem.broken_fields().iter().map(|(field, text)| format!("{field}: {text}")).collect()
    }

    #[test]
    fn all_of_it_is_told() {
        assert_eq!(
            found(json!({})),
            [
                "inner: cannot be empty; send an object",
                "list: cannot be empty; send a list",
                "any: cannot be empty"
            ]
        );
        assert_eq!(
            found(
                json!({"inner_part": {"name": null, "on": 3}, "list": [{"count": -1}, 7], "any": 1, "text": []})
            ),
            [
                "inner_part.name: cannot be empty; send a text",
                "inner_part.on: true or false is expected, not the number 3",
                "inner_part.count: cannot be empty; send a whole number in its range",
                "list[0].count: a whole number in its range is expected, not the number -1",
                "list[0].name: cannot be empty; send a text",
                "list[1]: an object is expected, not the number 7",
                "text: a text is expected, not a list"
            ]
        );
        assert_eq!(found(json!([])), ["body: an object is expected, not a list"]);
        assert_eq!(found(json!(null)), ["body: cannot be empty; send an object"]);
        let many = json!({"inner": {"name": "a", "count": 1}, "list": vec![json!({}); 1_000], "any": 1});
        assert_eq!(found(many).len(), MOST_FIELDS);
        let large = Misfits::of(
            json!({"any": 1, "list": [], "inner": {"name": 1, "count": "x", "on": 3}, "text": []}),
            (READ_AGAIN / 3, false),
        );
        assert_eq!(large.refusal::<Outer>().unwrap().broken_fields().len(), 3, "one for each reading");
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[allow(dead_code)] // only read
    struct Closed {
        name: String,
        list: Vec<Closed>,
    }

    #[test]
    fn each_member_that_is_not_known_is_told_beside_the_rest() {
        let document = json!({"nmae": 1, "lits": null, "list": [{"name": [], "list": [], "x": {}}]});
        let problem = of_yaml::<Closed>(document, 1).unwrap();
        let mut fields: Vec<_> = problem.broken_fields().iter().map(|(field, _)| field.as_str()).collect();
        fields.sort_unstable();
        assert_eq!(fields, ["list[0].name", "list[0].x", "lits", "name", "nmae"]);
    }

    #[test]
    fn a_scalar_of_yaml_is_a_text() {
        let document = json!({"inner": {"name": 3, "count": "x"}, "list": [], "any": 1});
        assert_eq!(found(document), ["inner.count: a whole number in its range is expected, not a text"]);
    }

    #[test]
    fn what_stands_twice_is_told_beside_the_rest() {
        let text = br#"{"inner": {"count": 1, "count": 2}, "list": 3, "any": 1}"#;
        let mut reader = serde_json::Deserializer::from_slice(text);
        let first = serde_path_to_error::deserialize::<_, ByName<Outer>>(&mut reader).unwrap_err();
        let problem = of_json::<Outer>(text, &first);
        let fields: Vec<_> = problem.broken_fields().iter().map(|(field, _)| field.as_str()).collect();
        assert_eq!(fields, ["inner.count", "inner.name", "list"]);
    }
}
