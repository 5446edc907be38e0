//! Cursors (RFC 9865): where a walk through a list stands, as opaque text that only this server can have made
//! for this very query. A cursor is a place in the order, not a snapshot: what is deleted behind or before it
//! moves nothing. It keeps no state and reads no clock.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use crate::error::ScimError;
use crate::sort::{SortBy, SortValue};

const FORM: u8 = 1;
/// Bytes of the authentication code: half of SHA-256's.
const MAC_BYTES: usize = 16;
/// Longest cursor read, in characters: the longest sort key in base64, and the rest.
const MAX_CHARS: usize = 8 << 10;

/// The query that a cursor belongs to.
#[derive(Debug, Clone, Copy)]
pub struct Walk<'a> {
    /// The account.
    pub account: &'a str,
    /// The list walked through, such as `Users`; empty for a search across resource types.
    pub list: &'a str,
    /// The filter as sent.
    pub filter: Option<&'a str>,
    /// The order.
    pub sort: Option<&'a SortBy>,
    /// Most resources on a page.
    pub count: u32,
}

/// Where a walk stands: behind the resource with this key and id.
#[derive(Debug, Clone, PartialEq)]
pub struct Place {
    /// Which of the resource types walked through, counted from 0.
    pub part: u8,
    /// Sort key of the last resource seen; `None` without order, or where it has none.
    pub key: Option<SortValue>,
    /// Its id; empty at the beginning of a part.
    pub id: String,
    /// How many resources matched when the walk began.
    pub total: u64,
}

impl Walk<'_> {
    /// Writes a cursor. `now` is in seconds.
    pub fn seal(&self, secret: &[u8], place: &Place, now: i64) -> String {
        let mut bytes = vec![FORM];
        bytes.extend(now.to_be_bytes());
        bytes.extend(self.count.to_be_bytes());
        bytes.extend(place.total.to_be_bytes());
        bytes.push(place.part);
        write_key(&mut bytes, place.key.as_ref());
        bytes.extend(place.id.as_bytes());
        let tag = self.mac(secret, &bytes).finalize().into_bytes();
        bytes.extend(&tag[..MAC_BYTES]);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Reads a cursor that is at most `lifetime` seconds old. Errors: 400 `invalidCursor` for one that was
    /// not made for this query, `invalidCount` for another count, `expiredCursor`.
    pub fn open(&self, secret: &[u8], text: &str, now: i64, lifetime: u32) -> Result<Place, ScimError> {
        let bytes = if text.len() <= MAX_CHARS { URL_SAFE_NO_PAD.decode(text).ok() } else { None };
        let Some((sealed, tag)) = bytes.as_deref().and_then(|bytes| bytes.split_last_chunk::<MAC_BYTES>())
        else {
            return Err(foreign());
        };
        self.mac(secret, sealed).verify_truncated_left(tag).map_err(|_| foreign())?;
        // From here on the bytes are our own.
        let (made, count, place) = read(sealed).ok_or_else(foreign)?;
        if count != self.count {
            return Err(ScimError::invalid_count(format!(
                "The walk began with count {count}: send the same count with each of its cursors."
            )));
        }
        if now.saturating_sub(made) > i64::from(lifetime) {
            return Err(ScimError::expired_cursor(format!(
                "The cursor is older than {lifetime} seconds: begin again with an empty cursor."
            )));
        }
        Ok(place)
    }

    /// The code over the query and the sealed bytes; each part with its length, so that none can stand for
    /// another.
    fn mac(&self, secret: &[u8], sealed: &[u8]) -> Hmac<Sha256> {
        let mut mac = Hmac::<Sha256>::new_from_slice(secret).expect("HMAC takes a key of any length");
        let mut part = |bytes: Option<&[u8]>| {
            mac.update(&[u8::from(bytes.is_some())]);
            mac.update(&(bytes.unwrap_or_default().len() as u64).to_be_bytes());
            mac.update(bytes.unwrap_or_default());
        };
        part(Some(self.account.as_bytes()));
        part(Some(self.list.as_bytes()));
        part(self.filter.map(str::as_bytes));
        part(self.sort.map(|sort| sort.attr.path.as_bytes()));
        part(self.sort.map(|sort| if sort.descending { &b"d"[..] } else { &b"a"[..] }));
        part(Some(sealed));
        mac
    }
}

fn foreign() -> ScimError {
    ScimError::invalid_cursor(
        "The cursor is not one of this query: send nextCursor of the page before with the same filter and \
         order, or begin with an empty cursor.",
    )
}

fn write_key(bytes: &mut Vec<u8>, key: Option<&SortValue>) {
    match key {
        None => bytes.push(0),
        Some(SortValue::Bool(flag)) => bytes.extend([1, u8::from(*flag)]),
        Some(SortValue::Integer(number)) => {
            bytes.push(2);
            bytes.extend(number.to_be_bytes());
        }
        Some(SortValue::Decimal(number)) => {
            bytes.push(3);
            bytes.extend(number.to_be_bytes());
        }
        Some(SortValue::Instant(micros)) => {
            bytes.push(4);
            bytes.extend(micros.to_be_bytes());
        }
        Some(SortValue::Text(text)) => {
            bytes.push(5);
            bytes.extend(u32::try_from(text.len()).unwrap_or(u32::MAX).to_be_bytes());
            bytes.extend(text.as_bytes());
        }
    }
}

/// When it was made, its count and its place.
fn read(bytes: &[u8]) -> Option<(i64, u32, Place)> {
    let mut rest = bytes.strip_prefix(&[FORM])?;
    let made = i64::from_be_bytes(take(&mut rest)?);
    let count = u32::from_be_bytes(take(&mut rest)?);
    let total = u64::from_be_bytes(take(&mut rest)?);
    let [part, tag] = take(&mut rest)?;
    let key = match tag {
        0 => None,
        1 => Some(SortValue::Bool(take::<1>(&mut rest)? == [1])),
        2 => Some(SortValue::Integer(i64::from_be_bytes(take(&mut rest)?))),
        3 => Some(SortValue::Decimal(f64::from_be_bytes(take(&mut rest)?))),
        4 => Some(SortValue::Instant(i64::from_be_bytes(take(&mut rest)?))),
        5 => {
            let len = u32::from_be_bytes(take(&mut rest)?) as usize;
            let (text, after) = rest.split_at_checked(len)?;
            rest = after;
            Some(SortValue::Text(std::str::from_utf8(text).ok()?.to_owned()))
        }
        _ => return None,
    };
    let id = std::str::from_utf8(rest).ok()?.to_owned();
    Some((made, count, Place { part, key, id, total }))
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (head, after) = rest.split_first_chunk::<N>()?;
    *rest = after;
    Some(*head)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Catalogue, Dialect, Mender, ScimType};
    use proptest::prelude::*;

    const SECRET: &[u8] = b"secret";
    const PLAIN: Walk<'static> =
        Walk { account: "acme", list: "Users", filter: Some("title pr"), sort: None, count: 10 };

    fn place() -> Place {
        Place { part: 1, key: Some(SortValue::Text("bjensen".into())), id: "u-1".into(), total: 77 }
    }

    fn kind(result: Result<Place, ScimError>) -> ScimType {
        result.expect_err("it must be refused").scim_type.expect("a keyword")
    }

    #[test]
    fn cu_3_a_cursor_is_opaque_and_safe_in_urls() {
        let keys = [
            None,
            Some(SortValue::Bool(true)),
            Some(SortValue::Integer(-3)),
            Some(SortValue::Decimal(1.5)),
            Some(SortValue::Instant(1_767_225_600_000_000)),
            Some(SortValue::Text("é".repeat(1_000))),
        ];
        for key in keys {
            let place = Place { key, ..place() };
            let text = PLAIN.seal(SECRET, &place, 1_000);
            assert!(text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b)), "{text}");
            assert_eq!(PLAIN.open(SECRET, &text, 1_000, 60), Ok(place));
        }
    }

    #[test]
    fn cu_4_a_cursor_holds_for_its_query_only() {
        let catalogue = Catalogue::standard();
        let user = catalogue.resource_type("User").unwrap();
        let sort =
            |order| SortBy::parse(user, Some("userName"), Some(order), &mut Mender::new(Dialect::Auto));
        let (up, down) = (sort("ascending").unwrap(), sort("descending").unwrap());
        let text = PLAIN.seal(SECRET, &place(), 1_000);
        for other in [
            Walk { account: "rival", ..PLAIN },
            Walk { list: "Groups", ..PLAIN },
            Walk { list: "", ..PLAIN },
            Walk { filter: None, ..PLAIN },
            Walk { filter: Some("title pr "), ..PLAIN },
            Walk { sort: up.as_ref(), ..PLAIN },
        ] {
            assert_eq!(kind(other.open(SECRET, &text, 1_000, 60)), ScimType::InvalidCursor, "{other:?}");
        }
        let sorted = Walk { sort: up.as_ref(), ..PLAIN }.seal(SECRET, &place(), 1_000);
        let turned = Walk { sort: down.as_ref(), ..PLAIN };
        assert_eq!(kind(turned.open(SECRET, &sorted, 1_000, 60)), ScimType::InvalidCursor);
        assert_eq!(kind(PLAIN.open(b"another", &text, 1_000, 60)), ScimType::InvalidCursor);
    }

    #[test]
    fn cu_4_every_changed_character_is_noticed() {
        let text = PLAIN.seal(SECRET, &place(), 1_000);
        for at in 0..text.len() {
            let mut bytes = text.clone().into_bytes();
            bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(bytes).unwrap();
            if changed != text {
                assert_eq!(kind(PLAIN.open(SECRET, &changed, 1_000, 60)), ScimType::InvalidCursor);
            }
            assert_eq!(kind(PLAIN.open(SECRET, &text[..at], 1_000, 60)), ScimType::InvalidCursor);
        }
        let long = "A".repeat(MAX_CHARS + 1);
        assert_eq!(kind(PLAIN.open(SECRET, &long, 1_000, 60)), ScimType::InvalidCursor);
    }

    #[test]
    fn cu_6_a_cursor_expires() {
        let text = PLAIN.seal(SECRET, &place(), 1_000);
        assert!(PLAIN.open(SECRET, &text, 1_060, 60).is_ok());
        assert_eq!(kind(PLAIN.open(SECRET, &text, 1_061, 60)), ScimType::ExpiredCursor);
    }

    #[test]
    fn cu_7_the_count_stays() {
        let text = PLAIN.seal(SECRET, &place(), 1_000);
        let other = Walk { count: 11, ..PLAIN };
        assert_eq!(kind(other.open(SECRET, &text, 1_000, 60)), ScimType::InvalidCount);
    }

    proptest! {
        #[test]
        fn any_text_is_refused_without_panic(text in "\\PC{0,200}") {
            prop_assert!(PLAIN.open(SECRET, &text, 0, 60).is_err());
        }

        #[test]
        fn any_sealed_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            // As if the key were known.
            let tag = PLAIN.mac(SECRET, &bytes).finalize().into_bytes();
            let text = URL_SAFE_NO_PAD.encode([&bytes[..], &tag[..MAC_BYTES]].concat());
            let _ = PLAIN.open(SECRET, &text, 0, 60);
        }
    }
}
