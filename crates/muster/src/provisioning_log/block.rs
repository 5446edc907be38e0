//! Entries packed together. Requests of one client look alike: in one LZ4 block they take less than half of
//! what they take one by one, and they need one row for all. Pure.

use std::iter;

use lz4_flex::block::{compress_with_dict, decompress_into_with_dict};

use super::model::Entry;
use crate::kernel::time::Timestamp;

/// Which form and dictionary. What was packed with one can be read with that one alone: the dictionary is
/// never edited, and a better one gets the next number.
const FORMAT: u8 = 1;
/// For blocks of few entries, which have little to refer back to.
const DICTIONARY: &[u8] = include_bytes!("dictionary.txt");
/// Length of the checksum in front, CRC-32 of all that follows: the format, how many bytes there are
/// unpacked, and those, packed. Neither SQLite nor LZ4 would notice a bit that has turned.
const SUM: usize = size_of::<u32>();
/// Longest block unpacked, bytes: more than one has.
const LONGEST: usize = 16 << 20;
/// The length of a text that is not there.
const NONE: u32 = u32::MAX;
/// Texts of an entry.
const TEXTS: usize = 11;

/// Most entries of a block.
const MOST: usize = 64;
/// Most bytes of a block with several entries: what it takes to read one of them stays small.
const BYTES: usize = 128 << 10;
/// Most time between the requests of a block, seconds: whoever looks for an entry looks at blocks that end so
/// much later at most.
pub const SPAN_SECS: i64 = 10;

/// Cuts entries, oldest first, into those that are packed together.
pub fn cut<'a, 'e>(entries: &'a [Entry<'e>]) -> impl Iterator<Item = &'a [Entry<'e>]> {
    let mut rest = entries;
    iter::from_fn(move || {
        let until = rest.first()?.at.plus_secs(SPAN_SECS);
        let mut bytes = 0;
        let fits = |(at, entry): &(usize, &Entry<'_>)| {
            bytes += entry.size;
            *at == 0 || (*at < MOST && bytes <= BYTES && entry.at <= until)
        };
        let count = rest.iter().enumerate().take_while(fits).count();
        let (block, after) = rest.split_at(count);
        rest = after;
        Some(block)
    })
}

/// Packs entries, oldest first: their numbers, then their texts.
pub fn pack(entries: &[Entry<'_>]) -> Vec<u8> {
    let mut whole = Vec::with_capacity(entries.iter().map(|entry| entry.size).sum());
    whole.extend(number(entries.len()).to_le_bytes());
    for entry in entries {
        whole.extend(entry.at.micros().to_le_bytes());
        whole.extend(number(entry.size).to_le_bytes());
        whole.extend(entry.status.to_le_bytes());
        whole.push(u8::from(entry.dry_run));
        for text in texts(entry) {
            whole.extend(text.map_or(NONE, |text| number(text.len())).to_le_bytes());
        }
    }
    for text in entries.iter().flat_map(texts).flatten() {
        whole.extend(text.as_bytes());
    }
    let mut packed = vec![0; SUM];
    packed.push(FORMAT);
    packed.extend(number(whole.len()).to_le_bytes());
    packed.extend(compress_with_dict(&whole, DICTIONARY));
    let sum = crc32fast::hash(&packed[SUM..]);
    packed[..SUM].copy_from_slice(&sum.to_le_bytes());
    packed
}

fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(NONE)
}

fn texts<'e>(entry: &'e Entry<'_>) -> [Option<&'e str>; TEXTS] {
    [
        Some(entry.id),
        Some(entry.method),
        Some(&entry.path),
        Some(entry.client),
        Some(entry.principal_id),
        Some(entry.principal_label),
        Some(entry.request_id),
        entry.resource_id,
        Some(&entry.detail),
        entry.request.as_deref(),
        entry.response.as_deref(),
    ]
}

/// Hands over the entries of a block, oldest first; `None` and none of them: it is damaged, or of a release
/// to come.
pub fn unpack<T>(packed: &[u8], take: impl FnOnce(&[Entry<'_>]) -> T) -> Option<T> {
    let (sum, rest) = packed.split_first_chunk::<SUM>()?;
    if crc32fast::hash(rest) != u32::from_le_bytes(*sum) {
        return None;
    }
    let (&FORMAT, rest) = rest.split_first()? else { return None };
    let (length, block) = rest.split_first_chunk()?;
    let length = u32::from_le_bytes(*length) as usize;
    let mut whole = vec![0; Some(length).filter(|length| *length <= LONGEST)?];
    let written = decompress_into_with_dict(block, &mut whole, DICTIONARY).ok()?;
    let mut numbers = Numbers(whole.get(..written).filter(|_| written == length)?);
    let count = u32::from_le_bytes(numbers.next()?) as usize;
    // Not trusted for more than it is worth: each has numbers of its own.
    let mut entries = Vec::with_capacity(count.min(MOST));
    for _ in 0..count {
        entries.push(numbers.entry()?);
    }
    let mut rest = std::str::from_utf8(numbers.0).ok()?;
    let entries: Option<Vec<Entry<'_>>> = entries.into_iter().map(|entry| entry.with(&mut rest)).collect();
    entries.filter(|_| rest.is_empty()).map(|entries| take(&entries))
}

/// The numbers of a block that are still to be read.
struct Numbers<'b>(&'b [u8]);

/// An entry whose texts are still to be found.
struct Outline {
    at: i64,
    size: u32,
    status: u16,
    dry_run: bool,
    lengths: [u32; TEXTS],
}

impl Numbers<'_> {
    fn next<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (bytes, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*bytes)
    }

    fn entry(&mut self) -> Option<Outline> {
        let at = i64::from_le_bytes(self.next()?);
        let size = u32::from_le_bytes(self.next()?);
        let status = u16::from_le_bytes(self.next()?);
        let [dry_run] = self.next()?;
        let mut lengths = [NONE; TEXTS];
        for length in &mut lengths {
            *length = u32::from_le_bytes(self.next()?);
        }
        Some(Outline { at, size, status, dry_run: dry_run != 0, lengths })
    }
}

impl Outline {
    /// The entry with its texts, which are taken from the front of `rest`.
    fn with<'b>(self, rest: &mut &'b str) -> Option<Entry<'b>> {
        let mut texts = [None; TEXTS];
        for (text, length) in texts.iter_mut().zip(self.lengths).filter(|(_, length)| *length != NONE) {
            let (found, after) = rest.split_at_checked(length as usize)?;
            (*text, *rest) = (Some(found), after);
        }
        let [id, method, path, client, principal_id, principal_label, request_id, resource_id, detail, ..] =
            texts;
        let [.., request, response] = texts;
        Some(Entry {
            id: id?,
            at: Timestamp::from_micros(self.at),
            size: self.size as usize,
            status: self.status,
            dry_run: self.dry_run,
            method: method?,
            path: path?.into(),
            client: client?,
            principal_id: principal_id?,
            principal_label: principal_label?,
            request_id: request_id?,
            resource_id,
            detail: detail?.into(),
            request: request.map(Into::into),
            response: response.map(Into::into),
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Where the packed bytes begin.
    const HEAD: usize = SUM + 1 + size_of::<u32>();
    const DETAIL: &str = "{\"durationMicros\":4939,\"principal\":{\"type\":\"SERVICE_ACCOUNT\",\"identifier\":\"okta\",\
        \"label\":\"okta@acme.example\",\"name\":\"Okta\"},\"credential\":{\"type\":\"TOKEN\",\"id\":\
        \"0b41e7ba-11ec-469b-a686-92ee22df5043\"},\"headers\":{\"content-type\":\"application/scim+json\",\
        \"host\":\"muster.acme.example\"},\"request\":{\"bytes\":123,\"truncated\":false},\
        \"response\":{\"bytes\":596,\"truncated\":false}}";
    const REQUEST: &str = "{\"schemas\":[\"urn:ietf:params:scim:api:messages:2.0:PatchOp\"],\
        \"Operations\":[{\"op\":\"replace\",\"path\":\"active\",\"value\":false}]}";

    fn entry(id: &str, micros: i64) -> Entry<'_> {
        Entry {
            id,
            at: Timestamp::from_micros(micros),
            size: 700,
            status: 200,
            dry_run: false,
            method: "PATCH",
            path: "/scim/v2/acme/Users/2819c223".into(),
            client: "Okta",
            principal_id: "okta",
            principal_label: "okta@acme.example",
            request_id: id,
            resource_id: Some("2819c223"),
            detail: DETAIL.into(),
            request: Some(REQUEST.into()),
            response: None,
        }
    }

    /// With the checksum of what it is now.
    fn summed(mut packed: Vec<u8>) -> Vec<u8> {
        let sum = crc32fast::hash(&packed[SUM..]);
        packed[..SUM].copy_from_slice(&sum.to_le_bytes());
        packed
    }

    fn back(packed: &[u8]) -> Option<Vec<String>> {
        unpack(packed, |entries| entries.iter().map(|entry| format!("{entry:?}")).collect())
    }

    proptest! {
        #[test]
        fn what_is_packed_comes_back(
            list in proptest::collection::vec(
                (".{0,40}", 0_i64..9_000_000_000_000_000, 0_u16..999, any::<bool>(), proptest::option::of(".{0,90}")), 0..9
            ),
        ) {
            let entries: Vec<Entry<'_>> = list
                .iter()
                .map(|(text, micros, status, dry_run, body)| Entry {
                    status: *status,
                    dry_run: *dry_run,
                    detail: text.into(),
                    resource_id: body.as_deref(),
                    request: body.as_ref().map(Into::into),
                    ..entry(text, *micros)
                })
                .collect();
            let wanted = entries.iter().map(|entry| format!("{entry:?}")).collect();
            prop_assert_eq!(back(&pack(&entries)), Some(wanted));
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            let _ = back(&bytes);
            let mut known = pack(&[entry("a", 1)]);
            known.truncate(HEAD);
            known.extend(bytes);
            let _ = back(&summed(known));
        }

        #[test]
        fn what_is_cut_is_whole_and_bounded(
            steps in proptest::collection::vec((0_i64..4_000_000, 1_usize..9_000), 0..300),
        ) {
            let mut micros = 0;
            let entries: Vec<Entry<'_>> = steps
                .iter()
                .map(|(step, size)| {
                    micros += step;
                    Entry { size: *size, ..entry("a", micros) }
                })
                .collect();
            let blocks: Vec<_> = cut(&entries).collect();
            prop_assert_eq!(blocks.iter().map(|block| block.len()).sum::<usize>(), entries.len());
            for block in blocks {
                let bytes: usize = block.iter().map(|entry| entry.size).sum();
                prop_assert!((1..=MOST).contains(&block.len()) && (block.len() == 1 || bytes <= BYTES));
                prop_assert!(block[block.len() - 1].at <= block[0].at.plus_secs(SPAN_SECS));
            }
        }
    }

    #[test]
    fn what_was_packed_once_is_read_for_ever() {
        assert_eq!(crc32fast::hash(DICTIONARY), 0x097e_3645, "an edited dictionary makes blocks unreadable");
        let known = entry("0197", 7);
        let packed = include_bytes!("block.v1");
        assert_eq!(back(packed), Some(vec![format!("{known:?}")]));
    }

    #[test]
    fn a_usual_entry_takes_a_tenth_and_alone_little_more_than_half() {
        let ids: Vec<String> =
            (0..MOST).map(|n| format!("{:016x}", n.wrapping_mul(0x9e37_79b9_7f4a_7c15_usize))).collect();
        let entries: Vec<Entry<'_>> = ids.iter().map(|id| entry(id, 7)).collect();
        let long = DETAIL.len() + REQUEST.len();
        let (alone, all) = (pack(&entries[..1]).len(), pack(&entries).len());
        assert!(
            alone * 5 < long * 3 && all * 10 < long * MOST,
            "{long} bytes take {alone}, {MOST} of them {all}"
        );
    }

    #[test]
    fn damage_is_refused() {
        let whole = pack(&[entry("a", 1), entry("b", 2)]);
        assert!(back(&whole).is_some());
        for end in 0..whole.len() {
            assert_eq!(back(&whole[..end]), None, "cut after {end} bytes");
        }
        for bit in 0..whole.len() * 8 {
            let mut turned = whole.clone();
            turned[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(back(&turned), None, "bit {bit} has turned");
        }
        let with = |at: usize, bytes: &[u8]| {
            let mut other = whole.clone();
            other[at..at + bytes.len()].copy_from_slice(bytes);
            back(&summed(other))
        };
        assert_eq!(with(SUM, &[FORMAT]), back(&whole));
        assert_eq!(
            (with(SUM, &[FORMAT + 1]), with(SUM + 1, &[0xfe; 4]), with(HEAD, &[0xff; 9])),
            (None, None, None)
        );
    }
}
