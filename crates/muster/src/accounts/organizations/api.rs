//! Routes of organizations (platform API §12).

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use http::Uri;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::actions::{self, Wanted};
use super::model::{NewOrganization, Organization};
use crate::access::Actor;
use crate::access::permissions::{
    OrganizationCreate, OrganizationDelete, OrganizationEdit, OrganizationView,
};
use crate::app::App;
use crate::kernel::listing::{FIELDS, Orders, SearchTerm};
use crate::kernel::page::{Page, PageQuery};
use crate::kernel::problem::{Problem, Result};
use crate::kernel::scope::Scope;
use crate::kernel::text::{DESCRIPTION_MOST, IDENTIFIER, NAME_MOST, Tags};
use crate::kernel::version::IfMatch;
use crate::web::envelope::Reply;
use crate::web::etag::Tagged;
use crate::web::extract::{Json, Path, Query, ScopeQuery, every, goes_by, repeated, same_scope};
use crate::web::openapi::OpenApi;

/// `/ng/api/organizations`.
pub fn routes() -> Router<App> {
    Router::new()
        .route("/ng/api/organizations", get(list).post(create))
        .route("/ng/api/organizations/{identifier}", get(show).put(update).delete(delete))
}

/// What the OpenAPI document says of them.
pub fn describe(document: &mut OpenApi) {
    document
        .section("Organizations")
        .nothing_is_400()
        .get("/ng/api/organizations", list)
        .told(
            "listOrganizations",
            "shows those with core_organization_view",
            "Lists organizations, page by page",
        )
        .identified()
        .sorted(FIELDS)
        .post("/ng/api/organizations", create)
        .told("createOrganization", "core_organization_create on the account", "Makes an organization")
        .needs("organization.identifier")
        .get("/ng/api/organizations/{identifier}", show)
        .told("getOrganization", "core_organization_view", "Shows an organization")
        .put("/ng/api/organizations/{identifier}", update)
        .told(
            "replaceOrganization",
            "core_organization_edit",
            "Replaces name, description and tags of an organization",
        )
        .delete("/ng/api/organizations/{identifier}", delete)
        .told(
            "deleteOrganization",
            "core_organization_delete",
            "Removes an organization with all that is in it and in its projects",
        );
}

#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "OrganizationRequest")]
struct Body {
    organization: Fields,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "OrganizationBody", extend("required" = ["name"]))]
pub(super) struct Fields {
    #[schemars(regex(pattern = IDENTIFIER))]
    identifier: Option<String>,
    #[schemars(length(max = NAME_MOST))]
    name: Option<String>,
    #[schemars(length(max = DESCRIPTION_MOST))]
    description: Option<String>,
    tags: Option<Tags>,
}

/// `OrganizationResponse` of the reference.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "OrganizationReply")]
struct Shown {
    organization: Dto,
    created_at: i64,
    last_modified_at: i64,
    harness_managed: bool,
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "OrganizationDto")]
pub(super) struct Dto {
    identifier: String,
    name: String,
    description: Option<String>,
    tags: Tags,
}

impl From<NewOrganization> for Dto {
    fn from(fields: NewOrganization) -> Self {
        let NewOrganization { identifier, name, description, tags } = fields;
        Self { identifier, name, description, tags }
    }
}

impl From<Organization> for Shown {
    fn from(org: Organization) -> Self {
        let harness_managed = org.managed();
        Self {
            organization: org.fields.into(),
            created_at: org.created_at.millis(),
            last_modified_at: org.updated_at.millis(),
            harness_managed,
        }
    }
}

impl From<Organization> for Tagged<Shown> {
    fn from(org: Organization) -> Self {
        Self { tag: org.tag(), data: org.into() }
    }
}

impl Fields {
    /// `path`: the identifier of the path, which wins when the body has none.
    pub(super) fn read(self, path: Option<&str>) -> Result<NewOrganization> {
        let named = self.identifier.filter(|id| !id.is_empty());
        let identifier = named.or_else(|| path.map(str::to_owned)).unwrap_or_default();
        if let Some(path) = path.filter(|path| *path != identifier) {
            return Err(Problem::invalid(format!(
                "Value mismatch, previous: {path} current: {identifier} (identifier): an identifier cannot be changed"
            )));
        }
        Ok(NewOrganization {
            identifier,
            name: self.name.unwrap_or_default(),
            description: self.description,
            tags: self.tags.unwrap_or_default(),
        })
    }
}

/// The scope of the organization in the path; the query names no other one, and none below it.
fn scope_of(actor: &Actor, query: &ScopeQuery, identifier: &str) -> Result<Scope> {
    let account = query.scope(&actor.caller.account)?.account;
    let scope = actions::scope(&account, identifier);
    same_scope(&scope, None, query.org_identifier.as_deref(), query.project_identifier.as_deref())?;
    Ok(scope)
}

async fn list(
    State(app): State<App>,
    actor: Actor,
    uri: Uri,
    Query(scope): Query<ScopeQuery>,
    Query(page): Query<PageQuery>,
) -> Result<Reply<Page<Shown>>> {
    scope.account_scope(&actor.caller.account, "Organizations are listed for the whole account")?;
    goes_by(&uri, &["identifiers", "searchTerm", "sortOrders"], "narrow it by searchTerm and identifiers")?;
    let request = page.request()?;
    let wanted = Wanted {
        identifiers: repeated(&uri, "identifiers"),
        search: SearchTerm::new(page.search_term.as_deref()),
        orders: Orders::read(&every(&uri, "sortOrders"), FIELDS)?,
    };
    let all = actions::list(&app, &actor, wanted).await?;
    Ok(Reply(Page::cut(request, all).map(Shown::from)))
}

async fn show(
    State(app): State<App>,
    actor: Actor,
    Path(id): Path<String>,
    Query(query): Query<ScopeQuery>,
) -> Result<Tagged<Shown>> {
    let grant = actor.grant_on::<OrganizationView>(&scope_of(&actor, &query, &id)?, Some(&id))?;
    Ok(actions::load(&app, &grant).await?.into())
}

async fn create(
    State(app): State<App>,
    actor: Actor,
    Query(query): Query<ScopeQuery>,
    Json(body): Json<Body>,
) -> Result<Tagged<Shown>> {
    let scope = Scope::account(query.scope(&actor.caller.account)?.account);
    let grant = actor.grant::<OrganizationCreate>(&scope)?;
    Ok(actions::create(&app, &grant, body.organization.read(None)?).await?.into())
}

async fn update(
    State(app): State<App>,
    actor: Actor,
    Path(id): Path<String>,
    Query(query): Query<ScopeQuery>,
    seen: IfMatch,
    Json(body): Json<Body>,
) -> Result<Tagged<Shown>> {
    let grant = actor.grant_on::<OrganizationEdit>(&scope_of(&actor, &query, &id)?, Some(&id))?;
    Ok(actions::update(&app, &grant, body.organization.read(Some(&id))?, seen).await?.into())
}

async fn delete(
    State(app): State<App>,
    actor: Actor,
    Path(id): Path<String>,
    Query(query): Query<ScopeQuery>,
    seen: IfMatch,
) -> Result<Reply<bool>> {
    let grant = actor.grant_on::<OrganizationDelete>(&scope_of(&actor, &query, &id)?, Some(&id))?;
    actions::delete(&app, &grant, seen).await?;
    Ok(Reply(true))
}
