//! Routes of users on the platform API (§10).

use axum::Router;
use axum::extract::State;
use axum::routing::{delete, get, post, put};
use http::Uri;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::actions::{self, Aggregate, Myself, SORT_FIELDS, Wanted};
use super::bodies::{AddBody, ProfileBody};
use super::profile::Profile;
use super::store::{Person, Selection};
use super::{adding, bodies, profile};
use crate::access::Actor;
use crate::access::assignments::api::BindingView;
use crate::access::permissions::UserView;
use crate::app::App;
use crate::kernel::listing::{Orders, SearchTerm};
use crate::kernel::page::{Page, PageQuery};
use crate::kernel::problem::{Kind, Problem, Result};
use crate::kernel::scope::{Level, Scope};
use crate::web::envelope::Reply;
use crate::web::extract::{Json, Path, Query, ScopeQuery, every, few, goes_by, unused};
use crate::web::openapi::OpenApi;

/// The routes.
pub fn routes() -> Router<App> {
    const AT: &str = "/ng/api/user";
    Router::new()
        .route(AT, put(update_own))
        .route(&format!("{AT}/currentUser"), get(current))
        .route(&format!("{AT}/aggregate"), post(aggregates))
        .route(&format!("{AT}/aggregate/{{userId}}"), get(aggregate))
        .route(&format!("{AT}/batch"), post(batch))
        .route(&format!("{AT}/users"), post(add))
        .route(&format!("{AT}/{{userId}}"), delete(remove).put(update))
}

/// What the OpenAPI document says of them.
pub fn describe(document: &mut OpenApi) {
    document
        .section("Users")
        .post("/ng/api/user/aggregate", aggregates)
        .told(
            "listUserAggregates",
            "core_user_view",
            "Lists users with their roles in the scope, page by page",
        )
        .sorted(SORT_FIELDS)
        .get("/ng/api/user/aggregate/{userId}", aggregate)
        .told("getUserAggregate", "core_user_view", "Shows a user with his roles in the scope")
        .post("/ng/api/user/batch", batch)
        .told("listUsers", "core_user_view", "Lists users, page by page")
        .sorted(SORT_FIELDS)
        .post("/ng/api/user/users", add)
        .told(
            "addUsers",
            "core_user_manage",
            "Adds people to the scope by their addresses, with roles and groups",
        )
        .data("AddedUsers", bodies::added())
        .put("/ng/api/user/{userId}", update)
        .told(
            "updateUser",
            "core_user_manage on the account",
            "Changes the name of a user whom SCIM does not keep",
        )
        .delete("/ng/api/user/{userId}", remove)
        .told(
            "removeUser",
            "core_user_manage",
            "Removes a user from the account, or takes him out of the scope below it",
        );
}

/// What the OpenAPI document says of them.
pub fn describe_me(document: &mut OpenApi) {
    document
        .section("Who am I")
        .get("/ng/api/user/currentUser", current)
        .told("getCurrentUser", "none", "Shows the user behind the token")
        .put("/ng/api/user", update_own)
        .told("updateCurrentUser", "none", "Changes the name of the user behind the token");
}

/// The wire's `UserMetadata`.
#[allow(clippy::struct_excessive_bools)] // the wire has them
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "UserMetadata")]
pub struct Metadata {
    name: String,
    email: String,
    #[schemars(extend("format" = "uuid"))]
    uuid: String,
    locked: bool,
    disabled: bool,
    externally_managed: bool,
    two_factor_authentication_enabled: bool,
}

impl From<Person> for Metadata {
    fn from(person: Person) -> Self {
        Self {
            name: person.name,
            email: person.email,
            uuid: person.id,
            locked: false,
            disabled: !person.active,
            externally_managed: person.externally_managed,
            two_factor_authentication_enabled: false,
        }
    }
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "UserAggregate")]
struct AggregateView {
    user: Metadata,
    role_assignment_metadata: Vec<BindingView>,
}

impl AggregateView {
    fn new((person, bindings): Aggregate, level: Level) -> Self {
        let role_assignment_metadata =
            bindings.into_iter().map(|b| BindingView::new(b, Some(level))).collect();
        Self { user: person.into(), role_assignment_metadata }
    }
}

/// The wire's `UserInfo`; what Muster does not know is null.
#[allow(clippy::struct_excessive_bools)] // the wire has them
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "CurrentUser")]
struct InfoView {
    #[schemars(extend("format" = "uuid"))]
    uuid: String,
    name: String,
    email: String,
    token: Option<String>,
    default_account_id: String,
    intent: Option<String>,
    accounts: Vec<AccountView>,
    admin: bool,
    two_factor_authentication_enabled: bool,
    email_verified: bool,
    locked: bool,
    disabled: bool,
    signup_action: Option<String>,
    edition: Option<String>,
    billing_frequency: Option<String>,
    utm_info: Option<Value>,
    externally_managed: bool,
    given_name: Option<String>,
    family_name: Option<String>,
    external_id: Option<String>,
    created_at: i64,
    last_updated_at: i64,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "CurrentUserAccount")]
struct AccountView {
    uuid: String,
    account_name: String,
}

impl InfoView {
    fn new(myself: Myself, account: &str) -> Self {
        let (given_name, family_name) = (myself.name_part("givenName"), myself.name_part("familyName"));
        let person = myself.person;
        Self {
            uuid: person.id,
            name: person.name,
            email: person.email,
            token: None,
            default_account_id: account.to_owned(),
            intent: None,
            accounts: vec![AccountView { uuid: account.to_owned(), account_name: myself.account_name }],
            admin: myself.admin,
            two_factor_authentication_enabled: false,
            email_verified: true,
            locked: false,
            disabled: !person.active,
            signup_action: None,
            edition: None,
            billing_frequency: None,
            utm_info: None,
            externally_managed: person.externally_managed,
            given_name,
            family_name,
            external_id: myself.external_id,
            created_at: person.created.millis(),
            last_updated_at: person.updated.millis(),
        }
    }
}

/// A user who was changed, as far as the caller may know him.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(untagged)]
#[schemars(rename = "ChangedUser")]
enum ChangedView {
    Seen(Box<InfoView>),
    Unseen(SentView),
}

/// What the caller said of a user whom he may not view; the rest is null.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "UnseenUser")]
struct SentView {
    #[schemars(extend("format" = "uuid"))]
    uuid: String,
    name: Option<String>,
    email: Option<String>,
    given_name: Option<String>,
    family_name: Option<String>,
}

impl SentView {
    fn new(uuid: String, sent: Profile) -> Self {
        let Profile { name, email, given_name, family_name, .. } = sent;
        Self { uuid, name, email, given_name, family_name }
    }
}

/// The body of `aggregate`: by role, or nothing.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[allow(dead_code)] // what is unused is refused while it is read
#[schemars(rename = "UserAggregateFilter")]
struct AggregateFilter {
    #[serde(default, deserialize_with = "few")]
    role_identifiers: Option<Vec<String>>,
    #[serde(default, deserialize_with = "few")]
    resource_group_identifiers: Option<Vec<String>>,
    #[serde(default, deserialize_with = "unused")]
    search_term: (),
}

/// The body of `batch`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "UserBatchFilter")]
struct BatchFilter {
    search_term: Option<String>,
    #[serde(default, deserialize_with = "few")]
    identifiers: Option<Vec<String>>,
    #[serde(default, deserialize_with = "few")]
    emails: Option<Vec<String>>,
    #[schemars(extend("enum" = ["NO_PARENT_SCOPES", "INCLUDE_PARENT_SCOPES", "STRICTLY_PARENT_SCOPES"]))]
    parent_filter: Option<String>,
}

async fn current(State(app): State<App>, actor: Actor) -> Result<Reply<InfoView>> {
    let myself = actions::myself(&app, &actor.caller).await?;
    Ok(Reply(InfoView::new(myself, actor.caller.account.as_str())))
}

async fn update_own(
    State(app): State<App>,
    actor: Actor,
    body: Option<Json<ProfileBody>>,
) -> Result<Reply<InfoView>> {
    let body = body.map(|Json(body)| body).unwrap_or_default();
    let changed = profile::change_own(&app, &actor, body.into()).await?;
    Ok(Reply(InfoView::new(changed, actor.caller.account.as_str())))
}

async fn update(
    State(app): State<App>,
    actor: Actor,
    Path(id): Path<String>,
    Query(scope): Query<ScopeQuery>,
    body: Option<Json<ProfileBody>>,
) -> Result<Reply<ChangedView>> {
    let home = scope.account_scope(&actor.caller.account, "Users belong to the account")?;
    let grant = actor.grant_on(&home, Some(&id))?;
    let sent: Profile = body.map(|Json(body)| body).unwrap_or_default().into();
    let changed = profile::change_other(&app, &grant, id.clone(), sent.clone()).await?;
    Ok(Reply(match changed {
        Some(user) => ChangedView::Seen(Box::new(InfoView::new(user, home.account.as_str()))),
        None => ChangedView::Unseen(SentView::new(id, sent)),
    }))
}

fn orders(uri: &Uri) -> Result<Orders> {
    goes_by(uri, &["searchTerm", "sortOrders"], "send identifiers in the body of /ng/api/user/batch")?;
    Orders::read(&every(uri, "sortOrders"), SORT_FIELDS)
}

async fn aggregates(
    State(app): State<App>,
    actor: Actor,
    uri: Uri,
    Query(scope): Query<ScopeQuery>,
    Query(page): Query<PageQuery>,
    body: Option<Json<AggregateFilter>>,
) -> Result<Reply<Page<AggregateView>>> {
    let scope = scope.scope(&actor.caller.account)?;
    let grant = actor.grant::<UserView>(&scope)?;
    let filter = body.map(|Json(filter)| filter).unwrap_or_default();
    let roles = filter.role_identifiers.unwrap_or_default();
    let resource_groups = filter.resource_group_identifiers.unwrap_or_default();
    let searching = page.search_term.as_deref().is_some_and(|term| !term.is_empty());
    if searching && !(roles.is_empty() && resource_groups.is_empty()) {
        return Err(Problem::invalid(
            "Search and Filter are not supported together: send searchTerm or a body.",
        ));
    }
    let selection = Selection { roles, resource_groups, ..Selection::default() };
    let search = SearchTerm::new(page.search_term.as_deref());
    let wanted = Wanted { selection, orders: orders(&uri)?, search, ..Wanted::default() };
    let found = actions::list(&app, &grant, wanted, page.request()?).await?;
    Ok(Reply(found.map(|row| AggregateView::new(row, scope.level()))))
}

async fn aggregate(
    State(app): State<App>,
    actor: Actor,
    Path(id): Path<String>,
    Query(scope): Query<ScopeQuery>,
) -> Result<Reply<AggregateView>> {
    let scope = scope.scope(&actor.caller.account)?;
    let grant = actor.grant_on::<UserView>(&scope, Some(&id))?;
    Ok(Reply(AggregateView::new(actions::load(&app, &grant, &id).await?, scope.level())))
}

/// The scope that `parentFilter` reaches. Every user belongs to the account, which is a parent of every
/// scope.
fn reached(asked: &Scope, parent_filter: Option<&str>) -> Result<Scope> {
    match parent_filter {
        None | Some("NO_PARENT_SCOPES") => Ok(asked.clone()),
        Some("INCLUDE_PARENT_SCOPES" | "STRICTLY_PARENT_SCOPES") => Ok(Scope::account(asked.account.clone())),
        Some(other) => {
            let text = format!(
                "parentFilter {other:?} is not known: send NO_PARENT_SCOPES, INCLUDE_PARENT_SCOPES or STRICTLY_PARENT_SCOPES"
            );
            Err(Problem::new(Kind::NoSuchResource, text))
        }
    }
}

async fn batch(
    State(app): State<App>,
    actor: Actor,
    uri: Uri,
    Query(scope): Query<ScopeQuery>,
    Query(page): Query<PageQuery>,
    body: Option<Json<BatchFilter>>,
) -> Result<Reply<Page<Metadata>>> {
    let filter = body.map(|Json(filter)| filter).unwrap_or_default();
    let asked_in = scope.scope(&actor.caller.account)?;
    let grant = actor.grant::<UserView>(&reached(&asked_in, filter.parent_filter.as_deref())?)?;
    let (ids, orders) = (filter.identifiers.unwrap_or_default(), orders(&uri)?);
    let selection = Selection { ids, ..Selection::default() };
    let search = SearchTerm::of_body(filter.search_term.as_deref(), page.search_term.as_deref());
    let emails = filter.emails.unwrap_or_default();
    let wanted = Wanted { asked_in: Some(asked_in), selection, orders, search, emails };
    Ok(Reply(actions::list(&app, &grant, wanted, page.request()?).await?.map(|(person, _)| person.into())))
}

async fn add(
    State(app): State<App>,
    actor: Actor,
    Query(scope): Query<ScopeQuery>,
    Json(body): Json<AddBody>,
) -> Result<Reply<Value>> {
    let scope = scope.scope(&actor.caller.account)?;
    let grant = actor.grant(&scope)?;
    let outcomes = adding::add(&app, &grant, body.read(&actor, &scope)?).await?;
    Ok(Reply(body.answer(&outcomes)))
}

async fn remove(
    State(app): State<App>,
    actor: Actor,
    Path(id): Path<String>,
    Query(scope): Query<ScopeQuery>,
) -> Result<Reply<bool>> {
    let scope = scope.scope(&actor.caller.account)?;
    let grant = actor.grant_on(&scope, Some(&id))?;
    actions::remove(&app, &grant, &id).await?;
    Ok(Reply(true))
}
