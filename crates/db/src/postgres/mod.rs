//! PostgreSQL: a session that belongs to one database thread. The thread's own small runtime drives the
//! connection and is entered only while somebody waits for an answer, so a statement costs no hop between
//! threads. Statements nobody waits for (BEGIN, SAVEPOINT, `put`s) are held back and travel with the next one
//! that has an answer: one round trip for all of them.

mod codec;
mod connect;
mod statements;
mod tls;
mod transactions;
mod unheard;

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

use crate::error::Fault;
use crate::gather::{Gathering, Seat, Taken};
use crate::lanes::Writer;
use crate::reading::Reader;
use crate::sql::Value;
use crate::tally::Tally;
use crate::wanted::Wanted;
use crate::{Error, ErrorKind, Param, Row};

pub(crate) use codec::cell;
use codec::{Bound, Held};
pub(crate) use connect::Settings;
use connect::{classify, lost};
use statements::Statements;
use unheard::heard;

/// Statements held back at most before they are sent.
const HELD_BACK: usize = 256;
/// A server that has not answered by now is taken for dead; its own statement timeout comes earlier.
const SILENCE: Duration = Duration::from_secs(75);

/// One connection (or none, until it is needed) and the runtime that drives it.
pub(crate) struct PgSession {
    settings: Arc<Settings>,
    link: Option<Link>,
    runtime: Runtime,
    owner: Option<Owner>,
}

/// Whose a session is, who counts its connection, and who hears of a right that is missing.
pub(crate) struct Owner {
    pub(crate) seat: Seat,
    pub(crate) gathering: Arc<Gathering>,
    pub(crate) tally: Arc<Tally>,
}

struct Link {
    client: Rc<Client>,
    task: JoinHandle<()>,
    statements: Statements,
    /// A transaction is open at the server of which nothing is kept. Its ROLLBACK goes before whatever is
    /// sent next: only sending it settles this.
    owed: bool,
    transaction: Transaction,
    /// Statements of the transaction that are held back.
    pending: Vec<Pending>,
    /// How many were held back when the open savepoint was set, while nothing has been sent since.
    mark: Option<usize>,
    /// The locks that the transaction has asked for, as statements.
    locks: Vec<(String, Vec<Value>)>,
    /// Something of the open transaction was answered: the connection was alive when it began.
    answered: bool,
    /// The transaction is of an account of which a row is known to be locked.
    beside_lock: bool,
    taken: Option<Taken>,
}

/// How far the transaction is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Transaction {
    None,
    /// This is to be sent before its first statement.
    Begun(&'static str),
    /// The server was sent that.
    Open,
}

type Answer = Pin<Box<dyn Future<Output = Result<(), tokio_postgres::Error>>>>;

struct Pending {
    /// BEGIN or ROLLBACK: if that fails, the session is of no use.
    frame: bool,
    answer: Answer,
    early: Option<Result<(), tokio_postgres::Error>>,
}

/// What went wrong while the thread waited.
enum Trouble {
    Server(tokio_postgres::Error),
    Silent,
    Caller(Error),
}

impl From<tokio_postgres::Error> for Trouble {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Server(error)
    }
}

/// Trouble, and with which statement.
struct Broken {
    whose: Whose,
    trouble: Trouble,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Whose {
    Frame,
    HeldBack,
    /// The one waited for.
    Own,
}

/// Connects once and refuses a server the data cannot live on.
pub(crate) fn check(settings: &Arc<Settings>) -> Result<(), Error> {
    let mut session = PgSession::new(Arc::clone(settings), PgSession::runtime()?);
    let sql =
        "SELECT CAST(current_setting('server_version_num') AS BIGINT), current_setting('server_encoding')";
    let (version, encoding) = session
        .snapshot(|mut tx| tx.query_one(sql, &[], |row| Ok((row.get::<i64>(0)?, row.get::<String>(1)?))))??;
    let pooled = is_pooled(&mut session, settings);
    Writer::finish(&mut session);
    if pooled? {
        return Err(connect::pooled(settings));
    }
    if version < 120_000 {
        return Err(Error::other(format!("PostgreSQL {} is too old: use 12 or newer", version / 10_000)));
    }
    if encoding != "UTF8" {
        let advice = "create it with ENCODING 'UTF8' TEMPLATE template0";
        return Err(Error::other(format!("the database's encoding is {encoding}: {advice}")));
    }
    Ok(())
}

/// Whether a pooler gives server connections by the transaction: then the one that this session had a moment
/// ago is another one's while both are open. It cannot be told where no second connection is given or the
/// server does not number its sessions, and a pooler that hands out another idle one goes unnoticed; what is
/// no pooler is never taken for one.
fn is_pooled(session: &mut PgSession, settings: &Arc<Settings>) -> Result<bool, Error> {
    let Some(first) = backend(session) else { return Ok(false) };
    let mut other = PgSession::new(Arc::clone(settings), PgSession::runtime()?);
    let second = backend(&mut other);
    Writer::finish(&mut other);
    Ok(second == Some(first))
}

/// The server's process behind the session, where the server tells it.
fn backend(session: &mut PgSession) -> Option<String> {
    let sql = "SELECT CAST(pg_backend_pid() AS BIGINT), CAST(pg_postmaster_start_time() AS TEXT)";
    let row = |row: &Row<'_>| Ok((row.get::<i64>(0)?, row.get::<String>(1)?));
    let (pid, start) = session.snapshot(|mut tx| tx.query_one(sql, &[], row)).ok()?.ok()?;
    // The transaction's end is sent with the next statement, and this one has none.
    session.flush().ok()?;
    (pid > 0).then(|| format!("{pid} {start}"))
}

impl PgSession {
    pub(crate) fn new(settings: Arc<Settings>, runtime: Runtime) -> Self {
        Self { settings, link: None, runtime, owner: None }
    }

    /// The same, as the one connection of this seat.
    pub(crate) fn owned_by(self, owner: Owner) -> Self {
        Self { owner: Some(owner), ..self }
    }

    /// A runtime for one session, made where an error can still be answered.
    pub(crate) fn runtime() -> Result<Runtime, Error> {
        let built = tokio::runtime::Builder::new_current_thread().enable_all().build();
        built.map_err(|error| Error::other(format!("a database thread cannot wait for the network: {error}")))
    }

    pub(crate) fn exec(&mut self, sql: &str, params: &[Param<'_>]) -> Result<u64, Error> {
        let (client, statement) = self.statement(sql, params)?;
        let bound = params.iter().map(|param| Bound(*param));
        self.ask(sql, async { patient(client.execute_raw(&statement, bound)).await })
    }

    pub(crate) fn put(&mut self, sql: &str, params: &[Param<'_>]) -> Result<(), Error> {
        let (client, statement) = self.statement(sql, params)?;
        let held: Vec<_> = params.iter().map(|param| Held(Value::from(*param))).collect();
        let link = self.link()?;
        link.hold(Box::pin(async move { client.execute_raw(&statement, held).await.map(|_| ()) }));
        if link.pending.len() < HELD_BACK { Ok(()) } else { self.flush() }
    }

    /// As `put`, for a lock: of those that share a transaction the first one asks for it.
    pub(crate) fn lock(&mut self, sql: &str, params: &[Param<'_>]) -> Result<(), Error> {
        let lock = (sql.to_owned(), params.iter().map(|param| Value::from(*param)).collect::<Vec<_>>());
        if self.link()?.locks.contains(&lock) {
            return Ok(());
        }
        self.put(sql, params)?;
        self.link()?.locks.push(lock);
        Ok(())
    }

    /// `wanted`: whether the caller of a read still waits for it.
    pub(crate) fn each(
        &mut self,
        sql: &str,
        params: &[Param<'_>],
        wanted: &Wanted,
        f: &mut dyn FnMut(&Row<'_>) -> Result<ControlFlow<()>, Error>,
    ) -> Result<(), Fault> {
        let (client, statement) = self.statement(sql, params)?;
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
        self.round(heard(work, wanted)).map_err(|broken| match broken {
            Broken { whose: Whose::Own, trouble: Trouble::Caller(error) } => {
                if error.kind() == ErrorKind::Unheard {
                    self.cancel();
                }
                Fault::Caller(error)
            }
            broken => Fault::Database(self.meaning(broken, sql)),
        })
    }

    /// Runs one statement outside any transaction.
    #[cfg(feature = "testing")]
    pub(crate) fn outside(&mut self, sql: &str) -> Result<(), Error> {
        self.connect()?;
        self.script(sql)
    }

    pub(crate) fn is_beside_lock(&self) -> bool {
        self.link.as_ref().is_some_and(|link| link.beside_lock)
    }

    fn connect(&mut self) -> Result<&mut Link, Error> {
        if self.link.as_ref().is_some_and(|link| link.client.is_closed()) {
            self.drop_link();
        }
        if self.link.is_none() {
            let (client, task) = self.runtime.block_on(connect::connect(&self.settings))?;
            self.link = Some(Link {
                client: Rc::new(client),
                task,
                statements: Statements::default(),
                owed: false,
                transaction: Transaction::None,
                pending: Vec::new(),
                mark: None,
                locks: Vec::new(),
                answered: false,
                beside_lock: false,
                taken: self.owner.as_ref().map(|owner| owner.gathering.take(owner.seat)),
            });
        }
        self.link()
    }

    fn link(&mut self) -> Result<&mut Link, Error> {
        self.link.as_mut().ok_or_else(lost)
    }

    fn client(&mut self) -> Result<Rc<Client>, Error> {
        self.link().map(|link| Rc::clone(&link.client))
    }

    fn drop_link(&mut self) {
        if let Some(Link { client, task, taken, .. }) = self.link.take() {
            drop(client);
            task.abort();
            // The socket closes only while the runtime runs. It must not wait for the next call: the server
            // may have the session still, with a transaction and its locks.
            let _ = self.runtime.block_on(task);
            drop(taken);
        }
    }

    /// The prepared statement, checked against the values it is to take: one that the driver refuses to write
    /// later would be missing from a pipeline without anybody noticing.
    fn statement(&mut self, sql: &str, params: &[Param<'_>]) -> Result<(Rc<Client>, Statement), Error> {
        let client = self.client()?;
        let known = self.link()?.statements.find(sql);
        let statement = if let Some(statement) = known {
            statement
        } else {
            let types: Vec<_> = params.iter().map(codec::hint).collect();
            let statement = self.ask(sql, async { patient(client.prepare_typed(sql, &types)).await })?;
            self.link()?.statements.keep(sql, &statement);
            statement
        };
        codec::check(&statement, params, sql)?;
        Ok((client, statement))
    }

    /// Sends what is held back and waits for its answers.
    fn flush(&mut self) -> Result<(), Error> {
        if self.link()?.has_more() { self.ask("", async { Ok(()) }) } else { Ok(()) }
    }

    fn ask<T>(&mut self, sql: &str, work: impl Future<Output = Result<T, Trouble>>) -> Result<T, Error> {
        self.round(work).map_err(|broken| self.meaning(broken, sql))
    }

    /// Sends what is held back and then `work`, and waits for all answers in order.
    fn round<T>(&mut self, work: impl Future<Output = Result<T, Trouble>>) -> Result<T, Broken> {
        let Some(link) = &mut self.link else {
            return Err(Broken { whose: Whose::Frame, trouble: Trouble::Caller(lost()) });
        };
        link.mark = None;
        let mut pending = link.held_back();
        let result = self.runtime.block_on(in_order(&mut pending, work));
        link.answered |= result.is_ok();
        result
    }

    /// What it means for the transaction; a session of no use any more is dropped.
    fn meaning(&mut self, broken: Broken, sql: &str) -> Error {
        let error = match broken.trouble {
            Trouble::Server(error) => classify(&error, if broken.whose == Whose::Own { sql } else { "" }),
            Trouble::Caller(error) => error,
            Trouble::Silent => {
                self.drop_link();
                let text = format!("PostgreSQL did not answer for {} seconds", SILENCE.as_secs());
                return Error::new(ErrorKind::Timeout, text);
            }
        };
        if let Some(owner) = self.owner.as_ref().filter(|_| error.kind() == ErrorKind::Denied) {
            owner.tally.denied(&error);
        }
        if broken.whose != Whose::Frame && !error.is_lost() {
            return error;
        }
        self.drop_link();
        Error::lost(error.to_string())
    }
}

impl Link {
    fn hold(&mut self, answer: Answer) {
        self.pending.push(Pending { frame: false, answer, early: None });
    }

    fn text(&self, sql: &'static str) -> Answer {
        let client = Rc::clone(&self.client);
        Box::pin(async move { client.batch_execute(sql).await })
    }

    /// Is there something to send that nobody waits for?
    fn has_more(&self) -> bool {
        self.owed || matches!(self.transaction, Transaction::Begun(_)) || !self.pending.is_empty()
    }

    /// What is to be sent now, in order: the end of the former transaction, the beginning of this one, and
    /// its statements.
    fn held_back(&mut self) -> Vec<Pending> {
        let rollback = std::mem::take(&mut self.owed).then_some("ROLLBACK");
        let begin = if let Transaction::Begun(begin) = self.transaction { Some(begin) } else { None };
        if begin.is_some() {
            self.transaction = Transaction::Open;
        }
        let statements = std::mem::take(&mut self.pending);
        let frames = rollback.into_iter().chain(begin);
        let frames = frames.map(|sql| Pending { frame: true, answer: self.text(sql), early: None });
        frames.chain(statements).collect()
    }

    /// Nothing of the transaction is to be kept, and nothing of it is sent any more.
    fn abandon(&mut self) {
        self.pending.clear();
        self.owed |= self.close() == Transaction::Open;
    }

    /// The transaction is over; answers how far it was.
    fn close(&mut self) -> Transaction {
        std::mem::replace(&mut self.transaction, Transaction::None)
    }
}

/// Polls everything once in order, which sends it, then waits for the answers in the same order: the driver
/// stops reading when the answer in front is not taken.
async fn in_order<T>(
    pending: &mut [Pending],
    work: impl Future<Output = Result<T, Trouble>>,
) -> Result<T, Broken> {
    for item in &mut *pending {
        if let Poll::Ready(early) = poll_fn(|cx| Poll::Ready(item.answer.as_mut().poll(cx))).await {
            item.early = Some(early);
        }
    }
    let mut work = pin!(work);
    let early = poll_fn(|cx| Poll::Ready(work.as_mut().poll(cx))).await;
    for item in pending {
        let whose = if item.frame { Whose::Frame } else { Whose::HeldBack };
        let result = match item.early.take() {
            Some(result) => result.map_err(Trouble::Server),
            None => patient(item.answer.as_mut()).await,
        };
        result.map_err(|trouble| Broken { whose, trouble })?;
    }
    let result = match early {
        Poll::Ready(result) => result,
        Poll::Pending => work.await,
    };
    result.map_err(|trouble| Broken { whose: Whose::Own, trouble })
}

async fn patient<T>(work: impl Future<Output = Result<T, tokio_postgres::Error>>) -> Result<T, Trouble> {
    match timeout(SILENCE, work).await {
        Ok(result) => Ok(result?),
        Err(_) => Err(Trouble::Silent),
    }
}
