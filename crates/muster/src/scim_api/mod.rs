//! The SCIM surface of an account over the directory (RFC 7644): reads requests in the account's dialect,
//! answers resources, lists and discovery documents. Paths here are below the account's base, which the
//! router finds.
//!
//! Never decides what a change means (crate `scim`) nor how it is stored (`directory`).

use axum::body::Body;
use axum::response::Response;
use db::Rehearsal;

use crate::access::Actor;
use crate::kernel::problem::Result;
use crate::web::surface::not_taken;

mod bulk;
mod dialect;
mod discovery;
mod door;
pub mod dry_run;
mod groups;
mod me;
mod objects;
mod render;
mod request;
pub mod routes;
mod search;
mod trail;
mod users;
mod verbs;

use door::Door;
use groups::Groups;
use objects::Objects;
use routes::{Closed, Open};
use users::Users;
use verbs::{Resources as _, run};

pub use dialect::Dialects;
pub use door::Call;
pub use dry_run::DryRuns;

/// Answers what nobody needs a credential for.
///
/// # Errors
/// What the client did wrong.
pub async fn open(call: &Call<'_>, asked: Open<'_>) -> Result<Response> {
    discovery::open(call, asked).await
}

/// Answers an actor, whose writes may be rehearsed only.
///
/// # Errors
/// What the client did wrong, or may not; `TooMany` where too many dry runs are under way.
pub async fn closed(
    call: &Call<'_>,
    (actor, rehearsal): (Actor, Rehearsal),
    asked: Closed<'_>,
    body: Body,
) -> Result<Response> {
    let dry_runs = &call.app.dry_runs;
    let _under_way = if rehearsal.is_on() { Some(dry_runs.begin(&actor.caller.account)?) } else { None };
    let door = &Door::of(call, actor, rehearsal).await?;
    match asked {
        Closed::Users(verb) => run(call, door, Users, (verb, body)).await,
        Closed::Groups(verb) => run(call, door, Groups, (verb, body)).await,
        Closed::Objects(endpoint, verb) => {
            run(call, door, Objects::at(endpoint.into_owned()), (verb, body)).await
        }
        Closed::Untaken(endpoint, _) => {
            Objects::at(endpoint.into_owned()).kind(door)?;
            Err(not_taken(&call.head.method, call.head.uri.path()))
        }
        Closed::Root => Box::pin(search::root(call, door)).await,
        Closed::Everywhere => Box::pin(search::everywhere(call, door, body)).await,
        Closed::Me => me::me(call, door),
        Closed::Bulk => Box::pin(bulk::bulk(call, door, body)).await,
    }
}
