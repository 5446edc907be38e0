//! Reading, as one of the accounts: [`Of`].

use std::time::Instant;

use crate::call::{Job, guarded};
use crate::queue::Refusal;
use crate::reading::Read;
use crate::snapshot::Snapshot;
use crate::turns::Owner;
use crate::{Db, Error, Tx, full};

/// Reads for one account: [`Db::of`].
///
/// What waits for a reading thread waits in the account's own line, and the lines are served in turn. Where
/// there are four threads or more the last free one goes to who has none, and of six one is kept for the
/// server itself. Where too many calls wait the longest line hears it.
#[derive(Clone, Copy)]
pub struct Of<'a> {
    pub(crate) db: &'a Db,
    pub(crate) owner: Owner,
}

impl Of<'_> {
    /// Runs a closure of any number of queries in one consistent snapshot, on a reading thread. Where its
    /// future is dropped it ends at its next row or statement, or within one ([`Tx::wanted`]).
    pub async fn read<T, E>(
        self,
        label: &'static str,
        f: impl Fn(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        self.db.call("reading", (label, self.owner.unwrap_or(0)), f, |job| self.enter(job)).await
    }

    /// Takes the call into the line.
    fn enter(self, job: Box<dyn Job>) -> Result<(), Refusal> {
        if let Some(Read::Call(mut last)) = self.db.inner.reads.push(self.owner, Read::Call(job))? {
            last.fail(full("reading"));
            last.answer();
        }
        Ok(())
    }

    /// Like [`Of::read`] for closures that touch a handful of rows by key. On SQLite it runs on the calling
    /// thread, without a hop; so never use it for a query whose result can be large.
    pub async fn point<T, E>(
        self,
        label: &'static str,
        f: impl Fn(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        self.point_in(&Snapshot::default(), label, f).await
    }

    /// Like [`Of::point`], in the snapshot that the calls of one request share.
    pub async fn point_in<T, E>(
        self,
        snapshot: &Snapshot,
        label: &'static str,
        f: impl Fn(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        let Some(readers) = &self.db.inner.points else { return self.read(label, f).await };
        let since = Instant::now();
        let run = snapshot.run(readers, |mut tx| {
            let outcome = guarded(label, &f, &mut tx);
            (outcome, tx.failure().cloned())
        });
        let (outcome, failed) = match run {
            Ok((_, Some(error))) | Err(error) if error.may_run_again() => {
                snapshot.close();
                return self.read(label, f).await;
            }
            Ok((outcome, error)) => (outcome, error.is_some()),
            Err(error) => (Err(E::from(error)), true),
        };
        self.db.inner.stats.counter(label).answered(since, failed);
        outcome
    }
}
