//! The outermost part of the SCIM surface: tells the provisioning log of each request and its answer.
//! Changes no answer, except that it says which ones were dry runs; never waits.

use std::time::Instant;

use axum::body::{Body, Bytes, HttpBody as _};
use axum::response::Response;
use http::header::{AUTHORIZATION, LOCATION};
use http::request::Parts;
use http::{HeaderValue, StatusCode};
use http_body_util::BodyExt as _;
use percent_encoding::percent_decode_str;

use super::scim::Place;
use crate::accounts::model::closed;
use crate::app::App;
use crate::kernel::ids::AccountId;
use crate::kernel::problem::Problem;
use crate::kernel::time::Timestamp;
use crate::provisioning_log::model::{Captured, Heads, READ_BYTES, Sent, Stranger, is_plain_read};
use crate::scim_api::dry_run;
use crate::tokens::secret;
use crate::web::observed::{Observed, Seen};
use crate::web::traffic::GONE;

/// A request under way.
pub struct Begun {
    app: App,
    at: Timestamp,
    since: Instant,
    place: Place,
    /// Its head. The credential in it is looked at only when it was refused, and not kept.
    pub head: Parts,
    /// What is noted of it on its way.
    pub observed: Observed,
}

/// Dropped before its answer, a request's client did not wait.
pub struct Unanswered<'r> {
    begun: Option<&'r Begun>,
    id: &'r str,
}

impl Unanswered<'_> {
    /// The answer is there.
    pub fn over(mut self) {
        self.begun = None;
    }
}

impl Drop for Unanswered<'_> {
    fn drop(&mut self) {
        if let Some(begun) = self.begun {
            begun.gone(self.id);
        }
    }
}

impl Begun {
    /// Begins now.
    pub fn new(app: App, head: Parts, place: Place) -> Self {
        let at = app.clock.now();
        Self { app, at, since: Instant::now(), place, head, observed: Observed::default() }
    }

    /// Watches for a client that does not wait.
    pub fn unanswered<'r>(&'r self, id: &'r str) -> Unanswered<'r> {
        Unanswered { begun: Some(self), id }
    }

    /// Tells of the answer, which it gives back.
    pub async fn answered(&self, id: &str, response: Response, problem: Option<Problem>) -> Response {
        let seen = self.observed.take();
        let (mut parts, body) = response.into_parts();
        if seen.rehearsed {
            parts.headers.insert(dry_run::DRY_RUN, dry_run::TRUE);
        }
        let log = &self.app.provisioning_log;
        let off = seen.caller.as_ref().is_some_and(|caller| log.is_off(&caller.account, caller.version));
        let Some(account) = self.account(&seen).filter(|_| !off) else {
            return Response::from_parts(parts, body);
        };
        // Of an account that nobody can use no log is kept, also where somebody can before it is written.
        let reason = problem.as_ref().and_then(Problem::inside_text);
        if reason.is_some_and(closed::is_one) {
            return Response::from_parts(parts, body);
        }
        if seen.caller.is_none() && !log.takes_stranger(&account, self.at) {
            return Response::from_parts(parts, body);
        }
        let (status, path) = (parts.status.as_u16(), self.head.uri.path());
        if is_plain_read(&self.head.method, path, status) && !log.takes_read(&account) {
            return Response::from_parts(parts, body);
        }
        let location = parts.headers.get(LOCATION).filter(|_| parts.status == StatusCode::CREATED);
        let location = location.and_then(|at| at.to_str().ok()).map(str::to_owned);
        let (response, body) = sent(body).await;
        log.push(Captured { response, location, problem, ..self.entry(account, seen, id, status) });
        Response::from_parts(parts, body)
    }

    fn gone(&self, id: &str) {
        let seen = self.observed.take();
        if let Some(account) = self.account(&seen) {
            self.app.provisioning_log.push(self.entry(account, seen, id, GONE));
        }
    }

    /// Everything but the answer.
    fn entry(&self, account: AccountId, seen: Seen, id: &str, status: u16) -> Captured {
        let Parts { method, uri, headers, .. } = &self.head;
        let refused = seen.caller.is_none() && matches!(status, 401 | 503);
        Captured {
            at: self.at,
            micros: u64::try_from(self.since.elapsed().as_micros()).unwrap_or(u64::MAX),
            request_id: id.to_owned(),
            method: method.clone(),
            uri: uri.path_and_query().map_or_else(|| uri.to_string(), ToString::to_string),
            below: self.place.end(),
            headers: Heads::of(headers),
            status,
            request: seen.body.as_ref().map(Sent::of).unwrap_or_default(),
            response: Sent::Nothing,
            location: None,
            stranger: refused.then(|| stranger(headers.get(AUTHORIZATION), &account)),
            problem: None,
            mended: seen.mended,
            unknown_members: seen.unknown_members,
            dry_run: seen.rehearsed,
            failed_operations: seen.failed_operations,
            caller: seen.caller,
            account,
        }
    }

    /// The account of the path, also where that is percent-encoded: the door reads it so, and what it refuses
    /// is to be in the account's log.
    fn account(&self, seen: &Seen) -> Option<AccountId> {
        if let Some(caller) = &seen.caller {
            return Some(caller.account.clone());
        }
        let named = percent_decode_str(self.place.account(self.head.uri.path())).decode_utf8().ok()?;
        AccountId::parse(&named).ok()
    }
}

/// The answer's body for the log, and as it goes out. All answers of the surface are whole in memory.
async fn sent(body: Body) -> (Sent, Body) {
    match body.size_hint().exact().map(usize::try_from) {
        None | Some(Ok(0)) => (Sent::Nothing, body),
        Some(Ok(length)) if length <= READ_BYTES => {
            let bytes: Bytes =
                body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
            (Sent::of(&bytes), Body::from(bytes))
        }
        Some(length) => (Sent::Long(length.unwrap_or(usize::MAX)), body),
    }
}

/// What a refused credential says of itself.
fn stranger(header: Option<&HeaderValue>, account: &AccountId) -> Stranger {
    let kind = |credential: &str| Stranger { credential: credential.into(), ..Stranger::default() };
    let Some(text) = header else { return kind("NONE") };
    let Some((scheme, text)) = text.to_str().ok().and_then(|text| text.trim().split_once(' ')) else {
        return kind("UNKNOWN");
    };
    let text = text.trim();
    if !scheme.eq_ignore_ascii_case("bearer") {
        return kind("UNKNOWN");
    }
    if let Some(own) = secret::is_own(text) {
        let token = secret::read(text).filter(|token| token.account == *account);
        return Stranger { token_id: token.map(|token| token.id.to_string()), ..kind(own.as_str()) };
    }
    match jose::Token::parse(text) {
        Ok(token) => Stranger {
            issuer: token.unverified_issuer().map(str::to_owned),
            key_id: token.kid().map(str::to_owned),
            ..kind("JWT")
        },
        Err(_) => kind(if text.split('.').count() == 3 { "JWT" } else { "UNKNOWN" }),
    }
}
