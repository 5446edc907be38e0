//! Tenants and the hierarchy in them: accounts, organizations, projects. The account row is also the version
//! that every cache is keyed by and the counter of the account's events. Never knows users or roles, except
//! that they go with the organization or project that holds them.

pub mod actions;
pub mod api;
pub mod bootstrap;
pub mod model;
pub mod organizations;
pub mod projects;
pub mod secrets;
pub mod store;
pub mod versions;
