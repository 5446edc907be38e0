//! The token endpoint for identity providers that insist on one (RFC 6749 §4.4, RFC 7523): a client of an
//! account shows a service account's token or a JWT of a trusted issuer and gets an access token for a
//! quarter of an hour (decision 008).
//!
//! An access token is a statement under the account's secret and no row: it says in whose name it was issued,
//! and holds only as long as that token or trust stands as it stood then.

pub mod actions;
pub mod api;
pub mod explain;
pub mod request;
pub mod token;
pub mod verify;
