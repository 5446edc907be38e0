//! Blacking out: what an entry may show of a request. Secrets are known by the names of their members and
//! attributes, in any spelling, and by the shape of tokens. When in doubt it blacks out.

use std::borrow::Cow;
use std::collections::HashSet;

use aho_corasick::{AhoCorasick, MatchKind};
use scim::schema::{Attribute, Mutability, Returned};
use scim::{Catalogue, ResourceType};
use serde_json::{Map, Value};

use super::letters::{
    NAME_BYTES, Naming, below_host, has_short_word, hides_letters, is_among, is_bare, is_free_of, is_of_name,
    naming, squeeze,
};
use crate::kernel::shape::{decoded, may_hold_token, without_tokens};

pub use crate::kernel::shape::REDACTED;

/// What a name of a secret holds, without case and signs.
const WORDS: [&str; 16] = [
    "password",
    "passwd",
    "passphrase",
    "passcode",
    "pwd",
    "secret",
    "token",
    "apikey",
    "accesskey",
    "clientkey",
    "signingkey",
    "privatekey",
    "privkey",
    "authorization",
    "credential",
    "bearer",
];
/// Query parameters whose value is shown; of others nobody knows what they carry.
const PARAMETERS: [&str; 9] = [
    "filter",
    "attributes",
    "excludedattributes",
    "sortby",
    "sortorder",
    "startindex",
    "count",
    "cursor",
    "aadoptscim062020",
];
/// Members and parameters that hold a path or a filter, without case, beside those that name an attribute: a
/// secret may stand in it beside its name with nothing but a space or a dot between them.
const PATHS: [&str; 3] = ["sortby", "filter", "location"];
/// Members that say what is done with those beside them, whatever these are.
const VERBS: [&str; 3] = ["op", "method", "schemas"];
/// Those that hold paths of attributes with commas between them.
const LISTS: [&str; 2] = ["attributes", "excludedattributes"];
/// The names of secrets: the words above, and what a schema keeps to itself.
pub struct Secrets {
    names: Vec<String>,
    /// The words and the names, in what `squeeze` leaves of a text.
    finder: AhoCorasick,
}

/// Which members of an object are blacked out by what stands beside them.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Reach {
    Nothing,
    /// Those that are called a value.
    Values,
    All,
}

/// What was blacked out of a document.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// JSON pointers.
    pub places: Vec<String>,
    /// The secrets themselves, to look for them elsewhere. Never stored.
    pub values: Vec<String>,
}

impl Secrets {
    /// Of an account with these schemas: every attribute that is writeOnly or never returned.
    pub fn of(catalogue: &Catalogue) -> Self {
        let mut names = HashSet::new();
        for kind in &catalogue.types {
            of_type(kind, &mut names);
        }
        let mut names: Vec<String> = names
            .into_iter()
            .filter(|name| !name.is_empty() && !WORDS.iter().any(|w| name.contains(w)))
            .collect();
        names.sort_unstable();
        Self::with(names)
    }

    /// With these names, squeezed, beside the words.
    fn with(names: Vec<String>) -> Self {
        let words = WORDS.into_iter().chain(names.iter().map(String::as_str));
        // Whatever is found first will do, but only this kind of search skips over what cannot begin a word.
        let kind = MatchKind::LeftmostFirst;
        let finder = AhoCorasick::builder().match_kind(kind).build(words).expect("a schema has few names");
        Self { names, finder }
    }

    /// Whether a name (of a member, an attribute with its path, a parameter) says that its value is secret.
    pub fn is_secret(&self, name: &str) -> bool {
        let whole = squeeze(name.as_bytes());
        if has_short_word(name)
            || WORDS.iter().any(|word| memchr::memmem::find(&whole, word.as_bytes()).is_some())
        {
            return true;
        }
        let own = |segment: &str| self.names.iter().any(|n| n.as_bytes() == squeeze(segment.as_bytes()));
        !self.names.is_empty() && name.split(['.', ':', '[', ']', '/', ' ']).any(own)
    }

    /// Whether a text cannot hold any secret, so that it may be shown as it came. `false` says nothing. Each
    /// entry's bodies go through here.
    pub fn is_plain(&self, text: &str) -> bool {
        !hides_letters(text) && !may_hold_token(text) && !self.holds_word(text) && !has_short_word(text)
    }

    /// Whether what `squeeze` leaves of a text holds one of the words or names.
    fn holds_word(&self, text: &str) -> bool {
        self.finder.is_match(&squeeze(text.as_bytes()))
    }

    /// Blacks out a JSON document.
    pub fn value(&self, value: &mut Value, found: &mut Found) {
        self.node(value, &mut String::new(), found);
    }

    fn node(&self, value: &mut Value, at: &mut String, found: &mut Found) {
        match value {
            Value::Object(members) => self.members(members, at, found),
            Value::Array(items) => self.items(items, at, found),
            Value::String(text) => {
                if let Cow::Owned(shown) = self.text(text) {
                    found.values.push(std::mem::replace(text, shown));
                    found.places.push(at.clone());
                }
            }
            _ => {}
        }
    }

    fn members(&self, members: &mut Map<String, Value>, at: &mut String, found: &mut Found) {
        let reach = self.reach(members);
        let is_unclean = |key: &&String| !self.is_clean(key) || matches!(without_tokens(key), Cow::Owned(_));
        let unclean: Vec<String> = members.keys().filter(is_unclean).cloned().collect();
        for (key, value) in members.iter_mut() {
            let mark = at.len();
            at.push('/');
            // A name that is blacked out itself is not shown in a pointer either.
            let shown = if unclean.contains(key) { REDACTED } else { key };
            at.push_str(&shown.replace('~', "~0").replace('/', "~1"));
            if self.is_secret(key) || self.strays(key, value) || self.is_reached(reach, key, value) {
                black(value, at, found);
            } else {
                self.node(value, at, found);
            }
            at.truncate(mark);
        }
        for key in unclean {
            if let Some(value) = members.remove(&key) {
                members.insert(REDACTED.into(), value);
            }
            found.values.push(key);
        }
    }

    /// {"path": "password", "value": …}, {"name": "token", "value": …}
    fn reach(&self, members: &Map<String, Value>) -> Reach {
        // A resource may have a name like theirs, and much beside it.
        let is_resource = members.contains_key("schemas");
        let of_one = |(key, value): (&String, &Value)| match naming(key) {
            Naming::Attribute if self.names_secret(value) || self.strays(key, value) => Reach::All,
            Naming::Thing if self.names_secret(value) && !is_resource => Reach::All,
            Naming::Thing if self.names_secret(value) => Reach::Values,
            _ if self.strays(key, value) => Reach::Values,
            _ => Reach::Nothing,
        };
        members.iter().map(of_one).max().unwrap_or(Reach::Nothing)
    }

    fn is_reached(&self, reach: Reach, key: &str, value: &Value) -> bool {
        let names = || naming(key) != Naming::Nothing && self.names_secret(value);
        match reach {
            Reach::Nothing => false,
            Reach::Values => key.to_ascii_lowercase().contains("value"),
            Reach::All => !value.is_boolean() && !is_among(&VERBS, key) && !names(),
        }
    }

    fn items(&self, items: &mut [Value], at: &mut String, found: &mut Found) {
        // ["password", …]; of a schema's URN only the end is the name of an attribute.
        let names = |text: &str| match text.rsplit_once(':') {
            Some((before, end)) if before.starts_with("urn:") => self.is_name_of_secret(end),
            _ => self.is_name_of_secret(text),
        };
        let named = items.iter().filter_map(Value::as_str).any(names);
        for (place, item) in items.iter_mut().enumerate() {
            let mark = at.len();
            at.push('/');
            at.push_str(&place.to_string());
            let is_name = |text| is_bare_name(text) && self.is_clean(text);
            if named && !item.as_str().is_some_and(is_name) {
                black(item, at, found);
            } else {
                self.node(item, at, found);
            }
            at.truncate(mark);
        }
    }

    /// Whether a value is the name of a secret, or a path with a filter in it that leads to one, or holds one
    /// of these.
    fn names_secret(&self, value: &Value) -> bool {
        match value {
            Value::String(text) => self.is_name_of_secret(text),
            Value::Array(items) => items.iter().any(|item| self.names_secret(item)),
            Value::Object(members) => members.iter().any(|(key, value)| {
                self.is_secret(key) || naming(key) != Naming::Nothing && self.names_secret(value)
            }),
            _ => false,
        }
    }

    fn is_name_of_secret(&self, text: &str) -> bool {
        // Paths are read without the white space around them.
        let text = text.trim();
        let is_name = || text.bytes().all(|byte| is_of_name(byte) || byte.is_ascii_control());
        text.len() <= NAME_BYTES && (is_name() || text.contains('[')) && self.is_secret(text)
    }

    /// Whether a member holds a path or a filter, or a list of paths, in which more stands than the name of a
    /// secret.
    fn strays(&self, key: &str, value: &Value) -> bool {
        match value {
            Value::String(text) => self.text_strays(key, text),
            Value::Array(items) => items.iter().any(|item| self.strays(key, item)),
            _ => false,
        }
    }

    fn text_strays(&self, key: &str, text: &str) -> bool {
        if is_among(&LISTS, key) {
            return !text.split(',').all(|path| self.is_clean(path.trim()));
        }
        let holds_path = is_among(&PATHS, key) || naming(key) == Naming::Attribute;
        holds_path && !self.is_clean(text.trim())
    }

    /// Whether nothing stands beside the name of a secret: the text has none, or is a path of names that ends
    /// with it. Of a schema's URN only the end is the name of an attribute.
    fn is_clean(&self, path: &str) -> bool {
        let beside = |part: &str| {
            let is_urn = part.get(..4).is_some_and(|head| head.eq_ignore_ascii_case("urn:"));
            let end = part.rmatch_indices(':').nth(1).filter(|_| is_urn).map_or(0, |(at, _)| at + 1);
            part[end..].rsplit_once(['.', ':']).is_some_and(|(before, _)| self.is_secret(before))
        };
        !self.is_secret(path) || is_bare(path) && !below_host(path).split('/').any(beside)
    }

    /// Blacks out a text: whole if it speaks of a secret and holds more than words, else the tokens in it.
    pub fn text<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let read = decoded(text).map_or(Cow::Borrowed(text), Cow::Owned);
        if read.contains(['"', '\'', '=', ':', '{', '<']) && !is_bare(&read) && self.is_secret(&read) {
            return redacted();
        }
        without_tokens(text)
    }

    /// Blacks out the path of a request: whole, where a part of it holds more than the name of a secret.
    pub fn path<'t>(&self, path: &'t str) -> Cow<'t, str> {
        if path.split('/').all(|part| self.is_clean(part)) { self.text(path) } else { redacted() }
    }

    /// Blacks out an answer of ours. Its messages speak of tokens and passwords as such; they are shown
    /// unless they quote one of the `known` secrets.
    pub fn answer(&self, value: &mut Value, known: &[String]) {
        let mut messages = Vec::new();
        details(value, &mut |text| messages.push(std::mem::take(text)));
        self.value(value, &mut Found::default());
        let mut messages = messages.into_iter();
        details(value, &mut |text| {
            let message = messages.next().unwrap_or_default();
            *text = if is_free_of(&message, known) {
                without_tokens(&message).into_owned()
            } else {
                REDACTED.into()
            };
        });
    }

    /// Blacks out a query string; answers whether anything was.
    pub fn query(&self, query: &str, found: &mut Found) -> (String, bool) {
        let (mut shown, mut black) = (url::form_urlencoded::Serializer::new(String::new()), false);
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            let known = value.is_empty() || is_among(&PARAMETERS, &name);
            let strays = !known || self.text_strays(&name, &value);
            let text = if strays { redacted() } else { self.text(&value) };
            let shown_name = if self.is_clean(&name) { self.text(&name) } else { redacted() };
            for (shown, whole) in [(&shown_name, &name), (&text, &value)] {
                if let Cow::Owned(_) = shown {
                    black = true;
                    found.values.push(whole.to_string());
                }
            }
            shown.append_pair(&shown_name, &text);
        }
        (shown.finish(), black)
    }
}

/// Squeezed names of the attributes that a type keeps to itself.
fn of_type(kind: &ResourceType, names: &mut HashSet<String>) {
    let schemas =
        std::iter::once(&kind.base).chain(kind.extensions.iter().map(|extension| &extension.schema));
    for attribute in schemas.flat_map(|schema| schema.attributes.iter()) {
        of_attribute(attribute, names);
    }
}

fn of_attribute(attribute: &Attribute, names: &mut HashSet<String>) {
    if attribute.mutability == Mutability::WriteOnly || attribute.returned == Returned::Never {
        names.insert(String::from_utf8(squeeze(attribute.name.as_bytes())).unwrap_or_default());
    }
    attribute.sub.iter().for_each(|sub| of_attribute(sub, names));
}

/// What stands for a text that is blacked out whole.
fn redacted() -> Cow<'static, str> {
    Cow::Owned(REDACTED.into())
}

/// Whether it is a name that could stand in a schema; a password could look so, too, but not like the words.
fn is_bare_name(text: &str) -> bool {
    is_bare(text) && WORDS.iter().any(|word| squeeze(text.as_bytes()).ends_with(word.as_bytes()))
}

/// Hands out each `detail` that is a text, in order.
fn details(value: &mut Value, each: &mut impl FnMut(&mut String)) {
    match value {
        Value::Object(members) => members.iter_mut().for_each(|(key, value)| match value {
            Value::String(text) if key == "detail" => each(text),
            other => details(other, each),
        }),
        Value::Array(items) => items.iter_mut().for_each(|item| details(item, each)),
        _ => {}
    }
}

/// Blacks out a whole value.
fn black(value: &mut Value, at: &str, found: &mut Found) {
    if value.is_null() {
        return;
    }
    leaves(value, &mut found.values);
    *value = Value::from(REDACTED);
    found.places.push(at.to_owned());
}

fn leaves(value: &Value, out: &mut Vec<String>) {
    match value {
        Value::Null | Value::Bool(_) => {}
        Value::Number(number) => out.push(number.to_string()),
        Value::String(text) => out.push(text.clone()),
        Value::Array(items) => items.iter().for_each(|item| leaves(item, out)),
        Value::Object(members) => members.iter().for_each(|(key, item)| {
            out.push(key.clone());
            leaves(item, out);
        }),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    /// Members that name an attribute.
    const NAMING: [&str; 8] =
        ["path", "target", "attribute", "attr", "field", "property", "attributePath", "paths"];

    fn secrets() -> Secrets {
        Secrets::of(&Catalogue::standard())
    }

    fn shown(mut value: Value) -> (Value, Vec<String>) {
        let mut found = Found::default();
        secrets().value(&mut value, &mut found);
        (value, found.places)
    }

    #[test]
    fn members_by_name_in_any_spelling_at_any_depth() {
        let (value, places) = shown(json!({
            "userName": "a", "PassWord": "x", "pass_word": ["x", {"y": "x"}], "nested": [{"api-key": 7, "title": "t"}],
            "urn:ietf:params:scim:schemas:core:2.0:User:password": "x", "emails[type eq \"x\"].password": "x",
            "password": null
        }));
        assert_eq!(value["userName"], "a");
        assert_eq!(value["nested"][0]["title"], "t");
        assert!(!value.to_string().contains("\"x\"") && !value.to_string().contains('7'), "{value}");
        assert_eq!(value["password"], Value::Null);
        assert!(
            places.contains(&"/pass_word".to_owned()) && places.contains(&"/nested/0/api-key".to_owned())
        );
    }

    #[test]
    fn operations_and_pairs_that_name_a_secret() {
        for body in [
            json!({"op": "replace", "path": "password", "value": "marker"}),
            json!({"op": "replace", "path": "urn:ietf:params:scim:schemas:core:2.0:User:PASSWORD", "value": {"a": "marker"}}),
            json!({"op": "replace", "path": " password", "value": "marker"}),
            json!({"op": "replace", "path": "\u{a0}urn:ietf:params:scim:schemas:core:2.0:User:password\t ", "value": "marker"}),
            json!({"path": "password", "values": ["marker"]}),
            json!({"target": "password", "newValue": "marker"}),
            json!({"privKey": "marker", "signing_key": "marker", "pass-code": "marker", "AccessKey": "marker"}),
            json!({"op": "remove", "path": "password[value eq \"marker\"]", "value": "marker"}),
            json!({"name": "token", "value": "marker"}),
            json!(["password", "marker", ["marker"]]),
            json!({"filter": "password eq \"marker\""}),
            json!({"note": "{\"password\": \"marker\"}"}),
            json!({"op": "replace", "path": "password", "value": "marker", "old": "marker", "from": ["marker"], "data": {"a": 1}}),
            json!({"op": "replace", "path": ["password"], "value": "marker"}),
            json!({"op": "replace", "path": {"name": "password"}, "value": "marker"}),
            json!({"op": "replace", "path": {"password": null}, "value": "marker"}),
            json!({"op": "replace", "attributeName": "password", "value": "marker"}),
            json!({"op": "replace", "attributePath": "password", "to": "marker"}),
            json!({"field": "password", "old": "marker"}),
            json!({"property": "urn:x:y:password", "id": "marker"}),
            json!({"fields": ["title", "password"], "rows": [["t", "marker"]]}),
            json!({"path": "pin", "value": "marker"}),
            json!({"otp": "marker", "userPIN": "marker", "pass": "marker", "pinCode": ["marker"]}),
            json!(["password", {"old": "marker"}]),
            json!({"note": "password%3Dmarker"}),
            json!({"path": "/Users?access_token=marker", "data": {"password": {"deep": [{"marker": 1}]}}}),
        ] {
            let (value, places) = shown(body.clone());
            assert!(!value.to_string().contains("marker") && !places.is_empty(), "{body} -> {value}");
        }
        let (value, places) =
            shown(json!({"attributes": ["password", "userName"], "schemas": ["urn:x:Password:1"]}));
        assert_eq!(
            (value["attributes"][0].as_str(), value["schemas"][0].as_str().is_some()),
            (Some("password"), true)
        );
        assert_eq!(places, ["/attributes/1"], "in doubt it is blacked out");
    }

    #[test]
    fn what_is_called_like_a_secret_keeps_what_it_is() {
        for body in [
            json!({"schemas": ["urn:x"], "userName": "token-bot", "displayName": "Secret Santa", "title": "Pwd"}),
            json!({"schemas": ["urn:x"], "name": {"familyName": "Bearer", "givenName": "Pin"}, "nickName": "Pin"}),
            json!({"schemas": ["urn:x"], "name": "token-service", "active": true, "owner": "ada"}),
            json!({"attributes": ["password"], "count": 7, "startIndex": 1}),
            json!({"name": "password", "multiValued": false}),
            json!({"shipping": "x", "passport": "x", "options": [1]}),
        ] {
            assert_eq!(shown(body.clone()), (body, vec![]));
        }
    }

    #[test]
    fn a_token_as_a_name_is_blacked_out() {
        let token = "pat.acme.00000000-0000-4000-8000-000000000001.marker";
        for body in [json!({(token): "x"}), json!({"op": "add", "value": {"a": {(token): 1}}})] {
            let mut found = Found::default();
            let mut value = body.clone();
            secrets().value(&mut value, &mut found);
            assert!(!value.to_string().contains("marker"), "{value}");
            assert_eq!(found.values, [token], "an answer may quote it");
            assert!(!secrets().is_plain(&body.to_string()));
        }
    }

    #[test]
    fn paths_with_more_than_the_name_of_a_secret() {
        let urn = "urn:ietf:params:scim:schemas:core:2.0:User:password";
        for path in [
            "password marker-secret".into(),
            "password.marker-secret".into(),
            "password:marker".into(),
            "title,password marker".into(),
            format!("{urn}.marker"),
            format!("{urn}:marker"),
            "/Users/password:marker".into(),
            "/Users/password%20marker".into(),
            "https://x.example:1/scim/v2/acme/Users/password:marker".into(),
        ] {
            for key in PATHS.into_iter().chain(LISTS).chain(NAMING) {
                for body in
                    [json!({(key): path}), json!({(key): ["title", path]}), json!({(path.as_str()): 1})]
                {
                    let (value, places) = shown(body);
                    assert!(!value.to_string().contains("marker") && !places.is_empty(), "{path} -> {value}");
                }
            }
            let shown = secrets().path(&path).into_owned();
            assert!(!shown.contains("marker"), "{shown}");
        }
        let (value, _) = shown(json!({"op": "add", "path": "password x", "value": "marker"}));
        assert!(!value.to_string().contains("marker"), "{value}");
    }

    #[test]
    fn paths_that_only_name_a_secret_are_shown() {
        let urn = "urn:ietf:params:scim:schemas:core:2.0:User:password";
        for path in [
            "password",
            " password ",
            urn,
            "user.password",
            "urn:a:secret:1.0:User",
            "/Tokens/7",
            "/Users/a b",
        ] {
            for key in PATHS.into_iter().chain(NAMING) {
                let body = json!({(key): path});
                assert_eq!(shown(body.clone()), (body, vec![]));
            }
        }
        for path in ["https://token.example/scim/v2/token-1/Users/7.b", "title,name.familyName, emails"] {
            let body = json!({"location": path, "attributes": path});
            assert_eq!(shown(body.clone()).0["location"], path);
        }
        let lists = json!({"attributes": "userName,password", "excludedAttributes": "password, title"});
        assert_eq!(shown(lists.clone()), (lists, vec![]));
        let words = json!({"displayName": "Password Keepers", "note": "Token of thanks."});
        assert_eq!(shown(words.clone()), (words, vec![]), "a text is no path");
    }

    #[test]
    fn tokens_by_their_shape() {
        let secrets = secrets();
        let jwt = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0.c2ln";
        for text in [format!("see {jwt} here"), "sat.acme.id.abcdef".into(), format!("x={jwt}&y=1")] {
            let shown = secrets.text(&text);
            assert!(
                shown.contains(REDACTED) && !shown.contains("c2ln") && !shown.contains("abcdef"),
                "{shown}"
            );
        }
        assert_eq!(secrets.text("satellite. eyJ"), "satellite. eyJ");
        assert!(!secrets.is_plain(jwt) && secrets.is_plain("{\"userName\": \"bjensen\"}"));
    }

    #[test]
    fn queries_show_what_is_known() {
        let (shown, black) = secrets()
            .query("filter=userName%20eq%20%22a%22&count=2&access_token=m&x=m2", &mut Found::default());
        assert_eq!(shown, "filter=userName+eq+%22a%22&count=2&access_token=%5Bredacted%5D&x=%5Bredacted%5D");
        assert!(black);
        let (shown, black) = secrets().query("FILTER=passWord+eq+%22marker%22", &mut Found::default());
        assert!(black && !shown.contains("marker"), "{shown}");
        for query in [
            "attributes=password+marker",
            "sortBy=password.marker-secret",
            "filter=password.marker",
            "password.marker",
        ] {
            let mut found = Found::default();
            let (shown, black) = secrets().query(query, &mut found);
            assert!(black && !shown.contains("marker") && found.values.len() == 1, "{shown}");
        }
        let plain = "attributes=userName%2Cpassword&sortBy=password";
        assert_eq!(secrets().query(plain, &mut Found::default()), (plain.into(), false));
        assert_eq!(
            secrets().query("aadOptscim062020&count=1", &mut Found::default()),
            ("aadOptscim062020=&count=1".into(), false)
        );
    }

    #[test]
    fn what_a_schema_keeps_to_itself_is_a_secret() {
        let mut catalogue = Catalogue::standard();
        let mut user = (*catalogue.types[0]).clone();
        let mut base = (*user.base).clone();
        let mut pin = Attribute::new("doorPin", scim::schema::Type::String, "");
        pin.returned = Returned::Never;
        base.attributes =
            scim::schema::Attributes::new(base.attributes.iter().cloned().chain([pin.into()]).collect());
        user.base = base.into();
        catalogue.types[0] = user.into();
        let secrets = Secrets::of(&catalogue);
        assert!(
            secrets.is_secret("DOORPIN")
                && secrets.is_secret("urn:x:y:door_pin")
                && !secrets.is_secret("door")
        );
        assert!(!secrets.is_plain("{\"doorPIN\": 1}") && secrets.is_plain("{\"door\": 1}"));
    }

    /// Documents with a marker under a secret's name somewhere.
    fn document(depth: u32) -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![Just(json!("plain")), Just(json!(1)), Just(Value::Null), Just(json!(true))];
        leaf.prop_recursive(depth, 64, 6, |inner| {
            let name =
                prop_oneof![Just("userName"), Just("emails"), Just("value"), Just("Operations"), Just("x y")];
            let secret = prop_oneof![
                Just("password"),
                Just("PASSWORD"),
                Just("pass-word"),
                Just("p.assword"),
                Just("pass\tword"),
                Just("pass\nword"),
                Just("userPassword"),
                Just("urn:ietf:params:scim:schemas:core:2.0:User:password"),
                Just("Authorization"),
                Just("access_token")
            ];
            let marker = prop_oneof![
                Just(json!("MARKER")),
                Just(json!(["MARKER", {"MARKER": "MARKER"}])),
                Just(json!({"value": "MARKER"}))
            ];
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map(name, inner.clone(), 0..4).prop_map(|m| json!(m)),
                (secret.clone(), marker.clone(), inner)
                    .prop_map(|(name, marker, other)| json!({(name): marker, "o": other})),
                (secret.clone(), marker.clone())
                    .prop_map(|(name, marker)| json!({"op": "add", "path": name, "value": marker})),
                (secret, marker).prop_map(|(name, marker)| json!({"op": "add", "value": {(name): marker}})),
            ]
        })
    }

    proptest! {
        #[test]
        fn the_marker_never_shows(document in document(5)) {
            let secrets = secrets();
            let text = document.to_string();
            let (value, _) = shown(document);
            prop_assert!(!value.to_string().contains("MARKER"), "{}", value);
            if text.contains("MARKER") {
                prop_assert!(!secrets.is_plain(&text), "{}", text);
            }
        }

        #[test]
        fn words_are_found_whatever_stands_between_their_letters(
            parts in prop::collection::vec(
                "[a-zé]{0,3}|[-_.\"{}: ]{1,3}|[Pp]ass|Word|to|KEN|se.?c_ret|PIN|[0-9]", 0..12
            ),
        ) {
            let secrets = Secrets::with(vec!["doorpin".into()]);
            let text = parts.concat();
            let left = String::from_utf8(squeeze(text.as_bytes())).unwrap();
            let holds = WORDS.into_iter().chain(["doorpin"]).any(|word| left.contains(word));
            prop_assert_eq!(secrets.holds_word(&text), holds, "{} {}", text, left);
        }

        #[test]
        fn no_text_is_too_strange(text in ".*") {
            let secrets = secrets();
            let _ = (secrets.text(&text), secrets.is_plain(&text));
            secrets.query(&text, &mut Found::default());
        }
    }
}
