//! The one error of this crate: a kind to act on and a line to read. It never carries row values or
//! passwords.

use std::fmt;
use std::sync::Arc;

use crate::wanted::unheard;

/// What a caller can do about an [`Error`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A unique index or primary key refused the row.
    Unique,
    /// The transaction lost against others on every try; the same call may succeed a moment later.
    Retry,
    /// The database cannot be reached, is full, or its queue is.
    Unavailable,
    /// A COMMIT was lost on the way: nobody knows whether the call took effect. Look before it is made again.
    Unknown,
    /// A statement ran longer than allowed.
    Timeout,
    /// The database was migrated by a newer release than this one.
    NewerSchema,
    /// Another process holds the database or its migration lease.
    Locked,
    /// The database's role lacks a right that the statement needs.
    Denied,
    /// The SQLite file is damaged, or no database at all.
    Damaged,
    /// A read that nobody waits for any more, which ended where it was.
    Unheard,
    /// A text parameter holds a NUL character, which PostgreSQL cannot store: the caller's input is at fault.
    BadText,
    /// Everything else: wrong SQL, a broken constraint, an unreadable value.
    Other,
}

/// Why a database call failed. `Display` gives one line that says what happened and, where somebody can do
/// something about it, what to change.
#[derive(Clone)]
pub struct Error {
    kind: ErrorKind,
    message: Arc<str>,
    lost: bool,
    crowded: bool,
    locked: bool,
}

impl Error {
    /// An error of this kind. Slices use it for what their own mapping functions find.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into().into(), lost: false, crowded: false, locked: false }
    }

    /// An error of kind [`ErrorKind::Other`].
    pub fn other(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Other, message)
    }

    /// The session is gone and with it the open transaction: nothing was committed, the work may run again.
    pub(crate) fn lost(message: impl Into<String>) -> Self {
        Self { lost: true, ..Self::new(ErrorKind::Unavailable, message) }
    }

    /// As [`Error::lost`], because the server has no connection left for us.
    pub(crate) fn crowded(message: impl Into<String>) -> Self {
        Self { crowded: true, ..Self::lost(message) }
    }

    /// Of kind [`ErrorKind::Retry`], because somebody held the lock of a row for too long.
    pub fn locked(message: impl Into<String>) -> Self {
        Self { locked: true, ..Self::new(ErrorKind::Retry, message) }
    }

    pub(crate) fn panicked(label: &str) -> Self {
        Self::other(format!("the database call `{label}` panicked; its changes were rolled back"))
    }

    /// What to do about it.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// True when the same call may succeed if it is made again.
    pub fn is_retryable(&self) -> bool {
        self.kind == ErrorKind::Retry
    }

    /// True when the session that met this error must be replaced.
    pub(crate) fn is_lost(&self) -> bool {
        self.lost
    }

    /// True when the server has no connection left for us.
    pub(crate) fn is_crowded(&self) -> bool {
        self.crowded
    }

    /// True when somebody else held the lock of a row for too long.
    pub fn is_locked(&self) -> bool {
        self.locked
    }

    /// True when the closure may run again because nothing it did was kept.
    pub(crate) fn may_run_again(&self) -> bool {
        self.lost || self.is_retryable()
    }

    /// The same error, of a transaction that never began.
    pub(crate) fn as_lost(&self) -> Self {
        Self { lost: true, ..self.clone() }
    }

    /// The same error for a reader who must not run the work again by itself.
    pub(crate) fn settled(&self) -> Self {
        Self { lost: false, ..self.clone() }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}({})", self.kind, self.message)
    }
}

impl std::error::Error for Error {}

/// Where a failed statement went wrong: in the database, which spoils the transaction, or in the caller's
/// own mapping of a row, which does not.
pub(crate) enum Fault {
    Database(Error),
    Caller(Error),
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::Database(error)
    }
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        Self::Database(error.into())
    }
}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode as Code;
        let rusqlite::Error::SqliteFailure(code, ref text) = error else {
            return Self::other(format!("SQLite: {error}"));
        };
        let text = text.clone().unwrap_or_else(|| code.to_string());
        match code.code {
            // 2067 = UNIQUE, 1555 = PRIMARY KEY, 2579 = ROWID: the extended codes of a duplicate
            Code::ConstraintViolation if matches!(code.extended_code, 2067 | 1555 | 2579) => {
                Self::new(ErrorKind::Unique, format!("a row with this key exists already: {text}"))
            }
            Code::DatabaseBusy | Code::DatabaseLocked => Self::new(
                ErrorKind::Retry,
                format!("SQLite is busy with another process ({text}); try again in a moment"),
            ),
            Code::DiskFull => {
                Self::new(ErrorKind::Unavailable, "the disk of the SQLite database is full: free some space")
            }
            Code::ReadOnly | Code::CannotOpen | Code::PermissionDenied => Self::new(
                ErrorKind::Unavailable,
                format!(
                    "SQLite cannot write its file ({text}): check the owner and mode of file and directory"
                ),
            ),
            Code::SystemIoFailure => {
                Self::new(ErrorKind::Unavailable, format!("SQLite met an I/O error ({text}): check the disk"))
            }
            Code::DatabaseCorrupt | Code::NotADatabase => {
                Self::new(ErrorKind::Damaged, format!("SQLite: {text}"))
            }
            // Nothing else interrupts.
            Code::OperationInterrupted => unheard(),
            _ => Self::other(format!("SQLite: {text}")),
        }
    }
}
