//! The five value types both engines share, going in ([`Param`]) and coming out ([`Row`], [`FromColumn`]).
//! Never more types than these: times are microseconds in `Int`, ids and JSON are `Text`.

use crate::sql::Value;
use crate::{Error, ErrorKind};

/// One value on its way to or from the database, borrowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Param<'a> {
    /// SQL NULL.
    Null,
    /// A 64-bit integer; times are microseconds since 1970.
    Int(i64),
    /// A boolean: BOOLEAN on PostgreSQL, 0 or 1 on SQLite.
    Bool(bool),
    /// UTF-8 text without NUL characters (PostgreSQL cannot store them, so SQLite refuses them too).
    Text(&'a str),
    /// Raw bytes.
    Bytes(&'a [u8]),
}

impl Param<'_> {
    pub(crate) fn word(&self) -> &'static str {
        match self {
            Self::Null => "NULL",
            Self::Int(_) => "an integer",
            Self::Bool(_) => "a boolean",
            Self::Text(_) => "text",
            Self::Bytes(_) => "bytes",
        }
    }
}

/// Refuses what only one of the engines could store.
pub(crate) fn check_params(params: &[Param<'_>]) -> Result<(), Error> {
    for (index, param) in params.iter().enumerate() {
        if let Param::Text(text) = param
            && memchr::memchr(0, text.as_bytes()).is_some()
        {
            let n = index + 1;
            let text = format!("parameter ${n} holds a NUL character: remove it from the text");
            return Err(Error::new(ErrorKind::BadText, text));
        }
    }
    Ok(())
}

impl<'a> From<&'a str> for Param<'a> {
    fn from(value: &'a str) -> Self {
        Self::Text(value)
    }
}

impl<'a> From<&'a String> for Param<'a> {
    fn from(value: &'a String) -> Self {
        Self::Text(value)
    }
}

impl<'a> From<&'a [u8]> for Param<'a> {
    fn from(value: &'a [u8]) -> Self {
        Self::Bytes(value)
    }
}

impl<'a> From<&'a Vec<u8>> for Param<'a> {
    fn from(value: &'a Vec<u8>) -> Self {
        Self::Bytes(value)
    }
}

impl<'a, const N: usize> From<&'a [u8; N]> for Param<'a> {
    fn from(value: &'a [u8; N]) -> Self {
        Self::Bytes(value)
    }
}

impl From<i64> for Param<'_> {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<i32> for Param<'_> {
    fn from(value: i32) -> Self {
        Self::Int(value.into())
    }
}

impl From<u32> for Param<'_> {
    fn from(value: u32) -> Self {
        Self::Int(value.into())
    }
}

impl From<bool> for Param<'_> {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl<'a, T: Into<Param<'a>>> From<Option<T>> for Param<'a> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

impl<'a> From<&'a Option<String>> for Param<'a> {
    fn from(value: &'a Option<String>) -> Self {
        value.as_deref().into()
    }
}

/// `params![a, b, c]`: a slice of [`Param`], each made by `Param::from`.
#[macro_export]
macro_rules! params {
    ($($value:expr),* $(,)?) => { &[$($crate::Param::from($value)),*] };
}

/// A Rust type that a column can be read into. Slices implement it for their typed ids.
pub trait FromColumn: Sized {
    /// What the column must hold, for the error message: "text", "an integer".
    const EXPECTS: &'static str;
    /// The value, or `None` when the column holds something else.
    fn from_column(value: Param<'_>) -> Option<Self>;
}

impl FromColumn for String {
    const EXPECTS: &'static str = "text";
    fn from_column(value: Param<'_>) -> Option<Self> {
        Box::<str>::from_column(value).map(Into::into)
    }
}

impl FromColumn for Box<str> {
    const EXPECTS: &'static str = "text";
    fn from_column(value: Param<'_>) -> Option<Self> {
        if let Param::Text(text) = value { Some(text.into()) } else { None }
    }
}

impl FromColumn for Vec<u8> {
    const EXPECTS: &'static str = "bytes";
    fn from_column(value: Param<'_>) -> Option<Self> {
        if let Param::Bytes(bytes) = value { Some(bytes.to_vec()) } else { None }
    }
}

impl FromColumn for i64 {
    const EXPECTS: &'static str = "an integer";
    fn from_column(value: Param<'_>) -> Option<Self> {
        if let Param::Int(int) = value { Some(int) } else { None }
    }
}

impl FromColumn for i32 {
    const EXPECTS: &'static str = "an integer of 32 bits";
    fn from_column(value: Param<'_>) -> Option<Self> {
        i64::from_column(value)?.try_into().ok()
    }
}

impl FromColumn for u32 {
    const EXPECTS: &'static str = "an integer between 0 and 4294967295";
    fn from_column(value: Param<'_>) -> Option<Self> {
        i64::from_column(value)?.try_into().ok()
    }
}

impl FromColumn for bool {
    const EXPECTS: &'static str = "a boolean";
    fn from_column(value: Param<'_>) -> Option<Self> {
        match value {
            Param::Bool(bool) => Some(bool),
            Param::Int(0) => Some(false),
            Param::Int(1) => Some(true),
            _ => None,
        }
    }
}

/// Whatever it holds. On SQLite a boolean comes as `Int`.
impl FromColumn for Value {
    const EXPECTS: &'static str = "a value";
    fn from_column(value: Param<'_>) -> Option<Self> {
        Some(match value {
            Param::Null => Self::Null,
            Param::Int(int) => Self::Int(int),
            Param::Bool(bool) => Self::Bool(bool),
            Param::Text(text) => Self::Text(text.into()),
            Param::Bytes(bytes) => Self::Bytes(bytes.into()),
        })
    }
}

impl<T: FromColumn> FromColumn for Option<T> {
    const EXPECTS: &'static str = T::EXPECTS;
    fn from_column(value: Param<'_>) -> Option<Self> {
        if value == Param::Null { Some(None) } else { T::from_column(value).map(Some) }
    }
}

/// One row of a result, valid while its closure runs.
pub struct Row<'r> {
    cells: Cells<'r>,
}

enum Cells<'r> {
    Sqlite(&'r rusqlite::Row<'r>),
    Postgres(&'r tokio_postgres::Row),
}

impl<'r> Row<'r> {
    pub(crate) fn sqlite(row: &'r rusqlite::Row<'r>) -> Self {
        Self { cells: Cells::Sqlite(row) }
    }

    pub(crate) fn postgres(row: &'r tokio_postgres::Row) -> Self {
        Self { cells: Cells::Postgres(row) }
    }

    /// The value of a column, counted from 0. Errors when the column does not exist or holds another type.
    pub fn get<T: FromColumn>(&self, index: usize) -> Result<T, Error> {
        let value = self.cell(index)?;
        T::from_column(value).ok_or_else(|| mismatch(index, value, T::EXPECTS))
    }

    /// The text of a column without copying it. NULL is an error.
    pub fn text_ref(&self, index: usize) -> Result<&str, Error> {
        self.opt_text_ref(index)?.ok_or_else(|| mismatch(index, Param::Null, "text"))
    }

    /// The text of a column without copying it, `None` for NULL.
    pub fn opt_text_ref(&self, index: usize) -> Result<Option<&str>, Error> {
        match self.cell(index)? {
            Param::Text(text) => Ok(Some(text)),
            Param::Null => Ok(None),
            other => Err(mismatch(index, other, "text")),
        }
    }

    /// The bytes of a column without copying them. NULL is an error.
    pub fn bytes_ref(&self, index: usize) -> Result<&[u8], Error> {
        match self.cell(index)? {
            Param::Bytes(bytes) => Ok(bytes),
            other => Err(mismatch(index, other, "bytes")),
        }
    }

    /// The raw value of a column. On SQLite a boolean comes as `Int`.
    pub fn cell(&self, index: usize) -> Result<Param<'_>, Error> {
        match self.cells {
            Cells::Sqlite(row) => crate::sqlite::cell(row, index),
            Cells::Postgres(row) => crate::postgres::cell(row, index),
        }
    }
}

fn mismatch(index: usize, value: Param<'_>, expected: &str) -> Error {
    let found = value.word();
    Error::other(format!("column {index} holds {found} where the code reads {expected}"))
}
