//! Routes of the permission catalogue and of the access check (platform API §9).

use std::collections::BTreeSet;

use axum::Router;
use axum::extract::State;
use axum::routing::{get, post};
use http::Uri;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Actor;
use super::acl::{self, Question};
use super::permissions::{CATALOGUE, Permission};
use super::resource_groups::model::resource_types;
use crate::accounts::actions::check_scope_for;
use crate::app::App;
use crate::kernel::problem::{Kind, Problem, Result};
use crate::kernel::scope::{Level, Scope};
use crate::web::envelope::Reply;
use crate::web::extract::{Json, Query, ScopeQuery, flag, goes_by};
use crate::web::openapi::OpenApi;

/// Most questions in one access check.
const QUESTIONS_MOST: usize = 10_000;

/// The routes of the whole room.
pub fn routes() -> Router<App> {
    Router::new()
        .route("/authz/api/acl", post(check))
        .route("/authz/api/permissions", get(permissions))
        .route("/authz/api/permissions/resourcetypes", get(type_names))
        .route("/authz/api/resourcetype", get(types))
        .route("/resourcegroup/api/resourcetype", get(types))
        .merge(super::roles::api::routes())
        .merge(super::resource_groups::api::routes())
        .merge(super::assignments::api::routes())
        .merge(super::roles::v1::routes())
        .merge(super::resource_groups::v1::routes())
        .merge(super::assignments::v1::routes())
}

/// What the OpenAPI document says of them.
pub fn describe(document: &mut OpenApi) {
    document
        .section("Permissions and access check")
        .get("/authz/api/permissions", permissions)
        .told("listPermissions", "none", "Lists the permissions that a role of the scope's level can have")
        .get("/authz/api/permissions/resourcetypes", type_names)
        .told(
            "listPermissionResourceTypes",
            "none",
            "Lists the names of the resource types of these permissions",
        )
        .get("/authz/api/resourcetype", types)
        .told(
            "listResourceTypes",
            "none",
            "Lists the resource types of the scope's level, and how a resource group may choose of them",
        )
        .also_below("/authz/api/resourcetype", "/resourcegroup/api/resourcetype")
        .told(
            "listResourceTypes",
            "none",
            "Lists the resource types of the scope's level, as /authz/api/resourcetype",
        )
        .post("/authz/api/acl", check)
        .told("checkAccess", "none", "Says whether the caller holds permissions");
    super::roles::api::describe(document);
    super::roles::v1::describe(document);
    super::resource_groups::api::describe(document);
    super::resource_groups::v1::describe(document);
    super::assignments::api::describe(document);
    super::assignments::v1::describe(document);
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct PermissionQuery {
    #[serde(default, deserialize_with = "flag")]
    scope_filter_disabled: Option<bool>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct PermissionReply {
    permission: PermissionDto,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct PermissionDto {
    identifier: &'static str,
    name: &'static str,
    #[schemars(extend("enum" = ["ACTIVE"]))]
    status: &'static str,
    include_in_all_roles: bool,
    allowed_scope_levels: Vec<Level>,
    resource_type: &'static str,
    action: &'static str,
}

impl From<&'static Permission> for PermissionReply {
    fn from(permission: &'static Permission) -> Self {
        let permission = PermissionDto {
            identifier: permission.id,
            name: permission.name,
            status: "ACTIVE",
            include_in_all_roles: false,
            allowed_scope_levels: permission.levels().collect(),
            resource_type: permission.resource_type,
            action: permission.action(),
        };
        Self { permission }
    }
}

async fn existing(app: &App, actor: &Actor, uri: &Uri, scope: &ScopeQuery) -> Result<Scope> {
    goes_by(uri, &[], "the whole catalogue is answered, so choose from it")?;
    let scope = scope.scope(&actor.caller.account)?;
    let (at, by) = (scope.clone(), actor.clone());
    app.db.of(&scope.account).point("access.scope", move |tx| check_scope_for(tx, &by, &at)).await?;
    Ok(scope)
}

async fn permissions(
    State(app): State<App>,
    actor: Actor,
    uri: Uri,
    Query(scope): Query<ScopeQuery>,
    Query(query): Query<PermissionQuery>,
) -> Result<Reply<Vec<PermissionReply>>> {
    let level = existing(&app, &actor, &uri, &scope).await?.level();
    let all = query.scope_filter_disabled.unwrap_or(false);
    let of_level = CATALOGUE.iter().filter(|p| all || p.allows_level(level));
    Ok(Reply(of_level.map(PermissionReply::from).collect()))
}

async fn type_names(
    State(app): State<App>,
    actor: Actor,
    uri: Uri,
    Query(scope): Query<ScopeQuery>,
    Query(query): Query<PermissionQuery>,
) -> Result<Reply<BTreeSet<&'static str>>> {
    let level = existing(&app, &actor, &uri, &scope).await?.level();
    let all = query.scope_filter_disabled.unwrap_or(false);
    Ok(Reply(resource_types((!all).then_some(level))))
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "ResourceTypesReply")]
struct TypesReply {
    resource_types: Vec<TypeDto>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "ResourceTypeDto")]
struct TypeDto {
    name: &'static str,
    #[schemars(with = "Vec<String>", extend("enum" = ["DYNAMIC", "STATIC"]))]
    validator_types: &'static [&'static str],
}

async fn types(
    State(app): State<App>,
    actor: Actor,
    uri: Uri,
    Query(scope): Query<ScopeQuery>,
) -> Result<Reply<TypesReply>> {
    let level = existing(&app, &actor, &uri, &scope).await?.level();
    // By id (STATIC) only where the things of the type have ids.
    let validators = |name| -> &'static [&'static str] {
        match name {
            "AUDIT" | "AUTHSETTING" | "SETTING" | "LICENSE" | "SMTP" => &["DYNAMIC"],
            _ => &["DYNAMIC", "STATIC"],
        }
    };
    let types = resource_types(Some(level)).into_iter();
    let resource_types = types.map(|name| TypeDto { name, validator_types: validators(name) }).collect();
    Ok(Reply(TypesReply { resource_types }))
}

#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "AccessCheckBody")]
struct CheckBody {
    #[schemars(length(max = QUESTIONS_MOST))]
    permissions: Vec<QuestionBody>,
    principal: Option<PrincipalBody>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "AccessQuestion")]
struct QuestionBody {
    permission: String,
    resource_type: String,
    resource_identifier: Option<String>,
    resource_scope: Option<ScopeBody>,
    resource_attributes: Option<Value>,
}

#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[allow(clippy::struct_field_names)] // the wire's names
#[schemars(rename = "AccessScope", inline)]
struct ScopeBody {
    account_identifier: Option<String>,
    org_identifier: Option<String>,
    project_identifier: Option<String>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(rename = "AccessPrincipalBody")]
struct PrincipalBody {
    principal_identifier: Option<String>,
    principal_type: Option<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "AccessCheckReply")]
struct CheckReply {
    principal: PrincipalDto,
    access_control_list: Vec<AnswerDto>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "AccessPrincipal")]
struct PrincipalDto {
    principal_identifier: String,
    #[schemars(extend("enum" = ["USER", "SERVICE_ACCOUNT"]))]
    principal_type: &'static str,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "AccessAnswer")]
struct AnswerDto {
    permission: String,
    resource_scope: ScopeBody,
    resource_type: String,
    resource_attributes: Option<Value>,
    resource_identifier: Option<String>,
    permitted: bool,
}

async fn check(actor: Actor, Json(body): Json<CheckBody>) -> Result<Reply<CheckReply>> {
    let asked = body.permissions.len();
    if asked > QUESTIONS_MOST {
        let text =
            format!("{asked} permissions are too many: ask for at most {QUESTIONS_MOST} in one request");
        return Err(Problem::invalid(text));
    }
    own_principal(&actor, body.principal.unwrap_or_default())?;
    let answers =
        body.permissions.into_iter().map(|question| answer(&actor, question)).collect::<Result<_>>()?;
    let who = &actor.caller.principal;
    let principal = PrincipalDto { principal_identifier: who.id.clone(), principal_type: who.kind.as_str() };
    Ok(Reply(CheckReply { principal, access_control_list: answers }))
}

/// Only the asking principal's own rights can be asked for.
fn own_principal(actor: &Actor, asked: PrincipalBody) -> Result<()> {
    let who = &actor.caller.principal;
    let same_id = asked.principal_identifier.is_none_or(|id| id.is_empty() || id == who.id);
    let same_kind = asked.principal_type.is_none_or(|kind| kind.is_empty() || kind == who.kind.as_str());
    if same_id && same_kind {
        return Ok(());
    }
    // No permission lets it through: no check that failed is named.
    let text = "The access of another principal cannot be asked for: leave principal out to ask for your own";
    Err(Problem::new(Kind::Denied, text))
}

fn answer(actor: &Actor, question: QuestionBody) -> Result<AnswerDto> {
    let account = &actor.caller.account;
    let mut asked = question.resource_scope.unwrap_or_default();
    let foreign = asked.account_identifier.as_ref().is_some_and(|a| !a.is_empty() && a != account.as_str());
    let (org, project) = (asked.org_identifier.as_deref(), asked.project_identifier.as_deref());
    let scope = Scope::of(account.clone(), org, project)?;
    let resource = question.resource_identifier.as_deref().filter(|id| !id.is_empty());
    let permitted = !foreign
        && acl::permitted(
            &actor.rights,
            &Question {
                permission: &question.permission,
                resource_type: &question.resource_type,
                resource,
                scope: &scope,
            },
        );
    if !foreign {
        asked.account_identifier = Some(account.to_string());
    }
    Ok(AnswerDto {
        permission: question.permission,
        resource_scope: asked,
        resource_type: question.resource_type,
        resource_attributes: question.resource_attributes,
        resource_identifier: question.resource_identifier,
        permitted,
    })
}
