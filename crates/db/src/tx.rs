//! [`Tx`]: the open transaction a closure works in. It never begins, commits or rolls back; the bridge does.

use std::ops::ControlFlow;

use crate::error::Fault;
use crate::postgres::PgSession;
use crate::sql::Value;
use crate::value::check_params;
use crate::wanted::{Wanted, Watch, unheard};
use crate::{Error, ErrorKind, Param, Row, State, sqlite};

/// The connection under a transaction.
pub(crate) enum Session<'c> {
    Sqlite(&'c rusqlite::Connection),
    Postgres(&'c mut PgSession),
}

/// What is done once at the end of a transaction, right before its commit, for the closures of all calls that
/// share it: see [`Tx::leave`].
pub struct Closing {
    /// Tells one closing from another.
    pub name: &'static str,
    /// Takes the rows that were left for it, in the order of the calls. The first value of a row is the key
    /// of the bells that ring for it. It may leave rows for another one, which comes after it.
    pub write: fn(&mut Tx<'_>, &[Vec<Value>]) -> Result<(), Error>,
}

/// A row with the closing it was left for.
pub(crate) type Left = (&'static Closing, Vec<Value>);

/// An open transaction. SQL text is the same for both engines, with parameters `$1…$n`.
///
/// After a statement failed in the database the transaction can only be rolled back, on both engines alike:
/// every further call answers the same error, and an `Ok` of the closure counts as that error. So decide by
/// query first, or let the closure end with the error; do not carry on after a refused statement.
pub struct Tx<'c> {
    session: Session<'c>,
    failure: Option<Error>,
    wrote: bool,
    /// An insertion is not to be believed beforehand.
    careful: bool,
    /// `None` where nothing is ever committed.
    left: Option<Vec<Left>>,
    state: Option<State>,
    /// Of the call that it works for; always, where something is written.
    wanted: Wanted,
    watch: Option<&'c Watch>,
}

impl<'c> Tx<'c> {
    pub(crate) fn reading(session: Session<'c>) -> Self {
        let wanted = Wanted::default();
        Self {
            session,
            failure: None,
            wrote: false,
            careful: false,
            left: None,
            state: None,
            wanted,
            watch: None,
        }
    }

    pub(crate) fn writing(session: Session<'c>) -> Self {
        Self { left: Some(Vec::new()), ..Self::reading(session) }
    }

    /// `careful`: there is a savepoint, because some insertion was believed that failed.
    pub(crate) fn with_care(self, careful: bool) -> Self {
        Self { careful, ..self }
    }

    /// A snapshot of this state, on a connection that hears of its call here.
    pub(crate) fn with_state(self, state: Option<State>, watch: &'c Watch) -> Self {
        Self { state, watch: Some(watch), ..self }
    }

    /// From now on it works for this call. A write goes on to its end whoever waits: it shares its
    /// transaction.
    pub(crate) fn work_for(&mut self, wanted: &Wanted) {
        if self.left.is_none() {
            self.wanted = wanted.clone();
            if let Some(watch) = self.watch {
                *watch.lock() = wanted.clone();
            }
        }
    }

    /// Ends a read with [`ErrorKind::Unheard`] once nobody waits for it any more. Queries ask this by
    /// themselves, for each row; to be asked where the work between them is long.
    pub fn wanted(&mut self) -> Result<(), Error> {
        if self.wanted.still() { Ok(()) } else { Err(self.fail(unheard())) }
    }

    /// Which state of the data this shows: what was read in another snapshot of the same state need not be
    /// read again. `None` where that is not known: always in a write and on PostgreSQL, and on SQLite while
    /// somebody writes.
    pub fn state(&self) -> Option<State> {
        self.state
    }

    /// Some row of this account is known to be locked by somebody else: what a mere look can refuse is then
    /// to be refused before a lock is asked for, although the look costs a round trip. Never on SQLite.
    pub fn is_beside_lock(&self) -> bool {
        match &self.session {
            Session::Sqlite(_) => false,
            Session::Postgres(session) => session.is_beside_lock(),
        }
    }

    /// What was left for the end of the transaction.
    pub(crate) fn take_left(&mut self) -> Vec<Left> {
        self.left.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// The first error of a statement, whatever the closure made of it.
    pub(crate) fn failure(&self) -> Option<&Error> {
        self.failure.as_ref()
    }

    /// False when nothing but plain queries and statements that touched no row ran: there is nothing to roll
    /// back.
    pub(crate) fn wrote(&self) -> bool {
        self.wrote
    }

    /// On SQLite: gives up to `pages` free pages back to the disk if more than `keep` are free; true when
    /// there is more to give. Only in files that [`crate::Db::beside`] made; elsewhere nothing.
    pub fn give_back(&mut self, pages: u32, keep: u32) -> Result<bool, Error> {
        if let Some(error) = &self.failure {
            return Err(error.clone());
        }
        let Session::Sqlite(conn) = &self.session else { return Ok(false) };
        self.wrote = true;
        sqlite::give_back(conn, pages, keep).map_err(|error| self.fail(error))
    }

    /// On SQLite: the room of what `work` deletes is overwritten with zeros. Elsewhere as without it.
    pub fn overwriting<T, E: From<Error>>(
        &mut self,
        work: impl FnOnce(&mut Self) -> Result<T, E>,
    ) -> Result<T, E> {
        self.overwrite(true)?;
        let done = work(self);
        self.overwrite(false)?;
        done
    }

    fn overwrite(&mut self, on: bool) -> Result<(), Error> {
        let Session::Sqlite(conn) = &self.session else { return Ok(()) };
        let told = conn.query_row(&format!("PRAGMA secure_delete = {}", u8::from(on)), [], |_| Ok(()));
        told.map_err(|error| self.fail(error.into()))
    }

    /// All rows of a query, each mapped by `map`. For results of unknown size use [`Tx::each`].
    pub fn query<T>(
        &mut self,
        sql: &str,
        params: &[Param<'_>],
        mut map: impl FnMut(&Row<'_>) -> Result<T, Error>,
    ) -> Result<Vec<T>, Error> {
        let mut rows = Vec::new();
        self.run(sql, params, &mut |row| {
            rows.push(map(row)?);
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(rows)
    }

    /// The only row of a query, or `None`. More than one row is an error.
    pub fn query_opt<T>(
        &mut self,
        sql: &str,
        params: &[Param<'_>],
        mut map: impl FnMut(&Row<'_>) -> Result<T, Error>,
    ) -> Result<Option<T>, Error> {
        let mut found = None;
        self.run(sql, params, &mut |row| {
            if found.is_some() {
                return Err(Error::other(format!(
                    "more than one row where one was expected: {}",
                    brief(sql)
                )));
            }
            found = Some(map(row)?);
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(found)
    }

    /// The only row of a query. No row and more than one row are errors.
    pub fn query_one<T>(
        &mut self,
        sql: &str,
        params: &[Param<'_>],
        map: impl FnMut(&Row<'_>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        self.query_opt(sql, params, map)?
            .ok_or_else(|| Error::other(format!("no row where one was expected: {}", brief(sql))))
    }

    /// Hands every row to `f` as it arrives, in constant memory, until the end or a `Break`.
    pub fn each(
        &mut self,
        sql: &str,
        params: &[Param<'_>],
        mut f: impl FnMut(&Row<'_>) -> Result<ControlFlow<()>, Error>,
    ) -> Result<(), Error> {
        self.run(sql, params, &mut f)
    }

    /// Runs a statement and answers how many rows it touched (matched, for an UPDATE).
    pub fn exec(&mut self, sql: &str, params: &[Param<'_>]) -> Result<u64, Error> {
        let wrote = self.wrote;
        self.ready(sql, params)?;
        let done = match &mut self.session {
            Session::Sqlite(conn) => sqlite::exec(conn, sql, params),
            Session::Postgres(session) => session.exec(sql, params),
        };
        if let Ok(0) = done {
            self.wrote = wrote;
        }
        done.map_err(|error| self.fail(error))
    }

    /// Inserts a row whose key should be new. `false`: it is taken, nothing happened, all goes on. The
    /// statement has no `ON CONFLICT` and no `RETURNING`.
    ///
    /// On PostgreSQL the statement is held back as by [`Tx::put`], so `true` is a guess there. Where a key
    /// turns out to be taken, the call runs again from its beginning, and then hears the truth at the price
    /// of a round trip: for an insertion that is nearly always new.
    pub fn insert(&mut self, sql: &str, params: &[Param<'_>]) -> Result<bool, Error> {
        if self.careful && matches!(self.session, Session::Postgres(_)) {
            return Ok(self.exec(&format!("{sql} ON CONFLICT DO NOTHING"), params)? == 1);
        }
        let wrote = self.wrote;
        self.ready(sql, params)?;
        let done = match &mut self.session {
            Session::Sqlite(conn) => sqlite::exec(conn, sql, params).map(|_| ()),
            Session::Postgres(session) => session.put(sql, params),
        };
        match done {
            Ok(()) => Ok(true),
            // SQLite takes back the one statement and no more.
            Err(error) if error.kind() == ErrorKind::Unique && matches!(self.session, Session::Sqlite(_)) => {
                self.wrote = wrote;
                Ok(false)
            }
            Err(error) => Err(self.fail(error)),
        }
    }

    /// A write whose row count nobody needs. On PostgreSQL it is queued and travels with the next query or
    /// the COMMIT, without a round trip of its own; its error surfaces there at the latest, and then as the
    /// error of this call's closure even when that has returned `Ok` already.
    pub fn put(&mut self, sql: &str, params: &[Param<'_>]) -> Result<(), Error> {
        self.ready(sql, params)?;
        let done = match &mut self.session {
            Session::Sqlite(conn) => sqlite::exec(conn, sql, params).map(|_| ()),
            Session::Postgres(session) => session.put(sql, params),
        };
        done.map_err(|error| self.fail(error))
    }

    /// Takes the lock of a row, by an UPDATE that changes nothing in it and travels as that of [`Tx::put`];
    /// what was read before may have changed until then. It counts as no write: a closure that only refuses
    /// behind it costs its neighbours nothing. `false`: on SQLite nothing runs, since whoever writes is alone
    /// there from the beginning of his transaction.
    pub fn lock(&mut self, sql: &str, params: &[Param<'_>]) -> Result<bool, Error> {
        let wrote = self.wrote;
        self.ready(sql, params)?;
        self.wrote = wrote;
        let done = match &mut self.session {
            Session::Sqlite(_) => Ok(false),
            Session::Postgres(session) => session.lock(sql, params).map(|()| true),
        };
        done.map_err(|error| self.fail(error))
    }

    /// Leaves a row to be written at the end of the transaction, once for all calls that share its commit:
    /// for what is numbered or counted in one row that all of them would have to touch. It goes with the
    /// closure: if that is rolled back, the row is gone, too.
    pub fn leave(&mut self, closing: &'static Closing, row: Vec<Value>) -> Result<(), Error> {
        if let Some(error) = &self.failure {
            return Err(error.clone());
        }
        self.wrote = true;
        match &mut self.left {
            Some(left) => left.push((closing, row)),
            None => return Err(Error::other(format!("{}: this transaction only reads", closing.name))),
        }
        Ok(())
    }

    fn run(
        &mut self,
        sql: &str,
        params: &[Param<'_>],
        f: &mut dyn FnMut(&Row<'_>) -> Result<ControlFlow<()>, Error>,
    ) -> Result<(), Error> {
        self.ready(sql, params)?;
        let wanted = &self.wanted;
        let f = &mut |row: &Row<'_>| if wanted.still() { f(row) } else { Err(unheard()) };
        let done = match &mut self.session {
            Session::Sqlite(conn) => sqlite::each(conn, sql, params, f),
            Session::Postgres(session) => session.each(sql, params, wanted, f),
        };
        done.map_err(|fault| match fault {
            Fault::Caller(error) if error.kind() == ErrorKind::Unheard => self.fail(error),
            Fault::Caller(error) => error,
            Fault::Database(error) => self.fail(error),
        })
    }

    fn ready(&mut self, sql: &str, params: &[Param<'_>]) -> Result<(), Error> {
        if let Some(error) = &self.failure {
            return Err(error.clone());
        }
        self.wanted()?;
        self.wrote |= !is_select(sql);
        check_params(params)
    }

    fn fail(&mut self, error: Error) -> Error {
        self.failure = Some(error.clone());
        error
    }
}

/// True for a statement that starts with SELECT. An UPDATE … RETURNING comes as a query, too.
fn is_select(sql: &str) -> bool {
    sql.trim_start().get(..6).is_some_and(|head| head.eq_ignore_ascii_case("select"))
}

/// The head of a statement for an error message.
pub(crate) fn brief(sql: &str) -> String {
    let mut words = String::new();
    for word in sql.split_whitespace() {
        if words.len() + word.len() > 120 {
            words.push_str(" …");
            break;
        }
        if !words.is_empty() {
            words.push(' ');
        }
        words.push_str(word);
    }
    words
}
