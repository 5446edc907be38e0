//! How tokens look, a JWT and ours, also where something is wrapped around them: what is told of a request
//! is told without them.

use std::borrow::Cow;
use std::sync::LazyLock;

use memchr::memmem::Finder;
use percent_encoding::percent_decode_str;

/// Stands where something was blacked out.
pub const REDACTED: &str = "[redacted]";

/// What a JWT begins with, if nothing but `"` follows the brace of its header, and what ours begin with.
const BEGINNINGS: [&str; 4] = ["eyJ", "pat.", "sat.", "oat."];
/// Length of the shortest header of a JWT, `{"alg":"ES256"}`, as it is and in base64url.
const HEADER_BYTES: usize = 15;
const HEADER_CHARS: usize = 20;
/// Shorter than any token in base64 once more, longer than what stands in the URL of a resource.
const WRAPPED_CHARS: usize = 100;
/// So many times over an encoding may have been put on a text.
const LAYERS: usize = 3;

/// One by one: a search for one text alone goes through many bytes in one step.
static FINDERS: LazyLock<[Finder<'static>; BEGINNINGS.len()]> = LazyLock::new(|| BEGINNINGS.map(Finder::new));

/// Blacks out what looks like a token; the whole text where one is hidden by an encoding.
pub fn without_tokens(text: &str) -> Cow<'_, str> {
    if !may_hold_token(text) {
        return Cow::Borrowed(text);
    }
    if hides_token(text) || is_wrapped_in_lines(text) {
        return Cow::Owned(REDACTED.into());
    }
    let shown: Vec<&str> = words(text).map(|word| if is_token(word) { REDACTED } else { word }).collect();
    if shown.contains(&REDACTED) { Cow::Owned(shown.concat()) } else { Cow::Borrowed(text) }
}

/// Whether a text may hold a token. `true` says nothing.
pub fn may_hold_token(text: &str) -> bool {
    may_show(text) || wraps(text) || decoded(text).is_some_and(|text| may_show(&text) || wraps(&text))
}

fn may_show(text: &str) -> bool {
    FINDERS.iter().any(|begin| begin.find(text.as_bytes()).is_some()) || holds_header(text)
}

/// The text in pieces: runs of what tokens are made of, and what lies between.
fn words(text: &str) -> impl Iterator<Item = &str> {
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

/// Whether it is a token, or has one in it.
fn is_token(word: &str) -> bool {
    is_bare_token(word) || wraps(word)
}

/// Whether a token is in a text that shows only once an encoding is taken off.
fn hides_token(text: &str) -> bool {
    decoded(text).is_some_and(|text| words(&text).any(is_bare_token) || wraps(&text))
}

fn is_wrapped_in_lines(text: &str) -> bool {
    text.contains(['\r', '\n']) && wraps(text)
}

fn is_bare_token(word: &str) -> bool {
    let jwt = word.len() >= HEADER_CHARS && word.contains(BEGINNINGS[0]) || holds_header(word);
    let ours = || BEGINNINGS[1..].iter().any(|begin| word.contains(begin));
    jwt || ours() && word.bytes().filter(|byte| *byte == b'.').count() >= 3
}

/// Whether base64url that is the beginning of a JSON object stands before a dot: white space may be anywhere
/// in the header of a JWT, so that it begins in many ways.
fn holds_header(text: &str) -> bool {
    let text = text.as_bytes();
    memchr::memchr_iter(b'.', text).any(|dot| {
        let padding = text[..dot].iter().rev().take_while(|byte| **byte == b'=').count();
        let head = &text[..dot - padding];
        let run = head.iter().rev().take_while(|byte| is_base64url(**byte)).count();
        run >= HEADER_CHARS && readings(&head[head.len() - run..]).any(|bytes| begins_object(&bytes))
    })
}

/// Whether bytes end with text that begins a JSON object.
fn begins_object(bytes: &[u8]) -> bool {
    let last = bytes.utf8_chunks().last().filter(|chunk| chunk.invalid().is_empty());
    let text = last.map_or("", |chunk| chunk.valid());
    text.match_indices('{')
        .take_while(|(at, _)| text.len() - at >= HEADER_BYTES)
        .any(|(at, _)| text[at + 1..].trim_start_matches([' ', '\t', '\r', '\n']).starts_with('"'))
}

/// Whether a token is in it in base64 once more.
fn wraps(text: &str) -> bool {
    long_runs(text.as_bytes())
        .any(|run| readings(run).any(|bytes| words(&String::from_utf8_lossy(&bytes)).any(is_bare_token)))
}

/// Runs of base64, in lines or not, that are long enough to hold a token. Looks at few bytes of a text that
/// has none.
fn long_runs(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let of_run = |byte: &u8| is_base64url(*byte) || b"+/\r\n".contains(byte);
    let mut from = 0;
    std::iter::from_fn(move || {
        while let Some(last) = text.get(from + WRAPPED_CHARS - 1) {
            let step = from + WRAPPED_CHARS;
            let before = text[from..step].iter().rev().take_while(|byte| of_run(byte)).count();
            if before == WRAPPED_CHARS {
                let end = step + text[step..].iter().take_while(|byte| of_run(byte)).count();
                let run = &text[from..end];
                from = end;
                return Some(run);
            }
            from = if of_run(last) { step - before } else { step };
        }
        None
    })
}

/// What a run of base64 says, for each place in a group of four at which it may begin.
fn readings(run: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    (0..4.min(run.len())).map(|skip| {
        let (mut bits, mut held) = (0_u32, 0);
        let mut bytes = Vec::with_capacity(run.len());
        for &byte in run.iter().filter(|byte| !b"\r\n".contains(byte)).skip(skip) {
            (bits, held) = (bits << 6 | u32::from(six_bits(byte)), held + 6);
            if held >= 8 {
                held -= 8;
                bytes.push((bits >> held).to_le_bytes()[0]);
            }
        }
        bytes
    })
}

fn six_bits(byte: u8) -> u8 {
    match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'-' | b'+' => 62,
        _ => 63,
    }
}

fn is_base64url(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-_".contains(&byte)
}

/// A text without the percent signs and the escapes of JSON that stand for characters in it; `None` where
/// there are none.
pub fn decoded(text: &str) -> Option<String> {
    let mut left: Option<String> = None;
    for _ in 0..LAYERS {
        let Some(next) = without_layer(left.as_deref().unwrap_or(text)) else { break };
        left = Some(next);
    }
    left
}

fn without_layer(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    let escapes = || memchr::memchr_iter(b'\\', bytes).any(|at| bytes.get(at + 1) == Some(&b'u'));
    if memchr::memchr(b'%', bytes).is_none() && !escapes() {
        return None;
    }
    let plain = percent_decode_str(text).decode_utf8_lossy();
    let Some((before, rest)) = plain.split_once("\\u") else {
        return if let Cow::Owned(plain) = plain { Some(plain) } else { None };
    };
    let mut left = before.to_owned();
    for part in rest.split("\\u") {
        let code = part.get(..4).and_then(|code| u32::from_str_radix(code, 16).ok());
        if let Some(letter) = code.and_then(char::from_u32) {
            left.push(letter);
            left.push_str(&part[4..]);
        } else {
            left.push_str("\\u");
            left.push_str(part);
        }
    }
    Some(left)
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

    use super::*;

    /// A JWT with this header.
    fn jwt(header: &str) -> String {
        let encode = |text: &str| URL_SAFE_NO_PAD.encode(text);
        format!("{}.{}.{}", encode(header), encode("{ \"sub\": \"x\" }"), "c2lnbmF0dXJl".repeat(4))
    }

    fn tokens() -> Vec<String> {
        let alg = "\"alg\":\"ES256\"}";
        let headers = ["{", "{ ", "{\n", "{\r\n  ", "{\t", " {", "\n{\n", "\t\r {", "{ \n\t\r \n\n  "];
        let ours = ["pat", "sat"]
            .map(|kind| format!("{kind}.acme.00000000-0000-4000-8000-000000000001.{}", "Zq4".repeat(16)));
        let oat = jwt("{\"id\":\"x\",\"end\":1}").replacen("eyJ", "oat.acme.eyJ", 1);
        headers.map(|begin| jwt(&format!("{begin}{alg}"))).into_iter().chain(ours).chain([oat]).collect()
    }

    #[test]
    fn tokens_of_all_kinds_are_found() {
        for token in tokens() {
            let five = format!("{token}.{token}");
            for text in [&token, &format!("x-{token}-x"), &format!("_{token}"), &five] {
                assert!(is_token(text) && may_hold_token(text) && !hides_token(text), "{text}");
            }
        }
    }

    #[test]
    fn padding_hides_no_jwt() {
        let padded = jwt("{ \"alg\":\"ES256\"}").replace('.', "==.");
        assert!(is_token(&padded) && may_hold_token(&padded), "{padded}");
    }

    #[test]
    fn tokens_within_an_encoding_are_found() {
        let percent = |text: &str| text.replace('%', "%25").replace('.', "%2E").replace('a', "%61");
        let escaped = |text: &str| text.replace('.', "\\u002e").replace('a', "\\u0061");
        for token in tokens() {
            let twice = percent(&percent(&token));
            for text in [percent(&token), twice, escaped(&token), escaped(&percent(&token))] {
                assert!(hides_token(&text) && may_hold_token(&text), "{text}");
            }
            for before in ["", "b", "bo", "bob"] {
                let user = format!("{before}:{token}");
                for text in [STANDARD.encode(&user), format!("x{}", URL_SAFE_NO_PAD.encode(&user))] {
                    assert!(words(&text).any(is_token) && may_hold_token(&text), "{text}");
                    let within = format!("{} {text}", "a b".repeat(33));
                    assert!(may_hold_token(&within), "{within}");
                }
            }
        }
    }

    #[test]
    fn what_people_write_is_no_token() {
        for text in [
            "satellite. eyJ",
            "the-quick-brown-fox-jumps-over-the-lazy-dog.example.com",
            "MickeyAirlinesInternational.example.com",
            "https://scim.example.com/gateway/ng/api/scim/account/Zq0123456789abcdefghij/Users/00000000-0000-4000-8000-000000000001",
            "100% of C:\\users\\ulrike",
        ] {
            assert!(!may_hold_token(text) || text.contains("eyJ"), "{text}");
            assert!(!words(text).any(is_token) && !hides_token(text), "{text}");
        }
        let long = "QUJD".repeat(1_000);
        assert!(!may_hold_token(&long) && long_runs(long.as_bytes()).count() == 1);
    }
}
