//! The audit trail under `/v1` (platform API §12): the same list, by bare bodies in snake case.

use axum::Router;
use axum::extract::State;
use axum::routing::post;
use http::Uri;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::api::{Event, FilterBody, PrincipalBody, ResourceBody};
use super::model::Row;
use super::{actions, wire};
use crate::access::Actor;
use crate::app::App;
use crate::kernel::problem::{Problem, Result};
use crate::web::by_name::Spelled;
use crate::web::extract::{Json, Query, ScopeQuery, few, unused};
use crate::web::openapi::OpenApi;
use crate::web::v1::{Items, ListQuery, Place};

/// What the list is sorted by.
const FIELDS: &[&str] = &["created"];

/// The route.
pub fn routes() -> Router<App> {
    Router::new().route("/v1/audits", post(list))
}

/// What the OpenAPI document says of it.
pub fn describe(document: &mut OpenApi) {
    document
        .section("Audit trail")
        .post("/v1/audits", list)
        .told(
            "listAuditEventsV1",
            "core_audit_view",
            "Lists the changes that were made, newest first, page by page",
        )
        .ordered(FIELDS)
        .without("search_term");
}

/// What to list; all of it must hold.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(rename = "V1AuditFilter")]
struct Body {
    #[serde(deserialize_with = "few")]
    scopes: Option<Vec<ScopeBody>>,
    #[serde(deserialize_with = "few")]
    resources: Option<Vec<ResourceBody>>,
    #[serde(deserialize_with = "few")]
    modules: Option<Vec<String>>,
    #[serde(deserialize_with = "few")]
    actions: Option<Vec<String>>,
    environments: Option<Vec<Value>>,
    #[serde(deserialize_with = "few")]
    principals: Option<Vec<PrincipalBody>>,
    start_time: Option<i64>,
    end_time: Option<i64>,
    #[schemars(extend("enum" = ["EXCLUDE_LOGIN_EVENTS", "EXCLUDE_SYSTEM_EVENTS"]))]
    static_filter: Option<Vec<String>>,
    include_child_scopes: Option<bool>,
    #[serde(deserialize_with = "unused")]
    tags: (),
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
#[allow(clippy::struct_field_names)] // the wire's names
#[schemars(rename = "V1AuditScopeBody")]
struct ScopeBody {
    account_identifier: Option<String>,
    org_identifier: Option<String>,
    project_identifier: Option<String>,
}

impl From<ScopeBody> for ScopeQuery {
    fn from(body: ScopeBody) -> Self {
        let ScopeBody { account_identifier, org_identifier, project_identifier } = body;
        Self { account_identifier, org_identifier, project_identifier }
    }
}

impl From<Body> for FilterBody {
    fn from(body: Body) -> Self {
        // Of several words the one that says most: what is unknown, which is refused, before all.
        let says = |word: &String| match word.as_str() {
            "" | "EXCLUDE_LOGIN_EVENTS" => 0,
            "EXCLUDE_SYSTEM_EVENTS" => 1,
            _ => 2,
        };
        Self {
            scopes: body.scopes.map(|scopes| scopes.into_iter().map(ScopeQuery::from).collect()),
            resources: body.resources,
            modules: body.modules,
            actions: body.actions,
            environments: body.environments,
            principals: body.principals,
            start_time: body.start_time,
            end_time: body.end_time,
            static_filter: body.static_filter.into_iter().flatten().max_by_key(says),
            include_child_scopes: body.include_child_scopes,
            tags: body.tags,
            ..Self::default()
        }
    }
}

/// A row in an answer: absent parts are left out.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "V1AuditEvent")]
struct Shown {
    audit_id: String,
    insert_id: String,
    resource_scope: ScopeDto,
    #[serde(skip_serializing_if = "Option::is_none")]
    http_request_info: Option<RequestDto>,
    request_metadata: MetadataDto,
    timestamp: i64,
    #[schemars(schema_with = "wire::authentication_info")]
    authentication_info: Value,
    module: &'static str,
    #[schemars(schema_with = "wire::resource")]
    resource: Value,
    action: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "wire::audit_event_data")]
    audit_event_data: Option<Value>,
    #[schemars(schema_with = "wire::internal_info")]
    internal_info: Map<String, Value>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[allow(clippy::struct_field_names)] // the wire's names
#[schemars(rename = "V1AuditScope")]
struct ScopeDto {
    account_identifier: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    org_identifier: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    project_identifier: Option<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "V1AuditRequest")]
struct RequestDto {
    request_method: String,
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "V1AuditRequestMetadata")]
struct MetadataDto {
    #[serde(skip_serializing_if = "Option::is_none")]
    client_ip: Option<String>,
}

impl From<Row> for Shown {
    fn from(row: Row) -> Self {
        let resource_scope = ScopeDto {
            account_identifier: row.scope.account.to_string(),
            org_identifier: row.scope.org().map(str::to_owned),
            project_identifier: row.scope.project_id().map(str::to_owned),
        };
        let request_method = row.method.clone();
        let request_metadata = MetadataDto { client_ip: row.client_ip.clone() };
        let event = Event::from(row);
        Self {
            audit_id: event.audit_id,
            insert_id: event.insert_id,
            resource_scope,
            http_request_info: (!request_method.is_empty()).then_some(RequestDto { request_method }),
            request_metadata,
            timestamp: event.timestamp,
            authentication_info: event.authentication_info,
            module: event.module,
            resource: event.resource,
            action: event.action,
            audit_event_data: event.audit_event_data,
            internal_info: event.internal_info,
        }
    }
}

/// What is wrong with a body, by the names that its members have here.
fn here(problem: Problem) -> Problem {
    problem.renamed(&[
        ("staticFilter", "static_filter"),
        ("startTime", "start_time"),
        ("endTime", "end_time"),
        ("includeChildScopes", "include_child_scopes"),
        ("accountIdentifier", "account_identifier"),
    ])
}

async fn list(
    State(app): State<App>,
    actor: Actor,
    uri: Uri,
    place: Place,
    Query(query): Query<ListQuery>,
    body: Option<Json<Spelled<Body>>>,
) -> Result<Items<Shown>> {
    place.scope(&actor.caller.account)?;
    let (orders, page) = query.unsearched(&uri, FIELDS)?;
    let body = FilterBody::from(body.map(|Json(Spelled(body))| body).unwrap_or_default());
    let wanted = body.wanted(&actor.caller.account).map_err(here)?;
    let filter = body.filter(orders).map_err(here)?;
    let found = actions::list(&app, &actor, wanted, filter, page).await.map_err(here)?;
    Ok(Items(found.map(Shown::from)))
}
