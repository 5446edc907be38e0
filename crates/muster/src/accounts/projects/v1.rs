//! Routes of projects under `/v1` (platform API §12): the same actions, by bare bodies. The path names the
//! organization.

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use http::{StatusCode, Uri};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::actions::{self, Wanted};
use super::api::Fields;
use super::model::{NewProject, Project};
use crate::access::Actor;
use crate::access::permissions::{ProjectCreate, ProjectDelete, ProjectEdit, ProjectView};
use crate::app::App;
use crate::kernel::page::Page;
use crate::kernel::problem::{Problem, Result};
use crate::kernel::scope::Scope;
use crate::kernel::text::{DESCRIPTION_MOST, IDENTIFIER, NAME_MOST, Tags};
use crate::kernel::version::IfMatch;
use crate::web::by_name::Spelled;
use crate::web::envelope::Bare;
use crate::web::extract::{Json, Query, not_taken, repeated};
use crate::web::openapi::OpenApi;
use crate::web::v1::{FIELDS, Items, LIMIT, ListQuery, Place, Versioned, in_place};

/// `/v1/orgs/{org}/projects`.
pub fn routes() -> Router<App> {
    Router::new()
        .route("/v1/orgs/{org}/projects", get(list).post(create))
        .route("/v1/orgs/{org}/projects/{project}", get(show).put(update).delete(delete))
}

/// What the OpenAPI document says of them.
pub fn describe(document: &mut OpenApi) {
    document
        .section("Projects")
        .nothing_is_400()
        .get("/v1/orgs/{org}/projects", list)
        .told(
            "listProjectsV1",
            "shows those with core_project_view",
            "Lists the projects of an organization, page by page",
        )
        .named_by("project")
        .ordered(FIELDS)
        .post("/v1/orgs/{org}/projects", create)
        .told("createProjectV1", "core_project_create in the organization", "Makes a project")
        .needs("project.identifier")
        .created()
        .get("/v1/orgs/{org}/projects/{project}", show)
        .told("getProjectV1", "core_project_view", "Shows a project")
        .put("/v1/orgs/{org}/projects/{project}", update)
        .told("replaceProjectV1", "core_project_edit", "Replaces all of a project but its identifier")
        .delete("/v1/orgs/{org}/projects/{project}", delete)
        .told(
            "deleteProjectV1",
            "core_project_delete",
            "Removes a project with all that is in it, and answers what it was",
        );
}

#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "V1ProjectRequest")]
struct Body {
    project: ProjectBody,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "V1ProjectBody", extend("required" = ["name"]))]
struct ProjectBody {
    org: Option<String>,
    #[schemars(regex(pattern = IDENTIFIER))]
    identifier: Option<String>,
    #[schemars(length(max = NAME_MOST))]
    name: Option<String>,
    color: Option<String>,
    modules: Option<Vec<String>>,
    #[schemars(length(max = DESCRIPTION_MOST))]
    description: Option<String>,
    tags: Option<Tags>,
}

impl ProjectBody {
    /// `scope`: that of the path, which may be of the project already.
    fn read(self, scope: &Scope) -> Result<NewProject> {
        in_place(scope, [None, self.org.as_deref(), None])?;
        let fields = Fields {
            org_identifier: None,
            identifier: self.identifier,
            name: self.name,
            color: self.color,
            modules: self.modules,
            description: self.description,
            tags: self.tags,
        };
        fields.read(scope.project_id())
    }
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "V1ProjectReply")]
struct Shown {
    project: Dto,
    created: i64,
    updated: i64,
    is_favorite: bool,
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "V1Project")]
struct Dto {
    org: String,
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
            project: Dto { org: project.org, identifier, name, color, modules, description, tags },
            created: project.created_at.millis(),
            updated: project.updated_at.millis(),
            is_favorite: false,
        }
    }
}

/// What is wrong with a body, by the name that the organization has here.
fn here(problem: Problem) -> Problem {
    problem.renamed(&[("orgIdentifier", "org")])
}

fn versioned(status: StatusCode, project: Project) -> Versioned<Shown> {
    Versioned { status, tag: project.tag(), shown: project.into() }
}

async fn list(
    State(app): State<App>,
    actor: Actor,
    uri: Uri,
    place: Place,
    Query(query): Query<ListQuery>,
) -> Result<Items<Shown>> {
    let scope = place.scope(&actor.caller.account)?;
    not_taken(&uri, &["module_type", "only_favorites"], "narrow it by project and search_term")?;
    let asked = query.read(&uri, LIMIT, FIELDS)?;
    let wanted = Wanted {
        org: scope.org().map(str::to_owned),
        identifiers: repeated(&uri, "project"),
        search: asked.search,
        orders: asked.orders,
    };
    let all = actions::list(&app, &actor, wanted).await?;
    Ok(Items(Page::cut(asked.page, all).map(Shown::from)))
}

async fn show(State(app): State<App>, actor: Actor, place: Place) -> Result<Versioned<Shown>> {
    let scope = place.scope(&actor.caller.account)?;
    let grant = actor.grant_on::<ProjectView>(&scope, scope.project_id())?;
    Ok(versioned(StatusCode::OK, actions::load(&app, &grant).await?))
}

async fn create(
    State(app): State<App>,
    actor: Actor,
    place: Place,
    Json(Spelled(body)): Json<Spelled<Body>>,
) -> Result<Versioned<Shown>> {
    let org = place.scope(&actor.caller.account)?;
    let grant = actor.grant::<ProjectCreate>(&org)?;
    let made = actions::create(&app, &grant, body.project.read(&org)?).await.map_err(here)?;
    Ok(versioned(StatusCode::CREATED, made))
}

async fn update(
    State(app): State<App>,
    actor: Actor,
    place: Place,
    seen: IfMatch,
    Json(Spelled(body)): Json<Spelled<Body>>,
) -> Result<Versioned<Shown>> {
    let scope = place.scope(&actor.caller.account)?;
    let grant = actor.grant_on::<ProjectEdit>(&scope, scope.project_id())?;
    let changed = actions::update(&app, &grant, body.project.read(&scope)?, seen).await?;
    Ok(versioned(StatusCode::OK, changed))
}

async fn delete(State(app): State<App>, actor: Actor, place: Place, seen: IfMatch) -> Result<Bare<Shown>> {
    let scope = place.scope(&actor.caller.account)?;
    let grant = actor.grant_on::<ProjectDelete>(&scope, scope.project_id())?;
    Ok(Bare(StatusCode::OK, actions::delete(&app, &grant, seen).await?.into()))
}
