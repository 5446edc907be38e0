//! Numbers in the text of a JSON document that have more digits than a double holds: read, they are others.

/// Digits that every double holds as they are written.
const SAFE: usize = 15;

/// Where the first number of a JSON text stands that is not read as it is written.
pub fn rounded(json: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        at += json[at..].iter().position(|byte| matches!(byte, b'"' | b'-' | b'0'..=b'9'))?;
        let rest = &json[at..];
        let length = if rest[0] == b'"' { string_length(rest) } else { number_length(rest) };
        if rest[0] != b'"' && std::str::from_utf8(&rest[..length]).is_ok_and(is_rounded) {
            return Some(at);
        }
        at += length;
    }
}

/// With its quotes.
fn string_length(text: &[u8]) -> usize {
    let mut at = 1;
    while let Some(step) = text.get(at..).and_then(|rest| memchr::memchr2(b'"', b'\\', rest)) {
        at += step + 1;
        if text[at - 1] == b'"' {
            return at;
        }
        // What the backslash is for.
        at += 1;
    }
    text.len()
}

fn number_length(text: &[u8]) -> usize {
    let of_number = |byte: &u8| byte.is_ascii_digit() || matches!(byte, b'.' | b'e' | b'E' | b'+' | b'-');
    text.iter().position(|byte| !of_number(byte)).unwrap_or(text.len())
}

/// Whether a number is read as another one.
pub(crate) fn is_rounded(number: &str) -> bool {
    let short = number.len() <= SAFE && !number.contains(['e', 'E']);
    if short || number.parse::<u64>().is_ok() || number.parse::<i64>().is_ok() {
        return false;
    }
    number.parse::<f64>().is_ok_and(|read| significant(number) != significant(&format!("{read:e}")))
}

/// The digits without zeros at their ends, and the power of ten of the last one. The sign is left out.
fn significant(number: &str) -> (String, i64) {
    let (mantissa, exponent) = number.split_once(['e', 'E']).unwrap_or((number, "0"));
    let fraction = mantissa.split_once('.').map_or("", |(_, fraction)| fraction);
    let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
    let kept = digits.trim_end_matches('0');
    if kept.is_empty() {
        return (String::new(), 0);
    }
    let count = |length: usize| i64::try_from(length).unwrap_or(i64::MAX);
    let zeros = count(digits.len() - kept.len());
    let power =
        exponent.parse::<i64>().unwrap_or(0).saturating_sub(count(fraction.len())).saturating_add(zeros);
    (kept.trim_start_matches('0').to_owned(), power)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sch_3_numbers_that_a_double_holds_are_told_from_others() {
        for kept in [
            "0",
            "-0",
            "-0.0",
            "1.50",
            "100",
            "1e3",
            "1.5E+10",
            "0.1",
            "123456789012345",
            "0.000000000000000001",
            "0.30000000000000004",
            "18446744073709551615",
            "-9223372036854775808",
            "1e300",
            "5e-324",
            "0e-999",
            "100000000000000000000000",
            "1.7976931348623157e308",
        ] {
            assert!(!is_rounded(kept), "{kept}");
        }
        for lost in [
            "0.1234567890123456789",
            "0.10000000000000000001",
            "12345678901234567.5",
            "18446744073709551617",
            "-1.00000000000000000001e5",
            "1e-400",
            "9007199254740993.0",
        ] {
            assert!(is_rounded(lost), "{lost}");
        }
    }

    #[test]
    fn only_numbers_are_looked_at() {
        for kept in
            ["", "\"", "\"0.1234567890123456789", r#"{"a\"0.1234567890123456789": "\\", "b": [1.5, -2]}"#]
        {
            assert_eq!(rounded(kept.as_bytes()), None, "{kept}");
        }
        let text = r#"{"\\": "x", "b": [1.5, 0.1234567890123456789]}"#;
        assert_eq!(rounded(text.as_bytes()), text.find("0.1234"));
        assert_eq!(rounded(b"0.1234567890123456789"), Some(0));
    }
}
