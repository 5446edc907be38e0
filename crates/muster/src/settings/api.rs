//! Routes of settings (platform API §2).

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use http::Uri;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

use super::actions::{self, Change, Outcome, Reader, Wanted, category};
use super::model::Seen;
use crate::access::Actor;
use crate::access::permissions::SettingEdit;
use crate::app::App;
use crate::kernel::problem::{Problem, Result};
use crate::kernel::scope::Level;
use crate::kernel::time::Timestamp;
use crate::web::envelope::Reply;
use crate::web::extract::{Json, Path, Query, ScopeQuery, flag, goes_by};
use crate::web::openapi::OpenApi;

/// Most items of one PUT.
const MAX_CHANGES: usize = 500;

/// `/ng/api/settings`.
pub fn routes() -> Router<App> {
    Router::new()
        .route("/ng/api/settings", get(list).put(put))
        .route("/ng/api/settings/{identifier}", get(show))
}

/// What the OpenAPI document says of them.
pub fn describe(document: &mut OpenApi) {
    document
        .section("Settings")
        .get("/ng/api/settings", list)
        .told(
            "listSettings",
            "core_setting_view in the scope, or core_account_view",
            "Lists every setting of a category, set or not",
        )
        .demands("category")
        .get("/ng/api/settings/{identifier}", show)
        .told(
            "getSetting",
            "core_setting_view in the scope, or core_account_view",
            "Shows the value of a setting that holds in the scope",
        )
        .put("/ng/api/settings", put)
        .told(
            "changeSettings",
            "core_setting_edit in the scope",
            "Changes settings, each alone or all together",
        );
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct ListQuery {
    category: Option<String>,
    group: Option<String>,
    #[serde(default, deserialize_with = "flag")]
    include_parent_scopes: Option<bool>,
}

#[derive(Debug, Deserialize, JsonSchema)]
struct PutQuery {
    #[serde(default, deserialize_with = "flag")]
    atomic: Option<bool>,
}

/// `SettingRequestDTO`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "SettingChange")]
struct Item {
    identifier: Option<String>,
    #[serde(default, deserialize_with = "scalar")]
    #[schemars(schema_with = "value")]
    value: Option<String>,
    allow_overrides: Option<bool>,
    #[schemars(extend("enum" = ["UPDATE", "RESTORE"]))]
    update_type: Option<String>,
}

/// All values travel as strings; the reference also takes a bare Boolean or number as its text.
fn scalar<'de, D: Deserializer<'de>>(from: D) -> std::result::Result<Option<String>, D::Error> {
    match serde_json::Value::deserialize(from)? {
        serde_json::Value::Null => Ok(None),
        serde_json::Value::String(text) => Ok(Some(text)),
        serde_json::Value::Bool(flag) => Ok(Some(flag.to_string())),
        serde_json::Value::Number(number) if number.is_i64() || number.is_u64() => {
            Ok(Some(number.to_string()))
        }
        // How it was written is not known any more: 1.10 is 1.1 by now.
        serde_json::Value::Number(_) => Err(D::Error::custom(
            "of a number that is no whole one of 64 bits the text is wanted: put it in quotes",
        )),
        _ => Err(D::Error::custom("a setting's value is a string: put it in quotes")),
    }
}

/// As `scalar` reads it.
fn value(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": ["string", "boolean", "integer", "null"]})
}

impl From<Item> for Change {
    fn from(item: Item) -> Self {
        Self {
            id: item.identifier,
            value: item.value,
            allow_overrides: item.allow_overrides,
            update_type: item.update_type,
        }
    }
}

/// `SettingDTO`.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "SettingDto")]
struct Dto {
    identifier: &'static str,
    name: &'static str,
    org_identifier: Option<String>,
    project_identifier: Option<String>,
    category: &'static str,
    group_identifier: Option<&'static str>,
    #[schemars(extend("enum" = ["String", "Boolean", "Number"]))]
    value_type: &'static str,
    allowed_values: Option<&'static [&'static str]>,
    allow_overrides: bool,
    value: Option<String>,
    default_value: Option<String>,
    #[schemars(extend("enum" = ["ACCOUNT", "ORG", "PROJECT", "DEFAULT"]))]
    setting_source: &'static str,
    is_setting_editable: bool,
    #[schemars(extend("enum" = ["ACCOUNT", "ORGANIZATION", "PROJECT"]))]
    allowed_scopes: Vec<&'static str>,
}

/// `SettingResponseDTO`.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "SettingReply")]
struct Shown {
    setting: Dto,
    last_modified_at: Option<i64>,
}

/// `SettingUpdateResponseDTO`, with `warning` beside it.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "SettingUpdate")]
struct Updated {
    identifier: Option<String>,
    setting: Option<Dto>,
    last_modified_at: Option<i64>,
    update_status: bool,
    error_message: Option<String>,
    warning: Option<String>,
}

/// `SettingValueResponseDTO`.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "SettingValue")]
struct Resolved {
    #[schemars(extend("enum" = ["String", "Boolean", "Number"]))]
    value_type: &'static str,
    value: Option<String>,
}

fn source(level: Option<Level>) -> &'static str {
    match level {
        Some(Level::Account) => "ACCOUNT",
        Some(Level::Organization) => "ORG",
        Some(Level::Project) => "PROJECT",
        None => "DEFAULT",
    }
}

impl From<Seen> for Dto {
    fn from(seen: Seen) -> Self {
        let setting = seen.setting;
        Self {
            identifier: setting.id,
            name: setting.name,
            org_identifier: seen.scope.org().map(str::to_owned),
            project_identifier: seen.scope.project_id().map(str::to_owned),
            category: setting.category,
            group_identifier: setting.group,
            value_type: setting.value_type.as_str(),
            allowed_values: (!setting.allowed.is_empty()).then_some(setting.allowed),
            allow_overrides: seen.allow_overrides,
            value: seen.value,
            default_value: seen.default,
            setting_source: source(seen.source),
            is_setting_editable: seen.editable,
            allowed_scopes: setting.scopes.iter().map(|level| level.upper()).collect(),
        }
    }
}

impl From<Seen> for Shown {
    fn from(seen: Seen) -> Self {
        Self { last_modified_at: seen.updated_at.map(Timestamp::millis), setting: seen.into() }
    }
}

impl From<Outcome> for Updated {
    fn from(outcome: Outcome) -> Self {
        let (shown, error_message) = match outcome.result {
            Ok(seen) => (Some(Shown::from(seen)), None),
            Err(text) => (None, Some(text)),
        };
        Self {
            identifier: outcome.id,
            last_modified_at: shown.as_ref().and_then(|shown| shown.last_modified_at),
            update_status: error_message.is_none(),
            setting: shown.map(|shown| shown.setting),
            error_message,
            warning: outcome.warning,
        }
    }
}

async fn list(
    State(app): State<App>,
    actor: Actor,
    uri: Uri,
    Query(scope): Query<ScopeQuery>,
    Query(query): Query<ListQuery>,
) -> Result<Reply<Vec<Shown>>> {
    goes_by(&uri, &[], "narrow it by category and group")?;
    let reader = Reader::ask(&actor, &scope.scope(&actor.caller.account)?)?;
    let Some(name) = query.category.as_deref().filter(|name| !name.is_empty()) else {
        let text = "must not be null: add category to the query, for example category=SCIM";
        return Err(Problem::fields(vec![("category".into(), text.into())]));
    };
    let wanted = Wanted {
        category: category(name)?,
        group: query.group.filter(|group| !group.is_empty()),
        parents: query.include_parent_scopes.unwrap_or(false),
    };
    let seen = actions::list(&app, &reader, wanted).await?;
    Ok(Reply(seen.into_iter().map(Shown::from).collect()))
}

async fn show(
    State(app): State<App>,
    actor: Actor,
    Path(id): Path<String>,
    Query(scope): Query<ScopeQuery>,
) -> Result<Reply<Resolved>> {
    let reader = Reader::ask(&actor, &scope.scope(&actor.caller.account)?)?;
    let seen = actions::load(&app, &reader, id).await?;
    Ok(Reply(Resolved { value_type: seen.setting.value_type.as_str(), value: seen.value }))
}

async fn put(
    State(app): State<App>,
    actor: Actor,
    Query(scope): Query<ScopeQuery>,
    Query(query): Query<PutQuery>,
    Json(items): Json<Vec<Item>>,
) -> Result<Reply<Vec<Updated>>> {
    let grant = actor.grant::<SettingEdit>(&scope.scope(&actor.caller.account)?)?;
    let atomic = query.atomic.unwrap_or(false);
    if items.len() > MAX_CHANGES {
        let text =
            format!("{} settings in one request are too many: send at most {MAX_CHANGES}", items.len());
        return Err(Problem::invalid(text));
    }
    let changes = items.into_iter().map(Change::from).collect();
    let outcomes = actions::put(&app, &grant, changes, atomic).await?;
    Ok(Reply(outcomes.into_iter().map(Updated::from).collect()))
}
