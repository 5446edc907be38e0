//! Names and text without regard to case: the one key folding of the product, and lookup tables of
//! attribute names that need no allocation. It never decides whether an attribute is case-exact.

use std::borrow::Cow;

use serde_json::Value;
use unicode_normalization::{IsNormalized, UnicodeNormalization as _, is_nfc_quick};

/// The key under which two texts are equal when case does not matter: NFC, Unicode default case fold,
/// NFC again (so that folding twice changes nothing). Filters, index rows and unique columns all use
/// this and nothing else, so that memory and SQL agree. ASCII text without capitals is returned as is.
pub fn fold(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return Cow::Owned(text.to_ascii_lowercase());
        }
        return Cow::Borrowed(text);
    }
    let folded = caseless::default_case_fold_str(&composed(text));
    Cow::Owned(match composed(&folded) {
        Cow::Owned(other) => other,
        Cow::Borrowed(_) => folded,
    })
}

/// Most text is composed as it is, which is quicker to see than to do.
fn composed(text: &str) -> Cow<'_, str> {
    match is_nfc_quick(text.chars()) {
        IsNormalized::Yes => Cow::Borrowed(text),
        IsNormalized::No | IsNormalized::Maybe => Cow::Owned(text.nfc().collect()),
    }
}

/// The comparison key of an attribute's text: as it is when case matters, folded otherwise.
pub fn comparison_key(case_exact: bool, text: &str) -> Cow<'_, str> {
    if case_exact { Cow::Borrowed(text) } else { fold(text) }
}

/// Whether `name` is an attribute name of RFC 7643 §2.1 (`$ref` included).
pub fn is_attribute_name(name: &str) -> bool {
    let rest = name.strip_prefix('$').unwrap_or(name);
    let mut bytes = rest.bytes();
    bytes.next().is_some_and(|byte| byte.is_ascii_alphabetic())
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'$'))
}

/// Whether the `schemas` of a message list the URN it must have.
pub(crate) fn lists_urn(schemas: &Value, urn: &str) -> bool {
    let same = |listed: &Value| listed.as_str().is_some_and(|listed| listed.eq_ignore_ascii_case(urn));
    schemas.as_array().is_some_and(|list| list.iter().any(same))
}

/// The start of a text, for an error message.
pub(crate) fn excerpt(text: &str) -> &str {
    text.char_indices().nth(80).map_or(text, |(end, _)| &text[..end])
}

/// What follows `prefix` in `text`, compared without regard to ASCII case.
pub(crate) fn strip_prefix_any_case<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let head = text.get(..prefix.len())?;
    head.eq_ignore_ascii_case(prefix).then(|| &text[prefix.len()..])
}

/// Case-insensitive lookup of ASCII names: open addressing over positions in a list kept elsewhere.
/// The names come from a schema, not from a request, so a plain hash is enough.
#[derive(Debug, Clone, Default)]
pub(crate) struct NameMap {
    slots: Vec<u16>,
}

const FREE: u16 = u16::MAX;

impl NameMap {
    /// Indexes names by their position; of two equal names the first wins.
    pub(crate) fn build(names: &[&str]) -> Self {
        let mut map = Self { slots: vec![FREE; (names.len() * 2).next_power_of_two().max(4)] };
        for (position, name) in names.iter().enumerate().take(usize::from(FREE)) {
            let mut slot = map.start(name);
            while map.slots[slot] != FREE && !names[usize::from(map.slots[slot])].eq_ignore_ascii_case(name) {
                slot = (slot + 1) % map.slots.len();
            }
            if map.slots[slot] == FREE {
                map.slots[slot] = u16::try_from(position).unwrap_or(FREE);
            }
        }
        map
    }

    /// The position of `name`, if the table has it.
    pub(crate) fn find<'a>(&self, name: &str, name_at: impl Fn(usize) -> &'a str) -> Option<usize> {
        if self.slots.is_empty() {
            return None;
        }
        let mut slot = self.start(name);
        while self.slots[slot] != FREE {
            let position = usize::from(self.slots[slot]);
            if name_at(position).eq_ignore_ascii_case(name) {
                return Some(position);
            }
            slot = (slot + 1) % self.slots.len();
        }
        None
    }

    /// FNV-1a over the lower-cased bytes.
    fn start(&self, name: &str) -> usize {
        let hash = name.bytes().fold(0x811c_9dc5_u32, |hash, byte| {
            (hash ^ u32::from(byte.to_ascii_lowercase())).wrapping_mul(0x0100_0193)
        });
        (hash ^ (hash >> 15)) as usize & (self.slots.len() - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn f_5_folding_joins_what_differs_in_case_only() {
        assert!(matches!(fold("bjensen@example.com"), Cow::Borrowed(_)));
        assert_eq!(fold("BJensen"), "bjensen");
        assert_eq!(fold("STRASSE"), fold("Straße"));
        assert_eq!(fold("ΣΊΣΥΦΟΣ"), fold("σίσυφος"));
        assert_eq!(fold("A\u{301}"), fold("á"));
        assert_ne!(fold("a"), fold("á"));
    }

    #[test]
    fn sch_2_names_are_found_in_any_case() {
        let names = ["userName", "emails", "x509Certificates", "$ref"];
        let map = NameMap::build(&names);
        for (position, name) in names.iter().enumerate() {
            assert_eq!(map.find(&name.to_uppercase(), |at| names[at]), Some(position));
        }
        assert_eq!(map.find("user", |at| names[at]), None);
        assert_eq!(map.find("", |at| names[at]), None);
        assert_eq!(NameMap::default().find("x", |_| ""), None);
    }

    #[test]
    fn attribute_names_follow_the_grammar() {
        for good in ["userName", "$ref", "x-y_1", "a"] {
            assert!(is_attribute_name(good), "{good}");
        }
        for bad in ["", "1a", "a.b", "a b", "$", "ä"] {
            assert!(!is_attribute_name(bad), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn folding_twice_changes_nothing(text in "\\PC{0,12}") {
            let once = fold(&text).into_owned();
            prop_assert_eq!(fold(&once).into_owned(), once);
        }
    }
}
