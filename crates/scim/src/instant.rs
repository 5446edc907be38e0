//! The texts of dateTimes (RFC 7643 §2.3.5).

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Characters of a date, `2030-01-31`.
const DATE_CHARS: usize = 10;
/// Where the seconds stand, in `2030-01-31T09:30:00`.
const SECONDS: std::ops::Range<usize> = 17..19;
const NANOS_OF_A_DAY: i128 = 86_400_000_000_000;

/// Parses an `xsd:dateTime` (RFC 7643 §2.3.5) into nanoseconds since 1970; finer digits are left out. A text
/// without offset is read as UTC.
pub fn parse_instant(text: &str) -> Option<i128> {
    // The parser takes any character there, and leap seconds, which an xsd:dateTime has none of.
    if text.as_bytes().get(DATE_CHARS) != Some(&b'T') || text.get(SECONDS) == Some("60") {
        return None;
    }
    if let Some(midnight) = next_midnight(text) {
        return parse_instant(&midnight).map(|start_of_day| start_of_day + NANOS_OF_A_DAY);
    }
    let parsed = OffsetDateTime::parse(text, &Rfc3339)
        .or_else(|error| {
            if text.len() < 19 || !text.is_ascii() {
                return Err(error);
            }
            OffsetDateTime::parse(&format!("{text}Z"), &Rfc3339)
        })
        .ok()?;
    Some(parsed.unix_timestamp_nanos())
}

/// The start of the day at whose end `24:00:00` is.
fn next_midnight(text: &str) -> Option<String> {
    let (start, rest) = (text.get(..=DATE_CHARS)?, text.get(DATE_CHARS + 1..)?.strip_prefix("24:00:00")?);
    let zone = match rest.strip_prefix(".0") {
        Some(fraction) => fraction.trim_start_matches('0'),
        None => rest,
    };
    // A fraction above zero is no midnight.
    let is_whole = !zone.starts_with(|sign: char| sign == '.' || sign.is_ascii_digit());
    is_whole.then(|| format!("{start}00:00:00{zone}"))
}

/// The text of an instant, in UTC; `None` where a year of four digits does not hold it.
pub(crate) fn instant_text(nanos: i128) -> Option<String> {
    OffsetDateTime::from_unix_timestamp_nanos(nanos).ok()?.format(&Rfc3339).ok()
}

/// Puts the `T` where a blank or a small `t` stands between date and time, if `mends` agrees.
pub(crate) fn mend_separator(text: &mut String, mends: impl FnOnce() -> bool) {
    let time = text.split_at_checked(DATE_CHARS).map(|(_, time)| time);
    if time.is_some_and(|time| time.starts_with([' ', 't'])) && mends() {
        text.replace_range(DATE_CHARS..=DATE_CHARS, "T");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_do_not_depend_on_the_offset() {
        let utc = parse_instant("2011-05-13T04:42:34Z");
        assert!(utc.is_some());
        assert_eq!(parse_instant("2011-05-13T06:42:34+02:00"), utc);
        assert_eq!(parse_instant("2011-05-13T04:42:34"), utc);
        let finer = |digits: &str| parse_instant(&format!("2011-05-13T04:42:34.{digits}Z"));
        assert_eq!(finer("123456789"), utc.map(|utc| utc + 123_456_789));
        assert_eq!(finer("1234567891"), finer("123456789"));
        assert_eq!(parse_instant("yesterday"), None);
        let midnight = parse_instant("2012-01-01T00:00:00Z");
        for text in [
            "2011-12-31T24:00:00Z",
            "2011-12-31T24:00:00",
            "2011-12-31T24:00:00.000Z",
            "2011-12-31T24:00:00-00:00",
        ] {
            assert_eq!(parse_instant(text), midnight, "{text}");
        }
        assert_eq!(parse_instant("2011-12-31T24:00:00+02:00"), parse_instant("2011-12-31T22:00:00Z"));
        for text in [
            "2011-12-31T24:00:01Z",
            "2011-12-31T24:01:00Z",
            "2011-12-31T24:00:00.001Z",
            "2011-12-31T24:00:00.Z",
            "2011-12-31T24:00Z",
            "2011-12-31T25:00:00Z",
            "2011-02-29T24:00:00Z",
            "2011-12-31T23:59:60Z",
            "2011-12-31T23:59:60",
            "2016-12-31T23:59:60.5Z",
        ] {
            assert_eq!(parse_instant(text), None, "{text}");
        }
        assert_eq!(parse_instant("2011-05-13"), None);
    }
}
