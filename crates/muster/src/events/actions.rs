//! Reading events, and waiting for them.

use std::time::Duration;

use db::Tx;
use serde::Deserialize;
use tokio::time::{Instant, timeout_at};

use super::model::{Kind, Of, Row, Stretch};
use super::store;
use crate::access::Actor;
use crate::access::permissions::{UserGroupView, UserView};
use crate::app::App;
use crate::kernel::caller::Caller;
use crate::kernel::problem::{self, Problem, Result};
use crate::kernel::scope::Scope;
use crate::kernel::time::Timestamp;

/// Left of the server's bound for a request when a wait ends, so that its answer still gets out.
const MARGIN: Duration = Duration::from_secs(1);

/// What is asked for.
#[derive(Clone, Debug)]
pub struct Wish {
    /// Events after this number; without one none, only where the account is.
    pub after: Option<i64>,
    /// So many at most.
    pub limit: usize,
    /// Only of these kinds; empty for all.
    pub kinds: Vec<Kind>,
    /// How long to wait for the first of them.
    pub wait: Duration,
}

/// The events after a number; waits for some where there are none. Where rights or settings of the account
/// change meanwhile, the wait ends without any: whoever asks again is let in, or not, by what holds then.
///
/// # Errors
/// `Denied` without `core_user_view` (for users' events) or `core_usergroup_view` (for groups'); `Gone` for a
/// number whose followers are no longer all there; `TooMany` where too many wait; `Unauthenticated` for a
/// credential that ends while it waits.
pub async fn read(app: &App, actor: &Actor, mut wish: Wish) -> Result<Stretch> {
    permit(actor, &wish.kinds)?;
    let (caller, mut seen) = (&actor.caller, look(app, actor, &wish).await?);
    if wish.wait.is_zero() || wish.after.is_none() || is_answer(&seen) {
        return Ok(seen);
    }
    let until = Instant::now() + patience(app, caller, wish.wait);
    let mut waiting = app.feed.wait(&app.db, &caller.account)?;
    while let Ok(true) = timeout_at(until, waiting.past((seen.next, caller.version))).await {
        wish.after = Some(seen.next);
        let news = look(app, actor, &wish).await?;
        if news.version != caller.version {
            break;
        }
        seen = news;
        if is_answer(&seen) {
            break;
        }
    }
    if caller.ended(app.clock.now()) {
        return Err(ended());
    }
    Ok(seen)
}

/// How long to wait: never past the end of the credential.
fn patience(app: &App, caller: &Caller, wish: Duration) -> Duration {
    let patience = wish.min(app.limits.request_timeout.saturating_sub(MARGIN));
    let left = caller.ends().map(|end| end.micros().saturating_sub(app.clock.now().micros()));
    let left = left.map(|micros| Duration::from_micros(u64::try_from(micros).unwrap_or(0)));
    left.map_or(patience, |left| patience.min(left))
}

fn ended() -> Problem {
    let text = "The credential ended while it waited for events: send another one, and the same `after`.";
    Problem::new(problem::Kind::Unauthenticated, text)
}

/// Something to tell: events, or that the stretch looked through has not reached the end.
fn is_answer(seen: &Stretch) -> bool {
    !seen.rows.is_empty() || seen.next < seen.latest
}

fn permit(actor: &Actor, kinds: &[Kind]) -> Result<()> {
    let scope = Scope::account(actor.caller.account.clone());
    let about = |of: Of| kinds.is_empty() || kinds.iter().any(|kind| kind.of() == of);
    if about(Of::Users) {
        actor.grant::<UserView>(&scope)?;
    }
    if about(Of::Groups) {
        actor.grant::<UserGroupView>(&scope)?;
    }
    Ok(())
}

async fn look(app: &App, actor: &Actor, wish: &Wish) -> Result<Stretch> {
    let (account, wish) = (actor.caller.account.clone(), wish.clone());
    let mut seen = app
        .db
        .of(&actor.caller.account)
        .read("events.read", move |tx: &mut Tx<'_>| {
            let seen = store::stretch(tx, &account, wish.after, wish.limit, &wish.kinds)?;
            match wish.after {
                Some(after) if after < seen.oldest - 1 => Err(gone(format!(
                    "Events up to number {} are no longer kept and you have them up to {after} only",
                    seen.oldest - 1
                ))),
                Some(after) if after > seen.latest => Err(gone(format!(
                    "You have events up to number {after}, and this account has given numbers up to {} only",
                    seen.latest
                ))),
                _ => Ok(seen),
            }
        })
        .await?;
    if !actor.holds_below::<UserGroupView>(&Scope::account(actor.caller.account.clone())) {
        seen.rows.retain(|row| shows_home(actor, row));
    }
    Ok(seen)
}

/// Whether the actor may see groups where the one lives that an event is about: some live in organizations
/// and projects.
fn shows_home(actor: &Actor, row: &Row) -> bool {
    if Kind::parse(&row.kind).is_none_or(|kind| kind.of() != Of::Groups) {
        return true;
    }
    let Ok(Home { org, project }) = serde_json::from_str(&row.data) else { return false };
    let scope = Scope::of(actor.caller.account.clone(), org.as_deref(), project.as_deref());
    scope.is_ok_and(|scope| actor.holds::<UserGroupView>(&scope, None))
}

/// Where a group lives, in the data of its events.
#[derive(Deserialize)]
struct Home {
    #[serde(rename = "orgIdentifier")]
    org: Option<String>,
    #[serde(rename = "projectIdentifier")]
    project: Option<String>,
}

fn gone(what: String) -> Problem {
    let text = format!(
        "{what}: ask without `after` for the number to go on from, read the whole directory once more, and follow \
        the events from that number."
    );
    Problem::new(problem::Kind::Gone, text)
}

/// Removes the account's oldest events as far as they are older than the account wants them kept; answers how
/// many, `store::PURGED_AT_ONCE` at most.
///
/// # Errors
/// Of the database.
pub async fn purge(app: &App, account: &crate::kernel::ids::AccountId, before: Timestamp) -> Result<usize> {
    let (of, lane) = (account.clone(), account.to_string());
    app.db.write("events.purge", &lane, move |tx| store::purge(tx, &of, before)).await
}
