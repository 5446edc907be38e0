//! Role assignments: this principal, this role, on these resources, in this scope (platform API §7). Never
//! invents a principal: it checks that there is one, and its slice removes the assignments with it
//! (`actions::remove_principal`).

pub mod actions;
pub mod api;
mod bodies;
pub mod create;
pub mod model;
pub mod permit;
pub mod query;
mod replies;
pub mod store;
pub mod v1;
