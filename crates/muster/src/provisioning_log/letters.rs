//! What texts look like, letter by letter: names and pieces of secrets.

use std::collections::HashSet;
use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, MatchKind};

/// Longest name that says of its neighbour that it is a secret.
pub(super) const NAME_BYTES: usize = 200;
/// Letters of the escapes of JSON that leave a letter behind: any name and any token can hide in them from a
/// search in the text.
const ESCAPES: &[u8] = b"ubfnrt";
/// Names of secrets that are a part of many other words: they count as whole words only, in `pinCode`,
/// `user_pin` and `userPIN`, not in `shipping`.
const SHORT_WORDS: [&str; 12] =
    ["otp", "Otp", "OTP", "totp", "Totp", "TOTP", "pin", "Pin", "PIN", "pass", "Pass", "PASS"];
static SHORT_WORD: LazyLock<AhoCorasick> = LazyLock::new(|| {
    // Only this kind of search skips over what cannot begin a word.
    let kind = MatchKind::LeftmostFirst;
    AhoCorasick::builder().match_kind(kind).build(SHORT_WORDS).expect("a few short texts")
});
/// The members of SCIM that are a person's or a group's name, and so name nothing beside them.
const OWN_NAMES: [&str; 6] = ["username", "displayname", "nickname", "givenname", "middlename", "familyname"];
/// Lists of attributes that are to be answered.
const LISTS: [&str; 2] = ["attribute", "excludedattribute"];
/// Secrets share no run of so many characters with what is shown beside them.
const RUN: usize = 4;

/// Whether an escape stands for a letter in it.
pub(super) fn hides_letters(text: &str) -> bool {
    let text = text.as_bytes();
    memchr::memchr_iter(b'\\', text).any(|at| text.get(at + 1).is_some_and(|next| ESCAPES.contains(next)))
}

/// Letters and digits only, in lower case. Takes no branch on what it reads: where letters and signs
/// alternate, guessing costs more than copying.
pub(super) fn squeeze(bytes: &[u8]) -> Vec<u8> {
    let (mut left, mut kept) = (vec![0; bytes.len()], 0);
    for &byte in bytes {
        let lower = LEFT[usize::from(byte)];
        left[kept] = lower;
        kept += usize::from(lower != 0);
    }
    left.truncate(kept);
    left
}

/// What `squeeze` leaves of each byte; 0 for nothing. The byte 255 is in no text.
const LEFT: [u8; 256] = {
    let (mut left, mut byte) = ([0; 256], 0_u8);
    while byte < u8::MAX {
        if byte.is_ascii_alphanumeric() || !byte.is_ascii() {
            left[byte as usize] = byte.to_ascii_lowercase();
        }
        byte += 1;
    }
    left
};

/// Whether one of the short words stands in a text as a word of its own, also between capitals.
pub(super) fn has_short_word(text: &str) -> bool {
    let bytes = text.as_bytes();
    let is_small = |at: usize| bytes.get(at).is_some_and(|b| b.is_ascii_lowercase() || !b.is_ascii());
    let is_capital = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_uppercase);
    SHORT_WORD.find_iter(text).any(|found| {
        let (first, last, end) = (found.start(), found.end() - 1, found.end());
        let begins = first == 0
            || !is_small(first - 1) && !is_capital(first - 1)
            || is_capital(first) && (is_small(first - 1) || is_small(last));
        // Capitals end before the word that begins with the last one of them.
        let goes_on = is_small(end) || !is_small(last) && is_capital(end) && !is_small(end + 1);
        begins && !goes_on
    })
}

/// What a member may say of those beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Naming {
    /// Nothing.
    Nothing,
    /// What they are, or what it is itself.
    Thing,
    /// Which attribute they are about.
    Attribute,
}

/// What a member with this key may say of those beside it.
pub(super) fn naming(key: &str) -> Naming {
    let key = squeeze(key.as_bytes());
    let one = key.strip_suffix(b"s").unwrap_or(&key);
    let is_among = |names: &[&str]| names.iter().any(|name| name.as_bytes() == one);
    let ends = |names: &[&str]| names.iter().any(|name| one.ends_with(name.as_bytes()));
    if key != one && is_among(&LISTS) || is_among(&OWN_NAMES) {
        Naming::Nothing
    } else if ends(&["path", "target", "attribute", "attr", "field", "property", "propertie"]) {
        Naming::Attribute
    } else if ends(&["name"]) || is_among(&["type", "key", "id"]) {
        Naming::Thing
    } else {
        Naming::Nothing
    }
}

/// Whether a name is among these, in any case.
pub(super) fn is_among(names: &[&str], name: &str) -> bool {
    names.iter().any(|one| name.eq_ignore_ascii_case(one))
}

/// A path without the scheme and the host before it.
pub(super) fn below_host(path: &str) -> &str {
    let rest = path.strip_prefix("https://").or_else(|| path.strip_prefix("http://"));
    rest.map_or(path, |rest| rest.split_once('/').map_or("", |(_, path)| path))
}

/// Whether a text is a name or a path of names and no more.
pub(super) fn is_bare(text: &str) -> bool {
    text.len() <= NAME_BYTES && text.bytes().all(is_of_name)
}

pub(super) fn is_of_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b".:_-$/".contains(&byte)
}

/// Whether a text shows nothing of the secrets, not even a run of a few characters: messages quote what they
/// complain of, and cut it.
pub(super) fn is_free_of(text: &str, secrets: &[String]) -> bool {
    if secrets.is_empty() {
        return true;
    }
    let runs: HashSet<&[u8]> = text.as_bytes().windows(RUN).collect();
    secrets.iter().filter(|secret| !secret.is_empty()).all(|secret| {
        let secret = secret.as_bytes();
        if secret.len() < RUN {
            memchr::memmem::find(text.as_bytes(), secret).is_none()
        } else {
            !secret.windows(RUN).any(|run| runs.contains(run))
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_words_are_whole_words() {
        for name in [
            "pin",
            "PIN",
            "pinCode",
            "userPin",
            "userPIN",
            "PINCode",
            "XPin",
            "mfa-otp",
            "otp2",
            "\"pass\":",
            "door_pass",
        ] {
            assert!(has_short_word(name), "{name}");
        }
        for name in [
            "shipping",
            "passport",
            "Philippines",
            "compass",
            "SPIN",
            "PINS",
            "Pinscher",
            "spin",
            "épin",
            "options",
            "pIn",
        ] {
            assert!(!has_short_word(name), "{name}");
        }
    }

    #[test]
    fn a_quoted_piece_of_a_secret_is_found() {
        let secrets = ["correct horse".to_owned(), "ab".to_owned()];
        assert!(!is_free_of("not \"rect h…\"", &secrets) && !is_free_of("xaby", &secrets));
        assert!(is_free_of("the value is wrong", &secrets) && is_free_of("", &secrets));
    }
}
