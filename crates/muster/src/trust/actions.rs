//! From a JWT to an actor, in the order of the contract (§2): cheap checks first, keys only for a token that
//! could be trusted, the signature before anything is believed.

use std::borrow::Cow;
use std::sync::Arc;

use db::{Snapshot, Tx};
use jose::{Refusal, Token, Verified};
use quick_cache::sync::Cache;
use sha2::{Digest as _, Sha256};
use url::Url;

use super::jwks::{Jwks, Keys, Source, Unreachable};
use super::model::{DEFAULT, JWKS_URL, KEY_FIELD, SERVICE_ACCOUNT, Trust, Unusable, VALUE_FIELD};
use crate::access::{Actor, rights};
use crate::accounts;
use crate::app::App;
use crate::kernel::caller::{Caller, Credential, Origin};
use crate::kernel::ids::AccountId;
use crate::kernel::problem::{Kind, Problem, Result};
use crate::kernel::scope::Scope;
use crate::kernel::time::Timestamp;
use crate::settings;
use crate::tokens::verify::service_account;

/// Longest time a verified token is remembered, seconds.
const REMEMBERED_SECS: i64 = 60;

/// The trusts of all accounts as this process knows them.
pub struct Trusts {
    jwks: Arc<Jwks>,
    stored: Cache<AccountId, Arc<Stored>>,
    verified: Option<Cache<[u8; 32], Arc<Session>>>,
}

/// An account's trusts at one version of the account.
struct Stored {
    version: i64,
    default: std::result::Result<Arc<Trust>, Unusable>,
}

/// A token that was verified. Positive results only; dead as soon as the account or the key set changes.
struct Session {
    account: AccountId,
    trust: Arc<Trust>,
    version: i64,
    source: Arc<Source>,
    generation: u64,
    until: Timestamp,
    credential: Arc<Credential>,
}

impl Trusts {
    /// Knows nothing yet. `remember`: keep verified tokens for up to a minute.
    pub fn new(jwks: Jwks, remember: bool) -> Self {
        let verified = remember.then(|| Cache::new(10_000));
        Self { jwks: Arc::new(jwks), stored: Cache::new(10_000), verified }
    }

    fn remembered(&self, key: &[u8; 32], account: &AccountId, now: Timestamp) -> Option<Arc<Session>> {
        let session = self.verified.as_ref()?.get(key)?;
        let same = session.account == *account && session.source.snapshot().generation == session.generation;
        (same && now < session.until).then_some(session)
    }
}

/// A JWT to the actor of the account's trust.
///
/// # Errors
/// `Unauthenticated` with the public code; `Unavailable` with `jwks_unavailable` when there are no
/// keys to check with.
///
/// `snapshot`: what the account is read in; closed when the issuer must be asked.
pub async fn authenticate(
    app: &App,
    account: &AccountId,
    text: &str,
    origin: Origin,
    snapshot: Snapshot,
) -> Result<Actor> {
    let now = app.clock.now();
    let key: [u8; 32] = Sha256::digest(text.as_bytes()).into();
    let remembered = app.trusts.remembered(&key, account, now);
    let Some(stored) = stored(app, account, &snapshot).await? else {
        return Err(untrusted(account, &origin, &format!("there is no account {account}")));
    };
    if let Some(session) = remembered.filter(|s| s.version == stored.version) {
        return Ok(session.actor(origin, snapshot));
    }
    snapshot.close();
    let token = Token::parse(text).map_err(|refusal| refused(account, &origin, &refusal))?;
    let trust = match &stored.default {
        Ok(trust) => trust.clone(),
        Err(unusable) => return Err(untrusted(account, &origin, &unusable.to_string())),
    };
    let source = app.trusts.jwks.source(&trust.url);
    let (verified, keys) = verify(app, &token, &trust, &source, account, &origin).await?;
    let session = Arc::new(Session {
        account: account.clone(),
        version: stored.version,
        source,
        generation: keys.generation,
        until: Timestamp::from_micros(verified.expires_at().saturating_mul(1_000_000))
            .min(now.plus_secs(REMEMBERED_SECS)),
        credential: Arc::new(Credential::Jwt {
            trust: trust.identifier.to_owned(),
            key_id: verified.kid().map(str::to_owned),
            subject: verified.subject().map(str::to_owned),
            token_sha256: hex(&key),
        }),
        trust,
    });
    if let Some(cache) = &app.trusts.verified {
        cache.insert(key, session.clone());
    }
    Ok(session.actor(origin, snapshot))
}

impl Session {
    fn actor(&self, origin: Origin, snapshot: Snapshot) -> Actor {
        let caller = Caller {
            account: self.account.clone(),
            version: self.version,
            principal: self.trust.principal.clone(),
            credential: self.credential.clone(),
            origin: Arc::new(origin),
        };
        Actor { caller, rights: self.trust.rights.clone(), snapshot }
    }
}

async fn verify(
    app: &App,
    token: &Token<'_>,
    trust: &Trust,
    source: &Arc<Source>,
    account: &AccountId,
    origin: &Origin,
) -> Result<(Verified, Keys)> {
    let now = app.clock.now().secs();
    let refuse = |refusal: Refusal| refused(account, origin, &refusal);
    jose::precheck(token, &trust.policy, now).map_err(refuse)?;
    let jwks = &app.trusts.jwks;
    let mut keys = jwks.keys(source).await.map_err(|error| unavailable(account, origin, &error))?;
    if let Some(kid) = token.kid().filter(|kid| keys.set.with_kid(kid).next().is_none())
        && let Some(newer) = jwks.keys_for_unknown(source, kid, origin.client).await
    {
        keys = newer;
    }
    let verified = jose::verify(token, &keys.set, &trust.policy, now).map_err(refuse)?;
    Ok((verified, keys))
}

/// The account's trusts, read anew when the account's version moved. `None`: no such account.
async fn stored(app: &App, account: &AccountId, snapshot: &Snapshot) -> Result<Option<Arc<Stored>>> {
    let (known, wanted) = (app.trusts.stored.get(account), account.clone());
    let found = app.db.point_in(snapshot, "trust.load", move |tx| load(tx, &wanted, known.as_ref())).await?;
    if let Some(stored) = &found {
        app.trusts.stored.insert(account.clone(), stored.clone());
    }
    Ok(found)
}

fn load(tx: &mut Tx<'_>, account: &AccountId, known: Option<&Arc<Stored>>) -> Result<Option<Arc<Stored>>> {
    let Some(version) = accounts::store::find_version(tx, account)? else { return Ok(None) };
    if let Some(known) = known.filter(|stored| stored.version == version) {
        return Ok(Some(known.clone()));
    }
    let default = default_trust(tx, account)?.map(Arc::new);
    Ok(Some(Arc::new(Stored { version, default })))
}

fn default_trust(tx: &mut Tx<'_>, account: &AccountId) -> Result<std::result::Result<Trust, Unusable>> {
    let scope = Scope::account(account.clone());
    let mut values = Vec::with_capacity(4);
    for setting in [JWKS_URL, KEY_FIELD, VALUE_FIELD, SERVICE_ACCOUNT] {
        match settings::actions::text(tx, &scope, setting)?.filter(|value| !value.is_empty()) {
            Some(value) => values.push(value),
            None => return Ok(Err(Unusable::Missing(setting))),
        }
    }
    let [url, field, value, service_account_id] = values.as_slice() else {
        return Err(Problem::internal("four settings were read and not four values came"));
    };
    let url = match Url::parse(url) {
        Ok(url) => url,
        Err(error) => return Ok(Err(Unusable::BadUrl(error.to_string()))),
    };
    let policy = match jose::Policy::claim_equals(field, value) {
        Ok(policy) => policy,
        Err(error) => return Ok(Err(Unusable::BadRule(error))),
    };
    let Some(principal) = service_account(tx, scope, service_account_id)? else {
        return Ok(Err(Unusable::NoServiceAccount(service_account_id.clone())));
    };
    let rights = Arc::new(rights::load(tx, account, &principal)?);
    Ok(Ok(Trust { identifier: DEFAULT, url, policy, principal: Arc::new(principal), rights }))
}

/// One line for the log with all that an administrator needs; the caller hears the public code only.
fn refused(account: &AccountId, origin: &Origin, refusal: &Refusal) -> Problem {
    tracing::info!(
        request_id = origin.request_id, %account, step = %refusal.step, reason = %refusal.reason,
        expected = refusal.expected, received = refusal.received, hint = refusal.hint.as_deref(),
        "JWT refused"
    );
    Problem::new(Kind::Unauthenticated, for_caller(refusal)).code(refusal.code().as_str())
}

/// What the caller is told. What is wrong with the token as such he may know, as he holds it; what the
/// account trusts he may not.
fn for_caller(refusal: &Refusal) -> Cow<'static, str> {
    Cow::Borrowed(match refusal.code() {
        jose::Code::TokenMalformed => {
            let whole = "send it whole, as its issuer signed it with an asymmetric algorithm";
            let remedy = refusal.hint.as_deref().unwrap_or(whole);
            return format!("The token is not a JWT that can be used here ({}): {remedy}.", refusal.reason)
                .into();
        }
        jose::Code::TokenExpired => "The token has expired: get a new one from its issuer.",
        jose::Code::TokenNotYetValid => {
            "The token is not valid yet: compare the clocks of the issuer and of this server."
        }
        jose::Code::TokenUntrusted => {
            "The token is not trusted here: an administrator finds the reason in the server's log under this request's id."
        }
    })
}

fn untrusted(account: &AccountId, origin: &Origin, why: &str) -> Problem {
    tracing::info!(request_id = origin.request_id, %account, reason = why, "JWT refused");
    let text = "The token is not trusted here: an administrator finds the reason in the server's log under this request's id.";
    Problem::new(Kind::Unauthenticated, text).code(jose::Code::TokenUntrusted.as_str())
}

fn unavailable(account: &AccountId, origin: &Origin, error: &Unreachable) -> Problem {
    tracing::warn!(request_id = origin.request_id, %account, why = error.why, "JWT could not be checked: no keys");
    let text = "The issuer's keys cannot be had now, so the token cannot be checked: try again shortly.";
    Problem::new(Kind::Unavailable, text).code("jwks_unavailable").retry_after(error.retry_after_secs)
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut out, b| {
        let _ = write!(out, "{b:02x}");
        out
    })
}
