//! SQL of the audit trail.

use std::ops::ControlFlow;

use db::sql::Sql;
use db::{Tx, params};
use serde_json::Value;

use super::model::{Area, Entry, Filter, Proof, RESOURCE_TYPES, Row};
use crate::kernel::caller::Caller;
use crate::kernel::ids::AccountId;
use crate::kernel::page::PageRequest;
use crate::kernel::problem::Problem;
use crate::kernel::scope::{Level, Scope};
use crate::kernel::text::json_text;
use crate::kernel::time::Timestamp;

const COUNT: &str = "SELECT COUNT(*) FROM audit_rows WHERE account_id = ";
const SELECT: &str = "SELECT at, audit_id, org_id, project_id, action, resource_type, resource_id, resource_name, \
    principal_kind, principal_id, principal_label, principal_name, credential, method, client_ip, \
    request_id, detail FROM audit_rows WHERE account_id = ";

const INSERT: &str = "INSERT INTO audit_rows (account_id, at, audit_id, org_id, project_id, action, resource_type, \
    resource_id, resource_name, principal_kind, principal_id, principal_label, principal_name, credential, \
    method, client_ip, request_id, detail) \
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)";

/// Writes one row in the caller's transaction. `id` is a fresh UUID; rows of one account are ordered by
/// (time, id).
pub fn record(
    tx: &mut Tx<'_>,
    caller: &Caller,
    now: Timestamp,
    id: &str,
    entry: &Entry<'_>,
) -> Result<(), Problem> {
    debug_assert!(
        RESOURCE_TYPES.contains(&entry.resource_type),
        "nobody could ask for {}",
        entry.resource_type
    );
    let credential = serde_json::to_string(&Proof::from(&*caller.credential))
        .map_err(|error| Problem::internal(format!("a credential cannot be written as JSON: {error}")))?;
    let detail = match &entry.detail {
        Value::Null => None,
        detail => Some(json_text(detail)),
    };
    let client = caller.origin.client.map(|ip| ip.to_string());
    let principal = &caller.principal;
    tx.put(
        INSERT,
        params![
            caller.account.as_str(),
            now.micros(),
            id,
            entry.scope.org_column(),
            entry.scope.project_column(),
            entry.action.as_str(),
            entry.resource_type,
            entry.resource_id,
            entry.resource_name,
            principal.kind.as_str(),
            &principal.id,
            &principal.label,
            &principal.name,
            &credential,
            &caller.origin.method,
            client.as_deref(),
            &caller.origin.request_id,
            detail.as_deref()
        ],
    )?;
    Ok(())
}

/// One page and how many rows there are in all.
///
/// # Errors
/// `Invalid` for a large page of large changes.
pub fn page(
    tx: &mut Tx<'_>,
    account: &AccountId,
    areas: &[Area],
    filter: &Filter,
    page: PageRequest,
) -> Result<(Vec<Row>, u64), Problem> {
    if filter.nothing {
        return Ok((Vec::new(), 0));
    }
    let mut count = Sql::new(COUNT);
    narrow(&mut count, account, areas, filter);
    let total: i64 = tx.query_one(count.text(), &count.params(), |row| row.get(0))?;
    let mut select = Sql::new(SELECT);
    narrow(&mut select, account, areas, filter);
    select.push(" ORDER BY ").push(&filter.orders.columns(|_| "at"));
    select.push(", audit_id DESC LIMIT ").bind(page.limit());
    select.push(" OFFSET ").bind(page.offset());
    let rows = weighed(tx, &select, page)?;
    let rows = rows.into_iter().map(|stored| stored.row(account)).collect::<Result<_, _>>()?;
    Ok((rows, u64::try_from(total).unwrap_or(0)))
}

fn weighed(tx: &mut Tx<'_>, select: &Sql, page: PageRequest) -> Result<Vec<Stored>, Problem> {
    let (mut rows, mut weight, mut borne) = (Vec::new(), 0, Ok(()));
    tx.each(select.text(), &select.params(), |row| {
        let stored = columns(row)?;
        weight += stored.detail.as_ref().map_or(0, String::len);
        rows.push(stored);
        borne = page.bears(rows.len(), weight);
        Ok(if borne.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
    })?;
    borne.map(|()| rows)
}

struct Stored {
    at: i64,
    texts: [String; 14],
    client_ip: Option<String>,
    detail: Option<String>,
}

fn columns(row: &db::Row<'_>) -> Result<Stored, db::Error> {
    let text = |at| row.get::<String>(at);
    Ok(Stored {
        at: row.get(0)?,
        texts: [
            text(1)?,
            text(2)?,
            text(3)?,
            text(4)?,
            text(5)?,
            text(6)?,
            text(7)?,
            text(8)?,
            text(9)?,
            text(10)?,
            text(11)?,
            text(12)?,
            text(13)?,
            text(15)?,
        ],
        client_ip: row.get(14)?,
        detail: row.get(16)?,
    })
}

impl Stored {
    fn row(self, account: &AccountId) -> Result<Row, Problem> {
        let [id, org, project, action, resource_type, resource_id, resource_name, principal_kind, rest @ ..] =
            self.texts;
        let [principal_id, principal_label, principal_name, credential, method, request_id] = rest;
        Ok(Row {
            id,
            at: Timestamp::from_micros(self.at),
            scope: Scope::of(account.clone(), Some(&org), Some(&project))?,
            action,
            resource_type,
            resource_id,
            resource_name,
            principal_kind,
            principal_id,
            principal_label,
            principal_name,
            credential: json_column(&credential)?,
            method,
            client_ip: self.client_ip,
            request_id,
            detail: self.detail.as_deref().map(json_column).transpose()?,
        })
    }
}

fn json_column(text: &str) -> Result<Value, Problem> {
    serde_json::from_str(text)
        .map_err(|error| Problem::internal(format!("a stored audit row is damaged: {error}")))
}

fn narrow(sql: &mut Sql, account: &AccountId, areas: &[Area], filter: &Filter) {
    sql.bind(account.as_str()).push(" AND ");
    sql.any(areas, &mut |sql, Area { scope, below }| {
        sql.push("TRUE");
        if !below || scope.level() != Level::Account {
            sql.push(" AND org_id = ").bind(scope.org_column());
        }
        if !below || scope.level() == Level::Project {
            sql.push(" AND project_id = ").bind(scope.project_column());
        }
    });
    if let Some(from) = filter.from {
        sql.push(" AND at >= ").bind(from.micros());
    }
    if let Some(to) = filter.to {
        // A millisecond of the wire holds a thousand of our instants.
        sql.push(" AND at <= ").bind(to.micros().saturating_add(999));
    }
    if !filter.actions.is_empty() {
        sql.push(" AND action IN (").bind_list(filter.actions.iter()).push(")");
    }
    if filter.without_system {
        sql.push(" AND principal_kind <> 'SYSTEM'");
    }
    any(sql, &filter.resources, |sql, (kind, id)| {
        sql.push("resource_type = ").bind(kind);
        if let Some(id) = id {
            sql.push(" AND resource_id = ").bind(id);
        }
    });
    any(sql, &filter.principals, |sql, (kind, id)| {
        let id = sql.hold(id);
        sql.push("(principal_id = ").reuse(id).push(" OR principal_label = ").reuse(id).push(")");
        if let Some(kind) = kind {
            sql.push(" AND principal_kind = ").bind(kind);
        }
    });
}

fn any<T>(sql: &mut Sql, items: &[T], mut each: impl FnMut(&mut Sql, &T)) {
    if !items.is_empty() {
        sql.push(" AND ").any(items, &mut each);
    }
}
