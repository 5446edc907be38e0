//! An account's trusts as tokens meet them: keys at hand, service account and rights looked up. Made anew
//! when the account's version moves, so that a changed trust, binding or service account holds with the next
//! request.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use db::{Snapshot, Tx};
use jose::Policy;
use quick_cache::sync::Cache;

use super::actions;
use super::acts_as::{self, Absent};
use super::door::Session;
use super::jwks::{Jwks, Keys, Place, PlaceId, Source, Unreachable};
use super::model::{Definition, KeySource, Stored};
use super::read;
use super::refusals::Refusals;
use crate::access::{Rights, rights};
use crate::app::App;
use crate::kernel::caller::Principal;
use crate::kernel::ids::AccountId;
use crate::kernel::problem::Result;
use crate::kernel::scope::Scope;
use crate::kernel::surface::Surface;
use crate::kernel::time::Timestamp;
use crate::settings;
use crate::settings::catalogue::JWT_STALE_HOURS;
use crate::tokens::verify::service_account_since;

/// The trusts of all accounts as this process knows them.
pub struct Trusts {
    /// The key sets.
    pub jwks: Arc<Jwks>,
    /// Refusals that wait to be written.
    pub refusals: Refusals,
    accounts: Cache<AccountId, Arc<Ready>>,
    verified: Option<Cache<[u8; 32], Arc<Session>>>,
}

/// An account's trusts at one version of the account.
pub struct Ready {
    /// The account's version.
    pub version: i64,
    /// In the order in which they are tried: those that name their issuer first, then by identifier.
    pub trusts: Vec<Arc<Trust>>,
    /// Seconds past their end that keys serve in an outage.
    pub stale_secs: i64,
}

impl Ready {
    /// Where keys are fetched for its trusts.
    fn places(&self) -> impl Iterator<Item = PlaceId> {
        self.trusts.iter().filter_map(|trust| match &trust.keys {
            Provider::Fetched(source) => Some(source.id()),
            Provider::Stored(_) | Provider::Broken(_) => None,
        })
    }
}

/// A service account and what it holds.
pub type Somebody = (Arc<Principal>, Arc<Rights>);

/// Whom a trust acts as, or why as nobody.
pub type ActsAs = std::result::Result<Somebody, Absent>;

/// A trust with all that it needs.
pub struct Trust {
    /// Its identifier.
    pub identifier: String,
    /// Of the stored trust.
    pub version: i64,
    /// When the stored trust was made: one that was deleted and made again begins with version 1, too.
    pub made: Timestamp,
    /// Does it let anybody in?
    pub enabled: bool,
    /// What a token must be and say.
    pub policy: Policy,
    /// Where tokens may be presented.
    pub surfaces: Arc<[Surface]>,
    /// Is each token taken only once?
    pub replay: bool,
    /// The service account's identifier …
    pub service_account: String,
    /// … and whom that is, with what he holds now.
    pub acts_as: ActsAs,
    /// Where the keys come from.
    pub keys: Provider,
}

/// Where a trust's keys come from.
#[derive(Clone)]
pub enum Provider {
    /// Stored with the trust.
    Stored(Keys),
    /// Fetched.
    Fetched(Arc<Source>),
    /// What is stored cannot be used, which the reader should have refused.
    Broken(String),
}

impl Trust {
    /// Does it take tokens there? `None`: anywhere.
    pub fn serves(&self, surface: Option<Surface>) -> bool {
        self.enabled && surface.is_none_or(|surface| self.surfaces.contains(&surface))
    }
}

impl Provider {
    pub(super) fn of(definition: &Definition, jwks: &Jwks) -> Self {
        match (&definition.jwks, definition.fetched_url()) {
            (KeySource::Keys(keys), _) => match read::stored_keys(keys) {
                Ok(set) => Self::Stored(Keys { set: Arc::new(set), generation: 0, fetched_at: None }),
                Err(why) => Self::Broken(why),
            },
            (source, Ok(Some(url))) => {
                let issuer = match source {
                    KeySource::Discovery(issuer) => Some(issuer.clone()),
                    _ => None,
                };
                Self::Fetched(jwks.source(&Place { url, issuer, ca_pem: definition.ca_pem.clone() }))
            }
            (_, Ok(None)) => Self::Broken("no keys are named".into()),
            (_, Err(error)) => Self::Broken(format!("the place of the keys is no URL: {error}")),
        }
    }

    /// The keys, fetched if need be.
    ///
    /// # Errors
    /// When there is nothing to verify with.
    pub async fn keys(&self, jwks: &Arc<Jwks>, stale_secs: i64) -> std::result::Result<Keys, Unreachable> {
        match self {
            Self::Stored(keys) => Ok(keys.clone()),
            Self::Fetched(source) => jwks.keys(source, stale_secs).await,
            Self::Broken(why) => Err(Unreachable { why: why.clone(), retry_after_secs: 60 }),
        }
    }

    /// Which keys these are now: grows when they change.
    pub fn generation(&self) -> u64 {
        match self {
            Self::Fetched(source) => source.snapshot().generation,
            Self::Stored(_) | Self::Broken(_) => 0,
        }
    }
}

impl Trusts {
    /// Knows nothing yet. `remember`: keep verified tokens for up to a minute.
    pub fn new(jwks: Jwks, remember: bool) -> Self {
        let verified = remember.then(|| Cache::new(10_000));
        let accounts = Cache::new(10_000);
        Self { jwks: Arc::new(jwks), refusals: Refusals::default(), accounts, verified }
    }

    /// A token that was verified a moment ago, if nothing has changed since.
    pub(super) fn remembered(
        &self,
        key: &[u8; 32],
        account: &AccountId,
        now: Timestamp,
    ) -> Option<Arc<Session>> {
        self.verified.as_ref()?.get(key).filter(|session| session.holds(account, now))
    }

    pub(super) fn remember(&self, key: [u8; 32], session: &Arc<Session>) {
        if let Some(cache) = &self.verified {
            cache.insert(key, session.clone());
        }
    }
}

/// The account's trusts, read anew when its version moved. `None`: no such account.
///
/// # Errors
/// Only of the database.
pub async fn ready(app: &App, account: &AccountId, snapshot: &Snapshot) -> Result<Option<Arc<Ready>>> {
    let known = app.trusts.accounts.get(account);
    let (service, wanted, version) =
        (app.clone(), account.clone(), known.as_ref().map(|known| known.version));
    let load = move |tx: &mut Tx<'_>| load(&service, tx, &wanted, version);
    match app.db.of(account).point_in(snapshot, "trust.load", load).await? {
        Loaded::Nobody => Ok(None),
        Loaded::Same => Ok(known),
        Loaded::Anew(rows) => {
            let ready = Arc::new(rows.with_keys(known.as_ref(), &app.trusts.jwks));
            app.trusts.accounts.insert(account.clone(), ready.clone());
            Ok(Some(ready))
        }
    }
}

/// Asks again for the key sets that are due. Before that, the trusts are looked at by which this process
/// knows of them: whether their accounts still have them is otherwise seen with the next token only, and so
/// long the keys of what was deleted would be fetched on.
pub async fn refresh_due(app: &App) {
    let due = app.trusts.jwks.due();
    if !due.is_empty() {
        look_again(app, due).await;
    }
    app.trusts.jwks.refresh_due().await;
}

/// One account that has a trust by which a place is wanted is enough for the place: a key set that thousands
/// share costs one look.
async fn look_again(app: &App, mut unsure: HashSet<PlaceId>) {
    let accounts = &app.trusts.accounts;
    let wants = |ready: &Ready, places: &HashSet<PlaceId>| ready.places().any(|id| places.contains(&id));
    let known: Vec<_> = accounts.iter().filter(|(_, ready)| wants(ready, &unsure)).collect();
    for (account, before) in known {
        if !wants(&before, &unsure) {
            continue;
        }
        match ready(app, &account, &Snapshot::default()).await {
            Ok(Some(now)) => {
                for id in now.places() {
                    unsure.remove(&id);
                }
            }
            Ok(None) => drop(accounts.remove(&account)),
            // Keys must not end because the database is away, and each further look would wait for it, too.
            Err(_) => return,
        }
    }
}

/// What the account's version says of what is known.
enum Loaded {
    Nobody,
    Same,
    Anew(Rows),
}

/// An account's trusts as they are stored. Their keys are looked up once the transaction is over.
struct Rows {
    version: i64,
    trusts: Vec<(Stored, ActsAs)>,
    stale_secs: i64,
}

impl Rows {
    fn with_keys(self, known: Option<&Arc<Ready>>, jwks: &Jwks) -> Ready {
        let trusts = self.trusts.into_iter();
        let mut trusts: Vec<_> =
            trusts.map(|(stored, acts_as)| Arc::new(trust(stored, acts_as, known, jwks))).collect();
        trusts.sort_by(|a, b| {
            let key = |t: &Trust| (t.policy.issuer.is_none(), t.identifier.clone());
            key(a).cmp(&key(b))
        });
        Ready { version: self.version, trusts, stale_secs: self.stale_secs }
    }
}

fn load(app: &App, tx: &mut Tx<'_>, account: &AccountId, known: Option<i64>) -> Result<Loaded> {
    let Some(version) = app.versions.find(tx, account)? else { return Ok(Loaded::Nobody) };
    if known == Some(version) {
        return Ok(Loaded::Same);
    }
    let scope = Scope::account(account.clone());
    let mut principals: HashMap<String, Option<(Somebody, Timestamp)>> = HashMap::new();
    let mut trusts = Vec::new();
    for stored in actions::all(tx, account)? {
        let id = &stored.definition.service_account;
        if !principals.contains_key(id) {
            let found = match service_account_since(tx, scope.clone(), id)? {
                Some((principal, made)) => {
                    let rights = rights::load(tx, account, &principal)?;
                    Some(((Arc::new(principal), Arc::new(rights)), Timestamp::from_micros(made)))
                }
                None => None,
            };
            principals.insert(id.clone(), found);
        }
        let acts_as = match principals.get(id) {
            Some(Some((somebody, made))) => acts_as::check(&stored, Some(*made)).map(|()| somebody.clone()),
            _ => Err(Absent::Gone),
        };
        trusts.push((stored, acts_as));
    }
    let stale_secs = stale_secs(tx, &scope)?;
    Ok(Loaded::Anew(Rows { version, trusts, stale_secs }))
}

/// Seconds past their end that the account's keys serve in an outage.
///
/// # Errors
/// Of the database.
pub(super) fn stale_secs(tx: &mut Tx<'_>, account: &Scope) -> Result<i64> {
    let hours = settings::actions::number(tx, account, JWT_STALE_HOURS)?.unwrap_or(24);
    Ok(hours.saturating_mul(3_600))
}

fn trust(stored: Stored, acts_as: ActsAs, known: Option<&Arc<Ready>>, jwks: &Jwks) -> Trust {
    let definition = stored.definition;
    // Stored keys are parsed once for each version of the trust, not of the account.
    let same = |t: &&Arc<Trust>| {
        let fixed = matches!(t.keys, Provider::Stored(_));
        let state = (&t.identifier, t.version, t.made);
        fixed && state == (&definition.identifier, stored.version, stored.created_at)
    };
    let before = known.and_then(|known| known.trusts.iter().find(same));
    let keys = before.map_or_else(|| Provider::of(&definition, jwks), |trust| trust.keys.clone());
    Trust {
        identifier: definition.identifier,
        version: stored.version,
        made: stored.created_at,
        enabled: definition.enabled,
        policy: definition.policy,
        surfaces: definition.surfaces.into(),
        replay: definition.replay,
        service_account: definition.service_account,
        acts_as,
        keys,
    }
}
