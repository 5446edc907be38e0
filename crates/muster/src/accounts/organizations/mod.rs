//! Organizations: the first level under an account. The organization `default` comes with the account and
//! stays. Never decides who may see one: that is the grant's work.

pub mod actions;
pub mod api;
pub mod model;
pub mod store;
pub mod v1;
