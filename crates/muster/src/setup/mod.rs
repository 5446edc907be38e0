//! The first run of an installation without an account: a one-time code, made at the first start, that
//! makes the first account over HTTP exactly once. Never works again once any account exists, and never
//! knows a default password.

pub mod actions;
pub mod api;
pub mod model;
pub mod store;
