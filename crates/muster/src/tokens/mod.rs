//! API keys and their tokens: what a user (PAT) or a service account (SAT) proves itself with. A token acts
//! with the current bindings of its owner. The secret is shown once and kept only as a SHA-256; it never
//! reaches a log.

pub mod actions;
pub mod api;
pub mod explain;
pub mod last_used;
pub mod model;
pub mod secret;
pub mod store;
pub mod verify;
