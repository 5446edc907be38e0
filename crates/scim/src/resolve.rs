//! Filters with meaning: every leaf carries the definition of its attribute and a typed literal, so that a
//! back end (memory or SQL) decides nothing by itself. It never looks at a resource.

use std::sync::Arc;

use serde_json::{Number, Value};

use crate::base64;
use crate::dialect::{Mender, Quirk};
use crate::error::ScimError;
use crate::filter::{CompareOp, Filter};
use crate::instant::mend_separator;
use crate::name::{comparison_key, excerpt};
use crate::number::whole;
use crate::same::text_key;
use crate::schema::{AttrRef, Attribute, Resolution, ResourceType, Returned, Type};
use crate::value::{expected, found_instead, parse_instant};

/// A literal of the attribute's type.
#[derive(Debug, Clone, PartialEq)]
pub enum Literal {
    /// Text of a string, reference or binary.
    Text {
        /// As written; of a binary to the letter of base64.
        raw: String,
        /// What comparison uses: folded unless the attribute is case-exact; of a binary its digits alone.
        key: String,
    },
    /// Boolean.
    Bool(bool),
    /// Integer.
    Integer(i64),
    /// Decimal, with all the digits that are kept.
    Decimal(Number),
    /// Instant, in nanoseconds since 1970.
    Instant(i128),
}

/// A resolved filter. Both back ends give it this meaning:
/// - a multi-valued attribute matches if any of its values does (F-3);
/// - `Ne` also matches resources (or elements) without the attribute (F-19);
/// - text compares by the key of [`Literal::Text`], in byte order for gt, ge, lt, le;
/// - [`Expr::Never`] is false, so `Not(Never)` is true.
#[derive(Debug, Clone, PartialEq)]
pub enum Expr {
    /// All of them.
    And(Vec<Expr>),
    /// Any of them.
    Or(Vec<Expr>),
    /// Not.
    Not(Box<Expr>),
    /// Some value of `attr` compares so. Never on a complex attribute.
    Compare {
        /// The attribute; `leaf()` has type and case rule.
        attr: AttrRef,
        /// The operator.
        op: CompareOp,
        /// The literal, of the attribute's type.
        value: Literal,
    },
    /// The attribute has a value. May be a complex attribute.
    Present {
        /// The attribute.
        attr: AttrRef,
    },
    /// One element of `attr` meets `filter`. The leaves inside carry full references (`emails.type`) but
    /// speak of that element alone; a leaf without `sub` is the element itself (list of simple values).
    ValuePath {
        /// The attribute whose elements are tried.
        attr: AttrRef,
        /// What one element must meet.
        filter: Box<Expr>,
    },
    /// False: the attribute is unknown (F-20, not in strict), or has no value since another type has it.
    Never,
}

impl Expr {
    /// How many comparisons it makes at most.
    pub fn terms(&self) -> usize {
        match self {
            Self::And(terms) | Self::Or(terms) => terms.iter().map(Self::terms).sum(),
            Self::Not(inner) => inner.terms(),
            Self::ValuePath { filter, .. } => filter.terms(),
            Self::Compare { .. } | Self::Present { .. } | Self::Never => 1,
        }
    }
}

/// What a name stands for.
enum Named {
    Attr(AttrRef),
    /// A whole extension: what holds of resources that have it.
    Extension(Expr),
    /// Something of other resources of the same search.
    Elsewhere,
    /// Nothing, which the dialect mends.
    Nothing,
}

/// Resolves a filter against one of the resource types that are searched together. What only another one of
/// them has, has no value here (RFC 7644 §3.4.2.1). Errors: 400 `invalidFilter`.
pub(crate) fn resolve(
    filter: &Filter,
    kind: &ResourceType,
    among: &[Arc<ResourceType>],
    mender: &mut Mender,
) -> Result<Expr, ScimError> {
    let is_known = |found: Resolution| matches!(found, Resolution::Attr(_) | Resolution::Extension(_));
    resolve_with(filter, mender, &|text, mender| match kind.resolve(text, mender) {
        Resolution::Attr(attr) => Ok(Named::Attr(attr)),
        Resolution::Extension(schema) => Ok(Named::Extension(has_schema(kind, &schema.urn))),
        _ if among.iter().any(|other| is_known(other.resolve(text, mender))) => Ok(Named::Elsewhere),
        Resolution::ForeignUrn if mender.mend(Quirk::ForeignUrn, text) => Ok(Named::Nothing),
        _ => {
            let own = kind.unqualified(text);
            let is_mended = own.is_some() || among.iter().any(|other| other.unqualified(text).is_some());
            if is_mended && mender.mend(Quirk::UnqualifiedName, text) {
                return Ok(own.map_or(Named::Elsewhere, Named::Attr));
            }
            unknown(text, &kind.name, mender)
        }
    })
}

/// `schemas` names an extension as long as the resource has something of it.
fn has_schema(kind: &ResourceType, urn: &str) -> Expr {
    let Some(schemas) = kind.top().get("schemas") else { return Expr::Never };
    let key = comparison_key(schemas.case_exact, urn).into_owned();
    let value = Literal::Text { raw: urn.to_owned(), key };
    Expr::Compare { attr: AttrRef::new(None, schemas, None), op: CompareOp::Eq, value }
}

fn only_present(text: &str) -> ScimError {
    ScimError::invalid_filter(format!(
        "{:?} is a schema, which goes with pr only; compare one of its attributes, as in URN:name.",
        excerpt(text)
    ))
}

/// Resolves the filter inside the brackets after `owner`.
pub(crate) fn resolve_element(
    filter: &Filter,
    owner: &AttrRef,
    mender: &mut Mender,
) -> Result<Expr, ScimError> {
    resolve_with(filter, mender, &|text, mender| {
        let attr = &owner.attr;
        if let Some(sub) = attr.sub.get(text) {
            return Ok(Named::Attr(owner.with_sub(Some(sub))));
        }
        if attr.kind != Type::Complex && text.eq_ignore_ascii_case("value") {
            return Ok(Named::Attr(owner.clone()));
        }
        unknown(text, &owner.to_string(), mender)
    })
}

fn unknown(text: &str, owner: &str, mender: &mut Mender) -> Result<Named, ScimError> {
    if mender.mend(Quirk::UnknownAttribute, text) {
        return Ok(Named::Nothing);
    }
    Err(ScimError::invalid_filter(format!(
        "{:?} is not an attribute of {owner}; see /Schemas for the names.",
        excerpt(text)
    )))
}

type Lookup<'a> = dyn Fn(&str, &mut Mender) -> Result<Named, ScimError> + 'a;

fn resolve_with(filter: &Filter, mender: &mut Mender, lookup: &Lookup<'_>) -> Result<Expr, ScimError> {
    let all = |terms: &[Filter], mender: &mut Mender| {
        terms.iter().map(|term| resolve_with(term, mender, lookup)).collect::<Result<Vec<_>, _>>()
    };
    Ok(match filter {
        Filter::And(terms) => Expr::And(all(terms, mender)?),
        Filter::Or(terms) => Expr::Or(all(terms, mender)?),
        Filter::Not(inner) => Expr::Not(Box::new(resolve_with(inner, mender, lookup)?)),
        Filter::Present { attr } => match lookup(attr, mender)? {
            Named::Attr(attr) => Expr::Present { attr: filterable(attr)? },
            Named::Extension(expr) => expr,
            Named::Elsewhere | Named::Nothing => Expr::Never,
        },
        Filter::Compare { attr, op, value } => match lookup(attr, mender)? {
            Named::Attr(attr) => compare(filterable(attr)?, *op, value, mender)?,
            Named::Extension(_) => return Err(only_present(attr)),
            Named::Elsewhere if without_value(*op, value) => Expr::Not(Box::new(Expr::Never)),
            Named::Elsewhere | Named::Nothing => Expr::Never,
        },
        Filter::ValuePath { attr, filter } => match lookup(attr, mender)? {
            Named::Attr(attr) if attr.sub.is_some() => {
                return Err(ScimError::invalid_filter(format!(
                    "{attr} is a sub-attribute; brackets go after the attribute: {}[…].",
                    attr.attr.name
                )));
            }
            Named::Attr(attr) => {
                let attr = filterable(attr)?;
                let filter = Box::new(resolve_element(filter, &attr, mender)?);
                Expr::ValuePath { attr, filter }
            }
            Named::Extension(_) => return Err(only_present(attr)),
            Named::Elsewhere | Named::Nothing => Expr::Never,
        },
    })
}

/// Whether a comparison holds where the attribute has no value: `ne` (contract F-19), or `eq null`.
fn without_value(op: CompareOp, value: &Value) -> bool {
    match op {
        CompareOp::Ne => !value.is_null(),
        CompareOp::Eq => value.is_null(),
        _ => false,
    }
}

fn filterable(attr: AttrRef) -> Result<AttrRef, ScimError> {
    if attr.leaf().returned == Returned::Never || attr.attr.returned == Returned::Never {
        return Err(ScimError::invalid_filter(format!(
            "{attr} cannot be filtered because it is never returned; leave it out."
        )));
    }
    Ok(attr)
}

fn compare(attr: AttrRef, op: CompareOp, value: &Value, mender: &mut Mender) -> Result<Expr, ScimError> {
    if value.is_null() {
        return match op {
            CompareOp::Eq => Ok(Expr::Not(Box::new(Expr::Present { attr }))),
            CompareOp::Ne => Ok(Expr::Present { attr }),
            _ => Err(ScimError::invalid_filter(format!("{attr}: null goes with eq and ne only."))),
        };
    }
    // Contract F-4: a complex attribute stands for its `value`.
    let attr = match (attr.leaf().kind, attr.attr.value_sub()) {
        (Type::Complex, Some(value_sub)) => attr.with_sub(Some(value_sub)),
        (Type::Complex, None) => {
            return Err(ScimError::invalid_filter(format!(
                "{attr} is complex and has no value; compare one of its sub-attributes, as in {attr}.{}.",
                attr.attr.sub.iter().next().map_or("name", |sub| sub.name.as_str())
            )));
        }
        _ => attr,
    };
    check_operator(&attr, op)?;
    let Some(value) = literal(attr.leaf(), value, mender)? else {
        return Err(ScimError::invalid_filter(format!(
            "{attr} is compared with {}; the filter has {}.",
            expected(attr.leaf().kind),
            found_instead(attr.leaf().kind, value)
        )));
    };
    Ok(Expr::Compare { attr, op, value })
}

/// Contract F-8: ordering needs an ordered type, substrings need text.
fn check_operator(attr: &AttrRef, op: CompareOp) -> Result<(), ScimError> {
    use CompareOp::{Co, Eq, Ew, Ge, Gt, Le, Lt, Ne, Sw};
    let kind = attr.leaf().kind;
    let ordered = !matches!(kind, Type::Boolean | Type::Binary);
    let good = match op {
        Eq | Ne => true,
        Gt | Ge | Lt | Le => ordered,
        Co | Sw | Ew => matches!(kind, Type::String | Type::Reference),
    };
    if good {
        return Ok(());
    }
    Err(ScimError::invalid_filter(format!(
        "{} does not go with {attr}, which is of type {}; use {}.",
        op.as_str(),
        kind.as_str(),
        if ordered { "eq, ne, gt, ge, lt, le or pr" } else { "eq, ne or pr" }
    )))
}

fn literal(attr: &Attribute, value: &Value, mender: &mut Mender) -> Result<Option<Literal>, ScimError> {
    Ok(match (attr.kind, value) {
        (Type::Binary, Value::String(text)) => base64::mended(text).map(|raw| {
            let key = text_key(attr, &raw).into_owned();
            Literal::Text { raw, key }
        }),
        (Type::String | Type::Reference, Value::String(text)) => {
            if memchr::memchr(0, text.as_bytes()).is_some() {
                return Err(ScimError::invalid_filter("The filter holds the character U+0000; remove it."));
            }
            let key = text_key(attr, text).into_owned();
            Some(Literal::Text { raw: text.clone(), key })
        }
        (Type::Boolean, Value::Bool(flag)) => Some(Literal::Bool(*flag)),
        (Type::Boolean, Value::String(text)) => {
            let flag = [("true", true), ("false", false)].iter().find(|(t, _)| t.eq_ignore_ascii_case(text));
            flag.filter(|_| mender.mend(Quirk::StringBoolean, &attr.name)).map(|&(_, f)| Literal::Bool(f))
        }
        (Type::Integer, Value::Number(number)) => whole(number).map(Literal::Integer),
        (Type::Decimal, Value::Number(number)) => Some(Literal::Decimal(number.clone())),
        (Type::Integer | Type::Decimal, Value::String(text)) => {
            let number = text.trim().parse().ok().map(Value::Number);
            let number = number.filter(|_| mender.mend(Quirk::StringNumber, &attr.name));
            return number.map_or(Ok(None), |number| literal(attr, &number, mender));
        }
        (Type::DateTime, Value::String(text)) => {
            let mut text = text.clone();
            mend_separator(&mut text, || mender.mend(Quirk::DateTimeSeparator, &attr.name));
            parse_instant(&text).map(Literal::Instant)
        }
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::Dialect;
    use crate::schema::Catalogue;

    fn compiled(dialect: Dialect, text: &str) -> Result<Expr, String> {
        let catalogue = Catalogue::standard();
        let user = catalogue.resource_type("User").unwrap();
        Filter::compile(text, user, &mut Mender::new(dialect)).map_err(|error| {
            assert_eq!(error.scim_type, Some(crate::error::ScimType::InvalidFilter));
            error.detail
        })
    }

    #[test]
    fn f_4_complex_means_value() {
        let direct = compiled(Dialect::Strict, "emails co \"x\"").unwrap();
        assert_eq!(direct, compiled(Dialect::Strict, "EMAILS.Value co \"x\"").unwrap());
        assert!(compiled(Dialect::Strict, "name eq \"x\"").unwrap_err().contains("name.formatted"));
    }

    #[test]
    fn f_11_an_extension_is_meant_where_it_alone_has_the_name() {
        let full = format!("{}:manager eq \"1\"", crate::standard::ENTERPRISE_URN);
        let full = compiled(Dialect::Strict, &full).unwrap();
        for dialect in [Dialect::Auto, Dialect::Entra, Dialect::Okta, Dialect::Tolerant] {
            assert_eq!(compiled(dialect, "Manager eq \"1\"").unwrap(), full);
            assert_eq!(compiled(dialect, "manager.value eq \"1\"").unwrap(), full);
            assert_eq!(compiled(dialect, "managers eq \"1\"").unwrap(), Expr::Never);
            assert_eq!(compiled(dialect, "urn:x:manager eq \"1\"").unwrap(), Expr::Never);
        }
        assert!(compiled(Dialect::Strict, "manager eq \"1\"").is_err());
    }

    #[test]
    fn f_8_operators_that_do_not_fit_the_type() {
        for text in [
            "active gt true",
            "x509Certificates.value le \"MA==\"",
            "x509Certificates.value co \"MA\"",
            "active co true",
            "meta.lastModified sw \"2011\"",
            "userName gt 5",
            "userName eq true",
            "meta.created gt \"yesterday\"",
            "title gt null",
            "name.givenName[value pr]",
        ] {
            assert!(compiled(Dialect::Auto, text).is_err(), "{text}");
        }
    }

    #[test]
    fn f_8_refusals_say_what_fits() {
        let error = |text: &str| compiled(Dialect::Strict, text).unwrap_err();
        assert!(error("active gt true").ends_with("which is of type boolean; use eq, ne or pr."));
        assert!(error("meta.created sw \"2\"").ends_with("dateTime; use eq, ne, gt, ge, lt, le or pr."));
        assert_eq!(
            error("active eq \"x\""),
            "active is compared with true or false; the filter has a string."
        );
        let day = error("meta.created gt \"2030-01-31\"");
        assert!(
            day.ends_with("with a dateTime such as \"2030-01-31T09:30:00Z\"; the filter has another string.")
        );
    }

    #[test]
    fn q_1_what_another_type_has_has_no_value_here() {
        let catalogue = Catalogue::standard();
        let kinds = ["User", "Group"].map(|name| catalogue.resource_type(name).unwrap().clone());
        let never = || Expr::Never;
        let always = || Expr::Not(Box::new(Expr::Never));
        for (text, expected) in [
            ("userName eq \"x\"", never()),
            ("userName ne \"x\"", always()),
            ("userName eq null", always()),
            ("userName ne null", never()),
            ("userName pr", never()),
            ("emails[type eq \"work\"]", never()),
            ("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department eq \"x\"", never()),
            ("not (userName sw \"x\")", always()),
        ] {
            for dialect in [Dialect::Strict, Dialect::Auto] {
                let mut mender = Mender::new(dialect);
                let compiled = Filter::compile_among(text, &kinds[1], &kinds, &mut mender);
                assert_eq!(compiled.as_ref(), Ok(&expected), "{text}");
                assert!(mender.notes().is_empty(), "{text}");
            }
        }
        let strict = &mut Mender::new(Dialect::Strict);
        assert!(Filter::compile_among("shoeSize pr", &kinds[1], &kinds, strict).is_err());
    }

    #[test]
    fn f_11_an_extension_is_present_where_its_schema_is() {
        let urn = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
        for dialect in [Dialect::Strict, Dialect::Auto] {
            let present = compiled(dialect, &format!("{} pr", urn.to_uppercase())).unwrap();
            assert_eq!(present, compiled(dialect, &format!("schemas eq \"{urn}\"")).unwrap());
            for text in [format!("{urn} eq \"x\""), format!("{urn}[department pr]")] {
                assert!(compiled(dialect, &text).unwrap_err().contains("goes with pr only"), "{text}");
            }
        }
    }

    #[test]
    fn binaries_compare_by_what_they_say() {
        for dialect in [Dialect::Strict, Dialect::Auto] {
            let find =
                |text: &str| compiled(dialect, &format!("x509Certificates.value eq \"{text}\"")).unwrap();
            for (one, other) in [("YWI=", "YWI"), ("YWI", "YWI="), ("+/+/", "-_-_"), ("-_-_", "+/+/")] {
                let stored = |text: &str| serde_json::json!({"x509Certificates": [{"value": text}]});
                assert_eq!(find(one), find(other));
                for (asked, there) in [(one, other), (one, one), (other, "YW\nI="), (other, "ywi=")] {
                    let same = base64::bare(asked) == base64::bare(there);
                    assert_eq!(find(asked).matches(&stored(there)), same, "{asked} {there}");
                }
            }
            let error = compiled(dialect, "x509Certificates.value eq \"%%\"").unwrap_err();
            assert!(error.contains("a base64 string") && error.ends_with("another string."), "{error}");
        }
    }

    #[test]
    fn f_20_unknown_attribute() {
        for text in ["nothing eq \"x\"", "urn:example:x pr", "nothing[a pr]", "name.nothing pr"] {
            assert!(compiled(Dialect::Strict, text).is_err());
            assert_eq!(compiled(Dialect::Auto, text), Ok(Expr::Never));
        }
    }

    #[test]
    fn pwd_1_password_is_not_filterable() {
        for dialect in Dialect::ALL {
            for text in ["password pr", "password eq \"x\"", "not (password sw \"a\")", "password eq null"] {
                assert!(compiled(dialect, text).unwrap_err().contains("never returned"), "{text}");
            }
        }
    }

    #[test]
    fn literals_take_the_type_of_the_attribute() {
        let Ok(Expr::Compare { value, .. }) = compiled(Dialect::Strict, "userName eq \"BJensen\"") else {
            panic!()
        };
        assert_eq!(value, Literal::Text { raw: "BJensen".into(), key: "bjensen".into() });
        assert!(compiled(Dialect::Strict, "active eq \"True\"").is_err());
        let Ok(Expr::Compare { value, .. }) = compiled(Dialect::Entra, "active eq \"True\"") else {
            panic!()
        };
        assert_eq!(value, Literal::Bool(true));
    }
}
