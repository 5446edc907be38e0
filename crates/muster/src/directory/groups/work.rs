//! What the operations of one change of members may cost. Meanwhile the account's other writers wait.

use scim::Expr;
use scim::patch::MAX_WORK;
use serde_json::Value;

use crate::kernel::problem::{Problem, Result};

/// Carrying out an operation costs about as much as going through so many members, whomever it names.
const OPERATION: usize = 100;

/// What is left.
#[derive(Debug)]
pub struct Budget {
    left: usize,
    /// The operation that goes through all members first. That it does so once is not counted: else there
    /// would be groups that nothing changes any more.
    first: Option<usize>,
}

impl Budget {
    /// For so many operations.
    ///
    /// # Errors
    /// `Invalid` with `invalidValue` where they are too many, whatever they do.
    pub fn of(operations: usize) -> Result<Self> {
        let mut budget = Self { left: MAX_WORK, first: None };
        // A single one is no worse than a PUT.
        budget.spend(operations.saturating_sub(1).saturating_mul(OPERATION))?;
        Ok(budget)
    }

    /// Counts that an operation goes through a member as through all others, and what its filter compares of
    /// him.
    ///
    /// # Errors
    /// `Invalid` with `invalidValue` beyond the limit.
    pub fn look(&mut self, operation: usize, member: &Value, filter: &Expr) -> Result<()> {
        if self.is_first(operation) {
            self.spend(filter.weight_beyond(member))
        } else {
            self.look_at(member, filter)
        }
    }

    /// Counts what a filter compares of a member whom the operation names.
    ///
    /// # Errors
    /// As `look`.
    pub fn look_at(&mut self, member: &Value, filter: &Expr) -> Result<()> {
        self.spend(1 + filter.weight_in(member))
    }

    /// Counts that an operation goes through so many members.
    ///
    /// # Errors
    /// As `look`.
    pub fn go_through(&mut self, operation: usize, members: usize) -> Result<()> {
        if self.is_first(operation) { Ok(()) } else { self.spend(members) }
    }

    fn is_first(&mut self, operation: usize) -> bool {
        *self.first.get_or_insert(operation) == operation
    }

    fn spend(&mut self, work: usize) -> Result<()> {
        let Some(left) = self.left.checked_sub(work) else {
            return Err(Problem::invalid(format!(
                "The operations go through more than {MAX_WORK} members, of whom each counts once more for \
                 what a filter compares, and each operation as {OPERATION}; name members by their value, \
                 many in one operation, or send them in several requests."
            ))
            .code("invalidValue"));
        };
        self.left = left;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use scim::patch::{DetachedChange, PATCH_URN, Which};
    use scim::{Catalogue, Dialect, Mender, PatchRequest};
    use serde_json::json;

    use super::*;

    /// The filter of a removal of members.
    fn filter(text: &str) -> Expr {
        let body = json!({"schemas": [PATCH_URN],
            "Operations": [{"op": "remove", "path": format!("members[{text}]")}]});
        let (catalogue, mut strict) = (Catalogue::standard(), Mender::new(Dialect::Strict));
        let kind = catalogue.resource_type("Group").expect("a type");
        let request = PatchRequest::parse(body, kind, &mut strict).expect("a request");
        match &request.detached()[0].change {
            DetachedChange::Remove(Which::Matching(filter)) => filter.clone(),
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn of_the_first_operation_only_the_terms_beyond_all_of_a_member_count() {
        let id = "0190d6f2-7b1c-7f3e-8a55-3a7e4f6b9c10";
        let uri = format!("https://muster.example.com/scim/v2/acme/Users/{id}");
        let member = json!({"value": id, "$ref": uri, "type": "User"});
        let (few, terms) = (filter(&format!("type eq \"User\" and $ref ew \"{id}\"")), MAX_WORK / 1_000);
        let many: Vec<String> = (0..200).map(|n| format!("$ref co \"{n}\"")).collect();
        let many = filter(&many.join(" or "));
        let mut budget = Budget::of(2).unwrap();
        let left = budget.left;
        budget.look(1, &member, &few).unwrap();
        assert_eq!(budget.left, left, "goes through him once");
        let looks = (0..terms).take_while(|_| budget.look(1, &member, &many).is_ok()).count();
        assert!((100..terms).contains(&looks), "{looks}");
    }

    #[test]
    fn only_the_first_operation_goes_through_more_than_the_limit() {
        let mut budget = Budget::of(3).unwrap();
        for _ in 0..3 {
            budget.go_through(2, MAX_WORK).unwrap();
        }
        budget.go_through(3, MAX_WORK - 2 * OPERATION).unwrap();
        budget.go_through(2, 1).unwrap();
        assert_eq!(budget.go_through(4, 1).unwrap_err().code_text(), Some("invalidValue"));
    }

    #[test]
    fn operations_count_by_themselves() {
        assert!(Budget::of(MAX_WORK / OPERATION + 1).is_ok());
        assert!(Budget::of(MAX_WORK / OPERATION + 2).is_err());
    }
}
