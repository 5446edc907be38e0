//! Routes of webhooks.

use axum::Router;
use axum::extract::State;
use axum::routing::{get, post};
use http::Uri;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize};

use super::actions::{self, Seen};
use super::model::{Definition, URL_MOST, Webhook};
use super::trial::{self, Trial};
use crate::access::permissions::{AccountView, Ask, SettingEdit};
use crate::access::{Actor, Grant};
use crate::app::App;
use crate::events::Kind;
use crate::kernel::problem::{Problem, Result};
use crate::kernel::scope::Scope;
use crate::kernel::text::{DESCRIPTION_MOST, IDENTIFIER, NAME_MOST};
use crate::kernel::time::Timestamp;
use crate::kernel::version::IfMatch;
use crate::web::envelope::Reply;
use crate::web::etag::Tagged;
use crate::web::extract::{Json, Path, Query, ScopeQuery, goes_by, same_scope};
use crate::web::openapi::{OpenApi, list as list_of, or_null, word};

/// The routes.
pub fn routes() -> Router<App> {
    const AT: &str = "/ng/api/webhooks";
    Router::new()
        .route(AT, get(list).post(create))
        .route(&format!("{AT}/{{identifier}}"), get(show).put(replace).delete(remove))
        .route(&format!("{AT}/{{identifier}}/rotate-secret"), post(rotate))
        .route(&format!("{AT}/{{identifier}}/test"), post(attempt))
}

/// What the OpenAPI document says of them.
pub fn describe(document: &mut OpenApi) {
    const EDIT: &str = "core_setting_edit, and those of its types";
    document
        .section("Webhooks")
        .get("/ng/api/webhooks", list)
        .told("listWebhooks", "core_account_view", "Lists the webhooks of the account, and how each is doing")
        .post("/ng/api/webhooks", create)
        .told("createWebhook", EDIT, "Makes a webhook, and shows its secret")
        .needs("identifier")
        .get("/ng/api/webhooks/{identifier}", show)
        .told("getWebhook", "core_account_view", "Shows a webhook, and how it is doing")
        .put("/ng/api/webhooks/{identifier}", replace)
        .told("replaceWebhook", EDIT, "Replaces a webhook, and tries it at once")
        .delete("/ng/api/webhooks/{identifier}", remove)
        .told("deleteWebhook", "core_setting_edit", "Removes a webhook")
        .post("/ng/api/webhooks/{identifier}/rotate-secret", rotate)
        .told("rotateWebhookSecret", "core_setting_edit", "Gives a webhook another secret, and shows it")
        .post("/ng/api/webhooks/{identifier}/test", attempt)
        .told(
            "testWebhook",
            "core_setting_edit",
            "Sends a message without events, and shows the answer to it",
        );
}

fn types(_: &mut SchemaGenerator) -> Schema {
    let words: Vec<_> = Kind::ALL.iter().map(|kind| kind.as_str()).collect();
    Schema::try_from(list_of(word(&words))).unwrap_or_default()
}

fn types_or_null(generator: &mut SchemaGenerator) -> Schema {
    Schema::try_from(or_null(types(generator).into())).unwrap_or_default()
}

/// A webhook in a body.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(rename = "WebhookBody", extend("required" = ["name", "url"]))]
struct Body {
    account_identifier: Option<String>,
    #[schemars(regex(pattern = IDENTIFIER))]
    identifier: Option<String>,
    #[schemars(length(max = NAME_MOST))]
    name: Option<String>,
    #[schemars(length(max = DESCRIPTION_MOST))]
    description: Option<String>,
    #[schemars(length(max = URL_MOST))]
    url: Option<String>,
    #[schemars(schema_with = "types_or_null")]
    types: Option<Vec<String>>,
    enabled: Option<bool>,
    skip_to_latest: Option<bool>,
}

impl Body {
    fn read(self, scope: &Scope) -> Result<Definition> {
        same_scope(scope, self.account_identifier.as_deref(), None, None)?;
        let named = Kind::read_all(&self.types.unwrap_or_default()).map_err(Problem::invalid)?;
        Ok(Definition {
            identifier: self.identifier.unwrap_or_default(),
            name: self.name.unwrap_or_default(),
            description: self.description,
            url: self.url.unwrap_or_default(),
            kinds: Kind::ALL.iter().copied().filter(|kind| named.contains(kind)).collect(),
            enabled: self.enabled.unwrap_or(true),
        })
    }
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Webhook")]
struct View {
    identifier: String,
    name: String,
    description: Option<String>,
    url: String,
    #[schemars(schema_with = "types")]
    types: Vec<&'static str>,
    enabled: bool,
    created_at: i64,
    last_modified_at: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<String>,
    former_secret_until: Option<i64>,
    delivery: DeliveryView,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "WebhookDelivery")]
struct DeliveryView {
    next: i64,
    latest: i64,
    failures: i64,
    failing_since: Option<i64>,
    next_attempt_at: Option<i64>,
    last_attempt_at: Option<i64>,
    last_status: Option<i64>,
    last_error: Option<String>,
    disabled_reason: Option<String>,
}

fn millis(at: Option<Timestamp>) -> Option<i64> {
    at.map(Timestamp::millis)
}

impl From<Seen> for Tagged<View> {
    fn from(seen: Seen) -> Self {
        Self { tag: seen.webhook.tag(), data: seen.into() }
    }
}

impl From<Seen> for View {
    fn from(seen: Seen) -> Self {
        let Seen { webhook, latest, with_secret } = seen;
        let Webhook { definition, secret, former, delivery, created_at, updated_at, .. } = webhook;
        let types = definition.words();
        Self {
            types,
            identifier: definition.identifier,
            name: definition.name,
            description: definition.description,
            url: definition.url,
            enabled: definition.enabled,
            created_at: created_at.millis(),
            last_modified_at: updated_at.millis(),
            secret: with_secret.then(|| secret.expose().to_owned()),
            former_secret_until: former.map(|(_, until)| until.millis()),
            delivery: DeliveryView {
                next: delivery.seq,
                latest,
                failures: delivery.failures,
                failing_since: millis(delivery.failing_since),
                // While one is under way it is the time at which another one would take over.
                next_attempt_at: millis(delivery.due_at.filter(|_| delivery.claim.is_none())),
                last_attempt_at: millis(delivery.last_attempt_at),
                last_status: delivery.last_status,
                last_error: delivery.last_error,
                disabled_reason: delivery.disabled_reason,
            },
        }
    }
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "WebhookTrial")]
struct TrialView {
    delivered: bool,
    status: Option<u16>,
    milliseconds: u64,
    body: Option<String>,
    error: Option<String>,
}

impl From<Trial> for TrialView {
    fn from(trial: Trial) -> Self {
        let Trial { is_delivered, status, millis, body, error } = trial;
        Self { delivered: is_delivered, status, milliseconds: millis, body, error }
    }
}

/// Webhooks belong to the account.
fn granted<P: Ask>(actor: &Actor, query: &ScopeQuery) -> Result<Grant<P>> {
    actor.grant(&query.account_scope(&actor.caller.account, "Webhooks belong to the account")?)
}

async fn list(
    State(app): State<App>,
    actor: Actor,
    uri: Uri,
    Query(scope): Query<ScopeQuery>,
) -> Result<Reply<Vec<View>>> {
    goes_by(&uri, &[], "all of them are answered, so choose from them")?;
    let grant = granted::<AccountView>(&actor, &scope)?;
    Ok(Reply(actions::list(&app, &grant).await?.into_iter().map(View::from).collect()))
}

async fn show(
    State(app): State<App>,
    actor: Actor,
    Path(id): Path<String>,
    Query(scope): Query<ScopeQuery>,
) -> Result<Tagged<View>> {
    let grant = granted::<AccountView>(&actor, &scope)?;
    Ok(actions::load(&app, &grant, &id).await?.into())
}

async fn create(
    State(app): State<App>,
    actor: Actor,
    Query(scope): Query<ScopeQuery>,
    Json(body): Json<Body>,
) -> Result<Tagged<View>> {
    let grant = granted::<SettingEdit>(&actor, &scope)?;
    let new = body.read(grant.scope())?;
    Ok(actions::create(&app, &grant, new).await?.into())
}

async fn replace(
    State(app): State<App>,
    actor: Actor,
    Path(id): Path<String>,
    Query(scope): Query<ScopeQuery>,
    seen: IfMatch,
    Json(mut body): Json<Body>,
) -> Result<Tagged<View>> {
    let grant = granted::<SettingEdit>(&actor, &scope)?;
    if body.identifier.get_or_insert_with(|| id.clone()) != &id {
        let text = "The body names another webhook than the path: send the same identifier in both, or none in the \
            body. It does not change.";
        return Err(Problem::invalid(text));
    }
    let skip = body.skip_to_latest.unwrap_or(false);
    let new = body.read(grant.scope())?;
    Ok(actions::replace(&app, &grant, new, skip, seen).await?.into())
}

async fn remove(
    State(app): State<App>,
    actor: Actor,
    Path(id): Path<String>,
    Query(scope): Query<ScopeQuery>,
    seen: IfMatch,
) -> Result<Reply<bool>> {
    let grant = granted::<SettingEdit>(&actor, &scope)?;
    actions::delete(&app, &grant, &id, seen).await?;
    Ok(Reply(true))
}

async fn rotate(
    State(app): State<App>,
    actor: Actor,
    Path(id): Path<String>,
    Query(scope): Query<ScopeQuery>,
    seen: IfMatch,
) -> Result<Tagged<View>> {
    let grant = granted::<SettingEdit>(&actor, &scope)?;
    Ok(actions::rotate(&app, &grant, &id, seen).await?.into())
}

async fn attempt(
    State(app): State<App>,
    actor: Actor,
    Path(id): Path<String>,
    Query(scope): Query<ScopeQuery>,
) -> Result<Reply<TrialView>> {
    let grant = granted::<SettingEdit>(&actor, &scope)?;
    Ok(Reply(trial::attempt(&app, &grant, &id).await?.into()))
}
