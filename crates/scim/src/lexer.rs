//! The one hand-written reader of filters and PATCH paths: words, literals and keywords with their byte
//! positions. It bounds what it reads ([`MAX_BYTES`], [`MAX_DEPTH`], [`MAX_TERMS`]) and knows no schema.

use serde_json::Value;

use crate::filter::{CompareOp, Filter};
use crate::name::is_attribute_name;
use crate::schema::is_attribute_path;

/// Longest filter or path, in bytes.
pub const MAX_BYTES: usize = 8 * 1024;
/// Deepest nesting of parentheses, brackets and `not`.
pub const MAX_DEPTH: usize = 32;
/// Most comparisons in one filter.
pub const MAX_TERMS: usize = 256;

/// Why reading stopped: where, and what was expected there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) at: usize,
    pub(crate) what: String,
}

type Read<T> = Result<T, Fault>;

pub(crate) struct Reader<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
    terms: usize,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(text: &'a str) -> Read<Self> {
        if text.len() > MAX_BYTES {
            let what = format!("it is {} bytes long, at most {MAX_BYTES} are allowed", text.len());
            return Err(Fault { at: MAX_BYTES, what });
        }
        Ok(Self { text, at: 0, depth: 0, terms: 0 })
    }

    pub(crate) fn fault<T>(&self, expected: &str) -> Read<T> {
        let rest = &self.text[self.at..];
        let end = rest.char_indices().nth(16).map_or(rest.len(), |(at, _)| at);
        let found = if rest.is_empty() { "the end".to_owned() } else { format!("{:?}", &rest[..end]) };
        Err(Fault { at: self.at, what: format!("expected {expected}, found {found}") })
    }

    pub(crate) fn at_end(&self) -> bool {
        self.at == self.text.len()
    }

    pub(crate) fn skip_space(&mut self) -> bool {
        let before = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_whitespace()) {
            self.at += 1;
        }
        self.at > before
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    pub(crate) fn eat(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    /// The word at the current position, not consumed: up to a space, quote, parenthesis or bracket.
    fn peek_word(&self) -> &'a str {
        let rest = &self.text[self.at..];
        let stop = |byte: u8| byte.is_ascii_whitespace() || matches!(byte, b'"' | b'(' | b')' | b'[' | b']');
        let end = rest.bytes().position(stop).unwrap_or(rest.len());
        &rest[..end]
    }

    fn eat_keyword(&mut self, keyword: &str) -> bool {
        let word = self.peek_word();
        let found = word.eq_ignore_ascii_case(keyword);
        if found {
            self.at += word.len();
        }
        found
    }

    fn deeper(&mut self) -> Read<()> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            let what = format!("it nests deeper than {MAX_DEPTH} levels");
            return Err(Fault { at: self.at, what });
        }
        Ok(())
    }

    /// An attribute path: `[URN:]name[.sub]`.
    pub(crate) fn attribute_path(&mut self) -> Read<&'a str> {
        let word = self.peek_word();
        if !is_attribute_path(word) {
            return self.fault("an attribute name");
        }
        self.at += word.len();
        Ok(word)
    }

    /// `.name` after a closing bracket; `None` if there is no dot.
    pub(crate) fn sub_attribute(&mut self) -> Read<Option<&'a str>> {
        if !self.eat(b'.') {
            return Ok(None);
        }
        let word = self.peek_word();
        if !is_attribute_name(word) {
            return self.fault("a sub-attribute name");
        }
        self.at += word.len();
        Ok(Some(word))
    }

    /// A whole filter up to the end, `)` or `]`.
    pub(crate) fn filter(&mut self, in_brackets: bool) -> Read<Filter> {
        let mut terms = vec![self.conjunction(in_brackets)?];
        while self.joined_by("or") {
            terms.push(self.conjunction(in_brackets)?);
        }
        Ok(if terms.len() == 1 { terms.remove(0) } else { Filter::Or(terms) })
    }

    fn conjunction(&mut self, in_brackets: bool) -> Read<Filter> {
        let mut terms = vec![self.factor(in_brackets)?];
        while self.joined_by("and") {
            terms.push(self.factor(in_brackets)?);
        }
        Ok(if terms.len() == 1 { terms.remove(0) } else { Filter::And(terms) })
    }

    fn joined_by(&mut self, keyword: &str) -> bool {
        self.skip_space();
        self.eat_keyword(keyword)
    }

    fn factor(&mut self, in_brackets: bool) -> Read<Filter> {
        self.skip_space();
        if self.eat(b'(') {
            return self.group(in_brackets);
        }
        let start = self.at;
        if self.eat_keyword("not") {
            self.skip_space();
            if self.eat(b'(') {
                return Ok(Filter::Not(Box::new(self.group(in_brackets)?)));
            }
            let next = self.peek_word();
            if CompareOp::parse(next).is_none() && !next.eq_ignore_ascii_case("pr") {
                return self.fault("( after not");
            }
            // An attribute whose name is "not".
            self.at = start;
        }
        self.comparison(in_brackets)
    }

    /// After `(`, up to and with `)`.
    fn group(&mut self, in_brackets: bool) -> Read<Filter> {
        self.deeper()?;
        let inner = self.filter(in_brackets)?;
        self.skip_space();
        if !self.eat(b')') {
            return self.fault("and, or, or )");
        }
        self.depth -= 1;
        Ok(inner)
    }

    fn comparison(&mut self, in_brackets: bool) -> Read<Filter> {
        let attr = self.attribute_path()?.to_owned();
        if !in_brackets && self.eat(b'[') {
            let inner = self.bracketed()?;
            return self.value_path(attr, inner);
        }
        self.test(attr)
    }

    /// After `[`, up to and with `]`.
    pub(crate) fn bracketed(&mut self) -> Read<Filter> {
        self.deeper()?;
        let inner = self.filter(true)?;
        self.skip_space();
        if !self.eat(b']') {
            return self.fault("and, or, or ]");
        }
        self.depth -= 1;
        Ok(inner)
    }

    /// `attr[filter]`, or `attr[filter].sub op value`, which asks for one element that meets both.
    fn value_path(&mut self, attr: String, inner: Filter) -> Read<Filter> {
        let Some(sub) = self.sub_attribute()? else {
            return Ok(Filter::ValuePath { attr, filter: Box::new(inner) });
        };
        let test = self.test(sub.to_owned())?;
        let both = match inner {
            Filter::And(mut terms) => {
                terms.push(test);
                terms
            }
            other => vec![other, test],
        };
        Ok(Filter::ValuePath { attr, filter: Box::new(Filter::And(both)) })
    }

    /// `pr`, or an operator with its value: one comparison, wherever it stands.
    fn test(&mut self, attr: String) -> Read<Filter> {
        const OPERATORS: &str = "an operator (eq, ne, co, sw, ew, pr, gt, ge, lt, le)";
        self.terms += 1;
        if self.terms > MAX_TERMS {
            return Err(Fault { at: self.at, what: format!("it has more than {MAX_TERMS} comparisons") });
        }
        if !self.skip_space() {
            return self.fault(OPERATORS);
        }
        if self.eat_keyword("pr") {
            return Ok(Filter::Present { attr });
        }
        let word = self.peek_word();
        let Some(op) = CompareOp::parse(word) else { return self.fault(OPERATORS) };
        self.at += word.len();
        if !self.skip_space() && self.peek() != Some(b'"') {
            return self.fault("a space and a value");
        }
        let value = self.literal()?;
        Ok(Filter::Compare { attr, op, value })
    }

    fn literal(&mut self) -> Read<Value> {
        const VALUES: &str = "a value: text in double quotes, a number, true, false or null";
        if self.peek() == Some(b'"') {
            return self.quoted().map(Value::String);
        }
        let word = self.peek_word();
        let value = if word.eq_ignore_ascii_case("true") {
            Value::Bool(true)
        } else if word.eq_ignore_ascii_case("false") {
            Value::Bool(false)
        } else if word.eq_ignore_ascii_case("null") {
            Value::Null
        } else {
            match word.parse() {
                Ok(number) => Value::Number(number),
                Err(_) => return self.fault(VALUES),
            }
        };
        self.at += word.len();
        Ok(value)
    }

    /// A JSON string with all its escapes (contract F-6).
    fn quoted(&mut self) -> Read<String> {
        let rest = &self.text[self.at..];
        let bytes = rest.as_bytes();
        let mut end = 1;
        let mut plain = true;
        loop {
            match bytes.get(end) {
                None => return self.fault("a closing quote for this text"),
                Some(b'"') => break,
                Some(b'\\') => {
                    plain = false;
                    end += 2;
                }
                Some(byte) => {
                    plain &= *byte >= 0x20;
                    end += 1;
                }
            }
        }
        let text = if plain {
            rest[1..end].to_owned()
        } else {
            match serde_json::from_str(&rest[..=end]) {
                Ok(text) => text,
                Err(_) => return self.fault("a JSON string with valid escapes"),
            }
        };
        self.at += end + 1;
        Ok(text)
    }
}
