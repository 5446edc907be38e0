//! The grammar of identifiers, names, e-mail addresses and tags on the platform API (§1.8).

use std::collections::BTreeMap;

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
        } else if !value.chars().all(allowed) {
            self.fail(field, "can only contain alphanumeric, dot, hyphen, forward slash and underscore characters and spaces");
        }
    }
    /// 1–128 characters, none of them a control character: a name that others chose, such as a company's.
    pub fn title(&mut self, field: &str, value: &str) {
        if value.trim().is_empty() {
            self.fail(field, "cannot be empty");
        } else if value.chars().count() > NAME_MOST {
            self.fail(field, format!("cannot be more than {NAME_MOST} characters long"));
        } else if value.chars().any(char::is_control) {
            self.fail(field, "cannot hold control characters");
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
