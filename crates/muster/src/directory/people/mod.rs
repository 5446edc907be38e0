//! Users as the platform API shows, adds and names them (platform API §10). The same rows that SCIM keeps:
//! what it made is changed by it alone.

pub mod actions;
pub mod adding;
pub mod api;
mod bodies;
mod front;
pub mod profile;
pub mod store;
