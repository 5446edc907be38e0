//! SQL of the audit trail.

use db::{Tx, params};
use serde_json::{Value, json};

use super::model::Entry;
use crate::kernel::caller::{Caller, Credential};
use crate::kernel::problem::Problem;
use crate::kernel::time::Timestamp;

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
    let credential = match &*caller.credential {
        Credential::Token { id } => json!({"type": "TOKEN", "id": id}),
        Credential::Jwt { trust, key_id, subject, token_sha256 } => {
            json!({"type": "JWT", "trust": trust, "keyId": key_id, "subject": subject, "tokenSha256": token_sha256})
        }
        Credential::Console => json!({"type": "CONSOLE"}),
    };
    let detail = match &entry.detail {
        Value::Null => None,
        detail => Some(detail.to_string()),
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
            &credential.to_string(),
            &caller.origin.method,
            client.as_deref(),
            &caller.origin.request_id,
            detail.as_deref()
        ],
    )?;
    Ok(())
}
