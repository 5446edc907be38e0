//! Filters as written (RFC 7644 §3.4.2.2): the syntax tree, how to read it and how to print it. What the
//! names mean is decided in [`crate::resolve`], against a resource type.

use std::fmt;
use std::sync::Arc;

use serde_json::Value;

use crate::dialect::Mender;
use crate::error::ScimError;
use crate::lexer::Reader;
pub use crate::lexer::{MAX_BYTES, MAX_DEPTH, MAX_TERMS};
use crate::resolve::{Expr, resolve};
use crate::schema::ResourceType;

/// Comparison operators.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CompareOp {
    /// Equal.
    Eq,
    /// Not equal; also matches resources without the attribute (contract F-19).
    Ne,
    /// Contains.
    Co,
    /// Starts with.
    Sw,
    /// Ends with.
    Ew,
    /// Greater than.
    Gt,
    /// Greater than or equal.
    Ge,
    /// Less than.
    Lt,
    /// Less than or equal.
    Le,
}

impl CompareOp {
    const ALL: [Self; 9] =
        [Self::Eq, Self::Ne, Self::Co, Self::Sw, Self::Ew, Self::Gt, Self::Ge, Self::Lt, Self::Le];

    /// The operator as written in a filter.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Eq => "eq",
            Self::Ne => "ne",
            Self::Co => "co",
            Self::Sw => "sw",
            Self::Ew => "ew",
            Self::Gt => "gt",
            Self::Ge => "ge",
            Self::Lt => "lt",
            Self::Le => "le",
        }
    }

    /// Reads an operator, in any case.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|op| op.as_str().eq_ignore_ascii_case(text))
    }
}

/// A filter as written. Attribute paths are text until they are resolved; inside a value path they are
/// names of sub-attributes.
#[derive(Debug, Clone, PartialEq)]
pub enum Filter {
    /// All of them, two or more.
    And(Vec<Filter>),
    /// Any of them, two or more.
    Or(Vec<Filter>),
    /// Not.
    Not(Box<Filter>),
    /// `attr op value`.
    Compare {
        /// Attribute path.
        attr: String,
        /// Operator.
        op: CompareOp,
        /// A string, number, boolean or null.
        value: Value,
    },
    /// `attr pr`.
    Present {
        /// Attribute path.
        attr: String,
    },
    /// `attr[filter]`: one and the same element meets the filter. `attr[f].sub op v` is read as
    /// `attr[f and sub op v]`.
    ValuePath {
        /// Attribute path.
        attr: String,
        /// What the element must meet.
        filter: Box<Filter>,
    },
}

impl Filter {
    /// Reads a filter. Errors: 400 `invalidFilter` with the byte position and what was expected.
    pub fn parse(text: &str) -> Result<Self, ScimError> {
        let read = || {
            let mut reader = Reader::new(text)?;
            let filter = reader.filter(false)?;
            reader.skip_space();
            if reader.at_end() { Ok(filter) } else { reader.fault("and, or, or the end") }
        };
        read().map_err(|fault| {
            ScimError::invalid_filter(format!("The filter is wrong at byte {}: {}.", fault.at, fault.what))
        })
    }

    /// Reads a filter and gives its names their meaning in a resource type; see [`Expr`].
    pub fn compile(text: &str, kind: &ResourceType, mender: &mut Mender) -> Result<Expr, ScimError> {
        Self::compile_among(text, kind, &[], mender)
    }

    /// As `compile`, for one of the resource types that are searched together: what only another one of them
    /// has, has no value in this one (RFC 7644 §3.4.2.1). To be compiled for each of them: operators,
    /// literals and what may be filtered by are checked where the attribute is.
    pub fn compile_among(
        text: &str,
        kind: &ResourceType,
        among: &[Arc<ResourceType>],
        mender: &mut Mender,
    ) -> Result<Expr, ScimError> {
        resolve(&Self::parse(text)?, kind, among, mender)
    }

    /// Hands out each string that something is compared with.
    pub(crate) fn visit_texts(&mut self, each: &mut dyn FnMut(&mut String)) {
        match self {
            Self::And(terms) | Self::Or(terms) => terms.iter_mut().for_each(|term| term.visit_texts(each)),
            Self::Not(inner) | Self::ValuePath { filter: inner, .. } => inner.visit_texts(each),
            Self::Compare { value: Value::String(text), .. } => each(text),
            Self::Compare { .. } | Self::Present { .. } => {}
        }
    }

    fn write_nested(&self, f: &mut fmt::Formatter<'_>, inside_and: bool) -> fmt::Result {
        match self {
            Self::Or(_) => write!(f, "({self})"),
            Self::And(_) if inside_and => write!(f, "({self})"),
            _ => write!(f, "{self}"),
        }
    }
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let joined = |f: &mut fmt::Formatter<'_>, terms: &[Filter], word: &str| {
            for (at, term) in terms.iter().enumerate() {
                if at > 0 {
                    write!(f, " {word} ")?;
                }
                term.write_nested(f, word == "and")?;
            }
            Ok(())
        };
        match self {
            Self::And(terms) => joined(f, terms, "and"),
            Self::Or(terms) => joined(f, terms, "or"),
            Self::Not(inner) => write!(f, "not ({inner})"),
            Self::Compare { attr, op, value } => write!(f, "{attr} {} {value}", op.as_str()),
            Self::Present { attr } => write!(f, "{attr} pr"),
            Self::ValuePath { attr, filter } => write!(f, "{attr}[{filter}]"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shape(text: &str) -> String {
        match Filter::parse(text) {
            Ok(filter) => filter.to_string(),
            Err(error) => error.detail,
        }
    }

    #[test]
    fn f_2_grouping_binds_before_not_before_and_before_or() {
        let filter = Filter::parse("a pr or b pr and not (c pr or d pr)").unwrap();
        let Filter::Or(terms) = &filter else { panic!("{filter}") };
        assert!(matches!(&terms[1], Filter::And(inner) if matches!(inner[1], Filter::Not(_))));
        assert_eq!(shape("(a pr or b pr) and c pr"), "(a pr or b pr) and c pr");
    }

    #[test]
    fn f_14_not_with_and_without_space() {
        for text in ["not(a pr)", "NOT (a pr)", "not  ( a pr )"] {
            assert_eq!(shape(text), "not (a pr)");
        }
        assert_eq!(shape("not eq \"x\""), "not eq \"x\"");
    }

    #[test]
    fn f_15_a_test_after_a_value_path_joins_the_element_filter() {
        assert_eq!(
            shape("emails[type eq \"work\"].value eq \"x\""),
            "emails[type eq \"work\" and value eq \"x\"]"
        );
        assert_eq!(shape("emails[type eq \"work\"].value pr"), "emails[type eq \"work\" and value pr]");
    }

    #[test]
    fn f_6_all_json_escapes() {
        let filter = Filter::parse(r#"a eq "\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00""#).unwrap();
        let Filter::Compare { value, .. } = filter else { panic!() };
        assert_eq!(value, "\"\\/\u{8}\u{c}\n\r\té😀");
        for bad in [r#"a eq "\x""#, r#"a eq "\ud83d""#, "a eq \"\u{1}\"", r#"a eq "\""#] {
            assert!(Filter::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn f_9_errors_have_position_and_expectation() {
        for (text, words) in [
            ("", "byte 0: expected an attribute name, found the end"),
            ("userName", "byte 8: expected an operator"),
            ("userName xx \"a\"", "byte 9: expected an operator"),
            ("userName eq", "byte 11: expected a space and a value"),
            ("userName eq bob", "byte 12: expected a value"),
            ("userName eq \"a", "byte 12: expected a closing quote"),
            ("(userName pr", "byte 12: expected and, or, or )"),
            ("userName pr)", "byte 11: expected and, or, or the end"),
            ("userName pr and", "byte 15: expected an attribute name"),
            ("emails[type eq \"a\"", "byte 18: expected and, or, or ]"),
            ("emails[a[b pr]]", "byte 8: expected an operator"),
            ("a..b pr", "byte 0: expected an attribute name"),
            ("not userName pr", "expected ( after not"),
            ("userName eq [1]", "expected a value"),
            ("userName eq 1e999", "expected a value"),
        ] {
            assert!(shape(text).contains(words), "{text}: {}", shape(text));
        }
    }

    #[test]
    fn f_1_numbers_are_read_exactly() {
        // Found by the fuzz target: read with less precision than written, the number drifts.
        let text = "weight eq 3333333333333333333333333333333333333333";
        let filter = Filter::parse(text).unwrap();
        assert_eq!(Filter::parse(&filter.to_string()), Ok(filter.clone()));
        let Filter::Compare { value, .. } = filter else { panic!("it is a comparison") };
        assert_eq!(value.as_f64(), "3333333333333333333333333333333333333333".parse().ok());
    }

    #[test]
    fn f_18_limits() {
        let deep = |levels| format!("{}a pr{}", "(".repeat(levels), ")".repeat(levels));
        assert!(Filter::parse(&deep(MAX_DEPTH)).is_ok());
        assert!(shape(&deep(MAX_DEPTH + 1)).contains("deeper than 32"));
        assert!(shape(&"not(".repeat(2000)).contains("deeper than 32"));
        let wide = |terms| vec!["a pr"; terms].join(" or ");
        assert!(Filter::parse(&wide(MAX_TERMS)).is_ok());
        assert!(shape(&wide(MAX_TERMS + 1)).contains("more than 256"));
        assert!(shape(&format!("a eq \"{}\"", "x".repeat(MAX_BYTES))).contains("8192"));
    }

    fn any_value() -> impl Strategy<Value = Value> {
        prop_oneof![
            any::<String>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<i32>().prop_map(|n| Value::from(f64::from(n) / 4.0)),
            any::<bool>().prop_map(Value::from),
            Just(Value::Null),
        ]
    }

    pub(crate) fn any_filter() -> impl Strategy<Value = Filter> {
        let attr = prop_oneof![
            Just("userName".to_owned()),
            "[$]?[a-z]{1,5}(\\.[a-z]{1,3})?",
            Just("urn:ietf:params:scim:schemas:core:2.0:User:name.givenName".to_owned()),
        ];
        let op = prop::sample::select(CompareOp::ALL.to_vec());
        let leaf = prop_oneof![
            (attr.clone(), op, any_value()).prop_map(|(attr, op, value)| Filter::Compare { attr, op, value }),
            attr.clone().prop_map(|attr| Filter::Present { attr }),
        ];
        let plain = leaf.prop_recursive(3, 16, 3, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 2..4).prop_map(Filter::And),
                prop::collection::vec(inner.clone(), 2..4).prop_map(Filter::Or),
                inner.prop_map(|f| Filter::Not(Box::new(f))),
            ]
        });
        let path = (attr, plain.clone())
            .prop_map(|(attr, filter)| Filter::ValuePath { attr, filter: Box::new(filter) });
        prop_oneof![
            plain.clone(),
            path.clone(),
            prop::collection::vec(prop_oneof![plain, path], 2..4).prop_map(Filter::And)
        ]
    }

    proptest! {
        #[test]
        fn printing_and_reading_gives_the_same_filter(filter in any_filter()) {
            let text = filter.to_string();
            prop_assume!(text.len() <= MAX_BYTES);
            prop_assert_eq!(Filter::parse(&text).map_err(|e| format!("{text}: {e}")).unwrap(), filter);
        }

        #[test]
        fn reading_never_panics(text in "\\PC{0,60}") {
            let _ = Filter::parse(&text);
        }

        #[test]
        fn reading_words_of_the_grammar_never_panics(
            words in prop::collection::vec(
                prop::sample::select(vec![
                    "a", "emails", ".value", "eq", "pr", "and", "or", "not", "(", ")", "[", "]", "\"x\"",
                    "\"",                    "\\", " ", "1", "true", "null", "urn:a:b:", "ä",
                ]),
                0..24,
            ),
            spaced in any::<bool>(),
        ) {
            let text = words.join(if spaced { " " } else { "" });
            if let Ok(filter) = Filter::parse(&text) {
                prop_assert_eq!(Filter::parse(&filter.to_string()).unwrap(), filter);
            }
        }
    }
}
