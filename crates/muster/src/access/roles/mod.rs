//! Roles: named sets of permissions of one level, managed by the product or made in a scope (platform API
//! §6). A role gives nothing by itself; a role assignment does.

pub mod actions;
pub mod api;
pub mod model;
pub mod store;
pub mod v1;
