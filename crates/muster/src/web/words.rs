//! What a parser says of a body or a query, in the words of JSON: names of Rust's types and the grammar of
//! the parser's source mean nothing to a client.

use std::error::Error;

use axum::extract::rejection::QueryRejection;
use serde_json::error::Category;

/// What a parser said of a value, taken apart.
#[derive(Debug, PartialEq, Eq)]
pub enum Said<'a> {
    /// A value is of another kind.
    Misfit { wanted: String, found: String },
    /// A part of this name is missing.
    Missing(&'a str),
    /// A part of this name stands twice.
    Twice(&'a str),
    /// A part has a name that is not known, in words.
    Unknown(String),
    /// All else, in words.
    Other(String),
}

/// Takes apart what a parser said. A text of ours, which a type gives as its own error, stays as it is.
pub fn said(text: &str) -> Said<'_> {
    let (what, _) = placed(text);
    if let Some((found, wanted)) = misfit(what) {
        Said::Misfit { wanted: wanted_words(wanted), found: found_words(found) }
    } else if let Some(name) = quoted(what, "missing field ") {
        Said::Missing(name)
    } else if let Some(name) = quoted(what, "duplicate field ") {
        Said::Twice(name)
    } else if let Some(name) = quoted(what, "unknown field ") {
        Said::Unknown(format!("{name:?} is not known here{}", choices(what)))
    } else if let Some(name) = quoted(what, "unknown variant ") {
        Said::Other(format!("{name:?} is no word that is known here{}", choices(what)))
    } else {
        Said::Other(what.to_owned())
    }
}

/// What is wrong with a value, from what its parser said; `part` is what its parts are called (`member`,
/// `parameter`).
pub fn of_value(text: &str, part: &str) -> String {
    let words = match said(text) {
        Said::Misfit { wanted, found } => format!("{wanted} is expected, not {found}"),
        Said::Missing(name) => format!("the {part} {name:?} is missing"),
        Said::Twice(name) => format!("the {part} {name:?} stands twice"),
        Said::Unknown(words) | Said::Other(words) => words,
    };
    words + &placed(text).1
}

/// What is wrong with a text that is to be JSON.
pub fn of_json(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let (what, place) = placed(&text);
    let said = match error.classify() {
        Category::Data => return of_value(&text, "member"),
        Category::Eof => "it ends too early",
        Category::Io | Category::Syntax => match what {
            "trailing comma" => "a comma stands there with nothing after it",
            "trailing characters" => "something follows after its end",
            "key must be a string" => "the name of a member must stand in double quotes",
            "recursion limit exceeded" => "it is nested too deeply",
            "number out of range" => "a number is too large",
            _ if what.starts_with("expected `") => "a comma, colon or closing bracket is missing",
            _ if what.contains("escape")
                || what.contains("control character")
                || what.contains("code point") =>
            {
                "a text holds what JSON does not allow in one"
            }
            _ => "no value can begin so",
        },
    };
    format!("{said}{place}")
}

/// What is wrong with a query string.
pub fn of_query(rejection: &QueryRejection) -> String {
    let source = rejection.source().and_then(Error::source);
    let Some(error) = source.and_then(|source| source.downcast_ref::<InQuery>()) else {
        return "its parameters cannot be read".to_owned();
    };
    let said = of_value(&error.inner().to_string(), "parameter");
    match error.path().to_string().as_str() {
        "." => said,
        parameter => format!("{parameter}: {said}"),
    }
}

/// What axum keeps of an error in a query string.
type InQuery = serde_path_to_error::Error<serde::de::value::Error>;

/// What was said, and where.
fn placed(text: &str) -> (&str, String) {
    let place = text.rsplit_once(" at line ").and_then(|(what, place)| {
        let (line, column) = place.split_once(" column ")?;
        let is_number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        (is_number(line) && is_number(column)).then(|| (what, format!(" at line {line}, column {column}")))
    });
    // The parser of a part of a value knows no place, and says zero.
    match place {
        Some((what, place)) if place == " at line 0, column 0" => (what, String::new()),
        Some(both) => both,
        None => (text, String::new()),
    }
}

fn misfit(text: &str) -> Option<(&str, &str)> {
    let rest = text.strip_prefix("invalid type: ").or_else(|| text.strip_prefix("invalid value: "))?;
    rest.rsplit_once(", expected ")
}

fn quoted<'a>(text: &'a str, before: &str) -> Option<&'a str> {
    text.strip_prefix(before)?.strip_prefix('`')?.split('`').next()
}

/// The names that a parser knows, where it says them.
fn choices(text: &str) -> String {
    let names: Vec<_> = text.split('`').skip(3).step_by(2).collect();
    if names.is_empty() { String::new() } else { format!("; use some of {}", names.join(", ")) }
}

fn wanted_words(wanted: &str) -> String {
    let is_integer = |word: &str| {
        let (sign, bits) = word.split_at_checked(1).unwrap_or_default();
        matches!(sign, "i" | "u") && (bits == "size" || bits.parse::<u8>().is_ok())
    };
    let words = match wanted {
        "a string" | "string" | "a borrowed string" => "a text",
        "a boolean" => "true or false",
        "a map" | "map" => "an object",
        "a sequence" | "sequence" => "a list",
        "f64" | "f32" => "a number",
        "unit" => "null",
        _ if wanted.starts_with("struct ") => "an object",
        _ if wanted.starts_with("a tuple") || wanted.starts_with("tuple ") => "a list",
        "variant identifier" => "a word",
        _ if wanted.starts_with("enum ") => "a word",
        _ if is_integer(wanted) => "a whole number in its range",
        other => other,
    };
    words.to_owned()
}

fn found_words(found: &str) -> String {
    let value = found.split_once('`').map(|(_, value)| value.trim_end_matches('`'));
    match (found.split(' ').next().unwrap_or_default(), value) {
        ("integer" | "floating", Some(number)) => format!("the number {number}"),
        ("boolean", Some(flag)) => flag.to_owned(),
        ("map" | "struct", _) => "an object".to_owned(),
        ("sequence" | "tuple", _) => "a list".to_owned(),
        ("null" | "unit" | "Option", _) => "null".to_owned(),
        ("string" | "character" | "byte", _) => "a text".to_owned(),
        _ => "this".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Deserialize;
    use serde::de::DeserializeOwned;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[allow(dead_code)] // only read
    struct Thing {
        name: String,
        count: Option<u8>,
        on: Option<bool>,
        list: Option<Vec<f64>>,
        inner: Option<Box<Thing>>,
        map: Option<BTreeMap<String, String>>,
        word: Option<Word>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Word {
        One,
        Two,
    }

    fn said<T: DeserializeOwned + std::fmt::Debug>(text: &str) -> String {
        of_json(&serde_json::from_str::<T>(text).unwrap_err())
    }

    #[test]
    fn a_value_that_does_not_fit() {
        for (text, words) in [
            (r#"{"name": {}}"#, "a text is expected, not an object at line 1, column 9"),
            (r#"{"name": 3}"#, "a text is expected, not the number 3 at line 1, column 10"),
            (r#"{"name": null}"#, "a text is expected, not null at line 1, column 13"),
            (r#"{"count": "3"}"#, "a whole number in its range is expected, not a text at line 1, column 13"),
            (
                r#"{"count": 1.5}"#,
                "a whole number in its range is expected, not the number 1.5 at line 1, column 13",
            ),
            (
                r#"{"count": -1}"#,
                "a whole number in its range is expected, not the number -1 at line 1, column 12",
            ),
            (r#"{"on": "a, expected b"}"#, "true or false is expected, not a text at line 1, column 22"),
            (r#"{"list": {}}"#, "a list is expected, not an object at line 1, column 9"),
            (r#"{"list": [true]}"#, "a number is expected, not true at line 1, column 14"),
            (r#"{"inner": "x"}"#, "an object is expected, not a text at line 1, column 13"),
            (r#"{"map": []}"#, "an object is expected, not a list at line 1, column 8"),
            (
                r#"{"word": "three"}"#,
                "\"three\" is no word that is known here; use some of one, two at line 1, column 16",
            ),
            ("{}", "the member \"name\" is missing at line 1, column 2"),
            (r#"{"on": true, "on": true}"#, "the member \"on\" stands twice at line 1, column 17"),
        ] {
            assert_eq!(said::<Thing>(text), words, "{text}");
        }
        let shown = said::<Thing>(r#"{"nam": 1}"#);
        assert!(shown.starts_with("\"nam\" is not known here; use some of name, count"), "{shown}");
        assert_eq!(of_value("a list of 501 entries; send 500", "member"), "a list of 501 entries; send 500");
    }

    #[test]
    fn a_text_that_is_no_json() {
        for (text, words) in [
            ("{", "it ends too early at line 1, column 1"),
            ("nope", "no value can begin so at line 1, column 2"),
            ("[1,]", "a comma stands there with nothing after it at line 1, column 4"),
            ("{} x", "something follows after its end at line 1, column 4"),
            ("{a: 1}", "the name of a member must stand in double quotes at line 1, column 2"),
            (r#"{"a" 1}"#, "a comma, colon or closing bracket is missing at line 1, column 6"),
            ("[1 2]", "a comma, colon or closing bracket is missing at line 1, column 4"),
            ("\"\u{1}\"", "a text holds what JSON does not allow in one at line 1, column 2"),
            (r#""\x""#, "a text holds what JSON does not allow in one at line 1, column 3"),
            ("1e999", "a number is too large at line 1, column 5"),
            (&"[".repeat(200), "it is nested too deeply at line 1, column 128"),
        ] {
            assert_eq!(said::<serde_json::Value>(text), words, "{text}");
        }
    }
}
