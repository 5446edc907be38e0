//! Routes of the provisioning log. All of them need `core_audit_view` on the account.

use std::borrow::Cow;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{FromRequestParts as _, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use futures_util::stream;
use http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use http::request::Parts;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::actions::{self, Page};
use super::model::{BodyNote, Detail, Filter, Quirk, Row, Who};
use crate::access::permissions::AuditView;
use crate::access::{Actor, Grant};
use crate::accounts::actions::is_unchanged;
use crate::app::App;
use crate::kernel::number::{number, whole};
use crate::kernel::problem::{Problem, Result};
use crate::kernel::time::Timestamp;
use crate::web::envelope::Reply;
use crate::web::extract::{Path, Query, ScopeQuery, flag};
use crate::web::openapi::{OpenApi, text};

const DEFAULT_LIMIT: usize = 50;
const MAX_LIMIT: usize = 100;
/// Entries of one step of an export: as many are in memory.
const STEP: usize = 50;

/// The routes; `replay` is the router's, which knows the SCIM surface.
pub fn routes() -> Router<App> {
    Router::new()
        .route("/ng/api/provisioning-log", get(list))
        .route("/ng/api/provisioning-log/export", get(export))
        .route("/ng/api/provisioning-log/{id}", get(load))
}

/// What the OpenAPI document says of them.
pub fn describe(document: &mut OpenApi) {
    document
        .section("Provisioning log")
        .get("/ng/api/provisioning-log", list)
        .told(
            "listLoggedRequests",
            "core_audit_view on the account",
            "Lists SCIM requests, newest first, by cursor",
        )
        .without("account")
        .without("routingId")
        .without("orgIdentifier")
        .without("projectIdentifier")
        .get("/ng/api/provisioning-log/export", export)
        .told(
            "exportLoggedRequests",
            "core_audit_view on the account",
            "Exports SCIM requests with their bodies, one JSON text a line",
        )
        .answers("application/x-ndjson", text())
        .without("limit")
        .without("cursor")
        .without("account")
        .without("routingId")
        .without("orgIdentifier")
        .without("projectIdentifier")
        .get("/ng/api/provisioning-log/{id}", load)
        .told("getLoggedRequest", "core_audit_view on the account", "Shows a SCIM request with its bodies");
}

/// The filters of a query string. A name that is none of these is refused: left out, it would widen the list
/// without a word.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
struct FilterQuery {
    /// The account, as `account` and `routingId` name it.
    account_identifier: Option<String>,
    #[serde(rename = "account")]
    _account: Option<String>,
    #[serde(rename = "routingId")]
    _routing_id: Option<String>,
    /// Empty, or refused.
    org_identifier: Option<String>,
    project_identifier: Option<String>,
    status: Option<String>,
    #[schemars(with = "Option<u16>", range(min = 100, max = 599))]
    min_status: Option<String>,
    method: Option<String>,
    client: Option<String>,
    principal: Option<String>,
    request_id: Option<String>,
    resource_id: Option<String>,
    path: Option<String>,
    since: Option<String>,
    until: Option<String>,
    #[serde(deserialize_with = "flag")]
    failures_only: Option<bool>,
    #[serde(deserialize_with = "flag")]
    dry_run: Option<bool>,
    #[serde(deserialize_with = "flag")]
    console_reads: Option<bool>,
    #[schemars(with = "Option<u32>", range(min = 1, max = MAX_LIMIT), extend("default" = DEFAULT_LIMIT))]
    limit: Option<String>,
    cursor: Option<String>,
}

impl FilterQuery {
    fn scope(&self) -> ScopeQuery {
        ScopeQuery {
            account_identifier: self.account_identifier.clone(),
            org_identifier: self.org_identifier.clone(),
            project_identifier: self.project_identifier.clone(),
        }
    }

    fn filter(&self) -> Result<Filter> {
        let (least, most) = match given(self.status.as_ref()) {
            Some(text) => statuses(text)?,
            None => (None, None),
        };
        let floor = given(self.min_status.as_ref()).map(|text| status("minStatus", text)).transpose()?;
        let text = |value: &Option<String>| given(value.as_ref()).map(str::to_owned);
        let (since, until) = (time("since", self.since.as_ref())?, time("until", self.until.as_ref())?);
        if let (Some(since), Some(until)) = (since, until)
            && since > until
        {
            return Err(Problem::invalid("since lies after until: swap them."));
        }
        Ok(Filter {
            min_status: [least, floor].into_iter().flatten().max(),
            max_status: most,
            failures_only: self.failures_only.unwrap_or(false),
            method: text(&self.method).map(|method| method.to_ascii_uppercase()),
            client: text(&self.client),
            principal: text(&self.principal),
            request_id: text(&self.request_id),
            resource_id: text(&self.resource_id),
            path: text(&self.path).map(|part| part.to_lowercase()),
            since,
            until,
            dry_run: self.dry_run,
            console_reads: self.console_reads,
        })
    }

    fn limit(&self) -> Result<usize> {
        Ok(number("limit", given(self.limit.as_ref()), 1..=MAX_LIMIT)?.unwrap_or(DEFAULT_LIMIT))
    }
}

fn given(value: Option<&String>) -> Option<&str> {
    value.map(|text| text.trim()).filter(|text| !text.is_empty())
}

/// `4xx` or `409`.
fn statuses(text: &str) -> Result<(Option<u16>, Option<u16>)> {
    if let Some(class) = text.to_ascii_lowercase().strip_suffix("xx") {
        let class: u16 =
            whole(class).filter(|class| (1..=5).contains(class)).ok_or_else(|| unclear("status", text))?;
        return Ok((Some(class * 100), Some(class * 100 + 99)));
    }
    let one = status("status", text)?;
    Ok((Some(one), Some(one)))
}

fn status(name: &str, text: &str) -> Result<u16> {
    whole(text).filter(|status| (100..=599).contains(status)).ok_or_else(|| unclear(name, text))
}

fn unclear(name: &str, text: &str) -> Problem {
    Problem::invalid(format!(
        "{name} {text:?} is no status: send one from 100 to 599; status also takes a class such as 4xx."
    ))
}

fn time(name: &str, value: Option<&String>) -> Result<Option<Timestamp>> {
    let Some(text) = given(value) else { return Ok(None) };
    // A plus sign of a time zone that was not encoded arrives as a space.
    let read = text
        .parse()
        .ok()
        .map(Timestamp::from_millis)
        .or_else(|| Timestamp::parse_rfc3339(&text.replace(' ', "+")));
    read.map(Some).ok_or_else(|| {
        Problem::invalid(format!(
            "{name} {text:?} is no time: send milliseconds since 1970 or RFC 3339 such as 2026-01-31T08:00:00Z."
        ))
    })
}

/// A body of an entry.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "LoggedBody")]
struct BodyView {
    #[serde(flatten)]
    note: BodyNote,
    #[serde(skip_serializing_if = "Option::is_none")]
    headers: Option<Map<String, Value>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<Value>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "LoggedClient")]
struct ClientView {
    name: String,
    user_agent: Option<String>,
}

/// An entry as the wire has it.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "LoggedRequest")]
struct EntryView {
    id: String,
    time: String,
    timestamp: i64,
    request_id: String,
    method: String,
    path: String,
    query: Option<Cow<'static, str>>,
    status: u16,
    scim_type: Option<Cow<'static, str>>,
    code: Option<Cow<'static, str>>,
    reason: Option<Cow<'static, str>>,
    hint: Option<Cow<'static, str>>,
    duration_micros: u64,
    dry_run: bool,
    client: ClientView,
    principal: Option<Who<'static>>,
    credential: Value,
    resource_id: Option<String>,
    quirks: Vec<Quirk<'static>>,
    unknown_members: Vec<Cow<'static, str>>,
    failed_operations: usize,
    request: BodyView,
    response: BodyView,
}

impl TryFrom<Row> for EntryView {
    type Error = Problem;

    fn try_from(row: Row) -> Result<Self> {
        let detail = detail(&row)?;
        let agent = detail.headers.get("user-agent").and_then(Value::as_str).map(str::to_owned);
        // A body that was cut is no JSON any more: then it is shown as text.
        let body = |text: Option<String>| {
            text.map(|text| serde_json::from_str(&text).unwrap_or(Value::String(text)))
        };
        Ok(Self {
            time: row.at.rfc3339(),
            timestamp: row.at.millis(),
            id: row.id,
            request_id: row.request_id,
            method: row.method,
            path: row.path,
            query: detail.query,
            status: row.status,
            scim_type: detail.scim_type,
            code: detail.code,
            reason: detail.reason,
            hint: detail.hint,
            duration_micros: detail.duration_micros,
            dry_run: row.dry_run,
            client: ClientView { name: row.client, user_agent: agent },
            principal: detail.principal,
            credential: detail.credential,
            resource_id: row.resource_id,
            quirks: detail.quirks,
            unknown_members: detail.unknown_members,
            failed_operations: detail.failed_operations,
            request: BodyView {
                note: detail.request,
                headers: Some(detail.headers),
                body: body(row.request),
            },
            response: BodyView { note: detail.response, headers: None, body: body(row.response) },
        })
    }
}

/// What a row keeps as JSON.
///
/// # Errors
/// `Internal` when it is damaged.
pub fn detail(row: &Row) -> Result<Detail<'static>> {
    serde_json::from_str(&row.detail).map_err(|error| {
        Problem::internal(format!("entry {} of the provisioning log is damaged: {error}", row.id))
    })
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "LoggedRequests")]
struct ListView {
    entries: Vec<EntryView>,
    next_cursor: Option<String>,
    lost: LostView,
}

/// Entries that were dropped because too much came at once.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "LostRequests")]
struct LostView {
    entries: i64,
    last_at: Option<i64>,
}

impl TryFrom<Page> for ListView {
    type Error = Problem;

    fn try_from(page: Page) -> Result<Self> {
        let (entries, last_at) = page.lost.map_or((0, None), |(entries, at)| (entries, Some(at.millis())));
        Ok(Self {
            entries: page.rows.into_iter().map(EntryView::try_from).collect::<Result<_>>()?,
            next_cursor: page.cursor,
            lost: LostView { entries, last_at },
        })
    }
}

/// Proof that the caller may see the log of his account.
///
/// # Errors
/// `Denied`; `Invalid` for another account, an organization or a project.
pub fn grant(actor: &Actor, asked: &ScopeQuery) -> Result<Grant<AuditView>> {
    let scope = asked.account_scope(&actor.caller.account, "The provisioning log is of the whole account")?;
    actor.grant::<AuditView>(&scope)
}

async fn list(
    State(app): State<App>,
    actor: Actor,
    Query(query): Query<FilterQuery>,
) -> Result<Reply<ListView>> {
    let grant = grant(&actor, &query.scope())?;
    let cursor = given(query.cursor.as_ref());
    let page = actions::list(&app, &grant, query.filter()?, query.limit()?, cursor).await?;
    Ok(Reply(page.try_into()?))
}

async fn load(
    State(app): State<App>,
    actor: Actor,
    Path(id): Path<String>,
    Query(query): Query<ScopeQuery>,
) -> Result<Reply<EntryView>> {
    let grant = grant(&actor, &query)?;
    Ok(Reply(actions::load(&app, &grant, &id).await?.try_into()?))
}

/// Where an export stands.
struct Export {
    app: App,
    /// The request, by which its sender is let in anew.
    head: Parts,
    asked: ScopeQuery,
    grant: Grant<AuditView>,
    filter: Filter,
    before: Option<String>,
    over: bool,
}

async fn export(
    State(app): State<App>,
    actor: Actor,
    head: Parts,
    Query(query): Query<FilterQuery>,
) -> Result<Response> {
    let (asked, filter) = (query.scope(), query.filter()?);
    let grant = grant(&actor, &asked)?;
    let mut export = Export { app, head, asked, grant, filter, before: None, over: false };
    // What goes wrong at once is answered as an error, not as half a file.
    let first = export.step().await?;
    let rest = stream::try_unfold(export, |mut export| async {
        if export.over {
            return Ok(None);
        }
        export.still_let_in().await?;
        export.step().await.map(|lines| Some((lines, export)))
    });
    let lines = stream::StreamExt::chain(stream::once(async { Ok(first) }), rest);
    let name = "attachment; filename=\"provisioning-log.ndjson\"";
    Ok(([(CONTENT_TYPE, "application/x-ndjson"), (CONTENT_DISPOSITION, name)], Body::from_stream(lines))
        .into_response())
}

impl Export {
    /// An export goes on as slowly as it is read: where access in the account changed meanwhile, its sender
    /// is let in, or not, as if he asked now.
    ///
    /// # Errors
    /// Those of the door, and `Denied`.
    async fn still_let_in(&mut self) -> Result<()> {
        let caller = self.grant.caller();
        if !caller.ended(self.app.clock.now()) && is_unchanged(&self.app, caller).await? {
            return Ok(());
        }
        let actor = Actor::from_request_parts(&mut self.head, &self.app).await?;
        self.grant = grant(&actor, &self.asked)?;
        Ok(())
    }

    /// The next lines.
    async fn step(&mut self) -> Result<Bytes> {
        let found =
            actions::batch(&self.app, &self.grant, self.filter.clone(), self.before.take(), STEP).await?;
        (self.over, self.before) = (found.next.is_none(), found.next);
        let mut lines = Vec::new();
        for row in found.rows {
            serde_json::to_writer(&mut lines, &EntryView::try_from(row)?)
                .map_err(|error| Problem::internal(format!("cannot write a line of an export: {error}")))?;
            lines.push(b'\n');
        }
        Ok(lines.into())
    }
}
