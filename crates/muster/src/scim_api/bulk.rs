//! `/Bulk` (RFC 7644 §3.7): carries out a planned list of operations, each as if it were a request of its
//! own: with its own permission, transaction, audit row and events.

use axum::body::Body;
use axum::response::Response;
use futures_util::future::join_all;
use scim::bulk::{self, Method, Operation, Outcome, Plan};

use super::door::{Call, Door};
use super::groups::Groups;
use super::objects::Objects;
use super::render::{self, Resource as _, location};
use super::request::{body_within, expected};
use super::users::Users;
use super::verbs::Resources;
use crate::access::standing;
use crate::app::App;
use crate::directory::model::{Stored, Subject};
use crate::kernel::problem::{Problem, Result};
use crate::web::error;

/// Most operations of a request.
pub const MAX_OPERATIONS: u32 = 1_000;
/// Largest body, bytes.
pub const MAX_BYTES: u32 = 1 << 20;
/// Operations under way at once: those share commits. Their writes queue in their order, and as many futures
/// are polled in order by `join_all`.
const AT_ONCE: usize = 30;

pub async fn bulk(call: &Call<'_>, door: &Door, body: Body) -> Result<Response> {
    let app = call.app;
    let body = body_within(MAX_BYTES as usize, call, door, body).await?;
    let mut mender = door.mender();
    let plan = Plan::parse(body, &door.kinds.written, MAX_OPERATIONS as usize, &mut mender)?;
    door.log(mender.notes(), &[]);
    let outcomes = run(app, door, &plan).await;
    door.failed_operations(outcomes.iter().flatten().filter(|outcome| outcome.response.is_some()).count());
    Ok(render::value(&bulk::response(&plan, &outcomes)))
}

/// Carries out the plan, until it has failed often enough.
async fn run(app: &App, door: &Door, plan: &Plan) -> Vec<Option<Outcome>> {
    let mut made = vec![None; plan.entries.len()];
    let mut outcomes = vec![None; plan.entries.len()];
    let (mut rest, mut errors) = (plan.order.as_slice(), 0);
    while !rest.is_empty() && plan.fail_on_errors.is_none_or(|most| errors < most) {
        let (wave, after) = rest.split_at(independent(plan, rest));
        // Those before may have taken long, and somebody may have taken from him what he was let in with.
        let is_first = rest.len() == plan.order.len();
        let asked = if is_first { Ok(()) } else { standing::ask(app, &door.actor).await };
        let done = match asked {
            Ok(()) => join_all(wave.iter().map(|&at| carry_out(app, door, plan, at, &made))).await,
            Err(problem) => wave.iter().map(|&at| (refused(door, plan, at, &problem), None)).collect(),
        };
        for (&at, (outcome, id)) in wave.iter().zip(done) {
            errors += u64::from(outcome.response.is_some());
            outcomes[at] = Some(outcome);
            made[at] = id;
        }
        rest = after;
    }
    outcomes
}

/// How many of the next operations may be under way together: none of them needs another. One, where each
/// error counts.
fn independent(plan: &Plan, rest: &[usize]) -> usize {
    let most = if plan.fail_on_errors.is_some() { 1 } else { AT_ONCE };
    let needs = |at: usize, before: &[usize]| plan.entries[at].needs.iter().any(|need| before.contains(need));
    let bound = rest.len().min(most);
    (1..bound).find(|&at| needs(rest[at], &rest[..at])).unwrap_or(bound)
}

/// One operation; answers the id of what it created, too.
async fn carry_out(
    app: &App,
    door: &Door,
    plan: &Plan,
    at: usize,
    made: &[Option<String>],
) -> (Outcome, Option<String>) {
    let operation = plan.resolve(at, made);
    let target = target(door, operation.as_ref().ok(), plan.entries[at].path.as_deref());
    let result = match operation {
        Err(error) => Err(error.into()),
        Ok(of) if of.endpoint == Subject::User.endpoint() => done::<Users>(app, door, of).await,
        Ok(of) if of.endpoint == Subject::Group.endpoint() => done::<Groups>(app, door, of).await,
        Ok(of) => done::<Objects>(app, door, of).await,
    };
    match result {
        Ok(done) => outcome(door, done, target),
        Err(problem) => (failed(door, &problem, target), None),
    }
}

/// An operation that is not begun.
fn refused(door: &Door, plan: &Plan, at: usize, problem: &Problem) -> Outcome {
    failed(door, problem, target(door, None, plan.entries[at].path.as_deref()))
}

fn failed(door: &Door, problem: &Problem, location: Option<String>) -> Outcome {
    let (status, body) = error::scim_part(problem, &door.actor.caller.origin.request_id);
    Outcome { status, location, version: None, response: Some(body) }
}

/// URL of the resource that an operation names; that of its path, where it cannot be carried out.
fn target(door: &Door, operation: Option<&Operation>, path: Option<&str>) -> Option<String> {
    match operation {
        Some(Operation { endpoint, id, .. }) => id.as_ref().map(|id| location(endpoint, &door.base, id)),
        None => path.map(|path| format!("{}/{path}", door.base)),
    }
}

/// An operation that succeeded: what was created, what was changed, or nothing that is left.
enum Done {
    Created(String, Stored),
    Changed(Stored),
    Gone,
}

fn outcome(door: &Door, done: Done, target: Option<String>) -> (Outcome, Option<String>) {
    let outcome = |status, location, version| Outcome { status, location, version, response: None };
    match done {
        Done::Created(endpoint, stored) => {
            let at = Some(location(&endpoint, &door.base, &stored.id));
            (outcome(201, at, Some(stored.etag())), Some(stored.id))
        }
        Done::Changed(stored) => (outcome(200, target, Some(stored.etag())), None),
        Done::Gone => (outcome(204, target, None), None),
    }
}

async fn done<R: Resources>(app: &App, door: &Door, operation: Operation) -> Result<Done> {
    let Operation { method, endpoint, id, version, data } = operation;
    let (id, expected) = (id.unwrap_or_default(), expected(version.as_deref()));
    let (resources, nothing) = (R::at(endpoint.clone()), R::Shows::default());
    Ok(match method {
        Method::Post => {
            let made = resources.make(app, door, data, nothing).await?;
            Done::Created(endpoint, made.stored().clone())
        }
        Method::Put | Method::Patch => {
            let body = (data, method == Method::Put);
            let changed = resources.change(app, door, (&id, expected), body, nothing).await?;
            Done::Changed(changed.stored().clone())
        }
        Method::Delete => {
            resources.remove(app, door, (&id, expected)).await?;
            Done::Gone
        }
    })
}
