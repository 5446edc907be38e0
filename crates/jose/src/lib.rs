//! Strict JWS verification and JWK policy: (token, keys, policy, now) gives verified claims or one refusal.
//!
//! The way in is [`Token::parse`], [`KeySet::parse`], [`verify`]; [`precheck`] looks at unverified claims
//! before keys are fetched, and [`explain`] walks the same steps without stopping at the first failure.
//!
//! Pure: this crate never reads a clock, a file, the network or randomness (`testing` signs tokens and is
//! off unless asked for). It never handles symmetric algorithms, `none` or JWE: no type can name them. It
//! never uses a key that a token brings along (`jwk`, `jku`, `x5u`, `x5c`).

#![warn(missing_docs)]

mod algorithm;
mod base64url;
mod claim_steps;
mod claims;
mod explain;
mod header;
mod jwk;
mod key_set;
mod policy;
mod reader;
mod reason;
mod refusal;
mod roca;
mod rule;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
mod token;
mod trace;
mod value;
mod verify;

pub use algorithm::{Algorithm, Algorithms, UnknownAlgorithm};
pub use claims::Claims;
pub use explain::{Explanation, explain};
pub use jwk::{Key, SkipReason};
pub use key_set::{KeySet, KeySetError, KeySetLimits, Skipped};
pub use policy::{AudiencePolicy, MAX_LEEWAY_SECS, Policy, PolicyError};
pub use reader::JsonError;
pub use reason::{Code, Reason};
pub use refusal::{Refusal, Step};
pub use rule::{Rule, RuleError, RuleOp};
pub use token::{MAX_CLAIMS_BYTES, MAX_HEADER_BYTES, MAX_KID_BYTES, MAX_TOKEN_BYTES, Token, TokenType};
pub use trace::{Outcome, StepReport};
pub use value::{Kind, Value};
pub use verify::{MAX_SIGNATURE_CHECKS, Verified, precheck, verify, verify_within};
