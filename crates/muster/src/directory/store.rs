//! SQL that users and groups share: reading stored resources by filter and order, and index rows.

use std::ops::ControlFlow;

use db::sql::{Sql, Value};
use db::{Row, Tx, params};
use scim::{IndexKey, KeyMoves, SortValue};

use super::filter_sql::id_column;
use super::model::{Stored, Subject};
use super::narrow::Narrowed;
use crate::kernel::ids::AccountId;
use crate::kernel::problem::Problem;
use crate::kernel::time::Timestamp;

/// SQL that reads the resource `$2` of the account `$1`, and behind its five columns what `$beside` says.
macro_rules! one {
    ($subject:expr, $beside:literal) => {
        match $subject {
            Subject::User => concat!(
                "SELECT user_id, doc, version, created_at, updated_at",
                $beside,
                " FROM users WHERE account_id = $1 AND user_id = $2"
            ),
            Subject::Group => concat!(
                "SELECT group_id, doc, version, created_at, updated_at",
                $beside,
                " FROM user_groups WHERE account_id = $1 AND group_id = $2 AND org_id = '' AND project_id = ''"
            ),
            Subject::Custom => concat!(
                "SELECT object_id, doc, version, created_at, updated_at",
                $beside,
                " FROM objects WHERE account_id = $1 AND object_id = $2"
            ),
        }
    };
}
pub(super) use one;

const DROP_KEY: &str = "DELETE FROM directory_index \
    WHERE account_id = $1 AND attr = $2 AND value_key = $3 AND resource_id = $4 AND qualifier = $5";

/// Index rows written by one statement at most.
const ROWS_AT_ONCE: usize = 8;

/// In which order a page comes. The id is always the last key, so that the order is total.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Order {
    /// By id alone.
    Id,
    /// By id as well, where few are let through: those are found by the index of the condition, and sorted.
    Few,
    /// By id, the last one first.
    Back,
    /// By a column without nulls.
    Column {
        /// The column.
        column: &'static str,
        /// Largest first?
        descending: bool,
    },
    /// By the external id or by an indexed attribute with one value; where it is missing: last when
    /// ascending, first when descending.
    Optional {
        /// Storage path of the attribute; `None`: the external id.
        path: Option<String>,
        /// Largest first?
        descending: bool,
    },
}

fn from(subject: Subject) -> &'static str {
    match subject {
        Subject::User => " FROM users r",
        Subject::Group => " FROM user_groups r",
        Subject::Custom => " FROM objects r",
    }
}

/// Starts the condition: `$1` is the account, groups are those of the account itself.
fn condition(sql: &mut Sql, subject: Subject, narrowed: &Narrowed) {
    sql.push(" WHERE account_id = $1");
    if subject == Subject::Group {
        sql.push(" AND org_id = '' AND project_id = ''");
    }
    narrowed.push(sql, subject);
}

fn columns(subject: Subject) -> String {
    format!("SELECT {}, doc, version, created_at, updated_at", id_column(subject))
}

/// Reads the five columns of a stored resource.
pub fn stored(row: &Row<'_>) -> Result<Stored, db::Error> {
    Ok(Stored {
        id: row.get(0)?,
        doc: row.get(1)?,
        version: row.get(2)?,
        created: Timestamp::from_micros(row.get(3)?),
        updated: Timestamp::from_micros(row.get(4)?),
    })
}

/// Resources that are in memory together: no more of them than it can bear.
#[derive(Debug, Default)]
pub struct Batch {
    /// In their order.
    pub rows: Vec<Stored>,
    /// Were there more than it has room for?
    pub cut: bool,
    bytes: usize,
}

impl Batch {
    /// Documents are kept until they hold so many bytes together: the one that reaches beyond is the last
    /// one.
    pub const ROOM: usize = 16 << 20;

    /// Takes one more while there is room.
    pub fn take(&mut self, next: Stored) -> ControlFlow<()> {
        if self.bytes >= Self::ROOM {
            self.cut = true;
            return ControlFlow::Break(());
        }
        self.bytes += next.doc.len();
        self.rows.push(next);
        ControlFlow::Continue(())
    }
}

fn read(tx: &mut Tx<'_>, sql: &Sql) -> Result<Batch, Problem> {
    let mut batch = Batch::default();
    tx.each(sql.text(), &sql.params(), |row| Ok(batch.take(stored(row)?)))?;
    Ok(batch)
}

/// The resource with that id.
pub fn find(
    tx: &mut Tx<'_>,
    account: &AccountId,
    subject: Subject,
    id: &str,
) -> Result<Option<Stored>, Problem> {
    Ok(tx.query_opt(one!(subject, ""), params![account.as_str(), id], stored)?)
}

/// How many the condition lets through.
pub fn count(
    tx: &mut Tx<'_>,
    account: &AccountId,
    subject: Subject,
    narrowed: &Narrowed,
) -> Result<i64, Problem> {
    let sql = count_sql(account, subject, narrowed);
    Ok(tx.query_one(sql.text(), &sql.params(), |row| row.get(0))?)
}

fn count_sql(account: &AccountId, subject: Subject, narrowed: &Narrowed) -> Sql {
    let mut sql = Sql::new("SELECT count(*)");
    sql.hold(account.as_str());
    sql.push(from(subject));
    condition(&mut sql, subject, narrowed);
    sql
}

/// One page of those that the condition lets through, or its beginning.
pub fn page(
    tx: &mut Tx<'_>,
    account: &AccountId,
    subject: Subject,
    narrowed: &Narrowed,
    order: &Order,
    window: (i64, i64),
) -> Result<Batch, Problem> {
    read(tx, &page_sql(account, subject, narrowed, order, window))
}

fn page_sql(
    account: &AccountId,
    subject: Subject,
    narrowed: &Narrowed,
    order: &Order,
    (offset, limit): (i64, i64),
) -> Sql {
    let (mut sql, key) = ordered(account, subject, narrowed, order);
    order.push(&mut sql, key);
    sql.push(id_column(subject)).push(" LIMIT ").bind(limit).push(" OFFSET ").bind(offset);
    sql
}

/// A statement up to its condition, with what the order is by.
fn ordered(account: &AccountId, subject: Subject, narrowed: &Narrowed, order: &Order) -> (Sql, &'static str) {
    let mut sql = Sql::new(columns(subject));
    sql.hold(account.as_str());
    sql.push(from(subject));
    let key = match order {
        Order::Id | Order::Few | Order::Back => id_column(subject),
        Order::Column { column, .. } => column,
        Order::Optional { path: None, .. } => "external_id",
        Order::Optional { path: Some(path), .. } => {
            sql.push(" LEFT JOIN (SELECT resource_id, value_key FROM directory_index WHERE account_id = $1 AND attr = ");
            sql.bind(path.as_str()).push(") s ON s.resource_id = r.").push(id_column(subject));
            "s.value_key"
        }
    };
    condition(&mut sql, subject, narrowed);
    (sql, key)
}

impl Order {
    /// ` ORDER BY …, `, before the id.
    fn push(&self, sql: &mut Sql, key: &str) {
        sql.push(" ORDER BY ");
        let way = |descending: &bool| if *descending { " DESC, " } else { ", " };
        match self {
            Self::Id => {}
            // No index holds this.
            Self::Few => drop(sql.push("COALESCE(").push(key).push(", ''), ")),
            // The id comes behind it again and decides nothing more.
            Self::Back => drop(sql.push(key).push(" DESC, ")),
            Self::Column { descending, .. } => drop(sql.push(key).push(way(descending))),
            Self::Optional { descending, .. } => {
                sql.push("CASE WHEN ").push(key).push(" IS NULL THEN 1 ELSE 0 END").push(way(descending));
                sql.push(key).push(way(descending));
            }
        }
    }

    /// What comes behind a place. The first half of each condition bounds the range that an index is read in.
    fn push_behind(&self, sql: &mut Sql, key: &str, id: &str, place: &Place) {
        let (value, after) = (place.key.as_ref().map(key_value), place.id.as_str());
        match (self, value) {
            (Self::Column { descending, .. }, Some(value)) => {
                let (bound, past) = if *descending { (" <= ", " < ") } else { (" >= ", " > ") };
                sql.push(key).push(bound).bind(value.clone()).push(" AND (").push(key).push(past).bind(value);
                sql.push(" OR ").push(id).push(" > ").bind(after).push(")");
            }
            (Self::Optional { descending, .. }, Some(value)) => {
                sql.push("(");
                if !*descending {
                    sql.push(key).push(" IS NULL OR ");
                }
                sql.push(key).push(if *descending { " < " } else { " > " }).bind(value.clone()).push(" OR (");
                sql.push(key)
                    .push(" = ")
                    .bind(value)
                    .push(" AND ")
                    .push(id)
                    .push(" > ")
                    .bind(after)
                    .push("))");
            }
            (Self::Optional { descending, .. }, None) => {
                let (is, or) = if *descending { (" IS NOT NULL", " OR ") } else { (" IS NULL", " AND ") };
                sql.push("(").push(key).push(is).push(or).push(id).push(" > ").bind(after).push(")");
            }
            (Self::Id | Self::Few | Self::Back, _) | (Self::Column { .. }, None) => {
                sql.push(id).push(" > ").bind(after);
            }
        }
    }
}

/// A sort key as the column or index row has it.
fn key_value(key: &SortValue) -> Value {
    match key {
        SortValue::Bool(flag) => Value::from(*flag),
        SortValue::Integer(number) | SortValue::Instant(number) => Value::from(*number),
        SortValue::Decimal(number) => Value::from(number.to_string()),
        SortValue::Text(text) => Value::from(text.as_str()),
    }
}

/// A place in an order: behind the resource with this key and id.
#[derive(Clone, Debug, PartialEq)]
pub struct Place {
    /// The resource's key; `None` when the order is by id, or when it has none.
    pub key: Option<SortValue>,
    /// Its id; empty at the beginning.
    pub id: String,
}

/// The next `limit` at most behind a place in the order, of those that the condition lets through.
pub fn behind(
    tx: &mut Tx<'_>,
    account: &AccountId,
    subject: Subject,
    narrowed: &Narrowed,
    order: &Order,
    from: (Option<&Place>, i64),
) -> Result<Batch, Problem> {
    read(tx, &behind_sql(account, subject, narrowed, order, from))
}

fn behind_sql(
    account: &AccountId,
    subject: Subject,
    narrowed: &Narrowed,
    order: &Order,
    (place, limit): (Option<&Place>, i64),
) -> Sql {
    let (mut sql, key) = ordered(account, subject, narrowed, order);
    if let Some(place) = place {
        sql.push(" AND ");
        order.push_behind(&mut sql, key, id_column(subject), place);
    }
    order.push(&mut sql, key);
    sql.push(id_column(subject)).push(" LIMIT ").bind(limit);
    sql
}

/// The next `limit` at most of those that the condition lets through, by id, after `after`.
pub fn chunk(
    tx: &mut Tx<'_>,
    account: &AccountId,
    subject: Subject,
    narrowed: &Narrowed,
    after: &str,
    limit: i64,
) -> Result<Batch, Problem> {
    let id = id_column(subject);
    let mut sql = Sql::new(columns(subject));
    sql.hold(account.as_str());
    sql.push(from(subject));
    condition(&mut sql, subject, narrowed);
    sql.push(" AND ")
        .push(id)
        .push(" > ")
        .bind(after)
        .push(" ORDER BY ")
        .push(id)
        .push(" LIMIT ")
        .bind(limit);
    read(tx, &sql)
}

const IS_HELD: &str = "SELECT 1 FROM directory_index WHERE account_id = $1 AND attr = $2 AND value_key = $3 \
    AND resource_id <> $4 LIMIT 1";
const IS_HELD_IN_TYPE: &str = "SELECT 1 FROM directory_index i CROSS JOIN objects o WHERE i.account_id = $1 \
    AND i.attr = $2 AND i.value_key = $3 AND i.resource_id <> $4 AND o.account_id = $1 \
    AND o.object_id = i.resource_id AND o.type_key = $5 LIMIT 1";

/// Whether another resource has the key; `kind`: of that type of the account only.
pub fn is_held(
    tx: &mut Tx<'_>,
    account: &AccountId,
    kind: Option<&str>,
    key: &IndexKey,
    id: &str,
) -> Result<bool, Problem> {
    let (account, attr, value) = (account.as_str(), &*key.attr, key.key.as_str());
    let found: Option<i64> = match kind {
        None => tx.query_opt(IS_HELD, params![account, attr, value, id], |row| row.get(0))?,
        Some(kind) => {
            tx.query_opt(IS_HELD_IN_TYPE, params![account, attr, value, id, kind], |row| row.get(0))?
        }
    };
    Ok(found.is_some())
}

/// Longest `type` of an element, in bytes, that an index row can hold beside the longest value.
pub const MAX_QUALIFIER_BYTES: usize = 256;

/// Writes index rows of a resource that has none of them yet.
///
/// # Errors
/// `InvalidArgument` for an element whose `type` is too long to be searched by.
pub fn put_keys(tx: &mut Tx<'_>, account: &AccountId, id: &str, keys: &[IndexKey]) -> Result<(), Problem> {
    let too_long =
        |key: &&IndexKey| key.qualifier.as_ref().is_some_and(|text| text.len() > MAX_QUALIFIER_BYTES);
    if let Some(key) = keys.iter().find(too_long) {
        let attr = key.attr.split('.').next().unwrap_or_default();
        return Err(Problem::argument(format!(
            "A type of {attr} is too long to be searched by: shorten it."
        )));
    }
    for keys in keys.chunks(ROWS_AT_ONCE) {
        let mut sql = Sql::new(
            "INSERT INTO directory_index (account_id, attr, value_key, resource_id, qualifier) VALUES ",
        );
        let (account, id) = (sql.hold(account.as_str()), sql.hold(id));
        for (at, key) in keys.iter().enumerate() {
            sql.push(if at == 0 { "(" } else { ", (" }).reuse(account).push(", ").bind(&*key.attr);
            sql.push(", ").bind(key.key.as_str()).push(", ").reuse(id).push(", ");
            sql.bind(key.qualifier.as_deref().unwrap_or("")).push(")");
        }
        tx.put(sql.text(), &sql.params())?;
    }
    Ok(())
}

/// Removes index rows of a resource.
pub fn drop_keys(tx: &mut Tx<'_>, account: &AccountId, id: &str, keys: &[IndexKey]) -> Result<(), Problem> {
    for key in keys {
        let qualifier = key.qualifier.as_deref().unwrap_or("");
        tx.put(DROP_KEY, params![account.as_str(), &*key.attr, key.key.as_str(), id, qualifier])?;
    }
    Ok(())
}

/// Turns the index rows of a resource from one set into another.
///
/// # Errors
/// As [`put_keys`].
pub fn move_keys(tx: &mut Tx<'_>, account: &AccountId, id: &str, moves: &KeyMoves) -> Result<(), Problem> {
    drop_keys(tx, account, id, &moves.gone)?;
    put_keys(tx, account, id, &moves.come)
}

#[cfg(test)]
mod tests {
    use scim::{Catalogue, Dialect, Filter, Mender};

    use super::super::narrow::narrow;
    use super::*;
    use crate::plans::{goes_through, plan};

    const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
    const OF_USERS: [&str; 19] = [
        "userName eq \"a\"",
        "externalId eq \"a\"",
        "id eq \"a\"",
        "displayName eq \"a\"",
        "active eq false",
        "active ne true",
        "emails.value eq \"a\"",
        "emails[type eq \"work\"].value eq \"a\"",
        "phoneNumbers.value eq \"a\"",
        "name.familyName eq \"a\"",
        "name.givenName eq \"a\"",
        "title eq \"a\"",
        "E:department eq \"a\"",
        "E:employeeNumber eq \"a\"",
        "E:manager.value eq \"a\"",
        "groups.value eq \"a\"",
        "meta.created ge \"2026-01-01T00:00:00Z\"",
        "meta.lastModified gt \"2026-01-01T00:00:00Z\"",
        "userName sw \"a\" and active eq false",
    ];
    const OF_GROUPS: [&str; 5] = [
        "displayName eq \"a\"",
        "externalId eq \"a\"",
        "id eq \"a\"",
        "members.value eq \"a\"",
        "id eq \"a\" and members eq \"b\"",
    ];

    fn narrowed(subject: Subject, text: &str) -> Narrowed {
        let catalogue = Catalogue::standard();
        let kind = catalogue.resource_type(subject.name()).unwrap();
        let text = text.replace("E:", &format!("{ENTERPRISE}:"));
        narrow(subject, kind, Some(&Filter::compile(&text, kind, &mut Mender::new(Dialect::Auto)).unwrap()))
    }

    #[test]
    fn what_is_indexed_is_found_without_going_through_the_account() {
        let of = |subject, texts: &'static [&str]| texts.iter().map(move |text| (subject, *text));
        for (subject, text) in of(Subject::User, &OF_USERS).chain(of(Subject::Group, &OF_GROUPS)) {
            let (account, narrowed) = (AccountId::new("a"), narrowed(subject, text));
            assert!(narrowed.exact, "{text}");
            let order = if narrowed.leaning { Order::Few } else { Order::Id };
            let place = Place { key: None, id: "x".into() };
            for sql in [
                count_sql(&account, subject, &narrowed),
                page_sql(&account, subject, &narrowed, &order, (0, 20)),
                behind_sql(&account, subject, &narrowed, &order, (Some(&place), 20)),
            ] {
                let steps = plan(sql.text());
                // The index of the inactive has nobody else in it.
                let through = |step: &&String| goes_through(step) && !step.contains("users_inactive");
                assert_eq!(steps.iter().find(through), None, "{text}: {} {steps:#?}", sql.text());
            }
        }
    }

    #[test]
    fn a_list_is_read_from_either_end_in_the_order_of_its_index() {
        let account = AccountId::new("a");
        let all = narrow(Subject::User, Catalogue::standard().resource_type("User").unwrap(), None);
        for order in [Order::Id, Order::Back] {
            let steps = plan(page_sql(&account, Subject::User, &all, &order, (0, 20)).text());
            assert_eq!(steps, ["SEARCH r USING INDEX sqlite_autoindex_users_1 (account_id=?)"]);
        }
    }
}
