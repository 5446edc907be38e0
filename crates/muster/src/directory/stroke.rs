//! One change of the directory: who, when, and the words all changes share.

use db::Tx;
use serde_json::Value;

use super::model::{Stored, stamp};
use crate::app::App;
use crate::audit::{self, Action, Entry};
use crate::kernel::caller::Caller;
use crate::kernel::ids::AccountId;
use crate::kernel::problem::{Kind, Problem, Result};
use crate::kernel::rng::Rng;
use crate::kernel::scope::Scope;
use crate::kernel::time::Timestamp;
use crate::settings;
use crate::settings::catalogue::Id;

/// So much may a document be over the limit of a request by what the server writes itself.
const OWN_BYTES: usize = 64 << 10;
/// So much more may be added in small changes to one that is over the limit.
const SPARE_BYTES: usize = 16 << 10;
/// So many bytes of it by one change.
const SHORT: usize = 1 << 10;

/// Who changes, when, and the ids drawn for it.
#[derive(Clone, Debug)]
pub struct Stroke {
    /// Who.
    pub caller: Caller,
    /// Where the thing that changes lives: the account, but for groups below it.
    pub scope: Scope,
    /// When, whole milliseconds.
    pub now: Timestamp,
    /// Id of the audit row.
    pub audit_id: String,
    /// For the ids of rows that are not known beforehand.
    pub rng: Rng,
    /// Most bytes of a document that grows: as many as one request may send.
    pub most_bytes: usize,
}

impl Stroke {
    /// Draws one, for a thing that lives in the account itself.
    pub fn new(app: &App, caller: &Caller) -> Self {
        Self {
            caller: caller.clone(),
            scope: Scope::account(caller.account.clone()),
            now: stamp(app.clock.now()),
            audit_id: app.rng.uuid(),
            rng: app.rng.clone(),
            most_bytes: app.limits.scim_body_bytes,
        }
    }

    /// Refuses a document that grows beyond what a request may send: several changes would make one that no
    /// PUT could bring back, and of which no page could hold more. One that is there already can still be
    /// changed in what is short, up to a last bound, and in what makes it no larger.
    ///
    /// # Errors
    /// `TooLarge`.
    pub fn bears(&self, before: &Stored, doc: &str) -> Result<()> {
        let (most, old) = (self.most_bytes + OWN_BYTES, before.doc.len());
        if doc.len() <= most.max(old).max((old + SHORT).min(most + SPARE_BYTES)) {
            return Ok(());
        }
        let text = format!(
            "The resource would be over the limit of a request, {} bytes: remove some of its values first.",
            self.most_bytes
        );
        Err(Problem::new(Kind::TooLarge, text))
    }

    /// The same stroke with an audit row of its own.
    #[must_use]
    pub fn again(&self) -> Self {
        Self { audit_id: self.rng.uuid(), ..self.clone() }
    }
    /// The account acted in.
    pub fn account(&self) -> &AccountId {
        &self.caller.account
    }
    /// Writes the audit row.
    ///
    /// # Errors
    /// Of the database.
    pub fn record(
        &self,
        tx: &mut Tx<'_>,
        action: Action,
        kind: &'static str,
        named: (&str, &str),
        detail: Value,
    ) -> Result<()> {
        let entry = Entry::about(action, kind, named, &self.scope, detail);
        audit::record(tx, &self.caller, self.now, &self.audit_id, &entry)
    }
}

/// What another replica's write in the same instant is told.
pub fn overtaken() -> Problem {
    Problem::new(Kind::Unavailable, "Another change of the same resource came first: send the request again.")
        .retry_after(1)
}

/// Top-level attributes that differ.
pub fn differing(before: &Value, after: &Value) -> Vec<String> {
    let (Some(before), Some(after)) = (before.as_object(), after.as_object()) else { return Vec::new() };
    let mut names: Vec<String> = after
        .iter()
        .filter(|(name, value)| before.get(*name) != Some(value))
        .map(|(name, _)| name.clone())
        .collect();
    names.extend(before.keys().filter(|name| !after.contains_key(*name)).cloned());
    names
}

/// A Boolean setting of the account.
///
/// # Errors
/// Of the database.
pub fn setting(tx: &mut Tx<'_>, account: &AccountId, id: Id) -> Result<bool> {
    settings::actions::flag(tx, &Scope::account(account.clone()), id)
}
