//! Routes of JWT trusts. A reply wraps the trust in `jwtTrust`, so that it can be sent back as it is.

use axum::Router;
use axum::extract::State;
use axum::routing::{get, post};
use http::Uri;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Serialize;
use serde_json::Value;

use super::actions::{self, Seen};
use super::explain::{self, Explanation};
use super::model::Warning;
use super::{keys, refusals, wire};
use crate::access::permissions::{Ask, SettingEdit, SettingView};
use crate::access::{Actor, Grant};
use crate::app::App;
use crate::kernel::listing::{FIELDS, Orders, SearchTerm};
use crate::kernel::page::{Page, PageQuery};
use crate::kernel::problem::{Problem, Result};
use crate::kernel::scope::Scope;
use crate::kernel::text::FieldCheck;
use crate::kernel::version::IfMatch;
use crate::web::envelope::Reply;
use crate::web::etag::Tagged;
use crate::web::extract::{Json, Path, Query, ScopeQuery, every, goes_by, same_scope};
use crate::web::openapi::OpenApi;
use crate::web::unique::Document;

/// The routes.
pub fn routes() -> Router<App> {
    const AT: &str = "/ng/api/jwt-trusts";
    Router::new()
        .route(AT, get(list).post(create))
        .route(&format!("{AT}/explain"), post(explain_all))
        .route(&format!("{AT}/{{identifier}}"), get(show).put(replace).delete(remove))
        .route(&format!("{AT}/{{identifier}}/enable"), post(switch::<true>))
        .route(&format!("{AT}/{{identifier}}/disable"), post(switch::<false>))
        .route(&format!("{AT}/{{identifier}}/explain"), post(explain_one))
        .route(&format!("{AT}/{{identifier}}/keys"), get(show_keys))
        .route(&format!("{AT}/{{identifier}}/keys/refresh"), post(refresh_keys))
        .route(&format!("{AT}/{{identifier}}/refusals"), get(show_refusals))
}

/// What the OpenAPI document says of them.
pub fn describe(document: &mut OpenApi) {
    document
        .section("JWT trusts")
        .get("/ng/api/jwt-trusts", list)
        .told("listJwtTrusts", "core_setting_view", "Lists JWT trusts, page by page")
        .sorted(FIELDS)
        .post("/ng/api/jwt-trusts", create)
        .told("createJwtTrust", "core_setting_edit", "Makes a JWT trust")
        .document("JwtTrustBody", wire::body())
        .get("/ng/api/jwt-trusts/{identifier}", show)
        .told("getJwtTrust", "core_setting_view", "Shows a JWT trust")
        .put("/ng/api/jwt-trusts/{identifier}", replace)
        .told("replaceJwtTrust", "core_setting_edit", "Replaces a JWT trust")
        .document("JwtTrustBody", wire::body())
        .delete("/ng/api/jwt-trusts/{identifier}", remove)
        .told("deleteJwtTrust", "core_setting_edit", "Removes a JWT trust")
        .post("/ng/api/jwt-trusts/{identifier}/enable", switch::<true>)
        .told("enableJwtTrust", "core_setting_edit", "Lets a JWT trust take tokens")
        .post("/ng/api/jwt-trusts/{identifier}/disable", switch::<false>)
        .told("disableJwtTrust", "core_setting_edit", "Lets a JWT trust take no tokens")
        .post("/ng/api/jwt-trusts/explain", explain_all)
        .told("explainToken", "core_setting_view", "Says why a token is taken or refused, at each trust")
        .document("PresentedToken", wire::presented())
        .post("/ng/api/jwt-trusts/{identifier}/explain", explain_one)
        .told("explainTokenAtTrust", "core_setting_view", "Says why a token is taken or refused at one trust")
        .document("PresentedToken", wire::presented())
        .get("/ng/api/jwt-trusts/{identifier}/keys", show_keys)
        .told("getJwtTrustKeys", "core_setting_view", "Shows the issuer's keys as this replica has them")
        .data("JwtTrustKeys", wire::keys())
        .post("/ng/api/jwt-trusts/{identifier}/keys/refresh", refresh_keys)
        .told("refreshJwtTrustKeys", "core_setting_edit", "Asks the issuer for its keys now")
        .fails(&[429])
        .data("JwtTrustKeys", wire::keys())
        .get("/ng/api/jwt-trusts/{identifier}/refusals", show_refusals)
        .told(
            "listJwtTrustRefusals",
            "core_setting_view",
            "Lists the last tokens that a trust refused, and why",
        )
        .data_list("JwtTrustRefusal", wire::refusal());
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "JwtTrustReply")]
struct Shown {
    #[schemars(schema_with = "trust")]
    jwt_trust: Value,
    is_default: bool,
    created_at: i64,
    last_modified_at: i64,
    warnings: Vec<WarningView>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "JwtTrustWarning")]
struct WarningView {
    code: &'static str,
    field: &'static str,
    message: String,
}

fn trust(_: &mut SchemaGenerator) -> Schema {
    Schema::try_from(wire::trust()).unwrap_or_default()
}

impl From<Warning> for WarningView {
    fn from(warning: Warning) -> Self {
        Self { code: warning.code, field: warning.field, message: warning.message }
    }
}

impl From<Seen> for Shown {
    fn from(seen: Seen) -> Self {
        Self {
            jwt_trust: seen.stored.definition.to_json(),
            is_default: seen.stored.is_default(),
            created_at: seen.stored.created_at.millis(),
            last_modified_at: seen.stored.updated_at.millis(),
            warnings: seen.warnings.into_iter().map(WarningView::from).collect(),
        }
    }
}

/// One trust with its entity tag.
type TaggedTrust = Tagged<Shown>;

impl From<Seen> for TaggedTrust {
    fn from(seen: Seen) -> Self {
        Self { tag: seen.stored.tag(), data: seen.into() }
    }
}

/// Trusts belong to the account.
fn granted<P: Ask>(actor: &Actor, query: &ScopeQuery) -> Result<Grant<P>> {
    actor.grant(&query.account_scope(&actor.caller.account, "JWT trusts belong to the account")?)
}

/// The document of a trust; the account may stand in it and must be that of the request.
fn trust_of(document: Document, scope: &Scope) -> Result<Value> {
    let Document(mut document) = document;
    let account = document.as_object_mut().and_then(|members| members.remove("accountIdentifier"));
    let account = match account {
        None | Some(Value::Null) => None,
        Some(Value::String(account)) => Some(account),
        Some(other) => {
            let text = format!("{other} is no text: send the account's identifier, or leave it out");
            return Err(Problem::fields(vec![("accountIdentifier".to_owned(), text)]));
        }
    };
    same_scope(scope, account.as_deref(), None, None)?;
    Ok(document)
}

async fn list(
    State(app): State<App>,
    actor: Actor,
    uri: Uri,
    Query(scope): Query<ScopeQuery>,
    Query(page): Query<PageQuery>,
) -> Result<Reply<Page<Shown>>> {
    goes_by(&uri, &["searchTerm", "sortOrders"], "narrow it by searchTerm")?;
    let grant = granted::<SettingView>(&actor, &scope)?;
    let orders = Orders::read(&every(&uri, "sortOrders"), FIELDS)?;
    let search = SearchTerm::new(page.search_term.as_deref());
    let found = actions::list(&app, &grant, search, orders, page.request()?).await?;
    Ok(Reply(found.map(Shown::from)))
}

async fn show(
    State(app): State<App>,
    actor: Actor,
    Path(id): Path<String>,
    Query(scope): Query<ScopeQuery>,
) -> Result<TaggedTrust> {
    let grant = granted::<SettingView>(&actor, &scope)?;
    Ok(actions::load(&app, &grant, id).await?.into())
}

async fn create(
    State(app): State<App>,
    actor: Actor,
    Query(scope): Query<ScopeQuery>,
    Json(body): Json<Document>,
) -> Result<TaggedTrust> {
    let grant = granted::<SettingEdit>(&actor, &scope)?;
    let document = trust_of(body, grant.scope())?;
    Ok(actions::create(&app, &grant, document).await?.into())
}

async fn replace(
    State(app): State<App>,
    actor: Actor,
    Path(id): Path<String>,
    Query(scope): Query<ScopeQuery>,
    seen: IfMatch,
    Json(body): Json<Document>,
) -> Result<TaggedTrust> {
    let grant = granted::<SettingEdit>(&actor, &scope)?;
    let document = trust_of(body, grant.scope())?;
    Ok(actions::replace(&app, &grant, id, document, seen).await?.into())
}

async fn remove(
    State(app): State<App>,
    actor: Actor,
    Path(id): Path<String>,
    Query(scope): Query<ScopeQuery>,
    seen: IfMatch,
) -> Result<Reply<bool>> {
    let grant = granted::<SettingEdit>(&actor, &scope)?;
    actions::delete(&app, &grant, id, seen).await?;
    Ok(Reply(true))
}

async fn switch<const ON: bool>(
    State(app): State<App>,
    actor: Actor,
    Path(id): Path<String>,
    Query(scope): Query<ScopeQuery>,
    seen: IfMatch,
) -> Result<TaggedTrust> {
    let grant = granted::<SettingEdit>(&actor, &scope)?;
    Ok(actions::switch(&app, &grant, id, ON, seen).await?.into())
}

/// As people paste it: with the word in front of it, with a line break behind it.
fn bare(token: &str) -> &str {
    let token = token.trim();
    match token.split_once(' ') {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("bearer") => rest.trim(),
        _ => token,
    }
}

async fn explain_all(
    State(app): State<App>,
    actor: Actor,
    Query(scope): Query<ScopeQuery>,
    Json(body): Json<Document>,
) -> Result<Reply<Vec<Explanation>>> {
    let grant = granted::<SettingView>(&actor, &scope)?;
    let token = presented(body)?;
    Ok(Reply(explain::explain(&app, &grant, None, bare(&token)).await?))
}

async fn explain_one(
    State(app): State<App>,
    actor: Actor,
    Path(id): Path<String>,
    Query(scope): Query<ScopeQuery>,
    Json(body): Json<Document>,
) -> Result<Reply<Option<Explanation>>> {
    let grant = granted::<SettingView>(&actor, &scope)?;
    let token = presented(body)?;
    let found = explain::explain(&app, &grant, Some(id), bare(&token)).await?;
    Ok(Reply(found.into_iter().next()))
}

/// Read after the permission was asked for, so that who lacks it hears that first.
fn presented(Document(body): Document) -> Result<String> {
    let mut check = FieldCheck::new();
    let members = body.as_object();
    for other in members.into_iter().flat_map(serde_json::Map::keys).filter(|name| *name != "token") {
        let shown: String = other.chars().take(80).collect();
        check.fail(&shown, "is no member of this: send token and nothing else");
    }
    let token = check.read(
        if members.is_some() { "token" } else { "body" },
        match (&body, body.get("token")) {
            (_, Some(Value::String(token))) => Ok(token.clone()),
            (Value::Object(_), None | Some(Value::Null)) => {
                Err("cannot be empty; send the text of a token".to_owned())
            }
            (Value::Object(_), Some(_)) => Err("is to be a text: send the token in quotes".to_owned()),
            _ => Err("is to be an object: send {\"token\": \"…\"}".to_owned()),
        },
    );
    check.done()?;
    Ok(token.unwrap_or_default())
}

async fn show_keys(
    State(app): State<App>,
    actor: Actor,
    Path(id): Path<String>,
    Query(scope): Query<ScopeQuery>,
) -> Result<Reply<Value>> {
    let grant = granted::<SettingView>(&actor, &scope)?;
    Ok(Reply(keys::show(&app, &grant, &id).await?))
}

async fn refresh_keys(
    State(app): State<App>,
    actor: Actor,
    Path(id): Path<String>,
    Query(scope): Query<ScopeQuery>,
) -> Result<Reply<Value>> {
    let grant = granted::<SettingEdit>(&actor, &scope)?;
    Ok(Reply(keys::refresh(&app, &grant, &id).await?))
}

async fn show_refusals(
    State(app): State<App>,
    actor: Actor,
    Path(id): Path<String>,
    Query(scope): Query<ScopeQuery>,
) -> Result<Reply<Vec<Value>>> {
    let grant = granted::<SettingView>(&actor, &scope)?;
    Ok(Reply(refusals::list(&app, &grant, id).await?))
}
