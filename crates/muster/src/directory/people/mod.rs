//! Users as the platform API shows and adds them (platform API §10). The same rows that SCIM keeps; nothing
//! here changes a SCIM document that is there.

pub mod actions;
pub mod adding;
pub mod api;
mod bodies;
mod front;
pub mod store;
