//! Tests by topic of the API, each on both engines.

mod authentication;
mod scim_users;
mod trust;
