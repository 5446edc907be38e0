//! Routes of tokens (platform API §5).

use axum::Router;
use axum::extract::{Request, State};
use axum::routing::{get, post, put};
use http::Uri;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{OWNERS, OwnerBody, OwnerQuery, same_identifier};
use crate::access::Actor;
use crate::app::App;
use crate::kernel::listing::{Orders, SearchTerm};
use crate::kernel::page::{Page, PageQuery};
use crate::kernel::problem::{Problem, Result};
use crate::kernel::surface::names;
use crate::kernel::text::{DESCRIPTION_MOST, FieldCheck, IDENTIFIER, NAME_MOST, Tags};
use crate::kernel::time::Timestamp;
use crate::kernel::version::IfMatch;
use crate::tokens::actions::tokens::{self, Filter, SORT_FIELDS, TokenCard, TokenWish};
use crate::tokens::actions::{ListGrant, rotation};
use crate::tokens::model::Wish;
use crate::web::envelope::Reply;
use crate::web::etag::Tagged;
use crate::web::extract::{Json, Path, Query, ScopeQuery, body, every, flag, goes_by, parse, repeated};
use crate::web::openapi::{OpenApi, text};

pub(super) fn routes() -> Router<App> {
    const AT: &str = "/ng/api/token";
    Router::new()
        .route(AT, post(create))
        .route(&format!("{AT}/aggregate"), get(aggregates))
        .route(&format!("{AT}/validate"), post(validate))
        .route(&format!("{AT}/rotate/{{identifier}}"), post(rotate))
        .route(&format!("{AT}/{{identifier}}"), put(update).delete(revoke))
}

/// What the OpenAPI document says of them.
pub(super) fn describe(document: &mut OpenApi) {
    document
        .section("Tokens")
        .post("/ng/api/token", create)
        .told(
            "createToken",
            OWNERS,
            "Makes a token, and its key where that does not exist, and answers its text, once",
        )
        .needs("identifier")
        .fails(&[404])
        .put("/ng/api/token/{identifier}", update)
        .told(
            "replaceToken",
            OWNERS,
            "Replaces name, description and tags of a token, and the times that are sent",
        )
        .delete("/ng/api/token/{identifier}", revoke)
        .told("revokeToken", OWNERS, "Revokes a token")
        .demands("apiKeyType")
        .demands("parentIdentifier")
        .demands("apiKeyIdentifier")
        .without("rotateTimestamp")
        .without("includeOnlyActiveTokens")
        .post("/ng/api/token/rotate/{identifier}", rotate)
        .told("rotateToken", OWNERS, "Gives a token a new secret, and answers its text, once")
        .demands("apiKeyType")
        .demands("parentIdentifier")
        .demands("apiKeyIdentifier")
        .demands("rotateTimestamp")
        .without("includeOnlyActiveTokens")
        .get("/ng/api/token/aggregate", aggregates)
        .told("listTokens", "the owner's; of other users core_user_manage", "Lists tokens, page by page")
        .identified()
        .sorted(SORT_FIELDS)
        .demands("apiKeyType")
        .without("rotateTimestamp")
        .fails(&[404])
        .post("/ng/api/token/validate", validate)
        .told("validateToken", "none", "Says what a token with a record of the account is")
        .reads("application/json", text());
}

/// The wire's `TokenDTO`, as clients send it. Times are epoch milliseconds; `neverExpires` and `surfaces` go
/// beyond the reference.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "TokenBody", extend("required" = ["name", "apiKeyType", "parentIdentifier", "apiKeyIdentifier"]))]
struct Body {
    #[schemars(regex(pattern = IDENTIFIER))]
    identifier: Option<String>,
    #[schemars(length(max = NAME_MOST))]
    name: Option<String>,
    #[schemars(length(max = DESCRIPTION_MOST))]
    description: Option<String>,
    tags: Option<Tags>,
    api_key_identifier: Option<String>,
    valid_from: Option<i64>,
    valid_to: Option<i64>,
    never_expires: Option<bool>,
    #[schemars(extend("enum" = ["scim", "platform"]))]
    surfaces: Option<Vec<String>>,
    #[schemars(extend("enum" = ["USER", "SERVICE_ACCOUNT"]))]
    api_key_type: Option<String>,
    parent_identifier: Option<String>,
    account_identifier: Option<String>,
    org_identifier: Option<String>,
    project_identifier: Option<String>,
}

impl Body {
    fn read(self, identifier: Option<String>) -> (OwnerBody, TokenWish) {
        let wish = TokenWish {
            api_key: self.api_key_identifier.unwrap_or_default(),
            identifier: identifier.or(self.identifier).unwrap_or_default(),
            name: self.name.unwrap_or_default(),
            description: self.description,
            tags: self.tags.unwrap_or_default(),
            times: Wish {
                from: self.valid_from.map(Timestamp::from_millis),
                to: self.valid_to.map(Timestamp::from_millis),
                never: self.never_expires,
            },
            surfaces: self.surfaces,
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

/// The wire's `TokenDTO`, as we send it. The secret is never in it.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "TokenDto")]
struct View {
    identifier: String,
    name: String,
    description: Option<String>,
    tags: Tags,
    valid_from: i64,
    valid_to: Option<i64>,
    scheduled_expire_time: Option<i64>,
    #[schemars(extend("enum" = ["scim", "platform"]))]
    surfaces: Vec<&'static str>,
    valid: bool,
    account_identifier: String,
    org_identifier: Option<String>,
    project_identifier: Option<String>,
    api_key_identifier: String,
    parent_identifier: String,
    #[schemars(extend("enum" = ["USER", "SERVICE_ACCOUNT"]))]
    api_key_type: &'static str,
    email: Option<String>,
    username: Option<String>,
    encoded_password: Option<String>,
}

impl From<TokenCard> for View {
    fn from(card: TokenCard) -> Self {
        let token = card.token;
        let scope = &token.owner.scope;
        Self {
            account_identifier: scope.account.to_string(),
            org_identifier: scope.org().map(str::to_owned),
            project_identifier: scope.project_id().map(str::to_owned),
            api_key_type: token.owner.kind.as_str(),
            parent_identifier: token.owner.id,
            api_key_identifier: token.api_key,
            identifier: token.identifier,
            name: token.name,
            description: token.description,
            tags: token.tags,
            valid_from: token.valid_from.millis(),
            valid_to: token.valid_to.map(Timestamp::millis),
            scheduled_expire_time: token.scheduled_expire_at.map(Timestamp::millis),
            surfaces: names(&token.surfaces),
            valid: card.valid,
            email: card.email,
            username: card.username,
            encoded_password: None,
        }
    }
}

impl From<TokenCard> for Tagged<View> {
    fn from(card: TokenCard) -> Self {
        Self { tag: card.token.tag(), data: card.into() }
    }
}

/// A row of a list; `lastUsedAt` and `lastUsedFrom` go beyond the reference.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "TokenAggregate")]
struct AggregateView {
    token: View,
    expiry_at: Option<i64>,
    created_at: i64,
    last_modified_at: i64,
    last_used_at: Option<i64>,
    last_used_from: Option<String>,
}

impl From<TokenCard> for AggregateView {
    fn from(card: TokenCard) -> Self {
        let token = &card.token;
        Self {
            expiry_at: token.ends().map(Timestamp::millis),
            created_at: token.created_at.millis(),
            last_modified_at: token.updated_at.millis(),
            last_used_at: token.last_used_at.map(Timestamp::millis),
            last_used_from: token.last_used_from.clone(),
            token: card.into(),
        }
    }
}

/// The part of a query string that names a key, and what some routes add.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct KeyQuery {
    api_key_identifier: Option<String>,
    #[schemars(with = "Option<i64>")]
    rotate_timestamp: Option<String>,
    #[serde(default, deserialize_with = "flag")]
    include_only_active_tokens: Option<bool>,
}

impl KeyQuery {
    fn api_key(&self) -> Result<String> {
        let mut check = FieldCheck::new();
        if self.api_key_identifier.as_deref().is_none_or(str::is_empty) {
            check.fail("apiKeyIdentifier", "cannot be empty; send the identifier of the token's API key");
        }
        check.done()?;
        Ok(self.api_key_identifier.clone().unwrap_or_default())
    }

    fn rotate_at(&self) -> Result<Timestamp> {
        let time = self.rotate_timestamp.as_deref().and_then(|text| text.parse().ok());
        time.map(Timestamp::from_millis).ok_or_else(|| {
            let text = "must be a time in epoch milliseconds, until which the old secret keeps working";
            Problem::fields(vec![("rotateTimestamp".to_owned(), text.to_owned())])
        })
    }
}

async fn create(
    State(app): State<App>,
    actor: Actor,
    Query(query): Query<ScopeQuery>,
    Json(body): Json<Body>,
) -> Result<Tagged<String>> {
    let (owner, wish) = body.read(None);
    let grant = owner.grant(&actor, &query, |check| wish.note(check))?;
    let (text, tag) = tokens::create(&app, &grant, wish.check()?).await?;
    Ok(Tagged { tag, data: text.expose().to_owned() })
}

async fn update(
    State(app): State<App>,
    actor: Actor,
    Path(identifier): Path<String>,
    Query(query): Query<ScopeQuery>,
    seen: IfMatch,
    Json(body): Json<Body>,
) -> Result<Tagged<View>> {
    let named = body.identifier.clone();
    let (owner, wish) = body.read(Some(identifier.clone()));
    let grant = owner.grant(&actor, &query, |check| wish.note(check))?;
    same_identifier(&identifier, named.as_deref())?;
    tokens::update(&app, &grant, wish.check()?, seen).await.map(Into::into)
}

async fn revoke(
    State(app): State<App>,
    actor: Actor,
    Path(identifier): Path<String>,
    Query(query): Query<ScopeQuery>,
    Query(owner): Query<OwnerQuery>,
    Query(key): Query<KeyQuery>,
    seen: IfMatch,
) -> Result<Reply<bool>> {
    let grant = owner.grant(&actor, &query.scope(&actor.caller.account)?)?;
    tokens::revoke(&app, &grant, key.api_key()?, identifier, seen).await.map(|()| Reply(true))
}

async fn rotate(
    State(app): State<App>,
    actor: Actor,
    Path(identifier): Path<String>,
    Query(query): Query<ScopeQuery>,
    Query(owner): Query<OwnerQuery>,
    Query(key): Query<KeyQuery>,
) -> Result<Tagged<String>> {
    let grant = owner.grant(&actor, &query.scope(&actor.caller.account)?)?;
    let rotated = rotation::rotate(&app, &grant, key.api_key()?, identifier, key.rotate_at()?);
    let (text, tag) = rotated.await?;
    Ok(Tagged { tag, data: text.expose().to_owned() })
}

async fn aggregates(
    State(app): State<App>,
    actor: Actor,
    uri: Uri,
    Query(query): Query<ScopeQuery>,
    Query(owner): Query<OwnerQuery>,
    Query(key): Query<KeyQuery>,
    Query(page): Query<PageQuery>,
) -> Result<Reply<Page<AggregateView>>> {
    let scope = query.scope(&actor.caller.account)?;
    goes_by(&uri, &["identifiers", "searchTerm", "sortOrders"], "narrow it by searchTerm and identifiers")?;
    let kind = owner.kind()?;
    let filter = Filter {
        api_key: key.api_key_identifier.filter(|k| !k.is_empty()),
        identifiers: repeated(&uri, "identifiers"),
        search: SearchTerm::new(page.search_term.as_deref()),
        active_only: key.include_only_active_tokens.unwrap_or(false),
        orders: Orders::read(&every(&uri, "sortOrders"), SORT_FIELDS)?,
    };
    let grant = ListGrant::ask(&actor, &scope, kind, owner.parent_identifier.filter(|p| !p.is_empty()))?;
    let found = tokens::list(&app, &grant, filter, page.request()?).await?;
    Ok(Reply(found.map(Into::into)))
}

/// The body is the token text, bare or as a JSON string, under whichever content type.
async fn validate(State(app): State<App>, actor: Actor, request: Request) -> Result<Tagged<View>> {
    let bytes = body(request, &app).await?;
    let bytes = bytes.trim_ascii();
    let text = match bytes.first() {
        None => return Err(Problem::invalid("The body is empty: send the token text in it.")),
        Some(b'"') => parse::<String>(bytes)?,
        Some(_) => String::from_utf8_lossy(bytes).into_owned(),
    };
    let card = tokens::validate(&app, &actor.caller.account, text.trim()).await?;
    Ok(card.into())
}
