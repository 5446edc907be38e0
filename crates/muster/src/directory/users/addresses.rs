//! Users named by their addresses, as people write them: bodies of the platform API. An address need not be
//! unique; which user it names is decided here.

use std::collections::{HashMap, HashSet};

use db::Tx;

use super::store::{self, Addressed};
use crate::kernel::ids::AccountId;
use crate::kernel::problem::{Problem, Result};

/// The users that a list of addresses names, in its order, each once; addresses that nobody has are left out.
/// Of several who have one the members of the group are meant: what an answer showed can be sent back.
///
/// # Errors
/// `Fields` for an address that several have.
pub fn users(
    tx: &mut Tx<'_>,
    account: &AccountId,
    addresses: &[String],
    members: &[String],
) -> Result<Vec<String>> {
    let members: HashSet<&str> = members.iter().map(String::as_str).collect();
    let named = named(tx, account, addresses)?;
    let (mut seen, mut users, mut broken) = (HashSet::new(), Vec::new(), Vec::new());
    for (at, address) in addresses.iter().enumerate() {
        let Some(all) = named.get(&*scim::fold(address)) else { continue };
        let mut meant: Vec<&Addressed> = all.iter().filter(|user| members.contains(&*user.id)).collect();
        if meant.is_empty() {
            match one(all) {
                Some(user) => meant.push(user),
                None => broken.push((format!("users[{at}]"), several(address))),
            }
        }
        users.extend(
            meant.into_iter().filter(|user| seen.insert(user.id.clone())).map(|user| user.id.clone()),
        );
    }
    if broken.is_empty() { Ok(users) } else { Err(Problem::fields(broken)) }
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

fn several(address: &str) -> String {
    format!("several users have the address {address}; name the one by the id, on the route that takes ids")
}

/// Who has each address: as the address that is shown, else as user name, else among the others.
fn named(
    tx: &mut Tx<'_>,
    account: &AccountId,
    addresses: &[String],
) -> Result<HashMap<String, Vec<Addressed>>> {
    let keys: HashSet<String> = addresses.iter().map(|address| scim::fold(address).into_owned()).collect();
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    let mut named: HashMap<String, Vec<Addressed>> = HashMap::new();
    for (key, user) in store::by_addresses(tx, account, &keys)? {
        let all = named.entry(key).or_default();
        if !all.iter().any(|known| known.id == user.id) {
            all.push(user);
        }
    }
    for (key, all) in &mut named {
        let rank = |user: &Addressed| (*scim::fold(&user.email) != **key, user.user_name_key != *key);
        let best = all.iter().map(rank).min();
        all.retain(|user| Some(rank(user)) == best);
        all.sort_by(|a, b| a.id.cmp(&b.id));
    }
    Ok(named)
}

/// The only one, or the only one who may act.
fn one(all: &[Addressed]) -> Option<&Addressed> {
    if let [only] = all {
        return Some(only);
    }
    let mut active = all.iter().filter(|user| user.active);
    active.next().filter(|_| active.next().is_none())
}
