//! Trust in other issuers: a JWT whose signature verifies with a key of the stored JWKS, and whose claims
//! match, acts as one service account. The policy and the verification are crate `jose`; here are the stored
//! trust, the keys that are fetched for it, and the way from a token to an actor.
//!
//! Never follows a key that a token brings along, never fetches past `outbound::guard`, never
//! tells a caller more than the public code.

pub mod actions;
pub mod jwks;
pub mod model;

pub use actions::Trusts;
