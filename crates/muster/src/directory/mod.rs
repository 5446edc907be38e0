//! Persons and groups. The SCIM document of a resource is stored as text without what the server derives
//! (`id`, `meta`, memberships); what is searched or unique stands in columns and index rows besides; members
//! are rows.
//!
//! Never authenticates a person and never keeps a password.

pub mod announce;
pub mod draft;
mod filter_sql;
pub mod groups;
pub mod model;
pub mod narrow;
mod nearest;
pub mod objects;
pub mod people;
pub mod reading;
pub mod schemas;
pub mod search;
pub mod store;
pub mod stroke;
mod unique;
pub mod user_groups;
pub mod users;
