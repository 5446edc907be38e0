//! How lanes and readers drive a session: where transactions begin and end.

use std::time::Duration;

use tokio::time::timeout;

use super::{Link, PgSession, Transaction, Trouble, Whose, patient};
use crate::lanes::{CommitFault, Hurry, Writer};
use crate::reading::Reader;
use crate::tx::Session;
use crate::{Error, ErrorKind, Tx};

const BEGIN: &str = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE";
/// As long as others that write the same row need for their commit.
const BEGIN_BRIEFLY: &str = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; SET LOCAL lock_timeout = 100";
/// All calls of the lane wait with it, and it is tried again: about as long as one commit of another replica
/// takes.
const BEGIN_APART: &str = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; SET LOCAL lock_timeout = 10";
/// It has names without the rows of their accounts, and must not keep those waiting who come in the other
/// order. Before the second after which PostgreSQL would end one of the two, whichever.
const BEGIN_REHEARSAL: &str = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; SET LOCAL lock_timeout = 500";

impl PgSession {
    fn start(&mut self, begin: &'static str) -> Result<(), Error> {
        let link = self.connect()?;
        // Whatever is still open ends before another one begins.
        link.abandon();
        (link.answered, link.beside_lock, link.mark) = (false, false, None);
        link.locks.clear();
        link.transaction = Transaction::Begun(begin);
        Ok(())
    }

    /// Ends a transaction of which nothing needs to be kept; the statement travels with the next one.
    fn abandon(&mut self) {
        if let Some(link) = &mut self.link {
            link.abandon();
        }
    }
}

impl Writer for PgSession {
    /// Each savepoint costs a round trip, and PostgreSQL slows down with more than 64 of them.
    const CAREFUL_BATCHES: u32 = 0;

    fn ready(&mut self) -> Result<(), Error> {
        self.connect().map(|_| ())
    }

    fn begin(&mut self) -> Result<(), Error> {
        self.start(BEGIN)
    }

    fn hurry(&mut self, why: Hurry) {
        if let Some(link) = &mut self.link {
            link.beside_lock = matches!(why, Hurry::Known | Hurry::Apart);
            link.transaction = Transaction::Begun(match why {
                Hurry::Search | Hurry::Known => BEGIN_BRIEFLY,
                Hurry::Apart => BEGIN_APART,
                Hurry::Rehearsal => BEGIN_REHEARSAL,
            });
        }
    }

    fn save(&mut self) -> Result<(), Error> {
        let link = self.link()?;
        link.mark = Some(link.pending.len());
        link.hold(link.text("SAVEPOINT s"));
        Ok(())
    }

    fn keep(&mut self) -> Result<(), Error> {
        let client = self.client()?;
        self.ask("", async { patient(client.batch_execute("RELEASE SAVEPOINT s")).await })
    }

    fn undo(&mut self) -> Result<(), Error> {
        let link = self.link()?;
        // Which of them were taken before the savepoint is not known: they are asked for again.
        link.locks.clear();
        if let Some(mark) = link.mark.take() {
            link.pending.truncate(mark);
            return Ok(());
        }
        link.pending.clear();
        let client = self.client()?;
        let sql = "ROLLBACK TO SAVEPOINT s; RELEASE SAVEPOINT s";
        self.ask("", async { patient(client.batch_execute(sql)).await })
    }

    fn tx(&mut self) -> Tx<'_> {
        Tx::writing(Session::Postgres(self))
    }

    fn script(&mut self, sql: &str) -> Result<(), Error> {
        let client = self.client()?;
        self.ask("", async { Ok(client.batch_execute(sql).await?) })
    }

    fn commit(&mut self) -> Result<(), CommitFault> {
        // If nothing was answered yet, the connection may have died while it was idle. Ask before the COMMIT,
        // so that this is known to have changed nothing.
        if self.link.as_ref().is_some_and(|link| !link.answered)
            && let Err(error) = self.flush()
        {
            self.rollback();
            return Err(CommitFault::Refused(error));
        }
        let client = self.client().map_err(CommitFault::Refused)?;
        let done = self.round(async { patient(client.batch_execute("COMMIT")).await });
        if let Some(link) = &mut self.link {
            // Refused or not, it ends the transaction.
            link.close();
        }
        let Err(broken) = done else { return Ok(()) };
        // A statement refused before the COMMIT turned that into a rollback; a session that merely fell
        // silent may have committed.
        let certain = matches!(&broken.trouble, Trouble::Server(error) if error.as_db_error().is_some());
        let (own, error) = (broken.whose == Whose::Own, self.meaning(broken, ""));
        if certain && (!own || !error.is_lost()) {
            return Err(CommitFault::Refused(error));
        }
        self.drop_link();
        Err(CommitFault::Broken(Error::new(
            ErrorKind::Unknown,
            "the connection to PostgreSQL was lost during the commit: the outcome is unknown, \
             read before you try again",
        )))
    }

    fn rollback(&mut self) {
        self.abandon();
    }

    fn rest(&mut self) {
        // The answer of a ROLLBACK changes nothing; a broken connection shows itself to the next transaction.
        let _ = self.flush();
    }

    fn finish(&mut self) {
        if let Some(Link { client, mut task, statements, pending, taken, .. }) = self.link.take() {
            drop((client, statements, pending));
            self.runtime.block_on(async {
                // Says goodbye to the server; if it does not listen, the socket closes anyway.
                if timeout(Duration::from_secs(1), &mut task).await.is_err() {
                    task.abort();
                    let _ = task.await;
                }
            });
            drop(taken);
        }
    }
}

impl Reader for PgSession {
    fn snapshot<R>(&mut self, f: impl FnOnce(Tx<'_>) -> R) -> Result<R, Error> {
        self.start("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")?;
        let result = f(Tx::reading(Session::Postgres(self)));
        self.abandon();
        Ok(result)
    }

    fn ready(&mut self) -> Result<(), Error> {
        Writer::ready(self)
    }

    fn rest(&mut self) {
        Writer::rest(self);
    }

    fn finish(&mut self) {
        Writer::finish(self);
    }
}
