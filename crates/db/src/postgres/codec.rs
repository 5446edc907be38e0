//! The five value types in PostgreSQL's binary format. Integers also go to and come from the narrower integer
//! types, because PostgreSQL reads `LIMIT $1` or `SELECT 1` as such; nothing else is converted.

use std::error::Error as StdError;

use tokio_postgres::Statement;
use tokio_postgres::types::private::BytesMut;
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, to_sql_checked};

use crate::sql::Value;
use crate::tx::brief;
use crate::{Error, Param};

type Refused = Box<dyn StdError + Sync + Send>;

/// The type to prepare a parameter with, so that `$1 + 1` is not taken for 32 bits. NULL leaves it open.
pub(super) fn hint(param: &Param<'_>) -> Type {
    match param {
        Param::Null => Type::UNKNOWN,
        Param::Int(_) => Type::INT8,
        Param::Bool(_) => Type::BOOL,
        Param::Text(_) => Type::TEXT,
        Param::Bytes(_) => Type::BYTEA,
    }
}

/// Refuses values that would not fit the statement's parameters.
pub(super) fn check(statement: &Statement, params: &[Param<'_>], sql: &str) -> Result<(), Error> {
    let (count, given) = (statement.params().len(), params.len());
    if count != given {
        let text = format!("the statement has {count} parameters and {given} values: {}", brief(sql));
        return Err(Error::other(text));
    }
    for (index, (param, ty)) in params.iter().zip(statement.params()).enumerate() {
        let fits = match (*param, ty) {
            (Param::Null, _)
            | (Param::Int(_), &Type::INT8)
            | (Param::Bool(_), &Type::BOOL)
            | (Param::Bytes(_), &Type::BYTEA) => true,
            (Param::Int(int), &Type::INT4) => i32::try_from(int).is_ok(),
            (Param::Int(int), &Type::INT2) => i16::try_from(int).is_ok(),
            (Param::Text(_), ty) => is_text(ty),
            _ => false,
        };
        if !fits {
            let (number, found) = (index + 1, param.word());
            let text = format!("parameter ${number} is {found} where PostgreSQL expects {ty}");
            return Err(Error::other(format!("{text}, cast it: {}", brief(sql))));
        }
    }
    Ok(())
}

#[derive(Debug)]
pub(super) struct Bound<'a>(pub(super) Param<'a>);

impl ToSql for Bound<'_> {
    fn to_sql(&self, ty: &Type, out: &mut BytesMut) -> Result<IsNull, Refused> {
        match (self.0, ty) {
            (Param::Null, _) => Ok(IsNull::Yes),
            (Param::Int(int), &Type::INT8) => int.to_sql(ty, out),
            (Param::Int(int), &Type::INT4) => i32::try_from(int)?.to_sql(ty, out),
            (Param::Int(int), &Type::INT2) => i16::try_from(int)?.to_sql(ty, out),
            (Param::Bool(bool), &Type::BOOL) => bool.to_sql(ty, out),
            (Param::Text(text), ty) if is_text(ty) => text.to_sql(ty, out),
            (Param::Bytes(bytes), &Type::BYTEA) => bytes.to_sql(ty, out),
            (param, ty) => Err(format!("{} does not fit {ty}", param.word()).into()),
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

/// A value that outlives the call, for statements held back.
#[derive(Debug)]
pub(super) struct Held(pub(super) Value);

impl ToSql for Held {
    fn to_sql(&self, ty: &Type, out: &mut BytesMut) -> Result<IsNull, Refused> {
        Bound(self.0.as_param()).to_sql(ty, out)
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

fn is_text(ty: &Type) -> bool {
    matches!(*ty, Type::TEXT | Type::VARCHAR | Type::BPCHAR | Type::NAME | Type::UNKNOWN)
}

struct Cell<'a>(Param<'a>);

impl<'a> FromSql<'a> for Cell<'a> {
    fn from_sql(ty: &Type, raw: &'a [u8]) -> Result<Self, Refused> {
        Ok(Self(match *ty {
            Type::INT8 => Param::Int(i64::from_sql(ty, raw)?),
            Type::INT4 => Param::Int(i32::from_sql(ty, raw)?.into()),
            Type::INT2 => Param::Int(i16::from_sql(ty, raw)?.into()),
            Type::BOOL => Param::Bool(bool::from_sql(ty, raw)?),
            Type::BYTEA => Param::Bytes(raw),
            ref ty if is_text(ty) => Param::Text(std::str::from_utf8(raw)?),
            ref ty => return Err(format!("its type is {ty}: cast it to BIGINT or TEXT in the SQL").into()),
        }))
    }

    fn from_sql_null(_: &Type) -> Result<Self, Refused> {
        Ok(Self(Param::Null))
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

/// The value of a column, counted from 0.
pub(crate) fn cell(row: &tokio_postgres::Row, index: usize) -> Result<Param<'_>, Error> {
    row.try_get::<_, Cell<'_>>(index).map(|cell| cell.0).map_err(|error| {
        let why = error.source().map_or_else(|| error.to_string(), ToString::to_string);
        Error::other(format!("column {index} cannot be read: {why}"))
    })
}
