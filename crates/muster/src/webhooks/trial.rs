//! Trying a webhook out: one message without events, and what the receiver said to it.

use std::time::Duration;

use tokio::time::{Instant, timeout};

use super::actions::load;
use super::deliver::{excerpt, refusal, send};
use super::{batch, model::Webhook};
use crate::access::Grant;
use crate::access::permissions::SettingEdit;
use crate::app::App;
use crate::kernel::problem::Result;
use crate::outbound::post::PATIENCE;

/// Left of the server's bound for a request, so that what came of it can still be told.
const MARGIN: Duration = Duration::from_secs(1);

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trial {
    /// Did the receiver acknowledge it?
    pub is_delivered: bool,
    /// What it answered, if it did.
    pub status: Option<u16>,
    /// Until the answer was there, or it was known that none comes.
    pub millis: u64,
    /// The first bytes of the answer.
    pub body: Option<String>,
    /// What is wrong, and what to change.
    pub error: Option<String>,
}

/// Sends a message that asks for nothing; the webhook may be disabled, and nothing is written.
///
/// # Errors
/// `NotFound`.
pub async fn attempt(app: &App, grant: &Grant<SettingEdit>, identifier: &str) -> Result<Trial> {
    let account = &grant.scope().account;
    let webhook: Webhook = load(app, grant, identifier).await?.webhook;
    let message = batch::trial(account, &webhook, app.clock.now(), &app.rng.uuid())?;
    let begun = Instant::now();
    let patience = PATIENCE.min(app.limits.request_timeout.saturating_sub(MARGIN));
    let sent = match timeout(patience, send(app, &webhook, &message)).await {
        Ok(sent) => sent?,
        Err(_) => Err(format!("No answer came: none within {} seconds.", patience.as_secs())),
    };
    let millis = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
    Ok(match sent {
        Err(error) => Trial { is_delivered: false, status: None, millis, body: None, error: Some(error) },
        Ok(answer) => {
            let is_delivered = answer.status.is_success();
            Trial {
                is_delivered,
                status: Some(answer.status.as_u16()),
                millis,
                body: Some(excerpt(&answer.start)),
                error: (!is_delivered).then(|| refusal(&answer)),
            }
        }
    })
}
