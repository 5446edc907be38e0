//! Tells by the text of a stored document that a filter cannot match it. To look for the names and values
//! that a match would have is several times faster than to read the document, and so most of a directory is
//! left out where no index helps.

use memchr::memmem::Finder;

use crate::filter::CompareOp;
use crate::resolve::{Expr, Literal};
use crate::schema::{AttrRef, Type};

/// What the text of each document has that a filter matches. Documents are JSON as `serde_json` writes it: of
/// what is in strings it escapes quotes, backslashes and control characters alone.
pub struct Sieve(Vec<Need>);

/// Filters of more terms are left to the evaluator: to look for each could take longer than to read.
const MANY: usize = 16;

enum Need {
    /// A member of that name; it is looked for with its quotes.
    Name(Finder<'static>),
    /// A text somewhere, as it is.
    Exact(Finder<'static>),
    /// A text somewhere, case aside: folded and ASCII. A document that is not ASCII may have it in another
    /// spelling.
    Ascii(String),
    /// A text that is not ASCII somewhere, case aside: no document in ASCII has it.
    Beyond,
    /// All needs of one of these.
    Any(Vec<Vec<Need>>),
}

impl Sieve {
    /// What `filter` needs. `is_stored`: whether an attribute's value stands in the document; others are
    /// added to it before the filter is asked.
    pub fn of(filter: &Expr, is_stored: impl Fn(&AttrRef) -> bool) -> Self {
        if filter.terms() > MANY { Self(Vec::new()) } else { Self(needs(filter, &is_stored)) }
    }

    /// False: the filter does not match the document. True: it may.
    pub fn lets_through(&self, document: &str) -> bool {
        are_met(&self.0, document, document.is_ascii())
    }
}

fn needs(filter: &Expr, is_stored: &dyn Fn(&AttrRef) -> bool) -> Vec<Need> {
    match filter {
        Expr::And(terms) => terms.iter().flat_map(|term| needs(term, is_stored)).collect(),
        Expr::Or(terms) => {
            let each: Vec<_> = terms.iter().map(|term| needs(term, is_stored)).collect();
            if each.iter().any(Vec::is_empty) { Vec::new() } else { vec![Need::Any(each)] }
        }
        // What is not there passes.
        Expr::Not(_) | Expr::Never | Expr::Compare { op: CompareOp::Ne, .. } => Vec::new(),
        Expr::Compare { attr, .. } | Expr::Present { attr } | Expr::ValuePath { attr, .. }
            if !is_stored(attr) =>
        {
            Vec::new()
        }
        Expr::Compare { attr, op, value } => names(attr).chain(text(attr, *op, value)).collect(),
        Expr::Present { attr } => names(attr).collect(),
        Expr::ValuePath { attr, filter } => names(attr).chain(needs(filter, is_stored)).collect(),
    }
}

/// Names of attributes have nothing that JSON escapes.
fn names(attr: &AttrRef) -> impl Iterator<Item = Need> {
    let quoted = |name: &str| Need::Name(finder(&format!("\"{name}\"")));
    [Some(quoted(&attr.attr.name)), attr.sub.as_ref().map(|sub| quoted(&sub.name))].into_iter().flatten()
}

/// The text that a value has which compares so.
fn text(attr: &AttrRef, op: CompareOp, literal: &Literal) -> Option<Need> {
    let Literal::Text { key, .. } = literal else { return None };
    let within = matches!(op, CompareOp::Eq | CompareOp::Co | CompareOp::Sw | CompareOp::Ew);
    let escaped = |byte: u8| byte < b' ' || matches!(byte, b'"' | b'\\');
    if !within || attr.leaf().kind == Type::Binary || key.is_empty() || key.bytes().any(escaped) {
        return None;
    }
    Some(match (attr.leaf().case_exact, key.is_ascii()) {
        (true, _) => Need::Exact(finder(key)),
        (false, true) => Need::Ascii(key.clone()),
        (false, false) => Need::Beyond,
    })
}

fn finder(text: &str) -> Finder<'static> {
    Finder::new(text).into_owned()
}

fn are_met(needs: &[Need], document: &str, is_ascii: bool) -> bool {
    needs.iter().all(|need| match need {
        Need::Name(finder) | Need::Exact(finder) => finder.find(document.as_bytes()).is_some(),
        Need::Ascii(key) => !is_ascii || has(document.as_bytes(), key.as_bytes()),
        Need::Beyond => !is_ascii,
        Need::Any(each) => each.iter().any(|needs| are_met(needs, document, is_ascii)),
    })
}

/// Whether the key is somewhere in the text, ASCII case aside.
fn has(text: &[u8], key: &[u8]) -> bool {
    let (Some(first), Some(last)) = (key.first(), text.len().checked_sub(key.len())) else { return false };
    let starts = &text[..=last];
    memchr::memchr2_iter(first.to_ascii_lowercase(), first.to_ascii_uppercase(), starts)
        .any(|at| text[at..at + key.len()].eq_ignore_ascii_case(key))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;
    use crate::{Catalogue, Dialect, Filter, Mender};

    fn compiled(filter: &str) -> (Expr, Sieve) {
        let catalogue = Catalogue::standard();
        let user = catalogue.resource_type("User").unwrap();
        let filter = Filter::compile(filter, user, &mut Mender::new(Dialect::Tolerant)).unwrap();
        let sieve = Sieve::of(&filter, |attr| attr.attr.name != "groups");
        (filter, sieve)
    }

    #[test]
    fn what_has_not_what_the_filter_asks_for_is_left_out() {
        let emails = json!([{"value": "ann@x.example", "type": "work"}]);
        let user = json!({"nickName": "Ann", "title": "Dr.", "emails": emails});
        let text = user.to_string();
        for (filter, through) in [
            ("nickName eq \"ann\"", true),
            ("nickName eq \"bob\"", false),
            ("nickName co \"NN\"", true),
            ("nickName eq \"\u{e4}nn\"", false),
            ("locale pr", false),
            ("title pr and locale pr", false),
            ("title pr or locale pr", true),
            ("timezone pr or locale pr", false),
            ("not (locale pr)", true),
            ("locale ne \"de\"", true),
            ("locale eq null", true),
            ("emails[type eq \"home\"]", false),
            ("emails[type eq \"work\" and not (value co \"bob\")]", true),
            ("phoneNumbers[not (value eq \"1\")]", false),
            ("groups.value eq \"none\"", true),
            ("nickName co \"\\\"\"", true),
            ("nickName gt \"zzz\"", true),
        ] {
            assert_eq!(compiled(filter).1.lets_through(&text), through, "{filter}");
        }
    }

    #[test]
    fn a_text_may_be_spelled_otherwise_where_the_document_is_not_ascii() {
        for (value, asked) in
            [("\u{212a}im", "kim"), ("stra\u{df}e", "STRASSE"), ("\u{fb01}n", "fin"), ("e\u{301}", "\u{c9}")]
        {
            let (filter, sieve) = compiled(&format!("nickName eq \"{asked}\""));
            let user = json!({ "nickName": value });
            assert!(filter.matches(&user) && sieve.lets_through(&user.to_string()), "{value}");
        }
    }

    fn piece() -> impl Strategy<Value = String> {
        let pieces = [
            "a", "A", "k", "\u{212a}", "s", "\u{17f}", "\u{df}", "ss", "\"", "\\", "\n", "e\u{301}",
            "\u{e9}", "/", "title", "",
        ];
        prop::collection::vec(prop::sample::select(pieces.to_vec()), 0..4).prop_map(|pieces| pieces.concat())
    }

    fn user() -> impl Strategy<Value = Value> {
        let texts = prop::collection::hash_map(
            prop::sample::select(vec!["title", "nickName", "locale", "externalId"]),
            piece().prop_map(Value::from),
            0..4,
        );
        let email = (piece(), prop::sample::select(vec!["work", "Home"]), any::<bool>());
        let emails = prop::collection::vec(email, 0..3);
        (texts, emails).prop_map(|(texts, emails)| {
            let mut user: serde_json::Map<String, Value> =
                texts.into_iter().map(|(name, text)| (name.to_owned(), text)).collect();
            let email = |(value, kind, primary)| json!({"value": value, "type": kind, "primary": primary});
            user.insert("emails".into(), emails.into_iter().map(email).collect());
            Value::Object(user)
        })
    }

    fn filter() -> impl Strategy<Value = String> {
        let op = || prop::sample::select(vec!["eq", "ne", "co", "sw", "ew", "gt", "le"]);
        let attr =
            prop::sample::select(vec!["title", "nickName", "locale", "externalId", "emails.value", "emails"]);
        let quoted = |text: String| Value::from(text).to_string();
        let leaf = prop_oneof![
            3 => (attr.clone(), op(), piece())
                .prop_map(move |(attr, op, text)| format!("{attr} {op} {}", quoted(text))),
            1 => attr.prop_map(|attr| format!("{attr} pr")),
            1 => (op(), piece()).prop_map(move |(op, text)| {
                format!("emails[type eq \"home\" and value {op} {} or primary eq true]", quoted(text))
            }),
        ];
        leaf.prop_recursive(3, 12, 3, |inner| {
            prop_oneof![
                (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} and {b})")),
                (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} or {b})")),
                inner.prop_map(|inner| format!("not ({inner})")),
            ]
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig {
            cases: 4_000, failure_persistence: None, ..ProptestConfig::default()
        })]

        #[test]
        fn what_matches_is_never_left_out(user in user(), filter in filter()) {
            let (matching, sieve) = compiled(&filter);
            prop_assert!(!matching.matches(&user) || sieve.lets_through(&user.to_string()));
        }
    }
}
