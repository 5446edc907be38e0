//! The long texts of an entry, small: what an entry costs is mostly the disk, which takes every byte twice.
//! LZ4 with a dictionary of what such texts are made of keeps about a third of them. Pure.

use lz4_flex::block::{compress_with_dict, decompress_into_with_dict};

/// Which dictionary. What was packed with one can be read with that one alone: it is never edited, and a
/// better one gets the next number.
const FORMAT: u8 = 1;
const DICTIONARY: &[u8] = include_bytes!("dictionary.txt");
/// In front of the packed bytes: the format, and the length of each text.
const HEAD: usize = 1 + 3 * size_of::<u32>();
/// The length of a text that is not there.
const NONE: u32 = u32::MAX;
/// Longest texts together, bytes: more than any entry has.
const MOST: usize = 64 << 20;

/// What is packed of an entry.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Texts {
    /// JSON of `Detail`.
    pub detail: String,
    /// The request's body, redacted.
    pub request: Option<String>,
    /// The answer's body, redacted.
    pub response: Option<String>,
}

/// Packs the detail of an entry, the request's body and the answer's.
pub fn pack(texts: [Option<&str>; 3]) -> Vec<u8> {
    let whole = texts.map(Option::unwrap_or_default).concat();
    let mut packed = Vec::with_capacity(HEAD + whole.len() / 2);
    packed.push(FORMAT);
    for text in texts {
        let length = text.map_or(NONE, |text| u32::try_from(text.len()).unwrap_or(NONE));
        packed.extend(length.to_le_bytes());
    }
    packed.extend(compress_with_dict(whole.as_bytes(), DICTIONARY));
    packed
}

/// What was packed; `None`: the bytes are damaged, or of a release to come.
pub fn unpack(packed: &[u8]) -> Option<Texts> {
    let (head, block) = packed.split_at_checked(HEAD)?;
    let (&FORMAT, lengths) = head.split_first()? else { return None };
    let lengths = lengths.as_chunks().0.iter().map(|length| u32::from_le_bytes(*length));
    let mut lengths = lengths.map(|length| (length != NONE).then_some(length as usize));
    let sum: usize = lengths.clone().flatten().sum();
    let mut whole = vec![0; Some(sum).filter(|sum| *sum <= MOST)?];
    let written = decompress_into_with_dict(block, &mut whole, DICTIONARY).ok()?;
    let mut rest = std::str::from_utf8(&whole).ok().filter(|_| written == sum)?;
    let mut next = || -> Option<Option<String>> {
        let Some(length) = lengths.next()? else { return Some(None) };
        let (text, after) = rest.split_at_checked(length)?;
        rest = after;
        Some(Some(text.to_owned()))
    };
    Some(Texts { detail: next()??, request: next()?, response: next()? })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn packed(texts: &Texts) -> Vec<u8> {
        pack([Some(&texts.detail), texts.request.as_deref(), texts.response.as_deref()])
    }

    fn texts(detail: &str, request: Option<&str>, response: Option<&str>) -> Texts {
        let owned = |text: Option<&str>| text.map(str::to_owned);
        Texts { detail: detail.into(), request: owned(request), response: owned(response) }
    }

    proptest! {
        #[test]
        fn what_is_packed_comes_back(
            detail in ".{0,400}",
            request in proptest::option::of(".{0,90}"),
            response in proptest::option::of(".{0,90}"),
        ) {
            let texts = Texts { detail, request, response };
            prop_assert_eq!(unpack(&packed(&texts)), Some(texts));
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            let _ = unpack(&bytes);
            let mut known = pack([Some("{}"), None, Some("{\"schemas\":[]}")]);
            known.truncate(HEAD);
            known.extend(bytes);
            let _ = unpack(&known);
        }
    }

    #[test]
    fn what_was_packed_once_is_read_for_ever() {
        let block = b"\x1d{\xd8\x0c&7}\xcb\x07`false}";
        let old = [&[1, 20, 0, 0, 0, 16, 0, 0, 0, 255, 255, 255, 255], block.as_slice()].concat();
        let entry = texts("{\"durationMicros\":7}", Some("{\"active\":false}"), None);
        assert_eq!(unpack(&old), Some(entry));
        assert_eq!(crc32fast::hash(DICTIONARY), 0x097e_3645, "an edited dictionary makes entries unreadable");
    }

    #[test]
    fn a_usual_entry_takes_less_than_half() {
        let detail = "{\"durationMicros\":4939,\"principal\":{\"type\":\"SERVICE_ACCOUNT\",\"identifier\":\"okta\",\
            \"label\":\"okta@acme.example\",\"name\":\"Okta\"},\"credential\":{\"type\":\"TOKEN\",\"id\":\
            \"0b41e7ba-11ec-469b-a686-92ee22df5043\"},\"headers\":{\"content-type\":\"application/scim+json\",\
            \"host\":\"muster.acme.example\"},\"request\":{\"bytes\":123,\"truncated\":false},\
            \"response\":{\"bytes\":596,\"truncated\":false}}";
        let request = "{\"schemas\":[\"urn:ietf:params:scim:api:messages:2.0:PatchOp\"],\
            \"Operations\":[{\"op\":\"replace\",\"path\":\"active\",\"value\":false}]}";
        let (long, short) = (detail.len() + request.len(), pack([Some(detail), Some(request), None]).len());
        assert!(short * 2 < long, "{long} bytes take {short}");
    }

    #[test]
    fn damage_is_refused() {
        let whole = pack([Some("{\"durationMicros\":7}"), None, Some("{}")]);
        assert!(unpack(&whole).is_some());
        for end in 0..whole.len() {
            assert_eq!(unpack(&whole[..end]), None, "cut after {end} bytes");
        }
        let other = [&[FORMAT + 1], &whole[1..]].concat();
        assert_eq!(unpack(&other), None);
        let huge = [&[FORMAT], [0xfe; HEAD - 1].as_slice(), &whole[HEAD..]].concat();
        assert_eq!(unpack(&huge), None);
    }
}
