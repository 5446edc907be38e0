//! What texts look like, letter by letter: names, tokens, pieces of secrets.

use std::collections::HashSet;

/// Longest name that says of its neighbour that it is a secret.
pub(super) const NAME_BYTES: usize = 200;
/// Letters of the escapes of JSON that leave a letter behind: any name and any token can hide in them from a
/// search in the text.
const ESCAPES: &[u8] = b"ubfnrt";
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

/// The text in pieces: runs of what tokens are made of, and what lies between.
pub(super) fn words(text: &str) -> impl Iterator<Item = &str> {
    let of_token = |c: char| c.is_ascii_alphanumeric() || "-_.~+/=".contains(c);
    let mut rest = text;
    std::iter::from_fn(move || {
        let first = rest.chars().next()?;
        let inside = of_token(first);
        let end = rest.find(|c| of_token(c) != inside).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        rest = after;
        Some(word)
    })
}

pub(super) fn is_token(word: &str) -> bool {
    let jwt = word.contains("eyJ") && word.len() >= 20;
    let ours =
        ["pat.", "sat."].iter().any(|p| word.contains(p)) && word.bytes().filter(|b| *b == b'.').count() >= 3;
    jwt || ours
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
    fn a_quoted_piece_of_a_secret_is_found() {
        let secrets = ["correct horse".to_owned(), "ab".to_owned()];
        assert!(!is_free_of("not \"rect h…\"", &secrets) && !is_free_of("xaby", &secrets));
        assert!(is_free_of("the value is wrong", &secrets) && is_free_of("", &secrets));
    }
}
