//! The outermost layer of the SCIM surface: tells the provisioning log of each request and its answer.
//! Changes no answer, except that it says which ones were dry runs; never waits.

use std::time::Instant;

use axum::body::{Body, Bytes, HttpBody as _};
use axum::extract::{OriginalUri, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::header::{AUTHORIZATION, LOCATION};
use http::response::Parts;
use http::{HeaderValue, Method, Uri};
use http_body_util::BodyExt as _;

use super::scim_roots;
use crate::app::App;
use crate::kernel::ids::AccountId;
use crate::kernel::problem::Problem;
use crate::kernel::time::Timestamp;
use crate::provisioning_log::model::{Captured, GONE, Heads, READ_BYTES, Sent, Stranger};
use crate::scim_api::dry_run;
use crate::tokens::secret;
use crate::web::observed::{Observed, Seen};
use crate::web::surface;

/// The SCIM surface, observed.
pub async fn scim(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let mut begun = Watched(Some(Begun::new(&app, &request)));
    if let Some(begun) = &begun.0 {
        request.extensions_mut().insert(begun.observed.clone());
    }
    let response = surface::scim(State(app), request, next).await;
    match begun.0.take() {
        Some(begun) => begun.answered(response).await,
        None => response,
    }
}

/// A request under way. Dropped before its answer, its client did not wait.
struct Watched(Option<Begun>);

impl Drop for Watched {
    fn drop(&mut self) {
        if let Some(begun) = self.0.take() {
            begun.gone();
        }
    }
}

struct Begun {
    app: App,
    at: Timestamp,
    since: Instant,
    method: Method,
    uri: Uri,
    headers: Heads,
    /// Looked at only when it was refused, and not kept.
    credential: Option<HeaderValue>,
    observed: Observed,
}

impl Begun {
    fn new(app: &App, request: &Request) -> Self {
        let uri = request.extensions().get::<OriginalUri>().map_or_else(|| request.uri(), |uri| &uri.0);
        Self {
            app: app.clone(),
            at: app.clock.now(),
            since: Instant::now(),
            method: request.method().clone(),
            uri: uri.clone(),
            headers: Heads::of(request.headers()),
            credential: request.headers().get(AUTHORIZATION).cloned(),
            observed: Observed::default(),
        }
    }

    async fn answered(self, response: Response) -> Response {
        let seen = self.observed.take();
        let (mut parts, body) = response.into_parts();
        if seen.rehearsed {
            parts.headers.insert(dry_run::DRY_RUN, dry_run::TRUE);
        }
        let app = self.app.clone();
        let log = &app.provisioning_log;
        let off = seen.caller.as_ref().is_some_and(|caller| log.is_off(&caller.account, caller.version));
        let Some(account) = self.account(&seen).filter(|_| !off) else {
            return Response::from_parts(parts, body);
        };
        if seen.caller.is_none() && !log.takes_stranger(&account, self.at) {
            return Response::from_parts(parts, body);
        }
        let entry = self.entry(account, seen, &mut parts);
        if entry.is_plain_read() && !log.takes_read(&entry.account) {
            return Response::from_parts(parts, body);
        }
        let (sent, body) = sent(body).await;
        log.push(Captured { response: sent, ..entry });
        Response::from_parts(parts, body)
    }

    fn gone(self) {
        let (app, seen) = (self.app.clone(), self.observed.take());
        if let Some(account) = self.account(&seen) {
            let (mut parts, ()) = http::Response::new(()).into_parts();
            let entry = self.entry(account, seen, &mut parts);
            app.provisioning_log.push(Captured { status: GONE, ..entry });
        }
    }

    /// Everything but the answer's body.
    fn entry(self, account: AccountId, seen: Seen, parts: &mut Parts) -> Captured {
        let status = parts.status.as_u16();
        let refused = seen.caller.is_none() && matches!(status, 401 | 503);
        let id = parts.headers.get("x-request-id").and_then(|id| id.to_str().ok());
        Captured {
            at: self.at,
            micros: u64::try_from(self.since.elapsed().as_micros()).unwrap_or(u64::MAX),
            request_id: id.unwrap_or_default().to_owned(),
            method: self.method,
            uri: self.uri.path_and_query().map_or_else(|| self.uri.to_string(), ToString::to_string),
            headers: self.headers,
            status,
            request: seen.body.as_ref().map(Sent::of).unwrap_or_default(),
            response: Sent::Nothing,
            location: parts.headers.get(LOCATION).and_then(|at| at.to_str().ok()).map(str::to_owned),
            stranger: refused.then(|| stranger(self.credential.as_ref(), &account)),
            problem: parts.extensions.remove::<Problem>(),
            mended: seen.mended,
            unknown_members: seen.unknown_members,
            dry_run: seen.rehearsed,
            caller: seen.caller,
            account,
        }
    }

    /// The account of the path.
    fn account(&self, seen: &Seen) -> Option<AccountId> {
        if let Some(caller) = &seen.caller {
            return Some(caller.account.clone());
        }
        let path = self.uri.path();
        let tail = scim_roots().find_map(|root| path.strip_prefix(root))?;
        AccountId::parse(tail.split('/').next()?).ok()
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
