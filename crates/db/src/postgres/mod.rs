//! PostgreSQL: a session that belongs to one database thread. The thread's own small runtime drives the
//! connection and is entered only while somebody waits for an answer, so a statement costs no hop between
//! threads. Statements nobody waits for (BEGIN, SAVEPOINT, RELEASE, `put`s) are held back and travel with the
//! next one that has an answer: one round trip for all of them.

mod codec;
mod connect;

use std::collections::HashMap;
use std::future::{Future, poll_fn};
use std::ops::ControlFlow;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use futures_util::StreamExt;
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_postgres::{Client, Statement};

use crate::lanes::{CommitFault, Writer};
use crate::reading::Reader;
use crate::sql::Value;
use crate::tx::{Failure, Session};
use crate::{Error, ErrorKind, Param, Row, Tx};

pub(crate) use codec::cell;
use codec::{Bound, Held};
pub(crate) use connect::Settings;
use connect::classify;

/// Statements kept prepared for each connection.
const STATEMENTS: usize = 512;
/// Statements held back at most before they are sent.
const HELD_BACK: usize = 256;
/// A server that has not answered by now is taken for dead; its own statement timeout comes earlier.
const SILENCE: Duration = Duration::from_secs(75);

/// The slot of statements that belong to the transaction as a whole: if one fails, the session is lost.
const FRAME: usize = usize::MAX;

/// One connection (or none, until it is needed) and the runtime that drives it.
pub(crate) struct PgSession {
    settings: Arc<Settings>,
    link: Option<Link>,
    runtime: Runtime,
}

struct Link {
    client: Rc<Client>,
    task: JoinHandle<()>,
    statements: Statements,
    pending: Vec<Pending>,
    /// Something of the open transaction was sent.
    sent: bool,
    /// Something of the open transaction was answered: the connection was alive when it began.
    answered: bool,
}

struct Pending {
    slot: usize,
    future: Pin<Box<dyn Future<Output = Result<(), tokio_postgres::Error>>>>,
    early: Option<Result<(), tokio_postgres::Error>>,
}

/// What went wrong while the thread waited.
enum Trouble {
    Server(tokio_postgres::Error),
    Silent,
    Caller(Error),
}

/// A fault and whose: of a pipelined statement's slot, or `None` for the statement waited for.
struct Broken {
    slot: Option<usize>,
    trouble: Trouble,
}

impl From<tokio_postgres::Error> for Trouble {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Server(error)
    }
}

/// Where a query failed: see [`crate::error::Fault`].
pub(crate) enum PgFault {
    Database(Failure),
    Caller(Error),
}

/// Connects once and refuses a server the data cannot live on.
pub(crate) fn check(settings: &Arc<Settings>) -> Result<(), Error> {
    let mut session = PgSession::new(Arc::clone(settings), PgSession::runtime()?);
    let sql =
        "SELECT CAST(current_setting('server_version_num') AS BIGINT), current_setting('server_encoding')";
    let (version, encoding) = session
        .snapshot(|mut tx| tx.query_one(sql, &[], |row| Ok((row.get::<i64>(0)?, row.get::<String>(1)?))))??;
    Writer::finish(&mut session);
    if version < 120_000 {
        return Err(Error::other(format!("PostgreSQL {} is too old: use 12 or newer", version / 10_000)));
    }
    if encoding != "UTF8" {
        let advice = "create it with ENCODING 'UTF8' TEMPLATE template0";
        return Err(Error::other(format!("the database's encoding is {encoding}: {advice}")));
    }
    Ok(())
}

impl PgSession {
    pub(crate) fn new(settings: Arc<Settings>, runtime: Runtime) -> Self {
        Self { settings, link: None, runtime }
    }

    /// A runtime for one session, made where an error can still be answered.
    pub(crate) fn runtime() -> Result<Runtime, Error> {
        let built = tokio::runtime::Builder::new_current_thread().enable_all().build();
        built.map_err(|error| Error::other(format!("a database thread cannot wait for the network: {error}")))
    }

    fn ensure(&mut self) -> Result<&mut Link, Error> {
        if self.link.as_ref().is_some_and(|link| link.client.is_closed()) {
            self.drop_link();
        }
        if self.link.is_none() {
            let (client, task) = self.runtime.block_on(connect::connect(&self.settings))?;
            self.link = Some(Link {
                client: Rc::new(client),
                task,
                statements: Statements::default(),
                pending: Vec::new(),
                sent: false,
                answered: false,
            });
        }
        self.link.as_mut().ok_or_else(connect::lost)
    }

    fn start(&mut self, begin: &'static str) -> Result<(), Error> {
        let link = self.ensure()?;
        (link.sent, link.answered) = (false, false);
        link.hold_text(FRAME, begin);
        Ok(())
    }

    fn drop_link(&mut self) {
        if let Some(link) = self.link.take() {
            link.task.abort();
        }
    }

    /// Sends what is held back and then `work`, and waits for all answers in order.
    fn round<T>(&mut self, work: impl Future<Output = Result<T, Trouble>>) -> Result<T, Broken> {
        let Some(link) = &mut self.link else {
            let trouble = Trouble::Caller(connect::lost());
            return Err(Broken { slot: Some(FRAME), trouble });
        };
        link.sent = true;
        let mut pending = std::mem::take(&mut link.pending);
        let result = self.runtime.block_on(in_order(&mut pending, work));
        link.answered |= result.is_ok();
        result
    }

    fn failure(&mut self, slot: usize, broken: Broken, sql: &str) -> Failure {
        let frame = broken.slot == Some(FRAME);
        let error = match broken.trouble {
            Trouble::Server(error) => classify(&error, if broken.slot.is_none() { sql } else { "" }),
            Trouble::Caller(error) => error,
            Trouble::Silent => {
                self.drop_link();
                let text = format!("PostgreSQL did not answer for {} seconds", SILENCE.as_secs());
                Error::new(ErrorKind::Timeout, text)
            }
        };
        let error = if frame && !error.is_lost() { Error::lost(error.to_string()) } else { error };
        if error.is_lost() {
            self.drop_link();
        }
        Failure { slot: broken.slot.filter(|slot| *slot != FRAME).unwrap_or(slot), error }
    }

    fn statement(&mut self, slot: usize, sql: &str, params: &[Param<'_>]) -> Result<Statement, Failure> {
        let Some(link) = &mut self.link else { return Err(Failure { slot, error: connect::lost() }) };
        if let Some(statement) = link.statements.find(sql) {
            return Ok(statement);
        }
        let client = Rc::clone(&link.client);
        let types: Vec<_> = params.iter().map(codec::hint).collect();
        let work = async { patient(client.prepare_typed(sql, &types)).await };
        let statement = self.round(work).map_err(|broken| self.failure(slot, broken, sql))?;
        if let Some(link) = &mut self.link {
            link.statements.keep(sql, &statement);
        }
        Ok(statement)
    }

    fn client(&self, slot: usize) -> Result<Rc<Client>, Failure> {
        let link = self.link.as_ref().ok_or_else(|| Failure { slot, error: connect::lost() })?;
        Ok(Rc::clone(&link.client))
    }

    pub(crate) fn exec(&mut self, slot: usize, sql: &str, params: &[Param<'_>]) -> Result<u64, Failure> {
        let statement = self.statement(slot, sql, params)?;
        codec::check(&statement, params).map_err(|error| Failure { slot, error })?;
        let client = self.client(slot)?;
        let bound = params.iter().map(|param| Bound(*param));
        let work = async { patient(client.execute_raw(&statement, bound)).await };
        self.round(work).map_err(|broken| self.failure(slot, broken, sql))
    }

    pub(crate) fn put(&mut self, slot: usize, sql: &str, params: &[Param<'_>]) -> Result<(), Failure> {
        let statement = self.statement(slot, sql, params)?;
        let client = self.client(slot)?;
        // A value the driver refuses to write would be missing from the transaction without anybody noticing.
        codec::check(&statement, params).map_err(|error| Failure { slot, error })?;
        let held: Vec<_> = params.iter().map(|param| Held(Value::from(*param))).collect();
        let Some(link) = &mut self.link else { return Err(Failure { slot, error: connect::lost() }) };
        link.hold(slot, Box::pin(async move { client.execute_raw(&statement, held).await.map(|_| ()) }));
        if link.pending.len() < HELD_BACK { Ok(()) } else { self.flush(slot) }
    }

    fn flush(&mut self, slot: usize) -> Result<(), Failure> {
        match &self.link {
            Some(link) if link.pending.is_empty() => Ok(()),
            _ => self.round(async { Ok(()) }).map_err(|broken| self.failure(slot, broken, "")),
        }
    }

    pub(crate) fn each(
        &mut self,
        slot: usize,
        sql: &str,
        params: &[Param<'_>],
        f: &mut dyn FnMut(&Row<'_>) -> Result<ControlFlow<()>, Error>,
    ) -> Result<(), PgFault> {
        let statement = self.statement(slot, sql, params).map_err(PgFault::Database)?;
        let fits = codec::check(&statement, params).map_err(|error| Failure { slot, error });
        fits.map_err(PgFault::Database)?;
        let client = self.client(slot).map_err(PgFault::Database)?;
        let bound = params.iter().map(|param| Bound(*param));
        let work = async {
            let mut rows = pin!(patient(client.query_raw(&statement, bound)).await?);
            while let Some(row) = rows.next().await {
                if f(&Row::postgres(&row?)).map_err(Trouble::Caller)?.is_break() {
                    break;
                }
            }
            Ok(())
        };
        self.round(work).map_err(|broken| match broken {
            Broken { slot: None, trouble: Trouble::Caller(error) } => PgFault::Caller(error),
            broken => PgFault::Database(self.failure(slot, broken, sql)),
        })
    }

    /// Runs one statement outside any transaction.
    #[cfg(feature = "testing")]
    pub(crate) fn outside(&mut self, sql: &str) -> Result<(), Error> {
        self.ensure()?;
        self.script(sql)
    }

    /// Ends a transaction of which nothing needs to be kept; the statement travels with the next one.
    fn abandon(&mut self) {
        if let Some(link) = &mut self.link {
            link.pending.clear();
            if std::mem::take(&mut link.sent) {
                link.hold_text(FRAME, "ROLLBACK");
            }
        }
    }
}

impl Link {
    fn hold(
        &mut self,
        slot: usize,
        future: Pin<Box<dyn Future<Output = Result<(), tokio_postgres::Error>>>>,
    ) {
        self.pending.push(Pending { slot, future, early: None });
    }

    fn hold_text(&mut self, slot: usize, sql: &'static str) {
        let client = Rc::clone(&self.client);
        self.hold(slot, Box::pin(async move { client.batch_execute(sql).await }));
    }
}

/// Polls everything once in order, which sends it, then waits for the answers in the same order: the driver
/// stops reading when the answer in front is not taken.
async fn in_order<T>(
    pending: &mut [Pending],
    work: impl Future<Output = Result<T, Trouble>>,
) -> Result<T, Broken> {
    for item in &mut *pending {
        if let Poll::Ready(early) = poll_fn(|cx| Poll::Ready(item.future.as_mut().poll(cx))).await {
            item.early = Some(early);
        }
    }
    let mut work = pin!(work);
    let early = poll_fn(|cx| Poll::Ready(work.as_mut().poll(cx))).await;
    for item in pending {
        let slot = Some(item.slot);
        let result = match item.early.take() {
            Some(result) => result.map_err(Trouble::Server),
            None => patient(item.future.as_mut()).await,
        };
        result.map_err(|trouble| Broken { slot, trouble })?;
    }
    let result = match early {
        Poll::Ready(result) => result,
        Poll::Pending => work.await,
    };
    result.map_err(|trouble| Broken { slot: None, trouble })
}

async fn patient<T>(work: impl Future<Output = Result<T, tokio_postgres::Error>>) -> Result<T, Trouble> {
    match timeout(SILENCE, work).await {
        Ok(result) => Ok(result?),
        Err(_) => Err(Trouble::Silent),
    }
}

impl Writer for PgSession {
    fn begin(&mut self) -> Result<(), Error> {
        self.start("BEGIN ISOLATION LEVEL READ COMMITTED")
    }

    fn save(&mut self, slot: usize) -> Result<(), Error> {
        self.link.as_mut().ok_or_else(connect::lost)?.hold_text(slot, "SAVEPOINT s");
        Ok(())
    }

    fn keep(&mut self, slot: usize) -> Result<(), Error> {
        self.link.as_mut().ok_or_else(connect::lost)?.hold_text(slot, "RELEASE SAVEPOINT s");
        Ok(())
    }

    fn undo(&mut self, slot: usize) -> Result<(), Failure> {
        // What this slot held back may fail or not: it is undone either way. An earlier slot's failure is
        // news: then `SAVEPOINT s` of this slot failed too, and what is undone is that earlier one.
        let held = self.flush(slot);
        match held {
            Err(failure) if failure.error.is_lost() => return Err(failure),
            _ => {}
        }
        let client = self.client(slot)?;
        let work =
            async { patient(client.batch_execute("ROLLBACK TO SAVEPOINT s; RELEASE SAVEPOINT s")).await };
        self.round(work).map_err(|broken| {
            let failure = self.failure(slot, broken, "");
            Failure { slot, error: Error::lost(failure.error.to_string()) }
        })?;
        held.or_else(|failure| if failure.slot == slot { Ok(()) } else { Err(failure) })
    }

    fn tx(&mut self, slot: usize) -> Tx<'_> {
        Tx::new(Session::Postgres(self), slot)
    }

    fn script(&mut self, sql: &str) -> Result<(), Error> {
        let client = self.client(0).map_err(|failure| failure.error)?;
        let work = async { Ok(client.batch_execute(sql).await?) };
        self.round(work).map_err(|broken| self.failure(0, broken, "").error)
    }

    fn commit(&mut self) -> Result<(), CommitFault> {
        // If nothing was answered yet, the connection may have died while it was idle. Ask before the COMMIT,
        // so that this is known to have changed nothing.
        if self.link.as_ref().is_some_and(|link| !link.answered)
            && let Err(failure) = self.flush(0)
        {
            self.rollback();
            return Err(CommitFault::Slot(failure));
        }
        let client = self.client(0).map_err(CommitFault::Slot)?;
        let work = async { patient(client.batch_execute("COMMIT")).await };
        let Err(broken) = self.round(work) else { return Ok(()) };
        // A statement refused before the COMMIT turned that into a rollback; a session that merely fell silent
        // may have committed.
        let certain = matches!(&broken.trouble, Trouble::Server(error) if error.as_db_error().is_some());
        let (slot, failure) = (broken.slot, self.failure(0, broken, "COMMIT"));
        if slot.is_some() && certain {
            return Err(CommitFault::Slot(failure));
        }
        if failure.error.is_retryable() {
            return Err(CommitFault::Again(failure.error));
        }
        if certain && !failure.error.is_lost() {
            return Err(CommitFault::Broken(failure.error));
        }
        self.drop_link();
        Err(CommitFault::Broken(Error::new(
            ErrorKind::Unavailable,
            "the connection to PostgreSQL was lost during the commit: the outcome is unknown, \
             read before you try again",
        )))
    }

    fn rollback(&mut self) {
        self.abandon();
    }

    fn rest(&mut self) {
        // The answer of a ROLLBACK changes nothing; a broken connection shows itself to the next transaction.
        let _ = self.flush(0);
    }

    fn finish(&mut self) {
        if let Some(Link { client, task, statements, pending, .. }) = self.link.take() {
            drop((client, statements, pending));
            // Says goodbye to the server; if it does not listen, the socket closes anyway.
            let _ = self.runtime.block_on(async { timeout(Duration::from_secs(1), task).await });
        }
    }
}

impl Reader for PgSession {
    fn snapshot<R>(&mut self, f: impl FnOnce(Tx<'_>) -> R) -> Result<R, Error> {
        self.start("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")?;
        let result = f(Tx::new(Session::Postgres(self), 0));
        self.abandon();
        Ok(result)
    }

    fn rest(&mut self) {
        Writer::rest(self);
    }

    fn finish(&mut self) {
        Writer::finish(self);
    }
}

/// Prepared statements by text; when full, the quarter unused for longest goes.
#[derive(Default)]
struct Statements {
    known: HashMap<Box<str>, (Statement, u64)>,
    clock: u64,
}

impl Statements {
    fn find(&mut self, sql: &str) -> Option<Statement> {
        let (statement, used) = self.known.get_mut(sql)?;
        self.clock += 1;
        *used = self.clock;
        Some(statement.clone())
    }

    fn keep(&mut self, sql: &str, statement: &Statement) {
        if self.known.len() >= STATEMENTS {
            let mut ages: Vec<_> = self.known.values().map(|(_, used)| *used).collect();
            ages.sort_unstable();
            let oldest = ages[STATEMENTS / 4];
            self.known.retain(|_, (_, used)| *used >= oldest);
        }
        self.clock += 1;
        self.known.insert(sql.into(), (statement.clone(), self.clock));
    }
}
