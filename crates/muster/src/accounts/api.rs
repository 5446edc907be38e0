//! Routes of accounts (platform API §12).

use axum::Router;
use axum::extract::State;
use axum::routing::{get, put};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::actions;
use super::bootstrap::Made;
use super::model::Account;
use super::{organizations, projects};
use crate::access::Actor;
use crate::access::permissions::{AccountEdit, AccountView};
use crate::app::App;
use crate::kernel::problem::Result;
use crate::kernel::scope::Scope;
use crate::tokens::model::{KEY_LIMIT, TOKEN_LIMIT};
use crate::tokens::secret::Kind;
use crate::web::envelope::Reply;
use crate::web::extract::{Json, Path, ScopeQuery};
use crate::web::openapi::OpenApi;

/// Accounts, organizations, projects.
pub fn routes() -> Router<App> {
    Router::new()
        .route("/ng/api/accounts/{accountIdentifier}", get(show))
        .route("/ng/api/accounts/{accountIdentifier}/name", put(rename))
        .merge(organizations::api::routes())
        .merge(projects::api::routes())
        .merge(organizations::v1::routes())
        .merge(projects::v1::routes())
}

/// What the OpenAPI document says of them.
pub fn describe(document: &mut OpenApi) {
    document
        .section("Accounts")
        .nothing_is_400()
        .get("/ng/api/accounts/{accountIdentifier}", show)
        .told("getAccount", "core_account_view", "Shows the account of the credential")
        .put("/ng/api/accounts/{accountIdentifier}/name", rename)
        .told("renameAccount", "core_account_edit", "Gives the account another name");
    organizations::api::describe(document);
    organizations::v1::describe(document);
    projects::api::describe(document);
    projects::v1::describe(document);
}

#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "AccountNameBody")]
struct NameBody {
    name: String,
}

/// Wire form of an account. `companyName` is the name again: the reference keeps both.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "AccountReply")]
struct Shown {
    identifier: String,
    name: String,
    company_name: String,
    created_at: i64,
    last_modified_at: i64,
    next_gen_enabled: bool,
    service_account_config: ServiceAccountConfig,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct ServiceAccountConfig {
    api_key_limit: i64,
    token_limit: i64,
}

impl From<Account> for Shown {
    fn from(account: Account) -> Self {
        Self {
            identifier: account.identifier.to_string(),
            company_name: account.name.clone(),
            name: account.name,
            created_at: account.created_at.millis(),
            last_modified_at: account.updated_at.millis(),
            next_gen_enabled: true,
            service_account_config: ServiceAccountConfig {
                api_key_limit: KEY_LIMIT,
                token_limit: TOKEN_LIMIT,
            },
        }
    }
}

/// Wire form of what a first administrator starts with: of a user or of a service account.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "MadeAccount")]
pub struct MadeView {
    account_identifier: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_identifier: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    service_account_identifier: Option<String>,
    token: String,
}

impl From<Made> for MadeView {
    fn from(made: Made) -> Self {
        let (user, machine) = match made.kind {
            Kind::User => (Some(made.id), None),
            Kind::ServiceAccount => (None, Some(made.id)),
        };
        Self {
            account_identifier: made.account.to_string(),
            user_identifier: user,
            service_account_identifier: machine,
            token: made.token.expose().to_owned(),
        }
    }
}

/// The account of the path, which must be the caller's.
fn scope_of(actor: &Actor, account: String) -> Result<Scope> {
    let query = ScopeQuery { account_identifier: Some(account), ..ScopeQuery::default() };
    query.scope(&actor.caller.account)
}

async fn show(State(app): State<App>, actor: Actor, Path(account): Path<String>) -> Result<Reply<Shown>> {
    let scope = scope_of(&actor, account)?;
    let grant = actor.grant_on::<AccountView>(&scope, Some(scope.account.as_str()))?;
    Ok(Reply(actions::account(&app, &grant).await?.into()))
}

async fn rename(
    State(app): State<App>,
    actor: Actor,
    Path(account): Path<String>,
    Json(body): Json<NameBody>,
) -> Result<Reply<Shown>> {
    let scope = scope_of(&actor, account)?;
    let grant = actor.grant_on::<AccountEdit>(&scope, Some(scope.account.as_str()))?;
    Ok(Reply(actions::rename(&app, &grant, body.name).await?.into()))
}
