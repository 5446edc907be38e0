//! Carrying out changes of members, at a price by the members named and not by the size of the group.

use std::collections::{BTreeMap, HashMap, HashSet};

use db::Tx;
use scim::patch::{DetachedChange, Which};
use scim::{Dialect, Expr, Mender};
use serde_json::Value;

use super::claims::Claims;
use super::store;
use super::work::Budget;
use crate::directory::model::{MemberRef, Subject};
use crate::directory::stroke::overtaken;
use crate::kernel::ids::AccountId;
use crate::kernel::problem::{Kind, Problem, Result};
use crate::kernel::time::Timestamp;

/// What came of it: for each member that was touched, whether it is in now. Coming and going in one request
/// leaves nothing behind.
#[derive(Clone, Debug, Default)]
pub struct Moves(BTreeMap<String, (MemberRef, bool)>);

impl Moves {
    /// Nothing moved.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
    /// Members that came.
    pub fn added(&self) -> impl Iterator<Item = &MemberRef> {
        self.0.values().filter(|(_, inside)| *inside).map(|(member, _)| member)
    }
    /// Members that went.
    pub fn removed(&self) -> impl Iterator<Item = &MemberRef> {
        self.0.values().filter(|(_, inside)| !*inside).map(|(member, _)| member)
    }
    /// How many more members there are now.
    pub fn balance(&self) -> i64 {
        let count = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
        count(self.added().count()) - count(self.removed().count())
    }
    fn note(&mut self, member: MemberRef, inside: bool) {
        // Back where it was: as if nothing had happened.
        if self.0.remove(&member.id).is_none() {
            self.0.insert(member.id.clone(), (member, inside));
        }
    }
}

/// What comes to light besides: it is told of, and in strict refused.
#[derive(Debug)]
pub struct Heard {
    /// Ids that no member can have (contract GRP-5).
    pub unknown: Vec<String>,
    /// In which dialect, with what was mended.
    pub mender: Mender,
}

impl Heard {
    /// Nothing yet.
    pub fn new(dialect: Dialect) -> Self {
        Self { unknown: Vec::new(), mender: Mender::new(dialect) }
    }
}

/// A change under way.
struct Course<'h> {
    moves: Moves,
    heard: &'h mut Heard,
    budget: Budget,
    /// The number of the operation that is carried out.
    number: usize,
    /// The members, once an operation had to go through them: they are kept in step.
    there: Option<BTreeMap<String, MemberRef>>,
    /// The seats of those who left: who is back by the end has never been away.
    seats: HashMap<String, store::Seat>,
    /// The groups above this one, once they were asked for: who comes below does not change them.
    above: Option<HashSet<String>>,
}

impl Course<'_> {
    fn note(&mut self, member: MemberRef, inside: bool) {
        if let Some(there) = &mut self.there {
            if inside {
                there.insert(member.id.clone(), member.clone());
            } else {
                there.remove(&member.id);
            }
        }
        self.moves.note(member, inside);
    }
}

/// Who changes the members of which group.
#[derive(Debug)]
pub struct Membership<'a> {
    /// The account.
    pub account: &'a AccountId,
    /// The group's id.
    pub group: &'a str,
    /// When.
    pub now: Timestamp,
    /// SCIM base, for what is said of `$ref`.
    pub base: &'a str,
}

impl Membership<'_> {
    /// Carries out the operations in order, each with its number in a PATCH or 0; `heard` takes what does not
    /// fit.
    ///
    /// # Errors
    /// `Invalid` with `invalidValue` for a cycle, for operations that are too much work and, in strict, for
    /// an unknown member and for one that the request says something wrong of.
    pub fn carry_out(
        &self,
        tx: &mut Tx<'_>,
        operations: &[(usize, DetachedChange)],
        heard: &mut Heard,
    ) -> Result<Moves> {
        let budget = Budget::of(operations.len())?;
        let moves = Moves::default();
        let seats = HashMap::new();
        let mut course = Course { moves, heard, budget, number: 0, there: None, seats, above: None };
        for (number, change) in operations {
            course.number = *number;
            self.step(tx, change, &mut course).map_err(|problem| in_operation(*number, problem))?;
        }
        Ok(course.moves)
    }

    fn step(&self, tx: &mut Tx<'_>, change: &DetachedChange, course: &mut Course<'_>) -> Result<()> {
        match change {
            DetachedChange::Add(values) => {
                self.add(tx, (&ids(values), &Claims::of(values, self.base)), course)
            }
            DetachedChange::Remove(which) => {
                let there = self.those(tx, which, course)?;
                self.remove(tx, there, course)
            }
            DetachedChange::Refuse(error) => Err(error.clone().into()),
            DetachedChange::Clear => self.clear(tx, course),
            DetachedChange::Demand(which) => demand(!self.those(tx, which, course)?.is_empty()),
            DetachedChange::Replace(values) => self.replace(tx, values, course),
        }
    }

    fn add(
        &self,
        tx: &mut Tx<'_>,
        (ids, claims): (&[&str], &Claims<'_>),
        course: &mut Course<'_>,
    ) -> Result<()> {
        if ids.is_empty() {
            return Ok(());
        }
        let mut found = store::resolve(tx, self.account, self.group, Subject::User, ids)?;
        if found.len() < ids.len() {
            let known: HashSet<&str> = found.iter().map(|(m, _)| m.id.as_str()).collect();
            let rest: Vec<&str> = ids.iter().filter(|id| !known.contains(*id)).copied().collect();
            let groups = store::resolve(tx, self.account, self.group, Subject::Group, &rest)?;
            self.refuse_cycles(tx, &groups, course)?;
            for id in rest {
                if !groups.iter().any(|(group, _)| group.id == id) {
                    unknown(id, course.heard)?;
                }
            }
            found.extend(groups);
        }
        for (member, _) in &found {
            claims.check(&member.id, member.kind, &mut course.heard.mender)?;
        }
        let mut new: Vec<(MemberRef, Option<store::Seat>)> = Vec::new();
        for (member, _) in found.into_iter().filter(|(_, there)| !there) {
            let seat = course.seats.remove(&member.id);
            new.push((member, seat));
        }
        if store::add(tx, self.account, self.group, &new, self.now)? != new.len() as u64 {
            return Err(overtaken());
        }
        for (member, _) in new {
            course.note(member, true);
        }
        Ok(())
    }

    fn refuse_cycles(
        &self,
        tx: &mut Tx<'_>,
        groups: &[(MemberRef, bool)],
        course: &mut Course<'_>,
    ) -> Result<()> {
        if groups.is_empty() {
            return Ok(());
        }
        let above = match &mut course.above {
            Some(above) => above,
            none => none.insert(store::above(tx, self.account, self.group)?.into_iter().collect()),
        };
        match groups.iter().find(|(group, _)| above.contains(&group.id)) {
            Some((group, _)) => Err(Problem::invalid(format!(
                "Group {} cannot become a member: it contains this group already, and groups must not form a circle.",
                group.id
            ))
            .code("invalidValue")),
            None => Ok(()),
        }
    }

    fn remove_named(&self, tx: &mut Tx<'_>, ids: &[&str], course: &mut Course<'_>) -> Result<()> {
        if ids.is_empty() {
            return Ok(());
        }
        let there = store::members_among(tx, self.account, self.group, ids)?;
        self.remove(tx, there, course)
    }

    fn clear(&self, tx: &mut Tx<'_>, course: &mut Course<'_>) -> Result<()> {
        let all = match course.there.take() {
            Some(there) => there.into_values().collect(),
            None => store::members(tx, self.account, self.group)?,
        };
        self.remove(tx, all, course)?;
        course.there = Some(BTreeMap::new());
        Ok(())
    }

    /// Those of the members.
    fn those(&self, tx: &mut Tx<'_>, which: &Which, course: &mut Course<'_>) -> Result<Vec<MemberRef>> {
        let (ids, filter) = match which {
            Which::Ids(ids) => (ids, None),
            Which::Among(ids, filter) => (ids, Some(filter)),
            Which::Matching(filter) => return self.matching(tx, filter, course),
        };
        let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
        let there = store::members_among(tx, self.account, self.group, &ids)?;
        let Some(filter) = filter else { return Ok(there) };
        self.picked(there.iter(), filter, |member| course.budget.look_at(member, filter))
    }

    /// The members that match. They are read once, however many operations go through them.
    fn matching(&self, tx: &mut Tx<'_>, filter: &Expr, course: &mut Course<'_>) -> Result<Vec<MemberRef>> {
        let there = match &mut course.there {
            Some(there) => there,
            none => {
                let all = store::members(tx, self.account, self.group)?;
                none.insert(all.into_iter().map(|member| (member.id.clone(), member)).collect())
            }
        };
        self.picked(there.values(), filter, |member| course.budget.look(course.number, member, filter))
    }

    /// Those of the members that match; `look` counts what that takes.
    fn picked<'m>(
        &self,
        members: impl Iterator<Item = &'m MemberRef>,
        filter: &Expr,
        mut look: impl FnMut(&Value) -> Result<()>,
    ) -> Result<Vec<MemberRef>> {
        let mut picked = Vec::new();
        for member in members {
            let element = member.element(self.base);
            look(&element)?;
            if filter.matches_element(&element) {
                picked.push(member.clone());
            }
        }
        Ok(picked)
    }

    fn remove(&self, tx: &mut Tx<'_>, members: Vec<MemberRef>, course: &mut Course<'_>) -> Result<()> {
        let ids: Vec<&str> = members.iter().map(|member| member.id.as_str()).collect();
        if ids.is_empty() {
            return Ok(());
        }
        let seats = store::remove(tx, self.account, self.group, &ids)?;
        if seats.len() != ids.len() {
            return Err(overtaken());
        }
        course.seats.extend(seats);
        for member in members {
            course.note(member, false);
        }
        Ok(())
    }

    fn replace(&self, tx: &mut Tx<'_>, values: &[Value], course: &mut Course<'_>) -> Result<()> {
        let (ids, claims) = (ids(values), Claims::of(values, self.base));
        // Most stay, mostly: they cost a look at their row, and nothing is asked about them.
        let (mut said, mut looks) = (Ok(()), 0);
        let (mut new, mut gone): (HashSet<&str>, _) = (ids.iter().copied().collect(), Vec::new());
        store::each_member(tx, self.account, self.group, |id, kind| {
            looks += 1;
            if !new.remove(id) {
                gone.push(id.to_owned());
            } else if said.is_ok() {
                said = claims.check(id, kind, &mut course.heard.mender);
            }
        })?;
        course.budget.go_through(course.number, looks)?;
        said?;
        let gone: Vec<&str> = gone.iter().map(String::as_str).collect();
        self.remove_named(tx, &gone, course)?;
        let new: Vec<&str> = ids.iter().filter(|id| new.contains(*id)).copied().collect();
        self.add(tx, (&new, &claims), course)
    }
}

/// What is wrong with the request, with the number of the operation that it is wrong in.
fn in_operation(number: usize, problem: Problem) -> Problem {
    if number == 0 || problem.kind() != Kind::Invalid {
        return problem;
    }
    let text = format!("Operation {number}: {}", problem.message());
    problem.reworded(text)
}

fn unknown(id: &str, heard: &mut Heard) -> Result<()> {
    if heard.mender.dialect() == Dialect::Strict {
        let text =
            format!("members names {id:.64}, which is no user or group of this account: create it first.");
        return Err(Problem::invalid(text).code("invalidValue"));
    }
    heard.unknown.push(id.to_owned());
    Ok(())
}

fn demand(there: bool) -> Result<()> {
    if there {
        return Ok(());
    }
    let text = "No member matches the path's filter: name one who is there, or add members without a filter.";
    Err(Problem::invalid(text).code("noTarget"))
}

/// The ids of elements, each once.
fn ids(values: &[Value]) -> Vec<&str> {
    let mut seen = HashSet::new();
    values
        .iter()
        .filter_map(|value| value.get("value").and_then(Value::as_str))
        .filter(|id| seen.insert(*id))
        .collect()
}
