//! What the load client sends: the requests of a SCIM client, numbered, so that each write is a change of its
//! own.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::Result;

const PATCH_OP: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";

/// A SCIM server and a credential for it.
#[derive(Clone, Debug)]
pub struct Target {
    /// `HOST:PORT`.
    pub authority: String,
    /// Path of the SCIM base URL, without a slash at its end.
    pub base: String,
    /// Bearer token.
    pub token: String,
}

impl Target {
    /// Reads a base URL.
    ///
    /// # Errors
    /// For anything but `http://HOST[:PORT]/PATH`.
    pub fn parse(url: &str, token: &str) -> Result<Self> {
        let rest = url.strip_prefix("http://").ok_or_else(|| {
            format!(
                "{url} does not begin with http://: the client speaks no TLS, so put it beside the server"
            )
        })?;
        let (authority, base) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let port = if authority.contains(':') { "" } else { ":80" };
        let base = base.trim_end_matches('/').to_owned();
        Ok(Self { authority: format!("{authority}{port}"), base, token: token.to_owned() })
    }

    /// The same server with another credential.
    #[must_use]
    pub fn with_token(&self, token: &str) -> Self {
        Self { token: token.to_owned(), ..self.clone() }
    }

    /// Writes a request; `path` in parts, below the base.
    pub fn write(&self, out: &mut Vec<u8>, method: &str, path: &[&str], body: &[u8]) {
        out.extend_from_slice(method.as_bytes());
        out.push(b' ');
        out.extend_from_slice(self.base.as_bytes());
        for part in path {
            out.extend_from_slice(part.as_bytes());
        }
        for part in [" HTTP/1.1\r\nhost: ", &self.authority, "\r\nauthorization: Bearer ", &self.token] {
            out.extend_from_slice(part.as_bytes());
        }
        if !body.is_empty() {
            out.extend_from_slice(b"\r\ncontent-type: application/scim+json\r\ncontent-length: ");
            out.extend_from_slice(body.len().to_string().as_bytes());
        }
        out.extend_from_slice(b"\r\n\r\n");
        out.extend_from_slice(body);
    }
}

/// Requests of one kind. The number of the next one is kept over runs.
#[derive(Debug)]
pub struct Traffic {
    kind: Kind,
    next: AtomicU64,
    /// Begin again where nothing is left that would be a change?
    endless: bool,
    every: Option<Duration>,
}

/// What is asked.
#[derive(Clone, Debug)]
pub enum Kind {
    /// A user by id.
    Get { ids: Vec<String> },
    /// The user of a user name.
    Filter { names: Vec<String> },
    /// `active` of one user after the other: in the first pass the other of what it is, then back.
    Patch { ids: Vec<String>, active: Vec<bool> },
    /// A new user.
    Create { prefix: String },
    /// A new user with all that is indexed.
    Person { prefix: String },
    /// A new group of the next ten of these people.
    Team { prefix: String, people: Vec<String> },
    /// What is at these paths.
    Read { paths: Vec<String> },
    /// A new group with these members.
    Group { prefix: String, members: Vec<String> },
    /// One more member for a group, as Entra ID does it: `joiners` join the first group, then the second, and
    /// so on.
    Member { groups: Vec<String>, joiners: Vec<String> },
    /// The same joiners leave in the order in which they came.
    Leave { groups: Vec<String>, joiners: Vec<String> },
    /// A token with a key id that nobody has; `rest`: what follows its header.
    Storm { rest: String },
}

/// Members of a team, and users who share what is not their own: title, department, manager and so on.
pub const TEAM: usize = 10;
/// An extension of the account, with an indexed attribute `zone`.
pub const BADGE: &str = "urn:example:bench:badge:1.0:User";
const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

/// The key of a user: in its names and addresses, unique, of constant length, and the same when folded.
pub fn user_key(prefix: &str, number: u64) -> String {
    format!("{prefix}{number:08}")
}

/// The user name to a key.
pub fn user_name(key: &str) -> String {
    format!("{key}@bench.example")
}

/// A user as an identity provider sends it.
pub fn user(key: &str) -> String {
    format!(
        r#"{{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"{key}@bench.example","externalId":"x-{key}","active":true,"displayName":"Ada {key}","name":{{"givenName":"Ada","familyName":"{key}"}},"emails":[{{"value":"{key}@bench.example","type":"work","primary":true}}]}}"#
    )
}

/// What the ten people of this one's ten share.
pub fn team_key(prefix: &str, number: u64) -> String {
    format!("{prefix}{:07}", number / TEAM as u64)
}

/// A user with every indexed attribute. The first ten are inactive.
pub fn person(prefix: &str, number: u64) -> String {
    let (key, team) = (user_key(prefix, number), team_key(prefix, number));
    let core = "urn:ietf:params:scim:schemas:core:2.0:User";
    let body = serde_json::json!({
        "schemas": [core, ENTERPRISE, BADGE],
        "userName": user_name(&key), "externalId": format!("x-{key}"), "active": number >= TEAM as u64,
        "displayName": format!("Ada {key}"), "nickName": format!("n-{team}"), "title": format!("t-{team}"),
        "name": {"givenName": format!("g-{team}"), "familyName": key},
        "emails": [{"value": user_name(&key), "type": "work", "primary": true}],
        "phoneNumbers": [{"value": format!("tel-{key}"), "type": "work"}],
        ENTERPRISE: {
            "employeeNumber": format!("e-{key}"), "department": format!("d-{team}"),
            "manager": {"value": format!("m-{team}")}
        },
        BADGE: {"zone": format!("z-{team}")}
    });
    body.to_string()
}

/// The path of a filtered list.
pub fn filtered(list: &str, filter: &str) -> String {
    let mut path = format!("{list}?filter=");
    for byte in filter.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~:".contains(&byte) {
            path.push(char::from(byte));
        } else {
            let _ = write!(path, "%{byte:02X}");
        }
    }
    path
}

/// A request body that adds members to a group.
pub fn add_members(ids: &[String]) -> String {
    let list: Vec<String> = ids.iter().map(|id| format!(r#"{{"value":"{id}"}}"#)).collect();
    let list = list.join(",");
    format!(r#"{{"schemas":["{PATCH_OP}"],"Operations":[{{"op":"add","path":"members","value":[{list}]}}]}}"#)
}

/// A request body that takes one member out of a group.
fn remove_member(id: &str) -> String {
    format!(
        r#"{{"schemas":["{PATCH_OP}"],"Operations":[{{"op":"remove","path":"members[value eq \"{id}\"]"}}]}}"#
    )
}

/// A group with members.
pub fn group(name: &str, ids: &[String]) -> String {
    let list: Vec<String> = ids.iter().map(|id| format!(r#"{{"value":"{id}"}}"#)).collect();
    let list = list.join(",");
    format!(
        r#"{{"schemas":["urn:ietf:params:scim:schemas:core:2.0:Group"],"displayName":"{name}","members":[{list}]}}"#
    )
}

/// Spreads numbers over a list, so that neighbours in time are not neighbours in the database.
fn spread(number: u64, list: &[String]) -> Result<&String> {
    const STRIDE: u64 = 7_919;
    let at = usize::try_from(number.wrapping_mul(STRIDE) % list.len().max(1) as u64).unwrap_or_default();
    list.get(at).ok_or_else(|| "the server holds nothing to ask for: fill it first".to_owned())
}

impl Traffic {
    pub fn new(kind: Kind) -> Self {
        Self { kind, next: AtomicU64::new(0), endless: false, every: None }
    }

    /// One request in this time on each connection, instead of one after the other.
    #[must_use]
    pub fn paced(self, every: Duration) -> Self {
        Self { every: Some(every), ..self }
    }

    /// The same requests from the first on, and again when they are through: for an endpoint that keeps
    /// nothing, where none of them would be a change anyway.
    #[must_use]
    pub fn endless(&self) -> Self {
        Self { endless: true, ..Self::new(self.kind.clone()) }
    }

    /// Is it the status that is to be answered?
    pub fn wants(&self, status: u16) -> bool {
        match self.kind {
            Kind::Storm { .. } => status == 401,
            _ => (200..300).contains(&status),
        }
    }

    /// The time between two requests of a connection; `None`: one after the other.
    pub fn every(&self) -> Option<Duration> {
        self.every
    }

    /// Writes the next request and answers its number.
    ///
    /// # Errors
    /// When nothing is left that would be a change.
    pub fn write(&self, target: &Target, out: &mut Vec<u8>) -> Result<u64> {
        let number = self.next.fetch_add(1, Relaxed);
        match &self.kind {
            Kind::Get { ids } => target.write(out, "GET", &["/Users/", spread(number, ids)?], b""),
            Kind::Filter { names } => {
                let path = ["/Users?filter=userName%20eq%20%22", spread(number, names)?, "%22"];
                target.write(out, "GET", &path, b"");
            }
            Kind::Read { paths } => target.write(out, "GET", &[spread(number, paths)?], b""),
            Kind::Patch { ids, active } => {
                let count = ids.len().max(1) as u64;
                let at = usize::try_from(number % count).unwrap_or_default();
                let (id, turned) = (&ids[at], (number / count).is_multiple_of(2));
                let on = active[at] != turned;
                let body = format!(
                    r#"{{"schemas":["{PATCH_OP}"],"Operations":[{{"op":"replace","path":"active","value":{on}}}]}}"#
                );
                target.write(out, "PATCH", &["/Users/", id], body.as_bytes());
            }
            Kind::Create { prefix } => {
                target.write(out, "POST", &["/Users"], user(&user_key(prefix, number)).as_bytes());
            }
            Kind::Person { prefix } => {
                target.write(out, "POST", &["/Users"], person(prefix, number).as_bytes());
            }
            Kind::Team { prefix, people } => {
                let at = usize::try_from(number).unwrap_or(usize::MAX);
                let members = people.chunks(TEAM).nth(at).ok_or("there are no people left for a team")?;
                new_group(target, out, &format!("{prefix} {number}"), members);
            }
            Kind::Group { prefix, members } => {
                new_group(target, out, &format!("{prefix} {number}"), members);
            }
            Kind::Member { groups, joiners } => {
                let (group, joiner) = self.place(number, groups, joiners)?;
                move_member(target, out, group, &add_members(std::slice::from_ref(joiner)));
            }
            Kind::Leave { groups, joiners } => {
                let (group, joiner) = self.place(number, groups, joiners)?;
                move_member(target, out, group, &remove_member(joiner));
            }
            Kind::Storm { rest, .. } => {
                // Every key id comes once, and none is like its neighbour.
                let kid = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
                let header = URL_SAFE_NO_PAD.encode(format!(r#"{{"alg":"ES256","kid":"{kid:016x}"}}"#));
                let stranger = target.with_token(&format!("{header}.{rest}"));
                stranger.write(out, "GET", &["/Users?count=0"], b"");
            }
        }
        Ok(number)
    }

    /// The group and the joiner of a request: all joiners for the first group, then for the second, and so
    /// on.
    fn place<'t>(
        &self,
        number: u64,
        groups: &'t [String],
        joiners: &'t [String],
    ) -> Result<(&'t str, &'t String)> {
        let (count, pairs) = (joiners.len().max(1) as u64, (groups.len() * joiners.len()).max(1) as u64);
        let number = if self.endless { number % pairs } else { number };
        let group = groups.get(usize::try_from(number / count).unwrap_or(usize::MAX));
        let group =
            group.ok_or("every joiner is in every group: make more groups or measure for less time")?;
        Ok((group, &joiners[usize::try_from(number % count).unwrap_or_default()]))
    }
}

fn new_group(target: &Target, out: &mut Vec<u8>, name: &str, members: &[String]) {
    target.write(out, "POST", &["/Groups?excludedAttributes=members"], group(name, members).as_bytes());
}

fn move_member(target: &Target, out: &mut Vec<u8>, group: &str, body: &str) {
    target.write(out, "PATCH", &["/Groups/", group, "?excludedAttributes=members"], body.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target() -> Target {
        Target::parse("http://host:1/base/", "secret").unwrap()
    }

    fn next(traffic: &Traffic) -> String {
        let mut out = Vec::new();
        traffic.write(&target(), &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_base_url_has_a_host_a_port_and_a_path() {
        let target = target();
        assert_eq!((target.authority.as_str(), target.base.as_str()), ("host:1", "/base"));
        assert_eq!(Target::parse("http://host", "t").unwrap().authority, "host:80");
        assert!(Target::parse("https://host", "t").is_err());
    }

    #[test]
    fn requests_are_whole() {
        let traffic = Traffic::new(Kind::Get { ids: vec!["a".into()] });
        assert_eq!(
            next(&traffic),
            "GET /base/Users/a HTTP/1.1\r\nhost: host:1\r\nauthorization: Bearer secret\r\n\r\n"
        );
        let create = Traffic::new(Kind::Create { prefix: "p".into() });
        let (head, body) =
            next(&create).split_once("\r\n\r\n").map(|(h, b)| (h.to_owned(), b.to_owned())).unwrap();
        assert!(head.contains(&format!("content-length: {}", body.len())));
        assert!(
            serde_json::from_str::<serde_json::Value>(&body).unwrap()["userName"]
                == "p00000000@bench.example"
        );
    }

    #[test]
    fn every_patch_and_every_joiner_is_a_change() {
        let patch =
            Traffic::new(Kind::Patch { ids: vec!["a".into(), "b".into()], active: vec![true, false] });
        let sent: Vec<String> = (0..4).map(|_| next(&patch)).collect();
        assert!(sent[0].contains("/a ") && sent[0].contains("false") && sent[2].contains("true"));
        assert!(sent[1].contains("/b ") && sent[1].contains("true") && sent[3].contains("false"));
        let kind = Kind::Member { groups: vec!["g".into(), "h".into()], joiners: vec!["1".into()] };
        let member = Traffic::new(kind);
        assert!(next(&member).contains("/Groups/g?") && next(&member).contains("/Groups/h?"));
        assert!(member.write(&target(), &mut Vec::new()).is_err());
    }

    #[test]
    fn who_joined_leaves_again() {
        let (groups, joiners) = (vec!["g".to_owned()], vec!["1".to_owned(), "2".to_owned()]);
        let come = Traffic::new(Kind::Member { groups: groups.clone(), joiners: joiners.clone() });
        let go = Traffic::new(Kind::Leave { groups, joiners });
        for id in ["1", "2"] {
            let (come, go) = (next(&come), next(&go));
            assert!(come.contains(&format!(r#"[{{"value":"{id}"}}]"#)), "{come}");
            let body = go.split("\r\n\r\n").nth(1).unwrap();
            let body: serde_json::Value = serde_json::from_str(body).unwrap();
            assert_eq!(body["Operations"][0]["path"], format!("members[value eq \"{id}\"]"));
        }
        assert!(go.write(&target(), &mut Vec::new()).is_err());
    }

    #[test]
    fn ten_people_share_and_each_has_his_own() {
        let read = |number| serde_json::from_str::<serde_json::Value>(&person("p", number)).unwrap();
        let (first, last, other) = (read(10), read(19), read(20));
        assert!(first["title"] == last["title"] && last["title"] != other["title"]);
        assert_ne!(first["userName"], last["userName"]);
        assert!(read(9)["active"] == false && first["active"] == true);
        let kind = Kind::Team { prefix: "T".into(), people: (0..20).map(|id| format!("id{id}")).collect() };
        let team = Traffic::new(kind);
        assert!(next(&team).contains("id9") && next(&team).contains("id19"));
        assert!(team.write(&target(), &mut Vec::new()).is_err());
    }

    #[test]
    fn a_storm_wants_refusals_and_repeats_no_key_id() {
        let storm = Traffic::new(Kind::Storm { rest: "a.b".into() }).paced(Duration::from_millis(6));
        let (first, second) = (next(&storm), next(&storm));
        assert!(first != second && first.contains(".a.b\r\n"), "{first}");
        assert!(storm.wants(401) && !storm.wants(200) && storm.every().is_some());
    }

    #[test]
    fn a_filter_is_written_for_an_address() {
        assert_eq!(
            filtered("/Users", r#"emails[type eq "work"].value eq "a@b""#),
            "/Users?filter=emails%5Btype%20eq%20%22work%22%5D.value%20eq%20%22a%40b%22"
        );
    }
}
