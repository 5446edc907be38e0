//! Routes of the audit trail (platform API §12).

use axum::Router;
use axum::extract::State;
use axum::routing::post;
use http::Uri;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::actions::{self, Wanted};
use super::model::{
    Action, FOREIGN_ACTIONS, FOREIGN_PRINCIPALS, FOREIGN_TYPES, Filter, PRINCIPALS, RESOURCE_TYPES, Row,
};
use super::wire;
use crate::access::Actor;
use crate::app::App;
use crate::kernel::ids::AccountId;
use crate::kernel::listing::Orders;
use crate::kernel::page::{Page, PageQuery};
use crate::kernel::problem::{Problem, Result};
use crate::kernel::scope::Scope;
use crate::kernel::time::Timestamp;
use crate::web::envelope::Reply;
use crate::web::extract::{Json, Query, ScopeQuery, every, few, goes_by, unused};
use crate::web::openapi::OpenApi;

/// The one module that these rows belong to.
const MODULE: &str = "CORE";

/// The routes.
pub fn routes() -> Router<App> {
    Router::new()
        .route("/audit/api/audits/list", post(list))
        .route("/audit/api/audits/listV2", post(list))
        .merge(super::v1::routes())
}

/// What the OpenAPI document says of them.
pub fn describe(document: &mut OpenApi) {
    document
        .section("Audit trail")
        .post("/audit/api/audits/list", list)
        .told(
            "listAuditEvents",
            "core_audit_view",
            "Lists the changes that were made, newest first, page by page",
        )
        .sorted(&["timestamp"])
        .without("searchTerm")
        .without("orgIdentifier")
        .without("projectIdentifier")
        .also_below("/audit/api/audits/list", "/audit/api/audits/listV2")
        .told(
            "listAuditEvents",
            "core_audit_view",
            "Lists the changes that were made, as /audit/api/audits/list",
        );
    super::v1::describe(document);
}

/// `AuditFilterProperties`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[allow(dead_code)] // what is unused is refused while it is read
#[schemars(rename = "AuditFilter")]
pub(super) struct FilterBody {
    #[schemars(extend("enum" = ["Audit"]))]
    pub(super) filter_type: Option<String>,
    #[serde(deserialize_with = "few")]
    pub(super) scopes: Option<Vec<ScopeQuery>>,
    #[serde(deserialize_with = "few")]
    pub(super) resources: Option<Vec<ResourceBody>>,
    #[serde(deserialize_with = "few")]
    pub(super) modules: Option<Vec<String>>,
    #[serde(deserialize_with = "few")]
    pub(super) actions: Option<Vec<String>>,
    pub(super) environments: Option<Vec<Value>>,
    #[serde(deserialize_with = "few")]
    pub(super) principals: Option<Vec<PrincipalBody>>,
    pub(super) start_time: Option<i64>,
    pub(super) end_time: Option<i64>,
    #[schemars(extend("enum" = ["EXCLUDE_LOGIN_EVENTS", "EXCLUDE_SYSTEM_EVENTS"]))]
    pub(super) static_filter: Option<String>,
    pub(super) include_child_scopes: Option<bool>,
    #[serde(deserialize_with = "unused")]
    pub(super) tags: (),
}

#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "AuditResource")]
pub(super) struct ResourceBody {
    #[serde(rename = "type")]
    pub(super) kind: String,
    pub(super) identifier: Option<String>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "AuditPrincipal")]
pub(super) struct PrincipalBody {
    #[serde(rename = "type")]
    pub(super) kind: Option<String>,
    pub(super) identifier: String,
}

impl FilterBody {
    pub(super) fn wanted(&self, account: &AccountId) -> Result<Wanted> {
        let scopes = self.scopes.as_deref().unwrap_or_default();
        let below = self.include_child_scopes.unwrap_or(false);
        if scopes.is_empty() && !below {
            return Ok(Wanted::Account);
        }
        if scopes.is_empty() {
            return Ok(Wanted::Scopes(vec![Scope::account(account.clone())], true));
        }
        let scopes = scopes.iter().map(|scope| scope.scope(account)).collect::<Result<_>>()?;
        Ok(Wanted::Scopes(scopes, below))
    }

    /// A word that is in no list would find nothing, and nobody would know why.
    fn check_words(&self) -> Result<()> {
        let actions: Vec<&str> = Action::ALL.iter().map(|action| action.as_str()).collect();
        for word in self.actions.iter().flatten() {
            known("actions", word, &actions, FOREIGN_ACTIONS)?;
        }
        for resource in self.resources.iter().flatten() {
            known("type of resources", &resource.kind, RESOURCE_TYPES, FOREIGN_TYPES)?;
        }
        for kind in self.principals.iter().flatten().filter_map(|principal| principal.kind.as_deref()) {
            known("type of principals", kind, PRINCIPALS, FOREIGN_PRINCIPALS)?;
        }
        Ok(())
    }

    pub(super) fn filter(self, orders: Orders) -> Result<Filter> {
        self.check_words()?;
        if let Some(kind) = self.filter_type.filter(|kind| kind != "Audit") {
            return Err(Problem::invalid(format!(
                "filterType {kind:?} is not for this list: send \"Audit\""
            )));
        }
        let without_system = match self.static_filter.as_deref() {
            None | Some("" | "EXCLUDE_LOGIN_EVENTS") => false,
            Some("EXCLUDE_SYSTEM_EVENTS") => true,
            Some(other) => {
                return Err(Problem::invalid(format!(
                    "staticFilter {other:?} is unknown: use EXCLUDE_LOGIN_EVENTS or EXCLUDE_SYSTEM_EVENTS"
                )));
            }
        };
        let (from, to) = (self.start_time, self.end_time);
        if let (Some(from), Some(to)) = (from, to)
            && from > to
        {
            return Err(Problem::invalid(format!("startTime {from} lies after endTime {to}: swap them")));
        }
        let modules = self.modules.unwrap_or_default();
        let elsewhere = !modules.is_empty() && !modules.iter().any(|module| module == MODULE);
        Ok(Filter {
            orders,
            resources: self
                .resources
                .unwrap_or_default()
                .into_iter()
                .map(|r| (r.kind, r.identifier))
                .collect(),
            actions: self.actions.unwrap_or_default(),
            principals: self
                .principals
                .unwrap_or_default()
                .into_iter()
                .map(|p| (p.kind, p.identifier))
                .collect(),
            from: from.map(Timestamp::from_millis),
            to: to.map(Timestamp::from_millis),
            without_system,
            nothing: elsewhere || !self.environments.unwrap_or_default().is_empty(),
        })
    }
}

fn known(of: &str, word: &str, ours: &[&str], foreign: &[&str]) -> Result<()> {
    if ours.contains(&word) || foreign.contains(&word) {
        return Ok(());
    }
    Err(Problem::invalid(format!("{of} names {word:.40}, which is unknown: use {}", ours.join(", "))))
}

/// `AuditEvent`: absent parts are left out.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "AuditEvent")]
pub(super) struct Event {
    pub(super) audit_id: String,
    pub(super) insert_id: String,
    #[schemars(schema_with = "wire::resource_scope")]
    pub(super) resource_scope: Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "wire::http_request_info")]
    pub(super) http_request_info: Option<Value>,
    #[schemars(schema_with = "wire::request_metadata")]
    pub(super) request_metadata: Value,
    pub(super) timestamp: i64,
    #[schemars(schema_with = "wire::authentication_info")]
    pub(super) authentication_info: Value,
    pub(super) module: &'static str,
    #[schemars(schema_with = "wire::resource")]
    pub(super) resource: Value,
    pub(super) action: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "wire::audit_event_data")]
    pub(super) audit_event_data: Option<Value>,
    #[schemars(schema_with = "wire::internal_info")]
    pub(super) internal_info: Map<String, Value>,
}

impl From<Row> for Event {
    fn from(row: Row) -> Self {
        let who = if row.principal_kind == "USER" { &row.principal_label } else { &row.principal_id };
        Self {
            insert_id: row.id.clone(),
            audit_id: row.id,
            resource_scope: without_nulls(json!({
                "accountIdentifier": row.scope.account, "orgIdentifier": row.scope.org(),
                "projectIdentifier": row.scope.project_id(),
            })),
            http_request_info: (!row.method.is_empty()).then(|| json!({"requestMethod": row.method})),
            request_metadata: without_nulls(json!({"clientIP": row.client_ip})),
            timestamp: row.at.millis(),
            authentication_info: json!({
                "principal": {"type": row.principal_kind, "identifier": who},
                "labels": {"username": row.principal_name, "userId": row.principal_id},
            }),
            module: MODULE,
            resource: json!({
                "type": row.resource_type, "identifier": row.resource_id,
                "labels": {"resourceName": row.resource_name},
            }),
            action: row.action,
            audit_event_data: row.detail.map(|detail| json!({"type": "CHANGE", "change": detail})),
            internal_info: internal(&row.credential, row.request_id),
        }
    }
}

/// Texts only, as clients read this map: the request, and by what the principal was proved.
fn internal(credential: &Value, request_id: String) -> Map<String, Value> {
    let mut info = Map::new();
    if !request_id.is_empty() {
        info.insert("requestId".into(), Value::from(request_id));
    }
    for (key, value) in credential.as_object().into_iter().flatten() {
        if let Some(text) = value.as_str() {
            let (first, rest) = key.split_at_checked(1).unwrap_or((key, ""));
            info.insert(format!("credential{}{rest}", first.to_uppercase()), Value::from(text));
        }
    }
    info
}

fn without_nulls(mut value: Value) -> Value {
    if let Some(object) = value.as_object_mut() {
        object.retain(|_, part| !part.is_null());
    }
    value
}

async fn list(
    State(app): State<App>,
    actor: Actor,
    uri: Uri,
    Query(scope): Query<ScopeQuery>,
    Query(page): Query<PageQuery>,
    body: Option<Json<FilterBody>>,
) -> Result<Reply<Page<Event>>> {
    scope.account_scope(&actor.caller.account, "Organizations and projects stand in scopes of the body")?;
    goes_by(&uri, &["sortOrders"], "narrow it by the body")?;
    let orders = Orders::read(&every(&uri, "sortOrders"), &["timestamp"])?;
    let body = body.map(|Json(body)| body).unwrap_or_default();
    let wanted = body.wanted(&actor.caller.account)?;
    let found = actions::list(&app, &actor, wanted, body.filter(orders)?, page.request()?).await?;
    Ok(Reply(found.map(Event::from)))
}
