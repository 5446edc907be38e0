//! The grammar of identifiers, names, e-mail addresses and tags on the platform API (§1.8).

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

/// The one key folding of the product; keys of case-insensitive text are made with it and compared byte by
/// byte.
pub use scim::name::fold;
use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;

use super::problem::{Problem, Result};

/// A JSON value as text, compact. Its `Display` writes the same in small pieces through a formatter, which
/// takes longer.
pub fn json_text(value: &serde_json::Value) -> String {
    serde_json::to_string(value).unwrap_or_else(|_| value.to_string())
}

/// Free labels of a thing: name to value.
pub type Tags = BTreeMap<String, String>;

/// Tags as a column holds them.
///
/// # Errors
/// `Internal`: they cannot be JSON.
pub fn tags_text(tags: &Tags) -> Result<String> {
    serde_json::to_string(tags).map_err(|error| Problem::internal(format!("cannot write tags: {error}")))
}

/// Tags out of such a column.
///
/// # Errors
/// `Internal`: the column is damaged.
pub fn tags_of(text: &str) -> Result<Tags> {
    serde_json::from_str(text).map_err(|error| Problem::internal(format!("stored tags are damaged: {error}")))
}

/// Is it a color, `#` and six hexadecimal digits?
pub fn is_color(text: &str) -> bool {
    text.strip_prefix('#').is_some_and(|hex| hex.len() == 6 && hex.bytes().all(|b| b.is_ascii_hexdigit()))
}

const RESERVED: &[&str] = &[
    "or",
    "and",
    "eq",
    "ne",
    "lt",
    "gt",
    "le",
    "ge",
    "div",
    "mod",
    "not",
    "null",
    "true",
    "false",
    "new",
    "var",
    "return",
    "step",
    "parallel",
    "stepGroup",
    "org",
    "account",
    "class",
    "shellScriptProvisioner",
];
/// Words that stand in paths where an identifier could: what had one of them could be made, but not found.
const IN_PATHS: [&str; 7] = ["aggregate", "count", "explain", "filter", "manageable", "multi", "validate"];

fn is_reserved(word: &str) -> bool {
    RESERVED.contains(&word) || IN_PATHS.contains(&word)
}

/// Grammar of identifiers, as a regular expression.
pub const IDENTIFIER: &str = "^[a-zA-Z_][0-9a-zA-Z_$]{0,127}$";
/// Most characters of a name.
pub const NAME_MOST: usize = 128;
/// Most characters of a description.
pub const DESCRIPTION_MOST: usize = 1_024;

/// Collects what is wrong with the fields of one body, so that a client hears of all at once.
#[derive(Debug, Default)]
pub struct FieldCheck(Vec<(String, String)>);

impl FieldCheck {
    /// Starts with no complaint.
    pub fn new() -> Self {
        Self::default()
    }
    /// Notes a complaint.
    pub fn fail(&mut self, field: &str, text: impl Into<String>) {
        self.0.push((field.to_owned(), text.into()));
    }
    /// What was read, or a complaint that it could not be.
    pub fn read<T>(&mut self, field: &str, read: std::result::Result<T, String>) -> Option<T> {
        read.map_err(|text| self.fail(field, text)).ok()
    }
    /// `^[a-zA-Z_][0-9a-zA-Z_$]{0,127}$`, no reserved word.
    pub fn identifier(&mut self, field: &str, value: &str) {
        if let Err(text) = identifier(value) {
            self.fail(field, text);
        }
    }
    /// 1–128 characters of letters, digits, `-_. /` and space.
    pub fn name(&mut self, field: &str, value: &str) {
        let allowed = |c: char| c.is_alphanumeric() || "-_. /".contains(c);
        if value.trim().is_empty() {
            self.fail(field, "cannot be empty");
        } else if value.chars().count() > NAME_MOST {
            self.fail(field, format!("cannot be more than {NAME_MOST} characters long"));
        } else if let Some(text) = unreadable(value) {
            self.fail(field, text);
        } else if !value.chars().all(allowed) {
            self.fail(field, "can only contain alphanumeric, dot, hyphen, forward slash and underscore characters and spaces");
        }
    }
    /// 1–128 characters, of which some are seen and none hides or turns others: a name that others chose,
    /// such as a company's.
    pub fn title(&mut self, field: &str, value: &str) {
        if value.trim().is_empty() {
            self.fail(field, "cannot be empty");
        } else if value.chars().count() > NAME_MOST {
            self.fail(field, format!("cannot be more than {NAME_MOST} characters long"));
        } else if let Some(text) = unreadable(value) {
            self.fail(field, text);
        }
    }
    /// At most 1,024 characters.
    pub fn description(&mut self, field: &str, value: Option<&str>) {
        if value.is_some_and(|v| v.chars().count() > DESCRIPTION_MOST) {
            self.fail(field, format!("cannot be more than {DESCRIPTION_MOST} characters long"));
        }
    }
    /// At most 128 entries; names and values of at most 1,024 characters without NUL, which PostgreSQL would
    /// refuse as a text of its own, though not inside JSON.
    pub fn tags(&mut self, field: &str, value: &Tags) {
        if value.len() > 128 {
            self.fail(field, "cannot have more than 128 entries");
        }
        let mut texts = value.iter().flat_map(|(name, value)| [name, value]);
        if texts.clone().any(|text| text.chars().count() > 1_024) {
            self.fail(field, "cannot have names or values of more than 1024 characters");
        }
        if texts.any(|text| text.contains('\0')) {
            self.fail(field, "cannot hold a NUL character (U+0000)");
        }
    }
    /// An e-mail address: one `@`, something on both sides, no white space, at most 254 characters.
    pub fn email(&mut self, field: &str, value: &str) {
        if !looks_like_email(value) {
            self.fail(field, format!("{value:?} is not an e-mail address; write it as name@domain"));
        }
    }
    /// A list that has to have something, and `most` at most; `what` is to be sent in it.
    pub fn count(&mut self, field: &str, count: usize, most: usize, what: &str) {
        if count == 0 {
            self.fail(field, format!("cannot be empty; send {what}"));
        } else if count > most {
            self.fail(field, format!("{count} are too many; send {most} at most"));
        }
    }
    /// All complaints as one `Problem`, or nothing.
    ///
    /// # Errors
    /// `Kind::Fields` with every complaint.
    pub fn done(self) -> Result<()> {
        if self.0.is_empty() { Ok(()) } else { Err(Problem::fields(self.0)) }
    }
}

/// Checks an identifier; the error text follows the field's name in messages.
///
/// # Errors
/// What is wrong with it.
pub fn identifier(value: &str) -> std::result::Result<(), String> {
    let mut bytes = value.bytes();
    let Some(first) = bytes.next() else { return Err("cannot be empty".into()) };
    let start = first.is_ascii_alphabetic() || first == b'_';
    if !start || value.len() > 128 || !bytes.all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'$') {
        return Err(
            "can be 128 characters long and can only contain alphanumeric, underscore and $ characters, \
            and not start with a number or $"
                .into(),
        );
    }
    if is_reserved(value) {
        return Err(format!("{value} is a keyword, so cannot be used"));
    }
    Ok(())
}

/// What makes a name one that people cannot read, or read as another one.
pub fn unreadable(name: &str) -> Option<String> {
    let code = |c: char| format!("U+{:04X}", u32::from(c));
    if let Some(control) = name.chars().find(|c| is_control(*c)) {
        let text = "a control character: it is not shown, or changes how others are; leave it out";
        return Some(format!("cannot hold {}, {text}", code(control)));
    }
    let first = name.chars().next().filter(|_| name.chars().all(|c| c.is_whitespace() || is_invisible(c)))?;
    Some(format!("has nothing that can be seen (it begins with {}); send a name with letters", code(first)))
}

/// Control characters, ends of lines and paragraphs, and what turns the direction of writing by force. The
/// marks of direction and the joiners are not among them: scripts need those.
fn is_control(c: char) -> bool {
    let turns = ['\u{202a}'..='\u{202e}', '\u{2066}'..='\u{2069}'];
    c.is_control() || ['\u{2028}', '\u{2029}'].contains(&c) || turns.iter().any(|range| range.contains(&c))
}

/// What has no shape of its own: Unicode's `Default_Ignorable_Code_Point`, and the blank of Braille.
fn is_invisible(c: char) -> bool {
    const ONES: [char; 9] = [
        '\u{ad}', '\u{34f}', '\u{61c}', '\u{17b4}', '\u{17b5}', '\u{2800}', '\u{3164}', '\u{feff}',
        '\u{ffa0}',
    ];
    const RANGES: [RangeInclusive<char>; 9] = [
        '\u{115f}'..='\u{1160}',
        '\u{180b}'..='\u{180f}',
        '\u{200b}'..='\u{200f}',
        '\u{2060}'..='\u{206f}',
        '\u{fe00}'..='\u{fe0f}',
        '\u{fff0}'..='\u{fff8}',
        '\u{1bca0}'..='\u{1bca3}',
        '\u{1d173}'..='\u{1d17a}',
        '\u{e0000}'..='\u{e0fff}',
    ];
    ONES.contains(&c) || RANGES.iter().any(|range| range.contains(&c))
}

/// The shape of an address, not its existence.
pub fn looks_like_email(value: &str) -> bool {
    let Some((local, domain)) = value.rsplit_once('@') else { return false };
    let clean = |c: char| !c.is_whitespace() && !c.is_control();
    value.len() <= 254
        && !local.is_empty()
        && !local.contains('@')
        && !domain.is_empty()
        && !domain.starts_with('.')
        && !domain.ends_with('.')
        && value.chars().all(clean)
}

/// An identifier made from a display name (SCIM contract §6): trim; `.` and `-` become `_`; accents go;
/// leading digits, `-` and `$` go; spaces become `_`; other specials go. Never empty, never a reserved word.
pub fn identifier_from_name(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for c in name.trim().nfd().filter(|c| !is_combining_mark(*c)) {
        match c {
            '.' | '-' | ' ' => out.push('_'),
            c if c.is_ascii_alphanumeric() || c == '_' || c == '$' => out.push(c),
            _ => {}
        }
    }
    let cut = out.trim_start_matches(|c: char| c.is_ascii_digit() || c == '$');
    let mut id: String = cut.chars().take(120).collect();
    if id.is_empty() || is_reserved(&id) {
        id.insert(0, '_');
    }
    id
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers() {
        for good in ["a", "_x9$", "SCIM_Okta"] {
            assert_eq!(identifier(good), Ok(()), "{good}");
        }
        for bad in ["", "9a", "$a", "a-b", "a b", "é", "org", "aggregate", &"a".repeat(129)] {
            assert!(identifier(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn identifiers_from_names() {
        for (name, id) in [
            (" Team A.b-c ", "Team_A_b_c"),
            ("Équipe Ü", "Equipe_U"),
            ("12$go", "go"),
            ("org", "_org"),
            ("filter", "_filter"),
            ("日本", "_"),
            ("a(b)!", "ab"),
        ] {
            assert_eq!(identifier_from_name(name), id, "{name}");
            assert_eq!(identifier(id), Ok(()), "{id}");
        }
    }

    fn told(check: impl FnOnce(&mut FieldCheck)) -> String {
        let mut fields = FieldCheck::new();
        check(&mut fields);
        fields.done().err().map_or_else(String::new, |problem| problem.message().to_owned())
    }

    #[test]
    fn a_name_is_there_to_be_read() {
        let (joiner, no_joiner) = ("\u{915}\u{94d}\u{200d}\u{937}", "\u{645}\u{6cc}\u{200c}\u{62e}");
        for good in ["a", "Zo\u{eb} & Co", joiner, no_joiner, "\u{5d0}\u{200f}1", "\u{2764}\u{fe0f}"] {
            assert_eq!(told(|fields| fields.title("name", good)), "", "{good:?}");
        }
        for (bad, code) in [
            ("\u{200b}", "U+200B"),
            ("\u{2060} \u{3164}", "U+2060"),
            ("\u{200d}", "U+200D"),
            ("\u{2800}", "U+2800"),
            ("a\u{202e}b", "U+202E"),
            ("a\u{2066}b", "U+2066"),
            ("a\u{2028}b", "U+2028"),
            ("a\u{7}", "U+0007"),
        ] {
            let text = told(|fields| fields.title("name", bad));
            assert!(text.contains(code), "{bad:?}: {text}");
        }
        // A letter to Unicode, and nothing to the eye.
        assert!(told(|fields| fields.name("name", "\u{3164}\u{115f}")).contains("U+3164"));
    }

    #[test]
    fn emails() {
        for good in ["a@b", "A.b+c@example.com"] {
            assert!(looks_like_email(good), "{good}");
        }
        for bad in ["", "a", "@b", "a@", "a b@c", "a@@b", "a@.b"] {
            assert!(!looks_like_email(bad), "{bad}");
        }
    }

    #[test]
    fn colors() {
        assert!(is_color("#00aaFF"));
        for bad in ["", "red", "#00aaF", "#00aaFg", "00aaFF0"] {
            assert!(!is_color(bad), "{bad}");
        }
    }
}
