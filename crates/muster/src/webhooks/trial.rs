//! Trying a webhook out: one message without events, and what the receiver said to it.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::{Instant, timeout};

use super::actions::load;
use super::deliver::{excerpt, refusal, send};
use super::{batch, model::Webhook};
use crate::access::Grant;
use crate::access::permissions::SettingEdit;
use crate::app::App;
use crate::kernel::ids::AccountId;
use crate::kernel::problem::{Kind, Problem, Result};
use crate::outbound::post::PATIENCE;

/// Left of the server's bound for a request, so that what came of it can still be told.
const MARGIN: Duration = Duration::from_secs(1);

/// Tests under way on a server at a time: each has a connection.
pub const AT_ONCE: usize = 32;
/// Of one account.
const OF_ONE_ACCOUNT: usize = 4;

/// Whose tests are under way. Cheap to clone.
#[derive(Clone, Default)]
pub struct Trials(Arc<Mutex<Vec<AccountId>>>);

impl Trials {
    /// Begins one.
    ///
    /// # Errors
    /// `TooMany` where `OF_ONE_ACCOUNT` of the account are under way, or `AT_ONCE` of all.
    fn begin(&self, account: &AccountId) -> Result<UnderWay> {
        let mut all = self.0.lock();
        let of_account = all.iter().filter(|other| *other == account).count();
        let text = if of_account >= OF_ONE_ACCOUNT {
            format!(
                "{of_account} tests of webhooks of this account are under way already: wait until one is answered. Nothing \
                was sent."
            )
        } else if all.len() >= AT_ONCE {
            format!(
                "{AT_ONCE} tests of webhooks are under way on this server already: try again in a few seconds. Nothing was \
                sent."
            )
        } else {
            all.push(account.clone());
            return Ok(UnderWay { all: self.clone(), account: account.clone() });
        };
        Err(Problem::new(Kind::TooMany, text).retry_after(1))
    }
}

/// One that is under way, until this is dropped.
struct UnderWay {
    all: Trials,
    account: AccountId,
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        let mut all = self.all.0.lock();
        if let Some(at) = all.iter().position(|other| *other == self.account) {
            all.swap_remove(at);
        }
    }
}

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
/// `NotFound`; `TooMany` where too many are under way.
pub async fn attempt(app: &App, grant: &Grant<SettingEdit>, identifier: &str) -> Result<Trial> {
    let account = &grant.scope().account;
    let webhook: Webhook = load(app, grant, identifier).await?.webhook;
    let _under_way = app.trials.begin(account)?;
    let message = batch::trial(account, &webhook, app.clock.now(), &app.rng.uuid())?;
    let begun = Instant::now();
    let patience = PATIENCE.min(app.limits.request_timeout.saturating_sub(MARGIN));
    let sent = match timeout(patience, send(app, &webhook, &message)).await {
        Ok(sent) => sent,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_has_so_many_at_a_time_and_an_account_few_of_them() {
        let trials = Trials::default();
        let begin = |account: usize| trials.begin(&AccountId::new(format!("a{account}")));
        let fill = || (0..99).flat_map(|a| (0..9).filter_map(move |_| begin(a).ok())).collect::<Vec<_>>();
        let mut all = fill();
        assert_eq!((all.len(), fill().len()), (AT_ONCE, 0));
        assert_eq!(all.iter().filter(|one| one.account.as_str() == "a7").count(), OF_ONE_ACCOUNT);
        let texts = [0, 99].map(|account| begin(account).err().expect("one too many").to_string());
        assert!(texts[0].starts_with("4 tests") && texts[1].starts_with("32 tests"), "{texts:?}");
        all.remove(0);
        assert!(begin(1).is_err() && begin(0).is_ok() && begin(99).is_ok());
        drop(all);
        assert_eq!(fill().len(), AT_ONCE);
    }
}
