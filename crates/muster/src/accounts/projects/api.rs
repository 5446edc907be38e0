//! Routes of projects (platform API §12). A call that names no organization means the organization `default`,
//! as at the reference; the list alone then means all of them.

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use http::Uri;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::actions::{self, SORT_FIELDS, Wanted};
use super::model::{DEFAULT_COLOR, NewProject, Project};
use crate::access::Actor;
use crate::access::permissions::{ProjectCreate, ProjectDelete, ProjectEdit, ProjectView};
use crate::accounts::organizations::{self, model::DEFAULT};
use crate::app::App;
use crate::kernel::listing::{Orders, SearchTerm};
use crate::kernel::page::{Page, PageQuery};
use crate::kernel::problem::{Problem, Result};
use crate::kernel::scope::Scope;
use crate::kernel::text::{DESCRIPTION_MOST, IDENTIFIER, NAME_MOST, Tags};
use crate::kernel::version::IfMatch;
use crate::web::envelope::Reply;
use crate::web::etag::Tagged;
use crate::web::extract::{Json, Path, Query, ScopeQuery, every, goes_by, not_taken, repeated, same_scope};
use crate::web::openapi::OpenApi;

/// `/ng/api/projects`.
pub fn routes() -> Router<App> {
    Router::new()
        .route("/ng/api/projects", get(list).post(create))
        .route("/ng/api/projects/{identifier}", get(show).put(update).delete(delete))
}

/// What the OpenAPI document says of them.
pub fn describe(document: &mut OpenApi) {
    document
        .section("Projects")
        .nothing_is_400()
        .get("/ng/api/projects", list)
        .told("listProjects", "shows those with core_project_view", "Lists projects, page by page")
        .identified()
        .sorted(SORT_FIELDS)
        .without("projectIdentifier")
        .post("/ng/api/projects", create)
        .told("createProject", "core_project_create in the organization", "Makes a project")
        .needs("project.identifier")
        .get("/ng/api/projects/{identifier}", show)
        .told("getProject", "core_project_view", "Shows a project")
        .put("/ng/api/projects/{identifier}", update)
        .told("replaceProject", "core_project_edit", "Replaces all of a project but its identifier")
        .delete("/ng/api/projects/{identifier}", delete)
        .told("deleteProject", "core_project_delete", "Removes a project with all that is in it");
}

#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "ProjectRequest")]
struct Body {
    project: Fields,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "ProjectBody", extend("required" = ["name"]))]
pub(super) struct Fields {
    pub(super) org_identifier: Option<String>,
    #[schemars(regex(pattern = IDENTIFIER))]
    pub(super) identifier: Option<String>,
    #[schemars(length(max = NAME_MOST))]
    pub(super) name: Option<String>,
    pub(super) color: Option<String>,
    pub(super) modules: Option<Vec<String>>,
    #[schemars(length(max = DESCRIPTION_MOST))]
    pub(super) description: Option<String>,
    pub(super) tags: Option<Tags>,
}

/// `ProjectResponse` of the reference.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "ProjectReply")]
struct Shown {
    project: Dto,
    created_at: i64,
    last_modified_at: i64,
    is_favorite: bool,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "ProjectDto")]
struct Dto {
    org_identifier: String,
    identifier: String,
    name: String,
    color: String,
    modules: Vec<String>,
    description: Option<String>,
    tags: Tags,
}

impl From<Project> for Shown {
    fn from(project: Project) -> Self {
        let NewProject { identifier, name, color, description, modules, tags } = project.fields;
        Self {
            project: Dto { org_identifier: project.org, identifier, name, color, modules, description, tags },
            created_at: project.created_at.millis(),
            last_modified_at: project.updated_at.millis(),
            is_favorite: false,
        }
    }
}

impl From<Project> for Tagged<Shown> {
    fn from(project: Project) -> Self {
        Self { tag: project.tag(), data: project.into() }
    }
}

impl Fields {
    /// `path`: the identifier of the path, which wins when the body has none.
    pub(super) fn read(self, path: Option<&str>) -> Result<NewProject> {
        let named = self.identifier.filter(|id| !id.is_empty());
        let identifier = named.or_else(|| path.map(str::to_owned)).unwrap_or_default();
        if let Some(path) = path.filter(|path| *path != identifier) {
            return Err(Problem::invalid(format!(
                "Value mismatch, previous: {path} current: {identifier} (identifier): an identifier cannot be changed"
            )));
        }
        Ok(NewProject {
            identifier,
            name: self.name.unwrap_or_default(),
            color: self.color.filter(|c| !c.is_empty()).unwrap_or_else(|| DEFAULT_COLOR.to_owned()),
            description: self.description,
            modules: self.modules.unwrap_or_default(),
            tags: self.tags.unwrap_or_default(),
        })
    }
}

/// The organization that the query names, or the body, or `default`.
fn org_of(actor: &Actor, query: &ScopeQuery, body: Option<&str>) -> Result<Scope> {
    let account = query.scope(&actor.caller.account)?.account;
    let named = [query.org_identifier.as_deref(), body].into_iter().flatten().find(|org| !org.is_empty());
    let org = organizations::actions::scope(&account, named.unwrap_or(DEFAULT));
    same_scope(&org, None, body, None)?;
    Ok(org)
}

/// The scope of the project in the path; the query names no other one.
fn scope_of(actor: &Actor, query: &ScopeQuery, body: Option<&str>, identifier: &str) -> Result<Scope> {
    let org = org_of(actor, query, body)?;
    let scope = actions::scope(&org.account, org.org_column(), identifier);
    same_scope(&scope, None, None, query.project_identifier.as_deref())?;
    Ok(scope)
}

async fn list(
    State(app): State<App>,
    actor: Actor,
    uri: Uri,
    Query(query): Query<ScopeQuery>,
    Query(page): Query<PageQuery>,
) -> Result<Reply<Page<Shown>>> {
    let scope = query.scope(&actor.caller.account)?;
    not_taken(&uri, &["projectIdentifier"], "name projects by identifiers")?;
    goes_by(&uri, &["identifiers", "searchTerm", "sortOrders"], "narrow it by searchTerm and identifiers")?;
    let request = page.request()?;
    let wanted = Wanted {
        org: scope.org().map(str::to_owned),
        identifiers: repeated(&uri, "identifiers"),
        search: SearchTerm::new(page.search_term.as_deref()),
        orders: Orders::read(&every(&uri, "sortOrders"), SORT_FIELDS)?,
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
    let grant = actor.grant_on::<ProjectView>(&scope_of(&actor, &query, None, &id)?, Some(&id))?;
    Ok(actions::load(&app, &grant).await?.into())
}

async fn create(
    State(app): State<App>,
    actor: Actor,
    Query(query): Query<ScopeQuery>,
    Json(body): Json<Body>,
) -> Result<Tagged<Shown>> {
    let org = org_of(&actor, &query, body.project.org_identifier.as_deref())?;
    let grant = actor.grant::<ProjectCreate>(&org)?;
    Ok(actions::create(&app, &grant, body.project.read(None)?).await?.into())
}

async fn update(
    State(app): State<App>,
    actor: Actor,
    Path(id): Path<String>,
    Query(query): Query<ScopeQuery>,
    seen: IfMatch,
    Json(body): Json<Body>,
) -> Result<Tagged<Shown>> {
    let scope = scope_of(&actor, &query, body.project.org_identifier.as_deref(), &id)?;
    let grant = actor.grant_on::<ProjectEdit>(&scope, Some(&id))?;
    Ok(actions::update(&app, &grant, body.project.read(Some(&id))?, seen).await?.into())
}

async fn delete(
    State(app): State<App>,
    actor: Actor,
    Path(id): Path<String>,
    Query(query): Query<ScopeQuery>,
    seen: IfMatch,
) -> Result<Reply<bool>> {
    let grant = actor.grant_on::<ProjectDelete>(&scope_of(&actor, &query, None, &id)?, Some(&id))?;
    actions::delete(&app, &grant, seen).await?;
    Ok(Reply(true))
}
