//! What the running server holds: built once, passed to every handler, never global.

use std::ops::Deref;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use db::{Db, Tx};
use futures_util::future::BoxFuture;
use hyper_util::client::proxy::matcher::Matcher;
use url::Url;

use crate::access::Actor;
use crate::access::standing::still;
use crate::accounts::secrets::Secrets;
use crate::accounts::store::hold_row;
use crate::accounts::versions::Versions;
use crate::events::Feed;
use crate::kernel::caller::Caller;
use crate::kernel::ids::AccountId;
use crate::kernel::problem::{Problem, Result as Outcome};
use crate::kernel::rng::Rng;
use crate::kernel::time::{Clock, Timestamp};
use crate::migrations::LOG_STEPS;
use crate::operator::door::TokenFile;
use crate::outbound::fetch::Fetcher;
use crate::outbound::guard::Allow;
use crate::outbound::post::Poster;
use crate::provisioning_log;
use crate::router::authenticate::Sessions;
use crate::scim_api::{Dialects, DryRuns};
use crate::settings::catalogue::Setting;
use crate::settings::model::Followed;
use crate::trust::jwks::Jwks;
use crate::trust::{self, Trusts};
use crate::web::proxies::Proxies;
use crate::web::traffic::Traffic;
use crate::webhooks::{Deliveries, Trials};

/// Beside a SQLite database: the provisioning log.
pub const LOG_FILE: &str = "provisioning-log.db";

/// Opens the place of the provisioning log as it is, to look into it.
///
/// # Errors
/// When its file is none of ours or cannot be used.
pub fn open_log(db: &Db) -> Result<Db, String> {
    db.beside(LOG_FILE, LOG_STEPS).map_err(|error| log_failed(&error))
}

fn log_failed(error: &db::Error) -> String {
    let text = format!("the provisioning log: {error}");
    // A full disk or a missing right says itself what to do, and would meet a new file, too.
    if error.kind() == db::ErrorKind::Unavailable {
        return text;
    }
    text + "; nothing else is in it: move it away, and a new one is made"
}

/// The parts of a running server. Cheap to clone.
#[derive(Clone)]
pub struct App(Arc<Parts>);

/// See `App`.
pub struct Parts {
    /// The database bridge.
    pub db: Db,
    /// Where the provisioning log is: not `db` itself where that has one writer only.
    pub log_db: Db,
    /// Is the schema of this release in the database? Until then nothing but health is answered. Once it is
    /// it stays so: steps only go forward.
    pub schema_whole: AtomicBool,
    /// Where `now` comes from.
    pub clock: Clock,
    /// Where randomness comes from.
    pub rng: Rng,
    /// Limits and switches an operator sets.
    pub limits: Limits,
    /// What URLs in answers begin with, where not with what each request says; without a slash at its end.
    pub public_url: Option<String>,
    /// Whose word about clients counts.
    pub trusted_proxies: Proxies,
    /// Where the set-up code lies, if in a file.
    pub setup_file: Option<PathBuf>,
    /// The file of the operator's tokens; without one there are no routes of his.
    pub operator_tokens: Option<TokenFile>,
    /// Is the web console served, where the program has it?
    pub console: bool,
    /// Versions of accounts, by which sessions, dialects and trusts are kept.
    pub versions: Versions,
    /// Verified credentials, kept by account version.
    pub sessions: Sessions,
    /// SCIM dialects, kept by account version.
    pub dialects: Dialects,
    /// Dry runs that are under way, by account.
    pub dry_runs: DryRuns,
    /// Secrets of accounts.
    pub secrets: Secrets,
    /// Those who wait for events.
    pub feed: Feed,
    /// The way out, for key sets.
    pub fetcher: Fetcher,
    /// The way out, for webhooks.
    pub poster: Poster,
    /// What became of deliveries.
    pub deliveries: Deliveries,
    /// Tests of webhooks that are under way.
    pub trials: Trials,
    /// Told in the transaction that changes this one of the four settings of the default trust, with the time
    /// and the id of an audit row about the trust; answers what whoever changes it should know, or why it
    /// cannot be so. Here, because trusts are above settings.
    pub jwt_settings_changed: fn(&mut Tx<'_>, &Caller, &Setting, (Timestamp, &str)) -> Outcome<Followed>,
    /// What is wrong with the keys of the default trust, of which a setting now says that they are at this
    /// URL. Here for the same reason.
    pub jwt_settings_keys: for<'a> fn(&'a App, &'a AccountId, &'a Url) -> BoxFuture<'a, Option<String>>,
    /// What is weak about the default trust as it now holds. Here for the same reason.
    pub jwt_settings_lint: fn(&mut Tx<'_>, &AccountId) -> Outcome<Option<String>>,
    /// Trusted issuers, their keys, and tokens of theirs that were verified.
    pub trusts: Trusts,
    /// What waits to be written to the provisioning log.
    pub provisioning_log: provisioning_log::Log,
    /// What went through the server.
    pub traffic: Traffic,
    /// Whether the server is about to stop: it still answers, but should get no new requests.
    pub stopping: AtomicBool,
}

/// Limits and switches of the HTTP surface.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Largest body of the platform API, bytes.
    pub platform_body_bytes: usize,
    /// Largest body of the SCIM API, bytes.
    pub scim_body_bytes: usize,
    /// For a whole request, its body included.
    pub request_timeout: Duration,
    /// Entries of the provisioning log that may wait to be written.
    pub log_entries: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            platform_body_bytes: 1 << 20,
            scim_body_bytes: 4 << 20,
            request_timeout: Duration::from_secs(30),
            log_entries: provisioning_log::queue::MOST,
        }
    }
}

/// What an operator decides for the whole server.
#[derive(Debug)]
pub struct Switches {
    /// Limits of the HTTP surface.
    pub limits: Limits,
    /// Places outside of the public Internet where key sets may be fetched.
    pub jwks_allow: Allow,
    /// Places outside of the public Internet that webhooks may go to.
    pub webhook_allow: Allow,
    /// The proxies that key sets are fetched through, and webhooks sent.
    pub proxies: Option<Matcher>,
    /// Remember verified JWTs for up to a minute?
    pub jwt_cache: bool,
    /// What URLs in answers begin with, without a slash at its end.
    pub public_url: Option<String>,
    /// Whose word about clients counts.
    pub trusted_proxies: Proxies,
    /// Where the set-up code lies, if in a file.
    pub setup_file: Option<PathBuf>,
    /// The file of the operator's tokens, if he has any.
    pub operator_tokens: Option<PathBuf>,
    /// Serve the web console, where the program has it?
    pub console: bool,
}

impl Default for Switches {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            jwks_allow: Allow::default(),
            webhook_allow: Allow::default(),
            proxies: None,
            jwt_cache: true,
            public_url: None,
            trusted_proxies: Proxies::default(),
            setup_file: None,
            operator_tokens: None,
            console: true,
        }
    }
}

fn ways_out(keys: Allow, webhooks: Allow, proxies: Option<Matcher>) -> Result<(Fetcher, Poster), String> {
    let (fetcher, poster) = (Fetcher::new(keys)?, Poster::new(webhooks)?);
    match proxies.map(Arc::new) {
        Some(proxies) => Ok((fetcher.with_proxies(proxies.clone())?, poster.with_proxies(proxies)?)),
        None => Ok((fetcher, poster)),
    }
}

impl App {
    /// Puts the parts together.
    ///
    /// # Errors
    /// When TLS for outbound connections cannot be set up on this machine, or the file of the provisioning
    /// log cannot be opened.
    pub fn assemble(db: Db, clock: Clock, rng: Rng, switches: Switches) -> Result<Self, String> {
        let log_db = db.beside_mended(LOG_FILE, LOG_STEPS).map_err(|error| log_failed(&error))?;
        Self::of((db, log_db), clock, rng, switches)
    }

    /// As `assemble`, for a command, which writes nothing to the provisioning log: a server beside it may
    /// have that file open.
    ///
    /// # Errors
    /// When TLS for outbound connections cannot be set up on this machine.
    pub fn of_command(db: Db, clock: Clock, rng: Rng, switches: Switches) -> Result<Self, String> {
        Self::of((db.clone(), db), clock, rng, switches)
    }

    fn of((db, log_db): (Db, Db), clock: Clock, rng: Rng, switches: Switches) -> Result<Self, String> {
        let (fetcher, poster) = ways_out(switches.jwks_allow, switches.webhook_allow, switches.proxies)?;
        let trusts = Trusts::new(Jwks::new(fetcher.clone(), clock.clone(), rng.clone()), switches.jwt_cache);
        let (limits, setup_file) = (switches.limits, switches.setup_file);
        let operator_tokens = switches.operator_tokens.map(TokenFile::new);
        let (sessions, dialects) = (Sessions::default(), Dialects::default());
        let provisioning_log = provisioning_log::Log::new(limits.log_entries);
        let parts = Parts {
            db,
            log_db,
            schema_whole: AtomicBool::new(true),
            clock,
            rng,
            limits,
            public_url: switches.public_url,
            trusted_proxies: switches.trusted_proxies,
            setup_file,
            operator_tokens,
            console: switches.console,
            versions: Versions::default(),
            sessions,
            dialects,
            dry_runs: DryRuns::default(),
            secrets: Secrets::default(),
            feed: Feed::default(),
            fetcher,
            poster,
            deliveries: Deliveries::default(),
            trials: Trials::default(),
            jwt_settings_changed: trust::default::follow,
            jwt_settings_keys: trust::default::look_at_keys,
            jwt_settings_lint: trust::actions::default_lint,
            trusts,
            provisioning_log,
            traffic: Traffic::default(),
            stopping: AtomicBool::new(false),
        };
        Ok(Self(Arc::new(parts)))
    }

    /// Runs a closure as `Db::write` does, with the account's row held from the start: of such changes of one
    /// account each sees all of those before, on every replica. For whatever decides about access, where one
    /// change must not slip between the check and the write of another; and who asks is still who he was.
    ///
    /// # Errors
    /// Of the closure, and of the database; `Unavailable` where the actor holds less by now.
    pub async fn write_alone<T, E, F>(&self, label: &'static str, actor: &Actor, f: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<db::Error> + From<Problem> + Send + 'static,
        F: Fn(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
    {
        let (by, clock) = (actor.clone(), self.clock.clone());
        let alone = move |tx: &mut Tx<'_>| {
            still(tx, &by, clock.now())?;
            f(tx)
        };
        self.write_held(label, actor.caller.account.as_str(), alone).await
    }

    /// As `write_alone`, for who is no principal of the account.
    ///
    /// # Errors
    /// Of the closure, and of the database.
    pub async fn write_held<T, E, F>(&self, label: &'static str, account: &str, f: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<db::Error> + Send + 'static,
        F: Fn(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
    {
        let held = account.to_owned();
        let alone = move |tx: &mut Tx<'_>| {
            hold_row(tx, &held)?;
            f(tx)
        };
        self.db.write(label, account, alone).await
    }
}

impl Deref for App {
    type Target = Parts;
    fn deref(&self) -> &Parts {
        &self.0
    }
}
