//! Tenants and the hierarchy in them: accounts, organizations, projects. The account row is also the version
//! that every cache is keyed by and the counter of the account's events. Never knows users or roles.

pub mod bootstrap;
pub mod store;
