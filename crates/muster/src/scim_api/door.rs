//! What every SCIM handler begins with: who asks, in which dialect, and under which URL the client sees the
//! account.

use std::sync::Arc;

use db::Rehearsal;
use http::request::Parts;
use scim::{Dialect, Mended, Mender};

use super::dialect::{self, Manner};
use crate::access::permissions::Ask;
use crate::access::{Actor, Grant};
use crate::app::App;
use crate::directory::schemas::Kinds;
use crate::kernel::problem::Result;
use crate::kernel::scope::Scope;
use crate::web::late::Late;
use crate::web::observed::Observed;
use crate::web::surface;

/// A request as its handler gets it, beside its body.
pub struct Call<'r> {
    /// The server.
    pub app: &'r App,
    /// Method, URI and headers.
    pub head: &'r Parts,
    /// The path down to the account.
    pub base: &'r str,
    /// Where it is noted what the request turned out to be.
    pub observed: Option<&'r Observed>,
    /// Where a body is left that came too late.
    pub late: Late,
}

impl Call<'_> {
    /// URL of the account's SCIM API as the client sees it, without a slash at its end.
    pub fn base(&self) -> String {
        surface::root(self.app, self.head) + self.base
    }
}

/// The beginning of a handler.
#[derive(Clone, Debug)]
pub struct Door {
    /// Who, with what he holds.
    pub actor: Actor,
    /// In which dialect.
    pub dialect: Dialect,
    /// With which schemas and resource types.
    pub kinds: Arc<Kinds>,
    /// Under which URL.
    pub base: String,
    /// Are its writes real?
    pub rehearsal: Rehearsal,
    /// Where it is noted what the request turned out to be.
    observed: Option<Observed>,
}

impl Door {
    /// For an actor. Takes his rehearsal, so that it ends with the handler.
    ///
    /// # Errors
    /// Of the database.
    pub async fn of(call: &Call<'_>, actor: Actor, rehearsal: Rehearsal) -> Result<Self> {
        let (account, version) = (&actor.caller.account, actor.caller.version);
        let Manner { dialect, kinds } = dialect::of(call.app, account, version).await?;
        Ok(Self { actor, dialect, kinds, base: call.base(), rehearsal, observed: call.observed.cloned() })
    }

    /// Asks for a permission on the account.
    ///
    /// # Errors
    /// `Denied`.
    pub fn grant<P: Ask>(&self) -> Result<Grant<P>> {
        self.actor.grant(&Scope::account(self.actor.caller.account.clone()))
    }

    /// A mender for this request.
    pub fn mender(&self) -> Mender {
        Mender::new(self.dialect)
    }

    /// Tells the account's log how many operations of a bulk request failed: its own status is 200.
    pub fn failed_operations(&self, count: usize) {
        if let Some(observed) = &self.observed {
            observed.failed_operations(count);
        }
    }

    /// Tells the operator which quirks of the client were mended, in the log of the process and the
    /// account's.
    pub fn log(&self, notes: &[Mended], unknown_members: &[String]) {
        if notes.is_empty() && unknown_members.is_empty() {
            return;
        }
        if let Some(observed) = &self.observed {
            let notes = notes.iter().map(|note| (note.quirk.name(), note.at.as_str()));
            observed.mended(notes, unknown_members);
        }
        if !tracing::enabled!(tracing::Level::DEBUG) {
            return;
        }
        let mended: Vec<String> = notes.iter().map(|note| format!("{} at {}", note.quirk, note.at)).collect();
        let unknown = unknown_members.iter().take(20).map(String::as_str).collect::<Vec<_>>();
        let (request_id, account) = (&self.actor.caller.origin.request_id, &self.actor.caller.account);
        tracing::debug!(%request_id, %account, ?mended, unknown_members = ?unknown, "a SCIM request was mended");
    }
}
