//! Routes of the operator. They are there where the server is told of a file with his tokens.

use axum::Router;
use axum::extract::{FromRequestParts, State};
use axum::routing::{get, post};
use http::StatusCode;
use http::request::Parts;
use serde::{Deserialize, Serialize};

use super::actions::{self, Change};
use super::door::{self, Operator};
use crate::accounts::api::MadeView;
use crate::accounts::bootstrap::{Bootstrap, First};
use crate::accounts::model::{Account, Status};
use crate::app::App;
use crate::kernel::caller::Caller;
use crate::kernel::ids::AccountId;
use crate::kernel::number::number;
use crate::kernel::problem::{Problem, Result};
use crate::kernel::surface::Surface;
use crate::kernel::text::{FieldCheck, Tags};
use crate::kernel::time::Timestamp;
use crate::service_accounts::model::NewServiceAccount;
use crate::web::envelope::Bare;
use crate::web::extract::{Json, Path, Query};

const DEFAULT_LIMIT: i64 = 100;
const MOST: i64 = 1_000;

/// The routes.
pub fn routes() -> Router<App> {
    Router::new()
        .route("/v1/accounts", get(list).post(create))
        .route("/v1/accounts/{account}", get(show).patch(change).delete(delete))
        .route("/v1/accounts/{account}/tokens", post(another_token))
}

impl FromRequestParts<App> for Operator {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self> {
        door::admit(parts, app).await
    }
}

/// Wire form of an account; times in milliseconds since 1970.
#[derive(Debug, Serialize)]
struct View {
    identifier: String,
    name: String,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    users: Option<i64>,
    created: i64,
    updated: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    erase_at: Option<i64>,
}

impl From<Account> for View {
    fn from(account: Account) -> Self {
        Self {
            identifier: account.identifier.to_string(),
            name: account.name,
            status: account.status.as_str(),
            users: account.users,
            created: account.created_at.millis(),
            updated: account.updated_at.millis(),
            erase_at: account.erase_at.map(Timestamp::millis),
        }
    }
}

#[derive(Debug, Serialize)]
struct Page {
    accounts: Vec<View>,
    /// What to send as `after` for the next page; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Asked {
    after: Option<String>,
    limit: Option<String>,
}

async fn list(State(app): State<App>, _: Operator, Query(asked): Query<Asked>) -> Result<Bare<Page>> {
    let limit = number("limit", asked.limit.as_deref(), 1..=MOST)?.unwrap_or(DEFAULT_LIMIT);
    // One more tells whether there is another page.
    let mut found = actions::list(&app, asked.after.unwrap_or_default(), limit + 1).await?;
    let most = usize::try_from(limit).unwrap_or(usize::MAX);
    let is_last = found.len() <= most;
    found.truncate(most);
    let accounts: Vec<View> = found.into_iter().map(View::from).collect();
    let next = accounts.last().filter(|_| !is_last).map(|last| last.identifier.clone());
    Ok(Bare(StatusCode::OK, Page { accounts, next }))
}

// Bodies are taken whole or not at all: a member that is misspelt would seem to be in force.

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct NewAccount {
    identifier: String,
    name: Option<String>,
    // Those of `Holder`: what is flattened cannot tell which members are known.
    email: Option<String>,
    service_account: Option<String>,
    surfaces: Option<Vec<String>>,
}

/// Whose the token is, one of the two, and where it may be presented.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Holder {
    /// A user's address.
    email: Option<String>,
    /// A service account's identifier.
    service_account: Option<String>,
    /// Anywhere without it.
    surfaces: Option<Vec<String>>,
}

impl Holder {
    fn read(self, check: &mut FieldCheck) -> Option<(First, Vec<Surface>)> {
        let surfaces = self.surfaces.map_or(Ok(Surface::ALL.to_vec()), |named| Surface::named(&named));
        let surfaces = check.read("surfaces", surfaces);
        let first = match (self.email, self.service_account) {
            (Some(email), None) => {
                check.email("email", &email);
                Some(First::User(email))
            }
            (None, Some(id)) => {
                // Names know no `$`.
                let name = id.replace('$', "-");
                let new = NewServiceAccount::check(Some(id), name, None, None, Tags::new());
                check.read("service_account", new.map(First::Machine).map_err(|p| p.message().to_owned()))
            }
            _ => {
                check.fail("email", "send this or service_account, and not both");
                None
            }
        };
        first.zip(surfaces)
    }
}

async fn create(
    State(app): State<App>,
    operator: Operator,
    Json(body): Json<NewAccount>,
) -> Result<Bare<MadeView>> {
    let mut check = FieldCheck::new();
    let account = AccountId::parse(&body.identifier);
    if let Err(text) = &account {
        check.fail("identifier", text.as_str());
    }
    if let Some(name) = &body.name {
        check.title("name", name);
    }
    let NewAccount { name, email, service_account, surfaces, .. } = body;
    let holder = Holder { email, service_account, surfaces };
    let first = holder.read(&mut check);
    check.done()?;
    let caller = operator.caller(account.map_err(Problem::invalid)?);
    let wish = wished(caller, name, first)?;
    Ok(Bare(StatusCode::CREATED, actions::create(&app, &operator, wish).await?.into()))
}

async fn show(State(app): State<App>, _: Operator, Path(account): Path<String>) -> Result<Bare<View>> {
    Ok(Bare(StatusCode::OK, actions::find(&app, named(&account)?).await?.into()))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ChangeBody {
    name: Option<String>,
    status: Option<String>,
}

async fn change(
    State(app): State<App>,
    operator: Operator,
    Path(account): Path<String>,
    Json(body): Json<ChangeBody>,
) -> Result<Bare<View>> {
    let mut check = FieldCheck::new();
    if let Some(name) = &body.name {
        check.title("name", name);
    }
    if body.name.is_none() && body.status.is_none() {
        check.fail("status", "is missing, and so is name: send what is to be changed");
    }
    let status = body.status.and_then(|word| check.read("status", wanted(&word)));
    check.done()?;
    let change = Change { name: body.name, status };
    Ok(Bare(StatusCode::OK, actions::change(&app, operator, named(&account)?, change).await?.into()))
}

/// The states that an account is brought into by its name.
fn wanted(word: &str) -> std::result::Result<Status, String> {
    match Status::parse(word) {
        Some(status @ (Status::Active | Status::Suspended)) => Ok(status),
        _ => Err(format!("cannot be {word:?}; send ACTIVE or SUSPENDED (an account is deleted by DELETE)")),
    }
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
    operator: Operator,
    Path(account): Path<String>,
    Json(body): Json<Holder>,
) -> Result<Bare<MadeView>> {
    let (account, mut check) = (named(&account)?, FieldCheck::new());
    let first = body.read(&mut check);
    check.done()?;
    let wish = Bootstrap { another_token: true, ..wished(operator.caller(account), None, first)? };
    Ok(Bare(StatusCode::CREATED, actions::another_token(&app, &operator, wish).await?.into()))
}

fn wished(caller: Caller, name: Option<String>, first: Option<(First, Vec<Surface>)>) -> Result<Bootstrap> {
    let (first, surfaces) =
        first.ok_or_else(|| Problem::internal("a body without a complaint has no administrator"))?;
    Ok(Bootstrap { caller, name, first, another_token: false, surfaces })
}

/// The account of a path.
fn named(text: &str) -> Result<AccountId> {
    AccountId::parse(text).map_err(|_| Problem::not_found(format!("There is no account {text:.80}.")))
}
