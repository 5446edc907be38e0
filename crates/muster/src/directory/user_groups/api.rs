//! Routes of groups on the platform API (§11).

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use http::Uri;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::actions::{self, SORT_FIELDS, Wanted};
use super::model::{NewUserGroup, Reach, UserGroup};
use crate::access::Actor;
use crate::access::Grant;
use crate::access::permissions::{UserGroupManage, UserGroupView};
use crate::app::App;
use crate::kernel::listing::{Orders, SearchTerm};
use crate::kernel::page::{Page, PageQuery};
use crate::kernel::problem::Result;
use crate::kernel::scope::Scope;
use crate::kernel::text::Tags;
use crate::kernel::version::IfMatch;
use crate::web::envelope::Reply;
use crate::web::etag::Tagged;
use crate::web::extract::{Json, Path, Query, ScopeQuery, every, goes_by, same_scope, unused};

/// The routes.
pub fn routes() -> Router<App> {
    const AT: &str = "/ng/api/user-groups";
    Router::new()
        .route(AT, get(list).post(create).put(update))
        .route(&format!("{AT}/{{identifier}}"), get(load).delete(remove))
        .route(
            &format!("{AT}/{{identifier}}/member/{{userId}}"),
            get(is_member).put(add_member).delete(remove_member),
        )
}

/// The wire's `UserGroupDTO`, as clients send it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(dead_code)] // what is unused is refused while it is read
struct Body {
    account_identifier: Option<String>,
    org_identifier: Option<String>,
    project_identifier: Option<String>,
    identifier: Option<String>,
    name: Option<String>,
    description: Option<String>,
    tags: Option<Tags>,
    users: Option<Vec<String>>,
    #[serde(default, deserialize_with = "unused")]
    linked_sso_id: (),
    #[serde(default, deserialize_with = "unused")]
    linked_sso_display_name: (),
    #[serde(default, deserialize_with = "unused")]
    linked_sso_type: (),
    #[serde(default, deserialize_with = "unused")]
    sso_group_id: (),
    #[serde(default, deserialize_with = "unused")]
    sso_group_name: (),
    #[serde(default, deserialize_with = "unused")]
    is_sso_linked: (),
    #[serde(default, deserialize_with = "unused")]
    sso_linked: (),
}

impl Body {
    fn read(self, scope: &Scope) -> Result<NewUserGroup> {
        let (account, org) = (self.account_identifier.as_deref(), self.org_identifier.as_deref());
        same_scope(scope, account, org, self.project_identifier.as_deref())?;
        Ok(NewUserGroup {
            identifier: self.identifier.unwrap_or_default(),
            name: self.name.unwrap_or_default(),
            description: self.description.filter(|text| !text.is_empty()),
            tags: self.tags.unwrap_or_default(),
            users: self.users,
        })
    }
}

/// The wire's `UserGroupDTO`, as we send it: what is absent is left out.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct View {
    account_identifier: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    org_identifier: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    project_identifier: Option<String>,
    identifier: String,
    name: String,
    users: Vec<String>,
    notification_configs: Vec<Value>,
    sso_linked: bool,
    externally_managed: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    tags: Tags,
    harness_managed: bool,
}

impl From<UserGroup> for View {
    fn from(group: UserGroup) -> Self {
        Self {
            account_identifier: group.scope.account.to_string(),
            org_identifier: group.scope.org().map(str::to_owned),
            project_identifier: group.scope.project_id().map(str::to_owned),
            identifier: group.identifier,
            name: group.name,
            users: group.users,
            notification_configs: Vec::new(),
            sso_linked: false,
            externally_managed: group.externally_managed,
            description: group.description,
            tags: group.tags,
            harness_managed: false,
        }
    }
}

impl From<UserGroup> for Tagged<View> {
    fn from(group: UserGroup) -> Self {
        Self { tag: group.tag(), data: group.into() }
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ListQuery {
    filter_type: Option<String>,
}

async fn list(
    State(app): State<App>,
    actor: Actor,
    uri: Uri,
    Query(scope): Query<ScopeQuery>,
    Query(page): Query<PageQuery>,
    Query(query): Query<ListQuery>,
) -> Result<Reply<Page<View>>> {
    let scope = scope.scope(&actor.caller.account)?;
    goes_by(&uri, &["searchTerm", "sortOrders", "filterType"], "narrow it by searchTerm")?;
    let wanted = Wanted {
        reach: Reach::parse(query.filter_type.as_deref())?,
        search: SearchTerm::new(page.search_term.as_deref()),
        orders: Orders::read(&every(&uri, "sortOrders"), SORT_FIELDS)?,
    };
    let found = actions::list(&app, &actor, &scope, wanted, page.request()?).await?;
    Ok(Reply(found.map(View::from)))
}

fn view(actor: &Actor, scope: &ScopeQuery, id: &str) -> Result<Grant<UserGroupView>> {
    actor.grant_on(&scope.scope(&actor.caller.account)?, Some(id))
}

fn manage(actor: &Actor, scope: &ScopeQuery, id: Option<&str>) -> Result<Grant<UserGroupManage>> {
    actor.grant_on(&scope.scope(&actor.caller.account)?, id)
}

async fn load(
    State(app): State<App>,
    actor: Actor,
    Path(id): Path<String>,
    Query(scope): Query<ScopeQuery>,
) -> Result<Tagged<View>> {
    Ok(actions::load(&app, &view(&actor, &scope, &id)?, &id).await?.into())
}

async fn create(
    State(app): State<App>,
    actor: Actor,
    Query(scope): Query<ScopeQuery>,
    Json(body): Json<Body>,
) -> Result<Tagged<View>> {
    let grant = manage(&actor, &scope, None)?;
    let new = body.read(grant.scope())?;
    Ok(actions::create(&app, &grant, new).await?.into())
}

async fn update(
    State(app): State<App>,
    actor: Actor,
    Query(scope): Query<ScopeQuery>,
    seen: IfMatch,
    Json(body): Json<Body>,
) -> Result<Tagged<View>> {
    let grant = manage(&actor, &scope, body.identifier.as_deref())?;
    let new = body.read(grant.scope())?;
    Ok(actions::update(&app, &grant, new, seen).await?.into())
}

async fn remove(
    State(app): State<App>,
    actor: Actor,
    Path(id): Path<String>,
    Query(scope): Query<ScopeQuery>,
    seen: IfMatch,
) -> Result<Tagged<View>> {
    Ok(actions::delete(&app, &manage(&actor, &scope, Some(&id))?, &id, seen).await?.into())
}

async fn is_member(
    State(app): State<App>,
    actor: Actor,
    Path((id, user)): Path<(String, String)>,
    Query(scope): Query<ScopeQuery>,
) -> Result<Reply<bool>> {
    Ok(Reply(actions::is_member(&app, &view(&actor, &scope, &id)?, &id, &user).await?))
}

async fn add_member(
    State(app): State<App>,
    actor: Actor,
    Path((id, user)): Path<(String, String)>,
    Query(scope): Query<ScopeQuery>,
    seen: IfMatch,
) -> Result<Tagged<View>> {
    let grant = manage(&actor, &scope, Some(&id))?;
    Ok(actions::add_member(&app, &grant, &id, user, seen).await?.into())
}

async fn remove_member(
    State(app): State<App>,
    actor: Actor,
    Path((id, user)): Path<(String, String)>,
    Query(scope): Query<ScopeQuery>,
    seen: IfMatch,
) -> Result<Tagged<View>> {
    let grant = manage(&actor, &scope, Some(&id))?;
    Ok(actions::remove_member(&app, &grant, &id, user, seen).await?.into())
}
