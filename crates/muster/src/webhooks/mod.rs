//! Webhooks: an account's events, pushed to its applications in their order, signed, until they are
//! acknowledged (Standard Webhooks 1.0). Never skips an event in silence, never sends two batches of one
//! webhook at once, never follows a redirect. Decision 017.

pub mod actions;
pub mod api;
mod batch;
mod deliver;
pub mod dispatch;
pub mod meter;
pub mod model;
pub mod sign;
pub mod store;
pub mod trial;

pub use meter::Deliveries;
pub use trial::Trials;
