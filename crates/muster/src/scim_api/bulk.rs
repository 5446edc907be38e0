//! `/Bulk` (RFC 7644 §3.7): carries out a planned list of operations, each as if it were a request of its own:
//! with its own permission, transaction, audit row and events.

use axum::extract::State;
use axum::response::Response;
use futures_util::future::join_all;
use scim::bulk::{self, Method, Operation, Outcome, Plan};

use super::door::Door;
use super::render::{self, location};
use super::request::{Body, expected};
use super::{groups, users};
use crate::app::App;
use crate::directory::groups::actions::Show;
use crate::directory::model::{Stored, Subject, catalogue};
use crate::kernel::problem::Result;
use crate::web::error;

/// Most operations of a request.
pub const MAX_OPERATIONS: u32 = 1_000;
/// Largest body, bytes.
pub const MAX_BYTES: u32 = 1 << 20;
/// Operations under way at once: those share commits. Their writes queue in their order, and as many futures
/// are polled in order by `join_all`.
const AT_ONCE: usize = 30;

pub async fn bulk(State(app): State<App>, door: Door, Body(body): Body) -> Result<Response> {
    let mut mender = door.mender();
    let plan = Plan::parse(body, catalogue(), MAX_OPERATIONS as usize, &mut mender)?;
    door.log(mender.notes(), &[]);
    let outcomes = run(&app, &door, &plan).await;
    Ok(render::value(&bulk::response(&plan, &outcomes)))
}

/// Carries out the plan, until it has failed often enough.
async fn run(app: &App, door: &Door, plan: &Plan) -> Vec<Option<Outcome>> {
    let mut made = vec![None; plan.entries.len()];
    let mut outcomes = vec![None; plan.entries.len()];
    let (mut rest, mut errors) = (plan.order.as_slice(), 0);
    while !rest.is_empty() && plan.fail_on_errors.is_none_or(|most| errors < most) {
        let (wave, after) = rest.split_at(independent(plan, rest));
        let done = join_all(wave.iter().map(|&at| carry_out(app, door, plan, at, &made))).await;
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
    let entry = &plan.entries[at];
    let place = |id: &str, endpoint: &str| format!("{}/{endpoint}/{id}", door.base);
    let (target, result) = match plan.resolve(at, made) {
        Err(error) => {
            let named = entry.operation.as_ref().ok();
            let target = named.and_then(|operation| Some(place(operation.id.as_deref()?, &operation.endpoint)));
            (target, Err(error.into()))
        }
        Ok(operation) => {
            let target = operation.id.as_deref().map(|id| place(id, &operation.endpoint));
            (target, apply(app, door, operation).await)
        }
    };
    match result {
        Ok(Done { status, stored, location }) => {
            let version = stored.as_ref().map(Stored::etag);
            let id = stored.filter(|_| entry.method == Some(Method::Post)).map(|stored| stored.id);
            let location = location.or(target);
            (Outcome { status, location, version, response: None }, id)
        }
        Err(problem) => {
            let (status, body) = error::scim_part(&problem, &door.actor.caller.origin.request_id);
            (Outcome { status, location: target, version: None, response: Some(body) }, None)
        }
    }
}

/// An operation that succeeded.
struct Done {
    status: u16,
    stored: Option<Stored>,
    location: Option<String>,
}

async fn apply(app: &App, door: &Door, operation: Operation) -> Result<Done> {
    let Operation { method, endpoint, id, version, data } = operation;
    let (id, expected) = (id.unwrap_or_default(), expected(version.as_deref()));
    let subject = if endpoint.eq_ignore_ascii_case("Users") { Subject::User } else { Subject::Group };
    let whole = (data, method == Method::Put);
    let (status, stored) = match (subject, method) {
        (Subject::User, Method::Post) => (201, users::make(app, door, whole.0, false).await?.stored),
        (Subject::Group, Method::Post) => (201, groups::make(app, door, whole.0, Show::Never).await?.stored),
        (Subject::User, Method::Put | Method::Patch) => {
            (200, users::change(app, door, &id, whole, (expected, false)).await?.stored)
        }
        (Subject::Group, Method::Put | Method::Patch) => {
            (200, groups::change(app, door, &id, whole, (expected, Show::Never)).await?.stored)
        }
        (Subject::User, Method::Delete) => {
            users::remove(app, door, &id, expected).await?;
            return Ok(Done { status: 204, stored: None, location: None });
        }
        (Subject::Group, Method::Delete) => {
            groups::remove(app, door, &id, expected).await?;
            return Ok(Done { status: 204, stored: None, location: None });
        }
    };
    let location = Some(location(subject, &door.base, &stored.id));
    Ok(Done { status, stored: Some(stored), location })
}
