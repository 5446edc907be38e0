//! Tests by topic of the API, each on both engines.

mod api_keys;
mod authentication;
mod hierarchy;
mod scim_discovery;
pub mod scim_groups;
pub mod scim_users;
mod service_accounts;
mod settings;
mod token_door;
mod tokens;
mod trust;
