//! What a request says of a member besides its id: `type` and `$ref`, which follow from the id and are never
//! stored.

use std::collections::HashMap;

use scim::uri::target;
use scim::{Mender, Quirk};
use serde_json::Value;

use crate::directory::model::Subject;
use crate::kernel::problem::{Problem, Result};

/// The members of whom something is said, by their ids.
#[derive(Debug)]
pub struct Claims<'v> {
    said: HashMap<&'v str, &'v Value>,
    base: &'v str,
}

impl<'v> Claims<'v> {
    /// Of the elements of a request.
    pub fn of(values: &'v [Value], base: &'v str) -> Self {
        let says = |value: &&Value| value.get("type").is_some() || value.get("$ref").is_some();
        let mut said = HashMap::new();
        for value in values.iter().filter(says) {
            if let Some(id) = value.get("value").and_then(Value::as_str) {
                // Of an id that comes again the first element counts.
                said.entry(id).or_insert(value);
            }
        }
        Self { said, base }
    }

    /// Holds what is said of a member against what it is.
    ///
    /// # Errors
    /// `Invalid` with `invalidValue` where the dialect takes nothing else.
    pub fn check(&self, id: &str, kind: Subject, mender: &mut Mender) -> Result<()> {
        let Some(said) = self.said.get(id) else { return Ok(()) };
        let text = |name: &str| said.get(name).and_then(Value::as_str);
        let (name, endpoint) = (kind.name(), kind.endpoint());
        let is_other = text("type").is_some_and(|said| !said.eq_ignore_ascii_case(name));
        if is_other && !mender.mend(Quirk::ReferenceMismatch, "members.type") {
            return Err(wrong(id, name, &format!("\"type\": \"{name}\""), "type"));
        }
        let leads_elsewhere =
            text("$ref").is_some_and(|uri| target(uri).0.is_some_and(|said| said != endpoint));
        if leads_elsewhere && !mender.mend(Quirk::ReferenceMismatch, "members.$ref") {
            let right = format!("\"$ref\": \"{}/{endpoint}/{id}\"", self.base);
            return Err(wrong(id, name, &right, "$ref"));
        }
        Ok(())
    }
}

fn wrong(id: &str, kind: &str, right: &str, name: &str) -> Problem {
    let text = format!("members names {id:.64}, which is a {kind}: send {right} or leave {name} out.");
    Problem::invalid(text).code("invalidValue")
}
