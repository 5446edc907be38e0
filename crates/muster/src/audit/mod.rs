//! The audit trail: one row for each change, written in the change's own transaction, so that neither exists
//! without the other. Rows are only ever added. Secrets never reach it.

pub mod actions;
pub mod api;
pub mod model;
pub mod store;
pub mod v1;
mod wire;

pub use model::{Action, Entry};
pub use store::record;
