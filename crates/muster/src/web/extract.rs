//! Reading requests: bodies, query strings and scopes, with errors that say where and what.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::{Body, Bytes, HttpBody as _};
use axum::extract::rejection::BytesRejection;
use axum::extract::{FromRequest, FromRequestParts, OptionalFromRequest, Request};
use http::request::Parts;
use http::{HeaderMap, StatusCode, header};
use http_body_util::{BodyExt as _, Collected, LengthLimitError, Limited};
use percent_encoding::percent_decode_str;
use schemars::JsonSchema;
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::by_name::ByName;
use super::late::Late;
use super::{misfits, words, yaml};
use crate::accounts;
use crate::app::App;
use crate::kernel::caller::Caller;
use crate::kernel::ids::AccountId;
use crate::kernel::problem::{ACCESS_CHANGED, Kind, Problem, Result};
use crate::kernel::scope::{Level, Scope};

/// After a body that took longer it is asked again whether its sender may do anything.
const AT_ONCE: Duration = Duration::from_millis(200);

/// A JSON body, or the same in YAML (platform API §1.4). Unknown members are ignored (§1.2); a wrong type is
/// named with its path.
#[derive(Debug)]
pub struct Json<T>(pub T);

impl<T: DeserializeOwned> FromRequest<App> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &App) -> Result<Self> {
        let in_yaml = is_in_yaml(request.headers())?;
        let bytes = body(request, app).await?;
        if in_yaml { yaml::parse(&bytes).map(Self) } else { parse(&bytes).map(Self) }
    }
}

impl<T: DeserializeOwned> OptionalFromRequest<App> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &App) -> Result<Option<Self>> {
        let in_yaml = is_in_yaml(request.headers())?;
        let bytes = body(request, app).await?;
        if bytes.is_empty() {
            return Ok(None);
        }
        if in_yaml {
            yaml::parse(&bytes).map(|v| Some(Self(v)))
        } else {
            parse(&bytes).map(|v| Some(Self(v)))
        }
    }
}

/// Whether the body is YAML, else it is JSON.
fn is_in_yaml(headers: &HeaderMap) -> Result<bool> {
    uncoded(headers)?;
    let media = media(headers);
    let in_yaml = yaml::is_yaml(media);
    let in_json = ["", "application/json", "text/plain", "application/x-www-form-urlencoded"];
    if in_yaml || in_json.iter().any(|known| media.eq_ignore_ascii_case(known)) {
        return Ok(in_yaml);
    }
    let text = format!(
        "The body's Content-Type {media:?} is not read here: send application/json or application/yaml."
    );
    Err(Problem::new(Kind::MediaType, text))
}

/// Refuses a body that came compressed.
///
/// # Errors
/// `MediaType` (RFC 9110 §15.5.16).
pub fn uncoded(headers: &HeaderMap) -> Result<()> {
    let coding = headers.get(header::CONTENT_ENCODING).map(|value| value.to_str().unwrap_or("?").trim());
    match coding {
        None | Some("") => Ok(()),
        Some(coding) if coding.eq_ignore_ascii_case("identity") => Ok(()),
        Some(coding) => {
            let text = format!("The body's Content-Encoding {coding:?} is not read here: send it as it is.");
            Err(Problem::new(Kind::MediaType, text))
        }
    }
}

/// The first parameter of a query that is not UTF-8 where it is percent-encoded: read with replacement
/// characters it would mean something else.
pub fn unreadable(query: &str) -> Option<&str> {
    let readable = |pair: &str| percent_decode_str(pair).decode_utf8().is_ok();
    let pair = query.split('&').find(|pair| !readable(pair))?;
    Some(pair.split('=').next().unwrap_or(pair))
}

/// The refusal of such a parameter.
pub fn not_utf8(name: &str) -> Problem {
    Problem::invalid(format!(
        "{name} of the query is not UTF-8 where it is percent-encoded: encode it again."
    ))
}

/// The media type of a body, in whatever case it came (RFC 9110 §8.3.1), without parameters.
pub fn media(headers: &HeaderMap) -> &str {
    let media = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
    media.split(';').next().unwrap_or("").trim()
}

/// The raw body, within the limit set on the route.
///
/// # Errors
/// `TooLarge` over the limit, `Slow` when it does not come within its time, `Invalid` when the connection
/// broke off; where it came late, those of [`still_let_in`] for the caller in the request's extensions.
pub async fn body(request: Request, app: &App) -> Result<Bytes> {
    let limit = app.limits.platform_body_bytes;
    fits(request.body(), limit)?;
    let caller = request.extensions().get::<Caller>().cloned();
    // Without such a place nobody answers once more, and the client has to send the request again.
    let late = request.extensions().get::<Arc<Late>>().cloned().unwrap_or_default();
    let sender = caller.as_ref().map(|caller| (caller, &*late));
    let read = arrived(app, sender, Bytes::from_request(request, app)).await?;
    let is_long = |rejection: &BytesRejection| rejection.status() == StatusCode::PAYLOAD_TOO_LARGE;
    read.map_err(|rejection| if is_long(&rejection) { too_large(limit) } else { broken_off() })
}

/// As `body`, within this limit, from this sender.
///
/// # Errors
/// As `body`.
pub async fn within(limit: usize, app: &App, sender: Sender<'_>, body: Body) -> Result<Bytes> {
    fits(&body, limit)?;
    let read = async { Limited::new(body, limit).collect().await.map(Collected::to_bytes) };
    let is_long = |error: &axum::BoxError| error.is::<LengthLimitError>();
    arrived(app, Some(sender), read)
        .await?
        .map_err(|error| if is_long(&error) { too_large(limit) } else { broken_off() })
}

/// Who was let in before his body came, and where that is left if it came too late for it.
type Sender<'r> = (&'r Caller, &'r Late);

/// What was read, unless that took nine tenths of the time that a request has: then nothing is done, and the
/// client hears so before the whole request is too late, when nobody could tell him.
async fn arrived<E>(
    app: &App,
    sender: Option<Sender<'_>>,
    read: impl Future<Output = std::result::Result<Bytes, E>>,
) -> Result<std::result::Result<Bytes, E>> {
    let (patience, start) = (app.limits.request_timeout * 9 / 10, Instant::now());
    let read = tokio::time::timeout(patience, read).await.map_err(|_| {
        let text = format!(
            "The body did not arrive within {} seconds, and nothing was done: send the request again, in smaller \
             parts if the network is slow.",
            patience.as_secs_f32()
        );
        Problem::new(Kind::Slow, text)
    })?;
    if let (Some(sender), Ok(body)) = (sender, &read)
        && start.elapsed() >= AT_ONCE
    {
        still_let_in(app, sender, body).await?;
    }
    Ok(read)
}

/// Asks again whether somebody may come in who was let in before his body came. Else whoever holds a request
/// half open would keep the rights that are taken from him meanwhile.
///
/// # Errors
/// `Unauthenticated` for a credential that has ended; `Outdated` where access changed in the account, whoever
/// it was about: the request is answered from its beginning where the body can be left for that.
async fn still_let_in(app: &App, (caller, late): Sender<'_>, body: &Bytes) -> Result<()> {
    if caller.ended(app.clock.now()) {
        let text =
            "The credential ended while the body was on its way, and nothing was done: send another one.";
        return Err(Problem::new(Kind::Unauthenticated, text));
    }
    if accounts::actions::is_unchanged(app, caller).await? {
        return Ok(());
    }
    late.leave(body.clone());
    let text = "Who may do what in the account changed while the body was on its way, and nothing was done: send the \
                request again.";
    Err(Problem::new(Kind::Outdated, text).retry_after(1).inside(ACCESS_CHANGED))
}

/// What says itself that it is too long is not asked for.
fn fits(body: &Body, limit: usize) -> Result<()> {
    let length = body.size_hint().lower();
    if length > limit as u64 { Err(too_large(limit)) } else { Ok(()) }
}

/// Names the limit, as RFC 7644 §3.7.4 wants it of bulk requests.
fn too_large(limit: usize) -> Problem {
    let text = format!("The body is over the limit of this route, {limit} bytes: send less in one request.");
    Problem::new(Kind::TooLarge, text)
}

fn broken_off() -> Problem {
    Problem::invalid("The body could not be read to its end: send the request again.")
}

/// Parses JSON text; errors name line and column, or every member that does not fit.
///
/// # Errors
/// `Fields`, and `Invalid` for what is no JSON.
pub fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T> {
    if bytes.is_empty() {
        return Err(Problem::invalid(
            "The request has no body: send the JSON document that this route takes.",
        ));
    }
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let ByName(value) = serde_path_to_error::deserialize(&mut reader)
        .map_err(|error| misfits::of_json::<T>(bytes, &error))?;
    reader.end().map_err(|error| {
        Problem::invalid(format!("The body is not one JSON document: {}.", words::of_json(&error)))
    })?;
    Ok(value)
}

/// A query string.
#[derive(Debug)]
pub struct Query<T>(pub T);

impl<T: DeserializeOwned, S: Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self> {
        if let Some(name) = parts.uri.query().and_then(unreadable) {
            return Err(not_utf8(name));
        }
        axum::extract::Query::try_from_uri(&parts.uri).map(|axum::extract::Query(value)| Self(value)).map_err(
            |error| Problem::invalid(format!("The query string does not fit: {}.", words::of_query(&error))),
        )
    }
}

/// Reads a parameter that is a boolean: `true` or `false` in any case. An empty one counts as absent.
///
/// # Errors
/// Of the deserializer, for anything else.
pub fn flag<'de, D: Deserializer<'de>>(from: D) -> std::result::Result<Option<bool>, D::Error> {
    let text = Option::<String>::deserialize(from)?.unwrap_or_default();
    match text.trim().to_ascii_lowercase().as_str() {
        "" => Ok(None),
        "true" => Ok(Some(true)),
        "false" => Ok(Some(false)),
        _ => Err(D::Error::custom(format_args!("{text:?} is neither true nor false; send one of them"))),
    }
}

/// Refuses parameters that a list does not go by: passed over, they would seem to have narrowed or sorted it.
///
/// # Errors
/// `Invalid`, naming the parameter; `instead` says what else to do.
pub fn not_taken(uri: &http::Uri, names: &[&str], instead: &str) -> Result<()> {
    let mut pairs = url::form_urlencoded::parse(uri.query().unwrap_or("").as_bytes());
    match pairs.find(|(key, value)| !value.is_empty() && names.contains(&key.as_ref())) {
        Some((key, _)) => Err(Problem::invalid(format!("{key} is not taken by this list: {instead}"))),
        None => Ok(()),
    }
}

/// By these one list or another is narrowed or sorted.
const NARROWING: [&str; 4] = ["identifiers", "searchTerm", "sortOrders", "filterType"];

/// Refuses those parameters by which other lists are narrowed or sorted, and this one, which `takes` some, is
/// not.
///
/// # Errors
/// As `not_taken`.
pub fn goes_by(uri: &http::Uri, takes: &[&str], instead: &str) -> Result<()> {
    let others: Vec<&str> = NARROWING.into_iter().filter(|name| !takes.contains(name)).collect();
    not_taken(uri, &others, instead)
}

/// Every value of a query parameter that may be repeated (`identifiers=a&identifiers=b`) or listed (`a,b`).
pub fn repeated(parts: &http::Uri, name: &str) -> Vec<String> {
    let pairs = url::form_urlencoded::parse(parts.query().unwrap_or("").as_bytes());
    let values = pairs.filter(|(key, _)| key == name).map(|(_, value)| value);
    values
        .flat_map(|v| v.split(',').map(|part| part.trim().to_owned()).collect::<Vec<_>>())
        .filter(|v| !v.is_empty())
        .collect()
}

/// Every value of a query parameter as it stands, for values that hold commas themselves
/// (`sortOrders=name,ASC`).
pub fn every(uri: &http::Uri, name: &str) -> Vec<String> {
    let pairs = url::form_urlencoded::parse(uri.query().unwrap_or("").as_bytes());
    pairs.filter(|(key, _)| key == name).map(|(_, value)| value.into_owned()).collect()
}

/// A path's variables.
#[derive(Debug)]
pub struct Path<T>(pub T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self> {
        axum::extract::Path::from_request_parts(parts, state)
            .await
            .map(|axum::extract::Path(value)| Self(value))
            .map_err(|_| Problem::invalid("The path does not fit: a part of it is no UTF-8; encode it so."))
    }
}

/// The scope parameters of a query string (§1.3). `scope` takes the caller's account when the query names
/// none.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "ScopeParts")]
pub struct ScopeQuery {
    /// The account; must be the caller's.
    pub account_identifier: Option<String>,
    /// Organization, if the call is about one or about a project in it.
    pub org_identifier: Option<String>,
    /// Project, if the call is about one.
    pub project_identifier: Option<String>,
}

impl ScopeQuery {
    /// The scope asked for.
    ///
    /// # Errors
    /// `Invalid` for another account than the caller's or a project without its organization.
    pub fn scope(&self, account: &AccountId) -> Result<Scope> {
        same("accountIdentifier", Some(account.as_str()), self.account_identifier.as_deref())?;
        Scope::of(account.clone(), self.org_identifier.as_deref(), self.project_identifier.as_deref())
    }

    /// The account as scope, for what lives nowhere else; `what` does, in the message.
    ///
    /// # Errors
    /// As `scope`, and `Invalid` for an organization or project.
    pub fn account_scope(&self, account: &AccountId, what: &str) -> Result<Scope> {
        let scope = self.scope(account)?;
        match scope.level() {
            Level::Account => Ok(scope),
            _ => Err(Problem::invalid(format!("{what}: leave orgIdentifier and projectIdentifier out"))),
        }
    }
}

/// Scope parts in a body, or beside a path that names them, must equal those of the request's scope where
/// they are given (§1.3).
///
/// # Errors
/// `Invalid`, naming both values.
pub fn same_scope(
    scope: &Scope,
    account: Option<&str>,
    org: Option<&str>,
    project: Option<&str>,
) -> Result<()> {
    same("accountIdentifier", Some(scope.account.as_str()), account)?;
    same("orgIdentifier", scope.org(), org)?;
    same("projectIdentifier", scope.project_id(), project)
}

/// A part of a body must be that of the request, where both are given.
pub(super) fn same(field: &str, query: Option<&str>, body: Option<&str>) -> Result<()> {
    match body.filter(|b| !b.is_empty()) {
        Some(b) if Some(b) != query => Err(Problem::invalid(format!(
            "Value mismatch, previous: {} current: {b} ({field}): send the same {field} everywhere or leave it out",
            query.unwrap_or("none")
        ))),
        _ => Ok(()),
    }
}

/// Most entries of a list in a body that the database is asked by.
const MOST_ASKED: usize = 500;

/// A list in a body that ends up in a query: no longer than a database takes it.
///
/// # Errors
/// Of the deserializer, for a longer one, too.
pub fn few<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    from: D,
) -> std::result::Result<Option<Vec<T>>, D::Error> {
    let list = Option::<Vec<T>>::deserialize(from)?;
    match list.as_ref().map(Vec::len) {
        Some(found) if found > MOST_ASKED => Err(D::Error::custom(format_args!(
            "a list of {found} entries; send {MOST_ASKED} at most in one request"
        ))),
        _ => Ok(list),
    }
}

/// A member that other servers or routes know and nothing here goes by. What is in it would seem to be in
/// force, so it must be empty.
///
/// # Errors
/// Of the deserializer, for one that is not empty, too.
pub fn unused<'de, D: Deserializer<'de>>(from: D) -> std::result::Result<(), D::Error> {
    let text = "nothing here goes by it; leave it out";
    if is_empty(&Value::deserialize(from)?) { Ok(()) } else { Err(D::Error::custom(text)) }
}

/// Does a member of this value say nothing?
pub(super) fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
        Value::Bool(true) | Value::Number(_) => false,
    }
}
