//! Users named by their addresses, as people write them: bodies of the platform API, and the operator. An
//! address need not be unique; which user it names is decided here.

use std::collections::{HashMap, HashSet, VecDeque};

use db::Tx;

use super::model::is_primary;
use super::store::{self, Addressed};
use crate::directory::model::Subject;
use crate::directory::store as directory;
use crate::kernel::ids::AccountId;
use crate::kernel::problem::{Kind, Problem, Result};

/// The users that a list of addresses names, in its order, each once; addresses that nobody has are left out.
/// Of several whom an address names the members of the group are meant, all of them, in their order there:
/// what an answer showed can be sent back.
///
/// # Errors
/// `Fields` for an address that several have.
pub fn users(
    tx: &mut Tx<'_>,
    account: &AccountId,
    addresses: &[String],
    members: &[String],
) -> Result<Vec<String>> {
    let places: HashMap<&str, usize> = members.iter().enumerate().map(|(n, id)| (id.as_str(), n)).collect();
    let (mut meant, mut broken) = (HashMap::new(), HashSet::new());
    for (key, all) in named(tx, account, addresses)? {
        let mut inside: Vec<&Addressed> = all.iter().filter(|user| places.contains_key(&*user.id)).collect();
        inside.sort_by_key(|user| places[&*user.id]);
        match one(&all) {
            _ if !inside.is_empty() => {}
            Some(user) => inside.push(user),
            None => drop(broken.insert(key.clone())),
        }
        let ids: VecDeque<String> = inside.into_iter().map(|user| user.id.clone()).collect();
        meant.insert(key, ids);
    }
    let keys: Vec<_> = addresses.iter().map(|address| scim::fold(address)).collect();
    if !broken.is_empty() {
        let several = |at: usize| (format!("users[{at}]"), several(&addresses[at]));
        let of_several = (0..keys.len()).filter(|at| broken.contains(&*keys[*at]));
        return Err(Problem::fields(of_several.map(several).collect()));
    }
    // Who is left over stands where his address stands last.
    let (mut users, mut seen) = (Vec::new(), HashSet::new());
    let mut left: HashMap<&str, usize> = HashMap::new();
    for key in &keys {
        *left.entry(key).or_default() += 1;
    }
    for key in &keys {
        let (Some(waiting), Some(left)) = (meant.get_mut(&**key), left.get_mut(&**key)) else { continue };
        *left -= 1;
        let now = if *left == 0 { waiting.len() } else { waiting.len().min(1) };
        users.extend(waiting.drain(..now).filter(|id| seen.insert(id.clone())));
    }
    Ok(users)
}

/// The user that each of these addresses names, by the folded address; nobody for one that is new.
///
/// # Errors
/// `Fields` for an address that several have.
pub fn persons(
    tx: &mut Tx<'_>,
    account: &AccountId,
    addresses: &[String],
) -> Result<HashMap<String, String>> {
    let named = named(tx, account, addresses)?;
    let (mut found, mut broken) = (HashMap::new(), Vec::new());
    for (at, address) in addresses.iter().enumerate() {
        let key = scim::fold(address);
        match named.get(&*key).map(|all| one(all)) {
            Some(Some(user)) => drop(found.insert(key.into_owned(), user.id.clone())),
            Some(None) => broken.push((format!("emails[{at}]"), several(address))),
            None => {}
        }
    }
    if broken.is_empty() { Ok(found) } else { Err(Problem::fields(broken)) }
}

/// Most ids that a refusal names.
const SHOWN: usize = 5;

/// The user that an address names to somebody who makes a credential: of that user name, whether he may act
/// or not; else who says that it is his primary one; else who has it at all. `None`: nobody.
///
/// # Errors
/// `Conflict` for an address that several have, also where only one of them may act: a credential of the
/// wrong one is worse than none.
pub fn holder(tx: &mut Tx<'_>, account: &AccountId, address: &str) -> Result<Option<Addressed>> {
    let key = scim::fold(address);
    let mut all = Vec::new();
    store::by_addresses(tx, account, &[&*key])?.into_iter().for_each(|(_, user)| add(&mut all, user));
    if let Some(at) = all.iter().position(|user| user.user_name_key == *key) {
        return Ok(Some(all.swap_remove(at)));
    }
    if all.len() > 1 {
        let mut primary = Vec::new();
        for user in &all {
            let stored = directory::find(tx, account, Subject::User, &user.id)?;
            if stored.map(|stored| stored.document()).transpose()?.is_some_and(|doc| is_primary(&doc, &key)) {
                primary.push(user.clone());
            }
        }
        all = if primary.is_empty() { all } else { primary };
    }
    if all.len() < 2 {
        return Ok(all.pop());
    }
    let mut ids: Vec<&str> = all.iter().map(|user| &*user.id).collect();
    ids.sort_unstable();
    let more = if ids.len() > SHOWN { ", …" } else { "" };
    ids.truncate(SHOWN);
    Err(Problem::new(
        Kind::Conflict,
        format!(
            "{} users of account {account} have the address {address} ({}{more}): give an address that only the one \
             who is meant has, or make it his userName",
            all.len(),
            ids.join(", ")
        ),
    ))
}

fn several(address: &str) -> String {
    format!("several users have the address {address}; name the one by the id, on the route that takes ids")
}

/// Who has each address: as the one that he is shown by, else as user name, else among the others.
fn named(
    tx: &mut Tx<'_>,
    account: &AccountId,
    addresses: &[String],
) -> Result<HashMap<String, Vec<Addressed>>> {
    let keys: HashSet<String> = addresses.iter().map(|address| scim::fold(address).into_owned()).collect();
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    let mut named: HashMap<String, Vec<Addressed>> = HashMap::new();
    for (key, user) in store::by_addresses(tx, account, &keys)? {
        add(named.entry(key).or_default(), user);
    }
    for (key, all) in &mut named {
        let rank = |user: &Addressed| match () {
            () if user.shown_key() == *key => 0,
            () if user.user_name_key == *key => 1,
            () => 2,
        };
        let best = all.iter().map(rank).min();
        all.retain(|user| Some(rank(user)) == best);
        all.sort_by(|a, b| a.id.cmp(&b.id));
    }
    Ok(named)
}

fn add(all: &mut Vec<Addressed>, user: Addressed) {
    if !all.iter().any(|known| known.id == user.id) {
        all.push(user);
    }
}

/// The only one, or the only one who may act.
fn one(all: &[Addressed]) -> Option<&Addressed> {
    if let [only] = all {
        return Some(only);
    }
    let mut active = all.iter().filter(|user| user.active);
    active.next().filter(|_| active.next().is_none())
}
