//! Points in time and where they come from. Nothing else in the server reads the wall clock.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use time::OffsetDateTime;
use time::format_description::well_known::{Rfc2822, Rfc3339};

/// Microseconds since the Unix epoch, UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// From microseconds since the epoch (the form of the database).
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }
    /// From milliseconds since the epoch (the form of the platform API).
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis.saturating_mul(1_000))
    }
    /// Microseconds since the epoch.
    pub const fn micros(self) -> i64 {
        self.0
    }
    /// Milliseconds since the epoch.
    pub const fn millis(self) -> i64 {
        self.0.div_euclid(1_000)
    }
    /// Whole seconds since the epoch (RFC 7519 `NumericDate`).
    pub const fn secs(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }
    /// This time moved by so many seconds, never past the ends of the range.
    #[must_use]
    pub const fn plus_secs(self, secs: i64) -> Self {
        Self(self.0.saturating_add(secs.saturating_mul(1_000_000)))
    }
    /// The last microsecond of this millisecond.
    #[must_use]
    pub const fn end_of_milli(self) -> Self {
        Self(self.0.saturating_sub(self.0.rem_euclid(1_000)).saturating_add(999))
    }
    /// RFC 3339 in UTC with milliseconds, as SCIM's `meta` wants it.
    pub fn rfc3339(self) -> String {
        let whole = self.0.div_euclid(1_000_000);
        let millis = self.0.rem_euclid(1_000_000) / 1_000;
        let Ok(at) = OffsetDateTime::from_unix_timestamp(whole) else {
            return String::from("9999-12-31T23:59:59.999Z");
        };
        // Written with every resource that is answered, so not by the formatting machinery.
        let mut text = *b"0000-00-00T00:00:00.000Z";
        let mut put = |place: usize, digits: usize, mut number: u32| {
            for slot in text[place..place + digits].iter_mut().rev() {
                *slot = b'0' + u8::try_from(number % 10).unwrap_or(0);
                number /= 10;
            }
        };
        put(0, 4, at.year().unsigned_abs());
        put(5, 2, u8::from(at.month()).into());
        put(8, 2, at.day().into());
        put(11, 2, at.hour().into());
        put(14, 2, at.minute().into());
        put(17, 2, at.second().into());
        put(20, 3, u32::try_from(millis).unwrap_or(0));
        std::str::from_utf8(&text).unwrap_or_default().to_owned()
    }
    /// Reads the date of an HTTP header (RFC 9110 §5.6.7); `None` if it is none.
    pub fn parse_http_date(text: &str) -> Option<Self> {
        let at = OffsetDateTime::parse(text, &Rfc2822).ok()?;
        Some(Self(at.unix_timestamp().saturating_mul(1_000_000)))
    }
    /// Reads RFC 3339 text; `None` if it is none.
    pub fn parse_rfc3339(text: &str) -> Option<Self> {
        let at = OffsetDateTime::parse(text, &Rfc3339).ok()?;
        i64::try_from(at.unix_timestamp_nanos() / 1_000).ok().map(Self)
    }
}

/// Where `now` comes from: the machine, or a hand that a test moves.
#[derive(Clone, Debug, Default)]
pub enum Clock {
    /// The machine's clock.
    #[default]
    System,
    /// Stands still until moved.
    Fixed(Arc<AtomicI64>),
}

impl Clock {
    /// A clock that stands at `at` until `advance_secs`.
    pub fn fixed(at: Timestamp) -> Self {
        Self::Fixed(Arc::new(AtomicI64::new(at.micros())))
    }
    /// The time now.
    pub fn now(&self) -> Timestamp {
        match self {
            Self::System => {
                // The one place that asks the machine.
                #[allow(clippy::disallowed_methods)]
                let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                Timestamp(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
            }
            Self::Fixed(at) => Timestamp(at.load(Ordering::Relaxed)),
        }
    }
    /// Moves a fixed clock on; the machine's clock is left alone.
    pub fn advance_secs(&self, secs: i64) {
        if let Self::Fixed(at) = self {
            at.fetch_add(secs * 1_000_000, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc3339_round_trip() {
        let at = Timestamp::from_millis(1_732_000_000_123);
        assert_eq!(at.rfc3339(), "2024-11-19T07:06:40.123Z");
        assert_eq!(Timestamp::parse_rfc3339(&at.rfc3339()), Some(at));
        assert_eq!(Timestamp::parse_rfc3339("yesterday"), None);
    }

    #[test]
    fn times_before_the_epoch_round_down() {
        assert_eq!(Timestamp::from_micros(-1).millis(), -1);
        assert_eq!(Timestamp::from_micros(-1).rfc3339(), "1969-12-31T23:59:59.999Z");
    }
}
