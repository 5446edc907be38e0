//! A request as it was seen, an entry as it is stored, and which entries somebody wants. Pure.

use std::borrow::Cow;

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE, HOST, IF_MATCH, IF_NONE_MATCH, USER_AGENT};
use http::{HeaderMap, HeaderName, Method};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::client;
use crate::kernel::caller::Caller;
use crate::kernel::ids::AccountId;
use crate::kernel::problem::Problem;
use crate::kernel::time::Timestamp;

/// Most bytes that an entry keeps of a body.
pub const KEPT_BYTES: usize = 16 << 10;
/// Bodies over this are not looked into: of them the length is kept.
pub const READ_BYTES: usize = 256 << 10;

/// A body on its way into the log.
#[derive(Clone, Debug, Default)]
pub enum Sent {
    /// None, or it was not read.
    #[default]
    Nothing,
    /// The bytes, shared with the request.
    Whole(Bytes),
    /// Too long; how long.
    Long(usize),
}

impl Sent {
    /// Keeps the bytes unless they are too many.
    pub fn of(bytes: &Bytes) -> Self {
        match bytes.len() {
            0 => Self::Nothing,
            length if length > READ_BYTES => Self::Long(length),
            _ => Self::Whole(bytes.clone()),
        }
    }

    /// Bytes that it keeps in memory.
    pub fn weight(&self) -> usize {
        if let Self::Whole(bytes) = self { bytes.len() } else { 0 }
    }
}

/// One request with its answer, as the surface saw it. Nothing in it is redacted yet: it never leaves the
/// process so.
#[derive(Clone, Debug)]
pub struct Captured {
    /// The account of the path.
    pub account: AccountId,
    /// When the request came.
    pub at: Timestamp,
    /// From then to the answer, microseconds.
    pub micros: u64,
    /// Id of the request.
    pub request_id: String,
    /// HTTP method.
    pub method: Method,
    /// The whole path with its query. A copy, as all that comes from the head of a request: a slice would
    /// keep the connection's buffer while the entry waits.
    pub uri: String,
    /// Where in it the path goes on behind the account.
    pub below: usize,
    /// Those of `HEADERS` that were sent.
    pub headers: Heads,
    /// Status of the answer, or `GONE`.
    pub status: u16,
    /// The request's body.
    pub request: Sent,
    /// The answer's body.
    pub response: Sent,
    /// Where the answer says that the new resource is.
    pub location: Option<String>,
    /// Who asked.
    pub caller: Option<Caller>,
    /// What is known of a credential that was refused.
    pub stranger: Option<Stranger>,
    /// What went wrong.
    pub problem: Option<Problem>,
    /// Quirks of the client that were mended, and where.
    pub mended: Vec<(&'static str, String)>,
    /// Members that do not exist.
    pub unknown_members: Vec<String>,
    /// Was it a dry run?
    pub dry_run: bool,
    /// Operations of a bulk request that failed.
    pub failed_operations: usize,
}

/// Headers of a request that an entry keeps: what changes an answer, and what tells the client. No credential
/// is among them.
pub static HEADERS: [HeaderName; 9] = [
    ACCEPT,
    CONTENT_TYPE,
    HOST,
    IF_MATCH,
    IF_NONE_MATCH,
    HeaderName::from_static(client::HEADER),
    HeaderName::from_static("prefer"),
    USER_AGENT,
    HeaderName::from_static("x-forwarded-proto"),
];

/// Those of `HEADERS` that were sent with a text, one behind the other.
#[derive(Clone, Debug, Default)]
pub struct Heads {
    texts: String,
    /// Where the text of each ends.
    ends: [usize; HEADERS.len()],
}

impl Heads {
    /// Of a request.
    pub fn of(headers: &HeaderMap) -> Self {
        let mut heads = Self { texts: String::with_capacity(160), ..Self::default() };
        for (name, end) in HEADERS.iter().zip(&mut heads.ends) {
            heads.texts += headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
            *end = heads.texts.len();
        }
        heads
    }

    /// Name and value of each.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let mut begin = 0;
        let texts = self.ends.iter().map(move |&end| &self.texts[std::mem::replace(&mut begin, end)..end]);
        HEADERS.iter().map(HeaderName::as_str).zip(texts).filter(|(_, text)| !text.is_empty())
    }
}

/// Whether it is a read that succeeded: the first to be left out where there are too many. Asked before the
/// entry is made.
pub fn is_plain_read(method: &Method, path: &str, status: u16) -> bool {
    let reads =
        matches!(*method, Method::GET | Method::HEAD) || path.trim_end_matches('/').ends_with("/.search");
    reads && status < 400
}

impl Captured {
    /// Bytes that it keeps in memory, roughly.
    pub fn weight(&self) -> usize {
        1_024 + self.request.weight() + self.response.weight()
    }

    /// The path.
    pub fn path(&self) -> &str {
        self.uri.split_once('?').map_or(&self.uri, |(path, _)| path)
    }

    /// The query.
    pub fn query(&self) -> Option<&str> {
        self.uri.split_once('?').map(|(_, query)| query)
    }

    /// One of the headers.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| *known == name).map(|(_, value)| value)
    }
}

/// What a refused credential says of itself; nothing of it is verified.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stranger {
    /// `NONE`, `PAT`, `SAT`, `OAT`, `JWT` or `UNKNOWN`.
    pub credential: String,
    /// Record of a PAT or SAT of this account.
    pub token_id: Option<String>,
    /// Issuer that a JWT names.
    pub issuer: Option<String>,
    /// Key that a JWT names.
    pub key_id: Option<String>,
}

/// Who asked, as an entry shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "LoggedPrincipal")]
pub struct Who<'e> {
    /// `USER` or `SERVICE_ACCOUNT`.
    #[serde(rename = "type")]
    pub kind: Cow<'e, str>,
    /// User id, or identifier of the service account.
    pub identifier: Cow<'e, str>,
    /// E-mail address, or identifier.
    pub label: Cow<'e, str>,
    /// Display name.
    pub name: Cow<'e, str>,
}

/// A body as an entry shows it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct BodyNote {
    /// How long it was.
    pub bytes: usize,
    /// Is something of it missing?
    pub truncated: bool,
    /// Why it is not there, or not whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// JSON pointers of what was blacked out.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub redacted: Vec<String>,
}

/// A mended quirk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Quirk<'e> {
    /// Its stable name (docs/scim.md).
    pub name: Cow<'e, str>,
    /// Where.
    pub at: Cow<'e, str>,
}

/// What of an entry nobody searches by in SQL: one JSON text in its row. Who writes it has the proof `P`
/// and the headers `H` as they are known; who reads it has them as JSON.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Detail<'e, P = Value, H = Map<String, Value>> {
    /// The query, redacted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub query: Option<Cow<'e, str>>,
    /// Was something of the path or the query blacked out?
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub redacted_url: bool,
    /// From the request to its answer, microseconds.
    pub duration_micros: u64,
    /// `scimType` of the answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scim_type: Option<Cow<'e, str>>,
    /// Public code of a refused token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<Cow<'e, str>>,
    /// Why a credential was refused, for administrators.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Cow<'e, str>>,
    /// Who asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub principal: Option<Who<'e>>,
    /// By which proof; a refused one is not verified.
    pub credential: P,
    /// Headers of the request.
    pub headers: H,
    /// Quirks that were mended.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub quirks: Vec<Quirk<'e>>,
    /// Members that do not exist.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unknown_members: Vec<Cow<'e, str>>,
    /// Operations of a bulk request that failed.
    #[serde(skip_serializing_if = "is_zero")]
    pub failed_operations: usize,
    /// What to change.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<Cow<'e, str>>,
    /// The request's body.
    pub request: BodyNote,
    /// The answer's body.
    pub response: BodyNote,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks by reference")]
fn is_zero(count: &usize) -> bool {
    *count == 0
}

/// A row of the log. Without the bodies where nobody asked for them.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Ordered by time.
    pub id: String,
    /// When the request came.
    pub at: Timestamp,
    /// Status of the answer.
    pub status: u16,
    /// HTTP method, `other` for one that means nothing here.
    pub method: String,
    /// The path, redacted.
    pub path: String,
    /// Which client it seems to be.
    pub client: String,
    /// Id of who asked; empty where that is not known.
    pub principal_id: String,
    /// E-mail address or identifier of who asked.
    pub principal_label: String,
    /// Id of the request.
    pub request_id: String,
    /// SCIM id of the resource that the request was about.
    pub resource_id: Option<String>,
    /// Was it a dry run?
    pub dry_run: bool,
    /// The rest, JSON of `Detail`.
    pub detail: String,
    /// The request's body, redacted.
    pub request: Option<String>,
    /// The answer's body, redacted.
    pub response: Option<String>,
}

impl Row {
    /// Nothing is known but its id, and by that its time.
    pub fn unknown(id: &str) -> Self {
        Self {
            id: id.into(),
            at: time_of(id).unwrap_or(Timestamp::from_micros(0)),
            status: 0,
            method: String::new(),
            path: String::new(),
            client: String::new(),
            principal_id: String::new(),
            principal_label: String::new(),
            request_id: String::new(),
            resource_id: None,
            dry_run: false,
            detail: "{}".into(),
            request: None,
            response: None,
        }
    }
}

/// An entry on its way into a block or out of one. It borrows, from the request or from the block.
#[derive(Clone, Debug)]
pub struct Entry<'e> {
    /// As all the following: see `Row`.
    pub id: &'e str,
    pub at: Timestamp,
    pub status: u16,
    pub method: &'e str,
    pub path: Cow<'e, str>,
    pub client: &'e str,
    pub principal_id: &'e str,
    pub principal_label: &'e str,
    pub request_id: &'e str,
    pub resource_id: Option<&'e str>,
    pub dry_run: bool,
    pub detail: Cow<'e, str>,
    pub request: Option<Cow<'e, str>>,
    pub response: Option<Cow<'e, str>>,
    /// Bytes that count against the account's limit.
    pub size: usize,
}

impl Entry<'_> {
    /// A copy, with its bodies or without.
    pub fn row(&self, bodies: bool) -> Row {
        let body = |text: &Option<Cow<'_, str>>| text.as_deref().filter(|_| bodies).map(str::to_owned);
        Row {
            id: self.id.into(),
            at: self.at,
            status: self.status,
            method: self.method.into(),
            path: self.path.as_ref().into(),
            client: self.client.into(),
            principal_id: self.principal_id.into(),
            principal_label: self.principal_label.into(),
            request_id: self.request_id.into(),
            resource_id: self.resource_id.map(Into::into),
            dry_run: self.dry_run,
            detail: self.detail.as_ref().into(),
            request: body(&self.request),
            response: body(&self.response),
        }
    }
}

/// Which entries; `None` means any.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Not below.
    pub min_status: Option<u16>,
    /// Not above.
    pub max_status: Option<u16>,
    /// Failures only: from 400 on, and bulk requests of which an operation failed.
    pub failures_only: bool,
    /// HTTP method, upper case.
    pub method: Option<String>,
    /// Client as guessed, any case.
    pub client: Option<String>,
    /// Id, e-mail address or identifier of who asked.
    pub principal: Option<String>,
    /// Id of the request.
    pub request_id: Option<String>,
    /// SCIM id of the resource.
    pub resource_id: Option<String>,
    /// Part of the path or query, lower case.
    pub path: Option<String>,
    /// Not before.
    pub since: Option<Timestamp>,
    /// Not after.
    pub until: Option<Timestamp>,
    /// Dry runs only, or real requests only.
    pub dry_run: Option<bool>,
    /// What the web console has read only, or all but that.
    pub console_reads: Option<bool>,
}

/// The id of an entry: a UUID (version 7, RFC 9562 §6.2 method 3 and 1): milliseconds, the fraction below
/// them in 12 bits, a running number in 14, and 48 random bits. So ids order by time, and entries of one
/// instant by their turn.
pub fn entry_id(at: Timestamp, turn: u16, random: [u8; 6]) -> String {
    let (millis, fraction) = parts(at);
    let mut bytes = [0; 16];
    bytes[..6].copy_from_slice(&millis.to_be_bytes()[2..]);
    bytes[6..8].copy_from_slice(&(0x7000 | fraction).to_be_bytes());
    bytes[8..10].copy_from_slice(&(0x8000 | (turn & 0x3fff)).to_be_bytes());
    bytes[10..].copy_from_slice(&random);
    uuid::Uuid::from_bytes(bytes).to_string()
}

/// When an entry with this id, or with one that begins like it, was made, to the millisecond; `None`: it is
/// no such id.
pub fn time_of(id: &str) -> Option<Timestamp> {
    let (high, low) = (id.get(..8)?, id.get(9..13)?);
    let millis = i64::from_str_radix(high, 16).ok()? << 16 | i64::from_str_radix(low, 16).ok()?;
    Some(Timestamp::from_millis(millis))
}

/// The least id that an entry of this time can have.
pub fn first_id(at: Timestamp) -> String {
    entry_id(at, 0, [0; 6])
}

/// The greatest id that an entry of this time can have.
pub fn last_id(at: Timestamp) -> String {
    entry_id(at, u16::MAX, [0xff; 6])
}

fn parts(at: Timestamp) -> (u64, u16) {
    let micros = u64::try_from(at.micros()).unwrap_or_default();
    let fraction = u16::try_from(micros % 1_000 * 4_096 / 1_000).unwrap_or_default();
    (micros / 1_000, fraction)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_uuids_that_order_by_time_and_turn() {
        let at = |micros: i64| Timestamp::from_micros(1_767_225_600_000_000 + micros);
        let id = |micros: i64, turn| entry_id(at(micros), turn, [7; 6]);
        let ordered = [id(0, 0), id(0, 1), id(1, 0), id(999, 5), id(1_000, 0), id(1_000, 0x3fff)];
        assert!(ordered.is_sorted(), "{ordered:#?}");
        for text in &ordered {
            let parsed = uuid::Uuid::parse_str(text).unwrap();
            assert_eq!((parsed.get_version_num(), parsed.get_variant()), (7, uuid::Variant::RFC4122));
        }
        for turn in [0, 77, 0x3fff] {
            assert!(first_id(at(5)) <= id(5, turn) && id(5, turn) <= last_id(at(5)));
        }
        assert!(last_id(at(4)) < first_id(at(5)));
        assert_eq!(time_of(&id(1_999, 7)), Some(at(1_000)));
        assert!(
            id(1_999, 7) < last_id(at(1_000).end_of_milli())
                && last_id(at(1_000).end_of_milli()) < id(2_000, 0)
        );
        assert_eq!((time_of(&(last_id(at(0)) + "~")), time_of("~"), time_of("")), (Some(at(0)), None, None));
    }

    #[test]
    fn long_bodies_are_not_kept_in_memory() {
        let body = |length| Sent::of(&Bytes::from(vec![b'x'; length]));
        assert!(matches!(body(0), Sent::Nothing) && matches!(body(READ_BYTES), Sent::Whole(_)));
        assert!(matches!(body(READ_BYTES + 1), Sent::Long(length) if length == READ_BYTES + 1));
        assert_eq!((body(READ_BYTES + 1).weight(), body(10).weight()), (0, 10));
    }
}
