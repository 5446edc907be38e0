//! Tests by topic of the API, each on both engines.

mod acl;
mod administrators;
mod api_keys;
mod audit_list;
mod authentication;
mod hierarchy;
mod jwt_trusts;
mod people;
mod resource_groups;
mod role_assignments;
mod roles;
mod scim_bulk;
mod scim_contract;
mod scim_cursor;
pub mod scim_discovery;
mod scim_filters;
pub mod scim_groups;
mod scim_parallel;
pub mod scim_users;
mod service_accounts;
mod settings;
mod token_door;
mod tokens;
mod trust;
mod user_groups;
mod wording;
mod yaml;
