//! What a trust wants of a token, as it is stored and shown. It never names a key.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::algorithm::Algorithms;
use crate::rule::{Rule, RuleError, RuleOp};
use crate::token::TokenType;

/// Most seconds of leeway; more is cut to this when verifying.
pub const MAX_LEEWAY_SECS: u32 = 300;

/// What becomes of `aud`. Whatever is chosen, a present `aud` must be a string or a list of strings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum AudiencePolicy {
    /// A wanted audience must be among the token's.
    #[default]
    Required,
    /// As `Required` for a token that has an `aud`; one without passes.
    IfPresent,
    /// Not compared.
    Off,
}

/// What a token must be and say. As JSON in camelCase; a missing member has its default.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Policy {
    /// The `iss` wanted, byte for byte; `None`: any or none.
    pub issuer: Option<String>,
    /// The audiences wanted; one of them must be among the token's.
    pub audiences: Vec<String>,
    /// What becomes of `aud`.
    pub audience_policy: AudiencePolicy,
    /// The algorithms allowed; default all.
    pub algorithms: Algorithms,
    /// The token types allowed; empty: all. A token without `typ` counts as a JWT.
    pub types: Vec<TokenType>,
    /// Claim rules; all must hold.
    pub rules: Vec<Rule>,
    /// Seconds that clocks may differ: 30, at most [`MAX_LEEWAY_SECS`].
    #[serde(rename = "leewaySeconds")]
    pub leeway_secs: u32,
    /// Most seconds between `iat` (or `nbf`, or now) and `exp`: 86400; `None`: no bound.
    #[serde(rename = "maxLifetimeSeconds")]
    pub max_lifetime_secs: Option<u32>,
    /// Whether a token needs a `jti`, because the server refuses replays.
    pub require_jti: bool,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            issuer: None,
            audiences: Vec::new(),
            audience_policy: AudiencePolicy::default(),
            algorithms: Algorithms::default(),
            types: Vec::new(),
            rules: Vec::new(),
            leeway_secs: 30,
            max_lifetime_secs: Some(86_400),
            require_jti: false,
        }
    }
}

/// Why a policy cannot mean what it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PolicyError {
    /// `issuer` is an empty string.
    IssuerEmpty,
    /// An audience is an empty string.
    AudienceEmpty,
    /// An audience is required and none is named, so that no token could pass.
    AudiencesMissing,
    /// No algorithm is allowed, so that no token could pass.
    AlgorithmsMissing,
    /// The leeway is above [`MAX_LEEWAY_SECS`].
    LeewayTooLong(u32),
    /// A lifetime of zero seconds.
    LifetimeZero,
}

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::IssuerEmpty => f.write_str("issuer is empty; name the token's iss or leave it out"),
            Self::AudienceEmpty => f.write_str("an audience is empty; remove it"),
            Self::AudiencesMissing => {
                f.write_str("an audience is required but none is named; add one or set audiencePolicy to off")
            }
            Self::AlgorithmsMissing => {
                f.write_str("no algorithm is allowed; name at least one or leave the list out")
            }
            Self::LeewayTooLong(secs) => {
                write!(f, "leewaySeconds is {secs}; use at most {MAX_LEEWAY_SECS}")
            }
            Self::LifetimeZero => f.write_str("maxLifetimeSeconds is 0; use at least 1"),
        }
    }
}

impl std::error::Error for PolicyError {}

impl Policy {
    /// The policy of the two-settings form: one claim has exactly this string, no audience is compared.
    ///
    /// # Errors
    /// [`RuleError`] if the claim's name or the value is empty or the name is a broken JSON Pointer.
    pub fn claim_equals(claim: &str, value: &str) -> Result<Self, RuleError> {
        let rule = Rule::new(claim, RuleOp::Equals(value.into()))?;
        Ok(Self { audience_policy: AudiencePolicy::Off, rules: vec![rule], ..Self::default() })
    }

    /// Whether some token could pass; to be asked before a policy is stored. Rules are sound by construction.
    ///
    /// # Errors
    /// The first [`PolicyError`].
    pub fn check(&self) -> Result<(), PolicyError> {
        if self.issuer.as_deref() == Some("") {
            return Err(PolicyError::IssuerEmpty);
        }
        if self.audiences.iter().any(String::is_empty) {
            return Err(PolicyError::AudienceEmpty);
        }
        if self.audiences.is_empty() && self.audience_policy == AudiencePolicy::Required {
            return Err(PolicyError::AudiencesMissing);
        }
        if self.algorithms.is_empty() {
            return Err(PolicyError::AlgorithmsMissing);
        }
        if self.leeway_secs > MAX_LEEWAY_SECS {
            return Err(PolicyError::LeewayTooLong(self.leeway_secs));
        }
        if self.max_lifetime_secs == Some(0) {
            return Err(PolicyError::LifetimeZero);
        }
        Ok(())
    }

    /// Seconds that the clocks of issuer and server may differ, within the bound.
    pub fn leeway(&self) -> i64 {
        i64::from(self.leeway_secs.min(MAX_LEEWAY_SECS))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn json_is_camel_case_with_defaults_and_refuses_unknown_members() {
        let policy: Policy = serde_json::from_value(json!({
            "issuer": "https://id.example.com", "audiences": ["muster"], "audiencePolicy": "ifPresent",
            "algorithms": ["ES256"], "types": ["AT+jwt"], "leewaySeconds": 10, "requireJti": true,
            "rules": [{"claim": "/a/b", "op": "oneOf", "value": ["x", 1, true]}],
        }))
        .unwrap();
        assert_eq!(
            serde_json::to_value(&policy).unwrap(),
            json!({
                "issuer": "https://id.example.com", "audiences": ["muster"], "audiencePolicy": "ifPresent",
                "algorithms": ["ES256"], "types": ["at+jwt"], "leewaySeconds": 10,
                "maxLifetimeSeconds": 86400, "requireJti": true,
                "rules": [{"claim": "/a/b", "op": "oneOf", "value": ["x", 1, true]}],
            })
        );
        assert_eq!(serde_json::from_value::<Policy>(json!({})).unwrap(), Policy::default());
        for bad in [
            json!({"leeway": 1}),
            json!({"algorithms": ["HS256"]}),
            json!({"types": ["logout+jwt"]}),
            json!({"rules": [{"claim": "a", "op": "regex", "value": "."}]}),
            json!({"rules": [{"claim": "", "op": "equals", "value": "x"}]}),
            json!({"rules": [{"claim": "a", "op": "equals", "value": "x", "not": true}]}),
        ] {
            assert!(serde_json::from_value::<Policy>(bad.clone()).is_err(), "{bad}");
        }
    }

    #[test]
    fn policies_no_token_could_pass_are_told() {
        let sound = Policy { audiences: vec!["a".to_owned()], ..Policy::default() };
        assert_eq!(sound.check(), Ok(()));
        assert_eq!(Policy::claim_equals("sub", "x").unwrap().check(), Ok(()));
        let cases = [
            (Policy::default(), PolicyError::AudiencesMissing),
            (Policy { issuer: Some(String::new()), ..sound.clone() }, PolicyError::IssuerEmpty),
            (Policy { audiences: vec![String::new()], ..sound.clone() }, PolicyError::AudienceEmpty),
            (Policy { algorithms: Algorithms::NONE, ..sound.clone() }, PolicyError::AlgorithmsMissing),
            (Policy { leeway_secs: 301, ..sound.clone() }, PolicyError::LeewayTooLong(301)),
            (Policy { max_lifetime_secs: Some(0), ..sound }, PolicyError::LifetimeZero),
        ];
        for (policy, error) in cases {
            assert_eq!(policy.check(), Err(error));
        }
    }
}
