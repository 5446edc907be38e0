//! `POST /v1/setup`: open, because it is what comes before the first credential.

use std::sync::Arc;

use axum::extract::State;
use axum::routing::post;
use axum::{Extension, Router};
use http::StatusCode;
use schemars::JsonSchema;
use serde::Deserialize;

use super::actions;
use super::model::Brake;
use crate::accounts::api::MadeView;
use crate::accounts::bootstrap::Bootstrap;
use crate::app::App;
use crate::kernel::ids::AccountId;
use crate::kernel::problem::{Problem, Result};
use crate::web::envelope::Bare;
use crate::web::extract::Json;
use crate::web::openapi::OpenApi;

/// The routes of this slice.
pub fn routes() -> Router<App> {
    Router::new().route("/v1/setup", post(redeem)).layer(Extension(Arc::<Brake>::default()))
}

/// What the OpenAPI document says of them.
pub fn describe(document: &mut OpenApi) {
    document
        .section("Set-up, state, version")
        .post("/v1/setup", redeem)
        .told(
            "setUp",
            "none; the code",
            "Makes the first account and its administrator, by the one-time code",
        )
        .created()
        .fails(&[401, 429]);
}

#[derive(Deserialize, JsonSchema)]
#[schemars(rename = "SetupWish")]
struct Wish {
    code: String,
    account: String,
    email: String,
    name: Option<String>,
}

async fn redeem(
    State(app): State<App>,
    Extension(brake): Extension<Arc<Brake>>,
    Json(wish): Json<Wish>,
) -> Result<Bare<MadeView>> {
    brake.admit(app.clock.now())?;
    let account = AccountId::parse(&wish.account).map_err(Problem::invalid)?;
    let first = Bootstrap::at_console(account, wish.email).called(wish.name);
    let made = actions::redeem(&app, &wish.code, first).await?;
    Ok(Bare(StatusCode::CREATED, made.into()))
}
