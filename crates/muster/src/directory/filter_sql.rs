//! The SQL of filters: writes conditions over columns, index rows and membership rows. What they are is
//! decided in `narrow`.

use std::sync::Arc;

use db::sql::{Sql, Value};
use scim::CompareOp;

use super::model::Subject;

/// A condition on one row of users, groups or resources of an account's own types.
#[derive(Debug, Clone)]
pub(super) enum Node {
    All,
    Nothing,
    And(Vec<Node>),
    Or(Vec<Node>),
    Column { column: &'static str, test: Test },
    Null { column: &'static str, is: bool },
    Index { path: Arc<str>, within: bool, test: Option<Test>, qualifier: Option<String> },
    Members { within: bool, test: Element },
    MemberOf { within: bool, group: Option<String> },
}

/// A comparison of a column or key with a value.
#[derive(Debug, Clone)]
pub(super) struct Test {
    pub(super) op: CompareOp,
    pub(super) value: Value,
}

/// A condition on one membership row.
#[derive(Debug, Clone)]
pub(super) enum Element {
    All,
    Nothing,
    And(Vec<Element>),
    Or(Vec<Element>),
    Id(Test),
    Kind(Subject),
}

/// Name of the id column.
pub const fn id_column(subject: Subject) -> &'static str {
    match subject {
        Subject::User => "user_id",
        Subject::Group => "group_id",
        Subject::Custom => "object_id",
    }
}

impl Node {
    /// Appends the condition; `$1` of the statement is the account, `id` the column of the resource's id.
    pub(super) fn push(&self, sql: &mut Sql, id: &str) {
        match self {
            Self::All => drop(sql.push("1 = 1")),
            Self::Nothing => drop(sql.push("1 = 0")),
            Self::And(parts) => join(sql, parts, " AND ", |part, sql| part.push(sql, id)),
            Self::Or(parts) => join(sql, parts, " OR ", |part, sql| part.push(sql, id)),
            Self::Column { column, test } => test.push(sql, column),
            Self::Null { column, is } => {
                sql.push(column).push(if *is { " IS NULL" } else { " IS NOT NULL" });
            }
            Self::Index { path, within, test, qualifier } => {
                among(
                    sql,
                    id,
                    *within,
                    "SELECT resource_id FROM directory_index WHERE account_id = $1 AND attr = ",
                );
                sql.bind(&**path);
                if let Some(test) = test {
                    sql.push(" AND ");
                    test.push(sql, "value_key");
                }
                if let Some(qualifier) = qualifier {
                    sql.push(" AND qualifier = ").bind(qualifier.as_str());
                }
                sql.push(")");
            }
            Self::Members { within, test } => {
                among(sql, id, *within, "SELECT group_id FROM group_members WHERE account_id = $1 AND ");
                test.push(sql);
                sql.push(")");
            }
            Self::MemberOf { within, group: None } => {
                // SCIM shows the groups of the account itself.
                among(
                    sql,
                    id,
                    *within,
                    "SELECT member_id FROM group_members WHERE account_id = $1 AND group_id IN \
                    (SELECT group_id FROM user_groups WHERE account_id = $1 AND org_id = ''))",
                );
            }
            Self::MemberOf { within, group: Some(group) } => {
                among(
                    sql,
                    id,
                    *within,
                    "WITH RECURSIVE down (member_id) AS (SELECT m.member_id FROM user_groups g \
                    CROSS JOIN group_members m WHERE g.account_id = $1 AND g.org_id = '' \
                    AND m.account_id = $1 AND m.group_id = g.group_id AND g.group_id = ",
                );
                sql.bind(group.as_str()).push(
                    " UNION SELECT m.member_id FROM down CROSS JOIN group_members m \
                    WHERE m.account_id = $1 AND m.group_id = down.member_id) SELECT member_id FROM down)",
                );
            }
        }
    }
}

fn among(sql: &mut Sql, id: &str, within: bool, select: &str) {
    sql.push(id).push(if within { " IN (" } else { " NOT IN (" }).push(select);
}

fn join<T>(sql: &mut Sql, parts: &[T], word: &str, push: impl Fn(&T, &mut Sql)) {
    sql.push("(");
    for (at, part) in parts.iter().enumerate() {
        if at > 0 {
            sql.push(word);
        }
        push(part, sql);
    }
    sql.push(")");
}

impl Element {
    fn push(&self, sql: &mut Sql) {
        match self {
            Self::All => drop(sql.push("1 = 1")),
            Self::Nothing => drop(sql.push("1 = 0")),
            Self::And(parts) => join(sql, parts, " AND ", Self::push),
            Self::Or(parts) if parts.is_empty() => drop(sql.push("1 = 0")),
            Self::Or(parts) => join(sql, parts, " OR ", Self::push),
            Self::Id(test) => test.push(sql, "member_id"),
            Self::Kind(kind) => drop(sql.push("member_kind = ").bind(kind.name())),
        }
    }
}

impl Test {
    fn push(&self, sql: &mut Sql, column: &str) {
        // Written out, because an index over some rows only is of use where the statement says which.
        if let (Value::Bool(flag), CompareOp::Eq | CompareOp::Ne) = (&self.value, self.op) {
            let is = *flag == (self.op == CompareOp::Eq);
            sql.push(column).push(if is { " = TRUE" } else { " = FALSE" });
            return;
        }
        let text = if let Value::Text(text) = &self.value { text.as_str() } else { "" };
        let sign = match self.op {
            CompareOp::Eq => " = ",
            CompareOp::Ne => " <> ",
            CompareOp::Gt => " > ",
            CompareOp::Ge => " >= ",
            CompareOp::Lt => " < ",
            CompareOp::Le => " <= ",
            CompareOp::Sw => {
                sql.push(column).push(" >= ").bind(text);
                if let Some(end) = successor(text) {
                    sql.push(" AND ").push(column).push(" < ").bind(end);
                }
                return;
            }
            CompareOp::Co | CompareOp::Ew => {
                let mut pattern = String::from("%");
                for c in text.chars() {
                    if matches!(c, '%' | '_' | '\\') {
                        pattern.push('\\');
                    }
                    pattern.push(c);
                }
                if self.op == CompareOp::Co {
                    pattern.push('%');
                }
                sql.push(column).push(" LIKE ").bind(pattern).push(" ESCAPE '\\'");
                return;
            }
        };
        sql.push(column).push(sign).bind(self.value.clone());
    }
}

/// The first text, in byte order, after every text that starts with `text`.
fn successor(text: &str) -> Option<String> {
    let mut end = text.to_owned();
    while let Some(last) = end.pop() {
        let next = match last {
            '\u{D7FF}' => Some('\u{E000}'),
            last => char::from_u32(last as u32 + 1),
        };
        if let Some(next) = next {
            end.push(next);
            return Some(end);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plans::{goes_through, plan};

    #[test]
    fn members_of_a_group_are_found_from_the_group_down() {
        for subject in [Subject::User, Subject::Group] {
            let table = if subject == Subject::User { "users" } else { "user_groups" };
            let mut sql = Sql::new(format!("SELECT doc FROM {table} r WHERE account_id = $1 AND "));
            sql.hold("a");
            Node::MemberOf { within: true, group: Some("g".into()) }.push(&mut sql, id_column(subject));
            let steps = plan(sql.text());
            assert!(!steps.iter().any(|step| goes_through(step)), "{steps:#?}");
            let of_group = |step: &&String| step.ends_with("(account_id=? AND group_id=?)");
            let below = steps.iter().filter(|step| step.contains("group_members") || step.contains(" m "));
            assert_eq!(below.filter(of_group).count(), 2, "both steps of the walk go by group: {steps:#?}");
        }
    }
}
