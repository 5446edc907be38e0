//! Any text as a cursor is refused; any place that is sealed is read again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use scim::{CursorPlace, CursorWalk, SortValue};

const SECRET: &[u8] = b"the secret of the fuzz target";

fuzz_target!(|data: &[u8]| {
    let walk = CursorWalk { account: "a", list: "Users", filter: None, sort: None, count: 10 };
    let text = String::from_utf8_lossy(data);
    assert!(walk.open(SECRET, &text, 0, 60).is_err(), "nobody guesses a cursor");
    let (tag, rest) = data.split_first().map_or((0, data), |(tag, rest)| (*tag, rest));
    let number = rest.iter().take(8).fold(0_i64, |sum, byte| (sum << 8) | i64::from(*byte));
    let key = match tag % 5 {
        0 => None,
        1 => Some(SortValue::Bool(tag > 100)),
        2 => Some(SortValue::Integer(number)),
        3 => Some(SortValue::Instant(number)),
        _ => Some(SortValue::Text(String::from_utf8_lossy(rest).into_owned())),
    };
    let id: String = text.chars().take(40).collect();
    let place = CursorPlace { part: tag, key, id, total: number.unsigned_abs() };
    let cursor = walk.seal(SECRET, &place, number);
    if cursor.len() <= 8 << 10 {
        assert_eq!(walk.open(SECRET, &cursor, number, 60), Ok(place));
    }
    let other = CursorWalk { list: "Groups", ..walk };
    assert!(other.open(SECRET, &cursor, number, 60).is_err(), "a cursor is for its query only");
});
