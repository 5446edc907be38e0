//! The route of events: numbered, without holes, with a long poll.

use std::time::Duration;

use axum::Router;
use axum::extract::{OriginalUri, State};
use axum::routing::get;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::actions::{self, Wish};
use super::model::{Kind, Row, Stretch};
use crate::access::Actor;
use crate::app::App;
use crate::kernel::number::number;
use crate::kernel::problem::{Problem, Result};
use crate::kernel::time::Timestamp;
use crate::web::envelope::Reply;
use crate::web::extract::{Query, ScopeQuery, goes_by, repeated};
use crate::web::openapi::{self, OpenApi, flag, object, or_null, text};

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

fn kinds(words: &[String]) -> Result<Vec<Kind>> {
    let read = |word: &String| {
        Kind::parse(word).ok_or_else(|| {
            let all: Vec<_> = Kind::ALL.iter().map(|kind| kind.as_str()).collect();
            Problem::invalid(format!("types names {word:.40}: send some of {}.", all.join(", ")))
        })
    };
    words.iter().map(read).collect()
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

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Event")]
struct View {
    number: i64,
    time: String,
    #[serde(rename = "type")]
    kind: String,
    event: Option<&'static str>,
    resource_type: String,
    resource_id: String,
    #[serde(flatten)]
    #[schemars(schema_with = "data")]
    data: Map<String, Value>,
}

/// What is told of all kinds, and of some.
fn data(_: &mut SchemaGenerator) -> Schema {
    let named = |schema: Value| or_null(schema);
    let actor = object(&[("type", text()), ("id", text()), ("name", text())]);
    let member = object(&[("value", text()), ("type", text()), ("display?", named(text()))]);
    let members = object(&[
        ("userName?", named(text())),
        ("displayName?", named(text())),
        ("externalId?", named(text())),
        ("active?", flag()),
        ("changedAttributes?", openapi::list(text())),
        ("member?", member),
        ("orgIdentifier?", text()),
        ("projectIdentifier?", text()),
        ("actor", actor),
    ]);
    Schema::try_from(members).unwrap_or_default()
}

impl View {
    fn of(row: Row) -> Result<Self> {
        let data = serde_json::from_str(&row.data).map_err(|error| {
            Problem::internal(format!("the data of event {} is damaged: {error}", row.number))
        })?;
        Ok(Self {
            number: row.number,
            time: Timestamp::from_micros(row.at).rfc3339(),
            event: Kind::parse(&row.kind).map(Kind::uri),
            kind: row.kind,
            resource_type: row.resource_type,
            resource_id: row.resource_id,
            data,
        })
    }
}

async fn list(
    State(app): State<App>,
    actor: Actor,
    OriginalUri(uri): OriginalUri,
    Query(asked): Query<Asked>,
) -> Result<Reply<Page>> {
    goes_by(&uri, &[], "choose by after and types")?;
    asked.scope.account_scope(&actor.caller.account, "Events are of the whole account")?;
    let wish = asked.wish(kinds(&repeated(&uri, "types"))?)?;
    let Stretch { rows, next, latest, oldest, .. } = actions::read(&app, &actor, wish).await?;
    let events = rows.into_iter().map(View::of).collect::<Result<_>>()?;
    Ok(Reply(Page { events, next, latest, oldest }))
}
