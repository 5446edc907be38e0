//! YAML on the platform API (§1.4): bodies are read in it where `Content-Type` says so, answers are turned
//! into it where `Accept` asks for it. JSON stays what everything is made of; SCIM has no YAML.

use axum::body::{Body, to_bytes};
use axum::response::Response;
use http::{HeaderMap, HeaderValue, header};
use serde::de::DeserializeOwned;
use serde_saphyr::Error;

use super::by_name::ByName;
use super::error::PLATFORM_MEDIA;
use super::{misfits, words};
use crate::kernel::problem::{Problem, Result};

const MEDIA: &str = "application/yaml";
/// RFC 9512 names the first; the others are older habits.
const KNOWN: [&str; 4] = [MEDIA, "application/x-yaml", "text/yaml", "text/x-yaml"];

/// Answers of so many bytes are turned into YAML where they are; larger ones on a thread of their own.
const TURNED_AT_ONCE: usize = 64 << 10;

const TOO_MUCH: &str =
    "it has too many nodes or aliases; send less in one request, and write out what aliases stand for";

/// Whether a media type without parameters is YAML.
pub(super) fn is_yaml(media: &str) -> bool {
    KNOWN.iter().any(|known| media.eq_ignore_ascii_case(known))
}

/// Whether the client wants its answer in YAML: it says so and does not take JSON.
pub(super) fn is_wanted(headers: &HeaderMap) -> bool {
    let values = || headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let takes = |known: &dyn Fn(&str) -> bool| {
        let mut types = values().flat_map(|value| value.split(','));
        types.any(|kind| known(&kind.split(';').next().unwrap_or("").trim().to_ascii_lowercase()))
    };
    takes(&is_yaml) && !takes(&|media| media == PLATFORM_MEDIA)
}

/// Parses one YAML document. Anchors are followed as far as a document made by hand has use for them.
///
/// # Errors
/// `Fields`, and `Invalid` with line and column for what cannot be read as one document.
pub(super) fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T> {
    if bytes.is_empty() {
        let text = "The request has no body: send the YAML document that this route takes.";
        return Err(Problem::invalid(text));
    }
    serde_saphyr::from_slice_with_options(bytes, limits())
        .map(|ByName(value)| value)
        .map_err(|error| refusal::<T>(bytes, &error))
}

fn limits() -> serde_saphyr::Options {
    serde_saphyr::options! {
        budget: serde_saphyr::budget! { max_aliases: 1_000, max_nodes: 100_000 },
        alias_limits: serde_saphyr::alias_limits! { max_total_replayed_events: 10_000 },
    }
}

/// Every member that does not fit, or what the document itself is refused for.
fn refusal<T: DeserializeOwned>(bytes: &[u8], error: &Error) -> Problem {
    let placed = |what: &str, error: &Error| {
        let place = error.location().map(|at| format!(" at line {}, column {}", at.line(), at.column()));
        Problem::invalid(format!("{what}{}: {}.", place.unwrap_or_default(), in_words(error)))
    };
    match serde_saphyr::from_slice_with_options(bytes, limits()) {
        Ok(document) => misfits::of_yaml::<T>(document, bytes.len())
            .unwrap_or_else(|| placed("The YAML body does not fit", error)),
        Err(error) => placed("The body cannot be read as YAML", &error),
    }
}

/// What is wrong in plain words: those of the parser are for whoever programs it.
fn in_words(error: &Error) -> String {
    let error = error.without_snippet();
    let words = match error {
        Error::ExternalMessage { msg, .. } => of_grammar(msg),
        Error::Eof { .. } => "it ends before there is a value; send one document",
        Error::MultipleDocuments { .. } => "a second document begins there; send one",
        Error::DuplicateMappingKey { key: Some(key), .. } => {
            let shown: String = key.chars().take(64).collect();
            return format!("the member {shown:?} stands twice in one object; send it once");
        }
        Error::UnknownAnchor { .. } => "an alias (*) names an anchor (&) that is not there",
        Error::RecursiveReferencesRequireWeakTypes { .. } => "an anchor (&) holds an alias (*) of itself",
        Error::MergeValueNotMapOrSeqOfMaps { .. } => "<< takes an object or a list of objects only",
        Error::InvalidBinaryBase64 { .. } | Error::BinaryNotUtf8 { .. } => "!!binary holds no text in base64",
        Error::NonFiniteFloat { .. } => "a number is not finite; if it is to be a text, put it in quotes",
        Error::InvalidUtf8Input => "it is not UTF-8; encode it so",
        Error::NullIntoString { .. } => "the name of a member is missing or null; put it in quotes",
        Error::Budget { .. } if error.to_string().contains("depth") => "it is nested too deeply",
        Error::Budget { .. }
        | Error::AliasReplayLimitExceeded { .. }
        | Error::AliasExpansionLimitExceeded { .. }
        | Error::AliasReplayStackDepthExceeded { .. } => TOO_MUCH,
        other => match unplaced(other) {
            said if ["alias", "budget"].iter().any(|word| said.contains(word)) => TOO_MUCH,
            said if said.starts_with("invalid ") || said.contains(" tag") => {
                "what stands there does not fit its tag (!!); leave the tag out"
            }
            said => return words::of_value(&said, "member"),
        },
    };
    words.to_owned()
}

/// What breaks the grammar. The place is where the parser noticed it, which may be a line too late.
fn of_grammar(said: &str) -> &'static str {
    match said {
        _ if said.contains("unclosed bracket") => "the bracket that opens there is not closed; close it",
        _ if said.contains("unclosed quote") => "the quote that opens there is not closed; close it",
        _ if said.contains("misplaced bracket") => "a bracket closes there that was not opened; remove it",
        _ if said.contains("mapping values") => {
            "a colon stands where no member can begin; put a text that holds one in quotes, or mend the indentation"
        }
        _ if ["tab ", "tabs "].iter().any(|tab| said.contains(tab)) || said.ends_with("tab") => {
            "a tab stands where only blanks may; replace it with blanks"
        }
        _ if said.contains("anchor") || said.contains("alias") => {
            "* and & begin an alias and an anchor, whose name is missing; put a text that begins so in quotes"
        }
        _ if ["directive", "version", "<document start>"].iter().any(|word| said.contains(word)) => {
            "a line that begins with % or a text before it is not YAML here; send the document alone"
        }
        _ if said.contains("a tag") || said.contains("handle") => {
            "! begins a tag, and this one is none; put a text that begins so in quotes"
        }
        _ if said.contains("unexpected character") => "no text begins with this character; put it in quotes",
        _ if said.contains("simple key") => {
            "a member has no colon with a blank after its name; write one, or mend the indentation"
        }
        _ if said.contains("flow") && said.contains("expected") => {
            "a comma or a closing bracket is missing before this"
        }
        _ if said.contains("block sequence entries") => {
            "- begins an item of a list, which stands on a line of its own; put a text that begins so in quotes"
        }
        _ if ["escape", "hexadecimal", "surrogate"].iter().any(|word| said.contains(word)) => {
            "a text in double quotes has an escape that YAML does not know; write two backslashes for one"
        }
        _ if said.contains("recursion limit") => "it is nested too deeply",
        _ => "this is not YAML; look at the indentation, quotes and brackets of this line and the one before",
    }
}

/// The parser's own text, without the place and without advice on its options.
fn unplaced(error: &Error) -> String {
    let text = error.to_string();
    let what = text.rsplit_once(" at line ").map_or(text.as_str(), |(what, _)| what);
    let advice = [", set ", "; use from_"].iter().find_map(|advice| what.find(advice));
    match &what[..advice.unwrap_or(what.len())] {
        "expected mapping start" => "an object is expected".into(),
        "expected sequence start" => "a list is expected".into(),
        "expected string scalar" => "a text is expected".into(),
        other => other.into(),
    }
}

/// What we wrote ourselves is JSON; were it not, it would go out as it is.
fn in_yaml(json: &[u8]) -> Option<String> {
    let value: serde_json::Value = serde_json::from_slice(json).ok()?;
    serde_saphyr::to_string(&value).ok()
}

/// Turns an answer in JSON into YAML; others stay.
pub(super) async fn turn(response: Response) -> Response {
    if response.headers().get(header::CONTENT_TYPE).is_none_or(|media| media != PLATFORM_MEDIA) {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let Ok(bytes) = to_bytes(body, usize::MAX).await else {
        return Response::from_parts(parts, Body::empty());
    };
    let text = if bytes.len() > TURNED_AT_ONCE {
        // A large page takes a while, and other requests run on this thread, too.
        let json = bytes.clone();
        tokio::task::spawn_blocking(move || in_yaml(&json)).await.ok().flatten()
    } else {
        in_yaml(&bytes)
    };
    let Some(text) = text else {
        return Response::from_parts(parts, Body::from(bytes));
    };
    parts.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA));
    parts.headers.remove(header::CONTENT_LENGTH);
    Response::from_parts(parts, Body::from(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str) -> String {
        parse::<serde_json::Value>(text.as_bytes()).unwrap_err().message().to_owned()
    }

    #[test]
    fn what_is_no_yaml_is_told_in_plain_words() {
        for (text, words) in [
            ("a: [\n", " at line 1, column 4: the bracket that opens there is not closed; close it."),
            ("a: 'x\n", " at line 1, column 4: the quote that opens there is not closed; close it."),
            ("a: }", " at line 1, column 4: a bracket closes there that was not opened; remove it."),
            ("a: b: c\n", " at line 1, column 5: a colon stands where no member can begin; "),
            ("a: \"\\q\"\n", " at line 1, column 4: a text in double quotes has an escape"),
            ("a:\n  - b\n c: d\n", " at line 3, column 2: this is not YAML; look at the indentation, "),
            ("a: @b", " at line 1, column 4: no text begins with this character; put it in quotes."),
            ("a: *\n", " at line 1, column 4: * and & begin an alias and an anchor, whose name is missing; "),
            ("a: !e!x y\n", " at line 1, column 4: ! begins a tag, and this one is none; "),
            ("a:\n\tb: c\n", " at line 2, column 2: a tab stands where only blanks may; "),
            ("%YAML 1.2\n%YAML 1.2\n---\na: x\n", " at line 2, column 1: a line that begins with % "),
            ("a: x\nb:y\n", " at line 2, column 1: a member has no colon with a blank after its name; "),
            ("a: [b c: d\ne: f\n", " at line 2, column 2: a comma or a closing bracket is missing "),
            ("a: - b\n", " at line 1, column 4: - begins an item of a list, "),
            ("a: \"\\xZZ\"\n", " at line 1, column 4: a text in double quotes has an escape"),
            (": a\n", " at line 1, column 1: the name of a member is missing or null; put it in quotes."),
            ("a: {null: b}\n", " at line 1, column 5: the name of a member is missing or null; "),
            (&"- ".repeat(500), " at line 1, column 129: it is nested too deeply."),
            ("a: *x\n", " at line 1, column 4: an alias (*) names an anchor (&) that is not there."),
            ("a: &a [*a]\n", " at line 1, column 8: an anchor (&) holds an alias (*) of itself."),
            (
                "a: 1\nb: 1\na: 2\n",
                " at line 3, column 1: the member \"a\" stands twice in one object; send it once.",
            ),
            ("a: 1\n---\nb: 2\n", " at line 3, column 1: a second document begins there; send one."),
            ("<<: 3\n", " at line 1, column 5: << takes an object or a list of objects only."),
            (
                "a: !!int x\n",
                " at line 1, column 10: what stands there does not fit its tag (!!); leave the tag out.",
            ),
            ("a: .inf\n", " at line 1, column 4: a number is not finite; "),
            ("? [a]\n: b\n", " at line 1, column 3: a text is expected."),
            (&"[".repeat(1_000), " at line 1, column 256: it is nested too deeply."),
        ] {
            let (text, message) = (&text[..text.len().min(30)], said(text));
            assert!(
                message.starts_with(&format!("The body cannot be read as YAML{words}")),
                "{text}: {message}"
            );
        }
    }
}
