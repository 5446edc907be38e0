//! Carrying out changes of members, at a price by the members named and not by the size of the group.

use std::collections::{BTreeMap, HashSet};

use db::Tx;
use scim::patch::DetachedChange;
use scim::{Dialect, Expr, Mender};
use serde_json::Value;

use super::claims::Claims;
use super::store;
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
    /// `Invalid` with `invalidValue` for a cycle and, in strict, for an unknown member and for one that the
    /// request says something wrong of.
    pub fn carry_out<'o>(
        &self,
        tx: &mut Tx<'_>,
        operations: impl IntoIterator<Item = &'o (usize, DetachedChange)>,
        heard: &mut Heard,
    ) -> Result<Moves> {
        let mut moves = Moves::default();
        for (number, change) in operations {
            self.step(tx, change, &mut moves, heard).map_err(|problem| in_operation(*number, problem))?;
        }
        Ok(moves)
    }

    fn step(
        &self,
        tx: &mut Tx<'_>,
        change: &DetachedChange,
        moves: &mut Moves,
        heard: &mut Heard,
    ) -> Result<()> {
        match change {
            DetachedChange::Add(values) => {
                self.add(tx, (&ids(values), &Claims::of(values, self.base)), moves, heard)
            }
            DetachedChange::Remove(ids) => {
                let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
                self.remove_named(tx, &ids, moves)
            }
            DetachedChange::RemoveWhere(filter) => self.remove_where(tx, Some(filter), moves),
            DetachedChange::RemoveAmong(filter, ids) => {
                let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
                let mut there = store::members_among(tx, self.account, self.group, &ids)?;
                there.retain(|member| filter.matches_element(&member.element(self.base)));
                self.remove(tx, there, moves)
            }
            DetachedChange::Refuse(error) => Err(error.clone().into()),
            DetachedChange::Clear => self.remove_where(tx, None, moves),
            DetachedChange::Demand(ids) => {
                let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
                demand(!store::members_among(tx, self.account, self.group, &ids)?.is_empty())
            }
            DetachedChange::DemandWhere(filter) => demand(!self.matching(tx, Some(filter))?.is_empty()),
            DetachedChange::Replace(values) => self.replace(tx, values, moves, heard),
        }
    }

    fn add(
        &self,
        tx: &mut Tx<'_>,
        (ids, claims): (&[&str], &Claims<'_>),
        moves: &mut Moves,
        heard: &mut Heard,
    ) -> Result<()> {
        if ids.is_empty() {
            return Ok(());
        }
        let mut found = store::resolve(tx, self.account, self.group, Subject::User, ids)?;
        if found.len() < ids.len() {
            let known: HashSet<&str> = found.iter().map(|(m, _)| m.id.as_str()).collect();
            let rest: Vec<&str> = ids.iter().filter(|id| !known.contains(*id)).copied().collect();
            let groups = store::resolve(tx, self.account, self.group, Subject::Group, &rest)?;
            self.refuse_cycles(tx, &groups)?;
            for id in rest {
                if !groups.iter().any(|(group, _)| group.id == id) {
                    unknown(id, heard)?;
                }
            }
            found.extend(groups);
        }
        for (member, _) in &found {
            claims.check(&member.id, member.kind, &mut heard.mender)?;
        }
        let new: Vec<MemberRef> = found.into_iter().filter(|(_, there)| !there).map(|(m, _)| m).collect();
        if store::add(tx, self.account, self.group, &new, self.now)? != new.len() as u64 {
            return Err(overtaken());
        }
        for member in new {
            moves.note(member, true);
        }
        Ok(())
    }

    fn refuse_cycles(&self, tx: &mut Tx<'_>, groups: &[(MemberRef, bool)]) -> Result<()> {
        if groups.is_empty() {
            return Ok(());
        }
        let above = store::above(tx, self.account, self.group)?;
        match groups.iter().find(|(group, _)| above.contains(&group.id)) {
            Some((group, _)) => Err(Problem::invalid(format!(
                "Group {} cannot become a member: it contains this group already, and groups must not form a circle.",
                group.id
            ))
            .code("invalidValue")),
            None => Ok(()),
        }
    }

    fn remove_named(&self, tx: &mut Tx<'_>, ids: &[&str], moves: &mut Moves) -> Result<()> {
        if ids.is_empty() {
            return Ok(());
        }
        let there = store::members_among(tx, self.account, self.group, ids)?;
        self.remove(tx, there, moves)
    }

    fn remove_where(&self, tx: &mut Tx<'_>, filter: Option<&Expr>, moves: &mut Moves) -> Result<()> {
        let there = self.matching(tx, filter)?;
        self.remove(tx, there, moves)
    }

    fn matching(&self, tx: &mut Tx<'_>, filter: Option<&Expr>) -> Result<Vec<MemberRef>> {
        let mut there = store::members(tx, self.account, self.group)?;
        there.retain(|member| filter.is_none_or(|filter| filter.matches_element(&member.element(self.base))));
        Ok(there)
    }

    fn remove(&self, tx: &mut Tx<'_>, members: Vec<MemberRef>, moves: &mut Moves) -> Result<()> {
        let ids: Vec<&str> = members.iter().map(|member| member.id.as_str()).collect();
        if ids.is_empty() {
            return Ok(());
        }
        if store::remove(tx, self.account, self.group, &ids)? != ids.len() as u64 {
            return Err(overtaken());
        }
        for member in members {
            moves.note(member, false);
        }
        Ok(())
    }

    fn replace(&self, tx: &mut Tx<'_>, values: &[Value], moves: &mut Moves, heard: &mut Heard) -> Result<()> {
        let (ids, claims) = (ids(values), Claims::of(values, self.base));
        // Most stay, mostly: they cost a look at their row, and nothing is asked about them.
        let mut said = Ok(());
        let (mut new, mut gone): (HashSet<&str>, _) = (ids.iter().copied().collect(), Vec::new());
        store::each_member(tx, self.account, self.group, |id, kind| {
            if !new.remove(id) {
                gone.push(id.to_owned());
            } else if said.is_ok() {
                said = claims.check(id, kind, &mut heard.mender);
            }
        })?;
        said?;
        let gone: Vec<&str> = gone.iter().map(String::as_str).collect();
        self.remove_named(tx, &gone, moves)?;
        let new: Vec<&str> = ids.iter().filter(|id| new.contains(*id)).copied().collect();
        self.add(tx, (&new, &claims), moves, heard)
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
