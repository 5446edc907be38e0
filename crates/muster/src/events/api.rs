//! The route of events: numbered, without holes, with a long poll.

use std::time::Duration;

use axum::Router;
use axum::extract::{OriginalUri, State};
use axum::routing::get;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::actions::{self, Wish};
use super::model::{Kind, Stretch};
use super::wire::View;
use crate::access::Actor;
use crate::app::App;
use crate::kernel::number::number;
use crate::kernel::problem::{Problem, Result};
use crate::web::envelope::Reply;
use crate::web::extract::{Query, ScopeQuery, goes_by, repeated};
use crate::web::openapi::OpenApi;

const DEFAULT_LIMIT: usize = 100;
const MOST: usize = 1_000;
const LONGEST_WAIT_SECS: u64 = 30;

/// The routes.
pub fn routes() -> Router<App> {
    Router::new().route("/ng/api/events", get(list))
}

/// What the OpenAPI document says of them.
pub fn describe(document: &mut OpenApi) {
    document
        .section("Events")
        .get("/ng/api/events", list)
        .told(
            "listEvents",
            "core_user_view, core_usergroup_view on the account",
            "Lists numbered changes of the directory, with a long poll",
        )
        .several("types", &Kind::ALL.iter().map(|kind| kind.as_str()).collect::<Vec<_>>())
        .without("orgIdentifier")
        .without("projectIdentifier")
        .fails(&[410]);
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Asked {
    #[schemars(with = "Option<i64>", range(min = 0))]
    after: Option<String>,
    #[schemars(with = "Option<u32>", range(min = 1, max = MOST), extend("default" = DEFAULT_LIMIT))]
    limit: Option<String>,
    #[schemars(with = "Option<u32>", range(min = 0, max = LONGEST_WAIT_SECS), extend("default" = 0))]
    wait_seconds: Option<String>,
    #[serde(flatten)]
    scope: ScopeQuery,
}

impl Asked {
    fn wish(&self, kinds: Vec<Kind>) -> Result<Wish> {
        let after = number("after", self.after.as_deref(), 0..=i64::MAX)?;
        let limit = number("limit", self.limit.as_deref(), 1..=MOST)?.unwrap_or(DEFAULT_LIMIT);
        let wait = number("waitSeconds", self.wait_seconds.as_deref(), 0..=LONGEST_WAIT_SECS)?.unwrap_or(0);
        Ok(Wish { after, limit, kinds, wait: Duration::from_secs(wait) })
    }
}

/// A stretch of the account's events.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "EventsPage")]
struct Page {
    events: Vec<View>,
    next: i64,
    latest: i64,
    oldest: i64,
}

async fn list(
    State(app): State<App>,
    actor: Actor,
    OriginalUri(uri): OriginalUri,
    Query(asked): Query<Asked>,
) -> Result<Reply<Page>> {
    goes_by(&uri, &[], "choose by after and types")?;
    asked.scope.account_scope(&actor.caller.account, "Events are of the whole account")?;
    let wish = asked.wish(Kind::read_all(&repeated(&uri, "types")).map_err(Problem::invalid)?)?;
    let Stretch { rows, next, latest, oldest, .. } = actions::read(&app, &actor, wish).await?;
    let events = rows.into_iter().map(View::of).collect::<Result<_>>()?;
    Ok(Reply(Page { events, next, latest, oldest }))
}
