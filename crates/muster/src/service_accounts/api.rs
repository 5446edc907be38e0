//! Routes of service accounts (platform API §3).

use axum::Router;
use axum::extract::State;
use axum::routing::{get, put};
use http::Uri;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::actions::{self, Filter, SORT_FIELDS};
use super::model::{Aggregate, Change, NamedScope, NewServiceAccount, Reach, ServiceAccount};
use crate::access::Actor;
use crate::access::assignments::api::BindingView;
use crate::access::permissions::{ServiceAccountDelete, ServiceAccountEdit, ServiceAccountView};
use crate::app::App;
use crate::kernel::listing::{Orders, SearchTerm};
use crate::kernel::page::{Page, PageQuery};
use crate::kernel::problem::{Problem, Result};
use crate::kernel::scope::Scope;
use crate::kernel::text::{DESCRIPTION_MOST, IDENTIFIER, NAME_MOST, Tags};
use crate::kernel::version::IfMatch;
use crate::web::envelope::Reply;
use crate::web::etag::Tagged;
use crate::web::extract::{Json, Path, Query, ScopeQuery, every, goes_by, repeated};
use crate::web::openapi::OpenApi;
use crate::web::scope::of_both;

/// The routes.
pub fn routes() -> Router<App> {
    const AT: &str = "/ng/api/serviceaccount";
    Router::new()
        .route(AT, get(list).post(create))
        .route(&format!("{AT}/aggregate"), get(aggregates))
        .route(&format!("{AT}/aggregate/{{identifier}}"), get(aggregate))
        .route(&format!("{AT}/manageable"), get(manageable))
        .route(&format!("{AT}/{{identifier}}"), put(update).delete(remove))
        .route(&format!("{AT}/{{identifier}}/scopes"), get(scopes))
}

/// What the OpenAPI document says of them.
pub fn describe(document: &mut OpenApi) {
    document
        .section("Service accounts")
        .nothing_is_400()
        .get("/ng/api/serviceaccount", list)
        .told(
            "listServiceAccounts",
            "shows those with core_serviceaccount_view",
            "Lists the service accounts of a scope, by identifier",
        )
        .identified()
        .post("/ng/api/serviceaccount", create)
        .told("createServiceAccount", "core_serviceaccount_edit", "Makes a service account")
        .put("/ng/api/serviceaccount/{identifier}", update)
        .told(
            "replaceServiceAccount",
            "core_serviceaccount_edit",
            "Replaces name, description and tags of a service account",
        )
        .delete("/ng/api/serviceaccount/{identifier}", remove)
        .told(
            "deleteServiceAccount",
            "core_serviceaccount_delete",
            "Removes a service account with its keys, tokens and role assignments",
        )
        .get("/ng/api/serviceaccount/aggregate", aggregates)
        .told(
            "listServiceAccountAggregates",
            "core_serviceaccount_view",
            "Lists service accounts, page by page, with the number of keys and the role assignments",
        )
        .identified()
        .sorted(SORT_FIELDS)
        .get("/ng/api/serviceaccount/aggregate/{identifier}", aggregate)
        .told(
            "getServiceAccountAggregate",
            "core_serviceaccount_view",
            "Shows a service account with the number of keys and the role assignments",
        )
        .get("/ng/api/serviceaccount/manageable", manageable)
        .told(
            "listManageableServiceAccounts",
            "core_serviceaccount_manageapikey",
            "Lists the service accounts whose keys the caller may manage, page by page",
        )
        .identified()
        .sorted(SORT_FIELDS)
        .get("/ng/api/serviceaccount/{identifier}/scopes", scopes)
        .told(
            "listServiceAccountScopes",
            "core_serviceaccount_view",
            "Lists the scopes below its own in which a service account has a role assignment",
        );
}

/// The wire's `ServiceAccountDTO`, as clients send it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "ServiceAccountBody", extend("required" = ["name"]))]
struct Body {
    #[schemars(regex(pattern = IDENTIFIER))]
    identifier: Option<String>,
    #[schemars(length(max = NAME_MOST))]
    name: Option<String>,
    email: Option<String>,
    #[schemars(length(max = DESCRIPTION_MOST))]
    description: Option<String>,
    tags: Option<Tags>,
    account_identifier: Option<String>,
    org_identifier: Option<String>,
    project_identifier: Option<String>,
}

impl Body {
    /// Scope parts of the body fill in what the query leaves out; where both speak they must agree.
    fn scope(&self, query: &ScopeQuery, actor: &Actor) -> Result<Scope> {
        let parts = [&self.account_identifier, &self.org_identifier, &self.project_identifier];
        of_both(query, parts.map(Option::as_deref), &actor.caller.account)
    }
}

/// The wire's `ServiceAccountDTO`, as we send it.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "ServiceAccountDto")]
struct View {
    identifier: String,
    name: String,
    email: String,
    description: Option<String>,
    tags: Tags,
    account_identifier: String,
    org_identifier: Option<String>,
    project_identifier: Option<String>,
}

impl From<ServiceAccount> for View {
    fn from(s: ServiceAccount) -> Self {
        Self {
            account_identifier: s.scope.account.to_string(),
            org_identifier: s.scope.org().map(str::to_owned),
            project_identifier: s.scope.project_id().map(str::to_owned),
            identifier: s.identifier,
            name: s.name,
            email: s.email,
            description: s.description,
            tags: s.tags,
        }
    }
}

impl From<ServiceAccount> for Tagged<View> {
    fn from(s: ServiceAccount) -> Self {
        Self { tag: s.tag(), data: s.into() }
    }
}

/// The wire's `ServiceAccountAggregateDTO`; `tokensCount` counts API keys, as in the reference.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "ServiceAccountAggregate")]
struct AggregateView {
    service_account: View,
    created_at: i64,
    last_modified_at: i64,
    tokens_count: i64,
    #[serde(rename = "roleAssignmentsMetadataDTO")]
    role_assignments: Vec<BindingView>,
}

impl From<Aggregate> for AggregateView {
    fn from(a: Aggregate) -> Self {
        Self {
            created_at: a.service_account.created_at.millis(),
            last_modified_at: a.service_account.updated_at.millis(),
            tokens_count: a.keys,
            role_assignments: a.bindings.into_iter().map(|bound| BindingView::new(bound, None)).collect(),
            service_account: a.service_account.into(),
        }
    }
}

impl From<Aggregate> for Tagged<AggregateView> {
    fn from(a: Aggregate) -> Self {
        Self { tag: a.service_account.tag(), data: a.into() }
    }
}

/// The wire's `ScopeNameDTO`.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct ScopeName {
    account_identifier: String,
    org_identifier: Option<String>,
    project_identifier: Option<String>,
    org_name: Option<String>,
    project_name: Option<String>,
}

impl From<NamedScope> for ScopeName {
    fn from(n: NamedScope) -> Self {
        Self {
            account_identifier: n.scope.account.to_string(),
            org_identifier: n.scope.org().map(str::to_owned),
            project_identifier: n.scope.project_id().map(str::to_owned),
            org_name: n.org_name,
            project_name: n.project_name,
        }
    }
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct ListQuery {
    #[schemars(extend("enum" = ["EXCLUDE_INHERITED_SERVICE_ACCOUNTS", "INCLUDE_INHERITED_SERVICE_ACCOUNTS", "INCLUDE_CHILD_SCOPE_SERVICE_ACCOUNTS"]))]
    filter_type: Option<String>,
}

fn filter(uri: &Uri, query: &ListQuery, page: &PageQuery) -> Result<Filter> {
    Ok(Filter {
        identifiers: repeated(uri, "identifiers"),
        search: SearchTerm::new(page.search_term.as_deref()),
        reach: Reach::parse(query.filter_type.as_deref())?,
        orders: Orders::read(&every(uri, "sortOrders"), SORT_FIELDS)?,
    })
}

async fn create(
    State(app): State<App>,
    actor: Actor,
    Query(query): Query<ScopeQuery>,
    Json(body): Json<Body>,
) -> Result<Tagged<View>> {
    let scope = body.scope(&query, &actor)?;
    let grant = actor.grant::<ServiceAccountEdit>(&scope)?;
    let name = body.name.unwrap_or_default();
    // An empty identifier or address is an absent one: forms send them so.
    let (identifier, email) =
        (body.identifier.filter(|i| !i.is_empty()), body.email.filter(|e| !e.is_empty()));
    let tags = body.tags.unwrap_or_default();
    let new = NewServiceAccount::check(identifier, name, email, body.description, tags)?;
    actions::create(&app, &grant, new).await.map(Into::into)
}

async fn update(
    State(app): State<App>,
    actor: Actor,
    Path(identifier): Path<String>,
    Query(query): Query<ScopeQuery>,
    seen: IfMatch,
    Json(body): Json<Body>,
) -> Result<Tagged<View>> {
    let scope = body.scope(&query, &actor)?;
    let grant = actor.grant_on::<ServiceAccountEdit>(&scope, Some(&identifier))?;
    if let Some(other) = body.identifier.filter(|i| !i.is_empty() && *i != identifier) {
        return Err(Problem::invalid(format!(
            "Value mismatch, previous: {identifier} current: {other}: the identifier of a service account cannot \
             change, send the one of the path or leave it out of the body"
        )));
    }
    let email = body.email.filter(|e| !e.is_empty());
    let change =
        Change::check(body.name.unwrap_or_default(), email, body.description, body.tags.unwrap_or_default())?;
    actions::update(&app, &grant, identifier, change, seen).await.map(Into::into)
}

async fn remove(
    State(app): State<App>,
    actor: Actor,
    Path(identifier): Path<String>,
    Query(query): Query<ScopeQuery>,
    seen: IfMatch,
) -> Result<Reply<bool>> {
    let scope = query.scope(&actor.caller.account)?;
    let grant = actor.grant_on::<ServiceAccountDelete>(&scope, Some(&identifier))?;
    actions::delete(&app, &grant, identifier, seen).await.map(|()| Reply(true))
}

async fn list(
    State(app): State<App>,
    actor: Actor,
    uri: Uri,
    Query(query): Query<ScopeQuery>,
    Query(page): Query<PageQuery>,
) -> Result<Reply<Vec<View>>> {
    let scope = query.scope(&actor.caller.account)?;
    goes_by(&uri, &["identifiers", "searchTerm"], "ask for /ng/api/serviceaccount/aggregate")?;
    // Public clients page through it until a page is empty, although it is no page.
    let asked = page.if_asked()?;
    let narrowed = (repeated(&uri, "identifiers"), SearchTerm::new(page.search_term.as_deref()));
    let all = actions::list(&app, &actor, scope, narrowed).await?;
    let found = if let Some(page) = asked { page.part_of(all) } else { all };
    Ok(Reply(found.into_iter().map(Into::into).collect()))
}

async fn aggregates(
    State(app): State<App>,
    actor: Actor,
    uri: Uri,
    Query(query): Query<ScopeQuery>,
    Query(list): Query<ListQuery>,
    Query(page): Query<PageQuery>,
) -> Result<Reply<Page<AggregateView>>> {
    let scope = query.scope(&actor.caller.account)?;
    let filter = filter(&uri, &list, &page)?;
    let found = actions::aggregates(&app, &actor, scope, filter, page.request()?).await?;
    Ok(Reply(found.map(Into::into)))
}

async fn manageable(
    State(app): State<App>,
    actor: Actor,
    uri: Uri,
    Query(query): Query<ScopeQuery>,
    Query(list): Query<ListQuery>,
    Query(page): Query<PageQuery>,
) -> Result<Reply<Page<AggregateView>>> {
    let scope = query.scope(&actor.caller.account)?;
    let filter = filter(&uri, &list, &page)?;
    let found = actions::manageable(&app, &actor, scope, filter, page.request()?).await?;
    Ok(Reply(found.map(Into::into)))
}

async fn aggregate(
    State(app): State<App>,
    actor: Actor,
    Path(identifier): Path<String>,
    Query(query): Query<ScopeQuery>,
) -> Result<Tagged<AggregateView>> {
    let scope = query.scope(&actor.caller.account)?;
    let grant = actor.grant_on::<ServiceAccountView>(&scope, Some(&identifier))?;
    actions::find_aggregate(&app, &grant, identifier).await.map(Into::into)
}

async fn scopes(
    State(app): State<App>,
    actor: Actor,
    Path(identifier): Path<String>,
    uri: Uri,
    Query(query): Query<ScopeQuery>,
) -> Result<Reply<Vec<ScopeName>>> {
    goes_by(&uri, &[], "all of them are answered, so choose from them")?;
    let scope = query.scope(&actor.caller.account)?;
    let grant = actor.grant_on::<ServiceAccountView>(&scope, Some(&identifier))?;
    let bound = actions::scopes(&app, &grant, identifier).await?;
    Ok(Reply(bound.into_iter().map(Into::into).collect()))
}
