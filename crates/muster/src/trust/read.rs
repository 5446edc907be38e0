//! Reading a trust that a client sends, or that a file holds: strict, and with every complaint at once. Pure.

use jose::{
    Algorithm, Algorithms, AudiencePolicy, KeySet, KeySetLimits, MAX_LEEWAY_SECS, Policy, Rule, TokenType,
};
use serde_json::{Map, Value};

use super::members::{MAX_ITEMS, Members, kind};
use super::model::{DEFAULT, Definition, KeySource};
use crate::kernel::problem::Result;
use crate::kernel::surface::Surface;
use crate::kernel::text::{FieldCheck, identifier_from_name};
use crate::outbound::place::read_url;
use crate::outbound::way::certificates;
use crate::settings::catalogue::{self, JWT_KEY_FIELD, JWT_VALUE_FIELD};
use crate::settings::model::check_type;
use crate::web::words;

/// Every member there is, in the order of the wire.
const MEMBERS: &[&str] = &[
    "identifier",
    "name",
    "enabled",
    "serviceAccount",
    "jwks",
    "caPem",
    "issuer",
    "audiences",
    "audiencePolicy",
    "algorithms",
    "types",
    "rules",
    "leewaySeconds",
    "maxLifetimeSeconds",
    "surfaces",
    "requireJti",
    "replay",
];
const FORMS: &str = "must be {\"url\": …}, {\"discovery\": issuer} or {\"keys\": […]}, exactly one of them";
const MAX_PEM: usize = 64 * 1024;
/// A year.
const MAX_LIFETIME_SECS: u64 = 31_536_000;

/// The definition in `document`, its identifier from the path where there is one.
///
/// # Errors
/// `Fields` with every complaint.
pub fn definition(document: &Value, path: Option<&str>) -> Result<Definition> {
    let (found, check) = examine(document, path);
    check.done()?;
    Ok(found)
}

/// The stored definition of this identifier.
///
/// # Errors
/// `Fields`, if what is stored is damaged.
pub fn stored(document: &Value, identifier: &str) -> Result<Definition> {
    let (found, check) = read(document, Some(identifier), Reading::Stored);
    check.done()?;
    Ok(found)
}

/// Would a client's trust be taken that says this?
///
/// # Errors
/// `Fields` with every complaint.
pub fn recheck(definition: &Definition) -> Result<()> {
    read(&definition.to_json(), Some(&definition.identifier), Reading::Composed).1.done()
}

/// What is read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reading {
    /// What a client sends.
    Sent,
    /// Made of a stored one and of settings: what takes long, keys and certificates, has been checked.
    Composed,
    /// What is stored. It was checked then: a limit that has changed since must not make it unreadable.
    Stored,
}

/// As `definition`, for callers with complaints of their own to add. The definition means nothing if there is
/// a complaint.
pub fn examine(document: &Value, path: Option<&str>) -> (Definition, FieldCheck) {
    read(document, path, Reading::Sent)
}

fn read(document: &Value, path: Option<&str>, reading: Reading) -> (Definition, FieldCheck) {
    let nothing = Map::new();
    let mut check = FieldCheck::new();
    let members = document.as_object().unwrap_or_else(|| {
        check.fail("body", "must be an object with the members of a trust");
        &nothing
    });
    let of = Members { object: members, check, limits: reading != Reading::Stored };
    let mut reader = Reader { of, was_checked: reading != Reading::Sent };
    reader.of.refuse_unknown("", members, MEMBERS);
    let definition = reader.definition(path);
    if reader.of.limits {
        reader.whole(&definition);
    }
    (definition, reader.of.check)
}

struct Reader<'a> {
    of: Members<'a>,
    was_checked: bool,
}

impl Reader<'_> {
    fn definition(&mut self, path: Option<&str>) -> Definition {
        let name = self.of.text("name").unwrap_or_default();
        if self.of.limits {
            self.of.check.name("name", &name);
        }
        let identifier = self.identifier(path, &name);
        let service_account = self.of.text("serviceAccount").unwrap_or_default();
        if service_account.is_empty() {
            self.of.limit("serviceAccount", "cannot be empty: name a service account of the account");
        }
        let jwks = self.jwks();
        let issuer = self.of.text("issuer").or_else(|| match &jwks {
            // What is discovered is an issuer's, so that it is the issuer unless another is named.
            KeySource::Discovery(issuer) => Some(issuer.clone()),
            _ => None,
        });
        let replay = self.of.choice("replay", &[("off", false), ("on", true)], false);
        let mut policy = self.policy(issuer);
        // Replays are told by the jti.
        policy.require_jti |= replay;
        Definition {
            identifier,
            name,
            enabled: self.of.flag("enabled", true),
            service_account,
            jwks,
            ca_pem: self.ca_pem(),
            policy,
            surfaces: self.surfaces(),
            replay,
        }
    }

    fn policy(&mut self, issuer: Option<String>) -> Policy {
        let audiences = self.of.texts("audiences");
        let default = if audiences.is_empty() { AudiencePolicy::Off } else { AudiencePolicy::Required };
        let policies = [
            ("required", AudiencePolicy::Required),
            ("ifPresent", AudiencePolicy::IfPresent),
            ("off", AudiencePolicy::Off),
        ];
        let lifetime = self.of.number("maxLifetimeSeconds", 1, MAX_LIFETIME_SECS, 86_400);
        Policy {
            issuer,
            audience_policy: self.of.choice("audiencePolicy", &policies, default),
            audiences,
            algorithms: self.algorithms(),
            types: self.types(),
            rules: self.rules(),
            leeway_secs: self.of.number("leewaySeconds", 0, MAX_LEEWAY_SECS.into(), 30),
            max_lifetime_secs: Some(lifetime),
            require_jti: self.of.flag("requireJti", false),
        }
    }

    /// What only several members together can break.
    fn whole(&mut self, definition: &Definition) {
        let policy = &definition.policy;
        if policy.audiences.is_empty() && self.of.object.get("audiencePolicy").is_some() {
            match policy.audience_policy {
                AudiencePolicy::Off => {}
                AudiencePolicy::Required => self.of.check.fail(
                    "audiences",
                    "an audience is required and none is named, so that no token could pass: name one, or set audiencePolicy to off",
                ),
                AudiencePolicy::IfPresent => self.of.check.fail(
                    "audiences",
                    "no audience is named, so that no token with an aud could pass: name one, or set audiencePolicy to off",
                ),
            }
        }
        if definition.replay && self.of.object.get("requireJti") == Some(&Value::Bool(false)) {
            self.of.check.fail(
                "requireJti",
                "replays are told by the jti: leave requireJti out or set it to true, or set replay to off",
            );
        }
        if definition.ca_pem.is_some() && matches!(definition.jwks, KeySource::Keys(_)) {
            self.of.check.fail("caPem", "stored keys are not fetched: leave caPem out, or name a url");
        }
        if definition.identifier == DEFAULT {
            self.default_trust(definition);
        }
    }

    /// The default trust is what the four settings say, and more; never less (decision 006).
    fn default_trust(&mut self, definition: &Definition) {
        if !matches!(definition.jwks, KeySource::Url(_)) {
            self.of.check.fail("jwks", "the default trust is made of four settings, one of which is the URL of the keys: name a url, or make a trust with another identifier");
        }
        let says = definition.policy.rules.first().map(|rule| (rule.claim(), rule.op()));
        let Some((claim, jose::RuleOp::Equals(Value::String(value)))) = says else {
            self.of.check.fail("rules", "the first rule of the default trust is the one of the settings: let it be equals with a string, or make a trust with another identifier");
            return;
        };
        for (field, setting, text) in
            [("rules[0].claim", JWT_KEY_FIELD, claim), ("rules[0].value", JWT_VALUE_FIELD, value.as_str())]
        {
            let setting = catalogue::find(setting.as_str());
            if let Some(Err(why)) = setting.map(|setting| check_type(setting, Some(text))) {
                self.of.check.fail(field, format!("the setting cannot hold it: {why}"));
            }
        }
    }

    fn identifier(&mut self, path: Option<&str>, name: &str) -> String {
        let given = self.of.text("identifier");
        match (given, path) {
            (Some(given), Some(path)) if given != path => {
                self.of.check.fail("identifier", format!("cannot be changed: send {path} or leave it out"));
                given
            }
            (_, Some(path)) => path.to_owned(),
            (Some(given), None) => {
                self.of.check.identifier("identifier", &given);
                given
            }
            (None, None) => identifier_from_name(name),
        }
    }

    fn algorithms(&mut self) -> Algorithms {
        let parse = |name: &str| {
            Algorithm::from_name(name).ok_or_else(|| {
                let symmetric = name.get(..2).is_some_and(|start| start.eq_ignore_ascii_case("HS"));
                let why = if symmetric {
                    "is symmetric: whoever can check a token could make one; use"
                } else {
                    "is not known: use"
                };
                format!("{name:?} {why} {}", Algorithms::ALL.to_string().replace(' ', ", "))
            })
        };
        let Some(named) = self.of.words("algorithms", parse) else { return Algorithms::ALL };
        let set: Algorithms = named.into_iter().collect();
        if self.of.get("algorithms").and_then(Value::as_array).is_some_and(Vec::is_empty) {
            self.of
                .limit("algorithms", "is empty, so that no token could pass: name one or leave the list out");
        }
        set
    }

    fn types(&mut self) -> Vec<TokenType> {
        let parse = |name: &str| {
            TokenType::from_name(name).ok_or_else(|| format!("{name:?} is not known: use JWT, at+jwt"))
        };
        self.of.words("types", parse).unwrap_or_default()
    }

    fn surfaces(&mut self) -> Vec<Surface> {
        let parse = |name: &str| {
            Surface::parse(name).ok_or_else(|| format!("{name:?} is not known: use scim, platform"))
        };
        let Some(named) = self.of.words("surfaces", parse) else { return vec![Surface::Scim] };
        if self.of.get("surfaces").and_then(Value::as_array).is_some_and(Vec::is_empty) {
            self.of.limit("surfaces", "is empty: name scim or platform, or disable the trust");
        }
        Surface::ALL.into_iter().filter(|surface| named.contains(surface)).collect()
    }

    fn rules(&mut self) -> Vec<Rule> {
        let mut rules = Vec::new();
        for (at, item) in self.of.list("rules", MAX_ITEMS).iter().enumerate() {
            let field = format!("rules[{at}]");
            if let Some(members) = item.as_object() {
                self.of.refuse_unknown(&format!("{field}."), members, &["claim", "op", "value"]);
            }
            match serde_json::from_value::<Rule>(item.clone()) {
                Ok(rule) => rules.push(rule),
                // Told already, member by member.
                Err(error) if error.to_string().starts_with("unknown field") => {}
                Err(error) => self.of.check.fail(&field, words::of_json(&error)),
            }
        }
        rules
    }

    fn jwks(&mut self) -> KeySource {
        let none = KeySource::Url(String::new());
        let Some(members) = self.of.get("jwks").and_then(Value::as_object) else {
            self.of.check.fail("jwks", FORMS);
            return none;
        };
        let members = members.clone();
        self.of.refuse_unknown("jwks.", &members, &["url", "discovery", "keys"]);
        let given: Vec<_> = members.iter().filter(|(_, value)| !value.is_null()).collect();
        match given.as_slice() {
            [(name, Value::String(text))] if *name == "url" => {
                self.url("jwks.url", text, "https://idp.example.com/keys");
                KeySource::Url(text.clone())
            }
            [(name, Value::String(text))] if *name == "discovery" => {
                self.url("jwks.discovery", text, "https://idp.example.com");
                KeySource::Discovery(text.clone())
            }
            [(name, keys @ Value::Array(_))] if *name == "keys" => {
                if !self.was_checked {
                    self.keys(keys);
                }
                KeySource::Keys((*keys).clone())
            }
            _ => {
                self.of.check.fail("jwks", FORMS);
                none
            }
        }
    }

    fn url(&mut self, field: &str, text: &str, example: &str) {
        self.of.clean(field, text);
        if let Err(why) = read_url(text) {
            self.of.limit(field, format!("{why}: write it as {example}"));
        }
    }

    fn keys(&mut self, keys: &Value) {
        match stored_keys(keys) {
            Err(text) => self.of.check.fail("jwks.keys", text),
            Ok(set) => {
                for skipped in set.skipped().iter().filter(|skipped| is_secret(skipped.reason)) {
                    let text = "holds a secret, which everybody has seen now: make a new key pair and send the public key only";
                    self.of.check.fail(&format!("jwks.keys[{}]", skipped.index), text);
                }
            }
        }
    }

    fn ca_pem(&mut self) -> Option<String> {
        let text = match self.of.get("caPem")? {
            Value::String(text) => text.clone(),
            other => {
                let text = format!("must be a string, not {}", kind(other));
                self.of.check.fail("caPem", text);
                return None;
            }
        };
        if self.was_checked {
            return Some(text);
        }
        if text.len() > MAX_PEM {
            self.of.check.fail("caPem", format!("cannot be more than {MAX_PEM} bytes long"));
        } else if let Err(why) = certificates(&text) {
            self.of.check.fail("caPem", why);
        }
        Some(text)
    }
}

/// The stored list `keys` as a key set.
///
/// # Errors
/// In words for an administrator.
pub fn stored_keys(keys: &Value) -> std::result::Result<KeySet, String> {
    let text = serde_json::json!({"keys": keys}).to_string();
    KeySet::parse(text.as_bytes(), &KeySetLimits::default()).map_err(|error| error.to_string())
}

fn is_secret(reason: jose::SkipReason) -> bool {
    matches!(reason, jose::SkipReason::PrivateMembers | jose::SkipReason::SymmetricKey)
}
