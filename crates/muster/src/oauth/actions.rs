//! Issuing an access token. Writes nothing but, once, the account's secret: identity providers ask often,
//! and what is done with the token is audited with the token or JWT it was issued for.

use db::{Snapshot, Tx};
use jose::AudiencePolicy;

use super::request::{Ask, Proof, refused};
use super::token::{Claims, Parent, mark, seal};
use super::verify::owner;
use crate::accounts;
use crate::accounts::secrets::{self, Purpose};
use crate::app::App;
use crate::kernel::caller::{Caller, Credential, Origin};
use crate::kernel::ids::AccountId;
use crate::kernel::problem::{Kind, Problem, Result};
use crate::kernel::secret::Secret;
use crate::kernel::sparing::Sparing;
use crate::kernel::surface::Surface;
use crate::kernel::time::Timestamp;
use crate::tokens::secret::{Own, is_own, read};
use crate::tokens::verify::verify;
use crate::trust::model::Stored;
use crate::trust::once::Once;
use crate::trust::{self, Taken};

/// How long an access token holds at most, seconds.
const LIFETIME_SECS: i64 = 900;
/// Longest subject that an access token carries into audit rows, characters.
const SUBJECT_CHARS: usize = 256;

const CLIENT: &str = "The client is not known here or its secret does not hold: client_id is the identifier of a service account, client_secret one of its tokens (they begin with sat.) in this account.";
/// What the secret is meant to be shows in how it begins: that needs no look-up, and tells nobody anything of
/// others.
const PERSONAL: &str = "client_secret is a personal access token, and a user is no client: send that token itself, as x-api-key or, to the SCIM API, as Authorization: Bearer; or take a token of a service account (it begins with sat.) as the secret.";
const ISSUED: &str = "client_secret is an access token, which this endpoint gives: send it itself as Authorization: Bearer, and as the secret a token of the service account (it begins with sat.).";

/// An access token as it is answered.
#[derive(Debug)]
pub struct Issued {
    /// Its text.
    pub text: Secret,
    /// Seconds until its end.
    pub expires_in: i64,
    /// Where it may be presented.
    pub surfaces: Vec<Surface>,
}

/// What was proven, and what may be issued for it.
struct Proven<'t> {
    account: AccountId,
    by: Parent,
    /// What the parent rests on, see `mark`.
    rests_on: Vec<u8>,
    ends: Option<Timestamp>,
    surfaces: Vec<Surface>,
    /// An assertion that is to be used up.
    once: Option<Once<'t>>,
}

/// An access token for what the client shows. `account`: the one that the request names; a secret names
/// its own.
///
/// # Errors
/// With a code of RFC 6749 §5.2; `Unavailable` when the keys of an issuer cannot be had.
pub async fn issue(app: &App, account: Option<AccountId>, ask: Ask, origin: Origin) -> Result<Issued> {
    let now = app.clock.now();
    let is_grant = matches!(ask.proof, Proof::Assertion { is_grant: true, .. });
    let as_asked = |problem| worded(problem, is_grant);
    let proven = match &ask.proof {
        Proof::Secret { client, secret } => by_secret(app, account, (client, secret), &origin, now).await?,
        Proof::Assertion { text, client, .. } => {
            let account = account.ok_or_else(|| {
                refused(
                    "invalid_request",
                    "No account is named: send the request to /oauth2/<account>/token.",
                )
            })?;
            by_assertion(app, &account, (text, client.as_deref()), &origin).await.map_err(as_asked)?
        }
    };
    let surfaces = granted(&proven, ask.surfaces)?;
    let key = secrets::of(app, &proven.account, Purpose::AccessTokens).await?;
    // Last: who hears of something to change, or to try again, can send the same assertion.
    if let Some(once) = proven.once {
        once.take(app, &Taken::default()).await.map_err(as_asked)?;
    }
    let longest = now.plus_secs(LIFETIME_SECS);
    let end = proven.ends.map_or(longest, |ends| ends.min(longest));
    let claims = Claims {
        id: app.rng.base62(20),
        end: end.micros(),
        scope: surfaces.iter().map(|surface| surface.as_str().to_owned()).collect(),
        mark: mark(&key, &proven.rests_on),
        by: proven.by,
    };
    tracing::info!(request_id = origin.request_id, account = %proven.account, id = claims.id, by = ?claims.by, "access token issued");
    let text = seal(&key, &proven.account, &claims);
    Ok(Issued { text, expires_in: (end.micros() - now.micros()) / 1_000_000, surfaces })
}

/// What of the surfaces allowed is asked for.
fn granted(proven: &Proven<'_>, asked: Option<Vec<Surface>>) -> Result<Vec<Surface>> {
    let allowed = &proven.surfaces;
    let Some(asked) = asked.filter(|asked| !asked.is_empty()) else { return Ok(allowed.clone()) };
    let Some(surface) = asked.iter().find(|surface| !allowed.contains(surface)) else { return Ok(asked) };
    let (what, advice) = match proven.by {
        Parent::Sat(_) => ("token that is the secret does not open", "take a token with this surface"),
        Parent::Jwt { .. } => ("JWT trust does not serve", "add the surface to the trust"),
    };
    let text = format!("The {what} {}: leave scope out, or {advice}.", surface.as_str());
    Err(refused("invalid_scope", text))
}

/// The client by a token of its service account. Every refusal of what may be one has one text, and all but
/// one that no look-up is needed for cost the same.
async fn by_secret(
    app: &App,
    account: Option<AccountId>,
    (client, secret): (&str, &Secret),
    origin: &Origin,
    now: Timestamp,
) -> Result<Proven<'static>> {
    let refuse = |text: &'static str, reason: &'static str| {
        static REFUSED: Sparing = Sparing::unspent();
        let request_id = &origin.request_id;
        REFUSED.tell(|left_out| tracing::info!(request_id, reason, left_out, "client refused"));
        refused("invalid_client", text).inside(reason)
    };
    let wrong = |reason| refuse(CLIENT, reason);
    let text = secret.expose();
    match is_own(text) {
        Some(Own::Pat) => return Err(refuse(PERSONAL, "personal_token")),
        Some(Own::Oat) => return Err(refuse(ISSUED, "access_token")),
        Some(Own::Sat) | None => {}
    }
    let token = read(text).ok_or_else(|| wrong("malformed_token"))?;
    if account.is_some_and(|account| account != token.account) {
        return Err(wrong("other_account"));
    }
    let shown = token.clone();
    let check = move |tx: &mut Tx<'_>| verify(tx, &shown, now);
    let verified = app
        .db
        .of(&token.account)
        .point("oauth.client", check)
        .await?
        .map_err(|refusal| wrong(refusal.as_str()))?;
    if verified.principal.id != client {
        return Err(wrong("other_client"));
    }
    app.sessions.last_used.note(&token.account, &token.id, now, origin.client);
    Ok(Proven {
        by: Parent::Sat(token.id.to_string()),
        rests_on: token.sha256.to_vec(),
        ends: verified.expires_at,
        surfaces: verified.surfaces,
        account: token.account,
        once: None,
    })
}

/// The client by a JWT of a trusted issuer, let in by the same door as on the SCIM API. It is used up by who
/// has judged the rest, too.
async fn by_assertion<'t>(
    app: &App,
    account: &AccountId,
    (text, client): (&'t Secret, Option<&str>),
    origin: &Origin,
) -> Result<Proven<'t>> {
    let (origin, snapshot, taken) = (origin.clone(), Snapshot::default(), &Taken::default());
    let (actor, once) =
        trust::door::judge(app, account, text.expose(), None, origin, snapshot, taken).await?;
    let caller = actor.caller;
    let Credential::Jwt { trust, key_id, subject, token_sha256 } = &*caller.credential else {
        return Err(Problem::internal("a JWT was let in as something else"));
    };
    if let Some(client) = client
        && client != caller.principal.id
        && subject.as_deref() != Some(client)
    {
        return Err(Problem::new(
            Kind::Unauthenticated,
            "client_id is neither the subject of the assertion nor the service account it acts as: leave it out.",
        ));
    }
    let (stored, rests_on) = standing(app, &caller, trust).await?;
    let definition = stored.definition;
    if definition.policy.audience_policy != AudiencePolicy::Required {
        return Err(Problem::new(
            Kind::Unauthenticated,
            "The JWT trust does not compare audiences, so the assertion may be meant for another server: give the trust audiences.",
        ));
    }
    Ok(Proven {
        account: account.clone(),
        by: Parent::Jwt {
            trust: trust.clone(),
            kid: key_id.clone(),
            sub: subject.as_ref().map(|subject| subject.chars().take(SUBJECT_CHARS).collect()),
            sha256: token_sha256.clone(),
        },
        rests_on,
        ends: caller.ends(),
        surfaces: definition.surfaces,
        once,
    })
}

/// The trust as it stood when it took the assertion, and what rests on it.
async fn standing(app: &App, caller: &Caller, trust: &str) -> Result<(Stored, Vec<u8>)> {
    let (account, version, id) = (caller.account.clone(), caller.version, trust.to_owned());
    let look = move |tx: &mut Tx<'_>| {
        let same = accounts::store::find_version(tx, &account)? == Some(version);
        let found = if same { trust::actions::find(tx, &account, &id)? } else { None };
        let Some(stored) = found else { return Ok::<_, Problem>(None) };
        Ok(owner(tx, &account, &stored)?.map(|(_, rests_on)| (stored, rests_on)))
    };
    let found = app.db.of(&caller.account).point("oauth.trust", look).await?;
    found.ok_or_else(|| {
        let text = "The account's access was changed meanwhile: send the request again.";
        Problem::new(Kind::Unavailable, text).retry_after(1)
    })
}

/// A JWT's refusal in the words of the token endpoint (RFC 7521 §4.1.1, §4.2.1).
fn worded(problem: Problem, is_grant: bool) -> Problem {
    if problem.kind() != Kind::Unauthenticated {
        return problem;
    }
    let code = if is_grant { "invalid_grant" } else { "invalid_client" };
    refused(code, problem.message().to_owned())
}
