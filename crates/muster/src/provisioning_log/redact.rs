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
        // One look tells it of most.
        if !path.contains('%') && self.is_plain(path) {
            return Cow::Borrowed(path);
        }
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
mod tests;
