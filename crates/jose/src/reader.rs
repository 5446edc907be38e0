//! The strict JSON reader (RFC 8259, I-JSON): valid UTF-8, no duplicate members, no lone surrogates, bounded
//! depth, finite numbers, nothing after the value. It never repairs what it reads.

use std::fmt;

use crate::value::{Document, Kind, Node};

/// Bounds of one read. The size is the caller's to check, since messages differ.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// Deepest nesting; the outermost value is at depth 1.
    pub(crate) depth: usize,
    /// Mark objects with duplicate members instead of refusing the whole text.
    pub(crate) mark_duplicates: bool,
}

/// Why a text is not strict JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JsonError {
    /// Not valid UTF-8.
    NotUtf8,
    /// Not JSON; the byte offset and what is wrong there.
    Syntax {
        /// Byte offset, from 0.
        at: usize,
        /// What is wrong.
        problem: &'static str,
    },
    /// Two members of one object have this name once escapes are resolved.
    Duplicate(String),
    /// Nested deeper than this.
    TooDeep(usize),
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotUtf8 => f.write_str("not valid UTF-8"),
            Self::Syntax { at, problem } => write!(f, "{problem} at byte {at}"),
            Self::Duplicate(name) => write!(f, "two members are named {name:?}"),
            Self::TooDeep(depth) => write!(f, "nested deeper than {depth} levels"),
        }
    }
}

impl std::error::Error for JsonError {}

pub(crate) fn read(bytes: Vec<u8>, limits: Limits) -> Result<Document, JsonError> {
    // Nodes keep their places in 32 bits.
    u32::try_from(bytes.len()).map_err(|_| JsonError::Syntax { at: 0, problem: "text too long" })?;
    let text = String::from_utf8(bytes).map_err(|_| JsonError::NotUtf8)?;
    let mut reader = Reader {
        text: &text,
        bytes: text.as_bytes(),
        at: 0,
        nodes: Vec::with_capacity(32),
        unescaped: String::new(),
        limits,
    };
    reader.skip_space();
    reader.value(1)?;
    reader.skip_space();
    if reader.at != reader.bytes.len() {
        return Err(reader.wrong("unexpected text after the value"));
    }
    let Reader { nodes, unescaped, .. } = reader;
    Ok(Document { text, unescaped, nodes })
}

/// Objects up to this size are compared name by name; larger ones are sorted, so that no input costs n².
const PAIRWISE: usize = 16;

struct Reader<'t> {
    text: &'t str,
    bytes: &'t [u8],
    at: usize,
    nodes: Vec<Node>,
    unescaped: String,
    limits: Limits,
}

impl Reader<'_> {
    #[cold]
    fn wrong(&self, problem: &'static str) -> JsonError {
        JsonError::Syntax { at: self.at, problem }
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn skip_space(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.at += 1;
        }
    }

    #[expect(clippy::cast_possible_truncation, reason = "`read` refused texts of 4 GiB and more")]
    fn offset(at: usize) -> u32 {
        at as u32
    }

    fn push(&mut self, kind: Kind, start: usize, end: usize) -> usize {
        let at = self.nodes.len();
        self.nodes.push(Node {
            kind,
            escaped: false,
            duplicates: false,
            start: Self::offset(start),
            end: Self::offset(end),
            next: Self::offset(at + 1),
        });
        at
    }

    fn value(&mut self, depth: usize) -> Result<(), JsonError> {
        match self.peek() {
            Some(b'"') => self.string(),
            Some(b'{') => self.object(depth),
            Some(b'[') => self.array(depth),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b't') => self.literal("true", Kind::True),
            Some(b'f') => self.literal("false", Kind::False),
            Some(b'n') => self.literal("null", Kind::Null),
            Some(_) => Err(self.wrong("unexpected character")),
            None => Err(self.wrong("unexpected end")),
        }
    }

    fn literal(&mut self, word: &'static str, kind: Kind) -> Result<(), JsonError> {
        if !self.bytes[self.at..].starts_with(word.as_bytes()) {
            return Err(self.wrong("unexpected character"));
        }
        let start = self.at;
        self.at += word.len();
        self.push(kind, start, self.at);
        Ok(())
    }

    fn open(&mut self, kind: Kind, depth: usize) -> Result<usize, JsonError> {
        if depth > self.limits.depth {
            return Err(JsonError::TooDeep(self.limits.depth));
        }
        let node = self.push(kind, self.at, self.at);
        self.at += 1;
        self.skip_space();
        Ok(node)
    }

    fn close(&mut self, node: usize) {
        self.at += 1;
        self.nodes[node].end = Self::offset(self.at);
        self.nodes[node].next = Self::offset(self.nodes.len());
    }

    fn array(&mut self, depth: usize) -> Result<(), JsonError> {
        let node = self.open(Kind::Array, depth)?;
        if self.peek() != Some(b']') {
            loop {
                self.value(depth + 1)?;
                self.skip_space();
                match self.peek() {
                    Some(b',') => self.at += 1,
                    Some(b']') => break,
                    _ => return Err(self.wrong("expected , or ]")),
                }
                self.skip_space();
            }
        }
        self.close(node);
        Ok(())
    }

    fn object(&mut self, depth: usize) -> Result<(), JsonError> {
        let node = self.open(Kind::Object, depth)?;
        let mut members = 0;
        if self.peek() != Some(b'}') {
            loop {
                if self.peek() != Some(b'"') {
                    return Err(self.wrong("expected a member name"));
                }
                self.string()?;
                self.skip_space();
                if self.peek() != Some(b':') {
                    return Err(self.wrong("expected :"));
                }
                self.at += 1;
                self.skip_space();
                self.value(depth + 1)?;
                members += 1;
                self.skip_space();
                match self.peek() {
                    Some(b',') => self.at += 1,
                    Some(b'}') => break,
                    _ => return Err(self.wrong("expected , or }")),
                }
                self.skip_space();
            }
        }
        self.close(node);
        self.check_duplicates(node, members)
    }

    fn name_at(&self, at: usize) -> &str {
        let node = self.nodes[at];
        let source = if node.escaped { &self.unescaped } else { self.text };
        &source[node.start as usize..node.end as usize]
    }

    fn check_duplicates(&mut self, node: usize, members: usize) -> Result<(), JsonError> {
        let found = if members <= PAIRWISE {
            let (mut marks, mut names) = ([0; PAIRWISE], [""; PAIRWISE]);
            self.names(node).enumerate().find_map(|(at, name)| {
                let mark = mark(name);
                let twice = has_mark(&marks, mark) && names[..at].contains(&name);
                (marks[at], names[at]) = (mark, name);
                twice.then(|| name.to_owned())
            })
        } else {
            let mut names: Vec<&str> = self.names(node).collect();
            names.sort_unstable();
            names.windows(2).find(|pair| pair[0] == pair[1]).map(|pair| pair[0].to_owned())
        };
        match found {
            Some(name) if !self.limits.mark_duplicates => Err(JsonError::Duplicate(name)),
            found => {
                self.nodes[node].duplicates = found.is_some();
                Ok(())
            }
        }
    }

    fn names(&self, node: usize) -> impl Iterator<Item = &str> {
        let end = self.nodes[node].next as usize;
        let mut at = node + 1;
        std::iter::from_fn(move || {
            if at >= end {
                return None;
            }
            let name = self.name_at(at);
            at = self.nodes[at + 1].next as usize;
            Some(name)
        })
    }

    fn number(&mut self) -> Result<(), JsonError> {
        let start = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        match self.peek() {
            Some(b'0') => self.at += 1,
            Some(b'1'..=b'9') => self.digits()?,
            _ => return Err(self.wrong("expected a digit")),
        }
        let mut plain = true;
        if self.peek() == Some(b'.') {
            plain = false;
            self.at += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.peek() {
            plain = false;
            self.at += 1;
            if let Some(b'+' | b'-') = self.peek() {
                self.at += 1;
            }
            self.digits()?;
        }
        // Only an exponent or hundreds of digits can leave the range of a double.
        let text = &self.text[start..self.at];
        if (!plain || text.len() > 300) && !text.parse::<f64>().is_ok_and(f64::is_finite) {
            self.at = start;
            return Err(self.wrong("number out of range"));
        }
        self.push(Kind::Number, start, self.at);
        Ok(())
    }

    fn digits(&mut self) -> Result<(), JsonError> {
        let start = self.at;
        while let Some(b'0'..=b'9') = self.peek() {
            self.at += 1;
        }
        if self.at == start { Err(self.wrong("expected a digit")) } else { Ok(()) }
    }

    fn string(&mut self) -> Result<(), JsonError> {
        self.at += 1;
        let start = self.at;
        self.at += plain_run(&self.bytes[start..]);
        match self.peek() {
            Some(b'"') => {
                self.push(Kind::String, start, self.at);
                self.at += 1;
                Ok(())
            }
            Some(b'\\') => self.escaped_string(start),
            Some(_) => Err(self.wrong("unescaped control character")),
            None => Err(self.wrong("unterminated string")),
        }
    }

    /// The rest of a string whose first escape is here; the resolved text goes to `unescaped`.
    fn escaped_string(&mut self, start: usize) -> Result<(), JsonError> {
        let from = self.unescaped.len();
        self.unescaped.push_str(&self.text[start..self.at]);
        loop {
            let run = self.at;
            self.at += plain_run(&self.bytes[run..]);
            self.unescaped.push_str(&self.text[run..self.at]);
            match self.peek() {
                Some(b'"') => break,
                Some(b'\\') => {
                    let c = self.escape()?;
                    self.unescaped.push(c);
                }
                Some(_) => return Err(self.wrong("unescaped control character")),
                None => return Err(self.wrong("unterminated string")),
            }
        }
        self.at += 1;
        let node = self.push(Kind::String, from, self.unescaped.len());
        self.nodes[node].escaped = true;
        Ok(())
    }

    fn escape(&mut self) -> Result<char, JsonError> {
        self.at += 1;
        let c = match self.peek() {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => {
                self.at += 1;
                return self.unicode_escape();
            }
            _ => return Err(self.wrong("unknown escape")),
        };
        self.at += 1;
        Ok(c)
    }

    fn unicode_escape(&mut self) -> Result<char, JsonError> {
        let first = self.four_hex()?;
        let code = match first {
            0xD800..=0xDBFF => {
                if !self.bytes[self.at..].starts_with(b"\\u") {
                    return Err(self.wrong("lone surrogate"));
                }
                self.at += 2;
                let second = self.four_hex()?;
                if !(0xDC00..=0xDFFF).contains(&second) {
                    return Err(self.wrong("lone surrogate"));
                }
                0x1_0000 + ((first - 0xD800) << 10) + (second - 0xDC00)
            }
            _ => first,
        };
        // A low surrogate on its own is the only code left that is no character.
        char::from_u32(code).ok_or_else(|| self.wrong("lone surrogate"))
    }

    fn four_hex(&mut self) -> Result<u32, JsonError> {
        let digits = self.bytes.get(self.at..self.at + 4).ok_or_else(|| self.wrong("unexpected end"))?;
        let mut code = 0;
        for digit in digits {
            let value = char::from(*digit).to_digit(16).ok_or_else(|| self.wrong("expected a hex digit"))?;
            code = code * 16 + value;
        }
        self.at += 4;
        Ok(code)
    }
}

/// Equal for equal names, different for nearly all others: whole names are compared only where it is equal.
fn mark(name: &str) -> u32 {
    let [first, .., last] = name.as_bytes() else { return 0 };
    let middle = name.as_bytes()[name.len() / 2];
    u32::from_le_bytes([*first, middle, *last, name.len().to_le_bytes()[0]])
}

#[expect(clippy::unnecessary_fold, reason = "without an early end several are compared at once")]
fn has_mark(marks: &[u32; PAIRWISE], mark: u32) -> bool {
    marks.iter().fold(false, |found, other| found || *other == mark)
}

/// Bytes before the first quote, backslash or control character, eight at a time.
///
/// Of each eight, `found` has the top bit of a byte set where one of the three is; borrows disturb only the
/// bytes above the first one found, and that one is all that counts.
fn plain_run(bytes: &[u8]) -> usize {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const TOPS: u64 = 0x8080_8080_8080_8080;
    let (eights, _) = bytes.as_chunks::<8>();
    for (at, eight) in eights.iter().enumerate() {
        let word = u64::from_le_bytes(*eight);
        let quote = word ^ (ONES * u64::from(b'"'));
        let backslash = word ^ (ONES * u64::from(b'\\'));
        let found = (quote.wrapping_sub(ONES) & !quote)
            | (backslash.wrapping_sub(ONES) & !backslash)
            | (word.wrapping_sub(ONES * 0x20) & !word);
        if found & TOPS != 0 {
            return at * 8 + (found & TOPS).trailing_zeros() as usize / 8;
        }
    }
    let done = eights.len() * 8;
    let special = |byte: &u8| matches!(byte, b'"' | b'\\' | 0..0x20);
    done + bytes[done..].iter().position(special).unwrap_or(bytes.len() - done)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const STRICT: Limits = Limits { depth: 4, mark_duplicates: false };

    fn strict(text: impl AsRef<[u8]>) -> Result<Document, JsonError> {
        read(text.as_ref().to_vec(), STRICT)
    }

    #[test]
    fn a_plain_run_ends_at_the_first_special_byte_wherever_it_is() {
        for special in [b'"', b'\\', 0, 0x1f] {
            for at in 0..40 {
                let mut bytes = vec![b' '; 40];
                bytes[at] = special;
                assert_eq!(plain_run(&bytes), at, "{special:#x}");
                // What follows the first one does not matter.
                bytes[at..].fill(special);
                assert_eq!(plain_run(&bytes), at, "{special:#x}");
            }
        }
        let plain: Vec<u8> = (0x20..=0xff).filter(|byte| !b"\"\\".contains(byte)).collect();
        assert_eq!(plain_run(&plain), plain.len());
    }

    #[test]
    fn texts_that_are_not_strict_json_are_refused() {
        for bad in [
            "",
            " ",
            "{",
            "}",
            "[",
            "[1",
            "[1,]",
            "[,1]",
            "{\"a\"}",
            "{\"a\":}",
            "{\"a\":1,}",
            "{a:1}",
            "{'a':1}",
            "01",
            "-",
            "-01",
            "1.",
            ".5",
            "1e",
            "1e+",
            "+1",
            "0x1",
            "NaN",
            "Infinity",
            "1e999",
            "-1e999",
            "tru",
            "True",
            "nul",
            "\"",
            "\"\\x\"",
            "\"\\u12\"",
            "\"\\u12G4\"",
            "\"\n\"",
            "\"\u{0}\"",
            "\"\\ud800\"",
            "\"\\udc00\"",
            "\"\\ud800\\u0041\"",
            "\"\\ud800x\"",
            "{} {}",
            "{}x",
            "{}\u{0}",
            "\u{feff}{}",
            "[1 2]",
            "{\"a\" 1}",
            "{1:2}",
            "/**/{}",
            "\"\\",
            "\"\\u",
            "\u{a0}{}",
        ] {
            assert!(strict(bad).is_err(), "{bad:?}");
        }
        assert_eq!(strict(b"\"\xff\"").unwrap_err(), JsonError::NotUtf8);
        assert_eq!(strict(b"\"\xed\xa0\x80\"").unwrap_err(), JsonError::NotUtf8);
    }

    #[test]
    fn duplicates_are_found_at_any_level_and_through_escapes() {
        for bad in [
            r#"{"a":1,"a":1}"#,
            r#"{"a":1,"\u0061":2}"#,
            r#"[{"x":{"b":1,"c":2,"b":3}}]"#,
            r#"{"":1,"":2}"#,
            r#"{"a1mb":1,"a2mb":2,"a1mb":3}"#,
        ] {
            assert!(matches!(strict(bad), Err(JsonError::Duplicate(_))), "{bad}");
        }
        let many = |last: usize| {
            let members: Vec<String> =
                (0..40).chain([last]).map(|name| format!("\"n{name}\":{{\"n1\":0}}")).collect();
            format!("{{{}}}", members.join(","))
        };
        assert_eq!(strict(many(7)).unwrap_err(), JsonError::Duplicate("n7".to_owned()));
        assert!(strict(many(41)).is_ok());
        let marked = Limits { depth: 4, mark_duplicates: true };
        let document = read(br#"[{"a":1},{"b":{"c":1,"c":2}}]"#.to_vec(), marked).unwrap();
        let flags: Vec<bool> = document.root().elements().map(crate::Value::has_duplicates).collect();
        assert_eq!(flags, [false, true]);
    }

    #[test]
    fn depth_is_bounded() {
        assert!(strict("[[[[1]]]]").is_ok());
        assert_eq!(strict("[[[[[1]]]]]").unwrap_err(), JsonError::TooDeep(4));
        assert_eq!(strict("[".repeat(100_000)).unwrap_err(), JsonError::TooDeep(4));
    }

    proptest! {
        #[test]
        fn plain_runs_end_at_the_first_special_byte(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            let special = |byte: &u8| matches!(byte, b'"' | b'\\' | 0..0x20);
            prop_assert_eq!(plain_run(&bytes), bytes.iter().position(special).unwrap_or(bytes.len()));
        }

        #[test]
        fn agrees_with_serde_json_on_any_text(text in r#"[\[\]{}",:0-9a-c\\u \-+.etrufalsn]{0,24}"#) {
            if let Ok(document) = strict(&text) {
                let theirs: Result<serde_json::Value, _> = serde_json::from_str(&text);
                prop_assert_eq!(document.root().to_json(), theirs.unwrap());
            } else if let Ok(value) = serde_json::from_str::<serde_json::Value>(&text) {
                // What only serde_json takes: duplicates and deep nesting.
                let again = read(text.clone().into_bytes(), Limits { depth: 64, mark_duplicates: true });
                prop_assert!(again.is_ok(), "{} {:?}", value, again);
            }
        }

        #[test]
        fn reads_back_what_serde_json_writes(
            name in any::<String>(), word in any::<String>(), number in any::<i64>(), eighths in any::<i32>(),
        ) {
            let real = f64::from(eighths) / 8.0;
            let json = serde_json::json!({ "n": {name: [word, number, real, null, true]} });
            let document = strict(json.to_string()).unwrap();
            prop_assert_eq!(document.root().to_json(), json);
        }

        #[test]
        fn never_panics_on_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _ = strict(bytes);
        }
    }
}
