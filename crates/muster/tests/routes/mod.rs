//! Tests by topic of the API, each on both engines.

mod api_keys;
mod authentication;
mod scim_users;
mod service_accounts;
mod token_door;
mod tokens;
mod trust;
