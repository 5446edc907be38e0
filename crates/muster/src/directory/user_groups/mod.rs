//! Groups as the platform API shows them (platform API §11), at every scope. A group that SCIM keeps can be
//! read and deleted here; its name and members are changed by SCIM alone.

pub mod actions;
pub mod api;
mod bodies;
pub mod members;
pub mod model;
pub mod notifications;
pub mod store;
