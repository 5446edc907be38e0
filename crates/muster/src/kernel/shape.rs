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
/// Ours that a record stands for: account, id of the record and secret come after.
const RECORDED: [&str; 2] = [BEGINNINGS[1], BEGINNINGS[2]];
/// Length of the shortest header of a JWT, `{"alg":"ES256"}`, as it is and in base64url.
const HEADER_BYTES: usize = 15;
const HEADER_CHARS: usize = 20;
/// Longer than most parts of a name, shorter than any part of a token that lets somebody in, even where the
/// end of that is cut off.
const PART_CHARS: usize = 16;
/// Longest identifier of an account, and the groups of an id.
const ACCOUNT_CHARS: usize = 64;
const ID_GROUPS: [usize; 5] = [8, 4, 4, 4, 12];
/// Shorter than any token in base64 once more, longer than what stands in the URL of a resource.
const WRAPPED_CHARS: usize = 100;
/// So many times over an encoding may have been put on a text.
const LAYERS: usize = 3;

/// One by one: a search for one text alone goes through many bytes in one step.
static FINDERS: LazyLock<[Finder<'static>; BEGINNINGS.len()]> = LazyLock::new(|| BEGINNINGS.map(Finder::new));

/// Tells whether a bare token is in a word.
type Look = fn(&str) -> bool;

/// Blacks out what looks like a token, in doubt too; the whole text where one is hidden by an encoding. For
/// what is kept, or read by others than the client.
pub fn without_tokens(text: &str) -> Cow<'_, str> {
    if may_hold_token(text) { black_out(text, may_be_token) } else { Cow::Borrowed(text) }
}

/// Blacks out tokens only: people must find in what they are told the names that they gave. Goes by what
/// stands between spaces, so that one whose encoding hides a token leaves the others.
pub fn without_sure_tokens(text: &str) -> Cow<'_, str> {
    if !may_hold_token(text) {
        return Cow::Borrowed(text);
    }
    let shown: Vec<_> = text.split(' ').map(|part| black_out(part, is_surely_token)).collect();
    shown.join(" ").into()
}

fn black_out(text: &str, look: Look) -> Cow<'_, str> {
    if hides_token(text, look) || is_wrapped_in_lines(text, look) {
        return Cow::Owned(REDACTED.into());
    }
    let shown = words(text).map(|word| if holds_token(word, look) { REDACTED } else { word });
    let shown: Vec<&str> = shown.collect();
    if shown.contains(&REDACTED) { Cow::Owned(shown.concat()) } else { Cow::Borrowed(text) }
}

/// Whether a text may hold a token. `true` says nothing.
pub fn may_hold_token(text: &str) -> bool {
    let may = |text: &str| may_show(text) || wraps(text, may_be_token);
    may(text) || decoded(text).is_some_and(|text| may(&text))
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
fn holds_token(word: &str, look: Look) -> bool {
    look(word) || wraps(word, look)
}

/// Whether a token is in a text that shows only once an encoding is taken off.
fn hides_token(text: &str, look: Look) -> bool {
    decoded(text).is_some_and(|text| words(&text).any(look) || wraps(&text, look))
}

fn is_wrapped_in_lines(text: &str, look: Look) -> bool {
    text.contains(['\r', '\n']) && wraps(text, look)
}

fn may_be_token(word: &str) -> bool {
    let jwt = word.len() >= HEADER_CHARS && word.contains(BEGINNINGS[0]) || holds_header(word);
    let ours = || BEGINNINGS[1..].iter().any(|begin| word.contains(begin));
    jwt || ours() && word.bytes().filter(|byte| *byte == b'.').count() >= 3
}

/// An access token is found by its claims, which look like the header of a JWT.
fn is_surely_token(word: &str) -> bool {
    holds_header(word) || holds_jwt(word) || holds_recorded(word)
}

/// Whether what begins as a JWT does has a second part: its header need not be whole.
fn holds_jwt(word: &str) -> bool {
    word.match_indices(BEGINNINGS[0]).any(|(at, _)| {
        let begins = !word[..at].ends_with(|c: char| c.is_ascii_alphanumeric());
        let Some((head, rest)) = word[at..].split_once('.') else { return false };
        let is_head = head.len() >= HEADER_CHARS && head.trim_end_matches('=').bytes().all(is_base64url);
        begins && is_head && rest.bytes().take_while(|byte| is_base64url(*byte)).count() >= PART_CHARS
    })
}

/// Whether a token of ours that a record stands for is in it, wherever it begins: nothing else has this form.
fn holds_recorded(word: &str) -> bool {
    RECORDED.iter().flat_map(|begin| word.match_indices(begin)).any(|(at, begin)| {
        let mut parts = word[at + begin.len()..].splitn(3, '.');
        let (Some(account), Some(id), Some(secret)) = (parts.next(), parts.next(), parts.next()) else {
            return false;
        };
        let is_account = (1..=ACCOUNT_CHARS).contains(&account.len()) && account.bytes().all(is_base64url);
        let secret = secret.bytes().take_while(u8::is_ascii_alphanumeric).count();
        is_account && is_id(id) && secret >= PART_CHARS
    })
}

fn is_id(text: &str) -> bool {
    let is_hex = |group: &str| group.bytes().all(|byte| byte.is_ascii_hexdigit());
    text.split('-').all(is_hex) && text.split('-').map(str::len).eq(ID_GROUPS)
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
fn wraps(text: &str, look: Look) -> bool {
    long_runs(text.as_bytes())
        .any(|run| readings(run).any(|bytes| words(&String::from_utf8_lossy(&bytes)).any(look)))
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

    const LOOKS: [Look; 2] = [may_be_token, is_surely_token];

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
                for look in LOOKS {
                    assert!(holds_token(text, look) && !hides_token(text, look), "{text}");
                }
                assert!(may_hold_token(text), "{text}");
            }
        }
    }

    #[test]
    fn padding_hides_no_jwt() {
        let padded = jwt("{ \"alg\":\"ES256\"}").replace('.', "==.");
        assert!(LOOKS.iter().all(|look| look(&padded)) && may_hold_token(&padded), "{padded}");
    }

    #[test]
    fn tokens_within_an_encoding_are_found() {
        let percent = |text: &str| text.replace('%', "%25").replace('.', "%2E").replace('a', "%61");
        let escaped = |text: &str| text.replace('.', "\\u002e").replace('a', "\\u0061");
        for token in tokens() {
            let twice = percent(&percent(&token));
            for text in [percent(&token), twice, escaped(&token), escaped(&percent(&token))] {
                assert!(LOOKS.iter().all(|look| hides_token(&text, *look)), "{text}");
                assert!(may_hold_token(&text), "{text}");
            }
            for before in ["", "b", "bo", "bob"] {
                let user = format!("{before}:{token}");
                for text in [STANDARD.encode(&user), format!("x{}", URL_SAFE_NO_PAD.encode(&user))] {
                    let found = |look: &Look| words(&text).any(|word| holds_token(word, *look));
                    assert!(LOOKS.iter().all(found) && may_hold_token(&text), "{text}");
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
            assert_eq!(without_tokens(text), text);
        }
        let long = "QUJD".repeat(1_000);
        assert!(!may_hold_token(&long) && long_runs(long.as_bytes()).count() == 1);
    }

    #[test]
    fn what_people_are_told_has_the_names_they_gave_and_no_token() {
        for name in [
            "pat.smith.ops.example",
            "keyJohannesburg.office.5",
            "surveyJobIdentifier_prod",
            "expat.a.b.c",
            "sat.idp.corp.example.com",
            "monkeyJuggler-of-the-north",
            "heyJudeOrganisation12",
            "eyJournal-of-the-north-and-south.example.com",
            "monkeyJuggler-of-the-north.international-office.example.com",
            "pat.acme.00000000-0000-4000-8000-000000000001.example",
            "/scim/v2/acme/Users/pat.smith.of-the-north.international-office",
        ] {
            let text = format!("There is no user {name:?} in this account: 100% sure.");
            assert_eq!(without_sure_tokens(&text), text);
            let encoded = format!("a {} b", name.replace('.', "%2E"));
            assert_eq!(without_sure_tokens(&encoded), encoded);
        }
        assert_eq!(without_tokens("pat.smith.ops.example"), REDACTED, "what is kept is blacked out in doubt");
        for token in tokens() {
            for token in [token.replace('.', "%2E"), token[..token.len() - 20].to_owned(), token] {
                for word in
                    [format!("{token:?}"), format!("/ng/api/users/{token}/x"), format!("Bearer{token}")]
                {
                    let shown = without_sure_tokens(&format!("It has {word} here.")).into_owned();
                    assert!(shown.starts_with("It has ") && shown.ends_with(" here."), "{shown}");
                    assert!(
                        shown.contains(REDACTED) && !shown.contains(&token[token.len() / 2..]),
                        "{shown}"
                    );
                }
            }
        }
    }
}
