//! From a JWT to an actor, in the order of the contract (§2): cheap checks first, keys only for a token that
//! could be trusted, the signature before anything is believed. The unverified issuer chooses among the
//! account's trusts; the first that takes the token in their fixed order decides.

use std::sync::{Arc, Weak};
use std::time::Duration;

use db::Snapshot;
use futures_util::stream::{self, FuturesOrdered, StreamExt as _};
use jose::{MAX_SIGNATURE_CHECKS, Reason, Refusal, Step, Token, Verified};
use sha2::{Digest as _, Sha256};
use tokio::time::{Instant, timeout_at};

use super::answer;
use super::jwks::{Keys, Unreachable, WAIT};
use super::once::{Once, Taken};
use super::ready::{Provider, Ready, Somebody, Trust, ready};
use crate::access::{Actor, Rights};
use crate::accounts;
use crate::app::App;
use crate::kernel::caller::{Caller, Credential, Origin, Principal};
use crate::kernel::ids::AccountId;
use crate::kernel::problem::{Kind, Problem, Result};
use crate::kernel::surface::Surface;
use crate::kernel::time::Timestamp;

/// Longest time a verified token is remembered, seconds.
const REMEMBERED_SECS: i64 = 60;

/// How long a refusal is held back that is one of a flood: at least so long, and less than three times that.
/// The moment is drawn, so that those that came together do not all go together.
const HELD_BACK: Duration = Duration::from_millis(500);

/// Places that are asked anew at once for the key of one token: as many as an account may have asked in a
/// minute.
const ANEW_AT_ONCE: usize = 10;

/// A token that was verified. Positive results only; dead as soon as the account or the key set changes.
pub struct Session {
    account: AccountId,
    /// It belongs to what is known of the account, and goes with it: a remembered token keeps no key set from
    /// being forgotten.
    trust: Weak<Trust>,
    version: i64,
    generation: u64,
    until: Timestamp,
    expires_at: Timestamp,
    leeway_secs: i64,
    principal: Arc<Principal>,
    rights: Arc<Rights>,
    credential: Arc<Credential>,
    surfaces: Arc<[Surface]>,
    /// A token that may be shown once is not shown again.
    anew: bool,
}

impl Session {
    /// Is it this account's, with the same keys, and not too old? The account's version is asked for by who
    /// reads it.
    pub(super) fn holds(&self, account: &AccountId, now: Timestamp) -> bool {
        let same_keys = |trust: Arc<Trust>| trust.keys.generation() == self.generation;
        self.account == *account && now < self.until && self.trust.upgrade().is_some_and(same_keys)
    }

    fn serves(&self, surface: Option<Surface>) -> bool {
        surface.is_none_or(|surface| self.surfaces.contains(&surface))
    }

    fn actor(&self, origin: Origin, snapshot: Snapshot) -> Actor {
        let caller = Caller {
            account: self.account.clone(),
            version: self.version,
            principal: self.principal.clone(),
            credential: self.credential.clone(),
            expires_at: Some(self.expires_at),
            leeway_secs: self.leeway_secs,
            surfaces: self.surfaces.clone(),
            origin: Arc::new(origin),
        };
        Actor { caller, rights: self.rights.clone(), snapshot, anew: self.anew }
    }
}

/// A JWT to the actor of one of the account's trusts that serve `surface` (`None`: any).
///
/// `snapshot`: what the account is read in; closed when the issuer must be asked. `taken`: the trusts that
/// take each token once and have taken this one for the same request.
///
/// # Errors
/// `Unauthenticated` with the public code; `Unavailable` with `jwks_unavailable` when there are no keys to
/// check with.
pub async fn authenticate(
    app: &App,
    account: &AccountId,
    text: &str,
    surface: Option<Surface>,
    origin: Origin,
    snapshot: Snapshot,
    taken: &Taken,
) -> Result<Actor> {
    let (actor, once) = judge(app, account, text, surface, origin, snapshot, taken).await?;
    if let Some(once) = once {
        once.take(app, taken).await?;
    }
    Ok(actor)
}

/// As [`authenticate`], for who judges more than the token; one that its trust takes once is still to be
/// taken.
///
/// # Errors
/// As [`authenticate`].
pub async fn judge<'t>(
    app: &App,
    account: &AccountId,
    text: &'t str,
    surface: Option<Surface>,
    origin: Origin,
    snapshot: Snapshot,
    taken: &Taken,
) -> Result<(Actor, Option<Once<'t>>)> {
    let now = app.clock.now();
    let key: [u8; 32] = Sha256::digest(text.as_bytes()).into();
    let remembered = app.trusts.remembered(&key, account, now);
    let Some(ready) = ready(app, account, &snapshot).await? else {
        let of = account.clone();
        let why =
            app.db.of(account).point("trust.closed", move |tx| accounts::store::why_closed(tx, &of)).await?;
        return Err(answer::without_trust(text, (account, &origin), now, why).inside(why));
    };
    if let Some(session) = remembered.filter(|s| s.version == ready.version && s.serves(surface)) {
        return Ok((session.actor(origin, snapshot), None));
    }
    snapshot.close();
    let attempt = Attempt { app, account, ready: &ready, surface, origin: &origin, now, taken };
    let chosen = attempt.choose(text, &key).await?;
    let once = chosen.trust.replay.then(|| Once::of(&attempt, text, &chosen.trust, &chosen.verified));
    let session = Arc::new(attempt.session(chosen, &key));
    if once.is_none() {
        app.trusts.remember(key, &session);
    }
    Ok((session.actor(origin, snapshot), once))
}

/// One token at the door.
pub(super) struct Attempt<'a> {
    pub(super) app: &'a App,
    pub(super) account: &'a AccountId,
    pub(super) ready: &'a Arc<Ready>,
    pub(super) surface: Option<Surface>,
    pub(super) origin: &'a Origin,
    pub(super) now: Timestamp,
    /// By which trusts the token was taken for the same request before.
    pub(super) taken: &'a Taken,
}

/// The trust that took the token.
struct Chosen {
    trust: Arc<Trust>,
    verified: Verified,
    generation: u64,
    principal: Arc<Principal>,
    rights: Arc<Rights>,
}

/// A trust that did not take the token, and why.
pub(super) struct Refused {
    pub(super) trust: Arc<Trust>,
    pub(super) refusal: Refusal,
    /// Seconds after which trying again makes sense, where only the keys were missing.
    pub(super) retry_after_secs: Option<u32>,
    /// Refused for its claims before anybody knew who wrote them.
    unproven: bool,
}

impl Refused {
    pub(super) fn new(trust: &Arc<Trust>, refusal: Refusal) -> Self {
        Self { trust: trust.clone(), refusal, retry_after_secs: None, unproven: false }
    }

    /// Of a check that needs no key.
    fn unproven(trust: &Arc<Trust>, refusal: Refusal) -> Self {
        let unproven = refusal.step > Step::Claims;
        Self { unproven, ..Self::new(trust, refusal) }
    }

    /// What the caller is told. Claims that anybody may have written must not tell him which of them the
    /// trust takes: how far they came is for administrators.
    pub(super) fn code(&self) -> jose::Code {
        if self.unproven { jose::Code::TokenUntrusted } else { self.refusal.code() }
    }
}

/// A trust that could take the token, with the keys at hand.
type Candidate<'t> = (&'t Arc<Trust>, std::result::Result<Keys, Unreachable>);

impl Attempt<'_> {
    async fn choose(&self, text: &str, key: &[u8; 32]) -> Result<Chosen> {
        let serving: Vec<_> = self.ready.trusts.iter().filter(|trust| trust.serves(self.surface)).collect();
        if serving.is_empty() {
            let why = "the account has no enabled trust for this surface";
            return Err(answer::without_trust(text, (self.account, self.origin), self.now, why));
        }
        let token = match Token::parse(text) {
            Ok(token) => token,
            Err(refusal) => {
                let refused = serving.iter().map(|trust| Refused::new(trust, refusal.clone())).collect();
                return Err(self.refused(None, refused, key).await);
            }
        };
        let until = Instant::now() + WAIT;
        let (passed, mut refused) = self.precheck(&token, &serving);
        let mut checks_left = MAX_SIGNATURE_CHECKS;
        if let Some(chosen) = self.verify(&token, &passed, &mut refused, &mut checks_left).await? {
            return Ok(chosen);
        }
        self.prove(&token, &mut refused, &mut checks_left, until).await;
        Err(self.refused(Some(&token), refused, key).await)
    }

    /// Whether refusals for claims may be told as they are: whoever holds a token that a key of the trust has
    /// signed may know that it is too late. Keys are asked for as for any token, all at once and until the
    /// caller has waited long enough, but none is fetched for its `kid`.
    async fn prove(
        &self,
        token: &Token<'_>,
        refused: &mut [Refused],
        checks_left: &mut usize,
        until: Instant,
    ) {
        let Some(step) = furthest(refused).map(|at| refused[at].refusal.step) else { return };
        let of_step = |other: &&mut Refused| {
            other.unproven && other.refusal.step == step && other.refusal.code() != jose::Code::TokenUntrusted
        };
        let asked = refused.iter_mut().filter(of_step).map(|refused| async move {
            let (trust, jwks) = (refused.trust.clone(), &self.app.trusts.jwks);
            (refused, timeout_at(until, trust.keys.keys(jwks, self.ready.stale_secs)).await)
        });
        let mut asked: FuturesOrdered<_> = asked.collect();
        while let Some((refused, keys)) = asked.next().await {
            let Ok(Ok(keys)) = keys else { continue };
            let now = self.now.secs();
            let verified = jose::verify_within(token, &keys.set, &refused.trust.policy, now, checks_left);
            refused.unproven = verified.is_err_and(|refusal| refusal.step <= Step::Signature);
            if !refused.unproven {
                return;
            }
        }
    }

    /// The trusts of the token's issuer, those that pass the checks that need no key, and why others do not.
    /// Where no trust is of its issuer, all of them say why.
    fn precheck<'t>(
        &self,
        token: &Token<'_>,
        serving: &[&'t Arc<Trust>],
    ) -> (Vec<&'t Arc<Trust>>, Vec<Refused>) {
        let issuer = token.unverified_issuer();
        let named =
            |trust: &&Arc<Trust>| trust.policy.issuer.as_deref().is_none_or(|wanted| issuer == Some(wanted));
        let mut asked: Vec<_> = serving.iter().copied().filter(named).collect();
        if asked.is_empty() {
            asked = serving.to_vec();
        }
        let (mut passed, mut refused) = (Vec::new(), Vec::new());
        for trust in asked {
            match jose::precheck(token, &trust.policy, self.now.secs()) {
                Ok(()) => passed.push(trust),
                Err(refusal) => refused.push(Refused::unproven(trust, refusal)),
            }
        }
        (passed, refused)
    }

    async fn with_keys<'t>(&self, trust: &'t Arc<Trust>) -> Candidate<'t> {
        (trust, trust.keys.keys(&self.app.trusts.jwks, self.ready.stale_secs).await)
    }

    /// The first trust that takes the token. Keys are asked for at once, so that several slow issuers cost
    /// the wait for one, and trusts are judged in order, so that none waits for the keys of a later one. Why
    /// each did not take it is added to `refused`.
    async fn verify(
        &self,
        token: &Token<'_>,
        passed: &[&Arc<Trust>],
        refused: &mut Vec<Refused>,
        checks_left: &mut usize,
    ) -> Result<Option<Chosen>> {
        let mut candidates: FuturesOrdered<_> = passed.iter().map(|trust| self.with_keys(trust)).collect();
        let mut judged = 0;
        while let Some(candidate) = candidates.next().await {
            match self.judge(token, candidate, checks_left).await? {
                Ok(chosen) => return Ok(Some(chosen)),
                Err(lacking) if lacking.refusal.reason == Reason::KidUnknown => {
                    return self.verify_anew(token, &passed[judged..], refused, checks_left).await;
                }
                Err(other) => refused.push(other),
            }
            judged += 1;
        }
        Ok(None)
    }

    /// As `verify`, from the first trust on whose keys lack the token's: a fetch may bring it, before a later
    /// trust is judged, so that what happens to be cached never decides which of two trusts takes a token.
    /// The later ones that lack it are fetched beside it: one issuer that is slow costs no other one's wait.
    async fn verify_anew(
        &self,
        token: &Token<'_>,
        rest: &[&Arc<Trust>],
        refused: &mut Vec<Refused>,
        checks_left: &mut usize,
    ) -> Result<Option<Chosen>> {
        let each: Vec<_> = rest.iter().map(|trust| self.with_newer_keys(token, trust)).collect();
        let mut candidates = stream::iter(each).buffered(ANEW_AT_ONCE);
        while let Some(candidate) = candidates.next().await {
            match self.judge(token, candidate, checks_left).await? {
                Ok(chosen) => return Ok(Some(chosen)),
                Err(other) => refused.push(other),
            }
        }
        Ok(None)
    }

    async fn with_newer_keys<'t>(&self, token: &Token<'_>, trust: &'t Arc<Trust>) -> Candidate<'t> {
        let (trust, keys) = self.with_keys(trust).await;
        let Ok(known) = &keys else { return (trust, keys) };
        let newer = self.keys_for(token, trust, known).await;
        (trust, newer.map_or(keys, Ok))
    }

    async fn judge(
        &self,
        token: &Token<'_>,
        (trust, keys): Candidate<'_>,
        checks_left: &mut usize,
    ) -> Result<std::result::Result<Chosen, Refused>> {
        let keys = match keys {
            Ok(keys) => keys,
            Err(error) => {
                let retry_after_secs = Some(error.retry_after_secs);
                return Ok(Err(Refused { retry_after_secs, ..Refused::new(trust, no_keys(&error)) }));
            }
        };
        let outcome = self.try_one(token, trust, &keys, checks_left).await?;
        Ok(outcome.map_err(|refusal| Refused::new(trust, aged(refusal, &keys, self.now))))
    }

    /// The keys after a forced fetch, if the token's key may be among them.
    pub(super) async fn keys_for(&self, token: &Token<'_>, trust: &Trust, keys: &Keys) -> Option<Keys> {
        let kid = token.kid().filter(|kid| keys.set.with_kid(kid).next().is_none())?;
        let Provider::Fetched(source) = &trust.keys else { return None };
        let (jwks, stale_secs) = (&self.app.trusts.jwks, self.ready.stale_secs);
        let who = (self.account, self.origin.client);
        jwks.keys_for_unknown(source, (kid, keys.generation), who, stale_secs).await
    }

    async fn try_one(
        &self,
        token: &Token<'_>,
        trust: &Arc<Trust>,
        keys: &Keys,
        checks_left: &mut usize,
    ) -> Result<std::result::Result<Chosen, Refusal>> {
        let now = self.now.secs();
        let verified = match jose::verify_within(token, &keys.set, &trust.policy, now, checks_left) {
            Ok(verified) => verified,
            Err(refusal) => return Ok(Err(refusal)),
        };
        if let Some(refusal) = self.replay(trust, &verified).await? {
            return Ok(Err(refusal));
        }
        Ok(acts_as(trust).map(|(principal, rights)| Chosen {
            trust: trust.clone(),
            generation: keys.generation,
            principal: principal.clone(),
            rights: rights.clone(),
            verified,
        }))
    }

    fn session(&self, chosen: Chosen, key: &[u8; 32]) -> Session {
        let Chosen { trust, verified, generation, principal, rights } = chosen;
        let expires_at = Timestamp::from_micros(verified.expires_at().saturating_mul(1_000_000));
        let leeway_secs = trust.policy.leeway();
        Session {
            account: self.account.clone(),
            version: self.ready.version,
            generation,
            until: expires_at.plus_secs(leeway_secs).min(self.now.plus_secs(REMEMBERED_SECS)),
            expires_at,
            leeway_secs,
            credential: Arc::new(Credential::Jwt {
                trust: trust.identifier.clone(),
                key_id: verified.kid().map(str::to_owned),
                subject: verified.subject().map(str::to_owned),
                token_sha256: hex(key),
            }),
            principal,
            rights,
            surfaces: trust.surfaces.clone(),
            anew: !trust.replay,
            trust: Arc::downgrade(&trust),
        }
    }

    /// The answer for the caller; the refusals are kept for administrators. In a flood it comes late, so that
    /// who sends such tokens waits, and not the other accounts (decision 009).
    pub(super) async fn refused(
        &self,
        token: Option<&Token<'_>>,
        refused: Vec<Refused>,
        key: &[u8; 32],
    ) -> Problem {
        let told = self.app.trusts.refusals.note(self, token, &refused, key);
        let problem = self.answer(&refused, told);
        if !told && problem.kind() == Kind::Unauthenticated {
            let drawn = f64::from(u16::from_le_bytes(self.app.rng.bytes())) / f64::from(u16::MAX);
            tokio::time::sleep(HELD_BACK.mul_f64(1.0 + 2.0 * drawn)).await;
        }
        problem
    }

    /// `told`: is it to be logged?
    fn answer(&self, refused: &[Refused], told: bool) -> Problem {
        let Some(first) = furthest(refused).map(|at| &refused[at]) else {
            return answer::untrusted("no trust was asked");
        };
        let refusal = &first.refusal;
        if told {
            tracing::info!(
                request_id = self.origin.request_id, account = %self.account, trust = first.trust.identifier,
                step = %refusal.step, reason = %refusal.reason, expected = refusal.expected,
                received = refusal.received, hint = refusal.hint.as_deref(), "JWT refused"
            );
        }
        answer::refused(refusal, first.code(), first.retry_after_secs)
    }
}

/// Which refusal is answered. Without keys nobody can say no; else the one that came furthest says most, and
/// of several the one whose claims a key of the trust has signed.
fn furthest(refused: &[Refused]) -> Option<usize> {
    let unavailable = refused.iter().position(|refused| refused.retry_after_secs.is_some());
    let weight = |at: &usize| (refused[*at].refusal.step, !refused[*at].unproven);
    unavailable.or_else(|| (0..refused.len()).rev().max_by_key(weight))
}

/// Step 19: as whom a token of the trust acts.
///
/// # Errors
/// When the service account does not exist, or is another one than the trust was stored for.
pub(super) fn acts_as(trust: &Trust) -> std::result::Result<&Somebody, Refusal> {
    trust.acts_as.as_ref().map_err(|absent| absent.refusal(&trust.service_account))
}

/// No keys, as a refusal of step 10.
pub(super) fn no_keys(error: &Unreachable) -> Refusal {
    Refusal {
        step: Step::KeyId,
        reason: Reason::JwksUnavailable,
        expected: "the issuer's key set".into(),
        received: error.why.clone(),
        hint: Some("see that this server reaches the issuer; it tries again by itself".into()),
    }
}

/// Says how old the set is that lacks the key.
pub(super) fn aged(mut refusal: Refusal, keys: &Keys, now: Timestamp) -> Refusal {
    if refusal.reason == Reason::KidUnknown
        && let Some(at) = keys.fetched_at
    {
        let ago = match now.secs() - at.secs() {
            secs @ ..120 => format!("{} s", secs.max(0)),
            secs => format!("{} min", secs / 60),
        };
        let more = refusal.hint.map(|hint| format!("; {hint}")).unwrap_or_default();
        refusal.hint = Some(format!("kid not in the set fetched {ago} ago{more}"));
    }
    refusal
}

pub(super) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits.map(|digit| char::from(DIGITS[usize::from(digit)])).collect()
}
