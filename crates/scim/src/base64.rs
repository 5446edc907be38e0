//! The texts of binaries (RFC 7643 §2.3.6): base64 of RFC 4648 section 4, and the forms that clients send.

/// Whether it is base64 to the letter: one alphabet, whole groups of four, nothing else.
pub(crate) fn is_standard(text: &str) -> bool {
    let digits = text.trim_end_matches('=');
    let good = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
    text.len().is_multiple_of(4) && text.len() - digits.len() <= 2 && digits.bytes().all(good)
}

/// The letter of a text in the URL-safe alphabet, without padding or with white space; `None` if it is no
/// base64 at all.
pub(crate) fn mended(text: &str) -> Option<String> {
    let mut digits = bare(text);
    let padding =
        text.bytes().rev().filter(|byte| !byte.is_ascii_whitespace()).take_while(|byte| *byte == b'=');
    if padding.count() > 2 || digits.len() % 4 == 1 {
        return None;
    }
    while !digits.len().is_multiple_of(4) {
        digits.push('=');
    }
    is_standard(&digits).then_some(digits)
}

/// Its digits in one alphabet, without padding and white space: what is equal says the same.
pub(crate) fn bare(text: &str) -> String {
    let digits = text.chars().filter(|digit| !digit.is_ascii_whitespace());
    let digit = |digit| match digit {
        '-' => '+',
        '_' => '/',
        digit => digit,
    };
    let mut digits: String = digits.map(digit).collect();
    digits.truncate(digits.trim_end_matches('=').len());
    digits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sch_3_the_letter_of_base64_and_what_is_read_as_it() {
        for good in ["", "YWI=", "YQ==", "+/+/", "AAAA"] {
            assert!(is_standard(good), "{good}");
            assert_eq!(mended(good).as_deref(), Some(good));
        }
        for (text, letter) in
            [("YWI", "YWI="), ("YQ", "YQ=="), ("-_-_", "+/+/"), ("YW\r\nI=\n", "YWI="), ("AA AA", "AAAA")]
        {
            assert!(!is_standard(text), "{text}");
            assert_eq!(mended(text).as_deref(), Some(letter));
            assert_eq!(bare(text), bare(letter));
        }
        for bad in ["Y", "YWI==X", "Y=I=", "====", "YWJj===", "%%%%", "YWIä", "YWJjZ"] {
            assert!(!is_standard(bad) && mended(bad).is_none(), "{bad}");
        }
    }
}
