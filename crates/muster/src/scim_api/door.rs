//! What every SCIM handler begins with: who asks, in which dialect, and under which URL the client sees the
//! account.

use std::sync::Arc;

use axum::extract::{FromRequestParts, OriginalUri};
use db::Rehearsal;
use http::request::Parts;
use scim::{Dialect, Mended, Mender};

use super::dialect::{self, Manner};
use crate::access::permissions::Ask;
use crate::access::{Actor, Grant};
use crate::app::App;
use crate::directory::schemas::Kinds;
use crate::kernel::problem::{Problem, Result};
use crate::kernel::scope::Scope;
use crate::web::observed::Observed;
use crate::web::surface;

/// URL of the account's SCIM API as the client sees it, without a slash at its end.
#[derive(Clone, Debug)]
pub struct Base(pub String);

impl<S: Sync> FromRequestParts<S> for Base {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self> {
        Ok(Self(base(parts)))
    }
}

fn base(parts: &Parts) -> String {
    let whole = parts.extensions.get::<OriginalUri>().map_or_else(|| parts.uri.path(), |uri| uri.0.path());
    let mut base = surface::root(parts);
    base.push_str(whole.strip_suffix(parts.uri.path()).unwrap_or(whole));
    base
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

impl FromRequestParts<App> for Door {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self> {
        let actor = parts.extensions.get::<Actor>().cloned();
        let actor =
            actor.ok_or_else(|| Problem::internal("a SCIM route is served without its credential layer"))?;
        let Manner { dialect, kinds } = dialect::of(app, &actor.caller.account, actor.caller.version).await?;
        // Taken, not copied: it ends with the handler.
        let rehearsal = parts.extensions.remove::<Rehearsal>().unwrap_or_default();
        let observed = parts.extensions.get::<Observed>().cloned();
        Ok(Self { actor, dialect, kinds, base: base(parts), rehearsal, observed })
    }
}

impl Door {
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
        let mended: Vec<String> = notes.iter().map(|note| format!("{} at {}", note.quirk, note.at)).collect();
        let unknown = unknown_members.iter().take(20).map(String::as_str).collect::<Vec<_>>();
        let (request_id, account) = (&self.actor.caller.origin.request_id, &self.actor.caller.account);
        tracing::info!(%request_id, %account, ?mended, unknown_members = ?unknown, "a SCIM request was mended");
    }
}
