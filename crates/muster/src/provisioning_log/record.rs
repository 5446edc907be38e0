//! From a request as it was seen to the entry that is stored: redacted, bounded, with a guess at the client
//! and a hint. Pure: the thread that writes it makes it, again with each try.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;
use serde::{Serialize, Serializer};
use serde_json::Value;

use super::client;
use super::hint::{Situation, hint};
use super::letters::is_free_of;
use super::model::{BodyNote, Captured, Detail, Entry, Heads, KEPT_BYTES, Quirk, Sent, Who};
use super::redact::{Found, REDACTED, Secrets};
use crate::audit::model::Proof;
use crate::kernel::caller::Principal;
use crate::kernel::problem::{Kind, Problem};
use crate::kernel::shape::without_tokens;
use crate::kernel::text::json_text;
use crate::web::{traffic, unique};

/// Longest header, id and place that is kept, bytes.
const SHORT: usize = 256;
/// Most places that are listed as blacked out.
const PLACES: usize = 200;
/// What an entry counts against the account's limit besides its texts, bytes.
const ROW_BYTES: usize = 300;
/// Longest path and query that are kept, bytes.
const URL: usize = 4_096;

/// A body as it is stored.
#[derive(Default)]
struct Kept<'e> {
    text: Option<Cow<'e, str>>,
    note: BodyNote,
}

/// By which proof somebody asked.
#[derive(Serialize)]
#[serde(untagged)]
enum Shown<'e> {
    Accepted(Proof<'e>),
    Refused(Refused<'e>),
    Nothing,
}

/// What a refused credential said of itself.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Refused<'e> {
    credential: &'e str,
    #[serde(skip_serializing_if = "Option::is_none")]
    token_id: Option<Cow<'e, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    issuer: Option<Cow<'e, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key_id: Option<Cow<'e, str>>,
    verified: bool,
}

/// Headers without the tokens in them.
struct Headers<'e>(&'e Heads);

impl Serialize for Headers<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // Cut last: a piece of a token does not look like one.
        let short = |text| cut_cow(without_tokens(text), SHORT).0;
        serializer.collect_map(self.0.iter().map(|(name, text)| (name, short(text))))
    }
}

/// Makes the entry.
pub fn entry<'e>(seen: &'e Captured, secrets: &'e Secrets, id: &'e str) -> Entry<'e> {
    let mut found = Found::default();
    let asked = request(seen, secrets, &mut found);
    let (path, black) = path(seen.path(), secrets, &mut found);
    let query = seen.query().map(|query| secrets.query(query, &mut found));
    let (answer, scim_type) =
        response(seen, secrets, &found, asked.note.note.is_some() && asked.text.is_none());
    let principal = seen.caller.as_ref().map(|caller| &*caller.principal);
    let detail = Detail {
        redacted_url: black || query.as_ref().is_some_and(|(_, black)| *black),
        query: query.map(|(text, _)| cut_cow(text.into(), URL).0),
        duration_micros: seen.micros,
        failed_operations: seen.failed_operations,
        hint: advice(seen, scim_type.as_deref()).map(Cow::Borrowed),
        code: seen
            .problem
            .as_ref()
            .and_then(Problem::code_text)
            .map(Cow::Borrowed)
            .filter(|_| seen.status == 401 || seen.status == 503),
        reason: seen.problem.as_ref().and_then(Problem::inside_text).map(|text| shown(text, secrets, &found)),
        scim_type: scim_type.map(Cow::Owned),
        principal: principal.map(who),
        credential: credential(seen),
        headers: Headers(&seen.headers),
        quirks: quirks(seen, secrets, &found),
        unknown_members: seen.unknown_members.iter().map(|id| shown(id, secrets, &found)).collect(),
        request: asked.note,
        response: answer.note,
    };
    let path = cut_cow(path, URL).0;
    let detail = serde_json::to_string(&detail).unwrap_or_else(|_| "{}".into());
    let length = |text: &Option<Cow<'_, str>>| text.as_ref().map_or(0, |text| text.len());
    let size = ROW_BYTES + path.len() + detail.len() + length(&asked.text) + length(&answer.text);
    Entry {
        id,
        at: seen.at,
        status: seen.status,
        method: traffic::name(&seen.method),
        client: client::guess(
            seen.header(client::HEADER),
            seen.header("user-agent"),
            seen.query(),
            bytes(&seen.request),
        ),
        principal_id: principal.map_or("", |who| &who.id),
        principal_label: principal.map_or("", |who| &who.label),
        request_id: &seen.request_id,
        resource_id: if black { None } else { resource_id(seen) },
        dry_run: seen.dry_run,
        size,
        path,
        detail: detail.into(),
        request: asked.text,
        response: answer.text,
    }
}

fn bytes(sent: &Sent) -> Option<&[u8]> {
    if let Sent::Whole(bytes) = sent { Some(bytes) } else { None }
}

/// What was taken, or answered to what was taken, is JSON: short and without a word of a secret it needs no
/// reading.
fn as_it_came<'e>(seen: &Captured, bytes: &'e [u8], secrets: &Secrets) -> Option<Kept<'e>> {
    if seen.status >= 400 || bytes.len() > KEPT_BYTES {
        return None;
    }
    let text = std::str::from_utf8(bytes).ok().filter(|text| secrets.is_plain(text))?;
    let note = BodyNote { bytes: bytes.len(), ..BodyNote::default() };
    Some(Kept { text: Some(text.into()), note })
}

/// The request's body. One that cannot be read keeps its length only.
fn request<'e>(seen: &'e Captured, secrets: &Secrets, found: &mut Found) -> Kept<'e> {
    let bytes = match &seen.request {
        Sent::Nothing => return Kept::default(),
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
            let (text, mut truncated) = cut_cow(json_text(&value).into(), KEPT_BYTES);
            let mut note = truncated.then(|| format!("cut after {KEPT_BYTES} bytes"));
            if found.places.len() > PLACES {
                truncated = true;
                note = Some(format!(
                    "blacked out in {} places, of which the first are listed",
                    found.places.len()
                ));
            }
            let redacted = found.places.iter().take(PLACES).map(|place| cut(place, SHORT).to_owned());
            let redacted = redacted.collect();
            Kept { text: Some(text), note: BodyNote { bytes: length, truncated, note, redacted } }
        }
        Err(error) => {
            let what = if error.is_data() { "a member stands twice" } else { "not JSON" };
            let text = format!("left out: {what}, at line {} column {}", error.line(), error.column());
            left_out(length, &text)
        }
    }
}

fn left_out(bytes: usize, why: &str) -> Kept<'static> {
    Kept {
        text: None,
        note: BodyNote { bytes, truncated: true, note: Some(why.into()), ..BodyNote::default() },
    }
}

/// The answer's body and its `scimType`. `blind`: nobody knows what the request held, so no message that may
/// quote it is shown.
fn response<'e>(
    seen: &'e Captured,
    secrets: &Secrets,
    found: &Found,
    blind: bool,
) -> (Kept<'e>, Option<String>) {
    let bytes = match &seen.response {
        Sent::Nothing => return (Kept::default(), None),
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
    let (text, truncated) = cut_cow(json_text(&value).into(), KEPT_BYTES);
    let note = truncated.then(|| format!("cut after {KEPT_BYTES} bytes"));
    let note = BodyNote { bytes: length, truncated, note, ..BodyNote::default() };
    (Kept { text: Some(text), note }, scim_type)
}

/// The path, and whether something of it was blacked out.
fn path<'e>(path: &'e str, secrets: &Secrets, found: &mut Found) -> (Cow<'e, str>, bool) {
    let decoded = percent_decode_str(path).decode_utf8_lossy();
    let Cow::Owned(shown) = secrets.path(&decoded) else { return (path.into(), false) };
    // The answer may quote it.
    let secret = |part: &&str| matches!(secrets.path(part), Cow::Owned(_));
    found.values.extend(decoded.split('/').filter(secret).map(str::to_owned));
    (shown.into(), true)
}

/// The SCIM id that the path names, or that the answer gave to what was created.
fn resource_id(seen: &Captured) -> Option<&str> {
    // Slashes too many are left out, as where the path is read.
    let mut segments = seen.path().get(seen.below..)?.split('/').filter(|part| !part.is_empty());
    let (endpoint, id) = (segments.next()?, segments.next());
    if matches!(endpoint, "Schemas" | "ResourceTypes" | "ServiceProviderConfig" | "Bulk" | "Me" | ".search") {
        return None;
    }
    let made = || seen.location.as_ref()?.rsplit('/').next();
    let id = id.filter(|id| *id != ".search").or_else(made)?;
    Some(cut(id, SHORT))
}

fn who(principal: &Principal) -> Who<'_> {
    Who {
        kind: principal.kind.as_str().into(),
        identifier: (&principal.id).into(),
        label: (&principal.label).into(),
        name: (&principal.name).into(),
    }
}

fn credential(seen: &Captured) -> Shown<'_> {
    if let Some(caller) = &seen.caller {
        return Shown::Accepted((&*caller.credential).into());
    }
    let Some(stranger) = &seen.stranger else { return Shown::Nothing };
    let short = |text| Option::as_deref(text).map(|text| cut_cow(without_tokens(text), SHORT).0);
    Shown::Refused(Refused {
        credential: &stranger.credential,
        token_id: short(&stranger.token_id),
        issuer: short(&stranger.issuer),
        key_id: short(&stranger.key_id),
        verified: false,
    })
}

fn quirks<'e>(seen: &'e Captured, secrets: &Secrets, found: &Found) -> Vec<Quirk<'e>> {
    let quirk = |(name, at): &'e (&'static str, String)| Quirk {
        name: (*name).into(),
        at: shown(at, secrets, found),
    };
    seen.mended.iter().map(quirk).collect()
}

/// A text that the client may have made up.
fn shown<'t>(text: &'t str, secrets: &Secrets, found: &Found) -> Cow<'t, str> {
    if !is_free_of(text, &found.values) {
        return REDACTED.into();
    }
    cut_cow(secrets.text(text), SHORT).0
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
        None if seen.failed_operations > 0 => Some("operations_failed"),
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

/// At most so many bytes.
fn cut(text: &str, most: usize) -> &str {
    &text[..text.floor_char_boundary(most)]
}

/// At most so many bytes; whether something is missing.
fn cut_cow(text: Cow<'_, str>, most: usize) -> (Cow<'_, str>, bool) {
    match text {
        text if text.len() <= most => (text, false),
        Cow::Borrowed(text) => (cut(text, most).into(), true),
        Cow::Owned(mut text) => {
            text.truncate(cut(&text, most).len());
            (text.into(), true)
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::{HeaderMap, Method};
    use serde_json::json;

    use super::super::model::Stranger;
    use super::*;
    use crate::kernel::caller::Caller;
    use crate::kernel::ids::AccountId;
    use crate::kernel::time::Timestamp;

    fn seen(caller: Option<Caller>, stranger: Option<Stranger>) -> Captured {
        let mut headers = HeaderMap::new();
        headers.insert("user-agent", "Okta SCIM Client".parse().unwrap());
        headers.insert("if-match", "eyJhbGciOiJub25lIn0.e30.sig".parse().unwrap());
        Captured {
            account: AccountId::new("scim"),
            at: Timestamp::from_micros(7),
            micros: 9,
            request_id: "r".into(),
            method: Method::PATCH,
            uri: "/scim/v2/scim/Users/7?attributes=userName".into(),
            below: "/scim/v2/scim".len(),
            headers: Heads::of(&headers),
            status: if caller.is_some() { 200 } else { 401 },
            request: Sent::of(&Bytes::from_static(b"{\"a\":1}")),
            response: Sent::Nothing,
            location: None,
            caller,
            stranger,
            problem: None,
            mended: vec![("bool-as-string", "active".into())],
            unknown_members: vec!["x".into()],
            dry_run: false,
            failed_operations: 0,
        }
    }

    fn read(entry: &Entry<'_>) -> Detail<'static> {
        serde_json::from_str(&entry.detail).unwrap()
    }

    #[test]
    fn what_is_written_is_read() {
        let secrets = Secrets::of(&scim::Catalogue::standard());
        let known = seen(Some(Caller::console(AccountId::new("scim"))), None);
        let made = entry(&known, &secrets, "i");
        assert_eq!(
            (made.resource_id, made.client, &*made.path),
            (Some("7"), "Okta", "/scim/v2/scim/Users/7")
        );
        assert_eq!((made.request.as_deref(), made.response.as_deref()), (Some("{\"a\":1}"), None));
        assert_eq!(made.size, ROW_BYTES + made.path.len() + made.detail.len() + "{\"a\":1}".len());
        let detail = read(&made);
        assert_eq!(detail.credential, json!({"type": "CONSOLE"}));
        assert_eq!(detail.principal.as_ref().map(|who| &*who.identifier), Some("console"));
        assert_eq!(detail.headers["user-agent"], "Okta SCIM Client");
        assert_eq!(detail.headers["if-match"], REDACTED);
        assert_eq!(detail.query.as_deref(), Some("attributes=userName"));
        assert_eq!((detail.duration_micros, detail.request.bytes, detail.response.bytes), (9, 7, 0));
        assert_eq!((&*detail.quirks[0].name, &*detail.unknown_members[0]), ("bool-as-string", "x"));
        assert_eq!(serde_json::to_string(&detail).unwrap(), made.detail);
    }

    #[test]
    fn strangers_are_not_verified() {
        let secrets = Secrets::of(&scim::Catalogue::standard());
        let issuer = Some("https://idp.example".to_owned());
        let shown = Stranger { credential: "JWT".into(), issuer, ..Stranger::default() };
        let unknown = seen(None, Some(shown));
        let detail = read(&entry(&unknown, &secrets, "i"));
        let said = json!({"credential": "JWT", "issuer": "https://idp.example", "verified": false});
        assert_eq!((detail.credential, detail.principal), (said, None));
        assert!(read(&entry(&seen(None, None), &secrets, "i")).credential.is_null());
    }

    #[test]
    fn cuts_between_characters() {
        assert_eq!((cut("aé", 2), cut("aé", 3), cut("", 2)), ("a", "aé", ""));
        for text in [Cow::Borrowed("aé"), Cow::Owned("aé".into())] {
            assert_eq!(cut_cow(text.clone(), 2), ("a".into(), true));
            assert_eq!(cut_cow(text, 3), ("aé".into(), false));
        }
    }
}
