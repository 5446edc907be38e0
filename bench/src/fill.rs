//! Filling a server through its SCIM API, with many connections.

use std::sync::Arc;

use serde_json::Value;

use crate::Result;
use crate::client::{Load, Outcome, Span, id_in, once};
use crate::traffic::{Kind, TEAM, Target, Traffic, add_members, group, user_key, user_name};

const CONNECTIONS: usize = 64;
/// Members in one request: below the server's limit of a body.
const MEMBERS_AT_ONCE: usize = 25_000;

/// Users that are there.
#[derive(Clone, Debug)]
pub struct Users {
    /// Ids, in the order of the keys.
    pub ids: Vec<String>,
    /// User names, in the same order.
    pub names: Vec<String>,
    /// Whether each is active now.
    pub active: Vec<bool>,
}

impl Users {
    /// Requests that each change one of these users.
    pub fn patched(&self) -> Kind {
        Kind::Patch { ids: self.ids.clone(), active: self.active.clone() }
    }
}

fn run(target: &Target, kind: Kind, count: u64) -> Result<Outcome> {
    let load = Load {
        target: Arc::new(target.clone()),
        traffic: Arc::new(Traffic::new(kind)),
        connections: CONNECTIONS,
        threads: 1,
        span: Span::Count(count),
        keep_ids: true,
    };
    load.run()
}

fn create(target: &Target, kind: Kind, count: u64) -> Result<Vec<String>> {
    Ok(run(target, kind, count)?.ids.into_iter().map(|(_, id)| id).collect())
}

/// Changes each of these users once.
pub fn patch(target: &Target, users: &mut Users) -> Result<()> {
    run(target, users.patched(), users.ids.len() as u64)?;
    for active in &mut users.active {
        *active = !*active;
    }
    Ok(())
}

/// Makes so many users.
pub fn users(target: &Target, prefix: &str, count: u64) -> Result<Users> {
    let ids = create(target, Kind::Create { prefix: prefix.into() }, count)?;
    let names = (0..count).map(|number| user_name(&user_key(prefix, number))).collect();
    let active = vec![true; ids.len()];
    Ok(Users { ids, names, active })
}

/// Makes so many users with all that is indexed; answers their ids.
pub fn people(target: &Target, prefix: &str, count: u64) -> Result<Vec<String>> {
    create(target, Kind::Person { prefix: prefix.into() }, count)
}

/// Makes a group of each ten of these, in their order; answers the groups' ids.
pub fn teams(target: &Target, prefix: &str, people: &[String]) -> Result<Vec<String>> {
    let count = (people.len() / TEAM) as u64;
    create(target, Kind::Team { prefix: prefix.into(), people: people.to_vec() }, count)
}

/// Makes so many groups, each with the same members.
pub fn small_groups(target: &Target, prefix: &str, members: &[String], count: u64) -> Result<Vec<String>> {
    create(target, Kind::Group { prefix: prefix.into(), members: members.to_vec() }, count)
}

/// Makes one group, however large.
pub fn large_group(target: &Target, name: &str, members: &[String]) -> Result<String> {
    let mut request = Vec::new();
    let path = ["/Groups?excludedAttributes=members"];
    target.write(&mut request, "POST", &path, group(name, &[]).as_bytes());
    let answer = once(target, &request)?;
    let id = id_in(body(&answer))?;
    for members in members.chunks(MEMBERS_AT_ONCE) {
        request.clear();
        let path = ["/Groups/", &id, "?excludedAttributes=members"];
        target.write(&mut request, "PATCH", &path, add_members(members).as_bytes());
        once(target, &request)?;
    }
    Ok(id)
}

fn body(answer: &[u8]) -> &[u8] {
    memchr::memmem::find(answer, b"\r\n\r\n").map_or(answer, |end| &answer[end + 4..])
}

/// The JSON of one GET, of a server that does not send it in chunks.
pub fn read(target: &Target, path: &str) -> Result<Value> {
    let mut request = Vec::new();
    target.write(&mut request, "GET", &[path], b"");
    let answer = once(target, &request)?;
    serde_json::from_slice(body(&answer)).map_err(|error| format!("{path} answered no JSON: {error}"))
}

/// The first users of any SCIM server, by index paging.
pub fn existing(target: &Target, count: usize) -> Result<Users> {
    let mut found = Users { ids: Vec::new(), names: Vec::new(), active: Vec::new() };
    while found.ids.len() < count {
        let start = (found.ids.len() + 1).to_string();
        let mut request = Vec::new();
        target.write(&mut request, "GET", &["/Users?count=100&startIndex=", &start], b"");
        let answer = once(target, &request)?;
        let start = answer.iter().position(|byte| *byte == b'{').unwrap_or(answer.len());
        let mut reader = serde_json::Deserializer::from_slice(&answer[start..]).into_iter::<Value>();
        let list = reader.next().and_then(std::result::Result::ok).unwrap_or_default();
        let page = list["Resources"].as_array().filter(|page| !page.is_empty());
        let Some(page) = page else { break };
        for user in page {
            let text = |name: &str| user[name].as_str().unwrap_or_default().to_owned();
            found.ids.push(text("id"));
            found.active.push(user["active"] == true);
            found.names.push(text("userName").replace('+', "%2B").replace(' ', "%20"));
        }
    }
    if found.ids.is_empty() { Err("the server lists no users: create some first".into()) } else { Ok(found) }
}
