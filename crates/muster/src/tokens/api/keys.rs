//! Routes of API keys (platform API §4).

use axum::Router;
use axum::extract::State;
use axum::routing::{get, put};
use http::Uri;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{OWNERS, OwnerBody, OwnerQuery, same_identifier};
use crate::access::Actor;
use crate::app::App;
use crate::kernel::listing::{FIELDS, Orders, SearchTerm};
use crate::kernel::page::{Page, PageQuery};
use crate::kernel::problem::Result;
use crate::kernel::text::{DESCRIPTION_MOST, IDENTIFIER, NAME_MOST, Tags};
use crate::kernel::version::IfMatch;
use crate::tokens::actions::keys::{self, KeyAggregate, KeyWish};
use crate::tokens::store::Key;
use crate::web::envelope::Reply;
use crate::web::etag::Tagged;
use crate::web::extract::{Json, Path, Query, ScopeQuery, every, goes_by, repeated};
use crate::web::openapi::OpenApi;

pub(super) fn routes() -> Router<App> {
    const AT: &str = "/ng/api/apikey";
    Router::new()
        .route(AT, get(list).post(create))
        .route(&format!("{AT}/aggregate"), get(aggregates))
        .route(&format!("{AT}/aggregate/{{identifier}}"), get(aggregate))
        .route(&format!("{AT}/{{identifier}}"), put(update).delete(remove))
}

/// What the OpenAPI document says of them.
pub(super) fn describe(document: &mut OpenApi) {
    document
        .section("API keys")
        .get("/ng/api/apikey", list)
        .told("listApiKeys", OWNERS, "Lists the API keys of an owner")
        .identified()
        .demands("apiKeyType")
        .demands("parentIdentifier")
        .post("/ng/api/apikey", create)
        .told("createApiKey", OWNERS, "Makes an API key")
        .needs("identifier")
        .put("/ng/api/apikey/{identifier}", update)
        .told(
            "replaceApiKey",
            OWNERS,
            "Replaces name, description and tags of an API key, and its default time if it is sent",
        )
        .delete("/ng/api/apikey/{identifier}", remove)
        .told("deleteApiKey", OWNERS, "Removes an API key with its tokens")
        .demands("apiKeyType")
        .demands("parentIdentifier")
        .get("/ng/api/apikey/aggregate", aggregates)
        .told(
            "listApiKeyAggregates",
            OWNERS,
            "Lists the API keys of an owner, page by page, with the number of tokens",
        )
        .identified()
        .sorted(FIELDS)
        .demands("apiKeyType")
        .demands("parentIdentifier")
        .get("/ng/api/apikey/aggregate/{identifier}", aggregate)
        .told("getApiKeyAggregate", OWNERS, "Shows an API key with the number of its tokens")
        .demands("apiKeyType")
        .demands("parentIdentifier");
}

/// The wire's `ApiKeyDTO`, as clients send it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "ApiKeyBody", extend("required" = ["name", "apiKeyType", "parentIdentifier"]))]
struct Body {
    #[schemars(regex(pattern = IDENTIFIER))]
    identifier: Option<String>,
    #[schemars(length(max = NAME_MOST))]
    name: Option<String>,
    #[schemars(length(max = DESCRIPTION_MOST))]
    description: Option<String>,
    tags: Option<Tags>,
    default_time_to_expire_token: Option<i64>,
    #[schemars(extend("enum" = ["USER", "SERVICE_ACCOUNT"]))]
    api_key_type: Option<String>,
    parent_identifier: Option<String>,
    account_identifier: Option<String>,
    org_identifier: Option<String>,
    project_identifier: Option<String>,
}

impl Body {
    fn read(self, identifier: Option<String>) -> (OwnerBody, KeyWish) {
        let wish = KeyWish {
            identifier: identifier.or(self.identifier).unwrap_or_default(),
            name: self.name.unwrap_or_default(),
            description: self.description,
            tags: self.tags.unwrap_or_default(),
            default_ttl_ms: self.default_time_to_expire_token,
        };
        let owner = OwnerBody {
            api_key_type: self.api_key_type,
            parent_identifier: self.parent_identifier,
            account_identifier: self.account_identifier,
            org_identifier: self.org_identifier,
            project_identifier: self.project_identifier,
        };
        (owner, wish)
    }
}

/// The wire's `ApiKeyDTO`, as we send it.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "ApiKeyDto")]
struct View {
    identifier: String,
    name: String,
    description: Option<String>,
    tags: Tags,
    #[schemars(extend("enum" = ["USER", "SERVICE_ACCOUNT"]))]
    api_key_type: &'static str,
    parent_identifier: String,
    default_time_to_expire_token: i64,
    account_identifier: String,
    org_identifier: Option<String>,
    project_identifier: Option<String>,
}

impl From<Key> for View {
    fn from(key: Key) -> Self {
        let scope = &key.owner.scope;
        Self {
            account_identifier: scope.account.to_string(),
            org_identifier: scope.org().map(str::to_owned),
            project_identifier: scope.project_id().map(str::to_owned),
            api_key_type: key.owner.kind.as_str(),
            parent_identifier: key.owner.id,
            identifier: key.row.identifier,
            name: key.row.name,
            description: key.row.description,
            tags: key.row.tags,
            default_time_to_expire_token: key.row.default_ttl_ms,
        }
    }
}

impl From<Key> for Tagged<View> {
    fn from(key: Key) -> Self {
        Self { tag: key.tag(), data: key.into() }
    }
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "ApiKeyAggregate")]
struct AggregateView {
    api_key: View,
    created_at: i64,
    last_modified_at: i64,
    tokens_count: i64,
}

impl From<KeyAggregate> for AggregateView {
    fn from(a: KeyAggregate) -> Self {
        Self {
            created_at: a.key.created_at.millis(),
            last_modified_at: a.key.updated_at.millis(),
            tokens_count: a.tokens,
            api_key: a.key.into(),
        }
    }
}

impl From<KeyAggregate> for Tagged<AggregateView> {
    fn from(a: KeyAggregate) -> Self {
        Self { tag: a.key.tag(), data: a.into() }
    }
}

async fn create(
    State(app): State<App>,
    actor: Actor,
    Query(query): Query<ScopeQuery>,
    Json(body): Json<Body>,
) -> Result<Tagged<View>> {
    let (owner, wish) = body.read(None);
    let grant = owner.grant(&actor, &query, |check| wish.note(check))?;
    keys::create(&app, &grant, wish.check()?).await.map(Into::into)
}

async fn update(
    State(app): State<App>,
    actor: Actor,
    Path(identifier): Path<String>,
    Query(query): Query<ScopeQuery>,
    seen: IfMatch,
    Json(body): Json<Body>,
) -> Result<Tagged<View>> {
    let named = body.identifier.clone().filter(|named| !named.is_empty());
    // Public clients send the account in the path, and the key in the body alone.
    let is_account = identifier == actor.caller.account.as_str();
    let identifier = named.clone().filter(|_| is_account).unwrap_or(identifier);
    let (owner, wish) = body.read(Some(identifier.clone()));
    let grant = owner.grant(&actor, &query, |check| wish.note(check))?;
    same_identifier(&identifier, named.as_deref())?;
    keys::update(&app, &grant, wish.check()?, seen).await.map(Into::into)
}

async fn remove(
    State(app): State<App>,
    actor: Actor,
    Path(identifier): Path<String>,
    Query(query): Query<ScopeQuery>,
    Query(owner): Query<OwnerQuery>,
    seen: IfMatch,
) -> Result<Reply<bool>> {
    let grant = owner.grant(&actor, &query.scope(&actor.caller.account)?)?;
    keys::delete(&app, &grant, identifier, seen).await.map(|()| Reply(true))
}

async fn list(
    State(app): State<App>,
    actor: Actor,
    uri: Uri,
    Query(query): Query<ScopeQuery>,
    Query(owner): Query<OwnerQuery>,
) -> Result<Reply<Vec<View>>> {
    let grant = owner.grant(&actor, &query.scope(&actor.caller.account)?)?;
    goes_by(&uri, &["identifiers"], "ask for /ng/api/apikey/aggregate")?;
    let found = keys::list(&app, &grant, repeated(&uri, "identifiers")).await?;
    Ok(Reply(found.into_iter().map(Into::into).collect()))
}

async fn aggregates(
    State(app): State<App>,
    actor: Actor,
    uri: Uri,
    Query(query): Query<ScopeQuery>,
    Query(owner): Query<OwnerQuery>,
    Query(page): Query<PageQuery>,
) -> Result<Reply<Page<AggregateView>>> {
    let grant = owner.grant(&actor, &query.scope(&actor.caller.account)?)?;
    goes_by(&uri, &["identifiers", "searchTerm", "sortOrders"], "narrow it by searchTerm and identifiers")?;
    let search = SearchTerm::new(page.search_term.as_deref());
    let orders = Orders::read(&every(&uri, "sortOrders"), FIELDS)?;
    let identifiers = repeated(&uri, "identifiers");
    let found = keys::aggregates(&app, &grant, identifiers, search, orders, page.request()?).await?;
    Ok(Reply(found.map(Into::into)))
}

async fn aggregate(
    State(app): State<App>,
    actor: Actor,
    Path(identifier): Path<String>,
    Query(query): Query<ScopeQuery>,
    Query(owner): Query<OwnerQuery>,
) -> Result<Tagged<AggregateView>> {
    let grant = owner.grant(&actor, &query.scope(&actor.caller.account)?)?;
    keys::aggregate(&app, &grant, identifier).await.map(Into::into)
}
