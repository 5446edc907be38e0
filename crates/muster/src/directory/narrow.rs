//! Which part of a SCIM filter SQL can decide. Where it cannot decide, the condition lets through more than
//! the filter and says so (`exact` is false); the evaluator then decides over what is let through. It never
//! lets through less.

use std::sync::Arc;

use db::sql::{Sql, Value};
use scim::{AttrRef, Attribute, CompareOp, Expr, Literal, ResourceType};

use super::filter_sql::{Element, Node, Test, id_column};
use super::model::Subject;

/// A filter as far as SQL can decide it.
#[derive(Debug)]
pub struct Narrowed {
    node: Node,
    /// The condition says exactly what the filter says.
    pub exact: bool,
    /// The condition holds for a handful of rows at most: it asks for equality on a selective key.
    selective: bool,
    /// The condition has an index that finds its rows, few or many, in another order than that of ids.
    pub leaning: bool,
}

/// Narrows a filter; no filter lets everything through.
pub fn narrow(subject: Subject, kind: &ResourceType, filter: Option<&Expr>) -> Narrowed {
    let whole = |node: Node| match (subject, node) {
        (Subject::Custom, Node::All) => of_type(kind),
        (Subject::Custom, node) => Node::And(vec![of_type(kind), node]),
        (_, node) => node,
    };
    let Some(expr) = filter else {
        return Narrowed { node: whole(Node::All), exact: true, selective: false, leaning: false };
    };
    let (node, exact) = Narrower { subject, kind }.node(expr, false);
    let selective = selective(&node);
    let leaning = subject == Subject::User && !selective && leaning(&node);
    Narrowed { node: whole(node), exact, selective, leaning }
}

/// Resources of all types that an account defines are rows of one table.
fn of_type(kind: &ResourceType) -> Node {
    let value = Value::from(&*scim::fold(&kind.name));
    Node::Column { column: "type_key", test: Test { op: CompareOp::Eq, value } }
}

fn selective(node: &Node) -> bool {
    let eq = |test: &Test| test.op == CompareOp::Eq;
    match node {
        Node::Nothing => true,
        Node::And(parts) => parts.iter().any(selective),
        Node::Column { column, test } => {
            eq(test) && !matches!(*column, "active" | "created_at" | "updated_at")
        }
        Node::Index { path, within: true, test: Some(test), .. } => eq(test) && &**path == "emails.value",
        _ => false,
    }
}

fn leaning(node: &Node) -> bool {
    match node {
        Node::And(parts) => parts.iter().any(leaning),
        Node::Column { column: "created_at" | "updated_at", test } => test.op != CompareOp::Ne,
        Node::Column { column: "active", .. } => true,
        _ => false,
    }
}

impl Narrowed {
    /// Whether the search touches a handful of rows only.
    pub fn is_selective(&self) -> bool {
        self.exact && self.selective
    }

    /// Whether it lets everything through.
    pub fn is_all(&self) -> bool {
        matches!(self.node, Node::All)
    }

    /// Adds ` AND <condition>` to a statement whose `$1` is the account and whose table has the subject's
    /// columns.
    pub fn push(&self, sql: &mut Sql, subject: Subject) {
        if !matches!(self.node, Node::All) {
            sql.push(" AND ");
            self.node.push(sql, id_column(subject));
        }
    }
}

struct Narrower<'k> {
    subject: Subject,
    kind: &'k ResourceType,
}

type Narrow = (Node, bool);

const UNDECIDED: Narrow = (Node::All, false);

impl Narrower<'_> {
    fn node(&self, expr: &Expr, negated: bool) -> Narrow {
        match (expr, negated) {
            (Expr::Not(inner), _) => self.node(inner, !negated),
            (Expr::And(terms), false) | (Expr::Or(terms), true) => {
                let (nodes, exact) = self.all(terms, negated);
                let nodes: Vec<_> = nodes.into_iter().filter(|n| !matches!(n, Node::All)).collect();
                let nothing = nodes.iter().any(|n| matches!(n, Node::Nothing));
                let node = match nodes.len() {
                    _ if nothing => Node::Nothing,
                    0 => Node::All,
                    _ => Node::And(nodes),
                };
                (node, exact)
            }
            (Expr::Or(terms), false) | (Expr::And(terms), true) => {
                let (nodes, exact) = self.all(terms, negated);
                if nodes.iter().any(|n| matches!(n, Node::All)) {
                    return (Node::All, exact);
                }
                let nodes: Vec<_> = nodes.into_iter().filter(|n| !matches!(n, Node::Nothing)).collect();
                (if nodes.is_empty() { Node::Nothing } else { Node::Or(nodes) }, exact)
            }
            (Expr::Never, _) => (if negated { Node::All } else { Node::Nothing }, true),
            (Expr::Present { attr }, _) => self.present(attr, negated),
            (Expr::Compare { attr, op, value }, _) => self.compare(expr, attr, *op, value, negated),
            (Expr::ValuePath { attr, filter }, _) => self.value_path(attr, filter, negated),
        }
    }

    fn all(&self, terms: &[Expr], negated: bool) -> (Vec<Node>, bool) {
        let parts: Vec<_> = terms.iter().map(|term| self.node(term, negated)).collect();
        let exact = parts.iter().all(|(_, exact)| *exact);
        (parts.into_iter().map(|(node, _)| node).collect(), exact)
    }

    fn present(&self, attr: &AttrRef, negated: bool) -> Narrow {
        let always = (if negated { Node::Nothing } else { Node::All }, true);
        match (self.subject, &*attr.path) {
            (Subject::User, "userName" | "active") | (Subject::Group, "displayName") => always,
            (_, "id" | "schemas" | "meta" | "meta.created" | "meta.lastModified" | "meta.resourceType") => {
                always
            }
            (_, "externalId") => (Node::Null { column: "external_id", is: negated }, true),
            (Subject::Group, "members" | "members.value" | "members.type") => {
                (Node::Members { within: !negated, test: Element::All }, true)
            }
            (Subject::User, "groups" | "groups.value") => {
                (Node::MemberOf { within: !negated, group: None }, true)
            }
            (_, path) if attr.leaf().indexed => (index(path, !negated, None, None), true),
            _ => UNDECIDED,
        }
    }

    fn compare(&self, expr: &Expr, attr: &AttrRef, op: CompareOp, value: &Literal, negated: bool) -> Narrow {
        let text = || match value {
            Literal::Text { key, .. } => Some(Value::from(key.as_str())),
            _ => None,
        };
        let (column, value, nullable) = match (self.subject, &*attr.path, value) {
            (_, "meta.resourceType", _) => {
                let kind = serde_json::json!({"meta": {"resourceType": self.kind.name}});
                return (if expr.matches(&kind) == negated { Node::Nothing } else { Node::All }, true);
            }
            (Subject::User, "active", Literal::Bool(flag)) => ("active", Some(Value::from(*flag)), false),
            (_, "meta.created", Literal::Instant(at)) => return instant("created_at", op, *at, negated),
            (_, "meta.lastModified", Literal::Instant(at)) => return instant("updated_at", op, *at, negated),
            (_, "id", _) => (id_column(self.subject), text(), false),
            (_, "externalId", _) => ("external_id", text(), true),
            (Subject::User, "userName", _) => ("user_name_key", text(), false),
            (Subject::Group, "displayName", _) => ("name_key", text(), false),
            (Subject::Group, "members.value" | "members.type", _) => {
                return element(expr, false).map_or(UNDECIDED, |test| any_element(test, op, negated));
            }
            (Subject::User, "groups.value", Literal::Text { raw, .. }) if op == CompareOp::Eq => {
                return (Node::MemberOf { within: !negated, group: Some(raw.clone()) }, true);
            }
            (_, path, Literal::Text { key, .. }) if attr.leaf().indexed => {
                return indexed(attr, path, Test { op, value: Value::from(key.as_str()) }, negated);
            }
            _ => return UNDECIDED,
        };
        let Some(value) = value else { return UNDECIDED };
        columned(column, Test { op, value }, nullable, attr.leaf().case_exact, negated)
    }

    fn value_path(&self, attr: &AttrRef, filter: &Expr, negated: bool) -> Narrow {
        if self.subject == Subject::Group && &*attr.path == "members" {
            let test = element(filter, false);
            return test.map_or(UNDECIDED, |test| (Node::Members { within: !negated, test }, true));
        }
        let value = attr.with_sub(attr.attr.value_sub());
        if value.sub.is_none() || !value.leaf().indexed {
            return UNDECIDED;
        }
        let Some((test, qualifier, exact)) = value_and_type(filter, &value) else { return UNDECIDED };
        let blind =
            test.as_ref().is_some_and(|test| substring_of_exact_text(test.op, value.leaf().case_exact));
        let exact = exact && !blind;
        if negated && !exact {
            return UNDECIDED;
        }
        (index(&value.path, !negated, test, qualifier), exact)
    }
}

fn index(path: &str, within: bool, test: Option<Test>, qualifier: Option<String>) -> Node {
    Node::Index { path: Arc::from(path), within, test, qualifier }
}

/// Columns hold whole microseconds: what is finer lies between two of them and equals none.
fn instant(column: &'static str, op: CompareOp, nanos: i128, negated: bool) -> Narrow {
    let Ok(micros) = i64::try_from(nanos.div_euclid(1_000)) else { return UNDECIDED };
    let op = match op {
        op if nanos.rem_euclid(1_000) == 0 => op,
        CompareOp::Gt | CompareOp::Ge => CompareOp::Gt,
        CompareOp::Lt | CompareOp::Le => CompareOp::Le,
        op => return (if (op == CompareOp::Ne) == negated { Node::Nothing } else { Node::All }, true),
    };
    columned(column, Test { op, value: Value::from(micros) }, false, false, negated)
}

/// SQLite's LIKE ignores the case of ASCII letters, so it decides too much for text whose case matters.
fn substring_of_exact_text(op: CompareOp, case_exact: bool) -> bool {
    case_exact && matches!(op, CompareOp::Co | CompareOp::Ew)
}

fn columned(column: &'static str, test: Test, nullable: bool, case_exact: bool, negated: bool) -> Narrow {
    let blind = substring_of_exact_text(test.op, case_exact);
    if blind && negated {
        return UNDECIDED;
    }
    let op = if negated { opposite(test.op) } else { Some(test.op) };
    let absent_counts = nullable && (negated != (test.op == CompareOp::Ne));
    let node = match op {
        Some(op) => Node::Column { column, test: Test { op, ..test } },
        None => return UNDECIDED,
    };
    let null = Node::Null { column, is: true };
    (if absent_counts { Node::Or(vec![null, node]) } else { node }, !blind)
}

/// The operator that says the contrary of one present value; none for parts of text.
fn opposite(op: CompareOp) -> Option<CompareOp> {
    Some(match op {
        CompareOp::Eq => CompareOp::Ne,
        CompareOp::Ne => CompareOp::Eq,
        CompareOp::Gt => CompareOp::Le,
        CompareOp::Ge => CompareOp::Lt,
        CompareOp::Lt => CompareOp::Ge,
        CompareOp::Le => CompareOp::Gt,
        CompareOp::Co | CompareOp::Sw | CompareOp::Ew => return None,
    })
}

/// Some value passes; `ne` passes also where there is no value (contract F-19).
fn indexed(attr: &AttrRef, path: &str, test: Test, negated: bool) -> Narrow {
    let blind = substring_of_exact_text(test.op, attr.leaf().case_exact);
    if blind && negated {
        return UNDECIDED;
    }
    if test.op != CompareOp::Ne {
        return (index(path, !negated, Some(test), None), !blind);
    }
    let (any, other) = (index(path, negated, None, None), index(path, !negated, Some(test), None));
    (if negated { Node::And(vec![any, other]) } else { Node::Or(vec![any, other]) }, true)
}

/// The same for membership rows.
fn any_element(test: Element, op: CompareOp, negated: bool) -> Narrow {
    let some = Node::Members { within: !negated, test };
    if op != CompareOp::Ne {
        return (some, true);
    }
    let any = Node::Members { within: negated, test: Element::All };
    (if negated { Node::And(vec![any, some]) } else { Node::Or(vec![any, some]) }, true)
}

/// `type eq T and value op X` inside brackets: what the index row of one element can decide. The value must
/// be asked for, because an element without one has no row.
fn value_and_type(filter: &Expr, value: &AttrRef) -> Option<(Option<Test>, Option<String>, bool)> {
    let one = std::slice::from_ref(filter);
    let terms = if let Expr::And(terms) = filter { terms.as_slice() } else { one };
    let (mut asked, mut test, mut qualifier, mut exact) = (false, None, None, true);
    for term in terms {
        match term {
            Expr::Present { attr } if attr.path == value.path => asked = true,
            Expr::Compare { attr, op, value: Literal::Text { key, .. } }
                if attr.path == value.path && *op != CompareOp::Ne && test.is_none() =>
            {
                asked = true;
                test = Some(Test { op: *op, value: Value::from(key.as_str()) });
            }
            Expr::Compare { attr, op: CompareOp::Eq, value: Literal::Text { key, .. } }
                if is_qualifier(attr) && !key.is_empty() && qualifier.is_none() =>
            {
                qualifier = Some(key.clone());
            }
            _ => exact = false,
        }
    }
    asked.then_some((test, qualifier, exact))
}

/// Index rows hold one `type`, folded, and the empty text where there is none.
fn is_qualifier(attr: &AttrRef) -> bool {
    let plain = |sub: &Attribute| sub.name == "type" && !sub.case_exact && !sub.multi_valued;
    attr.sub.as_ref().is_some_and(|sub| plain(sub))
}

/// A condition on one membership row, if `value` and `type` are all it speaks of.
fn element(filter: &Expr, negated: bool) -> Option<Element> {
    let all = |terms: &[Expr]| terms.iter().map(|term| element(term, negated)).collect::<Option<Vec<_>>>();
    let known = |yes: bool| if yes == negated { Element::Nothing } else { Element::All };
    Some(match (filter, negated) {
        (Expr::Not(inner), _) => element(inner, !negated)?,
        (Expr::And(terms), false) | (Expr::Or(terms), true) => Element::And(all(terms)?),
        (Expr::Or(terms), false) | (Expr::And(terms), true) => Element::Or(all(terms)?),
        (Expr::Never, _) => known(false),
        (Expr::Present { attr }, _) => match &*attr.path {
            "members.value" | "members.type" => known(true),
            _ => return None,
        },
        (Expr::Compare { attr, op, value: Literal::Text { key, .. } }, _) => match &*attr.path {
            "members.value" => {
                let op = if negated { opposite(*op)? } else { *op };
                if substring_of_exact_text(op, true) {
                    return None;
                }
                Element::Id(Test { op, value: Value::from(key.as_str()) })
            }
            "members.type" => {
                let row = |kind: Subject| serde_json::json!({"type": kind.name()});
                let kinds = [Subject::User, Subject::Group].into_iter();
                let fitting = kinds.filter(|kind| filter.matches_element(&row(*kind)) != negated);
                Element::Or(fitting.map(Element::Kind).collect())
            }
            _ => return None,
        },
        _ => return None,
    })
}
