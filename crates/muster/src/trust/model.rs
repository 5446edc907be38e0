//! What an account stores to trust an issuer. Today its default trust, made of the four settings; a list of
//! trusts is one more way to make the same `Trust`.

use jose::{Policy, RuleError};
use url::Url;

use crate::access::Rights;
use crate::kernel::caller::Principal;
use std::sync::Arc;

/// Settings of the default trust, in the order of the contract (§1).
pub const JWKS_URL: &str = "scim_jwt_token_jwks_keys_url";
/// Which claim.
pub const KEY_FIELD: &str = "scim_jwt_token_key_field";
/// Which value it must have.
pub const VALUE_FIELD: &str = "scim_jwt_token_value_field";
/// Which service account a token acts as.
pub const SERVICE_ACCOUNT: &str = "scim_jwt_token_service_account_id";

/// Name of the default trust in audit rows and logs.
pub const DEFAULT: &str = "default";

/// A trust that is complete.
#[derive(Debug)]
pub struct Trust {
    /// Its identifier.
    pub identifier: &'static str,
    /// Where the issuer's keys are.
    pub url: Url,
    /// What a token must be and say.
    pub policy: Policy,
    /// Whom it acts as …
    pub principal: Arc<Principal>,
    /// … with what he holds now.
    pub rights: Arc<Rights>,
}

/// Why an account's default trust cannot be used; for logs and administrators.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unusable {
    /// None of the four settings, or not all of them, are stored.
    Missing(&'static str),
    /// The stored URL is none.
    BadUrl(String),
    /// The stored claim name cannot be a rule.
    BadRule(RuleError),
    /// The service account is gone.
    NoServiceAccount(String),
}

impl std::fmt::Display for Unusable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Missing(setting) => write!(f, "the setting {setting} is not stored"),
            Self::BadUrl(error) => write!(f, "the setting {JWKS_URL} is no URL: {error}"),
            Self::BadRule(error) => {
                write!(f, "the settings {KEY_FIELD} and {VALUE_FIELD} make no rule: {error:?}")
            }
            Self::NoServiceAccount(id) => {
                write!(
                    f,
                    "the setting {SERVICE_ACCOUNT} names {id}, which is no service account of the account"
                )
            }
        }
    }
}
