//! Whether who asks for a change is still who he was when he was let in. A change may wait for its turn
//! behind others of the account, and one of those may take from him what he was let in with.

use db::Tx;

use super::grant::Actor;
use super::rights;
use crate::accounts::store::find_version;
use crate::app::App;
use crate::kernel::caller::{Caller, Credential, Principal, PrincipalKind};
use crate::kernel::ids::{AccountId, TokenId};
use crate::kernel::problem::{ACCESS_CHANGED, Kind, Problem, Result};
use crate::kernel::time::Timestamp;
use crate::tokens::verify;
use crate::trust::store as trusts;

/// Asks again, where access in the account changed since he was let in. Who writes what decides about access
/// holds the account's row already.
///
/// # Errors
/// `Unavailable` where his credential holds no longer or he holds less than he did: the same request, sent
/// again, hears why.
pub fn still(tx: &mut Tx<'_>, actor: &Actor, now: Timestamp) -> Result<()> {
    let version = find_version(tx, &actor.caller.account)?;
    still_at(tx, actor, version, now)
}

/// As `still`, by who has read the account's version already; `None`: no account that can be used.
///
/// # Errors
/// As `still`.
pub fn still_at(tx: &mut Tx<'_>, actor: &Actor, version: Option<i64>, now: Timestamp) -> Result<()> {
    let caller = &actor.caller;
    if caller.principal.kind == PrincipalKind::System || version == Some(caller.version) {
        return Ok(());
    }
    if version.is_some() && stands(tx, actor, now)? {
        return Ok(());
    }
    let text = "Who may do what in the account changed while the request waited, and nothing was done: send the \
                request again.";
    Err(Problem::new(Kind::Unavailable, text).retry_after(1).inside(ACCESS_CHANGED))
}

/// As `still`, between two changes of one request.
///
/// # Errors
/// As `still`; of the database.
pub async fn ask(app: &App, actor: &Actor) -> Result<()> {
    let (by, now) = (actor.clone(), app.clock.now());
    app.db.of(&actor.caller.account).point("access.still", move |tx| still(tx, &by, now)).await
}

fn stands(tx: &mut Tx<'_>, actor: &Actor, now: Timestamp) -> Result<bool> {
    let Caller { account, principal, credential, .. } = &actor.caller;
    let is_proven = is_proven(tx, (account, principal), credential, now)?;
    Ok(is_proven && rights::load(tx, account, principal)?.include(&actor.rights))
}

/// Does what he showed still stand, and he himself? What it says was checked when it was shown.
fn is_proven(
    tx: &mut Tx<'_>,
    (account, principal): (&AccountId, &Principal),
    credential: &Credential,
    now: Timestamp,
) -> Result<bool> {
    match credential {
        // It does not hold without its owner.
        Credential::Token { id } => verify::is_alive(tx, account, &TokenId::new(id.as_str()), now),
        Credential::Jwt { trust, .. } => {
            Ok(trusts::lets_in(tx, account, trust)? && verify::is_there(tx, principal)?)
        }
        Credential::Issued { by, .. } => is_proven(tx, (account, principal), by, now),
        Credential::Console | Credential::Server | Credential::Operator { .. } => Ok(true),
    }
}
