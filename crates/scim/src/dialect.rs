//! What real clients send that the RFC does not allow, and whether this account mends it.
//!
//! Every leniency has a name ([`Quirk`]). A [`Mender`] belongs to one request: code that meets a quirk
//! asks it; in a dialect that mends the quirk it is noted and mended, otherwise the strict rule stands.
//! It never changes what a well-formed request means.

use std::fmt;

/// How much the clients of an account are forgiven (contract §7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// RFC 7643 and 7644 to the letter.
    Strict,
    /// Every known quirk is mended.
    Tolerant,
    /// Mends what Microsoft Entra ID sends.
    Entra,
    /// Mends what Okta sends.
    Okta,
    /// The default: mends like `Tolerant`, whoever calls.
    Auto,
}

impl Dialect {
    /// All dialects, in the order of the setting's list of values.
    pub const ALL: [Self; 5] = [Self::Auto, Self::Strict, Self::Tolerant, Self::Entra, Self::Okta];

    /// The value of the setting `scim_dialect`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Strict => "strict",
            Self::Tolerant => "tolerant",
            Self::Entra => "entra",
            Self::Okta => "okta",
            Self::Auto => "auto",
        }
    }

    /// Reads a value of the setting `scim_dialect`, in any case.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|dialect| dialect.as_str().eq_ignore_ascii_case(text))
    }

    /// Whether this dialect mends `quirk`.
    pub const fn mends(self, quirk: Quirk) -> bool {
        match self {
            Self::Strict => false,
            Self::Tolerant | Self::Auto => true,
            Self::Entra => !matches!(quirk, Quirk::LegacyUrn),
            Self::Okta => !matches!(
                quirk,
                Quirk::LegacyUrn | Quirk::CreatedElement | Quirk::PlainValueForComplex | Quirk::WrappedValue
            ),
        }
    }
}

macro_rules! quirks {
    ($($(#[$doc:meta])+ $name:ident = $text:literal,)+) => {
        /// A known deviation of clients. The kebab-case name is stable: it stands in provisioning logs.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Quirk { $($(#[$doc])+ $name,)+ }

        impl Quirk {
            /// All quirks.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            /// The stable name.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => $text,)+ }
            }
        }
    };
}

quirks! {
    /// `Add`, `Replace`, `REMOVE`: the operation's name is not in lower case.
    OperationCase = "operation-case",
    /// `"True"` or `"False"` where a boolean belongs.
    StringBoolean = "string-boolean",
    /// `"5"` where a number belongs.
    StringNumber = "string-number",
    /// A number or boolean where a string belongs.
    ScalarAsString = "scalar-as-string",
    /// A blank or a small `t` between date and time.
    DateTimeSeparator = "date-time-separator",
    /// Base64 in the URL-safe alphabet, without padding or with line breaks.
    BinaryForm = "binary-form",
    /// A key `name.givenName` (or with a filter in brackets) inside a value.
    DottedKey = "dotted-key",
    /// A key `urn:…:User:department` inside a value.
    QualifiedKey = "qualified-key",
    /// `remove` with a list of the values to remove instead of a filter in the path.
    RemoveWithValue = "remove-with-value",
    /// A plain value where an object with `value` belongs (manager as a string).
    PlainValueForComplex = "plain-value-for-complex",
    /// An object `{"value": x}` where plain `x` belongs.
    WrappedValue = "wrapped-value",
    /// A list of one where a single value belongs.
    ListForSingleValue = "list-for-single-value",
    /// A single value where a list belongs.
    SingleValueForList = "single-value-for-list",
    /// `add` of an empty value to what the path names, meant as removal.
    EmptyValueRemoves = "empty-value-removes",
    /// A schema URN this server does not know, or an attribute under it: dropped.
    ForeignUrn = "foreign-urn",
    /// A SCIM 1.x URN, read as its 2.0 successor.
    LegacyUrn = "legacy-urn",
    /// `schemas` is missing or does not list what the body uses.
    IncompleteSchemas = "incomplete-schemas",
    /// An attribute the schema does not have: dropped.
    UnknownAttribute = "unknown-attribute",
    /// An attribute of an extension in a filter without its URN: read as that, where one extension has it.
    UnqualifiedName = "unqualified-name",
    /// A value in a PUT of which nothing is left once what is unknown or readOnly is dropped: what it was to
    /// replace stays.
    NothingLeft = "nothing-left",
    /// A readOnly attribute or sub-attribute inside the value of a PATCH operation: dropped.
    ReadOnlyInValue = "read-only-in-value",
    /// More than one value marked primary: the first one stays primary.
    ManyPrimaries = "many-primaries",
    /// A text that is no URI where a reference belongs: kept.
    InvalidReference = "invalid-reference",
    /// A number with more digits than a double holds: rounded.
    RoundedNumber = "rounded-number",
    /// `type` or `$ref` that does not fit the `value` beside it: `value` counts.
    ReferenceMismatch = "reference-mismatch",
    /// `failOnErrors` of a bulk request is 0: read as no limit.
    ZeroForNoLimit = "zero-for-no-limit",
    /// A filter in a PATCH path matched nothing: the element it describes was created.
    CreatedElement = "created-element",
}

impl fmt::Display for Quirk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One mended quirk: what it was and where (an attribute path, a key or a URN).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mended {
    /// The quirk.
    pub quirk: Quirk,
    /// Where it was met, at most 128 bytes.
    pub at: String,
}

/// More notes than these help nobody and could be made to fill a log.
const MAX_NOTES: usize = 32;

/// The leniency of one request and the notes of what it mended.
#[derive(Debug, Clone)]
pub struct Mender {
    dialect: Dialect,
    notes: Vec<Mended>,
}

impl Mender {
    /// A mender for one request in the account's dialect.
    pub const fn new(dialect: Dialect) -> Self {
        Self { dialect, notes: Vec::new() }
    }

    /// The dialect it was made with.
    pub const fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// What has been mended so far, each quirk and place once, in the order met.
    pub fn notes(&self) -> &[Mended] {
        &self.notes
    }

    /// The notes, when the request is done.
    pub fn into_notes(self) -> Vec<Mended> {
        self.notes
    }

    /// Whether the dialect mends `quirk`; if so, notes that it was met at `at`.
    pub fn mend(&mut self, quirk: Quirk, at: impl fmt::Display) -> bool {
        if !self.dialect.mends(quirk) {
            return false;
        }
        if self.notes.len() < MAX_NOTES {
            let mut at = at.to_string();
            at.truncate(at.floor_char_boundary(128));
            if !self.notes.iter().any(|note| note.quirk == quirk && note.at == at) {
                self.notes.push(Mended { quirk, at });
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_kebab_case_and_distinct() {
        for (at, quirk) in Quirk::ALL.iter().enumerate() {
            assert!(quirk.name().bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-'));
            assert!(Quirk::ALL[..at].iter().all(|other| other.name() != quirk.name()));
        }
    }

    #[test]
    fn strict_mends_nothing_and_notes_are_bounded() {
        let mut strict = Mender::new(Dialect::Strict);
        assert!(Quirk::ALL.iter().all(|&quirk| !strict.mend(quirk, "x")));
        assert!(strict.notes().is_empty());
        let mut auto = Mender::new(Dialect::Auto);
        for at in 0..1000 {
            assert!(auto.mend(Quirk::UnknownAttribute, at));
            assert!(auto.mend(Quirk::UnknownAttribute, "ä".repeat(200)));
        }
        assert_eq!(auto.notes().len(), MAX_NOTES);
        assert!(auto.notes().iter().all(|note| note.at.len() <= 128));
    }

    #[test]
    fn dialects_read_back() {
        for dialect in Dialect::ALL {
            assert_eq!(Dialect::parse(&dialect.as_str().to_uppercase()), Some(dialect));
        }
        assert_eq!(Dialect::parse("lax"), None);
    }
}
