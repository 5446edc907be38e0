//! Tokens that a trust takes once (step 18), known by issuer and `jti`. Looked up while the token is judged,
//! taken note of last: what is refused for another reason, or cannot be done now, may be sent again.

use std::sync::Arc;

use db::Tx;
use jose::{Reason, Refusal, Step, Token, Verified};
use parking_lot::Mutex;
use sha2::{Digest as _, Sha256};

use super::door::{Attempt, Refused};
use super::ready::{Ready, Trust};
use super::store;
use crate::app::App;
use crate::kernel::caller::Origin;
use crate::kernel::ids::AccountId;
use crate::kernel::problem::Result;
use crate::kernel::surface::Surface;
use crate::kernel::time::Timestamp;

/// The trusts that the token of one request was used up at. A request that is answered from its beginning
/// passes those once more, and no others.
#[derive(Debug, Default)]
pub struct Taken(Mutex<Vec<String>>);

impl Taken {
    fn note(&self, trust: &str) {
        self.0.lock().push(trust.to_owned());
    }

    fn by(&self, trust: &str) -> bool {
        self.0.lock().iter().any(|taken| taken == trust)
    }
}

/// A token that holds and is not used up yet, with what it was judged by.
pub struct Once<'t> {
    account: AccountId,
    ready: Arc<Ready>,
    surface: Option<Surface>,
    origin: Origin,
    now: Timestamp,
    text: &'t str,
    trust: Arc<Trust>,
    verified: Verified,
}

impl<'t> Once<'t> {
    /// Of the token that the trust takes.
    pub(super) fn of(attempt: &Attempt<'_>, text: &'t str, trust: &Arc<Trust>, verified: &Verified) -> Self {
        Self {
            account: attempt.account.clone(),
            ready: attempt.ready.clone(),
            surface: attempt.surface,
            origin: attempt.origin.clone(),
            now: attempt.now,
            text,
            trust: trust.clone(),
            verified: verified.clone(),
        }
    }

    /// Uses it up, once for all replicas, unless this very request has done so at this trust.
    ///
    /// # Errors
    /// Those of the door, where another request with the same token was quicker.
    pub async fn take(self, app: &App, taken: &Taken) -> Result<()> {
        let Self { account, ready, surface, origin, now, text, trust, verified } = &self;
        if taken.by(&trust.identifier) {
            return Ok(());
        }
        let (of, identifier, key) = (account.clone(), trust.identifier.clone(), replay_key(verified));
        let ends = verified.expires_at().saturating_add(i64::from(trust.policy.leeway_secs) + 1);
        let ends = Timestamp::from_micros(ends.saturating_mul(1_000_000));
        let take = move |tx: &mut Tx<'_>| {
            let seen = store::was_seen(tx, &of, &identifier, &key)?;
            Ok::<_, db::Error>(!seen && store::see(tx, &of, &identifier, &key, ends)?)
        };
        if app.db.write("trust.replay", account.as_str(), take).await? {
            taken.note(&trust.identifier);
            return Ok(());
        }
        let attempt = Attempt { app, account, ready, surface: *surface, origin, now: *now, taken };
        let refused = vec![Refused::new(trust, replayed(verified))];
        let sha256 = Sha256::digest(text.as_bytes()).into();
        Err(attempt.refused(Token::parse(text).ok().as_ref(), refused, &sha256).await)
    }
}

impl Attempt<'_> {
    /// Why the trust does not take the token another time, if it has taken it.
    pub(super) async fn replay(&self, trust: &Trust, verified: &Verified) -> Result<Option<Refusal>> {
        if !trust.replay || self.taken.by(&trust.identifier) {
            return Ok(None);
        }
        let (account, identifier) = (self.account.clone(), trust.identifier.clone());
        let key = replay_key(verified);
        let ask = move |tx: &mut Tx<'_>| store::was_seen(tx, &account, &identifier, &key);
        let seen = self.app.db.of(self.account).point::<_, db::Error>("trust.was_seen", ask).await?;
        Ok(seen.then(|| replayed(verified)))
    }
}

/// What tells one token of an issuer from another: hashed, since both texts may be long.
fn replay_key(verified: &Verified) -> [u8; 32] {
    let mut hash = Sha256::new();
    let issuer = verified.issuer().unwrap_or_default();
    hash.update((issuer.len() as u64).to_be_bytes());
    hash.update(issuer);
    hash.update(verified.jti().unwrap_or_default());
    hash.finalize().into()
}

fn replayed(verified: &Verified) -> Refusal {
    Refusal {
        step: Step::Replay,
        reason: Reason::TokenReplayed,
        expected: "a jti that this trust has not taken before".into(),
        received: format!("{:?} once more", verified.jti().unwrap_or_default()),
        hint: Some(
            "the trust takes each token once: get a new token for each request, or set replay to off".into(),
        ),
    }
}
