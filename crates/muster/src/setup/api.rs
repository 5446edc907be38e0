//! `POST /v1/setup`: open, because it is what comes before the first credential.

use std::sync::Arc;

use axum::extract::State;
use axum::routing::post;
use axum::{Extension, Router};
use http::StatusCode;
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

/// The routes of this slice.
pub fn routes() -> Router<App> {
    Router::new().route("/v1/setup", post(redeem)).layer(Extension(Arc::<Brake>::default()))
}

#[derive(Deserialize)]
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
