//! Trust in other issuers: a JWT whose signature verifies with a key of a trust, and whose claims match, acts
//! as one service account. The policy and the verification are crate `jose`; here are the stored trusts
//! (`model`, `read`, `lint`, `default`), the keys that are fetched for them (`jwks`), the way from a token to
//! an actor (`ready`, `door`, `once`), and what administrators are told (`explain`, `refusals`, `keys`).
//!
//! Never follows a key that a token brings along, never fetches past `outbound::guard`, never
//! tells a caller more than the public code.

pub mod actions;
mod acts_as;
mod answer;
pub mod api;
pub mod default;
pub mod door;
pub mod explain;
pub mod jwks;
pub mod keys;
pub mod lint;
mod members;
pub mod model;
pub mod once;
pub mod read;
pub mod ready;
pub mod refusals;
mod shared;
pub mod store;
mod trail;
mod wire;

pub use once::Taken;
pub use ready::Trusts;
