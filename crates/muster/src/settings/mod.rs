//! Settings: named values of an account, an organization or a project, each with a default and a rule in one
//! catalogue. A scope's value is the nearest one on the way up to the account.
//!
//! Never caches: a value is in force, on every replica, with the next request after the reply that stored it.

pub mod actions;
pub mod api;
pub mod catalogue;
pub mod checks;
pub mod model;
pub mod store;
