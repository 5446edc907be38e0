//! What an account stores to trust an issuer (contract of JWT trust §1), and how it looks as JSON. Pure.

use jose::{AudiencePolicy, Policy, RuleError};
use serde_json::{Map, Value, json};
use url::Url;

use crate::kernel::surface::Surface;
use crate::kernel::time::Timestamp;
use crate::kernel::version::Tag;

/// The identifier of the trust that the four settings make.
pub const DEFAULT: &str = "default";

/// Most trusts of an account.
pub const MAX_TRUSTS: usize = 100;

/// Where the issuer's keys come from.
#[derive(Clone, Debug, PartialEq)]
pub enum KeySource {
    /// A JWKS document.
    Url(String),
    /// The issuer whose discovery document (OpenID Connect Discovery 1.0 §4) names the JWKS.
    Discovery(String),
    /// The list `keys` of a JWKS, stored with the trust.
    Keys(Value),
}

/// A trust as its administrator wrote it, complete and checked.
#[derive(Clone, Debug, PartialEq)]
pub struct Definition {
    /// Unique in the account.
    pub identifier: String,
    /// For people.
    pub name: String,
    /// A trust that is not enabled lets nobody in.
    pub enabled: bool,
    /// The service account of the account as which tokens act.
    pub service_account: String,
    /// Where the keys come from.
    pub jwks: KeySource,
    /// The only certificate authorities that the key server is believed by; `None`: those of this machine.
    pub ca_pem: Option<String>,
    /// What a token must be and say.
    pub policy: Policy,
    /// Where tokens may be presented, in the wire's order.
    pub surfaces: Vec<Surface>,
    /// Is each token taken only once?
    pub replay: bool,
}

impl Definition {
    /// The URL that is fetched first: the JWKS, or the issuer's discovery document. `None` for stored keys.
    ///
    /// # Errors
    /// When the text is no URL.
    pub fn fetched_url(&self) -> Result<Option<Url>, url::ParseError> {
        match &self.jwks {
            KeySource::Url(text) => Url::parse(text).map(Some),
            KeySource::Discovery(issuer) => discovery_url(issuer).map(Some),
            KeySource::Keys(_) => Ok(None),
        }
    }

    /// As clients send and get it, every member written out.
    pub fn to_json(&self) -> Value {
        let jwks = match &self.jwks {
            KeySource::Url(url) => json!({"url": url}),
            KeySource::Discovery(issuer) => json!({"discovery": issuer}),
            KeySource::Keys(keys) => json!({"keys": keys}),
        };
        let policy = &self.policy;
        let surfaces: Vec<_> = self.surfaces.iter().map(|surface| surface.as_str()).collect();
        let audience_policy = match policy.audience_policy {
            AudiencePolicy::Required => "required",
            AudiencePolicy::IfPresent => "ifPresent",
            AudiencePolicy::Off => "off",
        };
        let mut members = Map::new();
        let mut put = |name: &str, value: Value| members.insert(name.to_owned(), value);
        put("identifier", json!(self.identifier));
        put("name", json!(self.name));
        put("enabled", json!(self.enabled));
        put("serviceAccount", json!(self.service_account));
        put("jwks", jwks);
        put("caPem", json!(self.ca_pem));
        put("issuer", json!(policy.issuer));
        put("audiences", json!(policy.audiences));
        put("audiencePolicy", json!(audience_policy));
        put("algorithms", json!(policy.algorithms));
        put("types", json!(policy.types));
        put("rules", json!(policy.rules));
        put("leewaySeconds", json!(policy.leeway_secs));
        put("maxLifetimeSeconds", json!(policy.max_lifetime_secs));
        put("surfaces", json!(surfaces));
        put("requireJti", json!(policy.require_jti));
        put("replay", json!(if self.replay { "on" } else { "off" }));
        Value::Object(members)
    }
}

/// Where an issuer's discovery document is (OpenID Connect Discovery 1.0 §4.1).
///
/// # Errors
/// When the issuer is no URL.
pub fn discovery_url(issuer: &str) -> Result<Url, url::ParseError> {
    Url::parse(&format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/')))
}

/// A trust as it is stored.
#[derive(Clone, Debug, PartialEq)]
pub struct Stored {
    /// What it says.
    pub definition: Definition,
    /// Grows with each change.
    pub version: i64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// When the service account was made that the trust was stored for. `None`: nobody took note, and
    /// whichever has the identifier is meant.
    pub service_account_made: Option<Timestamp>,
}

impl Stored {
    /// Is it the one that the four settings make?
    pub fn is_default(&self) -> bool {
        self.definition.identifier == DEFAULT
    }

    /// Its entity tag.
    pub fn tag(&self) -> Tag {
        Tag { created_at: self.created_at, version: self.version }
    }

    /// What an access token that was issued under it rests on: this very state of it, which no change brings
    /// back.
    pub fn fingerprint(&self) -> Vec<u8> {
        let (made, version) = (self.created_at.micros(), self.version);
        format!("{made} {version} {}", self.definition.to_json()).into_bytes()
    }
}

/// A row as it is read.
pub type Found = Result<Stored, Damaged>;

/// A row that cannot be read, as of a later release: no token is taken by it, and it can be deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damaged {
    /// Of the trust.
    pub identifier: String,
    /// What is wrong, for administrators.
    pub why: String,
    /// The entity tag of the trust.
    pub tag: Tag,
}

/// Why the four settings make no trust; for logs and administrators.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unusable {
    /// None of the four settings, or not all of them, are stored.
    Missing(&'static str),
    /// The stored claim name cannot be a rule.
    BadRule(RuleError),
    /// What the trust has beyond the settings cannot be read.
    Damaged(Damaged),
}

impl std::fmt::Display for Unusable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Missing(setting) => write!(f, "the setting {setting} is not stored"),
            Self::BadRule(error) => {
                write!(f, "the settings for claim and value make no rule: {error}")
            }
            Self::Damaged(damaged) => write!(
                f,
                "what the trust has beyond the settings cannot be read ({}): DELETE /ng/api/jwt-trusts/{DEFAULT}, which unsets the four, and store them anew",
                damaged.why
            ),
        }
    }
}

/// Something that an administrator should know about a trust that is stored all the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// Stable.
    pub code: &'static str,
    /// The member it is about.
    pub field: &'static str,
    /// What may happen, and what to change.
    pub message: String,
}
