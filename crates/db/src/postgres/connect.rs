//! Reading the URL, connecting, TLS, and what PostgreSQL's errors mean. Nothing here ever shows the URL
//! itself: it holds the password.

use std::error::Error as StdError;
use std::fmt::Write as _;
use std::sync::OnceLock;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio_postgres::config::{Host, SslMode, TargetSessionAttrs};
use tokio_postgres::error::SqlState;
use tokio_postgres::{CancelToken, Client, Config, NoTls};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::tls::{self, Witness};
use crate::tx::brief;
use crate::{Error, ErrorKind};

const CONNECT: Duration = Duration::from_secs(5);
/// Statements travel behind their BEGIN unanswered: where that alone is refused, they must not be carried out
/// each for itself. So whatever is to write says so in its BEGIN.
const WITHIN: &str = "SET default_transaction_read_only = on;";
/// A lane waits so long for a lock before it looks who of a batch needs it; the others wait with it.
const LOCK_MS: u32 = 3_000;
const SHAPE: &str = "write postgres://user:password@host:5432/database?sslmode=require";
const SSL_MODES: &str = "write disable, prefer, require, verify-ca or verify-full";

/// How to connect: the URL, completed with what makes a failover short and a hang impossible.
pub(crate) struct Settings {
    config: Config,
    hosts: String,
    setup: String,
    tls: OnceLock<Result<MakeRustlsConnect, Error>>,
}

impl Settings {
    /// Reads the URL. `sslmode` may be `disable`, `prefer` (the default: encrypts when that works),
    /// `require`, `verify-ca` or `verify-full`; the last three all verify the certificate and the host's name
    /// against the machine's roots.
    pub(crate) fn parse(url: &str) -> Result<Self, Error> {
        check_characters(url)?;
        let url = url.replace("sslmode=verify-full", "sslmode=require");
        let url = url.replace("sslmode=verify-ca", "sslmode=require");
        let mut config: Config = url.parse().map_err(|error| unreadable(&error))?;
        if config.get_hosts().is_empty() {
            return Err(Error::other(format!("the PostgreSQL URL names no host: {SHAPE}")));
        }
        if config.get_target_session_attrs() == TargetSessionAttrs::Any {
            config.target_session_attrs(TargetSessionAttrs::ReadWrite);
        }
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(CONNECT);
        }
        if config.get_tcp_user_timeout().is_none() {
            config.tcp_user_timeout(Duration::from_secs(15));
        }
        if config.get_keepalives_idle() > Duration::from_hours(1) {
            config.keepalives_idle(Duration::from_secs(15));
            config.keepalives_interval(Duration::from_secs(5)).keepalives_retries(3);
        }
        if config.get_application_name().is_none() {
            config.application_name("muster");
        }
        let setup = limits(config.get_options().unwrap_or_default(), 60_000, LOCK_MS) + WITHIN;
        let hosts = describe(&config);
        Ok(Self { config, hosts, setup, tls: OnceLock::new() })
    }

    /// What the URL says of TLS.
    pub(crate) fn ssl_mode(&self) -> &'static str {
        match self.config.get_ssl_mode() {
            SslMode::Disable => "disable",
            SslMode::Prefer => "prefer",
            _ => "require",
        }
    }

    /// For migrations: no limit on how long a statement runs or waits, unless the URL sets one.
    pub(crate) fn unhurried(mut self) -> Self {
        self.setup = limits(self.config.get_options().unwrap_or_default(), 0, 0);
        self
    }

    fn tls(&self) -> Result<MakeRustlsConnect, Error> {
        self.tls.get_or_init(tls::build).clone()
    }
}

/// Refuses characters that stand for something else in a URL. The parser would take some of them as they are,
/// and another one as the end of the password; a second @ would make a host or a name of a part of it, and
/// errors show those.
fn check_characters(url: &str) -> Result<(), Error> {
    let (place, parameters) = url.split_once('?').unwrap_or((url, ""));
    let place = place.split_once("://").map_or(place, |(_, rest)| rest);
    let login = place.split_once('@').map_or("", |(login, _)| login);
    let digits = |code: &str| code.get(..2).is_some_and(|code| code.bytes().all(|b| b.is_ascii_hexdigit()));
    let wrong = if place.matches('@').count() > 1 || parameters.contains('@') {
        "an @ too many, one stands between password and host"
    } else if login.contains('/') {
        "a / before its @"
    } else if url.contains('#') {
        "a #"
    } else if !url.split('%').skip(1).all(digits) {
        "a % without two hexadecimal digits behind it"
    } else {
        return Ok(());
    };
    Err(Error::other(format!(
        "the PostgreSQL URL holds {wrong}: percent-encode user and password, in which @ is written as %40, : as %3A, \
         / as %2F, ? as %3F, # as %23 and % as %25"
    )))
}

/// What each connection is set to, except what the URL's own `options` set.
fn limits(options: &str, statement_ms: u32, lock_ms: u32) -> String {
    let wanted = [
        ("statement_timeout", statement_ms.to_string()),
        ("lock_timeout", lock_ms.to_string()),
        ("idle_in_transaction_session_timeout", statement_ms.to_string()),
        // A table that exists already is nothing to tell the operator; the driver would put it into the log.
        ("client_min_messages", "warning".into()),
    ];
    wanted.iter().filter(|(name, _)| !options.contains(name)).fold(String::new(), |mut sql, (name, value)| {
        write!(sql, "SET {name} = {value};").expect("writing to a String cannot fail");
        sql
    })
}

fn unreadable(error: &tokio_postgres::Error) -> Error {
    // The parser's own words may quote the URL; these quote at most the name of a parameter.
    let tame = |why: &String| {
        let unknown = why.strip_prefix("unknown option `").and_then(|rest| rest.strip_suffix('`'));
        let word = |name: &str| name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
        why.starts_with("invalid value for option") || unknown.is_some_and(word)
    };
    let why = error.source().map(ToString::to_string).filter(tame);
    let shape = match &why {
        Some(why) if why.contains("`sslmode`") => SSL_MODES,
        _ => SHAPE,
    };
    let why = why.map_or_else(String::new, |why| format!(" ({why})"));
    Error::other(format!("the PostgreSQL URL cannot be read{why}: {shape}"))
}

fn describe(config: &Config) -> String {
    let ports = config.get_ports();
    let names = config.get_hosts().iter().enumerate().map(|(index, host)| {
        let port = ports.get(index).or(ports.first()).copied().unwrap_or(5432);
        match host {
            Host::Tcp(name) => format!("{name}:{port}"),
            #[cfg(unix)]
            Host::Unix(path) => format!("{}:{port}", path.display()),
        }
    });
    names.collect::<Vec<_>>().join(", ")
}

/// A client and the task that drives its connection.
type Session = (Client, JoinHandle<()>);

/// Connects and prepares the session. Must run inside the runtime that is to drive the connection.
pub(super) async fn connect(settings: &Settings) -> Result<Session, Error> {
    let (client, task) = match settings.config.get_ssl_mode() {
        SslMode::Disable => plain(settings, &settings.config).await?,
        SslMode::Prefer => preferred(settings).await?,
        _ => encrypted(settings).await.map(|(session, _)| session).map_err(|failed| match failed {
            TlsFailed::Handshake(error) | TlsFailed::Unreached(error) | TlsFailed::Refused(error) => error,
        })?,
    };
    let ready = tokio::time::timeout(CONNECT, client.batch_execute(&settings.setup)).await;
    match ready {
        Ok(Ok(())) => Ok((client, task)),
        Ok(Err(error)) => Err(refused(settings, &error)),
        Err(_) => Err(Error::lost(format!("PostgreSQL at {} does not answer", settings.hosts))),
    }
}

/// With TLS where that works, else without, which the log tells.
async fn preferred(settings: &Settings) -> Result<Session, Error> {
    match encrypted(settings).await {
        Ok((session, true)) => {
            tls::note_encrypted();
            Ok(session)
        }
        Ok((session, false)) => {
            if !tls::is_here(&settings.config) {
                tls::tell_plain(&Error::other(format!("PostgreSQL at {} offers no TLS", settings.hosts)));
            }
            Ok(session)
        }
        Err(TlsFailed::Handshake(error)) => {
            tls::tell_plain(&error);
            unencrypted(settings).await
        }
        // Of several hosts the last one's failure is told: another one's may have been TLS.
        Err(TlsFailed::Unreached(error)) if settings.config.get_hosts().len() > 1 => {
            let session = unencrypted(settings).await?;
            tls::tell_plain(&error);
            Ok(session)
        }
        Err(TlsFailed::Unreached(error) | TlsFailed::Refused(error)) => Err(error),
    }
}

enum TlsFailed {
    Handshake(Error),
    /// No server spoke to us.
    Unreached(Error),
    /// A server did, and said no.
    Refused(Error),
}

/// Asks for TLS; `false` where the server has none and the URL does not insist.
async fn encrypted(settings: &Settings) -> Result<(Session, bool), TlsFailed> {
    let witness = Witness::of(settings.tls().map_err(TlsFailed::Handshake)?);
    match settings.config.connect(witness.clone()).await {
        Ok((client, connection)) => Ok(((client, drive(connection)), witness.is_encrypted())),
        Err(error) if error.to_string().starts_with("error performing TLS") => {
            let why = error.source().map_or_else(String::new, |why| format!(" ({why})"));
            Err(TlsFailed::Handshake(Error::new(
                ErrorKind::Unavailable,
                format!(
                    "TLS to PostgreSQL at {} failed{why}: check the server's certificate and set \
                     SSL_CERT_FILE to its CA if that is private; without TLS use sslmode=disable",
                    settings.hosts
                ),
            )))
        }
        Err(error) if error.as_db_error().is_some() => Err(TlsFailed::Refused(refused(settings, &error))),
        Err(error) => Err(TlsFailed::Unreached(refused(settings, &error))),
    }
}

async fn unencrypted(settings: &Settings) -> Result<Session, Error> {
    plain(settings, settings.config.clone().ssl_mode(SslMode::Disable)).await
}

async fn plain(settings: &Settings, config: &Config) -> Result<Session, Error> {
    let (client, connection) = config.connect(NoTls).await.map_err(|error| refused(settings, &error))?;
    Ok((client, drive(connection)))
}

/// Asks the server to end what the session of this token does, as encrypted as that is.
pub(super) async fn cancel(settings: &Settings, token: &CancelToken) -> Result<(), tokio_postgres::Error> {
    match settings.config.get_ssl_mode() {
        SslMode::Disable => token.cancel_query(NoTls).await,
        _ => match settings.tls() {
            Ok(tls) => token.cancel_query(tls).await,
            Err(_) => token.cancel_query(NoTls).await,
        },
    }
}

fn drive(
    connection: impl Future<Output = Result<(), tokio_postgres::Error>> + Send + 'static,
) -> JoinHandle<()> {
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "a PostgreSQL connection ended");
        }
    })
}

/// Why a connection did not come about, in one line.
fn refused(settings: &Settings, error: &tokio_postgres::Error) -> Error {
    let hosts = &settings.hosts;
    let Some(db) = error.as_db_error() else {
        let why = error.source().map_or_else(|| error.to_string(), ToString::to_string);
        if why.contains("does not allow writes") {
            return Error::lost(format!("PostgreSQL at {hosts} is read-only: put the primary into the URL"));
        }
        return Error::lost(format!(
            "PostgreSQL at {hosts} cannot be reached ({why}): \
             check that it runs and that host, port and sslmode in the URL are right"
        ));
    };
    let (code, why) = (db.code().code(), db.message());
    let advice = match code {
        "28P01" | "28000" => "check user and password in the URL and the server's pg_hba.conf",
        "3D000" => "create the database, or correct its name at the end of the URL",
        "42704" | "42501" => "check the options in the URL and the rights of the user",
        "53300" => {
            return Error::crowded(format!(
                "PostgreSQL at {hosts} has no connection left for this server ({why}): raise the limit of the \
                 role, the database or the server, or lower --database-connections"
            ));
        }
        // starting up, shutting down: it may work in a moment
        _ => return Error::lost(format!("PostgreSQL at {hosts} accepts no connection now: {why}")),
    };
    Error::new(ErrorKind::Unavailable, format!("PostgreSQL at {hosts} refused: {why}; {advice}"))
}

/// For a pooler that keeps no session: statements are prepared and settings made per session.
pub(super) fn pooled(settings: &Settings) -> Error {
    let hosts = &settings.hosts;
    Error::new(ErrorKind::Unavailable, format!("at {hosts} {POOLED}"))
}

const POOLED: &str = "a connection pooler gives out connections to PostgreSQL by the transaction, or as \
    others left them: set it to session mode (pool_mode = session, server_reset_query = DISCARD ALL), or put \
    the address of PostgreSQL itself into the URL";

pub(super) fn lost() -> Error {
    Error::lost("the connection to PostgreSQL was lost")
}

/// What an error of a statement means.
pub(super) fn classify(error: &tokio_postgres::Error, sql: &str) -> Error {
    let Some(db) = error.as_db_error() else {
        let text = error.to_string();
        let why = error.source().map_or_else(String::new, |why| format!(": {why}"));
        // Found before anything was sent: the connection is fine, our SQL or values are not.
        let ours = ["error serializing", "error encoding", "error deserializing", "expected "];
        if ours.iter().any(|head| text.starts_with(head)) {
            return Error::other(format!("{text}{why}: {}", brief(sql)));
        }
        return Error::lost(format!("the connection to PostgreSQL was lost ({text}{why})"));
    };
    let (code, text) = (db.code(), db.message());
    let stale = (*code == SqlState::FEATURE_NOT_SUPPORTED && text.starts_with("cached plan"))
        || *code == SqlState::INVALID_SQL_STATEMENT_NAME;
    match code.code() {
        // 42P07, 42710: a table, or its row type, that another process made in the same instant
        "23505" | "42P07" | "42710" => {
            Error::new(ErrorKind::Unique, format!("a row with this key exists already: {text}"))
        }
        "40001" | "40P01" => Error::new(ErrorKind::Retry, format!("PostgreSQL asks to try again: {text}")),
        "55P03" => Error::locked(format!("PostgreSQL asks to try again: {text}")),
        // A name that this session gave nobody: it is another one's.
        "42P05" => Error::new(ErrorKind::Unavailable, format!("PostgreSQL: {text}: {POOLED}")),
        "42501" => Error::new(ErrorKind::Denied, format!("PostgreSQL: {text}")),
        "57014" => Error::new(ErrorKind::Timeout, format!("PostgreSQL: {text}: {}", brief(sql))),
        "53100" | "53200" => {
            Error::new(ErrorKind::Unavailable, format!("PostgreSQL has no room left: {text}"))
        }
        // shut down, a primary that became a replica, an idle timeout, a plan made before a migration
        "57P01" | "57P02" | "57P03" | "57P05" | "25006" | "25P03" => {
            Error::lost(format!("PostgreSQL ended the session: {text}"))
        }
        other if stale || other.starts_with("08") => {
            Error::lost(format!("PostgreSQL ended the session: {text}"))
        }
        _ if sql.is_empty() => Error::other(format!("PostgreSQL: {text}")),
        _ => Error::other(format!("PostgreSQL: {text}: {}", brief(sql))),
    }
}
