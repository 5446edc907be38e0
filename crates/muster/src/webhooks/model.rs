//! What a webhook is, and what becomes of it with each delivery. Pure.

use serde_json::{Value, json};
use url::Url;

use crate::events::Kind;
use crate::kernel::problem::Result;
use crate::kernel::secret::Secret;
use crate::kernel::text::FieldCheck;
use crate::kernel::time::Timestamp;
use crate::kernel::version::Tag;
use crate::outbound::guard::Allow;
use crate::outbound::place::read_url;

/// Webhooks of one account, at most.
pub const MOST: usize = 20;
/// Most bytes of a URL.
pub const URL_MOST: usize = 2_048;
/// How long the secret before a rotation still signs.
pub const FORMER_SECS: i64 = 24 * 3_600;
/// How long an attempt has its webhook for itself: longer than a receiver may take to answer.
pub const CLAIM_SECS: i64 = 30;
/// A receiver that takes longer is slow, whatever it answers.
pub const SLOW_SECS: i64 = 2;

/// Seconds to the next attempt after so many failures; then each hour.
const WAITS: [i64; 5] = [5, 30, 120, 600, 1_800];
const LONGEST_WAIT: i64 = 3_600;
/// Without success for so long a webhook is disabled …
const GIVEN_UP_SECS: i64 = 5 * 86_400;
/// … unless there were fewer attempts: the server itself may have been away.
const GIVEN_UP_FAILURES: i64 = 24;

/// What an administrator says of a webhook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Definition {
    /// Unique in the account.
    pub identifier: String,
    /// For people.
    pub name: String,
    /// For people.
    pub description: Option<String>,
    /// Where events go, as it was sent.
    pub url: String,
    /// Events of these kinds; empty for all.
    pub kinds: Vec<Kind>,
    /// Is anything sent?
    pub enabled: bool,
}

impl Definition {
    /// Checks what was sent.
    ///
    /// # Errors
    /// `Fields`, every complaint at once.
    pub fn check(&self, allow: &Allow) -> Result<()> {
        let mut check = FieldCheck::new();
        check.identifier("identifier", &self.identifier);
        check.name("name", &self.name);
        check.description("description", self.description.as_deref());
        if let Err(why) = place(&self.url, allow) {
            check.fail("url", format!("cannot be used: {why}"));
        }
        check.done()
    }

    /// As audit rows have it.
    pub fn shown(&self) -> Value {
        json!({
            "name": self.name, "description": self.description, "url": self.url, "types": self.words(),
            "enabled": self.enabled
        })
    }

    /// The kinds by their words.
    pub fn words(&self) -> Vec<&'static str> {
        self.kinds.iter().map(|kind| kind.as_str()).collect()
    }
}

/// The URL, as far as it can be judged without asking anybody.
///
/// # Errors
/// What to change in it.
pub fn place(text: &str, allow: &Allow) -> std::result::Result<Url, String> {
    if text.is_empty() {
        return Err("it is empty; send the https URL that takes the events".into());
    }
    if text.len() > URL_MOST {
        return Err(format!("it is longer than {URL_MOST} bytes; send a shorter one"));
    }
    let url = read_url(text).map_err(|why| format!("it {why}; write it as https://host/path"))?;
    allow.check_url(&url).map(|()| url)
}

/// A webhook as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Webhook {
    /// What was sent.
    pub definition: Definition,
    /// Signs.
    pub secret: Secret,
    /// Also signs until then.
    pub former: Option<(Secret, Timestamp)>,
    /// Where its deliveries are.
    pub delivery: Delivery,
    /// From 1, one more with each change; not with deliveries.
    pub version: i64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// Where the deliveries of a webhook are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Delivery {
    /// The last number acknowledged, or not meant for it.
    pub seq: i64,
    /// The last number of the batch that is under way: what has been sent once is sent again as it was.
    pub batch_end: Option<i64>,
    /// When there is something to do; for an attempt under way, when another one takes over.
    pub due_at: Option<Timestamp>,
    /// The attempt that is under way.
    pub claim: Option<String>,
    /// Attempts in a row without success.
    pub failures: i64,
    /// When the first of them was.
    pub failing_since: Option<Timestamp>,
    /// When the last attempt ended.
    pub last_attempt_at: Option<Timestamp>,
    /// What was answered to it, if anything was.
    pub last_status: Option<i64>,
    /// What was wrong with it, and what to change.
    pub last_error: Option<String>,
    /// Why the server has disabled the webhook, where it did.
    pub disabled_reason: Option<String>,
    /// Did the last attempt take longer than `SLOW_SECS`?
    pub is_slow: bool,
}

/// An attempt that did not succeed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What was answered, if anything was.
    pub status: Option<u16>,
    /// What was wrong, and what to change.
    pub error: String,
    /// Not before so many seconds again, as the receiver asks.
    pub retry_after_secs: Option<i64>,
    /// From 0 up to 255 of a fifth longer, so that many webhooks do not come back at once.
    pub jitter: u8,
}

impl Webhook {
    /// Its entity tag.
    pub fn tag(&self) -> Tag {
        Tag { created_at: self.created_at, version: self.version }
    }

    /// The secrets that sign now.
    pub fn secrets(&self, now: Timestamp) -> Vec<&Secret> {
        let former = self.former.iter().filter(|(_, until)| *until > now).map(|(secret, _)| secret);
        std::iter::once(&self.secret).chain(former).collect()
    }

    /// Drops the former secret once it signs no more.
    pub fn forget_former(&mut self, now: Timestamp) {
        self.former.take_if(|(_, until)| *until <= now);
    }

    /// Takes another secret; the former one still signs for a while.
    pub fn rotate(&mut self, fresh: Secret, now: Timestamp) {
        let former = std::mem::replace(&mut self.secret, fresh);
        self.former = Some((former, now.plus_secs(FORMER_SECS)));
        self.changed(now);
    }

    /// Takes another definition, and goes on behind the number `skip_to`, where there is one. What was sent
    /// to the former place is sent anew; failures of before do not count any more.
    pub fn redefine(&mut self, definition: Definition, skip_to: Option<i64>, now: Timestamp) {
        let delivery = &mut self.delivery;
        if definition.kinds != self.definition.kinds {
            delivery.batch_end = None;
        }
        let aside = (&definition.url, &definition.kinds, definition.enabled)
            != (&self.definition.url, &self.definition.kinds, self.definition.enabled);
        if aside || skip_to.is_some() {
            (delivery.claim, delivery.failures, delivery.failing_since) = (None, 0, None);
            (delivery.disabled_reason, delivery.is_slow) = (None, false);
        }
        if let Some(latest) = skip_to {
            (delivery.seq, delivery.batch_end) = (latest, None);
        }
        self.definition = definition;
        self.changed(now);
    }

    /// The next attempt is now, unless one is under way.
    pub fn due_now(&mut self, latest: i64, now: Timestamp) {
        if self.delivery.claim.is_none() {
            let has_more = self.definition.enabled && self.delivery.seq < latest;
            self.delivery.due_at = has_more.then_some(now);
        }
    }

    /// Everything up to `to` is acknowledged.
    pub fn acknowledged(&mut self, status: u16, to: i64, now: Timestamp) {
        let delivery = &mut self.delivery;
        (delivery.failures, delivery.failing_since, delivery.last_error) = (0, None, None);
        (delivery.last_attempt_at, delivery.last_status) = (Some(now), Some(status.into()));
        self.passed(to);
    }

    /// Nothing up to `to` is missing any more.
    pub fn passed(&mut self, to: i64) {
        (self.delivery.seq, self.delivery.batch_end, self.delivery.claim) = (to, None, None);
    }

    /// Nobody is at it any more, and nobody knows what came of the attempt: the same is sent again.
    pub fn given_back(&mut self, now: Timestamp) {
        (self.delivery.claim, self.delivery.due_at) = (None, Some(now));
    }

    /// An attempt has failed. Answers why there is to be no other one, where that is so.
    pub fn failed(&mut self, failure: &Failure, now: Timestamp) -> Option<String> {
        let delivery = &mut self.delivery;
        (delivery.last_attempt_at, delivery.last_status) = (Some(now), failure.status.map(i64::from));
        delivery.last_error = Some(failure.error.clone());
        delivery.failures += 1;
        let since = *delivery.failing_since.get_or_insert(now);
        delivery.claim = None;
        let wait = wait(delivery.failures, failure);
        delivery.due_at = Some(Timestamp::from_micros(now.micros().saturating_add(wait)));
        if failure.status == Some(410) {
            let text = "The receiver answered 410 Gone, which says that it wants no more events: enable the webhook \
                again once it does.";
            return Some(text.to_owned());
        }
        let is_given_up = since.plus_secs(GIVEN_UP_SECS) <= now && delivery.failures >= GIVEN_UP_FAILURES;
        is_given_up.then(|| {
            format!(
                "For five days no attempt succeeded, the last of {}: {} Mend that, and enable the webhook again; it goes \
                on where it stopped.",
                delivery.failures, failure.error
            )
        })
    }

    /// Sends nothing more until somebody enables it again.
    pub fn disable(&mut self, reason: String, now: Timestamp) {
        (self.delivery.claim, self.delivery.due_at) = (None, None);
        self.delivery.disabled_reason = Some(reason);
        self.definition.enabled = false;
        self.changed(now);
    }

    fn changed(&mut self, now: Timestamp) {
        self.version += 1;
        self.updated_at = now;
    }
}

/// Microseconds from the last of so many failures to the next attempt.
fn wait(failures: i64, failure: &Failure) -> i64 {
    let step = usize::try_from(failures - 1).unwrap_or(0);
    let wait = WAITS.get(step).copied().unwrap_or(LONGEST_WAIT);
    let asked = failure.retry_after_secs.unwrap_or(0).clamp(0, LONGEST_WAIT);
    let wait = wait.max(asked) * 1_000_000;
    wait + wait * i64::from(failure.jitter) / (5 * 256)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(status: Option<u16>, retry_after_secs: Option<i64>) -> Failure {
        Failure { status, error: "Wrong.".into(), retry_after_secs, jitter: 0 }
    }

    fn webhook() -> Webhook {
        let definition = Definition {
            identifier: "w".into(),
            name: "W".into(),
            description: None,
            url: "https://a.example/".into(),
            kinds: Vec::new(),
            enabled: true,
        };
        let at = Timestamp::from_millis(0);
        Webhook {
            definition,
            secret: Secret::new("s"),
            former: None,
            delivery: Delivery::default(),
            version: 1,
            created_at: at,
            updated_at: at,
        }
    }

    #[test]
    fn attempts_come_ever_later_and_never_before_the_receiver_wants_them() {
        let wait = |n, failure: &Failure| wait(n, failure) / 1_000_000;
        let waits: Vec<_> = (1..=7).map(|n| wait(n, &failure(None, None))).collect();
        assert_eq!(waits, [5, 30, 120, 600, 1_800, 3_600, 3_600]);
        assert_eq!(wait(1, &failure(None, Some(90))), 90);
        assert_eq!(wait(5, &failure(None, Some(90))), 1_800);
        assert_eq!(wait(1, &failure(None, Some(i64::MAX))), 3_600, "an hour at most");
        let late = Failure { jitter: 255, ..failure(None, None) };
        assert_eq!([super::wait(1, &late), super::wait(9, &late)], [5_996_093, 4_317_187_500]);
    }

    #[test]
    fn a_webhook_is_given_up_after_days_and_many_attempts_or_by_410_at_once() {
        let (mut webhook, start) = (webhook(), Timestamp::from_millis(0));
        for n in 1..GIVEN_UP_FAILURES {
            assert_eq!(webhook.failed(&failure(None, None), start.plus_secs(n * 10 * 86_400)), None, "{n}");
        }
        let last = start.plus_secs(GIVEN_UP_FAILURES * 10 * 86_400);
        assert!(webhook.failed(&failure(None, None), last).unwrap().contains("24: Wrong. Mend that"));
        webhook.acknowledged(200, 7, last);
        assert_eq!((webhook.delivery.failures, webhook.delivery.failing_since), (0, None));
        for _ in 0..GIVEN_UP_FAILURES * 2 {
            assert_eq!(webhook.failed(&failure(Some(500), None), last), None, "not within the days");
        }
        assert!(webhook.failed(&failure(Some(410), None), last).unwrap().contains("410"));
    }

    #[test]
    fn the_former_secret_signs_for_a_day() {
        let (mut webhook, now) = (webhook(), Timestamp::from_millis(0));
        webhook.rotate(Secret::new("t"), now);
        let texts = |at: Timestamp| webhook.secrets(at).into_iter().map(Secret::expose).collect::<Vec<_>>();
        assert_eq!(texts(now.plus_secs(FORMER_SECS - 1)), ["t", "s"]);
        assert_eq!(texts(now.plus_secs(FORMER_SECS)), ["t"]);
        webhook.forget_former(now.plus_secs(FORMER_SECS - 1));
        assert!(webhook.former.is_some());
        webhook.forget_former(now.plus_secs(FORMER_SECS));
        assert_eq!(webhook.former, None, "nor is it kept");
    }
}
