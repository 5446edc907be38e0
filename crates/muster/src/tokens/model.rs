//! How long tokens live and how many there may be: the rules, pure.

use crate::kernel::problem::{Problem, Result};
use crate::kernel::rng::Rng;
use crate::kernel::time::Timestamp;
use crate::settings::catalogue::MOST_TOKEN_DAYS;

/// API keys an owner may have (`serviceAccountConfig.apiKeyLimit`).
pub const KEY_LIMIT: i64 = 5;
/// Tokens an API key may have (`serviceAccountConfig.tokenLimit`); as many rotated ones may live out their
/// time.
pub const TOKEN_LIMIT: i64 = 5;
/// `defaultTimeToExpireToken` of a key whose creator names none: 30 days in milliseconds.
pub const DEFAULT_TTL_MS: i64 = 30 * DAY_MS;

const DAY_MS: i64 = 86_400_000;
/// A client counts a year from its own clock; so much beyond the limit is no wish for more.
const GRACE_MS: i64 = 3_600_000;

/// What went with an owner who was deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Removed {
    /// API keys.
    pub keys: u64,
    /// Tokens.
    pub tokens: u64,
}

/// What the account allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// May a token never end (setting `allow_tokens_without_expiry`)?
    pub never: bool,
    /// Longest life in days (setting `max_token_lifetime_days`).
    pub max_days: i64,
}

impl Default for Policy {
    fn default() -> Self {
        Self { never: false, max_days: i64::from(MOST_TOKEN_DAYS) }
    }
}

/// The times a client wishes for a token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wish {
    /// `validFrom`; now without.
    pub from: Option<Timestamp>,
    /// `validTo`; the key's default time without.
    pub to: Option<Timestamp>,
    /// `neverExpires`, beyond the reference.
    pub never: Option<bool>,
}

impl Wish {
    /// Checks what the wish says of the end.
    ///
    /// # Errors
    /// `Invalid` for one that never comes and has a time.
    pub fn check(self) -> Result<()> {
        if self.never == Some(true) && self.to.is_some() {
            return Err(Problem::invalid("neverExpires and validTo contradict each other: send one of them"));
        }
        Ok(())
    }
}

/// The times a token gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// Holds from then …
    pub from: Timestamp,
    /// … to then; `None`: never ends.
    pub to: Option<Timestamp>,
}

impl Policy {
    /// What else a longer life takes than the account allows.
    pub fn way_out(self) -> &'static str {
        match (self.max_days < i64::from(MOST_TOKEN_DAYS), self.never) {
            (true, _) => "have an administrator raise the setting max_token_lifetime_days",
            (false, true) => "make the token with neverExpires, which the account allows",
            (false, false) => {
                "have an administrator turn on the setting allow_tokens_without_expiry and make the token with neverExpires"
            }
        }
    }

    /// The longest life in milliseconds.
    pub fn max_ms(self) -> i64 {
        self.max_days.saturating_mul(DAY_MS)
    }

    /// The last time at which a token may end that is made now.
    fn last(self, now: Timestamp) -> Timestamp {
        later(now, self.max_ms())
    }

    /// The end of a token that takes the place of one with this end: the same, as far as the account allows
    /// it today. A limit that became stricter must not keep anybody from a new secret.
    pub fn end_after_rotation(self, old: Option<Timestamp>, now: Timestamp) -> Option<Timestamp> {
        match old {
            None if self.never => None,
            Some(end) if end <= later(self.last(now), GRACE_MS) => Some(end),
            _ => Some(self.last(now)),
        }
    }

    /// The times for a wish; `default_ttl_ms` is the key's, cut to what the account allows. A life that
    /// begins later is counted from now all the same: else a secret of today would work at any time to come.
    ///
    /// # Errors
    /// `Invalid` for an end in the past or before the beginning, a life longer than the account allows, or
    /// none.
    pub fn span(self, wish: Wish, default_ttl_ms: i64, now: Timestamp) -> Result<Span> {
        wish.check()?;
        let from = wish.from.unwrap_or(now);
        if wish.never == Some(true) {
            return self.endless(from);
        }
        let default = later(from, default_ttl_ms.min(self.max_ms())).min(self.last(now));
        let to = wish.to.unwrap_or(default);
        if to <= now {
            return Err(Problem::invalid(format!(
                "Token's validTo cannot be set before current time: {} is past, send a later time in epoch \
                 milliseconds or leave validTo out",
                to.millis()
            )));
        }
        if from >= to {
            return Err(Problem::invalid(format!(
                "Token's validFrom {} is not before its validTo {}: send an earlier validFrom or a later validTo",
                from.millis(),
                to.millis()
            )));
        }
        let life = to.millis().saturating_sub(from.min(now).millis());
        if life > self.max_ms().saturating_add(GRACE_MS) {
            return Err(Problem::invalid(format!(
                "Token would live longer than the {} days that this account allows, counted from now where validFrom lies \
                 ahead: send an earlier validTo, or {}",
                self.max_days,
                self.way_out()
            )));
        }
        Ok(Span { from, to: Some(to) })
    }

    fn endless(self, from: Timestamp) -> Result<Span> {
        if !self.never {
            return Err(Problem::invalid(
                "Tokens of this account must expire: send validTo, or have an administrator turn on the setting \
                 allow_tokens_without_expiry",
            ));
        }
        Ok(Span { from, to: None })
    }
}

fn later(from: Timestamp, ms: i64) -> Timestamp {
    Timestamp::from_millis(from.millis().saturating_add(ms))
}

/// The identifier that a rotated token's old record gets: `rotated_` and 15 letters.
pub fn rotated_identifier(rng: &Rng) -> String {
    let letters = rng.bytes::<15>().map(|b| char::from(b'a' + b % 26));
    std::iter::once("rotated_".to_owned()).chain(letters.map(String::from)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_767_225_600_000);

    fn days(days: i64) -> Timestamp {
        NOW.plus_secs(days * 86_400)
    }

    fn span(wish: Wish) -> Result<Span> {
        Policy::default().span(wish, DEFAULT_TTL_MS, NOW)
    }

    #[test]
    fn without_a_wish_the_default_of_the_key_holds() {
        assert_eq!(span(Wish::default()).unwrap(), Span { from: NOW, to: Some(days(30)) });
        let later = Wish { from: Some(days(2)), ..Wish::default() };
        assert_eq!(span(later).unwrap(), Span { from: days(2), to: Some(days(32)) });
        let long_key =
            Policy { never: false, max_days: 10 }.span(Wish::default(), DEFAULT_TTL_MS, NOW).unwrap();
        assert_eq!(
            long_key.to,
            Some(days(10)),
            "a key made under an older policy gives no more than today's"
        );
    }

    #[test]
    fn the_policy_bounds_the_life() {
        let to = |to| Wish { to: Some(to), ..Wish::default() };
        assert!(span(to(days(365))).is_ok());
        assert!(span(to(days(366))).is_err());
        assert!(span(to(days(365).plus_secs(60))).is_ok(), "a clock a minute ahead");
        assert!(span(to(Timestamp::from_millis(i64::MAX))).is_err());
    }

    #[test]
    fn a_life_that_begins_later_is_counted_from_now() {
        let wish = |from, to| Wish { from: Some(from), to, never: None };
        assert!(span(wish(days(300), Some(days(365)))).is_ok());
        assert!(span(wish(days(300), Some(days(366)))).is_err());
        assert_eq!(span(wish(days(350), None)).unwrap().to, Some(days(365)), "the default time is cut");
        let far = Timestamp::from_millis(9_000_000_000_000_000);
        assert!(span(wish(far, Some(far.plus_secs(86_400)))).is_err());
        assert!(span(wish(far, None)).is_err());
    }

    #[test]
    fn a_rotated_token_keeps_its_end_as_far_as_it_is_allowed() {
        let end = |never, old| Policy { never, max_days: 10 }.end_after_rotation(old, NOW);
        assert_eq!(end(false, Some(days(9))), Some(days(9)));
        assert_eq!(end(false, Some(days(10).plus_secs(60))), Some(days(10).plus_secs(60)), "a clock ahead");
        assert_eq!(end(true, Some(days(11))), Some(days(10)));
        assert_eq!(end(false, None), Some(days(10)));
        assert_eq!(end(true, None), None);
    }

    #[test]
    fn ends_lie_ahead_and_after_the_beginning() {
        let wish = |from, to| Wish { from: Some(from), to: Some(to), never: None };
        assert!(span(Wish { to: Some(NOW), ..Wish::default() }).is_err());
        assert!(span(wish(days(3), days(2))).is_err());
        assert!(span(wish(days(2), days(2))).is_err());
        assert!(span(wish(days(-2), days(2))).is_ok());
    }

    #[test]
    fn never_only_where_the_account_allows_it() {
        let never = Wish { never: Some(true), ..Wish::default() };
        assert!(span(never).is_err());
        let policy = Policy { never: true, max_days: 365 };
        assert_eq!(policy.span(never, DEFAULT_TTL_MS, NOW).unwrap(), Span { from: NOW, to: None });
        assert!(policy.span(Wish { to: Some(days(1)), ..never }, DEFAULT_TTL_MS, NOW).is_err());
    }

    #[test]
    fn rotated_identifiers_are_fifteen_letters() {
        let made = rotated_identifier(&Rng::seeded(1));
        let letters = made.strip_prefix("rotated_").unwrap();
        assert!(letters.len() == 15 && letters.bytes().all(|b| b.is_ascii_lowercase()), "{made}");
    }
}
