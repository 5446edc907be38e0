//! Projects: the second level, inside an organization. Never decides who may see one: that is the grant's
//! work.

pub mod actions;
pub mod api;
pub mod model;
pub mod store;
pub mod v1;
