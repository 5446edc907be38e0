//! Routes of groups on the platform API (§11).

use std::collections::HashSet;

use axum::Router;
use axum::extract::State;
use axum::routing::{get, post, put};
use http::Uri;
use schemars::JsonSchema;
use serde::Deserialize;

use super::actions::{self, Wanted};
use super::bodies::{Addressed, Body, View, addressed};
use super::members;
use super::model::{Reach, UserGroup, Users};
use crate::access::Actor;
use crate::access::Grant;
use crate::access::permissions::{UserGroupManage, UserGroupView};
use crate::app::App;
use crate::kernel::listing::{FIELDS, Orders, SearchTerm};
use crate::kernel::page::{Page, PageQuery};
use crate::kernel::problem::Result;
use crate::kernel::text::FieldCheck;
use crate::kernel::version::IfMatch;
use crate::web::envelope::Reply;
use crate::web::etag::Tagged;
use crate::web::extract::{Json, Path, Query, ScopeQuery, every, goes_by};
use crate::web::openapi::OpenApi;

/// The routes.
pub fn routes() -> Router<App> {
    const AT: &str = "/ng/api/user-groups";
    const AT_V2: &str = "/ng/api/v2/user-groups";
    Router::new()
        .route(AT, get(list).post(create).put(update))
        .route(&format!("{AT}/{{identifier}}"), get(load).delete(remove))
        .route(
            &format!("{AT}/{{identifier}}/member/{{userId}}"),
            get(is_member).put(add_member).delete(remove_member),
        )
        // What these do is what those above do; only the users are named by their addresses.
        .route(AT_V2, post(create_addressed).put(update_addressed))
        .route(&format!("{AT_V2}/{{identifier}}"), get(load_addressed))
        .route("/ng/api/user/add-user-to-groups/{userId}", put(add_to_groups))
}

/// What the OpenAPI document says of them.
pub fn describe(document: &mut OpenApi) {
    document
        .section("User groups")
        .nothing_is_400()
        .get("/ng/api/user-groups", list)
        .told("listUserGroups", "shows those with core_usergroup_view", "Lists user groups, page by page")
        .sorted(FIELDS)
        .post("/ng/api/user-groups", create)
        .told("createUserGroup", "core_usergroup_manage", "Makes a user group")
        .put("/ng/api/user-groups", update)
        .told(
            "replaceUserGroup",
            "core_usergroup_manage",
            "Replaces all but the identifier of the user group that the body names",
        )
        .get("/ng/api/user-groups/{identifier}", load)
        .told("getUserGroup", "core_usergroup_view", "Shows a user group")
        .delete("/ng/api/user-groups/{identifier}", remove)
        .told(
            "deleteUserGroup",
            "core_usergroup_manage",
            "Removes a user group with its role assignments, and answers what it was",
        )
        .get("/ng/api/user-groups/{identifier}/member/{userId}", is_member)
        .told(
            "isUserGroupMember",
            "core_usergroup_view",
            "Says whether a user is named as member of a user group",
        )
        .put("/ng/api/user-groups/{identifier}/member/{userId}", add_member)
        .told("addUserGroupMember", "core_usergroup_manage", "Adds a user to a user group")
        .delete("/ng/api/user-groups/{identifier}/member/{userId}", remove_member)
        .told("removeUserGroupMember", "core_usergroup_manage", "Takes a user out of a user group")
        .post("/ng/api/v2/user-groups", create_addressed)
        .told(
            "createUserGroupByAddresses",
            "core_usergroup_manage",
            "Makes a user group, with users by their addresses",
        )
        .put("/ng/api/v2/user-groups", update_addressed)
        .told(
            "replaceUserGroupByAddresses",
            "core_usergroup_manage",
            "Replaces a user group, with users by their addresses",
        )
        .get("/ng/api/v2/user-groups/{identifier}", load_addressed)
        .told(
            "getUserGroupWithAddresses",
            "core_usergroup_view",
            "Shows a user group, with the addresses of its users",
        );
}

/// What the OpenAPI document says of them.
pub fn describe_adding(document: &mut OpenApi) {
    document.section("Users").put("/ng/api/user/add-user-to-groups/{userId}", add_to_groups).told(
        "addUserToGroups",
        "core_usergroup_manage on each group",
        "Adds a user to all of these groups or to none",
    );
}

/// The body of `add-user-to-groups`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "AddUserToGroupsBody")]
struct GroupsBody {
    #[schemars(length(min = 1))]
    user_group_ids_to_add: Vec<String>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct ListQuery {
    #[schemars(extend("enum" = ["EXCLUDE_INHERITED_GROUPS", "INCLUDE_INHERITED_GROUPS", "INCLUDE_PARENT_SCOPE_GROUPS", "INCLUDE_CHILD_SCOPE_GROUPS"]))]
    filter_type: Option<String>,
}

async fn list(
    State(app): State<App>,
    actor: Actor,
    uri: Uri,
    Query(scope): Query<ScopeQuery>,
    Query(page): Query<PageQuery>,
    Query(query): Query<ListQuery>,
) -> Result<Reply<Page<View<String>>>> {
    let scope = scope.scope(&actor.caller.account)?;
    goes_by(&uri, &["searchTerm", "sortOrders", "filterType"], "narrow it by searchTerm")?;
    let wanted = Wanted {
        reach: Reach::parse(query.filter_type.as_deref())?,
        search: SearchTerm::new(page.search_term.as_deref()),
        orders: Orders::read(&every(&uri, "sortOrders"), FIELDS)?,
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
) -> Result<Tagged<View<String>>> {
    Ok(actions::load(&app, &view(&actor, &scope, &id)?, &id).await?.into())
}

async fn create(
    State(app): State<App>,
    actor: Actor,
    Query(scope): Query<ScopeQuery>,
    Json(body): Json<Body>,
) -> Result<Tagged<View<String>>> {
    let grant = manage(&actor, &scope, None)?;
    let new = body.read(grant.scope(), Users::Ids)?;
    Ok(actions::create(&app, &grant, new).await?.into())
}

async fn update(
    State(app): State<App>,
    actor: Actor,
    Query(scope): Query<ScopeQuery>,
    seen: IfMatch,
    Json(body): Json<Body>,
) -> Result<Tagged<View<String>>> {
    let grant = manage(&actor, &scope, body.identifier.as_deref())?;
    let new = body.read(grant.scope(), Users::Ids)?;
    Ok(actions::update(&app, &grant, new, seen).await?.into())
}

async fn remove(
    State(app): State<App>,
    actor: Actor,
    Path(id): Path<String>,
    Query(scope): Query<ScopeQuery>,
    seen: IfMatch,
) -> Result<Tagged<View<String>>> {
    Ok(actions::delete(&app, &manage(&actor, &scope, Some(&id))?, &id, seen).await?.into())
}

async fn is_member(
    State(app): State<App>,
    actor: Actor,
    Path((id, user)): Path<(String, String)>,
    Query(scope): Query<ScopeQuery>,
) -> Result<Reply<bool>> {
    Ok(Reply(members::is_member(&app, &view(&actor, &scope, &id)?, &id, &user).await?))
}

async fn add_member(
    State(app): State<App>,
    actor: Actor,
    Path((id, user)): Path<(String, String)>,
    Query(scope): Query<ScopeQuery>,
    seen: IfMatch,
) -> Result<Tagged<View<String>>> {
    let grant = manage(&actor, &scope, Some(&id))?;
    Ok(members::add_member(&app, &grant, &id, user, seen).await?.into())
}

async fn remove_member(
    State(app): State<App>,
    actor: Actor,
    Path((id, user)): Path<(String, String)>,
    Query(scope): Query<ScopeQuery>,
    seen: IfMatch,
) -> Result<Tagged<View<String>>> {
    let grant = manage(&actor, &scope, Some(&id))?;
    Ok(members::remove_member(&app, &grant, &id, user, seen).await?.into())
}

/// Most groups in one request.
const MOST_GROUPS: usize = 100;

impl GroupsBody {
    /// The groups, each once.
    fn read(mut self) -> Result<Vec<String>> {
        let (mut seen, mut check) = (HashSet::new(), FieldCheck::new());
        self.user_group_ids_to_add.retain(|id| seen.insert(id.clone()));
        let many = self.user_group_ids_to_add.len();
        check.count("userGroupIdsToAdd", many, MOST_GROUPS, "the identifiers of user groups");
        check.done()?;
        Ok(self.user_group_ids_to_add)
    }
}

async fn add_to_groups(
    State(app): State<App>,
    actor: Actor,
    Path(user): Path<String>,
    Query(scope): Query<ScopeQuery>,
    Json(body): Json<GroupsBody>,
) -> Result<Reply<bool>> {
    let granted = |id: String| Ok((manage(&actor, &scope, Some(&id))?, id));
    let groups = body.read()?.into_iter().map(granted).collect::<Result<_>>()?;
    members::add_to_groups(&app, groups, user).await?;
    Ok(Reply(true))
}

async fn shown(app: &App, group: UserGroup) -> Result<Tagged<View<Addressed>>> {
    let addresses = actions::addresses(app, &group).await?;
    Ok(addressed(group, addresses))
}

async fn load_addressed(
    State(app): State<App>,
    actor: Actor,
    Path(id): Path<String>,
    Query(scope): Query<ScopeQuery>,
) -> Result<Tagged<View<Addressed>>> {
    let group = actions::load(&app, &view(&actor, &scope, &id)?, &id).await?;
    shown(&app, group).await
}

async fn create_addressed(
    State(app): State<App>,
    actor: Actor,
    Query(scope): Query<ScopeQuery>,
    Json(body): Json<Body>,
) -> Result<Tagged<View<Addressed>>> {
    let grant = manage(&actor, &scope, None)?;
    let new = body.read(grant.scope(), Users::Addresses)?;
    let group = actions::create(&app, &grant, new).await?;
    shown(&app, group).await
}

async fn update_addressed(
    State(app): State<App>,
    actor: Actor,
    Query(scope): Query<ScopeQuery>,
    seen: IfMatch,
    Json(body): Json<Body>,
) -> Result<Tagged<View<Addressed>>> {
    let grant = manage(&actor, &scope, body.identifier.as_deref())?;
    let new = body.read(grant.scope(), Users::Addresses)?;
    let group = actions::update(&app, &grant, new, seen).await?;
    shown(&app, group).await
}
