//! Routes of roles (platform API §6).

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use http::Uri;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::actions::{self, Listing};
use super::model::{NewRole, Role};
use super::store::Counts;
use crate::access::Actor;
use crate::access::permissions::{RoleDelete, RoleEdit, RoleView};
use crate::app::App;
use crate::kernel::listing::{FIELDS, Orders, SearchTerm};
use crate::kernel::page::{Page, PageQuery};
use crate::kernel::problem::{Problem, Result};
use crate::kernel::text::{DESCRIPTION_MOST, IDENTIFIER, NAME_MOST, Tags};
use crate::kernel::time::Timestamp;
use crate::kernel::version::IfMatch;
use crate::web::envelope::Reply;
use crate::web::etag::Tagged;
use crate::web::extract::{Json, Path, Query, ScopeQuery, every, flag, goes_by};
use crate::web::openapi::OpenApi;
use crate::web::scope::ScopeView;

/// The routes.
pub fn routes() -> Router<App> {
    Router::new()
        .route("/authz/api/roles", get(list).post(create))
        .route("/authz/api/roles/{identifier}", get(read).put(update).delete(delete))
}

/// What the OpenAPI document says of them.
pub fn describe(document: &mut OpenApi) {
    document
        .section("Roles")
        .nothing_is_400()
        .get("/authz/api/roles", list)
        .told(
            "listRoles",
            "core_role_view",
            "Lists the managed roles of the scope's level and the custom ones of the scope, page by page",
        )
        .sorted(FIELDS)
        .post("/authz/api/roles", create)
        .told("createRole", "core_role_edit", "Makes a custom role")
        .needs("identifier")
        .get("/authz/api/roles/{identifier}", read)
        .told("getRole", "core_role_view", "Shows a role")
        .put("/authz/api/roles/{identifier}", update)
        .told("replaceRole", "core_role_edit", "Replaces a custom role")
        .delete("/authz/api/roles/{identifier}", delete)
        .told(
            "deleteRole",
            "core_role_delete",
            "Removes a custom role and its assignments, and answers what it was",
        );
}

/// A role in a body. Parts that are absent or null are empty.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend("required" = ["name"]))]
struct RoleBody {
    #[schemars(regex(pattern = IDENTIFIER))]
    identifier: Option<String>,
    #[schemars(length(max = NAME_MOST))]
    name: Option<String>,
    permissions: Option<Vec<String>>,
    allowed_scope_levels: Option<Vec<String>>,
    #[schemars(length(max = DESCRIPTION_MOST))]
    description: Option<String>,
    tags: Option<Tags>,
}

impl From<RoleBody> for NewRole {
    fn from(body: RoleBody) -> Self {
        Self {
            identifier: body.identifier.unwrap_or_default(),
            name: body.name.unwrap_or_default(),
            description: body.description,
            tags: body.tags.unwrap_or_default(),
            permissions: body.permissions.unwrap_or_default(),
            levels: body.allowed_scope_levels.unwrap_or_default(),
        }
    }
}

/// `RoleDTO`.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::access) struct RoleDto {
    identifier: String,
    name: String,
    permissions: Vec<String>,
    allowed_scope_levels: [&'static str; 1],
    description: Option<String>,
    tags: Tags,
}

impl From<Role> for RoleDto {
    fn from(role: Role) -> Self {
        Self {
            identifier: role.identifier,
            name: role.name,
            permissions: role.permissions,
            allowed_scope_levels: [role.level.lower()],
            description: role.description,
            tags: role.tags,
        }
    }
}

/// A role in a reply. The three counts are in lists only.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::access) struct RoleReply {
    role: RoleDto,
    scope: Option<ScopeView>,
    harness_managed: bool,
    created_at: Option<i64>,
    last_modified_at: Option<i64>,
    #[serde(flatten)]
    counts: Option<CountsDto>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[allow(clippy::struct_field_names)] // the wire's names
struct CountsDto {
    role_assigned_to_user_count: i64,
    role_assigned_to_user_group_count: i64,
    role_assigned_to_service_account_count: i64,
}

impl From<Role> for RoleReply {
    fn from(role: Role) -> Self {
        Self {
            scope: role.scope.as_ref().map(ScopeView::from),
            harness_managed: role.scope.is_none(),
            created_at: role.times.map(|(at, _)| Timestamp::millis(at)),
            last_modified_at: role.times.map(|(_, at)| Timestamp::millis(at)),
            role: role.into(),
            counts: None,
        }
    }
}

impl From<Role> for Tagged<RoleReply> {
    fn from(role: Role) -> Self {
        Self { tag: role.tag, data: role.into() }
    }
}

impl From<(Role, Counts)> for RoleReply {
    fn from((role, counts): (Role, Counts)) -> Self {
        let counts = CountsDto {
            role_assigned_to_user_count: counts.users,
            role_assigned_to_user_group_count: counts.user_groups,
            role_assigned_to_service_account_count: counts.service_accounts,
        };
        Self { counts: Some(counts), ..role.into() }
    }
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct ListQuery {
    #[serde(default, deserialize_with = "flag")]
    harness_managed: Option<bool>,
}

async fn list(
    State(app): State<App>,
    actor: Actor,
    uri: Uri,
    Query(scope): Query<ScopeQuery>,
    Query(page): Query<PageQuery>,
    Query(query): Query<ListQuery>,
) -> Result<Reply<Page<RoleReply>>> {
    let scope = scope.scope(&actor.caller.account)?;
    goes_by(&uri, &["searchTerm", "sortOrders"], "narrow it by searchTerm and harnessManaged")?;
    let listing = Listing {
        page: page.request()?,
        search: SearchTerm::new(page.search_term.as_deref()),
        managed: query.harness_managed,
        orders: Orders::read(&every(&uri, "sortOrders"), FIELDS)?,
    };
    Ok(Reply(actions::list(&app, &actor, &scope, listing).await?.map(RoleReply::from)))
}

async fn read(
    State(app): State<App>,
    actor: Actor,
    Path(id): Path<String>,
    Query(scope): Query<ScopeQuery>,
) -> Result<Tagged<RoleReply>> {
    let scope = scope.scope(&actor.caller.account)?;
    let grant = actor.grant_on::<RoleView>(&scope, Some(&id))?;
    Ok(actions::get(&app, &grant, id).await?.into())
}

async fn create(
    State(app): State<App>,
    actor: Actor,
    Query(scope): Query<ScopeQuery>,
    Json(body): Json<RoleBody>,
) -> Result<Tagged<RoleReply>> {
    let scope = scope.scope(&actor.caller.account)?;
    let grant = actor.grant::<RoleEdit>(&scope)?;
    Ok(actions::create(&app, &grant, body.into()).await?.into())
}

async fn update(
    State(app): State<App>,
    actor: Actor,
    Path(id): Path<String>,
    Query(scope): Query<ScopeQuery>,
    seen: IfMatch,
    Json(body): Json<RoleBody>,
) -> Result<Tagged<RoleReply>> {
    let scope = scope.scope(&actor.caller.account)?;
    let grant = actor.grant_on::<RoleEdit>(&scope, Some(&id))?;
    if body.identifier.as_ref().is_some_and(|named| !named.is_empty() && *named != id) {
        return Err(Problem::invalid(
            "Role identifier in the request body and the url do not match: the identifier cannot be changed",
        ));
    }
    let new = NewRole { identifier: id, ..body.into() };
    Ok(actions::update(&app, &grant, new, seen).await?.into())
}

async fn delete(
    State(app): State<App>,
    actor: Actor,
    Path(id): Path<String>,
    Query(scope): Query<ScopeQuery>,
    seen: IfMatch,
) -> Result<Reply<RoleReply>> {
    let scope = scope.scope(&actor.caller.account)?;
    let grant = actor.grant_on::<RoleDelete>(&scope, Some(&id))?;
    Ok(Reply(actions::delete(&app, &grant, id, seen).await?.into()))
}
