//! From a request as it was seen to the row that is stored: redacted, bounded, with a guess at the client and
//! a hint. Pure; runs on the log's own task.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};

use super::client;
use super::hint::{Situation, hint};
use super::model::{BodyNote, Captured, Detail, KEPT_BYTES, Quirk, Row, Sent, Stranger, Who};
use super::redact::{Found, REDACTED, Secrets, is_free_of};
use crate::audit;
use crate::kernel::caller::Caller;
use crate::kernel::problem::{Kind, Problem};
use crate::web::unique;

/// Longest header, id and place that is kept, bytes.
const SHORT: usize = 256;
/// Most places that are listed as blacked out.
const PLACES: usize = 200;
/// Longest path and query that are kept, bytes.
const URL: usize = 4_096;

/// A body as it is stored.
struct Kept {
    text: Option<String>,
    note: BodyNote,
}

/// Makes the row.
pub fn row(seen: &Captured, secrets: &Secrets, id: String) -> Row {
    let mut found = Found::default();
    let asked = request(seen, secrets, &mut found);
    let (path, black) = path(seen.path(), secrets);
    let query = seen.query().map(|query| secrets.query(query, &mut found));
    let (answer, scim_type) =
        response(seen, secrets, &found, asked.note.note.is_some() && asked.text.is_none());
    let detail = Detail {
        redacted_url: black || query.as_ref().is_some_and(|(_, black)| *black),
        query: query.map(|(text, _)| cut(text, URL).0),
        duration_micros: seen.micros,
        hint: advice(seen, scim_type.as_deref()).map(str::to_owned),
        code: seen
            .problem
            .as_ref()
            .and_then(Problem::code_text)
            .map(str::to_owned)
            .filter(|_| seen.status == 401 || seen.status == 503),
        reason: seen.problem.as_ref().and_then(Problem::inside_text).map(|text| shown(text, secrets, &found)),
        scim_type,
        principal: seen.caller.as_ref().map(who),
        credential: credential(seen, secrets),
        headers: headers(seen, secrets),
        quirks: quirks(seen, secrets, &found),
        unknown_members: seen.unknown_members.iter().map(|id| shown(id, secrets, &found)).collect(),
        request: asked.note,
        response: answer.note,
    };
    Row {
        id,
        at: seen.at,
        status: seen.status,
        method: seen.method.as_str().to_owned(),
        client: client::guess(seen.header("user-agent"), seen.query(), bytes(&seen.request)),
        principal_id: detail.principal.as_ref().map(|who| who.identifier.clone()).unwrap_or_default(),
        principal_label: detail.principal.as_ref().map(|who| who.label.clone()).unwrap_or_default(),
        request_id: seen.request_id.clone(),
        resource_id: resource_id(seen, &path),
        path: cut(path, URL).0,
        dry_run: seen.dry_run,
        detail: serde_json::to_string(&detail).unwrap_or_else(|_| "{}".into()),
        request: asked.text,
        response: answer.text,
    }
}

fn bytes(sent: &Sent) -> Option<&[u8]> {
    if let Sent::Whole(bytes) = sent { Some(bytes) } else { None }
}

/// What was taken, or answered to what was taken, is JSON: short and without a word of a secret it needs no
/// reading.
fn as_it_came(seen: &Captured, bytes: &[u8], secrets: &Secrets) -> Option<Kept> {
    if seen.status >= 400 || bytes.len() > KEPT_BYTES {
        return None;
    }
    let text = std::str::from_utf8(bytes).ok().filter(|text| secrets.is_plain(text))?;
    let note = BodyNote { bytes: bytes.len(), ..BodyNote::default() };
    Some(Kept { text: Some(text.to_owned()), note })
}

/// The request's body. One that cannot be read keeps its length only.
fn request(seen: &Captured, secrets: &Secrets, found: &mut Found) -> Kept {
    let bytes = match &seen.request {
        Sent::Nothing => return Kept { text: None, note: BodyNote::default() },
        Sent::Long(length) => return left_out(*length, "too long to be looked into"),
        Sent::Whole(bytes) => bytes,
    };
    if let Some(kept) = as_it_came(seen, bytes, secrets) {
        return kept;
    }
    let length = bytes.len();
    match unique::parse(bytes) {
        Ok(mut value) => {
            secrets.value(&mut value, found);
            let (text, mut truncated) = cut(value.to_string(), KEPT_BYTES);
            let mut note = truncated.then(|| format!("cut after {KEPT_BYTES} bytes"));
            if found.places.len() > PLACES {
                truncated = true;
                note = Some(format!(
                    "blacked out in {} places, of which the first are listed",
                    found.places.len()
                ));
            }
            let redacted =
                found.places.iter().take(PLACES).map(|place| cut(place.clone(), SHORT).0).collect();
            Kept { text: Some(text), note: BodyNote { bytes: length, truncated, note, redacted } }
        }
        Err(error) => {
            let what = if error.is_data() { "a member stands twice" } else { "not JSON" };
            let text = format!("left out: {what}, at line {} column {}", error.line(), error.column());
            left_out(length, &text)
        }
    }
}

fn left_out(bytes: usize, why: &str) -> Kept {
    Kept {
        text: None,
        note: BodyNote { bytes, truncated: true, note: Some(why.into()), ..BodyNote::default() },
    }
}

/// The answer's body and its `scimType`. `blind`: nobody knows what the request held, so no message that may
/// quote it is shown.
fn response(seen: &Captured, secrets: &Secrets, found: &Found, blind: bool) -> (Kept, Option<String>) {
    let bytes = match &seen.response {
        Sent::Nothing => return (Kept { text: None, note: BodyNote::default() }, None),
        Sent::Long(length) => return (left_out(*length, "too long to be looked into"), None),
        Sent::Whole(bytes) => bytes,
    };
    if let Some(kept) = as_it_came(seen, bytes, secrets) {
        return (kept, None);
    }
    let length = bytes.len();
    let Ok(mut value) = serde_json::from_slice::<Value>(bytes) else {
        return (left_out(length, "left out: not JSON"), None);
    };
    let scim_type = value["scimType"].as_str().map(str::to_owned);
    secrets.answer(&mut value, &found.values);
    if blind && value.get("detail").is_some() {
        value["detail"] = Value::from(REDACTED);
    }
    let (text, truncated) = cut(value.to_string(), KEPT_BYTES);
    let note = truncated.then(|| format!("cut after {KEPT_BYTES} bytes"));
    (
        Kept { text: Some(text), note: BodyNote { bytes: length, truncated, note, ..BodyNote::default() } },
        scim_type,
    )
}

/// The path, and whether something of it was blacked out.
fn path(path: &str, secrets: &Secrets) -> (String, bool) {
    let decoded = percent_decode_str(path).decode_utf8_lossy();
    match secrets.text(&decoded) {
        Cow::Borrowed(_) => (path.to_owned(), false),
        Cow::Owned(shown) => (shown, true),
    }
}

/// The SCIM id that the path names, or that the answer gave to what was created.
fn resource_id(seen: &Captured, path: &str) -> Option<String> {
    let (_, tail) = path.split_once(&format!("/{}/", seen.account))?;
    let mut segments = tail.split('/');
    let (endpoint, id) = (segments.next()?, segments.next());
    if matches!(endpoint, "Schemas" | "ResourceTypes" | "ServiceProviderConfig" | "Bulk" | "Me" | ".search") {
        return None;
    }
    let made = || seen.location.as_ref()?.rsplit('/').next();
    let id = id.filter(|id| !id.is_empty() && *id != ".search").or_else(made)?;
    Some(cut(id.to_owned(), SHORT).0)
}

fn who(caller: &Caller) -> Who {
    let principal = &caller.principal;
    Who {
        kind: principal.kind.as_str().into(),
        identifier: principal.id.clone(),
        label: principal.label.clone(),
        name: principal.name.clone(),
    }
}

fn credential(seen: &Captured, secrets: &Secrets) -> Value {
    if let Some(caller) = &seen.caller {
        return audit::model::credential(&caller.credential);
    }
    let Some(stranger) = &seen.stranger else { return Value::Null };
    let short = |text: &Option<String>| {
        text.as_deref().map(|text| secrets.tokens(&cut(text.into(), SHORT).0).into_owned())
    };
    let shown = Stranger {
        credential: stranger.credential.clone(),
        token_id: short(&stranger.token_id),
        issuer: short(&stranger.issuer),
        key_id: short(&stranger.key_id),
    };
    let mut value = serde_json::to_value(shown).unwrap_or_default();
    value["verified"] = Value::from(false);
    value
}

fn headers(seen: &Captured, secrets: &Secrets) -> Map<String, Value> {
    let shown = |text: &str| Value::from(secrets.tokens(&cut(text.to_owned(), SHORT).0).into_owned());
    seen.headers.iter().map(|(name, text)| (name.to_owned(), shown(text))).collect()
}

fn quirks(seen: &Captured, secrets: &Secrets, found: &Found) -> Vec<Quirk> {
    let quirk =
        |(name, at): &(&'static str, String)| Quirk { name: (*name).into(), at: shown(at, secrets, found) };
    seen.mended.iter().map(quirk).collect()
}

/// A text that the client may have made up.
fn shown(text: &str, secrets: &Secrets, found: &Found) -> String {
    if !is_free_of(text, &found.values) {
        return REDACTED.into();
    }
    secrets.text(&cut(text.to_owned(), SHORT).0).into_owned()
}

fn advice(seen: &Captured, scim_type: Option<&str>) -> Option<&'static str> {
    let problem = seen.problem.as_ref();
    let reason = problem.and_then(Problem::inside_text);
    let situation = match problem.map(Problem::kind) {
        Some(Kind::Unauthenticated) if seen.stranger.as_ref().is_some_and(|s| s.credential == "NONE") => {
            Some("no_credential")
        }
        // A reason in words, not a code, is about the account's own settings.
        Some(Kind::Unauthenticated) if reason.is_some_and(|text| text.contains(' ')) => {
            Some("trust_incomplete")
        }
        Some(Kind::NoSuchResource) => Some("no_route"),
        Some(Kind::NotFound | Kind::ResourceNotFound) => Some("no_resource"),
        Some(Kind::Invalid) if problem.is_some_and(|p| p.message().contains("Muster-Dry-Run")) => {
            Some("dry_run")
        }
        _ => None,
    };
    hint(Situation {
        status: seen.status,
        reason,
        code: problem.and_then(Problem::code_text),
        situation,
        scim_type,
    })
}

/// At most so many bytes; whether something is missing.
fn cut(mut text: String, most: usize) -> (String, bool) {
    if text.len() <= most {
        return (text, false);
    }
    let end = (0..=most).rev().find(|&end| text.is_char_boundary(end)).unwrap_or(0);
    text.truncate(end);
    (text, true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cuts_between_characters() {
        assert_eq!(cut("aé".into(), 2), ("a".into(), true));
        assert_eq!(cut("aé".into(), 3), ("aé".into(), false));
    }
}
