//! `POST /v1/setup`: open, because it is what comes before the first credential.

use std::sync::Arc;

use axum::extract::State;
use axum::routing::post;
use axum::{Extension, Router};
use http::StatusCode;
use serde::{Deserialize, Serialize};

use super::actions;
use super::model::Brake;
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
}

#[derive(Serialize)]
struct MadeView {
    account_identifier: String,
    user_identifier: String,
    token: String,
}

async fn redeem(
    State(app): State<App>,
    Extension(brake): Extension<Arc<Brake>>,
    Json(wish): Json<Wish>,
) -> Result<Bare<MadeView>> {
    brake.admit(app.clock.now())?;
    let account = AccountId::parse(&wish.account).map_err(Problem::invalid)?;
    let first = Bootstrap { account, email: wish.email, another_token: false };
    let made = actions::redeem(&app, &wish.code, first).await?;
    let view = MadeView {
        account_identifier: made.account.to_string(),
        user_identifier: made.user.to_string(),
        token: made.token.expose().to_owned(),
    };
    Ok(Bare(StatusCode::CREATED, view))
}
