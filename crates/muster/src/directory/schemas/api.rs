//! Routes of an account's schemas and resource types.

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use http::Uri;
use serde_json::{Map, Value};

use super::actions;
use super::model::{Definition, What, read};
use super::wire;
use crate::access::Actor;
use crate::access::permissions::{AccountView, SettingEdit};
use crate::app::App;
use crate::kernel::problem::Result;
use crate::kernel::scope::Scope;
use crate::kernel::version::IfMatch;
use crate::web::envelope::Reply;
use crate::web::etag::Tagged;
use crate::web::extract::{Json, Path, Query, ScopeQuery, goes_by};
use crate::web::openapi::OpenApi;
use crate::web::unique::Object;

/// The routes.
pub fn routes() -> Router<App> {
    Router::new()
        .route("/ng/api/scim-schemas", get(list::<SCHEMA>).post(add::<SCHEMA>))
        .route("/ng/api/scim-schemas/{urn}", get(load::<SCHEMA>).put(put::<SCHEMA>).delete(remove::<SCHEMA>))
        .route("/ng/api/scim-resource-types", get(list::<TYPE>).post(add::<TYPE>))
        .route(
            "/ng/api/scim-resource-types/{name}",
            get(load::<TYPE>).put(put::<TYPE>).delete(remove::<TYPE>),
        )
}

/// What the OpenAPI document says of them.
pub fn describe(document: &mut OpenApi) {
    document
        .section("SCIM schemas and resource types")
        .get("/ng/api/scim-schemas", list::<SCHEMA>)
        .told("listScimSchemas", "core_account_view", "Lists the extensions of users and groups")
        .schema("ScimAttribute", wire::attribute())
        .data_list("ScimSchema", wire::extension())
        .post("/ng/api/scim-schemas", add::<SCHEMA>)
        .told("createScimSchema", "core_setting_edit", "Adds an extension of users or groups")
        .data("ScimSchema", wire::extension())
        .document("ScimSchema", wire::extension())
        .get("/ng/api/scim-schemas/{urn}", load::<SCHEMA>)
        .told("getScimSchema", "core_account_view", "Shows an extension")
        .data("ScimSchema", wire::extension())
        .put("/ng/api/scim-schemas/{urn}", put::<SCHEMA>)
        .told("replaceScimSchema", "core_setting_edit", "Replaces an extension")
        .data("ScimSchema", wire::extension())
        .document("ScimSchema", wire::extension())
        .delete("/ng/api/scim-schemas/{urn}", remove::<SCHEMA>)
        .told("deleteScimSchema", "core_setting_edit", "Removes an extension that no resource has data of")
        .get("/ng/api/scim-resource-types", list::<TYPE>)
        .told("listScimResourceTypes", "core_account_view", "Lists the resource types of the account")
        .data_list("ScimResourceType", wire::resource_type())
        .post("/ng/api/scim-resource-types", add::<TYPE>)
        .told("createScimResourceType", "core_setting_edit", "Adds a resource type")
        .data("ScimResourceType", wire::resource_type())
        .document("ScimResourceType", wire::resource_type())
        .get("/ng/api/scim-resource-types/{name}", load::<TYPE>)
        .told("getScimResourceType", "core_account_view", "Shows a resource type")
        .data("ScimResourceType", wire::resource_type())
        .put("/ng/api/scim-resource-types/{name}", put::<TYPE>)
        .told("replaceScimResourceType", "core_setting_edit", "Replaces a resource type")
        .data("ScimResourceType", wire::resource_type())
        .document("ScimResourceType", wire::resource_type())
        .delete("/ng/api/scim-resource-types/{name}", remove::<TYPE>)
        .told("deleteScimResourceType", "core_setting_edit", "Removes a resource type that has no resources");
}

/// Of which kind a handler is: a parameter of a function can be no `What`.
const SCHEMA: bool = true;
const TYPE: bool = false;

const fn what(schema: bool) -> What {
    if schema { What::Schema } else { What::Type }
}

/// A definition as the wire has it.
type View = Map<String, Value>;

/// A definition with its times, and the attributes that are not looked up by their index yet.
fn view(definition: &Definition) -> View {
    let mut map = definition.shape.document();
    map.insert("createdAt".into(), definition.created.millis().into());
    map.insert("lastModifiedAt".into(), definition.updated.millis().into());
    if !definition.pending.is_empty() {
        let names = definition.pending.iter().filter_map(|entry| entry.split_once(' '));
        let name = |(urn, path): (&str, &str)| {
            format!("{urn}:{}", path.split_once(':').map_or(path, |(_, name)| name))
        };
        map.insert("indexing".into(), names.map(name).collect());
    }
    map
}

fn tagged(definition: &Definition) -> Tagged<View> {
    Tagged { tag: definition.tag(), data: view(definition) }
}

fn home(actor: &Actor, scope: &ScopeQuery) -> Result<Scope> {
    let what = "SCIM schemas and resource types belong to the account";
    scope.account_scope(&actor.caller.account, what)
}

async fn list<const KIND: bool>(
    State(app): State<App>,
    actor: Actor,
    uri: Uri,
    Query(scope): Query<ScopeQuery>,
) -> Result<Reply<Vec<View>>> {
    goes_by(&uri, &[], "all of them are answered, so choose from them")?;
    let grant = actor.grant::<AccountView>(&home(&actor, &scope)?)?;
    Ok(Reply(actions::list(&app, &grant, what(KIND)).await?.iter().map(view).collect()))
}

async fn load<const KIND: bool>(
    State(app): State<App>,
    actor: Actor,
    Path(name): Path<String>,
    Query(scope): Query<ScopeQuery>,
) -> Result<Tagged<View>> {
    let grant = actor.grant::<AccountView>(&home(&actor, &scope)?)?;
    Ok(tagged(&actions::load(&app, &grant, what(KIND), &name).await?))
}

async fn add<const KIND: bool>(
    State(app): State<App>,
    actor: Actor,
    Query(scope): Query<ScopeQuery>,
    Json(Object(members)): Json<Object>,
) -> Result<Tagged<View>> {
    let grant = actor.grant::<SettingEdit>(&home(&actor, &scope)?)?;
    Ok(tagged(&actions::create(&app, &grant, read(what(KIND), &members)?).await?))
}

async fn put<const KIND: bool>(
    State(app): State<App>,
    actor: Actor,
    Path(name): Path<String>,
    Query(scope): Query<ScopeQuery>,
    seen: IfMatch,
    Json(Object(members)): Json<Object>,
) -> Result<Tagged<View>> {
    let grant = actor.grant::<SettingEdit>(&home(&actor, &scope)?)?;
    Ok(tagged(&actions::replace(&app, &grant, &name, read(what(KIND), &members)?, seen).await?))
}

async fn remove<const KIND: bool>(
    State(app): State<App>,
    actor: Actor,
    Path(name): Path<String>,
    Query(scope): Query<ScopeQuery>,
    seen: IfMatch,
) -> Result<Reply<bool>> {
    let grant = actor.grant::<SettingEdit>(&home(&actor, &scope)?)?;
    actions::delete(&app, &grant, what(KIND), &name, seen).await?;
    Ok(Reply(true))
}
