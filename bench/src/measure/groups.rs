//! What more members cost: changes and reads of groups of three sizes, on one server. Each round lets the
//! same users join and takes them out again, so that the groups keep their sizes.

use std::cell::RefCell;
use std::sync::Arc;

use super::growth::{MOST, growth, load};
use super::{Plan, Side};
use crate::Result;
use crate::client::Span;
use crate::fill;
use crate::table::{Growth, Sizes, median, ratio};
use crate::traffic::{Kind, Target, Traffic};

/// Joins, and leaves, of a round.
const MOVES: u64 = 600;
const SMALL: usize = 10;
const MIDDLE: usize = 1_000;
/// Groups of each size: each is joined by `MOVES` shared among them, so that the small ones stay small.
const GROUPS: [usize; 3] = [200, 10, 1];

/// Groups of one size.
struct Size {
    groups: Vec<String>,
    /// Who joins each of them.
    joiners: Vec<String>,
}

/// Joins, leaves and reads without members.
pub(super) fn of_all(plan: &Plan, target: &Target, people: &[String]) -> Result<Sizes> {
    let joiners = fill::people(target, "j", MOVES)?;
    // Those and the crowd are as many as there are users: nearly.
    let sizes = [SMALL, MIDDLE, people.len()];
    let mut all = Vec::new();
    for (members, count) in sizes.into_iter().zip(GROUPS) {
        let groups = (0..count)
            .map(|at| fill::large_group(target, &format!("Group {members} {at}"), &people[..members]));
        let groups = groups.collect::<Result<Vec<_>>>()?;
        let joiners = joiners[..joiners.len() / count].to_vec();
        all.push(Size { groups, joiners });
    }
    let (joins, leaves) = moves(plan, target, &all)?;
    let sides = all.iter().map(|size| -> Side<'_> {
        let path = |id: &String| format!("/Groups/{id}?excludedAttributes=members");
        let traffic = Arc::new(Traffic::new(Kind::Read { paths: size.groups.iter().map(path).collect() }));
        Box::new(move || Ok(load(plan, target, &traffic, Span::Count(MOVES))?.micros(0.5)))
    });
    let reads = growth(plan, ("GET group without members", None, MOST), sides.collect())?;
    Ok(Sizes {
        part: "i",
        of: "members",
        each: sizes.map(|size| size as u64),
        lines: vec![joins, leaves, reads],
    })
}

/// Each round of joins is followed by the leaves of the same, at once.
fn moves(plan: &Plan, target: &Target, all: &[Size]) -> Result<(Growth, Growth)> {
    let leaves: Vec<RefCell<Vec<f64>>> = all.iter().map(|_| RefCell::default()).collect();
    let sides = all.iter().zip(&leaves).map(|(size, left)| -> Side<'_> {
        let p50 = move |kind: Kind| {
            Ok::<_, String>(
                load(plan, target, &Arc::new(Traffic::new(kind)), Span::Count(MOVES))?.micros(0.5),
            )
        };
        let (groups, joiners) = (&size.groups, &size.joiners);
        Box::new(move || {
            let come = p50(Kind::Member { groups: groups.clone(), joiners: joiners.clone() })?;
            left.borrow_mut().push(p50(Kind::Leave { groups: groups.clone(), joiners: joiners.clone() })?);
            Ok(come)
        })
    });
    let joins = growth(plan, ("PATCH: one more member", None, MOST), sides.collect())?;
    let leaves: Vec<Vec<f64>> = leaves.into_iter().map(RefCell::into_inner).collect();
    let [few, some, many] = &leaves[..] else { return Err("there are three sizes".into()) };
    let micros = [few, some, many].map(|values| median(values));
    let what = "PATCH: one member less".into();
    Ok((joins, Growth { what, found: None, micros, ratio: ratio(many, few), goal: MOST }))
}
