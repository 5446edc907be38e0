//! Routes of an account's schemas and resource types.

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use http::Uri;
use serde_json::{Map, Value};

use super::actions;
use super::model::{Definition, Shape, What, read};
use crate::access::Actor;
use crate::access::permissions::{AccountView, SettingEdit};
use crate::app::App;
use crate::kernel::problem::Result;
use crate::kernel::scope::Scope;
use crate::web::envelope::Reply;
use crate::web::extract::{Json, Path, Query, ScopeQuery, goes_by};
use crate::web::unique::Object;

/// The routes.
pub fn routes() -> Router<App> {
    Router::new()
        .route("/ng/api/scim-schemas", get(schemas).post(add_schema))
        .route("/ng/api/scim-schemas/{urn}", get(schema).put(put_schema).delete(remove_schema))
        .route("/ng/api/scim-resource-types", get(types).post(add_type))
        .route("/ng/api/scim-resource-types/{name}", get(kind).put(put_type).delete(remove_type))
}

type Body = Json<Object>;

/// The definition of a body.
fn sent(what: What, Json(Object(members)): Body) -> Result<Shape> {
    read(what, &members)
}

/// A definition with its times, and the attributes that are not looked up by their index yet.
fn view(definition: &Definition) -> Map<String, Value> {
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

fn home(actor: &Actor, scope: &ScopeQuery) -> Result<Scope> {
    let what = "SCIM schemas and resource types belong to the account";
    scope.account_scope(&actor.caller.account, what)
}

async fn all(
    app: &App,
    actor: &Actor,
    (uri, scope): (&Uri, &ScopeQuery),
    what: What,
) -> Result<Reply<Vec<Map<String, Value>>>> {
    goes_by(uri, &[], "all of them are answered, so choose from them")?;
    let grant = actor.grant::<AccountView>(&home(actor, scope)?)?;
    Ok(Reply(actions::list(app, &grant, what).await?.iter().map(view).collect()))
}

async fn one(
    app: &App,
    actor: &Actor,
    scope: &ScopeQuery,
    named: (What, &str),
) -> Result<Reply<Map<String, Value>>> {
    let grant = actor.grant::<AccountView>(&home(actor, scope)?)?;
    Ok(Reply(view(&actions::load(app, &grant, named.0, named.1).await?)))
}

async fn add(
    app: &App,
    actor: &Actor,
    scope: &ScopeQuery,
    (what, body): (What, Body),
) -> Result<Reply<Map<String, Value>>> {
    let grant = actor.grant::<SettingEdit>(&home(actor, scope)?)?;
    Ok(Reply(view(&actions::create(app, &grant, sent(what, body)?).await?)))
}

async fn put(
    app: &App,
    actor: &Actor,
    scope: &ScopeQuery,
    (what, name, body): (What, &str, Body),
) -> Result<Reply<Map<String, Value>>> {
    let grant = actor.grant::<SettingEdit>(&home(actor, scope)?)?;
    Ok(Reply(view(&actions::replace(app, &grant, name, sent(what, body)?).await?)))
}

async fn remove(app: &App, actor: &Actor, scope: &ScopeQuery, named: (What, &str)) -> Result<Reply<bool>> {
    let grant = actor.grant::<SettingEdit>(&home(actor, scope)?)?;
    actions::delete(app, &grant, named.0, named.1).await?;
    Ok(Reply(true))
}

async fn schemas(
    State(app): State<App>,
    actor: Actor,
    uri: Uri,
    Query(scope): Query<ScopeQuery>,
) -> Result<Reply<Vec<Map<String, Value>>>> {
    all(&app, &actor, (&uri, &scope), What::Schema).await
}

async fn types(
    State(app): State<App>,
    actor: Actor,
    uri: Uri,
    Query(scope): Query<ScopeQuery>,
) -> Result<Reply<Vec<Map<String, Value>>>> {
    all(&app, &actor, (&uri, &scope), What::Type).await
}

async fn schema(
    State(app): State<App>,
    actor: Actor,
    Path(urn): Path<String>,
    Query(scope): Query<ScopeQuery>,
) -> Result<Reply<Map<String, Value>>> {
    one(&app, &actor, &scope, (What::Schema, &urn)).await
}

async fn kind(
    State(app): State<App>,
    actor: Actor,
    Path(name): Path<String>,
    Query(scope): Query<ScopeQuery>,
) -> Result<Reply<Map<String, Value>>> {
    one(&app, &actor, &scope, (What::Type, &name)).await
}

async fn add_schema(
    State(app): State<App>,
    actor: Actor,
    Query(scope): Query<ScopeQuery>,
    body: Body,
) -> Result<Reply<Map<String, Value>>> {
    add(&app, &actor, &scope, (What::Schema, body)).await
}

async fn add_type(
    State(app): State<App>,
    actor: Actor,
    Query(scope): Query<ScopeQuery>,
    body: Body,
) -> Result<Reply<Map<String, Value>>> {
    add(&app, &actor, &scope, (What::Type, body)).await
}

async fn put_schema(
    State(app): State<App>,
    actor: Actor,
    Path(urn): Path<String>,
    Query(scope): Query<ScopeQuery>,
    body: Body,
) -> Result<Reply<Map<String, Value>>> {
    put(&app, &actor, &scope, (What::Schema, &urn, body)).await
}

async fn put_type(
    State(app): State<App>,
    actor: Actor,
    Path(name): Path<String>,
    Query(scope): Query<ScopeQuery>,
    body: Body,
) -> Result<Reply<Map<String, Value>>> {
    put(&app, &actor, &scope, (What::Type, &name, body)).await
}

async fn remove_schema(
    State(app): State<App>,
    actor: Actor,
    Path(urn): Path<String>,
    Query(scope): Query<ScopeQuery>,
) -> Result<Reply<bool>> {
    remove(&app, &actor, &scope, (What::Schema, &urn)).await
}

async fn remove_type(
    State(app): State<App>,
    actor: Actor,
    Path(name): Path<String>,
    Query(scope): Query<ScopeQuery>,
) -> Result<Reply<bool>> {
    remove(&app, &actor, &scope, (What::Type, &name)).await
}
