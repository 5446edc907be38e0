//! What an account adds to the SCIM schemas: extensions of its users and groups, and resource types of its
//! own. Users and groups themselves are never changed here, nor is a value of theirs.

pub mod actions;
pub mod api;
mod compare;
pub mod kinds;
pub mod model;
pub mod store;
mod wire;

pub use kinds::Kinds;
