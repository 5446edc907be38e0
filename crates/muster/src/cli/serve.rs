//! `muster serve`: puts the server together, says how to set it up, serves until told to stop, and drains.

use std::io::{self, IsTerminal as _};
use std::net::SocketAddr;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use db::Db;
use hyper_util::client::proxy::matcher::Matcher;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

use super::exit::{Exit, Failure};
use super::{descriptors, say, store};
use crate::app::{App, Limits, Switches};
use crate::config::{Config, Place};
use crate::kernel::rng::Rng;
use crate::kernel::time::Clock;
use crate::migrations::STEPS;
use crate::operator::door::{Tokens, warn_of_readers};
use crate::router::console;
use crate::router::health::VERSION;
use crate::setup::model::Invitation;
use crate::web::limits::ConnectionLimits;
use crate::web::listen;
use crate::{jobs, provisioning_log, router, setup};

/// Connections of the second listener at a time.
const WATCHERS: usize = 64;

/// After so long what a start needs is tried again.
const AGAIN: Duration = Duration::from_secs(2);

/// How long the server's own last writes may take once requests are drained.
const LAST_WRITES: Duration = Duration::from_secs(5);

/// How long calls of the database that are still under way may take after that.
const LAST_CALLS: Duration = Duration::from_secs(5);

/// The runtime of a command; all cores without a number.
pub(super) fn runtime(threads: Option<usize>) -> Result<Runtime, Failure> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    if let Some(threads) = threads {
        builder.worker_threads(threads);
    }
    let failed =
        |error| Failure::new(Exit::Failed, format!("the threads of the server do not start: {error}"));
    builder.enable_all().thread_name("serve").build().map_err(failed)
}

/// Serves until SIGTERM or SIGINT.
pub fn run(config: &Config) -> Result<(), Failure> {
    log(config);
    for line in &config.strangers {
        tracing::warn!("{line}");
    }
    // Before anything is opened: it raises the limit of open files.
    let bounds = limits(config);
    let runtime = runtime(config.worker_threads)?;
    // Before the database is touched: a mistake or a second server changes nothing.
    if let Some(path) = &config.operator_tokens {
        let named = |text| format!("{}: {text}", config.named("operator-token-file"));
        Tokens::load(path).map_err(|text| Failure::new(Exit::Config, named(text)))?;
        warn_of_readers(path);
    }
    let listeners = runtime.block_on(Listeners::bind(config))?;
    let db = store::open(config)?;
    let _held = store::hold(config)?;
    let complete = if config.auto_migrate {
        db.migrate(STEPS)?;
        true
    } else {
        db.pending(STEPS)? == 0
    };
    let cut_off = runtime.block_on(serve(config, db, (listeners, bounds), complete))?;
    // What is still open after the drain time is cut off with the runtime.
    runtime.shutdown_background();
    if cut_off > 0 {
        tracing::warn!(connections = cut_off, "the drain time is over; connections were cut off");
    }
    tracing::info!("stopped");
    Ok(())
}

async fn serve(
    config: &Config,
    db: Db,
    (Listeners { front: listener, watchers }, bounds): (Listeners, ConnectionLimits),
    complete: bool,
) -> Result<usize, Failure> {
    let app = assemble(config, db)?;
    let address = address_of(&listener)?;
    // Whatever can still end the start comes before it is said that the server serves.
    let invitation = if complete { Some(prepare(&app).await?) } else { None };
    let (stop, stopping) = watch::channel(false);
    let (end, ending) = watch::channel(false);
    let known_as = config.public_url.as_ref().map(|url| format!(" as {url}")).unwrap_or_default();
    say(&format!("Muster {VERSION} serves http://{address}{known_as} with {}.", place(config)))?;
    lead_in(config, address)?;
    tell_what_is_open(config, address, watchers.as_ref())?;
    let management = manage(config, &app, watchers, &bounds, ending)?;
    let mut jobs = if let Some(invitation) = invitation {
        invite(config, address, &invitation)?;
        jobs::start_all(&app, &stopping)
    } else {
        say("The schema is not complete: run `muster migrate`; until then every request is answered 503.")?;
        app.schema_whole.store(false, Relaxed);
        let mut later = JoinSet::new();
        later.spawn(once_migrated(app.clone(), config.clone(), address, stopping.clone()));
        later
    };
    tokio::spawn(signals(app.clone(), config.drain_delay, stop));
    tokio::spawn(end_waiting(app.clone(), stopping.clone()));
    let front = (router::Front::new(app.clone()), router::refusals(&app, config.header_bytes, true));
    let cut_off = listen::serve(listener, front, bounds, stopping).await;
    if tokio::time::timeout(LAST_WRITES, write_last(&app, &mut jobs)).await.is_err() {
        let seconds = LAST_WRITES.as_secs();
        tracing::warn!(seconds, "the database did not take the last notes in time; they were lost");
    }
    end.send_replace(true);
    let _ = management.await;
    close(&app).await;
    Ok(cut_off)
}

/// A request that was cut off may still wait for the database: what was accepted is finished, not dropped, as
/// long as the database answers.
async fn close(app: &App) {
    let both = async { tokio::join!(app.db.close(), app.log_db.close()) };
    if tokio::time::timeout(LAST_CALLS, both).await.is_err() {
        let ((waiting_reads, waiting_writes), seconds) = (app.db.waiting(), LAST_CALLS.as_secs());
        tracing::warn!(
            waiting_reads,
            waiting_writes,
            seconds,
            "the database did not finish in time; its calls were cut off, and whether those under way were carried \
             out is not known"
        );
    }
}

/// Waits for the jobs, which ended with the draining or are about to write what would be lost.
async fn write_last(app: &App, jobs: &mut JoinSet<()>) {
    while jobs.join_next().await.is_some() {}
    // Requests that ended since are still to be told of.
    if let Err(problem) = provisioning_log::actions::flush(app).await {
        let cause = problem.cause().unwrap_or_else(|| problem.message());
        tracing::warn!(cause, "the last entries of the provisioning log were lost");
    }
}

/// Where the server listens.
struct Listeners {
    front: TcpListener,
    /// For those who watch it, if that is wanted.
    watchers: Option<TcpListener>,
}

impl Listeners {
    /// Both or none.
    async fn bind(config: &Config) -> Result<Self, Failure> {
        let front = bind("listen", &config.listen).await?;
        let watchers = match &config.management_listen {
            Some(address) => Some(bind("management-listen", address).await?),
            None => None,
        };
        Ok(Self { front, watchers })
    }
}

/// Where a person goes with his token.
fn lead_in(config: &Config, address: SocketAddr) -> Result<(), Failure> {
    if !config.console || !console::is_embedded() {
        return Ok(());
    }
    let base = config.public_url.clone().unwrap_or_else(|| format!("http://{address}"));
    say(&format!("The web console, for whoever has a token, is at {base}{}", console::ROOT))
}

/// One line for whoever reads the log only. Where a connection to PostgreSQL came about without TLS although
/// that was preferred, there is another one.
fn tell_what_is_open(
    config: &Config,
    address: SocketAddr,
    watchers: Option<&TcpListener>,
) -> Result<(), Failure> {
    let (engine, sslmode) = match &config.place {
        Place::Folder(_) => ("sqlite", None),
        Place::Postgres(url) => ("postgres", Some(db::ssl_mode(url.expose())?)),
    };
    let management = watchers.map(address_of).transpose()?.map(tracing::field::display);
    let (public_url, operator) = (&config.public_url, config.operator_tokens.is_some());
    let trusted_proxies = !config.trusted_proxies.is_empty();
    tracing::info!(
        version = VERSION,
        listen = %address,
        management,
        public_url,
        trusted_proxies,
        operator,
        engine,
        sslmode,
        "serving"
    );
    Ok(())
}

fn address_of(listener: &TcpListener) -> Result<SocketAddr, Failure> {
    listener.local_addr().map_err(|error| Failure::new(Exit::Failed, error.to_string()))
}

/// Starts to serve those who watch. It ends after the first listener.
fn manage(
    config: &Config,
    app: &App,
    listener: Option<TcpListener>,
    bounds: &ConnectionLimits,
    end: listen::Stop,
) -> Result<JoinHandle<usize>, Failure> {
    let Some(listener) = listener else { return Ok(tokio::spawn(async { 0 })) };
    say(&format!("Metrics are at http://{}/metrics.", address_of(&listener)?))?;
    let front = (router::Management::new(app), router::refusals(app, config.header_bytes, false));
    let bounds = ConnectionLimits {
        connections: WATCHERS,
        give_way: true,
        drain_timeout: Duration::ZERO,
        ..bounds.clone()
    };
    Ok(tokio::spawn(listen::serve(listener, front, bounds, end)))
}

async fn prepare(app: &App) -> Result<Invitation, Failure> {
    // Not before the schema is whole: migrating takes a connection of its own.
    app.db.gather().await?;
    let file = app.setup_file.as_deref();
    Ok(setup::actions::prepare(&app.db, &app.rng, app.clock.now(), file).await?)
}

/// Waits until somebody has run `muster migrate`; then it is as if the server had started now.
async fn once_migrated(app: App, config: Config, address: SocketAddr, mut stop: listen::Stop) {
    loop {
        tokio::select! {
            () = listen::stopped(&mut stop) => return,
            () = tokio::time::sleep(Duration::from_secs(1)) => {}
        }
        match app.db.count_pending(STEPS).await {
            Ok(0) => break,
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, "waiting for `muster migrate`"),
        }
    }
    let mut is_ready = prepare_late(&app, &config, address).await;
    // What is still missing keeps nobody waiting who has a credential.
    tracing::info!("the schema is complete");
    app.schema_whole.store(true, Relaxed);
    let mut jobs = jobs::start_all(&app, &stop);
    while !is_ready {
        tokio::select! {
            () = listen::stopped(&mut stop) => break,
            () = tokio::time::sleep(AGAIN) => {}
        }
        is_ready = prepare_late(&app, &config, address).await;
    }
    while jobs.join_next().await.is_some() {}
}

/// As at a start, but that nothing ends with it where it fails: `false` then.
async fn prepare_late(app: &App, config: &Config, address: SocketAddr) -> bool {
    let invited = prepare(app).await.and_then(|invitation| invite(config, address, &invitation));
    if let Err(failure) = &invited {
        tracing::error!(?failure, "the first account cannot be set up by its code yet");
    }
    invited.is_ok()
}

/// Requests that wait for events are answered at once when the server stops.
async fn end_waiting(app: App, mut stop: listen::Stop) {
    listen::stopped(&mut stop).await;
    app.feed.end();
}

fn assemble(config: &Config, db: Db) -> Result<App, Failure> {
    let limits = Limits {
        platform_body_bytes: config.platform_body_bytes,
        scim_body_bytes: config.scim_body_bytes,
        request_timeout: config.request_timeout,
        ..Limits::default()
    };
    let (jwks_allow, webhook_allow) = (config.jwks_allow.clone(), config.webhook_allow.clone());
    let jwt_cache = config.jwt_cache;
    let proxies = Some(Matcher::from_env());
    let (setup_file, operator_tokens) = (store::setup_file(config), config.operator_tokens.clone());
    let (public_url, trusted_proxies) = (config.public_url.clone(), config.trusted_proxies.clone());
    let console = config.console;
    let switches = Switches {
        limits,
        jwks_allow,
        webhook_allow,
        proxies,
        jwt_cache,
        public_url,
        trusted_proxies,
        setup_file,
        operator_tokens,
        console,
    };
    App::assemble(db, Clock::System, Rng::System, switches)
        .map_err(|text| Failure::new(Exit::Unavailable, text))
}

fn limits(config: &Config) -> ConnectionLimits {
    ConnectionLimits {
        connections: descriptors::for_connections(config.max_connections),
        give_way: false,
        header_bytes: config.header_bytes,
        header_timeout: config.header_timeout,
        idle_timeout: config.idle_timeout,
        drain_timeout: config.drain_timeout,
    }
}

fn place(config: &Config) -> String {
    match &config.place {
        Place::Folder(folder) => format!("the SQLite database in {}", folder.display()),
        Place::Postgres(_) => "PostgreSQL".into(),
    }
}

async fn bind(option: &str, place: &str) -> Result<TcpListener, Failure> {
    listen::bind(place).await.map_err(|error| {
        let advice = match error.kind() {
            io::ErrorKind::AddrInUse => {
                format!("another program listens there: stop it, or choose another address with --{option}")
            }
            io::ErrorKind::PermissionDenied => {
                format!("ports below 1024 need a privilege: choose a higher one with --{option}")
            }
            io::ErrorKind::AddrNotAvailable => {
                format!("this machine has no such address: correct --{option}")
            }
            _ => format!("correct --{option}"),
        };
        Failure::new(Exit::Unavailable, format!("cannot listen on {place}: {advice} ({error})"))
    })
}

/// Says how to get from an empty database to the first credential. The code itself only reaches a
/// terminal: what is written anywhere else is kept by somebody.
fn invite(config: &Config, address: SocketAddr, invitation: &Invitation) -> Result<(), Failure> {
    if matches!(invitation, Invitation::Over) {
        return Ok(());
    }
    let base = config.public_url.clone().unwrap_or_else(|| format!("http://{address}"));
    // As this program was called, so that the line can be copied.
    let program = std::env::args().next().unwrap_or_else(|| "muster".into());
    let target = match &config.place {
        Place::Folder(folder) => format!("--data-dir {}", folder.display()),
        Place::Postgres(_) => "--database URL".into(),
    };
    say("There is no account yet. Make the first one with its administrator and a token, either here:")?;
    say(&format!("  {program} bootstrap {target} --account ID --email ADDRESS"))?;
    if config.operator_tokens.is_some() {
        say("or with a token of the operator by POST /v1/accounts (docs/customers.md),")?;
    }
    say("or from elsewhere with the one-time set-up code:")?;
    say(&format!(
        "  curl {base}/v1/setup --json '{{\"code\": \"CODE\", \"account\": \"ID\", \"email\": \"ADDRESS\"}}'"
    ))?;
    let file = store::setup_file(config).map(|path| path.display().to_string());
    match (invitation, file) {
        (Invitation::Fresh(code), _) if io::stdout().is_terminal() => {
            say(&format!("The set-up code is {}", code.expose()))
        }
        (_, Some(path)) => say(&format!("The set-up code is in {path}")),
        _ => say(
            "The set-up code was not printed, this being no terminal: `muster setup-code --database URL` makes one.",
        ),
    }
}

/// The first SIGTERM or SIGINT stops, after the delay; the second one ends at once.
async fn signals(app: App, delay: Duration, stop: watch::Sender<bool>) {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut term), Ok(mut int)) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        tracing::error!("signals cannot be received; the server ends only by being killed");
        return std::future::pending().await;
    };
    let mut signalled = async || {
        tokio::select! {
            _ = term.recv() => {}
            _ = int.recv() => {}
        }
    };
    signalled().await;
    app.stopping.store(true, Relaxed);
    if !delay.is_zero() {
        tracing::info!(
            seconds = delay.as_secs_f64(),
            "stopping: /readyz answers 503, requests are still taken"
        );
    }
    let ends = async {
        tokio::time::sleep(delay).await;
        tracing::info!("stopping: no new connections, requests in flight are finished");
        stop.send_replace(true);
        std::future::pending::<()>().await;
    };
    tokio::select! {
        () = ends => {}
        () = signalled() => {}
    }
    tracing::warn!("stopped by a second signal");
    std::process::exit(i32::from(Exit::Failed.code()));
}

fn log(config: &Config) {
    use tracing_subscriber::filter::Targets;
    use tracing_subscriber::prelude::*;
    let filter: Targets = config.log_level.parse().unwrap_or_default();
    let lines = tracing_subscriber::fmt::layer().with_writer(io::stderr);
    if config.log_json {
        tracing_subscriber::registry().with(lines.json().with_filter(filter)).init();
    } else {
        let colour = io::stderr().is_terminal();
        tracing_subscriber::registry().with(lines.with_ansi(colour).with_filter(filter)).init();
    }
}
