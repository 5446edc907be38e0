//! Resource groups: on which resources, in which scopes, a role assignment holds (platform API §8). Those
//! that come with the product cover everything of the scope they are used in; custom ones live in a scope
//! and never reach out of it.

pub mod actions;
pub mod api;
mod bodies;
pub mod gone;
pub mod model;
pub mod store;
pub mod v1;
