//! What of a group's document stands in columns besides.

use std::collections::HashSet;

use serde_json::Value;

use super::super::model::{MemberRef, Stored, key};
use crate::kernel::problem::Result;

/// A group as the SCIM surface answers it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupResource {
    /// The stored part.
    pub stored: Stored,
    /// Members, where they were asked for.
    pub members: Option<Vec<MemberRef>>,
}

/// Columns derived from the document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Columns {
    /// `displayName`.
    pub name: String,
    /// Its folded form.
    pub name_key: String,
    /// `externalId`.
    pub external_id: Option<String>,
}

impl Columns {
    /// Reads them from a normalised document.
    ///
    /// # Errors
    /// `InvalidArgument` when a value is too long to be looked up by.
    pub fn of(document: &Value) -> Result<Self> {
        let text = |name: &str| document.get(name).and_then(Value::as_str);
        let (name, external_id) = (text("displayName").unwrap_or_default(), text("externalId"));
        if let Some(external) = external_id {
            key("externalId", external)?;
        }
        Ok(Self {
            name_key: key("displayName", name)?.into_owned(),
            name: name.to_owned(),
            external_id: external_id.map(str::to_owned),
        })
    }
}

/// Numbers asked about at once.
const PROBES: u64 = 32;

/// `base` or, where that is taken, `base_N` with a number that is free behind one that is taken: the first
/// one as long as none was given back. `taken` tells which of some identifiers are: it is asked a few times,
/// however many have the name.
///
/// # Errors
/// Those of `taken`.
pub fn free_identifier(
    base: &str,
    mut taken: impl FnMut(&[String]) -> Result<HashSet<String>>,
) -> Result<String> {
    if taken(&[base.to_owned()])?.is_empty() {
        return Ok(base.to_owned());
    }
    let named = |number: &u64| format!("{base}_{number}");
    let mut points: Vec<u64> = (0..PROBES).map(|power| 1 << power).collect();
    let (mut used, mut free) = (0, 1 << PROBES);
    while free - used > 1 {
        let known = taken(&points.iter().map(named).collect::<Vec<_>>())?;
        for point in points {
            if !known.contains(&named(&point)) {
                free = point;
                break;
            }
            used = point;
        }
        let step = (free - used).div_ceil(PROBES + 1);
        points = (1..=PROBES).map(|n| used + n * step).take_while(|point| *point < free).collect();
    }
    Ok(named(&free))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The identifier for `Team` where these are taken, and how often it was asked.
    fn made(taken: &HashSet<String>) -> (String, u32) {
        let mut asked = 0;
        let made = free_identifier("Team", |ids| {
            asked += 1;
            Ok(ids.iter().filter(|id| taken.contains(*id)).cloned().collect())
        });
        (made.expect("an identifier"), asked)
    }

    #[test]
    fn a_clash_gets_a_number_by_few_questions() {
        let mut taken = HashSet::new();
        for n in 0..3_000 {
            let (id, asked) = made(&taken);
            assert_eq!(id, if n == 0 { "Team".to_owned() } else { format!("Team_{n}") });
            assert!(asked <= 5, "{n}: {asked}");
            taken.insert(id);
        }
        let (_, asked) = made(&taken);
        assert!(asked > 1, "what is taken is asked about");
    }

    #[test]
    fn a_number_that_was_given_back_may_be_given_again() {
        let taken = ["Team", "Team_1", "Team_3"].map(str::to_owned).into();
        assert_eq!(made(&taken).0, "Team_2");
        assert_eq!(made(&["Team_1".to_owned()].into()).0, "Team");
    }
}
