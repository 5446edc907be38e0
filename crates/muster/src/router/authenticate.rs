//! From credential to `Actor`. What a credential proves is kept by (token hash, account version): each
//! request reads the account's one row, so that a revoked token or binding is dead with the next request on
//! every replica.

use std::sync::Arc;

use axum::extract::{FromRequestParts, RawPathParams};
use db::{Rehearsal, Snapshot, Tx};
use http::header::AUTHORIZATION;
use http::request::Parts;
use http::{HeaderMap, Method};
use quick_cache::sync::Cache;
use sha2::{Digest as _, Sha256};

use super::own::Presented;
use crate::access::{Actor, Rights, rights};
use crate::accounts;
use crate::accounts::model::closed;
use crate::app::App;
use crate::kernel::caller::{Caller, Credential, Origin, Principal};
use crate::kernel::ids::{AccountId, TokenId};
use crate::kernel::problem::{Kind, Problem, Result};
use crate::kernel::sparing::Sparing;
use crate::kernel::surface::{Surface, names};
use crate::kernel::time::Timestamp;
use crate::scim_api::dry_run;
use crate::tokens::last_used::LastUsed;
use crate::tokens::secret::{self, Own};
use crate::trust::{self, Taken};
use crate::web::error::{BEARER_TWICE, NO_BEARER, OTHER_SURFACE};
use crate::web::extract::ScopeQuery;
use crate::web::observed::Observed;
use crate::web::openapi::{Operation, Schemas, Takes};
use crate::web::surface::origin;

/// What a credential proved, as long as the account's version stands.
#[derive(Debug)]
pub struct Session {
    account: AccountId,
    version: i64,
    expires_at: Option<Timestamp>,
    principal: Arc<Principal>,
    credential: Arc<Credential>,
    rights: Arc<Rights>,
    /// Where it may be presented.
    surfaces: Arc<[Surface]>,
    /// The token whose use this is.
    used: Option<TokenId>,
}

/// What the door remembers between requests.
pub struct Sessions {
    /// By SHA-256 of the whole credential.
    known: Cache<[u8; 32], Arc<Session>>,
    /// Uses of tokens that wait to be written.
    pub last_used: LastUsed,
}

impl Default for Sessions {
    fn default() -> Self {
        Self { known: Cache::new(10_000), last_used: LastUsed::default() }
    }
}

impl Session {
    fn holds(&self, account: &AccountId, version: i64, now: Timestamp) -> bool {
        self.account == *account && self.version == version && self.expires_at.is_none_or(|end| now < end)
    }

    fn actor(&self, origin: Origin, snapshot: Snapshot) -> Actor {
        let caller = Caller {
            account: self.account.clone(),
            version: self.version,
            principal: self.principal.clone(),
            credential: self.credential.clone(),
            expires_at: self.expires_at,
            leeway_secs: 0,
            surfaces: self.surfaces.clone(),
            origin: Arc::new(origin),
        };
        Actor { caller, rights: self.rights.clone(), snapshot, anew: true }
    }
}

/// The platform API's credential: `x-api-key` with a PAT or SAT (§1.2), or an access token or a JWT of a
/// trust that serves the platform API, there or as `Authorization: Bearer`.
impl FromRequestParts<App> for Actor {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self> {
        platform(parts, app, Door::Platform).await
    }
}

impl Takes for Actor {
    fn describe(operation: &mut Operation, _: &mut Schemas) {
        operation.secured(&["apiKey", "bearer"]);
        operation.shared("Harness-Account");
    }
}

/// Which credentials a route of the platform API takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    /// Those of the platform API.
    Platform,
    /// Also those that are meant for SCIM only.
    Anyone,
}

/// The actor of a request to the platform API.
///
/// # Errors
/// `Unauthenticated`; `Denied` for a token of ours that is not for it; of a trust: `Unavailable`; `Invalid`
/// where the query or the headers name two accounts.
pub async fn platform(parts: &mut Parts, app: &App, door: Door) -> Result<Actor> {
    let text = platform_text(&parts.headers, door)?;
    let named = named_account(parts, app).await?;
    let surface = (door == Door::Platform).then_some(Surface::Platform);
    let mut actor = if secret::is_own(&text).is_some() {
        by_token(app, &text, named.as_deref(), origin(parts)).await?
    } else {
        let named = named.ok_or_else(|| account_missing(&text))?;
        let account = AccountId::parse(&named).map_err(|_| invalid_token().inside(closed::NONE))?;
        let taken: Arc<Taken> = parts.extensions.get().cloned().unwrap_or_default();
        let snapshot = Snapshot::default();
        trust::door::authenticate(app, &account, &text, surface, origin(parts), snapshot, &taken).await?
    };
    actor.snapshot.close();
    actor.anew = false;
    surface.map_or(Ok(()), |surface| is_for(&actor.caller, surface))?;
    repeats(parts.uri.query().unwrap_or(""), &actor.caller.account)?;
    // Whoever reads the body asks for him again if it comes late.
    parts.extensions.insert(actor.caller.clone());
    Ok(actor)
}

/// Beside the account that counts, an accountIdentifier of the query can only repeat it. None of the
/// parameters that name one may stand twice.
fn repeats(query: &str, account: &AccountId) -> Result<()> {
    for name in ACCOUNT_NAMES {
        if url::form_urlencoded::parse(query.as_bytes()).filter(|(key, _)| key == name).count() > 1 {
            let text =
                format!("The query string does not fit: the parameter {name:?} stands twice: send it once.");
            return Err(Problem::invalid(text));
        }
    }
    let named = url::form_urlencoded::parse(query.as_bytes()).filter(|(key, _)| key == "accountIdentifier");
    named.map(|(_, value)| value.into_owned()).try_for_each(|value| {
        let query = ScopeQuery { account_identifier: Some(value), ..ScopeQuery::default() };
        query.scope(account).map(drop)
    })
}

/// The credential of a request to the platform API. Tokens with a record come as `x-api-key`.
fn platform_text(headers: &HeaderMap, door: Door) -> Result<String> {
    let mut keys = headers.get_all("x-api-key").iter();
    if let Some(key) = keys.next() {
        if keys.next().is_some() {
            return Err(refused("The request has more than one x-api-key header: send one."));
        }
        return Ok(key.to_str().unwrap_or_default().trim().to_owned());
    }
    let missing =
        "The request has no x-api-key header: send a personal access token or a service account token in it.";
    if !headers.contains_key(AUTHORIZATION) {
        return Err(refused(missing));
    }
    let text = bearer_text(headers)?;
    match secret::is_own(text) {
        Some(Own::Pat | Own::Sat) if door == Door::Platform => Err(refused(missing)),
        _ => Ok(text.to_owned()),
    }
}

/// The SCIM surface's credential: `Authorization: Bearer` with a token of ours or a JWT of the account's
/// trusted issuer; the scheme in any case (SCIM contract §6). `taken`: as at the trusts' door.
///
/// # Errors
/// `Unauthenticated`; of the trust: `Unavailable`.
async fn bearer(app: &App, head: &Parts, account: &str, origin: Origin, taken: &Taken) -> Result<Actor> {
    let text = bearer_text(&head.headers).map_err(|problem| misplaced(problem, &head.headers))?;
    let surface = Some(Surface::Scim);
    let mut actor = if secret::is_own(text).is_some() {
        by_token(app, text, Some(account), origin).await?
    } else {
        let account = AccountId::parse(account).map_err(|_| invalid_token().inside(closed::NONE))?;
        trust::door::authenticate(app, &account, text, surface, origin, Snapshot::default(), taken).await?
    };
    // Where a body is still to come, nobody knows for how long.
    if !matches!(head.method, Method::GET | Method::HEAD) {
        actor.snapshot.close();
        actor.anew = false;
    }
    Ok(actor)
}

/// Whoever sent something in another way has a token, and is not to make a new one.
fn misplaced(problem: Problem, headers: &HeaderMap) -> Problem {
    let sent = headers.contains_key(AUTHORIZATION) || headers.contains_key("x-api-key");
    if sent && problem.code_text().is_none() { problem.inside(NO_BEARER) } else { problem }
}

/// The token of the one Authorization header.
fn bearer_text(headers: &HeaderMap) -> Result<&str> {
    let mut headers = headers.get_all(AUTHORIZATION).iter();
    let header = headers.next().and_then(|value| value.to_str().ok()).unwrap_or("").trim();
    if headers.next().is_some() {
        let text = "The request has more than one Authorization header: send one.";
        return Err(refused(text).code(jose::Code::TokenMalformed.as_str()));
    }
    let (scheme, text) = header.split_once(' ').unwrap_or((header, ""));
    let text = text.trim();
    if !scheme.eq_ignore_ascii_case("bearer") || text.is_empty() {
        return Err(refused(
            "The request has no Authorization: Bearer header: send a token of this account or a JWT of its trusted issuer in it.",
        ));
    }
    if text.split_once(' ').is_some_and(|(again, _)| again.eq_ignore_ascii_case("bearer")) {
        let text = "The Authorization header says Bearer twice: take the word out of the field that the token stands in.";
        return Err(refused(text).code(jose::Code::TokenMalformed.as_str()).inside(BEARER_TWICE));
    }
    Ok(text)
}

/// The actor of a SCIM request, and whether its writes are rehearsed. `taken`: by which trusts his token was
/// taken when he was let in before, where access changed since.
///
/// # Errors
/// As `bearer`; `Denied` for a token of ours that is not for SCIM; `Invalid` where nobody can tell whether a
/// dry run is wanted.
pub(super) async fn scim(
    app: &App,
    head: &Parts,
    account: &str,
    origin: Origin,
    observed: &Observed,
    taken: &Taken,
) -> Result<(Actor, Rehearsal)> {
    let actor = bearer(app, head, account, origin, taken).await?;
    observed.caller(&actor.caller);
    is_for(&actor.caller, Surface::Scim)?;
    if !dry_run::is_asked(&head.headers)? {
        return Ok((actor, Rehearsal::default()));
    }
    observed.rehearsed();
    Ok((actor, Rehearsal::new()))
}

/// The account that the request names, in the reference's order: header, query, path. An empty value names
/// none.
///
/// # Errors
/// `Invalid` for two headers: a proxy before the server may go by the other one.
async fn named_account(parts: &mut Parts, app: &App) -> Result<Option<String>> {
    // What cannot be read is no account's name, and names one all the same.
    let headers = parts.headers.get_all("harness-account").iter().map(|value| value.to_str().unwrap_or("?"));
    let mut headers = headers.map(str::trim).filter(|named| !named.is_empty());
    if let Some(named) = headers.next() {
        if headers.next().is_some() {
            return Err(Problem::invalid(
                "The request has more than one Harness-Account header: send it once.",
            ));
        }
        return Ok(Some(named.to_owned()));
    }
    if let Some(named) = account_of_query(parts.uri.query().unwrap_or("")) {
        return Ok(Some(named));
    }
    let Ok(path) = RawPathParams::from_request_parts(parts, app).await else { return Ok(None) };
    let named = path.iter().find(|(key, _)| *key == "accountIdentifier");
    Ok(named.map(|(_, value)| value.to_owned()))
}

/// The parameters that name the account, the first one first.
const ACCOUNT_NAMES: [&str; 3] = ["account", "accountIdentifier", "routingId"];

/// The account that a query string names.
fn account_of_query(query: &str) -> Option<String> {
    url::form_urlencoded::parse(query.as_bytes())
        .filter(|(_, value)| !value.is_empty())
        .filter_map(|(key, value)| Some((ACCOUNT_NAMES.iter().position(|name| *name == key)?, value)))
        .min_by_key(|(rank, _)| *rank)
        .map(|(_, value)| value.into_owned())
}

/// A token of ours to its actor. `account`: the one the request names, if it names one; it must be the
/// token's.
///
/// # Errors
/// `Unauthenticated`, one text for every reason; the log has the reason.
async fn by_token(app: &App, text: &str, account: Option<&str>, origin: Origin) -> Result<Actor> {
    let snapshot = Snapshot::default();
    let refuse = |reason: &'static str| {
        tell_refused(&origin.request_id, reason);
        invalid_token().inside(reason)
    };
    let token = Presented::read(text).ok_or_else(|| refuse("malformed_token"))?;
    if account.is_some_and(|named| named != token.account().as_str()) {
        return Err(refuse("other_account"));
    }
    let key: [u8; 32] = Sha256::digest(text.as_bytes()).into();
    let (now, known) = (app.clock.now(), app.sessions.known.get(&key));
    let before = known.clone();
    let service = app.clone();
    let session = app
        .db
        .of(token.account())
        .point_in(&snapshot, "authenticate", move |tx| session(&service, tx, &token, known.as_ref(), now))
        .await?
        .map_err(refuse)?;
    if before.is_none_or(|before| !Arc::ptr_eq(&before, &session)) {
        app.sessions.known.insert(key, session.clone());
    }
    if let Some(used) = &session.used {
        app.sessions.last_used.note(&session.account, used, now, origin.client);
    }
    Ok(session.actor(origin, snapshot))
}

fn session(
    app: &App,
    tx: &mut Tx<'_>,
    token: &Presented,
    known: Option<&Arc<Session>>,
    now: Timestamp,
) -> Result<std::result::Result<Arc<Session>, &'static str>> {
    let account = token.account();
    let Some(version) = app.versions.find(tx, account)? else {
        return Ok(Err(accounts::store::why_closed(tx, account)?));
    };
    if let Some(known) = known.filter(|s| s.holds(account, version, now)) {
        return Ok(Ok(known.clone()));
    }
    let proof = match token.verify(tx, now)? {
        Ok(proof) => proof,
        Err(reason) => return Ok(Err(reason)),
    };
    let rights = rights::load(tx, account, &proof.principal)?;
    Ok(Ok(Arc::new(Session {
        account: account.clone(),
        version,
        expires_at: proof.expires_at,
        principal: Arc::new(proof.principal),
        credential: Arc::new(proof.credential),
        rights: Arc::new(rights),
        surfaces: proof.surfaces.into(),
        used: proof.used,
    })))
}

/// Nobody is named whose trusts could take the credential.
fn account_missing(text: &str) -> Problem {
    if jose::Token::parse(text).is_err() {
        return invalid_token();
    }
    Problem::invalid(
        "Account detail is not present in the request: a JWT does not say it, so name the account by accountIdentifier in the query or by the header Harness-Account.",
    )
}

/// Is the credential, which holds, meant for the surface? Whoever has it may know what it is for.
///
/// # Errors
/// `Denied`.
fn is_for(caller: &Caller, surface: Surface) -> Result<()> {
    if caller.surfaces.contains(&surface) {
        return Ok(());
    }
    tell_refused(&caller.origin.request_id, OTHER_SURFACE);
    let text = format!(
        "This is the {}, and the surfaces of this token are [{}]: send a token that has {} among them.",
        surface.title(),
        names(&caller.surfaces).join(", "),
        surface.as_str()
    );
    Err(Problem::new(Kind::Denied, text).code(OTHER_SURFACE).inside(OTHER_SURFACE))
}

fn tell_refused(request_id: &str, reason: &'static str) {
    static REFUSED: Sparing = Sparing::unspent();
    REFUSED.tell(|left_out| tracing::info!(request_id, reason, left_out, "token refused"));
}

fn refused(text: &'static str) -> Problem {
    Problem::new(Kind::Unauthenticated, text)
}

fn invalid_token() -> Problem {
    refused(
        "Token is not valid. It may be mistyped, expired, revoked or another account's, or its account suspended: check it or \
         make a new one.",
    )
}
