//! Persons: made and kept by SCIM, shown on the platform API. A deactivated person stays readable and keeps
//! its bindings, but can do nothing.
//!
//! Never authenticates a person: a password in a request is checked for its type and thrown away.

pub mod actions;
pub mod addresses;
pub mod amend;
pub mod model;
mod next;
pub mod store;
