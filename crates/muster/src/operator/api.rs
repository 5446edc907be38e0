//! Routes of the operator. They are there where the server is told of a file with his tokens.

use axum::Router;
use axum::extract::{FromRequest, FromRequestParts, Request, State};
use axum::routing::{get, post};
use http::StatusCode;
use http::request::Parts;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::actions;
use super::bodies::{ChangeBody, Holder, NewAccount, View};
use super::door::{self, Operator};
use crate::accounts::api::MadeView;
use crate::app::App;
use crate::kernel::ids::AccountId;
use crate::kernel::number::number;
use crate::kernel::problem::{Problem, Result};
use crate::web::envelope::Bare;
use crate::web::extract::{Json, Path, Query};
use crate::web::openapi::{self, OpenApi, Schemas, Takes};

const DEFAULT_LIMIT: i64 = 100;
const MOST: i64 = 1_000;

/// The routes.
pub fn routes() -> Router<App> {
    Router::new()
        .route("/v1/accounts", get(list).post(create))
        .route("/v1/accounts/{account}", get(show).patch(change).delete(delete))
        .route("/v1/accounts/{account}/tokens", post(another_token))
}

/// What the OpenAPI document says of them.
pub fn describe(document: &mut OpenApi) {
    document
        .section("Accounts of an installation")
        .get("/v1/accounts", list)
        .told("listAllAccounts", "the operator's token", "Lists the accounts by identifier, page by page")
        .post("/v1/accounts", create)
        .told(
            "createAccount",
            "the operator's token",
            "Makes an account, with its first administrator and a token for him",
        )
        .created()
        .get("/v1/accounts/{account}", show)
        .told("getAnyAccount", "the operator's token", "Shows one account")
        .patch("/v1/accounts/{account}", change)
        .told("changeAccount", "the operator's token", "Renames an account, suspends it or takes it back")
        .delete("/v1/accounts/{account}", delete)
        .told("deleteAccount", "the operator's token", "Deletes an account that is suspended")
        .post("/v1/accounts/{account}/tokens", another_token)
        .told(
            "createAccountToken",
            "the operator's token",
            "Makes one more token for an active user or a service account",
        )
        .created();
}

impl FromRequestParts<App> for Operator {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self> {
        door::admit(parts, app).await
    }
}

impl Takes for Operator {
    fn describe(operation: &mut openapi::Operation, _: &mut Schemas) {
        operation.secured(&["operator"]);
    }
}

impl<T: JsonSchema> Takes for Sent<T> {
    fn describe(operation: &mut openapi::Operation, schemas: &mut Schemas) {
        Operator::describe(operation, schemas);
        Json::<T>::describe(operation, schemas);
    }
}

/// A body, and who sent it. He is let in before it is read and asked again when it is here: it may have been
/// long on its way, and his token may have left the file meanwhile.
struct Sent<T>(Operator, T);

impl<T: DeserializeOwned + Send> FromRequest<App> for Sent<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &App) -> Result<Self> {
        let (head, body) = request.into_parts();
        door::admit(&head, app).await?;
        let Json(read) = Json::from_request(Request::from_parts(head.clone(), body), app).await?;
        Ok(Self(door::admit(&head, app).await?, read))
    }
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "AccountsPage")]
struct Page {
    accounts: Vec<View>,
    /// What to send as `after` for the next page; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

// A parameter that is misspelt would walk the first page for ever.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Asked {
    after: Option<String>,
    #[schemars(with = "Option<u32>", range(min = 1, max = MOST), extend("default" = DEFAULT_LIMIT))]
    limit: Option<String>,
}

async fn list(State(app): State<App>, _: Operator, Query(asked): Query<Asked>) -> Result<Bare<Page>> {
    let limit = number("limit", asked.limit.as_deref(), 1..=MOST)?.unwrap_or(DEFAULT_LIMIT);
    let after = asked.after.unwrap_or_default();
    if !after.is_empty() {
        AccountId::parse(&after)
            .map_err(|text| Problem::invalid(format!("after is none that a page gave as next: {text}.")))?;
    }
    // One more tells whether there is another page.
    let mut found = actions::list(&app, after, limit + 1).await?;
    let most = usize::try_from(limit).unwrap_or(usize::MAX);
    let is_last = found.len() <= most;
    found.truncate(most);
    let next = found.last().filter(|_| !is_last).map(|last| last.identifier.to_string());
    Ok(Bare(StatusCode::OK, Page { accounts: found.into_iter().map(View::from).collect(), next }))
}

async fn create(State(app): State<App>, Sent(operator, body): Sent<NewAccount>) -> Result<Bare<MadeView>> {
    let wish = body.read(|account| operator.caller(account))?;
    Ok(Bare(StatusCode::CREATED, actions::create(&app, &operator, wish).await?.into()))
}

async fn show(State(app): State<App>, _: Operator, Path(account): Path<String>) -> Result<Bare<View>> {
    Ok(Bare(StatusCode::OK, actions::find(&app, named(&account)?).await?.into()))
}

async fn change(
    State(app): State<App>,
    Path(account): Path<String>,
    Sent(operator, body): Sent<ChangeBody>,
) -> Result<Bare<View>> {
    let change = body.read()?;
    Ok(Bare(StatusCode::OK, actions::change(&app, operator, named(&account)?, change).await?.into()))
}

async fn delete(
    State(app): State<App>,
    operator: Operator,
    Path(account): Path<String>,
) -> Result<Bare<View>> {
    Ok(Bare(StatusCode::OK, actions::delete(&app, operator, named(&account)?).await?.into()))
}

async fn another_token(
    State(app): State<App>,
    Path(account): Path<String>,
    Sent(operator, body): Sent<Holder>,
) -> Result<Bare<MadeView>> {
    let wish = body.read(operator.caller(named(&account)?))?;
    Ok(Bare(StatusCode::CREATED, actions::another_token(&app, &operator, wish).await?.into()))
}

/// The account of a path.
fn named(text: &str) -> Result<AccountId> {
    AccountId::parse(text).map_err(|_| Problem::not_found(format!("There is no account {text:.80}.")))
}
